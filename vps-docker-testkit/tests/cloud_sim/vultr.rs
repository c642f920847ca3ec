//! Vultr's semantics.

use std::net::{IpAddr, Ipv4Addr};

use futures_util::future::join_all;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use vps_docker_testkit::cloud_sim::{CloudSim, Provider, Seed, Shortage};

use crate::support::{Answered, Client, KEYS, fast, say_if_unchecked};

const DEBIAN_12: u64 = 2136;
/// Longer than any test.
const FOR_EVER_MS: u64 = 1_000_000_000;
const LOCKED: &str = "Unable to destroy server: Unable to remove VM: Server is currently locked";

fn order(label: &str) -> Value {
    json!({"label": label, "plan": "vc2-1c-1gb", "region": "fra", "os_id": DEBIAN_12})
}

fn text(answered: &Answered) -> &str {
    assert_eq!(
        answered.body["status"], answered.status,
        "the body tells the status: {answered:?}"
    );
    answered.body["error"].as_str().unwrap_or("")
}

async fn started() -> (CloudSim, Client) {
    seeded(|_| {}).await
}

async fn seeded(change: impl FnOnce(&mut Seed)) -> (CloudSim, Client) {
    let sim = fast(Provider::Vultr).seeded(change);
    let sim = sim.start().await.expect("started");
    let client = Client::of(&sim);
    (sim, client)
}

/// Orders an instance and answers its path.
async fn made(client: &Client, order: Value) -> String {
    let made = client.post("/instances", order).await;
    assert_eq!(made.status, 202, "{made:?}");
    path_of(&made)
}

fn path_of(made: &Answered) -> String {
    let id = made.body["instance"]["id"].as_str().expect("an id");
    format!("/instances/{id}")
}

fn id_of(path: &str) -> &str {
    path.rsplit('/').next().expect("an id")
}

/// Waits until it is active and not locked any more.
async fn settled(client: &Client, path: &str) -> Value {
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
async fn a_wrong_key_and_a_right_one_from_elsewhere_are_refused() {
    let (sim, _client) = started().await;
    for wrong in ["", "wrong", &sim.token()[1..]] {
        let stranger = Client::new(sim.url(), wrong);
        let refused = stranger.get("/instances").await;
        assert_eq!(
            (refused.status, text(&refused)),
            (401, "Invalid API token.")
        );
        for path in [
            "/plans",
            "/regions",
            "/os",
            "/applications",
            "/regions/fra/availability",
        ] {
            assert_eq!(
                stranger.get(path).await.status,
                200,
                "{path} is for everybody"
            );
        }
    }
    let reader = Client::new(sim.url(), &sim.credentials().read_only_token);
    assert_eq!(reader.get("/instances").await.status, 200);
    assert_eq!(reader.post("/instances", order("web")).await.status, 403);

    let elsewhere: IpAddr = [192, 0, 2, 1].into();
    let (_sim, client) = seeded(|seed| seed.vultr.allow_list = Some(vec![elsewhere])).await;
    let refused = client.get("/account").await;
    let why = "Unauthorized IP address: 127.0.0.1";
    assert_eq!((refused.status, text(&refused)), (401, why));
    assert_eq!(client.get("/plans").await.status, 200);
}

#[tokio::test]
async fn thirty_requests_a_second_are_borne_from_each_address() {
    say_if_unchecked();
    // So slow that the second does not pass meanwhile.
    let sim = CloudSim::builder(Provider::Vultr)
        .time_scale(0.01)
        .start()
        .await
        .expect("started");
    let client = Client::of(&sim);
    let answers = join_all((0..40).map(|_| client.get("/account"))).await;
    let refused: Vec<&Answered> = answers.iter().filter(|own| own.status == 429).collect();
    assert_eq!(refused.len(), 10);
    for refused in refused {
        assert_eq!(text(refused), "rate limit exceeded");
        assert!(
            refused
                .number("retry-after")
                .is_some_and(|seconds| seconds > 0)
        );
    }
    let other: IpAddr = [127, 0, 0, 2].into();
    let other = reqwest::Client::builder()
        .no_proxy()
        .local_address(other)
        .build();
    let asked = other
        .expect("a client without TLS")
        .get(format!("{}/account", sim.url()));
    let asked = asked
        .bearer_auth(sim.token())
        .send()
        .await
        .expect("an answer");
    assert_eq!(asked.status(), 200, "another address has its own thirty");
    sim.assert_valid();
}

#[tokio::test]
async fn a_listing_has_pages_of_five_hundred_and_is_filtered() {
    let (sim, client) = seeded(|seed| seed.foreign_instances = 1200).await;
    for label in ["one", "two"] {
        let mut wanted = order(label);
        wanted["tags"] = json!(["mine", format!("name:{label}")]);
        wanted["hostname"] = json!(label);
        made(&client, wanted).await;
    }
    assert_eq!(
        client.get("/instances").await.body["instances"]
            .as_array()
            .map(Vec::len),
        Some(100)
    );
    let mut labels = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = client
            .get(&format!("/instances?per_page=1000&cursor={cursor}"))
            .await;
        let instances = page.body["instances"].as_array().expect("a list");
        assert!(instances.len() <= 500);
        labels.extend(instances.iter().map(|instance| instance["label"].clone()));
        assert_eq!(page.body["meta"]["total"], 1202);
        let next = page.body["meta"]["links"]["next"].as_str().expect("text");
        if next.is_empty() {
            break;
        }
        cursor = next.replace('=', "%3D");
    }
    assert_eq!(labels.len(), 1202);
    for (query, count) in [
        ("tag=mine", 2),
        ("tag=name:two", 1),
        ("tag=name", 0),
        ("label=one", 1),
        ("hostname=two", 1),
        ("region=fra", 2),
        ("main_ip=192.0.2.1", 0),
    ] {
        let page = client.get(&format!("/instances?{query}")).await;
        assert_eq!(page.body["meta"]["total"], count, "{query}");
    }
    let charged = client
        .get("/instances?label=one&show_pending_charges=true")
        .await;
    assert!(charged.body["instances"][0]["pending_charges"].is_number());
    assert_eq!(client.get("/instances?cursor=bogus").await.status, 400);
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
async fn the_same_key_may_be_kept_twice_and_what_is_none_not_at_all() {
    let (sim, client) = started().await;
    for _ in 0..2 {
        let made = client
            .post("/ssh-keys", json!({"name": "k", "ssh_key": KEYS[0]}))
            .await;
        assert_eq!(made.status, 201);
    }
    let refused = client
        .post("/ssh-keys", json!({"name": "k", "ssh_key": "ssh-rsa no"}))
        .await;
    assert_eq!((refused.status, text(&refused)), (400, "Invalid SSH key."));
    let listed = client.get("/ssh-keys?per_page=1").await;
    assert_eq!(listed.body["meta"]["total"], 2);
    let id = listed.body["ssh_keys"][0]["id"].as_str().expect("an id");
    let path = format!("/ssh-keys/{id}");
    let change = json!({"name": "new", "ssh_key": KEYS[1]});
    assert_eq!(
        client.send(Method::PATCH, &path, Some(change)).await.status,
        204
    );
    let shown = client.get(&path).await;
    assert_eq!(shown.body["ssh_key"]["name"], "new");
    assert_eq!(shown.body["ssh_key"]["ssh_key"], KEYS[1]);
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.delete(&path).await.status, 404);
    assert_eq!(sim.state().keys.len(), 1);
    sim.assert_valid();
}

