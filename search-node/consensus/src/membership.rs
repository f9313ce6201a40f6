//! Which nodes should vote: an odd number of them, five at most, chosen among those that are there.
//!
//! A decision only: whoever leads asks it from time to time, and carries out what it says by one change at a time.
//!
//! | nodes | voters | survives the loss of |
//! |---|---|---|
//! | 1, 2 | 1 | the other one |
//! | 3, 4 | 3 | one |
//! | 5 and more | 5 | two |
//!
//! A node that is gone for no longer than a restart takes counts as there: voters are not made fewer for its sake. While it is away
//! their number may be even, which survives as much as an odd number of which it is one. Whoever comes then votes as soon as it has
//! caught up: an even number survives no more for its being there shortly, and one more if it stays.

use std::collections::BTreeSet;
use std::time::Duration;

/// More voters make every agreement slower and survive no loss that is likely.
pub const VOTERS_MAX: usize = 5;
/// A node that has so many entries to catch up with would hold up the first agreement that needs it.
pub const LAG_MAX: u64 = 100;
/// A node that has just come may go again: voters change only among those that stay.
pub const SETTLED_AFTER: Duration = Duration::from_secs(10);
/// A voter that was away as long is replaced: longer than a restart, shorter than a night.
pub const DEPARTED_AFTER: Duration = Duration::from_secs(60);

/// What the leader knows of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub node: u64,
    /// Whether it answers, and since when.
    pub health: Health,
    /// How many entries it has to catch up with; none if that is unknown.
    pub lag: Option<u64>,
    /// Whether it may vote at all (`node.roles`).
    pub is_eligible: bool,
    /// Whether it is about to leave, perhaps to come back soon.
    pub is_leaving: bool,
}

/// Whether a node answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It has answered for so long.
    Up(Duration),
    /// It has not answered for so long.
    Down(Duration),
}

impl Candidate {
    fn is_up(&self) -> bool {
        matches!(self.health, Health::Up(_))
    }

    fn is_settled(&self) -> bool {
        matches!(self.health, Health::Up(since) if since >= SETTLED_AFTER)
    }

    fn may_vote(&self) -> bool {
        self.is_eligible && !self.is_leaving
    }

    fn has_departed(&self) -> bool {
        matches!(self.health, Health::Down(since) if since >= DEPARTED_AFTER)
    }

    fn is_caught_up(&self) -> bool {
        self.lag.is_some_and(|lag| lag <= LAG_MAX)
    }
}

/// The voters that there should be instead of `voters`; none if they should stay as they are.
///
/// A candidate that is not told of has departed, and may not vote. One that has left the cluster a moment ago is told of as down.
pub fn next_voters(leader: u64, voters: &BTreeSet<u64>, candidates: &[Candidate]) -> Option<BTreeSet<u64>> {
    if voters.len().is_multiple_of(2) {
        let made_odd = choose(leader, voters, candidates, Candidate::is_up);
        if let Some(next) = made_odd.filter(|next| next.is_superset(voters)) {
            return Some(next);
        }
    }
    choose(leader, voters, candidates, Candidate::is_settled)
}

/// The same; `may_join` says which nodes have been there for long enough.
fn choose(
    leader: u64,
    voters: &BTreeSet<u64>,
    candidates: &[Candidate],
    may_join: fn(&Candidate) -> bool,
) -> Option<BTreeSet<u64>> {
    let of = |node: &u64| candidates.iter().find(|candidate| candidate.node == *node);
    let up = voters.iter().filter(|node| of(node).is_some_and(Candidate::is_up)).count();
    if up * 2 <= voters.len() {
        // Without a majority of those that vote now nothing can be agreed on, least of all this.
        return None;
    }
    let mut stay: Vec<&Candidate> =
        voters.iter().filter_map(of).filter(|voter| voter.may_vote() && !voter.has_departed()).collect();
    let is_one_leaving = voters.iter().filter_map(of).any(|voter| !voter.may_vote());
    // One that leaves does not wait until all others have settled; but they must be there.
    let may_change = |voter: &&Candidate| if is_one_leaving { voter.is_up() } else { may_join(voter) };
    if !stay.iter().all(may_change) {
        return None;
    }
    let is_ready = |node: &&Candidate| {
        node.may_vote() && !voters.contains(&node.node) && may_join(node) && node.is_caught_up()
    };
    let mut ready: Vec<&Candidate> = candidates.iter().filter(is_ready).collect();
    // The leader goes on voting if it may, for otherwise it would have to go.
    stay.sort_by_key(|voter| (voter.node != leader, voter.node));
    ready.sort_by_key(|node| (node.lag, node.node));
    let expected = candidates.iter().filter(|node| node.is_eligible && !node.has_departed()).count();
    let (size, there) = (voters_among(expected), stay.len() + ready.len());
    // Where some are awaited, nobody takes their place and nobody else goes.
    let size = if there < size { there.min(voters.len()) } else { size };
    let next: BTreeSet<u64> = stay.iter().chain(&ready).take(size).map(|candidate| candidate.node).collect();
    (!next.is_empty() && next != *voters).then_some(next)
}

