//! A refusal: why memory was not promised, in words that are true and name what helps.

use crate::error::ApiError;

/// Why memory was not promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request alone takes more than requests may have, however long it waits.
    Never { need: u64, most: u64 },
    /// There is no room now: so much would be used, of at most `most`.
    Full { wanted: u64, most: u64 },
    /// There may be room, but as many wait for it as may.
    Crowded { wanted: u64, queue: usize },
    /// Its turn did not come while it waited.
    Late { wanted: u64 },
}

impl Refusal {
    /// Of a request that has waited as long as it may.
    pub(super) fn after_wait(wanted: u64, most: u64) -> Self {
        if wanted > most { Refusal::Full { wanted, most } } else { Refusal::Late { wanted } }
    }

    /// The answer to a request for `what`. Only one that can never fit is told not to come again.
    pub(super) fn answer(self, what: &str, limit: u64) -> ApiError {
        let (wanted, durability) = match self {
            Refusal::Never { need, .. } => (need, "PERMANENT"),
            Refusal::Full { wanted, .. } | Refusal::Crowded { wanted, .. } | Refusal::Late { wanted } => {
                (wanted, "TRANSIENT")
            }
        };
        let reason = format!("[parent] Data too large, data for [{what}] {}", self.reason(limit));
        ApiError::new(429, "circuit_breaking_exception", reason)
            .with("bytes_wanted", wanted)
            .with("bytes_limit", limit)
            .with("durability", durability)
    }

    fn reason(self, limit: u64) -> String {
        let bound = |most: u64| match most == limit {
            true => format!("the limit of [{limit}b] (memory.limit)"),
            false => {
                format!("the [{most}b] that large requests may use of the limit of [{limit}b] (memory.limit)")
            }
        };
        match self {
            Refusal::Never { need, most } => format!(
                "would take [{need}b] by itself, which is larger than {}; raise memory.limit, or send a smaller document or request",
                bound(most)
            ),
            Refusal::Full { wanted, most } => {
                format!(
                    "would be [{wanted}b], which is larger than {}; send less at once, or later",
                    bound(most)
                )
            }
            Refusal::Crowded { wanted, queue } => format!(
                "would be [{wanted}b] of [{limit}b] (memory.limit), and [{queue}] requests wait for memory already (memory.queue_size); send less at once, or later"
            ),
            Refusal::Late { wanted } => format!(
                "would be [{wanted}b] of [{limit}b] (memory.limit), but others came first for as long as it may wait (memory.wait); send less at once, or later"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_true_and_names_what_helps() {
        for (refusal, durability, parts) in [
            (
                Refusal::Never { need: 300, most: 150 },
                "PERMANENT",
                ["take [300b]", "the [150b]", "raise memory.limit"],
            ),
            (
                Refusal::Full { wanted: 155, most: 150 },
                "TRANSIENT",
                ["be [155b]", "the [150b]", "limit of [160b]"],
            ),
            (
                Refusal::Full { wanted: 170, most: 160 },
                "TRANSIENT",
                ["be [170b]", "than the limit", "[160b]"],
            ),
            (
                Refusal::Crowded { wanted: 90, queue: 7 },
                "TRANSIENT",
                ["[90b]", "[7] requests", "memory.queue_size"],
            ),
            (Refusal::after_wait(90, 150), "TRANSIENT", ["[90b]", "[160b]", "memory.wait"]),
        ] {
            let error = refusal.answer("http_request", 160);

            assert_eq!(
                (error.status, &error.details["durability"]),
                (429, &durability.into()),
                "{refusal:?}"
            );
            for part in parts {
                assert!(error.reason.contains(part), "{part}: {}", error.reason);
            }
        }
    }

    #[test]
    fn what_still_does_not_fit_after_a_wait_is_told_so() {
        assert_eq!(Refusal::after_wait(151, 150), Refusal::Full { wanted: 151, most: 150 });
        assert_eq!(Refusal::after_wait(150, 150), Refusal::Late { wanted: 150 });
    }
}
