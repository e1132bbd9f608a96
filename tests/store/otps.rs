//! Otps: issued, sent again, verified once, and forgotten.

use smsotpd::ids::OtpId;
use smsotpd::limits::{self, Limit};
use smsotpd::message::Status as MessageStatus;
use smsotpd::otp::{Reason, Status, Verdict};
use smsotpd::secret::{Code, Text};
use smsotpd::store::{Idempotency, IssueOutcome, NewCode, NewOtp, Refused, ResendOutcome, ResendRefusal, Which};

use crate::world::{CODE, NO_LIMITS, TEXT, World, alice, app, number, rules, seconds};

fn by_number(purpose: &str) -> Which {
    Which::Number { to: alice(), purpose: purpose.to_owned() }
}

fn code(text: &str) -> Code {
    Code::new(text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn the_right_code_is_verified_once_and_never_again() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    let wrong = world.verify(otp.id, "000000").await;
    let expected =
        Verdict { verified: false, status: Status::Pending, reason: Some(Reason::WrongCode), attempts_left: 4 };
    assert_eq!(wrong, expected);
    assert!(world.verify(otp.id, CODE).await.verified);
    let again = world.verify(otp.id, CODE).await;
    assert_eq!((again.verified, again.reason), (false, Some(Reason::AlreadyUsed)));
}

#[tokio::test]
async fn two_hundred_parallel_wrong_codes_count_exactly_the_allowed_attempts() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    let mut guesses = tokio::task::JoinSet::new();
    for guess in 0..200 {
        let store = world.store.clone();
        let guess = code(&format!("{guess:06}"));
        guesses.spawn(async move { store.verify(&app(), Which::Id(otp.id), guess).await.unwrap().unwrap() });
    }
    let verdicts = guesses.join_all().await;
    assert!(verdicts.iter().all(|verdict| !verdict.verified));
    let counted = verdicts.iter().filter(|verdict| verdict.reason == Some(Reason::WrongCode)).count();
    assert_eq!(counted, 4, "the fifth locks");
    let locked = verdicts.iter().filter(|verdict| verdict.reason == Some(Reason::Locked)).count();
    assert_eq!(locked, 196);
    assert_eq!(world.verify(otp.id, CODE).await.reason, Some(Reason::Locked));
}

#[tokio::test]
async fn two_hundred_parallel_right_codes_verify_exactly_once() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    let mut guesses = tokio::task::JoinSet::new();
    for guess in 0..200 {
        let store = world.store.clone();
        let which = if guess % 2 == 0 { Which::Id(otp.id) } else { by_number("login") };
        guesses.spawn(async move { store.verify(&app(), which, code(CODE)).await.unwrap().unwrap() });
    }
    let verdicts = guesses.join_all().await;
    assert_eq!(verdicts.iter().filter(|verdict| verdict.verified).count(), 1);
    let used = verdicts.iter().filter(|verdict| verdict.reason == Some(Reason::AlreadyUsed)).count();
    assert_eq!(used, 199);
}

