//! What was promised to people, and what the network and the handsets saw of it. Knows nothing of what the store says.

use std::time::Duration;

use smsotpd::clock::Moment;
use smsotpd::ids::{MessageId, OtpId};
use smsotpd::otp::{Reason, Verdict};
use smsotpd::phone::PhoneNumber;
use smsotpd::sim::{ReportFault, Submitted};

/// Everything that was promised and seen.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) promises: Vec<Promise>,
    pub(crate) otps: Vec<Otp>,
    /// By modem: when the network was asked to take a part.
    pub(crate) asked: Vec<(PhoneNumber, Moment)>,
    /// By modem: when another SIM was put in.
    pub(crate) cards: Vec<(PhoneNumber, Moment)>,
    /// Whether reports may seem to be about another message than they are.
    pub(crate) misleads: bool,
    /// How many messages somebody wrote to the modems.
    pub(crate) written: usize,
    /// Numbers that want no messages, and since when: what a modem is given for them from then on is a violation. What it
    /// was given before, nobody can take back, whenever the network takes it.
    pub(crate) stopped: Vec<(PhoneNumber, Moment)>,
    pub(crate) violations: Vec<String>,
    /// The first promise since when nothing is wrong.
    pub(crate) fair_from: Option<usize>,
    /// By modem: since when the network's words have a free way through it to the store, and until when they had.
    pub(crate) open: Vec<(usize, Moment, Moment)>,
}

/// A message that somebody asks the daemon for. All its parts carry its mark.
pub(crate) struct Promise {
    pub(crate) to: PhoneNumber,
    /// The whole text; of a code's message it is not known before.
    pub(crate) text: Option<String>,
    /// When its otp ends, if that is known before the daemon has answered.
    pub(crate) expires: Option<Moment>,
    pub(crate) resend_in_doubt: bool,
    /// Set once the daemon has answered.
    pub(crate) accepted: Option<Accepted>,
    /// The daemon died before it answered, and was not asked again.
    pub(crate) unheard: bool,
    /// The daemon said that it was withdrawn before anything of it was sent.
    pub(crate) withdrawn: bool,
    /// What the network took of each part, and when it was given it.
    pub(crate) copies: Vec<Vec<Moment>>,
    /// What befell a report on it: none comes, or one before the handset has it, or later than it should by this.
    pub(crate) unreported: bool,
    pub(crate) foretold: bool,
    pub(crate) reported_late: Duration,
    /// How often the handset had it whole.
    pub(crate) arrived: u32,
    /// The code, once it is on its way.
    pub(crate) code: Option<String>,
}

pub(crate) struct Accepted {
    pub(crate) id: MessageId,
    pub(crate) deadline: Moment,
    pub(crate) parts: u8,
}

/// A code, as the person who types it knows it.
pub(crate) struct Otp {
    pub(crate) id: OtpId,
    pub(crate) attempts: u8,
    /// The promises that carry it, oldest first.
    pub(crate) messages: Vec<usize>,
    pub(crate) wrong: u8,
    pub(crate) verified: u8,
    pub(crate) locked: bool,
    /// Attempts whose answer nobody heard.
    pub(crate) unheard: u8,
    pub(crate) left: Vec<u8>,
}

impl Ledger {
    pub(crate) fn blame(&mut self, what: String) {
        self.violations.push(what);
    }

    pub(crate) fn promise(
        &mut self,
        to: &PhoneNumber,
        text: Option<String>,
        expires: Option<Moment>,
        resend: bool,
    ) -> usize {
        self.promises.push(Promise {
            to: to.clone(),
            text,
            expires,
            resend_in_doubt: resend,
            accepted: None,
            unheard: false,
            withdrawn: false,
            copies: Vec::new(),
            unreported: false,
            foretold: false,
            reported_late: Duration::ZERO,
            arrived: 0,
            code: None,
        });
        self.promises.len() - 1
    }

