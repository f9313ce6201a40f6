//! Tests of what analyzers make of texts: tables of what a real Elasticsearch or OpenSearch makes of them.
//!
//! A line of a table is a body of `_analyze` and the tokens that the peer answered, or that its documentation shows. Where ours
//! differ on purpose, the line says what they are and why. A body may ask for an explanation, and have the parameters of an analyzer
//! in place of its name. `scripts/analysis-tables.py` asks the peer again.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::*;

/// Tokens that no test needs more of.
const TOKENS_MAX: usize = 10_000;

/// What comes of a body, in the form of the tables. An analyzer with parameters is one that the index defines.
fn analyzed(body: &Value) -> Result<Value, AnalysisError> {
    let limits = GramLimits { ngram_diff: 10, shingle_diff: 10 };
    let mut body = body.clone();
    let mut flat = Vec::new();
    if let Some(parameters) = body["analyzer"].as_object() {
        let named = |(key, value): (&String, &Value)| (format!("analyzer.defined.{key}"), value.clone());
        flat = parameters.iter().map(named).collect();
        body["analyzer"] = json!("defined");
    }
    let definitions = Definitions::read(flat.iter().map(|(key, value)| (key.as_str(), value)), limits)?;
    let analysis = Analysis::of_index(definitions)?;
    let answer = AnalyzeRequest::read(&body)?.answer(&analysis, None, TOKENS_MAX)?;
    Ok(match answer.get("detail") {
        Some(detail) => detail.clone(),
        None => short(answer["tokens"].as_array().map(Vec::as_slice).unwrap_or_default()),
    })
}

/// Tokens in the short form of the tables.
fn short(tokens: &[Value]) -> Value {
    let short = |token: &Value| {
        json!([
            token["token"],
            token["start_offset"],
            token["end_offset"],
            token["type"],
            token["position"],
            token.get("positionLength").unwrap_or(&json!(1))
        ])
    };
    tokens.iter().map(short).collect()
}

/// All rows, and the table that each is in.
fn rows() -> (Vec<String>, Vec<Value>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/analysis");
    let mut rows = Vec::new();
    for entry in fs_err::read_dir(&folder).expect("tables") {
        let path = entry.expect("a table").path();
        let table = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs_err::read_to_string(&path).expect("read");
        rows.extend(text.lines().map(|line| (table.clone(), serde_json::from_str(line).expect("a row"))));
    }
    rows.into_iter().unzip()
}

#[test]
fn tokens_are_those_that_elasticsearch_makes() {
    let (tables, rows) = rows();
    let mut faults = Vec::new();
    for (table, row) in tables.iter().zip(&rows) {
        let expected = row.get("ours").unwrap_or(&row["tokens"]);
        assert_eq!(row.get("ours").is_some(), row.get("reason").is_some(), "{row}");
        let made = analyzed(&row["analyze"]).unwrap_or_else(|error| json!(error.reason));
        if made != *expected {
            faults.push(format!("{table}: {}\n  expected {expected}\n  made     {made}", row["analyze"]));
        }
    }
    let rows = rows.len();
    assert!(rows >= 300, "only {rows} rows");
    assert!(faults.is_empty(), "{} of {rows} rows:\n{}", faults.len(), faults.join("\n"));
}

/// Every component that a row uses, as `filter stop`.
fn tried() -> BTreeSet<String> {
    let mut tried = BTreeSet::new();
    for row in rows().1 {
        let body = &row["analyze"];
        let places = ["analyzer", "tokenizer", "filter", "char_filter"];
        // An analyzer may be defined in the row, too.
        for (place, body) in places.iter().flat_map(|place| [(place, body), (place, &body["analyzer"])]) {
            let several = body[place].as_array().cloned().unwrap_or_else(|| vec![body[place].clone()]);
            let name = |one: &Value| one.as_str().or_else(|| one["type"].as_str()).map(str::to_owned);
            tried.extend(several.iter().filter_map(name).map(|name| format!("{place} {name}")));
        }
    }
    tried
}

