//! What is installed beside the program: udev rules, systemd unit, example configuration, and the page they go with.
//!
//! Whoever is meant to read these files reads them here: udev itself, in a mount namespace of its own, with a device
//! that pretends to be a modem; systemd's own checkers. What needs neither runs everywhere.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

use smsotpd::config::Config;

const RULES: &str = include_str!("../udev/78-smsotpd.rules");
const HARDWARE: &str = include_str!("../hardware.md");
const UNIT: &str = include_str!("../systemd/smsotpd.service");
const SYSUSERS: &str = include_str!("../systemd/smsotpd.sysusers");
const EXAMPLE: &str = include_str!("../systemd/smsotpd.toml");

/// `vendor:product` of a modem, and which of its interfaces takes AT commands.
type Ports = BTreeMap<String, String>;

/// One `KEY{attribute}=="value"` of a rule.
#[derive(Debug)]
struct Term {
    key: String,
    operator: String,
    value: String,
}

fn terms(line: &str) -> Result<Vec<Term>, String> {
    const MATCHES: [&str; 6] = ["ACTION", "ATTR{}", "ATTRS{}", "ENV{}", "KERNEL", "SUBSYSTEM"];
    const ASSIGNS: [(&str, &str); 8] = [
        ("ENV{}", "="),
        ("GOTO", "="),
        ("GROUP", "="),
        ("LABEL", "="),
        ("MODE", "="),
        ("RUN", "+="),
        ("SYMLINK", "+="),
        ("TAG", "+="),
    ];
    let mut terms = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let broken = || format!("cannot be read at: {rest}");
        let quote = rest.find('"').ok_or_else(broken)?;
        let end = quote + 1 + rest[quote + 1..].find('"').ok_or_else(broken)?;
        let key_end = rest[..quote].find(['=', '!', '+']).ok_or_else(broken)?;
        let (key, operator) = rest[..quote].split_at(key_end);
        let kind = key.find('{').map_or(key.to_owned(), |brace| format!("{}{{}}", &key[..brace]));
        let known = match operator {
            "==" | "!=" => MATCHES.contains(&kind.as_str()),
            assign => ASSIGNS.contains(&(kind.as_str(), assign)),
        };
        if !known {
            return Err(format!("`{key}{operator}` is not for such rules"));
        }
        let value = rest[quote + 1..end].to_owned();
        terms.push(Term { key: key.to_owned(), operator: operator.to_owned(), value });
        rest = match &rest[end + 1..] {
            "" => "",
            more => more.strip_prefix(", ").ok_or_else(broken)?,
        };
    }
    Ok(terms)
}

fn rules() -> Vec<Vec<Term>> {
    let lines = RULES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| terms(line).unwrap_or_else(|fault| panic!("{fault}\nin: {line}"))).collect()
}

fn matched<'a>(rule: &'a [Term], key: &str) -> Option<&'a str> {
    rule.iter().find(|term| term.key == key && term.operator == "==").map(|term| term.value.as_str())
}

fn ids(rule: &[Term], vendor: &str, product: &str) -> Vec<String> {
    match (matched(rule, vendor), matched(rule, product)) {
        (Some(vendor), Some(products)) => products.split('|').map(|product| format!("{vendor}:{product}")).collect(),
        _ => Vec::new(),
    }
}

/// The modems whose AT port gets a link, by the rules.
fn linked() -> Ports {
    let mut ports = Ports::new();
    for rule in rules() {
        let number = matched(&rule, "ENV{ID_USB_INTERFACE_NUM}");
        let protocol = matched(&rule, "ATTRS{bInterfaceProtocol}").map(|_| "by protocol");
        for id in ids(&rule, "ENV{ID_VENDOR_ID}", "ENV{ID_MODEL_ID}") {
            let port = number.or(protocol).unwrap_or_else(|| panic!("{id}: which interface?"));
            assert_eq!(ports.insert(id.clone(), port.to_owned()), None, "{id} stands there twice");
        }
    }
    ports
}

/// The modems whose AT port is named in the tables of hardware.md.
fn described() -> Ports {
    let mut ports = Ports::new();
    for row in HARDWARE.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, ids, interfaces, _, _] = cells[..] else { continue };
        let groups: Vec<&str> = ids.split(" · ").collect();
        let interfaces: Vec<&str> = interfaces.split(" · ").collect();
        assert!(interfaces.len() == 1 || interfaces.len() == groups.len(), "one interface for each id: {row}");
        for (n, group) in groups.iter().enumerate() {
            for id in group.split('`').filter(|id| id.len() == 9 && id.contains(':')) {
                let interface = interfaces.get(n).unwrap_or(&interfaces[0]);
                assert_eq!(ports.insert(id.to_owned(), (*interface).to_owned()), None, "{id} stands there twice");
            }
        }
    }
    ports
}

