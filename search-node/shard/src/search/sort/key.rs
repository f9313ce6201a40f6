//! A key in one segment: the places of documents, and the values behind them.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::net::Ipv6Addr;

use jiff::tz::TimeZone;
use tantivy::columnar::Column;
use tantivy::index::SegmentReader;
use tantivy::{DocId, TERMINATED};

use super::check::no_place;
use super::children::Children;
use super::shape::{MissingText, Shape};
use super::shape::{missing_number, whole};
use super::{Missing, SortField, SortKey, SortMode, SortValue, ordered_f64, ordered_i64, unordered_f64};
use crate::engine::{Layout, SEQ_NO, View, identities_in};
use crate::json_values::plain;
use crate::mapping::dates::{DateFormats, Resolution};
use crate::mapping::{Storage, decode_version, encode_version};
use crate::query::{Computed, Distances, QueryContext, Scripted};
use crate::search::id_key::{Ids, first_place, id_of, places};
use crate::search::{AskStop, SearchError, Terms};

/// The place of a document under one key: smaller comes first. 0 and the greatest are for documents without a value.
pub(in crate::search) type Place = u128;

const FIRST: Place = 0;
const LAST: Place = Place::MAX;

/// What a key is opened with.
pub(in crate::search) struct Opening<'a> {
    pub(in crate::search) view: &'a View,
    pub(in crate::search) context: &'a QueryContext<'a>,
    pub(in crate::search) stop: AskStop<'a>,
    /// The path of the nested objects that are sorted, if it is not documents.
    pub(in crate::search) nested_in: Option<&'a str>,
}

/// A key in one segment.
pub(in crate::search) struct SegmentKey<'a> {
    pub(super) key: &'a SortKey,
    pub(super) values: Values<'a>,
    pub(super) shape: Shape,
    /// Where documents without a value are.
    pub(super) missing: Place,
    missing_text: Option<MissingText>,
    /// The nested objects whose values count, where not the document's own do; none of them where there is none.
    pub(super) children: Option<Option<Children>>,
    /// Whether numbers count as others than they are.
    pub(super) is_converted: bool,
    /// How a date may be written in `search_after`.
    dates: Option<(Resolution, &'a DateFormats)>,
}

