//! A small scripted modem and the task that owns it, over an in-memory port. The scripted modem knows nothing but the
//! lines it is told; it is no judge of PDUs beyond their type.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use smsotpd::clock::Clock;
use smsotpd::ids::{MessageId, MessageReference, SimId};
use smsotpd::modem::{
    Connecting, Connector, Event, Health, Io, Modem, Outcome, PinBook, Resetting, Rung, Settings, State, Submission,
    Surroundings, spawn,
};
use smsotpd::pdu::{Encoding, Frame, Submit};
use smsotpd::phone::PhoneNumber;
use smsotpd::secret::Text;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A report on message 17 to +15551234567, delivered; made by hand after 3GPP TS 23.040 §9.2.2.3.
pub(crate) const REPORT: &str = "0006110B915155214365F762900231153408629002311544080000";
pub(crate) const LENGTH: usize = REPORT.len() / 2 - 1;

/// A message to the modem from the short code 123; made by hand after 3GPP TS 23.040 §9.2.2.1.
pub(crate) const DELIVER: &str = "0004038121F300006290023115340803C7F71B";

/// What the scripted modem does with a message.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum OnSubmit {
    Take,
    Refuse(&'static str),
    /// The next one alone.
    RefuseOnce(&'static str),
    Silence,
    VanishAfterCtrlZ,
    VanishBeforePrompt,
    NoPrompt,
    /// This in place of the prompt.
    Decline(&'static str),
}

/// A card that wants its PIN.
pub(crate) struct Lock {
    pub(crate) pin: &'static str,
    pub(crate) tries: u8,
}

pub(crate) struct Script {
    lock: Option<Lock>,
    /// It goes away when it hears a line that begins like this.
    vanish_at: Option<&'static str>,
    /// What is answered to a line, final result and all; `OK` to what is not here.
    answers: HashMap<&'static str, String>,
    on_submit: OnSubmit,
    /// Every line, PDU and escape that arrived.
    heard: Vec<String>,
    plugged: bool,
    /// It prints this for ever and reads nothing.
    floods: Option<&'static [u8]>,
    /// It prints every line it hears, until it is told not to.
    pub(crate) echoes: bool,
    /// It answers with this, whatever it is asked.
    babbles: Option<&'static [u8]>,
    /// It does not answer until this has been done to it.
    deaf_until: Option<Rung>,
    /// How often its USB device was reset; `None` when it is on none.
    usb_resets: Option<usize>,
    /// It is there once its power has been cycled, which leaves this file behind.
    power: Option<PathBuf>,
    /// How often somebody tried to open its port.
    openings: usize,
    /// When it was opened.
    connects: Vec<tokio::time::Instant>,
    /// What the modem says by itself at the next opportunity.
    says: VecDeque<String>,
    reference: u8,
}

impl Script {
    /// What a modem with a locked card answers to this line, when it is another thing than usual.
    fn of_locked_card(&mut self, line: &str) -> Option<String> {
        let lock = self.lock.as_mut()?;
        match line {
            "AT+CPIN?" if lock.tries == 0 => Some("+CPIN: SIM PUK\r\n\r\nOK".to_owned()),
            "AT+CPIN?" => Some("+CPIN: SIM PIN\r\n\r\nOK".to_owned()),
            "AT+CPINR" if !self.answers.contains_key(line) => {
                Some(format!("+CPINR: SIM PIN,{},3\r\n+CPINR: SIM PUK,10,10\r\n\r\nOK", lock.tries))
            }
            "AT+CIMI" | "AT+CMGF=0" => Some("+CME ERROR: 11".to_owned()),
            _ if !line.starts_with("AT+CPIN=") => None,
            _ if line == format!("AT+CPIN=\"{}\"", lock.pin) => {
                self.lock = None;
                Some("OK".to_owned())
            }
            _ => {
                lock.tries = lock.tries.saturating_sub(1);
                Some("+CME ERROR: 16".to_owned())
            }
        }
    }
}

/// The scripted modem, from outside.
#[derive(Clone)]
pub(crate) struct Scripted {
    script: Arc<Mutex<Script>>,
    changed: watch::Sender<()>,
}

impl Scripted {
    pub(crate) fn new() -> Self {
        let answers = [
            ("AT+CGMI", "Example\r\n\r\nOK"),
            ("AT+CGMM", "EX-1\r\n\r\nOK"),
            ("AT+CGMR", "1.0\r\n\r\nOK"),
            ("AT+CGSN", "490154203237518\r\n\r\nOK"),
            ("AT+CPIN?", "+CPIN: READY\r\n\r\nOK"),
            ("AT+CCID", "+CCID: 8988211000000000001F\r\n\r\nOK"),
            ("AT+CIMI", "262011234567890\r\n\r\nOK"),
            ("AT+CMGF?", "+CMGF: 0\r\n\r\nOK"),
            ("AT+CNMI=?", "+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)\r\n\r\nOK"),
            ("AT+CPMS=?", "+CPMS: (\"SM\",\"SR\"),(\"SM\"),(\"SM\")\r\n\r\nOK"),
            ("AT+CSCA?", "+CSCA: \"+491710760000\",145\r\n\r\nOK"),
            ("AT+CREG?", "+CREG: 2,1,\"00C3\",\"1A2B\",7\r\n\r\nOK"),
            ("AT+COPS?", "+COPS: 0,0,\"Example Net\",7\r\n\r\nOK"),
            ("AT+CSQ", "+CSQ: 20,99\r\n\r\nOK"),
        ];
        let answers = answers.into_iter().map(|(line, answer)| (line, answer.to_owned())).collect();
        let script = Script {
            lock: None,
            vanish_at: None,
            answers,
            on_submit: OnSubmit::Take,
            heard: Vec::new(),
            plugged: true,
            floods: None,
            echoes: false,
            babbles: None,
            deaf_until: None,
            usb_resets: None,
            power: None,
            openings: 0,
            connects: Vec::new(),
            says: VecDeque::new(),
            reference: 16,
        };
        Self { script: Arc::new(Mutex::new(script)), changed: watch::Sender::new(()) }
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    pub(crate) fn answer(&self, line: &'static str, answer: &str) {
        self.script().answers.insert(line, answer.to_owned());
    }

    /// Puts a card in that wants this PIN.
    pub(crate) fn lock(&self, pin: &'static str, tries: u8) {
        self.script().lock = Some(Lock { pin, tries });
    }

    pub(crate) fn vanish_at(&self, line: &'static str) {
        self.script().vanish_at = Some(line);
    }

    pub(crate) fn unlock(&self) {
        self.script().lock = None;
    }

    pub(crate) fn tries_left(&self) -> u8 {
        self.script().lock.as_ref().map_or(3, |lock| lock.tries)
    }

    /// The PINs it was given.
    pub(crate) fn pins(&self) -> Vec<String> {
        self.heard()
            .iter()
            .filter_map(|line| Some(line.strip_prefix("AT+CPIN=\"")?.trim_end_matches('"').to_owned()))
            .collect()
    }

    pub(crate) fn on_submit(&self, what: OnSubmit) {
        self.script().on_submit = what;
    }

    pub(crate) fn say(&self, text: &str) {
        self.script().says.push_back(text.to_owned());
        self.changed.send_replace(());
    }

    pub(crate) fn plug(&self, plugged: bool) {
        self.script().plugged = plugged;
        self.changed.send_replace(());
    }

    /// Waits until the modem is plugged in.
    pub(crate) async fn plugged(&self) {
        let mut changed = self.changed.subscribe();
        while !self.script().plugged {
            changed.changed().await.unwrap();
        }
    }

    pub(crate) fn flood(&self, with: Option<&'static [u8]>) {
        self.script().floods = with;
        self.changed.send_replace(());
    }

    pub(crate) fn babble(&self, with: Option<&'static [u8]>) {
        self.script().babbles = with;
    }

    /// It answers nothing until this is done to it.
    pub(crate) fn deafen(&self, until: Rung) {
        self.script().deaf_until = Some(until);
    }

    pub(crate) fn is_deaf(&self) -> bool {
        self.script().deaf_until.is_some()
    }

    /// From now on its USB device can be reset.
    pub(crate) fn on_usb(&self) {
        self.script().usb_resets = Some(0);
    }

    pub(crate) fn usb_resets(&self) -> Option<usize> {
        self.script().usb_resets
    }

    pub(crate) fn powered_by(&self, file: PathBuf) {
        self.script().power = Some(file);
    }

    pub(crate) fn openings(&self) -> usize {
        self.script().openings
    }

    pub(crate) fn connects(&self) -> Vec<tokio::time::Instant> {
        self.script().connects.clone()
    }

    fn cure(&self, rung: Rung) {
        let mut script = self.script();
        if script.deaf_until == Some(rung) {
            script.deaf_until = None;
        }
    }

    pub(crate) fn heard(&self) -> Vec<String> {
        self.script().heard.clone()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.heard().iter().filter(|heard| *heard == line).count()
    }

    /// The messages it has been given.
    pub(crate) fn submits(&self) -> Vec<Submit> {
        let pdus = self.heard();
        let pdus = pdus.iter().filter_map(|heard| heard.strip_suffix('\u{1a}'));
        pdus.map(|hex| Submit::decode(&Frame::from_hex(hex).unwrap().tpdu).unwrap()).collect()
    }

    pub(crate) async fn serve(self, mut io: DuplexStream) {
        let mut changed = self.changed.subscribe();
        let mut line = Vec::new();
        loop {
            while let Some(text) = self.next_word() {
                io.write_all(format!("\r\n{text}\r\n").as_bytes()).await.unwrap();
            }
            if !self.script().plugged {
                return;
            }
            while let Some(with) = self.flooding() {
                if io.write_all(with).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
            tokio::select! {
                octet = io.read_u8() => match octet {
                    Ok(octet) => if let Some(answer) = self.hear(&mut line, octet) {
                        let babble = self.script().babbles;
                        // The other side may have gone; the next read tells.
                        let _ = io.write_all(babble.unwrap_or(answer.as_bytes())).await;
                    },
                    Err(_) => return,
                },
                _ = changed.changed() => {}
            }
        }
    }

    fn flooding(&self) -> Option<&'static [u8]> {
        self.script().floods
    }

    pub(crate) fn next_word(&self) -> Option<String> {
        self.script().says.pop_front()
    }

    pub(crate) fn hear(&self, line: &mut Vec<u8>, octet: u8) -> Option<String> {
        match octet {
            b'\r' => {
                let text = String::from_utf8(std::mem::take(line)).unwrap();
                if text == "AT+CFUN=1,1" {
                    self.cure(Rung::Restart);
                }
                if text.is_empty() {
                    return None;
                }
                let echo = if self.script().echoes { format!("{text}\r") } else { String::new() };
                if text == "ATE0V1" {
                    self.script().echoes = false;
                }
                self.obey(text).map(|answer| echo + &answer)
            }
            0x1b => {
                line.clear();
                self.script().heard.push("ESC".to_owned());
                None
            }
            0x1a => {
                line.push(octet);
                let pdu = String::from_utf8(std::mem::take(line)).unwrap();
                self.take(pdu)
            }
            other => {
                line.push(other);
                None
            }
        }
    }

    pub(crate) fn obey(&self, line: String) -> Option<String> {
        let mut script = self.script();
        if script.vanish_at.is_some_and(|start| line.starts_with(start)) {
            script.vanish_at = None;
            script.plugged = false;
            script.heard.push(line);
            return None;
        }
        if script.deaf_until.is_some() {
            script.heard.push(line);
            return None;
        }
        let answer = script.answers.get(line.as_str()).cloned().unwrap_or_else(|| "OK".to_owned());
        let answer = script.of_locked_card(&line).unwrap_or(answer);
        let send = line.starts_with("AT+CMGS=");
        script.heard.push(line);
        match script.on_submit {
            OnSubmit::VanishBeforePrompt if send => {
                script.plugged = false;
                None
            }
            OnSubmit::NoPrompt if send => None,
            OnSubmit::Decline(answer) if send => Some(format!("\r\n{answer}\r\n")),
            _ if send => Some("\r\n> ".to_owned()),
            _ => Some(format!("\r\n{answer}\r\n")),
        }
    }

    pub(crate) fn take(&self, pdu: String) -> Option<String> {
        let mut script = self.script();
        script.heard.push(pdu);
        script.reference += 1;
        match script.on_submit {
            OnSubmit::Take => Some(format!("\r\n+CMGS: {}\r\n\r\nOK\r\n", script.reference)),
            OnSubmit::Refuse(answer) => Some(format!("\r\n{answer}\r\n")),
            OnSubmit::RefuseOnce(answer) => {
                script.on_submit = OnSubmit::Take;
                Some(format!("\r\n{answer}\r\n"))
            }
            OnSubmit::VanishAfterCtrlZ => {
                script.plugged = false;
                None
            }
            OnSubmit::Silence | OnSubmit::VanishBeforePrompt | OnSubmit::NoPrompt | OnSubmit::Decline(_) => None,
        }
    }
}

/// Opens the scripted modem's port, while it is plugged in.
impl Connector for Scripted {
    fn connect(&mut self) -> Connecting<'_> {
        Box::pin(async move {
            self.script().openings += 1;
            self.cure(Rung::Reopen);
            if self.script().power.as_ref().is_some_and(|file| file.exists()) {
                self.cure(Rung::PowerCycle);
            }
            if !self.script().plugged {
                return Err(io::Error::from(io::ErrorKind::NotFound));
            }
            self.script().connects.push(tokio::time::Instant::now());
            let (here, there) = tokio::io::duplex(4096);
            tokio::spawn(self.clone().serve(there));
            Ok(Box::new(here) as Box<dyn Io>)
        })
    }

    fn reset_usb(&mut self) -> Resetting<'_> {
        Box::pin(async move {
            let resets = self.script().usb_resets.ok_or(io::ErrorKind::Unsupported)?;
            self.script().usb_resets = Some(resets + 1);
            self.cure(Rung::UsbReset);
            Ok(())
        })
    }
}

pub(crate) fn settings() -> Settings {
    Settings::at_port("m1".parse().unwrap(), "/dev/m1")
}

/// The task, its surroundings, and the modem.
pub(crate) struct World {
    pub(crate) scripted: Scripted,
    pub(crate) modem: Modem,
    pub(crate) clock: Clock,
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
    pub(crate) hurry: watch::Sender<bool>,
}

impl World {
    pub(crate) fn start(scripted: Scripted) -> Self {
        Self::over(Box::new(scripted.clone()), scripted)
    }

    /// The task over a port of its own kind, with this modem behind it.
    pub(crate) fn over(connector: Box<dyn Connector>, scripted: Scripted) -> Self {
        Self::with(connector, scripted, &settings(), PinBook::in_memory())
    }

    pub(crate) fn set(scripted: Scripted, settings: &Settings, pins: PinBook) -> Self {
        Self::with(Box::new(scripted.clone()), scripted, settings, pins)
    }

    fn with(connector: Box<dyn Connector>, scripted: Scripted, settings: &Settings, pins: PinBook) -> Self {
        let (clock, stop) = (Clock::simulated(), CancellationToken::new());
        let (sender, events) = mpsc::channel(4);
        let surroundings = Surroundings { clock: clock.clone(), events: sender, stop: stop.clone(), pins };
        let (modem, task) = spawn(settings, connector, surroundings);
        Self { scripted, modem, clock, events, stop, task, hurry: watch::Sender::new(false) }
    }

    /// Waits until this rung has been tried and it is known whether it helped.
    pub(crate) async fn tried(&self, rung: Rung) -> bool {
        let known = |health: &Health| health.recovery.filter(|last| last.rung == rung).and_then(|last| last.helped);
        known(&self.until(|health| known(health).is_some()).await).unwrap()
    }

    pub(crate) async fn ready() -> Self {
        let world = Self::start(Scripted::new());
        world.until(|health| health.state.is_ready()).await;
        world
    }

    pub(crate) async fn until(&self, wanted: impl FnMut(&Health) -> bool) -> Health {
        let mut health = self.modem.health();
        let reached = tokio::time::timeout(Duration::from_secs(3600), health.wait_for(wanted)).await;
        reached.expect("the modem never got there").unwrap().clone()
    }

    /// Waits for a state that names these words, and gives its reason and advice.
    pub(crate) async fn says(&self, words: &str) -> (String, String) {
        let said = |health: &Health| match &health.state {
            State::NotReady { reason, advice } => Some((reason.clone(), advice.clone())),
            State::Absent { reason } => Some((reason.clone(), String::new())),
            _ => None,
        };
        let health = self.until(|health| said(health).is_some_and(|(reason, _)| reason.contains(words))).await;
        said(&health).unwrap()
    }

    /// A message that is counted for the card that is in the modem now.
    pub(crate) fn message(&self, seconds: u64) -> Submission {
        Submission {
            message: MessageId::generate(),
            sim: self.modem.health().borrow().sim.clone().map_or(no_sim(), |sim| sim.id),
            to: PhoneNumber::parse("+15551234567").unwrap(),
            text: Text::new("123456 is your code.".to_owned()),
            encoding: Encoding::Gsm7,
            part: 0,
            concat_reference: 1,
            deadline: self.clock.now() + Duration::from_secs(seconds),
            class0: false,
            replace: None,
            waited_for: self.hurry.subscribe(),
        }
    }

    pub(crate) async fn submit(&self) -> Outcome {
        self.modem.submit(self.message(3600)).await
    }

    pub(crate) async fn heard(&self, line: &str) {
        self.heard_times(line, 1).await;
    }

    /// Waits until the modem has heard this line so often.
    pub(crate) async fn heard_times(&self, line: &str, times: usize) {
        for _ in 0..100_000 {
            if self.scripted.count(line) >= times {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{line} was never heard {times} times: {:?}", self.scripted.heard());
    }

    pub(crate) async fn report(&mut self) -> Event {
        tokio::time::timeout(Duration::from_secs(3600), self.events.recv()).await.expect("no report").unwrap()
    }
}

pub(crate) fn sent(reference: u8) -> Outcome {
    Outcome::Sent { reference: MessageReference(reference) }
}

pub(crate) fn printed_report() -> String {
    format!("+CDS: {LENGTH}\r\n{REPORT}")
}

/// A card that no modem has.
pub(crate) fn no_sim() -> SimId {
    SimId::from_stored("none".to_owned())
}
