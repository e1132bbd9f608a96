//! How somebody who cannot do without the store waits for it to go on.

use std::time::Duration;

use super::handle::Store;

/// The first pause. A disk that is full may have room again at any time.
const FIRST: Duration = Duration::from_secs(1);
/// The longest one.
const LONGEST: Duration = Duration::from_secs(10);

/// How long a store that refuses is left alone: a second, then twice as long each time, up to ten seconds. That it
/// refuses is told once, until it has gone on: a disk may be full for days.
#[derive(Debug, Default)]
pub struct Patience(Option<Duration>);

impl Patience {
    /// It has refused. Calls `tell` if that is news; gives the time to leave it alone for.
    pub fn refused(&mut self, tell: impl FnOnce()) -> Duration {
        let pause = match self.0 {
            None => {
                tell();
                FIRST
            }
            Some(last) => LONGEST.min(last * 2),
        };
        self.0 = Some(pause);
        pause
    }

    /// It has refused: leaves it alone, but after the first second no longer than until it has taken something from
    /// anybody. May be cancelled at any time.
    pub async fn wait(&mut self, store: &Store, tell: impl FnOnce()) {
        let mut changes = store.changes();
        let pause = self.refused(tell);
        let taken = async {
            tokio::time::sleep(FIRST).await;
            // Does not fail as long as there is a store.
            let _ = changes.changed().await;
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = taken => {}
        }
    }

    /// It has done what was asked.
    pub fn goes_on(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_refusal_is_told_once_and_the_pauses_grow_until_it_goes_on() {
        let (mut patience, mut told) = (Patience::default(), 0);
        let mut seconds = |patience: &mut Patience| patience.refused(|| told += 1).as_secs();
        let pauses: Vec<_> = (0..6).map(|_| seconds(&mut patience)).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10]);
        patience.goes_on();
        assert_eq!(seconds(&mut patience), 1);
        assert_eq!(told, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn once_the_store_has_taken_something_it_is_left_alone_for_no_more_than_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let (store, writer) = Store::open_unthreaded(folder.path(), Clock::simulated()).unwrap();
        tokio::spawn(writer);
        let taken = || store.change(|work| Ok(work.conn.execute("UPDATE site SET wall = wall", ())?));
        let mut patience = Patience(Some(LONGEST));
        let begun = tokio::time::Instant::now();
        let (_, taken) = tokio::join!(patience.wait(&store, || ()), taken());
        assert_eq!((taken, begun.elapsed()), (Ok(1), FIRST));
        patience.wait(&store, || ()).await;
        assert_eq!(begun.elapsed(), FIRST + LONGEST, "it has taken nothing since");
    }
}
