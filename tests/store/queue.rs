//! The queue: what is handed out, in which order, and what becomes of it.

use smsotpd::clock::Moment;
use smsotpd::ids::MessageReference;
use smsotpd::message::{FailureClass, InDoubtPolicy, Next, Priority, Status};
use smsotpd::store::{AttemptOutcome, Claim, Claimed, Neighbour, NewMessage, SubmitResult};

use crate::outgoing::settlement;
use crate::world::{CODE, TEXT, World, alice, app, claim, number, part, seconds, sim};

fn failed(next: Next) -> SubmitResult {
    SubmitResult::Failed {
        class: FailureClass::Network,
        code: Some("+CMS ERROR: 41".to_owned()),
        reason: "temporary failure".to_owned(),
        next,
    }
}

fn not_ready() -> SubmitResult {
    SubmitResult::NotReady { reason: "not registered".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn priority_then_deadline_then_age_decides() {
    let world = World::new().await;
    let later = world.clock.now() + seconds(7200);
    let bulk = world.accept(NewMessage { priority: Priority::Bulk, ..world.new_message(&alice()) }).await;
    let relaxed = world.accept(NewMessage { deadline: later, ..world.new_message(&alice()) }).await;
    let older = world.accept(world.new_message(&alice())).await;
    let newer = world.accept(world.new_message(&alice())).await;
    let otp = world.issue(world.new_otp(&alice())).await.message.id;
    let otps_only = Claim { lowest: Priority::Otp, ..claim("a") };
    assert_eq!(part(world.store.claim(otps_only.clone()).await.unwrap()).message, otp);
    let nothing = world.store.claim(otps_only).await.unwrap();
    assert!(matches!(nothing, Claimed::Nothing { next: None, .. }), "{nothing:?}");
    for expected in [older, newer, relaxed, bulk] {
        assert_eq!(world.claim().await.message, expected);
    }
    world.claim_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn an_assignment_holds_what_the_modem_needs() {
    let world = World::new().await;
    let otp = world.new_otp(&alice());
    let message = NewMessage { class0: true, replace: Some(3), ..otp.message.clone() };
    let view = world.issue(smsotpd::store::NewOtp { message, ..otp }).await;
    let assignment = world.claim().await;
    assert_eq!(assignment.text.expose(), TEXT);
    assert_eq!((assignment.message, assignment.to.clone()), (view.message.id, alice()));
    assert_eq!((assignment.part, assignment.parts, assignment.failures), (0, 1, 0));
    assert_eq!((assignment.class0, assignment.replace, assignment.deadline), (true, Some(3), view.expires));
    assert_eq!(world.status(view.message.id).await, Status::Sending);
}

#[tokio::test(start_paused = true)]
async fn what_is_past_its_deadline_is_expired_and_never_handed_out() {
    let world = World::new().await;
    let id = world.accept(world.new_message(&alice())).await;
    assert_eq!(world.store.sweep().await, Ok(Some(world.clock.now() + seconds(3600))));
    world.pass(seconds(3600)).await;
    world.claim_nothing().await;
    world.store.sweep().await.unwrap();
    assert_eq!(world.status(id).await, Status::Expired);
    world.claim_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn many_expired_messages_do_not_hide_one_that_can_go() {
    let world = World::new().await;
    for _ in 0..100 {
        let deadline = world.clock.now() + seconds(1);
        world.accept(NewMessage { deadline, ..world.new_message(&alice()) }).await;
    }
    let good = world.accept(world.new_message(&alice())).await;
    world.pass(seconds(2)).await;
    assert_eq!(world.claim().await.message, good);
    world.store.sweep().await.unwrap();
    assert_eq!(world.store.counts().await.unwrap().queued, 0);
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_kept_as_history() {
    let world = World::new().await;
    let id = world.accept(world.new_message(&alice())).await;
    let assignment = world.claim().await;
    let retry = Next::RetryAt(world.clock.now() + seconds(4));
    world.settle(&assignment, failed(retry)).await;
    assert_eq!(world.status(id).await, Status::Queued);
    let claimed = world.claim_with("a").await;
    assert!(matches!(claimed, Claimed::Nothing { next: Some(at), .. } if at == world.clock.now() + seconds(4)));
    world.pass(seconds(4)).await;
    let assignment = world.claim().await;
    assert_eq!(assignment.failures, 1);
    world.settle(&assignment, not_ready()).await;
    let assignment = world.claim().await;
    assert_eq!(assignment.failures, 1, "a modem that was not ready is no failure of the message");
    world.sent(&assignment, 9).await;
    let detail = world.store.message(&app(), id).await.unwrap().unwrap();
    assert_eq!(detail.message.status, Status::Sent);
    assert_eq!(detail.message.sent_at, Some(world.clock.wall()));
    let outcomes: Vec<_> = detail.attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::Failed, AttemptOutcome::NotReady, AttemptOutcome::Sent]);
    assert_eq!(detail.attempts[0].code.as_deref(), Some("+CMS ERROR: 41"));
    assert_eq!(detail.attempts[2].reference, Some(MessageReference(9)));
}

#[tokio::test(start_paused = true)]
async fn a_failure_for_good_ends_the_message() {
    let world = World::new().await;
    let id = world.accept(world.new_message(&alice())).await;
    let assignment = world.claim().await;
    world.settle(&assignment, failed(Next::Fail)).await;
    assert_eq!(world.status(id).await, Status::Failed);
    world.settle(&assignment, SubmitResult::Sent { reference: MessageReference(1) }).await;
    assert_eq!(world.status(id).await, Status::Failed, "an attempt is settled once");
    world.claim_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_text_that_does_not_open_fails_its_message_and_holds_up_no_other() {
    let world = World::new().await;
    let strange = world.new_message(&alice()).text;
    let unreadable = world.accept(NewMessage { text: strange, ..world.new_message(&alice()) }).await;
    let good = world.accept(world.new_message(&alice())).await;
    assert_eq!(world.claim().await.message, good);
    let detail = world.store.message(&app(), unreadable).await.unwrap().unwrap();
    assert_eq!(detail.message.status, Status::Failed);
    assert!(detail.attempts[0].reason.as_deref().is_some_and(|reason| reason.contains("key")));
}

#[tokio::test(start_paused = true)]
async fn settling_and_claiming_go_together() {
    let world = World::new().await;
    let first = world.accept(world.new_message(&alice())).await;
    let second = world.accept(world.new_message(&alice())).await;
    let assignment = world.claim().await;
    let done = settlement(&assignment, SubmitResult::Sent { reference: MessageReference(1) });
    let next = part(world.store.settle_and_claim(done, claim("a")).await.unwrap());
    assert_eq!((assignment.message, next.message), (first, second));
    assert_eq!(world.status(first).await, Status::Sent);
    let submissions = world.store.recent_submissions(world.clock.now()).await.unwrap();
    assert_eq!(submissions.len(), 2);
    world.pass(seconds(1)).await;
    assert!(world.store.recent_submissions(world.clock.now()).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_told_of_budgets_after_a_restart_is_what_was_counted_before() {
    use FailureClass::{Card, Message, Modem, Network, Recipient, Sim, Unknown};
    let mut results = vec![
        SubmitResult::Sent { reference: MessageReference(1) },
        SubmitResult::InDoubt { reason: "no answer".to_owned() },
        not_ready(),
        SubmitResult::Expired,
    ];
    for class in [Recipient, Message, Network, Modem, Card, Sim, Unknown] {
        for code in [None, Some("+CMS ERROR: 41".to_owned())] {
            for next in [Next::Fail, Next::OtherModem { again: Moment::from_millis(0) }] {
                let reason = "a failure".to_owned();
                results.push(SubmitResult::Failed { class, code: code.clone(), reason, next });
            }
        }
    }
    for result in results {
        let world = World::new().await;
        world.accept(world.new_message(&alice())).await;
        let told = async || world.store.recent_submissions(Moment::from_millis(0)).await.unwrap().len();
        let assignment = world.claim().await;
        assert_eq!(told().await, 1, "the network may be asked");
        world.settle(&assignment, result.clone()).await;
        assert_eq!(told().await, usize::from(result.spends_budget()), "{result:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_of_an_otp_that_ended_meanwhile_is_not_tried_again() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    let assignment = world.claim().await;
    assert!(world.verify(otp.id, CODE).await.verified);
    world.settle(&assignment, failed(Next::RetryAt(world.clock.now() + seconds(1)))).await;
    assert_eq!(world.status(otp.message.id).await, Status::Cancelled);
    world.pass(seconds(2)).await;
    world.claim_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn the_queue_watch_tells_of_new_returned_and_withdrawn_messages() {
    let world = World::new().await;
    let mut queue = world.store.queue();
    let mut woken = || std::mem::replace(&mut queue, world.store.queue()).has_changed().unwrap();
    let id = world.accept(world.new_message(&alice())).await;
    assert!(woken());
    let assignment = world.claim().await;
    world.claim_nothing().await;
    assert!(!woken(), "taking something gives nobody else anything to do");
    world.settle(&assignment, not_ready()).await;
    assert!(woken());
    world.store.cancel_message(&app(), id).await.unwrap();
    assert!(woken());
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_finds_nothing_costs_the_disk_nothing() {
    let world = World::new().await;
    let mut changes = world.store.changes();
    changes.mark_unchanged();
    world.claim_nothing().await;
    world.store.sweep().await.unwrap();
    assert!(!changes.has_changed().unwrap());
}

// ---- several parts

#[tokio::test(start_paused = true)]
async fn the_parts_of_a_message_follow_each_other_on_one_sim() {
    let world = World::new().await;
    let id = world.accept(NewMessage { parts: 3, ..world.new_message(&alice()) }).await;
    let first = world.claim().await;
    assert!(matches!(world.claim_with("b").await, Claimed::Nothing { .. }), "never two parts at once");
    world.sent(&first, 1).await;
    assert_eq!(world.status(id).await, Status::Sending);
    let elsewhere = world.claim_with("b").await;
    let next = world.clock.now() + seconds(120);
    assert!(matches!(elsewhere, Claimed::Nothing { next: Some(at), .. } if at == next), "{elsewhere:?}");
    for expected in [1, 2] {
        let part = world.claim().await;
        assert_eq!((part.part, part.parts, part.concat_reference), (expected, 3, first.concat_reference));
        world.sent(&part, 1 + u8::try_from(expected).unwrap()).await;
    }
    assert_eq!(world.status(id).await, Status::Sent);
}

#[tokio::test(start_paused = true)]
async fn on_another_sim_all_parts_start_again() {
    let world = World::new().await;
    let id = world.accept(NewMessage { parts: 2, ..world.new_message(&alice()) }).await;
    let first = world.claim().await;
    world.sent(&first, 1).await;
    let second = world.claim().await;
    world.settle(&second, failed(Next::OtherModem { again: world.clock.now() })).await;
    let again = part(world.claim_with("b").await);
    assert_eq!((again.message, again.part, again.failures), (id, 0, 0));
    world.sent(&again, 7).await;
    let rest = part(world.claim_with("b").await);
    assert_eq!(rest.part, 1);
    world.sent(&rest, 8).await;
    assert_eq!(world.status(id).await, Status::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_message_of_several_parts_changes_its_sim_once_at_most() {
    let world = World::new().await;
    let id = world.accept(NewMessage { parts: 2, ..world.new_message(&alice()) }).await;
    let mut firsts = Vec::new();
    for round in 0..20 {
        let sim = ["a", "b", "c"][round % 3];
        while let Claimed::Part(assignment) = world.claim_with(sim).await {
            if assignment.part == 0 {
                firsts.push(sim);
                world.sent(&assignment, u8::try_from(round).unwrap()).await;
            } else {
                world.settle(&assignment, failed(Next::OtherModem { again: world.clock.now() })).await;
                break;
            }
        }
    }
    assert_eq!(firsts, ["a", "b"]);
    assert_eq!(world.status(id).await, Status::Sending);
    world.pass(seconds(3600)).await;
    world.store.sweep().await.unwrap();
    assert_eq!(world.status(id).await, Status::Expired);
}

#[tokio::test(start_paused = true)]
async fn before_its_first_part_is_sent_a_message_of_several_is_bound_to_no_sim() {
    let world = World::new().await;
    world.accept(NewMessage { parts: 2, ..world.new_message(&alice()) }).await;
    for sim in ["a", "b", "c", "a", "b"] {
        let first = part(world.claim_with(sim).await);
        world.settle(&first, failed(Next::OtherModem { again: world.clock.now() })).await;
    }
    let first = part(world.claim_with("c").await);
    assert_eq!((first.part, first.failures), (0, 5));
}

#[tokio::test(start_paused = true)]
async fn what_one_sim_was_refused_goes_to_another_at_once_and_lets_others_go_before_it_on_the_same() {
    let world = World::new().await;
    let refused = world.accept(world.new_message(&alice())).await;
    let first = world.claim().await;
    let again = world.clock.now() + seconds(2);
    world.settle(&first, failed(Next::OtherModem { again })).await;
    let other = world.accept(world.new_message(&number("+15557654321"))).await;
    let next = world.claim().await;
    assert_eq!(next.message, other);
    world.sent(&next, 1).await;
    let nothing = world.claim_with("a").await;
    assert!(matches!(nothing, Claimed::Nothing { next: Some(at) } if at == again), "{nothing:?}");
    let elsewhere = part(world.claim_with("b").await);
    assert_eq!(elsewhere.message, refused);
    world.settle(&elsewhere, failed(Next::OtherModem { again: again + seconds(4) })).await;
    world.claim_nothing().await;
    world.pass(seconds(2)).await;
    assert!(matches!(world.claim_with("b").await, Claimed::Nothing { .. }));
    assert_eq!(world.claim().await.message, refused);
}

#[tokio::test(start_paused = true)]
async fn a_part_that_fails_for_good_fails_the_message_and_the_rest_is_not_sent() {
    let world = World::new().await;
    let id = world.accept(NewMessage { parts: 3, ..world.new_message(&alice()) }).await;
    let first = world.claim().await;
    world.sent(&first, 1).await;
    let second = world.claim().await;
    world.settle(&second, failed(Next::Fail)).await;
    assert_eq!(world.status(id).await, Status::Failed);
    world.claim_nothing().await;
}

// ---- several SIMs

/// A claim for one SIM while others are well.
fn beside(sim_name: &str, others: &[&str]) -> Claim {
    let neighbour = |name: &&str| Neighbour { modem: format!("with-{name}").parse().unwrap(), sim: sim(name) };
    Claim { others: others.iter().map(neighbour).collect(), ..claim(sim_name) }
}

#[tokio::test(start_paused = true)]
async fn the_same_recipient_stays_on_the_same_sim_while_that_is_well_and_not_for_long() {
    let world = World::new().await;
    world.accept(world.new_message(&alice())).await;
    world.sent(&world.claim().await, 1).await;
    let next = world.accept(world.new_message(&alice())).await;
    let until = world.clock.now() + seconds(5);
    let left = world.store.claim(beside("b", &["a"])).await.unwrap();
    assert!(matches!(left, Claimed::Nothing { next: Some(at) } if at == until), "{left:?}");
    let bob = world.accept(world.new_message(&number("+15557654321"))).await;
    assert_eq!(part(world.store.claim(beside("b", &["a"])).await.unwrap()).message, bob, "others are not held up");
    assert_eq!(part(world.store.claim(beside("a", &["b"])).await.unwrap()).message, next);

    let third = world.accept(world.new_message(&alice())).await;
    let through_b = part(world.store.claim(beside("b", &["c"])).await.unwrap());
    assert_eq!(through_b.message, third, "its SIM is not well");
    world.sent(&through_b, 2).await;
    let fourth = world.accept(world.new_message(&alice())).await;
    let left = world.store.claim(beside("a", &["b"])).await.unwrap();
    assert!(matches!(left, Claimed::Nothing { .. }), "now it is b's: {left:?}");
    world.pass(seconds(5)).await;
    assert_eq!(part(world.store.claim(beside("a", &["b"])).await.unwrap()).message, fourth, "it has waited enough");
}

#[tokio::test(start_paused = true)]
async fn a_sim_that_may_have_let_the_recipient_down_is_not_waited_for() {
    let world = World::new().await;
    world.accept(world.new_message(&alice())).await;
    world.in_doubt(&world.claim().await).await;
    let next = world.accept(world.new_message(&alice())).await;
    assert_eq!(part(world.store.claim(beside("b", &["a"])).await.unwrap()).message, next);
}

#[tokio::test(start_paused = true)]
async fn what_failed_on_its_own_sim_goes_to_whoever_is_free() {
    let world = World::new().await;
    world.accept(world.new_message(&alice())).await;
    world.sent(&world.claim().await, 1).await;
    let id = world.accept(world.new_message(&alice())).await;
    world.settle(&world.claim().await, not_ready()).await;
    assert_eq!(part(world.store.claim(beside("b", &["a"])).await.unwrap()).message, id);
}

#[tokio::test(start_paused = true)]
async fn many_messages_to_one_recipient_are_not_all_left_to_one_sim() {
    let world = World::new().await;
    for _ in 0..34 {
        world.accept(world.new_message(&alice())).await;
    }
    let busy = world.claim().await;
    let taken = world.store.claim(beside("b", &["a"])).await.unwrap();
    assert_eq!(part(taken).to, busy.to);
}

#[tokio::test(start_paused = true)]
async fn parts_that_were_sent_do_not_start_again_while_their_sim_is_well() {
    let world = World::new().await;
    world.accept(NewMessage { parts: 2, ..world.new_message(&alice()) }).await;
    world.sent(&world.claim().await, 1).await;
    world.pass(seconds(600)).await;
    let left = world.store.claim(beside("b", &["a"])).await.unwrap();
    assert!(matches!(left, Claimed::Nothing { .. }), "{left:?}");
    assert_eq!(world.claim().await.part, 1);
}

// ---- in doubt

#[tokio::test(start_paused = true)]
async fn an_otp_in_doubt_goes_out_once_more_after_20_seconds_and_never_again() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    let first = world.claim().await;
    world.in_doubt(&first).await;
    assert_eq!(world.status(otp.message.id).await, Status::InDoubt);
    assert_eq!(world.store.sweep().await, Ok(Some(world.clock.now() + seconds(20))));
    world.claim_nothing().await;
    world.pass(seconds(20)).await;
    world.store.sweep().await.unwrap();
    let second = world.claim().await;
    assert_eq!((second.message, second.text.expose()), (otp.message.id, TEXT));
    world.in_doubt(&second).await;
    world.pass(seconds(60)).await;
    world.store.sweep().await.unwrap();
    world.claim_nothing().await;
    let detail = world.store.message(&app(), otp.message.id).await.unwrap().unwrap();
    assert_eq!((detail.message.status, detail.message.resent, detail.attempts.len()), (Status::InDoubt, true, 2));
}

#[tokio::test(start_paused = true)]
async fn an_otp_whose_policy_holds_what_is_in_doubt_is_not_sent_again() {
    let world = World::new().await;
    let mut otp = world.new_otp(&alice());
    otp.message.in_doubt = InDoubtPolicy::Hold;
    let otp = world.issue(otp).await;
    world.in_doubt(&world.claim().await).await;
    assert_eq!(world.store.sweep().await, Ok(Some(otp.expires)));
    world.pass(seconds(60)).await;
    world.store.sweep().await.unwrap();
    world.claim_nothing().await;
    assert!(world.verify(otp.id, CODE).await.verified, "it may have arrived");
}

#[tokio::test(start_paused = true)]
async fn any_other_message_in_doubt_is_held_unless_its_policy_says_resend() {
    let world = World::new().await;
    let held = world.accept(world.new_message(&alice())).await;
    let assignment = world.claim().await;
    world.in_doubt(&assignment).await;
    let resend = NewMessage { in_doubt: InDoubtPolicy::Resend, ..world.new_message(&alice()) };
    let resent = world.accept(resend).await;
    let assignment = world.claim().await;
    world.in_doubt(&assignment).await;
    world.pass(seconds(21)).await;
    world.store.sweep().await.unwrap();
    assert_eq!(world.claim().await.message, resent);
    world.claim_nothing().await;
    assert_eq!(world.status(held).await, Status::InDoubt);
}

#[tokio::test(start_paused = true)]
async fn in_doubt_a_verified_otp_is_not_sent_again() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    let assignment = world.claim().await;
    world.in_doubt(&assignment).await;
    assert!(world.verify(otp.id, CODE).await.verified);
    world.pass(seconds(21)).await;
    world.store.sweep().await.unwrap();
    world.claim_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn one_message_in_doubt_delays_no_other() {
    let world = World::new().await;
    world.issue(world.new_otp(&alice())).await;
    let assignment = world.claim().await;
    world.in_doubt(&assignment).await;
    let other = world.accept(world.new_message(&number("+15557654321"))).await;
    assert_eq!(world.claim().await.message, other);
}

// ---- the daemon dies

#[tokio::test(start_paused = true)]
async fn what_was_queued_is_queued_after_a_crash() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    let world = world.crash().await;
    assert_eq!(world.store.recover().await, Ok(0));
    assert_eq!(world.claim().await.message, otp.message.id);
}

#[tokio::test(start_paused = true)]
async fn what_a_modem_was_at_is_in_doubt_after_a_crash() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    world.claim().await;
    let world = world.crash().await;
    assert_eq!(world.store.recover().await, Ok(1));
    assert_eq!(world.status(otp.message.id).await, Status::InDoubt);
    world.claim_nothing().await;
    world.pass(seconds(20)).await;
    world.store.sweep().await.unwrap();
    assert_eq!(world.claim().await.text.expose(), TEXT);
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_in_doubt_or_over_stays_so_after_a_crash() {
    let world = World::new().await;
    let sent = world.accept(world.new_message(&alice())).await;
    world.sent(&world.claim().await, 1).await;
    let held = world.accept(world.new_message(&alice())).await;
    world.in_doubt(&world.claim().await).await;
    let failed_for_good = world.accept(world.new_message(&alice())).await;
    world.settle(&world.claim().await, failed(Next::Fail)).await;
    let otp = world.issue(world.new_otp(&number("+15557654321"))).await;
    assert!(world.verify(otp.id, CODE).await.verified);
    let world = world.crash().await;
    assert_eq!(world.store.recover().await, Ok(0));
    for (id, expected) in [
        (sent, Status::Sent),
        (held, Status::InDoubt),
        (failed_for_good, Status::Failed),
        (otp.message.id, Status::Cancelled),
    ] {
        assert_eq!(world.status(id).await, expected);
    }
    assert!(!world.verify(otp.id, CODE).await.verified);
    world.claim_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn the_one_resend_is_not_repeated_after_a_crash() {
    let world = World::new().await;
    let otp = world.issue(world.new_otp(&alice())).await;
    world.in_doubt(&world.claim().await).await;
    world.pass(seconds(20)).await;
    world.store.sweep().await.unwrap();
    world.claim().await;
    let world = world.crash().await;
    assert_eq!(world.store.recover().await, Ok(1));
    world.pass(seconds(60)).await;
    world.store.sweep().await.unwrap();
    world.claim_nothing().await;
    assert_eq!(world.status(otp.message.id).await, Status::InDoubt);
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_message_is_not_left_to_a_sim_that_was_not_let_send_it() {
    let world = World::new().await;
    let message = world.accept(NewMessage { parts: 3, ..world.new_message(&alice()) }).await;
    world.sent(&part(world.claim_with("a").await), 1).await;
    let second = part(world.claim_with("a").await);
    let next = Next::OtherModem { again: world.clock.now() + seconds(10) };
    let (class, code) = (FailureClass::Sim, Some("+CMS ERROR: 8".to_owned()));
    world.settle(&second, SubmitResult::Failed { class, code, reason: "it is barred".to_owned(), next }).await;
    let by_b = part(world.store.claim(beside("b", &["a"])).await.unwrap());
    assert_eq!((by_b.message, by_b.part), (message, 0), "all parts start again on the other SIM");
}

/// No program of ours leaves such rows behind; a disk, or somebody with `sqlite3`, may.
#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_go_with_its_parts_stops_no_other() {
    let world = World::new().await;
    let (odd, good) =
        (world.accept(world.new_message(&alice())).await, world.accept(world.new_message(&alice())).await);
    let change = |sql: &str| {
        let conn = rusqlite::Connection::open(world.folder.path().join("smsotpd.db")).unwrap();
        assert_eq!(conn.execute(sql, ()).unwrap(), 1);
    };
    change("UPDATE part SET status = 'delivered' WHERE message = 1");
    let assignment = world.claim().await;
    assert_eq!(assignment.message, good, "the odd one is passed over");
    assert_eq!(world.status(odd).await, Status::Delivered, "it is what its parts are");
    // And one whose part was settled by somebody else while a modem was at it.
    change("UPDATE part SET status = 'delivered' WHERE message = 2");
    world.settle(&assignment, SubmitResult::Sent { reference: MessageReference(7) }).await;
    let next = world.accept(world.new_message(&alice())).await;
    assert_eq!(world.claim().await.message, next);
}
