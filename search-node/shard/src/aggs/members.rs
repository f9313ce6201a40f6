//! Members: the documents of a segment that a filter of an aggregation lets in.

use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Scorer};
use tantivy::{DocId, DocSet, TERMINATED};

use crate::engine::View;
use crate::query::{Asked, Faults, Prepared, Query, QueryContext, passes};
use crate::search::{Meter, SearchError, Watch};

/// The documents that match, asked in their order.
pub(super) enum Members {
    /// Looked for as documents are asked: of several threads each looks in its parts.
    Asked { scorer: Box<dyn Scorer>, faults: Faults },
    /// All of them, a bit for each document: what had to be read for that is given up.
    Known(Vec<u64>),
}

impl Members {
    pub(super) fn open(
        query: &Query,
        view: &View,
        reader: &SegmentReader,
        context: &QueryContext<'_>,
        watch: &Watch<'_>,
        meter: &mut Meter,
    ) -> Result<Self, SearchError> {
        let asked = Asked::new(query, view, context).until(watch.ask());
        let mut query = Prepared::new(asked)?;
        query.join(asked, watch.ask())?;
        let _held = query.hold(asked, reader, &[], watch.ask())?;
        let weight = query.query().weight(EnableScoring::disabled_from_searcher(&view.searcher))?;
        let scorer = weight.scorer(reader, 1.0)?;
        if query.is_steady() {
            return Ok(Self::Asked { scorer, faults: query.faults().clone() });
        }
        let members = known(scorer, reader, watch, meter)?;
        query.faults().check()?;
        Ok(Self::Known(members))
    }

    #[inline]
    pub(super) fn have(&mut self, document: DocId) -> bool {
        match self {
            Self::Asked { scorer, .. } => passes(&mut **scorer, document),
            Self::Known(bits) => bits[document as usize / 64] >> (document % 64) & 1 == 1,
        }
    }

    /// Whether it could be told of all that were asked.
    pub(super) fn check(&self) -> Result<(), SearchError> {
        match self {
            Self::Asked { faults, .. } => faults.check(),
            Self::Known(_) => Ok(()),
        }
    }
}

fn known(
    mut scorer: Box<dyn Scorer>,
    reader: &SegmentReader,
    watch: &Watch<'_>,
    meter: &mut Meter,
) -> Result<Vec<u64>, SearchError> {
    let words = (reader.max_doc() as usize).div_ceil(64);
    meter.take(words * size_of::<u64>())?;
    let mut members = vec![0_u64; words];
    while scorer.doc() != TERMINATED && !watch.is_over_after(1) {
        members[scorer.doc() as usize / 64] |= 1 << (scorer.doc() % 64);
        scorer.advance();
    }
    Ok(members)
}
