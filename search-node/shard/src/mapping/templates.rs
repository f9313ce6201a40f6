//! Dynamic templates: which type an unknown field becomes, by its name, path or the type of its value.

use serde_json::{Map, Value, json};

use super::definition::{parse_field, parse_property};
use super::error::MappingError;
use super::fields::{FieldMapping, ObjectMapping};
use super::proposed;
use super::runtime::parse_runtime_field;
use crate::analysis::JavaPattern;
use crate::json_values::plain;
use crate::query::wildcard_name_matches as name_matches;

/// One template; the first that fits is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct DynamicTemplate {
    name: String,
    /// What a value may be: each of them at least where nothing is said of it.
    kinds: Vec<&'static str>,
    match_name: Vec<NamePattern>,
    unmatch_name: Vec<NamePattern>,
    match_path: Vec<NamePattern>,
    unmatch_path: Vec<NamePattern>,
    mapping: Map<String, Value>,
    /// Whether it makes runtime fields.
    is_runtime: bool,
    /// As it was given.
    body: Map<String, Value>,
}

/// What a name or path must be like.
#[derive(Debug, Clone)]
enum NamePattern {
    Wildcard(String),
    /// A regular expression for the whole of it, with how it was written.
    Regex(String, JavaPattern),
}

impl PartialEq for NamePattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Wildcard(one), Self::Wildcard(two)) | (Self::Regex(one, _), Self::Regex(two, _)) => {
                one == two
            }
            _ => false,
        }
    }
}

impl NamePattern {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Wildcard(pattern) => name_matches(pattern, text),
            Self::Regex(_, pattern) => pattern.matches(text).next().is_some(),
        }
    }
}

/// Types of values as templates name them. There is no `binary` one in JSON.
const KINDS: [&str; 7] = ["object", "string", "long", "double", "boolean", "date", "binary"];

/// By these a template says which fields it is for.
const CONDITIONS: [&str; 4] = ["match", "path_match", "match_mapping_type", "unmatch_mapping_type"];

/// These take a text or a list of them.
const TEXTS: [&str; 6] =
    ["match", "unmatch", "path_match", "path_unmatch", "match_mapping_type", "unmatch_mapping_type"];

/// In the order in which Elasticsearch shows what a template says.
const SHOWN: [&str; 9] = [
    "match",
    "path_match",
    "unmatch",
    "path_unmatch",
    "match_mapping_type",
    "unmatch_mapping_type",
    "match_pattern",
    "mapping",
    "runtime",
];

impl DynamicTemplate {
    /// Reads the value of `dynamic_templates`.
    pub(super) fn parse_all(value: &Value) -> Result<Vec<Self>, MappingError> {
        let fault =
            || MappingError::parsing("Dynamic template syntax error. An array of named objects is expected.");
        let items = value.as_array().ok_or_else(fault)?;
        items
            .iter()
            .map(|item| {
                let item = item.as_object().ok_or_else(fault)?;
                // Of several an older build took the first.
                let (name, body) = item.iter().next().ok_or_else(nameless)?;
                Self::parse(name, body.as_object().ok_or_else(fault)?)
            })
            .collect()
    }

    fn parse(name: &str, body: &Map<String, Value>) -> Result<Self, MappingError> {
        let is_known = |key: &String| SHOWN.contains(&key.as_str());
        if let Some(other) = body.keys().find(|key| !is_known(key)) {
            return Err(MappingError::argument(format!("Illegal dynamic template parameter: [{other}]")));
        }
        let (key, made) = match (body.get("mapping"), body.get("runtime")) {
            (Some(mapping), None) => ("mapping", mapping),
            (None, Some(runtime)) => ("runtime", runtime),
            (Some(_), Some(_)) => {
                return Err(MappingError::parsing(format!(
                    "mapping and runtime cannot be both specified in the same dynamic template [{name}]"
                )));
            }
            (None, None) => {
                return Err(MappingError::parsing(format!(
                    "template [{name}] must have either mapping or runtime set"
                )));
            }
        };
        let Some(mapping) = made.as_object().cloned() else {
            return Err(MappingError::parsing(format!(
                "[{key}] of dynamic template [{name}] must be an object, not {made}"
            )));
        };
        let is_runtime = key == "runtime";
        let is_regex = match body.get("match_pattern").map(plain).as_deref() {
            None | Some("simple" | "default") => false,
            Some("regex") => true,
            Some(other) => {
                return Err(MappingError::argument(format!("No matching pattern matched on [{other}]")));
            }
        };
        let patterns = |key: &str| {
            let texts = texts(body, key).into_iter();
            texts.map(|text| pattern(name, text, is_regex)).collect::<Result<Vec<_>, _>>()
        };
        if is_runtime && texts(body, "match_mapping_type").iter().any(|kind| kind == "object") {
            return Err(MappingError::parsing(format!(
                "Dynamic template [{name}] defines a runtime field but type [object] is not supported as runtime field"
            )));
        }
        let mut kinds = kinds(body)?;
        kinds.retain(|kind| !is_runtime || !matches!(*kind, "object" | "binary"));
        Ok(Self {
            name: name.to_owned(),
            kinds,
            match_name: patterns("match")?,
            unmatch_name: patterns("unmatch")?,
            match_path: patterns("path_match")?,
            unmatch_path: patterns("path_unmatch")?,
            mapping,
            is_runtime,
            body: body.clone(),
        })
    }

