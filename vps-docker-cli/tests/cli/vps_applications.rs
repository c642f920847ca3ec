//! The same application at each of the four clouds, with only the environment changed; their machines are
//! real VPSs of this machine.

use std::fs;
use std::path::{Path, PathBuf};
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

/// What the example says, and a secret and a hook besides.
fn project(user: &User) -> PathBuf {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/visits");
    let project = user.home().join("project");
    let copied = Command::new("cp")
        .arg("-r")
        .args([Path::new(example), &project])
        .status();
    assert!(copied.expect("cp").success());
    let manifest = project.join("vps-docker.toml");
    let text = fs::read_to_string(&manifest).expect("there");
    let more = "[secrets]\nKEY = { command = [\"printf\", \"s3cret\"] }\n\
                [hook]\ncommand = [\"sh\", \"-c\", \"env | sort > ../told; echo registered\"]\n";
    fs::write(&manifest, format!("{text}\n{more}")).expect("written");
    project
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
    let project = project(&user);
    let file = ["--file", project.to_str().expect("text")];
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
    let (code, error) =
        user.fails(&[&["up", "--yes", "--max-hourly", "0.0001"], &file[..]].concat());
    assert_eq!(code, 5, "{error}");
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

    // Its control plane, who called `up` and the application itself have the same token.
    let token = up["token"].as_str().expect("there is a hook");
    let told = fs::read_to_string(user.home().join("told")).expect("the hook was called");
    for line in [
        "VPS_DOCKER_APPLICATION=visits".to_owned(),
        format!("VPS_DOCKER_URL={url}"),
        format!("HOOK_TOKEN={token}"),
    ] {
        assert!(told.lines().any(|one| one == line), "{line}: {told}");
    }
    let show = ["exec", "visits", "--", "sh", "-c", "echo $KEY $HOOK_TOKEN"];
    assert_eq!(user.says(&show).out, format!("s3cret {token}\n"));

    let status = document(&["status"]);
    assert_eq!(status["healthy"], true, "{status}");
    assert_eq!(document(&["plan"])["action"], "nothing");
    let again = document(&["up", "--yes"]);
    assert_eq!(again["change"], json!({"action": "nothing"}));
    assert_eq!(again["token"], token);
    // Settings alone are changed, and what was stopped is up again.
    user.document(&["stop", "visits"]);
    let open = document(&["up", "--yes", "--allow-from", "0.0.0.0/0"]);
    assert_eq!(open["change"]["changes"]["settings"], json!(["exposure"]));
    assert_eq!(document(&["status"])["healthy"], true);
    let plan = document(&["plan", "--plan", "none-such"]);
    assert_eq!(plan["changes"]["vps"], json!(["plan"]));

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
