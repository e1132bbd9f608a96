//! The names of things: identifiers that travel between rooms, over the API and into the database.
//!
//! Every identifier is a type of its own, so that an otp's id can never be handed to a function that
//! wants a message's. This room parses, prints and makes them; it looks nothing up.
//!
//! Its one rule: whatever prints here is safe to log.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Why a text is not the identifier it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text does not start with the identifier's prefix, or what follows is not 32 hex digits.
    #[error("expected `{prefix}` followed by 32 hexadecimal digits")]
    Malformed {
        /// The prefix that belongs to this kind of identifier.
        prefix: &'static str,
    },
    /// A name is empty, too long, or has a character that names must not have.
    #[error("{what} has 1 to {longest} characters out of a-z, 0-9, `-` and `_`, and starts with a letter or digit")]
    Name {
        /// What was to be named, for instance `an app name`.
        what: &'static str,
        /// The longest name allowed, in characters.
        longest: usize,
    },
    /// A number that identifies equipment or a subscription has something else than digits in it.
    #[error("expected {what}: {least} to {most} digits")]
    Digits {
        /// What the number is, for instance `an IMEI`.
        what: &'static str,
        /// The least number of digits.
        least: usize,
        /// The greatest number of digits.
        most: usize,
    },
}

macro_rules! prefixed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier: time-ordered (UUID version 7), so that an index over it grows at its end.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The sixteen octets that the database keeps.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The identifier kept as these sixteen octets.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let malformed = IdError::Malformed { prefix: $prefix };
                let hex = text.strip_prefix($prefix).ok_or_else(|| malformed.clone())?;
                if hex.len() != 32 || hex.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(malformed);
                }
                Uuid::try_parse(hex).map(Self).map_err(|_| malformed)
            }
        }
    };
}

prefixed_id!(
    /// One issued one-time password: `otp_` and 32 hexadecimal digits.
    OtpId, "otp_"
);
prefixed_id!(
    /// One SMS to one number: `msg_` and 32 hexadecimal digits.
    MessageId, "msg_"
);
prefixed_id!(
    /// One message that came in: `in_` and 32 hexadecimal digits.
    InboxId, "in_"
);
prefixed_id!(
    /// One question to the network (USSD): `ussd_` and 32 hexadecimal digits.
    UssdId, "ussd_"
);
prefixed_id!(
    /// One thing that happened: `evt_` and 32 hexadecimal digits. Made of when it happened and of its place in the log, so
    /// that the log needs no column for it.
    EventId, "evt_"
);

impl EventId {
    /// The id of what happened at this wall time, in milliseconds since 1970, and stands in this place of the log.
    #[must_use]
    pub fn of_place(wall_millis: i64, place: i64) -> Self {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&wall_millis.to_be_bytes());
        bytes[8..].copy_from_slice(&place.to_be_bytes());
        Self::from_bytes(bytes)
    }

    /// Its place in the log.
    #[must_use]
    pub fn place(&self) -> i64 {
        let mut place = [0; 8];
        place.copy_from_slice(&self.as_bytes()[8..]);
        i64::from_be_bytes(place)
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $longest:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let fits = (1..=$longest).contains(&text.len())
                    && !text.starts_with(['-', '_'])
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
                if fits {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError::Name { what: $what, longest: $longest })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

name!(
    /// A client of the API, for instance `shop`.
    AppName, "an app name", 40
);
name!(
    /// A modem, for instance `m1`.
    ModemName, "a modem name", 32
);

macro_rules! digits {
    ($(#[$doc:meta])* $name:ident, $what:literal, $least:literal, $most:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The digits.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let fits = ($least..=$most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
                if fits {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError::Digits { what: $what, least: $least, most: $most })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }
    };
}

digits!(
    /// The radio's own number (3GPP TS 23.003 §6.2.1): 14 digits, a check digit, sometimes a software version.
    Imei, "an IMEI", 14, 16
);

impl Imei {
    /// The first fourteen digits: what names the radio. The last ones are told by some modems and not by others (3GPP TS
    /// 23.003 §6.2).
    #[must_use]
    pub fn of_the_radio(&self) -> &str {
        &self.0[..14]
    }
}

digits!(
    /// The subscription's number (3GPP TS 23.003 §2.2): country, network, subscriber.
    Imsi, "an IMSI", 6, 15
);
impl Imsi {
    /// The mobile country code: its first three digits (ITU-T E.212).
    #[must_use]
    pub fn mcc(&self) -> &str {
        &self.0[..3]
    }
}

digits!(
    /// The card's number (ITU-T E.118). Nibble padding (`F`) is taken off by whoever reads it from the modem.
    Iccid, "an ICCID", 18, 20
);

/// What the sending budget and status reports belong to: the card's ICCID, or the IMSI of a card that does not tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct SimId(String);

impl SimId {
    /// The identity of the card with this ICCID.
    #[must_use]
    pub fn from_iccid(iccid: &Iccid) -> Self {
        Self(iccid.as_str().to_owned())
    }

    /// The identity of a card that tells only its subscription.
    #[must_use]
    pub fn from_imsi(imsi: &Imsi) -> Self {
        Self(format!("imsi-{imsi}"))
    }

    /// The identity as the store has kept it.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The identity as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// TP-Message-Reference (3GPP TS 23.040 §9.2.3.6): the number under which a modem handed a part to the
/// network. It wraps at 256, so it names a part only together with the SIM, the recipient and the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MessageReference(pub u8);

impl fmt::Display for MessageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_printed() {
        let id = OtpId::generate();
        assert_eq!(id.to_string().parse::<OtpId>(), Ok(id));
        assert_eq!(OtpId::from_bytes(*id.as_bytes()), id);
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let text = MessageId::generate().to_string();
        assert_eq!(text.parse::<OtpId>(), Err(IdError::Malformed { prefix: "otp_" }));
    }

    #[test]
    fn names_keep_to_their_alphabet() {
        for good in ["shop", "m1", "a-b_c", "0"] {
            assert!(good.parse::<AppName>().is_ok(), "{good}");
        }
        for bad in ["", "-x", "Shop", "a b", "ä", &"x".repeat(41)] {
            assert!(bad.parse::<AppName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn equipment_numbers_are_digits_of_their_length() {
        assert!("490154203237518".parse::<Imei>().is_ok());
        assert!("49015420323751".parse::<Imei>().is_ok());
        assert!("4901542032375".parse::<Imei>().is_err());
        assert!("8988211000000000001F".parse::<Iccid>().is_err());
    }
}
