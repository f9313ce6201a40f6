//! What hits are sorted by that is in no column, read.

use serde_json::{Map, Value};

use super::geo::{Validation, read_point, unit_named};
use crate::json_values::plain;
use crate::mapping::Point;
use crate::query::QueryError;
use crate::query::ast::GeoDistance;

impl GeoDistance {
    /// Reads the members of a `_geo_distance` that are about the distance: `{"field": points, "unit": "km", …}`.
    pub fn read<'v>(members: impl IntoIterator<Item = (&'v String, &'v Value)>) -> Result<Self, QueryError> {
        let (mut field, mut points) = (None::<String>, Vec::new());
        let (mut unit, mut is_plane, mut ignore_unmapped) = (1.0, false, false);
        let mut options = Map::new();
        for (name, value) in members {
            match name.as_str() {
                "unit" => unit = unit_named(&plain(value))?,
                "distance_type" => {
                    is_plane = match plain(value).to_ascii_lowercase().as_str() {
                        "arc" => false,
                        "plane" => true,
                        other => {
                            return Err(QueryError::argument(format!("No geo distance for [{other}]")));
                        }
                    }
                }
                "ignore_unmapped" => ignore_unmapped = flag(name, value)?,
                "validation_method" | "coerce" | "ignore_malformed" => {
                    options.insert(name.clone(), value.clone());
                }
                _ if let Some(known) = &field => {
                    return Err(QueryError::parsing(format!(
                        "Trying to reset fieldName to [{name}], already set to [{known}]."
                    )));
                }
                _ => {
                    field = Some(name.clone());
                    points = read_points(value)?;
                }
            }
        }
        let field = field
            .filter(|_| !points.is_empty())
            .ok_or_else(|| QueryError::argument("Geo distance sorting needs at least one point."))?;
        let validation = Validation::of_sort(&options)?;
        let checked = |point| {
            validation.checked("GeoDistanceSort", point).map_err(|error| QueryError {
                kind: "parse_exception",
                reason: format!("{} for field [{field}].", error.reason),
            })
        };
        let points = points.into_iter().map(checked).collect::<Result<_, _>>()?;
        Ok(Self { field, points, unit, is_plane, ignore_unmapped })
    }
}

fn flag(name: &str, value: &Value) -> Result<bool, QueryError> {
    plain(value).parse().map_err(|_| {
        QueryError::argument(format!(
            "Failed to parse value [{}] as only [true] or [false] are allowed for [{name}].",
            plain(value)
        ))
    })
}

/// A point, or a list of points; a pair of numbers is one.
fn read_points(value: &Value) -> Result<Vec<Point>, QueryError> {
    match value {
        Value::Array(items) if !items.first().is_some_and(Value::is_number) => {
            items.iter().map(read_point).collect()
        }
        one => Ok(vec![read_point(one)?]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<GeoDistance, QueryError> {
        GeoDistance::read(value.as_object().expect("an object"))
    }

    #[test]
    fn points_are_read_however_they_are_written() {
        let point = Point { lat: 40.0, lon: -70.0 };
        for value in [json!([-70, 40]), json!("40,-70"), json!({"lat": 40, "lon": -70}), json!([[-70, 40]])] {
            let read = read(&json!({"pin": value, "unit": "km", "distance_type": "plane"})).expect("read");
            assert_eq!(
                (read.points.as_slice(), read.unit, read.is_plane),
                (&[point][..], 1000.0, true),
                "{value}"
            );
        }
        let several = read(&json!({"a": ["40,-70", [1, 2], {"lat": 3, "lon": 4}]})).expect("read");
        assert_eq!((several.points.len(), several.unit, several.ignore_unmapped), (3, 1.0, false));
    }

    #[test]
    fn what_is_no_distance_is_refused() {
        for (value, reason) in [
            (json!({}), "Geo distance sorting needs at least one point."),
            (json!({"a": []}), "Geo distance sorting needs at least one point."),
            (json!({"a": [1, 2], "b": [1, 2]}), "Trying to reset fieldName to [b], already set to [a]."),
            (json!({"a": [1, 2], "unit": "parsec"}), "No distance unit match [parsec]"),
            (json!({"a": [1, 2], "distance_type": "sloppy"}), "No geo distance for [sloppy]"),
            (json!({"a": [1, 200]}), "illegal latitude value [200.0] for [GeoDistanceSort] for field [a]."),
            (json!({"a": "x,y"}), "geo_point expected"),
        ] {
            let error = read(&value).expect_err("refused");
            assert!(error.reason.contains(reason), "{value}: {}", error.reason);
        }
        assert!(read(&json!({"a": [1, 200], "validation_method": "COERCE"})).is_ok());
    }
}
