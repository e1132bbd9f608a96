//! Any text, measured, segmented, carried in PDUs and frames, comes together again as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smsotpd::ids::MessageReference;
use smsotpd::pdu::{Address, Frame, ProtocolId, Submit, measure, reassemble, segment};

fuzz_target!(|input: (u16, &str)| {
    let (reference, text) = input;
    let Ok(parts) = segment(text, reference) else {
        assert!(measure(text).parts > 250);
        return;
    };
    if reference < 256 {
        assert_eq!(measure(text).parts, parts.len());
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
