//! Strict RLP: one encoding for each value, all others are errors.

/// RLP that breaks a rule of its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RlpError {
    /// A length reaches beyond the end.
    #[error("RLP is cut off")]
    Short,
    /// Bytes follow the value.
    #[error("bytes follow the RLP value")]
    Trailing,
    /// The same value has a shorter encoding.
    #[error("RLP isn't in its one canonical form")]
    NonCanonical,
    /// A list where a string must be, the other way round, or a field of a wrong length.
    #[error("an RLP field has another shape than expected")]
    Shape,
}

/// A value and its encoding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'a> {
    is_list: bool,
    payload: &'a [u8],
    /// Header and payload.
    pub(crate) encoded: &'a [u8],
}

impl<'a> Item<'a> {
    /// The value that all of `input` encodes.
    pub(crate) fn whole(input: &'a [u8]) -> Result<Self, RlpError> {
        match Self::first(input)? {
            (item, []) => Ok(item),
            _ => Err(RlpError::Trailing),
        }
    }

    /// The first value of `input`, and what follows it.
    fn first(input: &'a [u8]) -> Result<(Self, &'a [u8]), RlpError> {
        let &tag = input.first().ok_or(RlpError::Short)?;
        let (is_list, header, length) = match tag {
            0..=0x7f => (false, 0, 1),
            0x80..=0xb7 => (false, 1, usize::from(tag - 0x80)),
            0xb8..=0xbf => long(input, tag - 0xb7).map(|(header, length)| (false, header, length))?,
            0xc0..=0xf7 => (true, 1, usize::from(tag - 0xc0)),
            0xf8.. => long(input, tag - 0xf7).map(|(header, length)| (true, header, length))?,
        };
        let end = length.checked_add(header).ok_or(RlpError::Short)?;
        let (encoded, rest) = input.split_at_checked(end).ok_or(RlpError::Short)?;
        let payload = encoded.get(header..).ok_or(RlpError::Short)?;
        // A single byte below 0x80 is its own encoding.
        if !is_list && header == 1 && matches!(payload, [0..=0x7f]) {
            return Err(RlpError::NonCanonical);
        }
        Ok((Self { is_list, payload, encoded }, rest))
    }

    /// Its bytes, if it is a string.
    pub(crate) fn bytes(&self) -> Result<&'a [u8], RlpError> {
        if self.is_list { Err(RlpError::Shape) } else { Ok(self.payload) }
    }

    /// Its bytes, if it is a string of `N`.
    pub(crate) fn array<const N: usize>(&self) -> Result<[u8; N], RlpError> {
        self.bytes()?.try_into().map_err(|_| RlpError::Shape)
    }

    /// The number that it is, big-endian without zeros in front.
    pub(crate) fn word(&self) -> Result<[u8; 32], RlpError> {
        let bytes = self.bytes()?;
        if bytes.first() == Some(&0) {
            return Err(RlpError::NonCanonical);
        }
        let start = 32usize.checked_sub(bytes.len()).ok_or(RlpError::Shape)?;
        let mut word = [0; 32];
        word.get_mut(start..).ok_or(RlpError::Shape)?.copy_from_slice(bytes);
        Ok(word)
    }

    /// The number that it is, below `2^64`.
    pub(crate) fn u64(&self) -> Result<u64, RlpError> {
        let word = self.word()?;
        match word.split_last_chunk::<8>() {
            Some((high, low)) if high.iter().all(|&byte| byte == 0) => Ok(u64::from_be_bytes(*low)),
            _ => Err(RlpError::Shape),
        }
    }

    /// Whether it is a list.
    pub(crate) const fn is_list(&self) -> bool {
        self.is_list
    }

    /// The values of a list with at most `most`.
    pub(crate) fn list(&self, most: usize) -> Result<Vec<Self>, RlpError> {
        if !self.is_list {
            return Err(RlpError::Shape);
        }
        let mut rest = self.payload;
        let mut items = Vec::new();
        while !rest.is_empty() {
            if items.len() == most {
                return Err(RlpError::Shape);
            }
            let (item, after) = Self::first(rest)?;
            items.push(item);
            rest = after;
        }
        Ok(items)
    }
}

/// Length of a header with `count` bytes of length, and that length.
fn long(input: &[u8], count: u8) -> Result<(usize, usize), RlpError> {
    let count = usize::from(count);
    let bytes = input.get(1..=count).ok_or(RlpError::Short)?;
    if bytes.first() == Some(&0) {
        return Err(RlpError::NonCanonical);
    }
    let length = bytes.iter().try_fold(0usize, |sum, &byte| {
        sum.checked_mul(256).and_then(|sum| sum.checked_add(usize::from(byte))).ok_or(RlpError::Short)
    })?;
    if length < 56 { Err(RlpError::NonCanonical) } else { Ok((count + 1, length)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_spellings_are_refused() {
        for bytes in [&[0x81, 0x05][..], &[0xb8, 1, 0x80], &[0xb9, 0, 56], &[0xf8, 1, 0x80]] {
            assert_eq!(Item::whole(bytes).unwrap_err(), RlpError::NonCanonical, "{bytes:?}");
        }
        assert_eq!(Item::whole(&[0x80, 0x80]).unwrap_err(), RlpError::Trailing);
        assert_eq!(Item::whole(&[0x82, 0x80]).unwrap_err(), RlpError::Short);
        assert_eq!(Item::whole(&[]).unwrap_err(), RlpError::Short);
        assert_eq!(
            Item::whole(&[0xbf, 255, 255, 255, 255, 255, 255, 255, 255]).unwrap_err(),
            RlpError::Short
        );
        assert_eq!(Item::whole(&[0x00]).unwrap().word().unwrap_err(), RlpError::NonCanonical);
        assert_eq!(Item::whole(&[0x82, 1, 0]).unwrap().u64().unwrap(), 256);
        assert_eq!(Item::whole(&[0x80]).unwrap().u64().unwrap(), 0);
    }
}
