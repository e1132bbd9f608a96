//! Final results that are not `OK`: what they say, and whose trouble it is.
//!
//! The numbers of `+CMS ERROR` are the network's causes up to 127 (3GPP TS 24.011 table 8.4), the service centre's from
//! 128 to 255 (3GPP TS 23.040 §9.2.3.22), and the modem's from 300 (3GPP TS 27.005 §3.2.5); those of `+CME ERROR` are in
//! 3GPP TS 27.007 §9.2. From 512 on, and in the gaps below, every maker has a list of its own ([`Codes`]); without the
//! maker those numbers say nothing.

use std::fmt;

use crate::message::FailureClass::{self, Card, Message, Modem, Network, Recipient, Sim, Unknown};

/// Why a modem did not do as it was told. It prints as the modem said it, with the number in place of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// `+CMS ERROR: <n>`; `None` when there was no number, nor a text that stands for one.
    Cms(Option<u16>),
    /// `+CME ERROR: <n>`, likewise.
    Cme(Option<u16>),
    /// `ERROR`.
    Error,
    /// Another word that ends a command, for instance `COMMAND NOT SUPPORT`.
    Word(&'static str),
}

/// One number, or all from the first to the last; whose trouble it is, and what it means in a few plain words.
pub type Code = (u16, u16, FailureClass, &'static str);

/// A maker's own numbers, in rising order. They go before the standard's.
#[derive(Debug, Default)]
pub struct Codes {
    /// Those of `+CMS ERROR`.
    pub cms: &'static [Code],
    /// Those of `+CME ERROR`.
    pub cme: &'static [Code],
    /// Those of `+CMS ERROR` after which the message may have been sent all the same: a timer that ran out.
    pub doubtful: &'static [u16],
}

impl Codes {
    /// None.
    pub const NONE: &'static Self = &Self { cms: &[], cme: &[], doubtful: &[] };
}

impl Refusal {
    /// Reads what stands behind `+CMS ERROR:`.
    pub(super) fn cms(code: &str) -> Self {
        Self::Cms(number(code, CMS_TEXTS))
    }

    /// Reads what stands behind `+CME ERROR:`.
    pub(super) fn cme(code: &str) -> Self {
        Self::Cme(number(code, CME_TEXTS))
    }

    /// Whose trouble it is, and what it means in a few plain words, from a modem whose maker has these numbers.
    #[must_use]
    pub fn read(self, codes: &Codes) -> (FailureClass, &'static str) {
        let (code, own, standard) = match self {
            Self::Cms(Some(code)) => (code, codes.cms, CMS),
            Self::Cme(Some(code)) => (code, codes.cme, CME),
            _ => return NO_REASON,
        };
        let known = own.iter().chain(standard).find(|(first, last, ..)| (*first..=*last).contains(&code));
        known.map_or(NO_REASON, |(.., class, meaning)| (*class, *meaning))
    }

    /// What it means by the standard alone, in a few plain words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.read(Codes::NONE).1
    }

    /// Whether the modem says it of itself or of its card, and so of every message: the network was not asked.
    #[must_use]
    pub fn is_of_modem(self) -> bool {
        matches!(self, Self::Cms(Some(300..=349)) | Self::Cme(None | Some(0..=55)))
    }

    /// Whether a message refused with this after its PDU was handed over may have been sent all the same.
    ///
    /// The network's own causes are a clear no. A network time-out is not: the request was on the air, only the
    /// answer is missing. Nor is what a modem says when it does not know, since that may be a time-out as well.
    #[must_use]
    pub fn leaves_doubt(self, codes: &Codes) -> bool {
        match self {
            Self::Cms(Some(332)) | Self::Cme(Some(31)) => true,
            // SIMCom's words for a connection or a timer that broke under way.
            Self::Cms(Some(224..=226)) => true,
            Self::Cms(Some(1..=127 | 128..=255 | 302)) => false,
            Self::Cms(Some(code)) if codes.doubtful.contains(&code) => true,
            other => other.read(codes).0 == Unknown,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cms(Some(code)) => write!(f, "+CMS ERROR: {code}"),
            Self::Cms(None) => f.write_str("+CMS ERROR"),
            Self::Cme(Some(code)) => write!(f, "+CME ERROR: {code}"),
            Self::Cme(None) => f.write_str("+CME ERROR"),
            Self::Error => f.write_str("ERROR"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// A number, or a text compared whole, since makers' texts begin alike.
fn number(code: &str, texts: &[(&str, u16)]) -> Option<u16> {
    code.parse().ok().or_else(|| texts.iter().find(|(text, _)| text.eq_ignore_ascii_case(code)).map(|(_, code)| *code))
}

const NO_REASON: (FailureClass, &str) = (Unknown, "the modem gave no reason that can be told");

/// Vendors' lists disagree on numbers 3 to 63 outside the causes for messages; there the milder reading is taken.
const CMS: &[Code] = &[
    (1, 1, Recipient, "the number is not assigned"),
    (3, 3, Recipient, "there is no route to the number"),
    (6, 6, Network, "no radio channel was free"),
    (8, 8, Sim, "the operator has barred this SIM from sending; look at its credit and contract"),
    (10, 10, Sim, "sending is barred for this SIM"),
    (17, 17, Network, "the network failed"),
    (21, 21, Unknown, "the network rejected the message without a reason; often the SIM is out of credit"),
    (22, 22, Modem, "the memory for messages is full"),
    (27, 27, Network, "the handset cannot be reached"),
    (28, 28, Recipient, "the number is not known in its network"),
    (29, 29, Sim, "the network does not let this SIM send"),
    // By the standard the sender is not known; some networks say it of the recipient, and one bad number must not take
    // a good SIM out of service.
    (30, 30, Recipient, "the network does not know the subscriber"),
    (34, 34, Network, "no radio channel was free"),
    (
        38,
        38,
        Network,
        "the network is out of order; if it stays so, check the service centre number and the SIM's credit",
    ),
    (41, 41, Network, "the network has a passing fault"),
    (42, 42, Network, "the network is congested"),
    (44, 44, Network, "no radio channel was free"),
    (47, 47, Network, "the network has no resources left"),
    (50, 50, Sim, "sending messages is not part of this SIM's contract"),
    (55, 55, Sim, "this SIM's contract does not allow it"),
    (57, 57, Sim, "this SIM is not authorised to send"),
    (58, 58, Network, "the network cannot do it at present"),
    (69, 69, Sim, "the network does not carry messages on this kind of access, or the service centre number is wrong"),
    (81, 81, Modem, "the modem lost track of the transfer"),
    (95, 99, Message, "the network did not understand the message"),
    (100, 102, Network, "the network's protocol stumbled"),
    (111, 111, Network, "the network's protocol stumbled"),
    (127, 127, Unknown, "the other network rejected the message without a reason"),
    (128, 130, Message, "the service centre does not support this kind of message"),
    (143, 145, Message, "the service centre does not accept this kind of message or alphabet"),
    (159, 161, Message, "the service centre does not accept the message's alphabet or command"),
    (175, 176, Message, "the service centre does not accept this kind of message"),
    (192, 192, Network, "the service centre is busy"),
    (193, 193, Sim, "this SIM has no contract with the service centre"),
    (194, 194, Network, "the service centre failed"),
    (195, 195, Recipient, "the service centre does not accept the number"),
    (196, 196, Recipient, "the service centre bars the number"),
    (197, 197, Message, "the service centre has this message already"),
    (198, 199, Message, "the service centre does not support a validity period"),
    (208, 208, Modem, "the SIM's memory is full"),
    (209, 209, Modem, "the SIM has no memory for messages"),
    (210, 210, Modem, "the modem failed"),
    (211, 211, Modem, "the modem's memory is full"),
    (212, 213, Modem, "the SIM's own program is busy or failed"),
    (224, 226, Network, "the connection to the network broke"),
    (300, 300, Modem, "the modem failed"),
    (301, 301, Modem, "the modem's message service is taken by something else"),
    (302, 302, Unknown, "the modem does not allow it now; it may be in flight mode or not registered"),
    (303, 303, Message, "the modem does not support it"),
    (304, 304, Message, "the modem does not accept the PDU"),
    (305, 305, Message, "the modem does not accept the text"),
    (310, 310, Card, "no SIM is inserted; with a weak power supply it can look the same"),
    (311, 311, Card, "the SIM asks for its PIN"),
    (312, 312, Card, "the modem is locked to another SIM or network"),
    (313, 313, Card, "the SIM failed"),
    (314, 314, Modem, "the SIM is busy"),
    (315, 315, Card, "the SIM is the wrong one"),
    (316, 316, Card, "the SIM asks for its PUK"),
    (317, 318, Card, "the SIM asks for its PIN2 or PUK2"),
    (320, 320, Modem, "the memory failed"),
    (321, 321, Message, "there is no message in this place"),
    (322, 322, Modem, "the memory is full"),
    (323, 325, Message, "the modem does not accept the input"),
    (330, 330, Card, "the SIM holds no service centre number; ask the operator for it and set it as service-centre"),
    (331, 331, Network, "there is no network"),
    (332, 332, Network, "the network did not answer in time"),
    (340, 340, Unknown, "no acknowledgement was expected"),
    (500, 500, Unknown, "the modem does not know; often the network does not carry messages on this kind of access"),
];

const CME: &[Code] = &[
    (0, 2, Modem, "the modem failed"),
    (3, 3, Unknown, "the modem does not allow it now; it may be in flight mode or its SIM not ready"),
    (4, 4, Unknown, "the modem does not support it"),
    (5, 7, Card, "the modem is locked to another SIM"),
    (10, 10, Card, "no SIM is inserted; with a weak power supply it can look the same"),
    (11, 11, Card, "the SIM asks for its PIN"),
    (12, 12, Card, "the SIM asks for its PUK"),
    (13, 13, Modem, "the SIM failed"),
    (14, 14, Modem, "the SIM is busy"),
    (15, 15, Card, "the SIM is the wrong one"),
    (16, 16, Card, "the password is wrong"),
    (17, 18, Card, "the SIM asks for its PIN2 or PUK2"),
    (20, 20, Modem, "the memory is full"),
    (21, 21, Message, "there is nothing in this place"),
    (23, 23, Modem, "the memory failed"),
    (24, 27, Message, "the modem does not accept the text"),
    (30, 30, Network, "there is no network"),
    (31, 31, Network, "the network did not answer in time"),
    (32, 32, Card, "the network allows emergency calls only"),
    (40, 48, Card, "the modem is locked to another network"),
    (50, 50, Message, "the modem does not accept the parameters"),
    (51, 52, Modem, "the modem broke the command off"),
    (53, 55, Network, "the modem is not attached to the network"),
    (56, 56, Sim, "the SIM allows its fixed numbers only"),
    (57, 57, Modem, "the modem is out of service"),
    (58, 59, Message, "the modem does not accept the data"),
    (60, 60, Modem, "the modem failed"),
    (61, 61, Message, "the modem misses data"),
    (62, 62, Sim, "the call is barred"),
    (102, 108, Sim, "the network does not accept this SIM or this modem"),
    (109, 110, Network, "the network has detached the modem"),
    (111, 113, Sim, "the network does not accept this SIM here"),
    (114, 114, Sim, "the network does not accept this SIM"),
    (115, 115, Network, "there is no suitable cell"),
    (116, 119, Network, "the network failed"),
    (122, 122, Network, "the network is congested"),
    (125, 126, Network, "the network has no resources left"),
    (177, 177, Sim, "the operator has barred this SIM"),
    (183, 183, Network, "the network carries messages over packet data here"),
    (210, 233, Network, "the network failed"),
];

/// The texts of 3GPP TS 27.005 §3.2.5, which a modem prints when other software left it in that mode, and one of SIMCom.
const CMS_TEXTS: &[(&str, u16)] = &[
    ("ME failure", 300),
    ("SMS service of ME reserved", 301),
    ("Operation not allowed", 302),
    ("Operation not supported", 303),
    ("Invalid PDU mode parameter", 304),
    ("SMS size more than expected", 304),
    ("Invalid text mode parameter", 305),
    ("SIM not inserted", 310),
    ("(U)SIM not inserted", 310),
    ("SIM PIN required", 311),
    ("PH-SIM PIN required", 312),
    ("SIM failure", 313),
    ("SIM busy", 314),
    ("SIM wrong", 315),
    ("SIM PUK required", 316),
    ("SIM PIN2 required", 317),
    ("SIM PUK2 required", 318),
    ("Memory failure", 320),
    ("Invalid memory index", 321),
    ("Memory full", 322),
    ("SMSC address unknown", 330),
    ("No network service", 331),
    ("No network", 331),
    ("Network timeout", 332),
    ("No +CNMA acknowledgement expected", 340),
    ("Unknown error", 500),
];

/// The texts of 3GPP TS 27.007 §9.2.
const CME_TEXTS: &[(&str, u16)] = &[
    ("Phone failure", 0),
    ("Operation not allowed", 3),
    ("Operation not supported", 4),
    ("PH-SIM PIN required", 5),
    ("SIM not inserted", 10),
    ("SIM PIN required", 11),
    ("SIM PUK required", 12),
    ("SIM failure", 13),
    ("SIM busy", 14),
    ("SIM wrong", 15),
    ("Incorrect password", 16),
    ("SIM PIN2 required", 17),
    ("SIM PUK2 required", 18),
    ("Memory full", 20),
    ("Invalid index", 21),
    ("Not found", 22),
    ("Memory failure", 23),
    ("No network service", 30),
    ("Network timeout", 31),
    ("Network not allowed - emergency calls only", 32),
    ("Incorrect parameters", 50),
    ("Unknown", 100),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// By the standard alone.
    fn class(refusal: Refusal) -> FailureClass {
        refusal.read(Codes::NONE).0
    }

    #[test]
    fn every_number_keeps_itself_and_has_its_class() {
        let cases = [
            (1, Recipient),
            (8, Sim),
            (21, Unknown),
            (38, Network),
            (69, Sim),
            (96, Message),
            (111, Network),
            (192, Network),
            (197, Message),
            (255, Unknown),
            (304, Message),
            (311, Card),
            (314, Modem),
            (331, Network),
            (500, Unknown),
            (65535, Unknown),
        ];
        for (code, expected) in cases {
            let refusal = Refusal::cms(&code.to_string());
            assert_eq!((refusal, class(refusal)), (Refusal::Cms(Some(code)), expected), "{code}");
        }
        assert_eq!(class(Refusal::cme("10")), Card);
        assert_eq!(class(Refusal::cme("30")), Network);
        assert_eq!(class(Refusal::Error), Unknown);
    }

    #[test]
    fn without_the_maker_the_makers_own_codes_say_nothing() {
        for code in (256..300).chain(350..374).chain(501..1000) {
            assert_eq!(class(Refusal::Cms(Some(code))), Unknown, "{code}");
        }
    }

    #[test]
    fn texts_are_compared_whole_and_without_case() {
        assert_eq!(Refusal::cms("sim NOT inserted"), Refusal::Cms(Some(310)));
        assert_eq!(Refusal::cms("SIM not inserted!"), Refusal::Cms(None));
        assert_eq!(Refusal::cme("SIM PIN"), Refusal::Cme(None));
        assert_eq!(Refusal::cms(""), Refusal::Cms(None));
        assert_eq!(Refusal::cms("99999"), Refusal::Cms(None));
    }

    #[test]
    fn only_a_refusal_that_tells_nothing_leaves_doubt() {
        for sure in [1, 8, 21, 38, 96, 127, 192, 255, 302, 304, 310, 331] {
            assert!(!Refusal::Cms(Some(sure)).leaves_doubt(Codes::NONE), "{sure}");
        }
        for doubt in [0, 225, 332, 340, 500, 513, 604] {
            assert!(Refusal::Cms(Some(doubt)).leaves_doubt(Codes::NONE), "{doubt}");
        }
        for refusal in [Refusal::Cms(None), Refusal::Cme(Some(31)), Refusal::Error, Refusal::Word("NA")] {
            assert!(refusal.leaves_doubt(Codes::NONE), "{refusal}");
        }
    }

    #[test]
    fn no_number_stands_in_a_table_twice() {
        for table in [CMS, CME] {
            for pair in table.windows(2) {
                assert!(pair[0].0 <= pair[0].1 && pair[0].1 < pair[1].0, "{pair:?}");
            }
        }
    }
}
