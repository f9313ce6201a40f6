//! The actions of a bulk request as they are spread over the nodes with their primaries.

use std::sync::Arc;

use bytes::Bytes;

use super::carried::{Outcome, pack, unpack_outcomes};
use super::line::{Action, Head, Op};
use super::named::Named;
use super::{Bulk, Given, append_error};
use crate::action::at_primaries::{Spread, do_at_primaries};
use crate::action::home::{Home, home_of};
use crate::coordination::{Action as Asked, Coordinator};
use crate::error::ApiError;
use crate::indices::{IdMaker, Index};
use crate::node::Node;

/// An action with the index and the id that it is done under.
struct Placed<'a> {
    head: Arc<Head>,
    source: &'a [u8],
    index: Option<Arc<Index>>,
}

/// The actions that came together.
struct Actions<'a, 'b> {
    bulk: &'b mut Bulk,
    placed: Vec<Placed<'a>>,
}

impl Bulk {
    /// Does actions, each where its primary is, and appends their items in their order.
    pub(super) fn spread(
        &mut self,
        node: &Node,
        coordinator: &Arc<Coordinator>,
        actions: &[Action<'_>],
        items: &mut Vec<u8>,
    ) {
        let mut ids = IdMaker::at(node.clock.now_millis());
        let placed: Vec<Placed<'_>> = actions.iter().map(|action| place(node, action, &mut ids)).collect();
        for index in placed.iter().filter_map(|placed| placed.index.as_ref()) {
            self.remember(std::iter::once(index));
        }
        let outcomes = do_at_primaries(node, coordinator, &mut Actions { bulk: self, placed });
        for (item, is_error) in outcomes {
            self.errors |= is_error;
            items.extend_from_slice(&item);
        }
    }
}

impl Spread for Actions<'_, '_> {
    /// The item of the answer, and whether it tells of an error.
    type Outcome = (Vec<u8>, bool);
    const ACTION: Asked = Asked::Bulk;

    fn count(&self) -> usize {
        self.placed.len()
    }

    fn home(&self, at: usize, coordinator: &Coordinator) -> Home {
        let Placed { head, index, .. } = &self.placed[at];
        let (Some(index), Some(id)) = (index, &head.target.id) else { return Home::Here };
        home_of(coordinator, index, id, head.target.routing.as_deref())
    }

    fn do_here(&mut self, node: &Node, ats: &[usize]) -> Vec<Option<Self::Outcome>> {
        let action = |at: &usize| {
            let placed = &self.placed[*at];
            Action { head: Arc::clone(&placed.head), source: placed.source }
        };
        let actions: Vec<Action<'_>> = ats.iter().map(action).collect();
        let mut outcomes = Vec::with_capacity(ats.len());
        self.bulk.do_here(node, &actions, None, |given| {
            outcomes.push(match given {
                Given::Item { item, is_error } => Some((item.to_vec(), is_error)),
                Given::Elsewhere { .. } => None,
            });
        });
        outcomes
    }

    fn pack(&self, ats: &[usize]) -> Bytes {
        let carried = ats.iter().map(|at| (&*self.placed[*at].head, self.placed[*at].source));
        pack(carried, &self.bulk.options)
    }

    fn unpack(&self, answer: &[u8]) -> Result<Vec<Option<Self::Outcome>>, ApiError> {
        let outcomes = unpack_outcomes(answer)?.into_iter().map(|outcome| match outcome {
            Outcome::Item { item, is_error } => Some((item, is_error)),
            Outcome::Elsewhere => None,
        });
        Ok(outcomes.collect())
    }

    fn failed(&self, at: usize, error: ApiError) -> Self::Outcome {
        let mut item = Vec::new();
        append_error(&self.placed[at].head, &error, &mut item);
        (item, true)
    }

    fn index(&self, at: usize) -> Option<&Index> {
        self.placed[at].index.as_deref()
    }

    fn names(&self, at: usize) -> (&str, &str) {
        let target = &self.placed[at].head.target;
        (&target.index, target.id.as_deref().unwrap_or_default())
    }
}

/// Finds the index of an action, which is made if need be, and gives it an id if it has none. What is wrong with it is found
/// again by whoever does it here.
fn place<'a>(node: &Node, action: &Action<'a>, ids: &mut IdMaker) -> Placed<'a> {
    let (mut head, source) = (Arc::clone(&action.head), action.source);
    let found = Named::by(&head).and_then(|named| named.find(node));
    let is_direct = |index: &Index| match head.op {
        Op::Delete => true,
        _ => {
            let (target, condition) = (&head.target, head.options.condition);
            node.indices.check_direct(&target.index, index, head.is_create(), condition).is_ok()
                && node.indices.check_stream_routing(&target.index, target.routing.as_deref()).is_ok()
        }
    };
    let routed = found.filter(|index| is_direct(index)).and_then(|index| {
        let routing = head.target.routed(node, &index).ok()?.routing.clone();
        Some((index, routing))
    });
    let is_wanting = |index: &Index, routing: &Option<String>| index.requires_routing() && routing.is_none();
    let Some((index, routing)) = routed.filter(|(index, routing)| !is_wanting(index, routing)) else {
        return Placed { head, source, index: None };
    };
    let own = Arc::make_mut(&mut head);
    own.target.routing = routing;
    own.options.is_resolved = true;
    own.target.index = index.name.as_str().into();
    own.options.require_alias = false;
    if own.target.id.is_none() {
        own.target.id = Some(ids.id());
        own.options.is_new_id = true;
    }
    Placed { head, source, index: Some(index) }
}
