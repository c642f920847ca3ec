//! How an input of any bytes is several texts: what a fuzzer makes, and what a person can read.

/// Between two fields: a byte that no text has.
pub(crate) const SEPARATOR: u8 = 0xff;

/// The fields of an input; there is at least one. What is no text becomes one.
pub(crate) fn fields(data: &[u8]) -> Vec<String> {
    data.split(|byte| *byte == SEPARATOR)
        .map(|field| String::from_utf8_lossy(field).into_owned())
        .collect()
}

/// The input that has these fields.
#[cfg(test)]
pub(crate) fn input<S: AsRef<[u8]>>(fields: impl IntoIterator<Item = S>) -> Vec<u8> {
    let fields: Vec<S> = fields.into_iter().collect();
    let fields: Vec<&[u8]> = fields.iter().map(AsRef::as_ref).collect();
    fields.join(&SEPARATOR)
}
