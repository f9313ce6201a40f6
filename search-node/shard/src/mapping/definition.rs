//! From the API's JSON to a [`Mapping`], refusing what it does not know.
//!
//! Mappings that are stored are read here, too: what older builds took must be read for good. More is asked of new ones in `proposed`;
//! where that has become stricter, what cannot be read counts here as not said.

use serde_json::{Map, Value};

use super::canonical::{NO_BOUND, canonical, with_usual};
use super::date_detection::DynamicDateFormats;
use super::dates::{DateFormats, Locale};
use super::error::MappingError;
use super::fields::{Dynamic, FieldAnalyzers, FieldKind, FieldMapping, Mapping, ObjectMapping};
use super::join::{JOIN, Join, check_join};
use super::names::{check_depth, check_unique, is_metadata};
use super::runtime::{Beyond, RuntimeFields};
use super::source_rules::SourceRules;
use super::structured::Structure;
use super::subfields::{SEARCH_AS_YOU_TYPE, shingle_size, subfields};
use super::templates::DynamicTemplate;
use super::text_parameters;
use crate::json_values::plain;

/// Bounds of a mapping; settings of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappingLimits {
    /// `index.mapping.total_fields.limit`
    pub total_fields: usize,
    /// `index.mapping.depth.limit`
    pub depth: usize,
    /// `index.mapping.nested_fields.limit`
    pub nested_fields: usize,
    /// `index.mapping.field_name_length.limit`
    pub name_length: usize,
}

/// As long as a number can say, which no name is.
const NAME_LENGTH: usize = i64::MAX as usize;

impl Default for MappingLimits {
    fn default() -> Self {
        Self { total_fields: 1000, depth: 20, nested_fields: 50, name_length: NAME_LENGTH }
    }
}

impl MappingLimits {
    /// Refuses a mapping beyond the bounds.
    pub fn check(&self, mapping: &Mapping) -> Result<(), MappingError> {
        check_join(mapping)?;
        if !self.has_room_for(mapping) {
            return Err(MappingError::argument(format!(
                "Limit of total fields [{}] has been exceeded",
                self.total_fields
            )));
        }
        let beyond = mapping.runtime.beyond(self.depth, self.name_length);
        if depth(&mapping.root) > self.depth || matches!(beyond, Some(Beyond::Depth)) {
            return Err(MappingError::argument(format!(
                "Limit of mapping depth [{}] has been exceeded",
                self.depth
            )));
        }
        let longer = match beyond {
            Some(Beyond::Name(name)) => Some(name.to_owned()),
            _ => longer_name(&mapping.root, self.name_length).map(|name| name.to_string()),
        };
        if let Some(name) = longer {
            return Err(MappingError::argument(format!(
                "Field name [{name}] is longer than the limit of [{}] characters",
                self.name_length
            )));
        }
        if mapping.root.count_nested() > self.nested_fields {
            return Err(MappingError::argument(format!(
                "Limit of nested fields [{}] has been exceeded",
                self.nested_fields
            )));
        }
        Ok(())
    }

    /// Whether there may be so many fields.
    pub fn has_room_for(&self, mapping: &Mapping) -> bool {
        count(&mapping.root) + mapping.runtime.count() <= self.total_fields
    }
}

/// How many fields there are below an object, with objects and the other ways in which fields are read.
pub(super) fn count(object: &ObjectMapping) -> usize {
    let fields: usize = object.fields.values().map(count_of).sum();
    fields + object.objects.values().map(|object| 1 + count(object)).sum::<usize>()
}

/// How many fields one counts for.
pub(super) fn count_of(field: &FieldMapping) -> usize {
    1 + field.multi_fields.len()
}