pub(in crate::search) enum Values<'a> {
    Score,
    /// The documents of the segment, from this number on.
    Numbered(u64),
    None,
    /// The same text for every document.
    Same(String),
    /// The only ones that may take several places.
    Id(Ids<'a>),
    I64(Column<i64>),
    SeqNo(Column<u64>),
    U64(Column<u64>),
    F64(Column<f64>),
    Bool(Column<bool>),
    Ip(Column<Ipv6Addr>),
    Text(Terms),
    Distances(Distances<'a>),
    Script(Box<RefCell<Scripted>>),
}

impl<'a> SegmentKey<'a> {
    /// The key's values in a segment; a field that the segment predates has none.
    pub(in crate::search) fn open(
        key: &'a SortKey,
        view: &'a View,
        reader: &SegmentReader,
        opening: &Opening<'_>,
    ) -> Result<Self, SearchError> {
        let layout = &view.layout;
        let values = match &key.field {
            SortField::Score => Values::Score,
            SortField::Doc => Values::Numbered(first_number(view, reader)),
            SortField::ShardDoc(shard) => {
                Values::Numbered((u64::from(*shard) << SHARD_BITS) | first_number(view, reader))
            }
            SortField::Distance(asked) => Values::Distances(Distances::open(asked, layout, reader)?),
            SortField::Script(asked) => {
                let opened = Scripted::open(asked, layout, opening.context, reader, opening.stop);
                Values::Script(Box::new(RefCell::new(opened)))
            }
            SortField::SeqNo => Values::SeqNo(reader.fast_fields().u64(SEQ_NO)?),
            SortField::Field(path) if path == "_id" => {
                Values::Id(Ids::of(&identities_in(&view.identities, reader)?.uids))
            }
            SortField::Field(path) if path == "_index" => Values::Same(opening.context.index.to_owned()),
            SortField::Field(path) => match view.runtime(reader, path, opening.stop)? {
                Some(values) => open_field(path, &values.layout, &values.reader)?,
                None => open_field(path, layout, reader)?,
            },
        };
        let mapping = match &key.field {
            SortField::Field(path) => layout.mapping.searched(path),
            _ => None,
        };
        let shape = Shape::of(key, layout);
        let own = mapping.map(|mapping| Shape::of_kind(&mapping.kind));
        let children =
            key.nested.as_ref().map(|nested| Children::open(nested, reader, opening)).transpose()?;
        let mut opened = Self {
            key,
            values,
            shape,
            missing: LAST,
            missing_text: None,
            children,
            is_converted: key.numeric_type.is_some() && own.is_some_and(|own| own != shape),
            dates: mapping.and_then(|field| field.kind.dates()),
        };
        (opened.missing, opened.missing_text) = opened.place_of_missing()?;
        Ok(opened)
    }

    /// Where documents without a value are, and the text that stands for it.
    fn place_of_missing(&self) -> Result<(Place, Option<MissingText>), SearchError> {
        let is_first = match &self.key.missing {
            Missing::Value(value) if self.shape.is_number() => {
                let dates = self.dates.map(|(_, formats)| formats);
                return Ok((self.oriented(missing_number(value, self.key, self.shape, dates)), None));
            }
            Missing::Value(value) if self.shape == Shape::Ip => {
                return Ok((self.oriented(Shape::read_ip(value)), None));
            }
            Missing::Value(value) => {
                let text = value.to_json();
                let text = plain(&text);
                let (ordered, shown) = match self.shape {
                    Shape::Version => (encode_version(&text), SortValue::Version(encode_version(&text))),
                    _ => (text.clone(), SortValue::Text(text.clone())),
                };
                let missing = MissingText { ordered, shown };
                let raw = self.place_of_text(&text, Some(&missing))?;
                return Ok((self.oriented(Some(raw)), Some(missing)));
            }
            Missing::First => true,
            Missing::Last => false,
        };
        let place = match self.shape.extreme(is_first != self.key.descending) {
            Some(extreme) => self.oriented(Some(extreme)),
            None if is_first => FIRST,
            None => LAST,
        };
        Ok((place, None))
    }

    /// Where a text is among the terms, or between two of them.
    fn place_of_text(&self, text: &str, missing: Option<&MissingText>) -> Result<u128, SearchError> {
        let next = match &self.values {
            Values::Text(terms) => match terms.find(text)? {
                Ok(ordinal) => return Ok(ordinal_place(ordinal)),
                Err(next) => next,
            },
            Values::Same(same) => match text.cmp(same) {
                Ordering::Equal => return Ok(ordinal_place(0)),
                Ordering::Less => 0,
                Ordering::Greater => 1,
            },
            _ => 0,
        };
        let ordered = if self.shape == Shape::Version { encode_version(text) } else { text.to_owned() };
        let beside = missing.map_or(Ordering::Equal, |missing| ordered.cmp(&missing.ordered));
        Ok(u128::from(next) * TERM_PLACES
            + match beside {
                Ordering::Less => 0,
                Ordering::Equal => 1,
                Ordering::Greater => 2,
            })
    }

    /// The first document of the segment that can be behind a value of `search_after`, where they come in their order.
    pub(in crate::search) fn first_behind(&self, value: &SortValue) -> DocId {
        let (Values::Numbered(first), SortValue::Integer(number)) = (&self.values, value) else { return 0 };
        let behind = u64::try_from(*number).unwrap_or(0).saturating_sub(*first);
        DocId::try_from(behind).unwrap_or(DocId::MAX).min(TERMINATED)
    }

    /// Adds the places of a document: one, but for ids.
    pub(in crate::search) fn push_places(&self, document: u32, score: f32, to: &mut Vec<Place>) {
        match &self.values {
            Values::Id(ids) => {
                ids.with(document, |id| to.extend(places(id).map(|place| self.oriented(Some(place)))));
            }
            Values::Script(_) if self.shape == Shape::Text => match self.computed_text(document, score) {
                Some(text) => to.extend(places(&text).map(|place| self.oriented(Some(place)))),
                None => to.push(self.missing),
            },
            _ => to.push(self.place(document, score)),
        }
    }

    /// Why a place is not the document's, if something could not be read.
    pub(in crate::search) fn check(&self) -> Result<(), SearchError> {
        match &self.values {
            Values::Id(ids) => ids.fault().map_or(Ok(()), |fault| Err(fault.into())),
            Values::Script(script) => script.borrow_mut().fault().map_or(Ok(()), |fault| Err(fault.into())),
            _ => Ok(()),
        }
    }

    /// The first place of a document.
    pub(in crate::search) fn place(&self, document: u32, score: f32) -> Place {
        match &self.values {
            Values::Id(ids) => ids.with(document, |id| self.oriented(Some(first_place(id)))),
            Values::Score => self.oriented(Some(ordered_f64(f64::from(score)))),
            Values::Numbered(first) => self.oriented(Some(ordered_i64((first + u64::from(document)) as i64))),
            Values::None => self.missing,
            Values::Same(_) => self.oriented(Some(ordinal_place(0))),
            Values::I64(column) if self.is_converted => {
                self.chosen(document, |at| column.values_for_doc(at).map(|number| self.converted(number)))
            }
            Values::I64(column) => self.chosen(document, |at| column.values_for_doc(at).map(ordered_i64)),
            Values::SeqNo(column) => {
                self.chosen(document, |at| column.values_for_doc(at).map(|number| ordered_i64(number as i64)))
            }
            Values::U64(column) => self.chosen(document, |at| {
                column.values_for_doc(at).map(|number| match self.shape {
                    Shape::Unsigned => u128::from(number),
                    Shape::Double => ordered_f64(number as f64),
                    _ => ordered_i64(i64::try_from(number).unwrap_or(i64::MAX)),
                })
            }),
            Values::F64(column) => self.chosen(document, |at| {
                column.values_for_doc(at).map(|number| match self.shape {
                    Shape::Double | Shape::Single => ordered_f64(number),
                    _ => ordered_i64(number as i64),
                })
            }),
            Values::Bool(column) => self.chosen(document, |at| {
                column.values_for_doc(at).map(|flag| match self.shape {
                    Shape::Double => ordered_f64(f64::from(u8::from(flag))),
                    _ => ordered_i64(i64::from(flag)),
                })
            }),
            Values::Ip(column) => self.chosen(document, |at| column.values_for_doc(at).map(u128::from)),
            Values::Text(terms) => self.chosen(document, |at| terms.ordinals(at).map(ordinal_place)),
            Values::Distances(distances) => self.chosen(document, |at| distances.of(at).map(ordered_f64)),
            Values::Script(_) if self.shape == Shape::Text => {
                let first = self.computed_text(document, score).map(|text| first_place(&text));
                first.map_or(self.missing, |first| self.oriented(Some(first)))
            }
            Values::Script(script) => self.chosen(document, |at| match script.borrow_mut().of(at, score) {
                Computed::Number(number) => Some(ordered_f64(number)).into_iter(),
                Computed::Text(_) => None.into_iter(),
            }),
        }
    }

    /// The text that a script computes of a document, or of the nested objects that count for it.
    fn computed_text(&self, document: u32, score: f32) -> Option<String> {
        let Values::Script(script) = &self.values else { return None };
        let of = |at| match script.borrow_mut().of(at, score) {
            Computed::Text(text) => Some(text),
            Computed::Number(_) => None,
        };
        match &self.children {
            None => of(document),
            Some(None) => None,
            Some(Some(children)) => {
                let texts = children.of(document).filter_map(of);
                if self.key.mode() == SortMode::Max { texts.max() } else { texts.min() }
            }
        }
    }

    /// Whether values are texts that are in no column, which take several places.
    fn has_long_texts(&self) -> bool {
        matches!(self.values, Values::Id(_))
            || matches!(self.values, Values::Script(_)) && self.shape == Shape::Text
    }

    /// How many values of one field a document has.
    pub(in crate::search) fn count(&self, document: u32) -> usize {
        match &self.values {
            Values::None => 0,
            Values::I64(column) => column.values_for_doc(document).count(),
            Values::U64(column) => column.values_for_doc(document).count(),
            Values::F64(column) => column.values_for_doc(document).count(),
            Values::Text(terms) => terms.ordinals(document).count(),
            _ => 1,
        }
    }

    /// A whole number or a moment as what it is to count.
    fn converted(&self, number: i64) -> u128 {
        let is_nanos = self.dates.is_some_and(|(resolution, _)| resolution == Resolution::Nanos);
        match self.shape {
            Shape::Double if is_nanos => ordered_f64(Resolution::Nanos.to_millis(number) as f64),
            Shape::Double => ordered_f64(number as f64),
            Shape::Date(Resolution::Millis) if is_nanos => ordered_i64(Resolution::Nanos.to_millis(number)),
            Shape::Date(Resolution::Nanos) if !is_nanos => ordered_i64(Resolution::Nanos.of_millis(number)),
            _ => ordered_i64(number),
        }
    }

    fn chosen<V: Iterator<Item = u128>>(&self, document: u32, values: impl Fn(u32) -> V) -> Place {
        let chosen = match &self.children {
            None => self.pick(values(document)),
            Some(None) => None,
            Some(Some(children)) => self.pick(children.of(document).flat_map(values)),
        };
        chosen.map_or(self.missing, |value| self.oriented(Some(value)))
    }

    /// What of several values counts.
    fn pick(&self, values: impl Iterator<Item = u128>) -> Option<u128> {
        let mode = self.key.mode();
        match mode {
            SortMode::Min => return values.min(),
            SortMode::Max => return values.max(),
            SortMode::Sum | SortMode::Avg | SortMode::Median => {}
        }
        let mut values: Vec<u128> = values.collect();
        match (mode, values.as_slice()) {
            (_, []) => None,
            (_, [only]) => Some(*only),
            (SortMode::Median, _) => {
                values.sort_unstable();
                let middle = values.len() / 2;
                Some(match values.len() % 2 {
                    0 => self.shape.between(values[middle - 1], values[middle]),
                    _ => values[middle],
                })
            }
            (SortMode::Avg, all) => Some(self.shape.divided(self.shape.sum(all), all.len())),
            (_, all) => Some(self.shape.sum(all)),
        }
    }

    /// The place of a value; none is where the key has it.
    pub(super) fn oriented(&self, value: Option<u128>) -> Place {
        let Some(value) = value else { return self.missing };
        let inside = value.min(LAST - 2) + 1;
        if self.key.descending { LAST - inside } else { inside }
    }

    /// The value behind the first of some places, read out for a winner, and how many places it takes.
    pub(in crate::search) fn value(&self, places: &[Place]) -> Result<(SortValue, usize), SearchError> {
        let is_there = places.first().is_some_and(|place| *place != FIRST && *place != LAST);
        if self.has_long_texts() && is_there {
            let (id, count) = id_of(places.iter().map(|place| self.raw(*place)));
            return Ok((SortValue::Text(id), count));
        }
        Ok((places.first().map_or(Ok(SortValue::Null), |place| self.value_of(*place))?, 1))
    }

    /// A place without the direction.
    fn raw(&self, place: Place) -> Place {
        (if self.key.descending { LAST - place } else { place }).saturating_sub(1)
    }

    fn value_of(&self, place: Place) -> Result<SortValue, SearchError> {
        if place == FIRST || place == LAST {
            return Ok(SortValue::Null);
        }
        if let Some(missing) = &self.missing_text
            && place == self.missing
        {
            return Ok(missing.shown.clone());
        }
        let raw = self.raw(place);
        Ok(match self.shape {
            Shape::Whole => SortValue::Integer(whole(raw)),
            Shape::Date(resolution) => self.shown(whole(raw), resolution),
            Shape::Unsigned => SortValue::Unsigned(raw as u64),
            Shape::Double => SortValue::Float(unordered_f64(raw)),
            Shape::Single => SortValue::Single(unordered_f64(raw) as f32),
            Shape::Ip => SortValue::Ip(Ipv6Addr::from(raw)),
            Shape::Text | Shape::Version => match &self.values {
                Values::Text(terms) => terms.sort_value((raw / TERM_PLACES) as u64)?,
                Values::Same(same) => SortValue::Text(same.clone()),
                _ => SortValue::Null,
            },
        })
    }

    /// A date as the request has it shown.
    fn shown(&self, moment: i64, resolution: Resolution) -> SortValue {
        match (&self.key.format, self.dates) {
            (Some(format), Some(_)) => {
                SortValue::Date { moment, shown: format.show_moment(resolution, moment, &TimeZone::UTC) }
            }
            _ => SortValue::Integer(moment),
        }
    }

    /// Adds the places of a value of `search_after`.
    pub(in crate::search) fn push_places_of(
        &self,
        value: &SortValue,
        to: &mut Vec<Place>,
    ) -> Result<(), SearchError> {
        match (&self.values, value) {
            (_, SortValue::Text(id)) if self.has_long_texts() => {
                to.extend(places(id).map(|place| self.oriented(Some(place))));
            }
            (Values::Id(_), SortValue::Integer(number)) => {
                to.extend(places(&number.to_string()).map(|place| self.oriented(Some(place))));
            }
            _ => to.push(self.place_of(value)?),
        }
        Ok(())
    }

    /// The place of a value of `search_after`, which may fall between two terms of the segment.
    pub(super) fn place_of(&self, value: &SortValue) -> Result<Place, SearchError> {
        let fault = || no_place(self.key);
        let raw = match (self.shape, value) {
            (_, SortValue::Null) => return Ok(self.missing),
            (Shape::Date(resolution), SortValue::Text(text)) => {
                let read = self.dates.and_then(|(_, own)| self.key.format.as_ref().unwrap_or(own).read(text));
                let moment = read.map(|read| ordered_i64(resolution.moment(read, false)));
                moment.or_else(|| self.shape.read_number(value)).ok_or_else(fault)?
            }
            (Shape::Text | Shape::Version, SortValue::Text(text)) => {
                self.place_of_text(text, self.missing_text.as_ref())?
            }
            (Shape::Version, SortValue::Version(encoded)) => {
                self.place_of_text(&decode_version(encoded), self.missing_text.as_ref())?
            }
            (Shape::Ip, _) => Shape::read_ip(value).ok_or_else(fault)?,
            (shape, _) => shape.read_number(value).ok_or_else(fault)?,
        };
        Ok(self.oriented(Some(raw)))
    }
}

/// Where the number of a shard begins in that of a document of several shards.
const SHARD_BITS: u32 = 32;

/// The number in its shard that the first document of a segment has.
fn first_number(view: &View, reader: &SegmentReader) -> u64 {
    let all = view.searcher.segment_readers().iter();
    let before = all.take_while(|other| other.segment_id() != reader.segment_id());
    before.map(|other| u64::from(other.max_doc())).sum()
}

/// A term has one of so many places: what lies between it and the one before it has places too, by how it lies to the text that stands
/// for one that is not there.
const TERM_PLACES: u128 = 4;

pub(super) fn ordinal_place(ordinal: u64) -> u128 {
    u128::from(ordinal) * TERM_PLACES + 3
}

pub(in crate::search) fn open_field<'a>(
    path: &str,
    layout: &Layout,
    reader: &SegmentReader,
) -> Result<Values<'a>, SearchError> {
    if let Some(keyed) = layout.keyed(path) {
        let column = reader.fast_fields().str(layout.schema.get_field_name(keyed.field))?;
        let terms = column.map(|column| Terms::keyed(column, keyed.key)).transpose()?;
        return Ok(terms.map_or(Values::None, Values::Text));
    }
    let Some(mapping) = layout.mapping.leaf(path) else { return Ok(Values::None) };
    let columns = reader.fast_fields();
    let name = layout.stored_name(path);
    Ok(match mapping.kind.storage() {
        Storage::I64 => columns.column_opt::<i64>(name)?.map_or(Values::None, Values::I64),
        Storage::U64 => columns.column_opt::<u64>(name)?.map_or(Values::None, Values::U64),
        Storage::F64 => columns.column_opt::<f64>(name)?.map_or(Values::None, Values::F64),
        Storage::Bool | Storage::Presence => {
            columns.column_opt::<bool>(name)?.map_or(Values::None, Values::Bool)
        }
        Storage::Ip => columns.column_opt::<Ipv6Addr>(name)?.map_or(Values::None, Values::Ip),
        Storage::Bytes => Values::None,
        Storage::Keyword | Storage::Text | Storage::Terms => {
            let terms = columns.str(name)?.map(|column| Terms::new(column, &mapping.kind));
            terms.map_or(Values::None, Values::Text)
        }
    })
}
