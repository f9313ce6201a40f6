//! `kuromoji_number` and `nori_number`: numbers in any of their spellings as plain digits.

use super::TokenFilter;
use crate::analysis::token::{Token, Tokens};

/// How a language writes numbers.
#[derive(Debug)]
pub(crate) struct Numbers {
    /// The digits from zero on.
    digits: [char; 10],
    /// Powers of ten.
    powers: [(char, usize); 8],
}

/// Powers from here on multiply all that stands before them.
const LARGE_POWER: usize = 4;

impl Numbers {
    pub(crate) const JAPANESE: Self = Self {
        digits: ['〇', '一', '二', '三', '四', '五', '六', '七', '八', '九'],
        powers: [('十', 1), ('百', 2), ('千', 3), ('万', 4), ('億', 8), ('兆', 12), ('京', 16), ('垓', 20)],
    };
    pub(crate) const KOREAN: Self = Self {
        digits: ['영', '일', '이', '삼', '사', '오', '육', '칠', '팔', '구'],
        powers: [('십', 1), ('백', 2), ('천', 3), ('만', 4), ('억', 8), ('조', 12), ('경', 16), ('해', 20)],
    };

    fn digit(&self, letter: char) -> Option<u8> {
        let from = match letter {
            '0'..='9' => Some('0'),
            '０'..='９' => Some('０'),
            _ => None,
        };
        let found = from.map(|zero| u32::from(letter) - u32::from(zero));
        let written =
            || self.digits.iter().position(|digit| *digit == letter).and_then(|at| u32::try_from(at).ok());
        found.or_else(written).and_then(|digit| u8::try_from(digit).ok())
    }

    fn power(&self, letter: char) -> Option<usize> {
        self.powers.iter().find(|(power, _)| *power == letter).map(|(_, power)| *power)
    }

    fn is_number(&self, text: &str) -> bool {
        text.chars().all(|letter| self.digit(letter).is_some() || self.power(letter).is_some())
    }

    fn goes_on(&self, text: &str) -> bool {
        self.is_number(text) || text.chars().all(|letter| matches!(letter, '.' | '．' | ',' | '，'))
    }

    /// A number in plain digits; none where it is none.
    fn plain(&self, text: &str) -> Option<String> {
        let mut letters: &[char] = &text.chars().collect::<Vec<_>>();
        let mut sum = None;
        while let Some(part) = self.up_to(&mut letters, LARGE_POWER.., |letters| {
            let mut sum = None;
            while let Some(part) = self.up_to(letters, 1..LARGE_POWER, |letters| self.basic(letters))? {
                sum = Some(part.plus(sum));
            }
            Some(sum)
        })? {
            sum = Some(part.plus(sum));
        }
        sum.map(|sum: Decimal| sum.to_plain())
    }

    /// A number with a power behind it, either of which may be missing. The outer none is for what is no number.
    fn up_to(
        &self,
        letters: &mut &[char],
        powers: impl std::ops::RangeBounds<usize>,
        first: impl Fn(&mut &[char]) -> Option<Option<Decimal>>,
    ) -> Option<Option<Decimal>> {
        let number = first(letters)?;
        let power =
            letters.first().and_then(|letter| self.power(*letter)).filter(|power| powers.contains(power));
        if power.is_some() {
            *letters = &letters[1..];
        }
        Some(match (number, power) {
            (None, None) => None,
            (number, power) => Some(number.unwrap_or(Decimal::ONE).times_ten_to(power.unwrap_or_default())),
        })
    }

    /// Digits, with a point among them and signs between thousands.
    fn basic(&self, letters: &mut &[char]) -> Option<Option<Decimal>> {
        let mut decimal = Decimal { digits: Vec::new(), scale: 0 };
        let mut has_point = false;
        let mut is_there = false;
        while let Some(letter) = letters.first() {
            if let Some(digit) = self.digit(*letter) {
                decimal.digits.push(digit);
                decimal.scale += usize::from(has_point);
                is_there = true;
            } else if matches!(letter, '.' | '．') {
                // Two points make no number.
                if has_point {
                    return None;
                }
                has_point = true;
                is_there = true;
            } else if !matches!(letter, ',' | '，') {
                break;
            }
            *letters = &letters[1..];
        }
        if is_there && decimal.digits.is_empty() {
            return None;
        }
        Some(is_there.then_some(decimal))
    }
}

