//! What can be asked of a modem: the line, how long the answer may take, and what it looks like.
//!
//! A modem lets itself be interrupted only in commands whose description says so (ITU-T V.250 §5.6.1). None of these is
//! one; sending is, until its Ctrl-Z ([`Session::handle_abandon`](super::Session::handle_abandon)).

use std::fmt;
use std::time::Duration;

use super::answer::Answer;
use super::payload::Payload;
use super::tries::Counter;
use crate::phone::PhoneNumber;
use crate::phone::UssdCode;

/// The longest answers to ordinary commands: 300 ms by the makers' word, but up to 3 s while a modem is busy talking.
const ORDINARY: Duration = Duration::from_secs(5);
/// What reads the card, which may be busy with itself after its PIN.
const CARD: Duration = Duration::from_secs(20);
/// A search for networks.
const SEARCH: Duration = Duration::from_secs(180);
/// A whole storage, printed by the slowest modem known.
const LISTING: Duration = Duration::from_secs(120);

/// One command other than sending a message. It prints as its name alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    name: &'static str,
    line: String,
    answer: Answer,
    timeout: Duration,
}

/// The ways of asking a card for its number; every maker has one or two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardNumber {
    /// `AT+CCID`: SIMCom, u-blox, Telit and many more.
    Ccid,
    /// `AT+ICCID`: later SIMCom.
    Iccid,
    /// `AT^ICCID?`: Huawei.
    Huawei,
    /// `AT+QCCID`: Quectel.
    Quectel,
    /// `AT+CICCID`, which answers `+ICCID`: SIMCom for LTE.
    Simcom,
    /// `AT!ICCID?`: Sierra Wireless.
    Sierra,
    /// `AT#CCID`: Telit.
    Telit,
    /// `AT^SCID`: Cinterion.
    Cinterion,
}

impl CardNumber {
    /// Those that modems of more than one maker have, the commonest first.
    pub const ALL: [Self; 4] = [Self::Ccid, Self::Quectel, Self::Iccid, Self::Huawei];

    /// This way, then the common ones.
    pub fn in_order(self) -> impl Iterator<Item = Self> {
        let common = Self::ALL.into_iter().filter(move |way| *way != self);
        std::iter::once(self).chain(common)
    }
}

/// Which of the network's registrations is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Domain {
    /// `+CREG`: circuit switched, over which messages go in 2G and 3G, and in LTE by way of SGs.
    Circuit,
    /// `+CGREG`: packet switched in 2G and 3G.
    Packet,
    /// `+CEREG`: LTE.
    Eps,
}

impl Domain {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Circuit, Self::Packet, Self::Eps];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Circuit => "+CREG",
            Self::Packet => "+CGREG",
            Self::Eps => "+CEREG",
        }
    }

    pub(super) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|domain| domain.name() == name)
    }
}

/// Where messages and reports are to go as they come in: `AT+CNMI=<mode>,<mt>,<bm>,<ds>,<bfr>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewMessages {
    /// When the modem may speak: 1 and 2 whenever the line is free.
    pub mode: u32,
    /// Messages: 1 stores and tells where (`+CMTI`).
    pub mt: u32,
    /// Cell broadcasts: 0 keeps them away.
    pub bm: u32,
    /// Status reports: 1 prints them (`+CDS`), 2 stores them and tells where (`+CDSI`), 0 drops them.
    pub ds: u32,
    /// What waited before: 0 prints it, 1 throws it away.
    pub bfr: u32,
}

impl Command {
    fn new(name: &'static str, arguments: &str, answer: Answer, timeout: Duration) -> Self {
        Self { name, line: format!("AT{name}{arguments}"), answer, timeout }
    }

    /// `AT`: are you there?
    #[must_use]
    pub(super) fn attention() -> Self {
        Self::new("", "", Answer::Nothing, Duration::from_secs(3))
    }

    /// `ATE0V1`: no echo, results in words.
    #[must_use]
    pub(super) fn format() -> Self {
        Self { timeout: Duration::from_secs(3), ..Self::new("E0V1", "", Answer::Nothing, ORDINARY) }
    }

