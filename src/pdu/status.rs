//! TP-Status: what became of a submitted message (3GPP TS 23.040 §9.2.3.15).

use std::fmt;

/// A TP-ST octet of a status report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliveryStatus(u8);

/// What a TP-ST value means for the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryClass {
    /// The recipient's handset has it (0x00).
    Delivered,
    /// The service centre is done with it but does not know that the handset has it (0x01 to 0x1F).
    DeliveredUnconfirmed,
    /// Not delivered yet; the service centre goes on trying and reports again (0x20 to 0x3F).
    StillTrying,
    /// It will never arrive (0x40 to 0x5F).
    PermanentFailure,
    /// A passing trouble, but the service centre has stopped trying (0x60 to 0x7F).
    TemporaryFailureGivenUp,
    /// A value that the standard gives no meaning (0x80 to 0xFF). TS 23.040 asks to take it as a service rejected.
    Reserved,
}

impl DeliveryStatus {
    /// The recipient's handset has the message.
    pub const RECEIVED: Self = Self(0x00);

    /// The validity period ended before the message could be delivered.
    pub const EXPIRED: Self = Self(0x46);

    /// The status that this octet stands for.
    #[must_use]
    pub const fn from_octet(octet: u8) -> Self {
        Self(octet)
    }

    /// The octet in the PDU.
    #[must_use]
    pub const fn octet(self) -> u8 {
        self.0
    }

    /// What it means for the sender. A value that is reserved or the centre's own has the class of its band.
    #[must_use]
    pub const fn class(self) -> DeliveryClass {
        match self.0 {
            0x00 => DeliveryClass::Delivered,
            0x01..=0x1F => DeliveryClass::DeliveredUnconfirmed,
            0x20..=0x3F => DeliveryClass::StillTrying,
            0x40..=0x5F => DeliveryClass::PermanentFailure,
            0x60..=0x7F => DeliveryClass::TemporaryFailureGivenUp,
            0x80..=0xFF => DeliveryClass::Reserved,
        }
    }

    /// Whether no further report on this message will come.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self.class(), DeliveryClass::StillTrying)
    }

    const fn words(self) -> &'static str {
        match self.0 {
            0x00 => "received by the recipient",
            0x01 => "forwarded to the recipient; the service centre cannot confirm that it arrived",
            0x02 => "replaced by the service centre",
            0x03..=0x0F => "completed, for a reason the standard reserves",
            0x10..=0x1F => "completed, for a reason of the service centre's own",
            0x20 => "congestion; still trying",
            0x21 => "the recipient's handset is busy; still trying",
            0x22 => "no response from the recipient's handset; still trying",
            0x23 => "the service was rejected; still trying",
            0x24 => "the quality of service is not available; still trying",
            0x25 => "an error in the recipient's handset; still trying",
            0x26..=0x2F => "a passing trouble the standard reserves; still trying",
            0x30..=0x3F => "a passing trouble of the service centre's own; still trying",
            0x40 => "a remote procedure failed",
            0x41 => "the destination is incompatible",
            0x42 => "the recipient's handset refused the connection",
            0x43 => "the recipient cannot be reached",
            0x44 => "the quality of service is not available",
            0x45 => "the networks do not work together",
            0x46 => "the validity period ended before it could be delivered",
            0x47 => "deleted by the sender",
            0x48 => "deleted by the service centre",
            0x49 => "the service centre does not know the message",
            0x4A..=0x4F => "a lasting trouble the standard reserves",
            0x50..=0x5F => "a lasting trouble of the service centre's own",
            0x60 => "congestion; the service centre has stopped trying",
            0x61 => "the recipient's handset is busy; the service centre has stopped trying",
            0x62 => "no response from the recipient's handset; the service centre has stopped trying",
            0x63 => "the service was rejected; the service centre has stopped trying",
            0x64 => "the quality of service is not available; the service centre has stopped trying",
            0x65 => "an error in the recipient's handset; the service centre has stopped trying",
            0x66..=0x6F => "a passing trouble the standard reserves; the service centre has stopped trying",
            0x70..=0x7F => "a passing trouble of the service centre's own; it has stopped trying",
            0x80..=0xFF => "an unknown status",
        }
    }
}

/// In words, then the number as it stands in the PDU: `received by the recipient (0x00)`.
impl fmt::Display for DeliveryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:#04x})", self.words(), self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bands_begin_and_end_where_the_standard_says() {
        use DeliveryClass::*;
        let cases = [
            (0x00, Delivered),
            (0x01, DeliveredUnconfirmed),
            (0x02, DeliveredUnconfirmed),
            (0x1F, DeliveredUnconfirmed),
            (0x20, StillTrying),
            (0x3F, StillTrying),
            (0x40, PermanentFailure),
            (0x46, PermanentFailure),
            (0x5F, PermanentFailure),
            (0x60, TemporaryFailureGivenUp),
            (0x7F, TemporaryFailureGivenUp),
            (0x80, Reserved),
            (0xFF, Reserved),
        ];
        for (octet, class) in cases {
            let status = DeliveryStatus::from_octet(octet);
            assert_eq!(status.class(), class, "{octet:#04x}");
            assert_eq!(status.is_final(), class != StillTrying, "{octet:#04x}");
        }
    }

    #[test]
    fn a_status_reads_as_words_and_number() {
        assert_eq!(DeliveryStatus::RECEIVED.to_string(), "received by the recipient (0x00)");
        assert_eq!(
            DeliveryStatus::EXPIRED.to_string(),
            "the validity period ended before it could be delivered (0x46)"
        );
    }
}
