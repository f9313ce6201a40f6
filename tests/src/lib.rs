//! The shared pieces of the black-box tests.
//! harness
