//! What the user sees when something went wrong.

use std::error::Error as _;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use serde_json::json;
use vps_docker::model::printable;
use vps_docker::{Error, ErrorKind};

use crate::output;

/// Says what happened, why, and what to do next; the exit code is that of the error's kind. With `--json`
/// the error is the one document on standard output as well.
pub(crate) fn report(error: &Error, json: bool) -> ExitCode {
    let code = vps_docker::exit_code(error.kind());
    let causes = causes(error);
    let hint = hint(error);
    if json {
        output::print_json(&json!({
            "error": {
                "kind": error.kind().name(),
                "message": error.to_string(),
                "causes": causes,
                "hint": hint,
                "exit_code": code,
                "host": error.host(),
                "instance_id": error.instance().map(vps_docker::model::InstanceId::as_str),
                "retryable": error.is_retryable(),
            }
        }));
    }
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let dim = Style::new().dimmed();
    let bold = Style::new().bold();
    let width = output::width_of(&std::io::stderr());
    let hanging = |text: &str| output::wrapped(text, width, 7);
    anstream::eprintln!("{red}error:{red:#} {}", hanging(&error.to_string()));
    for cause in causes {
        let cause = output::wrapped(&cause, width, 10);
        anstream::eprintln!("{dim}  because {cause}{dim:#}");
    }
    if let Some(hint) = hint {
        anstream::eprintln!("{bold}next:{bold:#}  {}", hanging(&hint));
    }
    ExitCode::from(code)
}

fn causes(error: &Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Our own errors see to it themselves that they steer no terminal.
        causes.push(printable(error.to_string().trim()).replace(['\n', '\t'], " "));
        cause = error.source();
    }
    causes
}

/// The command that helps, where one does. Most errors say themselves what to do.
fn hint(error: &Error) -> Option<String> {
    let host = error.host().unwrap_or("NAME");
    match error.kind() {
        ErrorKind::NotFound if error.host().is_some() => {
            Some("`vps-docker ls` shows the hosts that there are".to_owned())
        }
        ErrorKind::Auth => Some("`vps-docker doctor` checks the credentials of every provider".to_owned()),
        _ if error.operation() == Some("health") => Some(format!(
            "mend it and `vps-docker up` again; `vps-docker logs {host}` shows what the container that runs says"
        )),
        ErrorKind::Unreachable | ErrorKind::Timeout if error.host().is_some() => Some(format!(
            "`vps-docker inspect {host}` tells what the provider says of it; `vps-docker power {host} reboot` \
             restarts the VPS"
        )),
        ErrorKind::Capacity => Some(
            "name several plans or regions, as in `--plan cx23,cx33 --region fsn1,nbg1`: they are tried in that order"
                .to_owned(),
        ),
        ErrorKind::NameTaken => Some(format!(
            "`vps-docker inspect {host}` shows the one that there is; choose another name, or destroy it"
        )),
        ErrorKind::State | ErrorKind::Bootstrap | ErrorKind::Docker if error.host().is_some() => {
            Some(format!("`vps-docker why {host}` and `vps-docker logs {host}` tell more"))
        }
        _ => None,
    }
}
