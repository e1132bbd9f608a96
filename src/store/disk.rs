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
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_refused_in_each_second_is_told_once_until_something_is_taken() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let disk = Disk::new(Moment::from_millis(0));
        let refused = StoreError::Unavailable("the disk is full".to_owned());
        tracing::subscriber::with_default(subscriber, || {
            for moment in [1, 2] {
                (0..100).for_each(|_| disk.note_refused(&refused));
                (0..100).for_each(|_| disk.note_taken(Moment::from_millis(moment)));
            }
        });
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let levels: Vec<&str> = log.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(levels, ["WARN", "INFO", "WARN", "INFO"], "{log}");
    }

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
