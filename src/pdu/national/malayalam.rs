//! The tables of Malayalam (3GPP TS 23.038 §A.2.8, §A.3.8).

use super::table::{ESCAPE, OPEN, Table};

/// In the place of the default alphabet.
#[rustfmt::skip]
pub(super) static LOCKING: Table = Table::new([
    OPEN, '\u{d02}', '\u{d03}', '\u{d05}', '\u{d06}', '\u{d07}', '\u{d08}', '\u{d09}',
    '\u{d0a}', '\u{d0b}', '\n', '\u{d0c}', OPEN, '\r', '\u{d0e}', '\u{d0f}',
    '\u{d10}', OPEN, '\u{d12}', '\u{d13}', '\u{d14}', '\u{d15}', '\u{d16}', '\u{d17}',
    '\u{d18}', '\u{d19}', '\u{d1a}', ESCAPE, '\u{d1b}', '\u{d1c}', '\u{d1d}', '\u{d1e}',
    ' ', '!', '\u{d1f}', '\u{d20}', '\u{d21}', '\u{d22}', '\u{d23}', '\u{d24}',
    ')', '(', '\u{d25}', '\u{d26}', ',', '\u{d27}', '.', '\u{d28}',
    '0', '1', '2', '3', '4', '5', '6', '7',
    '8', '9', ':', ';', OPEN, '\u{d2a}', '\u{d2b}', '?',
    '\u{d2c}', '\u{d2d}', '\u{d2e}', '\u{d2f}', '\u{d30}', '\u{d31}', '\u{d32}', '\u{d33}',
    '\u{d34}', '\u{d35}', '\u{d36}', '\u{d37}', '\u{d38}', '\u{d39}', OPEN, '\u{d3d}',
    '\u{d3e}', '\u{d3f}', '\u{d40}', '\u{d41}', '\u{d42}', '\u{d43}', '\u{d44}', OPEN,
    '\u{d46}', '\u{d47}', '\u{d48}', OPEN, '\u{d4a}', '\u{d4b}', '\u{d4c}', '\u{d4d}',
    '\u{d57}', 'a', 'b', 'c', 'd', 'e', 'f', 'g',
    'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
    'x', 'y', 'z', '\u{d60}', '\u{d61}', '\u{d62}', '\u{d63}', '\u{d79}',
]);

/// In the place of the default extension table.
#[rustfmt::skip]
pub(super) static SINGLE: Table = Table::indic(&[
    (0x19, '\u{964}'), (0x1A, '\u{965}'), (0x1C, '\u{d66}'), (0x1D, '\u{d67}'), (0x1E, '\u{d68}'), (0x1F, '\u{d69}'),
    (0x20, '\u{d6a}'), (0x21, '\u{d6b}'), (0x22, '\u{d6c}'), (0x23, '\u{d6d}'), (0x24, '\u{d6e}'), (0x25, '\u{d6f}'),
    (0x26, '\u{d70}'), (0x27, '\u{d71}'), (0x2A, '\u{d72}'), (0x2B, '\u{d73}'), (0x2C, '\u{d74}'), (0x2D, '\u{d75}'),
    (0x2E, '\u{d7a}'), (0x30, '\u{d7b}'), (0x31, '\u{d7c}'), (0x32, '\u{d7d}'), (0x33, '\u{d7e}'), (0x34, '\u{d7f}'),
]);
