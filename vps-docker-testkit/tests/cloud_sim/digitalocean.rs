//! DigitalOcean's semantics: droplets, from the order on.

use serde_json::{Value, json};
use vps_docker_testkit::cloud_sim::{CloudSim, CloudSimBuilder, Fault, FaultKind, Op, Provider};
use vps_docker_testkit::cloud_sim::{Seed, Shortage};

use crate::support::{Answered, Client, KEYS, fast};

/// Orders a droplet that boots Debian.
pub(crate) fn order(name: &str) -> Value {
    json!({"name": name, "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64"})
}

pub(crate) fn with(mut order: Value, field: &str, value: Value) -> Value {
    order[field] = value;
    order
}

/// Status and text of a refusal.
pub(crate) fn refused(answered: &Answered) -> (u16, &str) {
    let message = answered.body["message"].as_str().unwrap_or("");
    (answered.status, message)
}

pub(crate) fn simulator() -> CloudSimBuilder {
    fast(Provider::DigitalOcean)
}

pub(crate) async fn started(builder: CloudSimBuilder) -> (CloudSim, Client) {
    let sim = builder.start().await.expect("started");
    let client = Client::of(&sim);
    (sim, client)
}

/// Creates a droplet and waits until it runs; answers its path.
pub(crate) async fn running(client: &Client, wanted: Value) -> String {
    let made = client.post("/droplets", wanted).await;
    assert_eq!(made.status, 202, "{made:?}");
    ended(client, &made.body["links"]["actions"][0]).await;
    format!("/droplets/{}", made.body["droplet"]["id"])
}

/// Begins an action with a droplet.
pub(crate) async fn act(client: &Client, droplet: &str, action: Value) -> Answered {
    client.post(&format!("{droplet}/actions"), action).await
}

/// Waits until an action is over.
pub(crate) async fn ended(client: &Client, action: &Value) -> Value {
    let path = format!("/actions/{}", action["id"]);
    let is_over = |shown: &Answered| shown.body["action"]["status"] != "in-progress";
    client.until(&path, is_over).await.body["action"].clone()
}

pub(crate) fn names(list: &Value, field: &str) -> Vec<String> {
    let entries = list.as_array().expect("a list").iter();
    let name = |own: &Value| own[field].as_str().expect(field).to_owned();
    entries.map(name).collect()
}

#[tokio::test]
async fn a_droplet_lives_from_its_order_to_its_removal() {
    let (sim, client) = started(simulator()).await;
    let key = client
        .post(
            "/account/keys",
            json!({"name": "me", "public_key": KEYS[0]}),
        )
        .await;
    let mut wanted = order("web.example.com");
    wanted["user_data"] = json!("#cloud-config\n{}\n");
    wanted["tags"] = json!(["vps-docker", "vps-docker-name:web"]);
    wanted["ssh_keys"] = json!([key.body["ssh_key"]["fingerprint"]]);
    wanted["ipv6"] = json!(true);
    let made = client.post("/droplets", wanted).await;
    assert_eq!(made.status, 202, "{made:?}");
    let droplet = &made.body["droplet"];
    assert_eq!(
        (&droplet["status"], &droplet["locked"]),
        (&json!("new"), &json!(true))
    );
    assert_eq!(droplet["networks"], json!({"v4": [], "v6": []}));
    assert_eq!(
        droplet["tags"],
        json!(["vps-docker", "vps-docker-name:web"])
    );
    let link = &made.body["links"]["actions"][0];
    assert_eq!(link["rel"], "create");
    assert_eq!(ended(&client, link).await["status"], "completed");
    let path = format!("/droplets/{}", droplet["id"]);
    let shown = client.get(&path).await.body["droplet"].clone();
    assert_eq!(
        (&shown["status"], &shown["locked"]),
        (&json!("active"), &json!(false))
    );
    assert_eq!(
        names(&shown["networks"]["v4"], "type"),
        ["private", "public"],
        "nobody has promised that the public one stands first"
    );
    assert_eq!(shown["networks"]["v6"].as_array().expect("a list").len(), 1);
    let state = sim.state();
    assert_eq!(
        state.instances[0].user_data.as_ref().expect("some").length,
        17
    );
    assert_eq!(state.instances[0].ssh_keys.len(), 1);

    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.get(&path).await.status, 404);
    let again = client.delete(&path).await;
    assert_eq!(
        refused(&again),
        (404, "The resource you requested could not be found.")
    );
    let actions = client.get("/actions").await;
    assert_eq!(
        names(&actions.body["actions"], "type"),
        ["destroy", "create"]
    );
    let tags = client.get("/tags").await;
    assert_eq!(
        names(&tags.body["tags"], "name"),
        ["vps-docker", "vps-docker-name:web"],
        "tags outlive what had them"
    );
    sim.assert_valid();
}

