//! What the network does not let a SIM send, or a modem fails at: who waits for it, what is said of the SIM, and what it costs.

use std::time::Duration;

use smsotpd::ids::MessageId;
use smsotpd::limits::BudgetSettings;
use smsotpd::message::{Priority, Status};
use smsotpd::secret::Text;
use smsotpd::sim::Fault;
use smsotpd::store::NewMessage;

use crate::world::{World, app, no_budget, number, seconds};

#[tokio::test(start_paused = true)]
async fn many_messages_to_one_recipient_that_is_denied_keep_no_other_waiting() {
    for messages in [12, 60] {
        let mut world = World::new(1).await;
        world.carrier.bar(&number(0), 10);
        world.dispatch(&BudgetSettings::default()).await;
        for _ in 0..messages {
            world.accept(world.new_message(0)).await;
        }
        world.pass(seconds(8)).await;
        let begun = world.clock.now();
        let good = world.accept(world.new_message(9)).await;
        world.until_all(&[good], Status::Sent).await;
        let waited = world.clock.now().since(begun);
        assert!(waited < seconds(3), "{messages}: the good message waited {waited:?}");
    }
}

/// Those who were denied go behind the others.
#[tokio::test(start_paused = true)]
async fn codes_to_recipients_that_were_denied_keep_no_good_one_waiting() {
    // Eight codes to each of two, or one after the other to twenty, once each was tried.
    for (recipients, codes, tried_after) in [(2, 16, 10), (20, 20, 110)] {
        let mut world = World::new(1).await;
        (0..recipients).for_each(|to| world.carrier.bar(&number(to), 10));
        world.dispatch(&BudgetSettings::default()).await;
        for index in 0..codes {
            world.code(index % recipients, seconds(300)).await;
        }
        world.pass(seconds(tried_after)).await;
        for to in 100..106 {
            let begun = world.clock.now();
            let good = world.code(to, seconds(300)).await;
            world.until_all(&[good], Status::Sent).await;
            let waited = world.clock.now().since(begun);
            assert!(waited < seconds(4), "{recipients}: a good code waited {waited:?}");
            world.pass(seconds(5)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_network_says_of_single_recipients_or_of_itself_bars_no_sim() {
    let wrong_numbers = async |world: &World| (0..4).for_each(|to| world.carrier.bar(&number(to), 28));
    let congestion =
        async |world: &World| world.slots[0].device.faults().queue(Fault::NetworkRefuses { code: 42, sends: 4 });
    for is_congested in [false, true] {
        let mut world = World::new(1).await;
        world.carrier.bar(&number(4), 10);
        world.dispatch(&no_budget()).await;
        match is_congested {
            true => congestion(&world).await,
            false => wrong_numbers(&world).await,
        }
        for to in 0..5 {
            world.accept(world.new_message(to)).await;
            world.pass(seconds(5)).await;
        }
        world.pass(seconds(60)).await;
        assert_eq!(world.lane(0).resting, None);
    }
}

#[tokio::test(start_paused = true)]
async fn one_recipient_asked_for_again_and_again_bars_no_sim() {
    let mut world = World::new(1).await;
    world.carrier.bar(&number(0), 10);
    world.dispatch(&no_budget()).await;
    for _ in 0..20 {
        world.accept(world.new_message(0)).await;
        world.pass(seconds(2)).await;
    }
    assert_eq!(world.lane(0).resting, None);
}

#[tokio::test(start_paused = true)]
async fn a_barred_sim_is_told_as_such_all_the_time_and_until_it_sends() {
    for recipients in [2, 4] {
        let mut world = World::new(1).await;
        (0..recipients).for_each(|to| world.carrier.bar(&number(to), 8));
        world.dispatch(&BudgetSettings::default()).await;
        for index in 0..30 {
            world.accept(world.new_message(index % recipients)).await;
        }
        world.until("it to be told", async |world| world.lane(0).resting.is_some()).await;
        // The tries come after 10 s, a minute, six, and then every 15.
        for ten_seconds in 0..150 {
            world.pass(seconds(10)).await;
            assert!(world.lane(0).resting.is_some(), "{recipients}: told as ready after {ten_seconds} times 10 s");
        }
        let good = world.accept(world.new_message(9)).await;
        world.until_all(&[good], Status::Sent).await;
        assert_eq!(world.lane(0).resting, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_barred_sim_beside_a_good_one_is_tried_rarely() {
    // Always the same ten recipients, or always others.
    for others in [0, 10] {
        let mut world = World::new(2).await;
        world.slots[0].device.faults().queue(Fault::NetworkRefuses { code: 8, sends: 10_000 });
        world.dispatch(&no_budget()).await;
        let mut tries = 0;
        for round in 0..20 {
            let mut ids = Vec::new();
            for to in 0..10 {
                ids.push(world.accept(world.new_message(round * others + to)).await);
            }
            world.until_all(&ids, Status::Sent).await;
            world.pass(seconds(10)).await;
            for id in &ids {
                let attempts = world.detail(*id).await.attempts;
                tries += attempts.iter().filter(|attempt| attempt.modem.as_str() == "m0").count();
            }
        }
        // Its rests are a second, two, four, eight and then fifteen, over some five minutes.
        assert!(tries <= 28, "{others}: {tries} of 200 messages were tried through the barred SIM");
    }
}

#[tokio::test(start_paused = true)]
async fn a_trouble_that_passes_costs_no_code_its_life() {
    // A congested network, and then a word against the SIM.
    let mut world = World::new(1).await;
    world.slots[0].device.faults().queue(Fault::NetworkRefuses { code: 42, sends: 2 });
    world.dispatch(&no_budget()).await;
    let code = world.code(1, seconds(300)).await;
    let tried_twice = async |world: &World| {
        let detail = world.detail(code).await;
        detail.attempts.len() == 2 && detail.message.status == Status::Queued
    };
    world.until("two tries", tried_twice).await;
    world.slots[0].device.faults().queue(Fault::CmsError(8));
    world.pass(seconds(110)).await;
    assert_eq!(world.status(code).await, Status::Sent, "it waits for a third of what is left at most");

    // The card is not read three times.
    let mut world = World::new(1).await;
    for _ in 0..3 {
        world.slots[0].device.faults().queue(Fault::CmsError(313));
    }
    world.dispatch(&no_budget()).await;
    let code = world.code(1, seconds(300)).await;
    world.pass(seconds(60)).await;
    assert_eq!(world.status(code).await, Status::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_modem_fails_at_keeps_no_other_waiting() {
    for code in [300, 81] {
        let mut world = World::new(1).await;
        world.carrier.bar(&number(0), code);
        world.dispatch(&no_budget()).await;
        world.accept(world.new_message(0)).await;
        world.pass(seconds(900)).await;
        let begun = world.clock.now();
        let good = world.accept(world.new_message(9)).await;
        world.until_all(&[good], Status::Sent).await;
        let waited = world.clock.now().since(begun);
        assert!(waited <= seconds(62), "{code}: {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_network_does_not_let_the_sim_send_and_what_the_modem_would_not_is_not_counted() {
    let at_its_end = std::time::Duration::from_millis(400);
    for (fault, life, counted) in
        [(8, seconds(300), 0), (8, at_its_end, 0), (313, seconds(300), 0), (313, at_its_end, 0), (28, seconds(300), 1)]
    {
        let mut world = World::new(1).await;
        world.slots[0].device.faults().queue(Fault::CmsError(fault));
        world.dispatch(&BudgetSettings::default()).await;
        let id = world.code(1, life).await;
        let is_over =
            async |world: &World| world.detail(id).await.attempts.first().is_some_and(|first| first.ended_at.is_some());
        world.until("the refusal", is_over).await;
        let left = world.left(0);
        assert_eq!((left.minute, left.day), (Some(15 - counted), Some(1000 - counted)), "{fault} within {life:?}");
        world.stop().await;
        world.dispatch(&BudgetSettings::default()).await;
        assert_eq!(world.left(0), left, "{fault} within {life:?}, after a restart");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_card_is_not_told_as_a_network_that_refuses() {
    let mut world = World::new(1).await;
    for _ in 0..5 {
        world.slots[0].device.faults().queue(Fault::CmsError(313));
    }
    world.dispatch(&no_budget()).await;
    for to in 0..8 {
        world.accept(world.new_message(to)).await;
    }
    for _ in 0..100 {
        world.pass(seconds(1)).await;
        assert_eq!(world.lane(0).refused, None);
    }
}

#[tokio::test(start_paused = true)]
async fn very_many_recipients_that_are_denied_starve_nobody() {
    let mut world = World::new(1).await;
    (0..150).for_each(|to| world.carrier.bar(&number(to), 8));
    world.dispatch(&no_budget()).await;
    for to in 0..150 {
        world.accept(world.new_message(to)).await;
    }
    let good = world.accept(world.new_message(900)).await;
    // Each first try takes a second, and the SIM then rests for three; of some there is a second one meanwhile.
    world.pass(seconds(2 * 150 * 4)).await;
    assert_eq!(world.status(good).await, Status::Sent);
}

/// Its credit ran out, and somebody has topped it up.
#[tokio::test(start_paused = true)]
async fn a_sim_that_works_again_soon_sends_to_those_whom_it_was_not_let_send_to() {
    let mut world = World::new(1).await;
    for to in 0..4 {
        world.carrier.bar(&number(to), 8);
    }
    world.dispatch(&BudgetSettings::default()).await;
    for _ in 0..9 {
        for to in 0..4 {
            world.code(to, seconds(300)).await;
        }
        world.pass(seconds(200)).await;
    }
    assert!(world.lane(0).resting.is_some());
    (0..4).for_each(|to| world.carrier.unbar(&number(to)));
    for to in 0..4 {
        let begun = world.clock.now();
        let code = world.code(to, seconds(300)).await;
        world.until_all(&[code], Status::Sent).await;
        assert!(world.clock.now().since(begun) <= seconds(62));
    }
    assert_eq!(world.lane(0).resting, None);
}

#[tokio::test(start_paused = true)]
async fn one_passing_refusal_costs_a_code_its_life_not_even_when_there_were_more_long_ago() {
    let mut world = World::new(1).await;
    for _ in 0..3 {
        world.slots[0].device.faults().queue(Fault::CmsError(8));
    }
    world.dispatch(&no_budget()).await;
    let first = world.accept(world.new_message(0)).await;
    world.pass(seconds(600)).await;
    assert_eq!(world.status(first).await, Status::Sent);
    world.slots[0].device.faults().queue(Fault::CmsError(8));
    let code = world.code(0, seconds(300)).await;
    world.until_all(&[code], Status::Sent).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_copy_that_is_denied_is_tried_rarely_and_not_at_all_when_it_was_withdrawn() {
    for is_withdrawn in [false, true] {
        let mut world = World::new(2).await;
        world.dispatch(&no_budget()).await;
        let id = world.issue_with(0, Some(seconds(20))).await;
        world.until_all(&[id], Status::Sent).await;
        world.carrier.bar(&number(0), 8);
        world.until("the second copy", async |world| world.detail(id).await.attempts.len() == 2).await;
        if is_withdrawn {
            world.store.cancel_message(&app(), id).await.unwrap();
        }
        world.pass(seconds(920)).await;
        let tries = world.detail(id).await.attempts.len() - 1;
        assert!(if is_withdrawn { tries == 1 } else { (2..=5).contains(&tries) }, "{is_withdrawn}: {tries}");
    }
}

/// A modem that is never idle, and a network that did not let it send to one recipient for a moment.
#[tokio::test(start_paused = true)]
async fn a_code_goes_behind_others_but_not_until_its_life_is_over() {
    for life in [60, 120] {
        let mut world = World::new(1).await;
        world.dispatch(&no_budget()).await;
        world.slots[0].device.faults().queue(Fault::CmsError(8));
        let code = world.code(0, seconds(life)).await;
        for second in 0..life {
            // More than it can send: something else always waits.
            for other in 0..4 {
                world.code(usize::try_from(1000 + 4 * second + other).unwrap(), seconds(3600)).await;
            }
            world.pass(seconds(1)).await;
        }
        assert_eq!(world.status(code).await, Status::Sent, "a life of {life} s");
    }
}

async fn long_code(world: &World, to: usize, life: Duration) -> MessageId {
    let (id, text) = (MessageId::generate(), Text::new("a".repeat(200)));
    let text = world.store.site_key().seal(id.as_bytes(), &text, [1; 24]);
    let message = world.new_message(to);
    let (priority, deadline) = (Priority::Otp, world.clock.now() + life);
    world.accept(NewMessage { id, text, parts: 2, priority, deadline, ..message }).await
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_code_goes_to_a_good_sim_at_once_whatever_is_left_of_its_life() {
    let mut all = Vec::new();
    for life in [5, 10, 14, 20, 60] {
        let mut world = World::new(2).await;
        world.slots[0].device.faults().queue(Fault::None);
        world.slots[0].device.faults().queue(Fault::NetworkRefuses { code: 8, sends: 10_000 });
        world.dispatch_over(1, &no_budget()).await;
        let code = long_code(&world, 0, seconds(life)).await;
        world.until("the first part", async |world| world.detail(code).await.attempts.len() == 1).await;
        world.join(1);
        world.pass(seconds(life + 1)).await;
        let detail = world.detail(code).await;
        let by: Vec<_> = detail.attempts.iter().map(|attempt| attempt.modem.to_string()).collect();
        all.push((life, detail.message.status, by.join(" ")));
    }
    assert!(all.iter().all(|(_, status, _)| *status == Status::Sent), "{all:#?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_was_denied_a_fault_of_the_modem_rests_it_no_longer() {
    let mut all = Vec::new();
    for denied in [0, 9] {
        let mut world = World::new(1).await;
        (0..denied).for_each(|to| world.carrier.bar(&number(to), 10));
        world.dispatch(&no_budget()).await;
        for to in 0..denied {
            world.code(to, seconds(300)).await;
        }
        // Each was tried, and all are held or wait.
        world.pass(seconds(if denied > 0 { 34 } else { 1 })).await;
        world.slots[0].device.faults().queue(Fault::CmsError(313));
        let begun = world.clock.now();
        let good = world.code(100, seconds(300)).await;
        world.until_all(&[good], Status::Sent).await;
        all.push((denied, world.clock.now().since(begun)));
    }
    assert!(all.iter().all(|(_, waited)| *waited < seconds(10)), "{all:?}");
}
