//! Standard output as a place of delivery: a text counts as delivered once all of it was written.
//!
//! A closed standard output ends the output: there is nobody left to tell. Any other failure, a full disk behind a
//! redirection for one, is waited for, and the text goes on where it stopped.

use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use daemon::CancellationToken;
use search_client::{ClientError, Pause};
use tokio::sync::Mutex;
use tracing::{error, warn};

/// The pauses between tries.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));

/// Held for a whole text, so that workers do not write into each other's lines while one waits.
static TURN: Mutex<()> = Mutex::const_new(());
static IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Writes all of `text`, or ends with [`ClientError::Stopped`].
pub(crate) async fn write(text: &str, stop: &CancellationToken) -> Result<(), ClientError> {
    let _turn = TURN.lock().await;
    let mut rest = text.as_bytes();
    let mut pause = Pause::new(PAUSE.0, PAUSE.1);
    while !IS_CLOSED.load(Ordering::Relaxed) {
        let written = write_on(&mut std::io::stdout().lock(), &mut rest);
        match written {
            Ok(()) => break,
            Err(broken) if broken.kind() == ErrorKind::BrokenPipe => {
                IS_CLOSED.store(true, Ordering::Relaxed);
                error!("standard output was closed; what is for it is dropped from now on");
            }
            Err(error) => {
                let span = pause.step();
                warn!(%error, retry_ms = span.as_millis() as u64, "standard output cannot be written");
                tokio::select! {
                    () = tokio::time::sleep(span) => {}
                    () = stop.cancelled() => return Err(ClientError::Stopped),
                }
            }
        }
    }
    Ok(())
}

/// Writes on and notes how far it came, so that nothing is written twice.
fn write_on(out: &mut impl Write, rest: &mut &[u8]) -> std::io::Result<()> {
    while !rest.is_empty() {
        match out.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => *rest = &rest[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    out.flush()
}
