//! `smsotpd sim`: only the simulated modem, on a pseudo-terminal, for any program that speaks AT.

use std::io::BufRead as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::UnixListener;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use super::output::say;
use super::serve;
use crate::phone::PhoneNumber;
use crate::sim::{
    Arrival, Bay, Carrier, CarrierSettings, Control, Device, DeviceSettings, Event, EventKind, Family, Faults,
    Received, Timed,
};

const AFTER_HELP: &str = "\
What the modem sends arrives on simulated phones and is shown here. To write to the modem, type a number and a text.
Ctrl-C unplugs the modem and removes the link.

A fault is one line of TOML or JSON, with @SECONDS before it when it is to happen later. In a file for --faults:
  # after ten seconds the firmware hangs until somebody sends ESC
  @10 silent = \"escape\"
  # the next send is refused, the one after it is not answered
  cms-error = 38
  silent-after-ctrl-z = { submitted = true }
  # the SIM asks for a PIN, and one try is left
  card = { asks-pin = { pin = \"1234\" } }
  {\"card\": {\"pin-tries\": 1}}

The control socket takes the same lines, and orders (plug, unplug, register, send, inbox...).
`help` lists them, `faults` shows a line for each fault.
Each line is answered by what it asked for, and then `ok`, or by `error: ...`.

Examples:
  smsotpd sim --link /tmp/modem
  printf '[gammu]\\ndevice=/tmp/modem\\nconnection=at115200\\n' > /tmp/gammurc
  gammu -c /tmp/gammurc sendsms TEXT +15551234567 -text 'Hello'

  smsotpd sim --link /tmp/modems/ttyUSB0 --family huawei --control /tmp/modem.control
  echo 'send +15551234567 Hello modem' | nc -N -U /tmp/modem.control
  echo 'brown-out = { gone-for = 5 }' | nc -N -U /tmp/modem.control
  echo 'plug ttyUSB3' | nc -N -U /tmp/modem.control

  smsotpd sim --link /tmp/modems/ttyUSB1 --index 1        a second modem, with a SIM of its own

  smsotpd sim --link /tmp/modem --seed 7        a bad day; the same one whenever you ask for it";

/// `smsotpd sim`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Make a link to the modem's port here, and its folder if there is none; an old link is replaced
    #[arg(long, value_name = "PATH")]
    link: Option<PathBuf>,
    /// Which of many modems: each of these numbers is another modem, with another SIM
    #[arg(long, value_name = "NUMBER", default_value = "0")]
    index: u16,
    /// The modem's own phone number [default: +15550100000, or one higher for each --index]
    #[arg(long, value_parser = PhoneNumber::parse)]
    number: Option<PhoneNumber>,
    /// Whose manners the modem has: generic, huawei, zte, quectel, simcom, sierra, telit, u-blox, cinterion
    #[arg(long, value_name = "NAME", default_value = "generic")]
    family: Family,
    /// Let the faults in this file happen, one on a line
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Take faults and orders on a unix socket here
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    /// How long the carrier takes to accept a message
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    submit_time: Duration,
    /// How long a message travels to the phone
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    delivery_time: Duration,
    /// The share of messages that never arrive, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    loss: f64,
    /// Draw faults and their moments from this number, and which messages are lost; the same number draws the same
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
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
    let mut faults = planned(&args)?.peekable();
    let Args { link, index, number, family, control, submit_time, delivery_time, loss, seed, .. } = args;
    let carrier = Carrier::new(CarrierSettings { submit_time, delivery_time, loss, seed: seed.unwrap_or_default() });
    let mut settings = DeviceSettings::of(family, index);
    settings.number = number.unwrap_or(settings.number);
    let device = Device::new(settings, carrier.clone());
    let events = device.events();
    // What is to happen at once has happened before anybody can open the port.
    while let Some(now) = faults.next_if(|timed| timed.after.is_zero()) {
        device.faults().queue(now.fault);
    }
    let bay = Bay::new(device.clone());
    let folder = link.as_deref().and_then(Path::parent).map_or_else(PathBuf::new, Path::to_owned);
    if !folder.as_os_str().is_empty() {
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let socket = control.as_deref().map(Socket::open).transpose()?;
    let path = bay.plug(link.as_deref()).await.with_context(|| match &link {
        Some(link) => format!("cannot put the modem at {}", link.display()),
        None => "cannot open a pseudo-terminal".to_owned(),
    })?;
    say!("The modem is at {}; its number is {}.", path.display(), device.settings().number.e164())?;
    say!("To write to it, type a number and a text: +15551234567 Hello. Ctrl-C unplugs it.")?;
    let orders = Control::new(bay.clone(), folder);
    let served = async {
        match &socket {
            Some(socket) => orders.serve(&socket.listener).await.context("the control socket failed"),
            None => std::future::pending().await,
        }
    };
    let suffered = async {
        device.suffer(faults).await;
        std::future::pending().await
    };
    let ended = tokio::select! {
        served = served => served,
        () = suffered => Ok(()),
        told = tell(&device, events, &carrier) => told,
        () = asked => Ok(()),
    };
    bay.unplug().await;
    ended
}

/// What is to happen: what the file says, or what the seed draws, or both in their order.
fn planned(args: &Args) -> anyhow::Result<Box<dyn Iterator<Item = Timed> + Send>> {
    let mut told = match &args.faults {
        None => Vec::new(),
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            Timed::read_all(&text).with_context(|| file.display().to_string())?
        }
    };
    told.sort_by_key(|timed| timed.after);
    let Some(seed) = args.seed else { return Ok(Box::new(told.into_iter())) };
    let (mut told, mut drawn) = (told.into_iter().peekable(), Faults::seeded(seed).peekable());
    Ok(Box::new(std::iter::from_fn(move || match (told.peek(), drawn.peek()) {
        (Some(first), Some(second)) if first.after <= second.after => told.next(),
        _ => drawn.next(),
    })))
}

/// The control socket, removed with its end.
struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    fn open(path: &Path) -> anyhow::Result<Self> {
        if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
            match std::os::unix::net::UnixStream::connect(path) {
                // A simulator that was killed leaves its socket behind.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path).with_context(|| format!("cannot replace {}", path.display()))?;
                }
                Err(error) => anyhow::bail!("cannot tell who uses {}: {error}", path.display()),
                Ok(_) => anyhow::bail!("{} is in use: something else listens there", path.display()),
            }
        }
        let listener = UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))?;
        Ok(Self { listener, path: path.to_owned() })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Shows what happens, and passes on what the operator types.
