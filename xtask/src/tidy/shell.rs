use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Files, Problem};
use crate::command::{Cmd, installed};

/// What shellcheck holds against scripts that is no fault in ours.
const EXCLUDED: &[(&str, &str)] = &[
    // Our assets come together only on the VPS or in the image, so it sees one at a time.
    (
        "SC1090",
        "a file that is read under a name only known there",
    ),
    ("SC1091", "a file that is read and lies elsewhere here"),
    ("SC2034", "a variable that another file uses"),
    ("SC2154", "a variable that another file sets"),
    // Habits of ours, meant as they are.
    ("SC2015", "`a && b || c`"),
    ("SC2016", "a `$` in single quotes: it is for another shell"),
    (
        "SC2174",
        "`mkdir -p -m`, where the mode is for the last directory",
    ),
];

/// Every shell script can be read by its shell, and shellcheck (if there is one) is content. A
/// script without a first line that says otherwise is for any POSIX shell.
pub(super) fn check(files: &Files) -> Result<Vec<Problem>> {
    let (mut posix, mut bash) = (Vec::new(), Vec::new());
    for path in files.with_extension("sh").chain(ci(files)) {
        match Shell::of(&files.read(path)?) {
            Shell::Posix => posix.push(path.to_owned()),
            Shell::Bash => bash.push(path.to_owned()),
        }
    }
    let strict = if installed("dash") { "dash" } else { "sh" };
    let mut problems = check_scripts(strict, "sh", &files.root, &posix)?;
    problems.extend(check_scripts("bash", "bash", &files.root, &bash)?);
    Ok(problems)
}

#[derive(Debug, PartialEq, Eq)]
enum Shell {
    Posix,
    Bash,
}

impl Shell {
    fn of(text: &str) -> Self {
        match text.lines().next() {
            Some(first) if first.starts_with("#!") && first.contains("bash") => Self::Bash,
            _ => Self::Posix,
        }
    }
}

/// The scripts that have no extension.
fn ci(files: &Files) -> impl Iterator<Item = &Path> {
    let paths = files.paths.iter().map(PathBuf::as_path);
    paths.filter(|path| path.starts_with(".ci") && path.extension().is_none())
}

fn check_scripts(
    shell: &str,
    dialect: &str,
    root: &Path,
    scripts: &[PathBuf],
) -> Result<Vec<Problem>> {
    let inside = format!("{}/", root.display());
    let mut problems = Vec::new();
    for script in scripts {
        let mut checks = vec![Cmd::new(shell).arg("-n")];
        if installed("shellcheck") {
            let excluded: Vec<&str> = EXCLUDED.iter().map(|(code, _)| *code).collect();
            checks.push(
                Cmd::new("shellcheck")
                    .arg("--format=gcc")
                    .arg(format!("--shell={dialect}"))
                    .arg(format!("--exclude={}", excluded.join(","))),
            );
        }
        for check in checks {
            let output = check.arg(root.join(script)).output()?;
            if !output.status.success() {
                let said = [output.stdout, output.stderr].concat();
                problems.push(Problem {
                    path: script.clone(),
                    line: 0,
                    message: String::from_utf8_lossy(&said).trim().replace(&inside, ""),
                });
            }
        }
    }
    Ok(problems)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn problems(name: &str, text: &str) -> Vec<Problem> {
        let directory = std::env::temp_dir();
        let script = PathBuf::from(format!("xtask-{name}-{}.sh", std::process::id()));
        std::fs::write(directory.join(&script), text).expect("written");
        let problems = check_scripts("sh", "sh", &directory, std::slice::from_ref(&script));
        std::fs::remove_file(directory.join(&script)).expect("removed");
        problems.expect("a shell")
    }

    #[test]
    fn a_script_that_cannot_be_read_is_found() {
        assert_eq!(
            problems("good", "#!/bin/sh\nif true; then echo yes; fi\n"),
            []
        );
        let found = problems("bad", "#!/bin/sh\nif true; then echo yes\n");
        assert!(!found.is_empty());
        assert!(found[0].message.contains("nexpected"), "{found:?}");
    }

    #[test]
    fn the_first_line_names_the_shell() {
        assert_eq!(Shell::of("#!/usr/bin/env bash\n"), Shell::Bash);
        assert_eq!(Shell::of("#!/bin/sh\n# not bash\n"), Shell::Posix);
        assert_eq!(Shell::of("echo bash\n"), Shell::Posix);
    }
}
