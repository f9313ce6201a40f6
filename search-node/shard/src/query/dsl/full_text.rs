//! Queries of words.

use serde_json::Value;

use super::members::Members;
use crate::json_values::plain;
use crate::query::ast::{
    Edits, Fuzziness, Matching, MultiMatchKind, Query, QueryString, RegexpSyntax, Sign, SimpleQueryString,
    ZeroTerms,
};
use crate::query::{QueryError, query_string};

fn no_text() -> QueryError {
    QueryError::parsing("No text specified for text query")
}

/// What several queries say of how a text is asked for.
fn parse_matching(members: &mut Members<'_>) -> Result<Matching, QueryError> {
    let usual = Matching::default();
    Ok(Matching {
        operator: members.operator("operator")?.unwrap_or_default(),
        minimum_should_match: members.minimum_should_match()?,
        fuzziness: parse_fuzziness(members)?,
        lenient: members.flag("lenient")?,
        zero_terms: members.read("zero_terms_query", parse_zero_terms)?.unwrap_or_default(),
        synonyms_as_phrases: members.flag("auto_generate_synonyms_phrase_query")?.unwrap_or(true),
        analyzer: members.text("analyzer"),
        ..usual
    })
}

/// Whether words may have edits; what else is said of that counts only then.
fn parse_fuzziness(members: &mut Members<'_>) -> Result<Option<Fuzziness>, QueryError> {
    let edits = members.read("fuzziness", |value| Edits::parse(&plain(value)))?;
    let rest = fuzziness_of(members, edits.unwrap_or_default())?;
    Ok(edits.map(|_| rest))
}

/// What is said of words that are near another.
pub(super) fn fuzziness_of(members: &mut Members<'_>, edits: Edits) -> Result<Fuzziness, QueryError> {
    let usual = Fuzziness::default();
    let count = |found: Option<u32>, usual| found.map_or(usual, |count| count as usize);
    let rewrite = members.rewrite("fuzzy_rewrite")?.or(members.rewrite("rewrite")?);
    Ok(Fuzziness {
        edits,
        prefix_length: count(members.count("prefix_length")?, usual.prefix_length),
        max_expansions: count(members.count("max_expansions")?, usual.max_expansions),
        transpositions: members
            .flag("fuzzy_transpositions")?
            .or(members.flag("transpositions")?)
            .unwrap_or(usual.transpositions),
        rewrite: rewrite.unwrap_or_default(),
    })
}

fn parse_zero_terms(value: &Value) -> Result<ZeroTerms, QueryError> {
    match plain(value).to_ascii_lowercase().as_str() {
        "none" => Ok(ZeroTerms::None),
        "all" => Ok(ZeroTerms::All),
        other => Err(QueryError::parsing(format!("Unsupported zero_terms_query value [{other}]"))),
    }
}

pub(super) fn parse_match(body: &Value) -> Result<Query, QueryError> {
    let (field, mut members) = Members::of_field("match", body, "query")?;
    let value = members.take("query").cloned().ok_or_else(no_text)?;
    let matching = parse_matching(&mut members)?;
    members.end(Query::Match { field, value, matching })
}

pub(super) fn parse_bool_prefix(body: &Value) -> Result<Query, QueryError> {
    let (field, mut members) = Members::of_field("match_bool_prefix", body, "query")?;
    let value = members.take("query").cloned().ok_or_else(no_text)?;
    let matching = parse_matching(&mut members)?;
    members.end(Query::BoolPrefix { field, value, matching })
}

pub(super) fn parse_phrase(body: &Value) -> Result<Query, QueryError> {
    let (field, mut members) = Members::of_field("match_phrase", body, "query")?;
    let value = members.take("query").cloned().ok_or_else(no_text)?;
    let matching = Matching {
        slop: members.count("slop")?.unwrap_or(0),
        zero_terms: members.read("zero_terms_query", parse_zero_terms)?.unwrap_or_default(),
        analyzer: members.text("analyzer"),
        ..Matching::default()
    };
    members.end(Query::Phrase { field, value, prefix: false, matching })
}

pub(super) fn parse_phrase_prefix(body: &Value) -> Result<Query, QueryError> {
    let (field, mut members) = Members::of_field("match_phrase_prefix", body, "query")?;
    let value = members.take("query").cloned().ok_or_else(no_text)?;
    let usual = Matching::default();
    let matching = Matching {
        slop: members.count("slop")?.unwrap_or(0),
        max_expansions: members.count("max_expansions")?.unwrap_or(usual.max_expansions),
        zero_terms: members.read("zero_terms_query", parse_zero_terms)?.unwrap_or_default(),
        analyzer: members.text("analyzer"),
        ..usual
    };
    members.end(Query::Phrase { field, value, prefix: true, matching })
}

