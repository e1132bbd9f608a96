//! One message with its parts ([`parts`]), as a change works on it: loaded, moved by events, saved.
//!
//! Its one rule: what follows from the parts (the message's state, whether it waits, whether its text is still needed) is
//! worked out in one place, [`Message::save`].

use std::time::Duration;

use rusqlite::Row;

use super::error::StoreError;
use super::events::{self, By, NewState};
use super::parts::{self, Part};
use super::writer::Work;
use super::{reports, routing, row};
use crate::clock::Moment;
use crate::message::{Event, InDoubtPolicy, Status, after_doubt, whole};
use crate::pdu::Encoding;
use crate::secret::SealedText;

/// How long the other parts of a message wait for the SIM that took the first ones, before another SIM may start the
/// whole message again.
pub(super) const LOYALTY: Duration = Duration::from_secs(120);

/// A message while it is worked on.
pub(super) struct Message {
    pub(super) seq: i64,
    app: String,
    otp: Option<i64>,
    before: Before,
    pub(super) content: Content,
    /// Why it will not arrive, in words, if somebody says so now.
    pub(super) cause: Option<String>,
    /// Why nothing more of it is to be sent, if so.
    pub(super) abandoned: Option<Abandoned>,
    in_doubt: InDoubtPolicy,
    pub(super) deadline: Moment,
    /// From when its next part may be handed out, if one waits.
    pub(super) not_before: Moment,
    sim: Option<String>,
    pub(super) sim_until: Option<Moment>,
    taken_over: bool,
    doubt_until: Option<Moment>,
    pub(super) resent: bool,
    /// How long after it was sent another SIM may send it once more.
    pub(super) second_after: Option<Duration>,
    /// From when on another SIM may.
    pub(super) second_from: Option<Moment>,
    /// The attempt that sent it first, once another SIM was given the second copy.
    pub(super) first_copy: Option<i64>,
    priority: i64,
    pub(super) number: i64,
    /// The last attempt at any of its parts.
    pub(super) attempt: Option<i64>,
    pub(super) parts: Vec<Part>,
}

/// Why nothing more of a message is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Abandoned {
    /// Its otp has ended, or has sent a newer message.
    OtpIsOver,
    /// Its app was removed.
    AppRemoved,
    /// Its recipient wants no messages, and said so by one.
    Stopped,
    /// Its recipient wants no messages, as an app has told.
    OptedOut,
}

impl Abandoned {
    fn from_name(name: &str) -> Result<Self, StoreError> {
        match name {
            "otp" => Ok(Self::OtpIsOver),
            "app" => Ok(Self::AppRemoved),
            "stop" => Ok(Self::Stopped),
            "list" => Ok(Self::OptedOut),
            _ => Err(StoreError::unreadable("message.abandoned")),
        }
    }

    /// Who has withdrawn it thereby, and why, in words, where that does not follow from its otp.
    const fn author(self) -> Option<(By, Option<&'static str>)> {
        match self {
            Self::OtpIsOver => None,
            Self::AppRemoved => Some((By::Cli, None)),
            Self::Stopped => Some((By::Network, Some("the recipient wants no messages"))),
            Self::OptedOut => Some((By::Site, Some("the recipient wants no messages"))),
        }
    }
}

/// What was so when the message was loaded.
struct Before {
    status: Status,
    /// The network had taken all of it.
    was_sent: bool,
    waiting_from: Option<Moment>,
    doubt_until: Option<Moment>,
}

/// What a modem is given of a message.
pub(super) struct Content {
    pub(super) id: [u8; 16],
    /// `None` once nothing more is to be sent.
    pub(super) text: Option<SealedText>,
    pub(super) encoding: Encoding,
    pub(super) class0: bool,
    pub(super) replace: Option<u8>,
}

impl Content {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            text: row.get::<_, Option<Vec<u8>>>("text")?.map(SealedText::from_bytes),
            encoding: row::encoding_from(&row.get::<_, String>("encoding")?)?,
            class0: row.get("class0")?,
            replace: row.get("replace_type")?,
        })
    }
}

/// What follows from the parts for the message as a whole.
struct Whole {
    status: Status,
    /// A part waits.
    waits: bool,
    /// A modem is at a part.
    is_under_way: bool,
    /// From when its next part may be handed out, if one may.
    waiting_from: Option<Moment>,
    /// Something of it may still be sent.
    keeps_text: bool,
    /// The network has taken all of it.
    is_sent: bool,
}

