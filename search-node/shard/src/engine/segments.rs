//! The list of segments: what the index consists of now, and the reader that shows it.
//!
//! tantivy's `IndexWriter` would keep such a list too, with three threads for each shard and a file list of its own. Here
//! the list is plain data behind one lock, so that hundreds of shards cost no threads, a segment stays at its place in
//! time, and a schema can grow under a running merge.
//!
//! The list is in the order of time: a segment's documents were written before those of the next one. Merges keep it so.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tantivy::index::{Index, IndexMeta, SegmentId, SegmentMeta};
use tantivy::{IndexReader, ReloadPolicy, Searcher};

use super::deletes::{self, Superseded};
use super::layout::Layout;
use super::{EngineError, FinishedSegment};
use crate::analysis::tokenizers;
use crate::store::ShardDirectory;

/// Blocks of the document store that a reader keeps unpacked, for each segment.
const STORE_CACHE_BLOCKS: usize = 10;

/// The segments of a shard, in the order of time.
pub(super) struct Segments {
    directory: ShardDirectory,
    index: Index,
    reader: IndexReader,
    list: Vec<SegmentMeta>,
    /// Counts changes; names files of deletes, which are never written twice.
    stamp: u64,
    /// The stamp that the last durable state had.
    durable_stamp: u64,
    merges: HashMap<u64, Merge>,
    next_merge: u64,
    /// Segments that a merge could not read; trying again would find the same.
    unreadable: HashSet<SegmentId>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentSize {
    pub(super) documents: u32,
    pub(super) deleted: u32,
    pub(super) is_merging: bool,
}

impl Segments {
    /// Opens the list that the directory's `meta.json` has, or an empty one if `create`.
    pub(super) fn open(
        directory: &ShardDirectory,
        layout: &Layout,
        create: bool,
    ) -> Result<Self, EngineError> {
        if create {
            let meta = IndexMeta {
                index_settings: layout.index_settings(),
                ..IndexMeta::with_schema(layout.schema.clone())
            };
            directory.set_meta(meta_text(&meta)?);
        }
        let meta = Index::open(directory.clone())?.load_metas()?;
        let stamp = meta.opstamp;
        let list = meta.segments;
        write_meta(directory, layout, &list, stamp)?;
        let (index, reader) = open_index(directory)?;
        Ok(Self {
            directory: directory.clone(),
            index,
            reader,
            list,
            stamp,
            durable_stamp: if create { u64::MAX } else { stamp },
            merges: HashMap::new(),
            next_merge: 0,
            unreadable: HashSet::new(),
        })
    }

    /// The index under the newest schema, for new segments.
    pub(super) fn index(&self) -> Index {
        self.index.clone()
    }

    pub(super) fn list(&self) -> &[SegmentMeta] {
        &self.list
    }

    /// What the newest published list shows.
    pub(super) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    /// Whether the list has changed since the last durable state.
    pub(super) fn has_changed(&self) -> bool {
        self.stamp != self.durable_stamp
    }

    pub(super) fn mark_durable(&mut self) {
        self.durable_stamp = self.stamp;
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
                if let Some(newer) =
                    deletes::apply(&self.index, meta, known, &superseded, layout, self.stamp)?
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
        let (index, reader) = open_index(&self.directory)?;
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
                is_merging: merging.contains(&meta.id()) || self.unreadable.contains(&meta.id()),
            })
            .collect()
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

    /// Puts a merge's result in the place of its inputs, without what was superseded meanwhile.
    pub(super) fn end_merge(
        &mut self,
        layout: &Layout,
        number: u64,
        merged: Option<SegmentMeta>,
    ) -> Result<(), EngineError> {
        let Some(merge) = self.merges.remove(&number) else { return Ok(()) };
        self.stamp += 1;
        let inputs: HashSet<SegmentId> = merge.inputs.into_iter().collect();
        // Nothing was left of the inputs: they go without a successor.
        let Some(merged) = merged else {
            let (old, list) = self.list.iter().cloned().partition(|meta| inputs.contains(&meta.id()));
            return self.replace(layout, list, Removed { segments: old, ..Removed::default() });
        };
        let mut merged = self.index.new_segment_meta(merged.id(), merged.max_doc());
        self.directory.set_listed(layout.normed(), std::slice::from_ref(&merged));
        for superseded in &merge.since {
            if let Some(newer) = deletes::apply(&self.index, &merged, None, superseded, layout, self.stamp)? {
                // Each round writes a longer list of deletes under a stamp of its own.
                self.directory.remove(deletes::file_of(&merged));
                merged = newer;
                self.stamp += 1;
            }
        }
        let Some(place) = self.list.iter().position(|meta| inputs.contains(&meta.id())) else {
            return Ok(self.directory.remove_segment(&merged)?);
        };
        let (old, mut list): (Vec<_>, Vec<_>) =
            self.list.iter().cloned().partition(|meta| inputs.contains(&meta.id()));
        let mut removed = Removed { segments: old, ..Removed::default() };
        if merged.num_docs() > 0 {
            list.insert(place, merged);
        } else {
            removed.segments.push(merged);
        }
        self.replace(layout, list, removed)
    }

    /// Gives up a merge whose inputs could not be read; they stay as they are and are not merged again.
    pub(super) fn abandon_merge(&mut self, number: u64) {
        if let Some(merge) = self.merges.remove(&number) {
            self.unreadable.extend(merge.inputs);
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
        write_meta(&self.directory, layout, &list, self.stamp)?;
        self.reader.reload()?;
        self.list = list;
        self.directory.remove(removed.files);
        for segment in &removed.segments {
            self.directory.remove_segment(segment)?;
        }
        // tantivy would write down the names of all files ever made, again and again; nobody needs them here.
        self.index.directory_mut().garbage_collect(HashSet::new)?;
        Ok(())
    }
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

fn open_index(directory: &ShardDirectory) -> Result<(Index, IndexReader), EngineError> {
    let mut index = Index::open(directory.clone())?;
    index.set_tokenizers(tokenizers());
    index.set_fast_field_tokenizers(tokenizers());
    let reader: IndexReader = index
        .reader_builder()
        .reload_policy(ReloadPolicy::Manual)
        .doc_store_cache_num_blocks(STORE_CACHE_BLOCKS)
        .try_into()?;
    Ok((index, reader))
}
