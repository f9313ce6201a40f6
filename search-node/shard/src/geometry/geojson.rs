//! GeoJSON, with the envelopes and circles that Elasticsearch has beside it.

use serde_json_borrow::Value as Json;

use super::{ARGUMENT, DEPTH_MAX, Fault, Geometry, Orientation, PARSING, Polygon, Position, Reading};

/// As Elasticsearch calls what a list of positions lacks.
const PLAIN: &str = "exception";

pub(super) fn read(value: &Json<'_>, reading: Reading, depth: usize) -> Result<Geometry, Fault> {
    if depth > DEPTH_MAX {
        return Err((PARSING, format!("more than {DEPTH_MAX} geometry collections are in each other")));
    }
    let Json::Object(object) = value else {
        return Err((PARSING, "shape must be an object consisting of type and coordinates".to_owned()));
    };
    let member = |name: &str| {
        let named = object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value)
    };
    let kind = match member("type") {
        None => return Err((ARGUMENT, "Required [type]".to_owned())),
        Some(Json::Str(kind)) => kind.to_ascii_lowercase(),
        Some(other) => {
            return Err((PARSING, format!("[geojson] type doesn't support values such as [{other}]")));
        }
    };
    let refuse = |names: &[&str]| match names.iter().find(|name| member(name).is_some()) {
        Some(name) => Err((PARSING, format!("parameter {name} is not supported for type {kind}"))),
        None => Ok(()),
    };
    let coordinates =
        || member("coordinates").ok_or_else(|| (PARSING, "coordinates not included".to_owned()));
    let orientation = || match member("orientation") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Str(name)) => Orientation::parse(name).map(Some),
        Some(other) => Err((ARGUMENT, format!("Unknown orientation [{other}]"))),
    };
    match kind.as_str() {
        "geometrycollection" => refuse(&["coordinates", "orientation", "radius"])?,
        "circle" => refuse(&["geometries", "orientation"])?,
        "polygon" | "multipolygon" => refuse(&["geometries", "radius"])?,
        _ => refuse(&["geometries", "orientation", "radius"])?,
    }
    Ok(match kind.as_str() {
        "point" => Geometry::Point(position(coordinates()?)?),
        "multipoint" => Geometry::MultiPoint(several(positions(coordinates()?)?)?),
        "linestring" => Geometry::Line(line(coordinates()?)?),
        "multilinestring" => Geometry::MultiLine(several(each(coordinates()?, line)?)?),
        "polygon" => {
            Geometry::Polygon(Polygon { rings: rings(coordinates()?, reading)?, orientation: orientation()? })
        }
        "multipolygon" => {
            let orientation = orientation()?;
            let read = |value: &Json<'_>| Ok(Polygon { rings: rings(value, reading)?, orientation });
            Geometry::MultiPolygon(several(each(coordinates()?, read)?)?)
        }
        "envelope" | "bbox" => {
            let corners = positions(coordinates()?)?;
            let [top_left, bottom_right] = corners[..] else {
                return Err((
                    PARSING,
                    format!(
                        "invalid number of points [{}] provided for geo_shape [ENVELOPE] when expecting an array of 2 coordinates",
                        corners.len()
                    ),
                ));
            };
            Geometry::Envelope(top_left, bottom_right)
        }
        "circle" => {
            let center = position(coordinates()?)?;
            let radius = match member("radius") {
                Some(Json::Str(text)) => text.to_string(),
                Some(Json::Number(number)) => number.to_string(),
                _ => return Err((PARSING, "radius is not specified".to_owned())),
            };
            Geometry::Circle { center, radius }
        }
        "geometrycollection" => match member("geometries") {
            Some(Json::Array(items)) => {
                let read = items.iter().map(|item| self::read(item, reading, depth + 1));
                Geometry::Collection(several(read.collect::<Result<_, _>>()?)?)
            }
            None => return Err((PARSING, "geometries not included".to_owned())),
            Some(other) => {
                return Err((
                    PARSING,
                    format!("[geojson] geometries doesn't support values such as [{other}]"),
                ));
            }
        },
        _ => return Err((ARGUMENT, format!("unknown geo_shape [{kind}]"))),
    })
}

fn several<T>(items: Vec<T>) -> Result<Vec<T>, Fault> {
    match items.is_empty() {
        true => Err((ARGUMENT, "the list of shapes cannot be null or empty".to_owned())),
        false => Ok(items),
    }
}

fn no_numbers() -> Fault {
    (PARSING, "geo coordinates must be numbers".to_owned())
}

fn position(value: &Json<'_>) -> Result<Position, Fault> {
    let Json::Array(numbers) = value else { return Err(no_numbers()) };
    if numbers.first().is_none_or(|first| matches!(first, Json::Array(_))) {
        return Err((PLAIN, "expected a single points but got a list".to_owned()));
    }
    let number = |value: &Json<'_>| match value {
        Json::Number(number) => number.as_f64().filter(|number| number.is_finite()).ok_or_else(no_numbers),
        _ => Err(no_numbers()),
    };
    match &numbers[..] {
        [lon, lat] => Ok(Position { lon: number(lon)?, lat: number(lat)?, height: None }),
        [lon, lat, height] => {
            Ok(Position { lon: number(lon)?, lat: number(lat)?, height: Some(number(height)?) })
        }
        [_] => Err(no_numbers()),
        _ => Err((PARSING, "geo coordinates greater than 3 dimensions are not supported".to_owned())),
    }
}