async fn tell(device: &Device, mut events: Receiver<Event>, carrier: &Carrier) -> anyhow::Result<()> {
    let (mut arrivals, mut typed) = (carrier.arrivals(), typed_lines());
    loop {
        tokio::select! {
            arrival = arrivals.recv() => match arrival {
                Ok(arrival) => show(&arrival)?,
                Err(RecvError::Lagged(missed)) => say!("({missed} messages were too many to show)")?,
                Err(RecvError::Closed) => return Ok(()),
            },
            event = events.recv() => {
                match event.map(|event| event.kind) {
                    Ok(EventKind::Submitted { reference, to: Some(to) }) => {
                        say!("the modem sends message {reference} to {}", to.e164())?;
                    }
                    Ok(EventKind::Detached) => say!("the modem is gone from its port")?,
                    _ => {}
                }
            }
            Some(line) = typed.recv() => write_to_modem(device, carrier, line.trim())?,
        }
    }
}

fn show(arrival: &Arrival) -> anyhow::Result<()> {
    let Received { from, text, class, replace_type, parts, .. } = &arrival.received;
    let class = class.map_or(String::new(), |class| format!(", {class:?}").to_lowercase());
    let replaces = replace_type.map_or(String::new(), |number| format!(", replace type {number}"));
    let parts = if *parts == 1 { String::new() } else { format!(", {parts} parts") };
    say!("on {} from {}{class}{replaces}{parts}:", arrival.to.e164(), from.e164())?;
    for line in text.expose().lines() {
        // A text comes from somebody else; it must not steer this terminal.
        say!("    {}", line.replace(char::is_control, "\u{fffd}"))?;
    }
    Ok(())
}

fn write_to_modem(device: &Device, carrier: &Carrier, line: &str) -> anyhow::Result<()> {
    if line.is_empty() {
        return Ok(());
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