    /// `AT+CMEE=1`: errors with their number.
    #[must_use]
    pub fn numeric_errors() -> Self {
        Self::new("+CMEE", "=1", Answer::Nothing, ORDINARY)
    }

    /// `AT+CGMI`: who made it.
    #[must_use]
    pub fn manufacturer() -> Self {
        Self::new("+CGMI", "", Answer::Text("+CGMI"), ORDINARY)
    }

    /// `AT+CGMM`: which model.
    #[must_use]
    pub fn model() -> Self {
        Self::new("+CGMM", "", Answer::Text("+CGMM"), ORDINARY)
    }

    /// `AT+CGMR`: which firmware.
    #[must_use]
    pub fn revision() -> Self {
        Self::new("+CGMR", "", Answer::Text("+CGMR"), ORDINARY)
    }

    /// `AT+CGSN`: its IMEI.
    #[must_use]
    pub fn serial_number() -> Self {
        Self::new("+CGSN", "", Answer::Digits("+CGSN"), ORDINARY)
    }

    /// `AT+CPIN?`: what the card waits for.
    #[must_use]
    pub fn sim_state() -> Self {
        Self::new("+CPIN", "?", Answer::Named("+CPIN"), CARD)
    }

    /// The card's number.
    #[must_use]
    pub fn card_number(way: CardNumber) -> Self {
        match way {
            CardNumber::Ccid => Self::new("+CCID", "", Answer::Digits("+CCID"), CARD),
            CardNumber::Iccid => Self::new("+ICCID", "", Answer::Digits("+ICCID"), CARD),
            CardNumber::Huawei => Self::new("^ICCID", "?", Answer::Digits("^ICCID"), CARD),
            CardNumber::Quectel => Self::new("+QCCID", "", Answer::Digits("+QCCID"), CARD),
            CardNumber::Simcom => Self::new("+CICCID", "", Answer::Digits("+ICCID"), CARD),
            CardNumber::Sierra => Self::new("!ICCID", "?", Answer::Digits("!ICCID"), CARD),
            CardNumber::Telit => Self::new("#CCID", "", Answer::Digits("#CCID"), CARD),
            CardNumber::Cinterion => Self::new("^SCID", "", Answer::Digits("^SCID"), CARD),
        }
    }

    /// How many tries are left for the card's PIN, asked in this way ([`Reply::tries`](super::Reply::tries)).
    #[must_use]
    pub fn tries(way: Counter) -> Self {
        let (name, arguments) = match way {
            Counter::Huawei => ("^CPIN", "?"),
            Counter::Zte => ("+ZPINPUK", "=?"),
            Counter::Quectel => ("+QPINC", "?"),
            Counter::Telit => ("#PCT", ""),
            Counter::Ublox => ("+UPINCNT", ""),
            Counter::Cinterion => ("^SPIC", "=\"SC\""),
            Counter::Simcom => ("+SPIC", ""),
            Counter::Sierra => ("+CPINC", "?"),
            Counter::Standard => ("+CPINR", ""),
            Counter::Csim => ("+CSIM", "=10,\"0020000100\""),
        };
        Self::new(name, arguments, Answer::Named(name), CARD)
    }

    /// `AT+CPIN="…"`: the card's PIN, which is digits alone.
    #[must_use]
    pub fn enter_pin(digits: &str) -> Self {
        Self::new("+CPIN", &format!("=\"{digits}\""), Answer::Nothing, CARD)
    }

    /// `AT+CIMI`: the subscription's number.
    #[must_use]
    pub fn subscriber() -> Self {
        Self::new("+CIMI", "", Answer::Digits("+CIMI"), CARD)
    }

    /// `AT+CMGF=0`: messages as PDUs.
    #[must_use]
    pub fn pdu_mode() -> Self {
        Self::new("+CMGF", "=0", Answer::Nothing, ORDINARY)
    }

    /// `AT+CSMS=1`: what the modem hands out must be acknowledged ([`Command::acknowledge`]).
    #[must_use]
    pub fn acknowledged_service() -> Self {
        Self::new("+CSMS", "=1", Answer::Named("+CSMS"), ORDINARY)
    }

    /// `AT+CSMS=0`: what the modem hands out needs no acknowledgement.
    #[must_use]
    pub fn plain_service() -> Self {
        Self::new("+CSMS", "=0", Answer::Named("+CSMS"), ORDINARY)
    }

