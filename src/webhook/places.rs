//! Who may be tried at the same time, so that receivers that answer never wait for those that do not, and no app for
//! another whose requests name many receivers.

use std::collections::{BTreeMap, BTreeSet};

use crate::store::CallbackId;

/// How many tries are under way at once.
const IN_ALL: usize = 16;
/// How many of them at one receiver.
const AT_ONE: usize = 4;
/// How many at a receiver whose last try had no answer.
const AT_A_SILENT_ONE: usize = 1;
/// How many at all such receivers together: the rest is for those that answer.
const AT_SILENT_ONES: usize = 8;
/// How many receivers without a try under way are remembered as silent. One that is forgotten is found silent again.
const REMEMBERED: usize = 256;

/// The tries that are under way, by receiver.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    under_way: BTreeSet<CallbackId>,
    receivers: BTreeMap<String, Receiver>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Receiver {
    under_way: usize,
    is_silent: bool,
}

impl Places {
    /// What is under way.
    pub(super) fn under_way(&self) -> Vec<CallbackId> {
        self.under_way.iter().copied().collect()
    }

    /// How many more tries can be started.
    pub(super) fn free_in_all(&self) -> usize {
        IN_ALL.saturating_sub(self.under_way.len())
    }

    /// How many of them at this receiver.
    pub(super) fn free(&self, receiver: &str) -> usize {
        let Receiver { under_way, is_silent } = self.receivers.get(receiver).copied().unwrap_or_default();
        let free = if is_silent {
            let silent = self.receivers.values().filter(|receiver| receiver.is_silent);
            let left = AT_SILENT_ONES.saturating_sub(silent.map(|receiver| receiver.under_way).sum());
            AT_A_SILENT_ONE.saturating_sub(under_way).min(left)
        } else {
            AT_ONE.saturating_sub(under_way)
        };
        free.min(self.free_of_app(receiver)).min(self.free_in_all())
    }

    /// How many more the app may have whose requests name this receiver: half of what others leave it, so that something
    /// is left for the next. An app's own URL, which a person wrote, is bound by nothing here.
    fn free_of_app(&self, receiver: &str) -> usize {
        let app = |name: &str| name.split_once(' ').map(|(app, _)| app.to_owned());
        let Some(wanted) = app(receiver) else { return IN_ALL };
        let all_of = self.receivers.iter().filter(|(name, _)| app(name).is_some_and(|app| app == wanted));
        let own: usize = all_of.map(|(_, receiver)| receiver.under_way).sum();
        let others = self.under_way.len().saturating_sub(own);
        IN_ALL.saturating_sub(others).div_ceil(2).saturating_sub(own)
    }

    /// Whether the last try at this receiver had no answer.
    pub(super) fn is_silent(&self, receiver: &str) -> bool {
        self.receivers.get(receiver).is_some_and(|receiver| receiver.is_silent)
    }

    /// Takes a place. `false` when there is none.
    pub(super) fn enter(&mut self, id: CallbackId, receiver: &str) -> bool {
        if self.free(receiver) == 0 || !self.under_way.insert(id) {
            return false;
        }
        self.receivers.entry(receiver.to_owned()).or_default().under_way += 1;
        true
    }

    /// Gives the place back.
    pub(super) fn leave(&mut self, id: CallbackId, name: &str, answered: bool) {
        self.under_way.remove(&id);
        if let Some(receiver) = self.receivers.get_mut(name) {
            receiver.under_way = receiver.under_way.saturating_sub(1);
            receiver.is_silent = !answered;
        }
        let is_crowded = self.receivers.len() > REMEMBERED;
        self.receivers.retain(|_, receiver| receiver.under_way > 0 || (receiver.is_silent && !is_crowded));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(place: i64) -> CallbackId {
        format!("cb_{:016x}{place:016x}", 1).parse().unwrap()
    }

    fn enter_all(places: &mut Places, ids: std::ops::Range<i64>, receiver: &str) -> usize {
        ids.filter(|id| places.enter(named(*id), receiver)).count()
    }

    #[test]
    fn one_receiver_has_four_places_and_all_have_sixteen() {
        let mut places = Places::default();
        for (n, taken) in [4, 4, 4, 4, 0].into_iter().enumerate() {
            let first = n as i64 * 10;
            assert_eq!(enter_all(&mut places, first..first + 10, &format!("https://{n}/")), taken, "{n}");
        }
        places.leave(named(0), "https://0/", true);
        assert_eq!((places.free("https://0/"), places.free("https://4/"), places.free("https://1/")), (1, 1, 0));
    }

    #[test]
    fn who_does_not_answer_has_one_place_until_he_answers() {
        let (mut places, name) = (Places::default(), "https://a/");
        assert_eq!(enter_all(&mut places, 0..4, name), 4);
        for id in 0..4 {
            places.leave(named(id), name, false);
        }
        assert_eq!((places.free(name), places.is_silent(name)), (1, true));
        assert_eq!(enter_all(&mut places, 5..9, name), 1);
        places.leave(named(5), name, true);
        assert_eq!((places.free(name), places.is_silent(name)), (4, false));
    }

    #[test]
    fn however_many_do_not_answer_there_are_places_for_who_does() {
        let mut places = Places::default();
        let names: Vec<String> = (0..40).map(|n| format!("https://{n}/")).collect();
        for (id, name) in (0..).zip(&names) {
            assert!(places.enter(named(id), name));
            places.leave(named(id), name, false);
        }
        let entered = (0..).zip(&names).filter(|(id, name)| places.enter(named(*id), name)).count();
        assert_eq!(entered, AT_SILENT_ONES);
        assert_eq!(places.free("https://well/"), AT_ONE);
    }

    #[test]
    fn an_app_whose_requests_name_many_hosts_leaves_places_for_every_other() {
        let mut places = Places::default();
        let mut id = 0;
        let mut enter_everywhere = |places: &mut Places, app: &str| {
            let names = (0..20).flat_map(|n| std::iter::repeat_n(format!("{app} host{n}"), 4));
            names
                .filter(|name| {
                    id += 1;
                    places.enter(named(id), name)
                })
                .count()
        };
        assert_eq!(enter_everywhere(&mut places, "a"), 8);
        assert_eq!(enter_everywhere(&mut places, "b"), 4);
        assert_eq!(places.free("https://c.example/"), AT_ONE);
        assert_eq!(["c", "d", "e"].map(|app| enter_everywhere(&mut places, app)), [2, 1, 1]);
    }

    #[test]
    fn what_is_under_way_is_not_begun_twice_and_memory_is_bounded() {
        let mut places = Places::default();
        assert!(places.enter(named(1), "https://a/"));
        assert!(!places.enter(named(1), "https://a/"));
        for id in 2..2000 {
            let name = format!("https://{id}/");
            assert!(places.enter(named(id), &name));
            places.leave(named(id), &name, false);
        }
        assert!(places.receivers.len() <= REMEMBERED + 1);
        assert_eq!(places.under_way(), [named(1)]);
    }
}
