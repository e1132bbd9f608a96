//! The tables of Kannada (3GPP TS 23.038 §A.2.7, §A.3.7).

use super::table::{ESCAPE, OPEN, Table};

/// In the place of the default alphabet.
#[rustfmt::skip]
pub(super) static LOCKING: Table = Table::new([
    OPEN, '\u{c82}', '\u{c83}', '\u{c85}', '\u{c86}', '\u{c87}', '\u{c88}', '\u{c89}',
    '\u{c8a}', '\u{c8b}', '\n', '\u{c8c}', OPEN, '\r', '\u{c8e}', '\u{c8f}',
    '\u{c90}', OPEN, '\u{c92}', '\u{c93}', '\u{c94}', '\u{c95}', '\u{c96}', '\u{c97}',
    '\u{c98}', '\u{c99}', '\u{c9a}', ESCAPE, '\u{c9b}', '\u{c9c}', '\u{c9d}', '\u{c9e}',
    ' ', '!', '\u{c9f}', '\u{ca0}', '\u{ca1}', '\u{ca2}', '\u{ca3}', '\u{ca4}',
    ')', '(', '\u{ca5}', '\u{ca6}', ',', '\u{ca7}', '.', '\u{ca8}',
    '0', '1', '2', '3', '4', '5', '6', '7',
    '8', '9', ':', ';', OPEN, '\u{caa}', '\u{cab}', '?',
    '\u{cac}', '\u{cad}', '\u{cae}', '\u{caf}', '\u{cb0}', '\u{cb1}', '\u{cb2}', '\u{cb3}',
    OPEN, '\u{cb5}', '\u{cb6}', '\u{cb7}', '\u{cb8}', '\u{cb9}', '\u{cbc}', '\u{cbd}',
    '\u{cbe}', '\u{cbf}', '\u{cc0}', '\u{cc1}', '\u{cc2}', '\u{cc3}', '\u{cc4}', OPEN,
    '\u{cc6}', '\u{cc7}', '\u{cc8}', OPEN, '\u{cca}', '\u{ccb}', '\u{ccc}', '\u{ccd}',
    '\u{cd5}', 'a', 'b', 'c', 'd', 'e', 'f', 'g',
    'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
    'x', 'y', 'z', '\u{cd6}', '\u{ce0}', '\u{ce1}', '\u{ce2}', '\u{ce3}',
]);

/// In the place of the default extension table.
#[rustfmt::skip]
pub(super) static SINGLE: Table = Table::indic(&[
    (0x19, '\u{964}'), (0x1A, '\u{965}'), (0x1C, '\u{ce6}'), (0x1D, '\u{ce7}'), (0x1E, '\u{ce8}'), (0x1F, '\u{ce9}'),
    (0x20, '\u{cea}'), (0x21, '\u{ceb}'), (0x22, '\u{cec}'), (0x23, '\u{ced}'), (0x24, '\u{cee}'), (0x25, '\u{cef}'),
    (0x26, '\u{cde}'), (0x27, '\u{cf1}'), (0x2A, '\u{cf2}'),
]);
