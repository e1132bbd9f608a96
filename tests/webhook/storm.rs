//! Everything at once: three receivers that change their moods, a daemon that is killed, hours that pass; drawn from
//! seeds. In the end every event has arrived, and those of each otp began to arrive in their order.

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use smsotpd::callback::Source;

use crate::receiver::{Got, Mood, Receiver};
use crate::site::{Site, pass, seconds, soon, target};

const SEEDS: u64 = 4;
const OTPS: u32 = 12;

fn mood(dice: &mut SmallRng) -> Mood {
    match dice.random_range(0..7) {
        0 => Mood::status(500),
        1 => Mood::status(302),
        2 => Mood::Answer(503, "retry-after: 40\r\n".to_owned()),
        3 => Mood::Drop,
        4 => Mood::DropInTheHead,
        5 => Mood::Hang,
        _ => Mood::status(200),
    }
}

#[tokio::test(start_paused = true)]
async fn no_storm_loses_an_event_or_turns_two_of_one_otp_round() {
    for seed in 0..SEEDS {
        storm(seed).await;
    }
}

async fn storm(seed: u64) {
    let mut dice = SmallRng::seed_from_u64(seed);
    let mut receivers = Vec::new();
    for _ in 0..3 {
        receivers.push(Receiver::start(mood(&mut dice)));
    }
    let mut site = Site::with_url(&receivers[0].url()).await;
    let mut expected = 0;
    for n in 0..OTPS {
        let to = format!("+1555{n:07}");
        let other = dice.random_range(0..3);
        let otp = site.issue(&to, target(&receivers[other].url(), Source::Operator)).await;
        site.send_and_report(&to).await;
        site.verify(otp).await;
        expected += if other == 0 { 3 } else { 6 };
        if dice.random_range(0..3) == 0 {
            let one = dice.random_range(0..3);
            receivers[one].be(mood(&mut dice));
        }
        if dice.random_range(0..8) == 0 {
            site = site.crash().await;
            site.deliver();
        }
        pass(seconds(dice.random_range(0..200))).await;
        for _ in 0..dice.random_range(0..2000) {
            tokio::task::yield_now().await;
        }
    }
    for receiver in &receivers {
        receiver.be(Mood::status(200));
    }
    // What still hangs runs into its time-out.
    pass(seconds(16)).await;
    soon(&format!("the calm of seed {seed}"), async {
        loop {
            let (waiting, now) = (site.waiting().await, site.clock.now());
            if waiting.is_empty() {
                break;
            }
            // A try that is under way must not see hours pass.
            if waiting.iter().all(|one| one.next_try.is_none_or(|next| next > now)) {
                pass(seconds(600)).await;
            }
        }
    })
    .await;
    assert!(site.dead().await.is_empty(), "seed {seed}");
    let arrived: usize = receivers.iter_mut().map(|receiver| in_order(receiver, seed)).sum();
    assert_eq!(arrived, expected, "seed {seed}");
}

/// How many different events came. Those of each otp must have come in their order, each for the first time.
fn in_order(receiver: &mut Receiver, seed: u64) -> usize {
    let mut of_otps: BTreeMap<String, Vec<Got>> = BTreeMap::new();
    while let Some(got) = receiver.now() {
        let of_otp = of_otps.entry(got.otp()).or_default();
        if of_otp.iter().all(|before| before.id() != got.id()) {
            of_otp.push(got);
        }
    }
    for (otp, events) in &of_otps {
        let kinds: Vec<String> = events.iter().map(Got::kind).collect();
        assert_eq!(kinds, ["otp.sent", "otp.delivered", "otp.verified"], "seed {seed}, {otp}");
    }
    of_otps.values().map(Vec::len).sum()
}
