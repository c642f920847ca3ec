//! A host that is created does what it promises, and nothing is left of one that is destroyed.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::process::Command;
use tokio::task::JoinSet;
use vps_docker::model::{ContainerCommand, HostTags, PowerAction, SshEndpoint};
use vps_docker::ssh::TransportExt;
use vps_docker::{ErrorKind, Host, HostSpec, HostState, Phase};

use crate::support::{World, name, unique};

#[tokio::test(flavor = "multi_thread")]
async fn a_golden_host_lives_and_dies() {
    let world = World::new();
    let host_name = unique("golden");
    let spec = HostSpec::builder(&host_name)
        .label("purpose", "a test with 'quotes' and $(parentheses)")
        .start_arg("--env=GREETING=it's a \"test\"\nof $(two) lines");
    let host = world.create(spec).await.expect("created");

    // The container, its environment and its data volume.
    let output = host.exec("printf %s \"$GREETING\"").await.expect("reached");
    assert_eq!(output.stdout, "it's a \"test\"\nof $(two) lines");
    let output = host.exec("exit 7").await.expect("reached");
    assert_eq!(output.exit_code(), 7);
    let output = host.exec("no-such-command").await.expect("reached");
    assert_eq!(output.exit_code(), 127);
    let write = host.exec("echo kept > /vps-docker/file").await;
    assert_eq!(write.expect("reached").exit_code(), 0);

    // More commands at once than sshd lets through, and one with a lot to say.
    let door = host.container().await.expect("open");
    let mut commands = JoinSet::new();
    for number in 0..40 {
        let door = Arc::clone(&door);
        commands.spawn(async move {
            let output = door.run(&format!("echo {number}"), b"").await;
            (number, output.expect("reached").stdout)
        });
    }
    while let Some(done) = commands.join_next().await {
        let (number, printed) = done.expect("no panic");
        assert_eq!(printed, format!("{number}\n"));
    }
    let much = "0123456789abcdef".repeat(256 * 1024);
    let back = door.run("cat", much.as_bytes()).await.expect("reached");
    assert!(back.stdout == much, "{} bytes came back", back.stdout.len());
    drop(door);

    // Every phase was timed, once.
    let phases: Vec<Phase> = host.phases().iter().map(|timing| timing.name).collect();
    assert_eq!(phases, Phase::ALL);

    // Exactly one container, which comes back after a reboot of the VPS.
    let docker = host.docker().await.expect("connected");
    let listed = docker
        .run(["ps", "--all", "--format", "{{.Names}}"])
        .await
        .expect("listed");
    assert_eq!(listed.trim(), "vps-docker");
    let policy = docker
        .run([
            "inspect",
            "--format",
            "{{.HostConfig.RestartPolicy.Name}}",
            "vps-docker",
        ])
        .await
        .expect("inspected");
    assert_eq!(policy.trim(), "unless-stopped");

    // The tags are final: ours, with the pin, without an expiry.
    let instances = world.instances().await;
    let tags = HostTags::from_tags(&instances[0].tags).expect("ours");
    assert_eq!(tags.host_id, host.info().id);
    assert_eq!(
        (tags.expires, tags.pin.map(|pin| pin.len())),
        (None, Some(52))
    );

    // Another engine over the same data directory finds it, with what was written.
    let found = world.provider.host(&name(&host_name)).await.expect("found");
    assert_eq!(found.info().state, HostState::Running);
    assert_eq!(found.info().labels, host.info().labels);
    assert_eq!(found.info().container_ssh, host.info().container_ssh);
    let output = found.exec("cat /vps-docker/file").await.expect("reached");
    assert_eq!(output.stdout, "kept\n");
    found.close().await;

    // It is found by its key when it stands elsewhere than where it was seen last.
    let address = host.info().address.to_string();
    let seen_last = world.provider.data_dir().path().join("hosts/local");
    for file in ["host.json", "known_hosts_vps"] {
        let path = seen_last.join(&host_name).join(file);
        let text = std::fs::read_to_string(&path).expect("there");
        assert!(text.contains(&address), "{text}");
        std::fs::write(&path, text.replace(&address, "198.18.255.254")).expect("written");
    }
    let found = world.provider.host(&name(&host_name)).await;
    let found = found.expect("found by its key");
    assert_eq!(found.info().vps_ssh, host.info().vps_ssh);
    found.close().await;

    // Its name is taken.
    let again = HostSpec::builder(&host_name);
    let error = world.create(again).await.expect_err("the name is taken");
    assert_eq!(error.kind(), ErrorKind::NameTaken);
    assert_eq!(world.instances().await.len(), 1);

    assert_doors_are_strict(&host.info().vps_ssh, &host.info().container_ssh).await;

    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
    let gone = world.provider.destroy(&name(&host_name)).await;
    assert!(gone.expect("idempotent").outcomes.is_empty());
    let error = world.provider.host(&name(&host_name)).await;
    assert_eq!(error.expect_err("gone").kind(), ErrorKind::NotFound);
}

