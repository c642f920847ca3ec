//! What must hold, whatever was cut off.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vps_docker::model::{HostTags, Instance};
use vps_docker::ssh::TransportExt;
use vps_docker::{DataDir, HostName, HostState};

use crate::support::World;

/// What a moment's kill leaves: no second instance, none that the journal or this side does not lead
/// to, and no process of the dead one's.
pub(super) async fn nothing_is_lost_sight_of(world: &World) {
    no_process_is_left(world).await;
    let instances = world.instances().await;
    assert!(instances.len() <= 1, "duplicates: {instances:?}");
    let data_dir = world.provider.data_dir();
    for instance in instances {
        let host = instance.tag(HostTags::HOST);
        let creates = data_dir.journal().entries().expect("readable");
        let in_journal = creates
            .iter()
            .any(|entry| host == Some(entry.host_id.as_str()));
        let is_known = files(data_dir.path())
            .iter()
            .any(|file| file.ends_with("host.json"));
        assert!(in_journal || is_known, "leaked: {instance:?}");
    }
}

/// Its `ssh` processes end by themselves, for their input has.
async fn no_process_is_left(world: &World) {
    let data_dir = world.provider.data_dir().path().display().to_string();
    let gone = async {
        while processes_with(&data_dir) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone)
        .await
        .expect("processes of the dead one live on");
}

fn processes_with(argument: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("Linux");
    processes.filter_map(Result::ok).any(|process| {
        // One that has ended meanwhile has no arguments.
        let arguments = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).contains(argument)
    })
}

/// Nothing is left but the owner's identity.
pub(super) async fn nothing_is_left(world: &World) {
    world.assert_nothing_left().await;
    let data_dir = world.provider.data_dir();
    assert_eq!(files(data_dir.path()), without_hosts(data_dir));
}

/// One host of that name in that state, whole; returns the generation of its record.
pub(super) async fn is_whole(world: &World, name: &HostName, state: HostState) -> u64 {
    let data_dir = world.provider.data_dir();
    let journal = data_dir.journal().entries().expect("readable");
    assert_eq!(journal, [], "the journal is closed");
    let instances = world.instances().await;
    let [instance] = &instances[..] else {
        panic!("instances: {instances:?}");
    };
    listed(world, name, state).await;

    let host = world.provider.host(name).await.expect("found");
    assert_eq!(host.info().state, state, "{:?}", host.problem());
    let store = host.store().await.expect("connected");
    let record = store.read().await.expect("readable").expect("a record");
    assert!(record.ready_at.is_some());
    assert_eq!(record.id, host.info().id);
    assert_names(name, &record.name, instance);

    let vps = host.vps().await.expect("connected");
    let seen = vps.run(ON_THE_VPS, b"").await.expect("reached").stdout;
    let container = match state {
        HostState::Running => "running",
        _ => "exited",
    };
    // One, neither paused nor dead, and no file that is half written.
    assert_eq!(seen, format!("vps-docker {container}\n"));
    let runs = vps.run(WHAT_RUNS, b"").await.expect("reached").stdout;
    let image = record.derived_image.as_deref().unwrap_or_default();
    let deployment = record.deployment.as_deref().unwrap_or_default();
    assert_eq!(runs, format!("{image} {deployment}\n"), "not the record's");
    drop((vps, store));
    host.close().await;

    let mut expected = without_hosts(data_dir);
    for file in ["host.json", "known_hosts_container", "known_hosts_vps"] {
        expected.insert(Path::new("hosts/local").join(name.as_str()).join(file));
    }
    assert_eq!(files(data_dir.path()), expected);
    record.generation
}

/// Prints all containers, a Docker endpoint that is open, temporary files, and what of snapshots and restores is there by half.
const ON_THE_VPS: &str = "docker ps --all --format '{{.Names}} {{.State}}'
    ls /etc/systemd/system | grep vps-docker-endpoint
    state=$(docker volume inspect -f '{{.Mountpoint}}' vps-docker-state)
    data=$(docker volume inspect -f '{{.Mountpoint}}' vps-docker-data)
    find /etc/vps-docker \"$state\" -name '*.tmp*' -o -name '*.new*' -o -name restoring \
        -o -name replacing -o -name '*.next' -o -name '*.replaced'
    ls -A \"${data%/*}\" | grep -v '^_data$'
    {
        ls \"$state/snapshots\" 2>/dev/null | sed -n 's/[.]json$//p'
        ls \"$state/snapshots\" 2>/dev/null | grep -v -e '[.]json$' -e '^current$'
        docker image ls --format '{{.Tag}}' vps-docker/snapshot
    } | sort | uniq -c | grep -v '^ *3 '";

/// Which container it is.
const WHAT_RUNS: &str = "docker container inspect \
    -f '{{.Config.Image}} {{index .Config.Labels \"vps-docker-deployment\"}}' vps-docker";

/// Discovery shows it, once and as what it is.
async fn listed(world: &World, name: &HostName, state: HostState) {
    let owner = world.provider.data_dir().owner();
    let mut listing = world.provider.hosts().await.expect("listed");
    while let Some(host) = listing.next_host().await {
        if host.owner.as_ref() == Some(owner) {
            assert_eq!(host.name, name.as_str());
            assert_eq!(host.state, state, "{:?}", host.problem);
            return;
        }
    }
    panic!("{name} is not listed");
}

fn assert_names(name: &HostName, record: &HostName, instance: &Instance) {
    let tags = HostTags::from_tags(&instance.tags).expect("ours");
    assert_eq!((name, record), (&tags.name, &tags.name));
    assert_eq!(instance.name, name.as_str());
    assert_eq!(tags.expires, None, "still bears the expiry of a create");
}

/// All files below a data directory, by their paths from it, and what stands in `run`.
fn files(directory: &Path) -> BTreeSet<PathBuf> {
    let (mut files, mut directories) = (BTreeSet::new(), vec![directory.to_owned()]);
    while let Some(next) = directories.pop() {
        for entry in std::fs::read_dir(next).expect("readable") {
            let path = entry.expect("readable").path();
            let inside = path.strip_prefix(directory).expect("below it");
            if !path.is_dir() || inside.starts_with("run") {
                files.insert(inside.to_owned());
            }
            if path.is_dir() {
                directories.push(path);
            }
        }
    }
    files
}

/// What a data directory has without any host, while this process uses it.
fn without_hosts(data_dir: &DataDir) -> BTreeSet<PathBuf> {
    let keys = ["vps", "container"].into_iter().flat_map(|key| {
        [
            format!("keys/{key}_ed25519"),
            format!("keys/{key}_ed25519.pub"),
        ]
    });
    let others = ["profile.json", "lock", "run"].map(String::from);
    let mut files: BTreeSet<PathBuf> = keys.chain(others).map(PathBuf::from).collect();
    // It stays once it was needed.
    let authority = PathBuf::from("keys/tls_authority.pem");
    files.extend(
        data_dir
            .path()
            .join(&authority)
            .exists()
            .then_some(authority),
    );
    let run_dir = data_dir.run_dir();
    let ours = run_dir.strip_prefix(data_dir.path()).expect("below it");
    files.extend([ours.to_owned(), ours.join("lock")]);
    files
}
