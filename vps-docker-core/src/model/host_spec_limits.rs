//! The setters of what a container may use and do.

use super::{HostSpecBuilder, Runtime};

/// What the container may use and do. All have safe defaults: see [`Resources`](super::Resources) and
/// [`Security`](super::Security).
impl HostSpecBuilder {
    /// Memory of the container, as Docker writes it: `512m`, `2g`. Default: what the VPS has, less a
    /// reserve; see [`MemoryLimit::Vps`](super::MemoryLimit::Vps).
    #[must_use]
    pub fn memory(mut self, size: impl Into<String>) -> Self {
        self.resources.memory = Some(size.into());
        self
    }

    /// Cores of the container, such as `1.5`. Default: all.
    #[must_use]
    pub fn cpus(mut self, cores: impl Into<String>) -> Self {
        self.resources.cpus = Some(cores.into());
        self
    }

    /// How many processes and threads the container may have. Default: 4096.
    #[must_use]
    pub fn pids(mut self, number: u32) -> Self {
        self.resources.pids = Some(number);
        self
    }

    /// After how much output of the container the next file of its log is begun, such as `50m`.
    /// Default: `10m`.
    #[must_use]
    pub fn log_size(mut self, size: impl Into<String>) -> Self {
        self.resources.log_size = Some(size.into());
        self
    }

    /// How many files of its log are kept. Default: 3.
    #[must_use]
    pub fn log_files(mut self, number: u32) -> Self {
        self.resources.log_files = Some(number);
        self
    }

    /// Lets programs have more rights than who starts them, as `sudo` needs it in an image whose USER is
    /// not root. Default: they cannot.
    #[must_use]
    pub fn allow_new_privileges(mut self) -> Self {
        self.security.new_privileges = true;
        self
    }

    /// Adds a capability, such as `NET_ADMIN`.
    #[must_use]
    pub fn add_capability(mut self, name: impl Into<String>) -> Self {
        self.security.add.push(name.into());
        self
    }

    /// Takes a capability that is there by default, such as `NET_BIND_SERVICE`.
    #[must_use]
    pub fn drop_capability(mut self, name: impl Into<String>) -> Self {
        self.security.drop.push(name.into());
        self
    }

    /// Makes the container's root file system read-only, but for `/run`, `/tmp` and the
    /// [writable places](Self::writable). The data volume can be written to as ever.
    #[must_use]
    pub fn read_only_root(mut self) -> Self {
        self.security.read_only_root = true;
        self
    }

    /// Adds a directory of a read-only root that can be written to: in memory, gone with every stop.
    #[must_use]
    pub fn writable(mut self, directory: impl Into<String>) -> Self {
        self.security.writable.push(directory.into());
        self
    }

    /// What runs the container. Default: [`Runtime::Default`].
    #[must_use]
    pub fn runtime(mut self, runtime: Runtime) -> Self {
        self.security.runtime = runtime;
        self
    }
}