impl Message {
    /// Loads a message that is known to be there.
    pub(super) fn load(work: &Work<'_>, seq: i64) -> Result<Self, StoreError> {
        let parts = parts::load(work, seq)?;
        let mut message = work
            .conn
            .prepare_cached(
                "SELECT *, CASE
                            WHEN otp IS NOT NULL AND (
                                SELECT otp.status <> 'pending' OR otp.message <> message.seq
                                FROM otp WHERE otp.seq = message.otp
                            ) THEN 'otp'
                            WHEN seq <= coalesce((SELECT last_message FROM removed_app WHERE name = message.app), 0)
                            THEN 'app'
                            ELSE (SELECT iif(by_word, 'stop', 'list') FROM opt_out
                                  WHERE opt_out.number = message.number)
                        END AS abandoned
                 FROM message WHERE seq = ?1",
            )?
            .query_row([seq], |row| Ok(Self::read(row, parts, work.now)))??;
        if message.resent {
            for (part, attempt, sim) in reports::doubts(work, message.attempt)? {
                if let Some(part) = message.parts.get_mut(part) {
                    part.doubt.get_or_insert((attempt, sim));
                }
            }
        }
        Ok(message)
    }

    fn read(row: &Row<'_>, parts: Vec<Part>, now: Moment) -> Result<Self, StoreError> {
        let millis = |column: &str| row.get::<_, Option<i64>>(column);
        let moment = |column: &str| millis(column).map(|millis| millis.map(Moment::from_millis));
        let before = Before {
            status: row::status_from(&row.get::<_, String>("status")?)?,
            was_sent: millis("sent_at")?.is_some(),
            waiting_from: moment("waiting_from")?,
            doubt_until: moment("doubt_until")?,
        };
        Ok(Self {
            seq: row.get("seq")?,
            app: row.get("app")?,
            otp: row.get("otp")?,
            cause: None,
            abandoned: row.get::<_, Option<String>>("abandoned")?.as_deref().map(Abandoned::from_name).transpose()?,
            in_doubt: row::in_doubt_from(&row.get::<_, String>("in_doubt")?)?,
            deadline: row::moment(row, "deadline")?,
            not_before: before.waiting_from.unwrap_or(now),
            sim: row.get("sim")?,
            sim_until: moment("sim_until")?,
            taken_over: row.get("taken_over")?,
            doubt_until: before.doubt_until,
            resent: row.get("resent")?,
            second_after: millis("second_after")?.map(|millis| Duration::from_millis(millis.unsigned_abs())),
            second_from: moment("second_from")?,
            first_copy: row.get("first_copy")?,
            priority: row.get("priority")?,
            number: row.get("number")?,
            attempt: row.get("attempt")?,
            content: Content::read(row)?,
            before,
            parts,
        })
    }

    /// Nothing more of it is to be sent. What a modem is at goes on.
    pub(super) fn withdraw(&mut self) {
        self.give_up(Event::Withdrawn);
    }

    /// Its deadline has passed.
    pub(super) fn expire(&mut self) {
        self.give_up(Event::DeadlinePassed);
    }

    fn give_up(&mut self, event: Event) {
        for part in self.parts.iter_mut().filter(|part| part.status == Status::Queued) {
            part.give_up(event);
        }
        self.doubt_until = None;
    }

    /// Parts are in doubt since now.
    pub(super) fn doubt(&mut self, now: Moment) {
        self.doubt_until = after_doubt(self.in_doubt, self.resent, now, self.deadline);
    }

    /// The time in doubt is over: what is in doubt goes out once more, if it still may.
    pub(super) fn end_doubt(&mut self, work: &Work<'_>) -> Result<(), StoreError> {
        self.doubt_until = None;
        if self.abandoned.is_some() || self.resent || work.now >= self.deadline {
            return Ok(());
        }
        reports::remember_doubt(work, self.seq)?;
        for part in self.parts.iter_mut().filter(|part| part.status == Status::InDoubt) {
            part.happen(Event::Resend);
        }
        self.resent = true;
        self.not_before = work.now;
        self.sim_until = Some(work.now);
        Ok(())
    }

