//! What stands in a policy in the configuration file, seen at the other end: in the API, at the modems, on the handset.

use std::time::Duration;

use crate::support::{Site, code_in, soon};
use hyper::StatusCode;
use serde_json::json;
use smsotpd::pdu::MessageClass;
use smsotpd::sim::CarrierSettings;

const TO: &str = "+15550100123";
const AT_ONCE: Duration = Duration::from_millis(20);

fn quick() -> CarrierSettings {
    CarrierSettings { submit_time: AT_ONCE, delivery_time: AT_ONCE, ..CarrierSettings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_code_that_was_sent_three_times_the_handset_shows_one_message_at_once() {
    let site = Site::new(quick());
    site.configure("[policy.default]\nclass-0 = true\nreplace = 3\nresend-after-seconds = 0");
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    let phone = site.handset(TO);
    let (status, otp) = daemon.post("/v1/otp", &key, json!({ "to": TO })).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{otp}");
    let code = code_in(soon("the code", phone.next()).await.text.expose());
    let path = format!("/v1/otp/{}", otp["id"].as_str().unwrap());
    for _ in 0..2 {
        let (status, otp) = daemon.post(&format!("{path}/resend"), &key, json!(null)).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{otp}");
        let again = soon("the code once more", phone.next()).await;
        assert_eq!(code_in(again.text.expose()), code);
        assert_eq!((again.class, again.replace_type), (Some(MessageClass::Class0), Some(3)));
    }
    assert_eq!(phone.inbox().len(), 1);
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_an_app_wait_for_the_modems_of_its_policy_and_go_first_or_last_as_that_says() {
    let site = Site::new(quick());
    let config = |more: &str| {
        site.configure(&format!("[[modem]]\nname = \"m2\"\nport = \"/nowhere\"\n[policy.staff]\n{more}"));
    };
    config("modems = [\"m2\"]\npriority = \"bulk\"");
    let (shop, staff) = (site.create_app("shop").await, site.create_app_with("staff", &["--policy", "staff"]).await);
    let daemon = site.serve().await;
    daemon.until_ready().await;
    let body = json!({ "to": TO, "text": "The yard is open." });
    let (_, waits) = daemon.post("/v1/messages", &staff, body.clone()).await;
    let (_, goes) = daemon.post("/v1/messages", &shop, body.clone()).await;
    let path = |message: &serde_json::Value| format!("/v1/messages/{}", message["id"].as_str().unwrap());
    let sent = daemon.until(&path(&goes), &shop, |message| message["status"] == "delivered").await;
    assert_eq!((&sent["priority"], &sent["attempts"][0]["modem"]), (&json!("transactional"), &json!("m1")));
    let held = daemon.get(&path(&waits), &staff).await;
    assert_eq!((&held["status"], &held["priority"], &held["attempts"]), (&json!("queued"), &json!("bulk"), &json!([])));
    let why = "Messages by the policy staff go through m2 only, and that cannot send now.";
    assert_eq!(held["why"], why);
    let ready = daemon.get("/readyz", &staff).await;
    assert!(ready["warnings"].as_array().unwrap().iter().any(|warning| warning["reason"] == why), "{ready}");
    // A request that says its priority is asked, not the policy.
    let (_, urgent) =
        daemon.post("/v1/messages", &staff, json!({ "to": TO, "text": "Now.", "priority": "transactional" })).await;
    assert_eq!(daemon.get(&path(&urgent), &staff).await["priority"], "transactional");

    config("modems = [\"m1\"]");
    daemon.signal(rustix::process::Signal::HUP);
    for message in [&waits, &urgent] {
        let sent = daemon.until(&path(message), &staff, |message| message["status"] == "delivered").await;
        assert_eq!(sent["attempts"][0]["modem"], "m1");
    }
    let (_, new) = daemon.post("/v1/messages", &staff, body).await;
    assert_eq!(daemon.get(&path(&new), &staff).await["priority"], "transactional", "the policy says nothing any more");
    assert!(daemon.terminate().await.success());
}
