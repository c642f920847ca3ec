//! Proves that a host is what it promises, with the engine and with plain `ssh`.

use anyhow::{Context, ensure};
use tokio::process::Command;
use vps_docker::Host;
use vps_docker::model::SshEndpoint;

/// Runs a command, uses the data volume, and checks who may log in where.
pub(crate) async fn prove(host: &Host) -> anyhow::Result<()> {
    let system = run(host, "uname -a").await?;
    said("the container runs", system.trim());

    let file = "/vps-docker/proof";
    run(host, &format!("echo written > {file}")).await?;
    let read = run(host, &format!("cat {file} && rm {file}")).await?;
    ensure!(read == "written\n", "the data volume gives back {read:?}");
    said("the data volume", "a file was written and read back");

    let vps = &host.info().vps_ssh;
    let container = &host.info().container_ssh;
    for (door, name) in [(vps, "the VPS"), (container, "the container")] {
        ensure!(lets_in(door).await?, "{name} does not let its own key in");
    }
    let with_key_of = |door: &SshEndpoint, other: &SshEndpoint| SshEndpoint {
        identity_file: other.identity_file.clone(),
        ..door.clone()
    };
    ensure!(
        !lets_in(&with_key_of(vps, container)).await?,
        "the VPS lets the container's key in"
    );
    ensure!(
        !lets_in(&with_key_of(container, vps)).await?,
        "the container lets the VPS's key in"
    );
    said("each door", "opens to its own key and to no other");
    Ok(())
}

async fn run(host: &Host, command: &str) -> anyhow::Result<String> {
    let output = host.exec(command).await?;
    ensure!(
        output.exit_code() == 0,
        "{command:?} ended with {}: {}",
        output.exit_code(),
        output.stderr
    );
    Ok(output.stdout)
}

/// Whether plain `ssh`, strictly checked, gets in; anything but a refused key is an error.
async fn lets_in(door: &SshEndpoint) -> anyhow::Result<bool> {
    let words = door.command();
    let output = Command::new(&words[0])
        .args(["-o", "BatchMode=yes", "-o", "IdentityAgent=none"])
        .args(&words[1..])
        .arg("true")
        .output()
        .await
        .context("cannot start ssh")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() || complaint.contains("Permission denied (publickey)"),
        "ssh failed: {complaint}"
    );
    Ok(output.status.success())
}

fn said(what: &str, text: &str) {
    eprintln!("proved: {what}: {text}");
}
