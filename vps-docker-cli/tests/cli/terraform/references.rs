//! What holds for the configurations without their plugins: names lead somewhere, and everything is said what it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ::hcl::{Block, Body};
use serde_json::Value;

use super::{sources, stacks};
use crate::support::User;

/// What the documentation of `kreuzwerker/docker`, versions 3 and 4, names, of what we use or might.
const DOCKER: &[(&str, &[&str])] = &[
    ("docker_image", &["name", "keep_locally"]),
    ("docker_volume", &["name", "driver", "driver_opts"]),
    (
        "docker_container",
        &[
            "name",
            "image",
            "command",
            "entrypoint",
            "env",
            "restart",
            "memory",
            "cpus",
            "user",
            "read_only",
            "tmpfs",
            "security_opts",
            "ports",
            "volumes",
            "labels",
            "healthcheck",
            "network_mode",
        ],
    ),
    ("ports", &["internal", "external", "ip", "protocol"]),
    (
        "volumes",
        &["container_path", "volume_name", "host_path", "read_only"],
    ),
    ("labels", &["label", "value"]),
];

/// All `.tf` files of a directory as one.
struct Directory {
    path: PathBuf,
    text: String,
    body: Body,
}

impl Directory {
    fn read(path: &Path) -> Self {
        let mut text = String::new();
        for entry in fs::read_dir(path).expect("it is there") {
            let file = entry.expect("readable").path();
            if file.extension().is_some_and(|end| end == "tf") {
                text += &fs::read_to_string(&file).expect("readable");
            }
        }
        let body =
            ::hcl::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let path = path.to_owned();
        Self { path, text, body }
    }

    fn blocks(&self, kind: &str) -> BTreeMap<&str, &Block> {
        let blocks = self
            .body
            .blocks()
            .filter(|block| block.identifier() == kind);
        blocks
            .map(|block| {
                (
                    block.labels().last().map_or("", |label| label.as_str()),
                    block,
                )
            })
            .collect()
    }

    /// The names behind every `PREFIX.` in it.
    fn references(&self, prefix: &str) -> BTreeSet<&str> {
        let boundary =
            |before: &str| !before.ends_with(|c: char| c.is_alphanumeric() || "_.-".contains(c));
        let code = self.text.match_indices(prefix);
        code.filter(|(at, _)| boundary(&self.text[..*at]))
            .map(|(at, _)| {
                let rest = &self.text[at + prefix.len()..];
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
                &rest[..end.unwrap_or(rest.len())]
            })
            .collect()
    }
}

fn keys(block: &Block) -> BTreeSet<&str> {
    block
        .body()
        .attributes()
        .map(::hcl::Attribute::key)
        .collect()
}

fn directories() -> Vec<Directory> {
    let root = sources();
    let mut paths = vec![
        root.join("modules/host"),
        root.join("modules/docker_node"),
        root.join("app"),
    ];
    paths.extend(stacks().iter().map(|stack| root.join("stacks").join(stack)));
    paths.iter().map(|path| Directory::read(path)).collect()
}

#[test]
fn every_name_leads_somewhere_and_everything_is_described() {
    for directory in directories() {
        let at = directory.path.display();
        let variables = directory.blocks("variable");
        let declared: BTreeSet<&str> = variables.keys().copied().collect();
        assert_eq!(declared, directory.references("var."), "variables of {at}");
        for (name, block) in &variables {
            let keys = keys(block);
            assert!(
                keys.contains("description") && keys.contains("type"),
                "{at}: {name}"
            );
        }
        for (name, block) in directory.blocks("output") {
            let keys = keys(block);
            assert!(
                keys.contains("description") && keys.contains("value"),
                "{at}: {name}"
            );
        }
        let locals = directory
            .body
            .blocks()
            .filter(|block| block.identifier() == "locals");
        let locals: BTreeSet<&str> = locals.flat_map(keys).collect();
        assert_eq!(locals, directory.references("local."), "locals of {at}");
        for (name, block) in directory.blocks("module") {
            holds_to_its_module(&directory, name, block);
        }
    }
}

/// A call gives what the module takes, and uses what it gives.
fn holds_to_its_module(directory: &Directory, name: &str, call: &Block) {
    let at = directory.path.display();
    let source = call
        .body()
        .attributes()
        .find(|attribute| attribute.key() == "source");
    let source = source.expect("a source").expr().to_string();
    let module = Directory::read(&directory.path.join(source.trim_matches('"')));
    let variables = module.blocks("variable");
    for argument in keys(call).into_iter().filter(|key| *key != "source") {
        assert!(
            variables.contains_key(argument),
            "{at}: {name} takes no {argument}"
        );
    }
    for (variable, block) in &variables {
        let given = keys(call).contains(variable) || keys(block).contains("default");
        assert!(given, "{at}: {name} wants {variable}");
    }
    let outputs = module.blocks("output");
    for output in directory.references(&format!("module.{name}.")) {
        assert!(
            outputs.contains_key(output),
            "{at}: {name} gives no {output}"
        );
    }
}

#[test]
fn the_docker_provider_is_asked_for_what_its_documentation_names() {
    let node = Directory::read(&sources().join("modules/docker_node"));
    let mut seen = BTreeSet::new();
    for block in node
        .body
        .blocks()
        .filter(|block| block.identifier() == "resource")
    {
        let kind = block.labels()[0].as_str();
        seen.insert(kind);
        documented(kind, block);
        for dynamic in block
            .body()
            .blocks()
            .filter(|block| block.identifier() == "dynamic")
        {
            let name = dynamic.labels()[0].as_str();
            assert!(names(kind).contains(&name), "{kind} has no {name}");
            let content = dynamic.body().blocks().next().expect("a content");
            documented(name, content);
        }
    }
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        ["docker_container", "docker_image", "docker_volume"]
    );
    let provider = node.blocks("provider")["docker"];
    let known = BTreeSet::from(["host", "ssh_opts", "cert_path"]);
    assert_eq!(keys(provider), known);
}

fn names(kind: &str) -> &'static [&'static str] {
    let entry = DOCKER.iter().find(|(name, _)| *name == kind);
    entry
        .unwrap_or_else(|| panic!("{kind} is not in the table"))
        .1
}

fn documented(kind: &str, block: &Block) {
    for key in keys(block).into_iter().filter(|key| *key != "for_each") {
        assert!(names(kind).contains(&key), "{kind} has no {key}");
    }
}

#[test]
fn what_the_program_exports_is_what_the_node_takes() {
    let schema: Value = serde_json::from_str(&User::new().says(&["schema"]).out).expect("JSON");
    let exported = schema["$defs"]["docker_node"]["properties"].as_object();
    let exported = exported.expect("an object");
    assert!(exported.len() > 4);
    for directory in ["modules/docker_node", "app"] {
        let directory = Directory::read(&sources().join(directory));
        for name in exported.keys() {
            assert!(
                directory.blocks("variable").contains_key(name.as_str()),
                "{name}"
            );
        }
    }
}
