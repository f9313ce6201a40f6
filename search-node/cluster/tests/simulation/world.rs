//! One run: what happens is chance, and the same for the same seed.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use cluster::state::CopyId;
use testkit::Chance;

use crate::checks;
use crate::client::Client;
use crate::disk::Content;
use crate::map_keeper::MapKeeper;
use crate::network::{Network, Place};
use crate::node::Machine;
use crate::planted::Bug;

const MACHINES: usize = 3;
/// Steps after which a cluster that nobody harms any more must be well.
const HEALING_STEPS: usize = 6_000;

/// What happened in a run, so that it is seen that something did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) acknowledged: usize,
    pub(crate) promotions: u64,
    pub(crate) crashes: u64,
    pub(crate) joined: u64,
    pub(crate) dropped: u64,
    pub(crate) handed_over: u64,
    pub(crate) aborted: u64,
    pub(crate) forced: u64,
}

impl Figures {
    pub(crate) fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.promotions += other.promotions;
        self.crashes += other.crashes;
        self.joined += other.joined;
        self.dropped += other.dropped;
        self.handed_over += other.handed_over;
        self.aborted += other.aborted;
        self.forced += other.forced;
    }
}

pub(crate) struct World {
    chance: Chance,
    now: u64,
    machines: Vec<Machine>,
    keeper: MapKeeper,
    network: Network,
    client: Client,
    known: HashMap<(i64, u64), u64>,
    crashes: u64,
    /// How much each machine is harmed in this run.
    harm: usize,
    /// Whether what was acknowledged may be given up in this run.
    is_forced: bool,
    /// A number for everything that happened, in its order.
    pub(crate) trace: u64,
}

impl World {
    pub(crate) fn new(seed: u64, bug: Option<Bug>) -> Self {
        let mut chance = Chance::new(seed);
        let mut machines: Vec<Machine> = (0..MACHINES).map(|number| Machine::new(number, bug)).collect();
        let keeper = MapKeeper::new(machines[0].node, bug);
        // The first copy was made, empty, before it was called primary.
        machines[0].disk.written = Some(Content::empty(CopyId(1)));
        machines[0].disk.sync();
        let harm = [60, 150, 400, 1_000][chance.below(4)];
        let is_forced = seed % 4 == 3;
        Self {
            chance,
            now: 0,
            machines,
            keeper,
            network: Network::default(),
            client: Client::default(),
            known: HashMap::new(),
            crashes: 0,
            harm,
            is_forced,
            trace: 0,
        }
    }

    pub(crate) fn run(&mut self, steps: usize) -> Result<Figures, String> {
        for step in 0..steps {
            self.harm();
            self.step().map_err(|broken| format!("step {step}: {broken}"))?;
        }
        self.heal()?;
        let figures = self.keeper.figures.clone();
        Ok(Figures { acknowledged: self.client.acknowledged.len(), crashes: self.crashes, ..figures })
    }

    fn harm(&mut self) {
        if !self.chance.one_in(self.harm) {
            return;
        }
        let number = self.chance.below(MACHINES);
        let machine = &mut self.machines[number];
        match self.chance.below(6) {
            0 | 1 if machine.is_up => {
                machine.crash();
                self.crashes += 1;
            }
            2 => machine.frozen_until = self.now + self.chance.below(400) as u64,
            3 => self.network.cut(Place::Machine(number), Place::Map),
            4 => self.network.cut(Place::Machine(number), Place::Machine((number + 1) % MACHINES)),
            5 => self.network.join(),
            _ => {}
        }
    }

    fn step(&mut self) -> Result<(), String> {
        self.now += 1;
        while let Some((to, message)) = self.network.receive(self.now) {
            match to {
                Place::Map => {
                    self.keeper.hear(self.now, message);
                    if let Some((node, term)) = self.keeper.handed_over.take() {
                        checks::nothing_broken_off(&self.machines, node, term)?;
                    }
                }
                Place::Machine(number) if self.is_awake(number) => self.machines[number].hear(message),
                Place::Machine(number) if self.machines[number].is_up => {
                    // A frozen machine hears it when it wakes.
                    self.network.send(&mut self.chance, self.machines[number].frozen_until, to, to, message);
                }
                Place::Machine(_) => {}
            }
        }
        for number in 0..MACHINES {
            self.let_act(number);
        }
        if self.now.is_multiple_of(10) {
            self.keeper.tick(self.now);
            if !self.network.is_well && self.chance.one_in(12) {
                self.keeper.begin_hand_over(&mut self.chance);
            }
            // Only some runs have an operator like that. A machine that crashes before it has heard needs another try.
            if self.is_forced && self.chance.one_in(20) {
                self.keeper.force_primary(&mut self.chance);
            }
            let message = self.keeper.message();
            for number in 0..MACHINES {
                self.network.send(
                    &mut self.chance,
                    self.now,
                    Place::Map,
                    Place::Machine(number),
                    message.clone(),
                );
            }
        }
        self.note();
        self.check()
    }

