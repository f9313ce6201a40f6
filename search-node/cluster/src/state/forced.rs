//! A primary where no copy has what was acknowledged: whoever asks for one gives up what is lost.
//!
//! With it begins another *history*: the same number and an earlier term may be another operation there. So nothing is kept of what
//! copies hold that were named before.

use super::{CopyError, CopyId, NodeId, ShardCopies, UnassignedReason};

impl ShardCopies {
    /// A new copy becomes primary: an empty one, or one made of an older one that its node has, `made_of`. All that other copies
    /// have is given up.
    pub fn force_primary(
        &mut self,
        copy: CopyId,
        node: NodeId,
        made_of: Option<CopyId>,
    ) -> Result<(), CopyError> {
        if let Some(primary) = self.primary {
            return Err(CopyError::Taken(primary));
        }
        self.unassigned.failures = 0;
        if made_of.is_some() {
            self.begins_with(copy, node, made_of);
        } else {
            self.begins_empty(copy, node);
            self.unassigned.because(UnassignedReason::ForcedEmptyPrimary, None);
        }
        Ok(())
    }

    /// Whether something that an older copy holds may be kept for a newer one of the same node: not if what was acknowledged has
    /// been given up since.
    pub fn is_of_this_history(&self, copy: CopyId) -> bool {
        copy >= self.history
    }
}
