//! What the log is told of one modem: when it can send, when it cannot any more, and why.

use serde_json::json;

use crate::http::{ModemState, ModemView};
use crate::store::{Kind, Store};

/// What was told of a modem last.
pub(super) struct Told {
    store: Store,
    last: Option<Kind>,
}

impl Told {
    pub(super) fn new(store: Store) -> Self {
        Self { store, last: None }
    }

    /// Writes down how the modem is, if that is another thing than before.
    pub(super) async fn tell(&mut self, view: &ModemView) {
        let Some(kind) = kind(view.state).filter(|kind| self.last != Some(*kind)) else { return };
        let mut detail = json!({ "modem": view.name });
        for (name, words) in [("reason", &view.reason), ("advice", &view.advice)] {
            if let Some(words) = words {
                detail[name] = json!(words);
            }
        }
        match self.store.note(kind, None, detail).await {
            Ok(()) => self.last = Some(kind),
            // The next look at the modem tries again.
            Err(error) => tracing::warn!(modem.name = %view.name, %error, "a change of the modem is not in the log"),
        }
    }
}

/// What a state is told as. A modem that is being set up is on its way to another; who takes one out of use has that
/// written down.
fn kind(state: ModemState) -> Option<Kind> {
    match state {
        ModemState::Ready => Some(Kind::ModemReady),
        ModemState::NotReady => Some(Kind::ModemNotReady),
        ModemState::Absent => Some(Kind::ModemAbsent),
        ModemState::Resting => Some(Kind::ModemResting),
        ModemState::Starting | ModemState::Draining => None,
    }
}
