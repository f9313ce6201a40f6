//! Three copies, what goes between them, and what was acknowledged.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde_json::{Value, json};
use shard::{
    Applied, Condition, EngineError, Operation, OperationKind, TranslogError, WriteOutcome, WriteRequest,
};
use testkit::{Chance, Survival};

use crate::copy::{Copy, NOW};

/// When copies are refreshed: what was deleted is old enough by then to be forgotten.
const LATER: i64 = NOW + 1;
const COPIES: usize = 3;
const IDS: usize = 12;
/// Bytes of a batch of history, and of a part of a file: few, so that there are several.
const BATCH_BYTES: usize = 300;
const PART_BYTES: usize = 700;

/// What is done wrongly, to show that it would be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planted {
    Nothing,
    /// A replica keeps what a new primary does not have.
    DropsNothing,
    /// The global checkpoint is told to be where the primary is.
    GlobalTooHigh,
    /// A new primary leaves the numbers open that it lacks.
    ForgetsGaps,
}

/// How often things happened.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Seen {
    promotions: usize,
    crashes: usize,
    rollbacks: usize,
    histories: usize,
    fills: usize,
    flushes: usize,
    put_off: usize,
    acked: usize,
}

impl Seen {
    pub(crate) fn is_varied(&self) -> bool {
        let Self { promotions, crashes, rollbacks, histories, fills, flushes, put_off, acked } = *self;
        [promotions, crashes, rollbacks, histories, fills, flushes, put_off, acked]
            .iter()
            .all(|count| *count > 0)
    }
}

impl AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.promotions += other.promotions;
        self.crashes += other.crashes;
        self.rollbacks += other.rollbacks;
        self.histories += other.histories;
        self.fills += other.fills;
        self.flushes += other.flushes;
        self.put_off += other.put_off;
        self.acked += other.acked;
    }
}

pub(crate) struct World {
    chance: Chance,
    planted: Planted,
    copies: Vec<Copy>,
    primary: usize,
    term: u64,
    /// The highest number of the primary when its term began.
    last_at_begin: i64,
    /// What the primary has, by number.
    truth: BTreeMap<u64, Operation>,
    /// Up to here everything is acknowledged, and what that was.
    acked_up_to: i64,
    acked: BTreeMap<u64, Operation>,
    pub(crate) seen: Seen,
}

type Outcome = Result<(), String>;

fn text(error: EngineError) -> String {
    error.to_string()
}

impl World {
    pub(crate) fn new(seed: u64, planted: Planted) -> Self {
        Self {
            chance: Chance::new(seed),
            planted,
            copies: (0..COPIES).map(|_| Copy::new().expect("made")).collect(),
            primary: 0,
            term: 1,
            last_at_begin: -1,
            truth: BTreeMap::new(),
            acked_up_to: -1,
            acked: BTreeMap::new(),
            seen: Seen::default(),
        }
    }

    pub(crate) fn step(&mut self) -> Outcome {
        let copy = self.chance.below(COPIES);
        match self.chance.below(100) {
            0..=34 => self.write()?,
            35..=64 => self.deliver(copy)?,
            65..=73 => self.copies[copy].sync().map_err(text)?,
            74..=81 => self.raise(copy),
            82..=86 => drop(self.copies[copy].shard().refresh(LATER).map_err(text)?),
            87..=89 => self.flush(copy)?,
            90..=91 => self.quiet_down()?,
            92..=93 => self.reopen(copy)?,
            94..=95 => self.crash(copy)?,
            96..=97 => self.promote_another()?,
            98 => self.fill(copy)?,
            _ => {
                // Whether history is kept, and from where on.
                let from = (!self.chance.one_in(3)).then_some((self.acked_up_to + 1) as u64);
                self.copies[copy].shard().keep_history_from(from);
            }
        }
        self.acknowledge()
    }

