use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::{Instant, sleep_until};
use tokio_util::io::SyncIoBridge;

use super::adaptive_gzip::{self, Sent};
use super::listing::{Beginning, Difference, Listing, open};
use super::pack::pack;
use super::refused;
use super::traffic::Counted;
use super::tree::{Tree, cannot};
use crate::error::{Error, ErrorKind, Result};
use crate::ssh::{RemoteProcess, Transport, TransportExt, join};

const SCAN: &str = include_str!("assets/scan.sh");
const UNPACK: &str = include_str!("assets/unpack.sh");
const APPEND: &str = include_str!("assets/append.sh");
const CHANGE: &str = include_str!("assets/change.sh");

/// How often a connection may break before anything got across by it.
const DROPS: u32 = 5;
/// What counts as something.
const PROGRESS: u64 = 1024 * 1024;
/// How often what arrived may differ from what is here by then.
const ROUNDS: u32 = 4;

/// What becomes of files that are on the other side alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surplus {
    /// The directory is ours: they go.
    Deleted,
    /// They are left alone.
    Kept,
}

/// What a transfer took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transfer {
    /// How many files, directories and links travelled; one that was sent again counts again.
    pub entries: u64,
    /// Bytes that were sent, commands included, as compressed as they were. What SSH adds is not
    /// in it.
    pub sent: u64,
    /// Bytes that came back.
    pub received: u64,
}

/// Makes the directory on the other side what the tree is: contents, permissions, links, empty
/// directories. Only what differs travels; times travel with their files and make no difference.
///
/// Both sides are compared by SHA-256 before and after, nothing is remembered in between. So a
/// transfer that broke off, by a lost connection or a dropped future, is resumed by the next one:
/// a file that arrived whole is not sent again. A lost connection is made anew by the transport,
/// and the transfer goes on by itself.
///
/// # Errors
/// At once: `Permission` and `State` (no space) with the other side's words, and what `walk` says.
/// `Unreachable` after several lost connections.
pub(crate) async fn sync(
    remote: &dyn Transport,
    walk: impl Fn() -> Result<Tree> + Clone + Send + 'static,
    directory: &str,
    surplus: Surplus,
) -> Result<Transfer> {
    let remote = Counted::new(remote);
    let mut transfer = Transfer::default();
    let (mut drops, mut rounds, mut sent) = (0, 0, 0);
    loop {
        let round = Round::begin(&remote, walk.clone(), directory, surplus).await?;
        let error = match round.run(&mut transfer.entries).await {
            Ok(None) => break,
            Ok(Some(different)) => {
                rounds += 1;
                if rounds == ROUNDS {
                    return Err(does_not_settle(&different));
                }
                continue;
            }
            Err(error) => error,
        };
        if remote.sent() - sent > PROGRESS {
            drops = 0;
        }
        drops += 1;
        sent = remote.sent();
        let transient = matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Timeout);
        if !transient || drops == DROPS {
            return Err(error);
        }
        tracing::info!(%error, drops, "the transfer was interrupted and goes on");
        sleep_until(Instant::now() + Duration::from_millis(100) * 2_u32.pow(drops)).await;
    }
    transfer.sent = remote.sent();
    transfer.received = remote.received();
    Ok(transfer)
}

fn does_not_settle(different: &str) -> Error {
    Error::new(
        ErrorKind::State,
        format!(
            "what arrives is not what is here, {different:?} among it: it changes all the time, \
             or the other side cannot keep its permissions; try again when it is at rest"
        ),
    )
    .retryable()
}

/// One comparison, and what it calls for.
struct Round<'a> {
    remote: &'a Counted<'a>,
    directory: &'a str,
    surplus: Surplus,
    tree: Arc<Tree>,
    ours: Listing,
}

/// What the other side can do and has.
enum Scan {
    /// It is the same.
    Same,
    Other(Listing),
    /// It has no tools to compare: all has to be sent.
    Unknown(Encoding),
}

#[derive(Clone, Copy)]
enum Encoding {
    Gzip,
    Plain,
}

