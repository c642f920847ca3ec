//! The simulators, asked over HTTP as their clients ask them.

mod contabo;
mod contabo_things;
mod digitalocean;
mod digitalocean_account;
mod faults;
mod hetzner;
mod program;
mod support;
mod vps_contabo;
mod vps_digitalocean;
mod vps_local;
mod vps_vultr;
mod vultr;
mod vultr_account;
