//! What is in a query: the queries in it, what is to be shown with each hit, and which of them have names.

use serde_json::{Map, Value};

use super::Query;

/// What is to be shown with each hit: nested objects, or the children or the parent that made it one.
#[derive(Debug, Clone, Copy)]
pub struct InnerHitsAsked<'q> {
    /// Where they are: the path of nested objects, or the name that a join field gives documents.
    pub path: &'q str,
    /// Whether it is documents, and then whether they are the hit's children.
    pub of_children: Option<bool>,
    /// Which of them.
    pub query: &'q Query,
    /// How they are to be shown, as it was asked.
    pub body: &'q Map<String, Value>,
}

impl Query {
    /// The queries in this one that are for the same documents; of those that must not match only if `with_forbidden`.
    fn inside(&self, with_forbidden: bool) -> Vec<&Query> {
        match self {
            Query::Bool { must, filter, should, must_not, .. } => {
                let forbidden = must_not.iter().filter(|_| with_forbidden);
                must.iter().chain(filter).chain(should).chain(forbidden).collect()
            }
            Query::Boosting { positive, negative, .. } => {
                let mut both = vec![&**positive];
                both.extend(with_forbidden.then_some(&**negative));
                both
            }
            Query::DisMax { queries, .. } => queries.iter().collect(),
            Query::FunctionScore(scored) => {
                let filters = scored.functions.iter().filter_map(|function| function.filter.as_ref());
                [&scored.query].into_iter().chain(filters).collect()
            }
            Query::Pinned { organic: query, .. }
            | Query::ScriptScore { query, .. }
            | Query::Constant { query }
            | Query::Boost { query, .. }
            | Query::Named { query, .. } => vec![query],
            _ => Vec::new(),
        }
    }

    /// What is to be shown with each hit; what is in that is for its own query to tell.
    pub fn inner_hits(&self) -> Vec<InnerHitsAsked<'_>> {
        match self {
            Query::Nested { path, query, inner_hits: Some(body), .. } => {
                vec![InnerHitsAsked { path, of_children: None, query, body }]
            }
            Query::Joined(joined) => {
                let Some(body) = &joined.inner_hits else { return Vec::new() };
                let (path, query) = (joined.name.as_str(), &joined.query);
                vec![InnerHitsAsked { path, of_children: Some(joined.by_children), query, body }]
            }
            // Of what must not match there is nothing to show.
            other => other.inside(false).into_iter().flat_map(Query::inner_hits).collect(),
        }
    }

    /// The queries with names that are for the same documents as this one.
    pub fn names(&self) -> Vec<(&str, &Query)> {
        let mut names = Vec::new();
        self.gather_names(&mut names);
        names
    }

    fn gather_names<'q>(&'q self, names: &mut Vec<(&'q str, &'q Query)>) {
        if let Query::Named { query, name } = self {
            names.push((name, query));
        }
        match self {
            // What is asked of other documents may match this one as well.
            Query::Nested { query, .. } => query.gather_names(names),
            Query::Joined(joined) => joined.query.gather_names(names),
            other => other.inside(true).into_iter().for_each(|query| query.gather_names(names)),
        }
    }

    /// Whether documents of other segments decide what matches in one.
    pub(crate) fn joins_documents(&self) -> bool {
        match self {
            Query::Joined(_) => true,
            Query::Nested { query, .. } => query.joins_documents(),
            other => other.inside(true).into_iter().any(Query::joins_documents),
        }
    }
}
