//! Commands about one shard, or about the copies of all.

use super::{ClusterState, Command, CopyError, CopyId, Refusal, ShardCopies, ShardId};

impl ClusterState {
    pub(super) fn apply_to_shard(&mut self, command: Command) -> Result<(), Refusal> {
        match command {
            Command::PlaceFirst { shard, copy, node } => {
                self.check_node(node)?;
                self.name_copy(copy, &shard, |copies| copies.place_first(copy, node))?;
            }
            Command::AddCopy { shard, copy, node, replaces } => {
                self.check_node(node)?;
                let wanted = self.wanted_copies(&shard);
                self.name_copy(copy, &shard, |copies| {
                    copies.add(copy, node, replaces)?;
                    copies.settle(wanted);
                    Ok(())
                })?;
            }
            Command::Return { shard, copy, node } => {
                self.check_node(node)?;
                self.change(&shard, |copies| copies.returned(copy, node))?;
            }
            Command::Promote { shard, copy, seen_term } => {
                self.check_seen_term(&shard, seen_term)?;
                self.change(&shard, |copies| copies.promote(copy))?;
            }
            Command::MarkInSync { shard, copy, term } => {
                self.change(&shard, |copies| copies.mark_in_sync(copy, term))?;
            }
            Command::DropCopy { shard, copy, term } => {
                self.change(&shard, |copies| copies.drop_copy(copy, term))?;
            }
            Command::BeginHandOver { shard, to, term } => {
                self.change(&shard, |copies| copies.begin_hand_over(to, term))?;
            }
            Command::HandOver { shard, to, term, attempt } => {
                self.change(&shard, |copies| copies.hand_over(to, term, attempt))?;
            }
            Command::AbortHandOver { shard, term, attempt } => {
                self.change(&shard, |copies| copies.abort_hand_over(term, attempt))?;
            }
            Command::FailCopy { shard, copy, term, details } => {
                self.check_seen_term(&shard, term)?;
                self.change(&shard, |copies| copies.failed(copy, details))?;
            }
            Command::CancelCopy { shard, copy, term } => {
                self.change(&shard, |copies| copies.cancel(copy, term))?;
            }
            Command::RetryFailed => {
                let shards = self.indices.values_mut().flat_map(|index| &mut index.shards);
                shards.for_each(ShardCopies::retry);
            }
            Command::ForceEmptyPrimary { shard, copy, node, seen_term } => {
                self.check_node(node)?;
                self.check_seen_term(&shard, seen_term)?;
                self.name_copy(copy, &shard, |copies| copies.force_primary(copy, node, None))?;
            }
            Command::ForceStalePrimary { shard, copy, node, made_of, seen_term } => {
                self.check_node(node)?;
                self.check_seen_term(&shard, seen_term)?;
                self.name_copy(copy, &shard, |copies| copies.force_primary(copy, node, Some(made_of)))?;
            }
            Command::Join { .. }
            | Command::Name { .. }
            | Command::Leave { .. }
            | Command::CreateIndex { .. }
            | Command::DeleteIndex { .. }
            | Command::ChangeIndex { .. }
            | Command::ChangeMetadata { .. }
            | Command::Expect(_)
            | Command::SetFilters { .. }
            | Command::Once { .. }
            | Command::Several(_) => return Err(Refusal::Nested),
        }
        Ok(())
    }

    /// A change that names a copy, which nobody was called before.
    fn name_copy(
        &mut self,
        copy: CopyId,
        shard: &ShardId,
        change: impl FnOnce(&mut ShardCopies) -> Result<(), CopyError>,
    ) -> Result<(), Refusal> {
        if copy <= CopyId(self.last_copy) {
            return Err(Refusal::OldName(copy));
        }
        self.change(shard, change)?;
        self.last_copy = copy.0;
        Ok(())
    }

    fn check_seen_term(&self, shard: &ShardId, seen: u64) -> Result<(), Refusal> {
        let copies = self.shard(shard).ok_or_else(|| Refusal::NoShard(shard.clone()))?;
        if copies.term() == seen { Ok(()) } else { Err(Refusal::Overtaken(shard.clone())) }
    }

    fn change(
        &mut self,
        id: &ShardId,
        change: impl FnOnce(&mut ShardCopies) -> Result<(), CopyError>,
    ) -> Result<(), Refusal> {
        let index = self.indices.get_mut(&id.index);
        let shard = index.and_then(|index| index.shards.get_mut(id.number as usize));
        let shard = shard.ok_or_else(|| Refusal::NoShard(id.clone()))?;
        change(shard).map_err(|reason| Refusal::Copy { shard: id.clone(), reason })
    }
}
