//! The faults themselves, as values that serde reads and writes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::sim::storage::StorageName;

/// What goes wrong.
///
/// Some wait for their moment (the next send, the next such command, the next report) and befall it once, in the order
/// in which they were queued. The others happen at once; those that last say what ends them. [`super::Faults::clear`]
/// ends them all.
///
/// As text, a fault is a line of TOML or JSON: `cms-error = 38`, `silent = "escape"`,
/// `refuse = { command = "+CMMS", cme-error = 4 }`, `{"hang-up": "before-prompt"}`; times are seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    // The next send.
    /// The next send goes well: keeps the place for a fault behind it.
    None,
    /// The next `AT+CMGS` is swallowed: no prompt, no error.
    SilentBeforePrompt,
    /// The next prompt comes this much later.
    PromptAfter(#[serde(with = "seconds")] Duration),
    /// The next prompt looks like this.
    MalformedPrompt(String),
    /// This unsolicited line falls between the next prompt and the message.
    LineAtPrompt(String),
    /// The next prompt does not end with Ctrl-Z: everything is message, until ESC (over-long texts on Huawei do it).
    StuckPrompt,
    /// The next send is not answered.
    SilentAfterCtrlZ {
        /// Whether the carrier gets the message all the same.
        submitted: bool,
    },
    /// The next send is refused with this `+CMS ERROR` after Ctrl-Z; the carrier never sees it.
    CmsError(u16),
    /// The same with words, as after `AT+CMEE=2`; with nothing at all after `+CMS ERROR:` when empty.
    CmsText(String),
    /// The port disappears in the middle of the next send.
    HangUp(HangUp),
    /// The answer to the next send is not as it should be. The carrier has the message.
    SendResult(SendResult),
    /// The next sends are refused by the network: 38, 41, 42, 47…
    NetworkRefuses {
        /// The number of the `+CMS ERROR`.
        code: u16,
        /// How many sends.
        sends: u16,
    },

    // The next report.
    /// What happens to the report on the next message that goes out.
    Report(ReportFault),

    // The next such command.
    /// The next such command is refused and does nothing.
    Refuse {
        /// The command, for instance `+CMMS`.
        command: String,
        /// The number of the `+CME ERROR`; none for a plain `ERROR`.
        #[serde(default)]
        cme_error: Option<u16>,
    },
    /// The next such commands do nothing and end with this line: `COMMAND NOT SUPPORT`, `+CMS ERROR: SIM busy`…
    RefuseWith {
        /// The command.
        command: String,
        /// The whole final result.
        line: String,
        /// How often.
        #[serde(default = "once")]
        times: u16,
    },
    /// An unsolicited line falls between the information and the final result of the next answer to this command.
    LineWithin {
        /// The command, for instance `+CMGS`.
        command: String,
        /// The line, without line ends.
        line: String,
    },
    /// An unsolicited line falls into the echo of the next command.
    LineWithinEcho(String),
    /// The next answers to this command come this much later; the modem takes nothing else meanwhile.
    Delay {
        /// The command; empty for a bare `AT`.
        command: String,
        /// How much later.
        #[serde(with = "seconds")]
        seconds: Duration,
        /// How often.
        #[serde(default = "once")]
        times: u16,
    },
    /// The next `AT+CMGD` say OK and delete nothing.
    DeletesNothing(u16),
    /// The next `+CMTI` or `+CDSI` comes twice.
    AnnouncesTwice,

    // Silence.
    /// The next command lines are not answered and do nothing.
    Swallow(u16),
    /// Nothing is read and nothing is said.
    Silent(Until),
    /// These commands are never answered; all others are.
    Mute {
        /// The commands, for instance `+CMGS`.
        commands: Vec<String>,
        /// What ends it.
        until: Until,
    },
    /// The modem waits for a message already, as after a program that died in the middle of a send: only ESC, or a
    /// Ctrl-Z, gets it out.
    LeftInPrompt,

    // The wire.
    /// An unsolicited line, now.
    Line(String),
    /// Many, from now on.
    Storm {
        /// The line; `{n}` in it counts.
        line: String,
        /// How many.
        times: u16,
        /// The time between two.
        #[serde(with = "seconds")]
        every: Duration,
    },
    /// What is written comes in pieces of this many bytes.
    Pieces {
        /// The size of a piece.
        bytes: u16,
        /// The time between two.
        #[serde(with = "seconds", default)]
        every: Duration,
    },
    /// This many bytes of noise, now.
    Garbage(u16),
    /// Everything in both directions is noise for so long.
    Garbled(#[serde(with = "seconds")] Duration),
    /// Everything in both directions is noise unless the port is set to this many bits per second.
    WrongBaud(u32),
    /// Echo is on again.
    EchoOn,
    /// Lines that are longer than this are refused (Telit: 400).
    LongestLine(u16),

    // Power.
    /// The supply dips: the modem starts anew.
    BrownOut(BrownOut),
    /// The port is gone for so long after `AT+CFUN=1,1` (5 to 15 s with most), from now on.
    RestartGoneFor(#[serde(with = "seconds")] Duration),
    /// The TP-MR of the next message.
    NextReference(u8),
    /// Whether the TP-MR starts at 0 whenever the modem starts.
    ReferenceRestarts(bool),

    // Storages.
    /// The storage is filled up with messages, and the modem says so in its family's way.
    Full(StorageName),

    // The SIM.
    /// Something befalls the SIM.
    Card(CardFault),

    // The network.
    /// What the network says of the modem.
    Standing(Standing),
    /// `AT+CSQ`.
    Signal(u8),
    /// All sends are refused with this `+CMS ERROR` (8, 10, 21, 29, 50); none again with null.
    Barred(Option<u16>),
    /// Somebody rings for so long.
    Call(#[serde(with = "seconds")] Duration),
    /// Codes that the network answers (`AT+CUSD`) get no answer, or again.
    UssdSilent(bool),
}

/// When in a send the port disappears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum HangUp {
    /// `AT+CMGS` has come in, nothing was answered.
    BeforePrompt,
    /// The prompt was written.
    AfterPrompt,
    /// The message is complete, nothing was answered.
    AfterCtrlZ {
        /// Whether the carrier gets the message all the same.
        submitted: bool,
    },
}

/// How the answer to a send is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum SendResult {
    /// `OK` without `+CMGS:`.
    Missing,
    /// `+CMGS:` twice.
    Twice,
    /// This in the place of the number.
    Number(String),
    /// It comes this much after the network's answer.
    Late(#[serde(with = "seconds")] Duration),
}

/// What happens to a status report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ReportFault {
    /// It is as it should be: keeps the place for a fault behind it.
    None,
    /// It comes before `+CMGS:`.
    Early,
    /// It comes twice.
    Twice,
    /// It never comes.
    Never,
    /// It comes behind the report on a later message.
    OutOfOrder,
    /// It comes this much later.
    Late(#[serde(with = "seconds")] Duration),
}

/// What ends a silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Until {
    /// An ESC comes in.
    Escape,
    /// A program closes the port and opens it again, or the modem starts anew.
    Reopened,
    /// `AT+CFUN=1,1` comes in: it is obeyed.
    Restart,
    /// The modem is unplugged and plugged, or reset over USB.
    Replugged,
    /// The modem's power is cut: [`crate::sim::Device::cut_power`].
    PowerCut,
    /// So much time has gone by.
    After(#[serde(with = "seconds")] Duration),
}

/// The modem starts anew by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BrownOut {
    /// In the middle of the next send; now when left out.
    #[serde(default)]
    pub at: Option<HangUp>,
    /// How long the port is gone. Nothing: it stays, as a UART does, and only the boot is seen.
    #[serde(default, with = "seconds")]
    pub gone_for: Duration,
}

/// What befalls the SIM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum CardFault {
    /// It is taken out.
    Removed,
    /// It, or another one, is put in.
    Inserted {
        /// The other one's serial number.
        #[serde(default)]
        iccid: Option<String>,
        /// The other one's subscriber.
        #[serde(default)]
        imsi: Option<String>,
    },
    /// It does not answer yet: error 14.
    Busy(#[serde(with = "seconds")] Duration),
    /// It does not answer: error 13.
    Failure,
    /// It is not one that this modem takes: error 15.
    Wrong,
    /// It asks for a PIN from the next start on, and now.
    AsksPin {
        /// The right one.
        pin: String,
    },
    /// So many tries of the PIN are left (3 at most). With none the card asks for the PUK.
    PinTries(u8),
    /// So many tries of the PUK are left (10 at most). With none the card is dead.
    PukTries(u8),
    /// The modem works with another network's cards only: `PH-NET PIN`.
    NetworkLock(bool),
    /// It is whole, inside, and asks for nothing again.
    Sound,
}

/// What the network says of the modem: `<stat>` of each command, 0 to 11. What is left out stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Standing {
    /// `+CREG`, circuits.
    #[serde(default)]
    pub creg: Option<u8>,
    /// `+CGREG`, packets.
    #[serde(default)]
    pub cgreg: Option<u8>,
    /// `+CEREG`, LTE.
    #[serde(default)]
    pub cereg: Option<u8>,
    /// The cause of a denial, which `AT+CREG=3` shows.
    #[serde(default)]
    pub cause: Option<u8>,
}

impl Standing {
    /// The same everywhere.
    #[must_use]
    pub fn all(stat: u8) -> Self {
        Self { creg: Some(stat), cgreg: Some(stat), cereg: Some(stat), cause: None }
    }
}

const fn once() -> u16 {
    1
}

/// Times as seconds, whole or not.
mod seconds {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(time.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds).map_err(|_| D::Error::custom("a time is a number of seconds from 0 on"))
    }
}
