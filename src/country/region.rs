//! Numbers as they are written within a country: without its code, behind what is dialled first there.
//!
//! Only what looks like a mobile number of the country in every way is read so: how it begins, how long it is, and what
//! stands before it. A number that lacks its `+` and is one of another country then mostly does not; where nothing is
//! dialled first, or people leave it out, one can, and nobody could tell.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Country, of_iso, of_number};
use crate::phone::{GivenNumber, NationalNumber, PhoneError, PhoneNumber};

/// A country whose numbers can be read as they are written there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct Region {
    country: &'static Country,
    /// The fewest digits that a mobile number has behind the country's code.
    fewest: usize,
    /// The most.
    most: usize,
    /// What is dialled before them within the country, each way; nothing where nothing is.
    dialled: &'static str,
    /// Whether people leave that out when they write one.
    is_left_out: bool,
}

/// A text that is no such country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegionError {
    /// No country is called so.
    #[error("expected a country's two letters in capitals (ISO 3166), for instance `DE`")]
    Unknown,
    /// It takes more than that to tell a number from how it is written there.
    #[error("numbers of {0} cannot be read without their country code")]
    NotPlain(&'static Country),
}

/// A number that cannot be taken as it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GivenError {
    /// It has no country code, and no region is known by which to read it; or it is no number with its code.
    #[error(transparent)]
    Phone(#[from] PhoneError),
    /// It is not written as a mobile number of the region is.
    #[error("{0}; write any other number with `+` and its country code, for example +15551234567")]
    NotOne(Region),
}

/// The number with its country code, by the region where it stands without.
///
/// # Errors
/// [`GivenError`] when it is no number.
pub fn complete(given: GivenNumber, region: Option<Region>) -> Result<PhoneNumber, GivenError> {
    match (given, region) {
        (GivenNumber::National(_), None) => Err(PhoneError::NotInternational.into()),
        (GivenNumber::National(number), Some(region)) => region.complete(&number),
        // Where something else is dialled for abroad, this is the beginning of it, or nothing.
        (GivenNumber::BehindZeros(_), Some(region)) if region.country.abroad != "00" => Err(GivenError::NotOne(region)),
        (GivenNumber::BehindZeros(number) | GivenNumber::International(number), _) => Ok(as_one_number(number)),
    }
}

/// A mobile number without what is dialled first only within its country and was left behind the code, as in
/// `+49 (0)171 1234567`: so that one recipient is one number. Every other number as it is.
#[must_use]
pub fn as_one_number(number: PhoneNumber) -> PhoneNumber {
    let without = of_number(&number).and_then(Region::of).and_then(|region| region.without_stray(&number));
    without.unwrap_or(number)
}

impl Region {
    /// The region that this country is, if its numbers can be read so.
    #[must_use]
    pub fn of(country: &'static Country) -> Option<Self> {
        let (fewest, most) = country.digits.split_once('-').unwrap_or((country.digits, country.digits));
        let dialled = country.dialled.trim_end_matches('?');
        let is_left_out = dialled.is_empty() || country.dialled != dialled;
        Some(Self { country, fewest: fewest.parse().ok()?, most: most.parse().ok()?, dialled, is_left_out })
    }

    /// The number in its international form.
    ///
    /// # Errors
    /// [`GivenError::NotOne`] when it is not written as a mobile number of the region is.
    pub fn complete(self, number: &NationalNumber) -> Result<PhoneNumber, GivenError> {
        let bare = || self.bare(number).filter(|_| self.is_left_out);
        let national = self.behind_what_is_dialled(number).or_else(bare).ok_or(GivenError::NotOne(self))?;
        Ok(self.with_code(national)?)
    }

    /// The same of digits that a network of the region gives: it may leave out what people do not.
    #[must_use]
    pub fn complete_from_network(self, number: &NationalNumber) -> Option<PhoneNumber> {
        let national = self.behind_what_is_dialled(number).or_else(|| self.bare(number))?;
        self.with_code(national).ok()
    }

