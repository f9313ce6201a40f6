//! The values of a document's fields as their columns have them (`docvalue_fields`).

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use tantivy::DocId;
use tantivy::index::SegmentReader;

use super::sort::{Values, check_column, open_field};
use super::{AskStop, SearchError, SortValue};
use crate::engine::{SEQ_NO, View};
use crate::mapping::dates::DateFormats;
use crate::mapping::{FieldMapping, Storage, show_ip};
use crate::query::{QueryError, wildcard_name_matches as name_matches};

/// Fields whose values are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocValueAsked {
    /// A name, or a pattern of names.
    pub pattern: String,
    /// How dates are shown.
    pub format: Option<String>,
}

/// The values of a document.
pub(crate) fn doc_values(
    view: &View,
    reader: &SegmentReader,
    document: DocId,
    asked: &[DocValueAsked],
    stop: AskStop<'_>,
) -> Result<Map<String, Value>, SearchError> {
    let mut shown = Map::new();
    for wanted in asked {
        for path in paths(view, &wanted.pattern) {
            let values = values_of(view, reader, document, &path, wanted.format.as_deref(), stop)?;
            if !values.is_empty() {
                shown.insert(path, Value::Array(values));
            }
        }
    }
    Ok(shown)
}

/// The fields that a pattern means; what the mapping lacks has no values.
fn paths(view: &View, pattern: &str) -> Vec<String> {
    if !pattern.contains('*') {
        return vec![pattern.to_owned()];
    }
    let mapping = &view.layout.mapping;
    let leaves = mapping.leaves().into_iter().map(|leaf| leaf.path);
    let runtime = mapping.runtime.iter().map(|(path, _)| path.to_owned());
    let mut paths: Vec<String> = leaves.chain(runtime).filter(|path| name_matches(pattern, path)).collect();
    // A pattern means what can be shown.
    paths.retain(|path| check_column(path, &view.layout).is_ok());
    paths.dedup();
    paths
}

fn values_of(
    view: &View,
    reader: &SegmentReader,
    document: DocId,
    path: &str,
    format: Option<&str>,
    stop: AskStop<'_>,
) -> Result<Vec<Value>, SearchError> {
    let layout = &view.layout;
    let mapping = layout.mapping.searched(path);
    if path == "_seq_no" {
        let numbers = reader.fast_fields().u64(SEQ_NO)?;
        return Ok(numbers.values_for_doc(document).map(|number| json!(number)).collect());
    }
    if mapping.is_none() && layout.keyed(path).is_none() {
        return Ok(Vec::new());
    }
    check_column(path, layout)?;
    let dates = match mapping {
        Some(mapping) => date_format(path, mapping, format)?,
        None => None,
    };
    let values = match view.runtime(reader, path, stop)? {
        Some(runtime) => open_field(path, &runtime.layout, &runtime.reader)?,
        None => open_field(path, layout, reader)?,
    };
    let pattern = format.filter(|format| *format != "use_field_mapping" && mapping.is_some_and(decimals));
    let number = |number: f64, plain: Value| match pattern {
        Some(pattern) => json!(by_pattern(number, pattern)),
        None => plain,
    };
    Ok(match values {
        Values::I64(column) => {
            let mut numbers: Vec<i64> = column.values_for_doc(document).collect();
            numbers.sort_unstable();
            let resolution = mapping.and_then(|field| field.kind.dates()).map(|(resolution, _)| resolution);
            let shown = |whole: i64| match (&dates, resolution) {
                (Some(format), Some(resolution)) => {
                    json!(format.show_moment(resolution, whole, &TimeZone::UTC))
                }
                _ => number(whole as f64, json!(whole)),
            };
            numbers.into_iter().map(shown).collect()
        }
        Values::U64(column) => {
            let mut numbers: Vec<u64> = column.values_for_doc(document).collect();
            numbers.sort_unstable();
            numbers.into_iter().map(|whole| number(whole as f64, json!(whole))).collect()
        }
        Values::F64(column) => {
            let mut numbers: Vec<f64> = column.values_for_doc(document).collect();
            numbers.sort_unstable_by(f64::total_cmp);
            numbers.into_iter().map(|decimal| number(decimal, json!(decimal))).collect()
        }
        Values::Bool(column) => {
            let mut flags: Vec<bool> = column.values_for_doc(document).collect();
            flags.sort_unstable();
            flags.into_iter().map(|flag| json!(flag)).collect()
        }
        Values::Ip(column) => {
            let mut addresses: Vec<_> = column.values_for_doc(document).collect();
            addresses.sort_unstable();
            addresses.dedup();
            addresses.into_iter().map(|address| json!(show_ip(address))).collect()
        }
        Values::Text(terms) => {
            let mut ordinals: Vec<u64> = terms.ordinals(document).collect();
            ordinals.sort_unstable();
            ordinals.dedup();
            let shown = ordinals.into_iter().map(|ordinal| terms.sort_value(ordinal));
            shown.map(|value| Ok(SortValue::to_json(&value?))).collect::<Result<_, std::io::Error>>()?
        }
        _ => Vec::new(),
    })
}

