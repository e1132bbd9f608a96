//! One step of the task: whatever it waits for, it goes on listening to the modem, handing out reports, refusing what it
//! cannot send, and watching for the end.
//!
//! Everything that takes time while a port is open goes through [`Actor::turn`].

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::actor::{Actor, End};
use super::event::Event;
use super::handle::Job;
use super::health::Rung;
use super::ussd::Question;
use super::verdict;
use super::visit::Phase;
use super::wire::{Wire, now};
use crate::at::{Command, CommandError, Delivery, Output, Reply, Unsolicited};

/// What one turn brought.
pub(super) enum Turn {
    /// The running command has ended.
    Finished(Result<Reply, CommandError>),
    /// The message under way has been settled.
    Settled(Delivery),
    /// The message settled last was sent under this reference, though it was in doubt.
    SentAfterAll(u8),
    /// A message to send.
    Job(Job),
    /// A question to the network.
    Question(Question),
    /// Something that has been dealt with.
    Nothing,
}

impl Actor {
    /// Waits for something while no port is open; `None` when the daemon stops.
    pub(super) async fn meanwhile<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(future);
        loop {
            let offer = self.offer();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                value = &mut future => return Some(value),
                Some(job) = self.inbox.recv() => self.refuse(job),
                Some(question) = self.dialogue.next() => question.refuse(self.why_not_ready()),
                Some(settled) = self.arrivals.settled() => self.arrivals.settle(settled),
                permit = permit(offer) => self.arrivals.offer(permit),
            }
        }
    }

    /// Moves the world on by one step. With `accept`, and while the modem is ready, a message to send is handed back;
    /// while it is not ready, messages are refused.
    ///
    /// May be cancelled at any time.
    pub(super) async fn turn(&mut self, wire: &mut Wire, accept: bool) -> Result<Turn, End> {
        let ready = self.is_ready();
        let idle = wire.session.is_idle();
        let offer = self.offer();
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(End::Stopped),
            output = wire.next() => match self.handle(output?) {
                Err(End::Deaf) if wire.is_noisy() => Err(End::Noise),
                other => other,
            },
            Some(settled) = self.arrivals.settled() => {
                self.arrivals.settle(settled);
                Ok(Turn::Nothing)
            }
            permit = permit(offer) => {
                self.arrivals.offer(permit);
                Ok(Turn::Nothing)
            }
            Some(job) = self.inbox.recv(), if !ready || (accept && idle) => {
                if ready {
                    return Ok(Turn::Job(job));
                }
                self.refuse(job);
                Ok(Turn::Nothing)
            }
            Some(question) = self.dialogue.next(), if !ready || (accept && idle) => {
                if ready {
                    return Ok(Turn::Question(question));
                }
                question.refuse(self.why_not_ready());
                Ok(Turn::Nothing)
            }
        }
    }

    /// When the next report is to be handed out, and to whom.
    fn offer(&self) -> Option<(Instant, mpsc::Sender<Event>)> {
        self.arrivals.offer_at().map(|at| (at, self.events.clone()))
    }

    fn handle(&mut self, output: Output) -> Result<Turn, End> {
        match output {
            Output::Finished(result) => return Ok(Turn::Finished(result)),
            Output::Settled(delivery) => return Ok(Turn::Settled(delivery)),
            Output::SentAfterAll(reference) => return Ok(Turn::SentAfterAll(reference)),
            Output::Unsolicited(said) => {
                let anew = said == Unsolicited::Boot;
                self.hear(said);
                // While it is being woken, it may well have started just now, and is set up next anyway.
                if anew && self.visit.phase != Phase::Waking {
                    return Err(End::Restarted);
                }
            }
            Output::Deaf => return Err(End::Deaf),
            // The wire has written what was to be written; that the modem is awake shows in its being idle.
            Output::Write(_) | Output::Awake => {}
        }
        Ok(Turn::Nothing)
    }

    /// Asks the modem something. When no answer comes, the modem is awake again before this returns.
    pub(super) async fn ask(&mut self, wire: &mut Wire, command: &Command) -> Result<Result<Reply, CommandError>, End> {
        self.recover(wire).await?;
        if wire.session.handle_command(command, now()).is_err() {
            return Ok(Err(CommandError::TimedOut));
        }
        let result = loop {
            if let Turn::Finished(result) = self.turn(wire, false).await? {
                break result;
            }
        };
        if let Err(error) = &result {
            tracing::debug!(modem.name = %self.name, ?command, %error, "the modem does not do as it is told");
        }
        self.recover(wire).await?;
        Ok(result)
    }

    /// Tells the modem what its family is told. What it refuses does not matter.
    pub(super) async fn tell(&mut self, wire: &mut Wire, lines: &'static [&'static str]) -> Result<(), End> {
        for line in lines {
            let _ = self.ask(wire, &Command::setting(line)).await?;
        }
        Ok(())
    }

    /// Waits until a modem that did not answer is awake again. Others get the messages meanwhile.
    pub(super) async fn recover(&mut self, wire: &mut Wire) -> Result<(), End> {
        if wire.session.is_idle() {
            return Ok(());
        }
        self.say_silent();
        while !wire.session.is_idle() {
            self.turn(wire, false).await?;
        }
        Ok(())
    }

    /// Shows that the modem did not answer and is being woken, unless stronger things are being tried already.
    pub(super) fn say_silent(&mut self) {
        if self.is_ready() {
            self.show(verdict::silent());
        }
        if !self.health.borrow().is_being_brought_back() {
            self.begin_rung(Rung::Wake);
        }
    }

    /// Waits so long, and goes on listening.
    pub(super) async fn listen_for(&mut self, wire: &mut Wire, time: Duration) -> Result<(), End> {
        let over = tokio::time::sleep(time);
        tokio::pin!(over);
        loop {
            tokio::select! {
                biased;
                () = &mut over => return Ok(()),
                turn = self.turn(wire, false) => drop(turn?),
            }
        }
    }
}

/// Room for one event, from this time on; never, when there is none to hand out or nobody to take it.
async fn permit(offer: Option<(Instant, mpsc::Sender<Event>)>) -> mpsc::OwnedPermit<Event> {
    if let Some((at, events)) = offer {
        tokio::time::sleep_until(at.into()).await;
        if let Ok(permit) = events.reserve_owned().await {
            return permit;
        }
    }
    std::future::pending().await
}
