//! Why a document has its score: the query and the queries in it, each with what it scores there, in Lucene's words.

mod functions;
mod told;

use serde_json::{Value, json};
use tantivy::DocId;
use tantivy::index::SegmentReader;
use tantivy::query::EnableScoring;

use super::statistics::Statistics;
use super::{AskStop, SearchError};
use crate::engine::View;
use crate::json_values::plain;
use crate::query::{Asked, FunctionScore, HeldValues, Lucene, Prepared, Query, QueryContext, score_at};

/// A score and what it is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The score; none where the document does not match.
    pub value: Option<f32>,
    /// What it is.
    pub description: String,
    /// What it is made of.
    pub details: Vec<Explanation>,
    /// The value where it is a number of things.
    whole: Option<u64>,
}

impl Explanation {
    /// A score that is made of these.
    pub fn new(value: Option<f32>, description: impl Into<String>, details: Vec<Self>) -> Self {
        Self { value, description: description.into(), details, whole: None }
    }

    /// The explanation as the API shows it.
    pub fn to_json(&self) -> Value {
        let value = self.value.unwrap_or_default();
        let value = value.to_string().parse::<f64>().unwrap_or_default();
        let value = self.whole.map_or_else(|| json!(value), |whole| json!(whole));
        let details: Vec<Value> = self.details.iter().map(Self::to_json).collect();
        json!({"value": value, "description": self.description, "details": details})
    }
}

/// Explains documents of a point in time.
pub(crate) struct Explainer<'a> {
    pub(crate) view: &'a View,
    pub(crate) context: &'a QueryContext<'a>,
    pub(crate) stop: AskStop<'a>,
    /// The path of the nested objects that are explained; none for documents.
    pub(crate) nested_in: Option<&'a str>,
}

impl Explainer<'_> {
    /// The score of a document under a query.
    pub(crate) fn explain(
        &self,
        query: &Query,
        reader: &SegmentReader,
        document: DocId,
    ) -> Result<Explanation, SearchError> {
        let Some(value) = self.score(query, reader, document)? else {
            return Ok(Explanation::new(None, format!("no match: {}", self.tell(query)), Vec::new()));
        };
        let at = (reader, document);
        let told = match query {
            Query::Bool { must, filter, should, must_not, .. } => {
                let clauses = (must.as_slice(), should.as_slice(), filter.as_slice());
                self.clauses(clauses, must_not.is_empty(), value, at)?
            }
            Query::DisMax { queries, tie_breaker } => {
                let description = match tie_breaker {
                    0.0 => "max of:".to_owned(),
                    other => format!("max plus {other} times others of:"),
                };
                Explanation::new(Some(value), description, self.matching(queries, at)?)
            }
            Query::Boost { query, boost } => match pushed_in(query, *boost) {
                Some(pushed) => self.explain(&pushed, reader, document)?,
                None => told::boosted(self.explain(query, reader, document)?, *boost, value),
            },
            Query::Named { query, .. } => self.explain(query, reader, document)?,
            Query::Constant { query } => {
                told::constant(format!("ConstantScore({})", self.tell(query)), value)
            }
            Query::FunctionScore(asked) => self.function_score(asked, value, at)?,
            Query::ScriptScore { query, script, .. } => self.script_score((query, script), value, at)?,
            Query::Boosting { positive, negative, negative_boost } => {
                self.boosting((positive, negative, *negative_boost), value, at)?
            }
            _ => self.leaf(query, value, at)?,
        };
        // What parts come to may differ from the score in its last digit.
        Ok(Explanation { value: Some(value), ..told })
    }

    fn tell(&self, query: &Query) -> String {
        Lucene { layout: &self.view.layout, context: self.context }.tell(query)
    }

    /// Those of several queries that match.
    fn matching(
        &self,
        queries: &[Query],
        (reader, document): (&SegmentReader, DocId),
    ) -> Result<Vec<Explanation>, SearchError> {
        let all = queries.iter().map(|query| self.explain(query, reader, document));
        all.filter(|explained| explained.as_ref().map_or(true, |one| one.value.is_some())).collect()
    }

    fn clauses(
        &self,
        (must, should, filter): (&[Query], &[Query], &[Query]),
        excludes_nothing: bool,
        value: f32,
        at: (&SegmentReader, DocId),
    ) -> Result<Explanation, SearchError> {
        let mut details = self.matching(must, at)?;
        details.extend(self.matching(should, at)?);
        if let (true, [only], true) = (must.is_empty() && should.is_empty(), filter, excludes_nothing) {
            return Ok(told::constant(format!("ConstantScore({})", self.tell(only)), value));
        }
        let is_alone = must.len() + should.len() == 1 && filter.is_empty() && excludes_nothing;
        if is_alone && details.len() == 1 {
            return Ok(details.remove(0));
        }
        details.extend(filter.iter().map(|query| {
            let clause = vec![
                Explanation::new(Some(0.0), "# clause", Vec::new()),
                Explanation::new(Some(1.0), self.tell(query), Vec::new()),
            ];
            Explanation::new(Some(0.0), "match on required clause, product of:", clause)
        }));
        Ok(Explanation::new(Some(value), "sum of:", details))
    }

    /// A query that has none in it, as far as what finds its matches tells.
    fn leaf(
        &self,
        query: &Query,
        value: f32,
        (reader, document): (&SegmentReader, DocId),
    ) -> Result<Explanation, SearchError> {
        let statistics = Statistics::of_level(self.view, self.nested_in)?;
        let scoring = EnableScoring::enabled_from_statistics_provider(&statistics, &self.view.searcher);
        let (prepared, _held) = self.prepared(query, reader)?;
        let shown = || self.tell(query);
        let told = told::of_query(prepared.query(), scoring, (reader, document), &shown)?;
        // What it tells is of use only where it comes to the score.
        let is_right =
            |told: &Explanation| told.value.is_some_and(|told| (told - value).abs() <= value.abs() * 1e-5);
        Ok(told.filter(is_right).unwrap_or_else(|| told::constant(shown(), value)))
    }

    /// A query, ready to be asked in a segment while what comes with it is held.
    fn prepared(&self, query: &Query, reader: &SegmentReader) -> Result<(Prepared, HeldValues), SearchError> {
        let asked = Asked {
            nested_in: self.nested_in,
            ..Asked::new(query, self.view, self.context).until(self.stop)
        };
        let mut prepared = Prepared::new(asked)?;
        prepared.join(asked, self.stop)?;
        let (held, _) = prepared.hold(asked, reader, &[], self.stop)?;
        Ok((prepared, held))
    }

    /// What a document scores; none where it does not match.
    pub(crate) fn score(
        &self,
        query: &Query,
        reader: &SegmentReader,
        document: DocId,
    ) -> Result<Option<f32>, SearchError> {
        let statistics = Statistics::of_level(self.view, self.nested_in)?;
        let scoring = EnableScoring::enabled_from_statistics_provider(&statistics, &self.view.searcher);
        let (prepared, _held) = self.prepared(query, reader)?;
        let weight = prepared.query().weight(scoring)?;
        let mut scorer = weight.scorer(reader, 1.0)?;
        let score = score_at(&mut *scorer, document);
        prepared.faults().check()?;
        Ok(score)
    }
}

