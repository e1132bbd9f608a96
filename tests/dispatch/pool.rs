//! Several modems, one queue: who is woken, who rests, who takes over.

use smsotpd::ids::MessageId;
use smsotpd::message::Status;
use smsotpd::secret::Text;
use smsotpd::sim::{Fault, Registration};
use smsotpd::store::{AcceptOutcome, AttemptOutcome, EventFilter, Kind, NewMessage};

use crate::world::{World, budget, no_budget, seconds};

#[tokio::test(start_paused = true)]
async fn two_modems_share_the_work() {
    let mut world = World::new(2).await;
    world.dispatch(&no_budget()).await;
    let mut ids = Vec::new();
    for to in 0..8 {
        ids.push(world.accept(world.new_message(to)).await);
    }
    world.until_all(&ids, Status::Sent).await;
    let mut by_first = 0;
    for id in &ids {
        by_first += usize::from(world.sender(*id).await == "m0");
    }
    assert!((3..=5).contains(&by_first), "one modem sent {by_first} of 8");
}

#[tokio::test(start_paused = true)]
async fn a_text_wakes_the_modem_that_may_send_it_past_those_kept_for_codes() {
    let mut world = World::new(3).await;
    // The first two SIMs send four each; what is left of their day is kept for codes.
    world.slots[2].device.register(Registration::Searching);
    world.ready(2, false).await;
    world.dispatch(&budget("per-minute = 0\nper-hour = 0\nper-day = 5")).await;
    let mut ids = Vec::new();
    for to in 0..8 {
        ids.push(world.accept(world.new_message(to)).await);
    }
    world.until_all(&ids, Status::Sent).await;
    world.slots[2].device.register(Registration::Home);
    world.ready(2, true).await;
    world.pass(seconds(3)).await;
    for to in 0..4 {
        let id = world.accept(world.new_message(10 + to)).await;
        world.pass(seconds(3)).await;
        assert_eq!(world.status(id).await, Status::Sent, "a modem with budget left was not woken");
        assert_eq!(world.sender(id).await, "m2");
    }
}

