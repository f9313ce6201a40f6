//! Mixed load of one writer until the node is gone: every kind of write there is, each held against the model.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use search_client::{Answer, Method, SearchClient};
use serde_json::{Value as Json, json};

use super::model::{Model, Value};

const BULK_ITEMS: std::ops::Range<usize> = 1..300;
/// So many unique words make a segment in memory spill before it is refreshed.
const HEAVY_WORDS: usize = 150;

/// One writer in one round.
pub(super) struct Writer<'a> {
    client: &'a SearchClient,
    model: &'a mut Model,
    random: StdRng,
    round: usize,
    is_heavy: bool,
}

/// The node is gone, or on its way.
struct Gone;

/// What is done to a document.
#[derive(Clone, Copy, PartialEq)]
enum Change {
    Index,
    Create,
    Update,
    Delete,
}

/// One change of one document, and what it must be answered.
struct Step {
    change: Change,
    number: usize,
    wanted: Value,
    status: u64,
}

impl<'a> Writer<'a> {
    pub(super) fn new(client: &'a SearchClient, model: &'a mut Model, round: usize, is_heavy: bool) -> Self {
        let random = StdRng::seed_from_u64(round as u64 * 2 + model.writer as u64);
        Self { client, model, random, round, is_heavy }
    }

    pub(super) async fn run(mut self) {
        loop {
            let outcome = match self.random.random_range(0..100) {
                0..70 => self.bulk().await,
                70..96 => self.single().await,
                96..98 => self.by_query().await,
                _ => self.own_flush().await,
            };
            if outcome.is_err() {
                return;
            }
        }
    }

    fn value(&mut self) -> u64 {
        self.random.random_range(0..1 << 30)
    }

    fn source(&mut self, value: u64) -> Json {
        let words = if self.is_heavy { HEAVY_WORDS } else { 3 };
        let text: Vec<String> = (0..words).map(|_| format!("w{:x}", self.random.random::<u32>())).collect();
        // One field more in each round and of each writer: the mapping grows while documents are written.
        let grown = format!("grown_{}_{}", self.model.writer, self.round);
        json!({"n": value, "writer": self.model.writer, "text": text.join(" "), grown: value % 7})
    }

    /// A step on a new document, or on one that nobody has touched in this request.
    fn step(&mut self, taken: &mut BTreeSet<usize>) -> Step {
        let is_new = self.model.len() < 100 || self.random.random_bool(0.55);
        let number = if is_new { self.model.fresh() } else { self.random.random_range(0..self.model.len()) };
        if !taken.insert(number) {
            return self.step(taken);
        }
        let before = self.model.value(number);
        let value = self.value();
        let (change, wanted) = match self.random.random_range(0..10) {
            0..4 => (Change::Index, Some(value)),
            4..6 => (Change::Create, before.or(Some(value))),
            6..8 => (Change::Update, before.and(Some(value))),
            _ => (Change::Delete, None),
        };
        let status = match (change, before) {
            (Change::Index | Change::Create, None) => 201,
            (Change::Create, Some(_)) => 409,
            (Change::Update | Change::Delete, None) => 404,
            (_, Some(_)) => 200,
        };
        Step { change, number, wanted, status }
    }

    fn settle(&mut self, step: &Step, outcome: Result<(), Gone>) {
        match outcome {
            Ok(()) => self.model.acknowledge(step.number, step.wanted),
            Err(Gone) => self.model.leave_open(step.number, step.wanted),
        }
    }

    async fn send(&self, method: Method, path: &str, kind: &str, body: String) -> Result<Answer, Gone> {
        self.client.send(method, path, kind, body).await.map_err(|_| Gone)
    }

