//! The tcp monitor: connects, and may send and expect something.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::check::{Down, Finding, micros};

/// An answer longer than this without the wanted text is not it.
const ANSWER_MAX: usize = 64 * 1024;

/// What is sent after connecting, and what must come back.
#[derive(Debug, Clone, Default)]
pub(crate) struct TcpCheck {
    pub(crate) send: String,
    pub(crate) receive: String,
}

/// Connects; notes how long that took.
pub(crate) async fn connect(address: SocketAddr, finding: &mut Finding) -> Result<TcpStream, Down> {
    let began = Instant::now();
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| Down::io(format!("cannot connect to {address}: {error}")))?;
    finding.event.set("tcp.rtt.connect.us", micros(began.elapsed()));
    Ok(stream)
}

/// Asks one address.
pub(crate) async fn ask(address: SocketAddr, check: &TcpCheck, finding: &mut Finding) -> Result<(), Down> {
    let mut stream = connect(address, finding).await?;
    if check.send.is_empty() && check.receive.is_empty() {
        return Ok(());
    }
    let began = Instant::now();
    stream
        .write_all(check.send.as_bytes())
        .await
        .map_err(|error| Down::io(format!("cannot send to {address}: {error}")))?;
    let outcome =
        if check.receive.is_empty() { Ok(()) } else { expect(&mut stream, check.receive.as_bytes()).await };
    finding.event.set("tcp.rtt.validate.us", micros(began.elapsed()));
    outcome
}

async fn expect(stream: &mut TcpStream, wanted: &[u8]) -> Result<(), Down> {
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while answer.len() < ANSWER_MAX {
        let read = tokio::time::timeout(Duration::from_secs(60), stream.read(&mut chunk)).await;
        let count = match read {
            Ok(Ok(count)) if count > 0 => count,
            Ok(Err(error)) => return Err(Down::io(format!("the answer broke off: {error}"))),
            Ok(Ok(_)) | Err(_) => break,
        };
        answer.extend_from_slice(&chunk[..count]);
        if answer.windows(wanted.len()).any(|window| window == wanted) {
            return Ok(());
        }
    }
    Err(Down::validate(format!("the answer does not contain `{}`", String::from_utf8_lossy(wanted))))
}
