//! What comes in: kept once, joined, bounded; and the numbers that want nothing.

use smsotpd::clock::Timestamp;
use smsotpd::ids::InboxId;
use smsotpd::message::Status;
use smsotpd::pdu::{
    self, Address, DataCoding, Deliver, Encoding, Language, ProtocolId, ServiceCentreTime, UserData, segment,
    segment_in,
};
use smsotpd::phone::{PhoneNumber, Sender};
use smsotpd::secret::Text;
use smsotpd::store::{
    AcceptOutcome, By, Choice, Inbound, InboxFilter, InboxMessage, IssueOutcome, Kind, PageSize, Reader, Refused,
    SubmitResult,
};

use crate::world::{NO_LIMITS, World, alice, app, number, rules, seconds, sim};

const EVERYTHING: InboxFilter = InboxFilter { sender: None, limit: PageSize::LARGEST, cursor: None };

/// What a modem hands over.
struct Sms {
    from: Address,
    to_sim: &'static str,
    at: i64,
    user_data: UserData,
}

fn sms(from: &PhoneNumber, text: &str) -> Vec<Sms> {
    parts(from, text, 7)
}

fn parts(from: &PhoneNumber, text: &str, reference: u16) -> Vec<Sms> {
    let parts = segment(text, reference).unwrap().into_iter();
    parts.map(|user_data| Sms { from: Address::from(from), to_sim: "a", at: 1_777_000_000, user_data }).collect()
}

impl World {
    fn inbound(&self, sms: &Sms, choice: Option<(PhoneNumber, Choice)>) -> Inbound {
        let deliver = Deliver {
            more_to_come: false,
            status_report: false,
            reply_path: false,
            originator: sms.from.clone(),
            protocol: ProtocolId::ORDINARY,
            coding: DataCoding::new(sms.user_data.alphabet(), None),
            timestamp: ServiceCentreTime::new(Timestamp::from_second(sms.at).unwrap()),
            user_data: sms.user_data.clone(),
        };
        let tpdu = deliver.encode().unwrap();
        let key = self.store.site_key();
        let digest = key.arrival_digest(sms.to_sim, &tpdu);
        Inbound {
            id: InboxId::generate(),
            modem: "m1".parse().unwrap(),
            sim: sim(sms.to_sim),
            sender: Sender::new(sms.from.text()),
            digest,
            part: sms.user_data.concatenation(),
            pdu: key.seal(&Inbound::owner(&digest), &Text::new(pdu::to_hex(&tpdu)), [3; 24]),
            sent_at: deliver.timestamp.timestamp(),
            choice,
        }
    }

    async fn comes_in(&self, sms: &Sms) -> bool {
        self.store.inbox_add(self.inbound(sms, None)).await.unwrap()
    }

    async fn says(&self, from: &PhoneNumber, choice: Choice, at: i64) -> bool {
        let word = Sms { at, ..sms(from, "STOP").remove(0) };
        self.store.inbox_add(self.inbound(&word, Some((from.clone(), choice)))).await.unwrap()
    }

    async fn inbox(&self) -> Vec<InboxMessage> {
        self.store.inbox(EVERYTHING).await.unwrap().items
    }

