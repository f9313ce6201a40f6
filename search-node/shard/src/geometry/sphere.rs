//! Distances on the sphere.

use crate::mapping::Point;

/// The mean radius of the earth, in metres.
pub(crate) const EARTH_RADIUS: f64 = 6_371_008.771_4;

/// How far two points are from each other on the sphere, in metres.
pub(crate) fn metres_between(a: Point, b: Point) -> f64 {
    let (lat_a, lat_b) = (a.lat.to_radians(), b.lat.to_radians());
    let by_lat = 1.0 - (lat_a - lat_b).cos();
    let by_lon = 1.0 - (a.lon - b.lon).to_radians().cos();
    let haversine = by_lat + lat_a.cos() * lat_b.cos() * by_lon;
    2.0 * EARTH_RADIUS * (haversine * 0.5).sqrt().min(1.0).asin()
}

/// How far a circle reaches to the north and to the east of its centre, in degrees; all around where there is a pole in it.
pub(super) fn reach(center: Point, metres: f64) -> (f64, f64) {
    let angle = metres / EARTH_RADIUS;
    let north = angle.to_degrees();
    if center.lat.abs() + north >= 90.0 {
        return (north, 360.0);
    }
    let east = (angle.sin() / center.lat.to_radians().cos()).clamp(-1.0, 1.0).asin();
    (north, east.to_degrees())
}
