//! Issuing an otp, sending its code again, and withdrawing it.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use super::accepting;
use super::error::StoreError;
use super::events::{self, Kind, NewEvent};
use super::guarding::{self, Refused, Rules};
use super::handle::Store;
use super::idempotency::{self, CameTo, Idempotency, Known, Left};
use super::messages::NewMessage;
use super::otps::{self, IssueOutcome, Kept, NewCode, NewOtp, OtpView, ResendOutcome, ResendRefusal};
use super::writer::Work;
use super::{apps, life, listing, optouts, row};
use crate::callback::Source;
use crate::clock::Moment;
use crate::ids::{AppName, OtpId};
use crate::otp::Status;
use crate::phone::PhoneNumber;

impl Store {
    /// Issues an otp, if the limits and the guard allow it. A pending otp of the same app, number and purpose is superseded and its
    /// message withdrawn if it still waits. When this returns, all of it is on disk.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn issue(
        &self,
        otp: NewOtp,
        rules: Rules,
        idempotency: Option<Idempotency>,
    ) -> Result<IssueOutcome, StoreError> {
        let memory = self.guard_memory().clone();
        self.change_now(move |work| {
            if apps::is_gone(work, &otp.app)? {
                return Ok(IssueOutcome::AppGone);
            }
            if let Some(before) = before(work.conn, &otp.app, idempotency.as_ref())? {
                return Ok(before);
            }
            if let Err(refused) = guarding::check_issue(work, &otp.app, &otp.to, &rules, &memory)? {
                // The guard has noted its own.
                if !matches!(refused, Refused::Guard(_)) {
                    work.refusals.note(work, Kind::OtpRefused, otp.app.as_str(), refused.rule(), &otp.to)?;
                }
                return Ok(IssueOutcome::Refused(refused));
            }
            if let Some(older) = latest(work, &otp.app, &otp.to, &otp.purpose)?
                && current(work, older)?.status == Status::Pending
            {
                otps::end(work, older, Status::Superseded)?;
            }
            Ok(IssueOutcome::Issued(write(work, otp, idempotency.as_ref())?))
        })
        .await
    }

    /// What the request came to that this one repeats, or that its key was used for another; `None` when the key is new.
    /// Sees the last commit; [`Store::issue`] looks once more.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn issued_before(
        &self,
        app: &AppName,
        idempotency: Idempotency,
    ) -> Result<Option<IssueOutcome>, StoreError> {
        let app = app.clone();
        self.query(move |conn| before(conn, &app, Some(&idempotency))).await
    }

    /// Sends a code again, as `message`. `None` when the app has no such otp. What the caller looked up before is
    /// judged once more here.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn resend(
        &self,
        app: &AppName,
        id: OtpId,
        message: NewMessage,
        new_code: Option<NewCode>,
        rules: Rules,
        idempotency: Option<Idempotency>,
    ) -> Result<Option<ResendOutcome>, StoreError> {
        let (app, memory) = (app.clone(), self.guard_memory().clone());
        self.change_now(move |work| {
            if let Some(before) = resent_before(work.conn, &app, idempotency.as_ref())? {
                return Ok(Some(before));
            }
            let Some(seq) = otps::find(work.conn, &app, id)? else { return Ok(None) };
            let otp = current(work, seq)?;
            let opted_out = optouts::contains(work, row::number(&message.to))?.then_some(ResendRefusal::OptedOut);
            let refusal = match refusal(&otp, work.now).or(opted_out) {
                None => {
                    guarding::check_resend(work, &app, &message.to, &rules, &memory)?.err().map(ResendRefusal::Guarded)
                }
                refusal => refusal,
            };
            if let Some(refusal) = refusal {
                if let Some(rule) = rule_of(&refusal) {
                    work.refusals.note(work, Kind::OtpRefused, app.as_str(), rule, &message.to)?;
                }
                let message = listing::message_of(work.conn, otp.message)?;
                return Ok(Some(ResendOutcome::Refused(refusal, otp.view(work.now, message))));
            }
            spend_resend(work, &otp, new_code)?;
            let resent = accepting::insert(work, &message, Some(seq), message.deadline.min(otp.expires))?;
            note(work, Kind::OtpResent, &app, seq, resent)?;
            life::withdraw_abandoned(work, otp.message)?;
            let view = view(work, seq)?;
            let left = Some(Left { resends: view.resends_left, attempts: view.attempts_left });
            let came_to = CameTo { at: work.now, otp: Some(seq), message: resent, left };
            idempotency::keep(work, &app, idempotency.as_ref(), came_to)?;
            Ok(Some(ResendOutcome::Resent(view)))
        })
        .await
    }

    /// What the request to send a code again came to that this one repeats, or that its key was used for another; `None`
    /// when the key is new. Sees the last commit; [`Store::resend`] looks once more.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn resent_before(
        &self,
        app: &AppName,
        idempotency: Idempotency,
    ) -> Result<Option<ResendOutcome>, StoreError> {
        let app = app.clone();
        self.query(move |conn| resent_before(conn, &app, Some(&idempotency))).await
    }

    /// Withdraws an otp and its message, if the otp is pending; what has ended stays as it is. `None` when the app has
    /// no such otp.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn cancel_otp(&self, app: &AppName, id: OtpId) -> Result<Option<OtpView>, StoreError> {
        let app = app.clone();
        self.change_now(move |work| {
            let Some(seq) = otps::find(work.conn, &app, id)? else { return Ok(None) };
            if current(work, seq)?.status == Status::Pending {
                otps::end(work, seq, Status::Cancelled)?;
            }
            Ok(Some(view(work, seq)?))
        })
        .await
    }
}

