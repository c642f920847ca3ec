//! The README's "Five minutes", as they stand there.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Guard, User};

/// The lines of the section's first block of commands, but the installation: all of it is there.
fn commands() -> Vec<String> {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = fs::read_to_string(readme).expect("there");
    let (_, section) = readme.split_once("\n## Five minutes\n").expect("a section");
    let (_, block) = section.split_once("\n```sh\n").expect("a block");
    let (block, _) = block.split_once("\n```").expect("its end");
    let lines = block.lines().filter(|line| !line.is_empty());
    lines
        .filter(|line| !line.starts_with("cargo "))
        .map(str::to_owned)
        .collect()
}

#[test]
fn vps_five_minutes_go_as_the_readme_says() {
    let user = User::new();
    let _guard = Guard(&user, vec!["visits".into()]);
    let bin = Path::new(env!("CARGO_BIN_EXE_vps-docker"));
    let bin = bin.parent().expect("a directory").display();
    let repository = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    // As if it had been checked out by this user.
    let copy = user.home().join("examples");
    let copied = Command::new("cp")
        .args([
            "-r",
            &format!("{repository}/examples"),
            &copy.display().to_string(),
        ])
        .status();
    assert!(copied.expect("cp").success());

    let commands = commands();
    assert!(commands.len() > 12, "{commands:?}");
    let mut directory = user.home().to_owned();
    for line in commands {
        let (command, expected) = match line.split_once("# → ") {
            Some((command, expected)) => (command, Some(expected)),
            None => (line.as_str(), None),
        };
        let mut shell = Command::new("bash");
        shell
            .env_clear()
            .envs(user.environment())
            .env("PATH", format!("{bin}:{}", env!("PATH")))
            .current_dir(&directory)
            .stdin(Stdio::null())
            .args(["-ec", &format!("{command}\npwd >&2")]);
        let output = shell.output().expect("bash");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let heard = String::from_utf8_lossy(&output.stderr).into_owned();
        println!("$ {command}\n{said}{heard}");
        assert!(output.status.success(), "{command}: {said}{heard}");
        if let Some(expected) = expected {
            let all = format!("{said}{heard}");
            assert!(all.contains(expected.trim()), "no {expected:?} in: {all}");
        }
        let last = heard.lines().last().expect("the directory");
        directory = last.into();
    }
}
