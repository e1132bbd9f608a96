//! smsotpd turns a USB GSM/LTE modem and a SIM into an SMS one-time-code service for one site.

pub mod clock;
pub mod ids;
pub mod notify;
pub mod phone;
pub mod secret;
