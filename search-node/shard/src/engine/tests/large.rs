//! Searches that are said in much: they are answered or refused soon, whatever they say.

use std::time::{Duration, Instant};

use super::*;

const BYTES: usize = 64 << 10;
/// Twenty times what is promised: tests run without optimizations, beside others.
const WITHIN: Duration = Duration::from_secs(1);

#[test]
fn much_text_is_answered_or_refused_soon() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("t", "text"), ("k", "keyword"), ("n", "long")]));
    put(&engine, "1", &json!({"t": "a word", "k": "red", "n": 1}));
    engine.refresh(NOW).expect("refreshed");
    for piece in [
        "(",
        "((a|b)*",
        "a+b|",
        "a b^0.5)",
        "-",
        "\"type\":\"date\"",
        "a*",
        "?*",
        "~1 ",
        "[a-c]{2}",
        "\\",
        "\\(",
    ] {
        let text = piece.repeat(BYTES / piece.len());
        for query in [
            json!({"query_string": {"query": text}}),
            json!({"query_string": {"query": text, "fields": ["t^2", "k", "n"], "lenient": true, "analyze_wildcard": true}}),
            json!({"simple_query_string": {"query": text, "fields": ["t", "k"], "minimum_should_match": "50%"}}),
            json!({"wildcard": {"k": text}}),
            json!({"regexp": {"k": text}}),
            json!({"prefix": {"k": text}}),
            json!({"intervals": {"t": {"wildcard": {"pattern": text}}}}),
            json!({"intervals": {"t": {"prefix": {"prefix": text}}}}),
            json!({"intervals": {"t": {"regexp": {"pattern": text}}}}),
            json!({"span_multi": {"match": {"wildcard": {"t": text}}}}),
            json!({"span_multi": {"match": {"prefix": {"t": text}}}}),
            json!({"span_multi": {"match": {"regexp": {"t": text}}}}),
            json!({"fuzzy": {"t": text}}),
            json!({"exists": {"field": text}}),
        ] {
            let mut quickest = Duration::MAX;
            for _ in 0..3 {
                let begun = Instant::now();
                if let Ok(parsed) = parse_query(&query) {
                    let rules = crate::QueryRules::usual();
                    let context = QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules };
                    let answer = search(&engine.view(), &SearchRequest::of(parsed, 10), &context, &never());
                    drop(answer);
                }
                quickest = quickest.min(begun.elapsed());
                if quickest < WITHIN {
                    break;
                }
            }
            let name = query.as_object().and_then(|query| query.keys().next());
            assert!(quickest < WITHIN, "{quickest:?} for {name:?} of much {piece:?}");
        }
    }
}

/// Where signs take turns each is around what was before: so deep no query may be.
#[test]
fn clauses_of_a_simple_query_string_are_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("t", "text")]));
    put(&engine, "1", &json!({"t": "a word"}));
    engine.refresh(NOW).expect("refreshed");
    let ask = |text: String| {
        let query = json!({"simple_query_string": {"query": text, "fields": ["t"]}});
        let rules = crate::QueryRules::usual();
        let context = QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules };
        let request = SearchRequest::of(parse_query(&query).expect("a query"), 10);
        search(&engine.view(), &request, &context, &never()).map(|answer| answer.total)
    };
    assert_eq!(ask("a ".repeat(1_024)).expect("answered"), 1);
    let many = ask("a ".repeat(1_025)).expect_err("refused");
    assert!(many.to_string().contains("maxClauseCount is set to 1024"), "{many}");
    assert!(ask("a + b | ".repeat(10)).is_ok());
    let deep = ask("a + b | ".repeat(100)).expect_err("refused");
    assert!(deep.to_string().contains("max_nested_depth"), "{deep}");
    assert_eq!(ask("(".repeat(10) + "a" + &")".repeat(8)).expect("answered"), 1);
}
