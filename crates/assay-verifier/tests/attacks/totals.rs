//! A2, A7, A10: the list of totals.

use assay_circuit::{
    All, Constraint, MAX_GROUP, PublicsError, SEGMENT_PARAMETERS, TotalsRow, Val, Without, entry_columns,
    hash_columns, totals_digest,
};
use assay_statement::{Amount, EntryKey, Kind, Totals};
use assay_verifier::{RecordError, SegmentContext, VerifyError};
use p3_field::{PrimeCharacteristicRing, PrimeField32};
use p3_koala_bear::{
    GenericPoseidon2LinearLayersKoalaBear, KOALABEAR_POSEIDON2_HALF_FULL_ROUNDS,
    KOALABEAR_POSEIDON2_PARTIAL_ROUNDS_16, KOALABEAR_POSEIDON2_RC_16_EXTERNAL_FINAL,
    KOALABEAR_POSEIDON2_RC_16_EXTERNAL_INITIAL, KOALABEAR_POSEIDON2_RC_16_INTERNAL, KOALABEAR_S_BOX_DEGREE,
};
use p3_poseidon2_air::{RoundConstants, generate_trace_rows};

use crate::exchange::{
    EXCHANGE, Exchange, WHOLE, asset_table, context, entry, holds, parse, prove, record, verify_segment,
};
use crate::layout::{PREFIX, ROW, ROWS, edited, relengthened};

const P: u32 = Val::ORDER_U32;

/// Verifies the whole segment with another list; its digest fits it, as it is computed from it.
fn with_list(change: impl FnOnce(&mut Vec<TotalsRow>)) -> Result<Totals, VerifyError> {
    let mut record = parse(&WHOLE);
    let before = record.totals.clone();
    change(&mut record.totals);
    assert!(record.totals != before, "nothing changed");
    verify_segment(&record.to_bytes().unwrap())
}

#[test]
fn a7_a_list_of_other_totals() {
    let refused =
        |change: &dyn Fn(&mut Vec<TotalsRow>)| assert_eq!(with_list(change), Err(VerifyError::Proof));
    let rows = parse(&WHOLE).totals.len();
    for i in 0..rows {
        refused(&|list| {
            list.remove(i);
        });
        refused(&|list| list.insert(i, list[i]));
        refused(&|list| list.push(list[i]));
        refused(&|list| list[i].entries += 1);
        refused(&|list| list[i].sums = [0; 6]);
        for piece in 0..6 {
            refused(&|list| {
                let sum = &mut list[i].sums[piece];
                *sum = sum.checked_sub(1).unwrap_or(1);
            });
        }
        refused(&|list| {
            list[i].key =
                EntryKey::new(2, Kind::DEFAULT.into_iter().find(|kind| *kind != list[i].key.kind()).unwrap())
                    .unwrap();
        });
        if i > 0 {
            refused(&|list| list.swap(i - 1, i));
        }
    }
    refused(&|list| list.clear());
    refused(&|list| list.truncate(1));
    refused(&|list| list.reverse());
    // A row of nothing, and one entry of zero.
    refused(&|list| list.push(TotalsRow { key: EntryKey::FIRST, sums: [0; 6], entries: 1 }));
    // The same total, as two groups.
    refused(&|list| {
        let i = list.iter().position(|row| row.entries > 1).unwrap();
        let mut part = TotalsRow { sums: [0; 6], entries: 1, ..list[i] };
        part.sums[0] = list[i].sums[0].min((1 << 15) - 1);
        list[i].entries -= 1;
        list[i].sums[0] -= part.sums[0];
        list.insert(i, part);
    });
    // The same total, in other pieces.
    refused(&|list| {
        let row =
            list.iter_mut().find(|row| row.sums[1] > 0 && row.entries > 1 && row.sums[0] < 1 << 15).unwrap();
        row.sums[1] -= 1;
        row.sums[0] += 1 << 15;
    });
}

#[test]
fn a10_rows_out_of_bounds() {
    let group = |change: &dyn Fn(&mut TotalsRow)| with_list(|list| change(&mut list[0])).unwrap_err();
    let size = VerifyError::Totals(PublicsError::GroupSize);
    let sum = VerifyError::Totals(PublicsError::GroupSum);
    assert_eq!(group(&|row| row.entries = 0), size);
    assert_eq!(group(&|row| row.entries = MAX_GROUP + 1), size);
    assert_eq!(group(&|row| row.entries = u32::MAX), size);
    // The field can't tell these from the honest row.
    assert_eq!(group(&|row| row.entries += P), size);
    for piece in 0..6 {
        assert_eq!(group(&|row| row.sums[piece] += P), sum);
        assert_eq!(group(&|row| row.sums[piece] = row.entries * ((1 << 15) - 1) + 1), sum);
        assert_eq!(group(&|row| row.sums[piece] = u32::MAX), sum);
    }
    // A group of more entries than fit, whose sums fit them: refused before the proof is looked at.
    assert_eq!(
        group(&|row| {
            row.entries = MAX_GROUP + 1;
            row.sums = [P - 1; 6];
        }),
        size
    );
}

