use alloc::vec::Vec;

use assay_statement::{Entry, Uid};
use p3_field::{PrimeCharacteristicRing, PrimeField32};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::digest::bytes_from_hex;
use crate::hash::{Sponge, erase, push_bytes};
use crate::{DIGEST_BYTES, Digest, DigestError, F, Hasher, RATE, RowTag, Tag, WIDTH, entity_digest};

/// Elements of a salt, 217 bits.
pub const SALT_ELEMENTS: usize = 7;

/// What hides a leaf from everyone but the customer; derived from the epoch secret, part of the receipt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [F; SALT_ELEMENTS]);

/// Where an account stands in the tree: the first two elements of its account key as one number of 62 bits.
///
/// Keys strictly increase over the whole tree. A key is a function of the epoch and the uid alone, so a uid can't
/// occur twice, whatever salt it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafKey(u64);

impl LeafKey {
    /// The key of an account.
    pub fn of(account_key: &Digest) -> Self {
        let [first, second, ..] = account_key.0;
        Self::from_elements([first, second])
    }

    /// The key with these two elements, the first of more weight.
    pub fn from_elements([first, second]: [F; 2]) -> Self {
        Self(u64::from(first.as_canonical_u32()) << 31 | u64::from(second.as_canonical_u32()))
    }

    /// The number, below `2^62`.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// The secret of an epoch, from which all its salts come. It is never logged, has no debug form and is erased when
/// dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct EpochSecret([u8; 32]);

impl EpochSecret {
    /// Takes 32 bytes of the operating system's randomness.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hex digits, as a secret file holds them, with white space around them.
    pub fn from_hex(text: &str) -> Result<Self, SecretError> {
        bytes_from_hex(text.trim_ascii()).map(Self).map_err(|_| SecretError)
    }

    /// The bytes, to derive something from; never to be shown or stored.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A text that is no secret; it isn't shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret is 64 hex digits")]
pub struct SecretError;

/// Rows of the compression function that a leaf with `entries` takes: a header and one for each two entries.
pub const fn leaf_row_count(entries: usize) -> usize {
    1 + entries.div_ceil(2)
}

/// Derives account keys, salts and leaves of one epoch.
pub struct Committer {
    hasher: Hasher,
    entity: Digest,
    account_key: Sponge,
}

impl Committer {
    /// For the epoch with this digest, made by `entity`.
    pub fn new(hasher: Hasher, entity: &assay_statement::Entity, epoch: &Digest) -> Self {
        let entity = entity_digest(&hasher, entity);
        let mut account_key = Sponge::new(Tag::AccountKey, 2 * RATE);
        account_key.absorb(&hasher, &epoch.0);
        Self { hasher, entity, account_key }
    }

    /// The hash beneath.
    pub const fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// `uid_digest = H(uid, entity digest, bytes of the canonical uid)`.
    pub fn uid_digest(&self, uid: &Uid) -> Digest {
        let mut elements = Vec::with_capacity(uid_length(uid.as_str()));
        self.push_uid_message(&mut elements, uid.as_str());
        self.hasher.sponge(Tag::Uid, &elements)
    }

    /// `account_key = H(account key, epoch digest, uid_digest)`.
    pub fn account_key(&self, uid_digest: &Digest) -> Digest {
        let mut sponge = self.account_key.clone();
        sponge.absorb(&self.hasher, &uid_digest.0);
        sponge.digest()
    }

    /// Salts of this epoch come from `secret`: `salt` is the first seven elements of
    /// `H(salt, secret in 11 elements, 5 zeros, epoch digest, uid_digest)`.
    pub fn salts(&self, secret: &EpochSecret, epoch: &Digest) -> Salts {
        let mut elements = Vec::with_capacity(2 * RATE);
        elements.extend(secret.0.chunks(3).map(|chunk| {
            let number = chunk.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte));
            F::from_u32(number)
        }));
        elements.resize(2 * RATE, F::ZERO);
        let mut sponge = Sponge::new(Tag::Salt, 4 * RATE);
        elements.chunks(RATE).for_each(|block| sponge.absorb(&self.hasher, block));
        sponge.absorb(&self.hasher, &epoch.0);
        erase(&mut elements);
        Salts { sponge }
    }

    /// Account keys and salts of many canonical uids, in SIMD lanes.
    pub fn identify(&self, salts: &Salts, uids: &[&str]) -> Vec<(Digest, Salt)> {
        // One buffer for all messages: an allocation for each would cost as much as its hash.
        let mut elements = Vec::with_capacity(uids.iter().map(|uid| uid_length(uid)).sum());
        let mut ends = Vec::with_capacity(uids.len() + 1);
        ends.push(0);
        for uid in uids {
            self.push_uid_message(&mut elements, uid);
            ends.push(elements.len());
        }
        let message = |uid: usize| &elements[ends[uid]..ends[uid + 1]];
        let start = |uid: usize| Sponge::new(Tag::Uid, message(uid).len());
        let digests = self.hasher.sponge_each(uids.len(), start, message);
        let digest = |uid: usize| digests[uid].0.as_slice();
        let keys = self.hasher.sponge_each(uids.len(), |_| self.account_key.clone(), digest);
        let salts = self.hasher.sponge_each(uids.len(), |_| salts.sponge.clone(), digest);
        keys.into_iter().zip(salts.iter().map(Salt::from_digest)).collect()
    }

