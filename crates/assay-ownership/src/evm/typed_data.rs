//! EIP-712: hashes of typed structured data.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::challenge::CHALLENGE_DOMAIN;
use crate::error::undecodable;
use crate::{Field, OwnershipError, hash, text};

/// How deep structs and arrays may nest.
const MAX_DEPTH: u32 = 32;

/// Types that one document may define.
const MAX_TYPES: usize = 64;

/// Words that one hash may encode, so that types that refer to each other don't blow up.
const MAX_VALUES: u32 = 1 << 16;

/// The hash that is signed for EIP-712 typed data, given as the JSON of `eth_signTypedData_v4`.
pub fn typed_data_hash(json: &str) -> Result<[u8; 32], TypedDataError> {
    TypedData::parse(json)?.digest()
}

/// Why typed data has no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypedDataError {
    /// The text isn't JSON of the right layout.
    #[error("not typed data: {0}")]
    Layout(&'static str),
    /// A type is used and not defined, or defined wrongly.
    #[error("a type is missing or wrong")]
    Type,
    /// A value doesn't fit its type.
    #[error("a value doesn't fit its type")]
    Value,
    /// Types or values nest too deep or are too many.
    #[error("typed data nests too deep or is too large")]
    Large,
}

/// Typed data, taken apart.
pub(super) struct TypedData {
    types: BTreeMap<String, Vec<(String, String)>>,
    primary: String,
    domain: Map<String, Value>,
    message: Map<String, Value>,
}

impl TypedData {
    pub(super) fn read(json: &str) -> Result<Self, OwnershipError> {
        Self::parse(json).or_else(|_| undecodable(Field::TypedData, "not EIP-712 typed data"))
    }

    pub(super) fn hash(&self) -> Result<[u8; 32], OwnershipError> {
        self.digest().or_else(|_| undecodable(Field::TypedData, "typed data without a hash"))
    }

    /// Whether a text field of the outermost struct is exactly `message`.
    pub(super) fn has_text(&self, message: &[u8]) -> bool {
        let fields = self.types.get(&self.primary).map(Vec::as_slice).unwrap_or_default();
        fields.iter().filter(|(_, kind)| kind == "string").any(|(name, _)| {
            self.message.get(name).and_then(Value::as_str).is_some_and(|text| text.as_bytes() == message)
        })
    }

    /// Whether the domain is that of a [`Challenge`](crate::Challenge).
    pub(super) fn is_challenge(&self) -> bool {
        self.domain.get("name").and_then(Value::as_str) == Some(CHALLENGE_DOMAIN)
    }

    fn parse(json: &str) -> Result<Self, TypedDataError> {
        let layout = TypedDataError::Layout;
        const KEYS: [&str; 4] = ["types", "primaryType", "domain", "message"];
        let value: Value = serde_json::from_str(json).map_err(|_| layout("not JSON"))?;
        let Value::Object(mut value) = value else { return Err(layout("not an object")) };
        // Whatever else stood here would look signed.
        if value.keys().any(|key| !KEYS.contains(&key.as_str())) {
            return Err(layout("more than types, primaryType, domain and message"));
        }
        let (Some(Value::Object(types)), Some(Value::String(primary))) =
            (value.remove("types"), value.remove("primaryType"))
        else {
            return Err(layout("types or primaryType is missing"));
        };
        let (Some(Value::Object(domain)), Some(Value::Object(message))) =
            (value.remove("domain"), value.remove("message"))
        else {
            return Err(layout("domain or message is missing"));
        };
        // EIP-712 lets the domain be all that is signed, and the message would then only look signed.
        if primary == DOMAIN {
            return Err(layout("nothing but a domain"));
        }
        if types.len() > MAX_TYPES {
            return Err(TypedDataError::Large);
        }
        let mut read = BTreeMap::new();
        for (name, fields) in types {
            let Value::Array(fields) = fields else { return Err(TypedDataError::Type) };
            let fields: Option<Vec<_>> = fields.iter().map(field).collect();
            let fields = fields.ok_or(TypedDataError::Type)?;
            let names: BTreeSet<_> = fields.iter().map(|(name, _)| name).collect();
            if !is_name(&name) || names.len() != fields.len() {
                return Err(TypedDataError::Type);
            }
            read.insert(name, fields);
        }
        read.entry(DOMAIN.to_owned()).or_insert_with(|| domain_fields(&domain));
        Ok(Self { types: read, primary, domain, message })
    }

    fn digest(&self) -> Result<[u8; 32], TypedDataError> {
        let mut work = Work { left: MAX_VALUES, type_hashes: BTreeMap::new() };
        let domain = self.struct_hash(DOMAIN, &self.domain, MAX_DEPTH, &mut work)?;
        let message = self.struct_hash(&self.primary, &self.message, MAX_DEPTH, &mut work)?;
        Ok(hash::keccak256(&[&[0x19, 0x01][..], &domain, &message].concat()))
    }

