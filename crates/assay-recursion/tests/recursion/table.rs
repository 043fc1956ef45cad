//! Tests of the recursion table: honest circuits hold, and what a cheating prover writes by hand doesn't.
//!
//! An attack that one constraint stops alone is played twice: the whole table names this constraint and no other, and
//! the table without it takes the very same trace. Ports of the wire bus can't be tested like that, as a bus without
//! one kind of port doesn't balance for an honest prover either; there the trace must hold apart from the bus.

use std::array::from_fn;
use std::collections::BTreeSet;

use crate::table_common::*;
use assay_circuit::{Challenge, Val};
use assay_recursion::checker::Failure;
use assay_recursion::columns::{LANES, fixed, main};
use assay_recursion::{
    All, Array, BuildError, CONSTRAINTS, Circuit, CircuitBuilder, Constraint, DigestWires, High, Hint,
    Inputs, Permute, Rest, Violation, Wire, Without,
};
use p3_field::{BasedVectorSpace, Field, PrimeCharacteristicRing, PrimeField32};
use p3_koala_bear::default_koalabear_poseidon2_16;
use p3_symmetric::{
    CryptographicHasher, PaddingFreeSponge, Permutation, PseudoCompressionFunction, TruncatedPermutation,
};
use proptest::prelude::*;

// Honest runs.

#[test]
fn honest_run_holds() {
    let table = toy().table();
    assert_eq!(table.failures(All), []);
    assert!(table.proves());
    for constraint in CONSTRAINTS {
        // Wires and ranges are sent by some constraints and received by others.
        let one_side = WIRES.contains(&constraint) || RANGES.contains(&constraint);
        assert_eq!(table.failures(Without(constraint)).is_empty(), !one_side, "{constraint:?}");
    }
    assert_eq!(table.failures(Lacking(WIRES)), []);
    assert_eq!(table.failures(Lacking(RANGES)), []);
}

/// Wires have the values that the same computation gives outside of the circuit.
#[test]
fn operations_compute_what_they_say() {
    let Toy { circuit, inputs, wires, rows } = toy();
    let witness = circuit.run(&inputs);
    let value = |wire: Wire| witness.value(wire);
    let base = |wire: Wire| {
        let [base, rest @ ..] = coordinates(value(wire));
        assert_eq!(rest, [Val::ZERO; 4]);
        base
    };
    let digest = |wires: DigestWires| -> [Val; 8] {
        let (low, high) = (coordinates(value(wires[0])), coordinates(value(wires[1])));
        assert_eq!(high[3..], [Val::ZERO; 2]);
        from_fn(|i| if i < 5 { low[i] } else { high[i - 5] })
    };
    let [e0, e1, e2] = wires.extension.map(value);
    let values = wires.base.map(base);
    assert_eq!(inputs.values[..3], [e0, e1, e2]);
    assert_eq!(inputs.values[3..15], values.map(Challenge::from));

    let sum = e0 * e1 + e2;
    assert_eq!(value(wires.sum), sum);
    assert_eq!(value(wires.quotient), e0 * e1.inverse());
    let horner = |by: Challenge, values: &[Val]| {
        values.iter().rev().enumerate().map(|(i, value)| by.exp_u64(i as u64) * *value).sum::<Challenge>()
    };
    assert_eq!(value(wires.twelve), horner(e1, &values));
    assert_eq!(value(wires.seven), horner(e0, &values[..7]));
    assert_eq!(wires.unpacked.map(base), coordinates(sum));
    let [s0, s1, s2, ..] = coordinates(sum);
    assert_eq!(coordinates(value(wires.repacked)), [s0, s1, s2, Val::ZERO, Val::ZERO]);

    let poseidon2 = default_koalabear_poseidon2_16();
    let hash = PaddingFreeSponge::<_, 16, 8, 8>::new(poseidon2.clone());
    let compress = TruncatedPermutation::<_, 2, 8, 16>::new(poseidon2.clone());
    let mut state = [Val::ZERO; 16];
    state[..3].copy_from_slice(&values[..3]);
    state[8] = v(7);
    let fresh: [Val; 8] = poseidon2.permute(state)[..8].try_into().unwrap();
    assert_eq!(digest(wires.fresh), fresh);
    let leaf: [Val; 8] = hash.hash_iter(values);
    let path = compress.compress([compress.compress([inputs.digests[2], leaf]), fresh]);
    // The last row: first half of the path's state with two lanes given, second half of output and input, and the tag.
    let mut before = [Val::ZERO; 16];
    before[..8].copy_from_slice(&compress.compress([inputs.digests[2], leaf]));
    before[8..].copy_from_slice(&fresh);
    let mut state = poseidon2.permute(before);
    assert_eq!(state[..8], path);
    state[..2].copy_from_slice(&values[..2]);
    for (element, before) in state.iter_mut().zip(before).skip(8) {
        *element += before;
    }
    state[8] += v(11);
    assert_eq!(wires.published.map(base), poseidon2.permute(state)[..8]);
    assert_eq!(circuit.publics(&witness), poseidon2.permute(state)[..8]);

    // Merkle steps: with bit 0 the known half is on the left.
    let table = Table::honest(circuit.clone(), &inputs);
    let leaf: [Val; 8] = hash.hash_iter(values[..3].iter().copied());
    for (k, expected) in [[leaf, inputs.digests[0]], [inputs.digests[1], leaf]].into_iter().enumerate() {
        let output = &table.row(rows.merkle[k])[main::OUTPUT..main::OUTPUT + 8];
        assert_eq!(output, compress.compress(expected));
    }

    let output = |i: usize| -> [Val; 8] { hash.hash_iter(values[i..i + 2].iter().copied()) };
    let element = |i: usize| Wire::index(wires.outputs_element(i));
    assert_eq!(element(1), element(0) + 1);
    assert_eq!(digest(from_fn(|k| wires.outputs_element(2 + k))), output(1));
    assert_eq!(base(wires.selected[0]), v(TABLE[2]));
    let packed = [values[2], values[3], values[4], values[5], values[6]];
    assert_eq!(coordinates(value(wires.selected[1])), packed);
    assert_eq!(digest([wires.selected[2], wires.selected[3]]), output(1));
    assert_eq!(base(wires.low_bits), v((values[0].as_canonical_u32() >> 3) & 31));
}

/// Only the preprocessed columns tell circuits apart, and they tell all.
#[test]
fn preprocessed_columns_are_the_circuit() {
    let circuit = |constant: u32, swapped: bool| {
        let mut b = CircuitBuilder::new();
        let x = b.input();
        let y = b.input();
        let constant = b.constant(v(constant));
        if swapped {
            b.mul_add(y, constant, x)
        } else {
            b.mul_add(x, constant, y)
        };
        let zero = b.zero();
        b.publish([zero; 8]);
        b.finish(4, 3).unwrap()
    };
    let one = circuit(1, false);
    assert_eq!(one.preprocessed(), circuit(1, false).preprocessed());
    assert_ne!(one.preprocessed(), circuit(2, false).preprocessed());
    assert_ne!(one.preprocessed(), circuit(1, true).preprocessed());
}

// Every cell.

/// On every row of the toy circuit and one of its padding, each cell is changed: a bound cell's change is noticed, a
/// free cell's isn't. So the notes in `bound` are right, and a test that changes a bound cell of another circuit can
/// expect to see a failure.
#[test]
fn cells_are_bound_or_free() {
    let toy = toy();
    let honest = toy.table();
    let rows: Vec<usize> = (0..=toy.rows.padding).chain([(1 << LOG_HEIGHT) - 1]).collect();
    let check = |rows: &[usize]| {
        let mut table = honest.clone();
        for row in rows {
            for column in 0..main::WIDTH {
                // The permutation's middle columns are all alike.
                if (20..main::OUTPUT).contains(&column) && column % 16 != 4 {
                    continue;
                }
                let bound = bound(honest.fixed(*row), column);
                *table.at(*row, column) += v(1 + column as u32);
                match bound {
                    Bound::Always => assert!(!table.failures(All).is_empty(), "row {row} column {column}"),
                    Bound::Free => assert_eq!(table.failures(All), [], "row {row} column {column}"),
                    Bound::Factor => {}
                }
                *table.at(*row, column) = honest.row(*row)[column];
            }
        }
    };
    std::thread::scope(|scope| {
        for rows in rows.chunks(rows.len().div_ceil(4)) {
            let check = &check;
            scope.spawn(move || check(rows));
        }
    });
}

