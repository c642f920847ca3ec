//! What must hold whatever comes in, for the inputs of `fuzz/corpus/` and random changes of them. libFuzzer
//! runs the same functions on what it finds itself: `cargo xtask fuzz`.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use vps_docker_core::properties as core;

/// A target: its name, how many inputs it is given, and what must hold.
type Target = (&'static str, u32, fn(&[u8]));

/// As many as take a second or two; those that ask a shell or a Python get fewer.
const TARGETS: &[Target] = &[
    (
        "answers_contabo",
        400,
        provider_contabo::properties::answers,
    ),
    (
        "answers_digitalocean",
        400,
        provider_digitalocean::properties::answers,
    ),
    (
        "answers_hetzner",
        400,
        provider_hetzner::properties::answers,
    ),
    ("answers_vultr", 400, provider_vultr::properties::answers),
    ("cloud_init", 100, core::cloud_init),
    ("idle_log", 2000, core::idle_log),
    ("ignore", 500, core::ignore),
    ("known_hosts", 2000, core::known_hosts),
    ("listing", 2000, core::listing),
    ("quoting", 50, core::quoting),
    ("records", 1000, core::records),
    ("tags_contabo", 2000, provider_contabo::properties::tags),
    (
        "tags_digitalocean",
        2000,
        provider_digitalocean::properties::tags,
    ),
    ("tags_hetzner", 2000, provider_hetzner::properties::tags),
    ("tags_vultr", 2000, provider_vultr::properties::tags),
    ("unpack", 300, core::unpack),
    ("vps_answers", 1000, core::vps_answers),
];

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = fuzz().join("corpus").join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| fs::read(file).expect("readable"))
        .collect()
}

/// `VPS_DOCKER_SKIP_PYYAML=1` is the way to go without, as beside the code.
fn is_left_out(target: &str) -> bool {
    let skip = std::env::var_os("VPS_DOCKER_SKIP_PYYAML").is_some_and(|value| value == "1");
    target == "cloud_init" && skip && !core::PyYaml::is_here()
}

#[derive(Clone, Debug)]
enum Change {
    Put(Index, Vec<u8>),
    Over(Index, Vec<u8>),
    Cut(Index, usize),
    Twice(Index, usize),
    /// The rest of another input.
    Cross(Index, Index, Index),
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        // What has a meaning somewhere, and what is at the end of a range.
        let words = prop::sample::select(vec![
            "\0",
            "\n",
            "\t",
            "\r",
            "'",
            "\"",
            "\\",
            "$(x)",
            "/",
            "//",
            "../",
            "./",
            "**",
            "[",
            "!",
            ":",
            "=",
            "%",
            "{",
            "}",
            "null",
            "true",
            "-1",
            "0",
            "1e999",
            "18446744073709551616",
            "\u{1b}[2J",
            "\u{202e}",
            "é",
            "\u{2028}",
            "--",
            "vps-docker",
        ]);
        let words = words.prop_map(|word| word.as_bytes().to_vec());
        let bytes = prop_oneof![
            words,
            prop::collection::vec(any::<u8>(), 1..4),
            Just(vec![0xff])
        ];
        let bytes = bytes.boxed();
        let place = any::<Index>;
        prop_oneof![
            (place(), bytes.clone()).prop_map(|(at, bytes)| Self::Put(at, bytes)),
            (place(), bytes).prop_map(|(at, bytes)| Self::Over(at, bytes)),
            (place(), 1..24_usize).prop_map(|(at, length)| Self::Cut(at, length)),
            (place(), 1..24_usize).prop_map(|(at, length)| Self::Twice(at, length)),
            (place(), place(), place())
                .prop_map(|(which, here, there)| Self::Cross(which, here, there)),
        ]
    }

    fn make(self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let end = |at: usize, length: usize, input: &[u8]| (at + length).min(input.len());
        match self {
            Self::Put(at, bytes) => {
                let at = at.index(input.len() + 1);
                input.splice(at..at, bytes);
            }
            Self::Over(at, bytes) => {
                let at = at.index(input.len() + 1);
                let end = end(at, bytes.len(), input);
                input.splice(at..end, bytes);
            }
            Self::Cut(at, length) => {
                let at = at.index(input.len() + 1);
                input.drain(at..end(at, length, input));
            }
            Self::Twice(at, length) => {
                let at = at.index(input.len() + 1);
                let again = input[at..end(at, length, input)].to_vec();
                input.splice(at..at, again);
            }
            Self::Cross(which, here, there) => {
                let other = which.get(corpus);
                input.truncate(here.index(input.len() + 1));
                input.extend(&other[there.index(other.len() + 1)..]);
            }
        }
    }
}

fn holds(target: &str) {
    let (_, cases, property) = TARGETS
        .iter()
        .find(|(name, ..)| *name == target)
        .expect("named above");
    if is_left_out(target) {
        eprintln!("SKIPPED: {target} needs a python3 with PyYAML");
        return;
    }
    let corpus = corpus(target);
    property(b"");
    corpus.iter().for_each(|input| property(input));
    let changes = (any::<Index>(), prop::collection::vec(Change::any(), 1..8));
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(*cases)
    });
    let outcome = runner.run(&changes, |(which, changes)| {
        let mut input = which.get(&corpus).clone();
        changes
            .into_iter()
            .for_each(|change| change.make(&mut input, &corpus));
        property(&input);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

macro_rules! tests {
    ($($target:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($target)),*];
        $(#[test]
        fn $target() {
            holds(stringify!($target));
        })*
    };
}

tests! {
    answers_contabo answers_digitalocean answers_hetzner answers_vultr cloud_init idle_log ignore known_hosts
    listing quoting records tags_contabo tags_digitalocean tags_hetzner tags_vultr unpack vps_answers
}

/// What is fuzzed is tested, and the other way round.
#[test]
fn both_drivers_know_the_same_targets() {
    let names = |directory: &str| {
        let mut names: Vec<String> = fs::read_dir(fuzz().join(directory))
            .expect("readable")
            .map(|entry| entry.expect("readable").path())
            .map(|path| {
                path.file_stem()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    };
    let targets: Vec<&str> = TARGETS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names("fuzz_targets"), targets);
    assert_eq!(names("corpus"), targets);
    assert_eq!(TESTED, targets);
}
