//! Somebody else's sshd.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::Instant;
use vps_docker::keys::PublicKey;
use vps_docker::ssh::wait_for_banner;

use crate::support::{LocalImage, docker, unique};

/// Lets in whoever comes with whatever key, and writes down who tried.
const SERVE: &str = "
    ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/own_key
    mkdir -p /run/sshd
    cat >/etc/ssh/own_config <<'END'
HostKey /etc/ssh/own_key
PermitRootLogin yes
UsePAM no
AuthorizedKeysCommand /bin/echo %t %k
AuthorizedKeysCommandUser root
LogLevel DEBUG1
END
    exec /usr/sbin/sshd -D -e -f /etc/ssh/own_config";

/// A real sshd with a host key of its own that lets everybody in. Gone when dropped.
#[derive(Debug)]
pub(super) struct Impostor {
    container: Container,
    address: IpAddr,
    key: PublicKey,
}

impl Impostor {
    pub(super) async fn start(image: &LocalImage) -> Self {
        // From here on it is removed, also when it does not come up.
        let container = Container(unique("vps-docker-impostor"));
        docker(&[
            "run",
            "--detach",
            "--label=vps-docker",
            "--name",
            &container.0,
            "--entrypoint=sh",
            &image.name,
            "-ec",
            SERVE,
        ]);
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let address = docker(&["inspect", "--format", format, &container.0]);
        let address: IpAddr = address.trim().parse().expect("an address");
        let deadline = Instant::now() + Duration::from_secs(60);
        let greets = wait_for_banner((address, 22).into(), deadline).await;
        greets.expect("an sshd");
        let key = docker(&["exec", &container.0, "cat", "/etc/ssh/own_key.pub"]);
        Self {
            container,
            address,
            key: key.parse().expect("a key"),
        }
    }

    pub(super) fn door(&self) -> SocketAddr {
        (self.address, 22).into()
    }

    pub(super) fn key(&self) -> &PublicKey {
        &self.key
    }

    /// How often somebody has asked to be let in, and how often somebody was.
    pub(super) fn logins(&self) -> (usize, usize) {
        let output = std::process::Command::new("docker")
            .args(["logs", &self.container.0])
            .output()
            .expect("a docker program");
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        let count = |words: &str| log.matches(words).count();
        (count("userauth-request"), count("Accepted publickey"))
    }
}

/// A container's name.
#[derive(Debug)]
struct Container(String);

impl Drop for Container {
    fn drop(&mut self) {
        docker(&["rm", "--force", "--volumes", &self.0]);
    }
}
