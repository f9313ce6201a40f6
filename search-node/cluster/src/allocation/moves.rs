//! Copies that move: another one is filled in the place of each, the primary hands over, the old one is dropped.

use super::deciders::Subject;
use super::observed::to_hand_over;
use super::plan::Planner;
use crate::state::{Command, CopyId, NodeId, ShardCopies, ShardId, Stage};

impl Planner<'_> {
    /// Drops what has been replaced; a primary hands over before.
    pub(super) fn finish_moves(&mut self, shard: &ShardId) {
        let Some(copies) = self.ahead.shard(shard).filter(|copies| copies.is_served()) else { return };
        let has_come = |id: &CopyId, stage: Stage| stage == Stage::Started && copies.in_sync().contains(id);
        let moved = copies.present().iter().filter(|(id, copy)| has_come(id, copy.stage));
        let moved: Vec<_> = moved.filter_map(|(id, copy)| Some((*id, copy.replaces?))).collect();
        let (term, primary) = (copies.term(), copies.primary());
        for (new, old) in moved {
            if primary == Some(old) {
                self.hand_over(shard, new);
            } else {
                self.command(shard, Command::DropCopy { shard: shard.clone(), copy: old, term });
            }
        }
    }

    /// Has the primary hand over, unless it does or has just given up to.
    pub(super) fn hand_over(&mut self, shard: &ShardId, to: CopyId) -> bool {
        let Some(copies) = self.ahead.shard(shard).filter(|_| self.may_hand_over(shard)) else {
            return false;
        };
        let term = copies.term();
        self.command(shard, Command::BeginHandOver { shard: shard.clone(), to, term })
    }

    pub(super) fn may_hand_over(&self, shard: &ShardId) -> bool {
        let is_under_way =
            self.ahead.shard(shard).is_some_and(|copies| copies.hand_over_under_way().is_some());
        let not_before = self.observed.hand_over_not_before.get(shard);
        !is_under_way && not_before.is_none_or(|until| self.observed.now_millis >= *until)
    }

    /// Has the primaries of nodes that are about to stop hand over.
    pub(super) fn hand_over_from_stopping(&mut self) {
        for node in self.observed.stopping.iter().copied() {
            for shard in to_hand_over(&self.ahead, node, self.observed) {
                let successor =
                    self.ahead.shard(&shard).and_then(|copies| self.best_successor(&shard, copies));
                if let Some(successor) = successor {
                    self.hand_over(&shard, successor);
                }
            }
        }
    }

    /// Begins to move a copy off a node where it may not stay.
    pub(super) fn move_away(&mut self, shard: &ShardId) {
        let Some(copies) = self.ahead.shard(shard) else { return };
        if !is_at_rest(copies) {
            return;
        }
        let leaving = copies.present().iter().find(|(id, copy)| !self.may_stay(shard, **id, copy.node));
        let Some((leaving, node)) = leaving.map(|(id, copy)| (*id, copy.node)) else { return };
        if copies.primary() == Some(leaving)
            && let Some(other) = self.best_successor(shard, copies)
        {
            self.hand_over(shard, other);
            return;
        }
        if let Some(to) = self.best_node(shard, Subject::There(leaving)).filter(|to| *to != node) {
            self.add_on(shard, to, Some(leaving));
        }
    }

    /// The copy that could be primary and stays where it is, on the node with the fewest primaries.
    fn best_successor(&self, shard: &ShardId, copies: &ShardCopies) -> Option<CopyId> {
        let others = copies.present().iter().filter(|(id, copy)| {
            copies.primary() != Some(**id)
                && copies.in_sync().contains(id)
                && !self.observed.stopping.contains(&copy.node)
                && self.may_stay(shard, **id, copy.node)
        });
        let weight = |node: NodeId| self.tally.primary_weight(node, &shard.index, self.settings);
        let best = others.min_by(|(_, one), (_, other)| weight(one.node).total_cmp(&weight(other.node)));
        best.map(|(id, _)| *id)
    }
}

/// Whether all copies of a shard are filled and none moves.
pub(super) fn is_at_rest(copies: &ShardCopies) -> bool {
    copies.primary().is_some()
        && copies.hand_over_under_way().is_none()
        && copies.present().values().all(|copy| copy.stage == Stage::Started && copy.replaces.is_none())
}
