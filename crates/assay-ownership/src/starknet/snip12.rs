//! SNIP-12: hashes of typed data, of revision 0 (Pedersen) and 1 (Poseidon), as far as texts need it.
//!
//! Signed are felts, so a value must mean one felt to every wallet. Libraries read texts of digits as numbers where the
//! standard says text, each by its own grammar; such values are refused here unless all agree.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use starknet_types_core::felt::Felt;
use starknet_types_core::hash::{Pedersen, Poseidon, StarkHash};

use super::PRIME;
use crate::challenge::CHALLENGE_DOMAIN;
use crate::error::{undecodable, unsupported};
use crate::{Field, OwnershipError, evm, hash};

/// How deep structs may nest.
const MAX_DEPTH: u32 = 16;

/// Types that one document may define, and fields of one type.
const MAX_TYPES: usize = 32;

/// Fields that one hash may encode.
const MAX_VALUES: u32 = 1 << 10;

/// Bytes of one text.
const MAX_TEXT: usize = 1 << 16;

/// Bytes of a text that fits in a felt.
const SHORT: usize = 31;

/// Names that the standard defines, so that a document can't.
const RESERVED: [&str; 15] = [
    "felt",
    "bool",
    "string",
    "shortstring",
    "selector",
    "merkletree",
    "enum",
    "u128",
    "i128",
    "u256",
    "timestamp",
    "ContractAddress",
    "ClassHash",
    "TokenAmount",
    "NftId",
];

/// The typed data to sign on Starknet for a message, as JSON: a single text `contents`.
pub fn snip12_document(message: &str) -> String {
    json!({
        "types": {
            "StarknetDomain": domain_type(Revision::One),
            "Message": [{"name": "contents", "type": "string"}],
        },
        "primaryType": "Message",
        "domain": {"name": CHALLENGE_DOMAIN, "version": "v1", "chainId": "SN_MAIN", "revision": 1},
        "message": {"contents": message},
    })
    .to_string()
}

/// The type of a revision's domain.
fn domain_type(revision: Revision) -> Vec<Value> {
    let (names, kind) = revision.domain_fields();
    names.iter().map(|name| json!({"name": name, "type": kind})).collect()
}

/// Typed data, taken apart.
pub(super) struct TypedData {
    revision: Revision,
    types: BTreeMap<String, Vec<(String, String)>>,
    primary: String,
    domain: Map<String, Value>,
    message: Map<String, Value>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Revision {
    Zero,
    One,
}

impl Revision {
    const fn domain(self) -> &'static str {
        match self {
            Self::Zero => "StarkNetDomain",
            Self::One => "StarknetDomain",
        }
    }

    /// The fields that a domain has in this order, and their type.
    const fn domain_fields(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::Zero => (&["name", "version", "chainId"], "felt"),
            Self::One => (&["name", "version", "chainId", "revision"], "shortstring"),
        }
    }

    fn hash(self, felts: &[Felt]) -> Felt {
        match self {
            Self::Zero => Pedersen::hash_array(felts),
            Self::One => Poseidon::hash_array(felts),
        }
    }

    /// A name in the text of a type. Names have nothing that JSON would escape.
    fn escape(self, name: &str) -> String {
        match self {
            Self::Zero => name.to_owned(),
            Self::One => format!("\"{name}\""),
        }
    }
}

impl TypedData {
    pub(super) fn read(json: &str) -> Result<Self, OwnershipError> {
        match serde_json::from_str(json) {
            Ok(Value::Object(value)) => Self::of(value),
            _ => wrong("not a JSON object"),
        }
    }

    /// The message as the one felt of a document that an exchange has its addresses sign, if it is a text that fits.
    pub(super) fn of_contents(message: &str) -> Option<Self> {
        // The template has the message between quotes as it is.
        if !is_short_text(message) || message.contains(['"', '\\']) {
            return None;
        }
        let document = json!({
            "types": {
                "StarkNetDomain": domain_type(Revision::Zero),
                "Message": [{"name": "contents", "type": "felt"}],
            },
            "primaryType": "Message",
            "domain": {"name": "OKX POR MESSAGE", "version": "1", "chainId": "0x534e5f4d41494e"},
            "message": {"contents": message},
        });
        match document {
            Value::Object(document) => Self::of(document).ok(),
            _ => None,
        }
    }