#[test]
fn every_component_that_the_reference_names_is_in_a_row() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/analysis.md");
    let page = fs_err::read_to_string(page).expect("the page");
    let tried = tried();
    let (mut place, mut named, mut missing) = (None, 0, Vec::new());
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            place = match heading {
                "Analyzers" => Some("analyzer"),
                "Character filters" => Some("char_filter"),
                "Tokenizers" => Some("tokenizer"),
                "Token filters" => Some("filter"),
                _ => None,
            };
        }
        let Some((place, row)) = place.zip(line.strip_prefix("| `")) else { continue };
        let names = row.split('|').next().unwrap_or_default().split('`').step_by(2);
        for name in names.filter(|name| !name.is_empty()) {
            named += 1;
            if !tried.contains(&format!("{place} {name}")) {
                missing.push(format!("{place} {name}"));
            }
        }
    }
    assert!(named > 100, "only {named} names were found");
    assert!(missing.is_empty(), "no row tries {missing:?}");
}

/// What the index is given: each term with its place and how many places it takes.
fn indexed(analyzer: &str, gap: usize, text: &str) -> Vec<(String, usize, usize)> {
    let analyzer = Analysis::plain().analyzer(analyzer).expect("there");
    let mut made = Vec::new();
    let mut tokenizer = indexing(&analyzer, gap);
    tokenizer
        .token_stream(text)
        .process(&mut |token| made.push((token.text.clone(), token.position, token.position_length)));
    made
}

/// tantivy puts the next value one place behind the end of the last token.
#[test]
fn the_last_token_reaches_to_the_next_value() {
    let words = |words: &[(&str, usize, usize)]| {
        words.iter().map(|(text, at, length)| ((*text).to_owned(), *at, *length)).collect::<Vec<_>>()
    };
    for (analyzer, expected) in [
        ("standard", words(&[("the", 0, 1), ("foxes", 1, 100)])),
        ("whitespace", words(&[("The", 0, 0), ("foxes", 1, 100)])),
        ("english", words(&[("fox", 1, 100)])),
        ("keyword", words(&[("The foxes", 0, 100)])),
    ] {
        assert_eq!(indexed(analyzer, 100, "The foxes"), expected, "{analyzer}");
    }
    assert_eq!(indexed("standard", 0, "a"), words(&[("a", 0, 0)]));
}

/// Where the terms of several values stand, as tantivy places them: a value begins one place behind the end of the one before.
fn indexed_values(tokenizer: &mut TextAnalyzer, texts: &[&str]) -> Vec<(String, usize)> {
    begin_document();
    let (mut made, mut next) = (Vec::new(), 0);
    for text in texts {
        let mut end = next;
        tokenizer.token_stream(text).process(&mut |token| {
            made.push((token.text.clone(), next + token.position));
            end = end.max(next + token.position + token.position_length);
        });
        next = end + 1;
    }
    made
}

/// What is left out at the ends of values, and values of which nothing is left, keep the values behind them away.
#[test]
fn values_stand_behind_what_is_left_out_of_those_before() {
    for (analyzer, gap, texts, expected) in [
        ("stop", 100, vec!["quick the", "fox"], vec![("quick", 0), ("fox", 102)]),
        ("stop", 0, vec!["quick the of", "the fox"], vec![("quick", 0), ("fox", 4)]),
        ("stop", 5, vec!["the of", "the", "quick the", "fox the"], vec![("quick", 13), ("fox", 20)]),
        ("stop", 0, vec!["the", "fox"], vec![("fox", 1)]),
        ("stop", 100, vec!["", "fox"], vec![("fox", 100)]),
        ("standard", 100, vec!["", "fox"], vec![("fox", 100)]),
        ("standard", 100, vec!["quick", "", "-", "fox"], vec![("quick", 0), ("fox", 301)]),
        ("standard", 5, vec!["quick fox", "", "dog"], vec![("quick", 0), ("fox", 1), ("dog", 12)]),
        ("fingerprint", 100, vec!["b a", "c"], vec![("a b", 0), ("c", 102)]),
    ] {
        let mut tokenizer = indexing(&Analysis::plain().analyzer(analyzer).expect("there"), gap);
        let expected: Vec<(String, usize)> =
            expected.into_iter().map(|(text, at)| (text.to_owned(), at)).collect();
        assert_eq!(indexed_values(&mut tokenizer, &texts), expected, "{analyzer} {gap} {texts:?}");
        // What one document leaves is nothing to the next.
        assert_eq!(indexed_values(&mut tokenizer, &["the"]).len(), usize::from(analyzer != "stop"));
        assert_eq!(indexed_values(&mut tokenizer, &texts), expected, "{analyzer} {gap} {texts:?} again");
    }
}

