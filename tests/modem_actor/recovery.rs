//! Bringing a modem back, rung by rung.

use std::io;
use std::path::Path;
use std::time::Duration;

use smsotpd::modem::{Appearing, Connecting, Connector, Health, Outcome, PinBook, Rung, Settings, State};

use crate::scripted::{OnSubmit, Scripted, World, sent, settings};

const NOISE: &[u8] = &[0xfe; 64];

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[tokio::test(start_paused = true)]
async fn a_stuck_prompt_is_left_and_the_modem_sends_again() {
    let world = World::ready().await;
    world.scripted.on_submit(OnSubmit::NoPrompt);
    assert!(matches!(world.submit().await, Outcome::NotReady { .. }));
    world.scripted.on_submit(OnSubmit::Take);
    assert!(world.tried(Rung::Wake).await);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.submit().await, sent(17));
}

/// A modem falls silent, and is brought back by the rung that helps; the gentler ones were tried before.
async fn comes_back_by(rung: Rung) -> World {
    let world = World::ready().await;
    world.scripted.on_usb();
    world.scripted.deafen(rung);
    assert!(matches!(world.submit().await, Outcome::NotReady { .. }));
    let (_, advice) = world.says("does not answer on this port; the modem is being brought back").await;
    assert!(advice.contains("plug it in again"), "{advice}");
    assert!(world.tried(rung).await);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.submit().await, sent(17));
    world
}