/// Plain `ssh` gets in with what the endpoint says, only with the right key, and no password is
/// ever asked for; only the pinned type of host key is served.
async fn assert_doors_are_strict(vps: &SshEndpoint, container: &SshEndpoint) {
    for (door, other) in [(vps, container), (container, vps)] {
        let (code, complaint) = ssh(door, &[]).await;
        assert_eq!(code, Some(0), "{complaint}");
        let foreign = SshEndpoint {
            identity_file: other.identity_file.clone(),
            ..door.clone()
        };
        let (code, complaint) = ssh(&foreign, &[]).await;
        assert_eq!(code, Some(255));
        assert!(
            complaint.contains("Permission denied (publickey)."),
            "other ways in are offered: {complaint}"
        );
        let rsa = ["-o", "HostKeyAlgorithms=rsa-sha2-512,ecdsa-sha2-nistp256"];
        let (_, complaint) = ssh(door, &rsa).await;
        assert!(
            complaint.contains("no matching host key type found"),
            "other host keys are served: {complaint}"
        );
    }
}

async fn ssh(door: &SshEndpoint, options: &[&str]) -> (Option<i32>, String) {
    let words = door.command();
    let output = Command::new(&words[0])
        // The first value of an option counts.
        .args(options)
        .args(["-o", "BatchMode=yes", "-o", "IdentityAgent=none"])
        .args(&words[1..])
        .arg("true")
        .output()
        .await
        .expect("an ssh program");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), complaint)
}

#[tokio::test(flavor = "multi_thread")]
async fn creates_side_by_side_do_not_meet_and_one_name_has_one() {
    let world = World::new();
    let (first, second) = (unique("side"), unique("side"));
    let create = |name: &str| world.create(HostSpec::builder(name));
    let (a, b, twice) = tokio::join!(create(&first), create(&second), create(&first));
    let mut named_first = [a, twice];
    named_first.sort_by_key(Result::is_err);
    let [a, twice] = named_first;
    let (a, b) = (a.expect("one of the two"), b.expect("the other name"));
    assert_eq!(
        twice.expect_err("one too many").kind(),
        ErrorKind::NameTaken
    );
    assert_eq!(world.instances().await.len(), 2);
    assert_ne!(a.info().address, b.info().address);
    let doors = |host: &Host| [&host.info().vps_ssh, &host.info().container_ssh].map(host_key);
    let keys = BTreeSet::from_iter([doors(&a), doors(&b)].concat());
    assert_eq!(keys.len(), 4, "no two doors share a host key");
    for host in [a, b] {
        let output = host.exec("hostname").await.expect("reached");
        assert_eq!(output.stdout.trim(), host.info().name.as_str());
        host.destroy().await.expect("destroyed");
    }
    world.assert_nothing_left().await;
}

/// The pinned key, without the address it is pinned at.
fn host_key(door: &SshEndpoint) -> String {
    let pin = door.known_hosts.trim().split_once(' ');
    pin.expect("an address and a key").1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_ends_is_told_with_its_own_words() {
    let world = World::new();
    let words = ["sh", "-c", "echo 'no licence found' >&2; exit 3"];
    let spec = HostSpec::builder(unique("ends"))
        .command(ContainerCommand::Words(words.map(String::from).to_vec()));
    let error = world.create(spec).await.expect_err("it ends at once");
    assert_eq!(error.kind(), ErrorKind::Docker, "{error}");
    assert!(error.to_string().contains("no licence found"), "{error}");
    world.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reboot_of_the_vps_brings_back_what_ran_and_nothing_else() {
    let world = World::new();
    let host_name = unique("reboot");
    let spec = HostSpec::builder(&host_name);
    let host = world.create(spec).await.expect("created");
    let instance = host.info().instance_id.clone();
    let write = host.exec("echo kept > /vps-docker/file").await;
    assert_eq!(write.expect("reached").exit_code(), 0);
    host.close().await;
    let client = world.provider.client();

    client
        .power(&instance, PowerAction::Reboot)
        .await
        .expect("rebooted");
    let host = world.provider.host(&name(&host_name)).await.expect("found");
    assert_eq!(wait_for_end_of_boot(&host).await, "running");
    let output = host.exec("cat /vps-docker/file").await.expect("reached");
    assert_eq!(output.stdout, "kept\n");

    let docker = host.docker().await.expect("connected");
    docker.run(["stop", "vps-docker"]).await.expect("stopped");
    host.close().await;
    let found = world.provider.host(&name(&host_name)).await.expect("found");
    assert_eq!(found.info().state, HostState::Stopped);
    found.close().await;
    client
        .power(&instance, PowerAction::Reboot)
        .await
        .expect("rebooted");
    let host = world.provider.host(&name(&host_name)).await.expect("found");
    assert_eq!(wait_for_end_of_boot(&host).await, "exited");
    host.close().await;

    // An instance that is off is no host that is gone.
    client
        .power(&instance, PowerAction::Off)
        .await
        .expect("off");
    let host = world.provider.host(&name(&host_name)).await.expect("found");
    assert_eq!(host.info().state, HostState::Parked);
    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

/// Waits until systemd has started all it starts, and says what the container is doing then.
async fn wait_for_end_of_boot(host: &Host) -> String {
    let vps = host.vps().await.expect("connected");
    let booted = vps.run("systemctl is-system-running --wait", b"").await;
    let booted = booted.expect("reached").stdout;
    assert!(["running", "degraded"].contains(&booted.trim()), "{booted}");
    let docker = host.docker().await.expect("connected");
    let state = docker
        .run(["inspect", "--format", "{{.State.Status}}", "vps-docker"])
        .await;
    state.expect("inspected").trim().to_owned()
}
