//! New inputs from those that are there: what the short form has in place of a fuzzer's feedback.

use testkit::Chance;

/// Words that open doors: signs of JSON, numbers at the edges, names that the product knows.
const WORDS: [&[u8]; 24] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b":",
    b",",
    b"\n",
    b"\\u0000",
    b"null",
    b"true",
    b"-1",
    b"1e400",
    b"9223372036854775808",
    b"0.1",
    b"{}",
    b"[[[[",
    b"\"a.b.c\":1",
    b"\"_id\":\"1\"",
    b"\"type\":\"date\"",
    b"now-1d/d",
    b"\xff\xfe",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"*",
];

/// One input that differs a little from one of `corpus`.
pub fn mutated(chance: &mut Chance, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = chance.pick(corpus).clone();
    for _ in 0..1 + chance.below(3) {
        let at = chance.below(input.len() + 1);
        match chance.below(4) {
            0 => drop(input.splice(at..at, chance.pick(&WORDS).iter().copied())),
            1 => {
                let other = chance.pick(corpus);
                let from = chance.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            2 if at < input.len() => input[at] = chance.below(256) as u8,
            _ => input = chance.damage(input),
        }
    }
    input
}

/// An input of about so many bytes: something of one of `corpus` over and over, or something around the rest of it over and over.
pub fn stretched(chance: &mut Chance, corpus: &[Vec<u8>], bytes: usize) -> Vec<u8> {
    let input = if chance.below(4) == 0 { mutated(chance, corpus) } else { chance.pick(corpus).clone() };
    let mut places = [0; 4].map(|_| chance.below(input.len() + 1));
    places.sort_unstable();
    let [a, b, c, d] = places;
    let (before, behind) = match chance.below(3) {
        0 => (chance.pick(&WORDS).to_vec(), Vec::new()),
        1 => (input[a..b].to_vec(), Vec::new()),
        _ => (input[a..b].to_vec(), input[c..d].to_vec()),
    };
    let each = (before.len() + behind.len()).max(1);
    let times = bytes.saturating_sub(input.len()) / each;
    [&input[..b], &before.repeat(times), &input[b..c], &behind.repeat(times), &input[c..]].concat()
}