    fn is_awake(&self, number: usize) -> bool {
        self.machines[number].is_up && self.machines[number].frozen_until <= self.now
    }

    fn let_act(&mut self, number: usize) {
        if !self.machines[number].is_up && self.chance.one_in(if self.network.is_well { 10 } else { 150 }) {
            self.machines[number].start();
        }
        if !self.is_awake(number) {
            return;
        }
        let machine = &mut self.machines[number];
        if self.chance.one_in(6) {
            let value = self.client.value();
            machine.write(self.now, value);
        }
        if self.chance.one_in(3) {
            machine.register(&mut self.chance);
        }
        if self.chance.one_in(4) {
            machine.synced();
        }
        if self.chance.one_in(10) {
            machine.tick(self.now);
        }
        let from = Place::Machine(number);
        for (to, message) in machine.take_outbox() {
            self.network.send(&mut self.chance, self.now, from, to, message);
        }
    }

    fn check(&mut self) -> Result<(), String> {
        let copies = &self.keeper.copies;
        checks::one_primary(&self.machines)?;
        let begins = self.keeper.history_term;
        self.client.acknowledged.retain(|done| done.term >= begins);
        let before = self.client.acknowledged.len();
        for machine in &mut self.machines {
            let of_this_history = machine.acknowledged.drain(..).filter(|done| done.term >= begins);
            self.client.acknowledged.extend(of_this_history);
        }
        checks::has_all(copies, &self.machines, &self.client.acknowledged[before..])?;
        if self.now.is_multiple_of(40) {
            checks::has_all(copies, &self.machines, &self.client.acknowledged)?;
            checks::one_operation(&self.machines, &mut self.known)?;
            checks::equal_to_the_checkpoint(copies, &self.machines)?;
        }
        Ok(())
    }

    /// Nobody is harmed any more: all copies must become equal, and a write must be done.
    fn heal(&mut self) -> Result<(), String> {
        self.network.join();
        self.network.is_well = true;
        for machine in &mut self.machines {
            machine.frozen_until = 0;
        }
        let mut last = self.client.acknowledged.len();
        for step in 0..HEALING_STEPS {
            self.step().map_err(|broken| format!("healing, step {step}: {broken}"))?;
            let is_whole = self.keeper.copies.in_sync().len() == MACHINES
                && self.keeper.copies.present().len() == MACHINES;
            if !is_whole {
                last = self.client.acknowledged.len();
            } else if self.client.acknowledged.len() > last + 10 {
                return self.quiet();
            }
        }
        Err(format!("not well after {HEALING_STEPS} steps: {:?}", self.keeper.copies))
    }

    /// Without writes all copies become equal.
    fn quiet(&mut self) -> Result<(), String> {
        for _ in 0..400 {
            self.now += 1;
            while let Some((to, message)) = self.network.receive(self.now) {
                if let Place::Machine(number) = to {
                    self.machines[number].hear(message);
                }
            }
            for number in 0..MACHINES {
                self.machines[number].register(&mut self.chance);
                self.machines[number].synced();
                self.machines[number].tick(self.now);
                for (to, message) in self.machines[number].take_outbox() {
                    self.network.send(&mut self.chance, self.now, Place::Machine(number), to, message);
                }
            }
        }
        self.check()?;
        checks::has_all(&self.keeper.copies, &self.machines, &self.client.acknowledged)?;
        checks::all_equal(&self.keeper.copies, &self.machines)
    }

    fn note(&mut self) {
        let mut hasher = DefaultHasher::new();
        self.trace.hash(&mut hasher);
        self.keeper.version.hash(&mut hasher);
        for machine in &self.machines {
            let content = machine.disk.written.as_ref();
            content.map(|content| (content.term, content.global, content.operations.len())).hash(&mut hasher);
        }
        self.trace = hasher.finish();
    }
}