    /// `AT+CNMI=?`: where new messages can go.
    #[must_use]
    pub fn new_messages_offer() -> Self {
        Self::new("+CNMI", "=?", Answer::Named("+CNMI"), ORDINARY)
    }

    /// `AT+CNMI=…`: where new messages shall go.
    #[must_use]
    pub fn new_messages(to: NewMessages) -> Self {
        let NewMessages { mode, mt, bm, ds, bfr } = to;
        Self::new("+CNMI", &format!("={mode},{mt},{bm},{ds},{bfr}"), Answer::Nothing, ORDINARY)
    }

    /// `AT+CPMS=?`: which storages there are.
    #[must_use]
    pub fn storages() -> Self {
        Self::new("+CPMS", "=?", Answer::Named("+CPMS"), ORDINARY)
    }

    /// `AT+CPMS="…"`: read and delete in this storage. `None` when the name is not one.
    #[must_use]
    pub fn read_storage(storage: &str) -> Option<Self> {
        // The name comes from the modem; a quote or a line end in it would be another command.
        let plain = storage.len() <= 4 && storage.bytes().all(|octet| octet.is_ascii_alphanumeric());
        plain.then(|| Self::new("+CPMS", &format!("=\"{storage}\""), Answer::Named("+CPMS"), CARD))
    }

    /// `AT+CMMS=2`: keep the link to the network open between messages.
    #[must_use]
    pub fn keep_link() -> Self {
        Self::new("+CMMS", "=2", Answer::Nothing, ORDINARY)
    }

    /// `AT+CSCA?`: the service centre's number.
    #[must_use]
    pub fn service_centre() -> Self {
        Self::new("+CSCA", "?", Answer::Named("+CSCA"), ORDINARY)
    }

    /// `AT+CSCA="…",145`: the service centre's number, with its country.
    #[must_use]
    pub fn set_service_centre(number: &PhoneNumber) -> Self {
        Self::new("+CSCA", &format!("=\"{}\",145", number.e164()), Answer::Nothing, CARD)
    }

    /// `AT+CNUM`: the card's own telephone number.
    #[must_use]
    pub fn own_number() -> Self {
        Self::new("+CNUM", "", Answer::Named("+CNUM"), CARD)
    }

    /// `AT+CREG=<n>` and its like: tell when the registration changes. 2 tells where, 3 also why it was refused.
    #[must_use]
    pub fn watch_registration(domain: Domain, detail: u8) -> Self {
        Self::new(domain.name(), &format!("={detail}"), Answer::Nothing, ORDINARY)
    }

    /// `AT+CEER`: why something was refused last, in the maker's own words.
    #[must_use]
    pub fn last_refusal() -> Self {
        Self::new("+CEER", "", Answer::Text("+CEER"), ORDINARY)
    }

    /// `AT+COPS=0`: look for a network, and choose it yourself.
    #[must_use]
    pub fn choose_network() -> Self {
        Self::new("+COPS", "=0", Answer::Nothing, SEARCH)
    }

    /// `AT+CFUN=1` or `AT+CFUN=4`: the radio on or off.
    #[must_use]
    pub fn radio(on: bool) -> Self {
        Self::new("+CFUN", if on { "=1" } else { "=4" }, Answer::Nothing, CARD)
    }

    /// `AT+CFUN?`: is the radio on?
    #[must_use]
    pub fn functionality() -> Self {
        Self::new("+CFUN", "?", Answer::Named("+CFUN"), ORDINARY)
    }

    /// `AT+CMGF?`: are messages PDUs or texts?
    #[must_use]
    pub fn message_format() -> Self {
        Self::new("+CMGF", "?", Answer::Named("+CMGF"), ORDINARY)
    }

    /// `AT+CREG?` and its like: how does it stand?
    #[must_use]
    pub fn registration(domain: Domain) -> Self {
        Self::new(domain.name(), "?", Answer::Registration(domain.name()), ORDINARY)
    }

    /// `AT+COPS?`: the network's name.
    #[must_use]
    pub fn operator() -> Self {
        Self::new("+COPS", "?", Answer::Named("+COPS"), CARD)
    }

