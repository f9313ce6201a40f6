//! How many documents the clauses of a query leave to one another, told by what is known of their terms and ranges, without a walk.

use std::sync::Arc;

use tantivy::Term;
use tantivy::index::SegmentReader;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};

use super::cached::Cached;
use super::column_range::ColumnRange;
use super::constant::Constant;
use super::has_uid::HasUid;
use super::in_level::InLevel;
use super::weighed::Weighed;

/// At most how many documents of a segment match.
#[derive(Debug, Clone)]
pub(in crate::query) enum AtMost {
    /// Nobody knows.
    All,
    Count(u64),
    Having(Term),
    InRange(ColumnRange),
    /// As many as the one of them that matches the fewest.
    Fewest(Vec<AtMost>),
    /// As many as all of them together.
    Sum(Vec<AtMost>),
}

impl AtMost {
    pub(in crate::query) fn of(query: &dyn Query) -> Self {
        if let Some(term) = query.downcast_ref::<TermQuery>() {
            return Self::Having(term.term().clone());
        }
        if let Some(weighed) = query.downcast_ref::<Weighed>() {
            return Self::Fewest(weighed.terms().iter().cloned().map(Self::Having).collect());
        }
        if let Some(range) = query.downcast_ref::<ColumnRange>() {
            return Self::InRange(range.clone());
        }
        if let Some(ids) = query.downcast_ref::<HasUid>() {
            return ids.most().map_or(Self::All, |most| Self::Count(most as u64));
        }
        if let Some(joined) = query.downcast_ref::<BooleanQuery>() {
            return Self::of_joined(joined);
        }
        let inside = query.downcast_ref::<Constant>().map(|constant| constant.inside().0);
        let inside = inside.or_else(|| Some(query.downcast_ref::<Cached>()?.inside()));
        let inside = inside.or_else(|| Some(&*query.downcast_ref::<InLevel>()?.query));
        inside.map_or(Self::All, Self::of)
    }

    fn of_joined(joined: &BooleanQuery) -> Self {
        let of = |wanted: Occur| {
            let clauses = joined.clauses().iter().filter(move |(occur, _)| *occur == wanted);
            clauses.map(|(_, query)| Self::of(&**query)).collect::<Vec<_>>()
        };
        let mut fewest = of(Occur::Must);
        if fewest.is_empty() || joined.get_minimum_number_should_match() > 0 {
            fewest.push(Self::Sum(of(Occur::Should)));
        }
        Self::Fewest(fewest)
    }

    /// The number; none where it is not known.
    fn documents(&self, reader: &SegmentReader) -> tantivy::Result<Option<u64>> {
        Ok(match self {
            Self::All => None,
            Self::Count(count) => Some(*count),
            Self::Having(term) => Some(u64::from(reader.inverted_index(term.field())?.doc_freq(term)?)),
            Self::InRange(range) => Some(range.most(reader)?),
            Self::Fewest(of) => {
                let mut fewest: Option<u64> = None;
                for documents in of {
                    let documents = documents.documents(reader)?;
                    fewest = fewest.into_iter().chain(documents).min();
                }
                fewest
            }
            Self::Sum(of) => {
                let mut sum = Some(0);
                for documents in of {
                    sum = sum.zip(documents.documents(reader)?).map(|(sum, documents)| sum + documents);
                }
                sum
            }
        })
    }
}

/// The clauses that leave documents to another one.
#[derive(Debug, Clone)]
pub(in crate::query) struct Leading {
    pub(in crate::query) clauses: Arc<[AtMost]>,
    /// Which of them is the other one itself, if it is one of them.
    pub(in crate::query) but: Option<usize>,
}

impl Leading {
    /// How many documents of a segment they leave at most; none where that is not known.
    pub(in crate::query) fn documents(&self, reader: &SegmentReader) -> tantivy::Result<Option<u64>> {
        let mut fewest: Option<u64> = None;
        for (at, clause) in self.clauses.iter().enumerate() {
            if self.but != Some(at) {
                fewest = fewest.into_iter().chain(clause.documents(reader)?).min();
            }
        }
        Ok(fewest)
    }
}
