//! What is called, how often and in which order, against answers written down beforehand.
//!
//! Long because every operation is followed call by call.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use vps_docker_core::http::RetryPolicy;
use vps_docker_core::model::{
    BootImage, Cidr, DestroyOutcome, FirewallRules, InstanceFilter, InstanceId, InstanceSpec,
    InstanceState, PowerAction, SnapshotId, SshKeyId, Tags,
};
use vps_docker_core::{ErrorKind, VpsClient};

use crate::{HetznerConfig, HetznerProvider};

/// A request as `METHOD path?query`, and what is answered.
type Exchange = (&'static str, u16, Value);

/// An API that answers from a script.
struct Script {
    provider: HetznerProvider,
    left: Arc<Mutex<Vec<Exchange>>>,
    seen: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Script {
    async fn of(exchanges: impl IntoIterator<Item = Exchange>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let left = Arc::new(Mutex::new(exchanges.into_iter().collect::<Vec<_>>()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared = (Arc::clone(&left), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(answer(connection, shared.0.clone(), shared.1.clone()));
            }
        });
        let mut retry = RetryPolicy::default();
        retry.first_pause = Duration::from_millis(1);
        retry.longest_pause = Duration::from_millis(5);
        let config = HetznerConfig::new("marked-token")
            .endpoint(format!("http://{address}/v1"))
            .retry(retry);
        Self {
            provider: HetznerProvider::new(config).expect("legal"),
            left,
            seen,
        }
    }

    /// The script was followed to its end; returns the bodies that were sent.
    fn finish(self) -> Vec<Value> {
        let left = self.left.lock().expect("whole");
        assert!(left.is_empty(), "not asked for: {left:?}");
        let seen = self.seen.lock().expect("whole");
        let bodies = seen.iter().map(|(_, body)| body.clone());
        bodies.filter(|body| !body.is_null()).collect()
    }
}

/// Answers one request with the first line of the script that is for it.
async fn answer(
    connection: TcpStream,
    left: Arc<Mutex<Vec<Exchange>>>,
    seen: Arc<Mutex<Vec<(String, Value)>>>,
) -> std::io::Result<()> {
    let mut connection = BufReader::new(connection);
    let mut first = String::new();
    connection.read_line(&mut first).await?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).await?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse().expect("a number");
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await?;
    let request = first
        .trim()
        .trim_end_matches(" HTTP/1.1")
        .replace("/v1/", "/");
    let body = serde_json::from_slice(&body).unwrap_or_default();
    seen.lock().expect("whole").push((request.clone(), body));
    let (status, text) = {
        let mut left = left.lock().expect("whole");
        match left.iter().position(|(expected, ..)| *expected == request) {
            Some(n) => {
                let (_, status, answer) = left.remove(n);
                (
                    status,
                    if answer.is_null() {
                        String::new()
                    } else {
                        answer.to_string()
                    },
                )
            }
            None => (418, format!("not in the script: {request}")),
        }
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(text.as_bytes()).await
}

fn server(status: &str) -> Value {
    json!({ "server": {
        "id": 42, "name": "web", "status": status, "labels": { "vps-docker": "" },
        "public_net": { "ipv4": { "ip": "192.0.2.1" } }
    }})
}

fn action(status: &str) -> Value {
    json!({ "id": 7, "command": "x", "status": status })
}

fn begun() -> Value {
    json!({ "action": action("running") })
}

fn ended() -> Value {
    json!({ "actions": [action("success")] })
}

fn refusal(code: &str) -> Value {
    json!({ "error": { "code": code, "message": "so it is" } })
}

fn web() -> InstanceId {
    InstanceId::new("42")
}

fn spec() -> InstanceSpec {
    InstanceSpec {
        name: "web".into(),
        region: "fsn1".into(),
        plan: "cx23".into(),
        image: BootImage::Catalog("debian-13".into()),
        user_data: "#cloud-config marked-secret\n".into(),
        ssh_keys: vec![SshKeyId::new("3")],
        tags: Tags::from([("vps-docker".into(), String::new())]),
    }
}

const FIREWALLS: &str =
    "GET /firewalls?label_selector=vps-docker-server%3D%3D42&page=1&per_page=50";

fn no_firewall() -> Exchange {
    (FIREWALLS, 200, json!({ "firewalls": [], "meta": null }))
}

fn one_firewall(applied_to: Value) -> Exchange {
    (
        FIREWALLS,
        200,
        json!({ "firewalls": [{ "id": 5, "applied_to": applied_to }] }),
    )
}

#[tokio::test]
async fn a_create_is_one_call() {
    let mut answer = server("initializing");
    answer["action"] = action("running");
    answer["root_password"] = "marked-secret".into();
    let script = Script::of([("POST /servers", 201, answer)]).await;
    let instance = script
        .provider
        .create_instance(&spec())
        .await
        .expect("accepted");
    assert_eq!(
        (instance.id, instance.state),
        (web(), InstanceState::Provisioning)
    );
    let sent = script.finish();
    assert_eq!(sent[0]["user_data"], "#cloud-config marked-secret\n");
    assert_eq!(sent[0]["ssh_keys"], json!(["3"]));
    assert!(sent[0].get("datacenter").is_none());
}

#[tokio::test]
async fn what_cannot_be_ordered_is_refused_before_anything_is_sent() {
    let script = Script::of([]).await;
    let mut long = spec();
    long.user_data = "x".repeat(32 * 1024 + 1).into();
    let mut odd = spec();
    odd.tags.insert("key".into(), "no label".into());
    for spec in [long, odd] {
        let error = script
            .provider
            .create_instance(&spec)
            .await
            .expect_err("unfit");
        assert_eq!(
            (error.kind(), error.is_unclear()),
            (ErrorKind::Invalid, false)
        );
    }
    assert!(script.seen.lock().expect("whole").is_empty());
}

#[tokio::test]
async fn a_create_that_is_refused_is_clear_and_one_that_is_lost_is_not() {
    for (status, answer, kind, unclear) in [
        (
            409,
            refusal("uniqueness_error"),
            ErrorKind::NameTaken,
            false,
        ),
        (
            412,
            refusal("resource_unavailable"),
            ErrorKind::Capacity,
            false,
        ),
        (
            403,
            refusal("resource_limit_exceeded"),
            ErrorKind::Quota,
            false,
        ),
        (500, refusal("server_error"), ErrorKind::Provider, true),
        (
            201,
            json!({ "unexpected": true }),
            ErrorKind::Provider,
            true,
        ),
    ] {
        let script = Script::of([("POST /servers", status, answer)]).await;
        let error = script
            .provider
            .create_instance(&spec())
            .await
            .expect_err("refused");
        assert_eq!(
            (error.kind(), error.is_unclear()),
            (kind, unclear),
            "{error}"
        );
        assert!(!format!("{error:?}").contains("marked"), "{error:?}");
        script.finish();
    }
}

#[tokio::test]
async fn an_order_that_failed_at_once_is_told_as_failed() {
    let mut answer = server("initializing");
    answer["action"] = json!({
        "id": 7, "command": "create_server", "status": "error",
        "error": { "code": "resource_unavailable", "message": "none left" }
    });
    let script = Script::of([("POST /servers", 201, answer)]).await;
    let instance = script
        .provider
        .create_instance(&spec())
        .await
        .expect("it is there");
    assert_eq!(instance.state, InstanceState::Failed);
    assert!(instance.note.expect("why").contains("none left"));
}

const ACTIONS: &str = "GET /servers/42/actions?page=1&per_page=50";

#[tokio::test]
async fn a_running_instance_is_looked_at_by_one_call_and_others_by_their_actions_too() {
    let failed = json!({ "actions": [{
        "id": 7, "command": "create_server", "status": "error",
        "error": { "code": "action_failed", "message": "no luck" }
    }]});
    let starting =
        json!({ "actions": [{ "id": 8, "command": "start_server", "status": "running" }]});
    for (status, actions, state) in [
        ("running", None, InstanceState::Running),
        (
            "initializing",
            Some(json!({ "actions": [] })),
            InstanceState::Provisioning,
        ),
        ("initializing", Some(failed), InstanceState::Failed),
        ("off", Some(starting), InstanceState::Provisioning),
        (
            "off",
            Some(json!({ "actions": [] })),
            InstanceState::Stopped,
        ),
    ] {
        let look = ("GET /servers/42", 200, server(status));
        let actions = actions.map(|actions| (ACTIONS, 200, actions));
        let script = Script::of([look].into_iter().chain(actions)).await;
        let instance = script.provider.instance(&web()).await.expect("it is there");
        assert_eq!(instance.state, state, "{status}");
        script.finish();
    }
}

#[tokio::test]
async fn an_instance_that_is_not_there_is_not_found() {
    let script = Script::of([("GET /servers/42", 404, refusal("not_found"))]).await;
    for id in ["42", "web"] {
        let error = script
            .provider
            .instance(&InstanceId::new(id))
            .await
            .expect_err("none");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.instance().map(InstanceId::as_str), Some(id));
    }
    script.finish();
}

#[tokio::test]
async fn all_pages_are_listed_and_what_does_not_match_is_left_out() {
    let one = |id: u32, labels: Value| json!({ "id": id, "labels": labels });
    let ours = || json!({ "vps-docker-host": "abc" });
    let first = json!({
        "servers": [one(1, ours()), one(2, json!({ "vps-docker-host": "other" }))],
        "meta": { "pagination": { "next_page": 2 } }
    });
    let second = json!({
        "servers": [one(3, ours())], "meta": { "pagination": { "next_page": null } }
    });
    let script = Script::of([
        (
            "GET /servers?label_selector=vps-docker-host%3D%3Dabc&page=1&per_page=50",
            200,
            first,
        ),
        (
            "GET /servers?label_selector=vps-docker-host%3D%3Dabc&page=2&per_page=50",
            200,
            second,
        ),
    ])
    .await;
    let filter = InstanceFilter::tagged("vps-docker-host", "abc");
    let instances = script
        .provider
        .list_instances(&filter)
        .await
        .expect("listed");
    let ids: Vec<&str> = instances
        .iter()
        .map(|instance| instance.id.as_str())
        .collect();
    assert_eq!(ids, ["1", "3"]);
    script.finish();
}

#[tokio::test]
async fn a_full_page_without_pagination_has_a_successor_and_half_a_listing_is_none() {
    let full: Vec<Value> = (1..=50).map(|id| json!({ "id": id })).collect();
    let script = Script::of([
        (
            "GET /servers?page=1&per_page=50",
            200,
            json!({ "servers": full }),
        ),
        (
            "GET /servers?page=2&per_page=50",
            200,
            json!({ "servers": [], "meta": 3 }),
        ),
    ])
    .await;
    let filter = InstanceFilter::default();
    let all = script
        .provider
        .list_instances(&filter)
        .await
        .expect("listed");
    assert_eq!(all.len(), 50);
    script.finish();
    for wrong in [
        json!({}),
        json!({ "servers": null }),
        json!({ "servers": [{ "name": "x" }] }),
    ] {
        let script = Script::of([("GET /servers?page=1&per_page=50", 200, wrong)]).await;
        let error = script
            .provider
            .list_instances(&filter)
            .await
            .expect_err("no listing");
        assert_eq!(error.kind(), ErrorKind::Provider);
    }
}

#[tokio::test]
async fn a_destroy_is_two_calls_also_when_the_instance_is_gone() {
    for (status, answer) in [(200, begun()), (404, refusal("not_found"))] {
        let script = Script::of([("DELETE /servers/42", status, answer), no_firewall()]).await;
        let outcome = script
            .provider
            .destroy_instance(&web())
            .await
            .expect("gone");
        assert_eq!(outcome, DestroyOutcome::Gone);
        script.finish();
    }
    let script = Script::of([]).await;
    script
        .provider
        .destroy_instance(&InstanceId::new("none"))
        .await
        .expect("gone");
}

#[tokio::test]
async fn a_destroy_waits_for_locks_and_takes_the_firewall_along() {
    let locked = || ("DELETE /servers/42", 423, refusal("locked"));
    let in_use = || ("DELETE /firewalls/5", 422, refusal("resource_in_use"));
    let mut exchanges: Vec<Exchange> = (0..7).map(|_| locked()).collect();
    exchanges.push(("DELETE /servers/42", 200, begun()));
    exchanges.push(one_firewall(json!([])));
    exchanges.extend((0..7).map(|_| in_use()));
    exchanges.push(("DELETE /firewalls/5", 204, Value::Null));
    let script = Script::of(exchanges).await;
    script
        .provider
        .destroy_instance(&web())
        .await
        .expect("gone");
    script.finish();
}

#[tokio::test]
async fn a_protected_instance_is_not_destroyed_and_it_is_said_at_once() {
    let script = Script::of([("DELETE /servers/42", 423, refusal("protected"))]).await;
    let error = script
        .provider
        .destroy_instance(&web())
        .await
        .expect_err("protected");
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::Locked, false)
    );
    assert!(error.to_string().contains("lift the protection"), "{error}");
    script.finish();
}

