use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::hook::HookCall;
use super::{Application, Manifest, SecretSource};
use crate::error::{ErrorKind, Result};
use crate::model::{ContainerCommand, HealthProbe, IdlePolicy};

fn manifest(document: Value, environment: Option<&str>) -> Result<Manifest> {
    Manifest::read([document], Path::new("/project"), environment)
}

fn application(document: Value) -> Result<Application> {
    manifest(document, None)?.application(None, [])
}

#[test]
fn the_least_is_a_name_and_an_image() {
    let application = application(json!({"name": "shop", "image": "nginx"})).expect("legal");
    let spec = application.spec;
    assert_eq!(spec.name.as_str(), "shop");
    assert_eq!(spec.command, ContainerCommand::Image);
    assert_eq!(spec.idle_policy, Some(IdlePolicy::disabled()));
    assert_eq!(spec.exposure, None);
    assert_eq!(spec.labels["application"], "shop");
    assert!(application.health.is_none() && application.hook.is_none());
}

#[test]
fn every_key_arrives() {
    let manifest = manifest(
        json!({
            "name": "shop", "provider": "hetzner", "plan": ["cx23", "cx33"], "region": "fsn1", "os": "debian-12",
            "build": {"context": ".", "dockerfile": "web.Dockerfile", "args": {"DEBUG": false}, "target": "web"},
            "command": "./serve", "ports": ["80:8000", 9000], "data": "/data", "volumes": ["cache:/cache"],
            "run_args": ["--ulimit=nofile=100"], "env": {"LOG": "info", "WORKERS": 4}, "env_files": [".env"],
            "secrets": {"A": {"env": "SHOP_A"}, "B": {"file": "b"}, "C": {"command": ["pass", "c"]}},
            "labels": {"team": "web"}, "memory": "512m", "cpus": 1.5, "ttl": "8h", "max_monthly": 10.5,
            "allow_from": ["203.0.113.0/24"],
            "health": {"http": "/healthz", "interval": "2s", "timeout": "3s", "deadline": "90s"},
            "idle": {"mode": "cpu", "percent": 2, "timeout": "2h", "max_lifetime": "3d"},
            "hook": {"command": ["./register"], "token_variable": "TOKEN", "timeout": "5s"},
        }),
        None,
    )
    .expect("legal");
    assert_eq!(manifest.provider(), Some("hetzner"));
    assert_eq!(manifest.data(), Some("/data"));
    assert_eq!(
        manifest.secrets().collect::<Vec<_>>(),
        [
            ("A", SecretSource::Env("SHOP_A".into())),
            ("B", SecretSource::File("/project/b".into())),
            ("C", SecretSource::Command(vec!["pass".into(), "c".into()])),
        ]
    );
    assert_eq!(
        manifest.env_files().collect::<Vec<_>>(),
        [Path::new("/project/.env")]
    );
    let read = [("A", "secret"), ("LOG", "debug")]
        .map(|(name, value)| (name.to_owned(), SecretString::from(value)));
    let application = manifest.application(None, read).expect("legal");
    let spec = &application.spec;
    assert_eq!(spec.plan.as_deref(), Some("cx23,cx33"));
    assert_eq!(spec.region.as_deref(), Some("fsn1"));
    assert_eq!(spec.os.as_deref(), Some("debian-12"));
    let build = spec.build.as_ref().expect("built");
    assert_eq!(
        build.dockerfile.as_deref(),
        Some(Path::new("/project/web.Dockerfile"))
    );
    assert_eq!(build.arguments, ["--build-arg=DEBUG=false", "--target=web"]);
    assert_eq!(
        spec.start_args,
        [
            "--publish=80:8000",
            "--publish=9000:9000",
            "--volume=cache:/cache",
            "--ulimit=nofile=100"
        ]
    );
    let env: Vec<(&str, &str)> = spec
        .env
        .variables()
        .map(|(name, value)| (name, value.expose_secret()))
        .collect();
    assert_eq!(env, [("A", "secret"), ("LOG", "debug"), ("WORKERS", "4")]);
    let exposure = spec.exposure.as_ref().expect("given");
    assert_eq!(exposure.app_ports, [80, 9000]);
    assert_eq!(spec.ttl, Some(Duration::from_secs(8 * 3600)));
    assert_eq!(spec.price_limit.monthly, Some("10.5".parse().expect("one")));
    let check = application.health.as_ref().expect("given");
    assert!(matches!(&check.probe, HealthProbe::Http { port: 80, path } if path == "/healthz"));
    assert_eq!(check.deadline, Duration::from_secs(90));
    let idle = spec.idle_policy.as_ref().expect("given");
    assert_eq!(idle.mode().name(), "cpu");
    assert_eq!(idle.idle_timeout(), Duration::from_secs(7200));
    let hook = application.hook.as_ref().expect("given");
    assert_eq!(hook.call, HookCall::Command(vec!["./register".into()]));
    assert_eq!(hook.token_variable, "TOKEN");
}

