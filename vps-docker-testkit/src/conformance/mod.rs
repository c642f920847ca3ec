//! A suite that says when a [`VpsClient`](vps_docker_core::VpsClient) is done.
//!
//! Each rule of the trait is a behaviour: a public async function that is given a [`Subject`], the
//! client under test with what the suite has to know of it, and that panics with a sentence when the
//! rule is broken. [`conformance_tests!`](crate::conformance_tests) makes a test of each; those that a
//! provider's [`Capabilities`](vps_docker_core::Capabilities) do not call for are skipped and say so.
//!
//! ```
//! # use std::sync::Arc;
//! # use vps_docker_core::adopted::AdoptedMachines;
//! use vps_docker_testkit::conformance::Subject;
//!
//! # mod acme { pub fn client() -> vps_docker_core::adopted::AdoptedMachines {
//! #     vps_docker_core::adopted::AdoptedMachines::new("/nonexistent".as_ref()) } }
//! fn subject() -> Subject {
//!     Subject::builder(Arc::new(acme::client()))
//!         .secret("the token that the client was given")
//!         .build()
//! }
//!
//! mod acme_conformance {
//!     vps_docker_testkit::conformance_tests!(super::subject());
//! }
//! # let behaviour = &vps_docker_testkit::conformance::BEHAVIOURS[0];
//! # assert_eq!(behaviour.number(), 0);
//! ```
//!
//! * **It costs what it makes.** About fifty instances are ordered, two or three at a time in one test,
//!   each for as long as the test lasts. Run it against a simulator; who runs it against a live account
//!   pays for them.
//! * **Nothing is left.** Whatever a test makes carries our marker and an owner id of that test alone, and
//!   is removed at its end, also when it fails; what could not be removed fails the test. Only a process
//!   that is killed leaves something, which the marker finds.
//! * **It needs no account of its own.** Tests look for what they made themselves and may run side by
//!   side.
//! * The chapter "Write a provider" in `docs/write-a-provider.md` goes through all of it.
//!
//! A client is judged by what the trait tells. What cannot be seen through it (what boots, whether
//! `user_data` arrives, what a firewall lets in) is for a provider's own tests on a real machine.

mod behaviour;
mod clean_up;
mod expect;
mod log;
mod making;
mod subject;
mod table;

pub mod capabilities;
pub mod catalog;
pub mod create;
pub mod destroy;
pub mod errors;
pub mod firewall;
pub mod keys;
pub mod listing;
pub mod power;
pub mod refusals;
pub mod rename;
pub mod secrets;
pub mod snapshots;
pub mod tags;
pub mod waiting;

pub use behaviour::{Behaviour, Need, Outcome};
pub use subject::{Subject, SubjectBuilder};
pub use table::BEHAVIOURS;

/// What [`conformance_tests!`](crate::conformance_tests) needs where it is expanded.
#[doc(hidden)]
pub mod expanded {
    pub use super::behaviour::run;
    // It is the test that speaks, not this library.
    pub use std::println as say;
}

// The chapter's snippets compile.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/write-a-provider.md")]
mod chapter {}
