//! Every command on one real host, its document held to its schema, and what it did.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Guard, User};

#[test]
fn the_commands_of_a_host_from_create_to_destroy() {
    let user = User::new();
    let _guard = Guard(&user, vec!["cli-web".into(), "cli-shop".into()]);
    let created = user.document(&[
        "create",
        "cli-web",
        "--label",
        "team=red",
        "--env",
        "COLOUR=deep red",
        "--idle-timeout",
        "2h",
    ]);
    assert_eq!(
        (&created["name"], &created["state"]),
        (&json!("cli-web"), &json!("running"))
    );
    assert!(!created["phases"].as_array().expect("a list").is_empty());

    let inspected = user.document(&["inspect", "cli-web"]);
    assert_eq!(inspected["id"], created["id"]);
    assert_eq!(inspected["labels"], json!({"team": "red"}));
    assert_eq!(inspected["idle_policy"]["idle_timeout"], 7200);
    let listed = user.document(&["ls", "-p", "local"]);
    assert_eq!(state(&listed, "cli-web"), "running");
    assert!(
        user.says(&["ls", "-q", "-p", "local"])
            .out
            .lines()
            .any(|line| line == "cli-web")
    );

    ways_in(&user);
    files_and_agents(&user);
    docker(&user);
    build_and_compose(&user);
    endpoint(&user);

    // A snapshot, a change, and back.
    user.says(&[
        "exec",
        "cli-web",
        "--",
        "sh",
        "-c",
        "echo before > /vps-docker/file",
    ]);
    let snapshot = user.document(&["snapshot", "create", "cli-web", "first"]);
    user.says(&[
        "exec",
        "cli-web",
        "--",
        "sh",
        "-c",
        "echo after > /vps-docker/file",
    ]);
    assert_eq!(
        user.document(&["snapshot", "ls", "cli-web"])[0]["id"],
        snapshot["id"]
    );
    user.document(&["snapshot", "restore", "cli-web", "first", "--yes"]);
    let said = user.says(&["exec", "cli-web", "--", "cat", "/vps-docker/file"]);
    assert_eq!(said.out, "before\n", "{said:?}");
    user.document(&["snapshot", "rm", "cli-web", "first", "--yes"]);
    assert_eq!(user.document(&["snapshot", "ls", "cli-web"]), json!([]));
    assert_eq!(
        user.fails(&["snapshot", "restore", "cli-web", "first", "--yes"])
            .0,
        3
    );

    assert_eq!(user.document(&["stop", "cli-web"])["state"], "stopped");
    assert!(user.document(&["why", "cli-web"])["stopped"]["at"].is_string());
    assert_eq!(user.document(&["start", "cli-web"])["state"], "running");
    assert_eq!(user.document(&["restart", "cli-web"])["state"], "running");
    user.document(&["why", "cli-web"]);
    user.document(&["rotate-keys", "cli-web"]);
    assert_eq!(
        user.document(&["rename", "cli-web", "cli-shop"])["name"],
        "cli-shop"
    );
    assert_eq!(
        user.document(&["power", "cli-shop", "reboot"])["state"],
        "running"
    );
    assert_eq!(
        user.fails(&["inspect", "cli-web"]).0,
        3,
        "nothing has the old name"
    );
    another_key_is_refused(&user);

    let destroyed = user.document(&["destroy", "cli-shop", "--yes"]);
    assert_eq!(
        destroyed,
        json!([{"name": "cli-shop", "destroyed": true, "paid_until": null}])
    );
    let again = user.document(&["destroy", "cli-shop", "--yes", "--missing-ok"]);
    assert_eq!(again[0]["destroyed"], false);
}

