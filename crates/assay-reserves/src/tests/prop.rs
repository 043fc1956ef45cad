use std::collections::BTreeMap;

use num_bigint::BigUint;
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

use super::*;

/// Reads and checks whatever there is.
fn survive(name: &str, bytes: &[u8], format: ReserveFormat) {
    let source = Source::memory(name, bytes);
    let _ = ReserveFormat::detect(&source);
    for rounding in [Rounding::Exact, Rounding::Down] {
        let options = ReadOptions { rounding, ..ReadOptions::default() };
        let Ok(reader) = ReserveReader::open(&source, format, assets(), &policy(), options) else { continue };
        // Bad rows must end at some point.
        assert!(reader.take(10_000).count() < 10_000);
    }
    let _ = build_report(inputs(&[("BTC", 5)]), &[(source, format)], &mut ClaimsOnly)
        .map(|report| (report.check().unwrap(), report.to_html(), report.to_markdown()));
}

const SAMPLES: [(ReserveFormat, &[u8]); 8] = [
    (ReserveFormat::AddressCsv, include_bytes!("../../testdata/address-2022.csv")),
    (ReserveFormat::AddressCsv, include_bytes!("../../testdata/address-2024.csv")),
    (ReserveFormat::AddressCsv, include_bytes!("../../testdata/address-2025.csv")),
    (ReserveFormat::AddressCsv, include_bytes!("../../testdata/address-2026.csv")),
    (ReserveFormat::AuditCsv, include_bytes!("../../testdata/audit.csv")),
    (ReserveFormat::ScriptYaml, include_bytes!("../../testdata/scripts.yaml")),
    (ReserveFormat::Csv, include_bytes!("../../testdata/own.csv")),
    (ReserveFormat::Toml, include_bytes!("../../testdata/own.toml")),
];

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for format in ReserveFormat::ALL {
            survive("a.csv", &bytes, format);
        }
        let _ = SolvencyReport::from_json(&bytes);
        let _ = Policy::from_toml(&bytes, &assets());
        let _ = ReserveVector::from_csv(&bytes, &assets());
    }

    /// Bytes that formats give a meaning.
    #[test]
    fn random_markup_never_panics(text in "[-:,\\[\\]{}\"'#&*!|>%@`?~ \n\t=a0.\\\\]{0,120}") {
        for format in ReserveFormat::ALL {
            survive("a.csv", text.as_bytes(), format);
        }
    }

    /// Files with bytes changed, taken out or doubled.
    #[test]
    fn damaged_files_never_panic(sample in 0usize..8, cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..6)) {
        let (format, bytes) = SAMPLES[sample];
        let mut bytes = bytes.to_vec();
        for (at, byte, how) in cuts {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => { bytes.remove(at); }
                2 => bytes.insert(at, byte),
                _ => bytes.truncate(at),
            }
        }
        survive("a.csv", &bytes, format);
    }

    /// Sums, ratios and verdicts of a report agree with big integers over its rows.
    #[test]
    fn reports_agree_with_big_integers(
        rows in prop::collection::vec((0usize..3, 0u8..12, any::<u64>(), 0u8..5, 0u8..5), 0..40),
        owed in prop::collection::vec(any::<u64>(), 3),
        minimum in (0usize..5, 0usize..5),
    ) {
        const ASSETS: [&str; 3] = ["BTC", "ETH", "USDT"];
        let mut grades = Vec::new();
        let mut text = String::from("asset,network,address,amount_base_units,height,block_hash\n");
        let mut seen = BTreeMap::new();
        for (asset, address, amount, level, grade) in &rows {
            let name = format!("a{address}");
            text.push_str(&format!("{},ETH,{name},{amount},7,{HASH}\n", ASSETS[*asset]));
            // The smallest figure of an address and asset counts; grades belong to the address.
            let least = seen.entry((*asset, *address)).or_insert(*amount);
            *least = (*least).min(*amount);
            let level = [
                vec![],
                vec![BalanceSource::Remote { operator: "x".into() }],
                vec![BalanceSource::Remote { operator: "x".into() }, BalanceSource::Remote { operator: "y".into() }],
                vec![BalanceSource::OwnNode],
                vec![BalanceSource::Proof],
            ][usize::from(*level)].clone();
            let grade = OwnershipResult::Verified { grade: OwnershipGrade::ALL[usize::from(*grade)] };
            grades.push((name, (grade, level)));
        }
        let mut assessor = Graded(grades.into_iter().collect());
        let equity: Vec<_> = ASSETS.iter().zip(&owed).map(|(asset, owed)| (*asset, u128::from(*owed))).collect();
        let mut inputs = inputs(&equity);
        inputs.policy.minimum_evidence = EvidenceLevel::ALL[minimum.0];
        inputs.policy.minimum_ownership = OwnershipGrade::ALL[minimum.1];
        let report = build_report(inputs.clone(), &sources(&text), &mut assessor).unwrap();
        prop_assert!(report.check().is_ok());
        let mut all = true;
        for (asset, (symbol, owed)) in equity.iter().enumerate() {
            let (mut counted, mut verified) = (BigUint::ZERO, BigUint::ZERO);
            for ((_, address), amount) in seen.iter().filter(|((of, _), _)| *of == asset) {
                let (result, sources) = &assessor.0[&format!("a{address}")];
                let level = match sources.as_slice() {
                    [] => EvidenceLevel::L0,
                    [BalanceSource::Remote { .. }] => EvidenceLevel::L1,
                    [BalanceSource::Remote { .. }, ..] => EvidenceLevel::L2,
                    [BalanceSource::OwnNode, ..] => EvidenceLevel::L3,
                    [BalanceSource::Proof, ..] => EvidenceLevel::L4,
                };
                counted += *amount;
                if level >= EvidenceLevel::ALL[minimum.0] && result.grade() >= OwnershipGrade::ALL[minimum.1] {
                    verified += *amount;
                }
            }
            let Some(line) = report.assets.iter().find(|line| line.asset == *symbol) else {
                prop_assert!(*owed == 0 && counted == BigUint::ZERO);
                continue;
            };
            prop_assert_eq!(BigUint::from(line.reserves.counted.0), counted.clone());
            prop_assert_eq!(BigUint::from(line.reserves.verified.0), verified.clone());
            let ratio = |part: BigUint| (*owed > 0).then(|| (part * 1_000_000u32 / *owed).to_string());
            prop_assert_eq!(line.ratio_ppm.map(|ratio| ratio.0.to_string()), ratio(counted.clone()));
            prop_assert_eq!(line.verified_ratio_ppm.map(|ratio| ratio.0.to_string()), ratio(verified));
            prop_assert_eq!(line.solvent, counted >= BigUint::from(*owed));
            all &= line.solvent;
        }
        prop_assert_eq!(report.solvent, all);
        let json = report.to_json().unwrap();
        prop_assert_eq!(SolvencyReport::from_json(&json).unwrap(), report.clone());
        prop_assert!(verify_report(&json, inputs, &sources(&text), &mut assessor).is_ok());
    }
}
