//! A cluster that does what is planned.

use std::collections::{BTreeMap, BTreeSet};

use cluster::allocation::{AllocationSettings, Observed, place_new, plan};
use cluster::state::{
    ClusterState, Command, Copy, CopyId, IndexAllocation, IndexEntry, IndexId, NodeEntry, NodeId, Replicas,
    Role, ShardCopies, ShardId, Stage,
};

/// More rounds than any plan may need.
const ROUNDS: usize = 500;

#[derive(Default)]
pub(crate) struct Fixture {
    pub(crate) state: ClusterState,
    pub(crate) settings: AllocationSettings,
    pub(crate) observed: Observed,
}

pub(crate) fn entry(number: u64) -> NodeEntry {
    NodeEntry {
        name: format!("n{number}"),
        data_id: format!("d{number}"),
        transport_address: format!("10.0.0.{number}:9300"),
        http_address: format!("10.0.0.{number}:9200"),
        roles: BTreeSet::from([Role::Master, Role::Data]),
        attributes: BTreeMap::from([(
            "zone".to_owned(),
            if number.is_multiple_of(2) { "even" } else { "odd" }.to_owned(),
        )]),
    }
}

pub(crate) fn shard(index: &str, number: u32) -> ShardId {
    ShardId { index: IndexId(index.to_owned()), number }
}

impl Fixture {
    pub(crate) fn with_nodes(nodes: u64) -> Self {
        let mut fixture = Self::default();
        (1..=nodes).for_each(|number| fixture.join(number));
        fixture
    }

    pub(crate) fn join(&mut self, number: u64) {
        self.apply(Command::Join { node: NodeId(number), entry: entry(number) });
    }

    pub(crate) fn leave(&mut self, number: u64) {
        self.apply(Command::Leave { node: NodeId(number) });
    }

    pub(crate) fn apply(&mut self, command: Command) {
        let shown = format!("{command:?}");
        self.state.apply(command).unwrap_or_else(|refusal| panic!("{shown}: {refusal}"));
    }

    pub(crate) fn create(&mut self, name: &str, shards: u32, replicas: Replicas) {
        let id = IndexId(name.to_owned());
        let mut entry = IndexEntry {
            name: name.to_owned(),
            version: 1,
            parts: BTreeMap::new(),
            replicas,
            filters: BTreeMap::new(),
            allocation: IndexAllocation::default(),
            shards: Vec::new(),
        };
        entry.shards = place_new(&self.state, &id, &entry, shards, &self.settings, &self.observed);
        self.apply(Command::CreateIndex { id, entry });
        self.make_first();
    }

    /// The nodes make the first copies of shards.
    pub(crate) fn make_first(&mut self) {
        let begun = self.state.shards().filter_map(|(shard, copies)| {
            let copy = copies.primary().filter(|primary| copies.is_begun_by(*primary))?;
            Some(Command::MarkInSync { shard, copy, term: copies.term() })
        });
        let begun: Vec<Command> = begun.collect();
        begun.into_iter().for_each(|command| self.apply(command));
    }

    pub(crate) fn index(&mut self, name: &str) -> &mut IndexEntry {
        self.state.indices.get_mut(&IndexId(name.to_owned())).expect("an index")
    }

    pub(crate) fn copies(&self, index: &str, number: u32) -> &ShardCopies {
        self.state.shard(&shard(index, number)).expect("a shard")
    }

    /// What the node of a copy says that has failed.
    pub(crate) fn failed(&self, shard: &ShardId, copy: CopyId) -> Command {
        let term = self.state.shard(shard).map_or(0, ShardCopies::term);
        Command::FailCopy { shard: shard.clone(), copy, term, details: "no disk".to_owned() }
    }

    pub(crate) fn plan(&self) -> Vec<Command> {
        plan(&self.state, &self.settings, &self.observed)
    }