pub(super) fn parse_multi_match(body: &Value) -> Result<Query, QueryError> {
    let mut members = Members::of("multi_match", body)?;
    let value = members.take("query").cloned();
    let value = value.ok_or_else(|| QueryError::parsing("No text specified for multi_match query"))?;
    let fields = members.fields("fields")?.unwrap_or_default();
    let kind = members.read("type", parse_kind)?.unwrap_or_default();
    let tie_breaker = members.number("tie_breaker")?;
    let slop = members.count("slop")?;
    let max_expansions = members.peek("max_expansions").and_then(Value::as_u64);
    let matching = parse_matching(&mut members)?;
    let refused =
        |what: &str| QueryError::parsing(format!("{what} not allowed for type [{}]", name_of(kind)));
    match kind {
        MultiMatchKind::Cross | MultiMatchKind::Phrase | MultiMatchKind::PhrasePrefix
            if matching.fuzziness.is_some() =>
        {
            return Err(refused("Fuzziness"));
        }
        MultiMatchKind::BoolPrefix if slop.is_some() => return Err(refused("[slop]")),
        _ => {}
    }
    let max_expansions = max_expansions.map_or(matching.max_expansions, |most| most as u32);
    let matching = Matching { slop: slop.unwrap_or(0), max_expansions, ..matching };
    members.end(Query::MultiMatch { fields, value, kind, tie_breaker, matching })
}

/// The kinds by their names.
const KINDS: [(&str, MultiMatchKind); 6] = [
    ("best_fields", MultiMatchKind::Best),
    ("most_fields", MultiMatchKind::Most),
    ("cross_fields", MultiMatchKind::Cross),
    ("phrase", MultiMatchKind::Phrase),
    ("phrase_prefix", MultiMatchKind::PhrasePrefix),
    ("bool_prefix", MultiMatchKind::BoolPrefix),
];

fn name_of(kind: MultiMatchKind) -> &'static str {
    KINDS.iter().find(|(_, known)| *known == kind).map_or("", |(name, _)| name)
}

pub(super) fn parse_kind(value: &Value) -> Result<MultiMatchKind, QueryError> {
    let name = plain(value);
    let found = KINDS.iter().find(|(known, _)| *known == name);
    found.map(|(_, kind)| *kind).ok_or_else(|| QueryError {
        kind: "parse_exception",
        reason: format!("failed to parse [multi_match] query type [{name}]. unknown type."),
    })
}

pub(super) fn parse_query_string(body: &Value) -> Result<Query, QueryError> {
    let mut members = Members::of("query_string", body)?;
    let text = members.text("query");
    let mut text =
        text.ok_or_else(|| QueryError::parsing("[query_string] must be provided with a [query]"))?;
    let default_field = members.text("default_field").map(|field| vec![(field, 1.0)]);
    let fields = members.listed_fields("fields")?.filter(|fields| !fields.is_empty());
    if fields.is_some() && default_field.is_some() {
        return Err(QueryError::shard(
            "failed to create query: Validation Failed: 1: [query_string] cannot use [fields] parameter in conjunction with [default_field];",
        ));
    }
    if members.flag("escape")?.unwrap_or(false) {
        text = query_string::escaped(&text);
    }
    let matching = Matching {
        operator: members.operator("default_operator")?.unwrap_or_default(),
        slop: members.count("phrase_slop")?.unwrap_or(0),
        analyzer: members.text("analyzer"),
        synonyms_as_phrases: members.flag("auto_generate_synonyms_phrase_query")?.unwrap_or(true),
        ..Matching::default()
    };
    let edits = members.read("fuzziness", |value| Edits::parse(&plain(value)))?.unwrap_or_default();
    let mut fuzziness = parse_fuzzy_members(&mut members, edits)?;
    fuzziness.rewrite = members.rewrite("fuzzy_rewrite")?.unwrap_or_default();
    let usual = RegexpSyntax::default();
    let effort = members.count("max_determinized_states")?.unwrap_or(usual.effort);
    let asked = QueryString {
        are_listed: fields.is_some(),
        fields: fields.or(default_field).unwrap_or_default(),
        matching,
        lenient: members.flag("lenient")?,
        kind: members.read("type", parse_kind)?.unwrap_or_default(),
        tie_breaker: members.number("tie_breaker")?,
        fuzziness,
        rewrite: members.rewrite("rewrite")?.unwrap_or_default(),
        regexp: RegexpSyntax { effort, ..usual },
        analyze_wildcard: members.flag("analyze_wildcard")?.unwrap_or(false),
        allow_leading_wildcard: members.flag("allow_leading_wildcard")?.unwrap_or(true),
        quote_analyzer: members.text("quote_analyzer"),
        quote_field_suffix: members.text("quote_field_suffix"),
        time_zone: members.text("time_zone"),
        minimum_should_match: members.minimum_should_match()?,
        text,
    };
    members.pass_over(&["enable_position_increments"]);
    query_string::parse(&asked.text, false)?;
    members.end(Query::QueryString(Box::new(asked)))
}

