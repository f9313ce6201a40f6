//! The program shipper.

use std::process::ExitCode;

fn main() -> ExitCode {
    let (settings, invocation) =
        settings::start(shipper::about(), shipper::PROGRAM, shipper::table::SCHEMA, &["test config"]);
    match shipper::run(&settings, &invocation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error:#}", shipper::PROGRAM);
            ExitCode::FAILURE
        }
    }
}
