use std::collections::VecDeque;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::{ImageReference, base32, near_matches};
use crate::error::{Error, ErrorKind, Result};

/// A list of build args, taken apart: those that begin with `--vps-` are the provider's, the others
/// are for `docker build`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildArgs {
    /// The value of `--vps-region`.
    pub region: Option<String>,
    /// The value of `--vps-plan`.
    pub plan: Option<String>,
    /// The value of `--vps-os`.
    pub os: Option<String>,
    /// What is to be built, where the others name a build context.
    pub build: Option<ImageBuild>,
}

/// An image that is built on the VPS by its `docker build`.
///
/// What `docker build` would read on this side (context, Dockerfile, secrets) is named here and
/// sent; everything else reaches it untouched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageBuild {
    /// What is built of.
    pub context: BuildContext,
    /// The Dockerfile, on this side, relative to the working directory as in `docker build`;
    /// `Dockerfile` in the context when absent. With a remote context it is a path inside it.
    pub dockerfile: Option<PathBuf>,
    /// What a `RUN --mount=type=secret` may read.
    pub secrets: Vec<BuildSecret>,
    /// All other arguments, in order. A `--build-arg` is no place for a secret: as with any
    /// `docker build`, its value is seen among the processes there and in the image's history.
    pub arguments: Vec<String>,
}

/// What an image is built of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildContext {
    /// A directory on this side.
    Directory(PathBuf),
    /// A Git repository or an archive, which the VPS fetches.
    Remote(String),
}

/// A secret of a build: its content is read when the build begins and is never an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildSecret {
    /// What the Dockerfile calls it.
    pub id: String,
    /// The file on this side that holds it.
    pub source: PathBuf,
}

/// Options of `docker build` whose value may be the next argument, of the classic builder and of
/// buildx. What is not here and has no `=` takes no value.
const WITH_VALUE: &[&str] = &[
    "--add-host",
    "--allow",
    "--annotation",
    "--attest",
    "--build-arg",
    "--build-context",
    "--builder",
    "--cache-from",
    "--cache-to",
    "--call",
    "--cgroup-parent",
    "--cpu-period",
    "--cpu-quota",
    "--cpu-shares",
    "--cpuset-cpus",
    "--cpuset-mems",
    "--file",
    "--iidfile",
    "--isolation",
    "--label",
    "--memory",
    "--memory-swap",
    "--metadata-file",
    "--network",
    "--no-cache-filter",
    "--output",
    "--platform",
    "--progress",
    "--provenance",
    "--sbom",
    "--secret",
    "--security-opt",
    "--shm-size",
    "--ssh",
    "--tag",
    "--target",
    "--ulimit",
];

/// Short options with a value, and their long names.
const SHORT_WITH_VALUE: &[(char, &str)] = &[
    ('c', "--cpu-shares"),
    ('f', "--file"),
    ('m', "--memory"),
    ('o', "--output"),
    ('t', "--tag"),
];

/// What makes no sense for a build on a VPS, with the reason a user is told.
const REFUSED: &[(&str, &str)] = &[
    (
        "--iidfile",
        "it would be written on the VPS, where nobody reads it",
    ),
    (
        "--metadata-file",
        "it would be written on the VPS, where nobody reads it",
    ),
    (
        "--output",
        "the image has to stay in the VPS's Docker engine, where the container is made of it",
    ),
    (
        "--push",
        "the image has to stay in the VPS's Docker engine, where the container is made of it",
    ),
    ("--ssh", "no SSH agent is forwarded to a VPS; use a secret"),
];

const OF_THE_PROVIDER: &[&str] = &["--vps-region", "--vps-plan", "--vps-os"];

impl BuildArgs {
    /// Takes the arguments apart. Of a flag that is repeated the last one wins. No I/O: whether
    /// the files exist is found out before anything is ordered.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an unknown `--vps-` flag, for what would need this process's
    /// environment or standard input, for what makes no sense on a VPS, and when there are
    /// arguments for `docker build` but not one context.
    pub fn parse<I, S>(args: I) -> Result<Self>
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let mut parser = Parser {
            rest: args.into_iter().map(Into::into).collect(),
            ..Parser::default()
        };
        parser.run()?;
        parser.finish()
    }
}

