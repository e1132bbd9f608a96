//! A simulated modem on a pseudo-terminal, in front of a program that somebody else wrote.
#![allow(dead_code, reason = "every test program uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use smsotpd::phone::PhoneNumber;
use smsotpd::sim::{Bay, Carrier, CarrierSettings, Device, DeviceSettings, Family, Handset};
use tokio::process::{Child, Command};

use crate::support::soon;

pub(crate) struct Bench {
    pub(crate) device: Device,
    pub(crate) alice: Handset,
    folder: tempfile::TempDir,
    _bay: Bay,
}

impl Bench {
    /// A modem of this family at [`Bench::link`].
    pub(crate) async fn set_up(family: Family) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let quick = Duration::from_millis(100);
        let carrier =
            Carrier::new(CarrierSettings { submit_time: quick, delivery_time: quick, ..CarrierSettings::default() });
        let alice = carrier.handset(&PhoneNumber::from_digits("15551234567").unwrap());
        let device = Device::new(DeviceSettings::of(family, 0), carrier);
        let bay = Bay::new(device.clone());
        bay.plug(Some(&folder.path().join("modem"))).await.unwrap();
        Self { device, alice, folder, _bay: bay }
    }

    pub(crate) fn link(&self) -> PathBuf {
        self.path("modem")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes folders, gives their paths.
    pub(crate) fn folders<const N: usize>(&self, names: [&str; N]) -> [PathBuf; N] {
        names.map(|name| {
            let path = self.path(name);
            std::fs::create_dir(&path).unwrap();
            path
        })
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Starts a program that ends with the test.
    pub(crate) fn start(&self, program: &str, arguments: &[&Path]) -> Child {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path()).env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.kill_on_drop(true).spawn().unwrap()
    }
}

/// Waits until a file whose text has this in it is in the folder; gives the text.
pub(crate) async fn file_with(folder: &Path, wanted: &str) -> String {
    let look = async {
        loop {
            let files = std::fs::read_dir(folder).unwrap().filter_map(|entry| std::fs::read(entry.ok()?.path()).ok());
            let found =
                files.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).find(|text| text.contains(wanted));
            if let Some(found) = found {
                return found;
            }
            // A file of another program's: nothing tells that it is whole.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon(wanted, look).await
}
