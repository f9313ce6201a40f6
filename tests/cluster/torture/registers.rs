//! Clients that read, write, swap and delete a few documents again and again, side by side.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use search_client::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::INDEX;
use super::door::{Doors, Reply, fate_of};
use super::history::{Action, Fate, History};

/// What the clients of registers share.
pub(crate) struct Registers {
    pub(crate) history: History,
    /// Each value is written once.
    next_value: AtomicU64,
}

/// A value with the version that it was read with.
#[derive(Clone, Copy)]
struct Version {
    value: u64,
    seq_no: u64,
    term: u64,
}

impl Registers {
    pub(crate) fn new(count: usize) -> Self {
        Self { history: History::new(count), next_value: AtomicU64::new(1) }
    }

    /// One client, until it is told to stop.
    pub(crate) async fn run(&self, doors: &Doors, seed: u64, stop: watch::Receiver<bool>) {
        let mut random = StdRng::seed_from_u64(seed);
        while !*stop.borrow() {
            let register = random.random_range(0..self.history.len());
            match random.random_range(0..20) {
                0..8 => drop(self.read(doors, &mut random, register).await),
                8..13 => self.write(doors, &mut random, register).await,
                13..19 => self.swap(doors, &mut random, register).await,
                _ => self.delete(doors, &mut random, register).await,
            }
        }
    }

    /// Reads a register once; whether there was an answer.
    pub(crate) async fn look(&self, doors: &Doors, random: &mut StdRng, register: usize) -> bool {
        self.read(doors, random, register).await.is_some()
    }

    /// The outer is none if nobody answered.
    async fn read(&self, doors: &Doors, random: &mut StdRng, register: usize) -> Option<Option<Version>> {
        let began = self.history.now();
        let reply = doors.ask(random, Method::GET, &path(register, ""), "").await;
        let Reply::Answer(status, body) = reply else { return None };
        let found = match status {
            200 => Some(Version {
                value: body["_source"]["value"].as_u64()?,
                seq_no: body["_seq_no"].as_u64()?,
                term: body["_primary_term"].as_u64()?,
            }),
            404 if body["found"] == json!(false) => None,
            _ => return None,
        };
        let action = Action::Read(found.map(|version| version.value));
        self.history.note(register, began, action, Fate::Done);
        Some(found)
    }

    async fn write(&self, doors: &Doors, random: &mut StdRng, register: usize) {
        let value = self.next_value.fetch_add(1, Ordering::Relaxed);
        self.put(doors, random, register, Action::Write(value), &path(register, "?timeout=5s"), value).await;
    }

    async fn swap(&self, doors: &Doors, random: &mut StdRng, register: usize) {
        let Some(Some(Version { value: from, seq_no, term })) = self.read(doors, random, register).await
        else {
            return;
        };
        let to = self.next_value.fetch_add(1, Ordering::Relaxed);
        let parameters = format!("?timeout=5s&if_seq_no={seq_no}&if_primary_term={term}");
        let path = path(register, &parameters);
        self.put(doors, random, register, Action::Swap { from, to }, &path, to).await;
    }

    async fn put(
        &self,
        doors: &Doors,
        random: &mut StdRng,
        register: usize,
        action: Action,
        path: &str,
        value: u64,
    ) {
        let body = json!({"kind": "register", "value": value}).to_string();
        let began = self.history.now();
        let reply = doors.ask(random, Method::PUT, path, body).await;
        self.history.note(register, began, action, fate(&reply));
    }

    async fn delete(&self, doors: &Doors, random: &mut StdRng, register: usize) {
        let began = self.history.now();
        let reply = doors.ask(random, Method::DELETE, &path(register, "?timeout=5s"), "").await;
        let fate = match &reply {
            Reply::Answer(404, body) if body["result"] == "not_found" => Fate::Done,
            reply => fate(reply),
        };
        self.history.note(register, began, Action::Delete, fate);
    }
}

fn fate(reply: &Reply) -> Fate {
    match reply {
        Reply::Answer(status, body) => fate_of(*status, body),
        Reply::None(fate) => *fate,
    }
}

fn path(register: usize, parameters: &str) -> String {
    format!("/{INDEX}/_doc/register-{register}{parameters}")
}

/// Whether a document is one of these.
pub(crate) fn is_register(source: &Value) -> bool {
    source["kind"] == "register"
}
