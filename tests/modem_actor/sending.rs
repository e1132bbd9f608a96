//! One message, and everything that can come of it.

use std::time::Duration;

use smsotpd::clock::Moment;
use smsotpd::ids::MessageId;
use smsotpd::message::FailureClass;
use smsotpd::modem::{Connecting, Connector, Io, Outcome, State, Submission};
use smsotpd::pdu::{Encoding, RelativeValidity, Validity};
use smsotpd::phone::PhoneNumber;
use smsotpd::secret::Text;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use crate::scripted::{OnSubmit, Scripted, World, no_sim, sent};

#[tokio::test(start_paused = true)]
async fn a_message_goes_out_with_report_and_validity_asked_for() {
    let world = World::ready().await;
    let mut message = world.message(290);
    message.class0 = true;
    message.replace = Some(3);
    assert_eq!(world.modem.submit(message).await, sent(17));
    let submit = &world.scripted.submits()[0];
    assert!(submit.status_report && !submit.reject_duplicates);
    assert_eq!(submit.destination.to_phone(), PhoneNumber::parse("+15551234567").ok());
    assert_eq!(submit.validity, Some(Validity::Relative(RelativeValidity::at_least(Duration::from_secs(300)))));
    assert_eq!(submit.protocol.replace_type(), Some(3));
    assert!(submit.class.is_some());
    assert_eq!(submit.user_data.text(), "123456 is your code.");
}

