use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::manifest::{Scalar, at, invalid};
use crate::error::Result;
use crate::model::{IdleMode, IdlePolicy, parse_span};

/// `[idle]`: when the container is stopped for want of use.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdleTable {
    mode: String,
    /// Of the mode `cpu`.
    percent: Option<Value>,
    /// Of the mode `run`.
    process: Option<Value>,
    /// Of the mode `custom`.
    command: Option<Value>,
    timeout: Option<Scalar>,
    max_lifetime: Option<Scalar>,
}

impl IdleTable {
    pub(super) fn policy(&self) -> Result<IdlePolicy> {
        let mode = self.mode()?;
        let timeout = match &self.timeout {
            Some(Scalar(text)) => at("idle.timeout", parse_span(text))?,
            None => IdlePolicy::default().idle_timeout(),
        };
        let policy = at("idle.timeout", IdlePolicy::new(mode, timeout))?;
        match &self.max_lifetime {
            None => Ok(policy),
            Some(Scalar(text)) => {
                let lifetime = at("idle.max_lifetime", parse_span(text))?;
                at("idle.max_lifetime", policy.with_max_lifetime(lifetime))
            }
        }
    }

    fn mode(&self) -> Result<IdleMode> {
        let keys = [
            ("percent", &self.percent, "cpu"),
            ("process", &self.process, "run"),
            ("command", &self.command, "custom"),
        ];
        let mut document = Map::from_iter([("mode".to_owned(), json!(self.mode))]);
        for (key, value, mode) in keys {
            match value {
                Some(value) if self.mode == mode => {
                    document.insert(key.to_owned(), value.clone());
                }
                Some(_) => {
                    return Err(invalid(format!(
                        "idle: {key} is for the mode {mode}, and the mode is {}",
                        self.mode
                    )));
                }
                None => {}
            }
        }
        serde_json::from_value(Value::Object(document))
            .map_err(|error| invalid(format!("idle: {error}")))
    }
}
