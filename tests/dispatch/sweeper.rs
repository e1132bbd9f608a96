//! What falls due while the store cannot settle it.

use smsotpd::message::Status;
use smsotpd::store::NewMessage;

use crate::log::Log;
use crate::world::{World, no_budget, seconds};

#[tokio::test(start_paused = true)]
async fn what_cannot_be_settled_is_tried_ever_less_often_and_told_once() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _here = tracing::subscriber::set_default(subscriber);
    let mut world = World::new(0).await;
    let deadline = world.clock.now() + seconds(10);
    let id = world.accept(NewMessage { deadline, ..world.new_message(1) }).await;
    let conn = rusqlite::Connection::open(world.folder.path().join("smsotpd.db")).unwrap();
    let refuse = "CREATE TRIGGER refused BEFORE UPDATE ON message BEGIN SELECT RAISE(ABORT, 'a test'); END";
    conn.execute_batch(refuse).unwrap();
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
