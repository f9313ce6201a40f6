//! packet-beat on whole captures: real ones where they are at hand, one made here always.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use beat_packet::{Analyzer, SCHEMA, read_capture};
use daemon::metrics::Metrics;
use fs_err as fs;
use serde_json::{Value, json};

/// The folder of real captures, looked for upwards from here.
fn shared() -> Option<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared/data/pcaps"))
        .find(|folder| folder.is_dir())
}

/// The events of a capture, with flows that no pause splits.
fn events(file: &Path) -> Vec<Value> {
    let yaml = "packet-beat.flows.timeout: 3650d\npacket-beat.flows.period: 0\n\
                packet-beat.protocols.dns.include_authorities: true\n\
                packet-beat.protocols.dns.include_additionals: true\n";
    let settings = settings::load_text(SCHEMA, "test", yaml, &[]).expect("valid settings");
    let mut analyzer = Analyzer::of(&settings, &Metrics::default()).expect("an analyzer");
    read_capture(file, |at, bytes, link, data| {
        analyzer.take(at, bytes, link, data);
        true
    })
    .expect("a capture");
    analyzer.finish();
    analyzer.events().iter().map(|event| Value::Object(event.to_document())).collect()
}

fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "pcap" || end == "pcapng"))
        .collect();
    found.sort();
    found
}

fn expected(folder: &Path, capture: &Path) -> Value {
    let name = capture.file_name().expect("a name").to_string_lossy();
    let text = fs::read_to_string(folder.join(format!("expected/{name}.json"))).expect("the oracle's answer");
    serde_json::from_str(&text).expect("JSON")
}

fn of_kind<'a>(events: &'a [Value], dataset: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["data_stream"]["dataset"] == dataset).collect()
}

/// Both ends and both counts of a flow, in an order that does not depend on who began.
fn flow_line(transport: &str, ends: [(String, u64); 2], sent: [(u64, u64); 2]) -> String {
    let [a, b] = ends;
    let [c, d] = sent;
    let (first, second) = if a <= b { ((a, c), (b, d)) } else { ((b, d), (a, c)) };
    format!("{transport} {first:?} {second:?}")
}

fn our_flows(events: &[Value]) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    for event in of_kind(events, "flow") {
        let transport = event["network"]["transport"].as_str().expect("a transport");
        if !matches!(transport, "tcp" | "udp") || event["source"]["port"] == 0 {
            continue;
        }
        let end = |side: &str| {
            let ip = event[side]["ip"].as_str().expect("an address").to_owned();
            (ip, event[side]["port"].as_u64().expect("a port"))
        };
        let sent = |side: &str| {
            (event[side]["packets"].as_u64().expect("packets"), event[side]["bytes"].as_u64().expect("bytes"))
        };
        let line =
            flow_line(transport, [end("source"), end("destination")], [sent("source"), sent("destination")]);
        *lines.entry(line).or_insert(0) += 1;
    }
    lines
}

fn oracles_flows(expected: &Value) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    for flow in expected["flows"]["list"].as_array().expect("a list") {
        let number = |key: &str| flow[key].as_u64().expect("a number");
        let text = |key: &str| flow[key].as_str().expect("a text").to_owned();
        let line = flow_line(
            &text("transport"),
            [(text("src"), number("sport")), (text("dst"), number("dport"))],
            [(number("src_packets"), number("src_bytes")), (number("dst_packets"), number("dst_bytes"))],
        );
        *lines.entry(line).or_insert(0) += 1;
    }
    lines
}

/// Captures with IP fragments: the oracle counts only the one that completes a datagram, and flows without counts are compared.
const FRAGMENTED: [&str; 1] = ["dns-edns-ecs.pcap"];

fn ends_only(flows: BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    let digits = |text: &str| text.split("), (").next().map(str::to_owned).unwrap_or_default();
    let mut ends = BTreeMap::new();
    for (line, count) in flows {
        let pair: Vec<String> = line.split(" ((").map(digits).collect();
        *ends.entry(pair.join(" ")).or_insert(0) += count;
    }
    ends
}