/// What came of an earlier request under this key.
fn before(
    conn: &Connection,
    app: &AppName,
    idempotency: Option<&Idempotency>,
) -> Result<Option<IssueOutcome>, StoreError> {
    Ok(match idempotency::look_up(conn, app, idempotency)? {
        Known::No => None,
        Known::Reused | Known::Answered(CameTo { otp: None, .. }) => Some(IssueOutcome::KeyReused),
        Known::Answered(CameTo { otp: Some(otp), message, .. }) => {
            let message = accepting::as_accepted(listing::message_of(conn, message)?);
            Some(IssueOutcome::Replayed(Kept::load(conn, otp)?.view_as_issued(message)))
        }
    })
}

/// What came of an earlier request under this key to send a code again.
fn resent_before(
    conn: &Connection,
    app: &AppName,
    idempotency: Option<&Idempotency>,
) -> Result<Option<ResendOutcome>, StoreError> {
    Ok(match idempotency::look_up(conn, app, idempotency)? {
        Known::No => None,
        Known::Reused | Known::Answered(CameTo { otp: None, .. }) => Some(ResendOutcome::KeyReused),
        Known::Answered(CameTo { at, otp: Some(otp), message, left }) => {
            let message = accepting::as_accepted(listing::message_of(conn, message)?);
            Some(ResendOutcome::Replayed(Kept::load(conn, otp)?.view_as_resent(at, left, message)))
        }
    })
}

/// Writes a new otp down with its message.
fn write(work: &Work<'_>, mut otp: NewOtp, idempotency: Option<&Idempotency>) -> Result<OtpView, StoreError> {
    let expires = work.now + otp.lifetime;
    let resend_from = work.now + otp.resend_after;
    let sealed_code = (otp.max_resends > 0).then(|| otp.sealed_code.as_bytes());
    let callback = otp.message.callback.as_ref();
    work.conn
        .prepare_cached(
            "INSERT INTO otp (id, app, number, purpose, status, digest, sealed_code, created, created_at, expires,
                              attempts, attempts_left, resends, resends_left, resend_after, resend_from, recent,
                              context, callback, callback_by_request)
             VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?11, ?12, ?13, 1, ?14, ?15, ?16)",
        )?
        .execute((
            otp.id.as_bytes(),
            otp.app.as_str(),
            row::number(&otp.to),
            &otp.purpose,
            otp.code.as_bytes(),
            sealed_code,
            work.now.as_millis(),
            work.wall.as_millisecond(),
            expires.as_millis(),
            otp.max_attempts,
            otp.max_resends,
            u32::try_from(otp.resend_after.as_millis()).unwrap_or(u32::MAX),
            resend_from.as_millis(),
            otp.context.as_ref().map(|context| context.as_bytes().as_slice()),
            callback.map(|target| target.url.as_str()),
            callback.is_some_and(|target| target.source == Source::Request),
        ))?;
    let seq = work.conn.last_insert_rowid();
    // Nothing may arrive that can no longer be verified.
    otp.message.deadline = expires;
    let message = accepting::insert(work, &otp.message, Some(seq), expires)?;
    note(work, Kind::OtpIssued, &otp.app, seq, message)?;
    let came_to = CameTo { at: work.now, otp: Some(seq), message, left: None };
    idempotency::keep(work, &otp.app, idempotency, came_to)?;
    Ok(OtpView {
        id: otp.id,
        app: otp.app,
        status: Status::Pending,
        to: otp.to,
        purpose: otp.purpose,
        created_at: row::to_millis(work.wall),
        expires,
        expires_at: row::wall_of(expires, work.now, work.wall),
        resend_from,
        resend_at: row::wall_of(resend_from, work.now, work.wall),
        resends_left: otp.max_resends,
        attempts_left: otp.max_attempts,
        message: accepting::view_of_new(work, otp.message),
    })
}

