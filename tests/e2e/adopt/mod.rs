//! A machine that is there becomes a host, and when that goes it is what it was: nothing of ours on it,
//! nothing of its owner's missing.
//!
//! Long because two machines serve all of it, one after the other: their boots are what costs the time.

mod home;

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{Child, Command};
use vps_docker::adopted::AdoptedMachines;
use vps_docker::keys::{KeyPair, PublicKey};
use vps_docker::model::SnapshotName;
use vps_docker::ssh::{Transport, TransportExt};
use vps_docker::{
    CreateEvent, CreateHost, Error, ErrorKind, Host, HostSpec, HostState, ImageSource, Machine,
    MachineBuilder, Phase, Settings, VpsDockerProvider,
};

use home::{Agent, Home};

use crate::support::{World, docker, example, name, unique, wait_for_phase};

/// The phases of an adoption: it boots nothing.
fn phases() -> Vec<Phase> {
    let boots = |phase: &Phase| matches!(phase, Phase::Boot | Phase::Rotate);
    Phase::ALL
        .into_iter()
        .filter(|phase| !boots(phase))
        .collect()
}

/// A machine with Docker and a life of its own, where root logs in.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_docker_is_adopted_and_left_as_it_was() {
    let world = World::new();
    let users = serde_json::json!([{"name": "root"}]);
    let home = Home::boot(&world, "debian-12-docker", 22, &users).await;
    home.lead_a_life();
    let before = home.listing();
    let adopting = adopting(&world, Settings::default());

    another_host_key_is_refused(&adopting, &home).await;
    an_unfit_machine_is_refused(&adopting, &home).await;
    home.assert_is_as_it_was(&before, "a refusal");

    an_adoption_that_fails_leaves_nothing(&adopting, &home, &before).await;
    an_adoption_that_is_cancelled_leaves_nothing(&adopting, &home, &before).await;
    an_adoption_that_is_killed_is_taken_up(&world, &adopting, &home).await;

    of_two_at_once_one_gets_the_machine(&adopting, &home).await;
    home.assert_is_as_it_was(&before, "one of two");

    let host = an_adopted_host_is_like_any_other(&adopting, &home).await;
    a_machine_has_one_host(&adopting, &home).await;
    a_machine_that_does_not_answer_is_not_forgotten(&world, &home, &host).await;
    a_machine_in_the_place_of_another_is_not_cleared(&adopting, &home, &host).await;
    // A session of ours that breaks off, and whose command goes on: it could put things back.
    let vps = host.vps().await.expect("connected");
    let stray = vps.spawn("exec sh -c 'sleep 1000; :' vps-docker-stray");
    drop(stray.await.expect("started"));
    drop(vps);
    let mut editor = home.owner_at_a_terminal("sh -c 'sleep 1000; :' vps-docker.toml");
    let is_edited = "pgrep -f '[v]ps-docker.toml'";
    home.until(is_edited).await;
    let host_name = host.info().name.clone();
    host.destroy().await.expect("destroyed");
    home.inside(is_edited);
    editor.kill().await.expect("ended");
    home.until(&format!("! {is_edited}")).await;
    home.assert_is_as_it_was(&before, "destroyed");
    let again = adopting.destroy(&host_name).await.expect("idempotent");
    assert!(again.outcomes.is_empty());

    // Once more, by its fingerprint; and what is forgotten stays on the machine.
    let machine = home
        .machine()
        .fingerprint(home.host_key.public().fingerprint());
    let host = adopt(&adopting, &host_name, machine)
        .await
        .expect("adopted");
    assert_eq!(run(&host, "echo alive").await, "alive\n");
    host.close().await;
    adopting.forget(&host_name).await.expect("forgotten");
    nothing_is_known_here(&world, &adopting).await;
    let error = adopt(&adopting, "other", home.known()).await;
    assert_eq!(error.expect_err("a host").kind(), ErrorKind::State);
}

async fn another_host_key_is_refused(adopting: &VpsDockerProvider, home: &Home) {
    let stranger = KeyPair::generate("stranger").expect("random");
    let stranger = stranger.public();
    for machine in [
        home.machine().host_key(stranger.openssh()),
        home.machine().fingerprint(stranger.fingerprint()),
    ] {
        let error = adopt(adopting, "pinned", machine).await;
        let error = error.expect_err("another key");
        assert_eq!(error.kind(), ErrorKind::HostKeyMismatch, "{error}");
        for key in [stranger, home.host_key.public()] {
            assert!(error.to_string().contains(&key.fingerprint()), "{error}");
        }
    }
}

