//! Leases for reads: for how long a node may tell what its primaries have, though it cannot know that no other copy has become
//! primary meanwhile.
//!
//! ```text
//!  holder   asks at t ───────────────────────────── reads until t + LEASE ─┤
//!  leader      └─ is confirmed by most voters, notes t' ≥ t ── takes the node out only after t' + LEASE + 10 % ─┤
//! ```
//!
//! # Why no read is old
//!
//! A primary on a live node is over in three ways. It hands over itself; its shard fails, and its node says so: both times it tells
//! nothing more before it asks. Or whoever leads takes the node out, which it does only once every lease is over that the node may
//! have: those that it gave itself, it knows; those of leaders before it were asked for before it began to lead, for each was
//! confirmed by most voters after it was asked for, and so it waits that long when it begins. What it decides in one reign counts
//! in no other. A lease comes with the version of the map that the leader had, and counts from that version on: a node that was
//! taken out and let in again knows it before it reads.
//!
//! Times are of each node's own clock, and never compared between nodes. The clocks of two nodes may differ by a tenth in how fast
//! they go; they must go on while a process is stopped or a host sleeps.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::state::{ClusterState, NodeId};

/// How long a lease lasts from when it was asked for. A leader waits for leases that another one gave, so it is the same everywhere.
pub const LEASE: Duration = Duration::from_secs(2);

/// How long after a lease was given it is over for sure, on whatever clock.
const OVER_AFTER: Duration = Duration::from_millis(LEASE.as_millis() as u64 / 10 * 11);

/// The leases that whoever leads has given. Times are since any moment, the same one for all.
#[derive(Debug, Default)]
pub struct Grants {
    /// When those are over that leaders before have given.
    others_until: Duration,
    given: BTreeMap<NodeId, Duration>,
    /// Nodes that get none: they do not answer.
    missed: BTreeSet<NodeId>,
    /// Nodes that get none: the map was asked to take them out, and may do so at any time of this reign.
    leaving: BTreeSet<NodeId>,
}

impl Grants {
    /// A reign begins.
    pub fn begin(&mut self, now: Duration) {
        self.others_until = now + OVER_AFTER;
        self.missed.clear();
        self.leaving.clear();
    }

    /// Gives a node a lease that it has asked for before `now`, if it may have one. Most voters must have confirmed since that this
    /// node leads, and the map must know the node.
    pub fn give(&mut self, node: NodeId, now: Duration) -> bool {
        let may_have = !self.missed.contains(&node) && !self.leaving.contains(&node);
        if may_have {
            self.given.insert(node, now);
        }
        may_have
    }

    /// These nodes do not answer. Gives those of them whose leases are over: the map may be asked to take them out, in this reign.
    pub fn may_leave(&mut self, missed: BTreeSet<NodeId>, now: Duration) -> Vec<NodeId> {
        self.missed = missed;
        if now < self.others_until {
            return Vec::new();
        }
        let is_over = |node: &&NodeId| self.given.get(node).is_none_or(|given| now >= *given + OVER_AFTER);
        let over: Vec<NodeId> = self.missed.iter().filter(is_over).copied().collect();
        self.leaving.extend(&over);
        over
    }

    /// What the map was asked last is decided, and so is everything before: nobody is about to leave.
    pub fn decided(&mut self) {
        self.leaving.clear();
    }

