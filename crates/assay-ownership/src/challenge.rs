use core::fmt::Write;

use assay_statement::{Entity, Epoch};

use crate::{hash, text};

/// Blocks that a challenge can name.
pub const MAX_BLOCKS: usize = 32;

/// First line of the text.
const TITLE: &str = "Assay proof of control v1";

/// Name of the EIP-712 domain.
pub(crate) const CHALLENGE_DOMAIN: &str = "Assay proof of control";

/// What keys sign for an epoch: who proves what, over which addresses, and blocks that nobody knew earlier.
///
/// As text, for every scheme that signs text:
///
/// ```text
/// Assay proof of control v1
/// entity: example.org
/// epoch: 2026-q4
/// time: 1798675200
/// liabilities: <64 hex digits>
/// addresses: <64 hex digits>
/// policy: <64 hex digits>
/// block: bitcoin 930000 <64 hex digits>
/// ```
///
/// Lines end in a line feed but for the last. There is one text for a challenge and one challenge for a text: names are
/// lower-case words, numbers have no leading zeros, digests are lower-case hex, blocks are in order of their network's
/// name, each network once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Challenge {
    entity: Entity,
    epoch: Epoch,
    liabilities: [u8; 32],
    addresses: [u8; 32],
    policy: [u8; 32],
    blocks: Vec<BlockMark>,
}

/// A block of a network that a challenge names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockMark {
    /// The network: 1 to 32 lower-case letters, digits and `-`.
    pub network: String,
    /// The block's height.
    pub height: u64,
    /// The block's hash, in the order in which it is displayed.
    pub hash: [u8; 32],
}

impl Challenge {
    /// The challenge of `entity` for `epoch`. `liabilities` is the published root, `addresses` the digest of the list of
    /// reserve addresses, `policy` that of the rules under which they count; `blocks` are recent ones, in any order.
    pub fn new(
        entity: Entity,
        epoch: Epoch,
        liabilities: [u8; 32],
        addresses: [u8; 32],
        policy: [u8; 32],
        mut blocks: Vec<BlockMark>,
    ) -> Result<Self, ChallengeError> {
        if !(1..=MAX_BLOCKS).contains(&blocks.len()) {
            return Err(ChallengeError::Blocks);
        }
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = |name: &str| (1..=32).contains(&name.len()) && name.bytes().all(allowed);
        if !blocks.iter().all(|block| is_name(&block.network)) {
            return Err(ChallengeError::Network);
        }
        blocks.sort();
        if blocks.windows(2).any(|pair| matches!(pair, [a, b] if a.network == b.network)) {
            return Err(ChallengeError::Twice);
        }
        Ok(Self { entity, epoch, liabilities, addresses, policy, blocks })
    }

