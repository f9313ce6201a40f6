//! Values with a shape of their own: points, vectors, histograms, features, suggestions. What they are made of is checked when a
//! document is taken.

use serde_json::{Map, Value};
use serde_json_borrow::Value as Json;

use super::completion::Context;
use super::error::MappingError;
use super::fields::FieldMapping;
use super::geo_points::Point;
use super::geo_shapes::ShapeRules;
use super::values::ValueFault;
use crate::json_values::plain;

const ARGUMENT: &str = "illegal_argument_exception";
const PARSING: &str = "document_parsing_exception";
/// Elasticsearch's bound on `dims`.
const DIMENSIONS_MAX: u64 = 4096;

/// The shape of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Structure {
    /// `geo_point`: an object, a pair, a text or a geohash.
    GeoPoint,
    /// `geo_shape`: GeoJSON or well-known text.
    GeoShape,
    /// `dense_vector`: so many numbers, or as many as the first one has.
    DenseVector {
        /// How many.
        dimensions: Option<usize>,
    },
    /// `histogram`: values in order, and as many counts.
    Histogram,
    /// `rank_feature`: a positive number.
    RankFeature,
    /// `rank_features`: positive numbers by name.
    RankFeatures,
    /// `completion`: texts with a weight.
    Completion {
        /// Whether they may say for which contexts they are.
        has_contexts: bool,
    },
}

impl Structure {
    /// The shape that a type's name means, with the parameters that it takes.
    pub(super) fn parse(
        name: &str,
        type_name: &str,
        body: &Map<String, Value>,
    ) -> Result<Option<Self>, MappingError> {
        Ok(Some(match type_name {
            "geo_point" => Self::GeoPoint,
            "geo_shape" => Self::GeoShape,
            "dense_vector" => Self::DenseVector { dimensions: dimensions(name, body.get("dims"))? },
            "histogram" => Self::Histogram,
            "rank_feature" => Self::RankFeature,
            "rank_features" => Self::RankFeatures,
            "completion" => Self::Completion {
                has_contexts: body.get("contexts").is_some_and(|contexts| !contexts.is_null()),
            },
            _ => return Ok(None),
        }))
    }

    /// Whether a type of this shape takes a parameter.
    pub(super) fn takes(&self, parameter: &str) -> bool {
        match self {
            Self::GeoPoint => matches!(parameter, "ignore_z_value" | "null_value"),
            Self::GeoShape => matches!(parameter, "orientation" | "coerce" | "ignore_z_value"),
            Self::DenseVector { .. } => {
                matches!(parameter, "dims" | "similarity" | "index" | "index_options" | "element_type")
            }
            Self::RankFeature | Self::RankFeatures => parameter == "positive_score_impact",
            Self::Completion { .. } => matches!(
                parameter,
                "analyzer"
                    | "search_analyzer"
                    | "preserve_separators"
                    | "preserve_position_increments"
                    | "max_input_length"
                    | "contexts"
            ),
            Self::Histogram => false,
        }
    }

