//! Plain `ssh` and what is built on it, with nothing but the text of `ssh_config`.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use vps_docker::Host;

use super::until;

pub(super) async fn all_of_it_gets_in_with_the_text_alone(host: &Host) {
    let directory = tempfile::tempdir().expect("a directory");
    let config = directory.path().join("a config");
    let text = host.ssh_config(Some("box")).expect("fit");
    std::fs::write(&config, text).expect("written");
    let run = async |words: &[&str]| run(&config, directory.path(), words).await;

    assert_eq!(
        run(&["ssh", "box", "hostname; id -un"]).await,
        format!("{}\nroot\n", host.info().name)
    );
    assert_eq!(
        run(&["ssh", "box-vps", "docker ps --format '{{.Names}}'"]).await,
        "vps-docker\n"
    );
    assert!(
        run(&["ssh", "-tt", "box", "tty"])
            .await
            .starts_with("/dev/pts/")
    );
    // What remote editors begin with: a login shell that is fed a script.
    let script = async {
        let mut shell = ssh(&config, &["ssh", "-T", "box", "bash", "--login"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("an ssh program");
        let mut stdin = shell.stdin.take().expect("piped");
        stdin
            .write_all(b"shopt login_shell; exit 4\n")
            .await
            .expect("taken");
        shell.wait_with_output().await.expect("ended")
    };
    let output = script.await;
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stdout).contains("on"));

    // Files, both ways.
    let tree = directory.path().join("tree");
    std::fs::create_dir_all(tree.join("it's a \"dir\"")).expect("made");
    std::fs::write(tree.join("it's a \"dir\"/file"), [0, 255, 10, 13]).expect("written");
    let install = "apt-get update -q && apt-get install -qy --no-install-recommends rsync";
    assert_eq!(host.exec(install).await.expect("reached").exit_code(), 0);
    let shell = format!("ssh -F '{}'", config.display());
    run(&["scp", "-r", "tree", "box:/tmp/scp"]).await;
    run(&["scp", "-r", "box:/tmp/scp", "from-scp"]).await;
    std::fs::write(
        directory.path().join("batch"),
        "put -r tree /tmp/sftp\nget -r /tmp/sftp from-sftp\n",
    )
    .expect("written");
    run(&["sftp", "-b", "batch", "box"]).await;
    run(&["rsync", "-a", "-e", &shell, "tree/", "box:/tmp/rsync/"]).await;
    run(&[
        "rsync",
        "-a",
        "-e",
        &shell,
        "box:/tmp/rsync/",
        "from-rsync/",
    ])
    .await;
    for back in ["from-scp", "from-sftp", "from-rsync"] {
        let file = directory.path().join(back).join("it's a \"dir\"/file");
        assert_eq!(
            std::fs::read(file).expect("came back"),
            [0, 255, 10, 13],
            "{back}"
        );
    }

    forwarded_ports_lead_into_the_container(&config).await;

    // It is strict: with another pin in the file nobody gets in.
    let stranger = vps_docker::keys::KeyPair::generate("stranger").expect("random");
    let door = &host.info().container_ssh;
    let pins = directory.path().join("pins");
    std::fs::write(
        &pins,
        stranger.public().known_hosts_line(door.host, door.port),
    )
    .expect("written");
    let option = format!("UserKnownHostsFile={}", pins.display());
    let refused = ssh(&config, &["ssh", "-o", &option, "box", "true"])
        .output()
        .await
        .expect("ran");
    assert_eq!(refused.status.code(), Some(255));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Host key verification failed"));
}

/// The words for a program that hands its terminal over, on a terminal of `script`'s.
pub(super) async fn a_command_runs_on_the_callers_terminal(host: &Host) {
    let text = "id -un; pwd; tty | cut -c 1-5; printf '<%s>' \"$@\"; exit 8";
    let command = host.command(["sh", "-c", text, "sh", "it's $(two) words"]);
    for (command, user) in [
        (command.clone(), "root"),
        (command.user("nobody"), "nobody"),
    ] {
        let words = command.current_dir("/tmp").ssh_words().expect("fit");
        let mut script = Command::new("script")
            .args(["-qec", &vps_docker::ssh::join(words), "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a script program");
        // Its end would be typed, and seen.
        let input = script.stdin.take();
        let output = script.wait_with_output().await.expect("ended");
        drop(input);
        let shown = String::from_utf8_lossy(&output.stdout);
        let expected = format!("{user}\r\n/tmp\r\n/dev/\r\n<it's $(two) words>");
        assert!(shown.contains(&expected), "{shown:?}");
        assert_eq!(output.status.code(), Some(8), "{shown:?}");
    }
}

/// With `-L` and `-D`, as editors use them. What is reached is something that listens on loopback inside.
async fn forwarded_ports_lead_into_the_container(config: &Path) {
    let (local, socks) = (free_port().await, free_port().await);
    let words = [
        "ssh",
        "-N",
        "-o",
        "ExitOnForwardFailure=yes",
        "-L",
        &format!("127.0.0.1:{local}:127.0.0.1:2222"),
        "-D",
        &format!("127.0.0.1:{socks}"),
        "box",
    ];
    let mut forwarding = ssh(config, &words)
        .kill_on_drop(true)
        .spawn()
        .expect("an ssh program");
    until("the ports listen", async || {
        TcpStream::connect(("127.0.0.1", local)).await.is_ok()
            && TcpStream::connect(("127.0.0.1", socks)).await.is_ok()
    })
    .await;
    let mut stream = TcpStream::connect(("127.0.0.1", local))
        .await
        .expect("listens");
    assert_eq!(greeting(&mut stream).await, *b"SSH-");
    let mut stream = TcpStream::connect(("127.0.0.1", socks))
        .await
        .expect("listens");
    stream.write_all(&[5, 1, 0]).await.expect("sent");
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).await.expect("answered");
    assert_eq!(answer, [5, 0]);
    stream
        .write_all(&[5, 1, 0, 1, 127, 0, 0, 1, 8, 174])
        .await
        .expect("sent");
    let mut answer = [0; 10];
    stream.read_exact(&mut answer).await.expect("answered");
    assert_eq!(answer[..2], [5, 0]);
    assert_eq!(greeting(&mut stream).await, *b"SSH-");
    forwarding.kill().await.expect("ended");
}

async fn greeting(stream: &mut TcpStream) -> [u8; 4] {
    let mut greeting = [0; 4];
    stream.read_exact(&mut greeting).await.expect("a greeting");
    greeting
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("bound").port()
}

/// A program of the family with this configuration; rsync is given it with `-e`.
fn ssh(config: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    if words[0] != "rsync" {
        command.arg("-F").arg(config);
    }
    command
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

async fn run(config: &Path, directory: &Path, words: &[&str]) -> String {
    let output = ssh(config, words)
        .current_dir(directory)
        .output()
        .await
        .expect("a program");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
