//! Times as a service centre writes them (3GPP TS 23.040 §9.2.3.11): local time to the second with two digits of the
//! year, and the offset from UTC in quarters of an hour.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::decimal;

/// Seven octets of time: TP-SCTS, TP-DT, or an absolute TP-VP.
///
/// Networks write times that are none, all zeros for instance. Such octets are kept as they are and have no
/// [`ServiceCentreTime::timestamp`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServiceCentreTime([u8; 7]);

impl ServiceCentreTime {
    /// The time in UTC, to the second. The year is written with its last two digits.
    #[must_use]
    pub fn new(time: Timestamp) -> Self {
        Self::with_offset(time, 0)
    }

    /// The time as a clock shows it that is `quarters` of an hour ahead of UTC, from -79 to 79; more is taken as that.
    #[must_use]
    pub fn with_offset(time: Timestamp, quarters: i8) -> Self {
        let quarters = quarters.clamp(-79, 79);
        let civil = offset(quarters).to_datetime(time);
        let sign = if quarters < 0 { 0x08 } else { 0 };
        Self([
            decimal::octet(civil.year().rem_euclid(100).unsigned_abs().to_le_bytes()[0]),
            decimal::octet(civil.month().unsigned_abs()),
            decimal::octet(civil.day().unsigned_abs()),
            decimal::octet(civil.hour().unsigned_abs()),
            decimal::octet(civil.minute().unsigned_abs()),
            decimal::octet(civil.second().unsigned_abs()),
            decimal::octet(quarters.unsigned_abs()) | sign,
        ])
    }

    /// The time that these octets stand for.
    #[must_use]
    pub const fn from_octets(octets: [u8; 7]) -> Self {
        Self(octets)
    }

    /// The octets in the PDU.
    #[must_use]
    pub const fn octets(self) -> [u8; 7] {
        self.0
    }

    /// The instant, with years read as 2000 to 2099; none when the octets are no time.
    #[must_use]
    pub fn timestamp(self) -> Option<Timestamp> {
        offset(self.offset_quarters()?).to_timestamp(self.civil()?).ok()
    }

    /// How far the writer's clock is ahead of UTC, in quarters of an hour; none when the octets do not say.
    #[must_use]
    pub fn offset_quarters(self) -> Option<i8> {
        let zone = self.0[6];
        let quarters = i8::try_from(decimal::number(zone & !0x08)?).ok()?;
        Some(if zone & 0x08 == 0 { quarters } else { -quarters })
    }

    fn civil(self) -> Option<DateTime> {
        let number = |at: usize| i8::try_from(decimal::number(self.0[at])?).ok();
        let year = 2000 + i16::from(number(0)?);
        DateTime::new(year, number(1)?, number(2)?, number(3)?, number(4)?, number(5)?, 0).ok()
    }
}

fn offset(quarters: i8) -> Offset {
    // 79 quarters, the most that fit, are 19 hours 45 minutes; jiff's offsets reach just short of 26 hours.
    Offset::from_seconds(i32::from(quarters) * 900).unwrap_or(Offset::UTC)
}

/// For instance `2026-01-31T12:00:00Z`, or `no time`.
impl fmt::Display for ServiceCentreTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.timestamp() {
            Some(time) => time.fmt(f),
            None => f.write_str("no time"),
        }
    }
}

impl fmt::Debug for ServiceCentreTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceCentreTime({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_and_offset_make_an_instant() {
        let cases = [
            ([0x62, 0x10, 0x13, 0x21, 0x43, 0x65, 0x00], "2026-01-31T12:34:56Z"),
            ([0x62, 0x10, 0x13, 0x21, 0x43, 0x65, 0x80], "2026-01-31T10:34:56Z"),
            ([0x62, 0x10, 0x13, 0x21, 0x43, 0x65, 0x0A], "2026-01-31T17:34:56Z"),
            ([0x62, 0x10, 0x13, 0x21, 0x43, 0x65, 0x22], "2026-01-31T07:04:56Z"),
            ([0x99, 0x21, 0x13, 0x32, 0x95, 0x95, 0x00], "2099-12-31T23:59:59Z"),
        ];
        for (octets, instant) in cases {
            let time = ServiceCentreTime::from_octets(octets);
            assert_eq!(time.to_string(), instant);
            let again = ServiceCentreTime::with_offset(time.timestamp().unwrap(), time.offset_quarters().unwrap());
            assert_eq!(again, time, "{instant}");
        }
    }

    #[test]
    fn octets_that_are_no_time_are_kept() {
        for octets in
            [[0; 7], [0xFF; 7], [0x62, 0x31, 0x13, 0x21, 0x43, 0x65, 0x00], [0x62, 0x10, 0x13, 0x21, 0x43, 0x65, 0xB0]]
        {
            let time = ServiceCentreTime::from_octets(octets);
            assert_eq!(time.timestamp(), None);
            assert_eq!(time.to_string(), "no time");
            assert_eq!(time.octets(), octets);
        }
    }
}
