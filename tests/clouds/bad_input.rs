//! What a user can get wrong, and how it is told: by the exit code of a program, or by the library. The same
//! words stand in the table of `tests/README.md`.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use vps_docker::cloud_init::DockerSource;
use vps_docker::model::{
    AgentName, CheckCommand, ContainerCommand, CpuPercent, HostSnapshotId, HostSpecBuilder,
    IdleMode, IdlePolicy, ProcessName, SnapshotName,
};
use vps_docker::{
    DataDir, ErrorKind, HostSpec, Machine, ProviderOptions, Registry, Result, Settings,
};
use vps_docker_testkit::cloud_sim::CloudSim;

use crate::clouds::{Engine, built, client, in_memory};

/// Something wrong on a command line.
struct Wrong<'a> {
    what: &'static str,
    /// Another value, or none, of a variable.
    variable: Option<(&'static str, Option<&'a str>)>,
    args: &'a [&'a str],
    code: i32,
    told: &'static str,
}

/// Nothing is sent but what finds it out, and nothing is made.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_with_its_exit_code_and_nothing_is_made() {
    let sim = in_memory("hetzner".parse().expect("there is one")).await;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}/v1", listener.local_addr().expect("an address"))
    };
    let token = |value| Some(("HCLOUD_TOKEN", value));
    fn endpoint(value: &str) -> Option<(&'static str, Option<&str>)> {
        Some(("HCLOUD_ENDPOINT", Some(value)))
    }
    let read_only = sim.credentials().read_only_token.clone();
    let https = sim.url().replace("http:", "https:");
    let long = "x".repeat(64);
    let places = Places::make();
    let place = |name: &str| places.0.path().join(name).display().to_string();
    let (file, open, inside_file) = (place("file"), place("open"), place("file/data"));
    let (nowhere, empty, circle) = (place("nowhere"), place("empty"), place("circle"));
    let (odd_rules, socket) = (place("odd-rules"), place("socket"));
    #[rustfmt::skip]
    let wrongs = [
        Wrong { what: "no token", variable: token(None), args: &[], code: 4, told: "HCLOUD_TOKEN" },
        Wrong { what: "a blank token", variable: token(Some(" ")), args: &[], code: 4, told: "HCLOUD_TOKEN" },
        Wrong { what: "a wrong token", variable: token(Some("wrong")), args: &[], code: 4, told: "HCLOUD_TOKEN" },
        Wrong { what: "a token of two lines", variable: token(Some("a\nX-Other: b")), args: &[], code: 4, told: "HCLOUD_TOKEN" },
        Wrong { what: "a token that may only read", variable: token(Some(&read_only)), args: &[], code: 4, told: "Read & Write" },
        Wrong { what: "nobody at the endpoint", variable: endpoint(&closed), args: &[], code: 7, told: "cannot be reached" },
        Wrong { what: "no TLS there", variable: endpoint(&https), args: &[], code: 7, told: "does not speak TLS" },
        Wrong { what: "an endpoint without TLS elsewhere", variable: endpoint("http://api.example.com/v1"), args: &[], code: 2, told: "unencrypted" },
        Wrong { what: "no URL", variable: endpoint("api.example.com"), args: &[], code: 2, told: "is no URL" },
        Wrong { what: "an unknown provider", variable: None, args: &["--provider", "hetzer"], code: 2, told: "did you mean hetzner" },
        Wrong { what: "an unknown plan", variable: None, args: &["--plan", "cx32x"], code: 2, told: "did you mean" },
        Wrong { what: "an unknown region", variable: None, args: &["--region", "fsn"], code: 2, told: "did you mean fsn1" },
        Wrong { what: "a plan that is elsewhere", variable: None, args: &["--plan", "cx23", "--region", "ash"], code: 2, told: "it is in" },
        Wrong { what: "an unknown system", variable: None, args: &["-b", "--vps-os=debian-9"], code: 2, told: "did you mean" },
        Wrong { what: "an empty plan", variable: None, args: &["--plan="], code: 2, told: "leave it out" },
        Wrong { what: "no range of addresses", variable: None, args: &["--allow-from", "everybody"], code: 2, told: "203.0.113.0/24" },
        Wrong { what: "a range that begins elsewhere than it says", variable: None, args: &["--allow-from", "10.0.0.1/8"], code: 2, told: "no bits set behind the prefix" },
        Wrong { what: "a port for nobody", variable: None, args: &["--app-port", "8000"], code: 2, told: "allow_from" },
        Wrong { what: "the port 0", variable: None, args: &["--allow-from", "::/0", "--app-port", "0"], code: 2, told: "port 0" },
        Wrong { what: "the port 65536", variable: None, args: &["--app-port", "65536"], code: 2, told: "65535" },
        Wrong { what: "an empty name", variable: None, args: &["--name="], code: 2, told: "is empty" },
        Wrong { what: "a name that is an option of ssh", variable: None, args: &["--name=-oProxyCommand=id"], code: 2, told: "a-z, 0-9 and '-'" },
        Wrong { what: "a name that is an option of ours", variable: None, args: &["--name=--help"], code: 2, told: "'-' at an end" },
        Wrong { what: "a name of two lines", variable: None, args: &["--name=web\nroot"], code: 2, told: "contains '\\n'" },
        Wrong { what: "a name that is a path", variable: None, args: &["--name=../web"], code: 2, told: "contains '.'" },
        Wrong { what: "a name with a lookalike", variable: None, args: &["--name=wеb"], code: 2, told: "U+0435" },
        Wrong { what: "a name of 64 characters", variable: None, args: &["--name", &long], code: 2, told: "has 64 characters" },
        Wrong { what: "an image that is an option", variable: None, args: &["--image=--privileged"], code: 2, told: "letter or digit" },
        Wrong { what: "an image that is a command", variable: None, args: &["--image=$(id)"], code: 2, told: "debian:bookworm-slim" },
        Wrong { what: "an image with a blank", variable: None, args: &["--image", "a b"], code: 2, told: "contains ' '" },
        Wrong { what: "an unknown provider flag", variable: None, args: &["-b", "--vps-plam=cx23"], code: 2, told: "did you mean --vps-plan" },
        Wrong { what: "an image that is built and named", variable: None, args: &["--image", "debian", "-b", &empty], code: 2, told: "either built or named" },
        Wrong { what: "a build context that is not there", variable: None, args: &["-b", &nowhere], code: 3, told: "cannot find the build context" },
        Wrong { what: "a build context that is a file", variable: None, args: &["-b", &file], code: 2, told: "is no directory" },
        Wrong { what: "a build context that is a circle of links", variable: None, args: &["-b", &circle], code: 2, told: "cannot find the build context" },
        Wrong { what: "a build context with a socket in it", variable: None, args: &["-b", &socket], code: 2, told: "leave it out" },
        Wrong { what: "a build without a Dockerfile", variable: None, args: &["-b", &empty], code: 3, told: "cannot find the Dockerfile" },
        Wrong { what: "a pattern that does not end", variable: None, args: &["-b", &odd_rules], code: 2, told: ".dockerignore" },
        Wrong { what: "a build secret that is not there", variable: None, args: &["-b", "--secret=id=x,src=/no/such/file", "-b", &empty], code: 3, told: "cannot read the build secret" },
        Wrong { what: "a data directory that is a file", variable: None, args: &["--data-dir", &file], code: 2, told: "choose a directory" },
        Wrong { what: "a data directory in a file", variable: None, args: &["--data-dir", &inside_file], code: 2, told: "is a file" },
        Wrong { what: "a data directory that others can write", variable: None, args: &["--data-dir", &open], code: 4, told: "chmod 700" },
        Wrong { what: "an unknown option", variable: None, args: &["--plam", "cx23"], code: 2, told: "--plan" },
    ];
    let mut otherwise = Vec::new();
    for wrong in &wrongs {
        let output = create(&sim, wrong);
        let said = String::from_utf8_lossy(&output.stderr);
        let is_told = said.contains(wrong.told) && output.stdout.is_empty();
        if output.status.code() != Some(wrong.code) || !is_told {
            otherwise.push(format!("{}: {:?}: {said}", wrong.what, output.status));
        }
        assert_nothing_made(&sim, wrong.what);
    }
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
    sim.assert_valid();
    assert_listed(wrongs.iter().map(|wrong| wrong.what));
}