fn ways_in(user: &User) {
    let said = user.says(&[
        "exec",
        "cli-web",
        "--",
        "sh",
        "-c",
        "echo out; echo err >&2; exit 7",
    ]);
    assert_eq!((said.code, said.out.as_str()), (7, "out\n"), "{said:?}");
    assert!(said.err.contains("err"), "{said:?}");
    let secret = User::says(
        user,
        &[
            "exec",
            "cli-web",
            "-e",
            "A=b c",
            "--dir",
            "/srv",
            "--",
            "sh",
            "-c",
            "echo $A; pwd",
        ],
    );
    assert_eq!(secret.out, "b c\n/srv\n", "{secret:?}");
    let said = user.says(&["exec", "cli-web", "--", "printenv", "COLOUR"]);
    assert_eq!(said.out, "deep red\n", "{said:?}");
    // More than pipes and windows hold, both ways.
    let mut child = user
        .command(&["exec", "cli-web", "--interactive", "--", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let input = b"0123456789abcdef".repeat(100_000);
    let mut stdin = child.stdin.take().expect("piped");
    let sent = input.clone();
    let feed = std::thread::spawn(move || stdin.write_all(&sent).expect("taken"));
    let output = child.wait_with_output().expect("it ends");
    feed.join().expect("fed");
    assert!(
        output.stdout == input,
        "{} of {} bytes came back",
        output.stdout.len(),
        input.len()
    );

    assert_eq!(
        user.says(&["ssh", "cli-web", "--", "echo", "a b", "$HOME"])
            .out,
        "a b $HOME\n"
    );
    let vps = user.says(&[
        "ssh",
        "cli-web",
        "--vps",
        "--",
        "systemctl",
        "is-active",
        "docker",
    ]);
    assert_eq!(vps.out, "active\n", "{vps:?}");
    assert!(user.says(&["logs", "cli-web", "--tail", "5"]).code == 0);

    let text = user.document(&["ssh-config", "cli-web", "--alias", "mine"]);
    let file = user.home().join("ssh_config");
    fs::write(&file, text["ssh_config"].as_str().expect("text")).expect("written");
    let mut ssh = std::process::Command::new("ssh");
    let output = ssh
        .arg("-F")
        .arg(&file)
        .args(["mine", "hostname"])
        .output()
        .expect("it starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "cli-web\n");
    let pins = user.document(&["known-hosts", "cli-web"]);
    assert!(
        pins["vps"]
            .as_str()
            .expect("text")
            .contains(" ssh-ed25519 ")
    );
}

fn files_and_agents(user: &User) {
    let local = user.home().join("site");
    fs::create_dir(&local).expect("made");
    fs::write(local.join("index.html"), "hello").expect("written");
    let site = local.display().to_string();
    assert_eq!(
        user.document(&["cp", &site, "cli-web:/vps-docker/site"])["entries"],
        1
    );
    user.document(&["cp", "cli-web:/vps-docker/site/index.html", "."]);
    assert_eq!(
        fs::read_to_string(user.home().join("index.html")).expect("copied"),
        "hello"
    );

    user.document(&["agents", "put", "cli-web", "deployer", "{\"version\": 7}"]);
    let put = user.document(&["agents", "put", "cli-web", "deployer", "{\"version\": 8}"]);
    assert_eq!(put["generation"], 2);
    assert_eq!(
        user.document(&["agents", "ls", "cli-web"])[0]["data"]["version"],
        8
    );
    user.document(&["agents", "rm", "cli-web", "deployer"]);
    assert_eq!(user.document(&["agents", "ls", "cli-web"]), json!([]));
    assert_eq!(
        user.fails(&["agents", "put", "cli-web", "deployer", "no json"])
            .0,
        2
    );
}

fn docker(user: &User) {
    let said = user.says(&["docker", "cli-web", "--", "ps", "--format", "{{.Names}}"]);
    assert_eq!(said.out, "vps-docker\n", "{said:?}");
    assert_eq!(
        user.says(&["docker", "cli-web", "--", "inspect", "nothing"])
            .code,
        1
    );

    let socket = user.home().join("docker.sock");
    let path = socket.display().to_string();
    let mut held = user
        .command(&["docker-endpoint", "cli-web", "--socket", &path, "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut documents = serde_json::Deserializer::from_reader(held.stdout.take().expect("piped"))
        .into_iter::<Value>();
    let endpoint = documents.next().expect("one").expect("JSON");
    assert_eq!(endpoint["docker_host"], format!("unix://{path}"));
    is_a_context_as_pasted(user, &endpoint["context_create"]);
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&held),
        rustix::process::Signal::INT,
    )
    .expect("sent");
    assert!(held.wait().expect("it ends").success());
    assert!(!socket.exists(), "nothing is left behind");
}

/// The docker CLI of this machine at work on the VPS: what it sends from here, and containers that know each other.
fn build_and_compose(user: &User) {
    let docker = |words: &[&str]| {
        let said = user.says(&[&["docker", "cli-web", "--"], words].concat());
        assert_eq!(said.code, 0, "{words:?}: {said:?}");
        said.out
    };
    let image = docker(&["inspect", "-f", "{{.Config.Image}}", "vps-docker"]);
    let context = user.home().join("image");
    fs::create_dir(&context).expect("made");
    fs::write(context.join("greeting"), "hello\n").expect("written");
    let dockerfile = format!("FROM {image}COPY greeting /greeting\nRUN rev /greeting >/gniteerg\n");
    fs::write(context.join("Dockerfile"), dockerfile).expect("written");
    docker(&["build", "-t", "cli-built", &context.display().to_string()]);
    let cat = ["run", "--rm", "--entrypoint=cat", "cli-built", "/gniteerg"];
    assert_eq!(docker(&cat), "olleh\n");

    docker(&["network", "create", "cli-shop"]);
    let shop = [
        "--network=cli-shop",
        "--volume=cli-shop:/shop",
        "--entrypoint=sh",
        "cli-built",
        "-c",
    ];
    let database = "echo 7 >/shop/stock; exec sleep 600";
    docker(&[&["run", "-d", "--name=cli-db"], &shop[..], &[database]].concat());
    let till = "until cat /shop/stock; do sleep 0.1; done 2>/dev/null; getent hosts cli-db | grep -c cli-db";
    let sold = docker(&[&["run", "--rm"], &shop[..], &[till]].concat());
    assert_eq!(sold, "7\n1\n");
    docker(&["rm", "--force", "cli-db"]);
    docker(&["network", "rm", "cli-shop"]);
    docker(&["volume", "rm", "cli-shop"]);
    docker(&["image", "rm", "cli-built"]);
}

/// For tools that speak nothing but TCP with TLS.
fn endpoint(user: &User) {
    let (code, refused) = user.fails(&["endpoint", "open", "cli-web"]);
    let message = refused["error"]["message"].as_str().expect("text");
    assert_eq!(code, 2, "the whole world can reach it: {message}");
    assert_eq!(user.fails(&["endpoint", "env", "cli-web"]).0, 3);
    assert_eq!(
        user.document(&["inspect", "cli-web"])["tls_endpoint"],
        Value::Null
    );

    let opened = user.document(&[
        "endpoint",
        "open",
        "cli-web",
        "--open-to-world",
        "--valid",
        "2h",
    ]);
    let opened = &opened["endpoint"];
    is_a_context_as_pasted(user, &opened["context_create"]);
    let inspected = user.document(&["inspect", "cli-web"]);
    assert_eq!(inspected["tls_endpoint"], *opened);
    let program = env!("CARGO_BIN_EXE_vps-docker");
    let evaluate = format!(
        "eval \"$({program} endpoint env cli-web)\" && docker ps --format '{{{{.Names}}}}'"
    );
    assert_eq!(in_a_shell(user, &evaluate), "vps-docker\n");

    let renewed = user.document(&["endpoint", "renew", "cli-web"]);
    assert_ne!(renewed["endpoint"]["serial"], opened["serial"]);
    let first = opened["serial"].as_str().expect("text");
    user.document(&["endpoint", "revoke", "cli-web", first]);
    let shown = user.document(&["endpoint", "show", "cli-web"]);
    let clients = shown["endpoint"]["clients"]
        .as_array()
        .expect("a list")
        .clone();
    let revoked = clients
        .iter()
        .map(|client| client["revoked_at"].is_string());
    assert_eq!(revoked.collect::<Vec<_>>(), [true, false]);
    let text = user.says(&["endpoint", "show", "cli-web"]);
    assert!(
        text.out.contains("revoked") && text.out.contains("good, and here"),
        "{text:?}"
    );
    assert_eq!(in_a_shell(user, &evaluate), "vps-docker\n");
    user.document(&["endpoint", "revoke", "cli-web", "--all"]);
    assert_eq!(
        user.fails(&["endpoint", "env", "cli-web"]).0,
        3,
        "nothing here is good"
    );
    let closed = user.document(&["endpoint", "close", "cli-web"]);
    assert_eq!(closed, json!({"name": "cli-web", "endpoint": null}));
}

/// The command makes a context by which docker gets in.
fn is_a_context_as_pasted(user: &User, command: &Value) {
    let command = command.as_str().expect("text");
    let said = in_a_shell(
        user,
        &format!(
            "{command} >/dev/null && docker --context cli-web ps --format '{{{{.Names}}}}' && docker context rm cli-web"
        ),
    );
    assert_eq!(said, "vps-docker\ncli-web\n");
}

fn in_a_shell(user: &User, script: &str) -> String {
    let mut shell = std::process::Command::new("sh");
    shell
        .env_clear()
        .envs(user.environment())
        .args(["-ec", script]);
    let output = shell.output().expect("it starts");
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The one promise that has an exit code of its own.
fn another_key_is_refused(user: &User) {
    let file = user.data_dir().join("hosts/local/cli-shop/host.json");
    let right = fs::read_to_string(&file).expect("known");
    let mut known: Value = serde_json::from_str(&right).expect("JSON");
    let other = user.data_dir().join("keys/vps_ed25519.pub");
    let other = fs::read_to_string(other).expect("a key");
    let words: Vec<&str> = other.split_whitespace().take(2).collect();
    known["vps_host_key"] = json!(words.join(" "));
    fs::write(&file, known.to_string()).expect("written");
    let (code, document) = user.fails(&["inspect", "cli-shop"]);
    assert_eq!(
        (code, document["error"]["kind"].as_str()),
        (8, Some("host_key_mismatch"))
    );
    let message = document["error"]["message"].as_str().expect("text");
    assert_eq!(message.matches("SHA256:").count(), 2, "{message}");
    fs::write(&file, right).expect("written");
    user.document(&["inspect", "cli-shop"]);
}

fn state(listed: &Value, name: &str) -> String {
    let mut hosts = listed.as_array().expect("a list").iter();
    let host = hosts
        .find(|host| host["name"] == name)
        .expect("it is listed");
    host["state"].as_str().expect("a word").to_owned()
}
