//! `smsotpd demo`: the whole daemon with a simulated modem, carrier and phone in one process.
//!
//! Everything but the radio is real: the database on disk, the serial port (a pseudo-terminal), the HTTP API, which
//! the story itself uses and which goes on serving afterwards.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use hyper::Method;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::app::new_key;
use super::client::{Caller, Place};
use super::otp::why_not;
use super::output::say;
use super::{log, serve};
use crate::config::Config;
use crate::daemon::{Daemon, Parts};
use crate::phone::PhoneNumber;
use crate::secret::ApiKey;
use crate::sim::{Carrier, CarrierSettings, Device, DeviceSettings, Handset, Received, Terminal};
use crate::store::{NewApp, Scope, Store};

const AFTER_HELP: &str = "\
Tells the story of one code, then stays a daemon that the printed curl commands reach, and shows what arrives on the \
simulated phones. Ctrl-C stops it and removes everything it made.

Example:
  smsotpd demo --once";

/// The number in the story. It belongs to nobody (555-01xx).
const NUMBER: &str = "+15550100123";

/// The address of a daemon that runs in earnest may be taken; then any free port does.
const USUAL_PORT: u16 = 8687;

/// A story in which nothing arrives is over after this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// `smsotpd demo`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The address to listen on [default: 127.0.0.1:8687, or any free port]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = own_address)]
    listen: Option<SocketAddr>,
    /// Tell the story and leave
    #[arg(long)]
    once: bool,
}

fn own_address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "write an address and a port, for example 127.0.0.1:8687")?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("the demo is for this machine alone; write 127.0.0.1 or [::1] and a port".to_owned())
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let _log = log::begin(false, "off")?;
    let asked = serve::asked_to_stop_or_left()?;
    let folder = Folder::make()?;
    let carrier = Carrier::new(CarrierSettings::default());
    let terminal = Terminal::open(Some(&folder.path().join("modem")))?;
    let device = Device::new(DeviceSettings::default(), carrier.clone());
    let radio = tokio::spawn(async move { device.serve(terminal).await });

    let config = configuration(folder.path(), args.listen).await?;
    let daemon = Daemon::start(&config, Parts::default()).await?;
    let key = make_app(&daemon.store).await?;
    let caller = Caller { place: Place::Address(daemon.address.to_string()), key: Some(key) };
    let story = tell(caller, carrier, daemon.address.to_string(), args.once);

    let mut told = Ok(());
    daemon
        // What is on the air goes with everything else.
        .run(Duration::ZERO, async {
            tokio::select! {
                () = asked => {}
                outcome = story => told = outcome,
            }
        })
        .await?;
    radio.abort();
    told.map(|()| ExitCode::SUCCESS)
}

/// The folder that holds everything the demo makes; it goes when the demo does.
struct Folder(std::path::PathBuf);

impl Folder {
    fn make() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("smsotpd-demo-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "the demo's folder could not be removed");
        }
    }
}

async fn configuration(folder: &Path, listen: Option<SocketAddr>) -> anyhow::Result<Config> {
    let listen = match listen {
        Some(listen) => listen,
        None => {
            let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, USUAL_PORT));
            let free = tokio::net::TcpListener::bind(usual).await.is_ok();
            if free { usual } else { SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) }
        }
    };
    let path = folder.join("smsotpd.toml");
    let folder = folder.display();
    let text = format!(
        "state-dir = \"{folder}/state\"\n\
         [http]\nlisten = \"{listen}\"\nsocket = \"{folder}/api.sock\"\n\
         [[modem]]\nname = \"demo\"\nport = \"{folder}/modem\"\n\
         [policy.default]\nbrand = \"Demo\"\n"
    );
    std::fs::write(&path, text)?;
    Ok(Config::load(Some(&path))?)
}

async fn make_app(store: &Store) -> anyhow::Result<ApiKey> {
    let key = new_key()?;
    let app = NewApp {
        name: "demo".parse()?,
        scopes: vec![Scope::Issue, Scope::Verify, Scope::Send, Scope::Read, Scope::Admin],
        policy: "default".to_owned(),
        key: store.site_key().key_digest(&key),
    };
    store.create_app(app).await?;
    Ok(key)
}

/// Tells the story of one code, then shows what else arrives.
async fn tell(caller: Caller, carrier: Carrier, address: String, once: bool) -> anyhow::Result<()> {
    let phone = carrier.handset(&PhoneNumber::parse(NUMBER)?);
    say!("A daemon, a modem, a carrier and a phone, all in this process; only the radio is not real.")?;
    say!()?;
    tokio::time::timeout(PATIENCE, one_code(&caller, &phone))
        .await
        .context("the code did not arrive; this should not happen")??;
    if once {
        return Ok(());
    }
    invite(&caller, &address)?;
    let mut arrivals = carrier.arrivals();
    loop {
        match arrivals.recv().await {
            Ok(arrival) => say!("  on {}  “{}”", arrival.to.e164(), arrival.received.text.expose())?,
            Err(RecvError::Lagged(missed)) => say!("  ({missed} messages were too many to show)")?,
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

async fn one_code(caller: &Caller, phone: &Handset) -> anyhow::Result<()> {
    let otp = caller.request(Method::POST, "/v1/otp", Some(json!({ "to": NUMBER }))).await?;
    let id = otp.get("id").and_then(Value::as_str).context("the answer has no id")?.to_owned();
    step("issued", format_args!("POST /v1/otp {{\"to\": \"{NUMBER}\"}}"))?;
    step("", format_args!("{id}"))?;
    step("on the air", format_args!("the modem gives it to the carrier"))?;
    let received = phone.next().await;
    step("on the phone", format_args!("“{}”", received.text.expose()))?;
    let code = code(&received).context("the text holds no code")?;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    for guess in [wrong, code.as_str(), code.as_str()] {
        let path = format!("/v1/otp/{id}/verify");
        let verdict = caller.request(Method::POST, &path, Some(json!({ "code": guess }))).await?;
        let verified = verdict.get("verified").and_then(Value::as_bool) == Some(true);
        if verified {
            step("verified", format_args!("{guess}"))?;
        } else {
            step("refused", format_args!("{guess}: {}", why_not(&verdict)))?;
        }
    }
    Ok(())
}

fn step(what: &str, said: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
    say!("  {what:<14}{said}")
}

/// The first run of digits in the text.
fn code(received: &Received) -> Option<String> {
    let text = received.text.expose();
    let start = text.find(|c: char| c.is_ascii_digit())?;
    Some(text[start..].chars().take_while(char::is_ascii_digit).collect())
}

fn invite(caller: &Caller, address: &str) -> anyhow::Result<()> {
    let key = caller.key.as_ref().map_or("", |key| key.expose());
    say!()?;
    say!("Now you. What arrives on a phone is shown here. In another terminal, send a code:")?;
    say!()?;
    say!("  KEY='X-API-Key: {key}'")?;
    say!("  JSON='Content-Type: application/json'")?;
    say!("  curl -s http://{address}/v1/otp -H \"$KEY\" -H \"$JSON\" -d '{{\"to\": \"+15550100124\"}}'")?;
    say!()?;
    say!("Put the id of the answer and the code from the phone in here:")?;
    say!()?;
    say!("  curl -s http://{address}/v1/otp/ID/verify -H \"$KEY\" -H \"$JSON\" -d '{{\"code\": \"CODE\"}}'")?;
    say!()?;
    say!("And see how the site is:")?;
    say!()?;
    say!("  curl -s http://{address}/v1/status -H \"$KEY\"")?;
    say!()?;
    say!("Ctrl-C stops it and leaves nothing behind.")?;
    say!()
}
