//! DigitalOcean for `vps-docker`.
