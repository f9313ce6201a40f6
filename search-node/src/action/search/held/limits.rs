//! How many points in time a node holds, how much of them, and for how long.

use std::time::Duration;

use settings::{Setting, Settings, setting};

use super::super::{
    DEFAULT_KEEP_ALIVE, MAX_KEEP_ALIVE, MAX_OPEN_PIT_CONTEXT, MAX_OPEN_SCROLL_CONTEXT, MAX_OPEN_SCROLL_SIZE,
};
use super::Kind;
use crate::coordination::DynamicSettings;
use crate::error::ApiError;
use crate::node::Node;
use crate::time_span::show_span;

/// The rows about them.
pub(crate) const HELD: &[Setting] = &[
    setting(
        MAX_OPEN_SCROLL_CONTEXT,
        settings::Kind::Integer(0, 1_000_000),
        Some("500"),
        "How many shards this node may hold for scrolls; more are answered 429. Each may keep files that were merged away meanwhile. The cluster's setting of this name counts more.",
    ),
    setting(
        MAX_OPEN_SCROLL_SIZE,
        settings::Kind::Bytes,
        Some("32mb"),
        "How much memory scrolls may take together that this node holds: the bodies of their searches, and up to where their hits are handed out. Another one that would take more beside them is answered 429; those that are open go on. The cluster's setting of this name counts more.",
    ),
    setting(
        MAX_OPEN_PIT_CONTEXT,
        settings::Kind::Integer(0, 1_000_000),
        Some("300"),
        "How many shards this node may hold for points in time that clients have opened (`_pit`); more are answered 429. The cluster's setting of this name counts more.",
    ),
    setting(
        DEFAULT_KEEP_ALIVE,
        settings::Kind::Duration,
        Some("5m"),
        "For how long a point in time is held for a client that does not say. The cluster's setting of this name counts more.",
    ),
    setting(
        MAX_KEEP_ALIVE,
        settings::Kind::Duration,
        Some("24h"),
        "For how long a scroll or a point in time may be held without being asked for. The cluster's setting of this name counts more.",
    ),
];

/// What is set, by the cluster or else by the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeldLimits {
    /// How many shards may be held for scrolls.
    pub(crate) scrolls_max: usize,
    /// How many bytes scrolls may take together.
    pub(crate) scroll_bytes_max: u64,
    /// How many shards may be held for points in time that clients have opened.
    pub(crate) points_max: usize,
    /// For how long one is held where the request does not say.
    pub(crate) keep_default: Duration,
    /// For how long one may be held without being asked for.
    pub(crate) keep_max: Duration,
}

impl HeldLimits {
    pub(crate) fn read(settings: &Settings) -> Self {
        Self {
            scrolls_max: settings.count(MAX_OPEN_SCROLL_CONTEXT),
            scroll_bytes_max: settings.bytes(MAX_OPEN_SCROLL_SIZE),
            points_max: settings.count(MAX_OPEN_PIT_CONTEXT),
            keep_default: settings.span(DEFAULT_KEEP_ALIVE),
            keep_max: settings.span(MAX_KEEP_ALIVE),
        }
    }

    /// Those that count on a node now.
    pub(crate) fn of(node: &Node) -> Self {
        match &node.coordinator {
            Some(coordinator) => DynamicSettings::of(&coordinator.map()).held_limits(&node.settings.held),
            None => node.settings.held.clone(),
        }
    }

    /// Whether another shard can be held beside so many.
    pub(super) fn check_room(&self, kind: Kind, there: usize) -> Result<(), ApiError> {
        let (most, error, what, setting) = match kind {
            Kind::Scroll => {
                (self.scrolls_max, "too_many_scroll_contexts_exception", "scroll", MAX_OPEN_SCROLL_CONTEXT)
            }
            Kind::PointInTime => {
                (self.points_max, "es_rejected_execution_exception", "Point In Time", MAX_OPEN_PIT_CONTEXT)
            }
        };
        if there < most {
            return Ok(());
        }
        let reason = format!(
            "Trying to create too many {what} contexts. Must be less than or equal to: [{most}]. This limit can be set by changing the [{setting}] setting."
        );
        Err(ApiError::new(429, error, reason))
    }

    /// Whether a scroll can be held that takes so many bytes beside the others.
    pub(super) fn check_bytes(&self, there: u64, more: u64) -> Result<(), ApiError> {
        let (most, all) = (self.scroll_bytes_max, there.saturating_add(more));
        if all <= most {
            return Ok(());
        }
        let reason = format!(
            "Trying to hold too much for scroll contexts: [{there}b] are held, and this one takes [{more}b]. They must be less than or equal to: [{most}b] together. Clear scrolls that are done with, send a smaller search, or change the [{MAX_OPEN_SCROLL_SIZE}] setting."
        );
        let durability = if more > most { "PERMANENT" } else { "TRANSIENT" };
        Err(ApiError::new(429, "too_many_scroll_contexts_exception", reason)
            .with("bytes_wanted", all)
            .with("bytes_limit", most)
            .with("durability", durability))
    }

    /// Refuses to hold one for too long.
    pub(in crate::action::search) fn check_keep(&self, keep_millis: i64) -> Result<(), ApiError> {
        let most = i64::try_from(self.keep_max.as_millis()).unwrap_or(i64::MAX);
        if keep_millis <= most {
            return Ok(());
        }
        Err(ApiError::argument(format!(
            "Keep alive for request ({}) is too large. It must be less than ({}). This limit can be set by changing the [{}] cluster level setting.",
            show_span(keep_millis),
            show_span(most),
            MAX_KEEP_ALIVE
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_or_longer_than_is_set_is_refused_and_the_setting_named() {
        let limits = HeldLimits {
            scrolls_max: 2,
            scroll_bytes_max: 100,
            points_max: 0,
            keep_default: Duration::from_secs(300),
            keep_max: Duration::from_secs(90),
        };

        assert!(limits.check_room(Kind::Scroll, 1).is_ok() && limits.check_keep(90_000).is_ok());
        let scrolls = limits.check_room(Kind::Scroll, 2).expect_err("too many");
        let points = limits.check_room(Kind::PointInTime, 0).expect_err("none may be");
        let long = limits.check_keep(120_000).expect_err("too long");

        assert!(limits.check_bytes(60, 40).is_ok());
        let large = limits.check_bytes(0, 101).expect_err("too large");
        let much = limits.check_bytes(61, 40).expect_err("too much");
        for (error, durability, part) in
            [(&large, "PERMANENT", "takes [101b]"), (&much, "TRANSIENT", "[61b] are held")]
        {
            assert_eq!((error.status, &error.details["durability"]), (429, &durability.into()));
            for part in [part, "[100b] together", "[search.max_open_scroll_size]", "Clear scrolls"] {
                assert!(error.reason.contains(part), "{part}: {}", error.reason);
            }
        }
        assert_eq!((scrolls.status, points.status, long.status), (429, 429, 400));
        assert!(scrolls.reason.contains("[search.max_open_scroll_context]"), "{}", scrolls.reason);
        assert!(points.reason.contains("[search.max_open_pit_context]"), "{}", points.reason);
        assert!(long.reason.contains("(2m) is too large. It must be less than (1.5m)"), "{}", long.reason);
    }
}
