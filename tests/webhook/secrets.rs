//! What callbacks are signed with, and what of them is left on disk and in the log.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::receiver::{Got, Mood, Receiver};
use crate::site::{Site, pass, seconds, shop, soon};

/// Whether one of the signatures is good under this secret, worked out here from the words of the specification.
pub(crate) fn is_signed_with(got: &Got, secret: &str) -> bool {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.", got.id(), got.header("webhook-timestamp")).as_bytes());
    mac.update(&got.body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    got.header("webhook-signature").split(' ').any(|signature| signature == expected)
}

async fn secret(site: &Site) -> String {
    site.store.app_callback(&shop()).await.unwrap().unwrap().secret.expose()
}

#[tokio::test(start_paused = true)]
async fn for_a_day_after_a_change_both_secrets_are_good() {
    let mut receiver = Receiver::start(Mood::status(200));
    let site = Site::with_url(&receiver.url()).await;
    let old = secret(&site).await;
    site.happen(1).await;
    let got = soon("the first", receiver.next()).await;
    assert!(is_signed_with(&got, &old));
    let at = site.clock.wall().as_second().to_string();
    assert_eq!(got.header("webhook-timestamp"), at);

    assert!(site.store.rotate_callback_secret(&shop()).await.unwrap());
    let new = secret(&site).await;
    assert_ne!(old, new);
    site.happen(2).await;
    let got = soon("the second", receiver.next()).await;
    assert!(is_signed_with(&got, &old) && is_signed_with(&got, &new));

    pass(seconds(24 * 3600)).await;
    site.happen(3).await;
    let got = soon("the third", receiver.next()).await;
    assert!(!is_signed_with(&got, &old) && is_signed_with(&got, &new));
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_not_on_disk() {
    let receiver = Receiver::start(Mood::Hang);
    let site = Site::with_url(&receiver.url()).await;
    site.happen(1).await;
    let secret = secret(&site).await;
    let encoded = secret.strip_prefix("whsec_").unwrap();
    let key = STANDARD.decode(encoded).unwrap();
    for file in std::fs::read_dir(site.folder.path()).unwrap() {
        let content = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!content.windows(key.len()).any(|window| window == key));
        assert!(!content.windows(encoded.len()).any(|window| window == encoded.as_bytes()));
    }
}
