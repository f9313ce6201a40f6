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
const PREFIXES: &str = "\0prefixes";

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

/// The name of an analyzer that makes the beginnings of each word, of so many letters.
pub(crate) fn prefixes_of(base: &str, least: usize, most: usize) -> String {
    format!("{base}{PREFIXES}{least}-{most}")
}

/// What is made of the words of another analyzer.
enum Made {
    Shingles(usize),
    Leading(Leading),
}

/// The analyzer that a name begins with, and what is made of its words.
fn split(name: &str) -> Option<(&str, Made)> {
    let (base, rest) = name.split_once('\0')?;
    let words = |rest: &str| rest.parse::<usize>().ok().filter(|words| (2..=4).contains(words));
    let mark = |mark: &str| rest.strip_prefix(mark.trim_start_matches('\0'));
    if let Some(size) = mark(SHINGLES) {
        return Some((base, Made::Shingles(words(size)?)));
    }
    if let Some(size) = mark(LEADING) {
        return Some((base, Made::Leading(Leading::new(words(size)?, LEADING_MAX))));
    }
    let (least, most) = mark(PREFIXES)?.split_once('-')?;
    Some((base, Made::Leading(Leading::of_words(least.parse::<usize>().ok()?.max(1), most.parse().ok()?))))
}

/// The analyzer of such a name, if it is one.
pub(super) fn build(name: &str, analysis: &Analysis) -> Result<Option<Analyzer>> {
    let Some((base, made)) = split(name) else { return Ok(None) };
    let base = if base == "default" && !analysis.defines(base) { super::STANDARD } else { base };
    let Some(base) = analysis.find_analyzer(base)? else { return Ok(None) };
    let mut chain: Before = base.chain.clone();
    match made {
        Made::Leading(leading) => chain.filters.push(("leading".to_owned(), Arc::new(leading))),
        Made::Shingles(words) => {
            let size =
                json!({"min_shingle_size": words, "max_shingle_size": words, "output_unigrams": false});
            let values = size.as_object().cloned().unwrap_or_else(Map::new);
            let filter = analysis.made_filter("shingle", "shingle", &values, &chain, 0)?;
            chain.filters.extend(filter.map(|filter| ("shingle".to_owned(), filter)));
        }
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
        assert_eq!(terms(&prefixes_of("default", 2, 3), "a Bcde fg"), ["bc", "bcd", "fg"]);
        let long = terms(&leading_of("standard", 3), "internationalization of things");
        assert_eq!(long.iter().map(|term| term.chars().count()).max(), Some(LEADING_MAX));
        assert!(Analysis::plain().find_analyzer(&shingles_of("nothing", 2)).expect("no fault").is_none());
    }
}