/// A name below an object that is longer than so many letters.
fn longer_name(object: &ObjectMapping, most: usize) -> Option<&str> {
    if most == NAME_LENGTH {
        return None;
    }
    let is_longer = |name: &&String| name.chars().count() > most;
    let fields = object
        .fields
        .iter()
        .flat_map(|(name, field)| std::iter::once(name).chain(field.multi_fields.keys()).collect::<Vec<_>>());
    let own = fields.chain(object.objects.keys()).find(is_longer);
    own.map(String::as_str).or_else(|| object.objects.values().find_map(|child| longer_name(child, most)))
}

fn depth(object: &ObjectMapping) -> usize {
    1 + object.objects.values().map(depth).max().unwrap_or(0)
}

/// The type of long texts that are looked for by their parts.
const WILDCARD: &str = "wildcard";

/// How deep objects of a flattened one may be in one another, if the mapping does not say.
const DEPTH_LIMIT: usize = 20;

/// Root parameters that say nothing of fields.
const KEPT: [&str; 7] = [
    "_meta",
    "_source",
    "_routing",
    "_field_names",
    "_data_stream_timestamp",
    "dynamic_date_formats",
    "_size",
];

/// Reads the body of a mapping: `{"properties": …, "dynamic": …}`.
pub fn parse_mapping(body: &Value) -> Result<Mapping, MappingError> {
    let Some(body) = body.as_object() else {
        return Err(MappingError::parsing("Failed to parse mapping: expected a JSON object"));
    };
    let mut mapping = Mapping::default();
    for (key, value) in body {
        match key.as_str() {
            "properties" => {
                parse_properties(value, "", &mut mapping.root)?;
                check_unique(&mapping.root, "")?;
            }
            "dynamic" => mapping.root.dynamic = Some(parse_dynamic(value)?),
            "enabled" => {
                mapping.root.disabled = !flag(key, value)?;
                mapping.root.says_enabled = true;
            }
            "date_detection" | "numeric_detection" => {
                let is_on = flag(key, value)?;
                let said = if key == "date_detection" {
                    &mut mapping.date_detection
                } else {
                    &mut mapping.numeric_detection
                };
                *said = is_on;
                mapping.parameters.insert(key.clone(), is_on.into());
            }
            kept if KEPT.contains(&kept) => {
                match kept {
                    "_source" => drop(SourceRules::read(value)?),
                    "dynamic_date_formats" => {
                        mapping.dynamic_date_formats = DynamicDateFormats::read_stored(value)
                    }
                    _ => {}
                }
                mapping.parameters.insert(key.clone(), value.clone());
            }
            "runtime" => mapping.runtime = RuntimeFields::parse(value)?,
            "dynamic_templates" => {
                mapping.templates = DynamicTemplate::parse_all(value)?;
                mapping.parameters.insert(key.clone(), value.clone());
            }
            _ => {
                return Err(MappingError::parsing(format!(
                    "Root mapping definition has unsupported parameters:  [{key} : {}]",
                    plain(value)
                )));
            }
        }
    }
    Ok(mapping)
}

fn parse_properties(value: &Value, prefix: &str, object: &mut ObjectMapping) -> Result<(), MappingError> {
    // Some languages write an object without members as a list.
    if value.as_array().is_some_and(Vec::is_empty) {
        return Ok(());
    }
    let Some(properties) = value.as_object() else {
        return Err(MappingError::parsing(format!(
            "Expected map for property [properties] on field [{prefix}]"
        )));
    };
    for (name, definition) in properties {
        let Some(body) = definition.as_object() else {
            return Err(MappingError::parsing(format!(
                "Expected map for property [fields] on field [{name}] but got a {}",
                plain(definition)
            )));
        };
        if name.split('.').any(|part| part.trim().is_empty()) {
            return Err(MappingError::argument("name cannot be empty string"));
        }
        if prefix.is_empty() && is_metadata(name) {
            return Err(MappingError::parsing(format!("Field [{name}] is defined more than once")));
        }
        check_depth(&format!("{prefix}{name}"))?;
        parse_property(name, body, prefix, object)?;
    }
    Ok(())
}

