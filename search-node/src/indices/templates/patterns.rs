//! Patterns of names: which are allowed, and which meet.

use crate::error::ApiError;
use crate::indices::lenient::texts_of;
use serde_json::Value;

/// Reads patterns: a list, or one alone. `what` is who has them.
pub(super) fn read_patterns(value: &Value, what: &str) -> Result<Vec<String>, ApiError> {
    let patterns = match value {
        Value::String(one) => Some(vec![one.clone()]),
        other => texts_of(other),
    };
    patterns.filter(|patterns| !patterns.is_empty()).ok_or_else(|| {
        ApiError::malformed(format!("[{what}] index_patterns must be a list of patterns, not [{value}]"))
    })
}

/// Why a template may not be called so, or have such patterns.
pub(super) fn faults_of(name: &str, patterns: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |is_wrong: bool, reason: String| faults.extend(is_wrong.then_some(reason));
    check(name.contains(' '), "name must not contain a space".to_owned());
    check(name.contains(','), "name must not contain a ','".to_owned());
    check(name.contains('#'), "name must not contain a '#'".to_owned());
    check(name.contains('*'), "name must not contain a '*'".to_owned());
    check(name.starts_with('_'), "name must not start with '_'".to_owned());
    check(name.chars().any(char::is_uppercase), "name must be lower cased".to_owned());
    for pattern in patterns {
        check(pattern.contains(' '), format!("index_patterns [{pattern}] must not contain a space"));
        check(pattern.contains(','), format!("index_pattern [{pattern}] must not contain a ','"));
        check(pattern.contains('#'), format!("index_pattern [{pattern}] must not contain a '#'"));
        check(pattern.contains(':'), format!("index_pattern [{pattern}] must not contain a ':'"));
        check(pattern.starts_with('_'), format!("index_pattern [{pattern}] must not start with '_'"));
        check(
            pattern.contains(|letter: char| "\\/?\"<>|".contains(letter)),
            format!(
                "template must not contain the following characters [ , \", *, \\, <, |, ,, >, /, ?] but [{pattern}] does"
            ),
        );
    }
    faults
}

/// Whether there is a name that fits both patterns.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    // Whether what is left of both from these places on has a name in common; the ends are known first.
    let mut meets = vec![vec![false; other.len() + 1]; one.len() + 1];
    for at in (0..=one.len()).rev() {
        for there in (0..=other.len()).rev() {
            let (a, b) = (one.get(at), other.get(there));
            let skips = |is_star: bool, next: Option<&Vec<bool>>, place: usize| {
                is_star && next.is_some_and(|row| row.get(place) == Some(&true))
            };
            meets[at][there] = match (a, b) {
                (None, None) => true,
                _ => {
                    let both = a.is_some() && a == b && meets[at + 1][there + 1];
                    // A star stands for nothing more, or for one more letter of the other pattern.
                    let a_ends = skips(a == Some(&'*'), meets.get(at + 1), there);
                    let a_goes_on = a == Some(&'*') && b.is_some() && meets[at][there + 1];
                    let b_ends = b == Some(&'*') && meets[at][there + 1];
                    let b_goes_on = skips(b == Some(&'*') && a.is_some(), meets.get(at + 1), there);
                    both || a_ends || a_goes_on || b_ends || b_goes_on
                }
            };
        }
    }
    meets[0][0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_meet_where_one_name_fits_both() {
        for (one, other, meets) in [
            ("logs-*", "logs-a", true),
            ("logs-*", "*-a", true),
            ("logs-*-*", "logs-*", true),
            ("logs-*", "metrics-*", false),
            ("a*b", "*c", false),
            ("a*b", "ab", true),
            ("a", "a", true),
            ("a", "b", false),
            ("*", "", true),
            ("a*c*", "*b*c", true),
        ] {
            assert_eq!((overlap(one, other), overlap(other, one)), (meets, meets), "{one} {other}");
        }
    }

    #[test]
    fn names_and_patterns_that_mean_nothing_are_told() {
        assert!(faults_of("logs", &["logs-*".to_owned()]).is_empty());
        for (name, pattern, reason) in [
            ("a b", "x", "name must not contain a space"),
            ("_a", "x", "name must not start with '_'"),
            ("A", "x", "name must be lower cased"),
            ("a", "_x", "index_pattern [_x] must not start with '_'"),
            ("a", "x,y", "index_pattern [x,y] must not contain a ','"),
        ] {
            assert_eq!(faults_of(name, &[pattern.to_owned()]), [reason], "{name} {pattern}");
        }
    }
}
