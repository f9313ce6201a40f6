//! Outputs: where a batch becomes safe. One is in force, chosen by the section that the settings hold.

mod console;
mod elasticsearch;
mod logstash;

use daemon::CancellationToken;
use daemon::metrics::{Counter, Metrics};
use event::Event;
use settings::{Settings, SettingsError};

use crate::enrichment::Common;
use console::Lines;
use elasticsearch::Elasticsearch;
use logstash::Logstash;

const SECTIONS: [&str; 4] = ["elasticsearch", "logstash", "console", "file"];

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every event is safe, or was given up on purpose and counted.
    Delivered,
    /// The beat stopped first; the source will send again.
    Stopped,
}

/// Why an output is not usable, for `test output`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OutputError(pub String);

/// What an output counts.
#[derive(Debug, Clone)]
pub(crate) struct Counts {
    /// Events that became safe.
    pub(crate) acked: Counter,
    /// Events that the output refuses for good.
    pub(crate) refused: Counter,
    /// Batches that had to be tried again.
    pub(crate) retried: Counter,
}

impl Counts {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            acked: metrics.counter("output_events_acked", "Events that the output took"),
            refused: metrics.counter("output_events_refused", "Events that the output refuses for good"),
            retried: metrics.counter("output_batches_retried", "Batches that had to be tried again"),
        }
    }
}

/// The output in force.
#[derive(Debug)]
pub enum Output {
    /// A search node over its REST API.
    Elasticsearch(Box<Elasticsearch>),
    /// A shipper over lumberjack.
    Logstash(Box<Logstash>),
    /// Standard output or a file, a JSON object a line.
    Lines(Box<Lines>),
}

impl Output {
    /// Reads the section in force; two at once are refused.
    pub(crate) fn of(
        settings: &Settings,
        common: Common,
        folder: &std::path::Path,
        metrics: &Metrics,
        beat: &str,
    ) -> Result<Self, SettingsError> {
        let counts = Counts::new(metrics);
        Ok(match section(settings)? {
            "logstash" => Self::Logstash(Box::new(Logstash::new(settings, common, folder, counts, beat))),
            "console" => {
                Self::Lines(Box::new(Lines::console(settings.bool("output.console.pretty"), common, counts)))
            }
            "file" => Self::Lines(Box::new(Lines::file(settings.path("output.file.path"), common, counts))),
            _ => Self::Elasticsearch(Box::new(Elasticsearch::new(settings, common, folder, counts)?)),
        })
    }

    /// Repeats until every event is safe or `stop` is cancelled.
    pub async fn deliver(&self, events: &[Event], stop: &CancellationToken) -> Outcome {
        match self {
            Self::Elasticsearch(output) => output.deliver(events, stop).await,
            Self::Logstash(output) => output.deliver(events, stop).await,
            Self::Lines(output) => output.deliver(events, stop).await,
        }
    }

    /// Asks the other end whether it is there, and tells what answered.
    pub async fn test(&self) -> Result<String, OutputError> {
        match self {
            Self::Elasticsearch(output) => output.test().await,
            Self::Logstash(output) => output.test().await,
            Self::Lines(output) => Ok(output.place()),
        }
    }

    /// Where events go, for people.
    pub fn place(&self) -> String {
        match self {
            Self::Elasticsearch(output) => output.place(),
            Self::Logstash(output) => output.place(),
            Self::Lines(output) => output.place(),
        }
    }

    pub(crate) fn batch_events_max(settings: &Settings) -> usize {
        match section(settings) {
            Ok("elasticsearch") => settings.count("output.elasticsearch.bulk_max_size"),
            _ => settings.count("output.logstash.bulk_max_size"),
        }
    }

    pub(crate) fn workers(settings: &Settings) -> usize {
        match section(settings) {
            Ok("elasticsearch") => settings.count("output.elasticsearch.worker"),
            _ => 1,
        }
    }
}

fn section(settings: &Settings) -> Result<&'static str, SettingsError> {
    let mut present = SECTIONS.into_iter().filter(|name| {
        settings.node(&format!("output.{name}")).is_some_and(|node| !node.entries().is_empty())
            && settings.bool(&format!("output.{name}.enabled"))
    });
    match (present.next(), present.next()) {
        (Some(first), Some(second)) => Err(settings.fault(
            &format!("output.{second}"),
            format!("`output.{first}` and `output.{second}` are both in force, and a beat has one output; set `output.{first}.enabled: false` or take one out"),
        )),
        (Some(only), None) => Ok(only),
        (None, _) => Ok("elasticsearch"),
    }
}
