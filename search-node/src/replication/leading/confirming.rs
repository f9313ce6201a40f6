//! What was read on a primary is told only once all copies in sync have it, and if no other copy was primary when it was read.

use std::time::Instant;

use cluster::state::ClusterState;

use super::Leading;
use crate::error::ApiError;

impl Leading {
    /// Returns once somebody may be told what was read here, up to an operation: all copies in sync have that, and no other copy was
    /// primary when it was read.
    pub(crate) async fn confirm(&self, seq_no: i64) -> Result<(), ApiError> {
        if self.has_others() {
            self.wait_settled(seq_no).await?;
        } else {
            self.wait_durable().await?;
        }
        if self.outside.map().nodes.len() < 2 {
            // Who is alone decides alone.
            return if self.check() { Ok(()) } else { Err(self.moved("it is primary no longer")) };
        }
        let deadline = Instant::now() + self.settings.timeout;
        loop {
            self.outside.wait_may_tell(deadline).await?;
            self.check_named(&self.outside.map())?;
            // Opened again since, it may not have what was read.
            if !self.check() {
                return Err(self.moved("its shard has failed, and goes on in another term"));
            }
            // Looked at last: what was found before it was so.
            if self.outside.may_tell() {
                return Ok(());
            }
        }
    }

    /// Waits until everything that was written here is durable, where that is promised for each request: what a crash takes back was
    /// told to nobody.
    async fn wait_durable(&self) -> Result<(), ApiError> {
        let Some(shard) = self.stored.opened().filter(|_| self.stored.syncs_each_request()) else {
            return Ok(());
        };
        if shard.is_synced() {
            return Ok(());
        }
        let synced = self.runtime.spawn_blocking(move || shard.sync_all()).await;
        synced.map_err(|error| ApiError::internal(format!("syncing broke: {error}")))?.map_err(ApiError::from)
    }

    /// Waits until all copies in sync have an operation.
    async fn wait_settled(&self, seq_no: i64) -> Result<(), ApiError> {
        let deadline = tokio::time::Instant::now() + self.settings.timeout;
        let mut pulse = self.pulse();
        while self.global() < seq_no {
            if self.is_over() {
                return Err(self.moved("it is primary no longer"));
            }
            if tokio::time::timeout_at(deadline, pulse.changed()).await.is_err() {
                return Err(self.unavailable("what was read is not on all copies yet; read it again"));
            }
        }
        Ok(())
    }

    /// Whether a map names this primary, and the map was not asked to name another one.
    fn check_named(&self, map: &ClusterState) -> Result<(), ApiError> {
        let is_named = map
            .shard(&self.shard)
            .is_some_and(|copies| copies.term() == self.term && copies.primary() == Some(self.copy));
        let state = self.state.lock();
        if !is_named || self.is_over() || state.primary.has_asked_to_hand_over() {
            return Err(self.moved("it is primary no longer, or hands over"));
        }
        Ok(())
    }

    /// The same for who waits on a thread.
    pub(crate) fn confirm_here(&self, seq_no: i64) -> Result<(), ApiError> {
        self.runtime.block_on(self.confirm(seq_no))
    }
}
