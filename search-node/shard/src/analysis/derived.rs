//! Analyzers that are made of others by name: their words as neighbours in one, or the beginnings of these. No analyzer that has a
//! name of its own has a zero byte in it.

use serde_json::{Map, json};

use super::chain::{Analyzer, Before};
use super::error::Result;
use super::registry::Analysis;
use super::token_filters::Leading;
use std::sync::Arc;

const SHINGLES: &str = "\0shingles";
const LEADING: &str = "\0leading";

/// The longest beginning that is a term.
pub(crate) const LEADING_MAX: usize = 20;

/// The name of an analyzer that makes terms of so many words.
pub(crate) fn shingles_of(base: &str, words: usize) -> String {
    format!("{base}{SHINGLES}{words}")
}

/// The name of an analyzer that makes the beginnings of so many words.
pub(crate) fn leading_of(base: &str, words: usize) -> String {
    format!("{base}{LEADING}{words}")
}

/// The analyzer of such a name, if it is one.
pub(super) fn build(name: &str, analysis: &Analysis) -> Result<Option<Analyzer>> {
    let split = |mark| {
        let (base, words) = name.split_once(mark)?;
        Some((base, words.parse::<usize>().ok().filter(|words| (2..=4).contains(words))?))
    };
    let (is_leading, Some((base, words))) =
        (name.contains(LEADING), split(SHINGLES).or_else(|| split(LEADING)))
    else {
        return Ok(None);
    };
    let base = if base == "default" && !analysis.defines(base) { super::STANDARD } else { base };
    let Some(base) = analysis.find_analyzer(base)? else { return Ok(None) };
    let mut chain: Before = base.chain.clone();
    if is_leading {
        chain.filters.push(("leading".to_owned(), Arc::new(Leading::new(words, LEADING_MAX))));
    } else {
        let size = json!({"min_shingle_size": words, "max_shingle_size": words, "output_unigrams": false});
        let values = size.as_object().cloned().unwrap_or_else(Map::new);
        let filter = analysis.made_filter("shingle", "shingle", &values, &chain, 0)?;
        chain.filters.extend(filter.map(|filter| ("shingle".to_owned(), filter)));
    }
    Ok(Some(Analyzer { position_increment_gap: base.position_increment_gap, ..Analyzer::new(name, chain) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(name: &str, text: &str) -> Vec<String> {
        let analyzer = Analysis::plain().analyzer(name).expect(name);
        analyzer.terms(text).into_iter().map(|term| term.text).collect()
    }

    #[test]
    fn words_become_neighbours_and_beginnings() {
        assert_eq!(terms(&shingles_of("default", 2), "The quick Fox"), ["the quick", "quick fox"]);
        assert_eq!(terms(&shingles_of("whitespace", 3), "The quick Fox"), ["The quick Fox"]);
        assert_eq!(terms(&shingles_of("standard", 3), "two words"), Vec::<String>::new());
        assert_eq!(
            terms(&leading_of("standard", 2), "Ab cd e"),
            ["a", "ab", "ab ", "ab c", "ab cd", "c", "cd", "cd ", "cd e", "e"]
        );
        let long = terms(&leading_of("standard", 3), "internationalization of things");
        assert_eq!(long.iter().map(|term| term.chars().count()).max(), Some(LEADING_MAX));
        assert!(Analysis::plain().find_analyzer(&shingles_of("nothing", 2)).expect("no fault").is_none());
    }
}
