//! Firewalls: <https://docs.digitalocean.com/reference/api/reference/firewalls/>. In a file of its own, as
//! they are objects of the account: a droplet has one of its own here, named after it, and
//! goes with it only because we see to that.

use std::time::Duration;

use vps_docker_core::http::{gone_is_success, wait_until};
use vps_docker_core::model::{Cidr, FirewallRule, FirewallRules, Protocol};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::account::Account;
use crate::wire::{
    Addresses, Firewall, FirewallBody, FirewallStatus, Firewalls, InboundRule, OutboundRule,
    PutFirewall,
};

/// Until the rules hold.
const PATIENCE: Duration = Duration::from_secs(120);

/// Lets in what the rules name, in the place of what our firewall let in before, and waits until that
/// holds. Firewalls of others that the droplet is in add to it.
pub(crate) async fn put(account: &Account, id: u64, rules: &FirewallRules) -> Result<()> {
    let body = firewall(id, rules);
    let existing = of_droplet(account, id).await?.into_iter().next();
    let firewall = match existing {
        Some(existing) => update(account, &existing, &body).await?,
        None => create(account, &body).await?,
    };
    in_force(account, firewall).await
}

async fn update(account: &Account, firewall: &Firewall, body: &PutFirewall) -> Result<Firewall> {
    let path = ["firewalls", &firewall.id];
    let answer: FirewallBody = account.api.put("firewall", path).body(body).json().await?;
    Ok(answer.firewall)
}

async fn create(account: &Account, body: &PutFirewall) -> Result<Firewall> {
    let request = account.api.post("firewall", ["firewalls"]).body(body);
    match request.json::<FirewallBody>().await {
        Ok(answer) => Ok(answer.firewall),
        // It is there, and somebody took the droplet out of it.
        Err(error) if error.kind() == ErrorKind::NameTaken => {
            let mut all = listed(account, &["firewalls"]).await?;
            all.retain(|firewall| firewall.name == body.name);
            update(account, all.first().ok_or(error)?, body).await
        }
        Err(error) => Err(error),
    }
}

async fn in_force(account: &Account, firewall: Firewall) -> Result<()> {
    let path = ["firewalls", &firewall.id];
    let mut known = Some(firewall.status);
    let ask = || {
        let known = known.take();
        async move {
            let status = match known {
                Some(status) => status,
                None => {
                    let body: FirewallBody = account.api.get("firewall", path).json().await?;
                    body.firewall.status
                }
            };
            match status {
                FirewallStatus::Waiting => Ok(None),
                FirewallStatus::Succeeded | FirewallStatus::Unknown(_) => Ok(Some(())),
                FirewallStatus::Failed => Err(Error::new(
                    ErrorKind::Provider,
                    "DigitalOcean could not put the firewall's rules into force; set them again",
                )),
            }
        }
    };
    let what = "putting the firewall's rules into force";
    wait_until(what, PATIENCE, &account.retry, ask).await
}

/// The firewalls that were made for a droplet, found by it.
pub(crate) async fn of_droplet(account: &Account, id: u64) -> Result<Vec<Firewall>> {
    let mut firewalls = listed(account, &["droplets", &id.to_string(), "firewalls"]).await?;
    firewalls.retain(|firewall| firewall.name == name(id));
    Ok(firewalls)
}

/// The firewalls that were made for a droplet, found by their name: for one that is gone.
pub(crate) async fn of_gone_droplet(account: &Account, id: u64) -> Result<Vec<Firewall>> {
    let mut firewalls = listed(account, &["firewalls"]).await?;
    firewalls.retain(|firewall| firewall.name == name(id));
    Ok(firewalls)
}

/// Removes the firewalls of a droplet that is gone. What does not succeed is told and left: it costs
/// nothing, and destroying the droplet once more finds it.
pub(crate) async fn remove(account: &Account, id: u64, firewalls: Result<Vec<Firewall>>) {
    let firewalls = match firewalls {
        Ok(firewalls) => firewalls,
        // There is none of a droplet that is not there.
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => {
            tracing::warn!(%error, droplet = id, "a firewall of a destroyed droplet may be left");
            return;
        }
    };
    for firewall in firewalls {
        let path = ["firewalls", &firewall.id];
        let removed = account.api.delete("delete_firewall", path).done().await;
        if let Err(error) = gone_is_success(removed) {
            tracing::warn!(%error, droplet = id, "the firewall of a destroyed droplet is left");
        }
    }
}

async fn listed(account: &Account, path: &[&str]) -> Result<Vec<Firewall>> {
    let request = || account.api.get("list_firewalls", path);
    account.all::<Firewalls>(request).await
}

/// By which it is found. Names are unique in an account.
fn name(id: u64) -> String {
    format!("vps-docker-{id}")
}

pub(crate) fn firewall(id: u64, rules: &FirewallRules) -> PutFirewall {
    let open = |rule: &&FirewallRule| !rule.sources.is_empty();
    PutFirewall {
        name: name(id),
        inbound_rules: rules.allow.iter().filter(open).map(inbound).collect(),
        // Without these nothing gets out: what is not allowed is dropped in both directions.
        outbound_rules: ["tcp", "udp", "icmp"].map(outbound).into(),
        droplet_ids: [id],
    }
}

fn inbound(rule: &FirewallRule) -> InboundRule {
    InboundRule {
        protocol: match rule.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        },
        ports: rule.port.to_string(),
        sources: addresses(&rule.sources),
    }
}

fn outbound(protocol: &'static str) -> OutboundRule {
    OutboundRule {
        protocol,
        ports: "0".to_owned(),
        destinations: addresses(&Cidr::WORLD),
    }
}

fn addresses(ranges: &[Cidr]) -> Addresses {
    Addresses {
        addresses: ranges.iter().map(ToString::to_string).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_let_in_what_they_name_and_everything_out() {
        let office: Cidr = "203.0.113.0/24".parse().expect("a range");
        let mut rules = FirewallRules::tcp([22, 2222], &[office]);
        rules.allow.push(FirewallRule {
            protocol: Protocol::Udp,
            port: 53,
            sources: Vec::new(),
        });
        let world = json!({"addresses": ["0.0.0.0/0", "::/0"]});
        let out = |protocol| json!({"protocol": protocol, "ports": "0", "destinations": world});
        let office = json!({"addresses": ["203.0.113.0/24"]});
        let expected = json!({
            "name": "vps-docker-17",
            "inbound_rules": [
                {"protocol": "tcp", "ports": "22", "sources": office},
                {"protocol": "tcp", "ports": "2222", "sources": office},
            ],
            "outbound_rules": [out("tcp"), out("udp"), out("icmp")],
            "droplet_ids": [17],
        });
        assert_eq!(
            serde_json::to_value(firewall(17, &rules)).expect("JSON"),
            expected
        );
    }
}