#[tokio::test]
async fn the_address_comes_late() {
    let seeded = simulator().seeded(|seed| {
        seed.ip_delay_ms = Some(60_000_000);
        seed.boot_ms = Some(0);
    });
    let (sim, client) = started(seeded).await;
    let path = running(&client, order("web")).await;
    let shown = client.get(&path).await;
    assert_eq!(shown.body["droplet"]["status"], "active");
    assert_eq!(shown.body["droplet"]["networks"]["v4"], json!([]));
    sim.assert_valid();
}

#[tokio::test]
async fn without_public_networking_there_is_only_a_private_address() {
    let (sim, client) = started(simulator()).await;
    let private = with(order("web"), "public_networking", json!(false));
    let path = running(&client, private.clone()).await;
    let shown = client.get(&path).await;
    let v4 = &shown.body["droplet"]["networks"]["v4"];
    assert_eq!(names(v4, "type"), ["private"]);
    let both = client
        .post("/droplets", with(private, "ipv6", json!(true)))
        .await;
    assert_eq!(both.status, 422);
    sim.assert_valid();
}

#[tokio::test]
async fn a_droplet_can_be_removed_while_it_is_new() {
    let (sim, client) = started(simulator().time_scale(1.0)).await;
    let made = client.post("/droplets", order("web")).await;
    let path = format!("/droplets/{}", made.body["droplet"]["id"]);
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.get(&path).await.status, 404);
    assert_eq!(sim.state().instances.len(), 0);
    sim.assert_valid();
}

#[tokio::test]
async fn what_cannot_be_had_is_refused_with_a_text_only() {
    let seeded = simulator().seeded(|seed: &mut Seed| {
        seed.quota = Some(1);
        let mut whole = Shortage::of("", "tor1");
        whole.plan = None;
        seed.capacity = vec![Shortage::of("s-1vcpu-1gb", "ams3"), whole];
    });
    let (sim, client) = started(seeded).await;
    let long = "#".repeat((64 << 10) + 1);
    let cases = [
        (
            "region",
            json!("ams3"),
            "Size is not available in this region.",
        ),
        ("region", json!("tor1"), "Region is not available"),
        ("region", json!("sfo1"), "Region is not available"),
        (
            "region",
            json!("mars1"),
            "You specified an invalid region for Droplet creation.",
        ),
        (
            "size",
            json!("s-3vcpu-1gb"),
            "Size is not available in this region.",
        ),
        (
            "size",
            json!("huge"),
            "You specified an invalid size for Droplet creation.",
        ),
        (
            "image",
            json!("debian-9-x64"),
            "You specified an invalid image for Droplet creation.",
        ),
        (
            "image",
            json!(17),
            "You specified an invalid image for Droplet creation.",
        ),
        (
            "ssh_keys",
            json!([17]),
            "17 are invalid key identifiers for Droplet creation.",
        ),
        ("user_data", json!(long), "too long, at most 65536 bytes"),
        ("tags", json!(["a=b"]), "contains invalid characters"),
    ];
    for (field, value, text) in cases {
        let answer = client
            .post("/droplets", with(order("web"), field, value))
            .await;
        assert_eq!(answer.status, 422, "{field}: {answer:?}");
        assert_eq!(answer.body["id"], "unprocessable_entity");
        assert!(refused(&answer).1.contains(text), "{answer:?}");
    }
    let sizes = client.get("/sizes?per_page=200").await;
    let listed = sizes.body["sizes"].as_array().expect("a list");
    let small = listed
        .iter()
        .find(|size| size["slug"] == "s-1vcpu-1gb")
        .expect("there");
    assert!(
        small["regions"]
            .as_array()
            .expect("a list")
            .contains(&json!("ams3")),
        "the listing knows of no shortage"
    );
    assert!(
        client.get("/tags").await.body["tags"] == json!([]),
        "nothing was made"
    );
    let account = client.get("/account").await;
    assert_eq!(account.body["account"]["droplet_limit"], 1);
    running(&client, order("one")).await;
    let text = "creating this/these droplet(s) will exceed your droplet limit";
    assert_eq!(
        refused(&client.post("/droplets", order("two")).await),
        (422, text)
    );
    sim.assert_valid();
}

