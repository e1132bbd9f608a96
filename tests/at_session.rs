//! The AT session through its public door: recorded dialogues, and what must hold for any modem.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test, what is not there is a failure")]

use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use smsotpd::at::{CardNumber, Command, Counter, Delivery, Domain, OPENING_TRIES, Output, Payload, Session};
use smsotpd::modem::Profile;

use crate::notation::{shown, unescape};

#[path = "at_session/notation.rs"]
mod notation;

const REPORT: &str = "0791448720003023240B915155214365F7000080115102134080";
const SUBMIT: &str = "0011000B915155214365F70000AA05E8329BFD06";
const LIMIT: Duration = Duration::from_secs(180);

/// A session, the time it believes in, and the bytes in which it is fed.
struct Bench {
    session: Session,
    now: Instant,
    piece: usize,
    outputs: Vec<Output>,
    /// The way in which a card's tries have been asked for.
    counter: Option<Counter>,
}

impl Bench {
    fn new(piece: usize) -> Self {
        Self { session: Session::new(), now: Instant::now(), piece, outputs: Vec::new(), counter: None }
    }

    /// A session with a modem that is awake.
    fn awake(piece: usize) -> Self {
        let mut bench = Self::new(piece);
        bench.session.handle_wake(OPENING_TRIES, bench.now);
        bench.pass(Duration::from_millis(200));
        bench.feed(b"OK\r\nOK\r\n490154203237518\r\nOK\r\n");
        assert_eq!(bench.outputs.pop(), Some(Output::Awake));
        bench.outputs.clear();
        bench
    }

    fn feed(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(self.piece) {
            self.session.handle_bytes(piece, self.now);
            self.drain();
        }
    }

    /// Lets time go by, with everything that is due on the way.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.session.poll_timeout().filter(|due| *due <= end) {
            self.now = due;
            self.session.handle_timeout(due);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            self.outputs.push(output);
        }
    }

    fn send(&mut self) {
        self.session.handle_send(19, payload(SUBMIT), LIMIT, self.now).unwrap();
        self.drain();
    }

    fn run(&mut self, command: &Command) {
        self.session.handle_command(command, self.now).unwrap();
        self.drain();
    }

    /// The first thing that has come out and is still here, as dialogues write it.
    fn next_shown(&mut self) -> Option<String> {
        if self.outputs.is_empty() {
            return None;
        }
        let output = self.outputs.remove(0);
        if let (Some(way), Output::Finished(Ok(reply))) = (self.counter.take_if(|_| is_finished(&output)), &output) {
            let tries = reply.tries(way)?;
            let puk = tries.puk.map_or(String::new(), |puk| format!(", {puk} for the PUK"));
            return Some(format!("= {} tries for the PIN{puk}", tries.pin));
        }
        Some(shown(&output))
    }

    fn written(&self) -> String {
        let octets = self.outputs.iter().flat_map(|output| match output {
            Output::Write(octets) => octets.clone(),
            _ => Vec::new(),
        });
        String::from_utf8(octets.collect()).unwrap()
    }

    fn settled(&self) -> Option<Delivery> {
        self.outputs.iter().find_map(|output| match output {
            Output::Settled(delivery) => Some(*delivery),
            _ => None,
        })
    }
}

fn is_finished(output: &Output) -> bool {
    matches!(output, Output::Finished(_))
}

fn payload(hex: &str) -> Payload {
    Payload::new(hex.to_owned()).unwrap()
}

// ---- transcripts ------------------------------------------------------------------------------------------------

/// Plays one dialogue, in the notation of `tests/transcripts/README.md`. Every write and every result of the session must
/// be in the dialogue.
fn play(name: &str, script: &str, piece: usize) {
    let mut bench = Bench::new(piece);
    for (number, line) in script.lines().enumerate() {
        let at = format!("{name}:{} in pieces of {piece}", number + 1);
        let (mark, rest) = line.split_at(line.len().min(2));
        match mark.trim() {
            "" | "#" => {}
            "!" => want(&mut bench, rest),
            "<" => bench.feed(&unescape(rest)),
            ">" | "=" => assert_eq!(bench.next_shown().as_deref(), Some(line), "{at}"),
            other => panic!("{at}: `{other}` is no mark"),
        }
    }
    let left: Vec<_> = bench.outputs.iter().map(shown).collect();
    assert!(left.is_empty(), "{name}: {left:?} came out and is not in the dialogue");
}

