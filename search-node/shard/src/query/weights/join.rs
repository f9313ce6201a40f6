//! Documents joined with others of their shard: by an id that both have in a column, parents by their children and children by their parent.
//!
//! Those that are looked at are gone over once, before any match is told; by the id of each it is known then how often it was met, and how
//! much that scores. The ids are charged like field data.

use std::fmt;
use std::sync::OnceLock;

use hashbrown::HashMap;
use tantivy::columnar::StrColumn;
use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Query};
use tantivy::{DocId, Score, TERMINATED};

use crate::engine::{Charge, NoRoom, View, identities_in};
use crate::query::QueryError;
use crate::query::ast::ScoreMode;
use crate::query::faults::Looks;
use crate::search::{AskStop, SearchError, Statistics, Watch};

/// About what an id takes beside its letters.
const ENTRY_BYTES: usize = 64;

/// The documents that others are joined with.
pub(in crate::query) struct Joining {
    pub(in crate::query) query: Box<dyn Query>,
    /// The column of ids.
    pub(in crate::query) column: String,
    pub(in crate::query) score_mode: ScoreMode,
    /// How many of them there must be for each id.
    pub(in crate::query) least: u32,
    /// How many there may be.
    pub(in crate::query) most: u32,
    met: OnceLock<Met>,
}

/// The ids that were met.
struct Met {
    /// Score and count.
    of: HashMap<Box<[u8]>, (Score, u32)>,
    _charge: Option<Charge>,
}

impl fmt::Debug for Joining {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Joining({}, {:?})", self.column, self.query)
    }
}

impl Joining {
    pub(in crate::query) fn new(
        query: Box<dyn Query>,
        column: String,
        score_mode: ScoreMode,
        (least, most): (u32, u32),
    ) -> Self {
        Self { query, column, score_mode, least, most, met: OnceLock::new() }
    }

    /// Goes over the documents. What a segment needs to be asked is held meanwhile.
    pub(in crate::query) fn run<H>(
        &self,
        view: &View,
        stop: AskStop<'_>,
        hold: &dyn Fn(&SegmentReader) -> Result<H, SearchError>,
    ) -> Result<(), SearchError> {
        if self.met.get().is_some() {
            return Ok(());
        }
        let watch = Watch::new(stop);
        let statistics = Statistics::new(view)?;
        let is_scored = self.score_mode != ScoreMode::None;
        let scoring = if is_scored {
            EnableScoring::enabled_from_statistics_provider(&statistics, &view.searcher)
        } else {
            EnableScoring::disabled_from_searcher(&view.searcher)
        };
        let weight = self.query.weight(scoring)?;
        let mut charge = None;
        let mut of: HashMap<Box<[u8]>, (Score, u32)> = HashMap::new();
        let mut letters = 0;
        for reader in view.searcher.segment_readers() {
            let Some(column) = reader.fast_fields().str(&self.column)? else { continue };
            let _held = hold(reader)?;
            let mut scorer = weight.scorer(reader, 1.0)?;
            let mut here: HashMap<u64, (Score, u32)> = HashMap::new();
            while scorer.doc() != TERMINATED && !watch.is_over_after(1) {
                let document = scorer.doc();
                if !reader.is_deleted(document) {
                    let score = if is_scored { scorer.score() } else { 0.0 };
                    for ordinal in column.term_ords(document) {
                        let known = here.get(&ordinal).copied();
                        here.insert(ordinal, self.with(known, (score, 1)));
                    }
                }
                scorer.advance();
            }
            ended(&watch)?;
            let charge = match &mut charge {
                Some(charge) => charge,
                none => none.insert(identities_in(&view.identities, reader)?.fielddata().charge()),
            };
            charge.set(letters + (of.len() + here.len()) * ENTRY_BYTES).map_err(too_many)?;
            for (ordinal, met) in here {
                let mut id = Vec::new();
                column.dictionary().ord_to_term(ordinal, &mut id)?;
                let id = id.into_boxed_slice();
                let known = of.get(&id).copied();
                if known.is_none() {
                    letters += id.len();
                }
                of.insert(id, self.with(known, met));
                if watch.is_over_after(1) {
                    ended(&watch)?;
                }
            }
            charge.set(letters + of.len() * ENTRY_BYTES).map_err(too_many)?;
        }
        self.met.get_or_init(|| Met { of, _charge: charge });
        Ok(())
    }

    /// Two scores and counts as one.
    fn with(&self, known: Option<(Score, u32)>, (score, count): (Score, u32)) -> (Score, u32) {
        let Some((before, times)) = known else { return (score, count) };
        let score = match self.score_mode {
            ScoreMode::Max => before.max(score),
            ScoreMode::Min => before.min(score),
            ScoreMode::Avg | ScoreMode::Sum | ScoreMode::None => before + score,
        };
        (score, times + count)
    }

    /// What the documents of a segment score by the ids that they have; none if none has any that was met.
    pub(in crate::query) fn in_segment(
        &self,
        reader: &SegmentReader,
        mut looks: Looks,
    ) -> tantivy::Result<Option<JoinedIds>> {
        let (Some(met), Some(column)) = (self.met.get(), reader.fast_fields().str(&self.column)?) else {
            return Ok(None);
        };
        let mut scores = Vec::with_capacity(column.num_terms());
        let mut terms = column.dictionary().stream()?;
        while !looks.is_over_after(1) && terms.advance() {
            let found = met.of.get(terms.key()).filter(|(_, count)| (self.least..=self.most).contains(count));
            scores.push(found.map_or(Score::NAN, |(score, count)| match self.score_mode {
                ScoreMode::Avg => score / *count as Score,
                ScoreMode::None => 1.0,
                ScoreMode::Max | ScoreMode::Min | ScoreMode::Sum => *score,
            }));
        }
        drop(terms);
        Ok(Some(JoinedIds { column, scores }))
    }
}

/// The ids of a segment.
pub(in crate::query) struct JoinedIds {
    column: StrColumn,
    /// What each of its terms scores; no number where it was not met.
    scores: Vec<Score>,
}

impl JoinedIds {
    pub(in crate::query) fn score(&self, document: DocId) -> Option<Score> {
        let scores = self.column.term_ords(document).filter_map(|ordinal| {
            let score = *self.scores.get(usize::try_from(ordinal).ok()?)?;
            (!score.is_nan()).then_some(score)
        });
        scores.into_iter().next()
    }
}

/// The half of what is joined is of no use.
fn ended(watch: &Watch<'_>) -> Result<(), SearchError> {
    match watch.end()? {
        true => Err(SearchError::TimeIsUp),
        false => Ok(()),
    }
}

fn too_many(NoRoom { wanted, limit }: NoRoom) -> SearchError {
    let reason = format!(
        "[fielddata] Data too large, the ids of a join would be [{wanted}b], which is larger than the limit of [{limit}b] (indices.fielddata.cache.size): join fewer documents, or raise the limit"
    );
    QueryError { kind: "circuit_breaking_exception", reason }.into()
}
