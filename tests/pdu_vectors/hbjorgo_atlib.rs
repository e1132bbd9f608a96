//! hbjorgo/ATLib: src/HeboTech.ATLib.Tests/Messaging/{SmsSubmitEncoderTests,SmsDeliverDecoderTests,
//! SmsStatusReportDecoderTests}.cs. MIT, copyright 2020 HeboTech.

use super::*;

#[test]
fn status_report_of_a_message_that_arrived() {
    for (hex, service_centre) in [
        ("0006D60B911326880736F4111011719551401110117195714000", None),
        ("07911326040000F006D60B911326880736F4111011719551401110117195714000", Some("+31624000000")),
    ] {
        let frame = Frame::from_hex(hex).unwrap();
        assert_eq!(frame.service_centre.as_ref().map(Address::text).as_deref(), service_centre);
        let report = StatusReport::decode(&frame.tpdu).unwrap();
        assert_eq!((report.reference, report.recipient.text().as_str()), (MessageReference(214), "+31628870634"));
        assert_eq!(report.submitted.to_string(), "2011-01-11T16:59:15Z");
        assert_eq!(report.discharged.to_string(), "2011-01-11T16:59:17Z");
        assert_eq!((report.status, report.status.class()), (DeliveryStatus::RECEIVED, DeliveryClass::Delivered));
        assert_eq!((report.more_to_come, report.of_command), (false, false));
        assert_eq!(report.encode().unwrap(), frame.tpdu);
    }
}

#[test]
fn deliver_of_one_text() {
    check(
        "07917238010010F5040B917238880900F10000993092516195800AE8329BFD4697D9EC37",
        ("+27831000015", "+27838890001", "2099-03-29T13:16:59Z", "hellohello"),
    );
    check(
        "07911326040000F0040B911346610089F60000208062917314800CC8F71D14969741F977FD07",
        ("+31624000000", "+31641600986", "2002-08-26T17:37:41Z", "How are you?"),
    );
}

#[test]
fn deliver_from_a_name_with_a_reference_of_two_octets() {
    let hex = "069174290021104009D0D4323B1D06000042218091255540A0060804E2C30401D6327BFD6EB7CB6E103DCD06BDE7F31048589E33D6207A999D0EBBDCEFD7FAEDA687DD7479F90C32BFE5A00768FD6EB7CBA034E81C769F41ED3219B47EBBE961377DFD96D3CB7410394DA7BB40D2F2393DA7CBCBF2B4FB3C87CBDFF3F27C5E7683D0613948CC4ED3E9A0B29B2C2FD341EF33A8FD00B91FA0B39A212FCF41F007885E66A7C3";
    let text = "Velkommen til oss! Besøk telia.no/kontantreg for å komme i gang med kontantkortet ditt. \
                Registreringsprosessen har blitt endret og må nå gjøres på telia";
    check(hex, ("+4792001201", "Telia", "2024-12-08T18:52:55Z", text));
    let (_, deliver) = deliver(hex);
    assert_eq!(deliver.user_data.concatenation(), part(0xE2C3, 4, 1));
    assert_eq!(deliver.originator.number_type(), NumberType::Alphanumeric);
}

#[test]
fn submit_to_a_national_number() {
    let cases = [
        ("56840182", "Tada", "00010008A165481028000004D430390C"),
        ("56840182", "Tada :)", "00010008A165481028000007D430390CD2A500"),
        ("12345678", "A", "00010008A12143658700000141"),
        ("12345678", "😀", "00010008A121436587000804D83DDE00"),
        ("12345678", "😀😹📱📶📞", "00010008A121436587000814D83DDE00D83DDE39D83DDCF1D83DDCF6D83DDCDE"),
    ];
    for (to, text, hex) in cases {
        let written = &plain_submits(&Address::national(to).unwrap(), text, 1, [0; 3])[0];
        let frame = Frame { service_centre: None, tpdu: written.encode().unwrap() };
        assert_eq!(frame.to_hex().as_deref(), Ok(hex));
    }
}

#[test]
fn submit_in_three_parts() {
    let text = "Lorem ipsum dolor sit amet, consectetur adipisicing elit, sed do eiusmod tempor incididunt ut labore et \
                dolore magna aliqua.Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut \
                aliquip ex ea commodo consequat.Duis aute irure dolor in reprehenderit in voluptate velit esse \
                cillum dolore eu fugiat nulla pariatur.Excepteur sint occaecat cupidatat non proident, sunt in \
                culpa qui officia deserunt mollit anim id est laborum.";
    let expected = [
        "41000B915121551532F40000A00500030C0301986F79B90D4AC3E7F53688FC66BFE5A0799A0E0AB7CB741668FC76CFCB637A995E9783C2E4343C3D4F8FD3EE33A8CC4ED359A079990C22BF41E5747DDE7E9341F4721BFE9683D2EE719A9C26D7DD74509D0E6287C56F791954A683C86FF65B5E06B5C36777181466A7E3F5B0AB4A0795DDE936284C06B5D3EE741B642FBBD3E1360B14AFA7E7",
        "41000B915121551532F40000A00500030C030240EEF79C2EAF9341657C593E4ED3C3F4F4DB0DAAB3D9E1F6F80D6287C56F797A0E72A7E769509D0E0AB3D3F17A1A0E2AE341E53068FC6EB7DFE43768FC76CFCBF17A98EE22D6D37350B84E2F83D2F2BABC0C22BFD96F3928ED06C9CB7079195D7693CBF2341D947683EC6F761D4E0FD3CB207B999DA683CAF37919344EB3D9F53688FC66BFE5",
        "41000B915121551532F40000900500030C0303CAA0721D64AE9FD3613AC85D67B3C32078589E0ED3EB7257113F2EC3E9E5BA1C344FBBE9A0F7781C2E8FC374D0B80E4F93C3F4301DE47EBB4170F93B4D2EBBE92CD0BCEEA683D26ED0B8CE868741F17A1AF4369BD3E37418442ECFCBF2BA9B0E6ABFD9EC341D1476A7DBA03419549ED341ECB0F82DAFB75D",
    ];
    let to = Address::international("15125551234").unwrap();
    assert_eq!(hex_of(&plain_submits(&to, text, 12, [0; 3])), expected);
}

#[test]
fn the_longest_texts_take_255_parts() {
    for (text, longest) in [("a", 39_015), ("я", 17_085)] {
        assert_eq!(measure(&text.repeat(longest)).parts, 255);
        assert!(segment(&text.repeat(longest), 12).is_ok());
        assert!(segment(&text.repeat(longest + 1), 12).is_err());
    }
}
