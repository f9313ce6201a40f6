//! The table of conditions: what holds for one event.

use event::{Event, Timestamp, json};
use shipper::condition::holds;
use shipper::language::ast::Stage;
use shipper::language::parse;

fn event() -> Event {
    let mut event = Event::at(Timestamp::parse("2026-11-24T10:00:00Z").expect("valid"));
    event
        .set("message", "GET /a/b 200")
        .set("status", 200)
        .set("ratio", 0.5)
        .set("yes", true)
        .set("no", false);
    event
        .set("tags", json!(["one", "two"]))
        .set("http.response.code", 404)
        .set("text_number", "200")
        .set("@metadata.keep", "x");
    event
}

#[test]
fn conditions_hold_as_in_logstash() {
    let table: &[(&str, bool)] = &[
        ("[status] == 200", true),
        ("[status] == \"200\"", false),
        ("[status] != 200", false),
        ("[missing] == 200", false),
        ("[missing] != 200", true),
        ("[status] > 199 and [status] <= 200", true),
        ("[status] < 200", false),
        ("[missing] < 200", false),
        ("[ratio] >= 0.5", true),
        ("[text_number] == \"200\"", true),
        ("[message]", true),
        ("[missing]", false),
        ("[no]", false),
        ("[yes]", true),
        ("![missing]", true),
        ("!([status] == 200)", false),
        ("[http][response][code] == 404", true),
        ("[@metadata][keep] == \"x\"", true),
        ("[@timestamp] == \"2026-11-24T10:00:00.000Z\"", true),
        ("\"one\" in [tags]", true),
        ("\"three\" in [tags]", false),
        ("\"three\" not in [tags]", true),
        ("\"GET\" in [message]", true),
        ("[status] in [200, 201]", true),
        ("[status] in [404]", false),
        ("[text_number] in [\"200\", \"201\"]", true),
        ("\"code\" in [http][response]", true),
        ("[missing] in [tags]", false),
        ("[missing] not in [tags]", true),
        ("[message] =~ /^GET \\/a/", true),
        ("[message] =~ \"^POST\"", false),
        ("[message] !~ /POST/", true),
        ("[missing] =~ /a/", false),
        ("[missing] !~ /a/", true),
        // `and` binds tighter than `or`.
        ("[yes] or [yes] and [no]", true),
        ("([yes] or [yes]) and [no]", false),
        ("[no] and [yes] or [yes]", true),
        ("[yes] xor [yes]", false),
        ("[yes] xor [no]", true),
        ("[yes] nand [yes]", false),
        ("[yes] nand [no]", true),
        ("[yes] xor [yes] or [yes]", true),
        ("[no] or [no] or [no] or [yes]", true),
    ];
    let event = event();
    for (text, expected) in table {
        let config = parse("table", &format!("filter {{ if {text} {{ drop {{ }} }} }}"))
            .unwrap_or_else(|fault| panic!("{fault}"));
        let Stage::Branch(branch) = &config.filters[0] else { panic!("{text}: no branch") };
        assert_eq!(holds(&branch.arms[0].0, &event), *expected, "{text}");
    }
}
