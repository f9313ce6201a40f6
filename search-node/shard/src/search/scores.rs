//! What hits score under another query.

use tantivy::query::EnableScoring;

use super::statistics::Statistics;
use super::{AskStop, Hit, SearchError, Watch};
use crate::engine::View;
use crate::query::{Asked, Prepared, Query, QueryContext, score_at};

/// The score of each hit; none for those that do not match. Nothing at all where there is no time for all of them.
pub(crate) fn scores(
    view: &View,
    hits: &[Hit],
    query: &Query,
    context: &QueryContext<'_>,
    stop: AskStop<'_>,
) -> Result<Option<Vec<Option<f32>>>, SearchError> {
    let watch = Watch::new(stop);
    let mut scores = vec![None; hits.len()];
    let mut order: Vec<usize> = (0..hits.len()).collect();
    order.sort_by_key(|at| (hits[*at].segment, hits[*at].document));
    let statistics = Statistics::new(view)?;
    let segments: Vec<_> = view.searcher.segment_readers().iter().collect();
    let asked = Asked::new(query, view, context).until(stop);
    let mut prepared = Prepared::new(asked)?;
    match prepared.join(asked, watch.ask()) {
        Err(SearchError::TimeIsUp) => return Ok(None),
        joined => joined?,
    }
    let scoring = || EnableScoring::enabled_from_statistics_provider(&statistics, &view.searcher);
    let mut weight = prepared.query().weight(scoring())?;
    for of_segment in order.chunk_by(|a, b| hits[*a].segment == hits[*b].segment) {
        let Some(reader) = of_segment.first().and_then(|at| segments.get(hits[*at].segment as usize)) else {
            continue;
        };
        let (_held, is_another) = prepared.hold(asked, reader, &[], watch.ask())?;
        if is_another {
            weight = prepared.query().weight(scoring())?;
        }
        let mut scorer = weight.scorer(reader, 1.0)?;
        for at in of_segment {
            let document = hits[*at].document;
            scores[*at] = score_at(&mut *scorer, document);
            // They are few, and each may take long.
            if watch.is_over() {
                break;
            }
        }
        if watch.has_ended() {
            break;
        }
        prepared.faults().check()?;
    }
    let is_partial = watch.end()?;
    Ok((!is_partial).then_some(scores))
}