/// A number of any size, the first digit first.
#[derive(Debug, Clone)]
struct Decimal {
    digits: Vec<u8>,
    /// How many of them stand behind the point.
    scale: usize,
}

impl Decimal {
    const ONE: Self = Self { digits: Vec::new(), scale: 0 };

    fn times_ten_to(mut self, power: usize) -> Self {
        // The one without digits is one.
        if self.digits.is_empty() {
            self.digits.push(1);
        }
        let behind = self.scale.min(power);
        self.scale -= behind;
        self.digits.extend(std::iter::repeat_n(0, power - behind));
        self
    }

    fn plus(self, other: Option<Self>) -> Self {
        let Some(other) = other else { return self };
        let scale = self.scale.max(other.scale);
        let aligned = |number: Self| {
            let mut digits = number.digits;
            digits.extend(std::iter::repeat_n(0, scale - number.scale));
            digits.reverse();
            digits
        };
        let (one, two) = (aligned(self), aligned(other));
        let mut carry = 0;
        let mut digits = Vec::with_capacity(one.len().max(two.len()) + 1);
        for at in 0..one.len().max(two.len()) {
            let sum =
                one.get(at).copied().unwrap_or_default() + two.get(at).copied().unwrap_or_default() + carry;
            digits.push(sum % 10);
            carry = sum / 10;
        }
        digits.push(carry);
        digits.reverse();
        Self { digits, scale }
    }

    /// Without zeros that say nothing.
    fn to_plain(&self) -> String {
        let point = self.digits.len() - self.scale.min(self.digits.len());
        let text =
            |digits: &[u8]| -> String { digits.iter().map(|digit| char::from(b'0' + digit)).collect() };
        let whole = text(&self.digits[..point]);
        let behind = "0".repeat(self.scale.saturating_sub(self.digits.len())) + &text(&self.digits[point..]);
        let (whole, behind) = (whole.trim_start_matches('0'), behind.trim_end_matches('0'));
        let whole = if whole.is_empty() { "0" } else { whole };
        if behind.is_empty() { whole.to_owned() } else { format!("{whole}.{behind}") }
    }
}

/// Tokens with numbers put together.
struct Joined<'a> {
    numbers: &'a Numbers,
    tokens: std::iter::Peekable<Tokens<'a>>,
    /// How many tokens go through as they are: those beside a compound.
    passed: u32,
}

impl Iterator for Joined<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let first = self.tokens.next()?;
        if first.is_keyword {
            return Some(first);
        }
        if self.passed > 0 {
            self.passed -= 1;
            return Some(first);
        }
        if first.increment == 0 {
            self.passed = first.length.saturating_sub(1);
            return Some(first);
        }
        if !self.numbers.is_number(&first.text) {
            return Some(first);
        }
        // One that another one stands beside stays as it is.
        let is_beside = |token: &Token| token.increment == 0;
        if self.tokens.peek().is_some_and(is_beside) {
            return Some(first);
        }
        let mut number = first;
        while let Some(next) =
            self.tokens.next_if(|next| !is_beside(next) && self.numbers.goes_on(&next.text))
        {
            number.text.push_str(&next.text);
            number.end = next.end;
        }
        if let Some(plain) = self.numbers.plain(&number.text) {
            number.text = plain;
        }
        number.morpheme = None;
        Some(number)
    }
}

impl TokenFilter for &'static Numbers {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(Joined { numbers: self, tokens: tokens.peekable(), passed: 0 })
    }

    fn knows_keywords(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_plain() {
        for (text, plain) in [
            ("一〇〇〇", Some("1000")),
            ("十", Some("10")),
            ("三千２百２十三", Some("3223")),
            ("１．２万", Some("12000")),
            ("1.2345", Some("1.2345")),
            ("３億４千５百万", Some("345000000")),
            ("十二兆三千", Some("12000000003000")),
            ("007", Some("7")),
            ("0.50", Some("0.5")),
            (".5", Some("0.5")),
            ("12,345.67", Some("12345.67")),
            ("1.2.3", None),
            ("百百", Some("200")),
            ("万", Some("10000")),
            ("〇", Some("0")),
        ] {
            assert_eq!(Numbers::JAPANESE.plain(text).as_deref(), plain, "{text}");
        }
        assert_eq!(Numbers::KOREAN.plain("삼천이백이십삼").as_deref(), Some("3223"));
    }
}
