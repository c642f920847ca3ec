//! Commands in the shells of real machines, without the machines.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::BufReader;

use super::*;
use crate::ssh::local_shell::LocalShell;
use crate::ssh::{Output, RemoteProcess};

/// The shells that are here; `sh` at least.
fn shells() -> Vec<&'static str> {
    let known = [
        ("sh", "sh"),
        ("dash", "dash"),
        ("bash", "bash"),
        ("busybox", "busybox sh"),
    ];
    let here = |(program, _): &(&str, &str)| {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .output();
        found.expect("a shell").status.success()
    };
    known
        .into_iter()
        .filter(here)
        .map(|(_, shell)| shell)
        .collect()
}

/// A machine with another shell than this one, and a login script.
#[derive(Debug)]
struct Machine {
    shell: &'static str,
    login: &'static str,
}

fn machine(shell: &'static str) -> Arc<Machine> {
    Arc::new(Machine { shell, login: "" })
}

#[async_trait]
impl Transport for Machine {
    async fn spawn(&self, command: &str) -> Result<RemoteProcess> {
        let command = command.replacen("/bin/sh", self.shell, 1);
        let command = format!("{}{command}", self.login);
        LocalShell::default().spawn(&command).await
    }
}

async fn start<const N: usize>(words: [&str; N], input: Input) -> RemoteProcess {
    let command = RemoteCommand::new(words);
    command.spawn(machine("sh"), input).await.expect("begun")
}

async fn run(shell: &'static str, command: &RemoteCommand, input: &[u8]) -> Output {
    let process = command.spawn(machine(shell), Input::Pipe).await;
    process.expect("begun").finish(input).await.expect("ended")
}

/// One that prints its process id and then sleeps, and that id.
async fn sleeper(input: Input) -> (RemoteProcess, String) {
    let mut process = start(["sh", "-c", "echo $$; sleep 600; :"], input).await;
    let mut line = String::new();
    let mut stdout = BufReader::new(process.stdout);
    stdout.read_line(&mut line).await.expect("printed");
    process.stdout = Box::pin(stdout);
    (process, line.trim().to_owned())
}

async fn wait_for_end_of(process: &str) {
    let entry = format!("/proc/{process}");
    let gone = async {
        while Path::new(&entry).exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, gone)
        .await
        .expect("it is ended");
}

/// All that a variable can hold, but for the NUL.
fn every_character() -> String {
    let ascii: String = (1..=127_u8).map(char::from).collect();
    format!("{ascii}\n 'ä' \u{1f600} $(id) `id` \\\n\n")
}

#[tokio::test]
async fn arguments_and_variables_arrive_as_they_are_in_every_shell() {
    let value = every_character();
    for shell in shells() {
        let mut command = RemoteCommand::new([
            "sh",
            "-c",
            "printf '%s|' \"$VALUE\" \"$@\"",
            "sh",
            &value,
            "",
            "-n",
        ]);
        command.env("VALUE".into(), value.clone().into());
        command.env("EMPTY".into(), "".into());
        command.current_dir("/".into());
        let output = run(shell, &command, b"").await;
        assert_eq!(
            output.stdout,
            format!("{value}|{value}||-n|"),
            "in {shell}: {}",
            output.stderr
        );
    }
}

#[tokio::test]
async fn what_follows_the_variables_on_the_input_is_the_commands_to_the_byte() {
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    for shell in shells() {
        let mut command = RemoteCommand::new(["cat"]);
        command.env("A".into(), "two\nlines".into());
        let process = command.spawn(machine(shell), Input::Pipe).await;
        let mut process = process.expect("begun");
        let mut stdin = process.stdin.take().expect("piped");
        let mut back = Vec::new();
        let (fed, read) = tokio::join!(
            async {
                let fed = stdin.write_all(&bytes).await;
                drop(stdin);
                fed
            },
            process.stdout.read_to_end(&mut back)
        );
        fed.expect("taken");
        read.expect("given back");
        assert!(back == bytes, "in {shell}: {} bytes", back.len());
    }
}

#[tokio::test]
async fn exit_codes_are_the_commands_own_and_signals_are_told() {
    for shell in shells() {
        for (text, code) in [
            ("exit 0", 0),
            ("exit 7", 7),
            ("kill -KILL $$", 137),
            ("kill -TERM $$", 143),
            ("kill -INT $$", 130),
        ] {
            let output = run(shell, &RemoteCommand::new(["sh", "-c", text]), b"").await;
            assert_eq!(
                (output.exit_code(), &*output.stderr),
                (code, ""),
                "{text} in {shell}"
            );
        }
        for (program, code) in [
            ("no-such-program", 127),
            ("/etc/passwd", 126),
            ("/etc", 126),
        ] {
            let output = run(shell, &RemoteCommand::new([program]), b"").await;
            assert_eq!(output.exit_code(), code, "{program} in {shell}");
            assert!(
                output.stderr.contains(program),
                "in {shell}: {}",
                output.stderr
            );
        }
        // Words of a shell's own are programs, too, or nothing.
        let output = run(shell, &RemoteCommand::new(["exit", "3"]), b"").await;
        assert_eq!(output.exit_code(), 127, "in {shell}");
    }
}

