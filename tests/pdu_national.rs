//! What holds for every text by the national language tables (3GPP TS 23.038 annex A).
//!
//! What each table holds is found out by reading messages with one character each. By that it is counted anew how many
//! parts a text takes, and compared with what is written.

#![allow(clippy::unwrap_used, reason = "in a test, what is not there is a failure")]

use std::collections::HashMap;
use std::sync::LazyLock;

use proptest::prelude::*;
use smsotpd::ids::MessageReference;
use smsotpd::pdu::{
    Address, Deliver, Encoding, Language, Languages, ProtocolId, Submit, UserData, measure, measure_with, reassemble,
    segment_in,
};

/// The default tables, then those of every language: single shift, locking shift, both.
static TABLES: LazyLock<Vec<(Option<Language>, Tables)>> = LazyLock::new(|| {
    let plain = (None, Tables::read(None, None));
    let national = Language::ALL.into_iter().zip(1..).flat_map(|(language, identifier)| {
        [(Some(identifier), None), (None, Some(identifier)), (Some(identifier), Some(identifier))]
            .map(|(single, locking)| (Some(language), Tables::read(single, locking)))
    });
    std::iter::once(plain).chain(national).collect()
});

/// What one pair of tables can write.
struct Tables {
    /// How many septets each character takes.
    widths: HashMap<char, usize>,
    /// How many octets of header name the tables.
    header: usize,
}

impl Tables {
    fn read(single: Option<u8>, locking: Option<u8>) -> Self {
        let header: Vec<u8> =
            [(0x24, single), (0x25, locking)].iter().flat_map(|(id, of)| of.map(|of| [*id, 1, of])).flatten().collect();
        let septets = || (0..128).filter(|septet| *septet != 0x1B);
        let mut widths: HashMap<char, usize> = septets().map(|septet| (read(&header, &[septet]), 1)).collect();
        for septet in septets() {
            widths.entry(read(&header, &[0x1B, septet])).or_insert(2);
        }
        Self { widths, header: header.len() }
    }

    /// How many messages a text takes; none when it cannot be written.
    fn parts(&self, text: &str) -> Option<usize> {
        let widths: Vec<usize> = text.chars().map(|c| self.widths.get(&c).copied()).collect::<Option<_>>()?;
        let room = |elements: usize| match elements {
            0 => 160,
            _ => (160 * 7 - (1 + elements) * 8) / 7,
        };
        Some(parts(&widths, room(self.header), room(self.header + 5)))
    }
}

/// Fills one message, or as many as it takes.
fn parts(widths: &[usize], alone: usize, part: usize) -> usize {
    if widths.iter().sum::<usize>() <= alone {
        return 1;
    }
    let (mut parts, mut left) = (0, 0);
    for width in widths {
        if *width > left {
            (parts, left) = (parts + 1, part);
        }
        left -= width;
    }
    parts
}

/// The one character that these septets show after this header.
fn read(header: &[u8], septets: &[u8]) -> char {
    let header: Vec<u8> =
        if header.is_empty() { Vec::new() } else { [&[u8::try_from(header.len()).unwrap()], header].concat() };
    let before = (header.len() * 8).div_ceil(7);
    let packed =
        septets.iter().zip(before..).fold(0u128, |bits, (septet, place)| bits | u128::from(*septet) << (7 * place));
    let count = before + septets.len();
    let mut user_data = packed.to_le_bytes()[..(count * 7).div_ceil(8)].to_vec();
    user_data[..header.len()].copy_from_slice(&header);
    let first = if header.is_empty() { 0x04 } else { 0x44 };
    let mut tpdu = vec![first, 0x02, 0x91, 0x21, 0, 0, 0x62, 0x10, 0x13, 0x21, 0x43, 0x65, 0x80];
    tpdu.push(u8::try_from(count).unwrap());
    tpdu.extend(user_data);
    let text = Deliver::decode(&tpdu).unwrap().user_data.text();
    assert_eq!(text.chars().count(), 1, "{tpdu:02x?}");
    text.chars().next().unwrap()
}

