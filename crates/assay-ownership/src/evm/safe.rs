//! Where a Safe keeps its owners, and what they sign.
//!
//! A Safe (versions 1.0 to 1.4) keeps its owners as a linked list in a mapping, each owner pointing to the next one, from
//! and to a sentinel. Whoever proves the storage reads the slots here; [`owners`] makes the list of what was proven, and
//! the list goes into [`Proved::SafeOwners`](crate::Proved::SafeOwners). The contract must also be a Safe: its code, or
//! for a proxy the code at the address in its slot 0, is for the caller to check.

use crate::hash;

/// The slot with the number of owners.
pub const OWNER_COUNT_SLOT: [u8; 32] = word(3);

/// The slot with the threshold.
pub const THRESHOLD_SLOT: [u8; 32] = word(4);

/// Start and end of the list of owners.
pub const SENTINEL: [u8; 20] = {
    let mut address = [0; 20];
    address[19] = 1;
    address
};

/// Most owners that [`owners`] follows.
pub const MAX_OWNERS: usize = 256;

/// The slot that holds the owner after `owner` ([`SENTINEL`] for the first one), `keccak256(owner . 2)`.
pub fn next_owner_slot(owner: &[u8; 20]) -> [u8; 32] {
    hash::keccak256(&[&address_word(owner)[..], &word(2)].concat())
}

/// The slot that holds the module after `module` ([`SENTINEL`] for the first one), `keccak256(module . 1)`. Modules move
/// coins without owners; a Safe without them has [`SENTINEL`] there.
pub fn next_module_slot(module: &[u8; 20]) -> [u8; 32] {
    hash::keccak256(&[&address_word(module)[..], &word(1)].concat())
}

/// All owners, of the values that were proven in the slots of [`next_owner_slot`]: `links` has pairs of an owner, or
/// [`SENTINEL`], and the value in its slot. `None` where the links are no list from the sentinel back to it with `count`
/// owners.
pub fn owners(count: u64, links: &[([u8; 20], [u8; 32])]) -> Option<Vec<[u8; 20]>> {
    let count = usize::try_from(count).ok().filter(|count| (1..=MAX_OWNERS).contains(count))?;
    let mut list = Vec::with_capacity(count);
    let mut at = SENTINEL;
    loop {
        let (_, value) = links.iter().find(|(owner, _)| *owner == at)?;
        let (padding, next) = value.split_last_chunk::<20>()?;
        if padding.iter().any(|byte| *byte != 0) || *next == [0; 20] {
            return None;
        }
        if *next == SENTINEL {
            return (list.len() == count).then_some(list);
        }
        if list.len() == count || list.contains(next) {
            return None;
        }
        list.push(*next);
        at = *next;
    }
}

/// The EIP-712 hash that owners of the Safe at `address` sign for the 32 bytes `inner`, as `getMessageHash` makes it.
pub fn message_hash(chain_id: u64, address: &[u8; 20], inner: &[u8; 32]) -> [u8; 32] {
    let mut chain = [0; 32];
    let (_, low) = chain.split_at_mut(24);
    low.copy_from_slice(&chain_id.to_be_bytes());
    let domain_type = hash::keccak256(b"EIP712Domain(uint256 chainId,address verifyingContract)");
    let domain = hash::keccak256(&[&domain_type[..], &chain, &address_word(address)].concat());
    let message_type = hash::keccak256(b"SafeMessage(bytes message)");
    let message = hash::keccak256(&[message_type, hash::keccak256(inner)].concat());
    hash::keccak256(&[&[0x19, 0x01][..], &domain, &message].concat())
}

const fn word(value: u8) -> [u8; 32] {
    let mut word = [0; 32];
    word[31] = value;
    word
}

fn address_word(address: &[u8; 20]) -> [u8; 32] {
    let mut word = [0; 32];
    let (_, low) = word.split_at_mut(12);
    low.copy_from_slice(address);
    word
}
