//! What the tests share: an engine with a data directory of its own, and clean-up.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use vps_docker::model::{
    Catalog, DestroyOutcome, HostSpecBuilder, HostTags, Instance, InstanceFilter, InstanceId,
    InstanceSnapshot, InstanceSnapshotName, InstanceSpec, PowerAction, SnapshotId, SshKey,
    SshKeyId, Tags,
};
use vps_docker::provider_local::{LocalConfig, LocalProvider};
use vps_docker::secrecy::ExposeSecret;
use vps_docker::{
    Capabilities, DataDir, Error, ErrorKind, Host, HostName, Phase, ProviderOptions, Registry,
    Result, Settings, VpsClient, VpsDockerProvider,
};

/// An engine on the local provider. Dropped, it destroys whatever its owner has left.
pub(crate) struct World {
    pub(crate) provider: VpsDockerProvider,
    pub(crate) data: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let client = Registry::linked()
            .expect("no two providers of a name")
            .client("local", &ProviderOptions::new())
            .expect("linked in");
        Self::over(client, settings)
    }

    pub(crate) fn over(client: Arc<dyn VpsClient>, settings: Settings) -> Self {
        let data = tempfile::tempdir().expect("a directory");
        // A path that ssh would misread if it were not quoted.
        let data_dir = DataDir::open(data.path().join("its data, 100%h")).expect("fit");
        Self {
            provider: VpsDockerProvider::new(client, data_dir, settings),
            data,
        }
    }

    /// The same data directory, read anew.
    pub(crate) fn reopened(mut self) -> Self {
        self.reopen();
        self
    }

    pub(crate) fn reopen(&mut self) {
        let provider = &self.provider;
        let data_dir = DataDir::open(provider.data_dir().path()).expect("fit");
        let client = Arc::clone(provider.client());
        self.provider = VpsDockerProvider::new(client, data_dir, provider.settings().clone());
    }

    /// Another engine over the same data directory.
    pub(crate) fn provider_with(&self, settings: Settings) -> VpsDockerProvider {
        let client = Arc::clone(self.provider.client());
        VpsDockerProvider::new(client, self.provider.data_dir().clone(), settings)
    }

    /// Creates a host.
    pub(crate) async fn create(&self, spec: HostSpecBuilder) -> Result<Host> {
        self.provider.create_host(spec.build()?).await
    }

    /// The host as a process finds it that knows nothing but the data directory.
    pub(crate) async fn reopened_host(&self, host: &str) -> Result<Host> {
        let settings = self.provider.settings().clone();
        self.provider_with(settings).host(&name(host)).await
    }

    /// Gives another data directory the client keys of this one.
    pub(crate) fn copy_keys_to(&self, other: &World) {
        let keys = |world: &World| world.provider.data_dir().path().join("keys");
        for file in std::fs::read_dir(keys(self)).expect("there") {
            let file = file.expect("readable");
            let copy = keys(other).join(file.file_name());
            std::fs::copy(file.path(), copy).expect("copied");
        }
    }

    /// The instances of this owner, whatever their state.
    pub(crate) async fn instances(&self) -> Vec<Instance> {
        let owner = self.provider.data_dir().owner().as_str();
        self.provider
            .client()
            .list_instances(&InstanceFilter::tagged(HostTags::OWNER, owner))
            .await
            .expect("listed")
    }

    /// Nothing is left: no instance, no container or volume of one, no journal entry, no pins.
    pub(crate) async fn assert_nothing_left(&self) {
        self.provider.settled().await;
        assert!(self.instances().await.is_empty(), "instances are left");
        let owner = self.provider.data_dir().owner().as_str();
        for list in [
            &["ps", "--all", "--format", "{{.Names}} {{.Labels}}"][..],
            &["volume", "ls", "--format", "{{.Name}} {{.Labels}}"],
        ] {
            let listed = docker(list);
            assert!(!listed.contains(owner), "left on the engine: {listed}");
        }
        let data_dir = self.provider.data_dir();
        let entries = data_dir.journal().entries().expect("readable");
        assert!(entries.is_empty(), "the journal holds {entries:?}");
        let hosts = data_dir.path().join("hosts/local");
        let left = std::fs::read_dir(&hosts).map_or(0, Iterator::count);
        assert_eq!(left, 0, "pins are left in {}", hosts.display());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let provider = self.provider.clone();
        // A runtime of its own: the test's may be the one that panicked.
        let clean_up = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let client = LocalProvider::new(LocalConfig::default());
                let owner = provider.data_dir().owner().as_str();
                let filter = InstanceFilter::tagged(HostTags::OWNER, owner);
                for instance in client.list_instances(&filter).await.expect("listed") {
                    client
                        .destroy_instance(&instance.id)
                        .await
                        .expect("destroyed");
                }
                for snapshot in client.list_snapshots().await.expect("listed") {
                    let ours = InstanceSnapshotName::parse(&snapshot.name)
                        .is_some_and(|name| name.owner.as_str() == owner);
                    if ours {
                        client.delete_snapshot(&snapshot.id).await.expect("deleted");
                    }
                }
            });
        });
        clean_up.join().expect("the clean-up succeeds");
    }
}