    /// Refuses a template that no field could be mapped by, or that does not say for which fields it is. Older builds took both.
    pub(super) fn check(&self) -> Result<(), MappingError> {
        if !CONDITIONS.iter().any(|key| self.body.contains_key(*key)) {
            return Err(MappingError::parsing(format!(
                "template must have match, path_match or match_mapping_type set {}",
                in_java(&Value::Object(self.body.clone()))
            )));
        }
        // What stands for a name cannot be guessed.
        if Value::Object(self.mapping.clone()).to_string().contains("{name}") {
            return Ok(());
        }
        let mut faults = self.kinds.iter().filter_map(|kind| self.check_kind(kind).err()).collect::<Vec<_>>();
        // It is enough that it does for one of them.
        if faults.len() < self.kinds.len() || self.kinds.is_empty() {
            return Ok(());
        }
        let fault = format!(
            "dynamic template [{}] has invalid content [{}], attempted to validate it with the following match_mapping_type: [{}]",
            self.name,
            self.shown(),
            self.kinds.join(", ")
        );
        let fault = MappingError::argument(fault);
        Err(match faults.pop() {
            Some(cause) => fault.caused_by(cause.kind, cause.reason),
            None => fault,
        })
    }

    fn check_kind(&self, kind: &str) -> Result<(), MappingError> {
        let name = format!("__dynamic__{}", self.name);
        if self.is_runtime {
            return self.runtime_field(&name, kind).map(drop);
        }
        let mut body = self.filled(&name, kind);
        let type_name = type_of(&body, kind);
        if matches!(type_name.as_str(), "object" | "nested") {
            if let Some(Value::Object(properties)) = body.get_mut("properties") {
                proposed::check_properties(properties)?;
            }
            return parse_property(&name, &body, "", &mut ObjectMapping::default());
        }
        match proposed::parse_field(&name, &type_name, &body) {
            Err(error) if error.reason.starts_with("No handler for type") => {
                Err(MappingError::argument(format!("No mapper found for type [{type_name}]")))
            }
            parsed => parsed.map(drop),
        }
    }

    fn shown(&self) -> String {
        let shown = SHOWN.iter().filter_map(|key| Some(format!("\"{key}\":{}", self.body.get(*key)?)));
        format!("{{{}}}", shown.collect::<Vec<_>>().join(","))
    }

    /// The field that a value of a kind at `path` becomes by this template, if it fits.
    pub(super) fn field(&self, path: &str, kind: &str) -> Option<Result<FieldMapping, MappingError>> {
        let name = path.rsplit('.').next().unwrap_or(path);
        self.fits(path, name, kind).then(|| {
            if self.is_runtime {
                return self.runtime_field(path, kind);
            }
            let body = self.filled(name, kind);
            parse_field(name, &type_of(&body, kind), &body)
        })
    }

    /// Whether its fields are runtime fields.
    pub(super) fn is_runtime(&self) -> bool {
        self.is_runtime
    }

    fn runtime_field(&self, path: &str, kind: &str) -> Result<FieldMapping, MappingError> {
        let name = path.rsplit('.').next().unwrap_or(path);
        let usual = if kind == "string" { "keyword" } else { kind };
        let mut body = filled_map(&self.mapping, name, usual);
        body.entry("type").or_insert_with(|| usual.into());
        parse_runtime_field(path, &body)
    }

