//! From a port to a modem that is ready, or says why it is not.

use std::time::Duration;

use smsotpd::modem::{Outcome, Registration, State};

use crate::scripted::{Scripted, World, sent};

#[tokio::test(start_paused = true)]
async fn a_modem_is_identified_and_set_up() {
    let world = World::ready().await;
    let health = world.modem.health().borrow().clone();
    assert_eq!(health.manufacturer.as_deref(), Some("Example"));
    assert_eq!(health.model.as_deref(), Some("EX-1"));
    assert_eq!(health.imei.unwrap().as_str(), "490154203237518");
    let sim = health.sim.unwrap();
    assert_eq!(sim.id.as_str(), "8988211000000000001");
    assert_eq!(sim.imsi.unwrap().as_str(), "262011234567890");
    assert_eq!(health.registration, Registration::Home);
    world.until(|health| health.operator.as_deref() == Some("Example Net")).await;
    let health = world.until(|health| health.signal.is_some()).await;
    assert_eq!(health.signal.unwrap().dbm, -73);
    assert_eq!(health.service_centre.as_deref(), Some("+491710760000"));
    let heard = world.scripted.heard();
    assert_eq!(heard[0], "ESC");
    assert!(
        heard.contains(&"AT+CNMI=2,1,0,2,0".to_owned()),
        "reports wait on the modem until they are read: {heard:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_not_there_is_opened_once_it_is() {
    let scripted = Scripted::new();
    scripted.plug(false);
    let world = World::start(scripted);
    world.until(|health| matches!(health.state, State::Absent { .. })).await;
    assert!(matches!(world.submit().await, Outcome::NotReady { .. }));
    world.scripted.plug(true);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.submit().await, sent(17));
}

#[tokio::test(start_paused = true)]
async fn a_card_that_is_busy_at_first_is_asked_again() {
    let scripted = Scripted::new();
    scripted.answer("AT+CMGF=0", "+CMS ERROR: 314");
    let world = World::start(scripted);
    world.heard_times("AT+CMGF=0", 3).await;
    world.scripted.answer("AT+CMGF=0", "OK");
    world.until(|health| health.state.is_ready()).await;
}

#[tokio::test(start_paused = true)]
async fn a_card_that_is_busy_at_first_is_asked_for_its_number_again() {
    let scripted = Scripted::new();
    scripted.answer("AT+CCID", "+CME ERROR: 14");
    let world = World::start(scripted);
    world.heard_times("AT+CCID", 3).await;
    world.scripted.answer("AT+CCID", "+CCID: 8988211000000000001F\r\n\r\nOK");
    let health = world.until(|health| health.state.is_ready()).await;
    assert_eq!(health.sim.unwrap().id.as_str(), "8988211000000000001");
}

#[tokio::test(start_paused = true)]
async fn one_card_is_one_sim_whichever_of_its_numbers_it_tells() {
    let (number, silent) = ("+CCID: 8988211000000000001F\r\n\r\nOK", "+CME ERROR: 13");
    for (first, then) in [(silent, number), (number, silent)] {
        let scripted = Scripted::new();
        scripted.answer("AT+CCID", first);
        let world = World::start(scripted);
        let before = world.until(|health| health.state.is_ready()).await.sim.unwrap().id;
        world.scripted.answer("AT+CCID", then);
        world.scripted.plug(false);
        world.until(|health| !health.state.is_ready()).await;
        world.scripted.plug(true);
        assert_eq!(world.until(|health| health.state.is_ready()).await.sim.unwrap().id, before);
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_best_setting_for_reports_is_tried_when_the_best_is_refused() {
    let scripted = Scripted::new();
    for route in ["AT+CNMI=2,1,0,1,0", "AT+CNMI=2,1,0,1,1", "AT+CNMI=1,1,0,1,0", "AT+CNMI=1,1,0,1,1"] {
        scripted.answer(route, "ERROR");
    }
    let world = World::start(scripted);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.scripted.count("AT+CNMI=2,1,0,2,0"), 1);
    assert_eq!(world.scripted.count("AT+CNMI=2,1,0,0,0"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_modem_without_a_network_waits_for_it_and_hears_when_it_comes() {
    let scripted = Scripted::new();
    scripted.answer("AT+CREG?", "+CREG: 2,2\r\n\r\nOK");
    let world = World::start(scripted);
    let health = world.until(|health| matches!(health.state, State::NotReady { .. })).await;
    assert_eq!(health.registration, Registration::Searching);
    let before = world.clock.now();
    world.scripted.answer("AT+CREG?", "+CREG: 2,5\r\n\r\nOK");
    world.scripted.say("+CREG: 5,\"00C3\",\"1A2B\",7");
    let health = world.until(|health| health.state.is_ready()).await;
    assert_eq!(health.registration, Registration::Roaming);
    assert!(world.clock.now().since(before) < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_does_not_say_that_it_has_a_network_is_asked() {
    let scripted = Scripted::new();
    scripted.answer("AT+CREG?", "+CREG: 2,2\r\n\r\nOK");
    let world = World::start(scripted);
    world.until(|health| matches!(health.state, State::NotReady { .. })).await;
    let before = world.clock.now();
    world.scripted.answer("AT+CREG?", "+CREG: 2,1\r\n\r\nOK");
    world.until(|health| health.state.is_ready()).await;
    assert!(world.clock.now().since(before) <= Duration::from_secs(31));
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_talks_and_never_reads_is_left() {
    let world = World::ready().await;
    world.scripted.flood(Some(b"\r\n>"));
    world.says("the modem reads nothing").await;
    world.scripted.flood(None);
    world.until(|health| health.state.is_ready()).await;
}
