//! The list of segments: what the index consists of now, and the reader that shows it.
//!
//! tantivy's `IndexWriter` would keep such a list too, with three threads for each shard and a file list of its own. Here
//! the list is plain data behind one lock, so that hundreds of shards cost no threads, a segment stays at its place in
//! time, and a schema can grow under a running merge.
//!
//! The list is in the order of time: a segment's documents were written before those of the next one. Merges keep it so.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use tantivy::index::{Index, IndexMeta, SegmentId, SegmentMeta};
use tantivy::{IndexReader, ReloadPolicy};

use super::deletes::{self, Superseded};
use super::identities::{AllIdentities, Identities, Keeping};
use super::layout::Layout;
use super::setbacks::Setbacks;
use super::upgrade::upgrade;
use super::{EngineError, FinishedSegment, View};
use crate::store::{IntegrityError, ShardDirectory};
use crate::uids::UidIndex;

/// Blocks of the document store that a reader keeps unpacked, for each segment.
const STORE_CACHE_BLOCKS: usize = 10;

/// The segments of a shard, in the order of time.
pub(super) struct Segments {
    directory: ShardDirectory,
    index: Index,
    reader: IndexReader,
    list: Vec<SegmentMeta>,
    /// Of every segment of the list.
    identities: Arc<AllIdentities>,
    keeping: Keeping,
    /// Counts changes; names files of deletes, which are never written twice.
    stamp: u64,
    /// The stamp that the last durable state had.
    durable_stamp: u64,
    merges: HashMap<u64, Merge>,
    next_merge: u64,
    setbacks: Setbacks,
    /// The stamp under which each segment came since the shard was opened; a merged one has that of its oldest input.
    born: HashMap<SegmentId, u64>,
}

/// What can be told of a segment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SegmentFigures {
    /// The name that its files have.
    pub id: String,
    /// Documents that a search sees.
    pub documents: u64,
    /// Documents that are replaced or deleted and not merged away yet.
    pub deleted: u64,
    /// Whether the last durable state has it.
    pub is_committed: bool,
    /// The bytes of its files, by what their names end with.
    pub files: BTreeMap<String, u64>,
}

impl SegmentFigures {
    /// The bytes of all its files.
    pub fn bytes(&self) -> u64 {
        self.files.values().sum()
    }
}

/// A merge under way.
struct Merge {
    inputs: Vec<SegmentId>,
    /// What was superseded since the merge began, so that its result can be told.
    since: Vec<Arc<Superseded>>,
}

/// A merge that may begin: its segments as they are now.
pub(super) struct MergeJob {
    pub(super) number: u64,
    pub(super) index: Index,
    pub(super) segments: Vec<SegmentMeta>,
}

/// What a merge policy sees of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct SegmentSize {
    pub(super) documents: u32,
    pub(super) deleted: u32,
    pub(super) is_merging: bool,
    /// Whether a merge of it failed, so that it is left alone for now or for good.
    pub(super) is_held_back: bool,
}

impl SegmentSize {
    pub(super) fn is_free(&self) -> bool {
        !self.is_merging && !self.is_held_back
    }
}

impl Segments {
    /// Opens the list that the directory's `meta.json` has, or an empty one if `create`.
    pub(super) fn open(
        directory: &ShardDirectory,
        layout: &Layout,
        create: bool,
        keeping: &Keeping,
        may_go_on: &dyn Fn() -> std::io::Result<()>,
    ) -> Result<Self, EngineError> {
        if create {
            let meta = IndexMeta {
                index_settings: layout.index_settings(),
                ..IndexMeta::with_schema(layout.schema.clone())
            };
            directory.set_meta(meta_text(&meta)?);
        }
        let meta = Index::open(directory.clone())?.load_metas()?;
        let durable_stamp = if create { u64::MAX } else { meta.opstamp };
        let list = meta.segments;
        write_meta(directory, layout, &list, meta.opstamp)?;
        let (index, reader) = open_index(directory, layout)?;
        let mut stamp = meta.opstamp;
        for meta in &list {
            let segment = index.segment(meta.clone());
            stamp += u64::from(upgrade(directory, &segment, layout.meta.uid, may_go_on)?);
        }
        let identities = Arc::new(open_identities(&index, &list, &AllIdentities::default(), keeping)?);
        Ok(Self {
            directory: directory.clone(),
            index,
            reader,
            list,
            identities,
            keeping: keeping.clone(),
            stamp,
            durable_stamp,
            merges: HashMap::new(),
            next_merge: 0,
            setbacks: Setbacks::default(),
            born: HashMap::new(),
        })
    }