    fn struct_hash(
        &self,
        name: &str,
        values: &Map<String, Value>,
        depth: u32,
        work: &mut Work,
    ) -> Result<[u8; 32], TypedDataError> {
        let depth = depth.checked_sub(1).ok_or(TypedDataError::Large)?;
        let fields = self.types.get(name).ok_or(TypedDataError::Type)?;
        // A value without a field would look signed and isn't.
        if values.len() != fields.len() {
            return Err(TypedDataError::Value);
        }
        let type_hash = match work.type_hashes.get(name) {
            Some(known) => *known,
            None => {
                let made = hash::keccak256(self.encode_type(name)?.as_bytes());
                work.type_hashes.insert(name.to_owned(), made);
                made
            }
        };
        let mut encoded = type_hash.to_vec();
        for (name, kind) in fields {
            let value = values.get(name).ok_or(TypedDataError::Value)?;
            encoded.extend(self.encode(kind, value, depth, work)?);
        }
        Ok(hash::keccak256(&encoded))
    }

    /// `Name(type1 name1,...)`, followed by the types that it refers to in order of their names.
    fn encode_type(&self, name: &str) -> Result<String, TypedDataError> {
        let mut found = BTreeSet::new();
        let mut open = vec![name];
        while let Some(next) = open.pop() {
            if found.insert(next) {
                let fields = self.types.get(next).ok_or(TypedDataError::Type)?;
                let bases = fields.iter().map(|(_, kind)| base(kind));
                open.extend(bases.filter(|base| self.types.contains_key(*base)));
            }
        }
        found.remove(name);
        let mut text = String::new();
        for name in [name].into_iter().chain(found) {
            let fields = self.types.get(name).ok_or(TypedDataError::Type)?;
            let fields: Vec<_> = fields.iter().map(|(name, kind)| format!("{kind} {name}")).collect();
            text.push_str(&format!("{name}({})", fields.join(",")));
        }
        Ok(text)
    }

    fn encode(
        &self,
        kind: &str,
        value: &Value,
        depth: u32,
        work: &mut Work,
    ) -> Result<[u8; 32], TypedDataError> {
        work.left = work.left.checked_sub(1).ok_or(TypedDataError::Large)?;
        let depth = depth.checked_sub(1).ok_or(TypedDataError::Large)?;
        if let Some((of, length)) = array(kind)? {
            let Value::Array(values) = value else { return Err(TypedDataError::Value) };
            if length.is_some_and(|length| length != values.len()) {
                return Err(TypedDataError::Value);
            }
            let mut encoded = Vec::new();
            for value in values {
                encoded.extend(self.encode(of, value, depth, work)?);
            }
            return Ok(hash::keccak256(&encoded));
        }
        if self.types.contains_key(kind) {
            let Value::Object(values) = value else { return Err(TypedDataError::Value) };
            return self.struct_hash(kind, values, depth, work);
        }
        match (kind, value) {
            ("string", Value::String(text)) => Ok(hash::keccak256(text.as_bytes())),
            ("bytes", Value::String(text)) => Ok(hash::keccak256(&hex(text)?)),
            ("bool", Value::Bool(set)) => Ok(number_word(u64::from(*set))),
            ("address", Value::String(text)) => {
                let address: [u8; 20] = hex(text)?.try_into().map_err(|_| TypedDataError::Value)?;
                left_padded(&address)
            }
            ("string" | "bytes" | "bool" | "address", _) => Err(TypedDataError::Value),
            _ => atom(kind, value),
        }
    }
}

/// What one hash may still cost, and what it has made already.
struct Work {
    left: u32,
    type_hashes: BTreeMap<String, [u8; 32]>,
}

const DOMAIN: &str = "EIP712Domain";

/// The domain's fields in the standard's order, for typed data that leaves its type out.
fn domain_fields(domain: &Map<String, Value>) -> Vec<(String, String)> {
    let known = [
        ("name", "string"),
        ("version", "string"),
        ("chainId", "uint256"),
        ("verifyingContract", "address"),
        ("salt", "bytes32"),
    ];
    known
        .iter()
        .filter(|(name, _)| domain.contains_key(*name))
        .map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned()))
        .collect()
}

fn field(value: &Value) -> Option<(String, String)> {
    let name = value.get("name")?.as_str()?;
    let kind = value.get("type")?.as_str()?;
    (is_name(name) && is_name(base(kind))).then(|| (name.to_owned(), kind.to_owned()))
}

/// An identifier of Solidity. Anything else could forge the text of a type.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
    (1..=128).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// The type without its array parts.
fn base(kind: &str) -> &str {
    kind.split_once('[').map_or(kind, |(base, _)| base)
}

