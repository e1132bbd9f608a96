//! The faults of one modem: those that wait for their moment, those that are to happen now, and those that last.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::drawn::Drawn;
use super::kinds::{BrownOut, Fault, ReportFault, Until};
use crate::sim::answer::Failure;

/// The faults of one modem. They stay through unplugging and plugging. Cheap to clone; every clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    set: Mutex<Set>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Set {
    waiting: VecDeque<Fault>,
    now: VecDeque<Fault>,
    condition: Condition,
}

/// What lasts.
#[derive(Debug, Clone, Default)]
pub(in crate::sim) struct Condition {
    pub(in crate::sim) pace: Option<Pace>,
    pub(in crate::sim) silence: Option<Silence>,
    pub(in crate::sim) muted: Option<(Vec<String>, Silence)>,
    pub(in crate::sim) garbled_until: Option<Instant>,
    pub(in crate::sim) baud: Option<u32>,
    /// The speed to which a program has set the port, where that can be known.
    pub(in crate::sim) port_speed: Option<u32>,
    pub(in crate::sim) longest_line: Option<u16>,
    pub(in crate::sim) restart_gone_for: Option<Duration>,
    pub(in crate::sim) reference_restarts: bool,
    pub(in crate::sim) signal: Option<u8>,
    pub(in crate::sim) barred: Option<u16>,
    pub(in crate::sim) ussd_silent: bool,
}

/// How output is cut into pieces.
#[derive(Debug, Clone, Copy)]
pub(in crate::sim) struct Pace {
    pub(in crate::sim) bytes: usize,
    pub(in crate::sim) every: Duration,
}

/// A silence that lasts until something ends it.
#[derive(Debug, Clone, Copy)]
pub(in crate::sim) struct Silence {
    until: Until,
    since: Instant,
}

impl Silence {
    pub(in crate::sim) fn new(until: Until) -> Self {
        Self { until, since: Instant::now() }
    }

    /// When it ends by itself.
    pub(in crate::sim) fn end(self) -> Option<Instant> {
        match self.until {
            Until::After(time) => Some(self.since + time),
            _ => None,
        }
    }

    fn ends_with(self, end: End) -> bool {
        match self.until {
            Until::Escape => matches!(end, End::Escape | End::Restart | End::Replugged | End::PowerCut),
            Until::Reopened => matches!(end, End::Reopened | End::Replugged | End::PowerCut),
            Until::Restart => matches!(end, End::Restart | End::Replugged | End::PowerCut),
            Until::Replugged => matches!(end, End::Replugged | End::PowerCut),
            Until::PowerCut => end == End::PowerCut,
            Until::After(_) => self.end().is_some_and(|end| end <= Instant::now()),
        }
    }
}

/// What may end a silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) enum End {
    /// Only time has gone by.
    Time,
    Escape,
    Reopened,
    Restart,
    Replugged,
    PowerCut,
}

impl Condition {
    /// What was silent until this speaks again.
    pub(in crate::sim) fn end_silence(&mut self, end: End) {
        self.silence = self.silence.filter(|silence| !silence.ends_with(end));
        self.muted = self.muted.take().filter(|(_, silence)| !silence.ends_with(end));
    }

    pub(in crate::sim) fn is_garbled(&self) -> bool {
        self.garbled_until.is_some_and(|until| Instant::now() < until)
            || self.baud.is_some_and(|baud| self.port_speed != Some(baud))
    }
}

impl Faults {
    /// Draws faults and their times from a seed, for [`crate::sim::Device::suffer`]. The same seed draws the same.
    #[must_use]
    pub fn seeded(seed: u64) -> Drawn {
        Drawn::from_seed(seed)
    }

    /// Lets this happen: now, or once at the first moment it fits, after the faults queued before it for that moment.
    ///
    /// What happens now to a modem that is not plugged in happens as it is plugged in.
    pub fn queue(&self, fault: Fault) {
        let mut set = self.set();
        let now = moment(&fault) == Moment::Now;
        if now { &mut set.now } else { &mut set.waiting }.push_back(fault);
        drop(set);
        self.0.changed.notify_one();
    }

    /// Whether the modem writes every byte on its own from now on.
    pub fn write_bytewise(&self, on: bool) {
        self.set().condition.pace = on.then_some(Pace { bytes: 1, every: Duration::ZERO });
    }

    /// Forgets the faults that wait and ends those that last. What has befallen the SIM, the storages and the network's
    /// opinion stays: [`crate::sim::Device::recover`] mends that too.
    pub fn clear(&self) {
        let mut set = self.set();
        let port_speed = set.condition.port_speed;
        *set = Set::default();
        set.condition.port_speed = port_speed;
        drop(set);
        self.0.changed.notify_one();
    }

    /// Waits until something may have changed.
    pub(in crate::sim) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Changes what lasts.
    pub(in crate::sim) fn change<T>(&self, change: impl FnOnce(&mut Condition) -> T) -> T {
        change(&mut self.set().condition)
    }

    /// What lasts.
    pub(in crate::sim) fn condition(&self) -> Condition {
        let mut set = self.set();
        set.condition.end_silence(End::Time);
        set.condition.clone()
    }

