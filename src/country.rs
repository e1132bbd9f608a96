//! Countries: which one a telephone number or a network belongs to, and what is read there.
//!
//! The table is `country/countries.csv`: ISO 3166-1 alpha-2 code (and `XK`), calling prefixes (ITU-T E.164, below a country
//! code only as far as a prefix tells two territories apart), mobile country codes (ITU-T E.212), languages (BCP 47), and
//! how mobile numbers are written there: calling code, how many digits stand behind it, how those begin, what is dialled
//! before them within the country (with `?` where people leave it out), and `00` where that is dialled for abroad (ITU-T's
//! Operational Bulletin, national numbering plans). Nothing where it takes more to know.
//! A territory follows the country whose mobile country code it shares. Of several languages the first is what most
//! people there read in messages, by what operators and offices write; one that is widely understood follows when
//! smsotpd has no text in the first.
//!
//! Its one rule: the longest prefix decides; numbers of no country, such as satellite phones and services that are paid
//! for by whoever calls (+800, +870, +979), have none.

mod region;

use std::fmt;
use std::sync::LazyLock;

use crate::phone::PhoneNumber;

pub use region::{GivenError, Region, RegionError, as_one_number, complete};

/// The table as it is written.
const TABLE: &str = include_str!("country/countries.csv");

/// A country, or a territory with calling prefixes of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Country {
    iso: &'static str,
    prefixes: &'static str,
    mccs: &'static str,
    languages: &'static str,
    code: &'static str,
    digits: &'static str,
    starts: &'static str,
    dialled: &'static str,
    abroad: &'static str,
}

/// The countries in the order of the table, and their prefixes in the order of their digits.
struct Index {
    countries: Vec<Country>,
    prefixes: Vec<(&'static str, usize)>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let countries: Vec<Country> = TABLE.lines().skip(1).filter_map(row).collect();
    let of_one = |(at, country): (usize, &Country)| country.prefixes().map(move |prefix| (prefix, at));
    let mut prefixes: Vec<_> = countries.iter().enumerate().flat_map(of_one).collect();
    prefixes.sort_unstable();
    Index { countries, prefixes }
});

fn row(line: &'static str) -> Option<Country> {
    let mut fields = line.split(',');
    let mut next = || fields.next();
    Some(Country {
        iso: next()?,
        prefixes: next()?,
        mccs: next()?,
        languages: next()?,
        code: next()?,
        digits: next()?,
        starts: next()?,
        dialled: next()?,
        abroad: next()?,
    })
}

/// The country a number belongs to; none for numbers that belong to no country, or begin as nobody's do.
#[must_use]
pub fn of_number(number: &PhoneNumber) -> Option<&'static Country> {
    let index = &*INDEX;
    let mut digits = number.digits();
    loop {
        // In the order of their digits, a prefix of the number stands before it, a longer one after a shorter.
        let after = index.prefixes.partition_point(|(prefix, _)| *prefix <= digits);
        let (prefix, at) = index.prefixes.get(after.checked_sub(1)?)?;
        let alike = prefix.bytes().zip(digits.bytes()).take_while(|(one, other)| one == other).count();
        if alike == prefix.len() {
            return index.countries.get(*at);
        }
        // Every other prefix of the number that is in the table is one of what this one shares with it.
        digits = &digits[..alike];
    }
}

/// The country of the networks with this mobile country code: the first three digits of an IMSI or of a network's
/// number. Where territories share it, the country that they belong to.
#[must_use]
pub fn of_mcc(mcc: &str) -> Option<&'static Country> {
    all().iter().find(|country| country.mccs().any(|known| known == mcc))
}

/// The country with this ISO 3166-1 alpha-2 code, in capitals.
#[must_use]
pub fn of_iso(iso: &str) -> Option<&'static Country> {
    all().iter().find(|country| country.iso == iso)
}

/// Every country.
#[must_use]
pub fn all() -> &'static [Country] {
    &INDEX.countries
}

