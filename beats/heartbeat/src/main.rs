//! The program heartbeat.

use std::process::ExitCode;

use settings::CommandLine;

fn main() -> ExitCode {
    let line = CommandLine::new(beat_heartbeat::PROGRAM, "Asks hosts whether they are up");
    let (settings, invocation) =
        settings::start(line, beat_heartbeat::PROGRAM, beat_heartbeat::SCHEMA, beat_core::COMMANDS);
    beat_core::run(beat_heartbeat::PROGRAM, settings, &invocation, beat_heartbeat::start)
}
