//! The backend `local` behind Vultr's API: what is special there is that `user_data` comes in base64, that the
//! address comes late, and that an instance is locked while it installs.

use std::io::Write;

use data_encoding::BASE64;
use serde_json::{Value, json};
use vps_docker_core::keys::KeyPair;
use vps_docker_testkit::cloud_sim::{Backend, CloudSim, Provider};

use crate::support::{Client, say_if_unchecked};
use crate::vps_local::{host_key, labelled, presented, user_data};
use crate::vultr::{id_of, made, order, settled};

/// `None`, with the reason printed, when there is no Docker engine.
async fn started() -> Option<(CloudSim, Client)> {
    say_if_unchecked();
    let sim = CloudSim::builder(Provider::Vultr)
        .backend(Backend::local())
        .time_scale(20.0)
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

fn with_key(mut order: Value, key: &KeyPair) -> Value {
    let document = user_data(key);
    order["user_data"] = json!(BASE64.encode(document.as_bytes()));
    order
}

/// The address of an instance that is not locked any more.
async fn address(client: &Client, path: &str) -> String {
    let shown = settled(client, path).await;
    shown["main_ip"].as_str().expect("an address").to_owned()
}

#[tokio::test]
async fn vps_an_instance_is_a_real_machine_and_nothing_of_it_stays() {
    let Some((sim, client)) = started().await else {
        return;
    };
    let account = sim.local_account().expect("it has one").to_owned();
    let key = KeyPair::generate("host").expect("a key");
    let path = made(&client, with_key(order("web"), &key)).await;
    assert_eq!(client.delete(&path).await.status, 500, "it is locked");
    let place = address(&client, &path).await;
    let seen = host_key(&place).await;
    assert_eq!(seen, presented(&key), "user_data has arrived");

    let taken = client
        .post("/snapshots", json!({"instance_id": id_of(&path)}))
        .await;
    assert_eq!(taken.status, 201, "{taken:?}");
    let id = taken.body["snapshot"]["id"].clone();
    let snapshot = format!("/snapshots/{}", id.as_str().expect("an id"));
    client
        .until(&snapshot, |shown| {
            shown.body["snapshot"]["status"] == "complete"
        })
        .await;
    settled(&client, &path).await;
    for (verb, power) in [("halt", "stopped"), ("start", "running")] {
        let turned = client.post(&format!("{path}/{verb}"), json!({})).await;
        assert_eq!(turned.status, 204, "{turned:?}");
        client
            .until(&path, |shown| {
                shown.body["instance"]["power_status"] == power
            })
            .await;
    }
    settled(&client, &path).await;
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.get(&path).await.status, 404);

    let other = KeyPair::generate("host").expect("a key");
    let mut copy = with_key(order("copy"), &other);
    copy["os_id"] = json!(0);
    copy["snapshot_id"] = id;
    let path = made(&client, copy).await;
    let place = address(&client, &path).await;
    assert_eq!(host_key(&place).await, presented(&other), "and again");
    sim.assert_valid();
    assert!(!labelled(&account).is_empty(), "the copy, the snapshot");
    sim.stop().await;
    assert_eq!(labelled(&account), [""; 0], "nothing is left");
}
