//! Terms that are like a pattern or near a word, and how they count: all the same, each by itself, or as frequent as the most frequent of them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use tantivy::index::SegmentReader;
use tantivy::query::{AutomatonWeight, BooleanQuery, DfaWrapper, EnableScoring, Query, TermQuery, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, TantivyError, Term};
use tantivy_fst::Automaton;

use super::constant::constant;
use super::fuzzy::Near;
use super::weighed::{ScoredField, boosted};
use crate::query::ast::Rewrite;
use crate::query::faults::{Faults, UntilOver};
use crate::query::limits::QueryLimits;
use crate::query::regexp::TermAutomaton;

/// Terms of one field.
#[derive(Debug, Clone)]
pub(in crate::query) struct Expanded {
    field: ScoredField,
    wanted: Wanted,
    rewrite: Rewrite,
    /// The terms of the point in time that is searched, once they were looked up.
    found: Arc<OnceLock<Vec<Shared>>>,
}

/// Which terms are wanted.
#[derive(Clone)]
pub(in crate::query) enum Wanted {
    Like(Arc<TermAutomaton>),
    Near(Near),
}

impl fmt::Debug for Wanted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Like(automaton) => write!(out, "Like({automaton:?})"),
            Self::Near(near) => write!(out, "Near({near:?})"),
        }
    }
}

/// A term with what it counts.
pub(in crate::query) type Shared = (Term, f32);

impl Wanted {
    /// The terms of a field, those first that count most. Of more than `most` the rest is left out, and what is behind the last that may be is an error
    /// where none may be left out.
    pub(in crate::query) fn terms(
        &self,
        searcher: &Searcher,
        field: Field,
        most: Option<usize>,
        faults: &Faults,
    ) -> tantivy::Result<Vec<Shared>> {
        self.terms_in(searcher.segment_readers(), field, most, faults)
    }

    /// The same of some segments.
    pub(in crate::query) fn terms_in<'r>(
        &self,
        readers: impl IntoIterator<Item = &'r SegmentReader>,
        field: Field,
        most: Option<usize>,
        faults: &Faults,
    ) -> tantivy::Result<Vec<Shared>> {
        match self {
            Self::Like(automaton) => {
                taken(readers, field, (&*faults.until_over(Arc::clone(automaton)), most), |_| Some(1.0))
            }
            Self::Near(near) => {
                let automaton = faults.until_over(near.automaton());
                taken(readers, field, (&*automaton, most), |term| near.share(term))
            }
        }
    }
}

fn taken<'r, A: Automaton>(
    readers: impl IntoIterator<Item = &'r SegmentReader>,
    field: Field,
    (automaton, most): (&A, Option<usize>),
    share: impl Fn(&str) -> Option<f32>,
) -> tantivy::Result<Vec<Shared>>
where
    A::State: Clone,
{
    let mut best: BTreeSet<(Rank, String)> = BTreeSet::new();
    for reader in readers {
        let index = reader.inverted_index(field)?;
        let mut found = index.terms().search(automaton).into_stream()?;
        while found.advance() {
            let Ok(term) = std::str::from_utf8(found.key()) else { continue };
            let Some(share) = share(term) else { continue };
            best.insert((Rank(share), term.to_owned()));
            match most {
                Some(most) if best.len() > most => {
                    best.pop_last();
                }
                None => {
                    let checked = QueryLimits::now().check_clauses(best.len());
                    checked.map_err(|error| TantivyError::InvalidArgument(error.reason))?;
                }
                _ => {}
            }
        }
    }
    Ok(best.into_iter().map(|(rank, term)| (Term::from_field_text(field, &term), rank.0)).collect())
}

/// What a term counts; the most first.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rank(f32);

