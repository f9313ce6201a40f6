//! A copy that is filled here: from files first, if the primary's history does not reach back to what this node has, and then from
//! operations, which the primary sends by itself.
//!
//! ```text
//!  what an older copy left here ─┐
//!  nothing ──────────────────────┴─▶ plan ──▶ files ──▶ caught up with ──▶ in sync, says the map
//!                                      └── operations ──────┘
//! ```
//!
//! Whatever fails is begun anew after a pause; a copy that fails again and again is told to the map.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::state::{CopyId, NodeId, ShardCopies, ShardId};
use daemon::CancellationToken;
use futures::StreamExt;
use futures::stream;
use shard::{EngineError, FileInfo, FilesReceiver};
use transport::Lane;

use super::feeding::blocking;
use super::keeper::Replication;
use super::message::{CatchUp, CatchingUp, File, PieceRequest, Plan, PlanRequest, Verified, VerifyRequest};
use super::progress::{Portion, RecoveryStage};
use super::source::KEPT_WITHOUT_USE;
use crate::coordination::{Action, Fault, fault_of, read, write};
use crate::error::ApiError;
use crate::indices::Index;

/// How much of a file is asked for at once, as in Elasticsearch.
const PIECE_BYTES: u64 = 512 << 10;
/// Pauses before a copy is begun anew: the primary may just begin.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long a copy that gets everything waits to be in sync before it asks again: its primary may have let go of it.
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// How often a copy is begun before the map is told that it has failed.
const TRIES_MAX: u32 = 10;

/// How the filling of a copy stands.
#[derive(Debug, Default)]
pub(super) struct Filling {
    failures: u32,
    /// The term of the primary that sends it everything, and when it said so last.
    fed_in: Option<(u64, Instant)>,
}

impl Filling {
    /// How long to wait before it is begun anew.
    pub(super) fn pause(&self) -> Duration {
        PAUSE.saturating_mul(1 << self.failures.min(5)).min(PAUSE_MAX)
    }
}

/// What came of filling a copy.
enum Filled {
    /// It gets every operation from now on.
    Fed,
    /// It cannot go on under its name.
    Anew,
}

/// One copy that is filled, and from where.
pub(super) struct Target<'a> {
    pub(super) index: &'a Arc<Index>,
    pub(super) shard: &'a ShardId,
    pub(super) copy: CopyId,
    pub(super) term: u64,
    pub(super) source: NodeId,
}

/// Files that a primary keeps for a copy.
struct Session {
    number: u64,
    /// The primary does not say any more that it keeps them.
    lost: CancellationToken,
}

impl Replication {
    /// Has a copy filled. Gives whether all goes well.
    pub(super) async fn fill(
        self: &Arc<Self>,
        index: &Arc<Index>,
        shard: &ShardId,
        copy: CopyId,
        copies: &ShardCopies,
        filling: &mut Filling,
    ) -> bool {
        let primary = copies.primary().filter(|primary| copies.in_sync().contains(primary));
        let Some(source) = primary.and_then(|primary| copies.present().get(&primary)) else { return false };
        let following = self.roles.following(shard, copy);
        if let Some(reason) = following.as_ref().and_then(|following| following.failed()) {
            self.fail(shard, copy, copies.term(), reason).await;
            return false;
        }
        let target = Target { index, shard, copy, term: copies.term(), source: source.node };
        if let (Some((term, asked)), Some(following)) = (filling.fed_in, following)
            && term == target.term
        {
            if asked.elapsed() < ASK_AGAIN {
                return true;
            }
            let local = following.local();
            let request = CatchUp { shard: shard.clone(), copy, local, session: None };
            let told = self.ask::<CatchingUp>(&target, Action::CopyCatchUp, &request).await;
            filling.fed_in = told.is_ok().then(|| (term, Instant::now()));
            return told.is_ok();
        }
        match self.try_to_fill(&target, copies).await {
            Ok(Filled::Anew) => {
                let details = "its primary counts on what it has no more, so another one begins".to_owned();
                self.fail(shard, copy, target.term, details).await;
                false
            }
            Ok(Filled::Fed) => {
                *filling = Filling { failures: 0, fed_in: Some((target.term, Instant::now())) };
                true
            }
            Err(error) => {
                filling.failures += 1;
                tracing::debug!(%shard, %copy, reason = error.reason, "a copy is not filled yet; it is begun anew");
                if filling.failures >= TRIES_MAX {
                    filling.failures = 0;
                    let details = format!("it could not be filled: {}", error.reason);
                    self.fail(shard, copy, target.term, details).await;
                }
                false
            }
        }
    }

