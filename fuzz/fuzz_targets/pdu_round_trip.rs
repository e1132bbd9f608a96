//! Any text, measured and segmented with the tables of any languages, carried in PDUs and frames, comes together again as
//! it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smsotpd::ids::MessageReference;
use smsotpd::pdu::{Address, Frame, Language, ProtocolId, Submit, measure, measure_with, reassemble, segment_in};

fuzz_target!(|input: (u16, u16, &str)| {
    let (reference, languages, text) = input;
    let some = Language::ALL.into_iter().zip(0..).filter(|(_, place)| languages >> place & 1 == 1);
    let measured = measure_with(text, some.map(|(language, _)| language).collect());
    assert!(measured.parts <= measure(text).parts);
    let Ok(parts) = segment_in(text, measured.encoding, reference) else {
        assert!(measured.parts > 250);
        return;
    };
    if reference < 256 {
        assert_eq!(measured.parts, parts.len());
    }
    let carried: Vec<_> = parts
        .iter()
        .map(|user_data| {
            let submit = Submit {
                reject_duplicates: false,
                status_report: true,
                reply_path: false,
                reference: MessageReference(0),
                destination: Address::international("15551234567").unwrap(),
                protocol: ProtocolId::ORDINARY,
                class: None,
                validity: None,
                user_data: user_data.clone(),
            };
            let frame = Frame { service_centre: None, tpdu: submit.encode().unwrap() };
            let arrived = Frame::from_hex(&frame.to_hex().unwrap()).unwrap();
            Submit::decode(&arrived.tpdu).unwrap().user_data
        })
        .collect();
    assert_eq!(carried, parts);
    assert_eq!(reassemble(&carried), text);
    assert_eq!(carried.iter().map(|part| part.text()).collect::<String>(), text);
});