    fn write(&mut self) -> Outcome {
        let id = self.chance.below(IDS).to_string();
        let mut document =
            json!({"n": self.chance.below(1000), "t": format!("word{} common", self.chance.below(5))});
        let nested: Vec<Value> = (0..self.chance.below(3)).map(|x| json!({"x": x})).collect();
        document["a"] = Value::from(nested);
        let source = (!self.chance.one_in(4)).then(|| document.to_string().into_bytes());
        let request = WriteRequest {
            uid: &id,
            doc_type: None,
            id: &id,
            routing: None,
            source: source.as_deref(),
            condition: Condition::None,
            is_new_id: false,
            now_millis: NOW,
        };
        let WriteOutcome::Written(written) =
            self.copies[self.primary].shard().write(&request).map_err(text)?
        else {
            panic!("the mapping has every field");
        };
        let kind = if source.is_some() { OperationKind::Index } else { OperationKind::Delete };
        let (seq_no, term, version) = (written.seq_no, written.term, written.version);
        if (seq_no as i64, term) != (self.truth.keys().last().map_or(-1, |last| *last as i64) + 1, self.term)
        {
            return Err(format!("operation {seq_no} of term {term} has not the next number"));
        }
        let source = source.unwrap_or_default();
        let operation = Operation { kind, seq_no, term, version, uid: id, routing: String::new(), source };
        self.send(operation)
    }

    /// Sends an operation of the primary to the others.
    fn send(&mut self, operation: Operation) -> Outcome {
        let mut bytes = Vec::new();
        operation.encode(&mut bytes).map_err(|error| error.to_string())?;
        for copy in (0..COPIES).filter(|copy| *copy != self.primary) {
            let (arrived, _) = Operation::decode(&bytes).map_err(|error| error.to_string())?;
            self.copies[copy].inbox.push(arrived);
        }
        self.truth.insert(operation.seq_no, operation);
        Ok(())
    }

    fn deliver(&mut self, copy: usize) -> Outcome {
        for _ in 0..=self.chance.below(4) {
            let waiting = self.copies[copy].inbox.len();
            if waiting == 0 {
                break;
            }
            let at = if self.chance.one_in(3) { self.chance.below(waiting) } else { 0 };
            let is_doubled = self.chance.one_in(8);
            self.copies[copy].apply(at, is_doubled).map_err(text)?;
        }
        self.end_resync(copy)
    }

    /// Once everything that the new primary had is there, what it did not have is dropped.
    fn end_resync(&mut self, copy: usize) -> Outcome {
        let (term, last) = (self.term, self.last_at_begin);
        let this = &mut self.copies[copy];
        let waits = this.inbox.iter().any(|operation| operation.seq_no as i64 <= last);
        if !this.is_resyncing || waits {
            return Ok(());
        }
        this.sync().map_err(text)?;
        let (_, _, held) = this.shard().held();
        let is_left_over = |(seq_no, own): &(&i64, &u64)| **seq_no > last && **own < term;
        let left_over: Vec<u64> =
            held.iter().filter(is_left_over).map(|(seq_no, _)| *seq_no as u64).collect();
        if self.planted != Planted::DropsNothing {
            this.shard().drop_operations(term, &left_over).map_err(text)?;
        }
        this.is_resyncing = false;
        if this.shard().must_roll_back() {
            self.seen.rollbacks += 1;
            this.roll_back().map_err(text)?;
        }
        this.sync().map_err(text)
    }

    /// Up to where a copy has what the primary has named, on its disk.
    fn confirmed(&self, copy: usize) -> i64 {
        let this = &self.copies[copy];
        if this.is_resyncing { this.shard().global().min(this.synced) } else { this.synced }
    }

    /// What every copy in sync has is acknowledged; one that was filled is in sync once it has all that was. Nothing that was may ever change.
    fn acknowledge(&mut self) -> Outcome {
        for copy in 0..COPIES {
            let has_all = self.confirmed(copy) >= self.acked_up_to && !self.copies[copy].is_resyncing;
            self.copies[copy].is_in_sync |= has_all;
        }
        let in_sync = (0..COPIES).filter(|copy| self.copies[*copy].is_in_sync);
        let all = in_sync.map(|copy| self.confirmed(copy)).min().unwrap_or(-1);
        self.acked_up_to = self.acked_up_to.max(all);
        for seq_no in self.acked.len() as u64..(self.acked_up_to + 1) as u64 {
            let operation =
                self.truth.get(&seq_no).ok_or(format!("{seq_no} is acknowledged, and nobody knows it"))?;
            self.acked.insert(seq_no, operation.clone());
            self.seen.acked += 1;
        }
        Ok(())
    }

    fn raise(&mut self, copy: usize) {
        let to = match self.planted {
            Planted::GlobalTooHigh => self.copies[self.primary].shard().max_seq_no(),
            _ => self.acked_up_to,
        };
        let this = &self.copies[copy];
        // A copy that is not up to date with the new primary knows only what it knew.
        if !this.is_resyncing {
            this.shard().raise_global(to);
        }
    }

