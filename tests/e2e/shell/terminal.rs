//! Commands on a terminal.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use vps_docker::Host;
use vps_docker::ssh::{Terminal, TerminalSize};

use super::{lives, until};

pub(super) async fn it_is_a_real_one(host: &Host) {
    let text = "tty; echo $TERM; stty size; while read -r line; do \
                echo \"got $line at $(stty size).\"; [ \"$line\" != bye ] || exit 5; done";
    let size = TerminalSize::new(31, 97).term("vt220");
    for user in [None, Some("nobody")] {
        let mut command = host.command(["bash", "-c", text]).env("VALUE", "x");
        if let Some(user) = user {
            command = command.user(user);
        }
        let mut terminal = command.terminal(size.clone()).await.expect("begun");
        let begin = shown(&mut terminal, "31 97\r\n").await;
        assert!(begin.starts_with("/dev/"), "{begin}");
        assert!(begin.contains("\r\nvt220\r\n"), "{begin}");
        // It echoes what is typed, and its own answer.
        terminal
            .input
            .write_all("hällo\n".as_bytes())
            .await
            .expect("typed");
        let answer = shown(&mut terminal, "at 31 97.\r\n").await;
        assert_eq!(answer, "hällo\r\ngot hällo at 31 97.\r\n");
        terminal.window.resize(40, 120).expect("resized");
        // The far end learns of it by another way than what is typed.
        let mut answer = String::new();
        while !answer.contains("at 40 120.") {
            terminal.input.write_all(b"\n").await.expect("typed");
            answer = shown(&mut terminal, ".\r\n").await;
        }
        terminal.input.write_all(b"bye\n").await.expect("typed");
        let mut rest = String::new();
        terminal
            .output
            .read_to_string(&mut rest)
            .await
            .expect("the end");
        assert!(rest.ends_with("got bye at 40 120.\r\n"), "{rest}");
        assert_eq!(terminal.exit.await.expect("ended").code(), Some(5));
    }

    // Ctrl-C is for the command, which may think otherwise, and not for what runs it.
    let text = "trap 'echo caught' INT; echo ready; read -r line; echo \"after $line\"; exit 6";
    let mut terminal = host
        .command(["bash", "-c", text])
        .terminal(size.clone())
        .await
        .expect("begun");
    shown(&mut terminal, "ready\r\n").await;
    terminal.input.write_all(b"\x03").await.expect("typed");
    shown(&mut terminal, "caught\r\n").await;
    terminal.input.write_all(b"all\n").await.expect("typed");
    shown(&mut terminal, "after all\r\n").await;
    // Nobody reads on: the end is told all the same.
    drop(terminal.output);
    assert_eq!(terminal.exit.await.expect("ended").code(), Some(6));

    // The login shell, and hanging up.
    let mut terminal = host.shell().terminal(size).await.expect("begun");
    terminal
        .input
        .write_all(b"shopt -q login_shell && echo \"a login\" shell $$ \".\"\n")
        .await
        .expect("typed");
    let answer = shown(&mut terminal, " .\r\n").await;
    let (_, id) = answer.rsplit_once("a login shell ").expect("a login shell");
    let id = id.split(' ').next().unwrap_or_default().to_owned();
    assert!(lives(host, &id).await);
    drop(terminal);
    until("the shell has ended", async || !lives(host, &id).await).await;
}

pub(super) async fn one_that_nobody_reads_holds_up_nothing(host: &Host) {
    let text = "echo $$.; exec yes";
    let command = host.command(["sh", "-c", text]);
    let terminal = command.terminal(TerminalSize::new(24, 80)).await;
    let mut terminal = terminal.expect("begun");
    let shown = shown(&mut terminal, ".").await;
    let id = shown.split('.').next().unwrap_or_default();
    // By the other door: its own may be held up.
    let docker = host.docker().await.expect("connected");
    let (mut written, mut before) = (String::new(), None);
    let count = format!("grep wchar /proc/{id}/io");
    until("it has filled all that is between", async || {
        before = Some(std::mem::take(&mut written));
        let counted = docker.run(["exec", "vps-docker", "sh", "-c", &count]).await;
        written = counted.expect("there");
        before.as_ref() == Some(&written)
    })
    .await;
    for _ in 0..20 {
        let echo = timeout(Duration::from_secs(30), host.exec("echo still here")).await;
        let output = echo.expect("not held up").expect("reached");
        assert_eq!(output.stdout, "still here\n");
    }
    drop(terminal);
}

/// What is shown up to these words.
async fn shown(terminal: &mut Terminal, words: &str) -> String {
    let mut text = Vec::new();
    let mut bytes = [0; 1024];
    while !String::from_utf8_lossy(&text).contains(words) {
        let read = timeout(Duration::from_secs(30), terminal.output.read(&mut bytes)).await;
        let so_far = String::from_utf8_lossy(&text);
        let Ok(length) = read else {
            panic!("nothing more after {so_far:?}")
        };
        let length = length.expect("readable");
        assert_ne!(length, 0, "it ended after {so_far:?}");
        text.extend_from_slice(&bytes[..length]);
    }
    String::from_utf8(text).expect("text")
}
