//! What a shard promises: nothing acknowledged is lost, nothing deleted returns, a search and a GET agree, and it goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use shard::{QueryContext, QueryRules, SearchRequest, Shard, Workers, parse_query};

use crate::script::{IDS, NOW, Step, open, put};

/// What may be found.
#[derive(Debug, Default, Clone)]
pub(crate) struct Expected {
    /// The acknowledged value of each id; none for one that was deleted.
    acked: BTreeMap<u64, Option<u64>>,
    /// What was written since, and may be found instead.
    open: Vec<(u64, Option<u64>)>,
    /// How many writes have returned, and how many of them were acknowledged: the fewest sequence numbers given out.
    returned: u64,
    acked_operations: u64,
}

impl Expected {
    /// What a script promises after these marks: a step that begins is `2 × its place`, a step that has returned is one more.
    pub(crate) fn after(steps: &[Step], marks: &[usize]) -> Self {
        let mut expected = Self::default();
        for mark in marks {
            let step = steps[mark / 2];
            if mark % 2 == 1 {
                expected.end(step);
            } else {
                expected.begin(step);
            }
        }
        expected
    }

    pub(crate) fn begin(&mut self, step: Step) {
        match step {
            Step::Put { id, value } => self.open.push((id, Some(value))),
            Step::Delete { id } => self.open.push((id, None)),
            _ => {}
        }
    }

    pub(crate) fn end(&mut self, step: Step) {
        match step {
            Step::Put { .. } | Step::Delete { .. } => self.returned += 1,
            Step::Sync | Step::Flush | Step::Reopen => {
                self.acked_operations = self.returned;
                self.acked.extend(self.open.drain(..));
            }
            _ => {}
        }
    }

    /// The shard was opened and found to hold this: all of it is durable from now on.
    pub(crate) fn settle(&mut self, shard: &Shard) -> Result<(), String> {
        self.check(shard)?;
        for id in 0..IDS {
            self.acked.insert(id, value_of(shard, id)?);
        }
        self.open.clear();
        // What was not acknowledged may be gone, and its numbers with it.
        self.returned = self.acked_operations;
        Ok(())
    }

    /// Compares each document; gives those that are there.
    fn check(&self, shard: &Shard) -> Result<BTreeSet<String>, String> {
        let mut live = BTreeSet::new();
        for id in 0..IDS {
            let value = value_of(shard, id)?;
            let acked = self.acked.get(&id).copied().flatten();
            if value != acked && !self.open.contains(&(id, value)) {
                return Err(format!("document {id} is {value:?}, but {acked:?} was acknowledged"));
            }
            live.extend(value.map(|_| format!("id{id}")));
        }
        Ok(live)
    }
}

fn value_of(shard: &Shard, id: u64) -> Result<Option<u64>, String> {
    let stored = shard.get(&format!("id{id}")).map_err(|error| format!("document {id}: {error}"))?;
    let Some(stored) = stored else { return Ok(None) };
    Ok(serde_json::from_slice::<Value>(&stored.source).map_err(|error| error.to_string())?["n"].as_u64())
}

fn found(shard: &Shard) -> Result<BTreeSet<String>, String> {
    let request = SearchRequest::of(parse_query(&json!({"match_all": {}})).expect("a query"), 1_000);
    let reader = shard.reader();
    let context = QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: QueryRules::usual() };
    let answer = reader.search(&request, &context).map_err(|error| error.to_string())?;
    let fetched: Result<Vec<_>, _> = answer.hits.iter().map(|hit| reader.fetch(hit)).collect();
    let uids: Vec<String> =
        fetched.map_err(|error| error.to_string())?.into_iter().map(|document| document.uid).collect();
    let unique: BTreeSet<String> = uids.iter().cloned().collect();
    if unique.len() < uids.len() {
        return Err(format!("a document is found twice: {uids:?}"));
    }
    Ok(unique)
}

/// Opens the shard as it lies in a folder and checks every promise.
pub(crate) fn check(root: &Path, expected: &Expected, generation: usize) -> Result<(), String> {
    let folder = root.join("shard");
    let workers = Workers::new(0);
    let open = || open(&folder, None, &workers, generation).map_err(|error| error.to_string());
    let shard = open()?;
    let live = expected.check(&shard)?;
    shard.refresh(NOW).map_err(|error| error.to_string())?;
    let found = found(&shard)?;
    if found != live {
        return Err(format!("a search finds {found:?}, GET finds {live:?}"));
    }
    let written = put(&shard, generation, IDS, 7).map_err(|error| error.to_string())?;
    if written.seq_no < expected.acked_operations {
        return Err(format!("sequence number {} was given out twice", written.seq_no));
    }
    shard.sync(&written).map_err(|error| error.to_string())?;
    drop(shard);
    let again = open()?;
    if value_of(&again, IDS)? != Some(7) {
        return Err("what was written afterwards is missing after the next opening".to_owned());
    }
    Ok(())
}
