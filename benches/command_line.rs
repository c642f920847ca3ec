//! The program itself: its size, its start, and `ls` on a hundred hosts of each cloud.

#[path = "../tests/clouds/clouds.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod clouds;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use vps_docker::keys::KeyPair;
use vps_docker::model::{BootImage, HostId, HostName, HostTags, InstanceSpec, OwnerId};
use vps_docker::{Result, VpsClient, VpsClientExt};
use vps_docker_testkit::cloud_sim::{CloudSim, Provider};

const HOSTS: usize = 100;
/// How often each thing is done; the middle one is told.
const TIMES: usize = 21;
/// Minutes of the provider's pass in moments, and so do the pauses of its rate limit.
const TIME_SCALE: f64 = 1000.0;

#[tokio::main]
async fn main() -> Result<()> {
    let program = built();
    let size = std::fs::metadata(&program).expect("it was built").len();
    println!("size of the program: {:.1} MB", size as f64 / 1e6);
    for words in [&["--help"][..], &["ls", "--help"], &["completions", "bash"]] {
        let time = middle(TIMES, || run(Command::new(&program).args(words)));
        println!("start, {:24}{:>8.1} ms", words.join(" "), ms(time));
    }
    println!("\n{HOSTS} hosts that do not answer, in ms:");
    println!(
        "{:14}{:>10}{:>12}{:>10}{:>10}",
        "", "ls", "first ls", "the API", "calls"
    );
    for &provider in Provider::ALL {
        ls(provider, &program).await?;
    }
    Ok(())
}

/// The release build of the program.
fn built() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--quiet", "-p", "vps-docker-cli"]);
    assert!(cargo.status().expect("cargo starts").success());
    let bench = std::env::current_exe().expect("a path");
    let profile = bench.ancestors().nth(2).expect("target/release/deps");
    profile.join("vps-docker")
}

async fn ls(provider: Provider, program: &Path) -> Result<()> {
    let sim = CloudSim::builder(provider)
        .time_scale(TIME_SCALE)
        .validate_responses(false)
        .start()
        .await?;
    let client = clouds::client_at(provider, &sim, TIME_SCALE);
    make(&client).await?;
    sim.settled().await;
    let began = Instant::now();
    let listed = client.marked_instances().await?;
    let api = began.elapsed();
    assert_eq!(listed.len(), HOSTS, "{}", provider.name());

    let home = tempfile::tempdir().expect("a directory");
    let command = || {
        let mut command = Command::new(program);
        command
            .args(["ls", "--json", "-p", provider.name()])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("VPS_DOCKER_DATA_DIR", home.path().join("data"))
            .envs(variables(provider, &sim));
        command
    };
    let before = sim.requests().total;
    let first = middle(1, || run(&mut command()));
    let calls = sim.requests().total - before;
    let output = command().output().expect("it starts");
    let hosts: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(hosts.len(), HOSTS);
    let time = middle(5, || run(&mut command()));
    println!(
        "{:14}{:>10.0}{:>12.0}{:>10.0}{calls:>10}",
        provider.name(),
        ms(time),
        ms(first),
        ms(api)
    );
    Ok(())
}

/// Instances with the tags of hosts that are ready.
async fn make(client: &Arc<dyn VpsClient>) -> Result<()> {
    let catalog = client.catalog().await?;
    let offer = catalog.offers(None, None)?[0];
    let owner = OwnerId::random();
    let one = async |number: usize| {
        let name = HostName::new(format!("host-{number}"))?;
        let hour = Duration::from_secs(3600);
        let tags = HostTags {
            expires: None,
            pin: Some(KeyPair::generate("bench")?.public().pin()),
            ..HostTags::unfinished(HostId::random(), name, owner.clone(), hour)
        };
        let spec = InstanceSpec {
            name: tags.name.to_string(),
            region: offer.region.id.clone(),
            plan: offer.plan.id.clone(),
            image: BootImage::Catalog(catalog.images[0].id.clone()),
            user_data: "#cloud-config\n".into(),
            ssh_keys: Vec::new(),
            tags: tags.to_tags(),
        };
        client.create_instance(&spec).await
    };
    let made = stream::iter(0..HOSTS).map(one).buffer_unordered(20);
    made.try_collect::<Vec<_>>().await.map(drop)
}

/// By which the program finds the account.
fn variables(provider: Provider, sim: &CloudSim) -> Vec<(&'static str, String)> {
    let credentials = sim.credentials();
    let token = credentials.token.clone();
    match provider.name() {
        "hetzner" => vec![("HCLOUD_TOKEN", token), ("HCLOUD_ENDPOINT", sim.url())],
        "vultr" => vec![("VULTR_API_KEY", token), ("VULTR_API_URL", sim.url())],
        "digitalocean" => vec![
            ("DIGITALOCEAN_ACCESS_TOKEN", token),
            ("DIGITALOCEAN_API_URL", sim.url()),
        ],
        _ => {
            let greeting = sim.greeting();
            let token_url = greeting["token_url"].as_str().expect("it has one");
            vec![
                ("CNTB_API", sim.url()),
                ("CNTB_OAUTH2_TOKEN_URL", token_url.to_owned()),
                ("CNTB_OAUTH2_CLIENT_ID", credentials.client_id.clone()),
                (
                    "CNTB_OAUTH2_CLIENT_SECRET",
                    credentials.client_secret.clone(),
                ),
                ("CNTB_OAUTH2_USER", credentials.user.clone()),
                ("CNTB_OAUTH2_PASS", credentials.password.clone()),
            ]
        }
    }
}

fn run(command: &mut Command) {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
    assert!(quiet.status().expect("it starts").success());
}

fn middle(times: usize, mut what: impl FnMut()) -> Duration {
    let mut took: Vec<Duration> = (0..times)
        .map(|_| {
            let began = Instant::now();
            what();
            began.elapsed()
        })
        .collect();
    took.sort();
    took[times / 2]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
