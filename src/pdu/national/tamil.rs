//! The tables of Tamil (3GPP TS 23.038 §A.2.11, §A.3.11).

use super::table::{ESCAPE, OPEN, Table};

/// In the place of the default alphabet.
#[rustfmt::skip]
pub(super) static LOCKING: Table = Table::new([
    OPEN, '\u{b82}', '\u{b83}', '\u{b85}', '\u{b86}', '\u{b87}', '\u{b88}', '\u{b89}',
    '\u{b8a}', OPEN, '\n', OPEN, OPEN, '\r', '\u{b8e}', '\u{b8f}',
    '\u{b90}', OPEN, '\u{b92}', '\u{b93}', '\u{b94}', '\u{b95}', OPEN, OPEN,
    OPEN, '\u{b99}', '\u{b9a}', ESCAPE, OPEN, '\u{b9c}', OPEN, '\u{b9e}',
    ' ', '!', '\u{b9f}', OPEN, OPEN, OPEN, '\u{ba3}', '\u{ba4}',
    ')', '(', OPEN, OPEN, ',', OPEN, '.', '\u{ba8}',
    '0', '1', '2', '3', '4', '5', '6', '7',
    '8', '9', ':', ';', '\u{ba9}', '\u{baa}', OPEN, '?',
    OPEN, OPEN, '\u{bae}', '\u{baf}', '\u{bb0}', '\u{bb1}', '\u{bb2}', '\u{bb3}',
    '\u{bb4}', '\u{bb5}', '\u{bb6}', '\u{bb7}', '\u{bb8}', '\u{bb9}', OPEN, OPEN,
    '\u{bbe}', '\u{bbf}', '\u{bc0}', '\u{bc1}', '\u{bc2}', OPEN, OPEN, OPEN,
    '\u{bc6}', '\u{bc7}', '\u{bc8}', OPEN, '\u{bca}', '\u{bcb}', '\u{bcc}', '\u{bcd}',
    '\u{bd0}', 'a', 'b', 'c', 'd', 'e', 'f', 'g',
    'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
    'x', 'y', 'z', '\u{bd7}', '\u{bf0}', '\u{bf1}', '\u{bf2}', '\u{bf9}',
]);

/// In the place of the default extension table.
#[rustfmt::skip]
pub(super) static SINGLE: Table = Table::indic(&[
    (0x19, '\u{964}'), (0x1A, '\u{965}'), (0x1C, '\u{be6}'), (0x1D, '\u{be7}'), (0x1E, '\u{be8}'), (0x1F, '\u{be9}'),
    (0x20, '\u{bea}'), (0x21, '\u{beb}'), (0x22, '\u{bec}'), (0x23, '\u{bed}'), (0x24, '\u{bee}'), (0x25, '\u{bef}'),
    (0x26, '\u{bf3}'), (0x27, '\u{bf4}'), (0x2A, '\u{bf5}'), (0x2B, '\u{bf6}'), (0x2C, '\u{bf7}'), (0x2D, '\u{bf8}'),
    (0x2E, '\u{bfa}'),
]);
