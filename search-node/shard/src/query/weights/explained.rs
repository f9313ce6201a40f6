//! Scores in Lucene's words: what they are made of, as trees.
//!
//! tantivy's explanations hold small floats; a whole number that may be larger stands beside them as their context.

use tantivy::index::SegmentReader;
use tantivy::query::{Explanation, Weight};
use tantivy::schema::Schema;
use tantivy::{DocId, Score, TantivyError, Term};

use super::passes::score_at;

/// A part of a score, with what that is made of.
pub(in crate::query) fn made_of(
    description: impl Into<String>,
    value: Score,
    details: impl IntoIterator<Item = Explanation>,
) -> Explanation {
    let mut made = Explanation::new_with_string(description.into(), value);
    details.into_iter().for_each(|detail| made.add_detail(detail));
    made
}

/// A whole number.
pub(in crate::query) fn number(description: &str, value: u64) -> Explanation {
    let mut made = Explanation::new_with_string(description.to_owned(), value as Score);
    made.add_context(value.to_string());
    made
}

/// What is told of a document that does not match, which is nothing.
pub(in crate::query) fn no_match(document: DocId) -> TantivyError {
    TantivyError::InvalidArgument(format!("document {document} does not match"))
}

/// The score of a document, if it matches, of which no more is told.
pub(in crate::query) fn matched(
    weight: &dyn Weight,
    reader: &SegmentReader,
    document: DocId,
    description: &'static str,
) -> tantivy::Result<Explanation> {
    let score = score_at(&mut *weight.scorer(reader, 1.0)?, document);
    score.map(|score| Explanation::new(description, score)).ok_or_else(|| no_match(document))
}

/// What something that is looked for scores in a document.
pub(in crate::query) fn weight_of(what: &str, document: DocId, score: Explanation) -> Explanation {
    let value = score.value();
    made_of(format!("weight({what} in {document}) [PerFieldSimilarity], result of:"), value, [score])
}

/// A term with its field, as Lucene writes it.
pub(in crate::query) fn shown_term(schema: &Schema, term: &Term) -> String {
    format!("{}:{}", schema.get_field_name(term.field()), shown_value(term))
}

/// A term without its field.
pub(in crate::query) fn shown_value(term: &Term) -> String {
    let value = term.value();
    match (value.as_str(), value.as_bool(), value.as_u64()) {
        (Some(text), ..) => text.to_owned(),
        // As Lucene keeps a flag.
        (_, Some(flag), _) => if flag { "T" } else { "F" }.to_owned(),
        (.., number) => number.map(|number| number.to_string()).unwrap_or_default(),
    }
}

/// How often something is there, with the digits that Lucene shows.
pub(in crate::query) fn often(freq: Score) -> String {
    format!("{freq:?}")
}
