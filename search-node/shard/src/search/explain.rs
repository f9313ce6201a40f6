//! Why a document has its score: the query and the queries in it, each with what it scores there.

use serde_json::{Value, json};
use tantivy::DocId;
use tantivy::index::SegmentReader;
use tantivy::query::EnableScoring;

use super::statistics::Statistics;
use super::{AskStop, SearchError};
use crate::engine::View;
use crate::json_values::plain;
use crate::query::{Asked, HeldValues, Prepared, Query, QueryContext, score_at};

/// A score and what it is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The score; none where the document does not match.
    pub value: Option<f32>,
    /// What it is.
    pub description: String,
    /// What it is made of.
    pub details: Vec<Explanation>,
}

impl Explanation {
    pub(crate) fn new(value: Option<f32>, description: impl Into<String>, details: Vec<Self>) -> Self {
        Self { value, description: description.into(), details }
    }

    /// The explanation as the API shows it.
    pub fn to_json(&self) -> Value {
        let value = self.value.unwrap_or_default();
        let value = value.to_string().parse::<f64>().unwrap_or_default();
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
        let score = self.score(query, reader, document)?;
        let Some(value) = score else {
            return Ok(Explanation::new(None, format!("no match: {}", describe(query)), Vec::new()));
        };
        let all = |queries: &[Query]| -> Result<Vec<Explanation>, SearchError> {
            let all = queries.iter().map(|query| self.explain(query, reader, document));
            all.filter(|explained| explained.as_ref().map_or(true, |one| one.value.is_some())).collect()
        };
        let made_of = |description: &str, details| Explanation::new(score, description, details);
        Ok(match query {
            Query::Bool { must, filter, should, .. } => {
                let mut details = all(must)?;
                details.extend(all(should)?);
                details.extend(filter.iter().map(|query| {
                    let clause = vec![
                        Explanation::new(Some(0.0), "# clause", Vec::new()),
                        Explanation::new(Some(1.0), describe(query), Vec::new()),
                    ];
                    Explanation::new(Some(0.0), "match on required clause, product of:", clause)
                }));
                made_of("sum of:", details)
            }
            Query::DisMax { queries, tie_breaker } => {
                let description = match tie_breaker {
                    0.0 => "max of:".to_owned(),
                    other => format!("max plus {other} times others of:"),
                };
                Explanation::new(score, description, all(queries)?)
            }
            Query::Boost { query, boost } => {
                let details = vec![
                    Explanation::new(Some(*boost), "boost", Vec::new()),
                    self.explain(query, reader, document)?,
                ];
                made_of("product of:", details)
            }
            Query::Named { query, .. } => self.explain(query, reader, document)?,
            Query::Constant { query } => {
                Explanation::new(score, format!("ConstantScore({})", describe(query)), Vec::new())
            }
            _ => self.leaf(query, value, reader, document)?,
        })
    }

    /// A query that has none in it, as far as what finds its matches tells.
    fn leaf(
        &self,
        query: &Query,
        value: f32,
        reader: &SegmentReader,
        document: DocId,
    ) -> Result<Explanation, SearchError> {
        let statistics = Statistics::of_level(self.view, self.nested_in)?;
        let scoring = EnableScoring::enabled_from_statistics_provider(&statistics, &self.view.searcher);
        let (prepared, _held) = self.prepared(query, reader)?;
        let weight = prepared.query().weight(scoring)?;
        let told = weight.explain(reader, document).ok().and_then(|told| serde_json::to_value(told).ok());
        let told = told.map(|told| read(&told));
        // What it tells is of use only where it comes to the score.
        let is_right = |told: &Explanation| {
            told.value.is_some_and(|told| (told - value).abs() <= value.abs() * 1e-5)
                && !told.details.is_empty()
        };
        let details = told.filter(is_right).map_or_else(Vec::new, |told| vec![told]);
        let description = match details.is_empty() {
            true => describe(query),
            false => format!("weight({} in {document}), result of:", describe(query)),
        };
        Ok(Explanation::new(Some(value), description, details))
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

/// An explanation as whoever finds the matches tells it.
fn read(told: &Value) -> Explanation {
    let value = told.get("value").and_then(Value::as_f64).map(|value| value as f32);
    let description = told.get("description").and_then(Value::as_str).unwrap_or_default();
    let details = told.get("details").and_then(Value::as_array).into_iter().flatten().map(read);
    Explanation::new(value, description, details.collect())
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
