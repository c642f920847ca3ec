//! How long a snapshot and its restore take, and for how long the container stands still.
//!
//! ```text
//! cargo xtask bench snapshot
//! ```
//!
//! The data volume holds 1,000 files of 100 kB that do not compress; in the second half of the runs a
//! process in the container writes all the time. The pause is measured twice: by the script on the VPS,
//! around `docker pause` and `docker unpause`, and inside the container, as the longest gap between
//! two looks at the clock. Figures are of one machine in one run; compare medians, not single
//! values.

use std::time::{Duration, Instant};

use vps_docker::model::SnapshotName;
use vps_docker::{DataDir, Host, HostSpec, ProviderOptions, Registry, Settings, VpsDockerProvider};

const RUNS: usize = 7;
const FILES: &str = "mkdir -p /vps-docker/files && cd /vps-docker/files && \
                     for n in $(seq 1000); do head -c 100000 /dev/urandom > $n; done";
/// Rewrites one file after another, some 10 a second.
const WRITER: &str = "setsid sh -c 'cd /vps-docker/files; while :; do for n in $(seq 1000); do \
                      head -c 100000 /dev/urandom > $n; sleep 0.1; done; done' \
                      >/dev/null 2>&1 </dev/null &";
/// Looks at the clock every 5 ms and keeps the longest gap, in milliseconds, until a file says stop.
const CLOCK: &str = "rm -f /root/stop; last=$(date +%s%N); longest=0; \
                     while [ ! -e /root/stop ]; do sleep 0.005; now=$(date +%s%N); \
                     gap=$(((now - last) / 1000000)); [ $gap -le $longest ] || longest=$gap; \
                     last=$now; done; echo $longest";

#[tokio::main]
async fn main() -> vps_docker::Result<()> {
    let data = tempfile::tempdir().expect("a directory");
    let client = Registry::linked()?.client("local", &ProviderOptions::new())?;
    let data_dir = DataDir::open(data.path().join("data"))?;
    let provider = VpsDockerProvider::new(client, data_dir, Settings::default());
    let name = format!("bench-{}", vps_docker::model::HostId::random());
    let mut host = provider
        .create_host(HostSpec::builder(name).build()?)
        .await?;
    let measured = measure(&mut host).await;
    host.destroy().await?;
    measured
}

async fn measure(host: &mut Host) -> vps_docker::Result<()> {
    host.exec(FILES).await?;
    println!("1,000 files, 100 MB, {RUNS} runs each, median (minimum to maximum)");
    for (what, writer) in [("at rest", None), ("written to", Some(WRITER))] {
        let mut times = Times::default();
        for _ in 0..RUNS {
            if let Some(writer) = writer {
                // It ends with the container that a restore replaces.
                host.exec(writer).await?;
            }
            times.take(host).await?;
        }
        println!("\n{what}");
        println!("{}", line("snapshot", "s", times.snapshot));
        println!("{}", line("pause, as the VPS says", "ms", times.told));
        println!("{}", line("gap seen inside", "ms", times.seen));
        println!("{}", line("restore", "s", times.restore));
    }
    Ok(())
}

#[derive(Default)]
struct Times {
    snapshot: Vec<f64>,
    told: Vec<f64>,
    seen: Vec<f64>,
    restore: Vec<f64>,
}

impl Times {
    async fn take(&mut self, host: &mut Host) -> vps_docker::Result<()> {
        let name = SnapshotName::new("bench")?;
        let clock = host.exec(CLOCK);
        let snapshot = async {
            // The clock runs by then.
            host.exec("sleep 0.2").await?;
            let began = Instant::now();
            let taken = host.snapshot(&name).await;
            let took = began.elapsed();
            host.exec("touch /root/stop").await?;
            taken.map(|taken| (taken, took))
        };
        let (gap, (taken, took)) = tokio::try_join!(clock, snapshot)?;
        self.snapshot.push(seconds(took));
        self.told.push(taken.paused_ms as f64);
        self.seen
            .push(gap.stdout.trim().parse().unwrap_or(f64::NAN));
        let began = Instant::now();
        host.restore(&taken.id).await?;
        self.restore.push(seconds(began.elapsed()));
        host.delete_snapshot(&taken.id).await
    }
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn line(name: &str, unit: &str, mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let (least, most) = (values[0], values[values.len() - 1]);
    let median = values[values.len() / 2];
    format!("{name:>24} {median:>8.2} {unit} ({least:.2} to {most:.2})")
}
