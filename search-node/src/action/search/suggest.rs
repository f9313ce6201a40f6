//! What all nodes suggest, in one, and as the API shows it.

use serde_json::{Map, Value, json};
use shard::{SearchError, SuggestRequest, Suggested, SuggestedEntry, SuggestionOption};

use super::answer::show_score;
use crate::error::ApiError;

/// One answer of those of all nodes.
pub(super) fn joined<'a>(
    all: impl Iterator<Item = &'a Suggested>,
    request: &SuggestRequest,
) -> Result<Suggested, ApiError> {
    let mut joined = all.cloned().try_fold(Suggested::default(), |one, other| {
        one.join(other, request).map_err(|error| ApiError::from(SearchError::from(error)))
    })?;
    joined.trim(request);
    Ok(joined)
}

/// The suggestions by their names. `completed` are the documents of completions, in their order; one that could not be read is left out.
pub(super) fn show(
    suggested: Suggested,
    completed: Vec<Option<Value>>,
    request: &SuggestRequest,
    typed_keys: bool,
) -> Value {
    let mut completed = completed.into_iter();
    let mut shown = Map::new();
    for ((name, kind), suggestion) in request.names().zip(suggested.suggestions) {
        let entries = suggestion.entries.into_iter().map(|entry| show_entry(entry, &mut completed));
        let name = if typed_keys { format!("{kind}#{name}") } else { name.to_owned() };
        shown.insert(name, entries.collect());
    }
    Value::Object(shown)
}

fn show_entry(entry: SuggestedEntry, completed: &mut impl Iterator<Item = Option<Value>>) -> Value {
    let SuggestedEntry { text, offset, length, options, cutoff: _ } = entry;
    let options: Vec<Value> = options
        .into_iter()
        .filter_map(|option| match option.completed.is_some() {
            true => completed.next().flatten().map(|document| show_completion(option, document)),
            false => Some(show_option(option)),
        })
        .collect();
    json!({"text": text, "offset": offset, "length": length, "options": options})
}

fn show_option(option: SuggestionOption) -> Value {
    let SuggestionOption { text, score, freq, highlighted, collate_match, completed: _ } = option;
    let mut shown = json!({"text": text});
    if let Some(highlighted) = highlighted {
        shown["highlighted"] = json!(highlighted);
    }
    shown["score"] = show_score(score);
    if let Some(freq) = freq {
        shown["freq"] = json!(freq);
    }
    if let Some(is_match) = collate_match {
        shown["collate_match"] = json!(is_match);
    }
    shown
}

fn show_completion(option: SuggestionOption, document: Value) -> Value {
    let mut shown = Map::from_iter([("text".to_owned(), json!(option.text))]);
    if let Value::Object(members) = document {
        shown.extend(members);
    }
    if let Some(completed) = option.completed.filter(|completed| !completed.contexts.is_empty()) {
        shown.insert("contexts".to_owned(), json!(completed.contexts));
    }
    Value::Object(shown)
}
