//! Vultr for `vps-docker`.
