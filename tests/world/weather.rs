//! What goes wrong, and for how long: with each modem, with the daemon, with the clock. Every fault ends by itself, and
//! all of them when the bad times are over.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use smsotpd::sim::{Device, Event, EventKind, Fault, HangUp, Registration};

use crate::dice::Dice;
use crate::site::Site;

/// The troubles of one modem.
pub(crate) async fn troubles(site: Arc<Site>, index: usize) {
    let mut dice = site.dice.of("weather", index);
    let (least, most) = *dice.one_of(&[(20, 3600), (300, 7200), (1800, 20_000)]);
    let device = site.devices[index].clone();
    while site.pass(dice.seconds(least, most)).await {
        let episode = Episode { site: &site, index, device: &device };
        match dice.below(10) {
            0..5 => episode.spoil_sending(&mut dice),
            5 => episode.lose_network(&mut dice).await,
            6 => episode.unplug(&mut dice).await,
            7 => episode.hold_reports(&mut dice).await,
            8 => episode.hold_prompts(&mut dice).await,
            _ => episode.write_bytewise(&mut dice).await,
        }
    }
    device.faults().clear();
}

/// One trouble of one modem.
struct Episode<'a> {
    site: &'a Site,
    index: usize,
    device: &'a Device,
}

impl Episode<'_> {
    fn note(&self, what: impl std::fmt::Display) {
        self.site.note(format_args!("m{}: {what}", self.index));
    }

    fn spoil_sending(&self, dice: &mut Dice) {
        let fault = fault(dice);
        let times = if dice.percent(50) { 1 } else { dice.from(2, 8) };
        self.note(format_args!("{times} x {fault:?}"));
        for _ in 0..times {
            self.device.faults().queue(fault.clone());
        }
    }

    async fn lose_network(&self, dice: &mut Dice) {
        let state = *dice.one_of(&[Registration::Off, Registration::Searching, Registration::Denied]);
        self.note(format_args!("the network: {state:?}"));
        self.device.register(state);
        self.site.obstruct(self.index, true);
        self.site.pass(dice.seconds(1, 7200)).await;
        let home = *dice.one_of(&[Registration::Home, Registration::Roaming]);
        self.note(format_args!("the network: {home:?}"));
        self.device.register(home);
        self.site.obstruct(self.index, false);
    }

    async fn unplug(&self, dice: &mut Dice) {
        let socket = &self.site.sockets[self.index];
        for _ in 0..dice.from(1, 4) {
            self.note("unplugged");
            socket.plug(false);
            self.site.obstruct(self.index, true);
            let more = self.site.pass(dice.time(50, 3_600_000)).await;
            self.note("plugged in");
            socket.plug(true);
            self.site.obstruct(self.index, false);
            if !more || !self.site.pass(dice.seconds(1, 300)).await {
                return;
            }
        }
    }

    async fn hold_reports(&self, dice: &mut Dice) {
        self.note("reports are held");
        self.device.hold_reports(true);
        self.site.obstruct(self.index, true);
        self.site.pass(dice.seconds(1, 1800)).await;
        self.note("reports are let go");
        self.device.hold_reports(false);
        self.site.obstruct(self.index, false);
    }

    async fn hold_prompts(&self, dice: &mut Dice) {
        self.note("prompts are held");
        self.device.hold_prompts(true);
        self.site.pass(dice.time(500, 120_000)).await;
        self.note("prompts are let go");
        self.device.hold_prompts(false);
    }

    async fn write_bytewise(&self, dice: &mut Dice) {
        self.note("writes bytewise");
        self.device.faults().write_bytewise(true);
        self.site.pass(dice.seconds(10, 3600)).await;
        self.note("writes in one piece");
        self.device.faults().write_bytewise(false);
    }
}