/// A dotted name opens objects, as Elasticsearch does.
pub(super) fn parse_property(
    name: &str,
    body: &Map<String, Value>,
    prefix: &str,
    object: &mut ObjectMapping,
) -> Result<(), MappingError> {
    if let Some((head, rest)) = name.split_once('.') {
        let child = object.objects.entry(head.to_owned()).or_default();
        return parse_property(rest, body, &format!("{prefix}{head}."), child);
    }
    let type_name = match body.get("type") {
        Some(Value::String(name)) => name.as_str(),
        Some(other) => {
            return Err(MappingError::parsing(format!(
                "The type of field [{prefix}{name}] must be a text, not {other}"
            )));
        }
        None => "object",
    };
    if matches!(type_name, "object" | "nested") {
        let child = object.objects.entry(name.to_owned()).or_default();
        child.nested = (type_name == "nested").then(Map::new);
        return parse_object(name, body, prefix, child);
    }
    let field = parse_field(name, type_name, body)?;
    object.fields.insert(name.to_owned(), field);
    Ok(())
}

fn parse_object(
    name: &str,
    body: &Map<String, Value>,
    prefix: &str,
    object: &mut ObjectMapping,
) -> Result<(), MappingError> {
    for (key, value) in body {
        match key.as_str() {
            "type" => {}
            "properties" => parse_properties(value, &format!("{prefix}{name}."), object)?,
            "dynamic" => object.dynamic = Some(parse_dynamic(value)?),
            "enabled" => {
                object.disabled = !flag(key, value)?;
                object.says_enabled = true;
            }
            "include_in_parent" | "include_in_root" if object.nested.is_some() => {
                flag(key, value)?;
                object.nested.get_or_insert_default().insert(key.clone(), canonical(key, value));
            }
            _ => {
                return Err(MappingError::parsing(format!(
                    "Mapping definition for [{name}] has unsupported parameters:  [{key} : {}]",
                    plain(value)
                )));
            }
        }
    }
    Ok(())
}

/// Parameters that every leaf takes and that change nothing here beyond what they say.
const SHOWN: [&str; 12] = [
    "store",
    "meta",
    "boost",
    "similarity",
    "eager_global_ordinals",
    "index_options",
    "norms",
    "coerce",
    "time_series_dimension",
    "time_series_metric",
    "split_queries_on_whitespace",
    "fielddata",
];

