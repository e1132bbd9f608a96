//! How a text becomes the units that a message counts, and how many messages that takes.

use super::national::{Language, Shifts};
use super::user_data::{Content, MOST_OCTETS};

/// In what units a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    /// Septets, by these tables.
    Septets(Shifts),
    /// UTF-16 units.
    Units,
}

impl Writing {
    /// How many units a character takes; none when it cannot be written so.
    fn width(self, c: char) -> Option<usize> {
        match self {
            Self::Septets(shifts) => shifts.width(c),
            Self::Units => Some(c.len_utf16()),
        }
    }

    /// The tables that the header is to name.
    pub(super) const fn shifts(self) -> Shifts {
        match self {
            Self::Septets(shifts) => shifts,
            Self::Units => Shifts::NONE,
        }
    }

    /// The units of a text all of whose characters can be written so.
    pub(super) fn content(self, text: &str) -> Content {
        match self {
            Self::Septets(shifts) => Content::Gsm7(shifts.encode(text).unwrap_or_default()),
            Self::Units => Content::Ucs2(text.encode_utf16().collect()),
        }
    }

    /// The slices of a text that fit into `capacity` units each. All of its characters must be such as can be written
    /// so.
    pub(super) fn split(self, text: &str, capacity: usize) -> impl Iterator<Item = &str> {
        let mut rest = text;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let mut room = capacity;
            let end = rest.char_indices().find(|(_, c)| {
                let width = self.width(*c).unwrap_or_default();
                let full = width > room;
                room = room.saturating_sub(width);
                full
            });
            let (part, after) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
            rest = after;
            Some(part)
        })
    }
}

/// The room for text in one message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Capacity {
    /// That is no part of a longer text.
    Whole,
    /// With the header of a concatenation under this reference.
    Part { reference: u16 },
}

impl Capacity {
    /// In septets or UTF-16 units.
    pub(super) fn units(self, writing: Writing) -> usize {
        let concatenation = match self {
            Self::Whole => 0,
            Self::Part { reference: 0..=255 } => 5,
            Self::Part { .. } => 6,
        };
        let elements = concatenation + writing.shifts().octets();
        let header = if elements == 0 { 0 } else { 1 + elements };
        match writing {
            Writing::Septets(_) => (MOST_OCTETS - header) * 8 / 7,
            Writing::Units => (MOST_OCTETS - header) / 2,
        }
    }
}

/// A text as it would be written, and what that takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) writing: Writing,
    /// Septets or UTF-16 units.
    pub(super) units: usize,
    /// Messages, under a concatenation reference below 256.
    pub(super) parts: usize,
}

impl Written {
    /// In the default alphabet; none when a character is not in it.
    pub(super) fn plain(text: &str) -> Option<Self> {
        Self::by(text, Writing::Septets(Shifts::NONE))
    }

    /// In UCS-2.
    pub(super) fn in_ucs2(text: &str) -> Self {
        Self::of(text, Writing::Units, text.chars().map(char::len_utf16).sum())
    }

    /// With the tables of a language that take the fewest parts, and the plainest of these; none when a character is
    /// in none of them.
    pub(super) fn in_language(text: &str, language: Language) -> Option<Self> {
        Shifts::of(language).filter_map(|shifts| Self::by(text, Writing::Septets(shifts))).min_by_key(Self::rank)
    }

    /// Less is better: few parts, then plain tables.
    pub(super) fn rank(&self) -> (usize, u8) {
        (self.parts, self.writing.shifts().strangeness())
    }

    fn by(text: &str, writing: Writing) -> Option<Self> {
        let units = text.chars().try_fold(0, |units, c| Some(units + writing.width(c)?))?;
        Some(Self::of(text, writing, units))
    }

    fn of(text: &str, writing: Writing, units: usize) -> Self {
        let parts = if units <= Capacity::Whole.units(writing) {
            1
        } else {
            writing.split(text, Capacity::Part { reference: 0 }.units(writing)).count()
        };
        Self { writing, units, parts }
    }
}
