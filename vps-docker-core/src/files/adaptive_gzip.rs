//! A gzip stream that compresses only while that is faster.
//!
//! gzip allows many members one after another, so every block decides anew: it is measured how long
//! a byte takes to send and to compress, and a block is stored or compressed, whichever gets it
//! across sooner. On a loopback or a fast network it costs next to nothing; on a slow line it saves
//! what compression saves.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

/// Large enough that a member's 18 bytes do not matter, small enough to react.
const BLOCK: usize = 1024 * 1024;

/// How many bytes went in and out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) plain: u64,
    pub(crate) on_the_wire: u64,
}

/// Copies all of `from` as a gzip stream into `to` and shuts it down. What was sent is added to
/// `sent`, also when it fails.
pub(crate) async fn copy(
    mut from: impl AsyncRead + Unpin + Send + 'static,
    mut to: impl AsyncWrite + Unpin,
    sent: &mut Sent,
) -> std::io::Result<()> {
    // One block is sent while the next one is read and compressed.
    let (blocks, mut ready) = mpsc::channel::<std::io::Result<Block>>(1);
    let (send_costs, costs) = tokio::sync::watch::channel(None);
    let reader = tokio::spawn(async move {
        let mut chooser = Chooser::default();
        let mut begun = false;
        loop {
            let block = match read_block(&mut from).await {
                // A stream needs one member at least.
                Ok(plain) if plain.is_empty() && begun => return,
                Ok(plain) => {
                    begun = true;
                    chooser.wire = *costs.borrow();
                    let encoded = encode(plain, chooser.compress()).await;
                    chooser.learn(&encoded);
                    Ok(encoded)
                }
                Err(error) => Err(error),
            };
            let failed = block.is_err();
            if blocks.send(block).await.is_err() || failed {
                return;
            }
        }
    });
    while let Some(block) = ready.recv().await {
        let block = block?;
        let began = Instant::now();
        to.write_all(&block.encoded).await?;
        let _ = send_costs.send(Some(per_byte(began.elapsed(), block.encoded.len())));
        sent.plain += block.plain as u64;
        sent.on_the_wire += block.encoded.len() as u64;
    }
    to.shutdown().await?;
    reader.await.map_err(std::io::Error::other)
}

struct Block {
    plain: usize,
    encoded: Vec<u8>,
    compressed: bool,
    took: Duration,
}

/// Seconds a byte.
fn per_byte(time: Duration, bytes: usize) -> f64 {
    time.as_secs_f64() / bytes.max(1) as f64
}

/// Decides from what it has seen.
#[derive(Default)]
struct Chooser {
    /// Seconds to send a byte.
    wire: Option<f64>,
    /// Seconds to compress a byte, and what share of it is left.
    compression: Option<(f64, f64)>,
}

impl Chooser {
    fn compress(&self) -> bool {
        match (self.compression, self.wire) {
            // The first block finds out what compression brings.
            (None, _) => true,
            (_, None) => false,
            // Sending and compressing overlap: the slower of the two counts.
            (Some((cost, ratio)), Some(wire)) => cost.max(ratio * wire) < wire,
        }
    }

    fn learn(&mut self, block: &Block) {
        if block.compressed {
            self.compression = Some((
                per_byte(block.took, block.plain),
                block.encoded.len() as f64 / block.plain.max(1) as f64,
            ));
        }
    }
}

async fn read_block(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut block = Vec::with_capacity(BLOCK);
    from.take(BLOCK as u64).read_to_end(&mut block).await?;
    Ok(block)
}

async fn encode(plain: Vec<u8>, compressed: bool) -> Block {
    let work = move || {
        let began = Instant::now();
        let level = if compressed {
            Compression::fast()
        } else {
            Compression::none()
        };
        let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() + 1024), level);
        let encoded = encoder
            .write_all(&plain)
            .and_then(|()| encoder.finish())
            .expect("writing into memory does not fail");
        Block {
            plain: plain.len(),
            encoded,
            compressed,
            took: began.elapsed(),
        }
    };
    tokio::task::spawn_blocking(work)
        .await
        .expect("compression does not panic")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[tokio::test]
    async fn what_goes_in_comes_out() {
        for size in [0, 1, BLOCK - 1, BLOCK, 3 * BLOCK + 17] {
            let plain: Vec<u8> = (0..size).map(|n| (n / 7 % 251) as u8).collect();
            let mut wire = Vec::new();
            let mut sent = Sent::default();
            copy(std::io::Cursor::new(plain.clone()), &mut wire, &mut sent)
                .await
                .expect("copied");
            assert_eq!(
                (sent.plain, sent.on_the_wire),
                (size as u64, wire.len() as u64)
            );
            let mut back = Vec::new();
            flate2::read::MultiGzDecoder::new(&wire[..])
                .read_to_end(&mut back)
                .expect("a gzip stream");
            assert!(back == plain, "{size} bytes");
        }
    }

    #[test]
    fn a_slow_line_compresses_and_a_fast_one_does_not() {
        let mut chooser = Chooser {
            compression: Some((5e-9, 0.4)),
            ..Chooser::default()
        };
        chooser.wire = Some(3e-9);
        assert!(!chooser.compress(), "300 MB/s");
        chooser.wire = Some(80e-9);
        assert!(chooser.compress(), "12 MB/s");
        chooser.compression = Some((5e-9, 1.0));
        assert!(!chooser.compress(), "what does not shrink");
    }
}
