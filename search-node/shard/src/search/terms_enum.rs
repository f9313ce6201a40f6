//! The terms of a field that begin with a text, in their order: what completes what somebody types.

use tantivy::schema::Field;

use super::{AskStop, SearchError};
use crate::engine::View;
use crate::mapping::{FieldKind, keyed_term};

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

/// The terms, and whether these are all that there are up to `size`. Fields whose values are no words as a whole have none.
pub(crate) fn terms_enum(
    view: &View,
    asked: &TermsEnumAsked,
    stop: AskStop<'_>,
) -> Result<(Vec<String>, bool), SearchError> {
    let mut found = Vec::new();
    let Some((field, base)) = place_of(view, asked, &mut found) else {
        return Ok((found, true));
    };
    for reader in view.searcher.segment_readers() {
        if !of_segment(reader, (field, &base), asked, stop, &mut found)? {
            return Ok((sorted(found, asked.size), false));
        }
        // Of each segment the first ones suffice.
        found = sorted(found, asked.size);
    }
    Ok((found, true))
}

/// Where the terms of a field are, and what stands before each of them there. None where there are none, or where the one that there
/// is was found.
fn place_of(view: &View, asked: &TermsEnumAsked, found: &mut Vec<String>) -> Option<(Field, String)> {
    let layout = &view.layout;
    let path = layout.mapping.meant(&asked.field);
    let Some(leaf) = layout.mapping.leaf(path) else {
        let keyed = layout.keyed(path).filter(|keyed| keyed.mapping.index)?;
        return Some((keyed.field, keyed_term(keyed.key, "")));
    };
    match &leaf.kind {
        FieldKind::Keyword { .. } | FieldKind::Flattened { .. } if leaf.index => {
            Some((layout.field(path)?, String::new()))
        }
        FieldKind::ConstantKeyword { value: Some(value) } => {
            let is_behind = asked.after.as_deref().is_none_or(|after| value.as_str() > after);
            found.extend(Some(value.clone()).filter(|value| asked.begins(value) && is_behind));
            None
        }
        _ => None,
    }
}

impl TermsEnumAsked {
    fn begins(&self, term: &str) -> bool {
        match self.case_insensitive {
            true => term.to_lowercase().starts_with(&self.prefix.to_lowercase()),
            false => term.starts_with(&self.prefix),
        }
    }
}

/// Adds the terms of a segment; whether there was time for all.
fn of_segment(
    reader: &tantivy::SegmentReader,
    (field, base): (Field, &str),
    asked: &TermsEnumAsked,
    stop: AskStop<'_>,
    found: &mut Vec<String>,
) -> Result<bool, SearchError> {
    let index = reader.inverted_index(field)?;
    let mut begin = base.to_owned();
    if !asked.case_insensitive {
        begin.push_str(&asked.prefix);
    }
    let after = asked.after.as_deref().map(|after| format!("{base}{after}"));
    let range = index.terms().range();
    let range = match after.filter(|after| *after >= begin) {
        Some(after) => range.gt(after.as_bytes()),
        None => range.ge(begin.as_bytes()),
    };
    let mut terms = range.into_stream()?;
    let (mut seen, mut taken) = (0, 0);
    while taken < asked.size && terms.advance() {
        seen += 1;
        if seen % ASKED_EVERY == 0 && stop.look().is_some() {
            return Ok(false);
        }
        let Ok(term) = std::str::from_utf8(terms.key()) else { continue };
        if !term.starts_with(&begin) {
            break;
        }
        let term = &term[base.len()..];
        if asked.begins(term) {
            found.push(term.to_owned());
            taken += 1;
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
