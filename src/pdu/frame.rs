//! What a modem's PDU mode carries: the service centre's address, then the TPDU (3GPP TS 27.005 §3.1, `<pdu>`).

use std::fmt;

use super::address::Address;
use super::error::{DecodeError, DecodeErrorKind, EncodeError};
use super::hex::{from_hex, to_hex};
use super::octets::Octets;

/// The most octets in a TPDU (3GPP TS 24.011 §8.2.5.3).
const MOST_OCTETS: usize = 232;

/// A TPDU with the service centre it goes to or comes from. `Debug` shows how long it is, never what is in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// The service centre; none asks the modem to take the one on the SIM.
    pub service_centre: Option<Address>,
    /// The octets of an SMS-SUBMIT, SMS-DELIVER or SMS-STATUS-REPORT.
    pub tpdu: Vec<u8>,
}

impl Frame {
    /// The `<length>` of AT+CMGS: octets of the TPDU alone.
    #[must_use]
    pub fn length(&self) -> usize {
        self.tpdu.len()
    }

    /// The frame in hexadecimal digits.
    ///
    /// # Errors
    /// [`EncodeError::TpduLength`] when no transfer could carry the TPDU.
    pub fn to_hex(&self) -> Result<String, EncodeError> {
        if !(1..=MOST_OCTETS).contains(&self.length()) {
            return Err(EncodeError::TpduLength { octets: self.length() });
        }
        let mut octets = Vec::with_capacity(12 + self.length());
        match &self.service_centre {
            Some(address) => address.encode_service_centre(&mut octets),
            None => octets.push(0),
        }
        octets.extend(&self.tpdu);
        Ok(to_hex(&octets))
    }

    /// Reads a frame. The TPDU in it is not looked at.
    ///
    /// # Errors
    /// [`DecodeError`], counting octets from the start of the frame.
    pub fn from_hex(hex: &str) -> Result<Self, DecodeError> {
        let octets = from_hex(hex)?;
        let mut octets = Octets::new(&octets);
        let service_centre = Address::decode_service_centre(&mut octets)?;
        let tpdu = octets.rest().to_vec();
        let error = |kind| DecodeError { field: "tpdu", octet: octets.position(), kind };
        match tpdu.len() {
            0 => Err(error(DecodeErrorKind::Truncated)),
            1..=MOST_OCTETS => Ok(Self { service_centre, tpdu }),
            _ => Err(error(DecodeErrorKind::TooLong { limit: MOST_OCTETS })),
        }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("service_centre", &self.service_centre).field("length", &self.length()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_centre_is_not_in_the_length() {
        let frame = Frame::from_hex("07917283010010F5040B").unwrap();
        assert_eq!(frame.service_centre.as_ref().map(Address::text).as_deref(), Some("+27381000015"));
        assert_eq!((frame.tpdu.as_slice(), frame.length()), ([0x04, 0x0B].as_slice(), 2));
        assert_eq!(frame.to_hex().as_deref(), Ok("07917283010010F5040B"));
    }

    #[test]
    fn without_a_service_centre_the_frame_starts_with_a_zero() {
        let frame = Frame { service_centre: None, tpdu: vec![0x01] };
        assert_eq!(frame.to_hex().as_deref(), Ok("0001"));
        assert_eq!(Frame::from_hex("0001"), Ok(frame));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_place() {
        let cases = [
            ("", "service-centre", 0, DecodeErrorKind::Truncated),
            ("0791", "service-centre", 2, DecodeErrorKind::Truncated),
            ("0C91", "service-centre", 0, DecodeErrorKind::TooLong { limit: 11 }),
            ("00", "tpdu", 1, DecodeErrorKind::Truncated),
            ("xx", "hex", 0, DecodeErrorKind::NotHex),
        ];
        for (hex, field, octet, kind) in cases {
            assert_eq!(Frame::from_hex(hex), Err(DecodeError { field, octet, kind }), "{hex}");
        }
        let long = Frame { service_centre: None, tpdu: vec![1; 233] };
        assert_eq!(long.to_hex(), Err(EncodeError::TpduLength { octets: 233 }));
        let none = Frame { service_centre: None, tpdu: vec![] };
        assert_eq!(none.to_hex(), Err(EncodeError::TpduLength { octets: 0 }));
    }

    #[test]
    fn debug_shows_neither_number_nor_octets() {
        let frame = Frame::from_hex("07917283010010F5ABCDEF").unwrap();
        assert_eq!(format!("{frame:?}"), "Frame { service_centre: Some(Address(0x91 +2738***0015)), length: 3 }");
    }
}
