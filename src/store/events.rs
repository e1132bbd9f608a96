//! What happened, written down in the transaction that did it.
//!
//! One log for everybody who is told of it: callbacks, streams of events, the audit. A row names the otp or message that
//! it is about, and the rest is read from there; beside that it holds what their rows cannot tell any more.
//!
//! Its one rule: one row for each thing that really happened, and never a code, a text or a whole number in it.

use serde_json::{Map, Value, json};

use super::error::StoreError;
use super::handle::Store;
use super::writer::Work;
use super::{deliveries, row};
use crate::ids::AppName;
use crate::message::Status;
use crate::otp;
use crate::phone::PhoneNumber;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal $public:ident $by:ident;)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The kind's name in the API and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// Whether callbacks and streams of events tell of it. The rest is for the audit alone.
            #[must_use]
            pub const fn is_public(self) -> bool {
                match self { $(Self::$kind => kinds!(@ $public),)* }
            }

            /// Who does it, if the event does not say otherwise.
            #[must_use]
            pub const fn by(self) -> By {
                match self { $(Self::$kind => By::$by,)* }
            }
        }
    };
    (@ public) => { true };
    (@ audit) => { false };
}

// What a caller was told in the answer to its own call, and nobody else waits for, is for the audit only.
kinds! {
    /// A code was issued.
    OtpIssued "otp.issued" audit App;
    /// A code is sent once more.
    OtpResent "otp.resent" audit App;
    /// The network took the message with the code.
    OtpSent "otp.sent" public Network;
    /// The handset has the message with the code.
    OtpDelivered "otp.delivered" public Network;
    /// The message with the code will never arrive: the network says so, or refused it for good, or it was withdrawn.
    OtpUndelivered "otp.undelivered" public Network;
    /// The code was verified.
    OtpVerified "otp.verified" public App;
    /// A wrong code was given, and another may be tried.
    OtpWrongCode "otp.wrong_code" audit App;
    /// The code's life is over.
    OtpExpired "otp.expired" public Site;
    /// The last of the wrong codes was given.
    OtpLocked "otp.locked" public App;
    /// The app withdrew the otp.
    OtpCancelled "otp.cancelled" public App;
    /// A newer otp took its place.
    OtpSuperseded "otp.superseded" public App;
    /// A person approved it without the code.
    OtpApproved "otp.approved" public App;
    /// No code was issued or sent again, by a rule.
    OtpRefused "otp.refused" audit Site;
    /// A message was accepted.
    MessageQueued "message.queued" audit App;
    /// The network took the message.
    MessageSent "message.sent" public Network;
    /// The handset has it.
    MessageDelivered "message.delivered" public Network;
    /// The network says that it will never arrive.
    MessageUndelivered "message.undelivered" public Network;
    /// It was refused for good.
    MessageFailed "message.failed" public Network;
    /// Its deadline passed before it could be sent.
    MessageExpired "message.expired" public Site;
    /// It was withdrawn before it was sent.
    MessageCancelled "message.cancelled" public App;
    /// A modem had all of it and no answer came.
    MessageInDoubt "message.in_doubt" public Network;
    /// A message was not accepted, by a rule.
    MessageRefused "message.refused" audit Site;
    /// A message came in.
    InboxReceived "inbox.received" public Network;
    /// A modem can send.
    ModemReady "modem.ready" public Site;
    /// A modem is there and cannot send.
    ModemNotReady "modem.not_ready" public Site;
    /// A modem is not there.
    ModemAbsent "modem.absent" public Site;
    /// Nothing comes of a modem for a while: what it sends is refused, or its SIM is in use.
    ModemResting "modem.resting" public Site;
    /// A person took a modem out of use.
    ModemDrained "modem.drained" public App;
    /// A person put a modem back into use.
    ModemResumed "modem.resumed" public App;
    /// A number wants no messages from now on.
    OptOutAdded "opt_out.added" audit App;
    /// A number may get messages again.
    OptOutRemoved "opt_out.removed" audit App;
    /// An app was made.
    AppCreated "app.created" audit Cli;
    /// An app was given another key.
    AppRotated "app.rotated" audit Cli;
    /// The events of an app go to another URL of its own, or to none.
    AppCallbackChanged "app.callback_changed" audit Cli;
    /// An app was given another secret for its callbacks.
    AppCallbackSecretRotated "app.callback_secret_rotated" audit Cli;
    /// An app was removed.
    AppRemoved "app.removed" audit Cli;
    /// The policies are others from now on.
    PolicyChanged "policy.changed" audit Cli;
    /// The guard would have refused a code, if it did not only report.
    GuardWouldRefuse "guard.would_refuse" audit Site;
    /// The guard stopped a block of numbers in which hardly anybody verifies.
    GuardPrefixStopped "guard.prefix_stopped" public Site;
    /// Hardly anybody in a country verifies. Nothing is stopped for that.
    GuardCountryWorrying "guard.country_worrying" public Site;
    /// A person let a block of numbers off that the guard had stopped.
    GuardPrefixLifted "guard.prefix_lifted" audit App;
    /// A number was put on the safe list.
    SafeListAdded "safe_list.added" audit App;
    /// A number was taken off the safe list.
    SafeListRemoved "safe_list.removed" audit App;
}

