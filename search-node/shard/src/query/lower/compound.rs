//! Queries of queries.

use std::sync::Arc;

use tantivy::query::{BooleanQuery, Occur, Query as TantivyQuery};

use super::{Lowered, Lowering, QueryContext, all, none, unscored};
use crate::engine::View;
use crate::query::ast::Query;
use crate::query::cacheable::{name_of, uses_until_kept};
use crate::query::minimum_should_match::MinimumShouldMatch;
use crate::query::weights::cached::{Cached, Filter};
use crate::query::weights::leading::{AtMost, Leading};

impl Lowering<'_> {
    /// A query of which nothing is wanted but its matches: they are kept if it is asked again and again.
    pub(super) fn filter(&self, query: &Query) -> Lowered {
        let lowered = self.query(query)?;
        let View { searcher, identities, queries, layout, .. } = self.shared.view;
        // What runtime fields have is not of a segment.
        let is_of_index = self.is_of_index && self.layout.mapping.runtime.iter().next().is_none();
        let is_measured = self.shared.profiler.is_some();
        if !is_of_index || is_measured || !self.context.rules.keeps_filters {
            return Ok(lowered);
        }
        let QueryContext { index, doc_type, .. } = self.context;
        let of = format_args!("{index} {doc_type} {:?}", self.nested_in);
        let has_places = |path: &str| {
            let field = self.layout.field(self.layout.mapping.meant(path));
            field.is_some_and(|field| self.layout.has_positions(field))
        };
        let uses = uses_until_kept(query, &has_places);
        let Some((uses, name)) = uses.zip(name_of(query, of)) else { return Ok(lowered) };
        let is_wanted = queries.note(&name) >= uses;
        let filter = Filter {
            name,
            is_wanted,
            queries: Arc::clone(queries),
            identities: Arc::clone(identities),
            layout: Arc::clone(layout),
            searcher: searcher.clone(),
            faults: self.shared.faults.clone(),
        };
        Ok(Box::new(Cached::new(lowered, filter)))
    }

    pub(super) fn bool(
        &self,
        must: &[Query],
        filter: &[Query],
        should: &[Query],
        must_not: &[Query],
        minimum: Option<&MinimumShouldMatch>,
    ) -> Lowered {
        let required = !must.is_empty() || !filter.is_empty();
        let is_scored = !must.is_empty() || !should.is_empty();
        let has_filter = !filter.is_empty();
        let must: Vec<_> = must.iter().map(|query| self.scored_query(query)).collect::<Result<_, _>>()?;
        let filters = |of: &[Query]| of.iter().map(|query| self.filter(query)).collect::<Result<Vec<_>, _>>();
        let (mut filter, mut must_not) = (filters(filter)?, filters(must_not)?);
        leave_to_filters(&must, &mut filter, &mut must_not);
        let mut clauses: Vec<(Occur, Box<dyn TantivyQuery>)> = Vec::new();
        clauses.extend(must.into_iter().map(|query| (Occur::Must, query)));
        clauses.extend(filter.into_iter().map(|query| (Occur::Must, unscored(query))));
        clauses.extend(must_not.into_iter().map(|query| (Occur::MustNot, self.excluded(query))));
        let by_default = usize::from(!required && !should.is_empty());
        let wanted = minimum.map_or(by_default, |minimum| minimum.of(should.len()));
        if wanted > should.len() {
            return Ok(none());
        }
        if !is_scored {
            if clauses.is_empty() {
                return Ok(all());
            }
            if !has_filter {
                clauses.push((Occur::Must, all()));
            }
            return Ok(unscored(Box::new(BooleanQuery::new(clauses))));
        }
        for query in should {
            clauses.push((Occur::Should, self.scored_query(query)?));
        }
        Ok(Box::new(BooleanQuery::with_minimum_required_clauses(clauses, wanted)))
    }
}

/// Tells filters that may be kept how few documents are left to them.
fn leave_to_filters(
    must: &[Box<dyn TantivyQuery>],
    filter: &mut [Box<dyn TantivyQuery>],
    must_not: &mut [Box<dyn TantivyQuery>],
) {
    if !filter.iter().chain(&*must_not).any(|query| query.is::<Cached>()) {
        return;
    }
    let clauses: Arc<[AtMost]> = must.iter().chain(&*filter).map(|query| AtMost::of(&**query)).collect();
    let numbers = (must.len()..).map(Some).zip(filter).chain(std::iter::repeat(None).zip(must_not));
    for (but, query) in numbers {
        if let Some(cached) = query.downcast_mut::<Cached>() {
            cached.set_beside(Leading { clauses: Arc::clone(&clauses), but });
        }
    }
}
