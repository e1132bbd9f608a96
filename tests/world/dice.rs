//! Chance out of a seed: every part of the world has dice of its own, so that what one part throws changes no other.

use std::time::Duration;

/// SplitMix64 (Steele, Lea, Flood 2014; public domain).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Self(seed);
        dice.next();
        dice
    }

    /// Dice for a part of the world: the same for the same name and number.
    pub(crate) fn of(&self, part: &str, number: usize) -> Self {
        let name = part.bytes().fold(self.0, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self::new(name ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn from(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    pub(crate) fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    pub(crate) fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u64) as usize]
    }

    /// A time from `least` to `most` milliseconds, each order of magnitude as likely as the next.
    pub(crate) fn time(&mut self, least: u64, most: u64) -> Duration {
        let (least, most) = (least.max(1), most.max(2));
        let doublings = (most / least).max(1).ilog2() + 1;
        let octave = least << self.below(u64::from(doublings));
        Duration::from_millis((octave + self.below(octave)).min(most))
    }

    pub(crate) fn seconds(&mut self, least: u64, most: u64) -> Duration {
        self.time(least * 1000, most * 1000)
    }
}
