//! What was handed over in `user_data` is worth nothing once a host is there.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::net::TcpStream;
use vps_docker::keys::KeyPair;
use vps_docker::model::{Cidr, HostTags, PowerAction};
use vps_docker::{ErrorKind, Host, HostSpec, HostState, Settings};

use crate::support::{Altered, Vps, World, docker, unique};

/// One host: the boot of a VPS is what costs the time.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_handed_over_is_worthless() {
    let client = Arc::new(Altered::with_metadata_service());
    let world = World::over(client.clone(), Settings::default());
    // The comment of the key handed over fills its lines so that the last one ends other keys too.
    let host_name = unique("trust") + "r";
    let host = world.create(HostSpec::builder(&host_name)).await;
    let mut host = host.expect("created");
    let vps = Vps::of(&host);
    let bootstrap_key = client.bootstrap_key();

    the_bootstrap_key_is_nowhere(&vps, &bootstrap_key);
    the_metadata_service_is_shut_to_containers(&host, &vps).await;
    vps.inside("docker restart --time 1 vps-docker");
    the_metadata_service_is_shut_to_containers(&host, &vps).await;
    vps.inside("systemctl restart docker; iptables -F DOCKER-USER; iptables -F FORWARD");
    host.start().await.expect("started");
    the_metadata_service_is_shut_to_containers(&host, &vps).await;
    host.power(PowerAction::Reboot).await.expect("rebooted");
    the_metadata_service_is_shut_to_containers(&host, &vps).await;
    // Cloud-init has read user_data again.
    vps.inside("cloud-init status --wait; systemctl restart vps-docker-forget-user-data.service");
    the_bootstrap_key_is_nowhere(&vps, &bootstrap_key);
    the_key_that_is_served_is_never_forgotten(&vps);

    who_has_the_bootstrap_key_is_an_impostor(&world, &host_name, &vps, &bootstrap_key).await;
    keys_change_on_demand(&world, &mut host).await;
    another_client_follows_one_change_and_no_more(&world, &mut host, &vps).await;
    a_key_that_sshd_refuses_changes_nothing(&mut host, &vps).await;

    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

fn the_bootstrap_key_is_nowhere(vps: &Vps, key: &[String]) {
    // The first lines tell nothing but the public half, the last one may be a few letters.
    for line in key[2..].iter().filter(|line| line.len() == 70) {
        let found = vps.inside(&format!(
            "grep -rlF -e '{line}' / --exclude-dir=proc --exclude-dir=sys 2>/dev/null || :
            journalctl --quiet --no-pager | grep -F -e '{line}' || :"
        ));
        assert_eq!(found, "", "a line of the key is still there");
    }
    // Nor has it vouched for the key that came after it.
    let certificates = vps.inside("ls /etc/ssh/*-cert.pub 2>/dev/null || :");
    assert_eq!(certificates, "");
}

/// As when the VPS is cut off before the next key has taken its place.
fn the_key_that_is_served_is_never_forgotten(vps: &Vps) {
    const KEY: &str = "/etc/ssh/ssh_host_ed25519_key";
    vps.inside(&format!(
        "cp -p {KEY} {KEY}.old; cp -p {KEY} {KEY}.next
        systemctl restart vps-docker-forget-user-data.service
        cmp {KEY} {KEY}.old; rm {KEY}.old {KEY}.next; sshd -t"
    ));
}

