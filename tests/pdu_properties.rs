//! What holds for every text and every PDU, not only for those that somebody wrote down.

#![allow(clippy::unwrap_used, reason = "in a test, what is not there is a failure")]

use std::time::Duration;

use proptest::option;
use proptest::prelude::*;
use smsotpd::clock::Timestamp;
use smsotpd::ids::MessageReference;
use smsotpd::pdu::{
    Address, Alphabet, ClockPeriod, DataCoding, Deliver, DeliveryStatus, Encoding, EnhancedPeriod, EnhancedValidity,
    Frame, Language, MessageClass, ProtocolId, RelativeValidity, ServiceCentreTime, StatusReport, Submit, UserData,
    Validity, from_hex, measure, measure_with, reassemble, segment, segment_in, to_hex,
};

/// Texts in the GSM 7-bit alphabet, texts in any alphabet, and texts that mix the two.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9 @£$¥èéùìòÇ\n\rØøÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{c}^{}\\\\\\[~\\]|€ÆæßÉ¡¿ÄÖÑÜ§äöñüà]{0,700}",
        any::<String>(),
        "[a€😀я]{0,400}",
        proptest::collection::vec(any::<char>(), 0..300).prop_map(String::from_iter),
    ]
}

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![
        "[0-9]{0,20}".prop_map(|digits| Address::international(&digits).unwrap()),
        "[0-9*#abc]{0,20}".prop_map(|digits| Address::national(&digits).unwrap()),
        "[0-9]{3,6}".prop_map(|digits| Address::short_code(&digits).unwrap()),
        "[A-Za-z0-9 @_-]{1,11}".prop_map(|name| Address::alphanumeric(&name).unwrap()),
    ]
}

fn time() -> impl Strategy<Value = ServiceCentreTime> {
    any::<[u8; 7]>().prop_map(ServiceCentreTime::from_octets)
}

fn validity() -> impl Strategy<Value = Validity> {
    let relative = || any::<u8>().prop_map(RelativeValidity::from_octet);
    let clock = (0..=99u8, 0..=59u8, 0..=59u8).prop_filter_map("a clock", |(h, m, s)| ClockPeriod::new(h, m, s));
    let period = prop_oneof![
        Just(EnhancedPeriod::Unspecified),
        relative().prop_map(EnhancedPeriod::Relative),
        any::<u8>().prop_map(EnhancedPeriod::Seconds),
        clock.prop_map(EnhancedPeriod::Clock),
    ];
    prop_oneof![
        relative().prop_map(Validity::Relative),
        time().prop_map(Validity::Absolute),
        (any::<bool>(), period)
            .prop_map(|(single_shot, period)| Validity::Enhanced(EnhancedValidity { single_shot, period })),
    ]
}

fn class() -> impl Strategy<Value = MessageClass> {
    use MessageClass::{Class0, Class1, Class2, Class3};
    prop_oneof![Just(Class0), Just(Class1), Just(Class2), Just(Class3)]
}

/// Whole texts, parts of longer ones, some of them by national tables, and data.
fn user_data() -> impl Strategy<Value = UserData> {
    prop_oneof![
        (text(), any::<u16>(), any::<prop::sample::Index>())
            .prop_map(|(text, reference, part)| part.get(&segment(&text, reference).unwrap()).clone()),
        ("[şığक-हंা০]{71,200}", any::<u16>(), any::<prop::sample::Index>()).prop_map(|(text, reference, part)| {
            let encoding = measure_with(&text, Language::ALL.into_iter().collect()).encoding;
            part.get(&segment_in(&text, encoding, reference).unwrap()).clone()
        }),
        proptest::collection::vec(any::<u8>(), 0..=140).prop_map(UserData::data),
    ]
}

prop_compose! {
    fn submit()(
        (reject_duplicates, status_report, reply_path) in any::<(bool, bool, bool)>(),
        reference in any::<u8>(),
        destination in address(),
        protocol in any::<u8>(),
        class in option::of(class()),
        validity in option::of(validity()),
        user_data in user_data(),
    ) -> Submit {
        let (reference, protocol) = (MessageReference(reference), ProtocolId::from_octet(protocol));
        Submit { reject_duplicates, status_report, reply_path, reference, destination, protocol, class, validity, user_data }
    }
}