/// What the query languages say of words with edits.
fn parse_fuzzy_members(members: &mut Members<'_>, edits: Edits) -> Result<Fuzziness, QueryError> {
    let usual = Fuzziness::default();
    let count = |found: Option<u32>, usual| found.map_or(usual, |count| count as usize);
    Ok(Fuzziness {
        edits,
        prefix_length: count(members.count("fuzzy_prefix_length")?, usual.prefix_length),
        max_expansions: count(members.count("fuzzy_max_expansions")?, usual.max_expansions),
        transpositions: members.flag("fuzzy_transpositions")?.unwrap_or(usual.transpositions),
        ..usual
    })
}

pub(super) fn parse_combined_fields(body: &Value) -> Result<Query, QueryError> {
    let mut members = Members::of("combined_fields", body)?;
    let value = members.take("query").cloned();
    let value = value.ok_or_else(|| QueryError::argument("Required [query]"))?;
    let fields = members.fields("fields")?.unwrap_or_default();
    if fields.is_empty() {
        return Err(QueryError::argument("Required [fields]"));
    }
    if let Some((field, boost)) = fields.iter().find(|(_, boost)| *boost < 1.0) {
        return Err(QueryError::argument(format!(
            "[combined_fields] requires field boosts to be >= 1.0, but [{field}] has [{boost:?}]"
        )));
    }
    let matching = Matching {
        operator: members.operator("operator")?.unwrap_or_default(),
        minimum_should_match: members.minimum_should_match()?,
        zero_terms: members.read("zero_terms_query", parse_zero_terms)?.unwrap_or_default(),
        synonyms_as_phrases: members.flag("auto_generate_synonyms_phrase_query")?.unwrap_or(true),
        ..Matching::default()
    };
    members.end(Query::CombinedFields { fields, value, matching })
}

pub(super) fn parse_simple_query_string(body: &Value) -> Result<Query, QueryError> {
    let mut members = Members::of("simple_query_string", body)?;
    let text = members.text("query");
    let text = text.ok_or_else(|| QueryError::parsing("[simple_query_string] query text missing"))?;
    let fields = members.listed_fields("fields")?.unwrap_or_default();
    let signs = members.read("flags", parse_signs)?.unwrap_or_else(|| Sign::ALL.to_vec());
    let fuzziness = parse_fuzzy_members(&mut members, Edits::default())?;
    let matching = Matching {
        operator: members.operator("default_operator")?.unwrap_or_default(),
        minimum_should_match: members.minimum_should_match()?,
        lenient: members.flag("lenient")?,
        analyzer: members.text("analyzer"),
        synonyms_as_phrases: members.flag("auto_generate_synonyms_phrase_query")?.unwrap_or(true),
        ..Matching::default()
    };
    let analyze_wildcard = members.flag("analyze_wildcard")?.unwrap_or(false);
    let quote_field_suffix = members.text("quote_field_suffix");
    let asked =
        SimpleQueryString { text, fields, signs, fuzziness, matching, analyze_wildcard, quote_field_suffix };
    members.end(Query::SimpleQueryString(Box::new(asked)))
}

/// `OR|AND|PREFIX`, `ALL`, `NONE`.
fn parse_signs(value: &Value) -> Result<Vec<Sign>, QueryError> {
    let mut signs = Vec::new();
    for name in plain(value).split('|').filter(|name| !name.is_empty()) {
        match name.trim().to_ascii_uppercase().as_str() {
            "ALL" | "-1" => return Ok(Sign::ALL.to_vec()),
            "NONE" => return Ok(Vec::new()),
            name => match Sign::NAMED.iter().find(|(known, _)| *known == name) {
                Some((_, sign)) => signs.push(*sign),
                None => {
                    return Err(QueryError::argument(format!("Unknown simple_query_string flag [{name}]")));
                }
            },
        }
    }
    Ok(signs)
}