/// What the account has is what it began with, and no order was ever sent.
fn assert_nothing_made(sim: &CloudSim, what: &str) {
    let state = sim.state();
    assert!(state.instances.is_empty(), "{what}");
    assert_eq!(state.own_keys().count(), 0, "{what}");
    assert!(state.snapshots.is_empty(), "{what}");
    let asked = sim.requests().by_op;
    assert!(!asked.contains_key("create_instance"), "{what}: {asked:?}");
}

/// The table for people names them all.
fn assert_listed<'a>(whats: impl Iterator<Item = &'a str>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/README.md");
    let table = fs::read_to_string(path).expect("it is beside the tests");
    for what in whats {
        assert!(
            table.contains(&format!("| {what} |")),
            "{what} is not in {path}"
        );
    }
}

/// Files and directories that are not what they should be.
struct Places(tempfile::TempDir);

impl Places {
    fn make() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let path = |name: &str| root.path().join(name);
        fs::write(path("file"), "").expect("written");
        for directory in ["open", "empty", "odd-rules", "socket"] {
            fs::create_dir(path(directory)).expect("made");
        }
        fs::set_permissions(path("open"), fs::Permissions::from_mode(0o777)).expect("ours");
        symlink("circle", path("circle")).expect("made");
        for directory in ["odd-rules", "socket"] {
            fs::write(path(directory).join("Dockerfile"), "FROM debian\n").expect("written");
        }
        fs::write(path("odd-rules/.dockerignore"), "[a\n").expect("written");
        drop(std::os::unix::net::UnixListener::bind(path("socket/s")).expect("bound"));
        Self(root)
    }
}

