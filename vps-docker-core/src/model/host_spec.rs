use super::container_spec::Labels;
use super::{
    ContainerCommand, ContainerSpec, HostName, HostSnapshotId, ImageReference, ImageSource,
    SnapshotId, StartArgs,
};
use crate::error::{Error, ErrorKind, Result};

/// What a user asks for: a host. Made by [`HostSpec::builder`], complete and checked; whether
/// plan, region and image exist is asked of the provider before anything is ordered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HostSpec {
    /// The host's name.
    pub name: HostName,
    /// Plan id; the settings', else the provider's default when absent.
    pub plan: Option<String>,
    /// Region id; the settings', else the provider's default when absent.
    pub region: Option<String>,
    /// Operating system of the VPS; the settings', else the provider's default when absent.
    pub os: Option<String>,
    /// Docker image of the container; the settings' default when absent.
    pub image: Option<ImageReference>,
    /// How the image gets to the VPS.
    pub image_source: ImageSource,
    /// What runs in the container beside sshd.
    pub command: ContainerCommand,
    /// Arguments for `docker run`, not yet checked against the settings' SSH port.
    pub start_args: Vec<String>,
    /// Kept in the record, not interpreted.
    pub labels: Labels,
    /// What the host begins with.
    pub origin: HostOrigin,
}

/// What a host begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostOrigin {
    /// A Docker image and an empty data volume.
    #[default]
    Image,
    /// A snapshot of another host: its container and its data.
    Snapshot {
        /// The host that has it.
        host: HostName,
        /// Which one.
        id: HostSnapshotId,
    },
    /// A snapshot of another host's instance: its disk, with images and data volume.
    InstanceSnapshot(SnapshotId),
}

impl HostSpec {
    /// Begins a specification; only the name has no default.
    pub fn builder(name: impl Into<String>) -> HostSpecBuilder {
        HostSpecBuilder {
            name: name.into(),
            ..HostSpecBuilder::default()
        }
    }

    /// The container's part, with the settings' defaults filled in.
    pub(crate) fn container(
        &self,
        default_image: &ImageReference,
        container_ssh_port: u16,
    ) -> Result<ContainerSpec> {
        Ok(ContainerSpec {
            image: self.image.clone().unwrap_or_else(|| default_image.clone()),
            image_source: self.image_source,
            command: self.command.clone(),
            start_args: StartArgs::new(self.start_args.iter().cloned(), container_ssh_port)?,
        })
    }
}

/// Builds a [`HostSpec`]. Setters never fail; [`build`](Self::build) names what is wrong.
#[derive(Clone, Debug, Default)]
pub struct HostSpecBuilder {
    name: String,
    plan: Option<String>,
    region: Option<String>,
    os: Option<String>,
    image: Option<String>,
    image_source: ImageSource,
    command: ContainerCommand,
    start_args: Vec<String>,
    labels: Labels,
    origin: Origin,
}

/// Not yet checked.
#[derive(Clone, Debug, Default)]
enum Origin {
    #[default]
    Image,
    Snapshot(String, String),
    InstanceSnapshot(SnapshotId),
}

impl HostSpecBuilder {
    /// Plan id, as in the provider's catalogue.
    #[must_use]
    pub fn plan(mut self, plan: impl Into<String>) -> Self {
        self.plan = Some(plan.into());
        self
    }

    /// Region id, as in the provider's catalogue.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Operating system of the VPS, as in the provider's catalogue.
    #[must_use]
    pub fn os(mut self, os: impl Into<String>) -> Self {
        self.os = Some(os.into());
        self
    }

    /// Docker image of the container.
    #[must_use]
    pub fn image(mut self, image: impl Into<String>) -> Self {
        self.image = Some(image.into());
        self
    }

    /// How the image gets to the VPS. Default: [`ImageSource::Auto`].
    #[must_use]
    pub fn image_source(mut self, source: ImageSource) -> Self {
        self.image_source = source;
        self
    }

    /// What runs in the container beside sshd. Default: [`ContainerCommand::None`].
    #[must_use]
    pub fn command(mut self, command: ContainerCommand) -> Self {
        self.command = command;
        self
    }

    /// Adds one argument for `docker run`.
    #[must_use]
    pub fn start_arg(mut self, arg: impl Into<String>) -> Self {
        self.start_args.push(arg.into());
        self
    }

    /// Adds a label; the last one of a key wins.
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(key.into(), value.into());
        self
    }

    /// Begins with a snapshot of another host, which must be reachable and may be stopped: with its
    /// container, as it was run, and its data. Start args that are given here replace the
    /// snapshot's. What is the host's own stays behind: name, labels, agents, snapshots, the
    /// container's host key, and every volume but the data volume.
    #[must_use]
    pub fn from_snapshot(mut self, host: impl Into<String>, id: impl Into<String>) -> Self {
        self.origin = Origin::Snapshot(host.into(), id.into());
        self
    }

    /// Begins with the disk of another host's instance: with its images and its data. The container is
    /// made anew from the image, so what was written outside the data volume stays behind, as do
    /// name, labels, agents, snapshots and host keys.
    #[must_use]
    pub fn instance_snapshot(mut self, id: SnapshotId) -> Self {
        self.origin = Origin::InstanceSnapshot(id);
        self
    }

    /// Checks everything that can be checked without the provider.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] names the bad value and what would be right.
    pub fn build(self) -> Result<HostSpec> {
        for (what, value) in [
            ("plan", &self.plan),
            ("region", &self.region),
            ("os", &self.os),
        ] {
            if value.as_deref() == Some("") {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!("the {what} is empty; leave it out to get the default"),
                ));
            }
        }
        if let ContainerCommand::Words(words) = &self.command {
            if words.is_empty() || words[0].is_empty() {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "the container command has no words; use ContainerCommand::None for none",
                ));
            }
            if words.iter().any(|word| word.contains('\0')) {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "the container command contains a NUL character",
                ));
            }
        }
        let origin = match self.origin {
            Origin::Image => HostOrigin::Image,
            Origin::Snapshot(..)
                if self.image.is_some() || self.command != ContainerCommand::None =>
            {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "image and command of a host that begins with a snapshot are the snapshot's; \
                     leave them out",
                ));
            }
            Origin::Snapshot(host, id) => HostOrigin::Snapshot {
                host: HostName::new(host)?,
                id: HostSnapshotId::new(id)?,
            },
            Origin::InstanceSnapshot(_) if self.os.is_some() => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "the operating system of a host that begins with an instance snapshot is the \
                     snapshot's; leave it out",
                ));
            }
            Origin::InstanceSnapshot(id) => HostOrigin::InstanceSnapshot(id),
        };
        Ok(HostSpec {
            origin,
            name: HostName::new(self.name)?,
            plan: self.plan,
            region: self.region,
            os: self.os,
            image: self.image.map(ImageReference::new).transpose()?,
            image_source: self.image_source,
            command: self.command,
            start_args: self.start_args,
            labels: self.labels,
        })
    }
}
