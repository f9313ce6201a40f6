//! Elasticsearch's query DSL: JSON to [`Query`], refusing what it does not know.

mod joined;

use serde_json::{Map, Value};

use self::joined::{parse_nested, parse_parent_id};
use super::ast::{MultiMatchKind, Operator, Query, RangeBounds, RangeRelation};
use super::minimum_should_match::MinimumShouldMatch;
use super::rules::boosted_field;
use super::{QueryError, query_string};

/// Deeper queries are refused; Elasticsearch's `indices.query.bool.max_nested_depth`.
const DEPTH_MAX: usize = 30;
/// More clauses are refused; Elasticsearch's `indices.query.bool.max_clause_count`.
const CLAUSES_MAX: usize = 1024;
/// More values are refused; Elasticsearch's `index.max_terms_count`.
const TERMS_MAX: usize = 65_536;

const KNOWN: [&str; 22] = [
    "match_all",
    "match_none",
    "term",
    "terms",
    "match",
    "match_bool_prefix",
    "match_phrase",
    "match_phrase_prefix",
    "multi_match",
    "range",
    "exists",
    "ids",
    "prefix",
    "wildcard",
    "regexp",
    "fuzzy",
    "bool",
    "dis_max",
    "constant_score",
    "nested",
    "parent_id",
    "query_string",
];

/// Reads the value of `query`.
pub fn parse_query(json: &Value) -> Result<Query, QueryError> {
    parse(json, 0)
}

fn parse(json: &Value, depth: usize) -> Result<Query, QueryError> {
    if depth > DEPTH_MAX {
        return Err(QueryError::argument(format!(
            "The nested depth of the query exceeds the maximum nested depth for queries set in [indices.query.bool.max_nested_depth] ([{DEPTH_MAX}])"
        )));
    }
    let object = json
        .as_object()
        .ok_or_else(|| QueryError::parsing("[_na] query malformed, must start with start_object"))?;
    let mut entries = object.iter();
    let Some((name, body)) = entries.next() else {
        return Err(QueryError::argument("query malformed, empty clause found"));
    };
    if let Some((second, _)) = entries.next() {
        return Err(QueryError::parsing(format!(
            "[{name}] malformed query, expected [END_OBJECT] but found [FIELD_NAME] ({second}); join queries with bool"
        )));
    }
    match name.as_str() {
        "match_all" => whole(name, body, Query::MatchAll),
        "match_none" => whole(name, body, Query::MatchNone),
        "term" => parse_term(body),
        "terms" => parse_terms(body),
        "match" => parse_match(body),
        "match_bool_prefix" => parse_bool_prefix(body),
        "match_phrase" | "match_phrase_prefix" => parse_phrase(name, body),
        "multi_match" => parse_multi_match(body),
        "range" => parse_range(body),
        "exists" => parse_exists(body),
        "ids" => parse_ids(body),
        "prefix" | "wildcard" | "regexp" | "fuzzy" => parse_pattern(name, body),
        "bool" => parse_bool(body, depth),
        "dis_max" => parse_dis_max(body, depth),
        "constant_score" => parse_constant(body, depth),
        "nested" => parse_nested(body, depth),
        "parent_id" => parse_parent_id(body),
        "query_string" => parse_query_string(body),
        _ => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> QueryError {
    let near = KNOWN.iter().filter(|known| similar(known, name)).copied().collect::<Vec<_>>();
    let hint = match near.as_slice() {
        [] => String::new(),
        near => format!(" did you mean [{}]?", near.join(", ")),
    };
    QueryError::parsing(format!("unknown query [{name}]{hint}"))
}

/// Same letters but for a slip: enough to guess a query's name.
fn similar(known: &str, typed: &str) -> bool {
    let mut a: Vec<u8> = known.bytes().collect();
    let mut b: Vec<u8> = typed.bytes().collect();
    a.sort_unstable();
    b.sort_unstable();
    let common = a.iter().filter(|letter| b.contains(letter)).count();
    known.starts_with(&typed[..typed.chars().next().map_or(0, char::len_utf8)])
        && a.len().abs_diff(b.len()) <= 1
        && common + 1 >= a.len()
}

/// A query without a field: only a boost and a name.
fn whole(name: &str, body: &Value, query: Query) -> Result<Query, QueryError> {
    let mut boost = 1.0;
    for (key, value) in members(name, body)? {
        match key.as_str() {
            "boost" => boost = number(name, key, value)?,
            "_name" => {}
            _ => return Err(unsupported(name, key)),
        }
    }
    Ok(query.boosted(boost))
}

fn members<'a>(name: &str, body: &'a Value) -> Result<&'a Map<String, Value>, QueryError> {
    body.as_object().ok_or_else(|| {
        QueryError::parsing(format!("[{name}] query malformed, no start_object after query name"))
    })
}

