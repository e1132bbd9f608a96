//! A site with one app and a modem that takes whatever waits.

use std::time::Duration;

use smsotpd::clock::Clock;
use smsotpd::ids::{AppName, OtpId};
use smsotpd::issue::{IssueError, Policy, Request, ResendError, issue, resend};
use smsotpd::limits;
use smsotpd::otp::Verdict;
use smsotpd::phone::PhoneNumber;
use smsotpd::secret::Code;
use smsotpd::store::{Assignment, Idempotency, OtpView, Store, StoreError, Which};
use smsotpd::verify::verify;
use smsotpd::wording::Wish;

use crate::outgoing;

pub(crate) const ALICE: &str = "+15551234567";
pub(crate) const BOB: &str = "+15559876543";

pub(crate) struct Site {
    pub(crate) store: Store,
    pub(crate) policy: Policy,
    pub(crate) app: AppName,
    state: tempfile::TempDir,
}

impl Site {
    /// A site with the default policy, the brand `Example`, and no limits.
    pub(crate) async fn open() -> Self {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path(), Some(Clock::simulated())).await.unwrap();
        let limits = limits::Settings { per_number_hour: 0, per_number_day: 0, per_prefix_hour: 0 };
        let policy = Policy { brand: "Example".to_owned(), limits, ..Policy::default() };
        Self { store, policy, app: "shop".parse().unwrap(), state }
    }

    pub(crate) async fn open_with(change: impl FnOnce(&mut Policy)) -> Self {
        let mut site = Self::open().await;
        change(&mut site.policy);
        assert_eq!(site.policy.check(), Ok(()));
        site
    }

    /// Stops the store and starts it again on the same state.
    pub(crate) async fn restart(self) -> Self {
        let clock = self.store.clock().clone();
        self.store.close().await;
        let store = Store::open(self.state.path(), Some(clock)).await.unwrap();
        Self { store, ..self }
    }

    pub(crate) fn request(&self, to: &str) -> Request {
        Request {
            app: self.app.clone(),
            to: PhoneNumber::parse(to).unwrap(),
            purpose: None,
            context: Default::default(),
            lifetime: None,
            length: None,
            code: None,
            wish: Wish::default(),
            client_address: None,
            callback: None,
            idempotency: None,
        }
    }

    pub(crate) async fn ask(&self, request: Request) -> Result<OtpView, IssueError> {
        issue(&self.store, &self.policy, request).await
    }

    pub(crate) async fn issue(&self, to: &str) -> OtpView {
        self.ask(self.request(to)).await.unwrap()
    }

    /// Issues an otp and reads its code on the way to the modem.
    pub(crate) async fn issue_and_send(&self, to: &str) -> (OtpView, String) {
        let otp = self.issue(to).await;
        (otp, self.sent_code().await)
    }

    pub(crate) async fn resend(&self, id: OtpId) -> Result<OtpView, ResendError> {
        resend(&self.store, &self.policy, &self.app, id, None).await
    }

    pub(crate) async fn try_verify(&self, which: Which, typed: &str) -> Result<Option<Verdict>, StoreError> {
        verify(&self.store, &self.app, which, Code::new(typed.to_owned())).await
    }

    pub(crate) async fn verify(&self, id: OtpId, typed: &str) -> Verdict {
        self.try_verify(Which::Id(id), typed).await.unwrap().unwrap()
    }

    /// What the modem is given next, if anything waits. The network takes it.
    pub(crate) async fn sent(&self) -> Option<Assignment> {
        outgoing::take(&self.store, 1).await
    }

    /// The otp whose code a message carries.
    pub(crate) async fn otp_of(&self, sent: &Assignment) -> Option<OtpId> {
        self.store.message(&self.app, sent.message).await.unwrap().unwrap().otp
    }

    pub(crate) async fn sent_text(&self) -> Option<String> {
        self.sent().await.map(|part| part.text.expose().to_owned())
    }

    /// The code in the next message: its first word.
    pub(crate) async fn sent_code(&self) -> String {
        self.sent_text().await.unwrap().split_whitespace().next().unwrap().to_owned()
    }
}

pub(crate) fn repeatable(key: &str, body: u8) -> Option<Idempotency> {
    Some(Idempotency { key: key.to_owned(), digest: [body; 32] })
}

pub(crate) async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

/// A code that is certainly not this one.
pub(crate) fn other_than(code: &str) -> String {
    code.chars().map(|c| if c == '1' { '2' } else { '1' }).collect()
}
