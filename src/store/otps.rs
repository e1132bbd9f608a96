//! One-time passwords as the store takes them on and shows them.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row};

use super::error::StoreError;
use super::events::{self, Kind};
use super::guarding::Refused;
use super::handle::Store;
use super::idempotency::Left;
use super::messages::{MessageView, NewMessage};
use super::writer::Work;
use super::{life, listing, row};
use crate::clock::{Moment, Timestamp};
use crate::guard;
use crate::ids::{AppName, OtpId};
use crate::otp::Status;
use crate::phone::PhoneNumber;
use crate::secret::{CodeDigest, ContextDigest, SealedText};

/// An otp to be issued, with the message that carries its code.
#[derive(Debug, Clone)]
pub struct NewOtp {
    /// Its id, new.
    pub id: OtpId,
    /// Whose it is.
    pub app: AppName,
    /// Whose number is to be proved.
    pub to: PhoneNumber,
    /// What for. Of one app, number and purpose only the newest otp is pending. May be empty.
    pub purpose: String,
    /// The digest of the code, for this otp's id.
    pub code: CodeDigest,
    /// The code, sealed for this otp's id, so that it can be sent again. Erased when the otp ends or no resend is left.
    pub sealed_code: SealedText,
    /// The digest of what the code is bound to, for this otp's id; `None` when it is bound to nothing. Erased when the otp
    /// ends.
    pub context: Option<ContextDigest>,
    /// How long the code can be verified.
    pub lifetime: Duration,
    /// How many codes may be tried.
    pub max_attempts: u8,
    /// The least time between two messages.
    pub resend_after: Duration,
    /// How often the code may be sent again.
    pub max_resends: u8,
    /// The first message. Its app and number must be the otp's.
    pub message: NewMessage,
}

/// A new code for a resend; the old one stops working.
#[derive(Debug, Clone)]
pub struct NewCode {
    /// The digest of the code, for the otp's id.
    pub digest: CodeDigest,
    /// The code, sealed for the otp's id.
    pub sealed: SealedText,
}

/// An otp as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtpView {
    /// Its id.
    pub id: OtpId,
    /// Whose it is.
    pub app: AppName,
    /// Where it is in its life.
    pub status: Status,
    /// Whose number is to be proved. Prints masked.
    pub to: PhoneNumber,
    /// What for.
    pub purpose: String,
    /// When it was issued.
    pub created_at: Timestamp,
    /// The first moment at which its code is no longer valid.
    pub expires: Moment,
    /// The same by the wall clock it was issued by.
    pub expires_at: Timestamp,
    /// The first moment at which its code may be sent again, if a resend is left.
    pub resend_from: Moment,
    /// The same by the wall clock it was issued by.
    pub resend_at: Timestamp,
    /// How often the code may still be sent again.
    pub resends_left: u8,
    /// How many codes may still be tried.
    pub attempts_left: u8,
    /// The message that carries the code: the newest, when it was sent again.
    pub message: MessageView,
}

/// What came of a request to issue an otp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueOutcome {
    /// It is on disk.
    Issued(OtpView),
    /// The same request was issued before; this is the otp as it was then.
    Replayed(OtpView),
    /// The idempotency key was used for another request. Nothing was done.
    KeyReused,
    /// Something speaks against it. Nothing was done.
    Refused(Refused),
    /// The app was removed. Nothing was done.
    AppGone,
}

/// What came of a request to send a code again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResendOutcome {
    /// The new message is on disk; the one before is withdrawn if it still waited.
    Resent(OtpView),
    /// The same request sent it before; this is the otp as it was then.
    Replayed(OtpView),
    /// The idempotency key was used for another request. Nothing was done.
    KeyReused,
    /// Nothing was done.
    Refused(ResendRefusal, OtpView),
}

/// Why a code is not sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResendRefusal {
    /// The otp has ended.
    Ended,
    /// It has been sent as often as it may be.
    NoneLeft,
    /// It is too early: wait so long.
    TooEarly(Duration),
    /// The recipient wants no messages any more.
    OptedOut,
    /// The guard does not let it through.
    Guarded(guard::Refusal),
}

impl Store {
    /// An otp of this app. Sees the last commit.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn otp(&self, app: &AppName, id: OtpId) -> Result<Option<OtpView>, StoreError> {
        Ok(self.sealed_code(app, id).await?.map(|(view, _)| view))
    }

    /// An otp of this app with its sealed code. The code is `None` once it is erased: the otp has ended, or no resend
    /// is left.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn sealed_code(
        &self,
        app: &AppName,
        id: OtpId,
    ) -> Result<Option<(OtpView, Option<SealedText>)>, StoreError> {
        let (app, now) = (app.clone(), self.clock().now());
        self.query(move |conn| {
            let Some(seq) = find(conn, &app, id)? else { return Ok(None) };
            let kept = Kept::load(conn, seq)?;
            let message = listing::message_of(conn, kept.message)?;
            Ok(Some((kept.view(now, message), kept.sealed_code)))
        })
        .await
    }
}

/// This app's otp of this id.
pub(super) fn find(conn: &Connection, app: &AppName, id: OtpId) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT seq FROM otp WHERE id = ?1 AND app = ?2
                 AND seq > coalesce((SELECT last_otp FROM removed_app WHERE name = ?2), 0)";
    Ok(conn.prepare_cached(sql)?.query_row((id.as_bytes(), app.as_str()), |row| row.get(0)).optional()?)
}