/// Runs the example with one thing wrong.
fn create(sim: &CloudSim, wrong: &Wrong<'_>) -> Output {
    let data = tempfile::tempdir().expect("a directory");
    let mut create = Command::new(built("examples/create_host"));
    create
        .env("HCLOUD_TOKEN", sim.token())
        .env("HCLOUD_ENDPOINT", sim.url());
    match wrong.variable {
        Some((name, Some(value))) => create.env(name, value),
        Some((name, None)) => create.env_remove(name),
        None => &mut create,
    };
    let is_given = |option: &str| {
        wrong
            .args
            .iter()
            .any(|arg| arg.split('=').next() == Some(option))
    };
    if !is_given("--provider") {
        create.args(["--provider", "hetzner"]);
    }
    if !is_given("--name") {
        create.args(["--name", "wrong"]);
    }
    if !is_given("--data-dir") {
        create.arg("--data-dir").arg(data.path().join("data"));
    }
    create.arg("--json").args(wrong.args).output().expect("run")
}

/// What the library refuses by itself, and what it says.
type Refused = (&'static str, Result<()>, ErrorKind, &'static str);

/// Found out before anybody is asked.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_library_refuses_is_told_and_nobody_is_asked() {
    let provider = "hetzner".parse().expect("there is one");
    let sim = in_memory(provider).await;
    let engine = Engine::over(client(provider, &sim), Settings::default());
    let mut refused = specifications(&engine).await;
    refused.extend(values());
    let mut otherwise = Vec::new();
    for (what, result, kind, told) in &refused {
        match result {
            Err(error) if error.kind() == *kind && error.to_string().contains(told) => {}
            Err(error) => otherwise.push(format!("{what}: {:?}: {error}", error.kind())),
            Ok(()) => otherwise.push(format!("{what}: taken")),
        }
    }
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
    assert_eq!(sim.requests().total, 0, "{:?}", sim.requests().by_op);
    assert_nothing_made(&sim, "all of these");
    assert_listed(refused.iter().map(|(what, ..)| *what));
}

