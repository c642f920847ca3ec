//! Hetzner Cloud for `vps-docker`.