fn fault(dice: &mut Dice) -> Fault {
    let submitted = dice.percent(50);
    match dice.below(9) {
        0 => Fault::SilentBeforePrompt,
        1 | 2 => Fault::SilentAfterCtrlZ { submitted },
        3 => Fault::CmsError(
            *dice.one_of(&[8, 21, 27, 28, 30, 38, 41, 42, 47, 50, 69, 96, 111, 302, 304, 310, 331, 332, 500, 513]),
        ),
        4 => Fault::HangUp(HangUp::BeforePrompt),
        5 => Fault::HangUp(HangUp::AfterPrompt),
        6 => Fault::HangUp(HangUp::AfterCtrlZ { submitted }),
        7 => {
            let commands =
                ["+CMGS", "+CNMA", "+CPMS", "+CMGR", "+CMGD", "+CSQ", "+COPS", "+CREG", "+CNMI", "+CPIN", "+CMMS"];
            let cme_error = *dice.one_of(&[None, Some(3), Some(4), Some(14), Some(100)]);
            Fault::Refuse { command: (*dice.one_of(&commands)).to_owned(), cme_error }
        }
        _ => {
            let commands = ["+CMGS", "+CMGS", "+CNMA", "+CSQ", "+COPS", ""];
            let lines = [
                "RING",
                "+CREG: 1",
                "NO CARRIER",
                "^RSSI: 17",
                "+CMTI: \"SM\",7",
                "",
                "+CUSD: 0",
                "ERROR?",
                "OK.",
                "^BOOT:1,0",
            ];
            Fault::LineWithin { command: (*dice.one_of(&commands)).to_owned(), line: (*dice.one_of(&lines)).to_owned() }
        }
    }
}

/// What befalls the daemon: it is killed or stopped, at any time or in the middle of something, and started again.
pub(crate) async fn fate(site: Arc<Site>) {
    let mut dice = site.dice.of("fate", 0);
    let (least, most) = *dice.one_of(&[(60, 7200), (600, 20_000), (3600, 60_000)]);
    while site.pass(dice.seconds(least, most)).await {
        let in_the_middle = dice.percent(70);
        if in_the_middle {
            let device = dice.one_of(&site.devices).clone();
            if !middle_of_something(&site, &device, &mut dice).await {
                continue;
            }
        }
        site.end(!in_the_middle && dice.percent(40)).await;
        let off = if dice.percent(70) { dice.time(10, 10_000) } else { dice.seconds(10, 3600) };
        site.pass(off).await;
        site.start().await;
    }
    site.start().await;
}

/// Waits for something to happen at this modem, and a few moments more.
async fn middle_of_something(site: &Site, device: &Device, dice: &mut Dice) -> bool {
    let mut events = device.events();
    let what = dice.below(6);
    let happens = |event: &EventKind| match what {
        0 => matches!(event, EventKind::Submitted { .. }),
        1 => matches!(event, EventKind::Answered { .. }),
        2 => matches!(event, EventKind::Body { .. }),
        3 => matches!(event, EventKind::Prompted),
        4 => matches!(event, EventKind::Unsolicited { name } if name.starts_with("+CDS")),
        _ => matches!(event, EventKind::Command { .. }),
    };
    let patience = tokio::time::sleep(Duration::from_secs(3600));
    tokio::pin!(patience);
    loop {
        let event = tokio::select! {
            biased;
            () = site.calm.cancelled() => return false,
            event = events.recv() => event,
            () = &mut patience => return false,
        };
        match event {
            Ok(Event { kind, .. }) if happens(&kind) => break,
            Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
            Err(_) => return false,
        }
    }
    for _ in 0..dice.below(30) {
        tokio::task::yield_now().await;
    }
    if dice.percent(50) {
        tokio::time::sleep(dice.time(1, 200)).await;
    }
    true
}

/// The wall clock is set right and wrong: by a time server, by hand, by a board without a battery.
pub(crate) async fn jumps(site: Arc<Site>) {
    let mut dice = site.dice.of("jumps", 0);
    while site.pass(dice.seconds(600, 40_000)).await {
        let by = match dice.below(4) {
            0 => SignedDuration::from_hours(50 * 365 * 24),
            1 => SignedDuration::from_hours(dice.from(1, 48) as i64),
            _ => SignedDuration::from_secs(dice.from(1, 600) as i64),
        };
        let by = if dice.percent(50) { by } else { -by };
        site.note(format_args!("the wall clock jumps by {} s", by.as_secs()));
        site.clock.jump_wall(by);
    }
}
