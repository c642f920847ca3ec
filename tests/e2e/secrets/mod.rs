//! No secret gets anywhere but where it is to be. A host lives its whole life with secrets that are
//! marked, here and on its VPS every process is looked at, every command recorded, everything logged; then they
//! are looked for in all that is left. The tokens of clouds: `tests/clouds/secrets.rs`.

mod markers;
mod watch;

use std::fs::write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use data_encoding::BASE64;
use vps_docker::model::{
    BuildArgs, Environment, HealthCheck, HostSpecBuilder, ImageReference, PowerAction,
    RegistryLogin, SnapshotName, TlsClients, TlsEndpointOptions,
};
use vps_docker::store::{ClientKey, ClientKeys};
use vps_docker::{
    DataDir, Error, Host, HostSpec, HostState, ImageSource, Settings, TlsEndpoint,
    VpsDockerProvider,
};

use self::markers::Markers;
use self::watch::{LOG_THERE, Log, Sampler, record_here, record_there};
use crate::support::{Altered, Vps, World, name, unique};

/// In a process of its own: its search path leads to recorders, and what it logs and prints is its own.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_anywhere_but_where_it_is_to_be() {
    let place = tempfile::tempdir().expect("a directory");
    let recorders = place.path().join("bin");
    std::fs::create_dir(&recorders).expect("made");
    record_here(&recorders, &["ssh", "docker", "ssh-keyscan", "ssh-keygen"]);
    let path = std::env::var("PATH").expect("there is one");
    let mut life = Command::new(std::env::current_exe().expect("a path"));
    life.args(["--exact", "secrets::the_life_of_a_host_with_secrets"])
        .args(["--ignored", "--nocapture"])
        .env("PATH", format!("{}:{path}", recorders.display()))
        .current_dir(place.path());
    let output = tokio::task::spawn_blocking(move || life.output());
    let output = output.await.expect("run").expect("run");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.contains("1 passed"), "{said}\n{complained}");
    let markers = Markers::read(&place.path().join("own/markers"));
    // The library is silent; what it logs was looked at in there.
    for (what, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        markers.look_in(what, bytes);
    }
    markers.assert_none_was_found();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by no_secret_is_anywhere_but_where_it_is_to_be, in a directory for it"]
async fn the_life_of_a_host_with_secrets() {
    let began = SystemTime::now();
    let log = Log::of_everything();
    let place = std::env::current_dir().expect("there");
    let own = place.join("own");
    std::fs::create_dir(&own).expect("made");
    let secrets = Secrets::make(&own);
    let sampler = Sampler::start(secrets.markers.clone());
    let mut told = Told::default();

    let client = Altered::specs(record_there);
    let agent = Agent::start(&own, &secrets.vps_key);
    let keys = ClientKeys::default()
        .vps(ClientKey::Agent {
            socket: agent.socket.clone(),
            public_key: public_key(&secrets.vps_key),
        })
        .container(ClientKey::File(secrets.container_key.clone()));
    let data = tempfile::tempdir().expect("a directory");
    let data_dir = DataDir::open_with(data.path().join("data"), &keys).expect("fit");
    told.debug(&keys);
    let settings = Settings::default();
    let provider = VpsDockerProvider::new(client.clone(), data_dir, settings);
    let world = World { provider, data };

    let (mut host, vps) = created(&world, &secrets, &mut told).await;
    commands_and_files(&host, &secrets, &mut told).await;
    images(&host, &vps, &secrets, &mut told).await;
    changes(&world, &mut host, &secrets, &mut told).await;
    let tls_keys = endpoint(&mut host, &vps, &mut told).await;

    // What there is by now that was not when the sampler began.
    let mut markers = secrets.markers.clone();
    for (key, file) in [
        ("vps-host-key", "/etc/ssh/ssh_host_ed25519_key"),
        (
            "container-host-key",
            "/etc/vps-docker/container-ssh/ssh_host_ed25519_key",
        ),
    ] {
        markers.add_key(key, &vps.inside(&format!("cat {file}")));
    }
    markers.add_key("bootstrap-key", &client.bootstrap_key().join("\n"));
    let authority = world.data.path().join("data/keys/tls_authority.pem");
    markers.add_pem_key("authority", &read(&authority));
    for (number, key) in tls_keys.iter().enumerate() {
        markers.add_pem_key(&format!("tls-key-{number}"), key);
    }
    on_the_vps(&vps, &markers);
    told.debug(&host);
    told.debug(&world.provider);
    let name = host.info().name.clone();
    told.debug(&host.destroy().await);
    told.failed(world.provider.host(&name).await);
    world.assert_nothing_left().await;

    let seen = sampler.stop();
    for leak in &seen.leaks {
        markers.note(leak);
    }
    assert!(seen.rounds > 100, "only {} looks", seen.rounds);
    assert!(!seen.in_containers.is_empty(), "it would not see any");
    for (what, text) in [
        ("the log", log.text()),
        ("what was told", told.0.into_bytes()),
    ] {
        markers.look_in(what, &text);
        assert!(text.len() > 10_000, "{what} has only {} bytes", text.len());
    }
    let log = log.text();
    assert!(
        String::from_utf8_lossy(&log).contains("vps_docker_core"),
        "nothing of ours is logged"
    );
    on_this_side(&world, (&place, &own, &authority), began, &markers);
    markers.assert_none_was_found();
}

