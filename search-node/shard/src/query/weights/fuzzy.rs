//! Terms within a few edits of a word. The automaton that finds them takes tens of kilobytes for each letter, so it is built
//! once for all fields, and the words of a query are bounded together.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use tantivy::Term;
use tantivy::query::{AutomatonWeight, DfaWrapper, EnableScoring, FuzzyTermQuery, Query, Weight};
use tantivy::schema::Field;

use crate::query::QueryError;

/// Letters of all different words of a query together: some forty megabytes of automata at most.
const LETTERS_MAX: usize = 1000;

/// The words of one query that are looked for with edits.
#[derive(Default)]
pub(in crate::query) struct FuzzyWords {
    words: RefCell<HashMap<(String, u8), Arc<DfaWrapper>>>,
}

impl FuzzyWords {
    /// Documents with a term in `field` that is at most so many edits away from `word`.
    pub(in crate::query) fn in_field(
        &self,
        field: Field,
        word: &str,
        edits: u8,
    ) -> Result<Fuzzy, QueryError> {
        Ok(Fuzzy { field, automaton: self.automaton(word, edits)? })
    }

    /// What takes the terms that are at most so many edits away from `word`.
    pub(in crate::query) fn automaton(&self, word: &str, edits: u8) -> Result<Arc<DfaWrapper>, QueryError> {
        let mut words = self.words.borrow_mut();
        let key = (word.to_owned(), edits);
        if let Some(automaton) = words.get(&key) {
            return Ok(Arc::clone(automaton));
        }
        let known: usize = words.keys().map(|(word, _)| word.chars().count()).sum();
        let letters = known + word.chars().count();
        if letters > LETTERS_MAX {
            return Err(QueryError::argument(format!(
                "the words of the [fuzzy] queries have [{letters}] characters together, more than the [{LETTERS_MAX}] that a search may have; search for fewer or shorter words, or without edits"
            )));
        }
        // The automaton is that of the word alone.
        let query = FuzzyTermQuery::new(Term::from_field_text(Field::from_field_id(0), word), edits, true);
        let automaton = query.automaton().map_err(|error| QueryError::argument(error.to_string()))?;
        let automaton = Arc::new(automaton);
        words.insert(key, Arc::clone(&automaton));
        Ok(automaton)
    }
}

/// A word in one field.
#[derive(Clone)]
pub(in crate::query) struct Fuzzy {
    field: Field,
    automaton: Arc<DfaWrapper>,
}

impl fmt::Debug for Fuzzy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Fuzzy({:?})", self.field)
    }
}

impl Query for Fuzzy {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(AutomatonWeight::<DfaWrapper>::new(self.field, Arc::clone(&self.automaton))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any number of fields costs one automaton; words without end are refused before they cost any.
    #[test]
    fn a_word_is_built_once_and_words_are_bounded() {
        let words = FuzzyWords::default();
        let in_field = |number, word: &str| words.in_field(Field::from_field_id(number), word, 2);

        let first = in_field(0, &"w".repeat(900)).expect("allowed");
        for number in 1..2000 {
            let again = in_field(number, &"w".repeat(900)).expect("known");
            assert!(Arc::ptr_eq(&first.automaton, &again.automaton));
        }
        assert!(in_field(0, "short").is_ok());
        let error = in_field(0, &"x".repeat(100)).expect_err("refused");
        assert!(error.reason.contains("[1005] characters together, more than the [1000]"), "{error}");
    }
}
