//! The values of a document's fields, as scores and scripts read them.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tantivy::DocId;
use tantivy::columnar::Column;
use tantivy::index::SegmentReader;

use super::QueryError;
use crate::engine::{Layout, SEQ_NO};
use crate::mapping::dates::Resolution;
use crate::mapping::{FieldKind, LATITUDE, LONGITUDE, Point, Storage, Structure, show_ip};
use crate::search::{Terms, check_words};

/// What a field has, and where.
#[derive(Debug, Clone)]
pub(in crate::query) struct ValueField {
    path: String,
    name: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Numbers(Storage),
    Moments(Resolution),
    Terms(FieldKind),
    Keyed(String),
    /// The columns of parallels and of meridians.
    Points(String, String),
}

/// The values of a field in a segment.
pub(in crate::query) enum Values {
    None,
    Whole(Column<i64>),
    Unsigned(Column<u64>),
    Decimal(Column<f64>),
    Flags(Column<bool>),
    Moments(Column<i64>, Resolution),
    Addresses(Column<Ipv6Addr>),
    Terms(Terms),
    Points(Column<f64>, Column<f64>),
}

impl ValueField {
    /// The field at a path; none where the mapping has none.
    pub(in crate::query) fn of(layout: &Layout, path: &str) -> Result<Option<Self>, QueryError> {
        let made = |name: &str, kind| Self { path: path.to_owned(), name: name.to_owned(), kind };
        if path == SEQ_NO {
            return Ok(Some(made(SEQ_NO, Kind::Numbers(Storage::U64))));
        }
        if let Some(keyed) = layout.keyed(path) {
            let name = layout.schema.get_field_name(keyed.field);
            return Ok(Some(made(name, Kind::Keyed(keyed.key.to_owned()))));
        }
        if layout.mapping.runtime.get(path).is_some() {
            return Err(QueryError::argument(format!(
                "scores cannot be computed of the runtime field [{path}]"
            )));
        }
        let Some(mapping) = layout.mapping.leaf(path) else { return Ok(None) };
        check_words(layout, path, mapping)?;
        let no_values = || {
            QueryError::argument(format!(
                "Can't load fielddata on [{path}] because fielddata is unsupported on fields of type [{}]. Use doc values instead.",
                mapping.type_name
            ))
        };
        if !mapping.doc_values && !mapping.kind.is_text() {
            return Err(no_values());
        }
        let name = layout.stored_name(path);
        let part = |suffix| layout.part(path, suffix).map(|field| layout.schema.get_field_name(field));
        let kind = match &mapping.kind {
            FieldKind::Date(_) => Kind::Moments(Resolution::Millis),
            FieldKind::DateNanos(_) => Kind::Moments(Resolution::Nanos),
            FieldKind::Structured(Structure::GeoPoint) => match (part(LATITUDE), part(LONGITUDE)) {
                (Some(lat), Some(lon)) => Kind::Points(lat.to_owned(), lon.to_owned()),
                _ => return Err(points_not_kept(path)),
            },
            FieldKind::Structured(_) | FieldKind::Binary | FieldKind::Range { .. } => return Err(no_values()),
            kind => match kind.storage() {
                Storage::Keyword | Storage::Text | Storage::Terms => Kind::Terms(kind.clone()),
                numbers => Kind::Numbers(numbers),
            },
        };
        Ok(Some(made(name, kind)))
    }

    pub(in crate::query) fn path(&self) -> &str {
        &self.path
    }

    pub(in crate::query) fn has_points(&self) -> bool {
        matches!(self.kind, Kind::Points(..))
    }

    pub(in crate::query) fn has_moments(&self) -> bool {
        matches!(self.kind, Kind::Moments(_))
    }

    /// Whether a number can be computed of each value.
    pub(in crate::query) fn has_numbers(&self) -> bool {
        match &self.kind {
            Kind::Numbers(storage) => *storage != Storage::Ip,
            Kind::Moments(_) => true,
            Kind::Terms(_) | Kind::Keyed(_) | Kind::Points(..) => false,
        }
    }

    /// Those of a segment; one that predates the field has none.
    pub(in crate::query) fn open(&self, reader: &SegmentReader) -> tantivy::Result<Values> {
        let (columns, name) = (reader.fast_fields(), self.name.as_str());
        Ok(match &self.kind {
            Kind::Moments(resolution) => {
                columns.column_opt(name)?.map_or(Values::None, |column| Values::Moments(column, *resolution))
            }
            Kind::Points(lat, lon) => match (columns.column_opt(lat)?, columns.column_opt(lon)?) {
                (Some(lat), Some(lon)) => Values::Points(lat, lon),
                _ => Values::None,
            },
            Kind::Terms(kind) => {
                columns.str(name)?.map_or(Values::None, |column| Values::Terms(Terms::new(column, kind)))
            }
            Kind::Keyed(key) => match columns.str(name)? {
                Some(column) => Values::Terms(Terms::keyed(column, key)?),
                None => Values::None,
            },
            Kind::Numbers(storage) => match storage {
                Storage::I64 => columns.column_opt(name)?.map_or(Values::None, Values::Whole),
                Storage::U64 => columns.column_opt(name)?.map_or(Values::None, Values::Unsigned),
                Storage::F64 => columns.column_opt(name)?.map_or(Values::None, Values::Decimal),
                Storage::Bool | Storage::Presence => {
                    columns.column_opt(name)?.map_or(Values::None, Values::Flags)
                }
                Storage::Ip => columns.column_opt(name)?.map_or(Values::None, Values::Addresses),
                Storage::Keyword | Storage::Text | Storage::Terms | Storage::Bytes => Values::None,
            },
        })
    }
}

