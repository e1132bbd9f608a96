//! The places where a modem may be: USB devices with what to ask of them, and links to other ports.
//!
//! One look reads sysfs and the folder of links; nothing is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::choice::{Choice, Trouble, choose};
use super::ids;
use super::settings::Settings;
use super::sysfs::{UsbDevice, UsbPlace, entries, usb_devices};

/// A place where a modem may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Names the place: a USB socket, or a link.
    pub key: String,
    /// Changes whenever something else, or the same thing anew, is in the place.
    pub(super) fingerprint: String,
    /// What it is called when it is talked about, for instance `Quectel EC25 (2c7c:0125) in USB socket 1-1.2`.
    pub what: String,
    /// What tells it from others when it has no number of its own.
    pub(super) mark: String,
    /// The table of ids has it, or a link points to it: it should be a modem.
    pub(super) expected: bool,
    /// What to do with it.
    pub todo: Todo,
    pub(super) usb: Option<UsbPlace>,
}

/// What to do with a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Todo {
    /// Ask these ports, in this order, until one answers.
    Ask(Vec<PathBuf>),
    /// Nothing but say why.
    Tell(Trouble),
}

/// Every site there is now, by its key. What has one of the `reserved` ports is somebody else's. Nothing is opened.
#[must_use]
pub fn look(settings: &Settings, reserved: &[PathBuf]) -> BTreeMap<String, Site> {
    let reserved: BTreeSet<PathBuf> = reserved.iter().filter_map(|port| port.canonicalize().ok()).collect();
    let mut links = links(&settings.links);
    let mut targets = BTreeSet::new();
    links.retain(|link| !reserved.contains(&link.target) && targets.insert(link.target.clone()));
    let mut sites = BTreeMap::new();
    for device in usb_devices(&settings.sysfs) {
        let ports: BTreeMap<PathBuf, &str> = device
            .ttys
            .iter()
            .map(|tty| (settings.devices.join(&tty.name), tty.name.as_str()))
            .map(|(path, name)| (path.canonicalize().unwrap_or(path), name))
            .collect();
        let pointed_at = |link: &Link| ports.get(&link.target).map(|name| (*name).to_owned());
        let named: Vec<String> = links.iter().filter_map(pointed_at).collect();
        links.retain(|link| !ports.contains_key(&link.target));
        if !ports.keys().any(|port| reserved.contains(port))
            && let Some(site) = usb_site(settings, &device, &named)
        {
            sites.insert(site.key.clone(), site);
        }
    }
    let others = links.into_iter().map(Link::site);
    sites.extend(others.map(|site| (site.key.clone(), site)));
    sites
}

fn usb_site(settings: &Settings, device: &UsbDevice, named: &[String]) -> Option<Site> {
    let entry = ids::of_device(device.vendor, device.product).or_else(|| ids::of_vendor(device.vendor));
    let todo = match choose(device, named) {
        Choice::Ask(ports) => Todo::Ask(ports.iter().map(|name| settings.devices.join(name)).collect()),
        Choice::Trouble(trouble) => Todo::Tell(trouble),
        Choice::Nothing => return None,
    };
    let (id, socket) = (device.id(), device.socket());
    let names: Vec<&str> = device.ttys.iter().map(|tty| tty.name.as_str()).collect();
    // Makers that do not care give all their modems the same serial number.
    let serial = device.serial.as_deref().filter(|serial| is_one_of_many(serial));
    Some(Site {
        fingerprint: format!("{} {id} {} {}", device.dir.display(), device.number, names.join(" ")),
        what: format!("{} ({id}) in USB socket {socket}", entry.map_or("the device", |entry| entry.name)),
        mark: serial.unwrap_or(&socket).to_owned(),
        expected: entry.is_some() || !named.is_empty(),
        key: socket,
        todo,
        usb: Some(device.place()),
    })
}

/// Whether a serial number tells one device from another.
fn is_one_of_many(serial: &str) -> bool {
    let all_alike = serial.chars().all(|c| serial.starts_with(c));
    !all_alike && !serial.to_ascii_uppercase().starts_with("0123456789")
}

/// A link to a port.
struct Link {
    path: PathBuf,
    target: PathBuf,
    fingerprint: String,
}

fn links(folder: &Path) -> Vec<Link> {
    let link = |(_, path): (String, PathBuf)| {
        let (target, made) = (path.canonicalize().ok()?, path.symlink_metadata().ok()?);
        let fingerprint = format!("{} {} {}.{}", target.display(), made.ino(), made.ctime(), made.ctime_nsec());
        (!target.is_dir()).then_some(Link { path, target, fingerprint })
    };
    entries(folder).into_iter().filter_map(link).collect()
}

impl Link {
    /// The port behind the link, which is on no USB device.
    fn site(self) -> Site {
        Site {
            what: format!("the port at {}", self.path.display()),
            mark: self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            key: self.path.display().to_string(),
            fingerprint: self.fingerprint,
            expected: true,
            todo: Todo::Ask(vec![self.path]),
            usb: None,
        }
    }
}
