//! Writes the documents of a source into a shard that nobody knows yet, and makes it a copy once it is whole.

use std::time::Duration;

use cluster::state::CopyId;
use shard::{Applied, ApplyRun, Flushed, Operation, OperationKind, Shard, StoredDocument};
use tokio::runtime::Handle;

use super::unfilled::Unfilled;
use crate::action::by_query::WholeShards;
use crate::action::weight::Weight;
use crate::error::ApiError;
use crate::indices::Index;
use crate::memory::Reservation;
use crate::node::Node;

/// What memory is reserved for.
const WHAT: &str = "resize";
/// How many documents are written before it is looked whether the copy is still wanted, and whether memory and log grow.
const STEP: u64 = 1000;
/// The same in bytes: no more than this is held up by the bound on what comes from other nodes.
const STEP_BYTES: u64 = 512 << 10;
/// How often a copy that waits for its turn looks whether it is still wanted.
const LOOK_WANTED: Duration = Duration::from_millis(200);
/// A document can ask for fields again while others add some; more rounds than this are no race.
const MAPPING_ROUNDS_MAX: u32 = 16;
/// How often it is looked whether background work on a shard has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// How many ids are named that several documents have.
const TWICE_SHOWN: usize = 10;

/// Writes documents into a shard that nobody knows yet.
pub(super) struct Writer<'a> {
    pub(super) node: &'a Node,
    pub(super) index: &'a Index,
    pub(super) number: u32,
    pub(super) term: u64,
    /// Whether the map has the copy here.
    pub(super) is_wanted: &'a dyn Fn() -> bool,
}

/// Ids that several documents of the source have. They may, in several shards and with several routing values; in one shard only one
/// of them is left.
#[derive(Debug, Default)]
struct Twice {
    count: u64,
    shown: Vec<String>,
}

