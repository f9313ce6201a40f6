//! What a request for the cluster's health waits for.

use std::sync::Arc;
use std::time::Duration;

use cluster::health::{ClusterHealth, Status};
use tokio::time::{Instant, timeout_at};

use super::view::View;
use crate::error::ApiError;
use crate::node::Node;
use crate::replication::ActiveCopies;

/// How soon it is looked again where a copy here cannot be opened: the map does not tell when it can.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What has to be so before the answer is given.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct HealthWishes {
    /// This well, or better.
    pub(crate) status: Option<Status>,
    pub(crate) nodes: Option<NodesWish>,
    /// So many copies that serve, of all shards together.
    pub(crate) active: Option<ActiveCopies>,
    pub(crate) is_nothing_relocating: bool,
    pub(crate) is_nothing_initializing: bool,
}

/// How many nodes there have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodesWish {
    Exactly(usize),
    AtLeast(usize),
    AtMost(usize),
}

impl NodesWish {
    /// Reads `3`, `>=3`, `<3`, `ge(3)`, `lt(3)`.
    pub(crate) fn read(text: &str) -> Result<Self, ApiError> {
        let fault = || {
            ApiError::argument(format!(
                "cannot read [wait_for_nodes] of [{text}]; give a number, or one after >=, <=, >, <, or in ge(), le(), gt(), lt()"
            ))
        };
        let called = |word: &str| text.strip_prefix(word)?.strip_prefix('(')?.strip_suffix(')');
        let (kind, number) = [(">=", "ge"), ("<=", "le"), (">", "gt"), ("<", "lt")]
            .into_iter()
            .find_map(|(sign, word)| Some((sign, text.strip_prefix(sign).or_else(|| called(word))?)))
            .unwrap_or(("=", text));
        let number: usize = number.trim().parse().map_err(|_| fault())?;
        match kind {
            ">=" => Ok(Self::AtLeast(number)),
            "<=" => Ok(Self::AtMost(number)),
            ">" => Ok(Self::AtLeast(number.saturating_add(1))),
            // Fewer than none is never.
            "<" => number.checked_sub(1).map(Self::AtMost).ok_or_else(fault),
            _ => Ok(Self::Exactly(number)),
        }
    }

    fn is_met(self, nodes: usize) -> bool {
        match self {
            Self::Exactly(number) => nodes == number,
            Self::AtLeast(number) => nodes >= number,
            Self::AtMost(number) => nodes <= number,
        }
    }
}

impl HealthWishes {
    fn is_met(&self, health: &ClusterHealth) -> bool {
        let counts = &health.counts;
        let is_active = match self.active {
            None | Some(ActiveCopies::OfIndex) => true,
            Some(ActiveCopies::Number(number)) => counts.active >= number as usize,
            Some(ActiveCopies::All) => counts.unassigned == 0 && counts.initializing == 0,
        };
        is_active
            && self.status.is_none_or(|status| health.status <= status)
            && self.nodes.is_none_or(|nodes| nodes.is_met(health.nodes))
            && !(self.is_nothing_relocating && counts.relocating > 0)
            && !(self.is_nothing_initializing && counts.initializing > 0)
    }
}

/// Waits until the cluster is as wished. `look` shows what the request is about; none while an index that it names is not there.
/// Gives what was seen last, and whether that is not as wished.
pub(crate) async fn wait_for(
    node: &Arc<Node>,
    wishes: &HealthWishes,
    within: Duration,
    look: impl Fn() -> Result<(View, bool), ApiError>,
) -> Result<(View, bool), ApiError> {
    let deadline = Instant::now() + within;
    let mut changes = node.coordinator.as_ref().map(|coordinator| coordinator.changes());
    loop {
        if let Some(changes) = &mut changes {
            changes.borrow_and_update();
        }
        let (view, is_there) = look()?;
        if is_there && wishes.is_met(&view.health(&Default::default())) {
            return Ok((view, false));
        }
        if Instant::now() >= deadline || node.stopping.is_cancelled() {
            return Ok((view, true));
        }
        let is_whole = changes.is_some() && view.nameless == 0 && node.indices.lost().is_empty();
        let look_at =
            if is_whole && !has_failed(node) { deadline } else { deadline.min(Instant::now() + LOOK_AGAIN) };
        let changed = async {
            match &mut changes {
                Some(changes) => drop(changes.changed().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = node.stopping.cancelled() => {}
            _ = timeout_at(look_at, changed) => {}
        }
    }
}

fn has_failed(node: &Node) -> bool {
    let is_failed = |state| state == crate::indices::CopyState::Failed;
    node.indices.all().iter().any(|index| index.copy_states().any(is_failed))
}

#[cfg(test)]
mod tests {
    use cluster::health::Counts;

    use super::*;

    #[test]
    fn numbers_of_nodes_are_read_in_both_ways() {
        for (text, fits) in [
            ("2", [false, true, false]),
            (">=2", [false, true, true]),
            ("ge(2)", [false, true, true]),
            (">2", [false, false, true]),
            ("gt(2)", [false, false, true]),
            ("<=2", [true, true, false]),
            ("le(2)", [true, true, false]),
            ("<2", [true, false, false]),
            ("lt(2)", [true, false, false]),
        ] {
            let wish = NodesWish::read(text).expect(text);
            assert_eq!([1, 2, 3].map(|nodes| wish.is_met(nodes)), fits, "{text}");
        }
        for text in ["", "many", ">=", "ge(2", "<0", "=>2", "-1"] {
            assert!(NodesWish::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_wish_has_to_be_met() {
        let health = ClusterHealth {
            status: Status::Yellow,
            nodes: 3,
            data_nodes: 2,
            counts: Counts { active: 4, initializing: 1, relocating: 1, ..Counts::default() },
            ..ClusterHealth::default()
        };
        let none = HealthWishes::default();
        for (wishes, is_met) in [
            (none.clone(), true),
            (HealthWishes { status: Some(Status::Red), ..none.clone() }, true),
            (HealthWishes { status: Some(Status::Yellow), ..none.clone() }, true),
            (HealthWishes { status: Some(Status::Green), ..none.clone() }, false),
            (HealthWishes { nodes: Some(NodesWish::AtLeast(4)), ..none.clone() }, false),
            (HealthWishes { active: Some(ActiveCopies::Number(4)), ..none.clone() }, true),
            (HealthWishes { active: Some(ActiveCopies::Number(5)), ..none.clone() }, false),
            (HealthWishes { active: Some(ActiveCopies::All), ..none.clone() }, false),
            (HealthWishes { is_nothing_relocating: true, ..none.clone() }, false),
            (HealthWishes { is_nothing_initializing: true, ..none }, false),
        ] {
            assert_eq!(wishes.is_met(&health), is_met, "{wishes:?}");
        }
    }
}