#[tokio::test]
async fn several_droplets_are_ordered_at_once_or_none() {
    let seeded = simulator().seeded(|seed| {
        seed.quota = Some(4);
        seed.capacity = vec![Shortage {
            left: 2,
            ..Shortage::of("s-2vcpu-2gb", "fra1")
        }];
    });
    let (sim, client) = started(seeded).await;
    let several = |names: Value, size: &str| {
        let mut wanted = with(order(""), "names", names);
        wanted.as_object_mut().expect("an object").remove("name");
        with(wanted, "size", json!(size))
    };
    let none = client
        .post("/droplets", several(json!(["a", "b", "c"]), "s-2vcpu-2gb"))
        .await;
    assert_eq!(
        refused(&none),
        (422, "Size is not available in this region.")
    );
    assert_eq!(
        sim.state().instances.len(),
        0,
        "those that were made are gone"
    );
    let made = client
        .post("/droplets", several(json!(["a", "b", "c"]), "s-1vcpu-1gb"))
        .await;
    assert_eq!(made.status, 202, "{made:?}");
    assert_eq!(names(&made.body["droplets"], "name"), ["a", "b", "c"]);
    assert_eq!(
        made.body["links"]["actions"]
            .as_array()
            .expect("a list")
            .len(),
        3
    );
    let more = client
        .post("/droplets", several(json!(["d", "e"]), "s-1vcpu-1gb"))
        .await;
    assert_eq!(more.status, 422);
    assert_eq!(sim.state().instances.len(), 3);
    sim.assert_valid();
}

#[tokio::test]
async fn a_region_may_be_left_to_the_provider() {
    let (sim, client) = started(simulator()).await;
    let near = running(&client, with(order("a"), "region", json!("nyc"))).await;
    let shown = client.get(&near).await;
    assert_eq!(shown.body["droplet"]["region"]["slug"], "nyc1");
    let mut anywhere = order("b");
    anywhere
        .as_object_mut()
        .expect("an object")
        .remove("region");
    running(&client, anywhere).await;
    sim.assert_valid();
}

#[tokio::test]
async fn a_pending_event_keeps_others_away() {
    let (sim, client) = started(simulator().seeded(|seed| seed.power_ms = Some(600_000))).await;
    let path = running(&client, order("web")).await;
    let begun = act(&client, &path, json!({"type": "power_off"})).await;
    assert_eq!(
        (begun.status, &begun.body["action"]["status"]),
        (201, &json!("in-progress"))
    );
    let text = "Droplet already has a pending event.";
    for action in [
        json!({"type": "power_on"}),
        json!({"type": "snapshot", "name": "s"}),
        json!({"type": "rename", "name": "other"}),
        json!({"type": "rebuild", "image": "debian-13-x64"}),
    ] {
        assert_eq!(refused(&act(&client, &path, action).await), (422, text));
    }
    assert_eq!(refused(&client.delete(&path).await), (422, text));
    let shown = client.get(&path).await;
    assert_eq!(shown.body["droplet"]["locked"], true);
    assert_eq!(shown.body["droplet"]["status"], "active");
    sim.assert_valid();
}

#[tokio::test]
async fn a_shutdown_is_completed_when_it_is_sent_and_may_be_in_vain() {
    let (sim, client) = started(simulator()).await;
    let path = running(&client, order("web")).await;
    sim.faults([Fault::new(Op::Power, FaultKind::Stuck).nth(1)]);
    let sent = act(&client, &path, json!({"type": "shutdown"})).await;
    assert_eq!(sent.body["action"]["status"], "completed");
    assert_eq!(client.get(&path).await.body["droplet"]["status"], "active");
    let cut = act(&client, &path, json!({"type": "power_off"})).await;
    assert_eq!(
        ended(&client, &cut.body["action"]).await["type"],
        "power_off"
    );
    assert_eq!(client.get(&path).await.body["droplet"]["status"], "off");
    let begun = act(&client, &path, json!({"type": "power_on"})).await;
    ended(&client, &begun.body["action"]).await;
    assert_eq!(client.get(&path).await.body["droplet"]["status"], "active");
    act(&client, &path, json!({"type": "shutdown"})).await;
    client
        .until(&path, |shown| shown.body["droplet"]["status"] == "off")
        .await;
    let own = client.get(&format!("{path}/actions")).await;
    assert_eq!(
        names(&own.body["actions"], "type"),
        ["shutdown", "power_on", "power_off", "shutdown", "create"]
    );
    let last = &own.body["actions"][0];
    let shown = client.get(&format!("{path}/actions/{}", last["id"])).await;
    assert_eq!(&shown.body["action"], last);
    sim.assert_valid();
}

