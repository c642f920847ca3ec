//! End to end, on real VPSs: real cloud-init, real sshd, real Docker, no mock anywhere.
//!
//! Every test has a data directory of its own, so an owner of its own, and destroys what that owner
//! has when it ends, however it ends.

mod adopt;
mod bad_input;
mod bootstrap;
mod build;
mod confine;
mod contract;
mod crash;
mod create;
mod crowd;
mod discovery;
mod endpoint;
mod fault;
mod files;
mod gc;
mod idle;
mod image;
mod interrupted;
mod life;
mod mitm;
mod registry;
mod replace;
mod secrets;
mod shell;
mod ship;
mod snapshot;
mod support;
mod trust;
