//! Messages in doubt that go out once more: what reports tell of the first copy, whatever becomes of the second.

use smsotpd::clock::Moment;
use smsotpd::ids::MessageReference;
use smsotpd::message::{FailureClass, InDoubtPolicy, Next, Status};
use smsotpd::store::{Assignment, CancelOutcome, Claimed, NewMessage, OtpView, ReportOutcome, SubmitResult};

use crate::world::{World, alice, app, number, part, seconds};

/// An otp whose message is in doubt through the SIM `a`, and has waited until it may go out once more.
async fn doubted(world: &World) -> OtpView {
    let otp = world.issue(world.new_otp(&alice())).await;
    world.in_doubt(&world.claim().await).await;
    end_doubt(world).await;
    otp
}

async fn end_doubt(world: &World) {
    world.pass(seconds(21)).await;
    world.store.sweep().await.unwrap();
}

async fn second_copy(world: &World, sim: &str) -> Assignment {
    part(world.claim_with(sim).await)
}

/// The same, of which the second copy is in doubt as well, through this SIM.
async fn twice_doubted(world: &World, sim: &str) -> OtpView {
    let otp = doubted(world).await;
    world.settle(&second_copy(world, sim).await, in_doubt()).await;
    otp
}

fn refused() -> SubmitResult {
    SubmitResult::Failed {
        class: FailureClass::Unknown,
        code: Some("+CMS ERROR: 500".to_owned()),
        reason: "an unknown error".to_owned(),
        next: Next::Fail,
    }
}

fn not_ready() -> SubmitResult {
    SubmitResult::NotReady { reason: "no prompt".to_owned() }
}

