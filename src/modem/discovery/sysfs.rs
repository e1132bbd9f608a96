//! USB devices and their serial ports, as sysfs tells them.
//!
//! `class/tty/ttyUSB2/device` leads into the directory of a USB interface (`bInterfaceNumber`), and that lies in the
//! directory of its device (`idVendor`). The root is an argument, so that a test can make a tree of its own.
//!
//! Its one rule: it reads, and opens no port.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::setup::printable;
use super::ids::{self, Mark};

/// The names of serial ports that modems have.
const PORT_NAMES: [&str; 3] = ["ttyUSB", "ttyACM", "ttyHS"];

/// A device on USB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UsbDevice {
    /// Its directory.
    pub(super) dir: PathBuf,
    pub(super) vendor: u16,
    pub(super) product: u16,
    /// Its serial number, which many have and not all have for themselves.
    pub(super) serial: Option<String>,
    /// The number the bus has given it. Another one after every re-plug.
    pub(super) number: String,
    /// Its ports, by the number of their interfaces.
    pub(super) ttys: Vec<Tty>,
}

/// A serial port of a USB device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tty {
    /// For instance `ttyUSB2`.
    pub(super) name: String,
    /// The number of its interface.
    pub(super) number: u8,
    /// Class, subclass and protocol of its interface.
    pub(super) interface: [u8; 3],
    pub(super) driver: String,
    /// What the `hso` driver says it is for.
    pub(super) kind: Option<String>,
}

/// Where a device is plugged in, and which one it is: enough to find it again when its ports are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::modem) struct UsbPlace {
    pub(super) dir: PathBuf,
    vendor: u16,
    product: u16,
}

impl UsbDevice {
    /// The socket it is plugged into, for instance `1-1.2`.
    pub(super) fn socket(&self) -> String {
        self.dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    pub(super) fn id(&self) -> String {
        format!("{:04x}:{:04x}", self.vendor, self.product)
    }

    pub(super) fn place(&self) -> UsbPlace {
        UsbPlace { dir: self.dir.clone(), vendor: self.vendor, product: self.product }
    }

    fn at(dir: &Path) -> Option<Self> {
        Some(Self {
            dir: dir.to_owned(),
            vendor: hex(&dir.join("idVendor"))?,
            product: hex(&dir.join("idProduct"))?,
            serial: text(&dir.join("serial")).map(|serial| printable(&serial)).filter(|serial| !serial.is_empty()),
            number: text(&dir.join("devnum")).unwrap_or_default(),
            ttys: Vec::new(),
        })
    }
}

impl UsbPlace {
    /// The device of the port at this path; `None` for a port that is not on USB.
    pub(in crate::modem) fn of_port(sysfs: &Path, port: &Path) -> Option<Self> {
        let name = port.canonicalize().ok()?.file_name()?.to_owned();
        let (_, dir) = interface_and_device(&sysfs.join("class/tty").join(name))?;
        UsbDevice::at(&dir).map(|device| device.place())
    }

    /// Whether it is a modem in a download mode: what is written to it now can destroy it.
    pub(in crate::modem) fn is_in_download_mode(&self) -> bool {
        ids::of_device(self.vendor, self.product).is_some_and(|entry| entry.mark == Mark::Never)
    }

    /// Whether the same kind of device is still plugged in there.
    pub(super) fn is_there(&self) -> bool {
        UsbDevice::at(&self.dir).is_some_and(|device| device.place() == *self)
    }
}

/// Every USB device that has serial ports, and every other one whose id is known.
pub(super) fn usb_devices(sysfs: &Path) -> Vec<UsbDevice> {
    let mut devices = BTreeMap::new();
    for (name, path) in entries(&sysfs.join("class/tty")) {
        if !PORT_NAMES.iter().any(|start| name.starts_with(start)) {
            continue;
        }
        let Some((interface, dir)) = interface_and_device(&path) else { continue };
        if !devices.contains_key(&dir) {
            let Some(device) = UsbDevice::at(&dir) else { continue };
            devices.insert(dir.clone(), device);
        }
        if let (Some(device), Some(tty)) = (devices.get_mut(&dir), tty(name, &path, &interface)) {
            device.ttys.push(tty);
        }
    }
    for (_, path) in entries(&sysfs.join("bus/usb/devices")) {
        let Some(device) = path.canonicalize().ok().and_then(|dir| UsbDevice::at(&dir)) else { continue };
        if ids::of_device(device.vendor, device.product).is_some() {
            devices.entry(device.dir.clone()).or_insert(device);
        }
    }
    let mut devices: Vec<UsbDevice> = devices.into_values().collect();
    for device in &mut devices {
        device.ttys.sort_by(|a, b| (a.number, &a.name).cmp(&(b.number, &b.name)));
    }
    devices
}

fn tty(name: String, path: &Path, interface: &Path) -> Option<Tty> {
    let of_interface = |what: &str| byte(&interface.join(what));
    Some(Tty {
        name,
        number: of_interface("bInterfaceNumber")?,
        interface: ["bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol"]
            .map(|what| of_interface(what).unwrap_or_default()),
        driver: interface.join("driver").read_link().ok().and_then(|to| file_name(&to)).unwrap_or_default(),
        kind: text(&path.join("hsotype")).map(|kind| kind.to_lowercase()),
    })
}

/// The directories of the interface and of the device that a port belongs to.
fn interface_and_device(tty: &Path) -> Option<(PathBuf, PathBuf)> {
    let inside = tty.join("device").canonicalize().ok()?;
    let interface = inside.ancestors().find(|dir| dir.join("bInterfaceNumber").exists())?;
    let device = interface.ancestors().find(|dir| dir.join("idVendor").exists())?;
    Some((interface.to_owned(), device.to_owned()))
}

/// What is in a directory, by name; nothing when there is no such directory.
pub(super) fn entries(dir: &Path) -> Vec<(String, PathBuf)> {
    let Ok(found) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut entries: Vec<(String, PathBuf)> =
        found.flatten().map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())).collect();
    entries.sort();
    entries
}

fn file_name(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}

fn text(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn hex(path: &Path) -> Option<u16> {
    u16::from_str_radix(&text(path)?, 16).ok()
}

fn byte(path: &Path) -> Option<u8> {
    u8::from_str_radix(&text(path)?, 16).ok()
}
