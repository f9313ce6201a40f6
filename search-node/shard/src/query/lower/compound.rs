//! Queries of queries.

use tantivy::query::{BooleanQuery, Occur, Query as TantivyQuery};

use super::{Lowered, Lowering, all, excluded, none, unscored};
use crate::query::ast::Query;
use crate::query::minimum_should_match::MinimumShouldMatch;

impl Lowering<'_> {
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
            clauses.push((Occur::Must, unscored(self.query(query)?)));
        }
        for query in must_not {
            clauses.push((Occur::MustNot, excluded(self.query(query)?)));
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
