//! How shapes lie to each other, as Lucene tells it: borders belong to shapes, and what contains another one has it in its inside.

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
            one_starts.iter().any(|start| other.place(*start) != Place::Outside)
                || other_starts.iter().any(|start| one.place(*start) != Place::Outside)
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
        // What is round has all that is between its places.
        (Kind::Circle(circle), Kind::Line(inner) | Kind::Area(inner, _)) => {
            inner.all().iter().all(|edge| circle.has(edge.from) && circle.has(edge.to) && !is_over(1))
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
    let is_outside = |spot| area.place(spot) == Place::Outside;
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
fn stops_on(others: &Edges, edge: &Edge, work: &mut u32) -> Option<Vec<super::Spot>> {
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
fn middle(one: super::Spot, other: super::Spot) -> (i64, i64) {
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
            document.iter().any(
                |figure| matches!(&figure.kind, Kind::Area(area, _) if area.place(*start) == Place::Inside),
            )
        })
}

/// Whether a point, a line or a border of a document is somewhere in a figure.
fn has_border_in(figure: &Figure, inner: &Figure, is_over: IsOver<'_>) -> bool {
    if !figure.bounds().meets(inner.bounds()) {
        return false;
    }
    match (&figure.kind, &inner.kind) {
        (Kind::Area(border, rings), Kind::Area(area, _)) => {
            rings.iter().any(|start| area.place(*start) != Place::Outside) || touch(border, area, is_over)
        }
        (Kind::Area(border, _), Kind::Line(line)) => touch(border, line, is_over),
        (Kind::Area(border, _), Kind::Circle(circle)) => is_near(border, circle, is_over),
        _ => meets(figure, inner, is_over),
    }
}

/// A place of each of a figure's rings.
fn starts(figure: &Figure) -> Vec<super::Spot> {
    match &figure.kind {
        Kind::Point(spot) => vec![*spot],
        Kind::Line(line) => line.all().first().map(|edge| edge.from).into_iter().collect(),
        Kind::Area(_, starts) => starts.clone(),
        Kind::Circle(circle) => vec![super::Spot::of(circle.center)],
    }
}
