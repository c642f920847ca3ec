//! The Docker endpoint for other tools: who gets in by it, and who does not.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use vps_docker::model::{
    CertificateSerial, Cidr, Exposure, PowerAction, Timestamp, TlsClients, TlsEndpointOptions,
};
use vps_docker::secrecy::ExposeSecret;
use vps_docker::tls::{CertificateAuthority, CertifiedKey};
use vps_docker::{ErrorKind, Host, HostSpec, TlsEndpoint};

use crate::support::{Vps, World, unique};

/// This machine, as seen from the VPSs.
const OUTSIDE: &str = "198.18.0.1";
const PORT: u16 = 2376;

/// One host: the boot of a VPS is what costs the time.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_certificate_of_the_host_gets_in_and_nobody_else() {
    let world = World::new();
    let host_name = unique("endpoint");
    let spec = HostSpec::builder(&host_name).allow_from(OUTSIDE);
    let mut host = world.create(spec).await.expect("created");
    let vps = Vps::of(&host);
    let began = container_began(&vps);

    assert!(!listens(&host, PORT).await, "it is off by default");
    assert_eq!(host.tls_endpoint().expect("readable"), None);
    let opened = host.open_tls_endpoint(&TlsEndpointOptions::default()).await;
    let opened = opened.expect("opened");
    let first = Tool::of(&opened);
    first.gets_in();
    assert!(listens(&host, PORT).await);
    first.streams_both_ways();

    strangers_are_refused(&world, &host, &first);
    keys_are_where_they_belong(&opened, &vps);
    a_second_opening_mends_the_first(&mut host, &vps, &first).await;
    another_data_directory_gets_in_by_its_own(&world, &host_name).await;
    who_is_revoked_is_cut_off(&mut host, &first).await;
    a_certificate_ends_by_itself(&mut host).await;
    it_outlives_a_reboot(&mut host).await;
    the_world_is_let_in_by_agreement_only(&mut host).await;
    it_is_closed_without_a_trace(&world, &mut host, &vps).await;
    a_port_that_is_taken_is_told(&mut host, &vps).await;

    let began_last = container_began(&vps);
    // The reboot began it anew; nothing else has.
    assert_ne!(began, began_last);
    host.open_tls_endpoint(&TlsEndpointOptions::default())
        .await
        .expect("opened");
    assert_eq!(container_began(&vps), began_last);
    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

fn container_began(vps: &Vps) -> String {
    vps.inside("docker inspect -f '{{.State.StartedAt}}' vps-docker")
}

/// Whether somebody takes a connection.
async fn listens(host: &Host, port: u16) -> bool {
    // What is dropped does not answer at all.
    let connected = TcpStream::connect((host.info().address, port));
    let connected = tokio::time::timeout(Duration::from_secs(2), connected).await;
    matches!(connected, Ok(Ok(_)))
}

/// The docker CLI with a certificate of its own, as somebody has it who was given a copy.
struct Tool {
    docker_host: String,
    certificates: TempDir,
    serial: Option<CertificateSerial>,
}

impl Tool {
    fn of(endpoint: &TlsEndpoint) -> Self {
        let from = endpoint.certificate_dir.as_ref().expect("it has one");
        let tool = Self {
            docker_host: endpoint.docker_host(),
            certificates: tempfile::tempdir().expect("a directory"),
            serial: endpoint.serial.clone(),
        };
        for file in ["ca.pem", "cert.pem", "key.pem"] {
            std::fs::copy(from.join(file), tool.file(file)).expect("copied");
        }
        tool
    }

    /// The same server, by other papers.
    fn with(&self, papers: Option<&CertifiedKey>) -> Self {
        let tool = Self {
            docker_host: self.docker_host.clone(),
            certificates: tempfile::tempdir().expect("a directory"),
            serial: None,
        };
        std::fs::copy(self.file("ca.pem"), tool.file("ca.pem")).expect("copied");
        if let Some(papers) = papers {
            let key = papers.private_key.expose_secret();
            std::fs::write(tool.file("cert.pem"), &papers.certificate).expect("written");
            std::fs::write(tool.file("key.pem"), key).expect("written");
        }
        tool
    }

