//! A run of writes to one index: each shard is looked up once, and its newest write is known.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use shard::mapping::{Mapping, check_document};
use shard::{EngineError, Shard, WriteOutcome, WriteRequest, WriteRun, Written};

use super::blocks::Level;
use super::index::Index;
use crate::error::ApiError;
use crate::replication::{Acknowledged, ActiveWait, Batch, Leading};
use crate::slow_log::Timed;

/// A document can bring new fields again and again while others add some too; more rounds than this are no race.
const MAPPING_ROUNDS_MAX: usize = 16;

/// A run of writes to one index.
pub(crate) struct IndexRun {
    index: Arc<Index>,
    shards: Vec<Option<ShardRun>>,
    /// How many copies have to be there before anything is written.
    active: ActiveWait,
    /// The shards that had too few copies: each was waited for once.
    inactive: HashMap<usize, ApiError>,
    /// The place of which the client will be told by the last write.
    told: Option<Arc<Place>>,
}

struct ShardRun {
    place: Arc<Place>,
    run: WriteRun,
    newest: Option<Written>,
    /// Where writes are registered, so that they get to the other copies; none where nobody says who is primary.
    leading: Option<Arc<Leading>>,
    /// What has not been registered yet.
    batch: Batch,
    /// Why the writes are not done.
    failed: Option<ApiError>,
    /// The newest operation of which the client will be told.
    told: Option<i64>,
}

/// Where a document was written to.
pub(crate) struct Place {
    pub(crate) index: Arc<Index>,
    pub(crate) shard: Arc<Shard>,
    acknowledged: OnceLock<Acknowledged>,
}

impl Place {
    /// How many copies there should be, and how many have what was written.
    pub(crate) fn acknowledged(&self) -> Acknowledged {
        self.acknowledged.get().copied().unwrap_or(Acknowledged { total: 1, successful: 1 })
    }
}

impl Drop for ShardRun {
    fn drop(&mut self) {
        // A request that ends early leaves no operation behind that other copies lack.
        if let Some(leading) = &self.leading {
            leading.abandon(std::mem::take(&mut self.batch));
        }
    }
}

impl IndexRun {
    pub(crate) fn new(index: Arc<Index>) -> Self {
        let shards = (0..index.number_of_shards()).map(|_| None).collect();
        Self { index, shards, active: ActiveWait::default(), inactive: HashMap::new(), told: None }
    }

