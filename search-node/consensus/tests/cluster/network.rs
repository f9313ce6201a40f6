//! A network that loses, delays and doubles messages, and that can be cut.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use consensus::{Consensus, PeerError, Peers};
use testkit::Chance;

use crate::ledger::Ledger;

/// The network; clones are the same.
#[derive(Clone)]
pub(crate) struct Network {
    state: Arc<Mutex<State>>,
}

struct State {
    chance: Chance,
    nodes: HashMap<u64, Arc<Consensus<Ledger>>>,
    /// From whom to whom nothing comes through.
    cut: BTreeSet<(u64, u64)>,
    /// One message in so many is lost; none if zero.
    loss: usize,
}

/// What becomes of a message.
struct Fate {
    is_lost: bool,
    is_doubled: bool,
    delay: Duration,
}

/// The way of one node into the network.
pub(crate) struct Way {
    pub(crate) network: Network,
    pub(crate) from: u64,
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        let chance = Chance::new(seed ^ 0x6e65_7477);
        let state = State { chance, nodes: HashMap::new(), cut: BTreeSet::new(), loss: 0 };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().expect("no panic"))
    }

    pub(crate) fn connect(&self, node: u64, consensus: Arc<Consensus<Ledger>>) {
        self.with(|state| state.nodes.insert(node, consensus));
    }

    pub(crate) fn disconnect(&self, node: u64) {
        self.with(|state| state.nodes.remove(&node));
    }

    pub(crate) fn isolate(&self, node: u64) {
        let others = (1..=5).filter(|other| *other != node);
        self.with(|state| state.cut.extend(others.flat_map(|other| [(node, other), (other, node)])));
    }

    pub(crate) fn cut_one_way(&self, from: u64, to: u64) {
        self.with(|state| state.cut.insert((from, to)));
    }

    pub(crate) fn heal(&self) {
        self.with(|state| state.cut.clear());
    }

    pub(crate) fn set_loss(&self, loss: usize) {
        self.with(|state| state.loss = loss);
    }

    fn fate(&self, from: u64, to: u64) -> Fate {
        self.with(|state| {
            let is_lost =
                state.cut.contains(&(from, to)) || state.loss > 0 && state.chance.one_in(state.loss);
            let is_late = state.chance.one_in(40);
            let longest = if is_late { 3_000 } else { 30 };
            let delay = Duration::from_millis(1 + state.chance.below(longest) as u64);
            Fate { is_lost, is_doubled: state.chance.one_in(20), delay }
        })
    }

    fn node(&self, node: u64) -> Option<Arc<Consensus<Ledger>>> {
        self.with(|state| state.nodes.get(&node).cloned())
    }
}

impl Peers for Way {
    async fn call(&self, node: u64, address: &str, request: Vec<u8>) -> Result<Vec<u8>, PeerError> {
        let no_answer = || PeerError::NoAnswer { node, reason: "it was lost".to_owned() };
        let there = self.network.fate(self.from, node);
        tokio::time::sleep(there.delay).await;
        if there.is_lost {
            return Err(no_answer());
        }
        let Some(asked) = self.network.node(node) else {
            let (address, reason) = (address.to_owned(), "it is down".to_owned());
            return Err(PeerError::Unreachable { node, address, reason });
        };
        if there.is_doubled {
            let (network, request) = (self.network.clone(), request.clone());
            let later = self.network.fate(self.from, node).delay * 4;
            tokio::spawn(async move {
                tokio::time::sleep(later).await;
                // Whoever is there by then.
                if let Some(asked) = network.node(node) {
                    drop(asked.answer(&request).await);
                }
            });
        }
        let answer = asked.answer(&request).await;
        let back = self.network.fate(node, self.from);
        tokio::time::sleep(back.delay).await;
        if back.is_lost { Err(no_answer()) } else { Ok(answer) }
    }
}