impl<'a> Round<'a> {
    async fn begin(
        remote: &'a Counted<'a>,
        walk: impl FnOnce() -> Result<Tree> + Send + 'static,
        directory: &'a str,
        surplus: Surplus,
    ) -> Result<Self> {
        let look = move || {
            let tree = walk()?;
            let ours = Listing::of(&tree)?;
            Ok((Arc::new(tree), ours))
        };
        let (tree, ours) = blocking(look).await?;
        Ok(Self {
            remote,
            directory,
            surplus,
            tree,
            ours,
        })
    }

    /// Sends what differs, if anything does, and names one such thing: the next round tells
    /// whether it arrived.
    async fn run(&self, sent: &mut u64) -> Result<Option<String>> {
        let there = match self.scan().await? {
            Scan::Same => return Ok(None),
            Scan::Other(there) => there,
            Scan::Unknown(encoding) => {
                let all: Vec<Vec<u8>> = self.tree.entries.keys().cloned().collect();
                *sent += all.len() as u64;
                self.send(all, encoding).await?;
                return Ok(None);
            }
        };
        let difference = self.ours.difference(&there);
        let example = difference.example();
        let Difference {
            mut send,
            extend,
            chmod,
            delete,
        } = difference;
        if self.surplus == Surplus::Deleted {
            self.change(&["rm", "-rf", "--"], &delete).await?;
        }
        for beginning in extend {
            if self.is_beginning(&beginning).await? {
                *sent += 1;
                self.append(beginning).await?;
            } else {
                send.push(beginning.path);
            }
        }
        if !send.is_empty() {
            *sent += send.len() as u64;
            self.send(send, Encoding::Gzip).await?;
        }
        for (mode, paths) in chmod {
            self.change(&["chmod", &format!("{mode:o}"), "--"], &paths)
                .await?;
        }
        Ok(Some(example))
    }

    async fn scan(&self) -> Result<Scan> {
        let digest = self.ours.digest();
        let words = [
            "sh",
            "-c",
            SCAN,
            "scan",
            self.directory,
            self.which(),
            &digest,
        ];
        let mut process = self.remote.spawn(&join(words)).await?;
        let nothing = Box::pin(tokio::io::empty());
        let mut answer = BufReader::new(std::mem::replace(&mut process.stdout, nothing));
        let mut said = String::new();
        let _ = answer.read_line(&mut said).await;
        if said == "compare\n" {
            let names = match self.surplus {
                Surplus::Deleted => Vec::new(),
                Surplus::Kept => names(self.tree.entries.keys()),
            };
            feed(&mut process, &names).await;
        }
        drop(process.stdin.take());
        let mut rest = Vec::new();
        let _ = answer.read_to_end(&mut rest).await;
        let output = process.finish(b"").await?;
        if !output.status.success() {
            return Err(refused("comparing the files with those there", &output));
        }
        match (&*said, &rest[..]) {
            ("compare\n", b"same\n") => Ok(Scan::Same),
            ("compare\n", rest) if rest.starts_with(b"other\n") => {
                Listing::parse(&unzip(&rest[6..])?).map(Scan::Other)
            }
            ("gzip\n", _) => Ok(Scan::Unknown(Encoding::Gzip)),
            ("plain\n", _) => Ok(Scan::Unknown(Encoding::Plain)),
            _ => Err(Error::new(
                ErrorKind::State,
                format!(
                    "the other side's answer {said:?} cannot be read; does its shell print anything by itself?"
                ),
            )),
        }
    }

