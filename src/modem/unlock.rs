//! Giving a card its PIN, at most once.
//!
//! Only a card that asks for exactly that is given one, only with all its tries left, and only after the book on disk says
//! so (pin.rs). A PIN that the modem says was taken is struck from the book at once; one that the card asks for all the
//! same is written there again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::actor::{Actor, End};
use super::card;
use super::health::State;
use super::pin::{self, BookError, CardKey, Configured, Pin, PinBook};
use super::verdict::{self, Locked};
use super::wire::Wire;
use crate::at::{Command, CommandError, Reply};
use crate::ids::Iccid;

/// The tries that a card has while none has failed.
const ALL_TRIES: u8 = 3;
/// How often a card that was given its PIN is asked whether it is ready, and after which pause.
const READY_TRIES: usize = 20;
const READY_PAUSE: Duration = Duration::from_secs(1);

impl Actor {
    /// Gives the card, which asks for its PIN, the one that is configured. `None` when it is ready after it.
    pub(super) async fn unlock(&mut self, wire: &mut Wire) -> Result<Option<State>, End> {
        let settings = self.settings.clone();
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let Configured { pin, exposed } = match aside(move || pin::configured(&settings, credentials.as_deref())).await
        {
            Ok(configured) => configured,
            Err(why) => return Ok(Some(verdict::locked(&Locked::NoPin(why)))),
        };
        let number = self.card_number(wire).await?;
        let cards = self.card_keys(number.as_ref());
        if let Err(why) = self.permit(wire, cards.clone(), pin.clone()).await? {
            return Ok(Some(verdict::locked(&why)));
        }
        tracing::info!(modem.name = %self.name, "the SIM is given its PIN");
        if let Some(path) = exposed.as_deref().map(Path::display) {
            tracing::warn!(modem.name = %self.name, "everybody can read the PIN in {path}: `chmod o-rwx {path}`");
        }
        let accepted = self.ask(wire, &Command::enter_pin(pin.expose())).await?.is_ok();
        if accepted {
            // At once: the load of the radio that starts now is what takes weak supplies down.
            self.forget_pins(number.as_ref()).await;
        }
        // Some families fail over the card's next command when it comes at once.
        self.listen_for(wire, self.profile.after_unlock).await?;
        let state = self.await_ready(wire, accepted).await?;
        if asks_for_pin(&state) {
            let kept = if accepted { self.with_book(move |book| book.add(&cards, &pin)).await } else { Ok(()) };
            return Ok(Some(verdict::locked(&kept.map_or_else(Locked::Book, |()| Locked::Tried))));
        }
        let trouble = card::trouble(&state);
        if trouble.is_none() {
            self.forget_pins(number.as_ref()).await;
        }
        Ok(trouble)
    }

    /// Whether this card may be given this PIN. If so, the book says that it was.
    async fn permit(&mut self, wire: &mut Wire, cards: Vec<CardKey>, pin: Pin) -> Result<Result<(), Locked>, End> {
        if cards.is_empty() {
            return Ok(Err(Locked::Nameless));
        }
        let (these_cards, this_pin) = (cards.clone(), pin.clone());
        match self.with_book(move |book| book.holds(&these_cards, &this_pin)).await {
            Ok(false) => {}
            Ok(true) => return Ok(Err(Locked::Tried)),
            Err(error) => return Ok(Err(Locked::Book(error))),
        }
        match self.tries_left(wire).await? {
            Some(ALL_TRIES..) => Ok(self.with_book(move |book| book.add(&cards, &pin)).await.map_err(Locked::Book)),
            Some(few) => Ok(Err(Locked::FewTries(few))),
            None => Ok(Err(Locked::Uncounted)),
        }
    }

    /// Waits for what the card says once it has its PIN.
    async fn await_ready(&mut self, wire: &mut Wire, accepted: bool) -> Result<Result<Reply, CommandError>, End> {
        let mut state = Err(CommandError::TimedOut);
        for _ in 0..READY_TRIES {
            self.listen_for(wire, READY_PAUSE).await?;
            state = self.ask(wire, &Command::sim_state()).await?;
            let undecided = card::is_busy(&state) || (accepted && asks_for_pin(&state));
            if !undecided {
                break;
            }
        }
        Ok(state)
    }

    /// How many tries the card has left; `None` when nothing tells.
    async fn tries_left(&mut self, wire: &mut Wire) -> Result<Option<u8>, End> {
        for way in self.profile.counter.in_order() {
            if let Ok(reply) = self.ask(wire, &Command::tries(way)).await?
                && let Some(tries) = reply.tries(way)
            {
                return Ok(Some(tries.pin));
            }
        }
        Ok(None)
    }

    /// The card is ready: whatever PIN it was given was right, or is of no matter any more.
    pub(super) async fn forget_pins(&self, number: Option<&Iccid>) {
        let cards = self.card_keys(number);
        if let Err(error) = self.with_book(move |book| book.forget(&cards)).await {
            tracing::warn!(modem.name = %self.name, %error, "the list of refused PINs cannot be kept");
        }
    }

    /// What the card is known by, the surest first.
    fn card_keys(&self, number: Option<&Iccid>) -> Vec<CardKey> {
        let modem = self.health.borrow().imei.as_ref().map(CardKey::of_modem);
        number.map(CardKey::of_card).into_iter().chain(modem).collect()
    }

    async fn with_book<T: Send + 'static>(
        &self,
        work: impl FnOnce(&PinBook) -> Result<T, BookError> + Send + 'static,
    ) -> Result<T, BookError> {
        let pins = self.pins.clone();
        aside(move || work(&pins)).await
    }
}

/// Whether the card asks for its PIN and for nothing else.
pub(super) fn asks_for_pin(state: &Result<Reply, CommandError>) -> bool {
    state.as_ref().is_ok_and(|reply| reply.last_text() == Some("SIM PIN"))
}

/// Does what may wait for a disk where waiting harms nobody.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that is being shut down cuts such work off, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}
