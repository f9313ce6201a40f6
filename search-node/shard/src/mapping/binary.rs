//! `binary` values: Base64 as Elasticsearch reads it.

use super::values::{Scalar, ValueFault};

/// How many signs stand for three bytes.
const UNIT: usize = 4;

/// Refuses what is no Base64. It is read in units of four signs, the last of which may be filled up with `=`. Blanks and ends of lines
/// may stand between units alone, so that what mail programs cut into lines of 76 signs is taken.
pub(super) fn check_binary(scalar: Scalar<'_>) -> Result<(), ValueFault> {
    let Scalar::Text(text) = scalar else {
        return Err(("illegal_argument_exception", format!("[{scalar}] is no text of Base64")));
    };
    fault_of(text).map_or(Ok(()), |fault| Err(("illegal_argument_exception", fault)))
}

/// What is wrong with a text of Base64.
fn fault_of(text: &str) -> Option<String> {
    // Which sign of its unit comes next, and whether the one before filled the unit up.
    let (mut at, mut is_filled) = (0, false);
    for letter in text.chars() {
        match letter {
            blank if blank <= ' ' && at == 0 => continue,
            blank if blank <= ' ' => {
                return Some(format!(
                    "Illegal white space character (code 0x{:x}) as character #{} of 4-char base64 unit: can only used between units",
                    u32::from(blank),
                    at + 1
                ));
            }
            '=' if at < 2 => {
                return Some(format!(
                    "Unexpected padding character ('=') as character #{} of 4-char base64 unit: padding only legal as 3rd or 4th character",
                    at + 1
                ));
            }
            '=' => is_filled = true,
            'A'..='Z' | 'a'..='z' | '0'..='9' | '+' | '/' if !is_filled => {}
            _ if is_filled => return Some("expected padding character '='".to_owned()),
            other => {
                return Some(format!(
                    "Illegal character '{other}' (code 0x{:x}) in base64 content",
                    u32::from(other)
                ));
            }
        }
        at = (at + 1) % UNIT;
        is_filled &= at != 0;
    }
    (at != 0).then(|| {
        "Unexpected end of base64-encoded String: base64 variant 'MIME-NO-LINEFEEDS' expects padding (one or more '=' characters) at the end".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_whole_units_are_taken() {
        let line = "QUJD".repeat(19);
        for text in [
            "",
            "AQID",
            "AQI=",
            "AQ==",
            "AR==",
            "A+/D",
            " AQID",
            "AQID\n",
            "AQ==AQ==",
            "\r\nAQID \tAQI=",
            &format!("{line}\r\n{line}\r\nQUI="),
        ] {
            assert_eq!(check_binary(Scalar::Text(text)), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for (text, fault) in [
            ("AQI", "Unexpected end of base64-encoded String"),
            ("AQ", "Unexpected end"),
            ("AQ=", "Unexpected end"),
            ("AQ=D", "expected padding character '='"),
            ("AQ\nID", "Illegal white space character (code 0xa) as character #3"),
            ("AQ\r\nID", "Illegal white space character (code 0xd) as character #3"),
            ("A-_D", "Illegal character '-' (code 0x2d) in base64 content"),
            ("AQ%D", "Illegal character '%' (code 0x25)"),
            ("AQID=", "Unexpected padding character ('=') as character #1"),
            ("A=", "Unexpected padding character ('=') as character #2"),
            ("é", "Illegal character 'é' (code 0xe9)"),
        ] {
            let (kind, reason) = check_binary(Scalar::Text(text)).expect_err(text);
            assert_eq!(kind, "illegal_argument_exception");
            assert!(reason.starts_with(fault), "{text:?}: {reason}");
        }
        assert!(check_binary(Scalar::Integer(5)).is_err() && check_binary(Scalar::Bool(true)).is_err());
    }
}