async fn the_metadata_service_is_shut_to_containers(host: &Host, vps: &Vps) {
    let fetch = "python3 - <<'END'
import urllib.request
print(len(urllib.request.urlopen('http://169.254.169.254/latest/user-data', timeout=10).read()))
END";
    let seen: usize = vps
        .inside(fetch)
        .trim()
        .parse()
        .expect("the VPS reaches it");
    assert!(seen > 1000, "the VPS is served {seen} bytes");
    // Before the container's own process too: no packet of its comes through.
    let connect = "exec 3<>/dev/tcp/169.254.169.254/80 && echo reached";
    let command =
        format!("timeout 5 bash -c '{connect}' 2>&1; echo; ip -br address 2>/dev/null || :");
    let output = host.exec(&command).await.expect("reached");
    assert!(!output.stdout.contains("reached"), "{}", output.stdout);
    // And by IPv6, of which the engine here has none: by the rule that would be asked.
    for range in ["fd00:ec2::254", "fe80::a9fe:a9fe"] {
        let route = vps.inside(&format!(
            "ip -6 route get {range} from fd00::2 iif docker0 2>&1 || :"
        ));
        let is_shut = ["Invalid argument", "blackhole", "unreachable", "No route"];
        assert!(is_shut.iter().any(|word| route.contains(word)), "{route}");
    }
}

/// A machine at the host's address that has the key of the bootstrap, as one would have who had read
/// user_data in time.
async fn who_has_the_bootstrap_key_is_an_impostor(
    world: &World,
    host_name: &str,
    vps: &Vps,
    bootstrap_key: &[String],
) {
    let key = format!(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n",
        bootstrap_key.join("\n")
    );
    let file = "/etc/ssh/ssh_host_ed25519_key";
    vps.inside(&format!(
        "umask 077; cp {file} {file}.right; cat > {file} <<'END'\n{key}END
        systemctl reload ssh"
    ));
    let error = world
        .reopened_host(host_name)
        .await
        .expect_err("an impostor");
    assert_eq!(error.kind(), ErrorKind::HostKeyMismatch, "{error}");
    vps.inside(&format!("mv {file}.right {file}; systemctl reload ssh"));
    let found = world
        .reopened_host(host_name)
        .await
        .expect("the host again");
    found.close().await;
}

async fn keys_change_on_demand(world: &World, host: &mut Host) {
    let before = (
        host.info().vps_ssh.clone(),
        host.info().container_ssh.clone(),
    );
    host.rotate_host_keys().await.expect("changed");
    let after = (
        host.info().vps_ssh.clone(),
        host.info().container_ssh.clone(),
    );
    assert_ne!(before.0.known_hosts, after.0.known_hosts);
    assert_ne!(before.1.known_hosts, after.1.known_hosts);
    for door in [&after.0, &after.1] {
        assert_eq!(door.known_hosts.lines().count(), 1, "{}", door.known_hosts);
    }
    let tags = HostTags::from_tags(&world.instances().await[0].tags).expect("ours");
    assert_eq!(tags.next_pin, None);
    let found = world
        .reopened_host(host.info().name.as_str())
        .await
        .expect("by the new keys");
    assert_eq!(found.exec("echo in").await.expect("reached").stdout, "in\n");
    found.close().await;
}

