//! An app is removed: what of it ends, and what another app of the same name sees.

use smsotpd::limits;
use smsotpd::message::InDoubtPolicy;
use smsotpd::secret::Code;
use smsotpd::store::{Idempotency, IssueOutcome, MessageFilter, NewMessage, Refused, SubmitResult, Which};

use crate::folder::new_app;
use crate::world::{CODE, NO_LIMITS, World, alice, app, rules, seconds};

#[tokio::test(start_paused = true)]
async fn an_app_that_gets_the_name_of_a_removed_one_inherits_nothing_of_it() {
    let world = World::new().await;
    let store = &world.store;
    store.create_app(new_app(store, "first")).await.unwrap();
    let key = || Some(Idempotency { key: "k".to_owned(), digest: [1; 32] });
    let resend = NewMessage { in_doubt: InDoubtPolicy::Resend, ..world.new_message(&alice()) };
    let doubted = world.accept(resend).await;
    world.in_doubt(&world.claim().await).await;
    let under_way = world.accept(world.new_message(&alice())).await;
    let assignment = world.claim().await;
    let mut waiting = Vec::new();
    for _ in 0..100 {
        waiting.push(world.accept(world.new_message(&alice())).await);
    }
    let otp = world.new_otp(&alice());
    let (code, code_message) = (otp.id, otp.message.id);
    store.issue(otp, rules(NO_LIMITS), key()).await.unwrap();

    assert_eq!(store.remove_app(&app()).await, Ok(true));
    assert_eq!(store.counts().await.unwrap().pending_otps, 0, "its codes are cancelled");
    world.settle(&assignment, not_ready()).await;
    world.pass(seconds(21)).await;
    store.sweep().await.unwrap();
    world.claim_nothing().await;

    store.create_app(new_app(store, "second")).await.unwrap();
    assert_eq!(store.otp(&app(), code).await, Ok(None));
    let to = Which::Number { to: alice(), purpose: "login".to_owned() };
    for which in [Which::Id(code), to] {
        assert_eq!(store.verify(&app(), which, Code::new(CODE.to_owned())).await, Ok(None));
    }
    assert_eq!(store.cancel_otp(&app(), code).await, Ok(None));
    for id in [code_message, doubted, under_way, waiting[0]] {
        assert_eq!(store.message(&app(), id).await, Ok(None));
        assert_eq!(store.cancel_message(&app(), id).await, Ok(None));
    }
    for to in [None, Some(alice())] {
        assert!(
            store.messages(&app(), MessageFilter { to, ..MessageFilter::default() }).await.unwrap().items.is_empty()
        );
    }
    let one_an_hour = limits::Settings { per_number_hour: 1, ..NO_LIMITS };
    let again = store.issue(world.new_otp(&alice()), rules(one_an_hour), key()).await.unwrap();
    assert!(
        matches!(again, IssueOutcome::Refused(Refused::Limit(_))),
        "limits count across, and keys are free again: {again:?}"
    );
    let again = store.issue(world.new_otp(&alice()), rules(NO_LIMITS), key()).await.unwrap();
    assert!(matches!(again, IssueOutcome::Issued(_)), "{again:?}");
    assert_eq!(store.messages(&app(), MessageFilter::default()).await.unwrap().items.len(), 1);
}

fn not_ready() -> SubmitResult {
    SubmitResult::NotReady { reason: "not registered".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_was_cut_short_lets_nothing_more_out() {
    let world = World::new().await;
    world.store.create_app(new_app(&world.store, "first")).await.unwrap();
    world.accept(world.new_message(&alice())).await;
    let name = app();
    tokio::select! {
        biased;
        _ = world.store.remove_app(&name) => panic!("it takes more than one step"),
        () = std::future::ready(()) => {}
    }
    world.store.answers().await.unwrap();
    assert_eq!(world.store.counts().await.unwrap().queued, 1);
    world.claim_nothing().await;
    assert_eq!(world.store.counts().await.unwrap().queued, 0);
}
