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

    /// Has primaries with a damaged file hand over. They have every operation, so that no write need be broken off; as a replica such a
    /// copy is fetched again. A node where a copy may not stay is better than none.
    pub(super) fn hand_over_from_damaged(&mut self) {
        for (shard, damaged) in &self.observed.damaged {
            let copies = self.ahead.shard(shard).filter(|copies| copies.primary() == Some(*damaged));
            let successor = copies.and_then(|copies| {
                self.best_of(shard, copies, |id, node| {
                    let has_failed = copies.unassigned().failed.contains(&id);
                    (!has_failed).then(|| !self.may_stay(shard, id, node))
                })
            });
            if let Some(successor) = successor {
                self.hand_over(shard, successor);
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
        self.best_of(shard, copies, |id, node| self.may_stay(shard, id, node).then_some(()))
    }

    /// Of the copies that could be primary the one of the lowest rank, those without one left out; of these the one on the node with
    /// the fewest primaries.
    fn best_of<R: Ord>(
        &self,
        shard: &ShardId,
        copies: &ShardCopies,
        rank: impl Fn(CopyId, NodeId) -> Option<R>,
    ) -> Option<CopyId> {
        let is_damaged = |id: CopyId| self.observed.damaged.contains(&(shard.clone(), id));
        let others = copies.present().iter().filter(|(id, copy)| {
            copies.primary() != Some(**id)
                && copies.in_sync().contains(id)
                && self.may_lead_on(copy.node)
                && !is_damaged(**id)
        });
        let weight = |node: NodeId| self.tally.primary_weight(node, &shard.index, self.settings);
        let ranked = others.filter_map(|(id, copy)| Some((rank(*id, copy.node)?, weight(copy.node), *id)));
        let best = ranked.min_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
        best.map(|(_, _, id)| id)
    }

    /// Whether somebody is there who could take over, and stays.
    pub(super) fn may_lead_on(&self, node: NodeId) -> bool {
        !self.observed.stopping.contains(&node) && !self.observed.silent.contains(&node)
    }
}

/// Whether all copies of a shard are filled and none moves.
pub(super) fn is_at_rest(copies: &ShardCopies) -> bool {
    copies.primary().is_some()
        && copies.hand_over_under_way().is_none()
        && copies.present().values().all(|copy| copy.stage == Stage::Started && copy.replaces.is_none())
}
