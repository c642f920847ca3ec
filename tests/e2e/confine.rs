//! What holds a container: limits, capabilities, a kernel of its own; and what happens when it tries all it has.

use serde_json::{Value, json};
use vps_docker::idle::SignalState;
use vps_docker::model::{
    ContainerCommand, CpuPercent, Firewall, HostSpecBuilder, IdleMode, IdlePolicy, PowerAction,
    Pressure, Runtime, SnapshotName,
};
use vps_docker::{ErrorKind, Host, HostSpec, HostState};

use crate::support::{Vps, World, unique};

const VOLUME: &str = "/var/lib/docker/volumes/vps-docker-data/_data";

/// One host for all that a container may try: the boot of a VPS is what costs the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_eats_everything_leaves_the_vps_reachable() {
    let world = World::new();
    let host_name = unique("bombs");
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let spec = HostSpec::builder(&host_name)
        .memory("256m")
        .pids(200)
        .cpus("1.5")
        .log_size("100k")
        .log_files(2)
        .command(ContainerCommand::Words(words(&[
            "sh",
            "-c",
            "until [ -e /vps-docker/go ]; do sleep 1; done; exec perl -e '$x = q(x) x 1e6; $x .= $x while 1'",
        ])));
    nothing_is_made_by_a_plan(&world, spec.clone()).await;
    let mut host = world.create(spec).await.expect("created");
    let vps = Vps::of(&host);

    everyday_things_work(&host).await;
    what_was_asked_for_is_what_docker_has(&host).await;
    a_memory_bomb_kills_itself(&mut host).await;
    a_fork_bomb_ends_at_the_limit(&mut host).await;
    a_log_flood_is_cut(&host, &vps).await;
    a_full_disk_is_told(&mut host, &vps).await;
    the_options_are_kept_by_a_restore(&mut host).await;
    a_container_without_memory_has_crashed(&world, &mut host, &vps).await;

    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

async fn nothing_is_made_by_a_plan(world: &World, spec: HostSpecBuilder) {
    let spec = spec.allow_from("203.0.113.0/24").app_port(8000);
    let spec = spec.build().expect("legal");
    let plan = world.provider.plan_host(&spec).await.expect("planned");
    assert_eq!(plan.firewall, Firewall::Vps);
    let exposure = plan.exposure.as_ref().expect("asked for");
    assert_eq!(exposure.app_ports, [8000]);
    assert_eq!(plan.resources.pids, 200);
    assert!(!plan.places.is_empty());
    serde_json::to_string(&plan).expect("it can be shown");
    world.assert_nothing_left().await;
    let gvisor = HostSpec::builder("g").runtime(Runtime::Gvisor);
    let gvisor = gvisor.build().expect("legal");
    let error = world.provider.plan_host(&gvisor).await;
    let error = error.expect_err("the mode io sees nothing of it");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

/// What people do in a container of Debian, with the default security.
async fn everyday_things_work(host: &Host) {
    let script = "set -e
        grep -q '^NoNewPrivs:.*1$' /proc/self/status
        ! mknod /tmp/device c 1 3 2>/dev/null
        useradd --create-home somebody
        su somebody -c 'id -un'
        setpriv --reuid somebody --regid somebody --init-groups id -un
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq && apt-get install -qqy --no-install-recommends iputils-ping >/dev/null 2>&1
        su somebody -c 'ping -c 1 -W 3 127.0.0.1' | grep -o '1 received'
        su somebody -c 'ping -c 1 -W 3 127.0.0.1 >/dev/null; nohup sleep 1 >/dev/null & wait'";
    let output = host.exec(script).await.expect("reached");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, "somebody\nsomebody\n1 received\n");
}