    /// The same once so many copies are there.
    pub(crate) fn with_active(index: Arc<Index>, active: ActiveWait) -> Self {
        Self { active, ..Self::new(index) }
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
        self.index.check_block(Level::Write)?;
        self.index.check_room()?;
        for _ in 0..MAPPING_ROUNDS_MAX {
            let shard = self.shard_run(request.id, request.routing)?;
            let admitted = match &shard.leading {
                None => None,
                Some(leading) => match leading.admit_one(&shard.batch)? {
                    Some(admitted) => Some(admitted),
                    None => {
                        let leading = Arc::clone(leading);
                        // A hand-over waits for what was numbered, perhaps that of another shard.
                        self.send();
                        leading.wait_open()?;
                        continue;
                    }
                },
            };
            // Looked at again once it is let in: whoever has blocked the index waits for what was let in before, and for nothing else.
            shard.place.index.check_block(Level::Write)?;
            let timed = Timed::write(&shard.place.index);
            match shard.run.write(request) {
                Ok(WriteOutcome::Written(written)) => {
                    timed.end_write(&shard.place.index, request.id, request.routing, request.source);
                    shard.newest = Some(written);
                    if let Some(admitted) = admitted {
                        shard.batch.push(admitted, request, &written);
                    }
                    return Ok((written, Arc::clone(&shard.place)));
                }
                Ok(WriteOutcome::NeedsMapping(added)) => {
                    let grown =
                        self.check_under(&added, request).and_then(|()| self.index.grow_mapping(&added));
                    match grown {
                        // Others took the last room: read under what it is now, the document leaves the rest out.
                        Err(_) if self.leaves_out(&added) => self.index.tell_shards(&self.index.mapping())?,
                        grown => grown?,
                    }
                }
                Err(error @ EngineError::VersionConflict { .. }) => {
                    drop(admitted);
                    self.tell(request.uid, request.id, request.routing)?;
                    return Err(self.index.name_in(error.into(), request.id, request.routing));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(ApiError::not_settled(format!(
            "the mapping of [{}] kept changing while document [{}] was written; try again",
            self.index.name, request.id
        )))
    }

    /// The client will be told how a document is, though nothing was written: a conflict, or that there is nothing to change, says
    /// that another write was done, and that none is newer. [`Self::confirm`] waits for that.
    pub(crate) fn tell(&mut self, uid: &str, id: &str, routing: Option<&str>) -> Result<(), ApiError> {
        let shard = self.shard_run(id, routing)?;
        // Whatever has deleted it is not newer than everything.
        let found = shard.place.shard.get(uid)?;
        let seq_no = found.map_or_else(|| shard.place.shard.max_seq_no(), |stored| stored.seq_no as i64);
        shard.told = Some(shard.told.map_or(seq_no, |told| told.max(seq_no)));
        let place = Arc::clone(&shard.place);
        self.told = Some(place);
        Ok(())
    }

    /// The place of which the client will be told by the write before.
    pub(crate) fn take_told(&mut self) -> Option<Arc<Place>> {
        self.told.take()
    }

    /// Whether anything was written.
    pub(crate) fn has_written(&self) -> bool {
        self.shards.iter().flatten().any(|shard| shard.newest.is_some())
    }

    /// Makes every write durable, unless the index does so by the clock, and waits until every copy that counts has it. Gives the
    /// places where that failed.
    #[cfg(test)]
    pub(crate) fn sync(&mut self) -> Vec<(Arc<Place>, ApiError)> {
        self.send();
        self.sync_here();
        self.wait()
    }

    /// Sends what was written to the other copies.
    pub(crate) fn send(&mut self) {
        for shard in self.shards.iter_mut().flatten() {
            if let Some(leading) = &shard.leading
                && shard.batch.is_waiting()
            {
                leading.register(&mut shard.batch);
            }
        }
    }

    /// Makes every write durable here, unless the index does so by the clock and nobody else has it.
    pub(crate) fn sync_here(&mut self) {
        let is_due = self.index.settings().durability_request;
        for shard in self.shards.iter_mut().flatten() {
            // What other copies count on is on the disk.
            let is_due = is_due || shard.leading.as_ref().is_some_and(|leading| leading.has_others());
            let synced = match (&shard.newest, shard.told) {
                // What somebody is told of must not be gone after a crash either.
                (_, Some(_)) if is_due => shard.place.shard.sync_all(),
                (Some(newest), None) if is_due => shard.place.shard.sync(newest),
                _ => Ok(()),
            };
            match synced {
                Ok(()) => {
                    if let Some(leading) = &shard.leading {
                        leading.is_on_own_disk(&shard.batch);
                    }
                }
                Err(error) => {
                    tracing::error!(index = self.index.name, %error, "the outcome of writes is unknown: they could not be synced");
                    shard.failed = Some(ApiError::from(error).with("outcome", "unknown"));
                }
            }
        }
    }

    /// Waits until every copy that counts has what was written. Gives the places where that failed, here or elsewhere.
    pub(crate) fn wait(&mut self) -> Vec<(Arc<Place>, ApiError)> {
        let least = self.index.settings().min_in_sync;
        let mut failed = Vec::new();
        for shard in self.shards.iter_mut().flatten() {
            let batch = std::mem::take(&mut shard.batch);
            let outcome = match (shard.failed.take(), &shard.leading) {
                (Some(error), _) => Err(error),
                (None, Some(leading)) if !batch.is_empty() => leading.wait(&batch, least).map(Some),
                (None, _) => Ok(None),
            };
            match outcome {
                Ok(acknowledged) => {
                    // It is told once for a request.
                    let _is_new = acknowledged.map(|told| shard.place.acknowledged.set(told));
                }
                Err(error) => failed.push((Arc::clone(&shard.place), error)),
            }
        }
        failed
    }

    /// Waits until the client may be told what it will be told. Gives the places where it may not.
    pub(crate) fn confirm(&mut self) -> Vec<(Arc<Place>, ApiError)> {
        let mut refused = Vec::new();
        for shard in self.shards.iter_mut().flatten() {
            if let (Some(seq_no), Some(leading)) = (shard.told.take(), &shard.leading)
                && let Err(error) = leading.confirm_here(seq_no)
            {
                refused.push((Arc::clone(&shard.place), error));
            }
        }
        refused
    }

    fn shard_run(&mut self, id: &str, routing: Option<&str>) -> Result<&mut ShardRun, ApiError> {
        let at = match self.shards.len() {
            1 => 0,
            _ => self.index.shard_of(id, routing),
        };
        if let Some(error) = self.inactive.get(&at) {
            return Err(error.clone());
        }
        match &mut self.shards[at] {
            Some(shard) => Ok(shard),
            none => {
                let (shard, leading) = self.index.shard_to_write(id, routing)?;
                if let Some(leading) = &leading {
                    let active = self.active.of_index(self.index.settings().active);
                    if !active.is_usual() {
                        leading.wait_active(active).inspect_err(|error| {
                            self.inactive.insert(at, error.clone());
                        })?;
                    }
                    leading.check_in_sync(self.index.settings().min_in_sync)?;
                }
                let run = shard.run();
                let index = Arc::clone(&self.index);
                let place = Arc::new(Place { index, shard, acknowledged: OnceLock::new() });
                let batch = Batch::default();
                Ok(none.insert(ShardRun {
                    place,
                    run,
                    newest: None,
                    leading,
                    batch,
                    failed: None,
                    told: None,
                }))
            }
        }
    }

    /// Whether the mapping has no room for these fields, and documents are forgiven that.
    fn leaves_out(&self, added: &Mapping) -> bool {
        let settings = self.index.settings();
        let next = || self.index.mapping().grown(added).ok();
        settings.ignore_dynamic_beyond_limit
            && next().is_some_and(|next| !settings.limits.has_room_for(&next))
    }

    /// A document that is refused must not leave its fields behind: it is read under the longer mapping first.
    fn check_under(&self, added: &Mapping, request: &WriteRequest<'_>) -> Result<(), ApiError> {
        let Some(source) = request.source else { return Ok(()) };
        let current = self.index.mapping();
        let next = Arc::new(current.grown(added)?);
        self.index.settings().limits.check(&next)?;
        next.check_links_after(&current)?;
        self.index.settings().routing.check_mapping(&self.index.name, &next)?;
        Ok(check_document(next, request.id, request.routing.is_some(), source)?)
    }
}
