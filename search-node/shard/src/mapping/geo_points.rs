//! Points on the earth as they are written, and how exactly they are kept: as in Lucene, so that distances are the same.

use serde_json_borrow::Value as Json;

const GEOHASH: &[u8] = b"0123456789bcdefghjkmnpqrstuvwxyz";
/// Longer hashes are finer than a point is kept.
const GEOHASH_MAX: usize = 12;

/// A point, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// From the equator to the north.
    pub lat: f64,
    /// From Greenwich to the east.
    pub lon: f64,
}

impl Point {
    /// What a step of the 32 bits is that a coordinate is kept with.
    pub(crate) const LATITUDE_STEP: f64 = 180.0 / 4_294_967_296.0;
    pub(crate) const LONGITUDE_STEP: f64 = 360.0 / 4_294_967_296.0;

    /// The point as it is kept.
    pub(crate) fn kept(self) -> Self {
        let step = |degrees: f64, step: f64| {
            let steps = (degrees / step).floor();
            // The greatest coordinate is a step beyond the bits.
            steps.min(f64::from(i32::MAX)) * step
        };
        Self { lat: step(self.lat, Self::LATITUDE_STEP), lon: step(self.lon, Self::LONGITUDE_STEP) }
    }

    /// Whether the point is on the earth.
    pub(crate) fn is_valid(self) -> bool {
        self.lat.abs() <= 90.0 && self.lon.abs() <= 180.0
    }

    /// The same place with coordinates on the earth: over a pole, and around it.
    pub(crate) fn normalized(self) -> Self {
        let around = |degrees: f64| (degrees + 180.0).rem_euclid(360.0) - 180.0;
        let lat = around(self.lat);
        if lat.abs() <= 90.0 {
            let lon = if self.lon.abs() <= 180.0 { self.lon } else { around(self.lon) };
            return Self { lat, lon };
        }
        Self { lat: lat.signum() * 180.0 - lat, lon: around(self.lon + 180.0) }
    }

    /// The same of a request.
    pub(crate) fn of_value(value: &serde_json::Value) -> Option<Self> {
        Self::of_json(&Json::from(value))
    }

    /// `{"lat", "lon"}`, `[lon, lat]`, `"lat,lon"`, `"POINT (lon lat)"`, GeoJSON, or a geohash.
    pub(super) fn of_json(value: &Json<'_>) -> Option<Self> {
        let number = |value: &Json<'_>| match value {
            Json::Number(number) => number.as_f64(),
            Json::Str(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        };
        match value {
            Json::Array(pair) => {
                Some(Self { lat: pair.get(1).and_then(number)?, lon: pair.first().and_then(number)? })
            }
            Json::Object(object) => {
                let member = |name: &str| object.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
                match (member("coordinates"), member("geohash")) {
                    (Some(coordinates @ Json::Array(_)), _) => Self::of_json(coordinates),
                    (_, Some(Json::Str(geohash))) => read_geohash(geohash),
                    _ => Some(Self {
                        lat: member("lat").and_then(number)?,
                        lon: member("lon").and_then(number)?,
                    }),
                }
            }
            Json::Str(text) => read_point_text(text),
            _ => None,
        }
    }
}

/// `lat,lon`, `POINT (lon lat)`, or a geohash.
pub(crate) fn read_point_text(text: &str) -> Option<Point> {
    let text = text.trim();
    if let Some((lat, lon)) = text.split_once(',') {
        // A third number is a height, which is passed over.
        let lon = lon.split(',').next()?;
        return Some(Point { lat: lat.trim().parse().ok()?, lon: lon.trim().parse().ok()? });
    }
    let upper = text.to_ascii_uppercase();
    if let Some(rest) = upper.strip_prefix("POINT") {
        let mut inside = rest.trim().strip_prefix('(')?.strip_suffix(')')?.split_ascii_whitespace();
        let (lon, lat) = (inside.next()?.parse().ok()?, inside.next()?.parse().ok()?);
        return Some(Point { lat, lon });
    }
    read_geohash(text)
}