/// All that is secret, and where this side keeps it.
struct Secrets {
    markers: Markers,
    env: String,
    new_env: String,
    command_env: String,
    build_secret: PathBuf,
    registry_password: String,
    upload: PathBuf,
    vps_key: PathBuf,
    container_key: PathBuf,
}

impl Secrets {
    fn make(own: &Path) -> Self {
        let mut markers = Markers::default();
        let mut file_of = |kind: &str| {
            let file = own.join(kind);
            write(&file, format!("{}\n", markers.make(kind))).expect("written");
            file
        };
        let (build_secret, upload) = (file_of("build-secret"), file_of("upload"));
        let mut key = |kind: &str| {
            let file = own.join(kind);
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "marked", "-f"])
                .arg(&file)
                .status();
            assert!(made.expect("a program").success());
            let text = std::fs::read_to_string(&file).expect("made");
            markers.add_key(kind, &text);
            file
        };
        let (vps_key, container_key) = (key("vps-key"), key("container-key"));
        let secrets = Self {
            env: markers.make("env"),
            new_env: markers.make("new-env"),
            command_env: markers.make("command-env"),
            registry_password: markers.make("registry-password"),
            build_secret,
            upload,
            vps_key,
            container_key,
            markers: Markers::default(),
        };
        // As Docker's configuration has it: three positions in a group of four characters.
        let pair = format!("marked:{}", secrets.registry_password);
        markers.add("registry-auth", &BASE64.encode(pair.as_bytes()));
        std::fs::write(own.join("markers"), markers.patterns()).expect("written");
        Self { markers, ..secrets }
    }

    /// It is quoted wherever a shell sees it, and nothing is cut off at its first line.
    fn value(&self) -> String {
        format!("it's \"$(x)\"\n{}\n", self.env)
    }

    fn login(&self) -> RegistryLogin {
        let password = self.registry_password.as_str().into();
        RegistryLogin::new("127.0.0.1:9", "marked", password).expect("fit")
    }
}

fn public_key(private: &Path) -> vps_docker::keys::PublicKey {
    let text = std::fs::read_to_string(private.with_extension("pub"));
    text.expect("made").parse().expect("a key")
}

/// Everything that is said to a user: events, errors with their sources, and what `Debug` shows.
#[derive(Default)]
struct Told(String);

impl Told {
    fn debug(&mut self, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!("{value:?}\n{value:#?}\n"));
    }

    fn failed<T: std::fmt::Debug>(&mut self, result: Result<T, Error>) -> Error {
        let error = result.expect_err("it was to fail");
        self.debug(&error);
        let mut source: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = source {
            self.0.push_str(&format!("{error}\n"));
            source = error.source();
        }
        error
    }
}

