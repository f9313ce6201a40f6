//! Which sockets of this host belong to which process, as `/proc` tells.

use std::collections::HashSet;

/// A row of `/proc/net/tcp`.
struct Row {
    local_port: u16,
    listens: bool,
    inode: u64,
}

/// The number of a listening socket's state.
const LISTEN: &str = "0A";

/// Those of the network that a process is in.
fn rows(process: u32) -> Vec<Row> {
    let table = fs_err::read_to_string(format!("/proc/{process}/net/tcp")).unwrap_or_default();
    table.lines().skip(1).filter_map(row).collect()
}

fn row(line: &str) -> Option<Row> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, port) = fields.get(1)?.split_once(':')?;
    Some(Row {
        local_port: u16::from_str_radix(port, 16).ok()?,
        listens: *fields.get(3)? == LISTEN,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// The sockets that a process has open.
fn inodes_of(process: u32) -> HashSet<u64> {
    let Ok(descriptors) = fs_err::read_dir(format!("/proc/{process}/fd")) else { return HashSet::new() };
    let inode = |path: std::path::PathBuf| {
        let target = fs_err::read_link(path).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    descriptors.flatten().filter_map(|entry| inode(entry.path())).collect()
}

/// How many ports a process listens on.
pub(crate) fn listening(process: u32) -> usize {
    let own = inodes_of(process);
    rows(process).iter().filter(|row| row.listens && own.contains(&row.inode)).count()
}

/// Which of some processes has the connection that leaves from a port of this host.
pub(crate) fn owner_of(port: u16, processes: &[u32]) -> Option<u32> {
    let of_port: HashSet<u64> = rows(std::process::id())
        .iter()
        .filter(|row| row.local_port == port && !row.listens)
        .map(|row| row.inode)
        .collect();
    processes.iter().copied().find(|process| !inodes_of(*process).is_disjoint(&of_port))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_process_is_known_by_its_sockets() {
        let own = std::process::id();
        let before = listening(own);
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
        let port = stream.local_addr().expect("an address").port();

        assert!(listening(own) > before);
        assert_eq!(owner_of(port, &[1, own]), Some(own));
        assert_eq!(owner_of(port, &[1]), None);
    }
}
