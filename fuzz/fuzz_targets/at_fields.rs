//! Any text has fields, and no field claims what is not in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smsotpd::at::{Field, Payload, fields};

fuzz_target!(|text: &str| {
    let fields = fields(text);
    assert!(fields.len() <= text.matches(',').count() + 1);
    for field in &fields {
        let _ = (field.number(), field.offers(1));
        if let Field::Quoted(inside) | Field::Bare(inside) = field {
            assert!(text.contains(inside));
        }
    }
    if let Some(payload) = Payload::new(text.to_owned()) {
        assert!(payload.expose().bytes().all(|octet| octet.is_ascii_hexdigit()));
    }
});
