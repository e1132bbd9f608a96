//! Messages with little time left, to recipients that the network does not let the SIM send to.

use std::time::Duration;

use smsotpd::limits::BudgetSettings;
use smsotpd::message::Status;
use smsotpd::store::NewMessage;

use crate::world::{World, no_budget, number, seconds};

/// How long the slowest of these codes takes to the network, each sent some seconds after the one before.
async fn longest_wait_of_good_codes(world: &mut World, codes: std::ops::Range<usize>) -> Duration {
    let mut longest = Duration::ZERO;
    for to in codes {
        let begun = world.clock.now();
        let good = world.code(to, seconds(290)).await;
        world.until_all(&[good], Status::Sent).await;
        longest = longest.max(world.clock.now().since(begun));
        world.pass(seconds(5)).await;
    }
    longest
}

#[tokio::test(start_paused = true)]
async fn short_lived_codes_to_denied_recipients_keep_no_good_one_waiting() {
    let mut waits = Vec::new();
    for (recipients, codes) in [(1, 16), (2, 16)] {
        let mut world = World::new(1).await;
        (0..recipients).for_each(|to| world.carrier.bar(&number(to), 10));
        world.dispatch(&BudgetSettings::default()).await;
        for index in 0..codes {
            world.code(index % recipients, seconds(60)).await;
        }
        world.pass(seconds(10)).await;
        waits.push((recipients, codes, longest_wait_of_good_codes(&mut world, 100..106).await));
    }
    assert!(waits.iter().all(|(.., wait)| *wait < seconds(5)), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn codes_to_denied_recipients_keep_no_good_one_waiting_in_their_last_minute() {
    let mut waits = Vec::new();
    for (recipients, codes) in [(2, 16), (20, 20)] {
        let mut world = World::new(1).await;
        (0..recipients).for_each(|to| world.carrier.bar(&number(to), 10));
        world.dispatch(&no_budget()).await;
        for index in 0..codes {
            world.code(index % recipients, seconds(300)).await;
        }
        world.pass(seconds(238)).await;
        waits.push((recipients, codes, longest_wait_of_good_codes(&mut world, 100..106).await));
    }
    assert!(waits.iter().all(|(.., wait)| *wait < seconds(5)), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_short_messages_to_one_denied_recipient_starves_nobody() {
    let mut waits = Vec::new();
    for life in [60, 300] {
        let mut world = World::new(1).await;
        world.carrier.bar(&number(0), 10);
        world.dispatch(&no_budget()).await;
        let mut good = Vec::new();
        for round in 0..150 {
            let deadline = world.clock.now() + seconds(life);
            world.accept(NewMessage { deadline, ..world.new_message(0) }).await;
            if round % 10 == 0 {
                good.push(world.accept(world.new_message(100 + round)).await);
            }
            world.pass(seconds(2)).await;
        }
        let mut unsent = 0;
        for id in &good {
            unsent += usize::from(world.status(*id).await != Status::Sent);
        }
        waits.push((life, good.len(), unsent));
    }
    assert!(waits.iter().all(|(.., unsent)| *unsent == 0), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn the_network_is_asked_for_a_barred_number_at_most_once_in_ten_seconds() {
    let mut tries = Vec::new();
    for (life, codes) in [(30, 1), (60, 1), (300, 1), (60, 5), (300, 5)] {
        let mut world = World::new(1).await;
        world.carrier.bar(&number(0), 10);
        world.dispatch(&no_budget()).await;
        let mut ids = Vec::new();
        for _ in 0..codes {
            ids.push(world.code(0, seconds(life)).await);
        }
        world.pass(seconds(life + 1)).await;
        let mut count = 0;
        for id in ids {
            count += world.detail(id).await.attempts.len();
        }
        tries.push((life, codes, count));
    }
    assert!(tries.iter().all(|(life, _, tries)| *tries <= usize::try_from(life / 10).unwrap() + 1), "{tries:?}");
}

#[tokio::test(start_paused = true)]
async fn a_code_is_held_by_its_own_life_and_not_by_that_of_the_message_that_was_denied() {
    let mut all = Vec::new();
    for tenths in [600, 603, 610, 640] {
        let life = Duration::from_millis(tenths * 100);
        let mut world = World::new(1).await;
        world.carrier.bar(&number(0), 10);
        world.dispatch(&no_budget()).await;
        let long = world.accept(world.new_message(0)).await;
        let tried_twice = async |world: &World| {
            let attempts = world.detail(long).await.attempts;
            attempts.len() == 2 && attempts[1].ended_at.is_some()
        };
        world.until("two tries", tried_twice).await;
        world.carrier.unbar(&number(0));
        let begun = world.clock.now();
        let code = world.code(0, life).await;
        while world.status(code).await != Status::Sent && world.clock.now().since(begun) < life + seconds(1) {
            world.pass(Duration::from_millis(100)).await;
        }
        all.push((life, world.status(code).await, world.clock.now().since(begun)));
    }
    assert!(all.iter().all(|(_, status, waited)| *status == Status::Sent && *waited < seconds(30)), "{all:?}");
}