fn want(bench: &mut Bench, wish: &str) {
    let now = bench.now;
    let (word, rest) = wish.split_once(' ').unwrap_or((wish, ""));
    match word {
        "wake" => bench.session.handle_wake(OPENING_TRIES, now),
        "awake" => {
            let piece = bench.piece;
            *bench = Bench::awake(piece);
        }
        "family" => {
            let profile = Profile::all().find(|profile| profile.name == rest);
            bench.session.adopt(&profile.unwrap_or_else(|| panic!("no family {rest}")).manners);
        }
        "send" => {
            let (length, hex) = rest.split_once(' ').unwrap();
            bench.session.handle_send(length.parse().unwrap(), payload(hex), LIMIT, now).unwrap();
        }
        "wait" => bench.pass(Duration::from_millis(rest.parse().unwrap())),
        "unplug" => bench.session.handle_lost(false),
        "abandon" => bench.session.handle_abandon(now),
        "run" => {
            bench.counter = Counter::ALL.into_iter().find(|way| Command::tries(*way).line() == rest);
            bench.session.handle_command(&command(rest), now).unwrap();
        }
        other => panic!("`{other}` is no wish"),
    }
    bench.drain();
}

fn command(line: &str) -> Command {
    let all = [
        Command::sim_state(),
        Command::manufacturer(),
        Command::model(),
        Command::subscriber(),
        Command::signal(),
        Command::pdu_mode(),
        Command::keep_link(),
        Command::registration(Domain::Circuit),
        Command::card_number(CardNumber::Ccid),
        Command::new_messages_offer(),
        Command::read_message(3),
        Command::list_messages(),
    ];
    let numbers =
        [CardNumber::Simcom, CardNumber::Telit, CardNumber::Sierra, CardNumber::Cinterion, CardNumber::Huawei];
    let all = all.into_iter().chain(Counter::ALL.map(Command::tries)).chain(numbers.map(Command::card_number));
    all.into_iter().find(|command| command.line() == line).unwrap_or_else(|| panic!("no command {line}"))
}

#[test]
fn every_dialogue_plays_as_recorded_at_once_and_in_pieces() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut played = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Those of a whole modem are played against the task that drives it.
        if !name.ends_with(".txt") || name.starts_with("family_") {
            continue;
        }
        let script = std::fs::read_to_string(&path).unwrap();
        for heading in ["# modem:", "# source:", "# shows:"] {
            assert!(script.lines().any(|line| line.starts_with(heading)), "{name} lacks `{heading}`");
        }
        for piece in [1, 3, 4096] {
            play(&name, &script, piece);
        }
        played += 1;
    }
    assert!(played >= 60, "only {played} dialogues were found");
}

// ---- what must hold for any modem -------------------------------------------------------------------------------

#[test]
fn a_second_command_is_not_taken_before_the_first_has_ended() {
    let mut bench = Bench::awake(1);
    bench.run(&Command::signal());
    assert!(bench.session.handle_command(&Command::operator(), bench.now).is_err());
    assert!(bench.session.handle_send(19, payload(SUBMIT), LIMIT, bench.now).is_err());
    assert_eq!(bench.written(), "AT+CSQ\r");
}

#[test]
fn the_pdu_and_its_ctrl_z_go_out_in_one_write_and_only_after_the_prompt() {
    let mut bench = Bench::awake(4096);
    bench.send();
    bench.feed(b"\r\nOK\r\n+CSQ: 1\r\n");
    assert_eq!(bench.written(), "AT+CMGS=19\r");
    assert!(!bench.session.is_past_return());
    bench.feed(b"\r\n> ");
    assert_eq!(bench.outputs.last(), Some(&Output::Write(format!("{SUBMIT}\x1a").into_bytes())));
    assert!(bench.session.is_past_return());
}

#[test]
fn a_prompt_that_does_not_come_means_not_sent() {
    let mut bench = Bench::awake(1);
    bench.send();
    bench.pass(Duration::from_millis(9_999));
    assert_eq!(bench.settled(), None);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.settled(), Some(Delivery::NotSent));
    assert!(bench.written().ends_with("\x1b\r"), "{:?}", bench.written());
}

#[test]
fn a_port_lost_before_the_prompt_means_not_sent() {
    let mut bench = Bench::awake(1);
    bench.send();
    bench.session.handle_lost(false);
    bench.drain();
    assert_eq!(bench.settled(), Some(Delivery::NotSent));
}

#[test]
fn a_port_lost_after_ctrl_z_is_in_doubt_unless_ctrl_z_never_reached_it() {
    for (unwritten, delivery) in [(false, Delivery::InDoubt(None)), (true, Delivery::NotSent)] {
        let mut bench = Bench::awake(1);
        bench.send();
        bench.feed(b"> ");
        bench.session.handle_lost(unwritten);
        bench.drain();
        assert_eq!(bench.settled(), Some(delivery));
    }
}