    /// Whether an array is one value, and not several.
    pub(super) fn is_array(&self, items: &[Json<'_>]) -> bool {
        match self {
            Self::DenseVector { .. } => true,
            Self::GeoPoint => items.first().is_some_and(|first| matches!(first, Json::Number(_))),
            _ => false,
        }
    }

    /// Whether a text of the value is empty, and whether nothing else is in it: such texts are left out.
    pub(super) fn empty_texts(&self, value: &Json<'_>) -> (bool, bool) {
        let input = match (self, value) {
            (Self::Completion { .. }, Json::Object(_)) => member(value, "input"),
            (Self::Completion { .. }, text) => Some(text),
            _ => None,
        };
        let is_empty = |value: &Json<'_>| matches!(value, Json::Str(text) if text.trim().is_empty());
        match input {
            Some(Json::Array(texts)) => (texts.iter().any(is_empty), texts.iter().all(is_empty)),
            Some(text) => (is_empty(text), is_empty(text)),
            None => (false, false),
        }
    }

    /// Whether a value has this shape.
    pub(super) fn check(&self, value: &Json<'_>) -> Result<(), ValueFault> {
        match self {
            Self::GeoPoint => check_point(value),
            Self::GeoShape => ShapeRules::default().read(value).map(drop),
            Self::DenseVector { dimensions } => check_vector(value, *dimensions),
            Self::Histogram => check_histogram(value),
            Self::RankFeature => check_feature(value),
            Self::RankFeatures => members(value, "[rank_features] fields must be json objects")?
                .filter(|(_, value)| !matches!(value, Json::Null))
                .try_for_each(|(_, value)| check_feature(value)),
            Self::Completion { has_contexts } => check_completion(value, *has_contexts),
        }
    }
}

/// Whether a document is the better the more it has of a feature.
pub(super) fn has_positive_impact(mapping: &FieldMapping) -> bool {
    let said = mapping.parameters.get("positive_score_impact");
    !said.is_some_and(|said| *said == Value::Bool(false) || said.as_str() == Some("false"))
}

/// How near two vectors are to each other may be told by these.
const VECTOR_SIMILARITIES: [&str; 4] = ["l2_norm", "cosine", "dot_product", "max_inner_product"];

/// Refuses what counts as not said in a mapping that is stored.
pub(super) fn check_said(name: &str, type_name: &str, body: &Map<String, Value>) -> Result<(), MappingError> {
    let similarity = body.get("similarity").filter(|_| type_name == "dense_vector").map(plain);
    if let Some(said) = similarity.filter(|said| !VECTOR_SIMILARITIES.contains(&said.as_str())) {
        let known = VECTOR_SIMILARITIES.join(", ");
        return Err(MappingError::parsing(format!(
            "Unknown value [{said}] for field [similarity] - accepted values are [{known}]"
        )));
    }
    if type_name == "dense_vector" && body.get("index_options").is_some_and(|said| !said.is_object()) {
        return Err(MappingError::parsing(format!("[index_options] of field [{name}] must be an object")));
    }
    if type_name == "geo_shape" {
        ShapeRules::check(body)?;
    }
    if type_name == "completion" {
        Context::read_all(body)?;
    }
    match body.get("max_input_length").map(plain) {
        Some(said) if !said.parse::<i32>().is_ok_and(|length| length > 0) => {
            Err(MappingError::argument(format!("[max_input_length] must be > 0 but was [{said}]")))
        }
        _ => Ok(()),
    }
}

fn dimensions(name: &str, value: Option<&Value>) -> Result<Option<usize>, MappingError> {
    let Some(value) = value else { return Ok(None) };
    let number = value.as_u64().filter(|number| (1..=DIMENSIONS_MAX).contains(number));
    number.map(|number| Some(number as usize)).ok_or_else(|| {
        MappingError::parsing(format!(
            "The number of dimensions should be in the range [1, {DIMENSIONS_MAX}] but was [{value}] for field [{name}]"
        ))
    })
}

pub(super) fn number(value: &Json<'_>) -> Option<f64> {
    match value {
        Json::Number(number) => number.as_f64(),
        Json::Str(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

fn members<'v, 'a>(
    value: &'v Json<'a>,
    otherwise: &str,
) -> Result<impl Iterator<Item = (&'v str, &'v Json<'a>)>, ValueFault> {
    match value {
        Json::Object(object) => Ok(object.iter()),
        _ => Err((ARGUMENT, format!("{otherwise}, not [{value}]"))),
    }
}

fn member<'v, 'a>(value: &'v Json<'a>, name: &str) -> Option<&'v Json<'a>> {
    match value {
        Json::Object(object) => object.iter().find(|(key, _)| *key == name).map(|(_, value)| value),
        _ => None,
    }
}

/// What a point that is an object may have.
const POINT_MEMBERS: [&str; 5] = ["lat", "lon", "type", "coordinates", "geohash"];

/// `{"lat", "lon"}`, `[lon, lat]`, `"lat,lon"`, `"POINT (lon lat)"`, GeoJSON, or a geohash.
fn check_point(value: &Json<'_>) -> Result<(), ValueFault> {
    let fault =
        || ("parse_exception", format!("field must be either lat/lon, geohash or a point, not [{value}]"));
    match value {
        Json::Array(pair) if pair.len() > 3 => {
            return Err((
                "parse_exception",
                "[geo_point] field type does not accept > 3 dimensions".to_owned(),
            ));
        }
        Json::Object(members) if members.iter().any(|(name, _)| !POINT_MEMBERS.contains(&name)) => {
            let known = POINT_MEMBERS.join("], [");
            return Err(("parse_exception", format!("field must be either [{known}]")));
        }
        _ => {}
    }
    let point = Point::of_json(value).ok_or_else(fault)?;
    for (name, degrees, most) in [("latitude", point.lat, 90.0), ("longitude", point.lon, 180.0)] {
        if degrees.is_nan() || degrees.abs() > most {
            return Err((ARGUMENT, format!("illegal {name} value [{degrees}] for a point")));
        }
    }
    Ok(())
}

fn check_vector(value: &Json<'_>, dimensions: Option<usize>) -> Result<(), ValueFault> {
    let Json::Array(numbers) = value else {
        return Err((PARSING, format!("a vector is an array of numbers, not [{value}]")));
    };
    if let Some(wrong) = numbers.iter().find(|item| !matches!(item, Json::Number(_))) {
        return Err((PARSING, format!("a vector is an array of numbers, and [{wrong}] is none")));
    }
    let wanted = dimensions.unwrap_or(numbers.len());
    if numbers.is_empty() || numbers.len() != wanted {
        return Err((
            ARGUMENT,
            format!(
                "The [dense_vector] field has a different number of dimensions [{}] than defined in the mapping [{wanted}]",
                numbers.len()
            ),
        ));
    }
    Ok(())
}

fn check_histogram(value: &Json<'_>) -> Result<(), ValueFault> {
    let list = |name: &str| match member(value, name) {
        Some(Json::Array(items)) => Ok(items),
        _ => Err((PARSING, format!("expected field called [{name}] with an array"))),
    };
    let (values, counts) = (list("values")?, list("counts")?);
    if values.len() != counts.len() {
        return Err((
            PARSING,
            format!(
                "expected same length from [values] and [counts] but got [{} != {}]",
                values.len(),
                counts.len()
            ),
        ));
    }
    let mut last = f64::NEG_INFINITY;
    for value in values {
        let next = number(value).ok_or_else(|| (PARSING, format!("[{value}] in [values] is no number")))?;
        if next < last {
            return Err((
                PARSING,
                format!(
                    "[values] values must be in increasing order, got [{next}] but previous value was [{last}]"
                ),
            ));
        }
        last = next;
    }
    let is_count = |count: &Json<'_>| matches!(count, Json::Number(number) if number.as_u64().is_some());
    match counts.iter().find(|count| !is_count(count)) {
        Some(wrong) => Err((PARSING, format!("[counts] elements must be whole and >= 0 but got {wrong}"))),
        None => Ok(()),
    }
}

fn check_feature(value: &Json<'_>) -> Result<(), ValueFault> {
    match number(value) {
        // Lucene's least normal number of single precision.
        Some(weight) if weight >= f64::from(f32::MIN_POSITIVE) => Ok(()),
        _ => Err((ARGUMENT, format!("featureValue must be a positive normal float, got: {value}"))),
    }
}

/// A text, or `{"input": text or texts, "weight": number}`.
fn check_completion(value: &Json<'_>, has_contexts: bool) -> Result<(), ValueFault> {
    let is_text = |value: &Json<'_>| matches!(value, Json::Str(_));
    let fault = |what: &Json<'_>| Err((PARSING, format!("[completion] takes texts, not [{what}]")));
    match value {
        text if is_text(text) => Ok(()),
        Json::Object(object) => object.iter().try_for_each(|(name, value)| match (name, value) {
            ("input", Json::Array(items)) => items.iter().find(|item| !is_text(item)).map_or(Ok(()), fault),
            ("input", text) => {
                if is_text(text) {
                    Ok(())
                } else {
                    fault(text)
                }
            }
            ("weight", weight) => match number(weight) {
                Some(weight) if weight.fract() != 0.0 => {
                    Err((ARGUMENT, format!("Weight must be an integer, but was [{weight}]")))
                }
                Some(weight) if (0.0..=f64::from(i32::MAX)).contains(&weight) => Ok(()),
                _ => Err((
                    ARGUMENT,
                    format!("Weight must be in the interval [0..{}], but was [{weight}]", i32::MAX),
                )),
            },
            ("contexts", _) if !has_contexts => {
                Err((ARGUMENT, "contexts field is not supported for field".to_owned()))
            }
            ("contexts", Json::Object(_)) => Ok(()),
            (other, _) => Err((
                ARGUMENT,
                format!("unknown field name [{other}], must be one of [input, weight, contexts]"),
            )),
        }),
        other => fault(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(structure: &Structure, json: &str) -> bool {
        let value: Json<'_> = serde_json::from_str(json).expect("JSON");
        structure.check(&value).is_ok()
    }

    #[test]
    fn values_are_taken_that_have_the_shape_and_no_others() {
        let vector = Structure::DenseVector { dimensions: Some(2) };
        for (structure, taken, refused) in [
            (
                Structure::GeoPoint,
                vec![
                    r#"{"lat": 41.12, "lon": -71.34}"#,
                    r#"{"lat": "41.12", "lon": "-71.34"}"#,
                    "[-71.34, 41.12]",
                    r#""41.12,-71.34""#,
                    r#""drm3btev3e86""#,
                    r#""POINT (-71.34 41.12)""#,
                    r#"{"type": "Point", "coordinates": [-71.34, 41.12]}"#,
                    "[1, 2, 3]",
                ],
                vec![
                    r#"{"lat": 91, "lon": 0}"#,
                    "[-181, 0]",
                    r#"{"lat": 1}"#,
                    r#""hello world""#,
                    "true",
                    "7",
                    "[1, 2, 3, 4]",
                    r#"{"lat": 1, "lon": 2, "foo": 3}"#,
                    r#""foo""#,
                    r#""NaN,1""#,
                    r#""1,NaN""#,
                ],
            ),
            (vector, vec!["[0.5, 10]"], vec!["[1]", "[1, 2, 3]", r#"["a", 1]"#, "1", "[]"]),
            (
                Structure::Histogram,
                vec![
                    r#"{"values": [0.1, 0.2, 0.2], "counts": [3, 0, 7]}"#,
                    r#"{"values": [], "counts": []}"#,
                ],
                vec![
                    r#"{"values": [1, 2], "counts": [1]}"#,
                    r#"{"values": [2, 1], "counts": [1, 1]}"#,
                    r#"{"values": [1], "counts": [-1]}"#,
                    r#"{"values": ["a"], "counts": [1]}"#,
                    r#"{"values": [1]}"#,
                    "1",
                ],
            ),
            (Structure::RankFeature, vec!["8.5", r#""3""#], vec!["0", "-1", r#""a""#, "{}"]),
            (
                Structure::RankFeatures,
                vec![r#"{"politics": 20, "economics": 50.8}"#],
                vec![r#"{"politics": 0}"#, "3"],
            ),
            (
                Structure::Completion { has_contexts: false },
                vec![
                    r#""Nirvana""#,
                    r#"{"input": ["Nevermind", "Nirvana"], "weight": 34}"#,
                    r#"{"input": "a", "weight": 2147483647}"#,
                ],
                vec![
                    "7",
                    r#"{"input": [1]}"#,
                    r#"{"input": "a", "weight": -1}"#,
                    r#"{"input": "a", "weight": 2147483648}"#,
                    r#"{"input": "a", "contexts": {"c": "x"}}"#,
                    r#"{"output": "a"}"#,
                ],
            ),
            (
                Structure::Completion { has_contexts: true },
                vec![r#"{"input": "a", "contexts": {"c": "x"}}"#],
                vec![r#"{"input": "a", "contexts": "x"}"#],
            ),
        ] {
            for json in taken {
                assert!(is_taken(&structure, json), "{structure:?}: {json}");
            }
            for json in refused {
                assert!(!is_taken(&structure, json), "{structure:?}: {json}");
            }
        }
    }
}
