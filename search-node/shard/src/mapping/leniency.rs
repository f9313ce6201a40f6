//! What documents are forgiven beyond what their fields say: settings of the index, which the mapping carries to whoever reads
//! documents by it. It is no part of the mapping's JSON.

use super::fields::{FieldKind, FieldMapping};
use super::structured::Structure;

/// What documents are forgiven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leniency {
    /// Whether a value that does not fit costs the field only, where the field does not say (`index.mapping.ignore_malformed`).
    pub ignore_malformed: bool,
    /// How many fields there may be before new ones are left out (`index.mapping.total_fields.limit`); none where they are refused
    /// instead (`index.mapping.total_fields.ignore_dynamic_beyond_limit`).
    pub fields_max: Option<usize>,
    /// How many nested objects a document may have (`index.mapping.nested_objects.limit`); none where nobody says.
    pub nested_objects_max: Option<usize>,
    /// Whether numbers must come as such, where the field does not say (`index.mapping.coerce: false`).
    pub is_exact: bool,
}

impl Leniency {
    /// Whether a value of this field must be a number of its kind as it comes: no text, and no fraction where it is a whole one. What
    /// the field says comes before what the index says.
    pub(super) fn is_exact(self, field: &FieldMapping) -> bool {
        let coerces = field.parameters.get("coerce").map(|said| said != false && said != "false");
        field.kind.can_be_coerced() && !coerces.unwrap_or(!self.is_exact)
    }

    /// Whether a value that does not fit costs this field only. What the field says comes before what the index says.
    pub(super) fn ignores_malformed(self, field: &FieldMapping) -> bool {
        match field.parameters.get("ignore_malformed") {
            Some(_) => field.ignore_malformed,
            None => self.ignore_malformed && field.kind.can_be_malformed(),
        }
    }
}

impl FieldKind {
    /// Whether the type knows `coerce`, and there is something to it: dates and addresses are texts.
    fn can_be_coerced(&self) -> bool {
        match self {
            Self::Range { of } => of.can_be_coerced(),
            other => other.precision().is_some() || matches!(other, Self::Integer { .. }),
        }
    }

    /// Whether an empty text stands for no value, where numbers need not come as such.
    pub(super) fn may_be_empty(&self) -> bool {
        self.precision().is_some() || matches!(self, Self::Integer { .. } | Self::UnsignedLong)
    }

