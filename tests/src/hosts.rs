//! Hosts for the nodes of a cluster: network namespaces with an address each, on a bridge in a namespace of its own.
//!
//! ```text
//!  tests ── 127.0.0.1:port ──▶ door ┆ host 0  10.77.0.1 ──┐
//!                                   ┆ host 1  10.77.0.2 ──┼── bridge
//!                                   ┆ host 2  10.77.0.3 ──┘
//! ```
//!
//! Nothing of them can be reached from where the tests run, nor the other way round, but through doors: ports of loopback, whose
//! connections go on within the namespace of a host.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use anyhow::Context;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::ways::Flow;

/// Where `ip netns` keeps namespaces.
const NAMESPACES: &str = "/run/netns";
/// The names of those of tests begin so, followed by the id of the process that made them.
const PREFIX: &str = "weir-";
const BRIDGE: &str = "bridge";
/// A host that is there answers at once, or not at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// The most hosts of one network.
const HOSTS_MAX: usize = 200;

/// Hosts on one network.
pub struct Hosts {
    name: String,
    hosts: Vec<Host>,
    flows: Mutex<BTreeMap<(usize, usize), Flow>>,
}

struct Host {
    namespace: String,
    address: Ipv4Addr,
    /// Whoever opens the door; it ends with the host.
    door: Option<JoinHandle<()>>,
}

type Opened = std::io::Result<std::net::TcpStream>;

impl Hosts {
    /// Why this user cannot have hosts, if so.
    pub fn refusal() -> Option<String> {
        // Only what rights and programs it takes: that our own rules are wrong is no refusal.
        let probe = || -> anyhow::Result<()> {
            let mut hosts = Self::new()?;
            let host = hosts.add()?;
            hosts.rule(host, "flush ruleset\n")
        };
        probe().err().map(|error| format!("{error:#}"))
    }

    /// A network without hosts.
    pub(crate) fn new() -> anyhow::Result<Self> {
        remove_left_overs();
        let name = unused_name();
        let hosts = Self { name, hosts: Vec::new(), flows: Mutex::default() };
        let switch = hosts.switch();
        ip(&["netns", "add", &switch])?;
        ip(&["-n", &switch, "link", "add", BRIDGE, "type", "bridge"])?;
        ip(&["-n", &switch, "link", "set", BRIDGE, "up"])?;
        Ok(hosts)
    }

    fn switch(&self) -> String {
        format!("{}-switch", self.name)
    }

    /// One more host.
    pub(crate) fn add(&mut self) -> anyhow::Result<usize> {
        let at = self.hosts.len();
        anyhow::ensure!(at < HOSTS_MAX, "a network has room for {HOSTS_MAX} hosts");
        let (namespace, switch, port) = (format!("{}-{at}", self.name), self.switch(), format!("port{at}"));
        let address = Ipv4Addr::new(10, 77, 0, at as u8 + 1);
        ip(&["netns", "add", &namespace])?;
        self.hosts.push(Host { namespace: namespace.clone(), address, door: None });
        ip(&["-n", &namespace, "link", "set", "lo", "up"])?;
        ip(&[
            "-n", &switch, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &namespace,
        ])?;
        ip(&["-n", &switch, "link", "set", &port, "master", BRIDGE, "up"])?;
        ip(&["-n", &namespace, "addr", "add", &format!("{address}/24"), "dev", "eth0"])?;
        ip(&["-n", &namespace, "link", "set", "eth0", "up"])?;
        Ok(at)
    }

    pub(crate) fn address(&self, at: usize) -> Ipv4Addr {
        self.hosts[at].address
    }

    /// A program that runs on a host, as the process that is started.
    pub(crate) fn command(&self, at: usize, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", path_of(&self.hosts[at].namespace).display())).arg(program);
        command
    }

    /// Has a port of loopback lead to a port of a host.
    pub(crate) fn open_door(&mut self, at: usize, here: u16, there: u16) -> anyhow::Result<()> {
        let host = &mut self.hosts[at];
        let listener = std::net::TcpListener::bind(("127.0.0.1", here))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = SocketAddr::from((host.address, there));
        let keeper = door_keeper(path_of(&host.namespace), address)?;
        host.door = Some(tokio::spawn(async move {
            while let Ok((outside, _)) = listener.accept().await {
                let keeper = keeper.clone();
                tokio::spawn(async move { pass(outside, &keeper).await });
            }
        }));
        Ok(())
    }

    /// From now on packets flow like this from one host to another, for each of these pairs.
    pub(crate) fn set(&self, pairs: &[(usize, usize)], flow: Flow) -> anyhow::Result<()> {
        self.flows.lock().expect("nobody broke").extend(pairs.iter().map(|pair| (*pair, flow)));
        let hosts: BTreeSet<usize> = pairs.iter().map(|(_, to)| *to).collect();
        hosts.into_iter().try_for_each(|to| self.apply(to))
    }

