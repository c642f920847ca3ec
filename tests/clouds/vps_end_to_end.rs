//! `cloud-sim --backend local` and `create_host`, as a user would run them: the provider's wire protocol on one
//! side, a real VPS on the other. All four are in the command line's `vps_applications.rs`.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use vps_docker_testkit::cloud_sim::{Backend, CloudSim, Fault, FaultKind, Op};

use crate::clouds::built;

#[tokio::test(flavor = "multi_thread")]
async fn a_host_comes_and_goes_at_hetzner() {
    a_host_comes_and_goes("hetzner", &["HCLOUD_TOKEN"], "HCLOUD_ENDPOINT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_comes_and_goes_at_contabo() {
    let variables = &[
        "CNTB_OAUTH2_CLIENT_ID",
        "CNTB_OAUTH2_CLIENT_SECRET",
        "CNTB_OAUTH2_USER",
        "CNTB_OAUTH2_PASS",
        "CNTB_OAUTH2_TOKEN_URL",
    ];
    a_host_comes_and_goes("contabo", variables, "CNTB_API").await;
}

async fn a_host_comes_and_goes(provider: &str, credentials: &[&str], endpoint: &str) {
    let sim = Sim::start(provider).await;
    let data = tempfile::tempdir().expect("a directory");
    let mut create = Command::new(built("examples/create_host"));
    create
        .args(["--provider", provider, "--name", "cloudy", "--json"])
        .arg("--data-dir")
        .arg(data.path().join("data"))
        .env(endpoint, sim.told("url"))
        .kill_on_drop(true);
    let keys: &[&str] = match credentials {
        [_] => &["token"],
        _ => &[
            "client_id",
            "client_secret",
            "user",
            "password",
            "token_url",
        ],
    };
    for (variable, key) in credentials.iter().zip(keys) {
        create.env(variable, sim.told(key));
    }
    if provider == "contabo" {
        // A contract is not ordered without consent, and nothing is sent.
        let refused = create.output().await.expect("run");
        assert_eq!(refused.status.code(), Some(5), "{refused:?}");
        create.arg("--allow-order");
    }
    let output = create.output().await.expect("run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for proof in [
        "the container runs",
        "the data volume",
        "each door",
        "destroyed cloudy",
    ] {
        assert!(said.contains(proof), "{said}");
    }
    let host: Value = serde_json::from_slice(&output.stdout).expect("one document");
    assert_eq!(host["provider"], provider);

    // What is on its way out is not left.
    let mut state = sim.get("state").await;
    let deadline = Instant::now() + Duration::from_secs(60);
    let leaves = |state: &Value| {
        let states = state["instances"].as_array().into_iter().flatten();
        states.into_iter().any(|one| one["state"] == "deleting")
    };
    while leaves(&state) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
        state = sim.get("state").await;
    }
    let left = state["instances"].as_array().expect("a list");
    if provider == "contabo" {
        // Paid for to the end of its term, wiped, and waiting for the next create.
        assert_eq!(left.len(), 1, "{state}");
        let name = left[0]["name"].as_str().expect("a name");
        assert!(name.contains("released"), "{name}");
        assert!(said.contains("paid for until"), "{said}");
    } else {
        assert!(left.is_empty(), "{state}");
    }
    let requests = sim.get("requests").await;
    assert_eq!(requests["invalid"], 0, "{}", requests["faulty"]);
    assert_eq!(requests["bad_responses"], 0, "{}", requests["faulty"]);
    sim.stop().await;
}

/// The simulator as a program.
struct Sim {
    child: Child,
    greeting: Value,
}

impl Sim {
    async fn start(provider: &str) -> Self {
        let mut child = Command::new(built("cloud-sim"))
            .args(["--provider", provider, "--backend", "local"])
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it is built with the tests");
        let stdout = child.stdout.take().expect("piped");
        let line = BufReader::new(stdout).lines().next_line().await;
        let line = line.expect("readable").expect("a first line");
        let greeting = serde_json::from_str(&line).expect("JSON");
        Self { child, greeting }
    }

    fn told(&self, key: &str) -> &str {
        self.greeting[key].as_str().expect(key)
    }

    /// What `_sim/…` says.
    async fn get(&self, what: &str) -> Value {
        let url = self.told("url");
        let origin = url.split('/').take(3).collect::<Vec<_>>().join("/");
        let api = vps_docker::http::ApiClient::builder("sim", origin).build();
        let api = api.expect("fit");
        api.get("look", ["_sim", what]).json().await.expect("told")
    }

    /// In order, so that it removes its machines.
    async fn stop(mut self) {
        self.terminate();
        let status = self.child.wait().await.expect("ended");
        assert!(status.success(), "{status}");
    }

    fn terminate(&self) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

impl Drop for Sim {
    /// Its machines go also when the test fails.
    fn drop(&mut self) {
        self.terminate();
        let deadline = Instant::now() + Duration::from_secs(60);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The provider hands out another machine than the one that was ordered, or somebody is in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_another_host_key_is_refused_and_removed() {
    let sim = CloudSim::builder("hetzner".parse().expect("there is one"))
        .backend(Backend::local())
        .start()
        .await
        .expect("started");
    sim.faults([Fault::new(Op::CreateInstance, FaultKind::WrongHostKey)]);
    let data = tempfile::tempdir().expect("a directory");
    let output = Command::new(built("examples/create_host"))
        .args(["--provider", "hetzner", "--name", "impostor"])
        .arg("--data-dir")
        .arg(data.path().join("data"))
        .env("HCLOUD_TOKEN", sim.token())
        .env("HCLOUD_ENDPOINT", sim.url())
        .output()
        .await
        .expect("run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(8), "{said}");
    assert_eq!(said.matches("SHA256:").count(), 2, "{said}");
    sim.settled().await;
    assert!(sim.state().instances.is_empty());
    sim.assert_valid();
    sim.stop().await;
}
