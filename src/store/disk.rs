//! Whether the disk takes what is written, by what the writer has seen of it last.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::error::StoreError;
use crate::clock::Moment;

/// The writer notes here how its writes went; whoever asks for the site's state looks.
#[derive(Debug)]
pub(super) struct Disk {
    takes: AtomicBool,
    /// When it took something last.
    took: AtomicI64,
}

impl Disk {
    pub(super) fn new(now: Moment) -> Self {
        Self { takes: AtomicBool::new(true), took: AtomicI64::new(now.as_millis()) }
    }

    /// Whether it took the last write.
    pub(super) fn takes(&self) -> bool {
        self.takes.load(Ordering::Relaxed)
    }

    /// When it took something last, or the daemon began.
    pub(super) fn took(&self) -> Moment {
        Moment::from_millis(self.took.load(Ordering::Relaxed))
    }

    /// It took a write.
    pub(super) fn note_taken(&self, now: Moment) {
        self.took.store(now.as_millis(), Ordering::Relaxed);
        if !self.takes.swap(true, Ordering::Relaxed) {
            tracing::info!("the database can be written again");
        }
    }

    /// It refused one. That is told once, until it takes one: a full disk refuses some in each second, for days.
    pub(super) fn note_refused(&self, error: &StoreError) {
        if self.takes.swap(false, Ordering::Relaxed) {
            tracing::warn!(%error, "what was to be written is refused; so is all else until the database can be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_its_last_write_went() {
        let disk = Disk::new(Moment::from_millis(5));
        assert_eq!((disk.takes(), disk.took()), (true, Moment::from_millis(5)));
        let refused = StoreError::Unavailable("the disk is full".to_owned());
        disk.note_refused(&refused);
        assert_eq!((disk.takes(), disk.took()), (false, Moment::from_millis(5)));
        disk.note_taken(Moment::from_millis(9));
        assert_eq!((disk.takes(), disk.took()), (true, Moment::from_millis(9)));
    }
}
