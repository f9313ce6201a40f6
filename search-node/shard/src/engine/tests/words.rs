//! What is told of words: the term vectors of documents, the terms of a field, and queries in Lucene's words.

use super::*;
use crate::query::Lucene;
use crate::search::{TermFilter, TermVectorsAsked, TermsEnumAsked, term_vectors, terms_enum};

fn engine(folder: &Path) -> Arc<Engine> {
    let engine = open(folder, mapping(&[("t", "text"), ("k", "keyword"), ("n", "integer"), ("d", "double")]));
    put(&engine, "1", &json!({"t": "brown dog dog", "k": ["kiwi", "Kiln"], "n": 1}));
    engine.refresh(NOW).expect("refreshed");
    put(&engine, "2", &json!({"t": "brown fox", "k": ["kilo", "lima"], "n": 2}));
    engine.refresh(NOW).expect("refreshed");
    engine
}

#[test]
fn words_have_the_counts_of_all_segments() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let source = json!({"t": ["Dog über", "brown"], "k": "kiwi", "n": 7});
    let asked =
        TermVectorsAsked { term_statistics: true, is_artificial: true, ..TermVectorsAsked::default() };

    let shown = Value::Object(term_vectors(&engine.view(), &source, &asked).expect("told"));

    assert_eq!(shown["t"]["field_statistics"], json!({"sum_doc_freq": 4, "doc_count": 2, "sum_ttf": 5}));
    let terms = &shown["t"]["terms"];
    let dog = json!({"doc_freq": 1, "ttf": 2, "term_freq": 1, "tokens": [{"position": 0, "start_offset": 0, "end_offset": 3}]});
    assert_eq!(terms["dog"], dog);
    assert_eq!(terms["über"]["tokens"], json!([{"position": 1, "start_offset": 4, "end_offset": 8}]));
    // A value begins a gap behind the one before, and one letter behind it.
    assert_eq!(terms["brown"]["tokens"], json!([{"position": 102, "start_offset": 9, "end_offset": 14}]));
    assert_eq!(shown["k"]["terms"]["kiwi"]["doc_freq"], json!(1));
    assert!(shown.get("n").is_none(), "numbers have no words");

    let filter = TermFilter { terms_max: 1, word_length: (4, 0), ..TermFilter::default() };
    let asked = TermVectorsAsked { fields: Some(vec!["t*".to_owned()]), filter: Some(filter), ..asked };
    let shown = Value::Object(term_vectors(&engine.view(), &source, &asked).expect("told"));
    let terms = shown["t"]["terms"].as_object().expect("terms");
    assert_eq!(terms.keys().collect::<Vec<_>>(), ["brown"], "über is in no document, and dog is short");
}

#[test]
fn terms_are_told_in_their_order_and_within_the_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let terms = |asked: &TermsEnumAsked| terms_enum(&engine.view(), asked, &never()).expect("told");
    let asked = TermsEnumAsked { field: "k".to_owned(), size: 10, ..TermsEnumAsked::default() };
    let of = |prefix: &str, case_insensitive: bool, after: Option<&str>, size: usize| TermsEnumAsked {
        prefix: prefix.to_owned(),
        case_insensitive,
        after: after.map(str::to_owned),
        size,
        ..asked.clone()
    };
    for (asked, wanted) in [
        (of("", false, None, 10), vec!["Kiln", "kilo", "kiwi", "lima"]),
        (of("ki", false, None, 10), vec!["kilo", "kiwi"]),
        (of("ki", false, None, 1), vec!["kilo"]),
        (of("ki", true, None, 10), vec!["Kiln", "kilo", "kiwi"]),
        (of("ki", true, Some("Kiln"), 1), vec!["kilo"]),
        (of("ki", false, Some("kilo"), 10), vec!["kiwi"]),
        (of("ki", false, Some("a"), 10), vec!["kilo", "kiwi"]),
        (of("ki", false, Some("z"), 10), vec![]),
    ] {
        assert_eq!(terms(&asked), (wanted.into_iter().map(str::to_owned).collect(), true), "{asked:?}");
    }
    for field in ["t", "n", "none"] {
        let asked = TermsEnumAsked { field: field.to_owned(), ..of("", false, None, 10) };
        assert_eq!(terms(&asked), (Vec::new(), true), "{field}");
    }

    let grown = json!({"properties": {
        "t": {"type": "text"}, "k": {"type": "keyword"}, "n": {"type": "integer"}, "d": {"type": "double"},
        "c": {"type": "constant_keyword", "value": "always"}, "f": {"type": "flattened"}
    }});
    engine.set_mapping(Arc::new(parse_mapping(&grown).expect("valid")), NOW).expect("grown");
    put(&engine, "3", &json!({"f": {"host": "web-1", "zone": {"name": "west"}}}));
    put(&engine, "4", &json!({"f": {"host": ["web-2", "db-1"]}}));
    engine.refresh(NOW).expect("refreshed");
    for (field, prefix, after, wanted) in [
        ("c", "al", None, vec!["always"]),
        ("c", "b", None, vec![]),
        ("c", "", Some("always"), vec![]),
        ("f", "we", None, vec!["web-1", "web-2", "west"]),
        ("f.host", "", None, vec!["db-1", "web-1", "web-2"]),
        ("f.host", "web", Some("web-1"), vec!["web-2"]),
        ("f.zone.name", "w", None, vec!["west"]),
        ("f.none", "", None, vec![]),
    ] {
        let asked = TermsEnumAsked { field: field.to_owned(), ..of(prefix, false, after, 10) };
        assert_eq!(terms(&asked).0, wanted, "{asked:?}");
    }

    for n in 0..3000 {
        put(&engine, &format!("more-{n}"), &json!({"k": format!("a{n:04}")}));
    }
    engine.refresh(NOW).expect("refreshed");
    let late = Ending::when(|| Some(Stop::TimeIsUp));
    let (_, is_complete) = terms_enum(&engine.view(), &of("kilo", true, None, 10), &late).expect("told");
    assert!(!is_complete, "there was no time");
}

