//! The query for intervals.

use serde_json::Value;

use super::full_text::fuzziness_of;
use super::members::Members;
use crate::json_values::plain;
use crate::query::QueryError;
use crate::query::ast::{Edits, IntervalFilter, Intervals, Query, RegexpSyntax, Rewrite, Words};
use crate::query::regexp::Flags;

/// Deeper rules are refused.
const DEPTH_MAX: usize = 30;

pub(super) fn parse_intervals(body: &Value) -> Result<Query, QueryError> {
    let (field, mut members) = Members::of_field("intervals", body, "match")?;
    let beside = ["boost", "_name"].map(|key| members.take(key).map(|value| (key, value)));
    let (name, rule) = members
        .next()
        .ok_or_else(|| QueryError::parsing("Missing intervals from interval query definition"))?;
    if let Some((second, _)) = members.next() {
        return Err(QueryError::parsing(format!(
            "Only one interval rule can be specified, found [{name}] and [{second}]"
        )));
    }
    let intervals = Box::new(parse_rule(name, rule, 0)?);
    members.put_back(beside);
    members.end(Query::Intervals { field, intervals })
}

/// `{"match": {…}}`
fn parse_one(value: &Value, depth: usize) -> Result<Intervals, QueryError> {
    let mut rules = value.as_object().into_iter().flatten();
    match (rules.next(), rules.next()) {
        (Some((name, rule)), None) => parse_rule(name, rule, depth),
        (None, _) => Err(QueryError::parsing("Expected [FIELD_NAME] but got [END_OBJECT]")),
        (Some(_), Some(_)) => Err(QueryError::parsing("Expected [END_OBJECT] but got [FIELD_NAME]")),
    }
}

fn parse_rule(name: &str, rule: &Value, depth: usize) -> Result<Intervals, QueryError> {
    if depth > DEPTH_MAX {
        return Err(QueryError::argument(format!("[intervals] rules are nested deeper than [{DEPTH_MAX}]")));
    }
    match name {
        "match" => parse_match(rule, depth),
        "any_of" => parse_any_of(rule, depth),
        "all_of" => parse_all_of(rule, depth),
        "prefix" => parse_prefix(rule),
        "wildcard" => parse_wildcard(rule),
        "regexp" => parse_regexp(rule),
        "fuzzy" => parse_fuzzy(rule),
        _ => Err(QueryError::parsing(format!(
            "Unknown interval type [{name}], expecting one of [match, any_of, all_of, prefix, regexp, wildcard, fuzzy]"
        ))),
    }
}

fn required<T>(found: Option<T>, key: &str) -> Result<T, QueryError> {
    found.ok_or_else(|| QueryError::argument(format!("Required [{key}]")))
}

fn words(members: &mut Members<'_>) -> Words {
    Words { analyzer: members.text("analyzer"), use_field: members.text("use_field") }
}

/// Nothing may be left; rules have neither boosts nor names.
fn done(mut members: Members<'_>, made: Intervals) -> Result<Intervals, QueryError> {
    match members.next() {
        Some((key, _)) => Err(QueryError::parsing(format!("[{}] unknown field [{key}]", members.query))),
        None => Ok(made),
    }
}

fn gaps(members: &mut Members<'_>) -> Result<Option<i64>, QueryError> {
    let found = members.read("max_gaps", |value| {
        let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        number.ok_or_else(|| {
            QueryError::argument(format!("Failed to parse value [{}] for [max_gaps]", plain(value)))
        })
    })?;
    Ok(found.filter(|most| *most >= 0))
}

/// Whether terms stand in their order, by the names it has had.
fn ordered(members: &mut Members<'_>) -> Result<bool, QueryError> {
    let ordered = members.flag("ordered")?;
    match members.text("mode").as_deref() {
        None => Ok(ordered.unwrap_or(false)),
        Some("ordered") => Ok(true),
        Some("unordered") => Ok(false),
        Some(other) => Err(QueryError::argument(format!("unknown mode [{other}] of [intervals]"))),
    }
}

fn filter(members: &mut Members<'_>, depth: usize) -> Result<Option<Box<IntervalFilter>>, QueryError> {
    members.read("filter", |value| {
        let mut rules = value.as_object().into_iter().flatten();
        let (Some((name, others)), None) = (rules.next(), rules.next()) else {
            return Err(QueryError::parsing("[filter] of [intervals] must have one rule"));
        };
        if name == "script" {
            return Err(QueryError::argument(
                "cannot execute scripts: [script] as a [filter] of [intervals] is not supported; use one of the other filter rules",
            ));
        }
        let rule = IntervalFilter::RULES.iter().find(|rule| rule.eq_ignore_ascii_case(name));
        let rule = rule.ok_or_else(|| {
            QueryError::shard(format!("failed to create query: Unknown filter type [{name}]"))
        })?;
        Ok(Box::new(IntervalFilter { rule, others: parse_one(others, depth + 1)? }))
    })
}

