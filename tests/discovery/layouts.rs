//! Which port of which device is asked: by published facts, for ids nobody knows, and never for what it could harm.

use smsotpd::modem::discovery::{Todo, Trouble, look};

use crate::tree::{Machine, Port};

/// The ports that would be asked, in order; or why none; `None` when it is nobody's business.
fn todo(machine: &Machine) -> Option<Todo> {
    let sites = look(&machine.settings(), &[]);
    assert!(sites.len() <= 1, "{sites:?}");
    sites.into_values().next().map(|site| site.todo)
}

fn asked(machine: &Machine) -> Vec<String> {
    match todo(machine) {
        Some(Todo::Ask(ports)) => {
            ports.iter().map(|port| port.file_name().unwrap().to_string_lossy().into_owned()).collect()
        }
        Some(Todo::Tell(trouble)) => panic!("{trouble:?}"),
        None => Vec::new(),
    }
}

fn trouble(machine: &Machine) -> Trouble {
    match todo(machine) {
        Some(Todo::Tell(trouble)) => trouble,
        other => panic!("{other:?}"),
    }
}

/// The ports of a device whose interfaces are `00 02=ff/01/12 …`, with the class of those that name none.
/// The numbers of the ports have nothing to do with those of the interfaces.
fn plug(machine: &mut Machine, id: &str, driver: &str, class: &str, interfaces: &str) -> Vec<(String, String)> {
    let interfaces: Vec<(&str, &str)> =
        interfaces.split_whitespace().map(|word| word.split_once('=').unwrap_or((word, class))).collect();
    let start = if driver == "cdc_acm" { "ttyACM" } else { "ttyUSB" };
    let ttys: Vec<String> = (0..interfaces.len()).map(|n| format!("{start}{}", 17 - n)).collect();
    let ports: Vec<Port<'_>> =
        interfaces.iter().zip(&ttys).map(|((number, class), tty)| Port { number, class, tty }).collect();
    machine.plug("1-1.2", id, driver, &ports);
    interfaces.iter().map(|(number, _)| (*number).to_owned()).zip(ttys).collect()
}

fn tty_at(ports: &[(String, String)], number: &str) -> String {
    ports.iter().find(|(at, _)| at == number).unwrap().1.clone()
}

#[test]
fn every_modem_whose_at_interface_is_published_resolves_to_it() {
    let rows = include_str!("layouts.txt").lines().filter(|line| !line.starts_with('#'));
    let mut count = 0;
    for row in rows {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let [id, driver, class, interfaces, at, _] = columns[..] else { panic!("{row}") };
        let mut machine = Machine::new();
        let ports = plug(&mut machine, id, driver, class, interfaces);
        assert_eq!(asked(&machine).first(), Some(&tty_at(&ports, at)), "{row}");
        count += 1;
    }
    assert!(count >= 129, "{count}");
}

#[test]
fn a_huawei_stick_is_read_by_the_protocol_of_its_interfaces_whatever_its_id() {
    for protocol in ["02", "12", "32"] {
        for id in ["12d1:1001", "12d1:1506", "12d1:15c1", "12d1:ffff"] {
            let mut machine = Machine::new();
            let interfaces = format!("00=ff/03/01 01=ff/03/{protocol} 02=ff/03/03 03=ff/03/14");
            let ports = plug(&mut machine, id, "option", "", &interfaces);
            let asked = asked(&machine);
            assert_eq!(asked[0], tty_at(&ports, "01"), "{id} {protocol}");
            for never in ["02", "03"] {
                assert!(!asked.contains(&tty_at(&ports, never)), "{id}: interface {never} is no command port");
            }
        }
    }
}

#[test]
fn an_old_huawei_stick_nobody_knows_is_asked_on_its_last_port() {
    let mut machine = Machine::new();
    let ports = plug(&mut machine, "12d1:1411", "option", "ff/ff/ff", "00 01 02");
    assert_eq!(asked(&machine)[0], tty_at(&ports, "02"));
}

#[test]
fn a_port_of_a_known_modem_that_is_for_diagnosis_or_positions_is_never_asked() {
    let mut machine = Machine::new();
    let ports = plug(&mut machine, "2c7c:0125", "option", "ff/ff/ff", "00 01 02 03");
    assert_eq!(asked(&machine), [tty_at(&ports, "02"), tty_at(&ports, "03")]);
}

#[test]
fn a_known_modem_in_another_mode_is_asked_like_an_unknown_one_but_not_on_its_diagnosis_port() {
    let mut machine = Machine::new();
    let ports = plug(&mut machine, "2c7c:0125", "option", "ff/ff/ff", "00 05 06");
    assert_eq!(asked(&machine), [tty_at(&ports, "05"), tty_at(&ports, "06")]);
}

#[test]
fn an_unknown_modem_is_asked_port_by_port_the_likely_ones_first() {
    for (driver, class, interfaces, order) in [
        ("option", "ff/ff/ff", "00 01 02 03", "02 03 01 00"),
        ("option", "", "00=ff/ff/30 01=ff/00/00 02=ff/00/00 03=ff/ff/40", "03 02 01"),
        ("qcserial", "ff/ff/ff", "00 02 03", "03 02"),
        ("sierra", "ff/ff/ff", "00 01 03 04", "03 04 01 00"),
        ("cdc_acm", "02/02/01", "00 02", "00 02"),
    ] {
        let mut machine = Machine::new();
        let ports = plug(&mut machine, "4711:0815", driver, class, interfaces);
        let order: Vec<String> = order.split(' ').map(|number| tty_at(&ports, number)).collect();
        assert_eq!(asked(&machine), order, "{driver} {interfaces}");
    }
}

