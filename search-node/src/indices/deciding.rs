//! Changes that are decided upon the map and agreed on by all nodes: aliases, templates, indices that go.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::state::{ClusterState, Command, IndexId};

use super::agreed_names::AgreedNames;
use super::agreement::Disagreement;
use super::alias_changes::{AliasAction, change_aliases};
use super::guard::Guard;
use super::index::Index;
use super::registry::Indices;
use super::stream_changes::deleted_indices;
use super::templates::{NewTemplate, TemplateKind, delete_templates, put_template};
use crate::error::ApiError;

/// Others can change names and templates again and again while a request wants to. Who was refused so often waits a little before
/// it decides again, longer each time and never as long as others do.
const ROUNDS_AT_ONCE: u32 = 3;
const PAUSE_MAX: Duration = Duration::from_millis(100);

impl Indices {
    /// Changes aliases, and deletes indices in the same step.
    pub(crate) fn change_aliases(&self, actions: &[AliasAction]) -> Result<(), ApiError> {
        self.agree_upon(None, |map| Ok((change_aliases(map, actions)?, ())))
    }

    /// Keeps a template; `is_new` refuses to replace one.
    pub(crate) fn put_template(
        &self,
        name: &str,
        template: &NewTemplate,
        is_new: bool,
    ) -> Result<(), ApiError> {
        self.agree_upon(None, |map| Ok((put_template(map, name, template, is_new)?, ())))
    }

    /// Deletes the templates of a kind that an expression names.
    pub(crate) fn delete_templates(&self, kind: TemplateKind, expression: &str) -> Result<(), ApiError> {
        self.agree_upon(None, |map| Ok((delete_templates(map, kind, expression)?, ())))
    }

    /// Deletes indices, all of them or none. The write index of a data stream goes only with the stream.
    pub fn delete(&self, indices: &[Arc<Index>]) -> Result<(), ApiError> {
        self.agree_upon(None, |map| {
            let ids: Vec<IndexId> = indices.iter().map(|index| IndexId(index.uuid.clone())).collect();
            // Somebody else may have deleted one meanwhile.
            let there = ids.iter().filter(|id| map.indices.contains_key(*id));
            let mut commands = deleted_indices(map, &AgreedNames::of(map), there)?;
            if !commands.is_empty() {
                commands.insert(0, Guard::Names.changed(map));
            }
            Ok((commands, ()))
        })
    }

    /// Has agreed on what is decided upon the map, and decides again where that has changed meanwhile. `made` is the index that is
    /// to be made, if one is.
    pub(super) fn agree_upon<T>(
        &self,
        made: Option<&str>,
        decide: impl Fn(&ClusterState) -> Result<(Vec<Command>, T), ApiError>,
    ) -> Result<T, ApiError> {
        let deadline = Instant::now() + self.agreement.within();
        let mut last = None;
        let mut rounds = 0;
        while Instant::now() < deadline {
            std::thread::sleep(pause(rounds));
            rounds += 1;
            let map = self.agreement.map();
            let decided = decide(&map);
            if !matches!(&decided, Ok((commands, _)) if !commands.is_empty()) {
                // It has been told of what this node may not follow yet.
                self.agreement.wait_caught_up(map.version);
                return decided.map(|(_, outcome)| outcome);
            }
            let (commands, outcome) = decided?;
            match self.agreement.agree(Command::Several(commands)) {
                Ok(()) => return Ok(outcome),
                // Somebody else was faster; what they did is followed before this was said.
                Err(Disagreement::Refused(refusal)) => last = Some(refusal.to_string()),
                Err(Disagreement::Failed(error)) => return Err(failed(made, error)),
            }
        }
        let reason = format!("it kept changing meanwhile: {}; try again", last.unwrap_or_default());
        Err(failed(made, ApiError::new(503, "failed_to_commit_cluster_state_exception", reason)))
    }
}

/// How long to wait after so many rounds.
fn pause(rounds: u32) -> Duration {
    if rounds < ROUNDS_AT_ONCE {
        return Duration::ZERO;
    }
    let longest = Duration::from_millis(1 << rounds.min(10)).min(PAUSE_MAX);
    let chance = RandomState::new().build_hasher().finish() % 1024;
    longest.mul_f64(0.5 + chance as f64 / 2048.0)
}

fn failed(made: Option<&str>, error: ApiError) -> ApiError {
    match made {
        None => error,
        Some(name) => {
            let reason = format!("index [{name}] cannot be made: {}", error.reason);
            ApiError { reason, ..error }.with("index", name)
        }
    }
}
