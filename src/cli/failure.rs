//! Why a command ends without having done what it was asked, and the exit code that says so to a script.

use std::process::ExitCode;

use crate::config::ConfigError;
use crate::store::{KeyError, StoreError};

/// An ending that scripts can tell from others by its exit code.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The daemon answered, and the answer is no.
    #[error("{0}")]
    Refused(String),
    /// The daemon does not answer where it was looked for.
    #[error("{0}")]
    Unreachable(String),
    /// No key was given, or it is not good for this.
    #[error("{0}")]
    Key(String),
    /// The command line contradicts itself.
    #[error("{0}")]
    Usage(String),
}

/// The exit code for an error, by the conventions of `sysexits.h`.
pub(super) fn exit_code(error: &anyhow::Error) -> ExitCode {
    // Tried again, it would fail the same way until a person has mended something.
    let is_for_a_person = matches!(
        error.downcast_ref::<StoreError>(),
        Some(
            StoreError::Exposed { .. }
                | StoreError::Newer { .. }
                | StoreError::Key(KeyError::Length(_) | KeyError::Missing(_) | KeyError::Wrong)
        )
    );
    if is_for_a_person || error.downcast_ref::<ConfigError>().is_some() {
        return ExitCode::from(78);
    }
    match error.downcast_ref::<Failure>() {
        Some(Failure::Usage(_)) => ExitCode::from(2),
        Some(Failure::Unreachable(_)) => ExitCode::from(69),
        Some(Failure::Key(_)) => ExitCode::from(77),
        Some(Failure::Refused(_)) | None => ExitCode::FAILURE,
    }
}