    /// The number without what stands in the way of its being a mobile number; `None` when it is one, or cannot be.
    fn without_stray(self, number: &PhoneNumber) -> Option<PhoneNumber> {
        let rest = number.digits().strip_prefix(self.country.code)?;
        // 000 begins numbers of services in India.
        if self.is_mobile(rest) || rest.starts_with("000") {
            return None;
        }
        let mut without =
            self.ways_to_dial().filter_map(|first| Some(rest.strip_prefix(first)?.trim_start_matches('0')));
        self.with_code(without.find(|rest| self.is_mobile(rest))?).ok()
    }

    fn behind_what_is_dialled(self, number: &NationalNumber) -> Option<&str> {
        self.ways_to_dial().filter_map(|first| number.digits().strip_prefix(first)).find(|rest| self.is_mobile(rest))
    }

    /// What is dialled first within the country, each way.
    fn ways_to_dial(self) -> impl Iterator<Item = &'static str> {
        self.dialled.split(' ').filter(|first| !first.is_empty())
    }

    fn bare(self, number: &NationalNumber) -> Option<&str> {
        Some(number.digits()).filter(|digits| self.is_mobile(digits))
    }

    fn with_code(self, national: &str) -> Result<PhoneNumber, PhoneError> {
        PhoneNumber::from_digits(&format!("{}{national}", self.country.code))
    }

    fn is_mobile(self, digits: &str) -> bool {
        (self.fewest..=self.most).contains(&digits.len())
            && self.country.starts.split(' ').any(|start| digits.starts_with(start))
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl TryFrom<String> for Region {
    type Error = RegionError;

    fn try_from(iso: String) -> Result<Self, RegionError> {
        let country = of_iso(&iso).ok_or(RegionError::Unknown)?;
        Self::of(country).ok_or(RegionError::NotPlain(country))
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.country.iso().to_owned()
    }
}

/// What its mobile numbers look like: `a mobile number within DE has 10 to 11 digits behind 0, and begins as one there
/// does`.
impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a mobile number within {} has ", self.country)?;
        match (self.fewest, self.most) {
            (fewest, most) if fewest == most => write!(f, "{most} digits")?,
            (fewest, most) => write!(f, "{fewest} to {most} digits")?,
        }
        match self.ways_to_dial().next() {
            Some(first) if self.is_left_out => write!(f, ", with or without a {first} before them")?,
            Some(first) => write!(f, " behind {first}")?,
            None => {}
        }
        f.write_str(", and begins as one there does")
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.country.iso())
    }
}

#[cfg(test)]
mod tests {
    use super::super::all;
    use super::*;

    fn region(iso: &str) -> Region {
        Region::try_from(iso.to_owned()).unwrap()
    }

    fn read(iso: &str, text: &str) -> Result<String, GivenError> {
        complete(GivenNumber::parse(text)?, Some(region(iso))).map(|number| number.e164())
    }

