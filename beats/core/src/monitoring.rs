//! The endpoint that tells how the beat fares: `/`, `/stats` and `/metrics`, on loopback only.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use daemon::CancellationToken;
use daemon::metrics::{CONTENT_TYPE as METRICS_TYPE, Metrics};
use event::{Map, Value, json};
use fs_err as fs;
use settings::Settings;
use tokio::net::TcpListener;
use tracing::info;

struct Shared {
    about: Value,
    metrics: Metrics,
    started: Instant,
}

/// Answers until `stop` is cancelled. Fails where the address is not loopback or is taken.
pub(crate) async fn start(
    settings: &Settings,
    program: &str,
    id: &str,
    metrics: Metrics,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let host = settings.text("http.host");
    let ip: IpAddr = if host == "localhost" { [127, 0, 0, 1].into() } else { host.parse()? };
    anyhow::ensure!(
        ip.is_loopback(),
        "`http.host` {host} is not loopback, and this endpoint has no security; set http.host: localhost"
    );
    let address = SocketAddr::new(ip, settings.port("http.port"));
    let listener = TcpListener::bind(address).await.map_err(|error| {
        if daemon::is_listening_taken(&error) {
            anyhow::anyhow!(daemon::port_taken(&address.to_string(), "http.port"))
        } else {
            anyhow::anyhow!("cannot listen on {address}: {error}; set another with -E http.port=PORT")
        }
    })?;
    info!(address = %listener.local_addr()?, "monitoring answers");
    let name = crate::host_fields(&settings.text("name"))["name"].clone();
    let about = json!({"beat": program, "name": name, "hostname": name, "uuid": id, "version": env!("CARGO_PKG_VERSION")});
    let shared = Arc::new(Shared { about, metrics, started: Instant::now() });
    let router = Router::new()
        .route("/", get(|State(shared): State<Arc<Shared>>| async move { Json(shared.about.clone()) }))
        .route("/stats", get(stats))
        .route("/metrics", get(render))
        .with_state(shared);
    tokio::spawn(async move {
        let serving =
            axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await });
        if let Err(error) = serving.await {
            tracing::error!(%error, "monitoring ended");
        }
    });
    Ok(())
}

async fn render(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, METRICS_TYPE)], shared.metrics.render())
}

async fn stats(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let text = shared.metrics.render();
    let mut counters = Map::new();
    for (name, value) in
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '))
    {
        let value = value.parse::<i64>().map(Value::from).unwrap_or_else(|_| value.into());
        counters.insert(name.to_owned(), value);
    }
    let number = |name: &str| counters.get(name).cloned().unwrap_or_else(|| 0.into());
    Json(json!({
        "beat": {
            "info": {"uptime": {"ms": shared.started.elapsed().as_millis() as u64}, "version": env!("CARGO_PKG_VERSION")},
            "memstats": {"rss": resident_bytes()},
        },
        "libbeat": {
            "output": {"events": {"acked": number("output_events_acked_total"), "dropped": number("output_events_refused_total")}},
            "pipeline": {"events": {"published": number("pipeline_events_published_total"), "filtered": number("pipeline_events_filtered_total")}},
        },
        "metrics": counters,
    }))
}

fn resident_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}
