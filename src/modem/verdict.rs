//! What a modem's answers mean for whoever wants to send: ready, or not ready, why, and what to do.

use std::time::Duration;

use super::actor::End;
use super::health::{Concern, Registration, State};
use super::pin::{BookError, NoPin};
use crate::at::{CommandError, Domain, Refusal};

/// The last `<stat>` heard for each domain (3GPP TS 27.007 §7.2, §10.1.20, §10.1.22).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Statuses {
    circuit: Option<u32>,
    packet: Option<u32>,
    eps: Option<u32>,
}

impl Statuses {
    pub(super) fn set(&mut self, domain: Domain, status: u32) {
        match domain {
            Domain::Circuit => self.circuit = Some(status),
            Domain::Packet => self.packet = Some(status),
            Domain::Eps => self.eps = Some(status),
        }
    }

    /// What they come to. In LTE a modem may be registered there alone and still send; whether the network carries
    /// messages there shows when one is sent. Packet data in 2G and 3G says nothing about messages.
    pub(super) fn registration(self) -> Registration {
        match (self.circuit, self.eps) {
            (Some(1 | 6 | 9), _) => return Registration::Home,
            (Some(5 | 7 | 10), _) => return Registration::Roaming,
            (_, Some(1)) => return Registration::Home,
            (_, Some(5)) => return Registration::Roaming,
            _ => {}
        }
        let any = |status| [self.circuit, self.packet, self.eps].contains(&Some(status));
        if any(3) {
            Registration::Denied
        } else if any(8) {
            Registration::EmergencyOnly
        } else if any(2) {
            Registration::Searching
        } else if any(0) {
            Registration::Idle
        } else {
            Registration::Unknown
        }
    }
}

impl Statuses {
    /// Registered in LTE, and nowhere that is known to carry messages.
    pub(super) fn is_lte_alone(self) -> bool {
        matches!(self.eps, Some(1 | 5)) && !matches!(self.circuit, Some(1 | 5 | 6 | 7 | 9 | 10))
    }
}

fn not_ready(reason: impl Into<String>, advice: impl Into<String>) -> State {
    State::NotReady { reason: reason.into(), advice: advice.into() }
}

fn concern(reason: impl Into<String>, advice: impl Into<String>) -> Concern {
    Concern { reason: reason.into(), advice: advice.into() }
}

/// Ready, as far as the network is concerned: whether messages may go over a visited one, and why it refuses, if that is
/// known.
pub(super) fn of_registration(registration: Registration, roaming: bool, denial: Option<&str>) -> State {
    match registration {
        Registration::Roaming if !roaming => not_ready(
            "the modem is in a visited network, and messages must not go over one",
            "Set `roaming = true` for this modem if they may; in your own country check the antenna.",
        ),
        Registration::Home | Registration::Roaming => State::Ready,
        Registration::Searching => not_ready(
            "the modem is searching for a network",
            "Wait a few minutes; if it goes on, check the antenna and move the modem to a window.",
        ),
        Registration::Denied => not_ready(
            format!(
                "the network refuses this SIM or this modem{}",
                denial.map(|why| format!(": {why}")).unwrap_or_default()
            ),
            "Try the SIM in a phone; if it works there, ask the operator whether the modem is blocked.",
        ),
        Registration::EmergencyOnly => not_ready(
            "the network allows emergency calls only",
            "Check with the operator that the SIM is active and allowed on this network.",
        ),
        Registration::Idle => not_ready(
            "the modem is not registered with a network and does not search for one",
            "Check that the modem is not in flight mode and that the SIM is active.",
        ),
        Registration::Unknown => {
            not_ready("the modem sees no network", "Check the antenna and its plug, and move the modem to a window.")
        }
    }
}

/// What the causes mean with which a network refuses (3GPP TS 24.008 §10.5.3.6, 24.301 §9.9.3.9).
pub(super) fn of_refusal_cause(cause: u32) -> Option<String> {
    let means = match cause {
        2 => "it does not know this SIM",
        3 => "it does not accept this SIM",
        5 | 6 => "it has blocked this modem",
        7 | 14 => "it does not serve this SIM for data",
        8 => "it serves this SIM neither for calls and messages nor for data",
        11 => "this SIM has no contract with it",
        12 | 13 | 15 => "this SIM has no contract with it here",
        17 | 22 => "it is out of order or congested",
        _ => return None,
    };
    Some(format!("{means} (cause {cause})"))
}

/// What `+CPIN?` says; `None` when the card is ready.
pub(super) fn of_card(state: &str) -> Option<State> {
    Some(match state {
        "READY" => return None,
        "SIM PIN" => locked(&Locked::NoPin(NoPin::NotConfigured)),
        "SIM PUK" => asks_for_puk(),
        "SIM PIN2" | "SIM PUK2" => not_ready(
            format!("the SIM asks for its second code ({state})"),
            "Put the SIM into a phone and turn its list of fixed numbers off.",
        ),
        other if other.starts_with("PH-") => locked_modem(),
        "NOT READY" | "NOT INSERTED" | "" => no_card(),
        _ => not_ready("the SIM is not ready", "Put the SIM into a phone and see what it asks for there."),
    })
}

