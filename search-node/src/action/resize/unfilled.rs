//! Why a shard was not filled, and so what becomes of its copy.

use crate::error::ApiError;

/// What was in the way.
#[derive(Debug)]
pub(super) enum Unfilled {
    /// The source, memory, or a disk that is too full: it passes, and no other node would do better. It is tried again for as long as it takes.
    Passing(ApiError),
    /// The disk or the shard of this node: another one may do better.
    Here(ApiError),
    /// The documents themselves: it is the same whenever and wherever it is tried.
    Documents(ApiError),
}

impl Unfilled {
    /// A fault of what is agreed on with others: one of them may just not be there.
    pub(super) fn agreed(error: ApiError) -> Self {
        if matches!(error.status, 429 | 503) { Self::Passing(error) } else { Self::Here(error) }
    }

    /// How often it was tried in vain on this node, if so often before.
    pub(super) fn tries(&self, before: u32, most: u32) -> u32 {
        match self {
            Self::Passing(_) => before,
            Self::Here(_) => before.saturating_add(1),
            Self::Documents(_) => most,
        }
    }

    pub(super) fn into_error(self) -> ApiError {
        match self {
            Self::Passing(error) | Self::Here(error) | Self::Documents(error) => error,
        }
    }
}

/// What the shard says that is written to.
impl From<shard::EngineError> for Unfilled {
    fn from(error: shard::EngineError) -> Self {
        Self::Here(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wrong_with_this_node_or_the_documents_counts_against_a_copy() {
        let error = |status| ApiError::new(status, "a_kind", "a reason");
        for (fault, tries) in [
            (Unfilled::Passing(ApiError::closed("src", "uuid")), 1),
            (Unfilled::Passing(error(429)), 1),
            (Unfilled::agreed(error(503)), 1),
            (Unfilled::agreed(error(429)), 1),
            (Unfilled::agreed(error(400)), 2),
            (Unfilled::Here(error(503)), 2),
            (Unfilled::Documents(error(400)), 3),
        ] {
            assert_eq!(fault.tries(1, 3), tries, "{fault:?}");
        }
    }
}