async fn created(world: &World, secrets: &Secrets, told: &mut Told) -> (Host, Vps) {
    let spec = || -> HostSpecBuilder {
        HostSpec::builder(unique("secrets"))
            .env("MARKED", secrets.value())
            .registry_login("127.0.0.1:9", "marked", secrets.registry_password.as_str())
    };
    told.debug(&spec());
    let fails = |builder: HostSpecBuilder| builder.build().map(drop);
    told.failed(fails(spec().env("NOT-A-NAME", secrets.env.as_str())));
    told.failed(fails(spec().env("NUL", format!("{}\0", secrets.env))));
    told.failed(fails(spec().registry_login(
        "https://x",
        "y",
        secrets.registry_password.as_str(),
    )));
    let absent = spec()
        .image("no-such-image")
        .image_source(ImageSource::Ship);
    told.failed(world.create(absent).await.map(drop));

    let events = Arc::new(Mutex::new(Told::default()));
    let telling = Arc::clone(&events);
    let spec = spec().build().expect("fit");
    told.debug(&spec);
    let create = world.provider.create_host(spec);
    told.debug(&create);
    let create = create.on_event(move |event| {
        telling.lock().expect("nobody panics").debug(&event);
    });
    let host = create.await.expect("created");
    told.0.push_str(&events.lock().expect("nobody panics").0);
    let door = host.ssh_endpoint();
    assert_eq!(door.identity_file, secrets.container_key);
    let agent = host.info().vps_ssh.identity_agent.as_ref();
    assert!(agent.expect("one").ends_with("agent.sock"));
    told.0
        .push_str(&serde_json::to_string(host.info()).expect("plain data"));
    // Any `ssh` gets in by what is told of the door.
    let words = host.info().vps_ssh.command();
    let plain = Command::new(&words[0])
        .args(&words[1..])
        .arg("true")
        .status();
    assert!(plain.expect("a program").success());
    let vps = Vps::of(&host);
    (host, vps)
}

async fn commands_and_files(host: &Host, secrets: &Secrets, told: &mut Told) {
    let output = host.exec("printenv MARKED").await.expect("reached");
    assert_eq!(output.stdout, format!("{}\n", secrets.value()));
    assert_eq!(host.env_names().await.expect("reached"), ["MARKED"]);

    let command = host
        .command(["sh", "-c", "sleep 0.2; printenv GIVEN"])
        .env("GIVEN", secrets.command_env.as_str());
    told.debug(&command);
    let output = command.clone().output().await.expect("run");
    assert_eq!(output.stdout, format!("{}\n", secrets.command_env));
    let output = command.user("root").output().await.expect("run");
    assert_eq!(output.stdout, format!("{}\n", secrets.command_env));
    let fails = host.command(["no-such-program"]);
    let fails = fails.env("GIVEN", secrets.command_env.as_str());
    told.debug(&fails.output().await);
    let nowhere = host.command(["true"]).current_dir("/nowhere");
    let nowhere = nowhere.env("GIVEN", secrets.command_env.as_str());
    told.failed(nowhere.output().await);

    host.upload(&secrets.upload, "/vps-docker/uploaded")
        .await
        .expect("sent");
    told.failed(host.upload(&secrets.upload, "/proc/uploaded").await);
    let back = secrets.upload.with_extension("back");
    host.download("/vps-docker/uploaded", &back)
        .await
        .expect("fetched");
}

async fn images(host: &Host, vps: &Vps, secrets: &Secrets, told: &mut Told) {
    let context = tempfile::tempdir().expect("a directory");
    let secret = format!("--secret=id=token,src={}", secrets.build_secret.display());
    let path = context.path().display().to_string();
    let args = BuildArgs::parse([secret, path]).expect("fit");
    let build = args.build.expect("a context");
    for end in ["true", "false"] {
        // It prints what it should not.
        let dockerfile = format!(
            "FROM debian:bookworm-slim\nRUN --mount=type=secret,id=token cat /run/secrets/token\nRUN {end}\n"
        );
        write(context.path().join("Dockerfile"), dockerfile).expect("written");
        let lines = Mutex::new(String::new());
        let built = host.build_image(&build, |line| {
            lines.lock().expect("nobody panics").push_str(&line);
        });
        let built = built.await;
        if end == "true" {
            told.debug(&built.expect("built"));
        } else {
            told.failed(built);
        }
        let lines = lines.into_inner().expect("nobody panics");
        assert!(
            lines.contains("***") || end == "false",
            "it was not printed: {lines}"
        );
        told.0.push_str(&lines);
    }
    let docker = host.docker().await.expect("connected");
    let docker = docker.registry_logins([secrets.login()]);
    told.debug(&docker);
    let image = ImageReference::new("127.0.0.1:9/marked/image:1").expect("legal");
    told.failed(docker.pull(&image).await);
    let left = vps.inside("ls -d /run/vps-docker/secrets-* 2>/dev/null || true");
    for left in left.lines() {
        secrets.markers.note(&format!("{left} is left on the VPS"));
    }
}

