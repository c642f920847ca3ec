//! A software bill of materials: what is linked into the program, as CycloneDX JSON. Cargo knows it exactly,
//! for one platform and its features: no macro, nothing that is only built with or tested with.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context as _, Result};

use crate::command::Cmd;
use crate::tidy::packages::{Package, packages};
use crate::{root, usage};

/// The command line, or, where that is not there, the library.
const PROGRAMS: [&str; 2] = ["vps-docker-cli", "vps-docker"];

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let target = match arguments {
        [] => host()?,
        [flag, target] if flag == "--target" => target.clone(),
        _ => return Err(usage("`sbom` knows `--target T` and nothing else")),
    };
    let lock = packages(&fs::read_to_string(root().join("Cargo.lock"))?);
    let is_ours = |name: &&str| lock.iter().any(|package| package.name == *name);
    let program = PROGRAMS.into_iter().find(is_ours);
    let program = program.context("Cargo.lock names no program of ours")?;
    let tree = Cmd::cargo()
        .args([
            "tree",
            "--locked",
            "--package",
            program,
            "--target",
            &target,
        ])
        .args(["--edges", "normal,no-proc-macro", "--prefix", "depth"])
        .args(["--format", "\t{p}\t{l}\t{r}\t{f}"])
        .text()?;
    let bill = Bill::of(&tree, &lock)?;
    let file = root()
        .join("target/sbom")
        .join(format!("{program}-{target}.cdx.json"));
    fs::create_dir_all(file.parent().expect("it stands in a directory"))?;
    fs::write(&file, bill.json(&target)).with_context(|| file.display().to_string())?;
    println!("{} ({} packages)", file.display(), bill.components.len());
    Ok(())
}

fn host() -> Result<String> {
    let said = Cmd::new("rustc").arg("-vV").text()?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host
        .context("`rustc -vV` does not say for what it builds")?
        .to_owned())
}

/// Packages by their `pkg:cargo/…` address.
#[derive(Debug, Default)]
struct Bill {
    /// The program itself.
    root: String,
    components: BTreeMap<String, Component>,
    needs: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug)]
struct Component {
    name: String,
    version: String,
    licence: String,
    repository: String,
    features: String,
    checksum: Option<String>,
}

impl Bill {
    /// Reads what `cargo tree` printed.
    fn of(tree: &str, lock: &[Package]) -> Result<Self> {
        let mut bill = Self::default();
        // Those that the line is below of.
        let mut above: Vec<String> = Vec::new();
        for line in tree.lines().filter(|line| !line.is_empty()) {
            let unreadable = || format!("`cargo tree` said {line:?}");
            let mut fields = line.split('\t');
            let depth = fields.next().and_then(|depth| depth.parse().ok());
            let depth: usize = depth.with_context(unreadable)?;
            let component = Component::of(fields, lock).with_context(unreadable)?;
            let address = component.address();
            above.truncate(depth);
            match above.last() {
                None => bill.root.clone_from(&address),
                Some(parent) => {
                    let needs = bill.needs.entry(parent.clone()).or_default();
                    needs.insert(address.clone());
                }
            }
            bill.needs.entry(address.clone()).or_default();
            above.push(address.clone());
            bill.components.insert(address, component);
        }
        Ok(bill)
    }

    fn json(&self, target: &str) -> String {
        let is_root = |address: &&String| **address == self.root;
        let components = self.components.iter();
        let (program, libraries): (Vec<_>, Vec<_>) =
            components.partition(|(address, _)| is_root(address));
        let program: Vec<String> = program
            .into_iter()
            .map(|(address, component)| component.json("application", address))
            .collect();
        let libraries: Vec<String> = libraries
            .into_iter()
            .map(|(address, component)| component.json("library", address))
            .collect();
        let needs = self.needs.iter().map(|(address, needs)| {
            let needs: Vec<String> = needs.iter().map(|need| text(need)).collect();
            format!(
                "{{\"ref\":{},\"dependsOn\":[{}]}}",
                text(address),
                needs.join(",")
            )
        });
        let needs: Vec<String> = needs.collect();
        format!(
            "{{\n\"bomFormat\":\"CycloneDX\",\n\"specVersion\":\"1.5\",\n\"version\":1,\n\"metadata\":{{\
             \"component\":{},\"properties\":[{{\"name\":\"cargo:target\",\"value\":{}}}]}},\n\
             \"components\":[\n{}\n],\n\"dependencies\":[\n{}\n]\n}}\n",
            program.join(","),
            text(target),
            libraries.join(",\n"),
            needs.join(",\n"),
        )
    }
}

