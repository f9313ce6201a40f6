//! search-node: flags, settings, start, wait, stop.

mod jemalloc;

use std::sync::Arc;

use anyhow::Context;
use daemon::Shutdown;
use daemon::clock::Clock;
use search_node::{FolderLock, Node, NodeSettings, SCHEMA, translog_command};
use settings::CommandLine;

use crate::jemalloc::JemallocHeap;

const PROGRAM: &str = "search-node";

fn main() {
    let line = CommandLine::new(
        PROGRAM,
        "Stores documents and answers Elasticsearch's REST API.\n\n`search-node translog show|verify|salvage FOLDER` looks at the translog of a shard while its node is stopped.",
    );
    // Looking at a translog needs no settings, and must work when they are what is wrong.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [translog_command::COMMAND, words @ ..] = words.as_slice() {
        std::process::exit(match translog_command::run(words) {
            Ok(true) => 0,
            Ok(false) => 2,
            Err(error) => {
                eprintln!("{PROGRAM}: {error:#}");
                1
            }
        });
    }
    let (settings, _) = settings::start(line, PROGRAM, SCHEMA, &[]);
    let format = if settings.text("logging.format") == "json" {
        daemon::log::Format::Json
    } else {
        daemon::log::Format::Text
    };
    // The library of the consensus tells each step, and each message that does not arrive as an error; the node itself says what
    // comes of it. Who wants more names the library in `logging.level`.
    let levels = format!("openraft=off,{},{}", search_node::SLOW_LOG, settings.text("logging.level"));
    daemon::log::start(&levels, format);
    let node_settings =
        NodeSettings::read(&settings).unwrap_or_else(|error| settings::refuse(PROGRAM, &error));
    if let Err(error) = run(node_settings) {
        eprintln!("{PROGRAM}: {error:#}");
        std::process::exit(1);
    }
}

fn run(settings: NodeSettings) -> anyhow::Result<()> {
    settings.query_limits.set();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(settings.blocking_threads_max())
        .build()
        .context("no runtime")?;
    let ended = runtime.block_on(async {
        let shutdown = Shutdown::listen()?;
        let data = settings.path_data.clone();
        let running = tokio::select! {
            running = Node::start(settings, Clock::system(), Arc::new(JemallocHeap)) => running?,
            // It may wait for others for as long as they are not there. What it has written so far is whole at any moment.
            () = shutdown.asked() => return Ok(End::BeforeReady),
        };
        tracing::info!(address = %running.address, data = %data.display(), "search-node is ready");
        tokio::select! {
            () = shutdown.asked() => {}
            // What it would say from now on is old, and what it would write it could not promise. What was acknowledged is on
            // the disk.
            reason = running.failed() => anyhow::bail!(
                "this node could not keep what it had promised to the others: {reason}; free or mend the disk of path.data, and start it again"
            ),
        }
        Ok(End::InOrder(running.stop().await?))
    });
    // Work that still waits for something must not keep a process that is of no use any more.
    runtime.shutdown_background();
    match ended? {
        End::InOrder(folder) => {
            // Such work may hold files of the folder: nobody else has it before the process is gone.
            std::mem::forget(folder);
            tracing::info!("search-node stopped");
        }
        End::BeforeReady => tracing::info!("search-node stopped before it was ready"),
    }
    Ok(())
}

/// How the node ended where nothing went wrong.
enum End {
    /// It finished what it had taken on.
    InOrder(FolderLock),
    /// It had taken on nothing yet.
    BeforeReady,
}
