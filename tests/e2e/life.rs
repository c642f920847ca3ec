//! What happens to a host between its create and its end, seen from this side and from another.

use vps_docker::model::{AgentName, HostTags, PowerAction};
use vps_docker::ssh::TransportExt;
use vps_docker::store::AgentRecord;
use vps_docker::{ErrorKind, Host, HostSpec, HostState, ListedHost};

use crate::support::{Vps, World, name, unique};

/// One host through its life: the boot of a VPS is what costs the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_stopped_started_renamed_and_rebooted() {
    let world = World::new();
    let host_name = unique("life");
    let spec = HostSpec::builder(&host_name)
        .label("purpose", "a life")
        .start_arg("--env=KEPT=yes");
    let mut host = world.create(spec).await.expect("created");
    let agent = AgentName::new("agent-1").expect("legal");
    let store = host.store().await.expect("connected");
    let data = serde_json::json!({"task": "it's \"here\""});
    let mut record = AgentRecord::new(agent.clone(), data.clone());
    store.put_agent(&mut record).await.expect("put");
    run(
        &host,
        "echo kept > /vps-docker/file; echo kept > /root/layer",
    )
    .await;

    a_stopped_host_is_listed_with_its_agents(&world, &mut host, &data).await;
    a_start_brings_sshd_and_data_back(&world, &mut host).await;
    a_container_that_crashes_is_no_stop(&mut host).await;
    a_container_that_is_gone_is_made_anew(&mut host).await;
    a_full_disk_leaves_the_record_as_it_was(&world, &mut host).await;
    let renamed = the_new_name_works_everywhere(&world, &mut host).await;
    a_rename_that_was_cut_off_is_made_good(&world, &mut host).await;
    a_second_machine_needs_only_token_and_keys(&world, &renamed).await;
    what_ran_runs_after_a_reboot(&mut host).await;
    what_was_stopped_stays_stopped_over_a_reboot(&mut host).await;
    a_host_that_is_off_is_parked_and_start_turns_it_on(&world, &mut host).await;

    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

async fn a_stopped_host_is_listed_with_its_agents(
    world: &World,
    host: &mut Host,
    data: &serde_json::Value,
) {
    host.stop().await.expect("stopped");
    assert_eq!(host.info().state, HostState::Stopped);
    assert_eq!(host.stopped().expect("marked").by, "client");
    host.stop().await.expect("idempotent");
    let listed = only(world).await;
    assert_eq!(listed.state, HostState::Stopped);
    assert!(listed.problem.is_none(), "{:?}", listed.problem);
    assert_eq!(listed.labels, host.info().labels);
    assert_eq!(listed.stopped.expect("marked").by, "client");
    let agents: Vec<_> = listed.agents.iter().map(|agent| &agent.data).collect();
    assert_eq!(agents, [data]);
    let found = world.provider.host(&host.info().name).await.expect("found");
    assert_eq!(found.info().state, HostState::Stopped);
    found.close().await;
}

async fn a_start_brings_sshd_and_data_back(world: &World, host: &mut Host) {
    host.start().await.expect("started");
    assert_eq!(host.info().state, HostState::Running);
    assert!(host.stopped().is_none());
    let kept = run(host, "cat /vps-docker/file /root/layer; echo $KEPT").await;
    assert_eq!(kept, "kept\nkept\nyes\n");
    host.start().await.expect("idempotent");
    host.restart().await.expect("restarted");
    assert_eq!(run(host, "cat /root/layer").await, "kept\n");
    assert_eq!(only(world).await.state, HostState::Running);
}

/// Its command ends by a signal of its own. Docker is kept from starting it again, which would hide
/// the crash at once.
async fn a_container_that_crashes_is_no_stop(host: &mut Host) {
    let docker = host.docker().await.expect("connected");
    let policy = async |policy: &str| {
        let updated = docker.run(["update", policy, "vps-docker"]).await;
        updated.expect("updated");
    };
    policy("--restart=no").await;
    let process = docker
        .run(["inspect", "--format", "{{.State.Pid}}", "vps-docker"])
        .await
        .expect("inspected");
    let vps = host.vps().await.expect("connected");
    let kill = format!(
        "pkill -SEGV -P {} && docker wait vps-docker",
        process.trim()
    );
    let ended = vps.run(&kill, b"").await.expect("reached");
    assert_eq!(ended.stdout, "139\n", "{}", ended.stderr);
    host.refresh().await.expect("looked at");
    assert_eq!(host.info().state, HostState::Crashed);
    let problem = host.problem().expect("told").to_string();
    assert!(problem.contains("exit code 139"), "{problem}");
    policy("--restart=unless-stopped").await;
    host.start().await.expect("started again");
    assert_eq!(host.info().state, HostState::Running);
}