impl ImageBuild {
    /// What the image is called on the VPS: the same for the same arguments.
    #[must_use]
    pub fn reference(&self) -> ImageReference {
        let hash = Sha256::digest(format!("{self:?}"));
        ImageReference::new(format!("vps-docker/built:{}", base32().encode(&hash[..15])))
            .expect("a base32 tag is legal")
    }
}

#[derive(Default)]
struct Parser {
    rest: VecDeque<String>,
    parsed: BuildArgs,
    contexts: Vec<String>,
    dockerfile: Option<String>,
    secrets: Vec<BuildSecret>,
    arguments: Vec<String>,
}

impl Parser {
    fn run(&mut self) -> Result<()> {
        while let Some(arg) = self.rest.pop_front() {
            if arg.contains('\0') {
                return Err(refused(&arg, "it contains a NUL character"));
            }
            if arg == "--" {
                self.contexts.extend(std::mem::take(&mut self.rest));
            } else if arg == "-" || !arg.starts_with('-') {
                self.contexts.push(arg);
            } else if arg.starts_with("--vps-") {
                self.provider_flag(&arg)?;
            } else if arg.starts_with("--") {
                self.long(arg)?;
            } else {
                self.short(arg)?;
            }
        }
        Ok(())
    }

    fn provider_flag(&mut self, arg: &str) -> Result<()> {
        let (flag, attached) = split(arg);
        let place = match flag {
            "--vps-region" => &mut self.parsed.region,
            "--vps-plan" => &mut self.parsed.plan,
            "--vps-os" => &mut self.parsed.os,
            _ => {
                let near = near_matches(flag, OF_THE_PROVIDER);
                return Err(refused(arg, &format!("there is no {flag}{near}")));
            }
        };
        let value = attached
            .map(str::to_owned)
            .or_else(|| self.rest.pop_front());
        match value {
            Some(value) if !value.is_empty() => *place = Some(value),
            _ => {
                return Err(refused(
                    arg,
                    "its value is missing; leave it out for the default",
                ));
            }
        }
        Ok(())
    }

    fn long(&mut self, arg: String) -> Result<()> {
        let (option, attached) = split(&arg);
        if let Some((_, reason)) = REFUSED.iter().find(|(refused, _)| *refused == option) {
            return Err(refused(&arg, reason));
        }
        if attached.is_none() && !WITH_VALUE.contains(&option) {
            self.arguments.push(arg);
            return Ok(());
        }
        let (option, attached) = (option.to_owned(), attached.map(str::to_owned));
        self.valued(&option, attached, &arg)
    }

    /// `-t name`, `-tname`, `-t=name`, and switches in front of it as in `-qt name`.
    fn short(&mut self, arg: String) -> Result<()> {
        let valued = arg.char_indices().skip(1).find_map(|(position, letter)| {
            let (_, long) = SHORT_WITH_VALUE
                .iter()
                .find(|(short, _)| *short == letter)?;
            Some((position, letter, *long))
        });
        let Some((position, letter, long)) = valued else {
            self.arguments.push(arg);
            return Ok(());
        };
        if let Some((_, reason)) = REFUSED.iter().find(|(refused, _)| *refused == long) {
            return Err(refused(&arg, reason));
        }
        if position > 1 {
            self.arguments.push(arg[..position].to_owned());
        }
        let value = &arg[position + letter.len_utf8()..];
        let value = value.strip_prefix('=').unwrap_or(value);
        let attached = (!value.is_empty()).then(|| value.to_owned());
        self.valued(long, attached, &arg)
    }

