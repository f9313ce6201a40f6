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
    for (analyzer, gap) in
        [("stop", Some(0)), ("stop", Some(1)), ("stop", Some(3)), ("english", None), ("standard", Some(2))]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = open_all(folder.path(), analyzer, gap);
        for number in 0..40 {
            let values: Vec<String> = (0..1 + chance.below(4))
                .map(|_| {
                    // In the index a value without any word takes a place where values have no gap.
                    let least = usize::from(gap == Some(0));
                    let words = (0..least + chance.below(5))
                        .map(|_| *chance.pick(&["red", "fox", "the", "of", "sun"]));
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
            let phrase =
                |field: &str| json!({"match_phrase": {field: {"query": words.join(" "), "slop": slop}}});

            let (with, without) = (found(&engine, &phrase("text")), found(&engine, &phrase("only")));

            assert_eq!(with, without, "{words:?} ~{slop} by {analyzer} with a gap of {gap:?}");
            found_any += usize::from(!with.is_empty());
        }
    }
    assert!(found_any > 100, "{found_any}");
}

/// One join may have gone on to a document far ahead for what another one has here.
#[test]
fn words_below_several_joins_are_found_for_each_of_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("t", "text")]));
    for (id, text) in ["red", "fox", "red sun", "red fox", "sun fox", "red", "fox red"].iter().enumerate() {
        put(&engine, &id.to_string(), &json!({"t": text}));
    }
    engine.refresh(NOW).expect("refreshed");
    let word = |text: &str| json!({"match": {"query": text}});
    let all = |parts: Vec<Value>| json!({"all_of": {"intervals": parts}});
    let any = |parts: Vec<Value>| json!({"any_of": {"intervals": parts}});
    let both = all(vec![word("red"), word("fox")]);
    let term = |text: &str| json!({"span_term": {"t": text}});
    let near = json!({"span_near": {"clauses": [term("fox"), term("red")], "slop": 5, "in_order": false}});
    let not = json!({"span_not": {"include": term("red"), "exclude": near}});
    for (query, expected) in [
        (json!({"intervals": {"t": any(vec![both.clone(), word("red")])}}), vec!["0", "2", "3", "5", "6"]),
        (
            json!({"intervals": {"t": any(vec![word("red"), both.clone(), word("sun")])}}),
            vec!["0", "2", "3", "4", "5", "6"],
        ),
        (
            json!({"intervals": {"t": all(vec![any(vec![both.clone(), word("sun")]), word("fox")])}}),
            vec!["3", "4", "6"],
        ),
        (json!({"span_or": {"clauses": [near.clone(), term("red")]}}), vec!["0", "2", "3", "5", "6"]),
        (
            json!({"span_or": {"clauses": [not.clone(), term("fox")]}}),
            vec!["0", "1", "2", "3", "4", "5", "6"],
        ),
        (not, vec!["0", "2", "5"]),
    ] {
        assert_eq!(found(&engine, &query), expected, "{query}");
    }
}
