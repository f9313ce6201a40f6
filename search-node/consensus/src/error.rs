//! What can go wrong while nodes agree.

use crate::log_store::StoreError;
use crate::status::Leader;

/// Why a node does not take part.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What it promised is not on its disk, or the disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The times do not fit one another.
    #[error(
        "consensus: the times do not fit: {0}; the heartbeat must be shorter than the shortest election timeout"
    )]
    Timing(String),
    /// It stopped at once.
    #[error("consensus: the node did not start: {0}")]
    Stopped(String),
}

/// Why a proposal was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ProposeError {
    /// This node does not lead. If it led a moment ago the proposal may still be agreed on: whoever repeats it makes it
    /// so that twice is as good as once.
    #[error("consensus: this node does not lead; {}", Leader::advice(.leader))]
    NotLeader {
        /// Who does, if that is known.
        leader: Option<Leader>,
    },
    /// There was no answer in time. The proposal may be agreed on, now or later.
    #[error(
        "consensus: no majority agreed within {within_ms} ms, and may still do so; look at the state before proposing it again"
    )]
    Unknown {
        /// How long it was waited for.
        within_ms: u128,
    },
    /// No log takes it.
    #[error("consensus: a proposal of {bytes} bytes is longer than {max}; split it")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long one may be.
        max: usize,
    },
    /// The node has stopped meanwhile. The proposal may be agreed on all the same.
    #[error(
        "consensus: this node no longer takes part: {0}; the others may still agree, so look at the state before proposing it again"
    )]
    Stopped(String),
}

/// Why a read is not known to be up to date.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// This node does not lead.
    #[error("consensus: this node does not lead; {}", Leader::advice(.leader))]
    NotLeader {
        /// Who does, if that is known.
        leader: Option<Leader>,
    },
    /// No majority said that this node still leads.
    #[error("consensus: no majority confirmed that this node leads; ask again once more voters are there")]
    NoMajority,
    /// The node has stopped.
    #[error(
        "consensus: this node no longer takes part: {0}; see its log for the first failure, and restart it"
    )]
    Stopped(String),
}

/// Why the members did not change.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// This node does not lead.
    #[error("consensus: this node does not lead; {}", Leader::advice(.leader))]
    NotLeader {
        /// Who does, if that is known.
        leader: Option<Leader>,
    },
    /// The change is not allowed, or not now.
    #[error(
        "consensus: the members cannot change so: {0}; wait until the change before is agreed on, then try again"
    )]
    Refused(String),
    /// There was no answer in time. The change may be agreed on, now or later.
    #[error(
        "consensus: no majority agreed on the change within {within_ms} ms, and may still do so; look at the members"
    )]
    Unknown {
        /// How long it was waited for.
        within_ms: u128,
    },
    /// The node has stopped.
    #[error(
        "consensus: this node no longer takes part: {0}; see its log for the first failure, and restart it"
    )]
    Stopped(String),
}