/// A changed value at any port that sends or receives leaves the bus unbalanced; at any other port the bus doesn't see
/// it. The toy circuit has ports of every kind, with every coordinate.
#[test]
fn every_port_is_on_the_bus() {
    let honest = toy().table();
    let mut table = honest.clone();
    let mut seen = BTreeSet::new();
    for row in 0..honest.height() {
        let used: Vec<Port> =
            ports().into_iter().filter(|port| port.is_used_in(honest.fixed(row), honest.row(row))).collect();
        for (k, port) in used.iter().enumerate() {
            for (coordinate, column) in port.cells.clone().enumerate() {
                *table.at(row, column) += v(1 + k as u32);
                let failures = table.failures(Only(WIRES));
                let wire = |failure: &Failure| matches!(failure, Failure::Bus { bus, .. } if bus == "wire");
                assert!(failures.iter().any(wire), "row {row} {} {coordinate}", port.name);
                *table.at(row, column) = honest.row(row)[column];
                seen.insert((port.name, port.index, coordinate));
            }
        }
        for column in (0..main::WIDTH).filter(|column| {
            let reads = [main::OUTPUT_READS, main::PACK_READS, main::CONSTANT_READS];
            !reads.contains(column) && !used.iter().any(|port| port.cells.contains(column))
        }) {
            *table.at(row, column) += Val::ONE;
        }
    }
    // All cells at once that are at no port.
    assert_eq!(table.failures(Only(WIRES)), []);
    for port in ports() {
        for coordinate in 0..port.cells.len() {
            assert!(seen.contains(&(port.name, port.index, coordinate)), "{} {coordinate}", port.name);
        }
    }
}

/// A count of dynamic reads counts where the preprocessed columns allow it, and nowhere else.
#[test]
fn reads_count_where_they_are_allowed() {
    let honest = toy().table();
    let mut seen = BTreeSet::new();
    let columns = [
        (fixed::OUTPUT_DYNAMIC, main::OUTPUT_READS),
        (fixed::PACK_DYNAMIC, main::PACK_READS),
        (fixed::CONSTANT_DYNAMIC, main::CONSTANT_READS),
    ];
    for (flag, reads) in columns {
        let mut everywhere_else = honest.clone();
        for row in 0..honest.height() {
            let dynamic = honest.fixed(row)[flag] == Val::ONE;
            if dynamic {
                let failures =
                    honest.clone().with(row, reads, honest.row(row)[reads] + Val::ONE).failures(All);
                assert!(failures.iter().all(is_wire) && !failures.is_empty(), "row {row}");
                seen.insert(flag);
            } else {
                *everywhere_else.at(row, reads) = v(7 + row as u32);
            }
        }
        assert_eq!(everywhere_else.failures(All), []);
    }
    assert_eq!(seen.len(), columns.len());
}

fn is_wire(failure: &Failure) -> bool {
    matches!(failure, Failure::Bus { bus, .. } if bus == "wire")
}

fn is_range(failure: &Failure) -> bool {
    matches!(failure, Failure::Bus { bus, .. } if bus == "range")
}

// One attack, or more, against every constraint.

/// This constraint stops these traces, and nothing else does.
fn alone(constraint: Constraint, forgeries: Vec<Table>) {
    assert!(!forgeries.is_empty());
    for (i, forgery) in forgeries.iter().enumerate() {
        let failures = forgery.failures(All);
        assert!(!failures.is_empty(), "{constraint:?}: forgery {i} passes");
        for failure in &failures {
            let named =
                matches!(failure, Failure::Constraint { constraint: other, .. } if *other == constraint);
            assert!(named, "{constraint:?}: forgery {i} fails for another reason: {failure:?}");
        }
        assert_eq!(forgery.failures(Without(constraint)), [], "{constraint:?}: forgery {i}");
    }
    assert!(!forgeries[0].proves(), "{constraint:?}: the proof system takes the first forgery");
}

/// The wire bus stops these traces, and nothing else does; it doesn't balance for anybody without this constraint.
fn on_the_bus(constraint: Constraint, forgeries: Vec<Table>) {
    assert!(WIRES.contains(&constraint) && !forgeries.is_empty());
    for (i, forgery) in forgeries.iter().enumerate() {
        let failures = forgery.failures(All);
        assert!(!failures.is_empty(), "{constraint:?}: forgery {i} passes");
        assert!(
            failures.iter().all(is_wire),
            "{constraint:?}: forgery {i} fails for another reason: {failures:?}"
        );
        assert_eq!(forgery.failures(Lacking(WIRES)), [], "{constraint:?}: forgery {i}");
    }
    assert!(!forgeries[0].proves(), "{constraint:?}: the proof system takes the first forgery");
    assert!(!toy().table().failures(Without(constraint)).is_empty(), "{constraint:?} can be left out");
}

/// An output that isn't the permutation's.
#[test]
fn permutation_rounds() {
    let toy = toy();
    let change = |column: usize| {
        let table = toy.table();
        let value = table.row(toy.rows.lone)[column] + Val::ONE;
        table.with(toy.rows.lone, column, value)
    };
    // First and last full rounds, partial rounds, output.
    let columns = [16, 31, 32, 79, 80, 90, 99, 100, main::OUTPUT - 1, main::OUTPUT, main::PERMUTATION - 1];
    alone(Constraint::PermutationRounds, columns.into_iter().map(change).collect());
}

/// A lane that no wire gives and that isn't what it should be.
#[test]
fn lanes_carry() {
    let Toy { rows, .. } = toy();
    let table = || toy().table();
    let mut forgeries = vec![
        // Zero lanes of a fresh row, of a load, and of padding.
        table().with_input(rows.lone, &[(3, v(1))]),
        table().with_input(rows.lone, &[(7, v(1))]),
        table().with_input(rows.load, &[(4, v(1))]),
        table().with_input(rows.padding, &[(0, v(1))]),
        // A carried lane that is zero instead.
        table().with_input(rows.carry, &[(2, Val::ZERO)]),
    ];
    // A fresh row that goes on from the row before.
    let before: [Val; 8] = from_fn(|j| table().row(rows.lone - 1)[main::OUTPUT + j]);
    let lanes: Vec<(usize, Val)> = (3..8).map(|j| (j, before[j])).collect();
    forgeries.push(table().with_input(rows.lone, &lanes));
    alone(Constraint::LanesCarry, forgeries);
}

/// A second half that isn't the digest of its wires.
#[test]
fn high_loads() {
    let toy = toy();
    let table = || toy.table();
    let forgeries = (8..16).map(|j| {
        let value = table().row(toy.rows.load)[j] + Val::ONE;
        table().with_input(toy.rows.load, &[(j, value)])
    });
    alone(Constraint::HighLoads, forgeries.collect());
}

