//! Messages as text mode shows and takes them (3GPP TS 27.005 §3.1, 3.4, 3.5).

use super::answer::Failure;
use super::attributes::Attributes;
use super::charset::{Charset, hex_utf16};
use super::storage::Message;
use crate::ids::MessageReference;
use crate::pdu::{
    self, Address, Alphabet, DataCoding, Deliver, Frame, NumberType, ProtocolId, RelativeValidity, ServiceCentreTime,
    StatusReport, Submit, UserData, Validity,
};

/// TP-SRR in the first octet of an SMS-SUBMIT.
const STATUS_REPORT: u8 = 1 << 5;
/// TP-VPF "relative" in the first octet of an SMS-SUBMIT.
const RELATIVE_VALIDITY: u8 = 0b10 << 3;

/// `"yy/MM/dd,hh:mm:ss±zz"` without its quotes.
pub(super) fn time(time: ServiceCentreTime) -> String {
    let number = |octet: u8| format!("{}{}", octet & 0x0f, octet >> 4);
    let [year, month, day, hour, minute, second, zone] = time.octets();
    let sign = if zone & 0x08 == 0 { '+' } else { '-' };
    [
        format!("{}/{}/{}", number(year), number(month), number(day)),
        format!(",{}:{}:{}", number(hour), number(minute), number(second)),
        format!("{sign}{}", number(zone & !0x08)),
    ]
    .concat()
}

/// `<da>`: the address as `AT+CMGS` takes it, with `<toda>` where given.
pub(super) fn read_address(typed: &str, kind: Option<u32>, charset: Charset) -> Result<Address, Failure> {
    let number = charset.read_name(typed).ok_or(Failure::TEXT)?;
    let address = match (number.strip_prefix('+'), kind) {
        (Some(digits), _) => Address::international(digits),
        (None, Some(145)) => Address::international(&number),
        (None, Some(161)) => Address::national(&number),
        (None, _) => Address::short_code(&number),
    };
    address.ok().filter(|address| address.digits().is_some_and(|digits| !digits.is_empty())).ok_or(Failure::TEXT)
}

/// The message that this typed body makes, with what `+CSMP` says of it.
pub(super) fn compose(to: Address, body: &[u8], attributes: &Attributes) -> Result<Submit, Failure> {
    let parameters = attributes.text;
    let coding = DataCoding::from_octet(parameters.coding);
    let text = || attributes.charset.decode(body).map(|text| text.replace('\r', "\n")).ok_or(Failure::TEXT);
    let user_data = match coding.alphabet() {
        Alphabet::Gsm7 => one_part(&text()?, Alphabet::Gsm7)?,
        // UCS-2 is typed as hexadecimal whatever the character set is.
        Alphabet::Ucs2 => one_part(&Charset::Ucs2.decode(body).ok_or(Failure::TEXT)?, Alphabet::Ucs2)?,
        Alphabet::Data => {
            let hex = std::str::from_utf8(body).map_err(|_| Failure::TEXT)?;
            UserData::data(pdu::from_hex(hex.trim()).map_err(|_| Failure::TEXT)?)
        }
    };
    let relative = parameters.first_octet & 0b11 << 3 == RELATIVE_VALIDITY;
    Ok(Submit {
        reject_duplicates: false,
        status_report: parameters.first_octet & STATUS_REPORT != 0,
        reply_path: false,
        reference: MessageReference::default(),
        destination: to,
        protocol: ProtocolId::from_octet(parameters.protocol),
        class: coding.class(),
        validity: relative.then(|| Validity::Relative(RelativeValidity::from_octet(parameters.validity))),
        user_data,
    })
}

/// Text mode sends a text in one part or not at all; a text outside the GSM alphabet goes as UCS-2.
fn one_part(text: &str, alphabet: Alphabet) -> Result<UserData, Failure> {
    let mut parts = pdu::segment(text, 0).map_err(|_| Failure::TEXT)?;
    match (parts.pop(), parts.is_empty()) {
        (Some(part), true) if alphabet == Alphabet::Gsm7 || part.alphabet() == alphabet => Ok(part),
        // The text would fit the GSM alphabet, but UCS-2 was asked for: its length must fit UCS-2.
        (Some(part), true) if text.encode_utf16().count() <= 70 => Ok(part),
        _ => Err(Failure::TEXT),
    }
}