#[tokio::test]
async fn an_answer_to_a_destroy_that_is_none_is_not_believed() {
    let odd = || ("DELETE /servers/42", 200, json!({ "unexpected": true }));
    let gone = ("DELETE /servers/42", 404, refusal("not_found"));
    let script = Script::of([odd(), gone, no_firewall()]).await;
    script
        .provider
        .destroy_instance(&web())
        .await
        .expect("gone");
    script.finish();
    let script = Script::of([odd(), odd(), odd()]).await;
    script
        .provider
        .destroy_instance(&web())
        .await
        .expect_err("nobody knows");
    script.finish();
}

#[tokio::test]
async fn powering_off_asks_first_and_follows_the_action() {
    let script = Script::of([
        ("GET /servers/42", 200, server("running")),
        ("POST /servers/42/actions/shutdown", 201, begun()),
        (
            "GET /actions?id=7",
            200,
            json!({ "actions": [action("running")] }),
        ),
        ("GET /actions?id=7", 200, ended()),
        ("GET /servers/42", 200, server("stopping")),
        ("GET /servers/42", 200, server("off")),
    ])
    .await;
    script
        .provider
        .power(&web(), PowerAction::Off)
        .await
        .expect("off");
    script.finish();
}

#[tokio::test]
async fn a_switch_that_stands_right_is_not_turned() {
    for (status, turn) in [("off", PowerAction::Off), ("running", PowerAction::On)] {
        let script = Script::of([("GET /servers/42", 200, server(status))]).await;
        script
            .provider
            .power(&web(), turn)
            .await
            .expect("nothing to do");
        script.finish();
    }
}