    /// Whether a text field of the outermost struct is exactly `message`.
    pub(super) fn has_text(&self, message: &[u8]) -> bool {
        let fields = self.types.get(&self.primary).map(Vec::as_slice).unwrap_or_default();
        // Felts are amounts and addresses, whose bytes can be made to look like a text.
        fields.iter().filter(|(_, kind)| matches!(kind.as_str(), "string" | "shortstring")).any(
            |(name, kind)| {
                let text = self.message.get(name).and_then(Value::as_str);
                text.is_some_and(|text| {
                    text.as_bytes() == message && (kind == "string" || is_short_text(text))
                })
            },
        )
    }

    /// The hash that `account` signs.
    pub(super) fn hash(&self, account: &Felt) -> Result<Felt, OwnershipError> {
        let mut left = MAX_VALUES;
        let domain = self.struct_hash(self.revision.domain(), &self.domain, MAX_DEPTH, &mut left)?;
        let message = self.struct_hash(&self.primary, &self.message, MAX_DEPTH, &mut left)?;
        let prefix = Felt::from_bytes_be_slice(b"StarkNet Message");
        Ok(self.revision.hash(&[prefix, domain, *account, message]))
    }

    fn of(mut value: Map<String, Value>) -> Result<Self, OwnershipError> {
        const KEYS: [&str; 4] = ["types", "primaryType", "domain", "message"];
        // Whatever else stood here would look signed.
        if value.keys().any(|key| !KEYS.contains(&key.as_str())) {
            return wrong("more than types, primaryType, domain and message");
        }
        let mut object = |key: &str| match value.remove(key) {
            Some(Value::Object(object)) => Ok(object),
            _ => wrong("types, domain or message is missing"),
        };
        let (types, domain, message) = (object("types")?, object("domain")?, object("message")?);
        let Some(Value::String(primary)) = value.remove("primaryType") else {
            return wrong("primaryType is missing");
        };
        let revision = match (types.contains_key("StarkNetDomain"), types.contains_key("StarknetDomain")) {
            (true, false) => Revision::Zero,
            (false, true) => Revision::One,
            _ => return wrong("not one type of a domain"),
        };
        if types.len() > MAX_TYPES {
            return wrong("too many types");
        }
        let types = types.into_iter().map(|(name, fields)| {
            let fields = read_fields(&fields)?;
            if RESERVED.contains(&name.as_str()) || !is_name(&name) {
                return wrong("a type has a name that no type can have");
            }
            Ok((name, fields))
        });
        let types = types.collect::<Result<BTreeMap<_, _>, OwnershipError>>()?;
        let (names, kind) = revision.domain_fields();
        let domain_type = types.get(revision.domain()).map(Vec::as_slice).unwrap_or_default();
        let own = domain_type.iter().map(|(name, kind)| (name.as_str(), kind.as_str()));
        if !own.eq(names.iter().map(|name| (*name, kind))) {
            return wrong("a domain of another layout");
        }
        let is_one = |value: &Value| value.as_u64() == Some(1) || value.as_str() == Some("1");
        if revision == Revision::One && !domain.get("revision").is_some_and(is_one) {
            return unsupported("SNIP-12 revisions other than 0 and 1");
        }
        if primary == revision.domain() {
            return wrong("nothing but a domain");
        }
        let read = Self { revision, types, primary, domain, message };
        let used = read.used_by(&read.primary)?;
        if read.types.keys().any(|name| name != revision.domain() && !used.contains(name.as_str())) {
            return wrong("a type that nothing uses");
        }
        Ok(read)
    }

    /// The types that `name` refers to, itself included.
    fn used_by<'a>(&'a self, name: &'a str) -> Result<BTreeSet<&'a str>, OwnershipError> {
        let mut found = BTreeSet::new();
        let mut open = vec![name];
        while let Some(next) = open.pop() {
            if found.insert(next) {
                let Some(fields) = self.types.get(next) else { return wrong("a type is missing") };
                let kinds = fields.iter().map(|(_, kind)| kind.as_str());
                open.extend(kinds.filter(|kind| self.types.contains_key(*kind)));
            }
        }
        Ok(found)
    }

