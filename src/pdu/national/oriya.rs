//! The tables of Oriya (3GPP TS 23.038 §A.2.9, §A.3.9).

use super::table::{ESCAPE, OPEN, Table};

/// In the place of the default alphabet.
#[rustfmt::skip]
pub(super) static LOCKING: Table = Table::new([
    '\u{b01}', '\u{b02}', '\u{b03}', '\u{b05}', '\u{b06}', '\u{b07}', '\u{b08}', '\u{b09}',
    '\u{b0a}', '\u{b0b}', '\n', '\u{b0c}', OPEN, '\r', OPEN, '\u{b0f}',
    '\u{b10}', OPEN, OPEN, '\u{b13}', '\u{b14}', '\u{b15}', '\u{b16}', '\u{b17}',
    '\u{b18}', '\u{b19}', '\u{b1a}', ESCAPE, '\u{b1b}', '\u{b1c}', '\u{b1d}', '\u{b1e}',
    ' ', '!', '\u{b1f}', '\u{b20}', '\u{b21}', '\u{b22}', '\u{b23}', '\u{b24}',
    ')', '(', '\u{b25}', '\u{b26}', ',', '\u{b27}', '.', '\u{b28}',
    '0', '1', '2', '3', '4', '5', '6', '7',
    '8', '9', ':', ';', OPEN, '\u{b2a}', '\u{b2b}', '?',
    '\u{b2c}', '\u{b2d}', '\u{b2e}', '\u{b2f}', '\u{b30}', OPEN, '\u{b32}', '\u{b33}',
    OPEN, '\u{b35}', '\u{b36}', '\u{b37}', '\u{b38}', '\u{b39}', '\u{b3c}', '\u{b3d}',
    '\u{b3e}', '\u{b3f}', '\u{b40}', '\u{b41}', '\u{b42}', '\u{b43}', '\u{b44}', OPEN,
    OPEN, '\u{b47}', '\u{b48}', OPEN, OPEN, '\u{b4b}', '\u{b4c}', '\u{b4d}',
    '\u{b56}', 'a', 'b', 'c', 'd', 'e', 'f', 'g',
    'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
    'x', 'y', 'z', '\u{b57}', '\u{b60}', '\u{b61}', '\u{b62}', '\u{b63}',
]);

/// In the place of the default extension table.
#[rustfmt::skip]
pub(super) static SINGLE: Table = Table::indic(&[
    (0x19, '\u{964}'), (0x1A, '\u{965}'), (0x1C, '\u{b66}'), (0x1D, '\u{b67}'), (0x1E, '\u{b68}'), (0x1F, '\u{b69}'),
    (0x20, '\u{b6a}'), (0x21, '\u{b6b}'), (0x22, '\u{b6c}'), (0x23, '\u{b6d}'), (0x24, '\u{b6e}'), (0x25, '\u{b6f}'),
    (0x26, '\u{b5c}'), (0x27, '\u{b5d}'), (0x2A, '\u{b5f}'), (0x2B, '\u{b70}'), (0x2C, '\u{b71}'),
]);
