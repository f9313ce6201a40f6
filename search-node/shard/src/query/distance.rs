//! Distances, and how scores fall with them.

use super::QueryError;
use super::ast::DecayShape;
use crate::geometry::EARTH_RADIUS;
pub(in crate::query) use crate::geometry::metres_between;
use crate::mapping::Point;

/// How far two points are from each other on an earth that is flat between them, which is quicker told and less exact.
pub(in crate::query) fn flat_metres_between(a: Point, b: Point) -> f64 {
    let x = (b.lon - a.lon).to_radians() * ((a.lat + b.lat) / 2.0).to_radians().cos();
    let y = (b.lat - a.lat).to_radians();
    x.hypot(y) * EARTH_RADIUS
}

/// A score that falls with a distance.
#[derive(Debug, Clone, Copy)]
pub(in crate::query) struct Falling {
    shape: DecayShape,
    /// What distances are scaled by, as the shape wants it.
    scale: f64,
    offset: f64,
}

impl Falling {
    /// It has fallen to `decay` at the distance `scale` behind the offset.
    pub(in crate::query) fn new(shape: DecayShape, scale: f64, offset: f64, decay: f64) -> Self {
        let scale = match shape {
            DecayShape::Gauss => 0.5 * scale * scale / decay.ln(),
            DecayShape::Exp => decay.ln() / scale,
            DecayShape::Linear => scale / (1.0 - decay),
        };
        Self { shape, scale, offset }
    }

    /// How far a distance is behind the offset.
    pub(in crate::query) fn behind(&self, distance: f64) -> f64 {
        (distance - self.offset).max(0.0)
    }

    /// The score at a distance behind the offset.
    pub(in crate::query) fn at(&self, behind: f64) -> f64 {
        match self.shape {
            DecayShape::Gauss => (0.5 * behind * behind / self.scale).exp(),
            DecayShape::Exp => (self.scale * behind).exp(),
            DecayShape::Linear => ((self.scale - behind) / self.scale).max(0.0),
        }
    }
}

/// A span of time such as `10d`, in milliseconds; a bare number is of milliseconds.
pub(in crate::query) fn read_time(text: &str) -> Result<f64, QueryError> {
    const UNITS: [(&str, f64); 7] = [
        ("nanos", 1e-6),
        ("micros", 1e-3),
        ("ms", 1.0),
        ("s", 1e3),
        ("m", 60e3),
        ("h", 3_600e3),
        ("d", 86_400e3),
    ];
    let text = text.trim();
    let unit = UNITS.iter().find_map(|(unit, millis)| Some((text.strip_suffix(unit)?, *millis)));
    let (number, millis) = unit.unwrap_or((text, 1.0));
    let number: Option<f64> = number.trim().parse().ok().filter(|number: &f64| number.is_finite());
    number.map(|number| number * millis).ok_or_else(|| {
        QueryError::argument(format!(
            "failed to parse [{text}] as a time value: unit is missing or unrecognized"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_has_fallen_to_the_decay_at_the_scale() {
        for shape in [DecayShape::Gauss, DecayShape::Exp, DecayShape::Linear] {
            let falling = Falling::new(shape, 10.0, 2.0, 0.3);
            for (distance, wanted) in [(0.0, 1.0), (2.0, 1.0), (12.0, 0.3)] {
                let score = falling.at(falling.behind(distance));
                assert!((score - wanted).abs() < 1e-9, "{shape:?} {distance}: {score}");
            }
        }
    }

    #[test]
    fn distances_are_those_on_the_sphere() {
        let (berlin, paris) = (Point { lat: 52.52, lon: 13.405 }, Point { lat: 48.8566, lon: 2.3522 });
        assert!((metres_between(berlin, paris) - 877_463.0).abs() < 100.0);
        assert_eq!(metres_between(berlin, berlin), 0.0);
    }

    #[test]
    fn times_are_read_with_their_units() {
        for (text, millis) in [("10d", 864e6), ("1.5h", 5400e3), ("7ms", 7.0), ("30m", 1800e3), ("5", 5.0)] {
            assert_eq!(read_time(text), Ok(millis), "{text}");
        }
        assert!(read_time("soon").is_err());
    }
}