    /// Whether the type knows `ignore_malformed`: texts and keywords take any value.
    pub(super) fn can_be_malformed(&self) -> bool {
        match self {
            Self::Integer { .. }
            | Self::Double
            | Self::Float
            | Self::HalfFloat
            | Self::ScaledFloat { .. }
            | Self::UnsignedLong
            | Self::Boolean
            | Self::Date(_)
            | Self::DateNanos(_)
            | Self::Ip => true,
            Self::Structured(structure) => {
                matches!(structure, Structure::GeoPoint | Structure::GeoShape | Structure::Histogram)
            }
            Self::Text
            | Self::MatchOnlyText
            | Self::Version
            | Self::TokenCount { .. }
            | Self::Range { .. }
            | Self::Flattened { .. }
            | Self::Keyword { .. }
            | Self::ConstantKeyword { .. }
            | Self::Alias { .. }
            | Self::Join(_)
            | Self::Binary => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};
    use tantivy::schema::Field;

    use super::*;
    use crate::analysis::Analysis;
    use crate::mapping::document::{DocumentParser, SourceView, Strictness};
    use crate::mapping::{IGNORED, Mapping, parse_mapping};

    fn read(mapping: &Value, leniency: Leniency, document: &Value) -> (Option<Value>, Vec<String>) {
        let mapping = parse_mapping(mapping).expect("a mapping").lenient(leniency);
        let field_of = |path: &str| Some(Field::from_field_id(u32::from(path != IGNORED)));
        let parser = DocumentParser::new(Arc::new(mapping), &Analysis::plain(), &field_of);
        let text = document.to_string();
        let source: SourceView<'_> = serde_json::from_str(&text).expect("JSON");
        let added = parser.parse("1", &source, &mut Default::default(), Strictness::Accepted).expect("taken");
        (added.map(|added: Box<Mapping>| added.to_json()), parser.ignored("1", &source))
    }

    /// What is new is taken in as long as there is room, a whole object or field at a time; what is left out is named once.
    #[test]
    fn fields_beyond_the_limit_are_left_out_and_named() {
        let mapping =
            json!({"properties": {"n": {"type": "long"}, "o": {"properties": {"x": {"type": "long"}}}}});
        let long = json!({"type": "long"});
        for (room, document, added, ignored) in [
            (0, json!({"n": 1, "o": {"x": 2}}), None, vec![]),
            (0, json!({"a": 1, "o": {"y": [2, 3]}, "p": {"q": 1, "r": 2}}), None, vec!["a", "o.y", "p"]),
            (1, json!({"a": 1, "b": 2, "n": 3}), Some(json!({"a": long})), vec!["b"]),
            (1, json!({"o": {"y": 1}, "a": 1}), Some(json!({"o": {"properties": {"y": long}}})), vec!["a"]),
            (1, json!({"text": "counts for two", "a": 1}), Some(json!({"a": long})), vec!["text"]),
            (2, json!({"p.q": 1, "p.r": 2}), Some(json!({"p": {"properties": {"q": long}}})), vec!["p.r"]),
            (
                3,
                json!({"p": [{"q": 1}, {"q": 2, "r": 3}]}),
                Some(json!({"p": {"properties": {"q": long, "r": long}}})),
                vec![],
            ),
        ] {
            let leniency = Leniency { fields_max: Some(3 + room), ..Leniency::default() };

            let found = read(&mapping, leniency, &document);

            let added = added.map(|properties| json!({"properties": properties}));
            assert_eq!(
                found,
                (added, ignored.into_iter().map(str::to_owned).collect()),
                "{document} with {room}"
            );
        }
    }

    #[test]
    fn numbers_come_as_such_where_a_field_or_its_index_asks_for_it() {
        let mapping = json!({"properties": {
            "plain": {"type": "long"}, "exact": {"type": "integer", "coerce": false},
            "loose": {"type": "float", "coerce": true}, "half": {"type": "half_float"}, "k": {"type": "keyword"},
            "date": {"type": "date"}, "u": {"type": "unsigned_long"}, "r": {"type": "integer_range"},
            "rx": {"type": "double_range", "coerce": false}, "rd": {"type": "date_range", "coerce": false},
            "nx": {"type": "long", "coerce": false, "null_value": "5"}
        }});
        let fault = |document: &Value, is_exact: bool| {
            let leniency = Leniency { is_exact, ..Leniency::default() };
            let mapping = Arc::new(parse_mapping(&mapping).expect("a mapping").lenient(leniency));
            let refused =
                crate::mapping::check_document(mapping, "1", false, document.to_string().as_bytes()).err();
            refused.map(|error| error.cause.map_or(error.reason, |(_, reason)| reason))
        };
        for (document, is_exact, expected) in [
            (json!({"plain": "5", "loose": "1.5", "half": "2"}), false, None),
            (
                json!({"plain": 5, "half": 2.5, "k": 5, "date": "2026-01-01", "u": "7", "loose": "1"}),
                true,
                None,
            ),
            (json!({"plain": 5.0, "half": 2}), true, None),
            (json!({"exact": 5, "nx": null}), false, None),
            (json!({"plain": "", "loose": "", "half": "", "u": ""}), false, None),
            (json!({"exact": ""}), false, Some("Integer value passed as String")),
            (json!({"plain": " "}), false, Some("For input string: \" \"")),
            (json!({"r": {"gte": 1.5, "lte": "7"}, "rd": {"gte": "2020"}}), false, None),
            (json!({"r": {"gte": "1"}}), true, Some("Integer value passed as String")),
            (json!({"r": {"gte": 1.5}}), true, Some("1.5 cannot be converted to Integer without data loss")),
            (json!({"rx": {"lt": "1.5"}}), false, Some("Double value passed as String")),
            (json!({"rx": {"lt": 1.5}}), true, None),
            (json!({"exact": "5"}), false, Some("Integer value passed as String")),
            (json!({"exact": [1, 5.5]}), false, Some("5.5 cannot be converted to Integer without data loss")),
            (json!({"plain": "5"}), true, Some("Long value passed as String")),
            (json!({"half": "5"}), true, Some("Float value passed as String")),
        ] {
            assert_eq!(fault(&document, is_exact).as_deref(), expected, "{document}, exact: {is_exact}");
        }
    }

    /// What a primary takes as new its replicas read as accepted: both must keep the same.
    #[test]
    fn what_is_taken_is_read_alike_by_all_copies() {
        let mapping = json!({"properties": {
            "n": {"type": "long", "coerce": false, "ignore_malformed": true}, "d": {"type": "date", "ignore_malformed": true},
            "x": {"type": "integer", "coerce": false, "fields": {"d": {"type": "date", "ignore_malformed": true}}},
            "r": {"type": "integer_range", "coerce": false}, "k": {"type": "keyword", "ignore_above": 2, "copy_to": "n"},
            "g": {"type": "geo_point", "ignore_malformed": true}, "f": {"type": "flattened"},
            "o": {"type": "nested", "properties": {"n": {"type": "long", "ignore_malformed": true}}}
        }});
        let paths = ["n", "d", "x", "x.d", "r", "k", "g", "f", "o.n", IGNORED, "_nested_path"];
        let field_of = |path: &str| {
            let at = paths.iter().position(|known| *known == path)?;
            Some(Field::from_field_id(at as u32))
        };
        let mapping = Arc::new(parse_mapping(&mapping).expect("a mapping"));
        let parser = DocumentParser::new(mapping, &Analysis::plain(), &field_of);
        for (document, is_taken) in [
            (json!({"n": "5", "d": ["x", "2020"], "k": ["long", "1"]}), true),
            (json!({"n": [1, "x", {"a": 1}], "g": ["x", "1,2"], "f": {"a": [1, null]}}), true),
            (json!({"x": 5, "r": {"gte": 1}, "o": [{"n": "x"}, {"n": 1}]}), true),
            (json!({"x": ""}), false),
            (json!({"x": "5"}), false),
            (json!({"r": {"gte": "1"}}), false),
        ] {
            let text = document.to_string();
            let source: SourceView<'_> = serde_json::from_str(&text).expect("JSON");
            let values = |strictness| {
                let mut values = crate::mapping::field_values::FieldValues::default();
                values.begin(&text);
                parser.parse("1", &source, &mut values, strictness).map(|_| format!("{values:?}"))
            };
            let new = values(Strictness::New { is_routed: false });
            let accepted = values(Strictness::Accepted).expect("accepted once");
            assert_eq!(new.is_ok(), is_taken, "{document}");
            if let Ok(new) = new {
                assert_eq!(new, accepted, "{document}");
            }
        }
    }

    #[test]
    fn an_empty_text_is_no_number_and_what_stands_for_none_is_taken() {
        let mapping = json!({"properties": {"n": {"type": "long", "null_value": 5}, "d": {"type": "double"},
            "t": {"type": "text", "fields": {"n": {"type": "integer", "null_value": 3}}}}});
        let mapping = parse_mapping(&mapping).expect("a mapping");
        let paths = ["n", "d", "t", "t.n"];
        let field_of = |path: &str| {
            let at = paths.iter().position(|known| *known == path)?;
            Some(Field::from_field_id(at as u32))
        };
        let parser = DocumentParser::new(Arc::new(mapping), &Analysis::plain(), &field_of);
        let mut values = crate::mapping::field_values::FieldValues::default();
        let source: SourceView<'_> = serde_json::from_str(r#"{"n": "", "d": "", "t": ""}"#).expect("JSON");

        parser.parse("1", &source, &mut values, Strictness::New { is_routed: false }).expect("taken");

        let kept = paths.map(|path| values.i64s_of(field_of(path).expect("known")));
        assert_eq!(kept, [vec![5], vec![], vec![], vec![3]]);
        assert_eq!(values.len(), 3, "two numbers and a text");
    }

    #[test]
    fn a_feature_has_one_value_in_a_document() {
        let mapping = json!({"properties": {"f": {"type": "rank_feature"}, "g": {"type": "rank_feature"},
            "fs": {"type": "rank_features"}, "o": {"type": "nested", "properties": {"f": {"type": "rank_feature"}}}}});
        let mapping = Arc::new(parse_mapping(&mapping).expect("a mapping"));
        let again = |kind: &str, name: &str| {
            format!(
                "fields do not support indexing multiple values for the same {kind} [{name}] in the same document"
            )
        };
        for (document, expected) in [
            (json!({"f": 1, "g": 2, "o": [{"f": 1}, {"f": 2}]}), None),
            (json!({"f": [1, 2]}), Some(again("field", "f"))),
            (json!({"o": {"f": [1, 2]}}), Some(again("field", "o.f"))),
            (json!({"fs": [{"a": 1}, {"b": 2}]}), None),
            (json!({"fs": [{"a": 1}, {"a": 2}]}), Some(again("rank feature", "fs.a"))),
            (json!({"fs": {"a": null}}), None),
        ] {
            let text = document.to_string();
            let checked = crate::mapping::check_document(Arc::clone(&mapping), "1", false, text.as_bytes());
            let found = checked.err().and_then(|error| error.cause).map(|(_, reason)| reason);
            let is_expected = match (&found, &expected) {
                (Some(found), Some(expected)) => found.ends_with(expected.as_str()),
                (found, expected) => found.is_none() && expected.is_none(),
            };
            assert!(is_expected, "{document}: {found:?}");
        }
    }

    #[test]
    fn what_a_field_says_comes_before_what_the_index_says() {
        let mapping = json!({"properties": {
            "plain": {"type": "long", "fields": {"date": {"type": "date", "ignore_malformed": true}}},
            "lenient": {"type": "ip", "ignore_malformed": true}, "strict": {"type": "long", "ignore_malformed": false},
            "short": {"type": "keyword", "ignore_above": 2}
        }});
        let of_index = |ignore_malformed| Leniency { ignore_malformed, ..Leniency::default() };
        for (leniency, document, expected) in [
            (of_index(true), json!({"plain": "x"}), vec!["plain", "plain.date"]),
            (of_index(true), json!({"plain": {"a": 1}}), vec!["plain"]),
            (of_index(false), json!({"lenient": ["x", "y"], "short": "xyz"}), vec!["lenient", "short"]),
        ] {
            assert_eq!(read(&mapping, leniency, &document).1, expected, "{document}");
        }
        let mapping = parse_mapping(&mapping).expect("a mapping").lenient(of_index(true));
        let error = crate::mapping::check_document(Arc::new(mapping), "1", false, br#"{"strict": "x"}"#);
        assert!(error.expect_err("refused").reason.contains("[strict] of type [long]"));
    }
}