    /// Forgets nodes that the map does not know any more.
    pub fn forget(&mut self, map: &ClusterState) {
        self.given.retain(|node, _| map.nodes.contains_key(node));
        self.leaving.retain(|node| map.nodes.contains_key(node));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: NodeId = NodeId(1);
    const B: NodeId = NodeId(2);

    fn missed(nodes: &[NodeId]) -> BTreeSet<NodeId> {
        nodes.iter().copied().collect()
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_leader_waits_for_leases_of_others_and_of_its_own() {
        let mut grants = Grants::default();
        grants.begin(ms(1_000));
        assert_eq!(grants.may_leave(missed(&[B]), ms(3_199)), []);
        assert_eq!(grants.may_leave(missed(&[B]), ms(3_200)), [B], "it has given none");

        assert!(grants.give(A, ms(3_000)));
        assert_eq!(grants.may_leave(missed(&[A, B]), ms(5_199)), [B]);
        assert_eq!(grants.may_leave(missed(&[A, B]), ms(5_200)), [A, B]);
    }

    #[test]
    fn who_is_missed_gets_none_until_it_answers_and_who_was_to_leave_gets_none_in_this_reign() {
        let mut grants = Grants::default();
        grants.begin(ms(0));
        assert!(grants.give(A, ms(2_000)));
        assert_eq!(grants.may_leave(missed(&[A]), ms(2_500)), []);
        assert!(!grants.give(A, ms(2_500)));
        assert_eq!(grants.may_leave(missed(&[]), ms(2_600)), []);
        assert!(grants.give(A, ms(2_700)), "it answers again");

        assert_eq!(grants.may_leave(missed(&[A]), ms(9_000)), [A]);
        grants.may_leave(missed(&[]), ms(9_001));
        assert!(!grants.give(A, ms(9_001)), "what the map was asked may still be done");
        grants.decided();
        assert!(grants.give(A, ms(9_002)));
        assert_eq!(grants.may_leave(missed(&[A]), ms(19_000)), [A]);
        grants.may_leave(missed(&[]), ms(19_001));
        grants.begin(ms(19_002));
        assert!(grants.give(A, ms(19_003)));
    }

    #[test]
    fn a_node_that_was_taken_out_and_let_in_again_is_like_any_other() {
        let mut grants = Grants::default();
        grants.begin(ms(0));
        assert_eq!(grants.may_leave(missed(&[A]), ms(9_000)), [A]);

        grants.forget(&ClusterState::default());
        grants.may_leave(missed(&[]), ms(9_001));

        assert!(grants.give(A, ms(9_002)));
    }

    /// What happens, at a time of the real world: clocks of leaders run by up to a tenth slower or faster than the holder's.
    #[derive(Debug, Clone)]
    enum Event {
        /// The holder asked some milliseconds before, and is answered now.
        Ask(u64),
        Missed(bool),
        /// The other node leads from now on.
        Reign,
        Wait(u64),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => (0..1_500_u64).prop_map(Event::Ask),
            4 => any::<bool>().prop_map(Event::Missed),
            1 => Just(Event::Reign),
            6 => (1..3_000_u64).prop_map(Event::Wait),
        ]
    }

    proptest! {
        /// Nobody is ever taken out while it may read.
        #[test]
        fn nobody_is_taken_out_while_it_may_read(
            rates in (955..=1_045_u32, 955..=1_045_u32),
            holder in 955..=1_045_u32,
            events in proptest::collection::vec(event(), 1..60),
        ) {
            let clock = |rate: u32, now: Duration| now * rate / 1_000;
            let (mut leaders, rates) = ([Grants::default(), Grants::default()], [rates.0, rates.1]);
            let (mut now, mut at) = (ms(10_000), 0);
            leaders[0].begin(clock(rates[0], now));
            let mut began = now;
            let mut reads_until = Duration::ZERO;
            for event in events {
                let here = clock(rates[at], now);
                match event {
                    Event::Wait(millis) => now += ms(millis),
                    Event::Reign => {
                        at = 1 - at;
                        began = now;
                        leaders[at].begin(clock(rates[at], now));
                    }
                    // Most voters confirm after it was asked, so nobody else has begun to lead between.
                    Event::Ask(before) => {
                        let asked = (now - ms(before)).max(began);
                        if leaders[at].give(A, here) {
                            let until = clock(holder, asked) + LEASE;
                            reads_until = reads_until.max(until);
                        }
                    }
                    Event::Missed(is_missed) => {
                        let nodes = if is_missed { missed(&[A]) } else { missed(&[]) };
                        if !leaders[at].may_leave(nodes, here).is_empty() {
                            prop_assert!(clock(holder, now) >= reads_until, "{now:?}: {reads_until:?}");
                            leaders[at].forget(&ClusterState::default());
                        }
                    }
                }
            }
        }
    }
}