    async fn try_to_fill(
        self: &Arc<Self>,
        target: &Target<'_>,
        copies: &ShardCopies,
    ) -> Result<Filled, ApiError> {
        let Target { index, shard, copy, .. } = *target;
        let begun = self.stored(index, shard).now_millis();
        self.recoveries.begin(shard, copy, target.source, begun);
        if let Some(before) = index.held_copy(shard.number).filter(|held| *held != copy) {
            self.take_over(target, before, copies).await?;
        }
        let is_held = index.held_copy(shard.number) == Some(copy);
        let local = if is_held { self.following(index, shard, copy).await?.local() } else { -1 };
        let plan = self.ask_plan(target, None, local).await?;
        let mut files_of = None;
        match plan {
            Plan::Operations if is_held => {}
            Plan::Anew => return Ok(Filled::Anew),
            Plan::Operations => {
                self.check_here(target)?;
                let (index, number) = (Arc::clone(index), shard.number);
                blocking(move || index.make_empty(number, copy)).await?;
            }
            Plan::Files { session, files } => {
                self.receive(target, session, files).await?;
                files_of = Some(session);
            }
        }
        let following = self.following(index, shard, copy).await?;
        let local = following.local();
        let request = CatchUp { shard: shard.clone(), copy, local, session: files_of };
        let told: CatchingUp = self.ask(target, Action::CopyCatchUp, &request).await?;
        self.recoveries.expect(shard, copy, local + 1, told.before);
        Ok(Filled::Fed)
    }

    /// The folder is this copy's as long as the map has it here; looked at right before the folder changes.
    fn check_here(&self, target: &Target<'_>) -> Result<(), ApiError> {
        let map = self.followed();
        let here = map.shard(target.shard).and_then(|copies| copies.on(self.outside.own()));
        if here == Some(target.copy) { Ok(()) } else { Err(let_go(target)) }
    }

    /// Makes the copy out of what this node has of an older one, as far as all copies are equal; or else nothing is kept of that.
    async fn take_over(
        self: &Arc<Self>,
        target: &Target<'_>,
        before: CopyId,
        copies: &ShardCopies,
    ) -> Result<(), ApiError> {
        let Target { index, shard, copy, .. } = *target;
        if !copies.may_take_apart(before) {
            // Nobody may count on what is going to be taken apart.
            self.ask_plan(target, Some(before), i64::MAX).await?;
            let map = self.outside.map();
            if map.shard(shard).is_none_or(|copies| !copies.may_take_apart(before)) {
                let reason =
                    format!("the map still counts on copy {before}, which this node would take apart");
                return Err(ApiError::new(503, "illegal_index_shard_state_exception", reason));
            }
        }
        self.check_here(target)?;
        self.end_roles(shard);
        let (index, number, keeps) = (Arc::clone(index), shard.number, copies.is_of_this_history(before));
        blocking(move || {
            let taken = if keeps { index.take_apart(number, before, copy) } else { Ok(false) };
            match taken {
                Ok(true) => Ok(()),
                Ok(false) => index.release_copy(number),
                Err(error) => {
                    tracing::warn!(
                        index = index.name,
                        number,
                        reason = error.reason,
                        "what an older copy left cannot be used; the copy is filled from the beginning"
                    );
                    index.release_copy(number)
                }
            }
        })
        .await
    }