/// How many of so many nodes vote.
fn voters_among(nodes: usize) -> usize {
    let odd = if nodes.is_multiple_of(2) { nodes.saturating_sub(1) } else { nodes };
    odd.min(VOTERS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it is about, who votes, who is there, and who votes then.
    type Case = (&'static str, &'static [u64], Vec<Candidate>, Option<&'static [u64]>);

    fn up(node: u64) -> Candidate {
        Candidate {
            node,
            health: Health::Up(SETTLED_AFTER),
            lag: Some(0),
            is_eligible: true,
            is_leaving: false,
        }
    }

    fn down(node: u64, seconds: u64) -> Candidate {
        Candidate { health: Health::Down(Duration::from_secs(seconds)), ..up(node) }
    }

    fn leaving(node: u64) -> Candidate {
        Candidate { is_leaving: true, ..up(node) }
    }

    fn set(nodes: &[u64]) -> BTreeSet<u64> {
        nodes.iter().copied().collect()
    }

    #[test]
    fn so_many_vote_among_so_many() {
        for (nodes, voters) in [(0, 0), (1, 1), (2, 1), (3, 3), (4, 3), (5, 5), (6, 5), (7, 5), (100, 5)] {
            assert_eq!(voters_among(nodes), voters, "{nodes} nodes");
        }
    }

    #[test]
    fn voters_change_as_nodes_come_and_go() {
        let just_up = |node| Candidate { health: Health::Up(Duration::from_secs(9)), ..up(node) };
        let behind = |node| Candidate { lag: Some(LAG_MAX + 1), ..up(node) };
        let unknown = |node| Candidate { lag: None, ..up(node) };
        let cases: Vec<Case> = vec![
            ("alone", &[1], vec![up(1)], None),
            ("a second node does not vote", &[1], vec![up(1), up(2)], None),
            ("a third makes three", &[1], vec![up(1), up(2), up(3)], Some(&[1, 2, 3])),
            ("a fourth does not vote", &[1, 2, 3], vec![up(1), up(2), up(3), up(4)], None),
            ("a fifth makes five", &[1, 2, 3], (1..=5).map(up).collect(), Some(&[1, 2, 3, 4, 5])),
            ("a sixth does not vote", &[1, 2, 3, 4, 5], (1..=6).map(up).collect(), None),
            ("one has just come", &[1], vec![up(1), up(2), just_up(3)], None),
            ("a voter has just come back", &[1, 2, 3], vec![up(1), up(2), just_up(3), up(4), up(5)], None),
            ("one is far behind", &[1], vec![up(1), up(2), behind(3)], None),
            ("nobody knows how far one is", &[1], vec![up(1), up(2), unknown(3)], None),
            ("a voter is away for a while", &[1, 2, 3], vec![up(1), up(2), down(3, 59), up(4)], None),
            ("it is replaced", &[1, 2, 3], vec![up(1), up(2), down(3, 60), up(4)], Some(&[1, 2, 4])),
            ("nobody replaces it", &[1, 2, 3], vec![up(1), up(2), down(3, 60)], Some(&[1])),
            ("it was taken out of the cluster", &[1, 2, 3], vec![up(1), up(2), up(4)], Some(&[1, 2, 4])),
            ("no majority is there", &[1, 2, 3], vec![up(1), down(2, 99), down(3, 99), up(4)], None),
            ("half is no majority", &[1, 2], vec![up(1), down(2, 99), up(3)], None),
            (
                "two of five are away",
                &[1, 2, 3, 4, 5],
                vec![up(1), up(2), up(3), down(4, 70), down(5, 70)],
                Some(&[1, 2, 3]),
            ),
            ("an even number becomes odd", &[1, 2], vec![up(1), up(2)], Some(&[1])),
            ("the leader leaves two", &[1], vec![leaving(1), up(2)], Some(&[2])),
            // It may be gone again at once, and then nobody could ever agree on anything.
            ("the leader leaves one that has just come", &[1], vec![leaving(1), just_up(2)], None),
            ("the leader leaves, and nobody can follow", &[1], vec![leaving(1), behind(2)], None),
            (
                "one leaves three, and may be back soon",
                &[1, 2, 3],
                vec![up(1), up(2), leaving(3)],
                Some(&[1, 2]),
            ),
            ("two wait for it", &[1, 2], vec![up(1), up(2), down(3, 59)], None),
            ("it has just come back", &[1, 2], vec![up(1), just_up(2), just_up(3)], Some(&[1, 2, 3])),
            (
                "it has not caught up yet",
                &[1, 2],
                vec![up(1), up(2), Candidate { lag: None, ..just_up(3) }],
                None,
            ),
            ("of two, one has just come back", &[1, 2], vec![up(1), just_up(2)], None),
            ("it is back", &[1, 2], vec![up(1), up(2), up(3)], Some(&[1, 2, 3])),
            ("it does not come back", &[1, 2], vec![up(1), up(2), down(3, 60)], Some(&[1])),
            (
                "a voter was taken out of the cluster a moment ago",
                &[1, 2, 3],
                vec![up(1), up(2), down(3, 0)],
                None,
            ),
            ("nobody joins one that waits for a third", &[1], vec![up(1), up(2), down(3, 5)], None),
            ("one leaves four", &[1, 2, 3], vec![up(1), leaving(2), just_up(3), up(4)], Some(&[1, 3, 4])),
            (
                "one leaves while another is away",
                &[1, 2, 3],
                vec![up(1), leaving(2), down(3, 5), up(4)],
                None,
            ),
        ];
        for (what, voters, candidates, expected) in cases {
            assert_eq!(next_voters(1, &set(voters), &candidates), expected.map(set), "{what}");
        }
    }

    /// Whatever the leader sees, an odd number votes, a majority of them is there, and soon nothing is left to do.
    #[test]
    fn every_decision_is_safe_and_final() {
        let mut chance = testkit::Chance::new(7);
        for turn in 0..20_000 {
            let nodes = 1 + chance.below(8) as u64;
            let candidates: Vec<Candidate> = (1..=nodes).map(|node| any(node, &mut chance)).collect();
            let voters: BTreeSet<u64> = (1..=nodes).filter(|_| chance.below(2) == 0).collect();
            let Some(next) = next_voters(1, &voters, &candidates) else { continue };

            let seen = format!("turn {turn}: {voters:?} of {candidates:?} become {next:?}");
            let is_awaited = |c: &Candidate| {
                c.is_eligible && !c.has_departed() && !(c.may_vote() && c.is_settled() && c.is_caught_up())
            };
            let may_be_even = candidates.iter().any(is_awaited) && next.len() <= voters.len();
            assert!((next.len() % 2 == 1 || may_be_even) && next.len() <= VOTERS_MAX, "{seen}");
            let is_there = |node: &&u64| candidates.iter().any(|c| c.node == **node && c.is_up());
            assert!(next.iter().filter(is_there).count() * 2 > next.len(), "{seen}");
            // Two may be left over, which one that has just come makes three.
            let last = next_voters(1, &next, &candidates).unwrap_or(next);
            assert_eq!(next_voters(1, &last, &candidates), None, "{seen}, then {last:?}");
        }
    }

    fn any(node: u64, chance: &mut testkit::Chance) -> Candidate {
        let seconds = Duration::from_secs(chance.below(100) as u64);
        let health = if chance.below(4) == 0 { Health::Down(seconds) } else { Health::Up(seconds) };
        let lag = (chance.below(4) > 0).then(|| chance.below(130) as u64);
        let (is_eligible, is_leaving) = (chance.below(6) > 0, chance.below(6) == 0);
        Candidate { node, health, lag, is_eligible, is_leaving }
    }
}
