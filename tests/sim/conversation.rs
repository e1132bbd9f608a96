//! Lines, echo, result codes, identity and network: ITU-T V.250 and 3GPP TS 27.007.

use std::time::Duration;

use smsotpd::clock::Clock;
use smsotpd::sim::{Carrier, CarrierSettings, EventKind, Registration};

use crate::typist::{Typist, carrier, device};

#[tokio::test(start_paused = true)]
async fn a_modem_echoes_until_it_is_told_not_to() {
    let mut typist = Typist::plug(&device(&carrier()));
    typist.write("AT\r").await;
    assert_eq!(typist.until("OK\r\n").await, "AT\r\r\nOK\r\n");
    typist.write("ATE0\r").await;
    assert_eq!(typist.until("OK\r\n").await, "ATE0\r\r\nOK\r\n");
    typist.write("AT\r").await;
    assert_eq!(typist.until("OK\r\n").await, "\r\nOK\r\n");
}

#[tokio::test(start_paused = true)]
async fn results_can_be_numbers_or_nothing() {
    let mut typist = Typist::ready(&device(&carrier())).await;
    typist.write("ATV0\r").await;
    assert_eq!(typist.until("0\r").await, "0\r");
    typist.write("AT+CGMM\r").await;
    assert_eq!(typist.until("0\r").await, "Simulated Modem\r\n0\r");
    typist.write("ATQ1\rAT\rATQ0V1\r").await;
    assert_eq!(typist.until("OK\r\n").await, "\r\nOK\r\n");
}

