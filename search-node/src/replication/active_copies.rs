//! `wait_for_active_shards`: how many copies of a shard have to serve.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::ApiError;

/// How many; where nothing is said, the primary is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ActiveCopies {
    Number(u32),
    /// As many as there should be.
    All,
}

impl Default for ActiveCopies {
    fn default() -> Self {
        Self::Number(1)
    }
}

impl ActiveCopies {
    /// Reads `all` or a number; that it is one of those was checked with all parameters.
    pub(crate) fn read(text: &str) -> Result<Self, ApiError> {
        match text {
            "all" => Ok(Self::All),
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
        }
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

    /// Whether there is anything to wait for: a primary is there anyway.
    pub(crate) fn is_usual(&self) -> bool {
        self.copies == ActiveCopies::default()
    }
}
