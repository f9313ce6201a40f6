//! Programs as child processes.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::Context;
use search_client::{ClientOptions, SearchClient};

use crate::wait::wait_until;

/// A program that runs until this goes.
pub struct Program {
    child: Child,
    name: String,
    log: PathBuf,
    /// How long its log was before it started.
    log_begins: u64,
}

/// The path of a program of the workspace, built beside the tests.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    // tests run from target/<profile>/deps
    let mut folder = std::env::current_exe()?;
    while folder.file_name().is_some_and(|name| name != "deps") && folder.pop() {}
    folder.pop();
    let path = folder.join(name);
    anyhow::ensure!(path.exists(), "{} is missing; run `cargo build --workspace` first", path.display());
    Ok(path)
}

/// Ports below those that the system gives to whoever does not ask for one: what is free of them stays so while its owner is
/// down, but for other tests.
const KEPT_PORTS: std::ops::Range<u16> = 10_000..32_000;

/// A port that nobody listens on at this moment, and that no outgoing connection takes.
pub fn kept_port() -> anyhow::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Tests of one run are processes of their own: each begins elsewhere.
    let begin = std::process::id().wrapping_mul(101);
    let count = u32::from(KEPT_PORTS.end - KEPT_PORTS.start);
    for _ in 0..count {
        let turn = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = (begin.wrapping_add(turn) % count) as u16;
        let port = KEPT_PORTS.start + offset;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("no port from {} to {} is free", KEPT_PORTS.start, KEPT_PORTS.end)
}

/// A port that nobody listens on at this moment.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Program {
    /// Starts a program; its output goes to `<name>.log` in `folder`.
    pub fn start(name: &str, folder: &Path, arguments: &[String]) -> anyhow::Result<Self> {
        Self::start_in(name, folder, folder, arguments)
    }

    /// The same with a working directory of its own.
    pub fn start_in(name: &str, folder: &Path, cwd: &Path, arguments: &[String]) -> anyhow::Result<Self> {
        let mut command = Command::new(binary(name)?);
        command.args(arguments).current_dir(cwd);
        Self::spawn(name, folder, command)
    }

    /// Starts any command; its output goes to `<name>.log` in `folder`.
    pub fn spawn(name: &str, folder: &Path, mut command: Command) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let out = fs_err::OpenOptions::new().create(true).append(true).open(&log)?;
        let log_begins = out.metadata()?.len();
        command.stdin(Stdio::null()).stdout(out.file().try_clone()?).stderr(out.file().try_clone()?);
        let child = command
            .spawn()
            .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        Ok(Self { child, name: name.to_owned(), log, log_begins })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the program has written so far.
    pub fn output(&self) -> String {
        fs_err::read_to_string(&self.log).unwrap_or_default()
    }

    /// What this process has written, without those that wrote to the same log before it.
    pub fn output_since_start(&self) -> String {
        let bytes = fs_err::read(&self.log).unwrap_or_default();
        let own = bytes.get(usize::try_from(self.log_begins).unwrap_or(usize::MAX)..).unwrap_or_default();
        String::from_utf8_lossy(own).into_owned()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it without warning, as a crash or the kernel would.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop and waits; its exit status.
    pub fn terminate(&mut self, limit: Duration) -> anyhow::Result<Option<i32>> {
        self.signal("TERM")?;
        let child = &mut self.child;
        let ended = wait_until("the end of a program", limit, || child.try_wait().ok().flatten())?;
        Ok(ended.code())
    }

    /// Stops it where it stands, as a host that swaps or sleeps would.
    pub fn freeze(&mut self) -> anyhow::Result<()> {
        self.signal("STOP")
    }

    /// Lets it go on.
    pub fn thaw(&mut self) -> anyhow::Result<()> {
        self.signal("CONT")
    }

    fn signal(&self, name: &str) -> anyhow::Result<()> {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status()?;
        anyhow::ensure!(status.success(), "{} cannot be sent SIG{name}", self.name);
        Ok(())
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most resident memory so far, in bytes.
    pub fn resident_bytes_max(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    /// What the process holds itself now, in bytes: not the pages of mapped files, which the system takes back as it likes.
    pub fn own_bytes(&self) -> u64 {
        self.status_bytes("RssAnon:")
    }

    fn status_bytes(&self, name: &str) -> u64 {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0)
            * 1024
    }

    /// CPU time used so far, user and system, in seconds, that of children it has waited for included.
    pub fn cpu_seconds(&self) -> f64 {
        let stat = fs_err::read_to_string(format!("/proc/{}/stat", self.id())).unwrap_or_default();
        // The name stands in parentheses and may hold spaces; fields 14 to 17 are ticks of user and system time, its own
        // and its children's.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
        (11..15).map(ticks).sum::<f64>() / 100.0
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already gone is as good as ended.
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// A search-node on a free port.
pub struct SearchNode {
    pub program: Program,
    pub port: u16,
    pub client: SearchClient,
}

/// The settings by which a node heeds how full its disk is begin so.
const DISK_THRESHOLD: &str = "cluster.routing.allocation.disk";
const REGISTRY: &str = "discovery.registry";
const TRANSPORT_PORT: &str = "transport.port";

impl SearchNode {
    /// Starts a node on `data` and waits until it answers.
    pub async fn start(folder: &Path, data: &Path) -> anyhow::Result<Self> {
        Self::start_on(folder, data, free_port()?).await
    }

    /// The same on a given port.
    pub async fn start_on(folder: &Path, data: &Path, port: u16) -> anyhow::Result<Self> {
        Self::start_with(folder, data, port, &[]).await
    }

    /// The same with settings, each as `key=value`.
    pub async fn start_with(
        folder: &Path,
        data: &Path,
        port: u16,
        settings: &[&str],
    ) -> anyhow::Result<Self> {
        let mut all = vec![format!("path.data={}", data.display()), format!("http.port={port}")];
        // How full the disk of this machine is says nothing about the node.
        if !settings.iter().any(|setting| setting.starts_with(DISK_THRESHOLD)) {
            all.push(format!("{DISK_THRESHOLD}.threshold_enabled=false"));
        }
        // Nodes of one user find one another; those of different tests must not.
        if !settings.iter().any(|setting| setting.starts_with(REGISTRY)) {
            all.push(format!("{REGISTRY}={}", data.with_extension("registry").display()));
        }
        if !settings.iter().any(|setting| setting.starts_with(TRANSPORT_PORT)) {
            all.push(format!("{TRANSPORT_PORT}=0"));
        }
        all.extend(settings.iter().map(|setting| (*setting).to_owned()));
        let arguments: Vec<String> = all.into_iter().flat_map(|setting| ["-E".to_owned(), setting]).collect();
        let program = Program::start("search-node", folder, &arguments)?;
        let fast = Duration::from_millis(20);
        let client = SearchClient::new(ClientOptions {
            hosts: vec![format!("127.0.0.1:{port}")],
            timeout: Duration::from_secs(60),
            backoff_init: fast,
            backoff_max: fast,
            ..ClientOptions::default()
        })?;
        let mut node = Self { program, port, client };
        node.ready().await?;
        Ok(node)
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        for _ in 0..1_500 {
            if self.client.json(search_client::Method::GET, "/", None).await.is_ok() {
                return Ok(());
            }
            anyhow::ensure!(self.program.is_running(), "search-node ended: {}", self.program.output());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::bail!("search-node does not answer: {}", self.program.output())
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