impl Country {
    /// Its ISO 3166-1 alpha-2 code, for instance `DE`.
    #[must_use]
    pub const fn iso(&self) -> &'static str {
        self.iso
    }

    /// How its numbers begin, without `+`. Some numbers that begin so can belong to another country, one with a longer
    /// prefix.
    pub fn prefixes(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.prefixes.split(' ')
    }

    /// The mobile country codes of its networks. A territory shares that of another country.
    pub fn mccs(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.mccs.split(' ')
    }

    /// The language that most people there read in messages, for instance `de`.
    #[must_use]
    pub fn language(&self) -> &'static str {
        self.locales().next().and_then(|locale| locale.split('-').next()).unwrap_or("en")
    }

    /// Its languages with the country behind them, for instance `de-AT`; the main one first, then one that is widely
    /// understood.
    pub fn locales(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.languages.split(' ')
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.iso)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.iso)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Every country code that ITU-T has assigned to a country or a group of them (Annex to the Operational Bulletin).
    const CALLING_CODES: [u16; 208] = [
        1, 7, 20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58,
        60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98, 211, 212, 213, 216, 218, 220, 221, 222,
        223, 224, 225, 226, 227, 228, 229, 230, 231, 232, 233, 234, 235, 236, 237, 238, 239, 240, 241, 242, 243, 244,
        245, 246, 247, 248, 249, 250, 251, 252, 253, 254, 255, 256, 257, 258, 260, 261, 262, 263, 264, 265, 266, 267,
        268, 269, 290, 291, 297, 298, 299, 350, 351, 352, 353, 354, 355, 356, 357, 358, 359, 370, 371, 372, 373, 374,
        375, 376, 377, 378, 379, 380, 381, 382, 383, 385, 386, 387, 389, 420, 421, 423, 500, 501, 502, 503, 504, 505,
        506, 507, 508, 509, 590, 591, 592, 593, 594, 595, 596, 597, 598, 599, 670, 672, 673, 674, 675, 676, 677, 678,
        679, 680, 681, 682, 683, 685, 686, 687, 688, 689, 690, 691, 692, 850, 852, 853, 855, 856, 880, 886, 960, 961,
        962, 963, 964, 965, 966, 967, 968, 970, 971, 972, 973, 974, 975, 976, 977, 992, 993, 994, 995, 996, 997, 998,
    ];

    fn iso(digits: &str) -> Option<&'static str> {
        of_number(&PhoneNumber::from_digits(digits).unwrap()).map(Country::iso)
    }

    #[test]
    fn every_row_is_well_formed_and_nothing_is_said_twice() {
        assert_eq!(TABLE.lines().count(), all().len() + 1, "a row has too few fields");
        let (mut isos, mut prefixes) = (BTreeSet::new(), BTreeSet::new());
        for country in all() {
            let is = |text: &str, length: usize, kind: fn(&u8) -> bool| {
                text.len() == length && text.bytes().all(|octet| kind(&octet))
            };
            assert!(is(country.iso, 2, u8::is_ascii_uppercase), "{country}");
            assert!(isos.insert(country.iso), "{country} stands twice");
            for prefix in country.prefixes() {
                assert!(is(prefix, prefix.len().clamp(1, 8), u8::is_ascii_digit), "{country} {prefix}");
                assert!(prefixes.insert(prefix), "{prefix} stands twice");
            }
            for mcc in country.mccs() {
                assert!(is(mcc, 3, u8::is_ascii_digit), "{country} {mcc}");
            }
            for locale in country.locales() {
                let (language, region) = locale.split_once('-').unwrap();
                assert!(is(language, 2, u8::is_ascii_lowercase) && region == country.iso, "{country} {locale}");
            }
        }
    }

    #[test]
    fn every_calling_code_belongs_to_a_country_and_no_other_does() {
        for code in 1..1000_u16 {
            let digits = format!("{code}99999999");
            let assigned = CALLING_CODES.iter().any(|code| digits.starts_with(&code.to_string()));
            assert_eq!(iso(&digits).is_some(), assigned, "+{digits}");
        }
    }

    #[test]
    fn a_number_belongs_to_the_country_of_its_longest_prefix() {
        let cases = "US 12125550100, US 15551234567, CA 14165550100, CA 16045550100, DO 18295550100, JM 18765550100, \
                     JM 16585550100, PR 17875550100, BS 12425550100, TT 18685550100, BM 14415550100, GU 16715550100, \
                     SX 17215550100, RU 79161234567, RU 74951234567, KZ 77011234567, KZ 76001234567, DE 4915112345678, \
                     AT 436641234567, CH 41791234567, LI 4236601234, FR 33612345678, MC 37761234567, GP 590690123456, \
                     BL 590590271234, MF 590590871234, MQ 596696123456, GF 594694123456, RE 262692123456, \
                     YT 262639123456, YT 262269123456, GB 447700900123, GB 442079460018, GG 447781123456, \
                     GG 441481123456, GG 447911712345, JE 447797123456, JE 441534123456, IM 447624123456, \
                     IM 441624123456, IT 393331234567, IT 390612345678, VA 390669812345, SM 37866123456, \
                     SM 390549123456, NO 4791234567, SJ 4779123456, FI 358401234567, AX 358181234567, ES 34612345678, \
                     PT 351912345678, MA 212612345678, EH 212528812345, SH 29051234, SH 24741234, CW 59995123456, \
                     BQ 5993181234, BQ 5997171234, AU 61412345678, CX 61891641234, CC 61891621234, NF 672381234, \
                     AQ 672112345, XK 38343123456, RS 381601234567, TW 886912345678, HK 85251234567, CN 8613812345678, \
                     IN 919812345678, ID 6281234567890, IL 972501234567, PS 970591234567, CD 243812345678, \
                     CG 242061234567, SS 211912345678, BR 5511912345678, MX 5215512345678, ZA 27821234567";
        for case in cases.split(", ") {
            let (country, digits) = case.split_once(' ').unwrap();
            assert_eq!(iso(digits), Some(country), "+{digits}");
        }
    }

    #[test]
    fn what_follows_a_prefix_leads_to_it_or_to_a_longer_one() {
        let longest = |digits: &str| {
            let prefixes =
                all().iter().flat_map(|country| country.prefixes().map(|prefix| (prefix.len(), country.iso, prefix)));
            prefixes.filter(|(_, _, prefix)| digits.starts_with(prefix)).max().map(|(_, iso, _)| iso)
        };
        for prefix in all().iter().flat_map(Country::prefixes) {
            for next in 0..10 {
                let digits = format!("{prefix}{next}5550000")[..(prefix.len() + 7).min(15)].to_owned();
                assert_eq!(iso(&digits), longest(&digits), "+{digits}");
            }
        }
    }

    #[test]
    fn what_belongs_to_no_country_has_none() {
        for digits in ["80012345678", "870773112345", "881612345678", "882161234567", "97912345678", "99912345678"] {
            assert_eq!(iso(digits), None, "+{digits}");
        }
    }

    #[test]
    fn a_shared_mobile_country_code_is_that_of_the_country_the_territories_belong_to() {
        let mut shared: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for country in all() {
            country.mccs().for_each(|mcc| shared.entry(mcc).or_default().push(country.iso));
        }
        shared.retain(|_, isos| isos.len() > 1);
        let first: BTreeMap<_, _> = shared.iter().map(|(mcc, isos)| (*mcc, isos[0])).collect();
        let expected = [
            ("234", "GB"),
            ("242", "NO"),
            ("244", "FI"),
            ("340", "GP"),
            ("362", "CW"),
            ("425", "IL"),
            ("505", "AU"),
            ("604", "MA"),
            ("647", "RE"),
        ];
        assert_eq!(first, BTreeMap::from(expected));
        for (mcc, iso) in expected {
            assert_eq!(of_mcc(mcc).map(Country::iso), Some(iso));
        }
    }

    #[test]
    fn a_network_belongs_to_the_country_of_its_code() {
        for (mcc, iso) in
            [("262", "DE"), ("310", "US"), ("302", "CA"), ("235", "GB"), ("404", "IN"), ("250", "RU"), ("401", "KZ")]
        {
            assert_eq!(of_mcc(mcc).map(Country::iso), Some(iso), "{mcc}");
        }
        for none in ["901", "001", "999", "", "26", "2620"] {
            assert_eq!(of_mcc(none), None, "{none}");
        }
    }

    #[test]
    fn a_country_is_found_by_its_code_and_speaks() {
        let austria = of_iso("AT").unwrap();
        assert_eq!((austria.language(), austria.locales().collect::<Vec<_>>()), ("de", vec!["de-AT"]));
        let albania = of_iso("AL").unwrap();
        assert_eq!((albania.language(), albania.locales().last()), ("sq", Some("en-AL")));
        assert_eq!((of_iso("at"), of_iso("UK")), (None, None));
    }
}