/// A second half from nowhere: a sponge that starts in the middle.
#[test]
fn high_carries() {
    let toy = toy();
    let rows = toy.rows;
    let table = || toy.table();
    let shift = |row: usize, j: usize, by: Val| {
        let value = table().row(row)[j] + by;
        table().with_input(row, &[(j, value)])
    };
    let mut forgeries = vec![
        // Fresh: another tag, no tag, anything in the capacity.
        shift(rows.lone, 8, Val::ONE),
        table().with_input(rows.lone, &[(8, Val::ZERO)]),
        shift(rows.lone, 15, Val::ONE),
        // Goes on, with another tag or another state.
        shift(rows.carry, 8, Val::ONE),
        shift(rows.carry, 12, Val::ONE),
        shift(rows.feed, 8, -v(9)),
        // Padding.
        shift(rows.padding, 9, Val::ONE),
    ];
    // A fresh row that goes on from the row before, one that goes on and starts anew, one that forgets to feed.
    let high = |row: usize, value: &dyn Fn(usize) -> Val| -> Table {
        table().with_input(row, &(8..16).map(|j| (j, value(j))).collect::<Vec<_>>())
    };
    let before = |row: usize, j: usize| table().row(row - 1)[main::OUTPUT + j];
    let tag = |tag: u32, j: usize| if j == 8 { v(tag) } else { Val::ZERO };
    forgeries.push(high(rows.lone, &|j| before(rows.lone, j) + tag(7, j)));
    forgeries.push(high(rows.carry, &|j| tag(9, j)));
    forgeries.push(high(rows.feed, &|j| before(rows.feed, j) + tag(9, j)));
    alone(Constraint::HighCarries, forgeries);
}

/// A path that goes on from another digest.
#[test]
fn merkle_step() {
    let toy = toy();
    let table = || toy.table();
    let mut forgeries = Vec::new();
    for (row, known) in toy.rows.merkle.into_iter().zip([0, 8]) {
        // The halves swapped; the known half changed.
        let swapped: Vec<(usize, Val)> = (0..16).map(|j| (j, table().row(row)[(j + 8) % 16])).collect();
        forgeries.push(table().with_input(row, &swapped));
        for j in [known, known + 7] {
            let value = table().row(row)[j] + Val::ONE;
            forgeries.push(table().with_input(row, &[(j, value)]));
        }
        // The other half is the prover's choice.
        let sibling = table().with_input(row, &[(8 - known, v(1))]);
        assert_eq!(sibling.failures(All), []);
    }
    alone(Constraint::MerkleStep, forgeries);
}

#[test]
fn publics_are_first_lanes() {
    let forgery = |j: usize| {
        let mut table = toy().table();
        table.publics[j] += Val::ONE;
        table
    };
    alone(Constraint::PublicsAreFirstLanes, (0..8).map(forgery).collect());
}

/// A Horner run that starts anew, or starts somewhere else.
#[test]
fn horner_chains() {
    let toy = toy();
    let last = toy.rows.seven + 1;
    let mut forgeries = Vec::new();
    for i in 0..5 {
        let value = toy.table().row(last)[main::HORNER_START + i] + Val::ONE;
        forgeries.push(toy.table().with_horner(last, main::HORNER_START + i, value));
    }
    let mut anew = toy.table();
    anew.set_wire(last, main::HORNER_START, Challenge::ZERO);
    anew.horner_after(last, main::HORNER_START);
    forgeries.push(anew);
    // The first row starts at a value, here the result of the run before; the second one goes on from it.
    let mut first = toy.table();
    let before = first.wire(toy.rows.seven - 1, main::HORNER_RESULT);
    first.set_wire(toy.rows.seven, main::HORNER_START, before);
    first.horner_after(toy.rows.seven, main::HORNER_START);
    let result = first.wire(toy.rows.seven, main::HORNER_RESULT);
    first.set_wire(last, main::HORNER_START, result);
    first.horner_after(last, main::HORNER_START);
    forgeries.push(first);
    alone(Constraint::HornerChains, forgeries);
}

/// Each of the three sums, in every coordinate.
#[test]
fn horner_steps() {
    let toy = toy();
    let last = toy.rows.seven + 1;
    let mut forgeries = Vec::new();
    for i in 0..5 {
        for sum in [main::HORNER_TWO, main::HORNER_FOUR, main::HORNER_RESULT] {
            let value = toy.table().row(last)[sum + i] + Val::ONE;
            let mut table = toy.table().with(last, sum + i, value);
            if sum != main::HORNER_RESULT {
                table.horner_after(last, sum);
            }
            forgeries.push(table);
        }
    }
    alone(Constraint::HornerSteps, forgeries);
}

/// A wrong product, in both lanes and every coordinate.
#[test]
fn arithmetic_holds() {
    let toy = toy();
    let mut forgeries = Vec::new();
    for op in [toy.rows.products, toy.rows.products + 1] {
        let (row, lane) = arithmetic(op);
        for i in 0..5 {
            let column = lane + 15 + i;
            let value = toy.table().row(row)[column] + Val::ONE;
            forgeries.push(toy.table().with(row, column, value));
        }
    }
    alone(Constraint::Arithmetic, forgeries);
}

/// A permutation reads other values than its wires have.
#[test]
fn permutation_ports() {
    let toy = toy();
    let rows = toy.rows;
    let table = || toy.table();
    let mut forgeries =
        vec![table().with_input(rows.lone, &[(0, v(5))]), table().with_input(rows.load, &[(0, v(5))])];
    // Another digest.
    for j in 0..8 {
        let value = table().row(rows.load)[8 + j] + Val::ONE;
        forgeries
            .push(table().with(rows.load, main::HIGH + j, value).with_input(rows.load, &[(8 + j, value)]));
    }
    // The other side of a Merkle step; a bit that is a bit in its first coordinate alone.
    for (row, bit) in rows.merkle.into_iter().zip([Val::ONE, Val::ZERO]) {
        let swapped: Vec<(usize, Val)> = (0..16).map(|j| (j, table().row(row)[(j + 8) % 16])).collect();
        forgeries.push(table().with_input(row, &swapped).with(row, main::HIGH, bit));
        for i in 1..5 {
            forgeries.push(table().with(row, main::HIGH + i, Val::ONE));
        }
    }
    // Other public values than those of the circuit's wires.
    let mut publics = table().with_input(0, &[(3, v(5))]);
    publics.publics[3] = v(5);
    forgeries.push(publics);
    on_the_bus(Constraint::BusPermutation, forgeries);
}

/// A Horner run over other values, with another multiplier, or a result that isn't what others read.
#[test]
fn horner_ports() {
    let toy = toy();
    let last = toy.rows.seven + 1;
    let mut forgeries = Vec::new();
    for i in 0..5 {
        forgeries.push(toy.table().with_horner(last, main::HORNER_VALUE + i, v(5)));
        let by = toy.table().row(last)[main::HORNER_BY + i] + Val::ONE;
        forgeries.push(toy.table().with_horner(last, main::HORNER_BY + i, by));
    }
    // Result and packed wire, which others read: the run's last row is over another last value.
    forgeries.push(toy.table().with_horner(toy.rows.twelve + 2, main::HORNER_VALUE + 4, v(5)));
    forgeries.push(toy.table().with_horner(toy.rows.packs, main::HORNER_VALUE + 3, v(5)));
    on_the_bus(Constraint::BusHorner, forgeries);
}

/// An operation over other values.
#[test]
fn arithmetic_ports() {
    let toy = toy();
    let mut forgeries = Vec::new();
    for op in [toy.rows.products, toy.rows.products + 1] {
        let (row, lane) = arithmetic(op);
        for column in 0..15 {
            let value = toy.table().row(row)[lane + column] + Val::ONE;
            forgeries.push(toy.table().with_operand(op, column, value));
        }
    }
    // The reader of a pack, of zero, of one.
    for column in 0..15 {
        forgeries.push(toy.table().with_operand(toy.rows.reads_pack, column, v(5)));
    }
    on_the_bus(Constraint::BusArithmetic, forgeries);
}