    /// Reads the text, which must be exactly what [`to_text`](Self::to_text) writes.
    pub fn parse(text: &str) -> Result<Self, ChallengeError> {
        let mut lines = text.split('\n');
        if lines.next() != Some(TITLE) {
            return Err(ChallengeError::Title);
        }
        let mut value = |name| {
            let line = lines.next().ok_or(ChallengeError::Line { name })?;
            let rest = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(": "));
            rest.ok_or(ChallengeError::Line { name })
        };
        let entity = Entity::new(value("entity")?).map_err(|_| ChallengeError::Line { name: "entity" })?;
        let id = value("epoch")?;
        let time = value("time")?.parse().map_err(|_| ChallengeError::Line { name: "time" })?;
        let epoch = Epoch::new(id, time).map_err(|_| ChallengeError::Line { name: "epoch" })?;
        let mut digest = |name| {
            let digits = value(name)?;
            read_digest(digits).ok_or(ChallengeError::Line { name })
        };
        let (liabilities, addresses, policy) =
            (digest("liabilities")?, digest("addresses")?, digest("policy")?);
        let blocks: Option<Vec<_>> = lines.take(MAX_BLOCKS + 1).map(BlockMark::read).collect();
        let blocks = blocks.ok_or(ChallengeError::Line { name: "block" })?;
        let challenge = Self::new(entity, epoch, liabilities, addresses, policy, blocks)?;
        if challenge.to_text() == text { Ok(challenge) } else { Err(ChallengeError::Form) }
    }

    /// The text to sign. It is also the message of BIP-322 and BIP-127.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{TITLE}\nentity: {}\nepoch: {}\ntime: {}",
            self.entity,
            self.epoch.id(),
            self.epoch.time()
        );
        let digests =
            [("liabilities", self.liabilities), ("addresses", self.addresses), ("policy", self.policy)];
        for (name, digest) in digests {
            // Writing to a string can't fail.
            let _ = write!(text, "\n{name}: {}", text::to_hex(&digest));
        }
        for BlockMark { network, height, hash } in &self.blocks {
            let _ = write!(text, "\nblock: {network} {height} {}", text::to_hex(hash));
        }
        text
    }

    /// The same as EIP-712 typed data, in the one JSON that [`is_message`](Self::is_message) knows.
    pub fn to_typed_data(&self) -> String {
        let digest = |digest: &[u8; 32]| format!("0x{}", text::to_hex(digest));
        // Every value was checked to have nothing that JSON would escape.
        let blocks: Vec<_> = self
            .blocks
            .iter()
            .map(|BlockMark { network, height, hash }| {
                format!(r#"{{"network":"{network}","height":"{height}","hash":"{}"}}"#, digest(hash))
            })
            .collect();
        format!(
            concat!(
                r#"{{"types":{{"EIP712Domain":[{{"name":"name","type":"string"}},{{"name":"version","type":"string"}}],"#,
                r#""Challenge":[{{"name":"entity","type":"string"}},{{"name":"epoch","type":"string"}},"#,
                r#"{{"name":"time","type":"uint64"}},{{"name":"liabilities","type":"bytes32"}},"#,
                r#"{{"name":"addresses","type":"bytes32"}},{{"name":"policy","type":"bytes32"}},"#,
                r#"{{"name":"blocks","type":"Block[]"}}],"#,
                r#""Block":[{{"name":"network","type":"string"}},{{"name":"height","type":"uint64"}},"#,
                r#"{{"name":"hash","type":"bytes32"}}]}},"#,
                r#""primaryType":"Challenge","domain":{{"name":"{}","version":"1"}},"#,
                r#""message":{{"entity":"{}","epoch":"{}","time":"{}","liabilities":"{}","addresses":"{}","policy":"{}","#,
                r#""blocks":[{}]}}}}"#,
            ),
            CHALLENGE_DOMAIN,
            self.entity,
            self.epoch.id(),
            self.epoch.time(),
            digest(&self.liabilities),
            digest(&self.addresses),
            digest(&self.policy),
            blocks.join(","),
        )
    }

    /// SHA-256 of the text, for a transaction on the chain to carry.
    pub fn digest(&self) -> [u8; 32] {
        hash::sha256(self.to_text().as_bytes())
    }

    /// Whether a signed message is this challenge: its text or its typed data, and nothing around it.
    pub fn is_message(&self, message: &[u8]) -> bool {
        message == self.to_text().as_bytes() || message == self.to_typed_data().as_bytes()
    }

    /// Who proves.
    pub fn entity(&self) -> &Entity {
        &self.entity
    }

    /// For which snapshot.
    pub fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// The published root of the liabilities.
    pub fn liabilities(&self) -> &[u8; 32] {
        &self.liabilities
    }

    /// The digest of the list of addresses.
    pub fn addresses(&self) -> &[u8; 32] {
        &self.addresses
    }

    /// The digest of the policy.
    pub fn policy(&self) -> &[u8; 32] {
        &self.policy
    }

    /// The blocks, in order of their networks' names.
    pub fn blocks(&self) -> &[BlockMark] {
        &self.blocks
    }
}

impl BlockMark {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("block: ")?.split(' ');
        let (network, height, hash) = (words.next()?, words.next()?, words.next()?);
        let block =
            Self { network: network.to_owned(), height: height.parse().ok()?, hash: read_digest(hash)? };
        words.next().is_none().then_some(block)
    }
}

