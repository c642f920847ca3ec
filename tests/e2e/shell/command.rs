//! Commands in the container.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use vps_docker::ssh::{RemoteProcess, TransportExt};
use vps_docker::{ErrorKind, Host, HostCommand};

use super::{lives, until};

const NASTY: &str = " it's \"quoted\"\n$(id) `id` $HOME \\ * ~ ! ;&| ä\u{1f600}\t";

/// Behaviour 13.
pub(super) async fn arguments_arrive_intact(host: &Host) {
    let echo = |host| {
        HostCommand::env(
            Host::command(
                host,
                [
                    "sh",
                    "-c",
                    "printf '%s|' \"$VALUE\" \"$@\"; cat",
                    "sh",
                    NASTY,
                    "",
                    "-n",
                ],
            ),
            "VALUE",
            NASTY,
        )
    };
    let expected = format!("{NASTY}|{NASTY}||-n|{NASTY}");
    for command in [
        echo(host),
        echo(host).user("nobody"),
        echo(host).user("12345:54321"),
    ] {
        let said = format!("{command:?}");
        let output = command
            .output_with(NASTY.as_bytes())
            .await
            .expect("reached");
        assert_eq!(output.stdout, expected, "{said}: {}", output.stderr);
    }

    // Who and where.
    let place = |user: Option<&str>, directory: Option<&str>| {
        let mut command = host.command([
            "sh",
            "-c",
            "id -u; id -g; pwd; echo $PATH | grep -c /usr/bin",
        ]);
        if let Some(user) = user {
            command = command.user(user);
        }
        if let Some(directory) = directory {
            command = command.current_dir(directory);
        }
        command.output()
    };
    for (user, directory, expected) in [
        (None, None, "0\n0\n/\n1\n"),
        (None, Some("usr/bin"), "0\n0\n/usr/bin\n1\n"),
        (Some("nobody"), Some("/tmp"), "65534\n65534\n/tmp\n1\n"),
        (Some("12345:54321"), None, "12345\n54321\n/\n1\n"),
    ] {
        let output = place(user, directory).await.expect("reached");
        assert_eq!(output.stdout, expected, "{}", output.stderr);
    }

    // Nothing is on the input of one that was given nothing.
    let output = host.command(["cat"]).output().await.expect("reached");
    assert_eq!((output.exit_code(), &*output.stdout), (0, ""));
}

pub(super) async fn exit_codes_are_told(host: &Host) {
    for user in [None, Some("nobody")] {
        for (words, code) in [
            (&["sh", "-c", "exit 7"][..], 7),
            (&["sh", "-c", "kill -KILL $$"], 137),
            (&["no-such-program"], 127),
            (&["/etc/passwd"], 126),
        ] {
            let mut command = host.command(words.to_vec());
            if let Some(user) = user {
                command = command.user(user);
            }
            let output = command.output().await.expect("reached");
            assert_eq!(output.exit_code(), code, "{words:?} as {user:?}");
        }
    }
    // The short form goes through the shell alone: it is not told which signal, and it is not taken
    // for a broken connection.
    let output = host.exec("kill -KILL $$").await.expect("reached");
    assert_eq!(output.exit_code(), 255);
}

pub(super) async fn what_cannot_begin_is_an_error(host: &Host) {
    for (command, kind, word) in [
        (
            host.command(["true"]).current_dir("/no/such"),
            ErrorKind::NotFound,
            "/no/such",
        ),
        (
            host.command(["true"]).user("no-such-user"),
            ErrorKind::Docker,
            "no-such-user",
        ),
        (
            host.command(["true"]).env("A B", "x"),
            ErrorKind::Invalid,
            "A B",
        ),
        (host.command([""]), ErrorKind::Invalid, "no program"),
    ] {
        let error = command.output().await.expect_err(word);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
}

/// Behaviour 19.
pub(super) async fn secrets_are_in_no_process_argument(host: &Host) {
    let secret = format!("hush-{}", vps_docker::model::HostId::random());
    let command = || {
        host.command(["sh", "-c", "echo \"$TOKEN\"; exec cat"])
            .env("TOKEN", secret.clone())
    };
    assert!(!format!("{:?}", command()).contains(&secret));
    for command in [command(), command().user("nobody")] {
        let process = command.spawn_piped().await.expect("begun");
        let (mut process, line) = first_line(process).await;
        assert_eq!(line, secret);
        assert_no_argument_holds(host, &secret).await;
        drop(process.stdin.take());
        process.finish(b"").await.expect("ended");
    }
    let size = vps_docker::ssh::TerminalSize::new(24, 80);
    for command in [command(), command().user("nobody")] {
        let terminal = command.terminal(size.clone()).await.expect("begun");
        let mut line = String::new();
        let mut output = BufReader::new(terminal.output);
        output.read_line(&mut line).await.expect("printed");
        assert_eq!(line, format!("{secret}\r\n"), "shown once, by the command");
        assert_no_argument_holds(host, &secret).await;
    }
    let files = host
        .exec(&format!("grep -rl {secret} /tmp /run /root /var/log; :"))
        .await;
    assert_eq!(files.expect("reached").stdout, "", "files hold it");
    let error = command().ssh_words().expect_err("it would be seen");
    assert!(!error.to_string().contains(&secret), "{error}");
}

/// Here, on the VPS and in the container. What looks for it must not be what is found.
async fn assert_no_argument_holds(host: &Host, secret: &str) {
    for entry in std::fs::read_dir("/proc").expect("Linux").flatten() {
        let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments);
        assert!(!arguments.contains(secret), "here: {arguments}");
    }
    let look = "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f; echo; done 2>/dev/null | grep -F -f /dev/stdin";
    let look = format!("exec 3<&0; {}", look.replace("/dev/stdin", "/dev/fd/3"));
    let pattern = format!("{secret}\n");
    for door in [host.vps().await, host.container().await] {
        let found = door
            .expect("open")
            .run(&look, pattern.as_bytes())
            .await
            .expect("reached");
        assert_eq!(
            (found.exit_code(), &*found.stdout),
            (1, ""),
            "{}",
            found.stderr
        );
    }
}