#[test]
fn words_are_counted_with_what_is_left_out() {
    let analyzer = Analysis::plain().analyzer("stop").expect("there");
    for (text, places, words) in [("quick the", 2, 1), ("the of", 2, 0), ("the fox of", 3, 1), ("", 0, 0)] {
        assert_eq!((analyzer.count(text, true), analyzer.count(text, false)), (places, words), "{text}");
    }
}

#[test]
fn normalizers_make_one_term_of_a_value() {
    let definition = |key: &str, value: Value| (key.to_owned(), value);
    let flat = [
        definition("normalizer.n.type", json!("custom")),
        definition("normalizer.n.char_filter", json!(["quotes"])),
        definition("normalizer.n.filter", json!(["lowercase", "asciifolding"])),
        definition("char_filter.quotes.type", json!("mapping")),
        definition("char_filter.quotes.mappings", json!(["« => \"", "» => \""])),
    ];
    let flat = flat.iter().map(|(key, value)| (key.as_str(), value));
    let definitions = Definitions::read(flat, GramLimits::default()).expect("read");
    let analysis = Analysis::of_index(definitions).expect("valid");

    for (name, value, expected) in
        [("n", "«Größe» ÉTÉ", "\"grosse\" ete"), ("lowercase", "Größe Ä", "größe ä"), ("lowercase", "", "")]
    {
        assert_eq!(analysis.normalizer(name).expect("there").normalized(value), expected, "{value}");
    }
}

#[test]
fn filters_that_name_one_another_are_refused() {
    let flat = [
        ("filter.m.type", json!("multiplexer")),
        ("filter.m.filters", json!(["m"])),
        ("analyzer.a.tokenizer", json!("keyword")),
        ("analyzer.a.filter", json!(["m"])),
    ];
    let flat = flat.iter().map(|(key, value)| (*key, value));

    let made = Definitions::read(flat, GramLimits::default()).and_then(Analysis::of_index);

    assert!(made.expect_err("refused").reason.contains("name one another"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 2_000, ..Default::default() })]
    /// The fast way of the index makes the terms that the chain makes for a query.
    #[test]
    fn the_index_and_queries_make_the_same_terms(text in "[ \\PC]{0,40}|[a-cA-C0-2_.,' ÄİßΣ๐กา数あア한😀½\u{301}\u{20e3}]{0,24}") {
        for name in ["standard", "simple", "english"] {
            let analyzer = Analysis::plain().analyzer(name).expect("there");
            let terms: Vec<(String, usize)> =
                analyzer.terms(&text).into_iter().map(|term| (term.text, term.position)).collect();
            let stored: Vec<(String, usize)> =
                indexed(name, 100, &text).into_iter().map(|(text, position, _)| (text, position)).collect();
            proptest::prop_assert_eq!(stored, terms, "{}", name);
        }
    }

    /// The index places the values of a field where `_analyze` says they are.
    #[test]
    fn the_index_places_values_as_analyze_tells(texts in proptest::collection::vec("(the|fox|of|[.é]| ){0,5}", 1..5)) {
        for name in ["standard", "stop", "english", "keyword", "fingerprint", "cjk"] {
            let analysis = Analysis::of_index(Definitions::default()).expect("plain");
            let asked = AnalyzeRequest::read(&json!({"analyzer": name, "text": &texts})).expect("read");
            let answer = asked.answer(&analysis, None, TOKENS_MAX).expect("answered");
            let told: Vec<(String, usize)> = answer["tokens"].as_array().expect("tokens").iter()
                .map(|token| (token["token"].as_str().unwrap_or_default().to_owned(), token["position"].as_u64().unwrap_or_default() as usize))
                .collect();
            let mut tokenizer = indexing(&analysis.analyzer(name).expect("there"), 100);
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            proptest::prop_assert_eq!(indexed_values(&mut tokenizer, &texts), told, "{}", name);
        }
    }
}

#[test]
fn a_value_without_terms_leaves_nothing_unless_words_were_left_out() {
    let analysis = Analysis::plain();
    let leaves_nothing =
        |name: &str, text: &str| analysis.analyzer(name).expect("an analyzer").leaves_nothing(text);
    for (name, text, wanted) in [
        ("standard", "", true),
        ("standard", "!!", true),
        ("standard", "the", false),
        ("stop", "", true),
        ("stop", "the", false),
        ("stop", "the fox", false),
    ] {
        assert_eq!(leaves_nothing(name, text), wanted, "{name}: {text}");
    }
}