pub(super) fn parse_field(
    name: &str,
    type_name: &str,
    body: &Map<String, Value>,
) -> Result<FieldMapping, MappingError> {
    let kind = kind_of(name, type_name, body)?;
    let is_source_only = matches!(kind, FieldKind::Binary | FieldKind::Alias { .. });
    let mut field = FieldMapping {
        type_name: type_name.to_owned(),
        // A `wildcard` is looked for by its parts: its column is gone over anyway.
        index: !is_source_only
            && !matches!(&kind, FieldKind::Structured(structure) if *structure != Structure::GeoShape)
            && type_name != WILDCARD,
        doc_values: !is_source_only,
        kind,
        ignore_malformed: false,
        null_value: None,
        copy_to: Vec::new(),
        analysis: Default::default(),
        parameters: Map::new(),
        multi_fields: Default::default(),
        subfields: Default::default(),
    };
    for (key, value) in body {
        match key.as_str() {
            "type" => continue,
            // Of a completion the usual one is shown as if it was said.
            "analyzer" if type_name == "completion" && plain(value) == "simple" => {}
            "analyzer" | "search_analyzer" if type_name == "completion" => {
                read_analysis(key, value, &mut field.analysis)?;
            }
            own if takes(&field.kind, own) => {}
            "copy_to" => field.copy_to = copy_to(name, value)?,
            "fields" => {
                parse_multi_fields(name, value, &mut field)?;
                continue;
            }
            "index" => field.index = flag(key, value)?,
            // It is shown as it cannot be otherwise, and says nothing.
            "doc_values" if type_name == SEARCH_AS_YOU_TYPE => {}
            "doc_values" => field.doc_values = flag(key, value)?,
            "ignore_malformed" => field.ignore_malformed = flag(key, value)?,
            "null_value" => field.null_value = Some(value.clone()),
            "ignore_above" if matches!(type_name, "keyword" | "wildcard" | "flattened") => {}
            "format" if matches!(type_name, "date" | "date_nanos" | "date_range") => {}
            "analyzer" | "search_analyzer" | "search_quote_analyzer" | "position_increment_gap"
                if matches!(type_name, "text" | "match_only_text" | "search_as_you_type" | "token_count") =>
            {
                read_analysis(key, value, &mut field.analysis)?;
            }
            "max_shingle_size" | "term_vector" if type_name == SEARCH_AS_YOU_TYPE => {}
            own if type_name == "text" && text_parameters::is_one(own) => {}
            // Null takes a normalizer away, as in Elasticsearch.
            "normalizer" if type_name == "keyword" && value.is_null() => continue,
            "normalizer" if type_name == "keyword" => read_analysis(key, value, &mut field.analysis)?,
            shown if SHOWN.contains(&shown) => {}
            _ => {
                return Err(MappingError::parsing(format!(
                    "unknown parameter [{key}] on mapper [{name}] of type [{type_name}]"
                )));
            }
        }
        field.parameters.insert(key.clone(), canonical(key, value));
    }
    with_usual(&mut field);
    if type_name == "text" {
        field.subfields = text_parameters::ways(body, &field);
    }
    // Older builds took it, and gave such a field an index.
    field.index |= type_name == WILDCARD && !field.doc_values;
    if let FieldKind::Join(join) = &field.kind {
        field.parameters = join.parameters(body);
    }
    if type_name == SEARCH_AS_YOU_TYPE {
        field.subfields = subfields(&field, shingle_size(body)?);
    }
    Ok(field)
}

/// Whether a parameter is one of this type alone.
fn takes(kind: &FieldKind, parameter: &str) -> bool {
    match kind {
        FieldKind::ScaledFloat { .. } => parameter == "scaling_factor",
        FieldKind::ConstantKeyword { .. } => parameter == "value",
        FieldKind::Alias { .. } => parameter == "path",
        FieldKind::Flattened { .. } => parameter == "depth_limit",
        FieldKind::Join(_) => parameter == "relations",
        FieldKind::TokenCount { .. } => parameter == "enable_position_increments",
        FieldKind::Date(_) | FieldKind::DateNanos(_) | FieldKind::Range { .. } => parameter == "locale",
        FieldKind::Structured(structure) => structure.takes(parameter),
        _ => false,
    }
}

fn copy_to(name: &str, value: &Value) -> Result<Vec<String>, MappingError> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let paths = match value {
        Value::Array(items) => items.iter().map(text).collect(),
        one => text(one).map(|path| vec![path]),
    };
    paths.ok_or_else(|| {
        MappingError::parsing(format!(
            "[copy_to] of field [{name}] must be a name or a list of names, not {value}"
        ))
    })
}

fn read_analysis(key: &str, value: &Value, analysis: &mut FieldAnalyzers) -> Result<(), MappingError> {
    if key == "position_increment_gap" {
        let gap =
            number(value).and_then(|gap| u32::try_from(gap).ok()).filter(|gap| i32::try_from(*gap).is_ok());
        let gap = gap.ok_or_else(|| {
            MappingError::argument(format!(
                "[position_increment_gap] must be a number from 0 on, but was [{}]",
                plain(value)
            ))
        })?;
        analysis.position_increment_gap = Some(gap);
        return Ok(());
    }
    let named = match key {
        "analyzer" => &mut analysis.analyzer,
        "search_analyzer" => &mut analysis.search_analyzer,
        "search_quote_analyzer" => &mut analysis.search_quote_analyzer,
        _ => &mut analysis.normalizer,
    };
    *named = Some(plain(value));
    Ok(())
}

