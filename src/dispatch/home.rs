//! Where the SIMs are at home that the site sends with: what the guard goes by.

use crate::country;
use crate::ids::{Imsi, ModemName};
use crate::store::{Store, StoreError};

/// The mobile country codes of networks that are only for trying things.
const TEST_NETWORKS: [&str; 2] = ["001", "999"];

/// Where the SIM of one modem is at home, as far as the store has been told.
#[derive(Debug, Default)]
pub(super) struct Home {
    noted: Option<Imsi>,
    /// That the store refuses to keep it has been told.
    told: bool,
}

impl Home {
    /// The country of this SIM is one of the site's from now on. What cannot be kept is tried again in the lane's next turn.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when the store has ended.
    pub(super) async fn note(
        &mut self,
        store: &Store,
        modem: &ModemName,
        imsi: Option<Imsi>,
    ) -> Result<(), StoreError> {
        let Some(imsi) = imsi.filter(|imsi| self.noted.as_ref() != Some(imsi)) else { return Ok(()) };
        match store.note_home(&imsi).await {
            Ok(()) => {
                tell_of_none(store, modem, &imsi);
                *self = Self { noted: Some(imsi), told: false };
                Ok(())
            }
            Err(StoreError::Gone) => Err(StoreError::Gone),
            Err(error) => {
                if !std::mem::replace(&mut self.told, true) {
                    tracing::warn!(modem.name = %modem, %error, "the SIM's country could not be kept");
                }
                Ok(())
            }
        }
    }
}

/// A SIM for machines anywhere belongs to no country: the only one leaves the guard with no home to go by.
fn tell_of_none(store: &Store, modem: &ModemName, imsi: &Imsi) {
    let is_nowhere = !TEST_NETWORKS.contains(&imsi.mcc()) && country::of_mcc(imsi.mcc()).is_none();
    if is_nowhere && store.homes().mccs().is_empty() {
        tracing::warn!(
            modem.name = %modem,
            "the SIM belongs to no country: a guard that lets codes go `home` lets them go to all; name some as `countries`"
        );
    }
}