/// A3: totals of which more is owed than exists, by the asset table that the proof is for. Nobody but the verifier looks.
#[test]
fn a3_more_equity_than_the_supply_cap() {
    let bundle = |exchange: &Exchange| exchange.bundle(&[&exchange.segment(0..2)]);
    let at_most = Exchange::with_cap(0);
    at_most.verify(&bundle(&at_most)).unwrap();
    let above = Exchange::with_cap(1);
    let symbol = above.assets.assets()[0].symbol.clone();
    assert_eq!(above.verify(&bundle(&above)).err(), Some(VerifyError::AboveSupplyCap { symbol }));
}

/// A6: keys that the asset table or the kinds lack.
#[test]
fn a6_keys_out_of_the_table() {
    let other = with_list(|list| list[0].key = EntryKey::new(3, Kind::EQUITY).unwrap());
    assert_eq!(other, Err(VerifyError::UnknownAsset));
    let other = with_list(|list| list[0].key = EntryKey::new(1022, Kind::COLLATERAL_PORTFOLIO).unwrap());
    assert_eq!(other, Err(VerifyError::UnknownAsset));
    for number in [0u16, 7, 1 << 13, u16::MAX] {
        let record = edited(&WHOLE, PREFIX, &number.to_le_bytes());
        assert_eq!(verify_segment(&record), Err(RecordError::EntryKey.into()));
    }
    // Kinds that no product of the table defines.
    for number in [8u16 + 5, 8 + 7] {
        let record = edited(&WHOLE, PREFIX, &number.to_le_bytes());
        assert_eq!(verify_segment(&record), Err(VerifyError::UnknownAsset));
    }
    // A smaller table of the caller: the epoch isn't the same, so this is what a segment verifier alone would see.
    let smaller = asset_table(&["BTC", "ETH"]);
    let context = SegmentContext { assets: &smaller, ..context() };
    let refused = crate::exchange::VERIFIER.verify(&WHOLE, context).map(drop);
    assert_eq!(refused, Err(VerifyError::UnknownAsset));
}

#[test]
fn a25_numbers_of_rows() {
    let honest = u32::from_le_bytes(*WHOLE[ROWS..].first_chunk().unwrap());
    for rows in [0, honest - 1, honest + 1, 1 << 14, (1 << 14) + 1, u32::MAX] {
        let record = edited(&WHOLE, ROWS, &rows.to_le_bytes());
        assert!(verify_segment(&record).is_err());
    }
    let rows = edited(&WHOLE, ROWS, &u32::MAX.to_le_bytes());
    assert_eq!(verify_segment(&rows), Err(RecordError::TotalsRows.into()));
    // As many as there may be, all real bytes.
    let many = vec![WHOLE[PREFIX..PREFIX + ROW].to_vec(); 1 << 14].concat();
    let record =
        [&WHOLE[..ROWS], &(1u32 << 14).to_le_bytes(), &many, &WHOLE[PREFIX + honest as usize * ROW..]];
    assert_eq!(verify_segment(&relengthened(record.concat())), Err(VerifyError::Proof));
}

/// A circuit that doesn't tie the list to the trace: liabilities of nothing.
#[test]
fn a7_a_lax_circuit_forgets_totals() {
    let mut trace = EXCHANGE.trace(0..12);
    trace.totals.truncate(1);
    trace.publics.totals = totals_digest(EXCHANGE.committer.hasher(), &EXCHANGE.digest, &trace.totals);
    let lax = Without(Constraint::TotalsArePublic);
    let proof = prove(lax, &SEGMENT_PARAMETERS, &trace, &trace.publics);
    assert!(holds(lax, &SEGMENT_PARAMETERS, &proof, &trace.publics));
    assert_eq!(verify_segment(&record(&trace, &trace.publics, &proof)), Err(VerifyError::Proof));
    let direct = prove(All, &SEGMENT_PARAMETERS, &trace, &trace.publics);
    assert_eq!(verify_segment(&record(&trace, &trace.publics, &direct)), Err(VerifyError::Proof));
}