/// Points that were written before they were kept.
pub(in crate::query) fn points_not_kept(path: &str) -> QueryError {
    QueryError::argument(format!(
        "the index keeps no coordinates of the field [{path}], which was mapped by an older version: write the documents into a new index (_reindex)"
    ))
}

impl Values {
    /// A document's values as numbers, the least first; moments are in milliseconds.
    pub(in crate::query) fn numbers(&self, document: DocId, numbers: &mut Vec<f64>) {
        numbers.clear();
        match self {
            Self::Whole(column) => numbers.extend(column.values_for_doc(document).map(|value| value as f64)),
            Self::Unsigned(column) => {
                numbers.extend(column.values_for_doc(document).map(|value| value as f64))
            }
            Self::Decimal(column) => numbers.extend(column.values_for_doc(document)),
            Self::Flags(column) => {
                numbers.extend(column.values_for_doc(document).map(|flag| f64::from(u8::from(flag))));
            }
            Self::Moments(column, resolution) => {
                numbers
                    .extend(column.values_for_doc(document).map(|moment| millis(moment, *resolution) as f64));
            }
            Self::None | Self::Addresses(_) | Self::Terms(_) | Self::Points(..) => {}
        }
        numbers.sort_unstable_by(f64::total_cmp);
    }

    /// A document's points, the southernmost first.
    pub(in crate::query) fn points(&self, document: DocId) -> Vec<Point> {
        let Self::Points(lat, lon) = self else { return Vec::new() };
        let both = lat.values_for_doc(document).zip(lon.values_for_doc(document));
        let mut points: Vec<Point> = both.map(|(lat, lon)| Point { lat, lon }).collect();
        points.sort_by(|a, b| a.lat.total_cmp(&b.lat).then(a.lon.total_cmp(&b.lon)));
        points
    }

    /// A document's values as a script sees them, the least first.
    pub(in crate::query) fn shown(&self, document: DocId) -> std::io::Result<Vec<Value>> {
        Ok(match self {
            Self::None => Vec::new(),
            Self::Whole(column) => sorted(column.values_for_doc(document)).map(Value::from).collect(),
            Self::Unsigned(column) => sorted(column.values_for_doc(document)).map(Value::from).collect(),
            Self::Flags(column) => sorted(column.values_for_doc(document)).map(Value::from).collect(),
            Self::Decimal(_) => {
                let mut numbers = Vec::new();
                self.numbers(document, &mut numbers);
                numbers.into_iter().map(Value::from).collect()
            }
            Self::Moments(column, resolution) => sorted(column.values_for_doc(document))
                .map(|moment_of| moment(millis(moment_of, *resolution)))
                .collect(),
            Self::Addresses(column) => {
                sorted(column.values_for_doc(document)).map(|address| json!(show_ip(address))).collect()
            }
            Self::Terms(terms) => {
                // Each text counts once, as in the columns of Lucene.
                let ordinals: BTreeSet<_> = terms.ordinals(document).collect();
                let values = ordinals.into_iter().map(|ordinal| Ok(terms.sort_value(ordinal)?.to_json()));
                values.collect::<std::io::Result<_>>()?
            }
            Self::Points(..) => self
                .points(document)
                .into_iter()
                .map(|point| json!({"lat": point.lat, "lon": point.lon}))
                .collect(),
        })
    }
}

fn sorted<T: Ord>(values: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.into_iter()
}

fn millis(moment: i64, resolution: Resolution) -> i64 {
    match resolution {
        Resolution::Millis => moment,
        Resolution::Nanos => moment.div_euclid(1_000_000),
    }
}

/// A moment as a script sees it.
fn moment(millis: i64) -> Value {
    let Ok(moment) = Timestamp::from_millisecond(millis) else { return json!({"millis": millis}) };
    let moment = TimeZone::UTC.to_datetime(moment);
    json!({
        "millis": millis,
        "year": moment.year(),
        "monthValue": moment.month(),
        "dayOfMonth": moment.day(),
        "dayOfYear": moment.day_of_year(),
        "dayOfWeek": moment.weekday().to_monday_one_offset(),
        "hour": moment.hour(),
        "minute": moment.minute(),
        "second": moment.second(),
    })
}