/// Constants have no cells of their own: what can be forged is who reads them, and how often.
#[test]
fn constant_ports() {
    let toy = toy();
    let mut forgeries = Vec::new();
    for (row, reads) in [(0, 1), (1, 7), (2, 0), (3, 1)] {
        forgeries.push(toy.table().with(toy.rows.constants + row, main::CONSTANT_READS, v(reads)));
    }
    // One table entry for another.
    let forgery = toy.table().with(toy.rows.select, main::SELECT_VALUE, v(TABLE[1]));
    forgeries.push(forgery.clone());
    let counted = forgery.with(toy.rows.constants + 1, main::CONSTANT_READS, Val::ONE).with(
        toy.rows.constants + 2,
        main::CONSTANT_READS,
        Val::ZERO,
    );
    forgeries.push(counted);
    on_the_bus(Constraint::BusConstant, forgeries);
}

/// A select of another element, or of no element.
#[test]
fn select_ports() {
    let toy = toy();
    let mut forgeries = Vec::new();
    for i in 0..5 {
        let value = toy.table().row(toy.rows.select)[main::SELECT_VALUE + i] + Val::ONE;
        forgeries.push(toy.table().with(toy.rows.select, main::SELECT_VALUE + i, value));
    }
    // The element is there, its reads are counted: the offset isn't that of its wire.
    let other = toy
        .table()
        .with(toy.rows.select, main::SELECT_OFFSET, v(1))
        .with(toy.rows.select, main::SELECT_VALUE, v(TABLE[1]))
        .with(toy.rows.constants + 1, main::CONSTANT_READS, Val::ONE)
        .with(toy.rows.constants + 2, main::CONSTANT_READS, Val::ZERO);
    assert_eq!(other.failures(All).len(), 2, "offset as it is read, and as it is");
    forgeries.push(other);
    // The offset is a wire of the circuit at all its ports, and what stands there isn't what the select gives on.
    let mut second = toy.table();
    second.set_wire(toy.rows.select + 1, main::SELECT_VALUE, Challenge::from(v(5)));
    forgeries.push(second);
    on_the_bus(Constraint::BusSelect, forgeries);
}

/// A range check of another number than that of its wire.
#[test]
fn range_value_port() {
    let toy = toy();
    let row = toy.rows.range;
    let mut table = toy.table();
    let number = table.row(row)[main::RANGE_VALUE].as_canonical_u32() as usize;
    *table.at(number, main::RANGE_LOOKUPS) -= Val::ONE;
    *table.at(3, main::RANGE_LOOKUPS) += Val::ONE;
    *table.at(row, main::RANGE_VALUE) = v(3);
    on_the_bus(Constraint::BusRangeValue, vec![table]);
}

/// The toy circuit with a value out of range where it checks a range.
fn out_of_range(value: Val) -> Table {
    let toy = toy();
    let mut table = toy.table();
    let number = table.row(toy.rows.range)[main::RANGE_VALUE].as_canonical_u32() as usize;
    *table.at(number, main::RANGE_LOOKUPS) -= Val::ONE;
    table.replace(toy.wires.low_bits, value.into());
    // The sum of it and zero.
    for row in 0..table.height() {
        for lane in 0..LANES {
            let index = fixed::ARITHMETIC + fixed::ARITHMETIC_WIDTH * lane;
            let first = main::ARITHMETIC + main::ARITHMETIC_WIDTH * lane;
            if table.fixed(row)[index] == v(toy.wires.low_bits.index()) {
                // The sum's `a` writes the wire; nobody reads `out`.
                table.set_wire(row, first + 15, value.into());
            }
        }
    }
    table
}

/// Values that are not below `2^log_range`, with the look-up left out: nothing but its constraint notices.
#[test]
fn range_lookup() {
    for value in [v(1 << LOG_RANGE), v(1 << LOG_HEIGHT), -Val::ONE, Val::TWO.inverse()] {
        let table = out_of_range(value);
        let failures = table.failures(All);
        assert_eq!(failures, [Failure::Bus { bus: "range".into(), message: vec![value.as_canonical_u32()] }]);
        // Without look-ups, none are provided.
        let mut none = table.clone();
        for row in 0..none.height() {
            *none.at(row, main::RANGE_LOOKUPS) = Val::ZERO;
        }
        assert_eq!(none.failures(Without(Constraint::BusRangeLookup)), []);
        assert!(!none.proves());
    }
}

/// No row provides a number out of range, padding included; without rows that provide, no look-up balances.
#[test]
fn range_provided() {
    for value in [v(1 << LOG_RANGE), v(1 << LOG_HEIGHT), -Val::ONE] {
        assert!(!out_of_range(value).proves());
        for row in 0..1 << LOG_HEIGHT {
            let table = out_of_range(value);
            let lookups = table.row(row)[main::RANGE_LOOKUPS] + Val::ONE;
            let table = table.with(row, main::RANGE_LOOKUPS, lookups);
            let failures = table.failures(All);
            assert!(failures.len() == 2 && failures.iter().all(is_range), "{failures:?}");
            assert_eq!(table.failures(Lacking(RANGES)), []);
        }
    }
    assert!(!toy().table().failures(Without(Constraint::BusRangeProvided)).is_empty());
    // The table is higher than the range: each number stands on two rows, and either of them may provide it.
    let toy = toy();
    let mut table = toy.table();
    *table.at(17, main::RANGE_LOOKUPS) += Val::ONE;
    *table.at(17 + (1 << LOG_RANGE), main::RANGE_LOOKUPS) -= Val::ONE;
    assert_eq!(table.failures(All), []);
}

/// No constraint without an attack: the compiler asks for one here.
#[test]
fn every_constraint_has_an_attack() {
    use Constraint::*;
    let attack = |constraint: Constraint| -> fn() {
        match constraint {
            PermutationRounds => permutation_rounds,
            LanesCarry => lanes_carry,
            HighLoads => high_loads,
            HighCarries => high_carries,
            MerkleStep => merkle_step,
            PublicsAreFirstLanes => publics_are_first_lanes,
            HornerChains => horner_chains,
            HornerSteps => horner_steps,
            Arithmetic => arithmetic_holds,
            BusPermutation => permutation_ports,
            BusHorner => horner_ports,
            BusArithmetic => arithmetic_ports,
            BusConstant => constant_ports,
            BusSelect => select_ports,
            BusRangeValue => range_value_port,
            BusRangeLookup => range_lookup,
            BusRangeProvided => range_provided,
        }
    };
    let attacks: BTreeSet<usize> =
        CONSTRAINTS.iter().map(|constraint| attack(*constraint) as usize).collect();
    assert_eq!(attacks.len(), CONSTRAINTS.len());
}

// Attacks by name.

/// A small circuit, with the inputs of an honest run.
fn small(build: impl FnOnce(&mut CircuitBuilder), values: &[Challenge]) -> (Circuit, Inputs) {
    let mut b = CircuitBuilder::new();
    build(&mut b);
    let zero = b.zero();
    b.publish([zero; 8]);
    (b.finish(4, 3).unwrap(), Inputs { values: values.to_vec(), digests: vec![] })
}

/// All readers of a wire agree on another value than its writer's; or the writer alone changes it.
#[test]
fn readers_and_writer_differ() {
    let build = |b: &mut CircuitBuilder| {
        let [x, y] = from_fn(|_| b.input());
        // Operations 0 to 3; nobody reads the results of the last two.
        let product = b.mul(x, y);
        b.add(product, x);
        b.mul_add(product, product, y);
    };
    let (circuit, inputs) = small(build, &[extension([1, 2, 3, 4, 5]), extension([6, 7, 8, 9, 10])]);
    let honest = Table::honest(circuit, &inputs);
    let readers =
        honest.clone().with_operand(1, 0, v(77)).with_operand(2, 0, v(77)).with_operand(2, 5, v(77));
    let failures = readers.failures(All);
    assert!(failures.len() == 2 && failures.iter().all(is_wire), "{failures:?}");
    // The product of another factor, which is a wire that only this operation knows.
    let writer = honest.with_operand(0, 0, v(77));
    let failures = writer.failures(All);
    assert!(failures.len() == 4 && failures.iter().all(is_wire), "{failures:?}");
}

