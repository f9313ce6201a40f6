//! `_bulk` over HTTP beside tantivy alone: the same documents, the same fields, the same cores, one run.
//!
//! The node indexes into one shard, the translog synced for each request, two clients; once with its default mapping, where
//! every text is a keyword too, and once with the mapping that access logs deserve. tantivy gets two segment writers of
//! its own, no HTTP, no translog, and parses the same JSON into the same fields. Rounds alternate, so that a noisy neighbour
//! hits both; the medians' ratio is the figure.
//!
//! `BENCH_DOCUMENTS` (default 200000) and `BENCH_ROUNDS` (default 5) set the size.

use std::time::Instant;

use search_client::Method;
use serde_json::json;
use system_tests::{AccessLog, SearchNode, bulk_bodies, bulk_load, median, size_of};
use tantivy::indexer::{AddOperation, SegmentWriter};
use tantivy::schema::{
    BytesOptions, Field, IndexRecordOption, IpAddrOptions, NumericOptions, STORED, Schema, TextFieldIndexing,
    TextOptions,
};
use tantivy::store::{Compressor, ZstdCompressor};
use tantivy::tokenizer::{LowerCaser, SimpleTokenizer, TextAnalyzer};
use tantivy::{Index, IndexSettings, TantivyDocument};

const BULK_DOCUMENTS: usize = 1_000;
const CLIENTS: usize = 2;
const NUMBER_FIELDS: [&str; 3] = ["@timestamp", "response", "bytes"];

/// Which fields a document has.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    /// Analyzed, with positions and norms.
    texts: &'static [&'static str],
    /// As they are, with a column.
    keywords: &'static [&'static str],
    has_address: bool,
}

const SHAPES: [Shape; 2] = [
    Shape {
        name: "default mapping",
        texts: &["message", "clientip", "verb", "request", "agent", "geo.country"],
        keywords: &["message", "clientip", "verb", "request", "agent", "geo.country"],
        has_address: false,
    },
    Shape {
        name: "mapping of access logs",
        texts: &["message", "request", "agent"],
        keywords: &["request", "verb", "geo.country"],
        has_address: true,
    },
];

impl Shape {
    fn mapping(&self) -> serde_json::Value {
        if self.has_address {
            system_tests::access_log_mapping()
        } else {
            json!({"properties": {"@timestamp": {"type": "date"}}})
        }
    }
}

/// One side's figures of one round.
#[derive(Clone, Copy)]
struct Round {
    per_second: f64,
    per_cpu_second: f64,
}

fn main() -> anyhow::Result<()> {
    let count = size_of("BENCH_DOCUMENTS", 200_000);
    let rounds = size_of("BENCH_ROUNDS", 5);
    let mut log = AccessLog::new(7);
    let documents: Vec<String> = (0..count).map(|_| log.document().to_string()).collect();
    let bytes: usize = documents.iter().map(String::len).sum();
    println!("{count} documents, {} bytes each on average, {rounds} rounds", bytes / count);
    let runtime = tokio::runtime::Runtime::new()?;
    SHAPES.iter().try_for_each(|shape| compare(shape, &runtime, &documents, rounds))
}

fn compare(
    shape: &Shape,
    runtime: &tokio::runtime::Runtime,
    documents: &[String],
    rounds: usize,
) -> anyhow::Result<()> {
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    println!("{}:", shape.name);
    for round in 0..rounds {
        raw.push(raw_tantivy(documents, shape)?);
        ours.push(runtime.block_on(over_http(documents, shape))?);
        let (a, b) = (ours[round], raw[round]);
        println!(
            "round {round}: _bulk {:.0} docs/s, {:.0} docs/CPU-s; tantivy {:.0} docs/s, {:.0} docs/CPU-s",
            a.per_second, a.per_cpu_second, b.per_second, b.per_cpu_second
        );
    }
    let by = |rounds: &[Round], figure: fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
    println!(
        "_bulk / tantivy, {}, medians: {:.2} by wall clock, {:.2} by CPU time",
        shape.name,
        by(&ours, |round| round.per_second) / by(&raw, |round| round.per_second),
        by(&ours, |round| round.per_cpu_second) / by(&raw, |round| round.per_cpu_second)
    );
    Ok(())
}

async fn over_http(documents: &[String], shape: &Shape) -> anyhow::Result<Round> {
    let folder = tempfile::tempdir()?;
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await?;
    let mapping = json!({"mappings": shape.mapping()});
    node.client.json(Method::PUT, "/bench", Some(&mapping)).await?;
    let bodies = bulk_bodies(documents, BULK_DOCUMENTS);
    let before = node.program.cpu_seconds();
    let started = Instant::now();
    bulk_load(&node.client, "bench", &bodies, CLIENTS).await?;
    node.client.json(Method::POST, "/bench/_refresh", None).await?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu = node.program.cpu_seconds() - before;
    let found = node.client.json(Method::GET, "/bench/_count", None).await?;
    anyhow::ensure!(found["count"] == json!(documents.len()), "{found}");
    Ok(Round { per_second: documents.len() as f64 / seconds, per_cpu_second: documents.len() as f64 / cpu })
}

struct RawFields {
    id: Field,
    source: Field,
    texts: Vec<(&'static str, Field)>,
    keywords: Vec<(&'static str, Field)>,
    numbers: Vec<(&'static str, Field)>,
    address: Option<Field>,
}

fn raw_schema(shape: &Shape) -> (Schema, RawFields) {
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
    let fields = RawFields {
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

fn raw_tantivy(documents: &[String], shape: &Shape) -> anyhow::Result<Round> {
    let folder = tempfile::tempdir()?;
    let (schema, fields) = raw_schema(shape);
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
                scope.spawn(move || raw_segment(index, fields, documents, worker))
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| anyhow::anyhow!("a segment writer broke"))?)
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu = own_cpu_seconds() - before;
    Ok(Round { per_second: documents.len() as f64 / seconds, per_cpu_second: documents.len() as f64 / cpu })
}

fn text_at<'j>(json: &'j serde_json_borrow::Value<'j>, path: &'static str) -> &'j str {
    path.split('.').fold(json, |value, part| value.get(part)).as_str().unwrap_or_default()
}

fn raw_segment(index: &Index, fields: &RawFields, documents: &[String], worker: usize) -> anyhow::Result<()> {
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
