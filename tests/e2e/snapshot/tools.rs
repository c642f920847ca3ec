//! What the tests of snapshots share.

use vps_docker::Host;
use vps_docker::model::SnapshotName;
use vps_docker::ssh::{TransportExt, join};
use vps_docker::store::HostSnapshot;

pub(super) const STATE: &str = "/var/lib/docker/volumes/vps-docker-state/_data";
pub(super) const VOLUME: &str = "/var/lib/docker/volumes/vps-docker-data";
pub(super) const STATUS: &str = "docker container inspect --format '{{.State.Status}}' vps-docker";
/// Kills the script that holds the host, without a word. The brackets keep it from killing itself.
pub(super) const KILL: &str = "pkill -KILL -f 'operation[.]lock'";

/// As many records as directories and images, of the same ids; nothing half made, nothing paused.
pub(super) async fn assert_record_is_reality(host: &Host, expected: usize) {
    let mut records: Vec<String> = snapshots(host)
        .await
        .iter()
        .map(|one| one.id.to_string())
        .collect();
    records.sort();
    assert_eq!(records.len(), expected);
    let reality = format!(
        "mkdir -p {STATE}/snapshots && cd {STATE}/snapshots && ls | grep -v -e '^current$' -e '[.]json$' | sort
         echo -- && docker image ls --format '{{{{.Tag}}}}' vps-docker/snapshot | sort
         echo -- && docker container ls --all --format '{{{{.Names}}}} {{{{.Image}}}}'
         echo -- && ls -A {VOLUME} && ls {STATE} | grep -v -e agents -e lock -e snapshots -e stop.json
         echo -- && docker image ls --format '{{{{.Repository}}}}:{{{{.Tag}}}}' vps-docker/restored
         echo -- && {STATUS}"
    );
    let reality = on_vps(host, &reality).await;
    let parts: Vec<Vec<&str>> = reality
        .split("--\n")
        .map(|part| part.lines().collect())
        .collect();
    let [directories, images, containers, files, restored, status] = &parts[..] else {
        panic!("{reality}");
    };
    assert_eq!(
        (directories, images),
        (&records.iter().map(String::as_str).collect(), directories)
    );
    let record = host.store().await.expect("connected").read().await;
    let runs = record
        .expect("readable")
        .expect("there")
        .derived_image
        .expect("ready");
    assert_eq!(containers, &[format!("vps-docker {runs}")]);
    assert_eq!(files, &["_data", "host.json"]);
    assert!(restored.iter().all(|image| *image == runs), "{restored:?}");
    assert_ne!(status, &["paused"]);
}

pub(super) async fn take(host: &Host, name: &str) -> HostSnapshot {
    let name = SnapshotName::new(name).expect("legal");
    host.snapshot(&name).await.expect("taken")
}

pub(super) async fn snapshots(host: &Host) -> Vec<HostSnapshot> {
    host.snapshots().await.expect("listed")
}

pub(super) async fn wait_for_the_lock(host: &Host) {
    on_vps(host, "flock -w 60 /run/vps-docker/operation.lock true").await;
}

pub(super) async fn container_id(host: &Host) -> String {
    on_vps(
        host,
        "docker container inspect --format '{{.Id}}' vps-docker",
    )
    .await
}

pub(super) fn image(snapshot: &HostSnapshot) -> String {
    format!("vps-docker/snapshot:{}", snapshot.id)
}

pub(super) fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

pub(super) async fn python(host: &Host, program: &str) -> String {
    on_vps(
        host,
        &join(["python3", "-c", program, &format!("{VOLUME}/_data")]),
    )
    .await
}

pub(super) async fn run(host: &Host, command: &str) -> String {
    let output = host.exec(command).await.expect("reached");
    assert_eq!(
        output.exit_code(),
        0,
        "{command}: {}{}",
        output.stdout,
        output.stderr
    );
    output.stdout
}

pub(super) async fn on_vps(host: &Host, command: &str) -> String {
    let vps = host.vps().await.expect("connected");
    let output = vps.run(command, b"").await.expect("reached");
    assert_eq!(
        output.exit_code(),
        0,
        "{command}: {}{}",
        output.stdout,
        output.stderr
    );
    output.stdout
}
