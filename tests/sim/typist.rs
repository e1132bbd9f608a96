//! Somebody who types at the modem and reads what it answers.

use std::time::Duration;

use smsotpd::ids::MessageReference;
use smsotpd::pdu::{self, Address, Frame, ProtocolId, Submit};
use smsotpd::phone::PhoneNumber;
use smsotpd::sim::{Carrier, CarrierSettings, Device, DeviceSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;

/// Longer than anything here may take; by the paused clock.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);

pub(crate) fn number(digits: &str) -> PhoneNumber {
    PhoneNumber::from_digits(digits).unwrap()
}

pub(crate) fn alice() -> PhoneNumber {
    number("15551234567")
}

/// A network that takes 1 s to accept a message and 2 s to carry it.
pub(crate) fn carrier() -> Carrier {
    Carrier::new(CarrierSettings::default())
}

pub(crate) fn device(carrier: &Carrier) -> Device {
    Device::new(DeviceSettings::default(), carrier.clone())
}

/// An SMS-SUBMIT that asks for a report, has no validity period, and is otherwise plain.
pub(crate) fn submit(to: &PhoneNumber, user_data: pdu::UserData) -> Submit {
    Submit {
        reject_duplicates: false,
        status_report: true,
        reply_path: false,
        reference: MessageReference(0),
        destination: Address::from(to),
        protocol: ProtocolId::ORDINARY,
        class: None,
        validity: None,
        user_data,
    }
}

pub(crate) struct Typist {
    port: DuplexStream,
    seen: Vec<u8>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Typist {
    /// Plugs the modem in and leaves its settings as they are after power-up.
    pub(crate) fn plug(device: &Device) -> Self {
        let (port, modem_side) = tokio::io::duplex(64 * 1024);
        let device = device.clone();
        let serving = tokio::spawn(async move { device.serve(modem_side).await });
        Self { port, seen: Vec::new(), serving }
    }

    /// Plugs the modem in, switches echo off and numbers for errors on.
    pub(crate) async fn ready(device: &Device) -> Self {
        let mut typist = Self::plug(device);
        typist.at("E0+CMEE=1").await;
        typist
    }

    /// Plugs the modem in, waits until it has started and said all it has to say, and makes it ready.
    pub(crate) async fn booted(device: &Device) -> Self {
        let mut typist = Self::plug(device);
        typist.after(Duration::from_secs(90)).await;
        for command in ["E0", "+CMEE=1", "^CURC=0", "+CPMS?"] {
            typist.write(format!("AT{command}\r")).await;
            typist.after(Duration::from_secs(10)).await;
        }
        typist
    }

    /// Types a command; gives the last line of what comes within a second.
    pub(crate) async fn last_of(&mut self, command: &str) -> String {
        self.write(format!("AT{command}\r")).await;
        lines(&self.after(Duration::from_secs(1)).await).pop().unwrap_or_default()
    }

    /// Sends a text of one part whatever the prompt looks like; gives the answer.
    pub(crate) async fn send_unprompted(&mut self, to: &PhoneNumber, text: &str) -> Vec<String> {
        let submit = submit(to, pdu::segment(text, 0).unwrap().remove(0));
        let frame = Frame { service_centre: None, tpdu: submit.encode().unwrap() };
        self.write(format!("AT+CMGS={}\r", frame.length())).await;
        assert!(self.after(Duration::from_secs(1)).await.contains('>'));
        self.write(format!("{}\x1a", frame.to_hex().unwrap())).await;
        self.result().await
    }

    /// Pulls the plug and waits until the modem is without power.
    pub(crate) async fn unplug(self) {
        drop(self.port);
        self.serving.await.unwrap().unwrap();
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.port.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Types `AT`, the command and a return; gives the lines up to the final result, with it.
    pub(crate) async fn at(&mut self, command: &str) -> Vec<String> {
        self.write(format!("AT{command}\r")).await;
        self.result().await
    }

    /// Types a command that succeeds; gives its only line of information.
    pub(crate) async fn ask(&mut self, command: &str) -> String {
        let lines = self.at(command).await;
        assert_eq!((lines.len(), lines.last().map(String::as_str)), (2, Some("OK")), "{command}: {lines:?}");
        lines[0].clone()
    }

    /// The lines up to the next final result, with it.
    pub(crate) async fn result(&mut self) -> Vec<String> {
        let text = self
            .read_while(|text| {
                text.ends_with("\r\nOK\r\n")
                    || text.trim_end().lines().last().is_some_and(|line| text.ends_with('\n') && line.contains("ERROR"))
            })
            .await;
        lines(&text)
    }

    /// What comes up to the end of this text, with it.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        self.read_while(|text| text.ends_with(end)).await
    }

    /// The next unsolicited line that starts so, and the line after it where there are `lines` of them.
    pub(crate) async fn indication(&mut self, start: &str, count: usize) -> Vec<String> {
        let is_whole = |text: &str| lines(text).len() == count && text.ends_with("\r\n");
        let found = lines(&self.read_while(is_whole).await);
        assert!(found[0].starts_with(start), "{found:?}");
        found
    }

    /// What has come after this time and was not read yet.
    pub(crate) async fn after(&mut self, time: Duration) -> String {
        let mut buffer = [0; 4096];
        let deadline = tokio::time::Instant::now() + time;
        while let Ok(Ok(count @ 1..)) = tokio::time::timeout_at(deadline, self.port.read(&mut buffer)).await {
            self.seen.extend(&buffer[..count]);
        }
        String::from_utf8_lossy(&std::mem::take(&mut self.seen)).into_owned()
    }

    /// Whether the port ends after what has been read.
    pub(crate) async fn is_gone(&mut self) -> bool {
        let mut buffer = [0; 4096];
        loop {
            match self.port.read(&mut buffer).await {
                Ok(0) | Err(_) => return true,
                Ok(count) => self.seen.extend(&buffer[..count]),
            }
        }
    }

    /// Types `AT+CMGS`, waits for the prompt, and types the PDU with its Ctrl-Z.
    pub(crate) async fn type_pdu(&mut self, submit: &Submit) {
        let frame = Frame { service_centre: None, tpdu: submit.encode().unwrap() };
        self.write(format!("AT+CMGS={}\r", frame.length())).await;
        self.until("\r\n> ").await;
        self.write(format!("{}\x1a", frame.to_hex().unwrap())).await;
    }

    /// Sends a text in as many parts as it takes; gives the answers.
    pub(crate) async fn send(&mut self, to: &PhoneNumber, text: &str) -> Vec<Vec<String>> {
        let mut answers = Vec::new();
        for part in pdu::segment(text, 7).unwrap() {
            self.type_pdu(&submit(to, part)).await;
            answers.push(self.result().await);
        }
        answers
    }

    async fn read_while(&mut self, is_done: impl Fn(&str) -> bool) -> String {
        let mut buffer = [0; 1];
        loop {
            let text = String::from_utf8_lossy(&self.seen).into_owned();
            if !text.is_empty() && is_done(&text) {
                self.seen.clear();
                return text;
            }
            match tokio::time::timeout(FOR_EVER, self.port.read(&mut buffer)).await {
                Ok(Ok(1)) => self.seen.push(buffer[0]),
                end => panic!("{end:?} after {text:?}"),
            }
        }
    }
}

fn lines(text: &str) -> Vec<String> {
    text.split(['\r', '\n']).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}
