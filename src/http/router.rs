//! The whole API on one page.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::MethodRouter;
use utoipa::openapi::{HttpMethod, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::{PathItemExt, paste, routes};

use super::api::{Api, Shared};
use super::gate::{self, Gate};
use super::metrics::Metrics;
use super::openapi;
use super::problem::{Kind, Problem};
use super::{
    audit, balance, callbacks, events, guard, inbox, messages, metrics, modems, optouts, otps, safelist, status, ussd,
};

/// One list from which the calls are served, and described only for somebody who asks: the description takes more memory
/// to make than all the rest.
macro_rules! calls {
    ($($room:ident::$call:ident)*) => {
        paste! {
            fn served() -> Router<Shared> {
                Router::new()$(.merge(at::<$room::[<__path_ $call>], _, _>($room::$call)))*
            }
        }

        fn described() -> OpenApi {
            OpenApiRouter::<Shared>::with_openapi(openapi::heading())$(.routes(routes!($room::$call)))*.into_openapi()
        }
    };
}

// Every call. Its path and method stand above its handler, what it needs of its caller in its handler's arguments.
calls! {
    otps::issue
    otps::get
    otps::cancel
    otps::verify
    otps::verify_by_number
    otps::approve
    otps::resend
    messages::send
    messages::list
    messages::get
    messages::cancel
    inbox::list
    inbox::remove
    optouts::list
    optouts::put
    optouts::remove
    guard::show
    guard::check
    guard::lift
    safelist::list
    safelist::get
    safelist::put
    safelist::remove
    events::listen
    audit::list
    callbacks::list
    callbacks::replay
    callbacks::replay_all
    modems::list
    modems::drain
    modems::resume
    ussd::ask
    ussd::get
    balance::list
    status::status
    status::healthz
    status::readyz
    metrics::metrics
    openapi::description
}

/// This call at its path.
fn at<P: utoipa::Path, H: Handler<T, Shared>, T: 'static>(call: H) -> Router<Shared> {
    let add = |calls: MethodRouter<Shared>, method: HttpMethod| calls.on(method.to_method_filter(), call.clone());
    Router::new().route(&P::path(), P::methods().into_iter().fold(MethodRouter::new(), add))
}

/// The API, ready for [`super::serve()`].
pub fn router(api: Api) -> Router {
    let metrics = Arc::new(Metrics::new(api.callbacks()));
    let gate = Arc::new(Gate::new(api.hosts.clone(), Arc::clone(&metrics)));
    served()
        .fallback(async || Problem::new(Kind::NoSuchPath))
        .method_not_allowed_fallback(async || Problem::new(Kind::MethodNotAllowed))
        .layer(from_fn_with_state(gate, gate::pass))
        .with_state(Shared::new(api, metrics, described))
}
