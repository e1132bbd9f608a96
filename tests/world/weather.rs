//! What goes wrong, and for how long: with each modem, with the daemon, with the clock. Every fault ends by itself, and
//! all of them when the bad times are over.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use smsotpd::ids::ModemName;
use smsotpd::sim::{
    BrownOut, CardFault, Device, Event, EventKind, Fault, HangUp, ReportFault, SendResult, Standing, StorageName, Until,
};

use crate::dice::Dice;
use crate::people;
use crate::site::{PIN, Site};

/// So long may a message be under way that a modem was given before it was taken out of use.
const UNDER_WAY: Duration = Duration::from_secs(600);

/// The troubles of one modem.
pub(crate) async fn troubles(site: Arc<Site>, index: usize) {
    let mut dice = site.dice.of("weather", index);
    let (least, most) = *dice.one_of(&[(20, 3600), (300, 7200), (1800, 20_000)]);
    let device = site.devices[index].clone();
    while site.pass(dice.seconds(least, most)).await {
        let episode = Episode { site: &site, index, device: &device };
        match dice.below(20) {
            0..5 => episode.spoil(&mut dice, of_a_send),
            5 => episode.spoil(&mut dice, of_a_report),
            6 => episode.spoil(&mut dice, of_the_wire),
            7 => episode.silence(&mut dice).await,
            8 => episode.shake(&mut dice).await,
            9 => episode.lose_network(&mut dice).await,
            10 => episode.unplug(&mut dice).await,
            11 => episode.hold_reports(&mut dice).await,
            12 => episode.hold_prompts(&mut dice).await,
            13 => episode.write_bytewise(&mut dice).await,
            14 => episode.lock(&mut dice).await,
            15 => episode.refuse_all(&mut dice).await,
            16 => episode.talk_past(&mut dice).await,
            17 => episode.drain(&mut dice).await,
            18 => episode.clutter(&mut dice),
            _ => episode.mislead(&mut dice).await,
        }
    }
    device.recover();
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

    fn spoil(&self, dice: &mut Dice, draw: fn(&mut Dice) -> Fault) {
        let fault = draw(dice);
        let times = if dice.percent(50) { 1 } else { dice.from(2, 8) };
        self.note(format_args!("{times} x {fault:?}"));
        for _ in 0..times {
            self.device.faults().queue(fault.clone());
        }
    }

    /// The modem says nothing until something wakes it; at the latest somebody pulls the plug out of the wall.
    async fn silence(&self, dice: &mut Dice) {
        let until = match dice.below(6) {
            0 => Until::Escape,
            1 => Until::Reopened,
            2 => Until::Restart,
            3 => Until::Replugged,
            4 => Until::PowerCut,
            _ => Until::After(dice.seconds(1, 600)),
        };
        let fault = match dice.below(3) {
            0 => Fault::Mute { commands: vec!["+CMGS".to_owned()], until },
            1 => Fault::Swallow(dice.from(1, 5) as u16),
            _ => Fault::Silent(until),
        };
        self.note(format_args!("{fault:?}"));
        self.device.faults().queue(fault);
        self.site.obstruct(self.index, true);
        self.site.pass(dice.seconds(30, 3600)).await;
        self.note("its power is cut");
        self.device.cut_power(dice.time(100, 20_000));
        self.site.obstruct(self.index, false);
    }

    /// Its supply, its card, its storages.
    async fn shake(&self, dice: &mut Dice) {
        let fault = match dice.below(6) {
            0 | 1 => Fault::BrownOut(BrownOut { at: None, gone_for: dice.time(100, 60_000) }),
            2 => Fault::RestartGoneFor(dice.time(100, 60_000)),
            3 => Fault::Card(CardFault::Busy(dice.seconds(1, 120))),
            4 => Fault::Card(CardFault::Removed),
            _ => Fault::Card(CardFault::Failure),
        };
        self.note(format_args!("{fault:?}"));
        self.device.faults().queue(fault);
        self.site.obstruct(self.index, true);
        self.site.pass(dice.seconds(1, 1800)).await;
        self.note("its card is put in again");
        self.device.faults().queue(Fault::Card(CardFault::Sound));
        self.device.faults().queue(Fault::Card(CardFault::Inserted { iccid: None, imsi: None }));
        self.site.obstruct(self.index, false);
    }

    async fn lose_network(&self, dice: &mut Dice) {
        // 0 to 11 of 3GPP TS 27.007 §7.2; some of them are as good as home.
        let cause = dice.percent(50).then(|| dice.from(2, 33) as u8);
        let state = if dice.percent(70) {
            Standing { cause, ..Standing::all(dice.below(12) as u8) }
        } else {
            let mut stat = || Some(dice.below(12) as u8);
            Standing { creg: stat(), cgreg: stat(), cereg: stat(), cause }
        };
        self.note(format_args!("the network: {state:?}"));
        self.device.faults().queue(Fault::Standing(state));
        self.site.obstruct(self.index, true);
        self.site.pass(dice.seconds(1, 7200)).await;
        let home = Standing::all(*dice.one_of(&[1, 1, 1, 5, 6, 7]));
        self.note(format_args!("the network: {home:?}"));
        self.device.faults().queue(Fault::Standing(home));
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

    /// Its SIM asks for a PIN, which is the right one; or is locked to another network, or is none that it takes.
    async fn lock(&self, dice: &mut Dice) {
        let fault = match dice.below(4) {
            0 => CardFault::NetworkLock(true),
            1 => CardFault::Wrong,
            _ => CardFault::AsksPin { pin: PIN.to_owned() },
        };
        self.note(format_args!("{fault:?}"));
        self.device.faults().queue(Fault::Card(fault));
        self.site.obstruct(self.index, true);
        for _ in 0..dice.below(4) {
            self.site.pass(dice.seconds(1, 1200)).await;
            if dice.percent(50) {
                self.note("the modem starts anew");
                self.device.cut_power(dice.time(100, 20_000));
            }
        }
        self.note("its card is as it was");
        self.device.faults().queue(Fault::Card(CardFault::Sound));
        self.device.cut_power(dice.time(100, 20_000));
        self.site.obstruct(self.index, false);
    }

    /// The network takes nothing, or somebody rings, or hardly anything gets through.
    async fn refuse_all(&self, dice: &mut Dice) {
        // A call ends by itself only.
        let time = dice.seconds(1, 500);
        let (fault, end) = match dice.below(4) {
            0 | 1 => (Fault::Barred(Some(*dice.one_of(&[8, 10, 21, 29, 50]))), Fault::Barred(None)),
            2 => (Fault::Call(time), Fault::None),
            _ => (Fault::Signal(*dice.one_of(&[0, 1, 99])), Fault::Signal(21)),
        };
        self.note(format_args!("{fault:?}"));
        self.device.faults().queue(fault);
        self.site.pass(time).await;
        self.note(format_args!("{end:?}"));
        self.device.faults().queue(end);
    }

    /// Nobody understands the other: another speed, an unfinished message of a program that died, pieces.
    async fn talk_past(&self, dice: &mut Dice) {
        let fault = match dice.below(3) {
            0 => Fault::WrongBaud(9600),
            1 => Fault::LeftInPrompt,
            _ => Fault::Pieces { bytes: dice.from(1, 5) as u16, every: dice.time(1, 20) },
        };
        self.note(format_args!("{fault:?}"));
        self.device.faults().queue(fault);
        self.site.obstruct(self.index, true);
        self.site.pass(dice.seconds(1, 1800)).await;
        self.note("it talks as it did");
        self.device.faults().clear();
        self.site.obstruct(self.index, false);
    }

    /// Its storages are full, of what somebody wrote or of old reports.
    fn clutter(&self, dice: &mut Dice) {
        let storage = *dice.one_of(&[StorageName::Sim, StorageName::Equipment, StorageName::Reports]);
        self.note(format_args!("{storage:?} is full"));
        self.device.faults().queue(Fault::Full(storage));
    }

    /// Somebody takes it out of use, and back. With one modem only: with several, those who wait to hear of it are woken
    /// by lot.
    async fn drain(&self, dice: &mut Dice) {
        if self.site.devices.len() > 1 {
            return;
        }
        let name: ModemName = format!("m{}", self.index).parse().unwrap();
        while let Err(error) = self.site.door().await.store.drain(&name, &"caretaker".parse().unwrap()).await {
            people::try_again(self.site, &error).await;
        }
        self.note("is taken out of use");
        let since = self.site.clock.now();
        self.site.pass(dice.seconds(1, 7200)).await;
        self.site.blame_sends(self.index, since + UNDER_WAY);
        while let Err(error) = self.site.door().await.store.resume(&name, &"caretaker".parse().unwrap()).await {
            people::try_again(self.site, &error).await;
        }
        self.note("is in use again");
    }

    /// In some worlds: the TP-MR jumps, or another SIM is put in. Then a report may be about another message than it
    /// seems, and nobody can tell.
    async fn mislead(&self, dice: &mut Dice) {
        if !self.site.misleads {
            return self.clutter(dice);
        }
        match dice.below(4) {
            0 => {
                let on = dice.percent(50);
                self.note(format_args!("its TP-MR starts anew with it: {on}"));
                self.device.faults().queue(Fault::ReferenceRestarts(on));
            }
            1 => self.device.faults().queue(Fault::NextReference(*dice.one_of(&[0, 253, 255]))),
            _ => self.swap_card(dice).await,
        }
    }

    /// Another SIM is put in, in a modem with power or without.
    async fn swap_card(&self, dice: &mut Dice) {
        let (socket, off) = (&self.site.sockets[self.index], dice.percent(50));
        self.note(format_args!("another SIM, without power: {off}"));
        self.site.obstruct(self.index, true);
        if off {
            socket.plug(false);
        }
        self.device.faults().queue(Fault::Card(CardFault::Removed));
        self.site.pass(dice.seconds(1, 600)).await;
        let (iccid, imsi) = self.site.next_card(self.index);
        self.device.faults().queue(Fault::Card(CardFault::Inserted { iccid: Some(iccid), imsi: Some(imsi) }));
        if off {
            socket.plug(true);
        }
        self.note("another SIM is in");
        self.site.obstruct(self.index, false);
    }

    async fn write_bytewise(&self, dice: &mut Dice) {
        self.note("writes bytewise");
        self.device.faults().write_bytewise(true);
        self.site.pass(dice.seconds(10, 3600)).await;
        self.note("writes in one piece");
        self.device.faults().write_bytewise(false);
    }
}

fn of_a_send(dice: &mut Dice) -> Fault {
    const CAUSES: [u16; 20] = [8, 21, 27, 28, 30, 38, 41, 42, 47, 50, 69, 96, 111, 302, 304, 310, 331, 332, 500, 513];
    let submitted = dice.percent(50);
    match dice.below(18) {
        0 => Fault::SilentBeforePrompt,
        1..4 => Fault::SilentAfterCtrlZ { submitted },
        4 => Fault::CmsError(*dice.one_of(&CAUSES)),
        5 => Fault::CmsText((*dice.one_of(&["", "Unknown error", "SIM busy"])).to_owned()),
        6 => Fault::HangUp(HangUp::BeforePrompt),
        7 => Fault::HangUp(HangUp::AfterPrompt),
        8 => Fault::HangUp(HangUp::AfterCtrlZ { submitted }),
        9 => Fault::PromptAfter(dice.time(100, 30_000)),
        10 => Fault::MalformedPrompt("\r\n\r \n >  \r\n".to_owned()),
        11 => Fault::LineAtPrompt((*dice.one_of(&LINES)).to_owned()),
        12 => Fault::StuckPrompt,
        13 => Fault::SendResult(SendResult::Missing),
        14 => Fault::SendResult(SendResult::Twice),
        15 => Fault::SendResult(SendResult::Late(dice.seconds(1, 300))),
        16 => Fault::NetworkRefuses { code: *dice.one_of(&[38, 41, 42, 47]), sends: dice.from(1, 4) as u16 },
        _ => {
            let at = *dice.one_of(&[HangUp::BeforePrompt, HangUp::AfterPrompt, HangUp::AfterCtrlZ { submitted }]);
            Fault::BrownOut(BrownOut { at: Some(at), gone_for: dice.time(100, 30_000) })
        }
    }
}

fn of_a_report(dice: &mut Dice) -> Fault {
    match dice.below(6) {
        0 => Fault::AnnouncesTwice,
        1 => Fault::Report(ReportFault::Early),
        2 => Fault::Report(ReportFault::Twice),
        3 => Fault::Report(ReportFault::Never),
        4 => Fault::Report(ReportFault::OutOfOrder),
        _ => Fault::Report(ReportFault::Late(dice.seconds(1, 1800))),
    }
}

/// What modems say by themselves, and nobody asked for.
const LINES: [&str; 10] = [
    "RING",
    "+CREG: 1",
    "NO CARRIER",
    "^RSSI: 17",
    "+CMTI: \"SM\",7",
    "",
    "+CUSD: 0",
    "ERROR?",
    "OK.",
    "^BOOT:1,0,0,0,71",
];

fn of_the_wire(dice: &mut Dice) -> Fault {
    const COMMANDS: [&str; 11] =
        ["+CMGS", "+CNMA", "+CPMS", "+CMGR", "+CMGD", "+CSQ", "+COPS", "+CREG", "+CNMI", "+CPIN", "+CMMS"];
    let command = (*dice.one_of(&COMMANDS)).to_owned();
    match dice.below(10) {
        0 => Fault::Storm { line: "^BOOT:{n},0,0,0,71".to_owned(), times: 50, every: dice.time(1, 200) },
        1 => Fault::Garbage(dice.from(1, 60) as u16),
        2 => Fault::Garbled(dice.seconds(1, 30)),
        3 => Fault::EchoOn,
        4 => Fault::LineWithinEcho((*dice.one_of(&LINES)).to_owned()),
        5 => Fault::Delay { command, seconds: dice.time(100, 60_000), times: dice.from(1, 3) as u16 },
        6 => Fault::Refuse { command, cme_error: *dice.one_of(&[None, Some(3), Some(4), Some(14), Some(100)]) },
        7 => Fault::DeletesNothing(dice.from(1, 4) as u16),
        _ => Fault::LineWithin { command, line: (*dice.one_of(&LINES)).to_owned() },
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