#[tokio::test(start_paused = true)]
async fn when_one_modem_vanishes_another_takes_what_it_had_and_the_rest() {
    let mut world = World::new(2).await;
    world.dispatch(&no_budget()).await;
    world.slots[0].device.hold_prompts(true);
    let mut ids = Vec::new();
    for to in 0..4 {
        ids.push(world.accept(world.new_message(to)).await);
    }
    world.until("both modems at work", async |world| world.store.counts().await.unwrap().sending == 2).await;
    world.slots[0].plug(false);
    world.until_all(&ids, Status::Sent).await;
    for id in &ids {
        assert_eq!(world.sender(*id).await, "m1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_refuses_everything_without_a_reason_does_not_fail_what_another_could_send() {
    let mut world = World::new(2).await;
    world.dispatch(&no_budget()).await;
    for _ in 0..200 {
        let command = "+CMGS".to_owned();
        world.slots[0].device.faults().queue(Fault::Refuse { command, cme_error: None });
    }
    let mut ids = Vec::new();
    for to in 0..40 {
        ids.push(world.accept(world.new_message(to)).await);
    }
    world.until_all(&ids, Status::Sent).await;
}

#[tokio::test(start_paused = true)]
async fn a_recipient_hears_from_the_same_sim_while_its_modem_is_well() {
    let mut world = World::new(3).await;
    world.dispatch(&no_budget()).await;
    let first = world.accept(world.new_message(1)).await;
    world.until_all(&[first], Status::Sent).await;
    let sender = world.sender(first).await;
    for _ in 0..6 {
        let id = world.accept(world.new_message(1)).await;
        let begun = world.clock.now();
        world.until_all(&[id], Status::Sent).await;
        assert_eq!(world.sender(id).await, sender);
        assert!(world.clock.now().since(begun) < seconds(2), "its idle modem was not woken");
    }
    let slot = usize::from(sender.as_bytes()[1] - b'0');
    world.slots[slot].plug(false);
    world.ready(slot, false).await;
    let id = world.accept(world.new_message(1)).await;
    world.until_all(&[id], Status::Sent).await;
    assert_ne!(world.sender(id).await, sender);
}

#[tokio::test(start_paused = true)]
async fn a_sim_that_gets_no_answer_from_the_network_is_not_waited_for() {
    let mut world = World::new(2).await;
    world.dispatch(&no_budget()).await;
    let first = world.accept(world.new_message(1)).await;
    world.until_all(&[first], Status::Sent).await;
    let sender = world.sender(first).await;
    let slot = usize::from(sender.as_bytes()[1] - b'0');
    world.slots[slot].device.faults().queue(Fault::SilentAfterCtrlZ { submitted: false });
    let silent = world.accept(world.new_message(1)).await;
    world.until("the modem at work", async |world| world.store.counts().await.unwrap().sending == 1).await;
    assert_eq!(world.sender(silent).await, sender);
    world.pass(seconds(11)).await;
    let begun = world.clock.now();
    let id = world.accept(world.new_message(1)).await;
    world.until_all(&[id], Status::Sent).await;
    assert_ne!(world.sender(id).await, sender);
    assert!(world.clock.now().since(begun) < seconds(2), "{:?}", world.clock.now().since(begun));
    // Once it is through with that one, it is its recipient's SIM again.
    world.until("the doubt", async |world| world.store.counts().await.unwrap().sending == 0).await;
    world.slots[1 - slot].plug(false);
    world.ready(1 - slot, false).await;
    let id = world.accept(world.new_message(2)).await;
    world.until_all(&[id], Status::Sent).await;
    world.slots[1 - slot].plug(true);
    world.ready(1 - slot, true).await;
    let id = world.accept(world.new_message(2)).await;
    world.until_all(&[id], Status::Sent).await;
    assert_eq!(world.sender(id).await, sender);
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_joins_while_messages_wait_sends_them_at_once() {
    let mut world = World::new(1).await;
    world.dispatch_over(0, &no_budget()).await;
    let ids = [world.accept(world.new_message(1)).await, world.accept(world.new_message(2)).await];
    world.pass(seconds(30)).await;
    assert_eq!(world.status(ids[0]).await, Status::Queued);
    let begun = world.clock.now();
    world.join(0);
    world.until_all(&ids, Status::Sent).await;
    assert!(world.clock.now().since(begun) < seconds(2));
}

#[tokio::test(start_paused = true)]
async fn a_name_joins_once() {
    let mut world = World::new(1).await;
    world.dispatch(&no_budget()).await;
    let pool = world.pool();
    assert!(!pool.add(world.slots[0].modem.clone()));
    assert_eq!(pool.members().borrow().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_is_taken_out_of_use_ends_what_it_has_and_takes_nothing_new() {
    let mut world = World::new(2).await;
    world.dispatch(&no_budget()).await;
    world.slots[0].device.hold_prompts(true);
    let first = [world.accept(world.new_message(0)).await, world.accept(world.new_message(1)).await];
    world.until("both at work", async |world| world.store.counts().await.unwrap().sending == 2).await;
    let m0 = "m0".parse().unwrap();
    assert_eq!(
        (
            world.store.drain(&m0, &"caretaker".parse().unwrap()).await,
            world.store.drain(&m0, &"caretaker".parse().unwrap()).await
        ),
        (Ok(true), Ok(false))
    );
    let mut ids = Vec::new();
    for to in 2..6 {
        ids.push(world.accept(world.new_message(to)).await);
    }
    world.until_all(&ids, Status::Sent).await;
    world.slots[0].device.hold_prompts(false);
    world.until_all(&first, Status::Sent).await;
    let mut senders = vec![world.sender(first[0]).await, world.sender(first[1]).await];
    senders.sort_unstable();
    assert_eq!(senders, ["m0", "m1"], "what it had it has sent");
    for id in &ids {
        assert_eq!(world.sender(*id).await, "m1");
    }
    // It stays so after a restart; and the other one out as well, nothing is sent.
    world.stop().await;
    world.store.drain(&"m1".parse().unwrap(), &"caretaker".parse().unwrap()).await.unwrap();
    world.dispatch(&no_budget()).await;
    let last = world.accept(world.new_message(7)).await;
    world.pass(seconds(60)).await;
    assert_eq!(world.status(last).await, Status::Queued);
    assert_eq!(
        (
            world.store.resume(&m0, &"caretaker".parse().unwrap()).await,
            world.store.resume(&m0, &"caretaker".parse().unwrap()).await
        ),
        (Ok(true), Ok(false))
    );
    world.until_all(&[last], Status::Sent).await;
    assert_eq!(world.sender(last).await, "m0");
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_is_taken_out_of_use_ends_the_message_it_has_begun() {
    for is_away_meanwhile in [false, true] {
        let mut world = World::new(2).await;
        world.dispatch(&no_budget()).await;
        let text = Text::new("a".repeat(400));
        let id = MessageId::generate();
        let text = world.store.site_key().seal(id.as_bytes(), &text, [1; 24]);
        let id = world.accept(NewMessage { id, text, parts: 3, ..world.new_message(1) }).await;
        world.until("the first part", async |world| world.detail(id).await.attempts.len() == 1).await;
        let sender = world.sender(id).await;
        world.store.drain(&sender.parse().unwrap(), &"caretaker".parse().unwrap()).await.unwrap();
        if is_away_meanwhile {
            let slot = usize::from(sender == "m1");
            world.slots[slot].device.register(Registration::Searching);
            world.ready(slot, false).await;
            world.pass(seconds(5)).await;
            world.slots[slot].device.register(Registration::Home);
        }
        world.until_all(&[id], Status::Sent).await;
        let attempts = world.detail(id).await.attempts;
        assert_eq!(attempts.len(), 3);
        assert!(attempts.iter().all(|attempt| attempt.modem.as_str() == sender), "{attempts:?}");
        let next = world.accept(world.new_message(2)).await;
        world.until_all(&[next], Status::Sent).await;
        assert_ne!(world.sender(next).await, sender);
    }
}

#[tokio::test(start_paused = true)]
async fn that_a_code_has_expired_is_told_within_seconds_whether_it_was_sent_or_not() {
    let mut world = World::new(1).await;
    world.dispatch(&no_budget()).await;
    let sent = world.issue(1).await;
    world.until_all(&[sent], Status::Sent).await;
    world.slots[0].device.hold_prompts(true);
    world.issue(2).await;
    let life = seconds(3600);
    let told = async |world: &World| {
        let filter = EventFilter { kinds: vec![Kind::OtpExpired], ..EventFilter::default() };
        world.store.events(filter).await.unwrap().items.len()
    };
    tokio::time::advance(life - seconds(10)).await;
    world.pass(seconds(1)).await;
    assert_eq!(told(&world).await, 0);
    world.pass(seconds(12)).await;
    assert_eq!(told(&world).await, 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_assigned_in_the_moment_of_a_stop_is_not_begun_and_waits_for_the_next_start() {
    let mut world = World::new(1).await;
    world.dispatch(&no_budget()).await;
    let message = world.new_message(1);
    let (id, store, changes) = (message.id, world.store.clone(), world.store.changes());
    let mut accepting = std::pin::pin!(store.accept(message, None));
    let mut accepted = tokio::select! {
        biased;
        outcome = accepting.as_mut() => Some(outcome),
        () = std::future::ready(()) => None,
    };
    // The lane's thread is this one: it has the part, and no time to begin.
    let begun = std::time::Instant::now();
    while !changes.has_changed().unwrap() {
        assert!(begun.elapsed() < seconds(60), "the message was not written");
        std::thread::yield_now();
    }
    world.stop().await;
    if accepted.is_none() {
        accepted = Some(accepting.await);
    }
    assert!(matches!(accepted, Some(Ok(AcceptOutcome::Accepted(_)))), "{accepted:?}");
    assert_eq!(world.status(id).await, Status::Queued);
    assert!(world.carrier.handset(&crate::world::number(1)).inbox().is_empty());
    world.dispatch(&no_budget()).await;
    world.until_all(&[id], Status::Sent).await;
    let outcomes: Vec<_> = world.detail(id).await.attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::NotReady, AttemptOutcome::Sent]);
}

/// Whether everybody behind the pool answers before any time has passed for them.
async fn all_answer(world: &World) -> bool {
    tokio::select! {
        biased;
        () = world.pool().answers() => true,
        () = world.pass(seconds(10)) => false,
    }
}

#[tokio::test(start_paused = true)]
async fn every_task_behind_the_pool_answers_while_it_is_run_whatever_it_waits_for() {
    let mut world = World::new(2).await;
    world.slots.iter().for_each(|slot| slot.device.hold_prompts(true));
    world.dispatch(&no_budget()).await;
    let id = world.accept(world.new_message(1)).await;
    world.until("a modem at work", async |world| world.store.counts().await.unwrap().sending == 1).await;
    assert!(all_answer(&world).await);
    world.slots.iter().for_each(|slot| slot.device.hold_prompts(false));
    world.until_all(&[id], Status::Sent).await;
    world.stop().await;
    assert!(!all_answer(&world).await, "the lanes have ended");
}
