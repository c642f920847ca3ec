use std::time::Duration;

use super::{CloudConfig, DockerSource, WriteFile};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::{KeyPair, PublicKey};
use crate::model::{HostName, Runtime};

const UNIT: &str = include_str!("assets/vps-docker-bootstrap.service");
pub(super) const BOOTSTRAP: &str = include_str!("assets/bootstrap.sh");
const GVISOR: &str = include_str!("assets/gvisor.sh");
const START_EARLY: &str = include_str!("assets/start_early.sh");
const FORGET_HOST: &str = include_str!("assets/forget_host.sh");
const SSHD_CONFIG: &str = include_str!("assets/sshd.conf");
/// What stands in front of the rest of it for gVisor.
const GVISOR_CONFIG: &str =
    "{\n  \"runtimes\": { \"runsc\": { \"path\": \"/etc/vps-docker/runsc\" } },";
const DOCKER_CONFIG: &str = include_str!("assets/daemon.json");
pub(super) const REPORT: &str = include_str!("assets/report.sh");

/// The first boot of a VPS, as a cloud-init document.
///
/// sshd is locked down before it first starts: the given host key and no other, no passwords, root
/// by key only. Docker gets rotated logs and survives its own restarts, unless the image brings a
/// `daemon.json`. The script `/etc/vps-docker/bootstrap.sh` runs as `vps-docker-bootstrap.service`
/// from the moment cloud-init has written its files, at every boot; it installs Docker if need be
/// and waits until it answers.
#[derive(Debug)]
pub struct Bootstrap;

impl Bootstrap {
    /// Begins a document; only these two have no default.
    pub fn builder(host_name: HostName, host_key: KeyPair) -> BootstrapBuilder {
        BootstrapBuilder {
            host_name,
            host_key,
            authorized_keys: Vec::new(),
            docker: DockerSource::default(),
            apt_lock_timeout: Duration::from_secs(120),
            timeout: Duration::from_secs(300),
            files: Vec::new(),
            copied_disk: false,
            runtime: Runtime::Default,
        }
    }
}

/// Builds the document of a [`Bootstrap`]. Setters never fail; [`build`](Self::build) does.
#[derive(Clone, Debug)]
#[must_use]
pub struct BootstrapBuilder {
    host_name: HostName,
    host_key: KeyPair,
    authorized_keys: Vec<PublicKey>,
    docker: DockerSource,
    apt_lock_timeout: Duration,
    timeout: Duration,
    files: Vec<WriteFile>,
    copied_disk: bool,
    runtime: Runtime,
}

impl BootstrapBuilder {
    /// Adds a key that may log in as root. At least one is needed.
    pub fn authorized_key(mut self, key: PublicKey) -> Self {
        self.authorized_keys.push(key);
        self
    }

    /// Where Docker comes from. Default: the distribution's `docker.io`.
    pub fn docker(mut self, source: DockerSource) -> Self {
        self.docker = source;
        self
    }

    /// What is to run containers. gVisor is installed from the distribution's package `runsc` and
    /// becomes a runtime of Docker, unless the image brings a `daemon.json`. Default: Docker's own.
    pub fn runtime(mut self, runtime: Runtime) -> Self {
        self.runtime = runtime;
        self
    }

    /// How long one run of apt waits for another program's lock. Default: 120 s; rounded up to
    /// whole seconds.
    pub fn apt_lock_timeout(mut self, timeout: Duration) -> Self {
        self.apt_lock_timeout = timeout;
        self
    }

    /// After how long, from its start on the VPS, the bootstrap is stopped and reported as failed.
    /// Default: 300 s; rounded up to whole seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Adds a file, written before sshd and Docker start.
    pub fn file(mut self, file: WriteFile) -> Self {
        self.files.push(file);
        self
    }

    /// Whether the disk is a copy of another host's. Then that host's container loses its keys and does
    /// not start, from before Docker does. Default: no.
    pub fn copied_disk(mut self, copied: bool) -> Self {
        self.copied_disk = copied;
        self
    }

