//! The values of a document's fields as its JSON has them, each as its type has it shown (`fields`).

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::geometry::{to_geojson, to_wkt};
use crate::json_values::{each, text_of, values_at};
use crate::mapping::dates::{DateFormats, Resolution};
use crate::mapping::{
    FieldKind, FieldMapping, Mapping, Point, Scalar, ShapeRules, Structure, show_ip, to_bool, to_float,
    to_integer, to_ip, to_unsigned,
};
use crate::query::{QueryError, wildcard_name_matches as name_matches};

/// How points and shapes may be shown.
const POINT_FORMATS: [&str; 2] = ["geojson", "wkt"];

/// Fields that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldAsked {
    /// A name, or a pattern of names.
    pub pattern: String,
    /// How dates are shown.
    pub format: Option<String>,
    /// Whether fields that the mapping lacks are meant too.
    pub include_unmapped: bool,
}

/// The fields of an index that are wanted, found once for many documents.
#[derive(Debug)]
pub struct FieldsShown<'a> {
    mapping: &'a Mapping,
    fields: Vec<FieldShown<'a>>,
    /// The patterns of fields that the mapping lacks.
    unmapped: Vec<&'a str>,
}

#[derive(Debug)]
struct FieldShown<'a> {
    path: String,
    field: &'a FieldMapping,
    format: Option<DateFormats>,
    /// Whether points and shapes are shown as well-known text.
    is_wkt: bool,
    /// Where its values are in a document.
    sources: Vec<String>,
    /// The key, of a value below a flattened object.
    key: Option<String>,
}

impl<'a> FieldsShown<'a> {
    /// Those of an index that are wanted; a format that is none, or of a field without one, is refused.
    pub fn new(mapping: &'a Mapping, asked: &'a [FieldAsked]) -> Result<Self, QueryError> {
        let mut by_path = BTreeMap::new();
        let leaves = mapping.leaves();
        for wanted in asked {
            for leaf in leaves.iter().filter(|leaf| name_matches(&wanted.pattern, &leaf.path)) {
                by_path.insert(leaf.path.clone(), (None, wanted));
            }
            for (path, _) in mapping.runtime.iter().filter(|(path, _)| name_matches(&wanted.pattern, path)) {
                by_path.insert(path.to_owned(), (None, wanted));
            }
            if let Some((root, key)) = below_flattened(mapping, &wanted.pattern) {
                by_path.insert(wanted.pattern.clone(), (Some((root, key)), wanted));
            }
        }
        let fields = by_path.into_iter().filter_map(|(path, (below, wanted))| {
            let (root, key) = below.map_or((path.as_str(), None), |(root, key)| (root, Some(key.to_owned())));
            let field = mapping.searched(root)?;
            let sources = match mapping.runtime.get(root) {
                Some(_) => vec![root.to_owned()],
                None => mapping.sources_of(mapping.meant(root)),
            };
            let is_place =
                matches!(field.kind, FieldKind::Structured(Structure::GeoPoint | Structure::GeoShape));
            let is_wkt = is_place && wanted.format.as_deref() == Some("wkt");
            let said =
                wanted.format.as_deref().filter(|format| !(is_place && POINT_FORMATS.contains(format)));
            let format = said.map(|format| read_format(&path, field, format)).transpose();
            Some(format.map(|format| FieldShown { path, field, format, is_wkt, sources, key }))
        });
        let unmapped = asked.iter().filter(|wanted| wanted.include_unmapped);
        Ok(Self {
            mapping,
            fields: fields.collect::<Result<_, _>>()?,
            unmapped: unmapped.map(|wanted| wanted.pattern.as_str()).collect(),
        })
    }

    /// The values of a document.
    pub fn of(&self, source: &Value) -> Map<String, Value> {
        let mut shown = Map::new();
        self.collect(source, "", &mut shown);
        if !self.unmapped.is_empty() {
            self.collect_unmapped(source, "", &mut shown);
        }
        shown
    }

    /// The values of a nested object at a path.
    pub fn of_nested(&self, object: &Value, path: &str) -> Map<String, Value> {
        let mut shown = Map::new();
        self.collect(object, path, &mut shown);
        shown.into_iter().map(|(name, values)| (format!("{path}.{name}"), values)).collect()
    }