    /// `AT+CSQ`: how strong the network is received.
    #[must_use]
    pub fn signal() -> Self {
        Self::new("+CSQ", "", Answer::Named("+CSQ"), ORDINARY)
    }

    /// `AT+CMGR=…`: the message in this place.
    #[must_use]
    pub fn read_message(index: u32) -> Self {
        Self::new("+CMGR", &format!("={index}"), Answer::Pdu("+CMGR"), CARD)
    }

    /// `AT+CMGL=4`: every message of the storage.
    #[must_use]
    pub fn list_messages() -> Self {
        Self::new("+CMGL", "=4", Answer::Pdu("+CMGL"), LISTING)
    }

    /// `AT+CMGD=…`: delete the message in this place.
    #[must_use]
    pub fn delete_message(index: u32) -> Self {
        Self::new("+CMGD", &format!("={index}"), Answer::Nothing, CARD)
    }

    /// `AT+CUSD=1,"…",15`: asks the network what is dialled.
    #[must_use]
    pub fn ussd(code: &UssdCode) -> Self {
        Self::new("+CUSD", &format!("=1,\"{}\",15", code.as_str()), Answer::Nothing, CARD)
    }

    /// The same for modems that want the septets of what is dialled.
    #[must_use]
    pub fn ussd_packed(code: &Payload) -> Self {
        Self::new("+CUSD", &format!("=1,\"{}\",15", code.expose()), Answer::Nothing, CARD)
    }

    /// `AT+CUSD=2`: ends the dialogue with the network.
    #[must_use]
    pub fn end_ussd() -> Self {
        Self::new("+CUSD", "=2", Answer::Nothing, ORDINARY)
    }

    /// `AT+CNMA`: what was handed out has been taken.
    #[must_use]
    pub fn acknowledge() -> Self {
        Self::new("+CNMA", "", Answer::Nothing, ORDINARY)
    }

    /// `AT+CNMA=…`: the same, for modems that want a number with it.
    #[must_use]
    pub fn acknowledge_with(number: u8) -> Self {
        Self::new("+CNMA", &format!("={number}"), Answer::Nothing, ORDINARY)
    }

    /// `AT+CGSMS?`: over which service it sends messages.
    #[must_use]
    pub fn message_service() -> Self {
        Self::new("+CGSMS", "?", Answer::Named("+CGSMS"), ORDINARY)
    }

    /// A question of a modem's family, as it is written, for instance `AT+QCFG="ims"`. The lines of the answer have its
    /// name.
    #[must_use]
    pub fn question(line: &'static str) -> Self {
        Self { answer: Answer::Named(name_in(line)), ..Self::setting(line) }
    }

    /// A setting of a modem's family, as it is written, for instance `AT^CURC=0`. Nothing is expected but its result.
    #[must_use]
    pub fn setting(line: &'static str) -> Self {
        Self { name: name_in(line), line: line.to_owned(), answer: Answer::Nothing, timeout: CARD }
    }

    /// The command's name, for instance `+CSQ`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        if self.name.is_empty() { "AT" } else { self.name }
    }

    /// How long its answer may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The line without its end.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }

    pub(super) fn answer(&self) -> Answer {
        self.answer
    }
}

/// `+QCFG` of `AT+QCFG="ims"`.
fn name_in(line: &'static str) -> &'static str {
    let body = line.strip_prefix("AT").unwrap_or(line);
    body.split(['=', '?']).next().unwrap_or(body)
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storage_named_by_a_modem_cannot_smuggle_a_command_in() {
        assert_eq!(Command::read_storage("SM").map(|c| c.line().to_owned()), Some("AT+CPMS=\"SM\"".to_owned()));
        for name in ["SM\"", "S\rAT", "LONGER", "S,M"] {
            assert_eq!(Command::read_storage(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_command_prints_as_its_name_alone() {
        assert_eq!(format!("{:?}", Command::delete_message(7)), "+CMGD");
        assert_eq!(format!("{:?}", Command::attention()), "AT");
        assert_eq!(format!("{:?}", Command::setting("AT^CURC=0")), "^CURC");
        assert_eq!(format!("{:?}", Command::question("AT+CPMS?")), "+CPMS");
    }
}
