//! The people: they ask for codes and messages, type what they read and what they guess, and change their minds.

use std::sync::Arc;
use std::time::Duration;

use smsotpd::clock::Moment;
use smsotpd::guard::{self, Mode};
use smsotpd::issue::{self, IssueError, Policy, ResendError};
use smsotpd::limits;
use smsotpd::message::{InDoubtPolicy, Priority};
use smsotpd::pdu;
use smsotpd::phone::PhoneNumber;
use smsotpd::secret::{Code, Text};
use smsotpd::send::{self, SendError};
use smsotpd::store::{CancelOutcome, Idempotency, MessageView, StoreError, Which};
use smsotpd::verify;
use smsotpd::wording::Wish;

use crate::dice::Dice;
use crate::ledger::{Accepted, Otp};
use crate::site::Site;

/// Comes and goes until the bad times are over.
pub(crate) async fn live(site: Arc<Site>) {
    let mut dice = site.dice.of("people", 0);
    let (least, most) = *dice.one_of(&[(120, 2400), (300, 5400), (20, 7200)]);
    let mut person = 0;
    while site.pass(dice.seconds(least, most)).await {
        let crowd = if dice.percent(10) { dice.from(4, 16) } else { 1 };
        for _ in 0..crowd {
            person += 1;
            let (site, own) = (site.clone(), site.dice.of("person", person));
            if dice.percent(60) {
                tokio::spawn(wants_a_code(site, own));
            } else {
                tokio::spawn(sends_a_message(site, own));
            }
        }
    }
}

/// So many come at once, each with a message, when nothing is wrong.
pub(crate) fn come(site: &Arc<Site>, people: usize) {
    let first = site.ledger().promises.len();
    site.ledger().fair_from = Some(first);
    for person in 0..people {
        tokio::spawn(sends_a_message(site.clone(), site.dice.of("fair weather", person)));
    }
}

fn number(dice: &mut Dice) -> PhoneNumber {
    PhoneNumber::parse(&format!("+1555777{:04}", dice.below(20))).unwrap()
}

/// A request is repeated until it is answered, and known again by this.
fn repeatable(serial: usize) -> Option<Idempotency> {
    Some(Idempotency { key: format!("W{serial}"), digest: [0; 32] })
}