#[test]
fn a_reference_without_its_ok_means_sent() {
    for lost in [true, false] {
        let mut bench = Bench::awake(1);
        bench.send();
        bench.feed(b"> \r\n+CMGS: 200\r\n");
        if lost {
            bench.session.handle_lost(false);
            bench.drain();
        } else {
            bench.pass(Duration::from_secs(5));
        }
        assert_eq!(bench.settled(), Some(Delivery::Sent(200)));
    }
}

#[test]
fn an_ok_ahead_of_the_reference_ends_nothing() {
    let mut bench = Bench::awake(1);
    bench.send();
    bench.feed(b"> \r\nOK\r\n");
    bench.pass(Duration::from_secs(30));
    assert_eq!((bench.settled(), bench.session.is_past_return()), (None, true));
    bench.feed(b"+CMGS: 200\r\n");
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.settled(), Some(Delivery::Sent(200)));
    // One that is never followed by its reference is in doubt after the time of one attempt.
    let mut bench = Bench::awake(1);
    bench.send();
    bench.feed(b"> \r\nOK\r\n");
    bench.pass(Duration::from_millis(44_999));
    assert_eq!(bench.settled(), None);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.settled(), Some(Delivery::InDoubt(None)));
}

#[test]
fn how_long_the_network_may_take_can_change_while_it_takes_it() {
    let mut bench = Bench::awake(1);
    bench.send();
    bench.feed(b"> ");
    bench.pass(Duration::from_secs(59));
    bench.session.handle_limit(Duration::from_secs(60));
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.settled(), Some(Delivery::InDoubt(None)));
}

#[test]
fn a_late_result_is_not_taken_for_the_answer_of_the_next_command() {
    for late in ["+CMGS: 7\r\n\r\nOK\r\n", "+CMS ERROR: 38\r\n", "OK\r\n", "ERROR\r\n"] {
        let mut bench = Bench::awake(1);
        bench.send();
        bench.feed(b"> ");
        bench.pass(LIMIT);
        assert_eq!(bench.settled(), Some(Delivery::InDoubt(None)), "{late:?}");
        assert!(bench.session.handle_command(&Command::signal(), bench.now).is_err());
        // Escape, AT; the late result comes before the answers to these.
        bench.pass(Duration::from_millis(200));
        bench.feed(late.as_bytes());
        bench.feed(b"OK\r\nOK\r\n490154203237518\r\nOK\r\n");
        bench.pass(Duration::from_secs(1));
        // A second answer to a question that was asked twice.
        if !bench.session.is_idle() {
            bench.feed(b"490154203237518\r\nOK\r\n");
            bench.pass(Duration::from_secs(1));
        }
        assert_eq!(bench.outputs.last(), Some(&Output::Awake), "{late:?}");
        bench.run(&Command::signal());
        assert!(!bench.session.is_idle());
        bench.feed(b"+CSQ: 20,99\r\nOK\r\n");
        assert!(matches!(bench.outputs.last(), Some(Output::Finished(Ok(reply))) if reply.text() == Some("20,99")));
    }
}

#[test]
fn a_result_that_comes_in_the_pause_before_a_line_does_not_answer_it() {
    let mut bench = Bench::awake(1);
    bench.session.adopt(&Profile::of(Some("Cinterion"), None).manners);
    let pace = Duration::from_millis(100);
    bench.run(&Command::signal());
    bench.pass(pace);
    bench.feed(b"+CSQ: 20,99\r\nOK\r\n");
    bench.outputs.clear();
    bench.run(&Command::signal());
    // Once more, for the line before.
    bench.feed(b"OK\r\n");
    assert_eq!(bench.outputs, []);
    bench.pass(pace);
    assert_eq!(bench.written(), "AT+CSQ\r");
    bench.feed(b"+CSQ: 21,99\r\nOK\r\n");
    let Some(Output::Finished(Ok(reply))) = bench.outputs.last() else { panic!("{:?}", bench.outputs) };
    assert_eq!(reply.text(), Some("21,99"));
}

#[test]
fn a_prompt_that_comes_in_the_pause_before_the_send_is_left_and_not_typed_at() {
    let mut bench = Bench::awake(1);
    bench.session.adopt(&Profile::of(Some("Cinterion"), None).manners);
    bench.run(&Command::signal());
    bench.pass(Duration::from_millis(100));
    bench.feed(b"+CSQ: 20,99\r\nOK\r\n");
    bench.outputs.clear();
    bench.send();
    bench.feed(b"\r\n> ");
    assert_eq!(bench.written(), "\u{1b}");
    bench.outputs.clear();
    bench.pass(Duration::from_millis(100));
    assert_eq!(bench.written(), "AT+CMGS=19\r");
    bench.outputs.clear();
    bench.feed(b"\r\n> ");
    bench.pass(Duration::from_millis(100));
    assert_eq!(bench.written(), format!("{SUBMIT}\u{1a}"));
}

