//! What Contabo has beside instances: secrets, tags, snapshots, firewalls, images.

use serde_json::{Value, json};

use crate::contabo::{DEBIAN, message, order, started};
use crate::support::KEYS;

#[tokio::test]
async fn secrets_are_listed_without_their_values() {
    let (sim, client) = started().await;
    let secret =
        |name: &str, kind: &str, value: &str| json!({"name": name, "type": kind, "value": value});
    let mut ids = Vec::new();
    for wanted in [
        secret("one", "ssh", KEYS[0]),
        secret("the same", "ssh", KEYS[0]),
        secret("root", "password", "PwdA?2092w#"),
    ] {
        let made = client.post("/secrets", wanted).await;
        assert_eq!(made.status, 201, "{made:?}");
        assert!(made.body["data"][0].get("value").is_none());
        ids.push(made.body["data"][0]["secretId"].as_u64().expect("a number"));
    }
    for unfit in [
        secret("weak", "password", "password"),
        secret("none", "ssh", "no key at all"),
        secret("long", "ssh", &format!("{} {}", KEYS[0], "x".repeat(500))),
    ] {
        assert_eq!(client.post("/secrets", unfit).await.status, 400);
    }
    let listed = client.get("/secrets?type=ssh").await;
    assert_eq!(listed.body["_pagination"]["totalElements"], 2);
    assert!(listed.body["data"][0].get("value").is_none());
    let shown = client.get(&format!("/secrets/{}", ids[0])).await;
    assert_eq!(shown.body["data"][0]["value"], KEYS[0]);
    let shown = client.get(&format!("/secrets/{}", ids[2])).await;
    assert_eq!(shown.body["data"][0]["value"], "PwdA?2092w#");
    let state = serde_json::to_string(&sim.state()).expect("JSON");
    assert!(!state.contains("PwdA"), "{state}");

    let path = format!("/secrets/{}", ids[1]);
    let changed = client
        .patch(&path, json!({"name": "two", "value": KEYS[1]}))
        .await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(client.get(&path).await.body["data"][0]["value"], KEYS[1]);
    assert_eq!(sim.state().keys[1].name, "two");
    let mut wanted = order("web");
    wanted["sshKeys"] = json!([ids[1]]);
    wanted["rootPassword"] = json!(ids[2]);
    let instance = client.order(wanted).await;
    assert_eq!(
        client.get(&instance).await.body["data"][0]["sshKeys"],
        json!([ids[1]])
    );
    for id in ids {
        let path = format!("/secrets/{id}");
        assert_eq!(client.delete(&path).await.status, 204);
        assert_eq!(client.get(&path).await.status, 404);
    }
    assert!(sim.state().keys.is_empty());
    sim.assert_valid();
}

#[tokio::test]
async fn tags_are_assigned_one_by_one() {
    let (sim, client) = started().await;
    let instance = client.order(order("web")).await;
    let id = instance.rsplit('/').next().expect("an id").to_owned();
    let made = client
        .post("/tags", json!({"name": "team:web", "color": "#0A78C3"}))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let tag = format!("/tags/{}", made.body["data"][0]["tagId"]);
    for (unfit, status) in [
        (json!({"name": "team:web", "color": "#fff"}), 409),
        (json!({"name": "a b", "color": "#fff"}), 400),
        (json!({"name": "good", "color": "white"}), 400),
    ] {
        assert_eq!(client.post("/tags", unfit).await.status, status);
    }
    let assignment = format!("{tag}/assignments/instance/{id}");
    assert_eq!(client.get(&assignment).await.status, 404);
    for status in [201, 409] {
        assert_eq!(client.post(&assignment, Value::Null).await.status, status);
    }
    let nowhere = format!("{tag}/assignments/instance/17");
    assert_eq!(client.post(&nowhere, Value::Null).await.status, 404);
    let shown = client.get(&assignment).await;
    assert_eq!(shown.body["data"][0]["tagName"], "team:web");
    let listed = client
        .get(&format!("{tag}/assignments?resourceType=instance"))
        .await;
    assert_eq!(listed.body["data"][0]["resourceId"], id.as_str());
    assert_eq!(client.delete(&tag).await.status, 409, "it is assigned");
    assert_eq!(
        client
            .patch(&tag, json!({"name": "team:shop"}))
            .await
            .status,
        200
    );
    assert!(sim.state().instances[0].tags.contains("team:shop"));
    assert_eq!(
        client.get("/tags?name=team:shop").await.body["data"][0]["color"],
        "#0A78C3"
    );
    assert_eq!(client.delete(&assignment).await.status, 204);
    assert_eq!(client.delete(&assignment).await.status, 404);
    assert_eq!(client.get(&tag).await.status, 200);
    assert_eq!(client.delete(&tag).await.status, 204);
    assert!(sim.state().instances[0].tags.is_empty());
    sim.assert_valid();
}

