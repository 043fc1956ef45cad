//! Signatures of rows, checked for an epoch's challenge.

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_ownership::{
    Assumption, ChainChecks, Challenge, Claim, ContractQuestion, Evidence, Fact, Grade, OwnershipError,
    Proved, Scheme, account, grade, verify,
};
use assay_statement::{AssetTable, Entity, Epoch};

use crate::address::address_key;
use crate::error::ReserveError;
use crate::evidence::{Assessor, BalanceObservations, OwnershipResult};
use crate::format::{ReserveFormat, Source};
use crate::policy::{AddressKind, Policy, PolicyIndex};
use crate::reader::{ReadOptions, ReserveReader};
use crate::row::ReserveRow;

/// Verifies the signatures of rows with `assay-ownership`. It knows nothing about balances.
#[derive(Debug)]
pub struct SignatureAssessor {
    networks: BTreeMap<String, AddressKind>,
    challenge: Option<Challenge>,
    /// By network and account.
    facts: BTreeMap<(String, Vec<u8>), Vec<AccountFact>>,
}

/// What the verifier knows itself about an account in a block: its state, by proof, and what nodes of the verifier's choice
/// say that its contract answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountFact {
    /// It has no code.
    NoCode {
        /// Height of the block.
        height: u64,
    },
    /// It has code, so a key's signature alone doesn't decide about its coins.
    Code {
        /// Height of the block.
        height: u64,
    },
    /// It is a Safe of known code.
    Safe {
        /// Height of the block.
        height: u64,
        /// Owners who must sign.
        threshold: u64,
        /// All owners.
        owners: Vec<[u8; 20]>,
        /// Whether it is proven that no module can move coins without them.
        no_modules: bool,
    },
    /// What nodes, whose word counts, say that `isValidSignature` of the contract returned (EIP-1271). Nothing proves it.
    Answer {
        /// Height of the block.
        height: u64,
        /// The hash that it was asked about.
        hash: [u8; 32],
        /// Keccak-256 of the signature that it was asked about.
        signature_hash: [u8; 32],
        /// What it returned; nothing if it refused in another way.
        returned: Vec<u8>,
    },
    /// Nodes say different things about that.
    Disputed {
        /// Height of the block.
        height: u64,
        /// The hash that it was asked about.
        hash: [u8; 32],
        /// Keccak-256 of the signature that it was asked about.
        signature_hash: [u8; 32],
    },
}

impl AccountFact {
    const fn height(&self) -> u64 {
        match self {
            Self::NoCode { height }
            | Self::Code { height }
            | Self::Safe { height, .. }
            | Self::Answer { height, .. }
            | Self::Disputed { height, .. } => *height,
        }
    }

    /// What is proven, or was answered to just this question.
    fn proved(&self) -> Option<Proved<'_>> {
        match self {
            Self::NoCode { .. } => Some(Proved::NoCode),
            Self::Code { .. } => Some(Proved::Code),
            Self::Safe { threshold, owners, .. } => {
                Some(Proved::SafeOwners { threshold: *threshold, owners })
            }
            Self::Answer { hash, returned, .. } => Some(Proved::SignatureAnswer { hash: *hash, returned }),
            Self::Disputed { .. } => None,
        }
    }

    /// Whether nodes told it, and nothing proves it.
    const fn is_told(&self) -> bool {
        matches!(self, Self::Answer { .. } | Self::Disputed { .. })
    }

    /// Whether nodes told it about this question.
    fn answers(&self, question: &ContractQuestion) -> bool {
        match self {
            Self::Answer { hash, signature_hash, .. } | Self::Disputed { hash, signature_hash, .. } => {
                question.hash() == hash && question.signature_hash() == *signature_hash
            }
            Self::NoCode { .. } | Self::Code { .. } | Self::Safe { .. } => false,
        }
    }
}

impl SignatureAssessor {
    /// For rows on the policy's networks. Without a challenge no signature is worth more than [`Grade::O1`].
    pub fn new(policy: &Policy, challenge: Option<Challenge>) -> Self {
        Self { networks: policy.address_kinds(), challenge, facts: BTreeMap::new() }
    }

