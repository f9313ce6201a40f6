//! What each processor does to an event, and that no input makes one fall over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use event::{Event, Timestamp, Value, json};
use processors::*;
use proptest::prelude::*;

fn event(fields: Value) -> Event {
    let Value::Object(fields) = fields else { panic!("an object") };
    Event::from_object(fields, Timestamp::parse("2026-01-02T03:04:05Z").expect("a moment"))
}

fn grok(expression: &str) -> GrokOptions {
    GrokOptions { matches: vec![("message".into(), vec![expression.into()])], ..GrokOptions::default() }
}

fn date(format: &str, timezone: Option<&str>) -> DateProcessor {
    DateProcessor::new(DateOptions {
        source: "t".into(),
        formats: vec![format.into()],
        timezone: timezone.map(str::to_owned),
        target: "@timestamp".into(),
        tag_on_failure: vec!["_dateparsefailure".into()],
        now: Arc::new(|| Timestamp::parse("2026-01-02T03:04:05Z").expect("a moment")),
    })
    .expect("valid")
}

#[test]
fn an_access_line_becomes_ecs_fields() {
    let line = r#"1.2.3.4 - bob [24/Feb/2015:23:13:42 +0000] "GET /a HTTP/1.1" 200 203 "-" "curl/8""#;
    let mut event = event(json!({"message": line}));

    let outcome = GrokProcessor::new(grok("%{HTTPD_COMBINEDLOG}")).expect("valid").process(&mut event);

    assert_eq!(outcome, Outcome::Applied);
    assert_eq!(event.fields["source"]["address"], "1.2.3.4");
    assert_eq!(event.fields["http"]["response"], json!({"status_code": 200, "body": {"bytes": 203}}));
    assert_eq!(event.fields["user_agent"]["original"], "curl/8");
}

#[test]
fn captures_join_overwrite_and_go_below_a_target() {
    let mut joined = event(json!({"message": "a b"}));
    GrokProcessor::new(grok("%{WORD:x} %{WORD:x}")).expect("valid").process(&mut joined);
    assert_eq!(joined.fields["x"], json!(["a", "b"]));

    let mut over = event(json!({"message": "level rest"}));
    let options =
        GrokOptions { overwrite: vec!["message".into()], ..grok("%{WORD:level} %{GREEDYDATA:message}") };
    GrokProcessor::new(options).expect("valid").process(&mut over);
    assert_eq!(over.fields["message"], "rest");

    let mut below = event(json!({"message": "7"}));
    let options = GrokOptions { target: Some("[a][b]".into()), ..grok("%{INT:[c][d]:int}") };
    GrokProcessor::new(options).expect("valid").process(&mut below);
    assert_eq!(below.fields["a"], json!({"b": {"c": {"d": 7}}}));
}

