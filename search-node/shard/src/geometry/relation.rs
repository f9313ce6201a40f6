//! How shapes lie to each other, as Lucene tells it: borders belong to shapes, and what contains another one has it in its inside.

use super::Spot;
use super::edges::{Edge, Edges, Place};
use super::figure::{Circle, Figure, Kind};

/// How what a document has lies to what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Both have a place.
    Intersects,
    /// They do not.
    Disjoint,
    /// Each part that the document has is in a part that is asked for.
    Within,
    /// Each part that is asked for is inside of what the document has.
    Contains,
}

/// Whether it is enough, after so much work more; then what was told does not matter.
pub(crate) type IsOver<'a> = &'a mut dyn FnMut(u32) -> bool;

/// Whether the figures of a document lie so to others. One without figures lies nowhere.
pub(crate) fn relates(
    document: &[Figure],
    asked: &[Figure],
    relation: Relation,
    is_over: IsOver<'_>,
) -> bool {
    if document.is_empty() || asked.is_empty() {
        return false;
    }
    match relation {
        Relation::Intersects => meet(document, asked, is_over),
        Relation::Disjoint => !meet(document, asked, is_over),
        Relation::Within => {
            document.iter().all(|inner| asked.iter().any(|outer| covers(outer, inner, is_over)))
        }
        Relation::Contains => asked.iter().all(|inner| hold(document, inner, is_over)),
    }
}

fn meet(document: &[Figure], asked: &[Figure], is_over: IsOver<'_>) -> bool {
    document.iter().any(|one| asked.iter().any(|other| meets(one, other, is_over)))
}

/// Whether two figures have a place in common.
fn meets(one: &Figure, other: &Figure, is_over: IsOver<'_>) -> bool {
    if is_over(1) || !one.bounds().meets(other.bounds()) {
        return false;
    }
    match (&one.kind, &other.kind) {
        (Kind::Point(one), Kind::Point(other)) => one == other,
        (Kind::Point(spot), Kind::Line(line)) | (Kind::Line(line), Kind::Point(spot)) => line.have(*spot),
        (Kind::Point(spot), Kind::Area(area, _)) | (Kind::Area(area, _), Kind::Point(spot)) => {
            area.place(*spot) != Place::Outside
        }
        (Kind::Point(spot), Kind::Circle(circle)) | (Kind::Circle(circle), Kind::Point(spot)) => {
            circle.has(*spot)
        }
        (Kind::Line(one), Kind::Line(other)) => touch(one, other, is_over),
        (Kind::Line(line), Kind::Area(area, _)) | (Kind::Area(area, _), Kind::Line(line)) => {
            let is_inside = || line.all().first().is_some_and(|edge| area.place(edge.from) != Place::Outside);
            is_inside() || touch(line, area, is_over)
        }
        (Kind::Area(one, one_starts), Kind::Area(other, other_starts)) => {
            has_any(other, one_starts, is_over)
                || has_any(one, other_starts, is_over)
                || touch(one, other, is_over)
        }
        (Kind::Line(line), Kind::Circle(circle)) | (Kind::Circle(circle), Kind::Line(line)) => {
            is_near(line, circle, is_over)
        }
        (Kind::Area(area, _), Kind::Circle(circle)) | (Kind::Circle(circle), Kind::Area(area, _)) => {
            circle.is_around(area) || is_near(area, circle, is_over)
        }
        // Documents have no circles.
        (Kind::Circle(_), Kind::Circle(_)) => false,
    }
}

/// Whether one of several places is in an area.
fn has_any(area: &Edges, places: &[Spot], is_over: IsOver<'_>) -> bool {
    places.iter().any(|spot| {
        let (place, work) = area.look(*spot);
        place != Place::Outside || is_over(work)
    })
}

/// Whether an edge of one touches one of the other.
fn touch(one: &Edges, other: &Edges, is_over: IsOver<'_>) -> bool {
    let (few, many) = if one.all().len() <= other.all().len() { (one, other) } else { (other, one) };
    let around = many.bounds();
    few.all().iter().any(|edge| {
        let bounds = edge.bounds();
        if !around.meets(&bounds) {
            return false;
        }
        let mut work = 1;
        let touches = many.any(&|part| part.meets(&bounds), &mut |_, other| {
            work += 1;
            edge.touches(other)
        });
        touches || is_over(work)
    })
}

