//! Terms within a few edits of a word. The automaton that finds them takes tens of kilobytes for each letter, so it is built
//! once for all fields, and the words of a query are bounded together.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use tantivy::Term;
use tantivy::query::{DfaWrapper, FuzzyTermQuery};
use tantivy::schema::Field;

use crate::query::QueryError;
use crate::query::ast::Fuzziness;
use crate::query::edits::edits_between;

/// Letters of all different words of a query together: some forty megabytes of automata at most.
const LETTERS_MAX: usize = 1000;

/// A word, how many edits it may have, and whether letters that change places are one.
type Key = (String, u8, bool);

/// The words of one query that are looked for with edits.
#[derive(Default)]
pub(in crate::query) struct FuzzyWords {
    words: RefCell<HashMap<Key, Arc<DfaWrapper>>>,
}

impl FuzzyWords {
    /// A word that may have edits.
    pub(in crate::query) fn near(&self, word: &str, fuzziness: Fuzziness) -> Result<Near, QueryError> {
        let edits = fuzziness.edits.of(word);
        let automaton = self.automaton(word, edits, fuzziness.transpositions)?;
        Ok(Near { word: word.to_owned(), edits, fuzziness, automaton })
    }

    /// What takes the terms that are at most so many edits away from `word`.
    fn automaton(&self, word: &str, edits: u8, transpositions: bool) -> Result<Arc<DfaWrapper>, QueryError> {
        let mut words = self.words.borrow_mut();
        let key = (word.to_owned(), edits, transpositions);
        if let Some(automaton) = words.get(&key) {
            return Ok(Arc::clone(automaton));
        }
        let known: usize = words.keys().map(|(word, ..)| word.chars().count()).sum();
        let letters = known + word.chars().count();
        if letters > LETTERS_MAX {
            return Err(QueryError::argument(format!(
                "the words of the [fuzzy] queries have [{letters}] characters together, more than the [{LETTERS_MAX}] that a search may have; search for fewer or shorter words, or without edits"
            )));
        }
        // The automaton is that of the word alone.
        let word = Term::from_field_text(Field::from_field_id(0), word);
        let query = FuzzyTermQuery::new(word, edits, transpositions);
        let automaton = query.automaton().map_err(|error| QueryError::argument(error.to_string()))?;
        let automaton = Arc::new(automaton);
        words.insert(key, Arc::clone(&automaton));
        Ok(automaton)
    }
}

/// A word that may have edits.
#[derive(Clone)]
pub(in crate::query) struct Near {
    word: String,
    edits: u8,
    fuzziness: Fuzziness,
    automaton: Arc<DfaWrapper>,
}

impl fmt::Debug for Near {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}~{}", self.word, self.edits)
    }
}

impl Near {
    pub(super) fn fuzziness(&self) -> Fuzziness {
        self.fuzziness
    }

    /// What takes the terms that are near enough, but for what must be the same at their beginning.
    pub(in crate::query) fn automaton(&self) -> Arc<DfaWrapper> {
        Arc::clone(&self.automaton)
    }

    /// What a term counts that the automaton has taken; none if its beginning is another.
    pub(super) fn share(&self, term: &str) -> Option<f32> {
        let (word, term): (Vec<char>, Vec<char>) = (self.word.chars().collect(), term.chars().collect());
        let same = self.fuzziness.prefix_length.min(word.len());
        if term.len() < same || term[..same] != word[..same] {
            return None;
        }
        let edits = edits_between(&word[same..], &term[same..], self.fuzziness.transpositions);
        if edits == 0 {
            return Some(1.0);
        }
        let shorter = word.len().min(term.len());
        // Of a word that is no longer than its edits nothing is left: it matches and counts nothing.
        (edits <= usize::from(self.edits)).then(|| (1.0 - edits as f32 / shorter as f32).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::ast::Edits;

    fn two() -> Fuzziness {
        Fuzziness { edits: Edits::Count(2), ..Fuzziness::default() }
    }

    /// Any number of fields costs one automaton; words without end are refused before they cost any.
    #[test]
    fn a_word_is_built_once_and_words_are_bounded() {
        let words = FuzzyWords::default();

        let first = words.near(&"w".repeat(900), two()).expect("allowed");
        for _ in 1..2000 {
            let again = words.near(&"w".repeat(900), two()).expect("known");
            assert!(Arc::ptr_eq(&first.automaton, &again.automaton));
        }
        assert!(words.near("short", two()).is_ok());
        let error = words.near(&"x".repeat(100), two()).expect_err("refused");
        assert!(error.reason.contains("[1005] characters together, more than the [1000]"), "{error}");
    }

    #[test]
    fn a_term_counts_by_how_near_it_is() {
        let words = FuzzyWords::default();
        let near = |word, fuzziness| words.near(word, fuzziness).expect("a word");
        let plain = near("quick", two());
        assert_eq!(plain.share("quick"), Some(1.0));
        assert_eq!(plain.share("quikc"), Some(1.0 - 1.0 / 5.0));
        assert_eq!(plain.share("quck"), Some(1.0 - 1.0 / 4.0));
        assert_eq!(plain.share("kciuq"), None);
        let stiff = near("quick", Fuzziness { transpositions: false, prefix_length: 2, ..two() });
        assert_eq!(stiff.share("quikc"), Some(1.0 - 2.0 / 5.0));
        assert_eq!(stiff.share("wuick"), None);
    }
}
