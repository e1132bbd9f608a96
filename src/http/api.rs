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
use crate::ussd::{self, Ussd};
use crate::webhook;

use super::auth::{Remembered, Who};
use super::events::Streams;
use super::metrics::Metrics;
use super::modems::{ModemView, UnusableView};
use super::openapi;
use super::problem::{Kind, Problem};
use super::{HttpError, Settings};

/// What the API works on.
#[derive(Debug)]
pub struct Api {
    store: Store,
    policies: Policies,
    budget: BudgetSettings,
    modems: watch::Receiver<Vec<ModemView>>,
    unusable: Option<watch::Receiver<Vec<UnusableView>>>,
    users: BTreeMap<u32, AppName>,
    ussd: Ussd,
    reach: callback::Settings,
    pub(super) callbacks: webhook::Counters,
    pub(super) hosts: Vec<String>,
    started: Moment,
}

impl Api {
    /// An API over this store. `policies` are the site's, which may change while it is served; `budget` is what each SIM may send; `modems` shows
    /// how the radios are, kept up to date by the daemon.
    ///
    /// # Errors
    /// [`HttpError`] when the settings cannot work.
    pub fn new(
        store: Store,
        policies: Policies,
        budget: BudgetSettings,
        modems: watch::Receiver<Vec<ModemView>>,
        settings: &Settings,
    ) -> Result<Self, HttpError> {
        settings.check()?;
        let users = settings.users()?;
        let started = store.clock().now();
        let (ussd, _) = Ussd::new(store.clock().clone(), ussd::Settings::default());
        let hosts = settings.known_hosts();
        let (reach, callbacks) = (callback::Settings::default(), webhook::Counters::default());
        Ok(Self { store, policies, budget, modems, unusable: None, users, ussd, reach, callbacks, hosts, started })
    }

    /// With what is plugged in and cannot be used, kept up to date by the daemon: it explains why there is no modem.
    #[must_use]
    pub fn with_unusable(self, unusable: watch::Receiver<Vec<UnusableView>>) -> Self {
        Self { unusable: Some(unusable), ..self }
    }

    /// The same with modems that can ask the network. Without this there are none.
    #[must_use]
    pub fn with_ussd(self, ussd: Ussd) -> Self {
        Self { ussd, ..self }
    }

    /// The same with callbacks: how far those reach that requests name, and how many there were. Without this requests
    /// can name none.
    #[must_use]
    pub fn with_callbacks(self, reach: callback::Settings, callbacks: webhook::Counters) -> Self {
        Self { reach, callbacks, ..self }
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
        &self.api.store
    }

    pub(super) fn budget(&self) -> &BudgetSettings {
        &self.api.budget
    }

    pub(super) fn ussd(&self) -> &Ussd {
        &self.api.ussd
    }

    pub(super) fn modems(&self) -> Vec<ModemView> {
        self.api.modems.borrow().clone()
    }

    pub(super) fn unusable(&self) -> Vec<UnusableView> {
        self.api.unusable.as_ref().map(|unusable| unusable.borrow().clone()).unwrap_or_default()
    }

    pub(super) fn uptime(&self) -> Duration {
        self.store().clock().now().since(self.api.started)
    }

    pub(super) fn is_known_user(&self, id: u32) -> bool {
        self.api.users.contains_key(&id)
    }

    pub(super) fn policies(&self) -> &Policies {
        &self.api.policies
    }

    /// The apps whose policy is not there.
    pub(super) async fn lost_apps(&self) -> Result<Vec<App>, StoreError> {
        let mut apps = self.store().apps().await?;
        apps.retain(|app| self.policies().get(&app.policy).is_none());
        Ok(apps)
    }

    /// The app's policy as it is now. To be taken once for each request, so that a reload changes all of it or nothing.
    pub(super) fn policy(&self, app: &App) -> Result<Arc<Policy>, Problem> {
        self.api.policies.get(&app.policy).ok_or_else(|| {
            tracing::error!(app = %app.name, policy = %app.policy, "the app's policy is not in the configuration");
            Problem::new(Kind::PolicyMissing)
        })
    }

    /// Where the events of a request go that names this URL, or none.
    pub(super) fn target(&self, named: Option<CallbackUrl>, policy: &Policy) -> Result<Option<Target>, Problem> {
        let target = self.api.reach.target(named, policy.callback_per_request, policy.callback.as_ref());
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
