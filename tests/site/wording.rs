//! What arrives on phones: languages, the operator's and the app's own words, and the last line for browsers and apps.

use std::time::Duration;

use crate::support::{Daemon, Site, code_in, soon};
use hyper::StatusCode;
use serde_json::{Value, json};
use smsotpd::sim::CarrierSettings;

const GERMAN: &str = "+4915112345678";
const AT_ONCE: Duration = Duration::from_millis(20);

async fn start(config: &str) -> (Site, Daemon, String) {
    let site =
        Site::new(CarrierSettings { submit_time: AT_ONCE, delivery_time: AT_ONCE, ..CarrierSettings::default() });
    site.configure(config);
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    (site, daemon, key)
}

/// Issues a code by this request; what the phone shows then, with `#` in place of the code, and the answer.
async fn shown(site: &Site, daemon: &Daemon, key: &str, body: Value) -> (String, Value) {
    let phone = site.handset(body["to"].as_str().unwrap());
    let (status, otp) = daemon.post("/v1/otp", key, body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{otp}");
    let received = soon("the message", phone.next()).await;
    let text = received.text.expose();
    (text.replace(&code_in(text), "#"), otp)
}

/// The field that a request is refused for, and what is said of it; whether it is the policy that forbids it.
async fn refused(daemon: &Daemon, key: &str, body: Value) -> (String, String, bool) {
    let (status, problem) = daemon.post("/v1/otp", key, body).await;
    let (forbidden, code) = (status == StatusCode::FORBIDDEN, problem["code"].as_str().unwrap());
    let codes = [(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request"), (StatusCode::FORBIDDEN, "forbidden_by_policy")];
    assert!(codes.contains(&(status, code)), "{problem}");
    let text = |field: &str| problem["errors"][0][field].as_str().unwrap().to_owned();
    (text("field"), text("message"), forbidden)
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_written_to_in_the_language_of_their_country_or_the_one_that_is_asked_for() {
    let (site, daemon, key) = start("[policy.default]\nbrand = \"Shop\"").await;
    for (to, locale, text, encoding) in [
        (GERMAN, None, "# ist Ihr Code für Shop. Er gilt 5 Min.", "gsm7"),
        ("+33612345678", None, "# est votre code Shop. Il est valable 5 min.", "gsm7"),
        ("+79161234567", None, "Ваш код Shop: #. Действителен 5 мин.", "ucs2"),
        ("+5511912345678", None, "# é seu código Shop. Válido por 5 min.", "ucs2"),
        ("+15550100123", None, "# is your Shop code. It is valid for 5 minutes.", "gsm7"),
        ("+819012345678", None, "【Shop】認証コードは#です。有効期限は5分です。", "ucs2"),
        (GERMAN, Some("fr_CH"), "# est votre code Shop. Il est valable 5 min.", "gsm7"),
        (GERMAN, Some("tlh"), "# is your Shop code. It is valid for 5 minutes.", "gsm7"),
    ] {
        let mut body = json!({"to": to});
        if let Some(locale) = locale {
            body["locale"] = locale.into();
        }
        let (said, otp) = shown(&site, &daemon, &key, body).await;
        assert_eq!((said.as_str(), &otp["message"]["parts"]), (text, &json!(1)), "{to}");
        assert_eq!(otp["message"]["encoding"], encoding, "{to}");
    }
    for wrong in [json!("german"), json!(""), json!("de;q=0.8"), json!(7)] {
        let (field, said, forbidden) = refused(&daemon, &key, json!({"to": GERMAN, "locale": wrong})).await;
        assert_eq!((field.as_str(), forbidden), ("locale", false), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_words_and_languages_win() {
    let policy = "[policy.default]\ntemplate = \"Code {code}\"\n[policy.default.templates]\nde = \"Kennwort {code}\"\n";
    let (site, daemon, key) = start(policy).await;
    for (to, text) in [(GERMAN, "Kennwort #"), ("+436641234567", "Kennwort #"), ("+33612345678", "Code #")] {
        assert_eq!(shown(&site, &daemon, &key, json!({"to": to})).await.0, text);
    }
    let (field, said, forbidden) = refused(&daemon, &key, json!({"to": GERMAN, "template": "{code}"})).await;
    assert_eq!((field.as_str(), forbidden), ("template", true));
    assert!(said.contains("`template-per-request = true`"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_may_bring_its_own_words_where_the_policy_says_so_and_they_fit() {
    let (site, daemon, key) = start("[policy.default]\nbrand = \"Shop\"\ntemplate-per-request = true").await;
    let words = "“{brand}” – gate code: {code}";
    let (said, otp) = shown(&site, &daemon, &key, json!({"to": GERMAN, "template": words})).await;
    assert_eq!((said.as_str(), &otp["message"]["encoding"]), ("\"Shop\" - gate code: #", &json!("gsm7")));
    for (words, told) in [
        ("Hello", "the template has no {code}: nobody would receive a code"),
        ("{code} {brnad}", "the place at character 8 is unknown; did you mean {brand}?"),
        ("{code} for {payee}", "the text has a place for the payee, and none is given"),
        ("{code} {domain}", "the text has a place for the domain, and none is given"),
        (&format!("{{code}}{}", "x".repeat(160)), "the message has 166 septets, 6 more than one SMS holds (160)"),
        (&format!("{{code}}{}", "ж".repeat(70)), "; without 'ж', which is not in the GSM 7-bit alphabet"),
    ] {
        let (_, said, forbidden) = refused(&daemon, &key, json!({"to": GERMAN, "template": words})).await;
        assert!(said.contains(told) && !forbidden, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_line_is_for_the_site_and_the_app_that_the_policy_knows() {
    let policy = "[policy.default]\nbrand = \"Shop\"\ndomain = \"shop.example\"\n\
                  domains = [\"pay.shop.example\"]\napp-hashes = [\"FA+9qCX9VSu\"]\nresend-after-seconds = 0\n";
    let (site, daemon, key) = start(policy).await;
    let words = "# ist Ihr Code für Shop. Er gilt 5 Min.";
    for (more, line) in [
        (json!({}), "@shop.example ##"),
        (json!({"domain": "Pay.shop.example"}), "@pay.shop.example ##"),
        (json!({"app_hash": "FA+9qCX9VSu"}), "@shop.example ## FA+9qCX9VSu"),
    ] {
        let mut body = json!({"to": GERMAN});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(shown(&site, &daemon, &key, body).await.0, format!("{words}\n{line}"));
    }
    for (field, value, told) in [
        ("domain", "evil.example", "this host is not among the policy's `domains`"),
        ("domain", "https://shop.example", "write the host alone"),
        ("app_hash", "FA+9qCX9VSv", "this hash is not among the policy's `app-hashes`"),
        ("app_hash", "FA+9", "an app hash has 11 characters"),
    ] {
        let (found, said, forbidden) = refused(&daemon, &key, json!({"to": GERMAN, field: value})).await;
        assert_eq!((found.as_str(), forbidden), (field, said.starts_with("this h")));
        assert!(said.contains(told), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resend_says_what_the_first_message_said() {
    for new_code in [false, true] {
        let policy = format!(
            "[policy.default]\nbrand = \"Shop\"\ndomains = [\"pay.example\"]\nresend-after-seconds = 0\n\
             resend-new-code = {new_code}\n"
        );
        let (site, daemon, key) = start(&policy).await;
        let body = json!({"to": GERMAN, "locale": "it", "domain": "pay.example"});
        let text = "# è il tuo codice Shop. Vale 5 min.\n@pay.example ##";
        let (said, otp) = shown(&site, &daemon, &key, body).await;
        assert_eq!(said, text);
        let phone = site.handset(GERMAN);
        let path = format!("/v1/otp/{}", otp["id"].as_str().unwrap());
        let (status, again) = daemon.post(&format!("{path}/resend"), &key, json!({})).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{again}");
        let received = soon("the message again", phone.next()).await;
        let code = code_in(received.text.expose());
        assert_eq!(received.text.expose().replace(&code, "#"), text);
        let (_, verdict) = daemon.post(&format!("{path}/verify"), &key, json!({"code": code})).await;
        assert_eq!(verdict["verified"], true, "{verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn look_alikes_cost_nothing_unless_the_policy_keeps_them() {
    for (simplify, said, encoding) in [(true, "Don't wait...", "gsm7"), (false, "Don’t wait…", "ucs2")] {
        let (site, daemon, key) = start(&format!("[policy.default]\nsimplify = {simplify}")).await;
        let phone = site.handset(GERMAN);
        let (status, message) = daemon.post("/v1/messages", &key, json!({"to": GERMAN, "text": "Don’t wait…"})).await;
        assert_eq!((status, &message["encoding"]), (StatusCode::ACCEPTED, &json!(encoding)), "{message}");
        assert_eq!(soon("the message", phone.next()).await.text.expose(), said);
    }
}
