//! The tables of Telugu (3GPP TS 23.038 §A.2.12, §A.3.12).

use super::table::{ESCAPE, OPEN, Table};

/// In the place of the default alphabet.
#[rustfmt::skip]
pub(super) static LOCKING: Table = Table::new([
    '\u{c01}', '\u{c02}', '\u{c03}', '\u{c05}', '\u{c06}', '\u{c07}', '\u{c08}', '\u{c09}',
    '\u{c0a}', '\u{c0b}', '\n', '\u{c0c}', OPEN, '\r', '\u{c0e}', '\u{c0f}',
    '\u{c10}', OPEN, '\u{c12}', '\u{c13}', '\u{c14}', '\u{c15}', '\u{c16}', '\u{c17}',
    '\u{c18}', '\u{c19}', '\u{c1a}', ESCAPE, '\u{c1b}', '\u{c1c}', '\u{c1d}', '\u{c1e}',
    ' ', '!', '\u{c1f}', '\u{c20}', '\u{c21}', '\u{c22}', '\u{c23}', '\u{c24}',
    ')', '(', '\u{c25}', '\u{c26}', ',', '\u{c27}', '.', '\u{c28}',
    '0', '1', '2', '3', '4', '5', '6', '7',
    '8', '9', ':', ';', OPEN, '\u{c2a}', '\u{c2b}', '?',
    '\u{c2c}', '\u{c2d}', '\u{c2e}', '\u{c2f}', '\u{c30}', '\u{c31}', '\u{c32}', '\u{c33}',
    OPEN, '\u{c35}', '\u{c36}', '\u{c37}', '\u{c38}', '\u{c39}', OPEN, '\u{c3d}',
    '\u{c3e}', '\u{c3f}', '\u{c40}', '\u{c41}', '\u{c42}', '\u{c43}', '\u{c44}', OPEN,
    '\u{c46}', '\u{c47}', '\u{c48}', OPEN, '\u{c4a}', '\u{c4b}', '\u{c4c}', '\u{c4d}',
    '\u{c55}', 'a', 'b', 'c', 'd', 'e', 'f', 'g',
    'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
    'x', 'y', 'z', '\u{c56}', '\u{c60}', '\u{c61}', '\u{c62}', '\u{c63}',
]);

/// In the place of the default extension table.
#[rustfmt::skip]
pub(super) static SINGLE: Table = Table::indic(&[
    (0x1C, '\u{c66}'), (0x1D, '\u{c67}'), (0x1E, '\u{c68}'), (0x1F, '\u{c69}'), (0x20, '\u{c6a}'), (0x21, '\u{c6b}'),
    (0x22, '\u{c6c}'), (0x23, '\u{c6d}'), (0x24, '\u{c6e}'), (0x25, '\u{c6f}'), (0x26, '\u{c58}'), (0x27, '\u{c59}'),
    (0x2A, '\u{c78}'), (0x2B, '\u{c79}'), (0x2C, '\u{c7a}'), (0x2D, '\u{c7b}'), (0x2E, '\u{c7c}'), (0x30, '\u{c7d}'),
    (0x31, '\u{c7e}'), (0x32, '\u{c7f}'),
]);
