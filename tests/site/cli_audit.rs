//! `smsotpd audit`: what happened, told at once and as it happens.

use std::process::Stdio;

use serde_json::json;
use smsotpd::sim::CarrierSettings;

use crate::cli::{lines, mistake, run, until};
use crate::support::Site;

#[tokio::test]
async fn what_happened_is_told_with_the_daemon_running_and_stopped_and_as_it_happens() {
    let site = Site::unplugged(CarrierSettings::default());
    let config = site.configure("").to_str().unwrap().to_owned();
    let audit = async |more: &str| {
        let output = run(&format!("audit --config {config}{more}")).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let key = site.create_app("shop").await;
    let told = audit("").await;
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("app.created") && told.contains("by=cli") && told.contains("shop"), "{told}");

    let mut follow = crate::support::smsotpd();
    follow.args(["audit", "--json", "--follow", "--kind", "otp.*", "--config", &config]);
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    let mut followed = lines(follow.stdout.take().unwrap());
    let daemon = site.serve().await;
    let (_, otp) = daemon.post("/v1/otp", &key, json!({ "to": "+15550100123" })).await;
    let issued = until(&mut followed, "otp.issued").await;
    assert!(issued.last().unwrap().contains(otp["id"].as_str().unwrap()), "{issued:?}");

    let path = format!("/v1/otp/{}/verify", otp["id"].as_str().unwrap());
    daemon.post(&path, &key, json!({ "code": "no" })).await;
    until(&mut followed, "otp.wrong_code").await;
    let told = audit(" --app shop --kind otp.wrong_code --since 1h").await;
    assert!(told.contains("attempts_left=4") && told.contains("+1555***0123"), "{told}");
    assert!(daemon.terminate().await.success());
    assert_eq!(audit(" -n 1 --kind otp.*").await, told);
    assert_eq!(audit(" --until 2020-01-01").await, "");
    for (wrong, named) in [
        ("--kind otp", "otp.issued"),
        ("--since noon", "2026-05-04"),
        ("--app A", "a-z"),
        ("--since 2026-05-05 --until 2026-05-04", "--until"),
        ("--since 1h --until 2h", "--until"),
    ] {
        let (code, said) = mistake(&format!("audit {wrong}")).await;
        assert!(code == 2 && said.contains(named), "{said}");
    }
}

#[tokio::test]
async fn a_long_log_is_told_page_by_page_in_order_and_who_follows_hears_each_event_once() {
    use smsotpd::store::{Kind, Store};
    let site = Site::unplugged(CarrierSettings::default());
    let config = site.configure("").to_str().unwrap().to_owned();
    let store = Store::open(&site.folder.path().join("state"), None).await.unwrap();
    let note = async |events: usize| {
        for _ in 0..events {
            store.note(Kind::ModemReady, None, serde_json::Value::Null).await.unwrap();
        }
    };
    note(450).await;
    let ids = async |more: &str| {
        let output = run(&format!("audit --json --config {config} {more}")).await;
        assert!(output.status.success(), "{output:?}");
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(id).collect::<Vec<String>>()
    };
    let all = ids("--since 1h").await;
    assert_eq!((all.len(), all.is_sorted()), (450, true));
    for newest in [1, 200, 250, 449, 1_000] {
        assert_eq!(ids(&format!("-n {newest}")).await, all[450_usize.saturating_sub(newest)..], "{newest}");
    }
    assert_eq!(ids("--since 1h --kind modem.absent").await, Vec::<String>::new());

    let mut follow = crate::support::smsotpd();
    follow.args(["audit", "--json", "--follow", "--since", "1h", "--config", &config]);
    let mut follow = follow.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut followed = lines(follow.stdout.take().unwrap());
    let (_, heard) = tokio::join!(note(300), async {
        let mut heard = Vec::new();
        while heard.len() < 750 {
            heard.push(id(&crate::support::soon("an event", followed.next_line()).await.unwrap().unwrap()));
        }
        heard
    });
    assert!(heard.windows(2).all(|pair| pair[0] < pair[1]), "each once and in order");
}

/// The id of an event that is told as JSON.
fn id(line: &str) -> String {
    serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned()
}
