//! Messages: accepted, listed and withdrawn.

use smsotpd::message::Status;
use smsotpd::store::{AcceptOutcome, CancelOutcome, Idempotency, MessageFilter, NewMessage, PageSize};

use crate::world::{World, alice, app, number};

#[tokio::test(start_paused = true)]
async fn an_accepted_message_survives_a_crash() {
    let world = World::new().await;
    let id = world.accept(world.new_message(&alice())).await;
    let world = world.crash().await;
    assert_eq!(world.claim().await.message, id);
}

#[tokio::test(start_paused = true)]
async fn the_same_request_is_accepted_once() {
    let world = World::new().await;
    let key = |digest| Some(Idempotency { key: "k".to_owned(), digest: [digest; 32] });
    let AcceptOutcome::Accepted(first) = world.store.accept(world.new_message(&alice()), key(1)).await.unwrap() else {
        panic!()
    };
    world.claim().await;
    let again = world.store.accept(world.new_message(&alice()), key(1)).await.unwrap();
    assert_eq!(again, AcceptOutcome::Replayed(first));
    assert_eq!(world.store.accept(world.new_message(&alice()), key(2)).await.unwrap(), AcceptOutcome::KeyReused);
    world.claim_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_is_withdrawn_only_before_a_modem_has_it() {
    let world = World::new().await;
    let waiting = world.accept(world.new_message(&alice())).await;
    let cancelled = world.store.cancel_message(&app(), waiting).await.unwrap().unwrap();
    assert!(matches!(cancelled, CancelOutcome::Cancelled(view) if view.status == Status::Cancelled));
    let under_way = world.accept(world.new_message(&alice())).await;
    assert_eq!(world.claim().await.message, under_way);
    let too_late = world.store.cancel_message(&app(), under_way).await.unwrap().unwrap();
    assert!(matches!(too_late, CancelOutcome::TooLate(view) if view.status == Status::Sending));
    assert_eq!(world.store.cancel_message(&"other".parse().unwrap(), waiting).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn the_list_is_newest_first_page_by_page_and_only_the_apps_own() {
    let world = World::new().await;
    let bob = number("+15557654321");
    let mut ids = Vec::new();
    for index in 0..7 {
        let to = if index % 3 == 0 { &bob } else { &alice() };
        ids.push(world.accept(world.new_message(to)).await);
        world.accept(NewMessage { app: "other".parse().unwrap(), ..world.new_message(to) }).await;
    }
    ids.reverse();
    let mut filter = MessageFilter { limit: PageSize::new(3).unwrap(), ..MessageFilter::default() };
    let mut listed = Vec::new();
    loop {
        let page = world.store.messages(&app(), filter.clone()).await.unwrap();
        assert!(page.items.len() <= 3);
        listed.extend(page.items.iter().map(|listed| listed.message.id));
        let Some(next) = page.next else { break };
        filter.cursor = Some(next.to_string().parse().unwrap());
    }
    assert_eq!(listed, ids);
    let to_bob = MessageFilter { to: Some(bob.clone()), ..MessageFilter::default() };
    let page = world.store.messages(&app(), to_bob).await.unwrap();
    assert_eq!(page.items.iter().map(|listed| listed.message.id).collect::<Vec<_>>(), [ids[0], ids[3], ids[6]]);
    let sent = MessageFilter { status: Some(Status::Sent), ..MessageFilter::default() };
    assert!(world.store.messages(&app(), sent).await.unwrap().items.is_empty());
}
