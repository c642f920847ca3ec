//! Everything here runs on a real Docker engine; each test boots VPSs of its own.

mod support;

mod vps_conformance;
mod vps_disk;
mod vps_life;
mod vps_metadata;
