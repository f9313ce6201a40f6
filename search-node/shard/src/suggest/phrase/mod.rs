//! The phrase suggester: the likeliest texts that somebody may have meant, by a noisy channel.
//!
//! `candidates` are the words that each word may have been meant to be, `likelihood` tells how likely words follow each other, and
//! `corrections` are the best ways through the candidates.

mod candidates;
mod corrections;
mod likelihood;

use serde_json::Value;

use self::candidates::{Candidates, Sets};
use self::corrections::{Correction, Search};
use self::likelihood::Likelihood;
use super::answer::{SuggestedEntry, SuggestionOption};
use super::request::{Asked, Collate, Generator, PhraseAsked};
use super::vocabulary::Vocabulary;
use super::{analyzer_of, tokens_of};
use crate::analysis::{Analyzer, units};
use crate::engine::View;
use crate::query::{QueryContext, QueryError, parse_query};
use crate::search::{AskStop, SearchError, SearchRequest, search};

/// So many options of each shard, at least.
const SHARD_SIZE_LEAST: usize = 5;
/// What stands between the words of a phrase that is shown.
const BETWEEN: &str = " ";
/// The name under which a query of `collate` has the phrase.
const SUGGESTION: &str = "suggestion";

pub(super) fn suggest(
    view: &View,
    asked: &Asked,
    settings: &PhraseAsked,
    context: &QueryContext<'_>,
    stop: AskStop<'_>,
) -> Result<SuggestedEntry, SearchError> {
    let analyzer = analyzer_of(view, asked)?;
    let (gram_size, generators) = with_defaults(asked, settings, &analyzer)?;
    let mut entry = SuggestedEntry {
        text: asked.text.clone(),
        offset: 0,
        length: units(&asked.text),
        ..SuggestedEntry::default()
    };
    let count = asked.shard_size_or(asked.size.max(SHARD_SIZE_LEAST));
    let Some(words) = Vocabulary::open(view, &asked.field, stop)? else { return Ok(entry) };
    let candidates = Candidates::open(view, &generators, settings, stop)?;
    if candidates.is_empty() {
        return Ok(entry);
    }
    let tokens = tokens_of(&analyzer, &asked.text);
    let Some(sets) = candidates.of(&tokens, settings, count)? else { return Ok(entry) };
    let likelihood = Likelihood::new(&words, settings, gram_size);
    let (corrections, cutoff) =
        Search { sets: &sets, likelihood: &likelihood, count, stop }.best(settings)?;
    entry.cutoff = cutoff;
    for correction in corrections {
        let score = correction.score as f32;
        if f64::from(score) <= cutoff {
            continue;
        }
        let text = joined(&correction, &sets, None);
        let is_match = match &settings.collate {
            Some(collate) => finds_any(&text, collate, view, context, stop)?,
            None => true,
        };
        let prunes = settings.collate.as_ref().is_some_and(|collate| collate.prune);
        if !is_match && !prunes {
            continue;
        }
        entry.options.push(SuggestionOption {
            highlighted: settings.highlight.as_ref().map(|tags| joined(&correction, &sets, Some(tags))),
            collate_match: prunes.then_some(is_match),
            ..SuggestionOption::new(text, score)
        });
    }
    Ok(entry)
}

/// How many words are looked up together, and where words are looked for, as the shingles of the analyzer have it.
fn with_defaults(
    asked: &Asked,
    settings: &PhraseAsked,
    analyzer: &Analyzer,
) -> Result<(usize, Vec<Generator>), QueryError> {
    let shingles = analyzer.chain.filters.iter().find_map(|(_, filter)| filter.shingles());
    let field = &asked.field;
    if settings.generators.is_empty()
        && settings.force_unigrams
        && shingles.is_some_and(|shingles| shingles.least > 1 && !shingles.with_words)
    {
        return Err(QueryError::argument(format!(
            "The default candidate generator for phrase suggest can't operate on field: [{field}] since it doesn't emit unigrams. If this is intentional try to set the candidate generator field explicitly"
        )));
    }
    let generators = match settings.generators.is_empty() {
        true => vec![Generator::of(field)],
        false => settings.generators.clone(),
    };
    let gram_size = settings.gram_size.or(shingles.map(|shingles| shingles.most)).unwrap_or(1);
    Ok((gram_size, generators))
}

/// A correction as a text; with tags around each run of words that are others.
fn joined(correction: &Correction, sets: &Sets, tags: Option<&(String, String)>) -> String {
    let words: Vec<_> = correction.words(sets).collect();
    let mut text = String::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            text.push_str(BETWEEN);
        }
        let is_typed = |at: Option<usize>| at.and_then(|at| words.get(at)).is_none_or(|word| word.is_typed);
        match tags.filter(|_| !word.is_typed) {
            None => text.push_str(&word.text),
            Some((before, behind)) => {
                if is_typed(at.checked_sub(1)) {
                    text.push_str(before);
                }
                text.push_str(&word.text);
                if is_typed(Some(at + 1)) {
                    text.push_str(behind);
                }
            }
        }
    }
    text
}

/// Whether the query of a phrase finds a document.
fn finds_any(
    phrase: &str,
    collate: &Collate,
    view: &View,
    context: &QueryContext<'_>,
    stop: AskStop<'_>,
) -> Result<bool, SearchError> {
    let text = filled(phrase, collate);
    let json: Value = serde_json::from_str(&text).map_err(|error| {
        QueryError::parsing(format!(
            "[collate] of suggester[phrase] is no JSON once it is filled in: {error}"
        ))
    })?;
    let request = SearchRequest {
        terminate_after: Some(1),
        counted_to: 1,
        ..SearchRequest::of(parse_query(&json)?, 0)
    };
    Ok(search(view, &request, context, stop)?.total > 0)
}

/// The template with its `{{names}}` filled in, as parts of JSON texts.
fn filled(phrase: &str, collate: &Collate) -> String {
    let mut text = String::new();
    let mut rest = collate.template.as_str();
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((name, behind)) = behind.split_once("}}") else { break };
        text.push_str(before);
        let name = name.trim_matches(['{', '}', '&', ' ']);
        let value = match name {
            SUGGESTION => Value::from(phrase),
            name => collate.params.get(name).cloned().unwrap_or_else(|| Value::from("")),
        };
        match value {
            Value::String(plain) => {
                let quoted = Value::String(plain).to_string();
                text.push_str(&quoted[1..quoted.len() - 1]);
            }
            other => text.push_str(&other.to_string()),
        }
        rest = behind.strip_prefix('}').filter(|_| name.starts_with('{')).unwrap_or(behind);
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_is_filled_with_parts_of_texts() {
        let params = json!({"field": "title", "boost": 2});
        let collate = Collate {
            template: r#"{"match": {"{{field}}": {"query": "{{ suggestion }}", "boost": {{boost}}}}}"#
                .to_owned(),
            params: params.as_object().expect("an object").clone(),
            prune: false,
        };

        let text = filled("a \"b\"", &collate);

        let json: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(json, json!({"match": {"title": {"query": "a \"b\"", "boost": 2}}}));
    }
}
