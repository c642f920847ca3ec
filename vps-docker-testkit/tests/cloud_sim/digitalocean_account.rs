//! DigitalOcean's semantics: the account with its tokens and limits, and what droplets are put into.

use reqwest::Method;
use serde_json::{Value, json};

use crate::digitalocean::{ended, names, order, refused, running, simulator, started, with};
use crate::support::{Client, KEYS};

#[tokio::test]
async fn a_wrong_token_is_refused_and_one_without_the_scope_may_only_read() {
    let (sim, client) = started(simulator()).await;
    for wrong in ["", "wrong"] {
        let answer = Client::new(sim.url(), wrong).get("/droplets").await;
        assert_eq!(refused(&answer), (401, "Unable to authenticate you."));
    }
    let reader = Client::new(sim.url(), &sim.credentials().read_only_token);
    assert_eq!(reader.get("/droplets").await.status, 200);
    let answer = reader.post("/droplets", order("web")).await;
    assert_eq!(answer.body["id"], "forbidden");
    assert_eq!(
        refused(&answer),
        (403, "You do not have access for the attempted action.")
    );
    assert_eq!(client.get("/droplets").await.body["meta"]["total"], 0);
    sim.assert_valid();
}

#[tokio::test]
async fn a_key_is_there_once_and_has_two_names() {
    let (sim, client) = started(simulator()).await;
    let key = |name: &str, line: &str| json!({"name": name, "public_key": line});
    let made = client.post("/account/keys", key("a", KEYS[0])).await;
    assert_eq!(made.status, 201, "{made:?}");
    let commented = KEYS[0].replace(" one", " another comment");
    let again = client.post("/account/keys", key("b", &commented)).await;
    assert_eq!(
        refused(&again),
        (422, "SSH Key is already in use on your account")
    );
    assert_eq!(
        client.post("/account/keys", key("a", KEYS[1])).await.status,
        201
    );
    let unfit = client
        .post("/account/keys", key("c", "ssh-ed25519 nothing"))
        .await;
    assert_eq!(unfit.status, 422);
    let shown = &made.body["ssh_key"];
    for name in [
        shown["id"].to_string(),
        shown["fingerprint"].as_str().expect("text").to_owned(),
    ] {
        let path = format!("/account/keys/{name}");
        assert_eq!(
            client.get(&path).await.body["ssh_key"]["public_key"],
            KEYS[0]
        );
        let renamed = client.put(&path, json!({"name": name})).await;
        assert_eq!(renamed.body["ssh_key"]["name"], name);
    }
    let path = format!(
        "/account/keys/{}",
        shown["fingerprint"].as_str().expect("text")
    );
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.delete(&path).await.status, 404);
    assert_eq!(client.get("/account/keys").await.body["meta"]["total"], 1);
    sim.assert_valid();
}

#[tokio::test]
async fn keys_can_be_listed_ten_times_a_minute_and_nothing_says_when_again() {
    let (sim, client) = started(simulator().time_scale(1.0)).await;
    for _ in 0..10 {
        assert_eq!(client.get("/account/keys").await.status, 200);
    }
    let answer = client.get("/account/keys").await;
    assert_eq!(refused(&answer), (429, "API rate limit exceeded."));
    assert_eq!(answer.number("retry-after"), None);
    assert_eq!(answer.number("ratelimit-remaining"), Some(4989));
    let reset = answer.number("ratelimit-reset").expect("a time");
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("after 1970");
    let distance = reset.unsigned_abs().saturating_sub(now.as_secs());
    assert!(
        distance > 1800,
        "when the oldest request is an hour old: {distance}"
    );
    assert_eq!(
        client.get("/droplets").await.status,
        200,
        "anything else can be asked"
    );
    sim.assert_valid();
}

#[tokio::test]
async fn the_limit_of_a_minute_says_when_to_come_back() {
    let (sim, client) = started(simulator().time_scale(1.0)).await;
    let first = client.get("/account").await;
    assert_eq!(first.number("ratelimit-limit"), Some(5000));
    assert_eq!(first.number("ratelimit-remaining"), Some(4999));
    for _ in 1..250 {
        assert_eq!(client.get("/account").await.status, 200);
    }
    let answer = client.get("/account").await;
    assert_eq!(
        (answer.status, &answer.body["id"]),
        (429, &json!("too_many_requests"))
    );
    assert_eq!(answer.number("ratelimit-remaining"), Some(0));
    let seconds = answer.number("retry-after").expect("of the minute");
    assert!((1..=60).contains(&seconds), "{seconds}");
    sim.assert_valid();
}