/// The message carries the code of this otp.
fn note(work: &Work<'_>, kind: Kind, app: &AppName, otp: i64, message: i64) -> Result<(), StoreError> {
    let event = NewEvent { kind, app: Some(app.as_str()), otp: Some(otp), message: Some(message), detail: None };
    events::note(work, &event)
}

/// The newest otp of the last day for this app, number and purpose.
pub(super) fn latest(
    work: &Work<'_>,
    app: &AppName,
    to: &PhoneNumber,
    purpose: &str,
) -> Result<Option<i64>, StoreError> {
    Ok(work
        .conn
        .prepare_cached(
            "SELECT seq FROM otp WHERE number = ?1 AND app = ?2 AND purpose = ?3 AND recent IS NOT NULL
               AND seq > coalesce((SELECT last_otp FROM removed_app WHERE name = ?2), 0)
             ORDER BY created DESC, seq DESC LIMIT 1",
        )?
        .query_row((row::number(to), app.as_str(), purpose), |row| row.get(0))
        .optional()?)
}

/// Loads an otp, and ends it first if its time is over.
fn current(work: &Work<'_>, seq: i64) -> Result<Kept, StoreError> {
    let otp = Kept::load(work.conn, seq)?;
    if otp.status != Status::Pending || work.now < otp.expires {
        return Ok(otp);
    }
    otps::end(work, seq, Status::Expired)?;
    Kept::load(work.conn, seq)
}

fn view(work: &Work<'_>, seq: i64) -> Result<OtpView, StoreError> {
    let otp = Kept::load(work.conn, seq)?;
    let message = listing::message_of(work.conn, otp.message)?;
    Ok(otp.view(work.now, message))
}

fn refusal(otp: &Kept, now: Moment) -> Option<ResendRefusal> {
    let wait = otp.resend_from.since(now);
    match () {
        () if otp.status != Status::Pending => Some(ResendRefusal::Ended),
        () if otp.resends_left == 0 => Some(ResendRefusal::NoneLeft),
        () if wait > Duration::ZERO => Some(ResendRefusal::TooEarly(wait)),
        () => None,
    }
}

/// The rule that a refusal stands for. That an otp has ended is none.
fn rule_of(refusal: &ResendRefusal) -> Option<&'static str> {
    match refusal {
        // The guard has noted its own.
        ResendRefusal::Ended | ResendRefusal::Guarded(_) => None,
        ResendRefusal::NoneLeft => Some("resends"),
        ResendRefusal::TooEarly(_) => Some("resend-after-seconds"),
        ResendRefusal::OptedOut => Some(optouts::RULE),
    }
}

fn spend_resend(work: &Work<'_>, otp: &Kept, new_code: Option<NewCode>) -> Result<(), StoreError> {
    let left = otp.resends_left.saturating_sub(1);
    let (digest, sealed) = new_code.map(|code| (code.digest, code.sealed)).unzip();
    work.conn
        .prepare_cached(
            "UPDATE otp SET resends_left = ?2, resend_from = ?3, digest = coalesce(?4, digest),
                    sealed_code = CASE WHEN ?2 > 0 THEN coalesce(?5, sealed_code) END
             WHERE seq = ?1",
        )?
        .execute((
            otp.seq,
            left,
            (work.now + otp.resend_after).as_millis(),
            digest.as_ref().map(|digest| digest.as_bytes().as_slice()),
            sealed.as_ref().map(|sealed| sealed.as_bytes()),
        ))?;
    if left == 0 || digest.is_some() {
        work.note_erasure();
    }
    Ok(())
}
