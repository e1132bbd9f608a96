//! The tables of Spanish (3GPP TS 23.038 §A.2.2).

use super::table::Table;

/// In the place of the default extension table.
#[rustfmt::skip]
pub(super) static SINGLE: Table = Table::latin(&[
    (0x09, 'ç'), (0x41, 'Á'), (0x49, 'Í'), (0x4F, 'Ó'), (0x55, 'Ú'), (0x61, 'á'), (0x69, 'í'), (0x6F, 'ó'),
    (0x75, 'ú'),
]);