#[tokio::test]
async fn a_listing_has_links_to_its_other_pages() {
    let (sim, client) = started(simulator().seeded(|seed| seed.foreign_instances = 45)).await;
    let tagged = with(order("own"), "tags", json!(["mine:1"]));
    running(&client, tagged).await;
    let first = client.get("/droplets").await;
    assert_eq!(first.body["droplets"].as_array().expect("a list").len(), 20);
    assert_eq!(first.body["meta"]["total"], 46);
    let pages = &first.body["links"]["pages"];
    assert!(pages.get("first").is_none() && pages.get("prev").is_none());
    let mut found = names(&first.body["droplets"], "name");
    let mut next = pages["next"].as_str().map(str::to_owned);
    while let Some(link) = next {
        let path = link
            .strip_prefix(&sim.url())
            .expect("of this API")
            .to_owned();
        let page = client.get(&path).await;
        found.extend(names(&page.body["droplets"], "name"));
        next = page.body["links"]["pages"]["next"]
            .as_str()
            .map(str::to_owned);
    }
    assert_eq!(found.len(), 46);
    let all = client.get("/droplets?per_page=200").await;
    assert_eq!(all.body["links"], json!({}));
    let own = client.get("/droplets?tag_name=mine:1").await;
    assert_eq!(names(&own.body["droplets"], "name"), ["own"]);
    let own = client.get("/droplets?name=OWN").await;
    assert_eq!(own.body["meta"]["total"], 1, "without regard to capitals");
    assert_eq!(
        client.get("/droplets?tag_name=nobody").await.body["meta"]["total"],
        0
    );
    assert_eq!(
        client
            .get("/droplets?tag_name=mine:1&name=own")
            .await
            .status,
        422
    );
    assert_eq!(
        client.get("/droplets?type=gpus").await.body["meta"]["total"],
        0
    );
    sim.assert_valid();
    assert_eq!(client.get("/droplets?per_page=201").await.status, 400);
    assert_eq!(sim.requests().invalid, 1);
}

#[tokio::test]
async fn a_tag_keeps_the_spelling_that_came_first() {
    let (sim, client) = started(simulator()).await;
    let path = running(&client, with(order("a"), "tags", json!(["env:PROD"]))).await;
    running(&client, with(order("b"), "tags", json!(["ENV:prod"]))).await;
    let both = client.get("/droplets?tag_name=env:PROD").await;
    assert_eq!(both.body["meta"]["total"], 2);
    assert_eq!(
        client.get("/droplets?tag_name=ENV:prod").await.body["meta"]["total"],
        0
    );
    let again = client.post("/tags", json!({"name": "Env:Prod"})).await;
    assert_eq!(
        (again.status, &again.body["tag"]["name"]),
        (201, &json!("env:PROD"))
    );
    let shown = client.get("/tags/env:PROD").await;
    assert_eq!(shown.body["tag"]["resources"]["droplets"]["count"], 2);
    assert_eq!(client.get("/tags/env:prod").await.status, 404);

    assert_eq!(client.post("/tags", json!({"name": "x"})).await.status, 201);
    let id = path.strip_prefix("/droplets/").expect("its path");
    let droplet = json!({"resources": [{"resource_id": id, "resource_type": "droplet"}]});
    let nothing = json!({"resources": [{"resource_id": "1", "resource_type": "droplet"}]});
    assert_eq!(
        client
            .post("/tags/x/resources", droplet.clone())
            .await
            .status,
        204
    );
    assert_eq!(client.post("/tags/x/resources", nothing).await.status, 404);
    assert_eq!(
        client
            .post("/tags/y/resources", droplet.clone())
            .await
            .status,
        404
    );
    let tags = client.get(&path).await.body["droplet"]["tags"].clone();
    assert_eq!(tags, json!(["env:PROD", "x"]));
    let untagged = client
        .send(Method::DELETE, "/tags/x/resources", Some(droplet))
        .await;
    assert_eq!(untagged.status, 204);
    assert_eq!(client.delete("/tags/env:PROD").await.status, 204);
    assert_eq!(client.get(&path).await.body["droplet"]["tags"], json!([]));
    sim.assert_valid();
    assert_eq!(
        client.post("/tags", json!({"name": "a=b"})).await.status,
        400
    );
    assert_eq!(sim.requests().bad_responses, 0);
}