    async fn texts(&self) -> Vec<String> {
        self.inbox().await.into_iter().map(|message| message.text.unwrap().expose().to_owned()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_handed_in_twice_is_kept_once_even_after_a_crash_or_its_removal() {
    let world = World::new().await;
    let hello = &sms(&alice(), "Hello")[0];
    assert!(world.comes_in(hello).await);
    assert!(!world.comes_in(hello).await);
    let world = world.crash().await;
    assert!(!world.comes_in(hello).await);
    assert_eq!(world.texts().await, ["Hello"]);
    let id = world.inbox().await[0].id;
    assert!(world.store.inbox_remove(id).await.unwrap());
    assert!(!world.store.inbox_remove(id).await.unwrap());
    assert!(!world.comes_in(hello).await);
    assert_eq!(world.inbox().await, []);
    // The same words at another time, or to another SIM, are another message.
    assert!(world.comes_in(&Sms { at: hello.at + 1, ..sms(&alice(), "Hello").remove(0) }).await);
    assert!(world.comes_in(&Sms { to_sim: "b", ..sms(&alice(), "Hello").remove(0) }).await);
    assert_eq!(world.texts().await, ["Hello", "Hello"]);
}

#[tokio::test(start_paused = true)]
async fn parts_in_any_order_and_mixed_with_others_make_their_own_messages() {
    let world = World::new().await;
    let (bob, long) = (number("+15557654321"), |c: &str| c.repeat(170));
    let texts = [long("a"), long("ж"), format!("{}😀", long("b"))];
    let mut all: Vec<Sms> = parts(&alice(), &texts[0], 9);
    // The same reference, from another number; and another reference from the same one.
    all.extend(parts(&bob, &texts[1], 9));
    all.extend(parts(&alice(), &texts[2], 10));
    for (place, sms) in all.iter().rev().enumerate() {
        assert_eq!(world.texts().await.len(), [0, 0, 0, 1, 1, 1, 2, 2][place], "{place}");
        assert!(world.comes_in(sms).await);
    }
    assert_eq!(world.texts().await, [texts[0].clone(), texts[1].clone(), texts[2].clone()], "newest whole one first");
    assert!(world.inbox().await.iter().all(|message| message.missing == 0));
}

#[tokio::test(start_paused = true)]
async fn a_message_by_the_tables_of_a_language_is_read_by_them() {
    let world = World::new().await;
    for (language, text) in [(Language::Turkish, "ığşĞİŞ€[]".repeat(40)), (Language::Hindi, "कोड १२३। ".repeat(30))]
    {
        for user_data in segment_in(&text, Encoding::National(language), 7).unwrap() {
            let sms = Sms { from: Address::from(&alice()), to_sim: "a", at: 1_777_000_000, user_data };
            assert!(world.comes_in(&sms).await);
        }
        assert_eq!(world.texts().await[0], text);
    }
}

#[tokio::test(start_paused = true)]
async fn what_lacks_a_part_is_shown_after_a_day_as_far_as_it_came() {
    let world = World::new().await;
    let long = format!("{}{}", "a".repeat(153), "b".repeat(153));
    let parts = parts(&alice(), &long, 9);
    let mut queue = world.store.queue();
    world.comes_in(&parts[1]).await;
    assert!(queue.has_changed().unwrap(), "nobody is told that something falls due");
    queue.mark_unchanged();
    world.comes_in(&sms(&alice(), "later")[0]).await;
    assert!(!queue.has_changed().unwrap());
    let due = world.store.sweep().await.unwrap().unwrap();
    assert_eq!(due.since(world.clock.now()), seconds(24 * 3600));
    assert_eq!(world.texts().await, ["later"]);
    world.pass(seconds(24 * 3600)).await;
    world.store.sweep().await.unwrap();
    assert_eq!(world.texts().await, ["b".repeat(153), "later".to_owned()]);
    assert_eq!((world.inbox().await[0].parts, world.inbox().await[0].missing), (2, 1));
    // What comes after that begins a message of its own.
    world.comes_in(&parts[0]).await;
    assert_eq!(world.inbox().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_sender_has_a_thousand_kept_and_pushes_nobody_out() {
    let world = World::new().await;
    world.comes_in(&sms(&number("+15557654321"), "mine")[0]).await;
    // Many to a commit; a task that was spawned first is polled first here.
    let mut all = tokio::task::JoinSet::new();
    for at in 0..1_003 {
        let spam = Sms { at: 1_777_000_000 + at, ..sms(&alice(), &format!("spam {at}")).remove(0) };
        let (store, inbound) = (world.store.clone(), world.inbound(&spam, None));
        all.spawn(async move { store.inbox_add(inbound).await.unwrap() });
    }
    assert!(all.join_all().await.into_iter().all(|is_new| is_new));
    let (mut texts, mut cursor) = (Vec::new(), None);
    loop {
        let page = world.store.inbox(InboxFilter { cursor, ..EVERYTHING }).await.unwrap();
        texts.extend(page.items.into_iter().map(|message| message.text.unwrap().expose().to_owned()));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(texts.len(), 1_001);
    assert_eq!((texts[0].as_str(), texts[999].as_str(), texts[1000].as_str()), ("spam 1002", "spam 3", "mine"));
    let mine = InboxFilter { sender: Some(Sender::new("+15557654321".to_owned())), ..EVERYTHING };
    assert_eq!(world.store.inbox(mine).await.unwrap().items.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_came_in_lies_on_disk_sealed() {
    let world = World::new().await;
    world.comes_in(&sms(&alice(), "the quagga is in the garden")[0]).await;
    assert!(!world.holds(b"quagga"));
    assert_eq!(world.texts().await, ["the quagga is in the garden"]);
}

#[tokio::test(start_paused = true)]
async fn data_has_no_text() {
    let world = World::new().await;
    world.comes_in(&Sms { user_data: UserData::data(vec![1, 2, 3]), ..sms(&alice(), "x").remove(0) }).await;
    assert_eq!(world.inbox().await[0].text, None);
}

#[tokio::test(start_paused = true)]
async fn after_stop_nothing_is_accepted_and_what_waits_is_withdrawn() {
    let world = World::new().await;
    let (otp, bob) = (world.issue(world.new_otp(&alice())).await, number("+15557654321"));
    let waits = world.accept(world.new_message(&alice())).await;
    let of_bob = world.accept(world.new_message(&bob)).await;
    assert!(world.says(&alice(), Choice::Stop, 1_777_000_000).await);
    for id in [otp.message.id, waits] {
        assert_eq!(world.status(id).await, Status::Cancelled);
    }
    let withdrawn = vec![Kind::OtpUndelivered, Kind::MessageCancelled];
    let told = world.store.events_after(0, Reader::Admin, withdrawn, 10).await.unwrap().events;
    assert_eq!(told.iter().map(|event| event.data.by).collect::<Vec<_>>(), [By::Network; 2]);
    assert_eq!(world.claim().await.message, of_bob);
    world.claim_nothing().await;
    let refused = world.store.accept(world.new_message(&alice()), None).await.unwrap();
    assert_eq!(refused, AcceptOutcome::OptedOut);
    let refused = world.store.issue(world.new_otp(&alice()), rules(NO_LIMITS), None).await.unwrap();
    assert_eq!(refused, IssueOutcome::Refused(Refused::OptedOut));

    assert!(world.says(&alice(), Choice::Start, 1_777_000_001).await);
    assert!(!world.says(&alice(), Choice::Stop, 1_777_000_000).await, "the first word, handed in again, is old");
    world.accept(world.new_message(&alice())).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_modem_was_at_when_stop_came_is_not_sent_once_more() {
    let world = World::new().await;
    let id = world.issue(world.new_otp(&alice())).await.message.id;
    let assignment = world.claim().await;
    world.says(&alice(), Choice::Stop, 1_777_000_000).await;
    let busy = SubmitResult::NotReady { reason: "the modem went away".to_owned() };
    world.settle(&assignment, busy).await;
    assert_eq!(world.status(id).await, Status::Cancelled);
    let withdrawn = vec![Kind::OtpUndelivered];
    let told = world.store.events_after(0, Reader::Admin, withdrawn, 10).await.unwrap().events;
    assert_eq!(told.iter().map(|event| event.data.by).collect::<Vec<_>>(), [By::Network]);
    world.claim_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn the_list_can_be_kept_by_hand() {
    let world = World::new().await;
    let bob = number("+15557654321");
    let put = world.store.opt_out(&alice(), &app()).await.unwrap();
    assert!(!put.by_word && put.number == alice());
    world.says(&bob, Choice::Stop, 1_777_000_000).await;
    assert_eq!(world.store.opt_out(&alice(), &app()).await.unwrap(), put);
    let first = world.store.opt_outs(PageSize::new(1).unwrap(), None).await.unwrap();
    assert_eq!(first.items.iter().map(|entry| &entry.number).collect::<Vec<_>>(), [&bob]);
    let second = world.store.opt_outs(PageSize::new(1).unwrap(), first.next).await.unwrap();
    assert_eq!((second.items, second.next), (vec![put], None));
    assert!(world.store.opt_in(&alice(), &app()).await.unwrap().is_some());
    assert_eq!(world.store.opt_in(&alice(), &app()).await.unwrap(), None);
    world.accept(world.new_message(&alice())).await;
}
