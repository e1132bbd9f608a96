//! TP-Validity-Period: how long the service centre keeps a message that it cannot deliver (3GPP TS 23.040 §9.2.3.12).

use std::time::Duration;

use super::decimal;
use super::error::{DecodeError, DecodeErrorKind};
use super::octets::Octets;
use super::time::ServiceCentreTime;

const FIELD: &str = "validity-period";
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;

/// A validity period in one of its three forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Validity {
    /// One octet, counted from when the service centre takes the message. Every centre knows this form.
    Relative(RelativeValidity),
    /// Until an instant by the service centre's clock.
    Absolute(ServiceCentreTime),
    /// To the second. Many centres do not know this form.
    Enhanced(EnhancedValidity),
}

/// A relative period: 5 minutes to 63 weeks in steps that grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelativeValidity(u8);

impl RelativeValidity {
    /// The smallest period that is not shorter than `time`; 63 weeks for anything longer than that.
    #[must_use]
    pub fn at_least(time: Duration) -> Self {
        let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)).max(1);
        let step = match seconds {
            0..=43_200 => seconds.div_ceil(5 * MINUTE) - 1,
            43_201..=86_400 => 143 + (seconds - 12 * HOUR).div_ceil(30 * MINUTE),
            86_401..=2_592_000 => 166 + seconds.div_ceil(DAY),
            _ => 192 + seconds.div_ceil(WEEK).max(5),
        };
        Self(u8::try_from(step).unwrap_or(u8::MAX))
    }

    /// The period.
    #[must_use]
    pub fn duration(self) -> Duration {
        let step = u64::from(self.0);
        Duration::from_secs(match self.0 {
            0..=143 => (step + 1) * 5 * MINUTE,
            144..=167 => 12 * HOUR + (step - 143) * 30 * MINUTE,
            168..=196 => (step - 166) * DAY,
            197..=255 => (step - 192) * WEEK,
        })
    }

    /// The period that this octet stands for.
    #[must_use]
    pub const fn from_octet(octet: u8) -> Self {
        Self(octet)
    }

    /// The octet in the PDU.
    #[must_use]
    pub const fn octet(self) -> u8 {
        self.0
    }
}

/// A period in the enhanced form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EnhancedValidity {
    /// Whether the service centre is to try only once.
    pub single_shot: bool,
    /// How long.
    pub period: EnhancedPeriod,
}

/// How long, in the enhanced form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EnhancedPeriod {
    /// Not said: as long as the service centre likes.
    Unspecified,
    /// In the steps of the relative form.
    Relative(RelativeValidity),
    /// In seconds. The standard reserves 0.
    Seconds(u8),
    /// In hours, minutes and seconds.
    Clock(ClockPeriod),
}

/// A period of hours, minutes and seconds, up to 99:59:59.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClockPeriod {
    hours: u8,
    minutes: u8,
    seconds: u8,
}

impl ClockPeriod {
    /// The period; none when `hours` is over 99, or `minutes` or `seconds` is over 59.
    #[must_use]
    pub const fn new(hours: u8, minutes: u8, seconds: u8) -> Option<Self> {
        match (hours, minutes, seconds) {
            (..=99, ..=59, ..=59) => Some(Self { hours, minutes, seconds }),
            _ => None,
        }
    }

    /// The period.
    #[must_use]
    pub fn duration(self) -> Duration {
        let (hours, minutes) = (u64::from(self.hours), u64::from(self.minutes));
        Duration::from_secs(hours * HOUR + minutes * MINUTE + u64::from(self.seconds))
    }
}

impl Validity {
    /// TP-VPF, at its place in the first octet of an SMS-SUBMIT.
    pub(super) fn format(validity: Option<&Self>) -> u8 {
        match validity {
            None => 0b00 << 3,
            Some(Self::Enhanced(_)) => 0b01 << 3,
            Some(Self::Relative(_)) => 0b10 << 3,
            Some(Self::Absolute(_)) => 0b11 << 3,
        }
    }

    /// Reads the period in the form that the first octet of the SMS-SUBMIT names.
    pub(super) fn decode(first: u8, octets: &mut Octets<'_>) -> Result<Option<Self>, DecodeError> {
        Ok(match first >> 3 & 0b11 {
            0b00 => None,
            0b01 => Some(Self::Enhanced(EnhancedValidity::decode(octets)?)),
            0b10 => Some(Self::Relative(RelativeValidity(octets.octet(FIELD)?))),
            _ => Some(Self::Absolute(ServiceCentreTime::from_octets(octets.array(FIELD)?))),
        })
    }

    pub(super) fn encode(&self, octets: &mut Vec<u8>) {
        match self {
            Self::Relative(period) => octets.push(period.0),
            Self::Absolute(time) => octets.extend(time.octets()),
            Self::Enhanced(enhanced) => octets.extend(enhanced.octets()),
        }
    }
}

impl EnhancedValidity {
    const SINGLE_SHOT: u8 = 0x40;

