//! A store with an app whose callbacks are delivered.

use std::time::Duration;

use smsotpd::callback::{self, CallbackUrl, Source, Target};
use smsotpd::clock::Clock;
use smsotpd::guard::Checks;
use smsotpd::ids::{AppName, MessageId, OtpId};
use smsotpd::limits;
use smsotpd::message::{InDoubtPolicy, Priority};
use smsotpd::pdu::Encoding;
use smsotpd::phone::PhoneNumber;
use smsotpd::secret::{ApiKey, Code, Text};
use smsotpd::store::{
    CallbackFilter, CallbackStatus, CallbackView, IssueOutcome, Kind, NewApp, NewMessage, NewOtp, PageSize,
    ReportOutcome, Rules, Scope, Store, StoreError, Which,
};
use smsotpd::webhook::{Counters, Webhook};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{outgoing, power};

const CODE: &str = "482913";

pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    delivering: Option<(CancellationToken, JoinHandle<Result<(), StoreError>>)>,
}

pub(crate) fn shop() -> AppName {
    "shop".parse().unwrap()
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn target(url: &str, source: Source) -> Option<Target> {
    Some(Target { url: url.parse().unwrap(), source })
}

impl Site {
    /// A site whose app has this URL of its own, and which delivers.
    pub(crate) async fn with_url(url: &str) -> Self {
        let mut site = Self::idle().await;
        site.set_url(url).await;
        site.deliver();
        site
    }

    /// A site that does not deliver yet.
    pub(crate) async fn idle() -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::simulated());
        let store = Store::open(folder.path(), Some(clock.clone())).await.unwrap();
        let site = Self { folder, store, clock, delivering: None };
        site.add_app(&shop(), &[Scope::Issue, Scope::Verify]).await;
        site
    }

    pub(crate) async fn add_app(&self, name: &AppName, scopes: &[Scope]) {
        let key = self.store.site_key().key_digest(&ApiKey::new(name.to_string()));
        let app = NewApp { name: name.clone(), scopes: scopes.to_vec(), policy: "default".to_owned(), key };
        self.store.create_app(app).await.unwrap();
    }

    pub(crate) async fn set_url(&self, url: &str) {
        let url: CallbackUrl = url.parse().unwrap();
        assert!(self.store.set_app_callback(&shop(), Some(url)).await.unwrap());
    }

    pub(crate) fn deliver(&mut self) -> Counters {
        self.deliver_within(&[])
    }

    /// Delivers, to these places too when a request names them.
    pub(crate) fn deliver_within(&mut self, allow: &[&str]) -> Counters {
        let allow = allow.iter().map(|entry| entry.parse().unwrap()).collect();
        let webhook = Webhook::new(self.store.clone(), callback::Settings { allow });
        let (stop, counters) = (CancellationToken::new(), webhook.counters());
        self.delivering = Some((stop.clone(), tokio::spawn(webhook.run(stop))));
        counters
    }

    /// The same site after its power went, as it was on disk at this moment. It does not deliver yet.
    pub(crate) async fn crash(mut self) -> Self {
        let folder = power::left_behind(self.folder.path());
        if let Some((_, delivering)) = self.delivering.take() {
            delivering.abort();
        }
        let store = Store::open(folder.path(), Some(self.clock.clone())).await.unwrap();
        Self { folder, store, clock: self.clock.clone(), delivering: None }
    }

    /// The same site, which does not deliver yet, after this was done to its database.
    pub(crate) async fn edited(self, sql: &str) -> Self {
        self.store.close().await;
        rusqlite::Connection::open(self.folder.path().join("smsotpd.db")).unwrap().execute_batch(sql).unwrap();
        let store = Store::open(self.folder.path(), Some(self.clock.clone())).await.unwrap();
        Self { store, delivering: None, ..self }
    }

    /// An app that may read, and so is told of the site, at this URL.
    pub(crate) async fn add_reader(&self, name: &str, url: &str) -> AppName {
        let name: AppName = name.parse().unwrap();
        self.add_app(&name, &[Scope::Read]).await;
        self.store.set_app_callback(&name, Some(url.parse().unwrap())).await.unwrap();
        name
    }

    /// So many messages come in, by the modem `m1`.
    pub(crate) async fn receive(&self, messages: usize) {
        let mut noting = tokio::task::JoinSet::new();
        for _ in 0..messages {
            let store = self.store.clone();
            let detail = serde_json::json!({ "inbox": "in_1", "from": "+1555***4567", "modem": "m1" });
            noting.spawn(async move { store.note(Kind::InboxReceived, None, detail).await.unwrap() });
        }
        noting.join_all().await;
    }

    /// Something happens to a modem.
    pub(crate) async fn note_modem(&self, kind: Kind, modem: &str) {
        self.store.note(kind, None, serde_json::json!({ "modem": modem })).await.unwrap();
    }

    /// Asks delivering to end, and waits until it has.
    pub(crate) async fn stop(&mut self) {
        let (stop, delivering) = self.delivering.take().unwrap();
        stop.cancel();
        let mut delivering = delivering;
        soon("the end", async {
            loop {
                tokio::select! {
                    biased;
                    ended = &mut delivering => break ended.unwrap().unwrap(),
                    () = tokio::task::yield_now() => tokio::time::advance(seconds(1)).await,
                }
            }
        })
        .await;
    }

    fn new_message(&self, to: &PhoneNumber, callback: Option<Target>) -> NewMessage {
        let id = MessageId::generate();
        NewMessage {
            id,
            app: shop(),
            to: to.clone(),
            text: self.store.site_key().seal(id.as_bytes(), &Text::new("The text".to_owned()), [1; 24]),
            priority: Priority::Otp,
            deadline: self.clock.now() + seconds(7 * 24 * 3600),
            encoding: Encoding::Gsm7,
            parts: 1,
            class0: false,
            replace: None,
            in_doubt: InDoubtPolicy::Hold,
            second_after: None,
            callback,
        }
    }

    /// Issues an otp. It makes no event that is told.
    pub(crate) async fn issue(&self, to: &str, callback: Option<Target>) -> OtpId {
        let (id, code, to) = (OtpId::generate(), Code::new(CODE.to_owned()), PhoneNumber::parse(to).unwrap());
        let otp = NewOtp {
            id,
            app: shop(),
            to: to.clone(),
            purpose: "login".to_owned(),
            context: None,
            code: self.store.site_key().code_digest(id, &code),
            sealed_code: self.store.site_key().seal(id.as_bytes(), &Text::new(CODE.to_owned()), [2; 24]),
            lifetime: seconds(24 * 3600),
            max_attempts: 5,
            resend_after: seconds(30),
            max_resends: 3,
            message: self.new_message(&to, callback),
        };
        let limits = limits::Settings { per_number_hour: 0, per_number_day: 0, per_prefix_hour: 0 };
        let rules = Rules { limits, guard: Checks::off() };
        let outcome = self.store.issue(otp, rules, None).await.unwrap();
        assert!(matches!(outcome, IssueOutcome::Issued(_)), "{outcome:?}");
        id
    }

    /// Makes an event about an otp of its own: it is cancelled. Returns the otp's id as receivers see it.
    pub(crate) async fn happen(&self, n: u32) -> String {
        self.happen_for(n, None).await
    }

    /// The same with a URL of its own.
    pub(crate) async fn happen_for(&self, n: u32, callback: Option<Target>) -> String {
        let id = self.issue(&format!("+1555{n:07}"), callback).await;
        self.cancel(id).await;
        id.to_string()
    }

    pub(crate) async fn cancel(&self, id: OtpId) {
        self.store.cancel_otp(&shop(), id).await.unwrap().unwrap();
    }

    pub(crate) async fn verify(&self, id: OtpId) {
        let code = Code::new(CODE.to_owned());
        let verdict = self.store.verify(&shop(), Which::Id(id), code).await.unwrap().unwrap();
        assert!(verdict.verified);
    }

    /// The message that waits is sent, and reported as delivered.
    pub(crate) async fn send_and_report(&self, to: &str) {
        send_and_report(&self.store, to, ReportOutcome::Delivered).await;
    }

    pub(crate) async fn callbacks(&self, status: CallbackStatus) -> Vec<CallbackView> {
        let filter = CallbackFilter { app: None, status, limit: PageSize::LARGEST, cursor: None };
        self.store.callbacks(filter).await.unwrap().items
    }

    pub(crate) async fn waiting(&self) -> Vec<CallbackView> {
        self.callbacks(CallbackStatus::Waiting).await
    }

    pub(crate) async fn dead(&self) -> Vec<CallbackView> {
        self.callbacks(CallbackStatus::Dead).await
    }

    /// Waits, without letting time pass, until what waits is as wished.
    pub(crate) async fn until_waiting(&self, what: &str, wished: impl Fn(&[CallbackView]) -> bool) {
        soon(what, async {
            while !wished(&self.waiting().await) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Waits until every callback that waits has failed so often.
    pub(crate) async fn until_tried(&self, tries: u32) {
        self.until_waiting(&format!("{tries} tries"), |all| all.iter().all(|one| one.tries >= tries)).await;
    }

    /// Waits until nothing waits.
    pub(crate) async fn until_delivered(&self) {
        self.until_waiting("everything to be delivered", <[_]>::is_empty).await;
    }
}

/// The message that waits is sent, and reported like this.
pub(crate) async fn send_and_report(store: &Store, to: &str, outcome: ReportOutcome) {
    outgoing::take(store, 7).await.unwrap();
    outgoing::report(store, to, 7, outcome, 0).await;
}

/// Waits for something that must happen while time stands still.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let begun = std::time::Instant::now();
    let mut future = std::pin::pin!(future);
    loop {
        tokio::select! {
            biased;
            value = &mut future => return value,
            () = tokio::task::yield_now() => assert!(begun.elapsed() < seconds(60), "waited in vain for {what}"),
        }
    }
}

/// Lets time pass.
pub(crate) async fn pass(time: Duration) {
    tokio::time::advance(time).await;
}