/// A text of what one pair of tables has, or of that and letters, or of anything.
fn text() -> impl Strategy<Value = String> {
    let of_tables = (0..TABLES.len(), any::<bool>()).prop_flat_map(|(tables, letters)| {
        let mut characters: Vec<char> = TABLES[tables].1.widths.keys().copied().collect();
        characters.sort_unstable();
        let letters = prop::char::range('a', if letters { 'z' } else { 'a' });
        let one = prop_oneof![prop::sample::select(characters), letters];
        proptest::collection::vec(one, 0..500).prop_map(String::from_iter)
    });
    prop_oneof![8 => of_tables, 1 => "[a-zşığç ]{0,400}", 1 => any::<String>()]
}

fn languages() -> impl Strategy<Value = Languages> {
    prop_oneof![
        Just(Language::ALL.into_iter().collect()),
        proptest::sample::subsequence(&Language::ALL, 0..=13).prop_map(|some| some.into_iter().collect()),
    ]
}

fn carried(user_data: &UserData) -> UserData {
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
    Submit::decode(&submit.encode().unwrap()).unwrap().user_data
}

proptest! {
    #[test]
    fn a_text_takes_the_fewest_parts_and_its_plainest_encoding(text in text(), languages in languages()) {
        let measure = measure_with(&text, languages);
        let widths: Vec<usize> = text.chars().map(char::len_utf16).collect();
        let ucs2 = parts(&widths, 70, 67);
        let allowed = |of: &Option<Language>| of.is_some_and(|of| languages.iter().any(|language| language == of));
        let national = TABLES.iter().filter(|(of, _)| allowed(of)).filter_map(|(_, tables)| tables.parts(&text)).min();
        match (TABLES[0].1.parts(&text), measure.encoding) {
            (Some(plain), encoding) => prop_assert_eq!((encoding, measure.parts), (Encoding::Gsm7, plain)),
            (None, Encoding::Ucs2) => {
                prop_assert_eq!(measure.parts, ucs2);
                prop_assert!(national.is_none_or(|parts| parts >= ucs2));
            }
            (None, Encoding::National(language)) => {
                prop_assert!(allowed(&Some(language)));
                prop_assert_eq!(Some(measure.parts), national);
                prop_assert!(measure.parts < ucs2);
            }
            (None, Encoding::Gsm7) => prop_assert!(false, "a character is not in the default alphabet"),
        }
    }

    #[test]
    fn what_is_written_is_read_from_each_part_alone(text in text(), languages in languages(), reference: u16) {
        let encoding = measure_with(&text, languages).encoding;
        let sent = segment_in(&text, encoding, reference).unwrap();
        let received: Vec<UserData> = sent.iter().map(carried).collect();
        prop_assert_eq!(&received, &sent);
        prop_assert_eq!(received.iter().map(UserData::text).collect::<String>(), text.clone());
        prop_assert_eq!(reassemble(&received), text);
    }

    #[test]
    fn parts_are_as_many_as_were_measured(text in text(), languages in languages(), reference: u8) {
        let measure = measure_with(&text, languages);
        prop_assert_eq!(segment_in(&text, measure.encoding, reference.into()).unwrap().len(), measure.parts);
        prop_assert_eq!(measure.units <= measure.most, measure.parts == 1);
    }

    #[test]
    fn any_text_in_any_encoding_is_written_as_it_is_or_refused(text in text(), language in prop::sample::select(&Language::ALL)) {
        if let Ok(parts) = segment_in(&text, Encoding::National(language), 7) {
            prop_assert_eq!(reassemble(&parts), text);
        }
    }

    #[test]
    fn without_languages_nothing_changes(text in text()) {
        prop_assert_eq!(measure_with(&text, Languages::NONE), measure(&text));
    }
}