    fn flush(&mut self, copy: usize) -> Outcome {
        match self.copies[copy].shard().flush(LATER).map_err(text)? {
            shard::Flushed::Done => self.seen.flushes += 1,
            shard::Flushed::PutOff { .. } => self.seen.put_off += 1,
            shard::Flushed::MustRollBack => {}
        }
        Ok(())
    }

    /// Everything arrives, and all copies know that; then a flush commits it, and history may go.
    fn quiet_down(&mut self) -> Outcome {
        self.deliver_all()?;
        for copy in 0..COPIES {
            self.raise(copy);
            if self.chance.one_in(2) {
                self.flush(copy)?;
            }
        }
        Ok(())
    }

    fn deliver_all(&mut self) -> Outcome {
        for copy in 0..COPIES {
            while !self.copies[copy].inbox.is_empty() {
                self.deliver(copy)?;
            }
            self.end_resync(copy)?;
            self.copies[copy].sync().map_err(text)?;
        }
        self.acknowledge()
    }

    fn reopen(&mut self, copy: usize) -> Outcome {
        self.copies[copy].reopen().map_err(text)?;
        if copy == self.primary { self.promote(copy) } else { self.catch_up(copy) }
    }

    fn crash(&mut self, copy: usize) -> Outcome {
        self.seen.crashes += 1;
        let survival = match self.chance.below(3) {
            0 => Survival::Nothing,
            1 => Survival::AllButTheTornLast,
            _ => Survival::Some { seed: self.chance.below(1 << 30) as u64 },
        };
        let global = self.copies[copy].synced.min(self.copies[copy].shard().global());
        self.copies[copy].crash(survival).map_err(text)?;
        let shard = self.copies[copy].shard();
        if shard.local() < self.acked_up_to.min(self.copies[copy].synced) {
            return Err(format!(
                "copy {copy} lost what it had synced: {} of {}",
                shard.local(),
                self.copies[copy].synced
            ));
        }
        if shard.global() > global.max(shard.local()) || shard.global() > shard.local() {
            return Err(format!("copy {copy} believes in {} and has {}", shard.global(), shard.local()));
        }
        if copy == self.primary {
            return self.promote_another();
        }
        self.catch_up(copy)
    }

    fn promote_another(&mut self) -> Outcome {
        let others = (0..COPIES).filter(|copy| *copy != self.primary && self.copies[*copy].is_in_sync);
        let others: Vec<usize> = others.collect();
        let next = if others.is_empty() { self.primary } else { *self.chance.pick(&others) };
        self.promote(next)
    }

    /// Makes a copy the primary of the next term, and has all of them agree on what it has.
    fn promote(&mut self, next: usize) -> Outcome {
        self.seen.promotions += 1;
        self.primary = next;
        let this = &mut self.copies[next];
        this.term_begins(self.term + 1).map_err(text)?;
        self.term = this.shard().term();
        let gaps: Vec<u64> =
            ((this.shard().global() + 1)..this.shard().max_seq_no()).map(|seq_no| seq_no as u64).collect();
        if self.planted != Planted::ForgetsGaps {
            this.fill_gaps(&gaps, self.term).map_err(text)?;
        }
        self.last_at_begin = this.shard().max_seq_no();
        this.sync().map_err(text)?;
        let from = (this.shard().global() + 1) as u64;
        self.truth.retain(|seq_no, _| *seq_no < from);
        for operation in self.history(next, from)? {
            self.truth.insert(operation.seq_no, operation);
        }
        for (seq_no, operation) in &self.acked {
            if self.truth.get(seq_no) != Some(operation) {
                let own = self.truth.get(seq_no);
                return Err(format!("acknowledged {operation:?}, and the new primary has {own:?}"));
            }
        }
        for copy in (0..COPIES).filter(|copy| *copy != next) {
            self.copies[copy].shard().set_term(self.term).map_err(text)?;
            self.catch_up(copy)?;
        }
        Ok(())
    }

    fn history(&mut self, copy: usize, from: u64) -> Result<Vec<Operation>, String> {
        let mut history = self.copies[copy].shard().history(from, None).map_err(text)?;
        let mut all = Vec::new();
        loop {
            let batch = history.next_batch(BATCH_BYTES).map_err(text)?;
            if batch.is_empty() {
                return Ok(all);
            }
            all.extend(batch);
        }
    }

