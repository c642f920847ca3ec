use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::{FaultKind, Op};

/// Requests that are kept one by one; older ones are only counted. The invalid ones and the bad responses are
/// kept apart, so that they are not pushed out.
const KEPT: usize = 20_000;
const KEPT_FAULTY: usize = 1_000;

/// What was asked of a simulator: the answer of `_sim/requests`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Requests {
    /// Whether requests and responses were checked against the API's document: whether it was at hand.
    pub validated: bool,
    /// How many requests there were.
    pub total: u64,
    /// How many are being handled, beside those.
    pub under_way: u64,
    /// How many of them did not fit the API's document.
    pub invalid: u64,
    /// How many of the simulator's own responses did not: mistakes of the simulator.
    pub bad_responses: u64,
    /// Parts of the document that could not be checked, and why.
    pub unchecked: Vec<String>,
    /// How many calls there were of each kind that faults can be put upon.
    pub by_op: BTreeMap<String, u64>,
    /// How many answers there were of each status. `0` stands for a cut connection.
    pub by_status: BTreeMap<u16, u64>,
    /// Requests that were invalid or whose responses were bad, up to a thousand.
    pub faulty: Vec<Record>,
    /// The last requests, oldest first, up to twenty thousand.
    pub requests: Vec<Record>,
}

/// One request. Headers and bodies are not kept: there are secrets in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// Counted from 1.
    pub number: u64,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query, decoded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, String)>,
    /// What was asked for, of the calls that faults can be put upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<Op>,
    /// The status of the answer; `None` when the connection was cut.
    pub status: Option<u16>,
    /// Why the request does not fit the API's document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<String>,
    /// Why the response does not fit it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad_response: Option<String>,
    /// The faults that struck.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultKind>,
}

#[derive(Debug, Default)]
pub(crate) struct Records {
    kept: Mutex<Kept>,
    under_way: AtomicU64,
}

/// A request that is being handled.
pub(crate) struct UnderWay<'a>(&'a AtomicU64);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct Kept {
    counts: Requests,
    last: VecDeque<Record>,
}

impl Records {
    /// Counts a request that is being handled, for as long as the answer is kept.
    pub(crate) fn begin(&self) -> UnderWay<'_> {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(&self.under_way)
    }

    pub(crate) fn add(&self, mut record: Record) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { counts, last } = &mut *kept;
        counts.total += 1;
        record.number = counts.total;
        counts.invalid += u64::from(record.invalid.is_some());
        counts.bad_responses += u64::from(record.bad_response.is_some());
        *counts
            .by_status
            .entry(record.status.unwrap_or(0))
            .or_default() += 1;
        if let Some(op) = record.op {
            *counts.by_op.entry(op.name().to_owned()).or_default() += 1;
        }
        let faulty = record.invalid.is_some() || record.bad_response.is_some();
        if faulty && counts.faulty.len() < KEPT_FAULTY {
            counts.faulty.push(record.clone());
        }
        if last.len() == KEPT {
            last.pop_front();
        }
        last.push_back(record);
    }

    pub(crate) fn all(&self) -> Requests {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = kept.counts.clone();
        all.under_way = self.under_way.load(Ordering::Relaxed);
        all.requests = kept.last.iter().cloned().collect();
        all
    }
}

impl Requests {
    /// As `_sim/requests` answers.
    pub(crate) fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("numbers and text are JSON")
    }
}
