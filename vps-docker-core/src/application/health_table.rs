use serde::Deserialize;

use super::manifest::{Scalar, at, invalid};
use super::ports::Port;
use crate::error::Result;
use crate::model::{HealthCheck, parse_span};

/// `[health]`: one of three probes, and its times.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HealthTable {
    http: Option<String>,
    tcp: Option<u16>,
    command: Option<Vec<String>>,
    /// Of the VPS; the first one of `ports` when absent.
    port: Option<u16>,
    interval: Option<Scalar>,
    timeout: Option<Scalar>,
    deadline: Option<Scalar>,
}

impl HealthTable {
    pub(super) fn is_http(&self) -> bool {
        self.http.is_some()
    }

    pub(super) fn check(&self, ports: &[Port]) -> Result<HealthCheck> {
        let mut check = match (&self.http, self.tcp, &self.command) {
            (Some(path), None, None) => HealthCheck::http(self.port(ports)?, path),
            (None, Some(port), None) if self.port.is_none() => HealthCheck::tcp(port),
            (None, None, Some(words)) if self.port.is_none() => HealthCheck::command(words.clone()),
            _ => {
                return Err(invalid(
                    "health: write one of `http = \"/path\"` (with a `port` where it is not the first one of \
                     `ports`), `tcp = PORT` and `command = [\"…\"]`",
                ));
            }
        };
        if let Some(Scalar(text)) = &self.interval {
            check = check.interval(at("health.interval", parse_span(text))?);
        }
        if let Some(Scalar(text)) = &self.timeout {
            check = check.timeout(at("health.timeout", parse_span(text))?);
        }
        if let Some(Scalar(text)) = &self.deadline {
            check = check.deadline(at("health.deadline", parse_span(text))?);
        }
        at("health", check.check())?;
        Ok(check)
    }

    fn port(&self, ports: &[Port]) -> Result<u16> {
        let first = ports.first().map(|port| port.of_vps);
        self.port.or(first).ok_or_else(|| {
            invalid(
                "health.http: there is no port to ask at; write it into `ports`, as \"80:8000\"",
            )
        })
    }
}
