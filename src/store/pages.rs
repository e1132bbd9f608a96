//! Lists, a page at a time.

use std::fmt;
use std::str::FromStr;

use rusqlite::{Row, Rows};

use super::error::StoreError;

/// A place in a list. Clients hand it back as they got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub(super) i64);

impl Cursor {
    /// Where the newest is the one with this place.
    #[must_use]
    pub fn up_to(place: i64) -> Self {
        Self(place.saturating_add(1))
    }
}

/// A text that is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is what `next` of an earlier page held")]
pub struct CursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{:x}", self.0)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let place = text.strip_prefix('c').and_then(|hex| i64::from_str_radix(hex, 16).ok());
        place.filter(|place| *place > 0).map(Self).ok_or(CursorError)
    }
}

/// How many things a page has at most: 1 to 200, and 50 when nobody says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u8);

impl PageSize {
    /// As many as there may be.
    pub const LARGEST: Self = Self(200);

    /// `None` when it is too small or too large.
    #[must_use]
    pub const fn new(size: u8) -> Option<Self> {
        if size == 0 || size > Self::LARGEST.0 { None } else { Some(Self(size)) }
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(50)
    }
}

/// A piece of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it. May be fewer than asked for even when there are more: a filter that hardly anything passes is followed
    /// only so far at a time.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end of the list.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// The page that these rows begin with. One row more than it holds tells that there is a next one.
    pub(super) fn read(
        mut rows: Rows<'_>,
        size: PageSize,
        mut item: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Self, StoreError> {
        let (mut items, mut last) = (Vec::new(), None);
        while let Some(row) = rows.next()? {
            if items.len() == usize::from(size.get()) {
                return Ok(Self { items, next: last });
            }
            items.push(item(row)?);
            last = Some(Cursor(row.get("seq")?));
        }
        Ok(Self { items, next: None })
    }
}
