//! A machine with USB devices, as the system tells of it, in a temporary folder.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use smsotpd::modem::discovery::Settings;

/// The folders of a machine: `sys`, `dev`, and `dev/smsotpd` once there is a link.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
    plugged: u32,
}

/// A serial port of a device: its interface's number and `class/subclass/protocol`, and its name in the folder of devices.
pub(crate) struct Port<'a> {
    pub(crate) number: &'a str,
    pub(crate) class: &'a str,
    pub(crate) tty: &'a str,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for inside in ["sys/class/tty", "sys/bus/usb/devices", "sys/bus/usb/drivers", "dev"] {
            std::fs::create_dir_all(folder.path().join(inside)).unwrap();
        }
        Self { folder, plugged: 0 }
    }

    pub(crate) fn sysfs(&self) -> PathBuf {
        self.folder.path().join("sys")
    }

    pub(crate) fn devices(&self) -> PathBuf {
        self.folder.path().join("dev")
    }

    pub(crate) fn links(&self) -> PathBuf {
        self.devices().join("smsotpd")
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings { enabled: None, links: self.links(), devices: self.devices(), sysfs: self.sysfs() }
    }

    /// Plugs a device into a socket (`1-1.2`) and returns its directory. Its ports are there for sysfs; what is behind
    /// their names in the folder of devices is not made here.
    pub(crate) fn plug(&mut self, socket: &str, id: &str, driver: &str, ports: &[Port<'_>]) -> PathBuf {
        self.plugged += 1;
        let (vendor, product) = id.split_once(':').unwrap();
        let dir = self.sysfs().join("devices/pci0000:00/usb1/1-1").join(socket);
        std::fs::create_dir_all(&dir).unwrap();
        let number = self.plugged.to_string();
        for (name, text) in [("idVendor", vendor), ("idProduct", product), ("devnum", &number), ("authorized", "1")] {
            std::fs::write(dir.join(name), format!("{text}\n")).unwrap();
        }
        symlink(&dir, self.sysfs().join("bus/usb/devices").join(socket)).unwrap();
        for port in ports {
            self.add_port(&dir, socket, driver, port);
        }
        dir
    }

    fn add_port(&self, dir: &Path, socket: &str, driver: &str, port: &Port<'_>) {
        let interface = dir.join(format!("{socket}:1.{}", port.number));
        // usb-serial puts a directory of its own between the interface and the port, cdc_acm does not.
        let above = if driver == "cdc_acm" { interface.clone() } else { interface.join(port.tty) };
        let tty = above.join("tty").join(port.tty);
        std::fs::create_dir_all(&tty).unwrap();
        symlink(&above, tty.join("device")).unwrap();
        symlink(&tty, self.sysfs().join("class/tty").join(port.tty)).unwrap();
        let drivers = self.sysfs().join("bus/usb/drivers").join(driver);
        std::fs::create_dir_all(&drivers).unwrap();
        if !interface.join("driver").is_symlink() {
            symlink(&drivers, interface.join("driver")).unwrap();
        }
        let mut class = port.class.split('/');
        for (name, text) in [
            ("bInterfaceNumber", port.number),
            ("bInterfaceClass", class.next().unwrap()),
            ("bInterfaceSubClass", class.next().unwrap()),
            ("bInterfaceProtocol", class.next().unwrap()),
        ] {
            std::fs::write(interface.join(name), format!("{text}\n")).unwrap();
        }
    }

    /// Pulls whatever is in a socket.
    pub(crate) fn pull(&self, socket: &str) {
        let dir = self.sysfs().join("bus/usb/devices").join(socket);
        let real = dir.canonicalize().unwrap();
        for entry in std::fs::read_dir(self.sysfs().join("class/tty")).unwrap().flatten() {
            if entry.path().canonicalize().is_ok_and(|tty| tty.starts_with(&real)) {
                std::fs::remove_file(entry.path()).unwrap();
                let _ = std::fs::remove_file(self.devices().join(entry.file_name()));
            }
        }
        std::fs::remove_file(dir).unwrap();
        std::fs::remove_dir_all(real).unwrap();
    }

    /// Makes a link in the folder of links, and the folder.
    pub(crate) fn link(&self, name: &str, to: &Path) {
        std::fs::create_dir_all(self.links()).unwrap();
        symlink(to, self.links().join(name)).unwrap();
    }
}