async fn a_container_that_is_gone_is_made_anew(host: &mut Host) {
    let docker = host.docker().await.expect("connected");
    docker
        .run(["rm", "--force", "vps-docker"])
        .await
        .expect("removed");
    host.refresh().await.expect("looked at");
    assert_eq!(host.info().state, HostState::Failed);
    host.start().await.expect("made anew");
    assert_eq!(host.info().state, HostState::Running);
    // The data volume is the same, and so are the start args.
    assert_eq!(
        run(host, "cat /vps-docker/file; echo $KEPT").await,
        "kept\nyes\n"
    );
}

/// A small file system takes the place of the state volume's.
async fn a_full_disk_leaves_the_record_as_it_was(world: &World, host: &mut Host) {
    const STATE: &str = "/var/lib/docker/volumes/vps-docker-state/_data";
    let vps = Vps::of(host);
    vps.inside(&format!(
        "cp -a {STATE} /tmp/state; mount -t tmpfs -o size=256k state {STATE}
        cp -a /tmp/state/. {STATE}; cat /dev/zero > {STATE}/filler || :"
    ));
    let before = vps.inside(&format!("cat {STATE}/host.json"));
    let new = name(&unique("full"));
    let error = host.rename(&new).await.expect_err("no room");
    assert!(
        error.to_string().contains("disk of the VPS is full"),
        "{error}"
    );
    let agent = AgentName::new("agent-2").expect("legal");
    let mut record = AgentRecord::new(agent, serde_json::json!("x".repeat(10_000)));
    let store = host.store().await.expect("connected");
    store.put_agent(&mut record).await.expect_err("no room");
    assert_eq!(vps.inside(&format!("cat {STATE}/host.json")), before);
    let listed = only(world).await;
    assert!(listed.problem.is_none(), "{:?}", listed.problem);
    assert_eq!((listed.state, listed.agents.len()), (HostState::Running, 1));

    vps.inside(&format!("rm {STATE}/filler"));
    store.put_agent(&mut record).await.expect("there is room");
    assert_eq!(run(host, "echo usable").await, "usable\n");
    vps.inside(&format!("umount {STATE}; rm -r /tmp/state"));
}

async fn the_new_name_works_everywhere(world: &World, host: &mut Host) -> String {
    let (old, new) = (host.info().name.clone(), name(&unique("renamed")));
    run(
        host,
        "sleep 1000 >/dev/null 2>&1 & echo $! >/vps-docker/process",
    )
    .await;
    let instance_id = host.info().instance_id.clone();
    host.rename(&new).await.expect("renamed");
    host.rename(&new).await.expect("idempotent");

    assert_eq!(host.info().name, new);
    let shown = run(
        host,
        "hostname; kill -0 $(cat /vps-docker/process) && echo lives",
    )
    .await;
    assert_eq!(shown, format!("{new}\nlives\n"));
    let vps = host.vps().await.expect("connected");
    let shown = vps.run("hostname", b"").await.expect("reached").stdout;
    assert_eq!(shown.trim(), new.as_str());
    let record = host.store().await.expect("connected").read().await;
    assert_eq!(record.expect("readable").expect("there").name, new);
    let instances = world.instances().await;
    assert_eq!(instances[0].name, new.as_str());
    assert_eq!(instances[0].tag(HostTags::NAME), Some(new.as_str()));
    let listed = only(world).await;
    assert_eq!(
        (listed.name.as_str(), &listed.instance_id),
        (new.as_str(), &instance_id)
    );
    // Every file of this side has moved along.
    for file in [&host.info().vps_ssh, &host.info().container_ssh] {
        let pins = std::fs::read_to_string(&file.known_hosts_file).expect("there");
        assert_eq!(pins, file.known_hosts);
        assert!(
            file.known_hosts_file
                .to_string_lossy()
                .contains(new.as_str())
        );
    }
    let found = world
        .provider
        .host(&new)
        .await
        .expect("found by its new name");
    found.close().await;
    let error = world
        .provider
        .host(&old)
        .await
        .expect_err("the old name is gone");
    assert_eq!(error.kind(), ErrorKind::NotFound);

    // A name that is taken is refused, and the container keeps the new name over a restart.
    let error = host.rename(&old).await;
    error.expect("the old name is free again");
    host.rename(&new).await.expect("and back");
    host.restart().await.expect("restarted");
    assert_eq!(run(host, "hostname").await, format!("{new}\n"));
    new.to_string()
}