#[tokio::test]
async fn an_instance_has_one_snapshot_and_can_be_put_back_to_it() {
    let (sim, client) = started().await;
    let path = client.running("web").await;
    let snapshots = format!("{path}/snapshots");
    let made = client
        .post(&snapshots, json!({"name": "first one-1"}))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.body["data"][0]["snapshotId"]
        .as_str()
        .expect("a text")
        .to_owned();
    assert_eq!(sim.state().snapshots[0].id, id);
    sim.settled().await;
    let beyond = client.post(&snapshots, json!({"name": "second"})).await;
    let why = "Total snapshots exceed the total max limit of 1 snapshots";
    assert_eq!((beyond.status, message(&beyond)), (402, why));
    assert_eq!(
        client.post(&snapshots, json!({"name": "a_b"})).await.status,
        400
    );
    let own = format!("{snapshots}/{id}");
    assert_eq!(
        client
            .patch(&own, json!({"description": "why"}))
            .await
            .status,
        200
    );
    let listed = client.get(&snapshots).await;
    assert_eq!(listed.body["data"][0]["description"], "why");
    assert_eq!(
        client
            .post(&format!("{own}/rollback"), json!({}))
            .await
            .status,
        200
    );
    let shown = client.until(&path, "running").await;
    assert_eq!(shown["imageId"], DEBIAN);
    let other = client.running("other").await;
    assert_eq!(
        client.get(&format!("{other}/snapshots/{id}")).await.status,
        404
    );
    assert_eq!(client.delete(&own).await.status, 204);
    assert_eq!(client.get(&own).await.status, 404);
    assert!(sim.state().snapshots.is_empty());
    sim.assert_valid();
}

#[tokio::test]
async fn firewalls_stand_before_instances() {
    let (sim, client) = started().await;
    let instance = client.running("web").await;
    let id = instance.rsplit('/').next().expect("an id").to_owned();
    let rule = |action: &str, ports: Value| {
        json!({"inbound": [{
            "protocol": "tcp", "destPorts": ports, "srcCidr": {"ipv4": ["AnyIPv4"]},
            "action": action, "status": "active",
        }]})
    };
    let wanted = json!({"name": "web", "status": "active", "rules": rule("accept", json!(["22"]))});
    let made = client.post("/firewalls", wanted).await;
    assert_eq!(made.status, 201, "{made:?}");
    let firewall = format!(
        "/firewalls/{}",
        made.body["data"][0]["firewallId"].as_str().expect("an id")
    );
    let behind = format!("{firewall}/instances/{id}");
    assert_eq!(client.post(&behind, Value::Null).await.status, 201);
    assert_eq!(client.post(&behind, Value::Null).await.status, 409);
    let listed = client.get(&format!("/firewalls?instanceIds={id}")).await;
    assert_eq!(listed.body["data"][0]["instances"][0]["displayName"], "web");
    assert_eq!(
        client.delete(&firewall).await.status,
        409,
        "an instance stands behind it"
    );
    let set = client
        .put(
            &firewall,
            json!({"rules": rule("accept", json!(["22", "2222"]))}),
        )
        .await;
    assert_eq!(
        set.body["data"][0]["rules"]["inbound"][0]["destPorts"][1],
        "2222"
    );
    assert_eq!(
        client
            .put(&firewall, json!({"rules": rule("drop", json!([]))}))
            .await
            .status,
        400
    );
    assert_eq!(
        client
            .patch(&firewall, json!({"status": "inactive"}))
            .await
            .status,
        200
    );
    assert_eq!(
        client.get(&firewall).await.body["data"][0]["status"],
        "inactive"
    );
    assert_eq!(client.delete(&behind).await.status, 200);
    assert_eq!(client.delete(&behind).await.status, 404);
    assert_eq!(client.delete(&firewall).await.status, 204);
    assert_eq!(client.get(&firewall).await.status, 404);
    assert_eq!(client.get("/firewalls/preset-rules").await.status, 200);
    sim.assert_valid();
}

#[tokio::test]
async fn there_are_images_places_and_products() {
    let (sim, client) = started().await;
    let debians = client
        .get("/compute/images?standardImage=true&name=Debian&size=100")
        .await;
    assert_eq!(debians.body["data"].as_array().expect("a list").len(), 3);
    let shown = client.get(&format!("/compute/images/{DEBIAN}")).await;
    assert_eq!(shown.body["data"][0]["name"], "debian-12");
    let places = client.get("/data-centers?regionSlug=EU").await;
    assert_eq!(places.body["data"][0]["slug"], "EU2");
    let custom = json!({
        "name": "mine", "url": "https://example.com/mine.qcow2", "osType": "Linux", "version": "1",
    });
    let made = client.post("/compute/images", custom).await;
    assert_eq!(made.status, 201, "{made:?}");
    let image = made.body["data"][0]["imageId"].clone();
    let mut wanted = order("web");
    wanted["imageId"] = image.clone();
    let path = client.order(wanted).await;
    let offers = client.get(&format!("{path}/products/available")).await;
    assert!(
        offers.body["data"][0]["vsPrice"]
            .as_f64()
            .is_some_and(|price| price > 0.0)
    );
    let bought = client
        .post(&format!("{path}/upgrade"), json!({"privateNetworking": {}}))
        .await;
    assert_eq!(bought.status, 200, "{bought:?}");
    assert_eq!(
        client.get(&path).await.body["data"][0]["addOns"][0]["quantity"],
        1
    );
    let image = format!("/compute/images/{}", image.as_str().expect("an id"));
    assert_eq!(
        client.patch(&image, json!({"name": "ours"})).await.status,
        200
    );
    assert_eq!(
        client.get("/compute/images/stats").await.body["data"][0]["currentImagesCount"],
        1
    );
    assert_eq!(client.delete(&image).await.status, 204);
    assert_eq!(
        client
            .delete(&format!("/compute/images/{DEBIAN}"))
            .await
            .status,
        403
    );
    let account = client.get("/users/client").await;
    assert_eq!(
        account.body["data"][0]["clientId"],
        sim.credentials().client_id
    );
    sim.assert_valid();
}
