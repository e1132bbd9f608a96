//! Where callbacks may go: the URLs that people and requests name, and the addresses that these may lead to.
//!
//! A URL that the operator wrote (`callback` of a policy, `smsotpd app callback`) may lead anywhere. One that a request
//! brings may lead only to what `[webhook]` allows, or an app could have the daemon knock at every door of its network.
//! A name is judged twice: as it is written, and by the address that it turned out to be when it is connected to, so
//! that a name that changes its address gains nothing.
//!
//! Its one rule: nothing goes over plain HTTP to an address that is not this machine's or a private network's.

mod reach;
mod url;

pub use reach::{Allowed, AllowedError, NotNamed, Refused, Settings, Source, Target, admits};
pub use url::{CallbackUrl, UrlError};
