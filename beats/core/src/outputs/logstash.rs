//! placeholder
use super::{Counts, Outcome, OutputError};
use crate::enrichment::Common;
use daemon::CancellationToken;
use event::Event;
use settings::Settings;
#[derive(Debug)]
pub struct Logstash {
    common: Common,
    counts: Counts,
    hosts: Vec<String>,
}
impl Logstash {
    pub(super) fn new(settings: &Settings, common: Common, counts: Counts) -> Self {
        Self {
            common,
            counts,
            hosts: settings.list("output.logstash.hosts"),
        }
    }
    pub(super) fn place(&self) -> String {
        self.hosts.join(", ")
    }
    pub(super) async fn test(&self) -> Result<String, OutputError> {
        Ok(self.place())
    }
    pub(super) async fn deliver(&self, events: &[Event], stop: &CancellationToken) -> Outcome {
        let _ = (events, &self.common, &self.counts);
        stop.cancelled().await;
        Outcome::Stopped
    }
}
