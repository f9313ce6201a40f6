//! The log: structured, one fact per line, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Starts the log. `level` is a level (`info`) or levels per module (`info,search_node::rest=debug`).
/// A level that cannot be read falls back to `info` and says so in the first line.
pub fn start(level: &str, format: Format) {
    let filter = EnvFilter::builder().parse(level);
    let fault = filter.as_ref().err().map(ToString::to_string);
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match format {
        Format::Text => builder.try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    if started.is_ok()
        && let Some(fault) = fault
    {
        tracing::warn!(
            level,
            fault,
            "log level cannot be read, so `info` is used; write e.g. info,rest=debug"
        );
    }
}
