//! Where the SIMs are at home that the site sends with: what the guard goes by.

use crate::country;
use crate::ids::{Imsi, ModemName};
use crate::store::{Store, StoreError};

/// The mobile country code of networks that are only for trying things.
const TEST_NETWORK: &str = "001";

/// The country of this SIM is one of the site's from now on. Whether that is kept; what is not is to be tried again before
/// the next message.
///
/// # Errors
/// [`StoreError::Gone`] when the store has ended.
pub(super) async fn note(store: &Store, modem: &ModemName, imsi: Option<&Imsi>) -> Result<bool, StoreError> {
    let Some(imsi) = imsi else { return Ok(false) };
    match store.note_home(imsi).await {
        Err(error) if error != StoreError::Gone => {
            tracing::warn!(modem.name = %modem, %error, "the SIM's country could not be kept");
            Ok(false)
        }
        noted => noted.map(|()| true),
    }
}

/// A SIM for machines anywhere belongs to no country: the only one leaves the guard without a home to go by.
pub(super) fn tell_of_none(store: &Store, modem: &ModemName, imsi: Option<&Imsi>) {
    let is_nowhere = |imsi: &Imsi| imsi.mcc() != TEST_NETWORK && country::of_mcc(imsi.mcc()).is_none();
    if imsi.is_some_and(is_nowhere) && store.homes().mccs().is_empty() {
        tracing::warn!(
            modem.name = %modem,
            "the SIM belongs to no country, so codes go to all; name some as `countries` in the guard of the policies"
        );
    }
}