    /// The values of an object, which is the document or a nested one at `scope`.
    fn collect(&self, object: &Value, scope: &str, shown: &mut Map<String, Value>) {
        let mut nested: Vec<&str> = Vec::new();
        for field in &self.fields {
            if !is_below(&field.path, scope) {
                continue;
            }
            match self.nested_inside(&field.path, scope) {
                Some(path) if nested.last() != Some(&path) => nested.push(path),
                Some(_) => {}
                None => {
                    let values = field.values(object, scope);
                    if !values.is_empty() {
                        shown.insert(below(&field.path, scope).to_owned(), Value::Array(values));
                    }
                }
            }
        }
        nested.dedup();
        for path in nested {
            let mut objects = Vec::new();
            values_at(object, below(path, scope), &mut |value| each(value, &mut |value| objects.push(value)));
            let all = objects.into_iter().filter(|value| value.is_object()).map(|inner| {
                let mut shown = Map::new();
                self.collect(inner, path, &mut shown);
                shown
            });
            let all: Vec<Value> = all.filter(|shown| !shown.is_empty()).map(Value::Object).collect();
            if !all.is_empty() {
                shown.insert(below(path, scope).to_owned(), Value::Array(all));
            }
        }
    }

    /// The outermost nested path below `scope` that a path is in.
    fn nested_inside<'p>(&self, path: &'p str, scope: &str) -> Option<&'p str> {
        let is_nested = |at: usize| {
            at > scope.len() && self.mapping.object(&path[..at]).is_some_and(|object| object.nested.is_some())
        };
        path.match_indices('.').map(|(at, _)| at).find(|at| is_nested(*at)).map(|at| &path[..at])
    }

    /// Values that the mapping knows nothing of.
    fn collect_unmapped(&self, value: &Value, path: &str, shown: &mut Map<String, Value>) {
        match value {
            Value::Object(members) => {
                for (name, child) in members {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    let is_nested = self.mapping.object(&path).is_some_and(|object| object.nested.is_some());
                    if self.mapping.leaf(&path).is_none() && !is_nested {
                        self.collect_unmapped(child, &path, shown);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect_unmapped(item, path, shown)),
            Value::Null => {}
            scalar if self.unmapped.iter().any(|pattern| name_matches(pattern, path)) => {
                if let Value::Array(values) = shown.entry(path).or_insert_with(|| json!([])) {
                    values.push(scalar.clone());
                }
            }
            _ => {}
        }
    }
}

impl FieldShown<'_> {
    /// The values in an object at `scope`.
    fn values(&self, object: &Value, scope: &str) -> Vec<Value> {
        if let FieldKind::ConstantKeyword { value } = &self.field.kind {
            return value.iter().map(|value| json!(value)).collect();
        }
        let mut values = Vec::new();
        for source in self.sources.iter().filter(|source| is_below(source, scope)) {
            values_at(object, below(source, scope), &mut |value| match &self.key {
                None => self.add(value, &mut values),
                Some(key) => values_at(value, key, &mut |value| {
                    each(value, &mut |value| {
                        values.extend(text_of(value).map(|text| json!(text)));
                    })
                }),
            });
        }
        values
    }

    fn add(&self, value: &Value, to: &mut Vec<Value>) {
        if self.is_list_of_its_own(value) {
            to.extend(self.shown(value));
            return;
        }
        if let Value::Array(items) = value {
            return items.iter().for_each(|item| self.add(item, to));
        }
        let value = if value.is_null() { self.field.null_value.as_ref() } else { Some(value) };
        to.extend(value.and_then(|value| self.shown(value)));
    }

    /// Whether a list is one value.
    fn is_list_of_its_own(&self, value: &Value) -> bool {
        let Value::Array(items) = value else { return false };
        matches!(self.field.kind, FieldKind::Structured(_)) && items.first().is_some_and(Value::is_number)
    }

    /// A value as its type has it; none where it has none of it.
    fn shown(&self, value: &Value) -> Option<Value> {
        let kind = &self.field.kind;
        if *kind == FieldKind::Structured(Structure::GeoPoint) {
            return Point::of_value(value).map(|point| self.point(point));
        }
        if *kind == FieldKind::Structured(Structure::GeoShape) {
            return self.shape(value);
        }
        if matches!(
            kind,
            FieldKind::Structured(_)
                | FieldKind::Flattened { .. }
                | FieldKind::Range { .. }
                | FieldKind::Join(_)
        ) {
            return Some(value.clone());
        }
        let scalar = scalar_of(value)?;
        let date = |resolution, own| self.date(value, resolution, own);
        Some(match kind {
            FieldKind::Keyword { ignore_above } => {
                let text = text_of(value)?;
                (text.chars().count() <= *ignore_above).then(|| json!(text))?
            }
            FieldKind::Integer { min, max } => {
                json!(to_integer(scalar, *min, *max, &self.field.type_name).ok()?)
            }
            FieldKind::UnsignedLong => json!(to_unsigned(scalar).ok()?),
            FieldKind::Boolean => json!(to_bool(scalar).ok()?),
            FieldKind::Ip => json!(show_ip(to_ip(scalar).ok()?)),
            FieldKind::Date(own) => date(Resolution::Millis, own)?,
            FieldKind::DateNanos(own) => date(Resolution::Nanos, own)?,
            FieldKind::TokenCount { .. } => return None,
            kind if let Some(precision) = kind.precision() => {
                let number = to_float(scalar, precision, &self.field.type_name).ok()?;
                match kind {
                    // With the digits that single precision has.
                    FieldKind::Float | FieldKind::HalfFloat => {
                        (number as f32).to_string().parse::<f64>().map_or(Value::Null, |number| json!(number))
                    }
                    _ => json!(number),
                }
            }
            _ => json!(text_of(value)?),
        })
    }

    /// GeoJSON, or well-known text.
    fn point(&self, point: Point) -> Value {
        let Point { lat, lon } = point;
        match self.is_wkt {
            true => json!(format!("POINT ({lon:?} {lat:?})")),
            false => json!({"coordinates": [lon, lat], "type": "Point"}),
        }
    }

    /// A shape as the document has it, or read and written in the other way; none of what is no shape.
    fn shape(&self, value: &Value) -> Option<Value> {
        let geometry = ShapeRules::of(self.field).read(&value.into()).ok()?;
        Some(match self.is_wkt {
            true => json!(to_wkt(&geometry)),
            false if value.is_object() => value.clone(),
            false => to_geojson(&geometry),
        })
    }

    fn date(&self, value: &Value, resolution: Resolution, own: &DateFormats) -> Option<Value> {
        let read = match value.as_i64() {
            Some(number) => own.read_number(number)?,
            None => own.read(&text_of(value)?)?,
        };
        let format = self.format.as_ref().unwrap_or(own);
        Some(json!(format.show_moment(resolution, resolution.moment(read, false), &TimeZone::UTC)))
    }
}