/// Another data directory, which knows the host by its old key: that names the new one.
async fn another_client_follows_one_change_and_no_more(world: &World, host: &mut Host, vps: &Vps) {
    let second = World::new();
    world.copy_keys_to(&second);
    let second = second.reopened();
    let host_name = &host.info().name.clone();
    let found = async || second.provider.host(host_name).await;
    let pins = second.provider.data_dir().path().join("hosts/local");
    let pins = pins.join(host_name.as_str());
    let pinned = || std::fs::read_to_string(pins.join("known_hosts_vps")).expect("there");
    found().await.expect("known by its tags").close().await;

    host.rotate_host_keys().await.expect("changed");
    let followed = found().await.expect("followed");
    let output = followed.exec("echo in").await.expect("reached");
    assert_eq!(output.stdout, "in\n");
    followed.close().await;
    assert_eq!(pinned(), host.info().vps_ssh.known_hosts);
    host.rotate_host_keys().await.expect("changed");
    let mut listed = second.provider.hosts().await.expect("listed").all().await;
    listed.retain(|listed| listed.name == host_name.as_str());
    assert_eq!(
        listed[0].state,
        HostState::Running,
        "{:?}",
        listed[0].problem
    );
    assert_eq!(pinned(), host.info().vps_ssh.known_hosts);

    who_has_stolen_the_old_key_moves_no_pin(&second, host, vps).await;
    assert_eq!(pinned(), host.info().vps_ssh.known_hosts);

    let before = pinned();
    host.rotate_host_keys().await.expect("changed");
    host.rotate_host_keys().await.expect("changed");
    let error = found().await.expect_err("another key");
    assert_eq!(error.kind(), ErrorKind::HostKeyMismatch, "{error}");
    let way_out = pins.display().to_string();
    assert!(error.to_string().contains(&way_out), "{error}");
    assert_eq!(pinned(), before);
    std::fs::remove_dir_all(&pins).expect("removed");
    let found = found().await.expect("by its tags");
    assert_eq!(found.exec("echo in").await.expect("reached").stdout, "in\n");
    found.close().await;

    // To no stranger, whatever the tags say.
    let instance = &world.instances().await[0];
    let mut tags = instance.tags.clone();
    let stranger = KeyPair::generate("stranger").expect("random");
    tags.insert(HostTags::PIN.into(), stranger.public().pin());
    let client = world.provider.client();
    client.set_tags(&instance.id, &tags).await.expect("set");
    let found = second
        .provider
        .host(host_name)
        .await
        .expect("by its own pins");
    found.close().await;
    client
        .set_tags(&instance.id, &instance.tags)
        .await
        .expect("set");
}

/// He certifies a key of his own by it; the tags, which he cannot change, name another.
async fn who_has_stolen_the_old_key_moves_no_pin(second: &World, host: &mut Host, vps: &Vps) {
    const KEY: &str = "/etc/ssh/ssh_host_ed25519_key";
    let (host_name, id) = (host.info().name.clone(), host.info().id.clone());
    let stolen = vps.inside(&format!("cat {KEY}"));
    host.rotate_host_keys().await.expect("changed");
    vps.inside(&format!(
        "umask 077; for file in {KEY} {KEY}.pub {KEY}-cert.pub; do mv $file $file.right; done
        cat >/run/stolen <<'END'\n{stolen}END
        ssh-keygen -q -t ed25519 -N '' -f {KEY}
        ssh-keygen -q -h -s /run/stolen -I thief -n {id}.vps-docker {KEY}.pub
        rm /run/stolen; systemctl reload ssh"
    ));
    let error = second.provider.host(&host_name).await;
    let error = error.expect_err("the tags name another");
    assert_eq!(error.kind(), ErrorKind::HostKeyMismatch, "{error}");
    vps.inside(&format!(
        "for file in {KEY} {KEY}.pub {KEY}-cert.pub; do mv $file.right $file; done
        systemctl reload ssh"
    ));
    let found = second.provider.host(&host_name).await;
    found.expect("by the right certificate").close().await;
}

async fn a_key_that_sshd_refuses_changes_nothing(host: &mut Host, vps: &Vps) {
    let before = host.info().vps_ssh.known_hosts.clone();
    let bad = "/etc/ssh/sshd_config.d/99-bad.conf";
    vps.inside(&format!("echo 'NoSuchOption yes' > {bad}"));
    let error = host.rotate_host_keys().await.expect_err("sshd refuses");
    assert_eq!(error.kind(), ErrorKind::State, "{error}");
    assert!(error.to_string().contains("NoSuchOption"), "{error}");
    vps.inside(&format!("rm {bad}"));
    host.rotate_host_keys().await.expect("changed");
    assert_ne!(before, host.info().vps_ssh.known_hosts);
    host.refresh().await.expect("reached");
    assert_eq!(host.info().state, HostState::Running);
}

