//! Queries that change what documents score, and those of documents that count by a number.

use std::sync::Arc;

use serde_json::Value;
use tantivy::query::{BoostQuery, DisjunctionMaxQuery, Query as TantivyQuery};

use super::{Lowered, Lowering, all, constant, none};
use crate::json_values::plain;
use crate::mapping::{FEATURE, FEATURES, FieldKind, Structure};
use crate::query::QueryError;
use crate::query::ast::{
    Decay, FeatureFunction, FunctionKind, FunctionScore, LeastTerms, Query, ScoreScript, TermsSet,
};
use crate::query::distance::{Falling, read_time};
use crate::query::doc_values::ValueField;
use crate::query::dsl::{java_hash, read_distance, read_point};
use crate::query::weights::covering::{Covering, NumberOf};
use crate::query::weights::function_score::{Combined, DocumentNumber, Function, Rescored};
use crate::query::weights::graded::{FeatureColumn, Grade, Graded};
use crate::query::weights::lent::Lent;
use crate::query::weights::numbers::{Chance, ChanceBy, FieldValue, Nearness, Origin, mix};
use crate::query::weights::scripted::{Purpose, Scripted};
use crate::query::weights::weighed::AllSegments;
use crate::query::wildcard::name_matches;

/// What the first of pinned documents scores at least, and what no other document reaches; as in Elasticsearch.
const PINNED_BITS: u32 = 0x7F00_0000;