#[tokio::test(start_paused = true)]
async fn a_silent_modem_comes_back_when_its_port_is_opened_again() {
    let world = comes_back_by(Rung::Reopen).await;
    assert_eq!(world.scripted.count("AT+CFUN=1,1"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_silent_modem_comes_back_by_its_restart() {
    let world = comes_back_by(Rung::Restart).await;
    assert_eq!((world.scripted.count("AT+CFUN=1,1"), world.scripted.usb_resets()), (1, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn a_silent_modem_comes_back_when_its_usb_device_is_reset() {
    let world = comes_back_by(Rung::UsbReset).await;
    assert_eq!((world.scripted.count("AT+CFUN=1,1"), world.scripted.usb_resets()), (1, Some(1)));
}

/// A command for the power that notes in this file that it ran.
fn noting(file: &Path) -> Vec<String> {
    let command = format!("echo once >> {}", file.display());
    ["sh", "-c", &command].map(str::to_owned).to_vec()
}

/// Waits until the command for the power, which was begun just now, has ended, and the port is opened after it. The command
/// knows nothing of paused clocks: only while something like this waits does time stand still, and the minute that it may
/// take not pass at once.
async fn ended(world: &World) {
    let (scripted, before) = (world.scripted.clone(), world.scripted.openings());
    let wait = move || {
        while scripted.openings() == before {
            std::thread::yield_now();
        }
    };
    tokio::task::spawn_blocking(wait).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_silent_modem_comes_back_by_the_sites_own_command_for_its_power() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cycled");
    let power_cycle = noting(&file);
    let scripted = Scripted::new();
    scripted.powered_by(file.clone());
    let world = World::set(scripted, &Settings { power_cycle, ..settings() }, PinBook::in_memory());
    world.until(|health| health.state.is_ready()).await;
    world.scripted.deafen(Rung::PowerCycle);
    let _ = world.submit().await;
    world.until(|health| health.recovery.is_some_and(|last| last.rung == Rung::PowerCycle)).await;
    ended(&world).await;
    assert!(world.tried(Rung::PowerCycle).await);
    assert_eq!(world.submit().await, sent(17));
}

#[tokio::test(start_paused = true)]
async fn a_rung_that_a_modem_does_not_have_is_not_said_to_have_been_tried() {
    let world = World::ready().await;
    world.scripted.deafen(Rung::PowerCycle);
    let _ = world.submit().await;
    assert!(!world.tried(Rung::Restart).await);
    tokio::time::sleep(seconds(600)).await;
    assert_eq!(world.modem.health().borrow().recovery.unwrap().rung, Rung::Restart);
    // With nothing else left, its port is opened ever more rarely, but for ever.
    world.scripted.deafen(Rung::Reopen);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.submit().await, sent(17));
}

/// A modem that is away, with this command for its power.
fn away(power_cycle: Vec<String>) -> World {
    let scripted = Scripted::new();
    scripted.plug(false);
    World::set(scripted, &Settings { power_cycle, ..settings() }, PinBook::in_memory())
}

/// How long it takes until its power is cycled, once more.
async fn cycled(world: &World) -> Duration {
    let at = |health: &Health| health.recovery.map(|last| last.at);
    let (last, before) = (at(&world.modem.health().borrow()), world.clock.now());
    let mut health = world.modem.health();
    let again = tokio::time::timeout(seconds(48 * 3600), health.wait_for(|health| at(health) != last)).await;
    again.expect("its power was not cycled").unwrap();
    assert_eq!(world.modem.health().borrow().recovery.unwrap().rung, Rung::PowerCycle);
    world.clock.now().since(before)
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_stays_away_has_its_power_cycled_once_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cycled");
    let times = || std::fs::read_to_string(&file).unwrap().lines().count();
    let world = away(noting(&file));
    let waited = cycled(&world).await;
    assert!((seconds(300)..seconds(320)).contains(&waited), "{waited:?}");
    ended(&world).await;
    assert_eq!(times(), 1);
    let waited = cycled(&world).await;
    assert!((seconds(24 * 3600)..seconds(24 * 3600 + 20)).contains(&waited), "{waited:?}");
    ended(&world).await;
    assert_eq!(times(), 2);
    world.scripted.plug(true);
    world.until(|health| health.state.is_ready()).await;
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_stays_away_has_its_power_cycled_after_an_hour_when_the_command_failed() {
    for command in [&["false"][..], &["/nonexistent/uhubctl"], &["sleep", "1000"]] {
        let world = away(command.iter().map(|word| (*word).to_owned()).collect());
        let waited = cycled(&world).await;
        assert!((seconds(300)..seconds(320)).contains(&waited), "{command:?}: {waited:?}");
        for _ in 0..3 {
            let waited = cycled(&world).await;
            assert!((seconds(3600)..seconds(3700)).contains(&waited), "{command:?}: {waited:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_for_the_power_that_fails_or_never_ends_holds_nothing_up() {
    for command in [&["sleep", "1000"][..], &["false"], &["/nonexistent/uhubctl", "-a", "cycle"]] {
        let power_cycle = command.iter().map(|word| (*word).to_owned()).collect();
        let world = World::set(Scripted::new(), &Settings { power_cycle, ..settings() }, PinBook::in_memory());
        world.until(|health| health.state.is_ready()).await;
        world.scripted.deafen(Rung::PowerCycle);
        let _ = world.submit().await;
        assert!(!world.tried(Rung::PowerCycle).await, "{command:?}");
        world.scripted.deafen(Rung::Reopen);
        world.until(|health| health.state.is_ready()).await;
        assert_eq!(world.submit().await, sent(17), "{command:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_nothing_helps_is_tried_for_ever_and_not_hammered() {
    let world = World::ready().await;
    world.scripted.on_usb();
    world.scripted.deafen(Rung::PowerCycle);
    let _ = world.submit().await;
    assert!(!world.tried(Rung::UsbReset).await);
    let opened = world.scripted.connects().len();
    tokio::time::sleep(seconds(50 * 60)).await;
    assert_eq!((world.scripted.count("AT+CFUN=1,1"), world.scripted.usb_resets()), (1, Some(1)));
    assert!(world.scripted.connects().len() - opened < 60);
    world.says("does not answer on this port").await;
    // Somebody has plugged it in again.
    world.scripted.deafen(Rung::Reopen);
    let before = world.clock.now();
    world.until(|health| health.state.is_ready()).await;
    assert!(world.clock.now().since(before) < seconds(120));
    assert_eq!(world.submit().await, sent(17));
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_answers_but_takes_no_message_is_brought_back() {
    for (what, doubtful) in [(OnSubmit::NoPrompt, false), (OnSubmit::Silence, true), (OnSubmit::Refuse("ERROR"), true)]
    {
        let world = World::ready().await;
        world.scripted.on_submit(what);
        for _ in 0..3 {
            world.until(|health| health.state.is_ready()).await;
            let outcome = world.submit().await;
            assert_eq!(matches!(outcome, Outcome::InDoubt { .. }), doubtful, "{outcome:?}");
        }
        world.says("answers, but sends no message; the modem is being brought back").await;
        for _ in 0..3 {
            world.until(|health| health.state.is_ready()).await;
            let _ = world.submit().await;
        }
        world.heard("AT+CFUN=1,1").await;
        world.scripted.on_submit(OnSubmit::Take);
        world.until(|health| health.state.is_ready()).await;
        assert_eq!(world.modem.health().borrow().recovery.unwrap().rung, Rung::Restart);
        assert!(matches!(world.submit().await, Outcome::Sent { .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_still_takes_no_message_after_everything_rests_and_is_tried_with_one_now_and_then() {
    let world = World::ready().await;
    world.scripted.on_submit(OnSubmit::NoPrompt);
    let mut tried = 0;
    while !matches!(&world.modem.health().borrow().state, State::NotReady { reason, .. } if reason.contains("left alone for a while"))
    {
        world.until(|health| health.state.is_ready()).await;
        let _ = world.submit().await;
        tried += 1;
        assert!(tried < 20);
        tokio::time::sleep(seconds(5)).await;
    }
    let (_, advice) = world.says("messages do not go out").await;
    assert!(advice.contains("in a phone"), "{advice}");
    let before = world.clock.now();
    world.until(|health| health.state.is_ready()).await;
    assert!(world.clock.now().since(before) >= seconds(50));
    assert!(matches!(world.submit().await, Outcome::NotReady { .. }));
    world.says("messages do not go out").await;
    // Somebody had it out, and need not wait for the end of its rest.
    world.scripted.plug(false);
    world.until(|health| matches!(health.state, State::Absent { .. })).await;
    world.scripted.on_submit(OnSubmit::Take);
    world.scripted.plug(true);
    let before = world.clock.now();
    world.until(|health| health.state.is_ready()).await;
    assert!(world.clock.now().since(before) < seconds(60));
    assert!(matches!(world.submit().await, Outcome::Sent { .. }));
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_told_from_silence() {
    let scripted = Scripted::new();
    scripted.babble(Some(NOISE));
    let world = World::start(scripted);
    let (_, advice) = world.says("makes no sense").await;
    assert!(advice.contains("`baud`"), "{advice}");
    world.scripted.babble(None);
    world.until(|health| health.state.is_ready()).await;
    world.scripted.flood(Some(NOISE));
    world.says("makes no sense").await;
    world.scripted.flood(None);
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.submit().await, sent(17));
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_starts_anew_is_set_up_again_at_once() {
    let world = World::ready().await;
    let before = world.clock.now();
    world.scripted.say("RDY");
    world.until(|health| !health.state.is_ready()).await;
    world.until(|health| health.state.is_ready()).await;
    assert!(world.clock.now().since(before) < seconds(2));
    assert_eq!(world.scripted.count("AT+CMGF=0"), 2);
    assert_eq!(world.submit().await, sent(17));
}

#[tokio::test(start_paused = true)]
async fn an_echo_that_comes_back_is_a_restart_that_nobody_announced() {
    let world = World::ready().await;
    world.scripted.script().echoes = true;
    world.until(|health| !health.state.is_ready()).await;
    world.until(|health| health.state.is_ready()).await;
    assert!(!world.scripted.script().echoes);
    assert_eq!(world.scripted.count("AT+CMGF=0"), 2);
    assert_eq!(world.submit().await, sent(17));
}

#[tokio::test(start_paused = true)]
async fn a_message_during_which_the_modem_starts_anew_is_in_doubt_only_after_ctrl_z() {
    for (what, in_doubt) in [(OnSubmit::Silence, true), (OnSubmit::NoPrompt, false)] {
        let world = World::ready().await;
        world.scripted.on_submit(what);
        let before = world.clock.now();
        let (outcome, ()) = tokio::join!(world.submit(), async {
            tokio::time::sleep(seconds(2)).await;
            world.scripted.say("RDY");
        });
        assert!(world.clock.now().since(before) < seconds(4), "nothing more is waited for");
        assert_eq!(matches!(outcome, Outcome::InDoubt { .. }), in_doubt, "{outcome:?}");
        assert_eq!(matches!(outcome, Outcome::NotReady { .. }), !in_doubt, "{outcome:?}");
        world.scripted.on_submit(OnSubmit::Take);
        world.until(|health| health.state.is_ready()).await;
        assert!(matches!(world.submit().await, Outcome::Sent { .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_goes_away_while_it_sends_looks_like_power() {
    let world = World::ready().await;
    for _ in 0..2 {
        world.until(|health| health.state.is_ready()).await;
        world.scripted.on_submit(OnSubmit::VanishAfterCtrlZ);
        let _ = world.submit().await;
        world.until(|health| !health.state.is_ready()).await;
        if world.scripted.submits().len() == 2 {
            break;
        }
        world.scripted.plug(true);
    }
    let (reason, advice) = world.says("while it sends").await;
    assert!(reason.contains("power supply") && advice.contains("powered USB hub"), "{reason} {advice}");
    // It is not there, and that is still what it looks like.
    tokio::time::sleep(seconds(600)).await;
    world.says("power supply").await;
    world.scripted.on_submit(OnSubmit::Take);
    world.scripted.plug(true);
    world.until(|health| health.state.is_ready()).await;
    assert!(matches!(world.submit().await, Outcome::Sent { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_comes_and_goes_is_rested_and_then_used_again() {
    let world = World::ready().await;
    for _ in 0..6 {
        world.until(|health| health.state.is_ready()).await;
        world.scripted.plug(false);
        world.until(|health| !health.state.is_ready()).await;
        world.scripted.plug(true);
    }
    let (reason, advice) = world.says("rests for 1 min because it came and went 6 times").await;
    assert!(advice.contains("cable"), "{reason} {advice}");
    let before = world.clock.now();
    world.until(|health| health.state.is_ready()).await;
    assert!(world.clock.now().since(before) >= seconds(59));
    assert_eq!(world.submit().await, sent(17));
    // It sends, so its next going away is not held against it.
    world.scripted.plug(false);
    world.until(|health| matches!(health.state, State::Absent { .. })).await;
    world.scripted.plug(true);
    let before = world.clock.now();
    world.until(|health| health.state.is_ready()).await;
    assert!(world.clock.now().since(before) < seconds(2));
}

/// Says once why the modem is not there, then waits for it for ever.
struct Patient(Scripted, bool);

impl Connector for Patient {
    fn connect(&mut self) -> Connecting<'_> {
        Box::pin(async {
            if !std::mem::replace(&mut self.1, true) {
                return Err(io::Error::new(io::ErrorKind::NotFound, "nobody knows this modem"));
            }
            self.0.plugged().await;
            self.0.connect().await
        })
    }

    fn appears(&mut self) -> Appearing<'_> {
        Box::pin(self.0.plugged())
    }
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_waits_keeps_its_reason_and_is_used_at_once_when_the_modem_is_there_again() {
    // It is waited for and asked again in turns; whichever of them it is, nobody should have to wait.
    for later in (0..70).step_by(7) {
        let scripted = Scripted::new();
        scripted.plug(false);
        let world = World::over(Box::new(Patient(scripted.clone(), false)), scripted);
        world.says("nobody knows this modem").await;
        tokio::time::sleep(seconds(7 * 3600 + later)).await;
        world.says("nobody knows this modem").await;
        world.scripted.plug(true);
        let before = world.clock.now();
        world.until(|health| health.state.is_ready()).await;
        let waited = world.clock.now().since(before);
        assert!(waited < seconds(2), "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn stopping_waits_for_no_rest_and_no_rung() {
    for after in [1, 60, 130, 200] {
        let world = World::ready().await;
        world.scripted.on_usb();
        world.scripted.deafen(Rung::PowerCycle);
        let _ = world.submit().await;
        tokio::time::sleep(seconds(after)).await;
        assert!(world.scripted.is_deaf());
        let before = world.clock.now();
        world.stop.cancel();
        world.task.await.unwrap();
        assert!(world.clock.now().since(before) <= Duration::from_millis(500));
    }
}
