//! An impostor who steps in while something is under way.

use std::io::Read;

use vps_docker::model::{BuildArgs, PowerAction};

use super::*;

/// Whoever has seen a public key can show it.
pub(super) async fn a_key_that_is_shown_and_not_proven_is_refused(scene: &Scene, host: &Host) {
    let key = pinned(&host.info().vps_ssh);
    scene.relay.route(Route::Forged);
    let before = scene.so_far();
    let found = scene.world.provider.host(&host.info().name).await;
    let error = found.expect_err("the signature is wrong");
    assert_eq!(error.kind(), ErrorKind::HostKeyMismatch, "{error}");
    assert!(error.to_string().contains(&key), "{error}");
    scene.assert_told_nothing("a forged signature", before);
    scene.relay.route(Route::Real);
}

/// Where a lost connection is made anew.
pub(super) async fn what_breaks_off_does_not_go_on_with_an_impostor(scene: &Scene, host: &Host) {
    let context = tempfile::tempdir().expect("a directory");
    let random = std::fs::File::open("/dev/urandom").expect("there");
    let mut noise = Vec::new();
    random
        .take(4 << 20)
        .read_to_end(&mut noise)
        .expect("endless");
    let file = context.path().join("file");
    std::fs::write(&file, noise).expect("written");
    let dockerfile = format!("FROM {}\nCOPY file /file\n", scene.image.name);
    std::fs::write(context.path().join("Dockerfile"), dockerfile).expect("written");
    let (vps, container) = (&host.info().vps_ssh, &host.info().container_ssh);

    host.container().await.expect("connected");
    scene.relay.container().break_after(1 << 20);
    let upload = host.upload(&file, "/root/file");
    scene.refused("an upload", &pinned(container), upload).await;

    host.vps().await.expect("connected");
    scene.relay.vps().break_after(1 << 20);
    let args = BuildArgs::parse([context.path().display().to_string()]).expect("fit");
    let build = args.build.expect("a context");
    let build = host.build_image(&build, |_| {});
    scene.refused("a build", &pinned(vps), build).await;
    scene.relay.route(Route::Real);
}

pub(super) async fn the_containers_door_is_checked_when_it_starts(scene: &Scene, host: &mut Host) {
    host.stop().await.expect("stopped");
    scene.relay.container().route(Route::Impostor);
    let key = pinned(&host.info().container_ssh);
    scene.refused("a start", &key, host.start()).await;
    scene.relay.route(Route::Real);
    host.start().await.expect("started");
}

/// The host has its new key when the one who asks for it is shown another.
pub(super) async fn a_look_at_a_new_key_trusts_nobody(scene: &Scene, mut host: Host) -> Host {
    let doors = |host: &Host| [&host.info().vps_ssh, &host.info().container_ssh].map(pinned);
    let host_name = host.info().name.to_string();
    for door in [scene.relay.vps(), scene.relay.container()] {
        let before = doors(&host);
        host.vps().await.expect("connected");
        door.route(Route::Impostor);
        let visits = scene.so_far();
        let error = mismatch("the look", host.rotate_host_keys().await);
        let presented = scene.impostor.key().fingerprint();
        assert!(error.contains(&presented), "{error}");
        scene.assert_told_nothing("the look", visits);
        host.close().await;
        scene.relay.route(Route::Real);
        // Whoever comes next brings it to its end.
        host = scene.world.reopened_host(&host_name).await.expect("found");
        let after = doors(&host);
        assert!(before[0] != after[0], "{before:?} {after:?}");
    }
    host
}

/// Where a host is waited for, and the wrong one answers first.
pub(super) async fn no_wait_makes_an_impostor_right(scene: &Scene, mut host: Host) -> Host {
    let key = pinned(&host.info().vps_ssh);
    let passed = scene.relay.vps().passed();
    scene.relay.vps().route_once(Route::Impostor, Route::Real);
    let reboot = host.power(PowerAction::Reboot);
    scene.refused("a reboot", &key, reboot).await;
    assert_eq!(scene.relay.vps().passed(), passed, "it was tried again");
    let host_name = host.info().name.to_string();
    scene.world.reopened_host(&host_name).await.expect("back")
}
