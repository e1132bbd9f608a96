//! Questions to the network: answered in every way modems print it, and never in the way of a message.

use std::time::Duration;

use smsotpd::modem::{UssdAnswer, UssdError};
use smsotpd::phone::UssdCode;
use tokio::task::JoinHandle;

use crate::scripted::{Scripted, World, sent};

const ASKED: &str = "AT+CUSD=1,\"*100#\",15";
const ASKED_PACKED: &str = "AT+CUSD=1,\"AA180C3602\",15";

fn code() -> UssdCode {
    UssdCode::try_from("*100#".to_owned()).unwrap()
}

impl World {
    fn ask(&self) -> JoinHandle<Result<UssdAnswer, UssdError>> {
        let modem = self.modem.clone();
        tokio::spawn(async move { modem.ussd(code()).await })
    }

    /// What comes of a question to which this is said.
    async fn said(&self, said: &str) -> Result<(String, bool), UssdError> {
        let before = self.scripted.count(ASKED);
        let asking = self.ask();
        self.heard_times(ASKED, before + 1).await;
        self.scripted.say(said);
        asking.await.unwrap().map(|answer| (answer.text.expose().to_owned(), answer.is_menu))
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_is_read_in_every_form() {
    let world = World::ready().await;
    let answer = |text: &str| Ok((text.to_owned(), false));
    assert_eq!(world.said("+CUSD: 0,\"Balance: 5.00 EUR\",15").await, answer("Balance: 5.00 EUR"));
    assert_eq!(world.said("+CUSD: 0,\"Balance:\r\n5.00 EUR\r\n\",15").await, answer("Balance:\n5.00 EUR\n"));
    assert_eq!(world.said("+CUSD: 0,\"C2303BEC1E9775A09A0B0603\",15").await, answer("Balance: 5.00"));
    assert_eq!(world.said("+CUSD: 0,\"04110430043B0430043D0441003A00200035\",72").await, answer("Баланс: 5"));
    assert_eq!(world.said("+CUSD: 2,\"Bye\",15").await, answer("Bye"));
    assert_eq!(world.said("+CUSD: 2").await, Err(UssdError::Ended));
    assert_eq!(world.said("+CUSD: 4").await, Err(UssdError::NotSupported));
    assert_eq!(world.said("+CUSD: 5").await, Err(UssdError::TimedOut));
    assert_eq!(world.scripted.count("AT+CUSD=2"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_menu_is_the_answer_and_is_left() {
    let world = World::ready().await;
    let menu = world.said("+CUSD: 1,\"1 Balance\r\n2 Top up\",15").await;
    assert_eq!(menu, Ok(("1 Balance\n2 Top up".to_owned(), true)));
    world.heard("AT+CUSD=2").await;
    // What the network asks by itself would hold the line as well.
    world.scripted.say("+CUSD: 1,\"Play a game?\",15");
    world.heard_times("AT+CUSD=2", 2).await;
}

#[tokio::test(start_paused = true)]
async fn messages_are_sent_while_an_answer_is_waited_for() {
    let world = World::ready().await;
    let asking = world.ask();
    world.heard(ASKED).await;
    let before = world.clock.now();
    for reference in 17..20 {
        assert_eq!(world.submit().await, sent(reference));
    }
    assert!(world.clock.now().since(before) < Duration::from_secs(1));
    let other = world.ask();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(world.scripted.count(ASKED), 1, "one question at a time");
    world.scripted.say("+CUSD: 0,\"5.00\",15");
    assert_eq!(asking.await.unwrap().unwrap().text.expose(), "5.00");
    world.heard_times(ASKED, 2).await;
    drop(other);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_given_up_and_the_dialogue_ended() {
    let world = World::ready().await;
    let before = world.clock.now();
    assert_eq!(world.ask().await.unwrap(), Err(UssdError::TimedOut));
    assert_eq!(world.clock.now().since(before).as_secs(), 180);
    world.heard("AT+CUSD=2").await;
    assert_eq!(world.submit().await, sent(17));
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_wants_septets_gets_them_and_is_remembered() {
    let scripted = Scripted::new();
    scripted.answer(ASKED, "+CME ERROR: 50");
    let world = World::start(scripted);
    world.until(|health| health.state.is_ready()).await;
    for times in 1..=2 {
        let asking = world.ask();
        world.heard_times(ASKED_PACKED, times).await;
        world.scripted.say("+CUSD: 0,\"5.00 EUR\",15");
        assert_eq!(asking.await.unwrap().unwrap().text.expose(), "5.00 EUR");
    }
    assert_eq!(world.scripted.count(ASKED), 1);
    world.scripted.answer(ASKED_PACKED, "ERROR");
    assert!(matches!(world.ask().await.unwrap(), Err(UssdError::Refused(_))));
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_cannot_ask_says_why() {
    let world = World::ready().await;
    let asking = world.ask();
    world.heard(ASKED).await;
    world.scripted.plug(false);
    assert_eq!(asking.await.unwrap(), Err(UssdError::Gone));
    world.until(|health| health.state.as_str() == "absent").await;
    assert!(matches!(world.ask().await.unwrap(), Err(UssdError::NotReady(reason)) if reason.contains("port")));
}