    #[test]
    fn a_number_is_read_as_it_is_written_within_its_country() {
        for (iso, written, number) in [
            ("DE", "0171 1234567", "+491711234567"),
            ("DE", "01512 3456789", "+4915123456789"),
            ("DE", "+49 171 1234567", "+491711234567"),
            ("DE", "0033 6 12 34 56 78", "+33612345678"),
            ("US", "(555) 123-4567", "+15551234567"),
            ("US", "1 555 123 4567", "+15551234567"),
            ("PR", "212 555 1234", "+12125551234"),
            ("MC", "06 12 34 56 78", "+377612345678"),
            ("RE", "0692 12 34 56", "+262692123456"),
            ("GB", "07400 123456", "+447400123456"),
            ("FR", "06 12 34 56 78", "+33612345678"),
            ("CH", "078 123 45 67", "+41781234567"),
            ("AT", "0664 123456", "+43664123456"),
            ("HU", "06 20 123 4567", "+36201234567"),
            ("RU", "8 (912) 345-67-89", "+79123456789"),
            ("BY", "8 029 491-19-11", "+375294911911"),
            ("BY", "029 491-19-11", "+375294911911"),
            ("LT", "8 612 34567", "+37061234567"),
            ("LT", "0 612 34567", "+37061234567"),
            ("IT", "312 345 6789", "+393123456789"),
            ("IT", "393 123 4567", "+393931234567"),
            ("NO", "40 61 23 45", "+4740612345"),
            ("ES", "612 34 56 78", "+34612345678"),
            ("CI", "01 23 45 6789", "+2250123456789"),
            ("IN", "91234 56789", "+919123456789"),
            ("IN", "091234 56789", "+919123456789"),
            ("BR", "(11) 96123-4567", "+5511961234567"),
            ("TR", "0501 234 56 78", "+905012345678"),
        ] {
            assert_eq!(read(iso, written).as_deref(), Ok(number), "{iso} {written}");
        }
    }

    #[test]
    fn what_is_not_written_as_a_mobile_number_of_the_country_is_not_guessed_at() {
        for (iso, written) in [
            ("US", "123-4567"),
            ("US", "011 49 171 1234567"),
            ("US", "0049 171 1234567"),
            ("US", "0555 123 456"),
            ("US", "123 456 7890"),
            ("DE", "0171 1234"),
            ("DE", "0171 1234567890"),
            ("DE", "171 1234567"),
            ("DE", "030 12345678"),
            ("DE", "0900 1 123456"),
            ("US", "900 555 1234"),
            ("US", "1 844 555 1234"),
            ("FR", "0692 12 34 56"),
            ("GP", "0696 20 12 34"),
            ("BR", "1 212 555 1234"),
            ("DE", "49 171 1234567"),
            ("DE", "1 512 345 6789"),
            ("DE", "33 6 12 34 56 78"),
            ("AT", "43 664 1234567"),
            ("AT", "043 664 1234567"),
            ("NL", "031 6 12345678"),
            ("FR", "687 76 12 34"),
            ("FI", "171717"),
            ("ZA", "821234"),
            ("AU", "0011 49 171 1234567"),
            ("SG", "001 1 555 123 4567"),
            ("NO", "47 40 61 23 45"),
            ("NO", "01234567"),
            ("FR", "06 12 34 56"),
            ("CI", "1 23 45 6789"),
        ] {
            assert_eq!(read(iso, written), Err(GivenError::NotOne(region(iso))), "{iso} {written}");
        }
    }

    /// A mobile number of this country, with its code and without `+`.
    fn example(region: Region) -> String {
        let start = region.country.starts.split(' ').next().unwrap_or_default();
        format!("{}{start:2<width$}", region.country.code, width = region.most)
    }

    #[test]
    fn where_something_is_dialled_first_no_foreign_number_without_its_plus_is_taken_for_one() {
        let regions: Vec<Region> = all().iter().filter_map(Region::of).collect();
        for here in regions.iter().filter(|region| !region.is_left_out) {
            for other in regions.iter().filter(|other| other.country.code != here.country.code) {
                let foreign = example(*other);
                let Ok(GivenNumber::National(number)) = GivenNumber::parse(&foreign) else { panic!("{foreign}") };
                assert!(here.complete(&number).is_err(), "{foreign} within {}", here.country);
            }
        }
    }

