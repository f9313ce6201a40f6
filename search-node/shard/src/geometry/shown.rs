//! Shapes as `fields` shows them: GeoJSON, or well-known text.

use serde_json::{Value, json};

use super::{Geometry, Polygon, Position};

/// The shape in GeoJSON.
pub(crate) fn to_geojson(geometry: &Geometry) -> Value {
    let at = |position: &Position| match position.height {
        Some(height) => json!([position.lon, position.lat, height]),
        None => json!([position.lon, position.lat]),
    };
    let run = |run: &[Position]| run.iter().map(at).collect::<Value>();
    let rings = |polygon: &Polygon| polygon.rings.iter().map(|ring| run(ring)).collect::<Value>();
    let made = |name: &str, coordinates: Value| json!({"coordinates": coordinates, "type": name});
    match geometry {
        Geometry::Point(position) => made("Point", at(position)),
        Geometry::MultiPoint(positions) => made("MultiPoint", run(positions)),
        Geometry::Line(line) => made("LineString", run(line)),
        Geometry::MultiLine(lines) => made("MultiLineString", lines.iter().map(|line| run(line)).collect()),
        Geometry::Polygon(polygon) => made("Polygon", rings(polygon)),
        Geometry::MultiPolygon(polygons) => made("MultiPolygon", polygons.iter().map(rings).collect()),
        Geometry::Envelope(top_left, bottom_right) => {
            made("Envelope", json!([at(top_left), at(bottom_right)]))
        }
        Geometry::Circle { center, radius } => {
            json!({"coordinates": at(center), "radius": radius, "type": "Circle"})
        }
        Geometry::Collection(geometries) => {
            let geometries: Value = geometries.iter().map(to_geojson).collect();
            json!({"geometries": geometries, "type": "GeometryCollection"})
        }
        Geometry::Nothing => json!({"geometries": [], "type": "GeometryCollection"}),
    }
}

/// The shape as well-known text.
pub(crate) fn to_wkt(geometry: &Geometry) -> String {
    let at = |position: &Position| {
        let height = position.height.map(|height| format!(" {height:?}")).unwrap_or_default();
        format!("{:?} {:?}{height}", position.lon, position.lat)
    };
    let list = |items: Vec<String>| format!("({})", items.join(", "));
    let run = |run: &[Position]| list(run.iter().map(at).collect());
    let rings = |polygon: &Polygon| list(polygon.rings.iter().map(|ring| run(ring)).collect());
    match geometry {
        Geometry::Point(position) => format!("POINT ({})", at(position)),
        Geometry::MultiPoint(positions) => format!("MULTIPOINT {}", run(positions)),
        Geometry::Line(line) => format!("LINESTRING {}", run(line)),
        Geometry::MultiLine(lines) => {
            format!("MULTILINESTRING {}", list(lines.iter().map(|line| run(line)).collect()))
        }
        Geometry::Polygon(polygon) => format!("POLYGON {}", rings(polygon)),
        Geometry::MultiPolygon(polygons) => {
            format!("MULTIPOLYGON {}", list(polygons.iter().map(rings).collect()))
        }
        Geometry::Envelope(top_left, bottom_right) => format!(
            "BBOX ({:?}, {:?}, {:?}, {:?})",
            top_left.lon, bottom_right.lon, top_left.lat, bottom_right.lat
        ),
        Geometry::Circle { center, radius } => format!("CIRCLE ({} {radius})", at(center)),
        Geometry::Collection(geometries) => {
            format!("GEOMETRYCOLLECTION {}", list(geometries.iter().map(to_wkt).collect()))
        }
        Geometry::Nothing => "GEOMETRYCOLLECTION EMPTY".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Reading;

    /// What is shown reads as the same shape.
    #[test]
    fn what_is_shown_can_be_read() {
        for text in [
            "POINT (1.0 -2.5)",
            "POINT (1.0 2.0 3.0)",
            "MULTIPOINT (1.0 2.0, 3.0 4.0)",
            "LINESTRING (1.0 2.0, 3.0 4.0)",
            "MULTILINESTRING ((1.0 2.0, 3.0 4.0), (5.0 6.0, 7.0 8.0))",
            "POLYGON ((0.0 0.0, 10.0 0.0, 10.0 10.0, 0.0 0.0))",
            "MULTIPOLYGON (((0.0 0.0, 10.0 0.0, 10.0 10.0, 0.0 0.0)))",
            "BBOX (0.0, 10.0, 20.0, -5.0)",
            "GEOMETRYCOLLECTION (POINT (1.0 2.0), LINESTRING (1.0 2.0, 3.0 4.0))",
        ] {
            let read = |value: &Value| Reading::default().read(&value.into()).expect("a shape");
            let geometry = read(&json!(text));
            assert_eq!(to_wkt(&geometry), text);
            assert_eq!(read(&to_geojson(&geometry)), geometry, "{text}");
        }
    }
}
