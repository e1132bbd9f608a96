//! How many tries a card has left for its PIN. The standard's own question came late (`+CPINR`, 3GPP TS 27.007 §8.65),
//! so every maker has another, and the card itself can be asked as well.

use super::fields::{Field, fields};
use super::reply::Reply;

/// A way of asking how many tries are left. None of them uses one up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counter {
    /// `AT^CPIN?`: `^CPIN: <code>,[<times>],<puk>,<pin>,<puk2>,<pin2>`.
    Huawei,
    /// `AT+ZPINPUK=?`: `+ZPINPUK: <pin>,<puk>`.
    Zte,
    /// `AT+QPINC?`: `+QPINC: "SC",<pin>,<puk>`, and another line for the second PIN.
    Quectel,
    /// `AT#PCT`: `#PCT: <n>`, the tries for what the card asks for now.
    Telit,
    /// `AT+UPINCNT`: `+UPINCNT: <pin>,<pin2>,<puk>,<puk2>`.
    Ublox,
    /// `AT^SPIC="SC"`: `^SPIC: <pin>`.
    Cinterion,
    /// `AT+SPIC`: `+SPIC: <pin>,…`. Manuals disagree on the order of what follows.
    Simcom,
    /// `AT+CPINC?`: `+CPINC: <pin>,<pin2>,<puk>,<puk2>`.
    Sierra,
    /// `AT+CPINR`: `+CPINR: SIM PIN,<left>[,<all>]`, a line for each.
    Standard,
    /// `AT+CSIM=10,"0020000100"`: the card's own command VERIFY without a PIN in it, whose status word holds the tries
    /// (3GPP TS 31.101 §11.1.9).
    Csim,
}

impl Counter {
    /// Every way there is.
    pub const ALL: [Self; 10] = [
        Self::Huawei,
        Self::Zte,
        Self::Quectel,
        Self::Telit,
        Self::Ublox,
        Self::Cinterion,
        Self::Simcom,
        Self::Sierra,
        Self::Standard,
        Self::Csim,
    ];

    /// This way, then those that any modem may have.
    pub fn in_order(self) -> impl Iterator<Item = Self> {
        let common = [Self::Standard, Self::Csim].into_iter().filter(move |way| *way != self);
        std::iter::once(self).chain(common)
    }
}

/// The tries that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tries {
    /// For the PIN: 3 when none has been wrong, 0 when the card asks for its PUK.
    pub pin: u8,
    /// For the PUK, where the modem tells it in a way that can be relied on.
    pub puk: Option<u8>,
}

impl Reply {
    /// What the modem answered to [`Command::tries`](super::Command::tries), asked in this way while the card waits for
    /// its PIN; `None` when no number can be told from it.
    #[must_use]
    pub fn tries(&self, way: Counter) -> Option<Tries> {
        let own = self.fields();
        let number = |at: usize| own.get(at).and_then(count);
        let (pin, puk) = match way {
            Counter::Huawei => (number(3)?, number(2)),
            Counter::Zte => (number(0)?, number(1)),
            Counter::Telit | Counter::Cinterion | Counter::Simcom => (number(0)?, None),
            Counter::Ublox | Counter::Sierra => (number(0)?, number(2)),
            Counter::Quectel => {
                let card = self.row("SC")?;
                (card.get(1).and_then(count)?, card.get(2).and_then(count))
            }
            Counter::Standard => {
                let pin = self.row("SIM PIN")?.get(1).and_then(count)?;
                (pin, self.row("SIM PUK").and_then(|row| row.get(1).and_then(count)))
            }
            Counter::Csim => (status_word(own.get(1)?.text()?)?, None),
        };
        Some(Tries { pin, puk })
    }

    /// The line whose first field is this word.
    fn row(&self, word: &str) -> Option<Vec<Field<'_>>> {
        self.texts().map(fields).find(|row| row.first().and_then(Field::text) == Some(word))
    }
}

/// Cards allow up to 15 tries; a larger number is something else.
fn count(field: &Field<'_>) -> Option<u8> {
    field.number().and_then(|number| u8::try_from(number).ok()).filter(|tries| *tries <= 15)
}

/// `63 Cx`: x tries are left; `69 83`: none (ETSI TS 102 221 §10.2.1.5). Whatever else it says, it is no number.
fn status_word(hex: &str) -> Option<u8> {
    let word = hex.get(hex.len().checked_sub(4)?..)?;
    match word.to_ascii_uppercase().strip_prefix("63C") {
        Some(left) => u8::from_str_radix(left, 16).ok(),
        None => (word == "6983").then_some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(way: Counter, lines: &[&str]) -> Option<(u8, Option<u8>)> {
        let mut reply = Reply::default();
        lines.iter().for_each(|line| reply.add(line));
        reply.tries(way).map(|tries| (tries.pin, tries.puk))
    }

    #[test]
    fn every_makers_answer_tells_the_tries_for_the_pin() {
        assert_eq!(tries(Counter::Huawei, &["SIM PIN,3,10,2,10,3"]), Some((2, Some(10))));
        assert_eq!(tries(Counter::Huawei, &["READY,,10,3,10,3"]), Some((3, Some(10))));
        assert_eq!(tries(Counter::Zte, &["1,10"]), Some((1, Some(10))));
        assert_eq!(tries(Counter::Quectel, &["\"SC\",3,10", "\"P2\",2,9"]), Some((3, Some(10))));
        assert_eq!(tries(Counter::Telit, &["3"]), Some((3, None)));
        assert_eq!(tries(Counter::Ublox, &["0,3,5,5"]), Some((0, Some(5))));
        assert_eq!(tries(Counter::Cinterion, &["2"]), Some((2, None)));
        assert_eq!(tries(Counter::Simcom, &["2,3,10,10"]), Some((2, None)));
        assert_eq!(tries(Counter::Sierra, &["2, 3, 10, 10"]), Some((2, Some(10))));
        assert_eq!(tries(Counter::Standard, &["SIM PIN,3,3", "SIM PUK,10,10", "SIM PIN2,1,3"]), Some((3, Some(10))));
        assert_eq!(tries(Counter::Standard, &["\"SIM PIN2\",1", "\"SIM PIN\",2"]), Some((2, None)));
        assert_eq!(tries(Counter::Csim, &["4,\"63C3\""]), Some((3, None)));
        assert_eq!(tries(Counter::Csim, &["4,63c1"]), Some((1, None)));
        assert_eq!(tries(Counter::Csim, &["4,\"6983\""]), Some((0, None)));
    }

    #[test]
    fn an_answer_that_tells_no_tries_is_none() {
        for way in Counter::ALL {
            for lines in [&[][..], &["READY"], &["SIM PIN"], &["\"P2\",3,10"], &["x,y,z,w"], &[""]] {
                assert_eq!(tries(way, lines), None, "{way:?} {lines:?}");
            }
        }
        // The PIN is off, or has been entered; the card has no such PIN; a number no card has.
        assert_eq!(tries(Counter::Csim, &["4,\"9000\""]), None);
        assert_eq!(tries(Counter::Csim, &["4,\"6984\""]), None);
        assert_eq!(tries(Counter::Telit, &["200"]), None);
    }

    #[test]
    fn the_makers_way_comes_first_and_none_comes_twice() {
        assert!(Counter::Zte.in_order().eq([Counter::Zte, Counter::Standard, Counter::Csim]));
        assert!(Counter::Standard.in_order().eq([Counter::Standard, Counter::Csim]));
    }
}
