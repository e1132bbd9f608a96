//! The tables of Bengali (3GPP TS 23.038 §A.2.4, §A.3.4).

use super::table::{ESCAPE, OPEN, Table};

/// In the place of the default alphabet.
#[rustfmt::skip]
pub(super) static LOCKING: Table = Table::new([
    '\u{981}', '\u{982}', '\u{983}', '\u{985}', '\u{986}', '\u{987}', '\u{988}', '\u{989}',
    '\u{98a}', '\u{98b}', '\n', '\u{98c}', OPEN, '\r', OPEN, '\u{98f}',
    '\u{990}', OPEN, OPEN, '\u{993}', '\u{994}', '\u{995}', '\u{996}', '\u{997}',
    '\u{998}', '\u{999}', '\u{99a}', ESCAPE, '\u{99b}', '\u{99c}', '\u{99d}', '\u{99e}',
    ' ', '!', '\u{99f}', '\u{9a0}', '\u{9a1}', '\u{9a2}', '\u{9a3}', '\u{9a4}',
    ')', '(', '\u{9a5}', '\u{9a6}', ',', '\u{9a7}', '.', '\u{9a8}',
    '0', '1', '2', '3', '4', '5', '6', '7',
    '8', '9', ':', ';', OPEN, '\u{9aa}', '\u{9ab}', '?',
    '\u{9ac}', '\u{9ad}', '\u{9ae}', '\u{9af}', '\u{9b0}', OPEN, '\u{9b2}', OPEN,
    OPEN, OPEN, '\u{9b6}', '\u{9b7}', '\u{9b8}', '\u{9b9}', '\u{9bc}', '\u{9bd}',
    '\u{9be}', '\u{9bf}', '\u{9c0}', '\u{9c1}', '\u{9c2}', '\u{9c3}', '\u{9c4}', OPEN,
    OPEN, '\u{9c7}', '\u{9c8}', OPEN, OPEN, '\u{9cb}', '\u{9cc}', '\u{9cd}',
    '\u{9ce}', 'a', 'b', 'c', 'd', 'e', 'f', 'g',
    'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
    'x', 'y', 'z', '\u{9d7}', '\u{9dc}', '\u{9dd}', '\u{9f0}', '\u{9f1}',
]);

/// In the place of the default extension table.
#[rustfmt::skip]
pub(super) static SINGLE: Table = Table::indic(&[
    (0x19, '\u{9e6}'), (0x1A, '\u{9e7}'), (0x1C, '\u{9e8}'), (0x1D, '\u{9e9}'), (0x1E, '\u{9ea}'), (0x1F, '\u{9eb}'),
    (0x20, '\u{9ec}'), (0x21, '\u{9ed}'), (0x22, '\u{9ee}'), (0x23, '\u{9ef}'), (0x24, '\u{9df}'), (0x25, '\u{9e0}'),
    (0x26, '\u{9e1}'), (0x27, '\u{9e2}'), (0x2A, '\u{9e3}'), (0x2B, '\u{9f2}'), (0x2C, '\u{9f3}'), (0x2D, '\u{9f4}'),
    (0x2E, '\u{9f5}'), (0x30, '\u{9f6}'), (0x31, '\u{9f7}'), (0x32, '\u{9f8}'), (0x33, '\u{9f9}'), (0x34, '\u{9fa}'),
]);