/// Every port there is, from outside, of a host whose container publishes more than is let in.
#[tokio::test(flavor = "multi_thread")]
async fn a_scan_of_all_ports_shows_those_that_were_named() {
    let world = World::new();
    let spec = HostSpec::builder(unique("scan"))
        .start_arg("--publish=8000:8000")
        .start_arg("--publish=9000:9000")
        .start_arg("--publish=9001:9001/udp")
        .allow_from(OUTSIDE)
        .app_port(8000);
    let mut host = world.create(spec).await.expect("created");
    let vps = Vps::of(&host);
    let serve = "for port in 8000 9000; do
        nohup perl -MIO::Socket::INET -e '
            $s = IO::Socket::INET->new(LocalPort => shift, Listen => 9, ReuseAddr => 1) or die;
            while ($c = $s->accept) { print $c \"hello\\n\"; close $c }' $port >/dev/null 2>&1 &
    done";
    host.exec(serve).await.expect("reached");
    let named = [22, 2222, 8000];
    assert_eq!(open_ports(&host).await, named);

    // Not for others, nor after what may happen to a firewall.
    for port in named {
        assert!(!is_open_from_elsewhere(&host, port), "{port}");
    }
    vps.inside("systemctl restart docker; iptables -F; iptables -t nat -L >/dev/null");
    host.start().await.expect("started");
    host.exec(serve).await.expect("reached");
    assert_eq!(open_ports(&host).await, named);
    host.power(PowerAction::Reboot).await.expect("rebooted");
    host.exec(serve).await.expect("reached");
    assert_eq!(open_ports(&host).await, named);
    assert!(!is_open_from_elsewhere(&host, 22));
    who_may_reach_a_host_is_changed_on_it(&world, &mut host).await;

    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

async fn who_may_reach_a_host_is_changed_on_it(world: &World, host: &mut Host) {
    let before = host.exposure().expect("in the record").clone();
    assert_eq!(before.app_ports, [8000]);
    let mut world_wide = before.clone();
    world_wide.sources = Cidr::WORLD.to_vec();
    world_wide.app_ports = vec![9000];
    for _ in 0..2 {
        host.set_exposure(&world_wide).await.expect("changed");
        assert!(is_open_from_elsewhere(host, 9000));
        assert!(!is_open_from_elsewhere(host, 8000));
    }
    let name = host.info().name.to_string();
    let found = world.reopened_host(&name).await.expect("found");
    assert_eq!(found.exposure(), Some(&world_wide));
    found.close().await;
    host.set_exposure(&before).await.expect("changed back");
    assert!(!is_open_from_elsewhere(host, 9000));
    assert!(!is_open_from_elsewhere(host, 22));
    let mut nobody = before.clone();
    nobody.sources.clear();
    let error = host.set_exposure(&nobody).await.expect_err("nobody");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

/// This machine, as seen from the VPSs.
const OUTSIDE: &str = "198.18.0.1";

/// Which of all TCP ports answer.
async fn open_ports(host: &Host) -> Vec<u16> {
    let address = host.info().address;
    // What is dropped does not answer at all.
    let patience = std::time::Duration::from_secs(1);
    let scan = futures_util::stream::iter(1..=u16::MAX).map(|port| async move {
        let connected = TcpStream::connect((address, port));
        let connected = tokio::time::timeout(patience, connected).await;
        matches!(connected, Ok(Ok(_))).then_some(port)
    });
    let open = scan.buffer_unordered(2000).filter_map(std::future::ready);
    let mut open: Vec<u16> = open.collect().await;
    open.sort_unstable();
    open
}

/// Whether another machine on the network gets through.
fn is_open_from_elsewhere(host: &Host, port: u16) -> bool {
    let connect = format!(
        "timeout 3 bash -c '</dev/tcp/{}/{port}' && echo open",
        host.info().address
    );
    let said = docker(&[
        "run",
        "--rm",
        "--label=vps-docker",
        "--network=vps-docker",
        "--entrypoint=sh",
        "debian:bookworm-slim",
        "-c",
        &format!("{connect} || :"),
    ]);
    said.contains("open")
}
