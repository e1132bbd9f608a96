//! One attachment of the port: the AT settings of a modem that has just powered up, and the conversation over it.

use std::collections::VecDeque;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::answer::Failure;
use super::attributes::Attributes;
use super::command::{self, Command, Operation};
use super::device::Device;
use super::event::EventKind;
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
    reader: Reader,
    input: VecDeque<u8>,
    output: Vec<u8>,
    /// The rest of the command line.
    line: VecDeque<Command>,
    command: String,
    /// Whether information has been written for the running line.
    informed: bool,
    first_byte: Instant,
}

impl Session {
    /// The modem gets power.
    pub(super) fn power_up(device: Device) -> Self {
        device.tell(EventKind::Attached);
        Self {
            device,
            attributes: Attributes::default(),
            doing: Doing::Nothing,
            unacknowledged: None,
            buffered: Vec::new(),
            reader: Reader::default(),
            input: VecDeque::new(),
            output: Vec::new(),
            line: VecDeque::new(),
            command: String::new(),
            informed: false,
            first_byte: Instant::now(),
        }
    }

    /// Talks until the other side is gone or a fault takes the port away.
    pub(super) async fn run<T>(mut self, port: T) -> io::Result<()>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let (mut from_port, mut to_port) = tokio::io::split(port);
        let mut registration = self.device.registration().subscribe();
        let mut prompts_held = self.device.prompts_held().subscribe();
        let air = self.device.air().clone();
        let mut buffer = [0; 1_024];
        loop {
            self.work();
            match self.write(&mut to_port).await {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(error),
                Ok(()) if matches!(self.doing, Doing::Vanishing) => return Ok(()),
                Ok(()) => {}
            }
            tokio::select! {
                // The network's answer to a message comes before its report, even when both are there.
                biased;
                answer = Submission::answered(&mut self.doing) => self.conclude(answer),
                read = from_port.read(&mut buffer), if self.input.len() < MOST_WAITING => match read? {
                    0 => return Ok(()),
                    count => self.input.extend(&buffer[..count]),
                },
                Ok(()) = registration.changed() => self.tell_registration(),
                Ok(()) = prompts_held.changed() => self.release_prompt(),
                () = Unacknowledged::overdue(self.unacknowledged.as_ref()) => self.stop_routing(),
                () = air.changed() => {}
            }
        }
    }

    /// Does what can be done without waiting.
    fn work(&mut self) {
        while matches!(self.doing, Doing::Nothing | Doing::Taking(_))
            && let Some(byte) = self.input.pop_front()
        {
            self.take(byte);
        }
        if matches!(self.doing, Doing::Nothing | Doing::Submitting(_)) {
            self.route_inbound();
        }
    }

    async fn write(&mut self, port: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let output = std::mem::take(&mut self.output);
        // Never flushed: on a serial port that would wait until the other side has read everything.
        if !self.device.faults().is_bytewise() {
            return port.write_all(&output).await;
        }
        for byte in output {
            port.write_all(&[byte]).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn take(&mut self, byte: u8) {
        if self.reader.is_at_start() {
            self.first_byte = Instant::now();
        }
        let input = self.reader.take(byte, self.attributes.characters);
        if self.attributes.echo && !matches!(byte, 0 | b'\n' | 0x1a | 0x1b) {
            self.output.push(byte);
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
                self.finish(Ok(()));
            }
        }
    }

    fn start_line(&mut self, line: &[u8]) {
        self.informed = false;
        match command::read_line(line) {
            Ok(commands) if commands.is_empty() => {
                self.command.clear();
                self.tell_command();
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

    fn release_prompt(&mut self) {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Holding(draft) => self.prompt(draft),
            doing => self.doing = doing,
        }
    }

    fn prompt(&mut self, draft: Draft) {
        if *self.device.prompts_held().borrow() {
            self.doing = Doing::Holding(draft);
            return;
        }
        self.output.extend(b"\r\n> ");
        self.device.tell(EventKind::Prompted);
        self.reader.expect_body();
        self.doing = if draft.vanishes_at_prompt() { Doing::Vanishing } else { Doing::Taking(draft) };
    }

    fn take_body(&mut self, body: &[u8]) {
        self.device.tell(EventKind::Body { first_byte: self.first_byte });
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
        if let Some(failure) = self.device.faults().take_refusal(name) {
            return Err(failure);
        }
        self.basics(name, operation)
            .or_else(|| self.identity(name, operation))
            .or_else(|| self.network(name, operation))
            .or_else(|| self.message_settings(name, operation))
            .or_else(|| self.storages(name, operation))
            .or_else(|| self.sending(name, operation))
            .or_else(|| self.routing(name, operation))
            .unwrap_or(Err(Failure::Syntax))
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
        self.output.extend(end);
    }

    /// Writes the final result of the line.
    fn finish(&mut self, result: Result<(), Failure>) {
        self.line.clear();
        if let Some(line) = self.device.faults().take_line_within(&self.command) {
            self.indicate("", line.as_bytes());
        }
        if self.attributes.quiet {
            return;
        }
        let (number, text) = match result {
            Ok(()) => (0, "OK".to_owned()),
            Err(failure) => (4, failure.line(self.attributes.cmee)),
        };
        let end = self.attributes.line_end();
        if self.attributes.verbose || text.starts_with('+') {
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
        if let Some(unacknowledged) = self.unacknowledged.take() {
            self.device.air().put_back(unacknowledged.inbound);
        }
        self.device.tell(EventKind::Detached);
    }
}

/// The answer to a test command that lists what can be set.
pub(super) fn only_test(operation: &Operation) -> Option<Answer> {
    matches!(operation, Operation::Test).then_some(Ok(Flow::Done))
}
