//! Several real processes as one cluster: how they find together, what they agree on, and what survives the loss of some.

mod aimed;
mod anywhere;
mod closing;
mod cut_off;
mod damaged;
mod disks;
mod expanding;
mod figures;
mod foreign;
mod founding;
mod gaps;
mod hosts;
mod leader;
mod names;
mod nested;
mod planted;
mod points_in_time;
mod races;
mod recovery;
mod resizing;
mod restarts;
mod search_apis;
mod searches;
mod stopping;
mod torture;
