//! Who has a port open, as far as this process may know.
//!
//! Its one rule: it only looks. Another program's port is left alone.

use std::io;
use std::path::Path;

use super::port::Unopened;
use super::setup::printable;

/// Where ModemManager's processes are listed while its service runs, for everybody to read, below sysfs.
const MODEM_MANAGER: &str = "fs/cgroup/system.slice/ModemManager.service/cgroup.procs";

/// What keeps ModemManager off a modem.
const OUR_RULES: &str = "install udev/78-smsotpd.rules and plug the modem in again, or mask ModemManager.service";

/// A program that has a port open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    name: String,
    process: u32,
}

impl Holder {
    /// Who it is and what can be done, in one sentence.
    pub(super) fn explain(&self, port: &Path) -> String {
        let Self { name, process } = self;
        if self.is_us() {
            return format!("{} is held by {name} (process {process}), which is this one", port.display());
        }
        let advice = if name == "ModemManager" { OUR_RULES } else { "stop it, or take the port out of its settings" };
        format!("{} is held by {name} (process {process}): {advice}", port.display())
    }

    fn is_us(&self) -> bool {
        self.process == std::process::id()
    }
}

/// The program that has this port open; `None` when there is none, or its files must not be looked at.
///
/// What this process starts does not count: until it is the program it is to become, it has every file open that this
/// process had, and with them their locks.
pub(super) fn of(port: &Path) -> Option<Holder> {
    let port = port.canonicalize().ok()?;
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let mut holders: Vec<Holder> = processes.filter_map(|process| holder(&process.path(), &port)).collect();
    // A program that keeps a terminal of its own open is what is on it; whoever else has it open holds it.
    let other = holders.iter().position(|holder| !holder.is_us()).unwrap_or(0);
    (!holders.is_empty()).then(|| holders.swap_remove(other))
}

/// The process told of in this folder, if it holds the port.
fn holder(folder: &Path, port: &Path) -> Option<Holder> {
    let process = folder.file_name()?.to_str()?.parse().ok()?;
    let mut files = std::fs::read_dir(folder.join("fd")).ok()?.flatten();
    if !files.any(|file| file.path().read_link().is_ok_and(|to| to == port)) {
        return None;
    }
    // What has ended meanwhile tells nothing any more, and holds nothing.
    let status = std::fs::read_to_string(folder.join("status")).ok()?;
    let told = |name| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let is_child = told("PPid:")?.parse() == Ok(std::process::id());
    (!is_child).then(|| Holder { name: printable(told("Name:").unwrap_or_default()), process })
}

/// Why a port does not open.
pub(super) enum Verdict {
    /// It may be free in a moment: this very process has it open, and may be about to close it; or nobody who can be
    /// seen has it open, as when a program that was started just now let go of it meanwhile.
    Passing(io::Error),
    /// Anything else; where it can be known, the error names whoever has it open.
    Lasting(io::Error),
}

/// Finds out why a port does not open.
pub(super) fn judge(error: io::Error, sysfs: &Path, port: &Path) -> Verdict {
    // The serial port's crates say "no device" of one that is there and is not theirs.
    let in_use = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ResourceBusy | io::ErrorKind::Other);
    if !in_use {
        return Verdict::Lasting(error);
    }
    if !port.exists() {
        let reason = format!("the port {} is not there", port.display());
        return Verdict::Lasting(Unopened::as_error(io::ErrorKind::NotFound, reason));
    }
    let busy = |reason| Unopened::as_error(io::ErrorKind::ResourceBusy, reason);
    if let Some(holder) = of(port) {
        let error = busy(holder.explain(port));
        return if holder.is_us() { Verdict::Passing(error) } else { Verdict::Lasting(error) };
    }
    let runs = std::fs::read_to_string(sysfs.join(MODEM_MANAGER)).is_ok_and(|processes| !processes.trim().is_empty());
    if runs {
        let reason = format!("{} is held, most likely by ModemManager, which runs here: {OUR_RULES}", port.display());
        return Verdict::Passing(busy(reason));
    }
    // Whoever has it keeps that to themselves. What is there must not be taken for unplugged, and lose its power.
    Verdict::Passing(io::Error::new(io::ErrorKind::ResourceBusy, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(verdict: Verdict) -> String {
        match verdict {
            Verdict::Passing(error) | Verdict::Lasting(error) => error.to_string(),
        }
    }

    fn in_use() -> io::Error {
        io::Error::new(io::ErrorKind::NotFound, "Unable to acquire exclusive lock on serial port")
    }

    #[test]
    fn modemmanager_is_named_with_what_keeps_it_off() {
        let holder = Holder { name: "ModemManager".to_owned(), process: 512 };
        let told = holder.explain(Path::new("/dev/ttyUSB2"));
        assert!(told.starts_with("/dev/ttyUSB2 is held by ModemManager (process 512): install udev/"), "{told}");
        let holder = Holder { name: "minicom".to_owned(), process: 513 };
        assert!(!holder.explain(Path::new("/dev/ttyUSB2")).contains("udev"));
    }

    #[test]
    fn a_modemmanager_whose_files_must_not_be_looked_at_is_suspected_while_it_runs() {
        let sysfs = tempfile::tempdir().unwrap();
        // Nobody has this file open, as far as can be seen.
        let port = sysfs.path().join("ttyUSB2");
        std::fs::write(&port, "").unwrap();
        let processes = sysfs.path().join(MODEM_MANAGER);
        std::fs::create_dir_all(processes.parent().unwrap()).unwrap();
        std::fs::write(&processes, "512\n").unwrap();
        let suspected = told(judge(in_use(), sysfs.path(), &port));
        assert!(suspected.contains("most likely by ModemManager"), "{suspected}");
        std::fs::write(&processes, "").unwrap();
        let Verdict::Passing(error) = judge(in_use(), sysfs.path(), &port) else { panic!("nobody has it") };
        assert_eq!((error.kind(), error.to_string()), (io::ErrorKind::ResourceBusy, in_use().to_string()));
    }

    #[test]
    fn a_process_that_has_ended_or_was_started_here_holds_nothing() {
        let (proc, port) = (tempfile::tempdir().unwrap(), Path::new("/dev/ttyUSB2"));
        let folder = proc.path().join("513");
        std::fs::create_dir_all(folder.join("fd")).unwrap();
        std::os::unix::fs::symlink(port, folder.join("fd/3")).unwrap();
        let status = |parent: u32| {
            std::fs::write(folder.join("status"), format!("Name:\tminicom\nPid:\t513\nPPid:\t{parent}\n")).unwrap();
        };
        assert_eq!(holder(&folder, port), None, "it has ended");
        status(std::process::id());
        assert_eq!(holder(&folder, port), None, "it was started here");
        status(1);
        assert_eq!(holder(&folder, port), Some(Holder { name: "minicom".to_owned(), process: 513 }));
        assert_eq!(holder(&folder, Path::new("/dev/ttyUSB3")), None, "it has another port");
    }

    #[test]
    fn a_port_that_is_not_there_is_held_by_nobody() {
        let nowhere = Path::new("/nowhere/ttyUSB2");
        assert_eq!(of(nowhere), None);
        assert_eq!(told(judge(in_use(), Path::new("/sys"), nowhere)), "the port /nowhere/ttyUSB2 is not there");
    }
}