#[tokio::test]
async fn a_reboot_of_one_that_is_off_powers_it_on() {
    let script = Script::of([
        ("GET /servers/42", 200, server("off")),
        (
            "POST /servers/42/actions/poweron",
            201,
            json!({ "action": action("success") }),
        ),
        ("GET /servers/42", 200, server("running")),
    ])
    .await;
    script
        .provider
        .power(&web(), PowerAction::Reboot)
        .await
        .expect("running");
    script.finish();
}

#[tokio::test]
async fn an_action_that_fails_or_is_forgotten_fails_the_call() {
    let turn = || {
        [
            ("GET /servers/42", 200, server("off")),
            ("POST /servers/42/actions/poweron", 201, begun()),
        ]
    };
    let failed = json!({ "actions": [{
        "id": 7, "command": "start_server", "status": "error",
        "error": { "code": "resource_unavailable", "message": "none left" }
    }]});
    let failed = turn()
        .into_iter()
        .chain([("GET /actions?id=7", 200, failed)]);
    let script = Script::of(failed).await;
    let error = script
        .provider
        .power(&web(), PowerAction::On)
        .await
        .expect_err("failed");
    assert_eq!(error.kind(), ErrorKind::Capacity);
    assert_eq!(error.operation(), Some("power"));
    script.finish();
    let none = (0..6).map(|_| ("GET /actions?id=7", 200, json!({ "actions": [] })));
    let script = Script::of(turn().into_iter().chain(none)).await;
    let error = script
        .provider
        .power(&web(), PowerAction::On)
        .await
        .expect_err("forgotten");
    assert_eq!(error.kind(), ErrorKind::Provider);
    script.finish();
}

