//! The task that finds modems: looks when something was plugged in or pulled out, asks who is new, and remembers.
//!
//! Nothing is polled: a look follows an event, or a modem's task that lost its port. Only a place that did not answer,
//! or is held by another program, is asked again, with pauses that grow.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::super::holder;
use super::super::port::Connector;
use super::super::settings::Settings as ModemSettings;
use super::super::wire::now;
use super::ports::{Identity, Ports, Seen, Sight};
use super::probe::{self, Answer, Mute};
use super::settings::Settings;
use super::sites::{self, Site};
use super::spot::{Spot, Standing};
use super::watch::Watcher;
use crate::ids::ModemName;

/// How often `AT` is said to what should be a modem, and to what nobody says is one.
const TRIES: u8 = 5;
const TRIES_WITH_STRANGERS: u8 = 2;
/// Where no events are to be had (too many programs watch files), this is how often it looks.
const WITHOUT_EVENTS: Duration = Duration::from_secs(60);
/// Where pseudo-terminals are.
const PSEUDO_TERMINALS: &str = "/dev/pts";
/// Digits of the IMEI in the name of a modem that was found by itself, when no other has the same.
const DIGITS_IN_NAME: usize = 6;

/// What is configured.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The modems.
    pub modems: Vec<ModemSettings>,
    /// Whether others are taken in as well.
    pub adopt: bool,
}

/// A modem that is not configured.
pub struct Found {
    /// What it is called, and every default.
    pub settings: ModemSettings,
    /// Its model, as it says.
    pub model: Option<String>,
    /// Opens its port, wherever it is.
    pub connector: Box<dyn Connector>,
}

/// Finds modems until it is stopped.
pub struct Finder {
    settings: Settings,
    /// Ports that are configured by their paths: nothing of these devices is touched.
    reserved: Vec<PathBuf>,
    adopt: bool,
    names: BTreeSet<ModemName>,
    /// The modems that have a task of their own, or will have one when they are found.
    theirs: Vec<Identity>,
    spots: BTreeMap<String, Spot>,
    asking: JoinSet<(String, String, Round)>,
    seen: watch::Sender<Vec<Seen>>,
    looks: mpsc::Receiver<oneshot::Sender<()>>,
    found: mpsc::UnboundedSender<Found>,
    ports: Ports,
}

/// What has come of asking one place.
enum Round {
    Modem(PathBuf, Answer),
    Silent,
    Closed { reason: String, advice: String },
}

impl Finder {
    /// A finder, what it finds, and the modems among it that are not configured.
    #[must_use]
    pub fn new(settings: Settings, known: Known) -> (Self, Ports, mpsc::UnboundedReceiver<Found>) {
        let (seen, all_see) = watch::channel(Vec::new());
        let (asks, looks) = mpsc::channel(1);
        let (found, finds) = mpsc::unbounded_channel();
        let ports = Ports { seen: all_see, looks: asks, sysfs: settings.sysfs.clone() };
        let finder = Self {
            settings,
            reserved: known.modems.iter().filter_map(|modem| modem.port.as_ref()).map(PathBuf::from).collect(),
            adopt: known.adopt,
            names: known.modems.iter().map(|modem| modem.name.clone()).collect(),
            theirs: known.modems.iter().filter_map(|modem| modem.imei.clone()).map(Identity::Imei).collect(),
            spots: BTreeMap::new(),
            asking: JoinSet::new(),
            seen,
            looks,
            found,
            ports: ports.clone(),
        };
        (finder, ports, finds)
    }

