//! The term suggester: for each word of a text the words that it may have been meant to be.

use super::answer::{SuggestedEntry, SuggestionOption};
use super::request::{Asked, Spelling};
use super::vocabulary::Vocabulary;
use super::{analyzer_of, tokens_of};
use crate::analysis::units;
use crate::engine::View;
use crate::search::{AskStop, SearchError, goes_on};

/// So many options of each shard, at least, so that those of all are told right.
const SHARD_SIZE_LEAST: usize = 5;

pub(super) fn suggest(
    view: &View,
    asked: &Asked,
    spelling: &Spelling,
    stop: AskStop<'_>,
) -> Result<Vec<SuggestedEntry>, SearchError> {
    let analyzer = analyzer_of(view, asked)?;
    let vocabulary = Vocabulary::open(view, &asked.field, stop)?;
    let count = asked.shard_size_or(asked.size.max(SHARD_SIZE_LEAST));
    let mut entries = Vec::new();
    // Of the text before a word only what stands behind the word before is counted.
    let (mut counted, mut offset) = (0, 0);
    for token in tokens_of(&analyzer, &asked.text) {
        let meant = match &vocabulary {
            Some(vocabulary) => spelling.meant_by(&token.text, count, spelling.min_doc_freq, vocabulary)?,
            None => Vec::new(),
        };
        let option = |meant: super::spelling::Meant| SuggestionOption {
            freq: Some(meant.documents),
            ..SuggestionOption::new(meant.word, meant.score)
        };
        goes_on(stop)?;
        match asked.text.get(counted..token.start) {
            Some(between) => offset += units(between),
            None => offset = units(&asked.text[..token.start]),
        }
        counted = token.start;
        let own = &asked.text[token.start..token.end];
        let entry = SuggestedEntry {
            text: token.text,
            offset,
            length: units(own),
            options: meant.into_iter().map(option).collect(),
            ..SuggestedEntry::default()
        };
        stop.take(entry.bytes())?;
        entries.push(entry);
    }
    Ok(entries)
}
