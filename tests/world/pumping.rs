//! Somebody pumps messages while honest people want codes, in fair weather: sequential numbers of one prefix, a thousand
//! client addresses, no code ever verified; steadily, or all at once. What it costs is counted where it would be paid: at the network.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use smsotpd::issue::{self, IssueError, Policy, Request, ResendError};
use smsotpd::phone::PhoneNumber;
use smsotpd::secret::Code;
use smsotpd::store::Which;
use smsotpd::verify;
use smsotpd::wording::Wish;

use crate::site::Site;

/// What the attack may cost.
const MOST: usize = 15;
const HOURS: u64 = 26;
/// The attacked numbers begin so; the honest ones in the same country and elsewhere do not.
const PUMPED: &str = "15557780";
/// Somebody honest has a number among them, and has verified codes before.
const REGULAR: &str = "155577809999";

/// The texts that the network took, by number.
type Taken = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// The site, in fair weather, and what the network takes from it.
struct Scene {
    site: Arc<Site>,
    policy: Policy,
    taken: Taken,
}

impl Scene {
    async fn open() -> Arc<Self> {
        let site = Site::fair(1);
        site.start().await;
        let taken = Taken::default();
        let (mut submitted, kept) = (site.carrier.submitted(), taken.clone());
        tokio::spawn(async move {
            while let Ok(given) = submitted.recv().await {
                let to = given.part.destination.to_phone().unwrap().digits().to_owned();
                let mut taken = kept.lock().unwrap_or_else(PoisonError::into_inner);
                taken.entry(to).or_default().push(given.part.user_data.text());
            }
        });
        Arc::new(Self { site, policy: Policy::default(), taken })
    }

    /// Asks for a code as an app would for its user at this address.
    async fn ask(&self, digits: &str, address: &str) -> Result<smsotpd::ids::OtpId, IssueError> {
        let request = Request {
            app: self.site.app.clone(),
            to: PhoneNumber::from_digits(digits).unwrap(),
            purpose: None,
            lifetime: None,
            length: None,
            context: Default::default(),
            code: None,
            wish: Wish::default(),
            callback: None,
            client_address: Some(address.parse::<std::net::IpAddr>().unwrap().into()),
            idempotency: None,
        };
        let view = issue::issue(&self.site.door().await.store, &self.policy, request).await?;
        Ok(view.id)
    }

    /// Somebody honest wants a code, waits for it, and types it.
    async fn is_served(&self, digits: &str, address: &str) -> bool {
        let before = self.texts(digits).len();
        let Ok(otp) = self.ask(digits, address).await else { return false };
        for _ in 0..60 {
            tokio::time::sleep(Duration::from_secs(2)).await;
            if let Some(text) = self.texts(digits).get(before) {
                let code = text.split_whitespace().next().unwrap().to_owned();
                let store = self.site.door().await.store;
                let verdict = verify::verify(&store, &self.site.app, Which::Id(otp), Code::new(code)).await;
                return verdict.unwrap().unwrap().verified;
            }
        }
        false
    }

    fn texts(&self, digits: &str) -> Vec<String> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).get(digits).cloned().unwrap_or_default()
    }

    /// How many messages the attack has cost.
    fn cost(&self) -> usize {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let pumped = taken.iter().filter(|(to, _)| to.starts_with(PUMPED) && *to != REGULAR);
        pumped.map(|(_, texts)| texts.len()).sum()
    }
}

/// So many numbers, one after the other, each from another of a thousand addresses; whatever goes out is sent again as
/// often as it may be.
async fn pump(scene: Arc<Scene>, pause: Duration, numbers: u32) {
    for attempt in 0..numbers {
        let address = format!("2001:db8:{:x}::1", attempt % 1000);
        if let Ok(otp) = scene.ask(&format!("{PUMPED}{:04}", attempt % 9000), &address).await {
            let scene = scene.clone();
            tokio::spawn(async move {
                for _ in 0..3 {
                    tokio::time::sleep(Duration::from_secs(31)).await;
                    let store = scene.site.door().await.store;
                    let resent = issue::resend(&store, &scene.policy, &scene.site.app, otp, None).await;
                    assert!(matches!(resent, Ok(_) | Err(ResendError::Guarded(_))), "{resent:?}");
                }
            });
        }
        tokio::time::sleep(pause).await;
    }
    std::future::pending().await
}

/// The attack at this pace, with people who want codes in every one of so many hours.
fn attack(pause: Duration, numbers: u32, hours: u64) -> (usize, Vec<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let scene = Scene::open().await;
        let mut unserved = Vec::new();
        if !scene.is_served(REGULAR, "192.0.2.99").await {
            unserved.push("the regular before the attack".to_owned());
        }
        let pumping = tokio::spawn(pump(scene.clone(), pause, numbers));
        for hour in 0..hours {
            for person in 0..4 {
                // New people of the same country, and of the same network; each lives in a block of their own.
                let digits = format!("1555{}{hour:02}{person}012", 1 + person);
                if !scene.is_served(&digits, &format!("192.0.2.{person}")).await {
                    unserved.push(format!("{digits} in hour {hour}"));
                }
            }
            if hour % 8 == 0 && !scene.is_served(REGULAR, "192.0.2.99").await {
                unserved.push(format!("the regular in hour {hour}"));
            }
            tokio::time::sleep(Duration::from_secs(3000)).await;
        }
        pumping.abort();
        assert!(pumping.await.is_err_and(|ended| ended.is_cancelled()), "the attack ends only when it is over");
        let cost = scene.cost();
        scene.site.end(true).await;
        (cost, unserved)
    })
}

#[test]
fn pumping_costs_fifteen_messages_at_most_and_everybody_else_is_served() {
    for (pace, pause, numbers, hours) in
        [("fast", 20_000, u32::MAX, HOURS), ("slow", 400_000, u32::MAX, HOURS), ("sudden", 200, 1000, 2)]
    {
        let (cost, unserved) = attack(Duration::from_millis(pause), numbers, hours);
        assert_eq!(unserved, Vec::<String>::new(), "{pace}");
        assert!((1..=MOST).contains(&cost), "{pace}: {cost} messages");
        eprintln!("the {pace} attack cost {cost} messages in {hours} hours");
    }
}