    /// Sends a copy everything that it may lack of what the primary has.
    fn catch_up(&mut self, copy: usize) -> Outcome {
        let from = (self.copies[copy].shard().global() + 1) as u64;
        match self.copies[self.primary].shard().history(from, None) {
            Err(EngineError::Translog(TranslogError::NotRetained { .. })) => return self.fill(copy),
            Err(error) => return Err(error.to_string()),
            Ok(_) => {}
        }
        self.seen.histories += 1;
        self.copies[copy].inbox = self.history(self.primary, from)?;
        self.copies[copy].is_resyncing = true;
        Ok(())
    }

    /// Makes a replica anew from the files of the primary.
    fn fill(&mut self, copy: usize) -> Outcome {
        if copy == self.primary {
            return Ok(());
        }
        let source = &self.copies[self.primary];
        if source.shard().must_roll_back() {
            return Ok(());
        }
        // So that what comes after the files is there too.
        source.shard().keep_history_from(Some(0));
        let (source, target) = if copy < self.primary {
            let (left, right) = self.copies.split_at_mut(self.primary);
            (&right[0], &mut left[copy])
        } else {
            let (left, right) = self.copies.split_at_mut(copy);
            (&left[self.primary], &mut right[0])
        };
        match target.fill(source, PART_BYTES) {
            Ok(_) => {}
            Err(EngineError::NotCommitted { .. }) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        }
        self.seen.fills += 1;
        target.is_in_sync = false;
        self.catch_up(copy)
    }

    /// All that was sent arrives, and all copies are compared.
    pub(crate) fn settle(&mut self) -> Outcome {
        // A copy that was filled is in sync after the first time.
        for _ in 0..2 {
            self.deliver_all()?;
        }
        (0..COPIES).for_each(|copy| self.raise(copy));
        let last = self.truth.keys().last().map_or(-1, |last| *last as i64);
        if self.acked_up_to != last {
            return Err(format!("{last} operations, and {} are acknowledged", self.acked_up_to));
        }
        self.compare()?;
        for copy in 0..COPIES {
            if self.copies[copy].shard().flush(LATER).map_err(text)? != shard::Flushed::Done {
                return Err(format!("copy {copy} cannot flush"));
            }
            self.copies[copy].crash(Survival::Nothing).map_err(text)?;
        }
        self.compare()
    }

    fn compare(&mut self) -> Outcome {
        let digests: Result<Vec<_>, _> = self.copies.iter().map(|copy| copy.shard().digest(NOW)).collect();
        let digests = digests.map_err(text)?;
        let mut expected: BTreeMap<&str, Option<&Operation>> = BTreeMap::new();
        for operation in self.truth.values().filter(|operation| operation.kind != OperationKind::NoOp) {
            let document = (operation.kind == OperationKind::Index).then_some(operation);
            expected.insert(&operation.uid, document);
        }
        for (uid, operation) in expected {
            for (number, copy) in self.copies.iter().enumerate() {
                let stored = copy.shard().get(uid).map_err(text)?;
                let shown = stored.map(|stored| (stored.seq_no, stored.term, stored.version, stored.source));
                let right = operation.map(|own| (own.seq_no, own.term, own.version, own.source.clone()));
                if shown != right {
                    return Err(format!(
                        "document {uid} of copy {number} is {shown:?} and should be {right:?}"
                    ));
                }
            }
        }
        if digests.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(format!("copies differ: {digests:?}"));
        }
        Ok(())
    }
}

impl Copy {
    /// It becomes primary: what it shows must be what it has.
    fn term_begins(&mut self, term: u64) -> Result<(), EngineError> {
        self.shard().set_term(term)?;
        self.inbox.clear();
        self.is_resyncing = false;
        if self.shard().must_roll_back() {
            self.roll_back()?;
        }
        Ok(())
    }

    fn fill_gaps(&mut self, seq_nos: &[u64], term: u64) -> Result<(), EngineError> {
        let (_, _, held) = self.shard().held();
        let mut run = self.shard().apply_run(term, NOW);
        for seq_no in seq_nos.iter().copied().filter(|seq_no| !held.contains_key(&(*seq_no as i64))) {
            let (kind, version, uid, routing, source) =
                (OperationKind::NoOp, 1, String::new(), String::new(), Vec::new());
            match run.apply(&Operation { kind, seq_no, term, version, uid, routing, source })? {
                Applied::Done(_) => {}
                Applied::NeedsMapping(_) => panic!("nothing has no fields"),
            }
        }
        Ok(())
    }
}
