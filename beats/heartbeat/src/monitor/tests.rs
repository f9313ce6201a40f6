//! Monitors against small servers of the tests.

use settings::load_text;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::SCHEMA;

fn monitors(yaml: &str) -> Result<Vec<Monitor>, SettingsError> {
    let settings = load_text(SCHEMA, "test", &format!("heartbeat.monitors:\n{yaml}"), &[]).expect("valid");
    Monitor::all(&settings)
}

async fn checked(yaml: &str) -> Vec<Value> {
    let monitor = monitors(yaml).expect("valid").remove(0);
    monitor.check(&Clock::system()).await.iter().map(|event| Value::Object(event.to_document())).collect()
}

/// Answers every connection with these bytes.
async fn server(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _read = stream.read(&mut request).await;
            let _written = stream.write_all(answer.as_bytes()).await;
        }
    });
    port
}

const OK: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 5\r\n\r\nhello";
const BROKEN: &str = "HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn http_that_answers_is_up_with_its_figures() {
    let port = server(OK).await;

    let events = checked(&format!("  - type: http\n    id: web\n    hosts: ['http://127.0.0.1:{port}/a?b=1']\n    check.response.body: [hel+o]\n")).await;

    let event = &events[0];
    assert_eq!(events.len(), 1);
    assert_eq!(event["monitor"]["status"], "up", "{event}");
    assert_eq!(
        event["url"],
        json!({"scheme": "http", "domain": "127.0.0.1", "full": format!("http://127.0.0.1:{port}/a?b=1"), "port": port, "path": "/a"})
    );
    assert_eq!(
        (&event["http"]["response"]["status_code"], &event["http"]["response"]["mime_type"]),
        (&json!(200), &json!("text/plain"))
    );
    assert_eq!((&event["summary"]["up"], &event["summary"]["down"]), (&json!(1), &json!(0)));
    assert_eq!(event["data_stream"]["dataset"], "http");
    assert!(event["http"]["rtt"]["total"]["us"].is_u64() && event["tcp"]["rtt"]["connect"]["us"].is_u64());
}

#[tokio::test]
async fn a_server_cannot_choose_the_names_of_fields() {
    let port = server(
        "HTTP/1.1 200 OK\r\nServer: s\r\nx-1: a\r\nx-2: b\r\nVary: c\r\nVary: d\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    let usual = format!("  - hosts: ['http://127.0.0.1:{port}']\n");

    let headers = checked(&usual).await[0]["http"]["response"]["headers"].clone();
    let wanted = checked(&format!("{usual}    response.headers: [Vary, none]\n")).await[0].clone();

    assert_eq!(headers, json!({"server": "s", "content-length": "0"}));
    assert_eq!(wanted["http"]["response"]["headers"], json!({"vary": "c, d"}));
}

#[tokio::test]
async fn what_is_wrong_is_down_with_its_kind() {
    let (ok, broken) = (server(OK).await, server(BROKEN).await);
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("bound").port();
    let cases = [
        (format!("type: http\n    hosts: ['http://127.0.0.1:{broken}']"), "validate"),
        (
            format!("type: http\n    hosts: ['http://127.0.0.1:{ok}']\n    check.response.status: [201]"),
            "validate",
        ),
        (
            format!("type: http\n    hosts: ['http://127.0.0.1:{ok}']\n    check.response.body: [bye]"),
            "validate",
        ),
        (format!("type: http\n    hosts: ['http://127.0.0.1:{closed}']"), "io"),
        (format!("type: tcp\n    hosts: ['127.0.0.1:{closed}']"), "io"),
        (
            format!(
                "type: tcp\n    hosts: ['127.0.0.1:{ok}']\n    check.send: x\n    check.receive: bye\n    timeout: 5s"
            ),
            "validate",
        ),
        ("type: tcp\n    hosts: ['name.invalid:1']\n    timeout: 2s".to_owned(), "io"),
    ];
    for (yaml, kind) in cases {
        let events = checked(&format!("  - {yaml}\n")).await;

        assert_eq!(events[0]["monitor"]["status"], "down", "{yaml}");
        assert_eq!(events[0]["error"]["type"], kind, "{yaml}: {}", events[0]);
        assert_eq!(events[0]["summary"]["down"], 1, "{yaml}");
    }
}

#[tokio::test]
async fn a_503_that_is_wanted_is_up_and_only_the_last_event_has_the_summary() {
    let (ok, broken) = (server(OK).await, server(BROKEN).await);

    let events = checked(&format!("  - type: http\n    hosts: ['http://127.0.0.1:{ok}', 'http://127.0.0.1:{broken}']\n    check.response.status: [200, 503]\n")).await;

    assert_eq!(events.iter().map(|e| e["monitor"]["status"].clone()).collect::<Vec<_>>(), ["up", "up"]);
    assert!(events[0].get("summary").is_none());
    assert_eq!(events[1]["summary"]["up"], 2);
    assert_eq!(events[0]["monitor"]["check_group"], events[1]["monitor"]["check_group"]);
}

#[tokio::test]
async fn loopback_answers_an_echo_or_the_remedy_is_named() {
    let events = checked("  - type: icmp\n    hosts: [127.0.0.1]\n    timeout: 3s\n").await;

    let event = &events[0];
    if event["monitor"]["status"] == "up" {
        assert!(event["icmp"]["rtt"]["us"].is_u64(), "{event}");
    } else {
        assert_eq!(event["error"]["type"], "io");
        assert!(
            event["error"]["message"].as_str().is_some_and(|text| text.contains("cap_net_raw")),
            "{event}"
        );
    }
}

#[test]
fn a_wrong_monitor_is_refused() {
    for yaml in [
        "  - type: http\n",
        "  - hosts: ['ftp://x']\n",
        "  - hosts: [x]\n    schedule: often\n",
        "  - type: tcp\n    hosts: [x]\n",
        "  - hosts: [x]\n  - hosts: [x]\n",
    ] {
        assert!(monitors(yaml).is_err(), "{yaml}");
    }
}
