//! gammu, a client nobody here wrote, drives the simulated modem through a pseudo-terminal.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use smsotpd::phone::PhoneNumber;
use smsotpd::sim::{Carrier, CarrierSettings, Device, DeviceSettings, EventKind, Fault, Handset, Terminal};
use tokio::task::JoinHandle;

/// A modem on a pseudo-terminal, and gammu's configuration for it.
struct Bench {
    device: Device,
    alice: Handset,
    configuration: PathBuf,
    _folder: tempfile::TempDir,
    _serving: JoinHandle<std::io::Result<()>>,
}

impl Bench {
    fn set_up() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("modem");
        let configuration = folder.path().join("gammurc");
        let text = format!("[gammu]\ndevice = {}\nconnection = at115200\n", link.display());
        std::fs::write(&configuration, text).unwrap();
        let quick = Duration::from_millis(100);
        let carrier =
            Carrier::new(CarrierSettings { submit_time: quick, delivery_time: quick, ..CarrierSettings::default() });
        let device = Device::new(DeviceSettings::default(), carrier.clone());
        let terminal = Terminal::open(Some(&link)).unwrap();
        let alice = carrier.handset(&PhoneNumber::from_digits("15551234567").unwrap());
        let serving = tokio::spawn({
            let device = device.clone();
            async move { device.serve(terminal).await }
        });
        Self { device, alice, configuration, _folder: folder, _serving: serving }
    }

    /// Lets Alice send these texts, and waits until the modem has stored all their parts.
    async fn receive(&self, texts: &[&str], parts: usize) {
        let mut events = self.device.events();
        for text in texts {
            self.alice.send(&self.device.settings().number, text).unwrap();
        }
        for _ in 0..parts {
            while !matches!(events.recv().await.unwrap().kind, EventKind::Stored { .. }) {}
        }
    }

    /// Runs gammu; gives what it printed.
    async fn gammu(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("gammu");
        command.env("LC_ALL", "C.UTF-8").arg("--config").arg(&self.configuration).args(arguments);
        let Output { status, stdout, stderr } =
            tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let printed = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "gammu {arguments:?}: {status}\n{printed}");
        printed
    }
}

#[tokio::test]
#[ignore = "needs gammu"]
async fn gammu_identifies_the_modem() {
    let bench = Bench::set_up();
    let printed = bench.gammu(&["identify"]).await;
    let settings = bench.device.settings();
    for expected in [&settings.manufacturer, settings.imei.as_str(), settings.imsi.as_str(), &settings.firmware] {
        assert!(printed.contains(expected), "{expected} in {printed}");
    }
}

#[tokio::test]
#[ignore = "needs gammu"]
async fn gammu_reads_the_network() {
    let bench = Bench::set_up();
    let printed = bench.gammu(&["networkinfo"]).await;
    for expected in ["home network", "001 01", "00C3", "0001A2B3"] {
        assert!(printed.contains(expected), "{expected} in {printed}");
    }
}

#[tokio::test]
#[ignore = "needs gammu"]
async fn gammu_sends_a_short_a_long_and_a_cyrillic_text() {
    let bench = Bench::set_up();
    let long = "0123456789".repeat(20);
    for (options, text, parts) in [
        (&["-text"][..], "Hello from gammu @ {1}", 1),
        (&["-len", "200", "-text"], &long, 2),
        (&["-unicode", "-text"], "Привет, €", 1),
    ] {
        let mut arguments = vec!["sendsms", "TEXT", "+15551234567"];
        arguments.extend(options);
        arguments.push(text);
        let printed = bench.gammu(&arguments).await;
        assert_eq!(printed.matches("message reference=").count(), parts, "{printed}");
        let received = bench.alice.next().await;
        assert_eq!((received.text.expose(), received.parts), (text, parts));
    }
}

#[tokio::test]
#[ignore = "needs gammu"]
async fn gammu_reads_and_deletes_what_was_received() {
    let bench = Bench::set_up();
    let long = "The quick brown fox jumps over the lazy dog. ".repeat(5);
    bench.receive(&["Hello modem", long.trim(), "Привет"], 4).await;
    let printed = bench.gammu(&["geteachsms"]).await;
    for expected in ["\nHello modem\n", long.trim(), "\nПривет\n", "Remote number        : \"+15551234567\""] {
        assert!(printed.contains(expected), "{expected} in {printed}");
    }
    assert!(printed.contains("4 SMS parts in 3 SMS sequences"), "{printed}");
    bench.gammu(&["deleteallsms", "1"]).await;
    let printed = bench.gammu(&["getallsms"]).await;
    assert!(printed.contains("0 SMS parts in 0 SMS sequences"), "{printed}");
}

#[tokio::test]
#[ignore = "needs gammu"]
async fn gammu_reads_what_was_received_in_text_mode() {
    let bench = Bench::set_up();
    bench.device.faults().queue(Fault::Refuse { command: "+CMGF".to_owned(), cme_error: None });
    bench.receive(&["Hello modem", "Привет"], 2).await;
    let printed = bench.gammu(&["getallsms"]).await;
    for expected in ["\nHello modem\n", "\nПривет\n", "Remote number        : \"+15551234567\""] {
        assert!(printed.contains(expected), "{expected} in {printed}");
    }
}
