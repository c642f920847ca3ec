use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The calls that faults can be put upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Op {
    /// The order of an instance.
    CreateInstance,
    /// The description of one instance.
    GetInstance,
    /// A page of a listing of instances.
    ListInstances,
    /// The removal of an instance; at Contabo its cancellation.
    DeleteInstance,
    /// The upload of an SSH key.
    CreateKey,
    /// A page of a listing of SSH keys.
    ListKeys,
    /// The order of a snapshot of an instance.
    CreateSnapshot,
    /// A turn of the power switch.
    Power,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::CreateInstance,
        Self::GetInstance,
        Self::ListInstances,
        Self::DeleteInstance,
        Self::CreateKey,
        Self::ListKeys,
        Self::CreateSnapshot,
        Self::Power,
    ];

    /// As it is written in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateInstance => "create_instance",
            Self::GetInstance => "get_instance",
            Self::ListInstances => "list_instances",
            Self::DeleteInstance => "delete_instance",
            Self::CreateKey => "create_key",
            Self::ListKeys => "list_keys",
            Self::CreateSnapshot => "create_snapshot",
            Self::Power => "power",
        }
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// The answer is an error with [`Fault::status`], in the cloud's own form.
    Status,
    /// The connection is cut before anything is answered.
    Drop,
    /// The answer takes [`Fault::delay_ms`] of our milliseconds longer.
    DelayMs,
    /// 429, with [`Fault::retry_after`].
    RateLimit,
    /// The instance shows its address [`Fault::no_ip_ms`] of the provider's milliseconds later than else.
    NoIpMs,
    /// What was ordered never becomes ready.
    Stuck,
    /// The machine has another host key than its `user_data` says. On the backend `local` only.
    WrongHostKey,
    /// The answer is JSON of another shape.
    Garbage,
    /// The answer has no end.
    Huge,
}

/// One fault: which call, which one of them, and what goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fault {
    /// The calls concerned.
    pub op: Op,
    /// Which of them, counted from 1 since the faults were set. Default: every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// What goes wrong.
    pub kind: FaultKind,
    /// For [`FaultKind::Status`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// For `status`, `drop`, `garbage`, `huge` and `rate_limit`: what was asked for is done all the same.
    #[serde(default)]
    pub after_effect: bool,
    /// For [`FaultKind::DelayMs`], in milliseconds of ours: it is the client that is to be tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// For [`FaultKind::RateLimit`], in seconds as they stand in the header. Default: no such header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// For [`FaultKind::NoIpMs`], in milliseconds of the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_ip_ms: Option<u64>,
}

impl Fault {
    /// A fault of every call of that kind.
    #[must_use]
    pub fn new(op: Op, kind: FaultKind) -> Self {
        Self {
            op,
            nth: None,
            kind,
            status: None,
            after_effect: false,
            delay_ms: None,
            retry_after: None,
            no_ip_ms: None,
        }
    }

    /// An answer with that status.
    #[must_use]
    pub fn status(op: Op, status: u16) -> Self {
        let mut fault = Self::new(op, FaultKind::Status);
        fault.status = Some(status);
        fault
    }

    /// An answer that takes so many of our milliseconds longer.
    #[must_use]
    pub fn delay_ms(op: Op, milliseconds: u64) -> Self {
        let mut fault = Self::new(op, FaultKind::DelayMs);
        fault.delay_ms = Some(milliseconds);
        fault
    }

    /// A 429 that asks for so many seconds of patience.
    #[must_use]
    pub fn rate_limit(op: Op, retry_after: u64) -> Self {
        let mut fault = Self::new(op, FaultKind::RateLimit);
        fault.retry_after = Some(retry_after);
        fault
    }

    /// An address that comes so many of the provider's milliseconds later.
    #[must_use]
    pub fn no_ip_ms(milliseconds: u64) -> Self {
        let mut fault = Self::new(Op::CreateInstance, FaultKind::NoIpMs);
        fault.no_ip_ms = Some(milliseconds);
        fault
    }

