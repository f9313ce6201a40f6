//! The first documents by a column, whatever is passed over on the way to them.

use super::*;
use crate::query::{Query, SliceBy, Sliced};
use crate::search::{Missing, NumericType, SearchAnswer, Slice, SortField, SortKey, SortMode, SortValue};

/// Documents of three segments: times rise, numbers jump, shares are often missing and come in several.
fn engine_with_columns(folder: &Path) -> Arc<Engine> {
    let fields =
        [("time", "long"), ("n", "long"), ("share", "double"), ("k", "keyword"), ("name", "keyword")];
    let engine = open(folder, mapping(&fields));
    for at in 0..9_000_i64 {
        let mut document = json!({"time": at, "n": at * 7_919 % 1_009, "k": format!("k{}", at % 50)});
        if at % 4 == 0 {
            document["share"] = json!([at as f64 / 3.0, -(at % 100) as f64]);
        }
        // Names are all different, in no order, sometimes missing and sometimes several.
        let name = |at: i64| format!("n{:05}", at * 7_919 % 9_973);
        match at % 11 {
            0 => {}
            1 => document["name"] = json!([name(at), name(at + 9_000)]),
            _ => document["name"] = json!(name(at)),
        }
        put(&engine, &at.to_string(), &document);
        if at % 3_000 == 2_999 {
            engine.refresh(NOW).expect("refreshed");
        }
    }
    for at in (0..9_000).step_by(23) {
        write(&engine, &at.to_string(), None, Condition::None).expect("deleted");
    }
    engine.refresh(NOW).expect("refreshed");
    engine
}

fn key(path: &str, descending: bool, missing: Missing, mode: Option<SortMode>) -> SortKey {
    let field = SortField::Field(path.to_owned());
    SortKey { descending, missing, mode, ..SortKey::of(field) }
}

fn first(
    engine: &Arc<Engine>,
    query: &Value,
    sort: &[SortKey],
    after: Option<&[SortValue]>,
    (counted_to, is_short): (u64, bool),
) -> SearchAnswer {
    let request = SearchRequest {
        counted_to,
        sort: sort.to_vec(),
        search_after: after.map(<[_]>::to_vec),
        // With a bound below every score each match is met.
        min_score: (!is_short).then_some(-1.0),
        ..SearchRequest::of(parse_query(query).expect("a query"), 12)
    };
    let context =
        QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
    search(&engine.view(), &request, &context, &never()).expect("searched")
}

