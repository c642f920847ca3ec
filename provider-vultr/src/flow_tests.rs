//! What is sent, in what order, to a server that answers as the document says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use vps_docker_core::http::RetryPolicy;
use vps_docker_core::model::{
    BootImage, Cidr, DestroyOutcome, FirewallRules, InstanceFilter, InstanceId, InstanceSpec,
    PowerAction, SnapshotId, Tags,
};
use vps_docker_core::{ErrorKind, VpsClient};

use crate::{VultrConfig, VultrProvider};

const ID: &str = "cb676a46-66fd-4dfb-b839-443f2e6c0b60";
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJKmPDlYaBgAEHQ6c1hWGxKsVRHkUJeWxYxQkC6jHv1c";

type Answer = (u16, Value);
type Handler = dyn Fn(&str, &Value) -> Answer + Send + Sync;

/// A provider that speaks to a server of ours, and what was sent.
struct Cloud {
    vultr: VultrProvider,
    sent: Arc<Mutex<Vec<String>>>,
}

impl Cloud {
    /// Answers a call such as `GET /instances?per_page=500` with its body.
    async fn new(answer: impl Fn(&str, &Value) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let handler: Arc<Handler> = Arc::new(answer);
        let log = Arc::clone(&sent);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&handler), Arc::clone(&log)));
            }
        });
        let mut retry = RetryPolicy::default();
        retry.tries = 2;
        retry.first_pause = Duration::from_millis(1);
        retry.longest_pause = Duration::from_millis(2);
        let config = VultrConfig::new("token")
            .endpoint(format!("http://127.0.0.1:{port}/v2"))
            .rate_limit_factor(100.0)
            .retry(retry);
        let vultr = VultrProvider::new(config).expect("legal");
        Self { vultr, sent }
    }

    fn sent(&self) -> Vec<String> {
        std::mem::take(&mut *self.sent.lock().expect("nobody panicked"))
    }
}

/// One request a connection.
async fn serve(stream: TcpStream, handler: Arc<Handler>, log: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    assert!(head.contains("authorization: Bearer token"), "{head}");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.expect("a body");
    let call = head
        .split(" HTTP/")
        .next()
        .expect("a request")
        .replacen("/v2", "", 1);
    log.lock().expect("nobody panicked").push(call.clone());
    let (status, answer) = handler(&call, &serde_json::from_slice(&body).unwrap_or_default());
    let answer = if answer.is_null() {
        String::new()
    } else {
        answer.to_string()
    };
    let text = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{answer}",
        answer.len()
    );
    stream.write_all(text.as_bytes()).await.ok();
}

fn nothing() -> Answer {
    (204, Value::Null)
}

fn refused(status: u16, words: &str) -> Answer {
    (status, json!({"error": words, "status": status}))
}

fn listing(name: &str, items: Value) -> Answer {
    (
        200,
        json!({name: items, "meta": {"total": 0, "links": {"next": "", "prev": ""}}}),
    )
}

fn id() -> InstanceId {
    InstanceId::new(ID)
}

fn spec() -> InstanceSpec {
    InstanceSpec {
        name: "web".into(),
        region: "fra".into(),
        plan: "vc2-1c-2gb".into(),
        image: BootImage::Catalog("2136".into()),
        user_data: "marked-user-data".into(),
        ssh_keys: Vec::new(),
        tags: Tags::from([("vps-docker".into(), String::new())]),
    }
}

#[tokio::test]
async fn a_create_is_sent_once_and_says_whether_it_is_clear() {
    let cloud =
        Cloud::new(|_, _| (202, json!({"instance": {"id": ID, "main_ip": "0.0.0.0"}}))).await;
    let made = cloud.vultr.create_instance(&spec()).await.expect("made");
    assert_eq!((made.id, made.address), (id(), None));
    for (answer, kind, unclear) in [
        (
            refused(400, "Invalid plan chosen."),
            ErrorKind::Invalid,
            false,
        ),
        (refused(500, "oops"), ErrorKind::Provider, true),
        ((202, json!({"instance": {}})), ErrorKind::Provider, true),
        ((202, json!("what?")), ErrorKind::Provider, true),
    ] {
        let cloud = Cloud::new(move |_, _| answer.clone()).await;
        let error = cloud.vultr.create_instance(&spec()).await.expect_err("no");
        assert_eq!(
            (error.kind(), error.is_unclear()),
            (kind, unclear),
            "{error}"
        );
        assert_eq!(cloud.sent(), ["POST /instances"]);
    }
}

