//! Status reports: which part they are about.

use std::time::Duration;

use smsotpd::clock::Moment;
use smsotpd::ids::MessageReference;
use smsotpd::message::{FailureClass, InDoubtPolicy, Next, Status};
use smsotpd::store::{Claimed, NewMessage, Report, ReportOutcome, SubmitResult};

use crate::world::{World, alice, app, number, part, seconds, sim};

#[tokio::test(start_paused = true)]
async fn a_report_settles_the_part_it_is_about_and_may_come_twice() {
    let world = World::new().await;
    let id = world.accept(world.new_message(&alice())).await;
    world.sent(&world.claim().await, 7).await;
    assert!(!world.report(&alice(), 8, ReportOutcome::Delivered).await, "another reference");
    assert!(!world.report(&number("+15557654321"), 7, ReportOutcome::Delivered).await, "another recipient");
    assert!(world.report(&alice(), 7, ReportOutcome::StillTrying).await);
    assert_eq!(world.status(id).await, Status::Sent);
    world.pass(seconds(5)).await;
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    let first = world.store.message(&app(), id).await.unwrap().unwrap();
    assert_eq!(first.message.status, Status::Delivered);
    assert_eq!(first.message.delivered_at, Some(world.clock.wall()));
    world.pass(seconds(5)).await;
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    assert_eq!(world.store.message(&app(), id).await.unwrap().unwrap(), first);
}

