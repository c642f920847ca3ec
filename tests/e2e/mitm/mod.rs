//! A man in the middle, at every connection there is: he is refused each time by both fingerprints, and told
//! nothing.

mod between;
mod create;
mod found;
mod impostor;
mod in_use;
mod meanwhile;
mod relay;
mod reuse;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use vps_docker::keys::{KeyPair, PublicKey};
use vps_docker::model::SshEndpoint;
use vps_docker::secrecy::ExposeSecret;
use vps_docker::ssh::{ConnectOptions, Connection, TransportExt};
use vps_docker::{CreateHost, ErrorKind, Host, HostSpec, ImageSource, Result, Settings};

use self::between::Between;
use self::impostor::Impostor;
use self::relay::{CONTAINER_PORT, NEW_KEYS, Relay, Route};
use crate::support::{LocalImage, World};

/// An engine whose hosts all stand behind a relay, and who else stands there.
struct Scene {
    world: World,
    client: Arc<Between>,
    relay: Arc<Relay>,
    impostor: Impostor,
    image: LocalImage,
    /// A private key of ours.
    identity: PathBuf,
}

impl Scene {
    /// With an impostor who would take whatever he gets: without that his silence would prove nothing.
    async fn new() -> Self {
        let image = LocalImage::with_sshd();
        let impostor = Impostor::start(&image).await;
        let relay = Arc::new(Relay::before(&impostor).await);
        let client = Between::new(&relay);
        let settings = Settings::builder().container_ssh_port(CONTAINER_PORT);
        let world = World::over(client.clone(), settings.build().expect("fit"));
        let identity = world.data.path().join("identity");
        let key = KeyPair::generate("ours").expect("random");
        std::fs::write(&identity, key.private_openssh().expose_secret()).expect("written");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&identity, private).expect("ours");
        let scene = Self {
            world,
            client,
            relay,
            impostor,
            image,
            identity,
        };
        scene.who_trusts_the_impostor_is_let_in().await;
        scene
    }

    async fn who_trusts_the_impostor_is_let_in(&self) {
        self.relay.route(Route::Impostor);
        let (host, port) = (self.relay.address(), self.relay.vps().port());
        let pins = self.world.data.path().join("trusting");
        let line = self.impostor.key().known_hosts_line(host, port);
        std::fs::write(&pins, &line).expect("written");
        let trusting = SshEndpoint {
            user: "root".to_owned(),
            host,
            port,
            identity_file: self.identity.clone(),
            identity_agent: None,
            known_hosts: line,
            known_hosts_file: pins,
        };
        let options = ConnectOptions {
            deadline: Instant::now() + Duration::from_secs(60),
            retry_auth: false,
        };
        let run_dir = self.world.provider.data_dir().run_dir();
        let connection = Connection::open(trusting, &run_dir, options).await;
        let connection = connection.expect("let in");
        let output = connection.run("echo in", b"").await.expect("reached");
        assert_eq!(output.stdout, "in\n");
        connection.close().await;
        let heard = self.relay.vps().heard(0);
        let begins = |types: &Vec<u8>| types.last() == Some(&NEW_KEYS);
        assert!(heard.iter().any(begins), "{heard:?}");
        let (asked, accepted) = self.impostor.logins();
        assert!(asked > 0 && accepted == 1, "{asked} {accepted}");
        self.relay.route(Route::Real);
    }

    fn spec(&self, host_name: &str) -> HostSpec {
        let spec = HostSpec::builder(host_name)
            .image(&self.image.name)
            .image_source(ImageSource::Ship);
        spec.build().expect("fit")
    }

    fn create(&self, host_name: &str) -> CreateHost {
        self.world.provider.create_host(self.spec(host_name))
    }

    /// Does something that has to be refused by this fingerprint, for it meets the impostor.
    async fn refused<T>(&self, what: &str, pinned: &str, work: impl Future<Output = Result<T>>) {
        let before = self.so_far();
        self.assert_refused(before, what, pinned, work.await);
    }

    fn so_far(&self) -> SoFar {
        SoFar {
            vps: self.relay.vps().visits(),
            container: self.relay.container().visits(),
            asked: self.impostor.logins().0,
        }
    }

    /// By both fingerprints, before anything was told.
    fn assert_refused<T>(&self, before: SoFar, what: &str, pinned: &str, result: Result<T>) {
        let presented = self.impostor.key().fingerprint();
        let error = mismatch(what, result);
        for fingerprint in [pinned, &presented] {
            assert!(error.contains(fingerprint), "{what}: {error}");
        }
        self.assert_told_nothing(what, before);
    }

    /// Somebody has come since then, and nobody has told anything.
    fn assert_told_nothing(&self, what: &str, before: SoFar) {
        let vps = self.relay.vps().heard(before.vps);
        let container = self.relay.container().heard(before.container);
        assert_nothing_told(what, &[vps, container].concat());
        assert_eq!(self.impostor.logins().0, before.asked, "{what}");
    }

    /// Breaks the connections of a host, and both its doors lead to the impostor from then on.
    async fn take_over(&self, host: &Host) {
        let vps = host.vps().await.expect("connected");
        let container = host.container().await.expect("connected");
        self.relay.route(Route::Impostor);
        self.relay.cut();
        let ended = async {
            while !(vps.has_ended() && container.has_ended()) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let limit = Duration::from_secs(60);
        timeout(limit, ended).await.expect("they have broken");
    }
}

/// How many have come to the doors, and how many have asked the impostor to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SoFar {
    vps: usize,
    container: usize,
    asked: usize,
}

/// The words of a refusal with exit code 8 that names two fingerprints.
fn mismatch<T>(what: &str, result: Result<T>) -> String {
    let Err(error) = result else {
        panic!("{what} was not refused");
    };
    let kind = error.kind();
    assert_eq!(kind, ErrorKind::HostKeyMismatch, "{what}: {error:?}");
    assert_eq!(vps_docker::exit_code(kind), 8);
    let error = error.to_string();
    assert_eq!(error.matches("SHA256:").count(), 2, "{what}: {error}");
    error
}

/// All who came went away when they had seen the key.
fn assert_nothing_told(what: &str, heard: &[Vec<u8>]) {
    // What a client says before it knows whom it speaks to.
    const KEX_INIT: u8 = 20;
    const KEX_ECDH_INIT: u8 = 30;
    assert!(!heard.is_empty(), "{what}: nobody came");
    let of_key_exchange = |kind: &u8| [KEX_INIT, KEX_ECDH_INIT].contains(kind);
    for types in heard {
        assert!(types.iter().all(of_key_exchange), "{what}: {types:?}");
    }
}

/// The fingerprint of the one key that is pinned there.
fn pinned(door: &SshEndpoint) -> String {
    let (line, rest) = door.known_hosts.split_once('\n').expect("a line");
    assert_eq!(rest, "", "{}", door.known_hosts);
    let (_, key) = line.split_once(' ').expect("an address and a key");
    let key: PublicKey = key.parse().expect("a key");
    key.fingerprint()
}
