//! `infra/terraform` by the real Terraform, on real hosts.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Guard, User};
use crate::terraform::Configuration;

const SECRET: &str = "marked-secret-of-terraform";

/// What a plan with `-detailed-exitcode` ends with.
const NOTHING_TO_DO: i32 = 0;

#[test]
fn a_host_is_made_changed_and_removed() {
    let user = User::new();
    let _guard = Guard(&user, vec!["tf-web".into()]);
    let stack = Configuration::of_stack(&user, "local", "terraform").with("API_TOKEN", SECRET);
    stack.does(&["init"]);
    stack.does(&["validate"]);
    let mut said = String::new();
    let variables = r#"-var=name=tf-web -var=env=["API_TOKEN"]"#;
    let words = |words: &str| -> Vec<String> {
        let words = format!("{words} {variables}");
        words.split(' ').map(str::to_owned).collect()
    };
    let does = |line: &str| {
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        stack.does(&words)
    };

    // A plan makes nothing.
    said += &does("plan -var=ttl=4h -out=first.tfplan");
    said += &stack.does(&["show", "-json", "first.tfplan"]);
    assert_eq!(hosts(&user, "tf-web"), 0);
    said += &stack.does(&["apply", "first.tfplan"]);
    let made = user.document(&["inspect", "tf-web"]);
    assert_eq!(stack.output("address"), made["address"]);
    assert_eq!(stack.output("ssh"), made["container_ssh"]);
    let env = user.says(&["exec", "tf-web", "--", "printenv", "API_TOKEN"]);
    assert_eq!(env.out.trim_end(), SECRET);
    docker_is_where_the_output_says(&stack);
    what_is_exported_is_what_terraform_reads(&user, &stack.output("node"));

    // Nothing to do, also where the file that the facts were read from is gone.
    fs::remove_dir_all(stack.directory().join(".terraform/vps-docker")).expect("it was there");
    let again = words("plan -detailed-exitcode -var=ttl=4h");
    let again: Vec<&str> = again.iter().map(String::as_str).collect();
    assert_eq!(stack.says(&again).code, NOTHING_TO_DO);

    // The time to live is changed in place.
    said += &does("apply -auto-approve -var=ttl=8h");
    let extended = user.document(&["inspect", "tf-web"]);
    assert_eq!(extended["id"], made["id"]);
    assert!(extended["expires_at"].as_str() > made["expires_at"].as_str());

    // The arguments of `docker run` are not.
    said += &does("apply -auto-approve -var=ttl=8h -var=start_args=[\"--publish=8000:8000\"]");
    let other = user.document(&["inspect", "tf-web"]);
    assert_ne!(other["id"], made["id"]);
    assert_eq!(stack.output("address"), other["address"]);
    assert_eq!(hosts(&user, "tf-web"), 1);

    said += &does("destroy -auto-approve");
    nothing_is_left(&user, "tf-web");
    assert!(said.contains("Apply complete") && !said.contains(SECRET));
    no_file_has_the_secret(user.home());
}

/// As Terraform's Docker provider goes there: `ssh` with these options, and the docker CLI of the VPS.
fn docker_is_where_the_output_says(stack: &Configuration<'_>) {
    let node = stack.output("node");
    let address = node["host_address"].as_str().expect("text");
    assert_eq!(node["docker_host"], format!("ssh://root@{address}:22"));
    assert_eq!(stack.output("docker_host"), node["docker_host"]);
    let options = node["docker_ssh_opts"].as_array().expect("a list");
    let output = Command::new("ssh")
        .args(options.iter().map(|word| word.as_str().expect("text")))
        .args(["-l", "root", "-p", "22", "--", address])
        .arg("docker ps --format '{{.Names}}' && docker system dial-stdio")
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "vps-docker\n");
}

fn what_is_exported_is_what_terraform_reads(user: &User, node: &Value) {
    let document = user.document(&["export", "tfvars", "tf-web"]);
    assert_eq!(document, *node);
    let all = user.document(&["export", "tfvars", "--all", "-p", "local"]);
    assert_eq!(all, json!({"nodes": {"tf-web": document}}));
    let names = document.as_object().expect("an object").keys();
    let mut text: String = names
        .map(|name| {
            format!("variable \"{name}\" {{}}\noutput \"{name}\" {{\n  value = var.{name}\n}}\n")
        })
        .collect();
    text += "variable \"nodes\" {}\noutput \"nodes\" {\n  value = var.nodes\n}\n";
    let reader = Configuration::of_text(user, "reader", &text);
    for (file, words) in [
        ("one.auto.tfvars", &["export", "tfvars", "tf-web"][..]),
        (
            "all.auto.tfvars",
            &["export", "tfvars", "--all", "-p", "local"],
        ),
    ] {
        fs::write(reader.directory().join(file), user.says(words).out).expect("written");
    }
    reader.does(&["init"]);
    reader.does(&["apply", "-auto-approve"]);
    for (name, value) in document
        .as_object()
        .into_iter()
        .chain(all.as_object())
        .flatten()
    {
        // Terraform has no output that is null.
        if !value.is_null() {
            assert_eq!(reader.output(name), *value, "{name}");
        }
    }
}

