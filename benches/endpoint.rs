//! How long calls take on a warm host: through the Docker endpoints, and as commands.
//!
//! ```text
//! cargo xtask bench endpoint
//! ```
//!
//! The docker CLI's own way to a VPS, `docker -H ssh://`, stands beside ours, the forwarded socket and the one over mutual TLS,
//! with the same key and pin; and the bare API beside the CLI, which takes time to start. How many times faster ours are
//! is to be ten at least.

use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::Command;
use vps_docker::model::TlsEndpointOptions;
use vps_docker::ssh::TerminalSize;
use vps_docker::{DataDir, Host, HostSpec, ProviderOptions, Registry, Settings, VpsDockerProvider};

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

    println!("milliseconds, median (minimum to maximum), one after another");
    docker(&mut host).await?;
    commands(&host).await?;
    host.destroy().await?;
    Ok(())
}

async fn docker(host: &mut Host) -> vps_docker::Result<()> {
    let socket = host.docker_socket(None).await?;
    let path = socket.path();
    measure(
        "GET /containers/json through the socket, new connections",
        200,
        async || {
            let mut stream = UnixStream::connect(path).await.expect("listens");
            let request = b"GET /containers/json HTTP/1.0\r\n\r\n";
            stream.write_all(request).await.expect("sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("answered");
            assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
        },
    )
    .await;
    let usual = std::env::var("PATH").unwrap_or_default();
    let target = socket.docker_host();
    let ours = measure("docker -H unix:// ps, through the socket", 50, async || {
        ps(&target, &[]).await;
    })
    .await;

    // The CLI takes no options for its ssh: one that has them goes before it in the PATH.
    let tools = tempfile::tempdir().expect("a directory");
    let config = tools.path().join("config");
    std::fs::write(&config, host.ssh_config(Some("host"))?).expect("written");
    let script = format!(
        "#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n",
        config.display()
    );
    let ssh = tools.path().join("ssh");
    std::fs::write(&ssh, script).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&ssh, mode).expect("ours");
    let wrapped = [("PATH", format!("{}:{usual}", tools.path().display()))];
    let theirs = measure("docker -H ssh:// ps, the CLI's own way", 20, async || {
        ps("ssh://host-vps", &wrapped).await;
    })
    .await;

    let options = TlsEndpointOptions::default().open_to_world(true);
    let endpoint = host.open_tls_endpoint(&options).await?;
    let directory = endpoint.certificate_dir.as_ref().expect("it was made");
    let tls = [
        ("DOCKER_TLS_VERIFY", "1".to_owned()),
        ("DOCKER_CERT_PATH", directory.display().to_string()),
    ];
    let target = endpoint.docker_host();
    let by_tls = measure("docker -H tcp:// ps, over mutual TLS", 50, async || {
        ps(&target, &tls).await;
    })
    .await;
    println!(
        "docker ps is {:.1} times faster through the socket than by ssh://, {:.1} times over mutual TLS",
        theirs / ours,
        theirs / by_tls
    );
    host.close_tls_endpoint().await?;
    socket.close().await;
    Ok(())
}

async fn ps(target: &str, variables: &[(&str, String)]) {
    let mut command = Command::new("docker");
    let listed = command
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .args(["-H", target, "ps"])
        .output()
        .await;
    let listed = listed.expect("a docker program");
    let complaint = String::from_utf8_lossy(&listed.stderr);
    let succeeded = listed.status.success();
    assert!(succeeded, "docker -H {target} ps: {complaint}");
}

async fn commands(host: &Host) -> vps_docker::Result<()> {
    host.exec("true").await?;
    measure("exec(\"true\"), the short form", 200, async || {
        host.exec("true").await.expect("reached");
    })
    .await;
    measure("command([\"true\"])", 200, async || {
        host.command(["true"]).output().await.expect("reached");
    })
    .await;
    measure("with a variable and a directory", 200, async || {
        let command = host
            .command(["true"])
            .env("TOKEN", "0123456789abcdef")
            .current_dir("/tmp");
        command.output().await.expect("reached");
    })
    .await;
    measure("with input", 200, async || {
        host.command(["cat"])
            .output_with(b"input")
            .await
            .expect("reached");
    })
    .await;
    measure("as another user", 30, async || {
        host.command(["true"])
            .user("nobody")
            .output()
            .await
            .expect("reached");
    })
    .await;
    measure("on a terminal", 100, async || {
        let terminal = host
            .command(["true"])
            .terminal(TerminalSize::new(24, 80))
            .await;
        let terminal = terminal.expect("begun");
        // Its end waits for a reader, or for the word that there is none.
        drop(terminal.output);
        terminal.exit.await.expect("ended");
    })
    .await;
    Ok(())
}

/// Returns the median.
async fn measure(what: &str, times: usize, mut call: impl AsyncFnMut()) -> f64 {
    let mut taken = Vec::with_capacity(times);
    for _ in 0..times {
        let began = Instant::now();
        call().await;
        taken.push(began.elapsed().as_secs_f64() * 1e3);
    }
    taken.sort_by(f64::total_cmp);
    println!(
        "{:>8.2} ({:.2} to {:.2})  {what}, {times} times",
        taken[times / 2],
        taken[0],
        taken[times - 1]
    );
    taken[times / 2]
}
