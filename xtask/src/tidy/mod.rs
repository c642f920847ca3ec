//! Our own rules, which no other tool holds. One file per rule, each with its table at the top.

mod crates;
mod library;
mod links;
mod modules;
pub(crate) mod packages;
mod rust_source;
mod shell;
mod test_table;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::root;

/// Checks every rule and shows everything that breaks one.
pub(crate) fn run() -> Result<()> {
    let root = root();
    let files = Files::below(&root)?;
    let mut problems = crates::check(&crates::dependencies()?);
    problems.extend(modules::check(&files)?);
    problems.extend(library::check(&files)?);
    problems.extend(links::check(&files)?);
    problems.extend(packages::check(&files)?);
    problems.extend(shell::check(&files)?);
    problems.extend(test_table::check(&files)?);
    for problem in &problems {
        eprintln!("{problem}");
    }
    if !problems.is_empty() {
        bail!(
            "our own rules (CONTRIBUTING.md) are broken in {} place(s)",
            problems.len()
        );
    }
    eprintln!("{} files keep our own rules", files.paths.len());
    Ok(())
}

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    path: PathBuf,
    /// From 1 on; 0 is the file as a whole.
    line: usize,
    message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// The files of the repository, by their paths from its root.
#[derive(Debug)]
struct Files {
    root: PathBuf,
    paths: Vec<PathBuf>,
}

impl Files {
    fn below(root: &Path) -> Result<Self> {
        let mut files = Self {
            root: root.to_owned(),
            paths: Vec::new(),
        };
        files.collect(root)?;
        files.paths.sort();
        Ok(files)
    }

    fn collect(&mut self, directory: &Path) -> Result<()> {
        // Whatever its name, a cache (a target directory above all) is not ours.
        if directory.join("CACHEDIR.TAG").exists() {
            return Ok(());
        }
        let entries = fs::read_dir(directory)
            .with_context(|| format!("cannot list {}", directory.display()))?;
        for entry in entries {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if entry.file_name() == ".git" || entry.file_name() == "target" {
                continue;
            }
            if kind.is_dir() {
                self.collect(&path)?;
            } else if kind.is_file() {
                let path = path.strip_prefix(&self.root).unwrap_or(&path);
                self.paths.push(path.to_owned());
            }
        }
        Ok(())
    }

    fn with_extension(&self, extension: &str) -> impl Iterator<Item = &Path> {
        self.paths
            .iter()
            .map(PathBuf::as_path)
            .filter(move |path| path.extension().is_some_and(|found| found == extension))
    }

    fn read(&self, path: &Path) -> Result<String> {
        let full = self.root.join(path);
        fs::read_to_string(&full).with_context(|| format!("cannot read {}", full.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_look_like_those_of_a_compiler() {
        let mut problem = Problem {
            path: "src/lib.rs".into(),
            line: 7,
            message: "no".to_owned(),
        };
        assert_eq!(problem.to_string(), "src/lib.rs:7: no");
        problem.line = 0;
        assert_eq!(problem.to_string(), "src/lib.rs: no");
    }

    #[test]
    fn this_file_is_found_and_build_products_are_not() {
        let files = Files::below(&root()).expect("the repository");
        assert!(files.paths.contains(&"xtask/src/tidy/mod.rs".into()));
        let built = |path: &PathBuf| path.starts_with("target") || path.starts_with(".git");
        assert!(!files.paths.iter().any(built));
    }
}