    /// The network was given a part, and took it or not. Tells which one for the diary.
    pub(crate) fn submitted(&mut self, submitted: &Submitted, at: Moment) -> String {
        let Submitted { from, part, refused, report, .. } = submitted;
        let (to, took) = (part.destination.to_phone(), refused.is_none());
        self.asked.push((from.clone(), at));
        if let Some((stopped, _)) =
            self.stopped.iter().find(|(number, since)| Some(number) == to.as_ref() && at >= *since)
        {
            let wrong = format!("{} wants no messages, and is sent one", stopped.digits());
            self.blame(wrong);
        }
        let text = part.user_data.text();
        let place = part.user_data.concatenation().map_or(0, |place| usize::from(place.sequence) - 1);
        let Some((serial, promise)) = self.marked(&text) else {
            self.blame("the network was given something that nobody asked for".to_owned());
            return "?".to_owned();
        };
        if Some(&promise.to) != to.as_ref() {
            let wrong = format!("W{serial} was sent to another number");
            self.blame(wrong);
        } else if took {
            if promise.text.is_none() {
                promise.code = text.split_whitespace().next().map(str::to_owned);
            }
            let copies = &mut promise.copies;
            copies.resize(copies.len().max(place + 1), Vec::new());
            copies[place].push(at);
            match *report {
                ReportFault::Never => promise.unreported = true,
                ReportFault::Early => promise.foretold = true,
                ReportFault::Late(time) => promise.reported_late = promise.reported_late.max(time),
                // It comes behind the next, and nobody knows when that is.
                ReportFault::OutOfOrder => promise.unreported = true,
                ReportFault::Twice | ReportFault::None => {}
            }
        }
        format!("W{serial}/{place}")
    }

    /// When the network was asked to take a part from this modem with its first SIM in it (0) or its second (1).
    pub(crate) fn asked_of(&self, modem: &PhoneNumber, card: usize) -> Vec<Moment> {
        let of_card = |at: Moment| {
            self.cards.iter().filter(|(number, since)| number == modem && *since <= at).count() % 2 == card
        };
        let asked = self.asked.iter().filter(|(from, at)| from == modem && of_card(*at));
        let mut asked: Vec<Moment> = asked.map(|(_, at)| *at).collect();
        asked.sort();
        asked
    }

    /// A handset shows a message.
    pub(crate) fn arrived(&mut self, to: &PhoneNumber, text: &str) -> String {
        let Some((serial, promise)) = self.marked(text) else {
            self.blame("a handset has something that nobody asked for".to_owned());
            return "?".to_owned();
        };
        promise.arrived += 1;
        let right = promise.to == *to && promise.text.as_ref().is_none_or(|promised| promised == text);
        if !right {
            self.blame(format!("what arrived of W{serial} is not what was asked for"));
        }
        format!("W{serial}")
    }

    /// Whose mark is in a text: `W17.`
    fn marked(&mut self, text: &str) -> Option<(usize, &mut Promise)> {
        let serial = text.split('W').skip(1).find_map(|rest| rest.split_once('.')?.0.parse::<usize>().ok())?;
        self.promises.get_mut(serial).map(|promise| (serial, promise))
    }

    /// The code that is right now: that of the newest message, as far as anybody has seen it.
    pub(crate) fn code(&self, otp: usize) -> Option<String> {
        let newest = self.otps[otp].messages.last()?;
        self.promises[*newest].code.clone()
    }

    /// Somebody tried a code, and heard this.
    pub(crate) fn judged(&mut self, otp: usize, right: bool, verdict: &Verdict) {
        let known = &mut self.otps[otp];
        let mut wrongs = Vec::new();
        match (verdict.verified, verdict.reason) {
            (true, _) => {
                known.verified += 1;
                if !right {
                    wrongs.push("was verified with a wrong code".to_owned());
                }
                if known.verified > 1 {
                    wrongs.push("was verified twice".to_owned());
                }
            }
            (false, Some(Reason::WrongCode)) => {
                known.wrong += 1;
                if right {
                    wrongs.push("refused the right code".to_owned());
                }
                if known.left.contains(&verdict.attempts_left) {
                    wrongs.push("counted two wrong codes as one".to_owned());
                }
                known.left.push(verdict.attempts_left);
            }
            (false, Some(Reason::Locked)) => known.locked = true,
            (false, None) => wrongs.push("gave no reason".to_owned()),
            (false, Some(_)) => {}
        }
        self.violations.extend(wrongs.into_iter().map(|wrong| format!("otp {otp} {wrong}")));
    }
}

/// What the fullest window of this length holds.
pub(crate) fn most_within(window: Duration, moments: &[Moment]) -> &[Moment] {
    let (mut from, mut most) = (0, &moments[..0]);
    for (to, moment) in moments.iter().enumerate() {
        while moment.since(moments[from]) >= window {
            from += 1;
        }
        if to + 1 - from > most.len() {
            most = &moments[from..=to];
        }
    }
    most
}