fn unsupported(name: &str, key: &str) -> QueryError {
    QueryError::parsing(format!("[{name}] query does not support [{key}]"))
}

/// The one field of a query, and its body as members: `{"field": value}` counts as `{"field": {key: value}}`.
fn field_body(name: &str, body: &Value, key: &str) -> Result<(String, Map<String, Value>), QueryError> {
    let object = members(name, body)?;
    // `boost` and `_name` may stand beside the field.
    let mut fields = object.iter().filter(|(field, _)| !matches!(field.as_str(), "boost" | "_name"));
    let Some((field, value)) = fields.next() else {
        return Err(QueryError::argument(format!("field name is null or empty for [{name}]")));
    };
    if let Some((second, _)) = fields.next() {
        return Err(QueryError::parsing(format!(
            "[{name}] query doesn't support multiple fields, found [{field}] and [{second}]"
        )));
    }
    let mut inner = match value {
        Value::Object(inner) => inner.clone(),
        Value::Array(_) => {
            return Err(QueryError::parsing(format!("[{name}] query does not support array of values")));
        }
        scalar => Map::from_iter([(key.to_owned(), scalar.clone())]),
    };
    if let Some(boost) = object.get("boost") {
        inner.entry("boost").or_insert_with(|| boost.clone());
    }
    Ok((field.clone(), inner))
}

fn parse_term(body: &Value) -> Result<Query, QueryError> {
    let (field, members) = field_body("term", body, "value")?;
    let (mut found, mut boost, mut case_insensitive) = (None, 1.0, false);
    for (key, value) in &members {
        match key.as_str() {
            "value" | "term" => found = Some(value.clone()),
            "boost" => boost = number("term", key, value)?,
            "case_insensitive" => case_insensitive = flag("term", key, value)?,
            "_name" => {}
            _ => return Err(unsupported("term", key)),
        }
    }
    let value =
        found.filter(|value| !value.is_null()).ok_or_else(|| QueryError::argument("value cannot be null"))?;
    Ok(Query::Term { field, value, case_insensitive }.boosted(boost))
}

fn parse_terms(body: &Value) -> Result<Query, QueryError> {
    let mut found = None;
    let mut boost = 1.0;
    for (key, value) in members("terms", body)? {
        match (key.as_str(), value) {
            ("boost", _) => boost = number("terms", key, value)?,
            ("_name", _) => {}
            (_, Value::Array(values)) if found.is_none() => found = Some((key.clone(), values.clone())),
            (_, Value::Array(_)) => {
                return Err(QueryError::parsing("[terms] query does not support multiple fields"));
            }
            _ => return Err(unsupported("terms", key)),
        }
    }
    let (field, values) = found.ok_or_else(|| {
        QueryError::parsing("[terms] query requires a field name, followed by array of terms or a document lookup specification")
    })?;
    if values.len() > TERMS_MAX {
        return Err(QueryError::argument(format!(
            "The number of terms [{}] used in the Terms Query request has exceeded the allowed maximum of [{TERMS_MAX}]. This maximum can be set by changing the [index.max_terms_count] index level setting.",
            values.len()
        )));
    }
    Ok(Query::Terms { field, values }.boosted(boost))
}

