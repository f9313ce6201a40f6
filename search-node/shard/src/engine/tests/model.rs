//! Any row of writes, with anything between them, against a map: sources, versions, sequence numbers, conditions, what a get
//! sees at once and what a search sees after a refresh.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{NOW, found, mapping, open, request};
use crate::engine::{
    Condition, Engine, EngineError, ForceMerge, StoredDocument, WriteOutcome, WriteRun, Written,
};
use crate::mapping::Mapping;

const IDS: u8 = 12;

#[derive(Debug, Clone)]
enum Step {
    /// A document, or a delete if there is no number.
    Write(u8, Option<u16>, When),
    /// Read, changed and written under the number that was read.
    Update(u8, u16),
    Refresh,
    Flush,
    Grow,
    Merge,
    /// What was not synced would be gone: here all is, so everything comes back.
    Restart,
}

/// What a write demands, in terms of what the model knows.
#[derive(Debug, Clone, Copy)]
enum When {
    Always,
    Absent,
    /// The document's own number, or one beside it.
    SeqNo {
        is_right: bool,
    },
    /// A version so far above or below the document's own.
    External {
        above: i8,
        or_equal: bool,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let when = prop_oneof![
        6 => Just(When::Always),
        2 => Just(When::Absent),
        3 => any::<bool>().prop_map(|is_right| When::SeqNo { is_right }),
        3 => (-2..4i8, any::<bool>()).prop_map(|(above, or_equal)| When::External { above, or_equal }),
    ];
    let step = prop_oneof![
        12 => (0..IDS, proptest::option::weighted(0.7, any::<u16>()), when)
            .prop_map(|(id, n, when)| Step::Write(id, n, when)),
        3 => (0..IDS, any::<u16>()).prop_map(|(id, n)| Step::Update(id, n)),
        3 => Just(Step::Refresh),
        1 => Just(Step::Flush),
        1 => Just(Step::Grow),
        1 => Just(Step::Merge),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..80)
}

/// A document as it should be; without a source it was deleted and its version goes on.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    source: Option<Value>,
    seq_no: u64,
    version: u64,
}

impl Entry {
    fn is_there(&self) -> bool {
        self.source.is_some()
    }
}

/// The engine and what it should hold.
struct Pair<'f> {
    folder: &'f Path,
    /// None only between closing and opening again.
    open: Option<Arc<Engine>>,
    generation: usize,
    next_seq_no: u64,
    newest: BTreeMap<String, Entry>,
    visible: BTreeMap<String, Entry>,
}

fn fields_of(generation: usize) -> Arc<Mapping> {
    let names: Vec<String> = (0..generation).map(|n| format!("text{n}")).collect();
    let mut fields = vec![("n", "long")];
    fields.extend(names.iter().map(|name| (name.as_str(), "text")));
    mapping(&fields)
}

/// Every other document has a routing value.
fn routing_of(id: &str) -> Option<&str> {
    id.ends_with(['0', '2', '4', '6', '8']).then_some("here")
}