fn read_format(path: &str, field: &FieldMapping, format: &str) -> Result<DateFormats, QueryError> {
    if field.kind == FieldKind::Structured(Structure::GeoShape) {
        return Err(QueryError::argument(format!("Unrecognized geometry format [{format}].")));
    }
    let Some((_, own)) = field.kind.dates() else {
        return Err(no_formats(path, &field.type_name));
    };
    if format == "use_field_mapping" {
        return Ok(own.clone());
    }
    DateFormats::with_locale(format, own.locale()).map_err(QueryError::argument)
}

/// What Elasticsearch says when values of a field are to be shown in a format that have none.
pub(super) fn no_formats(path: &str, type_name: &str) -> QueryError {
    QueryError::argument(format!("Field [{path}] of type [{type_name}] doesn't support formats."))
}

/// The flattened field and the key of a path below one.
fn below_flattened<'p>(mapping: &Mapping, path: &'p str) -> Option<(&'p str, &'p str)> {
    let is_flattened = |root: &str| {
        mapping.leaf(root).is_some_and(|field| matches!(field.kind, FieldKind::Flattened { .. }))
    };
    let mut ends = path.match_indices('.').map(|(at, _)| (&path[..at], &path[at + 1..]));
    ends.find(|(root, _)| is_flattened(root))
}

fn is_below(path: &str, scope: &str) -> bool {
    scope.is_empty() || path.strip_prefix(scope).is_some_and(|rest| rest.starts_with('.'))
}

/// A path as an object at `scope` has it.
fn below<'p>(path: &'p str, scope: &str) -> &'p str {
    if scope.is_empty() { path } else { path.get(scope.len() + 1..).unwrap_or_default() }
}

