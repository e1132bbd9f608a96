//! What becomes due by itself: retries whose pause is over, deadlines, doubts that nobody settled.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::{Patience, Store, StoreError};

/// How long commits are gathered before the store is asked again what is due next. A code lives for minutes, so a
/// second does not matter to it; asking once for every accepted message would.
const GATHER: Duration = Duration::from_secs(1);

/// Has the store settle what is due, and look at the modems that wait, whenever the time for either has come.
///
/// # Errors
/// [`StoreError::Gone`] when the store has ended; it passes every other trouble by trying again.
pub(super) async fn sweep(store: Store, stop: CancellationToken) -> Result<(), StoreError> {
    // Made before the first look, so that no commit goes unheard.
    let mut queue = store.queue();
    let clock = store.clock();
    let (mut look_at, mut patience) = (store.look_at(), Patience::default());
    loop {
        queue.mark_unchanged();
        let next = match store.sweep().await {
            Ok(next) => {
                patience.goes_on();
                next
            }
            Err(StoreError::Gone) => return Err(StoreError::Gone),
            Err(error) => {
                let tell = || tracing::warn!(%error, "what is due could not be settled; it is tried again and again");
                Some(clock.now() + patience.refused(tell))
            }
        };
        let mut gathered = None;
        loop {
            let look = *look_at.borrow_and_update();
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = clock.reached(next) => break,
                () = clock.reached(gathered) => break,
                () = clock.reached(look) => store.look().await?,
                changed = look_at.changed() => changed.map_err(|_| StoreError::Gone)?,
                changed = queue.changed(), if gathered.is_none() => {
                    changed.map_err(|_| StoreError::Gone)?;
                    gathered = Some(clock.now() + GATHER);
                }
            }
        }
    }
}
