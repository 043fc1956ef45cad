use std::collections::BTreeMap;

use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};

use super::*;
use crate::synthetic::{Holdings, SyntheticSpec, write};

/// What a specification's accounts are, by plain means.
fn expected(spec: &SyntheticSpec) -> Accounts {
    let table = spec.table().unwrap();
    let accounts: BTreeMap<_, _> = spec.accounts().unwrap().collect();
    accounts.into_iter().map(|(uid, entries)| (uid, plain(&table, &entries))).collect()
}

fn any_spec() -> impl Strategy<Value = SyntheticSpec> {
    let holdings = prop_oneof![3 => Just(Holdings::Sparse), 1 => Just(Holdings::Dense)];
    (0u64..300, 1usize..40, any::<u64>(), holdings, any::<bool>(), 0.0..0.5).prop_map(
        |(accounts, assets, seed, holdings, sorted, debt_share)| SyntheticSpec {
            holdings,
            sorted,
            debt_share,
            ..SyntheticSpec::new(accounts, assets, seed)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Every format, with any memory and in any order, gives the accounts that were written.
    #[test]
    fn every_format_round_trips(spec in any_spec(), memory in prop_oneof![1u64..10_000, Just(1 << 30)]) {
        for format in LedgerFormat::ALL {
            let folder = Folder::new();
            let files = write(&spec, &folder.inputs(), format).unwrap();
            let spec = spec.clone().for_format(format);
            let table = Arc::new(read_asset_table(&files.assets).unwrap());
            prop_assert_eq!(&*table, &spec.table().unwrap());
            prop_assert_eq!(LedgerFormat::detect(&files.ledger).unwrap(), format);
            let expected = expected(&spec);
            let orders: &[Order] =
                if spec.sorted { &[Order::Auto, Order::Sorted, Order::Unsorted] } else { &[Order::Auto, Order::Unsorted] };
            for order in orders {
                // Made-up debt is always covered.
                let options = ReadOptions { memory, order: *order, coverage: Coverage::Refuse, ..folder.options() };
                let accounts = read_with(&files.ledger, format, table.clone(), options.clone()).unwrap();
                prop_assert!(accounts == expected, "{:?} {:?}", format, order);
                let report = check(&files.ledger, format, table.clone(), options, |_| {}).unwrap();
                prop_assert_eq!(report.problem_count, 0);
                prop_assert_eq!(&report.totals, &files.totals);
                prop_assert_eq!((report.accounts, report.positions), (files.accounts, files.positions));
            }
        }
    }

    /// Rows of an account may lie anywhere in the long forms.
    #[test]
    fn scattered_rows_meet(spec in any_spec(), memory in prop_oneof![1u64..10_000, Just(1 << 30)], seed in any::<u64>()) {
        let folder = Folder::new();
        let spec = SyntheticSpec { holdings: Holdings::Sparse, ..spec };
        let files = write(&spec, &folder.inputs(), LedgerFormat::LongCsv).unwrap();
        let text = fs::read_to_string(&files.ledger).unwrap();
        let mut rows: Vec<&str> = text.lines().skip(1).collect();
        rows.sort_by_key(|row| {
            let hash = blake3::hash(format!("{seed}{row}").as_bytes());
            u64::from_le_bytes(*hash.as_bytes().first_chunk().unwrap())
        });
        let table = Arc::new(spec.table().unwrap());
        let options = ReadOptions { memory, ..folder.options() };
        let csv = folder.file("rows.csv", format!("uid,asset,kind,amount\n{}\n", rows.join("\n")));
        let accounts = read_with(&csv, LedgerFormat::LongCsv, table.clone(), options.clone()).unwrap();
        let expected = expected(&spec);
        prop_assert!(accounts == expected);
        let parquet = folder.parquet_of("rows.parquet", &rows.join("\n"));
        let accounts = read_with(&parquet, LedgerFormat::LongParquet, table, options).unwrap();
        prop_assert!(accounts == expected);
    }
}

proptest! {
    /// Damaged Parquet is an error or other accounts, never a panic.
    #[test]
    fn damaged_parquet_ends(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let folder = Folder::new();
        let path = folder.parquet_of("a.parquet", "alice,BTC,equity,1.25\nalice,ETH,debt,1\nbob,ETH,equity,10\n");
        let mut bytes = fs::read(&path).unwrap();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        let path = folder.file("a.parquet", bytes);
        let _ = read(&path, LedgerFormat::LongParquet, folder.options());
        let _ = check(&path, LedgerFormat::LongParquet, table(), folder.options(), |_| {});
    }

    /// Any bytes at all end in accounts or in an error, in every format.
    #[test]
    fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for format in LedgerFormat::ALL {
            let folder = Folder::new();
            let path = folder.file("ledger", &bytes);
            let _ = LedgerFormat::detect(&path);
            let _ = read(&path, format, folder.options());
            let _ = check(&path, format, table(), folder.options(), |_| {});
            let _ = read_asset_table(&path);
            let _ = read_asset_csv(&path, 8);
        }
    }

    /// Text that is nearly a ledger ends too, and what is said about it is the same in every pass.
    #[test]
    fn nearly_ledgers_end(
        csv in "(uid,asset,kind,amount\n)?([ab]{0,2},(BTC|ETH|USDT|X|),(equity|debt|),-?[0-9]{0,3}\\.?[0-9]{0,3}\"?[\n,\r]){0,12}",
        json in "\\[(\\{\"(id|assets)\":(\"[ab]{0,2}\"|\\{\\}|1),\"assets\":\\{(\"(BTC|ETH|X)\":\"-?[0-9]{1,3}\",?){0,3}\\}\\},?){0,6}\\]?",
    ) {
        for (format, text) in [(LedgerFormat::LongCsv, &csv), (LedgerFormat::WideCsv, &csv), (LedgerFormat::SignedJson, &json)] {
            let folder = Folder::new();
            let path = folder.file("ledger", text);
            let mut counts = Vec::new();
            for order in [Order::Auto, Order::Unsorted] {
                let options = ReadOptions { order, memory: 1, ..folder.options() };
                let clean = read(&path, format, options.clone()).is_ok();
                let report = check(&path, format, table(), options, |_| {}).unwrap();
                prop_assert_eq!(clean, report.is_clean());
                counts.push((report.problem_count, report.accounts, report.positions, report.totals));
            }
            prop_assert_eq!(&counts[0], &counts[1]);
        }
    }
}
