//! What a shard suggests, and one answer of those of several.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::request::{Asked, Order, SuggestRequest, Suggester};
use crate::query::QueryError;
use crate::search::Hit;

/// What a context takes beside its letters: its place in a set, with its name.
const CONTEXT_BYTES: usize = 64;

/// What is suggested, in the order of the request.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Suggested {
    /// One for each that was asked for; none where nobody has looked yet.
    pub suggestions: Vec<Suggestion>,
}

/// What one of the suggesters says.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Suggestion {
    /// One for each word, or one for the whole text.
    pub entries: Vec<SuggestedEntry>,
}

/// What is suggested for a piece of the text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SuggestedEntry {
    /// The piece, as it was analyzed.
    pub text: String,
    /// Where it begins, as Java counts letters.
    pub offset: usize,
    /// How long it is there.
    pub length: usize,
    /// The score that options of a phrase must be above.
    pub cutoff: f64,
    /// The best first.
    pub options: Vec<SuggestionOption>,
}

/// One suggestion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuggestionOption {
    /// The word, the phrase or the input.
    pub text: String,
    /// How good it is.
    pub score: f32,
    /// In how many documents a word is.
    pub freq: Option<u64>,
    /// A phrase with what was changed marked.
    pub highlighted: Option<String>,
    /// Whether a phrase finds anything, where that is asked.
    pub collate_match: Option<bool>,
    /// The document that an input is of.
    pub completed: Option<Completed>,
}

/// The document of a completion.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Completed {
    /// Where it is, with the score of its input.
    pub hit: Hit,
    /// For which contexts it was found.
    pub contexts: BTreeMap<String, BTreeSet<String>>,
}

impl PartialEq for Completed {
    fn eq(&self, other: &Self) -> bool {
        let place = |of: &Self| (of.hit.shard, of.hit.segment, of.hit.document);
        place(self) == place(other) && self.contexts == other.contexts
    }
}

impl SuggestionOption {
    pub(super) fn new(text: String, score: f32) -> Self {
        Self { text, score, freq: None, highlighted: None, collate_match: None, completed: None }
    }

    /// What it takes of memory.
    pub(super) fn bytes(&self) -> usize {
        let marked = self.highlighted.as_ref().map_or(0, String::len);
        let contexts = self.completed.iter().flat_map(|completed| completed.contexts.values().flatten());
        size_of::<Self>()
            + self.text.len()
            + marked
            + contexts.map(|context| CONTEXT_BYTES + context.len()).sum::<usize>()
    }
}

impl Suggested {
    /// One answer of two.
    pub fn join(self, other: Self, request: &SuggestRequest) -> Result<Self, QueryError> {
        if self.suggestions.is_empty() || other.suggestions.is_empty() {
            return Ok(if self.suggestions.is_empty() { other } else { self });
        }
        let both = self.suggestions.into_iter().zip(other.suggestions).zip(&request.suggestions);
        let joined = both.map(|((one, other), asked)| one.join(other, asked));
        Ok(Self { suggestions: joined.collect::<Result<_, _>>()? })
    }

    /// With no more options than were asked for.
    pub fn trim(&mut self, request: &SuggestRequest) {
        for (suggestion, asked) in self.suggestions.iter_mut().zip(&request.suggestions) {
            suggestion.entries.iter_mut().for_each(|entry| entry.options.truncate(asked.size));
        }
    }

    /// The shard that all documents are in.
    pub fn in_shard(mut self, shard: usize) -> Self {
        self.completed_mut().for_each(|completed| completed.hit.shard = shard);
        self
    }

    /// The documents of completions.
    pub fn hits(&self) -> impl Iterator<Item = &Hit> {
        let entries = self.suggestions.iter().flat_map(|suggestion| &suggestion.entries);
        let options = entries.flat_map(|entry| &entry.options);
        options.filter_map(|option| option.completed.as_ref()).map(|completed| &completed.hit)
    }

    fn completed_mut(&mut self) -> impl Iterator<Item = &mut Completed> {
        let entries = self.suggestions.iter_mut().flat_map(|suggestion| &mut suggestion.entries);
        entries.flat_map(|entry| &mut entry.options).filter_map(|option| option.completed.as_mut())
    }
}

impl Suggestion {
    fn join(self, other: Self, asked: &Asked) -> Result<Self, QueryError> {
        let (own, others) = (self.entries.len(), other.entries.len());
        if own != others {
            return Err(QueryError {
                kind: "illegal_state_exception",
                reason: format!(
                    "Can't merge suggest result, this might be caused by suggest calls across multiple indices with different analysis chains. Suggest entries have different sizes actual [{others}] expected [{own}]"
                ),
            });
        }
        let both = self.entries.into_iter().zip(other.entries);
        let joined = both.map(|(one, other)| one.join(other, asked));
        Ok(Self { entries: joined.collect::<Result<_, _>>()? })
    }
}

