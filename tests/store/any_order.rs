//! Whatever happens in whatever order, some things are always true of the database.

use proptest::prelude::*;
use smsotpd::ids::MessageReference;
use smsotpd::message::{FailureClass, InDoubtPolicy, Next, Status, whole};
use smsotpd::store::{Assignment, Claimed, NewMessage, ReportOutcome, SubmitResult};

use crate::world::{CODE, World, number, seconds};

#[derive(Debug, Clone)]
enum Step {
    Issue { to: u8, second: bool },
    Accept { to: u8, parts: u8, resend: bool },
    Claim { sim: bool },
    Settle { which: u8, result: u8 },
    Report { sim: bool, to: u8, reference: u8, outcome: u8 },
    Verify { right: bool },
    Pass { seconds: u16 },
    Sweep,
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0..2_u8, any::<bool>()).prop_map(|(to, second)| Step::Issue { to, second }),
        2 => (0..2_u8, 1..4_u8, any::<bool>()).prop_map(|(to, parts, resend)| Step::Accept { to, parts, resend }),
        6 => any::<bool>().prop_map(|sim| Step::Claim { sim }),
        6 => (any::<u8>(), 0..8_u8).prop_map(|(which, result)| Step::Settle { which, result }),
        3 => (any::<bool>(), 0..2_u8, 0..3_u8, 0..3_u8)
            .prop_map(|(sim, to, reference, outcome)| Step::Report { sim, to, reference, outcome }),
        1 => any::<bool>().prop_map(|right| Step::Verify { right }),
        3 => prop_oneof![1..30_u16, 100..400_u16].prop_map(|seconds| Step::Pass { seconds }),
        3 => Just(Step::Sweep),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 1..60)
}

/// The world and what is going on in it.
struct Play {
    world: World,
    under_way: Vec<Assignment>,
    newest_otp: Option<smsotpd::ids::OtpId>,
}

impl Play {
    async fn step(&mut self, step: Step) {
        let world = &self.world;
        let to = |to: u8| number(&format!("+1555123456{to}"));
        match step {
            Step::Issue { to: t, second } => {
                let mut otp = world.new_otp(&to(t));
                otp.message.second_after = second.then_some(seconds(60));
                self.newest_otp = Some(world.issue(otp).await.id);
            }
            Step::Accept { to: t, parts, resend } => {
                let in_doubt = if resend { InDoubtPolicy::Resend } else { InDoubtPolicy::Hold };
                world.accept(NewMessage { parts, in_doubt, ..world.new_message(&to(t)) }).await;
            }
            Step::Claim { sim } => {
                if let Claimed::Part(assignment) = world.claim_with(name(sim)).await {
                    assert!(assignment.deadline > world.clock.now(), "never after its deadline");
                    self.under_way.push(assignment);
                }
            }
            Step::Settle { which, result } => {
                if !self.under_way.is_empty() {
                    let assignment = self.under_way.swap_remove(usize::from(which) % self.under_way.len());
                    world.settle(&assignment, outcome(world, result)).await;
                }
            }
            Step::Report { sim, to: t, reference, outcome } => {
                let outcomes = [ReportOutcome::Delivered, ReportOutcome::StillTrying, ReportOutcome::Undelivered];
                world.report_at(name(sim), &to(t), reference, outcomes[usize::from(outcome)]).await;
            }
            Step::Verify { right } => {
                if let Some(otp) = self.newest_otp {
                    world.verify(otp, if right { CODE } else { "000000" }).await;
                }
            }
            Step::Pass { seconds: time } => world.pass(seconds(time.into())).await,
            Step::Sweep => drop(world.store.sweep().await.unwrap()),
            Step::Crash => {
                self.world = world.crash().await;
                self.under_way.clear();
                self.world.store.recover().await.unwrap();
            }
        }
    }
}

fn name(sim: bool) -> &'static str {
    if sim { "a" } else { "b" }
}

fn outcome(world: &World, result: u8) -> SubmitResult {
    let failed = |next| SubmitResult::Failed { class: FailureClass::Network, code: None, reason: String::new(), next };
    match result {
        0..=2 => SubmitResult::Sent { reference: MessageReference(result) },
        3 => failed(Next::Fail),
        4 => failed(Next::RetryAt(world.clock.now() + seconds(5))),
        5 => failed(Next::OtherModem { again: world.clock.now() + seconds(2) }),
        6 => SubmitResult::NotReady { reason: String::new() },
        _ => SubmitResult::InDoubt { reason: String::new() },
    }
}