/// The element type and fixed length of an array type.
fn array(kind: &str) -> Result<Option<(&str, Option<usize>)>, TypedDataError> {
    let Some(open) = kind.strip_suffix(']') else {
        return if kind.contains(['[', ']']) { Err(TypedDataError::Type) } else { Ok(None) };
    };
    let (of, length) = open.rsplit_once('[').ok_or(TypedDataError::Type)?;
    if length.is_empty() {
        return Ok(Some((of, None)));
    }
    let length: usize = length.parse().map_err(|_| TypedDataError::Type)?;
    Ok(Some((of, Some(length))))
}

/// `bytes1` to `bytes32`, `uint8` to `uint256`, `int8` to `int256`.
fn atom(kind: &str, value: &Value) -> Result<[u8; 32], TypedDataError> {
    let size = |digits: &str| digits.parse::<usize>().map_err(|_| TypedDataError::Type);
    if let Some(digits) = kind.strip_prefix("bytes") {
        let length = size(digits)?;
        let bytes = hex(value.as_str().ok_or(TypedDataError::Value)?)?;
        if !(1..=32).contains(&length) {
            return Err(TypedDataError::Type);
        }
        if bytes.len() != length {
            return Err(TypedDataError::Value);
        }
        let mut word = [0; 32];
        word.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        return Ok(word);
    }
    let (digits, signed) = match (kind.strip_prefix("uint"), kind.strip_prefix("int")) {
        (Some(digits), _) => (digits, false),
        (_, Some(digits)) => (digits, true),
        _ => return Err(TypedDataError::Type),
    };
    let bits = size(digits)?;
    if bits % 8 != 0 || !(8..=256).contains(&bits) {
        return Err(TypedDataError::Type);
    }
    let (negative, magnitude) = match value {
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => (false, number_word(number)),
            (None, Some(number)) => (true, number_word(number.unsigned_abs())),
            _ => return Err(TypedDataError::Value),
        },
        Value::String(text) => match text.strip_prefix('-') {
            Some(text) => (true, parse_number(text)?),
            None => (false, parse_number(text)?),
        },
        _ => return Err(TypedDataError::Value),
    };
    let is_zero = magnitude == [0; 32];
    if negative && (!signed || is_zero) {
        return Err(TypedDataError::Value);
    }
    let word = if negative { negate(&magnitude) } else { magnitude };
    // All bits above the type's are zero, or for a signed type equal to its sign.
    let (high, low) = word.split_at(32 - bits / 8);
    let sign_bit = low.first().is_some_and(|byte| byte & 0x80 != 0);
    let fill = if negative { 0xff } else { 0 };
    if high.iter().any(|byte| *byte != fill) || (signed && sign_bit != negative) {
        return Err(TypedDataError::Value);
    }
    Ok(word)
}

fn hex(text: &str) -> Result<Vec<u8>, TypedDataError> {
    let digits = text.strip_prefix("0x").ok_or(TypedDataError::Value)?;
    text::hex_digits(digits, Field::TypedData).map_err(|_| TypedDataError::Value)
}

/// A number of at most 256 bits, decimal or hex after `0x`.
pub(crate) fn parse_number(text: &str) -> Result<[u8; 32], TypedDataError> {
    if let Some(digits) = text.strip_prefix("0x") {
        let padded = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
        let bytes = text::hex_digits(&padded, Field::TypedData).map_err(|_| TypedDataError::Value)?;
        return if bytes.is_empty() { Err(TypedDataError::Value) } else { left_padded(&bytes) };
    }
    if text.is_empty() || text.len() > 78 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TypedDataError::Value);
    }
    let mut word = [0_u8; 32];
    for digit in text.bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in word.iter_mut().rev() {
            carry += u32::from(*byte) * 10;
            [.., *byte] = carry.to_be_bytes();
            carry >>= 8;
        }
        if carry != 0 {
            return Err(TypedDataError::Value);
        }
    }
    Ok(word)
}

fn negate(word: &[u8; 32]) -> [u8; 32] {
    let mut out = word.map(|byte| !byte);
    for byte in out.iter_mut().rev() {
        let (sum, carried) = byte.overflowing_add(1);
        *byte = sum;
        if !carried {
            break;
        }
    }
    out
}

fn number_word(number: u64) -> [u8; 32] {
    left_padded(&number.to_be_bytes()).unwrap_or_default()
}

/// `bytes` at the end of a word of zeros.
fn left_padded(bytes: &[u8]) -> Result<[u8; 32], TypedDataError> {
    let mut word = [0; 32];
    let start = 32_usize.checked_sub(bytes.len()).ok_or(TypedDataError::Value)?;
    word.iter_mut().skip(start).zip(bytes).for_each(|(to, from)| *to = *from);
    Ok(word)
}
