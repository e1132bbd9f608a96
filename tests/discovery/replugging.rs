//! A modem that is pulled out and plugged in again as another port, over and over, in the middle of a load: the real
//! daemon, a real port each time, and what the handsets got against what the daemon says of every message.
#![allow(clippy::print_stderr, reason = "the figures are part of the result")]

use std::path::PathBuf;

use hyper::StatusCode;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use smsotpd::sim::{Bay, Event, EventKind, Fault, HangUp};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::site::{configure, quick};
use crate::support::{Daemon, Site, soon};
use crate::tree::Machine;

/// So many messages are accepted ahead of those that went out: there is always one under way.
const AHEAD: usize = 40;
/// Every so many messages, one carries a code: it may go out once more when it is in doubt.
const CODES: usize = 10;

/// What happens, all of it out of the seed but the exact time.
struct Load {
    replugs: u32,
    messages: usize,
    seed: u64,
}

/// When the modem is pulled out.
#[derive(Debug)]
enum Moment {
    /// At its nth command since it was plugged in: it is being found, or set up.
    Starting(u32),
    /// After so many messages, exactly there in the next one.
    Send(u32, HangUp),
    /// After so many messages, as something happens. What is on the wire then may arrive or not.
    Event(u32, &'static str, fn(&EventKind) -> bool),
}

impl Moment {
    fn draw(dice: &mut StdRng) -> Self {
        let messages = 1 + dice.next_u32() % 10;
        match dice.next_u32() % 12 {
            0 => Self::Starting(1 + dice.next_u32() % 40),
            1 | 2 => Self::Send(messages, HangUp::BeforePrompt),
            3 | 4 => Self::Send(messages, HangUp::AfterPrompt),
            5 | 6 => Self::Send(messages, HangUp::AfterCtrlZ { submitted: true }),
            7 => Self::Send(messages, HangUp::AfterCtrlZ { submitted: false }),
            8 => Self::Event(messages, "while the network has it", |kind| matches!(kind, EventKind::Submitted { .. })),
            9 => Self::Event(messages, "as it is answered", |kind| matches!(kind, EventKind::Answered { .. })),
            10 => Self::Event(messages, "as a report comes", |kind| matches!(kind, EventKind::Unsolicited { .. })),
            _ => Self::Event(messages, "at any command", is_command),
        }
    }
}

fn is_command(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Command { .. })
}

/// What has been accepted: the recipient, the message's id, whether it carries a code.
type Accepted = Vec<(String, String, bool)>;

/// The site, while all of it happens.
struct Scene {
    site: Site,
    machine: Machine,
    daemon: Daemon,
    key: String,
    bay: Bay,
}

impl Scene {
    async fn start() -> Self {
        let (site, machine) = (Site::unplugged(quick()), Machine::new());
        configure(&site, &machine);
        let path = site.folder.path().join("smsotpd.toml");
        let no_limits =
            "[sim-budget]\nper-minute = 0\nper-hour = 0\nper-day = 0\n[policy.default.limits]\nper-prefix-hour = 0\n";
        let text = std::fs::read_to_string(&path).unwrap() + no_limits;
        std::fs::write(&path, text).unwrap();
        let key = site.create_app("shop").await;
        let daemon = site.serve().await;
        let bay = Bay::new(site.device.clone());
        Self { site, machine, daemon, key, bay }
    }

    /// Has all messages accepted, a few ahead of what the modem has sent.
    async fn load(&self, messages: usize) -> Accepted {
        let room = Semaphore::new(AHEAD);
        let mut events = self.site.device.events();
        let make_room = async {
            loop {
                // A body in hand is a message that no longer waits.
                next(&mut events, "a message to go out", |kind| matches!(kind, EventKind::Body { .. })).await;
                room.add_permits(1);
            }
        };
        let accept = async {
            let mut accepted = Accepted::new();
            for n in 0..messages {
                room.acquire().await.unwrap().forget();
                let to = format!("+1555{:07}", 200_000 + n);
                let is_code = n.is_multiple_of(CODES);
                let (status, answer) = match is_code {
                    true => self.daemon.post("/v1/otp", &self.key, json!({ "to": to })).await,
                    false => {
                        let body = json!({ "to": to, "text": "The gate is open." });
                        self.daemon.post("/v1/messages", &self.key, body).await
                    }
                };
                assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
                let id = if is_code { &answer["message"]["id"] } else { &answer["id"] };
                accepted.push((to, id.as_str().unwrap().to_owned(), is_code));
            }
            accepted
        };
        tokio::select! {
            accepted = accept => accepted,
            () = make_room => unreachable!("it makes room for ever"),
        }
    }

    /// Plugs the modem in and pulls it out, each time as another port, and leaves it plugged in.
    async fn replug(&self, replugs: u32, dice: &mut StdRng) {
        let mut port = 0;
        for _ in 0..replugs {
            let mut events = self.site.device.events();
            self.plug(&mut port, dice).await;
            let moment = Moment::draw(dice);
            self.pull_out(&mut events, &moment).await;
            if dice.next_u32().is_multiple_of(4) {
                let is_away = |modems: &Value| modems["modems"][0]["state"] != "ready";
                self.daemon.until("/v1/modems", &self.key, is_away).await;
            }
        }
        self.plug(&mut port, dice).await;
    }