#[test]
fn the_rules_and_hardware_md_name_the_same_modems_and_interfaces() {
    let linked = linked();
    assert!(linked.len() > 50, "{linked:?}");
    assert_eq!(linked, described());
}

#[test]
fn the_rules_and_the_daemons_own_table_agree_on_every_at_interface() {
    const TABLE: &str = include_str!("../src/modem/discovery/ids.csv");
    let line = |id: &str| TABLE.lines().find(|line| line.starts_with(&format!("{id},")));
    for (id, interface) in linked() {
        let columns: Vec<&str> = line(&id).unwrap_or_else(|| panic!("{id} is not in the table")).split(',').collect();
        assert_eq!(columns[6], "", "{id} is marked as no modem");
        if interface == "by protocol" {
            let vendor = line(&format!("{}:*", &id[..4])).unwrap_or_else(|| panic!("{id}"));
            assert!(vendor.contains("ff/*/02 ff/*/12 ff/*/32") && columns[3].is_empty(), "{id}");
        } else {
            assert_eq!(columns[3], interface, "{id}");
        }
    }
}

#[test]
fn every_modem_that_is_kept_from_modemmanager_can_be_reset() {
    for rule in rules() {
        let marks = rule.iter().any(|term| term.key == "ENV{ID_MM_DEVICE_IGNORE}");
        let switches = rule.iter().any(|term| term.key == "GOTO" && term.value == "smsotpd_switch");
        assert_eq!(marks, switches, "{rule:?}");
    }
    // What runs when the device is plugged in gives the group its switch; the unit lets the daemon reach it.
    assert!(RULES.contains("dialout $sys$devpath/authorized") && RULES.contains("g+w $sys$devpath/authorized"));
    assert!(UNIT.contains("\nReadWritePaths=-/sys/devices\n"));
}

#[test]
fn every_modem_that_gets_a_link_is_kept_from_modemmanager_and_no_other() {
    let mut ignored = BTreeSet::new();
    for rule in rules() {
        let ids = ids(&rule, "ATTR{idVendor}", "ATTR{idProduct}");
        let marks = rule.iter().any(|term| term.key == "ENV{ID_MM_DEVICE_IGNORE}" && term.value == "1");
        assert_eq!(marks, !ids.is_empty(), "{rule:?}");
        ignored.extend(ids);
    }
    assert_eq!(ignored, linked().into_keys().collect());
}

#[test]
fn no_rule_goes_by_a_serial_bridge_or_by_qualcomm_recovery_mode() {
    for id in linked().keys() {
        let bridge = ["10c4:", "1a86:", "067b:", "0403:"].iter().any(|vendor| id.starts_with(vendor));
        assert!(!bridge && id != "05c6:9008", "{id}");
    }
}

#[test]
fn every_jump_in_the_rules_lands_further_down() {
    let rules = rules();
    for (n, rule) in rules.iter().enumerate() {
        for jump in rule.iter().filter(|term| term.key == "GOTO") {
            let lands = rules[n..].iter().flatten().any(|term| term.key == "LABEL" && term.value == jump.value);
            assert!(lands, "{}", jump.value);
        }
    }
}

#[test]
fn a_rule_that_udev_would_not_understand_is_found() {
    for broken in [
        "SUBSYSTEM=\"tty\"",
        "SUBSYTEM==\"tty\"",
        "SYMLINK=\"x\"",
        "ENV{A}==\"b\" ENV{C}==\"d\"",
        "ENV{A}==\"b",
        "ENV{A}==b",
        "ENV{A}==\"b\",",
    ] {
        assert!(terms(broken).is_err(), "{broken}");
    }
}

/// The example with every key that stands in a comment set.
fn example_with_all_set() -> String {
    let key = |line: &str| line.starts_with(|c: char| c.is_ascii_lowercase() || c == '[');
    let set = |line| str::strip_prefix(line, "#").filter(|rest| key(rest)).unwrap_or(line);
    EXAMPLE.lines().map(set).collect::<Vec<_>>().join("\n")
}

