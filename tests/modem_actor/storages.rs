//! Reports in the modem's storages: none stays there for good, and no message waits for many of them.

use std::time::Duration;

use smsotpd::modem::{Arrival, Event, Outcome};

use crate::scripted::{DELIVER, LENGTH, REPORT, Scripted, World};

fn read_report() -> String {
    format!("+CMGR: 0,,{LENGTH}\r\n{REPORT}\r\n\r\nOK")
}

fn read_message() -> String {
    format!("+CMGR: 0,,{}\r\n{DELIVER}\r\n\r\nOK", DELIVER.len() / 2 - 1)
}

#[tokio::test(start_paused = true)]
async fn a_report_that_could_not_be_read_at_once_is_read_later() {
    for refusal in ["AT+CMGR=3", "AT+CPMS=\"SR\""] {
        let mut world = World::ready().await;
        world.scripted.answer("AT+CMGR=3", &read_report());
        world.scripted.answer(refusal, "+CMS ERROR: 314");
        // Another storage is the present one.
        let before = world.scripted.count(refusal);
        world.scripted.say("+CDSI: \"SR\",3");
        world.heard_times(refusal, before + 2).await;
        world.scripted.answer("AT+CPMS=\"SR\"", "OK");
        world.scripted.answer("AT+CMGR=3", &read_report());
        let Event { arrival: Arrival::Report(_), done, .. } = world.report().await else { panic!("a message") };
        world.scripted.answer("AT+CMGD=3", "+CMS ERROR: 314");
        done.acknowledge();
        world.heard_times("AT+CMGD=3", 2).await;
        world.scripted.answer("AT+CMGD=3", "OK");
        world.heard_times("AT+CMGD=3", 3).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(world.scripted.count("AT+CMGD=3"), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_into_a_place_that_was_emptied_without_a_word_is_read_before_it_is_deleted() {
    let mut world = World::ready().await;
    world.scripted.answer("AT+CMGR=3", &read_report());
    world.scripted.answer("AT+CMGD=3", "+CMS ERROR: 500");
    world.scripted.say("+CDSI: \"SR\",3");
    let Event { arrival: Arrival::Report(_), done, .. } = world.report().await else { panic!("a message") };
    done.acknowledge();
    world.heard("AT+CMGD=3").await;
    // It was deleted all the same, and the next thing to come in takes its place.
    world.scripted.answer("AT+CMGD=3", "OK");
    world.scripted.answer("AT+CMGR=3", &read_message());
    world.scripted.say("+CMTI: \"SR\",3");
    let Event { arrival: Arrival::Message(_), done, .. } = world.report().await else { panic!("a report") };
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.scripted.count("AT+CMGD=3"), 1, "it was deleted before it was on disk");
    done.acknowledge();
    world.heard_times("AT+CMGD=3", 2).await;
}

#[tokio::test(start_paused = true)]
async fn what_came_unannounced_into_a_place_that_was_emptied_without_a_word_is_not_deleted_unread() {
    let mut world = World::ready().await;
    world.scripted.answer("AT+CMGR=3", &read_report());
    world.scripted.answer("AT+CMGD=3", "+CMS ERROR: 500");
    world.scripted.say("+CDSI: \"SR\",3");
    let Event { arrival: Arrival::Report(_), done, .. } = world.report().await else { panic!("a message") };
    done.acknowledge();
    world.heard("AT+CMGD=3").await;
    world.scripted.answer("AT+CMGD=3", "OK");
    world.scripted.answer("AT+CMGR=3", &read_message());
    let Event { arrival: Arrival::Message(_), done, .. } = world.report().await else { panic!("a report") };
    assert_eq!(world.scripted.count("AT+CMGD=3"), 1, "it was deleted before it was read");
    done.acknowledge();
    world.heard_times("AT+CMGD=3", 2).await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_into_a_place_while_it_is_emptied_without_a_word_is_not_deleted_unread() {
    let mut world = World::ready().await;
    world.scripted.answer("AT+CMGR=3", &read_report());
    world.scripted.answer("AT+CMGD=3", "+CDSI: \"SR\",3\r\n\r\n+CMS ERROR: 500");
    world.scripted.say("+CDSI: \"SR\",3");
    let Event { arrival: Arrival::Report(_), done, .. } = world.report().await else { panic!("a message") };
    // It is announced before the deletion seems to have failed, and cannot be read at once.
    world.scripted.answer("AT+CMGR=3", "+CMS ERROR: 314");
    done.acknowledge();
    world.heard_times("AT+CMGR=3", 2).await;
    world.scripted.answer("AT+CMGD=3", "OK");
    world.scripted.answer("AT+CMGR=3", &read_message());
    let Event { arrival: Arrival::Message(_), done, .. } = world.report().await else { panic!("a report") };
    assert_eq!(world.scripted.count("AT+CMGD=3"), 1, "it was deleted before it was read");
    done.acknowledge();
    world.heard_times("AT+CMGD=3", 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_place_that_was_emptied_without_a_word_is_not_emptied_again() {
    let mut world = World::ready().await;
    world.scripted.answer("AT+CMGR=3", &read_report());
    world.scripted.answer("AT+CMGD=3", "+CMS ERROR: 500");
    world.scripted.say("+CDSI: \"SR\",3");
    let Event { arrival: Arrival::Report(_), done, .. } = world.report().await else { panic!("a message") };
    done.acknowledge();
    world.heard("AT+CMGD=3").await;
    world.scripted.answer("AT+CMGR=3", "+CMS ERROR: 321");
    world.heard_times("AT+CMGR=3", 2).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!((world.scripted.count("AT+CMGR=3"), world.scripted.count("AT+CMGD=3")), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_never_lets_a_report_be_deleted_is_not_asked_for_ever() {
    let mut world = World::ready().await;
    world.scripted.answer("AT+CMGR=3", &read_report());
    world.scripted.answer("AT+CMGD=3", "+CMS ERROR: 314");
    world.scripted.say("+CDSI: \"SR\",3");
    let Event { arrival: Arrival::Report(_), done, .. } = world.report().await else { panic!("a message") };
    done.acknowledge();
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert!((3..20).contains(&world.scripted.count("AT+CMGD=3")), "{}", world.scripted.count("AT+CMGD=3"));
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_never_lets_a_report_be_read_is_not_asked_for_ever() {
    let world = World::ready().await;
    world.scripted.answer("AT+CMGR=3", "+CMS ERROR: 314");
    world.scripted.say("+CDSI: \"SR\",3");
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert!((3..20).contains(&world.scripted.count("AT+CMGR=3")), "{}", world.scripted.count("AT+CMGR=3"));
}

#[tokio::test(start_paused = true)]
async fn a_report_that_was_never_announced_is_found() {
    let mut world = World::ready().await;
    world.scripted.answer("AT+CPMS=\"SR\"", "+CPMS: 1,100,3,100,3,100\r\n\r\nOK");
    world.scripted.answer("AT+CMGL=4", &format!("+CMGL: 4,0,,{LENGTH}\r\n{REPORT}\r\n\r\nOK"));
    let Event { arrival: Arrival::Report(_), done, .. } = world.report().await else { panic!("a message") };
    done.acknowledge();
    world.heard("AT+CMGD=4").await;
}

#[tokio::test(start_paused = true)]
async fn a_storage_in_which_nothing_has_changed_is_not_listed_again() {
    let scripted = Scripted::new();
    for storage in ["AT+CPMS=\"SR\"", "AT+CPMS=\"SM\""] {
        scripted.answer(storage, "+CPMS: 2,100,3,100,3,100\r\n\r\nOK");
    }
    let world = World::start(scripted);
    world.heard_times("AT+CPMS=\"SM\"", 4).await;
    assert_eq!(world.scripted.count("AT+CMGL=4"), 2);
}

#[tokio::test(start_paused = true)]
async fn reports_are_fetched_between_messages_that_leave_no_pause() {
    let world = World::ready().await;
    world.scripted.answer("AT+CMGR=3", &read_report());
    for place in 0..20 {
        world.scripted.say(&format!("+CDSI: \"SR\",{place}"));
    }
    let mut sends = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (modem, message) = (world.modem.clone(), world.message(3600));
        sends.spawn(async move { modem.submit(message).await });
    }
    while let Some(outcome) = sends.join_next().await {
        assert!(matches!(outcome, Ok(Outcome::Sent { .. })), "{outcome:?}");
    }
    let heard = world.scripted.heard();
    let of = |reference: usize| {
        let mut sends = heard.iter().enumerate().filter(|(_, line)| line.starts_with("AT+CMGS")).map(|(at, _)| at);
        sends.nth(reference).unwrap()
    };
    let reads = |from: usize, to: usize| heard[from..to].iter().filter(|line| line.starts_with("AT+CMGR")).count();
    assert_eq!((reads(of(0), of(1)), reads(of(1), of(2))), (2, 2), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn places_beyond_what_is_remembered_are_found_by_listing() {
    let world = World::ready().await;
    let before = world.scripted.count("AT+CMGL=4");
    for place in 0..1100 {
        world.scripted.say(&format!("+CDSI: \"SR\",{place}"));
    }
    world.heard_times("AT+CMGL=4", before + 2).await;
    assert!(world.scripted.heard().iter().any(|line| line == "AT+CMGR=1000"));
}

#[tokio::test(start_paused = true)]
async fn a_modem_whose_storages_cannot_be_understood_sends_all_the_same() {
    let scripted = Scripted::new();
    for line in ["AT+CPMS=?", "AT+CPMS?", "AT+CNMI=?"] {
        scripted.answer(line, "+CPMS: \"\u{fffd}SM_P\",(((,,\r\n\r\nOK");
    }
    for line in ["AT+CMGL=4", "AT+CSMS=1"] {
        scripted.answer(line, "+CMS ERROR: 500");
    }
    let world = World::start(scripted);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.submit().await, crate::scripted::sent(17));
}

#[tokio::test(start_paused = true)]
async fn storages_that_the_modem_did_not_tell_of_at_first_are_asked_for_again() {
    let scripted = Scripted::new();
    scripted.answer("AT+CPMS=?", "+CME ERROR: 3");
    let mut world = World::start(scripted);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.scripted.count("AT+CPMS=\"SR\""), 0);
    world.scripted.answer("AT+CPMS=?", "+CPMS: (\"SR\"),(\"SR\"),(\"SR\")\r\n\r\nOK");
    world.scripted.answer("AT+CPMS=\"SR\"", "+CPMS: 1,20,1,20,1,20\r\n\r\nOK");
    world.scripted.answer("AT+CMGL=4", &format!("+CMGL: 3,0,,{LENGTH}\r\n{REPORT}\r\n\r\nOK"));
    let Event { arrival: Arrival::Report(_), .. } = world.report().await else { panic!("a message") };
}
