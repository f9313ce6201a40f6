//! A run of writes to one index: each shard is looked up once, and its newest write is known.

use std::sync::Arc;

use shard::mapping::{Mapping, check_document};
use shard::{EngineError, Shard, WriteOutcome, WriteRequest, WriteRun, Written};

use super::index::Index;
use crate::error::ApiError;

/// A document can bring new fields again and again while others add some too; more rounds than this are no race.
const MAPPING_ROUNDS_MAX: usize = 16;

/// A run of writes to one index.
pub(crate) struct IndexRun {
    index: Arc<Index>,
    shards: Vec<Option<ShardRun>>,
}

struct ShardRun {
    place: Arc<Place>,
    run: WriteRun,
    newest: Option<Written>,
}

/// Where a document was written to.
pub(crate) struct Place {
    pub(crate) index: Arc<Index>,
    pub(crate) shard: Arc<Shard>,
}

impl IndexRun {
    pub(crate) fn new(index: Arc<Index>) -> Self {
        let shards = (0..index.number_of_shards()).map(|_| None).collect();
        Self { index, shards }
    }

    pub(crate) fn index(&self) -> &Arc<Index> {
        &self.index
    }

    /// Where a document belongs.
    pub(crate) fn place(&mut self, id: &str, routing: Option<&str>) -> Result<Arc<Place>, ApiError> {
        Ok(Arc::clone(&self.shard_run(id, routing)?.place))
    }

    /// Does one write, growing the mapping as the document asks. It is not durable yet.
    pub(crate) fn write(&mut self, request: &WriteRequest<'_>) -> Result<(Written, Arc<Place>), ApiError> {
        if self.index.settings().is_write_blocked {
            let name = &self.index.name;
            let reason = format!("index [{name}] blocked by: [FORBIDDEN/8/index write (api)];");
            return Err(ApiError::new(403, "cluster_block_exception", reason).with("index", name.as_str()));
        }
        self.index.check_room()?;
        for _ in 0..MAPPING_ROUNDS_MAX {
            let shard = self.shard_run(request.id, request.routing)?;
            match shard.run.write(request) {
                Ok(WriteOutcome::Written(written)) => {
                    shard.newest = Some(written);
                    return Ok((written, Arc::clone(&shard.place)));
                }
                Ok(WriteOutcome::NeedsMapping(added)) => {
                    self.check_under(&added, request)?;
                    self.index.add_mapping(&added)?;
                }
                Err(error @ EngineError::VersionConflict { .. }) => {
                    return Err(self.index.name_in(error.into(), request.id, request.routing));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(ApiError::new(
            503,
            "process_cluster_event_timeout_exception",
            format!(
                "the mapping of [{}] kept changing while document [{}] was written; try again",
                self.index.name, request.id
            ),
        ))
    }

    /// Whether anything was written.
    pub(crate) fn has_written(&self) -> bool {
        self.shards.iter().flatten().any(|shard| shard.newest.is_some())
    }

    /// Makes every write durable, unless the index does so by the clock. Gives the places where that failed.
    pub(crate) fn sync(&self) -> impl Iterator<Item = (Arc<Place>, ApiError)> + '_ {
        let is_due = self.index.settings().durability_request;
        self.shards.iter().flatten().filter(move |_| is_due).filter_map(|shard| {
            let newest = shard.newest.as_ref()?;
            let error = shard.place.shard.sync(newest).err()?;
            tracing::error!(index = self.index.name, %error, "the outcome of writes is unknown: they could not be synced");
            Some((Arc::clone(&shard.place), ApiError::from(error).with("outcome", "unknown")))
        })
    }

    fn shard_run(&mut self, id: &str, routing: Option<&str>) -> Result<&mut ShardRun, ApiError> {
        let at = match self.shards.len() {
            1 => 0,
            _ => self.index.shard_of(id, routing),
        };
        match &mut self.shards[at] {
            Some(shard) => Ok(shard),
            none => {
                let shard = self.index.shard_to_write(id, routing)?;
                let run = shard.run();
                let place = Arc::new(Place { index: Arc::clone(&self.index), shard });
                Ok(none.insert(ShardRun { place, run, newest: None }))
            }
        }
    }

    /// A document that is refused must not leave its fields behind: it is read under the longer mapping first.
    fn check_under(&self, added: &Mapping, request: &WriteRequest<'_>) -> Result<(), ApiError> {
        let Some(source) = request.source else { return Ok(()) };
        let next = Arc::new(self.index.mapping().merge(added)?);
        self.index.settings().limits.check(&next)?;
        Ok(check_document(next, request.id, source)?)
    }
}