    fn valued(&mut self, option: &str, attached: Option<String>, arg: &str) -> Result<()> {
        let value = attached
            .or_else(|| self.rest.pop_front())
            .filter(|value| !value.contains('\0'))
            .ok_or_else(|| refused(arg, "its value is missing"))?;
        match option {
            "--file" if value == "-" => return Err(refused(arg, NO_INPUT)),
            "--file" => self.dockerfile = Some(value),
            "--secret" => self.secrets.push(secret(&value)?),
            "--build-arg" if !value.contains('=') => {
                return Err(refused(
                    &format!("--build-arg {value}"),
                    "the library reads no environment; write NAME=VALUE",
                ));
            }
            "--build-context" if !is_remote(value.split_once('=').map_or("", |pair| pair.1)) => {
                return Err(refused(
                    &format!("--build-context {value}"),
                    "of local directories only the main context is sent; name an image \
                     (docker-image://…) or a URL",
                ));
            }
            _ => self.arguments.push(format!("{option}={value}")),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<BuildArgs> {
        let nothing_else =
            self.arguments.is_empty() && self.secrets.is_empty() && self.dockerfile.is_none();
        let context = match &self.contexts[..] {
            [] if nothing_else => return Ok(self.parsed),
            [] => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "the build args name no build context; add a directory, such as .",
                ));
            }
            [context] => context.clone(),
            [first, second, ..] => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!(
                        "the build args name two build contexts, {first:?} and {second:?}; if one \
                         of them is the value of an option, write it as --option=value"
                    ),
                ));
            }
        };
        let context = match &*context {
            "-" => return Err(refused("-", NO_INPUT)),
            "" => return Err(refused("", "an empty word is no build context")),
            remote if is_remote(remote) => BuildContext::Remote(context),
            _ => BuildContext::Directory(context.into()),
        };
        self.parsed.build = Some(ImageBuild {
            context,
            dockerfile: self.dockerfile.map(PathBuf::from),
            secrets: self.secrets,
            arguments: self.arguments,
        });
        Ok(self.parsed)
    }
}

const NO_INPUT: &str = "the library reads no standard input; name a file or directory";

fn split(arg: &str) -> (&str, Option<&str>) {
    match arg.split_once('=') {
        Some((option, value)) => (option, Some(value)),
        None => (arg, None),
    }
}

/// What `docker build` takes for something to be fetched, not for a path.
fn is_remote(context: &str) -> bool {
    [
        "http://",
        "https://",
        "git://",
        "ssh://",
        "git@",
        "github.com/",
        "docker-image://",
    ]
    .iter()
    .any(|begin| context.starts_with(begin))
}

