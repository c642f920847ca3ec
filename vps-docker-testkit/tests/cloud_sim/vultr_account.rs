//! What an account at Vultr has beside instances, and how it is asked for.

use std::net::IpAddr;

use futures_util::future::join_all;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::json;
use vps_docker_testkit::cloud_sim::{CloudSim, Provider};

use crate::support::{Answered, Client, KEYS, say_if_unchecked};
use crate::vultr::{id_of, made, order, seeded, settled, started, text};

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
