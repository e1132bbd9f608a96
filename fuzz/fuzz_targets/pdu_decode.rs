//! Any octets, and any text taken for a frame, give a value or an error whose place is within them. Whatever was read
//! can be shown, and what can be written again reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smsotpd::pdu::{Deliver, Frame, StatusReport, Submit};

fuzz_target!(|octets: &[u8]| {
    match Submit::decode(octets) {
        Ok(submit) => {
            let _ = (format!("{submit:?}"), submit.user_data.text(), submit.user_data.concatenation());
            assert_eq!(Submit::decode(&submit.encode().unwrap()), Ok(submit));
        }
        Err(error) => assert!(error.octet <= octets.len()),
    }
    match Deliver::decode(octets) {
        Ok(deliver) => {
            let _ = (format!("{deliver:?}"), deliver.user_data.text(), deliver.timestamp.timestamp());
            assert!(!deliver.originator.text().contains(char::is_control));
            assert_eq!(Deliver::decode(&deliver.encode().unwrap()), Ok(deliver));
        }
        Err(error) => assert!(error.octet <= octets.len()),
    }
    match StatusReport::decode(octets) {
        Ok(report) => {
            let _ = (format!("{report:?}"), report.status.to_string(), report.recipient.to_phone());
            assert_eq!(StatusReport::decode(&report.encode().unwrap()), Ok(report));
        }
        Err(error) => assert!(error.octet <= octets.len()),
    }
    if let Ok(hex) = std::str::from_utf8(octets)
        && let Ok(frame) = Frame::from_hex(hex)
    {
        assert!(frame.to_hex().is_ok());
    }
});