/// A port with one column reads wires of the base field alone.
#[test]
fn base_ports_refuse_other_wires() {
    type Use = fn(&mut CircuitBuilder, Wire);
    let uses: [Use; 5] = [
        |b, wire| {
            let chain = b.chain();
            b.hash_row(chain, &[wire]);
        },
        |b, wire| {
            let one = b.one();
            b.horner(one, &[wire]);
        },
        |b, wire| {
            b.pack(&[wire]);
        },
        |b, wire| {
            let array = b.constant_array(&[v(1), v(2)]);
            b.select(array, wire);
        },
        |b, wire| b.range(wire),
    ];
    for (i, port) in uses.into_iter().enumerate() {
        let build = |b: &mut CircuitBuilder| {
            let wire = b.input();
            let zero = b.zero();
            b.add(wire, zero);
            port(b, wire);
        };
        let (circuit, base) = small(build, &[Challenge::ONE]);
        Table::honest(circuit.clone(), &base);
        for k in 1..5 {
            let value = extension(from_fn(|i| u32::from(i == 0 || i == k)));
            let inputs = Inputs { values: vec![value], digests: vec![] };
            let violations = circuit.run(&inputs).violations().to_vec();
            assert!(matches!(violations[..], [Violation::NotBase(_)]), "{i}: {violations:?}");
            let failures = Table::of_run(circuit.clone(), &inputs).failures(All);
            assert!(failures.len() == 2 && failures.iter().all(is_wire), "{i}: {failures:?}");
        }
    }
}

/// Public values are base wires too.
#[test]
fn public_values_are_base() {
    let mut b = CircuitBuilder::new();
    let publics: [Wire; 8] = from_fn(|_| b.input());
    let zero = b.zero();
    for public in publics {
        b.add(public, zero);
    }
    b.publish(publics);
    let circuit = b.finish(3, 3).unwrap();
    let mut inputs = Inputs { values: (0..8).map(|i| v(i).into()).collect(), digests: vec![] };
    Table::honest(circuit.clone(), &inputs);
    inputs.values[5] = extension([5, 0, 0, 1, 0]);
    assert_eq!(circuit.run(&inputs).violations(), [Violation::NotBase(publics[5])]);
    assert!(Table::of_run(circuit, &inputs).failures(All).iter().all(is_wire));
}

/// Padding rows and ports that are not in use write nothing, whatever values and counts stand there.
#[test]
fn padding_writes_nothing() {
    let toy = toy();
    let forged = v(77);
    // A reader of the toy's zero takes another value ...
    let op = toy.rows.reads_pack;
    let honest = toy.table();
    let readers = honest.clone().with_operand(op, 0, forged);
    let failures = readers.failures(All);
    assert!(failures.iter().all(is_wire) && failures.len() == 2);
    // ... that each unused row holds everywhere, with all counts of reads.
    for reads in [Val::ONE, -Val::ONE, v(2)] {
        let mut table = readers.clone();
        for row in toy.rows.padding..table.height() {
            table.set_wire(row, main::HORNER_BY, forged.into());
            for i in 0..5 {
                *table.at(row, main::HORNER_VALUE + i) = forged;
            }
            table.horner_after(row, main::HORNER_START);
            for lane in 0..LANES {
                for k in 0..3 {
                    let first = main::ARITHMETIC + main::ARITHMETIC_WIDTH * lane;
                    table.set_wire(row, first + 5 * k, forged.into());
                    table.set_wire(row, first + 15, Challenge::from(forged * forged + forged));
                }
            }
            for column in
                [main::HIGH, main::HIGHER, main::SELECT_OFFSET, main::SELECT_VALUE, main::RANGE_VALUE]
            {
                *table.at(row, column) = forged;
            }
            for column in [main::OUTPUT_READS, main::PACK_READS, main::CONSTANT_READS] {
                *table.at(row, column) = reads;
            }
        }
        assert_eq!(table.failures(All), failures);
    }
}

/// A Merkle step takes its bit at its word: `left + bit * (right - left)` is the known half. Circuits must assert that
/// it is a bit; where they don't, a prover with bit 2 has two halves that are both not the known one.
#[test]
fn merkle_bit_of_two() {
    let circuit = |asserts: bool| {
        let mut b = CircuitBuilder::new();
        let leaf = b.input();
        let bit = b.input();
        if asserts {
            b.assert_bool(bit);
        } else {
            let zero = b.zero();
            b.add(bit, zero);
        }
        let zero = b.zero();
        b.add(leaf, zero);
        let chain = b.chain();
        b.hash_row(chain, &[leaf]);
        b.merkle_step(chain, bit);
        b.publish([zero; 8]);
        (b.finish(3, 3).unwrap(), bit)
    };
    for asserts in [true, false] {
        let (circuit, bit) = circuit(asserts);
        let mut inputs = Inputs { values: vec![v(9).into(), Challenge::ONE], digests: vec![[v(4); 8]] };
        Table::honest(circuit.clone(), &inputs);
        inputs.values[1] = Challenge::TWO;
        let mut table = Table::of_run(circuit, &inputs);
        table.replace(bit, Challenge::TWO);
        let known: [Val; 8] = from_fn(|j| table.row(1)[main::OUTPUT + j]);
        let left: [Val; 8] = from_fn(|j| v(1000 + j as u32));
        let halves: Vec<(usize, Val)> =
            (0..8).flat_map(|j| [(j, left[j]), (8 + j, (known[j] + left[j]).halve())]).collect();
        // The operation that isn't there: the sum of the bit and zero, which nobody reads.
        let table = if asserts { table } else { table.with_operand(0, 0, Val::TWO) };
        let table = table.with_input(2, &halves);
        if asserts {
            alone(Constraint::Arithmetic, vec![table]);
        } else {
            assert_eq!(table.failures(All), []);
        }
    }
}

/// A select whose offset is beyond its array finds nothing, unless what stands there can be selected too. The offset
/// is a wire that nothing bounds; circuits must bound it.
#[test]
fn select_beyond_its_array() {
    let build = |b: &mut CircuitBuilder| {
        let offset = b.input();
        let zero = b.zero();
        b.add(offset, zero);
        let first = b.constant_array(&[v(10), v(11)]);
        b.select(first, offset);
        // Seen from the first array, offset 2 is what this select gives; here are offsets 3, 4 and 5.
        b.constant(v(12));
        let second = b.constant_array(&[v(13), v(14)]);
        b.select(second, zero);
    };
    let (circuit, inputs) = small(build, &[Challenge::ZERO]);
    let honest = Table::honest(circuit.clone(), &inputs);
    let forge = |offset: Val, value: u32| {
        let mut table =
            honest.clone().with(0, main::SELECT_VALUE, v(value)).with(0, main::SELECT_OFFSET, offset);
        *table.at(row_of(&table, v(10)), main::CONSTANT_READS) = Val::ZERO;
        table.with_operand(0, 0, offset)
    };
    // The runner says so, whatever stands there.
    let beyond = Inputs { values: vec![Challenge::TWO], digests: vec![] };
    assert_eq!(circuit.run(&beyond).violations(), [Violation::Select(0)]);
    // An honest offset, as a check of the forgery itself.
    let mut within = forge(Val::ONE, 11);
    *within.at(row_of(&within, v(11)), main::CONSTANT_READS) = Val::ONE;
    assert_eq!(within.failures(All), []);
    // What the select itself gives, a constant that can't be selected, the wire before the array, one that doesn't
    // exist. Counts of reads are no help where nothing can be selected.
    for (offset, value) in [(v(2), 12), (v(3), 12), (-Val::ONE, 0), (v(9), 99)] {
        let mut table = forge(offset, value);
        assert!(table.failures(All).iter().all(is_wire));
        assert_eq!(table.failures(All).len(), 1);
        for row in 0..table.height() {
            if table.fixed(row)[fixed::CONSTANT_DYNAMIC] == Val::ZERO {
                *table.at(row, main::CONSTANT_READS) = Val::ONE;
            }
            *table.at(row, main::PACK_READS) = Val::ONE;
            *table.at(row, main::OUTPUT_READS) = Val::ONE;
        }
        assert!(!table.failures(All).is_empty());
    }
    // An element of the other array.
    let mut other = forge(v(4), 13);
    *other.at(row_of(&other, v(13)), main::CONSTANT_READS) += Val::ONE;
    assert_eq!(other.failures(All), []);
}

