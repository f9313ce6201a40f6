//! What a copy that is filled gets from the primary here: whether operations will do, files, and operations from then on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::state::{Command, CopyId, ShardId};
use parking_lot::Mutex;
use shard::{EngineError, FilesSnapshot, Flushed, Shard};

use super::feeding::blocking;
use super::keeper::Replication;
use super::leading::Leading;
use super::message::{CatchUp, CatchingUp, File, PieceRequest, Plan, PlanRequest, Verified, VerifyRequest};
use crate::coordination::{read, write};
use crate::error::ApiError;

/// How long files are kept for a copy that asks for none: its node is gone, or it has begun anew.
pub(super) const KEPT_WITHOUT_USE: Duration = Duration::from_secs(60);

/// So few operations are sent whatever the share: they are taken in less time than files are begun.
const ALWAYS_OPERATIONS: u64 = 1_000;

/// The files that are kept for copies which are filled.
#[derive(Default)]
pub(super) struct Sources {
    sessions: Mutex<HashMap<u64, Session>>,
}

struct Session {
    shard: ShardId,
    files: Arc<FilesSnapshot>,
    used: Instant,
}

impl Sources {
    fn begin(&self, shard: ShardId, files: FilesSnapshot) -> u64 {
        let number = rand::random();
        let session = Session { shard, files: Arc::new(files), used: Instant::now() };
        self.sessions.lock().insert(number, session);
        number
    }

    fn files(&self, session: u64) -> Result<Arc<FilesSnapshot>, ApiError> {
        let mut sessions = self.sessions.lock();
        let found = sessions.get_mut(&session).ok_or_else(|| {
            let reason = "the files of the copy are not kept any more; begin anew";
            ApiError::new(503, "illegal_index_shard_state_exception", reason)
        })?;
        found.used = Instant::now();
        Ok(Arc::clone(&found.files))
    }

    fn end(&self, session: u64) {
        drop(self.sessions.lock().remove(&session));
    }

    /// The copy here is primary no more, and somebody may want its folder.
    pub(super) fn end_all_of(&self, shard: &ShardId) {
        let is_of = |_: &u64, session: &mut Session| session.shard == *shard;
        // What they hold may take a while to close.
        let ended: Vec<_> = self.sessions.lock().extract_if(is_of).collect();
        drop(ended);
    }

    /// Whether files are still asked for; those are let go of that nobody has asked for in a while.
    fn is_used(&self, session: u64) -> bool {
        let used = self.sessions.lock().get(&session).map(|session| session.used.elapsed());
        let is_used = used.is_some_and(|since| since < KEPT_WITHOUT_USE);
        if !is_used {
            self.end(session);
        }
        is_used
    }
}

impl Replication {
    /// Says how a copy is filled.
    pub(super) async fn plan(self: &Arc<Self>, body: &Bytes) -> Result<Bytes, ApiError> {
        let request: PlanRequest = read(body)?;
        let leading = self.asked(&request.shard)?;
        if let Some(before) = request.before {
            self.let_go_of(&leading, &request, before).await?;
        }
        let (copy, local, of) = (request.copy, request.local, Arc::clone(&leading));
        let planned = blocking(move || {
            let shard = of.stored.shard()?;
            // From here on what comes after the files is kept.
            of.stored.keep_history(true);
            let (threshold, now) = (of.stored.file_based_threshold(), of.stored.now_millis());
            let chosen = choose(&shard, local, threshold, now)?;
            Ok((chosen, of.feeds(copy)))
        });
        let snapshot = match planned.await? {
            (None, _) => return Ok(write(&Plan::Operations)),
            // Files would take from it what it has told to have.
            (Some(_), true) => return Ok(write(&Plan::Anew)),
            (Some(snapshot), false) => snapshot,
        };
        let files = snapshot.files.iter().map(|file| File {
            name: file.name.clone(),
            bytes: file.bytes,
            checksum: file.checksum,
        });
        let files = files.collect();
        let session = self.sources.begin(request.shard, snapshot);
        if leading.is_over() {
            // Whoever ended it has ended its sessions before there was this one.
            self.sources.end(session);
            return Err(leading.unavailable("its primary is another one"));
        }
        let replication = Arc::clone(self);
        tokio::spawn(async move {
            while replication.sources.is_used(session) {
                tokio::time::sleep(KEPT_WITHOUT_USE / 2).await;
            }
        });
        Ok(write(&Plan::Files { session, files }))
    }