    /// With facts about accounts, by the policy's name of the network. A row is judged by those of its own height.
    pub fn with_facts<const N: usize>(
        mut self,
        facts: impl IntoIterator<Item = (String, [u8; N], AccountFact)>,
    ) -> Self {
        for (network, account, fact) in facts {
            self.facts.entry((network, account.to_vec())).or_default().push(fact);
        }
        self
    }

    /// Facts about the row's account at the row's height.
    fn facts_of(&self, row: &ReserveRow, kind: &AddressKind) -> (Vec<u8>, Vec<&AccountFact>) {
        let Ok(account) = account(kind.network(), &row.address) else { return Default::default() };
        let facts = self.facts.get(&(row.network.clone(), account.clone()));
        let at_height = |fact: &&AccountFact| row.height == Some(fact.height());
        let facts = facts.map(|facts| facts.iter().filter(at_height).collect());
        (account, facts.unwrap_or_default())
    }
}

impl SignatureAssessor {
    /// What the row's signatures are worth with these facts about its account.
    fn judge(
        &self,
        row: &ReserveRow,
        kind: &AddressKind,
        account: &[u8],
        known: &[&AccountFact],
    ) -> OwnershipResult {
        let signatures: Vec<&str> = row.signatures.iter().map(String::as_str).collect();
        // Files have one column for what is a script to some schemes and a key to others.
        let script = row.script.as_deref();
        let network = kind.network();
        let facts = known.iter().filter_map(|fact| {
            let proved = fact.proved()?;
            Some(Fact { network, account, height: fact.height(), proved })
        });
        let facts: Vec<Fact<'_>> = facts.collect();
        // A Safe without modules, of known code, moves coins by its owners alone.
        let no_modules = known.iter().any(|fact| matches!(fact, AccountFact::Safe { no_modules: true, .. }));
        let claim = Claim {
            network,
            address: &row.address,
            message: row.message.as_bytes(),
            evidence: Evidence { signatures: &signatures, public_key: script, script, ..Evidence::default() },
            facts: &facts,
        };
        match verify(&claim) {
            Ok(control) => {
                // Facts are of the row's own height, so that state is the snapshot's.
                let holds = |assumed: &Assumption| match assumed {
                    Assumption::StateAt { .. } => true,
                    Assumption::ContractRules => no_modules,
                    _ => false,
                };
                // What nodes tell is checked by nobody, whatever is proven of the contract; and where nothing is assumed,
                // nothing was checked on the chain either.
                let assumptions = control.scheme != Scheme::Eip1271
                    && !control.assumed.is_empty()
                    && control.assumed.iter().all(holds);
                let checks = ChainChecks { assumptions, ..ChainChecks::default() };
                let of_challenge = |challenge| grade(&[control], challenge, checks);
                OwnershipResult::Verified { grade: self.challenge.as_ref().map_or(Grade::O1, of_challenge) }
            }
            Err(OwnershipError::Unbound(_)) => OwnershipResult::Unbound,
            Err(OwnershipError::Unsupported { .. }) => OwnershipResult::Unsupported,
            Err(_) => OwnershipResult::Invalid,
        }
    }
}

impl Assessor for SignatureAssessor {
    fn ownership(&mut self, row: &ReserveRow) -> OwnershipResult {
        if row.signatures.is_empty() {
            return OwnershipResult::Unchecked;
        }
        let Some(kind) = self.networks.get(&row.network) else { return OwnershipResult::Unsupported };
        let (account, known) = self.facts_of(row, kind);
        let (told, proven): (Vec<_>, Vec<_>) = known.into_iter().partition(|fact| fact.is_told());
        let by_proof = self.judge(row, kind, &account, &proven);
        if told.is_empty() {
            return by_proof;
        }
        // An answer counts for the question that this row asks, which is made of the row here.
        let signatures: Vec<&str> = row.signatures.iter().map(String::as_str).collect();
        let question = ContractQuestion::new(row.message.as_bytes(), &signatures).ok();
        let answer = question.and_then(|question| told.into_iter().find(|fact| fact.answers(&question)));
        let by_answer = match answer {
            None => return by_proof,
            Some(AccountFact::Disputed { .. }) => OwnershipResult::Disputed,
            Some(answer) => self.judge(row, kind, &account, &[answer]),
        };
        match (by_proof, by_answer) {
            // What is proven stands, whatever nodes say beside it; they can lift it.
            (OwnershipResult::Verified { grade }, _) if grade >= by_answer.grade() => by_proof,
            (_, OwnershipResult::Verified { grade }) => OwnershipResult::Told { grade },
            _ => by_answer,
        }
    }

