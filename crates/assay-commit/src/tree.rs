use alloc::vec;
use alloc::vec::Vec;

use p3_field::PrimeCharacteristicRing;

use crate::{DIGEST_ELEMENTS, Digest, F, Hasher, RATE, RowTag, WIDTH};

/// Levels of a segment's subtree, so its leaves fit `2^18` accounts.
pub const SUBTREE_DEPTH: usize = 18;

/// Segments that one tree can hold.
pub const MAX_SEGMENTS: usize = 1 << 14;

/// Levels of the largest tree.
pub const MAX_DEPTH: usize = SUBTREE_DEPTH + 14;

/// Digest of a subtree without accounts, whatever its height. Nobody knows a row that compresses to it.
pub const EMPTY: Digest = Digest(F::new_array([
    // "Assay: no accounts here." in three-byte elements, little-endian.
    0x0073_7341,
    0x003a_7961,
    0x006f_6e20,
    0x0063_6120,
    0x0075_6f63,
    0x0073_746e,
    0x0065_6820,
    0x002e_6572,
]));

/// Levels above the subtrees of `segments` segments.
pub const fn upper_depth(segments: usize) -> usize {
    segments.next_power_of_two().trailing_zeros() as usize
}

/// The digests of a left-packed tree below one top, level by level from the leaves.
///
/// A missing right neighbour is [`EMPTY`]; levels hold what isn't empty.
#[derive(Clone)]
struct Levels(Vec<Vec<Digest>>);

impl Levels {
    fn build(hasher: &Hasher, leaves: Vec<Digest>, depth: usize) -> Self {
        let mut levels = Vec::with_capacity(depth + 1);
        levels.push(leaves);
        for level in 0..depth {
            let rows = pair_rows(&levels[level]);
            let mut parents = vec![EMPTY; rows.len()];
            hasher.compress_each(RowTag::Node, &rows, |i, out| parents[i] = Digest(out.low));
            levels.push(parents);
        }
        Self(levels)
    }

    fn top(&self) -> Digest {
        self.0.last().and_then(|level| level.first()).copied().unwrap_or(EMPTY)
    }

    fn siblings(&self, index: usize) -> impl Iterator<Item = Digest> + '_ {
        let below_top = self.0.len().saturating_sub(1);
        self.0[..below_top]
            .iter()
            .enumerate()
            .map(move |(level, digests)| digests.get(index >> level ^ 1).copied().unwrap_or(EMPTY))
    }
}

/// Input rows of the nodes above `digests`, each a left and a right child.
fn pair_rows(digests: &[Digest]) -> Vec<[F; WIDTH]> {
    digests
        .chunks(2)
        .map(|pair| {
            let mut x = [F::ZERO; WIDTH];
            let right = pair.get(1).unwrap_or(&EMPTY);
            x[..RATE].copy_from_slice(&pair[0].0);
            x[RATE..].copy_from_slice(&right.0);
            x
        })
        .collect()
}

/// The tree over one segment's leaves, [`SUBTREE_DEPTH`] levels high.
#[derive(Clone)]
pub struct Subtree(Levels);

impl Subtree {
    /// The subtree over `leaves`, at most `2^`[`SUBTREE_DEPTH`] of them.
    pub fn build(hasher: &Hasher, leaves: Vec<Digest>) -> Result<Self, TreeError> {
        if leaves.is_empty() || leaves.len() > 1 << SUBTREE_DEPTH {
            return Err(TreeError::Leaves { leaves: leaves.len() });
        }
        Ok(Self(Levels::build(hasher, leaves, SUBTREE_DEPTH)))
    }

    /// The digest at the top.
    pub fn top(&self) -> Digest {
        self.0.top()
    }

    /// Inner nodes that aren't empty.
    pub fn node_count(&self) -> usize {
        self.0.0[1..].iter().map(Vec::len).sum()
    }

    /// Every inner node that isn't empty, from the top down: its number (1 for the top, `2 n` and `2 n + 1` for the
    /// children of `n`), its left and its right child.
    pub fn nodes(&self) -> impl Iterator<Item = (u32, Digest, Digest)> + '_ {
        let levels = &self.0.0;
        (1..levels.len()).rev().flat_map(move |level| {
            (0..levels[level].len()).map(move |i| {
                let children = &levels[level - 1];
                let first = 1u32 << (SUBTREE_DEPTH - level);
                let right = children.get(2 * i + 1).copied().unwrap_or(EMPTY);
                (first + i as u32, children[2 * i], right)
            })
        })
    }
}

/// The levels above the subtrees.
#[derive(Clone)]
pub struct UpperTree {
    levels: Levels,
}

impl UpperTree {
    /// The tree over the segments' tops.
    pub fn build(hasher: &Hasher, tops: Vec<Digest>) -> Result<Self, TreeError> {
        if tops.is_empty() || tops.len() > MAX_SEGMENTS {
            return Err(TreeError::Segments { segments: tops.len() });
        }
        let depth = upper_depth(tops.len());
        Ok(Self { levels: Levels::build(hasher, tops, depth) })
    }

    /// The digest at the top of the whole tree.
    pub fn top(&self) -> Digest {
        self.levels.top()
    }

    /// Levels of the whole tree.
    pub fn depth(&self) -> usize {
        SUBTREE_DEPTH + self.levels.0.len() - 1
    }
}

/// Where a leaf stands and the digests beside its path, from the leaf up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Number of the leaf from the left.
    pub position: u64,
    /// One digest a level.
    pub siblings: Vec<Digest>,
}

