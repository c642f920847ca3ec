//! How an image gets to the VPS, and which images can be used.

use std::sync::{Arc, Mutex};

use vps_docker::{CreateEvent, ErrorKind, HostSpec, ImageSource, Phase};

use crate::support::{LocalImage, World, unique};

#[tokio::test(flavor = "multi_thread")]
async fn the_images_user_environment_and_directory_are_respected() {
    let image = LocalImage::build(
        "FROM debian:bookworm-slim\n\
         RUN useradd --shell /usr/sbin/nologin app && mkdir /srv/app && chown app /srv/app\n\
         USER app\nENV COLOUR='deep blue'\nWORKDIR /srv/app\n",
    );
    let world = World::new();
    let spec = HostSpec::builder(unique("user")).image(&image.name);
    let host = world.create(spec).await.expect("created");
    assert_eq!(host.info().container_ssh.user, "app");
    let command = "id -un; pwd; echo $COLOUR; touch mine && touch /vps-docker/mine && echo wrote";
    let output = host.exec(command).await.expect("reached");
    assert_eq!(output.stdout, "app\n/srv/app\ndeep blue\nwrote\n");
    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
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
