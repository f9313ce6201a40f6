//! How nodes on several hosts found a cluster together: who is first on the list asks, the others answer.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use bytes::Bytes;
use daemon::CancellationToken;
use discovery::{Founding, Membership, Settings, Verdict, View};
use futures::future::join_all;
use parking_lot::Mutex;
use transport::{Lane, Peer, Transport};

use super::calls::{Action, Fault, unavailable};

/// How long a node may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Pause before all are asked again.
const ASK_AGAIN: Duration = Duration::from_millis(300);
/// After so many rounds the log says who is waited for.
const ROUNDS_TOLD: u32 = 30;

/// What became of founding.
pub(super) enum Founded {
    /// This node founds.
    Here(String),
    /// There is a cluster: join it.
    Elsewhere,
}

/// Answers those who found.
pub(super) struct Desk {
    pub(super) settings: Settings,
    pub(super) membership: Arc<Mutex<Membership>>,
}

impl Desk {
    /// Answers the question of a founder.
    pub(super) async fn answer(self: &Arc<Self>, question: Bytes) -> Result<Bytes, Fault> {
        let desk = Arc::clone(self);
        let answered = tokio::task::spawn_blocking(move || {
            discovery::answer(&desk.settings, &mut desk.membership.lock(), &question)
        });
        match answered.await {
            Ok(Ok(answer)) => Ok(answer.into()),
            Ok(Err(error)) => Err(Fault::Failed(unavailable(&error.to_string()))),
            Err(error) => Err(Fault::Failed(unavailable(&error.to_string()))),
        }
    }
}

/// Asks the others until all have promised themselves, or there is a cluster.
pub(super) async fn found_together(
    founding: &Founding,
    desk: &Desk,
    transport: &Transport,
    stopping: &CancellationToken,
) -> anyhow::Result<Founded> {
    let (mut rounds, mut is_binding) = (0, false);
    loop {
        let question = Bytes::from(founding.question(is_binding)?);
        let asked = founding.addresses().iter().map(|address| {
            let (peer, question) = (Peer::at(address), question.clone());
            async move {
                let action = Action::Founding as u16;
                let answer = transport.call(&peer, Lane::State, action, question, ANSWER_WITHIN).await;
                answer.ok().and_then(|answer| View::read(&answer).ok())
            }
        });
        let views: Vec<View> = join_all(asked).await.into_iter().flatten().collect();
        is_binding = false;
        match founding.decide(&views) {
            Verdict::AskBindingly => {
                is_binding = true;
                continue;
            }
            Verdict::Found => return Ok(Founded::Here(founding.found(&mut desk.membership.lock())?)),
            Verdict::Join { .. } => return Ok(Founded::Elsewhere),
            Verdict::Refuse(reason) => bail!("the cluster cannot be founded: {reason}"),
            Verdict::Wait(reasons) => {
                if rounds % ROUNDS_TOLD == 0 {
                    tracing::info!("the cluster is not founded yet: {}", reasons.join("; "));
                }
                rounds += 1;
            }
        }
        tokio::select! {
            () = stopping.cancelled() => bail!("the node was stopped before its cluster was founded"),
            () = tokio::time::sleep(ASK_AGAIN) => {}
        }
    }
}