/// What must never be in the database, as queries that find it.
const NEVER: [(&str, &str); 14] = [
    (
        "what is over for good waits for nothing",
        "SELECT 1 FROM message WHERE status IN ('undelivered', 'failed', 'expired', 'cancelled')
           AND (waiting_from IS NOT NULL OR doubt_until IS NOT NULL)",
    ),
    (
        "a message waits exactly when a part waits and none is under way",
        "SELECT 1 FROM message WHERE (waiting_from IS NOT NULL) <> (
             EXISTS (SELECT 1 FROM part WHERE message = seq AND status = 'queued')
             AND NOT EXISTS (SELECT 1 FROM part WHERE message = seq AND status = 'sending'))",
    ),
    (
        "the queue of a message follows from its parts",
        "SELECT 1 FROM message WHERE queue IS NOT CASE
             WHEN EXISTS (SELECT 1 FROM part WHERE message = seq AND status = 'sending') THEN -1
             WHEN waiting_from IS NOT NULL THEN priority END",
    ),
    (
        "a text that can still be sent is there, any other is erased",
        "SELECT 1 FROM message LEFT JOIN otp ON otp.seq = message.otp WHERE (text IS NOT NULL) <> (
             coalesce(otp.status, 'pending') = 'pending'
             AND NOT EXISTS (SELECT 1 FROM message AS newer WHERE newer.otp = otp.seq AND newer.seq > message.seq)
             AND (doubt_until IS NOT NULL OR second_from IS NOT NULL OR EXISTS (
                 SELECT 1 FROM part WHERE message = message.seq AND part.status IN ('queued', 'sending'))))",
    ),
    (
        "what is kept of a code ends with its otp",
        "SELECT 1 FROM otp WHERE status <> 'pending' AND (digest IS NOT NULL OR sealed_code IS NOT NULL)",
    ),
    (
        "a message of one part was perhaps sent twice at most, and a held one once",
        "SELECT 1 FROM message WHERE parts = 1 AND (
             SELECT count(*) FROM attempt WHERE message = seq AND outcome IN ('sent', 'in_doubt', 'sending'))
             > iif(otp IS NULL AND in_doubt = 'hold', 1, 2)",
    ),
    (
        "a second copy is waited with only while the network says nothing of the first",
        "SELECT 1 FROM message WHERE second_from IS NOT NULL AND (status <> 'sent' OR resent OR second_after IS NULL)",
    ),
    (
        "a second copy of what was sent goes through another SIM",
        "SELECT 1 FROM message JOIN attempt AS first ON first.id = first_copy
         JOIN attempt AS second ON second.id = message.attempt
         WHERE NOT resent OR second.id <= first.id OR second.sim = first.sim
           OR NOT (first.outcome = 'sent' OR first.outcome = 'in_doubt' AND first.report IS NOT NULL)",
    ),
    (
        "what has gone out of a message that is not yet given up went through one SIM, or no handset can join it",
        "SELECT 1 FROM message JOIN part ON part.message = seq JOIN part AS other ON other.message = seq
         WHERE message.status NOT IN ('undelivered', 'failed', 'expired', 'cancelled') AND part.sim <> other.sim
           AND part.status IN ('sent', 'delivered') AND other.status IN ('sent', 'delivered')",
    ),
    (
        "an attempt is under way exactly when its part is",
        "SELECT 1 FROM attempt WHERE (outcome = 'sending') <> EXISTS (
             SELECT 1 FROM part WHERE part.attempt = attempt.id AND part.status = 'sending')",
    ),
    (
        "the end of an otp is told once",
        "SELECT 1 FROM otp WHERE (status <> 'pending') <> (
             SELECT count(*) FROM event WHERE event.otp = otp.seq
               AND kind IN ('otp.verified', 'otp.expired', 'otp.locked', 'otp.cancelled', 'otp.superseded'))",
    ),
    (
        "what was told last of a message is where it is",
        "SELECT 1 FROM message WHERE status IN ('sent', 'delivered', 'undelivered', 'failed', 'expired', 'cancelled')
           AND (otp IS NULL OR status IN ('sent', 'delivered', 'undelivered', 'failed'))
           AND iif(otp IS NULL, 'message.' || status, 'otp.' || replace(status, 'failed', 'undelivered')) IS NOT (
             SELECT kind FROM event WHERE event.message = message.seq AND kind NOT IN ('otp.expired', 'otp.resent')
             ORDER BY event.seq DESC LIMIT 1)",
    ),
    (
        "nothing is told twice",
        "SELECT 1 FROM event WHERE message IS NOT NULL AND kind <> 'message.in_doubt'
         GROUP BY message, kind HAVING count(*) > 1",
    ),
    (
        "no report waits for a part that nobody is at",
        "SELECT 1 FROM early_report AS report WHERE NOT EXISTS (
             SELECT 1 FROM part WHERE part.number = report.number AND part.status = 'sending' AND (
                 part.sim = report.sim OR EXISTS (
                     SELECT 1 FROM former_part AS former JOIN attempt ON attempt.id = former.attempt
                     WHERE former.number = report.number AND former.sim = report.sim
                       AND former.reference IN (-1, report.reference)
                       AND attempt.message = part.message AND attempt.part = part.part)))",
    ),
];