/// `id=NAME,src=FILE`, in any order, as `docker build` takes it.
fn secret(value: &str) -> Result<BuildSecret> {
    let (mut id, mut source) = (None, None);
    let wrong = |reason: &str| {
        Err(Error::new(
            ErrorKind::Invalid,
            format!("a --secret is refused: {reason}; write it as --secret id=NAME,src=FILE"),
        ))
    };
    for field in value.split(',') {
        match field.split_once('=') {
            Some(("id", name)) => id = Some(name),
            Some(("src" | "source", file)) => source = Some(file),
            Some(("type", "file")) => {}
            Some(("env", _) | ("type", "env")) => {
                return wrong("the library reads no environment");
            }
            _ => return wrong("it has a field that is not known"),
        }
    }
    let Some(id) = id else {
        return wrong("it has no id");
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if id.is_empty() || id.starts_with(['.', '-']) || !id.chars().all(plain) {
        return wrong("its id must be of letters, digits and '._-'");
    }
    match source {
        None | Some("") => wrong("it has no src"),
        Some("-") => wrong("the library reads no standard input"),
        Some(source) => Ok(BuildSecret {
            id: id.to_owned(),
            source: source.into(),
        }),
    }
}

fn refused(arg: &str, reason: &str) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!("the build argument {arg:?} is refused: {reason}"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn build(args: &[&str]) -> ImageBuild {
        let parsed = BuildArgs::parse(args.iter().copied());
        let parsed = parsed.unwrap_or_else(|error| panic!("{args:?}: {error}"));
        parsed.build.expect("a build")
    }

    #[test]
    fn provider_flags_are_taken_out_and_the_last_wins() {
        let parsed = BuildArgs::parse([
            "--vps-region=a",
            "--label",
            "--vps-plan=no",
            "--vps-region",
            "b c",
            "--vps-os=debian=12",
            ".",
        ])
        .expect("legal");
        assert_eq!(parsed.region.as_deref(), Some("b c"));
        assert_eq!(
            (parsed.plan, parsed.os.as_deref()),
            (None, Some("debian=12"))
        );
        assert_eq!(
            parsed.build.expect("one").arguments,
            ["--label=--vps-plan=no"]
        );
        let alone = BuildArgs::parse(["--vps-plan=small"]).expect("legal");
        assert_eq!(alone.build, None);
        for (bad, hint) in [
            ("--vps-regoin=x", "did you mean --vps-region"),
            ("--vps-zzz", "no --vps-zzz"),
            ("--vps-plan=", "missing"),
            ("--vps-plan", "missing"),
        ] {
            let error = BuildArgs::parse([bad]).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(hint), "{error}");
        }
    }

    /// A value is a value, whatever it is the name of.
    #[test]
    fn the_value_of_an_option_is_never_the_context() {
        for (args, arguments) in [
            (
                &["--build-arg", "A=src", "."][..],
                &["--build-arg=A=src"][..],
            ),
            (&["--target", "src", "."], &["--target=src"]),
            (&["-t", "src", "."], &["--tag=src"]),
            (&["-tsrc", "."], &["--tag=src"]),
            (&["-qt", "src", "."], &["-q", "--tag=src"]),
            (&[".", "--network", "host"], &["--network=host"]),
            (&["--no-cache", "."], &["--no-cache"]),
            (&["--pull=false", "--", "."], &["--pull=false"]),
            (
                &["--label", "a='b c'\n$(d)", "."],
                &["--label=a='b c'\n$(d)"],
            ),
            (
                &["--no-such-option-yet=x", "."],
                &["--no-such-option-yet=x"],
            ),
        ] {
            let build = build(args);
            assert_eq!(
                build.context,
                BuildContext::Directory(".".into()),
                "{args:?}"
            );
            assert_eq!(build.arguments, arguments);
        }
    }

    #[test]
    fn what_is_read_here_is_named_and_the_rest_is_fetched() {
        let local = build(&[
            "-f",
            "a/Dockerfile",
            "--file=b",
            "--secret=id=t,src=/x",
            "src",
        ]);
        assert_eq!(local.dockerfile, Some("b".into()));
        assert_eq!(local.secrets[0].source, PathBuf::from("/x"));
        assert!(local.arguments.is_empty());
        for url in ["https://x/y.git#main:dir", "git@x:y.git", "git://x"] {
            assert_eq!(build(&[url]).context, BuildContext::Remote(url.into()));
        }
    }

    #[test]
    fn what_makes_no_sense_on_a_vps_is_refused() {
        for bad in [
            &["-"][..],
            &["-f", "-", "."],
            &["a", "b"],
            &["--no-cache"],
            &["--build-arg", "NAME", "."],
            &["--secret", "id=x", "."],
            &["--secret", "id=x,env=X", "."],
            &["--secret", "src=x", "."],
            &["--secret", "id=../x,src=x", "."],
            &["--iidfile=x", "."],
            &["-o", "x", "."],
            &["--push", "."],
            &["--ssh=default", "."],
            &["--build-context", "a=.", "."],
            &[".", "--tag"],
            &["a\0"],
            &[""],
        ] {
            let error = BuildArgs::parse(bad.iter().copied()).expect_err(&format!("{bad:?}"));
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }

    proptest! {
        #[test]
        fn no_arguments_panic(args in prop::collection::vec("-{0,2}(vps-|f|t|secret|ö)?=?.{0,4}", 0..6)) {
            let _ = BuildArgs::parse(args);
        }
    }
}