    /// `name(field1:type1,...)`, followed by the types that it refers to in order of their names.
    fn encode_type(&self, name: &str) -> Result<String, OwnershipError> {
        let mut used = self.used_by(name)?;
        used.remove(name);
        let escape = |name: &str| self.revision.escape(name);
        let mut text = String::new();
        for name in [name].into_iter().chain(used) {
            let fields = self.types.get(name).map(Vec::as_slice).unwrap_or_default();
            let fields: Vec<_> =
                fields.iter().map(|(name, kind)| format!("{}:{}", escape(name), escape(kind))).collect();
            text.push_str(&format!("{}({})", escape(name), fields.join(",")));
        }
        Ok(text)
    }

    fn struct_hash(
        &self,
        name: &str,
        values: &Map<String, Value>,
        depth: u32,
        left: &mut u32,
    ) -> Result<Felt, OwnershipError> {
        let fields = self.types.get(name).map(Vec::as_slice).unwrap_or_default();
        // A value without a field would look signed and isn't.
        if values.len() != fields.len() {
            return wrong("a value without a field, or a field without a value");
        }
        let mut felts = vec![starknet_keccak(&self.encode_type(name)?)];
        for (name, kind) in fields {
            let Some(value) = values.get(name) else { return wrong("a field without a value") };
            let (Some(depth), Some(fewer)) = (depth.checked_sub(1), left.checked_sub(1)) else {
                return wrong("too deep or too large");
            };
            *left = fewer;
            felts.push(self.encode(kind, value, depth, left)?);
        }
        Ok(self.revision.hash(&felts))
    }

    fn encode(&self, kind: &str, value: &Value, depth: u32, left: &mut u32) -> Result<Felt, OwnershipError> {
        let encoded = match (kind, self.revision, value) {
            ("string", Revision::Zero, Value::String(text)) if is_short_text(text) => Some(short(text)),
            ("string", Revision::One, Value::String(text)) if text.len() <= MAX_TEXT => Some(long(text)),
            ("felt", _, value) | ("shortstring", Revision::One, value) => felt(value),
            ("string", _, _) => None,
            (kind, _, Value::Object(values)) if self.types.contains_key(kind) => {
                Some(self.struct_hash(kind, values, depth, left)?)
            }
            (kind, _, _) if self.types.contains_key(kind) => None,
            _ => return unsupported("SNIP-12 types other than felts, strings and structs"),
        };
        match encoded {
            Some(felt) => Ok(felt),
            None => wrong("a value that doesn't fit its type, or that wallets read in two ways"),
        }
    }
}

fn wrong<T>(why: &'static str) -> Result<T, OwnershipError> {
    undecodable(Field::TypedData, why)
}

/// Names and types of a struct's fields.
fn read_fields(fields: &Value) -> Result<Vec<(String, String)>, OwnershipError> {
    let Some(fields) = fields.as_array().filter(|fields| fields.len() <= MAX_TYPES) else {
        return wrong("a type is no short list of fields");
    };
    let mut read: Vec<(String, String)> = Vec::new();
    for field in fields {
        let text = |key: &str| field.get(key).and_then(Value::as_str);
        let (Some(name), Some(kind)) = (text("name"), text("type")) else {
            return wrong("a field without name or type");
        };
        // Trees and choices say what they contain; lists end in a star, choices have parentheses.
        if field.as_object().is_some_and(|field| field.len() != 2) || !is_name(kind) {
            return unsupported("SNIP-12 types other than felts, strings and structs");
        }
        if !is_name(name) || read.iter().any(|(other, _)| other == name) {
            return wrong("a field has a wrong name, or one twice");
        }
        read.push((name.to_owned(), kind.to_owned()));
    }
    Ok(read)
}

/// What can't forge the text of a type, which has no escapes in revision 0.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_ .-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

