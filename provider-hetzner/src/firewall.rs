//! One firewall for each server. A file of its own because at Hetzner a firewall is a thing beside the
//! server, which has to be found again and to be removed with it.

use std::collections::BTreeMap;
use std::time::Duration;

use vps_docker_core::http::gone_is_success;
use vps_docker_core::model::{Cidr, FirewallRules, HostTags, Protocol};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::client::Cloud;
use crate::error::is_not_unique;
use crate::wire::{
    ActionsAnswer, ApplyTo, CreateFirewall, CreatedFirewall, Firewall, Labels, Resource, Rule,
    ServerId, SetRules,
};

/// Says which server a firewall of ours belongs to.
const SERVER_LABEL: &str = "vps-docker-server";

/// Most rules of a firewall, and most ranges of a rule.
const MOST_RULES: usize = 50;
const MOST_RANGES: usize = 100;

/// How long Hetzner may take to put rules into effect.
const PATIENCE: Duration = Duration::from_secs(120);

impl Cloud {
    /// Makes the server's firewall, or replaces its rules in one call.
    pub(crate) async fn set_firewall(&self, server: u64, rules: &FirewallRules) -> Result<()> {
        let rules = wire_rules(rules)?;
        if let Some(firewall) = self.firewalls(server).await?.into_iter().next() {
            return self.change(server, &firewall, &rules).await;
        }
        match self.make(server, &rules).await {
            // Somebody else was quicker, or the answer to our own first try was lost.
            Err(error) if is_not_unique(&error) => {
                let firewall = self.firewalls(server).await?.into_iter().next();
                let firewall = firewall.ok_or(error)?;
                self.change(server, &firewall, &rules).await
            }
            other => other,
        }
    }

    /// Removes the server's firewall, if it has one. The server should be gone, or it is open.
    pub(crate) async fn remove_firewall(&self, server: u64) -> Result<()> {
        for firewall in self.firewalls(server).await? {
            let path = ["firewalls", &firewall.id.to_string()];
            let call = || self.api.delete("destroy_instance", path).done();
            // In use until the server is gone in every respect.
            gone_is_success(self.unlocked("the deletion of a firewall", call).await)?;
        }
        Ok(())
    }

    /// `GET /firewalls?label_selector=…`: ours of that server, which is one at most.
    async fn firewalls(&self, server: u64) -> Result<Vec<Firewall>> {
        let selector = format!("{SERVER_LABEL}=={server}");
        let query = [("label_selector", &*selector)];
        self.all::<Firewall>("firewall", &["firewalls"], &query)
            .await
    }

    /// `POST /firewalls`. Made twice it is refused, as names are unique: so it may be sent again.
    async fn make(&self, server: u64, rules: &[Rule]) -> Result<()> {
        let labels = Labels::from([
            (HostTags::MARKER.to_owned(), String::new()),
            (SERVER_LABEL.to_owned(), server.to_string()),
        ]);
        let body = CreateFirewall {
            name: &format!("vps-docker-{server}"),
            labels: &labels,
            rules,
            apply_to: &[resource(server)],
        };
        let request = self
            .api
            .post("firewall", ["firewalls"])
            .body(&body)
            .repeatable();
        let created: CreatedFirewall = request.json().await?;
        self.follow("firewall", created.actions, PATIENCE).await
    }

    /// `POST /firewalls/{id}/actions/set_rules` and, where it does not stand before the server,
    /// `…/apply_to_resources`.
    async fn change(&self, server: u64, firewall: &Firewall, rules: &[Rule]) -> Result<()> {
        self.act_on(firewall, "set_rules", &SetRules { rules })
            .await?;
        let stands_there = |resource: &Resource| {
            let at = resource.server.as_ref();
            at.is_some_and(|at| at.id == server)
        };
        if firewall.applied_to.iter().any(stands_there) {
            return Ok(());
        }
        let apply = ApplyTo {
            apply_to: &[resource(server)],
        };
        match self.act_on(firewall, "apply_to_resources", &apply).await {
            Err(error) if error.provider_code() == Some("firewall_already_applied") => Ok(()),
            other => other,
        }
    }

