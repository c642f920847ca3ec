//! cloud-init installs Docker for real; a bootstrap that fails says why, at once.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use vps_docker::cloud_init::DockerSource;
use vps_docker::model::{
    Catalog, DestroyOutcome, Instance, InstanceFilter, InstanceId, InstanceSpec, SshKeyId, Tags,
};
use vps_docker::provider_local::{LocalConfig, LocalProvider};
use vps_docker::secrecy::ExposeSecret;
use vps_docker::{Capabilities, ErrorKind, HostSpec, Result, Settings, VpsClient};

use crate::support::{World, unique};

#[tokio::test(flavor = "multi_thread")]
async fn the_bare_image_gets_docker_from_cloud_init() {
    let world = World::new();
    let spec = HostSpec::builder(unique("bare"))
        .os("debian-12")
        .build()
        .expect("fit");
    let host = world.provider.create_host(spec).await.expect("created");
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
    let spec = HostSpec::builder(unique("package"))
        .os("debian-12")
        .build()
        .expect("fit");
    let error = world
        .provider
        .create_host(spec)
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
    let world = World::over(Arc::new(AptLockHeld::default()), settings);
    let spec = HostSpec::builder(unique("lock"))
        .os("debian-12")
        .build()
        .expect("fit");
    let error = world
        .provider
        .create_host(spec)
        .await
        .expect_err("apt cannot be used");
    assert_eq!(error.kind(), ErrorKind::Bootstrap, "{error}");
    assert!(error.to_string().contains("lock"), "{error}");
    world.assert_nothing_left().await;
}

/// The local provider, of an image where something holds apt's lock for ever: the first thing that
/// cloud-init does is to take it.
#[derive(Debug)]
struct AptLockHeld(LocalProvider);

impl Default for AptLockHeld {
    fn default() -> Self {
        Self(LocalProvider::new(LocalConfig::default()))
    }
}

const HOLDER: &str = "import fcntl,time;f=[open(p,'w') for p in \
    ('/var/lib/dpkg/lock-frontend','/var/lib/apt/lists/lock')];\
    [fcntl.lockf(x,fcntl.LOCK_EX) for x in f];open('/run/locked','w');time.sleep(1e6)";

#[async_trait]
impl VpsClient for AptLockHeld {
    fn provider_name(&self) -> &str {
        self.0.provider_name()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn create_instance(&self, spec: &InstanceSpec) -> Result<Instance> {
        let user_data = spec.user_data.expose_secret();
        let hold = format!(
            "bootcmd:\n- [sh, -c, \"systemd-run --unit=apt-lock --property=DefaultDependencies=no python3 -c \\\"{HOLDER}\\\"; \
             until [ -e /run/locked ]; do sleep 0.1; done\"]\n"
        );
        assert!(user_data.contains("\nbootcmd:\n"), "nothing to add to");
        let user_data = user_data.replacen("bootcmd:\n", &hold, 1);
        let spec = InstanceSpec {
            user_data: user_data.into(),
            ..spec.clone()
        };
        self.0.create_instance(&spec).await
    }

    async fn instance(&self, id: &InstanceId) -> Result<Instance> {
        self.0.instance(id).await
    }

    async fn list_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>> {
        self.0.list_instances(filter).await
    }

    async fn destroy_instance(&self, id: &InstanceId) -> Result<DestroyOutcome> {
        self.0.destroy_instance(id).await
    }

    async fn ensure_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKeyId> {
        self.0.ensure_ssh_key(name, public_key).await
    }

    async fn catalog(&self) -> Result<Catalog> {
        self.0.catalog().await
    }

    async fn set_tags(&self, id: &InstanceId, tags: &Tags) -> Result<()> {
        self.0.set_tags(id, tags).await
    }
}
