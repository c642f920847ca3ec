use crate::model::{ContainerSpec, MemoryLimit, Security};

/// The label by which the VPS knows a container whose memory limit follows its own.
pub(super) const FIT_MEMORY: &str = "vps-docker-fit-memory";
/// Of the container's processes the kernel ends one first when the VPS has no memory left, and not its
/// sshd, Docker or our watcher (0 and less).
const OOM_SCORE_ADJ: u32 = 500;

/// The arguments of `docker` that hold a container to its resources and security. They stand before the
/// start args: of an option that is given twice Docker takes the last, and where it takes both or
/// none, ours is left out.
pub(super) fn arguments(spec: &ContainerSpec) -> Vec<String> {
    let mut args = resources(spec);
    args.extend(security(spec));
    args
}

fn resources(spec: &ContainerSpec) -> Vec<String> {
    let (resources, start_args) = (&spec.resources, &spec.start_args);
    let mut args = vec![
        format!("--pids-limit={}", resources.pids),
        format!("--oom-score-adj={OOM_SCORE_ADJ}"),
    ];
    match resources.memory {
        MemoryLimit::At(size) => {
            // The second is of memory and swap together.
            args.push(format!("--memory={size}"));
            args.push(format!("--memory-swap={size}"));
        }
        MemoryLimit::Vps => {
            if start_args
                .first_of(&["--memory", "-m", "--memory-swap"])
                .is_none()
            {
                args.push(format!("--label={FIT_MEMORY}"));
            }
        }
    }
    if let Some(cpus) = resources.cpus {
        args.push(format!("--cpus={cpus}"));
    }
    // The options of one driver are no other's.
    if start_args
        .first_of(&["--log-driver", "--log-opt"])
        .is_none()
    {
        args.extend([
            "--log-driver=json-file".to_owned(),
            format!("--log-opt=max-size={}", resources.log_size),
            format!("--log-opt=max-file={}", resources.log_files),
        ]);
    }
    args
}

fn security(spec: &ContainerSpec) -> Vec<String> {
    let (security, start_args) = (&spec.security, &spec.start_args);
    let mut args = Vec::new();
    if !security.new_privileges {
        args.push("--security-opt=no-new-privileges".to_owned());
    }
    // Docker takes from ALL what is dropped.
    let added: Vec<String> = start_args
        .values_of("--cap-add")
        .map(str::to_ascii_uppercase)
        .map(|name| name.trim_start_matches("CAP_").to_owned())
        .chain(security.add.iter().map(|one| one.as_str().to_owned()))
        .collect();
    let is_given_back = |name: &str| added.iter().any(|added| added == name || added == "ALL");
    let dropped = Security::DROPPED
        .into_iter()
        .filter(|name| !is_given_back(name));
    args.extend(dropped.map(|name| format!("--cap-drop={name}")));
    args.extend(
        security
            .drop
            .iter()
            .map(|one| format!("--cap-drop={}", one.as_str())),
    );
    args.extend(
        security
            .add
            .iter()
            .map(|one| format!("--cap-add={}", one.as_str())),
    );
    if security.read_only_root {
        args.push("--read-only".to_owned());
        let places = ["/run", "/tmp"].into_iter();
        let places = places.chain(security.writable.iter().map(String::as_str));
        args.extend(places.map(|place| format!("--tmpfs={place}:mode={}", mode(place))));
    }
    if let Some(runtime) = security.runtime.docker_name() {
        args.push(format!("--runtime={runtime}"));
    }
    args
}

