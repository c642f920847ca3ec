//! Machines that are there already: looked over, taken, and cleared of what is ours.

mod clear;
mod login;
mod machine;
mod survey;
mod taking;

pub(super) use clear::clear;
pub(super) use login::Login;
pub use machine::{Machine, MachineBuilder};
pub(super) use taking::Taking;