    /// What an object at `path` becomes by this template, if it fits. It is in an object without a name.
    pub(super) fn object(&self, path: &str) -> Option<Result<ObjectMapping, MappingError>> {
        let (prefix, name) = path.rsplit_once('.').map_or(("", path), |(parent, name)| (parent, name));
        self.fits(path, name, "object").then(|| {
            let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}.") };
            let mut around = ObjectMapping::default();
            parse_property(name, &self.filled(name, "object"), &prefix, &mut around)?;
            Ok(around)
        })
    }

    fn filled(&self, name: &str, kind: &str) -> Map<String, Value> {
        filled_map(&self.mapping, name, default_type(kind))
    }

    fn fits(&self, path: &str, name: &str, kind: &str) -> bool {
        let any = |patterns: &[NamePattern], text: &str| patterns.iter().any(|pattern| pattern.matches(text));
        self.kinds.contains(&kind)
            && (self.match_name.is_empty() || any(&self.match_name, name))
            && !any(&self.unmatch_name, name)
            && (self.match_path.is_empty() || any(&self.match_path, path))
            && !any(&self.unmatch_path, path)
    }
}

fn nameless() -> MappingError {
    MappingError::parsing("A dynamic template must be defined with a name")
}

/// Refuses `dynamic_templates` of which a part would be passed over. Older builds did that.
pub(super) fn check_shape(value: &Value) -> Result<(), MappingError> {
    for item in value.as_array().into_iter().flatten().filter_map(Value::as_object) {
        if item.len() != 1 {
            return Err(nameless());
        }
        item.values().filter_map(Value::as_object).try_for_each(check_texts)?;
    }
    Ok(())
}

/// Refuses lists of texts in which there is something else.
fn check_texts(body: &Map<String, Value>) -> Result<(), MappingError> {
    for key in TEXTS {
        if let Some(list @ Value::Array(items)) = body.get(key)
            && !items.iter().all(Value::is_string)
        {
            return Err(MappingError::parsing(format!(
                "[{key}] values must either be a string or list of strings, but was {}",
                in_java(list)
            )));
        }
    }
    Ok(())
}

/// The kinds of values that a template is for.
fn kinds(body: &Map<String, Value>) -> Result<Vec<&'static str>, MappingError> {
    let known = |text: &String| {
        KINDS.iter().copied().find(|kind| kind == text).ok_or_else(|| {
            MappingError::argument(format!(
                "No field type matched on [{text}], possible values are [{}]",
                KINDS.join(", ")
            ))
        })
    };
    let (wanted, unwanted) = (texts(body, "match_mapping_type"), texts(body, "unmatch_mapping_type"));
    let mut kinds = match wanted.as_slice() {
        [] => KINDS.to_vec(),
        [one] if one == "*" => KINDS.to_vec(),
        several => several.iter().map(known).collect::<Result<_, _>>()?,
    };
    let unwanted = unwanted.iter().map(known).collect::<Result<Vec<_>, _>>()?;
    kinds.retain(|kind| !unwanted.contains(kind));
    Ok(kinds)
}

fn pattern(template: &str, text: String, is_regex: bool) -> Result<NamePattern, MappingError> {
    if !is_regex {
        return Ok(NamePattern::Wildcard(text));
    }
    let fault = |error: crate::analysis::AnalysisError| {
        MappingError::parsing(format!(
            "Pattern [{text}] of type [regex] is invalid. Cannot create dynamic template [{template}]."
        ))
        .caused_by("pattern_syntax_exception", error.to_string())
    };
    // By itself first: brackets that do not close must not close those around it.
    JavaPattern::new(&text, "").map_err(fault)?;
    let whole = JavaPattern::new(&format!(r"\A(?:{text})\z"), "").map_err(fault)?;
    Ok(NamePattern::Regex(text, whole))
}

/// One text or a list of them; what else is in the list is passed over.
fn texts(body: &Map<String, Value>, key: &str) -> Vec<String> {
    match body.get(key) {
        None => Vec::new(),
        Some(Value::Array(items)) => {
            items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
        }
        Some(one) => vec![plain(one)],
    }
}

/// The type that a kind of values has where a template does not say: a decimal number is one of single precision.
fn default_type(kind: &str) -> &str {
    match kind {
        "string" => "text",
        "double" => "float",
        other => other,
    }
}

