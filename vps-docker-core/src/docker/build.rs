use std::collections::VecDeque;

use secrecy::ExposeSecret;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use super::build_output::{Redaction, failing_step};
use super::build_source::{BuildSource, DockerfilePlace, LocalContext, read_secret};
use super::secret_files::SecretFiles;
use super::{DockerOverSsh, ImageConfig, LocalEngine, LocalImages, NamedImage, bring_image};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{Surplus, blocking, sync};
use crate::model::{BuildContext, BuildSecret, ImageReference, ImageSource};

/// Where contexts stay for the next build, on the VPS.
const CONTEXTS: &str = "/var/lib/vps-docker/contexts";
/// How much of the output an error quotes, in lines.
const QUOTED: usize = 20;
/// A longer line is told in pieces.
const LONGEST_LINE: u64 = 16 * 1024;

type Progress<'a> = &'a (dyn Fn(String) + Send + Sync);

/// Builds an image on the VPS: brings base images that only this side has, sends what differs of
/// the context, runs `docker build` there and tells every line of its output.
///
/// BuildKit is asked for where the build needs it; otherwise the VPS's Docker decides.
pub(crate) async fn build_image(
    docker: &DockerOverSsh,
    engine: &LocalEngine,
    source: &BuildSource,
    reference: &ImageReference,
    progress: Progress<'_>,
) -> Result<ImageConfig> {
    for base in &source.dockerfile.bases {
        bring_base(docker, engine, base, progress).await?;
    }
    let mut arguments = vec![
        // What a failed step of the classic builder leaves would only fill the disk.
        "--force-rm".to_owned(),
        format!("--tag={reference}"),
    ];
    let context = match (&source.build.context, &source.local) {
        (_, Some(local)) => {
            let context = send_context(docker, local, progress).await?;
            arguments.push(format!("--file={}", context.dockerfile));
            context.directory
        }
        (BuildContext::Remote(url), None) => {
            let dockerfile = source.build.dockerfile.iter();
            arguments.extend(dockerfile.map(|path| format!("--file={}", path.display())));
            url.clone()
        }
        (BuildContext::Directory(_), None) => unreachable!("it was looked at"),
    };
    arguments.extend(source.build.arguments.iter().cloned());
    run(docker, source, arguments, context, progress).await?;
    docker.image(reference).await?.ok_or_else(|| {
        Error::new(
            ErrorKind::Docker,
            "the build ended well but left no image in the VPS's Docker engine",
        )
    })
}

/// A base image that this side has, and perhaps no registry: Docker there could not get it. What
/// this side does not have is Docker's affair.
async fn bring_base(
    docker: &DockerOverSsh,
    engine: &LocalEngine,
    base: &str,
    progress: Progress<'_>,
) -> Result<()> {
    let Ok(reference) = ImageReference::new(base) else {
        return Ok(());
    };
    let local = NamedImage::look_up(engine, &reference);
    let (local, on_vps) = tokio::try_join!(local, docker.image(&reference))?;
    if local.is_some() && on_vps.is_none() {
        let (source, local) = (ImageSource::Auto, local.map(LocalImages::alone));
        bring_image(docker, engine, &reference, source, local, None, progress).await?;
    }
    Ok(())
}

/// Where the context is, on the VPS.
struct SentContext {
    directory: String,
    dockerfile: String,
}

async fn send_context(
    docker: &DockerOverSsh,
    local: &std::sync::Arc<LocalContext>,
    progress: Progress<'_>,
) -> Result<SentContext> {
    let place = format!("{CONTEXTS}/{}", local.name());
    let directory = format!("{place}/context");
    let walk = {
        let local = local.clone();
        move || local.walk()
    };
    let transfer = sync(docker.transport(), walk, &directory, Surplus::Deleted).await?;
    progress(format!(
        "sent the build context: {} changed, {:.1} kB",
        transfer.entries,
        transfer.sent as f64 / 1e3
    ));
    let dockerfile = match &local.place {
        DockerfilePlace::Inside(inside) => format!("{directory}/{inside}"),
        DockerfilePlace::Outside(_) => {
            let beside = format!("{place}/beside");
            let local = local.clone();
            let walk = move || local.walk_beside();
            sync(docker.transport(), walk, &beside, Surplus::Deleted).await?;
            format!("{beside}/Dockerfile")
        }
    };
    Ok(SentContext {
        directory,
        dockerfile,
    })
}

