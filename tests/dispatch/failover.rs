//! A modem leaves at any moment of its work: the others go on, nothing is lost, nothing is sent twice.

use smsotpd::message::{InDoubtPolicy, Status};
use smsotpd::sim::{Fault, HangUp};
use smsotpd::store::{NewMessage, Report, ReportOutcome};

use crate::world::{World, no_budget, number, seconds};

/// How many messages wait.
const MESSAGES: usize = 12;

/// What one of three modems is at when it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Nothing,
    Command,
    Prompt,
    CtrlZ { submitted: bool },
}

/// Lets one of three modems leave for good, and returns how many messages are sent and how many in doubt, after a look
/// at what the handsets have.
async fn leaves(at: At, in_doubt: InDoubtPolicy) -> (usize, usize) {
    let mut world = World::new(3).await;
    world.dispatch(&no_budget()).await;
    let hang_up = match at {
        At::Nothing => None,
        At::Command => Some(HangUp::BeforePrompt),
        At::Prompt => Some(HangUp::AfterPrompt),
        At::CtrlZ { submitted } => Some(HangUp::AfterCtrlZ { submitted }),
    };
    match hang_up {
        Some(moment) => world.slots[0].device.faults().queue(Fault::HangUp(moment)),
        None => world.slots[0].plug(false),
    }
    let mut ids = Vec::new();
    for to in 0..MESSAGES {
        ids.push(world.accept(NewMessage { in_doubt, ..world.new_message(to) }).await);
    }
    let begun = world.clock.now();
    world.ready(0, false).await;
    world.slots[0].plug(false);
    world
        .until("all to be over", async |world| {
            let counts = world.store.counts().await.unwrap();
            counts.queued + counts.sending == 0
        })
        .await;
    assert!(world.clock.now().since(begun) < seconds(10), "{at:?}: the others waited");
    // A doubt has its time, and what was sent arrives.
    world.pass(seconds(40)).await;
    let (mut sent, mut doubted) = (0, 0);
    for (to, id) in ids.iter().enumerate() {
        let arrived = world.carrier.handset(&number(to)).inbox().len();
        let detail = world.detail(*id).await;
        match detail.message.status {
            Status::Sent if detail.message.resent => assert!((1..=2).contains(&arrived), "{at:?}: {arrived}"),
            Status::Sent => assert_eq!(arrived, 1, "{at:?}"),
            Status::InDoubt => assert!(arrived <= 1, "{at:?}: {arrived}"),
            other => panic!("{at:?}: a message is {}", other.as_str()),
        }
        sent += usize::from(detail.message.status == Status::Sent);
        doubted += usize::from(detail.message.status == Status::InDoubt);
    }
    (sent, doubted)
}

#[tokio::test(start_paused = true)]
async fn one_that_had_not_given_its_message_to_the_network_loses_and_doubles_nothing() {
    for at in [At::Nothing, At::Command, At::Prompt] {
        assert_eq!(leaves(at, InDoubtPolicy::Hold).await, (MESSAGES, 0), "{at:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_had_leaves_that_one_message_in_doubt() {
    for submitted in [true, false] {
        let at = At::CtrlZ { submitted };
        assert_eq!(leaves(at, InDoubtPolicy::Hold).await, (MESSAGES - 1, 1), "{at:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_it_left_in_doubt_goes_out_once_more_through_another_where_that_is_wished() {
    for submitted in [true, false] {
        let at = At::CtrlZ { submitted };
        assert_eq!(leaves(at, InDoubtPolicy::Resend).await, (MESSAGES, 0), "{at:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_code_of_which_no_report_comes_goes_out_through_another_sim_by_itself() {
    let mut world = World::new(2).await;
    world.dispatch(&no_budget()).await;
    let id = world.issue_with(1, Some(seconds(60))).await;
    world.until_all(&[id], Status::Sent).await;
    let first = world.sender(id).await;
    world.pass(seconds(58)).await;
    assert_eq!(world.detail(id).await.attempts.len(), 1);
    world.pass(seconds(4)).await;
    let detail = world.detail(id).await;
    assert_eq!((detail.message.status, detail.message.resent, detail.attempts.len()), (Status::Sent, true, 2));
    assert_ne!(world.sender(id).await, first);
    world.pass(seconds(120)).await;
    assert_eq!(world.carrier.handset(&number(1)).inbox().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_second_copy_waits_for_another_sim_and_is_not_sent_when_the_first_arrives_before_that() {
    let mut world = World::new(2).await;
    world.dispatch(&no_budget()).await;
    world.slots[1].plug(false);
    world.ready(1, false).await;
    let wait = Some(seconds(60));
    let (waits, arrives) = (world.issue_with(1, wait).await, world.issue_with(2, wait).await);
    world.until_all(&[waits, arrives], Status::Sent).await;
    let reference = world.detail(arrives).await.attempts[0].reference.unwrap();
    world.pass(seconds(90)).await;
    assert_eq!(world.detail(waits).await.attempts.len(), 1);
    let (sim, to, outcome) = (world.slots[0].sim(), number(2), ReportOutcome::Delivered);
    world.store.settle_report(vec![Report { sim, to, reference, outcome, status_octet: 0 }]).await.unwrap();
    world.slots[1].plug(true);
    world.until("the second copy", async |world| world.detail(waits).await.attempts.len() == 2).await;
    world.until_all(&[waits], Status::Sent).await;
    world.pass(seconds(30)).await;
    assert_eq!((world.sender(waits).await.as_str(), world.detail(arrives).await.attempts.len()), ("m1", 1));
}
