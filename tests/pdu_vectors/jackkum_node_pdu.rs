//! jackkum/node-pdu: tests/tests/parser/data.ts, tests/tests/append/data.ts, test.js. MIT, copyright 2023 jackkum.

use super::*;

const FROM: (&str, &str) = ("+79037011111", "+79642161111");

#[test]
fn deliver_of_one_text() {
    let cases = [
        (
            "07919730071111F1000B919746121611F10000811170021222230DC8329BFD6681EE6F399B1C02",
            "2018-11-07T12:21:22Z",
            "Hello, world!",
        ),
        (
            "07919730071111F1000B919746121611F10000811170021222230A1B5E583C2697CD1B1F",
            "2018-11-07T12:21:22Z",
            "[abcdef]",
        ),
        ("07919730071111F1000B919746121611F1000081117002122223081B14BD3CA76F52", "2018-11-07T12:21:22Z", "{test}"),
        (
            "07919730071111F1000B919746121611F100088111800212222318041F04400438043204350442002C0020043C043804400021",
            "2018-11-08T12:21:22Z",
            "Привет, мир!",
        ),
    ];
    for (hex, at, text) in cases {
        check(hex, (FROM.0, FROM.1, at, text));
    }
}

#[test]
fn deliver_from_west_of_greenwich() {
    check(
        "07919730071111F1000B919746121611F100008111700212222B0DC8329BFD6681EE6F399B1C02",
        (FROM.0, FROM.1, "2018-11-08T04:21:22Z", "Hello, world!"),
    );
}

#[test]
fn deliver_from_a_name() {
    check(
        "07911326060032F0000DD0D432DBFC96D30100001121313121114012D7327BFC6E9741F437885A669BDF723A",
        ("+31626000230", "Telfort", "2011-12-13T12:12:11Z", "Welcome to Telfort"),
    );
}

#[test]
fn deliver_of_class_0() {
    let (_, deliver) = deliver("07919730071111F1000B919746121611F10010811170021222231054747A0E4ACF416190991D9EA343");
    assert_eq!(deliver.coding.class(), Some(MessageClass::Class0));
    assert_eq!(deliver.user_data.text(), "This is a flash!");
}

#[test]
fn deliver_with_formatting_in_its_header() {
    let cases = [
        (
            "07919730071111F1400B919746121611F100008111701222322342140A030004100A030606200A030E09400A031C0D80C2379BCC0225E961767ACC0255DDE4B29C9D76974161371934A5CBD3EB321D2D7FD7CF6817",
            "Bold, Italic, Underline and Strikethrough.",
        ),
        ("07919730071111F1400B919746121611F100008111701222822310050A03000410846F3619F476B3F3", "Bold only"),
    ];
    for (hex, text) in cases {
        let (_, deliver) = deliver(hex);
        assert_eq!((deliver.user_data.text().as_str(), deliver.user_data.concatenation()), (text, None));
    }
}

#[test]
fn deliver_in_parts() {
    let cases: [(&[&str], u16, &str); 4] = [
        (
            &[
                "07919730071111F1400B919746121611F10000811170021222230E06080412340201C8329BFD6601",
                "07919730071111F1400B919746121611F10000811170021232230F06080412340202A0FB5BCE268700",
            ],
            0x1234,
            "Hello, world!",
        ),
        (
            &[
                "07919730071111F1400B919746121611F10000811170021222230B06080412350201C8340B",
                "07919730071111F1400B919746121611F10000811170021232230F06080412350202A0FB5BCE268700",
            ],
            0x1235,
            "Hi, world!",
        ),
        (
            &[
                "07919730071111F1400B919746121611F10000811170021222230E060804123403015774987E9A03",
                "07919730071111F1400B919746121611F10000811170021232230C06080412340302A03A9C05",
                "07919730071111F1400B919746121611F10000811170021242230D06080412340303A076D8FD03",
            ],
            0x1234,
            "What's up, man?",
        ),
        (
            &[
                "07919730071111F1400B919746121611F10000100161916223230D0500032E020190E175DD1D06",
                "07919730071111F1400B919746121611F10000100161916233230E0500032E020240ED303D4C0F03",
            ],
            0x2E,
            "Hakuna matata",
        ),
    ];
    for (hexes, reference, text) in cases {
        let parts: Vec<_> = hexes.iter().map(|hex| deliver(hex).1.user_data).collect();
        let total = u8::try_from(parts.len()).unwrap();
        for (user_data, sequence) in parts.iter().zip(1..) {
            assert_eq!(user_data.concatenation(), part(reference, total, sequence));
        }
        assert_eq!(reassemble(&parts), text);
    }
}

#[test]
fn submit_to_numbers_of_two_kinds() {
    for (hex, to) in [("000100039199F9000005C8329BFD06", "+999"), ("000100038199F9000005C8329BFD06", "999")] {
        let (_, submit) = submit(hex);
        assert_eq!((submit.destination.text().as_str(), submit.user_data.text().as_str()), (to, "Hello"));
    }
}

#[test]
fn packed_septets() {
    let cases = [
        ("abcdefghijklmnopqrstuvwxyz", "61F1985C369FD169F59ADD76BFE171F99C5EB7DFF1793D"),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "41E19058341E9149E592D9743EA151E9945AB55EB1592D"),
        ("0123456789", "B0986C46ABD96EB81C"),
        ("a", "61"),
        ("ab", "6131"),
        ("abcdefg", "61F1985C369F01"),
        ("abcdefg@", "61F1985C369F01"),
        ("abcdefgh", "61F1985C369FD1"),
        ("abcdefghi", "61F1985C369FD169"),
    ];
    let to = Address::short_code("1").unwrap();
    for (text, packed) in cases {
        let written = hex_of(&plain_submits(&to, text, 1, [0; 3]));
        assert_eq!(written, [format!("01000181F10000{:02X}{packed}", text.len())]);
    }
}
