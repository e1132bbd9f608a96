//! Codes that were sent, of which no report came, and that another SIM sends once more.

use smsotpd::ids::{MessageId, MessageReference};
use smsotpd::message::{FailureClass, InDoubtPolicy, Next, Status};
use smsotpd::store::{
    Assignment, AttemptOutcome, CancelOutcome, Claim, Claimed, Kind, Neighbour, NewMessage, NewOtp, OtpView, Reader,
    Report, ReportOutcome, SubmitResult,
};

use crate::world::{CODE, TEXT, World, alice, app, claim, number, part, seconds, sim};

/// So long after a code was sent another SIM may send it once more.
const WAIT: u64 = 100;
/// The TP-MR of the first copy.
const FIRST: u8 = 7;
/// The TP-MR of the second copy.
const SECOND: u8 = 8;

fn otp(world: &World) -> NewOtp {
    let otp = world.new_otp(&alice());
    NewOtp { message: NewMessage { second_after: Some(seconds(WAIT)), ..otp.message.clone() }, ..otp }
}

/// An otp whose message was sent through the SIM `a` a moment ago.
async fn sent(world: &World) -> OtpView {
    let otp = world.issue(otp(world)).await;
    world.sent(&world.claim().await, FIRST).await;
    otp
}

/// The same, when the time to wait for a report is over.
async fn silent(world: &World) -> OtpView {
    let otp = sent(world).await;
    world.pass(seconds(WAIT)).await;
    otp
}

/// The same, of which the SIM `b` is sending the second copy.
async fn sending(world: &World) -> (OtpView, Assignment) {
    let otp = silent(world).await;
    (otp, part(world.claim_with("b").await))
}

async fn next_for(world: &World, sim: &str) -> Option<smsotpd::clock::Moment> {
    match world.claim_with(sim).await {
        Claimed::Nothing { next } => next,
        Claimed::Part(_) => panic!("{sim} was given something"),
    }
}

async fn outcomes(world: &World, id: MessageId) -> Vec<(String, AttemptOutcome)> {
    let detail = world.store.message(&app(), id).await.unwrap().unwrap();
    detail.attempts.iter().map(|attempt| (attempt.sim.as_str().to_owned(), attempt.outcome)).collect()
}

async fn resent(world: &World, id: MessageId) -> bool {
    world.store.message(&app(), id).await.unwrap().unwrap().message.resent
}

fn failed(class: FailureClass, next: Next) -> SubmitResult {
    SubmitResult::Failed { class, code: Some("+CMS ERROR: 41".to_owned()), reason: "no".to_owned(), next }
}

