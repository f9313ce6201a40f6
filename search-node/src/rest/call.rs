//! One request as the handlers see it: path, parameters, body.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::runtime::Handle;

use super::body::WHAT;
use super::parameters::read_flag;
use crate::action::visible::Refresh;
use crate::action::weight::Weight;
use crate::error::ApiError;
use crate::indices::NameOptions;
use crate::json;
use crate::memory::Reservation;
use crate::node::Node;
use crate::replication::{ActiveCopies, ActiveWait};
use crate::time_span::read_span;

/// How long the other nodes are waited for where the request says nothing, as in Elasticsearch.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(30);

/// One request.
pub(super) struct Call {
    pub node: Arc<Node>,
    /// The parts of the path that the route names.
    pub path: HashMap<&'static str, String>,
    /// The parameters after the `?`.
    pub query: HashMap<String, String>,
    pub body: Bytes,
    /// The memory that is promised for what is made of the body.
    pub reserved: Option<Reservation>,
}

impl Call {
    /// Promises what a document takes that is the body, if it is a large one; it waits for that if it must. The body
    /// itself is in memory already, so that nothing is kept from others meanwhile.
    pub(super) async fn reserve_for(&mut self, work: impl Fn(Weight) -> u64) -> Result<(), ApiError> {
        if let Some(weight) = Weight::of_heavy(&self.body) {
            drop(self.reserved.take());
            self.reserved = Some(self.node.memory.reserve(work(weight), WHAT).await?);
        }
        Ok(())
    }

    /// The same request, for one who answers it; this one may have to be answered elsewhere yet.
    pub(super) fn again(&self) -> Self {
        let Self { node, path, query, body, .. } = self;
        let (path, query, body) = (path.clone(), query.clone(), body.clone());
        Self { node: Arc::clone(node), path, query, body, reserved: None }
    }

    /// A part of the path that the route has.
    pub(super) fn part(&self, name: &str) -> String {
        self.path.get(name).cloned().unwrap_or_default()
    }

    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A flag; given without a value it counts as true.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        self.maybe_flag(name).map(|flag| flag.unwrap_or(false))
    }

    pub(super) fn maybe_flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.param(name).map(read_flag).transpose()
    }

    /// A whole number that may be negative, as versions and sequence numbers may.
    pub(super) fn long(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.param(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    ApiError::argument(format!("Failed to parse long parameter [{name}] with value [{text}]"))
                        .caused_by("number_format_exception", format!("For input string: \"{text}\""))
                })
            })
            .transpose()
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        self.param(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    ApiError::argument(format!("Failed to parse int parameter [{name}] with value [{text}]"))
                })
            })
            .transpose()
    }

    /// How many copies have to serve (`wait_for_active_shards`).
    pub(super) fn active_copies(&self) -> Result<Option<ActiveCopies>, ApiError> {
        self.param("wait_for_active_shards").map(ActiveCopies::read).transpose()
    }

    /// The same with how long they are waited for.
    pub(super) fn active_wait(&self) -> Result<ActiveWait, ApiError> {
        let mut wait = ActiveWait::of(self.active_copies()?.unwrap_or_default());
        if let Some(text) = self.param("timeout") {
            wait.within = read_span("timeout", text)?.unwrap_or(wait.within);
        }
        Ok(wait)
    }

    /// The body as JSON; nothing at all is null.
    pub(super) fn json(&self) -> Result<Value, ApiError> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Null);
        }
        json::read(&self.body).map_err(|error| ApiError::json(&error))
    }

    /// The body as JSON, which must be there.
    pub(super) fn required_json(&self) -> Result<Value, ApiError> {
        match self.json()? {
            Value::Null => Err(ApiError::new(400, "parse_exception", "request body is required")),
            body => Ok(body),
        }
    }

    /// What to do about names that do not exist.
    pub(super) fn name_options(&self) -> Result<NameOptions, ApiError> {
        let mut options = NameOptions::default();
        if let Some(flag) = self.maybe_flag("ignore_unavailable")? {
            options.ignore_unavailable = flag;
        }
        if let Some(flag) = self.maybe_flag("allow_no_indices")? {
            options.allow_no_indices = flag;
        }
        if let Some(wildcards) = self.param("expand_wildcards") {
            let has = |word: &str| wildcards.split(',').any(|said| said == word || said == "all");
            options.expand_hidden = has("hidden");
            options.expand_open = has("open");
            options.expand_closed = has("closed");
            options.expand_wildcards = has("open") || has("closed");
        }
        Ok(options)
    }

    /// The same for what changes indices, closed ones too: a wildcard that finds none is refused where the request says nothing.
    pub(super) fn changed_names(&self) -> Result<NameOptions, ApiError> {
        let is_said = self.query.contains_key("allow_no_indices");
        let options = self.all_names()?;
        Ok(NameOptions { allow_no_indices: options.allow_no_indices && is_said, ..options })
    }

    /// The same for what only open indices can do: a closed one that is named is refused.
    pub(super) fn open_names(&self) -> Result<NameOptions, ApiError> {
        Ok(NameOptions { refuses_closed: true, ..self.name_options()? })
    }

    /// The same for what closed indices are as good for as open ones: wildcards find both where the request says nothing.
    pub(super) fn all_names(&self) -> Result<NameOptions, ApiError> {
        let options = self.name_options()?;
        let is_said = self.query.contains_key("expand_wildcards");
        Ok(NameOptions { expand_closed: options.expand_closed || !is_said, ..options })
    }

    /// A list of names, parted by commas.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let text = self.param(name).unwrap_or_default();
        text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// Whether every node follows a change that was agreed on, which is waited for as long as the request says. Blocks.
    pub(super) fn is_followed_by_all(&self) -> Result<bool, ApiError> {
        let within = match self.param("timeout") {
            Some(text) => read_span("timeout", text)?.unwrap_or(FOLLOWED_WITHIN),
            None => FOLLOWED_WITHIN,
        };
        let others = self.node.others();
        Ok(others.is_none_or(|others| Handle::current().block_on(others.wait_all_follow(within))))
    }

    /// When the write shall be visible.
    pub(super) fn refresh(&self) -> Result<Refresh, ApiError> {
        match self.param("refresh") {
            None | Some("false") => Ok(Refresh::No),
            Some("" | "true") => Ok(Refresh::Now),
            Some("wait_for") => Ok(Refresh::Wait),
            Some(other) => Err(ApiError::argument(format!("Unknown value for refresh: [{other}]."))),
        }
    }
}