#[test]
fn runs_that_are_passed_over_have_nothing_that_comes_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with_columns(folder.path());
    let (last, before) = (Missing::Last, Missing::First);
    let sorts = [
        vec![key("time", true, last.clone(), None)],
        vec![key("time", false, last.clone(), None)],
        vec![key("n", true, last.clone(), None), key("time", true, last.clone(), None)],
        vec![key("n", false, last.clone(), None)],
        vec![key("share", false, last.clone(), None)],
        vec![key("share", true, before.clone(), None), key("time", true, last.clone(), None)],
        vec![key("share", false, before.clone(), Some(SortMode::Max))],
        vec![key("share", true, last.clone(), Some(SortMode::Min))],
        vec![key("k", true, last.clone(), None), key("time", false, last.clone(), None)],
        vec![key("share", false, Missing::Value(SortValue::Float(-50.5)), None)],
        vec![key("name", false, last.clone(), None)],
        vec![key("name", true, before.clone(), None), key("time", true, last.clone(), None)],
        vec![key("name", true, last.clone(), Some(SortMode::Min))],
        vec![key("name", false, Missing::Value(SortValue::Text("n00003x".to_owned())), Some(SortMode::Max))],
        vec![key("share", true, Missing::Value(SortValue::Integer(2_000)), Some(SortMode::Avg))],
        vec![key("share", false, last.clone(), Some(SortMode::Sum)), key("time", true, last.clone(), None)],
        vec![key("share", true, before, Some(SortMode::Median))],
        vec![key("time", true, last.clone(), Some(SortMode::Sum))],
        vec![SortKey { numeric_type: Some(NumericType::Long), ..key("share", true, last.clone(), None) }],
        vec![SortKey { numeric_type: Some(NumericType::Double), ..key("n", false, last.clone(), None) }],
        vec![SortKey::of(SortField::Doc)],
        vec![SortKey::of(SortField::ShardDoc(3))],
        vec![SortKey::of(SortField::Doc), key("time", true, last.clone(), None)],
        vec![key("k", true, last, None), SortKey { descending: true, ..SortKey::of(SortField::ShardDoc(3)) }],
    ];
    let queries = [
        json!({"match_all": {}}),
        json!({"term": {"k": "k7"}}),
        json!({"range": {"time": {"gte": 1_000, "lt": 8_200}}}),
        json!({"bool": {"filter": [{"range": {"n": {"lt": 500}}}], "must_not": [{"term": {"k": "k8"}}]}}),
        json!({"term": {"time": 4_444}}),
    ];
    for (sort, query) in sorts.iter().flat_map(|sort| queries.iter().map(move |query| (sort, query))) {
        let whole = first(&engine, query, sort, None, (u64::MAX, false));
        let shown = |answer: &SearchAnswer| {
            let hits = answer.hits.iter();
            hits.map(|hit| (hit.segment, hit.document, hit.sort.clone())).collect::<Vec<_>>()
        };
        for counted_to in [0, 200, 10_000, u64::MAX] {
            let short = first(&engine, query, sort, None, (counted_to, true));
            assert_eq!(shown(&short), shown(&whole), "{query} {sort:?} counted to {counted_to}");
            if whole.total <= counted_to {
                assert_eq!(short.total, whole.total, "{query} counted to {counted_to}");
            } else {
                assert!(short.total > counted_to, "{query}: {} counted to {counted_to}", short.total);
            }
        }
        let Some(after) = whole.hits.get(5).map(|hit| hit.sort.clone()) else { continue };
        let whole = first(&engine, query, sort, Some(&after), (u64::MAX, false));
        let short = first(&engine, query, sort, Some(&after), (10, true));
        assert_eq!(shown(&short), shown(&whole), "{query} {sort:?} after {after:?}");
    }
}

/// What is gone through in several parts, or from one place on, has every document once.
#[test]
fn slices_and_places_go_through_every_document_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with_columns(folder.path());
    let all = engine.view().searcher.num_docs();
    let context =
        QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
    let found = |query: Query, after: Option<SortValue>, hits: usize| {
        let request = SearchRequest {
            counted_to: 0,
            sort: vec![SortKey::of(SortField::ShardDoc(1))],
            search_after: after.map(|after| vec![after]),
            ..SearchRequest::of(query, hits)
        };
        search(&engine.view(), &request, &context, &never()).expect("searched").hits
    };

    let mut places = Vec::new();
    loop {
        let hits = found(Query::MatchAll, places.last().cloned(), 1_000);
        if hits.is_empty() {
            break;
        }
        places.extend(hits.into_iter().map(|hit| hit.sort[0].clone()));
    }
    let numbers: Vec<i64> = places
        .iter()
        .map(|place| match place {
            SortValue::Integer(number) => *number,
            other => panic!("{other:?} is no place"),
        })
        .collect();
    assert_eq!(numbers.len() as u64, all);
    assert!(numbers.is_sorted_by(|one, next| one < next) && numbers[0] >> 32 == 1, "{:?}", &numbers[..3]);

    let by_n = SliceBy::Field("n".to_owned());
    for by in [SliceBy::Id, SliceBy::Document, by_n] {
        let mut seen = Vec::new();
        for number in 0..7 {
            let slice = Sliced { by: by.clone(), slice: Slice { number, of: 7 } };
            let hits = found(Query::Slice(slice), None, 10_000);
            let share = hits.len() as u64 * 7;
            assert!((all / 2..all * 2).contains(&share), "{by:?} {number}: {} of {all}", hits.len());
            seen.extend(hits.into_iter().map(|hit| (hit.segment, hit.document)));
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len() as u64, all, "{by:?}");
    }
}
