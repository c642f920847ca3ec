use std::time::Duration;

use crate::cloud_init::DockerSource;
use crate::docker::LocalEngine;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IdlePolicy, ImageReference};

/// Defaults for hosts and deadlines for the phases of a create. Made by [`Settings::builder`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Container image where a host asks for none. Default `debian:bookworm-slim`.
    pub default_image: ImageReference,
    /// Plan where a host asks for none, or several as in [`HostSpec::plan`](
    /// crate::model::HostSpec::plan). Default: the provider's first.
    pub default_plan: Option<String>,
    /// Region where a host asks for none, or several. Default: the provider's first that has the plan.
    pub default_region: Option<String>,
    /// Operating system of the VPS where a host asks for none. Default: the provider's first.
    pub default_os: Option<String>,
    /// Base directory in the container, where the data volume is mounted. Default `/vps-docker`.
    pub host_dir: String,
    /// The port of the container's sshd on the VPS. Default 2222.
    pub container_ssh_port: u16,
    /// When the container of a host that asks for nothing else is stopped for want of use.
    /// Default: mode `io`, 800 s.
    pub default_idle_policy: IdlePolicy,
    /// Where Docker comes from on an image that has none. Default: the distribution.
    pub docker_source: DockerSource,
    /// How long the bootstrap waits for others that use apt. Default 120 s.
    pub apt_lock_timeout: Duration,
    /// From the order until the VPS's sshd greets. Default 300 s.
    pub vps_boot_timeout: Duration,
    /// For one SSH connection to be made, once its sshd greets. Default 60 s.
    pub ssh_connect_timeout: Duration,
    /// Until the bootstrap on the VPS has ended. Default 300 s.
    pub docker_install_timeout: Duration,
    /// For the image to get to the VPS, or to be built there. Default 900 s.
    pub image_transfer_timeout: Duration,
    /// For sshd to be brought into the image. Default 300 s.
    pub image_build_timeout: Duration,
    /// For the container to start and its sshd to let us in. Default 60 s.
    pub container_start_timeout: Duration,
    /// How long a container that is stopped may take to end before it is killed. Default 10 s.
    pub container_stop_timeout: Duration,
    /// For one host to answer when all are listed. Default 10 s.
    pub discovery_timeout: Duration,
    /// For what a failed create has made to be removed. Default 60 s.
    pub rollback_timeout: Duration,
    /// How long an order whose outcome is unclear, such as one whose answer was lost, is looked for
    /// before it is taken for not carried out. Default 30 s.
    pub unclear_order_timeout: Duration,
    /// Whether a create that fails leaves what it made, to be looked at. Default no.
    pub keep_failed: bool,
    /// This side's Docker engine, from which images are shipped.
    pub local_engine: LocalEngine,
}

impl Settings {
    /// Begins with the defaults.
    #[must_use]
    pub fn builder() -> SettingsBuilder {
        SettingsBuilder {
            settings: Self::default(),
            default_image: None,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_image: ImageReference::new("debian:bookworm-slim").expect("it is legal"),
            default_plan: None,
            default_region: None,
            default_os: None,
            host_dir: "/vps-docker".into(),
            container_ssh_port: 2222,
            default_idle_policy: IdlePolicy::default(),
            docker_source: DockerSource::default(),
            apt_lock_timeout: Duration::from_secs(120),
            vps_boot_timeout: Duration::from_secs(300),
            ssh_connect_timeout: Duration::from_secs(60),
            docker_install_timeout: Duration::from_secs(300),
            image_transfer_timeout: Duration::from_secs(900),
            image_build_timeout: Duration::from_secs(300),
            container_start_timeout: Duration::from_secs(60),
            container_stop_timeout: Duration::from_secs(10),
            discovery_timeout: Duration::from_secs(10),
            rollback_timeout: Duration::from_secs(60),
            unclear_order_timeout: Duration::from_secs(30),
            keep_failed: false,
            local_engine: LocalEngine::default(),
        }
    }
}

/// Builds [`Settings`]. Setters never fail; [`build`](Self::build) names what is wrong.
#[derive(Clone, Debug)]
pub struct SettingsBuilder {
    settings: Settings,
    /// Not yet checked.
    default_image: Option<String>,
}

macro_rules! setters {
    ($($name:ident: $type:ty),* $(,)?) => {
        $(
            #[doc = concat!("Sets [`Settings::", stringify!($name), "`].")]
            #[must_use]
            pub fn $name(mut self, value: $type) -> Self {
                self.settings.$name = value;
                self
            }
        )*
    };
}