#[tokio::test]
async fn a_snapshot_is_waited_for() {
    let image = |status: &str| {
        json!({ "image": {
            "id": 9, "status": status, "description": "nightly", "disk_size": 40,
            "image_size": 1.5, "created_from": { "id": 42 }
        }})
    };
    let mut made = image("creating");
    made["action"] = action("running");
    let script = Script::of([
        ("POST /servers/42/actions/create_image", 201, made),
        ("GET /actions?id=7", 200, ended()),
        ("GET /images/9", 200, image("creating")),
        ("GET /images/9", 200, image("available")),
    ])
    .await;
    let snapshot = script
        .provider
        .create_snapshot(&web(), "nightly")
        .await
        .expect("made");
    assert_eq!((snapshot.id.as_str(), &*snapshot.name), ("9", "nightly"));
    assert_eq!(snapshot.size_bytes, Some(1_500_000_000));
    let sent = script.finish();
    assert_eq!(
        sent,
        [json!({ "type": "snapshot", "description": "nightly", "labels": { "vps-docker": "" } })]
    );
}

#[tokio::test]
async fn what_is_gone_need_not_be_deleted() {
    let script = Script::of([
        ("DELETE /images/9", 404, refusal("not_found")),
        ("DELETE /ssh_keys/3", 404, refusal("not_found")),
    ])
    .await;
    for id in ["9", "never one"] {
        script
            .provider
            .delete_snapshot(&SnapshotId::new(id))
            .await
            .expect("gone");
    }
    for id in ["3", "never one"] {
        script
            .provider
            .delete_ssh_key(&SshKeyId::new(id))
            .await
            .expect("gone");
    }
    script.finish();
}

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

