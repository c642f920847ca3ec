//! The program `cloud-sim`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::hetzner::order;
use crate::support::Client;

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _it_has_ended = self.0.kill();
        let _it_has_ended = self.0.wait();
    }
}

fn start(arguments: &[&str]) -> (Program, Value) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cloud-sim"))
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let program = Program(child);
    (program, serde_json::from_str(&line).expect("JSON"))
}

#[tokio::test]
async fn the_program_says_where_it_is_and_stops_when_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let seed = dir.path().join("seed.json");
    let content = json!({"quota": 1, "foreign_instances": 3, "time_scale": 50});
    std::fs::write(&seed, content.to_string()).expect("written");
    let (mut program, greeting) = start(&[
        "--provider",
        "hetzner",
        "--backend",
        "memory",
        "--listen",
        "127.0.0.1:0",
        "--seed-file",
        seed.to_str().expect("text"),
    ]);
    let text = |key: &str| greeting[key].as_str().expect(key).to_owned();
    assert!(text("url").ends_with("/v1"));
    let client = Client::new(text("url"), text("token"));
    let listed = client.get("/servers").await;
    assert_eq!(listed.body["meta"]["pagination"]["total_entries"], 3);
    assert_eq!(client.post("/servers", order("one")).await.status, 201);
    assert_eq!(client.post("/servers", order("two")).await.status, 403);
    let origin = text("url").trim_end_matches("/v1").to_owned();
    let state = Client::new(origin, "").get("/_sim/state").await;
    assert_eq!(state.body["instances"].as_array().expect("a list").len(), 4);
    let told = Command::new("kill")
        .arg(program.0.id().to_string())
        .status();
    assert!(told.expect("kill is there").success());
    assert!(program.0.wait().expect("it ends").success());
}

#[test]
fn an_unfit_seed_file_or_provider_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let seed = dir.path().join("seed.json");
    std::fs::write(&seed, r#"{"quotas": 1}"#).expect("written");
    let seed = seed.to_str().expect("text");
    for (arguments, hint) in [
        (["--provider", "hetzner", "--seed-file", seed], "quotas"),
        (["--provider", "acme", "--listen", "127.0.0.1:0"], "hetzner"),
        (["--provider", "hetzner", "--listen", "nowhere"], "nowhere"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_cloud-sim"))
            .args(arguments)
            .output()
            .expect("started");
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(hint), "{said}");
    }
}