fn parse_match(rule: &Value, depth: usize) -> Result<Intervals, QueryError> {
    let mut members = Members::of("match", rule)?;
    let text = required(members.text("query"), "query")?;
    let made = Intervals::Match {
        text,
        words: words(&mut members),
        max_gaps: gaps(&mut members)?,
        ordered: ordered(&mut members)?,
        filter: filter(&mut members, depth)?,
    };
    done(members, made)
}

fn inner(members: &mut Members<'_>, depth: usize) -> Result<Vec<Intervals>, QueryError> {
    let found = members.read("intervals", |value| match value {
        Value::Array(items) => items.iter().map(|item| parse_one(item, depth + 1)).collect(),
        one => Ok(vec![parse_one(one, depth + 1)?]),
    })?;
    required(found, "intervals")
}

fn parse_any_of(rule: &Value, depth: usize) -> Result<Intervals, QueryError> {
    let mut members = Members::of("any_of", rule)?;
    let intervals = inner(&mut members, depth)?;
    let filter = filter(&mut members, depth)?;
    done(members, Intervals::AnyOf { intervals, filter })
}

fn parse_all_of(rule: &Value, depth: usize) -> Result<Intervals, QueryError> {
    let mut members = Members::of("all_of", rule)?;
    let intervals = inner(&mut members, depth)?;
    let made = Intervals::AllOf {
        intervals,
        max_gaps: gaps(&mut members)?,
        ordered: ordered(&mut members)?,
        filter: filter(&mut members, depth)?,
    };
    done(members, made)
}

fn like(mut members: Members<'_>, of: Query) -> Result<Intervals, QueryError> {
    let words = words(&mut members);
    let max_expansions = members.count("max_expansions")?.map(|most| most as usize);
    done(members, Intervals::Like { of: Box::new(of), words, max_expansions })
}

fn parse_prefix(rule: &Value) -> Result<Intervals, QueryError> {
    let mut members = Members::of("prefix", rule)?;
    let value = required(members.text("prefix"), "prefix")?;
    let field = String::new();
    like(members, Query::Prefix { field, value, case_insensitive: false, rewrite: Rewrite::Usual })
}

fn parse_wildcard(rule: &Value) -> Result<Intervals, QueryError> {
    let mut members = Members::of("wildcard", rule)?;
    let pattern = required(members.text("pattern"), "pattern")?;
    let (field, rewrite) = (String::new(), Rewrite::Usual);
    let query = Query::Wildcard { field, pattern, case_insensitive: false, is_normalized: true, rewrite };
    like(members, query)
}

fn parse_regexp(rule: &Value) -> Result<Intervals, QueryError> {
    let mut members = Members::of("regexp", rule)?;
    let pattern = required(members.text("pattern"), "pattern")?;
    let named = members.read("flags", |value| Flags::parse(value.as_str().unwrap_or_default()))?;
    let by_number = members.count("flags_value")?.map(Flags::of_bits);
    let usual = RegexpSyntax::default();
    let case_insensitive = members.flag("case_insensitive")?.unwrap_or(false);
    let syntax =
        RegexpSyntax { flags: by_number.or(named).unwrap_or(usual.flags), case_insensitive, ..usual };
    like(members, Query::Regexp { field: String::new(), pattern, syntax, rewrite: Rewrite::Usual })
}

fn parse_fuzzy(rule: &Value) -> Result<Intervals, QueryError> {
    let mut members = Members::of("fuzzy", rule)?;
    let value = required(members.text("term"), "term")?;
    let edits = members.read("fuzziness", |value| Edits::parse(&plain(value)))?.unwrap_or_default();
    let most = members.take("max_expansions");
    let fuzziness = fuzziness_of(&mut members, edits)?;
    members.put_back([most.map(|most| ("max_expansions", most))]);
    like(members, Query::Fuzzy { field: String::new(), value, fuzziness, is_normalized: true })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::query::parse_query;

    #[test]
    fn what_is_wrong_is_named() {
        for (rule, reason) in [
            (json!({}), "Missing intervals from interval query definition"),
            (
                json!({"match": {"query": "a"}, "prefix": {"prefix": "a"}}),
                "Only one interval rule can be specified, found [match] and [prefix]",
            ),
            (
                json!({"near": {}}),
                "Unknown interval type [near], expecting one of [match, any_of, all_of, prefix, regexp, wildcard, fuzzy]",
            ),
            (json!({"match": {}}), "Required [query]"),
            (json!({"match": {"query": "a", "slop": 1}}), "[match] unknown field [slop]"),
            (
                json!({"match": {"query": "a", "filter": {"beside": {"match": {"query": "b"}}}}}),
                "failed to create query: Unknown filter type [beside]",
            ),
            (json!({"any_of": {}}), "Required [intervals]"),
        ] {
            let query = json!({"intervals": {"t": rule}});
            assert_eq!(parse_query(&query).expect_err("refused").reason, reason, "{query}");
        }
    }
}
