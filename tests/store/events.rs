//! The log: one event for each thing that really happened, in order, and nothing in it that must not leave.

use std::time::Duration;

use serde_json::{Value, json};
use smsotpd::ids::AppName;
use smsotpd::limits;
use smsotpd::message::{FailureClass, Next, Priority, Status};
use smsotpd::otp;
use smsotpd::secret::{ApiKey, Code};
use smsotpd::store::{
    By, Event, EventFilter, IssueOutcome, Kind, NewApp, NewMessage, PageSize, Reader, Refused, ReportOutcome,
    ResendOutcome, Retention, Scope, SubmitResult, Which,
};

use crate::world::{CODE, NO_LIMITS, TEXT, World, alice, app, number, part, rules, seconds};

impl World {
    /// Everything that happened so far.
    async fn log(&self) -> Vec<Event> {
        self.store.events_after(0, Reader::Admin, Vec::new(), 1_000).await.unwrap().events
    }

    async fn kinds(&self) -> Vec<&'static str> {
        self.log().await.iter().map(|event| event.kind.as_str()).collect()
    }

    async fn last(&self) -> Event {
        self.log().await.pop().unwrap()
    }
}

fn json(event: &Event) -> Value {
    serde_json::to_value(event).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_life_of_a_code_is_told_once_and_in_order() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    let part = world.claim().await;
    world.sent(&part, 7).await;
    assert!(world.report(&alice(), 7, ReportOutcome::StillTrying).await);
    assert!(!world.verify(otp.id, "000000").await.verified);
    assert!(world.verify(otp.id, CODE).await.verified);
    assert!(!world.verify(otp.id, CODE).await.verified);
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    assert!(world.report(&alice(), 7, ReportOutcome::Delivered).await);
    world.sent(&part, 7).await;
    let told = ["otp.issued", "otp.sent", "otp.wrong_code", "otp.verified", "otp.delivered"];
    assert_eq!(world.kinds().await, told);

    let log = world.log().await;
    assert!(log.windows(2).all(|pair| pair[0].id.place() + 1 == pair[1].id.place()));
    assert_eq!(log[2].data.otp.as_ref().unwrap().attempts_left, Some(4));
    let delivered = json(&log[4]);
    assert_eq!(
        delivered,
        json!({
            "id": log[4].id.to_string(),
            "type": "otp.delivered",
            "timestamp": "2026-01-01T00:00:00Z",
            "data": {
                "app": "shop",
                "by": "network",
                "otp": {"id": otp.id.to_string(), "status": "verified", "to": "+1555***4567", "purpose": "login"},
                "message": {
                    "id": otp.message.id.to_string(),
                    "status": "delivered",
                    "to": "+1555***4567",
                    "delivered_at": "2026-01-01T00:00:00Z",
                },
            }
        })
    );
}

#[tokio::test(start_paused = true)]
async fn what_ends_an_otp_is_told_each_in_its_own_way() {
    let world = World::new().await;
    let first = world.issue(world.new_otp(&alice())).await;
    world.pass(seconds(30)).await;
    let again = world.new_message(&alice());
    let resent = world.store.resend(&app(), first.id, again, None, rules(NO_LIMITS), None).await.unwrap();
    assert!(matches!(resent, Some(ResendOutcome::Resent(_))));
    let second = world.issue(world.new_otp(&alice())).await;
    for _ in 0..2 {
        world.store.cancel_otp(&app(), second.id).await.unwrap();
    }
    let third = world.issue(world.new_otp(&alice())).await;
    for _ in 0..7 {
        world.verify(third.id, "000000").await;
    }
    world.issue(world.new_otp(&alice())).await;
    world.pass(seconds(300)).await;
    world.store.sweep().await.unwrap();
    world.store.sweep().await.unwrap();
    let told = [
        "otp.issued",
        "otp.resent",
        "otp.superseded",
        "otp.issued",
        "otp.cancelled",
        "otp.issued",
        "otp.wrong_code",
        "otp.wrong_code",
        "otp.wrong_code",
        "otp.wrong_code",
        "otp.locked",
        "otp.issued",
        "otp.expired",
    ];
    assert_eq!(world.kinds().await, told);
    let expired = world.last().await.data;
    assert_eq!(expired.otp.unwrap().status, otp::Status::Expired);
    assert_eq!(expired.message.unwrap().status, Status::Expired, "it never went out");
}