fn parse_multi_fields(name: &str, value: &Value, field: &mut FieldMapping) -> Result<(), MappingError> {
    let Some(multi) = value.as_object() else {
        return Err(MappingError::parsing(format!("Expected map for property [fields] on field [{name}]")));
    };
    for (sub, definition) in multi {
        let body = definition.as_object().cloned().unwrap_or_default();
        let Some(type_name) = body.get("type").and_then(Value::as_str) else {
            return Err(MappingError::parsing(format!("no type specified for property [{sub}]")));
        };
        let parsed = parse_field(sub, type_name, &body)?;
        if !parsed.copy_to.is_empty() {
            return Err(MappingError::parsing(format!(
                "copy_to in multi fields is not allowed. Found the copy_to in field [{sub}] which is within a multi field."
            )));
        }
        field.multi_fields.insert(sub.clone(), parsed);
    }
    Ok(())
}

fn kind_of(name: &str, type_name: &str, body: &Map<String, Value>) -> Result<FieldKind, MappingError> {
    Ok(match type_name {
        "text" | SEARCH_AS_YOU_TYPE => FieldKind::Text,
        "match_only_text" => FieldKind::MatchOnlyText,
        "version" => FieldKind::Version,
        "flattened" => FieldKind::Flattened {
            depth_limit: depth_limit(body.get("depth_limit"))?,
            ignore_above: ignore_above(name, body.get("ignore_above"))?,
        },
        "token_count" => token_count(name, body)?,
        "keyword" | "wildcard" => {
            FieldKind::Keyword { ignore_above: ignore_above(name, body.get("ignore_above"))? }
        }
        "long" => FieldKind::Integer { min: i64::MIN, max: i64::MAX },
        "integer" => FieldKind::Integer { min: i32::MIN.into(), max: i32::MAX.into() },
        "short" => FieldKind::Integer { min: i16::MIN.into(), max: i16::MAX.into() },
        "byte" => FieldKind::Integer { min: i8::MIN.into(), max: i8::MAX.into() },
        "double" => FieldKind::Double,
        "float" => FieldKind::Float,
        "half_float" => FieldKind::HalfFloat,
        "scaled_float" => {
            FieldKind::ScaledFloat { factor: scaling_factor(name, body.get("scaling_factor"))? }
        }
        "unsigned_long" => FieldKind::UnsignedLong,
        "constant_keyword" => FieldKind::ConstantKeyword { value: body.get("value").map(plain) },
        JOIN => FieldKind::Join(Join::parse(name, body)?),
        "alias" => FieldKind::Alias { path: alias_path(name, body.get("path"))? },
        "binary" => FieldKind::Binary,
        "boolean" => FieldKind::Boolean,
        "date" => FieldKind::Date(date_formats(body)),
        "date_nanos" => FieldKind::DateNanos(date_formats(body)),
        "ip" => FieldKind::Ip,
        "date_range" => ranges_of(FieldKind::Date(date_formats(body))),
        "ip_range" => ranges_of(FieldKind::Ip),
        "integer_range" => ranges_of(FieldKind::Integer { min: i32::MIN.into(), max: i32::MAX.into() }),
        "long_range" => ranges_of(FieldKind::Integer { min: i64::MIN, max: i64::MAX }),
        "float_range" => ranges_of(FieldKind::Float),
        "double_range" => ranges_of(FieldKind::Double),
        _ => {
            let structure = Structure::parse(name, type_name, body)?;
            return structure.map(FieldKind::Structured).ok_or_else(|| {
                MappingError::parsing(format!("No handler for type [{type_name}] declared on field [{name}]"))
            });
        }
    })
}

fn depth_limit(value: Option<&Value>) -> Result<usize, MappingError> {
    let Some(value) = value else { return Ok(DEPTH_LIMIT) };
    number(value).filter(|limit| *limit >= 1).ok_or_else(|| {
        MappingError::parsing(format!("[depth_limit] must be positive, got [{}]", plain(value)))
    })
}

fn ranges_of(of: FieldKind) -> FieldKind {
    FieldKind::Range { of: Box::new(of) }
}

