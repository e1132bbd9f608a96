//! Numbers that go through certain modems only.

use smsotpd::message::Status;
use smsotpd::route::{Route, Routes};
use smsotpd::sim::Registration;
use smsotpd::store::NewMessage;

use crate::world::{World, no_budget, seconds};

/// Recipients from 1000 to 1999, whose numbers begin so.
const SOME: &str = "+15551231";
/// Recipients from 1000 to 1009.
const FEW: &str = "+1555123100";

fn routes(routes: &[(&str, &str)]) -> Routes {
    let route = |(prefix, modem): &(&str, &str)| Route {
        prefix: prefix.parse().unwrap(),
        modems: vec![modem.parse().unwrap()],
    };
    Routes::new(routes.iter().map(route).collect())
}

#[tokio::test(start_paused = true)]
async fn a_number_goes_through_the_modems_of_its_longest_prefix_and_others_through_any() {
    let mut world = World::new(3).await;
    world.store.set_routes(routes(&[(SOME, "m1"), (FEW, "m2")])).await.unwrap();
    world.dispatch(&no_budget()).await;
    let mut ids = Vec::new();
    for to in 0..4 {
        for (to, modem) in [(1990 + to, Some("m1")), (1000 + to, Some("m2")), (to, None)] {
            ids.push((world.accept(world.new_message(to)).await, modem));
        }
    }
    let all: Vec<_> = ids.iter().map(|(id, _)| *id).collect();
    world.until_all(&all, Status::Sent).await;
    for (id, modem) in ids {
        let sender = world.sender(id).await;
        assert_eq!(sender, modem.unwrap_or(&sender));
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_route_holds_up_nobody_and_expires_at_its_deadline() {
    let mut world = World::new(2).await;
    world.slots[1].device.register(Registration::Searching);
    world.ready(1, false).await;
    world.store.set_routes(routes(&[(SOME, "m1")])).await.unwrap();
    world.dispatch(&no_budget()).await;
    let deadline = world.clock.now() + seconds(60);
    let doomed = world.accept(NewMessage { deadline, ..world.new_message(1000) }).await;
    let patient = world.accept(world.new_message(1001)).await;
    let begun = world.clock.now();
    let other = world.accept(world.new_message(1)).await;
    world.until_all(&[other], Status::Sent).await;
    assert!(world.clock.now().since(begun) < seconds(2));
    world.until_all(&[doomed], Status::Expired).await;
    assert!(world.detail(doomed).await.attempts.is_empty());
    world.slots[1].device.register(Registration::Home);
    world.until_all(&[patient], Status::Sent).await;
    assert_eq!(world.sender(patient).await, "m1");
}

#[tokio::test(start_paused = true)]
async fn routes_that_a_restart_changes_count_for_what_waits() {
    let mut world = World::new(2).await;
    world.store.set_routes(routes(&[(SOME, "m7")])).await.unwrap();
    world.dispatch(&no_budget()).await;
    let (first, second) = (world.accept(world.new_message(1000)).await, world.accept(world.new_message(1500)).await);
    world.pass(seconds(10)).await;
    assert_eq!((world.status(first).await, world.status(second).await), (Status::Queued, Status::Queued));
    world.stop().await;
    world.store.set_routes(routes(&[(FEW, "m1")])).await.unwrap();
    world.slots[0].plug(false);
    world.ready(0, false).await;
    world.dispatch(&no_budget()).await;
    world.until_all(&[first, second], Status::Sent).await;
    assert_eq!(world.sender(second).await, "m1", "it has no route any more");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_sim_of_last_time_when_the_route_leads_elsewhere() {
    let mut world = World::new(2).await;
    world.dispatch(&no_budget()).await;
    let before = world.accept(world.new_message(1000)).await;
    world.until_all(&[before], Status::Sent).await;
    let other = if world.sender(before).await == "m0" { "m1" } else { "m0" };
    world.stop().await;
    world.store.set_routes(routes(&[(SOME, other)])).await.unwrap();
    world.dispatch(&no_budget()).await;
    let begun = world.clock.now();
    let id = world.accept(world.new_message(1000)).await;
    world.until_all(&[id], Status::Sent).await;
    assert_eq!(world.sender(id).await, other);
    assert!(world.clock.now().since(begun) < seconds(2));
}