fn parse_match(body: &Value) -> Result<Query, QueryError> {
    let (field, members) = field_body("match", body, "query")?;
    let (mut found, mut boost, mut operator, mut minimum, mut lenient, mut analyzer) =
        (None, 1.0, Operator::Or, None, false, None);
    for (key, value) in &members {
        match key.as_str() {
            "query" => found = Some(value.clone()),
            "boost" => boost = number("match", key, value)?,
            "operator" => operator = parse_operator("match", value)?,
            "minimum_should_match" => minimum = Some(parse_minimum(value)?),
            "lenient" => lenient = flag("match", key, value)?,
            "analyzer" => analyzer = Some(plain(value)),
            "_name" | "auto_generate_synonyms_phrase_query" | "zero_terms_query" => {}
            _ => return Err(unsupported("match", key)),
        }
    }
    let value = found.ok_or_else(|| QueryError::parsing("No text specified for text query"))?;
    let query = Query::Match { field, value, operator, minimum_should_match: minimum, lenient };
    Ok(query.analyzed(analyzer).boosted(boost))
}

fn parse_bool_prefix(body: &Value) -> Result<Query, QueryError> {
    let name = "match_bool_prefix";
    let (field, members) = field_body(name, body, "query")?;
    let (mut found, mut boost, mut operator, mut minimum, mut analyzer) =
        (None, 1.0, Operator::Or, None, None);
    for (key, value) in &members {
        match key.as_str() {
            "query" => found = Some(value.clone()),
            "boost" => boost = number(name, key, value)?,
            "operator" => operator = parse_operator(name, value)?,
            "minimum_should_match" => minimum = Some(parse_minimum(value)?),
            "analyzer" => analyzer = Some(plain(value)),
            "_name" | "max_expansions" => {}
            _ => return Err(unsupported(name, key)),
        }
    }
    let value = found.ok_or_else(|| QueryError::parsing("No text specified for text query"))?;
    let query = Query::BoolPrefix { field, value, operator, minimum_should_match: minimum };
    Ok(query.analyzed(analyzer).boosted(boost))
}

fn parse_phrase(name: &str, body: &Value) -> Result<Query, QueryError> {
    let (field, members) = field_body(name, body, "query")?;
    let (mut found, mut boost, mut slop, mut analyzer) = (None, 1.0, 0, None);
    for (key, value) in &members {
        match key.as_str() {
            "query" => found = Some(value.clone()),
            "boost" => boost = number(name, key, value)?,
            "slop" => slop = number(name, key, value)? as u32,
            "analyzer" => analyzer = Some(plain(value)),
            "_name" | "zero_terms_query" | "max_expansions" => {}
            _ => return Err(unsupported(name, key)),
        }
    }
    let value = found.ok_or_else(|| QueryError::parsing("No text specified for text query"))?;
    let query = Query::Phrase { field, value, slop, prefix: name.ends_with("prefix"), lenient: false };
    Ok(query.analyzed(analyzer).boosted(boost))
}

fn parse_multi_match(body: &Value) -> Result<Query, QueryError> {
    let name = "multi_match";
    let (mut found, mut fields, mut boost) = (None, Vec::new(), 1.0);
    let (mut operator, mut kind, mut lenient) = (Operator::Or, MultiMatchKind::Best, false);
    let mut analyzer = None;
    for (key, value) in members(name, body)? {
        match key.as_str() {
            "query" => found = Some(value.clone()),
            "fields" => fields = parse_fields(name, value)?,
            "boost" => boost = number(name, key, value)?,
            "operator" => operator = parse_operator(name, value)?,
            "lenient" => lenient = flag(name, key, value)?,
            "analyzer" => analyzer = Some(plain(value)),
            "type" => {
                kind = match value.as_str() {
                    Some("best_fields") => MultiMatchKind::Best,
                    Some("most_fields") => MultiMatchKind::Most,
                    Some("phrase") => MultiMatchKind::Phrase,
                    Some("phrase_prefix") => MultiMatchKind::PhrasePrefix,
                    Some("bool_prefix") => MultiMatchKind::BoolPrefix,
                    _ => {
                        return Err(QueryError::parsing(format!(
                            "[multi_match] failed to parse type [{}]",
                            plain(value)
                        )));
                    }
                }
            }
            "_name" => {}
            _ => return Err(unsupported(name, key)),
        }
    }
    let value = found.ok_or_else(|| QueryError::parsing("No text specified for multi_match query"))?;
    Ok(Query::MultiMatch { fields, value, operator, kind, lenient }.analyzed(analyzer).boosted(boost))
}

