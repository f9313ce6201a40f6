//! Edges on the grid: how two of them lie to each other, told exactly, and many of them in a tree of bounds.
//!
//! The edges of a shape follow each other, so bounds around runs of neighbours are small: the tree is made of runs in the order in which the
//! edges come, and needs no sorting.

use std::cmp::Ordering;

use super::Spot;

/// How many entries of the tree stand below one.
const FAN: usize = 8;

/// A box on the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) west: i32,
    pub(crate) east: i32,
    pub(crate) south: i32,
    pub(crate) north: i32,
}

impl Bounds {
    /// Around nothing.
    pub(crate) const NONE: Self = Self { west: i32::MAX, east: i32::MIN, south: i32::MAX, north: i32::MIN };

    pub(crate) fn of(spot: Spot) -> Self {
        Self { west: spot.x, east: spot.x, south: spot.y, north: spot.y }
    }

    pub(crate) fn around(spots: impl Iterator<Item = Spot>) -> Self {
        spots.fold(Self::NONE, |bounds, spot| bounds.and(Self::of(spot)))
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            west: self.west.min(other.west),
            east: self.east.max(other.east),
            south: self.south.min(other.south),
            north: self.north.max(other.north),
        }
    }

    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.west <= other.east
            && self.east >= other.west
            && self.south <= other.north
            && self.north >= other.south
    }

    pub(crate) fn has(&self, other: &Self) -> bool {
        self.west <= other.west
            && self.east >= other.east
            && self.south <= other.south
            && self.north >= other.north
    }
}

/// A straight line between two places, which may be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: Spot,
    pub(super) to: Spot,
}

impl Edge {
    pub(super) fn bounds(&self) -> Bounds {
        Bounds::of(self.from).and(Bounds::of(self.to))
    }

    /// On which side of the line a place is: greater for the left one, equal on it.
    pub(super) fn side(&self, spot: Spot) -> Ordering {
        self.turn(spot).cmp(&0)
    }

    /// Twice the area of the triangle with a place.
    fn turn(&self, spot: Spot) -> i128 {
        let difference = |a: i32, b: i32| i128::from(i64::from(a) - i64::from(b));
        let (dx, dy) = (difference(self.to.x, self.from.x), difference(self.to.y, self.from.y));
        dx * difference(spot.y, self.from.y) - dy * difference(spot.x, self.from.x)
    }

    /// Whether a place is on it, ends included.
    pub(super) fn has(&self, spot: Spot) -> bool {
        self.bounds().has(&Bounds::of(spot)) && self.side(spot).is_eq()
    }

    /// Whether both have a place.
    pub(super) fn touches(&self, other: &Self) -> bool {
        let (a, b) = (self.side(other.from), self.side(other.to));
        let (c, d) = (other.side(self.from), other.side(self.to));
        let are_apart = |one: Ordering, two: Ordering| one.is_ne() && one == two;
        if are_apart(a, b) || are_apart(c, d) {
            return false;
        }
        if a.is_ne() && b.is_ne() && c.is_ne() && d.is_ne() {
            return true;
        }
        self.has(other.from) || self.has(other.to) || other.has(self.from) || other.has(self.to)
    }

    /// Whether each goes over to the other side of the other one.
    pub(super) fn crosses(&self, other: &Self) -> bool {
        let (a, b) = (self.side(other.from), self.side(other.to));
        let (c, d) = (other.side(self.from), other.side(self.to));
        let are_beside = |one: Ordering, two: Ordering| one.is_ne() && one == two.reverse();
        are_beside(a, b) && are_beside(c, d)
    }

    /// The same, and no end of one is within two steps of the other: places are put on the grid one by one, so that what touched may cross by
    /// as much.
    pub(super) fn crosses_well(&self, other: &Self) -> bool {
        let is_well_beside = |edge: &Self, spot: Spot| {
            let (dx, dy) = (
                f64::from(edge.to.x) - f64::from(edge.from.x),
                f64::from(edge.to.y) - f64::from(edge.from.y),
            );
            edge.turn(spot).unsigned_abs() as f64 > 2.0 * dx.hypot(dy)
        };
        self.crosses(other)
            && is_well_beside(self, other.from)
            && is_well_beside(self, other.to)
            && is_well_beside(other, self.from)
            && is_well_beside(other, self.to)
    }
}

