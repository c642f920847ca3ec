//! DigitalOcean, as its document and FACTS tell of it in autumn 2026.
//!
//! Not there: volumes, VPCs, domains, load balancers, reserved IPs (of which there are none), backups that are
//! taken, custom images, changes of the size, and removals together with what belongs to a droplet. A token has
//! all scopes or only the reading ones.

mod actions;
mod catalog;
mod droplet_actions;
mod droplets;
mod exceptions;
mod firewalls;
mod images;
mod listing;
mod offer;
mod order;
mod projects;
mod refusals;
mod routes;
mod snapshots;
mod ssh_keys;
mod tags;

use std::time::Duration;

use axum::Router;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::answer::Answer;
use super::call::Call;
use super::cloud::Cloud;
use super::fault::Op;
use super::id::Id;
use super::offer::Offer;
use super::openapi::Exception;
use super::rate_limit::{RateRule, RateState, Shape, whole_seconds};
use super::refusal::Refusal;
use super::sim::Sim;
use super::world::Rules;

/// The cloud.
#[derive(Debug)]
pub(crate) struct DigitalOcean;

impl Cloud for DigitalOcean {
    fn prefix(&self) -> &'static str {
        "/v2"
    }

    fn document(&self) -> &'static str {
        "digitalocean.json"
    }

    fn exceptions(&self) -> &'static [Exception] {
        exceptions::EXCEPTIONS
    }

    fn offer(&self) -> Offer {
        offer::offer()
    }

    fn rules(&self) -> Rules {
        Rules {
            unique_names: false,
            unique_key_names: false,
            unique_keys: true,
            user_data_limit: 64 * 1024,
            locks: true,
            delete_at_once: true,
            boot_ms: 25_000,
            ip_delay_ms: 3_000,
            power_ms: 4_000,
            delete_ms: 0,
            snapshot_ms: 60_000,
            snapshot_quota: None,
        }
    }

    /// Every request counts for an hour and for a minute; the listing of keys has a limit of its own besides.
    fn rate_rules(&self) -> Vec<RateRule> {
        let window = |most, seconds| Shape::Window {
            most,
            length: Duration::from_secs(seconds),
        };
        vec![
            RateRule {
                concerns: |_| true,
                shape: window(5_000, 3_600),
            },
            RateRule {
                concerns: |_| true,
                shape: window(250, 60),
            },
            RateRule {
                concerns: |call| call.method() == "GET" && path_of(call) == "/v2/account/keys",
                shape: window(10, 60),
            },
        ]
    }

    /// They tell of the hour, but that nothing remains is said for the minute too. `retry-after` is for the minute
    /// alone; of the limit of key listings they know nothing.
    fn rate_headers(&self, states: &[RateState], _refused: bool) -> Vec<(&'static str, String)> {
        let Some(hour) = states.first() else {
            return Vec::new();
        };
        let minute = states
            .get(1)
            .filter(|minute| minute.exceeded && !hour.exceeded);
        let remaining = if minute.is_some() { 0 } else { hour.remaining };
        let mut headers = vec![
            ("ratelimit-limit", hour.limit.to_string()),
            ("ratelimit-remaining", remaining.to_string()),
            ("ratelimit-reset", hour.oldest_ends_at().to_string()),
        ];
        if let Some(minute) = minute {
            let seconds = whole_seconds(minute.until_next);
            headers.push(("retry-after", seconds.to_string()));
        }
        headers
    }

    fn op(&self, call: &Call) -> Option<Op> {
        match (call.method().as_str(), path_of(call)) {
            ("POST", "/v2/droplets") => Some(Op::CreateInstance),
            ("GET", "/v2/droplets/{id}") => Some(Op::GetInstance),
            ("GET", "/v2/droplets") => Some(Op::ListInstances),
            ("DELETE", "/v2/droplets/{id}" | "/v2/droplets") => Some(Op::DeleteInstance),
            ("POST", "/v2/account/keys") => Some(Op::CreateKey),
            ("GET", "/v2/account/keys") => Some(Op::ListKeys),
            ("POST", "/v2/droplets/{id}/actions" | "/v2/droplets/actions") => {
                match call.json_text("type")? {
                    "snapshot" => Some(Op::CreateSnapshot),
                    turn => droplet_actions::turn(turn).map(|_| Op::Power),
                }
            }
            _ => None,
        }
    }

    fn render(&self, refusal: &Refusal) -> Answer {
        refusals::render(refusal)
    }

    fn routes(&self) -> Router<Sim> {
        routes::routes()
    }
}

/// The route that a call matched, without a slash at the end.
fn path_of(call: &Call) -> &str {
    call.template().trim_end_matches('/')
}

/// What images and keys are called by: a number, or a slug or fingerprint. Numbers may also be sent as texts.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum IdOrSlug {
    Id(u64),
    Slug(String),
}

impl IdOrSlug {
    /// Whether this is the thing of that number and slug.
    fn is(&self, number: u64, slug: &str) -> bool {
        match self {
            Self::Id(id) => *id == number,
            Self::Slug(text) => text == slug || text.parse() == Ok(number),
        }
    }
}

/// A moment as the API writes it: to the second.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Numbers in a list of a document; what is none is left out.
fn ids(list: &Value) -> Vec<Id> {
    let entries = list.as_array().into_iter().flatten();
    entries.filter_map(Value::as_u64).map(Id).collect()
}

/// Texts in a list of a document; what is none is left out.
fn texts(list: &Value) -> Vec<String> {
    let entries = list.as_array().into_iter().flatten();
    entries
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}