impl Writer<'_> {
    /// Writes all documents, commits them, and gives the folder its name.
    pub(super) fn write(&self, shards: &WholeShards, copy: CopyId) -> Result<(), Unfilled> {
        let shard = self.index.open_nameless(self.number).map_err(Unfilled::Here)?;
        shard.set_term(self.term)?;
        let mut documents = shards.read().map_err(Unfilled::Passing)?;
        let mut next = documents.next().map_err(Unfilled::Passing)?;
        let (mut seq_no, mut twice) = (0, Twice::default());
        while next.is_some() {
            self.check_wanted()?;
            // As for memory it waits: a shard that was failed for it would have to be asked for again.
            self.index.check_room().map_err(Unfilled::Passing)?;
            let mut bytes = 0;
            let now = self.index.now_millis();
            let mut run = shard.apply_run(self.term, now);
            for _ in 0..STEP {
                let Some(document) = next.take() else { break };
                bytes += document.source.len() as u64;
                let _promised = self.reserve(&document)?;
                let operation = self.operation(document, seq_no);
                if self.apply(&shard, &mut run, &operation, now)? {
                    twice.note(&operation.uid);
                }
                seq_no += 1;
                next = documents.next().map_err(Unfilled::Passing)?;
                if bytes >= STEP_BYTES {
                    break;
                }
            }
            drop(run);
            self.take_turn(bytes);
            if shard.wants_refresh() {
                shard.refresh(now)?;
            }
            if shard.wants_flush() {
                shard.flush(now)?;
            }
        }
        twice.check(&self.index.name, self.number).map_err(Unfilled::Documents)?;
        self.finish(shard, copy)
    }

    /// Writes one document, with the fields that it asks for. Gives whether there was one with its id.
    fn apply(
        &self,
        shard: &Shard,
        run: &mut ApplyRun,
        operation: &Operation,
        now_millis: i64,
    ) -> Result<bool, Unfilled> {
        for _ in 0..=MAPPING_ROUNDS_MAX {
            match run.apply(operation)? {
                Applied::Done(written) => return Ok(written.existed),
                // It was stored when the mapping took no notice of them.
                Applied::NeedsMapping(lacking) => {
                    self.index.grow_mapping(&lacking).map_err(Unfilled::agreed)?;
                    shard.set_mapping(self.index.mapping(), now_millis)?;
                }
            }
        }
        let reason = format!("document [{}] goes on asking for fields", operation.uid);
        Err(Unfilled::Here(ApiError::internal(reason)))
    }

    /// Waits as the bound on what comes from other nodes asks for (`indices.recovery.max_bytes_per_sec`).
    fn take_turn(&self, bytes: u64) {
        if let Some(replication) = self.node.replication() {
            let is_over = async {
                while (self.is_wanted)() {
                    tokio::time::sleep(LOOK_WANTED).await;
                }
            };
            Handle::current().block_on(async {
                tokio::select! {
                    () = replication.take_turn(bytes) => {}
                    () = is_over => {}
                }
            });
        }
    }

    /// In the order in which they come they are numbered anew: those of several shards have the same numbers.
    fn operation(&self, document: StoredDocument, seq_no: u64) -> Operation {
        let StoredDocument { uid, routing, source, version, .. } = document;
        let (kind, term) = (OperationKind::Index, self.term);
        Operation { kind, seq_no, term, version, uid, routing: routing.unwrap_or_default(), source }
    }

    /// Promises what a large document takes while it is written, and waits for it: this thread is there for nothing else.
    fn reserve(&self, document: &StoredDocument) -> Result<Option<Reservation>, Unfilled> {
        let Some(weight) = Weight::of_heavy(&document.source) else { return Ok(None) };
        let reserved = Handle::current().block_on(self.node.memory.reserve(weight.to_index(), WHAT));
        reserved.map(Some).map_err(Unfilled::Passing)
    }

    /// Everything is durable before the folder has a name: what has one is whole.
    fn finish(&self, shard: Shard, copy: CopyId) -> Result<(), Unfilled> {
        match shard.flush(self.index.now_millis())? {
            Flushed::Done => {}
            other => {
                let reason = format!("a shard that nobody else has is not committed: {other:?}");
                return Err(Unfilled::Here(ApiError::internal(reason)));
            }
        }
        // A merge would go on with files that another opening of the shard has.
        while !shard.is_alone() {
            self.check_wanted()?;
            std::thread::sleep(LOOK_AGAIN);
        }
        shard.close()?;
        if self.index.name_filled(self.number, copy, self.is_wanted).map_err(Unfilled::Here)? {
            return Ok(());
        }
        Err(self.unwanted())
    }

    fn check_wanted(&self) -> Result<(), Unfilled> {
        if (self.is_wanted)() { Ok(()) } else { Err(self.unwanted()) }
    }

    fn unwanted(&self) -> Unfilled {
        let (name, number) = (&self.index.name, self.number);
        let reason = format!("shard [{number}] of [{name}] is not to be filled here any more");
        Unfilled::Passing(ApiError::new(503, "illegal_index_shard_state_exception", reason))
    }
}

impl Twice {
    fn note(&mut self, uid: &str) {
        self.count += 1;
        let id = shard::uid_parts(uid).1;
        if self.shown.len() < TWICE_SHOWN && !self.shown.iter().any(|shown| shown == id) {
            self.shown.push(id.to_owned());
        }
    }

    /// Refuses to leave documents out.
    fn check(&self, index: &str, number: u32) -> Result<(), ApiError> {
        if self.count == 0 {
            return Ok(());
        }
        let ids: Vec<String> = self.shown.iter().map(|id| format!("[{id}]")).collect();
        let more = if self.count > ids.len() as u64 { " and others" } else { "" };
        Err(ApiError::argument(format!(
            "shard [{number}] of [{index}] cannot hold [{}] documents of its source whose ids others have that come from other shards, \
             as different routing values allow: {}{more}; delete or reindex them under ids of their own, and resize again",
            self.count,
            ids.join(", ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_with_the_same_id_are_counted_and_some_of_their_ids_are_named() {
        let mut twice = Twice::default();
        assert!(twice.check("small", 0).is_ok());

        ["a", "b", "b"].iter().for_each(|uid| twice.note(uid));

        let error = twice.check("small", 0).expect_err("documents would be lost");
        assert!(
            error.reason.contains("[3] documents") && error.reason.contains("[a], [b] and others;"),
            "{error:?}"
        );
        (0..100).for_each(|n| twice.note(&n.to_string()));
        let error = twice.check("small", 0).expect_err("documents would be lost");
        assert!(
            error.reason.contains("[103] documents") && error.reason.contains("[7] and others"),
            "{error:?}"
        );
    }
}
