//! Issuing a one-time code: the use case behind `POST /v1/otp` and its resend.
//!
//! The code is drawn and the message written here, by the app's policy; the store then decides, in one transaction,
//! whether the limits let it pass, and keeps it. When these functions return, what they promise is on disk. Nothing is
//! sent here and no modem is known: the store's commit wakes whoever sends.
//!
//! Its one rule: the code leaves this room only as a digest, sealed, or inside a sealed text.

mod binding;
mod chance;
mod packing;
mod policies;
mod policy;
mod variants;
mod words;

use std::time::Duration;

use rand::RngExt as _;

pub use binding::{Bind, BindError};
pub use policies::Policies;
pub use policy::{Lifetime, OutOfRange, OwnPriority, Policy, PolicyError, Within};
pub use words::NotAllowed;

use crate::callback::Target;
use crate::clock::Moment;
use crate::guard::{self, AddressBlock};
use crate::ids::{AppName, MessageId, OtpId};
use crate::limits;
use crate::message::Priority;
use crate::otp::{self, Alphabet, BroughtError, CodeLength, Context, Status};
use crate::phone::PhoneNumber;
use crate::secret::{Code, SealedText, SiteKey, Unsealable};
use crate::store::{
    Idempotency, IssueOutcome, NewCode, NewMessage, NewOtp, OtpView, Refused, ResendOutcome, ResendRefusal, Rules,
    Store, StoreError,
};
use crate::wording::{Wish, WordingError, Written};

use chance::{Chance, nonce};
use packing::Packed;

/// The longest purpose, in characters.
pub const LONGEST_PURPOSE: usize = 64;

/// What an app asks for.
#[derive(Debug)]
pub struct Request {
    /// The app that asks.
    pub app: AppName,
    /// Who is to receive the code.
    pub to: PhoneNumber,
    /// What the code is for, in the app's own words: at most 64 characters; without it, the empty purpose. A new otp
    /// takes the place of a pending one for the same app, number and purpose.
    pub purpose: Option<String>,
    /// What the code is bound to: the same must be given again to verify it.
    pub context: Context,
    /// For how long the code is to be valid: 30 s to 24 h, in whole seconds. Without it, as the policy says.
    pub lifetime: Option<Duration>,
    /// How many characters the code is to have. Without it, as the policy says.
    pub length: Option<CodeLength>,
    /// The code, when the app brings one of its own and the policy lets it; without one, it is drawn.
    pub code: Option<Code>,
    /// What the message is to say, as far as the policy leaves it to the request.
    pub wish: Wish,
    /// The address from which the app was asked, if it says so: that of its user, not its own.
    pub client_address: Option<AddressBlock>,
    /// Where the otp's events go, beside the app's own URL.
    pub callback: Option<Target>,
    /// By what a repetition of this request is known.
    pub idempotency: Option<Idempotency>,
}

