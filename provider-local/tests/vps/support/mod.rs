//! What the tests share: a provider with a cleaner, keys, and conditions to wait for.

use std::future::Future;
use std::io::Write;
use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use provider_local::{LocalConfig, LocalProvider};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::Instant;
use vps_docker_core::VpsClient;
use vps_docker_core::model::{BootImage, InstanceId, InstanceSpec, SshKeyId, Tags};

/// How long anything may take on a busy machine before the test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A provider with an account of its own that is removed, with all that is in it, at the end of the
/// test, also when that panics.
pub(crate) struct Account {
    pub(crate) provider: LocalProvider,
    network: String,
}

impl Account {
    /// `None`, with the reason printed, when no engine answers. `range` makes the subnet.
    pub(crate) async fn open(test: &str, range: u8) -> Option<Self> {
        Self::open_with(test, range, |config| config).await
    }

    pub(crate) async fn open_with(
        test: &str,
        range: u8,
        change: impl FnOnce(LocalConfig) -> LocalConfig,
    ) -> Option<Self> {
        let network = format!("vps-docker-test-{test}");
        let config = LocalConfig::default()
            .network(&network)
            .and_then(|config| config.subnet(format!("198.19.{range}.0/24")))
            .expect("legal settings");
        let config = change(config);
        let provider = LocalProvider::new(config);
        if let Err(error) = provider.catalog().await {
            writeln!(std::io::stderr(), "SKIPPED: {error}").expect("written");
            return None;
        }
        let account = Self { provider, network };
        // What a killed run left.
        account.sweep();
        account
            .provider
            .prepare_images(|_| {})
            .await
            .expect("images");
        Some(account)
    }

    /// Names of all containers and volumes that are labelled `label`.
    pub(crate) fn labelled(label: &str) -> Vec<String> {
        let filter = format!("label={label}");
        let containers = docker(&["ps", "-a", "-q", "--filter", &filter]);
        let volumes = docker(&["volume", "ls", "-q", "--filter", &filter]);
        lines(&containers).chain(lines(&volumes)).collect()
    }

    fn sweep(&self) {
        let filter = format!("label=vps-docker.account={}", self.network);
        for (list, remove) in [
            (&["ps", "-a", "-q"][..], &["rm", "-f", "-v"][..]),
            (&["volume", "ls", "-q"], &["volume", "rm"]),
            (&["network", "ls", "-q"], &["network", "rm"]),
            (&["images", "-q"], &["rmi", "-f"]),
        ] {
            let found = docker(&[list, &["--filter", &filter]].concat());
            for thing in lines(&found) {
                docker(&[remove, &[&thing]].concat());
            }
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.sweep();
    }
}

/// Two key pairs: the client's and the one that the VPS is to present.
pub(crate) struct Keys {
    dir: TempDir,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().expect("temporary directory");
        for name in ["client", "host"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
                .arg(dir.path().join(name))
                .status()
                .expect("ssh-keygen is installed");
            assert!(made.success());
        }
        Self { dir }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).expect("written by ssh-keygen")
    }

    pub(crate) fn client(&self) -> SshKeyId {
        SshKeyId::new(self.read("client.pub").trim())
    }

    /// A cloud-init document that injects the host key; `more` is the JSON of further keys.
    pub(crate) fn user_data(&self, more: &str) -> String {
        let private = serde_json::to_string(&self.read("host")).expect("text");
        let public = serde_json::to_string(self.read("host.pub").trim()).expect("text");
        format!(
            "#cloud-config\n{{\"ssh_keys\": {{\"ed25519_private\": {private}, \
             \"ed25519_public\": {public}}}{more}}}\n"
        )
    }

    /// Runs a command on the VPS, over SSH, with the host key pinned.
    pub(crate) fn ssh(&self, address: IpAddr, command: &str) -> Output {
        let pin = self.dir.path().join(format!("known_hosts_{address}"));
        let host_key = self.read("host.pub");
        std::fs::write(&pin, format!("{address} {host_key}")).expect("pin written");
        ssh_command(&self.dir.path().join("client"), &pin, address)
            .arg(command)
            .output()
            .expect("ssh is installed")
    }

    /// The same, with the answer; panics when the command fails.
    pub(crate) fn ask(&self, address: IpAddr, command: &str) -> String {
        let output = self.ssh(address, command);
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Waits until all stages of cloud-init are done, without an error.
    pub(crate) fn settled(&self, address: IpAddr) {
        let status = self.ask(address, "cloud-init status --wait");
        assert!(status.ends_with("status: done"), "{status}");
    }
}

fn ssh_command(key: &Path, pin: &Path, address: IpAddr) -> Command {
    let mut command = Command::new("ssh");
    command
        .args(["-F", "none", "-o", "BatchMode=yes"])
        .args(["-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=10"])
        .arg("-o")
        .arg(format!("UserKnownHostsFile={}", pin.display()))
        .arg("-i")
        .arg(key)
        .arg(format!("root@{address}"));
    command
}

/// What to create: the golden image with the given keys.
pub(crate) fn spec(name: &str, keys: &Keys) -> InstanceSpec {
    InstanceSpec {
        name: name.into(),
        region: "local".into(),
        plan: "small".into(),
        image: BootImage::Catalog("debian-12-docker".into()),
        user_data: keys.user_data("").into(),
        ssh_keys: vec![keys.client()],
        tags: Tags::from([("vps-docker".into(), String::new())]),
    }
}

/// Waits until sshd at the address sends its banner.
pub(crate) async fn wait_for_ssh(address: IpAddr) {
    eventually("the banner of sshd", || async move {
        let mut stream = TcpStream::connect((address, 22)).await.ok()?;
        let mut banner = [0; 4];
        stream.read_exact(&mut banner).await.ok()?;
        (banner == *b"SSH-").then_some(())
    })
    .await;
}

/// Asks again until there is an answer.
pub(crate) async fn eventually<T, F>(what: &str, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Ok(Some(answer)) = tokio::time::timeout(Duration::from_secs(10), condition()).await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Asserts that nothing that is labelled as part of the instance is left.
pub(crate) fn assert_nothing_left(id: &InstanceId) {
    let left = Account::labelled(&format!("vps-docker.instance={id}"));
    assert!(left.is_empty(), "left of {id}: {left:?}");
}

/// Output of the engine's own client, which shares no code with us.
pub(crate) fn docker(args: &[&str]) -> String {
    let output = Command::new("docker")
        .args(args)
        .output()
        .expect("the docker client is installed");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().map(str::to_owned)
}