    /// Puts the document together.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a document that nobody could log in with, bad package names,
    /// time-outs of zero or over a day, and files without an absolute path or at one that is taken.
    pub fn build(self) -> Result<CloudConfig> {
        if self.authorized_keys.is_empty() {
            return Err(invalid("no authorized key is given; nobody could log in"));
        }
        let parts = BootstrapParts::new(&self.docker, self.apt_lock_timeout, self.timeout)?
            .with_runtime(self.runtime);

        let mut config = CloudConfig::new(self.host_name, self.host_key);
        config.ssh_authorized_keys = self.authorized_keys;
        config.write_files = vec![
            WriteFile::new("/etc/ssh/sshd_config.d/10-vps-docker.conf", SSHD_CONFIG),
            // What cloud-init would write by itself, in a later stage: then it would restart sshd, a
            // second after it first answered.
            WriteFile::new(
                "/etc/ssh/sshd_config.d/50-cloud-init.conf",
                "PasswordAuthentication no\n",
            ),
            WriteFile::new("/etc/vps-docker/bootstrap.env", parts.settings),
            WriteFile::new("/etc/vps-docker/report.sh", parts.report),
            WriteFile::new("/etc/vps-docker/bootstrap.sh", parts.script).mode(0o700),
        ];
        for file in self.files {
            check_path(&config.write_files, &file)?;
            config.write_files.push(file);
        }
        if self.copied_disk {
            // Once, not at every boot.
            config.bootcmd.push(words([
                "cloud-init-per",
                "instance",
                "vps-docker-forget",
                "sh",
                "-c",
                &without_comments(FORGET_HOST),
            ]));
        }
        config.bootcmd.push(words([
            "sh",
            "-c",
            &parts.start,
            "start_early",
            &parts.unit,
            &parts.docker_config,
        ]));
        // Only for the case that the early start did not work out.
        config.runcmd = vec![words([
            "sh",
            "-c",
            "[ -e /run/vps-docker/bootstrap.json ] || \
             systemctl start --no-block vps-docker-bootstrap.service",
        ])];
        Ok(config)
    }
}

/// The texts that make a bootstrap, whoever brings them to the machine.
#[derive(Debug)]
pub(crate) struct BootstrapParts {
    /// `/etc/vps-docker/bootstrap.env`.
    pub(crate) settings: String,
    /// `/etc/vps-docker/report.sh`.
    pub(crate) report: String,
    /// `/etc/vps-docker/bootstrap.sh`.
    pub(crate) script: String,
    /// The script that installs and starts the unit: `$1` is the unit's text, `$2` that of Docker's
    /// configuration, or nothing.
    pub(crate) start: String,
    /// The unit.
    pub(crate) unit: String,
    /// `/etc/docker/daemon.json`.
    pub(crate) docker_config: String,
}

impl BootstrapParts {
    /// Of a machine that boots for the first time.
    pub(crate) fn new(
        docker: &DockerSource,
        apt_lock_timeout: Duration,
        timeout: Duration,
    ) -> Result<Self> {
        let apt_lock_timeout = whole_seconds("apt lock timeout", apt_lock_timeout)?;
        let timeout = whole_seconds("bootstrap timeout", timeout)?;
        Ok(Self {
            settings: format!(
                "PACKAGES='{}'\nAPT_LOCK_TIMEOUT={apt_lock_timeout}\nTIMEOUT={timeout}\n",
                docker.packages()?.join(" ")
            ),
            report: without_comments(REPORT),
            script: without_comments(BOOTSTRAP),
            start: without_comments(START_EARLY),
            unit: UNIT.replace("@TIMEOUT@", &timeout.to_string()),
            docker_config: DOCKER_CONFIG.to_owned(),
        })
    }

    /// Of a machine whose Docker knows that runtime.
    pub(crate) fn with_runtime(mut self, runtime: Runtime) -> Self {
        if runtime == Runtime::Gvisor {
            self.settings.push_str("GVISOR=yes\n");
            self.script.insert_str(0, &without_comments(GVISOR));
            self.docker_config = self.docker_config.replacen('{', GVISOR_CONFIG, 1);
        }
        self
    }

    /// Of a machine that is somebody's already: its sshd is left as it is, and its Docker never
    /// restarted.
    pub(crate) fn adopted(mut self) -> Self {
        self.settings.push_str("ADOPTED=yes\n");
        self
    }
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

fn whole_seconds(what: &str, duration: Duration) -> Result<u64> {
    let seconds = duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0));
    if (1..=86_400).contains(&seconds) {
        return Ok(seconds);
    }
    Err(invalid(&format!(
        "the {what} is {seconds} s; give at least a second and at most a day"
    )))
}

