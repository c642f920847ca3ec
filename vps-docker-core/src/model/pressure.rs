use std::fmt;

use serde::{Deserialize, Serialize};

use super::ByteSize;

/// Something that a container has run out of, since it was last started. The container may well go on:
/// the kernel ends single processes, or refuses new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Pressure {
    /// Processes were killed because its memory was used up.
    Memory {
        /// How many.
        killed: u64,
    },
    /// Processes or threads were refused because it had as many as it may.
    Pids {
        /// How often.
        refused: u64,
    },
    /// A disk of the VPS is full, or nearly: less than a fiftieth is left.
    Disk {
        /// What is left.
        free: ByteSize,
        /// What there is.
        size: ByteSize,
        /// Whether it is the data volume's alone, where that has a disk of its own.
        data_volume: bool,
    },
}

impl fmt::Display for Pressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { killed } => write!(
                f,
                "out of memory: the kernel has killed {killed} of the container's processes; give it \
                 more, or a larger plan"
            ),
            Self::Pids { refused } => write!(
                f,
                "out of processes: the kernel has refused {refused} of them; is something forking \
                 without end?"
            ),
            Self::Disk {
                free,
                size,
                data_volume,
            } => {
                let whose = if *data_volume {
                    "the data volume's disk"
                } else {
                    "the disk of the VPS"
                };
                let mib = |size: &ByteSize| size.as_bytes() >> 20;
                write!(
                    f,
                    "{whose} is full: {} of {} MiB are left; delete files, images or snapshots",
                    mib(free),
                    mib(size)
                )
            }
        }
    }
}
