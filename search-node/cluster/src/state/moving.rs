//! Copies that move: another one, which names the first, is filled in its place.

use super::{CopyId, ShardCopies};

impl ShardCopies {
    /// The copy that another one is moving to.
    pub fn replacement_of(&self, copy: CopyId) -> Option<CopyId> {
        self.present().iter().find(|(_, other)| other.replaces == Some(copy)).map(|(id, _)| *id)
    }

    /// How many copies there are, where one that moves counts once.
    pub fn standing(&self) -> usize {
        self.present().values().filter(|copy| copy.replaces.is_none()).count()
    }
}
