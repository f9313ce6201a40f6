//! Fuzzes `regexp`: what is done with an input, and what must hold, stands in `tests/fuzz`.
#![no_main]

use std::cell::RefCell;

#[global_allocator]
static ALLOCATOR: fuzz_targets::Counted = fuzz_targets::Counted;

thread_local! {
    static TARGET: RefCell<Box<dyn fuzz_targets::Target>> = RefCell::new(fuzz_targets::open("regexp"));
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| TARGET.with_borrow_mut(|target| fuzz_targets::run(target.as_mut(), input)));
