//! The README's table of what each provider can do is that of their `Capabilities`.

use vps_docker::registry::{Need, ProviderOptions, Registration, Registry};
use vps_docker::{Capabilities, VpsClient};

const BEGIN: &str = "<!-- capabilities -->\n";
const END: &str = "<!-- end of capabilities -->";

/// A column of the table: its heading, and whether a provider can do it.
type Column = (&'static str, fn(&Capabilities) -> bool);

const COLUMNS: &[Column] = &[
    ("tags changed", |can| can.set_tags),
    ("renamed", |can| can.rename),
    ("power", |can| can.power),
    ("instance snapshots", |can| can.snapshots),
    ("created from them", |can| can.create_from_snapshot),
    ("SSH keys kept", |can| can.ssh_key_store),
    ("firewall", |can| can.firewall),
    ("limits told", |can| can.limits),
    ("names unique", |can| can.unique_names),
    ("paid to the end of a term", |can| can.term_contract),
];

#[test]
fn the_readme_says_what_each_provider_can_do() {
    let readme = include_str!("../README.md");
    let (_, rest) = readme.split_once(BEGIN).expect("the table begins");
    let (shown, _) = rest.split_once(END).expect("the table ends");
    let table = table();
    assert_eq!(
        shown, table,
        "put this into README.md:\n{BEGIN}{table}{END}"
    );
}

fn table() -> String {
    let registry = Registry::linked().expect("no name is taken twice");
    let headings: Vec<&str> = COLUMNS.iter().map(|(heading, _)| *heading).collect();
    let mut table = format!(
        "| provider | {} | most `user_data` |\n| --- |{} --- |\n",
        headings.join(" | "),
        " --- |".repeat(headings.len())
    );
    for registration in registry.iter() {
        let client = (registration.build)(&options(registration)).expect("fit");
        table.push_str(&row(&*client));
    }
    table
}

fn row(client: &dyn VpsClient) -> String {
    let can = client.capabilities();
    let cells = COLUMNS
        .iter()
        .map(|(_, of)| if of(&can) { "yes" } else { "–" });
    let cells: Vec<&str> = cells.collect();
    let user_data = match can.user_data_limit {
        0 | usize::MAX => "–".to_owned(),
        bytes => format!("{} KiB", bytes / 1024),
    };
    format!(
        "| `{}` | {} | {user_data} |\n",
        client.provider_name(),
        cells.join(" | ")
    )
}

/// Something for each option that is needed: nothing is asked with it.
fn options(registration: &Registration) -> ProviderOptions {
    let needed = registration
        .options
        .iter()
        .filter(|option| option.need != Need::Optional);
    needed.fold(ProviderOptions::new(), |options, option| {
        options.set(option.key, "/nowhere")
    })
}
