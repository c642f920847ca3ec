//! Instances at Vultr.

use std::net::Ipv4Addr;

use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use vps_docker_testkit::cloud_sim::{CloudSim, Provider, Seed, Shortage};

use crate::support::{Answered, Client, KEYS, fast};

const DEBIAN_12: u64 = 2136;
/// Longer than any test.
const FOR_EVER_MS: u64 = 1_000_000_000;
const LOCKED: &str = "Unable to destroy server: Unable to remove VM: Server is currently locked";

pub(crate) fn order(label: &str) -> Value {
    json!({"label": label, "plan": "vc2-1c-1gb", "region": "fra", "os_id": DEBIAN_12})
}

pub(crate) fn text(answered: &Answered) -> &str {
    assert_eq!(
        answered.body["status"], answered.status,
        "the body tells the status: {answered:?}"
    );
    answered.body["error"].as_str().unwrap_or("")
}

pub(crate) async fn started() -> (CloudSim, Client) {
    seeded(|_| {}).await
}

pub(crate) async fn seeded(change: impl FnOnce(&mut Seed)) -> (CloudSim, Client) {
    let sim = fast(Provider::Vultr).seeded(change);
    let sim = sim.start().await.expect("started");
    let client = Client::of(&sim);
    (sim, client)
}

/// Orders an instance and answers its path.
pub(crate) async fn made(client: &Client, order: Value) -> String {
    let made = client.post("/instances", order).await;
    assert_eq!(made.status, 202, "{made:?}");
    path_of(&made)
}

fn path_of(made: &Answered) -> String {
    let id = made.body["instance"]["id"].as_str().expect("an id");
    format!("/instances/{id}")
}

pub(crate) fn id_of(path: &str) -> &str {
    path.rsplit('/').next().expect("an id")
}

/// Waits until it is active and not locked any more.
pub(crate) async fn settled(client: &Client, path: &str) -> Value {
    let shown = client.until(path, |shown| {
        let instance = &shown.body["instance"];
        instance["status"] == "active" && instance["server_status"] != "locked"
    });
    shown.await.body["instance"].clone()
}

#[tokio::test]
async fn an_instance_lives_from_its_order_to_its_removal() {
    let (sim, client) = started().await;
    let key = client
        .post("/ssh-keys", json!({"name": "k", "ssh_key": KEYS[0]}))
        .await;
    assert_eq!(key.status, 201, "{key:?}");
    let mut wanted = order("web");
    wanted["hostname"] = json!("web");
    wanted["tags"] = json!(["vps-docker", "vps-docker-name:web"]);
    wanted["sshkey_id"] = json!([key.body["ssh_key"]["id"]]);
    wanted["user_data"] = json!("I2Nsb3VkLWNvbmZpZwp7fQo=");
    wanted["activation_email"] = json!(false);
    let made = client.post("/instances", wanted).await;
    assert_eq!(made.status, 202, "{made:?}");
    let instance = &made.body["instance"];
    assert_eq!(instance["status"], "pending");
    assert_eq!(instance["server_status"], "none");
    assert_eq!(
        instance["power_status"], "running",
        "so soon, as the document's example has it"
    );
    assert_eq!(instance["main_ip"], "0.0.0.0", "there is none yet");
    assert_eq!(
        instance["tags"],
        json!(["vps-docker", "vps-docker-name:web"])
    );
    assert!(instance["default_password"].is_string());
    let path = path_of(&made);
    let shown = settled(&client, &path).await;
    assert_eq!(shown["power_status"], "running");
    assert_eq!(shown["os"], "Debian 12 x64 (bookworm)");
    let address: Ipv4Addr = shown["main_ip"]
        .as_str()
        .and_then(|ip| ip.parse().ok())
        .expect("one");
    assert!(
        address.is_loopback(),
        "{address}: nobody outside is ever reached"
    );
    assert!(shown.get("default_password").is_none());
    assert_eq!(shown["pending_charges"], 0.01);
    let user_data = client.get(&format!("{path}/user-data")).await;
    assert_eq!(
        user_data.body["user_data"]["data"],
        "I2Nsb3VkLWNvbmZpZwp7fQo="
    );
    let state = sim.state();
    assert_eq!(
        state.instances[0].user_data.as_ref().expect("some").length,
        17
    );
    assert_eq!(state.instances[0].ssh_keys.len(), 1);
    assert_eq!(state.cost.monthly, Decimal::from(5));

    assert_eq!(client.delete(&path).await.status, 204);
    for gone in [client.get(&path).await, client.delete(&path).await] {
        assert_eq!((gone.status, text(&gone)), (404, "instance not found"));
    }
    assert!(sim.state().instances.is_empty());
    assert_eq!(sim.state().cost.monthly, Decimal::ZERO);
    sim.assert_valid();
}

