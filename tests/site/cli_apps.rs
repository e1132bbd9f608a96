//! `smsotpd app` as a person meets it.

use std::path::Path;
use std::process::Stdio;

use smsotpd::sim::CarrierSettings;

use crate::cli::run;
use crate::support::Site;

#[tokio::test]
async fn the_command_that_a_new_app_is_shown_works_as_it_is() {
    let site = Site::unplugged(CarrierSettings::default());
    let config = site.configure("");
    let _daemon = site.serve().await;
    let made = run(&format!("app create shop --config {}", config.display())).await;
    let made = String::from_utf8(made.stdout).unwrap();
    let shown = made.lines().find_map(|line| line.strip_prefix("Try it:")).unwrap();
    let beside = Path::new(env!("CARGO_BIN_EXE_smsotpd")).parent().unwrap();
    let path = format!("{}:{}", beside.display(), std::env::var("PATH").unwrap());
    let tried = tokio::process::Command::new("sh").args(["-c", shown]).env("PATH", path).output().await.unwrap();
    assert!(tried.status.success(), "{shown}: {tried:?}");
    assert!(String::from_utf8(tried.stdout).unwrap().contains("+1555***4567"), "{shown}");
}

#[tokio::test]
async fn an_app_that_may_not_issue_is_shown_what_it_may_or_nothing() {
    let site = Site::unplugged(CarrierSettings::default());
    let config = site.configure("");
    let made = async |name: &str, scopes: &str| {
        let made = run(&format!("app create {name} {scopes} --config {}", config.display())).await;
        String::from_utf8(made.stdout).unwrap()
    };
    assert!(made("sender", "--scope send").await.contains("smsotpd send +15551234567 Hello"));
    assert!(!made("reader", "--scope read --scope verify").await.contains("Try it"));
    assert!(made("keeper", "--scope admin").await.contains("smsotpd otp issue"), "who has `admin` has all");
}

#[tokio::test]
async fn who_only_looks_makes_no_site_where_there_is_none() {
    let site = Site::unplugged(CarrierSettings::default());
    let config = site.configure("").to_str().unwrap().to_owned();
    for command in ["app list", "app rotate shop", "app remove shop", "app callback shop --none", "audit"] {
        let output = run(&format!("{command} --config {config}")).await;
        let said = String::from_utf8(output.stderr).unwrap();
        let told = format!("smsotpd: there is no database in {} yet; ", site.state().display());
        assert!(output.status.code() == Some(1) && said.starts_with(&told), "{command}: {said}");
        assert!(!site.state().exists(), "{command}");
    }
}

#[tokio::test]
async fn a_scope_that_is_given_twice_is_there_once() {
    let site = Site::unplugged(CarrierSettings::default());
    let config = site.configure("").display().to_string();
    run(&format!("app create shop --scope verify --scope issue --scope issue --config {config}")).await;
    let list = run(&format!("app list --json --config {config}")).await;
    assert!(String::from_utf8(list.stdout).unwrap().contains(r#""scopes":["issue","verify"]"#));
}

#[tokio::test]
async fn who_removes_an_app_is_told_what_is_given_up() {
    let site = Site::unplugged(CarrierSettings::default());
    let config = site.configure("").display().to_string();
    run(&format!("app create shop --config {config}")).await;
    let removed = String::from_utf8(run(&format!("app remove shop --config {config}")).await.stdout).unwrap();
    assert!(removed.contains("what still waited to be sent is not sent"), "{removed}");
}

#[tokio::test]
async fn what_cannot_be_written_is_told_and_a_lost_key_with_the_way_to_another() {
    let site = Site::unplugged(CarrierSettings::default());
    let config = site.configure("").display().to_string();
    for arguments in ["app create shop", "app rotate shop --json", "app list", "audit --json", "config check"] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = crate::support::smsotpd();
        command.args(format!("{arguments} --config {config}").split(' ')).stdout(full).stderr(Stdio::piped());
        let output = command.spawn().unwrap().wait_with_output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments}: {said}");
        assert!(said.contains("the output cannot be written: No space left on device"), "{arguments}: {said}");
        let is_key = arguments.starts_with("app create") || arguments.starts_with("app rotate");
        assert_eq!(said.contains("`smsotpd app rotate shop` makes another"), is_key, "{arguments}: {said}");
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = crate::support::smsotpd();
    command.args(format!("app rotate shop --config {config}").split(' ')).stdout(writer).stderr(Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("`smsotpd app rotate shop` makes another") && said.contains("Broken pipe"), "{said}");
}
