//! Bodies as they come over the wire: packed, cut short, too large, and large but bounded in memory.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use search_client::Method;
use serde_json::{Value, json};
use system_tests::SearchNode;

async fn node(folder: &tempfile::TempDir) -> SearchNode {
    SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node")
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packing = GzEncoder::new(Vec::new(), Compression::best());
    packing.write_all(bytes).expect("packed");
    packing.finish().expect("packed")
}

/// Sends a request with its body in pieces and reads the answer: status and JSON.
fn send(port: u16, path: &str, headers: &str, pieces: impl Iterator<Item = Vec<u8>>) -> (u16, Value) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a limit");
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    for piece in pieces {
        let sent = stream
            .write_all(format!("{:x}\r\n", piece.len()).as_bytes())
            .and_then(|()| stream.write_all(&piece))
            .and_then(|()| stream.write_all(b"\r\n"));
        // A node that has refused the request need not read the rest of it.
        if sent.is_err() {
            break;
        }
    }
    let _refused_early = stream.write_all(b"0\r\n\r\n").is_err();
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).is_err();
    let text = String::from_utf8_lossy(&answer);
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let from = text.find('{').unwrap_or(text.len());
    let to = text.rfind('}').map_or(from, |at| at + 1);
    (status, serde_json::from_str(&text[from..to]).unwrap_or_default())
}

const BULK: &[u8] = b"{\"index\":{\"_index\":\"i\",\"_id\":\"1\"}}\n{\"n\":1}\n";

#[tokio::test]
async fn a_packed_bulk_is_done_and_a_damaged_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node(&folder).await;
    let whole = packed(BULK);

    let (status, answer) =
        send(node.port, "/_bulk", "content-encoding: gzip\r\n", std::iter::once(whole.clone()));
    assert_eq!((status, &answer["errors"]), (200, &json!(false)), "{answer}");

    let short = whole[..whole.len() - 4].to_vec();
    let (status, answer) = send(node.port, "/_bulk", "content-encoding: gzip\r\n", std::iter::once(short));
    assert_eq!((status, &answer["error"]["type"]), (400, &json!("illegal_argument_exception")), "{answer}");
    let reason = answer["error"]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("the gzip body cannot be unpacked"), "{reason}");

    let (status, answer) =
        send(node.port, "/_bulk", "content-encoding: br\r\n", std::iter::once(BULK.to_vec()));
    assert_eq!((status, &answer["error"]["type"]), (415, &json!("media_type_header_exception")), "{answer}");
}

#[tokio::test]
async fn a_bomb_is_refused_without_being_unpacked() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node(&folder).await;
    let mut bomb = b"{\"index\":{\"_index\":\"i\"}}\n{\"a\":\"".to_vec();
    bomb.resize(300 << 20, b'x');
    let bomb = packed(&bomb);
    let before = node.program.resident_bytes_max();

    let (status, answer) = send(node.port, "/_bulk", "content-encoding: gzip\r\n", std::iter::once(bomb));

    assert_eq!((status, &answer["error"]["type"]), (413, &json!("content_too_long_exception")), "{answer}");
    let grown = node.program.resident_bytes_max().saturating_sub(before) >> 20;
    // One line may be as long as http.max_content_length, and growing a buffer doubles it at worst.
    assert!(grown < 320, "the node grew by {grown} MB");
}

#[tokio::test]
async fn a_bulk_as_large_as_is_allowed_takes_little_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node(&folder).await;
    // Every source is broken, so that what grows is the request and not the index.
    let broken = format!("{{\"index\":{{\"_index\":\"i\"}}}}\n{{\"a\":\"{}\n", "x".repeat(16 << 10));
    let before = node.program.resident_bytes_max();

    let pieces = (0..5_500).map(|_| broken.clone().into_bytes());
    let (status, answer) = send(node.port, "/_bulk?filter_path=errors,items.*.status", "", pieces);

    assert_eq!((status, &answer["errors"]), (200, &json!(true)));
    assert_eq!(answer["items"].as_array().map(Vec::len), Some(5_500));
    let grown = node.program.resident_bytes_max().saturating_sub(before) >> 20;
    assert!(grown < 50, "a body of 86 MB made the node grow by {grown} MB");
}

