//! Fills a stopped daemon's database the fast way: rows into its own schema, in one transaction.

use std::path::Path;

use anyhow::Context as _;
use rusqlite::{Connection, Transaction, params};
use smsotpd::ids::{MessageId, OtpId};
use smsotpd::secret::{Code, NONCE_LENGTH, SiteKey, Text};

/// The code of every otp that is filled in.
pub(crate) const CODE: &str = "123456";

const DAY: i64 = 24 * 3600 * 1000;
const TEXT: &str = "123456 is your code. It is valid for 1440 minutes.";

/// In which state otps and messages are filled in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// Two days old: verified and delivered.
    Old,
    /// Sent a moment ago, the code not given yet.
    Sent,
    /// Waiting for a modem, for a day at most.
    Queued,
}

/// Adds so many otps with one message each, to numbers from `first_number` on; returns the otps' ids.
pub(crate) fn fill(state: &Path, age: Age, count: usize, first_number: u64) -> anyhow::Result<Vec<String>> {
    let key = std::fs::read(state.join("key"))?;
    let key = SiteKey::derive(key.as_slice().try_into().context("a key has 32 octets")?);
    let mut conn = Connection::open(state.join("smsotpd.db"))?;
    conn.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -500000; PRAGMA foreign_keys = OFF;")?;
    let transaction = conn.transaction()?;
    let now = transaction.query_row("SELECT moment FROM site", (), |row| row.get(0))?;
    let filling = Filling { transaction: &transaction, key: &key, age, now };
    let ids = (first_number..).take(count).map(|number| filling.add(i64::try_from(number)?));
    let ids = ids.collect::<anyhow::Result<Vec<String>>>()?;
    if age == Age::Old {
        transaction.execute("UPDATE site SET recent_from = (SELECT max(seq) + 1 FROM otp)", ())?;
    }
    transaction.commit()?;
    let _: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
    Ok(ids)
}

struct Filling<'a> {
    transaction: &'a Transaction<'a>,
    key: &'a SiteKey,
    age: Age,
    /// Where the site's timeline stood when its daemon ended.
    now: i64,
}

impl Filling<'_> {
    fn add(&self, number: i64) -> anyhow::Result<String> {
        // Neighbours in time are no neighbours in number.
        let number = 15_550_000_000 + (number % 10_000_000) * 7_919 % 10_000_000;
        let created = if self.age == Age::Old { self.now - 2 * DAY } else { self.now };
        let id = OtpId::generate();
        let otp = self.add_otp(id, number, created)?;
        let message = self.add_message(otp, number, created)?;
        self.add_part(message, number, created)?;
        Ok(id.to_string())
    }

    fn add_otp(&self, id: OtpId, number: i64, created: i64) -> anyhow::Result<i64> {
        let pending = self.age != Age::Old;
        let code = Code::new(CODE.to_owned());
        let digest = pending.then(|| *self.key.code_digest(id, &code).as_bytes());
        let sealed = self.key.seal(id.as_bytes(), &Text::new(CODE.to_owned()), [7; NONCE_LENGTH]);
        self.transaction
            .prepare_cached(
                "INSERT INTO otp (id, app, number, purpose, status, digest, sealed_code, created, created_at, expires,
                                  attempts, attempts_left, resends, resends_left, resend_after, resend_from, recent)
                 VALUES (?1, 'bench', ?2, '', ?3, ?4, ?5, ?6, 0, ?7, 5, 5, 3, 3, 30000, ?6, ?8)",
            )?
            .execute(params![
                id.as_bytes(),
                number,
                if pending { "pending" } else { "verified" },
                digest,
                pending.then(|| sealed.as_bytes()),
                created,
                created + DAY,
                pending.then_some(1),
            ])?;
        Ok(self.transaction.last_insert_rowid())
    }

    fn add_message(&self, otp: i64, number: i64, created: i64) -> anyhow::Result<i64> {
        let id = MessageId::generate();
        let waits = self.age == Age::Queued;
        let text = waits.then(|| self.key.seal(id.as_bytes(), &Text::new(TEXT.to_owned()), [7; NONCE_LENGTH]));
        self.transaction
            .prepare_cached(
                "INSERT INTO message (id, app, otp, number, status, priority, text, encoding, parts, class0, in_doubt,
                                      created, created_at, deadline, sent_at, delivered_at, waiting_from,
                                      queue)
                 VALUES (?1, 'bench', ?2, ?3, ?4, 0, ?5, 'gsm7', 1, 0, 'resend', ?6, 0, ?7, ?8, ?9, ?10,
                         iif(?10 IS NULL, NULL, 0))",
            )?
            .execute(params![
                id.as_bytes(),
                otp,
                number,
                self.status(),
                text.as_ref().map(|text| text.as_bytes()),
                created,
                created + DAY,
                (!waits).then_some(0),
                (self.age == Age::Old).then_some(0),
                waits.then_some(created),
            ])?;
        let message = self.transaction.last_insert_rowid();
        let newest = "UPDATE otp SET message = ?2 WHERE seq = ?1";
        self.transaction.prepare_cached(newest)?.execute((otp, message))?;
        Ok(message)
    }

    fn add_part(&self, message: i64, number: i64, created: i64) -> anyhow::Result<()> {
        let mut attempt = None;
        if self.age != Age::Queued {
            self.transaction
                .prepare_cached(
                    "INSERT INTO attempt (message, part, modem, sim, started, started_at, ended_at, outcome, reference)
                     VALUES (?1, 0, 'm0', 'iccid:8988001000000000000', ?2, 0, 0, 'sent', 0)",
                )?
                .execute((message, created))?;
            attempt = Some(self.transaction.last_insert_rowid());
            let last = "UPDATE message SET attempt = ?2 WHERE seq = ?1";
            self.transaction.prepare_cached(last)?.execute((message, attempt))?;
        }
        self.transaction
            .prepare_cached(
                "INSERT INTO part (message, part, status, number, sim, attempt, reference)
                 VALUES (?1, 0, ?2, ?3, iif(?4 IS NULL, NULL, 'iccid:8988001000000000000'), ?4, ?4 & 255)",
            )?
            .execute((message, self.status(), number, attempt))?;
        Ok(())
    }

    fn status(&self) -> &'static str {
        match self.age {
            Age::Old => "delivered",
            Age::Sent => "sent",
            Age::Queued => "queued",
        }
    }
}