#[test]
fn an_environment_is_laid_over_the_file_and_the_command_line_over_both() {
    let file = json!({
        "name": "shop", "build": ".", "plan": "small", "ports": [80], "env": {"A": "1", "B": "1", "C": "1"},
        "environments": {"prod": {"plan": "large", "image": "shop:7", "env": {"B": "2", "C": "2"}}},
    });
    let line = json!({"ports": [81], "env": {"C": "3"}});
    let read = Manifest::read([file, line], Path::new("/project"), Some("prod")).expect("legal");
    let application = read.application(None, []).expect("legal");
    let spec = &application.spec;
    assert_eq!(spec.name.as_str(), "shop-prod");
    assert_eq!(spec.labels["environment"], "prod");
    assert_eq!(spec.plan.as_deref(), Some("large"));
    assert!(spec.build.is_none() && spec.image.is_some());
    assert_eq!(spec.start_args, ["--publish=81:81"]);
    let env: Vec<&str> = spec
        .env
        .variables()
        .map(|(_, value)| value.expose_secret())
        .collect();
    assert_eq!(env, ["1", "2", "3"]);
    let stack = read.application(Some("pr-12"), []).expect("legal");
    assert_eq!(stack.spec.name.as_str(), "pr-12-prod");
    assert_eq!(stack.name, "shop");
}

#[test]
fn what_is_wrong_is_named_with_what_would_be_right() {
    for (change, hint) in [
        (json!({"image": null}), "nothing says what runs"),
        (json!({"build": "."}), "leave one out"),
        (json!({"imagee": "x"}), "unknown field `imagee`"),
        (json!({"name": "Shop!"}), "Shop!"),
        (json!({"ports": ["80:x"]}), "VPS:CONTAINER"),
        (json!({"ports": ["0:80"]}), "VPS:CONTAINER"),
        (json!({"ports": [22]}), "port 22"),
        (json!({"ttl": "soon"}), "ttl"),
        (json!({"ttl": "1s"}), "time to live"),
        (json!({"max_monthly": "ten"}), "max_monthly"),
        (json!({"allow_from": ["here"]}), "here"),
        (json!({"env": {"A-B": "x"}}), "A-B"),
        (json!({"env": {"A": []}}), "no plain value"),
        (json!({"secrets": {"A": {"vault": "x"}}}), "vault"),
        (json!({"health": {}}), "write one of"),
        (json!({"health": {"http": "/", "tcp": 1}}), "write one of"),
        (json!({"health": {"http": "/"}}), "no port"),
        (
            json!({"health": {"tcp": 80, "deadline": "x"}}),
            "health.deadline",
        ),
        (json!({"idle": {"mode": "bored"}}), "bored"),
        (
            json!({"idle": {"mode": "io", "percent": 2}}),
            "for the mode cpu",
        ),
        (json!({"hook": {}}), "write `command"),
        (json!({"hook": {"url": "http://example.com/"}}), "hook.url"),
        (
            json!({"hook": {"command": ["x"], "token_variable": "A B"}}),
            "hook.token_variable",
        ),
        (json!({"environments": []}), "no table of tables"),
    ] {
        let mut document = json!({"name": "shop", "image": "nginx"});
        let whole = document.as_object_mut().expect("a table");
        for (key, value) in change.as_object().expect("a table") {
            match value {
                Value::Null => drop(whole.remove(key)),
                value => drop(whole.insert(key.clone(), value.clone())),
            }
        }
        let checked = application(document).and_then(|application| {
            let ports = application.spec.start_args.clone();
            crate::model::StartArgs::new(ports, 2222).map(drop)
        });
        let error = checked.expect_err(hint);
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(hint), "{change}: {error}");
    }
    let document = json!({"name": "shop", "environments": {"prod": {}}});
    let error = manifest(document, Some("prd")).expect_err("unknown");
    assert!(error.to_string().contains("did you mean prod"), "{error}");
}
