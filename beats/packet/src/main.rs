//! The program packet-beat.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction};
use settings::CommandLine;

fn main() -> ExitCode {
    let line = CommandLine::new(beat_packet::PROGRAM, "Reads packets and sends flows and transactions")
        .arg(
            Arg::new("capture-file")
                .short('I')
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .help("Reads a pcap or pcapng file instead of interfaces, then ends"),
        )
        .arg(
            Arg::new("top-speed")
                .short('t')
                .action(ArgAction::SetTrue)
                .help("Reads the file without pauses between packets, which is always so"),
        );
    let (settings, invocation) =
        settings::start(line, beat_packet::PROGRAM, beat_packet::SCHEMA, beat_core::COMMANDS);
    let file = invocation.matches.get_one::<PathBuf>("capture-file").cloned();
    beat_core::run(beat_packet::PROGRAM, settings, &invocation, |beat| beat_packet::start(beat, file))
}
