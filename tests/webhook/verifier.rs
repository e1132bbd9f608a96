//! A library that nobody here wrote, in a language of its own, takes what receivers get for real; and so does what the
//! README shows to people who do without it.
//!
//! From the Python package index: `pip install standardwebhooks`; `PYTHON` names an interpreter that has it, if
//! `python3` on the path has not.

use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;

use crate::receiver::{Got, Mood, Receiver};
use crate::site::{Site, shop, soon};

/// Says what a receiver would see: the event's type, or that the signature is wrong.
const VERIFY: &str = r#"
import json, sys
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

given = json.load(sys.stdin)
try:
    print(Webhook(given["secret"]).verify(given["body"], given["headers"])["type"])
except WebhookVerificationError as error:
    print("refused:", error)
"#;

/// The same by the README's function.
const VERIFY_BY_HAND: &str = r#"
import json, sys

given = json.load(sys.stdin)
body = given["body"].encode()
genuine = is_from_smsotpd(given["secret"], given["headers"], body)
print(json.loads(body)["type"] if genuine else "refused: no")
"#;

/// The Python of the README.
fn of_readme() -> String {
    let readme = include_str!("../../README.md");
    let block = readme.split("\n    import base64, hashlib, hmac, time\n").nth(1).expect("the README shows it");
    let lines = block.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
    let body: String = lines.flat_map(|line| [line.get(4..).unwrap_or_default(), "\n"]).collect();
    format!("import base64, hashlib, hmac, time\n{body}")
}

async fn verify(program: &str, got: &Got, secret: &str) -> String {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut python = tokio::process::Command::new(python)
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let body = String::from_utf8(got.body.clone()).unwrap();
    let given = serde_json::json!({"secret": secret, "headers": got.headers, "body": body});
    python.stdin.take().unwrap().write_all(given.to_string().as_bytes()).await.unwrap();
    let output = python.wait_with_output().await.unwrap();
    assert!(output.status.success(), "is it installed?");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
#[ignore = "needs standardwebhooks"]
async fn the_library_takes_what_is_signed_and_refuses_what_was_changed() {
    genuine_is_taken_and_the_rest_refused(VERIFY).await;
}

#[tokio::test]
#[ignore = "needs python3"]
async fn so_does_the_function_that_the_readme_shows() {
    genuine_is_taken_and_the_rest_refused(&(of_readme() + VERIFY_BY_HAND)).await;
}

async fn genuine_is_taken_and_the_rest_refused(program: &str) {
    let mut receiver = Receiver::start(Mood::status(200));
    let mut site = Site::idle().await;
    // The library judges the time by this machine's clock.
    let ahead = jiff::Timestamp::now().as_second() - site.clock.wall().as_second();
    site.clock.jump_wall(jiff::SignedDuration::from_secs(ahead));
    site.set_url(&receiver.url()).await;
    site.store.rotate_callback_secret(&shop()).await.unwrap();
    site.deliver();
    site.happen(1).await;
    let got = soon("the event", receiver.next()).await;
    let secret = site.store.app_callback(&shop()).await.unwrap().unwrap().secret.expose();
    assert_eq!(verify(program, &got, &secret).await, "otp.cancelled");

    let changed = |change: &dyn Fn(&mut Got)| {
        let mut changed = got.clone();
        change(&mut changed);
        changed
    };
    let body =
        changed(&|got| got.body = String::from_utf8(got.body.clone()).unwrap().replace("cancelled", "verified").into());
    let id = changed(&|got| drop(got.headers.insert("webhook-id".to_owned(), "evt_other".to_owned())));
    let old = changed(&|got| drop(got.headers.insert("webhook-timestamp".to_owned(), "1700000000".to_owned())));
    for got in [body, id, old] {
        assert!(verify(program, &got, &secret).await.starts_with("refused:"));
    }
    let other = site.store.site_key().callback_secret(&shop(), 0, 0).expose();
    assert!(verify(program, &got, &other).await.starts_with("refused:"));
}