/// A number or a short text that every wallet reads as the same felt.
fn felt(value: &Value) -> Option<Felt> {
    let text = match value {
        Value::Number(number) => return number.as_u64().map(Felt::from),
        Value::String(text) => text,
        _ => return None,
    };
    let is_decimal =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_decimal || text.starts_with("0x") {
        let bytes = evm::parse_number(text).ok()?;
        return (bytes < PRIME).then(|| Felt::from_bytes_be(&bytes));
    }
    is_short_text(text).then(|| short(text))
}

/// Whether every wallet reads this as text and not as a number: it starts with a letter, or has a dot.
fn is_short_text(text: &str) -> bool {
    let printable = text.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    let is_text = text.starts_with(|first: char| first.is_ascii_alphabetic()) || text.contains('.');
    printable && is_text && text.len() <= SHORT
}

fn short(text: &str) -> Felt {
    Felt::from_bytes_be_slice(text.as_bytes())
}

/// Hash of a text as Cairo serializes it: the number of full words, these, the rest, and its length.
fn long(text: &str) -> Felt {
    let words = text.as_bytes().chunks_exact(SHORT);
    let rest = words.remainder();
    let mut felts = vec![Felt::from(words.len())];
    felts.extend(words.map(Felt::from_bytes_be_slice));
    felts.extend([Felt::from_bytes_be_slice(rest), Felt::from(rest.len())]);
    Poseidon::hash_array(&felts)
}

