//! Which copy of a shard answers soonest, as far as can be told: decisions without I/O.
//!
//! As Elasticsearch's adaptive replica selection, after C3 (Suresh and others, NSDI 2015): a node's rank grows with the time that
//! its answers took, as seen from here, and with the third power of the queue that a request would find there, times how long the
//! node works on one. So a node whose answers are late is left alone before its queue has grown, and one that nobody has asked
//! for a while is taken to be more and more like those that are asked, until it is tried again.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use cluster::state::NodeId;

/// How much the newest figure counts in an average, as in Elasticsearch.
const NEWEST: f64 = 0.3;
/// How much longer queues count than short ones, as in Elasticsearch.
const QUEUE_POWER: i32 = 3;

/// What is known of a node that has answered: averages in which the newest answers count most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figures {
    /// Milliseconds from the question to the answer.
    pub response: f64,
    /// Milliseconds that the node worked on it.
    pub service: f64,
    /// Searches that waited there for a place.
    pub queue: f64,
}

/// A node as it is known here.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Known {
    /// None before its first answer.
    pub figures: Option<Figures>,
    /// Questions that it has not answered yet.
    pub under_way: usize,
}

impl Figures {
    fn add(&mut self, newest: Self) {
        let average = |known: &mut f64, newest: f64| *known += NEWEST * (newest - *known);
        average(&mut self.response, newest.response);
        average(&mut self.service, newest.service);
        average(&mut self.queue, newest.queue);
    }

    /// The figures of a node that was not chosen move towards those of the one that was.
    fn approach(&mut self, chosen: Self) {
        let between = |own: f64, chosen: f64| f64::midpoint(own, chosen);
        self.add(Self {
            response: between(self.response, chosen.response),
            service: between(self.service, chosen.service),
            queue: between(self.queue, chosen.queue),
        });
    }

    /// The lower, the sooner it answers. `askers` are the nodes that may have as much under way there as this one.
    pub(super) fn rank(&self, under_way: usize, askers: usize) -> f64 {
        let queue = 1.0 + (under_way * askers) as f64 + self.queue;
        self.response - self.service + queue.powi(QUEUE_POWER) * self.service
    }
}

impl Known {
    /// An answer has come.
    pub(super) fn note(&mut self, newest: Figures) {
        match &mut self.figures {
            Some(figures) => figures.add(newest),
            None => self.figures = Some(newest),
        }
    }

    /// No answer has come in this time: that is how late it answers, at least.
    pub(super) fn note_silence(&mut self, millis: f64) {
        let known = self.figures.unwrap_or(Figures { response: millis, service: millis, queue: 0.0 });
        self.note(Figures { response: millis, ..known });
    }

    /// One that has never answered is tried, but not again while it owes its first answer.
    fn place(&self, more: usize, askers: usize) -> (u8, f64) {
        let under_way = self.under_way + more;
        match &self.figures {
            None if under_way == 0 => (0, 0.0),
            Some(figures) => (1, figures.rank(under_way, askers)),
            None => (2, under_way as f64),
        }
    }
}

/// Puts the nodes with copies of each shard of a search into the order in which they are to be asked. Those of equal rank stay as
/// they were. The shards of one search are spread: what a node has to do for the first ones counts for the next.
pub(super) fn order<'a>(
    known: &mut BTreeMap<NodeId, Known>,
    shards: impl IntoIterator<Item = &'a mut Vec<NodeId>>,
) {
    let askers = known.len().max(1);
    let mut chosen: BTreeMap<NodeId, usize> = BTreeMap::new();
    for nodes in shards.into_iter().filter(|nodes| !nodes.is_empty()) {
        let place = |node: &NodeId| {
            let more = chosen.get(node).copied().unwrap_or(0);
            known.get(node).copied().unwrap_or_default().place(more, askers)
        };
        nodes.sort_by(|a, b| compare(place(a), place(b)));
        *chosen.entry(nodes[0]).or_default() += 1;
        let best = known.get(&nodes[0]).and_then(|best| best.figures);
        for node in &nodes[1..] {
            if let (Some(best), Some(known)) = (best, known.get_mut(node))
                && let Some(figures) = &mut known.figures
            {
                figures.approach(best);
            }
        }
    }
}

