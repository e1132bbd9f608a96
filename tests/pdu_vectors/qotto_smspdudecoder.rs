//! qotto/smspdudecoder: README.md, smspdudecoder/fields.py, tests/test_codecs.py. MIT, copyright 2018 Qotto.

use super::*;

#[test]
fn deliver_of_one_text() {
    check(
        "07916407058099F9040B916407950303F100008921222140140004D4E2940A",
        ("+46705008999", "+46705930301", "2098-12-22T12:04:41Z", "TEST"),
    );
}

#[test]
fn addresses() {
    for (address, text) in [
        ("0B915155214365F7", "+15551234567"),
        ("0BD0CDE6DB5DCE03", "MMoney"),
        ("14D0C4F23C7D760390EF7619", "Design@Home"),
    ] {
        let (_, submit) = submit(&format!("000100{address}000004D4E2940A"));
        assert_eq!(submit.destination.text(), text);
    }
}

#[test]
fn packed_septets() {
    let to = Address::short_code("1").unwrap();
    let long = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et \
                dolore magna aliqua.";
    let packed = "CCB7BCDC06A5E1F37A1B447EB3DF72D03C4D0785DB653A0B347EBBE7E531BD4CAFCB4161721A9E9E8FD3EE33A8CC4ED359A079990C22BF41E5747DDE7E9341F4721BFE9683D2EE719A9C26D7DD74509D0E6287C56F791954A683C86FF65B5E06B5C36777181466A7E3F5B00B";
    for (text, packed) in
        [("hello", "E8329BFD06"), ("12345678", "31D98C56B3DD70"), ("[10€]", "1B5E0CB6296F7C"), (long, packed)]
    {
        let written = hex_of(&plain_submits(&to, text, 1, [0; 3]));
        assert_eq!(written, [format!("01000181F10000{:02X}{packed}", measure(text).units)]);
    }
}
