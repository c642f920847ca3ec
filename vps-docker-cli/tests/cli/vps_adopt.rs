//! A machine that is there already, with an owner's key, becomes a host and is left again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use vps_docker::keys::KeyPair;
use vps_docker::model::{BootImage, Instance, InstanceSpec, Tags};
use vps_docker::secrecy::ExposeSecret;
use vps_docker::{ProviderOptions, Registry, VpsClient};

use crate::support::{User, unique};

#[tokio::test(flavor = "multi_thread")]
async fn vps_a_machine_is_adopted_and_left_by_the_command_line() {
    let user = User::new();
    let machine = Machine::boot(&user).await;
    let address = machine.instance.address.expect("it runs").to_string();
    let adopt = |fingerprint: &str| {
        let words = ["adopt", "mine", "--address", &address, "--identity"];
        let identity = machine.identity.display().to_string();
        let more = [&identity, "--fingerprint", fingerprint];
        [&words[..], &more]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    // Somebody else's key is refused before anything is changed.
    let other = KeyPair::generate("other").expect("random");
    let words = adopt(&other.public().fingerprint().to_string());
    let (code, error) = user.fails(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code, 8, "{error}");

    let words = adopt(&machine.host_key.public().fingerprint().to_string());
    let adopted = user.document(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(adopted["state"], "running");
    assert_eq!(adopted["address"], json!(address));
    let said = user.says(&["exec", "mine", "--", "echo", "here"]);
    assert_eq!(said.out, "here\n", "{said:?}");
    let destroyed = user.document(&["destroy", "mine", "--yes"]);
    assert_eq!(destroyed[0]["destroyed"], true);
    assert_eq!(destroyed[0]["paid_until"], Value::Null);
    let left = Command::new("ssh")
        .args([
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=yes",
        ])
        .arg("-o")
        .arg(format!(
            "UserKnownHostsFile={}",
            machine.known_hosts.display()
        ))
        .arg("-i")
        .arg(&machine.identity)
        .args([
            &format!("root@{address}"),
            "docker ps -aq | wc -l; ls /etc/vps-docker 2>&1 | wc -l",
        ])
        .output()
        .expect("ssh");
    assert_eq!(String::from_utf8_lossy(&left.stdout), "0\n1\n", "{left:?}");
    let destroyed = machine.client.destroy_instance(&machine.instance.id).await;
    destroyed.expect("destroyed");
}

/// A VPS that knows nothing of us.
struct Machine {
    client: Arc<dyn VpsClient>,
    instance: Instance,
    host_key: KeyPair,
    identity: std::path::PathBuf,
    known_hosts: std::path::PathBuf,
}

impl Machine {
    async fn boot(user: &User) -> Self {
        let registry = Registry::linked().expect("no two providers of a name");
        let client = registry
            .client("local", &ProviderOptions::new())
            .expect("linked in");
        let (host_key, owner) = (
            KeyPair::generate("machine").expect("random"),
            KeyPair::generate("owner").expect("random"),
        );
        let identity = user.home().join("owner");
        fs::write(&identity, owner.private_openssh().expose_secret()).expect("written");
        fs::set_permissions(&identity, fs::Permissions::from_mode(0o600)).expect("ours");
        let user_data = json!({
            "ssh_keys": {
                "ed25519_private": host_key.private_openssh().expose_secret(),
                "ed25519_public": host_key.public().openssh(),
            },
            "ssh_genkeytypes": ["ed25519"],
            "locale": false,
            "disable_root": false,
            "users": [{"name": "root", "ssh_authorized_keys": [owner.public().openssh()]}],
        });
        let spec = InstanceSpec {
            name: unique("machine"),
            region: "local".into(),
            plan: "small".into(),
            image: BootImage::Catalog("debian-12-docker".into()),
            user_data: format!("#cloud-config\n{user_data}\n").into(),
            ssh_keys: Vec::new(),
            tags: Tags::new(),
        };
        let instance = client.create_instance(&spec).await.expect("created");
        let machine = Self {
            known_hosts: user.home().join("known_hosts"),
            client,
            instance,
            host_key,
            identity,
        };
        let ready = [
            "exec",
            &machine.container(),
            "sh",
            "-c",
            "cloud-init status --wait || :",
        ];
        Command::new("docker")
            .args(ready)
            .output()
            .expect("a docker program");
        let address = machine.instance.address.expect("it runs");
        let line = format!("{address} {}\n", machine.host_key.public().openssh());
        fs::write(&machine.known_hosts, line).expect("written");
        machine
    }

    fn container(&self) -> String {
        format!("vps-docker-{}", self.instance.name)
    }
}

impl Drop for Machine {
    /// Where a test fails in the middle.
    fn drop(&mut self) {
        let words = ["rm", "--force", "--volumes", &self.container()];
        let _ = Command::new("docker").args(words).output();
    }
}
