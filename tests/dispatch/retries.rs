//! One message, tried again or not at all.

use smsotpd::message::{InDoubtPolicy, Status};
use smsotpd::sim::{Fault, Registration};
use smsotpd::store::{AttemptOutcome, NewMessage};

use crate::routes::{SOME, routes};
use crate::world::{World, no_budget, seconds};

#[tokio::test(start_paused = true)]
async fn what_fails_for_now_is_tried_again_after_growing_pauses() {
    // Trouble in the network; the operator has barred the SIM; no SIM is inserted, of which no recipient can be the reason.
    for (code, expected) in [(38, [1, 2]), (8, [10, 60]), (310, [2, 4])] {
        let mut world = World::new(1).await;
        for _ in 0..2 {
            world.slots[0].device.faults().queue(Fault::CmsError(code));
        }
        world.dispatch(&no_budget()).await;
        let id = world.accept(world.new_message(1)).await;
        world.until_all(&[id], Status::Sent).await;
        let attempts = world.detail(id).await.attempts;
        // To the nearest second: the pause begins with the modem's word, which is on record a moment later.
        let pauses: Vec<i128> = attempts
            .windows(2)
            .map(|pair| (pair[0].ended_at.unwrap().duration_until(pair[1].started_at).as_millis() + 500) / 1000)
            .collect();
        assert_eq!(pauses, expected, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_past_its_deadline_is_expired_and_never_sent() {
    let mut world = World::new(1).await;
    world.slots[0].device.register(Registration::Searching);
    world.ready(0, false).await;
    world.dispatch(&no_budget()).await;
    let deadline = world.clock.now() + seconds(10);
    let id = world.accept(NewMessage { deadline, ..world.new_message(1) }).await;
    world.until_all(&[id], Status::Expired).await;
    world.slots[0].device.register(Registration::Home);
    world.ready(0, true).await;
    world.pass(seconds(5)).await;
    assert_eq!((world.status(id).await, world.detail(id).await.attempts.len()), (Status::Expired, 0));
    assert!(world.carrier.handset(&crate::world::number(1)).inbox().is_empty());
}

/// How long the modem hopes for an answer that does not come, while a message to this recipient waits.
async fn hopes_for(waiting: Option<usize>) -> u64 {
    let mut world = World::new(1).await;
    world.store.set_routes(routes(&[(SOME, "m1")])).await.unwrap();
    world.slots[0].device.faults().queue(Fault::SilentAfterCtrlZ { submitted: false });
    world.dispatch(&no_budget()).await;
    let silent = world.accept(world.new_message(1)).await;
    world.until("the modem at work", async |world| world.store.counts().await.unwrap().sending == 1).await;
    let begun = world.clock.now();
    if let Some(to) = waiting {
        world.accept(world.new_message(to)).await;
    }
    world
        .until("the doubt", async |world| world.detail(silent).await.attempts[0].outcome == AttemptOutcome::InDoubt)
        .await;
    world.clock.now().since(begun).as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_modem_hopes_for_an_answer_for_less_time_when_something_waits() {
    let (alone, waited_for) = (hopes_for(None).await, hopes_for(Some(2)).await);
    assert!((175..190).contains(&alone), "alone it hoped for {alone} s");
    assert!((55..70).contains(&waited_for), "waited for, it hoped for {waited_for} s");
    let for_another = hopes_for(Some(1000)).await;
    assert!((175..190).contains(&for_another), "while something waits for another modem it hoped for {for_another} s");
}

#[tokio::test(start_paused = true)]
async fn a_code_in_doubt_goes_out_once_more_although_nothing_else_happens() {
    let mut world = World::new(1).await;
    world.slots[0].device.faults().queue(Fault::SilentAfterCtrlZ { submitted: false });
    world.dispatch(&no_budget()).await;
    let message = NewMessage { in_doubt: InDoubtPolicy::Resend, ..world.new_message(1) };
    let id = world.accept(message).await;
    world.until_all(&[id], Status::Sent).await;
    assert_eq!(world.detail(id).await.attempts.len(), 2);
}