/// What a caller does whose call failed.
pub(crate) async fn try_again(site: &Site, error: &StoreError) {
    if !matches!(error, StoreError::Gone | StoreError::Full) {
        site.blame(format!("a call failed: {error}"));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
}

fn accept(site: &Site, serial: usize, message: &MessageView) {
    site.note(format_args!("W{serial} is accepted"));
    let accepted = Accepted { id: message.id, deadline: message.deadline, parts: message.parts };
    site.ledger().promises[serial].accepted = Some(accepted);
}

async fn sends_a_message(site: Arc<Site>, mut dice: Dice) {
    let to = number(&mut dice);
    sends_to(site, dice, to).await;
}

pub(crate) async fn sends_to(site: Arc<Site>, mut dice: Dice, to: PhoneNumber) {
    let hold = dice.percent(50);
    let serial = site.ledger().promise(&to, None, None, !hold);
    let text = text(serial, &mut dice);
    site.ledger().promises[serial].text = Some(text.clone());
    let priority = *dice.one_of(&[Priority::Otp, Priority::Transactional, Priority::Bulk]);
    let (deadline, class0) = (Duration::from_secs(dice.seconds(10, 5400).as_secs().max(1)), dice.percent(10));
    let view = loop {
        let request = send::Request {
            app: site.app.clone(),
            to: to.clone(),
            text: Text::new(text.clone()),
            priority,
            deadline: Some(deadline),
            class0,
            simplify: true,
            in_doubt: if hold { InDoubtPolicy::Hold } else { InDoubtPolicy::Resend },
            national_tables: pdu::Languages::NONE,
            callback: None,
            idempotency: repeatable(serial),
        };
        match send::send(&site.door().await.store, request).await {
            Ok(view) => break view,
            Err(SendError::Store(error)) => try_again(&site, &error).await,
            Err(SendError::OptedOut) => return site.note(format_args!("W{serial} is not wanted")),
            Err(error) => return site.blame(format!("W{serial} was refused: {error}")),
        }
    };
    accept(&site, serial, &view);
    if dice.percent(15) {
        tokio::time::sleep(dice.time(1, 60_000)).await;
        cancel_message(&site, serial, &view).await;
    }
}

fn text(serial: usize, dice: &mut Dice) -> String {
    let words = if dice.percent(25) { dice.from(20, 160) } else { dice.from(1, 15) };
    let mut text = String::new();
    for _ in 0..words {
        text.push_str(&format!("W{serial}. "));
        let word: &&str = dice.one_of(&["the door ", "is open ", "come ", "at noon ", "€ 5 "]);
        text.push_str(word);
    }
    if dice.percent(20) {
        text.push('ж');
    }
    let mut text: String = text.chars().take(600).collect();
    // Every part is to carry the mark.
    let mark = format!("W{serial}.");
    while pdu::segment(&text, 0).unwrap().iter().any(|part| !part.text().contains(&mark)) {
        text.push_str(&mark);
    }
    text
}

async fn cancel_message(site: &Site, serial: usize, view: &MessageView) {
    let Some(door) = site.open_door() else { return };
    match door.store.cancel_message(&site.app, view.id).await {
        Ok(Some(CancelOutcome::Cancelled(_))) => {
            site.note(format_args!("W{serial} is withdrawn"));
            site.ledger().promises[serial].withdrawn = true;
        }
        Ok(Some(CancelOutcome::TooLate(_))) | Err(StoreError::Gone | StoreError::Full) => {}
        Ok(None) => site.blame(format!("W{serial} is not known any more")),
        Err(error) => site.blame(format!("W{serial} cannot be withdrawn: {error}")),
    }
}

/// A policy whose texts carry this mark.
fn policy(serial: usize, dice: &mut Dice) -> Policy {
    let no_limits = limits::Settings { per_number_hour: 0, per_number_day: 0, per_prefix_hour: 0 };
    let resend_new_code = dice.percent(20);
    let second_sim = if dice.percent(40) { dice.from(5, 90) } else { 0 };
    let (limits, mode) =
        if dice.percent(80) { (no_limits, Mode::Off) } else { (limits::Settings::default(), Mode::Enforce) };
    Policy {
        brand: format!("W{serial}."),
        resend_new_code,
        second_sim_after_percent: second_sim.try_into().unwrap(),
        limits,
        guard: guard::Settings { mode, ..guard::Settings::default() },
        ..Policy::default()
    }
}

async fn wants_a_code(site: Arc<Site>, mut dice: Dice) {
    let to = number(&mut dice);
    let serial = site.ledger().promise(&to, None, None, true);
    let policy = policy(serial, &mut dice);
    let purpose = dice.percent(30).then(|| "door".to_owned());
    let lifetime = Duration::from_secs(dice.from(30, 900));
    let view = loop {
        let request = issue::Request {
            app: site.app.clone(),
            to: to.clone(),
            purpose: purpose.clone(),
            context: Default::default(),
            lifetime: Some(lifetime),
            length: None,
            code: None,
            wish: Wish::default(),
            client_address: None,
            callback: None,
            idempotency: repeatable(serial),
        };
        match issue::issue(&site.door().await.store, &policy, request).await {
            Ok(view) => break view,
            Err(IssueError::Limited(_)) => return site.note(format_args!("W{serial} is over a limit")),
            Err(IssueError::Guarded(_)) => return site.note(format_args!("W{serial} is stopped by the guard")),
            Err(IssueError::Store(error)) => try_again(&site, &error).await,
            Err(error) => return site.blame(format!("W{serial} was refused: {error}")),
        }
    };
    let otp = {
        let mut ledger = site.ledger();
        ledger.otps.push(Otp {
            id: view.id,
            attempts: 5,
            messages: vec![serial],
            wrong: 0,
            verified: 0,
            locked: false,
            unheard: 0,
            left: Vec::new(),
        });
        ledger.otps.len() - 1
    };
    accept(&site, serial, &view.message);
    let person = Person { site, policy, otp, to, expires: view.expires, gone: false };
    person.use_it(dice).await;
}

/// Somebody with an otp.
struct Person {
    site: Arc<Site>,
    policy: Policy,
    otp: usize,
    to: PhoneNumber,
    expires: Moment,
    /// Has given up.
    gone: bool,
}

impl Person {
    async fn use_it(mut self, mut dice: Dice) {
        for _ in 0..dice.below(7) {
            tokio::time::sleep(dice.time(100, 120_000)).await;
            if self.gone {
                return;
            }
            match dice.below(10) {
                0..3 => self.guess(&mut dice).await,
                3..7 => self.type_it(&mut dice).await,
                7..9 => self.ask_again(&mut dice).await,
                _ => self.cancel().await,
            }
        }
    }

    async fn ask_again(&mut self, dice: &mut Dice) {
        let Some(door) = self.site.open_door() else { return };
        let serial = self.site.ledger().promise(&self.to, None, Some(self.expires), true);
        self.policy.brand = format!("W{serial}.");
        let id = self.site.ledger().otps[self.otp].id;
        match issue::resend(&door.store, &self.policy, &self.site.app, id, None).await {
            Ok(view) => {
                self.site.ledger().otps[self.otp].messages.push(serial);
                accept(&self.site, serial, &view.message);
                tokio::time::sleep(dice.time(1, 10_000)).await;
            }
            Err(
                ResendError::Ended(_) | ResendError::TooSoon { .. } | ResendError::NoneLeft | ResendError::Guarded(_),
            ) => {}
            Err(ResendError::Store(StoreError::Gone | StoreError::Full)) => {
                self.site.note(format_args!("nobody hears whether W{serial} is accepted"));
                self.site.ledger().promises[serial].unheard = true;
                // Perhaps there is a new code, perhaps not.
                self.gone = self.policy.resend_new_code;
            }
            Err(error) => self.site.blame(format!("W{serial} was refused: {error}")),
        }
    }

    async fn cancel(&self) {
        let id = self.site.ledger().otps[self.otp].id;
        let Some(door) = self.site.open_door() else { return };
        match door.store.cancel_otp(&self.site.app, id).await {
            Ok(Some(_)) => self.site.note(format_args!("otp {} is cancelled", self.otp)),
            Err(StoreError::Gone | StoreError::Full) => {}
            other => self.site.blame(format!("otp {} cannot be cancelled: {}", self.otp, other.is_ok())),
        }
    }

    async fn guess(&self, dice: &mut Dice) {
        for _ in 0..dice.from(1, 3) {
            self.try_code(format!("{}x", dice.below(10_000)), false).await;
        }
    }

    /// Types the code, once it can be read, perhaps with both hands.
    async fn type_it(&self, dice: &mut Dice) {
        let until = self.expires + dice.time(1, 60_000);
        while self.site.clock.now() < until {
            let code = self.site.ledger().code(self.otp);
            if let Some(code) = code {
                let hands = || self.try_code(code.clone(), true);
                match dice.below(3) {
                    0 => hands().await,
                    1 => drop(tokio::join!(hands(), hands())),
                    _ => drop(tokio::join!(hands(), self.try_code("guess".to_owned(), false), hands())),
                }
                return;
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    }

    async fn try_code(&self, typed: String, right: bool) {
        let id = self.site.ledger().otps[self.otp].id;
        let Some(door) = self.site.open_door() else { return };
        let verdict = verify::verify(&door.store, &self.site.app, Which::Id(id), Code::new(typed)).await;
        let mut ledger = self.site.ledger();
        match verdict {
            Ok(Some(verdict)) => {
                ledger.judged(self.otp, right, &verdict);
                drop(ledger);
                self.site.note(format_args!("otp {} is judged: {:?}", self.otp, verdict));
            }
            Ok(None) => ledger.blame(format!("otp {} is not known any more", self.otp)),
            Err(StoreError::Gone | StoreError::Full) => ledger.otps[self.otp].unheard += 1,
            Err(error) => ledger.blame(format!("otp {} was not judged: {error}", self.otp)),
        }
    }
}
