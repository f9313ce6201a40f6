//! Phrases of a field that keeps places, and of one that reads its texts again for them: both find the same.

use super::*;

/// Three fields of the same values: one with places, one without, and one whose documents were given it by another.
fn open_all(folder: &Path, analyzer: &str, gap: Option<u64>) -> Arc<Engine> {
    let field = |kind: &str| {
        let mut field = json!({"type": kind, "analyzer": analyzer});
        if let Some(gap) = gap {
            field["position_increment_gap"] = json!(gap);
        }
        field
    };
    let properties = json!({"text": field("text"), "only": field("match_only_text")});
    let mapping = parse_mapping(&json!({"properties": properties})).expect("a mapping");
    open(folder, Arc::new(mapping))
}

#[test]
fn phrases_without_places_in_the_index_stand_where_those_with_places_do() {
    let mut chance = testkit::Chance::new(11);
    let mut found_any = 0;
    // Stop words are left out in front, between and behind, and some values have no others.
    for (analyzer, gap) in [("stop", Some(0)), ("stop", Some(1)), ("stop", Some(3)), ("english", None), ("standard", Some(2))] {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = open_all(folder.path(), analyzer, gap);
        for number in 0..40 {
            let values: Vec<String> = (0..1 + chance.below(4))
                .map(|_| {
                    // In the index a value without any word takes a place where values have no gap.
                    let least = usize::from(gap == Some(0));
                    let words = (0..least + chance.below(5)).map(|_| *chance.pick(&["red", "fox", "the", "of", "sun"]));
                    words.collect::<Vec<_>>().join(" ")
                })
                .collect();
            put(&engine, &number.to_string(), &json!({"text": values, "only": values}));
        }
        engine.refresh(NOW).expect("refreshed");
        for _ in 0..60 {
            let words: Vec<&str> =
                (0..2 + chance.below(3)).map(|_| *chance.pick(&["red", "fox", "the", "sun", "of"])).collect();
            let slop = *chance.pick(&[0, 0, 1, 2, 3, 5, 101]);
            let phrase = |field: &str| {
                json!({"match_phrase": {field: {"query": words.join(" "), "slop": slop}}})
            };

            let (with, without) = (found(&engine, &phrase("text")), found(&engine, &phrase("only")));

            assert_eq!(with, without, "{words:?} ~{slop} by {analyzer} with a gap of {gap:?}");
            found_any += usize::from(!with.is_empty());
        }
    }
    assert!(found_any > 100, "{found_any}");
}
