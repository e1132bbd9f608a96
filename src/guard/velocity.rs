//! How fast one app, and one client address, may ask: token buckets, in memory and of bounded size.
//!
//! A bucket is full again after an hour, so a restart of the daemon forgives an hour at most; what must not be forgiven
//! is counted on disk, by number and prefix. Whoever has more addresses than there are buckets is bounded by those, too.

use core::net::IpAddr;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::time::Duration;

use crate::clock::Moment;
use crate::ids::AppName;

const HOUR: Duration = Duration::from_secs(3600);

/// How much is remembered at most.
const MOST: usize = 20_000;

/// What was noted last of each of many things, in bounded room: of more than that, what was noted longest ago is forgotten.
#[derive(Debug)]
pub struct Lately<K> {
    young: HashMap<K, Moment>,
    /// What was young before: dropped when the young are too many.
    old: HashMap<K, Moment>,
}

impl<K> Default for Lately<K> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Eq + Hash> Lately<K> {
    /// What was noted of it.
    pub fn get(&self, of: &K) -> Option<Moment> {
        self.young.get(of).or_else(|| self.old.get(of)).copied()
    }

    /// Notes a moment of it.
    pub fn note(&mut self, of: K, moment: Moment) {
        if self.young.len() >= MOST / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(of, moment);
    }
}

/// The addresses that one client is taken to have: an IPv4 address, or the /64 of an IPv6 address, out of which each
/// subscriber can take any (RFC 6177).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressBlock(u128);

impl From<IpAddr> for AddressBlock {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.to_ipv6_mapped().to_bits()),
            IpAddr::V6(address) => Self(address.to_bits() >> 64 << 64),
        }
    }
}

/// Nobody's address is printed.
impl fmt::Debug for AddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressBlock")
    }
}

/// Whose bucket it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Whose {
    /// An app's.
    App(AppName),
    /// A client's.
    Address(AddressBlock),
}

/// The buckets. Of each only the moment is kept at which it is full again.
#[derive(Debug, Default)]
pub struct Buckets(Lately<Whose>);

impl Buckets {
    /// How long to wait for one more, of so many an hour; `None` for not at all. 0 means no limit.
    #[must_use]
    pub fn wait(&self, whose: &Whose, per_hour: u32, now: Moment) -> Option<Duration> {
        let each = HOUR.checked_div(per_hour)?;
        let full_from = self.full_from(whose).max(now) + each;
        Some((full_from - HOUR).since(now)).filter(|wait| !wait.is_zero())
    }

    /// Takes one, of so many an hour.
    pub fn take(&mut self, whose: Whose, per_hour: u32, now: Moment) {
        let Some(each) = HOUR.checked_div(per_hour) else { return };
        let full_from = self.full_from(&whose).max(now) + each;
        self.0.note(whose, full_from);
    }

    fn full_from(&self, whose: &Whose) -> Moment {
        self.0.get(whose).unwrap_or(Moment::from_millis(i64::MIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1000)
    }

    fn client(address: &str) -> Whose {
        Whose::Address(address.parse::<IpAddr>().unwrap().into())
    }

    /// Asks; tells how long to wait in seconds, 0 for not at all.
    fn ask(buckets: &mut Buckets, who: &Whose, per_hour: u32, now: i64) -> u64 {
        let wait = buckets.wait(who, per_hour, at(now));
        if wait.is_none() {
            buckets.take(who.clone(), per_hour, at(now));
        }
        wait.map_or(0, |wait| wait.as_secs())
    }

    #[test]
    fn a_full_bucket_gives_all_at_once_and_then_one_at_a_time() {
        let (mut buckets, who) = (Buckets::default(), client("192.0.2.1"));
        let waits: Vec<u64> = [0, 0, 0, 0, 1200, 1200].map(|now| ask(&mut buckets, &who, 3, now)).to_vec();
        assert_eq!(waits, [0, 0, 0, 1200, 0, 1200]);
        assert_eq!([9_000; 4].map(|now| ask(&mut buckets, &who, 3, now)), [0, 0, 0, 1200]);
        assert_eq!([9_000; 4].map(|now| ask(&mut buckets, &client("192.0.2.2"), 3, now)), [0, 0, 0, 1200]);
        assert_eq!([9_000; 4].map(|now| ask(&mut buckets, &who, 0, now)), [0; 4], "no limit");
    }

    #[test]
    fn an_address_counts_as_its_whole_block_however_it_is_written() {
        assert_eq!(client("192.0.2.1"), client("::ffff:192.0.2.1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_eq!(format!("{:?}", client("192.0.2.1")), "Address(AddressBlock)");
    }

    #[test]
    fn any_number_of_addresses_takes_bounded_room_and_the_last_ones_are_not_forgotten() {
        let mut buckets = Buckets::default();
        let other = |number: u128| Whose::Address(AddressBlock(number << 64));
        for number in 0..100_000 {
            assert_eq!(ask(&mut buckets, &other(number), 1, 0), 0);
            assert!(buckets.0.young.len() + buckets.0.old.len() <= MOST);
        }
        assert_eq!(ask(&mut buckets, &other(99_999 - 5_000), 1, 0), 3600);
    }
}