prop_compose! {
    fn deliver()(
        (more_to_come, status_report, reply_path) in any::<(bool, bool, bool)>(),
        originator in address(),
        protocol in any::<u8>(),
        class in option::of(class()),
        timestamp in time(),
        user_data in user_data(),
    ) -> Deliver {
        let (protocol, coding) = (ProtocolId::from_octet(protocol), user_data.coding(class));
        Deliver { more_to_come, status_report, reply_path, originator, protocol, coding, timestamp, user_data }
    }
}

prop_compose! {
    fn status_report()(
        (more_to_come, of_command) in any::<(bool, bool)>(),
        reference in any::<u8>(),
        recipient in address(),
        (submitted, discharged) in (time(), time()),
        status in any::<u8>(),
        protocol in option::of(any::<u8>()),
        user_data in option::of(user_data()),
    ) -> StatusReport {
        StatusReport {
            more_to_come,
            of_command,
            reference: MessageReference(reference),
            recipient,
            submitted,
            discharged,
            status: DeliveryStatus::from_octet(status),
            protocol: protocol.map(ProtocolId::from_octet),
            coding: user_data.as_ref().map(|user_data| user_data.coding(None)),
            user_data,
        }
    }
}

/// Octets that look like a PDU often enough to get behind its first fields.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let any_octets = || proptest::collection::vec(any::<u8>(), 0..200);
    let cut = |octets: Vec<u8>, at: prop::sample::Index| {
        let length = at.index(octets.len() + 1);
        octets[..length].to_vec()
    };
    let damage = |mut octets: Vec<u8>, at: prop::sample::Index, octet| {
        let at = at.index(octets.len());
        octets[at] = octet;
        octets
    };
    let whole = || {
        prop_oneof![
            submit().prop_map(|submit| submit.encode().unwrap()),
            deliver().prop_map(|deliver| deliver.encode().unwrap()),
            status_report().prop_map(|report| report.encode().unwrap()),
        ]
    };
    prop_oneof![
        any_octets(),
        (whole(), any::<prop::sample::Index>()).prop_map(move |(octets, at)| cut(octets, at)),
        (whole(), any::<prop::sample::Index>(), any::<u8>())
            .prop_map(move |(octets, at, octet)| damage(octets, at, octet)),
    ]
}