/// A query with the queries in it boosted instead, as their scores are; none where there is none in it.
fn pushed_in(query: &Query, by: f32) -> Option<Query> {
    let each = |queries: &[Query]| queries.iter().map(|query| query.clone().boosted(by)).collect();
    let one = |query: &Query| Box::new(query.clone().boosted(by));
    Some(match query {
        Query::Boost { query, boost } => query.as_ref().clone().boosted(boost * by),
        Query::Named { query, .. } => query.as_ref().clone().boosted(by),
        Query::Bool { must, filter, should, must_not, minimum_should_match } => Query::Bool {
            must: each(must),
            filter: filter.clone(),
            should: each(should),
            must_not: must_not.clone(),
            minimum_should_match: minimum_should_match.clone(),
        },
        Query::DisMax { queries, tie_breaker } => {
            Query::DisMax { queries: each(queries), tie_breaker: *tie_breaker }
        }
        Query::Boosting { positive, negative, negative_boost } => Query::Boosting {
            positive: one(positive),
            negative: negative.clone(),
            negative_boost: *negative_boost,
        },
        // The score of its query is multiplied, before functions come to it.
        Query::FunctionScore(asked) => {
            let query = asked.query.clone().boosted(by);
            Query::FunctionScore(Box::new(FunctionScore { query, ..asked.as_ref().clone() }))
        }
        _ => return None,
    })
}

/// A query in a few words, as Lucene writes it.
pub(crate) fn describe(query: &Query) -> String {
    let joined = |queries: &[Query], sign: &str| -> Vec<String> {
        queries.iter().map(|query| format!("{sign}{}", nested(query))).collect()
    };
    match query {
        Query::MatchAll => "*:*".to_owned(),
        Query::MatchNone => "MatchNoDocsQuery(\"\")".to_owned(),
        Query::Term { field, value, .. } | Query::Match { field, value, .. } => {
            format!("{field}:{}", plain(value))
        }
        Query::Terms { field, values } => {
            format!("{field}:({})", values.iter().map(plain).collect::<Vec<_>>().join(" "))
        }
        Query::Phrase { field, value, .. } | Query::BoolPrefix { field, value, .. } => {
            format!("{field}:\"{}\"", plain(value))
        }
        Query::Exists { field } => format!("FieldExistsQuery [field={field}]"),
        Query::Prefix { field, value, .. } => format!("{field}:{value}*"),
        Query::Wildcard { field, pattern, .. } => format!("{field}:{pattern}"),
        Query::Regexp { field, pattern, .. } => format!("{field}:/{pattern}/"),
        Query::Fuzzy { field, value, .. } => format!("{field}:{value}~"),
        Query::Bool { must, filter, should, must_not, .. } => {
            let mut all = joined(must, "+");
            all.extend(joined(filter, "#"));
            all.extend(joined(should, ""));
            all.extend(joined(must_not, "-"));
            all.join(" ")
        }
        Query::DisMax { queries, .. } => format!("({})", joined(queries, "").join(" | ")),
        Query::Constant { query } => format!("ConstantScore({})", describe(query)),
        Query::Named { query, .. } => describe(query),
        Query::Boost { query, boost } => format!("({})^{boost:?}", describe(query)),
        other => {
            let named = format!("{other:?}");
            let name: String = named.chars().take_while(|letter| letter.is_alphanumeric()).collect();
            format!("{name}Query")
        }
    }
}

fn nested(query: &Query) -> String {
    match query {
        Query::Bool { .. } => format!("({})", describe(query)),
        other => describe(other),
    }
}