    fn decode(octets: &mut Octets<'_>) -> Result<Self, DecodeError> {
        let octet = octets.position();
        let reserved = |at: usize| DecodeError { field: FIELD, octet: octet + at, kind: DecodeErrorKind::Reserved };
        let [indicator, first, second, third, ..] = octets.array::<7>(FIELD)?;
        let period = match indicator & !Self::SINGLE_SHOT {
            0 => EnhancedPeriod::Unspecified,
            1 => EnhancedPeriod::Relative(RelativeValidity(first)),
            2 => EnhancedPeriod::Seconds(first),
            3 => EnhancedPeriod::Clock(ClockPeriod::decode([first, second, third]).ok_or(reserved(1))?),
            _ => return Err(reserved(0)),
        };
        Ok(Self { single_shot: indicator & Self::SINGLE_SHOT != 0, period })
    }

    fn octets(self) -> [u8; 7] {
        let (form, [first, second, third]) = match self.period {
            EnhancedPeriod::Unspecified => (0, [0; 3]),
            EnhancedPeriod::Relative(period) => (1, [period.0, 0, 0]),
            EnhancedPeriod::Seconds(seconds) => (2, [seconds, 0, 0]),
            EnhancedPeriod::Clock(period) => (3, period.octets()),
        };
        let single_shot = if self.single_shot { Self::SINGLE_SHOT } else { 0 };
        [form | single_shot, first, second, third, 0, 0, 0]
    }
}

impl ClockPeriod {
    fn decode(octets: [u8; 3]) -> Option<Self> {
        let [hours, minutes, seconds] = octets.map(decimal::number);
        Self::new(hours?, minutes?, seconds?)
    }

    fn octets(self) -> [u8; 3] {
        [self.hours, self.minutes, self.seconds].map(decimal::octet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_period_that_is_not_shorter_is_taken() {
        let cases = [
            (0, 0),
            (1, 0),
            (299, 0),
            (300, 0),
            (301, 1),
            (600, 1),
            (12 * HOUR, 143),
            (12 * HOUR + 1, 144),
            (DAY, 167),
            (DAY + 1, 168),
            (2 * DAY, 168),
            (30 * DAY, 196),
            (30 * DAY + 1, 197),
            (5 * WEEK, 197),
            (5 * WEEK + 1, 198),
            (63 * WEEK, 255),
            (63 * WEEK + 1, 255),
            (u64::MAX, 255),
        ];
        for (seconds, octet) in cases {
            assert_eq!(RelativeValidity::at_least(Duration::from_secs(seconds)).octet(), octet, "{seconds} s");
        }
        assert_eq!(RelativeValidity::at_least(Duration::from_millis(300_001)).octet(), 1);
    }

    #[test]
    fn every_step_is_its_own_smallest_period_and_longer_than_the_one_before() {
        for octet in 0..=255 {
            let period = RelativeValidity::from_octet(octet);
            assert_eq!(RelativeValidity::at_least(period.duration()), period);
            if let Some(before) = octet.checked_sub(1) {
                assert!(RelativeValidity::from_octet(before).duration() < period.duration());
            }
        }
    }

    #[test]
    fn every_form_comes_back() {
        let period = RelativeValidity::from_octet(7);
        let clock = ClockPeriod::new(1, 23, 45).unwrap();
        assert_eq!(clock.duration(), Duration::from_secs(5025));
        let mut forms = vec![
            Validity::Relative(period),
            Validity::Absolute(ServiceCentreTime::from_octets([0x62, 0x10, 0x13, 0x21, 0x43, 0x65, 0x80])),
        ];
        let periods = [
            EnhancedPeriod::Unspecified,
            EnhancedPeriod::Relative(period),
            EnhancedPeriod::Seconds(30),
            EnhancedPeriod::Clock(clock),
        ];
        for period in periods {
            forms.extend([false, true].map(|single_shot| Validity::Enhanced(EnhancedValidity { single_shot, period })));
        }
        for form in forms {
            let mut octets = Vec::new();
            form.encode(&mut octets);
            let first = Validity::format(Some(&form));
            assert_eq!(Validity::decode(first, &mut Octets::new(&octets)), Ok(Some(form)));
        }
    }

    #[test]
    fn what_the_enhanced_form_reserves_is_an_error_at_its_place() {
        let decode = |octets: [u8; 7]| EnhancedValidity::decode(&mut Octets::new(&octets)).unwrap_err();
        let reserved = |octet| DecodeError { field: FIELD, octet, kind: DecodeErrorKind::Reserved };
        assert_eq!(decode([0x04, 0, 0, 0, 0, 0, 0]), reserved(0));
        assert_eq!(decode([0x83, 0, 0, 0, 0, 0, 0]), reserved(0));
        assert_eq!(decode([0x03, 0x10, 0x06, 0, 0, 0, 0]), reserved(1));
    }

    #[test]
    fn a_clock_has_sixty_minutes_and_seconds() {
        assert!(ClockPeriod::new(99, 59, 59).is_some());
        assert!(ClockPeriod::new(100, 0, 0).is_none());
        assert!(ClockPeriod::new(0, 60, 0).is_none());
        assert!(ClockPeriod::new(0, 0, 60).is_none());
    }
}
