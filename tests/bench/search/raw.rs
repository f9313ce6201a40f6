//! tantivy alone, with the fields that the classes ask of.

use tantivy::collector::{Count, TopDocs};
use tantivy::indexer::{AddOperation, SegmentWriter};
use tantivy::schema::{Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{LowerCaser, SimpleTokenizer, TextAnalyzer};
use tantivy::{Index, Order, Searcher, TantivyDocument};
use tempfile::TempDir;

use super::classes::{Class, Wanted};

/// Room for one segment.
const SEGMENT_BYTES: usize = 4 << 30;
const HITS: usize = 10;

/// Where the fields are.
pub(super) struct Placed {
    pub(super) message: Field,
    pub(super) verb: Field,
    pub(super) request: Field,
    pub(super) time: Field,
}

pub(super) struct Raw {
    searcher: Searcher,
    placed: Placed,
    _folder: TempDir,
}

impl Raw {
    /// The documents in so many segments of the same size.
    pub(super) fn index(documents: &[String], segments: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut builder = Schema::builder();
        let keyword = || {
            let indexing = TextFieldIndexing::default().set_tokenizer("raw").set_fieldnorms(false);
            let options = indexing.set_index_option(IndexRecordOption::Basic);
            TextOptions::default().set_indexing_options(options).set_fast("raw")
        };
        let indexing = TextFieldIndexing::default().set_tokenizer("words");
        let words = indexing.set_index_option(IndexRecordOption::WithFreqsAndPositions);
        let placed = Placed {
            message: builder.add_text_field("message", TextOptions::default().set_indexing_options(words)),
            verb: builder.add_text_field("verb", keyword()),
            request: builder.add_text_field("request", keyword()),
            time: builder.add_i64_field("@timestamp", NumericOptions::default().set_fast()),
        };
        let directory = tantivy::directory::MmapDirectory::open(folder.path())?;
        let index = Index::create(directory, builder.build(), tantivy::IndexSettings::default())?;
        let analyzer = TextAnalyzer::builder(SimpleTokenizer::default()).filter(LowerCaser).build();
        index.tokenizers().register("words", analyzer);
        let mut metas = Vec::new();
        for part in documents.chunks(documents.len().div_ceil(segments)) {
            let segment = index.new_segment();
            let mut writer = SegmentWriter::for_segment(SEGMENT_BYTES, segment.clone())?;
            for text in part {
                writer.add_document(AddOperation { opstamp: 0, document: placed.document(text)? })?;
            }
            let count = writer.max_doc();
            writer.finalize()?;
            metas.push(segment.with_max_doc(count).meta().clone());
        }
        let mut meta = index.load_metas()?;
        meta.segments = metas;
        let text = serde_json::to_vec_pretty(&meta)?;
        fs_err::write(folder.path().join("meta.json"), text)?;
        let searcher = Index::open_in_dir(folder.path())?.reader()?.searcher();
        anyhow::ensure!(searcher.num_docs() == documents.len() as u64, "tantivy lacks documents");
        Ok(Self { searcher, placed, _folder: folder })
    }

    /// Runs a class; how many documents match, where that is counted.
    pub(super) fn run(&self, class: &Class) -> anyhow::Result<u64> {
        let query = (class.query)(&self.placed)?;
        let best = || TopDocs::with_limit(HITS).order_by_score();
        let count = match class.wanted {
            Wanted::Count => self.searcher.search(&query, &Count)?,
            Wanted::Best => self.searcher.search(&query, &best())?.len(),
            Wanted::BestAndCount => self.searcher.search(&query, &(best(), Count))?.1,
            Wanted::ByTime => {
                let newest = TopDocs::with_limit(HITS).order_by_fast_field::<i64>("@timestamp", Order::Desc);
                self.searcher.search(&query, &newest)?.len()
            }
            Wanted::ByText => {
                let first = TopDocs::with_limit(HITS).order_by_string_fast_field("request", Order::Asc);
                self.searcher.search(&query, &first)?.len()
            }
        };
        Ok(count as u64)
    }

    /// How many documents match.
    pub(super) fn count(&self, class: &Class) -> anyhow::Result<u64> {
        Ok(self.searcher.search(&(class.query)(&self.placed)?, &Count)? as u64)
    }
}

impl Placed {
    fn document(&self, text: &str) -> anyhow::Result<TantivyDocument> {
        let json: serde_json_borrow::Value<'_> = serde_json::from_str(text)?;
        let text_at = |name: &'static str| json.get(name).as_str().unwrap_or_default();
        let mut document = TantivyDocument::default();
        document.add_text(self.message, text_at("message"));
        document.add_text(self.verb, text_at("verb"));
        document.add_text(self.request, text_at("request"));
        document.add_i64(self.time, json.get("@timestamp").as_i64().unwrap_or_default());
        Ok(document)
    }
}
