//! Each copy here has somebody who makes it what the map says: begins, changes and ends its role, has it filled, and asks the map for
//! what it takes to go on. They work side by side, so that a slow disk holds up one copy only.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::state::{ClusterState, Command, CopyId, ShardCopies, ShardId, Stage};
use daemon::CancellationToken;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use transport::Incoming;

use super::feeding::blocking;
use super::following::Following;
use super::leading::{HandOverStep, Leading, NotBegun};
use super::message::{Operations, read_operations};
use super::outside::{Outside, Stored};
use super::pace::Pace;
use super::progress::{Recoveries, Recovery};
use super::roles::{Role, Roles};
use super::settings::ReplicationSettings;
use super::source::Sources;
use crate::coordination::{Action, Coordinator, DynamicSettings, Fault, unpack, write};
use crate::error::ApiError;
use crate::indices::{Index, IndexCopy, Indices};

/// How often a copy is looked at that waits for something which nobody tells.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How long a copy is left alone that could not be opened: reading its files again costs, and damage does not heal.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// The copies of this node and what they do for others.
pub(crate) struct Replication {
    pub(super) outside: Arc<dyn Outside>,
    pub(super) indices: Arc<Indices>,
    pub(super) roles: Arc<Roles>,
    pub(super) settings: ReplicationSettings,
    pace: Pace,
    pub(super) sources: Sources,
    pub(super) recoveries: Recoveries,
    runtime: Handle,
    stopping: CancellationToken,
    /// The map as this node follows it.
    turn: watch::Sender<Arc<ClusterState>>,
    /// The shards whose copy here is kept. One keeper has the folder of a shard, whatever copies of it come and go.
    kept: Mutex<BTreeSet<ShardId>>,
}

impl Replication {
    /// Waits until so many bytes may be taken of another node; operators change how many there may be while copies are filled.
    pub(crate) async fn take_turn(&self, bytes: u64) {
        let own = self.settings.bytes_per_second;
        let bound = |map: &Arc<ClusterState>| DynamicSettings::of(map).recovery_bytes(own);
        self.pace.take(bytes, self.turn.subscribe(), bound).await;
    }
}

/// When a copy is looked at next, if nothing changes before.
enum Next {
    Change,
    After(Duration),
}

impl Replication {
    /// Begins to keep the copies of a node.
    pub(crate) fn start(
        coordinator: &Arc<Coordinator>,
        indices: Arc<Indices>,
        roles: Arc<Roles>,
        settings: ReplicationSettings,
    ) -> Arc<Self> {
        let outside = Arc::clone(coordinator) as Arc<dyn Outside>;
        let map = Arc::default();
        let replication = Self::new(outside, map, indices, roles, settings, coordinator.stopping());
        replication.roles.connect(Arc::clone(&replication.outside));
        tokio::spawn(Arc::clone(&replication).follow(Arc::clone(coordinator)));
        replication
    }

