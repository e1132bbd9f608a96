//! The Android Open Source Project, as kept by LineageOS/android_frameworks_opt_telephony:
//! tests/telephonytests/src/com/android/internal/telephony/GsmSmsTest.java. Apache-2.0.

use super::*;

#[test]
fn deliver_from_numbers_of_several_kinds() {
    let cases = [
        ("07914151551512F2040B916105551511F100006060605130308A04D4F29C0E", "+16505551111"),
        ("07914151551512F20409E1BADCBE5AF100006060605130308A04D4F29C0E", "*#abc#*51"),
    ];
    for (hex, from) in cases {
        let (frame, deliver) = deliver(hex);
        assert_eq!(frame.service_centre.map(|address| address.text()).as_deref(), Some("+14155551212"));
        assert_eq!((deliver.originator.text().as_str(), deliver.user_data.text().as_str()), (from, "Test"));
    }
}

#[test]
fn deliver_with_characters_of_the_extension_table() {
    let (_, deliver) = deliver(
        "07914151551512F2040B916105551511F100006080615131728A44D4F29C0E2AE3E96537B94C068DD16179784C2FCB41F4B0985D06B958ADD00FB0E94536AF974974DA6D281BA00E95E26D509B946FC3DBF87A25D56A04",
    );
    let text = "Test extended character table .,-!?@~_\\/&\"';^|:()<{}>[]=%*+#";
    assert_eq!(deliver.user_data.text(), text);
    assert_eq!(measure(text).encoding, Encoding::Gsm7);
}

#[test]
fn deliver_in_ucs2() {
    let (_, deliver) =
        deliver("07912160130300F4040B914151245584F600087010807121352B10212200A900AE00680065006C006C006F");
    assert_eq!(deliver.user_data.text(), "™©®hello");
}

#[test]
fn deliver_in_two_parts() {
    let hexes = [
        "07916163838408F6440B816105224431F700007060217175830AA005000300020162B1582C168BC562B1582C168BC562B1582C168BC562B1582C168BC562B1582C168BC562B1582C168BC562B1582C168BC562B1582C168BC562B1582C168BC562B1582C168BC562B1582C168BC562B1582C168BC562B1582C168BC562B1582C168BC562B1582C168BC562B1582C168BC562B1582C168BC562B1582C168BC562B1582C168BC562",
        "07916163838408F6440B816105224431F700007060217185000A2305000300020262B1582C168BC96432994C2693C96432994C2693C96432990C",
    ];
    let parts = hexes.map(|hex| deliver(hex).1.user_data);
    assert_eq!(parts.each_ref().map(UserData::concatenation), [part(0, 2, 1), part(0, 2, 2)]);
    assert_eq!(parts[1].text(), "1111111222222222222222222222");
    assert_eq!(reassemble(&parts), "1".repeat(160) + &"2".repeat(21));
}

#[test]
fn deliver_of_data_between_ports_in_two_parts() {
    let (_, deliver) = deliver(
        "07914140279510F6440A8111110301003BF56080207130138A8C0B05040B8423F000032A02010106276170706C69636174696F6E2F766E642E7761702E6D6D732D6D65737361676500AF848D0185B4848C8298524E453955304A6D713551414142666C414141414D7741414236514141414141008D908918802B31353132323937373638332F545950453D504C4D4E008A808E022B918805810306977F83687474703A2F2F36",
    );
    assert_eq!(deliver.user_data.concatenation(), part(42, 2, 1));
    assert_eq!(deliver.coding.class(), Some(MessageClass::Class1));
    assert_eq!(deliver.user_data.octets().map(<[u8]>::len), Some(128));
    assert_eq!(deliver.user_data.text(), "");
}

#[test]
fn deliver_that_says_what_waits() {
    let voicemail = |active| Some(MessageWaiting { active, indication: Indication::Voicemail, store: false });
    let cases = [
        ("07912180958750F84401800500C87020026195702B06040102000200", voicemail(true)),
        ("07912180958750F84401800500C07020027160112B06040102000000", voicemail(false)),
    ];
    for (hex, waiting) in cases {
        let deliver = Deliver::decode(&Frame::from_hex(hex).unwrap().tpdu).unwrap();
        assert_eq!((deliver.coding.waiting(), deliver.user_data.text().as_str()), (waiting, ""));
        assert_eq!(deliver.originator.text(), "5");
    }
}

#[test]
fn deliver_that_takes_the_place_of_another() {
    let (_, deliver) = deliver("07912160130310F20404D0110041006060627171118A0120");
    assert_eq!((deliver.originator.text().as_str(), deliver.user_data.text().as_str()), ("_@", " "));
    assert_eq!(deliver.protocol.replace_type(), Some(1));
}

#[test]
fn submit_to_a_recipient() {
    let (_, submit) = submit("0891683108200505F011000D91683196032930F000000006C8329BFD0E01");
    assert_eq!(submit.destination.text(), "+8613693092030");
    assert_eq!(submit.validity, Some(Validity::Relative(RelativeValidity::at_least(Duration::from_secs(300)))));
}