/// The largest amounts in the same asset in several segments add up exactly.
#[test]
fn a10_largest_amounts_in_several_segments() {
    let ledger = (0..21).map(|i| {
        let most = Amount::MAX.get();
        (format!("u{i}"), vec![entry(0, Kind::EQUITY, most), entry(1, Kind::DEBT, most - i)])
    });
    let assets = asset_table(&["A", "B"]);
    let exchange = Exchange::new("example.org", "largest", assets, ledger.collect::<Vec<_>>());
    let records = [0..1, 1..10, 10..21].map(|accounts| exchange.segment(accounts));
    let records = records.each_ref().map(Vec::as_slice);
    let statement = exchange.verify(&exchange.bundle(&records)).unwrap();
    let most = (1u128 << 90) - 1;
    let (_, totals) = statement.figures.exact().unwrap();
    assert_eq!(totals.get(entry(0, Kind::EQUITY, 0).key), 21 * most);
    assert_eq!(totals.get(entry(1, Kind::DEBT, 0).key), 21 * most - 210);
    assert_eq!(totals.len(), 2);
}

/// As many entries of the largest amount as it takes for their sums to reach `p`. As two groups they add up; as one
/// group, which the circuit lets a prover make, every sum of pieces wraps to almost nothing, and the native bound is
/// what stops it.
#[test]
fn a10_a_group_whose_sums_wrap() {
    use entry_columns::{COUNT, END, SUM, WIDTH};

    const PIECE: u64 = (1 << 15) - 1;
    const WRAPS: u32 = (P - 1) / PIECE as u32 + 1;
    const { assert!(WRAPS > MAX_GROUP && WRAPS <= 2 * MAX_GROUP) };
    let accounts = WRAPS as usize;
    let ledger = (0..accounts).map(|i| (format!("u{i}"), vec![entry(0, Kind::EQUITY, Amount::MAX.get())]));
    let exchange = Exchange::new("example.org", "group", asset_table(&["A"]), ledger.collect::<Vec<_>>());
    let mut trace = exchange.trace(0..accounts);
    let honest = record(&trace, &trace.publics, &prove(All, &SEGMENT_PARAMETERS, &trace, &trace.publics));
    let key = entry(0, Kind::EQUITY, 0).key;
    let total = u128::from(WRAPS) * Amount::MAX.get();
    let statement = exchange.verify(&exchange.bundle(&[&honest])).unwrap();
    assert_eq!(statement.figures.exact().unwrap().1.get(key), total);

    // The first group goes on into the second, in the field.
    assert_eq!(
        trace.totals.iter().map(|row| row.entries).collect::<Vec<_>>(),
        [MAX_GROUP, WRAPS - MAX_GROUP]
    );
    let sum = |entries: u32| (u64::from(entries) * PIECE % u64::from(P)) as u32;
    let wrapped = TotalsRow { key, sums: [sum(WRAPS); 6], entries: WRAPS };
    assert!(wrapped.sums.iter().all(|sum| *sum < 1 << 15));
    let rows = &mut trace.tables[1].values;
    rows[(MAX_GROUP as usize - 1) * WIDTH + END] = Val::ZERO;
    for count in MAX_GROUP + 1..=WRAPS {
        let row = &mut rows[(count as usize - 1) * WIDTH..count as usize * WIDTH];
        row[SUM..SUM + 6].fill(Val::from_u32(sum(count)));
        row[COUNT] = Val::from_u32(count);
    }
    // The list's second row, after those of the top and of the epoch, is the wrapped group; the third goes.
    let columns = hash_columns::WIDTH;
    let rows = &mut trace.tables[0].values[2 * columns..4 * columns];
    let mut input: [Val; 16] = rows[..16].try_into().unwrap();
    input[..8].copy_from_slice(&wrapped.elements());
    rows[..hash_columns::PERMUTATION].copy_from_slice(&permutation(input));
    rows[columns + hash_columns::TOTALS] = Val::ZERO;
    trace.totals = vec![wrapped];
    trace.publics.totals = totals_digest(exchange.committer.hasher(), &exchange.digest, &trace.totals);

    let proof = prove(All, &SEGMENT_PARAMETERS, &trace, &trace.publics);
    assert!(holds(All, &SEGMENT_PARAMETERS, &proof, &trace.publics), "the circuit alone takes it");
    let forged = record(&trace, &trace.publics, &proof);
    let size = VerifyError::Totals(PublicsError::GroupSize);
    assert_eq!(exchange.verify(&exchange.bundle(&[&forged])), Err(size));
}

/// The columns of one permutation.
fn permutation(input: [Val; 16]) -> Vec<Val> {
    let constants = RoundConstants::new(
        KOALABEAR_POSEIDON2_RC_16_EXTERNAL_INITIAL,
        KOALABEAR_POSEIDON2_RC_16_INTERNAL,
        KOALABEAR_POSEIDON2_RC_16_EXTERNAL_FINAL,
    );
    generate_trace_rows::<
        Val,
        GenericPoseidon2LinearLayersKoalaBear,
        16,
        KOALABEAR_S_BOX_DEGREE,
        0,
        KOALABEAR_POSEIDON2_HALF_FULL_ROUNDS,
        KOALABEAR_POSEIDON2_PARTIAL_ROUNDS_16,
    >(vec![input], &constants, 0)
    .values
}