/// The low 250 bits of Keccak-256.
fn starknet_keccak(text: &str) -> Felt {
    let mut digest = hash::keccak256(text.as_bytes());
    if let Some(first) = digest.first_mut() {
        *first &= 0x03;
    }
    Felt::from_bytes_be(&digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of starknet.js, `__mocks__/typedData/baseExample.json`, and of the standard's first description.
    const MAIL: &str = r#"{
        "types": {
            "StarkNetDomain": [
                {"name": "name", "type": "felt"}, {"name": "version", "type": "felt"}, {"name": "chainId", "type": "felt"}
            ],
            "Person": [{"name": "name", "type": "felt"}, {"name": "wallet", "type": "felt"}],
            "Mail": [
                {"name": "from", "type": "Person"}, {"name": "to", "type": "Person"}, {"name": "contents", "type": "felt"}
            ]
        },
        "primaryType": "Mail",
        "domain": {"name": "StarkNet Mail", "version": "1", "chainId": 1},
        "message": {
            "from": {"name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
            "to": {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},
            "contents": "Hello, Bob!"
        }
    }"#;

    /// argentlabs/starknet-off-chain-signature, `scripts/v1/StructWithString.ts`, which the standard refers to.
    const TEXT: &str = r#"{
        "types": {
            "StarknetDomain": [
                {"name": "name", "type": "shortstring"}, {"name": "version", "type": "shortstring"},
                {"name": "chainId", "type": "shortstring"}, {"name": "revision", "type": "shortstring"}
            ],
            "StructWithString": [{"name": "Some felt252", "type": "felt"}, {"name": "Some string", "type": "string"}]
        },
        "primaryType": "StructWithString",
        "domain": {"name": "dappName", "version": "0x31", "chainId": "0", "revision": "1"},
        "message": {"Some felt252": "712", "Some string": "Some long message that exceeds 31 characters"}
    }"#;

    fn hash(json: &str, account: &str) -> Result<Felt, OwnershipError> {
        TypedData::read(json)?.hash(&Felt::from_hex(account).unwrap())
    }

    fn hex(digits: &str) -> Felt {
        Felt::from_hex(digits).unwrap()
    }

    #[test]
    fn revision_0() {
        let typed = TypedData::read(MAIL).unwrap();
        assert_eq!(
            typed.encode_type("Mail").unwrap(),
            "Mail(from:Person,to:Person,contents:felt)Person(name:felt,wallet:felt)"
        );
        // Hashes of types, of the domain and of the whole in starknet.js's `__tests__/utils/typedData.test.ts`.
        for (name, expected) in [
            ("StarkNetDomain", "0x1bfc207425a47a5dfa1a50a4f5241203f50624ca5fdf5e18755765416b8e288"),
            ("Person", "0x2896dbe4b96a67110f454c01e5336edc5bbc3635537efd690f122f4809cc855"),
            ("Mail", "0x13d89452df9512bf750f539ba3001b945576243288137ddb6c788457d4b2f79"),
        ] {
            assert_eq!(starknet_keccak(&typed.encode_type(name).unwrap()), hex(expected));
        }
        assert_eq!(
            typed.struct_hash("StarkNetDomain", &typed.domain, 16, &mut 100).unwrap(),
            hex("0x54833b121883a3e3aebff48ec08a962f5742e5f7b973469c1f8f4f55d470b07")
        );
        assert_eq!(
            hash(MAIL, "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826").unwrap(),
            hex("0x6fcff244f63e38b9d88b9e3378d44757710d1b244282b435cb472053c8d78d0")
        );
        // The same in the exchange's library, okx/go-wallet-sdk `coins/starknet/constants_test.go`.
        assert_eq!(
            hash(MAIL, "0x06c3c93eeb1643740a80a338b9346c0c9a06177bfcc098a6d86e353532090ae4").unwrap(),
            hex("0x45514f85d4e7e2d3db3aac059a5d937f6c5d0f61f87ba25fa138c038248ce7a")
        );
    }

    #[test]
    fn revision_1() {
        let typed = TypedData::read(TEXT).unwrap();
        assert_eq!(
            typed.encode_type("StructWithString").unwrap(),
            r#""StructWithString"("Some felt252":"felt","Some string":"string")"#
        );
        // `src/examples/v1/struct_with_string.cairo` has the hash for the account 420.
        assert_eq!(
            hash(TEXT, "0x1a4").unwrap(),
            hex("0x73af00bf71d41fb165a48b8813cfa1ca29c429324ebbf5ffc732793ecfd8586")
        );
        assert_eq!(hash(&TEXT.replace(r#": "1"}"#, r#": 1}"#), "0x1a4"), hash(TEXT, "0x1a4"));
        // starknet-rs, `starknet-core/src/types/typed_data/domain.rs`: another domain, whose version is the number 1.
        let domain =
            json!({"name": "Starknet Example", "version": "1", "chainId": "SN_MAIN", "revision": "1"});
        assert_eq!(
            typed.struct_hash("StarknetDomain", domain.as_object().unwrap(), 16, &mut 100).unwrap(),
            hex("0x03bfc3e1ff0f5c85c05bb8073a64a40b038eed00a449bc337c8cd2758f634640")
        );
    }

    #[test]
    fn only_texts_count_as_messages() {
        let mail = TypedData::read(MAIL).unwrap();
        assert!(!mail.has_text(b"Hello, Bob!"), "a felt");
        let text = TypedData::read(TEXT).unwrap();
        assert!(text.has_text(b"Some long message that exceeds 31 characters"));
        assert!(!text.has_text(b"Some long message"));
        assert!(!text.has_text(b"712"));
        let nested = MAIL.replace(r#""contents", "type": "felt""#, r#""contents", "type": "string""#);
        let nested = TypedData::read(&nested.replace(
            r#""name", "type": "felt"}, {"name": "wallet""#,
            r#""name", "type": "string"}, {"name": "wallet""#,
        ))
        .unwrap();
        assert!(nested.has_text(b"Hello, Bob!"));
        assert!(!nested.has_text(b"Cow"), "of an inner struct");
    }

    #[test]
    fn what_wallets_read_in_two_ways_is_refused() {
        for text in
            ["01", "0b1", "0o7", "0x", "0xg", " 1", "1 ", "+1", "-1", "1_000", "1e3", "", "é", "a\n", "0X1"]
        {
            assert_eq!(felt(&json!(text)), None, "{text:?}");
        }
        for (value, number) in [(json!("0"), 0), (json!(7), 7), (json!("10"), 10), (json!("0x10"), 16)] {
            assert_eq!(felt(&value), Some(Felt::from(number)));
        }
        assert_eq!(felt(&json!("1.0.2")), Some(short("1.0.2")));
        assert_eq!(felt(&json!("a".repeat(31))), Some(short(&"a".repeat(31))));
        assert_eq!(felt(&json!("a".repeat(32))), None);
        let prime = "0x800000000000011000000000000000000000000000000000000000000000001";
        assert_eq!(felt(&json!(prime)), None);
        assert!(felt(&json!(prime.replace("01100", "01000"))).is_some());
        assert_eq!(felt(&json!(-1)), None);
        assert_eq!(felt(&json!(1.5)), None);
    }

    #[test]
    fn layouts_that_hide_something_are_refused() {
        let changes = [
            (r#""primaryType""#, r#""more": 1, "primaryType""#),
            (r#""primaryType": "Mail""#, r#""primaryType": "StarkNetDomain""#),
            (r#""primaryType": "Mail""#, r#""primaryType": "Person""#),
            (r#""primaryType": "Mail""#, r#""primaryType": "Letter""#),
            (r#""contents": "Hello"#, r#""more": "x", "contents": "Hello"#),
            (r#""chainId": 1"#, r#""chainId": 1, "more": 1"#),
            (r#", "chainId": 1"#, ""),
            ("StarkNetDomain", "StarknetDomain"),
            ("StarkNetDomain", "Domain"),
            (r#""Person":"#, r#""Person(name:felt)":"#),
            (r#""Person":"#, r#""Other": [], "Person":"#),
            (r#""Person":"#, r#""felt": [], "Person":"#),
            (r#"{"name": "to""#, r#"{"name": "from""#),
            (r#""wallet", "type": "felt""#, r#""wal,let", "type": "felt""#),
            (r#""name": "Bob""#, r#""name": {}"#),
            (r#"{"name": "Bob""#, r#"{"nam": "Bob""#),
        ];
        for (from, to) in changes {
            let changed = MAIL.replace(from, to);
            assert_ne!(changed, MAIL, "{from}");
            assert!(
                matches!(hash(&changed, "0x1"), Err(OwnershipError::Undecodable { .. })),
                "{from} -> {to}"
            );
        }
        for kind in
            ["felt*", "u128", "selector", "merkletree", "enum", "(felt)", "ContractAddress", "shortstring"]
        {
            let changed =
                MAIL.replace(r#""contents", "type": "felt""#, &format!(r#""contents", "type": "{kind}""#));
            assert!(matches!(hash(&changed, "0x1"), Err(OwnershipError::Unsupported { .. })), "{kind}");
        }
        let changed = MAIL
            .replace(r#""contents", "type": "felt""#, r#""contents", "type": "felt", "contains": "Person""#);
        assert!(matches!(hash(&changed, "0x1"), Err(OwnershipError::Unsupported { .. })));
        let second = TEXT.replace(r#""revision": "1"}"#, r#""revision": "2"}"#);
        assert!(matches!(hash(&second, "0x1"), Err(OwnershipError::Unsupported { .. })));
        for broken in ["", "[]", "{}", r#"{"types": {}, "primaryType": "A", "domain": {}, "message": {}}"#] {
            assert!(matches!(hash(broken, "0x1"), Err(OwnershipError::Undecodable { .. })), "{broken}");
        }
    }

    #[test]
    fn types_in_a_circle_end() {
        let circle = r#""Mail": [{"name": "inner", "type": "Mail"}]"#;
        let (start, end) = (MAIL.find(r#""Person": "#).unwrap(), MAIL.find("},\n        \"primary").unwrap());
        let circle = [&MAIL[..start], circle, &MAIL[end..]].concat();
        let mut document: Value = serde_json::from_str(&circle).unwrap();
        document["message"] = (0..40).fold(json!({}), |inner, _| json!({"inner": inner}));
        let outcome = hash(&document.to_string(), "0x1");
        assert_eq!(outcome, wrong("too deep or too large"));
    }

    #[test]
    fn contents_are_texts_that_fit() {
        assert!(TypedData::of_contents("OKC_DTT_AUP2025").is_some());
        for text in ["", "123", "0x12", "7 coins", "a\"b", "a\\b", "a\nb", &"a".repeat(32)] {
            assert!(TypedData::of_contents(text).is_none(), "{text:?}");
        }
    }
}
