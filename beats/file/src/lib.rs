//! file-beat: follows log files and sends each line once in effect.
//!
//! [`start`] is handed to `beat_core::run`. The collector looks for files, reads them in turn and takes the acks;
//! `scan` decides what a file is, `harvester` holds one content, `lines` cuts bytes, `registry` remembers.
//!
//! # Invariants
//!
//! - A line's id is made of the agent, the file's generation and the line's offset, so that a repeat is no duplicate.
//! - The registry's offset follows acks; a crash at any moment loses nothing that is still in the file.

mod collector;
mod fingerprint;
mod harvester;
mod hints;
mod input;
mod lines;
mod paths;
mod registry;
mod rotation;
mod scan;
mod settings_table;

use beat_core::Beat;
use tracing::info;

use collector::Collector;
use hints::Hints;
use input::Input;
pub use settings_table::SCHEMA;

/// The program's name.
pub const PROGRAM: &str = "file-beat";

/// Follows files until the beat stops.
pub async fn start(beat: Beat) -> anyhow::Result<()> {
    let inputs = Input::all(&beat.settings)?;
    for input in &inputs {
        info!(id = input.id, paths = input.globs.len(), "input is read");
    }
    let folders = inputs.iter().flat_map(|input| &input.globs).map(paths::PathGlob::fixed_folder).collect();
    let globs: Vec<String> = beat
        .settings
        .items("file-beat.inputs")
        .iter()
        .filter(|input| input.bool("enabled"))
        .flat_map(|input| input.list("paths"))
        .collect();
    let collector = Collector::new(beat.clone(), inputs, Hints::of(folders))?;
    beat.ready(&globs.join(", "));
    // The collector lets go of its publisher to end the queue, so there may be no other.
    drop(beat);
    collector.run().await
}

#[cfg(test)]
mod tests {
    use beat_core::shipped::is_current;

    #[test]
    fn the_shipped_configuration_and_the_reference_show_every_setting() {
        is_current("file-beat", super::SCHEMA);
    }
}
