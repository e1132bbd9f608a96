//! Randomness of the operating system for one code.
//!
//! It is fetched for the whole code at once: a call to the system for each character would cost more than all else
//! there is to a code. Nothing is kept from one code to the next, and the octets that wait are
//! wiped.

use std::convert::Infallible;

use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use rand::{Rng as _, TryRng};
use zeroize::Zeroizing;

use crate::secret::NONCE_LENGTH;

/// Enough for ten characters, and for a few that have to be drawn again.
const FETCHED: usize = 64;

/// A generator for one code: the operating system's, some octets at a time.
///
/// That fails only where getrandom(2) is missing or forbidden; a daemon that cannot draw codes must not go on, so then
/// it panics.
pub(super) struct Chance {
    octets: Zeroizing<[u8; FETCHED]>,
    used: usize,
}

impl Chance {
    pub(super) fn new() -> Self {
        Self { octets: Zeroizing::new([0; FETCHED]), used: FETCHED }
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        self.fill_bytes(&mut taken);
        taken
    }
}

impl TryRng for Chance {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_ne_bytes(self.take()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_ne_bytes(self.take()))
    }

    fn try_fill_bytes(&mut self, wanted: &mut [u8]) -> Result<(), Infallible> {
        for octet in wanted {
            if self.used == FETCHED {
                UnwrapErr(SysRng).fill_bytes(&mut *self.octets);
                self.used = 0;
            }
            *octet = self.octets[self.used];
            self.used += 1;
        }
        Ok(())
    }
}

/// A number to seal a text with.
pub(super) fn nonce() -> [u8; NONCE_LENGTH] {
    let mut nonce = [0; NONCE_LENGTH];
    UnwrapErr(SysRng).fill_bytes(&mut nonce);
    nonce
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn what_is_drawn_is_always_new_also_past_what_is_fetched_at_once() {
        let mut chance = Chance::new();
        let drawn: HashSet<u64> = (0..1000).map(|_| chance.next_u64()).collect();
        assert_eq!(drawn.len(), 1000);
        assert_ne!(Chance::new().next_u64(), Chance::new().next_u64());
        let mut long = [0; 3 * FETCHED + 1];
        chance.fill_bytes(&mut long);
        assert!(long.chunks(8).collect::<HashSet<_>>().len() > 24, "{long:?}");
    }
}