impl Pair<'_> {
    fn engine(&self) -> &Arc<Engine> {
        self.open.as_ref().expect("open")
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Write(id, n, when) => {
                let id = id.to_string();
                let condition = self.condition(&id, when);
                // `create` has no counterpart among deletes.
                let is_delete = n.is_none() && condition != Condition::Absent;
                let source = (!is_delete).then(|| self.document(n.unwrap_or_default()));
                self.write(&id, source, condition);
            }
            Step::Update(id, n) => {
                let id = id.to_string();
                if let Some(stored) = self.engine().get(&id).expect("got") {
                    let condition = Condition::SeqNo { seq_no: stored.seq_no, term: stored.term };
                    let mut source: Value = serde_json::from_slice(&stored.source).expect("JSON");
                    source["n"] = json!(n);
                    self.write(&id, Some(source), condition);
                }
            }
            Step::Refresh => {
                self.engine().refresh(NOW).expect("refreshed");
                self.visible = self.newest.clone();
            }
            Step::Flush => {
                self.engine().flush(NOW).expect("flushed");
                self.visible = self.newest.clone();
            }
            Step::Grow => {
                self.generation += 1;
                self.engine().set_mapping(fields_of(self.generation), NOW).expect("grown");
                self.visible = self.newest.clone();
            }
            Step::Merge => self.engine().force_merge(ForceMerge::Segments(1)).expect("merged"),
            Step::Restart => {
                self.engine().close().expect("closed");
                self.open = None;
                self.open = Some(open(self.folder, fields_of(self.generation)));
                // The versions of what was deleted are kept in memory only.
                self.newest.retain(|_, entry| entry.is_there());
                self.visible = self.newest.clone();
            }
        }
    }

    fn document(&self, n: u16) -> Value {
        let mut document = json!({"n": n});
        if self.generation > 0 {
            document[format!("text{}", self.generation - 1)] = json!(format!("word{n}"));
        }
        document
    }

    fn condition(&self, id: &str, when: When) -> Condition {
        let known = self.newest.get(id);
        match when {
            When::Always => Condition::None,
            When::Absent => Condition::Absent,
            When::SeqNo { is_right } => {
                let own = known.map_or(0, |entry| entry.seq_no);
                Condition::SeqNo { seq_no: if is_right { own } else { own + 1 }, term: 1 }
            }
            When::External { above, or_equal } => {
                let own = known.map_or(1, |entry| entry.version);
                Condition::External { version: own.saturating_add_signed(i64::from(above)), or_equal }
            }
        }
    }

    /// The version that the write should give; none for a conflict.
    fn expected_version(&self, id: &str, condition: Condition) -> Option<u64> {
        let known = self.newest.get(id);
        let next = known.map_or(1, |entry| entry.version + 1);
        let live = known.filter(|entry| entry.is_there());
        match condition {
            Condition::None => Some(next),
            Condition::Absent => live.is_none().then_some(next),
            Condition::SeqNo { seq_no, .. } => {
                live.is_some_and(|entry| entry.seq_no == seq_no).then_some(next)
            }
            Condition::External { version, or_equal } => {
                let least = known.map_or(0, |entry| entry.version + u64::from(!or_equal));
                (version >= least).then_some(version)
            }
        }
    }

    fn write(&mut self, id: &str, source: Option<Value>, condition: Condition) {
        let expected = self.expected_version(id, condition);
        let existed = self.newest.get(id).is_some_and(Entry::is_there);
        let written = match (self.ask(id, source.as_ref(), condition), expected) {
            (Ok(written), Some(version)) => {
                assert_eq!(written.version, version, "the version of {id} under {condition:?}");
                written
            }
            (Err(EngineError::VersionConflict { .. }), None) => return,
            (outcome, expected) => {
                panic!("{id} under {condition:?} gave {outcome:?}; expected version {expected:?}")
            }
        };
        assert_eq!((written.seq_no, written.existed), (self.next_seq_no, existed), "{id}");
        self.engine().sync(written.location.expect("logged")).expect("synced");
        self.next_seq_no += 1;
        let entry = Entry { source, seq_no: written.seq_no, version: written.version };
        self.newest.insert(id.to_owned(), entry);
    }

    fn ask(&self, id: &str, source: Option<&Value>, condition: Condition) -> Result<Written, EngineError> {
        let source = source.map(|source| source.to_string().into_bytes());
        let mut request = request(id, source.as_deref(), condition);
        request.routing = routing_of(id);
        match WriteRun::new(self.engine()).write(&request)? {
            WriteOutcome::Written(written) => Ok(written),
            WriteOutcome::NeedsMapping(_) => panic!("the mapping has every field"),
        }
    }

    /// Every document as a get sees it, and as a search does.
    fn compare(&self) {
        for id in 0..IDS {
            let id = id.to_string();
            let live = |entries: &BTreeMap<String, Entry>| {
                entries.get(&id).filter(|entry| entry.is_there()).cloned()
            };
            assert_eq!(shown(&id, self.engine().get(&id)), live(&self.newest), "document {id}");
            assert_eq!(
                shown(&id, self.engine().get_visible(&id)),
                live(&self.visible),
                "document {id} as a search sees it"
            );
        }
    }

    /// Searches agree with gets once everything is visible.
    fn compare_searches(&self) {
        self.engine().refresh(NOW).expect("refreshed");
        let there: Vec<(&String, &Value)> =
            self.newest.iter().filter_map(|(id, entry)| Some((id, entry.source.as_ref()?))).collect();
        let mut expected: Vec<&String> = there.iter().map(|(id, _)| *id).collect();
        expected.sort();
        assert_eq!(found(self.engine(), &json!({"match_all": {}})).iter().collect::<Vec<_>>(), expected);
        for (id, document) in there {
            let hits = found(self.engine(), &json!({"term": {"n": document["n"]}}));
            assert!(hits.contains(id), "document {id} is found by its value");
        }
    }
}

fn shown(id: &str, stored: Result<Option<StoredDocument>, EngineError>) -> Option<Entry> {
    stored.expect("got").map(|stored| {
        assert_eq!((stored.uid.as_str(), stored.term), (id, 1));
        assert_eq!(stored.routing.as_deref(), routing_of(id), "the routing of {id}");
        Entry {
            source: Some(serde_json::from_slice(&stored.source).expect("JSON")),
            seq_no: stored.seq_no,
            version: stored.version,
        }
    })
}

fn run(steps: impl IntoIterator<Item = Step>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pair = Pair {
        folder: folder.path(),
        open: Some(open(folder.path(), fields_of(0))),
        generation: 0,
        next_seq_no: 0,
        newest: BTreeMap::new(),
        visible: BTreeMap::new(),
    };
    for step in steps {
        pair.step(step);
        pair.compare();
    }
    pair.compare_searches();
}

/// A row that found a fault once: numbers are documents written, with `-` deleted.
#[test]
fn a_row_that_failed_before_does_not_again() {
    let row = "5 6 4 -8 1 2 flush 8 0 9 -0 flush refresh 1 1 -4 refresh 0 refresh refresh 0 8 -3 -11 flush -1 4 6 0 \
        restart grow 2 refresh 3 -4 2 refresh flush refresh -9 -1 3 -0 -9 11 10 3 grow 10 grow flush 3 refresh -9 9 1 \
        flush 10";
    run(row.split_whitespace().zip(100..).map(|(word, n)| match word {
        "refresh" => Step::Refresh,
        "flush" => Step::Flush,
        "grow" => Step::Grow,
        "restart" => Step::Restart,
        id => {
            let number = id.trim_start_matches('-').parse().expect("a number");
            Step::Write(number, (!id.starts_with('-')).then_some(n), When::Always)
        }
    }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn reads_and_writes_agree_with_a_naive_model_whatever_happens_between(steps in steps()) {
        run(steps);
    }
}
