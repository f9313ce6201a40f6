//! The names of months, days and halves of a day in the languages of people.
//!
//! They are the GNU C library's, which Java's own were until 9 and, in Elasticsearch, still are in 7.x. Texts may have them in
//! either case and without their point, as sources change their minds about that; English ones are read as they stand.

use pure_rust_locales::{Locale as Names, locale_match};

use super::element::{Part, Style};

/// A language, and maybe a country.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Locale(Option<Names>);

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const SHORT_MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// From Sunday.
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const SHORT_DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const HALVES: [&str; 2] = ["AM", "PM"];
const ERAS: [&str; 2] = ["BC", "AD"];
const FULL_ERAS: [&str; 2] = ["Before Christ", "Anno Domini"];
const NARROW_ERAS: [&str; 2] = ["B", "A"];
const QUARTERS: [&str; 4] = ["Q1", "Q2", "Q3", "Q4"];
const FULL_QUARTERS: [&str; 4] = ["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"];

/// Where a language is spoken if nobody says, unless the country has the language's own letters.
const COUNTRIES: [(&str, &str); 26] = [
    ("en", "US"),
    ("zh", "CN"),
    ("ja", "JP"),
    ("ko", "KR"),
    ("sv", "SE"),
    ("da", "DK"),
    ("nb", "NO"),
    ("nn", "NO"),
    ("cs", "CZ"),
    ("el", "GR"),
    ("uk", "UA"),
    ("he", "IL"),
    ("ar", "SA"),
    ("hi", "IN"),
    ("vi", "VN"),
    ("et", "EE"),
    ("sl", "SI"),
    ("sr", "RS"),
    ("ca", "ES"),
    ("fa", "IR"),
    ("ga", "IE"),
    ("gl", "ES"),
    ("eu", "ES"),
    ("be", "BY"),
    ("ka", "GE"),
    ("hy", "AM"),
];

impl Locale {
    /// English, whatever the country.
    pub const ROOT: Self = Self(None);

    /// `de`, `de-DE`, `de_DE`, `ROOT`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(['-', '_']).collect();
        let (language, country) = match parts[..] {
            [language] => (language.to_ascii_lowercase(), None),
            [language, country] | [language, country, _] => {
                (language.to_ascii_lowercase(), Some(country.to_ascii_uppercase()))
            }
            _ => {
                return Err(format!(
                    "Locales can have at most 3 parts but got {}: [{}]",
                    parts.len(),
                    parts.join(", ")
                ));
            }
        };
        if language.is_empty() || language == "root" || language == "en" {
            return Ok(Self::ROOT);
        }
        let language = if language == "no" { "nb".to_owned() } else { language };
        let usual = COUNTRIES.iter().find(|(known, _)| *known == language);
        let usual = usual.map_or_else(|| language.to_ascii_uppercase(), |(_, country)| (*country).to_owned());
        // A country whose own names are not known speaks like the others.
        let named = |country: &str| Names::try_from(format!("{language}_{country}").as_str()).ok();
        let found = country.as_deref().and_then(named).or_else(|| named(&usual));
        found.map(|names| Self(Some(names))).ok_or_else(|| format!("Unknown language: {language}"))
    }

    /// What is read as this language again.
    pub fn text(self) -> String {
        self.0.map_or_else(String::new, |names| names.to_string())
    }

    /// The names of a part, the first of them first: days begin with Sunday.
    fn names(self, part: Part, style: Style) -> &'static [&'static str] {
        match (part, style, self.0) {
            (Part::Month, Style::Full | Style::Narrow, Some(names)) => locale_match!(names => LC_TIME::MON),
            (Part::Month, Style::Short, Some(names)) => locale_match!(names => LC_TIME::ABMON),
            (Part::DayOfWeek, Style::Full | Style::Narrow, Some(names)) => {
                locale_match!(names => LC_TIME::DAY)
            }
            (Part::DayOfWeek, Style::Short, Some(names)) => locale_match!(names => LC_TIME::ABDAY),
            (Part::Month, Style::Short, None) => &SHORT_MONTHS,
            (Part::Month, _, None) => &MONTHS,
            (Part::DayOfWeek, Style::Short, None) => &SHORT_DAYS,
            (Part::DayOfWeek, _, None) => &DAYS,
            (Part::HalfDay, _, names) => {
                let own = names.map_or(&HALVES[..], |names| locale_match!(names => LC_TIME::AM_PM));
                if own.iter().any(|half| half.is_empty()) { &HALVES } else { own }
            }
            (Part::Era, Style::Full, _) => &FULL_ERAS,
            (Part::Era, Style::Narrow, _) => &NARROW_ERAS,
            (Part::Era, ..) => &ERAS,
            (_, Style::Full, _) => &FULL_QUARTERS,
            _ => &QUARTERS,
        }
    }

    /// The name of a month, a day and so on.
    pub(super) fn name(self, part: Part, style: Style, value: i64) -> String {
        let names = self.names(part, style);
        let at = (value - first_of(part)).rem_euclid(names.len().max(1) as i64) as usize;
        let name = names.get(at).copied().unwrap_or_default().trim();
        if style == Style::Narrow && part != Part::Era {
            return name.chars().take(1).flat_map(char::to_uppercase).collect();
        }
        name.to_owned()
    }

    /// What the name says that a text begins with, and how long it is there: the longest that fits.
    pub(super) fn read(self, part: Part, style: Style, text: &str) -> Option<(i64, usize)> {
        if style == Style::Narrow && part != Part::Era {
            // Several months begin with the same letter.
            return None;
        }
        let names = self.names(part, style);
        let found = names.iter().enumerate().filter_map(|(at, name)| {
            let length = match self.0 {
                None => text.starts_with(name).then_some(name.len())?,
                Some(_) => alike(name.trim(), text)?,
            };
            Some((at as i64 + first_of(part), length))
        });
        let (value, length) = found.max_by_key(|(_, length)| *length)?;
        let value = if part == Part::DayOfWeek && value == 0 { 7 } else { value };
        Some((value, length))
    }
}

