//! Firewalls. A file of its own because at Vultr a firewall is a group with a life of its own, whose
//! rules are added and removed one by one.
//!
//! Each instance gets a group for itself, known by its description. A group lets in what its rules
//! say and nothing else; without rules, nothing
//! (<https://docs.vultr.com/support/products/network/do-vultr-firewall-rules-override-software-based-firewall-rules-on-instances>).

use std::collections::BTreeSet;

use tokio::try_join;
use vps_docker_core::http::gone_is_success;
use vps_docker_core::model::{Cidr, FirewallRules, InstanceId, Protocol};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::api::Api;
use crate::watch;
use crate::wire::{
    self, FirewallGroup, FirewallGroupAnswer, FirewallGroups, InstanceChange, NewFirewallGroup,
    NewFirewallRule,
};

/// Most rules of a group where Vultr does not tell.
const MOST_RULES: usize = 50;
const OPERATION: &str = "firewall";

/// Makes the rules of the instance's own group what they are to be, new ones before old ones go, and
/// puts the instance behind it last: it is never locked out on the way. Whatever other group the
/// instance was behind stays, for others may be too.
pub(crate) async fn apply(api: &Api, id: &InstanceId, rules: &FirewallRules) -> Result<()> {
    let wanted = openings(rules);
    if wanted.len() > MOST_RULES {
        return Err(too_many(wanted.len(), MOST_RULES));
    }
    let (instance, groups) = try_join!(api.instance(OPERATION, id), groups_of(api, OPERATION, id))?;
    let behind = &instance.firewall_group_id;
    let position = groups.iter().position(|group| group.id.as_str() == behind);
    let group = match groups.into_iter().nth(position.unwrap_or(0)) {
        Some(group) => group,
        None => make_group(api, id).await?,
    };
    replace_rules(api, &group, &wanted).await?;
    if group.id.as_str() == behind {
        return Ok(());
    }
    let change = InstanceChange {
        firewall_group_id: Some(group.id.to_string()),
        ..InstanceChange::default()
    };
    api.change(OPERATION, id, &change).await
}

/// Removes the groups that were the instance's own. For afterwards: without a group an instance is
/// open to the world. A key that may not see firewalls has made none.
pub(crate) async fn remove(api: &Api, id: &InstanceId) -> Result<()> {
    let operation = "destroy_instance";
    let groups = match groups_of(api, operation, id).await {
        Err(error) if matches!(error.kind(), ErrorKind::Permission | ErrorKind::Auth) => {
            tracing::debug!(%error, "firewalls are not looked for");
            return Ok(());
        }
        groups => groups?,
    };
    for group in groups {
        let delete = || async {
            let request = api.http.delete(operation, ["firewalls", group.id.as_str()]);
            gone_is_success(request.done().await)
        };
        watch::when_unlocked(&api.retry, delete).await?;
    }
    Ok(())
}

/// *List Firewall Groups*: those of the instance. Usually none or one; two after an answer was lost.
async fn groups_of(
    api: &Api,
    operation: &'static str,
    id: &InstanceId,
) -> Result<Vec<FirewallGroup>> {
    let mut groups = api
        .list::<FirewallGroups>(operation, &["firewalls"])
        .await?;
    let description = description(id);
    groups.retain(|group| group.description == description);
    Ok(groups)
}

fn description(id: &InstanceId) -> String {
    format!("vps-docker-{id}")
}

/// *Create Firewall Group*.
async fn make_group(api: &Api, id: &InstanceId) -> Result<FirewallGroup> {
    let description = description(id);
    let group = NewFirewallGroup {
        description: &description,
    };
    let request = api.http.post(OPERATION, ["firewalls"]).body(&group);
    let answer: FirewallGroupAnswer = request.json().await?;
    Ok(answer.firewall_group)
}

/// *List Firewall Rules*, *Create Firewall Rules*, *Delete Firewall Rule*.
async fn replace_rules(api: &Api, group: &FirewallGroup, wanted: &BTreeSet<Opening>) -> Result<()> {
    let most = group
        .max_rule_count
        .filter(|most| *most > 0)
        .unwrap_or(MOST_RULES);
    if wanted.len() > most {
        return Err(too_many(wanted.len(), most));
    }
    let path = ["firewalls", group.id.as_str(), "rules"];
    let existing = api.list::<wire::FirewallRules>(OPERATION, &path).await?;
    let Changes { add, remove, kept } = Changes::between(&existing, wanted);
    let mut remove = remove.into_iter();
    let mut count = kept + remove.len();
    for opening in add {
        // Only where there is no room for both.
        if count >= most
            && let Some(rule) = remove.next()
        {
            delete_rule(api, group, &rule).await?;
            count -= 1;
        }
        api.http
            .post(OPERATION, path)
            .body(&opening.rule())
            .done()
            .await?;
        count += 1;
    }
    for rule in remove {
        delete_rule(api, group, &rule).await?;
    }
    Ok(())
}

async fn delete_rule(api: &Api, group: &FirewallGroup, rule: &str) -> Result<()> {
    let path = ["firewalls", group.id.as_str(), "rules", rule];
    gone_is_success(api.http.delete(OPERATION, path).done().await)
}

/// What is to be done with a group's rules.
#[derive(Debug, PartialEq)]
struct Changes {
    add: Vec<Opening>,
    /// By id.
    remove: Vec<String>,
    kept: usize,
}

