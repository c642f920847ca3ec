//! For authors of `vps-docker` providers: a conformance suite, and simulators of four clouds.

pub mod conformance;

#[cfg(feature = "cloud-sim")]
pub mod cloud_sim;
