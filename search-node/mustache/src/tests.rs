//! What Elasticsearch's templates come to, and what is refused.

use serde_json::json;

use super::*;

const BYTES_MAX: usize = 1 << 20;

fn params() -> Value {
    json!({
        "x": "a\"b\\c\n<&é/\u{1}", "n": 5, "f": 1.5, "b": true, "bf": false, "nul": null, "e": "", "l": ["a", "b", 3],
        "o": {"k": "v", "l": [1, 2], "n": null}, "lo": [{"a": 1}, {"a": 2}], "z": 0, "el": [], "eo": {}, "ll": [[1], [2, 3]]
    })
}

fn rendered(text: &str) -> Result<String, Fault> {
    Template::read(text)?.render(&params(), Escape::Json, BYTES_MAX)
}

#[test]
fn templates_come_to_what_elasticsearch_makes_of_them() {
    for (text, wanted) in [
        ("{{x}}", r#"a\"b\\c\n<&é/\u0001"#),
        ("{{{x}}}|{{&x}}", "a\"b\\c\n<&é/\u{1}|a\"b\\c\n<&é/\u{1}"),
        ("{{n}} {{f}} {{b}} {{nul}} {{e}} {{missing}} {{z}}", "5 1.5 true    0"),
        ("{{l}} {{o}} {{eo}}", "{0=a, 1=b, 2=3} {k=v, l=[1, 2], n=null} {}"),
        ("{{l.0}} {{l.size}} {{l.9}} {{l.x}} {{o.k}} {{o.l.1}} {{o.a.b}}", "a 3   v 2 "),
        (
            "{{#b}}1{{/b}}{{#bf}}2{{/bf}}{{#nul}}3{{/nul}}{{#e}}4{{/e}}{{#z}}5{{/z}}{{#el}}6{{/el}}{{#eo}}7{{/eo}}",
            "157",
        ),
        (
            "{{^b}}1{{/b}}{{^bf}}2{{/bf}}{{^nul}}3{{/nul}}{{^e}}4{{/e}}{{^z}}5{{/z}}{{^el}}6{{/el}}{{^no}}8{{/no}}",
            "23468",
        ),
        ("{{#l}}{{.}},{{/l}}{{#lo}}{{a}};{{n}}{{/lo}}", "a,b,3,1;52;5"),
        ("{{#lo}}{{#a}}{{.}}{{/a}}{{/lo}}{{#ll}}{{#.}}{{.}}{{/.}}-{{/ll}}", "121-23-"),
        (
            "{{#toJson}}l{{/toJson}}{{#toJson}} o {{/toJson}}{{#toJson}}lo.1{{/toJson}}",
            r#"["a","b",3]{"k":"v","l":[1,2],"n":null}{"a":2}"#,
        ),
        ("{{#toJson}}n{{/toJson}}|{{#toJson}}e{{/toJson}}|{{#toJson}}missing{{/toJson}}|", "5|||"),
        ("{{#join}}l{{/join}} {{#join delimiter='||'}}l{{/join delimiter='||'}}", "a,b,3 a||b||3"),
        ("{{#join}}n{{/join}} {{#join}}missing{{/join}} {{#join}}lo{{/join}}", "n missing {a=1},{a=2}"),
        ("{{#url}}{{o.k}}/a b?{{n}}é{{/url}}", "v%2Fa+b%3F5%C3%A9"),
        ("{{! nothing }}{{=<% %>=}}<%n%>{{n}}<%={{ }}=%>{{n}}", "5{{n}}5"),
        ("{{$block}}default{{/block}}{{#o}}{{k}}{{/o}}", "defaultv"),
        ("{\"size\": \"{{#size}}{{size}}{{/size}}{{^size}}10{{/size}}\"}", "{\"size\": \"10\"}"),
        ("no tag at } all {", "no tag at } all {"),
    ] {
        assert_eq!(rendered(text), Ok(wanted.to_owned()), "{text}");
    }
}

#[test]
fn what_is_no_template_is_refused_with_its_place() {
    for (text, wanted) in [
        ("{{#b}}", "Failed to close 'b' tag @[query-template:1]"),
        ("\n{{/b}}", "Mismatched start/end tags: null != b in query-template:2 @[query-template:2]"),
        ("{{#a}}{{/b}}", "Mismatched start/end tags: a != b in query-template:1 @[query-template:1]"),
        ("{{> p}}", "Partial templates are not supported in Mustache scripts: [p]"),
        ("{{x", "Improperly closed variable @[query-template:1]"),
        ("{{ }}", "Empty mustache @[query-template:1]"),
        ("{{=a #=}}a#", "Improperly closed variable @[query-template:1]"),
        ("{{=a #=}}a#x#", "Failed to close 'x' tag @[query-template:1]"),
        ("{{=a=}}", "Invalid delimiter string: a @[query-template:1]"),
        ("{{#join}}a{{b}}{{/join}}", "Mustache function [join] must contain one and only one identifier"),
        ("{{#toJson}}{{/toJson}}", "Mustache function [toJson] must contain one and only one identifier"),
    ] {
        assert_eq!(rendered(text), Err(Fault::Syntax(wanted.to_owned())), "{text}");
    }
    assert!(rendered(&"{{#b}}".repeat(200)).is_err_and(|fault| fault.to_string().contains("[100]")));
}

#[test]
fn what_comes_of_a_template_is_bounded() {
    let template = Template::read("{{#l}}{{{x}}}{{/l}}").expect("a template");
    let long = json!({"l": vec![1; 100], "x": "0123456789"});
    assert_eq!(template.render(&long, Escape::Json, 1000).expect("fits").len(), 1000);
    assert_eq!(template.render(&long, Escape::Json, 999), Err(Fault::TooLong { bytes_max: 999 }));

    let deep = format!("{}{}", "{{#l}}".repeat(50), "{{/l}}".repeat(50));
    let template = Template::read(&deep).expect("a template");
    assert_eq!(template.render(&long, Escape::Json, 1000), Err(Fault::TooManySteps));

    let long_name =
        format!("{{{{#l}}}}{{{{#l}}}}{{{{^{0}}}}}{{{{/{0}}}}}{{{{/l}}}}{{{{/l}}}}", "x".repeat(60_000));
    let template = Template::read(&long_name).expect("a template");
    assert_eq!(template.render(&long, Escape::Json, 1000), Err(Fault::TooManySteps));
}

#[test]
fn the_kind_of_text_says_what_is_escaped() {
    for (media_type, wanted) in [
        ("application/json; charset=UTF-8", Some("a\\\" b")),
        ("text/plain", Some("a\" b")),
        ("application/x-www-form-urlencoded", Some("a%22+b")),
        ("text/html", None),
    ] {
        let escape = Escape::of_media_type(media_type);
        let template = Template::read("{{x}}").expect("a template");
        let text =
            escape.map(|escape| template.render(&json!({"x": "a\" b"}), escape, BYTES_MAX).expect("a text"));
        assert_eq!(text.as_deref(), wanted, "{media_type}");
    }
}
