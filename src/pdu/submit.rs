//! SMS-SUBMIT: a message on its way to the service centre (3GPP TS 23.040 §9.2.2.2).

use super::address::Address;
use super::coding::{DataCoding, MessageClass};
use super::error::{DecodeError, DecodeErrorKind, EncodeError};
use super::octets::Octets;
use super::protocol::ProtocolId;
use super::user_data::UserData;
use super::validity::Validity;
use crate::ids::MessageReference;

const TYPE: u8 = 0b01;
const REJECT_DUPLICATES: u8 = 1 << 2;
const STATUS_REPORT: u8 = 1 << 5;
const USER_DATA_HEADER: u8 = 1 << 6;
const REPLY_PATH: u8 = 1 << 7;

/// A message to be sent. The alphabet in its data coding scheme is that of `user_data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submit {
    /// TP-RD: the service centre refuses it if it still holds one with the same reference and destination.
    pub reject_duplicates: bool,
    /// TP-SRR: a status report is asked for.
    pub status_report: bool,
    /// TP-RP: the recipient's answer may go through the same service centre.
    pub reply_path: bool,
    /// TP-MR. Most modems put in their own.
    pub reference: MessageReference,
    /// TP-DA.
    pub destination: Address,
    /// TP-PID.
    pub protocol: ProtocolId,
    /// The class in TP-DCS.
    pub class: Option<MessageClass>,
    /// TP-VP; none leaves it to the service centre, which often keeps a message for days.
    pub validity: Option<Validity>,
    /// TP-UD.
    pub user_data: UserData,
}

impl Submit {
    /// The octets of the TPDU.
    ///
    /// # Errors
    /// [`EncodeError::UserDataTooLong`].
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let mut octets = Vec::with_capacity(164);
        octets.push(
            TYPE | flag(self.reject_duplicates, REJECT_DUPLICATES)
                | Validity::format(self.validity.as_ref())
                | flag(self.status_report, STATUS_REPORT)
                | flag(self.user_data.has_header(), USER_DATA_HEADER)
                | flag(self.reply_path, REPLY_PATH),
        );
        octets.push(self.reference.0);
        self.destination.encode(&mut octets);
        octets.push(self.protocol.octet());
        octets.push(self.user_data.coding(self.class).octet());
        if let Some(validity) = &self.validity {
            validity.encode(&mut octets);
        }
        self.user_data.encode(&mut octets)?;
        Ok(octets)
    }

    /// Reads a TPDU. Of its data coding scheme only alphabet and class are kept; compressed text is data.
    ///
    /// # Errors
    /// [`DecodeError`] names the field and where it is.
    pub fn decode(tpdu: &[u8]) -> Result<Self, DecodeError> {
        let mut octets = Octets::new(tpdu);
        let first = octets.octet("message-type")?;
        if first & 0b11 != TYPE {
            let kind = DecodeErrorKind::WrongType { expected: "SMS-SUBMIT" };
            return Err(DecodeError { field: "message-type", octet: 0, kind });
        }
        let reference = MessageReference(octets.octet("message-reference")?);
        let destination = Address::decode(&mut octets, "destination")?;
        let protocol = ProtocolId::from_octet(octets.octet("protocol")?);
        let coding = DataCoding::from_octet(octets.octet("data-coding")?);
        let validity = Validity::decode(first, &mut octets)?;
        let user_data = UserData::decode(&mut octets, coding.alphabet(), first & USER_DATA_HEADER != 0)?;
        Ok(Self {
            reject_duplicates: first & REJECT_DUPLICATES != 0,
            status_report: first & STATUS_REPORT != 0,
            reply_path: first & REPLY_PATH != 0,
            reference,
            destination,
            protocol,
            class: coding.class(),
            validity,
            user_data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu::{RelativeValidity, segment};

    fn code() -> Submit {
        Submit {
            reject_duplicates: false,
            status_report: true,
            reply_path: false,
            reference: MessageReference(0),
            destination: Address::international("15551234567").unwrap(),
            protocol: ProtocolId::ORDINARY,
            class: None,
            validity: Some(Validity::Relative(RelativeValidity::from_octet(0))),
            user_data: segment("hello", 1).unwrap().remove(0),
        }
    }

    #[test]
    fn the_fields_lie_where_the_standard_says() {
        let wire = [
            0x31, 0x00, 11, 0x91, 0x51, 0x55, 0x21, 0x43, 0x65, 0xF7, 0x00, 0x00, 0x00, 5, 0xE8, 0x32, 0x9B, 0xFD, 0x06,
        ];
        assert_eq!(code().encode().as_deref(), Ok(wire.as_slice()));
        assert_eq!(Submit::decode(&wire), Ok(code()));
    }

    #[test]
    fn every_flag_has_its_bit() {
        let first = |submit: Submit| submit.encode().unwrap()[0];
        assert_eq!(first(code()), 0b0011_0001);
        assert_eq!(first(Submit { reject_duplicates: true, ..code() }), 0b0011_0101);
        assert_eq!(first(Submit { status_report: false, ..code() }), 0b0001_0001);
        assert_eq!(first(Submit { reply_path: true, ..code() }), 0b1011_0001);
        assert_eq!(first(Submit { validity: None, ..code() }), 0b0010_0001);
        let part = segment(&"a".repeat(200), 1).unwrap().remove(0);
        assert_eq!(first(Submit { user_data: part, ..code() }), 0b0111_0001);
    }

    #[test]
    fn class_and_replace_type_are_in_their_fields() {
        let protocol = ProtocolId::replace(1).unwrap();
        let octets = Submit { protocol, class: Some(MessageClass::Class0), ..code() }.encode().unwrap();
        assert_eq!(octets[10..12], [0x41, 0x10]);
    }

    #[test]
    fn another_type_of_pdu_is_refused() {
        for first in [0x00, 0x02, 0x03] {
            let kind = DecodeErrorKind::WrongType { expected: "SMS-SUBMIT" };
            assert_eq!(Submit::decode(&[first]), Err(DecodeError { field: "message-type", octet: 0, kind }));
        }
    }

    #[test]
    fn an_error_reads_as_a_sentence() {
        let error = Submit::decode(&[0x01, 0, 11, 0x91, 0x51]).unwrap_err();
        assert_eq!(error.to_string(), "destination at octet 5: the PDU ends before this field does");
    }
}
