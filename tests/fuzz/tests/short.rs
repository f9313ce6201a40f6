//! The short form of the fuzzers: the committed corpus, and a few thousand inputs that differ a little from it.
//!
//! `FUZZ_ROUNDS` sets how many inputs are made up for each target, `FUZZ_LARGE` how many large ones for those that promise not to take long,
//! `FUZZ_SEED` where the row begins. An input
//! that broke a promise is printed as a file; it belongs into `fuzz/corpus/<target>/` with the change that mends it.
//! `UPDATE_CORPUS=1` writes the seeds that the product's own encodings make.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use fuzz_targets::{Counted, TIMED, Target, mutated, open, run, seeds, stretched};
use testkit::Chance;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// One target at a time: memory is counted for the whole process.
static ALONE: Mutex<()> = Mutex::new(());
/// What takes no longer than is promised for that much takes no longer for less.
const LARGE_BYTES: usize = 64 << 10;

static PANICS: AtomicUsize = AtomicUsize::new(0);

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn corpus_folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target)
}

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs_err::read_dir(corpus_folder(target))
        .expect("a corpus")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.display().to_string(), fs_err::read(&path).expect("read")))
        .collect();
    files.sort();
    files
}

/// Gives the target an input; a panic in any thread counts.
fn try_input(target: &mut dyn Target, input: &[u8], name: &str) {
    let before = PANICS.load(Ordering::SeqCst);
    let outcome = catch_unwind(AssertUnwindSafe(|| run(target, input)));
    if outcome.is_err() || PANICS.load(Ordering::SeqCst) != before {
        let kept = std::env::temp_dir().join(format!("weir-broke-{:08x}", crc32fast::hash(input)));
        fs_err::write(&kept, input).expect("kept");
        panic!("{name} broke a promise, see above; the input is kept in {}", kept.display());
    }
}

/// `rounds` inputs take a second or two.
fn short(name: &str, rounds: u64) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        told(info);
    }));
    let mut target = open(name);
    let files = corpus(name);
    for (path, input) in &files {
        try_input(target.as_mut(), input, path);
    }
    let inputs: Vec<Vec<u8>> = files.into_iter().map(|(_, input)| input).collect();
    let seed = number("FUZZ_SEED", 1);
    let mut chance = Chance::new(seed);
    for round in 0..number("FUZZ_ROUNDS", rounds) {
        let input = mutated(&mut chance, &inputs);
        try_input(target.as_mut(), &input, &format!("{name}, seed {seed}, round {round}"));
    }
    // What takes long shows where there is much of it.
    let large = if TIMED.contains(&name) { number("FUZZ_LARGE", 30) } else { 0 };
    for round in 0..large {
        let input = stretched(&mut chance, &inputs, LARGE_BYTES);
        try_input(target.as_mut(), &input, &format!("{name}, seed {seed}, large round {round}"));
    }
    drop(std::panic::take_hook());
}

#[test]
fn any_bulk_body_has_an_outcome_that_its_pieces_do_not_change() {
    short("bulk", 800);
}

#[test]
fn any_text_is_analyzed_and_its_tokens_lie_within_it() {
    short("analysis", 3000);
}

#[test]
fn any_document_is_refused_or_kept_as_it_came() {
    short("document", 400);
}

#[test]
fn any_date_is_refused_or_found() {
    short("dates", 250);
}

#[test]
fn any_body_is_refused_or_shown_the_same_in_every_form() {
    short("formats", 400);
}

#[test]
fn any_template_is_refused_or_comes_to_a_text_within_its_bound() {
    short("mustache", 3000);
}

#[test]
fn any_search_is_answered_or_refused() {
    short("query", 3000);
}

#[test]
fn any_query_string_is_answered_or_refused() {
    short("query_string", 600);
}

#[test]
fn any_regular_expression_is_answered_or_refused() {
    short("regexp", 400);
}

#[test]
fn any_pattern_is_answered_or_refused() {
    short("wildcard", 400);
}

#[test]
fn any_translog_is_refused_or_whole() {
    short("translog", 200);
}

#[test]
fn any_state_file_is_refused_or_served() {
    short("state_files", 1000);
}

/// Formats change; the seeds are made anew when they do.
#[test]
fn the_corpus_has_the_seeds_of_our_own_encodings() {
    for (target, name, bytes) in seeds() {
        let path = corpus_folder(target).join(name);
        if std::env::var_os("UPDATE_CORPUS").is_some() {
            fs_err::create_dir_all(path.parent().expect("in a folder")).expect("made");
            fs_err::write(&path, &bytes).expect("written");
        }
        assert!(path.is_file(), "{} is missing; run with UPDATE_CORPUS=1", path.display());
    }
}