/// What a rename leaves that is killed right after its one step that counts.
async fn a_rename_that_was_cut_off_is_made_good(world: &World, host: &mut Host) {
    let (old, new) = (host.info().name.clone(), name(&unique("cut-off")));
    let store = host.store().await.expect("connected");
    let to = new.clone();
    store
        .update(move |record| record.name = to.clone())
        .await
        .expect("written");
    let error = world
        .provider
        .host(&old)
        .await
        .expect_err("it is called otherwise now");
    assert!(error.to_string().contains(new.as_str()), "{error}");
    let found = world.provider.host(&new).await.expect("found");
    found.close().await;
    assert_eq!(
        world.instances().await[0].tag(HostTags::NAME),
        Some(new.as_str())
    );
    let store = host.store().await.expect("connected");
    let to = old.clone();
    store
        .update(move |record| record.name = to.clone())
        .await
        .expect("written");
    assert_eq!(only(world).await.name, old.as_str());
    world
        .provider
        .host(&old)
        .await
        .expect("found")
        .close()
        .await;
}

/// Another data directory with the client keys alone: pins come from the tags.
async fn a_second_machine_needs_only_token_and_keys(world: &World, host_name: &str) {
    let second = World::new();
    world.copy_keys_to(&second);
    let second = second.reopened();
    let listed = second.provider.hosts().await.expect("listed").all().await;
    let ours: Vec<&ListedHost> = listed
        .iter()
        .filter(|host| host.name == host_name)
        .collect();
    let [listed] = &ours[..] else {
        panic!("found {ours:?}");
    };
    assert_eq!(listed.state, HostState::Running, "{:?}", listed.problem);
    assert_eq!(listed.agents.len(), 1);
    let found = second.provider.host(&name(host_name)).await.expect("found");
    assert_eq!(run(&found, "cat /vps-docker/file").await, "kept\n");
    found.close().await;

    // A pin that does not fit is refused with both fingerprints, before anything is sent.
    let third = World::new();
    world.copy_keys_to(&third);
    let third = third.reopened();
    let instance = &world.instances().await[0];
    let mut tags = instance.tags.clone();
    let right = tags[HostTags::PIN].clone();
    let stranger = vps_docker::keys::KeyPair::generate("stranger").expect("random");
    tags.insert(HostTags::PIN.into(), stranger.public().pin());
    let client = world.provider.client();
    client.set_tags(&instance.id, &tags).await.expect("set");
    let error = third.provider.host(&name(host_name)).await;
    let error = error.expect_err("another key");
    assert_eq!(error.kind(), ErrorKind::HostKeyMismatch);
    assert_eq!(error.to_string().matches("SHA256:").count(), 2, "{error}");
    tags.insert(HostTags::PIN.into(), right);
    client.set_tags(&instance.id, &tags).await.expect("set");

    // A stranger sees it, as what it is, and remembers nothing of it.
    let stranger = World::new();
    let listed = stranger.provider.hosts().await.expect("listed").all().await;
    let listed = listed
        .iter()
        .find(|host| host.name == host_name)
        .expect("listed");
    assert_eq!(listed.state, HostState::Unreachable);
    let problem = listed.problem.as_ref().expect("told").to_string();
    assert!(problem.contains("another owner"), "{problem}");
    stranger.assert_nothing_left().await;
}

async fn what_ran_runs_after_a_reboot(host: &mut Host) {
    host.power(PowerAction::Reboot).await.expect("rebooted");
    assert_eq!(host.info().state, HostState::Running);
    assert_eq!(run(host, "cat /vps-docker/file").await, "kept\n");
}

async fn what_was_stopped_stays_stopped_over_a_reboot(host: &mut Host) {
    host.stop().await.expect("stopped");
    host.power(PowerAction::Reboot).await.expect("rebooted");
    assert_eq!(host.info().state, HostState::Stopped);
    assert_eq!(host.stopped().expect("marked").by, "client");
}

async fn a_host_that_is_off_is_parked_and_start_turns_it_on(world: &World, host: &mut Host) {
    host.power(PowerAction::Off).await.expect("off");
    assert_eq!(host.info().state, HostState::Parked);
    assert_eq!(only(world).await.state, HostState::Parked);
    let mut found = world.provider.host(&host.info().name).await.expect("found");
    assert_eq!(found.info().state, HostState::Parked);
    found.start().await.expect("on and started");
    assert_eq!(run(&found, "cat /vps-docker/file").await, "kept\n");
    found.close().await;
}

/// The one host of this owner.
async fn only(world: &World) -> ListedHost {
    let owner = world.provider.data_dir().owner();
    let mut listed = world.provider.hosts().await.expect("listed").all().await;
    listed.retain(|host| host.owner.as_ref() == Some(owner));
    assert_eq!(listed.len(), 1, "{listed:?}");
    listed.remove(0)
}

async fn run(host: &Host, command: &str) -> String {
    let output = host.exec(command).await.expect("reached");
    assert_eq!(output.exit_code(), 0, "{command}: {}", output.stderr);
    output.stdout
}
