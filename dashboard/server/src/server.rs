//! The HTTP server: routes, shared state, start and end.

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router, middleware};
use daemon::CancellationToken;
use daemon::clock::Clock;
use daemon::metrics::{self, Counter, Metrics};
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;

use crate::error::ApiError;
use crate::fields::FieldsCache;
use crate::node::Node;
use crate::settings::DashboardSettings;
use crate::{assets, explore, guard, home, sources, status};

/// What every route knows; clones share it.
#[derive(Debug, Clone)]
pub struct Api(Arc<Shared>);

impl std::ops::Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// The parts that the routes share.
#[derive(Debug)]
pub struct Shared {
    /// The settings.
    pub(crate) settings: DashboardSettings,
    /// The search node.
    pub(crate) node: Arc<Node>,
    /// The fields of sources.
    pub(crate) fields: FieldsCache,
    /// Wall time.
    pub(crate) clock: Clock,
    /// Numbers of requests.
    pub(crate) numbers: Numbers,
    metrics: Metrics,
}

/// Numbers requests, so that an answer can be found in the log.
#[derive(Debug)]
pub(crate) struct Numbers {
    next: AtomicU64,
    counted: Counter,
}

impl Numbers {
    /// A number not used before by this process.
    pub(crate) fn next(&self) -> String {
        format!("{:08x}", self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Counts a request.
    pub(crate) fn count(&self) {
        self.counted.inc();
    }
}

impl Api {
    /// Puts the parts together; connects to nothing yet.
    pub fn new(settings: DashboardSettings, clock: Clock, metrics: Metrics) -> Result<Self, ApiError> {
        let node = Node::new(&settings, &metrics)?;
        let fields = FieldsCache::new(settings.fields_cache, settings.explore.fields_max);
        let counted = metrics.counter("dashboard_requests", "Requests from browsers");
        Ok(Self(Arc::new(Shared {
            settings,
            node,
            fields,
            clock,
            numbers: Numbers { next: AtomicU64::new(1), counted },
            metrics,
        })))
    }

    /// All routes.
    pub fn router(self) -> Router {
        let calls = Router::new()
            .route("/status", get(status::status))
            .route("/home", get(home::home))
            .route("/sources", get(sources::sources))
            .route("/fields", get(explore::field_values::fields))
            .route("/fields/values", post(explore::field_values::values))
            .route("/document", get(explore::document::document))
            .route("/explore/search", post(explore::search::search))
            .fallback(no_such_call)
            .method_not_allowed_fallback(no_such_call);
        Router::new()
            .nest("/api", calls)
            .route("/api/", any(no_such_call))
            .route("/metrics", get(render_metrics))
            .fallback(assets::asset)
            .layer(DefaultBodyLimit::max(self.settings.request_bytes_max))
            .layer(middleware::from_fn_with_state(self.clone(), guard::guard))
            .with_state(self)
    }

    /// Serves until `stop` is cancelled, then lets running requests end, but not forever.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
        let timeout = self.settings.shutdown_timeout;
        let asked = stop.clone();
        let serving = axum::serve(listener, self.router())
            .with_graceful_shutdown(async move { asked.cancelled().await });
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(timeout).await;
        };
        tokio::select! {
            served = serving.into_future() => served,
            () = late => {
                tracing::warn!(timeout_ms = timeout.as_millis() as u64, "requests were cut off at the end");
                Ok(())
            }
        }
    }
}

async fn no_such_call(request: Request) -> ApiError {
    ApiError::NotFound(format!("there is no {} {}", request.method(), request.uri().path()))
}

async fn render_metrics(State(api): State<Api>) -> Response {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], api.metrics.render()).into_response()
}

/// A JSON body; what cannot be read is answered in the API's own words.
#[derive(Debug)]
pub(crate) struct ApiJson<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::BadRequest(rejection.body_text())),
        }
    }
}
