//! Ways between nodes on loopback, through a proxy: no rights are needed, and bytes can come late.
//!
//! Nodes tell others a port of ours; whoever connects there is known by its process, and what flows passes a gate of its
//! direction. Bytes from one node to another pass the same gate whichever of the two has made the connection, so that a one-way
//! loss looks as it does on a network.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::sockets::owner_of;
use crate::ways::Flow;

/// Bytes that are passed on at a time: a piece of a long message.
const PIECE_BYTES: usize = 16 << 10;

type Gates = Arc<Mutex<HashMap<(usize, usize), watch::Sender<Flow>>>>;

/// The ways between all nodes of one cluster.
#[derive(Default)]
pub struct Links {
    gates: Gates,
    /// The nodes by their processes.
    processes: Arc<Mutex<HashMap<u32, usize>>>,
    listeners: Vec<JoinHandle<()>>,
}

impl Links {
    /// Passes on what comes to a port to the port where a node listens.
    pub(crate) fn add(&mut self, node: usize, published: u16, listens: u16) -> anyhow::Result<()> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", published))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let (gates, processes) = (Arc::clone(&self.gates), Arc::clone(&self.processes));
        self.listeners.push(tokio::spawn(async move {
            while let Ok((stream, from)) = listener.accept().await {
                let (gates, processes) = (Arc::clone(&gates), Arc::clone(&processes));
                tokio::spawn(async move {
                    // Whoever has ended by now gets no answer.
                    if let Some(caller) = caller(from, processes).await {
                        pass(stream, listens, &gates, caller, node).await;
                    }
                });
            }
        }));
        Ok(())
    }

    /// A node has a new process.
    pub(crate) fn note_process(&self, node: usize, process: u32) {
        let mut processes = self.processes.lock().expect("nobody broke");
        processes.retain(|_, known| *known != node);
        processes.insert(process, node);
    }

    /// From now on bytes flow like this from one node to another.
    pub(crate) fn set(&self, from: usize, to: usize, flow: Flow) {
        assert!(!matches!(flow, Flow::Lossy(_)), "a connection through a proxy has no packets to lose");
        gate(&self.gates, from, to).send_replace(flow);
    }

    /// Everything flows.
    pub(crate) fn heal(&self) {
        for gate in self.gates.lock().expect("nobody broke").values() {
            gate.send_replace(Flow::Open);
        }
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.abort();
        }
    }
}

fn gate(gates: &Gates, from: usize, to: usize) -> watch::Sender<Flow> {
    let mut gates = gates.lock().expect("nobody broke");
    gates.entry((from, to)).or_insert_with(|| watch::Sender::new(Flow::Open)).clone()
}

/// The node that a connection comes from.
async fn caller(from: SocketAddr, processes: Arc<Mutex<HashMap<u32, usize>>>) -> Option<usize> {
    let look = move || {
        let known = processes.lock().expect("nobody broke").clone();
        let ids: Vec<u32> = known.keys().copied().collect();
        known.get(&owner_of(from.port(), &ids)?).copied()
    };
    tokio::task::spawn_blocking(look).await.ok().flatten()
}

async fn pass(from: TcpStream, port: u16, gates: &Gates, caller: usize, called: usize) {
    let (there, back) = (gate(gates, caller, called), gate(gates, called, caller));
    if [&there, &back].iter().any(|gate| *gate.borrow() == Flow::Cut) {
        return;
    }
    let Ok(to) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let _delays_only = from.set_nodelay(true).and_then(|()| to.set_nodelay(true));
    let (from_read, from_write) = from.into_split();
    let (to_read, to_write) = to.into_split();
    // Both halves end with the first: a connection is whole or gone.
    tokio::select! {
        () = pump(from_read, to_write, there.subscribe()) => {}
        () = pump(to_read, from_write, back.subscribe()) => {}
    }
}

/// Passes bytes on until the connection ends or is cut.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut gate: watch::Receiver<Flow>) {
    let mut piece = vec![0; PIECE_BYTES];
    let mut watched = gate.clone();
    let cut = watched.wait_for(|flow| *flow == Flow::Cut);
    let flow = async {
        while let Ok(length @ 1..) = from.read(&mut piece).await {
            let Ok(flow) = gate.wait_for(|flow| *flow != Flow::Silent).await.map(|flow| *flow) else {
                return;
            };
            if let Flow::Late(late) = flow {
                tokio::time::sleep(late).await;
            }
            if to.write_all(&piece[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = flow => {}
        _ = cut => {}
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::program::kept_port;

    const SHORT: Duration = Duration::from_millis(200);
    const LONG: Duration = Duration::from_secs(20);

    /// This process calls itself through the links, as node 0 calls node 1.
    async fn connected() -> (Links, TcpStream, TcpStream) {
        let (published, listens) = (kept_port().expect("a port"), kept_port().expect("a port"));
        let listener = TcpListener::bind(("127.0.0.1", listens)).await.expect("bound");
        let mut links = Links::default();
        links.add(1, published, listens).expect("bound");
        links.note_process(0, std::process::id());
        let caller = TcpStream::connect(("127.0.0.1", published)).await.expect("connected");
        let (called, _) = timeout(LONG, listener.accept()).await.expect("in time").expect("accepted");
        (links, caller, called)
    }

    async fn arrives(from: &mut TcpStream, to: &mut TcpStream, within: Duration) -> bool {
        from.write_all(b"x").await.expect("sent");
        let mut byte = [0];
        timeout(within, to.read_exact(&mut byte)).await.is_ok_and(|read| read.is_ok())
    }

    #[tokio::test]
    async fn a_silent_way_keeps_bytes_of_one_direction_until_it_is_healed() {
        let (links, mut caller, mut called) = connected().await;
        assert!(arrives(&mut caller, &mut called, LONG).await);

        links.set(0, 1, Flow::Silent);

        assert!(arrives(&mut called, &mut caller, LONG).await, "the other direction flows");
        assert!(!arrives(&mut caller, &mut called, SHORT).await);
        links.heal();
        let mut byte = [0];
        timeout(LONG, called.read_exact(&mut byte)).await.expect("in time").expect("what was kept");
    }

    #[tokio::test]
    async fn a_cut_breaks_what_is_connected_and_lets_nobody_in() {
        let (links, mut caller, _called) = connected().await;

        links.set(1, 0, Flow::Cut);

        let mut byte = [0];
        let end = timeout(LONG, caller.read(&mut byte)).await.expect("in time");
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
        let mut again = TcpStream::connect(caller.peer_addr().expect("an address")).await.expect("accepted");
        let end = timeout(LONG, again.read(&mut byte)).await.expect("in time");
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    }
}
