//! What Hetzner can answer and its simulator does not, written down beforehand. The rest is in
//! `tests/simulator.rs`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use vps_docker_core::http::RetryPolicy;
use vps_docker_core::model::{
    BootImage, Cidr, FirewallRules, InstanceFilter, InstanceId, InstanceSpec, InstanceState,
    PowerAction, Tags,
};
use vps_docker_core::{ErrorKind, VpsClient};

use crate::{HetznerConfig, HetznerProvider};

/// A request as `METHOD path?query`, and what is answered.
type Exchange = (&'static str, u16, Value);

/// An API that answers from a script.
struct Script {
    provider: HetznerProvider,
    left: Arc<Mutex<Vec<Exchange>>>,
}

impl Script {
    async fn of(exchanges: impl IntoIterator<Item = Exchange>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let left = Arc::new(Mutex::new(exchanges.into_iter().collect::<Vec<_>>()));
        let shared = Arc::clone(&left);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(answer(connection, Arc::clone(&shared)));
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
        }
    }

    /// The script was followed to its end.
    fn finish(self) {
        let left = self.left.lock().expect("whole");
        assert!(left.is_empty(), "not asked for: {left:?}");
    }
}

/// Answers one request with the first line of the script that is for it.
async fn answer(connection: TcpStream, left: Arc<Mutex<Vec<Exchange>>>) -> std::io::Result<()> {
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
    connection.read_exact(&mut vec![0; length]).await?;
    let request = first
        .trim()
        .trim_end_matches(" HTTP/1.1")
        .replace("/v1/", "/");
    let (status, text) = {
        let mut left = left.lock().expect("whole");
        match left.iter().position(|(expected, ..)| *expected == request) {
            Some(n) => {
                let (_, status, answer) = left.remove(n);
                let empty = answer.is_null().then(String::new);
                (status, empty.unwrap_or_else(|| answer.to_string()))
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
    json!({ "server": { "id": 42, "name": "web", "status": status } })
}

/// An action, which has failed unless its status is another.
fn action(command: &str, status: &str) -> Value {
    let error = json!({ "code": "resource_unavailable", "message": "none left" });
    json!({
        "id": 7, "command": command, "status": status,
        "error": if status == "error" { error } else { Value::Null },
    })
}

fn refusal(code: &str) -> Value {
    json!({ "error": { "code": code, "message": "so it is" } })
}

fn web() -> InstanceId {
    InstanceId::new("42")
}

#[tokio::test]
async fn an_order_that_failed_at_once_is_told_as_failed() {
    let mut answer = server("initializing");
    answer["action"] = action("create_server", "error");
    let script = Script::of([("POST /servers", 201, answer)]).await;
    let spec = InstanceSpec {
        name: "web".into(),
        region: "fsn1".into(),
        plan: "cx23".into(),
        image: BootImage::Catalog("debian-13".into()),
        user_data: "#cloud-config\n".into(),
        ssh_keys: Vec::new(),
        tags: Tags::new(),
    };
    let ordered = script.provider.create_instance(&spec).await;
    let instance = ordered.expect("it is there");
    assert_eq!(instance.state, InstanceState::Failed);
    assert!(instance.note.expect("why").contains("none left"));
    script.finish();
}

#[tokio::test]
async fn what_does_not_run_is_looked_at_by_its_actions_too() {
    let failed = action("create_server", "error");
    let starting = action("start_server", "running");
    for (status, actions, state) in [
        ("initializing", json!([]), InstanceState::Provisioning),
        ("initializing", json!([failed]), InstanceState::Failed),
        ("off", json!([starting]), InstanceState::Provisioning),
        ("off", json!([]), InstanceState::Stopped),
    ] {
        let script = Script::of([
            ("GET /servers/42", 200, server(status)),
            (
                "GET /servers/42/actions?page=1&per_page=50",
                200,
                json!({ "actions": actions }),
            ),
        ])
        .await;
        let instance = script.provider.instance(&web()).await.expect("it is there");
        assert_eq!(instance.state, state, "{status} {actions}");
        script.finish();
    }
}

#[tokio::test]
async fn a_full_page_without_pagination_has_a_successor_and_what_does_not_match_is_left_out() {
    let one = |id: u32| {
        let host = if id.is_multiple_of(2) { "abc" } else { "other" };
        json!({ "id": id, "labels": { "vps-docker-host": host } })
    };
    let full: Vec<Value> = (1..=50).map(one).collect();
    let script = Script::of([
        (
            "GET /servers?label_selector=vps-docker-host%3D%3Dabc&page=1&per_page=50",
            200,
            json!({ "servers": full }),
        ),
        (
            "GET /servers?label_selector=vps-docker-host%3D%3Dabc&page=2&per_page=50",
            200,
            json!({ "servers": [one(51), one(52)], "meta": 3 }),
        ),
    ])
    .await;
    let filter = InstanceFilter::tagged("vps-docker-host", "abc");
    let listed = script.provider.list_instances(&filter).await;
    let listed = listed.expect("listed");
    assert_eq!(listed.len(), 26);
    assert!(
        listed
            .iter()
            .all(|one| one.tag("vps-docker-host") == Some("abc"))
    );
    script.finish();
}

#[tokio::test]
async fn half_a_listing_is_none() {
    for wrong in [
        json!({}),
        json!({ "servers": null }),
        json!({ "servers": [{ "id": 1 }, { "name": "x" }] }),
    ] {
        let script = Script::of([("GET /servers?page=1&per_page=50", 200, wrong)]).await;
        let filter = InstanceFilter::default();
        let listed = script.provider.list_instances(&filter).await;
        let error = listed.expect_err("no listing");
        assert_eq!(error.kind(), ErrorKind::Provider);
    }
}

#[tokio::test]
async fn an_action_that_fails_or_is_forgotten_fails_the_call() {
    let missing = || json!({ "actions": [] });
    for (answers, kind) in [
        (
            vec![json!({ "actions": [action("start_server", "error")] })],
            ErrorKind::Capacity,
        ),
        ((0..6).map(|_| missing()).collect(), ErrorKind::Provider),
    ] {
        let begun = json!({ "action": action("start_server", "running") });
        let mut exchanges = vec![
            ("GET /servers/42", 200, server("off")),
            ("POST /servers/42/actions/poweron", 201, begun),
        ];
        exchanges.extend(
            answers
                .into_iter()
                .map(|answer| ("GET /actions?id=7", 200, answer)),
        );
        let script = Script::of(exchanges).await;
        let power = script.provider.power(&web(), PowerAction::On).await;
        let error = power.expect_err("it does not run");
        assert_eq!((error.kind(), error.operation()), (kind, Some("power")));
        script.finish();
    }
}

const FIREWALLS: &str =
    "GET /firewalls?label_selector=vps-docker-server%3D%3D42&page=1&per_page=50";

fn firewall() -> Exchange {
    (
        FIREWALLS,
        200,
        json!({ "firewalls": [{ "id": 5, "applied_to": [] }] }),
    )
}

/// More often than a single call is tried.
#[tokio::test]
async fn a_firewall_that_is_in_use_still_is_waited_for() {
    let gone = ("DELETE /servers/42", 404, refusal("not_found"));
    let in_use = || ("DELETE /firewalls/5", 422, refusal("resource_in_use"));
    let mut exchanges = vec![gone, firewall()];
    exchanges.extend((0..7).map(|_| in_use()));
    exchanges.push(("DELETE /firewalls/5", 204, Value::Null));
    let script = Script::of(exchanges).await;
    let destroyed = script.provider.destroy_instance(&web()).await;
    destroyed.expect("gone");
    script.finish();
}

#[tokio::test]
async fn a_firewall_that_somebody_else_put_there_meanwhile_is_in_effect() {
    let script = Script::of([
        firewall(),
        (
            "POST /firewalls/5/actions/set_rules",
            201,
            json!({ "actions": [action("set_firewall_rules", "success")] }),
        ),
        (
            "POST /firewalls/5/actions/apply_to_resources",
            422,
            refusal("firewall_already_applied"),
        ),
    ])
    .await;
    let rules = FirewallRules::tcp([22], &Cidr::WORLD);
    let set = script.provider.firewall(&web(), &rules).await;
    set.expect("it stands there already");
    script.finish();
}