fn parse_range(body: &Value) -> Result<Query, QueryError> {
    let (field, members) = field_body("range", body, "value")?;
    let mut bounds = RangeBounds::default();
    let mut boost = 1.0;
    for (key, value) in &members {
        let given = (!value.is_null()).then(|| value.clone());
        match key.as_str() {
            "gt" => bounds.lower = given.map(|value| (value, false)),
            "gte" | "from" => bounds.lower = given.map(|value| (value, true)),
            "lt" => bounds.upper = given.map(|value| (value, false)),
            "lte" | "to" => bounds.upper = given.map(|value| (value, true)),
            "format" => bounds.format = Some(plain(value)),
            "time_zone" => bounds.time_zone = Some(plain(value)),
            "boost" => boost = number("range", key, value)?,
            "include_lower" => set_inclusive(&mut bounds.lower, flag("range", key, value)?),
            "include_upper" => set_inclusive(&mut bounds.upper, flag("range", key, value)?),
            "relation" => bounds.relation = parse_relation(value)?,
            "_name" => {}
            _ => return Err(unsupported("range", key)),
        }
    }
    Ok(Query::Range { field, bounds }.boosted(boost))
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

fn set_inclusive(bound: &mut Option<(Value, bool)>, inclusive: bool) {
    if let Some(bound) = bound {
        bound.1 = inclusive;
    }
}

fn parse_exists(body: &Value) -> Result<Query, QueryError> {
    let (mut found, mut boost) = (None, 1.0);
    for (key, value) in members("exists", body)? {
        match key.as_str() {
            "field" => found = value.as_str().map(str::to_owned),
            "boost" => boost = number("exists", key, value)?,
            "_name" => {}
            _ => return Err(unsupported("exists", key)),
        }
    }
    let field = found.ok_or_else(|| QueryError::parsing("[exists] must be provided with a [field]"))?;
    Ok(Query::Constant { query: Box::new(Query::Exists { field }) }.boosted(boost))
}

fn parse_ids(body: &Value) -> Result<Query, QueryError> {
    let (mut values, mut types, mut boost) = (Vec::new(), Vec::new(), 1.0);
    for (key, value) in members("ids", body)? {
        match key.as_str() {
            "values" => values = texts("ids", key, value)?,
            "type" => types = texts("ids", key, value)?,
            "boost" => boost = number("ids", key, value)?,
            "_name" => {}
            _ => return Err(unsupported("ids", key)),
        }
    }
    Ok(Query::Ids { values, types }.boosted(boost))
}

/// One plain value or several.
fn texts(name: &str, key: &str, value: &Value) -> Result<Vec<String>, QueryError> {
    let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    if items.iter().any(|item| item.is_null() || item.is_array() || item.is_object()) {
        return Err(QueryError::parsing(format!(
            "[{name}] failed to parse field [{key}]: expected texts but found [{value}]"
        )));
    }
    Ok(items.iter().map(plain).collect())
}

fn parse_pattern(name: &str, body: &Value) -> Result<Query, QueryError> {
    let (field, members) = field_body(name, body, "value")?;
    let (mut found, mut boost, mut case_insensitive, mut edits) = (None, 1.0, false, None);
    for (key, value) in &members {
        match key.as_str() {
            "value" | "wildcard" | "prefix" => found = Some(plain(value)),
            "boost" => boost = number(name, key, value)?,
            "case_insensitive" if name != "fuzzy" => case_insensitive = flag(name, key, value)?,
            "fuzziness" if name == "fuzzy" => {
                edits = plain(value).parse::<u8>().ok().map(|edits| edits.min(2))
            }
            "_name"
            | "rewrite"
            | "flags"
            | "max_determinized_states"
            | "max_expansions"
            | "prefix_length"
            | "transpositions" => {}
            _ => return Err(unsupported(name, key)),
        }
    }
    let value = found.ok_or_else(|| QueryError::argument("value cannot be null"))?;
    let query = match name {
        "prefix" => Query::Prefix { field, value, case_insensitive },
        "wildcard" => Query::Wildcard { field, pattern: value, case_insensitive, is_normalized: false },
        "regexp" => Query::Regexp { field, pattern: value },
        _ => Query::Fuzzy { field, value, edits },
    };
    Ok(query.boosted(boost))
}

fn parse_bool(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let (mut must, mut filter, mut should, mut must_not) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut minimum, mut boost) = (None, 1.0);
    for (key, value) in members("bool", body)? {
        match key.as_str() {
            "must" => must = clauses(value, depth)?,
            "filter" => filter = clauses(value, depth)?,
            "should" => should = clauses(value, depth)?,
            "must_not" | "mustNot" => must_not = clauses(value, depth)?,
            "minimum_should_match" => minimum = Some(parse_minimum(value)?),
            "boost" => boost = number("bool", key, value)?,
            "_name" | "adjust_pure_negative" => {}
            _ => return Err(unsupported("bool", key)),
        }
    }
    if must.len() + filter.len() + should.len() + must_not.len() > CLAUSES_MAX {
        return Err(QueryError::argument(format!("maxClauseCount is set to {CLAUSES_MAX}")));
    }
    Ok(Query::Bool { must, filter, should, must_not, minimum_should_match: minimum }.boosted(boost))
}

