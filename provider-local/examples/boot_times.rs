//! Measures how long a VPS takes: from the call to sshd's banner, to the end of cloud-init, to an
//! answer of the Docker engine inside. `cargo run -p provider-local --example boot_times -- [IMAGE] [RUNS]`
#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use provider_local::{LocalConfig, LocalProvider};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use vps_docker_core::VpsClient;
use vps_docker_core::model::{BootImage, InstanceSpec, PowerAction, Tags};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let image = arguments.next().unwrap_or("debian-12-docker".into());
    let runs: usize = arguments.next().map_or(Ok(5), |runs| runs.parse())?;
    let provider = LocalProvider::new(LocalConfig::default());
    let started = Instant::now();
    provider.prepare_images(|_| {}).await?;
    println!(
        "images ready after {:.1} s",
        started.elapsed().as_secs_f64()
    );
    let install = if image == "debian-12" {
        "package_update: true\npackages: [docker.io]\n"
    } else {
        ""
    };
    let mut rows = [const { Vec::new() }; 6];
    for _ in 0..runs {
        let spec = InstanceSpec {
            name: "boot-times".into(),
            region: "local".into(),
            plan: "small".into(),
            image: BootImage::Catalog(image.clone()),
            user_data: format!("#cloud-config\n{install}").into(),
            ssh_keys: Vec::new(),
            tags: Tags::new(),
        };
        let started = Instant::now();
        let instance = provider.create_instance(&spec).await?;
        rows[0].push(started.elapsed());
        let address = instance.address.ok_or("no address")?;
        let booted = Instant::now();
        let banner = async {
            let mut text = [0; 4];
            loop {
                if let Ok(mut stream) = TcpStream::connect((address, 22)).await
                    && stream.read_exact(&mut text).await.is_ok()
                {
                    return booted.elapsed();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        rows[1].push(banner.await);
        // One process each that waits inside: many short ones would slow the boot down.
        let docker = inside(
            booted,
            "curl -sf --unix-socket /run/docker.sock http://x/_ping",
        );
        let done = inside(booted, "test -e /run/cloud-init/result.json");
        let (docker, done) = tokio::join!(docker, done);
        rows[2].push(docker);
        rows[3].push(done);
        let off = Instant::now();
        provider.power(&instance.id, PowerAction::Off).await?;
        rows[4].push(off.elapsed());
        let destroy = Instant::now();
        provider.destroy_instance(&instance.id).await?;
        rows[5].push(destroy.elapsed());
    }
    let names = [
        "create_instance returns",
        "sshd's banner after that",
        "Docker answers",
        "cloud-init done",
        "power off",
        "destroy (powered off)",
    ];
    for (name, mut times) in names.into_iter().zip(rows) {
        times.sort();
        println!(
            "{name:26} median {:5.2} s ({:.2} to {:.2})",
            times[times.len() / 2].as_secs_f64(),
            times[0].as_secs_f64(),
            times[times.len() - 1].as_secs_f64()
        );
    }
    Ok(())
}

/// Until a condition holds inside the container.
async fn inside(since: Instant, condition: &str) -> Duration {
    let wait = format!("until {condition} >/dev/null 2>&1; do sleep 0.01; done");
    let waited = tokio::process::Command::new("docker")
        .args(["exec", "vps-docker-boot-times", "sh", "-c", &wait])
        .status()
        .await;
    assert!(waited.is_ok_and(|status| status.success()), "{condition}");
    since.elapsed()
}
