//! `minimum_should_match`: how many optional clauses must match, as a number, a share, or rules by count.

use super::QueryError;

/// How many optional clauses must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinimumShouldMatch {
    /// Each rule counts from this many clauses on; the first counts always.
    rules: Vec<(usize, Amount)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Amount {
    Count(i64),
    Percent(i64),
}

impl MinimumShouldMatch {
    /// Reads `2`, `-1`, `75%`, `-25%`, `3<90%`, `2<-25% 9<-3`.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let fault = || QueryError::parsing(format!("[minimum_should_match] cannot be read: [{text}]"));
        let mut rules = Vec::new();
        for rule in text.split_whitespace() {
            match rule.split_once('<') {
                Some((above, amount)) => {
                    // Up to that many clauses all of them are required.
                    let above: usize = above.parse().map_err(|_| fault())?;
                    if rules.is_empty() {
                        rules.push((0, Amount::Percent(100)));
                    }
                    rules.push((above + 1, Amount::parse(amount).ok_or_else(fault)?));
                }
                None => rules.push((0, Amount::parse(rule).ok_or_else(fault)?)),
            }
        }
        if rules.is_empty() { Err(fault()) } else { Ok(Self { rules }) }
    }

    /// How many of `clauses` must match.
    pub fn of(&self, clauses: usize) -> usize {
        let amount = self
            .rules
            .iter()
            .rev()
            .find(|(from, _)| clauses >= *from)
            .map_or(Amount::Count(0), |rule| rule.1);
        let total = clauses as i64;
        let wanted = match amount {
            Amount::Count(count) if count < 0 => total + count,
            Amount::Count(count) => count,
            Amount::Percent(percent) if percent < 0 => total - total * -percent / 100,
            Amount::Percent(percent) => total * percent / 100,
        };
        usize::try_from(wanted.clamp(0, total.max(wanted))).unwrap_or(0)
    }
}

impl Amount {
    fn parse(text: &str) -> Option<Self> {
        match text.strip_suffix('%') {
            Some(percent) => percent.parse().ok().map(Amount::Percent),
            None => text.parse().ok().map(Amount::Count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_counts_as_elasticsearch_counts() {
        for (text, clauses, expected) in [
            ("2", 5, 2),
            ("-1", 5, 4),
            ("75%", 5, 3),
            ("-25%", 5, 4),
            ("3<90%", 3, 3),
            ("3<90%", 10, 9),
            ("2<-25% 9<-3", 2, 2),
            ("2<-25% 9<-3", 8, 6),
            ("2<-25% 9<-3", 12, 9),
            ("-9", 5, 0),
        ] {
            assert_eq!(
                MinimumShouldMatch::parse(text).expect(text).of(clauses),
                expected,
                "{text} of {clauses}"
            );
        }
        assert!(MinimumShouldMatch::parse("a%").is_err());
    }
}