    /// A node wants to take apart what it had of an older copy: nothing may count on that any more.
    async fn let_go_of(
        &self,
        leading: &Leading,
        request: &PlanRequest,
        before: CopyId,
    ) -> Result<(), ApiError> {
        let map = self.outside.map();
        let is_counted_on = map
            .shard(&request.shard)
            .is_some_and(|copies| !copies.may_take_apart(before) && !copies.present().contains_key(&before));
        if !is_counted_on {
            return Ok(());
        }
        let (shard, term) = (request.shard.clone(), leading.term);
        let command = Command::DropCopy { shard, copy: before, term };
        self.outside.agree(command).await.map_err(|error| {
            leading.unavailable(&format!("the map does not let go of copy {before}: {error:?}"))
        })
    }

    /// A part of a file.
    pub(super) async fn piece(&self, body: &Bytes) -> Result<Bytes, ApiError> {
        let request: PieceRequest = read(body)?;
        let files = self.sources.files(request.session)?;
        blocking(move || Ok(files.read(&request.name, request.offset, request.length as usize)?.into())).await
    }

    /// Looks at a file that was not what was announced when it came.
    pub(super) async fn verify(&self, body: &Bytes) -> Result<Bytes, ApiError> {
        let VerifyRequest { session, name } = read(body)?;
        let files = self.sources.files(session)?;
        let damage = blocking(move || Ok(files.damage(&name)?)).await?;
        Ok(write(&Verified { damage: damage.map(|damage| damage.to_string()) }))
    }

    /// A copy gets every operation from now on.
    pub(super) async fn catch_up(&self, body: &Bytes) -> Result<Bytes, ApiError> {
        let CatchUp { shard, copy, local, session } = read(body)?;
        if let Some(session) = session {
            self.sources.end(session);
        }
        let leading = self.asked(&shard)?;
        // The copy may have been named since this node has followed the map.
        leading.take_map().await;
        if session.is_some() {
            leading.check_not_fed(copy)?;
        }
        let before = blocking(move || leading.begin_catching_up(copy, local)).await?;
        Ok(write(&CatchingUp { before }))
    }

    fn asked(&self, shard: &ShardId) -> Result<Arc<Leading>, ApiError> {
        self.roles.leading(shard).ok_or_else(|| {
            let reason = format!("this node does not have the primary of shard {shard} yet, or any more");
            ApiError::new(503, "illegal_index_shard_state_exception", reason)
        })
    }
}

/// The files that a copy is filled from which has everything up to `local`; none if operations will do.
fn choose(
    shard: &Shard,
    local: i64,
    threshold: f64,
    now_millis: i64,
) -> Result<Option<FilesSnapshot>, ApiError> {
    let reaches_back = i64::try_from(shard.history_from()).is_ok_and(|from| from <= local.saturating_add(1));
    let lacks = |up_to: i64| u64::try_from(up_to.saturating_sub(local)).unwrap_or(0);
    if let Some(damage) = shard.damage() {
        // Operations have checksums of their own in the translog.
        return if reaches_back { Ok(None) } else { Err(damaged(&damage)) };
    }
    let documents = shard.stats().documents;
    if reaches_back && !is_better_by_files(lacks(shard.max_seq_no()), documents, threshold) {
        return Ok(None);
    }
    // The newer the files, the less is left to be sent as operations.
    let flushed = shard.flush(now_millis)?;
    if flushed == Flushed::MustRollBack {
        return Err(EngineError::MustRollBack.into());
    }
    match shard.snapshot_files(now_millis) {
        // Files that are far behind spare little.
        Ok(files) if reaches_back && !is_better_by_files(lacks(files.max_seq_no), documents, threshold) => {
            Ok(None)
        }
        Ok(files) => Ok(Some(files)),
        Err(EngineError::NotCommitted { .. }) if reaches_back => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Why no files are given: whoever clears its own for them would get nothing better.
fn damaged(damage: &str) -> ApiError {
    let reason = format!("the primary has damaged files and gives none to another copy: {damage}");
    ApiError::new(500, "corrupt_index_exception", reason)
}

/// Whether files cost less than so many operations, each of which is indexed again.
fn is_better_by_files(operations: u64, documents: u64, threshold: f64) -> bool {
    operations > ALWAYS_OPERATIONS && operations as f64 > documents as f64 * threshold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_for_those_that_lack_much() {
        for (operations, documents, is_by_files) in [
            (0, 0, false),
            (ALWAYS_OPERATIONS, 0, false),
            (ALWAYS_OPERATIONS + 1, 0, true),
            (ALWAYS_OPERATIONS + 1, 20_000, false),
            (5_000, 20_000, true),
            (1_000_000, 20_000_000, false),
            (3_000_000, 20_000_000, true),
        ] {
            let seen = is_better_by_files(operations, documents, 0.1);
            assert_eq!(seen, is_by_files, "{operations} of {documents}");
        }
        assert!(is_better_by_files(ALWAYS_OPERATIONS + 1, 1 << 40, 0.0));
        assert!(!is_better_by_files(1 << 40, 1, f64::MAX));
    }
}