/// The machine of a host as this side's engine sees it, past every SSH.
pub(crate) struct Vps {
    container: String,
}

impl Vps {
    pub(crate) fn of(host: &Host) -> Self {
        Self {
            container: format!("vps-docker-{}", host.info().name),
        }
    }

    /// Runs a script on it.
    pub(crate) fn inside(&self, script: &str) -> String {
        docker(&["exec", &self.container, "sh", "-ec", script])
    }

    /// Off at once, and on again.
    pub(crate) fn power_fails(&self) {
        docker(&["restart", "--time=0", &self.container]);
    }

    /// Runs a script on it that reads `input`.
    pub(crate) fn inside_with(&self, script: &str, input: &[u8]) -> String {
        let mut docker = Command::new("docker")
            .args([
                "exec",
                "--interactive",
                &self.container,
                "sh",
                "-ec",
                script,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a docker program");
        let mut stdin = docker.stdin.take().expect("piped");
        stdin.write_all(input).expect("it reads");
        drop(stdin);
        let output = docker.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{script}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What its network card has taken and sent so far, all protocols included.
    pub(crate) fn bytes_on_the_wire(&self) -> u64 {
        let counters = "cd /sys/class/net/eth0/statistics; cat rx_bytes tx_bytes";
        let counters = self.inside(counters);
        let numbers = counters.lines().map(str::parse::<u64>);
        numbers.map(|number| number.expect("a number")).sum()
    }
}

/// The local provider with something changed.
#[derive(Debug)]
pub(crate) struct Altered {
    inner: LocalProvider,
    alter: fn(&InstanceSpec) -> InstanceSpec,
    user_data_limit: Option<usize>,
    /// An order is carried out, and then answered with an error.
    pub(crate) lose_answer: AtomicBool,
    /// Nothing can be destroyed.
    pub(crate) keep_all: AtomicBool,
    /// The provider keeps SSH keys: these.
    pub(crate) keeps_keys: AtomicBool,
    keys: Mutex<Vec<SshKey>>,
    calls: Mutex<Vec<String>>,
    orders: Mutex<Vec<InstanceSpec>>,
}

impl Altered {
    pub(crate) fn new() -> Self {
        Self {
            inner: LocalProvider::new(LocalConfig::default()),
            alter: InstanceSpec::clone,
            user_data_limit: None,
            lose_answer: AtomicBool::new(false),
            keep_all: AtomicBool::new(false),
            keeps_keys: AtomicBool::new(false),
            keys: Mutex::default(),
            calls: Mutex::default(),
            orders: Mutex::default(),
        }
    }

    /// As on the clouds: `user_data` is served at 169.254.169.254.
    pub(crate) fn with_metadata_service() -> Self {
        let config = LocalConfig::default().metadata_service(true);
        Self {
            inner: LocalProvider::new(config),
            ..Self::new()
        }
    }

    /// What was asked of it, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls
            .lock()
            .expect("nobody panics while holding it")
            .clone()
    }

    /// What was ordered.
    pub(crate) fn orders(&self) -> Vec<InstanceSpec> {
        self.orders
            .lock()
            .expect("nobody panics while holding it")
            .clone()
    }

    /// The lines of the private key that the last order's user_data held.
    pub(crate) fn bootstrap_key(&self) -> Vec<String> {
        let orders = self.orders();
        let user_data = orders.last().expect("ordered").user_data.expose_secret();
        let (_, key) = user_data
            .split_once("BEGIN OPENSSH PRIVATE KEY-----")
            .expect("user_data holds a key");
        let (key, _) = key.split_once("-----END").expect("to its end");
        let lines: Vec<String> = key
            .replace("\\n", "\n")
            .lines()
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect();
        assert!(lines.len() >= 4, "{} lines", lines.len());
        lines
    }

    fn ordered(&self, spec: &InstanceSpec) {
        let mut orders = self.orders.lock().expect("nobody panics while holding it");
        orders.push(spec.clone());
    }

    fn called(&self, call: &str) {
        let mut calls = self.calls.lock().expect("nobody panics while holding it");
        calls.push(call.to_owned());
    }

    /// Every order is changed on its way.
    pub(crate) fn specs(alter: fn(&InstanceSpec) -> InstanceSpec) -> Arc<Self> {
        Arc::new(Self {
            alter,
            ..Self::new()
        })
    }

    /// Less user_data fits in.
    pub(crate) fn user_data_limit(limit: usize) -> Arc<dyn VpsClient> {
        Arc::new(Self {
            user_data_limit: Some(limit),
            ..Self::new()
        })
    }
}

#[async_trait]
impl VpsClient for Altered {
    fn provider_name(&self) -> &str {
        self.inner.provider_name()
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.inner.capabilities();
        if let Some(limit) = self.user_data_limit {
            capabilities.user_data_limit = limit;
        }
        capabilities.ssh_key_store = self.keeps_keys.load(Relaxed);
        capabilities
    }

    async fn create_instance(&self, spec: &InstanceSpec) -> Result<Instance> {
        self.called("create_instance");
        self.ordered(spec);
        let made = self.inner.create_instance(&(self.alter)(spec)).await?;
        if self.lose_answer.load(Relaxed) {
            return Err(fault("the answer got lost"));
        }
        Ok(made)
    }

    async fn instance(&self, id: &InstanceId) -> Result<Instance> {
        self.called("instance");
        self.inner.instance(id).await
    }

    async fn list_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>> {
        self.called("list_instances");
        self.inner.list_instances(filter).await
    }

    async fn destroy_instance(&self, id: &InstanceId) -> Result<DestroyOutcome> {
        self.called("destroy_instance");
        if self.keep_all.load(Relaxed) {
            return Err(fault("not today"));
        }
        self.inner.destroy_instance(id).await
    }

    async fn ensure_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKeyId> {
        self.called("ensure_ssh_key");
        if self.keeps_keys.load(Relaxed) {
            let mut keys = self.keys.lock().expect("nobody panics while holding it");
            if keys.iter().all(|key| key.name != name) {
                keys.push(SshKey {
                    id: SshKeyId::new(name),
                    name: name.to_owned(),
                });
            }
        }
        self.inner.ensure_ssh_key(name, public_key).await
    }

    async fn list_ssh_keys(&self) -> Result<Vec<SshKey>> {
        Ok(self
            .keys
            .lock()
            .expect("nobody panics while holding it")
            .clone())
    }

    async fn delete_ssh_key(&self, id: &SshKeyId) -> Result<()> {
        let mut keys = self.keys.lock().expect("nobody panics while holding it");
        keys.retain(|key| key.id != *id);
        Ok(())
    }

    async fn catalog(&self) -> Result<Catalog> {
        self.called("catalog");
        self.inner.catalog().await
    }

    async fn set_tags(&self, id: &InstanceId, tags: &Tags) -> Result<()> {
        self.called("set_tags");
        self.inner.set_tags(id, tags).await
    }

    async fn power(&self, id: &InstanceId, action: PowerAction) -> Result<()> {
        self.called("power");
        self.inner.power(id, action).await
    }

    async fn create_snapshot(&self, id: &InstanceId, name: &str) -> Result<InstanceSnapshot> {
        self.inner.create_snapshot(id, name).await
    }

    async fn list_snapshots(&self) -> Result<Vec<InstanceSnapshot>> {
        self.inner.list_snapshots().await
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<()> {
        self.inner.delete_snapshot(id).await
    }
}

fn fault(message: &str) -> Error {
    Error::new(ErrorKind::Provider, message).retryable()
}

/// An image on this side's engine, removed with the test.
pub(crate) struct LocalImage {
    pub(crate) name: String,
    /// Every one that had the name.
    ids: Vec<String>,
}

impl LocalImage {
    /// Builds it of a Dockerfile alone.
    pub(crate) fn build(dockerfile: &str) -> Self {
        Self::of(dockerfile, &[])
    }

    /// Debian with an sshd in it, which a create need not install.
    pub(crate) fn with_sshd() -> Self {
        // Another image for each test: a test removes its own by id.
        Self::build(&format!(
            "FROM debian:bookworm-slim\nRUN apt-get update -q && \
             apt-get install -qy --no-install-recommends openssh-server\n\
             LABEL vps-docker-test-of={}\n",
            unique("test")
        ))
    }

    /// A small one with an sshd in it, for tests that create many hosts.
    pub(crate) fn small() -> Self {
        Self::build(&format!(
            "{}LABEL vps-docker-test-of={}\n",
            include_str!("small-image.Dockerfile"),
            unique("test")
        ))
    }

    /// Builds it of a Dockerfile, with these files as the context.
    pub(crate) fn of(dockerfile: &str, files: &[(&str, &[u8])]) -> Self {
        let mut image = Self {
            name: format!("{}:1", unique("vps-docker-test")),
            ids: Vec::new(),
        };
        image.rebuild(dockerfile, files);
        image
    }

    /// Pulls it from a registry.
    pub(crate) fn pulled(name: String) -> Self {
        docker(&["pull", "--quiet", &name]);
        Self {
            name,
            ids: Vec::new(),
        }
    }

    /// Gives its name to another image.
    pub(crate) fn rebuild(&mut self, dockerfile: &str, files: &[(&str, &[u8])]) {
        let context = tempfile::tempdir().expect("a directory");
        for (name, content) in files {
            let path = context.path().join(name);
            std::fs::write(&path, content).expect("written");
            // The same content is the same layer, whenever it was written.
            let file = File::open(&path).expect("there");
            file.set_modified(SystemTime::UNIX_EPOCH).expect("ours");
        }
        std::fs::write(context.path().join("Dockerfile"), dockerfile).expect("written");
        let path = context.path().display().to_string();
        let label = "--label=vps-docker-test";
        docker(&["build", "--force-rm", label, "-t", &self.name, &path]);
        self.ids.push(self.inspect("{{.Id}}"));
    }

    /// The ids of the images that were made of it to be shipped.
    pub(crate) fn derived(&self) -> String {
        let of = |id| format!("--filter=label=vps-docker-base={id}");
        let list = |id| docker(&["image", "ls", "--quiet", "--no-trunc", &of(id)]);
        self.ids.iter().map(list).collect()
    }

    pub(crate) fn inspect(&self, format: &str) -> String {
        let found = docker(&["image", "inspect", "--format", format, &self.name]);
        found.trim().to_owned()
    }
}

impl Drop for LocalImage {
    fn drop(&mut self) {
        docker(&["image", "rm", "--force", &self.name]);
        for image in self
            .derived()
            .split_whitespace()
            .chain(self.ids.iter().map(String::as_str))
        {
            docker(&["image", "rm", "--force", image]);
        }
    }
}

/// A host name that no other test uses.
pub(crate) fn unique(prefix: &str) -> String {
    format!("{prefix}-{}", vps_docker::model::HostId::random())
}

pub(crate) fn name(text: &str) -> HostName {
    HostName::new(text).expect("legal")
}

/// Runs the `docker` program on this side.
pub(crate) fn docker(args: &[&str]) -> String {
    let output = Command::new("docker")
        .args(args)
        .output()
        .expect("a docker program");
    assert!(
        output.status.success(),
        "docker {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Cargo builds the examples of a package with its tests, beside them.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let profile = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    profile.join("examples").join(name)
}

/// Reads the example's progress until the phase begins.
pub(crate) async fn wait_for_phase(create: &mut Child, phase: Phase) {
    let mut lines = BufReader::new(create.stderr.as_mut().expect("piped")).lines();
    let mut seen = Vec::new();
    while let Some(line) = lines.next_line().await.expect("readable") {
        if line.split_whitespace().nth(2) == Some(phase.name()) {
            return;
        }
        seen.push(line);
    }
    panic!("{phase} never began: {seen:#?}");
}

/// Whether `VPS_DOCKER_TESTS=thorough` asks for what takes too long for every day.
pub(crate) fn is_thorough() -> bool {
    std::env::var_os("VPS_DOCKER_TESTS").is_some_and(|which| which == "thorough")
}
