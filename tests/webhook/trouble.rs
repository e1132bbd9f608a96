//! Receivers that are away, hang, refuse, lead elsewhere or drop the connection: no event is lost, and nobody waits for
//! them.

use smsotpd::callback::Source;
use smsotpd::store::CallbackStatus;

use crate::order::arrivals;
use crate::receiver::{Mood, Receiver, Vacant, url};
use crate::site::{Site, pass, seconds, shop, soon, target};

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_away_for_an_hour_misses_nothing() {
    let vacant = Vacant::new();
    let site = Site::with_url(&url(vacant.port())).await;
    let mut happened = Vec::new();
    for n in 0..20 {
        happened.push(site.happen(n).await);
    }
    site.until_tried(1).await;
    for minute in 0..60 {
        pass(seconds(60)).await;
        if minute == 30 {
            happened.push(site.happen(99).await);
        }
        let is_tried_again =
            |one: &smsotpd::store::CallbackView| one.next_try.is_some_and(|next| next > site.clock.now());
        site.until_waiting("the tries of this minute", |all| all.iter().all(is_tried_again)).await;
    }
    assert_eq!(site.waiting().await.len(), 21);
    let counts = site.store.callback_counts().await.unwrap();
    let (receiver, reason) = counts.failing.expect("it is told of");
    assert_eq!(receiver, format!("http://127.0.0.1:{}", vacant.port()));
    assert!(reason.contains("cannot be reached: connection refused"), "{reason}");

    let mut receiver = Receiver::start_at(vacant, Mood::status(200));
    let newest = site.happen(100).await;
    // The newest finds it there, and that brings all others, long before they would be tried again.
    let mut all = Vec::new();
    for _ in 0..22 {
        all.push(soon("what was missed", receiver.next()).await);
    }
    site.until_delivered().await;
    happened.push(newest);
    let arrived: std::collections::BTreeSet<String> = all.iter().map(|got| got.otp()).collect();
    assert_eq!(arrived, happened.into_iter().collect());
    assert!(receiver.now().is_none() && arrivals(&all).values().all(|times| *times == 1));
}

#[tokio::test(start_paused = true)]
async fn receivers_that_hang_slow_neither_issue_nor_others() {
    let mut hanging = Receiver::start(Mood::Hang);
    let mut well = Receiver::start(Mood::status(200));
    let mut site = Site::idle().await;
    site.set_url(&hanging.url()).await;
    for n in 0..50 {
        site.happen(n).await;
    }
    site.deliver();
    for _ in 0..4 {
        soon("its four places", hanging.next()).await;
    }
    // From here on no time passes, so whatever waited for the one that hangs would wait for ever.
    site.set_url(&well.url()).await;
    for n in 50..70 {
        let otp = soon("the issue", site.happen(n)).await;
        assert_eq!(soon("its event", well.next()).await.otp(), otp);
    }
    assert!(hanging.now().is_none(), "it has four places and no more");
    pass(seconds(16)).await;
    site.until_waiting("the time-out", |all| all.iter().filter(|one| one.tries == 1).count() == 4).await;
    let reason = site.waiting().await.into_iter().find_map(|one| one.reason).unwrap();
    assert_eq!(reason, "no answer within 15 s");
    soon("the next", hanging.next()).await;
    assert!(hanging.now().is_none(), "now it has one");
}