fn is_near(edges: &Edges, circle: &Circle, is_over: IsOver<'_>) -> bool {
    edges.all().iter().any(|edge| circle.meets(edge.from, edge.to) || is_over(1))
}

/// Whether all of a figure of a document is in another one.
fn covers(outer: &Figure, inner: &Figure, is_over: IsOver<'_>) -> bool {
    if is_over(1) || !outer.bounds().has(inner.bounds()) {
        return false;
    }
    match (&outer.kind, &inner.kind) {
        (_, Kind::Point(_)) => meets(outer, inner, is_over),
        (Kind::Area(area, _), Kind::Line(line)) => covers_edges(area, line, is_over),
        (Kind::Area(area, _), Kind::Area(inner, _)) => {
            covers_edges(area, inner, is_over) && !has_border_inside(inner, area, is_over) && {
                let sample = inside_of(inner);
                sample.is_none_or(|(x, y)| area.place_of_half(x, y) != Place::Outside)
            }
        }
        (Kind::Circle(circle), Kind::Line(inner) | Kind::Area(inner, _)) => {
            inner.all().iter().all(|edge| circle.has_line(edge.from, edge.to) && !is_over(1))
        }
        _ => false,
    }
}

fn covers_edges(area: &Edges, inner: &Edges, is_over: IsOver<'_>) -> bool {
    inner.all().iter().all(|edge| {
        let mut work = 1;
        covers_edge(area, edge, &mut work) && !is_over(work)
    })
}

/// Whether all of an edge is in an area: no other one crosses it, and between those that touch it it is not outside.
fn covers_edge(area: &Edges, edge: &Edge, work: &mut u32) -> bool {
    let mut is_outside = |spot| {
        let (place, looked_at) = area.look(spot);
        *work += looked_at;
        place == Place::Outside
    };
    if is_outside(edge.from) || is_outside(edge.to) {
        return false;
    }
    let Some(stops) = stops_on(area, edge, work) else { return false };
    stops.windows(2).all(|two| {
        let (x, y) = middle(two[0], two[1]);
        area.place_of_half(x, y) != Place::Outside
    })
}

/// The ends of an edge with the corners of others that are on it, in their order; none where another one crosses it.
fn stops_on(others: &Edges, edge: &Edge, work: &mut u32) -> Option<Vec<Spot>> {
    let bounds = edge.bounds();
    let mut stops = vec![edge.from, edge.to];
    let is_crossed = others.any(&|part| part.meets(&bounds), &mut |_, other| {
        *work += 1;
        stops.extend([other.from, other.to].into_iter().filter(|spot| edge.has(*spot)));
        edge.crosses(other)
    });
    stops.sort_unstable();
    stops.dedup();
    (!is_crossed).then_some(stops)
}

/// What is between two places, in half steps.
fn middle(one: Spot, other: Spot) -> (i64, i64) {
    (i64::from(one.x) + i64::from(other.x), i64::from(one.y) + i64::from(other.y))
}

/// Whether a part of a border is in the inside of an area.
fn has_border_inside(area: &Edges, border: &Edges, is_over: IsOver<'_>) -> bool {
    let around = area.bounds();
    let is_inside = |(x, y): (i64, i64)| area.place_of_half(x, y) == Place::Inside;
    border.any(&|part| part.meets(&around), &mut |_, edge| {
        let mut work = 1;
        let is_met = match stops_on(area, edge, &mut work) {
            None => true,
            Some(stops) => {
                stops.iter().any(|stop| is_inside(middle(*stop, *stop)))
                    || stops.windows(2).any(|two| is_inside(middle(two[0], two[1])))
            }
        };
        is_met || is_over(work)
    })
}

