//! The terms of a field that begin with a text, in their order: what completes what somebody types.

use tantivy::schema::Field;

use super::{AskStop, SearchError};
use crate::engine::View;
use crate::mapping::FieldKind;

/// Which terms.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TermsEnumAsked {
    pub field: String,
    /// What they begin with.
    pub prefix: String,
    pub case_insensitive: bool,
    /// Only those behind this one.
    pub after: Option<String>,
    pub size: usize,
}

/// How many terms are looked at before it is asked again whether it ends early.
const ASKED_EVERY: usize = 1024;

/// The terms, and whether these are all that there are up to `size`. Fields whose values are no words have none.
pub(crate) fn terms_enum(
    view: &View,
    asked: &TermsEnumAsked,
    stop: AskStop<'_>,
) -> Result<(Vec<String>, bool), SearchError> {
    let mapping = &view.layout.mapping;
    let path = mapping.meant(&asked.field);
    let is_keyword = |kind: &FieldKind| matches!(kind, FieldKind::Keyword { .. });
    let is_enumerable = mapping.leaf(path).is_some_and(|leaf| is_keyword(&leaf.kind) && leaf.index);
    let Some(field) = view.layout.field(path).filter(|_| is_enumerable) else {
        return Ok((Vec::new(), true));
    };
    let mut found = Vec::new();
    for reader in view.searcher.segment_readers() {
        if !of_segment(reader, field, asked, stop, &mut found)? {
            return Ok((sorted(found, asked.size), false));
        }
        // Of each segment the first ones suffice.
        found = sorted(found, asked.size);
    }
    Ok((found, true))
}

/// Adds the terms of a segment; whether there was time for all.
fn of_segment(
    reader: &tantivy::SegmentReader,
    field: Field,
    asked: &TermsEnumAsked,
    stop: AskStop<'_>,
    found: &mut Vec<String>,
) -> Result<bool, SearchError> {
    let index = reader.inverted_index(field)?;
    let mut range = index.terms().range();
    if !asked.case_insensitive {
        range = range.ge(asked.prefix.as_bytes());
    }
    let after =
        asked.after.as_deref().filter(|after| asked.case_insensitive || *after >= asked.prefix.as_str());
    if let Some(after) = after {
        range = range.gt(after.as_bytes());
    }
    let mut terms = range.into_stream()?;
    let prefix = asked.prefix.to_lowercase();
    let (mut seen, mut taken) = (0, 0);
    while taken < asked.size && terms.advance() {
        seen += 1;
        if seen % ASKED_EVERY == 0 && stop().is_some() {
            return Ok(false);
        }
        let Ok(term) = std::str::from_utf8(terms.key()) else { continue };
        let begins = match asked.case_insensitive {
            true => term.to_lowercase().starts_with(&prefix),
            false => term.starts_with(&asked.prefix),
        };
        if begins {
            found.push(term.to_owned());
            taken += 1;
        } else if !asked.case_insensitive {
            break;
        }
    }
    Ok(true)
}

fn sorted(mut terms: Vec<String>, size: usize) -> Vec<String> {
    terms.sort_unstable();
    terms.dedup();
    terms.truncate(size);
    terms
}
