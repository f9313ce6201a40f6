//! The classes of queries that are measured: each as the servers are asked, and as tantivy is.

use serde_json::{Value, json};
use tantivy::query::{
    AllQuery, BooleanQuery, ConstScoreQuery, FuzzyTermQuery, Occur, PhraseQuery, Query, RangeQuery,
    RegexQuery, TermQuery,
};
use tantivy::schema::IndexRecordOption;

use super::raw::Placed;

/// What is wanted of the matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Count,
    Best,
    BestAndCount,
    /// The first ten by this field, and in which direction.
    ByTime,
    ByText,
}

/// How tantivy is asked.
type Asking = Box<dyn Fn(&Placed) -> anyhow::Result<Box<dyn Query>>>;

pub(super) struct Class {
    pub(super) name: &'static str,
    pub(super) wanted: Wanted,
    pub(super) body: Value,
    pub(super) query: Asking,
}

impl Class {
    /// The same search, with all matches counted.
    pub(super) fn counted(&self) -> Value {
        let mut body = self.body.clone();
        body["track_total_hits"] = json!(true);
        body
    }
}

fn class(
    name: &'static str,
    wanted: Wanted,
    query: Value,
    raw: impl Fn(&Placed) -> anyhow::Result<Box<dyn Query>> + 'static,
) -> Class {
    let mut body = json!({"query": query, "size": 10, "track_total_hits": false, "_source": false});
    match wanted {
        Wanted::Count => (body["size"], body["track_total_hits"]) = (json!(0), json!(true)),
        Wanted::Best => {}
        Wanted::BestAndCount => body["track_total_hits"] = json!(true),
        Wanted::ByTime => body["sort"] = json!([{"@timestamp": "desc"}]),
        Wanted::ByText => body["sort"] = json!([{"request.keyword": "asc"}]),
    }
    Class { name, wanted, body, query: Box::new(raw) }
}

fn word(placed: &Placed, text: &str) -> Box<dyn Query> {
    let term = tantivy::Term::from_field_text(placed.message, text);
    Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))
}

fn verb(placed: &Placed, text: &str) -> Box<dyn Query> {
    let term = tantivy::Term::from_field_text(placed.verb, text);
    Box::new(ConstScoreQuery::new(Box::new(TermQuery::new(term, IndexRecordOption::Basic)), 0.0))
}

fn words(occur: Occur, all: &'static [&'static str]) -> impl Fn(&Placed) -> anyhow::Result<Box<dyn Query>> {
    move |placed| {
        let clauses = all.iter().map(|text| (occur, word(placed, text))).collect();
        Ok(Box::new(BooleanQuery::new(clauses)))
    }
}

fn phrase(all: &'static [&'static str]) -> impl Fn(&Placed) -> anyhow::Result<Box<dyn Query>> {
    move |placed| {
        let terms = all.iter().map(|text| tantivy::Term::from_field_text(placed.message, text)).collect();
        Ok(Box::new(PhraseQuery::new(terms)))
    }
}

fn between(from: i64, to: i64) -> impl Fn(&Placed) -> anyhow::Result<Box<dyn Query>> {
    move |placed| {
        let term = |millis| tantivy::Term::from_field_i64(placed.time, millis);
        let bounds = (std::ops::Bound::Included(term(from)), std::ops::Bound::Excluded(term(to)));
        Ok(Box::new(RangeQuery::new(bounds.0, bounds.1)))
    }
}