#[tokio::test]
async fn one_that_installs_cannot_be_destroyed_unless_the_seed_has_no_locks() {
    let (sim, client) = seeded(|seed| seed.boot_ms = Some(FOR_EVER_MS)).await;
    let path = made(&client, order("web")).await;
    let refused = client.delete(&path).await;
    assert_eq!((refused.status, text(&refused)), (500, LOCKED));
    let halted = client.post(&format!("{path}/halt"), json!({})).await;
    assert_eq!(halted.status, 500, "{halted:?}");
    assert!(text(&halted).contains("halt server: Server is currently locked"));
    let snapshot = json!({"instance_id": id_of(&path)});
    assert_eq!(client.post("/snapshots", snapshot).await.status, 500);
    sim.assert_valid();

    let (sim, client) = seeded(|seed| {
        seed.boot_ms = Some(FOR_EVER_MS);
        seed.locks = false;
    })
    .await;
    let path = made(&client, order("web")).await;
    assert_eq!(client.delete(&path).await.status, 204);
    assert!(sim.state().instances.is_empty());
}

#[tokio::test]
async fn one_whose_disk_is_copied_cannot_be_destroyed() {
    let (sim, client) = seeded(|seed| seed.snapshot_ms = Some(FOR_EVER_MS)).await;
    let path = made(&client, order("web")).await;
    settled(&client, &path).await;
    let taken = client.post("/snapshots", json!({"instance_id": id_of(&path)}));
    assert_eq!(taken.await.status, 201);
    let refused = client.delete(&path).await;
    assert_eq!((refused.status, text(&refused)), (500, LOCKED));
    let shown = client.get(&path).await;
    assert_eq!(shown.body["instance"]["server_status"], "locked");
    sim.assert_valid();
}

