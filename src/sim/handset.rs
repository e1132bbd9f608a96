//! The phones of the people: each has a number and an inbox, puts long messages together again, and can send.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::carrier::Carrier;
use crate::clock::Timestamp;
use crate::pdu::{self, Concatenation, EncodeError, MessageClass, Submit, UserData};
use crate::phone::PhoneNumber;
use crate::secret::Text;

/// A message as a handset shows it, all its parts together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Who sent it.
    pub from: PhoneNumber,
    /// What it says.
    pub text: Text,
    /// Its class; class 0 is shown at once and not kept by real phones.
    pub class: Option<MessageClass>,
    /// Its replace type, 1 to 7: it took the place of an older one from the same sender with the same type.
    pub replace_type: Option<u8>,
    /// How many parts it came in.
    pub parts: usize,
    /// When its last part arrived.
    pub at: Timestamp,
}

/// One phone. Every handle to one number is the same phone.
#[derive(Debug, Clone)]
pub struct Handset {
    number: PhoneNumber,
    phone: Arc<Phone>,
    carrier: Carrier,
}

impl Handset {
    pub(super) fn new(number: PhoneNumber, phone: Arc<Phone>, carrier: Carrier) -> Self {
        Self { number, phone, carrier }
    }

    /// The phone's number.
    #[must_use]
    pub fn number(&self) -> &PhoneNumber {
        &self.number
    }

    /// What the phone holds now, oldest first. A replaced message is gone.
    #[must_use]
    pub fn inbox(&self) -> Vec<Received> {
        self.phone.lock().inbox.clone()
    }

    /// Waits for the next message that this method has not given out yet, replacing ones too.
    ///
    /// May be cancelled at any time.
    pub async fn next(&self) -> Received {
        let mut arrived = self.phone.arrived.subscribe();
        loop {
            if let Some(next) = self.phone.lock().unread.pop_front() {
                return next;
            }
            // The sender lives as long as the phone, so this cannot fail.
            let _ = arrived.changed().await;
        }
    }

    /// Sends a text to this number: a modem's, or another handset's. It arrives after the carrier's delivery time.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the text needs more than 255 parts.
    pub fn send(&self, to: &PhoneNumber, text: &str) -> Result<(), EncodeError> {
        self.carrier.send(&self.number, to, text)
    }
}

/// What a phone remembers.
#[derive(Debug)]
pub(super) struct Phone {
    memory: Mutex<Memory>,
    arrived: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Memory {
    inbox: Vec<Received>,
    unread: VecDeque<Received>,
    incomplete: HashMap<(PhoneNumber, u16, u8), BTreeMap<u8, UserData>>,
}

impl Phone {
    pub(super) fn new() -> Self {
        Self { memory: Mutex::default(), arrived: watch::Sender::new(0) }
    }

    /// Takes one part; gives the message when it is whole.
    pub(super) fn receive(&self, from: &PhoneNumber, part: &Submit, at: Timestamp) -> Option<Received> {
        let mut memory = self.lock();
        let (text, parts) = match part.user_data.concatenation() {
            None => (part.user_data.text(), 1),
            Some(place) => (memory.join(from, place, &part.user_data)?, usize::from(place.total)),
        };
        let received = Received {
            from: from.clone(),
            text: Text::new(text),
            class: part.class,
            replace_type: part.protocol.replace_type(),
            parts,
            at,
        };
        memory.keep(received.clone());
        drop(memory);
        self.arrived.send_modify(|count| *count += 1);
        Some(received)
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn join(&mut self, from: &PhoneNumber, place: Concatenation, part: &UserData) -> Option<String> {
        let key = (from.clone(), place.reference, place.total);
        let parts = self.incomplete.entry(key.clone()).or_default();
        parts.insert(place.sequence, part.clone());
        if parts.len() < usize::from(place.total) {
            return None;
        }
        let parts: Vec<UserData> = self.incomplete.remove(&key)?.into_values().collect();
        Some(pdu::reassemble(&parts))
    }

    /// 3GPP TS 23.040 §9.2.3.9: a replacing message takes the place of an older one with the same originator and type.
    fn keep(&mut self, received: Received) {
        self.unread.push_back(received.clone());
        let replaced = received.replace_type.and_then(|_| {
            self.inbox
                .iter()
                .position(|older| older.replace_type == received.replace_type && older.from == received.from)
        });
        match replaced {
            Some(place) => self.inbox[place] = received,
            None => self.inbox.push(received),
        }
    }
}
