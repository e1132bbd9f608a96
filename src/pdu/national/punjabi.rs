//! The tables of Punjabi (3GPP TS 23.038 §A.2.10, §A.3.10).

use super::table::{ESCAPE, OPEN, Table};

/// In the place of the default alphabet.
#[rustfmt::skip]
pub(super) static LOCKING: Table = Table::new([
    '\u{a01}', '\u{a02}', '\u{a03}', '\u{a05}', '\u{a06}', '\u{a07}', '\u{a08}', '\u{a09}',
    '\u{a0a}', OPEN, '\n', OPEN, OPEN, '\r', OPEN, '\u{a0f}',
    '\u{a10}', OPEN, OPEN, '\u{a13}', '\u{a14}', '\u{a15}', '\u{a16}', '\u{a17}',
    '\u{a18}', '\u{a19}', '\u{a1a}', ESCAPE, '\u{a1b}', '\u{a1c}', '\u{a1d}', '\u{a1e}',
    ' ', '!', '\u{a1f}', '\u{a20}', '\u{a21}', '\u{a22}', '\u{a23}', '\u{a24}',
    ')', '(', '\u{a25}', '\u{a26}', ',', '\u{a27}', '.', '\u{a28}',
    '0', '1', '2', '3', '4', '5', '6', '7',
    '8', '9', ':', ';', OPEN, '\u{a2a}', '\u{a2b}', '?',
    '\u{a2c}', '\u{a2d}', '\u{a2e}', '\u{a2f}', '\u{a30}', OPEN, '\u{a32}', '\u{a33}',
    OPEN, '\u{a35}', '\u{a36}', OPEN, '\u{a38}', '\u{a39}', '\u{a3c}', OPEN,
    '\u{a3e}', '\u{a3f}', '\u{a40}', '\u{a41}', '\u{a42}', OPEN, OPEN, OPEN,
    OPEN, '\u{a47}', '\u{a48}', OPEN, OPEN, '\u{a4b}', '\u{a4c}', '\u{a4d}',
    '\u{a51}', 'a', 'b', 'c', 'd', 'e', 'f', 'g',
    'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
    'x', 'y', 'z', '\u{a70}', '\u{a71}', '\u{a72}', '\u{a73}', '\u{a74}',
]);

/// In the place of the default extension table.
#[rustfmt::skip]
pub(super) static SINGLE: Table = Table::indic(&[
    (0x19, '\u{964}'), (0x1A, '\u{965}'), (0x1C, '\u{a66}'), (0x1D, '\u{a67}'), (0x1E, '\u{a68}'), (0x1F, '\u{a69}'),
    (0x20, '\u{a6a}'), (0x21, '\u{a6b}'), (0x22, '\u{a6c}'), (0x23, '\u{a6d}'), (0x24, '\u{a6e}'), (0x25, '\u{a6f}'),
    (0x26, '\u{a59}'), (0x27, '\u{a5a}'), (0x2A, '\u{a5b}'), (0x2B, '\u{a5c}'), (0x2C, '\u{a5e}'), (0x2D, '\u{a75}'),
]);
