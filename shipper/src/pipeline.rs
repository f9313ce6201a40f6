//! A pipeline that runs: inputs, queue, workers, outputs, and the orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use daemon::CancellationToken;
use daemon::metrics::{Counter, Gauge, Metrics};
use event::{Batch, Event};
use futures::future::join_all;
use queue::{Consumer, MemoryQueueOptions, memory};
use tokio::task::JoinSet;
use tracing::{debug, error, info, warn};

use crate::dead_letters::DeadLetters;
use crate::filters::{self, Filter};
use crate::inputs::{self, BindError, Bound, Input, Surroundings};
use crate::language::Fault;
use crate::language::ast::Config;
use crate::outputs::{self, Output, Way};
use crate::plugins::{Context, PluginInfo};
use crate::variables::Variables;

/// How long a failed write of dead letters waits for its next try.
const DEAD_LETTER_PAUSE: Duration = Duration::from_secs(5);

/// A checked pipeline.
pub struct Pipeline {
    inputs: Vec<Input>,
    filters: Vec<Filter>,
    outputs: Vec<Output>,
    ways: Vec<Way>,
    plugins: Vec<PluginInfo>,
}

/// The bounds of a pipeline.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How many batches at a time.
    pub workers: usize,
    /// The most events of a batch.
    pub batch_size: usize,
    /// How long a batch waits to fill.
    pub batch_delay: Duration,
    /// The most events that wait or are on their way.
    pub queue_events_max: usize,
    /// How long the end may take; none for as long as it needs.
    pub shutdown_timeout: Option<Duration>,
}

/// What a pipeline has done.
#[derive(Clone)]
pub struct Totals {
    /// Events that inputs handed over.
    pub received: Counter,
    /// Events that filters dropped on purpose.
    pub dropped: Counter,
    /// Events that every output of theirs took.
    pub delivered: Counter,
    /// Events that an output refused for good.
    pub refused: Counter,
    /// Refused events that are kept as dead letters.
    pub dead_letters: Counter,
    /// Events given up at the end; their senders repeat them.
    pub abandoned: Counter,
    /// Events that wait or are on their way.
    pub queued: Gauge,
}

/// A pipeline with its addresses taken.
pub struct Ready {
    inputs: Vec<Bound>,
    surroundings: Surroundings,
    engine: Arc<Engine>,
    limits: Limits,
}

struct Engine {
    filters: Vec<Filter>,
    outputs: Vec<Output>,
    ways: Vec<Way>,
    dead_letters: DeadLetters,
    totals: Totals,
}

impl Pipeline {
    /// Builds every plugin; connects to nothing and listens nowhere.
    pub fn build(
        config: &Config,
        variables: Variables<'_>,
        clock: &daemon::clock::Clock,
    ) -> Result<Self, Fault> {
        let context = Context::new(variables, clock);
        let inputs = inputs::build(&config.inputs, &context)?;
        let filters = filters::build(&config.filters, &context)?;
        let mut outputs = Vec::new();
        let ways = outputs::build(&config.outputs, &context, &mut outputs)?;
        Ok(Self { inputs, filters, outputs, ways, plugins: context.into_plugins() })
    }

    /// Its plugins, in the order of the text.
    pub fn plugins(&self) -> &[PluginInfo] {
        &self.plugins
    }

    /// Whether there is anything to read.
    pub fn has_inputs(&self) -> bool {
        !self.inputs.is_empty()
    }

    /// Takes the inputs' addresses.
    pub async fn bind(
        self,
        limits: Limits,
        surroundings: Surroundings,
        dead_letters: DeadLetters,
    ) -> Result<Ready, BindError> {
        let mut inputs = Vec::new();
        for input in self.inputs {
            inputs.push(input.bind(&surroundings).await?);
        }
        let totals = surroundings.totals.clone();
        let engine =
            Engine { filters: self.filters, outputs: self.outputs, ways: self.ways, dead_letters, totals };
        Ok(Ready { inputs, surroundings, engine: Arc::new(engine), limits })
    }
}

impl Totals {
    /// An input hands events over.
    pub(crate) fn entered(&self, count: usize) {
        self.received.inc_by(count as u64);
        self.queued.inc_by(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counted in `metrics`.
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            received: metrics.counter("shipper_events_received", "Events that inputs handed over"),
            dropped: metrics.counter("shipper_events_dropped", "Events that a filter dropped on purpose"),
            delivered: metrics.counter(
                "shipper_events_delivered",
                "Events that every output of theirs took or refused for good",
            ),
            refused: metrics.counter("shipper_events_refused", "Events that an output refused for good"),
            dead_letters: metrics
                .counter("shipper_dead_letters", "Refused events that are kept in the dead letter file"),
            abandoned: metrics.counter(
                "shipper_events_abandoned",
                "Events given up at the end, which their senders repeat",
            ),
            queued: metrics.gauge("shipper_queue_events", "Events that wait or are on their way"),
        }
    }
}

