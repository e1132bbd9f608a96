//! TP-Data-Coding-Scheme: the alphabet and class of a message (3GPP TS 23.040 §9.2.3.10, TS 23.038 §4).

/// What the user data is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alphabet {
    /// The GSM 7-bit default alphabet.
    Gsm7,
    /// Octets that are not text, or that are compressed.
    Data,
    /// Sixteen-bit units, read as UTF-16.
    Ucs2,
}

/// What a handset does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageClass {
    /// Shown at once, not stored.
    Class0,
    /// For the handset's memory.
    Class1,
    /// For the SIM.
    Class2,
    /// For terminal equipment on the handset.
    Class3,
}

/// What waits for the recipient elsewhere, of the message-waiting groups (TS 23.038 §4, groups 1100 to 1110).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageWaiting {
    /// Whether something waits; otherwise the indication is to be cleared.
    pub active: bool,
    /// What waits.
    pub indication: Indication,
    /// Whether the message itself is to be kept.
    pub store: bool,
}

/// What waits for the recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Indication {
    /// A voice mail.
    Voicemail,
    /// A fax.
    Fax,
    /// An electronic mail.
    Email,
    /// Something else.
    Other,
}

/// A TP-DCS octet. Every value has a meaning: what is reserved is read as the GSM 7-bit default alphabet, as
/// TS 23.038 §4 asks of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DataCoding(u8);

impl DataCoding {
    /// The coding for this alphabet and class, of the general group (00xx).
    #[must_use]
    pub const fn new(alphabet: Alphabet, class: Option<MessageClass>) -> Self {
        let alphabet = match alphabet {
            Alphabet::Gsm7 => 0x00,
            Alphabet::Data => 0x04,
            Alphabet::Ucs2 => 0x08,
        };
        let class = match class {
            None => 0x00,
            Some(class) => 0x10 | class as u8,
        };
        Self(alphabet | class)
    }

    /// The coding that this octet stands for.
    #[must_use]
    pub const fn from_octet(octet: u8) -> Self {
        Self(octet)
    }

    /// The octet in the PDU.
    #[must_use]
    pub const fn octet(self) -> u8 {
        self.0
    }

    /// What the user data is written in. Compressed text counts as data: nothing here unpacks it.
    #[must_use]
    pub const fn alphabet(self) -> Alphabet {
        match (self.0 >> 4, self.0 & 0x0C) {
            _ if self.compressed() => Alphabet::Data,
            (0x0..=0x7, 0x04) | (0xF, 0x04 | 0x0C) => Alphabet::Data,
            (0x0..=0x7, 0x08) | (0xE, _) => Alphabet::Ucs2,
            _ => Alphabet::Gsm7,
        }
    }

    /// The class, where one is given.
    #[must_use]
    pub const fn class(self) -> Option<MessageClass> {
        match (self.0 >> 4, self.0 & 0x03) {
            (0x1 | 0x3 | 0x5 | 0x7 | 0xF, 0) => Some(MessageClass::Class0),
            (0x1 | 0x3 | 0x5 | 0x7 | 0xF, 1) => Some(MessageClass::Class1),
            (0x1 | 0x3 | 0x5 | 0x7 | 0xF, 2) => Some(MessageClass::Class2),
            (0x1 | 0x3 | 0x5 | 0x7 | 0xF, _) => Some(MessageClass::Class3),
            _ => None,
        }
    }

    /// Whether the text is compressed (TS 23.042).
    #[must_use]
    pub const fn compressed(self) -> bool {
        matches!(self.0 >> 4, 0x2 | 0x3 | 0x6 | 0x7)
    }

    /// Whether the handset is to delete the message once it has been read (group 01xx).
    #[must_use]
    pub const fn automatic_deletion(self) -> bool {
        matches!(self.0 >> 4, 0x4..=0x7)
    }

    /// What waits for the recipient, where the octet is of a message-waiting group.
    #[must_use]
    pub const fn waiting(self) -> Option<MessageWaiting> {
        let store = match self.0 >> 4 {
            0xC => false,
            0xD | 0xE => true,
            _ => return None,
        };
        let indication = match self.0 & 0x03 {
            0 => Indication::Voicemail,
            1 => Indication::Fax,
            2 => Indication::Email,
            _ => Indication::Other,
        };
        Some(MessageWaiting { active: self.0 & 0x08 != 0, indication, store })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_says_its_alphabet_and_class() {
        use Alphabet::{Data, Gsm7, Ucs2};
        use MessageClass::{Class0, Class1, Class2, Class3};
        let cases = [
            (0x00, Gsm7, None),
            (0x03, Gsm7, None),
            (0x04, Data, None),
            (0x08, Ucs2, None),
            (0x0C, Gsm7, None),
            (0x10, Gsm7, Some(Class0)),
            (0x15, Data, Some(Class1)),
            (0x1A, Ucs2, Some(Class2)),
            (0x13, Gsm7, Some(Class3)),
            (0x20, Data, None),
            (0x38, Data, Some(Class0)),
            (0x40, Gsm7, None),
            (0x44, Data, None),
            (0x58, Ucs2, Some(Class0)),
            (0x60, Data, None),
            (0x80, Gsm7, None),
            (0xB8, Gsm7, None),
            (0xC8, Gsm7, None),
            (0xD8, Gsm7, None),
            (0xE8, Ucs2, None),
            (0xF0, Gsm7, Some(Class0)),
            (0xF1, Gsm7, Some(Class1)),
            (0xF4, Data, Some(Class0)),
            (0xF6, Data, Some(Class2)),
            (0xFB, Gsm7, Some(Class3)),
            (0xFF, Data, Some(Class3)),
        ];
        for (octet, alphabet, class) in cases {
            let coding = DataCoding::from_octet(octet);
            assert_eq!((coding.alphabet(), coding.class()), (alphabet, class), "{octet:#04x}");
            assert_eq!(coding.octet(), octet);
        }
    }

    #[test]
    fn a_coding_says_what_it_was_made_of() {
        use MessageClass::{Class0, Class1, Class2, Class3};
        for alphabet in [Alphabet::Gsm7, Alphabet::Data, Alphabet::Ucs2] {
            for class in [None, Some(Class0), Some(Class1), Some(Class2), Some(Class3)] {
                let coding = DataCoding::new(alphabet, class);
                assert_eq!((coding.alphabet(), coding.class()), (alphabet, class));
                assert!(!coding.compressed() && !coding.automatic_deletion() && coding.waiting().is_none());
            }
        }
    }

    #[test]
    fn message_waiting_groups_say_what_waits() {
        let waiting = |octet| DataCoding::from_octet(octet).waiting();
        let voicemail = MessageWaiting { active: true, indication: Indication::Voicemail, store: false };
        assert_eq!(waiting(0xC8), Some(voicemail));
        assert_eq!(waiting(0xD0), Some(MessageWaiting { active: false, store: true, ..voicemail }));
        assert_eq!(waiting(0xEA), Some(MessageWaiting { indication: Indication::Email, store: true, ..voicemail }));
        assert_eq!(waiting(0xF8), None);
    }

    #[test]
    fn automatic_deletion_is_of_the_second_group_alone() {
        let marked = (0..=255).filter(|octet| DataCoding::from_octet(*octet).automatic_deletion());
        assert!(marked.eq(0x40..=0x7F));
    }
}