async fn specifications(engine: &Engine) -> Vec<Refused> {
    let spec = || HostSpec::builder("web");
    let words = |words: &[&str]| {
        ContainerCommand::Words(words.iter().map(|word| (*word).to_owned()).collect())
    };
    let snapshot = HostSnapshotId::random();
    let run = |arg: &str| spec().start_arg(arg);
    #[rustfmt::skip]
    let wrongs: [(&'static str, HostSpecBuilder, &'static str); 16] = [
        ("a start argument that is ours", run("--name=x"), "set by vps-docker"),
        ("a start argument that replaces sshd", run("--entrypoint=sh"), "keeps sshd running"),
        ("a start argument that takes the container's door", run("-p2222:22"), "the container's SSH door"),
        ("a start argument that takes the VPS's door", run("--publish=22:22"), "its own SSH door"),
        ("a start argument without a network", run("--network=none"), "nobody could log in"),
        ("a start argument with one of our labels", run("--label=vps-docker-host=x"), "choose another name"),
        ("a start argument that only explains", run("--help"), "run nothing"),
        ("a start argument that is no option", run("image"), "take it for the image"),
        ("a start argument with a NUL", run("--env=A=\0"), "NUL"),
        ("a container command without words", spec().command(words(&[])), "has no words"),
        ("a container command with a NUL", spec().command(words(&["a\0"])), "NUL"),
        ("a snapshot of a host that has no such name", spec().from_snapshot("No name", snapshot.as_str()), "contains 'N'"),
        ("a snapshot id that is none", spec().from_snapshot("old", "../x"), "is not a snapshot id"),
        ("a snapshot and an image", spec().from_snapshot("old", snapshot.as_str()).image("debian"), "leave them out"),
        ("nothing to build", spec().build_args(["--no-cache"]), "context"),
        ("a build whose image would not stay", spec().build_args(["--push", "."]), "has to stay"),
    ];
    let mut refused = Vec::new();
    for (what, builder, told) in wrongs {
        let result = match builder.build() {
            Ok(spec) => engine.provider.create_host(spec).await.map(drop),
            Err(error) => Err(error),
        };
        refused.push((what, result, ErrorKind::Invalid, told));
    }
    refused
}

fn values() -> Vec<Refused> {
    use ErrorKind::Invalid;
    let address: IpAddr = "203.0.113.7".parse().expect("an address");
    let settings = Settings::builder;
    let docker = DockerSource::Distribution {
        packages: vec!["-oAPT::x=y".to_owned()],
    };
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
    let machine = || Machine::builder(address).identity_file("/home/me/.ssh/id");
    let other = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let option = |key: &str, value: &str| {
        let options = ProviderOptions::new().set("token", "x").set(key, value);
        Registry::linked()?.client("hetzner", &options).map(drop)
    };
    let idle = |timeout| IdlePolicy::new(IdleMode::Ssh, timeout).map(drop);
    #[rustfmt::skip]
    let refused = vec![
        ("a deadline of zero", settings().ssh_connect_timeout(Duration::ZERO).build().map(drop), Invalid, "give some seconds"),
        ("a directory that leads out", settings().host_dir("/a/../b").build().map(drop), Invalid, "absolute path"),
        ("the VPS's own port for the container", settings().container_ssh_port(22).build().map(drop), Invalid, "2222 is the default"),
        ("a package that is an option", settings().docker_source(docker).build().map(drop), Invalid, "name=version"),
        ("an idle time of zero", idle(Duration::ZERO), Invalid, "ten years"),
        ("an idle time without end", idle(Duration::MAX), Invalid, "ten years"),
        ("a threshold of no CPU", CpuPercent::new(0).map(drop), Invalid, "1 to 100000"),
        ("a process that is a path", ProcessName::new("/bin/sh").map(drop), Invalid, "base name"),
        ("an idle command without words", CheckCommand::new([""]).map(drop), Invalid, "has no words"),
        ("an agent that is a path", AgentName::new("../x").map(drop), Invalid, "is no name for an agent"),
        ("a snapshot name that is an option", SnapshotName::new("--all").map(drop), Invalid, "letter or digit first"),
        ("a machine without a host key", machine().build().map(drop), Invalid, "host key"),
        ("a machine whose key and fingerprint differ", machine().host_key(key).fingerprint(other).build().map(drop), Invalid, "not the one given"),
        ("a machine whose user is an option", machine().host_key(key).user("-oProxyCommand=id").build().map(drop), Invalid, "is no login name"),
        ("an unknown option of a provider", option("tokn", "x"), Invalid, "did you mean token"),
        ("a rate that is no number", option("rate_limit_factor", "fast"), Invalid, "such as 0.5"),
        ("a data directory through a file", DataDir::open(Path::new("/dev/null/data")).map(drop), Invalid, "is a file"),
    ];
    refused
}
