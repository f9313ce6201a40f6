//! Bugs that tests of a cluster plant, to see that they would find them. Only a build with the feature `planted` has them; `WEIR_PLANTED`
//! names the one that is there.

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A write is answered before other copies have it.
    AcknowledgeAlone,
    /// A primary that is over says that what it does not know was done.
    UnknownIsDone,
    /// A copy that does not answer stays in sync, and the write is answered all the same.
    LateIsDone,
    /// A replica takes no deletes.
    DeletesAreLost,
    /// What a copy lacks is taken for sent.
    HistoryIsSkipped,
    /// A replica keeps what its new primary does not have.
    LeftOversStay,
    /// A document is read from any copy.
    ReadsAnywhere,
    /// A demand for a sequence number is passed over.
    VersionsAreNotCompared,
    /// A request of which nobody knows whether it was done is tried again.
    TriedTwice,
    /// A node on loopback founds a cluster whatever the registry says.
    FoundedTwice,
    /// A primary tells what it has, whether or not it may know that this is the newest.
    LeaseIsNotLookedAt,
    /// A change is acknowledged before the other nodes follow it.
    ChangesAreAcknowledgedEarly,
}

/// Whether a bug is planted.
#[cfg(not(feature = "planted"))]
pub(crate) const fn is_planted(_: Bug) -> bool {
    false
}

/// Whether a bug is planted.
#[cfg(feature = "planted")]
pub(crate) fn is_planted(bug: Bug) -> bool {
    static NAME: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let name = NAME.get_or_init(|| std::env::var("WEIR_PLANTED").unwrap_or_default());
    format!("{bug:?}") == *name
}