fn clauses(value: &Value, depth: usize) -> Result<Vec<Query>, QueryError> {
    match value {
        Value::Array(items) => items.iter().map(|item| parse(item, depth + 1)).collect(),
        one => Ok(vec![parse(one, depth + 1)?]),
    }
}

fn parse_dis_max(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let (mut queries, mut tie_breaker, mut boost) = (Vec::new(), 0.0, 1.0);
    for (key, value) in members("dis_max", body)? {
        match key.as_str() {
            "queries" => queries = clauses(value, depth)?,
            "tie_breaker" => tie_breaker = number("dis_max", key, value)?,
            "boost" => boost = number("dis_max", key, value)?,
            "_name" => {}
            _ => return Err(unsupported("dis_max", key)),
        }
    }
    Ok(Query::DisMax { queries, tie_breaker }.boosted(boost))
}

fn parse_constant(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let (mut found, mut boost) = (None, 1.0);
    for (key, value) in members("constant_score", body)? {
        match key.as_str() {
            "filter" => found = Some(parse(value, depth + 1)?),
            "boost" => boost = number("constant_score", key, value)?,
            "_name" => {}
            _ => return Err(unsupported("constant_score", key)),
        }
    }
    let query = found.ok_or_else(|| QueryError::parsing("[constant_score] requires a 'filter' element"))?;
    Ok(Query::Constant { query: Box::new(query) }.boosted(boost))
}

fn parse_query_string(body: &Value) -> Result<Query, QueryError> {
    let name = "query_string";
    let (mut found, mut fields, mut boost, mut operator, mut lenient, mut analyzer) =
        (None, Vec::new(), 1.0, Operator::Or, false, None);
    for (key, value) in members(name, body)? {
        match key.as_str() {
            "query" => found = Some(plain(value)),
            "default_field" => fields = vec![(plain(value), 1.0)],
            "fields" => fields = parse_fields(name, value)?,
            "boost" => boost = number(name, key, value)?,
            "default_operator" => operator = parse_operator(name, value)?,
            "lenient" => lenient = flag(name, key, value)?,
            "analyzer" => analyzer = Some(plain(value)),
            "_name"
            | "analyze_wildcard"
            | "allow_leading_wildcard"
            | "auto_generate_synonyms_phrase_query"
            | "enable_position_increments"
            | "escape"
            | "max_determinized_states"
            | "time_zone"
            | "type" => {}
            _ => return Err(unsupported(name, key)),
        }
    }
    let text = found.ok_or_else(|| QueryError::parsing("[query_string] must be provided with a [query]"))?;
    query_string::check(&text)?;
    Ok(Query::QueryString { text, fields, operator, lenient }.analyzed(analyzer).boosted(boost))
}