#[tokio::test]
async fn all_pages_are_read_and_filtered_here() {
    let cloud = Cloud::new(|call, _| {
        let (id, next) = match call {
            "GET /instances?per_page=500" => ("1", "a+b/="),
            "GET /instances?per_page=500&cursor=a%2Bb%2F%3D" => ("2", ""),
            other => panic!("{other}"),
        };
        let ours = json!({"id": id, "tags": ["vps-docker", "x:y"]});
        let other = json!({"id": format!("other-{id}"), "tags": null});
        (
            200,
            json!({"instances": [ours, other], "meta": {"links": {"next": next}}}),
        )
    })
    .await;
    let all = cloud
        .vultr
        .list_instances(&InstanceFilter::default())
        .await
        .expect("listed");
    assert_eq!(all.len(), 4);
    let filter = InstanceFilter::tagged("x", "y");
    let ours = cloud.vultr.list_instances(&filter).await.expect("listed");
    let ids: Vec<&str> = ours.iter().map(|instance| instance.id.as_str()).collect();
    assert_eq!(ids, ["1", "2"]);
}

#[tokio::test]
async fn a_destroy_takes_its_own_firewall_along_and_no_other() {
    let cloud = Cloud::new(|call, _| match call {
        "GET /firewalls?per_page=500" => listing(
            "firewall_groups",
            json!([
                {"id": "f1", "description": "vps-docker-another"},
                {"id": "f2", "description": format!("vps-docker-{ID}")},
            ]),
        ),
        "DELETE /firewalls/f2" => nothing(),
        _ => refused(404, "Instance not found"),
    })
    .await;
    // Gone before, and still the firewall goes.
    let outcome = cloud.vultr.destroy_instance(&id()).await.expect("gone");
    assert_eq!(outcome, DestroyOutcome::Gone);
    let delete = format!("DELETE /instances/{ID}");
    assert_eq!(
        cloud.sent(),
        [
            delete.as_str(),
            "GET /firewalls?per_page=500",
            "DELETE /firewalls/f2"
        ]
    );
}

#[tokio::test]
async fn a_destroy_is_two_calls_and_waits_for_a_lock() {
    let locks = Mutex::new(3);
    let cloud = Cloud::new(move |call, _| {
        let mut locks = locks.lock().expect("nobody panicked");
        if call.starts_with("GET") {
            return refused(403, "Forbidden");
        }
        if *locks == 0 {
            return nothing();
        }
        *locks -= 1;
        let words = "Unable to destroy server: Unable to remove VM: Server is currently locked";
        refused(500, words)
    })
    .await;
    cloud
        .vultr
        .destroy_instance(&id())
        .await
        .expect("unlocked in the end");
    assert_eq!(cloud.sent().len(), 5, "three locked ones, and two");
    cloud
        .vultr
        .destroy_instance(&id())
        .await
        .expect("a key without the right to see firewalls");
    assert_eq!(cloud.sent().len(), 2);
    let nobody = InstanceId::new("../firewalls");
    cloud
        .vultr
        .destroy_instance(&nobody)
        .await
        .expect("there is none");
    assert_eq!(cloud.sent(), [""; 0]);
}

#[tokio::test]
async fn many_who_want_a_key_make_one() {
    let keys = Mutex::new(Vec::new());
    let cloud = Cloud::new(move |call, body| {
        let mut keys = keys.lock().expect("nobody panicked");
        if call.starts_with("GET") {
            return listing("ssh_keys", json!(*keys));
        }
        let key = json!({"id": format!("k{}", keys.len()), "name": body["name"], "ssh_key": body["ssh_key"]});
        keys.push(key.clone());
        (201, json!({"ssh_key": key}))
    })
    .await;
    // The first one wants another key: those that queue up behind it look once together, and what one
    // of them makes is seen by the others without another look.
    let other = KEY.replace("Hv1c", "Hv1d");
    let ensure = |n: u32| {
        let line = if n == 0 {
            other.clone()
        } else {
            format!("{KEY} comment-{n}")
        };
        let vultr = cloud.vultr.clone();
        async move { vultr.ensure_ssh_key("vps-docker", &line).await }
    };
    let ids = try_join_all((0..50).map(ensure)).await.expect("known");
    assert_eq!(ids[0].as_str(), "k0");
    assert!(ids[1..].iter().all(|id| id.as_str() == "k1"), "{ids:?}");
    let sent = cloud.sent();
    let made = sent.iter().filter(|call| *call == "POST /ssh-keys");
    assert_eq!(made.count(), 2);
    // Whoever comes while a look is under way wants one that began later.
    assert!(sent.len() <= 6, "{sent:?}");
}

