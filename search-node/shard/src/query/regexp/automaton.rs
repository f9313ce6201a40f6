//! The automaton of an expression, which walks over the bytes of terms.

use std::fmt;

use tantivy_fst::Automaton;

use super::LAST;
use super::table::{Row, Table, Target};

/// Takes the terms that are like an expression.
pub(crate) struct TermAutomaton {
    rows: Vec<Row>,
    /// States from which nothing leads away.
    is_done: Vec<bool>,
}

impl fmt::Debug for TermAutomaton {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} states", self.rows.len())
    }
}

/// Where a term has led to: a state, and as much as is known of the letter whose bytes are being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    state: u32,
    letter: u32,
    /// How many bytes of the letter are to come.
    left: u8,
}

const NOWHERE: Place = Place { state: u32::MAX, letter: 0, left: 0 };

impl TermAutomaton {
    pub(super) fn new(table: Table) -> Self {
        let rows = table.trimmed().rows;
        let is_done = |(state, row): (usize, &Row)| {
            let all = Target { first: 0, last: LAST, to: state as u32 };
            row.is_match && row.targets == [all]
        };
        let is_done = rows.iter().enumerate().map(is_done).collect();
        Self { rows, is_done }
    }

    /// Whether a term is taken.
    pub(crate) fn takes(&self, term: &str) -> bool {
        let place = term.bytes().fold(self.start(), |place, byte| self.accept(&place, byte));
        self.is_match(&place)
    }

    /// The first of the targets of a state that reaches a letter.
    fn target(&self, state: u32, letter: u32) -> Option<&Target> {
        let targets = &self.rows[state as usize].targets;
        targets.get(targets.partition_point(|target| target.last < letter))
    }

    /// With what is known of a letter; nowhere if no such letter leads on.
    fn with(&self, state: u32, letter: u32, left: u8) -> Place {
        let bits = 6 * u32::from(left);
        let (first, last) = (letter << bits, ((letter + 1) << bits) - 1);
        match self.target(state, first) {
            Some(target) if target.first <= last => match left {
                0 => Place { state: target.to, letter: 0, left: 0 },
                _ => Place { state, letter, left },
            },
            _ => NOWHERE,
        }
    }
}

impl Automaton for TermAutomaton {
    type State = Place;

    fn start(&self) -> Place {
        if self.rows.is_empty() { NOWHERE } else { Place { state: 0, letter: 0, left: 0 } }
    }

    fn is_match(&self, place: &Place) -> bool {
        *place != NOWHERE && place.left == 0 && self.rows[place.state as usize].is_match
    }

    fn can_match(&self, place: &Place) -> bool {
        *place != NOWHERE
    }

    fn will_always_match(&self, place: &Place) -> bool {
        *place != NOWHERE && place.left == 0 && self.is_done[place.state as usize]
    }