/// `["title^2", "body.*"]`
fn parse_fields(name: &str, value: &Value) -> Result<Vec<(String, f32)>, QueryError> {
    let texts: Vec<String> = match value {
        Value::Array(items) => items.iter().map(plain).collect(),
        one => vec![plain(one)],
    };
    texts
        .into_iter()
        .map(|text| {
            boosted_field(&text)
                .ok_or_else(|| QueryError::parsing(format!("[{name}] cannot read the boost of [{text}]")))
        })
        .collect()
}

fn parse_operator(name: &str, value: &Value) -> Result<Operator, QueryError> {
    match plain(value).to_ascii_lowercase().as_str() {
        "and" => Ok(Operator::And),
        "or" => Ok(Operator::Or),
        other => Err(QueryError::argument(format!("[{name}] operator must be [and] or [or], not [{other}]"))),
    }
}

fn parse_minimum(value: &Value) -> Result<MinimumShouldMatch, QueryError> {
    MinimumShouldMatch::parse(&plain(value))
}

fn number(name: &str, key: &str, value: &Value) -> Result<f32, QueryError> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    match number {
        Some(number) if number.is_finite() && number >= 0.0 => Ok(number as f32),
        _ => Err(QueryError::argument(format!(
            "[{key}] of [{name}] must be a number of at least 0, not [{}]",
            plain(value)
        ))),
    }
}

fn flag(name: &str, key: &str, value: &Value) -> Result<bool, QueryError> {
    match plain(value).as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        other => {
            Err(QueryError::argument(format!("[{key}] of [{name}] must be true or false, not [{other}]")))
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_and_long_forms_mean_the_same() {
        for (short, long) in [
            (json!({"term": {"a": 1}}), json!({"term": {"a": {"value": 1}}})),
            (json!({"match": {"a": "x"}}), json!({"match": {"a": {"query": "x", "operator": "or"}}})),
            (json!({"bool": {"must": {"match_all": {}}}}), json!({"bool": {"must": [{"match_all": {}}]}})),
        ] {
            assert_eq!(parse_query(&short).expect("short"), parse_query(&long).expect("long"));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (query, reason) in [
            (json!({"mtach": {"a": "x"}}), "unknown query [mtach] did you mean [match]?"),
            (json!({"frob": {}}), "unknown query [frob]"),
            (json!({"term": {"a": {"value": 1, "foo": 2}}}), "[term] query does not support [foo]"),
            (
                json!({"term": {"a": 1, "b": 2}}),
                "[term] query doesn't support multiple fields, found [a] and [b]",
            ),
            (json!({"range": {"a": {"gte": 1, "up": 2}}}), "[range] query does not support [up]"),
            (json!({"bool": {"must": [{"foo": {}}]}}), "unknown query [foo]"),
            (
                json!({"ids": {"values": ["1", null]}}),
                "[ids] failed to parse field [values]: expected texts but found [[\"1\",null]]",
            ),
            (json!([]), "[_na] query malformed, must start with start_object"),
            (json!({}), "query malformed, empty clause found"),
        ] {
            assert_eq!(parse_query(&query).expect_err("refused").reason, reason, "{query}");
        }
    }

    #[test]
    fn a_query_nested_beyond_reason_is_refused() {
        let mut query = json!({"match_all": {}});
        for _ in 0..40 {
            query = json!({"bool": {"must": query}});
        }

        let error = parse_query(&query).expect_err("too deep");

        assert!(error.reason.contains("max_nested_depth"), "{}", error.reason);
    }
}
