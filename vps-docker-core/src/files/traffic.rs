use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_trait::async_trait;
use tokio_util::io::{InspectReader, InspectWriter};

use crate::error::Result;
use crate::ssh::{RemoteProcess, Transport};

/// A transport that counts what passes through it: commands and input one way, output the other.
/// What SSH adds is not in it.
#[derive(Debug)]
pub(super) struct Counted<'a> {
    inner: &'a dyn Transport,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    received: AtomicU64,
}

impl<'a> Counted<'a> {
    pub(super) fn new(inner: &'a dyn Transport) -> Self {
        Self {
            inner,
            counts: Arc::default(),
        }
    }

    /// Bytes so far.
    pub(super) fn sent(&self) -> u64 {
        self.counts.sent.load(Relaxed)
    }

    /// Bytes so far.
    pub(super) fn received(&self) -> u64 {
        self.counts.received.load(Relaxed)
    }
}

#[async_trait]
impl Transport for Counted<'_> {
    async fn spawn(&self, command: &str) -> Result<RemoteProcess> {
        self.counts.sent.fetch_add(command.len() as u64, Relaxed);
        let process = self.inner.spawn(command).await?;
        let count = || Arc::clone(&self.counts);
        let sent = |counts: Arc<Counts>| {
            move |bytes: &[u8]| {
                counts.sent.fetch_add(bytes.len() as u64, Relaxed);
            }
        };
        let received = |counts: Arc<Counts>| {
            move |bytes: &[u8]| {
                counts.received.fetch_add(bytes.len() as u64, Relaxed);
            }
        };
        Ok(RemoteProcess {
            stdin: process
                .stdin
                .map(|stdin| Box::pin(InspectWriter::new(stdin, sent(count()))) as _),
            stdout: Box::pin(InspectReader::new(process.stdout, received(count()))),
            stderr: Box::pin(InspectReader::new(process.stderr, received(count()))),
            exit: process.exit,
        })
    }
}
