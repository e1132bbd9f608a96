//! warthog618/sms: README.md, cmd/smsdecode/smsdecode_test.go, encoding/tpdu/submit_internal_test.go,
//! encoding/tpdu/deliver_internal_test.go. MIT, copyright 2018 Kent Gibson.

use super::*;

const LONG: &str = "this is a very long message that does not fit in a single SMS message, at least it will if I keep \
                    adding more to it as 160 characters is more than you might think 😁";

#[test]
fn deliver_from_a_modem() {
    check(
        "07911614220991F1040B911605935713F200008140806113912304D7F79B0E",
        ("+61412290191", "+61503975312", "2018-04-08T08:31:19Z", "Woot"),
    );
    check("00040491361900005150713220052308C8303A8C0EA3C3", ("", "+6391", "2015-05-17T15:02:50Z", "Hahahaha"));
}

#[test]
fn deliver_in_three_parts() {
    let tpdus = [
        "400B911605935713F20008814080611373238C050003C00301007400680069007300200069007300200061002000760065007200790020006C006F006E00670020006D0065007300730061006700650020007400680061007400200064006F006500730020006E006F0074002000660069007400200069006E00200061002000730069006E0067006C006500200053004D00530020006D0065007300730061",
        "400B911605935713F20008814080611373238C050003C0030200670065002C0020006100740020006C0065006100730074002000690074002000770069006C006C002000690066002000490020006B00650065007000200061006400640069006E00670020006D006F0072006500200074006F0020006900740020006100730020003100360030002000630068006100720061006300740065007200730020",
        "440B911605935713F200088140806113832344050003C00303006900730020006D006F007200650020007400680061006E00200079006F00750020006D00690067006800740020007400680069006E006B0020D83DDE01",
    ];
    let parts: Vec<_> = tpdus.iter().map(|tpdu| deliver(&format!("00{tpdu}")).1).collect();
    for (deliver, sequence) in parts.iter().zip(1..) {
        assert_eq!(deliver.user_data.concatenation(), part(0xC0, 3, sequence));
        assert_eq!(deliver.more_to_come, sequence < 3);
        assert_eq!(deliver.originator.text(), "+61503975312");
    }
    let user_data: Vec<_> = parts.into_iter().map(|deliver| deliver.user_data).collect();
    assert_eq!(reassemble(&user_data), LONG);
}

#[test]
fn submit_of_one_text() {
    let to = Address::international("12345").unwrap();
    let written = plain_submits(&to, "Hello world", 1, [1, 2, 3]);
    assert_eq!(hex_of(&written), ["010105912143F500000BC8329BFD06DDDF723619"]);
    let (frame, submit) = submit("07911614220991f1010005912143f500000bc8329bfd06dddf723619");
    assert_eq!(frame.service_centre.map(|address| address.text()).as_deref(), Some("+61412290191"));
    assert_eq!((submit.destination.text().as_str(), submit.user_data.text().as_str()), ("+12345", "Hello world"));
}

#[test]
fn submit_in_three_parts() {
    let to = Address::international("12345").unwrap();
    let written = hex_of(&plain_submits(&to, LONG, 1, [1, 2, 3]));
    let expected = [
        "410105912143f500088c050003010301007400680069007300200069007300200061002000760065007200790020006c006f006e00670020006d0065007300730061006700650020007400680061007400200064006f006500730020006e006f0074002000660069007400200069006e00200061002000730069006e0067006c006500200053004d00530020006d0065007300730061",
        "410205912143f500088c05000301030200670065002c0020006100740020006c0065006100730074002000690074002000770069006c006c002000690066002000490020006b00650065007000200061006400640069006e00670020006d006f0072006500200074006f0020006900740020006100730020003100360030002000630068006100720061006300740065007200730020",
        "410305912143f5000844050003010303006900730020006d006f007200650020007400680061006e00200079006f00750020006d00690067006800740020007400680069006e006b0020d83dde01",
    ];
    assert_eq!(written, expected.map(str::to_uppercase));
}

#[test]
fn submit_with_a_relative_validity() {
    let (_, submit) = submit("0011230491361934004508C8303A8C0EA3C3");
    let period = RelativeValidity::at_least(Duration::from_secs(350 * 60));
    assert_eq!(submit.validity, Some(Validity::Relative(period)));
    assert_eq!((submit.reference, submit.protocol), (MessageReference(0x23), ProtocolId::from_octet(0x34)));
    assert_eq!((submit.destination.text().as_str(), submit.user_data.text().as_str()), ("+6391", "Hahahaha"));
}

#[test]
fn what_is_cut_short_is_an_error_at_its_place() {
    let place = |tpdu: &str| Submit::decode(&from_hex(tpdu).unwrap()).map_err(|error| (error.field, error.octet)).err();
    assert_eq!(place(""), Some(("message-type", 0)));
    assert_eq!(place("01"), Some(("message-reference", 1)));
    assert_eq!(place("0123"), Some(("destination", 2)));
    assert_eq!(place("012304913619"), Some(("protocol", 6)));
    assert_eq!(place("01230491361900"), Some(("data-coding", 7)));
    assert_eq!(place("1123049136193400"), Some(("validity-period", 8)));
}
