//! How a modem answers: result codes and their numbers (ITU-T V.250 §5.7, 3GPP TS 27.007 §9.2, 27.005 §3.2.5).

use super::family::Codes;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// `ERROR`, whatever CMEE says: not a command at all.
    Syntax,
    /// `+CME ERROR`.
    Equipment(u16),
    /// `+CMS ERROR`.
    Message(u16),
    /// A final result in words of its own, whatever CMEE says.
    Words(String),
}

impl Failure {
    /// A parameter of a general command is wrong.
    pub(super) const PARAMETERS: Self = Self::Equipment(50);
    /// Not possible now.
    pub(super) const NOT_ALLOWED: Self = Self::Equipment(3);
    /// The PDU, or its length, is wrong.
    pub(super) const PDU: Self = Self::Message(304);
    /// A parameter in text mode is wrong.
    pub(super) const TEXT: Self = Self::Message(305);
    /// No message is there, or no such place.
    pub(super) const INDEX: Self = Self::Message(321);
    /// The storage is full.
    pub(super) const FULL: Self = Self::Message(322);
    /// The modem is not registered.
    pub(super) const NO_NETWORK: Self = Self::Message(331);

    /// The same with the numbers that this family uses.
    pub(super) fn of_family(self, codes: Codes) -> Self {
        match self {
            Self::PDU => Self::Message(codes.pdu),
            Self::NO_NETWORK => Self::Message(codes.no_network),
            other => other,
        }
    }

    /// The line that says so at this level of `+CMEE`.
    pub(super) fn line(self, cmee: u8) -> String {
        match (self, cmee) {
            (Self::Syntax, _) | (Self::Equipment(_), 0) => "ERROR".to_owned(),
            (Self::Equipment(number), 1) => format!("+CME ERROR: {number}"),
            (Self::Equipment(number), _) => format!("+CME ERROR: {}", equipment_text(number)),
            // 27.005 has no level for its own error: the number is told even at level 0.
            (Self::Message(number), 0 | 1) => format!("+CMS ERROR: {number}"),
            (Self::Words(words), _) => words,
            (Self::Message(number), _) => format!("+CMS ERROR: {}", message_text(number)),
        }
    }
}

fn equipment_text(number: u16) -> &'static str {
    match number {
        3 => "operation not allowed",
        4 => "operation not supported",
        10 => "SIM not inserted",
        11 => "SIM PIN required",
        12 => "SIM PUK required",
        13 => "SIM failure",
        14 => "SIM busy",
        15 => "SIM wrong",
        16 => "incorrect password",
        21 => "invalid index",
        22 => "not found",
        30 => "no network service",
        50 => "Incorrect parameters",
        _ => "unknown",
    }
}

fn message_text(number: u16) -> &'static str {
    match number {
        1 => "Unassigned (unallocated) number",
        8 => "Operator determined barring",
        10 => "Call barred",
        21 => "Short message transfer rejected",
        27 => "Destination out of service",
        28 => "Unidentified subscriber",
        29 => "Facility rejected",
        30 => "Unknown subscriber",
        38 => "Network out of order",
        41 => "Temporary failure",
        42 => "Congestion",
        47 => "Resources unavailable, unspecified",
        50 => "Requested facility not subscribed",
        69 => "Requested facility not implemented",
        302 => "operation not allowed",
        303 => "operation not supported",
        304 => "invalid PDU mode parameter",
        305 => "invalid text mode parameter",
        310 => "SIM not inserted",
        311 => "SIM PIN required",
        312 => "PH-SIM PIN required",
        313 => "SIM failure",
        314 => "SIM busy",
        315 => "SIM wrong",
        316 => "SIM PUK required",
        321 => "invalid memory index",
        322 => "memory full",
        330 => "SMSC address unknown",
        331 => "no network service",
        332 => "network timeout",
        340 => "no +CNMA acknowledgement expected",
        _ => "unknown error",
    }
}
