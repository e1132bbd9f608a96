//! Verifying a code: one transaction on the writer.

use super::error::StoreError;
use super::guarding::{self, Memory};
use super::handle::Store;
use super::issuing;
use super::otps::{self, Kept};
use super::writer::Work;
use crate::ids::{AppName, OtpId};
use crate::otp::{Standing, Verdict, judge};
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

impl Store {
    /// Judges a code. The attempt is counted in the same transaction, so any number of parallel calls verify once at
    /// most. `None` when the app has no such otp. The code must be in its normal form already.
    ///
    /// # Errors
    /// When the store cannot do it; the attempt does not count then.
    pub async fn verify(&self, app: &AppName, which: Which, code: Code) -> Result<Option<Verdict>, StoreError> {
        let (app, memory) = (app.clone(), self.guard_memory().clone());
        self.change_now(move |work| {
            let seq = match &which {
                Which::Id(id) => issuing::find(work, &app, *id)?,
                Which::Number { to, purpose } => issuing::latest(work, &app, to, purpose)?,
            };
            seq.map(|seq| attempt(work, seq, &code, &memory)).transpose()
        })
        .await
    }
}

fn attempt(work: &Work<'_>, seq: i64, code: &Code, memory: &Memory) -> Result<Verdict, StoreError> {
    let otp = Kept::load(work.conn, seq)?;
    let given = work.key.code_digest(otp.id, code);
    let matches = otp.digest.is_some_and(|digest| digest.matches(&given));
    let standing = Standing { status: otp.status, expires: otp.expires, attempts_left: otp.attempts_left };
    let verdict = judge(&standing, matches, work.now);
    if verdict.attempts_left != standing.attempts_left {
        work.conn
            .prepare_cached("UPDATE otp SET attempts_left = ?2 WHERE seq = ?1")?
            .execute((seq, verdict.attempts_left))?;
    }
    if verdict.status != standing.status {
        otps::end(work, seq, verdict.status)?;
    }
    if verdict.verified {
        guarding::note_verified(work, seq, &otp.to, memory)?;
    }
    Ok(verdict)
}
