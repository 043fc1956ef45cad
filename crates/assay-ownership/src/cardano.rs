//! Cardano: addresses with a payment key's hash; raw signatures and CIP-8.

use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;

use crate::ed25519::{self, Form};
use crate::error::{undecodable, unsupported};
use crate::{
    Assumption, Binding, Claim, Control, Field, Invalid, OwnershipError, Scheme, Threshold, Unbound, hash,
    text,
};

pub(crate) fn verify(claim: &Claim<'_>, main: bool) -> Result<Control, OwnershipError> {
    let address = decode(claim.address, main)?;
    let signature = claim.single()?;
    let shown = claim.evidence.public_key.ok_or(Unbound::NoKey)?;
    let key = public_key(shown)?;
    let derived: [u8; 28] = hash::blake2b(&key);
    if derived != address.payment {
        return Err(Unbound::OtherAddress { signer: format!("the key {}", text::to_hex(&key)) }.into());
    }
    let scheme = match text::array_of::<64>(signature, Field::Signature) {
        Ok(signature) => ed25519::verify(claim, &key, &signature, Form::common(claim.message))?,
        Err(_) => verify_cose(claim, &address.bytes, &key, &text::hex(signature, Field::Signature)?)?,
    };
    Ok(Control {
        scheme,
        message: claim.message.to_vec(),
        binding: Binding::KeyHash,
        threshold: Some(Threshold::SINGLE),
        keys: vec![key.to_vec()],
        recovered: false,
        coins: Vec::new(),
        assumed: Vec::<Assumption>::new(),
    })
}

/// The whole address, stake part included.
pub(crate) fn account(address: &str, main: bool) -> Result<Vec<u8>, OwnershipError> {
    decode(address, main).map(|address| address.bytes)
}

struct Address {
    bytes: Vec<u8>,
    payment: [u8; 28],
}

fn decode(address: &str, main: bool) -> Result<Address, OwnershipError> {
    let Ok(checked) = CheckedHrpstring::new::<Bech32>(address) else {
        return undecodable(
            Field::Address,
            "not bech32 with a good checksum; Byron addresses aren't supported",
        );
    };
    let (prefix, network) = if main { ("addr", 1) } else { ("addr_test", 0) };
    if checked.hrp().to_lowercase() != prefix {
        return undecodable(Field::Address, "not a payment address of this network");
    }
    let bytes: Vec<u8> = checked.byte_iter().collect();
    let Some((header, rest)) = bytes.split_first() else {
        return undecodable(Field::Address, "empty");
    };
    if header & 0x0f != network {
        return undecodable(Field::Address, "an address of another network");
    }
    // Kinds with a payment key: with a stake key, a stake script, a stake pointer, or alone.
    let length_fits = match header >> 4 {
        0 | 2 => rest.len() == 56,
        4 => rest.len() > 28,
        6 => rest.len() == 28,
        1 | 3 | 5 | 7 => return unsupported("Cardano script addresses"),
        _ => return undecodable(Field::Address, "an unknown kind"),
    };
    match rest.first_chunk().copied() {
        Some(payment) if length_fits => Ok(Address { payment, bytes }),
        _ => undecodable(Field::Address, "the wrong length"),
    }
}

/// 32 bytes, or a COSE_Key with them.
fn public_key(shown: &str) -> Result<[u8; 32], OwnershipError> {
    if let Ok(key) = text::array_of(shown, Field::PublicKey) {
        return Ok(key);
    }
    let bytes = text::hex(shown, Field::PublicKey)?;
    let mut reader = Cbor(&bytes);
    let key = (|| {
        let mut key = None;
        for _ in 0..reader.map()? {
            match reader.label()? {
                // x coordinate
                Label::Number(-2) => key = Some(reader.bytes()?.try_into().ok()?),
                _ => reader.skip()?,
            }
        }
        reader.0.is_empty().then_some(key?)
    })();
    match key {
        Some(key) => Ok(key),
        None => undecodable(Field::PublicKey, "neither 32 bytes nor a COSE key"),
    }
}

