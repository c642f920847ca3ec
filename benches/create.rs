//! How long a create takes on the golden image, and whose time that is; how long a warm `exec`.
//!
//! ```text
//! cargo xtask bench create
//! ```
//!
//! A create's time is split by its phases. The VPS's own share is what no engine can do without:
//! the order until sshd answers, the image on its way, the installation of sshd inside. The rest is
//! ours: planning, keys, connections, waiting for Docker, container, record. Figures are of
//! one machine in one run; compare medians, not single values.

use std::time::{Duration, Instant};

use vps_docker::{
    DataDir, Host, HostSpec, Phase, ProviderOptions, Registry, Settings, VpsDockerProvider,
};

const RUNS: usize = 5;
const EXECS: usize = 200;

#[tokio::main]
async fn main() -> vps_docker::Result<()> {
    let data = tempfile::tempdir().expect("a directory");
    let client = Registry::linked()?.client("local", &ProviderOptions::new())?;
    let data_dir = DataDir::open(data.path().join("data"))?;
    let provider = VpsDockerProvider::new(client, data_dir, Settings::default());

    println!("create, golden image, {RUNS} runs, in seconds");
    println!("{:>6} {:>8} {:>8} {:>8}", "run", "total", "VPS's", "ours");
    let mut shares = Vec::new();
    let mut execs = Vec::new();
    let mut phases: Vec<Vec<f64>> = vec![Vec::new(); Phase::ALL.len()];
    for run in 1..=RUNS {
        let began = Instant::now();
        let name = format!("bench-{}", vps_docker::model::HostId::random());
        let host = provider
            .create_host(HostSpec::builder(name).build()?)
            .await?;
        let total = began.elapsed().as_secs_f64();
        let own = vps_share(&host);
        println!("{run:>6} {total:>8.2} {own:>8.2} {:>8.2}", total - own);
        shares.push((total, own, total - own));
        for (column, phase) in phases.iter_mut().zip(host.phases()) {
            column.push(phase.seconds);
        }
        if run == RUNS {
            execs = warm_execs(&host).await?;
        }
        host.destroy().await?;
    }
    let column = |pick: fn(&(f64, f64, f64)) -> f64| median(shares.iter().map(pick).collect());
    println!(
        "{:>6} {:>8.2} {:>8.2} {:>8.2}\n",
        "median",
        column(|run| run.0),
        column(|run| run.1),
        column(|run| run.2)
    );
    println!("phases, median of {RUNS} (minimum to maximum), in seconds");
    for (phase, times) in Phase::ALL.iter().zip(phases) {
        println!("{}", line(phase.name(), times));
    }
    println!("\nwarm exec(\"true\") in the container, {EXECS} one after another, in milliseconds");
    println!("{}", line("exec", execs));
    Ok(())
}

/// From the order until sshd answers, the image's way, and the packages installed inside.
fn vps_share(host: &Host) -> f64 {
    let own = [Phase::Order, Phase::Boot, Phase::Image, Phase::Sshd];
    host.phases()
        .iter()
        .filter(|phase| own.contains(&phase.name))
        .map(|phase| phase.seconds)
        .sum()
}

async fn warm_execs(host: &Host) -> vps_docker::Result<Vec<f64>> {
    host.exec("true").await?;
    let mut times = Vec::with_capacity(EXECS);
    for _ in 0..EXECS {
        let began = Instant::now();
        host.exec("true").await?;
        times.push(milliseconds(began.elapsed()));
    }
    Ok(times)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn line(name: &str, times: Vec<f64>) -> String {
    let least = times.iter().copied().fold(f64::INFINITY, f64::min);
    let most = times.iter().copied().fold(0.0, f64::max);
    format!(
        "{name:>10} {:>8.2} ({least:.2} to {most:.2})",
        median(times)
    )
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
