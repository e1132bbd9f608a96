//! curl, as a person would call it, over the network and over the unix socket.

use std::process::Command;

use crate::api::{KEY, Site};
use serde_json::{Value, json};

/// What curl prints, with the status on a line of its own at the end.
async fn curl(arguments: Vec<String>) -> (u16, String) {
    let run = tokio::task::spawn_blocking(move || {
        Command::new("curl")
            .args(["--silent", "--show-error", "--write-out", "\n%{http_code}"])
            .args(arguments)
            .output()
    });
    let output = run.await.unwrap().expect("curl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let (body, status) = said.rsplit_once('\n').expect("the status on the last line");
    (status.parse().expect("a status"), body.to_owned())
}

fn words(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|&argument| argument.to_owned()).collect()
}

#[tokio::test]
#[ignore = "needs curl"]
async fn curl_issues_and_verifies_a_code() {
    let site = Site::start().await;
    let url = format!("http://{}/v1/otp", site.address);
    let key = format!("Authorization: Bearer {KEY}");
    let (status, body) = curl(words(&["--json", r#"{"to": "+1 555 123-4567"}"#, "--header", &key, &url])).await;
    assert_eq!(status, 202, "{body}");
    let issued: Value = serde_json::from_str(&body).unwrap();
    let id = issued["id"].as_str().unwrap();
    let code = json!({"code": site.code(id).await}).to_string();
    let (status, body) =
        curl(words(&["--json", &code, "--user", &format!("shop:{KEY}"), &format!("{url}/{id}/verify")])).await;
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("\"verified\":true"), "{body}");
}

#[tokio::test]
#[ignore = "needs curl"]
async fn curl_speaks_over_the_unix_socket() {
    let site = Site::start().await;
    let socket = site.socket().display().to_string();
    let (status, body) = curl(words(&["--unix-socket", &socket, "http://localhost/healthz"])).await;
    assert_eq!((status, body.as_str()), (200, r#"{"alive":true}"#));
}

#[tokio::test]
#[ignore = "needs curl"]
async fn curl_gets_an_answer_to_a_body_that_is_far_too_large() {
    let site = Site::start().await;
    let file = site.folder.path().join("large.json");
    std::fs::write(&file, vec![b' '; 3 * 1024 * 1024]).unwrap();
    let url = format!("http://{}/v1/otp", site.address);
    let key = format!("X-API-Key: {KEY}");
    let (status, body) = curl(words(&["--json", &format!("@{}", file.display()), "--header", &key, &url])).await;
    assert_eq!(status, 413, "{body}");
}
