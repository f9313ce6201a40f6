//! The next commands.

use super::deciders::{Board, Decision, Subject, verdict};
use super::tally::Tally;
use super::{AllocationSettings, Observed};
use crate::state::{ClusterState, Command, CopyId, NodeId, Refusal, ShardCopies, ShardId, Stage};

/// The commands that should come next; none once all is well, or where all that could be done has to wait.
pub fn plan(state: &ClusterState, settings: &AllocationSettings, observed: &Observed) -> Vec<Command> {
    let mut planner = Planner::new(state, settings, observed);
    let shards: Vec<ShardId> = state.shards().map(|(shard, _)| shard).collect();
    shards.iter().for_each(|shard| planner.revive(shard));
    planner.hand_over_from_damaged();
    planner.hand_over_from_stopping();
    shards.iter().for_each(|shard| planner.finish_moves(shard));
    shards.iter().for_each(|shard| planner.add_or_drop(shard));
    shards.iter().for_each(|shard| planner.move_away(shard));
    planner.balance();
    planner.commands
}

/// What is planned so far, and what it leads to.
pub(super) struct Planner<'a> {
    /// The state as it will be with the commands so far.
    pub(super) ahead: ClusterState,
    pub(super) tally: Tally,
    pub(super) settings: &'a AllocationSettings,
    pub(super) observed: &'a Observed,
    pub(super) commands: Vec<Command>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        state: &ClusterState,
        settings: &'a AllocationSettings,
        observed: &'a Observed,
    ) -> Self {
        let tally = Tally::of(state, observed);
        Self { ahead: state.clone(), tally, settings, observed, commands: Vec::new() }
    }

    pub(super) fn board(&self) -> Board<'_> {
        Board { state: &self.ahead, tally: &self.tally, settings: self.settings, observed: self.observed }
    }

    /// Plans a command about a shard; gives whether it can be done.
    pub(super) fn command(&mut self, shard: &ShardId, command: Command) -> bool {
        self.try_command(shard, command).is_ok()
    }

    pub(super) fn try_command(&mut self, shard: &ShardId, command: Command) -> Result<(), Refusal> {
        let before = self.ahead.shard(shard).cloned().unwrap_or_default();
        self.ahead.apply(command.clone())?;
        let after = self.ahead.shard(shard).cloned().unwrap_or_default();
        self.tally.changed(shard, &before, &after, self.observed);
        self.commands.push(command);
        Ok(())
    }

    pub(super) fn next_copy(&self) -> CopyId {
        CopyId(self.ahead.last_copy + 1)
    }

    pub(super) fn may_have(&self, shard: &ShardId, subject: Subject, node: NodeId) -> bool {
        let question = self.board().question(shard, subject, node);
        question.is_some_and(|question| verdict(&question.can_allocate()) == Decision::Yes)
    }

    pub(super) fn may_stay(&self, shard: &ShardId, copy: CopyId, node: NodeId) -> bool {
        let question = self.board().question(shard, Subject::There(copy), node);
        question.is_none_or(|question| verdict(&question.can_remain()) == Decision::Yes)
    }

    /// The best node that may have a copy.
    pub(super) fn best_node(&self, shard: &ShardId, subject: Subject) -> Option<NodeId> {
        let fit = self.ahead.data_nodes().map(|(node, _)| node);
        let fit = fit.filter(|node| self.may_have(shard, subject, *node));
        let weight = |node: &NodeId| {
            let copies = self.tally.weight(*node, &shard.index, self.settings);
            let primaries = self.tally.primary_weight(*node, &shard.index, self.settings);
            if matches!(subject, Subject::Primary { .. }) { copies + primaries } else { copies }
        };
        // Of equals the next one after the primary's: so the last shards of an index find room beside the first ones.
        let nodes: Vec<NodeId> = self.ahead.data_nodes().map(|(node, _)| node).collect();
        let place = |node: NodeId| nodes.iter().position(|known| *known == node).unwrap_or_default();
        let primary = self.ahead.shard(shard).and_then(|copies| copies.present().get(&copies.primary()?));
        let from = primary.map_or(0, |primary| place(primary.node));
        let after = |node: NodeId| (place(node) + nodes.len() - from) % nodes.len().max(1);
        fit.min_by(|one, other| {
            weight(one).total_cmp(&weight(other)).then_with(|| after(*one).cmp(&after(*other)))
        })
    }

    /// Gives a shard without a primary one: a copy in sync that is there or found again, or a first one.
    fn revive(&mut self, shard: &ShardId) {
        let Some(copies) = self.ahead.shard(shard).filter(|copies| copies.primary().is_none()) else {
            return;
        };
        let term = copies.term();
        if copies.in_sync().is_empty() {
            if let Some(node) = self.best_node(shard, Subject::Primary { is_new: true }) {
                let copy = self.next_copy();
                self.command(shard, Command::PlaceFirst { shard: shard.clone(), copy, node });
            }
            return;
        }
        let is_fit = |copy: &CopyId| copies.in_sync().contains(copy) && !copies.present().contains_key(copy);
        // One that goes on failing is left alone, like any other.
        let most = self.ahead.indices.get(&shard.index).map_or(0, |index| index.allocation.max_retries);
        let unassigned = copies.unassigned().clone();
        let is_tried = |copy: &CopyId| unassigned.failures < most.max(1) || !unassigned.failed.contains(copy);
        let returning: Vec<_> =
            self.found(shard).filter(|(_, copy)| is_tried(copy) && is_fit(copy)).collect();
        for (node, copy) in returning {
            self.command(shard, Command::Return { shard: shard.clone(), copy, node });
        }
        let Some(copies) = self.ahead.shard(shard) else { return };
        let weight = |copy: &CopyId| {
            let node = copies.present().get(copy).map_or(NodeId(0), |copy| copy.node);
            let is_going = self.observed.stopping.contains(&node) || !self.may_stay(shard, *copy, node);
            let has_failed = unassigned.failed.contains(copy);
            ((has_failed, is_going), self.tally.primary_weight(node, &shard.index, self.settings))
        };
        let best = copies.candidates().into_iter().min_by(|one, other| {
            let (one, other) = (weight(one), weight(other));
            one.0.cmp(&other.0).then(one.1.total_cmp(&other.1))
        });
        if let Some(copy) = best {
            self.command(shard, Command::Promote { shard: shard.clone(), copy, seen_term: term });
        }
    }

    /// What nodes have of a shard that the map does not know on any node.
    fn found(&self, shard: &ShardId) -> impl Iterator<Item = (NodeId, CopyId)> + '_ {
        let shard = shard.clone();
        let found = self.observed.found.iter().filter(move |((_, found), _)| *found == shard);
        found.map(|((node, _), copy)| (*node, *copy)).filter(|(node, _)| self.ahead.nodes.contains_key(node))
    }

    fn add_or_drop(&mut self, shard: &ShardId) {
        let Some(copies) = self.ahead.shard(shard) else { return };
        if copies.primary().is_none() {
            return;
        }
        let (standing, wanted) = (copies.standing(), self.ahead.wanted_copies(shard));
        if standing < wanted {
            (standing..wanted).for_each(|_| self.add(shard));
        } else if standing > wanted {
            self.drop_one(shard);
        }
    }

    /// Begins a copy: where an older one was, which has much of it, or on the best node.
    fn add(&mut self, shard: &ShardId) {
        let found = self.found(shard).find(|(node, _)| self.may_have(shard, Subject::Replica, *node));
        if let Some((node, _)) = found {
            // It begins anew out of the older one. If that is in sync, the primary is asked first to go on without it, which only one
            // does that serves.
            self.add_on(shard, node, None);
            return;
        }
        let is_delayed = self
            .ahead
            .shard(shard)
            .is_some_and(|copies| self.observed.delayed_until(&self.ahead, shard, copies).is_some());
        if is_delayed {
            return;
        }
        if let Some(node) = self.best_node(shard, Subject::Replica) {
            self.add_on(shard, node, None);
        }
    }

    pub(super) fn add_on(&mut self, shard: &ShardId, node: NodeId, replaces: Option<CopyId>) -> bool {
        let copy = self.next_copy();
        self.command(shard, Command::AddCopy { shard: shard.clone(), copy, node, replaces })
    }

    /// Drops a copy that is no primary: one that has not come yet, one that may not stay, or one on the fullest node.
    fn drop_one(&mut self, shard: &ShardId) {
        let Some(copies) = self.ahead.shard(shard).filter(|copies| copies.is_served()) else { return };
        let is_filling = |copies: &ShardCopies| {
            copies.present().values().any(|copy| copy.stage == Stage::Recovering && copy.replaces.is_some())
        };
        let others = copies
            .present()
            .iter()
            .filter(|(id, copy)| copies.primary() != Some(**id) && copy.replaces.is_none());
        let worst = others.max_by(|(one_id, one), (other_id, other)| {
            let rank = |id: CopyId, copy: &crate::state::Copy| {
                (copy.stage == Stage::Recovering, !self.may_stay(shard, id, copy.node))
            };
            let weight = |node| self.tally.weight(node, &shard.index, self.settings);
            let ranks = rank(**one_id, one).cmp(&rank(**other_id, other));
            ranks.then(weight(one.node).total_cmp(&weight(other.node)))
        });
        let Some((copy, found)) = worst else { return };
        // One that moves is dropped where it was, not where it has not come to.
        if found.stage == Stage::Started && is_filling(copies) {
            return;
        }
        let (copy, term) = (*copy, copies.term());
        self.command(shard, Command::DropCopy { shard: shard.clone(), copy, term });
    }
}
