//! What makes the bootstrap's secrets worthless: another host key, no copy of `user_data`, and no way
//! from the container to the cloud's metadata service.

mod rotation;
mod vps_files;

pub(super) use rotation::{Rotation, follow, resume};