    fn accept(&self, place: &Place, byte: u8) -> Place {
        if *place == NOWHERE {
            return NOWHERE;
        }
        let byte_bits = u32::from(byte);
        match (place.left, byte) {
            (0, 0..=0x7f) => self.with(place.state, byte_bits, 0),
            (0, 0xc2..=0xdf) => self.with(place.state, byte_bits & 0x1f, 1),
            (0, 0xe0..=0xef) => self.with(place.state, byte_bits & 0x0f, 2),
            (0, 0xf0..=0xf4) => self.with(place.state, byte_bits & 0x07, 3),
            (1.., 0x80..=0xbf) => {
                self.with(place.state, place.letter << 6 | byte_bits & 0x3f, place.left - 1)
            }
            _ => NOWHERE,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::super::{EFFORT_USUAL, Flags, beginning, parse, wildcard};
    use super::*;

    fn made(pattern: &str, flags: Flags, case_insensitive: bool) -> TermAutomaton {
        let expression = parse(pattern, flags, case_insensitive).expect(pattern);
        expression.automaton(EFFORT_USUAL).expect(pattern)
    }

    #[test]
    fn every_sign_means_what_it_means_in_lucene() {
        for (pattern, taken, refused) in [
            ("a.c", &["abc", "aüc", "a😀c"][..], &["ac", "abbc", "xabc", "abcx"][..]),
            ("ab?c", &["ac", "abc"], &["abbc"]),
            ("ab*c", &["ac", "abbbc"], &["abxc"]),
            ("ab+c", &["abc", "abbc"], &["ac"]),
            ("a{2}", &["aa"], &["a", "aaa"]),
            ("a{2,}", &["aa", "aaaa"], &["a"]),
            ("a{0,2}", &["", "a", "aa"], &["aaa"]),
            ("(ab|cd)e", &["abe", "cde"], &["abcde"]),
            ("[a-cx]", &["a", "b", "x"], &["d", "-"]),
            ("[^a-c]", &["d", "ü"], &["a", ""]),
            ("[\\]a]", &["]", "a"], &["\\"]),
            ("\"a.c\"", &["a.c"], &["abc"]),
            ("a#", &[], &["a", "a#"]),
            ("a@c", &["ac", "abbc"], &["acb"]),
            ("a.*&.*c", &["ac", "abc"], &["ab", "bc"]),
            ("~(ab)", &["", "a", "abc"], &["ab"]),
            ("a~bc", &["ac", "abbc", "axc"], &["abc", "a"]),
            ("a(~b)c", &["axxc"], &["abc"]),
            ("<1-15>", &["1", "9", "10", "15", "007", "015"], &["0", "16", "115", ""]),
            ("<08-15>", &["08", "11"], &["8", "07", "16", "008"]),
            ("<15-8>", &["8", "15"], &["7", "16"]),
            ("\\d+\\w\\s\\D", &["12a x"], &["12a 3"]),
            ("[\\d.]+", &["1.5"], &["1,5"]),
            ("a\\.b", &["a.b"], &["axb"]),
            ("()", &[""], &["a"]),
            ("", &[""], &["a"]),
            ("(a*)*", &["", "aaa"], &["b"]),
            ("(a*b*)*c", &["c", "abbac"], &["ab"]),
            ("ü+", &["ü", "üü"], &["u"]),
        ] {
            let automaton = made(pattern, Flags::ALL, false);
            for term in taken {
                assert!(automaton.takes(term), "{pattern} takes {term}");
            }
            for term in refused {
                assert!(!automaton.takes(term), "{pattern} refuses {term}");
            }
        }
    }

    #[test]
    fn signs_are_letters_where_flags_leave_them_out() {
        let none = Flags::parse("NONE").expect("known");
        for (pattern, term) in [("a@b", "a@b"), ("a&b", "a&b"), ("~a", "~a"), ("<1-2>", "<1-2>"), ("#", "#")]
        {
            assert!(made(pattern, none, false).takes(term), "{pattern}");
        }
        let some = Flags::parse("intersection|ANYSTRING").expect("known");
        assert!(!made("a@&~@", some, false).takes("ab") && made("@b&a@", some, false).takes("axb"));
        assert_eq!(Flags::parse("ALL|SOME").expect_err("refused").reason, "Unknown regexp flag [SOME]");
    }

    #[test]
    fn case_does_not_matter_for_ascii_alone() {
        let automaton = made("aB[cd]\"e\"Ü", Flags::ALL, true);
        assert!(automaton.takes("AbCEÜ") && automaton.takes("aBdeÜ"));
        assert!(!automaton.takes("abceü"));
    }

    #[test]
    fn what_is_wrong_is_named_as_in_lucene() {
        for (pattern, reason) in [
            ("a(b", "expected ')' at position 3"),
            ("[ab", "expected ']' at position 3"),
            ("\"ab", "expected '\"' at position 3"),
            ("a{b", "integer expected at position 2"),
            ("a{2", "expected '}' at position 3"),
            ("a{3,2}", "invalid repetition range(out of order): 3..2"),
            ("ab)", "end-of-string expected at position 2"),
            ("a|", "unexpected end-of-string"),
            ("<1-x>", "interval syntax error at position 4"),
            ("<mine>", "'mine' not found"),
            ("[b-a]", "invalid range: from (98) cannot be > to (97)"),
            ("\\q", "invalid character class \\q"),
        ] {
            assert_eq!(parse(pattern, Flags::ALL, false).expect_err(pattern), reason);
        }
    }

    /// Each is refused, or made, in no time: none of them may be paid for by the node.
    #[test]
    fn what_would_cost_too_much_is_refused_soon() {
        let nested = format!("{}a{}", "(".repeat(190), ")*".repeat(190));
        let opposites = format!("{}a{}", "~(b".repeat(190), ")".repeat(190));
        let long = "a".repeat(65_536);
        let stars = "*a?".repeat(20_000);
        let classes = "[acegikmoqsuwy]*".repeat(4000);
        let patterns = [
            ".*a.{20}",
            "((((a{100}){100}){100}){100}){100}",
            "(a?){1000}b",
            "(.*a){200}",
            "(a|b|c|d)*a(a|b|c|d){30}",
            "~(.*a.{12})&~(.*b.{12})",
            "(~(ab)){2000}",
            "(<1-999999999>){50}",
            &nested,
            &opposites,
            &long,
            &classes,
        ];
        for pattern in patterns {
            let begin = Instant::now();
            let shown: String = pattern.chars().take(40).collect();
            // Made or refused as too complex: either must be soon.
            let _ = parse(pattern, Flags::ALL, true).map(|expression| expression.automaton(EFFORT_USUAL));
            assert!(begin.elapsed() < Duration::from_secs(2), "{shown}: {:?}", begin.elapsed());
        }
        let begin = Instant::now();
        let _ = wildcard(&stars, true).automaton(EFFORT_USUAL);
        assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
        let too_complex = parse(".*a.{20}", Flags::ALL, false).expect("read").automaton(EFFORT_USUAL);
        let reason = too_complex.expect_err("refused").to_string();
        assert!(reason.ends_with("would require more than 10000 effort."), "{reason}");
    }

    /// Whether a term is like a pattern, found by trying.
    fn is_like(expression: &super::super::Expression, term: &[char]) -> bool {
        use super::super::Expression as E;
        match expression {
            E::Nothing => false,
            E::Empty => term.is_empty(),
            E::Letter(letters) => match term {
                [one] => letters.iter().any(|(a, b)| (*a..=*b).contains(&u32::from(*one))),
                _ => false,
            },
            E::Sequence(parts) => match parts.split_first() {
                None => term.is_empty(),
                Some((first, rest)) => (0..=term.len()).any(|at| {
                    is_like(first, &term[..at]) && is_like(&E::Sequence(rest.to_vec()), &term[at..])
                }),
            },
            E::Any(ways) => ways.iter().any(|way| is_like(way, term)),
            E::Both(one, other) => is_like(one, term) && is_like(other, term),
            E::Not(of) => !is_like(of, term),
            E::Repeated { of, least, most } => {
                if *least == 0 && term.is_empty() {
                    return true;
                }
                if *most == Some(0) {
                    return false;
                }
                let rest = E::Repeated {
                    of: of.clone(),
                    least: least.saturating_sub(1),
                    most: most.map(|most| most - 1),
                };
                let from = usize::from(*least == 0);
                (from..=term.len()).any(|at| is_like(of, &term[..at]) && is_like(&rest, &term[at..]))
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in r##"[ab.?*+{}0-9,|()\[\]^"#@&~<>\\-]{0,40}"##, case in any::<bool>()) {
            // Most of these are refused, which is as good.
            let _ = parse(&text, Flags::ALL, case).map(|expression| expression.automaton(1000).is_ok());
        }

        #[test]
        fn terms_are_taken_as_by_trying(
            pattern in r#"([ab.]|a\?|b\*|\(a\|b\)|~a|\(ab\)\{1,2\}|[ab]&[ab]|@|é){1,6}"#,
            term in "[abé]{0,5}",
        ) {
            let expression = parse(&pattern, Flags::ALL, false).expect("valid");
            let automaton = expression.automaton(EFFORT_USUAL).expect("small");
            let letters: Vec<char> = term.chars().collect();
            prop_assert_eq!(automaton.takes(&term), is_like(&expression, &letters), "{} {}", pattern, term);
        }
    }

    #[test]
    fn wildcards_and_beginnings() {
        let like =
            |pattern, term| wildcard(pattern, false).automaton(EFFORT_USUAL).expect("small").takes(term);
        assert!(like("a*.?\\*", "axx.y*") && like("a*.?\\*", "a.y*"));
        assert!(!like("a*.?\\*", "a.yx") && !like("a*", "ba"));
        let automaton = beginning("Ab", true).automaton(EFFORT_USUAL).expect("small");
        assert!(automaton.takes("aBc") && automaton.takes("ab") && !automaton.takes("b"));
    }
}