impl SettingsBuilder {
    setters! {
        container_ssh_port: u16,
        default_idle_policy: IdlePolicy,
        docker_source: DockerSource,
        apt_lock_timeout: Duration,
        vps_boot_timeout: Duration,
        ssh_connect_timeout: Duration,
        docker_install_timeout: Duration,
        image_transfer_timeout: Duration,
        image_build_timeout: Duration,
        container_start_timeout: Duration,
        container_stop_timeout: Duration,
        discovery_timeout: Duration,
        rollback_timeout: Duration,
        unclear_order_timeout: Duration,
        keep_failed: bool,
        local_engine: LocalEngine,
    }

    /// Sets [`Settings::default_image`].
    #[must_use]
    pub fn default_image(mut self, image: impl Into<String>) -> Self {
        self.default_image = Some(image.into());
        self
    }

    /// Sets [`Settings::default_plan`].
    #[must_use]
    pub fn default_plan(mut self, plan: impl Into<String>) -> Self {
        self.settings.default_plan = Some(plan.into());
        self
    }

    /// Sets [`Settings::default_region`].
    #[must_use]
    pub fn default_region(mut self, region: impl Into<String>) -> Self {
        self.settings.default_region = Some(region.into());
        self
    }

    /// Sets [`Settings::default_os`].
    #[must_use]
    pub fn default_os(mut self, os: impl Into<String>) -> Self {
        self.settings.default_os = Some(os.into());
        self
    }

    /// Sets [`Settings::host_dir`].
    #[must_use]
    pub fn host_dir(mut self, directory: impl Into<String>) -> Self {
        self.settings.host_dir = directory.into();
        self
    }

    /// Checks the values.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a deadline of zero, an unfit directory, port, package or image.
    pub fn build(self) -> Result<Settings> {
        let mut settings = self.settings;
        for (name, deadline) in [
            ("apt_lock_timeout", settings.apt_lock_timeout),
            ("vps_boot_timeout", settings.vps_boot_timeout),
            ("ssh_connect_timeout", settings.ssh_connect_timeout),
            ("docker_install_timeout", settings.docker_install_timeout),
            ("image_transfer_timeout", settings.image_transfer_timeout),
            ("image_build_timeout", settings.image_build_timeout),
            ("container_start_timeout", settings.container_start_timeout),
            ("discovery_timeout", settings.discovery_timeout),
            ("rollback_timeout", settings.rollback_timeout),
        ] {
            if deadline.is_zero() {
                return Err(invalid(format!(
                    "{name} is zero, so that nothing could succeed; give some seconds"
                )));
            }
        }
        let directory = &settings.host_dir;
        let odd = |c: char| !(c.is_ascii_alphanumeric() || "/._-".contains(c));
        if !directory.starts_with('/')
            || directory.len() < 2
            || directory.contains(odd)
            || directory.split('/').any(|part| part == "..")
        {
            return Err(invalid(format!(
                "host_dir {directory:?} must be an absolute path of letters, digits and '._-', \
                 such as /vps-docker"
            )));
        }
        if matches!(settings.container_ssh_port, 0 | 22) {
            return Err(invalid(format!(
                "container_ssh_port {} is not to be had: 22 is the VPS's own, 0 is none; \
                 2222 is the default",
                settings.container_ssh_port
            )));
        }
        settings.docker_source.check()?;
        if let Some(image) = self.default_image {
            settings.default_image = ImageReference::new(image)?;
        }
        Ok(settings)
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_of_zero_are_refused_by_name() {
        let error = Settings::builder()
            .vps_boot_timeout(Duration::ZERO)
            .build()
            .expect_err("zero");
        assert!(error.to_string().contains("vps_boot_timeout"), "{error}");
    }

    #[test]
    fn odd_directories_ports_and_images_are_refused() {
        for directory in ["", "/", "relative", "/a b", "/a:b", "/a/../b", "/a\n"] {
            let builder = Settings::builder().host_dir(directory);
            builder.build().expect_err(directory);
        }
        for port in [0, 22] {
            let builder = Settings::builder().container_ssh_port(port);
            builder.build().expect_err("not to be had");
        }
        let builder = Settings::builder().default_image("-x");
        builder.build().expect_err("an option");
        let docker = DockerSource::Distribution { packages: vec![] };
        let builder = Settings::builder().docker_source(docker);
        builder.build().expect_err("no package");
    }
}