    /// Finds modems until stopped.
    ///
    /// # Panics
    /// When a task that asks panicked, so that whoever runs the finder learns of it.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut watcher = match Watcher::new(&self.settings) {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                tracing::warn!(%error, "what is plugged in is not told of; it is looked for once a minute");
                None
            }
        };
        self.look().await;
        loop {
            self.go_on();
            let next = self.spots.values().filter_map(|spot| spot.next(now())).min();
            tokio::select! {
                () = stop.cancelled() => return,
                changed = changed(watcher.as_mut()) => {
                    if let Err(error) = changed {
                        tracing::warn!(%error, "what is plugged in is told of no more; it is looked for once a minute");
                        watcher = None;
                    }
                    self.look().await;
                }
                Some(asked) = self.looks.recv() => {
                    self.look().await;
                    self.go_on();
                    // Whoever asked may have gone.
                    let _ = asked.send(());
                }
                Some(ended) = self.asking.join_next() => self.settle(ended),
                () = tokio::time::sleep_until(next.unwrap_or_else(now).into()), if next.is_some() => {}
            }
        }
    }

    /// Takes in what is plugged in now.
    async fn look(&mut self) {
        let (settings, reserved) = (self.settings.clone(), self.reserved.clone());
        // The kernel may keep a reader waiting while it is busy with a device.
        let look = tokio::task::spawn_blocking(move || {
            let all = if reserved.is_empty() { BTreeMap::new() } else { sites::look(&settings, &[]) };
            (sites::look(&settings, &reserved), all)
        });
        let Ok((mut sites, all)) = look.await else { return };
        let now = now();
        self.spots.retain(|key, spot| {
            let is_same = |site: &Site| site.fingerprint == spot.site.fingerprint;
            if !sites.contains_key(key) && all.get(key).is_some_and(is_same) {
                // It is there, and somebody else's.
                return spot.leave_to_others();
            }
            let is_there = sites.contains_key(key);
            if !is_there {
                spot.leave();
                tracing::debug!(place = key, "nothing is plugged in there any more");
            }
            is_there
        });
        for (key, spot) in &mut self.spots {
            if let Some(site) = sites.remove(key) {
                spot.look(site, now);
            }
        }
        self.spots.extend(sites.into_iter().map(|(key, site)| (key, Spot::new(site, now))));
    }

    /// Asks whoever is due, and shows how everything stands.
    fn go_on(&mut self) {
        let now = now();
        for (key, spot) in &mut self.spots {
            let Some(ports) = spot.due(now).map(<[PathBuf]>::to_vec) else { continue };
            let tries = if spot.site.expected { TRIES } else { TRIES_WITH_STRANGERS };
            let (key, fingerprint) = (key.clone(), spot.site.fingerprint.clone());
            let sysfs = self.settings.sysfs.clone();
            let round = async move { (key, fingerprint, ask(sysfs, ports, tries).await) };
            let task = self.asking.spawn(round);
            spot.ask(task);
        }
        let seen: Vec<Seen> = self.spots.values().filter_map(|spot| spot.seen(now)).collect();
        self.seen.send_if_modified(|before| {
            let is_new = *before != seen;
            tell_troubles(before, &seen);
            *before = seen;
            is_new
        });
    }

    fn settle(&mut self, ended: Result<(String, String, Round), JoinError>) {
        let (key, fingerprint, round) = match ended {
            Ok(ended) => ended,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // It was no longer of interest.
            Err(_) => return,
        };
        let twin = match &round {
            Round::Modem(_, Answer { imei: Some(imei), .. }) => self.is_elsewhere(&key, &Identity::Imei(imei.clone())),
            _ => false,
        };
        let Some(spot) = self.spots.get_mut(&key).filter(|spot| spot.site.fingerprint == fingerprint) else { return };
        match round {
            Round::Silent => spot.silent(now()),
            Round::Closed { reason, advice } => spot.closed(reason, advice, now()),
            Round::Modem(port, Answer { imei, model }) => {
                let identity = imei.map_or_else(|| Identity::Mark(spot.site.mark.clone()), Identity::Imei);
                if twin {
                    let advice =
                        "Modems with one IMEI cannot be told apart: name each by its `port` in the configuration.";
                    let reason = format!("{} has the {identity} of another modem that is plugged in", spot.site.what);
                    return spot.closed(reason, advice.to_owned(), now());
                }
                tracing::info!(%identity, model, port = %port.display(), what = spot.site.what, "found a modem");
                spot.standing = Standing::Modem { identity: identity.clone(), model: model.clone(), port };
                self.take_in(identity, model);
            }
        }
    }

    /// Whether this modem has answered at another place, which is still there.
    fn is_elsewhere(&self, here: &str, wanted: &Identity) -> bool {
        let is_it = |spot: &Spot| matches!(&spot.standing, Standing::Modem { identity, .. } if identity.is(wanted));
        self.spots.iter().any(|(key, spot)| key != here && is_it(spot))
    }

    /// Hands out a modem that nobody has yet.
    fn take_in(&mut self, identity: Identity, model: Option<String>) {
        if !self.adopt || self.theirs.iter().any(|other| other.is(&identity)) {
            return;
        }
        let Some(name) = self.name_of(&identity) else { return };
        let imei = match &identity {
            Identity::Imei(imei) => Some(imei.clone()),
            Identity::Mark(_) => None,
        };
        let settings = ModemSettings { port: None, imei, ..ModemSettings::at_port(name.clone(), "") };
        let connector = self.ports.connector(identity.clone());
        self.names.insert(name);
        self.theirs.push(identity);
        // A daemon that is stopping needs no more modems.
        let _ = self.found.send(Found { settings, model, connector });
    }

    /// `m` and the last digits of its number, as many as it takes to tell it from others; `m-` and its mark without one.
    fn name_of(&self, identity: &Identity) -> Option<ModemName> {
        let mut names: Vec<String> = match identity {
            Identity::Imei(imei) => {
                let digits = imei.as_str();
                let tail = |length: usize| format!("m{}", &digits[digits.len() - length..]);
                (DIGITS_IN_NAME..=digits.len()).map(tail).collect()
            }
            Identity::Mark(mark) => {
                let allowed = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
                vec![format!("m-{}", mark.chars().map(allowed).take(24).collect::<String>())]
            }
        };
        let longest = names.last().cloned().unwrap_or_default();
        names.extend((2..100).map(|n| format!("{longest}-{n}")));
        names.into_iter().filter_map(|name| name.parse().ok()).find(|name| !self.names.contains(name))
    }
}