/// What stands behind `<stat>` in a listing, and the line of data below it. Reports have none.
pub(super) fn listing(message: &Message, frame: &Frame, attributes: &Attributes) -> (String, Option<Vec<u8>>) {
    match message {
        Message::Deliver(deliver) => {
            let (address, kind) = quoted(&deliver.originator, attributes.charset);
            let mut fields = format!("{address},,\"{}\"", time(deliver.timestamp));
            if attributes.show_headers {
                fields += &format!(",{kind},{}", length(&deliver.user_data));
            }
            (fields, Some(data(&deliver.user_data, attributes.charset)))
        }
        Message::Submit(submit) => {
            let (address, kind) = quoted(&submit.destination, attributes.charset);
            let mut fields = format!("{address},,");
            if attributes.show_headers {
                fields += &format!(",{kind},{}", length(&submit.user_data));
            }
            (fields, Some(data(&submit.user_data, attributes.charset)))
        }
        Message::Report(status) => (report(status, frame, attributes.charset), None),
    }
}

/// What stands behind `<stat>` when one message is read, and the line of data below it.
pub(super) fn reading(message: &Message, frame: &Frame, attributes: &Attributes) -> (String, Option<Vec<u8>>) {
    match message {
        Message::Deliver(deliver) => incoming(deliver, frame, attributes),
        Message::Submit(submit) => {
            let (address, kind) = quoted(&submit.destination, attributes.charset);
            let mut fields = format!("{address},");
            if attributes.show_headers {
                let (first, protocol) = (first_octet(frame), submit.protocol.octet());
                let coding = submit.user_data.coding(submit.class).octet();
                let validity = match submit.validity {
                    Some(Validity::Relative(period)) => period.octet().to_string(),
                    Some(Validity::Absolute(end)) => format!("\"{}\"", time(end)),
                    _ => String::new(),
                };
                let centre = service_centre(frame, attributes.charset);
                let length = length(&submit.user_data);
                fields += &format!(",{kind},{first},{protocol},{coding},{validity},{centre},{length}");
            }
            (fields, Some(data(&submit.user_data, attributes.charset)))
        }
        Message::Report(_) => listing(message, frame, attributes),
    }
}

/// What stands behind `+CMT:` and, after `<stat>`, behind `+CMGR:`; and the line of data.
pub(super) fn incoming(deliver: &Deliver, frame: &Frame, attributes: &Attributes) -> (String, Option<Vec<u8>>) {
    let (address, kind) = quoted(&deliver.originator, attributes.charset);
    let mut fields = format!("{address},,\"{}\"", time(deliver.timestamp));
    if attributes.show_headers {
        let (first, protocol, coding) = (first_octet(frame), deliver.protocol.octet(), deliver.coding.octet());
        let centre = service_centre(frame, attributes.charset);
        fields += &format!(",{kind},{first},{protocol},{coding},{centre},{}", length(&deliver.user_data));
    }
    (fields, Some(data(&deliver.user_data, attributes.charset)))
}

/// What stands behind `+CDS:`.
pub(super) fn report(report: &StatusReport, frame: &Frame, charset: Charset) -> String {
    let (recipient, kind) = quoted(&report.recipient, charset);
    let (submitted, discharged) = (time(report.submitted), time(report.discharged));
    let (first, status) = (first_octet(frame), report.status.octet());
    format!("{first},{},{recipient},{kind},\"{submitted}\",\"{discharged}\",{status}", report.reference)
}

/// An address between quotes, and its type.
fn quoted(address: &Address, charset: Charset) -> (String, u8) {
    let kind = match address.number_type() {
        NumberType::International => 145,
        NumberType::National => 161,
        NumberType::Alphanumeric => 208,
        _ => 129,
    };
    (format!("\"{}\"", charset.name_text(&address.text())), kind)
}

fn service_centre(frame: &Frame, charset: Charset) -> String {
    frame.service_centre.as_ref().map_or_else(
        || ",".to_owned(),
        |address| {
            let (address, kind) = quoted(address, charset);
            format!("{address},{kind}")
        },
    )
}

fn first_octet(frame: &Frame) -> u8 {
    frame.tpdu.first().copied().unwrap_or_default()
}

/// `<length>`: characters of a text in the GSM alphabet, octets of everything else, as real modems count (TP-UDL).
fn length(user_data: &UserData) -> usize {
    match (user_data.octets(), user_data.alphabet()) {
        (Some(octets), _) => octets.len(),
        (None, Alphabet::Ucs2) => 2 * user_data.text().encode_utf16().count(),
        (None, _) => user_data.text().chars().count(),
    }
}

/// `<data>`: text in the terminal's character set; UCS-2 and data in hexadecimal.
fn data(user_data: &UserData, charset: Charset) -> Vec<u8> {
    match (user_data.octets(), user_data.alphabet()) {
        (Some(octets), _) => pdu::to_hex(octets).into_bytes(),
        (None, Alphabet::Ucs2) => hex_utf16(&user_data.text()).into_bytes(),
        (None, _) => charset.encode(&user_data.text()),
    }
}
