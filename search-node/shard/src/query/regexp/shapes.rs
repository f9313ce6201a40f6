//! Expressions that are made of something else: wildcards, beginnings, exact texts, and numbers in a range.

use super::{Expression, Letters, in_order};

/// A letter, also in the other case if case does not matter. As in Lucene only that of ASCII does not.
pub(super) fn letter(letter: char, case_insensitive: bool) -> Expression {
    let one = |letter: char| (u32::from(letter), u32::from(letter));
    let mut letters = vec![one(letter)];
    if case_insensitive && letter.is_ascii_alphabetic() {
        letters.push(one(if letter.is_ascii_lowercase() {
            letter.to_ascii_uppercase()
        } else {
            letter.to_ascii_lowercase()
        }));
    }
    Expression::Letter(in_order(letters))
}

/// Exactly `text`.
pub(in crate::query) fn exactly(text: &str, case_insensitive: bool) -> Expression {
    Expression::Sequence(text.chars().map(|one| letter(one, case_insensitive)).collect())
}

/// All that begins with `text`.
pub(in crate::query) fn beginning(text: &str, case_insensitive: bool) -> Expression {
    Expression::Sequence(vec![exactly(text, case_insensitive), Expression::any_text()])
}

/// A pattern in which `*` is any text and `?` any letter. `\` takes away a sign's meaning.
pub(in crate::query) fn wildcard(pattern: &str, case_insensitive: bool) -> Expression {
    let mut parts = Vec::new();
    let mut letters = pattern.chars();
    while let Some(one) = letters.next() {
        match one {
            // Several stars mean what one does.
            '*' if parts.last() == Some(&Expression::any_text()) => {}
            '*' => parts.push(Expression::any_text()),
            '?' => parts.push(Expression::any_letter()),
            '\\' => parts.push(letter(letters.next().unwrap_or('\\'), case_insensitive)),
            other => parts.push(letter(other, case_insensitive)),
        }
    }
    Expression::Sequence(parts)
}

/// The numbers between two, with so many digits each; where none are said, with any number of zeros before them.
pub(super) fn numbers(from: u32, to: u32, digits: Option<usize>) -> Expression {
    let width = digits.unwrap_or_else(|| to.to_string().len());
    let text = |number: u32| format!("{number:0width$}").into_bytes();
    let between = digits_between(&text(from), &text(to));
    if digits.is_some() {
        return between;
    }
    // Written shorter than the longest one, they lack some of the zeros that fill them up here.
    let mut ways = Vec::new();
    for shorter in 1..=width {
        let least = if shorter == 1 { 0 } else { 10_u64.pow(shorter as u32 - 1) };
        let most = 10_u64.pow(shorter as u32) - 1;
        let (first, last) = (u64::from(from).max(least), u64::from(to).min(most));
        if first <= last {
            let text = |number: u64| format!("{number:0shorter$}").into_bytes();
            ways.push(digits_between(&text(first), &text(last)));
        }
    }
    let zeros = Expression::Repeated { of: Box::new(digit(b'0', b'0')), least: 0, most: None };
    Expression::Sequence(vec![zeros, Expression::Any(ways)])
}

fn digit(first: u8, last: u8) -> Expression {
    let letters: Letters = (u32::from(first), u32::from(last));
    Expression::Letter(vec![letters])
}

fn any_digits(count: usize) -> impl Iterator<Item = Expression> {
    std::iter::repeat_n(digit(b'0', b'9'), count)
}

/// Numbers of as many digits as these two have.
fn digits_between(from: &[u8], to: &[u8]) -> Expression {
    let (Some((low, from)), Some((high, to))) = (from.split_first(), to.split_first()) else {
        return Expression::Empty;
    };
    if low == high {
        return Expression::Sequence(vec![digit(*low, *high), digits_between(from, to)]);
    }
    let nines = vec![b'9'; from.len()];
    let zeros = vec![b'0'; to.len()];
    let mut ways = vec![
        Expression::Sequence(vec![digit(*low, *low), digits_between(from, &nines)]),
        Expression::Sequence(vec![digit(*high, *high), digits_between(&zeros, to)]),
    ];
    if low + 1 < *high {
        let middle = std::iter::once(digit(low + 1, high - 1)).chain(any_digits(from.len()));
        ways.push(Expression::Sequence(middle.collect()));
    }
    Expression::Any(ways)
}