fn token_count(name: &str, body: &Map<String, Value>) -> Result<FieldKind, MappingError> {
    if body.get("analyzer").is_none_or(Value::is_null) {
        return Err(MappingError::parsing(format!("Analyzer must be set for field [{name}] but wasn't.")));
    }
    let parameter = "enable_position_increments";
    let with_holes = body.get(parameter).map_or(Ok(true), |value| flag(parameter, value))?;
    Ok(FieldKind::TokenCount { with_holes })
}

fn scaling_factor(name: &str, value: Option<&Value>) -> Result<f64, MappingError> {
    let Some(value) = value else {
        return Err(MappingError::parsing(format!(
            "Field [{name}] misses required parameter [scaling_factor]"
        )));
    };
    let factor = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    factor.filter(|factor| factor.is_finite() && *factor > 0.0).ok_or_else(|| {
        MappingError::parsing(format!("[scaling_factor] must be a positive number, got [{}]", plain(value)))
    })
}

fn alias_path(name: &str, value: Option<&Value>) -> Result<String, MappingError> {
    value.and_then(Value::as_str).map(str::to_owned).ok_or_else(|| {
        MappingError::parsing(format!("The [path] property must be specified for field [{name}]."))
    })
}

fn ignore_above(name: &str, value: Option<&Value>) -> Result<usize, MappingError> {
    match value {
        None => Ok(usize::MAX),
        Some(value) if value.as_u64() == Some(NO_BOUND) => Ok(usize::MAX),
        Some(value) => number(value).ok_or_else(|| {
            MappingError::argument(format!(
                "[ignore_above] of field [{name}] must be a positive number, not {value}"
            ))
        }),
    }
}

fn number(value: &Value) -> Option<usize> {
    let whole = |number: &f64| number.fract() == 0.0 && (0.0..=NO_BOUND as f64).contains(number);
    let written = || value.as_f64().filter(whole).map(|number| number as u64);
    let number = value.as_u64().or_else(written).or_else(|| value.as_str()?.parse().ok())?;
    usize::try_from(number).ok()
}

/// The formats of dates, those that can be read: older builds took more.
fn date_formats(body: &Map<String, Value>) -> DateFormats {
    let text = |key| body.get(key).filter(|value| !value.is_null()).map(plain);
    let locale = text("locale").and_then(|locale| Locale::parse(&locale).ok()).unwrap_or(Locale::ROOT);
    let format = text("format").unwrap_or_else(|| DateFormats::DEFAULT.to_owned());
    DateFormats::read_stored(&format, locale)
}

/// Refuses formats and languages of dates that are none.
pub(super) fn check_dates(name: &str, body: &Map<String, Value>) -> Result<(), MappingError> {
    let text = |key| body.get(key).filter(|value| !value.is_null()).map(plain);
    let fault = |key| {
        move |reason| MappingError::parsing(format!("Error parsing [{key}] on field [{name}]: {reason}"))
    };
    text("locale").map_or(Ok(()), |locale| Locale::parse(&locale).map(drop).map_err(fault("locale")))?;
    text("format").map_or(Ok(()), |format| DateFormats::parse(&format).map(drop).map_err(fault("format")))
}

fn parse_dynamic(value: &Value) -> Result<Dynamic, MappingError> {
    match plain(value).as_str() {
        "true" => Ok(Dynamic::True),
        "false" => Ok(Dynamic::False),
        "strict" => Ok(Dynamic::Strict),
        "runtime" => Ok(Dynamic::Runtime),
        other => Err(MappingError::parsing(format!(
            "No enum constant for [dynamic]: {other}; use true, false, strict or runtime"
        ))),
    }
}

pub(super) fn flag(key: &str, value: &Value) -> Result<bool, MappingError> {
    match plain(value).as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(MappingError::argument(format!(
            "Failed to parse value [{other}] of [{key}] as only [true] or [false] are allowed."
        ))),
    }
}
