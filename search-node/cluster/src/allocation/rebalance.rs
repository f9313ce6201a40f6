//! Balance: copies, and then primaries, are moved from full nodes to those with room.
//!
//! Two nodes are as unequal as their weights differ, the sum of all copies and of those of one index, each with its factor. A copy is
//! moved only where the difference is more than the threshold, 1 by default, so that each move makes the sum of the squares smaller
//! and there is no way back and forth.

use super::deciders::{Activity, Decision, Subject, verdict};
use super::moves::is_at_rest;
use super::plan::Planner;
use crate::state::{CopyId, IndexId, NodeId, ShardId};

impl Planner<'_> {
    pub(super) fn balance(&mut self) {
        let activity = Activity::of(&self.ahead);
        let indices: Vec<IndexId> = self.ahead.indices.keys().cloned().collect();
        for index in &indices {
            while self.move_one(index, activity) {}
        }
        // Primaries are spread over the copies that there are, so that comes when these are where they should be.
        if self.tally.moves() == 0 {
            for index in &indices {
                while self.hand_one_over(index, activity) {}
            }
        }
    }

    /// Begins to move one copy of an index between the most unequal nodes between which one may be moved.
    fn move_one(&mut self, index: &IndexId, activity: Activity) -> bool {
        let weight = |node: NodeId| self.tally.weight(node, index, self.settings);
        for (from, to) in self.uneven(weight) {
            let movable = self.shards_of(index).find_map(|shard| {
                let copies = self.ahead.shard(&shard).filter(|copies| is_at_rest(copies))?;
                let there = copies.present().iter().filter(|(_, copy)| copy.node == from);
                let copy = there.map(|(id, _)| *id).find(|copy| {
                    self.may_rebalance(&shard, *copy, from, activity)
                        && self.may_have(&shard, Subject::There(*copy), to)
                })?;
                Some((shard, copy))
            });
            if let Some((shard, copy)) = movable {
                return self.add_on(&shard, to, Some(copy));
            }
        }
        false
    }

    /// Has one primary of an index hand over to a copy on a node with fewer of them.
    fn hand_one_over(&mut self, index: &IndexId, activity: Activity) -> bool {
        let weight = |node: NodeId| self.tally.primary_weight(node, index, self.settings);
        for (from, to) in self.uneven(weight) {
            let found = self.shards_of(index).find_map(|shard| {
                let copies = self.ahead.shard(&shard).filter(|copies| is_at_rest(copies))?;
                let primary = copies.primary()?;
                if copies.present().get(&primary)?.node != from || !self.may_hand_over(&shard) {
                    return None;
                }
                let (other, _) = copies.present().iter().find(|(_, copy)| copy.node == to)?;
                let is_fit = copies.in_sync().contains(other)
                    && self.may_lead_on(to)
                    && self.may_rebalance(&shard, primary, from, activity)
                    && self.may_stay(&shard, *other, to);
                let other = *other;
                is_fit.then_some((shard, other))
            });
            if let Some((shard, to)) = found
                && self.hand_over(&shard, to)
            {
                return true;
            }
        }
        false
    }

    fn shards_of(&self, index: &IndexId) -> impl Iterator<Item = ShardId> {
        let shards = self.ahead.indices.get(index).map_or(0, |entry| entry.shards.len());
        let index = index.clone();
        (0..shards).map(move |number| ShardId { index: index.clone(), number: number as u32 })
    }

    fn may_rebalance(&self, shard: &ShardId, copy: CopyId, node: NodeId, activity: Activity) -> bool {
        let question = self.board().question(shard, Subject::There(copy), node);
        question.is_some_and(|question| verdict(&question.can_rebalance(activity)) == Decision::Yes)
    }

    /// Pairs of a fuller and an emptier node that differ by more than the threshold, the most unequal first.
    fn uneven(&self, weight: impl Fn(NodeId) -> f64) -> Vec<(NodeId, NodeId)> {
        let nodes: Vec<(NodeId, f64)> =
            self.ahead.data_nodes().map(|(node, _)| (node, weight(node))).collect();
        let mut pairs = Vec::new();
        for (from, more) in &nodes {
            for (to, less) in &nodes {
                // What is equal but for the last bits of binary fractions is equal.
                if more - less > self.settings.balance.threshold + 1e-9 {
                    pairs.push((more - less, *from, *to));
                }
            }
        }
        pairs.sort_by(|one, other| other.0.total_cmp(&one.0).then((one.1, one.2).cmp(&(other.1, other.2))));
        pairs.into_iter().map(|(_, from, to)| (from, to)).collect()
    }
}