#[tokio::test(start_paused = true)]
async fn an_app_whose_requests_name_many_hosts_that_hang_leaves_places_for_others() {
    let (mut site, mut hanging) = (Site::idle().await, Vec::new());
    for n in 0..12 {
        let host = format!("127.0.0.{}", 10 + n);
        let receiver = Receiver::start_on(&host, Mood::Hang).await;
        // Another port is no other host.
        let other_port = Receiver::start_on(&host, Mood::Hang).await;
        for (more, port) in [(0, receiver.port), (50, other_port.port)] {
            let url = format!("http://{host}:{port}/");
            site.happen_for(n + more, target(&url, Source::Request)).await;
        }
        hanging.extend([receiver, other_port]);
    }
    site.deliver_within(&["127.0.0.0/8"]);
    let connections = || hanging.iter().map(Receiver::connections).sum::<usize>();
    soon("its places", async {
        while connections() < 8 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut well = Receiver::start(Mood::status(200));
    site.add_reader("monitor", &well.url()).await;
    site.receive(20).await;
    for _ in 0..20 {
        soon("another app's", well.next()).await;
    }
    assert_eq!(connections(), 8, "half of all places and no more");
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_not_followed_and_is_told_of() {
    let mut elsewhere = Receiver::start(Mood::status(200));
    let location = format!("location: {}\r\n", elsewhere.url());
    let mut receiver = Receiver::start(Mood::Answer(308, location));
    let site = Site::with_url(&receiver.url()).await;
    site.happen(1).await;
    soon("the try", receiver.next()).await;
    site.until_tried(1).await;
    let reason = site.waiting().await[0].reason.clone().unwrap();
    assert_eq!(reason, "the receiver answered 308, which leads elsewhere; redirects are not followed");
    assert!(elsewhere.now().is_none() && elsewhere.connections() == 0);
    receiver.be(Mood::status(200));
    pass(seconds(6)).await;
    site.until_delivered().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_dropped_is_sent_again_with_the_same_id() {
    for mood in [Mood::Drop, Mood::DropInTheHead] {
        let mut receiver = Receiver::start(mood.clone());
        let site = Site::with_url(&receiver.url()).await;
        site.happen(1).await;
        let first = soon("the first try", receiver.next()).await;
        site.until_waiting("its end", |all| all.iter().all(|one| one.tries == 1)).await;
        let reason = site.waiting().await[0].reason.clone().unwrap();
        assert!(reason.starts_with("the receiver dropped the connection"), "{mood:?}: {reason}");
        receiver.be(Mood::status(200));
        pass(seconds(6)).await;
        let second = soon("the second try", receiver.next()).await;
        assert_eq!((second.id(), &second.body), (first.id(), &first.body));
        site.until_delivered().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_an_end_is_not_read_to_the_end() {
    let mut receiver = Receiver::start(Mood::Flood);
    let site = Site::with_url(&receiver.url()).await;
    site.happen(1).await;
    soon("the try", receiver.next()).await;
    site.until_delivered().await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_the_middle_loses_nothing() {
    let mut receiver = Receiver::start(Mood::Hang);
    let site = Site::with_url(&receiver.url()).await;
    let otp = site.happen(1).await;
    let cut_off = soon("the try that is cut off", receiver.next()).await;
    let mut site = site.crash().await;
    receiver.be(Mood::status(200));
    site.deliver();
    let again = soon("the try after the restart", receiver.next()).await;
    assert_eq!((again.id(), again.otp()), (cut_off.id(), otp));
    site.until_delivered().await;
    site.stop().await;
}

#[tokio::test(start_paused = true)]
async fn after_a_day_an_event_is_given_up_and_a_person_can_have_it_sent_again() {
    let mut receiver = Receiver::start(Mood::status(503));
    let mut site = Site::idle().await;
    site.set_url(&receiver.url()).await;
    let counters = site.deliver();
    let otp = site.issue("+15550100123", None).await;
    site.send_and_report("+15550100123").await;
    for _ in 0..24 * 6 {
        pass(seconds(600)).await;
        let now = site.clock.now();
        let is_quiet = |one: &smsotpd::store::CallbackView| one.next_try.is_none_or(|next| next > now);
        site.until_waiting("the tries of this time", |all| all.iter().all(is_quiet)).await;
    }
    pass(seconds(600)).await;
    soon("the end of patience", async {
        while site.dead().await.len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let dead = site.dead().await;
    assert_eq!((dead[1].kind.as_str(), dead[1].status), ("otp.sent", CallbackStatus::Dead));
    // The pauses are spread, so that the last may fall together with the end.
    assert!((11..=12).contains(&dead[1].tries), "{}", dead[1].tries);
    assert_eq!(dead[0].kind.as_str(), "otp.delivered", "it had its try behind the first");
    assert_eq!(dead[1].reason.as_deref(), Some("the receiver answered 503"));
    assert_eq!(counters.failed.get(), u64::from(dead[1].tries) + 1);
    assert_eq!(site.store.callback_counts().await.unwrap().dead_lately, 2);
    while receiver.now().is_some() {}

    receiver.be(Mood::status(200));
    assert!(!site.store.replay_callback(Some(&"other".parse().unwrap()), dead[0].id).await.unwrap());
    assert!(site.store.replay_callback(Some(&shop()), dead[0].id).await.unwrap());
    assert_eq!(soon("the one", receiver.next()).await.kind(), "otp.delivered");
    site.until_delivered().await;
    assert!(!site.store.replay_callback(None, dead[0].id).await.unwrap(), "it is delivered");
    assert_eq!(site.store.replay_callbacks(None, None, None).await.unwrap(), (1, None));
    let got = soon("the other", receiver.next()).await;
    assert_eq!((got.kind().as_str(), got.otp()), ("otp.sent", otp.to_string()));
    site.until_delivered().await;
    assert!(site.dead().await.is_empty());
    assert_eq!(counters.delivered.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_is_kept_for_a_month() {
    let receiver = Receiver::start(Mood::status(410));
    let site = Site::with_url(&receiver.url()).await;
    site.happen(1).await;
    soon("gone", async {
        while site.dead().await.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(site.dead().await[0].reason.as_deref(), Some("the receiver answered 410: it wants no more"));
    pass(seconds(29 * 24 * 3600)).await;
    site.store.sweep().await.unwrap();
    assert_eq!(site.dead().await.len(), 1);
    pass(seconds(2 * 24 * 3600)).await;
    site.store.sweep().await.unwrap();
    assert_eq!(site.dead().await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_is_forgotten_after_its_month_though_much_before_it_was_tried_again() {
    let site = Site::idle().await;
    site.set_url("http://127.0.0.1:9/").await;
    for n in 0..100 {
        site.happen(n).await;
    }
    pass(seconds(40 * 24 * 3600)).await;
    let now = site.clock.now().as_millis();
    // All but the last were given up once more.
    let given_up = format!(
        "UPDATE delivery SET due = NULL, reason = 'a test', given_up = {now};
         UPDATE delivery SET given_up = 1 WHERE seq = (SELECT max(seq) FROM delivery)"
    );
    let site = site.edited(&given_up).await;
    site.store.sweep().await.unwrap();
    assert_eq!(site.store.callback_counts().await.unwrap().dead, 99);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_may_ask_for_time() {
    let mut receiver = Receiver::start(Mood::Answer(429, "retry-after: 120\r\n".to_owned()));
    let site = Site::with_url(&receiver.url()).await;
    site.happen(1).await;
    soon("the try", receiver.next()).await;
    site.until_tried(1).await;
    let next = site.waiting().await[0].next_try.unwrap();
    assert_eq!(next.since(site.clock.now()), seconds(120));
}

#[tokio::test(start_paused = true)]
async fn a_jump_of_the_wall_clock_neither_loses_nor_hurries_an_event() {
    let mut receiver = Receiver::start(Mood::status(500));
    let site = Site::with_url(&receiver.url()).await;
    for hours in [50 * 365 * 24, -100 * 365 * 24] {
        site.happen(7).await;
        soon("the try", receiver.next()).await;
        site.until_tried(1).await;
        site.clock.jump_wall(jiff::SignedDuration::from_hours(hours));
        site.happen(8).await;
        soon("the try of another", receiver.next()).await;
        site.until_tried(1).await;
        assert!(receiver.now().is_none() && site.dead().await.is_empty());
        receiver.be(Mood::status(200));
        pass(seconds(6)).await;
        site.until_delivered().await;
        while receiver.now().is_some() {}
        receiver.be(Mood::status(500));
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_of_a_callback_is_written_down_as_soon_as_the_disk_takes_it_and_it_is_sent_once() {
    let mut receiver = Receiver::start(Mood::status(200));
    let mut site = Site::idle().await;
    site.set_url(&receiver.url()).await;
    site.happen(1).await;
    let database = rusqlite::Connection::open(site.folder.path().join("smsotpd.db")).unwrap();
    let full = "CREATE TRIGGER full BEFORE DELETE ON delivery BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
    database.execute_batch(full).unwrap();
    let counters = site.deliver();
    soon("a try", receiver.next()).await;
    for second in 1..=60 {
        // However often others write meanwhile, and however much the receiver would take.
        for _ in 0..if second == 1 { 2_000 } else { 5 } {
            site.store.answers().await.unwrap();
            assert!(receiver.now().is_none(), "sent again after {second} seconds");
        }
        pass(seconds(1)).await;
    }
    assert_eq!((site.waiting().await.len(), counters.delivered.get()), (1, 1));
    database.execute_batch("DROP TRIGGER full").unwrap();
    soon("the disk", async {
        while !site.waiting().await.is_empty() {
            pass(seconds(1)).await;
        }
    })
    .await;
    pass(seconds(600)).await;
    site.store.answers().await.unwrap();
    assert!(receiver.now().is_none(), "the receiver has it, and it is written down");
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_given_up_yet_holds_up_no_other() {
    let mut receiver = Receiver::start(Mood::status(200));
    let site = Site::idle().await;
    site.set_url(&receiver.url()).await;
    for n in 0..4 {
        site.happen(n).await;
    }
    let unknown = "DROP TRIGGER event_is_never_changed;
                   UPDATE event SET kind = 'otp.of_tomorrow' WHERE seq IN (SELECT event FROM delivery ORDER BY seq LIMIT 2);
                   CREATE TRIGGER full BEFORE UPDATE ON delivery WHEN NEW.seq = (SELECT min(seq) FROM delivery)
                   BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
    let mut site = site.edited(unknown).await;
    site.deliver();
    for _ in 0..2 {
        soon("the others", receiver.next()).await;
    }
    let waiting = async || site.store.callback_counts().await.unwrap().waiting;
    soon("what came of the others", async { while waiting().await > 1 {} }).await;
    let database = rusqlite::Connection::open(site.folder.path().join("smsotpd.db")).unwrap();
    database.execute_batch("DROP TRIGGER full").unwrap();
    soon("the disk", async {
        while waiting().await > 0 {
            pass(seconds(1)).await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_given_up_yet_delays_no_other() {
    let receiver = Receiver::start(Mood::status(200));
    let mut other = Receiver::start(Mood::status(503));
    let site = Site::idle().await;
    site.set_url(&receiver.url()).await;
    site.happen(0).await;
    let unknown = "DROP TRIGGER event_is_never_changed;
                   UPDATE event SET kind = 'otp.of_tomorrow' WHERE seq = (SELECT min(event) FROM delivery);
                   CREATE TRIGGER full BEFORE UPDATE ON delivery WHEN NEW.given_up IS NOT NULL
                   BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
    let mut site = site.edited(unknown).await;
    site.deliver();
    let pass_seconds = async |site: &Site, count| {
        for _ in 0..count {
            pass(seconds(1)).await;
            for _ in 0..50 {
                site.store.answers().await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    };
    // By now it is tried every ten seconds.
    pass_seconds(&site, 40).await;
    site.set_url(&other.url()).await;
    site.happen(1).await;
    soon("its first try", other.next()).await;
    site.until_waiting("its end", |all| all.iter().any(|one| one.tries == 1)).await;
    // It is due after five seconds, or half a second more.
    pass_seconds(&site, 7).await;
    assert!(other.now().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_callback_whose_event_cannot_be_read_is_given_up_and_all_others_go_out() {
    let mut receiver = Receiver::start(Mood::status(200));
    let site = Site::idle().await;
    site.set_url(&receiver.url()).await;
    let mut happened = Vec::new();
    for n in 0..3 {
        happened.push(site.happen(n).await);
    }
    let unknown = "DROP TRIGGER event_is_never_changed;
                   UPDATE event SET kind = 'otp.of_tomorrow' WHERE seq = (SELECT min(event) FROM delivery)";
    let mut site = site.edited(unknown).await;
    site.deliver();
    let got = [soon("the second", receiver.next()).await.otp(), soon("the third", receiver.next()).await.otp()];
    assert_eq!(got.as_slice(), &happened[1..]);
    site.until_delivered().await;
    assert_eq!(site.store.callback_counts().await.unwrap().dead, 1);
    assert!(site.dead().await.is_empty(), "there is nothing to be shown of it");
}
