//! SMS-STATUS-REPORT: what became of a submitted message (3GPP TS 23.040 §9.2.2.3).
//!
//! Everything up to TP-ST must be there. What follows is optional, seldom sent and often cut short: what of it cannot
//! be read counts as absent, for a report is never lost over it.

use super::address::Address;
use super::coding::{Alphabet, DataCoding};
use super::error::{DecodeError, DecodeErrorKind, EncodeError};
use super::octets::Octets;
use super::protocol::ProtocolId;
use super::status::DeliveryStatus;
use super::time::ServiceCentreTime;
use super::user_data::UserData;
use crate::ids::MessageReference;

const TYPE: u8 = 0b10;
const NO_MORE_MESSAGES: u8 = 1 << 2;
const OF_COMMAND: u8 = 1 << 5;
const USER_DATA_HEADER: u8 = 1 << 6;

/// Bits of TP-PI, which says what follows TP-ST (TS 23.040 §9.2.3.27).
const HAS_PROTOCOL: u8 = 1 << 0;
const HAS_CODING: u8 = 1 << 1;
const HAS_USER_DATA: u8 = 1 << 2;
const PI_GOES_ON: u8 = 1 << 7;

/// A report on one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    /// TP-MMS: more messages wait at the service centre.
    pub more_to_come: bool,
    /// TP-SRQ: the report is on an SMS-COMMAND, not on an SMS-SUBMIT.
    pub of_command: bool,
    /// TP-MR of the message.
    pub reference: MessageReference,
    /// TP-RA: to whom the message went.
    pub recipient: Address,
    /// TP-SCTS: when the service centre took the message.
    pub submitted: ServiceCentreTime,
    /// TP-DT: when it arrived, or was last tried.
    pub discharged: ServiceCentreTime,
    /// TP-ST.
    pub status: DeliveryStatus,
    /// TP-PID, where given.
    pub protocol: Option<ProtocolId>,
    /// TP-DCS, where given. Without it, user data is in the GSM 7-bit alphabet.
    pub coding: Option<DataCoding>,
    /// TP-UD, where given.
    pub user_data: Option<UserData>,
}

