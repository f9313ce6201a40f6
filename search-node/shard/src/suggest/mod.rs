//! Suggestions: words, phrases and completions for what somebody has typed.
//!
//! ```text
//!  request     the JSON of `suggest`, read
//!  vocabulary  the terms of a field over all segments of a point in time
//!  distances   how alike two words are
//!  near        an automaton of the terms within a few edits of a word
//!  spelling    the words that one may have been meant to be
//!  words       the term suggester: such words for each word of a text
//!  phrase/     the phrase suggester: the likeliest texts made of such words
//!  completion/ the completion suggester: inputs of a field that begin like a text, the heaviest first
//!  answer      what a shard suggests, and one answer of those of several
//! ```
//!
//! The same words in the same order with the same scores as Lucene's: `DirectSpellChecker`, Elasticsearch's noisy channel over it,
//! and `SuggestField`.

mod answer;
pub(crate) mod completion;
mod distances;
mod near;
mod phrase;
mod request;
mod spelling;
mod vocabulary;
mod words;

pub use answer::{Completed, Suggested, SuggestedEntry, Suggestion, SuggestionOption};
pub use request::SuggestRequest;
use request::Suggester;

use std::sync::Arc;

use crate::analysis::{Analyzer, Token};
use crate::engine::View;
use crate::query::{QueryContext, QueryError};
use crate::search::{AskStop, SearchError, goes_on};
use request::Asked;

/// What one point in time of a shard suggests.
pub(crate) fn suggest(
    view: &View,
    request: &SuggestRequest,
    context: &QueryContext<'_>,
    stop: AskStop<'_>,
) -> Result<Suggested, SearchError> {
    let mut suggested = Suggested::default();
    for asked in &request.suggestions {
        goes_on(stop)?;
        if asked.shard_size.is_some_and(|size| size < 0) {
            return Err(QueryError::argument(format!(
                "ShardSize must be positive but was: {}",
                asked.shard_size.unwrap_or_default()
            ))
            .into());
        }
        check_field(view, asked)?;
        let entries = match &asked.suggester {
            Suggester::Term(settings) => words::suggest(view, asked, settings, stop)?,
            Suggester::Phrase(settings) => vec![phrase::suggest(view, asked, settings, context, stop)?],
            Suggester::Completion(settings) => {
                vec![completion::suggest(view, asked, settings, context, stop)?]
            }
        };
        suggested.suggestions.push(Suggestion { entries });
    }
    Ok(suggested)
}

fn check_field(view: &View, asked: &Asked) -> Result<(), QueryError> {
    match view.layout.mapping.leaf(&asked.field) {
        Some(_) => Ok(()),
        None => Err(QueryError::argument(format!("no mapping found for field [{}]", asked.field))),
    }
}

/// The analyzer of a text that is to be corrected: the one that the request names, or that of searches on the field.
fn analyzer_of(view: &View, asked: &Asked) -> Result<Arc<Analyzer>, QueryError> {
    let analysis = &view.layout.analysis;
    if let Some(name) = &asked.analyzer {
        return named_analyzer(view, name);
    }
    let field = view.layout.mapping.leaf(&asked.field);
    let name = match field {
        Some(field) if field.kind.is_text() => field.analysis.searching(analysis),
        _ => "keyword",
    };
    analysis.analyzer(name).map_err(|error| QueryError::argument(error.to_string()))
}

fn named_analyzer(view: &View, name: &str) -> Result<Arc<Analyzer>, QueryError> {
    let found = view.layout.analysis.find_analyzer(name);
    let found = found.map_err(|error| QueryError::argument(error.to_string()))?;
    found.ok_or_else(|| QueryError::argument(format!("analyzer [{name}] doesn't exists")))
}

/// The tokens of a text.
fn tokens_of(analyzer: &Analyzer, text: &str) -> Vec<Token> {
    let filtered = analyzer.chain.filtered(text);
    analyzer.chain.tokens(&filtered).collect()
}
