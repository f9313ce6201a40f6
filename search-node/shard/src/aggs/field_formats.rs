//! How the dates of an answer are written: by the request, else by the mapping of the indices that were asked.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::request::{AggError, AggRequest, Kind};
use crate::engine::View;
use crate::mapping::dates::{DateFormats, Locale};
use crate::query::QueryError;

/// The formats of the date fields that a request names, as a shard knows them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct FieldFormats(BTreeMap<String, FieldFormat>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct FieldFormat {
    format: String,
    locale: String,
}

impl FieldFormats {
    /// Those of one shard.
    pub(super) fn of(request: &AggRequest, view: &View) -> Self {
        let mut formats = Self::default();
        formats.add(request, view);
        formats
    }

    fn add(&mut self, request: &AggRequest, view: &View) {
        for node in &request.nodes {
            if let Some(path) = node.kind.field()
                && let Some((_, formats)) =
                    view.layout.mapping.searched(path).and_then(|field| field.kind.dates())
            {
                let format =
                    FieldFormat { format: formats.text().to_owned(), locale: formats.locale().text() };
                self.0.insert(path.to_owned(), format);
            }
            self.add(&node.subs, view);
        }
    }

    /// Refuses formats that are none, of dates that are asked for in them.
    pub(super) fn check(&self, request: &AggRequest) -> Result<(), AggError> {
        request.nodes.iter().try_for_each(|node| {
            let (path, asked) = match &node.kind {
                Kind::Terms(terms) => (&terms.field, terms.format.as_deref()),
                Kind::Metric { field, format, .. } => (field, format.as_deref()),
                _ => return Ok(()),
            };
            self.read(path, asked).map(drop)
        })
    }

    /// Those of one shard and of another; where they differ, some shard's.
    pub(super) fn join(mut self, other: Self) -> Self {
        for (path, format) in other.0 {
            self.0.entry(path).or_insert(format);
        }
        self
    }

    /// In which formats the dates of a field are shown, if it has any.
    fn read(&self, path: &str, asked: Option<&str>) -> Result<Option<DateFormats>, AggError> {
        let Some(own) = self.0.get(path) else { return Ok(None) };
        let locale = Locale::parse(&own.locale).unwrap_or(Locale::ROOT);
        match asked {
            Some(asked) => DateFormats::with_locale(asked, locale).map(Some).map_err(QueryError::argument),
            None => Ok(Some(DateFormats::read_stored(&own.format, locale))),
        }
    }
}

/// The same while an answer is made. What is asked for again for every bucket is read once.
#[derive(Debug, Default)]
pub(super) struct ReadFormats {
    formats: FieldFormats,
    read: Vec<ReadFormat>,
}

#[derive(Debug)]
struct ReadFormat {
    path: String,
    asked: Option<String>,
    formats: Option<DateFormats>,
}

impl ReadFormats {
    pub(super) fn new(formats: FieldFormats) -> Self {
        Self { formats, read: Vec::new() }
    }

    /// How the dates of a field are shown, if it has any.
    pub(super) fn shown(
        &mut self,
        path: &str,
        asked: Option<&str>,
        zone: &TimeZone,
    ) -> Result<Option<Shown>, AggError> {
        let is_it = |read: &&ReadFormat| read.path == path && read.asked.as_deref() == asked;
        let formats = match self.read.iter().find(is_it) {
            Some(read) => read.formats.clone(),
            None => {
                let formats = self.formats.read(path, asked)?;
                let (path, asked) = (path.to_owned(), asked.map(str::to_owned));
                self.read.push(ReadFormat { path, asked, formats: formats.clone() });
                formats
            }
        };
        Ok(formats.map(|formats| Shown { formats, zone: zone.clone() }))
    }
}

/// How dates are shown.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    formats: DateFormats,
    zone: TimeZone,
}

impl Shown {
    pub(super) fn new(formats: DateFormats, zone: TimeZone) -> Self {
        Self { formats, zone }
    }

    pub(super) fn date(&self, millis: i64) -> String {
        self.formats.show(millis, &self.zone)
    }
}

impl Kind {
    /// The field whose values count.
    pub(super) fn field(&self) -> Option<&str> {
        match self {
            Kind::Terms(terms) => Some(&terms.field),
            Kind::DateHistogram(histogram) => Some(&histogram.field),
            Kind::Histogram(histogram) => Some(&histogram.field),
            Kind::Missing { field } | Kind::Metric { field, .. } | Kind::Cardinality { field, .. } => {
                Some(field)
            }
            Kind::Filter(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_read_once_for_all_buckets() {
        let format = FieldFormat { format: "yyyy".to_owned(), locale: "en".to_owned() };
        let formats = FieldFormats([("d".to_owned(), format)].into());
        let mut read = ReadFormats::new(formats);
        let utc = TimeZone::UTC;
        for _ in 0..3 {
            let mut date =
                |path, asked| read.shown(path, asked, &utc).expect("read").map(|shown| shown.date(0));
            assert_eq!(date("d", None).as_deref(), Some("1970"));
            assert_eq!(date("d", Some("MM")).as_deref(), Some("01"));
            assert_eq!(date("n", None), None);
        }
        assert_eq!(read.read.len(), 3);
        let long = "yyyy||".repeat(200);
        let refused = read.shown("d", Some(&long), &utc).expect_err("too long").reason;
        assert!(refused.ends_with("it has [1200] characters, and may have [512]"), "{refused}");
    }
}
