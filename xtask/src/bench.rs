//! Measurements: programs in `benches/` that print what they find.

use std::fs;

use anyhow::{Result, bail};

use crate::command::Cmd;
use crate::{root, setup};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let known = known()?;
    let Some((name, rest)) = arguments.split_first() else {
        if known.is_empty() {
            println!("there are no measurements in benches/ yet");
        }
        for (name, about) in known {
            println!("cargo xtask bench {name:<16} {about}");
        }
        return Ok(());
    };
    if !known.iter().any(|(known, _)| known == name) {
        let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
        bail!(
            "there is no measurement {name:?} in benches/; known: {}",
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        );
    }
    setup::all()?;
    // A leading `--` is what people write out of habit.
    let rest = match rest.split_first() {
        Some((dashes, rest)) if dashes == "--" => rest,
        _ => rest,
    };
    Cmd::cargo()
        .args(["bench", "-p", "vps-docker", "--bench", name, "--"])
        .args(rest)
        .run()
}

/// Name and first line of documentation of each.
fn known() -> Result<Vec<(String, String)>> {
    let directory = root().join("benches");
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let mut known = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let (Some(name), Some("rs")) = (
            path.file_stem().and_then(|name| name.to_str()),
            path.extension().and_then(|extension| extension.to_str()),
        ) else {
            continue;
        };
        known.push((name.to_owned(), about(&fs::read_to_string(&path)?)));
    }
    known.sort();
    Ok(known)
}

fn about(source: &str) -> String {
    let first = source.lines().find_map(|line| line.strip_prefix("//! "));
    first.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_is_described_by_its_first_line() {
        assert_eq!(
            about("//! How long a create takes.\n//! More.\n"),
            "How long a create takes."
        );
        assert_eq!(about("fn main() {}\n"), "");
    }

    #[test]
    fn an_unknown_measurement_lists_the_known() {
        let error = run(&["no-such".to_owned()]).expect_err("unknown");
        assert!(error.to_string().contains("known: "), "{error}");
    }
}
