//! What a SIM may send is counted, kept to and remembered.

use smsotpd::message::Status;
use smsotpd::sim::Fault;
use smsotpd::store::NewMessage;

use crate::world::{World, budget, seconds};

#[tokio::test(start_paused = true)]
async fn a_sim_sends_no_more_than_its_budget_and_goes_on_when_there_is_more() {
    let mut world = World::new(1).await;
    world.dispatch(&budget("per-minute = 3\ncodes-share-percent = 0")).await;
    let mut ids = Vec::new();
    for to in 0..5 {
        ids.push(world.accept(world.new_message(to)).await);
    }
    world.until_all(&ids[..3], Status::Sent).await;
    assert_eq!(world.left(0).minute, Some(0));
    world.pass(seconds(30)).await;
    assert_eq!(world.status(ids[3]).await, Status::Queued);
    let begun = world.clock.now();
    world.until_all(&ids, Status::Sent).await;
    assert!(world.clock.now().since(begun) < seconds(40), "the budget is free again after a minute");
}

#[tokio::test(start_paused = true)]
async fn the_share_for_codes_is_kept_from_everything_else() {
    let mut world = World::new(1).await;
    world.dispatch(&budget("per-minute = 4\ncodes-share-percent = 50")).await;
    let mut texts = Vec::new();
    for to in 0..3 {
        texts.push(world.accept(world.new_message(to)).await);
    }
    world.until_all(&texts[..2], Status::Sent).await;
    world.pass(seconds(5)).await;
    assert_eq!(world.status(texts[2]).await, Status::Queued);
    let code = world.issue(7).await;
    world.pass(seconds(5)).await;
    assert_eq!((world.status(code).await, world.status(texts[2]).await), (Status::Sent, Status::Queued));
}

#[tokio::test(start_paused = true)]
async fn a_restart_forgets_nothing_of_what_was_sent_refused_or_left_in_doubt() {
    let mut world = World::new(1).await;
    let budget = budget("per-minute = 0\nper-hour = 0\nper-day = 100");
    world.dispatch(&budget).await;
    let faults = world.slots[0].device.faults().clone();
    for fault in [Fault::None, Fault::CmsError(1), Fault::SilentAfterCtrlZ { submitted: true }] {
        faults.queue(fault);
    }
    let mut ids = Vec::new();
    for to in 0..3 {
        ids.push(world.accept(world.new_message(to)).await);
    }
    // Its second part is not there, which the network is never asked about.
    let unfit = world.accept(NewMessage { parts: 2, ..world.new_message(3) }).await;
    let ended = [Status::Sent, Status::Failed, Status::InDoubt];
    for (id, status) in ids.iter().zip(ended) {
        world.until_all(&[*id], status).await;
    }
    world.until_all(&[unfit], Status::Failed).await;
    let before = world.left(0);
    assert_eq!(before.day, Some(96));
    world.stop().await;
    world.dispatch(&budget).await;
    assert_eq!(world.left(0), before);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_a_budget_counts_from_when_the_network_was_asked_and_not_before() {
    let mut world = World::new(1).await;
    let budget = budget("per-minute = 1\ncodes-share-percent = 0");
    let mut asked = world.carrier.submitted();
    world.dispatch(&budget).await;
    world.slots[0].device.hold_prompts(true);
    let first = world.accept(world.new_message(0)).await;
    world.pass(seconds(5)).await;
    world.slots[0].device.hold_prompts(false);
    world.until_all(&[first], Status::Sent).await;
    world.stop().await;
    world.dispatch(&budget).await;
    let second = world.accept(world.new_message(1)).await;
    world.until_all(&[second], Status::Sent).await;
    let (before, after) = (asked.recv().await.unwrap().at, asked.recv().await.unwrap().at);
    assert!(after - before >= seconds(60), "two parts within {:?}", after - before);
}