#[tokio::test]
async fn a_firewall_group_has_rules_and_those_who_stand_behind_it() {
    let (sim, client) = started().await;
    let made_group = client
        .post("/firewalls", json!({"description": "mine"}))
        .await;
    assert_eq!(made_group.status, 201, "{made_group:?}");
    let id = made_group.body["firewall_group"]["id"].clone();
    let group = format!("/firewalls/{}", id.as_str().expect("an id"));
    let rules = format!("{group}/rules");
    let rule = |ip_type: &str, subnet: &str, size: u8, port: &str| {
        json!({
            "ip_type": ip_type, "protocol": "TCP", "subnet": subnet, "subnet_size": size, "port": port,
        })
    };
    let first = client.post(&rules, rule("v4", "0.0.0.0", 0, "22")).await;
    assert_eq!(first.status, 201, "{first:?}");
    assert_eq!(first.body["firewall_rule"]["protocol"], "tcp");
    assert_eq!(first.body["firewall_rule"]["action"], "accept");
    assert_eq!(
        client
            .post(&rules, rule("v6", "::", 0, "8000:9000"))
            .await
            .status,
        201
    );
    for unfit in [
        rule("v4", "0.0.0.0", 0, "22"),
        rule("v4", "::", 0, "23"),
        rule("v5", "0.0.0.0", 0, "23"),
        rule("v4", "0.0.0.0", 33, "23"),
        rule("v4", "0.0.0.0", 0, "9:8"),
        rule("v4", "0.0.0.0", 0, ""),
        json!({"ip_type": "v4", "protocol": "icmp", "subnet": "0.0.0.0", "subnet_size": 0, "port": "1"}),
        json!({"ip_type": "v4", "protocol": "http", "subnet": "0.0.0.0", "subnet_size": 0}),
    ] {
        let refused = client.post(&rules, unfit.clone()).await;
        assert_eq!(refused.status, 400, "{unfit}");
    }
    let listed = client.get(&rules).await;
    assert_eq!(listed.body["meta"]["total"], 2);
    assert_eq!(client.get(&format!("{rules}/1")).await.status, 200);
    assert_eq!(client.delete(&format!("{rules}/1")).await.status, 204);
    assert_eq!(client.delete(&format!("{rules}/1")).await.status, 404);

    let mut wanted = order("web");
    wanted["firewall_group_id"] = id.clone();
    let path = made(&client, wanted).await;
    let shown = client.get(&group).await;
    let shown = &shown.body["firewall_group"];
    assert_eq!(
        (&shown["instance_count"], &shown["rule_count"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(client.delete(&group).await.status, 400, "it is in use");
    let behind = id.as_str().expect("an id");
    let found = client
        .get(&format!("/instances?firewall_group_id={behind}"))
        .await;
    assert_eq!(found.body["meta"]["total"], 1);
    let out = client
        .send(Method::PATCH, &path, Some(json!({"firewall_group_id": ""})))
        .await;
    assert_eq!(out.body["instance"]["firewall_group_id"], "");
    let back = client
        .send(Method::PATCH, &path, Some(json!({"firewall_group_id": id})))
        .await;
    assert_eq!(back.body["instance"]["firewall_group_id"], id);
    assert_eq!(
        client
            .put(&group, json!({"description": "yours"}))
            .await
            .status,
        204
    );
    settled(&client, &path).await;
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.delete(&group).await.status, 204);
    assert_eq!(client.get(&rules).await.status, 404);
    assert!(sim.state().others.is_empty(), "{:?}", sim.state().others);
    sim.assert_valid();
}

#[tokio::test]
async fn the_rest_of_the_account_is_there_too() {
    let (sim, client) = started().await;
    let path = made(&client, order("web")).await;
    for path in [
        "/account",
        "/account/bandwidth",
        "/applications?type=one-click",
        "/os",
        "/plans?type=vc2",
        "/plans?os=windows",
        "/regions",
        "/backups",
        &format!("{path}/vpcs"),
        &format!("{path}/bandwidth"),
        &format!("{path}/upgrades"),
        &format!("{path}/backup-schedule"),
    ] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    let plans = client.get("/plans?type=voc").await;
    assert_eq!(plans.body["meta"]["total"], 2, "all kinds of it");
    let dear = client.get("/plans?type=vc2").await;
    let dear = dear.body["plans"].as_array().expect("a list").clone();
    let dear = dear
        .iter()
        .find(|plan| plan["id"] == "vc2-1c-1gb")
        .expect("there");
    assert_eq!(dear["location_cost"]["sao"]["monthly_cost"], 7.5);

    let script = json!({"name": "s", "type": "boot", "script": "ZWNobw=="});
    let script = client.post("/startup-scripts", script).await;
    assert_eq!(script.status, 201);
    let id = script.body["startup_script"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let own = format!("/startup-scripts/{id}");
    let listed = client.get("/startup-scripts").await;
    assert!(listed.body["startup_scripts"][0].get("script").is_none());
    assert_eq!(
        client
            .send(Method::PATCH, &own, Some(json!({"name": "t"})))
            .await
            .status,
        204
    );
    assert_eq!(client.get(&own).await.body["startup_script"]["name"], "t");
    assert_eq!(client.delete(&own).await.status, 204);

    let before = sim.state().cost.monthly;
    let address = json!({"region": "fra", "ip_type": "v4", "label": "mine"});
    let address = client.post("/reserved-ips", address).await;
    assert_eq!(address.status, 201);
    assert!(
        sim.state().cost.monthly > before,
        "it costs although nobody has it"
    );
    let id = address.body["reserved_ip"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let own = format!("/reserved-ips/{id}");
    let attach = json!({"instance_id": id_of(&path)});
    assert_eq!(
        client
            .post(&format!("{own}/attach"), attach.clone())
            .await
            .status,
        204
    );
    assert_eq!(
        client.post(&format!("{own}/attach"), attach).await.status,
        400
    );
    settled(&client, &path).await;
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(
        client.get(&own).await.body["reserved_ip"]["instance_id"],
        ""
    );
    let renamed = client
        .send(Method::PATCH, &own, Some(json!({"label": "left"})))
        .await;
    assert_eq!(renamed.body["reserved_ip"]["label"], "left");
    assert_eq!(
        client
            .send(Method::POST, &format!("{own}/detach"), None)
            .await
            .status,
        204
    );
    assert_eq!(client.delete(&own).await.status, 204);
    assert_eq!(sim.state().cost.monthly, Decimal::ZERO);
    sim.assert_valid();
}
