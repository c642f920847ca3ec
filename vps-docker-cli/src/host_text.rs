//! A host for people to read.

use std::time::SystemTime;

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use vps_docker::model::{HostState, SshEndpoint, Timestamp};
use vps_docker::{Destroyed, Host};

use crate::output::pairs;
use crate::shown::Shown;
use crate::units::{age, span};

/// The state's name in its colour.
pub(crate) fn state(state: HostState) -> Shown {
    let colour = match state {
        HostState::Running => AnsiColor::Green,
        HostState::Stopped | HostState::Parked | HostState::Provisioning => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    };
    let style = Style::new().fg_color(Some(colour.into()));
    Shown::styled(style, &name(state))
}

/// The state's name, as in JSON.
pub(crate) fn name(state: HostState) -> String {
    match serde_json::to_value(state) {
        Ok(Value::String(name)) => name,
        _ => unreachable!("states are words"),
    }
}

/// What a host is, a line each.
pub(crate) fn details(host: &Host) -> Shown {
    let info = host.info();
    let labels: Vec<String> = info
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let pressures: Vec<String> = host.pressures().iter().map(ToString::to_string).collect();
    let stopped = host
        .stopped()
        .map(|mark| format!(", {} ago by {}: {}", age(mark.at), mark.by, mark.reason));
    let row = |name, value: String| (name, Shown::from(value));
    // What is unreadable here says so when it is asked for.
    let endpoint = host
        .tls_endpoint()
        .ok()
        .flatten()
        .map(|open| open.docker_host());
    pairs(&[
        row("name", info.name.to_string()),
        ("state", state(info.state).and(stopped.unwrap_or_default())),
        row(
            "problem",
            host.problem().map(ToString::to_string).unwrap_or_default(),
        ),
        row("pressure", pressures.join("\n")),
        row("provider", info.provider.clone()),
        row("instance", info.instance_id.to_string()),
        row("address", info.address.to_string()),
        row(
            "created",
            format!("{} ({} ago)", info.created_at, age(info.created_at)),
        ),
        row("expires", host.expires_at().map(left).unwrap_or_default()),
        row("labels", labels.join(" ")),
        row("endpoint", endpoint.unwrap_or_default()),
        row("id", info.id.to_string()),
        row("container", door(&info.container_ssh)),
        row("VPS", door(&info.vps_ssh)),
    ])
}

/// When a time to live ends, and how far that is.
pub(crate) fn left(at: Timestamp) -> String {
    let left = SystemTime::from(at).duration_since(SystemTime::now());
    match left {
        Ok(left) => format!("in {} ({at})", span(left)),
        Err(_) => format!("it has ({at}): the next ls or gc destroys it"),
    }
}

/// An SSH end in short: `ssh-config` and JSON have the whole.
fn door(endpoint: &SshEndpoint) -> String {
    format!("{}@{} port {}", endpoint.user, endpoint.host, endpoint.port)
}

/// What goes on to be paid for after a destroy; begins with `; `.
pub(crate) fn bills(destroyed: &Destroyed) -> String {
    use vps_docker::model::DestroyOutcome;
    let mut text = String::new();
    for outcome in &destroyed.outcomes {
        if let DestroyOutcome::EndsAt(time) = outcome {
            text.push_str(&format!("; its contract is paid for until {time}"));
        }
    }
    text
}
