//! What waits for what: lines of events, receivers that are back, apps that go, and events that are old.

use smsotpd::callback::Source;
use smsotpd::store::{Kind, Reader, Retention, Scope};

use crate::receiver::{Mood, Receiver, Vacant, url};
use crate::site::{Site, pass, seconds, shop, soon, target};

#[tokio::test(start_paused = true)]
async fn what_comes_in_waits_for_no_modem_and_no_modem_for_another() {
    let mut receiver = Receiver::start(Mood::status(500));
    let mut site = Site::idle().await;
    site.add_reader("monitor", &receiver.url()).await;
    site.deliver();
    site.note_modem(Kind::ModemAbsent, "m1").await;
    site.receive(1).await;
    site.until_tried(1).await;
    for _ in 0..2 {
        soon("what is refused", receiver.next()).await;
    }
    receiver.be(Mood::status(200));
    site.note_modem(Kind::ModemReady, "m1").await;
    site.receive(1).await;
    assert_eq!(soon("what came in", receiver.next()).await.kind(), "inbox.received");
    site.note_modem(Kind::ModemResting, "m2").await;
    assert_eq!(soon("another modem's", receiver.next()).await.kind(), "modem.resting");
    site.store.note(Kind::GuardPrefixStopped, None, serde_json::json!({})).await.unwrap();
    assert_eq!(soon("the guard's", receiver.next()).await.kind(), "guard.prefix_stopped");
    assert!(receiver.now().is_none());
    pass(seconds(6)).await;
    let mut kinds = Vec::new();
    for _ in 0..3 {
        kinds.push(soon("what was refused, and what is behind it", receiver.next()).await.kind());
    }
    kinds.retain(|kind| kind != "inbox.received");
    assert_eq!(kinds, ["modem.absent", "modem.ready"], "in order");
    site.until_delivered().await;
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_version_put_in_one_line_still_goes_out() {
    let mut receiver = Receiver::start(Mood::status(200));
    let site = Site::idle().await;
    site.add_reader("monitor", &receiver.url()).await;
    site.receive(3).await;
    let sql = "UPDATE delivery SET subject = 0, due = CASE WHEN seq = (SELECT min(seq) FROM delivery) THEN due END";
    let mut site = site.edited(sql).await;
    site.deliver();
    for _ in 0..3 {
        soon("one of them", receiver.next()).await;
    }
    site.until_delivered().await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_back_gets_all_it_missed_however_much_that_is() {
    let vacant = Vacant::new();
    let mut site = Site::idle().await;
    site.add_reader("monitor", &url(vacant.port())).await;
    site.deliver();
    site.receive(400).await;
    let is_tried = |one: &smsotpd::store::CallbackView| one.tries == 1;
    site.until_waiting("a try of each", |all| all.iter().all(is_tried)).await;
    let mut receiver = Receiver::start_at(vacant, Mood::status(200));
    site.receive(1).await;
    // No time passes, so nothing comes by itself.
    for n in 0..401 {
        soon(&format!("number {n}"), receiver.next()).await;
    }
    site.until_delivered().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_there_at_one_port_of_a_host_makes_nobody_try_another_in_vain() {
    let mut receiver = Receiver::start(Mood::status(200));
    let vacant = Vacant::new();
    let mut site = Site::idle().await;
    let counters = site.deliver_within(&["127.0.0.1"]);
    for n in 0..20 {
        site.happen_for(n, target(&url(vacant.port()), Source::Request)).await;
    }
    site.until_waiting("a try of each", |all| all.iter().all(|one| one.tries == 1)).await;
    for n in 0..20 {
        site.happen_for(100 + n, target(&receiver.url(), Source::Request)).await;
        soon("what somebody takes", receiver.next()).await;
    }
    site.until_waiting("what nobody takes", |all| all.len() == 20).await;
    assert_eq!((counters.delivered.get(), counters.failed.get()), (20, 20), "no time has passed");
}

#[tokio::test(start_paused = true)]
async fn what_can_never_be_sent_keeps_nothing_behind_it() {
    let mut receiver = Receiver::start(Mood::status(200));
    let site = Site::idle().await;
    site.add_reader("monitor", &receiver.url()).await;
    site.receive(1).await;
    let mut site = site
        .edited(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
             INSERT INTO delivery (event, app, url, by_request, receiver, subject, since, due)
             SELECT event, 'gone', url, 0, receiver, 2 * i, 0, -1 FROM n, delivery",
        )
        .await;
    site.deliver();
    assert_eq!(soon("its own", receiver.next()).await.kind(), "inbox.received");
    site.until_delivered().await;
}

#[tokio::test(start_paused = true)]
async fn what_others_have_given_up_keeps_nobody_from_trying_his_own_again() {
    let site = Site::idle().await;
    let site = site
        .edited(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= 5200)
             INSERT INTO delivery (event, app, url, by_request, receiver, subject, since, given_up)
             SELECT 1, CASE WHEN i > 5200 THEN 'shop' ELSE 'other' END, 'https://a/', 0, 'https://a/', 2 * i, 0, 1 FROM n",
        )
        .await;
    let own = site.store.replay_callbacks(Some(&shop()), Some("https://a".to_owned()), None).await.unwrap();
    assert_eq!(own, (1, None));
    let (some, next) = site.store.replay_callbacks(None, None, None).await.unwrap();
    assert!((1_000..5_200).contains(&some) && next.is_some(), "{some}");
    assert_eq!(site.store.replay_callbacks(None, None, next).await.unwrap(), (5_200 - some, None));
}

#[tokio::test(start_paused = true)]
async fn an_app_is_removed_in_small_steps_and_nothing_of_it_arrives() {
    let mut receiver = Receiver::start(Mood::status(200));
    let site = Site::idle().await;
    let monitor = site.add_reader("monitor", &receiver.url()).await;
    for kind in [Kind::ModemAbsent, Kind::ModemReady] {
        site.note_modem(kind, "m1").await;
    }
    site.receive(1_000).await;
    let commits = site.store.changes();
    let before = *commits.borrow();
    assert!(site.store.remove_app(&monitor).await.unwrap());
    let steps = *commits.borrow() - before;
    assert!(steps > 4, "{steps} transactions for 1,002 callbacks");
    assert_eq!(site.store.callback_counts().await.unwrap().waiting, 0);

    // As if it had been cut off in the middle: an app that gets the name has nothing to do with what is left.
    site.add_reader("monitor", &receiver.url()).await;
    let mut site = site
        .edited(
            "INSERT INTO delivery (event, app, url, by_request, receiver, subject, since, due, given_up)
             SELECT max(event.seq) - 3, 'monitor', app.callback, 0, app.callback, 7, 0, 0, NULL FROM event, app
             WHERE app.name = 'monitor';
             INSERT INTO delivery (event, app, url, by_request, receiver, subject, since, due, given_up)
             SELECT event, app, url, 0, receiver, 7, 0, NULL, 1 FROM delivery",
        )
        .await;
    assert!(site.dead().await.is_empty());
    assert_eq!(site.store.replay_callbacks(None, None, None).await.unwrap(), (0, None));
    site.deliver();
    site.note_modem(Kind::ModemResting, "m1").await;
    assert_eq!(soon("its own", receiver.next()).await.kind(), "modem.resting");
    site.until_delivered().await;
    assert!(receiver.now().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_app_that_gets_the_name_while_the_old_one_goes_waits_for_nothing_of_it() {
    let mut receiver = Receiver::start(Mood::status(200));
    let mut site = Site::idle().await;
    let monitor = site.add_reader("monitor", &receiver.url()).await;
    site.note_modem(Kind::ModemAbsent, "m1").await;
    site.receive(4_000).await;
    let (store, name) = (site.store.clone(), monitor.clone());
    let removing = tokio::spawn(async move { store.remove_app(&name).await.unwrap() });
    soon("the name to be free", async {
        while site.store.app_by_name(&monitor).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    site.add_app(&monitor, &[Scope::Read]).await;
    site.store.set_app_callback(&monitor, Some(receiver.url().parse().unwrap())).await.unwrap();
    site.note_modem(Kind::ModemReady, "m1").await;
    assert!(removing.await.unwrap());
    site.deliver();
    assert_eq!(soon("its own", receiver.next()).await.kind(), "modem.ready");
    site.until_delivered().await;
    assert!(receiver.now().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_can_be_sent_for_a_month_however_short_the_log_is_kept() {
    let mut receiver = Receiver::start(Mood::status(410));
    let site = Site::with_url(&receiver.url()).await;
    site.store.set_retention(Retention { keep_days: 1.try_into().unwrap() });
    let otp = site.happen(1).await;
    soon("the end of it", async {
        while site.dead().await.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    site.happen(2).await;
    let kept = async || site.store.events_after(0, Reader::Admin, Vec::new(), 100).await.unwrap().events.len();
    assert_eq!(kept().await, 6, "an app with a URL, two otps that were issued and cancelled");
    for _ in 0..20 {
        pass(seconds(24 * 3600)).await;
        let next = site.store.sweep().await.unwrap();
        assert!(next.is_none_or(|next| next.since(site.clock.now()) >= seconds(60)), "it is no hot loop");
    }
    assert_eq!(kept().await, 2, "what is to be told; nothing else stays for that");
    receiver.be(Mood::status(200));
    while receiver.now().is_some() {}
    assert_eq!(site.store.replay_callbacks(None, None, None).await.unwrap(), (2, None));
    assert_eq!(soon("it", receiver.next()).await.otp(), otp);
    site.until_delivered().await;
    pass(seconds(24 * 3600)).await;
    for _ in 0..3 {
        site.store.sweep().await.unwrap();
        pass(seconds(600)).await;
    }
    assert_eq!(kept().await, 1, "now it is forgotten, but for the newest");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_outlived_a_long_power_cut_has_its_try() {
    let mut receiver = Receiver::start(Mood::status(200));
    let mut site = Site::idle().await;
    site.set_url(&receiver.url()).await;
    let otp = site.happen(1).await;
    site.happen(2).await;
    pass(seconds(90 * 24 * 3600)).await;
    site.store.set_retention(Retention { keep_days: 30.try_into().unwrap() });
    site.store.sweep().await.unwrap();
    site.deliver();
    assert_eq!(soon("its try", receiver.next()).await.otp(), otp);
}
