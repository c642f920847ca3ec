//! How long discovery takes on 32 hosts, one of which is frozen.
//!
//! ```text
//! cargo xtask bench hosts
//! ```
//!
//! Thirty-one hosts stand on three VPSs, each with an sshd and a record of its own (32 VPSs would measure
//! the boots); the one that is frozen has a VPS to itself. So the VPSs' work is real, but their
//! processors are this machine's as well: figures are of one machine in one run.

use std::sync::Arc;
use std::time::Instant;

use vps_docker::{
    DataDir, Host, HostSpec, HostState, ProviderOptions, Registry, Result, Settings, VpsClient,
    VpsDockerProvider,
};

#[path = "../tests/e2e/crowd.rs"]
mod crowd;

use crowd::Crowd;

const RUNS: usize = 5;
const ON_EACH: [u16; 3] = [11, 10, 10];

#[tokio::main]
async fn main() -> Result<()> {
    let data = tempfile::tempdir().expect("a directory");
    let client = Registry::linked()?.client("local", &ProviderOptions::new())?;
    let data_dir = DataDir::open(data.path().join("data"))?;
    let settings = Settings::default();
    let maker = VpsDockerProvider::new(client.clone(), data_dir.clone(), settings.clone());
    let mut hosts = Vec::new();
    for _ in 0..=ON_EACH.len() {
        let name = format!("bench-{}", vps_docker::model::HostId::random());
        hosts.push(maker.create_host(HostSpec::builder(name).build()?).await?);
    }
    let measured = measure(&client, &data_dir, settings, &hosts).await;
    for host in hosts {
        host.destroy().await?;
    }
    measured
}

async fn measure(
    client: &Arc<dyn VpsClient>,
    data_dir: &DataDir,
    settings: Settings,
    hosts: &[Host],
) -> Result<()> {
    let (frozen, stand) = hosts.split_last().expect("one is frozen");
    let mut crowd = Crowd::new(Arc::clone(client));
    for (host, count) in stand.iter().zip(ON_EACH) {
        crowd.settle(data_dir, host, count).await?;
    }
    crowd.add(client.instance(&frozen.info().instance_id).await?);
    let all = VpsDockerProvider::new(Arc::new(crowd), data_dir.clone(), settings);
    let vps = format!("vps-docker-{}", frozen.info().name);
    docker("pause", &vps);
    let mut columns = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        let times = listing(&all).await?;
        let ends = [times[0], times[times.len() - 2], times[times.len() - 1]];
        for (column, time) in columns.iter_mut().zip(ends) {
            column.push(time);
        }
    }
    docker("unpause", &vps);
    println!("discovery of 32 hosts, {RUNS} runs, in seconds: median (least to most)");
    let names = [
        "the first is listed",
        "the 31st is listed",
        "the frozen one is listed",
    ];
    for (name, mut times) in names.iter().zip(columns) {
        times.sort_by(f64::total_cmp);
        let (least, most) = (times[0], times[times.len() - 1]);
        let median = times[times.len() / 2];
        println!("{name:>25} {median:>6.2} ({least:.2} to {most:.2})");
    }
    Ok(())
}

/// When each host was listed, in that order. Only the last one, the frozen one, is not running.
async fn listing(provider: &VpsDockerProvider) -> Result<Vec<f64>> {
    let began = Instant::now();
    let mut listing = provider.hosts().await?;
    let mut times = Vec::new();
    while let Some(host) = listing.next_host().await {
        times.push(began.elapsed().as_secs_f64());
        let expected = match times.len() {
            32 => HostState::Unreachable,
            _ => HostState::Running,
        };
        assert_eq!(host.state, expected, "{:?}", host.problem);
    }
    assert_eq!(times.len(), 32);
    Ok(times)
}

fn docker(verb: &str, container: &str) {
    let done = std::process::Command::new("docker")
        .args([verb, container])
        .output()
        .expect("a docker program");
    assert!(done.status.success(), "docker {verb}: {done:?}");
}