#[test]
fn queries_read_as_lucene_writes_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let view = engine.view();
    let context =
        QueryContext { index: "i", doc_type: "", now_millis: NOW, rules: crate::QueryRules::usual() };
    let lucene = Lucene { layout: &view.layout, context: &context };
    for (query, wanted) in [
        (json!({"match": {"t": "Brown  FOX"}}), "t:brown t:fox"),
        (json!({"match": {"t": {"query": "a b c", "minimum_should_match": 2}}}), "(t:a t:b t:c)~2"),
        (json!({"match": {"n": 5}}), "n:[5 TO 5]"),
        (json!({"match_phrase_prefix": {"t": "brown fo"}}), "t:\"brown fo*\""),
        (json!({"match_bool_prefix": {"t": "brown fo"}}), "t:brown t:fo*"),
        (json!({"range": {"n": {"gt": 1}}}), "n:[2 TO 2147483647]"),
        (json!({"range": {"d": {"gt": 1.5, "lte": 2}}}), "d:{1.5 TO 2]"),
        (json!({"range": {"k": {"gte": "a", "lt": "b"}}}), "k:[a TO b}"),
        (json!({"bool": {"must_not": {"term": {"k": "a"}}}}), "-k:a #*:*"),
        (json!({"bool": {}}), "*:*"),
        (
            json!({"bool": {"must": {"bool": {"should": [{"term": {"k": "a"}}, {"term": {"k": "b"}}]}}}}),
            "+(k:a k:b)",
        ),
        (json!({"constant_score": {"filter": {"term": {"k": "x"}}, "boost": 2}}), "(ConstantScore(k:x))^2.0"),
        (json!({"match": {"none": "x"}}), "MatchNoDocsQuery(\"unmapped fields [none]\")"),
        (json!({"term": {"none": "x"}}), "MatchNoDocsQuery(\"User requested \"match_none\" query.\")"),
        (
            json!({"simple_query_string": {"query": "quick +brown -(a | b)", "fields": ["t"]}}),
            "(+t:quick +t:brown) (-(t:a t:b) *:*)",
        ),
        (json!({"query_string": {"query": "a AND b", "fields": ["t", "k"]}}), "+(t:a | k:a) +(t:b | k:b)"),
        (json!({"query_string": {"query": "t:a^2 OR NOT k:[1 TO *]"}}), "(t:a)^2.0 -k:[1 TO *]"),
        (
            json!({"query_string": {"query": "*:* AND _exists_:k"}}),
            "+*:* +ConstantScore(FieldExistsQuery [field=k])",
        ),
        (json!({"multi_match": {"query": "a", "fields": ["t"]}}), "t:a"),
        (
            json!({"boosting": {"positive": {"term": {"k": "a"}}, "negative": {"term": {"k": "b"}}, "negative_boost": 0.2}}),
            "FunctionScoreQuery(k:a, scored by boost(queryboost(score(k:b))^0.2))",
        ),
    ] {
        let parsed = parse_query(&query).expect("a query");
        assert_eq!(lucene.tell(&parsed), wanted, "{query}");
    }
}