impl Path {
    /// The path of leaf `index` of segment `segment`.
    pub fn new(subtree: &Subtree, upper: &UpperTree, segment: usize, index: usize) -> Self {
        let siblings = subtree.0.siblings(index).chain(upper.levels.siblings(segment)).collect();
        Self { position: ((segment as u64) << SUBTREE_DEPTH) + index as u64, siblings }
    }

    /// The top of a tree with exactly these levels in which `leaf` stands at this position.
    ///
    /// A sibling that equals the digest beside it is refused: no honest tree has one.
    pub fn top(&self, hasher: &Hasher, leaf: &Digest) -> Result<Digest, TreeError> {
        let depth = self.siblings.len();
        if !(SUBTREE_DEPTH..=MAX_DEPTH).contains(&depth) {
            return Err(TreeError::Depth { depth });
        }
        if self.position >> depth != 0 {
            return Err(TreeError::Position);
        }
        let mut digest = *leaf;
        for (level, sibling) in self.siblings.iter().enumerate() {
            if *sibling == digest {
                return Err(TreeError::Twin { level });
            }
            digest = if self.position >> level & 1 == 0 {
                // The left child of a pair is never empty in a left-packed tree, the right one may be.
                hasher.node(&digest, sibling)
            } else {
                hasher.node(sibling, &digest)
            };
        }
        Ok(digest)
    }
}

/// Why a tree or a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// A segment without leaves, or with more than its subtree holds.
    #[error("a segment with {leaves} leaves")]
    Leaves {
        /// How many.
        leaves: usize,
    },
    /// No segment, or more than [`MAX_SEGMENTS`].
    #[error("a tree of {segments} segments")]
    Segments {
        /// How many.
        segments: usize,
    },
    /// A path with a number of levels that no tree has.
    #[error("a path of {depth} levels")]
    Depth {
        /// How many.
        depth: usize,
    },
    /// A position that the path's levels can't reach.
    #[error("the position is outside the tree")]
    Position,
    /// Two equal digests side by side.
    #[error("equal digests side by side at level {level}")]
    Twin {
        /// Level above the leaves.
        level: usize,
    },
}

const _: () = assert!(DIGEST_ELEMENTS == RATE);

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: usize) -> Vec<Digest> {
        (0..count).map(|i| Digest([F::from_usize(i + 1); 8])).collect()
    }

    #[test]
    fn every_path_leads_to_the_top() {
        let hasher = Hasher::new();
        let counts = [3, 1, 5];
        let subtrees: Vec<Subtree> =
            counts.iter().map(|count| Subtree::build(&hasher, leaves(*count)).unwrap()).collect();
        let upper = UpperTree::build(&hasher, subtrees.iter().map(Subtree::top).collect()).unwrap();
        assert_eq!(upper.depth(), SUBTREE_DEPTH + 2);
        for (segment, count) in counts.into_iter().enumerate() {
            for (index, leaf) in leaves(count).iter().enumerate() {
                let path = Path::new(&subtrees[segment], &upper, segment, index);
                assert_eq!(path.top(&hasher, leaf), Ok(upper.top()));
                let wrong = Path { position: path.position ^ 1, ..path };
                assert_ne!(wrong.top(&hasher, leaf), Ok(upper.top()));
            }
        }
    }

    #[test]
    fn nodes_are_numbered_like_a_heap() {
        let hasher = Hasher::new();
        let subtree = Subtree::build(&hasher, leaves(5)).unwrap();
        let nodes: Vec<_> = subtree.nodes().collect();
        assert_eq!(nodes.len(), subtree.node_count());
        assert_eq!(nodes[0].0, 1);
        for (number, left, right) in &nodes {
            let digest = hasher.node(left, right);
            if *number == 1 {
                assert_eq!(digest, subtree.top());
            } else {
                let (_, parent_left, parent_right) =
                    nodes.iter().find(|(parent, _, _)| *parent == number / 2).unwrap();
                assert_eq!(digest, if number % 2 == 0 { *parent_left } else { *parent_right });
            }
        }
    }

    /// A15: paths of another length, positions beyond the depth.
    #[test]
    fn a15_a_path_has_exactly_the_trees_shape() {
        let hasher = Hasher::new();
        let subtree = Subtree::build(&hasher, leaves(4)).unwrap();
        let upper = UpperTree::build(&hasher, vec![subtree.top()]).unwrap();
        let path = Path::new(&subtree, &upper, 0, 2);
        let leaf = leaves(4)[2];
        let mut short = path.clone();
        short.siblings.remove(0);
        assert_eq!(short.top(&hasher, &leaf), Err(TreeError::Depth { depth: SUBTREE_DEPTH - 1 }));
        // A node taken as a leaf needs a path one level shorter; made up to length it leads elsewhere.
        let node = hasher.node(&leaves(4)[2], &leaves(4)[3]);
        let mut shifted = path.clone();
        shifted.siblings.remove(0);
        shifted.siblings.push(EMPTY);
        shifted.position >>= 1;
        assert_ne!(shifted.top(&hasher, &node), Ok(upper.top()));
        let beyond = Path { position: path.position + (1 << SUBTREE_DEPTH), ..path.clone() };
        assert_eq!(beyond.top(&hasher, &leaf), Err(TreeError::Position));
    }

    /// A18: a duplicated odd node.
    #[test]
    fn a18_equal_neighbours_are_refused() {
        let hasher = Hasher::new();
        let mut path = Path { position: 0, siblings: vec![EMPTY; SUBTREE_DEPTH] };
        let leaf = leaves(1)[0];
        path.siblings[0] = leaf;
        assert_eq!(path.top(&hasher, &leaf), Err(TreeError::Twin { level: 0 }));
    }
}