async fn run(
    docker: &DockerOverSsh,
    source: &BuildSource,
    mut arguments: Vec<String>,
    context: String,
    progress: Progress<'_>,
) -> Result<()> {
    let needs_buildkit = source.needs_buildkit();
    let plain = |argument: &String| !argument.starts_with("--progress=");
    if needs_buildkit && arguments.iter().all(plain) {
        arguments.push("--progress=plain".to_owned());
    }
    let mut secrets = read_secrets(source.build.secrets.clone(), &mut arguments).await?;
    secrets.log_in(docker.registry_logins_given());
    arguments.push(context);
    arguments.insert(0, "build".to_owned());

    let builder = if needs_buildkit { "1" } else { "" };
    let command = secrets.command("build", builder, &arguments);
    let mut process = docker.transport().spawn(&command).await?;
    let nothing = Box::pin(tokio::io::empty());
    let output = std::mem::replace(&mut process.stdout, nothing);
    let archive = secrets.archive();
    let (last, ended) = tokio::join!(
        tell_lines(output, secrets.redaction(), progress),
        process.finish(archive.expose_secret())
    );
    let ended = ended?;
    if ended.status.success() {
        return Ok(());
    }
    Err(failure(&last, &ended.stderr, ended.exit_code()))
}

/// The build's secrets, and the arguments that say where they will be.
async fn read_secrets(
    secrets: Vec<BuildSecret>,
    arguments: &mut Vec<String>,
) -> Result<SecretFiles> {
    let (files, named) = blocking(move || {
        let mut files = SecretFiles::new();
        let mut named = Vec::new();
        for BuildSecret { id, source } in secrets {
            let path = files.add(&format!("secret-{id}"), read_secret(&source)?);
            named.push(format!("--secret=id={id},src={path}"));
        }
        Ok((files, named))
    })
    .await?;
    arguments.extend(named);
    Ok(files)
}

/// Tells every line and keeps the last ones.
async fn tell_lines(
    output: impl tokio::io::AsyncRead + Unpin,
    redaction: &Redaction,
    progress: Progress<'_>,
) -> VecDeque<String> {
    let mut output = BufReader::new(output);
    let mut last = VecDeque::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut output)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .await;
        // That the output breaks off shows in how the command ends.
        if !matches!(read, Ok(count) if count > 0) {
            return last;
        }
        let text = redaction.redact(String::from_utf8_lossy(&line).trim_end());
        if text.is_empty() {
            continue;
        }
        if last.len() == 10 * QUOTED {
            last.pop_front();
        }
        last.push_back(text.clone());
        progress(text);
    }
}

fn failure(last: &VecDeque<String>, stderr: &str, code: i32) -> Error {
    let begin = last.len().saturating_sub(QUOTED);
    let mut quoted: Vec<&str> = last.range(begin..).map(String::as_str).collect();
    quoted.extend(stderr.lines());
    let said = quoted.join("\n");
    let step = failing_step(last).map_or(String::new(), |step| format!(" at {step}"));
    let advice = if said.contains("No space left on device") || said.contains("no space left") {
        ": the VPS's disk is full; make room there (`docker system prune` on the VPS) and build again"
    } else if said.contains("buildx component is missing") {
        ": it needs BuildKit, and the VPS's Docker has none; install docker-buildx there, or use \
         Docker's own packages (the setting docker_source)"
    } else {
        ""
    };
    Error::new(
        ErrorKind::Docker,
        format!(
            "`docker build` on the VPS failed{step} with exit code {code}{advice}; it said:\n{said}"
        ),
    )
}
