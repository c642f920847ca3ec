//! The backend `local` behind DigitalOcean's API: what is special there is that the answer to an order has no
//! address, and that a droplet is gone with the answer to its removal.

use std::io::Write;

use serde_json::{Value, json};
use vps_docker_core::keys::KeyPair;
use vps_docker_testkit::cloud_sim::{Backend, CloudSim, Provider};

use crate::digitalocean::{act, ended, order, with};
use crate::support::{Answered, Client, say_if_unchecked};
use crate::vps_local::{host_key, labelled, presented, user_data};

/// `None`, with the reason printed, when there is no Docker engine.
async fn started() -> Option<(CloudSim, Client)> {
    say_if_unchecked();
    let sim = CloudSim::builder(Provider::DigitalOcean)
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

/// The public address, once there is one.
fn public(droplet: &Value) -> Option<&str> {
    let mut networks = droplet["networks"]["v4"].as_array()?.iter();
    let public = networks.find(|network| network["type"] == "public")?;
    public["ip_address"].as_str()
}

/// Waits until a droplet is active and has its address; answers that.
async fn address(client: &Client, path: &str) -> String {
    let is_there = |shown: &Answered| {
        let droplet = &shown.body["droplet"];
        droplet["status"] == "active" && public(droplet).is_some()
    };
    let shown = client.until(path, is_there).await;
    public(&shown.body["droplet"]).expect("there").to_owned()
}

#[tokio::test]
async fn vps_a_droplet_is_a_real_machine_and_nothing_of_it_stays() {
    let Some((sim, client)) = started().await else {
        return;
    };
    let account = sim.local_account().expect("it has one").to_owned();
    let key = KeyPair::generate("host").expect("a key");
    let wanted = with(order("web"), "user_data", json!(user_data(&key)));
    let made = client.post("/droplets", wanted).await;
    assert_eq!(made.status, 202, "{made:?}");
    assert_eq!(public(&made.body["droplet"]), None);
    let path = format!("/droplets/{}", made.body["droplet"]["id"]);
    let place = address(&client, &path).await;
    assert_eq!(
        host_key(&place).await,
        presented(&key),
        "user_data has arrived"
    );

    let taken = act(&client, &path, json!({"type": "snapshot", "name": "s"})).await;
    assert_eq!(
        ended(&client, &taken.body["action"]).await["status"],
        "completed"
    );
    act(&client, &path, json!({"type": "shutdown"})).await;
    client
        .until(&path, |shown| shown.body["droplet"]["status"] == "off")
        .await;
    let begun = act(&client, &path, json!({"type": "power_on"})).await;
    assert_eq!(
        ended(&client, &begun.body["action"]).await["status"],
        "completed"
    );
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.get(&path).await.status, 404);

    let snapshots = client.get("/snapshots").await;
    let id = snapshots.body["snapshots"][0]["id"]
        .as_str()
        .expect("an id");
    let other = KeyPair::generate("host").expect("a key");
    let copy = with(order("copy"), "image", json!(id));
    let copied = client
        .post(
            "/droplets",
            with(copy, "user_data", json!(user_data(&other))),
        )
        .await;
    assert_eq!(copied.status, 202, "{copied:?}");
    let path = format!("/droplets/{}", copied.body["droplet"]["id"]);
    let place = address(&client, &path).await;
    assert_eq!(host_key(&place).await, presented(&other), "and again");
    // One that is still being made goes too.
    let late = client.post("/droplets", order("late")).await;
    let late = format!("/droplets/{}", late.body["droplet"]["id"]);
    assert_eq!(client.delete(&late).await.status, 204);
    sim.assert_valid();
    assert!(!labelled(&account).is_empty(), "the copy, the snapshot");
    sim.stop().await;
    assert_eq!(labelled(&account), [""; 0], "nothing is left");
}
