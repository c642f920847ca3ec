//! Images from a registry: Debian's own, on a VPS of its own.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use vps_docker::model::{BootImage, HostTags, InstanceSpec, Tags};
use vps_docker::secrecy::ExposeSecret;
use vps_docker::{CreateEvent, HostSpec, ImageSource, Phase, Settings};

use crate::support::{Altered, LocalImage, World, docker, unique};

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_pulled_from_a_registry() {
    let world = World::over(
        Altered::specs(trust_registries_on_the_bridge),
        Settings::default(),
    );
    let image = start_registry(&world).await;
    for source in [ImageSource::Auto, ImageSource::Pull] {
        let spec = HostSpec::builder(unique("pulls"))
            .image(&image)
            .image_source(source);
        let host = world.create(spec).await.expect("created");
        let vps = host.docker().await.expect("connected");
        let format = "--format={{.RepoDigests}}";
        let digests = vps.run(["image", "inspect", format, &image]).await;
        let digests = digests.expect("it is there");
        assert!(digests.contains("@sha256:"), "not pulled: {digests}");
        let output = host.exec("cat /etc/debian_version").await.expect("reached");
        assert!(output.stdout.starts_with("12."), "{output:?}");
        host.destroy().await.expect("destroyed");
    }
    an_image_that_only_this_side_can_pull_is_shipped(&world, &image).await;
}

/// It has a registry's digest here, so the VPS is let try; but the registry is at an address of
/// this side's alone.
async fn an_image_that_only_this_side_can_pull_is_shipped(world: &World, image: &str) {
    let (registry, path) = image.split_once('/').expect("registry and path");
    // Docker takes HTTP from loopback.
    let here = forward(registry.to_owned()).await;
    let image = LocalImage::pulled(format!("{here}/{path}"));
    assert!(image.inspect("{{.RepoDigests}}").contains("@sha256:"));
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let spec = HostSpec::builder(unique("private")).image(&image.name);
    let create = world.provider.create_host(spec.build().expect("fit"));
    let create = create.on_event(move |event| {
        if let CreateEvent::Progress(Phase::Image, text) = event {
            telling.lock().expect("nobody panics").push(text);
        }
    });
    let host = create.await.expect("created");
    let told = told.lock().expect("nobody panics").join("\n");
    assert!(told.contains("cannot pull"), "{told}");
    assert!(
        told.contains("shipping this side's image instead"),
        "{told}"
    );
    let vps = host.docker().await.expect("connected");
    let id = ["image", "inspect", "--format={{.Id}}", &image.name];
    let id = vps.run(id).await.expect("it is there");
    assert_eq!(id.trim(), image.inspect("{{.Id}}"));
    host.destroy().await.expect("destroyed");
}

/// A port on loopback behind which is what is at `address`, until the test ends.
async fn forward(address: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let here = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = listener.accept().await {
            let address = address.clone();
            tokio::spawn(async move {
                let mut there = TcpStream::connect(address).await?;
                copy_bidirectional(&mut caller, &mut there).await
            });
        }
    });
    here
}

/// Docker takes HTTP from loopback only, unless it is told so before it starts.
fn trust_registries_on_the_bridge(spec: &InstanceSpec) -> InstanceSpec {
    let user_data = spec.user_data.expose_secret();
    assert!(user_data.contains("\nbootcmd:\n"), "nothing to add to");
    let trust = "bootcmd:\n- [sh, -c, 'mkdir -p /etc/docker; \
         echo \"{\\\"insecure-registries\\\":[\\\"198.18.0.0/16\\\"]}\" >/etc/docker/daemon.json']\n";
    InstanceSpec {
        user_data: user_data.replacen("bootcmd:\n", trust, 1).into(),
        ..spec.clone()
    }
}

/// A VPS with a registry that has an image, of which this is the name. The world destroys it.
async fn start_registry(world: &World) -> String {
    let name = unique("registry");
    let owner = world.provider.data_dir().owner().to_string();
    let spec = InstanceSpec {
        name: name.clone(),
        region: "local".into(),
        plan: "small".into(),
        image: BootImage::Catalog("debian-12-docker".into()),
        // Something for the alteration to add to.
        user_data: "#cloud-config\nlocale: false\nbootcmd:\n- [\"true\"]\n"
            .to_owned()
            .into(),
        ssh_keys: Vec::new(),
        tags: Tags::from([
            (HostTags::MARKER.to_owned(), String::new()),
            (HostTags::OWNER.to_owned(), owner),
        ]),
    };
    let client = world.provider.client();
    let instance = client.create_instance(&spec).await.expect("created");
    let address = instance.address.expect("it runs");
    let container = format!("vps-docker-{name}");
    let inside = |script: &str| docker(&["exec", &container, "sh", "-ec", script]);
    inside(
        "until systemctl is-system-running --wait 2>&1 | grep -Eq 'running|degraded'; do sleep 0.1; done
         apt-get update -q >/dev/null
         apt-get install -qy --no-install-recommends docker-registry >/dev/null 2>&1
         printf '%s\\n' 'version: 0.1' 'storage: {filesystem: {rootdirectory: /srv}}' \
             'http: {addr: \":5000\"}' >/root/registry.yml
         systemctl stop docker-registry
         systemd-run --quiet docker-registry serve /root/registry.yml
         until curl -fs http://127.0.0.1:5000/v2/ >/dev/null; do sleep 0.1; done",
    );
    let load = Command::new("sh")
        .args([
            "-c",
            "docker save debian:bookworm-slim | docker exec -i \"$1\" docker load",
        ])
        .args(["load", &container])
        .stdout(Stdio::null())
        .status();
    assert!(load.await.expect("a shell").success());
    // An image of its own: what is pulled from here must not be known elsewhere by another name.
    inside(
        "docker commit $(docker create debian:bookworm-slim true) 127.0.0.1:5000/team/app:1
         docker push -q 127.0.0.1:5000/team/app:1 >/dev/null",
    );
    format!("{address}:5000/team/app:1")
}