impl Kind {
    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// The kinds that a list names, separated by commas: each by its name, or by the part before the dot, as `otp.*`.
    ///
    /// # Errors
    /// With the first part of the list that names none.
    pub fn matching(list: &str) -> Result<Vec<Self>, &str> {
        let mut kinds = Vec::new();
        for part in list.split(',').map(str::trim) {
            let room = part.strip_suffix('*').filter(|room| room.ends_with('.'));
            let is_meant = |kind: &&Self| match room {
                Some(room) => kind.as_str().starts_with(room),
                None => kind.as_str() == part,
            };
            let before = kinds.len();
            kinds.extend(Self::ALL.iter().filter(is_meant));
            if kinds.len() == before {
                return Err(part);
            }
        }
        Ok(kinds)
    }

    /// Whether it is what became of a modem.
    pub(super) fn is_of_modem(self) -> bool {
        self.as_str().starts_with("modem.")
    }

    /// Whether it is about the site and no app's own: what comes in, the modems, and what the guard stopped.
    pub(super) fn is_of_site(self) -> bool {
        ["inbox.", "modem.", "guard."].iter().any(|room| self.as_str().starts_with(room))
    }

    /// Where the otp is in its life when this happens to it, if the event does not say otherwise.
    pub(super) const fn otp_status(self) -> otp::Status {
        match self {
            Self::OtpVerified | Self::OtpApproved => otp::Status::Verified,
            Self::OtpExpired => otp::Status::Expired,
            Self::OtpLocked => otp::Status::Locked,
            Self::OtpCancelled => otp::Status::Cancelled,
            Self::OtpSuperseded => otp::Status::Superseded,
            _ => otp::Status::Pending,
        }
    }

    /// Where the message is in its life when this happens to it, if the event does not say otherwise.
    pub(super) const fn message_status(self) -> Status {
        match self {
            Self::OtpSent | Self::MessageSent => Status::Sent,
            Self::OtpDelivered | Self::MessageDelivered => Status::Delivered,
            Self::OtpUndelivered | Self::MessageUndelivered => Status::Undelivered,
            Self::MessageFailed => Status::Failed,
            Self::MessageExpired => Status::Expired,
            Self::MessageCancelled => Status::Cancelled,
            Self::MessageInDoubt => Status::InDoubt,
            _ => Status::Queued,
        }
    }

    /// What a new state of an otp is told as.
    pub(super) const fn of_otp(status: otp::Status) -> Option<Self> {
        match status {
            otp::Status::Pending => None,
            otp::Status::Verified => Some(Self::OtpVerified),
            otp::Status::Expired => Some(Self::OtpExpired),
            otp::Status::Locked => Some(Self::OtpLocked),
            otp::Status::Cancelled => Some(Self::OtpCancelled),
            otp::Status::Superseded => Some(Self::OtpSuperseded),
        }
    }

