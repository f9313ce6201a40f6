//! Changes of what an index is: agreed on by all nodes, and followed here before they count.

use std::collections::BTreeMap;

use cluster::state::{Command, IndexId, Refusal};
use serde_json::{Map, Value};
use shard::mapping::{Mapping, MappingError, parse_mapping};

use super::agreement::Disagreement;
use super::index::Index;
use super::metadata::{IndexMetadata, mapping_part, settings_part};
use super::replicas::CopySettings;
use super::settings::IndexSettings;
use super::settings_changes::{SettingsChange, changed};
use super::sort_settings;
use crate::error::ApiError;

/// Other nodes can change an index again and again while this one wants to; more rounds than this are no race.
const CHANGE_ROUNDS_MAX: usize = 16;

/// The parts of an index that change, and what it says about its copies from then on, if that changes.
type Change = (BTreeMap<String, String>, Option<CopySettings>);

/// Why an index did not change.
enum Unchanged {
    /// What it should become is wrong.
    Wrong(ApiError),
    /// It could not be agreed on.
    Failed(String),
}

impl Index {
    /// Adds what somebody says of its fields to the mapping. All nodes agree on it before any document is stored under it.
    pub fn add_mapping(&self, added: &Mapping) -> Result<(), ApiError> {
        self.change_mapping(added, &|current| current.merge(added))
    }

    /// Adds the fields that a document lacks, in the same way.
    pub fn grow_mapping(&self, added: &Mapping) -> Result<(), ApiError> {
        self.change_mapping(added, &|current| current.grown(added))
    }

    fn change_mapping(
        &self,
        added: &Mapping,
        changed: &dyn Fn(&Mapping) -> Result<Mapping, MappingError>,
    ) -> Result<(), ApiError> {
        let _growing = self.growing.lock();
        // Of what is new alone: an older build may have taken others.
        self.settings().query.similarities.check(added)?;
        let next = |metadata: &IndexMetadata| {
            let current = parse_mapping(&metadata.mapping)?;
            let next = changed(&current)?;
            if next == current {
                return Ok(None);
            }
            let settings = self.settings();
            settings.limits.check(&next)?;
            next.check_links_after(&current)?;
            next.check_time_field_after(&current)?;
            settings.routing.check_mapping(&self.name, &next)?;
            // An index of an older build may have had both.
            if !current.has_nested() {
                sort_settings::check_nested(settings.sort.as_ref(), &next)?;
            }
            next.check_analysis(&self.settings().analysis)?;
            Ok(Some((mapping_part(&next.to_json()), None)))
        };
        match self.change(next) {
            // A shard that asks for what is there has missed it.
            Ok(false) => self.tell_shards(&self.mapping()),
            Ok(true) => {
                if self.stunted.ends() {
                    tracing::info!(index = self.name, "the mapping grows again");
                }
                Ok(())
            }
            Err(Unchanged::Wrong(error)) => Err(error),
            Err(Unchanged::Failed(reason)) => Err(self.cannot_grow(&reason)),
        }
    }

    /// Changes settings that may be changed while the index is there.
    pub(crate) fn change_settings(&self, change: SettingsChange<'_>) -> Result<(), ApiError> {
        let next = |metadata: &IndexMetadata| {
            let next = self.settings_after(metadata, change)?;
            if next == metadata.settings {
                return Ok(None);
            }
            Ok(Some((settings_part(&next), Some(CopySettings::read_stored(&next).0))))
        };
        match self.change(next) {
            Ok(_) => Ok(()),
            Err(Unchanged::Wrong(error)) => Err(error),
            Err(Unchanged::Failed(reason)) => {
                Err(self.uncommitted(format!("the settings of [{}] cannot be changed: {reason}", self.name)))
            }
        }
    }

    /// Refuses a change of settings that [`Self::change_settings`] would refuse.
    pub(crate) fn check_settings_change(&self, change: SettingsChange<'_>) -> Result<(), ApiError> {
        self.settings_after(&self.metadata.lock().clone(), change).map(drop)
    }

    fn settings_after(
        &self,
        metadata: &IndexMetadata,
        change: SettingsChange<'_>,
    ) -> Result<Map<String, Value>, ApiError> {
        let next = changed(&self.name, &metadata.settings, change, metadata.is_closed)?;
        if metadata.is_closed {
            // Opened again, its documents are analyzed by what is set then.
            let analysis = IndexSettings::read_stored(&next)?.analysis;
            parse_mapping(&metadata.mapping)?.check_analysis(&analysis)?;
        }
        Ok(next)
    }

    /// Has a change of what the index is agreed on; `next` says what it becomes, or nothing where it is so already. Whether
    /// anything changed.
    fn change(
        &self,
        next: impl Fn(&IndexMetadata) -> Result<Option<Change>, ApiError>,
    ) -> Result<bool, Unchanged> {
        for _ in 0..CHANGE_ROUNDS_MAX {
            let seen = self.metadata.lock().clone();
            let Some((parts, copies)) = next(&seen).map_err(Unchanged::Wrong)? else { return Ok(false) };
            let (id, seen) = (IndexId(self.uuid.clone()), seen.version);
            let (replicas, filters, allocation) = match copies {
                Some(copies) => (Some(copies.replicas), Some(copies.filters), Some(copies.allocation)),
                None => (None, None, None),
            };
            let command = Command::ChangeIndex { id, seen, parts, replicas, filters, allocation };
            match self.agreement.agree(command) {
                Ok(()) => return Ok(true),
                // Another node has changed the index: what it is now was followed before this was said.
                Err(Disagreement::Refused(Refusal::Changed { .. })) => {}
                Err(Disagreement::Refused(Refusal::NoIndex(_))) => {
                    return Err(Unchanged::Wrong(ApiError::no_index(&self.name)));
                }
                Err(Disagreement::Refused(refusal)) => return Err(Unchanged::Failed(refusal.to_string())),
                Err(Disagreement::Failed(error)) => return Err(Unchanged::Failed(error.reason)),
            }
        }
        Err(Unchanged::Failed("it kept changing meanwhile; try again".to_owned()))
    }

    /// Every document with a new field meets this as long as the disk is full: the log tells it once.
    fn cannot_grow(&self, error: &str) -> ApiError {
        let reason = format!(
            "the mapping of [{}] cannot grow: {error}; or send documents whose fields are mapped",
            self.name
        );
        if self.stunted.begins() {
            tracing::error!(index = self.name, reason, "documents with new fields are refused");
        }
        self.uncommitted(reason)
    }

    fn uncommitted(&self, reason: String) -> ApiError {
        ApiError::new(503, "failed_to_commit_cluster_state_exception", reason)
            .with("index", self.name.as_str())
            .with("index_uuid", self.uuid.as_str())
    }

    pub(super) fn unwritten(&self, error: &dyn std::fmt::Display) -> ApiError {
        self.uncommitted(format!("{error}; free space on that disk, or mend it, and ask again"))
    }
}
