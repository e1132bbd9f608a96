//! One attachment of the port: the AT settings of a modem that has just powered up, and the conversation over it.

use std::collections::VecDeque;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::Instant;

use super::agenda::{Agenda, Task, reached};
use super::answer::Failure;
use super::attributes::Attributes;
use super::command::{self, Command, Operation};
use super::device::Device;
use super::dice::Dice;
use super::event::EventKind;
use super::family::Profile;
use super::fault::End;
use super::line::{Input, Reader};
use super::routing::Unacknowledged;
use super::sending::{Draft, Submission};

/// How a command ends when it does not fail.
#[derive(Debug)]
pub(super) enum Flow {
    /// `OK`, or on with the next command of the line.
    Done,
    /// A prompt, and a message to come.
    Prompt(Draft),
    /// The network has to answer first.
    Waiting,
    /// Nothing at all is answered: a fault.
    Silent,
}

/// What a command comes to.
pub(super) type Answer = Result<Flow, Failure>;

/// What the modem is busy with.
#[derive(Debug)]
pub(super) enum Doing {
    /// Waiting for a command line.
    Nothing,
    /// The prompt is held back: a fault.
    Holding(Draft),
    /// Waiting for the rest of a message.
    Taking(Draft),
    /// Waiting for the network to take a message.
    Submitting(Submission),
    /// The port is about to disappear: a fault.
    Vanishing,
}

/// What may be typed while the modem is busy. More waits in the port.
const MOST_WAITING: usize = 16 * 1024;

/// The conversation at one port.
pub(super) struct Session {
    pub(super) device: Device,
    pub(super) attributes: Attributes,
    pub(super) doing: Doing,
    pub(super) unacknowledged: Option<Unacknowledged>,
    /// Indications that wait for `+CNMI` to let them out.
    pub(super) buffered: Vec<(String, Vec<u8>)>,
    pub(super) reader: Reader,
    pub(super) input: VecDeque<u8>,
    pub(super) output: Vec<u8>,
    /// The rest of the command line.
    pub(super) line: VecDeque<Command>,
    pub(super) agenda: Agenda,
    pub(super) dice: Dice,
    /// The modem starts, and neither reads nor speaks.
    pub(super) booting_until: Option<Instant>,
    /// An answer is held back: a fault.
    pub(super) held_until: Option<Instant>,
    pub(super) ringing_until: Option<Instant>,
    /// The periodic lines were switched off.
    pub(super) is_quiet: bool,
    /// The modem starts anew after the answer.
    pub(super) restarts: bool,
    /// `<stat>` of each registration command as it was told last.
    pub(super) told_stats: [u8; 3],
    command: String,
    /// Whether information has been written for the running line.
    informed: bool,
    first_byte: Instant,
}

impl Session {
    /// The modem gets power.
    pub(super) fn power_up(device: Device) -> Self {
        device.tell(EventKind::Attached);
        device.faults().change(|condition| condition.end_silence(End::Replugged));
        let mut session = Self {
            device,
            attributes: Attributes::default(),
            doing: Doing::Nothing,
            unacknowledged: None,
            buffered: Vec::new(),
            reader: Reader::default(),
            input: VecDeque::new(),
            output: Vec::new(),
            line: VecDeque::new(),
            agenda: Agenda::default(),
            dice: Dice::new(0),
            booting_until: None,
            held_until: None,
            ringing_until: None,
            is_quiet: false,
            restarts: false,
            told_stats: [0; 3],
            command: String::new(),
            informed: false,
            first_byte: Instant::now(),
        };
        session.boot();
        session
    }

