//! The totals file: what it says is what was proven, and nothing else is a totals file.
#![allow(clippy::unwrap_used, reason = "tests")]

use assay_commit::{Digest, EMPTY, Hasher, asset_table_digest};
use assay_statement::{
    Asset, AssetTable, Entity, EntryKey, Epoch, FileDigest, HaircutTier, Kind, Price, PriceGrade,
    PriceMethod, PriceRecord, ProductHaircuts, Symbol, Totals,
};
use assay_verifier::{Figures, MAX_TOTALS_BYTES, Statement, TotalsFile, TotalsFileError};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

fn assets() -> AssetTable {
    let mut bitcoin = Asset::new(Symbol::new("BTC").unwrap(), 8);
    bitcoin.price = Some(Price { mantissa: 6_543_210, scale: 2 });
    bitcoin.price_record = Some(PriceRecord {
        grade: PriceGrade::Verified,
        method: PriceMethod::Median,
        sources: 4,
        oldest: 1_789_999_990,
        newest: 1_790_000_011,
        deviation_ppm: 117,
        file: FileDigest(core::array::from_fn(|i| 251u8.wrapping_mul(i as u8) ^ 0xa1)),
    });
    let tiers = [(10, 95), (100, 80)].map(|(up_to, percent)| HaircutTier { up_to, percent }).to_vec();
    bitcoin.haircuts = vec![
        ProductHaircuts { kind: Kind::COLLATERAL_LOAN, tiers: tiers.clone() },
        ProductHaircuts { kind: Kind::COLLATERAL_MARGIN, tiers },
    ];
    AssetTable::new(vec![bitcoin, Asset::new(Symbol::new("ETH").unwrap(), 18)]).unwrap()
}

fn statement() -> Statement {
    let mut totals = Totals::new();
    for (asset, kind, total) in [
        (0, Kind::EQUITY, u128::MAX),
        (0, Kind::DEBT, 0),
        (1, Kind::EQUITY, 1),
        (1, Kind::COLLATERAL_LOAN, 5),
    ] {
        totals.add_total(EntryKey::new(asset, kind).unwrap(), total).unwrap();
    }
    Statement {
        entity: Entity::new("example.org").unwrap(),
        epoch: Epoch::new("2026-q3", 1_790_000_000).unwrap(),
        assets: asset_table_digest(&Hasher::new(), &assets()),
        root: EMPTY,
        depth: 20,
        figures: Figures::Exact { accounts: 12, totals },
        segments: Some(3),
        key: None,
    }
}

fn file() -> TotalsFile {
    TotalsFile::new(&statement(), &assets())
}

fn read(value: &Value) -> Result<TotalsFile, TotalsFileError> {
    TotalsFile::from_json(value.to_string().as_bytes())
}

#[test]
fn round_trip() {
    let file = file();
    let read = TotalsFile::from_json(file.to_json().unwrap().as_bytes()).unwrap();
    assert_eq!(read, file);
    assert!(read.matches(&statement()));
    assert_eq!(read.entity(), Ok(statement().entity));
    assert_eq!(read.epoch(), Ok(statement().epoch));
    assert_eq!(read.root(), Ok(statement().root));
    assert_eq!(read.asset_table(), Ok(assets()));
    assert_eq!(read.totals(&assets()), Ok(statement().figures.at_most().1.clone()));
}

/// Every field of a statement is in the file.
#[test]
fn a11_a_file_of_another_statement() {
    let file = file();
    let other = |change: &dyn Fn(&mut Statement)| {
        let mut statement = statement();
        change(&mut statement);
        assert!(!file.matches(&statement));
    };
    other(&|statement| statement.entity = Entity::new("example.com").unwrap());
    other(&|statement| statement.epoch = Epoch::new("2026-q4", 1_790_000_000).unwrap());
    other(&|statement| statement.epoch = Epoch::new("2026-q3", 1_790_000_001).unwrap());
    other(&|statement| statement.assets = EMPTY);
    other(&|statement| statement.root = Digest([statement.root.0[1]; 8]));
    other(&|statement| statement.depth = 19);
    let figures = |change: &dyn Fn(&mut u64, &mut Totals)| {
        let mut statement = statement();
        if let Figures::Exact { accounts, totals } = &mut statement.figures {
            change(accounts, totals);
        }
        assert!(!file.matches(&statement));
    };
    figures(&|accounts, _| *accounts = 13);
    figures(&|_, totals| *totals = Totals::new());
    figures(&|_, totals| totals.add_total(EntryKey::new(1, Kind::EQUITY).unwrap(), 1).unwrap());
    // A total of zero is not the same as none.
    figures(&|_, totals| totals.add_total(EntryKey::new(1, Kind::DEBT).unwrap(), 0).unwrap());
    other(&|statement| statement.figures = hidden(statement));
}

