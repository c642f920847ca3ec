use super::*;

#[test]
fn defaults_apply_and_the_last_of_a_repeated_flag_wins() {
    let builder = || HostSpec::builder("web").region("asked");
    let none = builder().build().expect("legal");
    assert_eq!((none.region.as_deref(), none.plan), (Some("asked"), None));
    assert_eq!(none.build, None);
    let args = ["--vps-region=a", "--vps-plan=p", "--vps-region", "b"];
    let spec = builder().build_args(args).build().expect("legal");
    assert_eq!(spec.region.as_deref(), Some("b"));
    assert_eq!(spec.plan.as_deref(), Some("p"));
    assert_eq!((spec.os, spec.build), (None, None));
}

#[test]
fn what_comes_with_a_snapshot_is_not_asked_for_besides() {
    let id = HostSnapshotId::random();
    let builder = || HostSpec::builder("web").from_snapshot("old", id.as_str());
    let spec = builder().start_arg("--memory=1g").build().expect("legal");
    let host = HostName::new("old").expect("legal");
    assert_eq!(
        spec.origin,
        HostOrigin::Snapshot {
            host,
            id: id.clone()
        }
    );
    let disk = || HostSpec::builder("web").instance_snapshot(SnapshotId::new("17"));
    disk().image("debian").build().expect("legal");
    for bad in [
        builder().image("debian"),
        builder().build_args(["."]),
        builder().command(ContainerCommand::Image),
        HostSpec::builder("web").from_snapshot("No such name", id.as_str()),
        HostSpec::builder("web").from_snapshot("old", "no id"),
        disk().os("debian-12"),
    ] {
        let error = bad.build().expect_err("not both");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}

#[test]
fn who_may_reach_a_host_is_checked_at_once() {
    let spec = |builder: HostSpecBuilder| builder.build().map(|spec| spec.exposure);
    let builder = || HostSpec::builder("web");
    assert_eq!(spec(builder()).expect("legal"), None, "open to the world");
    let some = builder().allow_from("203.0.113.0/24").app_port(8000);
    let exposure = spec(some).expect("legal").expect("asked for");
    assert_eq!(
        (exposure.sources.len(), exposure.app_ports),
        (1, vec![8000])
    );
    for bad in [
        builder().allow_from("203.0.113.1/24"),
        builder().allow_from("everybody"),
        builder().app_port(8000),
        builder().allow_from("::/0").app_port(0),
    ] {
        let error = spec(bad).expect_err("unfit");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}

#[test]
fn start_args_win_over_defaults_and_contradict_nothing() {
    let container = |builder: HostSpecBuilder| {
        let default = ImageReference::new("debian").expect("legal");
        builder
            .build()
            .and_then(|spec| spec.container(&default, 2222))
    };
    let builder = || HostSpec::builder("web");
    let both = builder().start_arg("--memory=4g").cpus("1.5");
    let both = container(both).expect("about two things");
    assert_eq!(both.resources.memory, crate::model::MemoryLimit::Vps);
    for bad in [
        builder().start_arg("--memory=4g").memory("2g"),
        builder().start_arg("-m4g").memory("2g"),
        builder().start_arg("--cpus=1").cpus("2"),
        builder().start_arg("--pids-limit=1").pids(100),
        builder().start_arg("--log-opt=max-size=1m").log_size("2m"),
        builder()
            .start_arg("--cap-add=KILL")
            .add_capability("NET_RAW"),
        builder().start_arg("--privileged").drop_capability("KILL"),
        builder()
            .start_arg("--runtime=x")
            .runtime(crate::model::Runtime::Gvisor),
    ] {
        let error = container(bad).expect_err("both");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("leave out"), "{error}");
    }
    for bad in [
        builder().memory("1m"),
        builder().memory("much"),
        builder().cpus("0"),
        builder().pids(3),
        builder().log_files(0),
        builder().writable("/var/cache/app"),
    ] {
        assert_eq!(bad.build().expect_err("unfit").kind(), ErrorKind::Invalid);
    }
}

#[test]
fn an_image_is_either_built_or_named() {
    let builder = || HostSpec::builder("web");
    let built = builder().build_args(["."]).build().expect("legal");
    assert_eq!(built.image_source, ImageSource::Built);
    let reference = built.build.as_ref().map(ImageBuild::reference);
    let default = ImageReference::new("debian").expect("legal");
    let container = built.container(&default, 2222).expect("legal");
    assert_eq!(Some(container.image), reference);
    for bad in [
        builder().build_args(["."]).image("debian"),
        builder().build_args(["."]).image_source(ImageSource::Pull),
        builder().image_source(ImageSource::Built),
    ] {
        let error = bad.build().expect_err("both");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}
