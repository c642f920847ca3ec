//! The Docker API of the VPS as a socket on this side.

use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

use bollard::Docker;
use bollard::exec::{CreateExecOptions, StartExecResults};
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use vps_docker::ssh::TransportExt;
use vps_docker::{DockerSocket, ErrorKind, Host};

use super::until;

const IMAGE: &str = "debian:bookworm-slim";

pub(super) async fn the_cli_and_libraries_work_through_it(host: &Host) {
    let socket = host.docker_socket(None).await.expect("made");
    let mode =
        |path: &std::path::Path| path.metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(socket.path()), 0o600);
    assert_eq!(mode(socket.path().parent().expect("a directory")), 0o700);
    assert!(socket.is_open());

    // The docker CLI: plain calls, streams, hijacked connections.
    let run = async |words: &[&str], input: &str| {
        let output = docker(&socket, words, input).await;
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "docker {words:?}: {complaint}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(
        run(&["ps", "--format", "{{.Names}}"], "").await,
        "vps-docker\n"
    );
    let both = docker(
        &socket,
        &[
            "run",
            "--rm",
            "-i",
            IMAGE,
            "sh",
            "-c",
            "cat; echo apart >&2; exit 9",
        ],
        "through",
    )
    .await;
    assert_eq!(
        (both.status.code(), &*both.stdout, &*both.stderr),
        (Some(9), &b"through"[..], &b"apart\n"[..])
    );
    assert_eq!(
        run(&["exec", "-i", "vps-docker", "cat"], "into it").await,
        "into it"
    );
    let text = "read -r line; echo \"heard $line\"";
    let start = [
        "run", "-d", "-i", "--name", "attached", IMAGE, "sh", "-c", text,
    ];
    run(&start, "").await;
    // Its input stays open: at its end Docker would close the output, too.
    let mut attach = cli(&socket, &["attach", "attached"]);
    let mut input = attach.stdin.take().expect("piped");
    input.write_all(b"a word\n").await.expect("taken");
    let attached = attach.wait_with_output().await.expect("ended");
    assert_eq!(attached.stdout, b"heard a word\n");
    drop(input);
    assert_eq!(
        run(&["logs", "--follow", "attached"], "").await,
        "heard a word\n"
    );
    run(&["rm", "attached"], "").await;
    let context = tempfile::tempdir().expect("a directory");
    std::fs::write(
        context.path().join("Dockerfile"),
        format!("FROM {IMAGE}\nCOPY big /big\nRUN wc -c </big\n"),
    )
    .expect("written");
    std::fs::write(context.path().join("big"), vec![b'x'; 3 << 20]).expect("written");
    let path = context.path().display().to_string();
    let built = run(&["build", "-t", "built-through-it", &path], "").await;
    assert!(built.contains("3145728"), "{built}");
    run(&["rmi", "built-through-it"], "").await;

    // Many at once.
    let mut calls = JoinSet::new();
    let client = Docker::connect_with_unix(
        &socket.path().display().to_string(),
        60,
        bollard::API_DEFAULT_VERSION,
    )
    .expect("a path");
    for _ in 0..50 {
        let client = client.clone();
        calls.spawn(async move { client.list_containers(None).await.map(|list| list.len()) });
    }
    while let Some(listed) = calls.join_next().await {
        assert_eq!(listed.expect("no panic").expect("answered"), 1);
    }
    // And a library's own hijacked connection.
    let words = ["cat", "/proc/self/cmdline"].map(String::from).to_vec();
    let options = CreateExecOptions {
        attach_stdout: Some(true),
        cmd: Some(words),
        ..CreateExecOptions::default()
    };
    let exec = client
        .create_exec("vps-docker", options)
        .await
        .expect("made");
    let StartExecResults::Attached { output, .. } =
        client.start_exec(&exec.id, None).await.expect("started")
    else {
        panic!("it is not attached");
    };
    let parts: Vec<_> = output
        .map(|part| part.expect("read").into_bytes())
        .collect()
        .await;
    assert_eq!(parts.concat(), b"cat\0/proc/self/cmdline\0");
    socket.close().await;
}

pub(super) async fn it_goes_when_it_is_closed_dropped_or_cut_off(host: &Host) {
    // Two stand side by side; one that is closed leaves nothing, nor does one that is dropped.
    let (one, other) = (
        host.docker_socket(None).await.expect("made"),
        host.docker_socket(None).await.expect("made"),
    );
    let (path, directory) = (
        one.path().to_owned(),
        one.path().parent().expect("a directory").to_owned(),
    );
    one.close().await;
    assert!(!path.exists() && !directory.exists());
    assert!(docker(&other, &["ps"], "").await.status.success());
    let directory = other.path().parent().expect("a directory").to_owned();
    drop(other);
    assert!(!directory.exists());

    // At a path of the caller's: once more, dropped and at once anew, and not where something stands.
    let own = tempfile::tempdir().expect("a directory");
    let path = own.path().join("d.sock");
    for _ in 0..3 {
        let socket = host.docker_socket(Some(&path)).await.expect("made");
        assert_eq!(socket.path(), path);
        assert_eq!(
            path.metadata().expect("there").permissions().mode() & 0o777,
            0o600
        );
        assert!(docker(&socket, &["ps"], "").await.status.success());
        let error = host.docker_socket(Some(&path)).await.expect_err("in use");
        assert_eq!(error.kind(), ErrorKind::State, "{error}");
    }
    assert_eq!(std::fs::read_dir(own.path()).expect("there").count(), 0);

    // The connection breaks: it is told, and a new one can be had at the same place.
    let socket = host.docker_socket(Some(&path)).await.expect("made");
    let error = host
        .vps()
        .await
        .expect("open")
        .run("kill -KILL $PPID; sleep 600", b"")
        .await;
    assert_eq!(error.expect_err("it broke").kind(), ErrorKind::Unreachable);
    until("it is told", async || !socket.is_open()).await;
    assert!(!docker(&socket, &["ps"], "").await.status.success());
    let again = host.docker_socket(Some(&path)).await.expect("made anew");
    assert!(again.is_open() && docker(&again, &["ps"], "").await.status.success());
    again.close().await;

    // No Docker there: a clear error.
    let vps = host.vps().await.expect("open");
    let hide = |from, to| format!("mv /var/run/{from} /var/run/{to}");
    assert!(
        vps.run(&hide("docker.sock", "hidden"), b"")
            .await
            .expect("reached")
            .status
            .success()
    );
    let error = host.docker_socket(None).await.expect_err("nobody there");
    assert!(
        vps.run(&hide("hidden", "docker.sock"), b"")
            .await
            .expect("reached")
            .status
            .success()
    );
    assert_eq!(error.kind(), ErrorKind::Docker, "{error}");
    assert!(error.to_string().contains("is it running"), "{error}");
}

/// The docker CLI by way of the socket, to its end.
async fn docker(socket: &DockerSocket, words: &[&str], input: &str) -> Output {
    let mut child = cli(socket, words);
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input.as_bytes()).await.expect("taken");
    drop(stdin);
    child.wait_with_output().await.expect("ended")
}

fn cli(socket: &DockerSocket, words: &[&str]) -> Child {
    Command::new("docker")
        .env("DOCKER_HOST", socket.docker_host())
        .env("DOCKER_BUILDKIT", "0")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("a docker program")
}
