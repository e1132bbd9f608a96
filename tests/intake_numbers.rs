//! Whose number it is that a report or a message from the air names, in each way in which networks write it. The real store,
//! modem task and intake, over an in-memory port to a scripted modem.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test whose scaffolding fails has failed")]

#[path = "support/outgoing.rs"]
mod outgoing;
#[allow(dead_code, reason = "the other tests of the modem's task use the rest")]
#[path = "modem_actor/scripted.rs"]
mod scripted;

use scripted::World;
use smsotpd::ids::{MessageId, MessageReference, SimId};
use smsotpd::intake;
use smsotpd::message::Status;
use smsotpd::send;
use smsotpd::store::{InboxFilter, PageSize, Store, SubmitResult};

/// Digits as they stand in an address, the low half of each octet first.
fn swapped(digits: &str) -> String {
    let padded = if digits.len().is_multiple_of(2) { digits.to_owned() } else { format!("{digits}F") };
    padded.as_bytes().chunks(2).flat_map(|pair| [char::from(pair[1]), char::from(pair[0])]).collect()
}

/// A report that the message with this reference arrived; `kind` is the type of the number's address.
fn report(reference: u8, kind: &str, digits: &str) -> String {
    let pdu =
        format!("0006{reference:02X}{:02X}{kind}{}62900231153408629002311544080000", digits.len(), swapped(digits));
    format!("+CDS: {}\r\n{pdu}", pdu.len() / 2 - 1)
}

/// The message `STOP`.
fn stop(kind: &str, digits: &str) -> String {
    let pdu = format!("0004{:02X}{kind}{}0000629002311534080453EA130A", digits.len(), swapped(digits));
    format!("+CMT: ,{}\r\n{pdu}", pdu.len() / 2 - 1)
}

/// A German SIM's modem, a store, and an intake between them.
struct Site {
    world: World,
    store: Store,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), None).await.unwrap();
        store.note_home(&"262010000000001".parse().unwrap()).await.unwrap();
        let mut world = World::ready().await;
        let events = std::mem::replace(&mut world.events, tokio::sync::mpsc::channel(1).1);
        tokio::spawn(intake::run(store.clone(), intake::Settings::default(), events));
        Self { world, store, _folder: folder }
    }

    /// Sends a message to this number under this reference.
    async fn send(&self, to: &str, reference: u8) -> MessageId {
        self.submit(to, SubmitResult::Sent { reference: MessageReference(reference) }).await
    }

    /// Gives the modem a message to this number, which comes to this.
    async fn submit(&self, to: &str, result: SubmitResult) -> MessageId {
        let id = send::send(&self.store, outgoing::request(to)).await.unwrap().id;
        outgoing::submit(&self.store, self.sim(), result).await.unwrap();
        id
    }

    fn sim(&self) -> SimId {
        self.world.modem.health().borrow().sim.as_ref().unwrap().id.clone()
    }

    /// Has the network say this and waits for a change in the store that makes it so.
    async fn says(&self, what: &str, so: impl AsyncFn(&Store) -> bool) {
        let mut changes = self.store.changes();
        self.world.scripted.say(what);
        let waiting = async {
            while !so(&self.store).await {
                changes.changed().await.unwrap();
            }
        };
        let came = tokio::time::timeout(std::time::Duration::from_secs(30), waiting).await;
        assert!(came.is_ok(), "it never came so: {what}");
    }
}

#[tokio::test]
async fn a_report_settles_its_message_in_whatever_way_the_number_is_written() {
    let site = Site::start().await;
    let (german, american) = ("+4915112345678", "+15112345678");
    for (reference, (to, kind, digits)) in (1..).zip([
        (german, "91", "4915112345678"),
        (german, "81", "4915112345678"),
        (german, "A1", "15112345678"),
        (german, "A1", "015112345678"),
        (german, "81", "015112345678"),
        // What was written to decides which of two numbers these digits are.
        (german, "81", "15112345678"),
        (american, "81", "15112345678"),
    ]) {
        let id = site.send(to, reference).await;
        let app = "shop".parse().unwrap();
        site.says(&report(reference, kind, digits), async |store| {
            store.message(&app, id).await.unwrap().unwrap().message.status == Status::Delivered
        })
        .await;
    }
}

#[tokio::test]
async fn a_stop_counts_for_the_number_that_was_written_to() {
    for to in ["+15112345678", "+4915112345678"] {
        let site = Site::start().await;
        site.send(to, 1).await;
        site.says(&stop("81", "15112345678"), async |store| {
            let listed = store.opt_outs(PageSize::default(), None).await.unwrap().items;
            listed.iter().map(|out| out.number.e164()).eq([to.to_owned()])
        })
        .await;
    }
}

#[tokio::test]
async fn the_reading_under_whose_reference_a_part_went_out_goes_before_one_that_is_only_in_doubt() {
    let site = Site::start().await;
    let (app, reference) = ("shop".parse().unwrap(), 7);
    let american = site.send("+15112345678", reference).await;
    let german = site.submit("+4915112345678", SubmitResult::InDoubt { reason: "no answer came".to_owned() }).await;
    let status = async |store: &Store, id| store.message(&app, id).await.unwrap().unwrap().message.status;
    site.says(&report(reference, "81", "15112345678"), async |store| {
        status(store, american).await == Status::Delivered
    })
    .await;
    assert_eq!(status(&site.store, german).await, Status::InDoubt);
}

#[tokio::test]
async fn a_stop_that_may_be_of_two_who_were_written_to_is_of_neither() {
    let site = Site::start().await;
    for (reference, to) in (1..).zip(["+15112345678", "+4915112345678"]) {
        site.send(to, reference).await;
    }
    site.says(&stop("81", "15112345678"), async |store| {
        !store.inbox(InboxFilter::default()).await.unwrap().items.is_empty()
    })
    .await;
    assert!(site.store.opt_outs(PageSize::default(), None).await.unwrap().items.is_empty());
}
