//! The output to a search node: `_bulk` with op `create` into the event's data stream.
//!
//! An event with `@metadata._id` keeps that id, so that a repeat after a lost answer finds it taken (409), which
//! counts as delivered. What the node refuses for good is counted, logged once per reason, and kept or dropped.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use daemon::CancellationToken;
use event::{Event, Value};
use search_client::{BulkAction, BulkOp, ClientError, ClientOptions, Method, Pause, Rejection, SearchClient};
use settings::{Settings, SettingsError};
use tracing::{error, warn};

use super::{Counts, Outcome, OutputError};
use crate::dead_letter::DeadLetters;
use crate::enrichment::Common;
use crate::stream::index_of;

/// Different reasons that are logged; beyond them refusals are only counted.
const REASONS_MAX: usize = 100;

/// The output to a search node.
#[derive(Debug)]
pub struct Elasticsearch {
    client: SearchClient,
    common: Common,
    index: Option<String>,
    pipeline: Option<String>,
    dead_letters: Option<DeadLetters>,
    pause: Pause,
    counts: Counts,
    reasons: Mutex<HashSet<(u16, String)>>,
}

impl Elasticsearch {
    pub(super) fn new(
        settings: &Settings,
        common: Common,
        folder: &Path,
        counts: Counts,
    ) -> Result<Self, SettingsError> {
        let text = |key: &str| {
            Some(settings.text(&format!("output.elasticsearch.{key}"))).filter(|text| !text.is_empty())
        };
        let init = settings.span("output.elasticsearch.backoff.init");
        let max = settings.span("output.elasticsearch.backoff.max");
        let options = ClientOptions {
            hosts: settings.list("output.elasticsearch.hosts"),
            timeout: settings.span("output.elasticsearch.timeout"),
            backoff_init: init,
            backoff_max: max,
            credentials: text("username").map(|name| (name, text("password").unwrap_or_default())),
            api_key: text("api_key"),
        };
        let client = SearchClient::new(options).map_err(|error| {
            settings.fault("output.elasticsearch.hosts", format!("`output.elasticsearch.hosts`: {error}"))
        })?;
        let keeps = settings.text("output.elasticsearch.non_indexable_policy") == "dead_letter_file";
        Ok(Self {
            client,
            common,
            index: text("index"),
            pipeline: text("pipeline"),
            dead_letters: keeps
                .then(|| DeadLetters::new(folder, settings.bytes("output.elasticsearch.dead_letter_max"))),
            pause: Pause::new(init, max),
            counts,
            reasons: Mutex::new(HashSet::new()),
        })
    }

    pub(super) fn place(&self) -> String {
        self.client.hosts()
    }

    pub(super) async fn test(&self) -> Result<String, OutputError> {
        let answer =
            self.client.json(Method::GET, "/", None).await.map_err(|error| OutputError(error.to_string()))?;
        let version = answer.pointer("/version/number").and_then(Value::as_str).unwrap_or("unknown");
        Ok(format!("{}: version {version}", self.client.hosts()))
    }

    pub(super) async fn deliver(&self, events: &[Event], stop: &CancellationToken) -> Outcome {
        let actions = events.iter().map(|event| self.action(event)).collect();
        let refused = match self.client.deliver(actions, stop).await {
            Ok(refused) => refused,
            Err(ClientError::Stopped) => return Outcome::Stopped,
            Err(error) => {
                // Only a stop ends a delivery; anything else is this program's fault, and the source keeps its events.
                error!(%error, "delivery ended early");
                return Outcome::Stopped;
            }
        };
        let delivered = events.len() - refused.len();
        if !refused.is_empty() && self.give_up(refused, stop).await == Outcome::Stopped {
            return Outcome::Stopped;
        }
        self.counts.acked.inc_by(delivered as u64);
        Outcome::Delivered
    }

    fn action(&self, event: &Event) -> BulkAction {
        let metadata = |key: &str| event.metadata.get(key).and_then(Value::as_str).map(str::to_owned);
        let op = if metadata("op_type").as_deref() == Some("index") { BulkOp::Index } else { BulkOp::Create };
        BulkAction {
            op,
            index: self
                .index
                .clone()
                .or_else(|| index_of(event))
                .unwrap_or_else(|| "logs-generic-default".to_owned()),
            id: metadata("_id"),
            pipeline: metadata("pipeline").or_else(|| self.pipeline.clone()),
            document: self.common.document(event),
        }
    }

    /// Keeps or drops what was refused for good. A dead letter that cannot be written holds the batch back.
    async fn give_up(&self, refused: Vec<(BulkAction, Rejection)>, stop: &CancellationToken) -> Outcome {
        for (action, rejection) in &refused {
            self.log_once(action, rejection);
        }
        if let Some(letters) = &self.dead_letters
            && !letters.keep_until(&refused, self.pause.clone(), stop).await
        {
            return Outcome::Stopped;
        }
        self.counts.refused.inc_by(refused.len() as u64);
        Outcome::Delivered
    }

    fn log_once(&self, action: &BulkAction, rejection: &Rejection) {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        let known = (rejection.status, rejection.kind.clone());
        if reasons.len() < REASONS_MAX && reasons.insert(known) {
            warn!(
                status = rejection.status,
                r#type = rejection.kind,
                reason = rejection.reason,
                index = action.index,
                kept = self.dead_letters.is_some(),
                "event was refused for good; further refusals of this type are only counted"
            );
        }
    }
}