async fn what_was_asked_for_is_what_docker_has(host: &Host) {
    let run = &inspect(host).await["HostConfig"];
    assert_eq!(run["Memory"], 256 << 20);
    assert_eq!(run["PidsLimit"], 200);
    assert_eq!(run["NanoCpus"], 1_500_000_000_u64);
    assert_eq!(run["OomScoreAdj"], 500);
    assert_eq!(run["SecurityOpt"], json!(["no-new-privileges"]));
    assert_eq!(
        run["CapDrop"],
        json!(["MKNOD", "NET_RAW", "SETFCAP", "SETPCAP"])
    );
    let log = json!({"Type": "json-file", "Config": {"max-size": "100k", "max-file": "2"}});
    assert_eq!(run["LogConfig"], log);
}

async fn a_memory_bomb_kills_itself(host: &mut Host) {
    // It doubles a string until there is no more.
    let bomb = "perl -e '$x = \"x\" x 1e6; $x .= $x while 1'";
    let output = host.exec(bomb).await.expect("the connection is there");
    assert!(!output.status.success(), "{output:?}");
    assert_reachable(host).await;
    let killed =
        |pressure: &Pressure| matches!(pressure, Pressure::Memory { killed } if *killed > 0);
    assert!(
        host.pressures().iter().any(killed),
        "{:?}",
        host.pressures()
    );
    let why = host.why().await.expect("told");
    assert!(why.to_string().contains("out of memory"), "{why}");
}

async fn a_fork_bomb_ends_at_the_limit(host: &mut Host) {
    // More than may be.
    let bomb = "for n in $(seq 300); do sleep 1000 >/dev/null 2>&1 & done 2>/dev/null; echo done";
    let output = host.exec(bomb).await;
    tracing::info!(?output, "the bomb is off");
    let vps = Vps::of(host);
    host.refresh().await.expect("the VPS is reached");
    let refused =
        |pressure: &Pressure| matches!(pressure, Pressure::Pids { refused } if *refused > 0);
    assert!(
        host.pressures().iter().any(refused),
        "{:?}",
        host.pressures()
    );
    let why = host.why().await.expect("told");
    assert!(why.to_string().contains("out of processes"), "{why}");
    // A stop and a start get rid of it, whatever still fits into the container.
    host.restart().await.expect("restarted");
    assert_reachable(host).await;
    assert!(!host.pressures().iter().any(refused), "it began anew");
    assert_eq!(vps.inside("pgrep -c -f 'sleep 100[0]' || :").trim(), "0");
}

async fn a_log_flood_is_cut(host: &Host, vps: &Vps) {
    // What the first process writes is the container's log.
    let flood = "head -c 3000000 /dev/zero | tr '\\0' x | fold -w 500 > /proc/1/fd/1";
    let output = host.exec(flood).await.expect("reached");
    assert!(output.status.success(), "{output:?}");
    let size = "cat $(docker inspect -f '{{.LogPath}}' vps-docker)* | wc -c";
    let size: u64 = vps.inside(size).trim().parse().expect("a number");
    assert!((100_000..400_000).contains(&size), "{size} bytes of log");
}

/// A small file system takes the place of the data volume's disk.
async fn a_full_disk_is_told(host: &mut Host, vps: &Vps) {
    host.stop().await.expect("stopped");
    vps.inside(&format!("mount -t tmpfs -o size=8M small {VOLUME}"));
    host.start().await.expect("started");
    let fill = "cat /dev/zero > /vps-docker/filler; echo full";
    let output = host.exec(fill).await.expect("reached");
    assert_eq!(output.stdout, "full\n", "{output:?}");
    assert_reachable(host).await;
    let full = |pressure: &Pressure| {
        matches!(
            pressure,
            Pressure::Disk {
                data_volume: true,
                ..
            }
        )
    };
    assert!(host.pressures().iter().any(full), "{:?}", host.pressures());
    let why = host.why().await.expect("told");
    assert!(why.to_string().contains("disk is full"), "{why}");
    host.stop().await.expect("stopped");
    vps.inside(&format!("umount {VOLUME}"));
    host.start().await.expect("started");
    assert_reachable(host).await;
    assert!(!host.pressures().iter().any(full), "{:?}", host.pressures());
}

