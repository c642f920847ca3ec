use crate::model::{ByteSize, Pressure};

/// Functions of the shell: `tell_pressure PROCESS` prints lines for [`parse_pressure`].
pub(crate) const PRESSURE: &str = include_str!("pressure.sh");

/// A disk is as good as full below this share of it.
const DISK_SHARE: u64 = 50;

/// Reads what stands behind the word `pressure` of a line; `None` when there is none, and for what a
/// later script may say.
pub(crate) fn parse_pressure(text: &str) -> Option<Pressure> {
    let mut words = text.split(' ');
    let what = words.next()?;
    let mut number = || words.next()?.parse::<u64>().ok();
    match what {
        "memory" => number()
            .filter(|killed| *killed > 0)
            .map(|killed| Pressure::Memory { killed }),
        "pids" => number()
            .filter(|refused| *refused > 0)
            .map(|refused| Pressure::Pids { refused }),
        "disk" | "data" => {
            let mut kib = || Some(ByteSize::bytes(number()?.checked_mul(1024)?));
            let (free, size) = (kib()?, kib()?);
            (free.as_bytes() < size.as_bytes() / DISK_SHARE).then_some(Pressure::Disk {
                free,
                size,
                data_volume: what == "data",
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn only_what_has_run_out_is_told() {
        for quiet in [
            "",
            "memory 0",
            "pids 0",
            "memory",
            "memory x",
            "disk 100 200",
            "disk 0",
            "gpu 1",
            "disk 99999999999999999999 1",
        ] {
            assert_eq!(parse_pressure(quiet), None, "{quiet:?}");
        }
        assert_eq!(
            parse_pressure("memory 3"),
            Some(Pressure::Memory { killed: 3 })
        );
        assert_eq!(
            parse_pressure("pids 7"),
            Some(Pressure::Pids { refused: 7 })
        );
        let full = parse_pressure("data 10 1024").expect("full");
        assert!(
            full.to_string()
                .contains("the data volume's disk is full: 0 of 1 MiB"),
            "{full}"
        );
    }

    /// Of a process of this machine, which is in some group, with a group's files or without.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_script_reads_counts_and_fails_at_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("events");
        std::fs::write(&file, "low 0\noom 4\noom_kill 3\n").expect("written");
        let script = format!(
            "set -eu\n{PRESSURE}\ntell_count memory oom_kill {}\ntell_pressure $$ >/dev/null\n\
             tell_pressure 0 >/dev/null\ntell_disk / | grep -Eq '^[^ ]+ [0-9]+ [0-9]+$'\n\
             ! tell_disk /no/such/place 2>/dev/null",
            file.display()
        );
        let output = Command::new("sh").args(["-c", &script]).output();
        let output = output.expect("there is a shell");
        assert!(output.status.success(), "{output:?}");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "pressure\tmemory 3\n"
        );
    }
}