fn asks_for_puk() -> State {
    not_ready(
        "the SIM is locked and asks for its PUK",
        "Put the SIM into a phone and enter the PUK that the operator gave with the card.",
    )
}

fn locked_modem() -> State {
    not_ready(
        "the modem is locked to another SIM or network",
        "Use a SIM of the operator that sold the modem, or have the modem unlocked.",
    )
}

/// Why a card that asks for its PIN is not given one.
#[derive(Debug)]
pub(super) enum Locked {
    /// There is none.
    NoPin(NoPin),
    /// It was given this one, and did not become ready.
    Tried,
    /// So few tries are left.
    FewTries(u8),
    /// Nothing tells how many are left.
    Uncounted,
    /// Neither the card nor the modem tells its number.
    Nameless,
    /// What was tried cannot be looked up or written down.
    Book(BookError),
}

const IN_A_PHONE: &str = "Put the SIM into a phone and turn its PIN off.";

/// The card asks for its PIN and is not given one.
pub(super) fn locked(why: &Locked) -> State {
    let asks = "the SIM asks for its PIN";
    match why {
        Locked::NoPin(NoPin::NotConfigured) => not_ready(
            asks,
            "Write the PIN into a file and name the file as `pin-file` of this modem, or put the SIM into a phone and turn its PIN off.",
        ),
        Locked::NoPin(why) => not_ready(
            format!("{asks}, and {why}"),
            "Write the PIN, 4 to 8 digits, into that file so that the daemon can read it.",
        ),
        Locked::Tried => not_ready(
            format!("{asks}, and the configured one was tried once and did not unlock it"),
            "Enter the right PIN in a phone and write it into the PIN file, or turn the PIN off there; the same one is never tried again.",
        ),
        Locked::FewTries(0) => asks_for_puk(),
        Locked::FewTries(left) => not_ready(
            format!("{asks}, and only {left} of 3 tries are left, so it is not given one"),
            "Put the SIM into a phone and enter its PIN there, which gives all tries back.",
        ),
        Locked::Uncounted => not_ready(
            format!("{asks}, and the modem does not tell how many tries are left, so it is not given one"),
            IN_A_PHONE,
        ),
        Locked::Nameless => not_ready(
            format!("{asks}, and neither the SIM nor the modem tells its number, so it is not given one"),
            IN_A_PHONE,
        ),
        Locked::Book(error) => not_ready(
            format!("{asks}, and what was tried before cannot be known: {error}"),
            "Make sure that the daemon can read and write that file; remove it if it is damaged and the configured PIN is surely right.",
        ),
    }
}

fn no_card() -> State {
    not_ready("no SIM is in the modem", "Push the SIM in until it clicks; if it is in, check the modem's power supply.")
}

/// What it means that `+CPIN?` was not answered.
pub(super) fn of_card_error(error: CommandError) -> State {
    match error {
        CommandError::Refused(Refusal::Cme(Some(10)) | Refusal::Cms(Some(310))) => no_card(),
        CommandError::Refused(Refusal::Cme(Some(12)) | Refusal::Cms(Some(316))) => asks_for_puk(),
        CommandError::Refused(Refusal::Cme(Some(5..=7 | 40..=48)) | Refusal::Cms(Some(312))) => locked_modem(),
        CommandError::Refused(Refusal::Cme(Some(14)) | Refusal::Cms(Some(314))) => not_ready(
            "the SIM is busy with itself",
            "Wait a minute; if it goes on, take the SIM out and put it back in.",
        ),
        CommandError::Refused(Refusal::Cme(Some(15)) | Refusal::Cms(Some(315))) => {
            not_ready("the SIM is not one that this modem can use", "Use another SIM.")
        }
        CommandError::Refused(refusal) => not_ready(
            format!("the SIM cannot be read ({refusal}): {}", refusal.meaning()),
            "Take the SIM out and put it back in; then try it in a phone.",
        ),
        CommandError::TimedOut => {
            not_ready("the modem does not tell about its SIM", "Unplug the modem and plug it in again.")
        }
    }
}

/// Whether this answer to `+CPIN?` says that there is a card, and it or the modem's way to it fails. `was_read` is whether
/// there was one: some modems say `ERROR` of an empty slot.
pub(super) fn is_failing_card(error: CommandError, was_read: bool) -> bool {
    match error {
        CommandError::Refused(Refusal::Cme(Some(code))) => matches!(code, 13 | 14) || (code == 100 && was_read),
        CommandError::Refused(Refusal::Cms(Some(code))) => matches!(code, 313 | 314) || (code == 500 && was_read),
        CommandError::Refused(_) => was_read,
        CommandError::TimedOut => false,
    }
}