    fn balance(&mut self, _: &ReserveRow) -> BalanceObservations {
        BalanceObservations::default()
    }
}

/// The set of listed addresses, which a challenge names by its digest: whoever signs it knows for which list.
#[derive(Debug)]
pub struct AddressList {
    networks: PolicyIndex,
    kinds: BTreeMap<String, AddressKind>,
    keys: Vec<[u8; 32]>,
}

impl AddressList {
    /// A list without addresses.
    pub fn new(assets: &AssetTable, policy: &Policy) -> Self {
        Self { networks: policy.index(assets), kinds: policy.address_kinds(), keys: Vec::new() }
    }

    /// Adds the addresses of a file. Rows that can't be read are errors.
    pub fn add_file(
        &mut self,
        source: &Source,
        format: ReserveFormat,
        assets: &Arc<AssetTable>,
        policy: &Policy,
        options: ReadOptions,
    ) -> Result<(), ReserveError> {
        let mut reader = ReserveReader::open(source, format, Arc::clone(assets), policy, options)?;
        while let Some(row) = reader.next_row()? {
            self.add(&row);
        }
        Ok(())
    }

    /// Adds a row's address.
    pub fn add(&mut self, row: &ReserveRow) {
        let network = self.networks.network(&row.network).unwrap_or(&row.network);
        // What stands for one account is one address, however it is spelt.
        let bytes = self.kinds.get(network).and_then(|kind| account(kind.network(), &row.address).ok());
        let (how, bytes): (&[u8], _) = match bytes {
            Some(bytes) => (b"account", bytes),
            None => (b"address", address_key(&row.address).into_bytes()),
        };
        let mut hasher = blake3::Hasher::new_derive_key("assay 2026 reserve address");
        for part in [network.as_bytes(), how, &bytes] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        self.keys.push(*hasher.finalize().as_bytes());
    }

    /// How many different addresses there are, and the BLAKE3 digest of the set, in whatever order and how often they were
    /// added.
    pub fn finish(mut self) -> (usize, [u8; 32]) {
        self.keys.sort_unstable();
        self.keys.dedup();
        let mut hasher = blake3::Hasher::new_derive_key("assay 2026 list of reserve addresses");
        self.keys.iter().for_each(|key| {
            hasher.update(key);
        });
        (self.keys.len(), *hasher.finalize().as_bytes())
    }
}

/// A challenge of another occasion than the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the challenge is for another {what}")]
pub struct ChallengeMismatch {
    what: &'static str,
}

impl ChallengeMismatch {
    /// Refuses a challenge that isn't for this entity, epoch, root, list of addresses and policy: signatures of it would
    /// show control for something else.
    pub fn check(
        challenge: &Challenge,
        (entity, epoch): (&Entity, &Epoch),
        root: &[u8; 32],
        addresses: &[u8; 32],
        policy: &[u8; 32],
    ) -> Result<(), Self> {
        let parts = [
            ("entity", challenge.entity() == entity),
            ("epoch", challenge.epoch() == epoch),
            ("statement of liabilities", challenge.liabilities() == root),
            ("list of addresses", challenge.addresses() == addresses),
            ("policy", challenge.policy() == policy),
        ];
        match parts.into_iter().find(|(_, same)| !same) {
            Some((what, _)) => Err(Self { what }),
            None => Ok(()),
        }
    }
}