async fn changes(world: &World, host: &mut Host, secrets: &Secrets, told: &mut Told) {
    let snapshot = SnapshotName::new("marked").expect("legal");
    let snapshot = host.snapshot(&snapshot).await.expect("taken");
    told.debug(&snapshot);
    host.restore(&snapshot.id).await.expect("restored");
    let output = host.exec("printenv MARKED").await.expect("reached");
    assert_eq!(
        output.stdout,
        format!("{}\n", secrets.value()),
        "after a restore"
    );

    let new = [("OTHER", secrets.new_env.as_str().into())];
    let new = Environment::new(new).expect("fit");
    told.debug(&new);
    host.set_env(&new).await.expect("set");
    let changed = host.change_env(&new, &["MARKED"]).await;
    changed.expect("changed");
    let command = "printenv MARKED OTHER";
    let output = host.exec(command).await.expect("reached").stdout;
    assert!(
        !output.contains(&secrets.new_env),
        "what runs is left alone"
    );
    host.restart().await.expect("restarted");
    let output = host.exec(command).await.expect("reached").stdout;
    assert_eq!(output, format!("{}\n", secrets.new_env));
    // Made anew from the record.
    let docker = host.docker().await.expect("connected");
    docker
        .run(["rm", "--force", "vps-docker"])
        .await
        .expect("removed");
    host.start().await.expect("started");
    let output = host.exec(command).await.expect("reached").stdout;
    assert_eq!(output, format!("{}\n", secrets.new_env), "made anew");
    host.power(PowerAction::Reboot).await.expect("rebooted");
    let output = host.exec(command).await.expect("reached").stdout;
    assert_eq!(output, format!("{}\n", secrets.new_env), "after a reboot");
    another_container(host, secrets, told).await;

    host.rotate_host_keys().await.expect("changed");
    host.rename(&name(&unique("renamed")))
        .await
        .expect("renamed");
    let listed = world.provider.hosts().await.expect("listed").all().await;
    let id = &host.info().id;
    assert!(listed.iter().any(|host| host.id.as_ref() == Some(id)));
    assert_eq!(host.info().state, HostState::Running);
    told.debug(&listed);
    let garbage = world.provider.gc().await.expect("looked for");
    told.debug(&garbage);
}

/// Opened, its certificates changed, and closed: no key of it is anywhere then but the authority's. The keys.
async fn endpoint(host: &mut Host, vps: &Vps, told: &mut Told) -> Vec<String> {
    let mut keys = Vec::new();
    let mut keep = |endpoint: &TlsEndpoint| {
        told.debug(endpoint);
        let directory = endpoint.certificate_dir.as_ref().expect("it has one");
        keys.push(read(&directory.join("key.pem")));
        keys.push(vps.inside("cat /etc/vps-docker/endpoint/server.pem"));
    };
    let options = TlsEndpointOptions::default().open_to_world(true);
    keep(&host.open_tls_endpoint(&options).await.expect("opened"));
    let validity = TlsEndpointOptions::CLIENT_VALIDITY;
    keep(&host.renew_tls_endpoint(validity).await.expect("renewed"));
    told.debug(&host.revoke_tls_clients(&TlsClients::All).await);
    host.close_tls_endpoint().await.expect("closed");
    keys
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).expect("it is there")
}

