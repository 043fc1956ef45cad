use super::rlp::{Item, RlpError};

/// What a block's header says that balances need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) number: u64,
    pub(crate) state_root: [u8; 32],
    pub(crate) time: u64,
}

/// Most bytes of extra data: 32 on Ethereum; chains whose signers sign in it have more.
const MAX_EXTRA: usize = 4096;

impl Header {
    /// Reads a header in the form of any hard fork up to Prague: 15 fields, 16 with a base fee (London), 17 with
    /// withdrawals (Shanghai), 20 with blobs (Cancun), 21 with requests (Prague). Fields are checked for their shapes.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RlpError> {
        let fields = Item::whole(bytes)?.list(21)?;
        let [
            parent,
            ommers,
            beneficiary,
            state_root,
            transactions,
            receipts,
            bloom,
            difficulty,
            number,
            gas_limit,
            gas_used,
            time,
            extra,
            mix,
            nonce,
            later @ ..,
        ] = fields.as_slice()
        else {
            return Err(RlpError::Shape);
        };
        for hash in [parent, ommers, transactions, receipts, mix] {
            hash.array::<32>()?;
        }
        beneficiary.array::<20>()?;
        bloom.array::<256>()?;
        nonce.array::<8>()?;
        difficulty.word()?;
        for number in [gas_limit, gas_used] {
            number.u64()?;
        }
        if extra.bytes()?.len() > MAX_EXTRA || !matches!(later.len(), 0 | 1 | 2 | 5 | 6) {
            return Err(RlpError::Shape);
        }
        for (place, field) in later.iter().enumerate() {
            match place {
                0 => field.word().map(drop)?,
                2 | 3 => field.u64().map(drop)?,
                _ => field.array::<32>().map(drop)?,
            }
        }
        Ok(Self { number: number.u64()?, state_root: state_root.array()?, time: time.u64()? })
    }
}