#[test]
fn an_apply_that_is_killed_leaves_nothing_after_the_next() {
    let user = User::new();
    let _guard = Guard(&user, vec!["tf-killed".into()]);
    let name = "-var=name=tf-killed";
    let stack = Configuration::of_stack(&user, "local", "terraform");
    stack.does(&["init"]);

    // In the middle, and a destroy comes next: before there is a VPS, while it boots.
    for line in ["  plan       done", "  order      done"] {
        killed_at(&stack, name, line);
        stack.does(&["destroy", "-auto-approve", name]);
        nothing_is_left(&user, "tf-killed");
    }
    // In the middle, and an apply comes next, which is killed as well: at the end of the create, when the host is ready and
    // Terraform does not know.
    killed_at(&stack, name, "  boot       done");
    killed_at(&stack, name, "  record     done");
    assert_eq!(hosts(&user, "tf-killed"), 1);
    let ready = user.document(&["inspect", "tf-killed"]);
    let said = stack.does(&["apply", "-auto-approve", name]);
    assert!(said.contains("it is taken up"), "{said}");
    assert_eq!(user.document(&["inspect", "tf-killed"])["id"], ready["id"]);
    assert_eq!(hosts(&user, "tf-killed"), 1);
    assert_eq!(
        user.document(&["gc", "--dry-run", "-p", "local"]),
        json!([])
    );
    assert_eq!(stack.output("address"), ready["address"]);

    // To another configuration it is nobody's to take, and nobody's to destroy.
    let other = Configuration::of_stack(&user, "local", "other");
    other.does(&["init"]);
    let said = other.says(&["apply", "-auto-approve", name]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("a host of that name exists"), "{said:?}");
    let said = other.does(&["destroy", "-auto-approve", name]);
    assert!(said.contains("stays as it is"), "{said}");
    assert_eq!(user.document(&["inspect", "tf-killed"])["id"], ready["id"]);

    stack.does(&["destroy", "-auto-approve", name]);
    nothing_is_left(&user, "tf-killed");
}

/// Begins an apply, and kills Terraform and whatever it has started when `line` is said.
fn killed_at(stack: &Configuration<'_>, variable: &str, line: &str) {
    let mut child = stack
        .command(&["apply", "-auto-approve", variable])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let said = lines.find(|said| said.as_ref().is_ok_and(|said| said.contains(line)));
    assert!(said.is_some(), "it ended without {line:?}");
    let mut processes = vec![child.id()];
    descendants(child.id(), &mut processes);
    assert!(processes.len() > 2, "a shell and the program are at work");
    let ids = processes.iter().map(u32::to_string);
    Command::new("kill")
        .arg("-KILL")
        .args(ids)
        .stderr(Stdio::null())
        .status()
        .expect("it starts");
    let status = child.wait().expect("it is ours");
    assert_eq!(status.code(), None, "it was killed");
}

fn descendants(of: u32, found: &mut Vec<u32>) {
    let tasks = fs::read_dir(format!("/proc/{of}/task"));
    for task in tasks.into_iter().flatten().flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|id| id.parse().ok()) {
            found.push(child);
            descendants(child, found);
        }
    }
}

/// How many hosts of that name this user has.
fn hosts(user: &User, name: &str) -> usize {
    let listed = user.document(&["ls", "-p", "local"]);
    let owner = owner(user);
    let ours = |host: &&Value| host["name"] == name && host["owner"] == owner;
    listed
        .as_array()
        .expect("a list")
        .iter()
        .filter(ours)
        .count()
}

fn owner(user: &User) -> Value {
    let profile = fs::read_to_string(user.data_dir().join("profile.json")).expect("readable");
    let profile: Value = serde_json::from_str(&profile).expect("JSON");
    profile["owner"].clone()
}

fn nothing_is_left(user: &User, name: &str) {
    assert_eq!(hosts(user, name), 0);
    assert_eq!(
        user.document(&["gc", "--dry-run", "-p", "local"]),
        json!([])
    );
    assert!(!user.data_dir().join("hosts/local").join(name).exists());
}

fn no_file_has_the_secret(directory: &Path) {
    for entry in fs::read_dir(directory).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() && !path.is_symlink() {
            no_file_has_the_secret(&path);
        } else if path.is_file() {
            let bytes = fs::read(&path).expect("readable");
            let has = bytes
                .windows(SECRET.len())
                .any(|part| part == SECRET.as_bytes());
            assert!(!has, "{}", path.display());
        }
    }
}