#[test]
fn a_pattern_that_backtracks_without_end_is_given_up() {
    let mut event = event(json!({"message": format!("{}!", "a".repeat(3000))}));
    let options =
        GrokOptions { timeout: Duration::from_millis(50), ..grok(r"^(?:(?:a+)+)+b\1?|(?:(?:a|a)+)+$") };
    let options = GrokOptions {
        matches: vec![("message".into(), vec![options.matches[0].1[0].replace(r"\1?", "")])],
        ..options
    };
    let begun = Instant::now();

    let outcome = GrokProcessor::new(options).expect("valid").process(&mut event);

    assert_eq!(outcome, Outcome::Failed);
    assert_eq!(event.fields["tags"], json!(["_groktimeout"]));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn wrong_patterns_are_refused_with_their_name() {
    for (expression, want) in [
        ("%{NOPE:x}", "pattern `%{NOPE:x}` is not defined"),
        ("%{INT:x:decimal}", "unknown type `decimal`; write int or float"),
        ("(", "is not a regular expression"),
        ("%{INT", "is not closed"),
    ] {
        let error = GrokProcessor::new(grok(expression)).expect_err(expression).to_string();
        assert!(error.contains(want), "{error}");
    }
    let mut definitions = Patterns::default();
    definitions.define("SELF", "%{SELF}");
    let error = GrokProcessor::new(GrokOptions { definitions, ..grok("%{SELF}") }).expect_err("endless");
    assert!(error.to_string().contains("without end"), "{error}");
}

#[test]
fn dates_are_read_in_every_form() {
    for (format, zone, text, want) in [
        ("dd/MMM/yyyy:HH:mm:ss Z", None, "24/Feb/2015:23:13:42 +0100", "2015-02-24T22:13:42.000Z"),
        ("ISO8601", None, "2015-02-24T23:13:42,123Z", "2015-02-24T23:13:42.123Z"),
        ("ISO8601", Some("+02:00"), "2015-02-24 23:13:42", "2015-02-24T21:13:42.000Z"),
        ("ISO8601", None, "2015-02-24T23:13:42.5+0100", "2015-02-24T22:13:42.500Z"),
        ("UNIX", None, "1424819622.250", "2015-02-24T23:13:42.250Z"),
        ("UNIX_MS", None, "1424819622250", "2015-02-24T23:13:42.250Z"),
        ("MMM  d HH:mm:ss", None, "Dec  9 10:00:00", "2025-12-09T10:00:00.000Z"),
        ("MMM dd HH:mm:ss", None, "Jan 31 10:00:00", "2026-01-31T10:00:00.000Z"),
        ("yyyyMMddHHmmssSSS", None, "20150224231342123", "2015-02-24T23:13:42.123Z"),
        (
            "yyyy-MM-dd HH:mm:ss.SSSSSSSSSSZ",
            None,
            "2015-02-24 23:13:42.1234567891+0000",
            "2015-02-24T23:13:42.123456789Z",
        ),
        ("yyyyMMddHHmmssSSSSSSSSSSS", None, "2015022423134212345678912", "2015-02-24T23:13:42.123456789Z"),
        ("MM/dd/YY h:mm a", Some("EST"), "02/24/15 6:13 PM", "2015-02-24T23:13:00.000Z"),
        (
            "EEE, dd MMM yyyy HH:mm:ss 'GMT'",
            None,
            "Tue, 24 Feb 2015 23:13:42 GMT",
            "2015-02-24T23:13:42.000Z",
        ),
    ] {
        let mut event = event(json!({"t": text}));
        assert_eq!(date(format, zone).process(&mut event), Outcome::Applied, "{format} {text}");
        assert_eq!(event.timestamp.to_string(), want, "{format} {text}");
    }
    let mut wrong = event(json!({"t": "yesterday"}));
    assert_eq!(date("ISO8601", None).process(&mut wrong), Outcome::Failed);
    assert_eq!(wrong.fields["tags"], json!(["_dateparsefailure"]));
}

#[test]
fn mutate_works_in_its_fixed_order() {
    let mut event = event(json!({"a": " Foo,Bar ", "n": "12 apples", "l": ["x"], "m": "y"}));
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let mutate = MutateProcessor::new(MutateOptions {
        copy: vec![pair("b", "c")],
        split: vec![pair("b", ",")],
        strip: vec!["b".into()],
        lowercase: vec!["b".into()],
        gsub: vec![("b".into(), "(o+)".into(), "<\\1>".into())],
        convert: vec![pair("n", "integer")],
        rename: vec![pair("a", "b")],
        merge: vec![pair("l", "m")],
        replace: vec![pair("[r][s]", "%{n}-%{missing}-%{+yyyy.MM.dd}")],
        ..MutateOptions::default()
    })
    .expect("valid");

    assert_eq!(mutate.process(&mut event), Outcome::Applied);

    assert_eq!(
        Value::Object(event.fields),
        json!({"n": 12, "l": ["x", "y"], "m": "y", "b": ["f<oo>", "bar"], "r": {"s": "12 apples-%{missing}-2026.01.02"}, "c": ["f<oo>", "bar"]})
    );
}

#[test]
fn json_opens_text_and_tags_what_is_none() {
    let json_filter = |target: Option<&str>| {
        JsonProcessor::new(JsonOptions {
            source: "message".into(),
            target: target.map(str::to_owned),
            ..JsonOptions::default()
        })
        .expect("valid")
    };
    let mut root = event(json!({"message": r#"{"a":{"b":1},"@timestamp":"2015-02-24T23:13:42Z"}"#}));
    assert_eq!(json_filter(None).process(&mut root), Outcome::Applied);
    assert_eq!(root.fields["a"]["b"], 1);
    assert_eq!(root.timestamp.to_string(), "2015-02-24T23:13:42.000Z");

    let mut list = event(json!({"message": "[1]"}));
    assert_eq!(json_filter(None).process(&mut list), Outcome::Failed);
    assert_eq!(json_filter(Some("t")).process(&mut list), Outcome::Applied);
    assert_eq!(list.fields["t"], json!([1]));
    assert_eq!(list.fields["tags"], json!(["_jsonparsefailure"]));
}

proptest! {
    #[test]
    fn no_text_makes_a_processor_panic(text in any::<String>(), format in "[yMdHmsSZEa:/ ']{1,12}") {
        let mut event = event(json!({"message": text, "t": text}));
        let _any = GrokProcessor::new(grok("%{HTTPD_COMBINEDLOG}")).map(|grok| grok.process(&mut event));
        let _any = GrokProcessor::new(grok(&text)).map(|grok| grok.process(&mut event));
        let _any = JsonProcessor::new(JsonOptions { source: "message".into(), ..JsonOptions::default() }).map(|json| json.process(&mut event));
        let _any = Template::new(&text).render(&event);
        let parsed = JodaFormat::parse(&format);
        prop_assume!(parsed.is_ok());
        date(&format, None).process(&mut event);
    }

    #[test]
    fn a_written_date_is_read_back(seconds in 0_i64..4_000_000_000) {
        let moment = Timestamp::from_nanos(i128::from(seconds) * 1_000_000_000);
        let format = "EEE dd/MMM/yyyy:HH:mm:ss Z";
        let mut event = event(json!({"t": JodaFormat::parse(format).expect("valid").format(moment)}));
        date(format, None).process(&mut event);
        prop_assert_eq!(event.timestamp, moment);
    }
}