async fn the_options_are_kept_by_a_restore(host: &mut Host) {
    let before = inspect(host).await["HostConfig"].clone();
    let snapshot = SnapshotName::new("kept").expect("legal");
    let snapshot = host.snapshot(&snapshot).await.expect("taken");
    host.restore(&snapshot.id).await.expect("restored");
    let after = &inspect(host).await["HostConfig"];
    for key in ["Memory", "PidsLimit", "CapDrop", "SecurityOpt", "LogConfig"] {
        assert_eq!(after[key], before[key], "{key}");
    }
}

/// What it was started for eats it up: with that process the container ends.
async fn a_container_without_memory_has_crashed(world: &World, host: &mut Host, vps: &Vps) {
    vps.inside(&format!(
        "docker update --restart=no vps-docker; touch {VOLUME}/go; timeout 60 docker wait vps-docker"
    ));
    let owner = world.provider.data_dir().owner();
    let listed = world.provider.hosts().await.expect("asked").all().await;
    let listed = listed
        .into_iter()
        .find(|host| host.owner.as_ref() == Some(owner));
    let listed = listed.expect("listed");
    assert_eq!(listed.state, HostState::Crashed);
    let problem = listed.problem.expect("told").to_string();
    assert!(problem.contains("out of memory"), "{problem}");
    host.refresh().await.expect("the VPS is reached");
    assert_eq!(host.info().state, HostState::Crashed);
    let why = host.why().await.expect("told");
    assert!(why.to_string().contains("out of memory"), "{why}");
    vps.inside(&format!("rm {VOLUME}/go"));
    host.start().await.expect("started");
    assert_reachable(host).await;
}