#[tokio::test(start_paused = true)]
async fn another_app_and_another_purpose_find_nothing() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    let other = "other".parse().unwrap();
    let store = &world.store;
    assert_eq!(store.otp(&other, otp.id).await, Ok(None));
    assert_eq!(store.verify(&other, Which::Id(otp.id), code(CODE)).await, Ok(None));
    assert_eq!(store.cancel_otp(&other, otp.id).await, Ok(None));
    assert_eq!(store.verify(&app(), by_number("payment"), code(CODE)).await, Ok(None));
    assert_eq!(store.verify(&app(), Which::Id(OtpId::generate()), code(CODE)).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn by_number_the_newest_otp_tells_why_it_is_over() {
    let world = World::new().await;
    let verify = async || world.store.verify(&app(), by_number("login"), code(CODE)).await.unwrap().unwrap();
    let first = world.issue(world.new_otp(&alice())).await;
    assert!(verify().await.verified);
    assert_eq!(verify().await.reason, Some(Reason::AlreadyUsed));
    let second = world.issue(world.new_otp(&alice())).await;
    assert_ne!(first.id, second.id);
    world.pass(seconds(300)).await;
    assert_eq!(verify().await.reason, Some(Reason::Expired));
    let third = world.issue(world.new_otp(&alice())).await;
    world.store.cancel_otp(&app(), third.id).await.unwrap();
    assert_eq!(verify().await.reason, Some(Reason::Cancelled));
}

#[tokio::test(start_paused = true)]
async fn a_new_otp_supersedes_the_one_before_and_withdraws_its_message() {
    let world = World::new().await;
    let first = world.issue(world.new_otp(&alice())).await;
    let elsewhere = world.issue(NewOtp { purpose: "payment".to_owned(), ..world.new_otp(&alice()) }).await;
    let second = world.issue(world.new_otp(&alice())).await;
    let view = world.store.otp(&app(), first.id).await.unwrap().unwrap();
    assert_eq!((view.status, view.message.status), (Status::Superseded, MessageStatus::Cancelled));
    assert_eq!(world.verify(first.id, CODE).await.reason, Some(Reason::Superseded));
    assert!(world.verify(second.id, CODE).await.verified);
    assert!(world.verify(elsewhere.id, CODE).await.verified);
}

#[tokio::test(start_paused = true)]
async fn an_otp_that_ends_withdraws_its_message_from_the_queue() {
    let world = World::new().await;
    let (verified, locked) = (number("+15550000001"), number("+15550000002"));
    let otp = world.issue(world.new_otp(&verified)).await;
    world.verify(otp.id, CODE).await;
    let otp = world.issue(NewOtp { max_attempts: 1, ..world.new_otp(&locked) }).await;
    world.verify(otp.id, "000000").await;
    let otp = world.issue(world.new_otp(&alice())).await;
    let view = world.store.cancel_otp(&app(), otp.id).await.unwrap().unwrap();
    assert_eq!((view.status, view.message.status), (Status::Cancelled, MessageStatus::Cancelled));
    world.claim_nothing().await;
    assert_eq!(world.store.counts().await.unwrap(), Default::default());
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_not_cancelled() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    world.verify(otp.id, CODE).await;
    let view = world.store.cancel_otp(&app(), otp.id).await.unwrap().unwrap();
    assert_eq!(view.status, Status::Verified);
}

#[tokio::test(start_paused = true)]
async fn the_same_request_gets_the_same_answer_and_another_body_none() {
    let world = World::new().await;
    let key = |digest| Some(Idempotency { key: "k1".to_owned(), digest: [digest; 32] });
    let issue = async |otp, digest| world.store.issue(otp, rules(NO_LIMITS), key(digest)).await.unwrap();
    let IssueOutcome::Issued(first) = issue(world.new_otp(&alice()), 1).await else { panic!() };
    world.verify(first.id, "000000").await;
    let assignment = world.claim().await;
    world.sent(&assignment, 1).await;
    world.pass(seconds(60)).await;
    assert_eq!(issue(world.new_otp(&alice()), 1).await, IssueOutcome::Replayed(first.clone()));
    assert_eq!(issue(world.new_otp(&alice()), 2).await, IssueOutcome::KeyReused);
    assert_eq!(
        world.store.accept(world.new_message(&alice()), key(1)).await.unwrap(),
        smsotpd::store::AcceptOutcome::KeyReused
    );
    world.claim_nothing().await;
    world.pass(seconds(25 * 3600)).await;
    world.store.sweep().await.unwrap();
    assert!(matches!(issue(world.new_otp(&alice()), 2).await, IssueOutcome::Issued(_)));
}

#[tokio::test(start_paused = true)]
async fn limits_count_across_apps_purposes_and_restarts_until_the_window_has_passed() {
    let world = World::new().await;
    let limits = limits::Settings { per_number_hour: 2, per_number_day: 3, per_prefix_hour: 4 };
    let issue = async |world: &World, to: &str| {
        world.store.issue(world.new_otp(&number(to)), rules(limits.clone()), None).await.unwrap()
    };
    let refused = |outcome, limit, after| match outcome {
        IssueOutcome::Refused(Refused::Limit(refusal)) => {
            assert_eq!((refusal.limit, refusal.retry_after), (limit, seconds(after)))
        }
        other => panic!("{other:?}"),
    };
    let other = NewOtp { app: "other".parse().unwrap(), purpose: "payment".to_owned(), ..world.new_otp(&alice()) };
    world.issue(other).await;
    world.pass(seconds(600)).await;
    assert!(matches!(issue(&world, "+15551234567").await, IssueOutcome::Issued(_)));
    let world = world.crash().await;
    refused(issue(&world, "+15551234567").await, Limit::PerNumberHour, 3000);
    assert!(matches!(issue(&world, "+15551234568").await, IssueOutcome::Issued(_)));
    assert!(matches!(issue(&world, "+15551234569").await, IssueOutcome::Issued(_)));
    refused(issue(&world, "+15551234560").await, Limit::PerPrefixHour, 3000);
    assert!(matches!(issue(&world, "+15551244560").await, IssueOutcome::Issued(_)));
    world.pass(seconds(3000)).await;
    assert!(matches!(issue(&world, "+15551234567").await, IssueOutcome::Issued(_)));
    world.pass(seconds(3600)).await;
    refused(issue(&world, "+15551234567").await, Limit::PerNumberDay, 24 * 3600 - 7200);
}

#[tokio::test(start_paused = true)]
async fn a_code_is_sent_again_only_after_the_pause_and_only_so_often() {
    let world = World::new().await;
    let otp = world.issue(NewOtp { max_resends: 1, ..world.new_otp(&alice()) }).await;
    let resend = async || {
        world
            .store
            .resend(&app(), otp.id, world.new_message(&alice()), None, rules(NO_LIMITS), None)
            .await
            .unwrap()
            .unwrap()
    };
    let refusal = |outcome| match outcome {
        ResendOutcome::Refused(refusal, _) => refusal,
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(resend().await), ResendRefusal::TooEarly(seconds(30)));
    world.pass(seconds(30)).await;
    let (_, sealed) = world.store.sealed_code(&app(), otp.id).await.unwrap().unwrap();
    let opened = world.store.site_key().open(otp.id.as_bytes(), &sealed.unwrap());
    assert_eq!(opened, Ok(Text::new(CODE.to_owned())));
    world.verify(otp.id, "000000").await;
    let ResendOutcome::Resent(view) = resend().await else { panic!() };
    assert_eq!((view.resends_left, view.attempts_left, view.expires), (0, 4, otp.expires));
    assert_ne!(view.message.id, otp.message.id);
    assert_eq!(view.message.deadline, otp.expires, "no longer than the code can be verified");
    assert_eq!(world.status(otp.message.id).await, MessageStatus::Cancelled);
    assert_eq!(world.store.sealed_code(&app(), otp.id).await.unwrap().unwrap().1, None);
    world.pass(seconds(30)).await;
    assert_eq!(refusal(resend().await), ResendRefusal::NoneLeft);
    assert!(world.verify(otp.id, CODE).await.verified);
    assert_eq!(refusal(resend().await), ResendRefusal::Ended);
}

#[tokio::test(start_paused = true)]
async fn with_a_new_code_the_old_one_stops_working() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    world.pass(seconds(30)).await;
    let key = world.store.site_key();
    let digest = key.code_digest(otp.id, &code("111222"));
    let sealed = key.seal(otp.id.as_bytes(), &Text::new("111222".to_owned()), [3; 24]);
    let new_code = Some(NewCode { digest, sealed });
    world
        .store
        .resend(&app(), otp.id, world.new_message(&alice()), new_code, rules(NO_LIMITS), None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(world.verify(otp.id, CODE).await.reason, Some(Reason::WrongCode));
    assert!(world.verify(otp.id, "111222").await.verified);
}

#[tokio::test(start_paused = true)]
async fn an_otp_expires_by_its_lifetime_and_takes_its_message_along() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    assert_eq!(world.store.sweep().await, Ok(Some(otp.expires)));
    world.pass(seconds(300)).await;
    let view = world.store.otp(&app(), otp.id).await.unwrap().unwrap();
    assert_eq!(view.status, Status::Expired, "even before it is written down");
    world.store.sweep().await.unwrap();
    assert_eq!(world.store.counts().await.unwrap().pending_otps, 0);
    assert_eq!(world.status(otp.message.id).await, MessageStatus::Expired);
    assert_eq!(world.verify(otp.id, CODE).await.reason, Some(Reason::Expired));
}

#[tokio::test(start_paused = true)]
async fn after_an_otp_ends_its_code_and_text_are_nowhere_on_disk() {
    let world = World::new().await;
    let otp = world.new_otp(&alice());
    let sealed = [otp.sealed_code.as_bytes(), otp.message.text.as_bytes(), otp.code.as_bytes()].map(<[u8]>::to_vec);
    let view = world.issue(otp).await;
    for secret in &sealed {
        assert!(world.holds(secret), "it must be there first, or this test shows nothing");
    }
    assert!(!world.holds(CODE.as_bytes()) && !world.holds(TEXT.as_bytes()), "never in the clear");
    assert!(world.verify(view.id, CODE).await.verified);
    world.pass(seconds(61)).await;
    let erased = |world: &World| !sealed.iter().any(|secret| world.holds(secret));
    for _ in 0..10 {
        if !erased(&world) {
            // The journal is emptied soon after; a command behind that one shows that it has been.
            world.store.sweep().await.unwrap();
            world.pass(seconds(61)).await;
        }
    }
    assert!(erased(&world));
    assert!(!world.holds(CODE.as_bytes()) && !world.holds(TEXT.as_bytes()));
}
