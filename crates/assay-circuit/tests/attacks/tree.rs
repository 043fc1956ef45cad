//! The tree: leaves that it hides, levels that it lacks, tops that it doesn't have.

use assay_commit::EMPTY;

use super::{base, each};
use crate::forge::{Account, FIRST_LEAF, Forge, Place, Row, digest, leaf, v};

/// A padding row sends an empty subtree as if it were a node's digest.
pub(crate) fn empty_subtree_from_padding() -> Vec<Forge> {
    let mut forge = Forge::honest(&base());
    let number = v((FIRST_LEAF + 2) / 2);
    forge.node_mut((FIRST_LEAF + 2) / 2).empty_right = v(0);
    let mut row = Row { empty_right: v(1), number, ..Row::default() };
    row.absorb(EMPTY.0);
    forge.extra.push(row);
    vec![forge]
}

/// A right child that says it is empty, and holds a leaf, or a whole subtree, that no total counts.
pub(crate) fn hidden_accounts() -> Vec<Forge> {
    let accounts = base();
    let hidden = Account::new(30, 1, &[(8, 1 << 80)]);
    let rows = leaf(FIRST_LEAF + 3, &hidden.key, &hidden.salt, &hidden.blocks());
    let mut one = Forge::honest(&accounts);
    let mut leaves = one.digests();
    leaves.push((FIRST_LEAF + 3, digest(&rows)));
    one.plant_from(1, leaves);
    one.node_mut((FIRST_LEAF + 2) / 2).empty_right = v(1);

    let mut half = Forge::honest(&accounts);
    half.nodes[0].absorb(digest(&rows));
    half.top = half.nodes[0].low();
    vec![one, half]
}

/// No top, so nothing that is public.
pub(crate) fn no_root() -> Vec<Forge> {
    let mut forge = Forge::honest(&[Account::new(10, 5, &[])]);
    forge.nodes[0].root = v(0);
    forge.totals.clear();
    vec![forge]
}

/// The top twice, each time with a run of totals.
pub(crate) fn two_roots() -> Vec<Forge> {
    let mut forge = Forge::honest(&[Account::new(10, 5, &[])]);
    forge.extra.push(forge.nodes[0].clone());
    forge.extra.extend(forge.totals.clone());
    vec![forge]
}

/// The first row holds any digest, the top of the tree stands somewhere else.
pub(crate) fn root_that_is_no_node() -> Vec<Forge> {
    let mut forge = Forge::honest(&base());
    let mut node = forge.nodes[0].clone();
    node.root = v(0);
    forge.extra.push(node);
    forge.nodes[0] = Row { root: v(1), number: v(1), ..Row::default() };
    forge.top = forge.nodes[0].low();
    vec![forge]
}

/// A subtree that is a level short: its top is the left child of the real one.
pub(crate) fn subtree_that_is_too_low() -> Vec<Forge> {
    let mut forge = Forge::honest(&base());
    forge.plant_from(2, forge.digests());
    vec![forge]
}

/// Another top than the tree's, in each element.
pub(crate) fn another_top() -> Vec<Forge> {
    each(8, |i| {
        let mut forge = Forge::honest(&base());
        forge.top[i] += v(1);
        forge
    })
}

/// A tree over other leaves than those that are counted.
pub(crate) fn tree_of_other_leaves() -> Vec<Forge> {
    let mut forge = Forge::honest(&base());
    let other = Forge::honest(&[Account::new(10, 5, &[(8, 1 << 80)])]);
    forge.nodes = other.nodes;
    forge.top = other.top;
    vec![forge]
}

/// The odd node twice: a right child with the left one's digest.
pub(crate) fn duplicated_odd_child() -> Forge {
    let mut forge = Forge::honest(&base());
    let mut leaves = forge.digests();
    leaves.push((FIRST_LEAF + 3, leaves[2].1));
    forge.plant_from(1, leaves);
    forge
}

/// An inner node stands where a leaf belongs, so that the leaves are a level deeper.
pub(crate) fn node_in_the_place_of_a_leaf() -> Forge {
    let mut forge = Forge::honest(&base());
    let leaves: Vec<_> = forge.digests().into_iter().map(|(n, digest)| (n + FIRST_LEAF, digest)).collect();
    forge.plant_from(1, leaves);
    forge
}

/// A leaf is the child of a node two levels up.
pub(crate) fn leaf_in_the_place_of_a_node() -> Forge {
    let mut forge = Forge::honest(&base()[..1]);
    let leaf = forge.digests()[0].1;
    forge.plant_from(1, vec![(FIRST_LEAF / 2, leaf)]);
    forge
}

/// No account at all.
pub(crate) fn no_accounts() -> Vec<Forge> {
    let mut forge = Forge::honest(&[Account::new(10, 5, &[])]);
    forge.places = vec![Place::default()];
    forge.leaves.clear();
    vec![forge]
}
