//! Hetzner's semantics.

use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use vps_docker_testkit::cloud_sim::{CloudSim, Provider, Shortage};

use crate::support::{Answered, Client, KEYS, fast};

/// Orders a server that boots Debian.
pub(crate) fn order(name: &str) -> Value {
    json!({"name": name, "server_type": "cx23", "image": "debian-12", "location": "fsn1"})
}

pub(crate) fn code(answered: &Answered) -> &str {
    answered.body["error"]["code"].as_str().unwrap_or("")
}

async fn started() -> (CloudSim, Client) {
    let sim = fast(Provider::Hetzner).start().await.expect("started");
    let client = Client::of(&sim);
    (sim, client)
}

/// Creates a server and waits until it runs; answers its path.
async fn running(client: &Client, name: &str) -> String {
    let made = client.post("/servers", order(name)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("/servers/{}", made.body["server"]["id"]);
    client
        .until(&path, |shown| shown.body["server"]["status"] == "running")
        .await;
    path
}

async fn ended(client: &Client, action: &Value) -> Value {
    let path = format!("/actions?id={}", action["id"]);
    let shown = client
        .until(&path, |shown| {
            shown.body["actions"][0]["status"] != "running"
        })
        .await;
    shown.body["actions"][0].clone()
}

#[tokio::test]
async fn a_server_lives_from_its_order_to_its_removal() {
    let (sim, client) = started().await;
    let mut wanted = order("web");
    wanted["labels"] = json!({"vps-docker": "", "vps-docker-name": "web"});
    wanted["user_data"] = json!("#cloud-config\n{}\n");
    let made = client.post("/servers", wanted).await;
    assert_eq!(made.status, 201, "{made:?}");
    let server = &made.body["server"];
    assert_eq!(server["status"], "initializing");
    assert!(
        server["public_net"]["ipv4"]["ip"].is_string(),
        "the answer has the address"
    );
    assert!(server.get("datacenter").is_none());
    assert!(made.body["root_password"].is_string(), "no key was given");
    assert_eq!(made.body["action"]["status"], "running");
    assert_eq!(made.body["action"]["command"], "create_server");
    for action in [&made.body["action"], &made.body["next_actions"][0]] {
        assert_eq!(ended(&client, action).await["status"], "success");
    }
    let path = format!("/servers/{}", server["id"]);
    let shown = client.get(&path).await;
    assert_eq!(shown.body["server"]["status"], "running");
    assert_eq!(shown.body["server"]["labels"]["vps-docker-name"], "web");
    let state = sim.state();
    let user_data = state.instances[0].user_data.as_ref().expect("some");
    assert_eq!(user_data.length, 17);
    assert!(state.cost.monthly > Decimal::ZERO);
    assert!(
        !serde_json::to_string(&state)
            .expect("JSON")
            .contains("#cloud-config")
    );

    let gone = client.delete(&path).await;
    assert_eq!(gone.status, 200);
    assert_eq!(
        ended(&client, &gone.body["action"]).await["status"],
        "success"
    );
    let missing = client.get(&path).await;
    assert_eq!((missing.status, code(&missing)), (404, "not_found"));
    assert_eq!(client.delete(&path).await.status, 404);
    let state = sim.state();
    assert!(
        state.instances.is_empty() && state.others.is_empty(),
        "{state:?}"
    );
    assert_eq!(state.cost.monthly, Decimal::ZERO);
    sim.assert_valid();
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_a_reading_one_may_read() {
    let (sim, client) = started().await;
    for wrong in ["", "wrong", &sim.token()[1..]] {
        let refused = Client::new(sim.url(), wrong).get("/servers").await;
        assert_eq!((refused.status, code(&refused)), (401, "unauthorized"));
    }
    let reader = Client::new(sim.url(), &sim.credentials().read_only_token);
    assert_eq!(reader.get("/servers").await.status, 200);
    let refused = reader.post("/servers", order("web")).await;
    assert_eq!((refused.status, code(&refused)), (401, "token_readonly"));
    assert_eq!(client.get("/servers").await.body["servers"], json!([]));
}

#[tokio::test]
async fn names_are_unique_and_so_are_keys() {
    let (sim, client) = started().await;
    running(&client, "web").await;
    let again = client.post("/servers", order("web")).await;
    assert_eq!((again.status, code(&again)), (409, "uniqueness_error"));
    let key = |name: &str, line: &str| json!({"name": name, "public_key": line});
    assert_eq!(
        client.post("/ssh_keys", key("a", KEYS[0])).await.status,
        201
    );
    for (name, line, field) in [("a", KEYS[1], "name"), ("b", KEYS[0], "public_key")] {
        let again = client.post("/ssh_keys", key(name, line)).await;
        assert_eq!((again.status, code(&again)), (409, "uniqueness_error"));
        assert_eq!(again.body["error"]["details"]["fields"][0]["name"], field);
    }
    let commented = KEYS[0].replace(" one", " another comment");
    assert_eq!(
        client.post("/ssh_keys", key("c", &commented)).await.status,
        409
    );
    assert_eq!(sim.state().keys.len(), 1);
    sim.assert_valid();
}

#[tokio::test]
async fn a_listing_has_pages_of_fifty_and_is_filtered_by_labels() {
    let seeded = fast(Provider::Hetzner).seeded(|seed| seed.foreign_instances = 120);
    let sim = seeded.start().await.expect("started");
    let client = Client::of(&sim);
    for name in ["one", "two"] {
        let mut wanted = order(name);
        wanted["labels"] = json!({"owner": "me", "name": name});
        assert_eq!(client.post("/servers", wanted).await.status, 201);
    }
    let first = client.get("/servers").await;
    assert_eq!(first.body["servers"].as_array().expect("a list").len(), 25);
    let mut names = Vec::new();
    let mut next = json!(1);
    while !next.is_null() {
        let page = client
            .get(&format!("/servers?per_page=1000&page={next}"))
            .await;
        let servers = page.body["servers"].as_array().expect("a list").clone();
        assert!(servers.len() <= 50);
        names.extend(servers.into_iter().map(|server| server["name"].clone()));
        let pagination = &page.body["meta"]["pagination"];
        assert_eq!(pagination["total_entries"], 122);
        assert_eq!(
            page.headers["link"]
                .to_str()
                .expect("text")
                .contains("next"),
            !pagination["next_page"].is_null()
        );
        next = pagination["next_page"].clone();
    }
    assert_eq!(names.len(), 122);
    for (selector, count) in [
        ("owner", 2),
        ("owner=me,name=two", 1),
        ("name+in+(one,two)", 2),
        ("!owner", 120),
        ("team=other", 120),
        ("owner=you", 0),
    ] {
        let page = client
            .get(&format!("/servers?label_selector={selector}"))
            .await;
        assert_eq!(
            page.body["meta"]["pagination"]["total_entries"], count,
            "{selector}"
        );
    }
    let sorted = client.get("/servers?sort=name:desc&per_page=1").await;
    assert_eq!(sorted.body["servers"][0]["name"], "two");
    assert_eq!(
        client.get("/servers?name=one").await.body["servers"][0]["name"],
        "one"
    );
    sim.assert_valid();
}

#[tokio::test]
async fn an_unfit_order_is_refused_with_the_reason_and_nothing_is_made() {
    let seeded = fast(Provider::Hetzner).seeded(|seed| {
        seed.capacity = vec![Shortage::of("cx33", "nbg1")];
    });
    let sim = seeded.start().await.expect("started");
    let client = Client::of(&sim);
    let long = "x".repeat(32 * 1024 + 1);
    for (field, value, status, wanted) in [
        ("server_type", json!("cx99"), 422, "invalid_input"),
        ("location", json!("moon"), 422, "invalid_input"),
        ("location", json!("ash"), 422, "invalid_input"),
        ("image", json!("windows"), 422, "invalid_input"),
        ("ssh_keys", json!(["nobody"]), 422, "invalid_input"),
        ("firewalls", json!([{"firewall": 7}]), 422, "invalid_input"),
        ("name", json!("no_host_name"), 422, "invalid_input"),
        (
            "labels",
            json!({"a": "2026-11-21T04:42:19Z"}),
            422,
            "invalid_input",
        ),
        ("user_data", json!(long), 422, "invalid_input"),
        ("datacenter", json!("fsn1-dc14"), 422, "invalid_input"),
    ] {
        let mut wrong = order("web");
        wrong[field] = value;
        let refused = client.post("/servers", wrong).await;
        assert_eq!(
            (refused.status, code(&refused)),
            (status, wanted),
            "{field}: {refused:?}"
        );
    }
    let mut short = order("web");
    short["server_type"] = json!("cx33");
    short["location"] = json!("nbg1");
    let refused = client.post("/servers", short.clone()).await;
    assert_eq!(
        (refused.status, code(&refused)),
        (412, "resource_unavailable")
    );
    let listed = client.get("/server_types?name=cx33").await;
    let locations = listed.body["server_types"][0]["locations"]
        .as_array()
        .expect("a list")
        .clone();
    let nbg1 = locations
        .iter()
        .find(|own| own["name"] == "nbg1")
        .expect("there");
    assert_eq!(nbg1["available"], true, "that is what it says");
    assert!(sim.state().instances.is_empty());
    short["location"] = json!("fsn1");
    assert_eq!(client.post("/servers", short).await.status, 201);
    sim.assert_valid();
}

#[tokio::test]
async fn the_quota_counts_one_s_own() {
    let seeded = fast(Provider::Hetzner).seeded(|seed| {
        seed.quota = Some(2);
        seed.foreign_instances = 5;
    });
    let sim = seeded.start().await.expect("started");
    let client = Client::of(&sim);
    for (name, status) in [("a", 201), ("b", 201), ("c", 403)] {
        assert_eq!(
            client.post("/servers", order(name)).await.status,
            status,
            "{name}"
        );
    }
    let refused = client.post("/servers", order("c")).await;
    assert_eq!(code(&refused), "resource_limit_exceeded");
    sim.assert_valid();
}

#[tokio::test]
async fn a_server_that_is_worked_on_is_locked_but_for_its_removal() {
    let seeded = fast(Provider::Hetzner).seeded(|seed| seed.boot_ms = Some(1_000_000));
    let sim = seeded.start().await.expect("started");
    let client = Client::of(&sim);
    let made = client.post("/servers", order("web")).await;
    let path = format!("/servers/{}", made.body["server"]["id"]);
    assert_eq!(client.get(&path).await.body["server"]["locked"], true);
    for action in ["poweroff", "reboot", "create_image", "rebuild"] {
        let body = match action {
            "rebuild" => Some(json!({"image": "debian-13"})),
            "create_image" => Some(json!({})),
            _ => None,
        };
        let locked = client
            .send(Method::POST, &format!("{path}/actions/{action}"), body)
            .await;
        assert_eq!((locked.status, code(&locked)), (423, "locked"), "{action}");
    }
    let renamed = client
        .put(&path, json!({"name": "web2", "labels": {"a": "b"}}))
        .await;
    assert_eq!(renamed.body["server"]["name"], "web2");
    assert_eq!(renamed.body["server"]["labels"], json!({"a": "b"}));
    assert_eq!(client.delete(&path).await.status, 200);
    client.until(&path, |shown| shown.status == 404).await;
    sim.assert_valid();
}

#[tokio::test]
async fn a_shutdown_is_only_sent_and_a_poweroff_is_awaited() {
    let (sim, client) = started().await;
    let path = running(&client, "web").await;
    let turn = async |what: &str| {
        let path = format!("{path}/actions/{what}");
        client.send(Method::POST, &path, None).await.body["action"].clone()
    };
    let sent = turn("shutdown").await;
    assert_eq!(sent["status"], "success", "sent, which is all it says");
    let status =
        |wanted: &'static str| move |shown: &Answered| shown.body["server"]["status"] == wanted;
    client.until(&path, status("off")).await;
    let on = turn("poweron").await;
    assert_eq!(on["command"], "start_server");
    assert_eq!(ended(&client, &on).await["status"], "success");
    client.until(&path, status("running")).await;
    let again = turn("poweron").await;
    assert_eq!(again["status"], "success", "it is on");
    let off = turn("poweroff").await;
    assert_eq!(off["status"], "running");
    assert_eq!(ended(&client, &off).await["status"], "success");
    assert_eq!(client.get(&path).await.body["server"]["status"], "off");
    let all = client.get(&format!("{path}/actions?sort=id:desc")).await;
    assert_eq!(all.body["actions"][0]["command"], "stop_server");
    sim.assert_valid();
}

#[tokio::test]
async fn a_snapshot_outlives_its_server_and_another_is_made_of_it() {
    let (sim, client) = started().await;
    let path = running(&client, "web").await;
    let wanted = json!({"type": "snapshot", "description": "before", "labels": {"x": "y"}});
    let taken = client
        .post(&format!("{path}/actions/create_image"), wanted)
        .await;
    let image = &taken.body["image"];
    assert_eq!(image["status"], "creating");
    assert_eq!(image["name"], Value::Null);
    let number = image["id"].as_u64().expect("an id");
    let mut copy = order("copy");
    copy["image"] = json!(number.to_string());
    assert_eq!(
        client.post("/servers", copy.clone()).await.status,
        422,
        "it is not ready"
    );
    ended(&client, &taken.body["action"]).await;
    client.delete(&path).await;
    client.until(&path, |shown| shown.status == 404).await;
    let listed = client
        .get("/images?type=snapshot&label_selector=x%3Dy")
        .await;
    assert_eq!(listed.body["images"][0]["description"], "before");
    assert_eq!(client.post("/servers", copy).await.status, 201);
    let image = format!("/images/{number}");
    let protect = json!({"delete": true});
    client
        .post(&format!("{image}/actions/change_protection"), protect)
        .await;
    let kept = client.delete(&image).await;
    assert_eq!((kept.status, code(&kept)), (423, "protected"));
    client
        .post(
            &format!("{image}/actions/change_protection"),
            json!({"delete": false}),
        )
        .await;
    assert_eq!(client.delete(&image).await.status, 204);
    assert_eq!(client.delete(&image).await.status, 404);
    sim.assert_valid();
}

#[tokio::test]
async fn a_rebuild_takes_new_user_data_and_keeps_the_address() {
    let (sim, client) = started().await;
    let path = running(&client, "web").await;
    let before = client.get(&path).await.body["server"]["public_net"].clone();
    let wanted = json!({"image": "debian-13", "user_data": "#cloud-config\n"});
    let begun = client
        .post(&format!("{path}/actions/rebuild"), wanted)
        .await;
    assert_eq!(begun.status, 201, "{begun:?}");
    ended(&client, &begun.body["action"]).await;
    let after = client.get(&path).await;
    assert_eq!(after.body["server"]["public_net"], before);
    assert_eq!(after.body["server"]["image"]["name"], "debian-13");
    assert_eq!(
        sim.state().instances[0]
            .user_data
            .as_ref()
            .expect("some")
            .length,
        14
    );
    sim.assert_valid();
}

#[tokio::test]
async fn a_primary_ip_without_auto_delete_is_left_over_and_costs() {
    let (sim, client) = started().await;
    let path = running(&client, "web").await;
    let ip = client.get(&path).await.body["server"]["public_net"]["ipv4"].clone();
    let its = format!("/primary_ips/{}", ip["id"]);
    assert_eq!(client.get(&its).await.body["primary_ip"]["ip"], ip["ip"]);
    assert_eq!(client.delete(&its).await.status, 422, "a server has it");
    client.put(&its, json!({"auto_delete": false})).await;
    client.delete(&path).await;
    client.until(&path, |shown| shown.status == 404).await;
    let left = client.get("/primary_ips").await;
    assert_eq!(left.body["primary_ips"][0]["assignee_type"], "unassigned");
    assert_eq!(
        left.body["primary_ips"].as_array().expect("a list").len(),
        1
    );
    assert!(sim.state().cost.monthly > Decimal::ZERO);
    assert_eq!(client.delete(&its).await.status, 204);
    assert_eq!(sim.state().cost.monthly, Decimal::ZERO);
    sim.assert_valid();
}

#[tokio::test]
async fn a_firewall_in_use_stays() {
    let (sim, client) = started().await;
    let rule = |port: &str| json!({"direction": "in", "protocol": "tcp", "port": port, "source_ips": ["0.0.0.0/0", "::/0"]});
    let made = client
        .post("/firewalls", json!({"name": "web", "rules": [rule("22")]}))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let number = made.body["firewall"]["id"].clone();
    let path = format!("/firewalls/{number}");
    let mut wanted = order("web");
    wanted["firewalls"] = json!([{"firewall": number}]);
    let server = client.post("/servers", wanted).await.body["server"].clone();
    assert_eq!(
        server["public_net"]["firewalls"],
        json!([{"id": number, "status": "applied"}])
    );
    let rules = json!({"rules": [rule("22"), rule("2222")]});
    assert_eq!(
        client
            .post(&format!("{path}/actions/set_rules"), rules)
            .await
            .status,
        201
    );
    let shown = client.get(&path).await.body["firewall"].clone();
    assert_eq!(shown["rules"].as_array().expect("a list").len(), 2);
    assert_eq!(shown["applied_to"][0]["server"]["id"], server["id"]);
    let kept = client.delete(&path).await;
    assert_eq!((kept.status, code(&kept)), (422, "resource_in_use"));
    client.delete(&format!("/servers/{}", server["id"])).await;
    assert_eq!(
        client.delete(&path).await.status,
        204,
        "the server has left it"
    );
    let portless = json!({"name": "x", "rules": [{"direction": "in", "protocol": "tcp", "source_ips": ["::/0"]}]});
    assert_eq!(client.post("/firewalls", portless).await.status, 422);
    sim.assert_valid();
}

#[tokio::test]
async fn what_does_not_fit_the_document_is_answered_400_and_recorded() {
    let (sim, client) = started().await;
    if !sim.requests().validated {
        return;
    }
    let number = json!({"name": 7, "server_type": "cx23", "image": "debian-12"});
    let lacking = json!({"name": "web"});
    for wrong in [number, lacking, json!([])] {
        let refused = client.post("/servers", wrong).await;
        assert_eq!((refused.status, code(&refused)), (400, "invalid_input"));
    }
    assert_eq!(client.get("/servers?pages=1").await.status, 400);
    assert_eq!(client.get("/servers?status=sleeping").await.status, 400);
    assert_eq!(client.get("/nothing").await.status, 404);
    assert_eq!(client.delete("/pricing").await.status, 405);
    assert_eq!(client.get("/datacenters").await.status, 410);
    let requests = sim.requests();
    assert_eq!(requests.invalid, 8, "{:#?}", requests.faulty);
    assert_eq!(requests.bad_responses, 0, "{:#?}", requests.faulty);
    assert!(
        requests
            .faulty
            .iter()
            .all(|record| record.invalid.is_some())
    );
}

#[tokio::test]
async fn a_new_server_may_come_late_to_listings() {
    let late = fast(Provider::Hetzner).seeded(|seed| seed.listing_delay_ms = 20_000);
    let sim = late.start().await.expect("started");
    let client = Client::of(&sim);
    let made = client.post("/servers", order("web")).await;
    let path = format!("/servers/{}", made.body["server"]["id"]);
    assert_eq!(client.get("/servers").await.body["servers"], json!([]));
    assert_eq!(client.get(&path).await.status, 200);
    client
        .until("/servers", |shown| shown.body["servers"] != json!([]))
        .await;
    sim.assert_valid();
}

#[tokio::test]
async fn the_rate_limit_is_the_real_one() {
    let sim = CloudSim::builder(Provider::Hetzner).validate_responses(false);
    let sim = sim.start().await.expect("started");
    let client = Client::of(&sim);
    let first = client.get("/locations/1").await;
    assert_eq!(first.number("ratelimit-limit"), Some(3600));
    assert_eq!(first.number("ratelimit-remaining"), Some(3599));
    let mut count = 1;
    let refused = loop {
        let answered = client.get("/locations/1").await;
        count += 1;
        if answered.status != 200 {
            break answered;
        }
    };
    assert_eq!(
        (refused.status, code(&refused)),
        (429, "rate_limit_exceeded")
    );
    assert_eq!(refused.number("ratelimit-remaining"), Some(0));
    assert!(count > 3600, "{count}");
    let now = refused.number("ratelimit-reset").expect("a time");
    assert!(now > first.number("ratelimit-reset").expect("a time") + 3000);
}

#[tokio::test]
async fn two_hundred_and_fifty_are_found_among_ten_thousand() {
    let seeded = fast(Provider::Hetzner).seeded(|seed| seed.foreign_instances = 10_000);
    let sim = seeded.start().await.expect("started");
    let client = Client::of(&sim);
    for number in 0..250 {
        let mut wanted = order(&format!("own-{number}"));
        wanted["labels"] = json!({"vps-docker": ""});
        assert_eq!(client.post("/servers", wanted).await.status, 201);
    }
    let mut found = 0;
    let mut next = json!(1);
    while !next.is_null() {
        let path = format!("/servers?label_selector=vps-docker&per_page=50&page={next}");
        let page = client.get(&path).await;
        found += page.body["servers"].as_array().expect("a list").len();
        next = page.body["meta"]["pagination"]["next_page"].clone();
    }
    assert_eq!(found, 250);
    assert_eq!(sim.state().own_instances().count(), 250);
    sim.assert_valid();
}