    fn which(&self) -> &'static str {
        match self.surplus {
            Surplus::Deleted => "all",
            Surplus::Kept => "named",
        }
    }

    async fn send(&self, names: Vec<Vec<u8>>, encoding: Encoding) -> Result<()> {
        let encoding_word = match encoding {
            Encoding::Gzip => "gzip",
            Encoding::Plain => "plain",
        };
        let words = [
            "sh",
            "-c",
            UNPACK,
            "unpack",
            self.directory,
            encoding_word,
            self.which(),
        ];
        let tree = Arc::clone(&self.tree);
        self.stream(&join(words), encoding, move |into| {
            pack(&tree, &names, into)
        })
        .await
    }

    /// Whether what is there is the beginning of the file here.
    async fn is_beginning(&self, beginning: &Beginning) -> Result<bool> {
        let (beginning, source) = (beginning.clone(), self.source(&beginning.path));
        blocking(move || beginning.is_of(&source)).await
    }

    /// Sends the rest of a file.
    async fn append(&self, beginning: Beginning) -> Result<()> {
        let entry = &self.tree.entries[&beginning.path];
        let path = [b"./", &beginning.path[..]].concat();
        let Ok(path) = String::from_utf8(path) else {
            // Commands are text: such a file is sent whole.
            return self.send(vec![beginning.path], Encoding::Gzip).await;
        };
        let modified = entry.modified.to_string();
        let words = [
            "sh",
            "-c",
            APPEND,
            "append",
            self.directory,
            &path,
            &modified,
        ];
        let source = entry.source.clone();
        let rest = move |mut into: Box<dyn Write>| {
            let failed = |error| cannot("read", &source, error);
            let mut file = open(&source)?;
            file.seek(SeekFrom::Start(beginning.size)).map_err(failed)?;
            if let Err(error) = std::io::copy(&mut file, &mut into) {
                // One that cannot be read shows in the next comparison.
                tracing::debug!(%error, "the rest of a file is not sent to its end");
            }
            Ok(())
        };
        self.stream(&join(words), Encoding::Gzip, rest).await
    }

    fn source(&self, path: &[u8]) -> PathBuf {
        self.tree.entries[path].source.clone()
    }

    /// Runs a command whose input is made here, as it is taken.
    async fn stream(
        &self,
        command: &str,
        encoding: Encoding,
        make: impl FnOnce(Box<dyn Write>) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let mut process = self.remote.spawn(command).await?;
        let mut to = process.stdin.take().expect("a process has it at first");
        let (mut from, into) = tokio::io::duplex(256 * 1024);
        let into = SyncIoBridge::new(into);
        let making = blocking(move || make(Box::new(BufWriter::new(into))));
        let sending = async move {
            let result = match encoding {
                Encoding::Gzip => adaptive_gzip::copy(from, to, &mut Sent::default()).await,
                Encoding::Plain => {
                    let copied = tokio::io::copy(&mut from, &mut to).await;
                    copied.and(to.shutdown().await)
                }
            };
            if let Err(error) = result {
                // Why is what the process ends with.
                tracing::debug!(%error, "the files are not taken to their end");
            }
        };
        let (made, (), ended) = tokio::join!(making, sending, process.finish(b""));
        // A file that cannot be read breaks the stream off: it is the cause, not the other side.
        made?;
        let output = ended?;
        if output.status.success() {
            Ok(())
        } else {
            Err(refused("writing the files there", &output))
        }
    }

    async fn change(&self, command: &[&str], paths: &[Vec<u8>]) -> Result<()> {
        if paths.is_empty() {
            return Ok(());
        }
        let words = ["sh", "-c", CHANGE, "change", self.directory];
        let command = join(words.iter().chain(command));
        let output = self.remote.run(&command, &names(paths)).await?;
        if output.status.success() {
            Ok(())
        } else {
            Err(refused("changing the files there", &output))
        }
    }
}

/// Paths for the other side: gzip, `./` in front, NUL after each.
fn names<'a>(paths: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    for path in paths {
        let line = [b"./", &path[..], b"\0"].concat();
        encoder
            .write_all(&line)
            .expect("writing into memory does not fail");
    }
    encoder.finish().expect("writing into memory does not fail")
}

fn unzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    MultiGzDecoder::new(bytes)
        .read_to_end(&mut text)
        .map_err(|error| {
            Error::new(ErrorKind::Unreachable, "the other side's listing broke off")
                .retryable()
                .with_source(error)
        })?;
    Ok(text)
}

async fn feed(process: &mut RemoteProcess, input: &[u8]) {
    if let Some(stdin) = process.stdin.as_mut() {
        // That it is not taken shows in how the process ends.
        let _ = stdin.write_all(input).await;
        let _ = stdin.shutdown().await;
    }
}

/// Runs what blocks beside the runtime's own threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::State, "the work on the files broke off").with_source(error))
        })
}