/// The configuration that the daemon reads out of a file with this text, or what it says against it.
fn load(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("smsotpd.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(Some(&path)).map_err(|fault| fault.to_string())
}

fn config(text: &str) -> Config {
    load(text).unwrap_or_else(|fault| panic!("{fault}"))
}

#[test]
fn the_example_configuration_as_it_stands_changes_nothing() {
    assert_eq!(config(EXAMPLE), Config::default());
}

#[test]
fn what_the_example_configuration_shows_in_comments_is_the_default() {
    // A user's number, since not every machine has a www-data.
    let mut shown = config(&example_with_all_set().replace("www-data", "33"));
    let default = Config::default();
    // These have no default; the example says so.
    assert!(shown.modem.len() == 2 && shown.modem.iter().all(|modem| modem.baud == 115_200 && modem.roaming));
    assert_eq!(shown.http.socket_users.len(), 1);
    shown.modem.clear();
    assert_eq!(shown.route.drain(..).count(), 1);
    let balance = (shown.balance.code.take(), shown.balance.pattern.take(), shown.balance.low.take());
    assert!(matches!(balance, (Some(_), Some(_), Some(_))));
    assert_eq!(shown.discovery.enabled.take(), Some(true));
    shown.http.socket_users.clear();
    if let Some(policy) = shown.policy.get_mut("default") {
        assert!(policy.replace.take().is_some());
        assert!(policy.guard.premium.take().is_some());
        assert!(policy.default_region.take().is_some());
        assert!(policy.callback.take().is_some());
        assert_eq!(std::mem::take(&mut policy.brand), "Example");
        assert!(policy.template.take().is_some() && policy.domain.take().is_some() && policy.app_hash.take().is_some());
        assert_eq!(std::mem::take(&mut policy.templates).len(), 1);
    }
    assert_eq!(shown, default);
}

#[test]
fn the_example_configuration_shows_every_key() {
    let example = example_with_all_set().replace("www-data", "33").parse().unwrap();
    assert_eq!(all_keys("", &example), known_keys(&example, ""));
}

/// The tables in which every name is the operator's own.
const MAPS: [&str; 3] = ["http.socket-users", "policy", "policy.default.templates"];

/// Every key that may stand in this table of the example, and in those inside it: those that the daemon names when it finds
/// one that it does not know. So those are among them, too, that have no default.
fn known_keys(example: &toml::Table, inside: &str) -> BTreeSet<String> {
    let mut asked = example.clone();
    let table = table_in(&mut asked, inside);
    let mut names: Vec<String> = table.keys().cloned().collect();
    if !MAPS.contains(&inside) {
        table.insert("zzzzzz".to_owned(), true.into());
        let told = load(&asked.to_string()).unwrap_err();
        let (_, known) = told.split_once("unknown key `zzzzzz`; known here: ").unwrap_or_else(|| panic!("{told}"));
        names = known.lines().next().unwrap().split(", ").map(|name| name.trim_matches('`').to_owned()).collect();
    }
    let dot = if inside.is_empty() { "" } else { "." };
    let of = |name: String| {
        let key = format!("{inside}{dot}{name}");
        match table_in(&mut example.clone(), inside).get(&name) {
            Some(toml::Value::Table(_)) => known_keys(example, &key),
            Some(toml::Value::Array(values)) if values.iter().any(toml::Value::is_table) => {
                known_keys(example, &format!("{key}[]"))
            }
            _ => BTreeSet::from([key]),
        }
    };
    names.into_iter().flat_map(of).collect()
}

/// The table with this name; of several, the first.
fn table_in<'a>(tree: &'a mut toml::Table, name: &str) -> &'a mut toml::Table {
    let names = name.split('.').filter(|name| !name.is_empty());
    names.fold(tree, |table, name| match name.strip_suffix("[]") {
        Some(list) => table[list][0].as_table_mut().unwrap(),
        None => table[name].as_table_mut().unwrap(),
    })
}

fn all_keys(prefix: &str, table: &toml::Table) -> BTreeSet<String> {
    let of = |(name, value): (&String, &toml::Value)| match value {
        toml::Value::Table(table) => all_keys(&format!("{prefix}{name}."), table),
        toml::Value::Array(tables) if tables.iter().any(toml::Value::is_table) => tables
            .iter()
            .filter_map(toml::Value::as_table)
            .flat_map(|t| all_keys(&format!("{prefix}{name}[]."), t))
            .collect(),
        _ => BTreeSet::from([format!("{prefix}{name}")]),
    };
    table.iter().flat_map(of).collect()
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|fault| panic!("{command:?}: {fault}"))
}

/// What a program says on either channel.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What udev makes of a tty with these properties under `rules`. Nothing it does leaves its mount namespace.
fn udev_on_a_tty(rules: &str, properties: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap_or_else(|fault| panic!("{fault}"));
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(&path)).and_then(|()| std::fs::write(path, text))
    };
    let pretend: String = properties.iter().map(|(key, value)| format!("ENV{{{key}}}=\"{value}\"\n")).collect();
    write("rules/50-pretend.rules", &pretend)
        .and_then(|()| write("rules/78-smsotpd.rules", rules))
        .unwrap_or_else(|fault| panic!("{fault}"));
    std::fs::create_dir(folder.path().join("dev")).unwrap_or_else(|fault| panic!("{fault}"));
    let script = "mount -t tmpfs none /run && mount --bind rules /usr/lib/udev/rules.d && mount --bind dev /dev \
                  && exec udevadm test --action=add /sys/class/tty/tty";
    let output = run(Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .current_dir(folder.path()));
    let said = said(&output);
    assert!(output.status.success() && said.contains("SUBSYSTEM=tty"), "{said}");
    said
}

