//! People who write back: something, or that they want no more messages, or messages again.

use std::sync::Arc;
use std::time::Duration;

use smsotpd::phone::PhoneNumber;
use smsotpd::store::{AttemptOutcome, InboxFilter, PageSize, Store, StoreError};

use crate::dice::Dice;
use crate::people;
use crate::site::Site;

/// How often they look whether it has had an effect.
const LOOK: Duration = Duration::from_secs(60);
/// So long may what a daemon wrote that was killed since take to reach the modem.
const THROUGH_THE_CABLE: Duration = Duration::from_secs(5);

/// Somebody who writes to the modems now and then.
pub(crate) async fn writes(site: Arc<Site>) {
    let mut dice = site.dice.of("writer", 0);
    let from = number(99);
    while site.pass(dice.seconds(300, 20_000)).await {
        let serial = {
            let mut ledger = site.ledger();
            ledger.written += 1;
            ledger.written
        };
        let mut text = format!("I{serial}. ");
        for _ in 0..dice.below(60) {
            text.push_str(dice.one_of::<&str>(&["is it open? ", "I come ", "è tardi ", "later "]));
        }
        site.note(format_args!("I{serial} is written"));
        say(&site, &mut dice, &from, text.trim_end());
    }
}

/// Somebody who wants messages, and then none, and then again.
pub(crate) async fn wavers(site: Arc<Site>, person: u64) {
    let mut dice = site.dice.of("wavers", person as usize);
    let own = number(person);
    let mut messages = 0;
    while site.pass(dice.seconds(300, 15_000)).await {
        if listed(&site, &own).await {
            return site.blame(format!("{} is on the list, and wants messages", own.digits()));
        }
        send_some(&site, &mut dice, &own, &mut messages).await;
        say(&site, &mut dice, &own, "STOP");
        if !comes_to(&site, &own, true).await
            || !nothing_under_way(&site, &own).await
            || !site.pass(THROUGH_THE_CABLE).await
        {
            return;
        }
        site.note(format_args!("{} wants no messages", own.digits()));
        let now = site.clock.now();
        site.ledger().stopped.push((own.clone(), now));
        send_some(&site, &mut dice, &own, &mut messages).await;
        site.pass(dice.seconds(60, 7200)).await;
        site.ledger().stopped.retain(|(stopped, _)| *stopped != own);
        say(&site, &mut dice, &own, "START");
        if !comes_to(&site, &own, false).await {
            return;
        }
    }
}

fn number(person: u64) -> PhoneNumber {
    PhoneNumber::parse(&format!("+1555778{person:04}")).unwrap()
}

fn say(site: &Site, dice: &mut Dice, from: &PhoneNumber, text: &str) {
    let modem = &dice.one_of(&site.devices).settings().number;
    site.carrier.handset(from).send(modem, text).unwrap();
}

async fn send_some(site: &Arc<Site>, dice: &mut Dice, to: &PhoneNumber, messages: &mut usize) {
    for _ in 0..dice.below(4) {
        *messages += 1;
        let own = site.dice.of(to.digits(), *messages);
        tokio::spawn(people::sends_to(site.clone(), own, to.clone()));
        site.pass(dice.time(10, 60_000)).await;
    }
}

async fn listed(site: &Site, number: &PhoneNumber) -> bool {
    loop {
        match site.door().await.store.opt_outs(PageSize::LARGEST, None).await {
            Ok(page) => return page.items.iter().any(|entry| entry.number == *number),
            Err(error) => people::try_again(site, &error).await,
        }
    }
}

/// Whether a number comes onto the list, or off it, while the bad times last.
async fn comes_to(site: &Site, number: &PhoneNumber, on: bool) -> bool {
    while listed(site, number).await != on {
        if !site.pass(LOOK).await {
            return false;
        }
    }
    true
}

/// What a modem was given before ends by itself.
async fn nothing_under_way(site: &Site, number: &PhoneNumber) -> bool {
    loop {
        let store = site.door().await.store;
        match any_sending(site, &store, number).await {
            Ok(false) => return true,
            Ok(true) => {}
            Err(error) => people::try_again(site, &error).await,
        }
        if !site.pass(LOOK).await {
            return false;
        }
    }
}

async fn any_sending(site: &Site, store: &Store, number: &PhoneNumber) -> Result<bool, StoreError> {
    let own: Vec<_> = {
        let ledger = site.ledger();
        let own = ledger.promises.iter().filter(|promise| promise.to == *number);
        own.filter_map(|promise| Some(promise.accepted.as_ref()?.id)).collect()
    };
    for id in own {
        let found = store.message(&site.app, id).await?;
        if found.is_some_and(|detail| detail.attempts.iter().any(|attempt| attempt.outcome == AttemptOutcome::Sending))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What was written to a modem is in the inbox once.
pub(crate) async fn judge(site: &Site, store: &Store) {
    let (mut texts, mut cursor) = (Vec::new(), None);
    loop {
        let filter = InboxFilter { sender: None, limit: PageSize::LARGEST, cursor };
        let Ok(page) = store.inbox(filter).await else { return site.blame("the inbox cannot be read".to_owned()) };
        texts.extend(page.items.into_iter().filter_map(|message| message.text));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let written = site.ledger().written;
    for serial in 1..=written {
        let mark = format!("I{serial}. ");
        let copies = texts.iter().filter(|text| format!("{} ", text.expose()).starts_with(&mark)).count();
        if copies != 1 {
            site.blame(format!("I{serial} is in the inbox {copies} times"));
        }
    }
}
