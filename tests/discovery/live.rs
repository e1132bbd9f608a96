//! The finder at work: simulated modems on pseudo-terminals, on a machine made of folders, in real time.

use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use smsotpd::modem::discovery::{Finder, Found, Identity, Known, Ports, Seen, Sight};
use smsotpd::modem::{Connector, SerialConnector, Settings};
use smsotpd::sim::{Carrier, CarrierSettings, Device, DeviceSettings, Terminal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::soon;
use crate::tree::{Machine, Port};

/// A finder at work, until dropped.
struct Work {
    ports: Ports,
    finds: UnboundedReceiver<Found>,
    _stop: DropGuard,
}

impl Work {
    fn start(machine: &Machine, adopt: bool) -> Self {
        Self::knowing(machine, Known { modems: Vec::new(), adopt })
    }

    fn knowing(machine: &Machine, known: Known) -> Self {
        let (finder, ports, finds) = Finder::new(machine.settings(), known);
        let stop = CancellationToken::new();
        tokio::spawn(finder.run(stop.clone()));
        Self { ports, finds, _stop: stop.drop_guard() }
    }

    async fn find(&mut self) -> Found {
        soon("a modem to be found", self.finds.recv()).await.unwrap()
    }

    /// Waits until what is seen is as wished.
    async fn until(&self, what: &str, wished: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        let mut seen = self.ports.seen();
        soon(what, async { seen.wait_for(|seen| wished(seen)).await.unwrap().clone() }).await
    }
}

/// A simulated modem, and what it is plugged into.
struct Modem {
    device: Device,
    plug: Option<JoinHandle<()>>,
}

impl Modem {
    fn new(index: u16) -> Self {
        let carrier = Carrier::new(CarrierSettings::default());
        Self { device: Device::new(DeviceSettings::numbered(index), carrier), plug: None }
    }

    fn identity(&self) -> Identity {
        Identity::Imei(self.device.settings().imei.clone())
    }

    fn plug(&mut self, link: &Path) {
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        let (terminal, device) = (Terminal::open(Some(link)).unwrap(), self.device.clone());
        self.plug = Some(tokio::spawn(async move { device.serve(terminal).await.unwrap() }));
    }

    async fn unplug(&mut self) {
        if let Some(plug) = self.plug.take() {
            plug.abort();
            let _ = plug.await;
        }
    }
}

/// Opens the modem's port and hears whether anybody answers.
async fn answers(connector: &mut Box<dyn Connector>) {
    let mut port = soon("the port to open", connector.connect()).await.unwrap();
    port.write_all(b"AT\r").await.unwrap();
    let mut heard = Vec::new();
    soon("the modem to answer", async {
        while !heard.ends_with(b"OK\r\n") {
            heard.push(port.read_u8().await.unwrap());
        }
    })
    .await;
}

fn troubles(seen: &[Seen]) -> Vec<&str> {
    seen.iter()
        .filter_map(|seen| match &seen.sight {
            Sight::Trouble { reason, .. } => Some(reason.as_str()),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_modem_whose_link_appears_is_found_named_after_its_number_and_can_be_opened() {
    let machine = Machine::new();
    let mut work = Work::start(&machine, true);
    let mut modem = Modem::new(7);
    modem.plug(&machine.links().join("modem-a"));
    let mut found = work.find().await;
    let imei = &modem.device.settings().imei;
    assert_eq!(found.settings.imei.as_ref(), Some(imei));
    assert_eq!(found.settings.name.to_string(), format!("m{}", &imei.as_str()[9..]));
    assert_eq!(found.model.as_deref(), Some("Simulated Modem"));
    answers(&mut found.connector).await;
    assert_eq!(found.connector.port(), Some(machine.links().join("modem-a").display().to_string()));
}

#[tokio::test]
async fn a_modem_that_comes_back_under_another_name_is_the_same_modem() {
    let machine = Machine::new();
    let mut work = Work::start(&machine, true);
    let mut modem = Modem::new(1);
    modem.plug(&machine.links().join("modem-a"));
    let mut found = work.find().await;
    answers(&mut found.connector).await;
    for round in 0..3 {
        modem.unplug().await;
        let absent = soon("the absence to be told", found.connector.connect()).await.err().unwrap();
        assert_eq!(absent.kind(), ErrorKind::NotFound);
        let expected = format!("no modem with {} is plugged in", modem.identity());
        assert_eq!(absent.to_string(), expected);
        modem.plug(&machine.links().join(format!("modem-{round}")));
        answers(&mut found.connector).await;
    }
    assert!(work.finds.try_recv().is_err(), "it was taken for another modem");
}

#[tokio::test]
async fn a_link_that_now_leads_elsewhere_is_another_port() {
    let machine = Machine::new();
    let mut work = Work::start(&machine, true);
    let (mut one, mut other) = (Modem::new(1), Modem::new(2));
    let link = machine.links().join("modem-a");
    one.plug(&link);
    let mut first = work.find().await;
    // The link is taken over in one step, while the first modem's terminal lives on.
    other.plug(&link);
    let mut second = work.find().await;
    assert_ne!(first.settings.imei, second.settings.imei);
    answers(&mut second.connector).await;
    assert!(soon("the absence to be told", first.connector.connect()).await.is_err());
}

#[tokio::test]
async fn a_modem_on_usb_is_followed_through_renumbering_and_only_its_command_port_is_opened() {
    let mut machine = Machine::new();
    let mut work = Work::start(&machine, true);
    let mut modem = Modem::new(3);
    for (round, first) in [0, 4, 1].into_iter().enumerate() {
        let ttys: Vec<String> = (first..first + 4).map(|n| format!("ttyUSB{n}")).collect();
        let numbers = ["00", "01", "02", "03"];
        let ports: Vec<Port<'_>> =
            numbers.iter().zip(&ttys).map(|(number, tty)| Port { number, class: "ff/ff/ff", tty }).collect();
        machine.plug("1-1.2", "2c7c:0125", "option", &ports);
        // Only one port leads anywhere: to open another would be told as trouble.
        modem.plug(&machine.devices().join(&ttys[2]));
        let mut connector = match round {
            0 => work.find().await.connector,
            _ => work.ports.connector(modem.identity()),
        };
        let opened = format!("{}", machine.devices().join(&ttys[2]).display());
        work.until("the modem to be there", |seen| {
            seen.iter()
                .any(|seen| matches!(&seen.sight, Sight::Modem { port, .. } if port.display().to_string() == opened))
        })
        .await;
        answers(&mut connector).await;
        assert_eq!(connector.port(), Some(opened));
        machine.pull("1-1.2");
        modem.unplug().await;
        assert_eq!(work.until("the modem to be gone", <[Seen]>::is_empty).await, []);
    }
    assert!(work.finds.try_recv().is_err(), "it was taken for another modem");
}

#[tokio::test]
async fn a_port_that_is_held_is_left_alone_its_holder_named_and_found_when_it_is_free() {
    let machine = Machine::new();
    let mut modem = Modem::new(4);
    let link = machine.links().join("modem-a");
    modem.plug(&link);
    let held = SerialConnector::new(&link, 115_200).connect().await.unwrap();
    let mut work = Work::start(&machine, true);
    let seen = work.until("the holder to be named", |seen| !troubles(seen).is_empty()).await;
    let reason = troubles(&seen)[0];
    let holder = "is held by discovery-";
    assert!(reason.contains(holder) && reason.contains(&format!("(process {})", std::process::id())), "{reason}");
    // Whoever waits for the modem learns of it too.
    let absent = work.ports.connector(modem.identity()).connect().await.err().unwrap().to_string();
    assert!(absent.contains("is plugged in") && absent.contains(holder), "{absent}");
    drop(held);
    answers(&mut work.find().await.connector).await;
}

#[tokio::test]
async fn a_modem_that_tells_no_number_is_known_by_its_place() {
    let machine = Machine::new();
    let mut work = Work::start(&machine, true);
    let link = machine.links().join("Old_GSM");
    machine.link("Old_GSM", &parrot());
    let mut found = work.find().await;
    assert_eq!((found.settings.name.to_string().as_str(), &found.settings.imei), ("m-old-gsm", &None));
    answers(&mut found.connector).await;
    assert_eq!(found.connector.port(), Some(link.display().to_string()));
}

/// A terminal on which something answers `OK` to every line, and nothing else.
fn parrot() -> PathBuf {
    let controller = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY).unwrap();
    rustix::pty::grantpt(&controller).unwrap();
    rustix::pty::unlockpt(&controller).unwrap();
    let path = PathBuf::from(rustix::pty::ptsname(&controller, Vec::new()).unwrap().into_string().unwrap());
    let user = std::fs::File::options().read(true).write(true).open(&path).unwrap();
    std::thread::spawn(move || {
        let _user = user;
        let (mut controller, mut octet) = (std::fs::File::from(controller), [0]);
        while controller.read_exact(&mut octet).is_ok() {
            if octet == *b"\r" {
                controller.write_all(b"\r\nOK\r\n").unwrap();
            }
        }
    });
    path
}

#[tokio::test]
async fn without_leave_to_take_modems_in_only_those_that_are_asked_for_are_handed_out() {
    let machine = Machine::new();
    let mut work = Work::start(&machine, false);
    let mut modem = Modem::new(5);
    let mut connector = work.ports.connector(modem.identity());
    assert!(connector.connect().await.is_err());
    modem.plug(&machine.links().join("modem-a"));
    answers(&mut connector).await;
    assert!(work.finds.try_recv().is_err());
}

#[tokio::test]
async fn whoever_waits_for_a_modem_hears_of_it_the_moment_it_is_there() {
    let machine = Machine::new();
    let work = Work::start(&machine, true);
    let (mut modem, mut other) = (Modem::new(1), Modem::new(2));
    let mut connector = work.ports.connector(modem.identity());
    assert!(soon("the absence to be told", connector.connect()).await.is_err());
    other.plug(&machine.links().join("modem-a"));
    work.until("another one to be found", |seen| matches!(seen[..], [Seen { sight: Sight::Modem { .. }, .. }])).await;
    let mut appears = connector.appears();
    assert!(tokio::time::timeout(Duration::ZERO, &mut appears).await.is_err(), "another one came");
    modem.plug(&machine.links().join("modem-b"));
    soon("it to be told", appears).await;
    answers(&mut connector).await;
}

#[tokio::test]
async fn a_modem_whose_configured_link_comes_late_is_let_go_for_the_name_it_has_there() {
    let mut machine = Machine::new();
    let link = machine.links().join("front");
    let front = Settings::at_port("front".parse().unwrap(), link.to_str().unwrap());
    let mut work = Work::knowing(&machine, Known { modems: vec![front], adopt: true });
    let mut modem = Modem::new(3);
    let ports = [("00", "ttyUSB0"), ("01", "ttyUSB1"), ("02", "ttyUSB2"), ("03", "ttyUSB3")];
    let ports = ports.map(|(number, tty)| Port { number, class: "ff/ff/ff", tty });
    machine.plug("1-1.2", "2c7c:0125", "option", &ports);
    modem.plug(&machine.devices().join("ttyUSB2"));
    let mut found = work.find().await;
    let mut port = soon("the port to open", found.connector.connect()).await.unwrap();

    // The link leads to another port of the same modem, which opens as well.
    std::fs::write(machine.devices().join("ttyUSB3"), "").unwrap();
    machine.link("front", &machine.devices().join("ttyUSB3"));
    let lost = soon("the port to be let go", port.read_u8()).await.unwrap_err();
    assert!(lost.to_string().contains("another name"), "{lost}");
    drop(port);
    let why = soon("the reason", found.connector.connect()).await.err().unwrap().to_string();
    assert!(why.contains("2c7c:0125") && why.contains("the configuration names"), "{why}");
    assert!(work.finds.try_recv().is_err());

    // Without the link it is as it was.
    std::fs::remove_file(&link).unwrap();
    answers(&mut found.connector).await;
}

#[tokio::test]
async fn what_cannot_be_used_is_shown_with_its_reason_and_goes_when_it_is_pulled() {
    let mut machine = Machine::new();
    let bus = machine.devices().join("bus/usb/001");
    std::fs::create_dir_all(&bus).unwrap();
    let work = Work::start(&machine, true);
    machine.plug("1-1.3", "12d1:14dc", "", &[]);
    std::fs::write(bus.join("004"), "").unwrap();
    let seen = work.until("the stick to be shown", |seen| !seen.is_empty()).await;
    assert!(
        matches!(&seen[0].sight, Sight::Trouble { reason, advice }
        if reason.contains("12d1:14dc") && advice.contains("HiLink")),
        "{seen:?}"
    );
    machine.pull("1-1.3");
    std::fs::remove_file(bus.join("004")).unwrap();
    work.until("the stick to be gone", <[Seen]>::is_empty).await;
}

#[tokio::test]
async fn a_usb_device_is_switched_off_and_on() {
    let mut machine = Machine::new();
    let port = Port { number: "02", class: "ff/ff/ff", tty: "ttyUSB2" };
    let dir = machine.plug("1-1.2", "2c7c:0125", "option", &[port]);
    let (switch, node) = (dir.join("authorized"), machine.devices().join("ttyUSB2"));
    std::fs::write(&node, "").unwrap();
    // A pipe in the place of the switch keeps the order of what is written.
    std::fs::remove_file(&switch).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &switch,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let mut reader = std::fs::File::options().read(true).write(true).open(&switch).unwrap();
    let mut connector = SerialConnector::new(&node, 115_200).with_sysfs(machine.sysfs());
    soon("the reset", connector.reset_usb()).await.unwrap();
    let mut written = [0; 2];
    reader.read_exact(&mut written).unwrap();
    assert_eq!(&written, b"01");

    // Another device in the same socket is not touched.
    std::fs::write(dir.join("idProduct"), "ea60\n").unwrap();
    let mut elsewhere = SerialConnector::new("/dev/null", 115_200).with_sysfs(machine.sysfs());
    let error = elsewhere.reset_usb().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "a port that is not on USB");
}

#[tokio::test]
async fn a_modem_in_a_download_mode_is_not_opened_under_the_name_it_was_configured_by() {
    let mut machine = Machine::new();
    let port = Port { number: "00", class: "ff/ff/ff", tty: "ttyUSB0" };
    machine.plug("1-1.2", "05c6:9008", "qcserial", &[port]);
    let node = machine.devices().join("ttyUSB0");
    std::fs::write(&node, "").unwrap();
    machine.link("m1", &node);
    let mut connector = SerialConnector::new(machine.links().join("m1"), 115_200).with_sysfs(machine.sysfs());
    let error = soon("the refusal", connector.connect()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("did not start"), "{error}");
}

#[tokio::test]
async fn two_modems_with_one_number_are_not_taken_for_each_other() {
    let machine = Machine::new();
    let mut work = Work::start(&machine, true);
    let (mut one, mut clone) = (Modem::new(8), Modem::new(8));
    one.plug(&machine.links().join("modem-a"));
    let mut found = work.find().await;
    clone.plug(&machine.links().join("modem-b"));
    let seen = work.until("the clone to be told of", |seen| !troubles(seen).is_empty()).await;
    assert!(troubles(&seen)[0].starts_with("the port at ") && troubles(&seen)[0].contains("another modem"), "{seen:?}");
    answers(&mut found.connector).await;
    assert_eq!(found.connector.port(), Some(machine.links().join("modem-a").display().to_string()));
    assert!(work.finds.try_recv().is_err());
}

#[tokio::test]
async fn two_links_to_one_port_are_one_port() {
    let machine = Machine::new();
    let mut work = Work::start(&machine, true);
    let mut modem = Modem::new(9);
    modem.plug(&machine.links().join("modem-a"));
    machine.link("modem-b", &machine.links().join("modem-a"));
    let mut found = work.find().await;
    answers(&mut found.connector).await;
    assert_eq!(work.ports.seen().borrow().len(), 1);
}

#[tokio::test]
async fn a_burst_of_plugging_is_settled_before_anybody_is_asked() {
    let machine = Machine::new();
    let mut work = Work::start(&machine, true);
    let mut modem = Modem::new(6);
    for round in 0..20 {
        modem.plug(&machine.links().join(format!("modem-{round}")));
        tokio::task::yield_now().await;
        modem.unplug().await;
    }
    modem.plug(&machine.links().join("modem-last"));
    let mut found = work.find().await;
    answers(&mut found.connector).await;
    assert!(tokio::time::timeout(Duration::from_millis(1), work.finds.recv()).await.is_err());
}