/// All classes, for documents whose middle and whose times are known.
pub(super) fn classes(documents: &[String]) -> anyhow::Result<Vec<Class>> {
    let document = |at: usize| -> anyhow::Result<Value> { Ok(serde_json::from_str(&documents[at])?) };
    let middle = document(documents.len() / 2)?;
    let rare = middle["request"].as_str().and_then(|path| path.split(['/', '?']).nth(2)).unwrap_or_default();
    let rare = rare.to_owned();
    let time = |document: Value| document["@timestamp"].as_i64().unwrap_or_default();
    let (first, last) = (time(document(0)?), time(document(documents.len() - 1)?));
    let day = (first + (last - first) / 2, first + (last - first) / 2 + (last - first) / 30);
    let most = (first + (last - first) / 50, last);
    let range = |(from, to): (i64, i64)| json!({"range": {"@timestamp": {"gte": from, "lt": to}}});
    let matching = |text: &str| json!({"match": {"message": text}});
    let all_of = |text: &str| json!({"match": {"message": {"query": text, "operator": "and"}}});
    let filtered = |query: Value| json!({"bool": {"filter": [query]}});
    let get = || filtered(json!({"term": {"verb": "GET"}}));
    let without =
        json!({"bool": {"must": [matching("windows"), matching("articles")], "must_not": [matching("404")]}});
    const COMMON: &[&str] = &["windows", "articles", "get"];
    use Wanted::{Best, BestAndCount, ByText, ByTime, Count};
    let rare_word = rare.clone();
    Ok(vec![
        class("match_all count", Count, json!({"match_all": {}}), |_| Ok(Box::new(AllQuery))),
        class("rare word, top 10", Best, matching(&rare), move |placed| Ok(word(placed, &rare_word))),
        class("common word, top 10", Best, matching("windows"), |placed| Ok(word(placed, "windows"))),
        class("common word, top 10 and count", BestAndCount, matching("windows"), |placed| {
            Ok(word(placed, "windows"))
        }),
        class(
            "keyword filter, top 10 and count",
            BestAndCount,
            filtered(json!({"term": {"verb": "HEAD"}})),
            |placed| Ok(verb(placed, "HEAD")),
        ),
        class("any of 3 words, top 10", Best, matching("windows articles get"), words(Occur::Should, COMMON)),
        class("any of 3 words, count", Count, matching("windows articles get"), words(Occur::Should, COMMON)),
        class("all of 3 words, top 10", Best, all_of("windows articles get"), words(Occur::Must, COMMON)),
        class("all of 3 words, count", Count, all_of("windows articles get"), words(Occur::Must, COMMON)),
        class("2 words without a third, count", Count, without, |placed| {
            Ok(Box::new(BooleanQuery::new(vec![
                (Occur::Must, word(placed, "windows")),
                (Occur::Must, word(placed, "articles")),
                (Occur::MustNot, word(placed, "404")),
            ])))
        }),
        class(
            "common phrase, count",
            Count,
            json!({"match_phrase": {"message": "windows nt"}}),
            phrase(&["windows", "nt"]),
        ),
        class(
            "rarer phrase, count",
            Count,
            json!({"match_phrase": {"message": "cpu iphone os"}}),
            phrase(&["cpu", "iphone", "os"]),
        ),
        class("a thirtieth by time, count", Count, range(day), between(day.0, day.1)),
        class("most by time, count", Count, range(most), between(most.0, most.1)),
        class("newest 10 of a thirtieth", ByTime, filtered(range(day)), between(day.0, day.1)),
        class("newest 10 of most", ByTime, filtered(range(most)), between(most.0, most.1)),
        class("newest 10 of all", ByTime, json!({"match_all": {}}), |_| Ok(Box::new(AllQuery))),
        class("newest 10 of a keyword", ByTime, get(), |placed| Ok(verb(placed, "GET"))),
        class("first 10 by text", ByText, json!({"match_all": {}}), |_| Ok(Box::new(AllQuery))),
        class(
            "regexp over many values, count",
            Count,
            json!({"regexp": {"request.keyword": ".*77.*"}}),
            |placed| Ok(Box::new(RegexQuery::from_pattern(".*77.*", placed.request)?)),
        ),
        class(
            "prefix over many values, count",
            Count,
            json!({"prefix": {"request.keyword": "/blog/1"}}),
            |placed| Ok(Box::new(RegexQuery::from_pattern("/blog/1.*", placed.request)?)),
        ),
        class(
            "word with an edit, top 10",
            Best,
            json!({"fuzzy": {"message": {"value": "firefix", "fuzziness": 1}}}),
            |placed| {
                let term = tantivy::Term::from_field_text(placed.message, "firefix");
                Ok(Box::new(FuzzyTermQuery::new(term, 1, true)))
            },
        ),
    ])
}
