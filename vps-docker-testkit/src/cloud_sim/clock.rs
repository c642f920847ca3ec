use std::time::Duration;

/// How fast the provider's time runs beside ours. Only spans are compressed (boots, actions, rate-limit
/// windows, lifetimes of tokens); dates are those of this machine, for clients compare them with their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    scale: f64,
}

impl Clock {
    /// A clock on which `scale` seconds of the provider pass in one of ours.
    pub(crate) fn new(scale: f64) -> Self {
        Self { scale }
    }

    /// How long a span of the provider takes here.
    pub(crate) fn ours(self, theirs: Duration) -> Duration {
        theirs.div_f64(self.scale)
    }

    /// The same for milliseconds, as seeds and faults have them.
    pub(crate) fn ours_ms(self, theirs: u64) -> Duration {
        self.ours(Duration::from_millis(theirs))
    }

    /// How many seconds of the provider pass in one of ours.
    pub(crate) fn scale(self) -> f64 {
        self.scale
    }
}
