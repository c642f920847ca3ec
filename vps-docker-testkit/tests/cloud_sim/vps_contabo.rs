//! The backend `local` behind Contabo's API: what is special there is the reinstallation, and whose the keys are.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use vps_docker_core::keys::KeyPair;
use vps_docker_core::secrecy::ExposeSecret;
use vps_docker_testkit::cloud_sim::{Backend, CloudSim, Provider};

use crate::contabo::{Contabo, DEBIAN, enter, order};
use crate::support::say_if_unchecked;

/// `None`, with the reason printed, when there is no Docker engine.
async fn started() -> Option<(CloudSim, Contabo)> {
    say_if_unchecked();
    let begun = CloudSim::builder(Provider::Contabo).backend(Backend::local());
    match begun.start().await {
        Ok(sim) => {
            let client = enter(&sim).await;
            Some((sim, client))
        }
        Err(error) => {
            writeln!(std::io::stderr(), "SKIPPED: {error}").expect("written");
            None
        }
    }
}

/// A cloud-init document that gives the machine that host key and says so in a file.
fn user_data(key: &KeyPair, word: &str) -> String {
    let content = json!({
        "ssh_keys": {
            "ed25519_private": key.private_openssh().expose_secret(),
            "ed25519_public": key.public().openssh(),
        },
        "write_files": [{"path": format!("/etc/{word}"), "content": word}],
    });
    format!("#cloud-config\n{content}\n")
}

/// Runs a command there, over a connection whose host key is checked.
fn ssh(dir: &Path, login: &str, address: &str, host: &KeyPair, command: &str) -> Output {
    let known = format!("{address} {}\n", host.public().openssh());
    std::fs::write(dir.join("known_hosts"), known).expect("written");
    let option = |name: &str, file: &str| format!("{name}={}", dir.join(file).display());
    Command::new("ssh")
        .args([
            "-F",
            "/dev/null",
            "-o",
            "BatchMode=yes",
            "-o",
            "IdentitiesOnly=yes",
        ])
        .args(["-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=5"])
        .args(["-o", &option("UserKnownHostsFile", "known_hosts")])
        .args(["-o", &option("IdentityFile", "key")])
        .args([&format!("{login}@{address}"), command])
        .output()
        .expect("ssh is there")
}

/// Runs a command until somebody lets us in.
async fn ssh_until_in(
    dir: &Path,
    login: &str,
    address: &str,
    host: &KeyPair,
    command: &str,
) -> String {
    loop {
        let done = ssh(dir, login, address, host, command);
        if done.status.code() != Some(255) {
            return String::from_utf8_lossy(&done.stdout).into_owned();
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn address(instance: &Value) -> String {
    instance["ipConfig"]["v4"]["ip"]
        .as_str()
        .expect("it runs")
        .to_owned()
}

#[tokio::test]
async fn vps_a_reinstallation_is_a_new_machine_and_the_keys_are_the_default_users() {
    let Some((sim, client)) = started().await else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let key = KeyPair::generate("me").expect("a key");
    let mut file = std::fs::OpenOptions::new();
    let file = file.write(true).create(true).mode(0o600);
    let mut file = file.open(dir.path().join("key")).expect("a file");
    file.write_all(key.private_openssh().expose_secret().as_bytes())
        .expect("written");
    let secret = json!({"name": "me", "type": "ssh", "value": key.public().openssh()});
    let secret = client.post("/secrets", secret).await.body["data"][0]["secretId"].clone();

    let first = KeyPair::generate("host").expect("a key");
    let mut wanted = order("web");
    wanted["userData"] = json!(user_data(&first, "first"));
    wanted["sshKeys"] = json!([secret]);
    let path = client.order(wanted).await;
    let shown = with_address(&client, &path).await;
    let look = "sudo -n id -u; cat /etc/first";
    let seen = ssh_until_in(dir.path(), "admin", &address(&shown), &first, look).await;
    assert_eq!(seen, "0\nfirst");
    let refused = ssh(dir.path(), "root", &address(&shown), &first, "true");
    assert!(!refused.status.success(), "root was not asked for");

    let second = KeyPair::generate("host").expect("a key");
    let again = json!({
        "imageId": DEBIAN, "userData": user_data(&second, "second"), "sshKeys": [secret], "defaultUser": "root",
    });
    assert_eq!(client.put(&path, again).await.status, 200);
    let shown = with_address(&client, &path).await;
    let look = "id -u; ls /etc/first; cat /etc/second";
    let seen = ssh_until_in(dir.path(), "root", &address(&shown), &second, look).await;
    assert_eq!(
        seen, "0\nsecond",
        "wiped, and installed with the new document"
    );
    let refused = ssh(dir.path(), "admin", &address(&shown), &second, "true");
    assert!(!refused.status.success(), "there is no admin any more");
    sim.assert_valid();
    sim.stop().await;
}

/// What runs and shows its address.
async fn with_address(client: &Contabo, path: &str) -> Value {
    loop {
        let shown = client.get(path).await.body["data"][0].clone();
        if shown["status"] == "running" && shown["ipConfig"]["v4"]["ip"] != "" {
            return shown;
        }
        // Here the provider's time is ours, and so is the rate limit.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
