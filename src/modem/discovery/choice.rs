//! Which of a device's ports to ask, and in which order; or why none.
//!
//! Pure: what sysfs says goes in, a choice comes out.

use super::ids::{self, Entry, Mark, Place};
use super::sysfs::{Tty, UsbDevice};

/// What to do with a USB device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// Ask these of its ports, in this order, until one answers as a modem does.
    Ask(Vec<String>),
    /// It may be a modem, but cannot be used as it is.
    Trouble(Trouble),
    /// It is something else.
    Nothing,
}

/// Why something that is plugged in is not used, and what to do about that: one sentence each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What is the matter.
    pub reason: String,
    /// What to do about it.
    pub advice: String,
    /// It may pass by itself within half a minute: a stick that is about to be switched, a driver that is being loaded.
    pub(super) may_pass: bool,
}

/// What is done with this device. `named` are the ports that somebody has pointed at with a link.
pub(super) fn choose(device: &UsbDevice, named: &[String]) -> Choice {
    let exact = ids::of_device(device.vendor, device.product);
    let vendor = ids::of_vendor(device.vendor);
    let mark = exact.or(vendor).map_or(Mark::Modem, |entry| entry.mark);
    let has_ports = !device.ttys.is_empty();
    match (mark, exact) {
        (Mark::Never, Some(entry)) => Choice::Trouble(download_mode(device, &entry)),
        (Mark::Network, Some(entry)) => Choice::Trouble(network_only(device, &entry)),
        (Mark::Storage, Some(entry)) if !has_ports => Choice::Trouble(cd_rom(device, &entry)),
        (Mark::Modem, Some(entry)) if !has_ports => Choice::Trouble(without_ports(device, &entry)),
        (Mark::Bridge | Mark::Board, _) => ask(named.to_vec()),
        _ => ask(order(device, exact, vendor, named)),
    }
}

fn ask(ports: Vec<String>) -> Choice {
    if ports.is_empty() { Choice::Nothing } else { Choice::Ask(ports) }
}

fn order(device: &UsbDevice, exact: Option<Entry>, vendor: Option<Entry>, named: &[String]) -> Vec<String> {
    let mut order: Vec<&Tty> = Vec::new();
    // What the vendor says of its interfaces beats a number, and a number beats a guess.
    let never: Vec<Place> = vendor.iter().flat_map(Entry::not).collect();
    let candidates: Vec<&Tty> = without(device.ttys.iter().collect(), &never);
    let (guess, meaning): (Vec<Place>, Vec<Place>) =
        vendor.iter().flat_map(Entry::at).partition(|place| *place == Place::Last);
    take(&mut order, &candidates, &meaning);
    let never: Vec<Place> = exact.iter().flat_map(Entry::not).collect();
    let candidates = without(candidates, &never);
    let numbers: Vec<Place> = exact.iter().flat_map(|entry| entry.at().chain(entry.second())).collect();
    take(&mut order, &candidates, &numbers);
    take(&mut order, &candidates, &guess);
    if order.is_empty() || exact.is_none_or(|entry| entry.at().next().is_none()) {
        for entry in drivers(&candidates) {
            let places: Vec<Place> = entry.at().collect();
            let left_out: Vec<Place> = entry.not().collect();
            let of_driver = candidates.iter().filter(|tty| tty.driver == entry.driver).copied().collect();
            take(&mut order, &without(of_driver, &left_out), &places);
        }
    }
    let rest = order.into_iter().map(|tty| tty.name.clone()).filter(|name| !named.contains(name));
    named.iter().cloned().chain(rest).collect()
}

fn drivers(ttys: &[&Tty]) -> Vec<Entry> {
    let mut drivers: Vec<&str> = ttys.iter().map(|tty| tty.driver.as_str()).collect();
    drivers.dedup();
    drivers.into_iter().filter_map(ids::of_driver).collect()
}

fn take<'a>(order: &mut Vec<&'a Tty>, candidates: &[&'a Tty], places: &[Place]) {
    for place in places {
        let last = candidates.iter().map(|tty| tty.number).max();
        for &tty in candidates {
            if is_at(tty, *place, last) && !order.contains(&tty) {
                order.push(tty);
            }
        }
    }
}

fn without<'a>(mut ttys: Vec<&'a Tty>, places: &[Place]) -> Vec<&'a Tty> {
    ttys.retain(|tty| !places.iter().any(|place| is_at(tty, *place, None)));
    ttys
}

fn is_at(tty: &Tty, place: Place, last: Option<u8>) -> bool {
    match place {
        Place::Number(number) => tty.number == number,
        Place::Interface(wanted) => {
            wanted.iter().zip(tty.interface).all(|(wanted, is)| wanted.is_none_or(|wanted| wanted == is))
        }
        Place::Kind(kind) => tty.kind.as_deref() == Some(kind),
        Place::Last => Some(tty.number) == last,
    }
}

fn trouble(device: &UsbDevice, entry: &Entry, what: &str, usual_advice: &str) -> Trouble {
    let advice = if entry.advice.is_empty() { usual_advice } else { entry.advice };
    let reason = format!("{} ({}) {what}", entry.name, device.id());
    Trouble { reason, advice: advice.to_owned(), may_pass: false }
}

fn download_mode(device: &UsbDevice, entry: &Entry) -> Trouble {
    let advice = "Take its power away for ten seconds; if it comes back like this, its firmware is broken. Nothing is written to it.";
    trouble(device, entry, "is plugged in: a modem that did not start shows itself like this", advice)
}

fn network_only(device: &UsbDevice, entry: &Entry) -> Trouble {
    trouble(device, entry, "has no port for commands", "Use another modem; hardware.md names some.")
}

fn cd_rom(device: &UsbDevice, entry: &Entry) -> Trouble {
    let advice = "Install the package usb-modeswitch and plug it in again.";
    Trouble { may_pass: true, ..trouble(device, entry, "still shows itself as a CD-ROM", advice) }
}

fn without_ports(device: &UsbDevice, entry: &Entry) -> Trouble {
    let advice = match entry.driver {
        "" => "Look it up in hardware.md; it may be in a mode without serial ports.".to_owned(),
        driver => format!(
            "Install the package usb-modeswitch and plug it in again; if that does not help, see that the kernel's \
             driver is there (modprobe {driver})."
        ),
    };
    Trouble { may_pass: true, ..trouble(device, entry, "shows no serial port", &advice) }
}
