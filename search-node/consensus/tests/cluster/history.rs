//! What clients saw, and whether one order of everything explains it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use consensus::ProposeError;
use testkit::Chance;

use crate::cluster::Nodes;
use crate::ledger::number;

/// Everything that was seen, by all clients together.
#[derive(Default)]
pub(crate) struct History {
    /// Events are numbered as they happen.
    now: AtomicU64,
    acks: Mutex<Vec<Ack>>,
    reads: Mutex<Vec<Read>>,
    is_closed: AtomicBool,
}

/// An acknowledged proposal.
struct Ack {
    id: u64,
    place: u64,
    asked: u64,
    answered: u64,
}

/// A read: how many proposals it saw.
struct Read {
    length: u64,
    asked: u64,
    answered: u64,
}

impl History {
    fn tick(&self) -> u64 {
        self.now.fetch_add(1, Ordering::Relaxed)
    }

    /// No client begins anything more.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// Checks all that was seen against what the nodes hold in the end; gives how many proposals and reads there were.
    pub(crate) fn check(&self, ledgers: &[Vec<u64>]) -> (usize, usize) {
        let ledger = &ledgers[0];
        for other in ledgers {
            assert_eq!(other, ledger, "two nodes hold different things");
        }
        let places: HashMap<u64, usize> = ledger.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        assert_eq!(
            places.len(),
            ledger.len(),
            "something was applied twice that was proposed once: {ledger:?}"
        );
        let mut acks = self.acks.lock().expect("no panic");
        for Ack { id, place, .. } in acks.iter() {
            assert_eq!(places.get(id), Some(&(*place as usize)), "proposal {id} was acknowledged at {place}");
        }
        // Whoever was answered before another asked stands before it.
        acks.sort_by_key(|ack| ack.place);
        let mut latest_asked = 0;
        for ack in acks.iter() {
            assert!(
                ack.answered >= latest_asked,
                "proposal {} stands behind one that was asked later",
                ack.id
            );
            latest_asked = latest_asked.max(ack.asked);
        }
        let reads = self.reads.lock().expect("no panic");
        for read in reads.iter() {
            let before = acks.iter().filter(|ack| ack.answered < read.asked).map(|ack| ack.place + 1).max();
            assert!(read.length >= before.unwrap_or(0), "a read saw {} of {before:?}", read.length);
            let after = acks.iter().filter(|ack| ack.asked > read.answered).map(|ack| ack.place).min();
            assert!(
                after.is_none_or(|place| read.length <= place),
                "a read saw {} before {after:?}",
                read.length
            );
        }
        (acks.len(), reads.len())
    }
}

/// Proposes and reads until the history is closed.
pub(crate) async fn client(client: u64, seed: u64, nodes: Nodes, history: std::sync::Arc<History>) {
    let mut chance = Chance::new(seed * 100 + client);
    let mut leader = None;
    for turn in 0.. {
        if history.is_closed.load(Ordering::Relaxed) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(chance.below(400) as u64)).await;
        let target = leader.unwrap_or(1 + chance.below(3) as u64);
        let node = nodes.lock().expect("no panic").get(&target).cloned();
        let Some(node) = node else {
            leader = None;
            continue;
        };
        let asked = history.tick();
        if chance.one_in(4) {
            let read =
                tokio::time::timeout(Duration::from_secs(5), node.read(|ledger| ledger.0.len() as u64)).await;
            if let Ok(Ok(length)) = read {
                let answered = history.tick();
                history.reads.lock().expect("no panic").push(Read { length, asked, answered });
            }
            continue;
        }
        let id = client * 1_000_000 + turn;
        match node.propose(id.to_le_bytes().to_vec(), Duration::from_secs(5)).await {
            Ok(agreed) => {
                let (place, answered) = (number(&agreed.answer).expect("a place"), history.tick());
                history.acks.lock().expect("no panic").push(Ack { id, place, asked, answered });
            }
            Err(ProposeError::NotLeader { leader: Some(other) }) => leader = Some(other.node),
            Err(_) => leader = None,
        }
    }
}
