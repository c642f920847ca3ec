//! libFuzzer on the targets in `fuzz/`. The tests run the same functions, with fewer inputs.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::command::{Cmd, cargo_has};
use crate::{root, usage};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::of(arguments)?;
    let known = targets()?;
    let targets: Vec<&String> = match &options.target {
        None => known.iter().collect(),
        Some(target) if known.contains(target) => vec![target],
        Some(target) => bail!("there is no target {target:?}; known: {}", known.join(", ")),
    };
    if !cargo_has("fuzz") {
        bail!("cargo-fuzz is not installed: `cargo install cargo-fuzz --locked`, a minute");
    }
    let nightly = has_nightly();
    if !nightly {
        eprintln!(
            "no nightly tool chain (`rustup toolchain install nightly`): without the address sanitizer, which \
             finds little where there is no unsafe code"
        );
    }
    for target in targets {
        fuzz(target, options.seconds, nightly)?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Options {
    target: Option<String>,
    seconds: u64,
}

impl Options {
    fn of(arguments: &[String]) -> Result<Self> {
        let mut options = Self {
            target: None,
            seconds: 60,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            if argument == "--seconds" {
                let seconds = rest.next().and_then(|text| text.parse().ok());
                options.seconds = seconds
                    .filter(|seconds| *seconds > 0)
                    .ok_or_else(|| usage("`--seconds` wants a number"))?;
            } else if argument.starts_with('-') || options.target.is_some() {
                return Err(usage(format!("`fuzz` does not know {argument:?}")));
            } else {
                options.target = Some(argument.clone());
            }
        }
        Ok(options)
    }
}

fn targets() -> Result<Vec<String>> {
    let directory = root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        names.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    names.sort();
    Ok(names)
}

fn has_nightly() -> bool {
    let list = Cmd::new("rustup").args(["toolchain", "list"]).output();
    list.is_ok_and(|list| {
        let names = String::from_utf8_lossy(&list.stdout);
        names.lines().any(|name| name.starts_with("nightly"))
    })
}

/// What is found goes below `target/`; the corpus of the repository is read and not changed.
fn fuzz(target: &str, seconds: u64, nightly: bool) -> Result<()> {
    let found = root().join("target/fuzz-corpus").join(target);
    fs::create_dir_all(&found).with_context(|| found.display().to_string())?;
    let (command, sanitizer) = match nightly {
        true => (
            Cmd::new("rustup").args(["run", "nightly", "cargo"]),
            "address",
        ),
        // The coverage that libFuzzer lives by is a flag of the compiler's that stable does not let through.
        false => (Cmd::cargo().env("RUSTC_BOOTSTRAP", "1"), "none"),
    };
    command
        .args(["fuzz", "run", "--sanitizer", sanitizer, target])
        .arg(found)
        .arg(Path::new("fuzz/corpus").join(target))
        .args(["--", "-timeout=20", "-max_len=4096"])
        .arg(format!("-max_total_time={seconds}"))
        .run()
        .with_context(|| {
            format!(
                "{target} does not hold; the input is below fuzz/artifacts/{target}: mend it, and add it to \
                 fuzz/corpus/{target}, which the tests run"
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Options> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::of(&words)
    }

    #[test]
    fn one_target_or_all_for_as_long_as_one_says() {
        let all = options("").expect("legal");
        assert_eq!((all.target, all.seconds), (None, 60));
        let one = options("quoting --seconds 600").expect("legal");
        assert_eq!((one.target.as_deref(), one.seconds), (Some("quoting"), 600));
        for bad in ["--seconds", "--seconds 0", "a b", "--all"] {
            options(bad).expect_err(bad);
        }
    }

    #[test]
    fn an_unknown_target_lists_the_known() {
        let error = run(&["no-such".to_owned()]).expect_err("unknown");
        assert!(error.to_string().contains("quoting"), "{error}");
    }
}
