//! What the card wants, and what it never gets.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use smsotpd::modem::{Outcome, PinBook, Settings, State};
use smsotpd::phone::PhoneNumber;

use crate::scripted::{OnSubmit, Scripted, World, sent, settings};

/// A state folder, with a PIN file in it.
struct Site(tempfile::TempDir);

impl Site {
    fn with_pin(pin: &str) -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        fs::write(site.pin_file(), format!("{pin}\n")).unwrap();
        site
    }

    fn pin_file(&self) -> PathBuf {
        self.0.path().join("pin")
    }

    fn book(&self) -> PathBuf {
        self.0.path().join("refused-pins")
    }

    fn settings(&self) -> Settings {
        Settings { pin_file: Some(self.pin_file()), ..settings() }
    }

    fn start(&self, scripted: &Scripted) -> World {
        World::set(scripted.clone(), &self.settings(), PinBook::in_folder(self.0.path()))
    }
}

fn locked(pin: &'static str, tries: u8) -> Scripted {
    let scripted = Scripted::new();
    scripted.lock(pin, tries);
    scripted
}

async fn an_hour() {
    tokio::time::sleep(Duration::from_secs(3600)).await;
}

fn is_empty_book(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.lines().count() == 1)
}

#[tokio::test(start_paused = true)]
async fn a_locked_card_without_a_configured_pin_is_said_and_no_pin_is_tried() {
    let world = World::start(locked("1234", 3));
    let (reason, advice) = world.says("the SIM asks for its PIN").await;
    assert!(advice.contains("pin-file") && advice.contains("turn its PIN off"), "{reason} {advice}");
    an_hour().await;
    assert!(world.scripted.pins().is_empty());
    assert!(matches!(world.submit().await, Outcome::NotReady { .. }));
    world.scripted.unlock();
    world.scripted.say("+CPIN: READY");
    world.until(|health| health.state.is_ready()).await;
}

#[tokio::test(start_paused = true)]
async fn the_configured_pin_opens_the_card_and_is_in_no_book_afterwards() {
    let site = Site::with_pin("1234");
    let world = site.start(&locked("1234", 3));
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.scripted.pins(), ["1234"]);
    assert_eq!(world.submit().await, sent(17));
    assert!(is_empty_book(&site.book()));
    // After the next power-up it is given again.
    world.scripted.plug(false);
    world.until(|health| !health.state.is_ready()).await;
    world.scripted.lock("1234", 3);
    world.scripted.plug(true);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.scripted.pins(), ["1234", "1234"]);
}

#[tokio::test(start_paused = true)]
async fn a_pin_that_was_right_is_given_again_though_the_modem_went_away_right_after_it() {
    let site = Site::with_pin("1234");
    let scripted = locked("1234", 3);
    scripted.vanish_at("AT+CIMI");
    let world = site.start(&scripted);
    world.heard("AT+CIMI").await;
    world.until(|health| matches!(health.state, State::Absent { .. })).await;
    // The restart has locked the card again.
    scripted.lock("1234", 3);
    world.scripted.plug(true);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(scripted.pins(), ["1234", "1234"]);
}

#[tokio::test(start_paused = true)]
async fn a_pin_that_the_card_took_is_given_again_though_the_modem_went_away_before_it_was_ready() {
    let site = Site::with_pin("1234");
    let scripted = locked("1234", 3);
    let world = site.start(&scripted);
    world.heard("AT+CPIN=\"1234\"").await;
    scripted.vanish_at("AT+CPIN?");
    world.until(|health| matches!(health.state, State::Absent { .. })).await;
    scripted.lock("1234", 3);
    world.scripted.plug(true);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(scripted.pins(), ["1234", "1234"]);
}