proptest! {
    #[test]
    fn a_submit_reads_back_as_it_was_written(submit in submit()) {
        prop_assert_eq!(Submit::decode(&submit.encode().unwrap()), Ok(submit));
    }

    #[test]
    fn a_deliver_reads_back_as_it_was_written(deliver in deliver()) {
        prop_assert_eq!(Deliver::decode(&deliver.encode().unwrap()), Ok(deliver));
    }

    #[test]
    fn a_status_report_reads_back_as_it_was_written(report in status_report()) {
        prop_assert_eq!(StatusReport::decode(&report.encode().unwrap()), Ok(report));
    }

    #[test]
    fn a_frame_reads_back_as_it_was_written(
        service_centre in option::of(address()),
        tpdu in proptest::collection::vec(any::<u8>(), 1..=232),
    ) {
        // In a service centre's address the length counts octets, so a name may come back with a character more.
        prop_assume!(service_centre.as_ref().is_none_or(|address| address.digits().is_some()));
        let frame = Frame { service_centre, tpdu };
        prop_assert_eq!(Frame::from_hex(&frame.to_hex().unwrap()), Ok(frame));
    }

    #[test]
    fn hex_reads_back_as_it_was_written(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(from_hex(&to_hex(&octets)), Ok(octets));
    }

    #[test]
    fn any_octets_give_a_value_or_an_error_within_them(octets in octets()) {
        let places = [
            Submit::decode(&octets).err(),
            Deliver::decode(&octets).err(),
            StatusReport::decode(&octets).err(),
        ];
        for error in places.into_iter().flatten() {
            prop_assert!(error.octet <= octets.len(), "{}", error);
        }
    }

    #[test]
    fn what_was_read_can_be_written_and_reads_the_same_again(octets in octets()) {
        if let Ok(submit) = Submit::decode(&octets) {
            prop_assert_eq!(Submit::decode(&submit.encode().unwrap()), Ok(submit));
        }
        if let Ok(deliver) = Deliver::decode(&octets) {
            prop_assert_eq!(Deliver::decode(&deliver.encode().unwrap()), Ok(deliver));
        }
        if let Ok(report) = StatusReport::decode(&octets) {
            prop_assert_eq!(StatusReport::decode(&report.encode().unwrap()), Ok(report));
        }
    }

    #[test]
    fn any_text_taken_for_a_frame_gives_a_value_or_an_error(hex in prop_oneof![any::<String>(), "[0-9A-Fa-f]{0,80}"]) {
        if let Ok(frame) = Frame::from_hex(&hex) {
            prop_assert!(frame.to_hex().is_ok());
        }
    }

    #[test]
    fn a_segmented_text_comes_together_again(text in text(), reference: u16) {
        let parts = segment(&text, reference).unwrap();
        prop_assert_eq!(reassemble(&parts), text.clone());
        let each_on_its_own: String = parts.iter().map(UserData::text).collect();
        prop_assert_eq!(each_on_its_own, text);
    }

    #[test]
    fn parts_are_numbered_from_one_under_their_reference(text in text(), reference: u16) {
        let parts = segment(&text, reference).unwrap();
        let numbers: Vec<_> = parts.iter().filter_map(UserData::concatenation).collect();
        if parts.len() == 1 {
            prop_assert!(numbers.is_empty());
        } else {
            prop_assert!(numbers.iter().all(|part| part.reference == reference && usize::from(part.total) == parts.len()));
            prop_assert!(numbers.iter().map(|part| usize::from(part.sequence)).eq(1..=parts.len()));
        }
    }

    #[test]
    fn a_text_is_measured_as_it_is_segmented(text in text(), reference: u8) {
        let measure = measure(&text);
        let parts = segment(&text, reference.into()).unwrap();
        let alphabet = match measure.encoding {
            Encoding::Gsm7 | Encoding::National(_) => Alphabet::Gsm7,
            Encoding::Ucs2 => Alphabet::Ucs2,
        };
        prop_assert_eq!(measure.parts, parts.len());
        prop_assert!(parts.iter().all(|part| part.alphabet() == alphabet));
        prop_assert_eq!(measure.characters, text.chars().count());
        prop_assert_eq!(measure.forced_by.is_some(), measure.encoding == Encoding::Ucs2);
    }

    #[test]
    fn a_period_is_never_shorter_than_asked_for(seconds in 0..=63 * 7 * 86_400u64) {
        let asked = Duration::from_secs(seconds);
        let period = RelativeValidity::at_least(asked);
        prop_assert!(period.duration() >= asked);
        if let Some(shorter) = period.octet().checked_sub(1) {
            prop_assert!(RelativeValidity::from_octet(shorter).duration() < asked);
        }
    }

    #[test]
    fn a_time_reads_back_as_it_was_written(seconds in 946_800_000..4_102_300_000i64, quarters in -79..=79i8) {
        let time = Timestamp::from_second(seconds).unwrap();
        let written = ServiceCentreTime::with_offset(time, quarters);
        prop_assert_eq!(written.timestamp(), Some(time));
        prop_assert_eq!(written.offset_quarters(), Some(quarters));
    }

    #[test]
    fn every_coding_octet_is_kept(octet: u8) {
        prop_assert_eq!(DataCoding::from_octet(octet).octet(), octet);
    }

    #[test]
    fn an_address_from_the_air_has_no_control_characters(octets in octets()) {
        if let Ok(deliver) = Deliver::decode(&octets) {
            prop_assert!(!deliver.originator.text().contains(char::is_control));
            prop_assert!(!deliver.originator.to_string().contains(char::is_control));
        }
    }

    #[test]
    fn debug_shows_neither_text_nor_number(deliver in deliver(), digits in "[1-9][0-9]{9,14}") {
        let text = format!("{digits} is your code.");
        let originator = Address::international(&digits).unwrap();
        let user_data = segment(&text, 1).unwrap().remove(0);
        let coding = user_data.coding(None);
        let shown = format!("{:?}", Deliver { originator, user_data, coding, ..deliver });
        prop_assert!(!shown.contains(&digits));
        prop_assert!(!shown.contains("your code"));
    }
}
