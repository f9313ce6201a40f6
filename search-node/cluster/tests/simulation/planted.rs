//! Bugs that real systems had, to be found by the checks.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A write is answered once the primary has it.
    AckBeforeReplica,
    /// A copy answers before what it wrote is synced.
    AckBeforeSync,
    /// A copy takes operations of an older primary.
    NoTermCheck,
    /// Any copy that is there may become primary.
    PromoteStale,
    /// A copy that could not be reached is not waited for, and the map is not asked.
    DropWithoutMap,
    /// What is not confirmed is dropped as soon as a new term begins.
    DropAtNewTerm,
    /// A copy joins as soon as it has begun to catch up.
    JoinTooEarly,
    /// A new primary leaves the numbers that it lacks open.
    GapsStayOpen,
    /// A new primary does not name what it has.
    NoResync,
    /// An operation of an older primary that gets to the disk late counts for the new one.
    LateDisk,
    /// The checkpoint of all is taken from one copy.
    CheckpointOfOne,
    /// A primary hands over while something is not done.
    HandOverBeforeDone,
    /// A primary that has asked to hand over goes on by itself when it takes too long.
    GoesOnAfterAsking,
    /// An old primary goes on acknowledging without the copy that it handed over to.
    AcknowledgesWithoutSuccessor,
    /// A copy that is being filled may be handed over to.
    HandOverToStale,
    /// What was asked in an attempt that is over counts for the next one.
    AnyAttempt,
    /// A copy keeps what it had of a history that was given up.
    KeepsAnotherHistory,
}

impl Bug {
    pub(crate) const ALL: [Self; 17] = [
        Self::AckBeforeReplica,
        Self::AckBeforeSync,
        Self::NoTermCheck,
        Self::PromoteStale,
        Self::DropWithoutMap,
        Self::DropAtNewTerm,
        Self::JoinTooEarly,
        Self::GapsStayOpen,
        Self::NoResync,
        Self::LateDisk,
        Self::CheckpointOfOne,
        Self::HandOverBeforeDone,
        Self::GoesOnAfterAsking,
        Self::AcknowledgesWithoutSuccessor,
        Self::HandOverToStale,
        Self::AnyAttempt,
        Self::KeepsAnotherHistory,
    ];

    /// Where the search for it begins, so that it is found soon. It is where the bug was found that was none of our planting.
    pub(crate) fn first_seed(self) -> u64 {
        match self {
            Self::LateDisk => 1_750,
            Self::GoesOnAfterAsking => 40,
            Self::AnyAttempt => 1_010,
            Self::DropAtNewTerm => 30,
            _ => 0,
        }
    }
}