/// The row of a constant that can be selected.
fn row_of(table: &Table, constant: Val) -> usize {
    let is = |row: &usize| {
        let row = table.fixed(*row);
        row[fixed::CONSTANT_VALUE] == constant && row[fixed::CONSTANT_DYNAMIC] == Val::ONE
    };
    (0..table.height()).find(is).unwrap()
}

/// The public values' row is a permutation whose second half nobody may choose.
#[test]
fn first_row_hides_nothing() {
    let toy = toy();
    alone(Constraint::HighCarries, (8..16).map(|j| toy.table().with_input(0, &[(j, Val::ONE)])).collect());
}

/// Constraints hold from the last row to the first as well; a table that is full to the last row gives its first row
/// nothing to go on from.
#[test]
fn nothing_wraps_around() {
    let mut b = CircuitBuilder::new();
    let zero = b.zero();
    let one = b.one();
    b.publish([zero; 8]);
    let chain = b.chain();
    let row = |first: bool| Permute::Row {
        lanes: [Some(one), None, None, None, None, None, None, None],
        rest: if first { Rest::Zero } else { Rest::Carry },
        high: if first { High::Fresh { tag: Val::ONE } } else { High::Feed { tag: Val::ONE } },
    };
    for i in 0..7 {
        b.permute(chain, row(i == 0));
    }
    b.horner(one, &[one; 40]);
    assert_eq!((b.counts().permutations, b.counts().horner), (8, 8));
    let honest = Table::honest(b.finish(3, 3).unwrap(), &Inputs::default());
    assert_eq!(honest.failures(All), []);

    // The first row's second half goes on from the last row.
    let high = |feed: bool| -> Vec<(usize, Val)> {
        let last = honest.row(7);
        (8..16).map(|j| (j, last[main::OUTPUT + j] + if feed { last[j] } else { Val::ZERO })).collect()
    };
    let forgeries =
        vec![honest.clone().with_input(0, &high(false)), honest.clone().with_input(0, &high(true))];
    let last = |constraint| [Failure::Constraint { constraint, row: 7 }];
    for forgery in &forgeries {
        assert_eq!(forgery.failures(All), last(Constraint::HighCarries));
    }
    alone(Constraint::HighCarries, forgeries);
    // Its lanes are public values, and nothing else.
    let lanes: Vec<(usize, Val)> = (0..8).map(|j| (j, honest.row(7)[main::OUTPUT + j])).collect();
    let mut lanes = honest.clone().with_input(0, &lanes);
    assert!(
        lanes
            .failures(All)
            .contains(&Failure::Constraint { constraint: Constraint::PublicsAreFirstLanes, row: 0 })
    );
    lanes.publics = lanes.row(0)[..8].to_vec();
    assert!(!lanes.failures(All).is_empty() && lanes.failures(All).iter().all(is_wire));

    // A Horner run that fills the table and starts at a value of the prover's choice.
    let mut start = honest.clone();
    start.set_wire(0, main::HORNER_START, v(5).into());
    for row in 0..8 {
        start.horner_after(row, main::HORNER_START);
        let result = start.wire(row, main::HORNER_RESULT);
        if row < 7 {
            start.set_wire(row + 1, main::HORNER_START, result);
        }
    }
    assert_eq!(start.failures(All), last(Constraint::HornerChains));
    alone(Constraint::HornerChains, vec![start]);
}

/// Both halves of an output are counted in one column: an honest prover can't read one of them alone.
#[test]
fn output_halves_are_read_together() {
    let build = |b: &mut CircuitBuilder| {
        let outputs = b.output_array(1);
        let chain = b.chain();
        let [zero, one] = [b.zero(), b.one()];
        b.hash_row(chain, &[one]);
        b.output_into(chain, outputs, 0);
        b.select(outputs, zero);
    };
    let (circuit, inputs) = small(build, &[]);
    assert!(matches!(circuit.run(&inputs).violations(), [Violation::Reads(_)]));
    let failures = Table::of_run(circuit, &inputs).failures(All);
    assert!(failures.len() == 1 && failures.iter().all(is_wire));
}

#[test]
fn inputs_are_counted() {
    let toy = toy();
    assert_eq!(toy.circuit.input_counts(), (17, 3));
    let violations = |change: fn(&mut Inputs)| {
        let mut inputs = toy.inputs.clone();
        change(&mut inputs);
        toy.circuit.run(&inputs).violations().contains(&Violation::Inputs)
    };
    assert!(!violations(|_| ()));
    assert!(violations(|inputs| inputs.push_base(Val::ONE)));
    assert!(violations(|inputs| inputs.digests.push([Val::ONE; 8])));
    assert!(violations(|inputs| inputs.values.truncate(16)));
    assert!(violations(|inputs| inputs.digests.truncate(2)));
}

/// The runner names what doesn't hold.
#[test]
fn runs_name_what_does_not_hold() {
    let one = |build: fn(&mut CircuitBuilder, Wire), value: Challenge| {
        let build = |b: &mut CircuitBuilder| {
            let wire = b.input();
            build(b, wire);
        };
        let (circuit, inputs) = small(build, &[value]);
        let violations = circuit.run(&inputs).violations().to_vec();
        let failures = Table::of_run(circuit, &inputs).failures(All);
        assert_eq!(violations.is_empty(), failures.is_empty(), "{violations:?} {failures:?}");
        violations
    };
    let bit: fn(&mut CircuitBuilder, Wire) = |b, wire| b.assert_bool(wire);
    assert_eq!(one(bit, Challenge::ONE), []);
    assert_eq!(one(bit, Challenge::TWO), [Violation::Arithmetic(0)]);
    let zero: fn(&mut CircuitBuilder, Wire) = |b, wire| b.assert_zero(wire);
    assert_eq!(one(zero, Challenge::ZERO), []);
    assert_eq!(one(zero, extension([0, 0, 0, 0, 1])), [Violation::Arithmetic(0)]);
    let divide: fn(&mut CircuitBuilder, Wire) = |b, wire| {
        let one = b.one();
        b.divide(one, wire);
    };
    assert_eq!(one(divide, extension([0, 3, 0, 0, 1])), []);
    assert_eq!(one(divide, Challenge::ZERO), [Violation::Arithmetic(0)]);
    let range: fn(&mut CircuitBuilder, Wire) = |b, wire| {
        b.mul(wire, wire);
        b.range(wire);
    };
    assert_eq!(one(range, v(7).into()), []);
    assert_eq!(one(range, v(8).into()), [Violation::Range(0)]);
    assert_eq!(one(range, Challenge::NEG_ONE), [Violation::Range(0)]);
    let selected: fn(&mut CircuitBuilder, Wire) = |b, wire| {
        let array = b.constant_array(&[v(5), v(6)]);
        let one = b.one();
        b.assert_selected(array, one, wire);
    };
    assert_eq!(one(selected, v(6).into()), []);
    assert_eq!(one(selected, v(5).into()), [Violation::Select(0)]);
}

// Circuits that can't be built.