impl Component {
    fn of<'a>(mut fields: impl Iterator<Item = &'a str>, lock: &[Package]) -> Option<Self> {
        let mut words = fields.next()?.split_whitespace();
        let name = words.next()?.to_owned();
        let version = words.next()?.strip_prefix('v')?.to_owned();
        let locked = lock
            .iter()
            .find(|package| package.name == name && package.version == version)?;
        Some(Self {
            checksum: locked.checksum.clone(),
            licence: fields.next()?.trim().replace('/', " OR "),
            repository: fields.next()?.trim().to_owned(),
            // `(*)` says that what it needs stands above.
            features: fields.next()?.trim_end_matches("(*)").trim().to_owned(),
            name,
            version,
        })
    }

    fn address(&self) -> String {
        // Of what a version may hold only this has a meaning there.
        format!(
            "pkg:cargo/{}@{}",
            self.name,
            self.version.replace('+', "%2B")
        )
    }

    fn json(&self, kind: &str, address: &str) -> String {
        let mut fields = vec![
            format!("\"type\":{}", text(kind)),
            format!("\"bom-ref\":{}", text(address)),
            format!("\"name\":{}", text(&self.name)),
            format!("\"version\":{}", text(&self.version)),
            format!("\"purl\":{}", text(address)),
        ];
        if !self.licence.is_empty() {
            fields.push(format!(
                "\"licenses\":[{{\"expression\":{}}}]",
                text(&self.licence)
            ));
        }
        if let Some(checksum) = &self.checksum {
            let hash = format!("{{\"alg\":\"SHA-256\",\"content\":{}}}", text(checksum));
            fields.push(format!("\"hashes\":[{hash}]"));
        }
        if self.repository.starts_with("https://") {
            let url = text(&self.repository);
            fields.push(format!(
                "\"externalReferences\":[{{\"type\":\"vcs\",\"url\":{url}}}]"
            ));
        }
        if !self.features.is_empty() {
            let features = text(&self.features);
            fields.push(format!(
                "\"properties\":[{{\"name\":\"cargo:features\",\"value\":{features}}}]"
            ));
        }
        format!("{{{}}}", fields.join(","))
    }
}

/// A text of JSON.
fn text(plain: &str) -> String {
    let escaped = plain.chars().map(|c| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_components_and_who_needs_whom() {
        let lock = packages(
            "[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0+x\"\n\
             checksum = \"00ff\"\n\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n",
        );
        let tree = "0\tours v0.1.0 (/x)\tMIT\t\t\n1\ta v1.0.0+x\tMIT/Apache-2.0\thttps://x/\"\tstd\n\
                    2\tb v2.0.0\tMIT\t\t\n1\tb v2.0.0\tMIT\t\t (*)\n";
        let bill = Bill::of(tree, &lock).expect("readable");
        assert_eq!(bill.root, "pkg:cargo/ours@0.1.0");
        let needs = |name: &str| {
            bill.needs[name]
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
        };
        let (a, b) = ("pkg:cargo/a@1.0.0%2Bx", "pkg:cargo/b@2.0.0");
        assert_eq!(needs("pkg:cargo/ours@0.1.0"), [a, b]);
        assert_eq!((needs(a), needs(b)), (vec![b], vec![]));
        let json = bill.json("x86_64-unknown-linux-gnu");
        for part in [
            "\"expression\":\"MIT OR Apache-2.0\"",
            "\"content\":\"00ff\"",
            "https://x/\\\"",
            "\"cargo:features\",\"value\":\"std\"",
        ] {
            assert!(json.contains(part), "{json}");
        }
        Bill::of("0\tunlocked v1.0.0\tMIT\t\t\n", &lock).expect_err("not in Cargo.lock");
    }
}
