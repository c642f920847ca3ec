use std::fs::File;
use std::io::{self, Cursor};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::io::{AsyncRead, AsyncWriteExt, BufReader};
use tokio::task::spawn_blocking;
use tokio_util::io::StreamReader;

use super::contents::Contents;
use crate::error::{Error, ErrorKind, Result};

/// What is read at a time.
const BLOCK: usize = 256 * 1024;

/// An archive of `docker save` on disk, from which layers can be left out.
///
/// Which file is which layer is told at the archive's very end, so all of it is written down first.
/// That is cheap: the engine that makes an archive needs five times as long as it takes to write
/// one down, so asking twice would be the slow way. The file has no name and is gone with its last
/// reader.
#[derive(Debug)]
pub(super) struct SavedArchive {
    file: Arc<File>,
    contents: Contents,
}

impl SavedArchive {
    /// Writes the archive into a file in `directory`. Memory stays flat, however large the image.
    ///
    /// # Errors
    /// When the disk is full.
    pub(super) async fn write_down(
        archive: impl AsyncRead + Unpin,
        directory: &Path,
    ) -> Result<File> {
        let write = async {
            let mut file = tokio::fs::File::from_std(tempfile::tempfile_in(directory)?);
            let mut archive = BufReader::with_capacity(BLOCK, archive);
            tokio::io::copy_buf(&mut archive, &mut file).await?;
            file.flush().await?;
            Ok(file.into_std().await)
        };
        write.await.map_err(|error: io::Error| {
            Error::new(
                ErrorKind::State,
                format!("cannot keep the image's archive in {}", directory.display()),
            )
            .with_source(error)
        })
    }

    /// Reads what an archive that was written down is made of.
    ///
    /// # Errors
    /// [`ErrorKind::Docker`] when it is torn or something else.
    pub(super) async fn open(file: File) -> Result<Self> {
        let file = Arc::new(file);
        let read = Arc::clone(&file);
        let contents = spawn_blocking(move || Contents::read(&read))
            .await
            .expect("reading does not panic")?;
        Ok(Self { file, contents })
    }

    /// What it is made of.
    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// What of the archive is in these parts of it, one after another.
    pub(super) fn read(&self, parts: Vec<Range<u64>>) -> Pin<Box<dyn AsyncRead + Send>> {
        let blocks = parts.into_iter().flat_map(into_blocks);
        let file = Arc::clone(&self.file);
        let blocks = stream::iter(blocks).then(move |block| read_block(Arc::clone(&file), block));
        Box::pin(StreamReader::new(Box::pin(blocks)))
    }
}

fn into_blocks(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let end = range.end;
    range
        .step_by(BLOCK)
        .map(move |start| start..end.min(start + BLOCK as u64))
}

async fn read_block(file: Arc<File>, block: Range<u64>) -> io::Result<Cursor<Vec<u8>>> {
    let read = move || {
        let mut bytes = vec![0; (block.end - block.start) as usize];
        file.read_exact_at(&mut bytes, block.start)?;
        Ok(Cursor::new(bytes))
    };
    spawn_blocking(read).await.map_err(io::Error::other)?
}
