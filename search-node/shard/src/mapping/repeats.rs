//! Members that an object of a document has twice. Elasticsearch refuses such a document, for which of the two was meant
//! cannot be told.

use hashbrown::HashSet;
use serde_json_borrow::{ObjectAsVec, Value as Json};

use super::error::MappingError;

/// Up to so many members are compared with each other: their lengths tell most apart, and nothing is allocated. That takes
/// a tenth of a microsecond for an access log, a table a microsecond and a half for a hundred members.
const COMPARED_MAX: usize = 12;

/// Refuses a document in which an object has a member twice, at any depth.
pub fn check_repeats(json: &Json<'_>) -> Result<(), MappingError> {
    match repeated(json) {
        None => Ok(()),
        Some(name) => Err(MappingError::parsing("failed to parse")
            .caused_by("json_parse_exception", format!("Duplicate field '{name}'"))),
    }
}

fn repeated<'a>(json: &'a Json<'_>) -> Option<&'a str> {
    match json {
        Json::Object(members) => {
            twice(members).or_else(|| members.iter().find_map(|(_, value)| repeated(value)))
        }
        Json::Array(items) => items.iter().find_map(repeated),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Str(_) => None,
    }
}

fn twice<'a>(members: &'a ObjectAsVec<'_>) -> Option<&'a str> {
    let names = || members.iter().map(|(name, _)| name);
    if members.len() > COMPARED_MAX {
        let mut seen = HashSet::with_capacity(members.len());
        return names().find(|name| !seen.insert(*name));
    }
    names()
        .enumerate()
        .find(|(at, name)| names().take(*at).any(|before| before == *name))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), MappingError> {
        check_repeats(&serde_json::from_str(text).expect("JSON"))
    }

    #[test]
    fn what_is_given_twice_is_named_at_any_depth_and_in_objects_of_any_size() {
        let wide = |last: &str| {
            let members: Vec<String> = (0..100).map(|n| format!("\"field{n}\":{n}")).collect();
            format!("{{{},\"{last}\":1}}", members.join(","))
        };
        for (text, name) in [
            (r#"{"a":1,"b":2,"a":1}"#.to_owned(), "a"),
            (r#"{"a":{"b":[1,{"c":1,"c":2}]}}"#.to_owned(), "c"),
            (r#"{"a":1,"\u0061":2}"#.to_owned(), "a"),
            (wide("field42"), "field42"),
        ] {
            let error = check(&text).expect_err(&text);
            assert_eq!(error.cause.map(|(_, reason)| reason), Some(format!("Duplicate field '{name}'")));
        }
        for text in [r#"{"a":{"a":1},"b":[{"a":1},{"a":1}]}"#, "{}", &wide("other")] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }
}