/// The value of the first name.
fn first_of(part: Part) -> i64 {
    i64::from(matches!(part, Part::Month | Part::Quarter))
}

/// How much of a text is a name, in either case and with or without its point.
fn alike(name: &str, text: &str) -> Option<usize> {
    let bare = name.trim_end_matches('.');
    let mut rest = text.chars();
    for letter in bare.chars() {
        let found = rest.next()?;
        if found != letter && !found.to_lowercase().eq(letter.to_lowercase()) {
            return None;
        }
    }
    let length = text.len() - rest.as_str().len();
    let point = usize::from(rest.as_str().starts_with('.') && !bare.is_empty() && bare != name);
    (!bare.is_empty()).then_some(length + point)
}

#[cfg(test)]
mod tests {
    use super::super::DateFormats;
    use super::*;
    use jiff::tz::TimeZone;

    /// 2000-12-06T02:55:00Z
    const MOMENT: i64 = 976_071_300_000;

    #[test]
    fn months_and_days_have_the_names_of_a_language() {
        for (locale, format, text) in [
            ("de", "E, d MMM yyyy HH:mm", "Mi, 6 Dez 2000 02:55"),
            ("de-DE", "EEEE, d. MMMM yyyy HH:mm", "Mittwoch, 6. Dezember 2000 02:55"),
            ("de_AT", "d. MMM yyyy HH:mm", "6. Dez 2000 02:55"),
            ("fr", "EEEE d MMMM yyyy HH:mm", "mercredi 6 décembre 2000 02:55"),
            ("fr", "d MMM yyyy HH:mm", "6 déc. 2000 02:55"),
            ("es", "d 'de' MMMM 'de' yyyy HH:mm", "6 de diciembre de 2000 02:55"),
            ("it", "EEE d MMM yyyy HH:mm", "mer 6 dic 2000 02:55"),
            ("pt-BR", "d MMM yyyy HH:mm", "6 dez 2000 02:55"),
            ("zh", "yyyy年MMMd日 HH:mm", "2000年12月6日 02:55"),
            ("ja", "yyyy年MMMMd日(EEE) ah:mm", "2000年12月6日(水) 午前2:55"),
            ("nl", "EEEE d MMMM yyyy HH:mm", "woensdag 6 december 2000 02:55"),
            ("ru", "d MMMM yyyy HH:mm", "6 декабря 2000 02:55"),
            ("en", "EEE, d MMM yyyy h:mm a", "Wed, 6 Dec 2000 2:55 AM"),
            ("ROOT", "EEEE, d MMMM yyyy HH:mm", "Wednesday, 6 December 2000 02:55"),
        ] {
            let locale_read = Locale::parse(locale).expect(locale);
            let formats = DateFormats::with_locale(format, locale_read).expect(format);
            assert_eq!(formats.show(MOMENT, &TimeZone::UTC), text, "{locale}");
            assert_eq!(formats.read(text).map(|span| span.first), Some(MOMENT), "{locale}: {text}");
            assert_eq!(Locale::parse(&locale_read.text()), Ok(locale_read), "{locale}");
        }
    }

    #[test]
    fn names_are_read_in_either_case_and_without_their_point() {
        let french =
            DateFormats::with_locale("d MMM yyyy", Locale::parse("fr").expect("fr")).expect("formats");
        for text in ["6 déc. 2000", "6 déc 2000", "6 DÉC. 2000"] {
            assert!(french.read(text).is_some(), "{text}");
        }
        // English names stand as they are.
        let english = DateFormats::parse("d MMM yyyy").expect("formats");
        assert!(english.read("6 Dec 2000").is_some());
        assert!(english.read("6 dec 2000").is_none());
        assert!(english.read("6 Dez 2000").is_none());
        assert_eq!(Locale::parse("qq"), Err("Unknown language: qq".to_owned()));
        assert!(Locale::parse("a-b-c-d").is_err_and(|reason| reason.contains("at most 3 parts")));
    }
}