#[tokio::test]
async fn three_words_tell_the_state_and_the_last_may_never_be_ok() {
    let (sim, client) = started().await;
    let path = made(&client, order("web")).await;
    let mut seen: Vec<(String, String)> = Vec::new();
    while seen.last().is_none_or(|(_, server)| server != "ok") {
        let shown = client.get(&path).await;
        let word = |name: &str| {
            shown.body["instance"][name]
                .as_str()
                .expect("a word")
                .to_owned()
        };
        let now = (word("status"), word("server_status"));
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
    let all = [
        ("pending", "none"),
        ("active", "locked"),
        ("active", "installingbooting"),
        ("active", "ok"),
    ];
    let mut rest = all.iter();
    for (status, server) in &seen {
        let known = rest.any(|own| *own == (status.as_str(), server.as_str()));
        assert!(known, "{status} {server} is out of order: {seen:?}");
    }
    sim.assert_valid();

    let sim = fast(Provider::Vultr).time_scale(100_000.0);
    let sim = sim
        .seeded(|seed| seed.vultr.never_ok = true)
        .start()
        .await
        .expect("started");
    let client = Client::of(&sim);
    let path = made(&client, order("web")).await;
    settled(&client, &path).await;
    for _ in 0..5 {
        // Each look is minutes of the provider's later.
        let shown = client.get(&path).await.body["instance"].clone();
        assert_eq!(shown["server_status"], "installingbooting");
        assert_eq!(shown["status"], "active");
    }
}

#[tokio::test]
async fn what_is_not_there_may_be_told_in_two_ways_and_late() {
    let gone = "/instances/cb676a46-66fd-4dfb-b839-443f2e6c0b60";
    let (_sim, client) = seeded(|seed| seed.vultr.gone_is_400 = true).await;
    for refused in [client.get(gone).await, client.delete(gone).await] {
        assert_eq!(
            (refused.status, text(&refused)),
            (400, "invalid instance ID")
        );
    }
    let late = |milliseconds| {
        seeded(move |seed| {
            seed.vultr.show_delay_ms = milliseconds;
            seed.listing_delay_ms = milliseconds;
        })
    };
    let (_sim, client) = late(FOR_EVER_MS).await;
    let path = made(&client, order("web")).await;
    let early = client.get(&path).await;
    assert_eq!((early.status, text(&early)), (404, "instance not found"));
    assert_eq!(client.get("/instances").await.body["meta"]["total"], 0);
    let (sim, client) = late(10_000).await;
    let path = made(&client, order("web")).await;
    client.until(&path, |shown| shown.status == 200).await;
    client
        .until("/instances", |listed| listed.body["meta"]["total"] == 1)
        .await;
    sim.assert_valid();
}

#[tokio::test]
async fn an_unfit_order_is_refused_with_the_reason_and_nothing_is_made() {
    let (sim, client) = seeded(|seed| {
        seed.capacity = vec![Shortage::of("vc2-1c-2gb", "ams")];
    })
    .await;
    for (field, value, hint) in [
        ("plan", json!("vc9"), "Invalid plan chosen."),
        ("plan", json!("vhf-1c-1gb"), "Invalid plan chosen."),
        ("plan", json!("vdc-2vcpu-8gb"), "Invalid plan chosen."),
        ("region", json!("moon"), "Invalid region."),
        ("os_id", json!(1), "Invalid os_id."),
        ("os_id", json!(159), "Invalid os_id."),
        ("os_id", json!(0), "is required"),
        ("iso_id", json!("x"), "Only one of"),
        ("snapshot_id", json!("x"), "Only one of"),
        ("sshkey_id", json!(["x"]), "SSH key"),
        ("user_data", json!("#cloud-config"), "base64"),
        ("firewall_group_id", json!("x"), "firewall_group_id"),
        ("attach_vpc", json!(["x"]), "attach_vpc"),
        ("script_id", json!("x"), "script_id"),
        ("user_scheme", json!("admin"), "user_scheme"),
    ] {
        let mut wanted = order("web");
        wanted[field] = value;
        let refused = client.post("/instances", wanted).await;
        assert_eq!(refused.status, 400, "{field}");
        assert!(text(&refused).contains(hint), "{field}: {refused:?}");
    }
    let mut of_snapshot = order("web");
    of_snapshot["os_id"] = json!(0);
    of_snapshot["snapshot_id"] = json!("5c35fb3a74873");
    let refused = client.post("/instances", of_snapshot).await;
    assert_eq!(
        (refused.status, text(&refused)),
        (400, "Invalid UUID format.")
    );
    // Listed there, and not to be had.
    let mut wanted = order("web");
    wanted["plan"] = json!("vc2-1c-2gb");
    wanted["region"] = json!("ams");
    let here = client.get("/regions/ams/availability").await;
    let here = here.body["available_plans"]
        .as_array()
        .expect("a list")
        .clone();
    assert!(here.contains(&json!("vc2-1c-2gb")));
    let refused = client.post("/instances", wanted).await;
    assert_eq!(refused.status, 400);
    assert!(text(&refused).contains("not available in the selected region"));
    assert!(sim.state().instances.is_empty());
    sim.assert_valid();
    let unfit = client
        .post("/instances", json!({"plan": 7, "region": "fra"}))
        .await;
    assert_eq!(unfit.status, 400, "it does not fit the document");
    assert_eq!(sim.requests().invalid, u64::from(sim.requests().validated));
}

#[tokio::test]
async fn a_quota_speaks_of_fees() {
    let (sim, client) = seeded(|seed| {
        seed.quota = Some(1);
        seed.foreign_instances = 3;
    })
    .await;
    made(&client, order("one")).await;
    let refused = client.post("/instances", order("two")).await;
    assert_eq!(refused.status, 400);
    assert!(
        text(&refused).starts_with(
            "Server add failed: You have reached the maximum monthly fee limit for this account."
        ),
        "{refused:?}"
    );
    assert_eq!(sim.state().own_instances().count(), 1);
    sim.assert_valid();
}

#[tokio::test]
async fn a_snapshot_becomes_an_instance_whose_power_is_untold_at_first() {
    let (sim, client) = started().await;
    let path = made(&client, order("web")).await;
    settled(&client, &path).await;
    let wanted = json!({"instance_id": id_of(&path), "description": "nightly"});
    let taken = client.post("/snapshots", wanted).await;
    assert_eq!(taken.status, 201, "{taken:?}");
    assert_eq!(taken.body["snapshot"]["status"], "pending");
    assert_eq!(taken.body["snapshot"]["size"], 0);
    let id = taken.body["snapshot"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let snapshot = format!("/snapshots/{id}");
    let whole = client
        .until(&snapshot, |shown| {
            shown.body["snapshot"]["status"] == "complete"
        })
        .await;
    assert_eq!(whole.body["snapshot"]["size"], 25_u64 << 30);
    assert_eq!(whole.body["snapshot"]["os_id"], DEBIAN_12);
    settled(&client, &path).await;
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(
        client.get(&snapshot).await.status,
        200,
        "it outlives its instance"
    );
    let renamed = client
        .put(&snapshot, json!({"description": "weekly"}))
        .await;
    assert_eq!(renamed.status, 204);
    let found = client.get("/snapshots?description=weekly").await;
    assert_eq!(found.body["meta"]["total"], 1);

    let mut small = json!({"plan": "vc2-1c-0.5gb", "region": "fra", "snapshot_id": id});
    let refused = client.post("/instances", small.clone()).await;
    assert_eq!(refused.status, 400, "the disk is too small: {refused:?}");
    small["plan"] = json!("vc2-1c-1gb");
    let made = client.post("/instances", small).await;
    assert_eq!(made.status, 202, "{made:?}");
    assert_eq!(made.body["instance"]["power_status"], "");
    assert_eq!(made.body["instance"]["os"], "Snapshot");
    assert_eq!(made.body["instance"]["snapshot_id"], id);
    let shown = settled(&client, &path_of(&made)).await;
    assert_eq!(shown["power_status"], "running");
    assert_eq!(client.delete(&snapshot).await.status, 204);
    assert_eq!(client.delete(&snapshot).await.status, 404);
    sim.assert_valid();
}

#[tokio::test]
async fn a_plan_without_ipv4_has_none() {
    let (sim, client) = started().await;
    let mut wanted = order("web");
    wanted["plan"] = json!("vc2-1c-0.5gb-v6");
    wanted["region"] = json!("ewr");
    let path = made(&client, wanted).await;
    let shown = settled(&client, &path).await;
    assert_eq!(shown["main_ip"], "0.0.0.0");
    assert!(
        shown["v6_main_ip"]
            .as_str()
            .is_some_and(|own| own.starts_with("2001:db8:"))
    );
    let listed = client.get(&format!("{path}/ipv4")).await;
    assert_eq!(listed.body["meta"]["total"], 0);
    let listed = client.get(&format!("{path}/ipv6")).await;
    assert_eq!(listed.body["ipv6s"][0]["network_size"], 64);
    sim.assert_valid();
}

#[tokio::test]
async fn power_is_switched_for_one_and_for_several() {
    let (sim, client) = started().await;
    let one = made(&client, order("one")).await;
    let two = made(&client, order("two")).await;
    settled(&client, &one).await;
    settled(&client, &two).await;
    let is =
        |word: &'static str| move |shown: &Answered| shown.body["instance"]["power_status"] == word;
    let halted = client
        .send(Method::POST, &format!("{one}/halt"), None)
        .await;
    assert_eq!((halted.status, halted.body), (204, Value::Null));
    client.until(&one, is("stopped")).await;
    let again = client
        .send(Method::POST, &format!("{one}/halt"), None)
        .await;
    assert_eq!(again.status, 204, "it is off");
    assert_eq!(
        client.get(&one).await.body["instance"]["status"],
        "active",
        "and active"
    );
    let both = json!({"instance_ids": [id_of(&one), id_of(&two)]});
    assert_eq!(
        client.post("/instances/start", both.clone()).await.status,
        204
    );
    client.until(&one, is("running")).await;
    assert_eq!(client.post("/instances/halt", both).await.status, 204);
    client.until(&one, is("stopped")).await;
    client.until(&two, is("stopped")).await;
    let unknown = json!({"instance_ids": ["cb676a46-66fd-4dfb-b839-443f2e6c0b60"]});
    assert_eq!(client.post("/instances/reboot", unknown).await.status, 404);
    assert_eq!(
        sim.state().cost.monthly,
        Decimal::from(10),
        "switched off ones cost as well"
    );
    sim.assert_valid();
}

#[tokio::test]
async fn an_instance_is_changed_reinstalled_and_restored() {
    let (sim, client) = started().await;
    let path = made(&client, order("web")).await;
    let change = json!({"label": "db", "tags": ["a tag", "another"], "enable_ipv6": true, "backups": "enabled"});
    let changed = client.send(Method::PATCH, &path, Some(change)).await;
    assert_eq!(changed.status, 202, "also while it installs: {changed:?}");
    let instance = &changed.body["instance"];
    assert_eq!(instance["label"], "db");
    assert_eq!(instance["tags"], json!(["a tag", "another"]));
    assert_eq!(instance["features"], json!(["auto_backups", "ipv6"]));
    settled(&client, &path).await;
    let upgraded = client
        .send(Method::PATCH, &path, Some(json!({"plan": "vc2-1c-2gb"})))
        .await;
    assert_eq!(upgraded.body["instance"]["plan"], "vc2-1c-2gb");
    let back = client
        .send(Method::PATCH, &path, Some(json!({"plan": "vc2-1c-1gb"})))
        .await;
    assert_eq!(back.status, 400);
    // The document has it as text, the official clients send a number.
    for os in [json!("2625"), json!(2284)] {
        let changed = client
            .send(Method::PATCH, &path, Some(json!({"os_id": os})))
            .await;
        assert_eq!(changed.status, 202, "{changed:?}");
        assert_eq!(changed.body["instance"]["status"], "installing");
        settled(&client, &path).await;
    }
    assert_eq!(client.get(&path).await.body["instance"]["os_id"], 2284);
    let reinstalled = client
        .post(&format!("{path}/reinstall"), json!({"hostname": "new"}))
        .await;
    assert_eq!(reinstalled.status, 202);
    assert_eq!(reinstalled.body["instance"]["hostname"], "new");
    settled(&client, &path).await;
    let taken = client
        .post("/snapshots", json!({"instance_id": id_of(&path)}))
        .await;
    let id = taken.body["snapshot"]["id"].clone();
    let snapshot = format!("/snapshots/{}", id.as_str().expect("an id"));
    client
        .until(&snapshot, |shown| {
            shown.body["snapshot"]["status"] == "complete"
        })
        .await;
    settled(&client, &path).await;
    let restored = client
        .post(&format!("{path}/restore"), json!({"snapshot_id": id}))
        .await;
    assert_eq!(restored.status, 202, "{restored:?}");
    assert_eq!(restored.body["status"]["status"], "inprogress");
    settled(&client, &path).await;
    let none = json!({"snapshot_id": "cb676a46-66fd-4dfb-b839-443f2e6c0b60"});
    assert_eq!(
        client.post(&format!("{path}/restore"), none).await.status,
        404
    );
    sim.assert_valid();
}

#[tokio::test]
async fn what_official_clients_send_beside_the_document_is_taken() {
    let (sim, client) = started().await;
    let mut wanted = order("web");
    // Ansible's collection and the Node client.
    wanted["script_id"] = json!(null);
    wanted["sshkey_id"] = json!(null);
    wanted["enable_ipv6"] = json!(null);
    wanted["os_id"] = json!(DEBIAN_12.to_string());
    let path = made(&client, wanted.clone()).await;
    settled(&client, &path).await;
    let repeated = json!({"instance-id": id_of(&path)});
    let halted = client.post(&format!("{path}/halt"), repeated).await;
    assert_eq!(halted.status, 204, "{halted:?}");
    let form = client.begin(Method::POST, "/instances?per_page=500");
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let form = form.body(wanted.to_string()).send().await;
    assert_eq!(form.expect("an answer").status(), 202);
    sim.assert_valid();
    // What is needed and null is not there.
    wanted["plan"] = json!(null);
    assert_eq!(client.post("/instances", wanted).await.status, 400);
    assert_eq!(sim.requests().invalid, 1);
}