#[test]
fn an_option_stick_says_itself_which_port_is_which() {
    let mut machine = Machine::new();
    let ports: Vec<Port<'_>> =
        ["ttyHS0", "ttyHS1", "ttyHS2"].map(|tty| Port { number: "00", class: "ff/ff/ff", tty }).into();
    machine.plug("1-1.2", "0af0:7501", "hso", &ports);
    for (tty, kind) in [("ttyHS0", "Diagnostic"), ("ttyHS1", "Control"), ("ttyHS2", "Application")] {
        std::fs::write(machine.sysfs().join("class/tty").join(tty).join("hsotype"), kind).unwrap();
    }
    assert_eq!(asked(&machine), ["ttyHS2", "ttyHS1"]);
}

#[test]
fn what_is_no_modem_is_never_asked() {
    for (id, driver, class) in [
        ("10c4:ea60", "cp210x", "ff/00/00"),
        ("1a86:7523", "ch341", "ff/01/02"),
        ("067b:2303", "pl2303", "ff/00/00"),
        ("0403:6001", "ftdi_sio", "ff/ff/ff"),
        ("2341:0043", "cdc_acm", "02/02/01"),
        ("4711:0815", "cdc_acm", "02/02/00"),
        ("4711:0815", "ch341", "ff/01/02"),
    ] {
        let mut machine = Machine::new();
        plug(&mut machine, id, driver, class, "00");
        assert_eq!(todo(&machine), None, "{id}");
    }
}

#[test]
fn a_port_behind_a_bridge_is_asked_when_a_link_names_it() {
    let mut machine = Machine::new();
    let ports = plug(&mut machine, "10c4:ea60", "cp210x", "ff/00/00", "00");
    let node = machine.devices().join(&ports[0].1);
    std::fs::write(&node, "").unwrap();
    machine.link("sim800", &node);
    assert_eq!(asked(&machine), [ports[0].1.clone()]);
}

#[test]
fn a_port_that_a_link_names_is_asked_before_the_others_of_its_device() {
    let mut machine = Machine::new();
    let ports = plug(&mut machine, "2c7c:0125", "option", "ff/ff/ff", "00 01 02 03");
    let node = machine.devices().join(tty_at(&ports, "03"));
    std::fs::write(&node, "").unwrap();
    machine.link("modem-x", &node);
    assert_eq!(asked(&machine), [tty_at(&ports, "03"), tty_at(&ports, "02")]);
}

#[test]
fn a_download_mode_is_never_asked_not_even_when_a_link_names_it() {
    for (id, driver) in [("05c6:9008", "qcserial"), ("05c6:900e", "option"), ("0e8d:2000", "cdc_acm")] {
        let mut machine = Machine::new();
        let ports = plug(&mut machine, id, driver, "02/02/01", "00");
        let node = machine.devices().join(&ports[0].1);
        std::fs::write(&node, "").unwrap();
        machine.link("modem-x", &node);
        let trouble = trouble(&machine);
        assert!(trouble.reason.contains(id) && trouble.reason.contains("did not start"), "{trouble:?}");
        assert!(trouble.advice.contains("power"), "{trouble:?}");
    }
}

#[test]
fn a_stick_without_a_port_for_commands_says_what_to_do() {
    for (id, reason, advice) in [
        ("12d1:14dc", "no port for commands", "HiLink"),
        ("19d2:1405", "no port for commands", "router"),
        ("12d1:1f01", "CD-ROM", "usb-modeswitch"),
        ("12d1:1446", "CD-ROM", "usb-modeswitch"),
        ("12d1:1001", "no serial port", "usb-modeswitch"),
        ("1e0e:9018", "no serial port", "new_id"),
    ] {
        let mut machine = Machine::new();
        machine.plug("1-1.2", id, "", &[]);
        let trouble = trouble(&machine);
        assert!(trouble.reason.contains(id) && trouble.reason.contains(reason), "{trouble:?}");
        assert!(trouble.advice.contains(advice), "{trouble:?}");
    }
}

#[test]
fn a_device_whose_port_is_configured_by_its_path_is_left_to_that() {
    let mut machine = Machine::new();
    let ports = plug(&mut machine, "2c7c:0125", "option", "ff/ff/ff", "00 01 02 03");
    let node = machine.devices().join(tty_at(&ports, "03"));
    std::fs::write(&node, "").unwrap();
    machine.link("modem-x", &node);
    for reserved in [node.clone(), machine.links().join("modem-x")] {
        assert!(look(&machine.settings(), &[reserved]).is_empty());
    }
    assert_eq!(look(&machine.settings(), &[machine.devices().join("ttyUSB99")]).len(), 1);
}

#[test]
fn a_machine_without_usb_has_no_place_for_a_modem() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Machine::new().settings();
    settings.sysfs = folder.path().join("nothing");
    settings.links = folder.path().join("nothing/either");
    assert!(look(&settings, &[]).is_empty());
}
