//! What a modem says while it is asked how it stands.

use std::time::Duration;

use crate::scripted::{DELIVER, Scripted, World, sent};

const SIGNAL: &str = "+CSQ: 20,99\r\n\r\nOK";
/// A card that goes and comes back in one breath.
const BOUNCE: &str = "+CPIN: NOT READY\r\n\r\n+CPIN: READY\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn what_a_modem_says_while_it_is_asked_is_acted_on_at_once() {
    let world = World::ready().await;
    // The signal is what it is asked for last.
    world.scripted.answer("AT+CSQ", &format!("+CPIN: NOT READY\r\n\r\n{SIGNAL}"));
    // Long after it was asked.
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.scripted.say("SMS READY");
    world.says("no SIM is in the modem").await;
    world.scripted.answer("AT+CSQ", SIGNAL);
    let before = world.clock.now();
    world.until(|health| health.state.is_ready()).await;
    assert!(world.clock.now().since(before) < Duration::from_secs(2));
    assert_eq!(world.submit().await, sent(17));
}

#[tokio::test(start_paused = true)]
async fn what_a_modem_says_while_it_is_set_up_is_acted_on_at_once() {
    let scripted = Scripted::new();
    // It is told this only once, after its card has been read.
    scripted.answer("AT+CEREG=3", "+CPIN: NOT READY\r\n\r\nOK");
    let world = World::start(scripted);
    let before = world.clock.now();
    world.until(|health| health.state.is_ready()).await;
    assert!(world.clock.now().since(before) < Duration::from_secs(2));
    assert_eq!(world.scripted.count("AT+CMGF=0"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_was_told_to_search_is_asked_at_once_what_it_has_found() {
    let scripted = Scripted::new();
    scripted.answer("AT+CREG?", "+CREG: 2,2\r\n\r\nOK");
    let world = World::start(scripted);
    world.heard("AT+COPS=0").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let heard = world.scripted.heard();
    let told = heard.iter().position(|line| line == "AT+COPS=0").unwrap();
    assert!(heard[told..].iter().any(|line| line == "AT+CREG?"), "{:?}", &heard[told..]);
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_says_something_whenever_it_is_asked_is_not_asked_without_a_pause() {
    for (line, answer, until) in [
        ("AT+CREG?", "+CREG: 2\r\n\r\n+CREG: 2,1\r\n\r\nOK", "ready"),
        ("AT+CSQ", "SMS READY\r\n\r\n+CSQ: 20,99\r\n\r\nOK", "ready"),
        ("AT+CSQ", "+CPIN: NOT READY\r\n\r\n+CSQ: 20,99\r\n\r\nOK", "not_ready"),
        ("AT+CPMS=\"SM\"", "+CIEV: \"smsfull\",2\r\n\r\n+CPMS: 20,20,20,20,20,20\r\n\r\nOK", "ready"),
    ] {
        let scripted = Scripted::new();
        scripted.answer(line, answer);
        let world = World::start(scripted);
        world.until(|health| health.state.as_str() == until).await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        let asked = world.scripted.count("AT+CSQ");
        assert!((3..=24).contains(&asked), "{answer:?}: {asked}");
        assert_eq!(world.modem.health().borrow().state.as_str(), until, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_card_that_goes_while_it_is_set_up_is_not_taken_for_ready() {
    let scripted = Scripted::new();
    // Its own number is what a card is asked for last.
    scripted.answer("AT+CNUM", "+CPIN: NOT READY\r\n\r\nOK");
    let world = World::start(scripted);
    world.says("no SIM is in the modem").await;
    world.scripted.answer("AT+CNUM", "OK");
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.submit().await, sent(17));
    // The same when another card comes later.
    world.scripted.answer("AT+CNUM", "+CPIN: NOT READY\r\n\r\nOK");
    world.scripted.answer("AT+CCID", "+CCID: 8988211000000000002F\r\n\r\nOK");
    world.says("no SIM is in the modem").await;
}

/// For how many seconds of this hour the modem is not ready.
async fn seconds_out(world: &World) -> usize {
    let mut out = 0;
    for _ in 0..3600 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        out += usize::from(!world.modem.health().borrow().state.is_ready());
    }
    out
}

#[tokio::test(start_paused = true)]
async fn a_card_that_bounces_whenever_the_modem_is_asked_something_is_ready_all_the_same() {
    for (line, usual) in [
        ("AT+CPIN?", "+CPIN: READY\r\n\r\nOK"),
        ("AT+CNUM", "OK"),
        ("AT+CCID", "+CCID: 8988211000000000001F\r\n\r\nOK"),
        ("AT+CMGF=0", "OK"),
        ("AT+CMGF?", "+CMGF: 0\r\n\r\nOK"),
        ("AT+CREG?", "+CREG: 2,1,\"00C3\",\"1A2B\",7\r\n\r\nOK"),
        ("AT+COPS?", "+COPS: 0,0,\"Example Net\",7\r\n\r\nOK"),
        ("AT+CSQ", SIGNAL),
    ] {
        let scripted = Scripted::new();
        scripted.answer(line, &format!("{BOUNCE}{usual}"));
        let world = World::start(scripted);
        world.until(|health| health.state.is_ready()).await;
        assert_eq!(seconds_out(&world).await, 0, "{line}");
        let looks = world.scripted.count("AT+CSQ");
        assert!(looks <= 3600 / 30 + 3, "{line}: {looks} looks");
    }
    // Set up once more, and not for ever.
    let scripted = Scripted::new();
    scripted.answer("AT+CNUM", &format!("{BOUNCE}OK"));
    let world = World::start(scripted);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.scripted.count("AT+CMGF=0"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_card_that_bounces_in_two_looks_in_a_row_is_ready_at_once() {
    let world = World::ready().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.scripted.answer("AT+CSQ", &format!("{BOUNCE}{SIGNAL}"));
    world.scripted.say("SMS READY");
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.scripted.answer("AT+CSQ", SIGNAL);
    assert_eq!(seconds_out(&world).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_card_that_bounces_while_the_modem_is_asked_for_it_is_set_up_again() {
    let world = World::ready().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let set_up = world.scripted.count("AT+CMGF=0");
    // In its answer, or between that and its end.
    for (times, answer) in (1..).zip([format!("{BOUNCE}OK"), format!("+CPIN: READY\r\n\r\n{BOUNCE}OK")]) {
        world.scripted.answer("AT+CPIN?", &answer);
        world.scripted.say("SMS READY");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.scripted.count("AT+CMGF=0"), set_up + times, "{answer}");
        assert!(world.modem.health().borrow().state.is_ready());
    }
}

#[tokio::test(start_paused = true)]
async fn a_card_that_bounces_while_a_modem_in_text_mode_is_set_up_again_is_ready_at_once() {
    let scripted = Scripted::new();
    scripted.answer("AT+CSQ", &format!("{BOUNCE}{SIGNAL}"));
    let world = World::start(scripted);
    world.until(|health| health.state.is_ready()).await;
    // What it says because it is asked does not have it asked at once any more.
    tokio::time::sleep(Duration::from_secs(95)).await;
    world.scripted.answer("AT+CMGF?", "+CMGF: 1\r\n\r\nOK");
    world.heard_times("AT+CMGF?", world.scripted.count("AT+CMGF?") + 1).await;
    world.scripted.answer("AT+CMGF?", "+CMGF: 0\r\n\r\nOK");
    assert_eq!(seconds_out(&world).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_card_that_bounces_and_is_gone_in_the_end_is_not_taken_for_ready() {
    for (line, usual, said) in
        [("AT+CNUM", "OK", &["+CPIN: NOT READY", "+CPIN: READY"][..]), ("AT+CSQ", SIGNAL, &["SMS READY"])]
    {
        let world = World::ready().await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.scripted.answer(line, &format!("{BOUNCE}+CPIN: NOT READY\r\n\r\n{usual}"));
        said.iter().for_each(|text| world.scripted.say(text));
        let told = tokio::time::timeout(Duration::from_secs(20), world.says("no SIM is in the modem")).await;
        assert!(told.is_ok(), "{line}: {:?}", world.modem.health().borrow().state);
        world.scripted.answer("AT+CPIN?", "+CPIN: NOT READY\r\n\r\nOK");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!world.modem.health().borrow().state.is_ready(), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_card_that_goes_and_comes_back_before_the_modem_is_asked_is_set_up_once() {
    let world = World::ready().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.scripted.say("+CPIN: NOT READY");
    world.scripted.say("+CPIN: READY");
    world.heard_times("AT+CMGF=0", 2).await;
    world.until(|health| health.state.is_ready()).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.scripted.count("AT+CMGF=0"), 2);
}

/// A modem with so many messages in its storage, of which one is at place 3.
fn storing(used: u32) -> Scripted {
    let length = DELIVER.len() / 2 - 1;
    let scripted = Scripted::new();
    scripted.answer("AT+CPMS=\"SM\"", &format!("+CPMS: {used},50,{used},50,{used},50\r\n\r\nOK"));
    scripted.answer("AT+CMGL=4", &format!("+CMGL: 3,0,,{length}\r\n{DELIVER}\r\n\r\nOK"));
    scripted.answer("AT+CMGR=3", &format!("+CMGR: 0,,{length}\r\n{DELIVER}\r\n\r\nOK"));
    scripted
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_on_a_card_that_bounces_is_read_and_deleted() {
    for (second, usual) in [
        ("AT+CNUM", "OK"),
        ("AT+CCID", "+CCID: 8988211000000000001F\r\n\r\nOK"),
        ("AT+COPS?", "+COPS: 0,0,\"Example Net\",7\r\n\r\nOK"),
        ("AT+CSQ", SIGNAL),
    ] {
        for used in [1, 22] {
            let scripted = storing(used);
            scripted.answer("AT+CNUM", &format!("{BOUNCE}OK"));
            scripted.answer(second, &format!("{BOUNCE}{usual}"));
            let mut world = World::start(scripted);
            let mut times = 0;
            while world.scripted.count("AT+CMGD=3") == 0 {
                let came = world.report().await;
                times += 1;
                assert!(times < 30, "{second}, {used} stored: handed out {times} times, and none deleted");
                // It takes a moment to be stored; by then the card has been set up.
                tokio::time::sleep(Duration::from_secs(1)).await;
                came.done.acknowledge();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_printed_after_the_last_answer_of_each_look_is_no_busy_loop() {
    let scripted = Scripted::new();
    scripted.answer("AT+CSQ", "+CSQ: 20,99\r\n\r\nOK\r\n\r\nSMS READY");
    let world = World::start(scripted);
    world.until(|health| health.state.is_ready()).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let asked = world.scripted.count("AT+CSQ");
    assert!(asked < 50, "{asked}");
}
