//! A store that refuses for a while what is to be settled.

use rusqlite::Connection;
use smsotpd::message::Status;
use smsotpd::sim::DeviceSettings;
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
async fn a_code_that_is_accepted_once_the_store_goes_on_waits_for_no_pause() {
    let mut world = World::new(1).await;
    let conn = refuse(&world, "attempt");
    world.accept(world.new_message(1)).await;
    world.dispatch(&no_budget()).await;
    // By now it is tried every ten seconds.
    world.pass(seconds(66)).await;
    conn.execute_batch("DROP TRIGGER refused").unwrap();
    let id = world.code(2, seconds(300)).await;
    let accepted = world.clock.now();
    world.until_all(&[id], Status::Sent).await;
    let waited = world.clock.now().since(accepted);
    assert!(waited < seconds(3), "{waited:?}");
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
    // And told once more when it comes again.
    let _conn = refuse(&world, "attempt");
    world.accept(world.new_message(2)).await;
    world.pass(seconds(60)).await;
    assert_eq!(log.text().matches("the queue cannot be reached").count(), 2, "{}", log.text());
    // However long it would wait, it ends at once when it is to.
    let begun = world.clock.now();
    world.stop().await;
    let ended = world.clock.now().since(begun);
    assert!(ended < seconds(1), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_country_that_cannot_be_kept_is_told_once_and_kept_when_it_can_be() {
    let (log, _here) = listen();
    let device = DeviceSettings { imsi: "262010000000001".parse().unwrap(), ..DeviceSettings::numbered(0) };
    let mut world = World::of([device]).await;
    let conn = Connection::open(world.folder.path().join("smsotpd.db")).unwrap();
    conn.execute_batch("CREATE TRIGGER refused BEFORE INSERT ON home_network BEGIN SELECT RAISE(ABORT, 'a test'); END")
        .unwrap();
    world.dispatch(&no_budget()).await;
    for to in 1..=5 {
        let id = world.accept(world.new_message(to)).await;
        world.until_all(&[id], Status::Sent).await;
    }
    assert_eq!(log.text().matches("country could not be kept").count(), 1, "{}", log.text());
    conn.execute_batch("DROP TRIGGER refused").unwrap();
    let id = world.accept(world.new_message(6)).await;
    world.until_all(&[id], Status::Sent).await;
    world.pass(seconds(1)).await;
    assert_eq!(world.store.homes().mccs(), ["262"]);
}