async fn an_unfit_machine_is_refused(adopting: &VpsDockerProvider, home: &Home) {
    let refused = async || {
        let error = adopt(adopting, "unfit", home.known()).await;
        error.expect_err("it is unfit").to_string()
    };
    home.inside("docker run -d --name taken -p 2222:1 mine:1 sleep 1000");
    let told = refused().await;
    assert!(told.contains("port 2222"), "{told}");
    home.inside("docker rm -f taken");

    home.inside("docker volume create vps-docker-data");
    let told = refused().await;
    assert!(told.contains("a host already"), "{told}");
    home.inside("docker volume rm vps-docker-data");

    // What only makes sense of an order, and an order itself.
    let spec = HostSpec::builder("unfit").plan("small").build();
    let machine = home.known().build().expect("fit");
    let error = adopting.adopt(spec.expect("fit"), machine).await;
    assert_eq!(error.expect_err("a plan").kind(), ErrorKind::Invalid);
    let spec = HostSpec::builder("unfit").build().expect("fit");
    let error = adopting.create_host(spec).await.expect_err("no order");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("adopt a machine"), "{error}");
}

async fn an_adoption_that_fails_leaves_nothing(
    adopting: &VpsDockerProvider,
    home: &Home,
    before: &[String],
) {
    let spec = HostSpec::builder("fails")
        .image("no-such-image:1")
        .image_source(ImageSource::Present);
    let machine = home.known().build().expect("fit");
    let error = adopting.adopt(spec.build().expect("fit"), machine).await;
    let error = error.expect_err("there is no such image");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    home.assert_is_as_it_was(before, "a failure");
}

async fn an_adoption_that_is_cancelled_leaves_nothing(
    adopting: &VpsDockerProvider,
    home: &Home,
    before: &[String],
) {
    for phase in [Phase::Connect, Phase::Image, Phase::Container] {
        let machine = home.known().build().expect("fit");
        let create = adopting.adopt(spec("cancelled"), machine);
        let error = cancelled_at(create, phase).await;
        assert_eq!(error.kind(), ErrorKind::Cancelled, "at {phase}: {error}");
        home.assert_is_as_it_was(before, &format!("cancelled at {phase}"));
        let entries = adopting.data_dir().journal().entries().expect("readable");
        assert!(entries.is_empty(), "cancelled at {phase}: {entries:?}");
    }
}

/// Runs a create and cancels it at the beginning of a phase.
async fn cancelled_at(create: CreateHost, phase: Phase) -> Error {
    let (cancel, mut cancelled) = tokio::sync::watch::channel(false);
    create
        .on_event(move |event| {
            if matches!(event, CreateEvent::Started(started) if started == phase) {
                cancel.send_replace(true);
            }
        })
        .cancel_when(async move { drop(cancelled.wait_for(|cancelled| *cancelled).await) })
        .await
        .expect_err("cancelled")
}

/// SIGKILL at the beginning of a phase; the next one of the name cleans up, and so does the last,
/// in this process.
async fn an_adoption_that_is_killed_is_taken_up(
    world: &World,
    adopting: &VpsDockerProvider,
    home: &Home,
) {
    for phase in [Phase::Order, Phase::Bootstrap, Phase::Sshd, Phase::Record] {
        let mut adopt = start_example(world, home, "killed");
        wait_for_phase(&mut adopt, phase).await;
        adopt.kill().await.expect("killed");
    }
    let host = adopt(adopting, "killed", home.known()).await;
    let host = host.expect("after all the kills");
    assert_eq!(run(&host, "echo alive").await, "alive\n");
    host.destroy().await.expect("destroyed");
    nothing_is_known_here(world, adopting).await;
}

