//! How long an image takes to a VPS without a registry, and how many bytes: at first, unchanged, top changed.
//!
//! ```text
//! cargo xtask bench ship
//! ```
//!
//! The image is a whole Debian with a layer of 1 MB upon it that cannot be compressed. Its changed
//! top layer is what a one-line change of a program costs. "Wire" is what goes into the SSH
//! connection, "docker save" what an engine needs to make the archive, which is part of every
//! shipment that sends something. Figures are of one machine in one run; compare medians.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use vps_docker::docker::{DockerOverSsh, LocalEngine, Shipped};
use vps_docker::model::{HostId, ImageReference};
use vps_docker::{
    DataDir, HostSpec, ProviderOptions, Registry, Result, Settings, VpsDockerProvider,
};

const RUNS: usize = 5;
const TOP: usize = 1_000_000;
const STEPS: [&str; 3] = ["first ship", "unchanged", "1 MB top changed"];
/// Not upon the default image itself, which every host has.
const DOCKERFILE: &str = "FROM debian:bookworm-slim AS debian\n\
    FROM scratch\nCOPY --from=debian / /\nCOPY top /top\n";

#[tokio::main]
async fn main() -> Result<()> {
    let data = tempfile::tempdir().expect("a directory");
    let client = Registry::linked()?.client("local", &ProviderOptions::new())?;
    let data_dir = DataDir::open(data.path().join("data"))?;
    let provider = VpsDockerProvider::new(client, data_dir, Settings::default());
    let id = HostId::random();
    let host = provider
        .create_host(HostSpec::builder(format!("bench-{id}")).build()?)
        .await?;
    let image = Image(format!("vps-docker-bench:{id}"));
    let vps = host.docker().await?;
    let measured = measure(&vps, &image).await;
    host.destroy().await?;
    let (steps, saves) = measured?;

    println!("ship, {RUNS} runs: medians (minimum to maximum)");
    println!(
        "{:>18} {:>8} {:>26} {:>26}",
        "", "layers", "seconds", "wire, MB"
    );
    for (name, runs) in STEPS.iter().zip(steps) {
        let shipped = runs[0].1;
        let seconds = spread(runs.iter().map(|run| run.0).collect());
        let wire = runs.iter().map(|run| run.1.bytes_on_the_wire as f64 / 1e6);
        println!(
            "{name:>18} {:>8} {seconds:>26} {:>26}",
            format!("{} of {}", shipped.layers_sent, shipped.layers),
            spread(wire.collect()),
        );
    }
    println!("{:>18} {:>8} {:>26}", "docker save", "", spread(saves));
    Ok(())
}

/// Seconds and what was moved.
type Run = (f64, Shipped);

async fn measure(vps: &DockerOverSsh, image: &Image) -> Result<([Vec<Run>; 3], Vec<f64>)> {
    let mut steps = [const { Vec::new() }; 3];
    let mut saves = Vec::new();
    for _ in 0..RUNS {
        image.build();
        steps[0].push(ship(vps, image).await?);
        steps[1].push(ship(vps, image).await?);
        image.build();
        steps[2].push(ship(vps, image).await?);
        saves.push(save(image));
        let gone = vps.run([
            "image",
            "ls",
            "--all",
            "--quiet",
            "--filter=label=vps-docker-bench",
        ]);
        let gone = gone.await?;
        let remove = ["image", "rm", "--force"];
        vps.run(remove.into_iter().chain(gone.split_whitespace()))
            .await?;
    }
    Ok((steps, saves))
}

async fn ship(vps: &DockerOverSsh, image: &Image) -> Result<Run> {
    let reference = ImageReference::new(image.0.as_str())?;
    let began = Instant::now();
    let shipped = vps
        .ship_image(&LocalEngine::default(), &reference, &|_| ())
        .await?;
    Ok((began.elapsed().as_secs_f64(), shipped))
}

/// How long this side's engine takes to make the archive alone.
fn save(image: &Image) -> f64 {
    let began = Instant::now();
    let mut save = Command::new("docker");
    save.args(["save", &image.0]).stdout(Stdio::null());
    assert!(save.status().expect("a docker program").success());
    began.elapsed().as_secs_f64()
}

/// An image on this side's engine, removed at the end.
struct Image(String);

impl Image {
    /// With another top layer every time.
    fn build(&self) {
        let context = tempfile::tempdir().expect("a directory");
        let mut top = vec![0; TOP];
        let mut noise = std::fs::File::open("/dev/urandom").expect("there");
        noise.read_exact(&mut top).expect("endless");
        write(&context.path().join("top"), &top);
        write(&context.path().join("Dockerfile"), DOCKERFILE.as_bytes());
        let path = context.path().display().to_string();
        docker(&["build", "--label=vps-docker-bench", "--tag", &self.0, &path]);
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let built = docker(&[
            "image",
            "ls",
            "--all",
            "--quiet",
            "--filter=label=vps-docker-bench",
        ]);
        let mut remove = vec!["image", "rm", "--force"];
        remove.extend(built.split_whitespace());
        docker(&remove);
    }
}

fn write(path: &Path, content: &[u8]) {
    std::fs::write(path, content).expect("written");
}

/// Runs the `docker` program on this side.
fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output();
    let output = output.expect("a docker program");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {args:?}: {complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    format!(
        "{:.2} ({:.2} to {:.2})",
        values[values.len() / 2],
        values[0],
        values[values.len() - 1]
    )
}