#[tokio::test]
async fn all_that_have_a_tag_can_be_removed_or_switched_at_once() {
    let (sim, client) = started(simulator()).await;
    for name in ["a", "b"] {
        running(&client, with(order(name), "tags", json!(["mine"]))).await;
    }
    running(&client, order("other")).await;
    let off = json!({"type": "power_off"});
    let begun = client.post("/droplets/actions?tag_name=mine", off).await;
    assert_eq!(begun.status, 201, "{begun:?}");
    for action in begun.body["actions"].as_array().expect("a list") {
        assert_eq!(ended(&client, action).await["status"], "completed");
    }
    let states = |wanted: &str| {
        sim.state()
            .instances
            .iter()
            .filter(|own| own.state == wanted)
            .count()
    };
    assert_eq!((states("off"), states("running")), (2, 1));
    assert_eq!(client.delete("/droplets?tag_name=nobody").await.status, 404);
    assert_eq!(client.delete("/droplets?tag_name=mine").await.status, 204);
    assert_eq!(sim.state().instances.len(), 1);
    sim.assert_valid();
}

#[tokio::test]
async fn droplets_are_in_the_default_project_until_they_are_assigned() {
    let (sim, client) = started(simulator()).await;
    let path = running(&client, order("web")).await;
    let urn = format!(
        "do:droplet:{}",
        path.strip_prefix("/droplets/").expect("its path")
    );
    let default = client.get("/projects/default").await;
    assert_eq!(default.body["project"]["is_default"], true);
    let own = client.get("/projects/default/resources").await;
    assert_eq!(names(&own.body["resources"], "urn"), [urn.as_str()]);
    let body = json!({"name": "hosts", "purpose": "Hosting", "environment": "Development"});
    let made = client.post("/projects", body.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["project"]["purpose"], "Other: Hosting");
    assert_eq!(client.post("/projects", body).await.status, 409);
    let project = format!(
        "/projects/{}",
        made.body["project"]["id"].as_str().expect("a UUID")
    );
    let resources = format!("{project}/resources");
    let wanted = json!({"resources": [urn, "do:droplet:1"]});
    for status in ["assigned", "already_assigned"] {
        let told = client.post(&resources, wanted.clone()).await;
        assert_eq!(
            names(&told.body["resources"], "status"),
            [status, "not_found"]
        );
    }
    let own = client.get("/projects/default/resources").await;
    assert_eq!(own.body["resources"], json!([]));
    assert_eq!(client.delete(&project).await.status, 412);
    client.delete(&path).await;
    assert_eq!(client.delete(&project).await.status, 204);
    assert_eq!(client.get(&project).await.status, 404);
    let renamed = client
        .send(
            Method::PATCH,
            "/projects/default",
            Some(json!({"name": "mine"})),
        )
        .await;
    assert_eq!(renamed.body["project"]["name"], "mine");
    assert_eq!(client.get("/projects").await.body["meta"]["total"], 1);
    sim.assert_valid();
}