    /// What a new state of a message is told as. That one with a code was not sent in time follows from its otp, whose life
    /// is no longer.
    const fn of_message(status: Status, carries_code: bool) -> Option<Self> {
        match (status, carries_code) {
            (Status::Sent, true) => Some(Self::OtpSent),
            (Status::Delivered, true) => Some(Self::OtpDelivered),
            (Status::Undelivered | Status::Failed | Status::Cancelled, true) => Some(Self::OtpUndelivered),
            (Status::Expired | Status::InDoubt, true) | (Status::Queued | Status::Sending, _) => None,
            (Status::Sent, false) => Some(Self::MessageSent),
            (Status::Delivered, false) => Some(Self::MessageDelivered),
            (Status::Undelivered, false) => Some(Self::MessageUndelivered),
            (Status::Failed, false) => Some(Self::MessageFailed),
            (Status::Expired, false) => Some(Self::MessageExpired),
            (Status::Cancelled, false) => Some(Self::MessageCancelled),
            (Status::InDoubt, false) => Some(Self::MessageInDoubt),
        }
    }
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The app that the event names, through the API.
    App,
    /// Somebody at the command line.
    Cli,
    /// The carrier's network, or somebody out there.
    Network,
    /// The site by itself: a rule, a modem, the time.
    Site,
}

impl By {
    /// The name in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Cli => "cli",
            Self::Network => "network",
            Self::Site => "site",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::App, Self::Cli, Self::Network, Self::Site].into_iter().find(|by| by.as_str() == name)
    }
}

/// Something that happens in this change.
#[derive(Debug)]
pub(super) struct NewEvent<'a> {
    pub(super) kind: Kind,
    /// The app whose otp or message it is, or that did it.
    pub(super) app: Option<&'a str>,
    /// The otp it is about, by seq.
    pub(super) otp: Option<i64>,
    /// The message it is about, by seq.
    pub(super) message: Option<i64>,
    /// What else is to be told: the members of an object. See [`super::journal`] for those that are not shown as they are.
    pub(super) detail: Option<Value>,
}

impl<'a> NewEvent<'a> {
    /// Something about no app.
    pub(super) fn of_site(kind: Kind, detail: impl Into<Option<Value>>) -> Self {
        Self { kind, app: None, otp: None, message: None, detail: detail.into() }
    }

    /// Something that an app did or that was done to it, about none of its otps and messages.
    pub(super) fn of_app(kind: Kind, app: &'a AppName, detail: impl Into<Option<Value>>) -> Self {
        Self { app: Some(app.as_str()), ..Self::of_site(kind, detail) }
    }
}

/// Writes down what happens, with the change that does it.
pub(super) fn note(work: &Work<'_>, event: &NewEvent<'_>) -> Result<(), StoreError> {
    let mut detail = event.detail.clone();
    if let Some(by) = work.author().filter(|by| *by != event.kind.by()) {
        let detail = detail.get_or_insert_with(|| json!({}));
        if detail["by"].is_null() {
            detail["by"] = json!(by);
        }
    }
    work.conn
        .prepare_cached(
            "INSERT INTO event (at, moment, kind, app, otp, message, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((
            work.wall.as_millisecond(),
            work.now.as_millis(),
            event.kind.as_str(),
            event.app,
            event.otp,
            event.message,
            detail.as_ref().map(Value::to_string),
        ))?;
    let seq = work.conn.last_insert_rowid();
    work.tell_noted(seq);
    deliveries::enqueue(work, seq, event)
}

/// An otp has ended like this.
pub(super) fn note_end(work: &Work<'_>, otp: i64, app: &str, kind: Kind) -> Result<(), StoreError> {
    let (mut message, mut detail) = (None, None);
    if kind == Kind::OtpExpired {
        // Whether the code ever went out is what is asked next.
        let sql =
            "SELECT message.seq, iif(message.first_copy IS NOT NULL AND message.status = 'sending', 'sent', message.status)
             FROM otp JOIN message ON message.seq = otp.message WHERE otp.seq = ?1";
        let (seq, status): (i64, String) =
            work.conn.prepare_cached(sql)?.query_row([otp], |row| Ok((row.get(0)?, row.get(1)?)))?;
        (message, detail) = (Some(seq), Some(json!({ "message_status": status })));
    }
    note(work, &NewEvent { kind, app: Some(app), otp: Some(otp), message, detail })
}

