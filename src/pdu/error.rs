//! What can be wrong with a PDU that arrives, and with one that is to be built.

/// Why octets are not the PDU they were taken for. It never carries the octets themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} at octet {octet}: {kind}")]
pub struct DecodeError {
    /// The field, in the specification's words, from the outside in, for instance `user-data.header`.
    pub field: &'static str,
    /// Where the trouble starts, counted from 0 at the first octet of what was decoded.
    pub octet: usize,
    /// What is wrong there.
    pub kind: DecodeErrorKind,
}

/// What is wrong with a field of a PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeErrorKind {
    /// The PDU ends before the field does.
    #[error("the PDU ends before this field does")]
    Truncated,
    /// The field is longer than the specification lets it be.
    #[error("longer than the {limit} that fit")]
    TooLong {
        /// The greatest length, in the unit in which the field counts.
        limit: usize,
    },
    /// The value is reserved and says nothing about how to go on.
    #[error("a reserved value")]
    Reserved,
    /// TP-MTI names another type of PDU.
    #[error("this is not a {expected}")]
    WrongType {
        /// The type of PDU that was asked for, for instance `SMS-SUBMIT`.
        expected: &'static str,
    },
    /// A character is not a hexadecimal digit, or the last octet has only one.
    #[error("not a pair of hexadecimal digits")]
    NotHex,
}

/// Why a PDU cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The text needs more parts than a concatenation can count.
    #[error("the text needs {parts} messages; one text has at most 255")]
    TooManyParts {
        /// How many parts it would need.
        parts: usize,
    },
    /// The text has a character that the encoding it is to be sent in does not have.
    #[error("the text has a character that its encoding does not have")]
    NotInEncoding,
    /// Header and content together are longer than one message carries.
    #[error("the user data has {octets} octets; one message carries 140")]
    UserDataTooLong {
        /// How long it would be, in octets.
        octets: usize,
    },
    /// The content is in another alphabet than the data coding scheme says.
    #[error("the user data is not in the alphabet that the data coding scheme names")]
    AlphabetMismatch,
    /// A telephone number has more than 20 digits.
    #[error("the address has {digits} digits; an address has at most 20")]
    AddressTooLong {
        /// How many digits it has.
        digits: usize,
    },
    /// A telephone number has something else than `0` to `9`, `*`, `#`, `a`, `b` and `c` in it.
    #[error("an address has only the digits 0 to 9, *, #, a, b and c")]
    AddressDigit,
    /// A sender's name is empty, longer than 11 septets, or has a character outside the GSM 7-bit alphabet.
    #[error("a sender's name has 1 to 11 characters of the GSM 7-bit alphabet")]
    AddressName,
    /// A frame's TPDU is empty or longer than a transfer carries (3GPP TS 24.011 §8.2.5.3).
    #[error("the TPDU has {octets} octets; it has 1 to 232")]
    TpduLength {
        /// How long it is, in octets.
        octets: usize,
    },
}
