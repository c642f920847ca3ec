//! A host as it is shown: in JSON, and for people.

#[path = "timeline.rs"]
mod timeline;

use vps_docker::Host;

/// The host in JSON, with the phases of its create.
pub(crate) fn document(host: &Host) -> anyhow::Result<String> {
    let mut document = serde_json::to_value(host.info())?;
    document["phases"] = serde_json::to_value(host.phases())?;
    Ok(serde_json::to_string_pretty(&document)?)
}

pub(crate) fn show(host: &Host) {
    let info = host.info();
    println!("\n{} is {:?} at {}\n", info.name, info.state, info.address);
    println!("the VPS:       {}", command_line(&info.vps_ssh));
    println!("the container: {}\n", command_line(&info.container_ssh));
    print!("{}", timeline::bars(host.phases()));
}

/// Ready to be pasted into a shell.
fn command_line(endpoint: &vps_docker::model::SshEndpoint) -> String {
    vps_docker::ssh::join(endpoint.command())
}