    fn file(&self, name: &str) -> PathBuf {
        self.certificates.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command
            .args(words)
            .env("DOCKER_HOST", &self.docker_host)
            .env("DOCKER_TLS_VERIFY", "1")
            .env("DOCKER_CERT_PATH", self.certificates.path());
        command
    }

    fn ps(&self) -> Output {
        self.command(&["ps", "--format", "{{.Names}}"])
            .output()
            .expect("a docker program")
    }

    fn gets_in(&self) {
        let output = self.ps();
        assert_eq!(output.stdout, b"vps-docker\n", "{output:?}");
    }

    /// By docker, and told why to a client that shows its certificate whatever it is asked for, and waits for the
    /// answer: docker may still be writing when it is cut off, and then knows no reason.
    fn is_refused(&self, alert: &str) {
        let output = self.ps();
        let nothing = !output.status.success() && output.stdout.is_empty();
        assert!(nothing, "{output:?}");
        let said = self.openssl(&["-tls1_3"], b"");
        assert!(said.contains(alert), "{said}");
    }

    /// What a client of TLS sees that says this.
    fn openssl(&self, options: &[&str], request: &[u8]) -> String {
        let mut command = Command::new("openssl");
        command
            .args(["s_client", "-quiet", "-connect"])
            .arg(self.docker_host.trim_start_matches("tcp://"))
            .args(options)
            .args(["-CAfile".as_ref(), self.file("ca.pem").as_os_str()]);
        if self.file("cert.pem").exists() {
            command
                .args(["-cert".as_ref(), self.file("cert.pem").as_os_str()])
                .args(["-key".as_ref(), self.file("key.pem").as_os_str()]);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("an openssl program");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(request).expect("taken");
        let output = child.wait_with_output().expect("it ends");
        drop(stdin);
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// An end of input reaches the other side while its output still comes: Docker's streams need that.
    fn streams_both_ways(&self) {
        let image = self.command(&["inspect", "-f", "{{.Image}}", "vps-docker"]);
        let image = { image }.output().expect("it runs").stdout;
        let image = String::from_utf8(image).expect("text");
        let run = ["run", "--rm", "-i", "--entrypoint=sh", image.trim(), "-c"];
        let count = ["sleep 1; wc -c; echo end"];
        let mut child = self
            .command(&[&run[..], &count].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(&[b'x'; 3_000_000]).expect("taken");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "3000000\nend\n");
    }
}

fn strangers_are_refused(world: &World, host: &Host, tool: &Tool) {
    tool.with(None).is_refused("alert certificate required");

    let tomorrow = Timestamp::now().plus(Duration::from_secs(24 * 3600));
    let serial = CertificateSerial::random();
    let stranger = CertificateAuthority::generate().expect("random");
    let papers = stranger.client(&serial, tomorrow).expect("made");
    tool.with(Some(&papers)).is_refused("alert unknown ca");

    // Ours, and good, but given out for another host.
    let ours = world.provider.data_dir().tls_authority().expect("there");
    let papers = ours.client(&serial, tomorrow).expect("made");
    tool.with(Some(&papers)).is_refused(" alert ");
    // A server's is none of a client.
    let address = host.info().address;
    let papers = ours.server(address, &host.info().id, tomorrow);
    let papers = papers.expect("made");
    tool.with(Some(&papers)).is_refused(" alert ");

    // And nobody by an older protocol, whatever he has.
    let request = b"GET /_ping HTTP/1.0\r\n\r\n";
    let said = tool.openssl(&["-tls1_3"], request);
    assert!(said.contains("HTTP/1.0 200 OK"), "{said}");
    let said = tool.openssl(&["-tls1_2"], b"");
    assert!(said.contains("alert protocol version"), "{said}");
}

fn keys_are_where_they_belong(opened: &TlsEndpoint, vps: &Vps) {
    let directory = opened.certificate_dir.as_ref().expect("it has one");
    let mode = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().expect("there").permissions().mode() & 0o777
    };
    assert_eq!(mode(directory), 0o700);
    assert_eq!(mode(&directory.join("key.pem")), 0o600);
    let key = std::fs::read_to_string(directory.join("key.pem")).expect("there");
    let line = key.lines().nth(1).expect("it has lines");
    let found = vps.inside(&format!(
        "grep -rlF -e '{line}' / --exclude-dir=proc --exclude-dir=sys 2>/dev/null || :"
    ));
    assert_eq!(found, "", "the client's key is on the VPS");
    let server = vps.inside("stat -c '%a %U' /etc/vps-docker/endpoint/server.pem");
    assert_eq!(server, "600 root\n");
    let owner = vps.inside(
        "stat -c %u /proc/$(systemctl show -p MainPID --value vps-docker-endpoint.service)",
    );
    assert_ne!(owner, "0\n", "it runs as root");
}

async fn a_second_opening_mends_the_first(host: &mut Host, vps: &Vps, first: &Tool) {
    let reopen = async |host: &mut Host| {
        let again = host.open_tls_endpoint(&TlsEndpointOptions::default()).await;
        assert_eq!(again.expect("opened").serial, first.serial, "it is kept");
        first.gets_in();
    };
    reopen(host).await;
    vps.inside("systemctl stop vps-docker-endpoint; rm /etc/vps-docker/endpoint/*");
    reopen(host).await;
    // With its own hands it comes back too.
    vps.inside("systemctl kill --signal=KILL vps-docker-endpoint");
    first.gets_in_again();
    // Who else may reach the host does not change whether the endpoint is reached.
    let exposure = Exposure {
        sources: vec![OUTSIDE.parse().expect("legal")],
        app_ports: vec![8000],
    };
    host.set_exposure(&exposure).await.expect("changed");
    first.gets_in();
}

impl Tool {
    /// As soon as it is up again.
    fn gets_in_again(&self) {
        self.until("it gets in", |output| output.status.success());
    }