    pub(crate) fn heal(&self) -> anyhow::Result<()> {
        self.flows.lock().expect("nobody broke").clear();
        (0..self.hosts.len()).try_for_each(|at| self.apply(at))
    }

    /// Makes the rules of a host what they should be, all at once.
    fn apply(&self, to: usize) -> anyhow::Result<()> {
        let mut rules = String::new();
        for ((from, _), flow) in
            self.flows.lock().expect("nobody broke").iter().filter(|((_, of), _)| *of == to)
        {
            let source = self.hosts[*from].address;
            let verdict = match flow {
                Flow::Open => continue,
                Flow::Silent => "drop".to_owned(),
                // The answer of the other side, which refuses too, must get through.
                Flow::Cut => "tcp flags & rst == 0 reject with tcp reset".to_owned(),
                Flow::Lossy(percent) => format!("numgen random mod 100 < {percent} drop"),
                Flow::Late(_) => anyhow::bail!("packets do not come late here; through a proxy they can"),
            };
            writeln!(rules, "ip saddr {source} {verdict}")?;
        }
        let table = format!(
            "flush ruleset\ntable inet weir {{\nchain input {{\ntype filter hook input priority 0; policy accept;\n{rules}}}\n}}\n"
        );
        self.rule(to, &table)
    }