/// Verifies a COSE_Sign1, whose payload must be the message and whose address, where it has one, the listed one.
fn verify_cose(
    claim: &Claim<'_>,
    address: &[u8],
    key: &[u8; 32],
    bytes: &[u8],
) -> Result<Scheme, OwnershipError> {
    let Some(sign1) = Sign1::read(bytes) else {
        return undecodable(Field::Signature, "neither 64 bytes nor a COSE_Sign1");
    };
    if sign1.address.is_some_and(|named| named != address) {
        return Err(Invalid::OtherAddress.into());
    }
    let hashed: [u8; 28] = hash::blake2b(claim.message);
    let payload: &[u8] = if sign1.hashed { &hashed } else { claim.message };
    if sign1.payload != payload {
        return Err(Invalid::OtherMessage.into());
    }
    let head = |kind: u8, length: usize| -> Vec<u8> {
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(length @ 0..24), _) => vec![kind << 5 | length],
            (Ok(length), _) => vec![kind << 5 | 24, length],
            (_, Ok(length)) => [&[kind << 5 | 25][..], &length.to_be_bytes()].concat(),
            _ => [&[kind << 5 | 26][..], &u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()].concat(),
        }
    };
    let signed = [
        &head(4, 4)[..],
        &head(3, 10),
        b"Signature1",
        &head(2, sign1.protected.len()),
        sign1.protected,
        &head(2, 0),
        &head(2, payload.len()),
        payload,
    ]
    .concat();
    ed25519::verify(claim, key, &sign1.signature, [Form::new(Scheme::Cip8, signed)])
}

struct Sign1<'a> {
    protected: &'a [u8],
    address: Option<&'a [u8]>,
    hashed: bool,
    payload: &'a [u8],
    signature: [u8; 64],
}

impl<'a> Sign1<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        // The tag of COSE_Sign1 may stand in front.
        let mut reader = Cbor(bytes.strip_prefix(&[0xd2]).unwrap_or(bytes));
        if reader.head(4)? != 4 {
            return None;
        }
        let protected = reader.bytes()?;
        let mut header = Cbor(protected);
        let (mut algorithm, mut address) = (None, None);
        for _ in 0..header.map()? {
            match header.label()? {
                Label::Number(1) => algorithm = Some(header.number()?),
                Label::Text(b"address") => address = Some(header.bytes()?),
                // Critical headers change what is verified.
                Label::Number(2) => return None,
                _ => header.skip()?,
            }
        }
        let mut hashed = false;
        for _ in 0..reader.map()? {
            match reader.label()? {
                Label::Text(b"hashed") => hashed = reader.flag()?,
                _ => reader.skip()?,
            }
        }
        let payload = reader.bytes()?;
        let signature = reader.bytes()?.try_into().ok()?;
        // EdDSA is algorithm -8.
        let whole = header.0.is_empty() && reader.0.is_empty() && algorithm == Some(-8);
        whole.then_some(Self { protected, address, hashed, payload, signature })
    }
}

enum Label<'a> {
    Number(i64),
    Text(&'a [u8]),
}

/// The parts of CBOR that CIP-8 takes; definite lengths only.
struct Cbor<'a>(&'a [u8]);

impl<'a> Cbor<'a> {
    /// Length or value of the next item, which must be of major type `kind`.
    fn head(&mut self, kind: u8) -> Option<u64> {
        let (found, value) = self.any_head()?;
        (found == kind).then_some(value)
    }

    fn any_head(&mut self) -> Option<(u8, u64)> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        let value = match first & 0x1f {
            small @ 0..24 => u64::from(small),
            more @ 24..=27 => {
                let (bytes, rest) = self.0.split_at_checked(1 << (more - 24))?;
                self.0 = rest;
                bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
            }
            _ => return None,
        };
        Some((first >> 5, value))
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.head(2)?;
        self.take(length)
    }

    fn map(&mut self) -> Option<u64> {
        self.head(5).filter(|entries| *entries <= 16)
    }

    fn number(&mut self) -> Option<i64> {
        match self.any_head()? {
            (0, value) => i64::try_from(value).ok(),
            (1, value) => (-1_i64).checked_sub(i64::try_from(value).ok()?),
            _ => None,
        }
    }

    fn label(&mut self) -> Option<Label<'a>> {
        match self.0.first()? >> 5 {
            3 => {
                let length = self.head(3)?;
                self.take(length).map(Label::Text)
            }
            _ => self.number().map(Label::Number),
        }
    }

    fn flag(&mut self) -> Option<bool> {
        match self.any_head()? {
            (7, 20) => Some(false),
            (7, 21) => Some(true),
            _ => None,
        }
    }

    /// Passes over a number, text, bytes or simple value; nothing else stands in these headers.
    fn skip(&mut self) -> Option<()> {
        match self.any_head()? {
            (0 | 1 | 7, _) => Some(()),
            (2 | 3, length) => self.take(length).map(|_| ()),
            // A list of key operations.
            (4, items @ 0..=16) => (0..items).try_for_each(|_| self.number().map(|_| ())),
            _ => None,
        }
    }
}