fn check_path(taken: &[WriteFile], file: &WriteFile) -> Result<()> {
    let path = file.path();
    if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
        return Err(invalid(&format!(
            "{path:?} is not the path of a file; give an absolute one"
        )));
    }
    if taken.iter().any(|other| other.path() == path) {
        return Err(invalid(&format!(
            "the file {path:?} is written already; choose another path"
        )));
    }
    Ok(())
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

/// Comments are for readers of this repository; `user_data` has narrow limits.
pub(super) fn without_comments(script: &str) -> String {
    let mut text = String::with_capacity(script.len());
    for line in script.lines() {
        let comment = line.trim_start().starts_with('#') && !line.starts_with("#!");
        if !comment && !line.is_empty() {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use secrecy::ExposeSecret;

    use super::super::check_size;
    use super::*;

    pub(crate) const PUBLIC: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    pub(crate) fn key() -> KeyPair {
        KeyPair::generate("test").expect("random")
    }

    pub(crate) fn builder() -> BootstrapBuilder {
        let name = HostName::new("web1").expect("a host name");
        Bootstrap::builder(name, key()).authorized_key(PUBLIC.parse().expect("a public key"))
    }

    fn refused(builder: BootstrapBuilder) -> String {
        let error = builder.build().expect_err("this input is bad");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        error.to_string()
    }

    #[test]
    fn the_document_is_well_below_the_narrowest_limit() {
        let text = builder().build().expect("good").render().expect("yaml");
        let size = text.expose_secret().len();
        assert!(size < 14 * 1024, "{size} bytes");
        let gvisor = builder().runtime(Runtime::Gvisor).build().expect("good");
        let gvisor = gvisor.render().expect("yaml");
        let with_gvisor = gvisor.expose_secret().len();
        assert!(with_gvisor < 16 * 1024, "{with_gvisor} bytes");
        check_size(&text, size).expect("just fits");
        let error = check_size(&text, size - 1).expect_err("one byte too many");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        for named in [size, size - 1] {
            assert!(error.to_string().contains(&named.to_string()), "{error}");
        }
    }

    #[test]
    fn docker_knows_gvisor_only_where_it_is_asked_for() {
        let parts = |runtime| {
            let minute = Duration::from_secs(60);
            let parts = BootstrapParts::new(&DockerSource::default(), minute, minute);
            parts.expect("legal").with_runtime(runtime)
        };
        let usual = parts(Runtime::Default);
        assert!(!usual.settings.contains("GVISOR"));
        let gvisor = parts(Runtime::Gvisor);
        assert!(gvisor.settings.ends_with("GVISOR=yes\n"));
        let read = |text| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        let (usual, mut gvisor) = (read(&usual.docker_config), read(&gvisor.docker_config));
        let runtimes = gvisor
            .as_object_mut()
            .and_then(|all| all.remove("runtimes"));
        let runsc = &runtimes.expect("added")["runsc"]["path"];
        assert_eq!(runsc, "/etc/vps-docker/runsc");
        assert_eq!(gvisor, usual);
    }

    #[test]
    fn bad_input_is_refused() {
        let name = HostName::new("web1").expect("a host name");
        assert!(refused(Bootstrap::builder(name, key())).contains("authorized key"));
        assert!(refused(builder().timeout(Duration::ZERO)).contains("bootstrap timeout"));
        assert!(refused(builder().apt_lock_timeout(Duration::ZERO)).contains("apt lock timeout"));
        assert!(refused(builder().timeout(Duration::MAX)).contains("a day"));
        for path in ["", "etc/x", "/etc/", "/a\0b", "/etc/vps-docker/report.sh"] {
            refused(builder().file(WriteFile::new(path, "")));
        }
    }

    #[test]
    fn no_secret_shows_in_debug() {
        let host_key = key();
        let private = host_key.private_openssh();
        let builder = Bootstrap::builder(HostName::new("web1").expect("a name"), host_key)
            .authorized_key(key().public().clone())
            .file(WriteFile::new("/root/token", "hunter2"));
        let config = builder.clone().build().expect("good");
        let rendered = config.render().expect("yaml");
        let shown = format!("{builder:?} {config:?} {rendered:?}");
        let secret = private.expose_secret().lines().nth(2).expect("a line");
        assert!(rendered.expose_secret().contains(secret));
        for hidden in [secret, "hunter2", "PRIVATE KEY"] {
            assert!(!shown.contains(hidden), "{hidden} in {shown}");
        }
    }
}
