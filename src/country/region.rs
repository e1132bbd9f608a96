//! Numbers as they are written within a country: without its code, behind a prefix that is dialled there.
//!
//! What is read so are mobile numbers, the ones that can have messages. A number that could as well be one with its
//! country code is not guessed at.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Country, of_iso};
use crate::phone::{NationalNumber, PhoneError, PhoneNumber};

/// A country whose numbers can be read as they are written there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct Region {
    country: &'static Country,
    /// Its calling code (ITU-T E.164).
    code: &'static str,
    /// The fewest digits that a mobile number has behind the code.
    fewest: usize,
    /// The most.
    most: usize,
    /// What is dialled before them within the country, each way; nothing where nothing is.
    prefixes: &'static str,
}

/// A text that is no such country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegionError {
    /// No country is called so.
    #[error("expected a country's two letters in capitals (ISO 3166), for instance `DE`")]
    Unknown,
    /// It takes more than a prefix to tell a number from how it is written there.
    #[error("numbers of {0} cannot be read without their country code")]
    NotPlain(&'static Country),
}

/// A number that is none of this region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegionalError {
    /// It has too few or too many digits, or stands without what is dialled first.
    #[error("{0}; write any other number with its country code, for example +15551234567")]
    NotOne(Region),
    /// With the country code it is no number.
    #[error(transparent)]
    Phone(#[from] PhoneError),
}

impl Region {
    /// The region that this country is, if its numbers can be read so.
    #[must_use]
    pub fn of(country: &'static Country) -> Option<Self> {
        let (code, rest) = country.national.split_once(' ')?;
        let (digits, prefixes) = rest.split_once(' ').unwrap_or((rest, ""));
        let (fewest, most) = digits.split_once('-').unwrap_or((digits, digits));
        Some(Self { country, code, fewest: fewest.parse().ok()?, most: most.parse().ok()?, prefixes })
    }

