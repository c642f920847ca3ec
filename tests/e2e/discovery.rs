//! Discovery hides nobody and waits for nobody; what SSH says is never taken for a state.

use std::sync::Arc;
use std::time::Duration;

use vps_docker::ssh::TransportExt;
use vps_docker::{ErrorKind, Host, HostSpec, HostState, Settings, VpsDockerProvider};

use crate::crowd::Crowd;
use crate::support::{LocalImage, World, docker, name, unique};

/// A crowd on one VPS, one host of it with a corrupt record, and a VPS that is frozen.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_vps_neither_hides_nor_delays_the_others() {
    let image = LocalImage::with_sshd();
    let settings = Settings::builder().discovery_timeout(Duration::from_secs(5));
    let world = World::with(settings.build().expect("fit"));
    let create = |prefix| world.create(HostSpec::builder(unique(prefix)).image(&image.name));
    let (stands, frozen) = tokio::join!(create("stands"), create("frozen"));
    let (stands, frozen) = (stands.expect("created"), frozen.expect("created"));
    let data_dir = world.provider.data_dir();
    let client = world.provider.client();
    let mut crowd = Crowd::new(Arc::clone(client));
    let settled = crowd.settle(data_dir, &stands, 20).await;
    settled.expect("settled");
    let instance = client.instance(&frozen.info().instance_id).await;
    crowd.add(instance.expect("there"));
    corrupt_one(&stands).await;
    let frozen_name = frozen.info().name.to_string();
    frozen.close().await;
    docker(&["pause", &format!("vps-docker-{frozen_name}")]);

    let settings = world.provider.settings().clone();
    let provider = VpsDockerProvider::new(Arc::new(crowd), data_dir.clone(), settings);
    let mut listing = provider.hosts().await.expect("listed");
    let mut listed = Vec::new();
    while let Some(host) = listing.next_host().await {
        listed.push(host);
    }
    assert_eq!(listed.len(), 21);
    let last = listed.pop().expect("the last one");
    assert_eq!(last.name, frozen_name, "it delays others");
    assert_eq!(last.state, HostState::Unreachable);
    assert!(last.problem.is_some());
    let (corrupt, others): (Vec<_>, Vec<_>) = listed
        .iter()
        .partition(|host| host.state == HostState::Failed);
    assert_eq!(corrupt.len(), 1);
    let problem = corrupt[0].problem.as_ref().expect("told").to_string();
    assert!(problem.contains("corrupt"), "{problem}");
    for host in others {
        assert_eq!(host.state, HostState::Running, "{:?}", host.problem);
    }

    docker(&["unpause", &format!("vps-docker-{frozen_name}")]);
    stands.close().await;
}

async fn corrupt_one(host: &Host) {
    let vps = host.vps().await.expect("connected");
    let torn = "for file in /srv/crowd-*/host.json; do break; done; echo '{half' >\"$file\"";
    vps.run(torn, b"").await.expect("reached");
}

/// Keys that are refused and an sshd that is stopped: the host runs all the while.
#[tokio::test(flavor = "multi_thread")]
async fn an_ssh_error_is_never_reported_as_not_running() {
    let image = LocalImage::with_sshd();
    let settings = Settings::builder()
        .ssh_connect_timeout(Duration::from_secs(3))
        .discovery_timeout(Duration::from_secs(3));
    let world = World::with(settings.build().expect("fit"));
    let host_name = name(&unique("ssh"));
    let spec = HostSpec::builder(host_name.as_str()).image(&image.name);
    let host = world.create(spec).await.expect("created");
    let vps = format!("vps-docker-{host_name}");
    host.close().await;
    let found = async || world.provider.host(&host_name).await;
    let listed = async || {
        let mut listing = world.provider.hosts().await.expect("listed");
        while let Some(host) = listing.next_host().await {
            if host.name == host_name.as_str() {
                return (host.state, host.problem.map(|problem| problem.kind()));
            }
        }
        panic!("it is not listed");
    };

    // The container's sshd refuses us: the host runs, and the command tells why it cannot.
    let keys = "/etc/vps-docker/container-ssh/authorized_keys";
    docker(&["exec", &vps, "mv", keys, "/root/away"]);
    let host = found().await.expect("found");
    assert_eq!(host.info().state, HostState::Running);
    let error = host.exec("true").await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
    assert_eq!(listed().await, (HostState::Running, None));
    docker(&["exec", &vps, "mv", "/root/away", keys]);
    host.close().await;

    // The VPS's does.
    let keys = "/root/.ssh/authorized_keys";
    docker(&["exec", &vps, "mv", keys, "/root/away"]);
    let error = found().await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
    let refused = (HostState::Unreachable, Some(ErrorKind::Auth));
    assert_eq!(listed().await, refused);
    docker(&["exec", &vps, "mv", "/root/away", keys]);

    // It does not run.

    let sshd = |action| {
        docker(&[
            "exec",
            &vps,
            "systemctl",
            action,
            "ssh.socket",
            "ssh.service",
        ])
    };
    sshd("stop");
    let host = found().await.expect("a host all the same");
    assert_eq!(host.info().state, HostState::Unreachable);
    host.close().await;
    assert_eq!(listed().await.0, HostState::Unreachable);
    sshd("start");
    let host = found().await.expect("found");
    assert_eq!(host.info().state, HostState::Running);
    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}