    /// Once the network has it, or may have it, it is not sent once more: neither after a doubt nor for want of a report.
    pub(super) fn forgo_second_copy(mut self, work: &Work<'_>) -> Result<(), StoreError> {
        let sql = "UPDATE message SET in_doubt = ?2, second_after = NULL WHERE seq = ?1";
        work.conn.prepare_cached(sql)?.execute((self.seq, row::in_doubt(InDoubtPolicy::Hold)))?;
        (self.doubt_until, self.second_from) = (None, None);
        self.save(work)
    }

    /// The network took a part now: if that is all of the message, another SIM may send it once more when no report comes.
    pub(super) fn await_report(&mut self, work: &Work<'_>) {
        if self.parts.len() == 1 {
            let wait = self.second_after.filter(|_| !self.resent);
            self.let_another_sim(work, wait.map(|wait| work.now + wait));
        }
    }

    /// Another SIM may send it once more from this moment on, if that is in time.
    pub(super) fn let_another_sim(&mut self, work: &Work<'_>, from: Option<Moment>) {
        self.second_from = from.filter(|from| self.content.text.is_some() && *from < self.deadline);
        if self.second_from.is_some() {
            work.touch_queue();
        }
    }

    /// A part went to the network through a SIM: the others follow on it for a while.
    pub(super) fn stay_with_sim(&mut self, from: Moment) {
        self.sim_until = Some(from + LOYALTY);
    }

    /// A report says that the network has a part that was in doubt: the others follow on its SIM.
    pub(super) fn came_through(&mut self, sim: Option<String>, now: Moment) {
        if self.parts.len() > 1 && self.sim.is_none() {
            self.sim = sim;
            self.stay_with_sim(now);
        }
    }

    /// Whether what was sent through this SIM can be part of the message: another one may have started it again.
    pub(super) fn goes_on_with(&self, sim: &str) -> bool {
        self.parts.len() == 1 || self.sim.as_deref().is_none_or(|its_own| its_own == sim)
    }

    /// Moves a part on by what a report says of it. That a lost part arrived after all is of no use once the rest was
    /// given up: without it the message is unreadable.
    pub(super) fn hear(&mut self, number: usize, event: Event) -> bool {
        let is_cut = self.parts.iter().any(|part| matches!(part.status, Status::Expired | Status::Cancelled));
        let Some(part) = self.parts.get_mut(number) else { return false };
        !(is_cut && part.is_lost()) && part.happen(event)
    }

    /// Makes this SIM the one that sends the message. When another one had sent a part of it, all parts start again,
    /// since a handset only joins what came from one number. That may happen once.
    pub(super) fn take_over(&mut self, work: &Work<'_>, sim: &str) -> Result<(), StoreError> {
        if self.sim.as_deref().is_some_and(|before| before != sim) {
            reports::remember_parts(work, self.seq)?;
            self.parts.iter_mut().for_each(Part::restart);
            self.taken_over = true;
        }
        self.sim = Some(sim.to_owned());
        Ok(())
    }

    fn any(&self, status: Status) -> bool {
        self.parts.iter().any(|part| part.status == status)
    }

    /// Draws what follows from the parts: whether the rest is given up, whether a second copy is still of use, whether any
    /// doubt is left, and which SIM it follows for how long.
    fn conclude(&mut self, now: Moment) {
        match self.abandoned.is_some() {
            true if now >= self.deadline => self.expire(),
            // Without one of its parts the rest would be unreadable.
            false if !self.parts.iter().any(Part::is_lost) => {}
            _ => self.withdraw(),
        }
        if self.abandoned.is_some() || !self.parts.iter().all(|part| part.status == Status::Sent) {
            self.second_from = None;
        }
        if !self.any(Status::InDoubt) {
            self.doubt_until = None;
        } else if self.parts.len() > 1 {
            // Another SIM would send what is in doubt again, and only the end of doubt may do that.
            self.sim_until = Some(self.deadline);
        }
        let is_begun = self.parts.iter().any(|part| part.status != Status::Queued);
        if self.parts.len() == 1 || !is_begun {
            // Nothing was sent that the rest would have to follow: any SIM will do.
            self.sim = None;
        }
    }

