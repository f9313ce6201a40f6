//! Ranges by zones find the documents that a look at each value finds.

use super::*;

fn engine_with_numbers(folder: &Path) -> Arc<Engine> {
    let engine = open(folder, mapping(&[("n", "long"), ("d", "double"), ("many", "long")]));
    for n in 0..5_000_i64 {
        let mut document = json!({"n": n - 1_000, "many": [n % 7, n % 1_300]});
        if n % 3 > 0 {
            document["d"] = json!(-(n as f64) / 4.0);
        }
        put(&engine, &n.to_string(), &document);
        if n == 3_333 {
            engine.refresh(NOW).expect("refreshed");
        }
    }
    for n in (0..5_000).step_by(41) {
        write(&engine, &n.to_string(), None, Condition::None).expect("deleted");
    }
    engine.refresh(NOW).expect("refreshed");
    engine
}

#[test]
fn ranges_find_what_is_inside() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with_numbers(folder.path());
    let is_there = |n: &i64| n % 41 > 0;
    let all = |inside: &dyn Fn(i64) -> bool| (0..5_000).filter(is_there).filter(|n| inside(*n)).count();
    let none_at_all = |_: i64| false;
    for (range, inside) in [
        (json!({"n": {"gte": -1_000, "lt": 100}}), &(|n: i64| n < 1_100) as &dyn Fn(i64) -> bool),
        (json!({"n": {"gt": 1_023, "lte": 2_047}}), &|n: i64| (2_024..=3_047).contains(&n)),
        (json!({"n": {"gte": 24}}), &|n: i64| n >= 1_024),
        (json!({"n": {"gt": 100, "lt": 100}}), &none_at_all),
        (json!({"n": {"gt": 100_000}}), &none_at_all),
        (json!({"d": {"gt": -250.0, "lte": -25.5}}), &|n: i64| n % 3 > 0 && (102..1_000).contains(&n)),
        (json!({"d": {"lte": 0}}), &|n: i64| n % 3 > 0),
        (json!({"many": {"gte": 1_200}}), &|n: i64| n % 1_300 >= 1_200),
        (json!({"many": {"lte": 0}}), &|n: i64| n % 7 == 0 || n % 1_300 == 0),
    ] {
        let query = json!({"range": range});
        let count = |query: &Value| {
            let request = SearchRequest::of(parse_query(query).expect("a query"), 0);
            let context = QueryContext {
                index: "i",
                doc_type: "_doc",
                now_millis: NOW,
                rules: crate::QueryRules::usual(),
            };
            search(&engine.view(), &request, &context, &never()).expect("searched").total as usize
        };

        assert_eq!(count(&query), all(inside), "{range}");
        // Asked by leaps, as a conjunction does.
        let leaps = json!({"bool": {"filter": [{"term": {"n": 1_025}}, query]}});
        assert_eq!(count(&leaps), usize::from(is_there(&2_025) && inside(2_025)), "{range}");
        let rare = json!({"bool": {"filter": [{"terms": {"n": [-990, 23, 24, 25, 1_024, 3_000]}}, query]}});
        let few = [10, 1_023, 1_024, 1_025, 2_024, 4_000];
        assert_eq!(count(&rare), few.iter().filter(|n| is_there(n) && inside(**n)).count(), "{range}");
    }
}
