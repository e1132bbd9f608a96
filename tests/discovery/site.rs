//! The whole daemon without a `[[modem]]`: a modem is plugged in, and codes go out.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use smsotpd::sim::{CarrierSettings, Terminal};
use tokio::task::JoinHandle;

use crate::support::{Site, soon};
use crate::tree::Machine;

const TO: &str = "+15550100123";

pub(crate) fn quick() -> CarrierSettings {
    let at_once = std::time::Duration::from_millis(20);
    CarrierSettings { submit_time: at_once, delivery_time: at_once, ..CarrierSettings::default() }
}

/// Configures a site for a machine without a word about modems.
pub(crate) fn configure(site: &Site, machine: &Machine) {
    let path = site.configure("");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, _) = text.split_once("[[modem]]").unwrap();
    let settings = machine.settings();
    let discovery = format!(
        "[discovery]\nlinks = {:?}\ndevices = {:?}\nsysfs = {:?}\n",
        settings.links, settings.devices, settings.sysfs
    );
    std::fs::write(&path, before.to_owned() + &discovery).unwrap();
}

fn plug(site: &Site, machine: &Machine, name: &str) -> JoinHandle<()> {
    std::fs::create_dir_all(machine.links()).unwrap();
    let (terminal, device) = (Terminal::open(Some(&machine.links().join(name))).unwrap(), site.device.clone());
    tokio::spawn(async move { device.serve(terminal).await.unwrap() })
}

async fn unplug(plug: JoinHandle<()>) {
    plug.abort();
    let _ = plug.await;
}

fn is_ready_at(modems: &Value, link: &str) -> bool {
    let modem = &modems["modems"][0];
    modem["state"] == "ready" && modem["port"].as_str().is_some_and(|port| port.ends_with(link))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modem_nobody_configured_is_plugged_in_found_sends_and_is_the_same_at_another_port() {
    let (site, machine) = (Site::unplugged(quick()), Machine::new());
    configure(&site, &machine);
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    let (status, otp) = daemon.post("/v1/otp", &key, json!({ "to": TO })).await;
    assert_eq!((status, &otp["message"]["status"]), (StatusCode::ACCEPTED, &json!("queued")));
    let (status, ready) = daemon.request(Method::GET, "/readyz", &key, None).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{ready}");

    let plugged = plug(&site, &machine, "modem-a");
    soon("the code that waited", site.handset(TO).next()).await;
    let modems = daemon.until("/v1/modems", &key, |modems| is_ready_at(modems, "modem-a")).await;
    let imei = site.device.settings().imei.to_string();
    let name = format!("m{}", &imei[imei.len() - 6..]);
    assert_eq!((&modems["modems"][0]["name"], &modems["modems"][0]["imei"]), (&json!(name), &json!(imei)));

    unplug(plugged).await;
    let absent = daemon.until("/v1/modems", &key, |modems| modems["modems"][0]["state"] == "absent").await;
    let absent = daemon
        .until("/v1/modems", &key, |modems| {
            modems["modems"][0]["reason"] == format!("no modem with IMEI {imei} is plugged in")
        })
        .await
        .get("modems")
        .map_or(absent, Clone::clone);
    assert_eq!(absent.as_array().map(Vec::len), Some(1), "it stays listed: {absent}");

    let _plugged = plug(&site, &machine, "modem-b");
    let modems = daemon.until("/v1/modems", &key, |modems| is_ready_at(modems, "modem-b")).await;
    assert_eq!(modems["modems"].as_array().map(Vec::len), Some(1), "the same modem: {modems}");
    assert_eq!(modems["modems"][0]["name"], json!(name));
    let other = "+15550100124";
    let (status, otp) = daemon.post("/v1/otp", &key, json!({ "to": other })).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{otp}");
    soon("the code after the move", site.handset(other).next()).await;
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modem_that_is_configured_by_its_number_keeps_its_name() {
    let (site, machine) = (Site::unplugged(quick()), Machine::new());
    configure(&site, &machine);
    let path = site.folder.path().join("smsotpd.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let imei = site.device.settings().imei.to_string();
    std::fs::write(&path, format!("{text}[[modem]]\nname = \"front\"\nimei = \"{imei}\"\n")).unwrap();
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    let modems = daemon.until("/v1/modems", &key, |modems| modems["modems"][0]["state"] == "absent").await;
    let reason = format!("no modem with IMEI {imei} is plugged in");
    assert_eq!((&modems["modems"][0]["name"], &modems["modems"][0]["reason"]), (&json!("front"), &json!(reason)));
    let _plugged = plug(&site, &machine, "modem-a");
    daemon.until("/v1/modems", &key, |modems| is_ready_at(modems, "modem-a")).await;
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stick_without_a_port_for_commands_is_the_reason_why_the_site_is_not_ready() {
    let (site, mut machine) = (Site::unplugged(quick()), Machine::new());
    configure(&site, &machine);
    machine.plug("1-1.3", "19d2:1405", "", &[]);
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    let status = daemon.until("/v1/status", &key, |status| status["readiness"].to_string().contains("19d2:1405")).await;
    let reason = &status["readiness"]["reasons"][0];
    assert_eq!(reason["code"], "no_modem");
    assert!(reason["advice"].as_str().is_some_and(|advice| advice.contains("router firmware")), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_found_port_that_another_program_holds_is_said_to_be_held_and_used_when_it_is_free() {
    let other = Site::new(quick());
    other.configure("");
    let their_key = other.create_app("shop").await;
    let holder = other.serve().await;
    holder.until("/v1/modems", &their_key, |modems| modems["modems"][0]["state"] == "ready").await;

    let (site, machine) = (Site::unplugged(quick()), Machine::new());
    configure(&site, &machine);
    let imei = other.device.settings().imei.to_string();
    let path = site.folder.path().join("smsotpd.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}[[modem]]\nname = \"front\"\nimei = \"{imei}\"\n")).unwrap();
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    machine.link("modem-a", &other.link());
    let held = format!("{} is held by ", machine.links().join("modem-a").display());
    // The test itself is on the other end of the terminal, so it may be the one that is named.
    let names = |text: &Value| text.as_str().is_some_and(|text| text.contains(&held) && text.contains("(process "));
    let modems = daemon.until("/v1/modems", &key, |modems| names(&modems["modems"][0]["reason"])).await;
    assert_eq!(modems["modems"][0]["state"], "absent", "{modems}");
    let (status, ready) = daemon.request(Method::GET, "/readyz", &key, None).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{ready}");
    assert!(ready.to_string().contains(&held), "{ready}");

    assert!(holder.terminate().await.success());
    daemon.until("/v1/modems", &key, |modems| is_ready_at(modems, "modem-a")).await;
}
