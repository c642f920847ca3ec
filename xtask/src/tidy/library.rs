use std::path::Path;

use anyhow::Result;

use super::rust_source::Code;
use super::{Files, Problem};

/// What library code does not do, and what it does instead.
const FORBIDDEN: &[(&str, &str)] = &[
    ("print!", SILENT),
    ("println!", SILENT),
    ("eprint!", SILENT),
    ("eprintln!", SILENT),
    ("dbg!", SILENT),
    ("io::stdin", SILENT),
    ("io::stdout", SILENT),
    ("io::stderr", SILENT),
    ("env::args", CALLER),
    ("env::var", CALLER),
    ("env::set_var", CALLER),
    ("env::remove_var", CALLER),
    ("env::set_current_dir", CALLER),
    ("env::home_dir", CALLER),
    ("home_dir(", CALLER),
    (
        "env::{",
        "name the module, as in `env::temp_dir()`, so that one sees what is read",
    ),
    (
        "process::exit",
        "return an error; only a program ends itself",
    ),
    (
        ".unwrap()",
        "return an error, or `expect` with the reason why it cannot fail",
    ),
];

const SILENT: &str = "a library is silent: return it, or use an event or `tracing`";
const CALLER: &str = "a library reads neither environment nor home: let the caller pass the value";

/// Programs, which may do all that. Besides these: `src/main.rs` and `src/bin/` of any crate.
const PROGRAMS: &[&str] = &["xtask", "vps-docker-cli", "fuzz"];

/// What a file may do all the same.
const ALLOWED: &[(&str, &str)] = &[
    // Every test that wants the providers' documents finds them in the same way.
    (
        "vps-docker-testkit/src/cloud_sim/openapi/mod.rs",
        "env::var",
    ),
];

/// More lines than this need a reason.
const LONG: usize = 600;
const REASON: &str = "//! Long because";

pub(super) fn check(files: &Files) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let mut libraries = Vec::new();
    for path in files.with_extension("rs") {
        let text = files.read(path)?;
        problems.extend(check_length(path, &text));
        if is_library(path) {
            libraries.push((path.to_owned(), text));
        }
    }
    problems.extend(check_libraries(&libraries));
    Ok(problems)
}

fn check_libraries<P: AsRef<Path>>(files: &[(P, String)]) -> Vec<Problem> {
    let mut tests = Vec::new();
    let mut codes = Vec::new();
    for (path, text) in files {
        let path = path.as_ref();
        let (code, modules) = Code::of(text).without_tests();
        // The children of `a/mod.rs` lie beside it, those of `a.rs` in `a/`.
        let directory = match path.file_stem().and_then(|stem| stem.to_str()) {
            Some("mod" | "lib") => path.parent().unwrap_or(path).to_owned(),
            _ => path.with_extension(""),
        };
        tests.extend(modules.iter().map(|name| directory.join(name)));
        codes.push((path, code));
    }
    let is_test = |path: &Path| {
        let module = path.with_extension("");
        tests.iter().any(|test| module.starts_with(test))
    };
    let mut problems = Vec::new();
    for (path, code) in codes.iter().filter(|(path, _)| !is_test(path)) {
        for (line, text) in code.lines() {
            for (forbidden, instead) in FORBIDDEN {
                let is_allowed = ALLOWED.contains(&(path.to_str().unwrap_or_default(), forbidden));
                if holds(text, forbidden) && !is_allowed {
                    problems.push(Problem {
                        path: path.to_path_buf(),
                        line,
                        message: format!("`{forbidden}`: {instead}"),
                    });
                }
            }
        }
    }
    problems
}

fn check_length(path: &Path, text: &str) -> Option<Problem> {
    let lines = text.lines().count();
    let mut top = text.lines().take_while(|line| line.starts_with("//!"));
    let too_long = lines > LONG && !top.any(|line| line.starts_with(REASON));
    too_long.then(|| Problem {
        path: path.to_owned(),
        line: 0,
        message: format!(
            "{lines} lines: split it, or say why not at its top (`{REASON} …`); \
             up to {LONG} need no reason"
        ),
    })
}

fn is_library(path: &Path) -> bool {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    match parts.as_slice() {
        ["src", rest @ ..] => !is_program(rest),
        [package, "src", rest @ ..] => !PROGRAMS.contains(package) && !is_program(rest),
        _ => false,
    }
}

fn is_program(inside: &[&str]) -> bool {
    matches!(inside, ["main.rs"] | ["bin", ..])
}

/// Whether the line has the text, not as the end of a longer word.
fn holds(line: &str, text: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(text)
        .any(|(at, _)| !text.starts_with(word) || !line[..at].ends_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check_libraries(&[(path, text.to_owned())]).len()
    }

    #[test]
    fn what_is_forbidden_is_found() {
        for text in [
            "println!(\"x\");",
            "std::eprint!(\"x\");",
            "let x = dbg!(y);",
            "let t = std::env::var(\"TOKEN\");",
            "let t = env::var_os(\"TOKEN\");",
            "use std::env::{var};",
            "let h = dirs::home_dir();",
            "std::io::stdout().write_all(b)?;",
            "x.unwrap();",
            "std::process::exit(1);",
        ] {
            assert_eq!(found("a/src/b.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        for text in [
            "// println!(\"x\")\n/// x.unwrap()\n",
            "let help = \"set it with env::var\";",
            "env!(\"CARGO_PKG_VERSION\"); std::env::consts::OS; x.unwrap_or_default();",
            "blueprint!(x); x.expect(\"checked above\");",
            "#[cfg(test)]\nmod tests { fn f() { println!(); x.unwrap(); } }",
        ] {
            assert_eq!(found("a/src/b.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn test_modules_in_files_of_their_own_may() {
        let files = [
            ("a/src/b/mod.rs", "#[cfg(test)]\nmod tests;".to_owned()),
            ("a/src/b/tests.rs", "fn f() { x.unwrap(); }".to_owned()),
            ("a/src/c.rs", "#[cfg(test)]\nmod more;".to_owned()),
            ("a/src/c/more/deep.rs", "fn f() { x.unwrap(); }".to_owned()),
        ];
        assert_eq!(check_libraries(&files), []);
    }

    #[test]
    fn programs_tests_and_examples_are_no_libraries() {
        for path in [
            "src/lib.rs",
            "provider-local/src/client.rs",
            "vps-docker-testkit/src/lib.rs",
        ] {
            assert!(is_library(Path::new(path)), "{path}");
        }
        for path in [
            "xtask/src/main.rs",
            "vps-docker-cli/src/ssh.rs",
            "vps-docker-testkit/src/bin/cloud-sim.rs",
            "examples/create_host.rs",
            "tests/create.rs",
            "vps-docker-core/tests/yaml.rs",
            "benches/create.rs",
        ] {
            assert!(!is_library(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn a_long_file_needs_a_reason_at_its_top() {
        let path = Path::new("x.rs");
        let long = "fn f() {}\n".repeat(LONG + 1);
        assert!(check_length(path, &long).is_some());
        let elsewhere = format!("{long}{REASON} of this.\n");
        assert!(check_length(path, &elsewhere).is_some());
        let reasoned = format!("//! A table.\n//!\n{REASON} it is one table.\n\n{long}");
        assert!(check_length(path, &reasoned).is_none());
        assert!(check_length(path, &"\n".repeat(LONG)).is_none());
    }
}