#[test]
fn every_real_capture_is_read_and_its_flows_are_the_oracles() {
    let Some(folder) = shared() else {
        println!("SKIPPED: no folder shared/data/pcaps above this crate");
        return;
    };
    let mut wrong = Vec::new();
    let mut compared = 0;
    for capture in captures(&folder) {
        let name = capture.file_name().expect("a name").to_string_lossy().into_owned();
        let found = events(&capture);
        if name.starts_with("bad-") {
            continue;
        }
        let (mut ours, mut theirs) = (our_flows(&found), oracles_flows(&expected(&folder, &capture)));
        if FRAGMENTED.contains(&name.as_str()) {
            (ours, theirs) = (ends_only(ours), ends_only(theirs));
        }
        compared += theirs.len();
        if ours != theirs {
            let extra: Vec<_> =
                ours.iter().filter(|(line, count)| theirs.get(*line) != Some(count)).collect();
            let missing: Vec<_> =
                theirs.iter().filter(|(line, count)| ours.get(*line) != Some(count)).collect();
            wrong.push(format!("{name}\n  ours   {extra:#?}\n  theirs {missing:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 150, "only {compared} flows were compared");
}

fn name_of_type(kind: u64) -> String {
    match kind {
        1 => "A".into(),
        2 => "NS".into(),
        5 => "CNAME".into(),
        6 => "SOA".into(),
        12 => "PTR".into(),
        15 => "MX".into(),
        16 => "TXT".into(),
        28 => "AAAA".into(),
        33 => "SRV".into(),
        43 => "DS".into(),
        44 => "SSHFP".into(),
        48 => "DNSKEY".into(),
        255 => "ANY".into(),
        other => format!("type {other}"),
    }
}

#[test]
fn the_dns_of_every_real_capture_is_the_oracles() {
    let Some(folder) = shared() else {
        println!("SKIPPED: no folder shared/data/pcaps above this crate");
        return;
    };
    let codes = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
    let mut compared = 0;
    let mut wrong = Vec::new();
    for capture in captures(&folder) {
        let name = capture.file_name().expect("a name").to_string_lossy().into_owned();
        if name.starts_with("bad-") || name == "dns-malformed.pcap" {
            continue;
        }
        let found = events(&capture);
        let ours: BTreeSet<String> = of_kind(&found, "dns")
            .iter()
            .filter(|event| event["dns"]["type"] == "answer")
            .map(|event| {
                let dns = &event["dns"];
                format!(
                    "{} {} {} {} answers {}",
                    dns["id"],
                    dns["question"]["name"],
                    dns["question"]["type"],
                    dns["response_code"],
                    dns["answers_count"]
                )
            })
            .collect();
        let expected = expected(&folder, &capture);
        let mut theirs = BTreeSet::new();
        for response in expected["dns"]["response_list"].as_array().into_iter().flatten() {
            if response["proto"] != "dns" || (response["sport"] != 53 && response["dport"] != 53) {
                continue;
            }
            let question = &response["questions"][0];
            let asked = question["name"].as_str().unwrap_or_default();
            let asked = if asked == "<Root>" { "" } else { asked };
            let code = response["rcode"].as_u64().and_then(|code| codes.get(code as usize)).copied();
            theirs.insert(format!(
                "{} {} {} {} answers {}",
                response["id"],
                json!(asked),
                json!(name_of_type(question["type"].as_u64().unwrap_or(0))),
                json!(code),
                response["count_answers"]
            ));
        }
        compared += theirs.len();
        if ours != theirs {
            wrong.push(format!(
                "{name}\n  ours alone {:#?}\n  theirs alone {:#?}",
                ours.difference(&theirs).collect::<Vec<_>>(),
                theirs.difference(&ours).collect::<Vec<_>>()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 40, "only {compared} responses were compared");
}

/// A capture of one DNS exchange and an echo, made byte by byte.
fn small_capture() -> Vec<u8> {
    let query =
        b"\x00\x2a\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04weir\x04test\x00\x00\x01\x00\x01".to_vec();
    let mut answer =
        b"\x00\x2a\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x04weir\x04test\x00\x00\x01\x00\x01".to_vec();
    answer.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x63");
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend(b"\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x01\x00\x00\x00");
    let mut add = |micros: u32, source: [u8; 4], ports: (u16, u16), payload: &[u8]| {
        let destination = if source[3] == 1 { [10, 0, 0, 2] } else { [10, 0, 0, 1] };
        let mut frame = Vec::new();
        etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, source[3]], [2, 0, 0, 0, 0, destination[3]])
            .ipv4(source, destination, 64)
            .udp(ports.0, ports.1)
            .write(&mut frame, payload)
            .expect("a frame");
        file.extend(1_600_000_000_u32.to_le_bytes());
        file.extend(micros.to_le_bytes());
        file.extend((frame.len() as u32).to_le_bytes());
        file.extend((frame.len() as u32).to_le_bytes());
        file.extend(frame);
    };
    add(0, [10, 0, 0, 1], (40000, 53), &query);
    add(1500, [10, 0, 0, 2], (53, 40000), &answer);
    file
}

#[test]
fn a_small_capture_gives_its_flow_and_its_transaction() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("small.pcap");
    fs::write(&file, small_capture()).expect("written");

    let found = events(&file);

    let [dns] = of_kind(&found, "dns")[..] else { panic!("one transaction: {found:#?}") };
    assert_eq!(dns["@timestamp"], "2020-09-13T12:26:40.000Z");
    assert_eq!(dns["event"]["duration"], 1_500_000);
    assert_eq!(dns["dns"]["question"], json!({"name": "weir.test", "type": "A", "class": "IN"}));
    assert_eq!(dns["dns"]["resolved_ip"], json!(["10.0.0.99"]));
    assert_eq!(dns["dns"]["answers"][0]["ttl"], "60");
    assert_eq!(dns["dns"]["header_flags"], json!(["RD", "RA"]));
    assert_eq!((&dns["status"], &dns["dns"]["response_code"]), (&json!("OK"), &json!("NOERROR")));
    assert_eq!(dns["query"], "class IN, type A, weir.test");
    let [flow] = of_kind(&found, "flow")[..] else { panic!("one flow: {found:#?}") };
    assert_eq!(
        (&flow["source"], &flow["destination"]),
        (
            &json!({"ip": "10.0.0.1", "port": 40000, "mac": "02-00-00-00-00-01", "bytes": 69, "packets": 1}),
            &json!({"ip": "10.0.0.2", "port": 53, "mac": "02-00-00-00-00-02", "bytes": 85, "packets": 1})
        )
    );
    assert_eq!((&flow["flow"]["final"], &flow["event"]["duration"]), (&json!(true), &json!(1_500_000)));
    assert_eq!(flow["network"]["community_id"], dns["network"]["community_id"]);
}

#[test]
fn every_cut_of_a_capture_gives_what_it_holds_and_says_that_it_is_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cut.pcap");
    let whole = small_capture();
    let first = 24 + 16 + 69;
    for length in 24..whole.len() {
        fs::write(&file, &whole[..length]).expect("written");

        let ending = read_capture(&file, |_, _, _, _| true).expect("a capture");

        assert_eq!(ending.packets, u64::from(length >= first), "cut at {length}");
        assert_eq!(ending.fault.is_some(), length != 24 && length != first, "cut at {length}: {ending:?}");
    }
}

fn program(folder: &Path, arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_packet-beat"))
        .current_dir(folder)
        .args(arguments)
        .args(["-E", "output.console.enabled=true", "-E", "path.data=data"])
        .output()
        .expect("packet-beat runs")
}

#[test]
fn the_program_reads_a_capture_to_the_console_the_same_each_time() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("small.pcap"), small_capture()).expect("written");
    let documents = || -> Vec<Value> {
        let output = program(folder.path(), &["-t", "-I", "small.pcap"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter(|line| line.starts_with('{'))
            .map(|line| {
                let mut document: Value = serde_json::from_str(line).expect("JSON");
                document["agent"]["ephemeral_id"] = Value::Null;
                document
            })
            .collect()
    };

    let (first, second) = (documents(), documents());

    assert_eq!(first.len(), 2, "{first:#?}");
    assert_eq!(first, second);
    assert_eq!(first[0]["agent"]["type"], "packet-beat");
}

#[test]
fn a_file_that_is_no_capture_or_missing_is_refused_with_a_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("text.pcap"), "this is a text and no capture at all").expect("written");

    for (file, words) in
        [("text.pcap", "is no capture"), ("gone.pcap", "give a file that can be read with -I")]
    {
        let output = program(folder.path(), &["-I", file]);

        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(file) && said.contains(words), "{said}");
        let refusals: Vec<&str> = said.lines().filter(|line| line.starts_with("packet-beat: ")).collect();
        assert_eq!(refusals.len(), 1, "{said}");
        assert_eq!(refusals[0].matches(file).count(), 1, "told twice: {said}");
    }
}