/// The geohash of so many letters of the cell that a point is in.
pub(crate) fn geohash_of(point: Point, letters: usize) -> String {
    let (mut lat, mut lon) = ((-90.0, 90.0), (-180.0, 180.0));
    let mut is_lon = true;
    let letter = |_| {
        let mut bits = 0;
        for _ in 0..5 {
            let (ends, value) = if is_lon { (&mut lon, point.lon) } else { (&mut lat, point.lat) };
            let (low, high): &mut (f64, f64) = ends;
            let middle = f64::midpoint(*low, *high);
            let is_above = value >= middle;
            if is_above {
                *low = middle;
            } else {
                *high = middle;
            }
            bits = bits << 1 | usize::from(is_above);
            is_lon = !is_lon;
        }
        char::from(GEOHASH[bits])
    };
    (0..letters.min(GEOHASH_MAX)).map(letter).collect()
}

/// The cells around that of a geohash, as long as it is.
pub(crate) fn geohash_neighbours(geohash: &str) -> Vec<String> {
    let Some((least, greatest)) = geohash_cell(geohash) else { return Vec::new() };
    let (height, width) = (greatest.lat - least.lat, greatest.lon - least.lon);
    let middle = Point { lat: least.lat + height / 2.0, lon: least.lon + width / 2.0 };
    let mut found = Vec::new();
    for (up, right) in [(1, -1), (1, 0), (1, 1), (0, -1), (0, 1), (-1, -1), (-1, 0), (-1, 1)] {
        let lat = middle.lat + f64::from(up) * height;
        if lat.abs() > 90.0 {
            continue;
        }
        // Behind the date line it goes on at the other side.
        let lon = (middle.lon + f64::from(right) * width + 540.0).rem_euclid(360.0) - 180.0;
        found.push(geohash_of(Point { lat, lon }, geohash.len()));
    }
    found
}

/// The corner of the cell of a geohash that is least in both directions, which stands for the cell.
pub(crate) fn read_geohash(text: &str) -> Option<Point> {
    geohash_cell(text).map(|(least, _)| least)
}

/// The corners of the cell of a geohash that are least and greatest.
pub(crate) fn geohash_cell(text: &str) -> Option<(Point, Point)> {
    if text.is_empty() || text.len() > GEOHASH_MAX {
        return None;
    }
    let (mut lat, mut lon) = ((-90.0, 90.0), (-180.0, 180.0));
    let mut is_lon = true;
    for letter in text.bytes() {
        let bits = GEOHASH.iter().position(|known| *known == letter.to_ascii_lowercase())?;
        for bit in (0..5).rev() {
            let (low, high): &mut (f64, f64) = if is_lon { &mut lon } else { &mut lat };
            let middle = f64::midpoint(*low, *high);
            if bits >> bit & 1 == 1 {
                *low = middle;
            } else {
                *high = middle;
            }
            is_lon = !is_lon;
        }
    }
    Some((Point { lat: lat.0, lon: lon.0 }, Point { lat: lat.1, lon: lon.1 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_however_it_is_written() {
        for json in [
            r#"{"lat": 41.12, "lon": -71.34}"#,
            r#"{"lat": "41.12", "lon": "-71.34"}"#,
            "[-71.34, 41.12]",
            r#""41.12,-71.34""#,
            r#""41.12, -71.34, 7""#,
            r#""POINT (-71.34 41.12)""#,
            r#"{"type": "Point", "coordinates": [-71.34, 41.12]}"#,
        ] {
            let value: Json<'_> = serde_json::from_str(json).expect("JSON");
            assert_eq!(Point::of_json(&value), Some(Point { lat: 41.12, lon: -71.34 }), "{json}");
        }
        let hashed = read_geohash("drm3btev3e86").expect("a geohash");
        assert!((hashed.lat - 41.12).abs() < 1e-5 && (hashed.lon + 71.34).abs() < 1e-5, "{hashed:?}");
        assert_eq!(read_geohash("abc"), None);
    }

    #[test]
    fn a_point_is_kept_within_a_step() {
        let kept = Point { lat: 41.12, lon: -71.34 }.kept();
        assert!(kept.lat <= 41.12 && 41.12 - kept.lat < Point::LATITUDE_STEP, "{kept:?}");
        let corner = Point { lat: 90.0, lon: 180.0 }.kept();
        assert!(corner.lat < 90.0 && corner.lon < 180.0, "{corner:?}");
    }
}
