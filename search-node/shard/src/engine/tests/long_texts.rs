//! Queries of as many words as a text may have, and texts in which a word stands as often: they end with the search, and take no more time than there is
//! of them.

use std::time::Instant;

use super::*;
use crate::search::{SearchAnswer, SearchError};

/// How many words there are, and how often those stand that stand often.
const MANY: (usize, usize) = (4_000, 250);

/// Documents: one of many words, one of the same word again and again, one of two that take turns.
fn filled(folder: &Path, (words, times): (usize, usize)) -> Arc<Engine> {
    let engine = open(folder, mapping(&[("t", "text"), ("m", "match_only_text"), ("n", "long")]));
    for (id, text) in [("1", many(words)), ("2", again("a", 4 * times)), ("3", again("b c", 2 * times))] {
        put(&engine, id, &json!({"t": text, "m": text, "n": 1}));
    }
    engine.refresh(NOW).expect("refreshed");
    engine
}

fn many(words: usize) -> String {
    (0..words).map(|word| format!("w{word}")).collect::<Vec<_>>().join(" ")
}

fn again(text: &str, times: usize) -> String {
    vec![text; times].join(" ")
}

fn ask(engine: &Arc<Engine>, query: &Value, stop: &Ending) -> Result<SearchAnswer, SearchError> {
    let request = SearchRequest::of(parse_query(query).expect("a query"), 10);
    let context =
        QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
    search(&engine.view(), &request, &context, stop)
}

/// Queries with their names, and how many documents they find.
fn long_queries((words, times): (usize, usize)) -> Vec<(&'static str, Value, u64)> {
    let phrase = |field: &str, text: String, slop: u32| json!({"match_phrase": {field: {"query": text, "slop": slop}}});
    let spans = |texts: Vec<String>, in_order: bool| {
        let clauses: Vec<_> = texts.iter().map(|word| json!({"span_term": {"t": word}})).collect();
        json!({"span_near": {"clauses": clauses, "slop": 10, "in_order": in_order}})
    };
    let each = |words: usize| (0..words).map(|word| format!("w{word}")).collect::<Vec<_>>();
    let intervals = |text: String, ordered: bool, max_gaps: i64| json!({"intervals": {"t": {"match": {"query": text, "ordered": ordered, "max_gaps": max_gaps}}}});
    vec![
        ("phrase", phrase("t", many(words), 0), 1),
        ("phrase of one word", phrase("t", again("a", 2 * times), 0), 1),
        ("sloppy phrase", phrase("t", many(words), 3), 1),
        ("sloppy phrase of one word", phrase("t", again("a", times), 3), 1),
        ("sloppy phrase of two words", phrase("t", again("b c", times), 3), 1),
        ("sloppy phrase of none", phrase("t", format!("{} b", many(words)), 3), 0),
        ("phrase without places", phrase("m", many(words), 0), 1),
        ("sloppy phrase without places", phrase("m", many(words), 3), 1),
        ("sloppy phrase without places of one word", phrase("m", again("a", times), 3), 1),
        ("spans", spans(each(words), true), 1),
        ("spans in any order", spans(each(words), false), 1),
        ("spans of one word", spans(vec!["a".to_owned(); 2 * times], false), 1),
        ("intervals", intervals(many(words), true, -1), 1),
        ("intervals without gaps", intervals(many(words), true, 0), 1),
        ("intervals in any order", intervals(many(words), false, -1), 1),
        ("intervals of two words", intervals(again("b c", 2 * times), false, -1), 1),
        (
            "more like this",
            json!({"more_like_this": {"fields": ["t"], "like": [many(words)], "min_term_freq": 1, "min_doc_freq": 1}}),
            1,
        ),
        (
            "a set of terms",
            json!({"terms_set": {"t": {"terms": each(words), "minimum_should_match_field": "n"}}}),
            1,
        ),
    ]
}

#[test]
fn long_queries_find_what_they_ask_for_and_end_with_the_search() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = filled(folder.path(), MANY);
    for (name, query, expected) in long_queries(MANY) {
        let (counted, looks) = ends_after(usize::MAX, Stop::Cancelled);
        let whole = ask(&engine, &query, &counted).expect("searched");
        assert_eq!(whole.total, expected, "{name}");
        let looks = looks.load(Ordering::Relaxed);
        // One for the words of the query, and one for each thousand things done with them.
        let is_little = ["intervals of two words", "phrase of one word"].contains(&name);
        assert!(looks >= if is_little { 2 } else { 5 }, "{name}: {looks} looks");

        for end in (0..looks).step_by(looks / 3 + 1) {
            let (stop, asked) = ends_after(end, Stop::Cancelled);
            let part = ask(&engine, &query, &stop);
            assert!(matches!(part, Err(SearchError::Cancelled)), "{name} at look {end} of {looks}: {part:?}");
            assert_eq!(asked.load(Ordering::Relaxed), end + 1, "{name}");
            let (stop, _) = ends_after(end, Stop::TimeIsUp);
            let part = ask(&engine, &query, &stop);
            assert!(
                part.as_ref().is_ok_and(|part| part.is_partial && part.total <= expected),
                "{name} at look {end} of {looks}: {part:?}"
            );
        }
    }
}

/// A phrase is looked for by tantivy up to some words, and counts the same beyond.
#[test]
fn phrases_of_many_words_count_as_those_of_fewer() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("t", "text")]));
    for words in 60..70 {
        put(&engine, &words.to_string(), &json!({"t": again("a", words)}));
    }
    engine.refresh(NOW).expect("refreshed");
    let scores = |words: usize| -> Vec<f32> {
        let query = json!({"match_phrase": {"t": again("a", words)}});
        let answer = ask(&engine, &query, &never()).expect("searched");
        answer.hits.iter().filter_map(|hit| hit.score).collect()
    };
    // The same frequencies in texts of the same coded length, and so many times the same rarity.
    let (short, long) = (scores(64), scores(65));
    assert_eq!((short.len(), long.len()), (6, 5));
    let (short, long) = (f64::from(short[1]) / 64.0, f64::from(long[0]) / 65.0);
    assert!((short / long - 1.0).abs() < 0.02, "{short} {long}");
}

#[test]
#[ignore = "tells figures, which are looked at by hand"]
fn how_long_long_queries_take() {
    let words = std::env::var("WORDS").ok().and_then(|words| words.parse().ok()).unwrap_or(MANY.0);
    let folder = tempfile::tempdir().expect("a folder");
    let engine = filled(folder.path(), (words, words / 2));
    for (name, query, expected) in long_queries((words, words / 2)) {
        let longest = Arc::new(parking_lot::Mutex::new((Instant::now(), std::time::Duration::ZERO, 0)));
        let looked = Arc::clone(&longest);
        let note = move || {
            let mut looked = looked.lock();
            let after = looked.0.elapsed();
            *looked = (Instant::now(), looked.1.max(after), looked.2 + 1);
        };
        let at_look = note.clone();
        let stop = Ending::when(move || {
            at_look();
            None
        });
        let begun = Instant::now();
        let answer = ask(&engine, &query, &stop);
        note();
        let (_, longest, looks) = *longest.lock();
        let total = answer.map(|answer| answer.total);
        println!(
            "{name:45} {:>10.1?} {looks:>7} looks, {longest:>10.1?} between two; {total:?} of {expected}",
            begun.elapsed()
        );
    }
}