fn type_of(body: &Map<String, Value>, kind: &str) -> String {
    body.get("type").map_or_else(|| default_type(kind).to_owned(), plain)
}

fn filled_map(map: &Map<String, Value>, name: &str, type_name: &str) -> Map<String, Value> {
    map.iter()
        .map(|(key, value)| (filled_text(key, name, type_name), filled(value, name, type_name)))
        .collect()
}

fn filled(value: &Value, name: &str, type_name: &str) -> Value {
    match value {
        Value::String(text) => json!(filled_text(text, name, type_name)),
        Value::Array(items) => items.iter().map(|item| filled(item, name, type_name)).collect(),
        Value::Object(object) => Value::Object(filled_map(object, name, type_name)),
        other => other.clone(),
    }
}

fn filled_text(text: &str, name: &str, type_name: &str) -> String {
    text.replace("{name}", name).replace("{dynamic_type}", type_name).replace("{dynamicType}", type_name)
}

/// A value as Java shows maps and lists.
fn in_java(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| format!("{key}={}", in_java(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(in_java).collect::<Vec<_>>().join(", ")),
        other => plain(other),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::analysis::Analysis;
    use crate::mapping::document::{DocumentParser, SourceView, Strictness};
    use crate::mapping::{parse_mapping, parse_new_mapping};

    /// What a document adds to a mapping with these templates.
    fn added(mapping: &Value, document: &Value) -> Value {
        let mapping = parse_new_mapping(mapping).expect("a mapping");
        let parser = DocumentParser::new(Arc::new(mapping), &Analysis::plain(), &|_| None);
        let text = document.to_string();
        let source: SourceView<'_> = serde_json::from_str(&text).expect("JSON");
        let strictness = Strictness::New { is_routed: false };
        let added = parser.parse("1", &source, &mut Default::default(), strictness).expect("taken");
        added.expect("something is added").to_json()["properties"].take()
    }

    #[test]
    fn conditions_are_patterns_expressions_and_lists_of_them() {
        for (conditions, taken, left) in [
            (json!({"match": "a*"}), "abc", "bc"),
            (json!({"match": ["a*", "b"]}), "b", "bc"),
            (json!({"match": "^v\\d+$", "match_pattern": "regex"}), "v12", "v12x"),
            (json!({"match": "v[0-9]", "match_pattern": "regex"}), "v1", "av1"),
            (json!({"match": "(?!x).*", "unmatch": ".*_t(ext)?", "match_pattern": "regex"}), "a", "a_text"),
            (json!({"match": "*", "unmatch": ["b*", "c"]}), "a", "c"),
            (json!({"path_match": ["o.*", "p.*"], "path_unmatch": "o.*x"}), "p.a", "o.ax"),
            (json!({"match_mapping_type": ["double", "long"], "unmatch": "l"}), "n", "l"),
            (json!({"unmatch_mapping_type": ["string"], "match": "*", "unmatch": "l"}), "n", "l"),
        ] {
            let mut body = conditions.as_object().cloned().expect("an object");
            body.insert("mapping".to_owned(), json!({"type": "short"}));
            let mapping = json!({"dynamic_templates": [{"t": body}]});
            for (path, is_taken) in [(taken, true), (left, false)] {
                let found = added(&mapping, &json!({ path: 1 }));
                let pointer = format!("/{}/type", path.replace('.', "/properties/"));
                let type_name = found.pointer(&pointer).expect("mapped");
                assert_eq!(type_name == "short", is_taken, "{conditions}: {path} is {type_name}");
            }
        }
    }

    #[test]
    fn a_name_and_a_type_stand_anywhere_in_a_template() {
        let mapping = json!({"dynamic_templates": [{"t": {"match": "*", "mapping": {
            "type": "{dynamic_type}", "meta": {"{name}": "{dynamic_type}"}, "copy_to": ["all_{name}"],
            "fields": {"{name}_{dynamicType}": {"type": "keyword"}}}}}],
            "properties": {"all_n": {"type": "double"}, "all_s": {"type": "keyword"}}});

        let found = added(&mapping, &json!({"n": 1.5, "s": "x"}));

        assert_eq!(
            found,
            json!({
                "n": {"type": "float", "meta": {"n": "float"}, "copy_to": ["all_n"],
                    "fields": {"n_float": {"type": "keyword"}}},
                "s": {"type": "text", "meta": {"s": "text"}, "copy_to": ["all_s"],
                    "fields": {"s_text": {"type": "keyword"}}}
            })
        );
    }

    #[test]
    fn a_decimal_number_is_a_float_also_where_a_template_for_doubles_does_not_say() {
        let mapping = json!({"numeric_detection": true, "dynamic_templates": [
            {"d": {"match_mapping_type": "double", "mapping": {"index": false}}},
            {"l": {"match_mapping_type": "long", "mapping": {}}}]});

        let found = added(&mapping, &json!({"d": 1.5, "t": "2.5", "l": "7"}));

        let float = json!({"type": "float", "index": false});
        assert_eq!(found, json!({"d": float, "t": float, "l": {"type": "long"}}));
    }

    #[test]
    fn what_no_field_could_be_mapped_by_is_refused() {
        for (body, reason) in [
            (
                json!({"mapping": {"type": "keyword"}}),
                "template must have match, path_match or match_mapping_type set {mapping={type=keyword}}",
            ),
            (json!({"match": "x"}), "template [t] must have either mapping or runtime set"),
            (
                json!({"match": "x", "mapping": {"type": "nope"}}),
                r#"dynamic template [t] has invalid content [{"match":"x","mapping":{"type":"nope"}}], attempted to validate it with the following match_mapping_type: [object, string, long, double, boolean, date, binary]"#,
            ),
            (
                json!({"match_mapping_type": ["string"], "mapping": {"type": "keyword", "foo": 1}}),
                r#"dynamic template [t] has invalid content [{"match_mapping_type":["string"],"mapping":{"type":"keyword","foo":1}}], attempted to validate it with the following match_mapping_type: [string]"#,
            ),
            (
                json!({"match": "[", "match_pattern": "regex", "mapping": {}}),
                "Pattern [[] of type [regex] is invalid. Cannot create dynamic template [t].",
            ),
            (
                json!({"match": "a)|(b", "match_pattern": "regex", "mapping": {}}),
                "Pattern [a)|(b] of type [regex] is invalid. Cannot create dynamic template [t].",
            ),
            (
                json!({"match": "x", "match_pattern": "foo", "mapping": {}}),
                "No matching pattern matched on [foo]",
            ),
            (
                json!({"match_mapping_type": "foo", "mapping": {}}),
                "No field type matched on [foo], possible values are [object, string, long, double, boolean, date, binary]",
            ),
            (json!({"match": "x", "foo": 1, "mapping": {}}), "Illegal dynamic template parameter: [foo]"),
            (
                json!({"match": ["x", 1], "mapping": {}}),
                "[match] values must either be a string or list of strings, but was [x, 1]",
            ),
        ] {
            let refused = parse_new_mapping(&json!({"dynamic_templates": [{"t": body}]})).expect_err(reason);
            assert_eq!(refused.reason, reason);
        }
        for (templates, reason) in [
            (json!([{}]), "A dynamic template must be defined with a name"),
            (json!({}), "Dynamic template syntax error. An array of named objects is expected."),
        ] {
            let refused = parse_new_mapping(&json!({"dynamic_templates": templates})).expect_err(reason);
            assert_eq!(refused.reason, reason);
        }
    }

    /// One type is enough, and a name cannot be guessed; what an older build took is read.
    #[test]
    fn what_may_do_is_taken() {
        for body in [
            json!({"match_mapping_type": "*", "mapping": {"type": "{dynamic_type}", "norms": false}}),
            json!({"match": "x", "mapping": {"type": "{name}"}}),
            json!({"match_mapping_type": "object", "mapping": {"type": "nested"}}),
        ] {
            parse_new_mapping(&json!({"dynamic_templates": [{"t": body}]})).expect("taken");
        }
        let text = json!({"type": "text", "norms": {"enabled": false}});
        for old in [
            json!([{"t": {"mapping": {"type": "nope"}}}]),
            json!([{"t": {"match": ["x", 1], "mapping": {"type": "keyword"}}}]),
            json!([{"t": {"match": "x", "mapping": text}}]),
            json!([{"t": {"match": "x", "mapping": {"type": "keyword"}}, "u": {"match": "y", "mapping": {}}}]),
        ] {
            let old = json!({ "dynamic_templates": old });
            let mapping = parse_mapping(&old).expect("stored by an older build");
            assert_eq!(mapping.to_json(), old);
            assert!(parse_new_mapping(&old).is_err(), "{old}");
        }
    }
}
