//! cloud-init installs Docker for real; a bootstrap that fails says why, at once.

use std::time::Duration;

use vps_docker::cloud_init::DockerSource;
use vps_docker::model::InstanceSpec;
use vps_docker::secrecy::ExposeSecret;
use vps_docker::{ErrorKind, HostSpec, Settings};

use crate::support::{Altered, World, unique};

#[tokio::test(flavor = "multi_thread")]
async fn the_bare_image_gets_docker_from_cloud_init() {
    let world = World::new();
    let spec = HostSpec::builder(unique("bare")).os("debian-12");
    let host = world.create(spec).await.expect("created");
    let docker = host.docker().await.expect("connected");
    let info = docker
        .run([
            "info",
            "--format",
            "{{.LiveRestoreEnabled}} {{.LoggingDriver}}",
        ])
        .await
        .expect("Docker answers");
    assert_eq!(info.trim(), "true json-file");
    let output = host.exec("cat /etc/os-release").await.expect("reached");
    assert!(output.stdout.contains("bookworm"));
    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_does_not_exist_is_told_with_apts_own_words() {
    let packages = vec!["no-such-package-anywhere".to_owned()];
    let settings = Settings::builder()
        .docker_source(DockerSource::Distribution { packages })
        .build()
        .expect("fit");
    let world = World::with(settings);
    let spec = HostSpec::builder(unique("package")).os("debian-12");
    let error = world
        .create(spec)
        .await
        .expect_err("there is no such package");
    assert_eq!(error.kind(), ErrorKind::Bootstrap, "{error}");
    let text = error.to_string();
    assert!(
        text.contains("Unable to locate package no-such-package-anywhere"),
        "{text}"
    );
    world.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_apt_that_is_held_for_ever_ends_in_an_error() {
    let settings = Settings::builder()
        .apt_lock_timeout(Duration::from_secs(3))
        .build()
        .expect("fit");
    let world = World::over(Altered::specs(hold_apt_locks), settings);
    let spec = HostSpec::builder(unique("lock")).os("debian-12");
    let error = world.create(spec).await.expect_err("apt cannot be used");
    assert_eq!(error.kind(), ErrorKind::Bootstrap, "{error}");
    assert!(error.to_string().contains("lock"), "{error}");
    world.assert_nothing_left().await;
}

/// Holds apt's locks for ever, from the first thing that cloud-init does.
fn hold_apt_locks(spec: &InstanceSpec) -> InstanceSpec {
    let user_data = spec.user_data.expose_secret();
    let hold = format!(
        "bootcmd:\n- [sh, -c, \"systemd-run --unit=apt-lock --property=DefaultDependencies=no \
         python3 -c \\\"{HOLDER}\\\"; until [ -e /run/locked ]; do sleep 0.1; done\"]\n"
    );
    assert!(user_data.contains("\nbootcmd:\n"), "nothing to add to");
    InstanceSpec {
        user_data: user_data.replacen("bootcmd:\n", &hold, 1).into(),
        ..spec.clone()
    }
}

const HOLDER: &str = "import fcntl,time;f=[open(p,'w') for p in \
    ('/var/lib/dpkg/lock-frontend','/var/lib/apt/lists/lock')];\
    [fcntl.lockf(x,fcntl.LOCK_EX) for x in f];open('/run/locked','w');time.sleep(1e6)";
