//! TP-Protocol-Identifier (3GPP TS 23.040 §9.2.3.9).

/// A TP-PID octet. Nearly always 0; here it matters only for messages that replace an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ProtocolId(u8);

impl ProtocolId {
    /// An ordinary short message from person to person (0x00).
    pub const ORDINARY: Self = Self(0x00);

    /// The identifier of a message that takes the place of the last one of the same type from the same sender
    /// (0x41 to 0x47). None when `number` is not 1 to 7.
    #[must_use]
    pub const fn replace(number: u8) -> Option<Self> {
        match number {
            1..=7 => Some(Self(0x40 + number)),
            _ => None,
        }
    }

    /// Which replace type this is, 1 to 7.
    #[must_use]
    pub const fn replace_type(self) -> Option<u8> {
        match self.0 {
            0x41..=0x47 => Some(self.0 - 0x40),
            _ => None,
        }
    }

    /// The identifier that this octet stands for.
    #[must_use]
    pub const fn from_octet(octet: u8) -> Self {
        Self(octet)
    }

    /// The octet in the PDU.
    #[must_use]
    pub const fn octet(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_seven_replace_types() {
        let octets: Vec<_> = (0..=255).filter_map(ProtocolId::replace).map(ProtocolId::octet).collect();
        assert_eq!(octets, [0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47]);
        let types: Vec<_> = (0..=255).filter_map(|octet| ProtocolId::from_octet(octet).replace_type()).collect();
        assert_eq!(types, [1, 2, 3, 4, 5, 6, 7]);
    }
}
