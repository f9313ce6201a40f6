//! Settings: what a file, the command line and the environment say, checked against a table and typed.
//!
//! A program declares a [`Schema`], a table of every setting with its kind, default and one sentence. [`load`] reads
//! the layers (file, then `-E key=value`), expands `${VAR:default}`, refuses unknown keys with a suggestion and values
//! of the wrong kind with a remedy, and gives back [`Settings`], whose getters cannot fail.
//!
//! # Invariants
//!
//! - Only this crate reads configuration files and the environment.
//! - An error names the file and line (or `-E`), the key, and what to write instead.
//! - The reference pages and the shipped `config/*.yml` are held against the same table by tests.

mod command_line;
mod error;
mod kind;
mod load;
pub mod reference;
mod schema;
mod start;
mod suggest;
mod tree;
mod view;

pub use command_line::{CommandLine, Invocation};
pub use error::SettingsError;
pub use kind::{Kind, Share, parse_bytes, parse_duration};
pub use load::{Layers, load, load_text};
pub use schema::{Schema, Setting, setting};
pub use start::{LOGGING, refuse, start};
pub use suggest::nearest;
pub use tree::{Node, Origin, Tree};
pub use view::Settings;

/// The exit status of a program whose configuration is wrong (`EX_CONFIG` of sysexits.h).
pub const EXIT_CONFIG: i32 = 78;

/// The folder that the system gives a user for what lasts as long as the user is there (`XDG_RUNTIME_DIR`), if it does.
pub fn runtime_folder() -> Option<std::path::PathBuf> {
    std::env::var_os("XDG_RUNTIME_DIR").map(std::path::PathBuf::from)
}
