//! How the modem stands with the network, and what is done about one that finds none.

use std::time::Duration;

use smsotpd::modem::{Outcome, PinBook, Registration, Settings};

use crate::scripted::{Scripted, World, sent, settings};

#[tokio::test(start_paused = true)]
async fn whatever_can_carry_messages_is_ready() {
    for (circuit, eps) in
        [("1", "0"), ("5", "0"), ("6", "1"), ("7", "5"), ("9", "1"), ("10", "5"), ("0", "1"), ("2", "5")]
    {
        let scripted = Scripted::new();
        scripted.answer("AT+CREG?", &format!("+CREG: 3,{circuit}\r\n\r\nOK"));
        scripted.answer("AT+CEREG?", &format!("+CEREG: 3,{eps}\r\n\r\nOK"));
        let world = World::start(scripted);
        world.until(|health| health.state.is_ready()).await;
        assert_eq!(world.submit().await, sent(17), "{circuit} {eps}");
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_cannot_is_said_and_passes_when_it_is_over() {
    let cases = [
        ("0", "does not search", "flight mode", Registration::Idle),
        ("2", "searching for a network", "antenna", Registration::Searching),
        ("3", "the network refuses this SIM", "in a phone", Registration::Denied),
        ("4", "sees no network", "antenna", Registration::Unknown),
        ("8", "emergency calls only", "SIM is active", Registration::EmergencyOnly),
        ("11", "sees no network", "antenna", Registration::Unknown),
    ];
    for (status, words, what_to_do, registration) in cases {
        let scripted = Scripted::new();
        scripted.answer("AT+CREG?", &format!("+CREG: 2,{status}\r\n\r\nOK"));
        let world = World::start(scripted);
        let (_, advice) = world.says(words).await;
        assert!(advice.contains(what_to_do), "{status}: {advice}");
        assert_eq!(world.modem.health().borrow().registration, registration, "{status}");
        assert!(matches!(world.submit().await, Outcome::NotReady { .. }), "{status}");
        assert!(world.scripted.submits().is_empty());
        world.scripted.answer("AT+CREG?", "+CREG: 2,1\r\n\r\nOK");
        world.until(|health| health.state.is_ready()).await;
        assert_eq!(world.submit().await, sent(17), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_visited_network_is_used_only_where_that_is_allowed() {
    let scripted = Scripted::new();
    scripted.answer("AT+CREG?", "+CREG: 2,5\r\n\r\nOK");
    let at_home = Settings { roaming: false, ..settings() };
    let world = World::set(scripted, &at_home, PinBook::in_memory());
    let (_, advice) = world.says("visited network").await;
    assert!(advice.contains("roaming = true"), "{advice}");
    assert_eq!(world.modem.health().borrow().registration, Registration::Roaming);
    assert!(matches!(world.submit().await, Outcome::NotReady { .. }));
    world.scripted.answer("AT+CREG?", "+CREG: 2,1\r\n\r\nOK");
    world.scripted.say("+CREG: 1");
    world.until(|health| health.state.is_ready()).await;
}

#[tokio::test(start_paused = true)]
async fn why_the_network_refuses_is_told_as_far_as_it_says_so() {
    let says = "no service available\r\n\r\nOK";
    for (circuit, words) in [
        ("+CREG: 3,3,,,,0,6\r\n\r\nOK", "it has blocked this modem"),
        ("+CREG: 3,3,\"00C3\",\"1A2B\",7,0,2\r\n\r\nOK", "it does not know this SIM"),
        ("+CREG: 3,3,,,,1,99\r\n\r\nOK", "the modem says: no service available"),
        ("+CREG: 2,3\r\n\r\nOK", "the modem says: no service available"),
    ] {
        let scripted = Scripted::new();
        scripted.answer("AT+CEER", says);
        scripted.answer("AT+CREG?", circuit);
        let world = World::start(scripted);
        let (reason, _) = world.says("the network refuses").await;
        assert!(reason.contains(words), "{circuit}: {reason}");
    }
    let scripted = Scripted::new();
    scripted.answer("AT+CREG=3", "ERROR");
    let world = World::start(scripted);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!((world.scripted.count("AT+CREG=2"), world.scripted.count("AT+CREG=1")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_finds_no_network_is_nudged_and_not_hammered() {
    let scripted = Scripted::new();
    scripted.answer("AT+CREG?", "+CREG: 2,2\r\n\r\nOK");
    let world = World::start(scripted);
    world.says("searching").await;
    tokio::time::sleep(Duration::from_secs(85)).await;
    assert_eq!(world.scripted.count("AT+COPS=0"), 0);
    world.heard("AT+COPS=0").await;
    assert_eq!(world.scripted.count("AT+CFUN=4"), 0);
    world.heard("AT+CFUN=4").await;
    world.heard("AT+CFUN=1").await;
    tokio::time::sleep(Duration::from_secs(50 * 60)).await;
    assert_eq!((world.scripted.count("AT+COPS=0"), world.scripted.count("AT+CFUN=4")), (1, 1));
    tokio::time::sleep(Duration::from_secs(6 * 3600)).await;
    assert!((5..=7).contains(&world.scripted.count("AT+CFUN=4")), "{}", world.scripted.count("AT+CFUN=4"));
    world.scripted.answer("AT+CREG?", "+CREG: 2,1\r\n\r\nOK");
    world.until(|health| health.state.is_ready()).await;
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_was_away_is_given_its_time_to_find_a_network() {
    let scripted = Scripted::new();
    scripted.answer("AT+CREG?", "+CREG: 2,2\r\n\r\nOK");
    let world = World::start(scripted);
    world.says("searching").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.scripted.plug(false);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    world.scripted.plug(true);
    world.says("searching").await;
    tokio::time::sleep(Duration::from_secs(85)).await;
    assert_eq!((world.scripted.count("AT+COPS=0"), world.scripted.count("AT+CFUN=4")), (0, 0));
    world.heard("AT+COPS=0").await;
}

#[tokio::test(start_paused = true)]
async fn a_radio_that_was_left_off_is_switched_on_again() {
    let scripted = Scripted::new();
    scripted.answer("AT+CREG?", "+CREG: 2,2\r\n\r\nOK");
    scripted.vanish_at("AT+CFUN=4");
    let world = World::start(scripted);
    world.heard("AT+CFUN=4").await;
    assert_eq!(world.scripted.count("AT+CFUN=1"), 0);
    world.scripted.answer("AT+CREG?", "+CREG: 2,1\r\n\r\nOK");
    world.scripted.plug(true);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.scripted.count("AT+CFUN=1"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_is_called_says_so_and_goes_on_sending() {
    let world = World::ready().await;
    for (end, reference) in [(Some("NO CARRIER"), 17), (None, 18)] {
        world.scripted.say("RING");
        let health = world.until(|health| health.concern.is_some()).await;
        assert!(health.concern.is_some_and(|concern| concern.reason.contains("somebody is calling")));
        assert_eq!(world.submit().await, sent(reference));
        // Some never say that it is over.
        if let Some(words) = end {
            world.scripted.say(words);
        }
        let before = world.clock.now();
        world.until(|health| health.concern.is_none()).await;
        assert!(world.clock.now().since(before) < Duration::from_secs(15));
    }
}

#[tokio::test(start_paused = true)]
async fn a_radio_that_was_left_off_is_switched_on() {
    let scripted = Scripted::new();
    scripted.answer("AT+CFUN?", "+CFUN: 4\r\n\r\nOK");
    let world = World::start(scripted);
    world.heard("AT+CFUN=1").await;
    world.scripted.answer("AT+CFUN?", "+CFUN: 1\r\n\r\nOK");
    world.until(|health| health.state.is_ready()).await;
    // Somebody switches it off while it is in use, and its card with it.
    world.scripted.answer("AT+CFUN?", "+CFUN: 0\r\n\r\nOK");
    world.scripted.answer("AT+CREG?", "+CREG: 2,0\r\n\r\nOK");
    world.scripted.say("+CREG: 0");
    world.heard_times("AT+CFUN=1", 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_radio_that_was_on_meanwhile_is_switched_on_again_at_once() {
    let scripted = Scripted::new();
    scripted.answer("AT+CFUN?", "+CFUN: 4\r\n\r\nOK");
    let world = World::start(scripted);
    world.heard("AT+CFUN=1").await;
    world.until(|health| health.state.is_ready()).await;
    // Somebody moves the modem to another socket, and it comes up in flight mode as before.
    world.scripted.plug(false);
    world.until(|health| !health.state.is_ready()).await;
    world.scripted.plug(true);
    let begun = tokio::time::Instant::now();
    world.heard_times("AT+CFUN=1", 2).await;
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_radio_that_stays_off_is_told_to_go_on_every_ten_minutes() {
    let scripted = Scripted::new();
    scripted.answer("AT+CFUN?", "+CFUN: 4\r\n\r\nOK");
    scripted.answer("AT+CREG?", "+CREG: 2,0\r\n\r\nOK");
    scripted.answer("AT+CGREG?", "+CGREG: 2,0\r\n\r\nOK");
    scripted.answer("AT+CEREG?", "+CEREG: 2,0\r\n\r\nOK");
    let world = World::start(scripted);
    let begun = tokio::time::Instant::now();
    world.heard("AT+CFUN=1").await;
    // Beside that the radio is switched once in the hour, after ten minutes, since the modem finds no network.
    for (seconds, told) in [(550, 1), (1150, 3), (1350, 4)] {
        tokio::time::sleep_until(begun + Duration::from_secs(seconds)).await;
        assert_eq!(world.scripted.count("AT+CFUN=1"), told, "after {seconds} s");
    }
}
