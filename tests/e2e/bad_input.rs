//! Bad input is refused before anything is ordered, with what would be right.

use std::process::Command;
use std::time::Duration;

use vps_docker::{ErrorKind, HostSpec, ProviderOptions, Registry, Settings};

use crate::support::{Altered, World, unique};

/// Refused by the provider's catalogue, with near matches, and nothing is ordered.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_plans_regions_and_systems_list_near_matches() {
    let world = World::new();
    let builder = || HostSpec::builder(unique("unknown"));
    for (spec, hint) in [
        (builder().plan("smal"), "did you mean small"),
        (builder().region("locale"), "did you mean local"),
        (
            builder().os("debian-12-dockr"),
            "did you mean debian-12-docker",
        ),
        (builder().plan("zzz"), "known are"),
    ] {
        let error = world.create(spec).await.expect_err("unknown");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(hint), "{error}");
        world.assert_nothing_left().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn start_args_that_clash_are_refused() {
    let world = World::new();
    for arg in ["--name=x", "-p2222:22", "--entrypoint=sh", "--rm", "image"] {
        let spec = HostSpec::builder(unique("clash")).start_arg(arg);
        let error = world.create(spec).await.expect_err(arg);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{arg}");
        assert!(error.to_string().contains(arg), "{error}");
        world.assert_nothing_left().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn user_data_over_the_providers_limit_is_never_sent() {
    let world = World::over(Altered::user_data_limit(1000), Settings::default());
    let spec = HostSpec::builder(unique("large"));
    let error = world.create(spec).await.expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("1000"), "{error}");
    world.assert_nothing_left().await;
}

#[test]
fn names_images_and_deadlines_are_checked_first() {
    for bad in ["", "-web", "Web", "web_1", "wеb", &"x".repeat(64)] {
        let error = HostSpec::builder(bad).build().expect_err(bad);
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    for bad in ["", "-it", "a\u{7}b", "a b"] {
        let error = HostSpec::builder("web").image(bad).build().expect_err(bad);
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    let zero = Settings::builder().ssh_connect_timeout(Duration::ZERO);
    zero.build().expect_err("a deadline of zero");
    let error = Registry::linked()
        .expect("no two providers of a name")
        .client("lokal", &ProviderOptions::new())
        .expect_err("unknown");
    assert!(error.to_string().contains("did you mean local"), "{error}");
}

/// The program's exit code tells wrong usage from failure.
#[test]
fn the_example_ends_with_exit_code_2() {
    let test = std::env::current_exe().expect("a path");
    let profile = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    let data = tempfile::tempdir().expect("a directory");
    for args in [
        ["--name", "-web"],
        ["--name", "Web"],
        ["--provider", "lokal"],
        ["--plan", "smal"],
        ["--image", "a b"],
    ] {
        let output = Command::new(profile.join("examples/create_host"))
            .args(args.map(|arg| arg.replace("-web", "=-web")))
            .arg("--data-dir")
            .arg(data.path().join("data"))
            .output()
            .expect("the example is built with the tests");
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
        assert!(output.stdout.is_empty());
    }
}
