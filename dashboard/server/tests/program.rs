//! The program itself: it starts without a search node, ends on a signal, and says what to change when it cannot start.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dashboard"));
    command.args(["-c", "../../config/dashboard.yml"]);
    for argument in arguments {
        command.args(["-E", argument]);
    }
    // A refusal is one line even where a developer asked for backtraces.
    command.env("RUST_BACKTRACE", "1");
    command.stderr(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn ended(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command(arguments).output().expect("the program runs");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

/// `program: message; remedy`, and nothing else.
fn is_one_line(said: &str) {
    assert!(said.starts_with("dashboard: ") && said.trim_end().lines().count() == 1, "{said}");
}

struct Running {
    child: Child,
    address: String,
    ready: Duration,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn start() -> Running {
    let started = Instant::now();
    let mut child = command(&["server.port=0", "elasticsearch.hosts=http://127.0.0.1:1"])
        .spawn()
        .expect("the program runs");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let line = lines
        .find_map(|line| line.ok().filter(|line| line.contains("dashboard is ready")))
        .expect("it says that it is ready");
    let ready = started.elapsed();
    let address = line.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next());
    let address = address.expect("the line holds the address").trim_matches('"').to_owned();
    // The rest of the log is read, so that the program never waits for us.
    std::thread::spawn(move || lines.for_each(drop));
    Running { child, address, ready }
}

#[test]
fn it_is_ready_at_once_without_a_node_and_ends_on_a_signal() {
    let mut running = start();
    let mut stream = TcpStream::connect(&running.address).expect("it listens");
    let request = format!("GET /api/status HTTP/1.0\r\nhost: {}\r\n\r\n", running.address);
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains("\"reachable\":false"), "{answer}");
    assert!(running.ready < Duration::from_secs(5), "{:?}", running.ready);

    let pid = running.child.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
    assert!(sent.success());

    let status = running.child.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_taken_port_names_the_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port();

    let (code, said) = ended(&[&format!("server.port={port}")]);

    assert_eq!(code, Some(1));
    is_one_line(&said);
    assert!(said.contains(&format!("127.0.0.1:{port}")) && said.contains("-E server.port=PORT"), "{said}");
}

#[test]
fn a_wrong_setting_ends_with_78_and_a_remedy() {
    for (argument, words) in [
        ("server.host=0.0.0.0", "security.enabled: false"),
        ("server.prot=1", "did you mean"),
        ("server.port=seven", "a port"),
        ("elasticsearch.hosts=[]", "list at least one"),
    ] {
        let (code, said) = ended(&[argument]);
        assert_eq!(code, Some(78), "{argument}: {said}");
        assert!(said.contains(words) && said.trim_end().lines().count() == 1, "{argument}: {said}");
    }
}

#[test]
fn an_address_that_is_no_address_is_told_so() {
    let (code, said) = ended(&["server.port=0", "elasticsearch.hosts=['http://']"]);
    assert_eq!(code, Some(1));
    is_one_line(&said);
    assert!(said.contains("is not the address of a node"), "{said}");
}