/// Where a place is of an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Inside,
    Border,
    Outside,
}

/// Edges in their order, and bounds around runs of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edges {
    edges: Vec<Edge>,
    /// Around so many edges each, then around so many of those, up to one for all.
    levels: Vec<Vec<Bounds>>,
}

impl Edges {
    /// Those of lines; of a line with one place that place.
    pub(super) fn of(runs: &[Vec<Spot>]) -> Self {
        let mut edges = Vec::with_capacity(runs.iter().map(Vec::len).sum());
        for run in runs {
            match &run[..] {
                [one] => edges.push(Edge { from: *one, to: *one }),
                run => edges.extend(run.windows(2).map(|ends| Edge { from: ends[0], to: ends[1] })),
            }
        }
        let around = |bounds: &mut dyn Iterator<Item = Bounds>| bounds.fold(Bounds::NONE, Bounds::and);
        let mut levels: Vec<Vec<Bounds>> =
            vec![edges.chunks(FAN).map(|run| around(&mut run.iter().map(Edge::bounds))).collect()];
        while let Some(last) = levels.last().filter(|last| last.len() > 1) {
            let next = last.chunks(FAN).map(|run| around(&mut run.iter().copied())).collect();
            levels.push(next);
        }
        Self { edges, levels }
    }

    pub(super) fn all(&self) -> &[Edge] {
        &self.edges
    }

    pub(super) fn bounds(&self) -> Bounds {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or(Bounds::NONE)
    }

    /// Shows every edge that is in bounds with part of it, until `act` says that it is enough. Tells whether it did.
    pub(super) fn any(
        &self,
        is_wanted: &dyn Fn(&Bounds) -> bool,
        act: &mut dyn FnMut(usize, &Edge) -> bool,
    ) -> bool {
        match self.levels.len().checked_sub(1) {
            Some(top) => self.any_below(top, 0, is_wanted, act),
            None => false,
        }
    }

    fn any_below(
        &self,
        level: usize,
        at: usize,
        is_wanted: &dyn Fn(&Bounds) -> bool,
        act: &mut dyn FnMut(usize, &Edge) -> bool,
    ) -> bool {
        let Some(bounds) = self.levels[level].get(at) else { return false };
        if !is_wanted(bounds) {
            return false;
        }
        let run = |length: usize| at * FAN..(at * FAN + FAN).min(length);
        match level.checked_sub(1) {
            Some(below) => run(self.levels[below].len()).any(|at| self.any_below(below, at, is_wanted, act)),
            None => run(self.edges.len())
                .any(|at| is_wanted(&self.edges[at].bounds()) && act(at, &self.edges[at])),
        }
    }

    /// Whether a place is on one of them.
    pub(super) fn have(&self, spot: Spot) -> bool {
        let wanted = Bounds::of(spot);
        self.any(&|bounds| bounds.meets(&wanted), &mut |_, edge| edge.has(spot))
    }

    /// Where a place is, if the edges are rings around areas.
    pub(super) fn place(&self, spot: Spot) -> Place {
        self.look(spot).0
    }

    /// The same, and how many edges were looked at for it.
    pub(super) fn look(&self, spot: Spot) -> (Place, u32) {
        self.look_at_half(i64::from(spot.x) * 2, i64::from(spot.y) * 2)
    }

    /// The same for a place in half steps, as the middle between two places is one.
    pub(super) fn place_of_half(&self, x: i64, y: i64) -> Place {
        self.look_at_half(x, y).0
    }

