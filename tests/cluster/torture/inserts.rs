//! Clients that write documents of their own, one by one or in bulk, and try each again elsewhere until it is taken; and delete some.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use search_client::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::INDEX;
use super::door::{Doors, Reply, fate_of};
use super::history::Fate;

/// What is known of a document that one client writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// It was acknowledged, and is there.
    There,
    /// It was deleted, which was acknowledged.
    Gone,
    /// It may be there or not.
    Open,
    /// It was never taken, by any node.
    Never,
}

/// The documents of one client, which are numbered; each holds its number.
pub(crate) type Ledger = BTreeMap<String, (u64, Known)>;

/// The most documents of one bulk request.
const BULK_MAX: usize = 30;

/// One client of its own documents.
pub(crate) struct Inserts<'a> {
    name: String,
    doors: &'a Doors,
    random: StdRng,
    stop: watch::Receiver<bool>,
    written: u64,
    ledger: Ledger,
    /// Documents of which a write may yet be done: once deleted they could return, and nobody would be wrong.
    tangled: BTreeSet<String>,
    /// What a node said that it never may.
    pub(crate) complaints: Vec<String>,
}

impl<'a> Inserts<'a> {
    pub(crate) fn new(name: &str, doors: &'a Doors, seed: u64, stop: watch::Receiver<bool>) -> Self {
        Self {
            name: name.to_owned(),
            doors,
            random: StdRng::seed_from_u64(seed),
            stop,
            written: 0,
            ledger: Ledger::new(),
            tangled: BTreeSet::new(),
            complaints: Vec::new(),
        }
    }

    /// Writes until it is told to stop; what it knows then.
    pub(crate) async fn run(mut self) -> (Ledger, Vec<String>) {
        while !*self.stop.borrow() {
            let count =
                if self.random.random_ratio(1, 2) { self.random.random_range(2..BULK_MAX) } else { 1 };
            let mut left: Vec<String> = (0..count).map(|_| self.name_next()).collect();
            while !left.is_empty() {
                match left.as_slice() {
                    [id] => self.create(id).await,
                    many => self.bulk(many).await,
                }
                // After the end one more round tells nothing more.
                left.retain(|id| self.ledger[id].1 != Known::There && !*self.stop.borrow());
            }
            if self.random.random_ratio(1, 5) {
                self.delete_one().await;
            }
        }
        (self.ledger, self.complaints)
    }

    fn name_next(&mut self) -> String {
        self.written += 1;
        let id = format!("{}-{}", self.name, self.written);
        self.ledger.insert(id.clone(), (self.written, Known::Never));
        id
    }

    fn source(&self, id: &str) -> String {
        json!({"kind": "insert", "number": self.ledger[id].0}).to_string()
    }

    async fn create(&mut self, id: &str) {
        let path = format!("/{INDEX}/_create/{id}?timeout=5s");
        let source = self.source(id);
        match self.doors.ask(&mut self.random, Method::PUT, &path, source).await {
            Reply::Answer(status, body) => self.note(id, status, &body),
            Reply::None(fate) => self.note_fate(id, fate),
        }
    }

    async fn bulk(&mut self, ids: &[String]) {
        let lines: String = ids
            .iter()
            .map(|id| format!("{{\"create\":{{\"_id\":\"{id}\"}}}}\n{}\n", self.source(id)))
            .collect();
        let path = format!("/{INDEX}/_bulk?timeout=5s");
        let reply = self.doors.ask(&mut self.random, Method::POST, &path, lines).await;
        match reply {
            Reply::Answer(200, body) => {
                let items = body["items"].as_array().cloned().unwrap_or_default();
                if items.len() != ids.len() {
                    self.complaints.push(format!("{} items for {} actions", items.len(), ids.len()));
                    return;
                }
                for (id, item) in ids.iter().zip(items) {
                    let item = &item["create"];
                    let status = item["status"].as_u64().unwrap_or(0) as u16;
                    self.note(id, status, item);
                }
            }
            Reply::Answer(status, body) => {
                let fate = fate_of(status, &body);
                ids.iter().for_each(|id| self.note_fate(id, fate));
            }
            Reply::None(fate) => ids.iter().for_each(|id| self.note_fate(id, fate)),
        }
    }

    /// A conflict says that an earlier try was taken, which is as good as its answer: shippers rely on it.
    fn note(&mut self, id: &str, status: u16, body: &Value) {
        let known = &mut self.ledger.get_mut(id).expect("a document of this client").1;
        match (status, *known) {
            (409, Known::Never) => {
                self.complaints.push(format!("{id} is there before it was written: {body}"))
            }
            (409, _) => *known = Known::There,
            (status, _) => {
                let fate = fate_of(status, body);
                self.note_fate(id, fate);
            }
        }
    }

    fn note_fate(&mut self, id: &str, fate: Fate) {
        let known = &mut self.ledger.get_mut(id).expect("a document of this client").1;
        match fate {
            Fate::Done => *known = Known::There,
            Fate::Unknown => {
                *known = Known::Open;
                self.tangled.insert(id.to_owned());
            }
            Fate::Refused => {}
        }
    }

    async fn delete_one(&mut self) {
        let is_clear = |id: &String, known: Known| known == Known::There && !self.tangled.contains(id);
        let there = self.ledger.iter().filter(|(id, (_, known))| is_clear(id, *known));
        let there: Vec<String> = there.map(|(id, _)| id.clone()).collect();
        if there.is_empty() {
            return;
        }
        let id = there[self.random.random_range(0..there.len())].clone();
        let path = format!("/{INDEX}/_doc/{id}?timeout=5s");
        while !*self.stop.borrow() {
            let reply = self.doors.ask(&mut self.random, Method::DELETE, &path, "").await;
            let known = &mut self.ledger.get_mut(&id).expect("a document of this client").1;
            let fate = match &reply {
                Reply::Answer(404, body) if body["result"] == "not_found" => {
                    if *known == Known::There {
                        self.complaints.push(format!("{id} was acknowledged, and is not found: {body}"));
                    }
                    Fate::Done
                }
                Reply::Answer(status, body) => fate_of(*status, body),
                Reply::None(fate) => *fate,
            };
            match fate {
                Fate::Done => {
                    *known = Known::Gone;
                    return;
                }
                Fate::Unknown => *known = Known::Open,
                Fate::Refused => {}
            }
        }
    }
}
