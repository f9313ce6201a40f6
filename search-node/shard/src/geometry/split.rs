//! Shapes between the date lines: what goes over one is cut there, and each piece is put where the earth is that it lies on.

use super::{ARGUMENT, Fault};

/// A position without its height: from Greenwich to the east, and to the north.
pub(super) type Place = (f64, f64);

/// So often a shape may go around the earth: each time makes a piece of it, and nobody means more.
const TURNS_MAX: f64 = 16.0;
const TURN: f64 = 360.0;
const DATE_LINE: f64 = 180.0;

/// Which times around the earth there are between two meridians: the first one, and how many more.
fn turns(least: f64, greatest: f64) -> Result<(f64, u32), Fault> {
    let first = ((least + DATE_LINE) / TURN).floor();
    // What ends at a date line does not go over it.
    let last = (((greatest + DATE_LINE) / TURN).ceil() - 1.0).max(first);
    if last - first > TURNS_MAX {
        return Err((
            ARGUMENT,
            format!("a shape from longitude {least:?} to {greatest:?} goes around the earth too often"),
        ));
    }
    Ok((first, (last - first) as u32))
}

fn ends(places: impl Iterator<Item = Place>) -> (f64, f64) {
    places.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, greatest), (lon, _)| {
        (least.min(lon), greatest.max(lon))
    })
}

fn shift(run: &mut [Place], by: f64) {
    run.iter_mut().for_each(|(lon, _)| *lon += by);
}

/// Where a line between two places meets a meridian.
fn meets(from: Place, to: Place, meridian: f64) -> Place {
    // What is on it stays what it is.
    let lat = if from.0 == meridian {
        from.1
    } else if to.0 == meridian {
        to.1
    } else {
        from.1 + (to.1 - from.1) * ((meridian - from.0) / (to.0 - from.0))
    };
    (meridian, lat)
}

/// The pieces of a line.
pub(super) fn split_line(mut line: Vec<Place>) -> Result<Vec<Vec<Place>>, Fault> {
    let (least, greatest) = ends(line.iter().copied());
    let (first, more) = turns(least, greatest)?;
    shift(&mut line, -first * TURN);
    if more == 0 {
        return Ok(vec![line]);
    }
    let turn_of = |lon: f64| ((lon + DATE_LINE) / TURN).floor();
    let mut pieces = Vec::new();
    let mut piece: Vec<Place> = Vec::new();
    let mut turn = turn_of(line[0].0);
    let mut at = line[0];
    piece.push(at);
    for to in line.into_iter().skip(1) {
        let goes_east = to.0 > at.0;
        // Over one date line after the other, up to the turn where it ends. What ends on one stays before it.
        loop {
            let (west, east) = (turn * TURN - DATE_LINE, turn * TURN + DATE_LINE);
            let border = match goes_east {
                true if to.0 > east => east,
                false if to.0 < west => west,
                _ => break,
            };
            let met = meets(at, to, border);
            piece.push(met);
            let mut done = std::mem::replace(&mut piece, vec![met]);
            shift(&mut done, -turn * TURN);
            pieces.push(done);
            turn += if goes_east { 1.0 } else { -1.0 };
        }
        piece.push(to);
        at = to;
    }
    shift(&mut piece, -turn * TURN);
    pieces.push(piece);
    // A piece that only stands on a date line is there already.
    pieces.retain(|piece| piece.windows(2).any(|two| two[0] != two[1]));
    Ok(pieces)
}

/// The pieces of what rings surround: whatever an odd number of them does.
pub(super) fn split_area(mut rings: Vec<Vec<Place>>) -> Result<Vec<Vec<Vec<Place>>>, Fault> {
    let (least, greatest) = ends(rings.iter().flatten().copied());
    let (first, more) = turns(least, greatest)?;
    rings.iter_mut().for_each(|ring| shift(ring, -first * TURN));
    let mut pieces = Vec::new();
    for _ in 0..more {
        let (left, mut right) = cut(rings);
        pieces.push(left);
        right.iter_mut().for_each(|ring| shift(ring, -TURN));
        rings = right;
    }
    pieces.push(rings);
    pieces.retain(|rings| !rings.is_empty());
    Ok(pieces)
}

/// A part of a ring on one side of the date line, from where it comes over it to where it goes back.
struct Chain {
    from: usize,
    to: usize,
    places: Vec<Place>,
}

/// What is to the left and to the right of the eastern date line.
fn cut(rings: Vec<Vec<Place>>) -> (Vec<Vec<Place>>, Vec<Vec<Place>>) {
    let is_right = |place: Place| place.0 >= DATE_LINE;
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let (mut left_chains, mut right_chains) = (Vec::new(), Vec::new());
    // Where rings go over the line.
    let mut met: Vec<Place> = Vec::new();
    for mut ring in rings {
        ring.pop();
        let Some(start) =
            (0..ring.len()).find(|at| is_right(ring[*at]) != is_right(ring[(at + 1) % ring.len()]))
        else {
            ring.extend(ring.first().copied());
            if ring.first().is_some_and(|first| is_right(*first)) { &mut right } else { &mut left }
                .push(ring);
            continue;
        };
        // From the first place behind the line around to the last one before it.
        let behind = (start + 1) % ring.len();
        ring.rotate_left(behind);
        let first_met = met.len();
        met.push(meets(ring[ring.len() - 1], ring[0], DATE_LINE));
        let mut chain = Chain { from: first_met, to: 0, places: Vec::new() };
        for (at, place) in ring.iter().enumerate() {
            chain.places.push(*place);
            let next = ring.get(at + 1);
            if next.is_some_and(|next| is_right(*next) == is_right(*place)) {
                continue;
            }
            chain.to = match next {
                Some(next) => {
                    met.push(meets(*place, *next, DATE_LINE));
                    met.len() - 1
                }
                None => first_met,
            };
            let begun = Chain { from: chain.to, to: 0, places: Vec::new() };
            let done = std::mem::replace(&mut chain, begun);
            if is_right(*place) { &mut right_chains } else { &mut left_chains }.push(done);
        }
    }
    // Along the line the area is between the first and the second place, the third and the fourth, and so on.
    let mut order: Vec<usize> = (0..met.len()).collect();
    order.sort_by(|a, b| met[*a].1.total_cmp(&met[*b].1));
    let mut across = vec![0; met.len()];
    for two in order.chunks_exact(2) {
        across[two[0]] = two[1];
        across[two[1]] = two[0];
    }
    left.extend(join(left_chains, &met, &across));
    right.extend(join(right_chains, &met, &across));
    (left, right)
}

