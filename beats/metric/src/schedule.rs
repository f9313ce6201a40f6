//! When metricsets are sampled, and the envelope their events get.

use std::time::{Duration, Instant};

use beat_core::stream::Stream;
use beat_core::{Beat, Publisher};
use daemon::CancellationToken;
use daemon::clock::Clock;
use event::{Event, Timestamp, Value};
use settings::{Settings, SettingsError};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::warn;

use crate::system::{Metricset, Sample, SampleError};

/// One metricset with its period.
struct Job {
    metricset: Metricset,
    period: Duration,
    stream: Stream,
}

/// Samples until the beat stops.
pub async fn start(beat: Beat) -> anyhow::Result<()> {
    let jobs = jobs(&beat.settings)?;
    let names: Vec<&str> = jobs.iter().map(|job| job.metricset.name()).collect();
    beat.ready(&format!("system {}", names.join(", ")));
    let Beat { publisher, stop, clock, .. } = beat;
    let mut tasks = JoinSet::new();
    for job in jobs {
        tasks.spawn(job.run(publisher.clone(), clock.clone(), stop.clone()));
    }
    drop(publisher);
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    Ok(())
}

fn jobs(settings: &Settings) -> Result<Vec<Job>, SettingsError> {
    let mut jobs = Vec::new();
    for module in settings.items("metric-beat.modules") {
        if !module.bool("enabled") {
            continue;
        }
        let period = module.span("period").max(Duration::from_millis(100));
        for name in module.list("metricsets") {
            let metricset = Metricset::parse(&name).ok_or_else(|| {
                let known = Metricset::NAMES.join(", ");
                module.fault(
                    "metricsets",
                    format!("module system has no metricset `{name}`; write any of {known}"),
                )
            })?;
            let stream =
                Stream::new("metrics", &format!("system.{name}"), &settings.text("data_stream.namespace"))
                    .map_err(|error| settings.fault("data_stream.namespace", error.to_string()))?;
            jobs.push(Job { metricset, period, stream });
        }
    }
    if jobs.is_empty() {
        return Err(settings.fault(
            "metric-beat.modules",
            "`metric-beat.modules` has no enabled module, so nothing would be sampled; add `- module: system`",
        ));
    }
    Ok(jobs)
}

impl Job {
    async fn run(self, publisher: Publisher, clock: Clock, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(self.period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut last = Sample::default();
        let mut failing = false;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            let metricset = self.metricset;
            let began = Instant::now();
            // Reading /proc blocks little, but a dead network mount blocks statvfs for ever; not on the runtime's threads.
            let sampled = tokio::task::spawn_blocking(move || {
                let sample = metricset.sample(&mut last);
                (sample, last)
            });
            let sampled = tokio::select! {
                sampled = sampled => sampled,
                () = stop.cancelled() => return,
            };
            let result = match sampled {
                Ok((result, state)) => {
                    last = state;
                    result
                }
                Err(panic) => {
                    last = Sample::default();
                    Err(SampleError::Panicked(panic.to_string()))
                }
            };
            if let Err(error) = &result
                && !failing
            {
                warn!(metricset = self.metricset.name(), %error, "metricset failed; its events carry the error");
            }
            failing = result.is_err();
            let events = self.envelope(result, began.elapsed(), &clock);
            tokio::select! {
                pushed = publisher.publish(events, None) => if pushed.is_err() { return },
                () = stop.cancelled() => return,
            }
        }
    }

    fn envelope(&self, result: Result<Vec<Value>, SampleError>, took: Duration, clock: &Clock) -> Vec<Event> {
        let now = Timestamp::from_nanos(i128::from(clock.now_nanos()));
        let samples =
            result.unwrap_or_else(|error| vec![event::json!({"error": {"message": error.to_string()}})]);
        let mut events = Vec::with_capacity(samples.len());
        for sample in samples {
            let mut event = Event::at(now);
            if let Value::Object(fields) = sample {
                event.fields = fields;
            }
            event
                .set("event.duration", u64::try_from(took.as_nanos()).unwrap_or(u64::MAX))
                .set("metricset.name", self.metricset.name())
                .set("metricset.period", u64::try_from(self.period.as_millis()).unwrap_or(u64::MAX))
                .set("service.type", "system");
            self.stream.stamp(&mut event);
            events.push(event);
        }
        events
    }
}
