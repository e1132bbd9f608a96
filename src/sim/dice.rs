//! Chance that a seed decides: the same seed draws the same.

/// A row of numbers out of a seed (SplitMix64, public domain).
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub(super) fn share(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 to below this, which must not be 0.
    pub(super) fn below(&mut self, end: u16) -> u16 {
        // The rest of a division by a small number fits.
        u16::try_from(self.draw() % u64::from(end.max(1))).unwrap_or_default()
    }

    /// One of these.
    pub(super) fn one_of<'a, T>(&mut self, choice: &'a [T]) -> &'a T {
        let place = self.draw() % choice.len().max(1) as u64;
        &choice[usize::try_from(place).unwrap_or_default()]
    }
}