fn not_ready() -> SubmitResult {
    SubmitResult::NotReady { reason: "not registered".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn another_sim_sends_what_no_report_came_of_once_more_and_only_once() {
    let world = World::new().await;
    let otp = sent(&world).await;
    let due = world.clock.now() + seconds(WAIT);
    assert_eq!((next_for(&world, "b").await, next_for(&world, "a").await), (Some(due), None));
    world.pass(seconds(WAIT)).await;
    world.claim_nothing().await;
    assert_eq!(world.status(otp.message.id).await, Status::Sent, "nobody else was there, and nothing is withheld");
    let second = part(world.claim_with("b").await);
    assert_eq!((second.message, second.text.expose(), second.deadline), (otp.message.id, TEXT, otp.expires));
    assert_eq!(world.status(otp.message.id).await, Status::Sending);
    world.sent(&second, SECOND).await;
    assert_eq!(world.status(otp.message.id).await, Status::Sent);
    assert!(resent(&world, otp.message.id).await);
    world.pass(seconds(WAIT)).await;
    for sim in ["a", "b", "c"] {
        assert_eq!(next_for(&world, sim).await, None);
    }
    let tries = outcomes(&world, otp.message.id).await;
    assert_eq!(tries, [("a".to_owned(), AttemptOutcome::Sent), ("b".to_owned(), AttemptOutcome::Sent)]);
}

#[tokio::test(start_paused = true)]
async fn without_being_asked_nothing_goes_out_twice() {
    let world = World::new().await;
    world.issue(world.new_otp(&alice())).await;
    world.sent(&world.claim().await, FIRST).await;
    world.pass(seconds(299)).await;
    assert_eq!(next_for(&world, "b").await, None);
}

#[tokio::test(start_paused = true)]
async fn what_has_arrived_or_never_will_goes_out_no_more() {
    for outcome in [ReportOutcome::Delivered, ReportOutcome::Undelivered] {
        let world = World::new().await;
        sent(&world).await;
        assert!(world.report(&alice(), FIRST, outcome).await);
        world.pass(seconds(WAIT)).await;
        assert_eq!(next_for(&world, "b").await, None, "{outcome:?}");
    }
    let world = World::new().await;
    sent(&world).await;
    assert!(world.report(&alice(), FIRST, ReportOutcome::StillTrying).await);
    world.pass(seconds(WAIT)).await;
    part(world.claim_with("b").await);
}

#[tokio::test(start_paused = true)]
async fn once_the_otp_has_ended_nothing_more_goes_out_and_its_text_is_gone() {
    let world = World::new().await;
    let new = otp(&world);
    let sealed = new.message.text.as_bytes().to_vec();
    let otp = world.issue(new).await;
    world.sent(&world.claim().await, FIRST).await;
    world.pass(seconds(WAIT)).await;
    assert!(world.holds(&sealed), "it may still be needed");
    assert!(world.verify(otp.id, CODE).await.verified);
    assert_eq!(next_for(&world, "b").await, None);
    assert_eq!(world.status(otp.message.id).await, Status::Sent);
    for _ in 0..10 {
        world.pass(seconds(61)).await;
        world.store.sweep().await.unwrap();
    }
    assert!(!world.holds(&sealed));
    let world = World::new().await;
    let otp = silent(&world).await;
    world.pass(seconds(200)).await;
    assert_eq!(next_for(&world, "b").await, None, "it is too late");
    world.store.sweep().await.unwrap();
    assert_eq!(world.status(otp.message.id).await, Status::Sent);
}

#[tokio::test(start_paused = true)]
async fn either_copy_that_arrives_delivers_the_message() {
    for (sim, reference) in [("a", FIRST), ("b", SECOND)] {
        let world = World::new().await;
        let (otp, second) = sending(&world).await;
        world.sent(&second, SECOND).await;
        let (other, its) = if sim == "a" { ("b", SECOND) } else { ("a", FIRST) };
        assert!(world.report_at(other, &alice(), its, ReportOutcome::Undelivered).await);
        assert!(world.report_at(sim, &alice(), reference, ReportOutcome::Delivered).await);
        assert_eq!(world.status(otp.message.id).await, Status::Delivered, "through {sim}");
    }
}

#[tokio::test(start_paused = true)]
async fn that_the_first_copy_arrives_while_the_second_is_being_sent_is_not_lost() {
    for came_of_it in [
        SubmitResult::Sent { reference: MessageReference(SECOND) },
        SubmitResult::InDoubt { reason: "no answer".to_owned() },
        failed(FailureClass::Recipient, Next::Fail),
        not_ready(),
        SubmitResult::Expired,
    ] {
        let world = World::new().await;
        let (otp, second) = sending(&world).await;
        assert!(world.report(&alice(), FIRST, ReportOutcome::Delivered).await);
        let world = world.crash().await;
        world.settle(&second, came_of_it.clone()).await;
        assert_eq!(world.status(otp.message.id).await, Status::Delivered, "{came_of_it:?}");
        assert_eq!(next_for(&world, "b").await, None, "{came_of_it:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_copy_that_is_not_sent_leaves_the_message_as_it_was() {
    for came_of_it in [failed(FailureClass::Recipient, Next::Fail), SubmitResult::Expired] {
        let world = World::new().await;
        let (otp, second) = sending(&world).await;
        world.settle(&second, came_of_it.clone()).await;
        assert_eq!(world.status(otp.message.id).await, Status::Sent, "{came_of_it:?}");
        assert!(!resent(&world, otp.message.id).await, "{came_of_it:?}");
        for sim in ["a", "b", "c"] {
            assert_eq!(next_for(&world, sim).await, None, "{came_of_it:?}");
        }
        assert!(world.report(&alice(), FIRST, ReportOutcome::Delivered).await);
        assert_eq!(world.status(otp.message.id).await, Status::Delivered, "{came_of_it:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_copy_that_could_not_be_sent_yet_is_tried_again_and_never_by_the_first_sim() {
    let world = World::new().await;
    let (otp, second) = sending(&world).await;
    let retry = world.clock.now() + seconds(4);
    world.settle(&second, failed(FailureClass::Network, Next::RetryAt(retry))).await;
    assert_eq!(world.status(otp.message.id).await, Status::Sent);
    assert_eq!((next_for(&world, "a").await, next_for(&world, "b").await), (None, Some(retry)));
    world.pass(seconds(4)).await;
    let again = part(world.claim_with("b").await);
    assert_eq!(again.failures, 1, "so that pauses grow");
    world.settle(&again, failed(FailureClass::Modem, Next::OtherModem { again: world.clock.now() })).await;
    let again = part(world.claim_with("c").await);
    world.settle(&again, not_ready()).await;
    assert_eq!(next_for(&world, "a").await, None);
    world.sent(&part(world.claim_with("c").await), SECOND).await;
    assert!(world.report_at("c", &alice(), SECOND, ReportOutcome::Delivered).await);
    assert_eq!(world.status(otp.message.id).await, Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn a_second_copy_in_doubt_puts_nothing_in_doubt_and_no_third_goes_out() {
    let world = World::new().await;
    let (otp, _) = sending(&world).await;
    let world = world.crash().await;
    assert_eq!(world.store.recover().await, Ok(1));
    assert_eq!(world.status(otp.message.id).await, Status::Sent);
    assert!(resent(&world, otp.message.id).await, "perhaps");
    world.pass(seconds(21)).await;
    world.store.sweep().await.unwrap();
    for sim in ["a", "b"] {
        assert_eq!(next_for(&world, sim).await, None);
    }
    let second = world.store.message(&app(), otp.message.id).await.unwrap().unwrap().attempts.pop().unwrap();
    assert_eq!((second.sim.as_str(), second.outcome), ("b", AttemptOutcome::InDoubt));
    assert!(world.report(&alice(), FIRST, ReportOutcome::Undelivered).await);
    assert_eq!(world.status(otp.message.id).await, Status::Undelivered);
    assert!(world.report_at("b", &alice(), 99, ReportOutcome::Delivered).await, "it can be about no other");
    assert_eq!(world.status(otp.message.id).await, Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn bad_news_of_one_copy_is_bad_news_of_the_message_only_with_that_of_the_other() {
    for order in [[("a", FIRST), ("b", SECOND)], [("b", SECOND), ("a", FIRST)]] {
        let world = World::new().await;
        let (otp, second) = sending(&world).await;
        world.sent(&second, SECOND).await;
        for ((sim, reference), status) in order.into_iter().zip([Status::Sent, Status::Undelivered]) {
            assert!(world.report_at(sim, &alice(), reference, ReportOutcome::Undelivered).await);
            assert_eq!(world.status(otp.message.id).await, status, "{order:?}");
        }
        assert_eq!((next_for(&world, "b").await, next_for(&world, "c").await), (None, None));
        let (late, its) = order[0];
        assert!(world.report_at(late, &alice(), its, ReportOutcome::Delivered).await);
        assert_eq!(world.status(otp.message.id).await, Status::Delivered, "{order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_may_name_another_number_is_about_the_first_copy_when_its_reference_is_that_ones() {
    let world = World::new().await;
    let (otp, second) = sending(&world).await;
    world.sent(&second, SECOND).await;
    let bob = number("+15557654321");
    let doubtful = world.accept(world.new_message(&bob)).await;
    world.in_doubt(&world.claim().await).await;
    let (outcome, reference) = (ReportOutcome::Delivered, MessageReference(FIRST));
    let reading = |to| Report { sim: sim("a"), to, reference, outcome, status_octet: 0 };
    let about = world.store.settle_report(vec![reading(bob), reading(alice())]).await.unwrap();
    assert_eq!(about, Some(alice()));
    assert_eq!(world.status(otp.message.id).await, Status::Delivered);
    assert_eq!(world.status(doubtful).await, Status::InDoubt);
}

#[tokio::test(start_paused = true)]
async fn what_was_in_doubt_until_the_network_said_that_it_still_tries_can_have_a_second_copy() {
    for (policy, is_there) in [(InDoubtPolicy::Resend, true), (InDoubtPolicy::Hold, false)] {
        let world = World::new().await;
        let mut otp = otp(&world);
        otp.message.in_doubt = policy;
        let otp = world.issue(otp).await;
        world.in_doubt(&world.claim().await).await;
        assert!(world.report(&alice(), FIRST, ReportOutcome::StillTrying).await);
        assert_eq!(world.status(otp.message.id).await, Status::Sent);
        world.pass(seconds(WAIT)).await;
        // What is held is erased.
        let claimed = world.claim_with("b").await;
        assert_eq!(matches!(claimed, Claimed::Part(_)), is_there, "{policy:?}: {claimed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_wanted_no_messages_for_a_moment_gets_no_second_copy() {
    let world = World::new().await;
    let (otp, second) = sending(&world).await;
    world.store.opt_out(&alice(), &app()).await.unwrap();
    world.store.opt_in(&alice(), &app()).await.unwrap();
    world.settle(&second, not_ready()).await;
    assert_eq!((world.status(otp.message.id).await, next_for(&world, "b").await), (Status::Sent, None));
}

#[tokio::test(start_paused = true)]
async fn only_codes_have_a_second_copy() {
    let world = World::new().await;
    world.accept(NewMessage { second_after: Some(seconds(WAIT)), ..world.new_message(&alice()) }).await;
    world.sent(&world.claim().await, FIRST).await;
    world.pass(seconds(WAIT)).await;
    assert_eq!(next_for(&world, "b").await, None);
}

#[tokio::test(start_paused = true)]
async fn what_went_out_twice_after_a_doubt_does_not_go_out_a_third_time() {
    let world = World::new().await;
    world.issue(otp(&world)).await;
    world.in_doubt(&world.claim().await).await;
    world.pass(seconds(21)).await;
    world.store.sweep().await.unwrap();
    world.sent(&world.claim().await, SECOND).await;
    world.pass(seconds(WAIT)).await;
    assert_eq!(next_for(&world, "b").await, None);
}

#[tokio::test(start_paused = true)]
async fn new_codes_go_first_and_everything_else_after_it() {
    let world = World::new().await;
    let overdue = silent(&world).await.message.id;
    let other = world.accept(world.new_message(&alice())).await;
    let new = world.issue(NewOtp { purpose: "pay".to_owned(), ..world.new_otp(&alice()) }).await.message.id;
    for expected in [new, overdue, other] {
        assert_eq!(part(world.claim_with("b").await).message, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_waits_in_line_is_given_the_second_copy_when_it_is_due() {
    let world = World::new().await;
    let mut first = world.store.stand(claim("a")).await.unwrap();
    let mut second = world.store.stand(claim("b")).await.unwrap();
    let otp = world.issue(otp(&world)).await;
    let assignment = first.part().await.unwrap();
    world.sent(&assignment, FIRST).await;
    let _first = world.store.stand(Claim { modem: "m0".parse().unwrap(), ..claim("a") }).await.unwrap();
    let due = world.clock.now() + seconds(WAIT);
    assert_eq!(*world.store.look_at().borrow(), Some(due));
    world.pass(seconds(WAIT)).await;
    world.store.look().await.unwrap();
    assert_eq!(second.part().await.unwrap().message, otp.message.id);
}

#[tokio::test(start_paused = true)]
async fn that_the_first_copy_is_still_being_tried_keeps_the_message_from_being_given_up() {
    let world = World::new().await;
    let (otp, second) = sending(&world).await;
    world.sent(&second, SECOND).await;
    assert!(world.report(&alice(), FIRST, ReportOutcome::StillTrying).await);
    assert!(world.report_at("b", &alice(), SECOND, ReportOutcome::Undelivered).await);
    assert_eq!(world.status(otp.message.id).await, Status::Sent);
    assert!(world.report(&alice(), FIRST, ReportOutcome::Undelivered).await);
    assert_eq!(world.status(otp.message.id).await, Status::Undelivered);
}

#[tokio::test(start_paused = true)]
async fn an_older_report_on_the_first_copy_that_comes_late_does_not_revive_it() {
    let world = World::new().await;
    let (otp, second) = sending(&world).await;
    world.sent(&second, SECOND).await;
    assert!(world.report(&alice(), FIRST, ReportOutcome::Undelivered).await);
    assert!(world.report(&alice(), FIRST, ReportOutcome::StillTrying).await);
    assert!(world.report_at("b", &alice(), SECOND, ReportOutcome::Undelivered).await);
    assert_eq!(world.status(otp.message.id).await, Status::Undelivered);
}

#[tokio::test(start_paused = true)]
async fn a_report_on_the_first_copy_is_not_about_an_older_message_that_had_its_reference() {
    let world = World::new().await;
    let old = world.accept(world.new_message(&alice())).await;
    world.sent(&world.claim().await, FIRST).await;
    let (otp, second) = sending(&world).await;
    world.sent(&second, SECOND).await;
    assert!(world.report(&alice(), FIRST, ReportOutcome::Delivered).await);
    assert_eq!((world.status(old).await, world.status(otp.message.id).await), (Status::Sent, Status::Delivered));
}

#[tokio::test(start_paused = true)]
async fn the_next_message_waits_for_the_sim_whose_copy_arrived() {
    let world = World::new().await;
    let (otp, second) = sending(&world).await;
    world.sent(&second, SECOND).await;
    assert!(world.report(&alice(), FIRST, ReportOutcome::Delivered).await);
    assert!(world.report_at("b", &alice(), SECOND, ReportOutcome::Undelivered).await);
    assert_eq!(world.status(otp.message.id).await, Status::Delivered);
    world.accept(world.new_message(&alice())).await;
    let others = vec![Neighbour { modem: "m0".parse().unwrap(), sim: sim("a") }];
    let by_b = world.store.claim(Claim { others, ..claim("b") }).await.unwrap();
    assert!(matches!(by_b, Claimed::Nothing { .. }), "{by_b:?}");
}

#[tokio::test(start_paused = true)]
async fn an_otp_that_expires_while_its_second_copy_is_being_sent_is_told_to_have_been_sent() {
    let world = World::new().await;
    sending(&world).await;
    world.pass(seconds(201)).await;
    world.store.sweep().await.unwrap();
    let told = world.store.events_after(0, Reader::Admin, Vec::new(), 100).await.unwrap().events.pop().unwrap();
    assert_eq!((told.kind, told.data.message.unwrap().status), (Kind::OtpExpired, Status::Sent));
}

#[tokio::test(start_paused = true)]
async fn who_withdraws_a_message_that_was_sent_keeps_its_second_copy_from_going_out() {
    let world = World::new().await;
    let otp = sent(&world).await;
    let cancelled = world.store.cancel_message(&app(), otp.message.id).await.unwrap();
    assert!(matches!(cancelled, Some(CancelOutcome::TooLate(_))));
    world.pass(seconds(WAIT)).await;
    assert_eq!(next_for(&world, "b").await, None);
}