#[tokio::test(start_paused = true)]
async fn a_pin_that_no_answer_came_to_is_not_given_again_and_what_to_do_is_told() {
    let site = Site::with_pin("1234");
    let scripted = locked("1234", 3);
    scripted.vanish_at("AT+CPIN=");
    let world = site.start(&scripted);
    world.until(|health| matches!(health.state, State::Absent { .. })).await;
    world.scripted.plug(true);
    let (_, advice) = world.says("was tried once and did not unlock it").await;
    assert!(advice.contains("turn the PIN off"), "{advice}");
    assert_eq!(scripted.pins(), ["1234"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_pin_is_never_tried_again_by_this_daemon_or_the_next() {
    let site = Site::with_pin("1111");
    let scripted = locked("1234", 3);
    let world = site.start(&scripted);
    let (_, advice) = world.says("was tried once and did not unlock it").await;
    assert!(advice.contains("in a phone"), "{advice}");
    an_hour().await;
    world.scripted.plug(false);
    world.says("").await;
    world.scripted.plug(true);
    an_hour().await;
    // Somebody entered the right one in a phone, so that all tries are back; the file is still wrong.
    scripted.lock("1234", 3);
    world.stop.cancel();
    world.task.await.unwrap();
    let world = site.start(&scripted);
    world.says("was tried once and did not unlock it").await;
    an_hour().await;
    assert_eq!(scripted.pins(), ["1111"]);
    // The right one is written into the file, and found there by itself.
    fs::write(site.pin_file(), "1234").unwrap();
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(scripted.pins(), ["1111", "1234"]);
    assert!(is_empty_book(&site.book()));
}

#[tokio::test(start_paused = true)]
async fn a_refused_pin_is_not_forgotten_for_a_card_that_takes_the_place_of_one_that_is_ready() {
    let site = Site::with_pin("1111");
    let world = site.start(&locked("1234", 3));
    world.says("was tried once and did not unlock it").await;
    // A card that wants no PIN.
    world.scripted.unlock();
    world.scripted.answer("AT+CCID", "+CCID: 8988211000000000002F\r\n\r\nOK");
    world.scripted.say("+CPIN: NOT READY");
    world.scripted.say("+CPIN: READY");
    world.until(|health| health.state.is_ready()).await;
    // It goes, and while its number is asked for the first one comes, all of whose tries a phone has given back.
    let asked = world.scripted.count("AT+CCID");
    world.scripted.answer("AT+CCID", "+CME ERROR: 14");
    world.scripted.say("+CPIN: NOT READY");
    world.scripted.say("+CPIN: READY");
    world.heard_times("AT+CCID", asked + 3).await;
    world.scripted.lock("1234", 3);
    world.scripted.answer("AT+CCID", "+CCID: 8988211000000000001F\r\n\r\nOK");
    world.scripted.say("+CPIN: SIM PIN");
    world.says("was tried once and did not unlock it").await;
    an_hour().await;
    assert_eq!(world.scripted.pins(), ["1111"]);
}

#[tokio::test(start_paused = true)]
async fn a_card_that_goes_and_comes_back_while_it_is_asked_what_it_wants_is_given_its_pin() {
    let scripted = Scripted::new();
    scripted.answer("AT+CPIN?", "+CPIN: NOT READY\r\n\r\n+CPIN: SIM PIN\r\n\r\nOK");
    scripted.answer("AT+CPINR", "+CPINR: SIM PIN,3,3\r\n\r\nOK");
    let site = Site::with_pin("1234");
    let world = site.start(&scripted);
    world.heard("AT+CPIN=\"1234\"").await;
}

#[tokio::test(start_paused = true)]
async fn another_pin_waits_until_all_tries_are_back() {
    let site = Site::with_pin("1111");
    let scripted = locked("1234", 3);
    let world = site.start(&scripted);
    world.says("was tried once").await;
    fs::write(site.pin_file(), "1234").unwrap();
    let (_, advice) = world.says("only 2 of 3 tries are left").await;
    assert!(advice.contains("gives all tries back"), "{advice}");
    an_hour().await;
    assert_eq!(scripted.pins(), ["1111"]);
    assert_eq!(scripted.tries_left(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_died_between_the_book_and_the_card_gives_no_second_try() {
    let site = Site::with_pin("1234");
    let scripted = locked("1234", 3);
    // It dies while the modem is told: nobody knows whether the card had it.
    scripted.vanish_at("AT+CPIN=");
    let world = site.start(&scripted);
    world.heard("AT+CPIN=\"1234\"").await;
    world.stop.cancel();
    world.task.await.unwrap();
    scripted.plug(true);
    scripted.lock("1234", 3);
    let world = site.start(&scripted);
    world.says("was tried once").await;
    an_hour().await;
    assert_eq!(scripted.pins(), ["1234"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_counter_or_without_a_book_no_pin_is_given() {
    let scripted = locked("1234", 3);
    scripted.answer("AT+CPINR", "ERROR");
    scripted.answer("AT+CSIM=10,\"0020000100\"", "ERROR");
    let site = Site::with_pin("1234");
    let world = site.start(&scripted);
    let (_, advice) = world.says("does not tell how many tries are left").await;
    assert!(advice.contains("turn its PIN off"), "{advice}");
    // The card's own command tells it, where the modem's does not.
    scripted.answer("AT+CSIM=10,\"0020000100\"", "+CSIM: 4,\"63C3\"\r\n\r\nOK");
    fs::write(site.book(), "what is this").unwrap();
    let (_, advice) = world.says("what was tried before cannot be known").await;
    assert!(advice.contains("remove it"), "{advice}");
    an_hour().await;
    assert!(scripted.pins().is_empty());
    fs::remove_file(site.book()).unwrap();
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(scripted.pins(), ["1234"]);
}

#[tokio::test(start_paused = true)]
async fn a_pin_file_that_is_none_is_named_and_read_again() {
    let site = Site::with_pin("twelve");
    let world = site.start(&locked("1234", 3));
    let (reason, _) = world.says("does not hold a PIN").await;
    assert!(reason.contains(site.pin_file().to_str().unwrap()), "{reason}");
    fs::remove_file(site.pin_file()).unwrap();
    world.says("cannot be read").await;
    fs::write(site.pin_file(), "1234").unwrap();
    world.until(|health| health.state.is_ready()).await;
}

#[tokio::test(start_paused = true)]
async fn every_other_trouble_of_the_card_has_its_reason_and_passes_when_it_is_over() {
    let cases = [
        ("+CPIN: SIM PUK\r\n\r\nOK", "asks for its PUK", "the operator gave"),
        ("+CPIN: SIM PIN2\r\n\r\nOK", "second code", "in"),
        ("+CPIN: PH-NET PIN\r\n\r\nOK", "locked to another SIM or network", "have the modem unlocked"),
        ("+CME ERROR: 10", "no SIM is in the modem", "Push the SIM in"),
        ("+CME ERROR: 12", "asks for its PUK", "the operator gave"),
        ("+CME ERROR: 14", "busy with itself", "Wait a minute"),
        ("+CME ERROR: 15", "not one that this modem can use", "another SIM"),
        ("+CME ERROR: 40", "locked to another SIM or network", "have the modem unlocked"),
    ];
    let site = Site::with_pin("1234");
    for (answer, words, what_to_do) in cases {
        let scripted = Scripted::new();
        scripted.answer("AT+CPIN?", answer);
        let world = site.start(&scripted);
        let (_, advice) = world.says(words).await;
        assert!(advice.contains(what_to_do), "{answer}: {advice}");
        scripted.answer("AT+CPIN?", "+CPIN: READY\r\n\r\nOK");
        world.until(|health| health.state.is_ready()).await;
        assert!(scripted.pins().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn another_card_is_noticed_though_the_modem_does_not_say_so() {
    let world = World::ready().await;
    world.scripted.answer("AT+CCID", "+CCID: 8988211000000000002F\r\n\r\nOK");
    world.scripted.answer("AT+CIMI", "262019999999999\r\n\r\nOK");
    let is_other = |id: &str| id == "8988211000000000002";
    world.until(|health| health.sim.as_ref().is_some_and(|sim| is_other(sim.id.as_str()))).await;
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.submit().await, sent(17));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_the_card_does_not_tell_at_first_is_read_later() {
    let scripted = Scripted::new();
    scripted.answer("AT+CIMI", "+CME ERROR: 100");
    let world = World::start(scripted);
    let first = world.until(|health| health.state.is_ready()).await.sim.unwrap();
    assert_eq!(first.imsi, None);
    world.scripted.answer("AT+CIMI", "262011234567890\r\n\r\nOK");
    let told = world.until(|health| health.sim.as_ref().is_some_and(|sim| sim.imsi.is_some())).await;
    assert_eq!(told.sim.unwrap().id, first.id);
    assert!(told.state.is_ready());
}

#[tokio::test(start_paused = true)]
async fn another_card_is_noticed_though_neither_tells_its_number() {
    let scripted = Scripted::new();
    scripted.answer("AT+CCID", "ERROR");
    let world = World::start(scripted);
    let first = world.until(|health| health.state.is_ready()).await.sim.unwrap();
    assert_eq!(first.iccid, None);
    world.scripted.answer("AT+CIMI", "262019999999999\r\n\r\nOK");
    world.until(|health| health.sim.as_ref().is_some_and(|sim| sim.id != first.id)).await;
}

#[tokio::test(start_paused = true)]
async fn the_cards_telephone_number_is_read_in_every_form() {
    let forms = ["+CNUM: \"Own\",\"+15551234567\",145\r\n\r\nOK", "+CNUM: ,\"15551234567\",145\r\n\r\nOK"];
    for form in forms {
        let scripted = Scripted::new();
        scripted.answer("AT+CNUM", form);
        let world = World::start(scripted);
        let health = world.until(|health| health.state.is_ready()).await;
        assert_eq!(health.phone_number.map(|number| number.e164()).as_deref(), Some("+15551234567"), "{form}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_service_centre_is_written_only_when_another_one_is_set() {
    const WRITE: &str = "AT+CSCA=\"+491710760000\",145";
    let set = Settings { service_centre: PhoneNumber::parse("+491710760000").ok(), ..settings() };
    for (held, settings, written) in
        [("+491710760000", &set, 0), ("+491722270333", &set, 1), ("", &set, 1), ("", &settings(), 0)]
    {
        let scripted = Scripted::new();
        scripted.answer("AT+CSCA?", &format!("+CSCA: \"{held}\",145\r\n\r\nOK"));
        let world = World::set(scripted, settings, PinBook::in_memory());
        world.until(|health| health.state.is_ready()).await;
        assert_eq!(world.scripted.count(WRITE), written, "{held:?}");
        assert_eq!(world.scripted.heard().iter().filter(|line| line.starts_with("AT+CSCA=")).count(), written);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_centre_that_the_card_loses_later_is_written_again_and_the_message_goes() {
    let set = Settings { service_centre: PhoneNumber::parse("+491710760000").ok(), ..settings() };
    let world = World::set(Scripted::new(), &set, PinBook::in_memory());
    world.until(|health| health.state.is_ready()).await;
    world.scripted.on_submit(OnSubmit::RefuseOnce("+CMS ERROR: 330"));
    assert_eq!(world.submit().await, sent(18));
    assert_eq!(world.scripted.count("AT+CSCA=\"+491710760000\",145"), 1);
    // Without leave to write one, whoever cares for the modem is told what to do.
    let world = World::ready().await;
    world.scripted.on_submit(OnSubmit::RefuseOnce("+CMS ERROR: 330"));
    let Outcome::Failed { reason, .. } = world.submit().await else { panic!("not refused") };
    assert!(reason.contains("set it as service-centre"), "{reason}");
    assert!(!world.scripted.heard().iter().any(|line| line.starts_with("AT+CSCA=")));
}

#[tokio::test(start_paused = true)]
async fn a_card_that_is_busy_for_a_second_keeps_no_message_waiting() {
    let world = World::ready().await;
    let looks = world.scripted.count("AT+CPIN?");
    world.scripted.answer("AT+CPIN?", "+CME ERROR: 14");
    world.scripted.on_submit(OnSubmit::RefuseOnce("+CMS ERROR: 314"));
    assert!(matches!(world.submit().await, Outcome::Failed { .. }));
    world.heard_times("AT+CPIN?", looks + 2).await;
    let before = world.clock.now();
    assert!(matches!(world.submit().await, Outcome::Sent { .. }));
    assert!(world.clock.now().since(before) < Duration::from_secs(2));
    // One that stays so is told of.
    world.scripted.on_submit(OnSubmit::RefuseOnce("+CMS ERROR: 314"));
    assert!(matches!(world.submit().await, Outcome::Failed { .. }));
    world.says("the SIM is busy with itself").await;
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_does_not_read_its_card_is_restarted_at_most_once_an_hour() {
    let scripted = Scripted::new();
    scripted.answer("AT+CPIN?", "+CME ERROR: 13");
    let world = World::start(scripted);
    world.says("the SIM cannot be read").await;
    world.heard("AT+CFUN=1,1").await;
    tokio::time::sleep(Duration::from_secs(3500)).await;
    assert_eq!(world.scripted.count("AT+CFUN=1,1"), 1);
    world.says("the SIM cannot be read").await;
    world.heard_times("AT+CFUN=1,1", 2).await;
    world.scripted.answer("AT+CPIN?", "+CPIN: READY\r\n\r\nOK");
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.submit().await, sent(17));
}
