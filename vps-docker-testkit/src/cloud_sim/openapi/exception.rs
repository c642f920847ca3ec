/// A place where a document is known to be wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exception {
    side: Side,
    /// Method and path as the document's base and template make it, such as `POST /v1/servers`; `*` for all.
    operation: &'static str,
    /// What is excepted: for a body a JSON pointer to the value, where `*` stands for any one step and `**` for any
    /// number of them; with a `!` at the end that the property is missing, with `=null` that it is null; for a query parameter `?name`; for a
    /// kind of body other than JSON `?content-type`; for a status that the document lacks `=404`.
    path: &'static str,
    /// Why, for those who read the list.
    #[allow(dead_code, reason = "it is written for people")]
    why: &'static str,
}

/// Which half of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

impl Exception {
    /// What clients may send although the document does not know it.
    pub(crate) const fn request(
        operation: &'static str,
        path: &'static str,
        why: &'static str,
    ) -> Self {
        Self {
            side: Side::Request,
            operation,
            path,
            why,
        }
    }

    /// What is answered although the document does not know it.
    pub(crate) const fn response(
        operation: &'static str,
        path: &'static str,
        why: &'static str,
    ) -> Self {
        Self {
            side: Side::Response,
            operation,
            path,
            why,
        }
    }

    pub(super) fn covers(&self, side: Side, operation: &str, path: &str) -> bool {
        self.side == side
            && (self.operation == "*" || self.operation == operation)
            && fits(&steps(self.path), &steps(path))
    }
}

fn steps(path: &str) -> Vec<&str> {
    path.trim_start_matches('/').split('/').collect()
}

fn fits(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["**", rest @ ..], _) => (0..=path.len()).any(|skipped| fits(rest, &path[skipped..])),
        ([first, pattern @ ..], [step, path @ ..]) => {
            let ending = first
                .strip_prefix('*')
                .is_some_and(|end| step.ends_with(end));
            (ending || first == step) && fits(pattern, path)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_steps() {
        let covers = |pattern, path| fits(&steps(pattern), &steps(path));
        assert!(covers("/data/*/cancelDate", "/data/0/cancelDate"));
        assert!(!covers("/data/*/cancelDate", "/data/0/x/cancelDate"));
        assert!(covers("/**/cancelDate", "/data/0/x/cancelDate"));
        assert!(covers("/**/cancelDate", "/cancelDate"));
        assert!(!covers("/**/cancelDate", "/data/0/cancelDates"));
        assert!(covers("?page", "?page"));
        assert!(covers("/*=null", "/notes=null"));
        assert!(!covers("/*=null", "/notes"));
        assert!(!covers("/name", "/name!"), "wrong is not missing");
    }
}