#[tokio::test(start_paused = true)]
async fn a_code_that_a_verification_finds_expired_is_told_once() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    let part = world.claim().await;
    world.sent(&part, 7).await;
    world.pass(seconds(300)).await;
    for _ in 0..2 {
        assert!(!world.verify(otp.id, CODE).await.verified);
    }
    world.store.sweep().await.unwrap();
    assert_eq!(world.kinds().await, ["otp.issued", "otp.sent", "otp.expired"]);
    assert_eq!(world.last().await.data.message.unwrap().status, Status::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_code_that_will_not_arrive_is_told_with_the_reason() {
    let world = World::new().await;
    world.issue(world.new_otp(&alice())).await;
    let part = world.claim().await;
    world.sent(&part, 7).await;
    assert!(world.report(&alice(), 7, ReportOutcome::Undelivered).await);
    let told = world.last().await;
    let message = told.data.message.unwrap();
    assert_eq!((told.kind, message.status), (Kind::OtpUndelivered, Status::Undelivered));
    assert!(message.reason.is_some());

    world.issue(world.new_otp(&number("+15557654321"))).await;
    let part = world.claim().await;
    let reason = "the number is not in use".to_owned();
    let code = Some("+CMS ERROR: 1".to_owned());
    world.settle(&part, SubmitResult::Failed { class: FailureClass::Recipient, code, reason, next: Next::Fail }).await;
    let told = world.last().await;
    let message = told.data.message.unwrap();
    assert_eq!((told.kind, message.status), (Kind::OtpUndelivered, Status::Failed));
    assert_eq!(message.reason.as_deref(), Some("the number is not in use"));
}

#[tokio::test(start_paused = true)]
async fn a_code_whose_message_was_withdrawn_is_told_not_to_arrive_and_by_whom() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    world.store.cancel_message(&app(), otp.message.id).await.unwrap();
    let told = world.last().await;
    let message = told.data.message.unwrap();
    assert_eq!((told.kind, told.data.by, message.status), (Kind::OtpUndelivered, By::App, Status::Cancelled));
    assert_eq!(message.reason.as_deref(), Some("its message was withdrawn before it was sent"));
    assert_eq!(told.data.otp.unwrap().status, otp::Status::Pending);

    world.issue(world.new_otp(&number("+15557654321"))).await;
    world.store.opt_out(&number("+15557654321"), &app()).await.unwrap();
    let told = world.last().await;
    assert_eq!((told.kind, told.data.by), (Kind::OtpUndelivered, By::Site));
    assert_eq!(told.data.message.unwrap().reason.as_deref(), Some("the recipient wants no messages"));

    // What becomes of a message that its otp has left behind is not told of.
    let otp = world.issue(world.new_otp(&number("+15557654322"))).await;
    world.store.cancel_otp(&app(), otp.id).await.unwrap();
    assert_eq!(world.kinds().await[5..], ["otp.issued", "otp.cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_withdrawn_names_who_did_it() {
    let world = World::new().await;
    world.accept(world.new_message(&alice())).await;
    world.store.opt_out(&alice(), &app()).await.unwrap();
    let told = world.last().await;
    assert_eq!((told.kind, told.data.by), (Kind::MessageCancelled, By::Site));
    world.accept(world.new_message(&number("+15557654321"))).await;
    world.issue(world.new_otp(&number("+15557654321"))).await;
    let key = world.store.site_key().key_digest(&ApiKey::new("a".to_owned()));
    let shop = NewApp { name: app(), scopes: vec![Scope::Read], policy: "default".to_owned(), key };
    world.store.create_app(shop).await.unwrap();
    assert!(world.store.remove_app(&app()).await.unwrap());
    let by: Vec<(Kind, By)> = world.log().await.iter().rev().take(3).map(|event| (event.kind, event.data.by)).collect();
    assert_eq!(by, [(Kind::MessageCancelled, By::Cli), (Kind::OtpCancelled, By::Cli), (Kind::AppRemoved, By::Cli)]);
}

#[tokio::test(start_paused = true)]
async fn a_message_of_several_parts_is_one_message() {
    let world = World::new().await;
    world.accept(NewMessage { parts: 3, ..world.new_message(&alice()) }).await;
    for reference in 1..=3 {
        let part = world.claim().await;
        world.sent(&part, reference).await;
    }
    for reference in 1..=3 {
        world.report(&alice(), reference, ReportOutcome::Delivered).await;
    }
    assert_eq!(world.kinds().await, ["message.queued", "message.sent", "message.delivered"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_lost_part_arrived_after_all_is_told_to_be_sent() {
    let world = World::new().await;
    world.accept(NewMessage { parts: 2, ..world.new_message(&alice()) }).await;
    world.sent(&world.claim().await, 1).await;
    let second = world.claim().await;
    world.report(&alice(), 1, ReportOutcome::Undelivered).await;
    world.sent(&second, 2).await;
    world.report(&alice(), 1, ReportOutcome::Delivered).await;
    assert_eq!(world.kinds().await, ["message.queued", "message.undelivered", "message.sent"]);
}

#[tokio::test(start_paused = true)]
async fn a_second_copy_through_another_sim_is_no_news_until_it_arrives() {
    let world = World::new().await;
    let mut otp = world.new_otp(&alice());
    otp.message.second_after = Some(seconds(100));
    world.issue(otp).await;
    world.sent(&world.claim().await, 7).await;
    world.pass(seconds(100)).await;
    world.sent(&part(world.claim_with("b").await), 8).await;
    assert_eq!(world.kinds().await, ["otp.issued", "otp.sent"]);
    world.report_at("b", &alice(), 8, ReportOutcome::Delivered).await;
    assert_eq!(world.kinds().await, ["otp.issued", "otp.sent", "otp.delivered"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_in_doubt_that_was_sent_after_all_is_told_so() {
    let world = World::new().await;
    let held = world.accept(world.new_message(&alice())).await;
    let part = world.claim().await;
    world.in_doubt(&part).await;
    assert!(world.report(&alice(), 9, ReportOutcome::Delivered).await);
    let queued = world.accept(NewMessage { priority: Priority::Bulk, ..world.new_message(&alice()) }).await;
    assert!(world.store.cancel_message(&app(), queued).await.unwrap().is_some());
    assert_eq!(
        world.kinds().await,
        ["message.queued", "message.in_doubt", "message.delivered", "message.queued", "message.cancelled"]
    );
    assert_eq!(world.log().await[2].data.message.as_ref().unwrap().id, held);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_refusals_is_told_of_once_a_minute_with_its_size() {
    let world = World::new().await;
    let limits = limits::Settings { per_number_hour: 1, ..NO_LIMITS };
    let ask = || async { world.store.issue(world.new_otp(&alice()), rules(limits.clone()), None).await.unwrap() };
    assert!(matches!(ask().await, IssueOutcome::Issued(_)));
    for _ in 0..5 {
        assert!(matches!(ask().await, IssueOutcome::Refused(Refused::Limit(_))));
    }
    assert_eq!(world.kinds().await, ["otp.issued", "otp.refused"]);
    let due = world.store.sweep().await.unwrap().unwrap();
    assert_eq!(due.since(world.clock.now()), seconds(60));
    world.pass(seconds(60)).await;
    world.store.sweep().await.unwrap();
    let last = json(&world.last().await);
    let data = json!({"app": "shop", "by": "site", "rule": "per-number-hour", "count": 4, "to": "+1555***4567"});
    assert_eq!((&last["type"], &last["data"]), (&json!("otp.refused"), &data));
    world.pass(seconds(60)).await;
    world.store.sweep().await.unwrap();
    assert_eq!(world.kinds().await.len(), 3);
    assert!(matches!(ask().await, IssueOutcome::Refused(Refused::Limit(_))));
    assert_eq!(world.last().await.data.detail["count"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_repeated_happened_once() {
    let world = World::new().await;
    let idempotency = || Some(smsotpd::store::Idempotency { key: "k".to_owned(), digest: [1; 32] });
    for _ in 0..3 {
        world.store.issue(world.new_otp(&alice()), rules(NO_LIMITS), idempotency()).await.unwrap();
    }
    assert_eq!(world.kinds().await, ["otp.issued"]);
}

#[tokio::test(start_paused = true)]
async fn an_app_is_told_of_its_own_and_of_the_site_and_not_of_what_an_earlier_app_of_its_name_did() {
    let world = World::new().await;
    let store = &world.store;
    let new_app = |key: &str| {
        let key = store.site_key().key_digest(&ApiKey::new(key.to_owned()));
        NewApp { name: app(), scopes: vec![Scope::Read], policy: "default".to_owned(), key }
    };
    store.create_app(new_app("a")).await.unwrap();
    world.issue(world.new_otp(&alice())).await;
    assert!(store.remove_app(&app()).await.unwrap());
    store.create_app(new_app("b")).await.unwrap();
    let other: AppName = "other".parse().unwrap();
    let part = world.new_message(&alice());
    world.accept(NewMessage { app: other.clone(), ..part }).await;
    let part = world.claim().await;
    world.sent(&part, 1).await;
    store.drain(&"m1".parse().unwrap(), &other).await.unwrap();
    world.issue(world.new_otp(&alice())).await;
    let part = world.claim().await;
    world.sent(&part, 2).await;

    let told = |reader, kinds| async { store.events_after(0, reader, kinds, 100).await.unwrap() };
    let own = told(Reader::App(app()), Vec::new()).await;
    let kinds: Vec<_> = own.events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["modem.drained", "otp.sent"]);
    let only = told(Reader::App(app()), vec![Kind::OtpSent]).await;
    assert_eq!((only.events.len(), only.seen), (1, own.seen));
    let others = told(Reader::App(other), Vec::new()).await;
    let kinds: Vec<_> = others.events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["message.sent", "modem.drained"]);
    let all = world.kinds().await;
    for kind in ["app.created", "app.removed", "otp.cancelled"] {
        assert!(all.contains(&kind), "{all:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_is_read_by_page_by_app_by_kind_and_by_time() {
    let world = World::new().await;
    for _ in 0..3 {
        world.issue(world.new_otp(&alice())).await;
        world.pass(seconds(60)).await;
    }
    let read = |filter| async { world.store.events(filter).await.unwrap() };
    let all = EventFilter { limit: PageSize::new(2).unwrap(), ..EventFilter::default() };
    let first = read(all.clone()).await;
    let second = read(EventFilter { cursor: first.next, ..all.clone() }).await;
    let third = read(EventFilter { cursor: second.next, ..all.clone() }).await;
    assert_eq!((first.items.len(), second.items.len(), third.items.len(), third.next), (2, 2, 1, None));
    let read_back: Vec<_> = [first, second, third].into_iter().flat_map(|page| page.items).rev().collect();
    assert_eq!(read_back, world.log().await);

    let many = EventFilter { limit: PageSize::LARGEST, ..all };
    let count = |filter| async { read(filter).await.items.len() };
    assert_eq!(count(EventFilter { kinds: vec![Kind::OtpSuperseded], ..many.clone() }).await, 2);
    assert_eq!(count(EventFilter { app: Some(app()), ..many.clone() }).await, 5);
    assert_eq!(count(EventFilter { app: Some("other".parse().unwrap()), ..many.clone() }).await, 0);
    let minute = |n: u64| Some(world.clock.wall() - seconds(60 * n));
    assert_eq!(count(EventFilter { since: minute(1), ..many.clone() }).await, 2);
    assert_eq!(count(EventFilter { since: minute(3), until: minute(1), ..many.clone() }).await, 3);
    // A clock that was wrong for a while hides nothing that came before.
    world.clock.jump_wall(-jiff::SignedDuration::from_hours(50 * 365 * 24));
    world.issue(world.new_otp(&alice())).await;
    world.clock.jump_wall(jiff::SignedDuration::from_hours(50 * 365 * 24));
    assert_eq!(count(EventFilter { since: minute(1), ..many }).await, 2);
}

#[tokio::test(start_paused = true)]
async fn what_happened_cannot_be_changed_or_deleted_and_holds_no_secret() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    let which = Which::Id(otp.id);
    world.store.verify(&app(), which, Code::new("000000".to_owned())).await.unwrap();
    world.store.opt_out(&alice(), &app()).await.unwrap();
    world.store.close().await;
    let conn = rusqlite::Connection::open(world.folder.path().join("smsotpd.db")).unwrap();
    for tampering in ["UPDATE event SET at = 0", "DELETE FROM event", "DELETE FROM event WHERE seq = 1"] {
        assert!(conn.execute(tampering, ()).is_err(), "{tampering}");
    }
    let mut statement = conn.prepare("SELECT * FROM event").unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query(()).unwrap();
    let mut seen = 0;
    while let Some(row) = rows.next().unwrap() {
        seen += 1;
        let row = (0..columns).map(|column| format!("{:?} ", row.get_ref(column).unwrap())).collect::<String>();
        for secret in [CODE, TEXT, "5551234567", "000000"] {
            assert!(!row.contains(secret), "{row}");
        }
    }
    assert_eq!(seen, 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_old_enough_is_forgotten_a_few_at_a_time_and_places_are_never_given_twice() {
    let world = World::new().await;
    for _ in 0..150 {
        world.store.note(Kind::PolicyChanged, None, Value::Null).await.unwrap();
    }
    let retention = |days: u32| Retention { keep_days: days.try_into().unwrap() };
    world.store.set_retention(retention(30));
    world.pass(seconds(31 * 24 * 3600)).await;
    let count = || async { world.log().await.len() };
    let again = world.store.sweep().await.unwrap().unwrap();
    assert_eq!((count().await, again.since(world.clock.now())), (22, seconds(1)));
    world.store.sweep().await.unwrap();
    world.pass(seconds(1)).await;
    assert_eq!(world.store.sweep().await, Ok(None));
    let kept = world.log().await;
    assert_eq!((kept.len(), kept[0].id.place()), (1, 150));
    world.store.note(Kind::PolicyChanged, None, Value::Null).await.unwrap();
    assert_eq!(world.last().await.id.place(), 151);

    world.store.set_retention(retention(0));
    world.pass(seconds(100 * 365 * 24 * 3600)).await;
    assert_eq!(world.store.sweep().await, Ok(None));
    assert_eq!(count().await, 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_done_to_an_app_is_told_and_no_token_in_a_url_is() {
    let world = World::new().await;
    let store = &world.store;
    let key = |key: &str| store.site_key().key_digest(&ApiKey::new(key.to_owned()));
    let new_app = NewApp { name: app(), scopes: vec![Scope::Read], policy: "default".to_owned(), key: key("a") };
    store.create_app(new_app).await.unwrap();
    assert!(store.rotate_app(&app(), key("b")).await.unwrap());
    let url = "https://app.example.org:8443/in/t0ken?key=t0ken".parse().unwrap();
    assert!(store.set_app_callback(&app(), Some(url)).await.unwrap());
    assert!(store.rotate_callback_secret(&app()).await.unwrap());
    assert!(store.set_app_callback(&app(), None).await.unwrap());
    assert!(store.remove_app(&app()).await.unwrap());
    let nobody: AppName = "nobody".parse().unwrap();
    assert!(!store.rotate_app(&nobody, key("c")).await.unwrap());
    assert!(!store.set_app_callback(&nobody, None).await.unwrap());
    assert!(!store.rotate_callback_secret(&nobody).await.unwrap());
    let told = world.log().await;
    let kinds: Vec<_> = told.iter().map(|event| event.kind.as_str()).collect();
    let changed = "app.callback_changed";
    let expected = ["app.created", "app.rotated", changed, "app.callback_secret_rotated", changed, "app.removed"];
    assert_eq!(kinds, expected);
    let data = json!({"app": "shop", "by": "cli", "to": "https://app.example.org:8443"});
    assert_eq!(json(&told[2])["data"], data);
    assert_eq!(json(&told[4])["data"], json!({"app": "shop", "by": "cli", "to": null}));
    assert!(told.iter().all(|event| event.data.app == Some(app()) && !json(event).to_string().contains("t0ken")));
}

#[tokio::test(start_paused = true)]
async fn a_look_ahead_for_what_hardly_ever_happens_is_short_and_comes_to_its_end() {
    let world = World::new().await;
    let mut noting = tokio::task::JoinSet::new();
    for _ in 0..5_000 {
        let store = world.store.clone();
        noting.spawn(async move { store.note(Kind::ModemReady, None, Value::Null).await.unwrap() });
    }
    noting.join_all().await;
    world.store.note(Kind::ModemAbsent, None, Value::Null).await.unwrap();
    let (mut seen, mut looks) = (0, 0);
    let found = loop {
        let told = world.store.events_after(seen, Reader::Admin, vec![Kind::ModemAbsent], 100).await.unwrap();
        assert!(told.seen - seen <= 2_000, "{} rows in one look", told.seen - seen);
        (seen, looks) = (told.seen, looks + 1);
        if !told.events.is_empty() {
            break told.events.len();
        }
    };
    assert_eq!((found, seen, looks), (1, 5_001, 3));
}

#[tokio::test(start_paused = true)]
async fn a_removed_apps_many_codes_are_each_told_cancelled_and_nothing_else() {
    let world = World::new().await;
    let key = world.store.site_key().key_digest(&ApiKey::new("a".to_owned()));
    let shop = NewApp { name: app(), scopes: vec![Scope::Read], policy: "default".to_owned(), key };
    world.store.create_app(shop).await.unwrap();
    for index in 0..200 {
        world.issue(world.new_otp(&number(&format!("+1555765{index:04}")))).await;
    }
    assert!(world.store.remove_app(&app()).await.unwrap());
    let kinds = world.kinds().await;
    let count = |kind: &str| kinds.iter().filter(|told| **told == kind).count();
    assert_eq!((count("otp.cancelled"), count("otp.undelivered")), (200, 0));
}

/// Its recipient opts out while a modem has it, and this tells that the site withdrew it for that.
async fn opt_out_under_way(world: &World, kind: Kind) {
    let part = world.claim().await;
    world.store.opt_out(&alice(), &app()).await.unwrap();
    world.settle(&part, SubmitResult::NotReady { reason: "gone".to_owned() }).await;
    let told = world.last().await;
    assert_eq!(told.kind, kind);
    assert_eq!(
        (told.data.by, told.data.message.unwrap().reason.as_deref()),
        (By::Site, Some("the recipient wants no messages"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_under_way_when_its_recipient_opted_out_names_who_withdrew_it() {
    let world = World::new().await;
    world.accept(world.new_message(&alice())).await;
    opt_out_under_way(&world, Kind::MessageCancelled).await;
}

#[tokio::test(start_paused = true)]
async fn a_code_under_way_when_its_recipient_opted_out_says_why() {
    let world = World::new().await;
    world.issue(world.new_otp(&alice())).await;
    opt_out_under_way(&world, Kind::OtpUndelivered).await;
}

#[tokio::test(start_paused = true)]
async fn a_removed_apps_message_that_was_under_way_is_not_withdrawn_by_the_app() {
    let world = World::new().await;
    let key = world.store.site_key().key_digest(&ApiKey::new("a".to_owned()));
    let shop = NewApp { name: app(), scopes: vec![Scope::Read], policy: "default".to_owned(), key };
    world.store.create_app(shop).await.unwrap();
    world.accept(world.new_message(&alice())).await;
    let part = world.claim().await;
    assert!(world.store.remove_app(&app()).await.unwrap());
    world.settle(&part, SubmitResult::NotReady { reason: "gone".to_owned() }).await;
    let told = world.last().await;
    assert_eq!((told.kind, told.data.by), (Kind::MessageCancelled, By::Cli));
}

#[tokio::test(start_paused = true)]
async fn a_code_that_was_never_sent_is_told_once_to_be_over() {
    let world = World::new().await;
    // The request read the clock a little before the writer did.
    let mut otp = world.new_otp(&alice());
    otp.message.deadline = otp.message.deadline - Duration::from_millis(2);
    let deadline = otp.message.deadline;
    let otp = world.issue(otp).await;
    assert_eq!(otp.message.deadline, otp.expires);
    for wait in [deadline.since(world.clock.now()), Duration::from_millis(2)] {
        world.pass(wait).await;
        world.store.sweep().await.unwrap();
    }
    assert_eq!(world.kinds().await, ["otp.issued", "otp.expired"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_read_is_left_out_and_all_others_are_told() {
    let world = World::new().await;
    for n in 0..3 {
        world.issue(world.new_otp(&number(&format!("+1555765432{n}")))).await;
    }
    let all = world.log().await;
    let conn = rusqlite::Connection::open(world.folder.path().join("smsotpd.db")).unwrap();
    conn.execute_batch("DROP TRIGGER event_is_never_changed").unwrap();
    for bad in ["kind = 'otp.of_tomorrow'", "app = 'No App!'", "kind = 'otp.issued', app = 'shop', detail = '{'"] {
        conn.execute(&format!("UPDATE event SET {bad} WHERE seq = 2"), ()).unwrap();
        let told = world.store.events_after(0, Reader::Admin, Vec::new(), 1_000).await.unwrap();
        assert_eq!((&told.events, told.seen), (&vec![all[0].clone(), all[2].clone()], 3), "{bad}");
        let mut filter = EventFilter { limit: PageSize::new(1).unwrap(), ..EventFilter::default() };
        let mut listed = Vec::new();
        loop {
            let page = world.store.events(filter.clone()).await.unwrap();
            listed.extend(page.items);
            let Some(next) = page.next else { break };
            filter.cursor = Some(next);
        }
        assert_eq!(listed, [all[2].clone(), all[0].clone()], "{bad}");
    }
}
