//! A modem that says nothing, and what makes it speak again.

use std::time::Duration;

use smsotpd::sim::{Fault, Until};

use crate::typist::{Typist, carrier, device};

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn some_command_lines_can_be_swallowed() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::Swallow(2));
    for _ in 0..2 {
        typist.write("AT+CMEE=0\r").await;
        assert_eq!(typist.after(LONG).await, "");
    }
    assert_eq!(typist.ask("+CMEE?").await, "+CMEE: 1");
}

#[tokio::test(start_paused = true)]
async fn each_silence_ends_with_what_ends_it_and_not_before() {
    for (until, steps) in
        [(Until::Escape, 1), (Until::Reopened, 3), (Until::Restart, 2), (Until::Replugged, 3), (Until::PowerCut, 4)]
    {
        let device = device(&carrier());
        let mut typist = Typist::ready(&device).await;
        device.faults().queue(Fault::Silent(until));
        device.faults().queue(Fault::Line("RING".to_owned()));
        assert_eq!(typist.after(LONG).await, "");
        for step in 0..steps {
            match step {
                0 => {}
                1 => typist.write("\x1b").await,
                2 => typist.write("AT+CFUN=1,1\r").await,
                _ => {
                    typist.unplug().await;
                    typist = Typist::plug(&device);
                }
            }
            typist.write("AT\r").await;
            if !(step == 2 && until == Until::Restart) {
                assert_eq!(typist.after(LONG).await, "", "{until:?} after step {step}");
            }
        }
        match until {
            Until::Escape => typist.write("\x1b").await,
            Until::PowerCut => device.cut_power(Duration::ZERO),
            Until::Restart => typist.write("AT+CFUN=1,1\r").await,
            _ => {
                typist.unplug().await;
                typist = Typist::plug(&device);
            }
        }
        typist.after(LONG).await;
        assert!(typist.at("").await.contains(&"OK".to_owned()), "{until:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silence_can_end_by_itself() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::Silent(Until::After(Duration::from_secs(30))));
    typist.write("AT\r").await;
    assert_eq!(typist.after(Duration::from_secs(29)).await, "");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(typist.at("").await, ["OK"]);
}

#[tokio::test(start_paused = true)]
async fn a_modem_can_answer_at_but_not_cmgs() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::Mute { commands: vec!["+CMGS".to_owned()], until: Until::Restart });
    typist.write("AT+CMGS=20\r").await;
    assert_eq!(typist.after(LONG).await, "");
    assert_eq!(typist.ask("+CSQ").await, "+CSQ: 21,99");
    typist.write("AT+CMGS=20\r").await;
    assert_eq!(typist.after(LONG).await, "");
    assert_eq!(typist.at("+CFUN=1,1").await, ["OK"]);
    typist.write("ATE0\r").await;
    typist.until("OK\r\n").await;
    typist.write("AT+CMGS=20\r").await;
    assert_eq!(typist.after(LONG).await, "\r\n> ");
}

#[tokio::test(start_paused = true)]
async fn an_escape_can_end_the_silence_about_one_command() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::Mute { commands: vec!["+CMGS".to_owned()], until: Until::Escape });
    typist.write("AT+CMGS=20\r").await;
    assert_eq!(typist.after(LONG).await, "");
    typist.write("\x1b").await;
    assert_eq!(typist.ask("+CSQ").await, "+CSQ: 21,99");
    typist.write("AT+CMGS=20\r").await;
    assert_eq!(typist.after(LONG).await, "\r\n> ");
}