    /// The port was closed by the last program that had it open: to be told where the port itself does not show it.
    pub fn port_left(&self) {
        self.change(|condition| condition.end_silence(End::Reopened));
        self.0.changed.notify_one();
    }

    /// Whether the speed of the port matters now.
    pub(in crate::sim) fn heeds_speed(&self) -> bool {
        self.set().condition.baud.is_some()
    }

    /// A program has set the port to this many bits per second.
    pub(in crate::sim) fn port_speed(&self, speed: u32) {
        self.change(|condition| condition.port_speed = Some(speed));
    }

    /// Takes what is to happen now.
    pub(in crate::sim) fn take_now(&self) -> Option<Fault> {
        self.set().now.pop_front()
    }

    /// Takes the fault that is to befall a send that starts now.
    pub(in crate::sim) fn take_for_send(&self) -> Option<Fault> {
        self.take(|fault| moment(fault) == Moment::Send)
    }

    /// Takes what is to befall the report on a message that goes out now.
    pub(in crate::sim) fn take_for_report(&self) -> ReportFault {
        match self.take(|fault| moment(fault) == Moment::Report) {
            Some(Fault::Report(fault)) => fault,
            _ => ReportFault::None,
        }
    }

    /// Takes the failure that is to befall this command.
    pub(in crate::sim) fn take_refusal(&self, name: &str) -> Option<Failure> {
        let fits = |fault: &Fault| matches!(fault, Fault::Refuse { command, .. } | Fault::RefuseWith { command, .. } if command == name);
        match self.take(fits)? {
            Fault::Refuse { cme_error, .. } => Some(cme_error.map_or(Failure::Syntax, Failure::Equipment)),
            Fault::RefuseWith { line, .. } => Some(Failure::Words(line)),
            _ => None,
        }
    }

    /// Takes the line that is to fall into the answer to this command.
    pub(in crate::sim) fn take_line_within(&self, name: &str) -> Option<String> {
        match self.take(|fault| matches!(fault, Fault::LineWithin { command, .. } if command == name))? {
            Fault::LineWithin { line, .. } => Some(line),
            _ => None,
        }
    }

    /// Takes the line that is to fall into an echo.
    pub(in crate::sim) fn take_line_within_echo(&self) -> Option<String> {
        match self.take(|fault| matches!(fault, Fault::LineWithinEcho(_)))? {
            Fault::LineWithinEcho(line) => Some(line),
            _ => None,
        }
    }

    /// Takes the time by which the answer to this command is to be late.
    pub(in crate::sim) fn take_delay(&self, name: &str) -> Option<Duration> {
        match self.take(|fault| matches!(fault, Fault::Delay { command, .. } if command == name))? {
            Fault::Delay { seconds, .. } => Some(seconds),
            _ => None,
        }
    }

    /// Whether a deletion that starts now is to delete nothing.
    pub(in crate::sim) fn take_deletes_nothing(&self) -> bool {
        self.take(|fault| matches!(fault, Fault::DeletesNothing(_))).is_some()
    }

    /// Whether an announcement that is written now is to be written twice.
    pub(in crate::sim) fn take_announces_twice(&self) -> bool {
        self.take(|fault| matches!(fault, Fault::AnnouncesTwice)).is_some()
    }

    /// Whether a command line that is complete now is to be swallowed.
    pub(in crate::sim) fn take_swallow(&self) -> bool {
        self.take(|fault| matches!(fault, Fault::Swallow(_))).is_some()
    }

    /// Takes the first that fits, once: a fault for several times stays for the others.
    fn take(&self, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut set = self.set();
        let place = set.waiting.iter().position(fits)?;
        let fault = set.waiting.get_mut(place)?;
        let left = match fault {
            Fault::RefuseWith { times, .. } | Fault::Delay { times, .. } => Some(times),
            Fault::NetworkRefuses { sends, .. } => Some(sends),
            Fault::DeletesNothing(times) | Fault::Swallow(times) => Some(times),
            _ => None,
        };
        match left {
            Some(times) if *times > 1 => {
                *times -= 1;
                Some(fault.clone())
            }
            _ => set.waiting.remove(place),
        }
    }

    fn set(&self) -> MutexGuard<'_, Set> {
        self.0.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Now,
    Send,
    Report,
    Command,
}

fn moment(fault: &Fault) -> Moment {
    match fault {
        Fault::None
        | Fault::SilentBeforePrompt
        | Fault::PromptAfter(_)
        | Fault::MalformedPrompt(_)
        | Fault::LineAtPrompt(_)
        | Fault::StuckPrompt
        | Fault::SilentAfterCtrlZ { .. }
        | Fault::CmsError(_)
        | Fault::CmsText(_)
        | Fault::HangUp(_)
        | Fault::SendResult(_)
        | Fault::NetworkRefuses { .. }
        | Fault::BrownOut(BrownOut { at: Some(_), .. }) => Moment::Send,
        Fault::Report(_) => Moment::Report,
        Fault::Refuse { .. }
        | Fault::RefuseWith { .. }
        | Fault::LineWithin { .. }
        | Fault::LineWithinEcho(_)
        | Fault::Delay { .. }
        | Fault::DeletesNothing(_)
        | Fault::AnnouncesTwice
        | Fault::Swallow(_) => Moment::Command,
        _ => Moment::Now,
    }
}