    async fn plug(&self, port: &mut u32, dice: &mut StdRng) {
        *port = (*port + 1 + dice.next_u32() % 7) % 8;
        let link = self.link(*port);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        self.bay.plug(Some(&link)).await.unwrap();
    }

    fn link(&self, port: u32) -> PathBuf {
        self.machine.links().join(format!("ttyUSB{port}"))
    }

    async fn pull_out(&self, events: &mut Receiver<Event>, moment: &Moment) {
        match *moment {
            Moment::Starting(commands) => {
                for _ in 0..commands {
                    next(events, "a command", is_command).await;
                }
            }
            Moment::Send(messages, hang_up) => {
                self.sends(events, messages).await;
                self.site.device.faults().queue(Fault::HangUp(hang_up));
                next(events, "the port to go", |kind| *kind == EventKind::Detached).await;
            }
            Moment::Event(messages, what, is_it) => {
                self.sends(events, messages).await;
                next(events, what, is_it).await;
            }
        }
        self.bay.unplug().await;
    }

    async fn sends(&self, events: &mut Receiver<Event>, messages: u32) {
        for _ in 0..messages {
            next(events, "a message to be sent", |kind| matches!(kind, EventKind::Answered { .. })).await;
        }
    }

    /// How one message ended; it must agree with what its handset got.
    async fn check(&self, (to, id, is_code): &(String, String, bool)) -> Ended {
        let doubts = |message: &Value| {
            let attempts = message["attempts"].as_array().unwrap();
            attempts.iter().filter(|attempt| attempt["outcome"] == "in_doubt").count()
        };
        let ended = |message: &Value| match message["status"].as_str().unwrap() {
            "queued" | "sending" => false,
            // A code goes out once more.
            "in_doubt" => !is_code || doubts(message) == 2,
            _ => true,
        };
        let message = self.daemon.until(&format!("/v1/messages/{id}"), &self.key, ended).await;
        let (doubts, is_sure) = (doubts(&message), message["status"] != "in_doubt");
        assert!(["sent", "delivered", "in_doubt"].iter().any(|end| message["status"] == *end), "lost: {message}");
        let handset = self.site.handset(to);
        if is_sure {
            soon(&format!("what was sent to arrive: {message}"), async {
                while handset.inbox().is_empty() {
                    tokio::task::yield_now().await;
                }
            })
            .await;
        }
        let arrived = handset.inbox().len();
        let most = if *is_code && doubts > 0 { 2 } else { 1 };
        assert!(arrived <= most, "received {arrived} times: {message}");
        Ended { arrived, doubts, is_sure }
    }
}

struct Ended {
    arrived: usize,
    doubts: usize,
    is_sure: bool,
}

/// Waits for an event of this kind. One that was missed because too many came is as good as any other.
async fn next(events: &mut Receiver<Event>, what: &str, is_it: impl Fn(&EventKind) -> bool) {
    soon(what, async {
        loop {
            match events.recv().await {
                Ok(event) if is_it(&event.kind) => return,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => unreachable!("the device is there"),
            }
        }
    })
    .await;
}

async fn replugged_under(Load { replugs, messages, seed }: Load) {
    let begun = std::time::Instant::now();
    let scene = Scene::start().await;
    let mut dice = StdRng::seed_from_u64(seed);
    let (accepted, ()) = tokio::join!(scene.load(messages), scene.replug(replugs, &mut dice));
    let mut ends = Vec::new();
    for message in &accepted {
        ends.push(scene.check(message).await);
    }
    let count = |is_it: fn(&Ended) -> bool| ends.iter().filter(|end| is_it(end)).count();
    let doubted = count(|end| end.doubts > 0);
    eprintln!(
        "seed {seed}: {replugs} replugs under {} messages in {} s: {doubted} were in doubt, {} still are, of which {} \
         arrived; {} codes arrived twice",
        ends.len(),
        begun.elapsed().as_secs(),
        count(|end| !end.is_sure),
        count(|end| !end.is_sure && end.arrived > 0),
        count(|end| end.arrived > 1),
    );
    assert_eq!(ends.len(), messages);
    assert!(doubted <= replugs as usize, "only a modem that is pulled out leaves doubt, and only about one message");
    let modems = scene.daemon.get("/v1/modems", &scene.key).await;
    assert_eq!(modems["modems"].as_array().map(Vec::len), Some(1), "{modems}");
    assert_eq!(modems["modems"][0]["state"], "ready", "{modems}");
    assert!(scene.daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modem_that_moves_from_port_to_port_under_load_loses_no_message_and_doubles_none() {
    replugged_under(Load { replugs: 10, messages: 100, seed: 1 }).await;
}

#[ignore = "takes two minutes"]
#[tokio::test(flavor = "multi_thread")]
async fn a_modem_that_moves_a_hundred_times_under_a_thousand_messages_loses_none_and_doubles_none() {
    replugged_under(Load { replugs: 100, messages: 1_000, seed: 2 }).await;
}