#[tokio::test]
async fn what_a_login_script_prints_is_not_the_commands() {
    let machine = Arc::new(Machine {
        shell: "sh",
        login: "echo Welcome; echo motd >&2; printf 'no end of line'; ",
    });
    let process = RemoteCommand::new(["echo", "mine"])
        .spawn(machine, Input::None)
        .await;
    let output = process.expect("begun").finish(b"").await.expect("ended");
    assert_eq!(output.stdout, "mine\n");
}

#[tokio::test]
async fn what_is_not_even_begun_is_an_error_and_no_exit_code() {
    let spawn = async |command: &RemoteCommand, machine| command.spawn(machine, Input::None).await;
    for shell in shells() {
        let mut command = RemoteCommand::new(["true"]);
        command.current_dir("/no such".into());
        let error = spawn(&command, machine(shell))
            .await
            .expect_err("no directory");
        assert_eq!(error.kind(), ErrorKind::NotFound, "in {shell}");
        assert!(error.to_string().contains("/no such"), "{error}");
    }
    let broken = Arc::new(Machine {
        shell: "sh",
        login: "echo 'account expired' >&2; exit 9; ",
    });
    let error = spawn(&RemoteCommand::new(["true"]), broken)
        .await
        .expect_err("no shell");
    assert!(
        error.to_string().contains("exit code 9: account expired"),
        "{error}"
    );

    let mut named = Vec::new();
    for name in ["", "1A", "a.b", "A=B", "A B", "UID", "PWD", "A;id"] {
        let mut command = RemoteCommand::new(["true"]);
        command.env(name.into(), "x".into());
        named.push(command);
    }
    let mut nul = RemoteCommand::new(["true"]);
    nul.env("A".into(), "\0".into());
    let long = "x".repeat(LONGEST);
    let odd = [&[][..], &[""], &["-x"], &["a\0b"], &["echo", &long]]
        .map(|words| RemoteCommand::new(words.to_vec()));
    for command in named.iter().chain([&nul]).chain(&odd) {
        let error = spawn(command, machine("sh")).await.expect_err("unfit");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{command:?}: {error}");
    }
}

#[tokio::test]
async fn without_input_a_command_reads_nothing_and_ends_with_its_caller() {
    for shell in shells() {
        let process = RemoteCommand::new(["cat"])
            .spawn(machine(shell), Input::None)
            .await;
        let output = process.expect("begun").finish(b"").await.expect("ended");
        assert_eq!((output.exit_code(), &*output.stdout), (0, ""), "in {shell}");
    }
    for input in [Input::None, Input::Pipe] {
        let (process, id) = sleeper(input).await;
        drop(process);
        wait_for_end_of(&id).await;
    }
}

#[tokio::test]
async fn one_that_does_not_heed_a_request_to_end_is_killed() {
    let mut process = start(
        [
            "sh",
            "-c",
            "trap '' TERM; echo $$; while :; do sleep 1; done",
        ],
        Input::None,
    )
    .await;
    let mut line = [0; 16];
    let length = process.stdout.read(&mut line).await.expect("printed");
    let id = String::from_utf8_lossy(&line[..length]).trim().to_owned();
    drop(process);
    wait_for_end_of(&id).await;
}

#[tokio::test]
async fn what_a_command_leaves_in_the_background_goes_on_after_it() {
    let text = "sleep 600 >/dev/null 2>&1 </dev/null & echo $!";
    let output = start(["sh", "-c", text], Input::None)
        .await
        .finish(b"")
        .await
        .expect("ended");
    let id: i32 = output.stdout.trim().parse().expect("a process id");
    let left = rustix::process::Pid::from_raw(id).expect("not 0");
    rustix::process::kill_process(left, rustix::process::Signal::TERM).expect("it was there");
}

#[tokio::test]
async fn secrets_are_in_no_argument_and_not_in_what_is_printed_of_it() {
    let secret = format!("hush-{}-{}", std::process::id(), line!());
    let mut command = RemoteCommand::new(["sh", "-c", "echo \"$TOKEN\"; exec cat"]);
    command.env("TOKEN".into(), secret.clone().into());
    assert!(!format!("{command:?}").contains(&secret));
    let mut process = command
        .spawn(machine("sh"), Input::Pipe)
        .await
        .expect("begun");
    let mut line = String::new();
    let mut stdout = BufReader::new(process.stdout);
    stdout.read_line(&mut line).await.expect("printed");
    assert_eq!(line.trim(), secret, "it runs, and has it");
    process.stdout = Box::pin(stdout);
    for entry in std::fs::read_dir("/proc").expect("Linux").flatten() {
        let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments);
        assert!(!arguments.contains(&secret), "{arguments}");
    }
    process.finish(b"").await.expect("ended");
}
