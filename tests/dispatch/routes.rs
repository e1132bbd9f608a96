//! Numbers that go through certain modems only.

use smsotpd::ids::AppName;
use smsotpd::message::Status;
use smsotpd::route::{Route, Routes};
use smsotpd::secret::ApiKey;
use smsotpd::sim::{Fault, HangUp, Registration};
use smsotpd::store::{NewApp, NewMessage};

use crate::world::{World, app, no_budget, seconds};

/// Recipients from 1000 to 1999, whose numbers begin so.
pub(crate) const SOME: &str = "+15551231";
/// Recipients from 1000 to 1009.
const FEW: &str = "+1555123100";

pub(crate) fn routes(routes: &[(&str, &str)]) -> Routes {
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

/// Routes where the policy `staff` names this modem and `default` none.
fn staff_through(modem: &str) -> Routes {
    let modems = [modem.parse().unwrap()];
    routes(&[(SOME, "m0")]).with_policies([("default", [].as_slice()), ("staff", modems.as_slice())])
}

async fn add_app(world: &World, name: &str, policy: &str) {
    let key = world.store.site_key().key_digest(&ApiKey::new(name.to_owned()));
    let app = NewApp { name: name.parse().unwrap(), scopes: Vec::new(), policy: policy.to_owned(), key };
    world.store.create_app(app).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn messages_of_a_policy_that_names_modems_go_through_these_whatever_their_number() {
    let mut world = World::new(2).await;
    add_app(&world, "staff", "staff").await;
    add_app(&world, "shop", "default").await;
    world.store.set_routes(staff_through("m1")).await.unwrap();
    world.dispatch(&no_budget()).await;
    let mut ids = Vec::new();
    for to in 0..4 {
        for (app, to, modem) in
            [("staff", to, Some("m1")), ("staff", 1000 + to, Some("m1")), ("shop", 1500 + to, Some("m0"))]
        {
            let app: AppName = app.parse().unwrap();
            let message = NewMessage { app: app.clone(), ..world.new_message(to) };
            ids.push((app, world.accept(message).await, modem));
        }
    }
    for (app, id, modem) in ids {
        let sent =
            async |world: &World| world.store.message(&app, id).await.unwrap().unwrap().message.status == Status::Sent;
        world.until("sent", sent).await;
        let attempts = world.store.message(&app, id).await.unwrap().unwrap().attempts;
        assert_eq!(Some(attempts[0].modem.as_str()), modem);
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_the_modems_of_its_policy_follows_a_reload_and_a_failure() {
    let mut world = World::new(2).await;
    add_app(&world, app().as_str(), "staff").await;
    world.store.set_routes(staff_through("m7")).await.unwrap();
    world.dispatch(&no_budget()).await;
    let waits = world.accept(world.new_message(1000)).await;
    world.pass(seconds(10)).await;
    assert_eq!(world.status(waits).await, Status::Queued);
    // The one that is named now fails first, and then does it.
    world.slots[1].device.faults().queue(Fault::HangUp(HangUp::BeforePrompt));
    world.store.set_routes(staff_through("m1")).await.unwrap();
    world.until_all(&[waits], Status::Sent).await;
    let modems: Vec<String> =
        world.detail(waits).await.attempts.iter().map(|attempt| attempt.modem.to_string()).collect();
    assert!(modems.len() > 1 && modems.iter().all(|modem| modem == "m1"), "{modems:?}");
}