const KEYS: &str = "GET /ssh_keys?page=1&per_page=50";

#[tokio::test]
async fn a_key_that_is_there_under_another_name_is_taken() {
    let there = json!({ "ssh_keys": [
        { "id": 1, "public_key": "ssh-ed25519 BBBB x" },
        { "id": 2, "name": "other", "public_key": format!("{KEY} someone@else") }
    ]});
    let script = Script::of([(KEYS, 200, there)]).await;
    let id = script
        .provider
        .ensure_ssh_key("mine", &format!("{KEY} me"))
        .await
        .expect("there");
    assert_eq!(id.as_str(), "2");
    script.finish();
}

#[tokio::test]
async fn a_key_that_somebody_else_makes_meanwhile_is_taken_and_a_name_that_is_taken_gets_a_tail() {
    let none = || (KEYS, 200, json!({ "ssh_keys": [] }));
    let there = json!({ "ssh_keys": [{ "id": 2, "public_key": KEY }] });
    let taken = || ("POST /ssh_keys", 409, refusal("uniqueness_error"));
    let key = &format!("{KEY} me");
    let script = Script::of([none(), taken(), (KEYS, 200, there)]).await;
    let id = script
        .provider
        .ensure_ssh_key("mine", key)
        .await
        .expect("there by now");
    assert_eq!(id.as_str(), "2");
    script.finish();
    let made = ("POST /ssh_keys", 201, json!({ "ssh_key": { "id": 4 } }));
    let script = Script::of([none(), taken(), none(), made]).await;
    let id = script
        .provider
        .ensure_ssh_key("mine", key)
        .await
        .expect("made");
    assert_eq!(id.as_str(), "4");
    let sent = script.finish();
    assert_eq!(
        (&sent[0]["name"], &sent[1]["name"]),
        (&json!("mine"), &json!("mine-GhscHR4f"))
    );
    let script = Script::of([none(), taken(), none(), taken(), none()]).await;
    let error = script
        .provider
        .ensure_ssh_key("mine", key)
        .await
        .expect_err("both taken");
    assert_eq!(error.kind(), ErrorKind::NameTaken);
    script.finish();
}