/// First in vain: the environment of the one before is kept aside meanwhile.
async fn another_container(host: &mut Host, secrets: &Secrets, told: &mut Told) {
    let container = host.container_spec().expect("read").clone();
    let spec = HostSpec::builder(host.info().name.as_str())
        .image(container.image.as_str())
        .image_source(container.image_source)
        .command(container.command)
        .env("REPLACED", secrets.new_env.as_str());
    let spec = spec.build().expect("fit");
    let well = |program: &str| {
        let check = HealthCheck::command([program]);
        check.deadline(Duration::from_secs(1))
    };
    told.debug(&host.changes(&spec).await.expect("compared"));
    told.failed(host.replace(spec.clone()).health(well("false")).await);
    let replace = host.replace(spec).health(well("true"));
    told.debug(&replace);
    told.debug(&replace.await.expect("replaced"));
    let output = host.exec("printenv REPLACED").await.expect("reached");
    assert_eq!(output.stdout, format!("{}\n", secrets.new_env), "replaced");
}

/// Every file of the VPS, every layer of every image, every journal.
fn on_the_vps(vps: &Vps, markers: &Markers) {
    /// Where they are to be.
    const OWN: [&str; 4] = [
        "/etc/vps-docker/container-env/environment",
        "/etc/ssh/ssh_host_ed25519_key",
        "/etc/vps-docker/container-ssh/ssh_host_ed25519_key",
        "/var/lib/docker/volumes/vps-docker-data/_data/uploaded",
    ];
    let recorded = vps.inside(&format!("cat {LOG_THERE}/*"));
    for proof in [
        "write-env",
        "docker\ncreate\n",
        "docker\nbuild\n",
        "docker\npull\n",
        "SSH_CONNECTION=",
    ] {
        assert!(recorded.contains(proof), "{proof:?} was not recorded");
    }
    markers.look_in("what was recorded on the VPS", recorded.as_bytes());
    let described = vps.inside(
        "docker inspect $(docker ps --all --quiet) $(docker images --all --quiet)
         for image in $(docker images --all --quiet); do docker history --no-trunc $image; done
         journalctl --no-pager --output=export; cat /root/.*history 2>/dev/null || true",
    );
    assert!(described.contains("_SYSTEMD_UNIT="), "there is no journal");
    markers.look_in("what Docker and the journal say", described.as_bytes());
    let search = "grep --recursive --files-with-matches --text --no-messages --fixed-strings \
                  --devices=skip --exclude-dir=proc --exclude-dir=sys --file=- / || [ $? -le 2 ]";
    let found = vps.inside_with(search, &markers.patterns());
    let found: Vec<&str> = found.lines().collect();
    for own in &OWN[..3] {
        assert!(
            found.contains(own),
            "the search would not find any: {found:?}"
        );
    }
    for file in found.iter().filter(|file| !OWN.contains(file)) {
        markers.note(&format!("a secret in {file} of the VPS"));
    }
}

fn on_this_side(
    world: &World,
    (place, own, authority): (&Path, &Path, &Path),
    since: SystemTime,
    markers: &Markers,
) {
    let recorded = place.join("bin/log");
    let commands: Vec<u8> = std::fs::read_dir(&recorded)
        .expect("there")
        .flat_map(|file| std::fs::read(file.expect("readable").path()).expect("readable"))
        .collect();
    let text = String::from_utf8_lossy(&commands);
    for proof in ["StrictHostKeyChecking=yes", "IdentityAgent=", "PATH="] {
        assert!(text.contains(proof), "{proof:?} was not recorded");
    }
    markers.look_below(place, since, &[own]);
    // No other private key is in it, for they are the user's own.
    markers.look_below(world.data.path(), since, &[authority]);
    for directory in ["/tmp", "/var/tmp"] {
        markers.look_below(Path::new(directory), since, &[own, authority]);
    }
}

/// A real ssh-agent with one key, which ends with the value.
struct Agent {
    process: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(directory: &Path, key: &Path) -> Self {
        let socket = directory.join("agent.sock");
        let process = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .expect("a program");
        let agent = Self { process, socket };
        while std::os::unix::net::UnixStream::connect(&agent.socket).is_err() {
            std::thread::yield_now();
        }
        let add = Command::new("ssh-add")
            .arg("-q")
            .arg(key)
            .env("SSH_AUTH_SOCK", &agent.socket)
            .status();
        assert!(add.expect("a program").success());
        // With the agent alone it goes on.
        std::fs::rename(key, key.with_extension("away")).expect("moved");
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
