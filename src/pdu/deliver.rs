//! SMS-DELIVER: a message from the service centre (3GPP TS 23.040 §9.2.2.1).

use super::address::Address;
use super::coding::DataCoding;
use super::error::{DecodeError, DecodeErrorKind, EncodeError};
use super::octets::Octets;
use super::protocol::ProtocolId;
use super::time::ServiceCentreTime;
use super::user_data::UserData;

const TYPE: u8 = 0b00;
const RESERVED_TYPE: u8 = 0b11;
const NO_MORE_MESSAGES: u8 = 1 << 2;
const STATUS_REPORT: u8 = 1 << 5;
const USER_DATA_HEADER: u8 = 1 << 6;
const REPLY_PATH: u8 = 1 << 7;

/// A message that arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deliver {
    /// TP-MMS: more messages wait at the service centre.
    pub more_to_come: bool,
    /// TP-SRI: the sender will get a status report.
    pub status_report: bool,
    /// TP-RP: an answer may go through the same service centre.
    pub reply_path: bool,
    /// TP-OA.
    pub originator: Address,
    /// TP-PID.
    pub protocol: ProtocolId,
    /// TP-DCS. Its alphabet must be that of `user_data`: see [`UserData::coding`].
    pub coding: DataCoding,
    /// TP-SCTS: when the service centre took the message.
    pub timestamp: ServiceCentreTime,
    /// TP-UD.
    pub user_data: UserData,
}

impl Deliver {
    /// The octets of the TPDU.
    ///
    /// # Errors
    /// [`EncodeError::UserDataTooLong`] and [`EncodeError::AlphabetMismatch`].
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        if self.coding.alphabet() != self.user_data.alphabet() {
            return Err(EncodeError::AlphabetMismatch);
        }
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let mut octets = Vec::with_capacity(164);
        octets.push(
            TYPE | flag(!self.more_to_come, NO_MORE_MESSAGES)
                | flag(self.status_report, STATUS_REPORT)
                | flag(self.user_data.has_header(), USER_DATA_HEADER)
                | flag(self.reply_path, REPLY_PATH),
        );
        self.originator.encode(&mut octets);
        octets.push(self.protocol.octet());
        octets.push(self.coding.octet());
        octets.extend(self.timestamp.octets());
        self.user_data.encode(&mut octets)?;
        Ok(octets)
    }

    /// Reads a TPDU. One of the reserved type (TP-MTI 11) is read as SMS-DELIVER, as TS 23.040 §9.2.3.1 asks.
    ///
    /// # Errors
    /// [`DecodeError`] names the field and where it is.
    pub fn decode(tpdu: &[u8]) -> Result<Self, DecodeError> {
        let mut octets = Octets::new(tpdu);
        let first = octets.octet("message-type")?;
        if !matches!(first & 0b11, TYPE | RESERVED_TYPE) {
            let kind = DecodeErrorKind::WrongType { expected: "SMS-DELIVER" };
            return Err(DecodeError { field: "message-type", octet: 0, kind });
        }
        let originator = Address::decode(&mut octets, "originator")?;
        let protocol = ProtocolId::from_octet(octets.octet("protocol")?);
        let coding = DataCoding::from_octet(octets.octet("data-coding")?);
        let timestamp = ServiceCentreTime::from_octets(octets.array("timestamp")?);
        let user_data = UserData::decode(&mut octets, coding.alphabet(), first & USER_DATA_HEADER != 0)?;
        Ok(Self {
            more_to_come: first & NO_MORE_MESSAGES == 0,
            status_report: first & STATUS_REPORT != 0,
            reply_path: first & REPLY_PATH != 0,
            originator,
            protocol,
            coding,
            timestamp,
            user_data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu::{Alphabet, MessageClass, segment};

    fn hello() -> Deliver {
        Deliver {
            more_to_come: false,
            status_report: false,
            reply_path: false,
            originator: Address::alphanumeric("Example").unwrap(),
            protocol: ProtocolId::ORDINARY,
            coding: DataCoding::default(),
            timestamp: ServiceCentreTime::from_octets([0x62, 0x10, 0x13, 0x21, 0x43, 0x65, 0x80]),
            user_data: segment("hello", 1).unwrap().remove(0),
        }
    }

    #[test]
    fn every_flag_has_its_bit() {
        let first = |deliver: Deliver| deliver.encode().unwrap()[0];
        assert_eq!(first(hello()), 0b0000_0100);
        assert_eq!(first(Deliver { more_to_come: true, ..hello() }), 0b0000_0000);
        assert_eq!(first(Deliver { status_report: true, ..hello() }), 0b0010_0100);
        assert_eq!(first(Deliver { reply_path: true, ..hello() }), 0b1000_0100);
    }

    #[test]
    fn the_reserved_type_is_read_as_this_one() {
        let mut octets = hello().encode().unwrap();
        octets[0] |= 0b11;
        assert_eq!(Deliver::decode(&octets), Ok(hello()));
        let kind = DecodeErrorKind::WrongType { expected: "SMS-DELIVER" };
        assert_eq!(Deliver::decode(&[0x06]), Err(DecodeError { field: "message-type", octet: 0, kind }));
    }

    #[test]
    fn the_coding_must_fit_the_user_data() {
        for alphabet in [Alphabet::Data, Alphabet::Ucs2] {
            let coding = DataCoding::new(alphabet, None);
            assert_eq!(Deliver { coding, ..hello() }.encode(), Err(EncodeError::AlphabetMismatch));
        }
        let coding = DataCoding::new(Alphabet::Gsm7, Some(MessageClass::Class2));
        assert!(Deliver { coding, ..hello() }.encode().is_ok());
    }
}
