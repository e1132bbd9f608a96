//! Verifying a code: one transaction on the writer.

use serde_json::json;

use super::error::StoreError;
use super::events::{self, Kind, NewEvent};
use super::guarding;
use super::handle::Store;
use super::issuing;
use super::otps::{self, Kept};
use super::remembered::Memory;
use super::writer::Work;
use crate::ids::{AppName, OtpId};
use crate::otp::{Comparison, Context, Reason, Standing, Verdict, approve, judge};
use crate::phone::PhoneNumber;
use crate::secret::Code;

/// Which otp a code is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// This one.
    Id(OtpId),
    /// The newest for this number and purpose, issued in the last 24 hours.
    Number {
        /// The number.
        to: PhoneNumber,
        /// The purpose, as it was issued for.
        purpose: String,
    },
}

/// What was given to verify an otp.
#[derive(Debug, Clone)]
pub struct Guess {
    /// The code, in its normal form.
    pub code: Code,
    /// What it is given for; must be what the otp was issued with.
    pub context: Context,
    /// What it is given for, in the app's words; must be the otp's when it is said.
    pub purpose: Option<String>,
}

impl From<Code> for Guess {
    fn from(code: Code) -> Self {
        Self { code, context: Context::default(), purpose: None }
    }
}

impl Store {
    /// Judges a code. The attempt is counted in the same transaction, so any number of parallel calls verify once at
    /// most. `None` when the app has no such otp.
    ///
    /// # Errors
    /// When the store cannot do it; the attempt does not count then.
    pub async fn verify(
        &self,
        app: &AppName,
        which: Which,
        guess: impl Into<Guess>,
    ) -> Result<Option<Verdict>, StoreError> {
        let (app, guess, memory) = (app.clone(), guess.into(), self.guard_memory().clone());
        self.change_now(move |work| {
            let seq = match &which {
                Which::Id(id) => otps::find(work.conn, &app, *id)?,
                Which::Number { to, purpose } => issuing::latest(work, &app, to, purpose)?,
            };
            seq.map(|seq| attempt(work, seq, &guess, &memory)).transpose()
        })
        .await
    }

    /// Verifies an otp without a code, if it is pending. Of any number of these and of [`Store::verify`], one at most
    /// verifies. `None` when the app has no such otp.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn approve(&self, app: &AppName, id: OtpId) -> Result<Option<Verdict>, StoreError> {
        let (app, memory) = (app.clone(), self.guard_memory().clone());
        self.change_now(move |work| {
            let Some(seq) = otps::find(work.conn, &app, id)? else { return Ok(None) };
            let otp = Kept::load(work.conn, seq)?;
            let standing = otp.standing();
            let verdict = approve(&standing, work.now);
            if verdict.status != standing.status {
                let kind = if verdict.verified { Some(Kind::OtpApproved) } else { Kind::of_otp(verdict.status) };
                otps::end_as(work, seq, verdict.status, kind)?;
            }
            if verdict.verified {
                guarding::note_verified(work, seq, &otp.to, &memory)?;
            }
            Ok(Some(verdict))
        })
        .await
    }
}

impl Kept {
    fn standing(&self) -> Standing {
        Standing { status: self.status, expires: self.expires, attempts_left: self.attempts_left }
    }
}

fn attempt(work: &Work<'_>, seq: i64, guess: &Guess, memory: &Memory) -> Result<Verdict, StoreError> {
    let otp = Kept::load(work.conn, seq)?;
    let given = compare(work, &otp, guess);
    let standing = otp.standing();
    let verdict = judge(&standing, given, work.now);
    if verdict.attempts_left != standing.attempts_left {
        work.conn
            .prepare_cached("UPDATE otp SET attempts_left = ?2 WHERE seq = ?1")?
            .execute((seq, verdict.attempts_left))?;
    }
    if let Some(reason @ (Reason::WrongCode | Reason::WrongContext)) = verdict.reason {
        let detail = Some(json!({ "attempts_left": verdict.attempts_left, "reason": reason }));
        let (kind, app) = (Kind::OtpWrongCode, Some(otp.app.as_str()));
        events::note(work, &NewEvent { kind, app, otp: Some(seq), message: None, detail })?;
    }
    if verdict.status != standing.status {
        otps::end(work, seq, verdict.status)?;
    }
    if verdict.verified {
        guarding::note_verified(work, seq, &otp.to, memory)?;
    }
    Ok(verdict)
}

/// Whatever the code is, for another context or purpose only that is said.
fn compare(work: &Work<'_>, otp: &Kept, guess: &Guess) -> Comparison {
    let code = work.key.code_digest(otp.id, &guess.code);
    let right_code = otp.digest.is_some_and(|digest| digest.matches(&code));
    let context = (!guess.context.is_empty()).then(|| work.key.context_digest(otp.id, &guess.context.canonical()));
    let right_context = match (&otp.context, &context) {
        (Some(bound), Some(given)) => bound.matches(given),
        (bound, given) => bound.is_none() && given.is_none(),
    };
    let right_purpose = guess.purpose.as_ref().is_none_or(|purpose| *purpose == otp.purpose);
    match (right_context && right_purpose, right_code) {
        (true, true) => Comparison::Same,
        (true, false) => Comparison::OtherCode,
        (false, _) => Comparison::OtherContext,
    }
}