    async fn bulk(&mut self) -> Result<(), Gone> {
        let mut taken = BTreeSet::new();
        let mut body = String::new();
        let mut steps = Vec::new();
        for _ in 0..self.random.random_range(BULK_ITEMS) {
            let step = self.step(&mut taken);
            let value = step.wanted.unwrap_or_default();
            let id = json!({"_id": self.model.id(step.number)});
            let lines = match step.change {
                Change::Index => vec![json!({"index": id}), self.source(value)],
                Change::Create => vec![json!({"create": id}), self.source(value)],
                Change::Update => vec![json!({"update": id}), json!({"doc": {"n": value}})],
                Change::Delete => vec![json!({"delete": id})],
            };
            lines.iter().for_each(|line| body.push_str(&format!("{line}\n")));
            steps.push(step);
        }
        let refresh = if !self.is_heavy && self.random.random_bool(0.03) { "?refresh=true" } else { "" };
        let path = format!("/crash/_bulk{refresh}");
        let answer = match self.send(Method::POST, &path, "application/x-ndjson", body).await {
            Ok(answer) => answer,
            Err(gone) => {
                steps.iter().for_each(|step| self.settle(step, Err(Gone)));
                return Err(gone);
            }
        };
        let answer = read(&answer, &[200]);
        let items = answer["items"].as_array().expect("items");
        assert_eq!(items.len(), steps.len());
        for (step, item) in steps.iter().zip(items) {
            let outcome = item.as_object().and_then(|item| item.values().next()).expect("an outcome");
            assert_eq!(outcome["status"], json!(step.status), "{item}");
            self.settle(step, Ok(()));
        }
        Ok(())
    }

    async fn single(&mut self) -> Result<(), Gone> {
        let step = self.step(&mut BTreeSet::new());
        let value = step.wanted.unwrap_or_default();
        let id = self.model.id(step.number);
        let (method, path, body) = match step.change {
            Change::Index => (Method::PUT, format!("/crash/_doc/{id}"), self.source(value)),
            Change::Create => (Method::PUT, format!("/crash/_create/{id}"), self.source(value)),
            Change::Update => (Method::POST, format!("/crash/_update/{id}"), json!({"doc": {"n": value}})),
            Change::Delete => (Method::DELETE, format!("/crash/_doc/{id}"), Json::Null),
        };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.send(method, &path, "application/json", body).await;
        let outcome = answer.map(|answer| drop(read(&answer, &[step.status])));
        let is_gone = outcome.is_err();
        self.settle(&step, outcome);
        if is_gone { Err(Gone) } else { Ok(()) }
    }

    /// Sets one value in a few documents, found by their ids.
    async fn by_query(&mut self) -> Result<(), Gone> {
        let known: BTreeSet<usize> = (0..30.min(self.model.len()))
            .map(|_| self.random.random_range(0..self.model.len()))
            .filter(|number| self.model.value(*number).is_some())
            .collect();
        let value = self.value();
        let ids: Vec<String> = known.iter().map(|number| self.model.id(*number)).collect();
        let body = json!({
            "query": {"ids": {"values": ids}},
            "script": {"source": "ctx._source.n = params.n", "params": {"n": value}}
        });
        // A query finds what a refresh has shown.
        read(&self.send(Method::POST, "/crash/_refresh", "", String::new()).await?, &[200]);
        let answer =
            self.send(Method::POST, "/crash/_update_by_query", "application/json", body.to_string()).await;
        let steps = known.iter().map(|number| Step {
            change: Change::Update,
            number: *number,
            wanted: Some(value),
            status: 200,
        });
        match answer {
            Ok(answer) => {
                let answer = read(&answer, &[200]);
                assert_eq!(answer["updated"], json!(known.len()), "{answer}");
                steps.for_each(|step| self.settle(&step, Ok(())));
                Ok(())
            }
            Err(gone) => {
                steps.for_each(|step| self.settle(&step, Err(Gone)));
                Err(gone)
            }
        }
    }

    async fn own_flush(&mut self) -> Result<(), Gone> {
        read(&self.send(Method::POST, "/crash/_flush", "", String::new()).await?, &[200]);
        Ok(())
    }
}

/// Anything but the expected is a fault of the node: one that is killed gives no answer at all.
fn read(answer: &Answer, statuses: &[u64]) -> Json {
    let text = String::from_utf8_lossy(&answer.body);
    assert!(statuses.contains(&u64::from(answer.status)), "answered {}: {text:.1000}", answer.status);
    serde_json::from_str(&text).expect("JSON")
}

/// Refreshes, flushes and searches beside the writers, until the node is gone. Heavy rounds are left to spill.
pub(super) async fn disturb(client: &SearchClient, is_heavy: bool) {
    let aggs = json!({"size": 3, "aggs": {"sum": {"sum": {"field": "n"}}}});
    for turn in 0u64.. {
        let outcome = match turn % 8 {
            0 | 4 if !is_heavy => client.json(Method::POST, "/crash/_refresh", None).await,
            6 if !is_heavy => client.json(Method::POST, "/crash/_flush", None).await,
            _ => client.json(Method::POST, "/crash/_search", Some(&aggs)).await,
        };
        if outcome.is_err() {
            return;
        }
    }
}
