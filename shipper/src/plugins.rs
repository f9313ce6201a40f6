//! What every plugin shares while a pipeline is built, and the counts that it keeps while it runs.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use daemon::clock::Clock;
use event::{Value, json};

use crate::language::Fault;
use crate::language::ast::{Branch, Condition};
use crate::options::Options;
use crate::variables::{Variables, expand_condition};

/// What the building of plugins needs.
pub struct Context<'a> {
    /// Finds `${NAME}`.
    pub variables: Variables<'a>,
    /// The time.
    pub clock: &'a Clock,
    plugins: RefCell<Vec<PluginInfo>>,
}

/// A plugin of the running pipeline.
#[derive(Debug, Clone)]
pub struct PluginInfo {
    /// `input`, `filter` or `output`.
    pub section: &'static str,
    /// The plugin's name.
    pub name: String,
    /// Its id, given or made from its place.
    pub id: String,
    /// What it did so far.
    pub counts: Arc<PluginCounts>,
    /// Options of it that are taken, so that files of Logstash run, but change nothing.
    pub without_effect: Vec<&'static str>,
}

/// Options that are taken but change nothing.
const WITHOUT_EFFECT: &[&str] =
    &["enable_metric", "periodic_flush", "locale", "add_hostname", "include_codec_tag", "manage_template"];

/// What a plugin did so far.
#[derive(Debug, Default)]
pub struct PluginCounts {
    events_in: AtomicU64,
    events_out: AtomicU64,
    failures: AtomicU64,
    nanos: AtomicU64,
}

impl<'a> Context<'a> {
    /// A context without plugins yet.
    pub fn new(variables: Variables<'a>, clock: &'a Clock) -> Self {
        Self { variables, clock, plugins: RefCell::new(Vec::new()) }
    }

    /// A condition of `branch` with the values of its variables.
    pub fn condition(&self, branch: &Branch, condition: &Condition) -> Result<Condition, Fault> {
        expand_condition(condition, self.variables).map_err(|unset| Fault {
            file: branch.file.clone(),
            at: branch.at,
            reason: format!("`if`: {unset}"),
        })
    }

    /// Notes a plugin and gives it its counts.
    pub fn enlist(&self, section: &'static str, options: &Options<'_>) -> Arc<PluginCounts> {
        let counts = Arc::new(PluginCounts::default());
        let info = PluginInfo {
            section,
            name: options.name().to_owned(),
            id: options.id(),
            counts: Arc::clone(&counts),
            without_effect: WITHOUT_EFFECT.iter().copied().filter(|option| options.has(option)).collect(),
        };
        self.plugins.borrow_mut().push(info);
        counts
    }

    /// The plugins noted, in the order of the text.
    pub fn into_plugins(self) -> Vec<PluginInfo> {
        self.plugins.into_inner()
    }
}

impl PluginCounts {
    /// Events came in.
    pub fn entered(&self, count: usize) {
        self.events_in.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Events went on.
    pub fn left(&self, count: usize, took: Duration) {
        self.events_out.fetch_add(count as u64, Ordering::Relaxed);
        self.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// An event was not what the plugin wanted.
    pub fn failed(&self, count: usize) {
        self.failures.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// As the API tells it.
    pub fn to_json(&self) -> Value {
        json!({
            "in": self.events_in.load(Ordering::Relaxed),
            "out": self.events_out.load(Ordering::Relaxed),
            "failures": self.failures.load(Ordering::Relaxed),
            "duration_in_millis": self.nanos.load(Ordering::Relaxed) / 1_000_000,
        })
    }
}