#[tokio::test]
async fn a_line_that_cannot_be_read_after_megabytes_says_what_was_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node(&folder).await;
    let good = format!("{{\"index\":{{\"_index\":\"i\"}}}}\n{{\"a\":\"{}\"}}\n", "word ".repeat(13_000));
    let pieces = (0..100).map(|_| good.clone().into_bytes()).chain(std::iter::once(b"nonsense\n".to_vec()));

    let (status, answer) = send(node.port, "/_bulk", "", pieces);

    let reason = answer["error"]["reason"].as_str().expect("a reason").to_owned();
    assert_eq!(status, 400, "{answer}");
    assert!(reason.starts_with("Malformed action/metadata line [201]"), "{reason}");
    assert!(reason.ends_with("actions before these lines were done"), "{reason}");
}

/// Some editors put one before every text that they write.
#[tokio::test]
async fn a_mark_of_utf_8_is_no_part_of_a_body_or_a_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node(&folder).await;
    let marked = |text: &str| std::iter::once(format!("\u{feff}{text}").into_bytes());

    let (status, answer) = send(node.port, "/i/_doc/1", "", marked("{\"n\":1}"));
    assert_eq!(status, 201, "{answer}");
    let bulk = "{\"index\":{\"_id\":\"2\"}}\n\u{feff}{\"n\":1}\n";
    let (status, answer) = send(node.port, "/i/_bulk?refresh=true", "", marked(bulk));
    assert_eq!((status, &answer["errors"]), (200, &json!(false)), "{answer}");

    let (status, answer) =
        send(node.port, "/i/_search", "", marked("{\"query\":{\"term\":{\"n\":1}},\"sort\":[\"_doc\"]}"));

    assert_eq!((status, &answer["hits"]["total"]["value"]), (200, &json!(2)), "{answer}");
    assert_eq!(answer["hits"]["hits"][0]["_source"], json!({"n": 1}));
}

/// However a body is written, the document is the same, and the answer comes in the form of the body unless the client says otherwise.
#[tokio::test]
async fn a_document_may_come_as_yaml_cbor_or_smile() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node(&folder).await;
    let cbor: &[u8] = b"\xa1\x61a\x82\x01\x02";
    let smile: &[u8] = b":)\n\x01\xfa\x80a\xf8\xc2\xc4\xf9\xfb";
    for (id, kind, body) in [
        ("yaml", "application/yaml", &b"a: [1, 2]\n"[..]),
        ("cbor", "application/cbor", cbor),
        ("smile", "application/smile", smile),
        ("vendor", "application/vnd.elasticsearch+cbor;compatible-with=8", cbor),
    ] {
        let path = format!("/i/_doc/{id}");

        let answer = node.client.send(Method::PUT, &path, kind, body.to_vec()).await.expect("answered");

        assert_eq!(answer.status, 201, "{id}: {}", String::from_utf8_lossy(&answer.body));
        assert!(serde_json::from_slice::<Value>(&answer.body).is_err(), "{id}: the answer is JSON");
        let read = node.client.send(Method::GET, &path, "application/json", "").await.expect("answered");
        let read: Value = serde_json::from_slice(&read.body).expect("JSON");
        assert_eq!(read["_source"], json!({"a": [1, 2]}), "{id}");
    }

    for (kind, body, status) in [
        ("application/cbor", &b"\xff\xff"[..], 400),
        ("application/yaml", b"a: [", 400),
        ("text/plain", b"{}", 406),
        ("application/vnd.elasticsearch+json;compatible-with=6", b"{}", 400),
    ] {
        let answer = node.client.send(Method::PUT, "/i/_doc/1", kind, body.to_vec()).await.expect("answered");
        assert_eq!(answer.status, status, "{kind}: {}", String::from_utf8_lossy(&answer.body));
    }
    let lines = node.client.send(Method::POST, "/_bulk", "application/yaml", BULK.to_vec()).await;
    assert_eq!(lines.expect("answered").status, 406);
}

/// What the node answers, head and body apart.
fn answered(port: u16, request: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a limit");
    let head = format!(
        "{request} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\naccept-encoding: gzip\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let at = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    (String::from_utf8_lossy(&answer[..at]).to_ascii_lowercase(), answer.split_off(at + 4))
}

#[tokio::test]
async fn answers_are_packed_for_who_asks_and_heads_tell_their_length() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node(&folder).await;

    let (large, body) = answered(node.port, "GET /_nodes");
    assert!(large.contains("content-encoding: gzip"), "{large}");
    assert!(body.windows(3).any(|three| three == [0x1f, 0x8b, 8]), "packed");

    let (small, body) = answered(node.port, "GET /");
    assert!(!small.contains("content-encoding"), "{small}");
    let (of_head, nothing) = answered(node.port, "HEAD /");
    let length = format!("content-length: {}", body.len());
    assert!(of_head.contains(&length) && nothing.is_empty(), "{of_head}");
}
