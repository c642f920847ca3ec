//! The backend `local`: real machines behind Hetzner's API.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use vps_docker_core::keys::KeyPair;
use vps_docker_core::secrecy::ExposeSecret;
use vps_docker_testkit::cloud_sim::{Backend, CloudSim, Fault, FaultKind, Op, Provider};

use crate::hetzner::order;
use crate::support::{Client, say_if_unchecked};

/// `None`, with the reason printed, when there is no Docker engine.
async fn started() -> Option<(CloudSim, Client)> {
    say_if_unchecked();
    let sim = CloudSim::builder(Provider::Hetzner)
        .backend(Backend::local())
        .start()
        .await;
    match sim {
        Ok(sim) => {
            let client = Client::of(&sim);
            Some((sim, client))
        }
        Err(error) => {
            writeln!(std::io::stderr(), "SKIPPED: {error}").expect("written");
            None
        }
    }
}

/// A cloud-init document that gives the machine that host key.
pub(crate) fn user_data(key: &KeyPair) -> String {
    let keys = json!({"ssh_keys": {
        "ed25519_private": key.private_openssh().expose_secret(),
        "ed25519_public": key.public().openssh(),
    }});
    format!("#cloud-config\n{keys}\n")
}

/// The host key that the machine at an address presents, as soon as it presents one.
pub(crate) async fn host_key(address: &str) -> String {
    loop {
        let scanned = Command::new("ssh-keyscan")
            .args(["-T", "5", "-t", "ed25519", address])
            .output()
            .expect("ssh-keyscan is there");
        let lines = String::from_utf8_lossy(&scanned.stdout).into_owned();
        if let Some((_, key)) = lines.lines().find_map(|line| line.split_once(' ')) {
            return key.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn ended(client: &Client, action: &Value) {
    let path = format!("/actions/{}", action["id"]);
    let is_over = |shown: &crate::support::Answered| shown.body["action"]["status"] != "running";
    let shown = client.until(&path, is_over).await;
    assert_eq!(shown.body["action"]["status"], "success", "{shown:?}");
}

pub(crate) fn presented(key: &KeyPair) -> String {
    let words: Vec<String> = key
        .public()
        .openssh()
        .split(' ')
        .take(2)
        .map(str::to_owned)
        .collect();
    words.join(" ")
}

/// All that carries the simulator's label on the engine.
pub(crate) fn labelled(account: &str) -> Vec<String> {
    let filter = format!("label=vps-docker.account={account}");
    let mut found = Vec::new();
    for list in [
        &["ps", "-a", "-q"][..],
        &["volume", "ls", "-q"],
        &["network", "ls", "-q"],
        &["images", "-q"],
    ] {
        let listed = Command::new("docker")
            .args(list)
            .args(["--filter", &filter])
            .output();
        let listed = listed.expect("the docker client is there").stdout;
        found.extend(String::from_utf8_lossy(&listed).lines().map(str::to_owned));
    }
    found
}

#[tokio::test]
async fn vps_a_server_is_a_real_machine_and_nothing_of_it_stays() {
    let Some((sim, client)) = started().await else {
        return;
    };
    let account = sim.local_account().expect("it has one").to_owned();
    let key = KeyPair::generate("host").expect("a key");
    let mut wanted = order("web");
    wanted["user_data"] = json!(user_data(&key));
    let made = client.post("/servers", wanted).await;
    assert_eq!(made.status, 201, "{made:?}");
    let server = &made.body["server"];
    let path = format!("/servers/{}", server["id"]);
    assert_eq!(server["status"], "initializing");
    let address = server["public_net"]["ipv4"]["ip"]
        .as_str()
        .expect("it is known");
    ended(&client, &made.body["action"]).await;
    assert_eq!(
        host_key(address).await,
        presented(&key),
        "user_data has arrived"
    );

    let taken = client
        .post(&format!("{path}/actions/create_image"), json!({}))
        .await;
    ended(&client, &taken.body["action"]).await;
    for (turn, status) in [("shutdown", "off"), ("poweron", "running")] {
        client
            .send(Method::POST, &format!("{path}/actions/{turn}"), None)
            .await;
        client
            .until(&path, |shown| shown.body["server"]["status"] == status)
            .await;
    }
    let mut copy = order("copy");
    copy["image"] = json!(taken.body["image"]["id"].to_string());
    let copied = client.post("/servers", copy).await;
    assert_eq!(copied.status, 201, "{copied:?}");
    let gone = client.delete(&path).await;
    ended(&client, &gone.body["action"]).await;
    assert_eq!(client.get(&path).await.status, 404);
    sim.assert_valid();
    assert!(
        !labelled(&account).is_empty(),
        "the copy, the snapshot, the network"
    );
    // A server that is still being made goes too.
    let late = client.post("/servers", order("late")).await;
    client
        .delete(&format!("/servers/{}", late.body["server"]["id"]))
        .await;
    sim.stop().await;
    assert_eq!(labelled(&account), [""; 0]);
}

#[tokio::test]
async fn vps_two_simulators_stand_beside_each_other_and_a_host_key_can_be_wrong() {
    let Some((one, client)) = started().await else {
        return;
    };
    let Some((two, other)) = started().await else {
        return;
    };
    let key = KeyPair::generate("host").expect("a key");
    let mut wanted = order("web");
    wanted["user_data"] = json!(user_data(&key));
    two.faults([Fault::new(Op::CreateInstance, FaultKind::WrongHostKey)]);
    let mut presents = Vec::new();
    for client in [&client, &other] {
        let made = client.post("/servers", wanted.clone()).await;
        assert_eq!(
            made.status, 201,
            "the same name, in another account: {made:?}"
        );
        let address = made.body["server"]["public_net"]["ipv4"]["ip"].as_str();
        presents.push(host_key(address.expect("it is known")).await);
    }
    assert_eq!(presents[0], presented(&key));
    assert_ne!(presents[1], presented(&key), "as was ordered");
    let accounts = [&one, &two].map(|sim| sim.local_account().expect("one").to_owned());
    drop((one, two));
    for account in accounts {
        assert_eq!(labelled(&account), [""; 0]);
    }
}
