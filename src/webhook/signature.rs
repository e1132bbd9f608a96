//! How a callback proves where it comes from (Standard Webhooks 1.0.0): three headers, the last of which signs the
//! other two and the body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::secret::CallbackSecret;

/// The event's id, the same each time it is tried.
pub(super) const ID: &str = "webhook-id";
/// When it was tried, in seconds since 1970: a receiver refuses what is older than some minutes.
pub(super) const TIMESTAMP: &str = "webhook-timestamp";
/// The signatures, one for each secret that is valid now.
pub(super) const SIGNATURE: &str = "webhook-signature";

/// The value of [`SIGNATURE`]: for each secret `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, with
/// spaces between them.
pub(super) fn signature(secrets: &[CallbackSecret], id: &str, timestamp: &str, body: &[u8]) -> String {
    let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    let signed: Vec<String> =
        secrets.iter().map(|secret| format!("v1,{}", STANDARD.encode(secret.sign(&parts)))).collect();
    signed.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SiteKey;

    /// Worked out by two programs that share nothing with this one, for the secret of `secret(0)`:
    ///
    /// ```sh
    /// key=$(printf %s "${SECRET#whsec_}" | base64 -d | od -An -tx1 | tr -d ' \n')
    /// printf '%s' "evt_1.1700000000.$BODY" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$key -binary | base64
    /// python3 -c 'import sys, hmac, base64; print(base64.b64encode(hmac.digest(base64.b64decode(sys.argv[1][6:]),
    ///     sys.argv[2].encode(), "sha256")).decode())' "$SECRET" "evt_1.1700000000.$BODY"
    /// ```
    const SECRET: &str = "whsec_lz8fZ8ZCQLXwuJe1ZRtSpQTu70wzyKl5IbZmr9Yxb2M=";
    const BODY: &[u8] = br#"{"type":"otp.delivered"}"#;
    const EXPECTED: &str = "v1,BgyZzDOsgaTqRJbGNWbXC7JbjVdObYzPYQTSrypMisI=";

    fn secret(generation: u32) -> CallbackSecret {
        SiteKey::derive(&[7; 32]).callback_secret(&"shop".parse().unwrap(), 1_767_225_600_000, generation)
    }

    #[test]
    fn a_signature_is_what_others_work_out() {
        assert_eq!(secret(0).expose(), SECRET);
        assert_eq!(signature(&[secret(0)], "evt_1", "1700000000", BODY), EXPECTED);
    }

    #[test]
    fn while_a_secret_is_changed_both_are_good() {
        let both = signature(&[secret(1), secret(0)], "evt_1", "1700000000", BODY);
        let (new, old) = both.split_once(' ').unwrap();
        assert_eq!(new, signature(&[secret(1)], "evt_1", "1700000000", BODY));
        assert_eq!(old, EXPECTED);
    }
}