    /// The country.
    #[must_use]
    pub const fn country(self) -> &'static Country {
        self.country
    }

    /// The number in its international form.
    ///
    /// # Errors
    /// [`RegionalError`] when it is no mobile number of the region, or could be one with its country code.
    pub fn complete(self, number: &NationalNumber) -> Result<PhoneNumber, RegionalError> {
        let digits = number.digits();
        let behind_prefix = self.prefixes.split(' ').filter(|prefix| !prefix.is_empty());
        let dialled = behind_prefix.filter_map(|prefix| digits.strip_prefix(prefix)).find(|rest| self.is_long_as(rest));
        let bare = || self.is_long_as(digits) && !self.is_dialled_first(digits) && !self.has_code(digits);
        let national = match dialled {
            Some(rest) => rest,
            None if bare() => digits,
            None => return Err(RegionalError::NotOne(self)),
        };
        Ok(PhoneNumber::from_digits(&format!("{}{national}", self.code))?)
    }

    fn is_long_as(self, digits: &str) -> bool {
        (self.fewest..=self.most).contains(&digits.len())
    }

    /// Whether it begins with the zero that is dialled first here, so that it is something shorter or longer.
    fn is_dialled_first(self, digits: &str) -> bool {
        digits.starts_with('0') && self.prefixes.split(' ').any(|prefix| prefix == "0")
    }

    /// Whether it can be read as a number with its country code, the sign before it left out.
    fn has_code(self, digits: &str) -> bool {
        digits.strip_prefix(self.code).is_some_and(|rest| self.is_long_as(rest))
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

/// What its mobile numbers look like: `within DE a mobile number has 0 and 10 to 11 digits`.
impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "within {} a mobile number has ", self.country)?;
        if let Some(prefix) = self.prefixes.split(' ').find(|prefix| !prefix.is_empty()) {
            write!(f, "{prefix} and ")?;
        }
        match (self.fewest, self.most) {
            (fewest, most) if fewest == most => write!(f, "{most} digits"),
            (fewest, most) => write!(f, "{fewest} to {most} digits"),
        }
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.country.iso())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{all, of_number};
    use super::*;
    use crate::phone::Written;

    fn region(iso: &str) -> Region {
        Region::try_from(iso.to_owned()).unwrap()
    }

    fn read(iso: &str, text: &str) -> Result<String, RegionalError> {
        let Ok(Written::National(number)) = Written::parse(text) else {
            panic!("{text} is not without a country code")
        };
        region(iso).complete(&number).map(|number| number.e164())
    }

    #[test]
    fn a_number_is_read_as_it_is_written_within_its_country() {
        for (iso, written, number) in [
            ("DE", "0171 1234567", "+491711234567"),
            ("DE", "01512 3456789", "+4915123456789"),
            ("DE", "171 1234567", "+491711234567"),
            ("US", "(555) 123-4567", "+15551234567"),
            ("US", "1 555 123 4567", "+15551234567"),
            ("GB", "07400 123456", "+447400123456"),
            ("FR", "06 12 34 56 78", "+33612345678"),
            ("CH", "078 123 45 67", "+41781234567"),
            ("AT", "0664 123456", "+43664123456"),
            ("HU", "06 20 123 4567", "+36201234567"),
            ("HU", "20 123 4567", "+36201234567"),
            ("RU", "8 (912) 345-67-89", "+79123456789"),
            ("RU", "912 345-67-89", "+79123456789"),
            ("BY", "8 029 491-19-11", "+375294911911"),
            ("BY", "029 491-19-11", "+375294911911"),
            ("LT", "8 612 34567", "+37061234567"),
            ("LT", "0 612 34567", "+37061234567"),
            ("IT", "312 345 6789", "+393123456789"),
            ("IT", "393 123 4567", "+393931234567"),
            ("NO", "40 61 23 45", "+4740612345"),
            ("ES", "612 34 56 78", "+34612345678"),
            ("CI", "01 23 45 6789", "+2250123456789"),
            ("JM", "876 210-1234", "+18762101234"),
            ("TR", "0501 234 56 78", "+905012345678"),
        ] {
            assert_eq!(read(iso, written).as_deref(), Ok(number), "{iso} {written}");
        }
    }

    #[cfg(feature = "number-metadata")]
    #[test]
    fn libphonenumber_writes_no_mobile_number_so_that_it_is_read_as_another() {
        use rlibphonenumber::{PhoneNumberFormat, PhoneNumberType, PhoneNumberUtil};
        let library = PhoneNumberUtil::new().unwrap();
        for country in all().iter().filter(|country| !country.national.is_empty()) {
            let there = country.iso().parse().unwrap();
            let example = library.get_example_number_for_type_and_region(there, PhoneNumberType::Mobile).unwrap();
            let written = library.format(&example, PhoneNumberFormat::National).into_owned();
            let meant = library.format(&example, PhoneNumberFormat::E164).into_owned();
            match PhoneNumber::parse(&meant) {
                Ok(number) => assert_eq!(read(country.iso(), &written), Ok(number.e164()), "{country} {written}"),
                Err(error) => assert_eq!(read(country.iso(), &written), Err(error.into()), "{country} {written}"),
            }
        }
    }

    #[test]
    fn what_is_no_mobile_number_of_the_country_or_may_have_its_code_is_not_guessed_at() {
        for (iso, written) in [
            ("US", "123-4567"),
            ("US", "011 49 171 1234567"),
            ("DE", "0171 1234"),
            ("DE", "0171 1234567890"),
            ("DE", "49 171 1234567"),
            ("AT", "43 664 1234567"),
            ("NO", "47 40 61 23 45"),
            ("FR", "06 12 34 56"),
            ("CI", "1 23 45 6789"),
        ] {
            assert_eq!(read(iso, written), Err(RegionalError::NotOne(region(iso))), "{iso} {written}");
        }
    }

    #[test]
    fn what_a_number_should_look_like_is_told() {
        let text = |iso| RegionalError::NotOne(region(iso)).to_string();
        let rest = "write any other number with its country code, for example +15551234567";
        assert_eq!(text("DE"), format!("within DE a mobile number has 0 and 10 to 11 digits; {rest}"));
        assert_eq!(text("NO"), format!("within NO a mobile number has 8 digits; {rest}"));
        assert_eq!(text("HU"), format!("within HU a mobile number has 06 and 9 digits; {rest}"));
    }

    #[test]
    fn only_a_country_with_a_plain_rule_is_a_region() {
        let error = |iso: &str| Region::try_from(iso.to_owned()).unwrap_err();
        assert_eq!(
            (error("de"), error("UK"), error("")),
            (RegionError::Unknown, RegionError::Unknown, RegionError::Unknown)
        );
        assert_eq!(error("AR").to_string(), "numbers of AR cannot be read without their country code");
    }

    #[test]
    fn every_region_is_well_formed_and_has_its_own_calling_code() {
        let mut plain = 0;
        for country in all().iter().filter(|country| !country.national.is_empty()) {
            let region = Region::of(country).unwrap_or_else(|| panic!("{country}: {}", country.national));
            assert!((4..=region.most).contains(&region.fewest) && region.most <= 13, "{country}");
            assert!(country.prefixes().any(|prefix| prefix.starts_with(region.code)), "{country} +{}", region.code);
            let is_prefix = |prefix: &str| ["", "0", "1", "06", "8", "80"].contains(&prefix);
            assert!(region.prefixes.split(' ').all(is_prefix), "{country} {:?}", region.prefixes);
            plain += 1;
        }
        assert_eq!((plain, all().len()), (241, 244));
        let german = region("DE").complete(&match Written::parse("01711234567") {
            Ok(Written::National(number)) => number,
            other => panic!("{other:?}"),
        });
        assert_eq!(of_number(&german.unwrap()), Some(region("DE").country()));
    }
}
