//! What weights tell of a score, in Lucene's words: clauses are summed or the best of them counts, and a boost counts where a score begins.

use serde_json::Value;
use tantivy::DocId;
use tantivy::index::SegmentReader;
use tantivy::query::{BooleanQuery, EnableScoring, Occur, Query};

use super::Explanation;
use crate::query::score_at;

/// What a document scores by a query; none where it does not match. Clauses are asked one by one, as tantivy's own do not all bear to be asked for
/// a document that they do not have.
pub(super) fn of_query(
    query: &dyn Query,
    scoring: EnableScoring<'_>,
    (reader, document): (&SegmentReader, DocId),
    shown: &dyn Fn() -> String,
) -> tantivy::Result<Option<Explanation>> {
    let weight = query.weight(scoring)?;
    let Some(score) = score_at(&mut *weight.scorer(reader, 1.0)?, document) else { return Ok(None) };
    if let Some(joined_by) = query.downcast_ref::<BooleanQuery>() {
        let mut details = Vec::new();
        for (_, clause) in joined_by.clauses().iter().filter(|(occur, _)| *occur != Occur::MustNot) {
            details.extend(of_query(clause.as_ref(), scoring, (reader, document), shown)?);
        }
        // Filters count nothing.
        details.retain(|detail: &Explanation| detail.value != Some(0.0) || !detail.details.is_empty());
        return Ok(Some(joined(score, details)));
    }
    let told = weight.explain(reader, document).ok().and_then(|told| serde_json::to_value(told).ok());
    Ok(Some(told.map_or_else(|| constant(shown(), score), |told| read(&told, shown))))
}

/// An explanation of tantivy's. Of what has no words of Lucene's, `shown` tells what it is.
pub(super) fn read(told: &Value, shown: &dyn Fn() -> String) -> Explanation {
    let value = told["value"].as_f64().unwrap_or_default() as f32;
    let description = told["description"].as_str().unwrap_or_default();
    let details = || {
        let details = told["details"].as_array().into_iter().flatten();
        details.map(|detail| read(detail, shown)).collect::<Vec<_>>()
    };
    if description == "BooleanClause. sum of ..." {
        return joined(value, details());
    }
    if let Some(boost) =
        description.strip_prefix("Boost x").and_then(|rest| rest.split(' ').next()?.parse().ok())
        && let Some(of) = details().pop()
    {
        return boosted(of, boost, value);
    }
    if !is_of_lucene(description) {
        return constant(shown(), value);
    }
    let whole = told["context"][0].as_str().and_then(|number| number.parse().ok());
    Explanation { whole, ..Explanation::new(Some(value), description, details()) }
}

/// Whether somebody wrote it who knows what Lucene says.
fn is_of_lucene(description: &str) -> bool {
    const BEGINNINGS: [&str; 3] = ["weight(", "Saturation function", "score("];
    const OTHERS: [&str; 13] = [
        "b, length",
        "boost",
        "dl, length",
        "avgdl,",
        "freq, ",
        "idf, ",
        "k, pivot",
        "k1, ",
        "n, number",
        "N, total",
        "phraseFreq=",
        "S, the",
        "tf, ",
    ];
    description.starts_with("w, weight")
        || BEGINNINGS.iter().chain(&OTHERS).any(|known| description.starts_with(known))
}

/// What always scores the same.
pub(super) fn constant(shown: String, value: f32) -> Explanation {
    let boost = if value == 1.0 { String::new() } else { format!("^{value:?}") };
    Explanation::new(Some(value), format!("{shown}{boost}"), Vec::new())
}