    #[test]
    fn what_is_dialled_only_within_a_country_is_left_out_behind_its_code() {
        for (written, number) in [
            ("+49 (0)171 1234567", "+491711234567"),
            ("0049 0171 1234567", "+491711234567"),
            ("+44 07400 123456", "+447400123456"),
            ("+36 06 20 123 4567", "+36201234567"),
            ("+1 1 555 123 4567", "+15551234567"),
            ("+39 06 12345678", "+390612345678"),
            ("+7 812 345 67 89", "+78123456789"),
            ("+225 01 23 45 6789", "+2250123456789"),
            ("+49 00171 1234567", "+491711234567"),
            ("+7 8 912 345 67 89", "+79123456789"),
            ("+370 8 612 34567", "+37061234567"),
            ("+49 012345", "+49012345"),
            ("+81 00668496992", "+8100668496992"),
            ("+91 000 800 123 4567", "+910008001234567"),
            ("+250 06 735145", "+25006735145"),
        ] {
            assert_eq!(read("DE", written).as_deref(), Ok(number), "{written}");
        }
    }

    #[cfg(feature = "number-metadata")]
    #[test]
    fn libphonenumber_writes_no_mobile_number_so_that_it_is_read_as_another() {
        use rlibphonenumber::{PhoneNumberFormat, PhoneNumberType, PhoneNumberUtil};
        let library = PhoneNumberUtil::new().unwrap();
        for region in all().iter().filter_map(Region::of) {
            let iso = region.country.iso();
            let there = iso.parse().unwrap();
            let example = library.get_example_number_for_type_and_region(there, PhoneNumberType::Mobile).unwrap();
            let written = library.format(&example, PhoneNumberFormat::National).into_owned();
            let meant = library.format(&example, PhoneNumberFormat::E164).into_owned();
            let expected = PhoneNumber::parse(&meant).map(|number| number.e164()).map_err(GivenError::from);
            assert_eq!(read(iso, &written), expected, "{iso} {written}");
        }
    }

    #[test]
    fn what_a_number_should_look_like_is_told() {
        let text = |iso| GivenError::NotOne(region(iso)).to_string();
        let rest = ", and begins as one there does; write any other number with `+` and its country code, for example \
                    +15551234567";
        assert_eq!(text("DE"), format!("a mobile number within DE has 10 to 11 digits behind 0{rest}"));
        assert_eq!(text("NO"), format!("a mobile number within NO has 8 digits{rest}"));
        assert_eq!(text("HU"), format!("a mobile number within HU has 9 digits behind 06{rest}"));
        assert_eq!(
            text("US"),
            format!("a mobile number within US has 10 digits, with or without a 1 before them{rest}")
        );
    }

    #[test]
    fn only_a_country_with_a_plain_rule_is_a_region() {
        let error = |iso: &str| Region::try_from(iso.to_owned()).unwrap_err();
        assert_eq!([error("de"), error("UK"), error("")], [RegionError::Unknown; 3]);
        assert_eq!(error("AR").to_string(), "numbers of AR cannot be read without their country code");
    }

    #[test]
    fn every_region_is_well_formed_and_has_its_own_calling_code() {
        let regions: Vec<Region> = all().iter().filter_map(Region::of).collect();
        for region in &regions {
            let (country, code) = (region.country, region.country.code);
            assert!((4..=region.most).contains(&region.fewest) && region.most <= 13, "{country}");
            assert!(country.prefixes().any(|prefix| prefix.starts_with(code)), "{country} +{code}");
            assert!(["", "0", "1", "06", "8", "80 0", "0 8"].contains(&region.dialled), "{country} {}", region.dialled);
            let is_start = |start: &str| (1..=3).contains(&start.len()) && start.bytes().all(|b| b.is_ascii_digit());
            assert!(country.starts.split(' ').all(is_start), "{country} {}", country.starts);
            assert!(["", "00"].contains(&country.abroad), "{country} {}", country.abroad);
            // With its own country code, and no plus, a number is too long to be one without.
            assert!(!region.is_left_out || region.fewest + code.len() > region.most, "{country}");
        }
        let others: Vec<&str> = all().iter().filter(|c| Region::of(c).is_none()).map(Country::iso).collect();
        assert_eq!((regions.len(), others), (240, vec!["GA", "AR", "AQ", "TK"]));
    }
}
