//! The first step of every program: arguments, settings, and the commands that only look at them.

use crate::command_line::{CommandLine, Invocation};
use crate::error::SettingsError;
use crate::kind::Kind;
use crate::load::load;
use crate::reference::markdown;
use crate::schema::{Schema, Setting, setting};
use crate::view::Settings;
use crate::{EXIT_CONFIG, nearest};

/// The settings of the log, the same in every program.
pub const LOGGING: &[Setting] = &[
    setting(
        "logging.level",
        Kind::Levels,
        Some("info"),
        "The least level that is logged (error, warn, info, debug, trace), or levels per module such as info,search_node::rest=debug.",
    ),
    setting(
        "logging.format",
        Kind::OneOf(&["text", "json"]),
        Some("text"),
        "How a log line looks: text for people, json for machines.",
    ),
];

/// Reads the command line and the settings of `program`. A wrong configuration is one line on standard error and
/// status 78; `test config`, `export config` and `export reference` print and leave. Words that `commands` lists stay in
/// [`Invocation::words`]; a program that has more to test than its settings lists `test config` there.
pub fn start(line: CommandLine, program: &str, schema: Schema, commands: &[&str]) -> (Settings, Invocation) {
    match begin(line, program, schema, commands) {
        Ok(Some(started)) => started,
        Ok(None) => std::process::exit(0),
        Err(error) => refuse(program, &error),
    }
}

/// Prints a configuration error as one line and ends the process with status 78.
pub fn refuse(program: &str, error: &SettingsError) -> ! {
    eprintln!("{program}: {error}");
    std::process::exit(EXIT_CONFIG)
}

fn begin(
    line: CommandLine,
    program: &str,
    schema: Schema,
    commands: &[&str],
) -> Result<Option<(Settings, Invocation)>, SettingsError> {
    let invocation = line.parse()?;
    let command = invocation.words.join(" ");
    if command == "export reference" {
        print!("{}", markdown(program, schema));
        return Ok(None);
    }
    let settings = load(schema, &invocation.layers)?;
    match command.as_str() {
        known if commands.contains(&known) => Ok(Some((settings, invocation))),
        "test config" => {
            println!("Config OK");
            Ok(None)
        }
        "export config" => {
            for (key, value) in settings.effective() {
                println!("{key}: {value}");
            }
            Ok(None)
        }
        "" => Ok(Some((settings, invocation))),
        other => {
            let known = ["test config", "export config", "export reference"];
            let near = nearest(other, known.iter().chain(commands).copied());
            let hint = near.map_or_else(|| "see --help".to_owned(), |near| format!("did you mean `{near}`?"));
            Err(SettingsError::CommandLine(format!("unknown command `{other}`; {hint}")))
        }
    }
}
