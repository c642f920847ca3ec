//! The rules of firewall groups: each lets something in.

use std::net::IpAddr;

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::body;
use super::firewalls::{self, MOST_RULES};
use super::listing;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;

const RULE: &str = "firewall rule";

#[derive(Debug, Deserialize)]
struct CreateRule {
    ip_type: String,
    protocol: String,
    subnet: String,
    subnet_size: u8,
    #[serde(default)]
    port: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    notes: String,
}

/// <https://www.vultr.com/api/#operation/list-firewall-group-rules>
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let rules = &firewalls::by_path(&mut world, &call)?["rules"];
    let rules = rules.as_array().into_iter().flatten();
    let own = rules.map(|rule| (rule["id"].as_u64().unwrap_or(0), rule.clone()));
    listing::page(&call, "firewall_rules", own.collect(), |rule| rule)
}

/// <https://www.vultr.com/api/#operation/post-firewalls-firewall-group-id-rules>
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let wanted: CreateRule = body(&call)?;
    let mut rule = wanted.checked()?;
    let mut world = sim.world();
    let group = firewalls::by_path(&mut world, &call)?;
    let id = group["last_rule"].as_u64().unwrap_or(0) + 1;
    let Some(rules) = group["rules"].as_array_mut() else {
        return Err(Refusal::not_found(RULE));
    };
    let unable = |why: &str| {
        Err(Refusal::new(
            Reason::Invalid,
            format!("Unable to create rule: {why}"),
        ))
    };
    if rules.len() >= MOST_RULES {
        return unable("the group has 50 of them, which is the maximum");
    }
    let what = [
        "ip_type",
        "protocol",
        "port",
        "subnet",
        "subnet_size",
        "source",
    ];
    if rules
        .iter()
        .any(|own| what.iter().all(|field| own[field] == rule[field]))
    {
        return unable("This rule is already defined");
    }
    rule["id"] = json!(id);
    rules.push(rule.clone());
    group["last_rule"] = json!(id);
    firewalls::touch(group);
    Ok(Answer::created(json!({"firewall_rule": rule})))
}

/// <https://www.vultr.com/api/#operation/get-firewall-group-rule>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let group = firewalls::by_path(&mut world, &call)?;
    let rules = group["rules"].as_array().into_iter().flatten();
    let rule = rules.into_iter().find(|rule| is_named(rule, &call));
    let rule = rule.ok_or_else(|| Refusal::not_found(RULE))?;
    Ok(Answer::ok(json!({"firewall_rule": rule})))
}

/// <https://www.vultr.com/api/#operation/delete-firewall-group-rule>
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let group = firewalls::by_path(&mut world, &call)?;
    let rules = group["rules"].as_array_mut();
    let rules = rules.ok_or_else(|| Refusal::not_found(RULE))?;
    let place = rules.iter().position(|rule| is_named(rule, &call));
    rules.remove(place.ok_or_else(|| Refusal::not_found(RULE))?);
    firewalls::touch(group);
    Ok(Answer::no_content())
}

fn is_named(rule: &Value, call: &Call) -> bool {
    call.param("rule").parse() == Ok(rule["id"].as_u64().unwrap_or(0))
}

impl CreateRule {
    /// The rule as it is shown, but for its id.
    fn checked(self) -> Result<Value, Refusal> {
        let invalid =
            |field: &'static str| Err(Refusal::invalid(field, format!("Invalid {field}.")));
        let widest = match self.ip_type.as_str() {
            "v4" => 32,
            "v6" => 128,
            _ => return invalid("ip_type"),
        };
        let protocol = self.protocol.to_ascii_lowercase();
        if !["icmp", "tcp", "udp", "gre", "esp", "ah"].contains(&protocol.as_str()) {
            return invalid("protocol");
        }
        let has_port = matches!(protocol.as_str(), "tcp" | "udp");
        if has_port != is_port(&self.port) || !has_port && !self.port.is_empty() {
            return invalid("port");
        }
        let is_there = match self.subnet.parse() {
            Ok(IpAddr::V4(_)) => widest == 32,
            Ok(IpAddr::V6(_)) => widest == 128,
            Err(_) => self.source == "cloudflare",
        };
        if !is_there {
            return invalid("subnet");
        }
        if self.subnet_size > widest {
            return invalid("subnet_size");
        }
        Ok(json!({
            "type": self.ip_type,
            "ip_type": self.ip_type,
            "action": "accept",
            "protocol": protocol,
            "port": self.port,
            "subnet": self.subnet,
            "subnet_size": self.subnet_size,
            "source": self.source,
            "notes": self.notes,
        }))
    }
}

/// One port, or two with a colon between.
fn is_port(text: &str) -> bool {
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    match text.split_once(':') {
        None => port(text).is_some(),
        Some((first, last)) => port(first)
            .zip(port(last))
            .is_some_and(|(first, last)| first <= last),
    }
}
