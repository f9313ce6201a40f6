//! Scores that are computed of documents, whatever segments they are in.

use super::*;
use crate::search::{Hit, SearchError};

fn answered(engine: &Engine, query: &Value) -> Result<Vec<Hit>, SearchError> {
    let request = SearchRequest::of(parse_query(query).expect("a query"), 100);
    let context =
        QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
    Ok(search(&engine.view(), &request, &context, &never())?.hits)
}

fn scores(engine: &Engine, query: &Value) -> Vec<f32> {
    answered(engine, query).expect("searched").iter().filter_map(|hit| hit.score).collect()
}

/// Segments of before a field was mapped have no column of it.
#[test]
fn documents_of_before_a_field_have_no_value_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("n", "long")]));
    put(&engine, "old", &json!({"n": 1}));
    engine.refresh(NOW).expect("refreshed");
    let grown = mapping(&[("n", "long"), ("p", "geo_point"), ("f", "rank_feature"), ("fs", "rank_features")]);
    engine.set_mapping(grown, NOW).expect("grown");
    put(&engine, "new", &json!({"n": 3, "p": "50,0", "f": 2, "fs": {"a": 4}}));
    engine.refresh(NOW).expect("refreshed");

    for merged in [false, true] {
        if merged {
            engine.force_merge(ForceMerge::Segments(1)).expect("merged");
        }
        assert_eq!(found(&engine, &json!({"geo_distance": {"distance": "1km", "p": "50,0"}})), ["new"]);
        assert_eq!(found(&engine, &json!({"rank_feature": {"field": "f"}})), ["new"]);
        assert_eq!(scores(&engine, &json!({"rank_feature": {"field": "fs.a", "linear": {}}})), [4.0]);
        let near = json!({"function_score": {"gauss": {"p": {"origin": "50,1", "scale": "50km"}}}});
        let both = scores(&engine, &near);
        assert!(both[0] == 1.0 && both[1] < 0.5, "{both:?}");
        assert_eq!(
            scores(
                &engine,
                &json!({"script_score": {"query": {"match_all": {}}, "script": "doc['p'].size() + doc['n'].value"}})
            ),
            [4.0, 1.0]
        );
    }
}

/// One document that cannot be scored fails the search, and where no scores are asked for it does not.
#[test]
fn a_document_that_cannot_be_scored_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("n", "long")]));
    for n in 0..2000 {
        put(&engine, &n.to_string(), &if n == 1500 { json!({}) } else { json!({"n": n}) });
    }
    engine.refresh(NOW).expect("refreshed");
    let factor = json!({"function_score": {"field_value_factor": {"field": "n"}}});
    let script = json!({"script_score": {"query": {"match_all": {}}, "script": "doc['n'].value"}});

    for (query, part) in
        [(&factor, "Missing value for field [n]"), (&script, "A document doesn't have a value")]
    {
        for asked in [query.clone(), json!({"bool": {"should": [query, {"term": {"n": 3}}]}})] {
            match answered(&engine, &asked) {
                Err(SearchError::Query(error)) => assert!(error.reason.contains(part), "{error}"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(answered(&engine, &json!({"bool": {"filter": query}})).expect("unscored").len(), 100);
    }
}

/// What a score must be at least decides which documents match, also where no score is wanted.
#[test]
fn the_least_score_is_asked_of_filters_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("n", "long")]));
    for n in 0..10 {
        put(&engine, &n.to_string(), &json!({"n": n}));
        if n % 3 == 0 {
            engine.refresh(NOW).expect("refreshed");
        }
    }
    engine.refresh(NOW).expect("refreshed");
    let scored = json!({"function_score": {"field_value_factor": {"field": "n"}, "min_score": 7}});

    assert_eq!(found(&engine, &scored), ["7", "8", "9"]);
    assert_eq!(found(&engine, &json!({"bool": {"filter": scored}})), ["7", "8", "9"]);
    assert_eq!(
        found(&engine, &json!({"bool": {"must_not": scored, "filter": {"range": {"n": {"gte": 5}}}}})),
        ["5", "6"]
    );
    assert_eq!(found(&engine, &json!({"constant_score": {"filter": scored}})), ["7", "8", "9"]);
}
