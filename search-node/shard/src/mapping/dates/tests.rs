//! What formats read and write.

use super::iso::read_iso;
use super::*;

#[test]
fn a_letter_stands_no_more_than_so_often() {
    for pattern in ["y".repeat(20), "yyyy-".to_owned() + &"M".repeat(500), "S".repeat(512)] {
        let refused = |reason: String| reason.contains("Too many pattern letters: ");
        assert!(show_as(0, &pattern, &TimeZone::UTC).is_err_and(refused));
        assert!(DateFormats::parse(&pattern).is_err());
    }
    assert_eq!(show_as(0, &"y".repeat(19), &TimeZone::UTC), Ok("0000000000000001970".to_owned()));
}

/// One that an older build took is read as it is.
#[test]
fn a_format_has_a_bound_where_it_is_new() {
    let long = "yyyy||".repeat(100) + "MM";
    let refused = DateFormats::parse(&long).expect_err("too long");
    assert!(refused.starts_with("Invalid format: [yyyy||yyyy||"), "{refused}");
    assert!(refused.ends_with("...]: it has [602] characters, and may have [512]"), "{refused}");
    assert_eq!(DateFormats::read_stored(&long, Locale::ROOT).text(), long);
    assert!(DateFormats::parse(&long[90..]).is_ok(), "512 are fine");
}

const DAY: i64 = 86_400_000;
/// 2026-11-24T10:20:30.123Z
const NOW: i64 = 1_795_515_630_123;

#[test]
fn a_number_is_read_as_its_text() {
    let edges =
        [0, 1, 19, 2024, 20_240_101, 9_999_999_999, 10_000_000_000, NOW, -NOW, (1 << 53) - 1, i64::MAX];
    for formats in [DateFormats::DEFAULT, "epoch_second", "epoch_millis||yyyy", "yyyyMMdd||epoch_millis"] {
        let formats = DateFormats::parse(formats).expect("formats");
        for number in edges {
            let by_text = formats.read(&number.to_string());
            assert_eq!(formats.read_number(number), by_text, "{number} by {formats:?}");
        }
    }
}

#[test]
fn a_date_is_shown_by_a_pattern_in_a_zone() {
    let tokyo = time_zone("Asia/Tokyo").expect("a zone");
    for (pattern, zone, shown) in [
        ("yyyy.MM.dd", &TimeZone::UTC, "2026.11.24"),
        ("uuuu-MM-dd'T'HH:mm:ss.SSS", &tokyo, "2026-11-24T19:20:30.123"),
        ("YYYY.ww", &TimeZone::UTC, "2026.48"),
        ("yyMMdd DDD", &TimeZone::UTC, "261124 328"),
    ] {
        assert_eq!(show_as(NOW, pattern, zone).as_deref(), Ok(shown), "{pattern}");
    }
    assert_eq!(
        show_as(NOW, "f", &TimeZone::UTC),
        Err("Invalid format: [f]: Unknown pattern letter: f".to_owned())
    );
}

#[test]
fn iso_dates_are_read_to_any_depth() {
    for (text, shown) in [
        ("2026", "2026-01-01T00:00:00.000Z"),
        ("2026-11", "2026-11-01T00:00:00.000Z"),
        ("2026-11-24", "2026-11-24T00:00:00.000Z"),
        ("2026-11-24T10", "2026-11-24T10:00:00.000Z"),
        ("2026-11-24T10:20Z", "2026-11-24T10:20:00.000Z"),
        ("2026-11-24T10:20:30.1", "2026-11-24T10:20:30.100Z"),
        ("2026-11-24T10:20:30.123456789+01:30", "2026-11-24T08:50:30.123Z"),
        ("2024-02-29", "2024-02-29T00:00:00.000Z"),
    ] {
        assert_eq!(show(read_iso(text).expect(text).first), shown, "{text}");
    }
    for text in [
        "",
        "26-11-24",
        "2026-13-01",
        "2023-02-29",
        "2026-11-24 10:00",
        "2026-11-24T25",
        "2026-11-24T10:20:30.Z",
    ] {
        assert!(read_iso(text).is_none(), "{text}");
    }
}

#[test]
fn a_cut_off_date_stands_for_all_it_may_mean() {
    let day = read_iso("2026-11-24").expect("a day");
    assert_eq!(day.last - day.first, DAY - 1);
    for text in ["2024", "2024-02"] {
        let first_day = read_iso(text).expect(text);
        assert_eq!(first_day.last - first_day.first, DAY - 1, "{text}");
    }
}

