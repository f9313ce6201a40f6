//! A beat from start to end: settings, log, identity, pipeline, signals, the source, and the orderly stop.

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

use daemon::metrics::Metrics;
use daemon::{CancellationToken, Shutdown};
use settings::{Invocation, Settings};
use tracing::info;

use crate::enrichment::Common;
use crate::identity::Identity;
use crate::monitoring;
use crate::pipeline::{Pipeline, Publisher};

/// What a source is given.
#[derive(Debug, Clone)]
pub struct Beat {
    /// The program's settings.
    pub settings: Settings,
    /// Who this beat is, and its folder.
    pub identity: Arc<Identity>,
    /// Where events go. A source drops it to end.
    pub publisher: Publisher,
    /// Cancelled once the beat shall stop.
    pub stop: CancellationToken,
    /// The program's metrics.
    pub metrics: Metrics,
    /// Where wall time comes from.
    pub clock: daemon::clock::Clock,
    program: &'static str,
    sends_to: String,
}

impl Beat {
    /// Says on one line that the source is ready, what it reads and where events go.
    pub fn ready(&self, reads: &str) {
        info!("{} is ready: reads {reads}, sends to {}", self.program, self.sends_to);
    }
}

/// Runs a beat until a signal, or until its source ends by itself; the source's error ends with status 1.
pub fn run<S, F>(program: &'static str, settings: Settings, invocation: &Invocation, source: S) -> ExitCode
where
    S: FnOnce(Beat) -> F,
    F: Future<Output = anyhow::Result<()>>,
{
    if invocation.words == ["version"] {
        println!("{program} {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    let format = match settings.text("logging.format").as_str() {
        "json" => daemon::log::Format::Json,
        _ => daemon::log::Format::Text,
    };
    daemon::log::start(&settings.text("logging.level"), format);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ended = match runtime {
        Ok(runtime) => {
            let testing = invocation.words == ["test", "output"];
            let ended = runtime.block_on(async {
                if testing { test_output(settings).await } else { serve(program, settings, source).await }
            });
            // A blocking call that hangs on a device must not hold the process.
            runtime.shutdown_timeout(std::time::Duration::from_secs(1));
            ended
        }
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if let Some(wrong) = error.downcast_ref::<settings::SettingsError>() {
                settings::refuse(program, wrong);
            }
            eprintln!("{program}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn test_output(settings: Settings) -> anyhow::Result<()> {
    let folder = settings.path("path.data");
    let (pipeline, _publisher) = Pipeline::start(&settings, Common::default(), &folder, &Metrics::default())?;
    println!("{}: OK", pipeline.output.test().await?);
    Ok(())
}

async fn serve<S, F>(program: &'static str, settings: Settings, source: S) -> anyhow::Result<()>
where
    S: FnOnce(Beat) -> F,
    F: Future<Output = anyhow::Result<()>>,
{
    let identity = Arc::new(Identity::open(&settings.path("path.data"))?);
    let metrics = Metrics::default();
    let shutdown = Shutdown::listen()?;
    let common = Common::of(program, &identity, &settings);
    let (pipeline, publisher) = Pipeline::start(&settings, common, &identity.folder, &metrics)?;
    let endpoint_stop = CancellationToken::new();
    if settings.bool("http.enabled") {
        monitoring::start(&settings, program, &identity.id, metrics.clone(), endpoint_stop.clone()).await?;
    }
    info!(program, version = env!("CARGO_PKG_VERSION"), id = %identity.id, output = %pipeline.output.place(), "started");
    let patience = settings.span("shutdown_timeout");
    let beat = Beat {
        settings,
        // The folder stays locked until the registry's last word, whatever the source does with its share.
        identity: Arc::clone(&identity),
        publisher,
        stop: shutdown.token(),
        metrics,
        clock: daemon::clock::Clock::system(),
        program,
        sends_to: pipeline.output.place(),
    };
    // A source may wait for its last acks after it let go of its publisher, so both ends finish side by side.
    let stop = shutdown.token();
    let mut source = Box::pin(source(beat));
    let (ended, delivered) = tokio::select! {
        ended = &mut source => (ended, pipeline.finish(patience).await),
        () = stop.cancelled() => tokio::join!(source, pipeline.finish(patience)),
    };
    endpoint_stop.cancel();
    drop(identity);
    ended?;
    Ok(delivered?)
}
