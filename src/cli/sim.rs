//! `smsotpd sim`: only the simulated modem, on a pseudo-terminal, for any program that speaks AT.

use std::io::BufRead as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use super::output::say;
use super::serve;
use crate::phone::PhoneNumber;
use crate::sim::{Arrival, Carrier, CarrierSettings, Device, DeviceSettings, Event, EventKind, Received, Terminal};

const AFTER_HELP: &str = "\
What the modem sends arrives on simulated phones and is shown here. To write to the modem, type a number and a text.
Ctrl-C unplugs the modem and removes the link.

Example, in two terminals:
  smsotpd sim --link /tmp/modem
  printf '[gammu]\\ndevice=/tmp/modem\\nconnection=at115200\\n' > /tmp/gammurc
  gammu -c /tmp/gammurc sendsms TEXT +15551234567 -text 'Hello'";

/// `smsotpd sim`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Make a link to the modem's port here; an old link is replaced
    #[arg(long, value_name = "PATH")]
    link: Option<PathBuf>,
    /// The modem's own number [default: +15550100000]
    #[arg(long, value_parser = PhoneNumber::parse)]
    number: Option<PhoneNumber>,
    /// How long the carrier takes to accept a message
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    submit_time: Duration,
    /// How long a message travels to the phone
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    delivery_time: Duration,
    /// The share of messages that never arrive, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    loss: f64,
    /// Decides which messages are lost
    #[arg(long, value_name = "NUMBER", default_value = "0")]
    seed: u64,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "write a number of seconds, for example 0.5")?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "write a number of seconds from 0 on".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| "write a number from 0 to 1".to_owned())
}

/// Runs the modem until Ctrl-C.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let asked = serve::asked_to_stop_or_left()?;
    let Args { link, number, submit_time, delivery_time, loss, seed } = args;
    let carrier = Carrier::new(CarrierSettings { submit_time, delivery_time, loss, seed });
    let mut settings = DeviceSettings::default();
    settings.number = number.unwrap_or(settings.number);
    let device = Device::new(settings, carrier.clone());
    let terminal = Terminal::open(link.as_deref()).with_context(|| match &link {
        Some(link) => format!("cannot put the modem at {}", link.display()),
        None => "cannot open a pseudo-terminal".to_owned(),
    })?;
    say!("The modem is at {}; its number is {}.", terminal.path().display(), device.settings().number.e164());
    say!("To write to it, type a number and a text: +15551234567 Hello. Ctrl-C unplugs it.");
    tokio::select! {
        served = device.serve(terminal) => served.context("the pseudo-terminal failed"),
        () = tell(&device, &carrier) => Ok(()),
        () = asked => Ok(()),
    }
}

/// Shows what happens, and passes on what the operator types.
async fn tell(device: &Device, carrier: &Carrier) {
    let (mut arrivals, mut events, mut typed) = (carrier.arrivals(), device.events(), typed_lines());
    loop {
        tokio::select! {
            arrival = arrivals.recv() => match arrival {
                Ok(arrival) => show(&arrival),
                Err(RecvError::Lagged(missed)) => say!("({missed} messages were too many to show)"),
                Err(RecvError::Closed) => return,
            },
            event = events.recv() => {
                if let Ok(Event { kind: EventKind::Submitted { reference, to: Some(to) }, .. }) = event {
                    say!("the modem sends message {reference} to {}", to.e164());
                }
            }
            Some(line) = typed.recv() => write_to_modem(device, carrier, line.trim()),
        }
    }
}

fn show(arrival: &Arrival) {
    let Received { from, text, class, replace_type, parts, .. } = &arrival.received;
    let class = class.map_or(String::new(), |class| format!(", {class:?}").to_lowercase());
    let replaces = replace_type.map_or(String::new(), |number| format!(", replace type {number}"));
    let parts = if *parts == 1 { String::new() } else { format!(", {parts} parts") };
    say!("on {} from {}{class}{replaces}{parts}:", arrival.to.e164(), from.e164());
    for line in text.expose().lines() {
        // A text comes from somebody else; it must not steer this terminal.
        say!("    {}", line.replace(char::is_control, "\u{fffd}"));
    }
}

fn write_to_modem(device: &Device, carrier: &Carrier, line: &str) {
    if line.is_empty() {
        return;
    }
    let (from, text) = line.split_once(' ').unwrap_or((line, ""));
    match PhoneNumber::parse(from) {
        Err(error) => say!("{from}: {error}"),
        Ok(from) => match carrier.handset(&from).send(&device.settings().number, text) {
            Ok(()) => say!("{} writes to the modem", from.e164()),
            Err(error) => say!("{error}"),
        },
    }
}

/// What the operator types, line by line. The thread stays behind in a read, which must not hold up the end.
fn typed_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
