//! Contabo for `vps-docker`.
