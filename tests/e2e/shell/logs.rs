//! What the container prints.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use vps_docker::ssh::TransportExt;
use vps_docker::{ErrorKind, Host, LogsOptions};

use super::until;

pub(super) async fn they_are_followed_to_the_end(host: &Host) {
    let print = async |text: &str| {
        let line = format!("echo 'out {text}' >/proc/1/fd/1; echo 'err {text}' >/proc/1/fd/2");
        assert_eq!(host.exec(&line).await.expect("reached").exit_code(), 0);
    };
    let options = LogsOptions::default;
    print("one").await;
    print("two").await;
    let all = host
        .logs(options())
        .await
        .expect("begun")
        .finish(b"")
        .await
        .expect("ended");
    assert!(all.stdout.ends_with("out one\nout two\n"), "{all:?}");
    assert!(all.stderr.ends_with("err one\nerr two\n"), "{all:?}");
    assert!(
        !all.stdout.contains("err ") && !all.stderr.contains("out "),
        "{all:?}"
    );
    let last = host
        .logs(options().tail(1).timestamps(true))
        .await
        .expect("begun");
    let last = last.finish(b"").await.expect("ended");
    let line = format!("{}{}", last.stdout, last.stderr);
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(
        line.starts_with("20") && line.contains("Z ") && line.ends_with(" two\n"),
        "{line}"
    );
    let far = vps_docker::model::Timestamp::from_unix_seconds(4_000_000_000).expect("2096");
    let none = host
        .logs(options().since(far))
        .await
        .expect("begun")
        .finish(b"")
        .await;
    assert_eq!(none.expect("ended").stdout, "");

    // Dropped, it ends on the VPS, too, though nothing is printed.
    assert!(!followed(host).await);
    let process = host
        .logs(options().follow(true).tail(0))
        .await
        .expect("begun");
    until("it follows", async || followed(host).await).await;
    drop(process);
    until("nobody follows", async || !followed(host).await).await;

    // Followed, it brings what is printed next, and ends when the container does.
    let mut process = host
        .logs(options().follow(true).tail(0))
        .await
        .expect("begun");
    until("it follows", async || followed(host).await).await;
    let mut lines = BufReader::new(&mut process.stdout).lines();
    let next = async {
        tokio::select! {
            line = lines.next_line() => line.expect("readable"),
            // `docker` runs before it follows: a line that is printed in between is not of the new ones.
            () = async { loop { print("three").await; } } => unreachable!("it prints for ever"),
        }
    };
    assert_eq!(next.await.expect("a line"), "out three");
    let docker = host.docker().await.expect("connected");
    docker.run(["stop", "vps-docker"]).await.expect("stopped");
    while lines.next_line().await.expect("readable").is_some() {}
    let mut stderr = String::new();
    process
        .stderr
        .read_to_string(&mut stderr)
        .await
        .expect("readable");
    assert!(stderr.contains("err three\n"), "{stderr}");
    assert!(process.exit.await.expect("no error").success());

    // Of a container that is stopped, and of none.
    let all = host
        .logs(options())
        .await
        .expect("begun")
        .finish(b"")
        .await
        .expect("ended");
    assert!(all.stdout.contains("out two\n"), "{all:?}");
    docker.run(["start", "vps-docker"]).await.expect("started");
    let process = host
        .logs(options().follow(true).tail(0))
        .await
        .expect("begun");
    until("it follows", async || followed(host).await).await;
    docker
        .run(["rm", "--force", "vps-docker"])
        .await
        .expect("removed");
    let ended = process.finish(b"").await;
    assert!(ended.is_ok_and(|output| output.exit_code() == 0));
    let error = host.logs(options()).await.expect_err("no container");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// Whether the VPS runs `docker logs`.
async fn followed(host: &Host) -> bool {
    let look = "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f; echo; done 2>/dev/null | grep -c '^docker [l]ogs'";
    let found = host.vps().await.expect("open").run(look, b"").await;
    found.expect("reached").exit_code() == 0
}
