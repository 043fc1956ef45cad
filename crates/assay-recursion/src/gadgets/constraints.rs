//! A table's constraints as a graph of additions and multiplications, and its evaluation in a circuit.
//!
//! The symbolic evaluation of an AIR shares sub-expressions by reference, and copies them where it clones. Numbering
//! nodes by what they compute finds both kinds of sharing; what remains is one operation of the circuit for each
//! addition or multiplication, and one for a product that is added to something.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use assay_circuit::{Challenge, Val};
use hashbrown::HashMap;
use p3_air::Air;
use p3_air::symbolic::{
    AirLayout, BaseEntry, BaseLeaf, ExtEntry, ExtLeaf, SymbolicExpr, SymbolicExpression,
    SymbolicExpressionExt,
};
use p3_batch_stark::symbolic::{get_constraint_layout, get_symbolic_constraints};
use p3_field::PrimeCharacteristicRing;
use p3_lookup::logup::LogUpGadget;
use p3_lookup::{InteractionSymbolicBuilder, Lookup};

use super::shape::ShapeError;
use crate::{CircuitBuilder, Wire};

/// A value that constraints are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Leaf {
    /// A main column at the point or, `next`, at the point after it.
    Main {
        next: bool,
        column: usize,
    },
    /// A preprocessed column.
    Preprocessed {
        next: bool,
        column: usize,
    },
    /// A column of the lookup argument, an extension element.
    Permutation {
        next: bool,
        column: usize,
    },
    /// A public value.
    Public(usize),
    /// A challenge of the lookup argument.
    Challenge(usize),
    /// The sum that the table's lookups end with.
    Terminal,
    /// Selectors of rows.
    FirstRow,
    LastRow,
    Transition,
}

/// Number of a node.
type Id = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Node {
    Leaf(Leaf),
    Constant(Challenge),
    Add(Id, Id),
    Sub(Id, Id),
    Mul(Id, Id),
}

/// All constraints of one table.
pub(super) struct Constraints {
    nodes: Vec<Node>,
    /// How many nodes and constraints use a node.
    uses: Vec<u32>,
    /// What must be zero on every row, in the order in which the verifier folds it.
    roots: Vec<Id>,
}

impl Constraints {
    /// The constraints of an AIR and of its lookups.
    pub(super) fn new<A>(air: &A, layout: AirLayout, lookups: &[Lookup<Val>]) -> Result<Self, ShapeError>
    where
        A: Air<InteractionSymbolicBuilder<Val, Challenge>>,
    {
        let gadget = LogUpGadget::new();
        let (base, extension) =
            get_symbolic_constraints::<Val, Challenge, _, _>(air, layout, lookups, &gadget);
        let order = get_constraint_layout::<Val, Challenge, _, _>(air, layout, lookups, &gadget);
        let mut compiler = Compiler::default();
        let mut roots = vec![None; order.total_constraints()];
        for (constraint, index) in base.iter().zip(&order.base_indices) {
            let id = compiler.base(constraint)?;
            *roots.get_mut(*index).ok_or(ShapeError::Constraints)? = Some(id);
        }
        for (constraint, index) in extension.iter().zip(&order.ext_indices) {
            let id = compiler.extension(constraint)?;
            *roots.get_mut(*index).ok_or(ShapeError::Constraints)? = Some(id);
        }
        let roots = roots.into_iter().collect::<Option<Vec<_>>>().ok_or(ShapeError::Constraints)?;
        Ok(Self::count_uses(compiler.nodes.nodes, roots))
    }

    /// Counts the uses of nodes that some constraint depends on.
    fn count_uses(nodes: Vec<Node>, roots: Vec<Id>) -> Self {
        let mut uses = vec![0u32; nodes.len()];
        let mut pending = roots.clone();
        while let Some(id) = pending.pop() {
            let (Some(count), Some(node)) = (uses.get_mut(id), nodes.get(id)) else { continue };
            *count += 1;
            // Children are counted once, for the node's one operation.
            if *count == 1
                && let Node::Add(a, b) | Node::Sub(a, b) | Node::Mul(a, b) = node
            {
                pending.extend([*a, *b]);
            }
        }
        Self { nodes, uses, roots }
    }

    /// The values that constraints depend on.
    pub(super) fn leaves(&self) -> impl Iterator<Item = Leaf> + '_ {
        self.nodes.iter().zip(&self.uses).filter_map(|(node, uses)| match node {
            Node::Leaf(leaf) if *uses > 0 => Some(*leaf),
            _ => None,
        })
    }

    /// The constraints' sum, each one times `alpha` to the number of constraints after it.
    pub(super) fn fold(
        &self,
        builder: &mut CircuitBuilder,
        alpha: Wire,
        leaf: impl FnMut(&mut CircuitBuilder, Leaf) -> Wire,
    ) -> Wire {
        let mut evaluation = Evaluation { constraints: self, wires: vec![None; self.nodes.len()], leaf };
        let mut folded = None;
        for root in &self.roots {
            let value = evaluation.wire(builder, *root);
            folded = Some(match folded {
                None => value,
                Some(folded) => builder.mul_add(folded, alpha, value),
            });
        }
        folded.unwrap_or_else(|| builder.zero())
    }
}