#[test]
fn after_a_result_that_does_not_name_what_it_ends_the_modem_is_woken() {
    for (result, woken) in [("ERROR", true), ("NA", true), ("+CMS ERROR: 332", false)] {
        let mut bench = Bench::awake(1);
        bench.send();
        bench.feed(format!("> {result}\r\n").as_bytes());
        assert!(matches!(bench.settled(), Some(Delivery::InDoubt(_))), "{result}");
        assert_eq!(bench.session.is_idle(), !woken, "{result}");
    }
}

#[test]
fn a_reference_that_comes_while_the_modem_is_woken_proves_the_message_in_doubt_once() {
    let mut bench = Bench::awake(1);
    bench.send();
    bench.feed(b"> ");
    bench.pass(LIMIT);
    assert_eq!(bench.settled(), Some(Delivery::InDoubt(None)));
    bench.feed(b"+CMGS: 7\r\n+CMGS: 8\r\nOK\r\n");
    let proofs: Vec<_> = bench.outputs.iter().filter(|output| matches!(output, Output::SentAfterAll(_))).collect();
    assert_eq!(proofs, [&Output::SentAfterAll(7)]);
}

#[test]
fn a_reference_that_no_message_in_doubt_waits_for_proves_nothing() {
    let mut bench = Bench::awake(1);
    bench.feed(b"+CMGS: 7\r\n");
    bench.run(&Command::signal());
    bench.feed(b"+CMGS: 7\r\n");
    bench.pass(LIMIT);
    bench.feed(b"+CMGS: 7\r\n");
    assert!(!bench.outputs.iter().any(|output| matches!(output, Output::SentAfterAll(_))));
}

#[test]
fn a_modem_that_never_answers_is_deaf_after_its_tries() {
    let mut bench = Bench::new(1);
    bench.session.handle_wake(OPENING_TRIES, bench.now);
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.written().matches("AT\r").count(), 6);
    assert_eq!(bench.outputs.last(), Some(&Output::Deaf));
    assert_eq!(bench.session.poll_timeout(), None);
}

#[test]
fn a_message_given_up_before_its_prompt_leaves_the_prompt() {
    let mut bench = Bench::awake(1);
    bench.send();
    bench.session.handle_abandon(bench.now);
    bench.drain();
    assert_eq!(bench.settled(), Some(Delivery::NotSent));
    bench.feed(b"> ");
    assert!(bench.written().ends_with("\x1b"));
}

#[test]
fn a_message_cannot_be_given_up_after_its_ctrl_z() {
    let mut bench = Bench::awake(1);
    bench.send();
    bench.feed(b"> ");
    bench.session.handle_abandon(bench.now);
    bench.drain();
    assert_eq!(bench.settled(), None);
    bench.feed(b"+CMGS: 1\r\nOK\r\n");
    assert_eq!(bench.settled(), Some(Delivery::Sent(1)));
}

#[test]
fn nothing_that_prints_shows_a_pdu() {
    let mut bench = Bench::awake(4096);
    bench.send();
    bench.feed(format!("> +CDS: 25\r\n{REPORT}\r\n+CMGS: 1\r\nOK\r\n").as_bytes());
    bench.run(&Command::read_message(3));
    bench.feed(format!("+CMGR: 0,,25\r\n{REPORT}\r\nOK\r\n").as_bytes());
    let printed = format!("{:?}", bench.outputs);
    assert!(!printed.contains(SUBMIT) && !printed.contains(REPORT), "{printed}");
    assert!(printed.contains("StatusReport"), "{printed}");
}

// ---- properties -------------------------------------------------------------------------------------------------

/// What a modem may say at any moment between two lines.
fn noise() -> impl Strategy<Value = String> {
    let lines = [
        "",
        "\0",
        "RING",
        "NO CARRIER",
        "BUSY",
        "+CREG: 1,\"00C3\",\"1A2B\",7",
        "+CEREG: 5",
        "^RSSI:20",
        "+CMTI: \"SM\",4",
        "+CDSI: \"SR\",2",
        "*EMRDY: 1",
        "+CBM: 8\r\n0123456789ABCDEF",
        "SMS Ready",
        "some vendor's chatter",
    ];
    let mut all: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    all.push(format!("+CDS: 18\r\n{REPORT}"));
    all.push(format!("+CDS: ,18\r\n{REPORT}"));
    prop::collection::vec(prop::sample::select(all), 0..3).prop_map(|lines| lines.join("\r\n"))
}