/// A message is in another state from now on.
pub(super) struct NewState<'a> {
    /// Which, by seq.
    pub(super) message: i64,
    /// Whose it is.
    pub(super) app: &'a str,
    /// The otp whose code it carries, by seq.
    pub(super) otp: Option<i64>,
    pub(super) status: Status,
    /// Why, in words, where that can be said.
    pub(super) cause: Option<&'a str>,
    /// Who did it, if not whom the kind of the event says.
    pub(super) by: Option<By>,
}

/// Writes down what a message has come to.
pub(super) fn note_message(work: &Work<'_>, state: &NewState<'_>) -> Result<(), StoreError> {
    let NewState { message, app, otp, status, mut cause, by } = *state;
    let Some(kind) = Kind::of_message(status, otp.is_some()) else { return Ok(()) };
    let mut detail = Map::new();
    if let Some(otp) = otp {
        let sql = "SELECT status FROM otp WHERE seq = ?1";
        let otp: String = work.conn.prepare_cached(sql)?.query_row([otp], |row| row.get(0))?;
        if otp != otp::Status::Pending.as_str() {
            detail.insert("otp_status".to_owned(), otp.into());
        }
        if kind == Kind::OtpUndelivered && status != Status::Undelivered {
            detail.insert("message_status".to_owned(), status.as_str().into());
        }
        if status == Status::Cancelled {
            cause = cause.or(Some("its message was withdrawn before it was sent"));
        }
    }
    if let Some(cause) = cause {
        detail.insert("reason".to_owned(), cause.into());
    }
    if let Some(by) = by {
        detail.insert("by".to_owned(), json!(by));
    }
    let detail = (!detail.is_empty()).then_some(Value::Object(detail));
    note(work, &NewEvent { kind, app: Some(app), otp, message: Some(message), detail })
}

/// How a number that is kept as this is shown: masked.
pub(super) fn masked(number: i64) -> Result<String, StoreError> {
    Ok(row::number_from(number)?.to_string())
}

/// How a prefix, a number without its last four digits, is shown: as masked as its numbers.
pub(super) fn masked_prefix(prefix: i64) -> Result<String, StoreError> {
    let shown = masked(prefix * 10_000)?;
    Ok(shown.trim_end_matches('0').to_owned())
}

impl Store {
    /// Writes down something that another room saw happen. `detail` is a JSON object, or null when there is nothing more
    /// to tell; there must be no code, no text and no whole number in it.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is written then.
    pub async fn note(&self, kind: Kind, app: Option<&AppName>, detail: Value) -> Result<(), StoreError> {
        let app = app.cloned();
        self.change(move |work| {
            let detail = (!detail.is_null()).then_some(detail);
            let event = match &app {
                Some(app) => NewEvent::of_app(kind, app, detail),
                None => NewEvent::of_site(kind, detail),
            };
            note(work, &event)
        })
        .await
    }

    /// Writes down that a rule of another room refused an app something for this number; once a minute for each rule,
    /// with how often it was.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is written then.
    pub async fn note_refusal(
        &self,
        kind: Kind,
        app: &AppName,
        rule: &'static str,
        to: &PhoneNumber,
    ) -> Result<(), StoreError> {
        let (app, to) = (app.clone(), to.clone());
        self.change(move |work| work.refusals.note(work, kind, app.as_str(), rule, &to)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_is_known_by_it() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.as_str()), Some(*kind));
        }
        assert_eq!(Kind::from_name("otp.unknown"), None);
    }

    #[test]
    fn kinds_are_named_one_by_one_or_all_of_a_room() {
        assert_eq!(Kind::matching("otp.sent, modem.ready"), Ok(vec![Kind::OtpSent, Kind::ModemReady]));
        assert!(Kind::matching("otp.*").is_ok_and(|kinds| kinds.len() > 5 && !kinds.contains(&Kind::ModemReady)));
        for (list, unknown) in [("", ""), ("otp.sent,", ""), ("*", "*"), ("otp*", "otp*"), ("otp.sent,x.*", "x.*")] {
            assert_eq!(Kind::matching(list), Err(unknown));
        }
    }

    #[test]
    fn a_message_with_a_code_is_told_of_as_its_otp() {
        for status in Status::ALL {
            assert!(Kind::of_message(status, true).is_none_or(|kind| kind.as_str().starts_with("otp.")));
            assert!(Kind::of_message(status, false).is_none_or(|kind| kind.as_str().starts_with("message.")));
        }
    }
}