/// A place in the inside of an area, in half steps; none of one that is too small to have any.
fn inside_of(area: &Edges) -> Option<(i64, i64)> {
    let south = area.bounds().south;
    let corners = area.all().iter().map(|edge| edge.from.y);
    let next = corners.filter(|y| *y > south).min()?;
    let y = i64::from(south) + i64::from(next);
    let twice = |steps: i32| i64::from(steps) * 2;
    let mut met: Vec<f64> = area
        .all()
        .iter()
        .filter(|edge| (twice(edge.from.y) > y) != (twice(edge.to.y) > y))
        .map(|edge| {
            let (from, to) = ((twice(edge.from.x), twice(edge.from.y)), (twice(edge.to.x), twice(edge.to.y)));
            from.0 as f64 + (to.0 - from.0) as f64 * ((y - from.1) as f64 / (to.1 - from.1) as f64)
        })
        .collect();
    met.sort_unstable_by(f64::total_cmp);
    let places = met.chunks_exact(2).map(|two| (f64::midpoint(two[0], two[1]) as i64, y));
    places.into_iter().find(|(x, y)| area.place_of_half(*x, *y) == Place::Inside)
}

/// Whether a figure that is asked for is inside of what a document has.
fn hold(document: &[Figure], inner: &Figure, is_over: IsOver<'_>) -> bool {
    if let Kind::Point(_) = inner.kind {
        return document.iter().any(|figure| meets(figure, inner, is_over));
    }
    !document.iter().any(|figure| has_border_in(figure, inner, is_over))
        && starts(inner).iter().all(|start| {
            document.iter().any(|figure| {
                matches!(&figure.kind, Kind::Area(area, _) if area.place(*start) == Place::Inside)
                    && !is_over(1)
            })
        })
}

/// Whether a point, a line or a border of a document is somewhere in a figure.
fn has_border_in(figure: &Figure, inner: &Figure, is_over: IsOver<'_>) -> bool {
    if !figure.bounds().meets(inner.bounds()) {
        return false;
    }
    match (&figure.kind, &inner.kind) {
        (Kind::Area(border, rings), Kind::Area(area, _)) => {
            has_any(area, rings, is_over) || touch(border, area, is_over)
        }
        (Kind::Area(border, _), Kind::Line(line)) => touch(border, line, is_over),
        (Kind::Area(border, _), Kind::Circle(circle)) => is_near(border, circle, is_over),
        _ => meets(figure, inner, is_over),
    }
}

