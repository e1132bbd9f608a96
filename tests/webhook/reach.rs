//! Where callbacks go, and where not.

use smsotpd::callback::Source;

use crate::receiver::{Mood, Receiver};
use crate::site::{Site, soon, target};

/// Why the only callback of a site is not sent there.
async fn why_not(url: &str, allow: &[&str]) -> String {
    let mut site = Site::idle().await;
    site.happen_for(1, target(url, Source::Request)).await;
    site.deliver_within(allow);
    site.until_waiting("a try", |all| all.iter().all(|one| one.tries == 1)).await;
    site.waiting().await[0].reason.clone().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_request_does_not_reach_what_is_not_allowed() {
    let receiver = Receiver::start(Mood::status(200));
    let by_address = format!("http://127.0.0.1:{}/", receiver.port);
    let by_name = format!("http://localhost:{}/", receiver.port);
    for (url, allow) in [
        (&by_address, &[][..]),
        (&by_address, &["10.0.0.0/8"]),
        // The name is allowed, but turns out to be this machine.
        (&by_name, &["localhost"]),
        // Its address is looked up by the system's own rules for what looks like one.
        (&format!("http://127.1:{}/", receiver.port), &["10.0.0.0/8"]),
        (&format!("http://2130706433:{}/", receiver.port), &["10.0.0.0/8"]),
    ] {
        let reason = why_not(url, allow).await;
        assert_eq!(reason, "the address is not among those that `allow` of [webhook] lets requests name", "{url}");
    }
    assert_eq!(receiver.connections(), 0, "nobody knocked");
}

#[tokio::test(start_paused = true)]
async fn a_request_reaches_what_is_allowed_by_address_under_any_name() {
    let mut receiver = Receiver::start(Mood::status(200));
    for host in ["localhost", "127.0.0.1"] {
        let mut site = Site::idle().await;
        let url = format!("http://{host}:{}/", receiver.port);
        let otp = site.happen_for(1, target(&url, Source::Request)).await;
        site.deliver_within(&["127.0.0.0/8"]);
        assert_eq!(soon("its event", receiver.next()).await.otp(), otp);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_does_not_get_the_operators_connection() {
    let mut receiver = Receiver::start(Mood::status(200));
    let site = Site::with_url(&receiver.url()).await;
    site.happen(1).await;
    soon("the operator's", receiver.next()).await;
    site.until_delivered().await;
    site.store.set_app_callback(&crate::site::shop(), None).await.unwrap();
    let same_host = format!("http://127.0.0.1:{}/other", receiver.port);
    site.happen_for(2, target(&same_host, Source::Request)).await;
    site.until_waiting("a try", |all| all.iter().all(|one| one.tries == 1)).await;
    assert!(receiver.now().is_none() && receiver.connections() == 1);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_nobody_knows_is_told_of() {
    let reason = why_not("https://nowhere.invalid/", &["nowhere.invalid"]).await;
    assert_eq!(reason, "the receiver's name cannot be looked up");
}