#[tokio::test]
async fn firewalls_hold_droplets_and_tags() {
    let (sim, client) = started(simulator()).await;
    let path = running(&client, with(order("web"), "tags", json!(["mine"]))).await;
    let id: u64 = path
        .strip_prefix("/droplets/")
        .and_then(|id| id.parse().ok())
        .expect("its id");
    let rule = |ports: &str| json!({"protocol": "tcp", "ports": ports, "sources": {"addresses": ["0.0.0.0/0", "::/0"]}});
    let out =
        json!({"protocol": "icmp", "ports": "0", "destinations": {"addresses": ["0.0.0.0/0"]}});
    let wanted = json!({"name": "fence", "inbound_rules": [rule("22")], "outbound_rules": [out], "droplet_ids": [id]});
    let made = client.post("/firewalls", wanted.clone()).await;
    assert_eq!(made.status, 202, "{made:?}");
    assert_eq!(made.body["firewall"]["status"], "waiting");
    assert_eq!(
        refused(&client.post("/firewalls", wanted.clone()).await),
        (409, "duplicate name")
    );
    let fence = format!(
        "/firewalls/{}",
        made.body["firewall"]["id"].as_str().expect("a UUID")
    );
    assert_eq!(
        client.get(&fence).await.body["firewall"]["status"],
        "succeeded"
    );
    let rules = json!({"inbound_rules": [rule("all")]});
    assert_eq!(
        client.post(&format!("{fence}/rules"), rules).await.status,
        204
    );
    let shown = client.get(&fence).await;
    assert_eq!(
        names(&shown.body["firewall"]["inbound_rules"], "ports"),
        ["22", "0"]
    );
    for (part, body, status) in [
        ("tags", json!({"tags": ["mine"]}), 204),
        ("tags", json!({"tags": ["nobody"]}), 422),
        ("droplets", json!({"droplet_ids": [1]}), 422),
    ] {
        assert_eq!(
            client.post(&format!("{fence}/{part}"), body).await.status,
            status
        );
    }
    let removed = client
        .send(
            Method::DELETE,
            &format!("{fence}/droplets"),
            Some(json!({"droplet_ids": [id]})),
        )
        .await;
    assert_eq!(removed.status, 204);
    let own = client.get(&format!("{path}/firewalls")).await;
    assert_eq!(
        names(&own.body["firewalls"], "name"),
        ["fence"],
        "by its tag"
    );
    assert_eq!(client.put(&fence, wanted).await.status, 200);
    client.delete(&path).await;
    let shown = client.get(&fence).await;
    assert_eq!(shown.body["firewall"]["droplet_ids"], json!([]));
    assert_eq!(
        shown.body["firewall"]["tags"],
        json!([]),
        "what was left out is emptied"
    );
    assert_eq!(client.delete(&fence).await.status, 204);
    assert_eq!(client.get(&fence).await.status, 404);
    sim.assert_valid();
}

#[tokio::test]
async fn a_firewall_has_room_for_ten_droplets() {
    let (sim, client) = started(simulator()).await;
    let mut ids = Vec::new();
    for n in 0..11 {
        let made = client.post("/droplets", order(&format!("web-{n}"))).await;
        ids.push(made.body["droplet"]["id"].clone());
    }
    let rule = json!({"protocol": "tcp", "ports": "22", "sources": {"addresses": ["0.0.0.0/0"]}});
    let fence =
        |ids: &[Value]| json!({"name": "fence", "inbound_rules": [rule], "droplet_ids": ids});
    assert_eq!(client.post("/firewalls", fence(&ids)).await.status, 422);
    assert_eq!(
        client.post("/firewalls", fence(&ids[..10])).await.status,
        202
    );
    sim.assert_valid();
}

#[tokio::test]
async fn the_catalogue_is_listed() {
    let (sim, client) = started(simulator()).await;
    let regions = client.get("/regions").await;
    let closed = regions.body["regions"].as_array().expect("a list").iter();
    let closed: Vec<&Value> = closed
        .filter(|region| region["available"] == false)
        .collect();
    assert_eq!(closed.len(), 1, "one is listed that sells nothing");
    let distributions = client.get("/images?type=distribution").await;
    let slugs = names(&distributions.body["images"], "slug");
    assert!(slugs.contains(&"debian-12-x64".to_owned()));
    let all = client.get("/images").await.body["meta"]["total"].as_u64();
    assert!(
        all > Some(slugs.len() as u64),
        "applications are images too"
    );
    let by_slug = client.get("/images/debian-12-x64").await;
    let by_id = client
        .get(&format!("/images/{}", by_slug.body["image"]["id"]))
        .await;
    assert_eq!(by_slug.body, by_id.body);
    for path in [
        "/sizes",
        "/account",
        "/customers/my/balance",
        "/reserved_ips",
        "/images?type=application",
    ] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    assert_eq!(client.get("/volumes").await.status, 404);
    assert_eq!(
        (sim.requests().bad_responses, sim.requests().invalid),
        (0, 1)
    );
}
