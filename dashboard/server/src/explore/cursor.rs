//! Where a page of rows ends, so that the next one starts there.
//!
//! The node's `search_after` skips everything whose sort keys equal the cursor. Rows with equal keys are therefore
//! never split over two pages: a full page gives back its last group of equals, which then opens the next page.

use serde_json::Value;

use crate::error::ApiError;

/// The sort keys of the last row that was sent, as text that the browser gives back untouched: large whole numbers
/// would lose digits there.
pub(crate) fn write(keys: &Value) -> String {
    keys.to_string()
}

/// Reads what [`write`] made.
pub(crate) fn read(text: &str, keys: usize) -> Result<Value, ApiError> {
    let fault = || {
        ApiError::BadRequest("`after` must be the `next` of an earlier page with the same order".to_owned())
    };
    let value: Value = serde_json::from_str(text).map_err(|_| fault())?;
    let is_scalars = |list: &Vec<Value>| {
        list.len() == keys && list.iter().all(|value| !value.is_object() && !value.is_array())
    };
    value.as_array().is_some_and(is_scalars).then_some(value.clone()).ok_or_else(fault)
}

/// How the hits of a page are used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PageEnd {
    /// These are the last rows of all.
    Last,
    /// Use this many rows; the next page starts after the last of them.
    Keep(usize),
    /// All rows have the same keys: ask for a larger page.
    AllTied,
}

/// Decides where a page of `hits` ends that asked for `asked` rows.
pub(crate) fn page_end(hits: &[Value], asked: usize) -> PageEnd {
    if hits.len() < asked {
        return PageEnd::Last;
    }
    let key = |hit: &Value| hit.get("sort").cloned().unwrap_or_default();
    let Some(last) = hits.last().map(key) else {
        return PageEnd::Last;
    };
    match hits.iter().rposition(|hit| key(hit) != last) {
        Some(before) => PageEnd::Keep(before + 1),
        None => PageEnd::AllTied,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hits(keys: &[i64]) -> Vec<Value> {
        keys.iter().map(|key| json!({"sort": [key]})).collect()
    }

    #[test]
    fn rows_with_equal_keys_stay_together() {
        for (keys, asked, end) in [
            (&[9, 8, 7][..], 4, PageEnd::Last),
            (&[9, 8, 7][..], 3, PageEnd::Keep(2)),
            (&[9, 8, 8][..], 3, PageEnd::Keep(1)),
            (&[8, 8, 8][..], 3, PageEnd::AllTied),
            (&[][..], 3, PageEnd::Last),
        ] {
            assert_eq!(page_end(&hits(keys), asked), end, "{keys:?}");
        }
    }

    #[test]
    fn cursor_keeps_every_digit() {
        let keys = json!([1_764_000_000_000_i64, 9_007_199_254_740_993_i64]);
        assert_eq!(read(&write(&keys), 2).expect("own cursor"), keys);
    }

    #[test]
    fn foreign_cursors_are_refused() {
        for text in ["", "1", "[1]", "[1,{}]", "{\"a\":1}", "[1,2"] {
            assert!(read(text, 2).is_err(), "{text}");
        }
    }
}
