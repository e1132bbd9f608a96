//! What an app gets when it asks for a code, and what its user gets.

use std::time::Duration;

use smsotpd::issue::{IssueError, NotAllowed, ResendError, issue, resend};
use smsotpd::limits::{Limit, Refusal, Settings};
use smsotpd::message;
use smsotpd::otp::{Alphabet, CodeLength, Reason, Status};
use smsotpd::pdu::{Encoding, Language};

use crate::site::{ALICE, BOB, Site, other_than, pass, repeatable};

#[tokio::test(start_paused = true)]
async fn an_issued_code_waits_for_a_modem_with_all_that_the_app_is_told() {
    let site = Site::open().await;
    let now = site.store.clock().now();
    let otp = site.issue(ALICE).await;
    assert_eq!((otp.status, otp.attempts_left, otp.resends_left), (Status::Pending, 5, 3));
    assert_eq!(otp.to.to_string(), "+1555***4567");
    assert_eq!(otp.expires.since(now), Duration::from_secs(300));
    assert_eq!(otp.resend_from.since(now), Duration::from_secs(30));
    assert_eq!((otp.message.status, otp.message.parts), (message::Status::Queued, 1));
    assert_eq!((otp.message.encoding, otp.message.priority), (Encoding::Gsm7, message::Priority::Otp));

    let sent = site.sent().await.unwrap();
    assert_eq!((sent.message, site.otp_of(&sent).await), (otp.message.id, Some(otp.id)));
    assert_eq!(sent.to.e164(), ALICE);
    assert_eq!(sent.deadline, otp.expires);
    let (code, rest) = sent.text.expose().split_at(6);
    assert!(code.chars().all(|c| c.is_ascii_digit()), "six digits");
    assert_eq!(rest, " is your Example code. It is valid for 5 minutes.");
    assert!(site.verify(otp.id, code).await.verified);
    assert!(site.sent().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_request_may_ask_for_another_length_and_lifetime() {
    let site = Site::open().await;
    let request = smsotpd::issue::Request {
        length: Some(CodeLength::MOST),
        lifetime: Some(Duration::from_secs(61)),
        ..site.request(ALICE)
    };
    let otp = site.ask(request).await.unwrap();
    assert_eq!(otp.expires.since(site.store.clock().now()), Duration::from_secs(61));
    let text = site.sent_text().await.unwrap();
    assert_eq!(&text[10..], " is your Example code. It is valid for 2 minutes.");
}

#[tokio::test(start_paused = true)]
async fn a_code_goes_by_the_tables_that_the_policy_allows() {
    let wording = "{code} doğrulama kodunuzdur. Bu şifreyi kimseyle paylaşmayınız, {minutes} dakika geçerlidir.";
    let site = Site::open_with(|policy| {
        policy.template = Some(wording.parse().unwrap());
        policy.national_tables = Language::Turkish.into();
    })
    .await;
    let otp = site.issue(ALICE).await;
    assert_eq!((otp.message.encoding, otp.message.parts), (Encoding::National(Language::Turkish), 1));
    let sent = site.sent().await.unwrap();
    assert_eq!((sent.encoding, sent.parts), (Encoding::National(Language::Turkish), 1));
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_or_purpose_out_of_range_is_refused_and_nothing_is_queued() {
    let site = Site::open().await;
    for seconds in [0, 29, 86_401] {
        let lifetime = Some(Duration::from_secs(seconds));
        let request = smsotpd::issue::Request { lifetime, ..site.request(ALICE) };
        let error = site.ask(request).await.unwrap_err();
        let message = format!("the lifetime in seconds: expected a whole number from 30 to 86400, not {seconds}");
        assert_eq!(error.to_string(), message);
    }
    for purpose in ["x".repeat(65), "log\nin".to_owned()] {
        let request = smsotpd::issue::Request { purpose: Some(purpose), ..site.request(ALICE) };
        assert_eq!(site.ask(request).await, Err(IssueError::Purpose));
    }
    assert!(site.sent().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn codes_are_made_of_the_policys_alphabet_and_differ() {
    for alphabet in [Alphabet::Letters, Alphabet::Alphanumeric] {
        let site = Site::open_with(|policy| policy.alphabet = alphabet).await;
        let mut codes = std::collections::HashSet::new();
        for _ in 0..20 {
            let (_, code) = site.issue_and_send(ALICE).await;
            assert!(code.chars().all(|c| alphabet.characters().contains(c)));
            codes.insert(code);
        }
        assert!(codes.len() > 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_s_own_words_are_judged_again_when_they_are_sent_again() {
    let site = Site::open_with(|policy| {
        policy.template_per_request = true;
        policy.app_hashes = vec!["FA+9qCX9VSu".parse().unwrap()];
    })
    .await;
    let mut request = site.request(ALICE);
    request.lifetime = Some(Duration::from_secs(600));
    // With ten minutes to go this is a character too long for a hash.
    request.wish.template = Some("{code}\nFA+9qCX9VS{minutes}".parse().unwrap());
    let otp = site.ask(request).await.unwrap();
    pass(61).await;
    assert!(matches!(site.resend(otp.id).await, Err(ResendError::NotAllowed(NotAllowed::OwnHash))));
}

#[tokio::test(start_paused = true)]
async fn class_and_replace_type_follow_the_policy() {
    let site = Site::open_with(|policy| {
        policy.class_0 = true;
        policy.replace = Some(3.try_into().unwrap());
    })
    .await;
    let otp = site.issue(ALICE).await;
    let sent = site.sent().await.unwrap();
    assert_eq!((sent.class0, sent.replace), (true, Some(3)));
    // What is sent again takes the place of what was sent before.
    pass(30).await;
    site.resend(otp.id).await.unwrap();
    let again = site.sent().await.unwrap();
    assert_eq!((again.class0, again.replace, again.deadline), (true, Some(3), sent.deadline));
}

#[tokio::test(start_paused = true)]
async fn a_new_code_for_the_same_purpose_takes_the_place_of_the_old_one_and_of_its_message() {
    let site = Site::open().await;
    let (first, code) = site.issue_and_send(ALICE).await;
    let second = site.issue(ALICE).await;
    let third = site.issue(ALICE).await;
    let verdict = site.verify(first.id, &code).await;
    assert_eq!((verdict.status, verdict.reason), (Status::Superseded, Some(Reason::Superseded)));
    assert_eq!(site.verify(second.id, "000000").await.reason, Some(Reason::Superseded));
    assert_eq!(site.otp_of(&site.sent().await.unwrap()).await, Some(third.id));
    assert!(site.sent().await.is_none(), "the message of the second was withdrawn");
}

#[tokio::test(start_paused = true)]
async fn codes_for_other_purposes_and_numbers_stand_side_by_side() {
    let site = Site::open().await;
    let (login, login_code) = site.issue_and_send(ALICE).await;
    let request = smsotpd::issue::Request { purpose: Some("payment".to_owned()), ..site.request(ALICE) };
    let payment = site.ask(request).await.unwrap();
    let payment_code = site.sent_code().await;
    let (bobs, bobs_code) = site.issue_and_send(BOB).await;
    for (otp, code) in [(login, login_code), (payment, payment_code), (bobs, bobs_code)] {
        assert!(site.verify(otp.id, &code).await.verified);
    }
}

#[tokio::test(start_paused = true)]
async fn the_sixth_code_in_an_hour_is_refused_until_the_first_is_an_hour_old_even_over_a_restart() {
    let mut site = Site::open_with(|policy| policy.limits = Settings::default()).await;
    for _ in 0..5 {
        site.issue(ALICE).await;
        pass(60).await;
    }
    let refused = |seconds| {
        let (limit, retry_after) = (Limit::PerNumberHour, Duration::from_secs(seconds));
        Err(IssueError::Limited(Refusal { limit, retry_after }))
    };
    assert_eq!(site.ask(site.request(ALICE)).await, refused(3300));
    site = site.restart().await;
    assert_eq!(site.ask(site.request(ALICE)).await, refused(3300));
    assert!(site.ask(site.request(BOB)).await.is_ok());
    pass(3299).await;
    assert_eq!(site.ask(site.request(ALICE)).await, refused(1));
    pass(1).await;
    assert!(site.ask(site.request(ALICE)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn neighbouring_numbers_share_a_limit() {
    let site = Site::open_with(|policy| policy.limits = Settings::default()).await;
    for last in 0..10 {
        site.issue(&format!("+1555123000{last}")).await;
    }
    let refused = Refusal { limit: Limit::PerPrefixHour, retry_after: Duration::from_secs(3600) };
    assert_eq!(site.ask(site.request("+15551239999")).await, Err(IssueError::Limited(refused)));
    assert!(site.ask(site.request("+15551240000")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_gets_the_same_answer_and_sends_nothing() {
    let site = Site::open().await;
    let request = |body| smsotpd::issue::Request { idempotency: repeatable("k", body), ..site.request(ALICE) };
    let otp = site.ask(request(1)).await.unwrap();
    assert!(site.sent().await.is_some());
    assert!(!site.verify(otp.id, "no").await.verified);
    assert_eq!(site.ask(request(1)).await, Ok(otp));
    assert_eq!(site.ask(request(2)).await, Err(IssueError::KeyReused));
    assert!(site.sent().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_repeated_resend_sends_nothing_also_when_it_was_the_last() {
    let site = Site::open_with(|policy| policy.resends = 1.try_into().unwrap()).await;
    let (otp, _) = site.issue_and_send(ALICE).await;
    pass(30).await;
    let resend = async |body| resend(&site.store, &site.policy, &site.app, otp.id, repeatable("k", body)).await;
    let first = resend(1).await.unwrap();
    assert!(site.sent().await.is_some());
    // As one does that looked for its twin before that was done.
    assert_eq!(resend(1).await.map(|again| again.message.id), Ok(first.message.id));
    assert_eq!(resend(2).await, Err(ResendError::KeyReused));
    assert_eq!(site.resend(otp.id).await, Err(ResendError::NoneLeft));
    assert!(site.sent().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_resend_carries_the_same_code_and_what_is_left_of_its_life() {
    let site = Site::open().await;
    let (otp, code) = site.issue_and_send(ALICE).await;
    site.verify(otp.id, &other_than(&code)).await;
    pass(100).await;
    let again = site.resend(otp.id).await.unwrap();
    assert_eq!((again.id, again.expires, again.attempts_left), (otp.id, otp.expires, 4));
    assert_eq!(again.resends_left, 2);
    assert_ne!(again.message.id, otp.message.id);
    let text = site.sent_text().await.unwrap();
    assert_eq!(text, format!("{code} is your Example code. It is valid for 4 minutes."));
    assert!(site.verify(otp.id, &code).await.verified);
}

#[tokio::test(start_paused = true)]
async fn a_resend_waits_for_its_turn_and_there_are_only_so_many() {
    let site = Site::open().await;
    let (otp, _) = site.issue_and_send(ALICE).await;
    pass(10).await;
    let too_soon = |seconds| Err(ResendError::TooSoon { retry_after: Duration::from_secs(seconds) });
    assert_eq!(site.resend(otp.id).await, too_soon(20));
    for _ in 0..3 {
        pass(20).await;
        assert!(site.resend(otp.id).await.is_ok());
        pass(10).await;
        assert!(site.sent().await.is_some());
    }
    pass(60).await;
    assert_eq!(site.resend(otp.id).await, Err(ResendError::NoneLeft));
    assert!(site.sent().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_policy_can_ask_for_a_new_code_on_resend_and_the_old_one_stops_working() {
    let site = Site::open_with(|policy| policy.resend_new_code = true).await;
    let request = smsotpd::issue::Request { length: Some(8.try_into().unwrap()), ..site.request(ALICE) };
    let otp = site.ask(request).await.unwrap();
    let old = site.sent_code().await;
    pass(30).await;
    assert_eq!(site.resend(otp.id).await.map(|again| again.id), Ok(otp.id));
    let new = site.sent_code().await;
    assert_eq!((old.len(), new.len()), (8, 8));
    assert_eq!(site.verify(otp.id, &old).await.reason, Some(Reason::WrongCode));
    assert!(site.verify(otp.id, &new).await.verified);
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_not_sent_again() {
    let site = Site::open().await;
    let (verified, code) = site.issue_and_send(ALICE).await;
    site.verify(verified.id, &code).await;
    let cancelled = site.issue(ALICE).await;
    site.store.cancel_otp(&site.app, cancelled.id).await.unwrap();
    let superseded = site.issue(BOB).await;
    let expired = site.issue(BOB).await;
    pass(300).await;
    for (otp, status) in [
        (verified, Status::Verified),
        (cancelled, Status::Cancelled),
        (superseded, Status::Superseded),
        (expired, Status::Expired),
    ] {
        assert_eq!(site.resend(otp.id).await, Err(ResendError::Ended(status)));
    }
    assert!(site.sent().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn another_apps_otp_is_not_there() {
    let site = Site::open().await;
    let otp = site.issue(ALICE).await;
    pass(60).await;
    let other = "other".parse().unwrap();
    assert_eq!(resend(&site.store, &site.policy, &other, otp.id, None).await, Err(ResendError::NotFound));
    let request = smsotpd::issue::Request { app: other, ..site.request(ALICE) };
    issue(&site.store, &site.policy, request).await.unwrap();
    let mine = site.store.otp(&site.app, otp.id).await.unwrap().unwrap();
    assert_eq!(mine.status, Status::Pending, "another app's otp supersedes none of mine");
}
