use std::ops::RangeInclusive;
use std::time::Duration;

use rust_decimal::Decimal;
use secrecy::SecretString;

use super::container_spec::Labels;
use super::resources::GivenResources;
use super::security::GivenSecurity;
use super::{
    BuildArgs, ContainerCommand, ContainerSpec, Environment, Exposure, HostName, HostSnapshotId,
    IdlePolicy, ImageBuild, ImageReference, ImageSource, PriceLimit, RegistryLogin, Resources,
    Security, SnapshotId, StartArgs,
};
use crate::error::{Error, ErrorKind, Result};

/// Times to live that make sense.
const TTLS: RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(10 * 365 * 86_400);

/// What a user asks for: a host. Made by [`HostSpec::builder`], complete and checked; whether
/// plan, region and image exist is asked of the provider before anything is ordered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HostSpec {
    /// The host's name.
    pub name: HostName,
    /// Plan id; the settings', else the provider's default when absent. Or several separated by commas:
    /// the next is ordered where the provider has no machine of the one before.
    pub plan: Option<String>,
    /// Region id; the settings', else the provider's default when absent. Or several separated by
    /// commas, which are tried in that order.
    pub region: Option<String>,
    /// Operating system of the VPS; the settings', else the provider's default when absent.
    pub os: Option<String>,
    /// Docker image of the container; the settings' default when absent.
    pub image: Option<ImageReference>,
    /// How the image gets to the VPS.
    pub image_source: ImageSource,
    /// The image that is built on the VPS, instead of one that is named.
    pub build: Option<ImageBuild>,
    /// What runs in the container beside sshd.
    pub command: ContainerCommand,
    /// Arguments for `docker run`, not yet checked against the settings' SSH port.
    pub start_args: Vec<String>,
    /// How much of the VPS the container may use; the default, or the snapshot's, when absent.
    pub resources: Option<Resources>,
    /// What it may do to the kernel; the default, or the snapshot's, when absent.
    pub security: Option<Security>,
    /// For what runs in the container; kept on the VPS alone.
    pub env: Environment,
    /// For what the VPS pulls; kept nowhere.
    pub registry_logins: Vec<RegistryLogin>,
    /// When the container is stopped for want of use; the settings' default when absent.
    pub idle_policy: Option<IdlePolicy>,
    /// From where the host may be reached; from everywhere when absent.
    pub exposure: Option<Exposure>,
    /// Kept in the record, not interpreted.
    pub labels: Labels,
    /// After how long the host is garbage, counted from when it is ready; never when absent.
    pub ttl: Option<Duration>,
    /// The most that its VPS may cost.
    pub price_limit: PriceLimit,
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
        let built = self.build.as_ref().map(ImageBuild::reference);
        let named = || self.image.clone().unwrap_or_else(|| default_image.clone());
        let container = ContainerSpec {
            image: built.unwrap_or_else(named),
            image_source: self.image_source,
            command: self.command.clone(),
            start_args: StartArgs::new(self.start_args.iter().cloned(), container_ssh_port)?,
            resources: self.resources.clone().unwrap_or_default(),
            security: self.security.clone().unwrap_or_default(),
        };
        container.check()
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
    build_args: Vec<String>,
    command: ContainerCommand,
    start_args: Vec<String>,
    pub(super) resources: GivenResources,
    pub(super) security: GivenSecurity,
    env: Vec<(String, SecretString)>,
    registry_logins: Vec<(String, String, SecretString)>,
    idle_policy: Option<IdlePolicy>,
    allowed_sources: Vec<String>,
    app_ports: Vec<u16>,
    labels: Labels,
    ttl: Option<Duration>,
    price_limit: PriceLimit,
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
    /// Plan id, as in the provider's catalogue, or several; see [`HostSpec::plan`].
    #[must_use]
    pub fn plan(mut self, plan: impl Into<String>) -> Self {
        self.plan = Some(plan.into());
        self
    }

    /// Region id, as in the provider's catalogue, or several; see [`HostSpec::region`].
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

    /// Adds build args: `--vps-region=`, `--vps-plan=` and `--vps-os=` say where the host is made
    /// (and win over [`region`](Self::region) and its like), everything else is for `docker build`
    /// on the VPS, the local context included. See [`BuildArgs`].
    #[must_use]
    pub fn build_args<I, S>(mut self, args: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        self.build_args.extend(args.into_iter().map(Into::into));
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

    /// Adds a variable to the environment of the container's command and of every session of its login
    /// user; the last one of a name wins, over the image's and over a start arg's too.
    ///
    /// It travels inside of the SSH connection into a file on the VPS that only root can read, which
    /// the container reads at each start: it is in no process argument, not in `docker inspect`, no
    /// image and no record, and in no snapshot of the host either: a host that begins with one is
    /// given its own. Programs that run as another user, and the image's HEALTHCHECK, do not have it.
    /// [`Host::set_env`](crate::Host::set_env) changes it later. See [`Environment::new`] for what
    /// is refused.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<SecretString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Adds a login at a registry, such as `registry.example.com:5000`, or `docker.io` for Docker Hub,
    /// for `docker pull` and `docker build` on the VPS. The password is there in a file in memory, that
    /// only root can read, for as long as the command takes; then it is forgotten everywhere. Of the
    /// machine's own `~/.docker/config.json` those commands read nothing then. The last one of a
    /// server wins.
    #[must_use]
    pub fn registry_login(
        mut self,
        server: impl Into<String>,
        user: impl Into<String>,
        password: impl Into<SecretString>,
    ) -> Self {
        let login = (server.into(), user.into(), password.into());
        self.registry_logins.push(login);
        self
    }

    /// When the container is stopped for want of use. Default: the settings'.
    #[must_use]
    pub fn idle_policy(mut self, policy: IdlePolicy) -> Self {
        self.idle_policy = Some(policy);
        self
    }

    /// Adds a range of addresses that may reach the host, such as `203.0.113.0/24`; nobody else may
    /// then, by the provider's firewall or the VPS's own. Without any the host is open to the world.
    #[must_use]
    pub fn allow_from(mut self, range: impl Into<String>) -> Self {
        self.allowed_sources.push(range.into());
        self
    }

    /// Adds a TCP port of the application that those addresses may reach, besides the two sshds.
    #[must_use]
    pub fn app_port(mut self, port: u16) -> Self {
        self.app_ports.push(port);
        self
    }

    /// Adds a label; the last one of a key wins.
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(key.into(), value.into());
        self
    }

    /// Gives the host a time to live, counted from when it is ready: past it the host is garbage, which whoever of this
    /// owner calls [`gc`](crate::VpsDockerProvider::gc) finds and collects. Nothing destroys it by itself.
    /// [`Host::set_expiry`](crate::Host::set_expiry) changes it later.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sets the most that the VPS may cost an hour, in the provider's currency: what costs more is not ordered.
    #[must_use]
    pub fn max_hourly(mut self, amount: Decimal) -> Self {
        self.price_limit.hourly = Some(amount);
        self
    }

    /// Sets the most that the VPS may cost a month, in the provider's currency: what costs more is not ordered.
    #[must_use]
    pub fn max_monthly(mut self, amount: Decimal) -> Self {
        self.price_limit.monthly = Some(amount);
        self
    }

    /// Begins with a snapshot of another host, which must be reachable and may be stopped: with its
    /// container, as it was run, and its data. Start args, resources and security that are given
    /// here replace the snapshot's. What is the host's own stays behind: name, labels, agents, snapshots, the
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
        let args = BuildArgs::parse(self.build_args)?;
        let image_source = match (&args.build, &self.image, self.image_source) {
            (None, _, ImageSource::Built) => {
                return Err(invalid(
                    "there is nothing to build: give build args with a context",
                ));
            }
            (None, _, source) => source,
            (Some(_), None, ImageSource::Auto | ImageSource::Built) => ImageSource::Built,
            (Some(_), ..) => {
                return Err(invalid(
                    "the image is either built or named: leave out the image and its source, or \
                     the build args",
                ));
            }
        };
        let (plan, region, os) = (
            args.plan.or(self.plan),
            args.region.or(self.region),
            args.os.or(self.os),
        );
        for (what, value) in [("plan", &plan), ("region", &region), ("os", &os)] {
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
        if self.ttl.is_some_and(|ttl| !TTLS.contains(&ttl)) {
            return Err(invalid(
                "the time to live is under a minute or over ten years",
            ));
        }
        let exposure = exposure(&self.allowed_sources, self.app_ports)?;
        let origin = match self.origin {
            Origin::Image => HostOrigin::Image,
            Origin::Snapshot(..)
                if self.image.is_some()
                    || args.build.is_some()
                    || self.command != ContainerCommand::None =>
            {
                return Err(invalid(
                    "image and command of a host that begins with a snapshot are the snapshot's; \
                     leave them out",
                ));
            }
            Origin::Snapshot(host, id) => HostOrigin::Snapshot {
                host: HostName::new(host)?,
                id: HostSnapshotId::new(id)?,
            },
            Origin::InstanceSnapshot(_) if os.is_some() => {
                return Err(invalid(
                    "the operating system of a host that begins with an instance snapshot is the \
                     snapshot's; leave it out",
                ));
            }
            Origin::InstanceSnapshot(id) => HostOrigin::InstanceSnapshot(id),
        };
        Ok(HostSpec {
            origin,
            name: HostName::new(self.name)?,
            plan,
            region,
            os,
            image: self.image.map(ImageReference::new).transpose()?,
            image_source,
            build: args.build,
            command: self.command,
            start_args: self.start_args,
            resources: self.resources.checked()?,
            security: self.security.checked()?,
            env: Environment::new(self.env)?,
            registry_logins: logins(self.registry_logins)?,
            idle_policy: self.idle_policy,
            exposure,
            labels: self.labels,
            ttl: self.ttl,
            price_limit: self.price_limit,
        })
    }
}

fn logins(logins: Vec<(String, String, SecretString)>) -> Result<Vec<RegistryLogin>> {
    let logins = logins.into_iter();
    logins
        .map(|(server, user, password)| RegistryLogin::new(server, user, password))
        .collect()
}

fn exposure(sources: &[String], app_ports: Vec<u16>) -> Result<Option<Exposure>> {
    if app_ports.contains(&0) {
        return Err(invalid("the port 0 is none; give the application's"));
    }
    match (sources, app_ports) {
        ([], app_ports) if app_ports.is_empty() => Ok(None),
        ([], _) => Err(invalid(
            "ports of the application are given and nobody who may reach them; add \
             allow_from(\"0.0.0.0/0\") and allow_from(\"::/0\") for the whole world",
        )),
        (sources, app_ports) => Ok(Some(Exposure {
            sources: sources
                .iter()
                .map(|text| text.parse())
                .collect::<Result<_>>()?,
            app_ports,
        })),
    }
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
#[path = "host_spec_tests.rs"]
mod tests;
