//! Orders to a simulated modem, one on a line: for a control socket, and for whoever types.
//!
//! Each line is answered by what it asked for, and then `ok`, or by `error: …`.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::bay::Bay;
use super::fault::{EXAMPLES, Standing, Timed};
use super::ussd::UssdAnswer;
use crate::phone::PhoneNumber;

/// The orders, for people.
const HELP: &str = "\
plug NAME           plug the modem in under this name, pulled out of the old one first
unplug              pull it out
cut-power SECONDS   cut its power for so long; 0: only the boot is seen
register STAT       what the network says of it: 0 to 11, as in +CREG
send FROM TEXT      write to it from the phone with this number
inbox [NUMBER]      what has arrived on the phones, or on this one, as JSON lines
ussd CODE TEXT      what the network answers to this code
clear               end the faults that wait or last
recover             the same, and mend the SIM and the registration
faults              a line for each fault there is, to copy from
anything else       a fault in TOML or JSON, with @SECONDS before it for later:
                    cms-error = 38 | @10 silent = \"escape\" | {\"card\": \"removed\"}";

/// Where orders to one modem go. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Control {
    bay: Bay,
    folder: PathBuf,
}

impl Control {
    /// For the modem at this place; `plug` makes its links in this folder.
    #[must_use]
    pub fn new(bay: Bay, folder: PathBuf) -> Self {
        Self { bay, folder }
    }

    /// Takes orders from whoever connects, for as long as it is polled.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn serve(&self, listener: &UnixListener) -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept().await?;
            // Whoever hangs up has had enough.
            tokio::spawn(self.clone().converse(stream));
        }
    }

    async fn converse(self, stream: UnixStream) -> io::Result<()> {
        let (reading, mut writing) = stream.into_split();
        let mut lines = BufReader::new(reading).lines();
        while let Some(line) = lines.next_line().await? {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let answer = match self.obey(line).await {
                Ok(lines) => lines.into_iter().map(|line| line + "\n").collect::<String>() + "ok\n",
                Err(error) => format!("error: {error}\n"),
            };
            writing.write_all(answer.as_bytes()).await?;
        }
        Ok(())
    }

    /// Carries out one order; gives what it asked for.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// In words for whoever gave the order.
    pub async fn obey(&self, line: &str) -> Result<Vec<String>, String> {
        let (verb, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (device, rest) = (self.bay.device(), rest.trim());
        match (verb, rest) {
            ("faults", "") => return Ok(EXAMPLES.map(str::to_owned).to_vec()),
            ("help", _) => return Ok(HELP.lines().map(str::to_owned).collect()),
            ("plug", "") => return Err("write a name: plug ttyUSB1".to_owned()),
            ("plug", name) => {
                let path = self.bay.plug(Some(&self.folder.join(name))).await.map_err(|error| error.to_string())?;
                return Ok(vec![path.display().to_string()]);
            }
            ("unplug", "") => self.bay.unplug().await,
            ("cut-power", time) => device.cut_power(seconds(time)?),
            ("register", stat) => device.stand(Standing::all(stat_of(stat)?)),
            ("send", rest) => self.write_to_modem(rest)?,
            ("inbox", number) => return self.inbox(number),
            ("ussd", rest) => {
                let (code, text) = rest.split_once(' ').ok_or("write a code and a text: ussd *100# You have 5 EUR")?;
                device.carrier().answer_ussd(code, UssdAnswer::plain(text));
            }
            ("clear", "") => device.faults().clear(),
            ("recover", "") => device.recover(),
            _ => {
                let timed = Timed::read(line).map_err(|error| error.to_string())?;
                if timed.after.is_zero() {
                    device.faults().queue(timed.fault);
                    return Ok(Vec::new());
                }
                let device = device.clone();
                tokio::spawn(async move { device.suffer([timed]).await });
            }
        }
        Ok(Vec::new())
    }

    fn write_to_modem(&self, order: &str) -> Result<(), String> {
        let (from, text) = order.split_once(' ').ok_or("write a number and a text: send +15551234567 Hello")?;
        let from = PhoneNumber::parse(from).map_err(|error| format!("{from}: {error}"))?;
        let device = self.bay.device();
        device.carrier().handset(&from).send(&device.settings().number, text).map_err(|error| error.to_string())
    }

    fn inbox(&self, number: &str) -> Result<Vec<String>, String> {
        let carrier = self.bay.device().carrier();
        let handsets = if number.is_empty() {
            carrier.handsets()
        } else {
            vec![carrier.handset(&PhoneNumber::parse(number).map_err(|error| format!("{number}: {error}"))?)]
        };
        let mut lines = Vec::new();
        for handset in handsets {
            for received in handset.inbox() {
                let text = received.text.expose();
                let message = json!({ "to": handset.number().e164(), "from": received.from.e164(), "text": text });
                lines.push(message.to_string());
            }
        }
        Ok(lines)
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "write a number of seconds from 0 on".to_owned())
}

fn stat_of(text: &str) -> Result<u8, String> {
    text.parse().ok().filter(|stat| *stat <= 11).ok_or_else(|| "write a number from 0 to 11: register 5".to_owned())
}
