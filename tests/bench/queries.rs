//! The same queries to both servers: first whether they answer the same, then what that takes.

use std::ops::Range;
use std::time::Instant;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::median;

use super::Side;

/// Both get this many requests of each query before they are measured.
const WARM_REQUESTS: usize = 400;
const ROUNDS: usize = 9;
/// Requests of one query to one server in a row.
const ROUND_REQUESTS: usize = 40;

/// So many variants are compared before the query is measured.
const CHECKED: usize = 8;

/// A query, asked a little differently each time, so that no server answers from what it kept of whole answers.
struct Query {
    name: &'static str,
    variant: fn(usize) -> Value,
}

const DAY_MILLIS: usize = 86_400_000;
const FIRST_MILLIS: usize = 1_790_000_000_000;
const STATUSES: [u16; 4] = [200, 304, 404, 500];
const WORDS: [&str; 4] = ["downloads 404", "googlebot products", "firefox blog post", "iphone images 500"];

const QUERIES: [Query; 4] = [
    Query {
        name: "match on message, top 10",
        variant: |n| {
            let text = format!("{} {}", WORDS[n % 4], 1_000 + n);
            json!({"query": {"match": {"message": text}}})
        },
    },
    Query {
        name: "term and a day, top 10",
        variant: |n| json!({"query": {"bool": {"filter": [{"term": {"verb": "GET"}}, since(n, Some(DAY_MILLIS))]}}}),
    },
    Query {
        name: "date_histogram of 1 h with terms",
        variant: |n| {
            json!({"size": 0, "query": {"bool": {"filter": [since(n, None)]}}, "aggs": {"hours": {
                "date_histogram": {"field": "@timestamp", "fixed_interval": "1h"},
                "aggs": {"countries": {"terms": {"field": "geo.country"}}}
            }}})
        },
    },
    Query {
        name: "newest 10 of a term",
        variant: |n| {
            let filter = [json!({"term": {"response": STATUSES[n % 4]}}), since(n, None)];
            json!({"query": {"bool": {"filter": filter}}, "sort": [{"@timestamp": "desc"}]})
        },
    },
];

/// From a moment that moves on with each request.
fn since(n: usize, length: Option<usize>) -> Value {
    let from = FIRST_MILLIS + n * 1_000;
    match length {
        Some(length) => json!({"range": {"@timestamp": {"gte": from, "lt": from + length}}}),
        None => json!({"range": {"@timestamp": {"gte": from}}}),
    }
}

/// Prints the median latency and the CPU time of each query on both.
pub(super) async fn compare(sides: &[Side; 2], index: &str) -> anyhow::Result<()> {
    println!("queries, answers compared first; milliseconds and CPU-milliseconds of the server:");
    for query in &QUERIES {
        check(sides, index, query).await?;
        for side in sides {
            run(side, index, query, 0..WARM_REQUESTS).await?;
        }
        let mut millis = [Vec::new(), Vec::new()];
        let mut cpu = [0.0; 2];
        for round in 0..ROUNDS {
            let first = WARM_REQUESTS + round * ROUND_REQUESTS;
            for (at, side) in sides.iter().enumerate() {
                let before = side.program.cpu_seconds();
                millis[at].extend(run(side, index, query, first..first + ROUND_REQUESTS).await?);
                cpu[at] += side.program.cpu_seconds() - before;
            }
        }
        let each = 1_000.0 / (ROUNDS * ROUND_REQUESTS) as f64;
        let [ours, theirs] = millis.map(median);
        let [our_cpu, their_cpu] = cpu.map(|seconds| seconds * each);
        println!(
            "{:34} search-node {ours:6.2} ms, {our_cpu:6.2} CPU; OpenSearch {theirs:6.2} ms, {their_cpu:6.2} CPU; ratio {:.2}, {:.2} by CPU",
            query.name,
            ours / theirs,
            our_cpu / their_cpu
        );
    }
    Ok(())
}

/// One request after the other; the milliseconds of each.
async fn run(side: &Side, index: &str, query: &Query, numbers: Range<usize>) -> anyhow::Result<Vec<f64>> {
    let path = format!("/{index}/_search");
    let mut millis = Vec::with_capacity(numbers.len());
    for variant in numbers.map(query.variant) {
        let started = Instant::now();
        side.ask(Method::POST, &path, Some(&variant)).await?;
        millis.push(started.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok(millis)
}

/// A benchmark of wrong answers is worth nothing: totals, orders and buckets are the same.
async fn check(sides: &[Side; 2], index: &str, query: &Query) -> anyhow::Result<()> {
    let path = format!("/{index}/_search");
    for variant in (0..CHECKED).map(query.variant) {
        let mut counted = variant.clone();
        counted["track_total_hits"] = json!(true);
        let [ours, theirs] = sides.each_ref().map(|side| side.ask(Method::POST, &path, Some(&counted)));
        let (ours, theirs) = (essence(&ours.await?), essence(&theirs.await?));
        anyhow::ensure!(ours == theirs, "{variant}: search-node answers {ours}, OpenSearch {theirs}");
        anyhow::ensure!(ours["total"].as_u64() > Some(0), "{variant} finds nothing");
    }
    Ok(())
}

/// What two servers must agree on: ids and scores are their own.
fn essence(answer: &Value) -> Value {
    let hits = answer["hits"]["hits"].as_array().cloned().unwrap_or_default();
    let sort: Vec<&Value> = hits.iter().map(|hit| &hit["sort"]).collect();
    json!({
        "total": answer["hits"]["total"]["value"],
        "hits": hits.len(),
        "sort": sort,
        "aggs": buckets(&answer["aggregations"])
    })
}

/// Keys and counts of all buckets, however deep.
fn buckets(aggs: &Value) -> Value {
    let Some(aggs) = aggs.as_object() else { return Value::Null };
    let of = |agg: &Value| -> Vec<Value> {
        let buckets = agg["buckets"].as_array().cloned().unwrap_or_default();
        let row = |bucket: &Value| json!([bucket["key"], bucket["doc_count"], buckets_within(bucket)]);
        buckets.iter().map(row).collect()
    };
    aggs.iter().map(|(name, agg)| (name.clone(), json!(of(agg)))).collect()
}

fn buckets_within(bucket: &Value) -> Value {
    let inner = bucket.as_object().map(|members| members.iter().filter(|(_, value)| value.is_object()));
    buckets(&inner.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect())
}