/// Only root writes to `/run`; who writes to the others is not known.
fn mode(place: &str) -> &'static str {
    if place == "/run" { "0755" } else { "1777" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HostSpec, HostSpecBuilder, ImageReference, Runtime};

    fn rendered(builder: HostSpecBuilder) -> String {
        let image = ImageReference::new("debian").expect("legal");
        let spec = builder.build().expect("legal");
        arguments(&spec.container(&image, 2222).expect("legal")).join(" ")
    }

    #[test]
    fn the_defaults_are_strict() {
        assert_eq!(
            rendered(HostSpec::builder("web")),
            "--pids-limit=4096 --oom-score-adj=500 --label=vps-docker-fit-memory \
             --log-driver=json-file --log-opt=max-size=10m --log-opt=max-file=3 \
             --security-opt=no-new-privileges --cap-drop=MKNOD --cap-drop=NET_RAW --cap-drop=SETFCAP \
             --cap-drop=SETPCAP"
        );
    }

    #[test]
    fn what_was_asked_for_is_said_to_docker() {
        let builder = HostSpec::builder("web")
            .memory("512m")
            .cpus("1.5")
            .pids(200)
            .log_size("1m")
            .log_files(1)
            .allow_new_privileges()
            .add_capability("NET_RAW")
            .drop_capability("KILL")
            .read_only_root()
            .writable("/var/cache/app")
            .runtime(Runtime::Gvisor);
        assert_eq!(
            rendered(builder),
            "--pids-limit=200 --oom-score-adj=500 --memory=512m --memory-swap=512m --cpus=1.5 \
             --log-driver=json-file --log-opt=max-size=1m --log-opt=max-file=1 --cap-drop=MKNOD \
             --cap-drop=SETFCAP --cap-drop=SETPCAP --cap-drop=KILL --cap-add=NET_RAW --read-only --tmpfs=/run:mode=0755 \
             --tmpfs=/tmp:mode=1777 --tmpfs=/var/cache/app:mode=1777 --runtime=runsc"
        );
    }

    /// The script, with other files instead of the kernel's.
    #[test]
    fn the_vps_keeps_a_reserve_of_what_it_has() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        let write =
            |name: &str, text: &str| std::fs::write(path.join(name), text).expect("written");
        std::fs::create_dir(path.join("memory")).expect("made");
        let kib = |mebibytes: u64| mebibytes * 1024;
        let left = || {
            let script = format!("set -eu\n{}\nvps_memory", include_str!("fit-memory.sh"));
            let output = std::process::Command::new("sh")
                .args(["-c", &script])
                .env("MEMINFO", path.join("meminfo"))
                .env("CGROUP", path)
                .output()
                .expect("there is a shell");
            let text = String::from_utf8_lossy(&output.stdout);
            text.trim()
                .parse::<u64>()
                .unwrap_or_else(|_| panic!("{output:?}"))
        };
        let has = |mebibytes| {
            write(
                "meminfo",
                &format!("MemTotal: {} kB\nMemFree: 1 kB\n", kib(mebibytes)),
            );
        };
        has(2048);
        let of_two_gib = kib(2048) - kib(256) - kib(2048) / 50;
        assert_eq!(left(), of_two_gib);
        has(256);
        assert_eq!(left(), kib(128), "at most half is kept back");
        has(65536);
        assert_eq!(left(), kib(65536 - 256) - kib(65536) / 50);
        // Version 1 without a limit, then version 2 with "max", then limits of both.
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        write("memory.max", "max\n");
        assert_eq!(left(), kib(65536 - 256) - kib(65536) / 50);
        write("memory.max", &format!("{}\n", 2048_u64 << 20));
        assert_eq!(left(), of_two_gib);
        write(
            "memory/memory.limit_in_bytes",
            &format!("{}\n", 256_u64 << 20),
        );
        assert_eq!(left(), kib(128));
    }

    #[test]
    fn start_args_win_over_defaults() {
        let builder = HostSpec::builder("web")
            .start_arg("-m1g")
            .start_arg("--log-driver=none")
            .start_arg("--cap-add=all");
        let rendered = rendered(builder);
        for gone in ["fit-memory", "--log-", "--cap-drop"] {
            assert!(!rendered.contains(gone), "{rendered}");
        }
    }
}