    async fn act_on(
        &self,
        firewall: &Firewall,
        what: &str,
        body: &(impl serde::Serialize + Sync),
    ) -> Result<()> {
        let path = ["firewalls", &firewall.id.to_string(), "actions", what];
        let call = || {
            let request = self.api.post("firewall", path).body(body).repeatable();
            request.json::<ActionsAnswer>()
        };
        let begun = self.unlocked("the firewall", call).await?;
        self.follow("firewall", begun.actions, PATIENCE).await
    }
}

fn resource(server: u64) -> Resource {
    Resource {
        kind: "server".to_owned(),
        server: Some(ServerId { id: server }),
    }
}

/// The rules in the API's form: one for each port, with all of its ranges. A firewall without any rule
/// lets nothing in.
fn wire_rules(rules: &FirewallRules) -> Result<Vec<Rule>> {
    let mut ports: BTreeMap<(Protocol, u16), Vec<Cidr>> = BTreeMap::new();
    for rule in &rules.allow {
        let sources = ports.entry((rule.protocol, rule.port)).or_default();
        sources.extend(&rule.sources);
    }
    let mut wire = Vec::new();
    for ((protocol, port), mut sources) in ports {
        sources.sort_unstable();
        sources.dedup();
        for some in sources.chunks(MOST_RANGES) {
            wire.push(Rule {
                direction: "in",
                protocol: match protocol {
                    Protocol::Tcp => "tcp",
                    Protocol::Udp => "udp",
                },
                port: port.to_string(),
                source_ips: some.iter().map(ToString::to_string).collect(),
            });
        }
    }
    if wire.len() > MOST_RULES {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "these are {} rules, and a firewall of Hetzner's has {MOST_RULES} at most; name fewer \
                 ports or wider ranges",
                wire.len()
            ),
        ));
    }
    Ok(wire)
}

#[cfg(test)]
mod tests {
    use vps_docker_core::model::FirewallRule;

    use super::*;

    fn range(text: &str) -> Cidr {
        text.parse().expect(text)
    }

    #[test]
    fn rules_of_one_port_become_one() {
        let mut rules = FirewallRules::tcp([2222, 22], &Cidr::WORLD);
        rules
            .allow
            .extend(FirewallRules::tcp([22], &[range("192.0.2.7"), Cidr::WORLD[0]]).allow);
        rules.allow.push(FirewallRule {
            protocol: Protocol::Udp,
            port: 22,
            sources: Vec::new(),
        });
        let wire = wire_rules(&rules).expect("few");
        let seen: Vec<_> = wire
            .iter()
            .map(|rule| (&*rule.port, rule.source_ips.join(" ")))
            .collect();
        assert_eq!(
            seen,
            [
                ("22", "0.0.0.0/0 192.0.2.7/32 ::/0".to_owned()),
                ("2222", "0.0.0.0/0 ::/0".to_owned()),
            ]
        );
        assert!(
            wire.iter()
                .all(|rule| (rule.direction, rule.protocol) == ("in", "tcp"))
        );
    }

    #[test]
    fn many_ranges_are_spread_and_too_many_rules_refused() {
        let ranges: Vec<Cidr> = (0..250).map(|n| range(&format!("10.0.{n}.0/24"))).collect();
        let wire = wire_rules(&FirewallRules::tcp([22], &ranges)).expect("three rules");
        assert_eq!(
            wire.iter()
                .map(|rule| rule.source_ips.len())
                .collect::<Vec<_>>(),
            [100, 100, 50]
        );
        let error = wire_rules(&FirewallRules::tcp(1..=51, &Cidr::WORLD)).expect_err("too many");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}