fn scalar_of(value: &Value) -> Option<Scalar<'_>> {
    match value {
        Value::String(text) => Some(Scalar::Text(text)),
        Value::Bool(flag) => Some(Scalar::Bool(*flag)),
        Value::Number(number) => {
            let whole = number.as_i64().map(Scalar::Integer);
            let whole = whole.or_else(|| number.as_u64().map(Scalar::Unsigned));
            whole.or_else(|| number.as_f64().map(Scalar::Float))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::parse_mapping;

    fn shown(asked: &[FieldAsked], source: &Value) -> Result<Value, QueryError> {
        let mapping = parse_mapping(&json!({"properties": {
            "k": {"type": "keyword", "ignore_above": 3, "copy_to": "all"}, "all": {"type": "text"},
            "x": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
            "l": {"type": "integer"}, "s": {"type": "scaled_float", "scaling_factor": 10}, "f": {"type": "float"},
            "t": {"type": "date"}, "b": {"type": "boolean", "null_value": true}, "ip": {"type": "ip"},
            "p": {"type": "geo_point"}, "g": {"type": "geo_shape"}, "c": {"type": "constant_keyword", "value": "same"}, "flat": {"type": "flattened"},
            "o": {"properties": {"i": {"type": "long"}}}, "a": {"type": "alias", "path": "o.i"},
            "n": {"type": "nested", "properties": {"v": {"type": "long"}, "m": {"type": "nested", "properties": {"w": {"type": "keyword"}}}}}
        }}))
        .expect("a mapping");
        Ok(Value::Object(FieldsShown::new(&mapping, asked)?.of(source)))
    }

    fn field(pattern: &str) -> FieldAsked {
        FieldAsked { pattern: pattern.to_owned(), format: None, include_unmapped: false }
    }

    #[test]
    fn values_are_shown_as_their_types_have_them() {
        let source = json!({"k": ["abc", "abcd", 5], "x": "A b", "l": "7.9", "s": 1.26, "f": 0.1, "t": 0, "b": null,
            "ip": "::ffff:10.0.0.1", "flat": {"p": {"q": [1, "z"]}}, "p": [1.5, 2], "o": [{"i": 1}, {"i": ["2", 3]}], "u": {"v": 1},
            "n": [{"v": 1, "m": {"w": "a"}}, {"other": 1}, {"v": [2, 3]}]});
        for (pattern, expected) in [
            ("k", json!({"k": ["abc", "5"]})),
            ("x*", json!({"x": ["A b"], "x.raw": ["A b"]})),
            ("l", json!({"l": [7]})),
            ("s", json!({"s": [1.3]})),
            ("f", json!({"f": [0.1]})),
            ("t", json!({"t": ["1970-01-01T00:00:00.000Z"]})),
            ("b", json!({"b": [true]})),
            ("ip", json!({"ip": ["10.0.0.1"]})),
            ("p", json!({"p": [{"coordinates": [1.5, 2.0], "type": "Point"}]})),
            ("c", json!({"c": ["same"]})),
            ("all", json!({"all": ["abc", "abcd", "5"]})),
            ("flat.p.q", json!({"flat.p.q": ["1", "z"]})),
            ("flat", json!({"flat": [{"p": {"q": [1, "z"]}}]})),
            ("o*", json!({"o.i": [1, 2, 3]})),
            ("o", json!({})),
            ("a", json!({"a": [1, 2, 3]})),
            ("u.v", json!({})),
            ("n.*", json!({"n": [{"v": [1], "m": [{"w": ["a"]}]}, {"v": [2, 3]}]})),
        ] {
            assert_eq!(shown(&[field(pattern)], &source).expect("shown"), expected, "{pattern}");
        }
    }

    #[test]
    fn formats_are_for_dates_and_what_the_mapping_lacks_is_shown_on_demand() {
        let source = json!({"t": "2020-05-06", "u": [{"v": 1}, {"v": "x"}], "k": "a"});
        let dates = FieldAsked { format: Some("yyyy/MM".to_owned()), ..field("t") };
        assert_eq!(shown(&[dates], &source).expect("shown"), json!({"t": ["2020/05"]}));
        let error = shown(&[FieldAsked { format: Some("yyyy".to_owned()), ..field("k") }], &source);
        assert_eq!(
            error.expect_err("refused").reason,
            "Field [k] of type [keyword] doesn't support formats."
        );
        let place = FieldAsked { format: Some("wkt".to_owned()), ..field("p") };
        let places = json!({"p": [{"lat": 2, "lon": 1.5}, "3,4"]});
        assert_eq!(
            shown(&[place], &places).expect("shown"),
            json!({"p": ["POINT (1.5 2.0)", "POINT (4.0 3.0)"]})
        );
        let shapes =
            json!({"g": [{"type": "point", "coordinates": [1, 2]}, "BBOX (0, 10, 5, -5)", "nonsense"]});
        for (format, expected) in [
            ("wkt", json!({"g": ["POINT (1.0 2.0)", "BBOX (0.0, 10.0, 5.0, -5.0)"]})),
            (
                "geojson",
                json!({"g": [{"type": "point", "coordinates": [1, 2]},
                    {"coordinates": [[0.0, 5.0], [10.0, -5.0]], "type": "Envelope"}]}),
            ),
        ] {
            let asked = FieldAsked { format: Some(format.to_owned()), ..field("g") };
            assert_eq!(shown(&[asked], &shapes).expect("shown"), expected, "{format}");
        }
        let unknown = FieldAsked { format: Some("x".to_owned()), ..field("g") };
        assert!(
            shown(&[unknown], &shapes)
                .is_err_and(|error| error.reason == "Unrecognized geometry format [x].")
        );
        let all = FieldAsked { include_unmapped: true, ..field("u*") };
        assert_eq!(shown(&[all], &source).expect("shown"), json!({"u.v": [1, "x"]}));
    }
}
