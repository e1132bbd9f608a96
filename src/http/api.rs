//! What every call works on: the store, the policies, and how the modems are.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use tokio::sync::watch;
use utoipa::openapi::OpenApi;

use crate::callback::{self, CallbackUrl, Target};
use crate::clock::Moment;
use crate::ids::AppName;
use crate::issue::{Policies, Policy};
use crate::limits::BudgetSettings;
use crate::store::{App, Store, StoreError};
use crate::ussd::Ussd;
use crate::webhook;

use super::auth::{Remembered, Who};
use super::events::Streams;
use super::metrics::Metrics;
use super::modems::{ModemView, UnusableView};
use super::openapi;
use super::problem::{Kind, Problem};
use super::{HttpError, Settings};

/// What the daemon has built by the time it builds its API.
#[derive(Debug)]
pub struct ApiParts {
    /// The database.
    pub store: Store,
    /// The site's policies, which may change while the API is served.
    pub policies: Policies,
    /// What each SIM may send.
    pub budget: BudgetSettings,
    /// How the modems are, kept up to date.
    pub modems: watch::Receiver<Vec<ModemView>>,
    /// What is plugged in and cannot be used, kept up to date where modems are looked for: it explains why there is none.
    pub unusable: Option<watch::Receiver<Vec<UnusableView>>>,
    /// The modems that can ask the network.
    pub ussd: Ussd,
    /// How far callbacks reach that requests name.
    pub reach: callback::Settings,
    /// How many callbacks there were.
    pub callbacks: webhook::Counters,
}

/// What the API works on.
#[derive(Debug)]
pub struct Api {
    parts: ApiParts,
    users: BTreeMap<u32, AppName>,
    pub(super) hosts: Vec<String>,
    started: Moment,
}

impl Api {
    /// An API over these.
    ///
    /// # Errors
    /// [`HttpError`] when the settings cannot work.
    pub fn new(parts: ApiParts, settings: &Settings) -> Result<Self, HttpError> {
        settings.check()?;
        let (users, hosts) = (settings.users()?, settings.known_hosts());
        let started = parts.store.clock().now();
        Ok(Self { parts, users, hosts, started })
    }

    pub(super) fn callbacks(&self) -> &webhook::Counters {
        &self.parts.callbacks
    }
}

/// The API while it is served, shared by all requests.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Served>);

/// See [`Shared`].
#[derive(Debug)]
pub(super) struct Served {
    api: Api,
    remembered: Remembered,
    pub(super) metrics: Arc<Metrics>,
    described: fn() -> OpenApi,
    /// The names of the policies, and the OpenAPI document in which they stand, once somebody asked for it.
    document: Mutex<Option<(Vec<String>, Bytes)>>,
    pub(super) streams: Streams,
}

impl Deref for Shared {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.0
    }
}

impl Shared {
    /// `described` makes the description of the calls, when somebody asks for it.
    pub(super) fn new(api: Api, metrics: Arc<Metrics>, described: fn() -> OpenApi) -> Self {
        let (remembered, document, streams) = (Remembered::default(), Mutex::default(), Streams::default());
        Self(Arc::new(Served { api, remembered, metrics, described, document, streams }))
    }
}

impl Served {
    /// The OpenAPI document. It is made for the first who asks, and again only when the policies are others.
    pub(super) fn document(&self) -> Bytes {
        let names = self.policies().names();
        let mut kept = self.document.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, document)) = kept.as_ref().filter(|(known, _)| *known == names) {
            return document.clone();
        }
        let complete = openapi::complete((self.described)(), names.iter().map(String::as_str));
        // Plain data with string keys always serialises.
        let document = Bytes::from(complete.to_json().unwrap_or_default());
        *kept = Some((names, document.clone()));
        document
    }

    pub(super) fn store(&self) -> &Store {
        &self.api.parts.store
    }

    pub(super) fn budget(&self) -> &BudgetSettings {
        &self.api.parts.budget
    }

    pub(super) fn ussd(&self) -> &Ussd {
        &self.api.parts.ussd
    }

    pub(super) fn modems(&self) -> Vec<ModemView> {
        self.api.parts.modems.borrow().clone()
    }

    pub(super) fn unusable(&self) -> Vec<UnusableView> {
        self.api.parts.unusable.as_ref().map(|unusable| unusable.borrow().clone()).unwrap_or_default()
    }

    pub(super) fn uptime(&self) -> Duration {
        self.store().clock().now().since(self.api.started)
    }

    pub(super) fn is_known_user(&self, id: u32) -> bool {
        self.api.users.contains_key(&id)
    }

    pub(super) fn policies(&self) -> &Policies {
        &self.api.parts.policies
    }

    /// The apps whose policy is not there.
    pub(super) async fn lost_apps(&self) -> Result<Vec<App>, StoreError> {
        let mut apps = self.store().apps().await?;
        apps.retain(|app| self.policies().get(&app.policy).is_none());
        Ok(apps)
    }

    /// The app's policy as it is now. To be taken once for each request, so that a reload changes all of it or nothing.
    pub(super) fn policy(&self, app: &App) -> Result<Arc<Policy>, Problem> {
        self.api.parts.policies.get(&app.policy).ok_or_else(|| {
            tracing::error!(app = %app.name, policy = %app.policy, "the app's policy is not in the configuration");
            Problem::new(Kind::PolicyMissing)
        })
    }

    /// Where the events of a request go that names this URL, or none.
    pub(super) fn target(&self, named: Option<CallbackUrl>, policy: &Policy) -> Result<Option<Target>, Problem> {
        let target = self.api.parts.reach.target(named, policy.callback_per_request, policy.callback.as_ref());
        let refused = |error| Problem::new(Kind::CallbackNotAllowed).saying(format!("`callback_url`: {error}."));
        target.map_err(refused)
    }

    /// The app that is known by this.
    pub(super) async fn app(&self, who: Who) -> Result<Arc<App>, Problem> {
        if let Some(app) = self.remembered.get(&who) {
            return Ok(app);
        }
        let asked = Instant::now();
        let app = Arc::new(match who {
            Who::Key(digest) => self.store().app_by_key(digest).await?.ok_or_else(|| Problem::new(Kind::UnknownKey))?,
            Who::User(id) => self.app_of_user(id).await?,
        });
        self.remembered.put(who, &app, asked);
        Ok(app)
    }

    /// The app that a user on the unix socket is.
    async fn app_of_user(&self, id: u32) -> Result<App, Problem> {
        let name = self.api.users.get(&id).ok_or_else(|| Problem::new(Kind::NoKey))?;
        self.store().app_by_name(name).await?.ok_or_else(|| {
            Problem::new(Kind::UnknownKey).saying(format!(
                "`socket-users` says that you are {name}, but there is no such app. `smsotpd app create {name}` makes it."
            ))
        })
    }
}