    /// The leaf of an account: the compression rows of [`Committer::leaf_rows`], whose last gives the digest.
    pub fn leaf(&self, account_key: &Digest, salt: &Salt, entries: &[Entry]) -> Digest {
        let mut x = header_row(account_key, salt, entries.len());
        let mut out = self.hasher.compress(RowTag::Header, &x);
        for pair in entries.chunks(2) {
            x = entries_row(pair, &out.chain);
            out = self.hasher.compress(RowTag::Entries, &x);
        }
        Digest(out.low)
    }

    /// Leaves of many accounts in SIMD lanes, and the input rows that lead to each.
    ///
    /// `rows` takes the rows of all accounts, one account after another, [`leaf_row_count`] each.
    ///
    /// # Panics
    /// If `rows` and `leaves` don't have just the room that the accounts need.
    pub fn leaf_rows<'a>(
        &self,
        accounts: impl Fn(usize) -> (&'a Digest, &'a Salt, &'a [Entry]),
        rows: &mut [[F; WIDTH]],
        leaves: &mut [Digest],
    ) {
        // Accounts with equally many rows go side by side, so that no lane waits for another.
        let mut first_rows = Vec::with_capacity(leaves.len() + 1);
        let mut next = 0;
        for account in 0..leaves.len() {
            first_rows.push(next);
            next += leaf_row_count(accounts(account).2.len());
        }
        assert_eq!(next, rows.len(), "rows for the accounts' leaves");
        let mut order: Vec<usize> = (0..leaves.len()).collect();
        order.sort_by_key(|account| accounts(*account).2.len());

        let mut inputs: Vec<[F; WIDTH]> = Vec::with_capacity(64);
        for group in order.chunks(64) {
            inputs.clear();
            inputs.extend(group.iter().map(|account| {
                let (account_key, salt, entries) = accounts(*account);
                header_row(account_key, salt, entries.len())
            }));
            let mut live = group.len();
            let mut tag = RowTag::Header;
            for step in 0.. {
                // The group is in order of length, so the live accounts are its last ones.
                let start = group.len() - live;
                for (account, input) in group[start..].iter().zip(&inputs) {
                    rows[first_rows[*account] + step] = *input;
                }
                let mut chains = [[F::ZERO; RATE]; 64];
                self.hasher.compress_each(tag, &inputs, |i, out| {
                    chains[i] = out.chain;
                    let account = group[start + i];
                    if leaf_row_count(accounts(account).2.len()) == step + 1 {
                        leaves[account] = Digest(out.low);
                    }
                });
                let done = group[start..]
                    .iter()
                    .take_while(|account| leaf_row_count(accounts(**account).2.len()) == step + 1)
                    .count();
                live -= done;
                if live == 0 {
                    break;
                }
                inputs.clear();
                inputs.extend(group[start + done..].iter().zip(&chains[done..]).map(|(account, chain)| {
                    let entries = accounts(*account).2;
                    let end = entries.len().min(2 * step + 2);
                    entries_row(&entries[2 * step..end], chain)
                }));
                tag = RowTag::Entries;
            }
        }
    }

    fn push_uid_message(&self, elements: &mut Vec<F>, uid: &str) {
        elements.extend(self.entity.0);
        push_bytes(elements, uid.as_bytes());
    }
}

/// Elements of the message that a uid digest is made of.
const fn uid_length(uid: &str) -> usize {
    RATE + 1 + uid.len().div_ceil(3)
}

/// The salts of one epoch. Its state is as good as the secret for this epoch, so it is erased when dropped.
pub struct Salts {
    sponge: Sponge,
}

impl Drop for Salts {
    fn drop(&mut self) {
        self.sponge.erase();
    }
}

impl Salts {
    /// The salt of one account.
    pub fn salt(&self, hasher: &Hasher, uid_digest: &Digest) -> Salt {
        let mut sponge = self.sponge.clone();
        sponge.absorb(hasher, &uid_digest.0);
        Salt::from_digest(&sponge.digest())
    }
}

impl Salt {
    /// Bytes of a salt: its elements as little-endian 32-bit numbers below `p`.
    pub const BYTES: usize = 4 * SALT_ELEMENTS;

    /// The canonical bytes.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (chunk, element) in bytes.chunks_exact_mut(4).zip(self.0) {
            chunk.copy_from_slice(&element.as_canonical_u32().to_le_bytes());
        }
        bytes
    }

    /// Reads canonical bytes; a 32-bit number of `p` or more is refused.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, DigestError> {
        let mut padded = [0; DIGEST_BYTES];
        padded[..Self::BYTES].copy_from_slice(bytes);
        Digest::from_bytes(&padded).map(|digest| Self::from_digest(&digest))
    }

    fn from_digest(digest: &Digest) -> Self {
        Self(core::array::from_fn(|i| digest.0[i]))
    }
}