fn compare(a: (u8, f64), b: (u8, f64)) -> Ordering {
    a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: NodeId = NodeId(1);
    const B: NodeId = NodeId(2);
    const C: NodeId = NodeId(3);

    fn figures(response: f64, service: f64, queue: f64) -> Figures {
        Figures { response, service, queue }
    }

    fn known(nodes: &[(NodeId, Figures)]) -> BTreeMap<NodeId, Known> {
        nodes.iter().map(|(node, figures)| (*node, Known { figures: Some(*figures), under_way: 0 })).collect()
    }

    fn ordered(known: &mut BTreeMap<NodeId, Known>, nodes: &[NodeId]) -> Vec<NodeId> {
        let mut shards = [nodes.to_vec()];
        order(known, &mut shards);
        let [nodes] = shards;
        nodes
    }

    #[test]
    fn whoever_answers_sooner_has_less_to_do_and_works_faster_comes_first() {
        for (first, second) in [
            (figures(1.0, 1.0, 0.0), figures(5.0, 1.0, 0.0)),
            (figures(5.0, 1.0, 0.0), figures(5.0, 1.0, 4.0)),
            (figures(5.0, 1.0, 1.0), figures(5.0, 2.0, 1.0)),
            // A long queue counts more than a slow answer.
            (figures(50.0, 1.0, 0.0), figures(2.0, 1.0, 9.0)),
        ] {
            assert_eq!(
                ordered(&mut known(&[(A, first), (B, second)]), &[B, A]),
                [A, B],
                "{first:?} {second:?}"
            );
        }
    }

    #[test]
    fn equals_stay_in_turn_and_what_is_under_way_counts() {
        let same = figures(2.0, 1.0, 0.0);
        let mut all = known(&[(A, same), (B, same), (C, same)]);
        assert_eq!(ordered(&mut all, &[C, A, B]), [C, A, B]);

        all.entry(C).or_default().under_way = 1;
        assert_eq!(ordered(&mut all, &[C, A, B]), [A, B, C]);
    }

    #[test]
    fn a_node_that_nobody_knows_is_tried_but_only_once_until_it_answers() {
        let mut all = known(&[(A, figures(1.0, 1.0, 0.0))]);
        assert_eq!(ordered(&mut all, &[A, B]), [B, A]);

        all.entry(B).or_default().under_way = 1;
        assert_eq!(ordered(&mut all, &[B, A]), [A, B]);

        all.entry(B).or_default().note_silence(500.0);
        assert_eq!(ordered(&mut all, &[B, A]), [A, B], "it is known to be late");
    }

    #[test]
    fn the_shards_of_one_search_are_spread() {
        let same = figures(2.0, 1.0, 0.0);
        let mut shards = vec![vec![A, B]; 4];
        order(&mut known(&[(A, same), (B, same)]), &mut shards);
        assert_eq!(shards.iter().map(|nodes| nodes[0]).collect::<Vec<_>>(), [A, B, A, B]);
    }

    #[test]
    fn whoever_was_slow_once_is_tried_again_some_time_and_not_at_once() {
        let mut all = known(&[(A, figures(2.0, 1.0, 0.0)), (B, figures(2.0, 1.0, 0.0))]);
        all.entry(B).or_default().note(figures(1_000.0, 1.0, 0.0));

        let mut turns = 0;
        while ordered(&mut all, &[A, B])[0] == A {
            // The one that is asked goes on as it was, and is a little slow now and then.
            let late = if turns % 5 == 4 { 8.0 } else { 2.0 };
            all.entry(A).or_default().note(figures(late, 1.0, 0.0));
            turns += 1;
            assert!(turns < 200, "{all:?}");
        }
        assert!(turns > 5, "tried again after {turns}");
    }
}
