//! Images from a registry: Debian's own, on a VPS of its own.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use vps_docker::model::{BootImage, HostTags, ImageReference, InstanceSpec, RegistryLogin, Tags};
use vps_docker::secrecy::ExposeSecret;
use vps_docker::{CreateEvent, ErrorKind, HostSpec, ImageSource, Phase, Settings};

use crate::support::{Altered, LocalImage, Vps, World, docker, unique};

/// Of the user `me` at the registry's other port.
const PASSWORD: &str = "the-password-of-me";

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
    an_image_behind_a_login_is_pulled_with_it(&world, &image).await;
}

/// The same registry, at a port where it wants to know who asks.
async fn an_image_behind_a_login_is_pulled_with_it(world: &World, image: &str) {
    let image = image.replace(":5000/", ":5001/");
    let (server, _) = image.split_once('/').expect("registry and path");
    let spec = HostSpec::builder(unique("login"))
        .image(&image)
        .image_source(ImageSource::Pull)
        .registry_login(server, "me", "wrong")
        .registry_login(server, "me", PASSWORD);
    let host = world.create(spec).await.expect("created");
    let docker = host.docker().await.expect("connected");
    let other = ImageReference::new(image.replace("app:1", "other:1")).expect("legal");
    let login = |password: &str| RegistryLogin::new(server, "me", password.into()).expect("fit");
    for docker in [
        docker.clone(),
        docker.clone().registry_logins([login("not-the-password")]),
    ] {
        let error = docker.pull(&other).await.expect_err("it is not for us");
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
        let said = std::error::Error::source(&error).expect("docker's words");
        let said = said.to_string();
        assert!(
            said.contains("unauthorized") || said.contains("no basic auth"),
            "{said}"
        );
    }
    let right = docker.clone().registry_logins([login(PASSWORD)]);
    right.pull(&other).await.expect("pulled");
    // Each time for once.
    docker
        .run(["image", "rm", other.as_str()])
        .await
        .expect("removed");
    docker.pull(&other).await.expect_err("nobody is logged in");
    let left = Vps::of(&host).inside(
        "ls -d /run/vps-docker/secrets-* /root/.docker 2>/dev/null || true
         grep -rlF -e the-password-of-me -e bWU6dGhlLXBhc3N3b3JkLW9mLW1l /run /root /etc /tmp /var/log /var/lib/vps-docker || true",
    );
    assert_eq!(left, "");
    host.destroy().await.expect("destroyed");
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
         apt-get install -qy --no-install-recommends docker-registry apache2-utils >/dev/null 2>&1
         printf '%s\\n' 'version: 0.1' 'storage: {filesystem: {rootdirectory: /srv}}' \
             'http: {addr: \":5000\"}' >/root/registry.yml
         systemctl stop docker-registry
         systemd-run --quiet docker-registry serve /root/registry.yml
         htpasswd -Bbn me the-password-of-me >/root/htpasswd
         { sed s/5000/5001/ /root/registry.yml
             echo 'auth: {htpasswd: {realm: here, path: /root/htpasswd}}'; } >/root/closed.yml
         systemd-run --quiet docker-registry serve /root/closed.yml
         until curl -fs http://127.0.0.1:5000/v2/ >/dev/null; do sleep 0.1; done
         until curl -fs -u me:the-password-of-me http://127.0.0.1:5001/v2/ >/dev/null; do sleep 0.1; done",
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
         docker push -q 127.0.0.1:5000/team/app:1 >/dev/null
         docker commit $(docker create debian:bookworm-slim false) 127.0.0.1:5000/team/other:1
         docker push -q 127.0.0.1:5000/team/other:1 >/dev/null",
    );
    format!("{address}:5000/team/app:1")
}
