use std::process::{Command, Stdio};
use std::sync::LazyLock;

use super::join;
use crate::model::fields;

/// Who may be at the other end: Debian's dash, the bash that root has there, Alpine's busybox.
static SHELLS: LazyLock<Vec<Vec<&str>>> = LazyLock::new(|| {
    let known = ["sh", "dash", "bash", "busybox sh"];
    let words = known.map(|shell| shell.split(' ').collect::<Vec<_>>());
    words.into_iter().filter(|shell| is_here(shell)).collect()
});

fn is_here(shell: &[&str]) -> bool {
    let mut nothing = command(shell, ":");
    nothing.stderr(Stdio::null());
    nothing.status().is_ok_and(|status| status.success())
}

fn command(shell: &[&str], line: &str) -> Command {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).args(["-c", line]);
    command
}

/// Words, each a field, arrive at a program as they are, whichever shell reads the line.
pub fn quoting(data: &[u8]) {
    // No argument has a NUL, and the system takes only so long a line.
    let words: Vec<String> = fields::fields(&data[..data.len().min(16_384)])
        .into_iter()
        .map(|word| word.replace('\0', ""))
        .collect();
    let line = format!("printf '%s\\0' {}", join(&words));
    let meant: Vec<u8> = words
        .iter()
        .flat_map(|word| word.bytes().chain([0]))
        .collect();
    assert!(!SHELLS.is_empty(), "no shell on this machine");
    for shell in &*SHELLS {
        let output = command(shell, &line).output().expect("it was here before");
        assert!(output.status.success(), "{shell:?}: {line:?}");
        assert_eq!(output.stdout, meant, "{shell:?}: {line:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shells_that_hosts_have_are_here() {
        for shell in ["sh", "bash", "busybox sh"] {
            let words: Vec<&str> = shell.split(' ').collect();
            assert!(
                SHELLS.contains(&words),
                "{shell} is missing; `cargo xtask setup` installs it"
            );
        }
    }
}