    /// The index under the newest schema, for new segments.
    pub(super) fn index(&self) -> Index {
        self.index.clone()
    }

    pub(super) fn list(&self) -> &[SegmentMeta] {
        &self.list
    }

    /// What can be told of each segment, in the order of time.
    pub(super) fn figures(&self) -> Result<Vec<SegmentFigures>, EngineError> {
        let is_durable = self.durable_stamp != u64::MAX;
        let told = self.list.iter().map(|meta| {
            let files = self.directory.sizes_of(std::slice::from_ref(meta))?;
            let mut by_kind = BTreeMap::new();
            for (file, bytes) in files {
                let kind = file.extension().unwrap_or_default().to_string_lossy().into_owned();
                *by_kind.entry(kind).or_default() += bytes;
            }
            Ok(SegmentFigures {
                id: meta.id().uuid_string(),
                documents: u64::from(meta.num_docs()),
                deleted: u64::from(meta.num_deleted_docs()),
                is_committed: is_durable && self.born_at(meta) <= self.durable_stamp,
                files: by_kind,
            })
        });
        told.collect()
    }

    /// What the newest published list shows.
    pub(super) fn view(&self, layout: Arc<Layout>) -> View {
        View {
            searcher: self.reader.searcher(),
            identities: Arc::clone(&self.identities),
            evictions: Arc::clone(&self.keeping.evictions),
            queries: Arc::clone(&self.keeping.queries),
            requests: self.keeping.requests.of_view(),
            layout,
        }
    }

    /// Whether the list has changed since the last durable state.
    pub(super) fn has_changed(&self) -> bool {
        self.stamp != self.durable_stamp
    }

    /// The list as it was under `stamp` is durable.
    pub(super) fn mark_durable(&mut self, stamp: u64) {
        self.durable_stamp = stamp;
    }

    /// Adds segments at the end and takes away what is superseded, in one step.
    pub(super) fn add(
        &mut self,
        layout: &Layout,
        finished: Vec<FinishedSegment>,
        superseded: Superseded,
    ) -> Result<(), EngineError> {
        self.stamp += 1;
        let superseded = Arc::new(superseded);
        self.born.extend(finished.iter().map(|f| (f.segment.id(), self.stamp)));
        let added = finished.iter().map(|f| self.index.new_segment_meta(f.segment.id(), f.documents));
        let mut list = self.list.clone();
        list.extend(added);
        self.directory.set_listed(layout.normed(), &list);
        let mut removed = Removed::default();
        let merging = self.merging();
        if !superseded.is_empty() {
            let searcher = self.reader.searcher();
            let readers: HashMap<SegmentId, _> =
                searcher.segment_readers().iter().map(|reader| (reader.segment_id(), reader)).collect();
            for meta in &mut list {
                let known = readers.get(&meta.id()).copied();
                let identities = identities_of(&self.index, meta, &self.identities, &self.keeping)?;
                if let Some(newer) =
                    deletes::apply(&self.index, meta, known, &superseded, &identities.uids, self.stamp)?
                {
                    // A merge that has not opened its inputs yet still needs their older deletes; they go with the inputs.
                    if !merging.contains(&meta.id()) {
                        removed.files.extend(deletes::file_of(meta));
                    }
                    *meta = newer;
                }
            }
            list.retain(|meta| {
                let is_kept = meta.num_docs() > 0 || merging.contains(&meta.id());
                if !is_kept {
                    removed.segments.push(meta.clone());
                }
                is_kept
            });
            for merge in self.merges.values_mut() {
                merge.since.push(Arc::clone(&superseded));
            }
        }
        self.replace(layout, list, removed)
    }

    /// Shows a longer schema. Segments that are being merged stay as they are.
    pub(super) fn grow(&mut self, layout: &Layout) -> Result<Index, EngineError> {
        self.stamp += 1;
        self.directory.set_listed(layout.normed(), &self.list);
        write_meta(&self.directory, layout, &self.list, self.stamp)?;
        let (index, reader) = open_index(&self.directory, layout)?;
        self.index = index.clone();
        self.reader = reader;
        Ok(index)
    }

