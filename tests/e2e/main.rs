//! The whole road with the real programs: a line written to a file is found in the index and on the page.

mod browser;
mod lines;
mod road;
mod up;
