//! Deadlines follow the timeline and nothing else.

use smsotpd::clock::Clock;
use smsotpd::message::Status;
use smsotpd::otp::Reason;
use smsotpd::store::{EventFilter, Retention, Store};

use crate::world::{CODE, World, alice, number, seconds};

fn fifty_years() -> jiff::SignedDuration {
    jiff::SignedDuration::from_hours(50 * 365 * 24)
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_jumps_fifty_years_expires_nothing() {
    for jump in [fifty_years(), -fifty_years()] {
        let world = World::new().await;
        let otp = world.issue(world.new_otp(&alice())).await;
        world.clock.jump_wall(jump);
        world.store.sweep().await.unwrap();
        let world = world.crash().await;
        world.store.sweep().await.unwrap();
        assert_eq!(world.claim().await.message, otp.message.id);
        assert!(world.verify(otp.id, CODE).await.verified);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_jumps_fifty_years_revives_nothing() {
    for jump in [fifty_years(), -fifty_years()] {
        let world = World::new().await;
        let swept = world.issue(world.new_otp(&alice())).await;
        let unswept = world.issue(world.new_otp(&number("+15557654321"))).await;
        world.pass(seconds(300)).await;
        world.verify(swept.id, CODE).await;
        world.clock.jump_wall(jump);
        world.claim_nothing().await;
        for otp in [&swept, &unswept] {
            assert_eq!(world.verify(otp.id, CODE).await.reason, Some(Reason::Expired));
            assert_eq!(world.status(otp.message.id).await, Status::Expired);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_expired_before_a_restart_without_a_clock_of_its_own_stays_expired() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    world.pass(seconds(400)).await;
    world.store.sweep().await.unwrap();
    world.store.close().await;
    // The system's clock takes over: another boot, whatever its wall clock says, is never earlier on the timeline.
    let store = Store::open(world.folder.path(), None).await.unwrap();
    assert!(store.clock().now() >= otp.expires);
    assert!(store.clock().now() >= Clock::simulated().now());
}

#[tokio::test]
async fn one_boot_that_kept_a_date_of_1970_expires_nothing_and_forgets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), None).await.unwrap();
    let clock = store.clock().clone();
    let world = World { folder, store, clock };
    let otp = world.issue(world.new_otp(&alice())).await;
    let events = world.store.events(EventFilter::default()).await.unwrap().items;
    world.store.close().await;
    let conn = rusqlite::Connection::open(world.folder.path().join("smsotpd.db")).unwrap();
    conn.execute("UPDATE site SET boot_id = 'the boot before', wall = 15000", ()).unwrap();
    drop(conn);
    let store = Store::open(world.folder.path(), None).await.unwrap();
    store.set_retention(Retention::default());
    store.sweep().await.unwrap();
    assert!(store.clock().now() < otp.expires);
    assert_eq!(store.events(EventFilter::default()).await.unwrap().items, events);
}
