use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::file::parse_record;
use super::host_entry::KnownHost;
use super::{
    AgentRecord, Contents, HostRecord, HostSnapshot, JournalEntry, SCHEMA_VERSION, StopMark,
};
use crate::error::ErrorKind;

/// A record is read or refused, on this side and on the VPS; what was read is written and read
/// again the same; one of a newer version is never taken for ours.
pub fn records(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    same::<HostRecord>(&text);
    same::<JournalEntry>(&text);
    same::<HostSnapshot>(&text);
    same::<AgentRecord>(&text);
    same::<StopMark>(&text);
    same::<KnownHost>(&text);
    let line = text.replace(['\n', '\r'], " ");
    for lines in [
        text.clone().into_owned(),
        format!(
            "host.json\t{line}\nsnapshots/a.json\t{line}\nagents/a.json\t{line}\nstop.json\t{line}\n"
        ),
    ] {
        let contents = Contents::parse(&lines);
        for error in &contents.corrupt {
            assert_eq!(error.kind(), ErrorKind::State);
        }
        let is_corrupt = contents.record.is_none() && !contents.corrupt.is_empty();
        assert_eq!(contents.into_record().is_err(), is_corrupt);
    }
}

fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str) {
    let record: T = match parse_record(text, "here") {
        Ok(record) => record,
        Err(error) => return assert_eq!(error.kind(), ErrorKind::State),
    };
    let written = serde_json::to_string_pretty(&record).expect("plain data");
    let version: serde_json::Value = serde_json::from_str(&written).expect("our own");
    let version = version["schema_version"]
        .as_u64()
        .expect("every record has one");
    assert!(version <= SCHEMA_VERSION.into(), "{written}");
    let again: T =
        parse_record(&written, "here").unwrap_or_else(|error| panic!("{error}: {written}"));
    assert_eq!(again, record);
}
