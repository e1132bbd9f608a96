//! Any bytes, at any moment, in any pieces: the session gives the same results whether they arrive at once or one by
//! one, writes a PDU at most once for each message and only after a prompt, and settles each message at most once;
//! whatever family the modem is of, and whatever it says in its family's words.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use smsotpd::at::{CardNumber, Command, Counter, Domain, OPENING_TRIES, Output, Payload, Session, Unsolicited};
use smsotpd::modem::Profile;

const PDU: &str = "0011000B915155214365F70000AA05E8329BFD06";
const LIMIT: Duration = Duration::from_secs(180);
const ESCAPE: &[u8] = b"\x1b";

/// One session, fed in pieces of this size.
struct Side {
    session: Session,
    piece: usize,
    outputs: Vec<Output>,
}

impl Side {
    fn new(piece: usize) -> Self {
        Self { session: Session::new(), piece, outputs: Vec::new() }
    }

    fn act(&mut self, kind: u8, bytes: &[u8], now: Instant) {
        match kind % 9 {
            0 => self.session.handle_wake(OPENING_TRIES, now),
            1 => drop(self.session.handle_command(&any_command(bytes.len()), now)),
            2 => drop(self.session.handle_send(19, Payload::new(PDU.to_owned()).unwrap(), LIMIT, now)),
            3 => self.session.handle_timeout(now),
            4 => self.session.handle_abandon(now),
            5 => self.session.handle_bytes(b"\r\nOK\r\n490154203237518\r\nOK\r\n", now),
            6 => self.session.adopt(&any_profile(bytes).manners),
            7 => self.feed(talk(bytes).as_bytes(), now),
            _ => {}
        }
        self.feed(bytes, now);
        self.drain();
    }

    fn feed(&mut self, bytes: &[u8], now: Instant) {
        for piece in bytes.chunks(self.piece) {
            self.session.handle_bytes(piece, now);
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            // Prompts that arrive together are left with one escape.
            if self.outputs.last() != Some(&output) || output != Output::Write(ESCAPE.to_vec()) {
                self.outputs.push(output);
            }
        }
    }

    fn count(&self, wanted: impl Fn(&Output) -> bool) -> usize {
        self.outputs.iter().filter(|output| wanted(output)).count()
    }
}

fn any_command(which: usize) -> Command {
    let all = [
        Command::signal(),
        Command::model(),
        Command::subscriber(),
        Command::registration(Domain::Circuit),
        Command::card_number(CardNumber::Ccid),
        Command::list_messages(),
        Command::read_message(3),
        Command::pdu_mode(),
        Command::setting("AT^CURC=0"),
        Command::question("AT+QCFG=\"ims\""),
        Command::card_number(CardNumber::Simcom),
    ];
    let all = || all.iter().cloned().chain(Counter::ALL.map(Command::tries));
    all().nth(which % all().count()).unwrap()
}

fn any_profile(bytes: &[u8]) -> &'static Profile {
    let which = bytes.first().copied().map_or(0, usize::from);
    Profile::all().nth(which % Profile::all().count()).unwrap()
}

/// What a family says by itself, with something behind it; or one of its makers' numbers.
fn talk(bytes: &[u8]) -> String {
    let profile = any_profile(bytes);
    let which = bytes.get(1).copied().map_or(0, usize::from);
    let tail = String::from_utf8_lossy(bytes.get(2..).unwrap_or_default());
    if let Some((words, _)) = profile.manners.remarks.get(which) {
        return format!("\r\n{words}{tail}\r\n");
    }
    let codes = profile.manners.codes;
    let number = codes.cms.get(which).map_or(500 + which, |(first, ..)| usize::from(*first));
    format!("\r\n+CMS ERROR: {number}\r\n")
}

/// Everything that can be read from what came out, read.
fn read(output: &Output, bytes: &[u8]) {
    match output {
        Output::Finished(Ok(reply)) => {
            for way in Counter::ALL {
                if let Some(tries) = reply.tries(way) {
                    assert!(tries.pin <= 15 && tries.puk.is_none_or(|puk| puk <= 15));
                }
            }
            drop((reply.fields(), reply.registration(), reply.messages().count()));
        }
        Output::Unsolicited(Unsolicited::StorageFull(Some(name))) => assert_eq!(name.len(), 2),
        Output::Settled(delivery) => {
            if let smsotpd::at::Delivery::Refused(refusal) = delivery {
                assert!(!refusal.read(any_profile(bytes).manners.codes).1.is_empty());
            }
        }
        _ => {}
    }
}

fuzz_target!(|input: &[u8]| {
    let (mut whole, mut split) = (Side::new(usize::MAX), Side::new(1));
    let mut now = Instant::now();
    let mut rest = input;
    while let [kind, length, tail @ ..] = rest {
        let (bytes, after) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = after;
        now += Duration::from_millis(u64::from(*kind) * 50);
        whole.act(*kind, bytes, now);
        split.act(*kind, bytes, now);
    }
    assert_eq!(whole.outputs, split.outputs);
    whole.outputs.iter().for_each(|output| read(output, input));
    // The name of a maker can be anything.
    let text = String::from_utf8_lossy(input);
    assert!(!Profile::of(Some(&text), Some(&text)).name.is_empty());
    let begun = whole.count(|output| matches!(output, Output::Write(octets) if octets.starts_with(b"AT+CMGS=")));
    let given = whole.count(|output| matches!(output, Output::Write(octets) if octets.ends_with(b"\x1a")));
    let settled = whole.count(|output| matches!(output, Output::Settled(_)));
    let proved = whole.count(|output| matches!(output, Output::SentAfterAll(_)));
    assert!(given <= begun && settled <= begun && proved <= settled);
    assert!(!format!("{:?}", whole.outputs).contains(PDU));
});
