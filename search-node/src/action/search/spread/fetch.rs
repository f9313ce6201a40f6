//! Reading the documents of the hits, where they were found.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cluster::state::NodeId;
use serde_json::Value;
use shard::Hit;
use tokio::runtime::Handle;

use super::super::profile::Fetching;
use super::super::query::{Fetched, Wanted, fetch_here, note_handed_out, unreadable};
use super::{ANSWER_WITHIN, Call, Errors, Found, Kept, Spread, call, no_answer};
use crate::coordination::Action;
use crate::error::ApiError;

/// How long a node may take to let go of hits that nobody reads. Nobody waits for it.
const RELEASE_WITHIN: Duration = Duration::from_secs(10);

/// A hit as it is shown, or why it is not, and which other node says so.
type Read = Result<Value, (Option<NodeId>, ApiError)>;

/// The documents of a search as they are shown.
pub(in super::super) struct Documents {
    pub hits: Vec<Value>,
    /// Those that are wanted beside the hits, in their order; none for one that could not be read.
    pub beside: Vec<Option<Value>>,
}

impl Spread<'_> {
    /// Reads the documents of the hits from `from` on, and of those that are `beside`. A shard of which one cannot be read has failed, and
    /// its hits are left out.
    pub(in super::super) fn fetch(
        &mut self,
        mut found: Found,
        from: usize,
        beside: Vec<Hit>,
    ) -> Result<(Found, Documents), ApiError> {
        let mut wanted = found.hits.get(from..).unwrap_or_default().to_vec();
        let own = wanted.len();
        wanted.extend(beside);
        let all = self.read(&wanted, &mut found.fetching)?;
        // Who has ended the search wants no part of it.
        if self.until.cancelled.is_cancelled() {
            return Err(self.task.cancelled_error());
        }
        let mut errors = Errors::new();
        for (hit, read) in wanted.iter().zip(&all) {
            if let Err(error) = read {
                errors.entry(hit.shard).or_insert_with(|| error.clone());
            }
        }
        let of_whole = |(hit, read): (&Hit, Read)| read.ok().filter(|_| !errors.contains_key(&hit.shard));
        let mut read = wanted.iter().zip(all).map(of_whole);
        let hits = read.by_ref().take(own).flatten().collect();
        let documents = Documents { hits, beside: read.collect() };
        found.answered = found.answered.saturating_sub(errors.len());
        Ok((self.settle(found, errors)?, documents))
    }

    /// Reads these, however long the search has taken so far: only who cancels it ends that.
    fn read(&mut self, wanted: &[Hit], fetching: &mut Fetching) -> Result<Vec<Read>, ApiError> {
        let mut all: Vec<Option<Read>> = wanted.iter().map(|_| None).collect();
        let mut groups: BTreeMap<Kept, Vec<usize>> = BTreeMap::new();
        let mut own = Vec::new();
        for (at, hit) in wanted.iter().enumerate() {
            match self.there.get(&hit.shard) {
                Some(kept) => groups.entry(*kept).or_default().push(at),
                None => own.push(at),
            }
        }
        let hits_of = |ats: &[usize]| -> Vec<Hit> { ats.iter().map(|at| wanted[*at].clone()).collect() };
        let text = if groups.is_empty() { Vec::new() } else { self.json.to_string().into_bytes() };
        let mut calls = Vec::new();
        for (kept, ats) in groups {
            let call = self.ask_hits(kept, &text, hits_of(&ats), ANSWER_WITHIN)?;
            calls.extend(call.map(|call| (kept.0, ats, call)));
            // Whoever reads them lets go of them, too.
            self.kept.remove(&kept);
        }
        let (cancelled, budget) = (&self.until.cancelled, &self.budget);
        let fetched = fetch_here(&self.here, &hits_of(&own), self.body, self.json, cancelled, budget);
        note_handed_out(&self.here, &hits_of(&own));
        fetching.extend(fetched.took);
        for (at, shown) in own.iter().zip(fetched.hits) {
            all[*at] = Some(shown.map_err(|error| (None, error)));
        }
        for (node, ats, call) in calls {
            let answer = self.wait(call)?.0.map_err(|error| error.unwrap_or_else(no_answer));
            if let Ok(answer) = &answer {
                self.budget.take_tree(answer)?;
            }
            let fetched = answer.and_then(|answer| read_fetched(&answer));
            let shown = fetched.map(|fetched| {
                fetching.extend(fetched.took);
                fetched.hits
            });
            for (place, at) in ats.into_iter().enumerate() {
                let shown = match &shown {
                    Ok(shown) => shown.get(place).cloned().unwrap_or_else(|| Err(no_answer())),
                    Err(error) => Err(error.clone()),
                };
                all[at] = Some(shown.map_err(|error| (Some(node), error)));
            }
        }
        let all = all.into_iter().map(|read| read.unwrap_or_else(|| Err((None, no_answer()))));
        Ok(all.collect())
    }

    /// Asks for the documents of hits where they are kept, for the last time.
    fn ask_hits(
        &self,
        (node, context): Kept,
        body: &[u8],
        hits: Vec<Hit>,
        within: Duration,
    ) -> Result<Option<Call>, ApiError> {
        let Some(coordinator) = &self.node.coordinator else { return Ok(None) };
        let turn = self.held.and_then(|held| held.turn);
        let message = Wanted { context, body: body.to_vec(), hits, turn };
        let message = postcard::to_allocvec(&message).map_err(|error| unreadable(&error))?;
        let call = call(Arc::clone(coordinator), node, Action::Fetch, message.into(), within);
        Ok(Some(Call(Handle::current().spawn(call))))
    }
}

impl Drop for Spread<'_> {
    /// Lets other nodes go of what nobody will read.
    fn drop(&mut self) {
        for kept in std::mem::take(&mut self.kept) {
            // It would be let go of some time later without.
            if let Ok(Some(call)) = self.ask_hits(kept, &[], Vec::new(), RELEASE_WITHIN) {
                call.go_on();
            }
        }
    }
}

fn read_fetched(answer: &[u8]) -> Result<Fetched, ApiError> {
    serde_json::from_slice(answer)
        .map_err(|error| ApiError::internal(format!("hits of another node cannot be read: {error}")))
}
