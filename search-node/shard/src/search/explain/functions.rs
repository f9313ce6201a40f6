//! Scores that functions and scripts make, in the words of Elasticsearch.

use tantivy::DocId;
use tantivy::index::SegmentReader;

use super::{Explainer, Explanation, SearchError};
use crate::query::{
    BoostMode, FunctionKind, FunctionMode, FunctionScore, Modifier, Query, ScoreFunction, ScoreScript,
};

impl Explainer<'_> {
    pub(super) fn function_score(
        &self,
        asked: &FunctionScore,
        value: f32,
        (reader, document): (&SegmentReader, DocId),
    ) -> Result<Explanation, SearchError> {
        let of_query = self.explain(&asked.query, reader, document)?;
        let functions = self.functions(asked, &of_query, (reader, document))?;
        let Some(functions) = functions else { return Ok(of_query) };
        let most = Explanation::new(Some(asked.max_boost), "maxBoost", Vec::new());
        let least = functions.value.unwrap_or_default().min(asked.max_boost);
        let functions = Explanation::new(Some(least), "min of:", vec![functions, most]);
        let description = match asked.boost_mode {
            BoostMode::Replace => return Ok(functions),
            BoostMode::Multiply => "function score, product of:",
            BoostMode::Sum => "sum of",
            BoostMode::Avg => "avg of",
            BoostMode::Max => "max of",
            BoostMode::Min => "min of",
        };
        Ok(Explanation::new(Some(value), description, vec![of_query, functions]))
    }

    /// What the functions come to that a document has; none where none is asked for.
    fn functions(
        &self,
        asked: &FunctionScore,
        of_query: &Explanation,
        (reader, document): (&SegmentReader, DocId),
    ) -> Result<Option<Explanation>, SearchError> {
        let alone = |functions: Vec<ScoreFunction>| {
            let alone = FunctionScore {
                functions,
                boost_mode: BoostMode::Replace,
                max_boost: f32::MAX,
                min_score: None,
                ..asked.clone()
            };
            self.score(&Query::FunctionScore(Box::new(alone)), reader, document)
        };
        let mut told = Vec::new();
        for function in &asked.functions {
            let filter = match &function.filter {
                Some(filter) if self.score(filter, reader, document)?.is_none() => continue,
                filter => filter.as_ref(),
            };
            let unfiltered = |weight| ScoreFunction { filter: None, weight, kind: function.kind.clone() };
            let plain = alone(vec![unfiltered(None)])?;
            let mut one = Explanation::new(plain, shown_function(&function.kind), Vec::new());
            if let FunctionKind::Script(_) = function.kind {
                one.details.push(score_of(of_query));
            }
            if let Some(weight) = function.weight {
                let value = alone(vec![unfiltered(Some(weight))])?;
                let weight = Explanation::new(Some(weight), "weight", Vec::new());
                one = Explanation::new(value, "product of:", vec![one, weight]);
            }
            if let Some(filter) = filter {
                let of_filter = format!("match filter: {}", self.tell(filter));
                let matched = Explanation::new(Some(1.0), of_filter, Vec::new());
                one = Explanation::new(one.value, "function score, product of:", vec![matched, one]);
            }
            told.push(one);
        }
        let is_single = matches!(asked.functions.as_slice(), [only] if only.filter.is_none());
        Ok(match told.len() {
            0 if asked.functions.is_empty() => None,
            0 => Some(Explanation::new(Some(1.0), "No function matched", Vec::new())),
            1 if is_single => told.pop(),
            _ => {
                let mode = match asked.score_mode {
                    FunctionMode::Multiply => "multiply",
                    FunctionMode::Sum => "sum",
                    FunctionMode::Avg => "avg",
                    FunctionMode::First => "first",
                    FunctionMode::Max => "max",
                    FunctionMode::Min => "min",
                };
                let description = format!("function score, score mode [{mode}]");
                Some(Explanation::new(alone(asked.functions.clone())?, description, told))
            }
        })
    }

    pub(super) fn script_score(
        &self,
        (query, script): (&Query, &ScoreScript),
        value: f32,
        (reader, document): (&SegmentReader, DocId),
    ) -> Result<Explanation, SearchError> {
        let of_query = self.explain(query, reader, document)?;
        Ok(Explanation::new(Some(value), shown_script(script), vec![score_of(&of_query)]))
    }

    pub(super) fn boosting(
        &self,
        (positive, negative, by): (&Query, &Query, f32),
        value: f32,
        (reader, document): (&SegmentReader, DocId),
    ) -> Result<Explanation, SearchError> {
        let mut of_query = self.explain(positive, reader, document)?;
        let shown = self.tell(negative);
        if self.score(negative, reader, document)?.is_some() {
            let matched = format!("Matched boosting query score(ConstantScore({shown}))");
            let matched = Explanation::new(Some(by), matched, Vec::new());
            of_query = Explanation::new(Some(value), "product of:", vec![of_query, matched]);
        }
        let description = format!(
            "weight(FunctionScoreQuery({}, scored by boost(queryboost(score(ConstantScore({shown})))^{by:?}))), result of:",
            self.tell(positive)
        );
        Ok(Explanation::new(Some(value), description, vec![of_query]))
    }
}

/// The score that a script was given.
fn score_of(query: &Explanation) -> Explanation {
    Explanation::new(query.value, "_score: ", vec![query.clone()])
}

fn shown_script(script: &ScoreScript) -> String {
    format!(
        "script score function, computed with script:\"Script{{type=inline, lang='painless', idOrCode='{}', options={{}}, params={}}}\"",
        script.source, script.params
    )
}

fn shown_function(kind: &FunctionKind) -> String {
    match kind {
        FunctionKind::One => "constant score 1.0 - no function provided".to_owned(),
        FunctionKind::FieldValue { field, factor, modifier, missing } => {
            let missing = missing.map(|missing| format!("?:{missing:?}")).unwrap_or_default();
            let modifier = shown_modifier(*modifier);
            format!("field value function: {modifier}(doc['{field}'].value{missing} * factor={factor:?})")
        }
        FunctionKind::Random { seed, field } => {
            let seed = seed.map_or("null".to_owned(), |seed| seed.to_string());
            format!("random score function (seed: {seed}, field: {})", field.as_deref().unwrap_or("null"))
        }
        FunctionKind::Decay(decay) => format!("Function for field {}:", decay.field),
        FunctionKind::Script(script) => shown_script(script),
    }
}

fn shown_modifier(modifier: Modifier) -> &'static str {
    match modifier {
        Modifier::None => "none",
        Modifier::Log => "log",
        Modifier::Log1p => "log1p",
        Modifier::Log2p => "log2p",
        Modifier::Ln => "ln",
        Modifier::Ln1p => "ln1p",
        Modifier::Ln2p => "ln2p",
        Modifier::Square => "square",
        Modifier::Sqrt => "sqrt",
        Modifier::Reciprocal => "reciprocal",
    }
}
