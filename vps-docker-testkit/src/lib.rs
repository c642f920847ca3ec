//! For authors of `vps-docker` providers: a conformance suite, and simulators of four clouds.
