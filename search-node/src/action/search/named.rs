//! Which queries with names match a hit, as `matched_queries` shows them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use daemon::CancellationToken;
use serde_json::{Value, json};
use shard::{Hit, NamedSearch, Query};

use super::body::SearchBody;
use super::query::Part;
use super::until::when_cancelled;
use crate::error::ApiError;

/// The searches for names of many hits, each made ready once for a part of the search.
pub(super) struct NamedSearches<'a> {
    /// Ends them. The time of a search is that of looking for hits.
    cancelled: &'a CancellationToken,
    /// By the place of the part, and by the query that has them in it.
    searches: HashMap<(usize, *const Query), NamedSearch<'a>>,
}

impl<'a> NamedSearches<'a> {
    pub(super) fn new(cancelled: &'a CancellationToken) -> Self {
        Self { cancelled, searches: HashMap::new() }
    }

    /// Adds the names to how a document is shown.
    pub(super) fn add(
        &mut self,
        shown: &mut Value,
        part: &'a Part,
        hit: &Hit,
        body: &'a SearchBody,
    ) -> Result<(), ApiError> {
        let request = &body.request;
        let filters = request.post_filter.as_ref().map(Query::names);
        let names = || {
            let mut names = request.query.names();
            names.extend(filters.into_iter().flatten());
            names
        };
        self.add_of(shown, part, hit, (&request.query, None), names)
    }

    /// The same for a hit within another, which a query of its own has found.
    pub(super) fn add_inner(
        &mut self,
        shown: &mut Value,
        part: &'a Part,
        hit: &Hit,
        (query, path): (&'a Query, Option<&'a str>),
    ) -> Result<(), ApiError> {
        self.add_of(shown, part, hit, (query, path), || query.names())
    }

    fn add_of(
        &mut self,
        shown: &mut Value,
        part: &'a Part,
        hit: &Hit,
        (query, path): (&'a Query, Option<&'a str>),
        names: impl FnOnce() -> Vec<(&'a str, &'a Query)>,
    ) -> Result<(), ApiError> {
        let search = match self.searches.entry((part.place, std::ptr::from_ref(query))) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(entry) => entry.insert(part.reader.named_search(path, names(), part.context())),
        };
        let stop = when_cancelled(self.cancelled);
        let matched = search.of_hit(hit, &stop)?;
        if !matched.is_empty() {
            shown["matched_queries"] = json!(matched);
        }
        Ok(())
    }
}
