//! What a connection is for.

/// What a connection is for. Each lane to a node is a connection of its own, so that a heartbeat never waits behind a bulk
/// or a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Votes, heartbeats and entries of the log that the nodes agree on.
    Consensus,
    /// The state of the cluster, joins, and what else is small and must come through.
    State,
    /// Operations on documents and searches.
    Data,
    /// Whole copies of shards.
    Recovery,
    /// What primaries have other copies do. They never wait behind who waits for them: two nodes with primaries and replicas of each
    /// other would wait for one another.
    Replication,
}

impl Lane {
    /// All of them.
    pub const ALL: [Lane; 5] = [Lane::Consensus, Lane::State, Lane::Data, Lane::Recovery, Lane::Replication];

    /// Its number in the handshake.
    pub(crate) fn number(self) -> u8 {
        match self {
            Lane::Consensus => 0,
            Lane::State => 1,
            Lane::Data => 2,
            Lane::Recovery => 3,
            Lane::Replication => 4,
        }
    }

    /// The lane of a number.
    pub(crate) fn of(number: u8) -> Option<Lane> {
        Self::ALL.into_iter().find(|lane| lane.number() == number)
    }
}