/// Wires of the nodes visited so far.
struct Evaluation<'a, L> {
    constraints: &'a Constraints,
    wires: Vec<Option<Wire>>,
    leaf: L,
}

impl<L: FnMut(&mut CircuitBuilder, Leaf) -> Wire> Evaluation<'_, L> {
    fn wire(&mut self, builder: &mut CircuitBuilder, id: Id) -> Wire {
        if let Some(Some(wire)) = self.wires.get(id) {
            return *wire;
        }
        let wire = match self.constraints.nodes.get(id).copied() {
            None => builder.zero(),
            Some(Node::Constant(value)) => builder.constant_ext(value),
            Some(Node::Leaf(leaf)) => (self.leaf)(builder, leaf),
            Some(Node::Add(a, b)) => match (self.product(a), self.product(b)) {
                (Some(factors), _) => self.fused(builder, factors, b),
                (None, Some(factors)) => self.fused(builder, factors, a),
                (None, None) => {
                    let (a, b) = (self.wire(builder, a), self.wire(builder, b));
                    builder.add(a, b)
                }
            },
            Some(Node::Sub(a, b)) => {
                let (a, b) = (self.wire(builder, a), self.wire(builder, b));
                builder.sub(a, b)
            }
            Some(Node::Mul(a, b)) => {
                let (a, b) = (self.wire(builder, a), self.wire(builder, b));
                builder.mul(a, b)
            }
        };
        if let Some(slot) = self.wires.get_mut(id) {
            *slot = Some(wire);
        }
        wire
    }

    /// Factors of a product that nothing else uses.
    fn product(&self, id: Id) -> Option<(Id, Id)> {
        match (self.constraints.nodes.get(id), self.constraints.uses.get(id)) {
            (Some(Node::Mul(a, b)), Some(1)) => Some((*a, *b)),
            _ => None,
        }
    }

    fn fused(&mut self, builder: &mut CircuitBuilder, (a, b): (Id, Id), c: Id) -> Wire {
        let (a, b, c) = (self.wire(builder, a), self.wire(builder, b), self.wire(builder, c));
        builder.mul_add(a, b, c)
    }
}

/// Nodes by what they compute.
#[derive(Default)]
struct Nodes {
    nodes: Vec<Node>,
    ids: HashMap<Node, Id>,
}

impl Nodes {
    fn id(&mut self, node: Node) -> Id {
        let Self { nodes, ids } = self;
        *ids.entry(node).or_insert_with(|| {
            nodes.push(node);
            nodes.len() - 1
        })
    }

    fn constant(&mut self, value: Challenge) -> Id {
        self.id(Node::Constant(value))
    }

    fn value(&self, id: Id) -> Option<Challenge> {
        match self.nodes.get(id) {
            Some(Node::Constant(value)) => Some(*value),
            _ => None,
        }
    }

    /// Factors of a product with a constant.
    fn scaled(&self, id: Id) -> Option<(Challenge, Id)> {
        match self.nodes.get(id) {
            Some(Node::Mul(a, b)) => match (self.value(*a), self.value(*b)) {
                (Some(scale), _) => Some((scale, *b)),
                (_, Some(scale)) => Some((scale, *a)),
                (None, None) => None,
            },
            _ => None,
        }
    }

    fn add(&mut self, a: Id, b: Id) -> Id {
        match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) => self.constant(a + b),
            (Some(Challenge::ZERO), _) => b,
            (_, Some(Challenge::ZERO)) => a,
            _ if a == b => {
                let two = self.constant(Challenge::TWO);
                self.mul(two, a)
            }
            _ => self.id(Node::Add(a.min(b), a.max(b))),
        }
    }

    fn sub(&mut self, a: Id, b: Id) -> Id {
        if a == b {
            return self.constant(Challenge::ZERO);
        }
        if let Some(value) = self.value(b) {
            let negated = self.constant(-value);
            return self.add(a, negated);
        }
        if let Some((scale, factor)) = self.scaled(b) {
            // A difference with a multiple is a sum, which takes one operation.
            let negated = self.constant(-scale);
            let product = self.mul(negated, factor);
            return self.add(a, product);
        }
        if self.value(a) == Some(Challenge::ZERO) {
            return self.neg(b);
        }
        self.id(Node::Sub(a, b))
    }

    fn neg(&mut self, a: Id) -> Id {
        if let Some(Node::Sub(x, y)) = self.nodes.get(a).copied() {
            return self.sub(y, x);
        }
        let minus_one = self.constant(Challenge::NEG_ONE);
        self.mul(minus_one, a)
    }

    fn mul(&mut self, a: Id, b: Id) -> Id {
        match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) => return self.constant(a * b),
            (Some(Challenge::ZERO), _) | (_, Some(Challenge::ONE)) => return a,
            (_, Some(Challenge::ZERO)) | (Some(Challenge::ONE), _) => return b,
            (Some(scale), None) => {
                if let Some((inner, factor)) = self.scaled(b) {
                    let product = self.constant(scale * inner);
                    return self.mul(product, factor);
                }
            }
            (None, Some(_)) => return self.mul(b, a),
            (None, None) => {}
        }
        self.id(Node::Mul(a.min(b), a.max(b)))
    }
}

