//! Removes what vps-docker has made on this machine's engine.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};

use crate::command::Cmd;
use crate::engine::{Answer, Engine};
use crate::usage;

/// Everything that we make on an engine carries this label.
const LABEL: &str = "vps-docker";

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::of(arguments)?;
    let engine = &options.engine;
    match engine.ping() {
        Answer::Ready => {}
        Answer::Denied => bail!(
            "your user may not use the Docker engine on {}; `cargo xtask setup` lets it",
            engine.socket.display()
        ),
        Answer::Silent => bail!(
            "no Docker engine answers on {}; `cargo xtask setup` starts one",
            engine.socket.display()
        ),
    }
    // In this order: a volume, a network or an image in use cannot go.
    let mut kinds = vec![
        Kind::new(
            "container",
            &["ps", "--all"],
            &["rm", "--force", "--volumes"],
        ),
        Kind::new("volume", &["volume", "ls"], &["volume", "rm", "--force"]),
        Kind::new("network", &["network", "ls"], &["network", "rm"]),
    ];
    if options.images {
        kinds.push(Kind::new(
            "image",
            &["image", "ls"],
            &["image", "rm", "--force"],
        ));
    }
    let mut removed = 0;
    for kind in kinds {
        removed += kind.remove_all(engine)?;
    }
    println!("{removed} removed");
    Ok(())
}

#[derive(Debug)]
struct Options {
    engine: Engine,
    images: bool,
}

impl Options {
    fn of(arguments: &[String]) -> Result<Self> {
        let mut options = Self {
            engine: Engine::of_this_machine(),
            images: false,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match (argument.as_str(), arguments.as_slice()) {
                ("--images", _) => options.images = true,
                // Not in the help; see `setup`.
                ("--engine-dir", [directory, ..]) => {
                    options.engine = Engine::below(Path::new(directory));
                    arguments.next();
                }
                (other, _) => return Err(usage(format!("`clean` does not know {other:?}"))),
            }
        }
        Ok(options)
    }
}

/// One kind of thing on an engine.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    list: &'static [&'static str],
    remove: &'static [&'static str],
}

impl Kind {
    fn new(
        name: &'static str,
        list: &'static [&'static str],
        remove: &'static [&'static str],
    ) -> Self {
        Self { name, list, remove }
    }

    /// Removes in rounds as long as fewer are left after each: an image can only go after those
    /// that were made from it, and nothing tells us that order.
    fn remove_all(&self, engine: &Engine) -> Result<usize> {
        let mut listed = self.list_command(engine).text()?;
        let all = unique(&listed).len();
        for id in unique(&listed) {
            println!("removing the {} {id}", self.name);
        }
        while !listed.is_empty() {
            let remove = engine.docker().args(self.remove).args(unique(&listed));
            let output = remove.output()?;
            let left = self.list_command(engine).text()?;
            if unique(&left).len() >= unique(&listed).len() {
                bail!(
                    "not every {} could be removed: {}",
                    self.name,
                    String::from_utf8_lossy(&output.stderr).trim()
                );
            }
            listed = left;
        }
        Ok(all)
    }

    fn list_command(&self, engine: &Engine) -> Cmd {
        engine
            .docker()
            .args(self.list)
            .args(["--quiet", "--filter"])
            .arg(format!("label={LABEL}"))
    }
}

/// The lines without repetition: an image of two names is listed twice.
fn unique(listed: &str) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    listed.lines().filter(|id| seen.insert(*id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_listed_without_our_label() {
        let engine = Engine::of_this_machine();
        let line = Kind::new("volume", &["volume", "ls"], &[]).list_command(&engine);
        let line = line.line();
        assert!(
            line.ends_with("volume ls --quiet --filter label=vps-docker"),
            "{line}"
        );
    }

    #[test]
    fn an_image_of_two_names_is_removed_once() {
        assert_eq!(unique("b\na\nb\n"), ["b", "a"]);
        assert!(unique("").is_empty());
    }

    #[test]
    fn unknown_arguments_are_refused_before_anything_is_removed() {
        for line in [&["--image"][..], &["--images", "all"], &["--engine-dir"]] {
            let words: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
            Options::of(&words).expect_err("unknown");
        }
    }
}
