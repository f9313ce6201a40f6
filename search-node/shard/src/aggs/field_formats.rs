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
            self.shown(path, asked, &TimeZone::UTC).map(drop)
        })
    }

    /// Those of one shard and of another; where they differ, some shard's.
    pub(super) fn join(mut self, other: Self) -> Self {
        for (path, format) in other.0 {
            self.0.entry(path).or_insert(format);
        }
        self
    }

    /// How the dates of a field are shown, if it has any.
    pub(super) fn shown(
        &self,
        path: &str,
        asked: Option<&str>,
        zone: &TimeZone,
    ) -> Result<Option<Shown>, AggError> {
        let Some(own) = self.0.get(path) else { return Ok(None) };
        let locale = Locale::parse(&own.locale).unwrap_or(Locale::ROOT);
        let formats = DateFormats::with_locale(asked.unwrap_or(&own.format), locale);
        let formats = formats.map_err(QueryError::argument)?;
        Ok(Some(Shown { formats, zone: zone.clone() }))
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