impl SuggestedEntry {
    /// What it takes of memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.text.len() + self.options.iter().map(SuggestionOption::bytes).sum::<usize>()
    }

    fn join(mut self, other: Self, asked: &Asked) -> Result<Self, QueryError> {
        if (&self.text, self.offset, self.length) != (&other.text, other.offset, other.length) {
            return Err(QueryError {
                kind: "illegal_state_exception",
                reason: format!(
                    "Can't merge suggest entries [{}] and [{}]: the indices have different analysis chains",
                    self.text, other.text
                ),
            });
        }
        // The first option of each text; a completion is one of its document.
        let of_text = |(at, option): (usize, &SuggestionOption)| (option.text.clone(), at);
        let mut known: HashMap<String, usize> = self.options.iter().enumerate().rev().map(of_text).collect();
        for option in other.options {
            let is_own = option.completed.is_some();
            let place = known.get(&option.text).filter(|_| !is_own);
            match place.and_then(|place| self.options.get_mut(*place)) {
                Some(known) => {
                    known.score = known.score.max(option.score);
                    known.freq = known.freq.zip(option.freq).map(|(one, other)| one + other);
                    known.highlighted = known.highlighted.take().or(option.highlighted);
                    // A phrase that finds something in one shard finds something.
                    known.collate_match = known.collate_match.max(option.collate_match);
                }
                None => {
                    known.entry(option.text.clone()).or_insert(self.options.len());
                    self.options.push(option);
                }
            }
        }
        // What is no better than the text itself in one shard is none of the others' options either.
        self.cutoff = self.cutoff.max(other.cutoff);
        let cutoff = self.cutoff;
        if matches!(asked.suggester, Suggester::Phrase(_)) {
            self.options.retain(|option| f64::from(option.score) > cutoff);
        }
        self.options.sort_by(|one, other| in_order(one, other, &asked.suggester));
        if let Suggester::Completion(settings) = &asked.suggester {
            if settings.skips_duplicates {
                let mut seen = HashSet::new();
                self.options.retain(|option| seen.insert(option.text.clone()));
            }
            self.options.truncate(asked.size);
        }
        Ok(self)
    }
}

/// The better one first, and of two that are as good the one that is first in the dictionary.
fn in_order(one: &SuggestionOption, other: &SuggestionOption, suggester: &Suggester) -> Ordering {
    let by_score = || other.score.total_cmp(&one.score);
    let by_freq = || other.freq.cmp(&one.freq);
    let better = match suggester {
        Suggester::Term(spelling) if spelling.order == Order::Frequency => by_freq().then_with(by_score),
        Suggester::Term(_) => by_score().then_with(by_freq),
        Suggester::Phrase(_) | Suggester::Completion(_) => by_score(),
    };
    let place = |option: &SuggestionOption| {
        option.completed.as_ref().map(|of| (of.hit.shard, of.hit.segment, of.hit.document))
    };
    better.then_with(|| one.text.cmp(&other.text)).then_with(|| place(one).cmp(&place(other)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(suggestion: serde_json::Value) -> SuggestRequest {
        SuggestRequest::parse(&json!({"a": suggestion})).expect("valid")
    }

    fn suggested(text: &str, cutoff: f64, options: &[(&str, f32, Option<u64>)]) -> Suggested {
        let option = |(text, score, freq): &(&str, f32, Option<u64>)| SuggestionOption {
            freq: *freq,
            ..SuggestionOption::new((*text).to_owned(), *score)
        };
        let options = options.iter().map(option).collect();
        let entry = SuggestedEntry { text: text.to_owned(), cutoff, options, ..SuggestedEntry::default() };
        Suggested { suggestions: vec![Suggestion { entries: vec![entry] }] }
    }

    fn texts(suggested: &Suggested) -> Vec<(&str, Option<u64>)> {
        let options = &suggested.suggestions[0].entries[0].options;
        options.iter().map(|option| (option.text.as_str(), option.freq)).collect()
    }

    #[test]
    fn words_of_several_shards_are_one_with_all_their_documents() {
        let request = request(json!({"text": "x", "term": {"field": "t", "size": 2}}));
        let one = suggested("x", 0.0, &[("b", 0.5, Some(1)), ("a", 0.5, Some(1))]);
        let other = suggested("x", 0.0, &[("c", 0.7, Some(1)), ("b", 0.5, Some(2))]);

        let mut joined = one.join(other, &request).expect("alike");
        joined.trim(&request);

        assert_eq!(texts(&joined), [("c", Some(1)), ("b", Some(3))]);
    }

    /// Each option used to be compared with all others.
    #[test]
    fn many_options_of_many_shards_are_joined_in_a_moment() {
        let request = request(json!({"text": "x", "term": {"field": "t", "size": 10}}));
        let words: Vec<String> = (0..60_000).map(|number| format!("a word of a shard {number}")).collect();
        let of_shard = |shard: usize| {
            let words = words.iter().enumerate().skip(shard * 5_000);
            let options = words.map(|(at, word)| (word.as_str(), at as f32, Some(1)));
            suggested("x", 0.0, &options.collect::<Vec<_>>())
        };
        let begun = std::time::Instant::now();
        let joined =
            (1..6).map(of_shard).fold(of_shard(0), |one, other| one.join(other, &request).expect("alike"));
        assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
        assert_eq!(texts(&joined)[0], ("a word of a shard 59999", Some(6)));
        assert_eq!(texts(&joined)[59_999], ("a word of a shard 0", Some(1)));
    }

    #[test]
    fn phrases_must_be_better_than_the_text_in_every_shard() {
        let request = request(json!({"text": "x", "phrase": {"field": "t"}}));
        let one = suggested("x", 0.2, &[("a", 0.5, None), ("b", 0.3, None)]);
        let other = suggested("x", 0.4, &[]);

        let joined = one.join(other, &request).expect("alike");

        assert_eq!(texts(&joined), [("a", None)]);
    }

    #[test]
    fn what_is_analyzed_otherwise_elsewhere_is_not_joined() {
        let request = request(json!({"text": "x", "term": {"field": "t"}}));

        let joined = suggested("x", 0.0, &[]).join(suggested("y", 0.0, &[]), &request);

        assert_eq!(joined.expect_err("refused").kind, "illegal_state_exception");
    }
}