/// Why no code was issued. Nothing was kept and nothing will be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The purpose is too long, or has a control character in it.
    #[error("a purpose has at most {LONGEST_PURPOSE} characters, and no control characters")]
    Purpose,
    /// The context is not what the policy asks for.
    #[error(transparent)]
    Context(#[from] BindError),
    /// The app brings a code, and its policy does not let it.
    #[error("this app's policy lets it bring no code of its own: caller-codes")]
    CodeBrought,
    /// What the app brings is no code.
    #[error(transparent)]
    Code(#[from] BroughtError),
    /// The message is one that browsers fill the code in from, and this code they do not.
    #[error("browsers fill in only codes with a digit in them")]
    NotFilledIn {
        /// Whether the app brings the code; otherwise its words do not go with the policy's alphabet.
        brought: bool,
    },
    /// The lifetime, in seconds, is out of range.
    #[error("the lifetime in seconds: {0}")]
    Lifetime(OutOfRange),
    /// The policy does not leave it to the request.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// The message cannot be written as the request wants it.
    #[error(transparent)]
    Wording(#[from] WordingError),
    /// The number, or its block of numbers, has had enough for now.
    #[error(transparent)]
    Limited(#[from] limits::Refusal),
    /// The guard does not let it through.
    #[error(transparent)]
    Guarded(#[from] guard::Refusal),
    /// Another request was made under the same idempotency key.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    /// The recipient asked for no more messages.
    #[error("the recipient wants no messages")]
    OptedOut,
    /// The app was removed a moment ago.
    #[error("the app was removed")]
    AppGone,
    /// The store could not keep it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the earlier request came to that this one repeats; `None` when it repeats none.
///
/// To be asked before [`issue`], and before the policy is: it may be another by now.
///
/// # Errors
/// [`IssueError::KeyReused`] when the earlier request was another one; [`IssueError::Store`].
pub async fn repeated(
    store: &Store,
    app: &AppName,
    idempotency: Option<&Idempotency>,
) -> Result<Option<OtpView>, IssueError> {
    let Some(idempotency) = idempotency else { return Ok(None) };
    store.issued_before(app, idempotency.clone()).await?.map(answer).transpose()
}

/// Issues an otp and queues its message.
///
/// A repetition of an earlier request gives the earlier answer, and sends nothing.
///
/// # Errors
/// [`IssueError`]; nothing was issued then. May be cancelled; what was handed to the store by then is kept.
pub async fn issue(store: &Store, policy: &Policy, request: Request) -> Result<OtpView, IssueError> {
    let purpose = purpose(request.purpose)?;
    policy.bind.check(&request.context)?;
    let lifetime = lifetime(policy, request.lifetime)?;
    let key = store.site_key();
    let id = OtpId::generate();
    // Also what no template shows now: by the time of a resend one may.
    let (payee, amount) = (request.context.value("payee"), request.context.value("amount"));
    let wish = Wish { payee, amount, ..request.wish };
    policy.allows(&wish)?;
    let packed = code(policy, request.code, request.length, wish, &request.to)?;
    let rules = rules(store, policy, &request.to, &request.app, request.client_address);
    let life = Life { left: lifetime, expires: store.clock().now() + lifetime };
    let written = write::<IssueError>(policy, &packed, &request.to, &life)?;
    let otp = NewOtp {
        id,
        app: request.app.clone(),
        to: request.to.clone(),
        purpose,
        code: key.code_digest(id, &packed.code),
        sealed_code: seal_code(key, id, &packed),
        context: (!request.context.is_empty()).then(|| key.context_digest(id, &request.context.canonical())),
        lifetime,
        // Both fit: at most 20 and at most 10.
        max_attempts: policy.attempts.get() as u8,
        max_resends: policy.resends.get() as u8,
        resend_after: Duration::from_secs(policy.resend_after_seconds.into()),
        message: NewMessage {
            callback: request.callback,
            ..message(key, policy, written, request.app, request.to, &life)
        },
    };
    answer(store.issue(otp, rules, request.idempotency).await?)
}

fn answer(outcome: IssueOutcome) -> Result<OtpView, IssueError> {
    match outcome {
        IssueOutcome::Issued(otp) | IssueOutcome::Replayed(otp) => Ok(otp),
        IssueOutcome::KeyReused => Err(IssueError::KeyReused),
        IssueOutcome::Refused(Refused::Limit(refusal)) => Err(IssueError::Limited(refusal)),
        IssueOutcome::Refused(Refused::Guard(refusal)) => Err(IssueError::Guarded(refusal)),
        IssueOutcome::Refused(Refused::OptedOut) => Err(IssueError::OptedOut),
        IssueOutcome::AppGone => Err(IssueError::AppGone),
    }
}

/// The code of a new otp, the app's own or a drawn one, with what its message is to say.
fn code(
    policy: &Policy,
    own: Option<Code>,
    length: Option<CodeLength>,
    wish: Wish,
    to: &PhoneNumber,
) -> Result<Packed, IssueError> {
    let brought = own.is_some();
    let code = match own {
        None => draw(policy, length.unwrap_or(policy.length), &wish, to),
        Some(code) if policy.caller_codes => otp::brought(&code)?,
        Some(_) => return Err(IssueError::CodeBrought),
    };
    if !policy.suits(&code, &wish, to) {
        return Err(IssueError::NotFilledIn { brought });
    }
    Ok(Packed { code, wish, brought })
}

/// What the code must pass.
fn rules(
    store: &Store,
    policy: &Policy,
    to: &PhoneNumber,
    app: &AppName,
    client_address: Option<AddressBlock>,
) -> Rules {
    Rules { limits: policy.limits.clone(), guard: policy.guard.checks(to, app, client_address, &store.homes()) }
}

fn purpose(purpose: Option<String>) -> Result<String, IssueError> {
    let purpose = purpose.unwrap_or_default();
    let fits = purpose.chars().count() <= LONGEST_PURPOSE && !purpose.chars().any(char::is_control);
    if fits { Ok(purpose) } else { Err(IssueError::Purpose) }
}

fn lifetime(policy: &Policy, asked: Option<Duration>) -> Result<Duration, IssueError> {
    let lifetime = match asked {
        Some(asked) => Lifetime::try_from(asked.as_secs()).map_err(IssueError::Lifetime)?,
        None => policy.lifetime_seconds,
    };
    Ok(lifetime.duration())
}

/// Why the code was not sent again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResendError {
    /// The app has no such otp.
    #[error("there is no such otp")]
    NotFound,
    /// The otp has ended.
    #[error("the otp is {}; a code is sent again only while it is pending", .0.as_str())]
    Ended(Status),
    /// It was sent a moment ago.
    #[error("the code may be sent again in {} s", .retry_after.as_millis().div_ceil(1000))]
    TooSoon {
        /// After this time it may be sent again. Never zero.
        retry_after: Duration,
    },
    /// It was sent again as often as the policy allows.
    #[error("the code was sent again as often as is allowed")]
    NoneLeft,
    /// The idempotency key came with another request before.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The recipient asked for no more messages.
    #[error("the recipient wants no messages")]
    OptedOut,
    /// The policy has changed, and by it the message cannot be written any more.
    #[error(transparent)]
    Wording(#[from] WordingError),
    /// What the request for the code asked for is not allowed any more: the policy has changed, or its own words have with the
    /// minutes that are left.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// The guard does not let it through.
    #[error(transparent)]
    Guarded(#[from] guard::Refusal),
    /// The code cannot be read any more: the site's key is another than when it was issued.
    #[error(transparent)]
    Unreadable(#[from] Unsealable),
    /// The store could not keep it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the earlier request to send a code again came to that this one repeats; `None` when it repeats none.
///
/// To be asked before [`resend`], and before the policy is: it may be another by now.
///
/// # Errors
/// [`ResendError::KeyReused`] when the earlier request was another one; [`ResendError::Store`].
pub async fn resent(
    store: &Store,
    app: &AppName,
    idempotency: Option<&Idempotency>,
) -> Result<Option<OtpView>, ResendError> {
    let Some(idempotency) = idempotency else { return Ok(None) };
    store.resent_before(app, idempotency.clone()).await?.map(came_to).transpose()
}

/// Queues the code of a pending otp once more: the same code, or by policy a new one that takes its place. Its lifetime
/// and the count of wrong codes stay as they are. A repetition of an earlier request sends nothing.
///
/// # Errors
/// [`ResendError`]; nothing is sent then. May be cancelled; what was handed to the store by then is kept.
pub async fn resend(
    store: &Store,
    policy: &Policy,
    app: &AppName,
    id: OtpId,
    idempotency: Option<Idempotency>,
) -> Result<OtpView, ResendError> {
    let (otp, sealed) = store.sealed_code(app, id).await?.ok_or(ResendError::NotFound)?;
    let Some(sealed) = sealed else {
        // A sealed code is erased when the otp ends or when no resend is left: this request's own may have been the last.
        return resent(store, app, idempotency.as_ref()).await?.ok_or(match otp.status {
            Status::Pending => ResendError::NoneLeft,
            ended => ResendError::Ended(ended),
        });
    };
    let key = store.site_key();
    let mut packed = Packed::unpack(&key.open(id.as_bytes(), &sealed)?);
    let mut new_code = None;
    if policy.resend_new_code && !packed.brought {
        let length = CodeLength::try_from(packed.code.expose().len() as u64).unwrap_or(policy.length);
        packed.code = draw(policy, length, &packed.wish, &otp.to);
        new_code = Some(NewCode { digest: key.code_digest(id, &packed.code), sealed: seal_code(key, id, &packed) });
    }
    let life = Life { left: otp.expires.since(store.clock().now()), expires: otp.expires };
    let rules = rules(store, policy, &otp.to, app, None);
    policy.allows(&packed.wish)?;
    let written = write::<ResendError>(policy, &packed, &otp.to, &life)?;
    let message = message(key, policy, written, otp.app, otp.to, &life);
    came_to(store.resend(app, id, message, new_code, rules, idempotency).await?.ok_or(ResendError::NotFound)?)
}

fn came_to(outcome: ResendOutcome) -> Result<OtpView, ResendError> {
    match outcome {
        ResendOutcome::Resent(otp) | ResendOutcome::Replayed(otp) => Ok(otp),
        ResendOutcome::KeyReused => Err(ResendError::KeyReused),
        ResendOutcome::Refused(ResendRefusal::Ended, otp) => Err(ResendError::Ended(otp.status)),
        ResendOutcome::Refused(ResendRefusal::NoneLeft, _) => Err(ResendError::NoneLeft),
        ResendOutcome::Refused(ResendRefusal::OptedOut, _) => Err(ResendError::OptedOut),
        ResendOutcome::Refused(ResendRefusal::Guarded(refusal), _) => Err(ResendError::Guarded(refusal)),
        ResendOutcome::Refused(ResendRefusal::TooEarly(retry_after), _) => Err(ResendError::TooSoon { retry_after }),
    }
}

/// What is left of a code's life.
struct Life {
    left: Duration,
    expires: Moment,
}

/// What the message with the code says. In words of the request it may say less than in the operator's own.
fn write<'a, E: From<WordingError> + From<NotAllowed>>(
    policy: &'a Policy,
    packed: &'a Packed,
    to: &PhoneNumber,
    life: &Life,
) -> Result<Written<'a>, E> {
    let written = policy.style().write(&packed.wish, Some(to), &packed.code, words::minutes(life.left))?;
    if packed.wish.template.is_some() {
        policy.allows_recipients(&written.text, &packed.code)?;
    }
    Ok(written)
}

/// The message that carries the code, to be sent before the code expires. Sent again, it takes the place of the one before
/// on the handset, where the policy has a slot for that.
fn message(
    key: &SiteKey,
    policy: &Policy,
    Written { text, measure, .. }: Written<'_>,
    app: AppName,
    to: PhoneNumber,
    life: &Life,
) -> NewMessage {
    let id = MessageId::generate();
    NewMessage {
        id,
        app,
        to,
        text: key.seal(id.as_bytes(), &text, nonce()),
        priority: Priority::Otp,
        deadline: life.expires,
        encoding: measure.encoding,
        // A message that carries a code is one SMS.
        parts: u8::try_from(measure.parts).unwrap_or(u8::MAX),
        class0: policy.class_0,
        replace: policy.replace.map(|replace| replace.get() as u8),
        in_doubt: policy.code_in_doubt,
        second_after: policy.second_copy_after(life.left),
        callback: None,
    }
}

/// What it takes to send the code again.
fn seal_code(key: &SiteKey, id: OtpId, packed: &Packed) -> SealedText {
    key.seal(id.as_bytes(), &packed.pack(), nonce())
}

/// Each number below `bound` has the same probability: `random_range` draws again where it would favour some. Where browsers are
/// to fill the code in, one without a digit is put back; unless all are, since the policy wants letters alone.
fn draw(policy: &Policy, length: CodeLength, wish: &Wish, to: &PhoneNumber) -> Code {
    let mut chance = Chance::new();
    loop {
        let code = otp::draw(policy.alphabet, length, |bound| chance.random_range(0..bound));
        if policy.alphabet == Alphabet::Letters || policy.suits(&code, wish, to) {
            return code;
        }
    }
}