    /// The sizes that a merge policy decides by.
    pub(super) fn sizes(&self) -> Vec<SegmentSize> {
        let merging = self.merging();
        self.list
            .iter()
            .map(|meta| SegmentSize {
                documents: meta.num_docs(),
                deleted: meta.num_deleted_docs(),
                is_merging: merging.contains(&meta.id()),
                is_held_back: self.setbacks.holds_back(meta.id()),
            })
            .collect()
    }

    /// Tells the time; gives whether there are segments whose merge failed and may be tried again.
    pub(super) fn tell_time(&mut self, now_millis: i64) -> bool {
        self.setbacks.tell_time(now_millis)
    }

    /// How many merges run or wait for a thread.
    pub(super) fn merges(&self) -> usize {
        self.merges.len()
    }

    /// A segment of the list that is not what was written, if one is known.
    pub(super) fn damage(&self) -> Option<IntegrityError> {
        self.list.iter().find_map(|meta| self.setbacks.damage(meta.id())).cloned()
    }

    /// The newest change; what comes later has a higher stamp.
    pub(super) fn stamp(&self) -> u64 {
        self.stamp
    }

    /// How many segments at the front of the list came under `stamp` or before.
    pub(super) fn count_until(&self, stamp: u64) -> usize {
        self.list.iter().take_while(|meta| self.born_at(meta) <= stamp).count()
    }

    /// The stamp under which a segment came; what was there when the shard was opened is older than any.
    fn born_at(&self, meta: &SegmentMeta) -> u64 {
        self.born.get(&meta.id()).copied().unwrap_or(0)
    }

    /// Begins a merge of neighbours.
    pub(super) fn begin_merge(&mut self, range: std::ops::Range<usize>) -> MergeJob {
        let segments: Vec<SegmentMeta> = self.list[range].to_vec();
        let number = self.next_merge;
        self.next_merge += 1;
        let inputs = segments.iter().map(SegmentMeta::id).collect();
        self.merges.insert(number, Merge { inputs, since: Vec::new() });
        MergeJob { number, index: self.index.clone(), segments }
    }

    /// Puts a merge's result in the place of its inputs, without what was superseded meanwhile. If that fails, the list is
    /// as it was, and nothing is left of the result.
    pub(super) fn end_merge(
        &mut self,
        layout: &Layout,
        job: &MergeJob,
        merged: Option<SegmentMeta>,
    ) -> Result<(), EngineError> {
        let Some(merge) = self.merges.remove(&job.number) else { return Ok(()) };
        self.stamp += 1;
        let result = merged.clone();
        let placed = self.put_in_place(layout, &merge, merged);
        if let (Err(_), Some(result)) = (&placed, &result) {
            self.directory.remove_segment(result);
        }
        placed
    }

    fn put_in_place(
        &mut self,
        layout: &Layout,
        merge: &Merge,
        merged: Option<SegmentMeta>,
    ) -> Result<(), EngineError> {
        let is_input = |meta: &SegmentMeta| merge.inputs.contains(&meta.id());
        let place = self.list.iter().position(is_input);
        let (old, mut list): (Vec<_>, Vec<_>) = self.list.iter().cloned().partition(is_input);
        let born = old.iter().map(|meta| self.born_at(meta)).min();
        let mut removed = Removed { segments: old, ..Removed::default() };
        // Without a result nothing was left of the inputs: they go without a successor.
        if let Some(merged) = merged {
            let merged = self.without_superseded(layout, merged, &merge.since)?;
            match place {
                Some(place) if merged.num_docs() > 0 => {
                    self.born.extend(born.map(|born| (merged.id(), born)));
                    list.insert(place, merged);
                }
                _ => removed.segments.push(merged),
            }
        }
        self.replace(layout, list, removed)
    }

    /// The merged segment without the documents that were superseded while it was made.
    fn without_superseded(
        &mut self,
        layout: &Layout,
        merged: SegmentMeta,
        since: &[Arc<Superseded>],
    ) -> Result<SegmentMeta, EngineError> {
        let mut merged = self.index.new_segment_meta(merged.id(), merged.max_doc());
        self.directory.set_listed(layout.normed(), std::slice::from_ref(&merged));
        let uids = UidIndex::open(&self.index.segment(merged.clone()))?;
        for superseded in since {
            if let Some(newer) = deletes::apply(&self.index, &merged, None, superseded, &uids, self.stamp)? {
                // Each round writes a longer list of deletes under a stamp of its own.
                self.directory.remove(deletes::file_of(&merged));
                merged = newer;
                self.stamp += 1;
            }
        }
        Ok(merged)
    }