type Memo<A> = HashMap<*const SymbolicExpr<A>, Id>;

#[derive(Default)]
struct Compiler {
    nodes: Nodes,
    base: Memo<BaseLeaf<Val>>,
    extension: Memo<ExtLeaf<Val, Challenge>>,
}

impl Compiler {
    fn base(&mut self, expression: &SymbolicExpression<Val>) -> Result<Id, ShapeError> {
        walk(&mut self.nodes, expression, &mut self.base, &mut base_leaf)
    }

    fn extension(&mut self, expression: &SymbolicExpressionExt<Val, Challenge>) -> Result<Id, ShapeError> {
        let base = &mut self.base;
        walk(&mut self.nodes, expression, &mut self.extension, &mut |nodes, leaf| match leaf {
            ExtLeaf::Base(expression) => walk(nodes, expression, base, &mut base_leaf),
            ExtLeaf::ExtConstant(value) => Ok(nodes.constant(*value)),
            ExtLeaf::ExtVariable(variable) => {
                let column = variable.index;
                let leaf = match variable.entry {
                    ExtEntry::Permutation { offset } => Leaf::Permutation { next: next(offset)?, column },
                    ExtEntry::Challenge => Leaf::Challenge(column),
                    ExtEntry::PermutationValue if column == 0 => Leaf::Terminal,
                    ExtEntry::PermutationValue => return Err(ShapeError::Constraints),
                };
                Ok(nodes.id(Node::Leaf(leaf)))
            }
        })
    }
}

fn base_leaf(nodes: &mut Nodes, leaf: &BaseLeaf<Val>) -> Result<Id, ShapeError> {
    let leaf = match leaf {
        BaseLeaf::Constant(value) => return Ok(nodes.constant((*value).into())),
        BaseLeaf::IsFirstRow => Leaf::FirstRow,
        BaseLeaf::IsLastRow => Leaf::LastRow,
        BaseLeaf::IsTransition => Leaf::Transition,
        BaseLeaf::Variable(variable) => {
            let column = variable.index;
            match variable.entry {
                BaseEntry::Main { offset } => Leaf::Main { next: next(offset)?, column },
                BaseEntry::Preprocessed { offset } => Leaf::Preprocessed { next: next(offset)?, column },
                BaseEntry::Public => Leaf::Public(column),
                BaseEntry::Periodic => return Err(ShapeError::PeriodicColumns),
            }
        }
    };
    Ok(nodes.id(Node::Leaf(leaf)))
}

/// Whether an offset means the next row; there are two rows.
fn next(offset: usize) -> Result<bool, ShapeError> {
    match offset {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(ShapeError::Constraints),
    }
}

/// Number of an expression's node. Shared expressions are visited once.
fn walk<A>(
    nodes: &mut Nodes,
    expression: &SymbolicExpr<A>,
    memo: &mut Memo<A>,
    leaf: &mut impl FnMut(&mut Nodes, &A) -> Result<Id, ShapeError>,
) -> Result<Id, ShapeError> {
    let mut child = |nodes: &mut Nodes, child: &Arc<SymbolicExpr<A>>| {
        if let Some(id) = memo.get(&Arc::as_ptr(child)) {
            return Ok(*id);
        }
        let id = walk(nodes, child, memo, leaf)?;
        memo.insert(Arc::as_ptr(child), id);
        Ok(id)
    };
    Ok(match expression {
        SymbolicExpr::Leaf(value) => leaf(nodes, value)?,
        SymbolicExpr::Add { x, y, .. } => {
            let (x, y) = (child(nodes, x)?, child(nodes, y)?);
            nodes.add(x, y)
        }
        SymbolicExpr::Sub { x, y, .. } => {
            let (x, y) = (child(nodes, x)?, child(nodes, y)?);
            nodes.sub(x, y)
        }
        SymbolicExpr::Neg { x, .. } => {
            let x = child(nodes, x)?;
            nodes.neg(x)
        }
        SymbolicExpr::Mul { x, y, .. } => {
            let (x, y) = (child(nodes, x)?, child(nodes, y)?);
            nodes.mul(x, y)
        }
    })
}
