//! A store in a temporary folder, and short ways to fill it.

use std::path::Path;
use std::time::Duration;

use smsotpd::clock::Clock;
use smsotpd::guard::Checks;
use smsotpd::ids::{AppName, MessageId, MessageReference, OtpId, SimId};
use smsotpd::limits;
use smsotpd::message::{InDoubtPolicy, Priority, Status};
use smsotpd::otp::Verdict;
use smsotpd::pdu::Encoding;
use smsotpd::phone::PhoneNumber;
use smsotpd::secret::{Code, Text};
use smsotpd::store::{
    AcceptOutcome, Assignment, Claim, Claimed, IssueOutcome, NewMessage, NewOtp, OtpView, Report, ReportOutcome, Rules,
    Store, SubmitResult, Which,
};
use tempfile::TempDir;

use crate::outgoing;
use crate::power;

pub(crate) const CODE: &str = "482913";
pub(crate) const TEXT: &str = "482913 is your Example code. It is valid for 5 minutes.";
pub(crate) const NO_LIMITS: limits::Settings =
    limits::Settings { per_number_hour: 0, per_number_day: 0, per_prefix_hour: 0 };

/// These limits, and no guard.
pub(crate) fn rules(limits: limits::Settings) -> Rules {
    Rules { limits, guard: Checks::off() }
}

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
}

pub(crate) fn app() -> AppName {
    "shop".parse().unwrap()
}

pub(crate) fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap()
}

pub(crate) fn alice() -> PhoneNumber {
    number("+15551234567")
}

pub(crate) fn sim(name: &str) -> SimId {
    SimId::from_stored(name.to_owned())
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl World {
    pub(crate) async fn new() -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::simulated());
        let store = Store::open(folder.path(), Some(clock.clone())).await.unwrap();
        Self { folder, store, clock }
    }

    /// The world after the power went: only what was on disk at this moment is left.
    pub(crate) async fn crash(&self) -> Self {
        let folder = power::left_behind(self.folder.path());
        let store = Store::open(folder.path(), Some(self.clock.clone())).await.unwrap();
        Self { folder, store, clock: self.clock.clone() }
    }

    pub(crate) fn new_message(&self, to: &PhoneNumber) -> NewMessage {
        let id = MessageId::generate();
        NewMessage {
            id,
            app: app(),
            to: to.clone(),
            text: self.store.site_key().seal(id.as_bytes(), &Text::new(TEXT.to_owned()), [1; 24]),
            priority: Priority::Transactional,
            deadline: self.clock.now() + seconds(3600),
            encoding: Encoding::Gsm7,
            parts: 1,
            class0: false,
            replace: None,
            in_doubt: InDoubtPolicy::Hold,
            second_after: None,
            callback: None,
        }
    }

    pub(crate) fn new_otp(&self, to: &PhoneNumber) -> NewOtp {
        let (id, code) = (OtpId::generate(), Code::new(CODE.to_owned()));
        let deadline = self.clock.now() + seconds(300);
        NewOtp {
            id,
            app: app(),
            to: to.clone(),
            purpose: "login".to_owned(),
            code: self.store.site_key().code_digest(id, &code),
            sealed_code: self.store.site_key().seal(id.as_bytes(), &Text::new(CODE.to_owned()), [2; 24]),
            context: None,
            lifetime: seconds(300),
            max_attempts: 5,
            resend_after: seconds(30),
            max_resends: 3,
            message: NewMessage {
                priority: Priority::Otp,
                deadline,
                in_doubt: InDoubtPolicy::Resend,
                second_after: None,
                ..self.new_message(to)
            },
        }
    }

    pub(crate) async fn accept(&self, message: NewMessage) -> MessageId {
        let id = message.id;
        assert!(matches!(self.store.accept(message, None).await.unwrap(), AcceptOutcome::Accepted(_)));
        id
    }

    pub(crate) async fn issue(&self, otp: NewOtp) -> OtpView {
        match self.store.issue(otp, rules(NO_LIMITS), None).await.unwrap() {
            IssueOutcome::Issued(view) => view,
            other => panic!("not issued: {other:?}"),
        }
    }

    pub(crate) async fn verify(&self, id: OtpId, code: &str) -> Verdict {
        self.store.verify(&app(), Which::Id(id), Code::new(code.to_owned())).await.unwrap().unwrap()
    }

    pub(crate) async fn status(&self, id: MessageId) -> Status {
        self.store.message(&app(), id).await.unwrap().unwrap().message.status
    }

    pub(crate) async fn claim_with(&self, sim_name: &str) -> Claimed {
        self.store.claim(claim(sim_name)).await.unwrap()
    }

    /// Claims with the SIM `a`; something must be there.
    pub(crate) async fn claim(&self) -> Assignment {
        part(self.claim_with("a").await)
    }

    /// Claims with the SIM `a`; nothing must be there.
    pub(crate) async fn claim_nothing(&self) {
        let claimed = self.claim_with("a").await;
        assert!(matches!(claimed, Claimed::Nothing { .. }), "{claimed:?}");
    }

    pub(crate) async fn settle(&self, assignment: &Assignment, result: SubmitResult) {
        self.store.settle(outgoing::settlement(assignment, result)).await.unwrap();
    }

    pub(crate) async fn sent(&self, assignment: &Assignment, reference: u8) {
        self.settle(assignment, SubmitResult::Sent { reference: MessageReference(reference) }).await;
    }

    pub(crate) async fn in_doubt(&self, assignment: &Assignment) {
        self.settle(assignment, SubmitResult::InDoubt { reason: "no answer".to_owned() }).await;
    }

    /// A report comes to the SIM `a`.
    pub(crate) async fn report(&self, to: &PhoneNumber, reference: u8, outcome: ReportOutcome) -> bool {
        self.report_at("a", to, reference, outcome).await
    }

    pub(crate) async fn report_at(
        &self,
        sim_name: &str,
        to: &PhoneNumber,
        reference: u8,
        outcome: ReportOutcome,
    ) -> bool {
        let reference = MessageReference(reference);
        let status_octet = match outcome {
            ReportOutcome::Delivered => 0x00,
            ReportOutcome::StillTrying => 0x30,
            ReportOutcome::Undelivered => 0x46,
        };
        let report = Report { sim: sim(sim_name), to: to.clone(), reference, outcome, status_octet };
        self.store.settle_report(vec![report]).await.unwrap().is_some()
    }

    pub(crate) async fn pass(&self, time: Duration) {
        tokio::time::advance(time).await;
    }

    pub(crate) fn holds(&self, needle: &[u8]) -> bool {
        ["smsotpd.db", "smsotpd.db-wal"].iter().any(|file| file_holds(&self.folder.path().join(file), needle))
    }
}

pub(crate) fn claim(sim_name: &str) -> Claim {
    outgoing::claim(sim(sim_name))
}

pub(crate) fn part(claimed: Claimed) -> Assignment {
    match claimed {
        Claimed::Part(assignment) => assignment,
        Claimed::Nothing { next, .. } => panic!("nothing to claim, next {next:?}"),
    }
}

fn file_holds(path: &Path, needle: &[u8]) -> bool {
    let content = std::fs::read(path).unwrap_or_default();
    content.windows(needle.len()).any(|window| window == needle)
}