fn start_example(world: &World, home: &Home, host_name: &str) -> Child {
    Command::new(example("adopt_host"))
        .args(["--json", "--image", "mine:1", "--name", host_name])
        .args(["--address", &home.address.to_string(), "--host-key"])
        .arg(home.host_key.public().openssh())
        .arg("--identity")
        .arg(&home.identity)
        .arg("--data-dir")
        .arg(world.provider.data_dir().path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the example is built with the tests")
}

/// From two data directories, which know nothing of one another.
async fn of_two_at_once_one_gets_the_machine(adopting: &VpsDockerProvider, home: &Home) {
    let elsewhere = World::new();
    let elsewhere = self::adopting(&elsewhere, Settings::default());
    let (here, there) = tokio::join!(
        adopt(adopting, "here", home.known()),
        adopt(&elsewhere, "there", home.known()),
    );
    let (winner, error) = match (here, there) {
        (Ok(winner), Err(error)) | (Err(error), Ok(winner)) => (winner, error),
        both => panic!("one of the two: {both:?}"),
    };
    assert!(
        matches!(error.kind(), ErrorKind::State | ErrorKind::Bootstrap),
        "{error}"
    );
    assert!(
        !error.to_string().contains("could not be removed"),
        "{error}"
    );
    assert_eq!(run(&winner, "echo alive").await, "alive\n");
    winner.destroy().await.expect("destroyed");
}

async fn an_adopted_host_is_like_any_other(adopting: &VpsDockerProvider, home: &Home) -> Host {
    let started_at = home.inside("docker inspect -f '{{.State.StartedAt}}' mine");
    let machine_name = home.inside("hostname");
    let mut host = adopt(adopting, "web", home.known()).await.expect("adopted");
    let timed: Vec<Phase> = host.phases().iter().map(|timing| timing.name).collect();
    assert_eq!(timed, phases());
    assert_eq!(
        run(&host, "cat /vps-docker/x 2>&1; hostname")
            .await
            .lines()
            .last(),
        Some("web")
    );
    let vps = host.vps().await.expect("our key gets in as root");
    let id = vps.run("id -un", b"").await.expect("reached");
    assert_eq!(id.stdout, "root\n");

    host.stop().await.expect("stopped");
    let listed = adopting.hosts().await.expect("listed").all().await;
    let [listed] = &listed[..] else {
        panic!("listed {listed:?}");
    };
    assert_eq!(
        (listed.name.as_str(), listed.state),
        ("web", HostState::Stopped)
    );
    assert_eq!(listed.provider, "adopted");
    host.start().await.expect("started");
    let snapshot = SnapshotName::new("kept").expect("legal");
    host.snapshot(&snapshot).await.expect("taken");
    let renamed = name(&unique("renamed"));
    host.rename(&renamed).await.expect("renamed");
    assert_eq!(run(&host, "hostname").await, format!("{renamed}\n"));
    let found = adopting
        .host(&renamed)
        .await
        .expect("found by its new name");
    assert_eq!(found.info().state, HostState::Running);
    found.close().await;
    assert_eq!(adopting.gc().await.expect("looked").items(), []);

    // The machine's own life went on.
    assert_eq!(home.inside("hostname"), machine_name);
    assert_eq!(
        home.inside("docker inspect -f '{{.State.StartedAt}}' mine"),
        started_at
    );
    // From elsewhere it is not seen.
    let elsewhere = World::new();
    let elsewhere = self::adopting(&elsewhere, Settings::default());
    let listed = elsewhere.hosts().await.expect("listed").all().await;
    assert!(listed.is_empty(), "{listed:?}");
    host
}

async fn a_machine_has_one_host(adopting: &VpsDockerProvider, home: &Home) {
    let error = adopt(adopting, "second", home.known()).await;
    let error = error.expect_err("it has a host");
    assert_eq!(error.kind(), ErrorKind::State, "{error}");
    let elsewhere = World::new();
    let elsewhere = self::adopting(&elsewhere, Settings::default());
    let error = adopt(&elsewhere, "third", home.known()).await;
    let error = error.expect_err("it has a host");
    assert!(error.to_string().contains("a host already"), "{error}");
}

async fn a_machine_that_does_not_answer_is_not_forgotten(world: &World, home: &Home, host: &Host) {
    let settings = Settings::builder().ssh_connect_timeout(Duration::from_secs(3));
    let adopting = adopting(world, settings.build().expect("fit"));
    docker(&["pause", &home.container]);
    let error = adopting.destroy(&host.info().name).await;
    let found = adopting.host(&host.info().name).await;
    docker(&["unpause", &home.container]);
    let error = error.expect_err("nobody answers");
    for part in [
        "vps-docker-data",
        "authorized_keys",
        "destroy the host again",
        "forget",
    ] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(found.expect("known").info().state, HostState::Unreachable);
}

/// Another key where the machine stood: nothing is removed there, and nothing is forgotten here.
async fn a_machine_in_the_place_of_another_is_not_cleared(
    adopting: &VpsDockerProvider,
    home: &Home,
    host: &Host,
) {
    let key = "/etc/ssh/ssh_host_ed25519_key";
    let stranger = home.inside(&format!(
        "cp -p {key} {key}.right; cp -p {key}.pub {key}.pub.right; rm {key} {key}.pub
        ssh-keygen -q -t ed25519 -N '' -f {key}; systemctl reload ssh; cat {key}.pub"
    ));
    let stranger: PublicKey = stranger.parse().expect("a key");
    let destroyed = adopting.destroy(&host.info().name).await;
    let found = adopting.host(&host.info().name).await;
    home.inside(&format!(
        "mv {key}.right {key}; mv {key}.pub.right {key}.pub; systemctl reload ssh"
    ));
    for error in [
        destroyed.expect_err("another machine"),
        found.expect_err("another machine"),
    ] {
        assert_eq!(error.kind(), ErrorKind::HostKeyMismatch, "{error}");
        for key in [&stranger, home.host_key.public()] {
            assert!(error.to_string().contains(&key.fingerprint()), "{error}");
        }
    }
    let found = adopting.host(&host.info().name).await.expect("still known");
    assert_eq!(run(&found, "echo alive").await, "alive\n");
    found.close().await;
}

/// A bare machine with its sshd on a port of its own, where one goes by sudo.
#[tokio::test(flavor = "multi_thread")]
async fn a_bare_machine_gets_docker_by_way_of_sudo() {
    let world = World::new();
    let key = "@KEY@";
    let users = serde_json::json!([
        {"name": "admin", "ssh_authorized_keys": [key], "sudo": "ALL=(ALL) NOPASSWD:ALL"},
        {"name": "plain", "ssh_authorized_keys": [key]},
    ]);
    let home = Home::boot(&world, "debian-12", 2200, &users).await;
    // sudo leaves a note of its first use in the home directory.
    home.inside("su admin -c 'sudo -n true'");
    let (before, without_us) = (home.listing(), home.ours());
    let adopting = adopting(&world, Settings::default());

    let error = adopt(&adopting, "bare", home.known().user("plain")).await;
    let error = error.expect_err("no root");
    assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
    home.inside("mkdir -p /var/lib/docker && mount -t tmpfs -o size=64m tmpfs /var/lib/docker");
    let error = adopt(&adopting, "bare", home.known().user("admin")).await;
    home.inside("umount /var/lib/docker");
    let error = error.expect_err("no room");
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("64 MiB of disk"), "{error}");
    home.assert_is_as_it_was(&before, "a refusal");

    // Cancelled in the middle of Docker's installation, that is let finish: Docker stays, nothing else.
    let machine = home.known().user("admin").build().expect("fit");
    let spec = HostSpec::builder("bare").build().expect("fit");
    let error = adopting.adopt(spec, machine);
    let error = error.cancel_when(home.until("pgrep -x dpkg")).await;
    let error = error.expect_err("cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert_eq!(home.inside("dpkg --audit"), "");
    assert_eq!(home.ours(), without_us);
    home.inside(
        "docker version
         DEBIAN_FRONTEND=noninteractive apt-get purge -qy docker.io containerd runc
         rm -rf /etc/docker",
    );

    // The agent holds the key, and the fingerprint is all that is known of the host key.
    let agent = Agent::start(&world, &home.identity).await;
    let machine = Machine::builder(home.address)
        .port(2200)
        .user("admin")
        .agent(&agent.socket)
        .fingerprint(home.host_key.public().fingerprint());
    let spec = HostSpec::builder("bare").build().expect("fit");
    let host = adopting.adopt(spec, machine.build().expect("fit")).await;
    let host = host.expect("adopted");
    assert_eq!(host.info().vps_ssh.port, 2200);
    let release = run(&host, "cat /etc/debian_version").await;
    assert!(release.starts_with("12."), "{release}");
    host.destroy().await.expect("destroyed");
    // Docker stays, with the configuration that it came with.
    home.inside("docker version && test -e /etc/docker/daemon.json");
    assert_eq!(home.inside("docker image ls -aq; docker volume ls -q"), "");
    assert_eq!(home.ours(), without_us);
    assert_eq!(
        home.inside("cat ~root/.ssh/authorized_keys 2>&1 || :"),
        home.roots_keys
    );
    nothing_is_known_here(&world, &adopting).await;
}

/// An engine over the machines that are adopted from the world's data directory.
fn adopting(world: &World, settings: Settings) -> VpsDockerProvider {
    let data_dir = world.provider.data_dir().clone();
    let client = Arc::new(AdoptedMachines::new(data_dir.path()));
    VpsDockerProvider::new(client, data_dir, settings)
}

fn spec(host_name: &str) -> HostSpec {
    let spec = HostSpec::builder(host_name).image("mine:1");
    spec.build().expect("fit")
}

async fn adopt(
    adopting: &VpsDockerProvider,
    host_name: impl ToString,
    machine: MachineBuilder,
) -> vps_docker::Result<Host> {
    let machine = machine.build()?;
    adopting.adopt(spec(&host_name.to_string()), machine).await
}

async fn run(host: &Host, command: &str) -> String {
    let output = host.exec(command).await.expect("reached");
    assert_eq!(output.exit_code(), 0, "{command}: {}", output.stderr);
    output.stdout
}

async fn nothing_is_known_here(world: &World, adopting: &VpsDockerProvider) {
    let listed = adopting.hosts().await.expect("listed").all().await;
    assert!(listed.is_empty(), "{listed:?}");
    let hosts = world.provider.data_dir().path().join("hosts/adopted");
    assert_eq!(std::fs::read_dir(hosts).map_or(0, Iterator::count), 0);
    let entries = adopting.data_dir().journal().entries().expect("readable");
    assert!(entries.is_empty(), "{entries:?}");
}