pub(super) async fn what_is_dropped_is_ended(host: &Host) {
    let sleeper = || host.command(["sh", "-c", "echo $$; sleep 600; :"]);
    for command in [sleeper(), sleeper().user("nobody")] {
        let (process, id) = first_line(command.clone().spawn().await.expect("begun")).await;
        assert!(lives(host, &id).await);
        drop(process);
        until("without input, it is ended", async || {
            !lives(host, &id).await
        })
        .await;

        let (process, id) = first_line(command.spawn_piped().await.expect("begun")).await;
        assert!(lives(host, &id).await);
        drop(process);
        until("with its input, it is ended", async || {
            !lives(host, &id).await
        })
        .await;
    }
    let terminal = sleeper()
        .user("nobody")
        .terminal(vps_docker::ssh::TerminalSize::new(24, 80));
    let mut terminal = terminal.await.expect("begun");
    let mut id = [0; 16];
    let length = terminal.output.read(&mut id).await.expect("printed");
    let id = String::from_utf8_lossy(&id[..length]).trim().to_owned();
    assert!(lives(host, &id).await);
    drop(terminal);
    until("on a terminal, it is ended", async || {
        !lives(host, &id).await
    })
    .await;
}

pub(super) async fn streams_are_apart_and_take_no_memory(host: &Host) {
    const LENGTH: u64 = 256 << 20;
    let text = format!("head -c {LENGTH} /dev/zero; echo done >&2; cat >&2; exit 3");
    let mut process = host
        .command(["sh", "-c", &text])
        .spawn_piped()
        .await
        .expect("begun");
    let before = resident();
    let mut stdin = process.stdin.take().expect("piped");
    let mut stderr = String::new();
    let (stdout, sent, read) = tokio::join!(
        async { tokio::io::copy(&mut process.stdout, &mut tokio::io::sink()).await },
        async {
            stdin.write_all(b"to the other stream").await?;
            drop(stdin);
            Ok::<_, std::io::Error>(())
        },
        process.stderr.read_to_string(&mut stderr),
    );
    sent.expect("taken");
    read.expect("read");
    assert_eq!(stdout.expect("read"), LENGTH);
    assert_eq!(stderr, "done\nto the other stream");
    assert_eq!(process.exit.await.expect("ended").code(), Some(3));
    let grown = resident().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes of memory for a stream");
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = status
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .expect("a number");
    pages * 4096
}

pub(super) async fn a_connection_that_breaks_is_no_exit_code(host: &Host) {
    // The parent of the shell that runs it is the sshd of this connection.
    let cut =
        "echo $$ >/tmp/cut; read -r _ _ _ sshd _ </proc/$PPID/stat; kill -KILL $sshd; sleep 600";
    let error = host
        .command(["sh", "-c", cut])
        .output()
        .await
        .expect_err("it broke");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(error.is_retryable());
    let error = host
        .exec("kill -KILL $PPID; sleep 600")
        .await
        .expect_err("it broke");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    // And a new one is made.
    let output = host
        .command(["echo", "again"])
        .output()
        .await
        .expect("reached");
    assert_eq!(output.stdout, "again\n");
    // What it was about has ended: nobody waits for it any more.
    let id = host.exec("cat /tmp/cut").await.expect("reached").stdout;
    until("it is ended", async || !lives(host, id.trim()).await).await;
}

async fn first_line(mut process: RemoteProcess) -> (RemoteProcess, String) {
    let mut line = String::new();
    let mut stdout = BufReader::new(process.stdout);
    stdout.read_line(&mut line).await.expect("printed");
    process.stdout = Box::pin(stdout);
    (process, line.trim_end().to_owned())
}

/// Whoever waits for the end while reading gets all the same what was printed last.
pub(super) async fn nothing_is_lost_at_the_end(host: &Host) {
    const BYTES: usize = 1_600_000;
    let words = ["head", "-c", "1600000", "/dev/zero"];
    for round in 0..20 {
        let mut process = host.command(words).spawn().await.expect("begun");
        let mut printed = Vec::new();
        let read = process.stdout.read_to_end(&mut printed);
        let mut complaint = String::new();
        let complain = process.stderr.read_to_string(&mut complaint);
        let (status, read, complain) = tokio::join!(process.exit, read, complain);
        assert!(status.expect("told").success(), "{complaint}");
        read.and(complain).expect("read");
        assert_eq!(printed.len(), BYTES, "in round {round}");
    }
}
