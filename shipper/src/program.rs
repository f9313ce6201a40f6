//! The program: from settings to a running pipeline.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Arg, ArgAction};
use daemon::clock::Clock;
use daemon::log::Format;
use daemon::metrics::Metrics;
use daemon::{CancellationToken, Shutdown};
use settings::{CommandLine, EXIT_CONFIG, Invocation, Settings};
use tracing::{info, warn};

use crate::PROGRAM;
use crate::api::{Api, Facts};
use crate::config::{Source, join, read};
use crate::dead_letters::DeadLetters;
use crate::inputs::Surroundings;
use crate::pipeline::{Limits, Pipeline, Totals};

/// The command line.
pub fn about() -> CommandLine {
    CommandLine::new(PROGRAM, "Runs a pipeline of inputs, filters and outputs")
        .arg(
            Arg::new("file")
                .short('f')
                .value_name("FILE")
                .conflicts_with("text")
                .help("The pipeline's file, folder or glob, instead of path.config"),
        )
        .arg(
            Arg::new("text")
                .short('e')
                .value_name("CONFIG")
                .help("The pipeline itself, e.g. 'input { stdin { } } output { stdout { } }'"),
        )
        .arg(
            Arg::new("test")
                .short('t')
                .action(ArgAction::SetTrue)
                .help("Checks settings and pipeline, and leaves; the same as `test config`"),
        )
}

/// Runs until a signal, or until every input has come to its end. A wrong pipeline ends the process with status 78.
pub fn run(settings: &Settings, invocation: &Invocation) -> anyhow::Result<()> {
    let started = Instant::now();
    let clock = Clock::system();
    let is_test = invocation.matches.get_flag("test") || invocation.words == ["test", "config"];
    let pipeline = checked(settings, invocation, &clock, is_test);
    if is_test {
        println!("Config OK");
        return Ok(());
    }
    let format = if settings.text("logging.format") == "json" { Format::Json } else { Format::Text };
    daemon::log::start(&settings.text("logging.level"), format);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(serve(settings, pipeline, clock, started));
    // A read of standard input may still be waiting; it has nothing more to tell.
    runtime.shutdown_background();
    done
}

/// The pipeline, or the end of the process with one line for each fault.
fn checked(settings: &Settings, invocation: &Invocation, clock: &Clock, is_test: bool) -> Pipeline {
    let given = |name: &str| invocation.matches.get_one::<String>(name);
    let sources = match given("text") {
        Some(text) => vec![Source { name: "-e".to_owned(), text: text.clone() }],
        None => {
            let path = given("file").map_or_else(|| settings.path("path.config"), PathBuf::from);
            read(&path).unwrap_or_else(|error| refuse(&[error.to_string()]))
        }
    };
    let variables = |name: &str| std::env::var(name).ok();
    let built = join(&sources)
        .and_then(|config| Pipeline::build(&config, &variables, clock).map_err(|fault| vec![fault]));
    let tell = |fault: crate::language::Fault| {
        let source = sources.iter().find(|source| is_test && source.name == fault.file);
        source.map_or_else(|| fault.to_string(), |source| format!("{fault}\n{}", fault.excerpt(&source.text)))
    };
    let pipeline = built.unwrap_or_else(|faults| refuse(&faults.into_iter().map(tell).collect::<Vec<_>>()));
    if !pipeline.has_inputs() {
        refuse(&[format!(
            "{}: there is no input; add e.g. input {{ beats {{ port => 5044 }} }}",
            sources[0].name
        )]);
    }
    pipeline
}

fn refuse(faults: &[String]) -> ! {
    for fault in faults {
        eprintln!("{PROGRAM}: {fault}");
    }
    std::process::exit(EXIT_CONFIG)
}

fn limits(settings: &Settings) -> Limits {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Limits {
        workers: Some(settings.count("pipeline.workers")).filter(|workers| *workers > 0).unwrap_or(cores),
        batch_size: settings.count("pipeline.batch.size"),
        batch_delay: settings.duration("pipeline.batch.delay").unwrap_or(Duration::from_millis(50)),
        queue_events_max: settings.count("queue.max_events"),
        shutdown_timeout: settings.duration("shutdown.timeout"),
    }
}

async fn serve(
    settings: &Settings,
    pipeline: Pipeline,
    clock: Clock,
    started: Instant,
) -> anyhow::Result<()> {
    let shutdown = Shutdown::listen()?;
    let metrics = Metrics::default();
    let totals = Totals::new(&metrics);
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let limits = limits(settings);
    let dead_letters = if settings.bool("dead_letter_queue.enable") {
        DeadLetters::kept(
            &settings.path("path.data"),
            settings.bytes("dead_letter_queue.max_bytes"),
            clock.clone(),
        )?
    } else {
        DeadLetters::counted(clock.clone())
    };
    let surroundings = Surroundings {
        clock,
        host: host.clone(),
        line_bytes_max: usize::try_from(settings.bytes("pipeline.line.bytes_max"))
            .unwrap_or(usize::MAX)
            .max(1),
        totals: totals.clone(),
    };
    let facts = Facts {
        name: settings.maybe_text("node.name").unwrap_or_else(|| host.clone()),
        host,
        limits: limits.clone(),
        plugins: pipeline.plugins().to_vec(),
        totals,
        metrics,
        started,
    };
    for plugin in &facts.plugins {
        for option in &plugin.without_effect {
            warn!(plugin = plugin.id, option, "option has no effect here");
        }
    }
    let ready = pipeline.bind(limits, surroundings, dead_letters).await?;
    let stop_api = CancellationToken::new();
    let mut api_address = "off".to_owned();
    let mut api_task = None;
    if settings.bool("api.enabled") {
        let api = Api::bind(&settings.text("api.http.host"), settings.port("api.http.port")).await?;
        api_address = api.address().to_string();
        api_task = Some(tokio::spawn(api.run(facts, stop_api.clone())));
    }
    let beats: Vec<String> = ready.addresses().iter().map(ToString::to_string).collect();
    info!(
        beats = beats.join(","),
        api = api_address,
        took_ms = started.elapsed().as_millis() as u64,
        "shipper is ready"
    );
    ready.run(shutdown.token()).await;
    stop_api.cancel();
    if let Some(task) = api_task {
        // A client that holds its connection must not hold up the end.
        let _in_time = tokio::time::timeout(Duration::from_secs(1), task).await;
    }
    info!("shipper has stopped");
    Ok(())
}
