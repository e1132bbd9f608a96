//! Who is refused a code by the guard, and who is not.

use std::time::Duration;

use serde_json::json;
use smsotpd::guard::{Mode, Refusal, Rule};
use smsotpd::ids::OtpId;
use smsotpd::issue::{IssueError, Policy, Request, ResendError};
use smsotpd::limits;
use smsotpd::otp::Status;
use smsotpd::phone::PhoneNumber;
use smsotpd::store::{Kind, Reader, Rules};

use crate::site::{ALICE, BOB, Site, other_than, pass, repeatable};

const HOUR: u64 = 3600;

/// A number of the block that is pumped.
fn pumped(last: usize) -> String {
    format!("+1555123{last:04}")
}

fn guarded<T>(asked: Result<T, IssueError>) -> Option<(Rule, Option<u64>)> {
    match asked {
        Ok(_) => None,
        Err(IssueError::Guarded(Refusal { rule, retry_after, .. })) => {
            Some((rule, retry_after.map(|wait| wait.as_secs())))
        }
        Err(error) => panic!("{error}"),
    }
}

async fn ask(site: &Site, to: &str) -> Option<(Rule, Option<u64>)> {
    guarded(site.ask(site.request(to)).await)
}

/// So many numbers of the block get a code, and leave it.
async fn pump(site: &Site, numbers: std::ops::Range<usize>) {
    for last in numbers {
        site.issue_and_send(&pumped(last)).await;
    }
    pass(300).await;
}

fn rules(site: &Site, to: &str) -> Rules {
    let guard = site.policy.guard.checks(&number(to), &site.app, None, &site.store.homes());
    Rules { limits: site.policy.limits.clone(), guard }
}

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap()
}

const STOPPED: Option<(Rule, Option<u64>)> = Some((Rule::LeastConversionPercent, Some(12 * HOUR)));

#[tokio::test(start_paused = true)]
async fn once_a_sim_tells_where_home_is_only_its_country_gets_codes_also_after_a_restart() {
    let site = Site::open().await;
    assert_eq!(ask(&site, ALICE).await, None, "nobody knows yet");
    site.store.note_home(&"001010000000001".parse().unwrap()).await.unwrap();
    assert_eq!(ask(&site, ALICE).await, None, "a test network is nowhere");
    site.store.note_home(&"262011234567890".parse().unwrap()).await.unwrap();
    for site in [site.restart().await] {
        assert_eq!(ask(&site, ALICE).await, Some((Rule::Countries, None)));
        assert_eq!(ask(&site, "+4915112345678").await, None);
        site.store.put_on_safe_list(&number(ALICE), &site.app).await.unwrap();
        assert_eq!(ask(&site, ALICE).await, None);
        assert!(site.store.take_off_safe_list(&number(ALICE), &site.app).await.unwrap());
        assert_eq!(ask(&site, ALICE).await, Some((Rule::Countries, None)));
        site.store.note_home(&"310260123456789".parse().unwrap()).await.unwrap();
        assert_eq!(ask(&site, ALICE).await, None, "a second SIM, from there");
    }
}

#[tokio::test(start_paused = true)]
async fn a_prefix_that_verifies_nothing_is_stopped_and_its_neighbours_are_not() {
    let site = Site::open().await;
    pump(&site, 0..8).await;
    assert_eq!(ask(&site, &pumped(8)).await, STOPPED);
    assert!(site.sent().await.is_none());
    assert_eq!(ask(&site, BOB).await, None);
    assert_eq!(ask(&site, "+15551240000").await, None);
    pass(12 * HOUR - 1).await;
    let site = site.restart().await;
    assert_eq!(ask(&site, &pumped(8)).await, Some((Rule::LeastConversionPercent, Some(1))));
    pass(1).await;
    site.issue_and_send(&pumped(8)).await;
    assert_eq!(ask(&site, &pumped(9)).await, Some((Rule::LeastConversionPercent, Some(300))), "one at a time");
    pass(300).await;
    assert_eq!(ask(&site, &pumped(9)).await, STOPPED);
}

