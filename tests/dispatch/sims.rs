//! The SIM is what counts, not the modem that it is in.

use smsotpd::message::Status;
use smsotpd::sim::{CardFault, DeviceSettings, Fault};

use crate::world::{World, app, budget, listen, no_budget, number, seconds};

/// Two modems with the same SIM in them, as it looks to a modem that has not noticed that its SIM is gone.
async fn one_sim_in_two_modems() -> World {
    let first = DeviceSettings::numbered(0);
    let second = DeviceSettings { imei: DeviceSettings::numbered(1).imei, ..first.clone() };
    World::of([first, second]).await
}

#[tokio::test(start_paused = true)]
async fn a_sim_that_moves_to_another_modem_keeps_what_it_has_sent() {
    let mut world = one_sim_in_two_modems().await;
    world.slots[1].plug(false);
    world.ready(1, false).await;
    world.dispatch(&budget("per-minute = 0\nper-hour = 0\nper-day = 5\ncodes-share-percent = 0")).await;
    let mut ids = Vec::new();
    for to in 0..3 {
        ids.push(world.accept(world.new_message(to)).await);
    }
    world.until_all(&ids, Status::Sent).await;
    world.slots[0].plug(false);
    world.slots[1].plug(true);
    world.ready(1, true).await;
    assert_eq!(world.left(1).day, Some(2));
    for to in 3..6 {
        ids.push(world.accept(world.new_message(to)).await);
    }
    world.until_all(&ids[..5], Status::Sent).await;
    world.pass(seconds(60)).await;
    assert_eq!(world.sender(ids[4]).await, "m1");
    assert_eq!((world.status(ids[5]).await, world.left(1).day), (Status::Queued, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn two_modems_never_send_with_one_sim_at_once() {
    let mut world = one_sim_in_two_modems().await;
    world.dispatch(&no_budget()).await;
    let waits = world.lane(1).resting.expect("the second modem waits for the SIM");
    assert_eq!((waits.reason.as_str(), waits.until), ("the SIM in it is in use by the modem m0", None));
    let mut ids = Vec::new();
    for to in 0..4 {
        ids.push(world.accept(world.new_message(to)).await);
    }
    let all = ids.clone();
    world
        .until("all sent, one by one", async move |world| {
            let counts = world.store.counts().await.unwrap();
            assert!(counts.sending <= 1);
            counts.sending + counts.queued == 0
        })
        .await;
    for id in &all {
        assert_eq!(world.sender(*id).await, "m0");
    }
    // The first fails with the SIM that it no longer has, and the second has it.
    world.slots[0].device.faults().queue(Fault::CmsError(310));
    let id = world.accept(world.new_message(9)).await;
    let begun = world.clock.now();
    world.until_all(&[id], Status::Sent).await;
    assert_eq!(world.sender(id).await, "m1");
    assert!(world.clock.now().since(begun) < seconds(2));
    assert_eq!(world.lane(1).resting, None);
}

#[tokio::test(start_paused = true)]
async fn a_barred_sim_leaves_the_pool_with_its_reason_and_comes_back_by_itself() {
    let mut world = World::new(2).await;
    world.dispatch(&no_budget()).await;
    for _ in 0..5 {
        world.slots[0].device.faults().queue(Fault::CmsError(8));
    }
    let mut ids = Vec::new();
    for to in 0..6 {
        ids.push(world.accept(world.new_message(to)).await);
    }
    world.until("the refusal", async |world| world.lane(0).resting.is_some()).await;
    let resting = world.lane(0).resting.unwrap();
    assert!(
        resting.reason.starts_with("messages through this SIM are refused: the operator has barred"),
        "{resting:?}"
    );
    assert!(resting.advice.contains("credit") && resting.until > Some(resting.since), "{resting:?}");
    world.until_all(&ids, Status::Sent).await;
    // The probes cost no message more than a moment, and show when the operator has changed its mind.
    let mut back = false;
    for to in 6..40 {
        let id = world.accept(world.new_message(to)).await;
        world.until_all(&[id], Status::Sent).await;
        world.pass(seconds(1)).await;
        back |= world.sender(id).await == "m0";
    }
    assert!(back && world.lane(0).resting.is_none(), "it did not come back");
}

#[tokio::test(start_paused = true)]
async fn a_refused_modem_is_tried_at_once_when_it_has_been_out() {
    let mut world = World::new(1).await;
    for _ in 0..7 {
        world.slots[0].device.faults().queue(Fault::CmsError(310));
    }
    world.dispatch(&no_budget()).await;
    for to in 0..8 {
        world.accept(world.new_message(to)).await;
    }
    let is_long = |until: jiff::Timestamp, since: jiff::Timestamp| since.duration_until(until).as_secs() >= 60;
    world
        .until("a long rest", async |world| {
            world.lane(0).resting.is_some_and(|rest| rest.until.is_some_and(|until| is_long(until, rest.since)))
        })
        .await;
    world.pass(seconds(5)).await;
    world.slots[0].plug(false);
    world.ready(0, false).await;
    world.slots[0].plug(true);
    let begun = world.clock.now();
    let other = world.accept(world.new_message(9)).await;
    world.until_all(&[other], Status::Sent).await;
    assert!(world.clock.now().since(begun) < seconds(30), "it rested on");
}

#[tokio::test(start_paused = true)]
async fn a_network_that_refuses_everything_is_told_of_until_something_goes_through() {
    let mut world = World::new(1).await;
    for _ in 0..6 {
        world.slots[0].device.faults().queue(Fault::CmsError(42));
    }
    world.dispatch(&no_budget()).await;
    let id = world.accept(world.new_message(1)).await;
    world.until("the fifth refusal", async |world| world.detail(id).await.attempts.len() >= 6).await;
    assert!(world.lane(0).refused.is_some_and(|said| said.contains("congested")));
    world.until_all(&[id], Status::Sent).await;
    assert_eq!(world.lane(0).refused, None);
}

#[tokio::test(start_paused = true)]
async fn one_recipient_that_the_network_refuses_keeps_no_other_message_waiting() {
    for modems in [1, 2] {
        let mut world = World::new(modems).await;
        world.carrier.bar(&number(0), 10);
        world.dispatch(&no_budget()).await;
        // Its deadline is the first of all.
        let barred = world.accept(world.new_message(0)).await;
        for to in 1..60 {
            let begun = world.clock.now();
            let id = world.accept(world.new_message(to)).await;
            world.until_all(&[id], Status::Sent).await;
            assert!(world.clock.now().since(begun) < seconds(2), "message {to} waited");
            world.pass(seconds(1)).await;
        }
        let detail = world.detail(barred).await;
        assert_eq!(detail.message.status, Status::Queued);
        // Through each SIM at once, after 10 s and after a minute.
        assert!(detail.attempts.len() <= 3 * usize::from(modems), "{} tries", detail.attempts.len());
    }
}

/// Somebody asks for codes to ever new numbers of a kind that is barred.
#[tokio::test(start_paused = true)]
async fn codes_to_ever_new_barred_numbers_starve_no_others_and_spend_no_budget() {
    for modems in [1, 2] {
        let mut world = World::new(modems).await;
        for barred in 0..100 {
            world.carrier.bar(&number(barred), 10);
        }
        world.dispatch(&budget("per-minute = 15\nper-hour = 50\nper-day = 60")).await;
        for minute in 0..15_usize {
            for third in 0..3 {
                world.code(3 * minute + third, seconds(300)).await;
                world.pass(seconds(20)).await;
            }
            if minute > 4 {
                let begun = world.clock.now();
                let good = world.code(1000 + minute, seconds(300)).await;
                world.until_all(&[good], Status::Sent).await;
                assert!(world.clock.now().since(begun) < seconds(20), "{modems}: the code of minute {minute} waited");
            }
        }
        world.pass(seconds(60)).await;
        let sent: u32 = (0..modems.into()).map(|slot| 60 - world.left(slot).day.unwrap()).sum();
        assert_eq!(sent, 10, "what was refused was counted");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_modem_declines_lets_others_go_first() {
    let mut world = World::new(1).await;
    let line = "ERROR".to_owned();
    world.slots[0].device.faults().queue(Fault::RefuseWith { command: "+CMGS".to_owned(), line, times: 1 });
    world.dispatch(&no_budget()).await;
    let declined = world.code(0, seconds(300)).await;
    let others = [world.code(1, seconds(300)).await, world.code(2, seconds(300)).await];
    world.until_all(&others[..1], Status::Sent).await;
    assert_eq!(world.detail(declined).await.attempts.len(), 1);
    world.until_all(&[declined, others[1]], Status::Sent).await;
    assert_eq!(world.detail(declined).await.attempts.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn that_a_sim_is_barred_is_told_no_longer_when_it_was_not_tried_for_long() {
    let mut world = World::new(1).await;
    (0..4).for_each(|to| world.carrier.bar(&number(to), 8));
    world.dispatch(&no_budget()).await;
    let mut ids = Vec::new();
    for to in 0..4 {
        ids.push(world.accept(world.new_message(to)).await);
    }
    world.until("the third refusal", async |world| world.lane(0).resting.is_some()).await;
    assert!(world.lane(0).resting.is_some_and(|rest| rest.reason.contains("barred")));
    world.pass(seconds(15)).await;
    for id in ids {
        world.store.cancel_message(&app(), id).await.unwrap();
    }
    world.pass(seconds(900)).await;
    assert!(world.lane(0).resting.is_some(), "the next try may still come");
    world.pass(seconds(61)).await;
    assert_eq!(world.lane(0).resting, None);
}

#[tokio::test(start_paused = true)]
async fn that_the_only_sim_belongs_to_no_country_is_told_once() {
    for (imsi, times) in [("901280000000001", 1), ("001010000000001", 0), ("262010000000001", 0)] {
        let (log, _here) = listen();
        let device = DeviceSettings { imsi: imsi.parse().unwrap(), ..DeviceSettings::numbered(0) };
        let mut world = World::of([device]).await;
        world.dispatch(&no_budget()).await;
        for to in 1..=3 {
            let id = world.accept(world.new_message(to)).await;
            world.until_all(&[id], Status::Sent).await;
        }
        assert_eq!(log.text().matches("belongs to no country").count(), times, "{imsi}: {}", log.text());
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_card_that_has_another_subscription_each_time_tells_all_its_countries() {
    let (log, _here) = listen();
    let device = DeviceSettings { imsi: "901280000000001".parse().unwrap(), ..DeviceSettings::numbered(0) };
    let mut world = World::of([device]).await;
    world.dispatch(&no_budget()).await;
    for imsi in ["262010000000001", "310260000000001"] {
        world.slots[0].device.faults().queue(Fault::Card(CardFault::Removed));
        world.ready(0, false).await;
        let inserted = CardFault::Inserted { iccid: None, imsi: Some(imsi.to_owned()) };
        world.slots[0].device.faults().queue(Fault::Card(inserted));
        world.ready(0, true).await;
        world.pass(seconds(1)).await;
    }
    assert_eq!(world.store.homes().mccs(), ["262", "310"]);
    assert_eq!(log.text().matches("belongs to no country").count(), 1, "{}", log.text());
}