#[tokio::test]
async fn a_droplet_is_renamed_rebuilt_and_changed_by_actions() {
    let (sim, client) = started(simulator()).await;
    let path = running(&client, order("web")).await;
    let renamed = act(&client, &path, json!({"type": "rename", "name": "shop"})).await;
    assert_eq!(renamed.body["action"]["type"], "rename");
    ended(&client, &renamed.body["action"]).await;
    let unfit = act(
        &client,
        &path,
        json!({"type": "rename", "name": "under_score"}),
    )
    .await;
    assert_eq!(unfit.status, 422);
    let rebuilt = act(
        &client,
        &path,
        json!({"type": "rebuild", "image": "debian-13-x64"}),
    )
    .await;
    ended(&client, &rebuilt.body["action"]).await;
    for kind in [
        "enable_ipv6",
        "enable_backups",
        "disable_backups",
        "reboot",
        "power_cycle",
    ] {
        let begun = act(&client, &path, json!({"type": kind})).await;
        assert_eq!(begun.status, 201, "{kind}: {begun:?}");
        ended(&client, &begun.body["action"]).await;
    }
    let restore = act(&client, &path, json!({"type": "restore", "image": 1})).await;
    assert_eq!(restore.status, 422);
    let shown = client.get(&path).await.body["droplet"].clone();
    assert_eq!(shown["name"], "shop");
    assert_eq!(shown["image"]["slug"], "debian-13-x64");
    let features = shown["features"].as_array().expect("a list");
    assert!(features.contains(&json!("ipv6")) && !features.contains(&json!("backups")));
    sim.assert_valid();
}

#[tokio::test]
async fn a_snapshot_is_shown_when_it_is_ready_and_outlives_its_droplet() {
    let (sim, client) = started(simulator()).await;
    let path = running(&client, with(order("web"), "size", json!("s-1vcpu-2gb"))).await;
    let begun = act(
        &client,
        &path,
        json!({"type": "snapshot", "name": "before"}),
    )
    .await;
    assert_eq!(client.get("/snapshots").await.body["meta"]["total"], 0);
    assert_eq!(
        ended(&client, &begun.body["action"]).await["status"],
        "completed"
    );
    let listed = client.get("/snapshots?resource_type=droplet").await;
    let snapshot = listed.body["snapshots"][0].clone();
    let id = snapshot["id"].as_str().expect("a text here");
    assert_eq!(snapshot["name"], "before");
    assert_eq!(
        (&snapshot["regions"], &snapshot["min_disk_size"]),
        (&json!(["fra1"]), &json!(50))
    );
    let of_droplet = client.get(&format!("{path}/snapshots")).await;
    assert_eq!(
        of_droplet.body["snapshots"][0]["id"].to_string(),
        id,
        "and a number there"
    );
    let shown = client.get(&path).await;
    assert_eq!(shown.body["droplet"]["snapshot_ids"][0].to_string(), id);
    let private = client.get("/images?private=true").await;
    assert_eq!(names(&private.body["images"], "name"), ["before"]);
    assert_eq!(client.delete(&path).await.status, 204);

    let number: u64 = id.parse().expect("a number");
    let copy = |size: &str, region: &str| {
        let wanted = with(order("copy"), "image", json!(number));
        with(with(wanted, "size", json!(size)), "region", json!(region))
    };
    let small = client.post("/droplets", copy("s-1vcpu-1gb", "fra1")).await;
    assert!(refused(&small).1.contains("50 GB"), "{small:?}");
    let elsewhere = client.post("/droplets", copy("s-1vcpu-2gb", "ams3")).await;
    assert_eq!(elsewhere.status, 422, "only in its region");
    let sent = client
        .post(
            &format!("/images/{id}/actions"),
            json!({"type": "transfer", "region": "ams3"}),
        )
        .await;
    assert_eq!(sent.status, 201, "{sent:?}");
    ended(&client, &sent.body["action"]).await;
    let copied = running(&client, copy("s-1vcpu-2gb", "ams3")).await;
    let shown = client.get(&copied).await;
    assert_eq!(shown.body["droplet"]["image"]["id"], number);

    let snapshot = format!("/snapshots/{id}");
    assert_eq!(client.get(&snapshot).await.status, 200);
    assert_eq!(client.get(&format!("/images/{id}")).await.status, 200);
    assert_eq!(client.delete(&snapshot).await.status, 204);
    assert_eq!(client.delete(&snapshot).await.status, 404);
    assert_eq!(
        client.get("/snapshots/133919117").await.status,
        400,
        "no snapshot"
    );
    assert_eq!(client.get(&copied).await.status, 200);
    sim.assert_valid();
}
