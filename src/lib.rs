//! smsotpd turns a USB GSM/LTE modem and a SIM into an SMS one-time-code service for one site.

pub mod at;
pub mod clock;
pub mod config;
pub mod dispatch;
pub mod http;
pub mod ids;
pub mod intake;
pub mod issue;
pub mod limits;
pub mod message;
pub mod modem;
pub mod notify;
pub mod otp;
pub mod pdu;
pub mod phone;
pub mod secret;
pub mod send;
pub mod sim;
pub mod store;
pub mod template;
pub mod verify;
