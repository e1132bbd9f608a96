//! Where the site's SIMs are at home: the mobile country codes of every SIM that it has used. They stay known, so that the
//! guard knows its countries from the first request after a restart on.

use rusqlite::Connection;

use super::error::StoreError;
use super::handle::Store;
use crate::country;
use crate::guard::Homes;
use crate::ids::Imsi;

impl Store {
    /// The site uses this SIM. Costs nothing when one of its country is known.
    ///
    /// # Errors
    /// When the store cannot keep it; the country is then not known yet.
    pub async fn note_home(&self, imsi: &Imsi) -> Result<(), StoreError> {
        let mcc = imsi.mcc();
        if country::of_mcc(mcc).is_none() || self.homes().mccs().iter().any(|known| known == mcc) {
            return Ok(());
        }
        let mcc = mcc.to_owned();
        let homes = self.change(move |work| {
            work.conn
                .prepare_cached("INSERT INTO home_network (mcc, since_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
                .execute((mcc, work.wall.as_millisecond()))?;
            load(work.conn)
        });
        self.show_homes(homes.await?);
        Ok(())
    }
}

/// Where the SIMs are at home that the site has used.
pub(super) fn load(conn: &Connection) -> Result<Homes, StoreError> {
    let mut statement = conn.prepare_cached("SELECT mcc FROM home_network ORDER BY mcc")?;
    let mccs = statement.query_map((), |row| row.get(0))?;
    Ok(Homes::new(mccs.collect::<Result<Vec<String>, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_two_countries_that_come_at_once_none_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), None).await.unwrap();
        let homes = |mccs: &[&str]| Homes::new(mccs.iter().map(|mcc| (*mcc).to_owned()));
        // What the first change found is shown after what the second did.
        store.show_homes(homes(&["208", "262"]));
        store.show_homes(homes(&["208"]));
        assert_eq!(store.homes().mccs(), ["208", "262"]);
        store.show_homes(homes(&["208", "262", "310"]));
        assert_eq!(store.homes().mccs(), ["208", "262", "310"]);
    }
}
