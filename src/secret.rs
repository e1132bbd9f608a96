//! Everything that must not be seen: codes, message texts, API keys, and the site's key that guards them.
//!
//! The types print masked, are wiped when dropped, and hand out their content only through `expose`, so that a search
//! for that word finds every place where a secret leaves its wrapping. The site's key is 32 random octets in a file
//! beside the database (or a systemd credential), never in it. Each use has a key of its own, derived with HKDF-SHA256.
//!
//! Its one rule: nothing secret has a `Debug` or `Display` that tells it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::ids::{AppName, OtpId};

macro_rules! secret_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
        pub struct $name(String);

        impl $name {
            /// Wraps the text. From here on it prints as dots.
            #[must_use]
            pub fn new(text: String) -> Self {
                Self(text)
            }

            /// The text itself.
            #[must_use]
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("•••")
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from).map(Self)
            }
        }
    };
}

secret_text!(
    /// A one-time password in the clear.
    Code
);
secret_text!(
    /// The text of a message in the clear.
    Text
);
secret_text!(
    /// An app's key, as the app presents it.
    ApiKey
);

impl ApiKey {
    /// The key made of these 32 random octets: `smsotpd_` and their base64, fit for a URL and a header.
    #[must_use]
    pub fn from_random(octets: [u8; 32]) -> Self {
        Self(format!("smsotpd_{}", URL_SAFE_NO_PAD.encode(octets)))
    }
}

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The digest as the store keeps it.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The digest kept as these octets.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Whether both are the digest of the same. Takes the same time whatever the answer.
            #[must_use]
            pub fn matches(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(•••)"))
            }
        }
    };
}

digest!(
    /// What is kept of a code: HMAC-SHA256 under the site's code key over the otp's id and the code.
    CodeDigest
);
digest!(
    /// What is kept of what a code is bound to: HMAC-SHA256 under a key of its own over the otp's id and the context.
    ContextDigest
);

/// What is kept of an app's key: HMAC-SHA256 under the site's key. Enough to find the app, useless to become it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The digest as the store keeps it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest kept as these octets.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(•••)")
    }
}

/// A text, sealed with XChaCha20-Poly1305: 24 octets of nonce, then the ciphertext with its tag.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedText(Vec<u8>);

impl SealedText {
    /// The octets as the store keeps them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The sealed text kept as these octets.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for SealedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedText({} octets)", self.0.len())
    }
}

/// By what an app knows that a callback comes from this site: a key of 32 octets for HMAC-SHA256.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct CallbackSecret([u8; 32]);

impl CallbackSecret {
    /// The secret as receivers' libraries take it: `whsec_` and the key in base64 (Standard Webhooks 1.0.0).
    #[must_use]
    pub fn expose(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.0))
    }

    /// The digest of these parts, one after the other.
    #[must_use]
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        hmac(&self.0, parts)
    }
}

impl fmt::Debug for CallbackSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackSecret(•••)")
    }
}

/// A sealed text that does not open: it was changed, belongs to something else, or was sealed under another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed text does not open under this site's key")]
pub struct Unsealable;

/// The length of a nonce for [`SiteKey::seal`], in octets. At this length, drawing it at random is safe.
pub const NONCE_LENGTH: usize = 24;

/// The site's key, and what is done with it.
#[derive(Clone, ZeroizeOnDrop)]
pub struct SiteKey {
    codes: [u8; 32],
    contexts: [u8; 32],
    texts: [u8; 32],
    keys: [u8; 32],
    requests: [u8; 32],
    arrivals: [u8; 32],
    callbacks: [u8; 32],
    policies: [u8; 32],
}

impl SiteKey {
    /// The length of the root key, in octets.
    pub const LENGTH: usize = 32;

    /// Derives the keys for each use from the root key.
    #[must_use]
    pub fn derive(root: &[u8; Self::LENGTH]) -> Self {
        let hkdf = hkdf::Hkdf::<Sha256>::new(None, root);
        let key = |purpose: &[u8]| {
            let mut key = [0; 32];
            // 32 octets are within what HKDF-SHA256 can give (255 times 32), so this cannot fail.
            let _ = hkdf.expand(purpose, &mut key);
            key
        };
        Self {
            codes: key(b"smsotpd code digest"),
            contexts: key(b"smsotpd context digest"),
            texts: key(b"smsotpd message text"),
            keys: key(b"smsotpd api key"),
            requests: key(b"smsotpd request digest"),
            arrivals: key(b"smsotpd arrival digest"),
            callbacks: key(b"smsotpd callback secret"),
            policies: key(b"smsotpd policy digest"),
        }
    }

    /// The digest by which a code of this otp is known again.
    #[must_use]
    pub fn code_digest(&self, otp: OtpId, code: &Code) -> CodeDigest {
        CodeDigest(hmac(&self.codes, &[otp.as_bytes(), code.expose().as_bytes()]))
    }

    /// The digest by which the context of this otp, in its canonical form, is known again.
    #[must_use]
    pub fn context_digest(&self, otp: OtpId, canonical: &Text) -> ContextDigest {
        ContextDigest(hmac(&self.contexts, &[otp.as_bytes(), canonical.expose().as_bytes()]))
    }

