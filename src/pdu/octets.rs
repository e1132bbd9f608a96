//! Reading octets in order while knowing where one is, so that every error can name its place.

use super::error::{DecodeError, DecodeErrorKind};

/// The octets of one PDU and how far they have been read.
pub(super) struct Octets<'a> {
    all: &'a [u8],
    position: usize,
}

impl<'a> Octets<'a> {
    pub(super) fn new(all: &'a [u8]) -> Self {
        Self { all, position: 0 }
    }

    /// Where the next octet is, counted from 0.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.all[self.position..]
    }

    /// The next octet, which belongs to `field`.
    pub(super) fn octet(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.array::<1>(field).map(|[octet]| octet)
    }

    /// The next `N` octets, all of `field`.
    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let octets = self.rest().first_chunk().ok_or(self.truncated(field))?;
        self.position += N;
        Ok(*octets)
    }

    /// The next `length` octets, all of `field`.
    pub(super) fn take(&mut self, field: &'static str, length: usize) -> Result<&'a [u8], DecodeError> {
        let octets = self.rest().get(..length).ok_or(self.truncated(field))?;
        self.position += length;
        Ok(octets)
    }

    fn truncated(&self, field: &'static str) -> DecodeError {
        DecodeError { field, octet: self.all.len(), kind: DecodeErrorKind::Truncated }
    }
}
