//! Modems that stand in line for a part.

use smsotpd::clock::Moment;
use smsotpd::message::{FailureClass, Next, Priority, Status};
use smsotpd::store::{Claim, NewMessage, SubmitResult};

use crate::world::{World, alice, claim, number, seconds};

#[tokio::test(start_paused = true)]
async fn a_modem_in_line_is_given_a_message_in_the_commit_that_accepts_it() {
    let world = World::new().await;
    let mut standing = world.store.stand(claim("a")).await.unwrap();
    let id = world.accept(world.new_message(&alice())).await;
    // When the app has its answer, the attempt is on disk, as a crash right now shows.
    let after = world.crash().await;
    assert_eq!(after.status(id).await, Status::Sending);
    assert_eq!(standing.part().await.unwrap().message, id);
}

#[tokio::test(start_paused = true)]
async fn what_waits_already_is_given_at_once() {
    let world = World::new().await;
    let id = world.accept(world.new_message(&alice())).await;
    let mut standing = world.store.stand(claim("a")).await.unwrap();
    assert_eq!(standing.part().await.unwrap().message, id);
}

#[tokio::test(start_paused = true)]
async fn one_message_goes_to_the_modem_that_has_waited_longest() {
    let world = World::new().await;
    let mut first = world.store.stand(claim("a")).await.unwrap();
    let second = world.store.stand(claim("b")).await.unwrap();
    let id = world.accept(world.new_message(&alice())).await;
    assert_eq!(first.part().await.unwrap().message, id);
    assert!(second.withdraw().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_is_kept_for_codes_lets_a_text_pass_to_the_next() {
    let world = World::new().await;
    let mut for_codes = world.store.stand(Claim { lowest: Priority::Otp, ..claim("a") }).await.unwrap();
    let mut for_all = world.store.stand(claim("b")).await.unwrap();
    let text = world.accept(world.new_message(&alice())).await;
    assert_eq!(for_all.part().await.unwrap().message, text);
    let otp = world.issue(world.new_otp(&alice())).await;
    assert_eq!(for_codes.part().await.unwrap().message, otp.message.id);
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_left_the_line_is_given_nothing() {
    let world = World::new().await;
    let gone = world.store.stand(claim("a")).await.unwrap();
    assert!(gone.withdraw().is_none());
    let id = world.accept(world.new_message(&alice())).await;
    assert_eq!(world.status(id).await, Status::Queued);
    assert_eq!(world.claim().await.message, id);
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_leaves_too_late_is_told_what_it_was_given() {
    let world = World::new().await;
    let standing = world.store.stand(claim("a")).await.unwrap();
    let id = world.accept(world.new_message(&alice())).await;
    let given = standing.withdraw().expect("it was assigned before");
    assert_eq!(given.message, id);
    world.settle(&given, SubmitResult::NotReady { reason: "the modem is gone".to_owned() }).await;
    assert_eq!(world.claim().await.message, id);
}

/// The next message goes to a network that is too busy for it; when it may go again.
async fn goes_again_in_4_seconds(world: &World) -> Moment {
    let retry = world.clock.now() + seconds(4);
    let failed = SubmitResult::Failed {
        class: FailureClass::Network,
        code: None,
        reason: "congestion".to_owned(),
        next: Next::RetryAt(retry),
    };
    world.settle(&world.claim().await, failed).await;
    retry
}

#[tokio::test(start_paused = true)]
async fn what_may_only_go_later_is_given_when_its_time_has_come() {
    let world = World::new().await;
    let id = world.accept(world.new_message(&alice())).await;
    let retry = goes_again_in_4_seconds(&world).await;
    let mut look_at = world.store.look_at();
    let mut standing = world.store.stand(claim("a")).await.unwrap();
    look_at.changed().await.unwrap();
    assert_eq!(*look_at.borrow_and_update(), Some(retry));
    world.pass(seconds(4)).await;
    world.store.look().await.unwrap();
    assert_eq!(standing.part().await.unwrap().message, id);
}

#[tokio::test(start_paused = true)]
async fn sixty_four_in_line_are_given_each_its_own() {
    let world = World::new().await;
    let mut line = Vec::new();
    for n in 0..64 {
        line.push(world.store.stand(claim(&format!("sim-{n}"))).await.unwrap());
    }
    let mut ids = Vec::new();
    for n in 0..64 {
        let to = number(&format!("+1555200{n:04}"));
        ids.push(world.accept(NewMessage { ..world.new_message(&to) }).await);
    }
    let mut given = Vec::new();
    for standing in &mut line {
        given.push(standing.part().await.unwrap().message);
    }
    assert_eq!(given, ids);
}

#[tokio::test(start_paused = true)]
async fn when_nobody_stands_in_line_nothing_is_looked_at() {
    let world = World::new().await;
    world.accept(world.new_message(&alice())).await;
    let retry = goes_again_in_4_seconds(&world).await;
    let standing = world.store.stand(claim("a")).await.unwrap();
    world.store.look().await.unwrap();
    assert_eq!(*world.store.look_at().borrow(), Some(retry));
    assert!(standing.withdraw().is_none());
    world.pass(seconds(4)).await;
    world.store.look().await.unwrap();
    assert_eq!(*world.store.look_at().borrow(), None);
}