/// Builds a circuit that publishes zeros, in 2^4 rows with range checks of 3 bits.
fn finish(build: impl FnOnce(&mut CircuitBuilder)) -> Result<Circuit, BuildError> {
    let mut b = CircuitBuilder::new();
    let zero = b.zero();
    b.publish([zero; 8]);
    build(&mut b);
    b.finish(4, 3)
}

#[test]
fn unwritten_wires_are_refused() {
    let refused = |build: fn(&mut CircuitBuilder) -> Wire| {
        let mut wire = None;
        let result = finish(|b| wire = Some(build(b)));
        let expected = BuildError::Unwritten { wire: wire.unwrap().index() };
        assert_eq!(result.err(), Some(expected));
    };
    // Ports that only read.
    refused(|b| {
        let hint = b.input();
        b.range(hint);
        hint
    });
    refused(|b| {
        let hint = b.input();
        let chain = b.chain();
        b.hash_row(chain, &[hint]);
        hint
    });
    refused(|b| {
        let hint = b.input();
        let array = b.constant_array(&[v(1)]);
        b.select(array, hint);
        hint
    });
    refused(|b| {
        let one = b.one();
        let hint = b.input();
        b.horner(hint, &[one]);
        hint
    });
    refused(|b| {
        let digest = [b.input(), b.input()];
        let chain = b.chain();
        b.permute(chain, Permute::Row { lanes: [None; 8], rest: Rest::Zero, high: High::Load(digest) });
        digest[0]
    });
    // The output of no permutation.
    refused(|b| {
        let chain = b.chain();
        let [low, _] = b.output(chain);
        b.range(low);
        low
    });
    // The place of an output that nothing was put into.
    refused(|b| {
        let outputs = b.output_array(2);
        let wire = b.element(outputs, 2);
        b.range(wire);
        wire
    });
    // A port that can write makes a wire of a hint; a hint that no port knows needs none.
    assert!(
        finish(|b| {
            let hint = b.input();
            let zero = b.zero();
            b.range(hint);
            b.add(hint, zero);
            b.input();
        })
        .is_ok()
    );
}

/// Wires beyond an array, and coordinates beyond the fifth, don't get lost in silence.
#[test]
fn wires_that_do_not_exist_are_refused() {
    let refused = |build: fn(&mut CircuitBuilder)| {
        assert!(matches!(finish(build).err(), Some(BuildError::Unwritten { .. })));
    };
    refused(|b| {
        let array = b.constant_array(&[v(1), v(2)]);
        let [beyond, one] = [b.element(array, 2), b.one()];
        b.add(beyond, one);
    });
    refused(|b| {
        let one = b.one();
        b.pack(&[one; 6]);
    });
    refused(|b| {
        let one = b.one();
        b.pack_array(&[vec![one; 5], vec![one; 6]]);
    });
}

#[test]
fn wires_written_twice_are_refused() {
    let mut twice = None;
    let result = finish(|b| {
        let outputs = b.output_array(1);
        twice = Some(b.element(outputs, 0).index());
        let one = b.one();
        for _ in 0..2 {
            let chain = b.chain();
            b.hash_row(chain, &[one]);
            b.output_into(chain, outputs, 0);
        }
    });
    assert_eq!(result.err(), Some(BuildError::WrittenTwice { wire: twice.unwrap() }));
}

#[test]
fn one_digest_is_published() {
    assert_eq!(CircuitBuilder::new().finish(4, 3).err(), Some(BuildError::Publics));
    let twice = finish(|b| {
        let one = b.one();
        b.publish([one; 8]);
    });
    assert_eq!(twice.err(), Some(BuildError::Publics));
    assert!(finish(|_| ()).is_ok());
}

/// A chain's first row can't go on from the row before, which is another chain's last.
#[test]
fn chains_start_fresh() {
    let result = |input: &dyn Fn(Wire) -> Permute| {
        finish(|b| {
            let one = b.one();
            let before = b.chain();
            b.hash_row(before, &[one]);
            let chain = b.chain();
            b.permute(chain, input(one));
            b.mul(one, one);
        })
        .err()
    };
    let tag = Val::ONE;
    let row = |rest: Rest, high: High| result(&|_| Permute::Row { lanes: [None; 8], rest, high });
    assert_eq!(row(Rest::Zero, High::Fresh { tag }), None);
    assert_eq!(row(Rest::Carry, High::Fresh { tag }), Some(BuildError::ChainStart));
    assert_eq!(row(Rest::Zero, High::Carry { tag }), Some(BuildError::ChainStart));
    assert_eq!(row(Rest::Zero, High::Feed { tag }), Some(BuildError::ChainStart));
    assert_eq!(result(&|bit| Permute::Merkle { bit }), Some(BuildError::ChainStart));
}

/// Each resource fills the table on its own.
#[test]
fn tables_are_high_enough() {
    let build = |log_range: usize, fill: &dyn Fn(&mut CircuitBuilder, Wire)| {
        let mut b = CircuitBuilder::new();
        let zero = b.zero();
        b.publish([zero; 8]);
        fill(&mut b, zero);
        b.finish(3, log_range).err()
    };
    type Fill = fn(&mut CircuitBuilder, Wire, usize);
    let fills: [(usize, Fill); 6] = [
        // The public values take a row of permutations, zero takes one of constants; two operations share a row.
        (7, |b, zero, n| {
            let chain = b.chain();
            b.hash_row(chain, &vec![zero; 8 * n]);
        }),
        (8, |b, zero, n| {
            b.horner(zero, &vec![zero; 5 * n]);
        }),
        (8, |b, zero, n| {
            for _ in 1..2 * n {
                b.add(zero, zero);
            }
        }),
        (7, |b, _, n| {
            b.constant_array(&vec![Val::ZERO; n]);
        }),
        (8, |b, zero, n| {
            let array = b.constant_array(&[Val::ONE]);
            (0..n).for_each(|_| b.assert_selected(array, zero, zero));
        }),
        (8, |b, zero, n| (0..n).for_each(|_| b.range(zero))),
    ];
    for (most, fill) in fills {
        assert_eq!(build(3, &|b, zero| fill(b, zero, most)), None);
        let full = BuildError::TooManyRows { rows: 9, log_height: 3 };
        assert_eq!(build(3, &|b, zero| fill(b, zero, most + 1)), Some(full));
    }
    assert_eq!(build(3, &|_, _| ()), None);
    assert_eq!(build(4, &|_, _| ()), Some(BuildError::RangeTooWide { log_range: 4 }));
}

// Random circuits.

/// One operation; numbers stand for wires that are there already.
#[derive(Clone, Debug)]
enum Op {
    MulAdd(u8, u8, u8),
    Divide(u8),
    Horner(u8, Vec<u8>),
    Pack(Vec<u8>),
    Unpack(u8),
    Constant(u32),
    Select { items: Vec<Vec<u8>>, offset: u8 },
    Range(u8),
    Chain(Vec<Row>),
}

#[derive(Clone, Debug)]
struct Row {
    lanes: [Option<u8>; 8],
    carry: bool,
    high: RowHigh,
    tag: u32,
    wire: u8,
}

#[derive(Clone, Copy, Debug)]
enum RowHigh {
    Fresh,
    Carry,
    Feed,
    Load,
    Merkle,
}

