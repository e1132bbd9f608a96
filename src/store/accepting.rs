//! Taking messages on, and withdrawing them.

use rusqlite::Connection;

use super::error::StoreError;
use super::events::{self, By, Kind, NewEvent};
use super::handle::Store;
use super::idempotency::{self, CameTo, Idempotency, Known};
use super::life::Message;
use super::listing;
use super::messages::{AcceptOutcome, CancelOutcome, MessageView, NewMessage};
use super::writer::Work;
use super::{apps, optouts, routing, row};
use crate::callback::Source;
use crate::clock::Moment;
use crate::ids::{AppName, MessageId};
use crate::message::Status;

impl Store {
    /// Takes a message on. When this returns, it is on disk.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn accept(
        &self,
        message: NewMessage,
        idempotency: Option<Idempotency>,
    ) -> Result<AcceptOutcome, StoreError> {
        self.change_now(move |work| {
            if apps::is_gone(work, &message.app)? {
                return Ok(AcceptOutcome::AppGone);
            }
            if let Some(before) = before(work.conn, &message.app, idempotency.as_ref())? {
                return Ok(before);
            }
            if optouts::contains(work, row::number(&message.to))? {
                work.refusals.note(work, Kind::MessageRefused, message.app.as_str(), optouts::RULE, &message.to)?;
                return Ok(AcceptOutcome::OptedOut);
            }
            let seq = insert(work, &message, None, message.deadline)?;
            let (kind, app) = (Kind::MessageQueued, Some(message.app.as_str()));
            events::note(work, &NewEvent { kind, app, otp: None, message: Some(seq), detail: None })?;
            let came_to = CameTo { at: work.now, otp: None, message: seq, left: None };
            idempotency::keep(work, &message.app, idempotency.as_ref(), came_to)?;
            Ok(AcceptOutcome::Accepted(view_of_new(work, message)))
        })
        .await
    }

    /// What the request came to that this one repeats, or that its key was used for another; `None` when the key is new.
    /// Sees the last commit; [`Store::accept`] looks once more.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn accepted_before(
        &self,
        app: &AppName,
        idempotency: Idempotency,
    ) -> Result<Option<AcceptOutcome>, StoreError> {
        let app = app.clone();
        self.query(move |conn| before(conn, &app, Some(&idempotency))).await
    }

    /// Withdraws a message of this app, if no part of it was given to a modem yet; of one that was in doubt and waits to
    /// go out once more, only that second copy. `None` when there is no such one.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn cancel_message(&self, app: &AppName, id: MessageId) -> Result<Option<CancelOutcome>, StoreError> {
        let app = app.clone();
        self.change_now(move |work| {
            let Some(seq) = listing::find(work.conn, &app, id)? else { return Ok(None) };
            let mut message = Message::load(work, seq)?;
            let all_wait = message.parts.iter().all(|part| part.status == Status::Queued);
            if !all_wait {
                message.forgo_second_copy(work)?;
                return Ok(Some(CancelOutcome::TooLate(listing::message_of(work.conn, seq)?)));
            }
            work.act_for(By::App);
            message.withdraw();
            message.save(work)?;
            let view = listing::message_of(work.conn, seq)?;
            Ok(Some(match view.status {
                Status::Cancelled => CancelOutcome::Cancelled(view),
                _ => CancelOutcome::TooLate(view),
            }))
        })
        .await
    }
}

/// What came of an earlier request under this key.
fn before(
    conn: &Connection,
    app: &AppName,
    idempotency: Option<&Idempotency>,
) -> Result<Option<AcceptOutcome>, StoreError> {
    Ok(match idempotency::look_up(conn, app, idempotency)? {
        Known::No => None,
        // Also when an otp was issued under it: the digest over the path says so already.
        Known::Reused | Known::Answered(CameTo { otp: Some(_), .. }) => Some(AcceptOutcome::KeyReused),
        Known::Answered(CameTo { message, otp: None, .. }) => {
            Some(AcceptOutcome::Replayed(as_accepted(listing::message_of(conn, message)?)))
        }
    })
}

/// Writes a new message down, to be sent before `deadline`. Returns its seq.
pub(super) fn insert(
    work: &Work<'_>,
    message: &NewMessage,
    otp: Option<i64>,
    deadline: Moment,
) -> Result<i64, StoreError> {
    let number = row::number(&message.to);
    let queue = routing::queue_of(work, &message.app, number, row::priority(message.priority))?;
    // That of an otp's message is the otp's.
    let callback = message.callback.as_ref().filter(|_| otp.is_none());
    work.conn
        .prepare_cached(
            "INSERT INTO message (id, app, otp, number, status, priority, text, encoding, parts, class0, replace_type,
                                  in_doubt, created, created_at, deadline, waiting_from, queue,
                                  callback, callback_by_request, second_after)
             VALUES (?1, ?2, ?3, ?4, 'queued', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?12, ?15, ?16, ?17, ?18)",
        )?
        .execute(rusqlite::params![
            message.id.as_bytes(),
            message.app.as_str(),
            otp,
            number,
            row::priority(message.priority),
            message.text.as_bytes(),
            message.encoding.as_str(),
            message.parts.max(1),
            message.class0,
            message.replace,
            row::in_doubt(message.in_doubt),
            work.now.as_millis(),
            work.wall.as_millisecond(),
            deadline.as_millis(),
            queue,
            callback.map(|target| target.url.as_str()),
            callback.is_some_and(|target| target.source == Source::Request),
            message
                .second_after
                .filter(|_| otp.is_some())
                .map(|wait| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX)),
        ])?;
    let seq = work.conn.last_insert_rowid();
    let mut statement =
        work.conn.prepare_cached("INSERT INTO part (message, part, status, number) VALUES (?1, ?2, 'queued', ?3)")?;
    for part in 0..message.parts.max(1) {
        statement.execute((seq, part, number))?;
    }
    if let Some(otp) = otp {
        work.conn.prepare_cached("UPDATE otp SET message = ?2 WHERE seq = ?1")?.execute((otp, seq))?;
    }
    work.touch_queue();
    Ok(seq)
}

/// What a message that was just written down looks like.
pub(super) fn view_of_new(work: &Work<'_>, message: NewMessage) -> MessageView {
    MessageView {
        id: message.id,
        app: message.app,
        status: Status::Queued,
        to: message.to,
        parts: message.parts.max(1),
        encoding: message.encoding,
        priority: message.priority,
        created_at: row::to_millis(work.wall),
        deadline: message.deadline,
        deadline_at: row::wall_of(message.deadline, work.now, work.wall),
        sent_at: None,
        delivered_at: None,
        latency: None,
        reason: None,
        resent: false,
    }
}

/// What a message looked like when it was accepted.
pub(super) fn as_accepted(now: MessageView) -> MessageView {
    let (status, reason) = (Status::Queued, None);
    MessageView { status, sent_at: None, delivered_at: None, latency: None, reason, resent: false, ..now }
}
