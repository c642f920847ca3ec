use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// A number of bytes, read as Docker reads it: `512m`, `2g`, `1.5GiB`, `4096`. A `k` is 1024 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteSize(u64);

/// The letters of the multiples of 1024.
const UNITS: &str = "kmgt";

impl ByteSize {
    /// So many bytes.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many times 1024 · 1024 bytes.
    #[must_use]
    pub const fn mebibytes(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }

    /// The number of bytes.
    #[must_use]
    pub const fn as_bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = Error;

    /// Reads a number with or without a unit.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for what is no number, for zero, and for what no machine has.
    fn from_str(text: &str) -> Result<Self> {
        let unfit = || {
            Error::new(
                ErrorKind::Invalid,
                format!("{text:?} is not a size; write one like 512m or 2g"),
            )
        };
        let lower = text.to_ascii_lowercase();
        let unit_at = lower.find(|c: char| c.is_ascii_alphabetic());
        let (number, unit) = lower.split_at(unit_at.unwrap_or(lower.len()));
        let letter = unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b'));
        let shift = match letter.unwrap_or(unit) {
            "" if unit != "ib" => 0,
            letter if letter.len() == 1 => 10 * (UNITS.find(letter).ok_or_else(unfit)? + 1),
            _ => return Err(unfit()),
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || number.ends_with('.') || !digits(whole) || !digits(part) {
            return Err(unfit());
        }
        // Three digits behind the point are enough for anybody; what is finer is a slip of the pen.
        let thousandths: u64 = match part.len() {
            0 => 0,
            n @ 1..=3 => part.parse::<u64>().map_err(|_| unfit())? * 10_u64.pow(3 - n as u32),
            _ => return Err(unfit()),
        };
        let whole: u64 = whole.parse().map_err(|_| unfit())?;
        let scale = 1_u64 << shift;
        let bytes = whole
            .checked_mul(scale)
            .and_then(|bytes| bytes.checked_add(thousandths * scale / 1000))
            .filter(|bytes| (1..1 << 50).contains(bytes))
            .ok_or_else(unfit)?;
        Ok(Self(bytes))
    }
}

/// With the largest unit that leaves no rest, as Docker reads it back.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number = self.0;
        let mut unit = None;
        for letter in UNITS.chars() {
            if number == 0 || !number.is_multiple_of(1024) {
                break;
            }
            number /= 1024;
            unit = Some(letter);
        }
        write!(f, "{number}{}", unit.unwrap_or('b'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        for (text, bytes, shown) in [
            ("4096", 4096, "4k"),
            ("1b", 1, "1b"),
            ("1000", 1000, "1000b"),
            ("10k", 10240, "10k"),
            ("512m", 512 << 20, "512m"),
            ("512MiB", 512 << 20, "512m"),
            ("2g", 2 << 30, "2g"),
            ("2GB", 2 << 30, "2g"),
            ("1.5g", 1536 << 20, "1536m"),
            ("1t", 1 << 40, "1t"),
        ] {
            let size: ByteSize = text.parse().expect(text);
            assert_eq!((size.as_bytes(), size.to_string()), (bytes, shown.into()));
            assert_eq!(shown.parse::<ByteSize>().expect("its own"), size);
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            "0",
            "0m",
            "-1",
            "+1",
            "m",
            "1x",
            "1mm",
            "1 m",
            "1.",
            ".5g",
            "1.2.3g",
            "1.2345g",
            "1bb",
            "1ib",
            "1kbb",
            "9999999999g",
            "1e3",
            "1024t",
            "٣m",
        ] {
            let error = text.parse::<ByteSize>().expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }
}