fn op() -> impl Strategy<Value = Op> {
    let wire = any::<u8>;
    let wires = |n: usize| prop::collection::vec(any::<u8>(), 0..=n);
    let high = prop_oneof![
        Just(RowHigh::Fresh),
        Just(RowHigh::Carry),
        Just(RowHigh::Feed),
        Just(RowHigh::Load),
        Just(RowHigh::Merkle)
    ];
    let lanes = prop::array::uniform8(prop::option::of(any::<u8>()));
    let row = (lanes, any::<bool>(), high, 0..1000u32, wire())
        .prop_map(|(lanes, carry, high, tag, wire)| Row { lanes, carry, high, tag, wire });
    prop_oneof![
        3 => (wire(), wire(), wire()).prop_map(|(a, b, c)| Op::MulAdd(a, b, c)),
        1 => wire().prop_map(Op::Divide),
        2 => (wire(), wires(12)).prop_map(|(by, values)| Op::Horner(by, values)),
        2 => wires(5).prop_map(Op::Pack),
        1 => wire().prop_map(Op::Unpack),
        1 => (0..Val::ORDER_U32).prop_map(Op::Constant),
        2 => (prop::collection::vec(wires(5), 1..4), wire()).prop_map(|(items, offset)| Op::Select { items, offset }),
        1 => wire().prop_map(Op::Range),
        2 => prop::collection::vec(row, 1..5).prop_map(Op::Chain),
    ]
}

/// Wires of a circuit that is being built.
struct Known {
    all: Vec<Wire>,
    base: Vec<Wire>,
    digests: Vec<DigestWires>,
    bits: [Wire; 2],
}

impl Known {
    fn any(&self, i: u8) -> Wire {
        self.all[usize::from(i) % self.all.len()]
    }

    fn base(&self, i: u8) -> Wire {
        self.base[usize::from(i) % self.base.len()]
    }

    fn learn_base(&mut self, wires: &[Wire]) {
        self.base.extend(wires);
        self.all.extend(wires);
    }

    fn apply(&mut self, b: &mut CircuitBuilder, op: &Op) {
        match op {
            Op::MulAdd(x, y, z) => {
                let out = b.mul_add(self.any(*x), self.any(*y), self.any(*z));
                self.all.push(out);
            }
            Op::Divide(num) => {
                // By the first input, which isn't zero.
                let out = b.divide(self.any(*num), self.all[0]);
                self.all.push(out);
            }
            Op::Horner(by, values) => {
                let values: Vec<Wire> = values.iter().map(|i| self.base(*i)).collect();
                let out = b.horner(self.any(*by), &values);
                self.all.push(out);
            }
            Op::Pack(values) => {
                let values: Vec<Wire> = values.iter().map(|i| self.base(*i)).collect();
                let out = b.pack(&values);
                self.all.push(out);
            }
            Op::Unpack(wire) => {
                let base = b.unpack(self.any(*wire));
                self.learn_base(&base);
            }
            Op::Constant(value) => {
                let wire = b.constant(v(*value));
                self.learn_base(&[wire]);
            }
            Op::Select { items, offset } => {
                let items: Vec<Vec<Wire>> =
                    items.iter().map(|item| item.iter().map(|i| self.base(*i)).collect()).collect();
                let array: Array = b.pack_array(&items);
                // An offset that is computed: a bit, if the array is long enough for it.
                let offset = if array.len() > 1 { self.bits[usize::from(*offset) % 2] } else { b.zero() };
                let out = b.select(array, offset);
                self.all.push(out);
                b.assert_selected(array, offset, out);
            }
            Op::Range(wire) => {
                let of = self.base(*wire);
                let bits = b.hint(Hint::Bits { of, low: u32::from(*wire) % 27, len: LOG_RANGE as u32 });
                let zero = b.zero();
                b.add(bits, zero);
                b.range(bits);
                self.learn_base(&[bits]);
            }
            Op::Chain(rows) => {
                let chain = b.chain();
                for (i, row) in rows.iter().enumerate() {
                    let tag = v(row.tag);
                    let high = match row.high {
                        RowHigh::Load => High::Load(self.digests[usize::from(row.wire) % self.digests.len()]),
                        RowHigh::Carry if i > 0 => High::Carry { tag },
                        RowHigh::Feed if i > 0 => High::Feed { tag },
                        _ => High::Fresh { tag },
                    };
                    let lanes = row.lanes.map(|lane| lane.map(|i| self.base(i)));
                    let rest = if row.carry && i > 0 { Rest::Carry } else { Rest::Zero };
                    match row.high {
                        RowHigh::Merkle if i > 0 => {
                            b.merkle_step(chain, self.bits[usize::from(row.wire) % 2])
                        }
                        _ => b.permute(chain, Permute::Row { lanes, rest, high }),
                    }
                }
                let digest = b.output(chain);
                self.digests.push(digest);
                let elements = b.digest_elements(digest);
                self.learn_base(&elements);
                self.all.extend(digest);
            }
        }
    }
}

/// A number for each place, from a seed.
fn number(seed: u64, i: u64) -> Val {
    let mut z = seed.wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    Val::from_u64((z ^ (z >> 31)) % u64::from(Val::ORDER_U32))
}

fn random_circuit(ops: &[Op], seed: u64) -> Table {
    let mut b = CircuitBuilder::new();
    let extension: [Wire; 4] = from_fn(|_| b.input());
    let base: [Wire; 5] = from_fn(|_| b.input());
    let bits: [Wire; 2] = from_fn(|_| b.input());
    let zero = b.zero();
    // Inputs that only ports which can't write would use need one that can.
    for wire in extension.into_iter().chain(base) {
        b.add(wire, zero);
    }
    bits.into_iter().for_each(|bit| b.assert_bool(bit));
    let digest = b.pack_digest(from_fn(|j| base[j % 5]));
    let mut known = Known { all: extension.to_vec(), base: vec![], digests: vec![digest], bits };
    known.learn_base(&base);
    known.learn_base(&bits);
    for op in ops {
        known.apply(&mut b, op);
    }
    b.publish(from_fn(|j| known.base[known.base.len() - 1 - j % known.base.len()]));
    let circuit = b.finish(7, LOG_RANGE).unwrap();
    let mut numbers = (0..).map(|i| number(seed, i));
    let mut next = || numbers.next().unwrap();
    let mut inputs = Inputs::default();
    for _ in 0..4 {
        inputs.push(Challenge::from_basis_coefficients_fn(|_| next()));
    }
    for _ in 0..5 {
        inputs.push_base(next());
    }
    for bit in 0..2 {
        inputs.push_base(v((seed >> bit) as u32 & 1));
    }
    let (values, digests) = circuit.input_counts();
    assert_eq!(values, inputs.values.len());
    inputs.digests = (0..digests).map(|_| from_fn(|_| next())).collect();
    Table::honest(circuit, &inputs)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any circuit's honest run holds, and no bound cell of it can have another value. Free cells, which the
    /// preprocessed columns tell (`bound`), may have any.
    #[test]
    fn random_circuits_hold_and_bind(
        ops in prop::collection::vec(op(), 1..12),
        seed: u64,
        changes in prop::collection::vec((any::<u64>(), 1..Val::ORDER_U32), 24),
    ) {
        let honest = random_circuit(&ops, seed);
        prop_assert_eq!(honest.failures(All), vec![]);
        let mut cells = [vec![], vec![]];
        for row in 0..honest.height() {
            for column in 0..main::WIDTH {
                match bound(honest.fixed(row), column) {
                    Bound::Always => cells[0].push((row, column)),
                    Bound::Free => cells[1].push((row, column)),
                    Bound::Factor => {}
                }
            }
        }
        // Half of the changes avoid the permutation, which is most of the table.
        let others: Vec<(usize, usize)> =
            cells[0].iter().copied().filter(|(_, column)| *column >= main::PERMUTATION).collect();
        let mut table = honest.clone();
        for (i, (place, by)) in changes.into_iter().enumerate() {
            let cells = if i % 2 == 0 { &cells[0] } else { &others };
            let (row, column) = cells[place as usize % cells.len()];
            *table.at(row, column) += v(by);
            prop_assert!(!table.failures(All).is_empty(), "row {} column {}", row, column);
            *table.at(row, column) = honest.row(row)[column];
        }
        for (i, (row, column)) in cells[1].iter().enumerate() {
            *table.at(*row, *column) += number(seed, i as u64);
        }
        prop_assert_eq!(table.failures(All), vec![]);
    }
}
