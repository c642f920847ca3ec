//! How long an upload of 5,000 files (20 MB) takes and what it moves: first, unchanged, one file changed.
//!
//! ```text
//! cargo xtask bench upload
//! ```
//!
//! Into the container of a host, over the open connection. The bytes on the wire are those of the
//! VPS's network card, both ways, with all that SSH and TCP add; beside them what the transfer itself
//! counts. `tar | ssh` is the same tree through a plain pipe and a connection of its own. At the end a file
//! of 1 GB, for the memory that it takes. Figures are of one machine in one run; compare
//! medians, not single values.

use std::fs::{create_dir_all, write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use vps_docker::{DataDir, Host, HostSpec, ProviderOptions, Registry, Settings, VpsDockerProvider};

const RUNS: usize = 5;
const FILES: usize = 5000;
const SIZE: usize = 4000;

#[tokio::main]
async fn main() -> vps_docker::Result<()> {
    let data = tempfile::tempdir().expect("a directory");
    let client = Registry::linked()?.client("local", &ProviderOptions::new())?;
    let data_dir = DataDir::open(data.path().join("data"))?;
    let provider = VpsDockerProvider::new(client, data_dir, Settings::default());
    let name = format!("bench-{}", vps_docker::model::HostId::random());
    let spec = HostSpec::builder(name).build()?;
    let host = provider.create_host(spec).await?;
    let measured = measure(&host).await;
    host.destroy().await?;
    measured
}

async fn measure(host: &Host) -> vps_docker::Result<()> {
    let tree = sources();
    let total = (FILES * SIZE) as f64;
    let changed_file = tree.path().join("d7/f7");
    host.exec("true").await?;

    let mut rows: Vec<(&str, Vec<Run>)> = ["first", "unchanged", "one changed", "tar | ssh"]
        .map(|name| (name, Vec::new()))
        .into();
    for run in 0..RUNS {
        let remote = format!("/srv/upload-{run}");
        rows[0].1.push(upload(host, tree.path(), &remote).await?);
        rows[1].1.push(upload(host, tree.path(), &remote).await?);
        write(&changed_file, format!("changed in run {run}")).expect("written");
        rows[2].1.push(upload(host, tree.path(), &remote).await?);
        rows[3]
            .1
            .push(tar_over_ssh(host, tree.path(), &format!("/srv/tar-{run}")));
    }

    println!(
        "{FILES} files, {:.0} MB, median of {RUNS} (minimum to maximum)",
        total / 1e6
    );
    println!(
        "{:>12} {:>24} {:>16} {:>8} {:>16}",
        "", "seconds", "bytes on wire", "of 20 MB", "bytes counted"
    );
    for (name, runs) in rows {
        let seconds = sorted(runs.iter().map(|run| run.seconds));
        let wire = sorted(runs.iter().map(|run| run.wire as f64));
        let counted = sorted(runs.iter().map(|run| run.counted as f64));
        println!(
            "{name:>12} {:>24} {:>16.0} {:>7.2}% {:>16.0}",
            format!(
                "{:.3} ({:.3} to {:.3})",
                seconds[RUNS / 2],
                seconds[0],
                seconds[RUNS - 1]
            ),
            wire[RUNS / 2],
            100.0 * wire[RUNS / 2] / total,
            counted[RUNS / 2],
        );
    }
    large_file(host).await
}

/// What one transfer took.
struct Run {
    seconds: f64,
    wire: u64,
    counted: u64,
}

async fn upload(host: &Host, tree: &Path, remote: &str) -> vps_docker::Result<Run> {
    let (before, began) = (bytes_on_the_wire(host), Instant::now());
    let transfer = host.upload(tree, remote).await?;
    Ok(Run {
        seconds: began.elapsed().as_secs_f64(),
        wire: bytes_on_the_wire(host) - before,
        counted: transfer.sent + transfer.received,
    })
}

fn tar_over_ssh(host: &Host, tree: &Path, remote: &str) -> Run {
    let ssh = vps_docker::ssh::join(host.ssh_endpoint().command());
    let there =
        vps_docker::ssh::quote(&format!("mkdir {remote} && tar -x -C {remote}")).into_owned();
    let (before, began) = (bytes_on_the_wire(host), Instant::now());
    let line = format!("tar -C \"$1\" -c . | {ssh} {there}");
    let status = Command::new("sh")
        .args(["-c", &line, "tar"])
        .arg(tree)
        .status();
    assert!(status.expect("a shell").success(), "{line}");
    Run {
        seconds: began.elapsed().as_secs_f64(),
        wire: bytes_on_the_wire(host) - before,
        counted: 0,
    }
}

/// 1 GB that does not compress away to nothing, and the most memory that this program has had.
async fn large_file(host: &Host) -> vps_docker::Result<()> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let block = block(1, 1_000_000);
    for _ in 0..1000 {
        std::io::Write::write_all(&mut file.as_file(), &block).expect("written");
    }
    let (before, began) = (peak_memory(), Instant::now());
    host.upload(file.path(), "/srv/large").await?;
    let took = began.elapsed().as_secs_f64();
    println!(
        "\n1 GB in one file: {took:.1} s; peak memory of this program {before:.0} MB before, {:.0} MB after",
        peak_memory()
    );
    Ok(())
}

fn sources() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a directory");
    for file in 0..FILES {
        let directory = root.path().join(format!("d{}", file / 100));
        create_dir_all(&directory).expect("made");
        write(
            directory.join(format!("f{}", file % 100)),
            block(file, SIZE),
        )
        .expect("written");
    }
    root
}

/// Text that compresses to about half, as sources do not quite.
fn block(seed: usize, size: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let mut content = Vec::with_capacity(size + 9);
    while content.len() < size {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        content.extend(format!("{:08x} ", state >> 32).bytes());
    }
    content.truncate(size);
    content
}

/// As the VPS's network card counts it, read past every SSH.
fn bytes_on_the_wire(host: &Host) -> u64 {
    let container = format!("vps-docker-{}", host.info().name);
    let counters = "cd /sys/class/net/eth0/statistics && cat rx_bytes tx_bytes";
    let output = Command::new("docker")
        .args(["exec", &container, "sh", "-c", counters])
        .output()
        .expect("a docker program");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .filter_map(|line| line.parse::<u64>().ok())
        .sum()
}

/// In MB.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) / 1e3
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}
