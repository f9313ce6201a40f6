//! Allocation until it has nothing more to say, while nodes come and go.

mod balance;
mod deciders;
mod explained;
mod fixture;
mod health;
mod moves;
mod rerouted;
mod settings;
