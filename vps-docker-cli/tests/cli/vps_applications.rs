//! The same application at each of the four clouds, with only the environment changed; their machines are
//! real VPSs of this machine.

use std::process::Command;

use serde_json::{Value, json};
use vps_docker_testkit::cloud_sim::{Backend, CloudSim};

use crate::support::User;

#[tokio::test(flavor = "multi_thread")]
async fn vps_up_and_down_at_hetzner() {
    up_and_down("hetzner").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vps_up_and_down_at_vultr() {
    up_and_down("vultr").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vps_up_and_down_at_digitalocean() {
    up_and_down("digitalocean").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vps_up_and_down_at_contabo() {
    up_and_down("contabo").await;
}

async fn up_and_down(provider: &str) {
    let sim = CloudSim::builder(provider.parse().expect("there is one"));
    let sim = sim
        .backend(Backend::local())
        .start()
        .await
        .expect("started");
    let user = User::of(provider, &sim)
        .with("VPS_DOCKER_PROVIDER", provider)
        .with("CNTB_ALLOW_ORDER", "true");
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/visits");
    let file = ["--file", manifest];
    let document = |words: &[&str]| user.document(&[words, &file].concat());

    let plan = document(&["plan"]);
    assert_eq!(plan["action"], "create");
    let place = &plan["plan"]["places"][0][0];
    assert!(place["price"].is_object(), "{place}");
    let writes = |sim: &CloudSim| {
        let requests = sim.requests().requests.into_iter();
        let writes = requests.filter(|one| one.method != "GET" && !one.path.contains("token"));
        writes
            .map(|one| format!("{} {}", one.method, one.path))
            .collect::<Vec<_>>()
    };
    assert_eq!(writes(&sim), [] as [&str; 0]);
    // Nobody is asked in a pipeline, so somebody must have said yes before.
    let (code, error) = user.fails(&[&["up"], &file[..]].concat());
    assert_eq!(code, 2, "{error}");
    assert!(
        error["error"]["message"]
            .as_str()
            .expect("text")
            .contains("--yes"),
        "{error}"
    );
    let (code, _) = user.fails(&[&["up", "--yes", "--max-hourly", "0.0001"], &file[..]].concat());
    assert_eq!(code, 5);
    assert_eq!(writes(&sim), [] as [&str; 0]);

    let up = document(&["up", "--yes"]);
    assert_eq!(up["change"], json!({"action": "created"}));
    assert_eq!(up["host"]["provider"], provider);
    let url = up["urls"][0].as_str().expect("a port is published");
    let visit = Command::new("curl")
        .args(["-sS", url])
        .output()
        .expect("curl");
    assert_eq!(String::from_utf8_lossy(&visit.stdout), "Hello, visit 1\n");
    let status = document(&["status"]);
    assert_eq!(status["healthy"], true, "{status}");
    assert_eq!(document(&["plan"])["action"], "nothing");

    let down = document(&["down", "--yes"]);
    assert_eq!(down["destroyed"], true);
    sim.settled().await;
    let left = sim.state().instances;
    match provider {
        // Paid for to the end of its term, wiped, and waiting for the next create.
        "contabo" => {
            assert_eq!(left.len(), 1);
            assert_ne!(down["paid_until"], Value::Null);
        }
        _ => assert!(left.is_empty(), "{left:?}"),
    }
    sim.assert_valid();
    sim.stop().await;
}
