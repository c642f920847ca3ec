use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::rust_source::Code;
use super::{Files, Problem};

/// The order of the modules of `vps-docker-core`. A module uses itself and what stands above it;
/// those of one line do not know one another. Documentation may point anywhere, and tests may use
/// anything. A new module needs a place here.
const ORDER: &[&[&str]] = &[
    &["step"],
    &["model"],
    &["error"],
    &["keys"],
    &["client", "cloud_init", "http", "ssh", "tls"],
    &["files"],
    &["registry", "docker", "store"],
    &["adopted", "idle"],
    &["lifecycle"],
    &["application"],
    // For tests and fuzzing only.
    &["properties"],
];

/// What is allowed against the order.
const ALSO: &[(&str, &str)] = &[
    // They know each other: an error carries an InstanceId, and what parses returns an error.
    ("model", "error"),
];

const SOURCE: &str = "vps-docker-core/src";
const HERE: &str = "xtask/src/tidy/modules.rs";

pub(super) fn check(files: &Files) -> Result<Vec<Problem>> {
    let mut sources = BTreeMap::new();
    for path in files.with_extension("rs") {
        if let Ok(inside) = path.strip_prefix(SOURCE) {
            sources.insert(inside.to_owned(), files.read(path)?);
        }
    }
    Ok(check_sources(&sources))
}

/// Texts of files by their path inside the source directory.
fn check_sources(sources: &BTreeMap<PathBuf, String>) -> Vec<Problem> {
    let mut exports = BTreeMap::new();
    if let Some(root) = sources.get(Path::new("lib.rs")) {
        exports.extend(Code::of(root).without_tests().0.exports());
    }
    let mut codes = BTreeMap::new();
    let mut tests: Vec<Vec<String>> = Vec::new();
    for (path, text) in sources {
        let module = module_of(path);
        let (code, test_modules) = Code::of(text).without_tests();
        tests.extend(
            test_modules
                .into_iter()
                .map(|name| [&module[..], &[name]].concat()),
        );
        codes.insert(path, (module, code));
    }
    let mut problems = Vec::new();
    for (path, (module, code)) in codes {
        // The root names everything: that is what it is for.
        let Some(top) = module.first() else { continue };
        if tests.iter().any(|test| module.starts_with(test)) {
            continue;
        }
        let mut problem = |line, message| {
            problems.push(Problem {
                path: Path::new(SOURCE).join(path),
                line,
                message,
            });
        };
        if rank(top).is_none() {
            problem(
                0,
                format!(
                    "the module {top} has no place in the order of modules: \
                     give it one in ORDER of {HERE}"
                ),
            );
            continue;
        }
        for named in code.paths(&module) {
            let first = named.segments.first().map_or("", String::as_str);
            let target = match exports.get(first) {
                _ if rank(first).is_some() => first,
                Some(exported) => exported,
                None => {
                    problem(
                        named.line,
                        format!(
                            "cannot tell whose `crate::{first}` is: \
                             write the path of the module that it lives in"
                        ),
                    );
                    continue;
                }
            };
            if !allowed(top, target) {
                problem(
                    named.line,
                    format!("{top} must not use {target}: see ORDER in {HERE}"),
                );
            }
        }
    }
    problems
}

fn allowed(from: &str, to: &str) -> bool {
    from == to || ALSO.contains(&(from, to)) || rank(to) < rank(from) && rank(to).is_some()
}

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|line| line.contains(&module))
}

/// The module that a file is: `a/b.rs` and `a/b/mod.rs` are `a::b`, `lib.rs` is the root.
fn module_of(path: &Path) -> Vec<String> {
    let path = path.with_extension("");
    let mut parts: Vec<String> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if parts
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        parts.pop();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(sources: &[(&str, &str)]) -> Vec<String> {
        let sources = sources
            .iter()
            .map(|(path, text)| (PathBuf::from(path), (*text).to_owned()))
            .collect();
        let problems = check_sources(&sources);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn leftwards_is_fine() {
        let fine = [
            (
                "lib.rs",
                "pub use client::VpsClient; mod error; pub use error::Error;",
            ),
            ("error.rs", "use crate::model::InstanceId;"),
            (
                "model/id.rs",
                "use super::near::near; fn f() -> crate::Error {}",
            ),
            (
                "lifecycle/mod.rs",
                "use crate::{VpsClient, docker::x, ssh::Transport};",
            ),
            (
                "store/journal.rs",
                "use super::super::keys::Key; use self::inner::X;",
            ),
        ];
        assert_eq!(messages(&fine), [""; 0]);
    }

    #[test]
    fn rightwards_and_sidewards_are_not() {
        for (path, text) in [
            ("model/id.rs", "use crate::client::Capabilities;"),
            ("error.rs", "use crate::registry::Registry;"),
            ("ssh/mod.rs", "use crate::client::VpsClient;"),
            ("ssh/mod.rs", "fn f() { crate::docker::g() }"),
            ("docker.rs", "use crate::{model::X, store::Y};"),
            ("keys/mod.rs", "use super::lifecycle::Host;"),
            ("keys/a/b.rs", "use super::super::super::store;"),
            ("docker/mod.rs", "use crate::lifecycle::Host;"),
        ] {
            let found = messages(&[(path, text)]);
            assert_eq!(found.len(), 1, "{path}: {text}: {found:?}");
            assert!(found[0].contains("must not use"), "{found:?}");
        }
    }

    #[test]
    fn what_the_root_exports_counts_as_its_module() {
        let root = ("lib.rs", "pub use lifecycle::{Host, VpsDockerProvider};");
        let found = messages(&[root, ("client/mod.rs", "\nuse crate::VpsDockerProvider;")]);
        assert_eq!(
            found,
            [
                "vps-docker-core/src/client/mod.rs:2: client must not use lifecycle: \
              see ORDER in xtask/src/tidy/modules.rs"
            ]
        );
    }

    #[test]
    fn what_cannot_be_told_is_refused() {
        assert_eq!(messages(&[("client/mod.rs", "use crate::*;")]).len(), 1);
        assert_eq!(messages(&[("client.rs", "use crate::Unknown;")]).len(), 1);
    }

    #[test]
    fn documents_and_tests_may_point_anywhere() {
        let fine = [
            (
                "client/mod.rs",
                "//! [x](crate::lifecycle)\n#[cfg(test)]\nmod tests { use crate::lifecycle::Host; }\n\
                 #[cfg(test)]\nmod more;",
            ),
            ("client/more.rs", "use crate::lifecycle::Host;"),
        ];
        assert_eq!(messages(&fine), [""; 0]);
    }

    #[test]
    fn a_module_without_a_place_names_the_table() {
        let found = messages(&[("fleet.rs", "")]);
        assert!(
            found[0].contains("ORDER of xtask/src/tidy/modules.rs"),
            "{found:?}"
        );
    }
}