#[tokio::test]
async fn a_firewall_is_made_once_and_then_changed_in_one_call() {
    let rules = FirewallRules::tcp([22], &Cidr::WORLD);
    let wire = json!([{
        "direction": "in", "protocol": "tcp", "port": "22", "source_ips": ["0.0.0.0/0", "::/0"]
    }]);
    let made = json!({ "firewall": { "id": 5 }, "actions": [action("running")] });
    let script = Script::of([
        no_firewall(),
        ("POST /firewalls", 201, made),
        ("GET /actions?id=7", 200, ended()),
    ])
    .await;
    script
        .provider
        .firewall(&web(), &rules)
        .await
        .expect("made");
    let apply_to = json!([{ "type": "server", "server": { "id": 42 } }]);
    assert_eq!(
        script.finish(),
        [json!({
            "name": "vps-docker-42", "rules": wire, "apply_to": apply_to,
            "labels": { "vps-docker": "", "vps-docker-server": "42" }
        })]
    );
    let script = Script::of([
        one_firewall(apply_to.clone()),
        ("POST /firewalls/5/actions/set_rules", 201, ended()),
    ])
    .await;
    script
        .provider
        .firewall(&web(), &rules)
        .await
        .expect("changed");
    assert_eq!(script.finish(), [json!({ "rules": wire })]);
    let script = Script::of([
        one_firewall(json!([])),
        ("POST /firewalls/5/actions/set_rules", 201, ended()),
        (
            "POST /firewalls/5/actions/apply_to_resources",
            422,
            refusal("firewall_already_applied"),
        ),
    ])
    .await;
    script
        .provider
        .firewall(&web(), &rules)
        .await
        .expect("it stands there already");
    script.finish();
}

#[tokio::test]
async fn tags_and_name_are_changed_apart() {
    let put = || ("PUT /servers/42", 200, server("running"));
    let script = Script::of([put(), put()]).await;
    let tags = Tags::from([("a".into(), "b".into())]);
    script.provider.set_tags(&web(), &tags).await.expect("set");
    script
        .provider
        .rename_instance(&web(), "new")
        .await
        .expect("renamed");
    assert_eq!(
        script.finish(),
        [json!({ "labels": { "a": "b" } }), json!({ "name": "new" })]
    );
}

#[tokio::test]
async fn the_catalogue_is_four_calls() {
    let location =
        json!({ "locations": [{ "name": "fsn1", "city": "Falkenstein", "country": "DE" }] });
    let types = json!({ "server_types": [{
        "name": "cx23", "cores": 2, "memory": 4.0, "disk": 40, "architecture": "x86",
        "prices": [{ "location": "fsn1", "price_monthly": { "net": "3.49" } }],
        "locations": [{ "name": "fsn1", "available": true, "deprecation": null }]
    }]});
    let images = json!({ "images": [{ "id": 1, "name": "debian-13", "architecture": "x86" }] });
    let script = Script::of([
        ("GET /locations?page=1&per_page=50", 200, location),
        ("GET /server_types?page=1&per_page=50", 200, types),
        (
            "GET /images?type=system&status=available&page=1&per_page=50",
            200,
            images,
        ),
        (
            "GET /pricing",
            200,
            json!({ "pricing": { "currency": "USD" } }),
        ),
    ])
    .await;
    let catalog = script.provider.catalog().await.expect("told");
    let (plan, region) = (&catalog.plans[0], &catalog.regions[0]);
    assert_eq!(
        (&*plan.id, &*region.description),
        ("cx23", "Falkenstein, DE")
    );
    assert_eq!(
        plan.price.monthly.as_ref().expect("told").to_string(),
        "3.49 USD"
    );
    assert_eq!(catalog.images[0].id, "debian-13");
    script.finish();
}