    /// The digest by which an app's key is known again.
    #[must_use]
    pub fn key_digest(&self, key: &ApiKey) -> KeyDigest {
        KeyDigest(hmac(&self.keys, &[key.expose().as_bytes()]))
    }

    /// The digest by which a repeated request is known: of its method and path, and its body.
    #[must_use]
    pub fn request_digest(&self, head: &str, body: &[u8]) -> [u8; 32] {
        hmac(&self.requests, &[head.as_bytes(), b"\n", body])
    }

    /// The digest by which a message that comes in twice is known: of the SIM it came to, and its PDU.
    #[must_use]
    pub fn arrival_digest(&self, sim: &str, pdu: &[u8]) -> [u8; 32] {
        hmac(&self.arrivals, &[sim.as_bytes(), b"\n", pdu])
    }

    /// The digest by which it shows that a policy, written out like this, is another than before.
    #[must_use]
    pub fn policy_digest(&self, policy: &str) -> [u8; 32] {
        hmac(&self.policies, &[policy.as_bytes()])
    }

    /// The secret that the callbacks of an app are signed with. An app that gets the name of one that was removed was
    /// made at another time, and each generation has a secret of its own.
    #[must_use]
    pub fn callback_secret(&self, app: &AppName, made_at_millis: i64, generation: u32) -> CallbackSecret {
        let (made, generation) = (made_at_millis.to_be_bytes(), generation.to_be_bytes());
        CallbackSecret(hmac(&self.callbacks, &[app.as_str().as_bytes(), b"\n", &made, &generation]))
    }

    /// Seals a text, bound to the identifier of what it belongs to. The nonce must be drawn at random for each call.
    #[must_use]
    pub fn seal(&self, owner: &[u8; 16], text: &Text, nonce: [u8; NONCE_LENGTH]) -> SealedText {
        let payload = Payload { msg: text.expose().as_bytes(), aad: owner };
        // Encryption fails only for texts of 256 GiB and more.
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).unwrap_or_default();
        SealedText([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`SiteKey::seal`] sealed for this owner.
    ///
    /// # Errors
    /// [`Unsealable`] when it is not that.
    pub fn open(&self, owner: &[u8; 16], sealed: &SealedText) -> Result<Text, Unsealable> {
        let (nonce, ciphertext) = sealed.0.split_first_chunk::<NONCE_LENGTH>().ok_or(Unsealable)?;
        let payload = Payload { msg: ciphertext, aad: owner };
        let plain = self.cipher().decrypt(&XNonce::from(*nonce), payload).map_err(|_| Unsealable)?;
        String::from_utf8(plain).map(Text::new).map_err(|_| Unsealable)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.texts.into())
    }
}

impl fmt::Debug for SiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SiteKey(•••)")
    }
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC fills a key shorter than its block of 64 octets up with zeros (RFC 2104 §2).
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    block.zeroize();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> SiteKey {
        SiteKey::derive(&[7; 32])
    }

    #[test]
    fn a_text_opens_only_for_its_owner_and_key() {
        let owner = &[3; 16];
        let text = Text::new("123456 is your code.".to_owned());
        let sealed = site().seal(owner, &text, [1; NONCE_LENGTH]);
        assert_eq!(site().open(owner, &sealed), Ok(text));
        assert_eq!(site().open(&[4; 16], &sealed), Err(Unsealable));
        assert_eq!(SiteKey::derive(&[8; 32]).open(owner, &sealed), Err(Unsealable));
        assert_eq!(site().open(owner, &SealedText::from_bytes(vec![0; 5])), Err(Unsealable));
    }

    #[test]
    fn a_sealed_text_does_not_hold_the_text() {
        let sealed = site().seal(&[3; 16], &Text::new("123456".to_owned()), [1; NONCE_LENGTH]);
        assert!(!sealed.as_bytes().windows(6).any(|w| w == b"123456"));
    }

    #[test]
    fn one_code_has_another_digest_for_every_otp() {
        let (a, b) = (OtpId::generate(), OtpId::generate());
        let code = Code::new("123456".to_owned());
        assert!(site().code_digest(a, &code).matches(&site().code_digest(a, &code)));
        assert!(!site().code_digest(a, &code).matches(&site().code_digest(b, &code)));
    }

    #[test]
    fn every_app_and_generation_has_a_secret_of_its_own_for_callbacks() {
        let (shop, depot) = ("shop".parse().unwrap(), "depot".parse().unwrap());
        let secret = site().callback_secret(&shop, 1, 0);
        assert_eq!(secret, site().callback_secret(&shop, 1, 0));
        let others = [(&shop, 1, 1), (&shop, 2, 0), (&depot, 1, 0)];
        assert!(others.iter().all(|(app, made, generation)| site().callback_secret(app, *made, *generation) != secret));
        assert!(SiteKey::derive(&[8; 32]).callback_secret(&shop, 1, 0) != secret);
        assert_eq!(secret.expose().len(), "whsec_".len() + 44);
        assert_eq!(format!("{secret:?}"), "CallbackSecret(•••)");
    }

    #[test]
    fn secrets_print_as_dots() {
        let printed = format!(
            "{:?} {:?} {:?} {:?}",
            Code::new("123456".into()),
            Text::new("123456".into()),
            ApiKey::new("123456".into()),
            site()
        );
        assert!(!printed.contains("123456"));
    }
}
