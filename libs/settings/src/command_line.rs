//! The command line that every program shares: `-c FILE`, `-E key=value`, `--version`, `--help`, subcommands.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::error::SettingsError;
use crate::load::Layers;

/// The description of a program's command line.
pub struct CommandLine {
    command: Command,
    program: &'static str,
}

/// What the person asked for.
#[derive(Debug)]
pub struct Invocation {
    /// The layers to read.
    pub layers: Layers,
    /// The words of the subcommand, e.g. `["test", "config"]`; empty to run the program.
    pub words: Vec<String>,
    /// The program's own flags.
    pub matches: ArgMatches,
}

impl CommandLine {
    /// The shared command line of `program`.
    pub fn new(program: &'static str, about: &'static str) -> Self {
        let command = Command::new(program)
            .version(env!("CARGO_PKG_VERSION"))
            .about(about)
            .subcommand_negates_reqs(true)
            .arg(
                Arg::new("config")
                    .short('c')
                    .long("config")
                    .value_name("FILE")
                    .value_parser(clap::value_parser!(PathBuf))
                    .help(format!("The configuration file [default: config/{program}.yml if it exists]")),
            )
            .arg(
                Arg::new("override")
                    .short('E')
                    .value_name("KEY=VALUE")
                    .action(ArgAction::Append)
                    .help("Overrides one setting of the file; repeatable"),
            )
            .arg(
                Arg::new("words")
                    .value_name("COMMAND")
                    .num_args(0..)
                    .help("test config | export config | export reference; without one the program runs"),
            );
        Self { command, program }
    }

    /// Adds a flag of the program's own.
    pub fn arg(mut self, arg: Arg) -> Self {
        self.command = self.command.arg(arg);
        self
    }

    /// Reads the process's arguments; prints and leaves for `--help`, `--version` and a wrong command line.
    pub fn parse(self) -> Result<Invocation, SettingsError> {
        let program = self.program;
        Self::invocation(program, self.command.get_matches())
    }

    /// Reads the given arguments, the first being the program's name.
    pub fn parse_from(self, arguments: &[&str]) -> Result<Invocation, SettingsError> {
        let program = self.program;
        let matches = self
            .command
            .try_get_matches_from(arguments)
            .map_err(|error| SettingsError::CommandLine(error.to_string()))?;
        Self::invocation(program, matches)
    }

    fn invocation(program: &str, matches: ArgMatches) -> Result<Invocation, SettingsError> {
        let overrides = matches
            .get_many::<String>("override")
            .unwrap_or_default()
            .map(|text| match text.split_once('=') {
                Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
                _ => Err(SettingsError::CommandLine(format!(
                    "-E {text}: must be key=value, e.g. -E http.port=9200"
                ))),
            })
            .collect::<Result<_, _>>()?;
        let words = matches.get_many::<String>("words").unwrap_or_default().cloned().collect();
        let layers = Layers {
            file: matches.get_one::<PathBuf>("config").cloned(),
            default_file: Some(PathBuf::from(format!("config/{program}.yml"))),
            overrides,
        };
        Ok(Invocation { layers, words, matches })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_may_be_glued_or_apart() {
        let invocation = CommandLine::new("search-node", "a node")
            .parse_from(&[
                "search-node",
                "-E",
                "http.port=8200",
                "-Epath.data=node2",
                "-c",
                "x.yml",
                "test",
                "config",
            ])
            .expect("valid");

        assert_eq!(
            invocation.layers.overrides,
            [("http.port".to_owned(), "8200".to_owned()), ("path.data".to_owned(), "node2".to_owned())]
        );
        assert_eq!(invocation.layers.file, Some(PathBuf::from("x.yml")));
        assert_eq!(invocation.words, ["test", "config"]);
    }

    #[test]
    fn an_override_without_a_value_is_refused() {
        let error = CommandLine::new("search-node", "a node")
            .parse_from(&["search-node", "-E", "http.port"])
            .expect_err("no value");

        assert_eq!(error.to_string(), "-E http.port: must be key=value, e.g. -E http.port=9200");
    }
}
