use anyhow::{Context as _, Result};

use super::Problem;
use crate::command::Cmd;

/// Which of our crates may use which other of ours, in programs and, besides, in tests. A `*`
/// stands for any ending. Direction: core ← provider-* ← vps-docker ← cli, and core ← testkit.
const RULES: &[Rule] = &[
    Rule::new("vps-docker-core", &[], &[]),
    Rule::new("provider-*", &["vps-docker-core"], &["vps-docker-testkit"]),
    // Its simulators put real machines behind an API: those of the local provider.
    Rule::new(
        "vps-docker-testkit",
        &["vps-docker-core", "provider-local"],
        &[],
    ),
    Rule::new(
        "vps-docker",
        &["vps-docker-core", "provider-*"],
        &["vps-docker-testkit"],
    ),
    Rule::new("vps-docker-cli", &["vps-docker"], &["vps-docker-testkit"]),
    Rule::new("xtask", &[], &[]),
];

/// What a crate must not use of others: providers make instances, the engine speaks SSH.
const FORBIDDEN: &[(&str, &[&str])] = &[("provider-*", &["openssh*", "russh*", "ssh2"])];

#[derive(Debug)]
struct Rule {
    name: &'static str,
    may: &'static [&'static str],
    tests_may: &'static [&'static str],
}

impl Rule {
    const fn new(
        name: &'static str,
        may: &'static [&'static str],
        tests_may: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            may,
            tests_may,
        }
    }
}

/// That one crate names another in its Cargo.toml.
#[derive(Debug)]
pub(super) struct Dependency {
    from: String,
    /// None: the crate itself, which may have no dependency at all.
    to: Option<String>,
    only_in_tests: bool,
}

/// The direct dependencies of our crates, for all features and platforms.
pub(super) fn dependencies() -> Result<Vec<Dependency>> {
    let mut all = Vec::new();
    for (edges, only_in_tests) in [("normal,build", false), ("dev", true)] {
        let tree = Cmd::cargo()
            .args(["tree", "--workspace", "--depth", "1", "--prefix", "depth"])
            .args(["--no-dedupe", "--all-features", "--target", "all"])
            .args(["--format", " {p}", "--edges", edges])
            .text()?;
        all.extend(parse(&tree, only_in_tests)?);
    }
    Ok(all)
}

/// Reads lines of `0 from v0.1.0 (…)`, each followed by its `1 to v1.2.3`.
fn parse(tree: &str, only_in_tests: bool) -> Result<Vec<Dependency>> {
    let mut from = String::new();
    let mut dependencies = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        let (depth, name) = words
            .next()
            .zip(words.next())
            .with_context(|| format!("`cargo tree` said {line:?}"))?;
        let to = match depth {
            "0" => {
                name.clone_into(&mut from);
                None
            }
            _ => Some(name.to_owned()),
        };
        dependencies.push(Dependency {
            from: from.clone(),
            to,
            only_in_tests,
        });
    }
    Ok(dependencies)
}

pub(super) fn check(dependencies: &[Dependency]) -> Vec<Problem> {
    let ours = |name: &str| dependencies.iter().any(|known| known.from == name);
    let mut problems: Vec<Problem> = Vec::new();
    for dependency in dependencies {
        let from = dependency.from.as_str();
        let Some(rule) = RULES.iter().find(|rule| matches(rule.name, from)) else {
            problems.push(problem(format!(
                "the crate {from} has no place in the order of crates: \
                 give it one in RULES of xtask/src/tidy/crates.rs"
            )));
            continue;
        };
        let Some(to) = dependency.to.as_deref() else {
            continue;
        };
        let allowed = any(rule.may, to) || (dependency.only_in_tests && any(rule.tests_may, to));
        if ours(to) && !allowed {
            let place = if dependency.only_in_tests {
                ", not even in tests"
            } else {
                ""
            };
            problems.push(problem(format!(
                "{from} must not depend on {to}{place}: \
                 core ← provider-* ← vps-docker ← cli, and core ← testkit"
            )));
        }
        for (name, forbidden) in FORBIDDEN {
            if matches(name, from) && any(forbidden, to) {
                problems.push(problem(format!(
                    "{from} must not depend on {to}: what speaks SSH is the engine's"
                )));
            }
        }
    }
    problems.sort_by(|a, b| a.message.cmp(&b.message));
    problems.dedup();
    problems
}

fn problem(message: String) -> Problem {
    Problem {
        path: "Cargo.toml".into(),
        line: 0,
        message,
    }
}

fn any(patterns: &[&str], name: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, name))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
0 provider-local v0.1.0 (/ours/provider-local)
1 bollard v0.21.0
1 async-trait v0.1.92 (proc-macro)
1 vps-docker-core v0.1.0 (/ours/vps-docker-core)

0 vps-docker v0.1.0 (/ours)
1 provider-local v0.1.0 (/ours/provider-local)
1 vps-docker-core v0.1.0 (/ours/vps-docker-core)

0 vps-docker-core v0.1.0 (/ours/vps-docker-core)
1 openssh v0.11.6

0 xtask v0.1.0 (/ours/xtask)
";

    fn messages(tree: &str, only_in_tests: bool) -> Vec<String> {
        let dependencies = parse(tree, only_in_tests).expect("a tree");
        let problems = check(&dependencies);
        problems
            .into_iter()
            .map(|problem| problem.message)
            .collect()
    }

    #[test]
    fn the_order_is_fine() {
        assert_eq!(messages(GOOD, false), [""; 0]);
    }

    #[test]
    fn a_dependency_to_the_right_is_not() {
        for (wrong, what) in [
            (
                "0 vps-docker-core v0\n1 provider-local v0\n0 provider-local v0\n",
                "core",
            ),
            (
                "0 provider-a v0\n1 provider-b v0\n0 provider-b v0\n",
                "each other",
            ),
            (
                "0 provider-a v0\n1 vps-docker v0\n0 vps-docker v0\n",
                "the facade",
            ),
            ("0 provider-a v0\n1 openssh v0\n", "SSH"),
            (
                "0 xtask v0\n1 vps-docker-core v0\n0 vps-docker-core v0\n",
                "xtask",
            ),
            ("0 newcomer v0\n", "not in the table"),
        ] {
            assert_eq!(messages(wrong, false).len(), 1, "{what}: {wrong}");
        }
    }

    #[test]
    fn the_test_kit_is_for_tests() {
        let tree = "0 provider-a v0\n1 vps-docker-testkit v0\n0 vps-docker-testkit v0\n";
        assert_eq!(messages(tree, true), [""; 0]);
        assert_eq!(messages(tree, false).len(), 1);
    }
}
