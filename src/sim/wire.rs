//! What the port does to the bytes: in pieces, late, as noise, or not at all.

use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::command;
use super::fault::{End, Pace};
use super::line::{Input, Reader};
use super::session::{Doing, Session};

const ESC: u8 = 0x1b;

impl Session {
    /// Writes what there is to say.
    pub(super) async fn write(&mut self, port: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        if self.is_held() {
            return Ok(());
        }
        let mut output = std::mem::take(&mut self.output);
        let condition = self.device.faults().condition();
        if output.is_empty() || condition.silence.is_some() {
            return Ok(());
        }
        if condition.is_garbled() {
            output = self.noise(output.len());
        }
        // Never flushed: on a serial port that would wait until the other side has read everything.
        let Some(Pace { bytes, every }) = condition.pace else { return port.write_all(&output).await };
        for piece in output.chunks(bytes.max(1)) {
            port.write_all(piece).await?;
            if every.is_zero() {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(every).await;
            }
        }
        Ok(())
    }

    /// Takes what has come in, as far as the modem is there to take it. Whether there is more to do.
    pub(super) fn listen(&mut self) {
        let condition = self.device.faults().condition();
        if condition.muted.is_some() && self.input.contains(&ESC) {
            self.end_silence(End::Escape);
        }
        if self.booting_until.is_some_and(|until| Instant::now() < until) {
            self.input.clear();
        } else if condition.silence.is_some() {
            self.listen_in_silence();
        } else if condition.is_garbled() {
            let noise = self.noise(self.input.len());
            self.input.clear();
            if self.attributes.echo {
                self.output.extend(noise);
            }
        }
    }

    /// Hears only what may end the silence.
    fn listen_in_silence(&mut self) {
        while let Some(byte) = self.input.pop_front() {
            if byte == ESC {
                self.end_silence(End::Escape);
            }
            let characters = self.attributes.characters;
            if let Some(Input::Line(line)) = self.reader.take(byte, characters)
                && is_restart(&line)
            {
                self.end_silence(End::Restart);
                if !self.is_silent() {
                    self.start_line(&line);
                }
            }
            if !self.is_silent() {
                return;
            }
        }
    }

    pub(super) fn end_silence(&mut self, end: End) {
        self.device.faults().change(|condition| condition.end_silence(end));
    }

    pub(super) fn is_silent(&self) -> bool {
        self.device.faults().condition().silence.is_some()
    }

    /// The modem stops in whatever it was doing.
    pub(super) fn fall_silent(&mut self) {
        if matches!(self.doing, Doing::Taking(_) | Doing::Holding(_)) {
            self.doing = Doing::Nothing;
        }
        self.reader = Reader::default();
    }

    /// Bytes that mean nothing; none of them is ASCII.
    pub(super) fn noise(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| 0x80 | u8::try_from(self.dice.below(0x80)).unwrap_or_default()).collect()
    }

    /// Whether an answer is being held back.
    pub(super) fn is_held(&self) -> bool {
        self.held_until.is_some_and(|until| Instant::now() < until)
    }
}

fn is_restart(line: &[u8]) -> bool {
    command::read_line(line).is_ok_and(|commands| {
        commands.iter().any(|command| matches!(command.text().as_str(), "+CFUN=1,1" | "+CFUN=0,1"))
    })
}