/// Header row of a leaf: account key, salt, number of entries.
pub(crate) fn header_row(account_key: &Digest, salt: &Salt, entries: usize) -> [F; WIDTH] {
    let mut x = [F::ZERO; WIDTH];
    x[..RATE].copy_from_slice(&account_key.0);
    x[RATE..WIDTH - 1].copy_from_slice(&salt.0);
    x[WIDTH - 1] = F::from_usize(entries);
    x
}

/// Entries row of a leaf: key and three 30-bit limbs (low first) of one or two entries, then the chain.
fn entries_row(pair: &[Entry], chain: &[F; RATE]) -> [F; WIDTH] {
    let mut x = [F::ZERO; WIDTH];
    for (half, entry) in x.chunks_mut(4).zip(pair) {
        let amount = entry.amount.get();
        let limb = |i: u32| F::from_u32((amount >> (30 * i)) as u32 & ((1 << 30) - 1));
        half.copy_from_slice(&[F::from_u16(entry.key.number()), limb(0), limb(1), limb(2)]);
    }
    x[RATE..].copy_from_slice(chain);
    x
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec;

    use assay_statement::{Amount, Entity, EntryKey, Kind};

    use super::*;

    fn committer() -> (Committer, Salts) {
        let hasher = Hasher::new();
        let epoch = hasher.sponge(Tag::Epoch, &[]);
        let committer = Committer::new(hasher, &Entity::new("example.org").unwrap(), &epoch);
        let salts = committer.salts(&EpochSecret::new([7; 32]), &epoch);
        (committer, salts)
    }

    fn entries(count: usize) -> Vec<Entry> {
        (0..count)
            .map(|i| Entry {
                key: EntryKey::new(i, Kind::EQUITY).unwrap(),
                amount: Amount::new((1 << 89) + i as u128).unwrap(),
            })
            .collect()
    }

    #[test]
    fn lanes_agree_with_one_account() {
        let (committer, salts) = committer();
        let uids: Vec<String> = (0..150).map(|i| format!("u{}@example.org", "x".repeat(i % 40))).collect();
        let uids: Vec<&str> = uids.iter().map(String::as_str).collect();
        let identities = committer.identify(&salts, &uids);
        let lists: Vec<Vec<Entry>> = (0..uids.len()).map(|i| entries(i * i % 23)).collect();
        let mut rows = vec![[F::ZERO; WIDTH]; lists.iter().map(|list| leaf_row_count(list.len())).sum()];
        let mut leaves = vec![Digest([F::ZERO; 8]); uids.len()];
        committer.leaf_rows(|i| (&identities[i].0, &identities[i].1, &lists[i]), &mut rows, &mut leaves);
        let mut row = 0;
        for (i, uid) in uids.iter().enumerate() {
            let uid_digest = committer.uid_digest(&Uid::new(uid).unwrap());
            let salt = salts.salt(committer.hasher(), &uid_digest);
            assert_eq!(identities[i].0, committer.account_key(&uid_digest));
            assert!(identities[i].1 == salt);
            assert_eq!(leaves[i], committer.leaf(&identities[i].0, &salt, &lists[i]));
            assert_eq!(rows[row], header_row(&identities[i].0, &salt, lists[i].len()));
            row += leaf_row_count(lists[i].len());
        }
    }

    /// A1: the header's and the entries' rows have tags of their own, so an empty account whose key and salt are
    /// chosen to equal another leaf's last row has another digest.
    #[test]
    fn a1_header_never_passes_for_entries() {
        let (committer, salts) = committer();
        let (key, salt) = committer.identify(&salts, &["a"])[0];
        let list = entries(2);
        let header = committer.hasher().compress(RowTag::Header, &header_row(&key, &salt, 2));
        let last = entries_row(&list, &header.chain);
        let genuine = committer.leaf(&key, &salt, &list);
        let as_header = committer.hasher().compress(RowTag::Header, &last).low;
        assert_ne!(genuine.0, as_header);
    }

    #[test]
    fn a_leaf_binds_every_input() {
        let (committer, salts) = committer();
        let identities = committer.identify(&salts, &["a", "b"]);
        let ((key, salt), (other_key, other_salt)) = (identities[0], identities[1]);
        let leaf = committer.leaf(&key, &salt, &entries(3));
        assert_ne!(leaf, committer.leaf(&other_key, &salt, &entries(3)));
        assert_ne!(leaf, committer.leaf(&key, &other_salt, &entries(3)));
        assert_ne!(leaf, committer.leaf(&key, &salt, &entries(2)));
        let mut changed = entries(3);
        changed[2].amount = Amount::new(1).unwrap();
        assert_ne!(leaf, committer.leaf(&key, &salt, &changed));
    }
}