    async fn ask_plan(
        &self,
        target: &Target<'_>,
        before: Option<CopyId>,
        local: i64,
    ) -> Result<Plan, ApiError> {
        let request = PlanRequest { shard: target.shard.clone(), copy: target.copy, before, local };
        self.ask(target, Action::CopyPlan, &request).await
    }

    /// Gets the files of the shard from the primary, which keeps them for as long as that takes.
    pub(super) async fn receive(
        self: &Arc<Self>,
        target: &Target<'_>,
        session: u64,
        files: Vec<File>,
    ) -> Result<(), ApiError> {
        let Some(first) = files.first().map(|file| file.name.clone()) else {
            return Err(ApiError::internal("the primary has named no files"));
        };
        let session = Session { number: session, lost: CancellationToken::new() };
        tokio::select! {
            received = self.receive_kept(target, &session, files) => received,
            // Without end: what is under way on the disk here is not left in its midst.
            never = self.keep_session(target, &session, first) => match never {},
        }
    }

    /// Has the primary keep the files also while nothing is asked for: while pieces wait for their turn, or large files are read
    /// through here.
    async fn keep_session(&self, target: &Target<'_>, session: &Session, name: String) -> Infallible {
        let nothing = PieceRequest { session: session.number, name, offset: 0, length: 0 };
        loop {
            tokio::time::sleep(KEPT_WITHOUT_USE / 3).await;
            if let Err(error) = self.ask_bytes(target, Action::CopyPiece, &nothing).await {
                tracing::debug!(shard = %target.shard, reason = error.reason, "a primary does not say that it keeps files");
                session.lost.cancel();
            }
        }
    }

    async fn receive_kept(
        self: &Arc<Self>,
        target: &Target<'_>,
        session: &Session,
        files: Vec<File>,
    ) -> Result<(), ApiError> {
        let Target { index, shard, copy, term, .. } = *target;
        self.check_here(target)?;
        self.end_roles(shard);
        let files: Vec<FileInfo> = files
            .into_iter()
            .map(|file| FileInfo { name: file.name, bytes: file.bytes, checksum: file.checksum })
            .collect();
        let all = Portion { total: files.len() as u64, ..Portion::default() };
        let total: u64 = files.iter().map(|file| file.bytes).sum();
        let (released, number) = (Arc::clone(index), shard.number);
        let mut receiver = blocking(move || {
            released.release_copy(number)?;
            let begun = FilesReceiver::begin(released.disk(), &released.shard_folder(number), &files);
            begun.map_err(|error| released.folder_fault(error))
        })
        .await?;
        let missing = receiver.missing();
        let wanted: u64 = missing.iter().map(|file| file.bytes).sum();
        self.recoveries.change(shard, copy, |recovery| {
            recovery.stage = RecoveryStage::Index;
            recovery.is_by_files = true;
            recovery.files = Portion { reused: all.total - missing.len() as u64, ..all };
            recovery.bytes = Portion { total, reused: total - wanted, recovered: 0 };
        });
        for file in missing {
            // A source that cannot read a file says so, and knows by itself what that means.
            receiver = self.receive_file(target, session, receiver, &file).await?;
            self.recoveries.change(shard, copy, |recovery| recovery.files.recovered += 1);
        }
        self.check_here(target)?;
        let finished = blocking(move || Ok(receiver.finish(term))).await?;
        if let Err(EngineError::ForeignFile { name, .. }) = &finished {
            // Whole files are read there for that, so it is asked only where what came is wrong.
            self.check_source(target, session, name).await?;
        }
        finished?;
        let named = Arc::clone(index);
        blocking(move || named.name_copy(number, copy)).await
    }

