//! Status reports: handed out, and forgotten by the modem only once they are stored.

use std::time::Duration;

use smsotpd::ids::MessageReference;
use smsotpd::modem::{Arrival, Event, Outcome};

use crate::scripted::{DELIVER, LENGTH, OnSubmit, REPORT, Scripted, World, printed_report, sent};

#[tokio::test(start_paused = true)]
async fn a_printed_report_is_handed_out_and_offered_again_when_it_is_not_taken() {
    let mut world = World::ready().await;
    world.scripted.say(&printed_report());
    let Event { arrival: Arrival::Report(report), sim, done, .. } = world.report().await else { panic!("a message") };
    assert_eq!(report.reference, MessageReference(17));
    assert_eq!(sim.as_str(), "8988211000000000001");
    drop(done);
    let Event { arrival: Arrival::Report(report), done, .. } = world.report().await else { panic!("a message") };
    assert_eq!(report.reference, MessageReference(17));
    done.acknowledge();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(world.events.try_recv().is_err());
    assert_eq!(world.scripted.count("AT+CNMA"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_wants_acknowledgements_gets_them_once_the_report_is_stored() {
    let scripted = Scripted::new();
    scripted.answer("AT+CSMS=0", "+CMS ERROR: 303");
    scripted.answer("AT+CSMS=1", "+CSMS: 1,1,1\r\n\r\nOK");
    let mut world = World::start(scripted);
    world.until(|health| health.state.is_ready()).await;
    world.scripted.say(&printed_report());
    let Event { arrival: Arrival::Report(_), done, .. } = world.report().await else { panic!("a message") };
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.scripted.count("AT+CNMA"), 0);
    done.acknowledge();
    world.heard("AT+CNMA").await;
}

#[tokio::test(start_paused = true)]
async fn a_report_that_comes_before_the_modem_is_set_up_again_is_acknowledged_as_it_wanted_before() {
    let scripted = Scripted::new();
    scripted.answer("AT+CSMS=0", "+CMS ERROR: 303");
    let mut world = World::start(scripted);
    world.until(|health| health.state.is_ready()).await;
    world.scripted.plug(false);
    world.until(|health| !health.state.is_ready()).await;
    world.scripted.say(&printed_report());
    world.scripted.plug(true);
    let Event { arrival: Arrival::Report(_), done, .. } = world.report().await else { panic!("a message") };
    done.acknowledge();
    world.heard("AT+CNMA").await;
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_takes_no_acknowledgement_is_told_again_where_reports_go() {
    let scripted = Scripted::new();
    scripted.answer("AT+CSMS=0", "+CMS ERROR: 303");
    scripted.answer("AT+CSMS=1", "+CSMS: 1,1,1\r\n\r\nOK");
    scripted.answer("AT+CNMA", "+CMS ERROR: 340");
    let mut world = World::start(scripted);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.scripted.count("AT+CNMI=2,1,0,2,0"), 1);
    world.scripted.say(&printed_report());
    let Event { arrival: Arrival::Report(_), done, .. } = world.report().await else { panic!("a message") };
    done.acknowledge();
    world.heard("AT+CNMA").await;
    world.heard_times("AT+CNMI=2,1,0,2,0", 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_stored_report_is_deleted_only_once_it_is_acknowledged() {
    let mut world = World::ready().await;
    let read = format!("+CMGR: 0,,{LENGTH}\r\n{REPORT}\r\n\r\nOK");
    world.scripted.answer("AT+CMGR=3", &read);
    world.scripted.say("+CDSI: \"SR\",3");
    let Event { arrival: Arrival::Report(_), done, .. } = world.report().await else { panic!("a message") };
    // Some modems say it twice.
    world.scripted.say("+CDSI: \"SR\",3");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.scripted.count("AT+CMGD=3"), 0);
    assert_eq!(world.scripted.count("AT+CMGR=3"), 1);
    assert!(world.events.try_recv().is_err());
    done.acknowledge();
    world.heard("AT+CMGD=3").await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_as_a_report_is_not_deleted() {
    let deliver = format!("+CMGR: 0,,{}\r\n{DELIVER}\r\n\r\nOK", DELIVER.len() / 2 - 1);
    let garbage = "+CMGR: 0,,2\r\n00FFFF\r\n\r\nOK";
    for answer in [deliver.as_str(), garbage, "+CSQ: 20,99\r\n\r\nOK", "OK"] {
        let world = World::ready().await;
        world.scripted.answer("AT+CMGR=3", answer);
        world.scripted.say("+CDSI: \"SM\",3");
        world.heard("AT+CMGR=3").await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(world.scripted.count("AT+CMGD=3"), 0, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_deleted_from_a_card_on_the_word_of_another() {
    let mut world = World::ready().await;
    world.scripted.answer("AT+CMGR=3", &format!("+CMGR: 0,,{LENGTH}\r\n{REPORT}\r\n\r\nOK"));
    world.scripted.say("+CDSI: \"SM\",3");
    let Event { arrival: Arrival::Report(_), done, sim, .. } = world.report().await else { panic!("a message") };
    world.scripted.answer("AT+CCID", "+CCID: 8988211000000000002F\r\n\r\nOK");
    world.scripted.say("+CPIN: NOT READY");
    world.scripted.say("+CPIN: READY");
    let other = world.until(|health| health.sim.as_ref().is_some_and(|other| other.id != sim)).await;
    assert_eq!(other.sim.unwrap().id.as_str(), "8988211000000000002");
    done.acknowledge();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.scripted.count("AT+CMGD=3"), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_deleted_from_a_card_that_came_without_a_word() {
    let mut world = World::ready().await;
    world.scripted.answer("AT+CMGF=0", "+CMS ERROR: 302");
    world.scripted.say("+CPIN: NOT READY");
    world.heard_times("AT+CMGF=0", 2).await;
    world.scripted.answer("AT+CMGR=3", &format!("+CMGR: 0,,{LENGTH}\r\n{REPORT}\r\n\r\nOK"));
    world.scripted.say("+CDSI: \"SM\",3");
    let Event { arrival: Arrival::Report(_), done, sim, .. } = world.report().await else { panic!("a message") };
    world.scripted.answer("AT+CCID", "+CCID: 8988211000000000002F\r\n\r\nOK");
    world.scripted.answer("AT+CMGF=0", "OK");
    world.until(|health| health.state.is_ready() && health.sim.as_ref().is_some_and(|other| other.id != sim)).await;
    done.acknowledge();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.scripted.count("AT+CMGD=3"), 0);
}

#[tokio::test(start_paused = true)]
async fn reports_that_came_while_nobody_listened_are_handed_out() {
    let scripted = Scripted::new();
    let listing =
        format!("+CMGL: 1,0,,{}\r\n{DELIVER}\r\n+CMGL: 4,0,,{LENGTH}\r\n{REPORT}\r\n\r\nOK", DELIVER.len() / 2 - 1);
    scripted.answer("AT+CMGL=4", &listing);
    scripted.answer("AT+CPMS=?", "+CPMS: \"SM\",\"ME\"\r\n\r\nOK");
    scripted.answer("AT+CPMS=\"ME\"", "+CMS ERROR: 302");
    let mut world = World::start(scripted);
    let Event { arrival: Arrival::Message(_), done: of_message, .. } = world.report().await else { panic!("a report") };
    let Event { arrival: Arrival::Report(report), done, .. } = world.report().await else { panic!("a message") };
    assert_eq!(report.reference, MessageReference(17));
    done.acknowledge();
    world.heard("AT+CMGD=4").await;
    assert_eq!(world.scripted.count("AT+CMGD=1"), 0);
    of_message.acknowledge();
    world.heard("AT+CMGD=1").await;
}

#[tokio::test(start_paused = true)]
async fn a_report_that_nobody_takes_holds_no_message_up() {
    let world = World::ready().await;
    for _ in 0..100 {
        world.scripted.say(&printed_report());
    }
    for reference in 17..27 {
        assert_eq!(world.submit().await, sent(reference));
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_before_the_card_is_known_belongs_to_the_card_that_is_found() {
    let scripted = Scripted::new();
    scripted.say(&printed_report());
    let mut world = World::start(scripted);
    let Event { arrival: Arrival::Report(_), sim, .. } = world.report().await else { panic!("a message") };
    assert_eq!(sim.as_str(), "8988211000000000001");
}

#[tokio::test(start_paused = true)]
async fn a_report_that_comes_during_a_send_is_handed_out_at_once() {
    let mut world = World::ready().await;
    world.scripted.on_submit(OnSubmit::Silence);
    let before = world.clock.now();
    let modem = world.modem.clone();
    let message = world.message(3600);
    let sending = tokio::spawn(async move { modem.submit(message).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.scripted.say(&printed_report());
    let Event { arrival: Arrival::Report(_), done, .. } = world.report().await else { panic!("a message") };
    done.acknowledge();
    assert!(world.clock.now().since(before) < Duration::from_secs(2));
    assert!(matches!(sending.await.unwrap(), Outcome::InDoubt { .. }));
}

#[tokio::test(start_paused = true)]
async fn stopping_hands_out_what_the_modem_has_forgotten_already() {
    let mut world = World::ready().await;
    for _ in 0..8 {
        world.scripted.say(&printed_report());
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut taken = 0;
    while taken < 2 {
        let Event { arrival: Arrival::Report(_), done, .. } = world.events.try_recv().unwrap() else {
            panic!("a message")
        };
        done.acknowledge();
        taken += 1;
    }
    world.stop.cancel();
    world.task.await.unwrap();
    while world.events.try_recv().is_ok() {
        taken += 1;
    }
    assert_eq!(taken, 6);
}

#[tokio::test(start_paused = true)]
async fn a_message_service_that_is_still_starting_is_asked_again_for_reports() {
    let scripted = Scripted::new();
    scripted.answer("AT+CNMI=2,1,0,2,0", "+CMS ERROR: 314");
    let world = World::start(scripted);
    world.heard_times("AT+CNMI=2,1,0,2,0", 3).await;
    world.scripted.answer("AT+CNMI=2,1,0,2,0", "OK");
    world.until(|health| health.state.is_ready()).await;
    let settings = world.scripted.heard().into_iter().filter(|line| line.starts_with("AT+CNMI=2"));
    assert!(settings.eq(vec!["AT+CNMI=2,1,0,2,0"; 4]), "another was tried meanwhile");
}