fn line_end() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["\r\n", "\r", "\n", "\r\r\n", "\r\n\r\n", "\0\r\n", " \r\n"])
}

/// Runs four commands and a message against a modem that answers with this noise, these line ends, this echo, in these
/// pieces; what came out, without what it said by itself, and that.
fn converse(noise: &[String], ends: &[&str], echo: bool, piece: usize) -> (Vec<String>, Vec<String>) {
    let mut bench = Bench::awake(piece);
    let mut turn = 0;
    let mut say = |bench: &mut Bench, echoed: &str, lines: &[&str]| {
        let mut text = String::new();
        if echo {
            text.push_str(echoed);
            text.push('\r');
        }
        for line in lines {
            let end = ends[turn % ends.len()];
            text.push_str(end);
            if !line.starts_with('>') {
                text.push_str(&noise[turn % noise.len()]);
                text.push_str(end);
            }
            text.push_str(line);
            if !line.starts_with('>') {
                text.push_str(end);
            }
            turn += 1;
        }
        bench.feed(text.as_bytes());
    };
    bench.run(&Command::signal());
    say(&mut bench, "AT+CSQ", &["+CSQ: 20,99", "OK"]);
    bench.run(&Command::registration(Domain::Circuit));
    say(&mut bench, "AT+CREG?", &["+CREG: 2,1,\"00C3\",\"1A2B\",7", "OK"]);
    bench.run(&Command::subscriber());
    say(&mut bench, "AT+CIMI", &["262011234567890", "OK"]);
    bench.run(&Command::list_messages());
    say(&mut bench, "AT+CMGL=4", &["+CMGL: 1,0,,18", REPORT, "+CMGL: 2,0,,18", REPORT, "OK"]);
    bench.send();
    say(&mut bench, "AT+CMGS=19", &["> "]);
    say(&mut bench, SUBMIT, &["+CMGS: 44", "OK"]);
    bench.run(&Command::pdu_mode());
    say(&mut bench, "AT+CMGF=0", &["+CMS ERROR: 314"]);
    let (said, came): (Vec<_>, Vec<_>) =
        bench.outputs.iter().partition(|output| matches!(output, Output::Unsolicited(_)));
    (came.into_iter().map(shown).collect(), said.into_iter().map(shown).collect())
}

proptest! {
    #[test]
    fn what_comes_out_does_not_depend_on_noise_echo_line_ends_or_pieces(
        noise in prop::collection::vec(noise(), 1..8),
        ends in prop::collection::vec(line_end(), 1..4),
        echo: bool,
        piece in 1_usize..40,
    ) {
        let quiet = converse(&[String::new()], &["\r\n"], false, 4096).0;
        let (came, mut said) = converse(&noise, &ends, echo, piece);
        prop_assert_eq!(came, quiet);
        // An echo that had been off is that of a modem that has forgotten what it was told, and said once.
        let before = said.len();
        said.retain(|line| line != "= restarted");
        prop_assert_eq!(before - said.len(), usize::from(echo));
        prop_assert_eq!(said, converse(&noise, &["\r\n"], false, 4096).1);
    }

    #[test]
    fn no_bytes_at_any_moment_break_the_session_or_make_it_write_a_pdu_unasked(
        moves in prop::collection::vec((0_u8..6, prop::collection::vec(any::<u8>(), 0..80), 0_u64..200_000), 0..60),
    ) {
        let mut bench = Bench::new(4096);
        for (kind, bytes, millis) in moves {
            match kind {
                0 => bench.session.handle_wake(OPENING_TRIES, bench.now),
                1 => { let _ = bench.session.handle_command(&Command::list_messages(), bench.now); }
                2 => { let _ = bench.session.handle_send(19, payload(SUBMIT), LIMIT, bench.now); }
                3 => bench.feed(b"\r\nOK\r\n490154203237518\r\nOK\r\n> "),
                4 => bench.pass(Duration::from_millis(millis)),
                _ => bench.feed(&bytes),
            }
            bench.drain();
        }
        let written = bench.written();
        prop_assert!(written.matches(SUBMIT).count() <= written.matches("AT+CMGS=19\r").count());
        let settled = bench.outputs.iter().filter(|output| matches!(output, Output::Settled(_))).count();
        prop_assert!(settled <= written.matches("AT+CMGS=19\r").count());
    }
}
