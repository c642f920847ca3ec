//! A host that is there, and all that can be asked of it.

use tokio::process::Command;
use vps_docker::docker::LocalEngine;
use vps_docker::model::{IdlePolicy, ImageReference, SnapshotName};
use vps_docker::ssh::TerminalSize;
use vps_docker::{HostState, LogsOptions};

use super::found::{
    a_host_is_not_found_where_an_impostor_answers, an_impostors_machine_is_not_adopted,
    an_interrupted_create_is_not_taken_up_from_an_impostor,
};
use super::meanwhile::{
    a_key_that_is_shown_and_not_proven_is_refused, a_look_at_a_new_key_trusts_nobody,
    no_wait_makes_an_impostor_right, the_containers_door_is_checked_when_it_starts,
    what_breaks_off_does_not_go_on_with_an_impostor,
};
use super::reuse::a_host_at_the_address_of_another_is_not_that_one;
use super::*;
use crate::support::{name, unique};

/// One host: the boot of a VPS is what costs the time.
#[tokio::test(flavor = "multi_thread")]
async fn an_impostor_is_told_nothing_whatever_is_asked_of_a_host() {
    let scene = Scene::new().await;
    let host_name = unique("mitm");
    let mut host = scene.create(&host_name).await.expect("created");

    nothing_is_asked_of_an_impostor(&scene, &mut host).await;
    a_host_is_not_found_where_an_impostor_answers(&scene, &host).await;
    an_interrupted_create_is_not_taken_up_from_an_impostor(&scene, &host).await;
    an_impostors_machine_is_not_adopted(&scene, &host).await;
    a_key_that_is_shown_and_not_proven_is_refused(&scene, &host).await;
    what_breaks_off_does_not_go_on_with_an_impostor(&scene, &host).await;
    the_containers_door_is_checked_when_it_starts(&scene, &mut host).await;
    let host = a_look_at_a_new_key_trusts_nobody(&scene, host).await;
    let host = no_wait_makes_an_impostor_right(&scene, host).await;
    a_host_at_the_address_of_another_is_not_that_one(&scene, host).await;
}

async fn nothing_is_asked_of_an_impostor(scene: &Scene, host: &mut Host) {
    let snapshot = SnapshotName::new("mitm").expect("legal");
    let id = host.snapshot(&snapshot).await.expect("taken").id;
    scene.take_over(host).await;
    let key = &pinned(&host.info().vps_ssh);
    let new_name = name(&unique("renamed"));
    let engine = LocalEngine::default();
    let image: ImageReference = ImageReference::new(&scene.image.name).expect("legal");
    let ship = async |host: &Host| {
        let docker = host.docker().await?;
        docker.ship_image(&engine, &image, &|_| ()).await
    };
    let policy = IdlePolicy::disabled();
    let as_root = host.command(["true"]).user("root");
    scene.refused("command", key, as_root.output()).await;
    scene.refused("vps", key, host.vps()).await;
    scene.refused("refresh", key, host.refresh()).await;
    scene.refused("stop", key, host.stop()).await;
    scene.refused("start", key, host.start()).await;
    scene.refused("restart", key, host.restart()).await;
    scene.refused("rename", key, host.rename(&new_name)).await;
    scene.refused("store", key, host.store()).await;
    scene.refused("docker", key, host.docker()).await;
    scene.refused("ship", key, ship(host)).await;
    let socket = host.docker_socket(None);
    scene.refused("docker_socket", key, socket).await;
    let logs = host.logs(LogsOptions::default());
    scene.refused("logs", key, logs).await;
    scene.refused("why", key, host.why()).await;
    let set_policy = host.set_idle_policy(&policy);
    scene.refused("idle policy", key, set_policy).await;
    let window = host.open_idle_window();
    scene.refused("idle window", key, window).await;
    scene
        .refused("snapshot", key, host.snapshot(&snapshot))
        .await;
    scene.refused("snapshots", key, host.snapshots()).await;
    scene.refused("restore", key, host.restore(&id)).await;
    let delete = host.delete_snapshot(&id);
    scene.refused("delete_snapshot", key, delete).await;
    let of_instance = host.snapshot_instance(&snapshot);
    scene.refused("snapshot_instance", key, of_instance).await;
    let rotate = host.rotate_host_keys();
    scene.refused("rotate_host_keys", key, rotate).await;

    let key = &pinned(&host.info().container_ssh);
    let file = scene.identity.as_path();
    scene.refused("container", key, host.container()).await;
    scene.refused("exec", key, host.exec("true")).await;
    let command = host.command(["true"]);
    scene.refused("command", key, command.output()).await;
    let terminal = host.shell().terminal(TerminalSize::new(24, 80));
    scene.refused("terminal", key, terminal).await;
    let upload = host.upload(file, "/root/file");
    scene.refused("upload", key, upload).await;
    let download = host.download("/etc/passwd", scene.world.data.path().join("passwd"));
    scene.refused("download", key, download).await;
    plain_ssh_is_as_strict(scene, host).await;

    // Nothing has happened to it.
    scene.relay.route(Route::Real);
    let snapshots = host.snapshots().await.expect("reached");
    assert_eq!(snapshots.len(), 1);
    host.refresh().await.expect("reached");
    assert_eq!(host.info().state, HostState::Running);
}

/// What the endpoints and the text for `ssh_config` are good for.
async fn plain_ssh_is_as_strict(scene: &Scene, host: &Host) {
    let config = scene.world.data.path().join("config");
    let text = host.ssh_config(Some("mitm")).expect("fit");
    std::fs::write(&config, text).expect("written");
    let config = config.display().to_string();
    let by_config = |alias: &str| ["ssh", "-F", &config, alias].map(str::to_owned).to_vec();
    let info = host.info();
    for (words, door) in [
        (info.vps_ssh.command(), &info.vps_ssh),
        (info.container_ssh.command(), &info.container_ssh),
        (by_config("mitm-vps"), &info.vps_ssh),
        (by_config("mitm"), &info.container_ssh),
    ] {
        let before = scene.so_far();
        let ssh = Command::new(&words[0])
            .args(&words[1..])
            .arg("true")
            .output();
        let output = ssh.await.expect("an ssh program");
        assert_eq!(output.status.code(), Some(255));
        let complaint = String::from_utf8_lossy(&output.stderr);
        let presented = scene.impostor.key().fingerprint();
        assert!(complaint.contains(&presented), "{complaint}");
        assert!(!door.known_hosts.contains(&presented));
        scene.assert_told_nothing("plain ssh", before);
    }
}
