//! `highlight`, read.

use serde_json::{Map, Value};
use shard::{
    BoundaryScanner, Fragmenter, Highlight, HighlightField, HighlightKind, HighlightOptions, parse_query,
};

use super::body::{count, flag};
use crate::error::ApiError;

/// The tags of `tags_schema: styled`, of which the first is for all.
const STYLED: &str = "<em class=\"hlt1\">";

/// Reads what is said for all fields and for each.
pub(super) fn read_highlight(value: &Value) -> Result<Highlight, ApiError> {
    let Value::Object(members) = value else {
        return Err(ApiError::parsing("Unknown key for a VALUE in [highlight]."));
    };
    check_tags(members)?;
    let mut all = HighlightOptions::default();
    // What is said for all comes before what is said for a field, wherever it stands.
    let rest = members.iter().filter(|(key, _)| *key != "fields");
    for (key, value) in rest {
        if !member(&mut all, key, value)? {
            return Err(unknown("highlight", key));
        }
    }
    let mut fields = Vec::new();
    match members.get("fields") {
        None => {}
        Some(Value::Object(by_name)) => add_fields(by_name, (&all, members), &mut fields)?,
        Some(Value::Array(items)) => {
            for item in items {
                let by_name = item.as_object().filter(|by_name| by_name.len() == 1);
                let by_name = by_name.ok_or_else(|| {
                    ApiError::parsing("[highlight] [fields] can be a single object or an array of objects with one field each")
                })?;
                add_fields(by_name, (&all, members), &mut fields)?;
            }
        }
        Some(_) => {
            return Err(ApiError::parsing("[highlight] [fields] must be an object or a list of these"));
        }
    }
    Ok(Highlight { fields })
}

/// Whoever says what stands before what was found also says what stands behind it; a schema of tags says both.
fn check_tags(members: &Map<String, Value>) -> Result<(), ApiError> {
    let ends = ["post_tags", "tags_schema"].iter().any(|key| members.contains_key(*key));
    if members.contains_key("pre_tags") && !ends {
        return Err(ApiError::parsing("pre_tags are set but post_tags are not set"));
    }
    Ok(())
}

fn add_fields(
    by_name: &Map<String, Value>,
    (all, of_all): (&HighlightOptions, &Map<String, Value>),
    fields: &mut Vec<HighlightField>,
) -> Result<(), ApiError> {
    for (pattern, said) in by_name {
        let Value::Object(members) = said else {
            return Err(ApiError::parsing(format!("[highlight] [{pattern}] must be an object")));
        };
        check_tags(members)?;
        let mut options = all.clone();
        for (key, value) in members {
            match (key.as_str(), value) {
                ("matched_fields", Value::Array(items)) => {
                    options.matched_fields =
                        items.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                }
                ("matched_fields", Value::String(name)) => options.matched_fields = vec![name.clone()],
                ("fragment_offset", _) => options.vectors.fragment_offset = Some(count(key, value)?),
                ("type", kind) if !kind.as_str().is_some_and(is_kind) => {
                    let kind = kind.as_str().unwrap_or_default();
                    return Err(ApiError::argument(format!(
                        "unknown highlighter type [{kind}] for the field [{pattern}]"
                    )));
                }
                _ if member(&mut options, key, value)? => {}
                _ => return Err(unknown("highlight_field", key)),
            }
        }
        let said = |name: &str| members.get(name).or_else(|| of_all.get(name)).and_then(Value::as_str);
        let is_by_letters =
            said("boundary_scanner").is_some_and(|scanner| scanner.eq_ignore_ascii_case("chars"));
        if is_by_letters && said("type").is_none_or(|kind| kind == "unified") {
            return Err(ApiError::argument("Invalid boundary scanner type: chars"));
        }
        fields.push(HighlightField { pattern: pattern.clone(), options });
    }
    Ok(())
}

