//! What this node knows of how soon the others answer searches, kept while it runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cluster::state::NodeId;
use parking_lot::Mutex;

use super::rank::{self, Figures, Known};

/// The nodes that searches of this one have asked, this one too.
#[derive(Default)]
pub(crate) struct Soonest {
    known: Mutex<BTreeMap<NodeId, Known>>,
}

/// A node that has answered, as searches of this one see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub node: NodeId,
    pub under_way: usize,
    pub queue: f64,
    pub service_millis: f64,
    pub response_millis: f64,
    pub rank: f64,
}

/// A question that was not answered yet.
pub(super) struct Asked {
    soonest: Arc<Soonest>,
    node: NodeId,
}

impl Soonest {
    /// Puts the nodes with copies of each shard into the order in which they are to be asked, and forgets nodes that are gone.
    pub(super) fn order<'a>(
        &self,
        shards: impl IntoIterator<Item = &'a mut Vec<NodeId>>,
        is_there: impl Fn(&NodeId) -> bool,
    ) {
        let mut known = self.known.lock();
        known.retain(|node, known| known.under_way > 0 || is_there(node));
        rank::order(&mut known, shards);
    }

    /// The nodes that have answered.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let known = self.known.lock();
        let seen = known.iter().filter_map(|(node, known_node)| {
            let figures = known_node.figures?;
            Some(Seen {
                node: *node,
                under_way: known_node.under_way,
                queue: figures.queue,
                service_millis: figures.service,
                response_millis: figures.response,
                rank: figures.rank(known_node.under_way, known.len()),
            })
        });
        seen.collect()
    }

    /// A node is asked now.
    pub(super) fn ask(self: &Arc<Self>, node: NodeId) -> Asked {
        self.known.lock().entry(node).or_default().under_way += 1;
        Asked { soonest: Arc::clone(self), node }
    }
}

impl Asked {
    /// It has answered after so long, and says how long it worked on that and how many searches waited there.
    pub(super) fn answered(self, response: Duration, service: Duration, queue: usize) {
        let newest = Figures { response: millis(response), service: millis(service), queue: queue as f64 };
        self.note(|known| known.note(newest));
    }

    /// It could not be asked, or has not answered for so long.
    pub(super) fn was_silent(self, waited: Duration) {
        self.note(|known| known.note_silence(millis(waited)));
    }

    fn note(&self, note: impl FnOnce(&mut Known)) {
        note(self.soonest.known.lock().entry(self.node).or_default());
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(known) = self.soonest.known.lock().get_mut(&self.node) {
            known.under_way = known.under_way.saturating_sub(1);
        }
    }
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_is_counted_until_it_is_answered_or_given_up() {
        let soonest = Arc::<Soonest>::default();
        let node = NodeId(7);
        let under_way = || soonest.known.lock().get(&node).map(|known| known.under_way);

        let [first, second] = [soonest.ask(node), soonest.ask(node)];
        assert_eq!(under_way(), Some(2));
        first.answered(Duration::from_millis(2), Duration::from_millis(1), 3);
        assert_eq!(under_way(), Some(1));
        assert!(soonest.known.lock()[&node].figures.is_some_and(|figures| figures.queue == 3.0));

        soonest.order([], |_| false);
        assert_eq!(under_way(), Some(1), "it is still owed an answer");
        drop(second);
        soonest.order([], |_| false);
        assert_eq!(under_way(), None, "it is gone");
    }
}
