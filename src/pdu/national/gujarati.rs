//! The tables of Gujarati (3GPP TS 23.038 §A.2.5, §A.3.5).

use super::table::{ESCAPE, OPEN, Table};

/// In the place of the default alphabet.
#[rustfmt::skip]
pub(super) static LOCKING: Table = Table::new([
    '\u{a81}', '\u{a82}', '\u{a83}', '\u{a85}', '\u{a86}', '\u{a87}', '\u{a88}', '\u{a89}',
    '\u{a8a}', '\u{a8b}', '\n', '\u{a8c}', '\u{a8d}', '\r', OPEN, '\u{a8f}',
    '\u{a90}', '\u{a91}', OPEN, '\u{a93}', '\u{a94}', '\u{a95}', '\u{a96}', '\u{a97}',
    '\u{a98}', '\u{a99}', '\u{a9a}', ESCAPE, '\u{a9b}', '\u{a9c}', '\u{a9d}', '\u{a9e}',
    ' ', '!', '\u{a9f}', '\u{aa0}', '\u{aa1}', '\u{aa2}', '\u{aa3}', '\u{aa4}',
    ')', '(', '\u{aa5}', '\u{aa6}', ',', '\u{aa7}', '.', '\u{aa8}',
    '0', '1', '2', '3', '4', '5', '6', '7',
    '8', '9', ':', ';', OPEN, '\u{aaa}', '\u{aab}', '?',
    '\u{aac}', '\u{aad}', '\u{aae}', '\u{aaf}', '\u{ab0}', OPEN, '\u{ab2}', '\u{ab3}',
    OPEN, '\u{ab5}', '\u{ab6}', '\u{ab7}', '\u{ab8}', '\u{ab9}', '\u{abc}', '\u{abd}',
    '\u{abe}', '\u{abf}', '\u{ac0}', '\u{ac1}', '\u{ac2}', '\u{ac3}', '\u{ac4}', '\u{ac5}',
    OPEN, '\u{ac7}', '\u{ac8}', '\u{ac9}', OPEN, '\u{acb}', '\u{acc}', '\u{acd}',
    '\u{ad0}', 'a', 'b', 'c', 'd', 'e', 'f', 'g',
    'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
    'x', 'y', 'z', '\u{ae0}', '\u{ae1}', '\u{ae2}', '\u{ae3}', '\u{af1}',
]);

/// In the place of the default extension table.
#[rustfmt::skip]
pub(super) static SINGLE: Table = Table::indic(&[
    (0x19, '\u{964}'), (0x1A, '\u{965}'), (0x1C, '\u{ae6}'), (0x1D, '\u{ae7}'), (0x1E, '\u{ae8}'), (0x1F, '\u{ae9}'),
    (0x20, '\u{aea}'), (0x21, '\u{aeb}'), (0x22, '\u{aec}'), (0x23, '\u{aed}'), (0x24, '\u{aee}'), (0x25, '\u{aef}'),
]);
