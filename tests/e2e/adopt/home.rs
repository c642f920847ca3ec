//! A machine with an owner and a life of its own.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use vps_docker::keys::KeyPair;
use vps_docker::model::{BootImage, HostTags, InstanceSpec, Tags};
use vps_docker::secrecy::ExposeSecret;
use vps_docker::{Machine, MachineBuilder};

use crate::support::{World, docker, unique};

/// A VPS that knows nothing of us, with a key of its owner's.
pub(super) struct Home {
    pub(super) container: String,
    pub(super) address: IpAddr,
    port: u16,
    pub(super) host_key: KeyPair,
    pub(super) identity: PathBuf,
    pub(super) roots_keys: String,
}

impl Home {
    /// The world destroys it. `@KEY@` in the users stands for the owner's key; root has it too, as far
    /// as the image lets root in.
    pub(super) async fn boot(
        world: &World,
        image: &str,
        port: u16,
        users: &serde_json::Value,
    ) -> Self {
        let host_key = KeyPair::generate("home").expect("random");
        let owner = KeyPair::generate("owner").expect("random");
        let identity = world.data.path().join("owner");
        std::fs::write(&identity, owner.private_openssh().expose_secret()).expect("written");
        private(&identity);
        let with_root = users[0]["name"] == "root";
        let user_data = serde_json::json!({
            "ssh_keys": {
                "ed25519_private": host_key.private_openssh().expose_secret(),
                "ed25519_public": host_key.public().openssh(),
            },
            "ssh_genkeytypes": ["ed25519"],
            "locale": false,
            "disable_root": !with_root,
            "users": users,
            "ssh_authorized_keys": if with_root { vec![owner.public().openssh()] } else { vec![] },
            "write_files": [{
                "path": "/etc/ssh/sshd_config.d/00-port.conf",
                "content": format!("Port {port}\n"),
            }],
        });
        let user_data = user_data.to_string();
        let host_name = unique("home");
        let spec = InstanceSpec {
            name: host_name.clone(),
            region: "local".into(),
            plan: "small".into(),
            image: BootImage::Catalog(image.into()),
            user_data: format!(
                "#cloud-config\n{}\n",
                user_data.replace("@KEY@", &owner.public().openssh())
            )
            .into(),
            ssh_keys: Vec::new(),
            tags: Tags::from([
                (HostTags::MARKER.to_owned(), String::new()),
                (
                    HostTags::OWNER.to_owned(),
                    world.provider.data_dir().owner().to_string(),
                ),
            ]),
        };
        let instance = world.provider.client().create_instance(&spec).await;
        let mut home = Self {
            container: format!("vps-docker-{host_name}"),
            address: instance.expect("created").address.expect("it runs"),
            port,
            host_key,
            identity,
            roots_keys: String::new(),
        };
        home.inside("cloud-init status --wait >/dev/null || :");
        home.roots_keys = home.inside("cat ~root/.ssh/authorized_keys 2>&1 || :");
        home
    }

    /// As its owner describes it, all but the host key.
    pub(super) fn machine(&self) -> MachineBuilder {
        Machine::builder(self.address)
            .port(self.port)
            .identity_file(&self.identity)
    }

    pub(super) fn known(&self) -> MachineBuilder {
        self.machine().host_key(self.host_key.public().openssh())
    }

    /// Runs a script as root, not by SSH.
    pub(super) fn inside(&self, script: &str) -> String {
        docker(&["exec", &self.container, "sh", "-ec", script])
    }

    /// Ends when a command succeeds on it.
    pub(super) fn until(&self, condition: &str) -> impl Future<Output = ()> + Send + 'static {
        let wait = format!("until {condition}; do sleep 0.05; done");
        let mut wait = Command::new("docker")
            .args(["exec", &self.container, "sh", "-c", &wait])
            .stdout(Stdio::null())
            .spawn()
            .expect("a docker program");
        async move { drop(wait.wait().await) }
    }

    /// The owner's own session, which ends when it is dropped.
    pub(super) fn owner_at_a_terminal(&self, command: &str) -> Child {
        let known = self.identity.with_extension("known_hosts");
        let line = self
            .host_key
            .public()
            .known_hosts_line(self.address, self.port);
        std::fs::write(&known, line).expect("written");
        Command::new("ssh")
            .args(["-tt", "-F", "none", "-o", "IdentitiesOnly=yes", "-o"])
            .arg(format!("UserKnownHostsFile={}", known.display()))
            .arg("-i")
            .arg(&self.identity)
            .arg(format!("-p{}", self.port))
            .arg(format!("root@{}", self.address))
            .arg(command)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("an ssh program")
    }

    /// The owner's container, with a volume and an image that has sshd, so that ours is soon made.
    pub(super) fn lead_a_life(&self) {
        let load = std::process::Command::new("sh")
            .args([
                "-c",
                "docker save debian:bookworm-slim | docker exec -i \"$1\" docker load",
            ])
            .args(["load", &self.container])
            .stdout(Stdio::null())
            .status();
        assert!(load.expect("a shell").success());
        self.inside(
            "printf '%s\\n' 'FROM debian:bookworm-slim' \
                 'RUN apt-get -q update && apt-get -qy --no-install-recommends install openssh-server' |
                 DOCKER_BUILDKIT=0 docker build -q -t mine:1 -
             docker run -d --name mine -v mine:/mine --restart=always mine:1 sh -c 'echo kept >/mine/file; sleep 100000'
             echo kept >/root/file",
        );
    }

    /// What is on it, one thing a line.
    pub(super) fn listing(&self) -> Vec<String> {
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/e2e/adopt/machine-listing.sh"
        );
        let output = std::process::Command::new("docker")
            .args(["exec", "-i", &self.container, "sh"])
            .stdin(std::fs::File::open(script).expect("there"))
            .output()
            .expect("a docker program");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");
        let listing = String::from_utf8_lossy(&output.stdout);
        listing.lines().map(str::to_owned).collect()
    }

    pub(super) fn assert_is_as_it_was(&self, before: &[String], what: &str) {
        let now = self.listing();
        let missing: Vec<_> = before.iter().filter(|line| !now.contains(line)).collect();
        let new: Vec<_> = now.iter().filter(|line| !before.contains(line)).collect();
        assert!(
            missing.is_empty() && new.is_empty(),
            "{what}: missing {missing:#?}, new {new:#?}"
        );
    }

    /// What of that is ours.
    pub(super) fn ours(&self) -> Vec<String> {
        let mut listing = self.listing();
        listing.retain(|line| line.contains("vps-docker"));
        listing
    }
}

fn private(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).expect("mode");
}

/// An ssh-agent that ends with the test.
pub(super) struct Agent {
    pub(super) socket: PathBuf,
    _process: Child,
}

impl Agent {
    pub(super) async fn start(world: &World, identity: &Path) -> Self {
        let socket = world.data.path().join("agent");
        let process = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("an ssh-agent program");
        let add = async || {
            let added = Command::new("ssh-add")
                .arg(identity)
                .env("SSH_AUTH_SOCK", &socket)
                .stderr(Stdio::null())
                .status();
            added.await.expect("an ssh-add program").success()
        };
        let ready = async { while !add().await {} };
        let limit = Duration::from_secs(30);
        tokio::time::timeout(limit, ready)
            .await
            .expect("it listens");
        Self {
            socket,
            _process: process,
        }
    }
}