    fn until(&self, what: &str, is_so: impl Fn(&Output) -> bool) {
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        loop {
            let output = self.ps();
            if is_so(&output) {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "{what}: {output:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

async fn another_data_directory_gets_in_by_its_own(world: &World, host_name: &str) {
    let second = World::new();
    world.copy_keys_to(&second);
    let second = second.reopened();
    let mut host = second.reopened_host(host_name).await.expect("by its tags");
    let open = host.tls_endpoint().expect("readable").expect("it is open");
    assert_eq!((open.port, open.certificate_dir), (PORT, None));
    let opened = host.open_tls_endpoint(&TlsEndpointOptions::default()).await;
    let opened = opened.expect("opened");
    assert_eq!(opened.clients.len(), 2);
    Tool::of(&opened).gets_in();
    // With another authority there would be two, and each server has one.
    let file = second
        .provider
        .data_dir()
        .path()
        .join("keys/tls_authority.pem");
    std::fs::remove_file(file).expect("removed");
    let error = host.renew_tls_endpoint(Duration::from_secs(3600)).await;
    let error = error.expect_err("another authority");
    assert_eq!(error.kind(), ErrorKind::State, "{error}");
    host.close().await;
}

async fn who_is_revoked_is_cut_off(host: &mut Host, first: &Tool) {
    let renewed = host.renew_tls_endpoint(TlsEndpointOptions::CLIENT_VALIDITY);
    let renewed = renewed.await.expect("renewed");
    assert_ne!(renewed.serial, first.serial);
    let second = Tool::of(&renewed);
    second.gets_in();
    first.gets_in();

    let mut listening = first
        .command(&["events"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let unknown = TlsClients::One(CertificateSerial::random());
    let error = host.revoke_tls_clients(&unknown).await.expect_err("none");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert_eq!(listening.try_wait().expect("ours"), None);
    let lost = TlsClients::One(first.serial.clone().expect("it has one"));
    for _ in 0..2 {
        let revoked = host.revoke_tls_clients(&lost);
        let revoked = revoked.await.expect("revoked");
        assert_eq!(revoked.len(), 1);
        assert!(revoked[0].revoked_at.is_some());
        first.is_refused(" alert ");
        second.gets_in();
    }
    tokio::task::spawn_blocking(move || listening.wait().expect("it ends"))
        .await
        .expect("it is cut off");

    let revoked = host.revoke_tls_clients(&TlsClients::All).await;
    assert_eq!(revoked.expect("revoked").len(), 3);
    second.is_refused(" alert ");
    let open = host.tls_endpoint().expect("readable").expect("it is open");
    assert_eq!(open.certificate_dir, None);
}

async fn a_certificate_ends_by_itself(host: &mut Host) {
    let error = host.renew_tls_endpoint(Duration::ZERO).await;
    assert_eq!(error.expect_err("no time").kind(), ErrorKind::Invalid);
    let lasting = host.open_tls_endpoint(&TlsEndpointOptions::default()).await;
    let lasting = Tool::of(&lasting.expect("opened"));
    let short = host.renew_tls_endpoint(Duration::from_secs(15)).await;
    let short = Tool::of(&short.expect("renewed"));
    short.gets_in();
    short.until("it has ended", |output| !output.status.success());
    short.is_refused("alert certificate expired");
    lasting.gets_in();
    assert_eq!(
        host.tls_endpoint().expect("readable").expect("open").serial,
        None
    );
    // What has ended is not kept.
    let opened = host.open_tls_endpoint(&TlsEndpointOptions::default()).await;
    let opened = opened.expect("opened");
    assert_ne!(opened.serial, short.serial);
    let numbers = opened.clients.iter().map(|client| Some(&client.serial));
    assert!(
        !numbers
            .clone()
            .any(|number| number == short.serial.as_ref())
    );
    assert!(
        numbers
            .clone()
            .any(|number| number == lasting.serial.as_ref())
    );
}

async fn it_outlives_a_reboot(host: &mut Host) {
    let own = host.tls_endpoint().expect("readable").expect("it is open");
    host.power(PowerAction::Reboot).await.expect("rebooted");
    Tool::of(&own).gets_in_again();
}

async fn the_world_is_let_in_by_agreement_only(host: &mut Host) {
    let own = Tool::of(&host.tls_endpoint().expect("readable").expect("open"));
    let before = host.exposure().expect("in the record").clone();
    let world = Exposure {
        sources: Cidr::WORLD.to_vec(),
        app_ports: Vec::new(),
    };
    let error = host.set_exposure(&world).await.expect_err("it is open");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let agreed = TlsEndpointOptions::default().open_to_world(true);
    host.open_tls_endpoint(&agreed).await.expect("opened");
    host.set_exposure(&world).await.expect("agreed");
    own.gets_in();
    let error = host.open_tls_endpoint(&TlsEndpointOptions::default()).await;
    let error = error.expect_err("not agreed");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    host.set_exposure(&before).await.expect("changed back");
}

async fn it_is_closed_without_a_trace(world: &World, host: &mut Host, vps: &Vps) {
    let own = host.tls_endpoint().expect("readable").expect("it is open");
    for _ in 0..2 {
        host.close_tls_endpoint().await.expect("closed");
        assert!(!listens(host, PORT).await);
        let left = vps.inside(
            "ss -Hltn 'sport = :2376'; ls -d /etc/vps-docker/endpoint 2>/dev/null || :
            find /etc/systemd -name 'vps-docker-endpoint*'; grep 2376 /etc/vps-docker/firewall || :",
        );
        assert_eq!(left, "");
        assert!(!own.certificate_dir.as_ref().expect("it had one").exists());
        assert_eq!(host.tls_endpoint().expect("readable"), None);
    }
    let error = host.revoke_tls_clients(&TlsClients::All).await;
    assert_eq!(error.expect_err("closed").kind(), ErrorKind::State);
    let found = world.reopened_host(host.info().name.as_str()).await;
    let found = found.expect("found");
    assert_eq!(found.tls_endpoint().expect("readable"), None);
    found.close().await;
}

async fn a_port_that_is_taken_is_told(host: &mut Host, vps: &Vps) {
    for port in [22, 2222, 8000] {
        let options = TlsEndpointOptions::default().port(port);
        let error = host.open_tls_endpoint(&options).await.expect_err("taken");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    vps.inside(
        "systemd-run --unit=squatter perl -MIO::Socket::INET -e '
            $s = IO::Socket::INET->new(LocalPort => 2376, Listen => 9) or die; sleep' 2>/dev/null
        until ss -Hltn 'sport = :2376' | grep -q .; do sleep 0.1; done",
    );
    let error = host.open_tls_endpoint(&TlsEndpointOptions::default()).await;
    let error = error.expect_err("another has it");
    assert_eq!(error.kind(), ErrorKind::State, "{error}");
    assert!(
        error.to_string().contains("Address already in use"),
        "{error}"
    );
    vps.inside("systemctl stop squatter");
}