/// The card is ready, but tells neither of its numbers.
pub(super) fn nameless_card() -> State {
    not_ready("the SIM does not tell its number", "Take the SIM out and put it back in; then try another SIM.")
}

/// The modem does not take messages as PDUs.
pub(super) fn no_messages(error: CommandError) -> State {
    not_ready(
        format!("the modem does not accept text messages ({error})"),
        "Some modems are sold without SMS; compare its exact model with the list in hardware.md.",
    )
}

/// The modem is left because of this, and is being brought back.
pub(super) fn out_of_order(end: &End) -> State {
    let advice = match end {
        End::Noise => "Check that `baud` is the modem's speed and that this port is its AT port.",
        End::Mute => "It is being restarted; if it goes on, try its SIM in a phone.",
        _ => "It is being restarted; if it goes on, unplug the modem and plug it in again.",
    };
    not_ready(format!("{end}; the modem is being brought back"), advice)
}

/// The modem has lost what it was told, and is told again.
pub(super) fn started_anew() -> State {
    not_ready(
        "the modem has started anew by itself and is being set up",
        "Wait a few seconds; if it goes on, check the modem's power supply and cable.",
    )
}

/// The modem answers, but sends nothing, and everything has been tried.
pub(super) fn mute() -> State {
    not_ready(
        "the modem answers, but messages do not go out, and is left alone for a while",
        "Try its SIM in a phone; if messages go out there, use another modem or its newest firmware.",
    )
}

/// Somebody calls the modem.
pub(super) fn in_a_call() -> Concern {
    concern("somebody is calling the modem", "Wait until the call is over; do not give this number to people.")
}

const POWER: &str = "Use a powered USB hub with a supply of its own, and a short cable.";

/// The modem was lost several times in the middle of a message.
pub(super) fn weak_power() -> State {
    not_ready("the modem goes away while it sends, which looks like too weak a power supply", POWER)
}

/// The modem is left alone because it came and went so often.
pub(super) fn flapping(times: usize, rest: Duration, power: bool) -> State {
    let minutes = rest.as_secs() / 60;
    let looks = if power { ", which looks like too weak a power supply" } else { "" };
    not_ready(
        format!("the modem rests for {minutes} min because it came and went {times} times in 10 minutes{looks}"),
        if power { POWER } else { "Check the modem's plug, cable and power supply." },
    )
}

/// The modem did not answer and is being woken.
pub(super) fn silent() -> State {
    not_ready(
        "the modem did not answer in time and is being woken",
        "Wait a minute; if it goes on, unplug the modem and plug it in again.",
    )
}

/// Nothing more can come in.
pub(super) fn full_storage(storage: &str) -> Concern {
    concern(
        format!("the modem's storage {storage} is full, so no status report can come in"),
        "It is being emptied; if this stays, put the SIM into a phone and delete its messages.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(circuit: u32, eps: u32) -> Registration {
        let mut statuses = Statuses::default();
        statuses.set(Domain::Circuit, circuit);
        statuses.set(Domain::Eps, eps);
        statuses.registration()
    }

    #[test]
    fn registered_is_what_can_carry_messages() {
        for home in [1, 6, 9] {
            assert_eq!(statuses(home, 0), Registration::Home, "{home}");
        }
        for roaming in [5, 7, 10] {
            assert_eq!(statuses(roaming, 0), Registration::Roaming, "{roaming}");
        }
        assert_eq!(statuses(0, 1), Registration::Home);
        assert_eq!(statuses(2, 5), Registration::Roaming);
        // 11 was seen on a modem that has no messages at all.
        for other in [0, 2, 3, 4, 8, 11] {
            assert!(!statuses(other, 4).is_registered(), "{other}");
        }
        assert_eq!(statuses(2, 3), Registration::Denied);
        assert_eq!(statuses(0, 2), Registration::Searching);
    }

    #[test]
    fn packet_data_alone_is_not_enough() {
        let mut statuses = Statuses::default();
        statuses.set(Domain::Circuit, 3);
        statuses.set(Domain::Packet, 5);
        assert_eq!(statuses.registration(), Registration::Denied);
    }

    #[test]
    fn every_reason_comes_with_advice() {
        let errors = [Refusal::Cme(Some(10)), Refusal::Cme(Some(13)), Refusal::Error];
        let states = ["SIM PIN", "SIM PUK", "PH-NET PIN", "NOT READY", "SIM PIN2", "?"]
            .into_iter()
            .filter_map(of_card)
            .chain(errors.into_iter().map(|refusal| of_card_error(CommandError::Refused(refusal))))
            .chain([silent(), nameless_card(), no_messages(CommandError::TimedOut)]);
        for state in states {
            let State::NotReady { reason, advice } = &state else { panic!("{state:?}") };
            assert!(!reason.is_empty() && advice.ends_with('.'), "{state:?}");
        }
        for Concern { reason, advice } in [full_storage("SM"), in_a_call()] {
            assert!(!reason.is_empty() && advice.ends_with('.'), "{reason}");
        }
        assert_eq!(of_card("READY"), None);
    }
}