#[tokio::test(start_paused = true)]
async fn who_verified_before_is_served_in_a_stopped_prefix_and_when_the_prefix_has_had_its_hours_codes() {
    let site = Site::open_with(|policy| policy.limits = limits::Settings::default()).await;
    let regular = pumped(9999);
    let (otp, code) = site.issue_and_send(&regular).await;
    assert!(site.verify(otp.id, &code).await.verified);
    pump(&site, 0..9).await;
    assert!(matches!(site.ask(site.request(&pumped(9))).await, Err(IssueError::Guarded(_))));
    pass(37 * HOUR).await;
    for last in 0..10 {
        site.issue_and_send(&pumped(last)).await;
    }
    assert!(matches!(site.ask(site.request(&pumped(10))).await, Err(IssueError::Limited(_))));
    let (otp, code) = site.issue_and_send(&regular).await;
    assert!(site.verify(otp.id, &code).await.verified);
    pass(HOUR).await;
    assert_eq!(ask(&site, &pumped(10)).await, STOPPED);
    let (otp, code) = site.issue_and_send(&regular).await;
    assert!(site.verify(otp.id, &code).await.verified);
    assert_eq!(ask(&site, &pumped(10)).await, STOPPED, "that a regular verifies tells nothing of newcomers");
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_who_verifies_after_all_puts_the_prefix_on_probation() {
    let site = Site::open().await;
    let request = Request { lifetime: Some(Duration::from_secs(HOUR)), ..site.request(&pumped(100)) };
    let late = site.ask(request).await.unwrap();
    let code = site.sent_code().await;
    pump(&site, 0..8).await;
    assert_eq!(ask(&site, &pumped(8)).await, STOPPED);
    assert!(site.verify(late.id, &code).await.verified);
    for last in 8..11 {
        let (otp, code) = site.issue_and_send(&pumped(last)).await;
        assert!(ask(&site, &pumped(50)).await.is_some(), "one at a time");
        assert!(site.verify(otp.id, &code).await.verified);
    }
    assert_eq!(ask(&site, &pumped(11)).await, None);
    assert_eq!(ask(&site, &pumped(12)).await, None, "three verified: all is forgiven");
}

#[tokio::test(start_paused = true)]
async fn an_administrator_can_let_a_prefix_off_and_it_starts_anew() {
    let (site, caretaker) = (Site::open().await, "caretaker".parse().unwrap());
    pump(&site, 0..8).await;
    assert!(!site.store.forgive(1_555_123, &caretaker).await.unwrap(), "it is not stopped yet");
    assert_eq!(ask(&site, &pumped(8)).await, STOPPED);
    let figures = site.store.figures().await.unwrap();
    let stopped = &figures.prefixes[0];
    assert_eq!((stopped.prefix.as_str(), stopped.issued), ("+1555123", 8));
    assert_eq!((stopped.conversion.verified, stopped.conversion.in_vain), (0, 8));
    let (since, until) = stopped.stopped.unwrap();
    assert_eq!(until.as_second() - since.as_second(), 12 * 3600);
    assert!(site.store.forgive(1_555_123, &caretaker).await.unwrap());
    assert!(!site.store.forgive(1_555_123, &caretaker).await.unwrap());
    assert_eq!(site.store.figures().await.unwrap().prefixes[0].stopped, None);
    pump(&site, 8..16).await;
    assert_eq!(ask(&site, &pumped(16)).await, STOPPED);
    let kinds = vec![Kind::GuardPrefixStopped, Kind::GuardPrefixLifted];
    let told = site.store.events_after(0, Reader::Admin, kinds, 100).await.unwrap().events;
    let told: Vec<_> =
        told.iter().map(|event| (event.kind, event.data.app.clone(), &event.data.detail["prefix"])).collect();
    let (shown, stopped) = (json!("+1555***"), Kind::GuardPrefixStopped);
    let lifted = (Kind::GuardPrefixLifted, Some(caretaker), &shown);
    assert_eq!(told, [(stopped, None, &shown), lifted, (stopped, None, &shown)], "no number can be put together");
}

#[tokio::test(start_paused = true)]
async fn codes_that_never_left_the_box_are_held_against_nobody() {
    let site = Site::open().await;
    for last in 0..12 {
        site.issue(&pumped(last)).await;
    }
    pass(300).await;
    assert_eq!(ask(&site, &pumped(12)).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_code_that_was_sent_once_is_in_vain_also_when_it_is_asked_for_again_and_that_is_not_sent() {
    let site = Site::open().await;
    let mut otps = Vec::new();
    for last in 0..8 {
        otps.push(site.issue_and_send(&pumped(last)).await.0.id);
    }
    pass(30).await;
    for otp in otps {
        site.resend(otp).await.unwrap();
    }
    pass(300).await;
    assert_eq!(ask(&site, &pumped(8)).await, STOPPED);
}

#[tokio::test(start_paused = true)]
async fn what_safe_numbers_do_not_verify_is_not_held_against_their_neighbours() {
    let site = Site::open().await;
    for last in 0..8 {
        site.store.put_on_safe_list(&number(&pumped(last)), &site.app).await.unwrap();
    }
    pump(&site, 0..8).await;
    pump(&site, 8..15).await;
    assert_eq!(ask(&site, &pumped(15)).await, None);
    pump(&site, 16..17).await;
    assert_eq!(ask(&site, &pumped(17)).await, STOPPED);
}

#[tokio::test(start_paused = true)]
async fn a_code_that_lives_longer_is_given_up_later_but_not_for_ever() {
    for (life, given_up) in [(600, 600), (HOUR, 900)] {
        let site = Site::open().await;
        for last in 0..8 {
            let request = Request { lifetime: Some(Duration::from_secs(life)), ..site.request(&pumped(last)) };
            site.ask(request).await.unwrap();
            site.sent().await.unwrap();
        }
        pass(given_up - 1).await;
        assert_eq!(ask(&site, BOB).await, None);
        assert_eq!(site.store.speaks_against(&number(&pumped(8)), rules(&site, &pumped(8))).await.unwrap(), None);
        pass(1 + 5).await;
        assert_eq!(ask(&site, &pumped(8)).await, STOPPED, "{life}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_at_what_would_speak_against_a_code_changes_nothing_for_the_code_that_is_asked_for_next() {
    let site = Site::open().await;
    for last in 0..8 {
        site.issue_and_send(&pumped(last)).await;
    }
    pass(299).await;
    assert_eq!(site.store.speaks_against(&number(&pumped(8)), rules(&site, &pumped(8))).await.unwrap(), None);
    pass(1).await;
    assert_eq!(ask(&site, &pumped(8)).await, STOPPED);
}

#[tokio::test(start_paused = true)]
async fn resends_for_codes_that_nobody_verifies_count_among_the_prefixs_messages() {
    let site = Site::open_with(|policy| policy.limits = limits::Settings::default()).await;
    let mut otps = Vec::new();
    for last in 0..3 {
        otps.push(site.issue_and_send(&pumped(last)).await.0.id);
    }
    let mut sent = 3;
    let resend = async |otp: OtpId| match site.resend(otp).await {
        Ok(_) => true,
        Err(ResendError::Guarded(refusal)) => {
            assert_eq!(refusal.rule, Rule::PerPrefixHour);
            false
        }
        Err(error) => panic!("{error}"),
    };
    for _ in 0..3 {
        pass(30).await;
        for otp in &otps {
            sent += usize::from(resend(*otp).await);
        }
    }
    assert_eq!(sent, 10);
    assert!(matches!(ask(&site, &pumped(3)).await, Some((Rule::PerPrefixHour, Some(_)))));
    assert_eq!(ask(&site, BOB).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_number_whose_codes_are_locked_again_and_again_waits_longer_each_time() {
    let site = Site::open().await;
    let mut waits = Vec::new();
    for _ in 0..4 {
        let (otp, code) = site.issue_and_send(ALICE).await;
        // The wait begins with the lock, not with the code.
        pass(100).await;
        for _ in 0..5 {
            site.verify(otp.id, &other_than(&code)).await;
        }
        let wait = ask(&site, ALICE).await;
        waits.push(wait.map(|(rule, wait)| (rule, wait.unwrap())));
        pass(wait.and_then(|(_, wait)| wait).unwrap_or_default()).await;
    }
    let locked = |wait| Some((Rule::RepeatedLocks, wait));
    assert_eq!(waits, [None, locked(60), locked(120), locked(240)]);
    assert_eq!(ask(&site, BOB).await, None);
}

#[tokio::test(start_paused = true)]
async fn one_client_address_gets_twenty_codes_an_hour_whomever_they_are_for() {
    let site = Site::open().await;
    let address = |text: &str| Some(text.parse::<std::net::IpAddr>().unwrap().into());
    let from = async |client: &str, to: usize| {
        let to = format!("+1555{to:03}0123");
        guarded(site.ask(Request { client_address: address(client), ..site.request(&to) }).await)
    };
    for to in 0..20 {
        assert_eq!(from(&format!("2001:db8::{to}"), to).await, None, "all out of one /64");
    }
    assert_eq!(from("2001:db8::ffff", 20).await, Some((Rule::PerAddressHour, Some(180))));
    assert_eq!(from("192.0.2.1", 20).await, None);
    pass(180).await;
    assert_eq!(from("2001:db8::ffff", 21).await, None);
    let again =
        |key| Request { client_address: address("192.0.2.9"), idempotency: repeatable(key, 1), ..site.request(BOB) };
    for _ in 0..30 {
        assert_eq!(guarded(site.ask(again("same")).await), None, "a repetition costs nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_has_a_limit_of_its_own_where_its_policy_says_so() {
    let site = Site::open_with(|policy| policy.guard.per_app_hour = 2).await;
    assert_eq!([ask(&site, ALICE).await, ask(&site, BOB).await], [None, None]);
    assert_eq!(ask(&site, ALICE).await, Some((Rule::PerAppHour, Some(1800))));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_lets_everything_through_and_counts_what_it_would_have_refused() {
    let blocks: Policy = toml::from_str("guard.mode = \"report\"\nguard.block-prefixes = [\"+1555987\"]").unwrap();
    let site = Site::open_with(|policy| policy.guard = blocks.guard).await;
    site.issue_and_send(BOB).await;
    pump(&site, 0..8).await;
    for last in 8..11 {
        assert_eq!(site.issue(&pumped(last)).await.status, Status::Pending);
    }
    let counts: Vec<_> = site.store.guard_counts().into_iter().collect();
    let reported = |rule, count| ((rule, Mode::Report), count);
    assert_eq!(counts, [reported(Rule::BlockPrefixes, 1), reported(Rule::LeastConversionPercent, 3)]);
    let mut site = site;
    site.policy.guard = Policy::default().guard;
    assert!(matches!(ask(&site, &pumped(11)).await, Some((Rule::LeastConversionPercent, _))), "and now in earnest");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_stops_no_prefix_for_those_who_mean_it() {
    let reports: Policy = toml::from_str("guard.mode = \"report\"").unwrap();
    let mut site = Site::open_with(|policy| policy.guard = reports.guard).await;
    pump(&site, 0..8).await;
    assert_eq!(site.issue(&pumped(8)).await.status, Status::Pending);
    let is_stopped = async |site: &Site| site.store.figures().await.unwrap().prefixes[0].stopped.is_some();
    assert!(!is_stopped(&site).await);
    site.policy.guard = Policy::default().guard;
    assert_eq!(ask(&site, &pumped(9)).await, STOPPED);
    assert!(is_stopped(&site).await);
}

#[tokio::test(start_paused = true)]
async fn a_safe_number_has_no_limits_with_the_guard_off_either() {
    let off: Policy = toml::from_str("guard.mode = \"off\"\nlimits.per-number-hour = 1").unwrap();
    let site = Site::open_with(|policy| (policy.guard, policy.limits) = (off.guard, off.limits)).await;
    site.store.put_on_safe_list(&number(ALICE), &site.app).await.unwrap();
    for _ in 0..2 {
        assert_eq!(site.issue(ALICE).await.status, Status::Pending);
    }
    site.issue(BOB).await;
    assert!(matches!(site.ask(site.request(BOB)).await, Err(IssueError::Limited(_))));
}