fn check(world: &World) {
    let conn = rusqlite::Connection::open(world.folder.path().join("smsotpd.db")).unwrap();
    for (rule, broken) in NEVER {
        assert!(!conn.prepare(broken).unwrap().exists(()).unwrap(), "{rule}");
    }
    let mut statement = conn
        .prepare(
            "SELECT message.status, group_concat(part.status) FROM message JOIN part ON message = seq GROUP BY seq",
        )
        .unwrap();
    let mut rows = statement.query(()).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (status, parts): (String, String) = (row.get(0).unwrap(), row.get(1).unwrap());
        let parts = parts.split(',').map(|part| Status::from_name(part).unwrap());
        assert_eq!(Status::from_name(&status).unwrap(), whole(parts), "a message is what its parts make of it");
    }
}

fn play(steps: Vec<Step>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut play = Play { world: World::new().await, under_way: Vec::new(), newest_otp: None };
        for step in steps {
            play.step(step).await;
            check(&play.world);
        }
    });
}

#[test]
fn a_report_on_the_first_copy_waits_for_the_second_that_another_sim_is_at() {
    play(vec![
        Step::Issue { to: 0, second: false },
        Step::Claim { sim: true },
        Step::Settle { which: 0, result: 7 },
        Step::Pass { seconds: 21 },
        Step::Sweep,
        Step::Claim { sim: false },
        Step::Report { sim: true, to: 0, reference: 1, outcome: 0 },
        Step::Settle { which: 0, result: 6 },
    ]);
}

#[test]
fn what_was_in_doubt_and_is_still_being_tried_has_a_second_copy() {
    play(vec![
        Step::Issue { to: 0, second: true },
        Step::Claim { sim: true },
        Step::Settle { which: 0, result: 7 },
        Step::Report { sim: true, to: 0, reference: 1, outcome: 1 },
        Step::Pass { seconds: 60 },
        Step::Claim { sim: false },
    ]);
}

#[test]
fn another_sim_takes_over_a_message_of_which_a_part_in_doubt_had_its_report() {
    play(vec![
        Step::Accept { to: 0, parts: 2, resend: true },
        Step::Claim { sim: false },
        Step::Settle { which: 0, result: 7 },
        Step::Pass { seconds: 100 },
        Step::Sweep,
        Step::Report { sim: false, to: 0, reference: 0, outcome: 0 },
        Step::Pass { seconds: 120 },
        Step::Claim { sim: true },
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn the_database_keeps_its_rules_whatever_happens(steps in steps()) {
        play(steps);
    }

    #[test]
    fn nor_does_a_second_copy_break_them(steps in steps()) {
        let begun = [
            Step::Issue { to: 0, second: true },
            Step::Claim { sim: true },
            Step::Settle { which: 0, result: 0 },
            Step::Pass { seconds: 60 },
            Step::Claim { sim: false },
        ];
        play(begun.into_iter().chain(steps).collect());
    }
}
