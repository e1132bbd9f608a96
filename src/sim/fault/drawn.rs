//! Faults drawn from a seed: the same seed draws the same ones at the same times.

use std::time::Duration;

use super::kinds::{BrownOut, CardFault, Fault, HangUp, ReportFault, SendResult, Standing, Until};
use super::lines::Timed;
use crate::sim::dice::Dice;
use crate::sim::storage::StorageName;

/// The longest time between two faults.
const LONGEST_PAUSE: u16 = 600;
/// The longest that the network stays away, in seconds.
const LONGEST_OUTAGE: u16 = 300;

/// An endless row of faults, each with its time from the start, in order.
///
/// Each one ends: by itself, or through something that a driver can do. What lasts in the network or the SIM is drawn
/// together with its end. None uses up a PIN.
#[derive(Debug, Clone)]
pub struct Drawn {
    dice: Dice,
    time: Duration,
    /// The ends of what was drawn.
    ends: Vec<Timed>,
    next: Option<Timed>,
}

impl Drawn {
    pub(super) fn from_seed(seed: u64) -> Self {
        Self { dice: Dice::new(seed), time: Duration::ZERO, ends: Vec::new(), next: None }
    }

    fn draw(&mut self) -> Timed {
        self.time += Duration::from_millis(u64::from(self.dice.below(LONGEST_PAUSE)) * 1_000 + 500);
        let families: [fn(&mut Self) -> Fault; 8] = [
            Self::of_the_prompt,
            Self::of_the_answer,
            Self::of_reports,
            Self::of_silence,
            Self::of_the_wire,
            Self::of_power,
            Self::of_the_network,
            Self::of_the_card,
        ];
        let draw = *self.dice.one_of(&families);
        Timed { fault: draw(self), after: self.time }
    }

    fn seconds(&mut self, end: u16) -> Duration {
        Duration::from_millis(u64::from(self.dice.below(end)) * 1_000 + u64::from(self.dice.below(1_000)))
    }

    fn moment(&mut self) -> HangUp {
        let submitted = self.dice.below(2) == 0;
        *self.dice.one_of(&[HangUp::BeforePrompt, HangUp::AfterPrompt, HangUp::AfterCtrlZ { submitted }])
    }

    fn of_the_prompt(&mut self) -> Fault {
        match self.dice.below(6) {
            0 => Fault::SilentBeforePrompt,
            1 => Fault::PromptAfter(self.seconds(9)),
            2 => Fault::MalformedPrompt("\r\n\r \n >  \r\n".to_owned()),
            3 => Fault::LineAtPrompt("^BOOT:21850123,0,0,0,71".to_owned()),
            4 => Fault::StuckPrompt,
            _ => Fault::LeftInPrompt,
        }
    }

    fn of_the_answer(&mut self) -> Fault {
        match self.dice.below(6) {
            0 => Fault::SilentAfterCtrlZ { submitted: self.dice.below(2) == 0 },
            1 => Fault::CmsError(*self.dice.one_of(&[21, 27, 38, 41, 42, 47, 302, 314, 331, 332, 500])),
            2 => Fault::CmsText((*self.dice.one_of(&["", "Unknown error", "SIM busy"])).to_owned()),
            3 => Fault::SendResult(SendResult::Missing),
            4 => Fault::SendResult(SendResult::Twice),
            _ => Fault::SendResult(SendResult::Late(self.seconds(200))),
        }
    }

    fn of_reports(&mut self) -> Fault {
        let late = self.seconds(20_000);
        match self.dice.below(6) {
            0 => Fault::AnnouncesTwice,
            1 => Fault::Report(ReportFault::Early),
            2 => Fault::Report(ReportFault::Twice),
            3 => Fault::Report(ReportFault::Never),
            4 => Fault::Report(ReportFault::OutOfOrder),
            _ => Fault::Report(ReportFault::Late(late)),
        }
    }

    fn of_silence(&mut self) -> Fault {
        let until = match self.dice.below(4) {
            0 => Until::Escape,
            1 => Until::Reopened,
            2 => Until::Restart,
            _ => Until::After(self.seconds(60)),
        };
        match self.dice.below(3) {
            0 => Fault::Swallow(1 + self.dice.below(3)),
            1 => Fault::Mute { commands: vec!["+CMGS".to_owned()], until },
            _ => Fault::Silent(until),
        }
    }