    /// Gives a host rules for its packets.
    fn rule(&self, host: usize, rules: &str) -> anyhow::Result<()> {
        let mut command = self.command(host, Path::new("nft"));
        let mut child = command
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("nsenter and nft are needed")?;
        child.stdin.take().context("a pipe")?.write_all(rules.as_bytes())?;
        let output = child.wait_with_output()?;
        anyhow::ensure!(output.status.success(), "nft: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(())
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for door in self.hosts.iter().filter_map(|host| host.door.as_ref()) {
            door.abort();
        }
        let namespaces = self.hosts.iter().map(|host| host.namespace.clone()).chain([self.switch()]);
        for namespace in namespaces {
            // What cannot be removed now is by whoever makes hosts next.
            let _removed = ip(&["netns", "delete", &namespace]);
        }
    }
}

fn path_of(namespace: &str) -> PathBuf {
    Path::new(NAMESPACES).join(namespace)
}

/// A thread in a namespace, which makes connections for those outside: a socket stays where it was made.
fn door_keeper(
    namespace: PathBuf,
    address: SocketAddr,
) -> anyhow::Result<mpsc::Sender<oneshot::Sender<Opened>>> {
    let (ask, asked) = mpsc::channel::<oneshot::Sender<Opened>>();
    let file = fs_err::File::open(namespace)?;
    std::thread::Builder::new().name("door".to_owned()).spawn(move || {
        let entered = move_into_link_name_space(file.file().as_fd(), Some(LinkNameSpaceType::Network));
        for answer in asked {
            let opened = match entered {
                Ok(()) => std::net::TcpStream::connect_timeout(&address, CONNECT_WITHIN),
                Err(error) => Err(error.into()),
            };
            // Whoever asked may have gone.
            let _heard = answer.send(opened);
        }
    })?;
    Ok(ask)
}

async fn pass(mut outside: TcpStream, keeper: &mpsc::Sender<oneshot::Sender<Opened>>) {
    let (ask, opened) = oneshot::channel();
    if keeper.send(ask).is_err() {
        return;
    }
    let Ok(Ok(inside)) = opened.await else { return };
    let inside = inside.set_nonblocking(true).and_then(|()| TcpStream::from_std(inside));
    let Ok(mut inside) = inside else { return };
    let _delays_only = outside.set_nodelay(true).and_then(|()| inside.set_nodelay(true));
    // However it ends, both ends see it.
    let _passed = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
}

/// A name that no other test of this host uses.
fn unused_name() -> String {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    format!("{PREFIX}{}-{next}", std::process::id())
}

/// Removes the namespaces of tests that were ended before they could.
fn remove_left_overs() {
    let Ok(namespaces) = fs_err::read_dir(NAMESPACES) else { return };
    for namespace in namespaces.flatten() {
        let name = namespace.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        let is_left_over = process.is_some_and(|process| !Path::new("/proc").join(process).exists());
        if is_left_over {
            // Another test may do the same.
            let _removed = ip(&["netns", "delete", &name]);
        }
    }
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("ip").args(arguments).output().context("ip is needed")?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "ip {}: {}", arguments.join(" "), said.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;
    use crate::program::kept_port;

    const SHORT: Duration = Duration::from_millis(500);
    const LONG: Duration = Duration::from_secs(20);
    const PORT: u16 = 7000;

    /// Two hosts, the second of which listens, and a connection to it from the first.
    async fn connected() -> Option<(Hosts, TcpStream, TcpStream)> {
        if let Some(reason) = Hosts::refusal() {
            println!("SKIPPED: hosts in network namespaces: {reason}");
            return None;
        }
        let mut hosts = Hosts::new().expect("permitted");
        hosts.add().expect("a host");
        hosts.add().expect("a host");
        let listener = in_host(&hosts, 1, move || std::net::TcpListener::bind(("0.0.0.0", PORT)));
        listener.set_nonblocking(true).expect("set");
        let listener = TcpListener::from_std(listener).expect("a listener");
        let to = SocketAddr::from((hosts.address(1), PORT));
        let caller = in_host(&hosts, 0, move || std::net::TcpStream::connect(to));
        caller.set_nonblocking(true).expect("set");
        let (called, from) = timeout(LONG, listener.accept()).await.expect("in time").expect("accepted");
        assert_eq!(from.ip(), hosts.address(0));
        Some((hosts, TcpStream::from_std(caller).expect("a stream"), called))
    }

    fn in_host<T: Send + 'static>(
        hosts: &Hosts,
        at: usize,
        work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> T {
        let path = path_of(&hosts.hosts[at].namespace);
        let entered = std::thread::spawn(move || {
            let file = fs_err::File::open(path)?;
            move_into_link_name_space(file.file().as_fd(), Some(LinkNameSpaceType::Network))?;
            work()
        });
        entered.join().expect("no panic").expect("done")
    }

    async fn arrives(from: &mut TcpStream, to: &mut TcpStream, within: Duration) -> bool {
        from.write_all(b"x").await.expect("sent");
        let mut byte = [0];
        timeout(within, to.read_exact(&mut byte)).await.is_ok_and(|read| read.is_ok())
    }

    #[tokio::test]
    async fn what_is_dropped_arrives_once_the_network_is_healed() {
        let Some((hosts, mut caller, mut called)) = connected().await else { return };
        assert!(arrives(&mut caller, &mut called, LONG).await);

        hosts.set(&[(0, 1)], Flow::Silent).expect("set");

        assert!(!arrives(&mut caller, &mut called, SHORT).await);
        hosts.heal().expect("healed");
        let mut byte = [0];
        timeout(LONG, called.read_exact(&mut byte)).await.expect("in time").expect("it was sent again");
    }

    /// Also where both refuse: what tells of it is refused by neither.
    #[tokio::test]
    async fn a_connection_that_is_cut_breaks_at_the_next_packet_and_none_can_be_made() {
        for pairs in [vec![(0, 1)], vec![(0, 1), (1, 0)]] {
            let Some((hosts, mut caller, _called)) = connected().await else { return };
            let to = SocketAddr::from((hosts.address(1), PORT));

            hosts.set(&pairs, Flow::Cut).expect("set");

            caller.write_all(b"x").await.expect("sent");
            let mut byte = [0];
            let end = timeout(SHORT, caller.read(&mut byte)).await.expect("at once");
            assert!(matches!(end, Ok(0) | Err(_)), "{pairs:?}: {end:?}");
            let again = in_host(&hosts, 0, move || Ok(std::net::TcpStream::connect_timeout(&to, SHORT)));
            let refused = again.expect_err("refused").kind();
            assert_eq!(refused, std::io::ErrorKind::ConnectionRefused, "{pairs:?}");
        }
    }

    #[tokio::test]
    async fn packets_get_lost_as_often_as_is_said() {
        let Some((hosts, ..)) = connected().await else { return };
        let to = SocketAddr::from((hosts.address(1), PORT + 1));
        let target = in_host(&hosts, 1, move || std::net::UdpSocket::bind(to));
        target.set_read_timeout(Some(SHORT)).expect("set");
        let source = in_host(&hosts, 0, || std::net::UdpSocket::bind(("0.0.0.0", 0)));

        hosts.set(&[(0, 1)], Flow::Lossy(50)).expect("set");

        let mut arrived = 0;
        // In bursts that any buffer holds.
        for _ in 0..10 {
            for _ in 0..40 {
                source.send_to(b"x", to).expect("sent");
            }
            while target.recv(&mut [0]).is_ok() {
                arrived += 1;
            }
        }
        assert!((120..280).contains(&arrived), "{arrived} of 400, where 200 are likely");
    }

    #[tokio::test]
    async fn through_a_door_a_client_outside_reaches_its_host_alone() {
        let Some((mut hosts, _caller, _called)) = connected().await else { return };
        let inside = in_host(&hosts, 0, || std::net::TcpListener::bind(("0.0.0.0", PORT)));
        let here = kept_port().expect("a port");
        hosts.open_door(0, here, PORT).expect("open");

        let mut client = TcpStream::connect(("127.0.0.1", here)).await.expect("connected");

        inside.set_nonblocking(true).expect("set");
        let inside = TcpListener::from_std(inside).expect("a listener");
        let (mut served, _) = timeout(LONG, inside.accept()).await.expect("in time").expect("accepted");
        assert!(
            arrives(&mut client, &mut served, LONG).await && arrives(&mut served, &mut client, LONG).await
        );
        assert!(std::net::TcpStream::connect(("127.0.0.1", PORT)).is_err(), "nothing listens outside");
    }
}
