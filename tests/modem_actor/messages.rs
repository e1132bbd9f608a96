//! Messages to the modem: in whatever way they come in, handed out, and forgotten by the modem only once they are stored.

use std::time::Duration;

use smsotpd::modem::{Arrival, Event, Health};

use crate::scripted::{DELIVER, LENGTH, REPORT, Scripted, World, sent};

fn length() -> usize {
    DELIVER.len() / 2 - 1
}

fn read_message() -> String {
    format!("+CMGR: 0,,{}\r\n{DELIVER}\r\n\r\nOK", length())
}

/// The same message with another time stamp.
fn at_second(second: u8) -> String {
    DELIVER.replace("62900231153408", &format!("6290023115{second:02}08"))
}

fn listing(pdus: impl Iterator<Item = (usize, String)>) -> String {
    let lines = pdus.map(|(place, pdu)| format!("+CMGL: {place},1,,{}\r\n{pdu}\r\n", pdu.len() / 2 - 1));
    lines.chain(["\r\nOK".to_owned()]).collect()
}

fn reason(health: &Health) -> Option<&str> {
    health.concern.as_ref().map(|concern| concern.reason.as_str())
}

#[tokio::test(start_paused = true)]
async fn a_stored_message_is_deleted_only_once_it_is_acknowledged() {
    let mut world = World::ready().await;
    world.scripted.answer("AT+CMGR=3", &read_message());
    world.scripted.say("+CMTI: \"SM\",3");
    let Event { arrival: Arrival::Message(deliver), sim, done, .. } = world.report().await else { panic!("a report") };
    assert_eq!((deliver.originator.text().as_str(), deliver.user_data.text().as_str()), ("123", "Goo"));
    assert_eq!(sim.as_str(), "8988211000000000001");
    // Some modems say it twice.
    world.scripted.say("+CMTI: \"SM\",3");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((world.scripted.count("AT+CMGD=3"), world.scripted.count("AT+CMGR=3")), (0, 1));
    drop(done);
    let Event { arrival: Arrival::Message(_), done, .. } = world.report().await else { panic!("a report") };
    done.acknowledge();
    world.heard("AT+CMGD=3").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(world.events.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_printed_message_is_acknowledged_once_it_is_stored_where_the_modem_wants_that() {
    let scripted = Scripted::new();
    scripted.answer("AT+CSMS=0", "+CMS ERROR: 303");
    scripted.answer("AT+CSMS=1", "+CSMS: 1,1,1\r\n\r\nOK");
    let mut world = World::start(scripted);
    world.until(|health| health.state.is_ready()).await;
    world.scripted.say(&format!("+CMT: ,{}\r\n{DELIVER}", length()));
    let Event { arrival: Arrival::Message(_), done, .. } = world.report().await else { panic!("a report") };
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.scripted.count("AT+CNMA"), 0);
    done.acknowledge();
    world.heard("AT+CNMA").await;
    // One that nobody can read would be sent again for ever, and nothing behind it.
    world.scripted.say("+CMT: ,2\r\n00FFFF");
    world.heard_times("AT+CNMA", 2).await;
    assert!(world.events.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn what_a_modem_only_says_to_have_deleted_is_handed_out_once_and_deleted_again() {
    let scripted = Scripted::new();
    scripted.answer("AT+CPMS=\"SR\"", "+CPMS: 0,100,1,30,1,30\r\n\r\nOK");
    scripted.answer("AT+CPMS=\"SM\"", "+CPMS: 1,30,1,30,1,30\r\n\r\nOK");
    scripted.answer("AT+CMGL=4", &listing([(3, DELIVER.to_owned())].into_iter()));
    let mut world = World::start(scripted);
    let Event { arrival: Arrival::Message(_), done, .. } = world.report().await else { panic!("a report") };
    done.acknowledge();
    world.heard_times("AT+CMGD=3", 3).await;
    assert!(world.events.try_recv().is_err(), "it was handed out twice");
    assert_eq!(world.submit().await, sent(17));
}

#[tokio::test(start_paused = true)]
async fn a_full_storage_is_emptied_and_keeps_no_message_from_being_sent() {
    let scripted = Scripted::new();
    scripted.answer("AT+CPMS=\"SM\"", "+CPMS: 5,5,5,5,5,5\r\n\r\nOK");
    let pdus = (1..=5).map(|place| (place, at_second(place as u8)));
    scripted.answer("AT+CMGL=4", &listing(pdus));
    let mut world = World::start(scripted);
    let health = world.until(|health| reason(health).is_some()).await;
    assert_eq!(reason(&health), Some("the modem's storage SM is full, so no status report can come in"));
    assert_eq!(world.submit().await, sent(17));
    world.scripted.answer("AT+CPMS=\"SM\"", "+CPMS: 0,5,0,5,0,5\r\n\r\nOK");
    for _ in 0..5 {
        let Event { arrival: Arrival::Message(_), done, .. } = world.report().await else { panic!("a report") };
        done.acknowledge();
    }
    world.until(|health| reason(health).is_none()).await;
    for place in 1..=5 {
        world.heard(&format!("AT+CMGD={place}")).await;
    }
    assert_eq!(world.submit().await, sent(18));
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_receives_is_no_longer_told_of_as_soon_as_it_has_room() {
    let scripted = Scripted::new();
    // Nothing is on the card, but what comes in goes elsewhere, and there it is full.
    scripted.answer("AT+CPMS=?", "+CPMS: (\"SM\",\"ME\"),(\"SM\",\"ME\"),(\"SM\",\"ME\")\r\n\r\nOK");
    scripted.answer("AT+CPMS=\"SM\"", "+CPMS: 0,30,5,5,5,5\r\n\r\nOK");
    scripted.answer("AT+CPMS=\"ME\"", "+CPMS: 5,5,5,5,5,5\r\n\r\nOK");
    scripted.answer("AT+CMGL=4", &listing((1..=5).map(|place| (place, at_second(place as u8)))));
    let mut world = World::start(scripted);
    let health = world.until(|health| reason(health).is_some()).await;
    assert!(reason(&health).is_some_and(|reason| reason.contains("full")), "{health:?}");
    let full = world.clock.now();
    for _ in 0..5 {
        let Event { arrival: Arrival::Message(_), done, .. } = world.report().await else { panic!("a report") };
        done.acknowledge();
    }
    world.until(|health| reason(health).is_none()).await;
    assert!(world.clock.now().since(full) < Duration::from_secs(5), "it waited to be counted again");
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_says_it_is_full_is_looked_through_at_once() {
    for said in ["+CIEV: smsfull,1", "+CIEV: \"smsfull\",\"SM\""] {
        let mut world = World::ready().await;
        world.scripted.answer("AT+CPMS=\"SM\"", "+CPMS: 5,5,5,5,5,5\r\n\r\nOK");
        world.scripted.answer("AT+CMGL=4", &listing([(2, DELIVER.to_owned())].into_iter()));
        let before = world.clock.now();
        world.scripted.say(said);
        let Event { arrival: Arrival::Message(_), done, .. } = world.report().await else { panic!("a report") };
        assert!(world.clock.now().since(before) < Duration::from_secs(2), "{said}");
        done.acknowledge();
        world.heard("AT+CMGD=2").await;
    }
}

#[tokio::test(start_paused = true)]
async fn drafts_stay_until_what_comes_in_needs_their_place() {
    // SMS-SUBMIT: somebody's draft.
    let draft = "0001000B915155214365F7000003C7F71B".to_owned();
    for (count, deleted) in [(7, 0), (8, 0), (9, 1), (10, 2)] {
        let scripted = Scripted::new();
        scripted.answer("AT+CPMS=\"SR\"", "+CPMS: 0,100,1,30,1,30\r\n\r\nOK");
        scripted.answer("AT+CPMS=\"SM\"", &format!("+CPMS: {count},10,{count},10,{count},10\r\n\r\nOK"));
        scripted.answer("AT+CMGL=4", &listing((1..=count).map(|place| (place, draft.clone()))));
        let world = World::start(scripted);
        tokio::time::sleep(Duration::from_secs(20)).await;
        let deletions = world.scripted.heard().iter().filter(|line| line.starts_with("AT+CMGD=")).count();
        assert_eq!(deletions, deleted, "{count} of 10");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_came_in_goes_before_a_draft_has_to() {
    let draft = "0001000B915155214365F7000003C7F71B".to_owned();
    let scripted = Scripted::new();
    scripted.answer("AT+CPMS=\"SR\"", "+CPMS: 0,10,9,10,9,10\r\n\r\nOK");
    scripted.answer("AT+CPMS=\"SM\"", "+CPMS: 9,10,9,10,9,10\r\n\r\nOK");
    let drafts = (1..=8).map(|place| (place, draft.clone()));
    scripted.answer("AT+CMGL=4", &listing(drafts.chain([(9, DELIVER.to_owned())])));
    let mut world = World::start(scripted);
    let Event { arrival: Arrival::Message(_), done, .. } = world.report().await else { panic!("a report") };
    done.acknowledge();
    world.heard("AT+CMGD=9").await;
    let deletions = world.scripted.heard().iter().filter(|line| line.starts_with("AT+CMGD=")).count();
    assert_eq!(deletions, 1);
}

#[tokio::test(start_paused = true)]
async fn a_storage_with_many_messages_is_read_place_by_place_between_messages_that_are_sent() {
    let scripted = Scripted::new();
    scripted.answer("AT+CPMS=\"SM\"", "+CPMS: 40,50,40,50,40,50\r\n\r\nOK");
    scripted.answer("AT+CMGR=50", &read_message());
    scripted.answer("AT+CMGR=0", "ERROR");
    let mut world = World::start(scripted);
    let Event { arrival: Arrival::Message(_), done, .. } = world.report().await else { panic!("a report") };
    done.acknowledge();
    world.heard("AT+CMGD=50").await;
    assert_eq!(world.scripted.count("AT+CMGR=0"), 1, "nobody said that there is anything");
    let listed = world.scripted.heard();
    let selected = listed.iter().rposition(|line| line == "AT+CPMS=\"SM\"").unwrap();
    assert!(!listed[selected..].contains(&"AT+CMGL=4".to_owned()), "{listed:?}");
}

#[tokio::test(start_paused = true)]
async fn messages_and_reports_come_in_the_order_in_which_they_came() {
    let mut world = World::ready().await;
    world.scripted.say(&format!("+CMT: ,{}\r\n{}", length(), at_second(1)));
    world.scripted.say(&format!("+CDS: {LENGTH}\r\n{REPORT}"));
    world.scripted.say(&format!("+CMT: ,{}\r\n{}", length(), at_second(2)));
    world.scripted.say(&format!("+CMT: ,{}\r\n{}", length(), at_second(3)));
    let mut seen = Vec::new();
    for _ in 0..4 {
        let Event { arrival, done, .. } = world.report().await;
        seen.push(match arrival {
            Arrival::Message(deliver) => deliver.timestamp.octets()[5],
            Arrival::Report(_) => 0,
        });
        done.acknowledge();
    }
    assert_eq!(seen, [0x01, 0x00, 0x02, 0x03]);
}