/// Reads what can be said for all fields and for each; whether it is such.
fn member(options: &mut HighlightOptions, key: &str, value: &Value) -> Result<bool, ApiError> {
    let text = || value.as_str().unwrap_or_default();
    match key {
        "type" => options.kind = read_kind(text())?,
        "pre_tags" => {
            options.pre_tag = first_tag(value)?;
            options.vectors.pre_tags = tags(value);
        }
        "post_tags" => {
            options.post_tag = first_tag(value)?;
            options.vectors.post_tags = tags(value);
        }
        "tags_schema" => match text() {
            "styled" => {
                (options.pre_tag, options.post_tag) = (STYLED.to_owned(), "</em>".to_owned());
                let styled = (1..=10).map(|number| format!("<em class=\"hlt{number}\">"));
                options.vectors.pre_tags = styled.collect();
            }
            "default" => {
                let usual = HighlightOptions::default();
                (options.pre_tag, options.post_tag) = (usual.pre_tag, usual.post_tag);
            }
            other => return Err(ApiError::argument(format!("Unknown tag schema [{other}]"))),
        },
        "number_of_fragments" => options.fragments = count(key, value)?,
        "fragment_size" => options.fragment_size = count(key, value)?,
        "no_match_size" => options.no_match_size = count(key, value)?,
        "order" => options.by_score = read_order(text())?,
        "require_field_match" => options.require_field_match = flag(key, value)?,
        "highlight_query" => options.query = Some(parse_query(value)?),
        "encoder" => match text() {
            "html" => options.is_html = true,
            "default" => options.is_html = false,
            other => return Err(ApiError::argument(format!("Unknown encoder [{other}]"))),
        },
        "fragmenter" => match text() {
            "simple" => options.fragmenter = Fragmenter::Simple,
            "span" => options.fragmenter = Fragmenter::Span,
            other => {
                return Err(ApiError::argument(format!(
                    "unknown fragmenter option [{other}] for the field, expected one of [simple, span]"
                )));
            }
        },
        "boundary_scanner" => match text().to_ascii_lowercase().as_str() {
            "word" => {
                options.scanner = BoundaryScanner::Word;
                options.vectors.scanner = Some(BoundaryScanner::Word);
            }
            "sentence" => {
                options.scanner = BoundaryScanner::Sentence;
                options.vectors.scanner = Some(BoundaryScanner::Sentence);
            }
            // Only fragments around what was found go by letters.
            "chars" => {
                options.scanner = BoundaryScanner::Sentence;
                options.vectors.scanner = None;
            }
            other => {
                let name = other.to_ascii_uppercase();
                return Err(ApiError::argument(format!(
                    "No enum constant org.elasticsearch.search.fetch.subphase.highlight.HighlightBuilder.BoundaryScannerType.{name}"
                )));
            }
        },
        "max_analyzed_offset" => {
            let most = count(key, value)?;
            if most == 0 {
                return Err(ApiError::argument("[max_analyzed_offset] must be a positive integer"));
            }
            options.max_analyzed_offset = Some(most);
        }
        "boundary_max_scan" => options.vectors.boundary_max_scan = count(key, value)?,
        "phrase_limit" => options.vectors.phrase_limit = count(key, value)?,
        "boundary_chars" => options.vectors.boundary_chars = text().to_owned(),
        // Hints for ways that are not needed here.
        "boundary_scanner_locale" | "options" => {}
        "force_source" | "highlight_filter" => {
            flag(key, value)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn is_kind(text: &str) -> bool {
    read_kind(text).is_ok()
}

fn read_kind(text: &str) -> Result<HighlightKind, ApiError> {
    match text {
        "unified" | "" => Ok(HighlightKind::Unified),
        "fvh" | "fast-vector-highlighter" => Ok(HighlightKind::Vectors),
        "plain" | "highlighter" => Ok(HighlightKind::Plain),
        other => Err(ApiError::argument(format!("unknown highlighter type [{other}]"))),
    }
}

/// All tags of a list.
fn tags(value: &Value) -> Vec<String> {
    let texts = |items: &[Value]| items.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    value.as_array().map_or_else(Vec::new, |items| texts(items))
}

fn read_order(text: &str) -> Result<bool, ApiError> {
    match text.to_ascii_lowercase().as_str() {
        "score" => Ok(true),
        "none" => Ok(false),
        other => Err(ApiError::argument(format!(
            "No enum constant org.elasticsearch.search.fetch.subphase.highlight.HighlightBuilder.Order.{}",
            other.to_ascii_uppercase()
        ))),
    }
}

fn first_tag(value: &Value) -> Result<String, ApiError> {
    let first = match value {
        Value::Array(items) => items.first().and_then(Value::as_str),
        one => one.as_str(),
    };
    let no_tag = "pre_tags or post_tags must not be empty";
    first.map(str::to_owned).ok_or_else(|| ApiError::argument(no_tag))
}

fn unknown(what: &str, key: &str) -> ApiError {
    ApiError::malformed(format!("[{what}] unknown field [{key}]"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_for_a_field_counts_more_than_what_is_said_for_all() {
        let read = read_highlight(&json!({
            "fields": {"a": {}, "b*": {"fragment_size": 7, "type": "plain", "order": "score"}},
            "pre_tags": ["<b>"], "post_tags": ["</b>"], "fragment_size": 50
        }));
        let fields = read.expect("read").fields;
        let (a, b) = (&fields[0].options, &fields[1].options);
        assert_eq!((a.pre_tag.as_str(), a.fragment_size, a.kind), ("<b>", 50, HighlightKind::Unified));
        assert_eq!((b.post_tag.as_str(), b.fragment_size, b.kind), ("</b>", 7, HighlightKind::Plain));
        assert!(b.by_score && !a.by_score);
        for (highlight, reason) in [
            (json!({"foo": 1}), "[highlight] unknown field [foo]"),
            (json!({"fields": {"a": {"foo": 1}}}), "[highlight_field] unknown field [foo]"),
            (json!({"tags_schema": "x"}), "Unknown tag schema [x]"),
            (json!({"type": "x"}), "unknown highlighter type [x]"),
        ] {
            assert_eq!(read_highlight(&highlight).expect_err("refused").reason, reason);
        }
    }
}
