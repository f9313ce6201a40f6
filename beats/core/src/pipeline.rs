//! The way from a source to the output: processors, the bounded queue, and the workers that deliver.

use std::sync::Arc;
use std::time::Duration;

use daemon::CancellationToken;
use daemon::metrics::{Counter, Metrics};
use event::{AckHandle, Batch, Event};
use queue::{Closed, Consumer, MemoryQueueOptions, Producer, memory};
use settings::{Settings, SettingsError};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::enrichment::Common;
use crate::outputs::{Outcome, Output};
use crate::processing::Processing;

/// The end where a source puts its events; clones share it.
#[derive(Debug, Clone)]
pub struct Publisher {
    producer: Producer,
    processing: Arc<Processing>,
    common: Common,
    published: Counter,
    filtered: Counter,
}

impl Publisher {
    /// Takes events, waiting while the queue is full; `ack` hears once all of them are safe.
    pub async fn publish(&self, events: Vec<Event>, ack: Option<AckHandle>) -> Result<(), Closed> {
        let came = events.len();
        let events: Vec<Event> = if self.processing.is_empty() {
            events
        } else {
            events.into_iter().filter_map(|event| self.process(event)).collect()
        };
        self.published.inc_by(came as u64);
        self.filtered.inc_by((came - events.len()) as u64);
        self.producer.push(Batch { events, acks: ack.into_iter().collect() }).await
    }

    fn process(&self, mut event: Event) -> Option<Event> {
        self.common.put_on(&mut event);
        self.processing.apply(event)
    }

    /// Events that wait or are on their way.
    pub fn waiting(&self) -> usize {
        self.producer.len()
    }
}

/// Why a worker has nothing more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// The queue is empty and its source gone, or the beat was told to stop.
    AsWanted,
    /// The output takes no more, though nobody told it to stop.
    OutputIsDead,
}

/// An output that ended before its beat.
#[derive(Debug, thiserror::Error)]
#[error("the output to {place} has ended, so the beat ends too; the log says why")]
pub(crate) struct DeadOutput {
    place: String,
}

/// The workers behind the queue.
#[derive(Debug)]
pub(crate) struct Pipeline {
    workers: JoinSet<Ended>,
    hard_stop: CancellationToken,
    pub(crate) output: Arc<Output>,
}

impl Pipeline {
    pub(crate) fn start(
        settings: &Settings,
        common: Common,
        folder: &std::path::Path,
        metrics: &Metrics,
    ) -> Result<(Self, Publisher), SettingsError> {
        let processing = Processing::of(settings)?;
        // With processors the common fields are on the event already, perhaps changed or dropped there.
        let rest = if processing.is_empty() { common.clone() } else { Common::default() };
        let output = Arc::new(Output::of(settings, rest, folder, metrics, common.program())?);
        let (producer, consumer) = memory(MemoryQueueOptions {
            events_max: settings.count("queue.mem.events"),
            batch_events_max: Output::batch_events_max(settings),
            flush: settings.span("queue.mem.flush.timeout"),
        });
        let hard_stop = CancellationToken::new();
        let mut workers = JoinSet::new();
        for _ in 0..Output::workers(settings) {
            workers.spawn(work(consumer.clone(), Arc::clone(&output), hard_stop.clone()));
        }
        let publisher = Publisher {
            producer,
            processing: Arc::new(processing),
            common,
            published: metrics.counter("pipeline_events_published", "Events that the source gave"),
            filtered: metrics.counter("pipeline_events_filtered", "Events that a processor dropped"),
        };
        Ok((Self { workers, hard_stop, output }, publisher))
    }

    /// Lets the output take what is on its way, at most so long. Every publisher must be gone by now. An output that
    /// ended by itself, before or now, is an error, for a beat that sends nothing must not end as if all were well.
    pub(crate) async fn finish(mut self, patience: Duration) -> Result<(), DeadOutput> {
        let (drained, mut is_dead) = match tokio::time::timeout(patience, drain(&mut self.workers)).await {
            Ok(is_dead) => (true, is_dead),
            Err(_) => (false, false),
        };
        if !drained {
            warn!(
                waited_ms = patience.as_millis() as u64,
                "output did not take all events in time; they are sent again at the next start where their source can be read again"
            );
            self.hard_stop.cancel();
            is_dead |= drain(&mut self.workers).await;
        }
        if is_dead {
            return Err(DeadOutput { place: self.output.place() });
        }
        info!("stopped");
        Ok(())
    }
}

/// Waits for every worker; whether one of them ended though it should not have.
async fn drain(workers: &mut JoinSet<Ended>) -> bool {
    let mut is_dead = false;
    while let Some(ended) = workers.join_next().await {
        is_dead |= !matches!(ended, Ok(Ended::AsWanted));
    }
    is_dead
}

async fn work(consumer: Consumer, output: Arc<Output>, stop: CancellationToken) -> Ended {
    loop {
        let next = tokio::select! {
            next = consumer.next() => next,
            () = stop.cancelled() => None,
        };
        let Some(batch) = next else { return Ended::AsWanted };
        match output.deliver(&batch.events, &stop).await {
            Outcome::Delivered => batch.delivered(),
            Outcome::Stopped if stop.is_cancelled() => return Ended::AsWanted,
            Outcome::Stopped => return Ended::OutputIsDead,
        }
    }
}

#[cfg(test)]
mod tests;