    /// Gives up a merge; its inputs stay as they are. One that is damaged is not merged again, else all of them are left alone
    /// for a while.
    pub(super) fn abandon_merge(&mut self, job: &MergeJob, damaged: Option<(SegmentId, IntegrityError)>) {
        self.merges.remove(&job.number);
        match damaged {
            Some((segment, error)) => self.setbacks.mark_damaged(segment, error),
            None => self.setbacks.add(job.segments.iter().map(SegmentMeta::id)),
        }
    }

    fn merging(&self) -> HashSet<SegmentId> {
        self.merges.values().flat_map(|merge| merge.inputs.iter().copied()).collect()
    }

    fn replace(
        &mut self,
        layout: &Layout,
        list: Vec<SegmentMeta>,
        removed: Removed,
    ) -> Result<(), EngineError> {
        let identities = open_identities(&self.index, &list, &self.identities, &self.keeping)?;
        write_meta(&self.directory, layout, &list, self.stamp)?;
        if let Err(error) = self.reader.reload() {
            // The next durable state is made of both, so the one must not be newer than the other.
            write_meta(&self.directory, layout, &self.list, self.stamp)?;
            return Err(error.into());
        }
        self.list = list;
        self.identities = Arc::new(identities);
        self.directory.remove(removed.files);
        for segment in &removed.segments {
            self.directory.remove_segment(segment);
            self.born.remove(&segment.id());
            self.setbacks.forget(segment.id());
        }
        // tantivy would write down the names of all files ever made, again and again; nobody needs them here.
        if let Err(error) = self.index.directory_mut().garbage_collect(HashSet::new) {
            tracing::warn!(%error, "the list of files that tantivy keeps could not be shortened");
        }
        Ok(())
    }
}

/// The identities of every segment of a list; those that are open already are taken from `known`.
fn open_identities(
    index: &Index,
    list: &[SegmentMeta],
    known: &AllIdentities,
    keeping: &Keeping,
) -> Result<AllIdentities, EngineError> {
    list.iter().map(|meta| Ok((meta.id(), identities_of(index, meta, known, keeping)?))).collect()
}

fn identities_of(
    index: &Index,
    meta: &SegmentMeta,
    known: &AllIdentities,
    keeping: &Keeping,
) -> Result<Arc<Identities>, EngineError> {
    Ok(match known.get(&meta.id()) {
        Some(identities) => Arc::clone(identities),
        None => Arc::new(Identities::open(index, meta, keeping)?),
    })
}

/// What a change of the list makes useless.
#[derive(Default)]
struct Removed {
    files: Vec<std::path::PathBuf>,
    segments: Vec<SegmentMeta>,
}

fn write_meta(
    directory: &ShardDirectory,
    layout: &Layout,
    list: &[SegmentMeta],
    stamp: u64,
) -> Result<(), EngineError> {
    directory.set_listed(layout.normed(), list);
    let meta = IndexMeta {
        index_settings: layout.index_settings(),
        segments: list.to_vec(),
        opstamp: stamp,
        ..IndexMeta::with_schema(layout.schema.clone())
    };
    directory.set_meta(meta_text(&meta)?);
    Ok(())
}

fn meta_text(meta: &IndexMeta) -> Result<String, EngineError> {
    serde_json::to_string(meta).map_err(|error| EngineError::Io(error.into()))
}

fn open_index(directory: &ShardDirectory, layout: &Layout) -> Result<(Index, IndexReader), EngineError> {
    let mut index = Index::open(directory.clone())?;
    layout.check_dictionaries().map_err(|error| EngineError::Io(std::io::Error::other(error)))?;
    let tokenizers = layout.tokenizers();
    index.set_tokenizers(tokenizers.clone());
    index.set_fast_field_tokenizers(tokenizers);
    let reader: IndexReader = index
        .reader_builder()
        .reload_policy(ReloadPolicy::Manual)
        .doc_store_cache_num_blocks(STORE_CACHE_BLOCKS)
        .try_into()?;
    Ok((index, reader))
}
