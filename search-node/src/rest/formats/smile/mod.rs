//! SMILE, the binary form of JSON that Jackson speaks: <https://github.com/FasterXML/smile-format-specification>.
//!
//! A document is a header of four bytes and one value. A token says by its first byte what it is; names, and texts if the header
//! says so, can be given by their number once they were written out.

mod decode;
mod encode;

pub(super) use decode::read;
pub(super) use encode::write;

/// `:)` and a line feed; the fourth byte has the version and the switches.
const HEADER: &[u8] = b":)\n";
/// Names are given by their number from the second time on.
const SHARES_NAMES: u8 = 0x01;
/// So are short texts.
const SHARES_TEXTS: u8 = 0x02;

/// How many names, or texts, are numbered before the numbers begin anew. Those that end with a mark, for they are long, have none.
const SHARED_MAX: usize = 1024;

const END_OF_TEXT: u8 = 0xfc;
const BEGIN_LIST: u8 = 0xf8;
const END_LIST: u8 = 0xf9;
const BEGIN_OBJECT: u8 = 0xfa;
const END_OBJECT: u8 = 0xfb;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The tokens of the specification, one by one.
    #[test]
    fn it_is_the_form_of_the_specification() {
        for (bytes, value) in [
            (&b"\x20"[..], json!("")),
            (b"\x21", json!(null)),
            (b"\x22", json!(false)),
            (b"\x23", json!(true)),
            (b"\xc0", json!(0)),
            (b"\xc1", json!(-1)),
            (b"\xde", json!(15)),
            (b"\xdf", json!(-16)),
            (b"\x24\xa0", json!(16)),
            (b"\x24\x01\x80", json!(32)),
            (b"\x25\x1f\x7f\x7f\x7f\xbe", json!(2_147_483_647_i64)),
            (b"\x28\x03\x7c\x00\x00\x00", json!(1.0)),
            (b"\x29\x00\x3f\x78\x00\x00\x00\x00\x00\x00\x00", json!(1.0)),
            (b"\x40a", json!("a")),
            (b"\x80\xc3\xa9", json!("é")),
            (b"\xe0abc\xfc", json!("abc")),
            (b"\xe4\xc3\xa9\xfc", json!("é")),
            (b"\xf8\xc2\xf8\xf9\xf9", json!([1, []])),
            (b"\xfa\x80a\xc2\x81bc\xfa\xfb\xfb", json!({"a": 1, "bc": {}})),
            (b"\xfa\x20\xc2\xc0\xc3\xa9\xc4\x34long\xfc\xc6\xfb", json!({"": 1, "é": 2, "long": 3})),
            (b"\xf8\xfa\x80a\xc2\xfb\xfa\x40\xc4\xfb\xf9", json!([{"a": 1}, {"a": 2}])),
            (b"\x26\x82\x00\x40\x00", json!(256)),
            (b"\x2a\x84\x81\x3f\x01", json!(1.27)),
            (b"\xe8\x82\x00\x40\x02", json!("AQI=")),
            (b"\xfd\x82\x01\x02", json!("AQI=")),
        ] {
            let document = [HEADER, &[SHARES_NAMES], bytes].concat();
            assert_eq!(read(&document), Ok(value), "{bytes:02x?}");
        }
    }

    #[test]
    fn texts_are_shared_where_the_header_says_so() {
        let document = [HEADER, &[SHARES_TEXTS], b"\xf8\x42GET\x41ab\x01\x02\xf9"].concat();
        assert_eq!(read(&document), Ok(json!(["GET", "ab", "GET", "ab"])));
        let document = [HEADER, &[0], b"\xf8\x42GET\x01\xf9"].concat();
        assert!(read(&document).is_err());
    }

    /// The numbers of names begin anew after 1,024, and some numbers are never used.
    #[test]
    fn more_names_than_are_numbered_are_read_as_they_were_written() {
        let members = (0..3000).map(|number| (format!("name{number}"), json!(number)));
        let object = serde_json::Value::Object(members.collect());
        let value = json!([object, object, object]);

        let bytes = write(&value);

        assert_eq!(read(&bytes), Ok(value));
    }

    #[test]
    fn a_second_name_takes_one_byte() {
        let bytes = write(&json!([{"took": 1}, {"took": 2}]));
        let expected = [HEADER, &[SHARES_NAMES], b"\xf8\xfa\x83took\xc2\xfb\xfa\x40\xc4\xfb\xf9"].concat();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        let of = |bytes: &[u8]| [HEADER, &[SHARES_NAMES], bytes].concat();
        for (bytes, reason) in [
            (b"{\"a\":1}".to_vec(), "begin with"),
            (of(b""), "ends"),
            (of(b"\xfa\x80a\xc2\x80a\xc2\xfb"), "Duplicate field 'a'"),
            (of(b"\xfa\x41\xc2\xfb"), "no name"),
            (of(b"\xc2\xc2"), "after the end"),
            (of(b"\x81\xff\xfe\xff"), "UTF-8"),
            (of(b"\x27"), "0x27"),
        ] {
            let error = read(&bytes).expect_err("refused");
            assert!(error.contains(reason), "{bytes:02x?}: {error}");
        }
        let version = [HEADER, b"\x10\x21"].concat();
        assert!(read(&version).expect_err("refused").contains("version"));
    }
}
