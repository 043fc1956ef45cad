use std::os::unix::fs::PermissionsExt;

use LedgerFormat::{LongCsv, LongParquet, SignedJson, WideCsv};
use assay_statement::coverage::Rule;
use assay_statement::{HaircutTier, Price, Product, ProductHaircuts, ProductName, Products};

use super::*;
use crate::synthetic::{SyntheticSpec, write};

const LONG: &str = "uid,asset,kind,amount\n";

/// BTC and USDT with prices; loans and margin on BTC count 50 percent up to a million, on USDT all.
fn priced() -> Arc<AssetTable> {
    let tiers = |percent| vec![HaircutTier { up_to: 1_000_000, percent }];
    let asset = |symbol: &str, decimals, price, percent| {
        let mut asset = Asset::new(Symbol::new(symbol).unwrap(), decimals);
        asset.price = Some(Price { mantissa: price, scale: 0 });
        let kinds = [Kind::COLLATERAL_LOAN, Kind::COLLATERAL_MARGIN];
        asset.haircuts = kinds.map(|kind| ProductHaircuts { kind, tiers: tiers(percent) }).into();
        asset
    };
    let unpriced = Asset::new(Symbol::new("ZZZ").unwrap(), 0);
    Arc::new(AssetTable::new(vec![asset("BTC", 8, 50_000, 50), asset("USDT", 2, 1, 100), unpriced]).unwrap())
}

/// Wide rows of which the first three are wrong: more pledged than held, debt above its cover, debt without collateral.
const WIDE: &str = concat!(
    "rn,id,e_BTC,d_BTC,BTC,vl_BTC,m_BTC,pm_BTC,e_USDT,d_USDT,USDT,vl_USDT,m_USDT,pm_USDT,total_net_balance_usdt\n",
    "1,aaaaaa1,1,0,1,0.6,0.5,0,0,0,0,0,0,0,50000\n",
    "2,aaaaaa2,1,0,1,1,0,0,0,25000.01,-25000.01,0,0,0,24999.99\n",
    "3,aaaaaa3,0,0.00000001,-0.00000001,0,0,0,1000,0,1000,0,0,0,999.99\n",
    "4,bbbbbb1,1,0,1,1,0,0,0,24999.98,-24999.98,0,0,0,25000.02\n",
    "5,bbbbbb2,2,0,2,0,0,0,5,0,5,0,0,0,100005\n",
    "6,bbbbbb3,0,0,0,0,0,0,0,0,0,0,0,0,0\n",
);

fn refuse(folder: &Folder) -> ReadOptions {
    ReadOptions { coverage: Coverage::Refuse, ..folder.options() }
}

fn coverage(rule: Rule, asset: Option<&str>, by: Option<&str>) -> ProblemKind {
    ProblemKind::Coverage { rule, asset: asset.map(Into::into), product: None, by: by.map(Into::into) }
}

#[test]
fn refusing_is_the_default() {
    assert_eq!(ReadOptions::new("x").coverage, Coverage::Refuse);
}

#[test]
fn invalid_first_rows_are_named() {
    let folder = Folder::new();
    let path = folder.file("a.csv", WIDE);
    for order in [Order::Auto, Order::Sorted, Order::Unsorted] {
        let options = ReadOptions { order, ..refuse(&folder) };
        let report = check(&path, WideCsv, priced(), options.clone(), |_| {}).unwrap();
        let found: Vec<_> = report
            .problems
            .iter()
            .map(|problem| (problem.place, problem.account.as_deref().unwrap(), problem.kind.clone()))
            .collect();
        let expected = [
            (Place::Line(2), "aa…", coverage(Rule::CollateralExceedsEquity, Some("BTC"), None)),
            (Place::Line(3), "aa…", coverage(Rule::DebtUncovered, None, None)),
            (Place::Line(4), "aa…", coverage(Rule::DebtUncovered, None, None)),
        ];
        assert_eq!(found, expected);
        assert_eq!((report.problem_count, report.invalid_accounts, report.accounts), (3, 3, 3));
        let error = read_with(&path, WideCsv, priced(), options.clone()).unwrap_err();
        assert_eq!(error.problem(), Some(&report.problems[0]));
        assert!(
            error
                .to_string()
                .ends_with("a.csv, line 2, account aa…: breaks the rule collateral_exceeds_equity in BTC")
        );
        // By how much is told where accounts are.
        let options = ReadOptions { show_accounts: true, ..options };
        let report = check(&path, WideCsv, priced(), options, |_| {}).unwrap();
        let kinds: Vec<_> = report.problems.into_iter().map(|problem| problem.kind).collect();
        let expected = [
            coverage(Rule::CollateralExceedsEquity, Some("BTC"), Some("0.1")),
            // 25,000.01 is 25,000 and 328 units of 2^-15, rounded up. The Bitcoin is a unit short of 50,000, rounded down, of
            // which half counts.
            coverage(Rule::DebtUncovered, None, Some("0.0100250244140625")),
            coverage(Rule::DebtUncovered, None, Some("0.000518798828125")),
        ];
        assert_eq!(kinds, expected);
    }
}

