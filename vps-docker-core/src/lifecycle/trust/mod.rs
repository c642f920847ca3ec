//! What makes the bootstrap's secrets worthless: another host key, no copy of `user_data`, and no way
//! from the container to the cloud's metadata service.

mod container_rotation;
mod hand_over;
mod resume;
mod rotation;
mod served;
mod vps_files;
mod vps_firewall;

pub(super) use container_rotation::rotate_container_key;
pub(super) use hand_over::follow;
pub(super) use resume::resume;
pub(super) use rotation::{HandOver, Rotation};
pub(super) use vps_firewall::set_vps_firewall;