/// An otp as its row has it.
pub(super) struct Kept {
    pub(super) seq: i64,
    pub(super) id: OtpId,
    pub(super) app: AppName,
    pub(super) to: PhoneNumber,
    pub(super) purpose: String,
    pub(super) status: Status,
    pub(super) digest: Option<CodeDigest>,
    sealed_code: Option<SealedText>,
    pub(super) context: Option<ContextDigest>,
    created: Moment,
    created_at: Timestamp,
    pub(super) expires: Moment,
    attempts: u8,
    pub(super) attempts_left: u8,
    resends: u8,
    pub(super) resends_left: u8,
    pub(super) resend_after: Duration,
    pub(super) resend_from: Moment,
    /// The newest of its messages.
    pub(super) message: i64,
}

impl Kept {
    /// Loads an otp that is known to be there.
    pub(super) fn load(conn: &Connection, seq: i64) -> Result<Self, StoreError> {
        conn.prepare_cached("SELECT * FROM otp WHERE seq = ?1")?.query_row([seq], |row| Ok(Self::read(row)))?
    }

    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let (app, status): (String, String) = (row.get("app")?, row.get("status")?);
        Ok(Self {
            seq: row.get("seq")?,
            id: OtpId::from_bytes(row.get("id")?),
            app: app.parse().map_err(|_| StoreError::unreadable("otp.app"))?,
            to: row::number_from(row.get("number")?)?,
            purpose: row.get("purpose")?,
            status: row::otp_status_from(&status)?,
            digest: row.get::<_, Option<[u8; 32]>>("digest")?.map(CodeDigest::from_bytes),
            sealed_code: row.get::<_, Option<Vec<u8>>>("sealed_code")?.map(SealedText::from_bytes),
            context: row.get::<_, Option<[u8; 32]>>("context")?.map(ContextDigest::from_bytes),
            created: row::moment(row, "created")?,
            created_at: row::wall(row.get("created_at")?)?,
            expires: row::moment(row, "expires")?,
            attempts: row.get("attempts")?,
            attempts_left: row.get("attempts_left")?,
            resends: row.get("resends")?,
            resends_left: row.get("resends_left")?,
            resend_after: Duration::from_millis(row.get::<_, u32>("resend_after")?.into()),
            resend_from: row::moment(row, "resend_from")?,
            message: row.get("message")?,
        })
    }

    /// How often its code may still be sent, and be tried.
    fn left(&self) -> Left {
        Left { resends: self.resends_left, attempts: self.attempts_left }
    }

    /// The otp as it is now. One whose time is over is shown as expired even before that was written down.
    pub(super) fn view(&self, now: Moment, message: MessageView) -> OtpView {
        let over = self.status == Status::Pending && now >= self.expires;
        OtpView {
            id: self.id,
            app: self.app.clone(),
            status: if over { Status::Expired } else { self.status },
            to: self.to.clone(),
            purpose: self.purpose.clone(),
            created_at: self.created_at,
            expires: self.expires,
            expires_at: row::wall_of(self.expires, self.created, self.created_at),
            resend_from: self.resend_from,
            resend_at: row::wall_of(self.resend_from, self.created, self.created_at),
            resends_left: self.resends_left,
            attempts_left: self.attempts_left,
            message,
        }
    }

    /// The otp as it was when it was issued with this message.
    pub(super) fn view_as_issued(self, message: MessageView) -> OtpView {
        let (issued, left) = (self.created, Left { resends: self.resends, attempts: self.attempts });
        self.view_as_resent(issued, Some(left), message)
    }

    /// The otp as it was when this message was sent of it at that moment, with so many resends and attempts left; where
    /// that is not known, as many as now.
    pub(super) fn view_as_resent(self, at: Moment, left: Option<Left>, message: MessageView) -> OtpView {
        let Left { resends, attempts } = left.unwrap_or(self.left());
        let resend_from = at + self.resend_after;
        let then =
            Self { status: Status::Pending, attempts_left: attempts, resends_left: resends, resend_from, ..self };
        then.view(at, message)
    }
}

/// Ends an otp: its code and texts are erased, and what waits of its messages is withdrawn.
pub(super) fn end(work: &Work<'_>, otp: i64, status: Status) -> Result<(), StoreError> {
    end_as(work, otp, status, Kind::of_otp(status))
}

/// As [`end`], written down as this.
pub(super) fn end_as(work: &Work<'_>, otp: i64, status: Status, kind: Option<Kind>) -> Result<(), StoreError> {
    let (message, app): (i64, String) = work
        .conn
        .prepare_cached(
            "UPDATE otp SET status = ?2, ended = ?3, digest = NULL, sealed_code = NULL, context = NULL WHERE seq = ?1
             RETURNING message, app",
        )?
        .query_row((otp, status.as_str(), work.now.as_millis()), |row| Ok((row.get(0)?, row.get(1)?)))?;
    work.note_erasure();
    if let Some(kind) = kind {
        events::note_end(work, otp, &app, kind)?;
    }
    life::withdraw_abandoned(work, message)
}