    fn of_the_wire(&mut self) -> Fault {
        match self.dice.below(6) {
            0 => Fault::Storm { line: "^BOOT:{n},0,0,0,71".to_owned(), times: 50, every: Duration::from_millis(20) },
            1 => Fault::Garbage(1 + self.dice.below(40)),
            2 => Fault::Garbled(self.seconds(20)),
            3 => Fault::EchoOn,
            4 => Fault::LineWithin { command: "+CMGS".to_owned(), line: "^RSSI:17".to_owned() },
            _ => Fault::Pieces { bytes: 1 + self.dice.below(4), every: Duration::from_millis(1) },
        }
    }

    fn of_power(&mut self) -> Fault {
        let gone_for = self.seconds(30);
        match self.dice.below(3) {
            0 => Fault::NextReference(*self.dice.one_of(&[0, 254, 255])),
            1 => Fault::BrownOut(BrownOut { at: Some(self.moment()), gone_for }),
            _ => Fault::BrownOut(BrownOut { at: None, gone_for }),
        }
    }

    fn of_the_network(&mut self) -> Fault {
        let outage = self.seconds(LONGEST_OUTAGE);
        match self.dice.below(4) {
            0 => Fault::NetworkRefuses { code: *self.dice.one_of(&[38, 41, 42, 47]), sends: 1 + self.dice.below(3) },
            1 => Fault::Call(Duration::from_secs(20)),
            2 => {
                self.end(outage, Fault::Barred(None));
                Fault::Barred(Some(*self.dice.one_of(&[8, 10, 21, 29, 50])))
            }
            _ => {
                self.end(outage, Fault::Standing(Standing::all(1)));
                Fault::Standing(Standing::all(*self.dice.one_of(&[0, 2, 3, 4, 5, 8, 11])))
            }
        }
    }

    fn of_the_card(&mut self) -> Fault {
        let outage = self.seconds(LONGEST_OUTAGE);
        match self.dice.below(3) {
            0 => Fault::Full(*self.dice.one_of(&[StorageName::Sim, StorageName::Reports])),
            1 => Fault::Card(CardFault::Busy(self.seconds(30))),
            _ => {
                self.end(outage, Fault::Card(CardFault::Inserted { iccid: None, imsi: None }));
                Fault::Card(CardFault::Removed)
            }
        }
    }

    fn end(&mut self, after: Duration, fault: Fault) {
        self.ends.push(Timed { after: self.time + after, fault });
    }
}

impl Iterator for Drawn {
    type Item = Timed;

    fn next(&mut self) -> Option<Timed> {
        let next = match self.next.take() {
            Some(next) => next,
            None => self.draw(),
        };
        let earliest =
            self.ends.iter().enumerate().min_by_key(|(_, end)| end.after).map(|(place, end)| (place, end.after));
        match earliest {
            Some((place, after)) if after < next.after => {
                self.next = Some(next);
                Some(self.ends.swap_remove(place))
            }
            _ => Some(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_draws_one_row_in_order_and_another_draws_another() {
        let row = |seed| Drawn::from_seed(seed).take(200).collect::<Vec<_>>();
        assert_eq!(row(7), row(7));
        assert_ne!(row(7), row(8));
        assert!(row(7).is_sorted_by_key(|timed| timed.after));
    }

    #[test]
    fn what_lasts_in_the_network_ends() {
        let row: Vec<Fault> = Drawn::from_seed(3).take(2_000).map(|timed| timed.fault).collect();
        let last = |is_one: fn(&Fault) -> bool| row.iter().rfind(|fault| is_one(fault)).cloned();
        let count = |wanted: &Fault| row.iter().filter(|fault| *fault == wanted).count();
        assert!(last(|fault| matches!(fault, Fault::Barred(_))).is_some());
        let (barred, freed) =
            (row.iter().filter(|fault| matches!(fault, Fault::Barred(Some(_)))).count(), count(&Fault::Barred(None)));
        assert!(barred > 10 && barred - freed <= 1, "{barred} {freed}");
    }
}