    /// What modems of its family are like.
    pub(super) fn profile(&self) -> &'static Profile {
        self.device.settings().family.profile()
    }

    /// Talks until the other side is gone or a fault takes the port away.
    pub(super) async fn run<T>(mut self, port: T) -> io::Result<()>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let (mut from_port, mut to_port) = tokio::io::split(port);
        let mut network = self.device.network().subscribe();
        let faults = self.device.faults().clone();
        let mut prompts_held = self.device.prompts_held().subscribe();
        let air = self.device.air().clone();
        let mut buffer = [0; 1_024];
        loop {
            self.suffer();
            self.keep_appointments();
            self.work();
            match self.write(&mut to_port).await {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(error),
                Ok(()) if matches!(self.doing, Doing::Vanishing) => return Ok(()),
                Ok(()) => {}
            }
            let wake = self.wake();
            tokio::select! {
                // The network's answer to a message comes before its report, even when both are there.
                biased;
                answer = Submission::answered(&mut self.doing) => self.conclude(answer),
                () = faults.changed() => {}
                () = reached(wake) => {}
                read = from_port.read(&mut buffer), if self.input.len() < MOST_WAITING => match read? {
                    0 => return Ok(()),
                    count => self.input.extend(&buffer[..count]),
                },
                Ok(()) = network.changed() => self.tell_registration(),
                Ok(()) = prompts_held.changed() => self.release_prompt(),
                () = Unacknowledged::overdue(self.unacknowledged.as_ref()) => self.stop_routing(),
                () = air.changed() => {}
            }
        }
    }

    /// When there is something to do although nothing comes in.
    fn wake(&self) -> Option<Instant> {
        let silence = self.device.faults().condition().silence.and_then(super::fault::Silence::end);
        let held = self.held_until.filter(|until| *until > Instant::now());
        [self.agenda.next(), held, silence].into_iter().flatten().min()
    }

    /// Does what can be done without waiting.
    fn work(&mut self) {
        self.listen();
        while !self.is_held()
            && matches!(self.doing, Doing::Nothing | Doing::Taking(_))
            && let Some(byte) = self.input.pop_front()
        {
            self.take(byte);
        }
        if matches!(self.doing, Doing::Nothing | Doing::Submitting(_)) && !self.is_silent() {
            self.route_inbound();
        }
    }

    fn take(&mut self, byte: u8) {
        if self.reader.is_at_start() {
            self.first_byte = Instant::now();
        }
        let input = self.reader.take(byte, self.attributes.characters);
        if self.attributes.echo && !matches!(byte, 0 | b'\n' | 0x1a | 0x1b) {
            self.output.push(byte);
            if self.reader.is_within_command()
                && let Some(line) = self.device.faults().take_line_within_echo()
            {
                self.say(&line);
            }
        }
        match input {
            None => {}
            Some(Input::Line(line)) => self.start_line(&line),
            Some(Input::Overlong) => self.finish(Err(Failure::Syntax)),
            Some(Input::BodyLine) => self.output.extend(b"\r\n> "),
            Some(Input::Body(body)) => self.take_body(&body),
            Some(Input::Abort) => {
                self.doing = Doing::Nothing;
                self.device.tell(EventKind::Aborted);
                if self.profile().answers_escape {
                    self.finish(Ok(()));
                }
            }
        }
    }

    pub(super) fn start_line(&mut self, line: &[u8]) {
        self.informed = false;
        let longest = self.device.faults().condition().longest_line.map(usize::from);
        if line.len() + "AT".len() > longest.unwrap_or(self.profile().longest_line) {
            return self.finish(Err(Failure::Syntax));
        }
        if self.device.faults().take_swallow() {
            return;
        }
        match command::read_line(line) {
            Ok(commands) if commands.is_empty() => {
                self.command.clear();
                self.tell_command();
                self.hold_answer();
                self.finish(Ok(()));
            }
            Ok(commands) => {
                self.line = commands.into();
                self.go_on();
            }
            Err(failure) => self.finish(Err(failure)),
        }
    }

    /// Runs what is left of the line, up to a command that has to wait.
    fn go_on(&mut self) {
        while let Some(command) = self.line.pop_front() {
            self.command.clone_from(&command.name);
            self.tell_command();
            self.hold_answer();
            let answer = self.execute(&command);
            if !self.settle(answer) {
                return;
            }
        }
        self.finish(Ok(()));
    }

    /// Whether the line goes on after this answer.
    fn settle(&mut self, answer: Answer) -> bool {
        match answer {
            Ok(Flow::Done) => return true,
            Ok(Flow::Prompt(draft)) => self.prompt(draft),
            Ok(Flow::Waiting) => {}
            Ok(Flow::Silent) => self.line.clear(),
            Err(failure) => self.finish(Err(failure)),
        }
        false
    }

    pub(super) fn release_prompt(&mut self) {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Holding(draft) => self.prompt(draft),
            doing => self.doing = doing,
        }
    }

    fn prompt(&mut self, mut draft: Draft) {
        if *self.device.prompts_held().borrow() {
            self.doing = Doing::Holding(draft);
            return;
        }
        if let Some(delay) = draft.take_prompt_delay() {
            self.agenda.add(Instant::now() + delay, Task::Prompt);
            self.doing = Doing::Holding(draft);
            return;
        }
        let prompt = draft.prompt().unwrap_or(self.profile().prompt).as_bytes().to_vec();
        self.output.extend(prompt);
        self.device.tell(EventKind::Prompted);
        self.reader.expect_body();
        if let Some(line) = draft.line_at_prompt() {
            self.say(&line);
        }
        match draft.leaves_at_prompt() {
            Some(gone_for) => self.leave(gone_for),
            None => self.doing = Doing::Taking(draft),
        }
    }

    /// The answer to the command that starts now may have to be late.
    fn hold_answer(&mut self) {
        if let Some(delay) = self.device.faults().take_delay(&self.command) {
            self.held_until = Some(Instant::now() + delay);
        }
    }

    fn take_body(&mut self, body: &[u8]) {
        self.device.tell(EventKind::Body { first_byte: self.first_byte });
        if matches!(&self.doing, Doing::Taking(draft) if draft.is_stuck()) {
            return self.reader.expect_body();
        }
        if let Doing::Taking(draft) = std::mem::replace(&mut self.doing, Doing::Nothing) {
            let answer = self.dispose(draft, body);
            self.resume(answer);
        }
    }

    /// The network has answered.
    fn conclude(&mut self, answer: Result<(), u16>) {
        if let Doing::Submitting(submission) = std::mem::replace(&mut self.doing, Doing::Nothing) {
            let answer = self.submitted(submission, answer);
            self.resume(answer);
        }
    }

    fn resume(&mut self, answer: Answer) {
        if self.settle(answer) {
            self.go_on();
        }
    }

    fn execute(&mut self, command: &Command) -> Answer {
        let (name, operation) = (command.name.as_str(), &command.operation);
        if self.is_muted(name) {
            return Ok(Flow::Silent);
        }
        if let Some(failure) = self.device.faults().take_refusal(name).or_else(|| self.card_failure(name, operation)) {
            return Err(failure);
        }
        if self.profile().periodic.as_ref().is_some_and(|periodic| command.text() == periodic.ended_by) {
            self.is_quiet = true;
        }
        if let Some(failure) = self.family_refusal(command) {
            return Err(failure);
        }
        self.card_commands(name, operation)
            .or_else(|| self.basics(name, operation))
            .or_else(|| self.identity(name, operation))
            .or_else(|| self.network(name, operation))
            .or_else(|| self.message_settings(name, operation))
            .or_else(|| self.storages(name, operation))
            .or_else(|| self.sending(name, operation))
            .or_else(|| self.routing(name, operation))
            .or_else(|| self.family_command(name, operation))
            .unwrap_or_else(|| Err(self.unknown_command()))
    }

    fn is_muted(&self, name: &str) -> bool {
        self.device.faults().condition().muted.is_some_and(|(commands, _)| commands.iter().any(|muted| muted == name))
    }

    /// What the family offers and refuses all the same.
    fn family_refusal(&self, command: &Command) -> Option<Failure> {
        let typed = match &command.operation {
            Operation::Set(parameters) => parameters.all(),
            Operation::Execute => &[],
            Operation::Read | Operation::Test => return None,
        };
        let fits = |(name, pattern, _): &&(&str, &[&str], &str)| {
            let mut pairs = pattern.iter().zip(typed);
            *name == command.name
                && pattern.len() <= typed.len()
                && pairs.all(|(wanted, typed)| *wanted == "_" || wanted == typed)
        };
        self.profile().refuses.iter().find(fits).map(|(_, _, line)| Failure::Words((*line).to_owned()))
    }

    /// The family's own commands: they are taken, and do nothing here.
    fn family_command(&mut self, name: &str, operation: &Operation) -> Option<Answer> {
        let (_, answer) = self.profile().knows.iter().find(|(known, _)| *known == name)?;
        if !matches!(operation, Operation::Set(_) | Operation::Test) && !answer.is_empty() {
            self.inform(answer);
        }
        Some(Ok(Flow::Done))
    }

    fn unknown_command(&self) -> Failure {
        match self.profile().unknown {
            "ERROR" => Failure::Syntax,
            words => Failure::Words(words.to_owned()),
        }
    }

    /// Writes a line of information.
    pub(super) fn inform(&mut self, line: impl AsRef<[u8]>) {
        let end = self.attributes.line_end();
        if self.attributes.verbose && !self.informed {
            self.output.extend(end);
        }
        self.informed = true;
        self.output.extend(line.as_ref());
        self.output.extend(end);
    }

    /// Writes an unsolicited line, perhaps of two lines.
    pub(super) fn indicate(&mut self, name: &str, line: &[u8]) {
        self.device.tell(EventKind::Unsolicited { name: name.to_owned() });
        let end = self.attributes.line_end();
        self.output.extend(end);
        self.output.extend(line);
        match self.profile().line_end {
            "\r\n" => self.output.extend(end),
            own => self.output.extend(own.as_bytes()),
        }
    }

    /// Writes the final result of the line.
    fn finish(&mut self, result: Result<(), Failure>) {
        self.line.clear();
        if let Some(line) = self.device.faults().take_line_within(&self.command) {
            self.indicate("", line.as_bytes());
        }
        if !self.attributes.quiet {
            self.write_result(result);
        }
        if std::mem::take(&mut self.restarts) {
            self.restart();
        }
    }

    fn write_result(&mut self, result: Result<(), Failure>) {
        let codes = self.profile().codes;
        let (number, text) = match result {
            Ok(()) => (0, "OK".to_owned()),
            Err(failure) => (4, failure.of_family(codes).line(self.attributes.cmee)),
        };
        let end = self.attributes.line_end();
        if self.attributes.verbose || number == 4 && text != "ERROR" {
            self.output.extend(end);
            self.output.extend(text.as_bytes());
            self.output.extend(end);
        } else {
            self.output.extend(format!("{number}").as_bytes());
            self.output.push(self.attributes.characters.end);
        }
    }

    fn tell_command(&self) {
        self.device.tell(EventKind::Command { name: self.command.clone(), first_byte: self.first_byte });
    }
}

impl Drop for Session {
    /// The modem loses power. What nobody acknowledged, the network still has.
    fn drop(&mut self) {
        self.give_back();
        self.device.tell(EventKind::Detached);
    }
}

/// The answer to a test command that lists what can be set.
pub(super) fn only_test(operation: &Operation) -> Option<Answer> {
    matches!(operation, Operation::Test).then_some(Ok(Flow::Done))
}
