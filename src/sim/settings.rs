//! What a simulated carrier and a simulated modem are like.

use std::time::Duration;

use super::family::Family;
use crate::ids::{Iccid, Imei, Imsi};
use crate::phone::PhoneNumber;

/// How a simulated network behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct CarrierSettings {
    /// From Ctrl-Z to `+CMGS:`: the time the network takes to accept one part. Default 1 s.
    pub submit_time: Duration,
    /// From acceptance to the handset, and from a handset to the modem. Default 2 s.
    pub delivery_time: Duration,
    /// The share of accepted parts that never arrive, from 0 (the default) to 1.
    pub loss: f64,
    /// Decides which parts are lost. The same seed loses the same ones.
    pub seed: u64,
}

impl Default for CarrierSettings {
    fn default() -> Self {
        Self { submit_time: Duration::from_secs(1), delivery_time: Duration::from_secs(2), loss: 0.0, seed: 0 }
    }
}

/// What a simulated modem and its SIM say of themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSettings {
    /// The family whose manners it has.
    pub family: Family,
    /// `AT+CGMI`.
    pub manufacturer: String,
    /// `AT+CGMM`.
    pub model: String,
    /// `AT+CGMR`.
    pub firmware: String,
    /// `AT+CGSN`.
    pub imei: Imei,
    /// `AT+CCID`.
    pub iccid: Iccid,
    /// `AT+CIMI`.
    pub imsi: Imsi,
    /// The number that handsets see and can send to; `AT+CNUM`.
    pub number: PhoneNumber,
    /// The service centre's number on the SIM; `AT+CSCA?`.
    pub service_centre: PhoneNumber,
    /// `AT+COPS?`.
    pub operator: String,
    /// `AT+CSQ`: 0 to 31, 99 for unknown.
    pub signal: u8,
}

impl DeviceSettings {
    /// The `index`th of a row of modems that differ in IMEI, SIM and number (all in ranges set aside for tests).
    #[must_use]
    pub fn numbered(index: u16) -> Self {
        Self::of(Family::Generic, index)
    }

    /// The same of a family, with its name and its manners.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the texts are made here, with the right number of digits")]
    pub fn of(family: Family, index: u16) -> Self {
        let profile = family.profile();
        let imei = with_check_digit(&format!("00101312{index:06}"));
        let iccid = with_check_digit(&format!("898800100000{index:06}"));
        Self {
            family,
            manufacturer: profile.manufacturer.to_owned(),
            model: profile.model.to_owned(),
            firmware: profile.firmware.to_owned(),
            imei: imei.parse().expect("15 digits"),
            iccid: iccid.parse().expect("19 digits"),
            imsi: format!("0010100000{index:05}").parse().expect("15 digits"),
            number: PhoneNumber::from_digits(&format!("155501{index:05}")).expect("11 digits"),
            service_centre: PhoneNumber::from_digits("15550099999").expect("11 digits"),
            operator: "Simulated".to_owned(),
            signal: 21,
        }
    }
}

impl Default for DeviceSettings {
    fn default() -> Self {
        Self::numbered(0)
    }
}

/// The digits and the check digit that makes them right (ISO/IEC 7812-1, annex B).
fn with_check_digit(digits: &str) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .map(|digit| u32::from(digit - b'0'))
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_right() {
        assert_eq!(with_check_digit("49015420323751"), "490154203237518");
        assert_eq!(with_check_digit("7992739871"), "79927398713");
    }

    #[test]
    fn every_modem_of_a_row_can_be_made_and_differs() {
        let (first, last) = (DeviceSettings::numbered(0), DeviceSettings::numbered(u16::MAX));
        assert_ne!(first.imei, last.imei);
        assert_ne!(first.iccid, last.iccid);
        assert_ne!(first.imsi, last.imsi);
        assert_ne!(first.number, last.number);
    }
}
