//! The four clouds, against simulators of their APIs. Nothing here has been run against the live ones.

mod bad_input;
mod clouds;
mod crowd;
mod faults;
mod listing;
mod orders;
mod secrets;
mod vps_end_to_end;
