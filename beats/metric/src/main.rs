//! The program metric-beat.

use std::process::ExitCode;

use settings::CommandLine;

fn main() -> ExitCode {
    let line = CommandLine::new(beat_metric::PROGRAM, "Samples the host and sends its figures");
    let (settings, invocation) =
        settings::start(line, beat_metric::PROGRAM, beat_metric::SCHEMA, beat_core::COMMANDS);
    beat_core::run(beat_metric::PROGRAM, settings, &invocation, beat_metric::start)
}