fn pretend(id: &str, interface: &str) -> String {
    let (vendor, product) = id.split_once(':').unwrap_or_default();
    udev_on_a_tty(
        RULES,
        &[
            ("ID_BUS", "usb"),
            ("ID_PATH", "platform-x-usb-0:1.3:1.2"),
            ("ID_VENDOR_ID", vendor),
            ("ID_MODEL_ID", product),
            ("ID_USB_INTERFACE_NUM", interface),
        ],
    )
}

const LINK: &str = "/dev/smsotpd/modem-platform-x-usb-0:1.3:1.2";

#[test]
#[ignore = "needs udevadm"]
fn udev_links_the_at_port_of_a_known_modem_and_no_other_port() {
    for (id, interface, links) in [
        ("2c7c:0125", "02", true),
        ("2c7c:0125", "03", false),
        ("1bc7:1201", "04", true),
        ("19d2:0031", "03", true),
        ("19d2:0031", "01", false),
        ("05c6:9008", "00", false),
        ("10c4:ea60", "00", false),
    ] {
        let said = pretend(id, interface);
        assert_eq!(said.contains(&format!("DEVLINKS={LINK}\n")), links, "{id} {interface}\n{said}");
    }
}

#[test]
#[ignore = "needs udevadm"]
fn udev_has_nothing_to_say_against_the_rules() {
    let complaints = |rules: &str| {
        let said = udev_on_a_tty(rules, &[]);
        said.lines().filter(|line| line.contains("78-smsotpd.rules:")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complaints(RULES), Vec::<String>::new());
    assert_eq!(complaints(&RULES.replacen("SUBSYSTEM==", "SUBSYTEM==", 1)).len(), 1);
    assert!(!complaints(&RULES.replace("LABEL=\"smsotpd_end\"", "")).is_empty());
}

/// The unit in a folder of its own, with a program that is there in place of the daemon.
fn with_unit<T>(unit: &str, look: impl FnOnce(&Path) -> T) -> T {
    let folder = tempfile::tempdir().unwrap_or_else(|fault| panic!("{fault}"));
    let path = folder.path().join("smsotpd.service");
    let daemon = std::env::current_exe().unwrap_or_else(|fault| panic!("{fault}"));
    let unit = unit.replace("/usr/bin/smsotpd", &daemon.to_string_lossy());
    std::fs::write(&path, unit).unwrap_or_else(|fault| panic!("{fault}"));
    look(&path)
}

#[test]
#[ignore = "needs systemd-analyze"]
fn systemd_has_nothing_to_say_against_the_unit() {
    let complaints = |unit: &str| {
        let said = with_unit(unit, |path| said(&run(Command::new("systemd-analyze").arg("verify").arg(path))));
        said.lines().filter(|line| line.contains("smsotpd.service")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complaints(UNIT), Vec::<String>::new());
    assert_eq!(complaints(&UNIT.replace("ProtectSystem=", "ProtectSytem=")).len(), 1);
    assert_eq!(complaints(&UNIT.replace("WatchdogSec=30", "WatchdogSec=soon")).len(), 1);
}

#[test]
#[ignore = "needs systemd-analyze"]
fn systemd_finds_the_unit_well_locked_up() {
    // The scale goes to 100, for a service without any protection; what systemd calls OK begins at 50.
    let passes = |unit: &str| {
        let security = ["security", "--offline=true", "--threshold=20"];
        with_unit(unit, |path| run(Command::new("systemd-analyze").args(security).arg(path)).status.success())
    };
    assert!(passes(UNIT));
    assert!(!passes(&UNIT.replace("CapabilityBoundingSet=", "#CapabilityBoundingSet=")));
}

#[test]
#[ignore = "needs systemd-sysusers"]
fn systemd_can_make_the_user_of_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("smsotpd.conf");
    std::fs::write(&path, SYSUSERS).unwrap();
    // An empty root, so that a user who is there already does not answer for the file.
    let output = run(Command::new("systemd-sysusers")
        .arg("--dry-run")
        .arg(format!("--root={}", folder.path().display()))
        .arg(&path));
    let said = said(&output);
    assert!(output.status.success() && said.contains("Creating user 'smsotpd'"), "{said}");
    assert!(UNIT.contains("\nUser=smsotpd\n") && UNIT.contains("\nSupplementaryGroups=dialout\n"));
}
