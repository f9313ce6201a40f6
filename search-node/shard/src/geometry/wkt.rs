//! Well-known text.

use super::{ARGUMENT, DEPTH_MAX, Fault, Geometry, PARSING, Polygon, Position, Reading};

pub(super) fn read(text: &str, reading: Reading) -> Result<Geometry, Fault> {
    let mut words = Words { rest: text, reading };
    let geometry = words.geometry(0)?;
    match words.next() {
        Word::End => Ok(geometry),
        _ => Err((PARSING, format!("expected end of WKT string but found additional text: {text}"))),
    }
}

/// A sign, or letters and digits up to the next one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Word<'t> {
    Sign(char),
    Letters(&'t str),
    End,
}

impl Word<'_> {
    fn shown(self) -> String {
        match self {
            Self::Sign(sign) => format!("'{sign}'"),
            Self::Letters(letters) => letters.to_owned(),
            Self::End => "END-OF-STREAM".to_owned(),
        }
    }
}

#[derive(Clone, Copy)]
struct Words<'t> {
    rest: &'t str,
    reading: Reading,
}

impl<'t> Words<'t> {
    fn next(&mut self) -> Word<'t> {
        self.rest = self.rest.trim_start();
        let Some(first) = self.rest.chars().next() else { return Word::End };
        let is_letter = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '+' | '_');
        let length = match is_letter(first) {
            true => self.rest.find(|letter| !is_letter(letter)).unwrap_or(self.rest.len()),
            false => first.len_utf8(),
        };
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        if is_letter(first) { Word::Letters(word) } else { Word::Sign(first) }
    }

    fn peek(self) -> Word<'t> {
        let mut ahead = self;
        ahead.next()
    }

    fn expect(&mut self, sign: char) -> Result<(), Fault> {
        match self.next() {
            Word::Sign(found) if found == sign => Ok(()),
            other => Err((PARSING, format!("expected {sign} but found: {}", other.shown()))),
        }
    }

    fn number(&mut self) -> Result<f64, Fault> {
        match self.next() {
            Word::Letters(letters) => {
                let number = letters.parse().ok().filter(|number: &f64| number.is_finite());
                number.ok_or_else(|| (PARSING, format!("invalid number found: {letters}")))
            }
            other => Err((PARSING, format!("expected number but found: {}", other.shown()))),
        }
    }

    fn geometry(&mut self, depth: usize) -> Result<Geometry, Fault> {
        if depth > DEPTH_MAX {
            return Err((PARSING, format!("more than {DEPTH_MAX} geometry collections are in each other")));
        }
        let name = match self.next() {
            Word::Letters(name) => name.to_ascii_lowercase(),
            other => return Err((PARSING, format!("expected word but found: {}", other.shown()))),
        };
        const KNOWN: [&str; 9] = [
            "point",
            "multipoint",
            "linestring",
            "multilinestring",
            "polygon",
            "multipolygon",
            "bbox",
            "circle",
            "geometrycollection",
        ];
        if !KNOWN.contains(&name.as_str()) {
            return Err((ARGUMENT, format!("Unknown geometry type: {name}")));
        }
        match self.peek() {
            Word::Letters(word) if word.eq_ignore_ascii_case("empty") => {
                self.next();
                return Ok(Geometry::Nothing);
            }
            Word::Sign('(') => {}
            other => return Err((PARSING, format!("expected word but found: {}", other.shown()))),
        }
        Ok(match name.as_str() {
            "point" => Geometry::Point(self.inside(Self::position)?),
            "multipoint" => Geometry::MultiPoint(self.list(Self::position_or_inside)?),
            "linestring" => Geometry::Line(self.line()?),
            "multilinestring" => Geometry::MultiLine(self.list(Self::line)?),
            "polygon" => Geometry::Polygon(self.polygon()?),
            "multipolygon" => Geometry::MultiPolygon(self.list(Self::polygon)?),
            "bbox" => self.inside(Self::sides)?,
            "circle" => self.inside(Self::circle)?,
            _ => Geometry::Collection(self.list(|words| words.geometry(depth + 1))?),
        })
    }

    /// What stands between brackets.
    fn inside<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.expect('(')?;
        let read = read(self)?;
        self.expect(')')?;
        Ok(read)
    }

    /// What stands between brackets and commas.
    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
        self.inside(|words| {
            let mut items = vec![read(words)?];
            while words.peek() == Word::Sign(',') {
                words.next();
                items.push(read(words)?);
            }
            Ok(items)
        })
    }

    fn position(&mut self) -> Result<Position, Fault> {
        let (lon, lat) = (self.number()?, self.number()?);
        let height = match self.peek() {
            Word::Letters(_) => Some(self.number()?),
            _ => None,
        };
        Ok(Position { lon, lat, height })
    }

    fn position_or_inside(&mut self) -> Result<Position, Fault> {
        match self.peek() {
            Word::Sign('(') => self.inside(Self::position),
            _ => self.position(),
        }
    }

    fn line(&mut self) -> Result<Vec<Position>, Fault> {
        let line = self.list(Self::position)?;
        match line.len() {
            0 | 1 => Err((ARGUMENT, "at least two points in the line is required".to_owned())),
            _ => Ok(line),
        }
    }

    fn polygon(&mut self) -> Result<Polygon, Fault> {
        let rings = self.list(|words| {
            let ring = words.list(Self::position)?;
            words.reading.ring(ring)
        })?;
        Ok(Polygon { rings, orientation: None })
    }

    /// The left, the right, the upper and the lower side.
    fn sides(&mut self) -> Result<Geometry, Fault> {
        let left = self.number()?;
        let mut next = || {
            self.expect(',')?;
            self.number()
        };
        let (right, top, bottom) = (next()?, next()?, next()?);
        let corner = |lon, lat| Position { lon, lat, height: None };
        Ok(Geometry::Envelope(corner(left, top), corner(right, bottom)))
    }

    fn circle(&mut self) -> Result<Geometry, Fault> {
        let (lon, lat) = (self.number()?, self.number()?);
        Ok(Geometry::Circle {
            center: Position { lon, lat, height: None },
            radius: self.number()?.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Geometry, Fault> {
        super::read(text, Reading::default())
    }

    fn at(lon: f64, lat: f64) -> Position {
        Position { lon, lat, height: None }
    }

    #[test]
    fn shapes_are_read_however_they_are_spaced() {
        let square = vec![at(0.0, 0.0), at(10.0, 0.0), at(10.0, 10.0), at(0.0, 0.0)];
        let polygon = Polygon { rings: vec![square], orientation: None };
        for (text, geometry) in [
            ("POINT (1 -2.5e0)", Geometry::Point(at(1.0, -2.5))),
            ("point(1 2)", Geometry::Point(at(1.0, 2.0))),
            ("MULTIPOINT (1 2, 3 4)", Geometry::MultiPoint(vec![at(1.0, 2.0), at(3.0, 4.0)])),
            ("MULTIPOINT ((1 2),(3 4))", Geometry::MultiPoint(vec![at(1.0, 2.0), at(3.0, 4.0)])),
            ("LINESTRING(1 2,3 4)", Geometry::Line(vec![at(1.0, 2.0), at(3.0, 4.0)])),
            ("POLYGON ((0 0, 10 0, 10 10, 0 0))", Geometry::Polygon(polygon.clone())),
            ("MULTIPOLYGON (((0 0, 10 0, 10 10, 0 0)))", Geometry::MultiPolygon(vec![polygon])),
            ("BBOX (0, 10, 20, -5)", Geometry::Envelope(at(0.0, 20.0), at(10.0, -5.0))),
            ("CIRCLE (0 0 10)", Geometry::Circle { center: at(0.0, 0.0), radius: "10".to_owned() }),
            ("GEOMETRYCOLLECTION (POINT (1 2))", Geometry::Collection(vec![Geometry::Point(at(1.0, 2.0))])),
            ("POLYGON EMPTY", Geometry::Nothing),
        ] {
            assert_eq!(read(text), Ok(geometry), "{text}");
        }
        let closing = Reading { closes_rings: true, ..Reading::default() };
        assert!(super::read("POLYGON ((0 0, 10 0, 10 10))", closing).is_ok());
    }

    #[test]
    fn what_is_none_is_refused_in_elasticsearchs_words() {
        for (text, reason) in [
            ("", "expected word but found: END-OF-STREAM"),
            ("POINT", "expected word but found: END-OF-STREAM"),
            ("POINT (1)", "expected number but found: ')'"),
            ("POINT (a b)", "invalid number found: a"),
            ("POINT (1 NaN)", "invalid number found: NaN"),
            ("POINT (1 2) x", "expected end of WKT string but found additional text"),
            ("LINESTRING (1 2)", "at least two points in the line is required"),
            ("POLYGON (0 0, 1 1)", "expected ( but found: 0"),
            (
                "POLYGON ((0 0, 10 0, 10 10, 0 10))",
                "first and last points of the linear ring must be the same",
            ),
            ("BBOX (0, 10, 10)", "expected , but found: ')'"),
            ("ENVELOPE (0, 10, 10, 0)", "Unknown geometry type: envelope"),
            ("nonsense", "Unknown geometry type: nonsense"),
            ("[1,2]", "expected word but found: '['"),
        ] {
            assert!(read(text).is_err_and(|(_, found)| found.contains(reason)), "{text}: {:?}", read(text));
        }
        let deep = format!("{}POINT (1 2){}", "GEOMETRYCOLLECTION (".repeat(10_000), ")".repeat(10_000));
        assert!(read(&deep).is_err_and(|(_, found)| found.contains("in each other")));
    }
}
