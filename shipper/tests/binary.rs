//! The real program: standard input to standard output, its refusals, its API, and its end on a signal.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use event::{Value, json};

fn shipper(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shipper"));
    command.current_dir(folder).args(["-E", "api.http.port=0", "-E", "path.data=data"]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn finish(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = shipper(folder, arguments).spawn().expect("starts");
    // A program that refuses its configuration does not wait to be written to.
    let _written = child.stdin.take().expect("piped").write_all(input.as_bytes());
    child.wait_with_output().expect("ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn lines_in_become_events_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = "input { stdin { codec => json } } filter { if [drop] { drop { } } mutate { rename => { \"a\" => \"b\" } add_tag => \"seen\" } } output { stdout { codec => json_lines } }";

    let output = finish(
        folder.path(),
        &["-e", pipeline],
        "{\"a\":1,\"@timestamp\":\"2026-01-01T00:00:00.000Z\"}\n{\"drop\":true}\n{\"a\":2}",
    );

    assert!(output.status.success(), "{}", text(&output.stderr));
    let events: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(events.len(), 2);
    assert_eq!(
        (&events[0]["@timestamp"], &events[0]["b"], &events[0]["tags"]),
        (&json!("2026-01-01T00:00:00.000Z"), &json!(1), &json!(["seen"]))
    );
    assert_eq!(events[1]["b"], 2);
}

#[test]
fn the_generator_counts_and_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline =
        "input { generator { lines => [\"a\", \"b\"] count => 1000 } } output { stdout { codec => dots } }";

    let output = finish(folder.path(), &["-e", pipeline], "");

    assert_eq!(text(&output.stdout), ".".repeat(2000));
}

/// A pipe that is full for a while stands for a disk that is: what was not written must not count as delivered.
#[test]
fn standard_output_that_refuses_for_a_while_gets_everything_in_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    rustix::io::ioctl_fionbio(&writer, true).expect("non-blocking");
    let pipeline = "input { generator { message => \"0123456789\" count => 20000 } } output { stdout { codec => line } }";
    let mut command = shipper(folder.path(), &["-e", pipeline]);
    let mut child = command.stdout(writer).spawn().expect("starts");
    // The command holds the writing end too, and the reader waits for all of them to go.
    drop(command);
    let mut log = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("standard output cannot be written") {
        line.clear();
        assert!(log.read_line(&mut line).expect("a line") > 0, "the pipe was never full");
    }

    let logging = std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    let mut output = String::new();
    reader.read_to_string(&mut output).expect("read");

    assert!(child.wait().expect("ends").success());
    logging.join().expect("no panic").expect("read");
    assert_eq!(output.len(), 20_000 * 11);
    assert!(output.lines().all(|line| line == "0123456789"));
}

#[test]
fn a_wrong_configuration_is_refused_with_78() {
    let folder = tempfile::tempdir().expect("a folder");
    fs_err::write(folder.path().join("main.conf"), "input { stdin { } }\nfilter {\n  gork { }\n}\n")
        .expect("written");
    let table: [(&[&str], &str); 4] = [
        (&["-f", "main.conf"], "shipper: main.conf:3:3: unknown filter `gork`; did you mean `grok`?\n"),
        (
            &["-f", "main.conf", "test", "config"],
            "shipper: main.conf:3:3: unknown filter `gork`; did you mean `grok`?\n    gork { }\n    ^\n",
        ),
        (
            &["-e", "output { null { } }"],
            "shipper: -e: there is no input; add e.g. input { beats { port => 5044 } }\n",
        ),
        (
            &["-E", "pipeline.wrokers=2"],
            "shipper: -E: unknown setting [pipeline.wrokers]: did you mean [pipeline.workers]?\n",
        ),
    ];
    for (arguments, expected) in table {
        let output = finish(folder.path(), arguments, "");
        assert_eq!(
            (output.status.code(), text(&output.stderr).as_str()),
            (Some(78), expected),
            "{arguments:?}"
        );
    }
    let output = finish(folder.path(), &["-t", "-e", "input { stdin { } }"], "");
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), "Config OK\n"));
}

/// Starts with a beats input and waits for the ready line; gives the beats address and the API's.
fn started(folder: &Path) -> (Child, BufReader<std::process::ChildStderr>, String, String) {
    let mut child = shipper(
        folder,
        &["-E", "logging.format=json", "-e", "input { beats { port => 0 } } output { null { } }"],
    )
    .spawn()
    .expect("starts");
    let mut log = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    log.read_line(&mut line).expect("a line");
    let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(ready["message"], "shipper is ready");
    let address = |key: &str| ready[key].as_str().expect("an address").to_owned();
    let (beats, api) = (address("beats"), address("api"));
    (child, log, beats, api)
}

fn get(api: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(api).expect("connected");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\n\r\n").expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("read");
    answer
}

#[test]
fn the_api_tells_and_a_signal_ends_the_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut child, mut log, beats, api) = started(folder.path());

    for (path, part) in [
        ("/", "\"status\":\"green\""),
        ("/_node", "\"batch_size\":125"),
        ("/_node/pipelines", "\"name\":\"beats\""),
        ("/_node/stats", "\"events\":{\"in\":0"),
        ("/metrics", "shipper_events_received_total 0"),
        ("/nowhere", "HTTP/1.1 404"),
    ] {
        let answer = get(&api, path);
        assert!(answer.contains(part), "{path}: {answer}");
    }
    let port = beats.rsplit(':').next().expect("a port");
    let taken = finish(
        folder.path(),
        &["-e", &format!("input {{ beats {{ port => {port} }} }} output {{ null {{ }} }}")],
        "",
    );
    let told = text(&taken.stderr);
    assert!(
        taken.status.code() == Some(1)
            && told.contains("the port is in use")
            && told.contains("`port` in the input `beats`"),
        "{told}"
    );
    let taken = finish(
        folder.path(),
        &[
            "-E",
            &format!("api.http.port={}", api.rsplit(':').next().expect("a port")),
            "-e",
            "input { stdin { } }",
        ],
        "",
    );
    assert!(text(&taken.stderr).contains("-E api.http.port=PORT"), "{}", text(&taken.stderr));

    let killed = Command::new("kill").arg(child.id().to_string()).status().expect("kill");
    assert!(killed.success());
    let mut rest = String::new();
    log.read_to_string(&mut rest).expect("read");
    assert!(child.wait().expect("ends").success() && rest.contains("shipper has stopped"), "{rest}");
}