    /// What the parts make of the message.
    fn as_a_whole(&self) -> Whole {
        let (waits, is_under_way) = (self.any(Status::Queued), self.any(Status::Sending));
        let may_go_again = self.doubt_until.is_some() || self.second_from.is_some();
        let is_sent = |part: &Part| matches!(part.status, Status::Sent | Status::Delivered | Status::Undelivered);
        Whole {
            status: whole(self.parts.iter().map(|part| part.status)),
            waits,
            is_under_way,
            waiting_from: (waits && !is_under_way).then_some(self.not_before),
            keeps_text: self.abandoned.is_none() && (waits || is_under_way || may_go_again),
            is_sent: self.parts.iter().all(is_sent),
        }
    }

    /// Writes the message and its parts down, with all that follows from the parts.
    pub(super) fn save(mut self, work: &Work<'_>) -> Result<(), StoreError> {
        self.conclude(work.now);
        let whole = self.as_a_whole();
        let queue = match whole.is_under_way {
            true => Some(routing::UNDER_WAY),
            false if whole.waits => Some(routing::queue_of_message(work, self.seq, self.number, self.priority)?),
            false => None,
        };
        parts::save(work, self.seq, &self.parts)?;
        self.write(work, &whole, queue)?;
        self.tell(work, &whole)
    }

    fn write(&self, work: &Work<'_>, whole: &Whole, queue: Option<i64>) -> Result<(), StoreError> {
        let wall = work.wall.as_millisecond();
        work.conn
            .prepare_cached(
                "UPDATE message SET status = ?2, text = CASE WHEN ?3 THEN text END, waiting_from = ?4, sim = ?5,
                        sim_until = ?6, doubt_until = ?7, resent = ?8, sent_at = coalesce(sent_at, ?9),
                        delivered_at = coalesce(delivered_at, ?10), taken_over = ?11, attempt = ?12,
                        queue = ?13, latency = coalesce(latency, iif(?10 IS NULL, NULL, max(?14 - created, 0))),
                        second_from = ?15, first_copy = ?16
                 WHERE seq = ?1",
            )?
            .execute(rusqlite::params![
                self.seq,
                whole.status.as_str(),
                whole.keeps_text,
                whole.waiting_from.map(Moment::as_millis),
                &self.sim,
                self.sim_until.map(Moment::as_millis),
                self.doubt_until.map(Moment::as_millis),
                self.resent,
                whole.is_sent.then_some(wall),
                (whole.status == Status::Delivered).then_some(wall),
                self.taken_over,
                self.attempt,
                queue,
                work.now.as_millis(),
                self.second_from.map(Moment::as_millis),
                self.first_copy,
            ])?;
        if self.content.text.is_some() && !whole.keeps_text {
            work.note_erasure();
        }
        Ok(())
    }

    /// Has those told whom it concerns that the message is not what it was.
    fn tell(&self, work: &Work<'_>, whole: &Whole) -> Result<(), StoreError> {
        let (status, before) = (whole.status, &self.before);
        // A second copy brings nothing new before it arrives.
        let was_told = status == Status::Sent && before.was_sent && self.parts.len() == 1;
        if status != before.status && !was_told {
            self.note(work, status)?;
        }
        // A doubt that begins is something that falls due.
        let begins_to_doubt = self.doubt_until.is_some() && self.doubt_until != before.doubt_until;
        if begins_to_doubt || (whole.waiting_from != before.waiting_from && !whole.is_under_way) {
            work.touch_queue();
        }
        Ok(())
    }

    /// Writes down that it is in this state from now on.
    fn note(&self, work: &Work<'_>, status: Status) -> Result<(), StoreError> {
        let withdrawn = self.abandoned.filter(|_| status == Status::Cancelled);
        if self.otp.is_some() && matches!(withdrawn, Some(Abandoned::OtpIsOver | Abandoned::AppRemoved)) {
            // That follows from what becomes of its otp.
            return Ok(());
        }
        let (by, cause) = withdrawn.and_then(Abandoned::author).unzip();
        let cause = cause.flatten().or(self.cause.as_deref());
        let (message, app, otp) = (self.seq, self.app.as_str(), self.otp);
        events::note_message(work, &NewState { message, app, otp, status, cause, by })
    }
}

/// Withdraws what still waits of an otp's message, once the otp has ended or has a newer one.
pub(super) fn withdraw_abandoned(work: &Work<'_>, seq: i64) -> Result<(), StoreError> {
    let sql = "SELECT text IS NOT NULL FROM message WHERE seq = ?1";
    if work.conn.prepare_cached(sql)?.query_row([seq], |row| row.get(0))? {
        Message::load(work, seq)?.save(work)?;
    }
    Ok(())
}