/// Clauses that come to a score: their sum, or the best of them with a part of the others.
pub(super) fn joined(value: f32, mut details: Vec<Explanation>) -> Explanation {
    if details.len() == 1 {
        return details.remove(0);
    }
    let values = details.iter().filter_map(|detail| detail.value);
    let (sum, best) = values.fold((0.0_f32, 0.0_f32), |(sum, best), value| (sum + value, best.max(value)));
    let is = |wanted: f32| (wanted - value).abs() <= 1e-5 * value.abs();
    let description = if is(sum) {
        "sum of:".to_owned()
    } else if is(best) {
        "max of:".to_owned()
    } else {
        let part = (value - best) / (sum - best);
        format!("max plus {} times others of:", (part * 1e4).round() / 1e4)
    };
    Explanation::new(Some(value), description, details)
}

/// A score that is multiplied.
pub(super) fn boosted(told: Explanation, by: f32, value: f32) -> Explanation {
    let Explanation { description, mut details, .. } = told;
    let begins = |beginning: &str| description.starts_with(beginning);
    let times = |told: Explanation| {
        let value = told.value.unwrap_or_default() * by;
        boosted(told, by, value)
    };
    if begins("weight(") && details.len() == 1 || begins("sum of:") || begins("max ") {
        details = details.into_iter().map(times).collect();
    } else if begins("score(") || begins("Saturation function") {
        // The first factor.
        match details.first_mut().and_then(|first| first.value.as_mut()) {
            Some(factor) => *factor *= by,
            None => details.push(Explanation::new(Some(by), "boost", Vec::new())),
        }
    } else if details.is_empty() {
        let shown = match description.rsplit_once('^') {
            Some((shown, boost)) if boost.parse::<f32>().is_ok() => shown.to_owned(),
            _ => description,
        };
        return constant(shown, value);
    } else if !begins("match on required clause") {
        let of = Explanation::new(Some(value / by), description, details);
        let boost = Explanation::new(Some(by), "boost", Vec::new());
        return Explanation::new(Some(value), "product of:", vec![of, boost]);
    }
    Explanation::new(Some(value), description, details)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(value: f64, description: &str, details: &[Value]) -> Value {
        json!({"value": value, "description": description, "details": details})
    }

    fn shown(told: &Explanation) -> String {
        let details: Vec<String> = told.details.iter().map(shown).collect();
        let inside = if details.is_empty() { String::new() } else { format!(" [{}]", details.join(", ")) };
        format!("{} {}{inside}", told.value.unwrap_or_default(), told.description)
    }

    fn word(score: f64) -> Value {
        let factors = [told(2.0, "boost", &[]), told(score / 2.0, "tf, computed as", &[])];
        told(score, "weight(x:a in 0)", &[told(score, "score(freq=1.0)", &factors)])
    }

    #[test]
    fn clauses_are_summed_or_the_best_counts() {
        let both = |value| told(value, "BooleanClause. sum of ...", &[word(1.0), word(4.0)]);
        let description = |value| read(&both(value), &String::new).description;
        assert_eq!(description(5.0), "sum of:");
        assert_eq!(description(4.0), "max of:");
        assert_eq!(description(4.3), "max plus 0.3 times others of:");
        let alone = told(1.0, "BooleanClause. sum of ...", &[word(1.0)]);
        assert!(read(&alone, &String::new).description.starts_with("weight("));
    }

    #[test]
    fn a_boost_counts_where_a_score_begins() {
        let boosted = told(12.0, "Boost x3 of ...", &[word(4.0)]);
        assert_eq!(
            shown(&read(&boosted, &String::new)),
            "12 weight(x:a in 0) [12 score(freq=1.0) [6 boost, 2 tf, computed as]]"
        );
        let constant = told(3.0, "Boost x3 of ...", &[told(1.0, "Const", &[])]);
        assert_eq!(shown(&read(&constant, &|| "k:a".to_owned())), "3 k:a^3.0");
    }

    #[test]
    fn whole_numbers_keep_their_digits() {
        let number = json!({"value": 3e7, "description": "N, total number of documents with field", "context": ["30000001"]});
        assert_eq!(read(&number, &String::new).to_json()["value"], json!(30_000_001));
    }
}