impl Changes {
    fn between(existing: &[wire::FirewallRule], wanted: &BTreeSet<Opening>) -> Self {
        let mut missing = wanted.clone();
        let mut remove = Vec::new();
        for rule in existing {
            // A second one of the same kind is one too many.
            if !Opening::read(rule).is_some_and(|opening| missing.remove(&opening)) {
                remove.push(rule.id.to_string());
            }
        }
        Self {
            kept: existing.len() - remove.len(),
            add: missing.into_iter().collect(),
            remove,
        }
    }
}

/// One rule of Vultr's: a port that is open to one range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Opening {
    protocol: Protocol,
    port: u16,
    source: Cidr,
}

fn openings(rules: &FirewallRules) -> BTreeSet<Opening> {
    let openings = rules.allow.iter().flat_map(|rule| {
        rule.sources.iter().map(|source| Opening {
            protocol: rule.protocol,
            port: rule.port,
            source: *source,
        })
    });
    openings.collect()
}

impl Opening {
    fn rule(self) -> NewFirewallRule {
        let address = self.source.address();
        NewFirewallRule {
            ip_type: if address.is_ipv4() { "v4" } else { "v6" },
            protocol: match self.protocol {
                Protocol::Tcp => "tcp",
                Protocol::Udp => "udp",
            },
            port: self.port.to_string(),
            subnet: address.to_string(),
            subnet_size: self.source.prefix(),
        }
    }

    /// `None` of a rule that is none of ours: another protocol, a range of ports, somebody's
    /// addresses by name.
    fn read(rule: &wire::FirewallRule) -> Option<Self> {
        let is_plain = rule.source.is_empty() && matches!(rule.action.as_str(), "" | "accept");
        let protocol = match rule.protocol.to_ascii_lowercase().as_str() {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return None,
        };
        let source = format!("{}/{}", rule.subnet, rule.subnet_size?);
        is_plain.then_some(Self {
            protocol,
            port: rule.port.parse().ok()?,
            source: source.parse().ok()?,
        })
    }
}

fn too_many(wanted: usize, most: usize) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!(
            "these are {wanted} rules, as each port counts once for each range, and a firewall group \
             of Vultr's has at most {most}; name fewer ports, or fewer and wider ranges"
        ),
    )
    .with_operation(OPERATION)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn wanted(ports: &[u16], sources: &[&str]) -> BTreeSet<Opening> {
        let parse = |text: &&str| text.parse().expect("a range");
        let sources: Vec<Cidr> = sources.iter().map(parse).collect();
        openings(&FirewallRules::tcp(ports.iter().copied(), &sources))
    }

    fn existing(rules: Value) -> Vec<wire::FirewallRule> {
        serde_json::from_value(rules).expect("rules")
    }

    #[test]
    fn a_rule_is_what_the_document_says() {
        let rules: Vec<Value> = wanted(&[22], &["203.0.113.0/24", "::/0"])
            .into_iter()
            .map(|opening| serde_json::to_value(opening.rule()).expect("JSON"))
            .collect();
        assert_eq!(
            rules,
            [
                json!({"ip_type": "v4", "protocol": "tcp", "port": "22", "subnet": "203.0.113.0", "subnet_size": 24}),
                json!({"ip_type": "v6", "protocol": "tcp", "port": "22", "subnet": "::", "subnet_size": 0}),
            ]
        );
    }

    #[test]
    fn what_is_there_already_stays_and_all_else_goes() {
        let rules = existing(json!([
            {"id": 1, "ip_type": "v4", "action": "accept", "protocol": "TCP", "port": "22",
             "subnet": "0.0.0.0", "subnet_size": 0, "source": ""},
            {"id": 2, "protocol": "tcp", "port": "22", "subnet": "0.0.0.0", "subnet_size": 0},
            {"id": 3, "protocol": "udp", "port": "22", "subnet": "0.0.0.0", "subnet_size": 0},
            {"id": 4, "protocol": "tcp", "port": "80:90", "subnet": "0.0.0.0", "subnet_size": 0},
            {"id": 5, "protocol": "icmp", "subnet": "0.0.0.0", "subnet_size": 0},
            {"id": 6, "protocol": "tcp", "port": "2222", "subnet": "0.0.0.0", "subnet_size": 0,
             "source": "cloudflare"},
        ]));
        let changes = Changes::between(&rules, &wanted(&[22, 2222], &["0.0.0.0/0"]));
        assert_eq!(changes.kept, 1);
        assert_eq!(changes.remove, ["2", "3", "4", "5", "6"]);
        let ports: Vec<u16> = changes.add.iter().map(|opening| opening.port).collect();
        assert_eq!(ports, [2222]);
    }

    #[test]
    fn the_same_rules_again_change_nothing() {
        let wanted = wanted(&[22, 2222], &["203.0.113.0/24", "2001:db8::/32"]);
        let rules = wanted.iter().enumerate().map(|(n, opening)| {
            let mut rule = serde_json::to_value(opening.rule()).expect("JSON");
            rule["id"] = json!(n);
            rule["action"] = json!("accept");
            rule
        });
        let rules = existing(rules.collect());
        let changes = Changes::between(&rules, &wanted);
        assert_eq!(
            (changes.add, changes.remove, changes.kept),
            (vec![], vec![], 4)
        );
    }

    #[test]
    fn too_many_rules_say_how_to_have_fewer() {
        let error = too_many(60, 50).to_string();
        for hint in ["60 rules", "at most 50", "wider ranges"] {
            assert!(error.contains(hint), "{error}");
        }
    }
}
