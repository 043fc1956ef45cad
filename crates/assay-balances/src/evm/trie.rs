//! Paths of Merkle-Patricia tries whose keys are hashes, as Ethereum's state and storage are.

use assay_ownership::keccak256 as keccak;

use super::rlp::{Item, RlpError};

/// Nibbles of a key.
const DEPTH: usize = 64;

/// Why a path through a trie shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrieError {
    /// A node isn't strict RLP.
    #[error(transparent)]
    Rlp(#[from] RlpError),
    /// A node is none that a trie with keys of 32 bytes has.
    #[error("a node can't be in such a trie: {0}")]
    Node(&'static str),
    /// A node isn't the one that its parent, or the root, names.
    #[error("a node isn't the one that its parent names")]
    Hash,
    /// The path ends before it shows what is at the key.
    #[error("the path ends too early")]
    Truncated,
    /// The proof has nodes that aren't on the path.
    #[error("nodes that aren't on the path")]
    Extra,
}

/// The value at `key` under `root`, or that there is none.
///
/// `key` is what the trie's path is, so already hashed. Every node must have the hash that its parent names, be in
/// canonical form, and lie on the path; an inlined node comes inside its parent and not as a node of its own.
pub(crate) fn lookup(
    root: &[u8; 32],
    key: &[u8; 32],
    proof: &[Vec<u8>],
) -> Result<Option<Vec<u8>>, TrieError> {
    // The root of a trie without keys is the hash of an empty string. Nodes give for it nothing or that string.
    if *root == keccak(&[0x80]) {
        return match proof {
            [] => Ok(None),
            [only] if only == &[0x80] => Ok(None),
            _ => Err(TrieError::Extra),
        };
    }
    let path: Vec<u8> = key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
    let mut rest: &[u8] = &path;
    let mut nodes = proof.iter();
    let first = nodes.next().ok_or(TrieError::Truncated)?;
    if keccak(first) != *root {
        return Err(TrieError::Hash);
    }
    let mut node = Item::whole(first)?;
    let mut after_extension = false;
    let value = loop {
        let child = match node.list(17)?.as_slice() {
            [children @ .., value] if children.len() == 16 => {
                check_branch(children, value)?;
                let (&nibble, after) = rest.split_first().ok_or(TrieError::Node("a branch below a key"))?;
                rest = after;
                after_extension = false;
                *children.get(usize::from(nibble)).ok_or(TrieError::Node("no such child"))?
            }
            [compact, value] => {
                if after_extension {
                    return Err(TrieError::Node("a path in two nodes"));
                }
                let (is_leaf, nibbles) = compact_path(compact.bytes()?)?;
                if is_leaf {
                    // All keys have one length, so a leaf elsewhere in the trie can't be of another one.
                    if nibbles.len() != rest.len() {
                        return Err(TrieError::Node("a leaf at another depth"));
                    }
                    let value = value.bytes()?;
                    if value.is_empty() {
                        return Err(TrieError::Node("a leaf without value"));
                    }
                    break (nibbles == rest).then(|| value.to_vec());
                }
                if nibbles.is_empty() || nibbles.len() >= rest.len() || !check_child(value)? {
                    return Err(TrieError::Node("an extension to nowhere"));
                }
                match rest.strip_prefix(nibbles.as_slice()) {
                    Some(after) => rest = after,
                    None => break None,
                }
                after_extension = true;
                *value
            }
            _ => return Err(TrieError::Node("neither 2 nor 17 items")),
        };
        if child.is_list() {
            node = child;
            continue;
        }
        if child.bytes()?.is_empty() {
            break None;
        }
        let next = nodes.next().ok_or(TrieError::Truncated)?;
        if keccak(next) != child.array::<32>()? {
            return Err(TrieError::Hash);
        }
        if next.len() < 32 {
            return Err(TrieError::Node("a short node that isn't inlined"));
        }
        node = Item::whole(next)?;
    };
    if nodes.next().is_some() { Err(TrieError::Extra) } else { Ok(value) }
}

/// Whether there is a child; an error if it is none that a node can have.
fn check_child(child: &Item<'_>) -> Result<bool, TrieError> {
    if child.is_list() {
        return if child.encoded.len() < 32 { Ok(true) } else { Err(TrieError::Node("a long inlined node")) };
    }
    match child.bytes()?.len() {
        0 => Ok(false),
        32 => Ok(true),
        _ => Err(TrieError::Node("a child that is no hash")),
    }
}

/// Checks what isn't on the path too: a branch has 2 children at least, and no value, as no key ends at one.
fn check_branch(children: &[Item<'_>], value: &Item<'_>) -> Result<(), TrieError> {
    let mut count = 0;
    for child in children {
        count += usize::from(check_child(child)?);
    }
    if count < 2 {
        return Err(TrieError::Node("a branch without a fork"));
    }
    if value.bytes()?.is_empty() { Ok(()) } else { Err(TrieError::Node("a value in a branch")) }
}

/// Whether it is a leaf's, and the nibbles.
fn compact_path(bytes: &[u8]) -> Result<(bool, Vec<u8>), TrieError> {
    let (&first, rest) = bytes.split_first().ok_or(TrieError::Node("no path"))?;
    if first >> 4 > 3 || (first >> 4 & 1 == 0 && first & 15 != 0) || rest.len() > DEPTH / 2 {
        return Err(TrieError::Node("an unknown kind of path"));
    }
    let odd = (first >> 4 & 1 == 1).then_some(first & 15);
    let nibbles = odd.into_iter().chain(rest.iter().flat_map(|byte| [byte >> 4, byte & 15])).collect();
    Ok((first >> 4 >= 2, nibbles))
}
