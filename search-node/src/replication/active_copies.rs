//! `wait_for_active_shards`: how many copies of a shard have to serve.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::ApiError;

/// How many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum ActiveCopies {
    Number(u32),
    /// As many as there should be.
    All,
    /// As many as the index says (`index.write.wait_for_active_shards`); where it says nothing either, the primary is enough.
    #[default]
    OfIndex,
}

impl ActiveCopies {
    /// Reads `all` or a number; that it is one of those was checked with all parameters.
    pub(crate) fn read(text: &str) -> Result<Self, ApiError> {
        match text {
            "all" => Ok(Self::All),
            "index-setting" => Ok(Self::OfIndex),
            number => number
                .parse()
                .map(Self::Number)
                .map_err(|_| ApiError::argument(format!("cannot parse ActiveShardCount[{text}]"))),
        }
    }

    /// How many that are where one copy and so many others are wanted.
    pub(crate) fn of(self, replicas: u32) -> u32 {
        match self {
            Self::Number(number) => number,
            Self::All => replicas.saturating_add(1),
            Self::OfIndex => 1,
        }
    }

    /// The same of an index that says so many where a request does not.
    pub(crate) fn of_index(self, said: Self) -> Self {
        if self == Self::OfIndex { said } else { self }
    }

    /// Whether there is anything to wait for: a primary is there anyway.
    pub(crate) fn is_usual(self) -> bool {
        matches!(self, Self::Number(1) | Self::OfIndex)
    }
}

/// How many copies have to be there before anything is written, and how long they are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActiveWait {
    pub(crate) copies: ActiveCopies,
    pub(crate) within: Duration,
    /// Somebody has waited. Whoever writes waits only so much longer: its node may not have followed the map as far.
    pub(crate) left: Option<Duration>,
}

/// As in Elasticsearch, where a request does not say (`timeout`).
const ACTIVE_WITHIN: Duration = Duration::from_secs(60);

/// How much later than another node the one with the primary may know that copies are there.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(2);

impl Default for ActiveWait {
    fn default() -> Self {
        Self::of(ActiveCopies::default())
    }
}

impl ActiveWait {
    pub(crate) fn of(copies: ActiveCopies) -> Self {
        Self { copies, within: ACTIVE_WITHIN, left: None }
    }

    /// The same once it was waited for, by who holds no place in a pool; with success or in vain.
    pub(crate) fn waited(self, is_met: bool) -> Self {
        Self { left: Some(if is_met { FOLLOWED_WITHIN } else { Duration::ZERO }), ..self }
    }

    /// The same of an index that says so many copies where a request does not.
    pub(crate) fn of_index(self, said: ActiveCopies) -> Self {
        Self { copies: self.copies.of_index(said), ..self }
    }

    pub(crate) fn is_usual(&self) -> bool {
        self.copies.is_usual()
    }
}
