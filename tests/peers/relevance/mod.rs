//! Ranking over real prose: a fixed set of queries, whose hits and scores must be those of Lucene.

mod corpus;

use serde_json::{Value, json};

use crate::answers::difference;
use crate::known::Known;
use crate::requests::Request;
use crate::shrink::Differing;
use crate::sides::{Index, Sides, as_theirs};
use crate::tally::Tally;

const INDEX: &str = "prose";
/// More than a page, so that the order is seen where scores lie close together.
const HITS: usize = 50;
const QUERIES_MIN: usize = 200;
/// This share must be the same, so that it does not get worse unseen; to be raised.
const SHARE_MIN: f64 = 0.95;

/// The index as each is told to make it: Elasticsearch's BM25 has a factor that Lucene has dropped, and OpenSearch calls
/// it by another name.
fn index() -> Index {
    let mappings = json!({"properties": {
        "title": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
        "body": {"type": "text", "fields": {"english": {"type": "text", "analyzer": "english"}}},
        "section": {"type": "keyword"},
        "length": {"type": "integer"}
    }});
    let settings = json!({"number_of_shards": 1, "number_of_replicas": 0});
    let mut their_settings = settings.clone();
    their_settings["similarity.default.type"] = json!("LegacyBM25");
    let theirs = json!({"settings": their_settings, "mappings": as_theirs(&mappings)});
    Index { name: INDEX.to_owned(), ours: json!({"settings": settings, "mappings": mappings}), theirs }
}

/// The queries by their kind.
fn queries() -> anyhow::Result<Vec<(String, Value)>> {
    let all: Value = serde_json::from_str(include_str!("queries.json"))?;
    let kinds = all.as_object().into_iter().flatten();
    Ok(kinds
        .flat_map(|(kind, queries)| {
            queries.as_array().into_iter().flatten().map(|query| (kind.clone(), query.clone()))
        })
        .collect())
}

pub(crate) async fn compare(sides: &Sides) -> anyhow::Result<()> {
    let documents = match corpus::documents() {
        Ok(documents) => documents,
        Err(why) => {
            println!("SKIPPED: ranking over real prose: {why}");
            return Ok(());
        }
    };
    sides.fill(&index(), &documents).await?;
    let known = Known::read()?;
    let mut tally = Tally::default();
    let queries = queries()?;
    anyhow::ensure!(queries.len() >= QUERIES_MIN, "only {} queries", queries.len());
    for (kind, query) in queries {
        let body = json!({"query": query, "size": HITS, "track_total_hits": true, "_source": false});
        let request = Request::post(kind, format!("/{INDEX}/_search"), body);
        let replies = sides.ask(&request).await?;
        anyhow::ensure!(
            replies[1].status == 200,
            "a query of the set is wrong: {} {}",
            request.shown(),
            replies[1].json
        );
        tally.asked_for(&request, &replies[1]);
        let Some(difference) = difference(&replies[0], &replies[1]) else {
            tally.same(&request);
            continue;
        };
        match known.reason(&request, &difference) {
            Some(reason) => tally.excused(&request, reason),
            None => {
                let _of_cause = tally.different(&request, &difference);
                tally.tell(&Differing { request, difference, replies }.shown());
            }
        }
    }
    let path = tally.report("relevance", std::env::var("PEERS_SHOWN").is_ok())?;
    println!(
        "relevance: {} of {} the same over {} paragraphs; {}",
        tally.counted_same(),
        tally.asked(),
        documents.len(),
        path.display()
    );
    anyhow::ensure!(
        tally.share() >= SHARE_MIN,
        "{:.3} of the queries rank as in OpenSearch, {SHARE_MIN} at least must: {}\n{}",
        tally.share(),
        path.display(),
        tally.families()
    );
    Ok(())
}