#[test]
fn every_reader_judges() {
    let rows = "alicia,USDT,debt,1\nbobby1,BTC,equity,1\nbobby1,BTC,collateral_loan,1\nbobby1,USDT,debt,1\n";
    let folder = Folder::new();
    let json = r#"[{"id":"alicia","assets":{"USDT":"-100"}},{"id":"bobby1","assets":{"BTC":"100"}}]"#;
    for (path, format, place) in [
        (folder.file("a.csv", format!("{LONG}{rows}")), LongCsv, Place::Line(2)),
        (folder.parquet_of("a.parquet", rows), LongParquet, Place::Row(1)),
        (folder.file("a.json", json), SignedJson, Place::Element(1)),
    ] {
        for order in [Order::Auto, Order::Unsorted] {
            let options = ReadOptions { order, ..refuse(&folder) };
            let report = check(&path, format, priced(), options.clone(), |_| {}).unwrap();
            assert_eq!(report.problem_count, 1);
            assert_eq!(report.problems[0].place, place);
            assert_eq!(report.problems[0].kind, coverage(Rule::DebtUncovered, None, None));
            let error = read_with(&path, format, priced(), options).unwrap_err();
            assert_eq!(error.problem(), Some(&report.problems[0]));
        }
    }
}

#[test]
fn an_account_is_judged_as_a_whole() {
    // Rows apart, in two files; what secures the debt comes last.
    let folder = Folder::new();
    folder.file("1.csv", format!("{LONG}alicia,USDT,debt,1\nzoe123,ZZZ,equity,1\n"));
    folder.file("2.csv", format!("{LONG}alicia,USDT,collateral_margin,2\nalicia,USDT,equity,2\n"));
    assert_eq!(read_with(&folder.inputs(), LongCsv, priced(), refuse(&folder)).unwrap().len(), 2);
    let path = folder.file("3.csv", format!("{LONG}carol1,ZZZ,collateral_loan,1\n"));
    let report = check(&path, LongCsv, priced(), refuse(&folder), |_| {}).unwrap();
    let kinds: Vec<_> = report.problems.into_iter().map(|problem| problem.kind).collect();
    let loan = ProblemKind::Coverage {
        rule: Rule::NoPrice,
        asset: Some("ZZZ".into()),
        product: Some("loan".into()),
        by: None,
    };
    assert_eq!(kinds, [coverage(Rule::CollateralExceedsEquity, Some("ZZZ"), None), loan]);
}

#[test]
fn excluded_accounts_are_listed_and_summed_up() {
    let folder = Folder::new();
    let path = folder.file("a.csv", WIDE.replace("aaaaaa1", "\"a, \"\"b\"\"\""));
    let list = folder.inputs().parent().unwrap().join("list.csv");
    for order in [Order::Auto, Order::Unsorted] {
        let options = ReadOptions { order, coverage: Coverage::Exclude(list.clone()), ..folder.options() };
        let table = priced();
        let mut reader = AccountReader::open(&path, WideCsv, table.clone(), options).unwrap();
        let mut batch = AccountBatch::new();
        let mut uids = vec![];
        while reader.next_batch(&mut batch).unwrap() {
            assert!(uids.is_empty() || list.exists());
            uids.extend(batch.iter().map(|account| account.uid.to_string()));
        }
        assert_eq!(uids, ["bbbbbb1", "bbbbbb2", "bbbbbb3"]);
        let expected = concat!(
            "uid,rule,asset,product,by\n",
            "\"a, \"\"b\"\"\",collateral_exceeds_equity,BTC,,0.1\n",
            "aaaaaa2,debt_uncovered,,,0.0100250244140625\n",
            "aaaaaa3,debt_uncovered,,,0.000518798828125\n",
        );
        assert_eq!(fs::read_to_string(&list).unwrap(), expected);
        assert_eq!(fs::metadata(&list).unwrap().permissions().mode() & 0o777, 0o600);
        let excluded = reader.excluded().unwrap();
        let totals: Vec<_> =
            excluded.totals.iter().map(|(key, total)| (key.asset(), key.kind().number(), total)).collect();
        assert_eq!(excluded.accounts, 3);
        let btc = 100_000_000;
        let expected = [
            (0, 0, 2 * btc),
            (0, 1, 1),
            (0, 2, btc * 16 / 10),
            (0, 3, btc / 2),
            (1, 0, 100_000),
            (1, 1, 2_500_001),
        ];
        assert_eq!(totals, expected);
        fs::remove_file(&list).unwrap();
    }
}

