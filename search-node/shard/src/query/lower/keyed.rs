//! Queries on a key of a flattened object: its values are terms that begin with the key.

use std::ops::Bound;

use serde_json::Value;
use tantivy::Term;
use tantivy::query::{Query as TantivyQuery, RangeQuery, TermQuery, TermSetQuery};
use tantivy::schema::IndexRecordOption;

use super::{Lowered, Lowering, constant};
use crate::engine::Keyed;
use crate::json_values::plain;
use crate::mapping::keyed_term;
use crate::query::QueryError;
use crate::query::ast::RangeBounds;
use crate::query::regexp::Expression;

impl Lowering<'_> {
    /// The key at a path, if documents can be searched by it.
    pub(in crate::query) fn keyed<'p>(&'p self, path: &'p str) -> Result<Option<Keyed<'p>>, QueryError> {
        match self.layout.keyed(path) {
            Some(keyed) if !keyed.mapping.index => Err(QueryError::shard(format!(
                "failed to create query: Cannot search on field [{}] since it is not indexed.",
                keyed.root
            ))),
            keyed => Ok(keyed),
        }
    }

    /// Documents with a value under a key, if the path is that of one.
    pub(in crate::query) fn keyed_value(
        &self,
        path: &str,
        value: &Value,
    ) -> Result<Option<Box<dyn TantivyQuery>>, QueryError> {
        let term = |keyed: Keyed<'_>| -> Box<dyn TantivyQuery> {
            let term = Term::from_field_text(keyed.field, &keyed_term(keyed.key, &plain(value)));
            Box::new(TermQuery::new(term, IndexRecordOption::Basic))
        };
        Ok(self.keyed(path)?.map(term))
    }
}

/// Documents with one of several values under a key.
pub(in crate::query) fn any_of(keyed: Keyed<'_>, values: &[Value]) -> Box<dyn TantivyQuery> {
    let term = |value: &Value| Term::from_field_text(keyed.field, &keyed_term(keyed.key, &plain(value)));
    constant(Box::new(TermSetQuery::new(values.iter().map(term))))
}

/// Documents with a value under a key in a range, or with any.
pub(in crate::query) fn between(keyed: Keyed<'_>, range: &RangeBounds) -> Lowered {
    let term = |text: &str| Term::from_field_text(keyed.field, text);
    let end = |bound: &Option<(Value, bool)>, otherwise: Bound<Term>| match bound {
        Some((value, is_included)) => {
            let term = term(&keyed_term(keyed.key, &plain(value)));
            if *is_included { Bound::Included(term) } else { Bound::Excluded(term) }
        }
        None => otherwise,
    };
    let first = Bound::Included(term(&keyed_term(keyed.key, "")));
    // The next sign behind the one between key and value.
    let behind = Bound::Excluded(term(&format!("{}\u{1}", keyed.key)));
    let (lower, upper) = (end(&range.lower, first), end(&range.upper, behind));
    Ok(constant(Box::new(RangeQuery::new(lower, upper))))
}

/// The expression of a key's terms whose values are like an expression.
pub(in crate::query) fn expression(keyed: Keyed<'_>, values: Expression) -> Expression {
    values.behind(&keyed_term(keyed.key, ""))
}