impl Lowering<'_> {
    pub(super) fn function_score(&self, scored: &FunctionScore) -> Lowered {
        let functions = scored.functions.iter().map(|function| {
            let filter = function.filter.as_ref().map(|filter| self.query(filter)).transpose()?;
            let weight = function.weight.map_or(1.0, f64::from);
            Ok(Function { filter, weight, number: self.number(&function.kind)? })
        });
        Ok(Box::new(Rescored {
            query: self.scored_query(&scored.query)?,
            functions: functions.collect::<Result<_, QueryError>>()?,
            combined: Combined::Modes {
                score: scored.score_mode,
                boost: scored.boost_mode,
                max_boost: scored.max_boost,
            },
            min_score: scored.min_score,
            faults: self.shared.faults.clone(),
        }))
    }

    pub(super) fn script_score(
        &self,
        query: &Query,
        script: &ScoreScript,
        min_score: Option<f32>,
    ) -> Lowered {
        let number: Arc<dyn DocumentNumber> = Arc::new(self.scripted(script, Purpose::Score));
        Ok(Box::new(Rescored {
            query: self.scored_query(query)?,
            functions: vec![Function { filter: None, weight: 1.0, number: Some(number) }],
            combined: Combined::Alone,
            min_score,
            faults: self.shared.faults.clone(),
        }))
    }

    /// The documents of which a script says so. Each has the number 1 of it, or 0; those of other levels are not asked, as the script need
    /// not fit them.
    pub(super) fn script_filter(&self, script: &ScoreScript) -> Box<dyn TantivyQuery> {
        let number: Arc<dyn DocumentNumber> = Arc::new(self.scripted(script, Purpose::Filter));
        constant(Box::new(Rescored {
            query: self.at_level(constant(all())),
            functions: vec![Function { filter: None, weight: 1.0, number: Some(number) }],
            combined: Combined::Alone,
            min_score: Some(1.0),
            faults: self.shared.faults.clone(),
        }))
    }

    /// A query whose score counts: tantivy leaves a bare match-all out of others, and with it the score that it gives.
    pub(super) fn scored_query(&self, query: &Query) -> Lowered {
        if *query == Query::MatchAll { Ok(constant(all())) } else { self.query(query) }
    }

    fn scripted(&self, script: &ScoreScript, purpose: Purpose) -> Scripted {
        Scripted {
            script: script.clone(),
            layout: Arc::clone(&self.shared.view.layout),
            now_millis: self.context.now_millis,
            salt: self.salt(),
            limits: self.context.rules.script,
            lent: Lent::default(),
            faults: self.shared.faults.clone(),
            purpose,
        }
    }

    /// What makes chance another one in every index.
    fn salt(&self) -> u32 {
        (java_hash(self.context.index) as u32) << 10
    }

    /// What tells the number of a function; none for 1.
    fn number(&self, kind: &FunctionKind) -> Result<Option<Arc<dyn DocumentNumber>>, QueryError> {
        Ok(Some(match kind {
            FunctionKind::One => return Ok(None),
            FunctionKind::FieldValue { field, factor, modifier, missing } => {
                let found = ValueField::of(self.layout, field)?;
                if found.is_none() && missing.is_none() {
                    return Err(QueryError::shard(format!(
                        "failed to create query: Unable to find a field mapper for field [{field}]. No 'missing' value defined."
                    )));
                }
                if let Some(found) = &found {
                    check_numbers(found)?;
                }
                let (path, factor, modifier, missing) = (field.clone(), *factor, *modifier, *missing);
                Arc::new(FieldValue { path, field: found, factor, modifier, missing })
            }
            FunctionKind::Random { seed, field } => Arc::new(self.chance(*seed, field.as_deref())?),
            FunctionKind::Decay(decay) => Arc::new(self.nearness(decay)?),
            FunctionKind::Script(script) => Arc::new(self.scripted(script, Purpose::Function)),
        }))
    }

    fn chance(&self, seed: Option<i32>, field: Option<&str>) -> Result<Chance, QueryError> {
        let now = self.context.now_millis;
        let given = seed.unwrap_or((now ^ now >> 32) as i32);
        let by = match (seed, field) {
            (None, None) => ChanceBy::Place,
            (Some(_), None) | (_, Some("_id")) => ChanceBy::Id(AllSegments(self.identities.clone())),
            (_, Some(path)) => match ValueField::of(self.layout, path)? {
                Some(field) => ChanceBy::Field(field),
                None => {
                    return Err(QueryError::shard(format!(
                        "failed to create query: Field [{path}] is not mapped on [{}] and cannot be used as a source of random numbers.",
                        self.context.index
                    )));
                }
            },
        };
        Ok(Chance { seed: mix(given as u32 ^ self.salt()), by })
    }

    fn nearness(&self, decay: &Decay) -> Result<Nearness, QueryError> {
        let path = &decay.field;
        let parsing = |reason: String| QueryError::parsing(reason);
        let field =
            ValueField::of(self.layout, path)?.ok_or_else(|| parsing(format!("unknown field [{path}]")))?;
        let offset = decay.offset.as_ref();
        let required = |what: &str| {
            decay.origin.as_ref().ok_or_else(|| QueryError {
                kind: "parse_exception",
                reason: format!("both [scale] and [origin] must be set for {what} fields."),
            })
        };
        let (origin, scale, offset) = if field.has_points() {
            let metres = |value: &Value| read_distance(&plain(value), 1.0);
            let origin = Origin::Point(read_point(required("geo")?)?);
            (origin, metres(&decay.scale)?, offset.map_or(Ok(0.0), metres)?)
        } else if field.has_moments() {
            let millis = |value: &Value| read_time(&plain(value));
            let origin = match &decay.origin {
                Some(origin) => self.moment(path, origin, false)?,
                None => self.context.now_millis as f64,
            };
            (Origin::Number(origin), millis(&decay.scale)?, offset.map_or(Ok(0.0), millis)?)
        } else if field.has_numbers() {
            let number = |value: &Value| {
                value.as_f64().or_else(|| value.as_str()?.parse().ok()).ok_or_else(|| QueryError {
                    kind: "number_format_exception",
                    reason: format!("For input string: \"{}\"", plain(value)),
                })
            };
            let origin = Origin::Number(number(required("numeric")?)?);
            (origin, number(&decay.scale)?, offset.map_or(Ok(0.0), number)?)
        } else {
            let type_name = self.layout.mapping.leaf(path).map_or("", |mapping| &mapping.type_name);
            return Err(parsing(format!(
                "field [{path}] is of type [{type_name}], but only numeric types are supported."
            )));
        };
        if scale <= 0.0 {
            return Err(QueryError::argument("scale must be > 0.0."));
        }
        if offset < 0.0 {
            return Err(QueryError::argument("offset must be > 0.0"));
        }
        let falling = Falling::new(decay.shape, scale, offset, decay.decay);
        Ok(Nearness { field, origin, falling, mode: decay.mode })
    }

    /// A date of the request, in milliseconds; one that is cut off stands for its first moment or, `up`, its last.
    fn moment(&self, path: &str, value: &Value, up: bool) -> Result<f64, QueryError> {
        let dates = self.layout.mapping.leaf(path).and_then(|mapping| mapping.kind.dates());
        let Some((_, formats)) = dates else {
            return Err(QueryError::argument(format!("[{path}] is no date")));
        };
        let read = crate::mapping::dates::Resolution::Millis.read_math(
            &plain(value),
            formats,
            self.context.now_millis,
            &jiff::tz::TimeZone::UTC,
            up,
        );
        read.map(|moment| moment as f64).map_err(|reason| QueryError { kind: "parse_exception", reason })
    }

    pub(super) fn rank_feature(&self, path: &str, function: FeatureFunction) -> Lowered {
        let own = |kind: &FieldKind| matches!(kind, FieldKind::Structured(Structure::RankFeature));
        let named = |kind: &FieldKind| matches!(kind, FieldKind::Structured(Structure::RankFeatures));
        let name = |field| self.layout.schema.get_field_name(field).to_owned();
        let older = || {
            QueryError::argument(format!(
                "the index keeps no weights of the feature [{path}], which was mapped by an older version: write the documents into a new index (_reindex)"
            ))
        };
        let (column, mapping) = match self.layout.mapping.leaf(path) {
            Some(mapping) if own(&mapping.kind) => {
                let field = self.layout.part(path, FEATURE).ok_or_else(older)?;
                (FeatureColumn::Own(name(field)), mapping)
            }
            Some(mapping) => {
                return Err(QueryError::shard(format!(
                    "failed to create query: [rank_feature] query only works on [rank_feature] fields and features of [rank_features] fields, not [{}]",
                    mapping.type_name
                )));
            }
            None => {
                let mut parents = path.rmatch_indices('.').map(|(at, _)| (&path[..at], &path[at + 1..]));
                let found = parents.find_map(|(parent, feature)| {
                    let mapping = self.layout.mapping.leaf(parent).filter(|mapping| named(&mapping.kind))?;
                    Some((parent, feature, mapping))
                });
                let Some((parent, feature, mapping)) = found else { return Ok(none()) };
                let field = self.layout.part(parent, FEATURES).ok_or_else(older)?;
                (FeatureColumn::Named(name(field), feature.to_owned()), mapping)
            }
        };
        let is_bad =
            mapping.parameters.get("positive_score_impact").is_some_and(|said| plain(said) == "false");
        if is_bad && matches!(function, FeatureFunction::Log(_)) {
            return Err(QueryError::argument(
                "Cannot use the [log] function with a field that has a negative score impact as it would trigger negative scores",
            ));
        }
        Ok(self.graded(Grade::Feature { column, function }))
    }

    pub(super) fn graded(&self, by: Grade) -> Box<dyn TantivyQuery> {
        Box::new(Graded { by, faults: self.shared.faults.clone() })
    }

    pub(super) fn distance_feature(&self, path: &str, origin: &Value, pivot: &str) -> Lowered {
        let refused = || {
            let type_name = self.layout.mapping.leaf(path).map_or("", |mapping| &mapping.type_name);
            QueryError::shard(format!(
                "failed to create query: Illegal data type of [{type_name}]![distance_feature] query can only be run on a date, date_nanos or geo_point field type!"
            ))
        };
        if self.layout.mapping.searched(path).is_some_and(|mapping| mapping.kind.is_text()) {
            return Err(refused());
        }
        let Some(field) = ValueField::of(self.layout, path)? else { return Ok(none()) };
        let (origin, pivot) = if field.has_points() {
            (Origin::Point(read_point(origin)?), read_distance(pivot, 1.0)?)
        } else if field.has_moments() {
            // A day stands for its end, as in Elasticsearch.
            (Origin::Number(self.moment(path, origin, true)?), read_time(pivot)?)
        } else {
            return Err(refused());
        };
        if pivot <= 0.0 {
            return Err(QueryError::argument(format!("pivotDistance must be > 0, got {pivot:?}")));
        }
        Ok(self.graded(Grade::Near { field, origin, pivot }))
    }

    pub(super) fn terms_set(&self, asked: &TermsSet) -> Lowered {
        let TermsSet { field, values, .. } = asked;
        self.context.rules.check_terms(values.len())?;
        let terms = values.iter().map(|value| self.term(field, value, false));
        let terms = terms.collect::<Result<Vec<_>, _>>()?;
        let least: Arc<dyn DocumentNumber> = match &asked.least {
            LeastTerms::Of(minimum) => Arc::new(Fixed(minimum.of(terms.len()) as f64)),
            LeastTerms::Field(path) => match ValueField::of(self.layout, path)? {
                Some(field) => {
                    check_numbers(&field)?;
                    Arc::new(NumberOf(field))
                }
                None => {
                    return Err(QueryError::shard(format!(
                        "failed to find minimum_should_match field [{path}]"
                    )));
                }
            },
            LeastTerms::Script(script) => {
                let mut params = (*script.params).clone();
                params["num_terms"] = Value::from(terms.len());
                let script = ScoreScript { params: Arc::new(params), ..script.clone() };
                Arc::new(self.scripted(&script, Purpose::Count))
            }
        };
        Ok(Box::new(Covering { terms, least, faults: self.shared.faults.clone() }))
    }

    /// The first documents score the most; others never come near.
    pub(super) fn pinned(&self, documents: &[(Option<String>, String)], organic: &Query) -> Lowered {
        let mut queries: Vec<Box<dyn TantivyQuery>> = Vec::new();
        let count = documents.len() as u32;
        for ((index, id), above) in documents.iter().zip((1..=count).rev()) {
            if index.as_ref().is_some_and(|index| !name_matches(index, self.context.index)) {
                continue;
            }
            let found = self.ids(std::slice::from_ref(id), &[]);
            queries.push(Box::new(BoostQuery::new(found, f32::from_bits(PINNED_BITS + above))));
        }
        queries.push(self.scored_query(organic)?);
        Ok(Box::new(DisjunctionMaxQuery::new(queries)))
    }
}

fn check_numbers(field: &ValueField) -> Result<(), QueryError> {
    if field.has_numbers() {
        return Ok(());
    }
    Err(QueryError::argument(format!("the values of [{}] are no numbers", field.path())))
}

/// The same number for every document.
#[derive(Debug, Clone, Copy)]
struct Fixed(f64);

impl DocumentNumber for Fixed {
    fn open(
        &self,
        _reader: &tantivy::index::SegmentReader,
    ) -> tantivy::Result<Box<dyn crate::query::weights::function_score::NumberInSegment>> {
        Ok(Box::new(*self))
    }
}

impl crate::query::weights::function_score::NumberInSegment for Fixed {
    fn of(&mut self, _document: tantivy::DocId, _score: tantivy::Score) -> Result<f64, QueryError> {
        Ok(self.0)
    }
}