    /// Only the so-manieth call, counted from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.nth = Some(nth);
        self
    }

    /// What was asked for is done all the same.
    #[must_use]
    pub fn after_effect(mut self) -> Self {
        self.after_effect = true;
        self
    }

    /// What is wrong with it; `None` when nothing is.
    pub(crate) fn flaw(&self) -> Option<String> {
        let lacks = |what: &str| Some(format!("a fault of this kind needs {what:?}"));
        match self.kind {
            FaultKind::Status => match self.status {
                None => lacks("status"),
                Some(status) if !(400..600).contains(&status) => {
                    Some("the status must be one from 400 to 599".to_owned())
                }
                Some(_) => None,
            },
            FaultKind::DelayMs if self.delay_ms.is_none() => lacks("delay_ms"),
            FaultKind::NoIpMs if self.no_ip_ms.is_none() => lacks("no_ip_ms"),
            _ => None,
        }
    }
}

/// The faults that are set, and how many calls there were since.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Set>);

#[derive(Debug, Default)]
struct Set {
    faults: Vec<Fault>,
    calls: BTreeMap<Op, u64>,
}

/// What happens to one call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strike {
    /// Before anything else.
    pub(crate) delay: Duration,
    /// What becomes of what is made.
    pub(crate) injected: Injected,
    /// What becomes of the answer.
    pub(crate) answer: Option<Fault>,
    /// For the records.
    pub(crate) kinds: Vec<FaultKind>,
}

/// What a fault does to the thing that a call makes. Operations of `Sim` obey it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Injected {
    pub(crate) stuck: bool,
    pub(crate) no_ip_ms: u64,
    pub(crate) wrong_host_key: bool,
}

impl Faults {
    /// Replaces all faults and counts from 1 again.
    pub(crate) fn set(&self, faults: Vec<Fault>) {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *set = Set {
            faults,
            calls: BTreeMap::new(),
        };
    }

    /// Counts a call and says what happens to it.
    pub(crate) fn strike(&self, op: Op) -> Strike {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = set.calls.entry(op).or_default();
        *count += 1;
        let count = *count;
        let mut strike = Strike::default();
        let due = |fault: &&Fault| fault.op == op && fault.nth.is_none_or(|nth| nth == count);
        for fault in set.faults.iter().filter(due) {
            strike.kinds.push(fault.kind);
            match fault.kind {
                FaultKind::DelayMs => {
                    strike.delay += Duration::from_millis(fault.delay_ms.unwrap_or(0));
                }
                FaultKind::NoIpMs => strike.injected.no_ip_ms += fault.no_ip_ms.unwrap_or(0),
                FaultKind::Stuck => strike.injected.stuck = true,
                FaultKind::WrongHostKey => strike.injected.wrong_host_key = true,
                FaultKind::Status
                | FaultKind::Drop
                | FaultKind::RateLimit
                | FaultKind::Garbage
                | FaultKind::Huge => {
                    strike.answer.get_or_insert_with(|| fault.clone());
                }
            }
        }
        strike
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_the_call_that_it_names_and_no_other() {
        let faults = Faults::default();
        faults.set(vec![Fault::status(Op::CreateKey, 500).nth(2)]);
        let struck = |op| faults.strike(op).answer.is_some();
        assert!(!struck(Op::CreateKey));
        assert!(!struck(Op::ListKeys));
        assert!(struck(Op::CreateKey));
        assert!(!struck(Op::CreateKey));
        faults.set(vec![Fault::status(Op::CreateKey, 500).nth(1)]);
        assert!(struck(Op::CreateKey), "the count begins anew");
    }

    #[test]
    fn a_fault_is_read_as_the_manual_writes_it() {
        let text = r#"[{"op":"create_instance","nth":1,"kind":"status","status":502,"after_effect":true},
            {"op":"list_instances","kind":"rate_limit","retry_after":3},
            {"op":"create_instance","kind":"no_ip_ms","no_ip_ms":5000},
            {"op":"power","kind":"delay_ms","delay_ms":10}]"#;
        let faults: Vec<Fault> = serde_json::from_str(text).expect("legal");
        assert_eq!(
            faults[0],
            Fault::status(Op::CreateInstance, 502).nth(1).after_effect()
        );
        assert!(faults.iter().all(|fault| fault.flaw().is_none()));
        for op in Op::ALL {
            assert_eq!(serde_json::json!(op), op.name());
        }
    }

    #[test]
    fn a_fault_without_its_number_is_refused() {
        assert!(Fault::new(Op::Power, FaultKind::Status).flaw().is_some());
        assert!(Fault::new(Op::Power, FaultKind::DelayMs).flaw().is_some());
        assert!(Fault::status(Op::Power, 200).flaw().is_some());
        assert!(Fault::new(Op::Power, FaultKind::Drop).flaw().is_none());
    }
}
