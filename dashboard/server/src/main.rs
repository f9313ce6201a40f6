//! The `dashboard` program: settings, listener, server, orderly end.

use anyhow::{Context, Result, bail};
use daemon::clock::Clock;
use daemon::metrics::Metrics;
use daemon::{Shutdown, is_listening_taken, log, port_taken};
use dashboard_server::Api;
use dashboard_server::settings::{DashboardSettings, SCHEMA};
use settings::CommandLine;
use tokio::net::TcpListener;

const PROGRAM: &str = "dashboard";

fn main() {
    let line = CommandLine::new(PROGRAM, "The browser UI of Weir");
    let (settings, _) = settings::start(line, PROGRAM, SCHEMA, &[]);
    let checked =
        DashboardSettings::read(&settings).unwrap_or_else(|error| settings::refuse(PROGRAM, &error));
    let format = match settings.text("logging.format").as_str() {
        "json" => log::Format::Json,
        _ => log::Format::Text,
    };
    log::start(&settings.text("logging.level"), format);
    if let Err(error) = run(checked) {
        // One line whatever `RUST_BACKTRACE` says: a refusal is no fault of ours to be traced.
        eprintln!("{PROGRAM}: {error:#}");
        std::process::exit(1);
    }
}

fn run(settings: DashboardSettings) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the runtime cannot start")?;
    runtime.block_on(serve(settings))
}

async fn serve(settings: DashboardSettings) -> Result<()> {
    let shutdown = Shutdown::listen().context("signals cannot be listened to")?;
    let address = settings.address;
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) if is_listening_taken(&error) => bail!(port_taken(&address.to_string(), "server.port")),
        Err(error) => {
            return Err(error).with_context(|| {
                format!("cannot listen on {address}; set another with -E server.host=ADDRESS")
            });
        }
    };
    let hosts = settings.client.hosts.join(", ");
    let api = Api::new(settings, Clock::system(), Metrics::default())?;
    let bound = listener.local_addr().context("the listener has no address")?;
    tracing::info!(address = %format!("http://{bound}"), search_node = hosts, "dashboard is ready");
    api.serve(listener, shutdown.token()).await.context("the server failed")
}