    /// What keeps copies, by the map that is followed first.
    pub(super) fn new(
        outside: Arc<dyn Outside>,
        map: Arc<ClusterState>,
        indices: Arc<Indices>,
        roles: Arc<Roles>,
        settings: ReplicationSettings,
        stopping: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            outside,
            indices,
            roles,
            pace: Pace::default(),
            sources: Sources::default(),
            recoveries: Recoveries::default(),
            settings,
            runtime: Handle::current(),
            stopping,
            turn: watch::Sender::new(map),
            kept: Mutex::default(),
        })
    }

    async fn follow(self: Arc<Self>, coordinator: Arc<Coordinator>) {
        let mut seen = 0;
        while !self.stopping.is_cancelled() {
            tokio::select! {
                () = self.stopping.cancelled() => return,
                version = coordinator.wait_followed_beyond(seen) => seen = version,
            }
            let map = coordinator.map();
            self.turn.send_replace(Arc::clone(&map));
            for (shard, copies) in map.shards() {
                if copies.on(self.outside.own()).is_some() && self.kept.lock().insert(shard.clone()) {
                    tokio::spawn(Arc::clone(&self).keep_all(shard));
                }
            }
            self.remove_what_nobody_needs(&map).await;
        }
    }

    /// Keeps the copies of a shard that the map has here, one after the other.
    async fn keep_all(self: Arc<Self>, shard: ShardId) {
        loop {
            while let Some(copy) = self.copy_here(&shard) {
                self.keep(&shard, copy).await;
                if self.stopping.is_cancelled() {
                    return;
                }
            }
            self.kept.lock().remove(&shard);
            // Whoever follows the map may have seen it kept a moment ago.
            if self.copy_here(&shard).is_none() || !self.kept.lock().insert(shard.clone()) {
                return;
            }
        }
    }

    /// The copy that the map has here, as this node follows it.
    fn copy_here(&self, shard: &ShardId) -> Option<CopyId> {
        self.turn.borrow().shard(shard)?.on(self.outside.own())
    }

    /// The map as this node follows it.
    pub(super) fn followed(&self) -> Arc<ClusterState> {
        Arc::clone(&self.turn.borrow())
    }

    /// Returns once the map does not have a copy here any more.
    pub(super) async fn wait_let_go(&self, shard: &ShardId, copy: CopyId) {
        let own = self.outside.own();
        let is_gone =
            |map: &Arc<ClusterState>| map.shard(shard).and_then(|copies| copies.on(own)) != Some(copy);
        // The sender lives as long as this does.
        drop(self.turn.subscribe().wait_for(is_gone).await);
    }

    /// Keeps one copy as long as the map has it here.
    async fn keep(self: &Arc<Self>, shard: &ShardId, copy: CopyId) {
        let mut turn = self.turn.subscribe();
        let mut demands = self.roles.pulse();
        let mut filling = super::recovery::Filling::default();
        loop {
            demands.borrow_and_update();
            let map = Arc::clone(&turn.borrow_and_update());
            let own = self.outside.own();
            let copies = map.shard(shard);
            let Some(copies) = copies.filter(|copies| copies.on(own) == Some(copy)) else { break };
            let next = match self.step(shard, copy, copies, &map, &mut filling).await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(%shard, %copy, reason = error.reason, "a copy is not what the map says yet");
                    Next::After(TRY_AGAIN)
                }
            };
            let wait = async {
                tokio::select! {
                    _ = turn.changed() => {}
                    _ = demands.changed() => {}
                }
            };
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = async {
                    match next {
                        Next::Change => wait.await,
                        Next::After(span) => drop(tokio::time::timeout(span, wait).await),
                    }
                } => {}
            }
        }
        self.end_role(shard, copy);
        self.outside.note_damage(shard, copy, false);
        self.recoveries.forget(shard, copy);
    }

    fn end_role(&self, shard: &ShardId, copy: CopyId) {
        let is_its = match self.roles.get(shard) {
            Some(Role::Leading(leading)) => leading.copy == copy,
            Some(Role::Following(following)) => following.copy == copy,
            None => false,
        };
        if is_its {
            self.end_roles(shard);
        }
    }

    /// No copy of a shard here does anything from now on: its folder is for whoever comes next.
    pub(super) fn end_roles(&self, shard: &ShardId) {
        self.roles.set(shard, None);
        self.sources.end_all_of(shard);
    }

    async fn step(
        self: &Arc<Self>,
        shard: &ShardId,
        copy: CopyId,
        copies: &ShardCopies,
        map: &Arc<ClusterState>,
        filling: &mut super::recovery::Filling,
    ) -> Result<Next, ApiError> {
        let Some(index) = self.indices.of_id(&shard.index) else { return Ok(Next::After(LOOK_AGAIN)) };
        if copies.primary() == Some(copy) {
            // The first copy of a shard is in sync once its node has said that it is there.
            if !copies.in_sync().contains(&copy) {
                return Ok(Next::Change);
            }
            return self.lead(&index, shard, copy, copies, map).await;
        }
        if copies.present().get(&copy).is_some_and(|found| found.stage == Stage::Recovering) {
            let filled = self.fill(&index, shard, copy, copies, filling).await;
            return Ok(Next::After(if filled { LOOK_AGAIN } else { filling.pause() }));
        }
        if index.held_copy(shard.number) != Some(copy) {
            // The map counts on what is not here.
            self.fail(shard, copy, copies.term(), "its node does not hold it".to_owned()).await;
            return Ok(Next::After(TRY_AGAIN));
        }
        self.recoveries.end(shard, copy);
        let following = self.following(&index, shard, copy).await?;
        let damage = || following.stored.opened().and_then(|shard| shard.damage());
        if let Some(reason) = following.failed().or_else(damage) {
            self.fail(shard, copy, copies.term(), reason).await;
        }
        Ok(Next::After(TRY_AGAIN))
    }

    /// The role of a replica, begun if it is not.
    pub(super) async fn following(
        self: &Arc<Self>,
        index: &Arc<Index>,
        shard: &ShardId,
        copy: CopyId,
    ) -> Result<Arc<Following>, ApiError> {
        if let Some(following) = self.roles.following(shard, copy) {
            return Ok(following);
        }
        // Whatever it was before is over first.
        self.end_roles(shard);
        let stored = self.stored(index, shard);
        let name = shard.clone();
        let begun = blocking(move || Following::begin(&name, copy, stored)).await;
        match begun {
            Ok(following) => {
                self.roles.set(shard, Some(Role::Following(Arc::clone(&following))));
                Ok(following)
            }
            Err(error) => {
                let term = self.outside.map().shard(shard).map_or(0, ShardCopies::term);
                self.fail(shard, copy, term, error.reason.clone()).await;
                Err(error)
            }
        }
    }

    pub(super) fn stored(&self, index: &Arc<Index>, shard: &ShardId) -> Arc<dyn Stored> {
        Arc::new(IndexCopy::new(Arc::clone(index), shard.number as usize))
    }

    async fn lead(
        self: &Arc<Self>,
        index: &Arc<Index>,
        shard: &ShardId,
        copy: CopyId,
        copies: &ShardCopies,
        map: &Arc<ClusterState>,
    ) -> Result<Next, ApiError> {
        if index.held_copy(shard.number) != Some(copy) {
            let made = {
                let (index, number, copies) = (Arc::clone(index), shard.number, copies.clone());
                blocking(move || index.make_forced(number, copy, &copies)).await
            };
            if let Err(error) = &made {
                self.fail(shard, copy, copies.term(), error.reason.clone()).await;
            }
            made?;
        }
        match self.roles.get(shard) {
            Some(Role::Leading(leading)) if leading.copy == copy && leading.term == copies.term() => {
                if leading.is_over() {
                    // What was numbered in this term may be gone: whoever goes on does so in another one.
                    let details = "the shard has failed, and goes on in another term".to_owned();
                    self.fail(shard, copy, leading.term, details).await;
                    return Ok(Next::After(LOOK_AGAIN));
                }
                self.lead_on(&leading, map).await
            }
            _ => self.begin_to_lead(index, shard, copy, copies, map).await,
        }
    }

    async fn lead_on(&self, leading: &Arc<Leading>, map: &Arc<ClusterState>) -> Result<Next, ApiError> {
        let open = leading.stored.opened();
        let copies = map.shard(&leading.shard);
        if let Some(reason) = open.as_ref().and_then(|shard| shard.fenced())
            && copies.is_some_and(|copies| has_successor(copies, leading.copy))
        {
            // It tells nobody anything more before another copy can be primary.
            leading.end();
            self.fail(&leading.shard, leading.copy, leading.term, reason).await;
            return Ok(Next::After(LOOK_AGAIN));
        }
        let (told, known) = (Arc::clone(leading), Arc::clone(map));
        blocking(move || told.map_changed(&known)).await?;
        let damage = open.and_then(|shard| shard.damage());
        // To whom it hands over, and when, is for whoever leads to say, who knows of the other nodes.
        let is_news = self.outside.note_damage(&leading.shard, leading.copy, damage.is_some());
        if let (Some(damage), true) = (damage, is_news) {
            tracing::warn!(shard = %leading.shard, copy = %leading.copy, damage, "a primary with a damaged file is to hand over");
        }
        if copies.is_some_and(|copies| !copies.is_served()) {
            // Nobody lets go of another copy before it has said so.
            let (shard, copy, term) = (leading.shard.clone(), leading.copy, leading.term);
            self.tell(Command::MarkInSync { shard, copy, term }).await;
        }
        let command = match leading.hand_over_step() {
            Some(HandOverStep::Ask(wanted)) => Command::HandOver {
                shard: leading.shard.clone(),
                to: wanted.to,
                term: leading.term,
                attempt: wanted.attempt,
            },
            Some(HandOverStep::GiveUp(given_up)) => Command::AbortHandOver {
                shard: leading.shard.clone(),
                term: leading.term,
                attempt: given_up.attempt,
            },
            None => {
                let hands_over = leading.state().primary.is_handing_over();
                // An operation that is done wakes nobody here.
                return Ok(if hands_over { Next::After(DRAIN_LOOK) } else { Next::After(TRY_AGAIN) });
            }
        };
        self.tell(command).await;
        Ok(Next::After(DRAIN_LOOK))
    }

    /// Has the map changed as a primary here says. What is refused was overtaken.
    async fn tell(&self, command: Command) {
        if let Err(reason) = self.outside.agree(command).await {
            tracing::debug!(?reason, "the map is not as a primary here has told");
        }
    }

    async fn begin_to_lead(
        self: &Arc<Self>,
        index: &Arc<Index>,
        shard: &ShardId,
        copy: CopyId,
        copies: &ShardCopies,
        map: &Arc<ClusterState>,
    ) -> Result<Next, ApiError> {
        let is_only = copies.present().len() == 1 && copies.in_sync().len() == 1;
        // A shard that rests costs nothing; it is opened for whoever writes to it.
        if is_only && !self.roles.is_demanded(shard) && !index.has_uncommitted(shard.number) {
            return Ok(Next::Change);
        }
        self.roles.set_over(shard);
        let stored = self.stored(index, shard);
        let (outside, settings, runtime) =
            (Arc::clone(&self.outside), self.settings.clone(), self.runtime.clone());
        let (name, map) = (shard.clone(), Arc::clone(map));
        let begun = tokio::task::spawn_blocking(move || {
            Leading::begin(&name, copy, &map, stored, outside, settings, runtime)
        });
        let begun = begun.await.unwrap_or_else(|error| {
            Err(NotBegun::Failed(ApiError::internal(format!("beginning a primary broke: {error}"))))
        });
        match begun {
            Ok(leading) => {
                tracing::debug!(%shard, %copy, term = leading.term, "a primary begins");
                self.roles.set(shard, Some(Role::Leading(leading)));
                Ok(Next::After(Duration::ZERO))
            }
            Err(NotBegun::LaterTerm(known)) => {
                let details = format!("its disk knows the later term [{known}]");
                self.fail(shard, copy, copies.term(), details).await;
                Ok(Next::After(LOOK_AGAIN))
            }
            Err(NotBegun::Failed(error)) => {
                self.roles.set_failed(shard, &error);
                // Another one may be there now, or come back. Where there is none, it stays what there is, until its disk is well.
                if copies.in_sync().len() > 1 {
                    self.fail(shard, copy, copies.term(), error.reason.clone()).await;
                }
                Err(error)
            }
        }
    }

    /// Tells the map that a copy has failed, in the term in which it has: by the time the map knows it may be primary of another one.
    pub(super) async fn fail(&self, shard: &ShardId, copy: CopyId, term: u64, details: String) {
        tracing::warn!(%shard, %copy, details, "a copy has failed");
        let command = Command::FailCopy { shard: shard.clone(), copy, term, details };
        if let Err(reason) = self.outside.agree(command).await {
            tracing::debug!(%shard, %copy, ?reason, "the map does not take a copy for failed");
        }
    }

    /// Removes the folders of copies that the map has let go of, once there are as many others as there should be.
    async fn remove_what_nobody_needs(&self, map: &ClusterState) {
        for (id, entry) in &map.indices {
            let Some(index) = self.indices.of_id(id) else { continue };
            for (number, copy) in index.held() {
                let Some(copies) = entry.shards.get(number as usize) else { continue };
                let shard = ShardId { index: id.clone(), number };
                let started = copies.present().iter().filter(|(other, found)| {
                    found.stage == Stage::Started && copies.in_sync().contains(other)
                });
                let is_needed = copies.on(self.outside.own()).is_some()
                    || !copies.may_take_apart(copy)
                    || copies.primary().is_none()
                    || started.count() < map.wanted_copies(&shard);
                if !is_needed {
                    let index = Arc::clone(&index);
                    if let Err(error) = blocking(move || index.remove_copy(number, copy)).await {
                        tracing::warn!(%shard, %copy, reason = error.reason, "the folder of a copy that nobody needs could not be removed");
                    }
                }
            }
        }
    }

    /// How the copies stand that are filled here, or were.
    pub(crate) fn recoveries(&self) -> Vec<Recovery> {
        self.recoveries.all(|shard, copy| Some(self.roles.following(shard, copy)?.local()))
    }

    /// Answers another node.
    pub(crate) async fn answer(self: &Arc<Self>, action: Action, call: Incoming) -> Result<Bytes, Fault> {
        let answer = match action {
            Action::Operations => self.take_operations(call).await,
            Action::CopyPlan => self.plan(&call.body).await,
            Action::CopyPiece => self.piece(&call.body).await,
            Action::CopyCatchUp => self.catch_up(&call.body).await,
            Action::CopyVerify => self.verify(&call.body).await,
            _ => return Err(Fault::unknown(action)),
        };
        answer.map_err(Fault::Failed)
    }

    async fn take_operations(self: &Arc<Self>, call: Incoming) -> Result<Bytes, ApiError> {
        let (message, bytes) = unpack::<Operations>(&call.body)?;
        let following = tokio::select! {
            following = self.wait_ready(&message) => following?,
            () = call.cancelled.cancelled() => {
                return Err(ApiError::new(503, "illegal_index_shard_state_exception", "nobody waits any more"));
            }
            () = self.stopping.cancelled() => return Err(ApiError::node_closed()),
        };
        let runtime = self.runtime.clone();
        blocking(move || {
            let operations = read_operations(&bytes, message.count).map_err(ApiError::internal)?;
            drop(bytes);
            following.take(&message, &operations, &runtime).map(|taken| write(&taken))
        })
        .await
    }

    /// The replica that a message is for, once it can take it.
    async fn wait_ready(&self, message: &Operations) -> Result<Arc<Following>, ApiError> {
        let deadline = Instant::now() + self.settings.timeout;
        let following = self.wait_following(message, deadline).await?;
        following.wait_mapping(message, deadline).await?;
        Ok(following)
    }

    /// The replica that a message is for. Its node may not have followed the map as far as the primary has.
    async fn wait_following(
        &self,
        message: &Operations,
        deadline: Instant,
    ) -> Result<Arc<Following>, ApiError> {
        let Operations { shard, to, map_version, .. } = message;
        let mut changes = self.roles.changes();
        let found = async {
            loop {
                changes.borrow_and_update();
                if let Some(following) = self.roles.following(shard, *to) {
                    return Ok(following);
                }
                let map = self.outside.map();
                let is_here =
                    map.shard(shard).is_some_and(|copies| copies.on(self.outside.own()) == Some(*to));
                if map.version >= *map_version && !is_here {
                    let reason = format!("this node has no copy {to} of shard {shard} any more");
                    return Err(ApiError::new(503, "illegal_index_shard_state_exception", reason));
                }
                let _is_changed = tokio::time::timeout(LOOK_AGAIN, changes.changed()).await;
            }
        };
        tokio::time::timeout_at(deadline.into(), found).await.unwrap_or_else(|_| {
            let reason = format!("copy {to} of shard {shard} does not follow its primary yet");
            Err(ApiError::new(503, "illegal_index_shard_state_exception", reason))
        })
    }
}

/// Whether another copy could be primary instead of one, as far as the map knows: there, in sync, and not known to have failed.
fn has_successor(copies: &ShardCopies, instead_of: CopyId) -> bool {
    copies.present().iter().any(|(id, copy)| {
        *id != instead_of
            && copy.stage == Stage::Started
            && copies.in_sync().contains(id)
            && !copies.unassigned().failed.contains(id)
    })
}

/// How often it is looked whether all is done that a primary finishes before it hands over.
const DRAIN_LOOK: Duration = Duration::from_millis(20);
