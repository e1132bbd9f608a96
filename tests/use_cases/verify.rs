//! What becomes of the codes that people type.

use smsotpd::ids::OtpId;
use smsotpd::otp::{Alphabet, Reason, Status, Verdict};
use smsotpd::phone::PhoneNumber;
use smsotpd::secret::Code;
use smsotpd::store::Which;
use smsotpd::verify::verify;

use crate::site::{ALICE, BOB, Site, other_than, pass};

#[tokio::test(start_paused = true)]
async fn wrong_codes_count_down_and_the_right_one_verifies_once() {
    let site = Site::open().await;
    let (otp, code) = site.issue_and_send(ALICE).await;
    for attempts_left in [4, 3] {
        let reason = Some(Reason::WrongCode);
        let verdict = Verdict { verified: false, status: Status::Pending, reason, attempts_left };
        assert_eq!(site.verify(otp.id, &other_than(&code)).await, verdict);
    }
    let verdict = Verdict { verified: true, status: Status::Verified, reason: None, attempts_left: 2 };
    assert_eq!(site.verify(otp.id, &code).await, verdict);
    let again = Verdict { verified: false, reason: Some(Reason::AlreadyUsed), ..verdict };
    assert_eq!(site.verify(otp.id, &code).await, again);
}

#[tokio::test(start_paused = true)]
async fn a_code_may_be_typed_in_many_ways() {
    let site = Site::open_with(|policy| policy.alphabet = Alphabet::Alphanumeric).await;
    let ways: [fn(&str) -> String; 4] = [
        |code| code.to_lowercase(),
        |code| format!(" {}-{}\n", &code[..3], &code[3..]),
        |code| code.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect(),
        |code| code.chars().map(|c| c.to_digit(10).map_or(c, |d| char::from_u32(0x660 + d).unwrap())).collect(),
    ];
    for way in ways {
        let (otp, code) = site.issue_and_send(ALICE).await;
        assert!(site.verify(otp.id, &way(&code)).await.verified);
    }
}

#[tokio::test(start_paused = true)]
async fn of_200_wrong_codes_at_once_exactly_five_are_counted() {
    let site = Site::open().await;
    let (otp, code) = site.issue_and_send(ALICE).await;
    let verdicts = at_once(&site, otp.id, &other_than(&code)).await;
    let with = |reason| verdicts.iter().filter(|verdict| verdict.reason == Some(reason)).count();
    assert_eq!((with(Reason::WrongCode), with(Reason::Locked)), (4, 196));
    let mut left: Vec<_> = verdicts.iter().map(|verdict| verdict.attempts_left).filter(|left| *left > 0).collect();
    left.sort_unstable();
    assert_eq!(left, [1, 2, 3, 4]);
    assert_eq!(site.verify(otp.id, &code).await.reason, Some(Reason::Locked));
}

#[tokio::test(start_paused = true)]
async fn of_200_right_codes_at_once_exactly_one_verifies() {
    let site = Site::open().await;
    let (otp, code) = site.issue_and_send(ALICE).await;
    let verdicts = at_once(&site, otp.id, &code).await;
    assert_eq!(verdicts.iter().filter(|verdict| verdict.verified).count(), 1);
    assert_eq!(verdicts.iter().filter(|verdict| verdict.reason == Some(Reason::AlreadyUsed)).count(), 199);
}

/// 200 tasks that give the same code.
async fn at_once(site: &Site, id: OtpId, typed: &str) -> Vec<Verdict> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (store, app, typed) = (site.store.clone(), site.app.clone(), Code::new(typed.to_owned()));
        tasks.spawn(async move { verify(&store, &app, Which::Id(id), typed).await.unwrap().unwrap() });
    }
    tasks.join_all().await
}

#[tokio::test(start_paused = true)]
async fn a_code_lives_exactly_as_long_as_it_was_said() {
    let site = Site::open().await;
    let (otp, code) = site.issue_and_send(ALICE).await;
    let (later, later_code) = site.issue_and_send(BOB).await;
    pass(299).await;
    assert!(site.verify(otp.id, &code).await.verified);
    pass(1).await;
    let verdict = site.verify(later.id, &later_code).await;
    assert_eq!((verdict.verified, verdict.status, verdict.reason), (false, Status::Expired, Some(Reason::Expired)));
}

#[tokio::test(start_paused = true)]
async fn a_code_outlives_a_restart_and_its_attempts_stay_counted() {
    let site = Site::open().await;
    let (otp, code) = site.issue_and_send(ALICE).await;
    site.verify(otp.id, &other_than(&code)).await;
    let site = site.restart().await;
    let verdict = site.verify(otp.id, &code).await;
    assert_eq!((verdict.verified, verdict.attempts_left), (true, 3));
}

#[tokio::test(start_paused = true)]
async fn a_code_can_be_given_for_a_number_and_purpose() {
    let site = Site::open().await;
    let (_, code) = site.issue_and_send(ALICE).await;
    let which = |to, purpose: &str| Which::Number { to: PhoneNumber::parse(to).unwrap(), purpose: purpose.to_owned() };
    assert_eq!(site.try_verify(which(BOB, ""), &code).await, Ok(None));
    assert_eq!(site.try_verify(which(ALICE, "payment"), &code).await, Ok(None));
    let verdict = site.try_verify(which(ALICE, ""), &code).await.unwrap().unwrap();
    assert!(verdict.verified);
    let again = site.try_verify(which(ALICE, ""), &code).await.unwrap().unwrap();
    assert_eq!(again.reason, Some(Reason::AlreadyUsed));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_code_is_withdrawn_and_no_longer_verifies() {
    let site = Site::open().await;
    let (otp, code) = site.issue_and_send(ALICE).await;
    site.store.cancel_otp(&site.app, otp.id).await.unwrap();
    assert_eq!(site.verify(otp.id, &code).await.reason, Some(Reason::Cancelled));
}

#[tokio::test(start_paused = true)]
async fn a_verified_code_withdraws_a_resend_that_still_waits() {
    let site = Site::open().await;
    let (otp, code) = site.issue_and_send(ALICE).await;
    pass(30).await;
    site.resend(otp.id).await.unwrap();
    assert!(site.verify(otp.id, &code).await.verified);
    assert!(site.sent().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_unknown_otp_and_another_apps_are_both_not_there() {
    let site = Site::open().await;
    let (otp, code) = site.issue_and_send(ALICE).await;
    let other = "other".parse().unwrap();
    assert_eq!(verify(&site.store, &other, Which::Id(otp.id), Code::new(code.clone())).await, Ok(None));
    assert_eq!(site.try_verify(Which::Id(OtpId::generate()), &code).await, Ok(None));
    let verdict = site.verify(otp.id, &code).await;
    assert_eq!((verdict.verified, verdict.attempts_left), (true, 4), "the other app's try was not counted");
}
