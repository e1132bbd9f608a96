//! Verifying a one-time code: the use case behind `POST /v1/otp/{id}/verify` and `POST /v1/otp/verify`. An app that may
//! approve an otp without its code does so at the store itself.
//!
//! What the person typed is read as they meant it; then the store counts the attempt, compares the digest and judges,
//! all in one transaction ([`crate::otp::judge`]).
//!
//! Its one rule: nothing is looked up before that transaction, so nothing can change between looking and judging.

use crate::ids::AppName;
use crate::otp::{self, Verdict};
use crate::store::{Guess, Store, StoreError, Which};

/// Judges a code as a person typed it, with spaces, dashes, small letters or the digits of another keyboard.
///
/// Of any number of calls at once, one at most gets `verified`. `None` when the app has no such otp.
///
/// # Errors
/// [`StoreError`]: the attempt could not be written down. It was not judged then, and does not count.
pub async fn verify(
    store: &Store,
    app: &AppName,
    which: Which,
    typed: impl Into<Guess>,
) -> Result<Option<Verdict>, StoreError> {
    let typed = typed.into();
    store.verify(app, which, Guess { code: otp::normalise(&typed.code), ..typed }).await
}