/// Whether the values of a field are numbers that can be shown by a pattern.
fn decimals(mapping: &FieldMapping) -> bool {
    mapping.kind.dates().is_none()
        && matches!(mapping.kind.storage(), Storage::I64 | Storage::U64 | Storage::F64)
}

/// A number by a pattern such as `#,##0.00`: how many digits it has at least before and behind the point, and at most behind it.
fn by_pattern(number: f64, pattern: &str) -> String {
    let is_digit = |letter: char| matches!(letter, '#' | '0' | ',' | '.');
    let first = pattern.find(is_digit).unwrap_or(pattern.len());
    let last = pattern.rfind(is_digit).map_or(first, |last| last + 1);
    let (whole, part) = pattern[first..last].split_once('.').unwrap_or((&pattern[first..last], ""));
    let count = |text: &str, letter: char| text.chars().filter(|other| *other == letter).count();
    let (most, least) = (part.chars().count(), count(part, '0'));
    let is_grouped = whole.contains(',');
    let text = format!("{:.most$}", number.abs());
    let (digits, behind) = text.split_once('.').unwrap_or((&text, ""));
    let mut digits = digits.trim_start_matches('0').to_owned();
    while digits.len() < count(whole, '0') {
        digits.insert(0, '0');
    }
    if is_grouped {
        let size = whole.rsplit(',').next().map_or(3, str::len).max(1);
        let mut at = digits.len();
        while at > size {
            at -= size;
            digits.insert(at, ',');
        }
    }
    let mut behind = behind.to_owned();
    while behind.len() > least && behind.ends_with('0') {
        behind.pop();
    }
    let point = if behind.is_empty() { "" } else { "." };
    let sign = if number < 0.0 { "-" } else { "" };
    format!("{sign}{}{digits}{point}{behind}{}", &pattern[..first], &pattern[last..])
}

/// How the dates of a field are shown; a format of another field is refused.
fn date_format(
    path: &str,
    mapping: &FieldMapping,
    format: Option<&str>,
) -> Result<Option<DateFormats>, QueryError> {
    let format = format.filter(|format| *format != "use_field_mapping");
    match (mapping.kind.dates(), format) {
        (Some((_, own)), None) => Ok(Some(own.clone())),
        (Some((_, own)), Some(format)) => {
            DateFormats::with_locale(format, own.locale()).map(Some).map_err(QueryError::argument)
        }
        (None, None) => Ok(None),
        (None, Some(_)) if decimals(mapping) => Ok(None),
        (None, Some(_)) => Err(QueryError::argument(format!(
            "Field [{path}] of type [{}] does not support custom formats",
            mapping.type_name
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_by_patterns() {
        for (number, pattern, shown) in [
            (5.0, "#.0", "5.0"),
            (0.5, "#.0", ".5"),
            (0.5, "0.##", "0.5"),
            (1234567.891, "#,##0.00", "1,234,567.89"),
            (-3.0, "000", "-003"),
            (12.0, "$0.0 a", "$12.0 a"),
        ] {
            assert_eq!(by_pattern(number, pattern), shown, "{pattern}");
        }
    }
}
