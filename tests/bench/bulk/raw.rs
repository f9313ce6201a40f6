//! The same fields in tantivy alone: two segment writers, no HTTP, no translog.

use std::time::Instant;

use tantivy::indexer::{AddOperation, SegmentWriter};
use tantivy::schema::{
    BytesOptions, Field, IndexRecordOption, IpAddrOptions, NumericOptions, STORED, Schema, TextFieldIndexing,
    TextOptions,
};
use tantivy::store::{Compressor, ZstdCompressor};
use tantivy::tokenizer::{LowerCaser, SimpleTokenizer, TextAnalyzer};
use tantivy::{Index, IndexSettings, TantivyDocument};

use super::{CLIENTS, Fields, Rate};

const NUMBER_FIELDS: [&str; 3] = ["@timestamp", "response", "bytes"];

/// Where the fields of a document are in the index.
struct Placed {
    id: Field,
    source: Field,
    texts: Vec<(&'static str, Field)>,
    keywords: Vec<(&'static str, Field)>,
    numbers: Vec<(&'static str, Field)>,
    address: Option<Field>,
}

fn schema(shape: &Fields) -> (Schema, Placed) {
    let mut builder = Schema::builder();
    let keyword = || {
        TextOptions::default().set_indexing_options(
            TextFieldIndexing::default()
                .set_tokenizer("raw")
                .set_index_option(IndexRecordOption::Basic)
                .set_fieldnorms(false),
        )
    };
    let text = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer("words")
            .set_index_option(IndexRecordOption::WithFreqsAndPositions),
    );
    let fields = Placed {
        id: builder.add_text_field("_id", keyword().set_stored()),
        source: builder.add_bytes_field("_source", BytesOptions::from(STORED)),
        texts: shape.texts.iter().map(|name| (*name, builder.add_text_field(name, text.clone()))).collect(),
        keywords: shape
            .keywords
            .iter()
            .map(|name| {
                (*name, builder.add_text_field(&format!("{name}.keyword"), keyword().set_fast("raw")))
            })
            .collect(),
        numbers: NUMBER_FIELDS
            .iter()
            .map(|name| (*name, builder.add_i64_field(name, NumericOptions::default().set_fast())))
            .collect(),
        address: shape
            .has_address
            .then(|| builder.add_ip_addr_field("clientip", IpAddrOptions::default().set_fast())),
    };
    (builder.build(), fields)
}

/// Indexes all documents with as many writers as the node has clients.
pub(super) fn index(documents: &[String], shape: &Fields) -> anyhow::Result<Rate> {
    let folder = tempfile::tempdir()?;
    let (schema, fields) = schema(shape);
    let settings = IndexSettings {
        docstore_compression: Compressor::Zstd(ZstdCompressor { compression_level: Some(1) }),
        docstore_compress_dedicated_thread: false,
        ..IndexSettings::default()
    };
    let directory = tantivy::directory::MmapDirectory::open(folder.path())?;
    let index = Index::create(directory, schema, settings)?;
    index
        .tokenizers()
        .register("words", TextAnalyzer::builder(SimpleTokenizer::default()).filter(LowerCaser).build());
    let started = Instant::now();
    let before = own_cpu_seconds();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..CLIENTS)
            .map(|worker| {
                let (index, fields, documents) = (&index, &fields, &documents);
                scope.spawn(move || write_segments(index, fields, documents, worker))
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| anyhow::anyhow!("a segment writer broke"))?)
    })?;
    Ok(Rate::of(documents.len(), started.elapsed(), own_cpu_seconds() - before))
}

fn text_at<'j>(json: &'j serde_json_borrow::Value<'j>, path: &'static str) -> &'j str {
    path.split('.').fold(json, |value, part| value.get(part)).as_str().unwrap_or_default()
}

fn write_segments(index: &Index, fields: &Placed, documents: &[String], worker: usize) -> anyhow::Result<()> {
    let mut writer = SegmentWriter::for_segment(96 << 20, index.new_segment())?;
    for (number, text) in documents.iter().enumerate().skip(worker).step_by(CLIENTS) {
        let json: serde_json_borrow::Value<'_> = serde_json::from_str(text)?;
        let mut document = TantivyDocument::default();
        document.add_text(fields.id, format!("{number:020}"));
        document.add_bytes(fields.source, text.as_bytes());
        for (name, field) in fields.texts.iter().chain(&fields.keywords) {
            document.add_text(*field, text_at(&json, name));
        }
        for (name, field) in &fields.numbers {
            document.add_i64(*field, json.get(*name).as_i64().unwrap_or_default());
        }
        if let Some(field) = fields.address {
            let address: std::net::Ipv4Addr = text_at(&json, "clientip").parse()?;
            document.add_ip_addr(field, address.to_ipv6_mapped());
        }
        writer.add_document(AddOperation { opstamp: 0, document })?;
        if writer.mem_usage() >= 96 << 20 {
            writer.finalize()?;
            writer = SegmentWriter::for_segment(96 << 20, index.new_segment())?;
        }
    }
    writer.finalize()?;
    Ok(())
}

fn own_cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