/// Why there is no such challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// No blocks, or more than [`MAX_BLOCKS`].
    #[error("a challenge names 1 to {MAX_BLOCKS} blocks")]
    Blocks,
    /// A network's name isn't 1 to 32 lower-case letters, digits and `-`.
    #[error("a network's name is 1 to 32 of a-z 0-9 -")]
    Network,
    /// Two blocks of one network.
    #[error("a challenge names one block of a network")]
    Twice,
    /// The first line isn't that of a challenge of this version.
    #[error("not a challenge of this version")]
    Title,
    /// A line is missing, out of its place or unreadable.
    #[error("the line `{name}` is missing or wrong")]
    Line {
        /// What the line gives.
        name: &'static str,
    },
    /// The text means something but isn't the one form of it.
    #[error("the text isn't in its canonical form")]
    Form,
}

fn read_digest(digits: &str) -> Option<[u8; 32]> {
    let bytes = text::hex_array(digits, crate::Field::Message).ok()?;
    (digits.len() == 64).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn challenge() -> Challenge {
        let block = |network: &str, height| BlockMark { network: network.into(), height, hash: [7; 32] };
        Challenge::new(
            Entity::new("example.org").unwrap(),
            Epoch::new("2026-q4", 1_798_675_200).unwrap(),
            [1; 32],
            [2; 32],
            [3; 32],
            vec![block("ethereum", 25_000_000), block("bitcoin", 930_000)],
        )
        .unwrap()
    }

    #[test]
    fn text_is_fixed() {
        let (one, two, three, seven) = ("01".repeat(32), "02".repeat(32), "03".repeat(32), "07".repeat(32));
        let expected = format!(
            "Assay proof of control v1\nentity: example.org\nepoch: 2026-q4\ntime: 1798675200\nliabilities: {one}\n\
             addresses: {two}\npolicy: {three}\nblock: bitcoin 930000 {seven}\nblock: ethereum 25000000 {seven}"
        );
        assert_eq!(challenge().to_text(), expected);
        assert_eq!(Challenge::parse(&expected), Ok(challenge()));
    }

    #[test]
    fn other_forms_are_refused() {
        let text = challenge().to_text();
        for wrong in [
            format!("{text}\n"),
            format!("{text}\nentity: other.org"),
            text.replace("epoch: ", "epoch:  "),
            text.replace("930000", "0930000"),
            text.replace("930000", "+930000"),
            text.replace("v1", "v2"),
            text.replace('\n', "\r\n"),
            text.replace("entity: example.org", "entity: example.org\nentity: example.org"),
            text.replace("0101", "0x01"),
            text.replace("ethereum", "bitcoin"),
            text.replace("ethereum", "aethereum"),
        ] {
            assert!(Challenge::parse(&wrong).is_err(), "{wrong}");
        }
        let block = BlockMark { network: "a\nentity: b".into(), height: 1, hash: [0; 32] };
        let injected = Challenge::new(
            Entity::new("a").unwrap(),
            Epoch::new("b", 0).unwrap(),
            [0; 32],
            [0; 32],
            [0; 32],
            vec![block],
        );
        assert_eq!(injected, Err(ChallengeError::Network));
    }

    #[test]
    fn typed_data_is_json_with_a_hash() {
        let json = challenge().to_typed_data();
        let hash = crate::typed_data_hash(&json).unwrap();
        assert!(challenge().is_message(json.as_bytes()));
        let other = json.replace("930000", "930001");
        assert_ne!(crate::typed_data_hash(&other).unwrap(), hash);
        assert!(!challenge().is_message(other.as_bytes()));
    }

    proptest! {
        #[test]
        fn parsed_text_is_canonical(text in "Assay proof of control v1\n(.*\n?){0,9}") {
            if let Ok(challenge) = Challenge::parse(&text) {
                prop_assert_eq!(challenge.to_text(), text);
            }
        }

        #[test]
        fn round_trips(height in any::<u64>(), time in 0_u64..1 << 40, digests in any::<[[u8; 32]; 4]>()) {
            let [a, b, c, hash] = digests;
            let block = BlockMark { network: "bitcoin".into(), height, hash };
            let epoch = Epoch::new("e", time).unwrap();
            let challenge = Challenge::new(Entity::new("x").unwrap(), epoch, a, b, c, vec![block]).unwrap();
            prop_assert_eq!(Challenge::parse(&challenge.to_text()), Ok(challenge));
        }
    }
}
