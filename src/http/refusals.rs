//! What an app is told when no code goes out: each reason of the use cases as a problem.

use crate::issue::{IssueError, ResendError};
use crate::limits::Limit;
use crate::wording::WordingError;

use super::problem::{Kind, Problem};

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Purpose => Self::invalid("purpose", "expected at most 64 characters and no control characters"),
            IssueError::CodeBrought => {
                Self::forbidden("code", "this app's policy lets it bring no code: `caller-codes`")
            }
            IssueError::Code(error) => Self::invalid("code", error.to_string()),
            IssueError::NotFilledIn { brought } => {
                Self::invalid(if brought { "code" } else { "template" }, error.to_string())
            }
            IssueError::Context(error) => Self::invalid(format!("context.{}", error.key()), error.to_string()),
            IssueError::Lifetime(range) => {
                Self::invalid("ttl_seconds", format!("expected a whole number from {} to {}", range.least, range.most))
            }
            IssueError::NotAllowed(what) => Self::forbidden(what.field(), what.to_string()),
            IssueError::Wording(error) => unwritable(&error),
            IssueError::Limited(refusal) => {
                let problem = Self::new(Kind::LimitReached).saying(reached(refusal.limit));
                problem.by(refusal.limit.as_str()).retry_after(refusal.retry_after)
            }
            IssueError::Guarded(refusal) => refusal.into(),
            IssueError::KeyReused => Self::new(Kind::KeyReused),
            IssueError::OptedOut => Self::new(Kind::RecipientOptedOut),
            IssueError::AppGone => Self::new(Kind::UnknownKey),
            IssueError::Store(error) => error.into(),
        }
    }
}

impl From<ResendError> for Problem {
    fn from(error: ResendError) -> Self {
        match error {
            ResendError::NotFound => Self::new(Kind::NoSuchThing),
            ResendError::Ended(status) => {
                let detail = format!("The otp is {}; issue a new one.", status.as_str());
                Self::new(Kind::OtpEnded).saying(detail)
            }
            ResendError::TooSoon { retry_after } => {
                Self::new(Kind::ResendTooEarly).by("resend-after-seconds").retry_after(retry_after)
            }
            ResendError::KeyReused => Self::new(Kind::KeyReused),
            ResendError::NoneLeft => Self::new(Kind::NoResendsLeft).by("resends"),
            ResendError::OptedOut => Self::new(Kind::RecipientOptedOut),
            ResendError::Wording(error) => {
                let detail =
                    format!("By the policy, which has changed since, the message cannot be written any more: {error}.");
                Self::new(Kind::PolicyChanged).saying(detail)
            }
            ResendError::NotAllowed(error) => Self::new(Kind::PolicyChanged)
                .saying(format!("What the request for the code asked for is not allowed any more: {error}.")),
            ResendError::Guarded(refusal) => refusal.into(),
            ResendError::Unreadable(error) => {
                tracing::error!(error = %error, "a code cannot be sent again");
                Self::new(Kind::Internal)
            }
            ResendError::Store(error) => error.into(),
        }
    }
}

/// That this limit is reached, and for whom, in a sentence.
pub(super) fn reached(limit: Limit) -> String {
    let whom = match limit {
        Limit::PerNumberHour | Limit::PerNumberDay => "this number",
        Limit::PerPrefixHour => "this block of numbers (all that differ only in the last four digits)",
    };
    format!("The limit {} is reached for {whom}.", limit.as_str())
}

/// The words of the operator always fit, so it is those of the request, or what it puts into them.
fn unwritable(error: &WordingError) -> Problem {
    let field = match error {
        WordingError::Missing("payee") | WordingError::Control("payee") => "context.payee",
        WordingError::Missing("amount") | WordingError::Control("amount") => "context.amount",
        WordingError::Missing(_) | WordingError::Control(_) => "domain",
        WordingError::LastLine(_) | WordingError::TwoLastLines => "template",
        WordingError::TooLong(too_long) if too_long.own_words => "template",
        WordingError::TooLong(_) => "context",
    };
    Problem::invalid(field, error.to_string())
}
