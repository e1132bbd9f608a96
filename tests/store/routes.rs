//! Routes that change while messages wait.

use smsotpd::route::{Route, Routes};
use smsotpd::store::{Claim, Claimed, NewMessage, StoreError, SubmitResult};
use tokio::task::JoinSet;

use crate::world::{World, alice, claim, number, part, seconds};

/// More than one step moves.
const MANY: u32 = 700;
/// Each route has so many queues.
const PRIORITIES: u32 = 3;

fn routes(prefix: &str, modem: &str) -> Routes {
    Routes::new(vec![Route { prefix: prefix.parse().unwrap(), modems: vec![modem.parse().unwrap()] }])
}

/// So many messages wait for Alice, each with a deadline of its own.
async fn many_wait(world: &World) {
    let mut accepting = JoinSet::new();
    for place in 0..MANY {
        let deadline = world.clock.now() + seconds(3600 + u64::from(place));
        let (store, message) = (world.store.clone(), world.new_message(&alice()));
        accepting.spawn(async move { store.accept(NewMessage { deadline, ..message }, None).await });
        if accepting.len() == 500 {
            accepting.join_next().await.unwrap().unwrap().unwrap();
        }
    }
    while let Some(accepted) = accepting.join_next().await {
        accepted.unwrap().unwrap();
    }
}

async fn gets_something(world: &World, modem: &str) -> bool {
    let claim = Claim { modem: modem.parse().unwrap(), ..claim("a") };
    match world.store.claim(claim).await.unwrap() {
        Claimed::Nothing { .. } => false,
        Claimed::Part(part) => {
            world.settle(&part, SubmitResult::NotReady { reason: "just looking".to_owned() }).await;
            true
        }
    }
}

#[tokio::test(start_paused = true)]
async fn routes_that_could_not_be_kept_change_nothing() {
    let world = World::new().await;
    world.store.set_routes(routes("+1555", "m1")).await.unwrap();
    world.accept(world.new_message(&alice())).await;
    let other = rusqlite::Connection::open(world.folder.path().join("smsotpd.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = world.store.set_routes(routes("+1555", "m7")).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(*world.store.routes(), routes("+1555", "m1"));
    assert!(!gets_something(&world, "m7").await);
    assert!(gets_something(&world, "m1").await);
    world.sent(&part(world.claim_with("a").await), 1).await;
    world.accept(world.new_message(&number("+15559876543"))).await;
    assert!(!gets_something(&world, "m7").await, "what is accepted afterwards goes by the old routes, too");
}

#[tokio::test(start_paused = true)]
async fn many_that_wait_are_moved_in_steps_and_none_goes_by_a_route_that_is_no_more() {
    let world = World::new().await;
    world.store.set_routes(routes("+1555", "m1")).await.unwrap();
    many_wait(&world).await;
    world.store.set_routes(routes("+1555", "m7")).await.unwrap();
    assert!(!gets_something(&world, "m1").await);
    assert!(gets_something(&world, "m7").await, "the same queue, by another route");
    // Now another queue: the first step moves some, and the rest waits for its turn.
    world
        .store
        .set_routes(Routes::new(vec![
            Route { prefix: "+49".parse().unwrap(), modems: vec!["m1".parse().unwrap()] },
            Route { prefix: "+1555".parse().unwrap(), modems: vec!["m7".parse().unwrap()] },
        ]))
        .await
        .unwrap();
    assert!(!gets_something(&world, "m1").await, "those that are not moved yet are not m1's");
    assert!(gets_something(&world, "m7").await);
    assert_eq!(queues(&world).len(), 2, "a step has an end");
    let crashed = world.crash().await;
    crashed.store.set_routes(routes("+49", "m1")).await.unwrap();
    for (world, queue) in [(&world, 2 * PRIORITIES + 1), (&crashed, 1)] {
        world.store.sweep().await.unwrap();
        assert_eq!(queues(world), [(queue, MANY)]);
    }
    assert!(!gets_something(&world, "m1").await);
    assert!(gets_something(&world, "m7").await);
    assert!(gets_something(&crashed, "m1").await, "they have no route any more");
}

/// How many messages wait in which queue.
fn queues(world: &World) -> Vec<(u32, u32)> {
    let conn = rusqlite::Connection::open(world.folder.path().join("smsotpd.db")).unwrap();
    let mut statement = conn.prepare("SELECT queue, count(*) FROM message GROUP BY queue").unwrap();
    let queues = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    queues.collect::<Result<_, _>>().unwrap()
}