#[tokio::test]
async fn a_key_whose_answer_was_lost_is_found() {
    let made = Mutex::new(false);
    let cloud = Cloud::new(move |call, _| {
        let mut made = made.lock().expect("nobody panicked");
        if call.starts_with("POST") {
            *made = true;
            return refused(500, "oops");
        }
        let keys = if *made {
            json!([{"id": "k", "ssh_key": KEY}])
        } else {
            json!([])
        };
        listing("ssh_keys", keys)
    })
    .await;
    let id = cloud
        .vultr
        .ensure_ssh_key("vps-docker", KEY)
        .await
        .expect("it is there");
    assert_eq!(id.as_str(), "k");
    let error = cloud
        .vultr
        .ensure_ssh_key("x", "ssh-ed25519 AAAA")
        .await
        .expect_err("no key");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn an_instance_is_put_behind_a_firewall_that_lets_it_be_reached() {
    #[derive(Default)]
    struct State {
        groups: Vec<Value>,
        rules: BTreeMap<u32, Value>,
        next: u32,
        behind: Option<String>,
    }
    let state = Mutex::new(State::default());
    let cloud = Cloud::new(move |call, body| {
        let mut state = state.lock().expect("nobody panicked");
        let (method, path) = call.split_once(' ').expect("a method");
        match (method, path) {
            ("GET", "/firewalls?per_page=500") => listing("firewall_groups", json!(state.groups)),
            ("POST", "/firewalls") => {
                let group =
                    json!({"id": "f", "description": body["description"], "max_rule_count": 3});
                state.groups.push(group.clone());
                (201, json!({"firewall_group": group}))
            }
            ("GET", _) if path.contains("/rules") => {
                let rules: Vec<&Value> = state.rules.values().collect();
                listing("firewall_rules", json!(rules))
            }
            ("POST", "/firewalls/f/rules") => {
                assert!(state.rules.len() < 3, "there is no room");
                state.next += 1;
                let mut rule = body.clone();
                let id = state.next;
                rule["id"] = json!(id);
                state.rules.insert(id, rule.clone());
                (201, json!({"firewall_rule": rule}))
            }
            ("DELETE", _) => {
                let id = path
                    .rsplit('/')
                    .next()
                    .expect("an id")
                    .parse()
                    .expect("a number");
                state.rules.remove(&id).expect("it is there");
                nothing()
            }
            ("PATCH", _) => {
                state.behind = body["firewall_group_id"].as_str().map(str::to_owned);
                (202, json!({}))
            }
            ("GET", _) if path.starts_with("/instances/") => (
                200,
                json!({"instance": {"id": ID, "firewall_group_id": state.behind}}),
            ),
            other => panic!("{other:?}"),
        }
    })
    .await;
    let writes = || -> Vec<String> {
        let writes = cloud
            .sent()
            .into_iter()
            .filter(|call| !call.starts_with("GET"));
        writes.collect()
    };
    let apply = async |ports: &[u16], sources: &[Cidr]| {
        let rules = FirewallRules::tcp(ports.iter().copied(), sources);
        cloud.vultr.firewall(&id(), &rules).await
    };
    let office: [Cidr; 1] = ["203.0.113.0/24".parse().expect("a range")];
    let patch = format!("PATCH /instances/{ID}");
    let rule = "POST /firewalls/f/rules";

    apply(&[22], &Cidr::WORLD).await.expect("applied");
    assert_eq!(
        writes(),
        ["POST /firewalls", rule, rule, &patch],
        "open before it is attached"
    );
    apply(&[22], &Cidr::WORLD).await.expect("applied");
    assert_eq!(writes(), [""; 0], "nothing is to be done");
    apply(&[22, 2222], &office).await.expect("applied");
    let (first, second) = ("DELETE /firewalls/f/rules/1", "DELETE /firewalls/f/rules/2");
    assert_eq!(
        writes(),
        [rule, first, rule, second],
        "an old one goes early only for room"
    );
    apply(&[], &[]).await.expect("applied");
    assert_eq!(writes().len(), 2, "nothing is let in");
    let error = apply(&[1, 2], &Cidr::WORLD)
        .await
        .expect_err("four do not fit into three");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn a_power_switch_is_followed() {
    let power = Mutex::new(("running", 0));
    let cloud = Cloud::new(move |call, _| {
        let mut power = power.lock().expect("nobody panicked");
        let instance = json!({"id": ID, "status": "active", "power_status": power.0});
        if call.starts_with("GET /instances?") {
            power.1 += 1;
            // The first listing is late.
            let listed = if power.1 == 1 {
                json!([])
            } else {
                json!([instance])
            };
            return listing("instances", listed);
        }
        if call.starts_with("GET") {
            return (200, json!({"instance": instance}));
        }
        power.0 = if call.ends_with("halt") {
            "stopped"
        } else {
            "running"
        };
        nothing()
    })
    .await;
    let get = format!("GET /instances/{ID}");
    let list = "GET /instances?per_page=500".to_owned();
    let post = |verb: &str| format!("POST /instances/{ID}/{verb}");
    cloud
        .vultr
        .power(&id(), PowerAction::On)
        .await
        .expect("it is on");
    assert_eq!(cloud.sent(), [get.as_str()]);
    cloud
        .vultr
        .power(&id(), PowerAction::Off)
        .await
        .expect("off");
    assert_eq!(
        cloud.sent(),
        [get.clone(), post("halt"), list.clone(), get.clone()]
    );
    cloud
        .vultr
        .power(&id(), PowerAction::Off)
        .await
        .expect("it is off");
    assert_eq!(cloud.sent(), [get.as_str()]);
    cloud
        .vultr
        .power(&id(), PowerAction::Reboot)
        .await
        .expect("on");
    assert_eq!(cloud.sent(), [get, post("reboot"), list]);
}

#[tokio::test]
async fn snapshots_that_are_made_at_once_are_waited_for_together() {
    let looks = Mutex::new(0);
    let cloud = Cloud::new(move |call, body| match call {
        "POST /snapshots" => {
            let name = &body["description"];
            (201, json!({"snapshot": {"id": name, "description": name, "status": "pending"}}))
        }
        _ => {
            let mut looks = looks.lock().expect("nobody panicked");
            *looks += 1;
            let status = if *looks > 1 { "complete" } else { "pending" };
            let all: Vec<Value> = (0..20)
                .map(|n| json!({"id": format!("s{n}"), "description": format!("s{n}"), "status": status, "size": 1}))
                .collect();
            listing("snapshots", json!(all))
        }
    })
    .await;
    let names: Vec<String> = (0..20).map(|n| format!("s{n}")).collect();
    let id = id();
    let made = join_all(
        names
            .iter()
            .map(|name| cloud.vultr.create_snapshot(&id, name)),
    )
    .await;
    for (made, name) in made.into_iter().zip(&names) {
        let made = made.expect("complete");
        assert_eq!(
            (made.name, made.instance_id),
            (name.clone(), Some(id.clone()))
        );
    }
    let looks = cloud
        .sent()
        .iter()
        .filter(|call| call.starts_with("GET"))
        .count();
    assert!(looks < 20, "{looks} looks for 20 snapshots");
}

#[tokio::test]
async fn a_snapshot_of_nothing_is_not_found_and_one_that_is_gone_is_deleted() {
    let cloud = Cloud::new(|call, _| match call {
        "POST /snapshots" => refused(400, "Something is wrong."),
        _ => refused(404, "Not found"),
    })
    .await;
    let error = cloud
        .vultr
        .create_snapshot(&id(), "x")
        .await
        .expect_err("nothing");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    cloud
        .vultr
        .delete_snapshot(&SnapshotId::new(ID))
        .await
        .expect("gone");
}

#[tokio::test]
async fn what_is_unknown_is_not_found_whatever_is_done_to_it() {
    let cloud = Cloud::new(|_, _| refused(400, "invalid instance ID")).await;
    for id in [ID, "", "../x"].map(InstanceId::new) {
        let vultr = &cloud.vultr;
        for outcome in [
            vultr.instance(&id).await.map(drop),
            vultr.set_tags(&id, &Tags::new()).await,
            vultr.rename_instance(&id, "x").await,
            vultr.power(&id, PowerAction::Reboot).await,
            vultr.create_snapshot(&id, "x").await.map(drop),
        ] {
            let error = outcome.expect_err("unknown");
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            assert_eq!(error.instance(), Some(&id));
            assert!(error.operation().is_some());
        }
    }
}
