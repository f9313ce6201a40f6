//! Opening an engine: the durable state, then every operation of the translog that it does not cover.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex, RwLock};
use serde_json_borrow::Value as Json;
use tantivy::index::{Index, IndexSettings};
use tantivy::indexer::IndexWriterOptions;
use tantivy::schema::Schema;
use tantivy::store::{Compressor, ZstdCompressor};
use tantivy::{IndexReader, IndexWriter, ReloadPolicy};

use super::layout::{Layout, Slot};
use super::superseded::Superseded;
use super::versions::LiveVersions;
use super::{Counters, Engine, EngineError, EngineOptions, Manager, Spills, View};
use crate::analysis::tokenizers;
use crate::mapping::{Mapping, Parsed};
use crate::store::{Manifest, ShardDirectory};
use crate::translog::{Operation, OperationKind, Translog};

/// tantivy's least budget for its own writer, which here never gets a document.
const IDLE_WRITER_BYTES: usize = 15_000_000;
/// Blocks of the document store that a reader keeps unpacked, for each segment.
const STORE_CACHE_BLOCKS: usize = 10;

impl Engine {
    /// Opens or creates the engine in `folder`. `mapping` must be at least as new as every stored operation.
    pub(crate) fn open(
        folder: &Path,
        mapping: Arc<Mapping>,
        options: EngineOptions,
    ) -> Result<Self, EngineError> {
        let index_folder = folder.join("index");
        let fault = |reason: String| EngineError::Folder { path: index_folder.display().to_string(), reason };
        fs_err::create_dir_all(&index_folder).map_err(|error| fault(error.to_string()))?;
        let manifest = Manifest::read(&index_folder)?;
        let directory =
            ShardDirectory::open(&index_folder, manifest.as_ref()).map_err(|e| fault(e.to_string()))?;
        let slots: Vec<Slot> = match &manifest {
            Some(manifest) => {
                serde_json::from_value(manifest.schema.clone()).map_err(|e| fault(e.to_string()))?
            }
            None => Vec::new(),
        };
        let layout = Arc::new(Layout::grow(&slots, mapping));
        if manifest.is_some() {
            set_schema(&directory, &layout)?;
        }
        let manager = Manager::open(&directory, &layout, manifest.is_none())?;
        let durable_seq_no = manifest.as_ref().map_or(-1, |manifest| manifest.max_seq_no);
        let (translog, operations) = Translog::open(&folder.join("translog"), options.term, durable_seq_no)?;
        let view = View { searcher: manager.reader.searcher(), layout: Arc::clone(&layout) };
        let engine = Self {
            directory,
            options,
            translog,
            versions: LiveVersions::default(),
            gate: RwLock::new(()),
            slots: (0..options.writers.max(1)).map(|_| Mutex::new(None)).collect(),
            next_slot: AtomicUsize::new(0),
            superseded: Mutex::new(Superseded::default()),
            spills: Mutex::new(Spills::default()),
            spilled: Condvar::new(),
            epoch: AtomicU64::new(0),
            manager: Mutex::new(manager),
            layout: ArcSwap::new(layout),
            view: ArcSwap::from_pointee(view),
            dirty: AtomicBool::new(false),
            counters: Counters::default(),
            folder: folder.to_owned(),
        };
        engine.replay(operations, durable_seq_no)?;
        Ok(engine)
    }

    fn replay(&self, operations: Vec<Operation>, durable_seq_no: i64) -> Result<(), EngineError> {
        let mut count = 0;
        for operation in operations.into_iter().filter(|operation| operation.seq_no as i64 > durable_seq_no) {
            self.replay_one(&operation)?;
            count += 1;
        }
        if count > 0 {
            self.refresh(0)?;
            tracing::info!(folder = %self.folder.display(), operations = count, "recovered shard from translog");
        }
        Ok(())
    }

    fn replay_one(&self, operation: &Operation) -> Result<(), EngineError> {
        match operation.kind {
            OperationKind::NoOp => return Ok(()),
            OperationKind::Delete => {}
            OperationKind::Index => {
                let layout = self.layout();
                let source: Json<'_> = serde_json::from_slice(&operation.source)
                    .map_err(|e| EngineError::NotJson(e.to_string()))?;
                let document = match layout.parser.parse(&operation.uid, &source)? {
                    Parsed::Document(document) => document,
                    Parsed::NeedsMapping(_) => {
                        return Err(EngineError::Folder {
                            path: self.folder.display().to_string(),
                            reason: format!(
                                "the mapping is older than operation {} of the translog; restore the index metadata",
                                operation.seq_no
                            ),
                        });
                    }
                };
                self.add_to_segment(&layout, document, operation)?;
            }
        }
        self.superseded.lock().push(&operation.uid, operation.seq_no);
        self.dirty.store(true, std::sync::atomic::Ordering::Release);
        Ok(())
    }
}

impl Manager {
    /// Opens tantivy's index through `directory`, creating it first if `create`.
    pub(super) fn open(
        directory: &ShardDirectory,
        layout: &Layout,
        create: bool,
    ) -> Result<Self, EngineError> {
        directory.set_normed(layout.normed());
        let mut index = if create {
            Index::create(directory.clone(), layout.schema.clone(), index_settings())?
        } else {
            Index::open(directory.clone())?
        };
        index.set_tokenizers(tokenizers());
        index.set_fast_field_tokenizers(tokenizers());
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .memory_budget_per_thread(IDLE_WRITER_BYTES)
            .num_merge_threads(1)
            .build();
        let writer: IndexWriter = index.writer_with_options(options)?;
        let reader: IndexReader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(STORE_CACHE_BLOCKS)
            .try_into()?;
        Ok(Self { index, writer, reader })
    }
}

fn index_settings() -> IndexSettings {
    IndexSettings {
        docstore_compression: Compressor::Zstd(ZstdCompressor { compression_level: Some(1) }),
        docstore_compress_dedicated_thread: false,
        ..IndexSettings::default()
    }
}

/// Writes the layout's schema into `meta.json`, which only ever adds fields at its end.
pub(super) fn set_schema(directory: &ShardDirectory, layout: &Layout) -> Result<(), EngineError> {
    let fault = |reason: String| EngineError::Folder { path: "meta.json".to_owned(), reason };
    let meta = directory.meta().ok_or_else(|| fault("it is missing".to_owned()))?;
    let mut meta: serde_json::Value = serde_json::from_str(&meta).map_err(|e| fault(e.to_string()))?;
    let schema: &Schema = &layout.schema;
    meta["schema"] = serde_json::to_value(schema).map_err(|e| fault(e.to_string()))?;
    directory.set_meta(meta.to_string()).map_err(|error| fault(error.to_string()))
}