fn in_doubt() -> SubmitResult {
    SubmitResult::InDoubt { reason: "no answer".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_report_settles_the_first_copy_whatever_came_of_the_second_try() {
    for sim in ["a", "b"] {
        for came_of_it in [not_ready(), in_doubt()] {
            let world = World::new().await;
            let otp = doubted(&world).await;
            world.settle(&second_copy(&world, sim).await, came_of_it.clone()).await;
            assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await, "{sim} {came_of_it:?}");
            assert_eq!(world.status(otp.message.id).await, Status::Delivered, "{sim} {came_of_it:?}");
            end_doubt(&world).await;
            world.claim_nothing().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_on_the_first_copy_that_comes_during_the_second_try_is_kept_for_its_end() {
    for sim in ["a", "b"] {
        for came_of_it in [not_ready(), in_doubt()] {
            let world = World::new().await;
            let otp = doubted(&world).await;
            let second = second_copy(&world, sim).await;
            assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await, "{sim} {came_of_it:?}");
            assert_eq!(world.status(otp.message.id).await, Status::Sending);
            let world = world.crash().await;
            world.settle(&second, came_of_it.clone()).await;
            assert_eq!(world.status(otp.message.id).await, Status::Delivered, "{sim} {came_of_it:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn once_the_second_copy_is_sent_only_good_news_of_the_first_changes_anything() {
    let world = World::new().await;
    let otp = doubted(&world).await;
    world.settle(&second_copy(&world, "b").await, SubmitResult::Sent { reference: MessageReference(8) }).await;
    assert!(world.report(&alice(), 7, ReportOutcome::Undelivered).await);
    assert_eq!(world.status(otp.message.id).await, Status::Sent, "the second copy may still arrive");
    let detail = world.store.message(&app(), otp.message.id).await.unwrap().unwrap();
    assert_eq!((detail.attempts[0].report, detail.attempts[1].report), (Some(0x46), None));
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await, "what was told once may be told better");
    assert_eq!(world.status(otp.message.id).await, Status::Delivered);
    assert!(world.report_at("b", &alice(), 8, ReportOutcome::Delivered).await);
    assert_eq!(world.status(otp.message.id).await, Status::Delivered);

    let world = World::new().await;
    let otp = doubted(&world).await;
    world.sent(&world.claim().await, 8).await;
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    assert_eq!(world.status(otp.message.id).await, Status::Delivered, "of two copies one arrived");
    assert!(world.report(&alice(), 8, ReportOutcome::Undelivered).await);
    assert_eq!(world.status(otp.message.id).await, Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn reports_on_two_copies_in_doubt_settle_no_other_message() {
    for sim in ["a", "b"] {
        let world = World::new().await;
        let otp = twice_doubted(&world, sim).await;
        assert!(world.report(&alice(), 7, ReportOutcome::Undelivered).await);
        assert_eq!(world.status(otp.message.id).await, Status::Undelivered);
        let other = world.accept(world.new_message(&alice())).await;
        world.settle(&second_copy(&world, sim).await, in_doubt()).await;
        assert!(!world.report_at(sim, &alice(), 8, ReportOutcome::Delivered).await, "it may be about either");
        assert_eq!(
            (world.status(otp.message.id).await, world.status(other).await),
            (Status::Undelivered, Status::InDoubt)
        );
        assert!(world.report(&alice(), 7, ReportOutcome::Undelivered).await, "the same report twice");
        assert_eq!(world.status(other).await, Status::InDoubt);
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_copies_in_doubt_the_second_report_may_bring_the_good_news() {
    for sim in ["a", "b"] {
        let world = World::new().await;
        let otp = twice_doubted(&world, sim).await;
        assert!(world.report(&alice(), 7, ReportOutcome::Undelivered).await);
        assert!(world.report_at(sim, &alice(), 8, ReportOutcome::Delivered).await);
        assert_eq!(world.status(otp.message.id).await, Status::Delivered);
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_on_a_part_in_doubt_is_history_when_another_sim_has_begun_the_message_again() {
    let world = World::new().await;
    let long = NewMessage { parts: 2, in_doubt: InDoubtPolicy::Resend, ..world.new_message(&alice()) };
    let id = world.accept(long).await;
    world.sent(&world.claim().await, 6).await;
    world.in_doubt(&world.claim().await).await;
    end_doubt(&world).await;
    let again = second_copy(&world, "b").await;
    assert_eq!(again.part, 0, "a handset joins only what comes from one number");
    world.settle(&again, SubmitResult::Sent { reference: MessageReference(1) }).await;
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    let rest = second_copy(&world, "b").await;
    assert_eq!(rest.part, 1, "what the other SIM sent of it is no use");
    world.settle(&rest, SubmitResult::Sent { reference: MessageReference(2) }).await;
    assert_eq!(world.status(id).await, Status::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_message_of_which_a_part_is_lost_is_over_whatever_comes_back_of_the_others() {
    let elsewhere = SubmitResult::Failed {
        class: FailureClass::Modem,
        code: None,
        reason: "the modem is broken".to_owned(),
        next: Next::OtherModem { again: Moment::from_millis(0) },
    };
    for came_of_it in [elsewhere, not_ready(), in_doubt()] {
        let world = World::new().await;
        let policy = InDoubtPolicy::Resend;
        let id = world.accept(NewMessage { parts: 2, in_doubt: policy, ..world.new_message(&alice()) }).await;
        world.sent(&world.claim().await, 1).await;
        let second = world.claim().await;
        assert!(world.report(&alice(), 1, ReportOutcome::Undelivered).await);
        world.settle(&second, came_of_it.clone()).await;
        end_doubt(&world).await;
        for sim in ["a", "b"] {
            let claimed = world.claim_with(sim).await;
            assert!(matches!(claimed, Claimed::Nothing { .. }), "{came_of_it:?}: {claimed:?}");
        }
        assert_eq!(world.status(id).await, Status::Undelivered, "{came_of_it:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_copy_that_is_withdrawn_or_comes_too_late_leaves_the_first_in_doubt() {
    for tried_again in [false, true] {
        let world = World::new().await;
        let message = || NewMessage { in_doubt: InDoubtPolicy::Resend, ..world.new_message(&alice()) };
        let (withdrawn, late) = (world.accept(message()).await, world.accept(message()).await);
        for _ in 0..2 {
            world.in_doubt(&world.claim().await).await;
        }
        end_doubt(&world).await;
        for _ in 0..if tried_again { 2 } else { 0 } {
            world.settle(&second_copy(&world, "b").await, not_ready()).await;
        }
        let outcome = world.store.cancel_message(&app(), withdrawn).await.unwrap().unwrap();
        assert!(matches!(outcome, CancelOutcome::TooLate(view) if view.status == Status::InDoubt));
        world.pass(seconds(3600)).await;
        world.store.sweep().await.unwrap();
        assert_eq!((world.status(withdrawn).await, world.status(late).await), (Status::InDoubt, Status::InDoubt));
        world.claim_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_withdrawn_when_a_modem_has_had_it_does_not_go_out_once_more() {
    for is_in_doubt in [false, true] {
        let world = World::new().await;
        let message = NewMessage { in_doubt: InDoubtPolicy::Resend, ..world.new_message(&alice()) };
        let id = world.accept(message).await;
        let attempt = world.claim().await;
        if is_in_doubt {
            world.in_doubt(&attempt).await;
        }
        let outcome = world.store.cancel_message(&app(), id).await.unwrap().unwrap();
        let told = if is_in_doubt { Status::InDoubt } else { Status::Sending };
        assert!(matches!(outcome, CancelOutcome::TooLate(view) if view.status == told));
        if !is_in_doubt {
            world.in_doubt(&attempt).await;
        }
        end_doubt(&world).await;
        world.claim_nothing().await;
        assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await, "its report is still expected");
        assert_eq!(world.status(id).await, Status::Delivered);
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_copy_of_a_code_that_was_cancelled_meanwhile_stays_in_doubt_until_its_report() {
    let world = World::new().await;
    let otp = doubted(&world).await;
    world.settle(&second_copy(&world, "b").await, not_ready()).await;
    world.store.cancel_otp(&app(), otp.id).await.unwrap();
    assert_eq!(world.status(otp.message.id).await, Status::InDoubt);
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    assert_eq!(world.status(otp.message.id).await, Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn a_report_on_the_first_copy_overrules_that_the_second_was_refused() {
    let world = World::new().await;
    let otp = doubted(&world).await;
    world.settle(&world.claim().await, refused()).await;
    assert_eq!(world.status(otp.message.id).await, Status::Failed);
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    assert_eq!(world.status(otp.message.id).await, Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn good_news_of_a_copy_counts_although_the_network_was_still_trying_before() {
    let sent = SubmitResult::Sent { reference: MessageReference(8) };
    for came_of_it in [sent, refused()] {
        let world = World::new().await;
        let otp = doubted(&world).await;
        world.settle(&second_copy(&world, "b").await, came_of_it.clone()).await;
        for outcome in [ReportOutcome::StillTrying, ReportOutcome::Delivered] {
            assert!(world.report(&alice(), 7, outcome).await, "{came_of_it:?}");
        }
        assert_eq!(world.status(otp.message.id).await, Status::Delivered, "{came_of_it:?}");
    }
    let world = World::new().await;
    let otp = twice_doubted(&world, "b").await;
    assert!(world.report(&alice(), 7, ReportOutcome::Undelivered).await);
    for outcome in [ReportOutcome::StillTrying, ReportOutcome::Delivered] {
        assert!(world.report_at("b", &alice(), 8, outcome).await);
    }
    assert_eq!(world.status(otp.message.id).await, Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn good_news_of_one_part_does_not_change_why_a_message_was_given_up() {
    let world = World::new().await;
    let long = NewMessage { parts: 2, in_doubt: InDoubtPolicy::Resend, ..world.new_message(&alice()) };
    let id = world.accept(long).await;
    world.in_doubt(&world.claim().await).await;
    end_doubt(&world).await;
    world.settle(&world.claim().await, refused()).await;
    assert_eq!(world.status(id).await, Status::Failed);
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    let message = world.store.message(&app(), id).await.unwrap().unwrap().message;
    assert_eq!((message.status, message.reason.as_deref()), (Status::Failed, Some("an unknown error")));

    let id = world.accept(NewMessage { parts: 2, ..world.new_message(&alice()) }).await;
    world.sent(&world.claim().await, 1).await;
    for outcome in [ReportOutcome::Undelivered, ReportOutcome::Delivered] {
        assert!(world.report(&alice(), 1, outcome).await);
        assert_eq!(world.status(id).await, Status::Undelivered);
    }
}

#[tokio::test(start_paused = true)]
async fn a_doubt_that_had_its_report_stands_in_no_other_reports_way_after_another_sim_took_over() {
    let world = World::new().await;
    let mut long = world.new_otp(&alice());
    long.message.parts = 2;
    let otp = world.issue(long).await;
    world.sent(&world.claim().await, 6).await;
    world.in_doubt(&world.claim().await).await;
    end_doubt(&world).await;
    world.settle(&second_copy(&world, "b").await, SubmitResult::Sent { reference: MessageReference(1) }).await;
    world.store.cancel_otp(&app(), otp.id).await.unwrap();
    assert_eq!(world.status(otp.message.id).await, Status::InDoubt);
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    let other = world.accept(world.new_message(&alice())).await;
    world.in_doubt(&world.claim().await).await;
    assert!(world.report(&alice(), 9, ReportOutcome::Delivered).await);
    assert_eq!(world.status(other).await, Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn good_news_of_a_part_that_another_sim_sends_again_does_not_spare_it_that() {
    let world = World::new().await;
    let id = world.accept(NewMessage { parts: 2, ..world.new_message(&alice()) }).await;
    world.sent(&world.claim().await, 6).await;
    world.pass(seconds(121)).await;
    // The second SIM begins the message again, and comes back without having sent any of it.
    world.settle(&part(world.claim_with("b").await), not_ready()).await;
    assert!(world.report_at("a", &alice(), 6, ReportOutcome::Delivered).await);
    for (number, reference) in [(0, 1), (1, 2)] {
        let again = part(world.claim_with("b").await);
        assert_eq!(again.part, number, "a handset joins only what one number sent");
        world.settle(&again, SubmitResult::Sent { reference: MessageReference(reference) }).await;
        assert!(world.report_at("b", &alice(), reference, ReportOutcome::Delivered).await);
    }
    assert_eq!(world.status(id).await, Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn what_no_report_can_be_about_any_more_is_not_kept() {
    let world = World::new().await;
    let conn = rusqlite::Connection::open(world.folder.path().join("smsotpd.db")).unwrap();
    let kept = || conn.query_row("SELECT count(*) FROM former_part", (), |row| row.get::<_, u32>(0)).unwrap();
    for day in 0_u32..20 {
        for n in 0_u32..5 {
            // Each number once, above some of those of the days before and below the others.
            let number = number(&format!("+1555{n}{:06}", (day * 7919 + n) % 1_000_000));
            world.issue(world.new_otp(&number)).await;
            world.in_doubt(&world.claim().await).await;
            end_doubt(&world).await;
            world.sent(&world.claim().await, 9).await;
        }
        assert!(kept() >= 5, "those of today count");
        world.pass(seconds(24 * 3600)).await;
    }
    assert!(kept() <= 40, "{} are kept", kept());
}