/// The same figures as bounds.
fn hidden(statement: &Statement) -> Figures {
    let (accounts, totals) = statement.figures.at_most();
    Figures::AtMost { accounts, bounds: totals.clone(), commitment: EMPTY }
}

/// Bounds have a commitment, totals none, and neither is taken for the other.
#[test]
fn bounds_are_not_totals() {
    let bounded = Statement { figures: hidden(&statement()), ..statement() };
    let file = TotalsFile::new(&bounded, &assets());
    let read_back = TotalsFile::from_json(file.to_json().unwrap().as_bytes()).unwrap();
    assert!(read_back.matches(&bounded) && !read_back.matches(&statement()));
    let changes: [(&str, Value); 3] =
        [("figures", json!("exact")), ("commitment", Value::Null), ("commitment", json!("00"))];
    for (field, value) in changes {
        let mut changed = serde_json::to_value(&file).unwrap();
        changed[field] = value;
        assert!(read(&changed).is_err(), "{field}");
    }
}

/// Every value of the file changed: refused, or not what was proven.
#[test]
fn a11_every_value_changed() {
    fn paths(value: &Value, path: String, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                map.iter().for_each(|(name, child)| paths(child, format!("{path}/{name}"), found))
            }
            Value::Array(list) => {
                list.iter().enumerate().for_each(|(i, child)| paths(child, format!("{path}/{i}"), found));
            }
            _ => {}
        }
        found.push(path);
    }
    let honest = serde_json::to_value(file()).unwrap();
    let mut found = vec![];
    paths(&honest, String::new(), &mut found);
    assert!(found.len() > 50);
    let mut changes = 0;
    for path in &found {
        let now = honest.pointer(path).unwrap().clone();
        let mut others =
            vec![Value::Null, json!([]), json!({}), json!(-1), json!(1.5), json!(true), json!("")];
        match &now {
            Value::Number(number) => {
                let number = number.as_u64().unwrap();
                others.extend([number + 1, number - 1, 0, u64::MAX, number + 256].map(Value::from));
                others.push(json!(number as f64));
                others.push(json!(number.to_string()));
            }
            Value::String(text) => {
                others.push(json!(format!("{text}1")));
                others.push(json!(format!("{text} ")));
                others.push(json!(format!("0{text}")));
                others.push(json!(format!("+{text}")));
                others.push(json!(text.to_uppercase()));
                others.push(json!(text.replace('1', "2")));
                others.push(json!(text[1..]));
                others.push(json!(text.chars().rev().collect::<String>()));
            }
            Value::Array(list) => {
                others.push(list.iter().rev().cloned().collect());
                others.push([list.as_slice(), &list[..1]].concat().into());
                others.push(list[1..].to_vec().into());
            }
            Value::Object(map) => {
                for name in map.keys() {
                    let mut without = map.clone();
                    without.remove(name);
                    others.push(without.into());
                }
                let mut more = map.clone();
                more.insert("note".into(), json!("more"));
                others.push(more.into());
            }
            _ => {}
        }
        for other in others {
            if other == now {
                continue;
            }
            let mut changed = honest.clone();
            *changed.pointer_mut(path).unwrap() = other.clone();
            changes += 1;
            if let Ok(file) = read(&changed) {
                // Absent and empty, or absent and null, are one value.
                assert!(file == self::file() || !file.matches(&statement()), "{path}: {other}");
                let same_meaning = file == self::file();
                assert!(
                    !same_meaning || now.is_null() || other == json!([]) || other.is_object(),
                    "{path}: {other}"
                );
            }
        }
    }
    assert!(changes > 500, "{changes}");
}

