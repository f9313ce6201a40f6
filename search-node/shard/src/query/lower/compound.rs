//! Queries of queries.

use std::sync::Arc;

use tantivy::query::{BooleanQuery, Occur, Query as TantivyQuery};

use super::{Lowered, Lowering, QueryContext, all, none, unscored};
use crate::engine::View;
use crate::query::ast::Query;
use crate::query::cacheable::{name_of, uses_until_kept};
use crate::query::minimum_should_match::MinimumShouldMatch;
use crate::query::weights::cached::{Cached, Filter};

impl Lowering<'_> {
    /// A query of which nothing is wanted but its matches: they are kept if it is asked again and again.
    pub(super) fn filter(&self, query: &Query) -> Lowered {
        let lowered = self.query(query)?;
        let View { searcher, identities, queries, layout } = self.shared.view;
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
        let mut clauses: Vec<(Occur, Box<dyn TantivyQuery>)> = Vec::new();
        for query in must {
            clauses.push((Occur::Must, self.scored_query(query)?));
        }
        for query in filter {
            clauses.push((Occur::Must, unscored(self.filter(query)?)));
        }
        for query in must_not {
            clauses.push((Occur::MustNot, self.excluded(self.filter(query)?)));
        }
        let required = !must.is_empty() || !filter.is_empty();
        let by_default = usize::from(!required && !should.is_empty());
        let wanted = minimum.map_or(by_default, |minimum| minimum.of(should.len()));
        if wanted > should.len() {
            return Ok(none());
        }
        if must.is_empty() && should.is_empty() {
            if clauses.is_empty() {
                return Ok(all());
            }
            if filter.is_empty() {
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
