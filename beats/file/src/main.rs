//! The program file-beat.

use std::process::ExitCode;

use settings::CommandLine;

fn main() -> ExitCode {
    let line = CommandLine::new(beat_file::PROGRAM, "Follows log files and sends their lines");
    let (settings, invocation) =
        settings::start(line, beat_file::PROGRAM, beat_file::SCHEMA, beat_core::COMMANDS);
    beat_core::run(beat_file::PROGRAM, settings, &invocation, beat_file::start)
}
