//! Looking in one part of a search: its best hits in their final order, what is computed of all matches, and what it suggests.

use std::sync::Arc;
use std::time::Instant;

use shard::{AskStop, SearchAnswer, SearchError, SearchRequest, Suggested};

use super::body::SearchBody;
use super::budget::Budget;
use super::profile::Profiling;
use super::query::Part;
use super::request_cache::Found;
use super::until::Until;

impl Part {
    /// What there is; what was measured of it goes to `profiles`.
    pub(super) fn look(
        &self,
        request: &SearchRequest,
        body: &SearchBody,
        (until, budget): (&Until, &Arc<Budget>),
        profiles: &mut Vec<(usize, Vec<u8>)>,
    ) -> Result<Found, SearchError> {
        let stop = budget.ending(until);
        let answer = match body.is_suggest_only {
            true => SearchAnswer::default(),
            false => {
                let request = self.request(request);
                let profiling = Profiling::new(body.profile);
                let begun = Instant::now();
                let measured = profiling.request(&request);
                let measured = measured.as_ref().unwrap_or(&request);
                let answer = self.reader.search_until(measured, &self.context(), &stop)?;
                profiles.extend(profiling.end(self, &request, begun.elapsed()));
                self.rescored(answer, body, &stop)?
            }
        };
        let suggested = match body.suggest.is_empty() {
            true => Suggested::default(),
            false => self.reader.suggest(&body.suggest, &self.context(), &stop)?,
        };
        Ok(Found { answer, suggested })
    }

    /// What was answered, its best hits in the order of other queries; in that in which they were found where there is no time for all of these, as in
    /// Elasticsearch.
    fn rescored(
        &self,
        mut answer: SearchAnswer,
        body: &SearchBody,
        stop: AskStop<'_>,
    ) -> Result<SearchAnswer, SearchError> {
        if answer.hits.is_empty() || body.rescore.is_empty() {
            return Ok(answer);
        }
        let mut hits = answer.hits.clone();
        for rescore in &body.rescore {
            if !rescore.apply(&mut hits, &self.reader, &self.context(), stop)? {
                answer.is_partial = true;
                return Ok(answer);
            }
        }
        answer.max_score = hits.first().and_then(|best| best.score);
        answer.hits = hits;
        Ok(answer)
    }

    /// Joins what was suggested with what others have; what else was found is left.
    pub(super) fn add_suggested(
        &self,
        found: Found,
        body: &SearchBody,
        so_far: &mut Suggested,
    ) -> Result<SearchAnswer, SearchError> {
        if !body.suggest.is_empty() {
            let own = found.suggested.in_shard(self.place);
            *so_far = std::mem::take(so_far).join(own, &body.suggest)?;
        }
        Ok(found.answer)
    }
}
