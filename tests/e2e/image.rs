//! How an image gets to the VPS, and which images can be used.

use std::sync::{Arc, Mutex};

use vps_docker::docker::LocalEngine;
use vps_docker::{CreateEvent, ErrorKind, HostSpec, ImageSource, Phase, Settings};

use crate::support::{LocalImage, World, docker, unique};

#[tokio::test(flavor = "multi_thread")]
async fn the_images_user_environment_and_directory_are_respected() {
    let image = LocalImage::build(
        "FROM debian:bookworm-slim\n\
         RUN useradd --shell /usr/sbin/nologin app && mkdir /srv/app && chown app /srv/app\n\
         USER app\nENV COLOUR='deep blue'\nWORKDIR /srv/app\n",
    );
    // Brought about on the VPS alone, as for an image that the VPS pulls.
    let engine = LocalEngine::default().prepare_images(false);
    let settings = Settings::builder().local_engine(engine);
    let world = World::with(settings.build().expect("fit"));
    let spec = HostSpec::builder(unique("user")).image(&image.name);
    let host = world.create(spec).await.expect("created");
    assert_eq!(image.derived(), "", "something was made of it here");
    assert_eq!(host.info().container_ssh.user, "app");
    // The same as another user, root among them, who cannot be had from within.
    let who = host.command(["sh", "-c", "id -un; pwd; echo $COLOUR"]);
    for (user, named) in [(None, "app"), (Some("root"), "root")] {
        let who = user.map_or(who.clone(), |user| who.clone().user(user));
        let output = who.output().await.expect("reached");
        assert_eq!(output.stdout, format!("{named}\n/srv/app\ndeep blue\n"));
    }
    let command = "id -un; pwd; echo $COLOUR; touch mine && touch /vps-docker/mine && echo wrote";
    let output = host.exec(command).await.expect("reached");
    assert_eq!(output.stdout, "app\n/srv/app\ndeep blue\nwrote\n");
    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

/// An image that is shipped gets its sshd here, once; hosts that are created later ship what was made.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_shipped_is_made_ready_once() {
    let image = LocalImage::build(
        "FROM debian:bookworm-slim\nRUN useradd app\nUSER app\nENV COLOUR='deep blue'\n\
         ENTRYPOINT [\"/bin/echo\", \"two words\"]\nCMD [\"said\"]\nSTOPSIGNAL SIGQUIT\n\
         HEALTHCHECK CMD true\nVOLUME /srv\nEXPOSE 80\nLABEL mine=yes\n",
    );
    let world = World::new();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let spec = HostSpec::builder(unique("ready")).image(&image.name);
        let host = world.create(spec).await.expect("created");
        assert_eq!(host.info().container_ssh.user, "app");
        let output = host.exec("id -un; echo $COLOUR").await.expect("reached");
        assert_eq!(output.stdout, "app\ndeep blue\n");
        let vps = host.docker().await.expect("connected");
        let used = ["inspect", "--format={{.Image}}", "vps-docker"];
        ids.push(vps.run(used).await.expect("it runs").trim().to_owned());
        // The image itself came along, as it is here.
        let base = ["image", "inspect", "--format={{.Id}}", &image.name];
        let base = vps.run(base).await.expect("it is there");
        assert_eq!(base.trim(), image.inspect("{{.Id}}"));
        host.destroy().await.expect("destroyed");
    }
    assert_eq!(ids[0], ids[1], "it was made twice");
    assert_eq!(image.derived().lines().count(), 1, "on this side");

    // Only the user of its processes is another.
    let (mut made, mut expected) = (config(&ids[0]), config(&image.name));
    for config in [&mut made, &mut expected] {
        assert_eq!(config["Labels"]["mine"], "yes");
        let fields = config.as_object_mut().expect("an object");
        // Labels of ours are added, and some engines say what it was built from.
        fields.retain(|name, _| name != "Labels" && name != "Image");
    }
    expected["User"] = "0".into();
    assert_eq!(made, expected);
    world.assert_nothing_left().await;
}

/// How an image of this side wants to be run.
fn config(image: &str) -> serde_json::Value {
    let config = docker(&["image", "inspect", "--format={{json .Config}}", image]);
    serde_json::from_str(&config).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_without_a_package_manager_gets_a_clear_error() {
    let image = LocalImage::build("FROM scratch\nCOPY Dockerfile /nothing-else\n");
    let world = World::new();
    let spec = HostSpec::builder(unique("empty")).image(&image.name);
    let error = world.create(spec).await.expect_err("nothing runs in it");
    assert_eq!(error.kind(), ErrorKind::Docker);
    assert!(error.to_string().contains("openssh-server"), "{error}");
    world.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_shipped_is_refused_before_anything_is_ordered() {
    let world = World::new();
    let spec = HostSpec::builder(unique("missing"))
        .image("vps-docker-test/no-such-image:1")
        .image_source(ImageSource::Ship);
    let phases = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&phases);
    let error = world
        .provider
        .create_host(spec.build().expect("fit"))
        .on_event(move |event| {
            if let CreateEvent::Started(phase) = event {
                seen.lock().expect("nobody panics").push(phase);
            }
        })
        .await
        .expect_err("nobody has it");
    assert_eq!(*phases.lock().expect("nobody panics"), [Phase::Plan]);
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    world.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_pulled_says_what_to_do() {
    let world = World::new();
    let spec = HostSpec::builder(unique("unpullable")).image("registry.invalid/no-such-image:1");
    let error = world.create(spec).await.expect_err("no such registry");
    assert_eq!(error.kind(), ErrorKind::Docker);
    assert!(error.to_string().contains("docker image ls"), "{error}");
    world.assert_nothing_left().await;
}