#[test]
fn a25_each_refusal_has_its_error() {
    let honest = serde_json::to_value(file()).unwrap();
    let with = |path: &str, other: Value| {
        let mut changed = honest.clone();
        *changed.pointer_mut(path).unwrap() = other;
        read(&changed).err()
    };
    assert_eq!(with("/format", json!("assay-receipt")), Some(TotalsFileError::Format));
    assert_eq!(with("/version", json!(2)), Some(TotalsFileError::Format));
    assert_eq!(with("/circuit", json!(EMPTY.to_hex())), Some(TotalsFileError::UnknownCircuit));
    assert!(matches!(with("/circuit", json!("00")), Some(TotalsFileError::Digest(_))));
    assert!(matches!(with("/root", json!("f".repeat(64))), Some(TotalsFileError::Digest(_))));
    assert!(matches!(with("/root", json!("zz".repeat(32))), Some(TotalsFileError::Digest(_))));
    assert_eq!(with("/asset_table", json!(EMPTY.to_hex())), Some(TotalsFileError::AssetTableDigest));
    assert_eq!(with("/assets/0/decimals", json!(9)), Some(TotalsFileError::AssetTableDigest));
    assert_eq!(with("/assets/0/haircuts/0/tiers/0/1", json!(94)), Some(TotalsFileError::AssetTableDigest));
    assert_eq!(with("/assets/0/price/mantissa", json!("06543210")), Some(TotalsFileError::Price));
    assert_eq!(with("/assets/0/price/mantissa", json!("+6543210")), Some(TotalsFileError::Price));
    assert_eq!(with("/assets/0/haircuts/0/kind", json!("equity ")), Some(TotalsFileError::Kind));
    assert!(matches!(
        with("/assets/0/haircuts/0/kind", json!("equity")),
        Some(TotalsFileError::AssetTable(_))
    ));
    assert!(matches!(with("/assets/0/symbol", json!("B C")), Some(TotalsFileError::Symbol(_))));
    assert!(matches!(with("/assets", json!([])), Some(TotalsFileError::AssetTable(_))));
    let reversed: Value = honest["assets"].as_array().unwrap().iter().rev().cloned().collect();
    assert_eq!(with("/assets", reversed), Some(TotalsFileError::Order));
    let reversed: Value = honest["totals"].as_array().unwrap().iter().rev().cloned().collect();
    assert_eq!(with("/totals", reversed), Some(TotalsFileError::Order));
    let twice = json!([honest["totals"][0], honest["totals"][0]]);
    assert_eq!(with("/totals", twice), Some(TotalsFileError::Order));
    for total in ["01", "+1", "-1", "", " 1", "1e3", "340282366920938463463374607431768211456"] {
        assert_eq!(with("/totals/0/total", json!(total)), Some(TotalsFileError::Total), "{total}");
    }
    assert_eq!(with("/totals/0/asset", json!("SOL")), Some(TotalsFileError::Total));
    assert_eq!(with("/totals/0/kind", json!("loan")), Some(TotalsFileError::Total));
    assert!(matches!(with("/entity", json!("Example")), Some(TotalsFileError::Epoch(_))));
    assert!(matches!(with("/epoch", json!("")), Some(TotalsFileError::Epoch(_))));
    assert!(matches!(with("/time", json!(1u64 << 40)), Some(TotalsFileError::Epoch(_))));
}

/// Unknown fields anywhere, fields twice, text after the end.
#[test]
fn a25_only_what_is_known() {
    let text = file().to_json().unwrap();
    let refused = |text: &str| {
        assert!(matches!(TotalsFile::from_json(text.as_bytes()), Err(TotalsFileError::Json { .. })));
    };
    for place in text.match_indices('{').map(|(place, _)| place + 1) {
        refused(&format!("{}\"more\": 1, {}", &text[..place], &text[place..]));
    }
    for field in ["root", "accounts", "totals", "entity"] {
        let value = serde_json::to_value(file()).unwrap()[field].clone();
        refused(&format!("{{\"{field}\": {value}, {}", &text[1..]));
    }
    refused(&format!("{text} {{}}"));
    refused(&format!("\u{feff}{text}"));
    for end in 0..text.len() {
        assert!(TotalsFile::from_json(&text.as_bytes()[..end]).is_err());
    }
}

#[test]
fn a25_huge_and_nested() {
    let huge = vec![b' '; MAX_TOTALS_BYTES + 1];
    assert_eq!(TotalsFile::from_json(&huge), Err(TotalsFileError::TooLarge));
    for (open, close) in [("[", "]"), ("{\"assets\":", "}"), ("{\"totals\":[", "]}")] {
        let count = 1_000_000 / open.len();
        let nested = open.repeat(count) + &close.repeat(count);
        assert!(TotalsFile::from_json(nested.as_bytes()).is_err());
    }
    let mut many = serde_json::to_value(file()).unwrap();
    many["assets"] = vec![many["assets"][1].clone(); 20_000].into();
    assert!(matches!(read(&many), Err(TotalsFileError::AssetTable(_))));
    let mut many = serde_json::to_value(file()).unwrap();
    many["totals"] = vec![many["totals"][0].clone(); 20_000].into();
    assert_eq!(read(&many), Err(TotalsFileError::Order));
    let mut long = serde_json::to_value(file()).unwrap();
    long["totals"][0]["total"] = "1".repeat(3_000_000).into();
    assert_eq!(read(&long), Err(TotalsFileError::Total));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a25_random_bytes(bytes in vec(any::<u8>(), 0..400)) {
        prop_assert!(TotalsFile::from_json(&bytes).is_err());
    }

    /// A stretch of the text replaced: refused, another claim, or the same in other words.
    #[test]
    fn a25_spliced_text(
        place in any::<prop::sample::Index>(),
        removed in 0usize..12,
        added in prop_oneof![vec(any::<u8>(), 0..12), "[0-9a-z\"{}\\[\\],:. -]{0,12}".prop_map(String::into_bytes)],
    ) {
        let mut text = file().to_json().unwrap().into_bytes();
        let at = place.index(text.len());
        let end = (at + removed).min(text.len());
        text.splice(at..end, added);
        if let Ok(read) = TotalsFile::from_json(&text) {
            prop_assert_eq!(read.matches(&statement()), read == file());
        }
    }
}
