use std::fmt::Write;

use super::vps_files;
use crate::error::{ErrorKind, Result};
use crate::model::{FirewallRules, Protocol};
use crate::ssh::{Transport, TransportExt, join};

/// The firewall on the VPS itself, where the provider has none. Idempotent; what is open goes on.
pub(in crate::lifecycle) async fn set_vps_firewall(
    vps: &dyn Transport,
    rules: &FirewallRules,
) -> Result<()> {
    let mut input = lines(rules).into_bytes();
    input.push(b'\n');
    input.extend(vps_files::firewall_archive());
    let command = join(["sh", "-c", include_str!("set-firewall.sh"), "set-firewall"]);
    let output = vps.run(&command, &input).await?;
    output
        .success(ErrorKind::State, "setting the firewall on the VPS")
        .map(drop)
}

/// One for each range, as `firewall.sh` reads them.
fn lines(rules: &FirewallRules) -> String {
    let mut lines = String::new();
    for rule in &rules.allow {
        let protocol = match rule.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        for source in &rule.sources {
            writeln!(lines, "{protocol} {} {source}", rule.port).expect("a string takes all");
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_range_of_each_port_is_a_line() {
        let sources = ["203.0.113.0/24", "2001:db8::/32"].map(|text| text.parse().expect("legal"));
        let rules = FirewallRules::tcp([22, 8000], &sources);
        assert_eq!(
            lines(&rules),
            "tcp 22 203.0.113.0/24\ntcp 22 2001:db8::/32\n\
             tcp 8000 203.0.113.0/24\ntcp 8000 2001:db8::/32\n"
        );
    }
}