    /// One round: does what is planned, fills what is begun, hands over what is to be handed over. Gives whether anything was done.
    pub(crate) fn round(&mut self) -> bool {
        let commands = self.plan();
        let is_planned = !commands.is_empty();
        commands.into_iter().for_each(|command| self.apply(command));
        self.take_apart();
        let done =
            self.state.shards().flat_map(|(shard, copies)| finished(&shard, copies)).collect::<Vec<_>>();
        let is_done = !done.is_empty();
        for command in done {
            // A hand-over drops what was being filled.
            let _is_overtaken = self.state.apply(command);
        }
        is_planned || is_done
    }

    /// A primary goes on without copies in sync of which others are made.
    fn take_apart(&mut self) {
        for ((node, shard), copy) in self.observed.found.clone() {
            let Some(copies) = self.state.shard(&shard) else { continue };
            let is_made_of = copies.on(node).is_some_and(|other| other != copy);
            if copies.primary().is_some() && copies.in_sync().contains(&copy) && is_made_of {
                let term = copies.term();
                self.apply(Command::DropCopy { shard, copy, term });
            }
        }
    }

    /// Rounds until nothing is left to do.
    pub(crate) fn settle(&mut self) {
        for _ in 0..ROUNDS {
            if !self.round() {
                return;
            }
        }
        panic!("it never ends: {:?}", self.plan());
    }

    /// The nodes of a shard's copies.
    pub(crate) fn nodes_of(&self, index: &str, number: u32) -> BTreeSet<u64> {
        self.copies(index, number).present().values().map(|copy| copy.node.0).collect()
    }

    pub(crate) fn primary_node(&self, index: &str, number: u32) -> Option<u64> {
        let copies = self.copies(index, number);
        copies.primary().map(|primary| copies.present()[&primary].node.0)
    }

    /// Copies and primaries on each node.
    pub(crate) fn loads(&self) -> BTreeMap<u64, (usize, usize)> {
        let mut loads: BTreeMap<u64, (usize, usize)> =
            self.state.data_nodes().map(|(node, _)| (node.0, (0, 0))).collect();
        for (_, copies) in self.state.shards() {
            for (id, copy) in copies.present() {
                let load = loads.entry(copy.node.0).or_default();
                load.0 += 1;
                load.1 += usize::from(copies.primary() == Some(*id));
            }
        }
        loads
    }

    /// A copy is at most once on a node, and every shard has what it can have.
    pub(crate) fn check(&self) {
        let nodes = self.state.data_nodes().count();
        for (shard, copies) in self.state.shards() {
            let on: BTreeSet<NodeId> = copies.present().values().map(|copy| copy.node).collect();
            assert_eq!(on.len(), copies.present().len(), "{shard}: two copies on a node");
            assert!(on.iter().all(|node| self.state.nodes.contains_key(node)), "{shard}");
            let wanted = self.state.indices[&shard.index].replicas.wanted(nodes) as usize + 1;
            match copies.primary() {
                Some(primary) => {
                    assert!(copies.in_sync().contains(&primary), "{shard}");
                    // A node that is excluded or stops may be one too few.
                    if self.settings.filters.is_empty() && self.observed.stopping.is_empty() {
                        assert_eq!(copies.present().len(), wanted.min(nodes), "{shard}: {copies:?}");
                    }
                    assert!(
                        copies.present().values().all(|copy| copy.replaces.is_none()),
                        "{shard}: {copies:?}"
                    );
                }
                None => assert!(copies.candidates().is_empty(), "{shard} could have a primary"),
            }
        }
    }
}

/// What copies and primaries of a shard say once they have done what they were asked.
fn finished(shard: &ShardId, copies: &ShardCopies) -> Vec<Command> {
    if copies.primary().is_none() {
        return Vec::new();
    }
    let term = copies.term();
    let is_told = |id: &CopyId, copy: &Copy| {
        copy.stage == Stage::Recovering || (copies.primary() == Some(*id) && !copies.is_served())
    };
    let told = copies.present().iter().filter(|(id, copy)| is_told(id, copy));
    let filled =
        told.map(|(copy, _): (&CopyId, _)| Command::MarkInSync { shard: shard.clone(), copy: *copy, term });
    let handed = copies.hand_over_under_way().map(|wanted| Command::HandOver {
        shard: shard.clone(),
        to: wanted.to,
        term,
        attempt: wanted.attempt,
    });
    filled.chain(handed).collect()
}