impl StatusReport {
    /// The octets of the TPDU.
    ///
    /// # Errors
    /// [`EncodeError::UserDataTooLong`] and [`EncodeError::AlphabetMismatch`].
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let header = self.user_data.as_ref().is_some_and(UserData::has_header);
        let mut octets = Vec::with_capacity(32);
        octets.push(
            TYPE | flag(!self.more_to_come, NO_MORE_MESSAGES)
                | flag(self.of_command, OF_COMMAND)
                | flag(header, USER_DATA_HEADER),
        );
        octets.push(self.reference.0);
        self.recipient.encode(&mut octets);
        octets.extend(self.submitted.octets());
        octets.extend(self.discharged.octets());
        octets.push(self.status.octet());
        let indicator = flag(self.protocol.is_some(), HAS_PROTOCOL)
            | flag(self.coding.is_some(), HAS_CODING)
            | flag(self.user_data.is_some(), HAS_USER_DATA);
        if indicator != 0 {
            octets.push(indicator);
            self.encode_optional(&mut octets)?;
        }
        Ok(octets)
    }

    fn encode_optional(&self, octets: &mut Vec<u8>) -> Result<(), EncodeError> {
        octets.extend(self.protocol.map(ProtocolId::octet));
        octets.extend(self.coding.map(DataCoding::octet));
        let Some(user_data) = &self.user_data else { return Ok(()) };
        if self.coding.map_or(Alphabet::Gsm7, DataCoding::alphabet) != user_data.alphabet() {
            return Err(EncodeError::AlphabetMismatch);
        }
        user_data.encode(octets)
    }

    /// Reads a TPDU.
    ///
    /// # Errors
    /// [`DecodeError`] names the field and where it is.
    pub fn decode(tpdu: &[u8]) -> Result<Self, DecodeError> {
        let mut octets = Octets::new(tpdu);
        let first = octets.octet("message-type")?;
        if first & 0b11 != TYPE {
            let kind = DecodeErrorKind::WrongType { expected: "SMS-STATUS-REPORT" };
            return Err(DecodeError { field: "message-type", octet: 0, kind });
        }
        let mut report = Self {
            more_to_come: first & NO_MORE_MESSAGES == 0,
            of_command: first & OF_COMMAND != 0,
            reference: MessageReference(octets.octet("message-reference")?),
            recipient: Address::decode(&mut octets, "recipient")?,
            submitted: ServiceCentreTime::from_octets(octets.array("timestamp")?),
            discharged: ServiceCentreTime::from_octets(octets.array("discharge-time")?),
            status: DeliveryStatus::from_octet(octets.octet("status")?),
            protocol: None,
            coding: None,
            user_data: None,
        };
        // What of the optional fields could be read before one that cannot stays in the report.
        let _ = report.decode_optional(&mut octets, first & USER_DATA_HEADER != 0);
        Ok(report)
    }

    fn decode_optional(&mut self, octets: &mut Octets<'_>, header: bool) -> Result<(), DecodeError> {
        const FIELD: &str = "parameter-indicator";
        let indicator = octets.octet(FIELD)?;
        let mut last = indicator;
        while last & PI_GOES_ON != 0 {
            last = octets.octet(FIELD)?;
        }
        if indicator & HAS_PROTOCOL != 0 {
            self.protocol = Some(ProtocolId::from_octet(octets.octet("protocol")?));
        }
        if indicator & HAS_CODING != 0 {
            self.coding = Some(DataCoding::from_octet(octets.octet("data-coding")?));
        }
        if indicator & HAS_USER_DATA != 0 {
            let alphabet = self.coding.map_or(Alphabet::Gsm7, DataCoding::alphabet);
            self.user_data = Some(UserData::decode(octets, alphabet, header)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu::segment;

    fn delivered() -> StatusReport {
        StatusReport {
            more_to_come: false,
            of_command: false,
            reference: MessageReference(0x2A),
            recipient: Address::international("15551234567").unwrap(),
            submitted: ServiceCentreTime::from_octets([0x62, 0x10, 0x13, 0x21, 0x43, 0x65, 0x80]),
            discharged: ServiceCentreTime::from_octets([0x62, 0x10, 0x13, 0x21, 0x43, 0x85, 0x80]),
            status: DeliveryStatus::RECEIVED,
            protocol: None,
            coding: None,
            user_data: None,
        }
    }

    fn with_everything() -> StatusReport {
        let user_data = segment("hello", 1).unwrap().pop();
        StatusReport {
            protocol: Some(ProtocolId::ORDINARY),
            coding: Some(DataCoding::default()),
            user_data,
            ..delivered()
        }
    }

    #[test]
    fn the_fields_lie_where_the_standard_says() {
        let octets = delivered().encode().unwrap();
        assert_eq!(octets[..4], [0x06, 0x2A, 11, 0x91]);
        assert_eq!((octets.len(), octets[24]), (25, 0x00));
        assert_eq!(with_everything().encode().unwrap()[25..29], [0x07, 0x00, 0x00, 5]);
        assert_eq!(StatusReport { more_to_come: true, of_command: true, ..delivered() }.encode().unwrap()[0], 0x22);
    }

    #[test]
    fn a_report_may_end_anywhere_after_its_status() {
        let octets = with_everything().encode().unwrap();
        for length in 25..octets.len() {
            let report = StatusReport::decode(&octets[..length]).unwrap();
            assert_eq!((report.status, report.reference), (DeliveryStatus::RECEIVED, MessageReference(0x2A)));
            assert_eq!(report.user_data.is_some(), length >= 29, "{length}");
            assert_eq!((report.protocol.is_some(), report.coding.is_some()), (length >= 27, length >= 28));
        }
        assert_eq!(StatusReport::decode(&octets), Ok(with_everything()));
    }

    #[test]
    fn a_report_that_ends_before_its_status_is_an_error() {
        let octets = delivered().encode().unwrap();
        let fields = (0..25).map(|length| StatusReport::decode(&octets[..length]).unwrap_err());
        for (error, length) in fields.zip(0..) {
            assert_eq!((error.octet, error.kind), (length, DecodeErrorKind::Truncated));
        }
        let field = |length: usize| StatusReport::decode(&octets[..length]).unwrap_err().field;
        let names = [0, 1, 2, 10, 17, 24].map(field);
        let expected = ["message-type", "message-reference", "recipient", "timestamp", "discharge-time", "status"];
        assert_eq!(names, expected);
    }

    #[test]
    fn user_data_without_a_coding_is_in_the_default_alphabet() {
        let report = StatusReport { coding: None, ..with_everything() };
        assert_eq!(StatusReport::decode(&report.encode().unwrap()), Ok(report));
        let user_data = segment("я", 1).unwrap().pop();
        let report = StatusReport { coding: None, user_data, ..with_everything() };
        assert_eq!(report.encode(), Err(EncodeError::AlphabetMismatch));
    }

    #[test]
    fn further_indicators_are_passed_over() {
        let mut octets = delivered().encode().unwrap();
        octets.extend([0x81, 0x80, 0x00, 0x41]);
        assert_eq!(StatusReport::decode(&octets).unwrap().protocol, ProtocolId::replace(1));
    }
}
