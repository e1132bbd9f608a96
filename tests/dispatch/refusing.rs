//! A store that refuses for a while what is to be settled.

use rusqlite::Connection;
use smsotpd::message::Status;
use smsotpd::store::NewMessage;

use crate::world::{World, listen, no_budget, seconds};

/// Has the store refuse to change rows of this table, until the connection is asked to drop the trigger.
fn refuse(world: &World, table: &str) -> Connection {
    let conn = Connection::open(world.folder.path().join("smsotpd.db")).unwrap();
    let trigger = format!("CREATE TRIGGER refused BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, 'a test'); END");
    conn.execute_batch(&trigger).unwrap();
    conn
}

#[tokio::test(start_paused = true)]
async fn what_falls_due_and_cannot_be_settled_is_tried_ever_less_often_and_told_once() {
    let (log, _here) = listen();
    let mut world = World::new(0).await;
    let deadline = world.clock.now() + seconds(10);
    let id = world.accept(NewMessage { deadline, ..world.new_message(1) }).await;
    let conn = refuse(&world, "message");
    world.dispatch(&no_budget()).await;
    // Tried after 10 seconds, and 1, 3, 7 and 15 later, then every ten: next at 605.
    world.pass(seconds(600)).await;
    conn.execute_batch("DROP TRIGGER refused").unwrap();
    world.pass(seconds(2)).await;
    assert_eq!(world.status(id).await, Status::Queued);
    world.pass(seconds(10)).await;
    assert_eq!(world.status(id).await, Status::Expired);
    assert_eq!(log.text().matches("could not be settled").count(), 1, "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn what_a_modem_sent_and_cannot_be_written_down_is_told_once_and_settled_when_it_can_be() {
    let (log, _here) = listen();
    let mut world = World::new(1).await;
    let id = world.accept(world.new_message(1)).await;
    let conn = refuse(&world, "attempt");
    world.dispatch(&no_budget()).await;
    world.pass(seconds(600)).await;
    assert_eq!(world.status(id).await, Status::Sending);
    conn.execute_batch("DROP TRIGGER refused").unwrap();
    world.pass(seconds(12)).await;
    assert_eq!(world.status(id).await, Status::Sent);
    assert_eq!(log.text().matches("the queue cannot be reached").count(), 1, "{}", log.text());
}