    /// Fails if a file that came damaged is so at its source, which knows that from now on. Where that cannot be told, what is known
    /// already is what is wrong.
    async fn check_source(&self, target: &Target<'_>, session: &Session, name: &str) -> Result<(), ApiError> {
        let Target { shard, source, .. } = *target;
        let request = VerifyRequest { session: session.number, name: name.to_owned() };
        match self.ask::<Verified>(target, Action::CopyVerify, &request).await {
            Ok(Verified { damage: Some(damage) }) => Err(ApiError::new(
                500,
                "corrupt_index_exception",
                format!("the primary of shard {shard} on node {source} is damaged: {damage}"),
            )),
            Ok(Verified { damage: None }) => Ok(()),
            Err(error) => {
                tracing::debug!(%shard, name, reason = error.reason, "the source of a file could not look at it");
                Ok(())
            }
        }
    }

    async fn receive_file(
        self: &Arc<Self>,
        target: &Target<'_>,
        session: &Session,
        mut receiver: FilesReceiver,
        file: &FileInfo,
    ) -> Result<FilesReceiver, ApiError> {
        // An empty file is one piece of nothing.
        let offsets = (0..file.bytes.max(1)).step_by(PIECE_BYTES as usize);
        let mut pieces = stream::iter(offsets)
            .map(|offset| self.ask_piece(target, session, file, offset))
            .buffered(self.settings.concurrent_pieces);
        while let Some(piece) = pieces.next().await {
            let (offset, bytes) = piece?;
            let (name, length) = (file.name.clone(), bytes.len() as u64);
            receiver = blocking(move || {
                receiver.write(&name, offset, &bytes)?;
                Ok(receiver)
            })
            .await?;
            self.recoveries.change(target.shard, target.copy, |recovery| recovery.bytes.recovered += length);
        }
        Ok(receiver)
    }

    async fn ask_piece(
        &self,
        target: &Target<'_>,
        session: &Session,
        file: &FileInfo,
        offset: u64,
    ) -> Result<(u64, Bytes), ApiError> {
        let length = PIECE_BYTES.min(file.bytes - offset);
        let began = Instant::now();
        tokio::select! {
            () = self.take_turn(length) => {}
            () = self.wait_let_go(target.shard, target.copy) => return Err(let_go(target)),
            () = session.lost.cancelled() => {
                let reason = format!("node {} keeps the files no longer, or cannot be asked", target.source);
                return Err(ApiError::new(503, "illegal_index_shard_state_exception", reason));
            }
        }
        let waited = began.elapsed().as_millis() as u64;
        self.recoveries.change(target.shard, target.copy, |recovery| recovery.throttle_millis += waited);
        let request =
            PieceRequest { session: session.number, name: file.name.clone(), offset, length: length as u32 };
        let bytes = self.ask_bytes(target, Action::CopyPiece, &request).await?;
        if bytes.len() as u64 == length {
            return Ok((offset, bytes));
        }
        Err(ApiError::internal(format!(
            "node {} sent [{}] bytes of [{}] at [{offset}], and [{length}] were asked for",
            target.source,
            bytes.len(),
            file.name
        )))
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        target: &Target<'_>,
        action: Action,
        request: &impl serde::Serialize,
    ) -> Result<T, ApiError> {
        read(&self.ask_bytes(target, action, request).await?)
    }

    async fn ask_bytes(
        &self,
        target: &Target<'_>,
        action: Action,
        request: &impl serde::Serialize,
    ) -> Result<Bytes, ApiError> {
        let body = write(request);
        let call = self.outside.call(target.source, Lane::Recovery, action, body, ANSWER_WITHIN);
        let answer = tokio::select! {
            answer = call => answer,
            // Another copy may be waiting for the folder.
            () = self.wait_let_go(target.shard, target.copy) => return Err(let_go(target)),
        };
        answer.map_err(|error| match fault_of(error) {
            Fault::Failed(error) => error,
            Fault::NotLeader(_) => ApiError::internal("the node of the primary does not know the shard"),
        })
    }
}

fn let_go(target: &Target<'_>) -> ApiError {
    let reason = format!("the map has no copy {} of shard {} here any more", target.copy, target.shard);
    ApiError::new(503, "illegal_index_shard_state_exception", reason)
}

/// How long the primary may take to answer: it may have to open the shard, or to flush it.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