/// A place of each of a figure's rings.
fn starts(figure: &Figure) -> Vec<Spot> {
    match &figure.kind {
        Kind::Point(spot) => vec![*spot],
        Kind::Line(line) => line.all().first().map(|edge| edge.from).into_iter().collect(),
        Kind::Area(_, starts) => starts.clone(),
        Kind::Circle(circle) => vec![Spot::of(circle.center)],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::geometry::{Orientation, Part, Reading, Validity, place};
    use crate::mapping::Point;

    fn figures(text: &str) -> Vec<Figure> {
        let geometry = Reading::default().read(&(&json!(text)).into()).expect("a shape");
        let parts = place(&geometry, Orientation::Right, Validity::Kept).expect("parts");
        parts.iter().map(Figure::of).collect()
    }

    fn lies(document: &[Figure], asked: &[Figure], relation: Relation) -> bool {
        relates(document, asked, relation, &mut |_| false)
    }

    const SQUARE: &str = "POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0))";
    const HOLED: &str = "POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0), (4 4, 6 4, 6 6, 4 6, 4 4))";

    /// How the first shape lies to the second one: (i)ntersects, (w)ithin, (c)ontains.
    #[test]
    fn shapes_lie_to_each_other_as_on_a_map() {
        for (document, asked, expected) in [
            ("POINT (5 5)", SQUARE, "iw"),
            ("POINT (0 5)", SQUARE, "iw"),
            ("POINT (5 5)", HOLED, ""),
            ("POINT (5 5)", "POINT (5 5)", "iwc"),
            ("MULTIPOINT (5 5, 15 15)", SQUARE, "i"),
            ("MULTIPOINT (5 5, 15 15)", "POINT (5 5)", "ic"),
            ("LINESTRING (1 1, 9 9)", SQUARE, "iw"),
            ("LINESTRING (1 1, 9 9)", HOLED, "i"),
            ("LINESTRING (0 0, 10 0)", SQUARE, "iw"),
            ("LINESTRING (-5 5, 15 5)", SQUARE, "i"),
            ("LINESTRING (4 0, 4 10)", HOLED, "iw"),
            (SQUARE, SQUARE, "iw"),
            (SQUARE, "POINT (5 5)", "ic"),
            (SQUARE, "POINT (0 5)", "ic"),
            (SQUARE, "LINESTRING (1 1, 9 9)", "ic"),
            (SQUARE, "LINESTRING (0 0, 10 0)", "i"),
            (SQUARE, "POLYGON ((2 2, 4 2, 4 4, 2 4, 2 2))", "ic"),
            (SQUARE, "POLYGON ((0 2, 4 2, 4 4, 0 4, 0 2))", "i"),
            (SQUARE, "POLYGON ((10 0, 20 0, 20 10, 10 10, 10 0))", "i"),
            (SQUARE, "POLYGON ((11 0, 20 0, 20 10, 11 10, 11 0))", ""),
            (SQUARE, "POLYGON ((-1 -1, 11 -1, 11 11, -1 11, -1 -1))", "iw"),
            (SQUARE, HOLED, "i"),
            (HOLED, SQUARE, "iw"),
            (HOLED, HOLED, "iw"),
            (HOLED, "POLYGON ((4 4, 6 4, 6 6, 4 6, 4 4))", "i"),
            ("POLYGON ((4 4, 6 4, 6 6, 4 6, 4 4))", HOLED, "i"),
            ("POLYGON ((4.5 4.5, 5.5 4.5, 5.5 5.5, 4.5 5.5, 4.5 4.5))", HOLED, ""),
            ("POLYGON ((0 2, 4 4, 0 4, 0 2))", HOLED, "iw"),
            (HOLED, "POLYGON ((3 3, 7 3, 7 7, 3 7, 3 3))", "i"),
            // A spire whose two sides meet the mouth of a bay at one place each.
            ("LINESTRING (1 6, 9 6)", "POLYGON ((0 0, 10 0, 10 10, 5 2, 0 10, 0 0))", "i"),
            ("LINESTRING (0 10, 10 10)", "POLYGON ((0 0, 10 0, 10 10, 5 2, 0 10, 0 0))", "i"),
            (
                "GEOMETRYCOLLECTION (POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0)), POINT (5 5))",
                "BBOX (4, 6, 6, 4)",
                "i",
            ),
            ("BBOX (170, -170, 10, 0)", "POINT (-175 5)", "ic"),
            ("LINESTRING (178 5, 182 5)", "BBOX (170, -170, 10, 0)", "iw"),
        ] {
            let (document, asked) = (figures(document), figures(asked));
            let letters = [(Relation::Intersects, "i"), (Relation::Within, "w"), (Relation::Contains, "c")];
            let found: String = letters
                .into_iter()
                .filter_map(|(relation, letter)| lies(&document, &asked, relation).then_some(letter))
                .collect();
            assert_eq!(found, expected, "{document:?} {asked:?}");
            let is_disjoint = lies(&document, &asked, Relation::Disjoint);
            assert_eq!(is_disjoint, !expected.contains('i'));
        }
    }

    #[test]
    fn circles_are_round() {
        let circle = |metres: f64| [Figure::circle(Point { lat: 5.0, lon: 5.0 }, metres)];
        for (document, metres, expected) in [
            ("POINT (5 6)", 112_000.0, [true, true, false]),
            ("POINT (5 6)", 111_000.0, [false, false, false]),
            (SQUARE, 100_000.0, [true, false, true]),
            (SQUARE, 600_000.0, [true, false, false]),
            (SQUARE, 1_000_000.0, [true, true, false]),
            ("LINESTRING (0 6, 10 6)", 112_000.0, [true, false, false]),
            ("LINESTRING (0 6, 10 6)", 111_000.0, [false, false, false]),
        ] {
            let (figures, circle) = (figures(document), circle(metres));
            let found = [Relation::Intersects, Relation::Within, Relation::Contains]
                .map(|relation| lies(&figures, &circle, relation));
            assert_eq!(found, expected, "{document} {metres}");
        }
        let over_line = [Figure::circle(Point { lat: 0.0, lon: 179.9 }, 50_000.0)];
        assert!(lies(&figures("POINT (-179.9 0)"), &over_line, Relation::Intersects));
        assert!(lies(&figures("LINESTRING (-179.9 -1, -179.9 1)"), &over_line, Relation::Intersects));
        assert!(!lies(&figures("POINT (-179 0)"), &over_line, Relation::Intersects));
        // Both ends are in it, and what is between them is on the other side of the earth.
        let wide = [Figure::circle(Point { lat: 0.0, lon: 180.0 }, 1_200_000.0)];
        for around in ["LINESTRING (-170 0, 170 0)", "POLYGON ((-170 0, 170 0, 170 1, -170 1, -170 0))"] {
            assert!(!lies(&figures(around), &wide, Relation::Within), "{around}");
        }
        assert!(lies(&figures("LINESTRING (175 0, 176 1)"), &wide, Relation::Within));
    }

    #[test]
    fn a_zigzag_is_no_box() {
        let zigzag = figures("POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0))");
        assert!(zigzag[0].is_box());
        let part =
            Part::Area(vec![[(0, 0), (10, 0), (0, 0), (0, 10), (0, 0)].map(|(x, y)| Spot { x, y }).to_vec()]);
        assert!(!Figure::of(&part).is_box());
    }

    /// Rings of any kind: they may go over themselves, which tells nothing wrong.
    fn part(range: i32) -> impl Strategy<Value = Part> {
        let spot = move || (-range..=range, -range..=range).prop_map(|(x, y)| Spot { x, y });
        let ring = move || {
            prop::collection::vec(spot(), 3..8).prop_map(|mut ring| {
                ring.push(ring[0]);
                ring
            })
        };
        prop_oneof![
            spot().prop_map(Part::Point),
            prop::collection::vec(spot(), 2..6).prop_map(Part::Line),
            prop::collection::vec(ring(), 1..3).prop_map(Part::Area),
        ]
    }

    fn has(figures: &[Figure], spot: Spot) -> bool {
        lies(figures, &[Figure::of(&Part::Point(spot))], Relation::Intersects)
    }

    proptest! {
        /// On a small grid every place can be asked, whether it is in one, the other or both.
        #[test]
        fn what_is_told_agrees_with_every_place(one in part(6), other in part(6)) {
            let (one, other) = ([Figure::of(&one)], [Figure::of(&other)]);
            let places = || (-6..=6).flat_map(|x| (-6..=6).map(move |y| Spot { x, y }));
            let intersects = lies(&one, &other, Relation::Intersects);

            prop_assert_eq!(intersects, lies(&other, &one, Relation::Intersects));
            prop_assert_eq!(intersects, !lies(&one, &other, Relation::Disjoint));
            if places().any(|spot| has(&one, spot) && has(&other, spot)) {
                prop_assert!(intersects);
            }
            if lies(&one, &other, Relation::Within) {
                prop_assert!(intersects);
                prop_assert!(places().all(|spot| !has(&one, spot) || has(&other, spot)));
            }
            if lies(&one, &other, Relation::Contains) {
                prop_assert!(intersects);
                prop_assert!(places().all(|spot| !has(&other, spot) || has(&one, spot)));
            }
            // Each is within itself, but for lines, within which nothing else lies, and for areas that go over themselves.
            let is_plain = match &one[0].kind {
                Kind::Area(area, _) => !area.all().iter().any(|edge| area.all().iter().any(|other| edge.crosses(other))),
                Kind::Point(_) => true,
                Kind::Line(_) | Kind::Circle(_) => false,
            };
            if is_plain {
                prop_assert!(lies(&one, &one, Relation::Within));
            }
        }

        #[test]
        fn places_at_the_ends_of_the_grid_are_no_trouble(one in part(i32::MAX), other in part(i32::MAX)) {
            let (one, other) = ([Figure::of(&one)], [Figure::of(&other)]);
            for relation in [Relation::Intersects, Relation::Within, Relation::Contains] {
                lies(&one, &other, relation);
            }
        }
    }
}