#[test]
fn the_list_is_whole_or_absent() {
    let folder = Folder::new();
    let place = folder.inputs().parent().unwrap().to_owned();
    let list = place.join("list.csv");
    let options = ReadOptions { coverage: Coverage::Exclude(list.clone()), ..folder.options() };
    let path = folder.file("a.csv", format!("{LONG}alicia,USDT,debt,1\nbobby1,USDT,debt,x\n"));
    read_with(&path, LongCsv, priced(), options.clone()).unwrap_err();
    let left: Vec<_> = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!list.exists() && left == ["inputs"], "{left:?}");
    // A ledger without such accounts has a list without rows.
    let path = folder.file("a.csv", format!("{LONG}alicia,USDT,equity,1\n"));
    read_with(&path, LongCsv, priced(), options).unwrap();
    assert_eq!(fs::read_to_string(&list).unwrap(), "uid,rule,asset,product,by\n");
    let options = ReadOptions { coverage: Coverage::Exclude(place.join("no/such")), ..folder.options() };
    assert!(matches!(read_with(&path, LongCsv, priced(), options), Err(LedgerError::Write { .. })));
}

#[test]
fn products_name_the_kinds_of_a_ledger() {
    let product = |name: &str, collateral, debt| {
        let kind = |number| Kind::from_number(number).unwrap();
        Product {
            name: ProductName::new(name).unwrap(),
            collateral: kind(collateral),
            debt: Some(kind(debt)),
        }
    };
    let products = Products::new(vec![product("loan", 4, 7), product("futures", 3, 2)]).unwrap();
    let mut usdt = Asset::new(Symbol::new("USDT").unwrap(), 2);
    usdt.price = Some(Price { mantissa: 1, scale: 0 });
    let tiers = vec![HaircutTier { up_to: 100, percent: 100 }];
    usdt.haircuts = [3, 4]
        .map(|kind| ProductHaircuts { kind: Kind::from_number(kind).unwrap(), tiers: tiers.clone() })
        .into();
    let table = Arc::new(AssetTable::with_products(vec![usdt], products).unwrap());
    let folder = Folder::new();
    let row = |kind: &str, amount: u32| format!("alicia,USDT,{kind},{amount}\n");
    let rows = |loan, futures| {
        let pledged = row("equity", 10) + &row("collateral_loan", 5) + &row("collateral_futures", 5);
        format!("{LONG}{pledged}{}{}", row("debt_loan", loan), row("debt_futures", futures))
    };
    let path = folder.file("a.csv", rows(4, 4));
    let accounts = read_with(&path, LongCsv, table.clone(), refuse(&folder)).unwrap();
    let kinds: Vec<_> = accounts[0].1.iter().map(|(_, kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["equity", "debt_futures", "collateral_futures", "collateral_loan", "debt_loan"]);
    let path = folder.file("a.csv", rows(5, 4));
    let error = read_with(&path, LongCsv, table.clone(), refuse(&folder)).unwrap_err();
    assert!(
        error.to_string().ends_with("breaks the rule product_debt_uncovered for product loan"),
        "{error}"
    );
    // Kinds of the default table that this one lacks.
    let path = folder.file("a.csv", format!("{LONG}{}", row("collateral_margin", 1)));
    let error = read_with(&path, LongCsv, table.clone(), refuse(&folder)).unwrap_err();
    assert_eq!(error.problem().unwrap().kind, ProblemKind::UnknownKind);
    let path =
        folder.file("a.csv", "rn,id,e_USDT,d_USDT,USDT,vl_USDT,m_USDT,pm_USDT,total_net_balance_usdt\n");
    let error = read_with(&path, WideCsv, table, refuse(&folder)).unwrap_err();
    assert_eq!(error.problem().unwrap().field.as_deref(), Some("column 7"));
}

#[test]
fn more_than_can_exist_is_named() {
    let mut btc = Asset::new(Symbol::new("BTC").unwrap(), 8);
    btc.supply_cap = Some(21);
    let table = Arc::new(AssetTable::new(vec![btc]).unwrap());
    let folder = Folder::new();
    let path = folder.file("a.csv", format!("{LONG}a,BTC,equity,20\nb,BTC,equity,1\n"));
    assert!(check(&path, LongCsv, table.clone(), refuse(&folder), |_| {}).unwrap().is_clean());
    let path = folder.file("a.csv", format!("{LONG}a,BTC,equity,20\nb,BTC,equity,1.00000001\n"));
    let btc = [Symbol::new("BTC").unwrap()];
    let report = check(&path, LongCsv, table.clone(), refuse(&folder), |_| {}).unwrap();
    assert!(!report.is_clean());
    assert_eq!(report.above_supply_cap, btc);
    // Readers of ledgers that are to be proven end with it, whatever the order of the rows.
    let error = read_with(&path, LongCsv, table.clone(), refuse(&folder)).unwrap_err();
    assert!(matches!(&error, LedgerError::AboveSupplyCap { symbols } if *symbols == btc), "{error}");
    // Collateral is equity that is pledged, and what is left out isn't owed by the proof.
    let list = folder.inputs().join("list.csv");
    let rows = "a,BTC,equity,20\na,BTC,collateral_loan,20\nb,BTC,equity,1\nc,BTC,equity,9\nc,BTC,debt,1\n";
    let path = folder.file("a.csv", format!("{LONG}{rows}"));
    let mut priced = table.assets().to_vec();
    priced[0].price = Some(Price { mantissa: 1, scale: 0 });
    let table = Arc::new(AssetTable::new(priced).unwrap());
    let exclude = ReadOptions { coverage: Coverage::Exclude(list.clone()), ..folder.options() };
    let read = read_with(&path, LongCsv, table.clone(), exclude.clone()).unwrap();
    assert_eq!(read.len(), 2);
    assert!(list.exists());
    fs::remove_file(&list).unwrap();
    let path = folder.file("a.csv", format!("{LONG}{rows}d,BTC,equity,1\n"));
    let error = read_with(&path, LongCsv, table, exclude).unwrap_err();
    assert!(matches!(error, LedgerError::AboveSupplyCap { .. }));
    // The list is whole or absent.
    assert!(!list.exists());
}

#[test]
fn an_account_with_more_positions_than_a_proof_holds_is_named() {
    let folder = Folder::new();
    let options = ReadOptions { max_positions: Some(2), ..folder.options() };
    let rows = "ann@x.org,BTC,equity,1\nann@x.org,ETH,equity,1\nann@x.org,USDT,equity,0\n\
                bob@x.org,USDT,equity,1\nbob@x.org,BTC,equity,1\nbob@x.org,ETH,equity,1\n";
    let path = folder.file("a.csv", format!("{LONG}{rows}"));
    let report = check(&path, LongCsv, super::table(), options.clone(), |_| {}).unwrap();
    // A row of zero is no position.
    assert_eq!((report.problem_count, report.accounts), (1, 1));
    let problem = &report.problems[0];
    assert_eq!((problem.account.as_deref(), problem.place), (Some("bo…"), Place::Line(5)));
    assert_eq!(problem.kind, ProblemKind::TooManyPositions { most: 2, got: 3 });
    let error = read_with(&path, LongCsv, super::table(), options).unwrap_err();
    assert_eq!(error.problem().unwrap().kind, problem.kind);
}

/// Debt that is made up is always covered, whatever the seed, the prices and the decimals.
#[test]
fn synthetic_debt_is_covered() {
    let mut borrowers = 0;
    for seed in 0..20 {
        for max_decimals in [2, 8, 18] {
            let spec = SyntheticSpec {
                debt_share: 1.0,
                max_decimals,
                ..SyntheticSpec::new(500, 1 + 37 * seed as usize % 1_000, seed)
            };
            let folder = Folder::new();
            let files = write(&spec, &folder.inputs(), LongCsv).unwrap();
            let table = Arc::new(read_asset_table(&files.assets).unwrap());
            let report = check(&files.ledger, LongCsv, table, refuse(&folder), |_| {}).unwrap();
            assert_eq!((report.problem_count, report.accounts), (0, 500));
            borrowers += spec
                .accounts()
                .unwrap()
                .filter(|(_, entries)| entries.iter().any(|e| e.key.kind() > Kind::EQUITY))
                .count();
        }
    }
    assert!(borrowers > 20_000, "{borrowers}");
}
