//! What others' packages we are made of: all of them from crates.io with a checksum, under a licence and
//! without one that `deny.toml` refuses, in two versions only where it says why. `cargo deny` judges by the
//! same file and looks for more, but takes minutes to install; this takes none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Files, Problem};
use crate::command::Cmd;

const LOCK: &str = "Cargo.lock";
const DENY: &str = "deny.toml";
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(super) fn check(files: &Files) -> Result<Vec<Problem>> {
    let packages = packages(&files.read(Path::new(LOCK))?);
    let rules = Rules::of(&files.read(Path::new(DENY))?);
    let mut problems = check_lock(&packages, &rules);
    let used = used()?;
    problems.extend(check_licences(&used, &rules));
    problems.extend(check_versions(&used, &rules));
    Ok(problems)
}

/// An entry of `Cargo.lock`.
#[derive(Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// None: a crate of this repository.
    pub(crate) source: Option<String>,
    /// The SHA-256 of what is downloaded.
    pub(crate) checksum: Option<String>,
}

/// Reads a `Cargo.lock`.
pub(crate) fn packages(lock: &str) -> Vec<Package> {
    let entries = lock.split("[[package]]").skip(1);
    let value = |entry: &str, key: &str| {
        let line = entry.lines().find_map(|line| line.strip_prefix(key));
        Some(line?.strip_prefix(" = ")?.trim_matches('"').to_owned())
    };
    entries
        .map(|entry| Package {
            name: value(entry, "name").unwrap_or_default(),
            version: value(entry, "version").unwrap_or_default(),
            source: value(entry, "source"),
            checksum: value(entry, "checksum"),
        })
        .collect()
}

/// What `deny.toml` says, as far as it is needed here.
#[derive(Debug, Default)]
struct Rules {
    licences: BTreeSet<String>,
    refused: BTreeSet<String>,
    /// Which may be there beside another version, as `name@version`.
    twice: BTreeSet<String>,
}

impl Rules {
    fn of(text: &str) -> Self {
        let mut rules = Self::default();
        let (mut table, mut list) = (String::new(), String::new());
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with('#'))
        {
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            {
                name.clone_into(&mut table);
                list.clear();
                continue;
            }
            if let Some((key, _)) = line.split_once(" = [") {
                key.clone_into(&mut list);
            }
            if line == "]" {
                list.clear();
            }
            // The first text of a line: of a table in a list, its crate.
            let Some(text) = line.split('"').nth(1) else {
                continue;
            };
            match (&*table, &*list) {
                ("licenses", "allow") => rules.licences.insert(text.to_owned()),
                ("bans", "deny") => rules.refused.insert(text.to_owned()),
                ("bans", "skip") => rules.twice.insert(text.to_owned()),
                _ => false,
            };
        }
        rules
    }

    /// Whether a licence expression leaves us one that is allowed: with AND all, with OR (or the `/` of
    /// old) one.
    fn allow(&self, expression: &str) -> bool {
        let text = expression.replace('/', " OR ");
        let mut text = text.trim();
        // Only the form `(A OR B) AND C` has parentheses in the wild; each part is looked at by itself.
        if let Some((inner, rest)) = text.strip_prefix('(').and_then(|text| text.split_once(')')) {
            let rest = rest.trim();
            let rest = rest.strip_prefix("AND").unwrap_or(rest).trim();
            return self.allow(inner) && (rest.is_empty() || self.allow(rest));
        }
        text = text.trim_end_matches(')');
        text.split(" OR ").any(|choice| {
            choice
                .split(" AND ")
                .all(|licence| self.licences.contains(licence.trim()))
        })
    }
}

fn check_lock(packages: &[Package], rules: &Rules) -> Vec<Problem> {
    let mut problems = Vec::new();
    for package in packages {
        let Package {
            name,
            version,
            source,
            checksum,
        } = package;
        if rules.refused.contains(name) {
            problems.push(problem(
                LOCK,
                format!("{name} is refused by {DENY}, which says why"),
            ));
        }
        match source.as_deref() {
            None => {}
            Some(REGISTRY) if checksum.is_some() => {}
            Some(REGISTRY) => {
                problems.push(problem(LOCK, format!("{name} {version} has no checksum")));
            }
            Some(other) => problems.push(problem(
                LOCK,
                format!("{name} {version} comes from {other}; take packages from crates.io"),
            )),
        }
    }
    problems
}

/// A package that is built for something.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Used {
    name: String,
    version: String,
    licence: String,
}

/// What is built, for all features and platforms, tests included.
fn used() -> Result<BTreeSet<Used>> {
    let tree = Cmd::cargo()
        .args([
            "tree",
            "--workspace",
            "--all-features",
            "--target",
            "all",
            "--locked",
        ])
        .args([
            "--edges",
            "normal,build,dev",
            "--prefix",
            "none",
            "--format",
            "{p}\t{l}",
        ])
        .text()?;
    let lines = tree.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| Used::of(line).with_context(|| format!("`cargo tree` said {line:?}")))
        .collect()
}

