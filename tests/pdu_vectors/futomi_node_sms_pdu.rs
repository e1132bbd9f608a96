//! futomi/node-sms-pdu: README.md. MIT, copyright 2020 Futomi Hatano.

use super::*;

#[test]
fn submit_to_a_number_as_it_is_dialled() {
    let to = Address::short_code("09012345678").unwrap();
    for (text, hex, length) in [
        ("How are you doing?", "0001000B819010325476F8000012C8F71D14969741F9771D447EA7DDE71F", 29),
        ("こんにちわ", "0001000B819010325476F800080A30533093306B3061308F", 23),
    ] {
        let written = &plain_submits(&to, text, 1, [0; 3])[0];
        let frame = Frame { service_centre: None, tpdu: written.encode().unwrap() };
        assert_eq!((frame.to_hex().as_deref(), frame.length()), (Ok(hex), length));
        assert_eq!(submit(hex).1, *written);
    }
}

#[test]
fn submit_in_three_parts() {
    let text = "SMS (short message service) is a text messaging service component of most telephone, Internet, and \
                mobile device systems. It uses standardized communication protocols to enable mobile devices to \
                exchange short text messages. An intermediary service can facilitate a text-to-voice conversion to \
                be sent to landlines.";
    let to = Address::short_code("09012345678").unwrap();
    let written = hex_of(&plain_submits(&to, text, 0, [0; 3]));
    let starts = [
        "41000B819010325476F80000A0050003000301A6CD29083547BFE57450BB",
        "41000B819010325476F80000A0050003000302D26F37082E7FD3DFE3377B",
        "41000B819010325476F8000010050003000303C26E323BED2ECF5D",
    ];
    assert_eq!(written.len(), starts.len());
    for (written, start) in written.iter().zip(starts) {
        assert_eq!(written[..start.len()], *start);
    }
}