#[tokio::test(start_paused = true)]
async fn the_parts_of_a_long_text_go_out_one_by_one() {
    let world = World::ready().await;
    let text = "0123456789".repeat(20);
    for part in 0..2 {
        let mut message = world.message(300);
        message.text = Text::new(text.clone());
        message.part = part;
        message.concat_reference = 77;
        assert!(matches!(world.modem.submit(message).await, Outcome::Sent { .. }));
    }
    let mut message = world.message(300);
    message.part = 1;
    assert!(matches!(world.modem.submit(message).await, Outcome::Failed { class: FailureClass::Message, .. }));
    let texts: String = world.scripted.submits().iter().map(|submit| submit.user_data.text()).collect();
    assert_eq!(texts, text);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_keeps_its_code_and_has_a_class_and_a_reason() {
    let world = World::ready().await;
    world.scripted.on_submit(OnSubmit::Refuse("+CMS ERROR: 38"));
    let Outcome::Failed { class, code, reason, .. } = world.submit().await else { panic!("not refused") };
    assert_eq!((class, code.as_deref()), (FailureClass::Network, Some("+CMS ERROR: 38")));
    assert!(reason.contains("network"), "{reason}");
    world.scripted.on_submit(OnSubmit::Refuse("+CMS ERROR: 332"));
    assert!(matches!(world.submit().await, Outcome::InDoubt { .. }));
    world.scripted.on_submit(OnSubmit::Take);
    assert_eq!(world.submit().await, sent(19));
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_in_doubt_after_three_minutes_and_the_modem_goes_on() {
    let world = World::ready().await;
    world.scripted.on_submit(OnSubmit::Silence);
    let before = world.clock.now();
    let (outcome, ()) = tokio::join!(world.submit(), async {
        world.until(|health| !health.state.is_ready()).await;
        assert_eq!(world.clock.now().since(before), Duration::from_secs(180));
    });
    assert!(matches!(outcome, Outcome::InDoubt { .. }));
    world.scripted.on_submit(OnSubmit::Take);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.submit().await, sent(18));
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_in_doubt_after_one_minute_when_something_else_comes_to_wait() {
    let world = World::ready().await;
    world.scripted.on_submit(OnSubmit::Silence);
    let before = world.clock.now();
    let (outcome, ()) = tokio::join!(world.submit(), async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        world.hurry.send_replace(true);
        world.until(|health| !health.state.is_ready()).await;
        assert_eq!(world.clock.now().since(before), Duration::from_secs(60));
    });
    assert!(matches!(outcome, Outcome::InDoubt { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_result_that_comes_while_the_modem_is_woken_settles_the_doubt() {
    let world = World::ready().await;
    world.scripted.on_submit(OnSubmit::Silence);
    let (outcome, ()) = tokio::join!(world.submit(), async {
        world.until(|health| !health.state.is_ready()).await;
        world.scripted.say("+CMGS: 99\r\n\r\nOK");
    });
    assert_eq!(outcome, sent(99));
    world.scripted.on_submit(OnSubmit::Take);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.submit().await, sent(18));
}

#[tokio::test(start_paused = true)]
async fn a_missed_call_during_a_send_does_not_end_it() {
    let world = World::ready().await;
    world.scripted.on_submit(OnSubmit::Silence);
    let (outcome, ()) = tokio::join!(world.submit(), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.scripted.say("RING");
        world.scripted.say("NO CARRIER");
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.scripted.say("+CMGS: 99\r\n\r\nOK");
    });
    assert_eq!(outcome, sent(99));
}

#[tokio::test(start_paused = true)]
async fn unplugged_before_ctrl_z_is_not_sent_and_after_it_in_doubt() {
    for (what, in_doubt) in [(OnSubmit::VanishBeforePrompt, false), (OnSubmit::VanishAfterCtrlZ, true)] {
        let world = World::ready().await;
        world.scripted.on_submit(what);
        let outcome = world.submit().await;
        assert_eq!(matches!(outcome, Outcome::InDoubt { .. }), in_doubt, "{outcome:?}");
        assert_eq!(matches!(outcome, Outcome::NotReady { .. }), !in_doubt, "{outcome:?}");
        world.until(|health| matches!(health.state, State::Absent { .. })).await;
        world.scripted.on_submit(OnSubmit::Take);
        world.scripted.plug(true);
        world.until(|health| health.state.is_ready()).await;
        assert!(matches!(world.submit().await, Outcome::Sent { .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_does_not_come_is_not_ready_and_the_modem_is_woken() {
    let world = World::ready().await;
    world.scripted.on_submit(OnSubmit::NoPrompt);
    assert!(matches!(world.submit().await, Outcome::NotReady { .. }));
    world.scripted.on_submit(OnSubmit::Take);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.scripted.count("ESC"), 2);
    assert_eq!(world.submit().await, sent(17));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_before_the_prompt_is_not_held_against_the_modem() {
    let world = World::ready().await;
    let mut health = world.modem.health();
    health.mark_unchanged();
    world.scripted.on_submit(OnSubmit::NoPrompt);
    assert_eq!(world.modem.submit(world.message(4)).await, Outcome::Expired);
    world.scripted.on_submit(OnSubmit::Take);
    assert!(matches!(world.submit().await, Outcome::Sent { .. }));
    assert!(!health.has_changed().unwrap(), "{:?}", health.borrow());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_after_the_deadline() {
    let world = World::ready().await;
    let mut message = world.message(0);
    message.deadline = Moment::from_millis(0);
    assert_eq!(world.modem.submit(message).await, Outcome::Expired);
    world.scripted.on_submit(OnSubmit::NoPrompt);
    let before = world.clock.now();
    assert_eq!(world.modem.submit(world.message(4)).await, Outcome::Expired);
    assert_eq!(world.clock.now().since(before), Duration::from_secs(4));
    assert_eq!(world.scripted.heard().iter().filter(|line| line.starts_with("AT+CMGS")).count(), 1);
    assert!(world.scripted.submits().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_no_prompt_behind() {
    let world = World::ready().await;
    world.scripted.on_submit(OnSubmit::Silence);
    let left = tokio::time::timeout(Duration::from_secs(5), world.submit()).await;
    assert!(left.is_err());
    assert_eq!(world.scripted.submits().len(), 1);
    world.scripted.on_submit(OnSubmit::Take);
    world.until(|health| !health.state.is_ready()).await;
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.submit().await, sent(18));
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_caller_went_away_before_it_was_begun_is_left_alone() {
    let world = World::ready().await;
    world.scripted.on_submit(OnSubmit::Silence);
    let waiting = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let gone = tokio::time::timeout(Duration::from_secs(1), world.submit()).await;
        assert!(gone.is_err());
        world.scripted.on_submit(OnSubmit::Take);
        world.scripted.say("+CMGS: 99\r\n\r\nOK");
    };
    assert_eq!(tokio::join!(world.submit(), waiting).0, sent(99));
    assert_eq!(world.submit().await, sent(18));
    assert_eq!(world.scripted.submits().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn stopping_leaves_the_prompt_and_ends_within_half_a_second() {
    let world = World::ready().await;
    world.scripted.on_submit(OnSubmit::NoPrompt);
    let before = world.clock.now();
    let (outcome, ()) = tokio::join!(world.submit(), async {
        world.heard("AT").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.stop.cancel();
    });
    assert!(matches!(outcome, Outcome::NotReady { .. }), "{outcome:?}");
    world.task.await.unwrap();
    // 100 ms of them are this test's own.
    assert!(world.clock.now().since(before) <= Duration::from_millis(600));
    assert_eq!(world.scripted.count("ESC"), 2);
    assert!(matches!(world.modem.submit(world_message()).await, Outcome::NotReady { .. }));
}

fn world_message() -> Submission {
    Submission {
        message: MessageId::generate(),
        sim: no_sim(),
        to: PhoneNumber::parse("+15551234567").unwrap(),
        text: Text::new("123456".to_owned()),
        encoding: Encoding::Gsm7,
        part: 0,
        concat_reference: 1,
        deadline: Moment::from_millis(i64::MAX),
        class0: false,
        replace: None,
        waited_for: watch::Sender::new(false).subscribe(),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_counted_for_another_sim_is_given_back_unsent() {
    let world = World::ready().await;
    let outcome = world.modem.submit(Submission { sim: no_sim(), ..world.message(3600) }).await;
    assert!(matches!(&outcome, Outcome::NotReady { reason } if reason.contains("its SIM is not")), "{outcome:?}");
    assert!(matches!(world.submit().await, Outcome::Sent { .. }));
    assert_eq!(world.scripted.submits().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn stopping_after_ctrl_z_is_in_doubt() {
    let world = World::ready().await;
    world.scripted.on_submit(OnSubmit::Silence);
    let (outcome, ()) = tokio::join!(world.submit(), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.stop.cancel();
    });
    assert!(matches!(outcome, Outcome::InDoubt { .. }), "{outcome:?}");
    world.task.await.unwrap();
}

/// A modem that stops reading for this long once it has shown its prompt, on a line that holds 32 octets.
struct Slow(Scripted, Duration);

impl Connector for Slow {
    fn connect(&mut self) -> Connecting<'_> {
        let (scripted, pause) = (self.0.clone(), self.1);
        let (here, mut there) = tokio::io::duplex(32);
        tokio::spawn(async move {
            let mut line = Vec::new();
            while let Ok(octet) = there.read_u8().await {
                let Some(answer) = scripted.hear(&mut line, octet) else { continue };
                // The other side may have gone; the next read tells.
                let _ = there.write_all(answer.as_bytes()).await;
                if answer.contains('>') {
                    tokio::time::sleep(pause).await;
                }
            }
        });
        Box::pin(async { Ok(Box::new(here) as Box<dyn Io>) })
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_told_as_not_sent_when_the_daemon_stops_is_not_sent() {
    for pause in [Duration::from_millis(450), Duration::from_secs(3600)] {
        let scripted = Scripted::new();
        let world = World::over(Box::new(Slow(scripted.clone(), pause)), scripted);
        world.until(|health| health.state.is_ready()).await;
        let (outcome, stopped) = tokio::join!(world.submit(), async {
            // The prompt is there, and the line is full.
            tokio::time::sleep(Duration::from_millis(100)).await;
            world.stop.cancel();
            world.clock.now()
        });
        assert!(matches!(outcome, Outcome::NotReady { .. }), "{outcome:?}");
        world.task.await.unwrap();
        assert!(world.clock.now().since(stopped) <= Duration::from_millis(500), "{pause:?}");
        tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
        assert!(world.scripted.submits().is_empty(), "sent, and told as not sent");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_refused_for_its_validity_period_goes_once_more_without_one_and_at_once() {
    for code in ["+CMS ERROR: 198", "+CMS ERROR: 199"] {
        let world = World::ready().await;
        world.scripted.on_submit(OnSubmit::RefuseOnce(code));
        let before = world.clock.now();
        assert_eq!(world.submit().await, sent(18));
        assert_eq!(world.clock.now(), before);
        let validities: Vec<bool> = world.scripted.submits().iter().map(|submit| submit.validity.is_some()).collect();
        assert_eq!(validities, [true, false], "{code}");
        // A centre that says so again is believed.
        world.scripted.on_submit(OnSubmit::Refuse(code));
        assert!(matches!(world.submit().await, Outcome::Failed { class: FailureClass::Message, .. }));
        assert_eq!(world.scripted.submits().len(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_service_centre_has_already_counts_as_sent_under_the_next_reference() {
    let world = World::ready().await;
    assert_eq!(world.submit().await, sent(17));
    world.scripted.on_submit(OnSubmit::Refuse("+CMS ERROR: 197"));
    assert_eq!(world.submit().await, sent(18));
    assert_eq!(world.scripted.submits().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_between_one_message_and_the_next() {
    let world = World::ready().await;
    let before = world.scripted.heard().len();
    for reference in 17..20 {
        assert_eq!(world.submit().await, sent(reference));
    }
    let heard = world.scripted.heard().split_off(before);
    assert_eq!(heard.len(), 6, "{heard:?}");
    for pair in heard.chunks(2) {
        assert!(pair[0].starts_with("AT+CMGS=") && pair[1].ends_with('\u{1a}'), "{pair:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_modem_finds_wrong_is_not_blamed_on_the_modem_and_the_next_goes_at_once() {
    let world = World::ready().await;
    for refusal in ["+CMS ERROR: 304", "+CMS ERROR: 302", "+CMS ERROR: 321", "+CMS ERROR: 69"] {
        world.scripted.on_submit(OnSubmit::Refuse(refusal));
        let begun = world.clock.now();
        assert!(matches!(world.submit().await, Outcome::Failed { .. }), "{refusal}");
        world.scripted.on_submit(OnSubmit::Take);
        assert!(matches!(world.submit().await, Outcome::Sent { .. }), "{refusal}");
        assert_eq!(world.clock.now().since(begun), Duration::ZERO, "{refusal}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_modem_finds_malformed_once_is_sent() {
    let world = World::ready().await;
    world.scripted.on_submit(OnSubmit::RefuseOnce("+CMS ERROR: 304"));
    assert!(matches!(world.submit().await, Outcome::Sent { .. }));
    assert_eq!(world.scripted.submits().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_takes_no_message_is_asked_why_and_no_message_is_blamed() {
    let world = World::ready().await;
    let looks = world.scripted.count("AT+CPIN?");
    world.scripted.on_submit(OnSubmit::Decline("ERROR"));
    let outcome = world.submit().await;
    let Outcome::Failed { class: FailureClass::Modem, reason, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(reason.starts_with("the modem asked for no message"), "{reason}");
    world.heard_times("AT+CPIN?", looks + 1).await;
    // Whatever it says of a message that it has not seen. One that goes on like this is brought back.
    for answer in ["+CMS ERROR: 305", "+CME ERROR: 50"] {
        world.scripted.on_submit(OnSubmit::Decline(answer));
        let outcome = world.submit().await;
        assert!(matches!(outcome, Outcome::Failed { class: FailureClass::Modem, .. }), "{outcome:?}");
    }
    world.heard_times("AT+CGMI", 2).await;
    world.scripted.on_submit(OnSubmit::Take);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.submit().await, sent(17));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_blames_the_card_has_the_card_looked_at_at_once() {
    for refusal in [OnSubmit::Refuse("+CMS ERROR: 310"), OnSubmit::Decline("+CMS ERROR: 310")] {
        let world = World::ready().await;
        world.scripted.answer("AT+CPIN?", "+CME ERROR: 10");
        world.scripted.on_submit(refusal);
        let before = world.clock.now();
        let outcome = world.submit().await;
        assert!(matches!(outcome, Outcome::Failed { class: FailureClass::Card, .. }), "{outcome:?}");
        world.says("no SIM is in the modem").await;
        assert!(world.clock.now().since(before) < Duration::from_secs(1));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_maker_says_of_the_card_in_numbers_of_its_own_is_no_refusal_of_the_network() {
    for (maker, refusal) in [("WAVECOM MODEM", "+CMS ERROR: 526"), ("Cinterion", "+CMS ERROR: 262")] {
        let scripted = Scripted::new();
        scripted.answer("AT+CGMI", &format!("{maker}\r\n\r\nOK"));
        let world = World::start(scripted);
        world.until(|health| health.state.is_ready()).await;
        world.scripted.answer("AT+CPIN?", "+CPIN: SIM PUK\r\n\r\nOK");
        world.scripted.on_submit(OnSubmit::Refuse(refusal));
        let before = world.clock.now();
        let outcome = world.submit().await;
        assert!(matches!(outcome, Outcome::Failed { class: FailureClass::Card, of_modem: true, .. }), "{outcome:?}");
        world.says("PUK").await;
        assert!(world.clock.now().since(before) < Duration::from_secs(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_takes_texts_in_place_of_pdus_is_set_up_again() {
    let world = World::ready().await;
    world.scripted.answer("AT+CMGF?", "+CMGF: 1\r\n\r\nOK");
    world.heard_times("AT+CMGF?", 2).await;
    world.scripted.answer("AT+CMGF?", "+CMGF: 0\r\n\r\nOK");
    world.heard_times("AT+CMGF=0", 2).await;
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.submit().await, sent(17));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_in_text_mode_fails_no_message() {
    let world = World::ready().await;
    world.scripted.answer("AT+CMGF?", "+CMGF: 1\r\n\r\nOK");
    world.scripted.on_submit(OnSubmit::Refuse("+CMS ERROR: 28"));
    let outcome = world.submit().await;
    let Outcome::Failed { class: FailureClass::Modem, reason, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("takes texts"), "{reason}");
    world.heard_times("AT+CMGF?", 3).await;
    world.scripted.answer("AT+CMGF?", "+CMGF: 0\r\n\r\nOK");
    world.heard_times("AT+CMGF=0", 2).await;
    world.until(|health| health.state.is_ready()).await;
    let outcome = world.submit().await;
    assert!(matches!(outcome, Outcome::Failed { class: FailureClass::Recipient, .. }), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_was_busy_when_it_was_asked_for_its_format_is_still_found_in_text_mode() {
    let scripted = Scripted::new();
    scripted.answer("AT+CMGF?", "+CMS ERROR: 314");
    let world = World::start(scripted);
    world.heard("AT+CMGF?").await;
    world.scripted.answer("AT+CMGF?", "+CMGF: 0\r\n\r\nOK");
    world.until(|health| health.state.is_ready()).await;
    world.scripted.answer("AT+CMGF?", "+CMGF: 1\r\n\r\nOK");
    world.scripted.on_submit(OnSubmit::Refuse("+CMS ERROR: 28"));
    let outcome = world.submit().await;
    let Outcome::Failed { class: FailureClass::Modem, reason, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("takes texts"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_does_not_hurry_a_modem_that_is_set_up_again() {
    let world = World::ready().await;
    world.scripted.answer("AT+CMGF?", "+CMGF: 1\r\n\r\nOK");
    world.scripted.answer("AT+CMGF=0", "+CMS ERROR: 314");
    world.heard_times("AT+CMGF=0", 2).await;
    let outcome = world.submit().await;
    assert!(
        matches!(&outcome, Outcome::NotReady { reason } if !reason.contains("does not accept text messages")),
        "{outcome:?}"
    );
    world.scripted.answer("AT+CMGF?", "+CMGF: 0\r\n\r\nOK");
    world.scripted.answer("AT+CMGF=0", "OK");
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.submit().await, sent(17));
}
