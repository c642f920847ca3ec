//! The firewall of an instance. A file of its own because a firewall stands by itself here and machines
//! are assigned to it.
//!
//! Contabo's product pages say that it is included in a Cloud VPS, its API document that each machine
//! needs an add-on. Nothing is bought here: where one is missing, the API refuses.

use std::time::Duration;

use vps_docker_core::http::wait_until;
use vps_docker_core::model::{Cidr, FirewallRule, FirewallRules, InstanceId, Protocol};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::cloud::Cloud;
use crate::convert::Place;
use crate::wire::{Firewall, FirewallRequest, Rule, Rules, Sources};

/// Before the id of the instance that a firewall was made for.
const NAME_PREFIX: &str = "vps-docker-";
/// How long the rules may take to be in effect.
const DEADLINE: Duration = Duration::from_secs(60);

/// Gives a machine a firewall of its own with those rules, in the place of every other one.
pub(crate) async fn set(cloud: &Cloud, place: Place, rules: &FirewallRules) -> Result<()> {
    let rules = inbound(rules)?;
    let name = format!("{NAME_PREFIX}{place}");
    let listed = cloud.api.firewalls().await?;
    let number = place.number;
    let id = match listed.iter().find(|firewall| firewall.name == name) {
        Some(own) => {
            cloud.api.set_rules(&own.firewall_id, &rules).await?;
            if !is_on(own, number) {
                cloud.api.assign_firewall(&own.firewall_id, number).await?;
            }
            own.firewall_id.clone()
        }
        None => {
            let request = FirewallRequest {
                name: &name,
                description: "made by vps-docker, and deleted with its host",
                status: "active",
                rules: &rules,
            };
            let made = cloud.api.create_firewall(&request).await?;
            if let Err(error) = cloud.api.assign_firewall(&made.firewall_id, number).await {
                // Where the add-on is missing it would be of no use to anybody.
                if let Err(second) = cloud.api.delete_firewall(&made.firewall_id).await {
                    tracing::warn!(error = %second, name, "an unused firewall is left");
                }
                return Err(error);
            }
            made.firewall_id
        }
    };
    // Only now, so that the machine is never without one.
    for other in listed.iter().filter(|one| is_on(one, number)) {
        if other.firewall_id != id {
            cloud
                .api
                .unassign_firewall(&other.firewall_id, number)
                .await?;
        }
    }
    in_effect(cloud, &id, number).await
}

/// Removes the firewalls that were made for a machine. Idempotent.
pub(crate) async fn remove(cloud: &Cloud, number: u64) -> Result<()> {
    let listed = match cloud.api.firewalls().await {
        // Who may not see any has made none.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::Permission | ErrorKind::Payment
            ) =>
        {
            return Ok(());
        }
        other => other?,
    };
    for firewall in listed.iter().filter(|one| is_made_for(&one.name, number)) {
        for instance in &firewall.instances {
            let unassigned = cloud
                .api
                .unassign_firewall(&firewall.firewall_id, instance.instance_id);
            unassigned.await?;
        }
        cloud.api.delete_firewall(&firewall.firewall_id).await?;
    }
    Ok(())
}

/// Whether a firewall of that name was made for the machine, in whatever occupancy.
fn is_made_for(name: &str, number: u64) -> bool {
    let id = name.strip_prefix(NAME_PREFIX);
    id.and_then(|id| Place::parse(&InstanceId::new(id)).ok())
        .is_some_and(|place| place.number == number)
}

fn is_on(firewall: &Firewall, number: u64) -> bool {
    let instances = firewall.instances.iter().chain(&firewall.instance_status);
    instances.into_iter().any(|one| one.instance_id == number)
}

/// Waits until Contabo says that the machine has the rules; where it says nothing, it has.
async fn in_effect(cloud: &Cloud, id: &str, number: u64) -> Result<()> {
    let what = "putting the firewall's rules into effect";
    let ready = wait_until(what, DEADLINE, &cloud.config.retry, || async {
        let firewall = cloud.api.firewall(id).await?;
        let mut told = firewall.instance_status.iter();
        let Some(told) = told.find(|one| one.instance_id == number) else {
            return Ok(Some(()));
        };
        match told.status.as_str() {
            "processing" | "deleting" => Ok(None),
            status if status.starts_with("error") => Err(Error::new(
                ErrorKind::Provider,
                format!(
                    "Contabo could not put the firewall's rules into effect ({}); look at it at \
                     https://my.contabo.com",
                    told.error_message
                ),
            )),
            _ => Ok(Some(())),
        }
    });
    ready.await
}

fn inbound(rules: &FirewallRules) -> Result<Rules> {
    let inbound = rules.allow.iter().map(inbound_rule);
    Ok(Rules {
        inbound: inbound.collect::<Result<_>>()?,
    })
}

fn inbound_rule(rule: &FirewallRule) -> Result<Rule> {
    if rule.sources.is_empty() {
        // Without any the API might take it for all.
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "the firewall's rule for port {} names nobody; say from where",
                rule.port
            ),
        ));
    }
    let mut sources = Sources::default();
    for source in &rule.sources {
        let [v4, v6] = Cidr::WORLD;
        if *source == v4 {
            sources.ipv4.push("AnyIPv4".to_owned());
        } else if *source == v6 {
            sources.ipv6.push("AnyIPv6".to_owned());
        } else if source.address().is_ipv4() {
            sources.ipv4.push(source.to_string());
        } else {
            sources.ipv6.push(source.to_string());
        }
    }
    Ok(Rule {
        protocol: match rule.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        },
        dest_ports: vec![rule.port.to_string()],
        src_cidr: sources,
        action: "accept",
        status: "active",
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_are_written_as_the_api_wants_them() {
        let office = "203.0.113.0/24".parse().expect("a range");
        let mut rules = FirewallRules::tcp([22], &[office]);
        rules
            .allow
            .extend(FirewallRules::tcp([2222], &Cidr::WORLD).allow);
        let written = serde_json::to_value(inbound(&rules).expect("legal")).expect("JSON");
        assert_eq!(
            written,
            json!({"inbound": [
                {"protocol": "tcp", "destPorts": ["22"], "srcCidr": {"ipv4": ["203.0.113.0/24"]},
                 "action": "accept", "status": "active"},
                {"protocol": "tcp", "destPorts": ["2222"],
                 "srcCidr": {"ipv4": ["AnyIPv4"], "ipv6": ["AnyIPv6"]},
                 "action": "accept", "status": "active"},
            ]})
        );
    }

    #[test]
    fn a_rule_for_nobody_is_not_one_for_all() {
        let error = inbound(&FirewallRules::tcp([22], &[])).expect_err("nobody");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }

    #[test]
    fn only_firewalls_made_for_the_machine_are_its_own() {
        assert!(is_made_for("vps-docker-7", 7));
        assert!(is_made_for("vps-docker-7-3", 7));
        for other in [
            "vps-docker-77",
            "vps-docker-web",
            "My Firewall",
            "7",
            "vps-docker-8-7",
        ] {
            assert!(!is_made_for(other, 7), "{other}");
        }
    }
}
