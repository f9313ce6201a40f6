//! Shapes: found by how they lie, whatever becomes of their segments.

use super::*;
use crate::search::SortMode;

fn square(at: i64, size: i64) -> Value {
    let (from, to) = (at, at + size);
    json!({"type": "polygon", "coordinates": [[[from, 0], [to, 0], [to, size], [from, size], [from, 0]]]})
}

fn lies(field: &str, relation: &str, shape: impl Into<Value>) -> Value {
    json!({"geo_shape": {field: {"shape": shape.into(), "relation": relation}}})
}

/// A round area with so many places on its border.
fn disc(places: usize) -> Value {
    let place = |at: usize| {
        let angle = std::f64::consts::TAU * at as f64 / places as f64;
        json!([40.0 * angle.cos(), 40.0 * angle.sin()])
    };
    let mut ring: Vec<Value> = (0..places).map(place).collect();
    ring.push(ring[0].clone());
    json!({"type": "polygon", "coordinates": [ring]})
}

#[test]
fn shapes_stay_what_they_are_in_every_segment() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = mapping(&[("n", "long")]);
    let grown = mapping(&[("n", "long"), ("g", "geo_shape")]);
    {
        let engine = open(folder.path(), old);
        put(&engine, "old", &json!({"n": 1}));
        engine.refresh(NOW).expect("refreshed");
        engine.set_mapping(Arc::clone(&grown), NOW).expect("grown");
        for at in 0..30 {
            put(&engine, &format!("{at:02}"), &json!({"n": at, "g": square(at, 1)}));
            if at % 10 == 9 {
                engine.refresh(NOW).expect("refreshed");
            }
        }
        // Longer than a value of a column may be.
        put(&engine, "disc", &json!({"g": disc(20_000)}));
        put(&engine, "two", &json!({"g": [square(50, 1), "POINT (60 5)"]}));
        put(&engine, "none", &json!({"g": [null, "POLYGON EMPTY"]}));
        write(&engine, "07", None, Condition::None).expect("deleted");
        put(&engine, "08", &json!({"g": "POINT (100 0)"}));
        engine.refresh(NOW).expect("refreshed");
        engine.flush(NOW).expect("flushed");
    }
    let engine = open(folder.path(), grown);

    for merged in [false, true] {
        if merged {
            engine.force_merge(ForceMerge::Segments(1)).expect("merged");
        }
        for (query, ids) in [
            (lies("g", "intersects", "BBOX (5.5, 9.5, 0.5, 0.1)"), vec!["05", "06", "09", "disc"]),
            (lies("g", "within", "BBOX (4.5, 9.5, 2, -1)"), vec!["05", "06"]),
            (lies("g", "contains", "POLYGON ((5.2 0.2, 5.8 0.2, 5.5 0.8, 5.2 0.2))"), vec!["05", "disc"]),
            (lies("g", "contains", "POINT (60 5)"), vec!["two"]),
            (lies("g", "within", "BBOX (49, 61, 6, -1)"), vec!["two"]),
            (lies("g", "within", "BBOX (49, 55, 6, -1)"), vec![]),
            (lies("g", "contains", disc(20_000)), vec![]),
            (lies("g", "intersects", "POINT (0 39.9999)"), vec!["disc"]),
            (lies("g", "intersects", "POINT (0 40.0001)"), vec![]),
            (lies("g", "disjoint", "BBOX (-90, 90, 90, -1)"), vec!["08"]),
            (json!({"geo_distance": {"distance": "10km", "g": "5,60.05"}}), vec!["two"]),
            (json!({"geo_bounding_box": {"g": {"wkt": "BBOX (90, -90, 10, -10)"}}}), vec!["08"]),
        ] {
            assert_eq!(found(&engine, &query), ids, "{query:.200} {merged}");
        }
        let disc = found(&engine, &lies("g", "within", disc(20_000)));
        assert_eq!((disc.len(), disc.last().map(String::as_str)), (29, Some("disc")));
        // All but the old one, the one with nothing, and the one that was deleted.
        assert_eq!(found(&engine, &json!({"exists": {"field": "g"}})).len(), 31);
    }
}

#[test]
fn shapes_of_nested_objects_are_told_apart_and_those_of_sorted_segments_go_along() {
    let folder = tempfile::tempdir().expect("a folder");
    let shape = json!({"type": "geo_shape"});
    let nested = parse_mapping(&json!({"properties": {
        "a": {"type": "nested", "include_in_root": true, "properties": {"g": shape}}
    }}));
    let engine = open(folder.path(), Arc::new(nested.expect("valid")));
    put(&engine, "1", &json!({"a": [{"g": square(0, 1)}, {"g": square(10, 1)}]}));
    put(&engine, "2", &json!({"a": {"g": square(0, 12)}}));
    engine.refresh(NOW).expect("refreshed");
    let inside = |query: &Value| json!({"nested": {"path": "a", "query": query}});
    let near = lies("a.g", "within", "BBOX (-1, 2, 2, -1)");
    assert_eq!(found(&engine, &inside(&near)), ["1"]);
    // The document has what is in both of its objects.
    assert_eq!(found(&engine, &near), Vec::<String>::new());
    assert_eq!(found(&engine, &lies("a.g", "within", "BBOX (-1, 11.5, 2, -1)")), ["1"]);
    assert_eq!(found(&engine, &lies("a.g", "intersects", "POINT (5 0.5)")), ["2"]);

    let folder = tempfile::tempdir().expect("a folder");
    let sort = IndexSort { field: "n".to_owned(), is_descending: true, mode: SortMode::Max };
    let options = EngineOptions { sort: Some(sort), ..EngineOptions::default() };
    let engine = open_with(folder.path(), mapping(&[("n", "long"), ("g", "geo_shape")]), options);
    for at in 0..40 {
        put(&engine, &format!("{at:02}"), &json!({"n": at * 7 % 40, "g": [square(at, 1), "POINT (90 0)"]}));
        if at == 20 {
            engine.refresh(NOW).expect("refreshed");
        }
    }
    engine.refresh(NOW).expect("refreshed");
    for _ in 0..2 {
        assert_eq!(found(&engine, &lies("g", "intersects", "POINT (7.5 0.5)")), ["07"]);
        assert_eq!(found(&engine, &lies("g", "intersects", "POINT (33.5 0.5)")), ["33"]);
        engine.force_merge(ForceMerge::Segments(1)).expect("merged");
    }
}

/// Whole zones without a shape nearby are passed over, and what is in the others is found all the same.
#[test]
fn zones_without_a_shape_nearby_are_passed_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("g", "geo_shape")]));
    for at in 0..5_000 {
        put(&engine, &at.to_string(), &json!({"g": format!("POINT ({} 0)", f64::from(at) / 50.0)}));
    }
    engine.refresh(NOW).expect("refreshed");

    assert_eq!(found(&engine, &lies("g", "intersects", "BBOX (60.03, 60.07, 1, -1)")), ["3002", "3003"]);
    assert_eq!(found(&engine, &lies("g", "within", "BBOX (99.97, 120, 1, -1)")), ["4999"]);
    assert_eq!(found(&engine, &lies("g", "contains", "POINT (0 0)")), ["0"]);
    assert_eq!(found(&engine, &lies("g", "disjoint", "BBOX (0.01, 120, 1, -1)")), ["0"]);
}
