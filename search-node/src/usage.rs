//! How often each route of the API was asked for since the node was started.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// Counts by the routes, of which there are as many as the table has.
#[derive(Debug, Default)]
pub(crate) struct Usage(Mutex<BTreeMap<&'static str, u64>>);

impl Usage {
    pub(crate) fn count(&self, route: &'static str) {
        *self.0.lock().entry(route).or_default() += 1;
    }

    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        self.0.lock().iter().map(|(route, count)| ((*route).to_owned(), *count)).collect()
    }
}