/// Whether a modem may get this name that is found and has no `[[modem]]`.
#[must_use]
pub fn may_name(name: &ModemName) -> bool {
    let Some(rest) = name.as_str().strip_prefix('m') else { return false };
    let (digits, nth) = rest.split_once('-').unwrap_or((rest, "2"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_tail = (DIGITS_IN_NAME..=16).contains(&digits.len()) && is_number(digits);
    rest.starts_with('-') || (is_tail && is_number(nth))
}

async fn changed(watcher: Option<&mut Watcher>) -> io::Result<()> {
    match watcher {
        Some(watcher) => watcher.changed().await,
        None => {
            tokio::time::sleep(WITHOUT_EVENTS).await;
            Ok(())
        }
    }
}

/// Asks the ports of one place, one after the other, until a modem answers.
async fn ask(sysfs: PathBuf, ports: Vec<PathBuf>, tries: u8) -> Round {
    let mut closed = None;
    for port in ports {
        if let Some(reason) = held(port.clone()).await {
            return Round::Closed { reason, advice: String::new() };
        }
        match probe::ask(&sysfs, &port, tries).await {
            Ok(answer) => return Round::Modem(port, answer),
            Err(Mute::Silent) => {}
            Err(Mute::Closed(error)) if error.kind() == io::ErrorKind::ResourceBusy => {
                return Round::Closed { reason: error.to_string(), advice: String::new() };
            }
            Err(Mute::Closed(error)) => {
                let advice = match error.kind() {
                    io::ErrorKind::PermissionDenied => {
                        "Install udev/78-smsotpd.rules, and let the daemon's user into the group dialout."
                    }
                    _ => "Unplug it and plug it in again.",
                };
                closed.get_or_insert((format!("{} does not open: {error}", port.display()), advice.to_owned()));
            }
        }
    }
    closed.map_or(Round::Silent, |(reason, advice)| Round::Closed { reason, advice })
}

/// Who has the port open already. A pseudo-terminal always has its maker on it; there only opening it tells.
async fn held(port: PathBuf) -> Option<String> {
    let look = move || {
        let is_device = port.canonicalize().is_ok_and(|port| !port.starts_with(PSEUDO_TERMINALS));
        is_device.then(|| holder::of(&port)).flatten().map(|holder| holder.explain(&port))
    };
    tokio::task::spawn_blocking(look).await.ok().flatten()
}

/// Each trouble is logged when it begins.
fn tell_troubles(before: &[Seen], now: &[Seen]) {
    for seen in now.iter().filter(|seen| !before.contains(seen)) {
        if let Sight::Trouble { reason, advice } = &seen.sight {
            tracing::warn!(what = seen.what, reason, advice, "something that is plugged in cannot be used");
        }
    }
}
