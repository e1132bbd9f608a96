//! `smsotpd demo`: its story, and endings that leave nothing behind.

use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;
use tokio::process::Child;

use crate::cli::{end, lines, until};

#[tokio::test]
async fn the_demo_tells_its_story_once_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        crate::support::smsotpd().args(["demo", "--once"]).env("TMPDIR", folder.path()).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let steps = ["issued", "on the phone", "wrong code, 4 guesses left", "verified", "already used"];
    let places: Vec<_> = steps.iter().map(|step| said.find(step).unwrap_or_else(|| panic!("{step}: {said}"))).collect();
    assert!(places.is_sorted(), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it left something behind");
}

#[tokio::test]
async fn a_demo_that_is_interrupted_before_the_code_arrives_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = demo(folder.path());
    let mut said = lines(demo.stdout.take().unwrap());
    until(&mut said, "issued").await;
    end(demo, Signal::INT).await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it left something behind");
}

#[tokio::test]
async fn a_demo_whose_terminal_is_closed_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = demo(folder.path());
    let mut said = lines(demo.stdout.take().unwrap());
    until(&mut said, "Ctrl-C stops it").await;
    drop(said);
    end(demo, Signal::HUP).await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it left something behind");
}

#[tokio::test]
#[ignore = "needs curl"]
async fn the_curl_commands_that_the_demo_prints_work() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = demo(folder.path());
    let mut said = lines(demo.stdout.take().unwrap());
    let printed = until(&mut said, "Ctrl-C stops it").await;
    let find = |part: &str| printed.iter().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{printed:?}"));
    let variables = format!("{}\n{}\n", find("KEY='"), find("JSON='"));
    let paste = async |command: String| -> serde_json::Value {
        let script = format!("{variables}{command}");
        let output = tokio::process::Command::new("sh").args(["-c", &script]).output().await.unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|fault| panic!("{script}: {fault}"))
    };
    let otp = paste(find("/v1/otp -H").clone()).await;
    let arrived = until(&mut said, "is your Demo code").await;
    let code = crate::support::code_in(arrived.last().unwrap().split('“').nth(1).unwrap());
    let verify = find("/verify").replace("/ID/", &format!("/{}/", otp["id"].as_str().unwrap())).replace("CODE", &code);
    assert_eq!(paste(verify).await["verified"], true);
    assert_eq!(paste(find("/v1/status").clone()).await["readiness"]["ready"], true);
    end(demo, Signal::INT).await;
}

fn demo(folder: &Path) -> Child {
    let mut demo = crate::support::smsotpd();
    demo.args(["demo", "--listen", "127.0.0.1:0"]).env("TMPDIR", folder).stdout(Stdio::piped()).spawn().unwrap()
}
