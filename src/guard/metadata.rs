//! Which numbers cost whoever sends to them more than others: premium-rate and shared-cost numbers, by the metadata of
//! libphonenumber. It is read at the first look, which takes some milliseconds and some megabytes.

use crate::phone::PhoneNumber;

/// Whether this program knows such numbers.
pub const KNOWS_PREMIUM: bool = cfg!(feature = "number-metadata");

/// Whether the number is a premium-rate or shared-cost number; `false` where that is not known.
#[cfg(feature = "number-metadata")]
pub(super) fn is_premium(number: &PhoneNumber) -> bool {
    use rlibphonenumber::{PhoneNumberType, PhoneNumberUtil};
    use std::sync::LazyLock;

    static METADATA: LazyLock<Option<PhoneNumberUtil>> = LazyLock::new(|| PhoneNumberUtil::new().ok());
    let kind = METADATA.as_ref().and_then(|metadata| {
        let number = metadata.parse(number.e164(), None).ok()?;
        Some(metadata.get_number_type(&number))
    });
    matches!(kind, Some(PhoneNumberType::PremiumRate | PhoneNumberType::SharedCost))
}

/// Not known to a program that was built without the metadata.
#[cfg(not(feature = "number-metadata"))]
pub(super) const fn is_premium(_: &PhoneNumber) -> bool {
    false
}

#[cfg(all(test, feature = "number-metadata"))]
mod tests {
    use super::*;

    #[test]
    fn premium_and_shared_cost_numbers_are_known() {
        for (number, premium) in [
            ("+499001234567", true),
            ("+491805012345", true),
            ("+449098790123", true),
            ("+448431234567", true),
            ("+19002345678", true),
            ("+4915123456789", false),
            ("+447400123456", false),
            ("+12015550123", false),
            ("+15550100123", false),
            ("+99912345678", false),
        ] {
            assert_eq!(is_premium(&PhoneNumber::parse(number).unwrap()), premium, "{number}");
        }
    }
}
