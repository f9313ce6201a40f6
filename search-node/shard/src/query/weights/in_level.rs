//! The matches of a query that are documents, or nested objects at a path.

use std::fmt;
use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::Field;
use tantivy::{DocId, DocSet, Score, Searcher, TERMINATED};

use crate::engine::{AllIdentities, Level, level_in};

/// Documents, or the nested objects at a path, in the segments of one point in time.
#[derive(Clone)]
pub(crate) struct Levels {
    identities: Arc<AllIdentities>,
    /// The field that has the paths of nested objects.
    paths: Field,
    /// None for documents.
    path: Option<Arc<str>>,
}

impl Levels {
    pub(crate) fn new(identities: &Arc<AllIdentities>, paths: Field, path: Option<&str>) -> Self {
        Self { identities: Arc::clone(identities), paths, path: path.map(Arc::from) }
    }

    /// Those of a segment; none if all that it has are documents, and documents are meant.
    pub(crate) fn of(&self, reader: &SegmentReader) -> tantivy::Result<Option<Arc<Level>>> {
        level_in(&self.identities, reader, self.paths, self.path.as_deref())
    }

    /// How many there are in all segments, deleted ones too.
    pub(crate) fn count(&self, searcher: &Searcher) -> tantivy::Result<u64> {
        let counts = searcher
            .segment_readers()
            .iter()
            .map(|reader| Ok(u64::from(self.of(reader)?.map_or(reader.max_doc(), |level| level.count()))));
        counts.sum()
    }
}

impl fmt::Debug for Levels {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Levels").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The matches of a query at one level.
#[derive(Debug)]
pub(in crate::query) struct InLevel {
    pub(in crate::query) query: Box<dyn Query>,
    pub(in crate::query) levels: Levels,
}

impl Clone for InLevel {
    fn clone(&self) -> Self {
        Self { query: self.query.box_clone(), levels: self.levels.clone() }
    }
}

impl Query for InLevel {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(LevelWeight { matches: self.query.weight(scoring)?, levels: self.levels.clone() }))
    }
}

struct LevelWeight {
    matches: Box<dyn Weight>,
    levels: Levels,
}

impl Weight for LevelWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let level = self.levels.of(reader)?;
        if level.as_ref().is_some_and(|level| level.count() == 0) {
            return Ok(Box::new(EmptyScorer));
        }
        let matches = self.matches.scorer(reader, boost)?;
        Ok(match level {
            None => matches,
            Some(level) => {
                let mut scorer = LevelScorer { matches, level };
                scorer.settle();
                Box::new(scorer)
            }
        })
    }

    /// A query may know how many matches it has without a walk over them.
    fn count(&self, reader: &SegmentReader) -> tantivy::Result<u32> {
        if self.levels.of(reader)?.is_none() {
            return self.matches.count(reader);
        }
        let mut scorer = self.scorer(reader, 1.0)?;
        Ok(match reader.alive_bitset() {
            Some(alive) => scorer.count(alive),
            None => scorer.count_including_deleted(),
        })
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        self.matches.explain(reader, document)
    }
}

struct LevelScorer {
    matches: Box<dyn Scorer>,
    level: Arc<Level>,
}

impl LevelScorer {
    /// Moves on to a match of the level.
    fn settle(&mut self) -> DocId {
        loop {
            let document = self.matches.doc();
            if document == TERMINATED || self.level.contains(document) {
                return document;
            }
            self.matches.seek(self.level.next(document));
        }
    }
}

impl DocSet for LevelScorer {
    fn advance(&mut self) -> DocId {
        self.matches.advance();
        self.settle()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.matches.seek(target);
        self.settle()
    }

    fn doc(&self) -> DocId {
        self.matches.doc()
    }

    fn size_hint(&self) -> u32 {
        self.matches.size_hint().min(self.level.count())
    }
}

impl Scorer for LevelScorer {
    fn score(&mut self) -> Score {
        self.matches.score()
    }
}