impl Ready {
    /// The addresses of the inputs that listen.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.inputs.iter().filter_map(Bound::address).collect()
    }

    /// Runs until `stop`, or until every input has come to its end. True if everything that was read was delivered.
    pub async fn run(self, stop: CancellationToken) -> bool {
        let (producer, consumer) = memory(MemoryQueueOptions {
            events_max: self.limits.queue_events_max,
            batch_events_max: self.limits.batch_size,
            flush: self.limits.batch_delay,
        });
        let abandon = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for input in self.inputs {
            tasks.spawn(input.run(producer.clone(), self.surroundings.clone(), stop.clone()));
        }
        // The workers end when the queue is empty and the last input, with its end of the queue, is gone.
        drop(producer);
        for _ in 0..self.limits.workers {
            let (engine, consumer, abandon) = (Arc::clone(&self.engine), consumer.clone(), abandon.clone());
            tasks.spawn(engine.work(consumer, abandon));
        }
        drop(consumer);
        tokio::select! {
            () = finish(&mut tasks) => return true,
            () = stop.cancelled() => {}
        }
        let limit = self.limits.shutdown_timeout.unwrap_or(Duration::MAX);
        if tokio::time::timeout(limit, finish(&mut tasks)).await.is_ok() {
            info!("every event on its way was delivered");
            return true;
        }
        warn!(events = self.engine.totals.queued.get(), timeout = ?limit, "events given up after shutdown.timeout; their senders will repeat them");
        abandon.cancel();
        // Workers now drop what they hold; inputs end with their connections.
        if tokio::time::timeout(Duration::from_secs(1), finish(&mut tasks)).await.is_err() {
            tasks.shutdown().await;
        }
        false
    }
}

async fn finish(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            broken(&error);
        }
    }
}

fn broken(error: &tokio::task::JoinError) -> bool {
    error!(%error, "a part of the pipeline broke");
    false
}

impl Engine {
    async fn work(self: Arc<Self>, consumer: Consumer, abandon: CancellationToken) {
        while let Some(batch) = consumer.next().await {
            let count = batch.events.len();
            let (engine, abandon) = (Arc::clone(&self), abandon.clone());
            // A task of its own, so that a fault of this program in one batch costs that batch alone: its senders repeat it.
            let settled = tokio::spawn(async move { engine.settle(batch, &abandon).await }).await;
            self.totals.queued.dec_by(i64::try_from(count).unwrap_or(i64::MAX));
            if !settled.unwrap_or_else(|error| broken(&error)) {
                self.totals.abandoned.inc_by(count as u64);
            }
        }
    }

    /// Brings a batch to its end; false if it was given up, which its senders hear by the drop of their acks.
    async fn settle(&self, mut batch: Batch, abandon: &CancellationToken) -> bool {
        let mut shares: Vec<Vec<Event>> = self.outputs.iter().map(|_| Vec::new()).collect();
        let mut kept = 0;
        if abandon.is_cancelled() {
            return false;
        }
        for mut event in batch.events.drain(..) {
            if filters::run(&self.filters, &mut event) {
                outputs::route(&self.ways, event, &mut shares);
                kept += 1;
            } else {
                self.totals.dropped.inc();
            }
        }
        let deliveries =
            self.outputs.iter().zip(shares).map(|(output, share)| self.deliver(output, share, abandon));
        let all = join_all(deliveries).await.into_iter().all(|delivered| delivered);
        if all {
            self.totals.delivered.inc_by(kept);
            batch.delivered();
        }
        all
    }

    async fn deliver(&self, output: &Output, share: Vec<Event>, abandon: &CancellationToken) -> bool {
        if share.is_empty() {
            return true;
        }
        let started = Instant::now();
        output.counts.entered(share.len());
        let refused = match output.deliver(&share, abandon).await {
            Ok(refused) => refused,
            Err(error) => {
                debug!(output = output.id, %error, "batch given up");
                return false;
            }
        };
        output.counts.failed(refused.len());
        output.counts.left(share.len() - refused.len().min(share.len()), started.elapsed());
        self.totals.refused.inc_by(refused.len() as u64);
        while !refused.is_empty() {
            match self.dead_letters.take(&output.id, &refused) {
                Ok(kept) => {
                    self.totals.dead_letters.inc_by(kept as u64);
                    break;
                }
                Err(error) => error!(%error, "dead letters cannot be written; trying again"),
            }
            tokio::select! {
                () = tokio::time::sleep(DEAD_LETTER_PAUSE) => {}
                () = abandon.cancelled() => return false,
            }
        }
        true
    }
}