#[tokio::test(start_paused = true)]
async fn joined_commands_get_one_result_and_stop_at_the_first_error() {
    let mut typist = Typist::ready(&device(&carrier())).await;
    assert_eq!(typist.at("+CSQ;+CFUN?").await, ["+CSQ: 21,99", "+CFUN: 1", "OK"]);
    assert_eq!(typist.at("+CSQ;+NONSENSE;+CFUN?").await, ["+CSQ: 21,99", "ERROR"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_line_can_be_repeated() {
    let mut typist = Typist::ready(&device(&carrier())).await;
    typist.at("+CSQ").await;
    typist.write("A/").await;
    assert_eq!(typist.result().await, ["+CSQ: 21,99", "OK"]);
}

#[tokio::test(start_paused = true)]
async fn line_ends_follow_s3_and_s4() {
    let mut typist = Typist::ready(&device(&carrier())).await;
    assert_eq!(typist.at("S3?").await, ["013", "OK"]);
    typist.write("ATS4=33\r").await;
    assert_eq!(typist.until("OK\r!").await, "\r!OK\r!");
}

#[tokio::test(start_paused = true)]
async fn errors_come_as_cmee_says() {
    let mut typist = Typist::ready(&device(&carrier())).await;
    for (level, lines) in [
        (0, ["ERROR", "+CMS ERROR: 321"]),
        (1, ["+CME ERROR: 3", "+CMS ERROR: 321"]),
        (2, ["+CME ERROR: operation not allowed", "+CMS ERROR: invalid memory index"]),
    ] {
        typist.at(&format!("+CMEE={level}")).await;
        assert_eq!(typist.at("+CPIN=1234").await, [lines[0]]);
        assert_eq!(typist.at("+CMGR=1").await, [lines[1]]);
    }
    assert_eq!(typist.at("?").await, ["ERROR"]);
}

#[tokio::test(start_paused = true)]
async fn modem_and_sim_say_who_they_are() {
    let device = device(&carrier());
    let settings = device.settings().clone();
    let mut typist = Typist::ready(&device).await;
    assert_eq!(typist.ask("+CGMI").await, settings.manufacturer);
    assert_eq!(typist.ask("+CGSN").await, settings.imei.as_str());
    assert_eq!(typist.ask("+CIMI").await, settings.imsi.as_str());
    assert_eq!(typist.ask("+CCID").await, format!("+CCID: {}", settings.iccid));
    assert_eq!(typist.ask("+CNUM").await, format!("+CNUM: \"\",\"{}\",145", settings.number.e164()));
    assert_eq!(typist.ask("+CPIN?").await, "+CPIN: READY");
    assert_eq!(typist.ask("+CLCK=\"SC\",2").await, "+CLCK: 0");
    assert_eq!(typist.ask("+CSCA?").await, "+CSCA: \"+15550099999\",145");
}

#[tokio::test(start_paused = true)]
async fn registration_is_told_at_each_level() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    assert_eq!(typist.ask("+CREG?").await, "+CREG: 0,1");
    typist.at("+CREG=1;+CEREG=2").await;
    assert_eq!(typist.ask("+CEREG?").await, "+CEREG: 2,1,\"00C3\",\"0001A2B3\",7");
    device.register(Registration::Searching);
    assert_eq!(typist.after(Duration::from_secs(1)).await, "\r\n+CREG: 2\r\n\r\n+CEREG: 2\r\n");
    assert_eq!(typist.ask("+CREG?").await, "+CREG: 1,2");
    assert_eq!(typist.ask("+COPS?").await, "+COPS: 0");
    device.register(Registration::Roaming);
    assert_eq!(typist.indication("+CREG", 2).await, ["+CREG: 5", "+CEREG: 5,\"00C3\",\"0001A2B3\",7"]);
}

#[tokio::test(start_paused = true)]
async fn without_radio_there_is_no_network_and_nothing_is_sent() {
    let mut typist = Typist::ready(&device(&carrier())).await;
    assert_eq!(typist.at("+CFUN=4").await, ["OK"]);
    assert_eq!(typist.ask("+CREG?").await, "+CREG: 0,0");
    assert_eq!(typist.ask("+CSQ").await, "+CSQ: 99,99");
    assert_eq!(typist.send(&crate::typist::alice(), "hello").await, [["+CMS ERROR: 331"]]);
}

#[tokio::test(start_paused = true)]
async fn the_operator_is_shown_in_each_format() {
    let mut typist = Typist::ready(&device(&carrier())).await;
    assert_eq!(typist.ask("+COPS?").await, "+COPS: 0,0,\"Simulated\",7");
    typist.at("+COPS=3,2").await;
    assert_eq!(typist.ask("+COPS?").await, "+COPS: 0,2,\"00101\",7");
}

#[tokio::test(start_paused = true)]
async fn the_modem_shows_the_networks_time() {
    let carrier = Carrier::with_clock(CarrierSettings::default(), Clock::simulated());
    let mut typist = Typist::ready(&device(&carrier)).await;
    tokio::time::sleep(Duration::from_secs(3 * 3600 + 25 * 60 + 45)).await;
    assert_eq!(typist.ask("+CCLK?").await, "+CCLK: \"26/01/01,03:25:45+00\"");
}

#[tokio::test(start_paused = true)]
async fn plugging_in_again_gives_the_settings_of_power_up() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CMGF=1;+CNMI=2,1,0,1,0").await;
    typist.unplug().await;
    let mut typist = Typist::plug(&device);
    assert_eq!(typist.at("+CMGF?").await, ["AT+CMGF?", "+CMGF: 0", "OK"]);
    assert_eq!(typist.at("E0+CNMI?").await, ["ATE0+CNMI?", "+CNMI: 0,0,0,0,0", "OK"]);
}

#[tokio::test(start_paused = true)]
async fn what_happens_can_be_watched() {
    let device = device(&carrier());
    let mut events = device.events();
    let mut typist = Typist::plug(&device);
    typist.at("+CSQ").await;
    assert_eq!(events.recv().await.unwrap().kind, EventKind::Attached);
    let command = events.recv().await.unwrap();
    assert!(matches!(&command.kind, EventKind::Command { name, .. } if name == "+CSQ"), "{command:?}");
    typist.unplug().await;
    assert_eq!(events.recv().await.unwrap().kind, EventKind::Detached);
}
