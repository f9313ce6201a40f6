//! Texts in Lucene's language, read.

use proptest::prelude::*;

use super::*;

fn shown(group: &Group) -> String {
    let one = |clause: &Clause| {
        let joined = match clause.joined {
            Some(Join::And) => "& ",
            Some(Join::Or) => "| ",
            None => "",
        };
        let sign = match clause.sign {
            Some(Sign::Must) => "+",
            Some(Sign::MustNot) => "-",
            None => "",
        };
        let field = clause.field.as_ref().map(|field| format!("{field}:")).unwrap_or_default();
        let what = match &clause.what {
            What::Words { text, .. } => text.replace(' ', "_"),
            What::Phrase { text, slop } => format!("'{text}'~{}", slop.unwrap_or(0)),
            What::Wildcard(pattern) => format!("W{pattern}"),
            What::Prefix(text) => format!("P{text}"),
            What::Regexp(pattern) => format!("R{pattern}"),
            What::Fuzzy { word, edits } => format!("{word}~{}", edits.unwrap_or(-1.0)),
            What::Range { lower, upper } => {
                let end = |bound: &Option<(String, bool)>| {
                    bound.as_ref().map_or("*".to_owned(), |(text, is_in)| {
                        format!("{text}{}", if *is_in { "=" } else { "" })
                    })
                };
                format!("<{},{}>", end(lower), end(upper))
            }
            What::Group(group) => format!("({})", shown(group)),
        };
        let boost = if clause.boost == 1.0 { String::new() } else { format!("^{}", clause.boost) };
        format!("{joined}{sign}{field}{what}{boost}")
    };
    group.clauses.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_clause_is_read() {
    for (text, expected) in [
        ("a b c", "a_b_c"),
        ("a b c AND c d e", "a_b c & c d_e"),
        ("a b AND c", "a b & c"),
        ("a b f : c", "a_b f:c"),
        ("a:1 OR b:2 AND c:3 -d:4", "a:1 | b:2 & c:3 -d:4"),
        ("+a b c", "+a b_c"),
        ("a b^2 c", "a b^2 c"),
        ("a f:b c", "a f:b c"),
        ("f:(a b c OR \"c d\"~2)^3", "f:(f:a_b f:c | f:'c d'~2)^3"),
        ("a NOT b", "a -b"),
        ("a !b && c || d", "a -b & c | d"),
        ("ANDROID OR ORDER", "ANDROID | ORDER"),
        ("*:*", "*:W*"),
        ("a:*", "a:W*"),
        ("a:b*", "a:Pb"),
        ("a:b*c?", "a:Wb*c?"),
        ("b\\*", "b*"),
        ("a:/b.c\\/d\\./", "a:Rb.c/d\\."),
        ("word~ x~1 y~0.5", "word~-1 x~1 y~0.5"),
        ("x~1^2 y^2~1", "x~1^2 y~1^2"),
        ("a:[1 TO *}", "a:<1=,*>"),
        ("a:{\"x y\" TO b]", "a:<x y,b=>"),
        ("a:>=5 b:<3", "a:<5=,*> b:<*,3>"),
        ("a\\:b", "a:b"),
        ("a-b c+d", "a-b_c+d"),
        ("a - b", "a - b"),
        ("a/b/c", "a Rb c"),
        ("a ^2 b ~1 ^3", "a^2 b~1^3"),
        ("a && b || c", "a & b | c"),
        ("&&b a||b", "&&b_a||b"),
        ("! a b! c", "! a_b ! c"),
        ("a b ! c", "a_b ! c"),
        ("a*~1 b?~2", "Pa Wb?"),
        ("x:\"a\"~x", "x:'a'~0"),
        ("n:(>5 <10) n:\\>=5 n:>", "n:(n:<5 <10,*>) n:<5=,*> n:>"),
        ("n:>1* n:<=", "n:P>1 n:<*,=>"),
        ("\\u0041b", "Ab"),
        ("f : a", "f:a"),
    ] {
        assert_eq!(
            parse(text, false).as_ref().map(shown).unwrap_or_else(|error| error.reason.clone()),
            expected,
            "{text}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_shown_with_its_place() {
    for (text, place) in [
        ("a:(b", "without its `)`"),
        ("a:\"b", "without its end"),
        ("AND a", "before it"),
        ("a AND", "after it"),
        ("a:[1 2]", "needs TO"),
        ("a)", "unexpected `)`"),
        ("a^", "needs a number"),
        ("a^ 2", "needs a number"),
        ("a^.5", "needs a number"),
        ("a^2^3", "unexpected `^3`"),
        ("a~1~2", "unexpected `~2`"),
        ("a AND AND b", "unexpected `AND`"),
        ("a OR OR b", "unexpected `OR`"),
        ("a && || b", "unexpected `||`"),
        ("NOT", "after it"),
        ("NOT NOT a", "unexpected `NOT`"),
        ("NOT AND", "unexpected `AND`"),
        ("+-a", "unexpected `-`"),
        ("--a", "unexpected `-`"),
        ("+", "after it"),
        ("()", "unexpected `)`"),
        ("a ()", "unexpected `)`"),
        ("a AND ()", "unexpected `)`"),
        ("(a OR) b", "after it"),
        ("x:AND", "unexpected `AND`"),
        ("x:NOT a", "unexpected `NOT`"),
        ("x:-a", "unexpected `-`"),
        ("x:", "a word is missing"),
        (":a", "names no field"),
        ("a:b:c", "names no field"),
        ("k*:a", "names no field"),
        ("*a*:b", "names no field"),
        ("\\u12", "four hexadecimal digits"),
        ("a\\", "a `\\` at the end"),
        ("[a TO", "needs TO"),
        ("[a TO ]", "without a bound"),
        ("a]", "unexpected `]`"),
        ("/a", "without its end"),
    ] {
        let error = parse(text, false).expect_err(text);
        assert!(
            error.reason.starts_with(&format!("Failed to parse query [{text}]"))
                && error.reason.contains(place)
                && error.reason.contains("at character"),
            "{text}: {}",
            error.reason
        );
    }
}

#[test]
fn edits_and_slop_are_numbers() {
    for (text, reason) in [
        ("a~x", "For input string: \"X\""),
        ("a~2x", "For input string: \"2X\""),
        ("a~NaN", "For input string: \"NAN\""),
        ("a~-1", "Valid edit distances are [0, 1, 2] but was [-1]"),
        ("\"a b\"~-1", "Slop must be >= 0, got -1"),
    ] {
        let error = parse(text, false).expect_err(text);
        assert_eq!(error.reason, format!("failed to create query: {reason}"), "{text}");
    }
}

proptest! {
    // Most of these are refused, which is as good: they must not panic.
    #[test]
    fn no_text_panics(text in ".{0,80}") {
        let _ = parse(&text, false);
    }

    #[test]
    fn no_text_of_signs_panics(text in r#"[a:*?"\\()\[\]{}^~/<>=+!&| TO0-9ANDOR-]{0,60}"#) {
        let _ = parse(&text, false);
    }

    #[test]
    fn an_escaped_text_has_no_signs(text in r#"[a:*?"\\()\[\]{}^~/+!&|0-9-]{1,40}"#) {
        let read = parse(&escaped(&text), false).expect("no signs").clauses;
        let expected = What::Words { text, are_several: false };
        prop_assert_eq!(read.iter().map(|clause| &clause.what).collect::<Vec<_>>(), [&expected]);
    }
}
