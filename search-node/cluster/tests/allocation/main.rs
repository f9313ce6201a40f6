//! Allocation until it has nothing more to say, while nodes come and go.

mod balance;
mod deciders;

mod fixture;

mod moves;

mod settings;
