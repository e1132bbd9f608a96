//! Which card is which, when it does not always tell both of its numbers.

use super::health::Sim;
use crate::ids::{Iccid, Imsi, SimId};

/// The cards that have been in one modem since the daemon started.
#[derive(Default)]
pub(super) struct Cards(Vec<Sim>);

impl Cards {
    /// The card with these numbers. It keeps the identity under which it was first seen, and numbers it told once: a
    /// card that is busy tells only one of them, or another one next time. `None` when it tells neither.
    pub(super) fn recognise(&mut self, iccid: Option<Iccid>, imsi: Option<Imsi>) -> Option<Sim> {
        let id = iccid.as_ref().map(SimId::from_iccid).or_else(|| imsi.as_ref().map(SimId::from_imsi))?;
        let read = Sim { id, iccid, imsi };
        let Some(known) = self.0.iter_mut().find(|known| is_same(known, &read)) else {
            self.0.push(read.clone());
            return Some(read);
        };
        known.iccid = read.iccid.or_else(|| known.iccid.take());
        known.imsi = read.imsi.or_else(|| known.imsi.take());
        Some(known.clone())
    }

    /// The card that goes by this identity tells its subscription after all.
    pub(super) fn learn(&mut self, id: &SimId, imsi: &Imsi) {
        if let Some(known) = self.0.iter_mut().find(|known| known.id == *id) {
            known.imsi = Some(imsi.clone());
        }
    }
}

/// The ICCID decides where both are known: one subscription can move to another card.
fn is_same(known: &Sim, read: &Sim) -> bool {
    match (&known.iccid, &read.iccid) {
        (Some(known), Some(read)) => known == read,
        _ => known.imsi.is_some() && known.imsi == read.imsi,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ICCID: Option<&str> = Some("8988211000000000001");
    const IMSI: Option<&str> = Some("262011234567890");

    fn recognise(cards: &mut Cards, iccid: Option<&str>, imsi: Option<&str>) -> Option<Sim> {
        cards.recognise(iccid.map(|text| text.parse().unwrap()), imsi.map(|text| text.parse().unwrap()))
    }

    #[test]
    fn a_card_keeps_its_first_identity_whatever_it_tells_later() {
        for (first, later) in
            [((ICCID, IMSI), (None, IMSI)), ((ICCID, IMSI), (ICCID, None)), ((None, IMSI), (ICCID, IMSI))]
        {
            let mut cards = Cards::default();
            let id = recognise(&mut cards, first.0, first.1).unwrap().id;
            let again = recognise(&mut cards, later.0, later.1).unwrap();
            assert_eq!(again.id, id, "{first:?} {later:?}");
            assert!(again.iccid.is_some() && again.imsi.is_some());
        }
    }

    #[test]
    fn a_card_is_known_by_what_it_told_last() {
        let mut cards = Cards::default();
        let id = recognise(&mut cards, ICCID, None).unwrap().id;
        cards.learn(&id, &IMSI.unwrap().parse().unwrap());
        for (iccid, imsi) in [(None, IMSI), (ICCID, None)] {
            let again = recognise(&mut cards, iccid, imsi).unwrap();
            assert!(again.id == id && again.imsi.is_some(), "{iccid:?} {imsi:?}");
        }
    }

    #[test]
    fn other_cards_are_others() {
        let mut cards = Cards::default();
        let id = recognise(&mut cards, ICCID, IMSI).unwrap().id;
        assert_ne!(recognise(&mut cards, Some("8988211000000000002"), IMSI).unwrap().id, id);
        assert_ne!(recognise(&mut cards, None, Some("262011234567891")).unwrap().id, id);
        assert_ne!(recognise(&mut cards, Some("8988211000000000003"), None).unwrap().id, id);
        assert_eq!(recognise(&mut cards, ICCID, None).unwrap().id, id);
        assert_eq!(recognise(&mut cards, None, None), None);
    }
}