/// One host with all the other choices, on a Docker that gVisor is registered with before it starts.
#[tokio::test(flavor = "multi_thread")]
async fn a_container_under_gvisor_has_a_kernel_of_its_own() {
    let world = World::new();
    let cpu = IdleMode::Cpu {
        percent: CpuPercent::new(5).expect("fit"),
    };
    let hour = std::time::Duration::from_secs(3600);
    let spec = HostSpec::builder(unique("gvisor"))
        .runtime(Runtime::Gvisor)
        .idle_policy(IdlePolicy::new(cpu, hour).expect("fit"))
        .read_only_root()
        .writable("/var/cache/app")
        .memory("512m");
    let mut host = world.create(spec).await.expect("created");
    let vps = Vps::of(&host);

    the_kernel_is_gvisors(&host, &vps).await;
    the_root_is_read_only(&host).await;
    limits_hold_under_gvisor(&mut host, &vps).await;
    nothing_unseen_is_taken_for_idleness(&mut host).await;
    a_job_that_only_gvisor_knows_of_holds(&host, &vps).await;
    host.power(PowerAction::Reboot).await.expect("rebooted");
    the_kernel_is_gvisors(&host, &vps).await;

    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

async fn the_kernel_is_gvisors(host: &Host, vps: &Vps) {
    let output = host.exec("dmesg").await.expect("reached by sshd");
    assert!(output.stdout.contains("Starting gVisor"), "{output:?}");
    let exec = vps.inside("docker exec vps-docker dmesg");
    assert!(exec.contains("Starting gVisor"), "{exec}");
    // Its network is its own too: there is no socket of sshd's in the namespace that the VPS gave it.
    let sockets =
        "nsenter --net -t $(docker inspect -f '{{.State.Pid}}' vps-docker) ss -Htln | wc -l";
    assert_eq!(vps.inside(sockets).trim(), "0");
    let output = host
        .exec("getent hosts deb.debian.org")
        .await
        .expect("reached");
    assert!(output.status.success(), "it reaches others: {output:?}");
}

async fn the_root_is_read_only(host: &Host) {
    let script = "touch /etc/x 2>&1; touch /usr/x 2>&1; touch /var/cache/app/x /tmp/x /run/x /vps-docker/x && echo written";
    let output = host.exec(script).await.expect("reached");
    assert_eq!(
        output.stdout.matches("Read-only file system").count(),
        2,
        "{output:?}"
    );
    assert!(output.stdout.ends_with("written\n"), "{output:?}");
}

async fn limits_hold_under_gvisor(host: &mut Host, vps: &Vps) {
    let group = "$(docker inspect -f '{{.Id}}' vps-docker)";
    let limit = vps.inside(&format!(
        "cat /sys/fs/cgroup/memory/docker/{group}/memory.limit_in_bytes 2>/dev/null ||
         cat /sys/fs/cgroup/docker/{group}/memory.max /sys/fs/cgroup/system.slice/docker-{group}.scope/memory.max 2>/dev/null"
    ));
    assert_eq!(limit.trim(), (512_u64 << 20).to_string());
    let bomb = "perl -e '$x = \"x\" x 1e6; $x .= $x while 1'; echo survived";
    let output = host.exec(bomb).await;
    tracing::info!(?output, "the bomb is off");
    // The kernel ends all of the sandbox, or gVisor the process in it; the VPS goes on.
    host.start().await.expect("it runs, or runs again");
    assert_eq!(
        host.exec("echo alive").await.expect("reached").stdout,
        "alive\n"
    );
}

/// What the VPS cannot see says so.
async fn nothing_unseen_is_taken_for_idleness(host: &mut Host) {
    let io = IdlePolicy::new(IdleMode::Io, std::time::Duration::from_secs(60)).expect("fit");
    let error = host
        .set_idle_policy(&io)
        .await
        .expect_err("it sees nothing");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let why = host.why().await.expect("told");
    let state = |name: &str| {
        let signal = why.signals.iter().find(|signal| signal.name == name);
        signal.map(|signal| signal.state)
    };
    assert_eq!(state("io"), Some(SignalState::Unknown), "{why}");
    assert_eq!(state("ssh"), Some(SignalState::Unknown), "{why}");
    assert_ne!(state("cpu"), Some(SignalState::Unknown), "{why}");
}

/// What the watcher asks before it stops the container.
async fn a_job_that_only_gvisor_knows_of_holds(host: &Host, vps: &Vps) {
    let ask = "pid=$(docker inspect -f '{{.State.Pid}}' vps-docker)
        . /etc/vps-docker/report.sh; . /etc/vps-docker/idle-signals.sh
        if hidden_marks_hold; then echo \"$value\"; else echo none; fi";
    assert_eq!(vps.inside(ask), "none\n");
    let job = "vps-docker-keep-alive sh -c '>/tmp/marked; exec sleep 1000' >/dev/null 2>&1 &
        until [ -e /tmp/marked ]; do sleep 0.1; done; echo $!";
    let job = host.exec(job).await.expect("reached").stdout;
    let held = format!("a command under vps-docker-keep-alive, process {job}");
    assert_eq!(vps.inside(ask), held);
    let process = job.trim();
    let kill = format!("kill {process}; while [ -e /proc/{process} ]; do sleep 0.1; done");
    host.exec(&kill).await.expect("reached");
    assert_eq!(vps.inside(ask), "none\n");
}

/// Both doors let us in, and the VPS does what it is for.
async fn assert_reachable(host: &mut Host) {
    host.refresh().await.expect("the VPS is reached");
    assert_eq!(host.info().state, HostState::Running);
    let output = host
        .exec("echo alive")
        .await
        .expect("the container is reached");
    assert_eq!(output.stdout, "alive\n", "{output:?}");
}

async fn inspect(host: &Host) -> Value {
    let docker = host.docker().await.expect("connected");
    let listed = docker.run(["container", "inspect", "vps-docker"]).await;
    let listed: Value = serde_json::from_str(&listed.expect("one")).expect("JSON");
    listed[0].clone()
}
