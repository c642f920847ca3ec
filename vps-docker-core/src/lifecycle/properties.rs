use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use super::look::Look;
use crate::cloud_init::BootstrapReport;
use crate::docker::ContainerState;
use crate::error::Error;
use crate::model::printable;
use crate::ssh::Output;

/// What a VPS answers is read or refused, and nothing of it that is told steers a terminal.
pub fn vps_answers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match BootstrapReport::parse(&text) {
        Ok(report) => report.check().err().iter().for_each(assert_printable),
        Err(error) => assert_printable(&error),
    }
    ContainerState::parse(&text)
        .err()
        .iter()
        .for_each(assert_printable);
    for code in [0, 1] {
        let output = Output {
            status: ExitStatus::from_raw(code << 8),
            stdout: text.clone().into_owned(),
            stderr: text.clone().into_owned(),
        };
        match Look::parse(output) {
            Ok(look) => look.state().1.iter().for_each(assert_printable),
            Err(error) => assert_printable(&error),
        }
    }
}

fn assert_printable(error: &Error) {
    let shown = error.to_string();
    assert_eq!(shown, printable(&shown), "{shown:?}");
}
