//! The firewall of an instance. What it lets in cannot be seen from here.

use vps_docker_core::model::{Cidr, FirewallRule, FirewallRules, Protocol};

use super::expect::ok;
use super::subject::Subject;

/// Rules may be set twice, and others be set in their place: ranges of both families, another protocol,
/// none at all.
pub async fn the_same_rules_may_be_set_twice_and_be_replaced(subject: &Subject) {
    let ordered = subject.order_and_boot().await;
    let doors = FirewallRules::tcp([22, 2222], &Cidr::WORLD);
    let some: Cidr = ok("Cidr", "203.0.113.0/24".parse());
    let one: Cidr = ok("Cidr", "2001:db8::1".parse());
    let mut others = FirewallRules::tcp([22], &[some, one]);
    others.allow.push(FirewallRule {
        protocol: Protocol::Udp,
        port: 51820,
        sources: vec![some],
    });
    let none = FirewallRules::default();
    for (what, rules) in [
        ("", &doors),
        (" again", &doors),
        (" with others", &others),
        (" with none", &none),
    ] {
        let answer = subject.client.firewall(ordered.id(), rules).await;
        ok(&format!("firewall{what}"), answer);
    }
}
