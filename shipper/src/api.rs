//! The API that tells how the shipper fares, on loopback.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use daemon::CancellationToken;
use daemon::metrics::{CONTENT_TYPE as METRICS_TYPE, Metrics};
use event::{Map, Value, json};
use tokio::net::TcpListener;

use crate::pipeline::{Limits, Totals};
use crate::plugins::PluginInfo;

/// What the API tells.
pub struct Facts {
    /// The node's name.
    pub name: String,
    /// The host's name.
    pub host: String,
    /// The bounds of the pipeline.
    pub limits: Limits,
    /// Its plugins.
    pub plugins: Vec<PluginInfo>,
    /// Its totals.
    pub totals: Totals,
    /// Everything as metrics.
    pub metrics: Metrics,
    /// When the program started.
    pub started: Instant,
}

/// The bound API.
pub struct Api {
    listener: TcpListener,
    address: SocketAddr,
}

impl Api {
    /// Listens on a loopback address.
    pub async fn bind(host: &str, port: u16) -> anyhow::Result<Self> {
        let ip: IpAddr = if host == "localhost" { [127, 0, 0, 1].into() } else { host.parse()? };
        anyhow::ensure!(
            ip.is_loopback(),
            "`api.http.host` {host} is not loopback, and the API has no security; set api.http.host: 127.0.0.1"
        );
        let address = SocketAddr::new(ip, port);
        let listener = TcpListener::bind(address).await.map_err(|error| {
            if daemon::is_listening_taken(&error) {
                anyhow::anyhow!(daemon::port_taken(&address.to_string(), "api.http.port"))
            } else {
                anyhow::anyhow!("cannot listen on {address}: {error}; set another with -E api.http.port=PORT")
            }
        })?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address in use.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop`.
    pub async fn run(self, facts: Facts, stop: CancellationToken) {
        let told = Told { facts: Arc::new(facts), address: self.address };
        let router = Router::new()
            .route("/", get(root))
            .route("/_node", get(node))
            .route("/_node/pipelines", get(pipelines))
            .route("/_node/stats", get(stats))
            .route("/metrics", get(render))
            .fallback(missing)
            .with_state(told);
        let serving =
            axum::serve(self.listener, router).with_graceful_shutdown(async move { stop.cancelled().await });
        if let Err(error) = serving.await {
            tracing::error!(%error, "the API ended");
        }
    }
}

#[derive(Clone)]
struct Told {
    facts: Arc<Facts>,
    address: SocketAddr,
}

impl Told {
    fn head(&self) -> Map<String, Value> {
        let mut head = Map::new();
        head.insert("host".to_owned(), json!(self.facts.host));
        head.insert("version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
        head.insert("http_address".to_owned(), json!(self.address.to_string()));
        head.insert("name".to_owned(), json!(self.facts.name));
        head.insert("status".to_owned(), json!("green"));
        head.insert("pipeline".to_owned(), self.bounds());
        head
    }

    fn bounds(&self) -> Value {
        let limits = &self.facts.limits;
        json!({"workers": limits.workers, "batch_size": limits.batch_size, "batch_delay": limits.batch_delay.as_millis() as u64})
    }

    fn with(&self, key: &str, value: Value) -> Json<Value> {
        let mut answer = self.head();
        answer.insert(key.to_owned(), value);
        Json(Value::Object(answer))
    }

    fn plugins(&self) -> Value {
        let of = |section: &str| -> Vec<Value> {
            let plugins = self.facts.plugins.iter().filter(|plugin| plugin.section == section);
            plugins
                .map(
                    |plugin| json!({"id": plugin.id, "name": plugin.name, "events": plugin.counts.to_json()}),
                )
                .collect()
        };
        json!({"inputs": of("input"), "filters": of("filter"), "outputs": of("output")})
    }
}

async fn root(State(told): State<Told>) -> Json<Value> {
    Json(Value::Object(told.head()))
}

async fn node(State(told): State<Told>) -> Json<Value> {
    told.with("pipelines", json!({"main": told.bounds()}))
}

async fn pipelines(State(told): State<Told>) -> Json<Value> {
    told.with("pipelines", json!({"main": {"bounds": told.bounds(), "plugins": told.plugins()}}))
}

async fn stats(State(told): State<Told>) -> Json<Value> {
    let totals = &told.facts.totals;
    let events = json!({
        "in": totals.received.get(),
        "filtered": totals.received.get().saturating_sub(u64::try_from(totals.queued.get()).unwrap_or(0)),
        "dropped": totals.dropped.get(),
        "out": totals.delivered.get(),
        "refused": totals.refused.get(),
        "abandoned": totals.abandoned.get(),
    });
    let main = json!({
        "events": events,
        "queue": {"type": "memory", "events_count": totals.queued.get(), "max_events": told.facts.limits.queue_events_max},
        "dead_letter_queue": {"events": totals.dead_letters.get()},
        "plugins": told.plugins(),
    });
    let mut answer = told.head();
    answer.insert("uptime_in_millis".to_owned(), json!(told.facts.started.elapsed().as_millis() as u64));
    answer.insert("events".to_owned(), events);
    answer.insert("pipelines".to_owned(), json!({"main": main}));
    Json(Value::Object(answer))
}

async fn render(State(told): State<Told>) -> impl IntoResponse {
    ([(CONTENT_TYPE, METRICS_TYPE)], told.facts.metrics.render())
}

async fn missing(State(_): State<Told>, uri: axum::http::Uri) -> impl IntoResponse {
    let reason = format!(
        "{} is not here; there are /, /_node, /_node/pipelines, /_node/stats and /metrics",
        uri.path()
    );
    (StatusCode::NOT_FOUND, Json(json!({"path": uri.path(), "status": 404, "error": {"message": reason}})))
}