/// What is read of each item of a list.
fn each<T>(value: &Json<'_>, read: impl Fn(&Json<'_>) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let Json::Array(items) = value else { return Err(no_numbers()) };
    if items.first().is_some_and(|first| matches!(first, Json::Number(_))) {
        return Err((PLAIN, "expected a list of points but got a point".to_owned()));
    }
    items.iter().map(read).collect()
}

fn positions(value: &Json<'_>) -> Result<Vec<Position>, Fault> {
    let positions = each(value, position)?;
    let has_height = |position: &Position| position.height.is_some();
    if positions.windows(2).any(|two| has_height(&two[0]) != has_height(&two[1])) {
        return Err((PARSING, "Exception parsing coordinates: number of dimensions do not match".to_owned()));
    }
    Ok(positions)
}

fn first<'v, 'a>(value: &'v Json<'a>) -> Option<&'v Json<'a>> {
    match value {
        Json::Array(items) => items.first(),
        _ => None,
    }
}

fn line(value: &Json<'_>) -> Result<Vec<Position>, Fault> {
    let too_short = || (PLAIN, "not enough points to build a line".to_owned());
    if first(value).and_then(first).is_some_and(|item| matches!(item, Json::Array(_))) {
        return Err(too_short());
    }
    let line = positions(value)?;
    if line.len() < 2 { Err(too_short()) } else { Ok(line) }
}

fn rings(value: &Json<'_>, reading: Reading) -> Result<Vec<Vec<Position>>, Fault> {
    let rings = each(value, |ring| reading.ring(line(ring)?))?;
    match rings.is_empty() {
        true => Err((ARGUMENT, "a polygon needs an outer ring".to_owned())),
        false => Ok(rings),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> String {
        let value: Json<'_> = serde_json::from_str(json).expect("JSON");
        Reading::default().read(&value).expect_err(json).1
    }

    #[test]
    fn what_is_no_shape_is_refused_in_elasticsearchs_words() {
        for (json, reason) in [
            (r#"{"type": "point", "coordinates": [1, 2, 3, 4]}"#, "geo coordinates greater than 3"),
            (r#"{"type": "point", "coordinates": ["1", "2"]}"#, "geo coordinates must be numbers"),
            (r#"{"type": "point", "coordinates": [1]}"#, "geo coordinates must be numbers"),
            (r#"{"type": "point", "coordinates": [[1, 2]]}"#, "expected a single points but got a list"),
            (r#"{"type": "point", "coordinates": []}"#, "expected a single points but got a list"),
            (r#"{"type": "point"}"#, "coordinates not included"),
            (r#"{"coordinates": [1, 2]}"#, "Required [type]"),
            (r#"{"type": "blob", "coordinates": [1, 2]}"#, "unknown geo_shape [blob]"),
            (r#"{"type": "multipoint", "coordinates": []}"#, "the list of shapes cannot be null or empty"),
            (r#"{"type": "multipoint", "coordinates": [1, 2]}"#, "expected a list of points but got a point"),
            (r#"{"type": "linestring", "coordinates": [[1, 2]]}"#, "not enough points to build a line"),
            (r#"{"type": "linestring", "coordinates": [[[1, 2]]]}"#, "not enough points to build a line"),
            (r#"{"type": "linestring", "coordinates": [[1, 2], [1, 2, 3]]}"#, "number of dimensions"),
            (r#"{"type": "polygon", "coordinates": []}"#, "a polygon needs an outer ring"),
            (
                r#"{"type": "polygon", "coordinates": [[[0, 0], [1, 0], [0, 0]]]}"#,
                "at least 4 polygon points",
            ),
            (
                r#"{"type": "polygon", "coordinates": [[[0, 0], [10, 0], [10, 10], [0, 10]]]}"#,
                "first and last points of the linear ring must be the same (it must close itself): x[0]=0.0 x[3]=0.0 y[0]=0.0 y[3]=10.0",
            ),
            (r#"{"type": "envelope", "coordinates": [[0, 10]]}"#, "invalid number of points [1]"),
            (r#"{"type": "circle", "coordinates": [0, 0]}"#, "radius is not specified"),
            (r#"{"type": "geometrycollection"}"#, "geometries not included"),
            (
                r#"{"type": "geometrycollection", "geometries": [], "coordinates": []}"#,
                "parameter coordinates is not supported for type geometrycollection",
            ),
            (r#"{"type": "point", "coordinates": [1, 2], "radius": 1}"#, "parameter radius is not supported"),
            ("[1, 2]", "shape must be an object consisting of type and coordinates"),
            ("5", "shape must be an object consisting of type and coordinates"),
        ] {
            assert!(fault(json).contains(reason), "{json}: {}", fault(json));
        }
        let deep = format!(
            "{}{}{}",
            r#"{"type": "geometrycollection", "geometries": ["#.repeat(40),
            r#"{"type": "point", "coordinates": [1, 2]}"#,
            "]}".repeat(40)
        );
        assert!(fault(&deep).contains("in each other"));
    }
}