    fn look_at_half(&self, x: i64, y: i64) -> (Place, u32) {
        let twice = |steps: i32| i64::from(steps) * 2;
        // Whatever is to the left cannot be met on the way to the right.
        let is_wanted =
            |bounds: &Bounds| twice(bounds.south) <= y && y <= twice(bounds.north) && twice(bounds.east) >= x;
        let (mut is_inside, mut looked_at) = (false, 1);
        let is_on_border = self.any(&is_wanted, &mut |_, edge| {
            looked_at += 1;
            let (from, to) = ((twice(edge.from.x), twice(edge.from.y)), (twice(edge.to.x), twice(edge.to.y)));
            let turn = i128::from(to.0 - from.0) * i128::from(y - from.1)
                - i128::from(to.1 - from.1) * i128::from(x - from.0);
            if turn == 0 && x >= from.0.min(to.0) && x <= from.0.max(to.0) {
                return true;
            }
            // A way that meets a corner meets one of its two edges.
            let goes_up = to.1 > from.1;
            if (from.1 > y) != (to.1 > y) && (turn > 0) == goes_up && turn != 0 {
                is_inside = !is_inside;
            }
            false
        });
        let place = match (is_on_border, is_inside) {
            (true, _) => Place::Border,
            (false, true) => Place::Inside,
            (false, false) => Place::Outside,
        };
        (place, looked_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(x: i32, y: i32) -> Spot {
        Spot { x, y }
    }

    fn edge(a: (i32, i32), b: (i32, i32)) -> Edge {
        Edge { from: spot(a.0, a.1), to: spot(b.0, b.1) }
    }

    #[test]
    fn edges_touch_and_cross_exactly() {
        let (least, most) = (i32::MIN, i32::MAX);
        for (one, other, touches, crosses) in [
            (edge((0, 0), (10, 10)), edge((0, 10), (10, 0)), true, true),
            (edge((0, 0), (10, 10)), edge((10, 10), (20, 0)), true, false),
            (edge((0, 0), (10, 0)), edge((5, 0), (5, 9)), true, false),
            (edge((0, 0), (10, 0)), edge((5, 0), (15, 0)), true, false),
            (edge((0, 0), (10, 0)), edge((11, 0), (15, 0)), false, false),
            (edge((0, 0), (10, 0)), edge((0, 1), (10, 1)), false, false),
            (edge((5, 5), (5, 5)), edge((0, 0), (10, 10)), true, false),
            (edge((5, 6), (5, 6)), edge((0, 0), (10, 10)), false, false),
            (edge((5, 5), (5, 5)), edge((5, 5), (5, 5)), true, false),
            (edge((least, least), (most, most)), edge((least, most), (most, least)), true, true),
            (edge((least, least), (most, most - 1)), edge((most, most), (most, most)), false, false),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                assert_eq!(
                    (one.touches(&other), one.crosses(&other)),
                    (touches, crosses),
                    "{one:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn places_are_inside_on_the_border_or_outside() {
        let ring = |points: &[(i32, i32)]| points.iter().map(|(x, y)| spot(*x, *y)).collect::<Vec<_>>();
        // A jagged outer ring with a hole, of more edges than one run has.
        let mut outer: Vec<Spot> = (0..40).map(|x| spot(x, x % 2)).collect();
        outer.extend(ring(&[(40, 0), (40, 20), (0, 20), (0, 0)]));
        let edges = Edges::of(&[outer, ring(&[(5, 5), (9, 5), (9, 9), (5, 9), (5, 5)])]);
        for ((x, y), place) in [
            ((3, 3), Place::Inside),
            ((7, 7), Place::Outside),
            ((5, 7), Place::Border),
            ((1, 1), Place::Border),
            ((1, 0), Place::Outside),
            ((40, 10), Place::Border),
            ((41, 10), Place::Outside),
            ((-1, 0), Place::Outside),
            ((20, 20), Place::Border),
            ((20, 19), Place::Inside),
        ] {
            assert_eq!(edges.place(spot(x, y)), place, "{x} {y}");
        }
        assert_eq!(edges.place_of_half(1, 1), Place::Border);
        assert_eq!(edges.place_of_half(11, 9), Place::Inside);
    }
}
