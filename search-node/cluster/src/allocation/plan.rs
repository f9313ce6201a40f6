//! The next commands.

use super::balance::Loads;
use super::deciders::{Decision, opinions, recoveries};
use super::{AllocationSettings, Observed};
use crate::state::{ClusterState, Command, CopyId, NodeId, ShardCopies, ShardId, Stage};

/// The commands that should come next; none once all is well, or where all that could be done has to wait.
pub fn plan(state: &ClusterState, settings: &AllocationSettings, observed: &Observed) -> Vec<Command> {
    let mut planner = Planner { ahead: state.clone(), settings, observed, commands: Vec::new() };
    let shards: Vec<ShardId> = state.shards().map(|(shard, _)| shard).collect();
    for shard in &shards {
        planner.promote(shard);
    }
    for shard in &shards {
        planner.add_or_drop(shard);
    }
    planner.rebalance(&shards);
    planner.commands
}

struct Planner<'a> {
    /// The state as it will be with the commands so far.
    ahead: ClusterState,
    settings: &'a AllocationSettings,
    observed: &'a Observed,
    commands: Vec<Command>,
}

impl Planner<'_> {
    fn promote(&mut self, shard: &ShardId) {
        let Some(copies) = self.ahead.shard(shard) else { return };
        let loads = Loads::of(&self.ahead);
        let weight =
            |copy: &CopyId| copies.present().get(copy).map(|copy| loads.weight(copy.node, &shard.index));
        if let Some(copy) = copies.candidates().into_iter().min_by_key(weight) {
            let seen_term = copies.term();
            self.command(Command::Promote { shard: shard.clone(), copy, seen_term });
        }
    }

    fn add_or_drop(&mut self, shard: &ShardId) {
        let Some((copies, wanted)) = self.shard(shard) else { return };
        if copies.primary().is_none() {
            return;
        }
        let present = copies.present().len();
        if present < wanted {
            if !self.is_delayed(shard, copies) {
                self.add(shard);
            }
        } else if present > wanted && copies.present().values().all(|copy| copy.stage == Stage::Started) {
            self.drop_one(shard);
        }
    }

    /// The copies of a shard, and how many of them are wanted.
    fn shard(&self, shard: &ShardId) -> Option<(&ShardCopies, usize)> {
        let wanted = self.ahead.indices.get(&shard.index)?.replicas.wanted(self.ahead.data_nodes().count());
        Some((self.ahead.shard(shard)?, wanted as usize + 1))
    }

    /// Whether a copy in sync may come back soon, with a restarted node.
    fn is_delayed(&self, shard: &ShardId, copies: &ShardCopies) -> bool {
        let is_awaited = copies.in_sync().iter().any(|copy| !copies.present().contains_key(copy));
        let since = self.observed.lacking_since.get(shard);
        is_awaited && since.is_some_and(|since| self.observed.now_millis < since + self.settings.delay_millis)
    }

    /// Begins a copy on the best node that may have one.
    fn add(&mut self, shard: &ShardId) {
        let loads = Loads::of(&self.ahead);
        let fit = self.ahead.data_nodes().map(|(node, _)| node).filter(|node| self.may_have(shard, *node));
        if let Some(node) = fit.min_by_key(|node| loads.weight(*node, &shard.index)) {
            self.add_on(shard, node);
        }
    }

    fn may_have(&self, shard: &ShardId, node: NodeId) -> bool {
        let said = opinions(&self.ahead, shard, node, self.settings, self.observed);
        said.is_some_and(|said| said.iter().all(|opinion| opinion.decision == Decision::Yes))
    }

    fn add_on(&mut self, shard: &ShardId, node: NodeId) {
        let copy = CopyId(self.ahead.last_copy + 1);
        self.command(Command::AddCopy { shard: shard.clone(), copy, node, replaces: None });
    }

    /// Drops a copy that is no primary, from the fullest node.
    fn drop_one(&mut self, shard: &ShardId) {
        let loads = Loads::of(&self.ahead);
        let Some(copies) = self.ahead.shard(shard) else { return };
        let others = copies.present().iter().filter(|(copy, _)| copies.primary() != Some(**copy));
        let fullest = others.max_by_key(|(_, copy)| (loads.all(copy.node), copy.node));
        if let Some(copy) = fullest.map(|(copy, _)| *copy) {
            let term = copies.term();
            self.command(Command::DropCopy { shard: shard.clone(), copy, term });
        }
    }

    /// Begins to move copies from the fullest node to the emptiest, once every shard is well.
    fn rebalance(&mut self, shards: &[ShardId]) {
        if !self.commands.is_empty() || shards.iter().any(|shard| !self.is_well(shard)) {
            return;
        }
        for _ in 0..self.settings.rebalances {
            let Some((from, to)) = Loads::of(&self.ahead).uneven() else { return };
            let movable = |shard: &&ShardId| {
                let copies = self.ahead.shard(shard);
                copies.is_some_and(|copies| {
                    let mut there = copies.present().iter().filter(|(_, copy)| copy.node == from);
                    there.any(|(copy, _)| copies.primary() != Some(*copy))
                }) && self.may_have(shard, to)
            };
            let Some(shard) = shards.iter().find(movable).cloned() else { return };
            self.add_on(&shard, to);
        }
    }

    fn is_well(&self, shard: &ShardId) -> bool {
        self.shard(shard).is_some_and(|(copies, wanted)| {
            let is_started = copies.present().values().all(|copy| copy.stage == Stage::Started);
            let could_have_more = self
                .ahead
                .data_nodes()
                .any(|(node, _)| self.may_have(shard, node) && recoveries(&self.ahead, node) == 0);
            copies.primary().is_some() && is_started && (copies.present().len() == wanted || !could_have_more)
        })
    }

    fn command(&mut self, command: Command) {
        if self.ahead.apply(command.clone()).is_ok() {
            self.commands.push(command);
        }
    }
}
