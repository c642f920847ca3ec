//! The simulators, asked over HTTP as their clients ask them.

mod contabo;
mod digitalocean;
mod faults;
mod hetzner;
mod program;
mod support;
mod vps_contabo;
mod vps_local;
mod vultr;