impl Eq for Rank {}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.total_cmp(&self.0)
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Expanded {
    /// Terms that are near a word.
    pub(in crate::query) fn near(field: ScoredField, near: Near) -> Self {
        let fuzziness = near.fuzziness();
        let rewrite = match fuzziness.rewrite {
            Rewrite::Usual => Rewrite::TopBlended(fuzziness.max_expansions),
            other => other,
        };
        Self { field, wanted: Wanted::Near(near), rewrite, found: Arc::default() }
    }

    /// Terms that are like an expression.
    pub(in crate::query) fn like(
        field: ScoredField,
        automaton: Arc<TermAutomaton>,
        rewrite: Rewrite,
    ) -> Box<dyn Query> {
        if matches!(rewrite, Rewrite::Usual | Rewrite::Constant) {
            return Self::all_the_same(field.field, automaton, field.faults);
        }
        Box::new(Self { field, wanted: Wanted::Like(automaton), rewrite, found: Arc::default() })
    }

    /// The same, each of which counts the same.
    pub(in crate::query) fn all_the_same(
        field: Field,
        automaton: Arc<TermAutomaton>,
        faults: Faults,
    ) -> Box<dyn Query> {
        constant(Box::new(Taken { field, automaton, faults }))
    }

    /// What finds them where how they count is not asked for.
    fn unscored(&self) -> Box<dyn Weight> {
        let ScoredField { field, faults, .. } = &self.field;
        match &self.wanted {
            Wanted::Like(automaton) => {
                let automaton = faults.until_over(Arc::clone(automaton));
                Box::new(AutomatonWeight::<UntilOver<TermAutomaton>>::new(*field, automaton))
            }
            Wanted::Near(near) => {
                let automaton = faults.until_over(near.automaton());
                Box::new(AutomatonWeight::<UntilOver<DfaWrapper>>::new(*field, automaton))
            }
        }
    }

    fn most(&self) -> Option<usize> {
        match self.rewrite {
            Rewrite::Top(most) | Rewrite::TopBoost(most) | Rewrite::TopBlended(most) => {
                Some(most.min(QueryLimits::now().clauses))
            }
            _ => None,
        }
    }

    /// A query for one of the terms.
    fn one(&self, (term, share): Shared, frequency: u64) -> Box<dyn Query> {
        let query = Box::new(TermQuery::new(term.clone(), IndexRecordOption::WithFreqs));
        let counted = match self.rewrite {
            Rewrite::TopBoost(_) => constant(query),
            Rewrite::TopBlended(_) => self.field.weighed_as_frequent(query, term, frequency),
            _ => self.field.weighed(query, vec![term]),
        };
        boosted(counted, share)
    }

    /// The terms, each of which counts by itself; none where they all count the same.
    pub(super) fn each(&self, searcher: &Searcher) -> tantivy::Result<Option<BooleanQuery>> {
        if matches!(self.rewrite, Rewrite::Constant | Rewrite::ConstantBoolean) {
            return Ok(None);
        }
        let terms = match self.found.get() {
            Some(found) => found,
            None => {
                let found = self.wanted.terms(searcher, self.field.field, self.most(), &self.field.faults)?;
                self.found.get_or_init(|| found)
            }
        };
        let mut most = 0;
        for (term, _) in terms {
            most = most.max(searcher.doc_freq(term)?);
        }
        Ok(Some(BooleanQuery::union(terms.iter().map(|shared| self.one(shared.clone(), most)).collect())))
    }
}

impl Query for Expanded {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let Some(searcher) = scoring.searcher() else { return Ok(self.unscored()) };
        if self.rewrite == Rewrite::Constant {
            return constant(Box::new(Unscored(self.clone()))).weight(scoring);
        }
        match self.each(searcher)? {
            Some(each) => match each.clauses() {
                [(_, only)] => only.weight(scoring),
                _ => each.weight(scoring),
            },
            None => {
                // There may be too many of them.
                self.wanted.terms(searcher, self.field.field, self.most(), &self.field.faults)?;
                constant(Box::new(Unscored(self.clone()))).weight(scoring)
            }
        }
    }
}

/// The same terms, asked without scores.
#[derive(Debug, Clone)]
struct Unscored(Expanded);

impl Query for Unscored {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(self.0.unscored())
    }
}

/// The terms that an automaton takes.
#[derive(Debug, Clone)]
struct Taken {
    field: Field,
    automaton: Arc<TermAutomaton>,
    faults: Faults,
}

impl Query for Taken {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let automaton = self.faults.until_over(Arc::clone(&self.automaton));
        Ok(Box::new(AutomatonWeight::<UntilOver<TermAutomaton>>::new(self.field, automaton)))
    }
}
