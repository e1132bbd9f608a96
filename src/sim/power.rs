//! Starting, starting anew, and what the modem says by itself meanwhile.

use std::time::Duration;

use tokio::time::Instant;

use super::agenda::Task;
use super::attributes::Attributes;
use super::card::CardState;
use super::fault::End;
use super::line::Reader;
use super::session::{Doing, Session};
use super::storage::StorageName;

/// Between two rings.
const RING_PAUSE: Duration = Duration::from_secs(5);

impl Session {
    /// The modem starts: settings as from new, the PIN asked for again, its announcements to come.
    pub(super) fn boot(&mut self) {
        let profile = self.profile();
        let now = Instant::now();
        let in_time = |milliseconds: u64| now + Duration::from_millis(milliseconds);
        self.attributes = Attributes::default();
        self.reader = Reader::default();
        self.doing = Doing::Nothing;
        self.is_quiet = false;
        self.restarts = false;
        self.ringing_until = None;
        self.held_until = None;
        self.agenda.clear();
        self.booting_until = (profile.boot_time > 0).then(|| in_time(profile.boot_time));
        for (after, line) in profile.boot {
            self.agenda.add(in_time(*after), Task::Say((*line).to_owned()));
        }
        if let Some(periodic) = &profile.periodic {
            self.agenda.add(in_time(periodic.every), Task::SayPeriodic);
        }
        let (state, busy_until) = {
            let mut memory = self.device.memory();
            memory.card.unlocked = false;
            if self.device.faults().condition().reference_restarts {
                memory.next_reference = 0;
            }
            (memory.card.state(), memory.card.busy_until)
        };
        match (state, busy_until) {
            (CardState::Ready, _) => self.announce_ready(now),
            (CardState::Busy, Some(until)) => self.agenda.add(until, Task::CardReady),
            _ => {}
        }
        self.told_stats = self.stats();
        if self.booting_until.is_some() {
            self.agenda.add(in_time(profile.boot_time), Task::Look);
        }
    }

    /// The modem starts anew without leaving the port.
    pub(super) fn reboot(&mut self) {
        self.give_back();
        self.line.clear();
        self.buffered.clear();
        self.boot();
    }

    /// What nobody acknowledged, the network still has.
    pub(super) fn give_back(&mut self) {
        if let Some(unacknowledged) = self.unacknowledged.take() {
            self.device.air().put_back(unacknowledged.inbound);
        }
    }

    /// `AT+CFUN=1,1` was answered.
    pub(super) fn restart(&mut self) {
        self.end_silence(End::Restart);
        let asked = self.device.faults().condition().restart_gone_for;
        match asked.or(self.profile().restart.map(Duration::from_millis)) {
            Some(time) => self.leave(Some(time)),
            None => self.reboot(),
        }
    }

    /// The port goes: for good, for a while, or (for no time) not at all, and only the start is seen.
    pub(super) fn leave(&mut self, gone_for: Option<Duration>) {
        match gone_for {
            Some(Duration::ZERO) => self.reboot(),
            Some(time) => {
                self.device.leave_for(time);
                self.doing = Doing::Vanishing;
            }
            None => self.doing = Doing::Vanishing,
        }
    }

    /// Does what is due.
    pub(super) fn keep_appointments(&mut self) {
        while let Some(task) = self.agenda.take() {
            match task {
                Task::Say(line) => self.say(&line),
                Task::SayPeriodic => self.say_periodic(),
                Task::Prompt => self.release_prompt(),
                Task::Ussd(answer) => self.tell_ussd(&answer),
                Task::Ring => self.ring(),
                Task::CardReady => self.card_ready(),
                Task::Look => {}
            }
        }
    }

    /// Writes an unsolicited line that is all text.
    pub(super) fn say(&mut self, line: &str) {
        let name = line.split([':', ' ']).next().unwrap_or(line).to_owned();
        self.indicate(&name, line.as_bytes());
    }

    fn say_periodic(&mut self) {
        let Some(periodic) = &self.profile().periodic else { return };
        if self.is_quiet {
            return;
        }
        for line in periodic.lines {
            let signal = self.signal_level().to_string();
            self.say(&line.replace("{signal}", &signal));
        }
        self.agenda.add(Instant::now() + Duration::from_millis(periodic.every), Task::SayPeriodic);
    }

    pub(super) fn start_ringing(&mut self, time: Duration) {
        self.ringing_until = Some(Instant::now() + time);
        self.ring();
    }

    fn ring(&mut self) {
        let now = Instant::now();
        match self.ringing_until {
            Some(until) if now < until => {
                self.say("RING");
                self.agenda.add((now + RING_PAUSE).min(until), Task::Ring);
            }
            _ => {
                self.ringing_until = None;
                self.say("NO CARRIER");
            }
        }
    }

    pub(super) fn is_ringing(&self) -> bool {
        self.ringing_until.is_some()
    }

    /// The SIM may have become usable.
    fn card_ready(&mut self) {
        if self.card_is_ready() {
            if self.profile().ready.is_empty() {
                self.say("+CPIN: READY");
            }
            let first = self.profile().ready.first().map_or(0, |(after, _)| *after);
            let from = Instant::now().checked_sub(Duration::from_millis(first)).unwrap_or_else(Instant::now);
            self.announce_ready(from);
        }
        self.tell_registration();
    }

    fn announce_ready(&mut self, from: Instant) {
        for (after, line) in self.profile().ready {
            self.agenda.add(from + Duration::from_millis(*after), Task::Say((*line).to_owned()));
        }
    }

    /// The storage is full.
    pub(super) fn tell_full(&mut self, storage: StorageName) {
        let line = self.profile().full.replace("{storage}", storage.text());
        // The standard's own way has to be asked for.
        if self.attributes.events || !line.starts_with("+CIEV") {
            self.say(&line);
        }
    }
}
