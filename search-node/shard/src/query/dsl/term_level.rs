//! Queries for exact values: one, several, a range, and what is like a pattern.

use serde_json::Value;

use super::full_text::fuzziness_of;
use super::members::Members;
use crate::json_values::plain;
use crate::query::QueryError;
use crate::query::ast::{Edits, Query, RangeBounds, RangeRelation, RegexpSyntax};
use crate::query::regexp::Flags;

/// More values are refused; Elasticsearch's `index.max_terms_count`.
const TERMS_MAX: usize = 65_536;

pub(super) fn parse_term(body: &Value) -> Result<Query, QueryError> {
    let (field, mut members) = Members::of_field("term", body, "value")?;
    let value = members.take_any(&["value", "term"]).filter(|value| !value.is_null()).cloned();
    let value = value.ok_or_else(|| QueryError::argument("value cannot be null"))?;
    let case_insensitive = members.flag("case_insensitive")?.unwrap_or(false);
    members.end(Query::Term { field, value, case_insensitive })
}

pub(super) fn parse_terms(body: &Value) -> Result<Query, QueryError> {
    let mut members = Members::of("terms", body)?;
    let beside = ["boost", "_name"].map(|key| members.take(key).map(|value| (key, value)));
    let (field, values) = match members.next() {
        // Whoever coordinates reads the document first, where there is one.
        Some((field, Value::Object(_))) => {
            members.put_back(beside);
            return members.end(Query::TermsOf { field: field.to_owned() });
        }
        Some((field, Value::Array(values))) => (field.to_owned(), values.clone()),
        Some((other, _)) => return Err(members.unsupported(other)),
        None => {
            return Err(QueryError::parsing(
                "[terms] query requires a field name, followed by array of terms or a document lookup specification",
            ));
        }
    };
    if members.next().is_some() {
        return Err(QueryError::parsing("[terms] query does not support multiple fields"));
    }
    if values.len() > TERMS_MAX {
        return Err(QueryError::argument(format!(
            "The number of terms [{}] used in the Terms Query request has exceeded the allowed maximum of [{TERMS_MAX}]. This maximum can be set by changing the [index.max_terms_count] index level setting.",
            values.len()
        )));
    }
    members.put_back(beside);
    members.end(Query::Terms { field, values })
}

pub(super) fn parse_range(body: &Value) -> Result<Query, QueryError> {
    let (field, mut members) = Members::of_field("range", body, "value")?;
    let mut bound = |keys: [(&str, bool); 3]| {
        let mut found = None;
        for (key, includes) in keys {
            if let Some(value) = members.take(key) {
                found = (!value.is_null()).then(|| (value.clone(), includes));
            }
        }
        found
    };
    let mut lower = bound([("from", true), ("gt", false), ("gte", true)]);
    let mut upper = bound([("to", true), ("lt", false), ("lte", true)]);
    for (key, bound) in [("include_lower", &mut lower), ("include_upper", &mut upper)] {
        if let (Some(includes), Some((_, included))) = (members.flag(key)?, bound.as_mut()) {
            *included = includes;
        }
    }
    let (format, time_zone) = (members.text("format"), members.text("time_zone"));
    let relation = members.read("relation", parse_relation)?.unwrap_or_default();
    members.end(Query::Range { field, bounds: RangeBounds { lower, upper, format, time_zone, relation } })
}

fn parse_relation(value: &Value) -> Result<RangeRelation, QueryError> {
    match plain(value).to_ascii_lowercase().as_str() {
        "intersects" => Ok(RangeRelation::Intersects),
        "within" => Ok(RangeRelation::Within),
        "contains" => Ok(RangeRelation::Contains),
        "disjoint" => Err(QueryError::argument("[range] query does not support relation [disjoint]")),
        other => Err(QueryError::argument(format!("{other} is not a valid relation"))),
    }
}

pub(super) fn parse_exists(body: &Value) -> Result<Query, QueryError> {
    let mut members = Members::of("exists", body)?;
    let field = members.take("field").and_then(Value::as_str).map(str::to_owned);
    let field = field.ok_or_else(|| QueryError::parsing("[exists] must be provided with a [field]"))?;
    members.end(Query::Constant { query: Box::new(Query::Exists { field }) })
}

pub(super) fn parse_ids(body: &Value) -> Result<Query, QueryError> {
    let mut members = Members::of("ids", body)?;
    let values = members.texts("values")?.unwrap_or_default();
    let types = members.texts("type")?.unwrap_or_default();
    members.end(Query::Ids { values, types })
}

fn value_of(members: &mut Members<'_>, keys: &[&str]) -> Result<String, QueryError> {
    members.take_any(keys).map(plain).ok_or_else(|| QueryError::argument("value cannot be null"))
}

pub(super) fn parse_prefix(body: &Value) -> Result<Query, QueryError> {
    let (field, mut members) = Members::of_field("prefix", body, "value")?;
    let value = value_of(&mut members, &["value", "prefix"])?;
    let case_insensitive = members.flag("case_insensitive")?.unwrap_or(false);
    let rewrite = members.rewrite("rewrite")?.unwrap_or_default();
    members.end(Query::Prefix { field, value, case_insensitive, rewrite })
}

pub(super) fn parse_wildcard(body: &Value) -> Result<Query, QueryError> {
    let (field, mut members) = Members::of_field("wildcard", body, "value")?;
    let pattern = value_of(&mut members, &["value", "wildcard"])?;
    let case_insensitive = members.flag("case_insensitive")?.unwrap_or(false);
    let rewrite = members.rewrite("rewrite")?.unwrap_or_default();
    members.end(Query::Wildcard { field, pattern, case_insensitive, is_normalized: false, rewrite })
}

pub(super) fn parse_regexp(body: &Value) -> Result<Query, QueryError> {
    let (field, mut members) = Members::of_field("regexp", body, "value")?;
    let pattern = value_of(&mut members, &["value"])?;
    let rewrite = members.rewrite("rewrite")?.unwrap_or_default();
    let usual = RegexpSyntax::default();
    let named = members.read("flags", |value| Flags::parse(value.as_str().unwrap_or_default()))?;
    let by_number = members.count("flags_value")?.map(Flags::of_bits);
    let syntax = RegexpSyntax {
        flags: by_number.or(named).unwrap_or(usual.flags),
        case_insensitive: members.flag("case_insensitive")?.unwrap_or(usual.case_insensitive),
        effort: members.count("max_determinized_states")?.unwrap_or(usual.effort),
    };
    members.end(Query::Regexp { field, pattern, syntax, rewrite })
}

pub(super) fn parse_fuzzy(body: &Value) -> Result<Query, QueryError> {
    let (field, mut members) = Members::of_field("fuzzy", body, "value")?;
    let value = value_of(&mut members, &["value", "term"])?;
    let edits = members.read("fuzziness", |value| Edits::parse(&plain(value)))?.unwrap_or_default();
    let fuzziness = fuzziness_of(&mut members, edits)?;
    members.end(Query::Fuzzy { field, value, fuzziness, is_normalized: false })
}