#[tokio::test(start_paused = true)]
async fn how_long_a_message_took_is_told_by_the_time_that_passed_whatever_the_wall_clock_did() {
    let world = World::new().await;
    let id = world.accept(world.new_message(&alice())).await;
    world.pass(Duration::from_millis(250)).await;
    world.sent(&world.claim().await, 7).await;
    let latency = async || world.store.message(&app(), id).await.unwrap().unwrap().message.latency;
    assert_eq!(latency().await, None);
    world.clock.jump_wall(-jiff::SignedDuration::from_hours(24 * 365 * 50));
    world.pass(seconds(2)).await;
    world.report(&alice(), 7, ReportOutcome::Delivered).await;
    assert_eq!(latency().await, Some(Duration::from_millis(2250)));
    world.pass(seconds(5)).await;
    world.report(&alice(), 7, ReportOutcome::Delivered).await;
    assert_eq!(latency().await, Some(Duration::from_millis(2250)));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_will_not_arrive_says_why_until_it_does() {
    let world = World::new().await;
    let id = world.accept(world.new_message(&alice())).await;
    world.sent(&world.claim().await, 7).await;
    let reason = async |id| world.store.message(&app(), id).await.unwrap().unwrap().message.reason;
    assert_eq!(reason(id).await, None);
    let report = |outcome, status_octet| Report {
        sim: sim("a"),
        to: alice(),
        reference: MessageReference(7),
        outcome,
        status_octet,
    };
    assert!(world.store.settle_report(vec![report(ReportOutcome::Undelivered, 0x43)]).await.unwrap().is_some());
    assert_eq!(reason(id).await.as_deref(), Some("the recipient cannot be reached (0x43)"));
    assert!(world.store.settle_report(vec![report(ReportOutcome::Delivered, 0)]).await.unwrap().is_some());
    assert_eq!(reason(id).await, None, "of two copies one arrived");

    let parts = world.accept(NewMessage { parts: 2, ..world.new_message(&alice()) }).await;
    world.sent(&world.claim().await, 8).await;
    let (class, code, next) = (FailureClass::Recipient, Some("+CMS ERROR: 1".to_owned()), Next::Fail);
    let refused = SubmitResult::Failed { class, code, reason: "the number is not in use".to_owned(), next };
    world.settle(&world.claim().await, refused).await;
    assert_eq!(reason(parts).await.as_deref(), Some("the number is not in use"));
}

#[tokio::test(start_paused = true)]
async fn a_reference_that_came_round_again_means_the_newest_part() {
    let world = World::new().await;
    let old = world.accept(world.new_message(&alice())).await;
    world.sent(&world.claim().await, 7).await;
    let new = world.accept(world.new_message(&alice())).await;
    world.sent(&world.claim().await, 7).await;
    assert!(world.report(&alice(), 7, ReportOutcome::Undelivered).await);
    assert_eq!((world.status(old).await, world.status(new).await), (Status::Sent, Status::Undelivered));
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    assert_eq!((world.status(old).await, world.status(new).await), (Status::Delivered, Status::Undelivered));
}

#[tokio::test(start_paused = true)]
async fn a_report_that_comes_before_the_answer_is_kept_for_it_even_over_a_crash() {
    let world = World::new().await;
    let id = world.accept(world.new_message(&alice())).await;
    let assignment = world.claim().await;
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    assert_eq!(world.status(id).await, Status::Sending);
    let after_crash = world.crash().await;
    world.sent(&assignment, 7).await;
    assert_eq!(world.status(id).await, Status::Delivered);
    after_crash.store.recover().await.unwrap();
    assert_eq!(after_crash.status(id).await, Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn an_early_report_about_another_reference_changes_nothing() {
    let world = World::new().await;
    let id = world.accept(world.new_message(&alice())).await;
    let assignment = world.claim().await;
    world.report(&alice(), 6, ReportOutcome::Delivered).await;
    world.sent(&assignment, 7).await;
    assert_eq!(world.status(id).await, Status::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_report_settles_what_is_in_doubt_when_it_can_be_no_other() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    world.in_doubt(&world.claim().await).await;
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    assert_eq!(world.status(otp.message.id).await, Status::Delivered);
    world.pass(seconds(21)).await;
    world.store.sweep().await.unwrap();
    world.claim_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_report_that_comes_before_the_second_copy_has_left_makes_it_needless() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    world.in_doubt(&world.claim().await).await;
    world.pass(seconds(21)).await;
    world.store.sweep().await.unwrap();
    assert_eq!(world.status(otp.message.id).await, Status::Queued);
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    assert_eq!(world.status(otp.message.id).await, Status::Delivered);
    world.claim_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_message_follows_the_part_that_a_report_found_before_its_second_copy() {
    let world = World::new().await;
    let policy = InDoubtPolicy::Resend;
    world.accept(NewMessage { parts: 2, in_doubt: policy, ..world.new_message(&alice()) }).await;
    world.in_doubt(&world.claim().await).await;
    world.pass(seconds(21)).await;
    world.store.sweep().await.unwrap();
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    let elsewhere = world.claim_with("b").await;
    assert!(
        matches!(elsewhere, Claimed::Nothing { .. }),
        "a handset joins only what comes from one number: {elsewhere:?}"
    );
    assert_eq!(world.claim().await.part, 1);
}

#[tokio::test(start_paused = true)]
async fn of_two_in_doubt_a_report_settles_neither() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(world.accept(world.new_message(&alice())).await);
        world.in_doubt(&world.claim().await).await;
    }
    assert!(!world.report(&alice(), 7, ReportOutcome::Delivered).await);
    for id in ids {
        assert_eq!(world.status(id).await, Status::InDoubt);
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_in_doubt_a_report_settles_neither_while_it_may_be_about_the_one_past_its_deadline() {
    let world = World::new().await;
    let short = NewMessage { deadline: world.clock.now() + seconds(60), ..world.new_message(&alice()) };
    let old = world.accept(short).await;
    world.in_doubt(&world.claim().await).await;
    let long = NewMessage { deadline: world.clock.now() + seconds(7200), ..world.new_message(&alice()) };
    let new = world.accept(long).await;
    world.in_doubt(&world.claim().await).await;
    world.pass(seconds(61)).await;
    assert!(!world.report(&alice(), 7, ReportOutcome::Delivered).await);
    assert_eq!((world.status(old).await, world.status(new).await), (Status::InDoubt, Status::InDoubt));
    world.pass(seconds(3600)).await;
    assert!(world.report(&alice(), 8, ReportOutcome::Delivered).await, "no report can be about the old one any more");
    assert_eq!((world.status(old).await, world.status(new).await), (Status::InDoubt, Status::Delivered));
}

#[tokio::test(start_paused = true)]
async fn a_report_about_the_first_copy_of_a_message_settles_no_other_in_doubt() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    world.in_doubt(&world.claim().await).await;
    world.pass(seconds(21)).await;
    world.store.sweep().await.unwrap();
    world.sent(&world.claim().await, 8).await;
    let doubted = world.accept(world.new_message(&alice())).await;
    world.in_doubt(&world.claim().await).await;
    assert!(!world.report(&alice(), 7, ReportOutcome::Delivered).await);
    assert_eq!((world.status(otp.message.id).await, world.status(doubted).await), (Status::Sent, Status::InDoubt));
}

#[tokio::test(start_paused = true)]
async fn a_doubt_that_a_report_has_ended_stands_in_no_other_reports_way() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    world.in_doubt(&world.claim().await).await;
    world.pass(seconds(21)).await;
    world.store.sweep().await.unwrap();
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    let doubted = world.accept(world.new_message(&alice())).await;
    world.in_doubt(&world.claim().await).await;
    assert!(world.report(&alice(), 8, ReportOutcome::Delivered).await);
    assert_eq!(
        (world.status(otp.message.id).await, world.status(doubted).await),
        (Status::Delivered, Status::Delivered)
    );
}

#[tokio::test(start_paused = true)]
async fn a_report_about_a_sent_part_does_not_settle_one_in_doubt() {
    let world = World::new().await;
    let doubted = world.accept(world.new_message(&alice())).await;
    world.in_doubt(&world.claim().await).await;
    let sent = world.accept(world.new_message(&alice())).await;
    world.sent(&world.claim().await, 7).await;
    for _ in 0..2 {
        assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    }
    assert_eq!((world.status(doubted).await, world.status(sent).await), (Status::InDoubt, Status::Delivered));
}

#[tokio::test(start_paused = true)]
async fn a_message_in_doubt_past_its_deadline_is_beyond_reports() {
    let world = World::new().await;
    let id = world.accept(world.new_message(&alice())).await;
    world.in_doubt(&world.claim().await).await;
    world.pass(seconds(3600)).await;
    assert!(!world.report(&alice(), 7, ReportOutcome::Delivered).await);
    assert_eq!(world.status(id).await, Status::InDoubt);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_delivered_when_every_part_is() {
    let world = World::new().await;
    let id = world.accept(NewMessage { parts: 2, ..world.new_message(&alice()) }).await;
    world.sent(&world.claim().await, 1).await;
    assert!(world.report(&alice(), 1, ReportOutcome::Delivered).await);
    world.sent(&world.claim().await, 2).await;
    assert_eq!(world.status(id).await, Status::Sent);
    assert!(world.report(&alice(), 2, ReportOutcome::Delivered).await);
    assert_eq!(world.status(id).await, Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn a_report_about_a_part_that_started_again_elsewhere_settles_no_other_message() {
    let world = World::new().await;
    let long = world.accept(NewMessage { parts: 2, ..world.new_message(&alice()) }).await;
    world.sent(&world.claim().await, 7).await;
    let second = world.claim().await;
    world.settle(&second, elsewhere()).await;
    part(world.claim_with("b").await);
    let doubted = world.accept(world.new_message(&alice())).await;
    world.in_doubt(&world.claim().await).await;
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    assert_eq!(world.status(doubted).await, Status::InDoubt);
    let detail = world.store.message(&app(), long).await.unwrap().unwrap();
    assert_eq!((detail.message.status, detail.attempts[0].report), (Status::Sending, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn a_late_report_about_a_part_that_started_again_elsewhere_settles_no_other_message() {
    let world = World::new().await;
    let deadline = world.clock.now() + seconds(2 * 86_400);
    world.accept(NewMessage { parts: 2, deadline, ..world.new_message(&alice()) }).await;
    world.sent(&world.claim().await, 7).await;
    world.settle(&world.claim().await, elsewhere()).await;
    for reference in [1, 2] {
        world.sent(&part(world.claim_with("b").await), reference).await;
    }
    world.pass(seconds(2 * 86_400 + 24 * 3600 - 1)).await;
    let doubted = world.accept(world.new_message(&alice())).await;
    world.in_doubt(&world.claim().await).await;
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    assert_eq!(world.status(doubted).await, Status::InDoubt);
    world.pass(seconds(1)).await;
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await, "nobody waits a day for a report");
    assert_eq!(world.status(doubted).await, Status::Delivered);
}

fn elsewhere() -> SubmitResult {
    let reason = "the modem is broken".to_owned();
    SubmitResult::Failed {
        class: FailureClass::Modem,
        code: None,
        reason,
        next: Next::OtherModem { again: Moment::from_millis(0) },
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_long_after_the_deadline_is_not_about_what_was_sent_then() {
    let world = World::new().await;
    let old = world.accept(world.new_message(&alice())).await;
    world.sent(&world.claim().await, 7).await;
    world.pass(seconds(2 * 3600 - 1)).await;
    assert!(world.report(&alice(), 7, ReportOutcome::StillTrying).await);
    world.pass(seconds(1)).await;
    let doubted = world.accept(world.new_message(&alice())).await;
    world.in_doubt(&world.claim().await).await;
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    assert_eq!((world.status(old).await, world.status(doubted).await), (Status::Sent, Status::Delivered));
}

#[tokio::test(start_paused = true)]
async fn the_references_of_one_sim_are_not_used_up_by_another() {
    let world = World::new().await;
    world.accept(world.new_message(&alice())).await;
    world.sent(&world.claim().await, 7).await;
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    for sim in ["b", "a"] {
        for index in 0..200 {
            world.accept(world.new_message(&number(&format!("+1555200{index:04}")))).await;
            world.sent(&part(world.claim_with(sim).await), 8).await;
        }
        let known = world.report(&alice(), 7, ReportOutcome::Delivered).await;
        assert_eq!(known, sim == "b", "after 200 attempts of {sim}");
    }
}