impl Used {
    /// Reads `name v1.0.0 (where it is)`, a tab and the licence.
    fn of(line: &str) -> Option<Self> {
        let (package, licence) = line.split_once('\t')?;
        let mut words = package.split_whitespace();
        Some(Self {
            name: words.next()?.to_owned(),
            version: words.next()?.strip_prefix('v')?.to_owned(),
            // `(*)` says that what it needs stands above.
            licence: licence.trim_end_matches("(*)").trim().to_owned(),
        })
    }
}

fn check_licences(used: &BTreeSet<Used>, rules: &Rules) -> Vec<Problem> {
    let refused = used.iter().filter(|package| !rules.allow(&package.licence));
    refused
        .map(|Used { name, version, licence }| {
            let licence = match licence.as_str() {
                "" => "no licence that one can look up",
                licence => licence,
            };
            let message = format!("{name} {version} has {licence}: choose another, or allow it after having read it");
            problem(DENY, message)
        })
        .collect()
}

fn check_versions(used: &BTreeSet<Used>, rules: &Rules) -> Vec<Problem> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Used { name, version, .. } in used {
        versions.entry(name).or_default().push(version);
    }
    let mut problems = Vec::new();
    for (name, found) in &versions {
        let is_explained = |version: &&&str| rules.twice.contains(&format!("{name}@{version}"));
        if found
            .iter()
            .filter(|version| !is_explained(version))
            .count()
            > 1
        {
            let message = format!(
                "{name} is used in the versions {}; bring them together, or say in `skip` of {DENY} why all \
                 but one are needed",
                found.join(", ")
            );
            problems.push(problem(LOCK, message));
        }
    }
    let is_known = |id: &&String| {
        let (name, version) = id.split_once('@').unwrap_or((id, ""));
        versions
            .get(name)
            .is_some_and(|found| found.contains(&version))
    };
    for gone in rules.twice.iter().filter(|id| !is_known(id)) {
        problems.push(problem(
            DENY,
            format!("{gone} is not used any more: take it out of `skip`"),
        ));
    }
    problems
}

fn problem(path: &str, message: String) -> Problem {
    Problem {
        path: path.into(),
        line: 0,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "[licenses]\n# \"GPL-3.0\",\nallow = [\n    \"MIT\",\n    \"Apache-2.0\",\n]\n\
        [bans]\nskip = [\n    { crate = \"b@1.0.0\", reason = \"c wants it\" },\n]\nwildcards = \"deny\"\n\
        deny = [\n    { crate = \"openssl-sys\", reason = \"no\" },\n]\n";

    fn rules() -> Rules {
        Rules::of(RULES)
    }

    #[test]
    fn a_licence_is_judged_by_its_whole_expression() {
        for good in [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT/Apache-2.0",
            "MIT AND Apache-2.0",
            "(GPL-3.0 OR MIT) AND Apache-2.0",
        ] {
            assert!(rules().allow(good), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR Apache-2.0) AND GPL-3.0",
        ] {
            assert!(!rules().allow(bad), "{bad}");
        }
        let problems = check_licences(&used(&["x v1.0.0 (/x)\t"]), &rules());
        assert!(problems[0].message.contains("no licence"), "{problems:?}");
    }

    fn used(lines: &[&str]) -> BTreeSet<Used> {
        lines
            .iter()
            .map(|line| Used::of(line).expect(line))
            .collect()
    }

    #[test]
    fn a_second_version_is_explained_or_goes() {
        let said = |lines: &[&str]| {
            let problems = check_versions(&used(lines), &rules());
            problems
                .into_iter()
                .map(|problem| problem.message)
                .collect::<Vec<_>>()
                .join("; ")
        };
        let explained = ["b v1.0.0\tMIT", "b v2.0.0\tMIT (*)"];
        assert_eq!(said(&explained), "");
        let unexplained = [&explained[..], &["a v1.0.0\tMIT", "a v2.0.0\tMIT"]].concat();
        assert!(said(&unexplained).contains("a is used in the versions 1.0.0, 2.0.0"));
        assert!(said(&[]).contains("b@1.0.0 is not used any more"));
    }

    #[test]
    fn only_whole_packages_of_the_registry_pass() {
        let entry = |name: &str, version: &str, more: &str| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n{more}\n\n")
        };
        let registry = format!("source = \"{REGISTRY}\"");
        let whole = format!("{registry}\nchecksum = \"00\"");
        let said = |lock: String| {
            let problems = check_lock(&packages(&lock), &rules());
            problems
                .into_iter()
                .map(|problem| problem.message)
                .collect::<Vec<_>>()
                .join("; ")
        };
        assert_eq!(
            said(entry("ours", "0.1.0", "") + &entry("b", "2.0.0", &whole)),
            ""
        );
        for (wrong, told) in [
            (entry("a", "1.0.0", &registry), "no checksum"),
            (
                entry("a", "1.0.0", "source = \"git+https://x\""),
                "git+https://x",
            ),
            (entry("openssl-sys", "1.0.0", &whole), "refused"),
        ] {
            let said = said(wrong);
            assert!(said.contains(told), "{said}");
        }
    }
}