/// The rings that chains make with what is along the line between them.
fn join(chains: Vec<Chain>, met: &[Place], across: &[usize]) -> Vec<Vec<Place>> {
    // Each place on the line is the end of one chain on this side.
    let mut chain_at = vec![0; met.len()];
    for (number, chain) in chains.iter().enumerate() {
        chain_at[chain.from] = number;
        chain_at[chain.to] = number;
    }
    let mut is_done = vec![false; chains.len()];
    let mut rings = Vec::new();
    for first in 0..chains.len() {
        let mut ring = Vec::new();
        let (mut number, mut from) = (first, chains[first].from);
        while !std::mem::replace(&mut is_done[number], true) {
            let chain = &chains[number];
            ring.push(met[from]);
            if from == chain.from {
                ring.extend(&chain.places);
            } else {
                ring.extend(chain.places.iter().rev());
            }
            let to = if from == chain.from { chain.to } else { chain.from };
            ring.push(met[to]);
            from = across[to];
            number = chain_at[from];
        }
        ring.extend(ring.first().copied());
        // What is nowhere beside the line is none.
        if ring.iter().any(|place| place.0 != DATE_LINE) {
            rings.push(ring);
        }
    }
    rings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(ring: &[Place]) -> f64 {
        ring.windows(2).map(|two| two[0].0 * two[1].1 - two[1].0 * two[0].1).sum::<f64>() / 2.0
    }

    #[test]
    fn a_line_is_cut_at_each_date_line() {
        for (line, pieces) in [
            (vec![(170.0, 0.0), (180.0, 5.0)], vec![vec![(170.0, 0.0), (180.0, 5.0)]]),
            (
                vec![(170.0, 0.0), (190.0, 10.0)],
                vec![vec![(170.0, 0.0), (180.0, 5.0)], vec![(-180.0, 5.0), (-170.0, 10.0)]],
            ),
            (
                vec![(190.0, 10.0), (170.0, 0.0)],
                vec![vec![(-170.0, 10.0), (-180.0, 5.0)], vec![(180.0, 5.0), (170.0, 0.0)]],
            ),
            (
                vec![(-190.0, 0.0), (190.0, 0.0)],
                vec![
                    vec![(170.0, 0.0), (180.0, 0.0)],
                    vec![(-180.0, 0.0), (180.0, 0.0)],
                    vec![(-180.0, 0.0), (-170.0, 0.0)],
                ],
            ),
            (vec![(370.0, 0.0), (380.0, 0.0)], vec![vec![(10.0, 0.0), (20.0, 0.0)]]),
        ] {
            assert_eq!(split_line(line.clone()), Ok(pieces), "{line:?}");
        }
        assert!(split_line(vec![(0.0, 0.0), (1e300, 0.0)]).is_err());
    }

    #[test]
    fn an_area_is_cut_into_pieces_that_have_all_of_it() {
        let square = vec![(170.0, 0.0), (190.0, 0.0), (190.0, 10.0), (170.0, 10.0), (170.0, 0.0)];
        let hole = vec![(175.0, 4.0), (185.0, 4.0), (185.0, 6.0), (175.0, 6.0), (175.0, 4.0)];
        // Three teeth over the line.
        let comb = vec![
            (170.0, 0.0),
            (190.0, 0.0),
            (190.0, 2.0),
            (175.0, 2.0),
            (175.0, 4.0),
            (190.0, 4.0),
            (190.0, 6.0),
            (170.0, 6.0),
            (170.0, 0.0),
        ];
        let to_line = vec![(170.0, 0.0), (180.0, 5.0), (170.0, 10.0), (170.0, 0.0)];
        for (rings, shapes) in [
            (vec![square.clone()], vec![(1, 100.0), (1, 100.0)]),
            (vec![square, hole], vec![(1, 90.0), (1, 90.0)]),
            (vec![comb], vec![(1, 50.0), (2, 40.0)]),
            (vec![to_line], vec![(1, 50.0)]),
        ] {
            let pieces = split_area(rings.clone()).expect("cut");
            let found: Vec<(usize, f64)> = pieces
                .iter()
                .map(|rings| (rings.len(), rings.iter().map(|ring| area(ring).abs()).sum()))
                .collect();
            assert_eq!(found, shapes, "{rings:?} {pieces:?}");
            assert!(pieces.iter().flatten().flatten().all(|place| place.0.abs() <= 180.0));
        }
    }
}