#[test]
fn other_formats_are_read_as_they_say() {
    for (format, text, millis) in [
        ("epoch_millis", "1795515630123", NOW),
        ("epoch_second", "1795515630.123", NOW),
        ("yyyy/MM/dd HH:mm:ss", "2026/11/24 10:20:30", NOW - 123),
        ("dd.MM.yyyy'T'HH:mm:ss.SSSXX", "24.11.2026T11:20:30.123+0100", NOW),
    ] {
        let formats = DateFormats::parse(format).expect(format);
        assert_eq!(formats.read(text).map(|span| span.first), Some(millis), "{format}");
    }
    for (format, text, length) in
        [("yyyy-MM-dd", "2026-11-24", DAY), ("yyyy-MM", "2026-11", DAY), ("HH:mm", "10:20", 60_000)]
    {
        let span = DateFormats::parse(format).expect(format).read(text).expect(text);
        assert_eq!(span.last - span.first, length - 1, "{format}");
    }
    for (format, text) in [
        ("epoch_millis", "99999999999999999999"),
        ("epoch_millis", "-9223372036854775808"),
        ("epoch_second", "1e17"),
    ] {
        let formats = DateFormats::parse(format).expect(format);
        assert_eq!(formats.read(text), None, "{text}");
    }
    assert!(DateFormats::parse("yyyy-fff").is_err());
}

/// What `java.time` reads and writes by the formats of Elasticsearch's family: `read`, a format, a text, the first and the last
/// millisecond that it stands for; `refused`, a format, a text; `written`, a format, milliseconds, a zone, a text.
#[test]
fn formats_read_and_write_what_others_do() {
    let (mut seen, mut faults) = (std::collections::BTreeSet::new(), Vec::new());
    for line in include_str!("expected.tsv").lines() {
        let parts: Vec<&str> = line.split('\t').collect();
        let (what, format, text) = (parts[0], parts[1], parts[2]);
        let formats = DateFormats::parse(format).expect(format);
        seen.insert(format);
        let (found, expected) = match what {
            "written" => {
                let zone = time_zone(parts[3]).expect("a zone");
                (formats.show(text.parse().expect("millis"), &zone), parts[4].to_owned())
            }
            _ => (
                formats.read(text).map_or_else(String::new, |span| format!("{} {}", span.first, span.last)),
                parts[3..].join(" "),
            ),
        };
        if found != expected {
            faults.push(format!("{line}: {found}"));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(named::names().all(|name| seen.contains(name)), "a name is missing");
}

#[test]
fn a_format_that_is_none_is_refused_in_the_usual_words() {
    for (format, reason) in [
        ("foo", "Invalid format: [foo]: Unknown pattern letter: f"),
        (
            "yyyy-MM-dd'T",
            "Invalid format: [yyyy-MM-dd'T]: Pattern ends with an incomplete string literal: yyyy-MM-dd'T",
        ),
        ("yyyy]", "Invalid format: [yyyy]]: Pattern invalid as it contains ] without previous ["),
        ("yyyy{", "Invalid format: [yyyy{]: Pattern includes reserved character: '{'"),
        ("HHH", "Invalid format: [HHH]: Too many pattern letters: H"),
        ("", "No date pattern provided"),
        ("yyyy||", "Cannot have empty element in multi date format pattern: yyyy||"),
    ] {
        assert_eq!(DateFormats::parse(format).err().as_deref(), Some(reason), "{format}");
    }
    // Optional parts within one another end, however many are asked for.
    assert!(DateFormats::parse(&"[".repeat(70_000)).is_err());
}

#[test]
fn years_of_more_than_four_digits_are_shown_as_they_are_read() {
    let formats = DateFormats::default();
    for text in ["+10000-01-01T00:00:00.000Z", "-0044-03-15T12:00:00.000Z", "+292278993-12-31T23:59:59.999Z"]
    {
        let span = formats.read(text).expect(text);
        assert_eq!(show(span.first), text);
    }
    assert_eq!(formats.read("10000-01-01"), None);
    assert_eq!(show(i64::MAX), "+292278994-08-17T07:12:55.807Z");
    assert_eq!(show(i64::MIN), "-292275055-05-16T16:47:04.192Z");
}
