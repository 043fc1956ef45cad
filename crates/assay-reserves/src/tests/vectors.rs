use super::*;

#[test]
fn generation_2022_has_base_units() {
    let checked = check("a.csv", include_str!("../../testdata/address-2022.csv"));
    let amounts: Vec<_> = checked.rows.iter().map(|row| row.amount.unwrap()).collect();
    assert_eq!(amounts, [250_000_000, 100_000_000, 2_000_000_000_000_000_001, 5_000_000]);
    let networks: Vec<_> = checked.rows.iter().map(|row| row.network.as_str()).collect();
    assert_eq!(networks, ["BTC", "BTC", "ETH", "ETH"]);
    let [first, second, ..] = checked.rows.as_slice() else { panic!() };
    assert_eq!((first.line, first.signatures.len(), second.signatures.len()), (7, 2, 1));
    assert!(first.script.is_some() && second.script.is_none());
    assert_eq!(first.message, "I am an example address");
    assert_eq!(checked.rows[3].asset, index("USDT"));
    assert_eq!(
        checked.codes(),
        [
            FindingCode::MissingHeight,
            FindingCode::MissingHeight,
            FindingCode::MissingBlockHash,
            FindingCode::MissingBlockHash
        ]
    );
    assert_eq!(checked.finding(FindingCode::MissingHeight).count, 2);
    assert_eq!(checked.left_out, [None; 4]);
}

#[test]
fn generation_2024_has_decimals_and_heights() {
    let checked = check("a.csv", include_str!("../../testdata/address-2024.csv"));
    let amounts: Vec<_> = checked.rows.iter().map(|row| row.amount.unwrap()).collect();
    assert_eq!(amounts, [250_000_000, 100_000_000, 2_000_000_000_000_000_001, 5_000_000]);
    assert_eq!(checked.rows[2].address, ADDRESS);
    assert_eq!(checked.rows[2].height, Some(18_000_000));
    // Two names of one network.
    assert_eq!((checked.rows[2].network.as_str(), checked.rows[3].network.as_str()), ("ETH", "ERC20"));
    assert_eq!(checked.codes(), [FindingCode::MissingBlockHash; 2]);
}

#[test]
fn generation_2025_has_owners() {
    let checked = check("a.csv", include_str!("../../testdata/address-2025.csv"));
    let [first, second] = checked.rows.as_slice() else { panic!() };
    assert!(first.script.as_deref().unwrap().contains("ae,52"));
    assert_eq!(second.message, "I am, quoted");
    assert_eq!(second.owners.len(), 2);
    assert!(second.owners[1].starts_with("0x27b1"));
    assert_eq!(checked.codes(), [FindingCode::MissingBlockHash; 2]);
}

#[test]
fn generation_2026_has_types() {
    let checked = check("a.csv", include_str!("../../testdata/address-2026.csv"));
    let staking: Vec<_> = checked.rows.iter().map(|row| row.staking.clone()).collect();
    assert_eq!(staking, [Staking::None, Staking::Native, Staking::Restaked, Staking::None]);
    assert_eq!(checked.rows[0].message, r#"{"types":{"A":["b","c"]},"message":"x,y"}"#);
    assert_eq!(checked.rows[1].owner_class, OwnerClass::Staked);
    assert_eq!(checked.rows[1].owners.len(), 0);
    assert_eq!(checked.rows[3].signatures, ["[1,2,3]"]);
    assert_eq!(checked.codes(), [FindingCode::MissingBlockHash; 2]);
}

#[test]
fn the_audit_variant_has_no_amounts() {
    let checked = check("a.csv", include_str!("../../testdata/audit.csv"));
    let [first, second] = checked.rows.as_slice() else { panic!() };
    assert_eq!((first.amount, first.signatures.len(), first.owners.len()), (None, 1, 0));
    assert_eq!((first.script.clone(), second.signatures.len()), (None, 2));
    assert!(checked.codes().contains(&FindingCode::NoAmount));
    // Beside the file with amounts, it adds nothing.
    let memory = |name: &str, text: &str| Source::memory(name, text.as_bytes());
    let amounts = memory("a.csv", include_str!("../../testdata/address-2024.csv"));
    let audit = memory("b.csv", include_str!("../../testdata/audit.csv"));
    let both = [(audit, ReserveFormat::AuditCsv), (amounts, ReserveFormat::AddressCsv)];
    let report = build_report(inputs(&[]), &both, &mut ClaimsOnly).unwrap();
    assert_eq!(
        (line(&report, "BTC").reserves.counted.0, line(&report, "BTC").reserves.rows),
        (350_000_000, 2)
    );
    assert_eq!(report.failures.count, 0);
}

#[test]
fn script_yaml_is_read_in_any_order() {
    let text = include_str!("../../testdata/scripts.yaml");
    let checked = check("a.yaml", text);
    let [first, second, third] = checked.rows.as_slice() else { panic!() };
    assert_eq!((first.line, first.height, first.amount), (2, Some(704_592), Some(250_000_000)));
    assert_eq!(first.network, "BTC");
    assert!(first.block_hash.as_deref().unwrap().starts_with("0000"));
    assert!(second.script.as_deref().unwrap().starts_with("wpkh("));
    assert!(third.unspendable);
    assert_eq!(checked.left_out, [None, None, Some(FindingCode::Unspendable)]);
    assert_eq!(checked.codes(), [FindingCode::Unspendable]);
    let mut reader = reader("a.yaml", text).unwrap();
    let claim = reader.script_claim().unwrap().clone();
    assert_eq!(
        (claim.signatures, claim.of, claim.keys.len(), claim.extended.len()),
        (Some(2), Some(3), 2, 1)
    );
    while reader.next_row().unwrap().is_some() {}
    let digest = *blake3::hash(text.as_bytes()).as_bytes();
    assert_eq!(reader.digest(), Some((text.len() as u64, digest)));
    // The custodian's flag, and totals at the top.
    let custodial = text.replace("chain: main", "chain: main\ncustodial: true");
    assert_eq!(check("a.yaml", &custodial).rows[0].owner_class, OwnerClass::Custodian);
    let short = text.replace(", total: 350000000", "").replace("height:", "total: 350000001\nheight:");
    let checked = check("a.yaml", &short);
    assert!(checked.finding(FindingCode::TotalsMismatch).text.contains("+1 base units"));
}

#[test]
fn script_yaml_refuses_what_addresses_do_not_need() {
    let text = include_str!("../../testdata/scripts.yaml");
    for (from, to, part) in [
        ("chain: main", "chain: &a main", "anchors"),
        ("chain: main", "chain: *a", "unknown anchor"),
        ("height: 704592", "height: &a 704592\nxpub: *a", "anchors"),
        ("chain: main", "chain: !!str main", "tags"),
        ("chain: main", "chain: main\nmore: 1", "unknown field"),
        ("chain: main", "chain: main\nchain: main", "twice"),
        ("chain: main", "chain: other", "unknown asset other"),
        ("chain: main", "chain: [main]", "not of the type"),
        ("chain: main", "chain: main\n---\na: b", "several documents"),
        ("chain: main", "chain: \"main", "line"),
        ("value: 250000000", "value: 2.5", "more decimals"),
        ("value: 250000000", "value: -1", "negative"),
        ("value: 250000000", "value: [1]", "not of the type"),
        ("value: 250000000", "value: 1\n  value: 1", "twice"),
        ("value: 250000000", "value: 1\n  valu: 1", "unknown field"),
        ("chain: main", "chain: main\0", "NUL"),
        ("addr: 3CWFddi6m4ndiGyKqzYvsFYagqDLPVMTzC", "addr: ~", "field missing"),
    ] {
        let wrong = text.replacen(from, to, 1);
        let error = match reader("a.yaml", &wrong) {
            Ok(mut reader) => reader.find_map(Result::err).unwrap_or_else(|| panic!("{to}")),
            Err(error) => error,
        };
        assert!(error.to_string().contains(part), "{to}: {error}");
    }
    let deep = format!("a: {}", "[".repeat(10_000));
    assert!(reader("a.yaml", &deep).is_err());
}

#[test]
fn own_csv_has_everything() {
    let checked = check("a.csv", include_str!("../../testdata/own.csv"));
    assert_eq!(checked.left_out, [None; 4]);
    let first = &checked.rows[0];
    assert_eq!(first.evidence, ["node:a", "proof:b"]);
    assert_eq!(first.message, "one, two");
    assert_eq!(first.owner_class, OwnerClass::Cold);
    assert!(first.outpoint.as_deref().unwrap().ends_with("ab:0"));
    assert_eq!(checked.rows[2].backs.as_deref(), Some("XBTC"));
    assert_eq!(checked.rows[3].staking, Staking::Restaked);
    assert_eq!(checked.rows[3].block_hash.as_deref(), Some("2e".repeat(32).as_str()));
    assert_eq!(checked.codes(), []);
}

#[test]
fn own_toml_has_everything() {
    let text = include_str!("../../testdata/own.toml");
    let checked = check("a.toml", text);
    assert_eq!(checked.rows.len(), 3);
    assert_eq!(checked.rows[0].message, "two\nlines");
    assert_eq!((checked.rows[0].line, checked.rows[1].line), (7, 21));
    assert_eq!(checked.left_out, [None; 3]);
    let mut reader = reader("a.toml", text).unwrap();
    while reader.next_row().unwrap().is_some() {}
    assert_eq!(
        reader.supplies(),
        [WrappedSupply { asset: index("XBTC"), network: "ETH".into(), supply: 400_000_000, proven: false }]
    );
    assert_eq!(reader.section_totals().len(), 2);
}

#[test]
fn own_toml_is_strict() {
    let text = include_str!("../../testdata/own.toml");
    for (from, to, part) in [
        ("version = 1", "version = 2", "version"),
        ("version = 1\n", "", "missing field `version`"),
        ("height = 800000", "hight = 800000", "line 12: not readable: unknown field"),
        ("[[row]]", "[[rows]]", "unknown field"),
        ("amount = \"1.5\"", "amount = 1.5", "invalid type"),
        ("amount = \"1.5\"", "amount = \"1.5\"\namount = \"1.5\"", "duplicate key"),
        ("amount = \"1.5\"", "amount = \"1.500000001\"", "more decimals"),
        ("amount = \"4\"\n\n[[total]]", "amount = \"4.000000001\"\n\n[[total]]", "more decimals"),
        ("two\nlines", "two\n[[row]]\nlines", "not readable"),
    ] {
        let wrong = text.replacen(from, to, 1);
        assert_ne!(wrong, text, "{from}");
        let error = match reader("a.toml", &wrong) {
            Ok(mut reader) => reader.find_map(Result::err).unwrap_or_else(|| panic!("{to}")),
            Err(error) => error,
        };
        assert!(error.to_string().contains(part), "{to}: {error}");
    }
}

#[test]
fn formats_are_detected_or_named() {
    for (name, text, format) in [
        ("a.csv", "coin,amount\n", ReserveFormat::AddressCsv),
        ("a.csv", "\u{feff}\"Coin\", Snapshot Height,amount\n", ReserveFormat::AddressCsv),
        ("a.csv", "digitalAsset,network\n", ReserveFormat::AuditCsv),
        ("a.txt", "address,asset\n", ReserveFormat::Csv),
        ("a.YML", "", ReserveFormat::ScriptYaml),
        ("a.toml", "", ReserveFormat::Toml),
    ] {
        assert_eq!(ReserveFormat::detect(&Source::memory(name, text.as_bytes())).unwrap(), format);
        assert_eq!(ReserveFormat::from_name(format.name()), Some(format));
    }
    let unknown = ReserveFormat::detect(&Source::memory("a.csv", b"uid,asset\n".as_slice()));
    assert!(matches!(unknown, Err(ReserveError::UnknownFormat { .. })));
    assert!(matches!(ReserveFormat::detect(&Source::file("/nowhere/a.csv")), Err(ReserveError::Read { .. })));
}

#[test]
fn errors_name_file_line_and_field() {
    let text = include_str!("../../testdata/address-2024.csv");
    for (from, to, part) in [
        ("BTC,BTC,800000,1Bp", "DOGE,BTC,800000,1Bp", "a.csv, line 8, field coin: unknown asset DOGE"),
        ("BTC,BTC,800000,1Bp", ",BTC,800000,1Bp", "a.csv, line 8, field coin: field missing"),
        ("BTC,BTC,800000,1Bp", "BTC,BTC,8e5,1Bp", "a.csv, line 8, field snapshot height: not a block height"),
        ("Vggu,1,", "Vggu,1.000000001,", "a.csv, line 8, field amount: more decimals than the asset's 8"),
        ("Vggu,1,", "Vggu,-1,", "a.csv, line 8, field amount: negative amount"),
        ("Vggu,1,", "Vggu,1e3,", "a.csv, line 8, field amount: not a plain decimal number"),
        ("Vggu,1,", "Vggu,,", "a.csv, line 8, field amount: field missing"),
        ("1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu", "", "a.csv, line 8, field address: field missing"),
        ("BTC,800000,3.5", "BTC,800000,x", "a.csv, line 2, field amount: not a plain"),
        ("BTC,800000,3.5", "BAD,800000,3.5", "a.csv, line 2, field coin: unknown asset BAD"),
        ("coin,Network", "coin,Net", "a.csv, line 6: wrong header"),
        ("coin,snapshot", "coins,snapshot", "a.csv, line 1: wrong header"),
        ("Vggu,1,", "Vggu,1,\"", "a.csv, line 8: misplaced quote"),
        ("Vggu,1,", "Vggu,1,[a", "a.csv, line 8: unclosed bracket"),
        ("Vggu,1,I", "Vggu,1,,,,,,,,,,x", "fields where the header has 9"),
    ] {
        let wrong = text.replacen(from, to, 1);
        assert_ne!(wrong, text, "{from}");
        let source = Source::memory("a.csv", wrong.as_bytes());
        let opened = ReserveReader::open(
            &source,
            ReserveFormat::AddressCsv,
            assets(),
            &policy(),
            ReadOptions::default(),
        );
        let error = match opened {
            Ok(mut reader) => reader.find_map(Result::err).unwrap_or_else(|| panic!("{to}")),
            Err(error) => error,
        };
        assert!(error.to_string().contains(part), "{to}: {error}");
    }
    let totals_only = "coin,amount\nBTC,1\n";
    assert!(reader("a.csv", totals_only).unwrap_err().to_string().contains("no section of rows"));
}

#[test]
fn reading_goes_on_behind_a_bad_row() {
    let text = own(&["BTC,BTC,a,x", "BTC,BTC,b,1", "NOPE,BTC,c,1", "BTC,BTC,d,2"]);
    let read: Vec<_> = reader("a.csv", &text).unwrap().collect();
    let good: Vec<_> = read.iter().flatten().map(|row| row.address.as_str()).collect();
    assert_eq!((good.as_slice(), read.len()), (["b", "d"].as_slice(), 4));
    // A report doesn't: nothing is left out in silence.
    assert!(build_report(inputs(&[]), &sources(&text), &mut ClaimsOnly).is_err());
}

#[test]
fn sizes_are_bounded() {
    let text = own(&["BTC,BTC,a,1", "BTC,BTC,b,1"]);
    let small = ReadOptions { max_file_bytes: 100, ..ReadOptions::default() };
    let error = reader_with("a.csv", text.as_bytes(), small).and_then(|mut reader| reader.next_row());
    assert!(matches!(error, Err(ReserveError::FileTooLarge { limit: 100, .. })));
    let few = ReadOptions { max_rows: 1, ..ReadOptions::default() };
    let mut rows = reader_with("a.csv", text.as_bytes(), few).unwrap();
    rows.next_row().unwrap();
    assert!(matches!(rows.next_row(), Err(ReserveError::TooMany { .. })));
    let long = own(&[&format!("BTC,BTC,{},1", "a".repeat(2 << 20))]);
    let error = reader("a.csv", &long).unwrap().next_row().unwrap_err();
    assert!(error.to_string().contains("longer than"), "{error}");
    let cut = own(&["BTC,BTC,a,1"]);
    let error = reader("a.csv", cut.trim_end()).unwrap().next_row().unwrap_err();
    assert!(error.to_string().contains("cut"), "{error}");
    // A quote that never closes must not be tried again for each line to come.
    let open = format!("{}\"{}", own(&[]), "x\n".repeat(100_000));
    assert!(reader("a.csv", &open).unwrap().next_row().is_err());
    let endless = format!("chain: \"{}", " x\n".repeat(1 << 20));
    assert!(reader("a.yaml", &endless).unwrap_err().to_string().contains("longer than"));
}

#[test]
fn inconsistent_fields_are_findings() {
    let checked = check(
        "a.csv",
        &own(&[
            "BTC,BTC,a,0",
            "BTC,,b,1",
            "BTC,Moon,c,1",
            "BTC,BTC,d,1,lukewarm,liquid",
            "BTC,BTC,e\u{a0}f,1",
        ]),
    );
    let left_out = [None, None, Some(FindingCode::UnknownNetwork), None, Some(FindingCode::BadAddress)];
    assert_eq!(checked.left_out, left_out);
    assert_eq!(
        checked.codes(),
        [
            FindingCode::UnknownNetwork,
            FindingCode::BadAddress,
            FindingCode::UnknownOwnerClass,
            FindingCode::UnknownStaking,
            FindingCode::ZeroAmount
        ]
    );
    let heights = own(&["ETH,ETH,a,1", "ETH,ETH,b,1"]).replacen(",100,", ",90,", 1);
    let checked = check("a.csv", &heights);
    assert_eq!(checked.finding(FindingCode::MixedHeights).text, "rows on ETH are of heights 90 to 100");
    let bare = heights.replace(",90,", ",,").replace(HASH, "");
    let checked = check("a.csv", &bare);
    assert_eq!(checked.codes(), [FindingCode::MissingHeight, FindingCode::MissingBlockHash]);
    assert_eq!(checked.finding(FindingCode::MissingBlockHash).count, 2);
}

#[test]
fn totals_are_compared_exactly() {
    let text = include_str!("../../testdata/address-2024.csv");
    let checked = check("a.csv", &text.replace("2.000000000000000001\n", "2.000000000000000002\n"));
    let finding = checked.finding(FindingCode::TotalsMismatch);
    assert!(finding.text.ends_with("+1 base units"), "{}", finding.text);
    assert_eq!(finding.places, [FindingPlace { file: 1, line: 3 }]);
    let checked = check("a.csv", &text.replace("USDT,18000000,5\n", ""));
    assert_eq!(checked.finding(FindingCode::TotalsMissing).text, "the file has no total of usdt");
    let checked = check("a.csv", &text.replace("BTC,800000,3.5", "BTC,800001,3.5"));
    assert!(checked.finding(FindingCode::MixedHeights).text.contains("800001"));
    let checked = check("a.csv", text.trim_end());
    assert!(checked.codes().contains(&FindingCode::NoLineEnd));
    // A total without any row.
    let checked = check("a.csv", &text.replace("ETH,18000000,2", "SOL,1,7\nETH,18000000,2"));
    assert!(checked.finding(FindingCode::TotalsMismatch).text.contains("+7000000000"));
}

#[test]
fn findings_are_bounded() {
    let rows: Vec<String> = (0..5_000).map(|row| format!("BTC,BTC,a b{row},1")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let checked = check("a.csv", &own(&rows));
    assert!(checked.findings.len() <= 1_001);
    let count: u64 = checked.findings.iter().map(|finding| finding.count).sum();
    assert_eq!(count, 5_000);
    let report = report(&[], &own(&rows), &mut ClaimsOnly);
    assert_eq!((report.failures.count, report.failures.rows.len()), (5_000, MAX_FAILURES));
}

#[test]
fn policies_are_strict() {
    let text = include_str!("../../testdata/policy.toml");
    for (from, to, part) in [
        ("version = 1", "version = 2", "version 2"),
        ("quorum = 2", "quorum = 1", "quorum"),
        ("quorum = 2", "quorun = 2", "line 4: unknown field"),
        ("\"XT\"]", "\"XYZ\"]", "XYZ is not in the asset table"),
        ("aliases = [\"ERC20\"]", "aliases = [\"btc\"]", "network name btc is given twice"),
        ("network = \"ETH\"", "network = \"ERC20\"", "ERC20 is not a network"),
        ("counts_ppm = 100000", "counts_ppm = 1000001", "can't count more"),
        ("native = \"BTC\"", "native = \"XBTC\"", "can't stand for itself"),
        ("networks = [\"ETH\"]", "", "needs the networks"),
        ("minimum_evidence = \"L2\"", "minimum_evidence = \"L5\"", "unknown variant"),
        ("minimum_evidence = \"L2\"\n", "", "missing field"),
        ("asset = \"stETH\"", "asset = \"XBTC\"", "wrapped asset XBTC is given twice"),
    ] {
        let wrong = text.replacen(from, to, 1);
        assert_ne!(wrong, text, "{from}");
        let error = Policy::from_toml(wrong.as_bytes(), &assets()).unwrap_err().to_string();
        assert!(error.contains(part), "{to}: {error}");
    }
}

#[test]
fn starknet_accounts_of_the_policys_classes() {
    // okx/proof-of-reserves, `example/test.csv`; the class is in okx/go-wallet-sdk, `account_constants.go`.
    let row = ReserveRow {
        network: "STARKNET".into(),
        address: "0x03b7f0b02b63683eca1639fb2d5dfa1021628d4ee728b03bc0ac2be66edc32f1".into(),
        message: "OKC_DTT_AUP2025".into(),
        signatures: vec![
            "04550efc3034895232cac30b73677c81cf949e7428d9629eda85b83e60614f45\
             061639b572eb88f82f304b6a3ad4f2392a835e5582b918da53ddaaee4e342ea0"
                .into(),
        ],
        script: Some("0x6459074aa056e6dfb18539e414720ca7518b4d9b6d9a9fa0a3a64b8e2287963".into()),
        ..ReserveRow::default()
    };
    let class = "{ class_hash = \"0x3530cc4759d78042f1b543bf797f5f3d647cde0388c33734cf91b7f7b9314a9\", calldata = [\
                 \"0x309c042d3729173c7f2f91a34f04d8c509c1b292d334679ef1aabf8da0899cc\", \
                 \"0x79dc0da7c54b95f10aa182ad0a46400db63156920adb65eca2654c0945a463\", \"0x2\", \"key\", \"0x0\"] }";
    let policy = |addresses: &str| {
        let text = include_str!("../../testdata/policy.toml");
        let network = format!(
            "\n[[network]]\nname = \"STARKNET\"\nconfirmations = 1\naddresses = {{ kind = \"starknet\"{addresses} }}\n"
        );
        Policy::from_toml(format!("{text}{network}").as_bytes(), &assets())
    };
    let judge = |policy: &Policy| SignatureAssessor::new(policy, None).ownership(&row);
    let (plain, known) = (policy("").unwrap(), policy(&format!(", classes = [{class}]")).unwrap());
    assert_eq!(judge(&plain), OwnershipResult::Unbound);
    assert_eq!(judge(&known), OwnershipResult::Verified { grade: OwnershipGrade::O1 });
    assert_ne!(plain.digest().unwrap(), known.digest().unwrap());
    for (from, to) in [("\"key\"", "\"0x1\""), ("\"0x2\"", "\"2\""), ("calldata", "arguments")] {
        let wrong = class.replacen(from, to, 1);
        assert!(policy(&format!(", classes = [{wrong}]")).is_err(), "{to}");
    }
    // Another number of arguments for the proxied code: another account.
    let other = class.replacen("\"0x2\"", "\"0x1\"", 1);
    assert_eq!(judge(&policy(&format!(", classes = [{other}]")).unwrap()), OwnershipResult::Unbound);
}

#[test]
fn a_report_says_what_there_is() {
    let verified = OwnershipResult::Verified { grade: OwnershipGrade::O3 };
    let text = own(&[
        "BTC,BTC,a,3,cold",
        "BTC,BTC,b,1,hot",
        "ETH,ETH,c,10,,restaked",
        "USDT,ETH,c,10000,custodian",
        "XT,ETH,d,1000",
        "NOPRICE,ETH,d,7",
    ]);
    let mut assessor = Graded::new(&[
        ("a", verified, &[BalanceSource::Proof]),
        ("b", verified, &[BalanceSource::Remote { operator: "x".into() }]),
    ]);
    let report = report(&[("BTC", 400_000_000), ("USDT", 10_000_000_001), ("SOL", 0)], &text, &mut assessor);
    let btc = line(&report, "BTC");
    assert_eq!((btc.ratio_ppm, btc.verified_ratio_ppm), (Some(Units(1_000_000)), Some(Units(750_000))));
    assert_eq!((btc.solvent, btc.solvent_verified), (true, false));
    assert_eq!((btc.reserves.by_evidence.L4.0, btc.reserves.by_evidence.L1.0), (300_000_000, 100_000_000));
    assert_eq!((btc.reserves.by_ownership.O3.0, btc.reserves.rows), (400_000_000, 2));
    // One base unit is missing, and no other asset makes up for it.
    assert_eq!(line(&report, "USDT").ratio_ppm, Some(Units(999_999)));
    assert!(!line(&report, "USDT").solvent && !report.solvent && !report.solvent_verified);
    assert_eq!(line(&report, "ETH").ratio_ppm, None);
    assert!(report.assets.iter().all(|line| line.asset != "SOL"));

    let quality = &report.quality;
    // 4 BTC at 50,000, 10 ETH at 2,000, 10,000 USDT at 1, 1,000 XT at 1.5: 231,500.
    assert_eq!(quality.value, Units(231_500_000_000));
    assert_eq!(quality.unpriced, ["NOPRICE"]);
    assert_eq!(quality.own_tokens_ppm, Some(6_479));
    assert_eq!(quality.staked_ppm, Some(86_393));
    assert_eq!(quality.haircut_value, Units(231_500_000_000 - 1_350_000_000));
    assert_eq!(quality.equity_value, Units(210_000_000_001));
    let top = &quality.concentration;
    assert_eq!((top.addresses, top.top_1_ppm, top.top_4_ppm), (4, Some(647_948), Some(1_000_000)));
    let hhi = [150_000f64, 50_000.0, 30_000.0, 1_500.0].iter().map(|v| (v / 231_500.0).powi(2)).sum::<f64>();
    assert!((f64::from(top.hhi_ppm.unwrap()) - hhi * 1e6).abs() < 2.0);
    let class = |name: &str| quality.classes.iter().find(|class| class.class == name).unwrap().clone();
    assert_eq!((class("cold").ppm, class("custodian").rows), (Some(647_948), 1));
    assert_eq!(quality.stablecoins[0].ppm, Some(43_196));

    let codes: Vec<_> = report.not_proven.iter().map(|line| line.code).collect();
    for code in [
        Unproven::Completeness,
        Unproven::Borrowed,
        Unproven::ClaimedRows,
        Unproven::RemoteSources,
        Unproven::Custodians,
        Unproven::Staked,
        Unproven::StablecoinIssuers,
    ] {
        assert!(codes.contains(&code), "{code:?}");
    }
    for code in [Unproven::LiabilitiesUnverified, Unproven::RootNotAnchored, Unproven::RoundedFigures] {
        assert!(!codes.contains(&code), "{code:?}");
    }
}

#[test]
fn reports_are_canonical() {
    let text = own(&["BTC,BTC,a,3"]);
    let report = report(&[("BTC", 1)], &text, &mut ClaimsOnly);
    let json = report.to_json().unwrap();
    assert_eq!(SolvencyReport::from_json(&json).unwrap(), report);
    let text = String::from_utf8(json.clone()).unwrap();
    assert!(
        text.starts_with("{\"accounts\":3,\"assets\":[{\"asset\":\"BTC\",\"decimals\":8,\"liabilities\":")
    );
    for wrong in [
        format!("{text}\n"),
        text.replacen("{\"accounts\":3,", "{\"accounts\":3,\"more\":1,", 1),
        text.replacen("{\"accounts\":3,", "{\"accounts\":3,\"accounts\":3,", 1),
        text.replacen("{\"accounts\":3,", "{\"accounts\": 3,", 1),
        text.replacen("{\"accounts\":3,", "{\"accounts\":3.0,", 1),
        text.replacen("{\"accounts\":3,", "{", 1),
        text.replacen("\"equity\":\"1\"", "\"equity\":1", 1),
        text.replacen("\"equity\":\"1\"", "\"equity\":\"01\"", 1),
        text.replacen("\"equity\":\"1\"", "\"equity\":\"-1\"", 1),
        text.replacen("example.org", "ex\\u0061mple.org", 1),
        text.replacen("assay.report/2", "assay.report/1", 1),
        text.replacen("{\"accounts\":3,", "{\"accounts\":9007199254740993,", 1),
    ] {
        assert_ne!(wrong, text);
        assert!(SolvencyReport::from_json(wrong.as_bytes()).is_err(), "{wrong}");
    }
    for cut in 0..json.len() {
        assert!(SolvencyReport::from_json(&json[..cut]).is_err());
    }
    // Another entity, another digest.
    let mut other = report.clone();
    other.entity = "example.net".into();
    assert_ne!(report.digest(), other.digest());
    let mut prefixed = b"assay.report/2\n".to_vec();
    prefixed.extend(&json);
    assert_eq!(report.digest().unwrap(), *blake3::hash(&prefixed).as_bytes());
}

#[test]
fn reports_match_their_schema() {
    // The schema lists what the report has, no more and no less.
    let schema = include_str!("../../../../book/src/schemas/report.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    let text = own(&["BTC,BTC,a,3", "BTC,BTC,a,3", "BTC,BTC,p,9,,,XBTC", "USDT,ETH,a,1", "XBTC,ETH,w,1"]);
    let mut inputs = inputs(&[("BTC", 1)]);
    inputs.supplies.push(WrappedSupply {
        asset: index("XBTC"),
        network: "ETH".into(),
        supply: 5,
        proven: false,
    });
    inputs.liabilities.exclusions.push(Exclusion { what: "a".into(), reason: "b".into() });
    inputs.liabilities.excluded = Some(ExcludedAccounts::new(2, &inputs.totals, &inputs.assets));
    inputs.totals.add_total(EntryKey::new(index("BTC"), Kind::COLLATERAL_LOAN).unwrap(), 1).unwrap();
    inputs.evidence.push(EvidenceLine {
        network: "ETH".into(),
        height: 100,
        hash: HASH.into(),
        time: 7,
        format: "assay.evm-balances/1".into(),
        bytes: 9,
        digest: HASH.into(),
    });
    inputs.resample.push(ResampleInput {
        network: "BTC".into(),
        beacon: [7; 32],
        from: 90,
        to: 99,
        count: 3,
    });
    let mut report = build_report(inputs, &sources(&text), &mut ClaimsOnly).unwrap();
    assert_eq!(report.resampled[0].least.0, 0);
    report.coin_ages.push(CoinAgeLine {
        network: "BTC".into(),
        asset: "BTC".into(),
        ends: vec![1],
        amounts: vec![Units(1), Units(2)],
        outputs: vec![1, 1],
        unknown: Units(0),
    });
    report.check().unwrap();
    let owed = &report.assets[index("BTC")].liabilities;
    assert_eq!(owed.products, [("collateral_loan".to_owned(), Units(1))].into());
    let report: serde_json::Value = serde_json::from_slice(&report.to_json().unwrap()).unwrap();
    matches_schema(&schema, &schema, &report, "");
    let enum_of = |name: &str| {
        let values = schema["$defs"][name]["enum"].as_array().unwrap();
        values.iter().map(|value| value.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(enum_of("finding_code"), FindingCode::ALL.iter().map(|code| code.code()).collect::<Vec<_>>());
    assert_eq!(enum_of("unproven_code"), Unproven::ALL.iter().map(|code| code.code()).collect::<Vec<_>>());
}

#[test]
fn the_file_of_what_was_left_out() {
    let inputs = inputs(&[("BTC", 7)]);
    let (of, root) = ((&inputs.entity, &inputs.epoch), &inputs.root);
    let excluded = ExcludedAccounts::new(2, &inputs.totals, &inputs.assets);
    let file = ExcludedFile::new(of.0, of.1, root, excluded.clone());
    let bytes = file.to_json().unwrap().into_bytes();
    let schema = include_str!("../../../../book/src/schemas/excluded.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    matches_schema(&schema, &schema, &serde_json::from_slice(&bytes).unwrap(), "");
    let read = ExcludedFile::from_json(&bytes).unwrap();
    assert_eq!(read.of_statement(of, root, &inputs.assets).unwrap(), excluded);
    let large = vec![b' '; MAX_EXCLUDED_BYTES + 1];
    assert_eq!(ExcludedFile::from_json(&large), Err(ExcludedError::TooLarge));
    let other = file.clone().of_statement(of, &[1; 32], &inputs.assets);
    assert!(other.unwrap_err().is_other_statement());

    // A report can't be made of what doesn't fit the asset table, nor say what contradicts itself.
    let made = |change: fn(&mut ExcludedAccounts)| {
        let mut inputs = inputs.clone();
        let mut excluded = excluded.clone();
        change(&mut excluded);
        inputs.liabilities.excluded = Some(excluded);
        build_report(inputs, &sources(&own(&["BTC,BTC,a,3"])), &mut ClaimsOnly)
    };
    let report = made(|_| ()).unwrap();
    report.check().unwrap();
    // Owed are 7 base units in the statement and 7 beside it.
    assert_eq!(report.assets[index("BTC")].liabilities.owed(), Units(14));
    let ratio = |reserves: &str| {
        let mut inputs = inputs.clone();
        inputs.liabilities.excluded = Some(excluded.clone());
        let report = build_report(inputs, &sources(&own(&[reserves])), &mut ClaimsOnly).unwrap();
        (report.assets[index("BTC")].ratio_ppm.unwrap().0, report.solvent)
    };
    assert_eq!(ratio("BTC,BTC,a,0.00000014"), (1_000_000, true));
    assert_eq!(ratio("BTC,BTC,a,0.00000013"), (928_571, false));
    // Neither the line nor the list can be without the other.
    let changes: [fn(&mut SolvencyReport); 3] = [
        |report| report.assets[index("BTC")].liabilities.excluded = Units(6),
        |report| report.liabilities.excluded.as_mut().unwrap().totals[0].asset = "XT".into(),
        |report| report.assets.clear(),
    ];
    for change in changes {
        let mut report = report.clone();
        change(&mut report);
        assert!(matches!(report.check(), Err(VerifyError::Inconsistent { .. })));
    }
    assert!(report.not_proven.iter().any(|line| line.code == Unproven::Exclusions));
    let none = made(|excluded| *excluded = ExcludedAccounts { accounts: 0, totals: Vec::new() }).unwrap();
    assert!(none.not_proven.iter().all(|line| line.code != Unproven::Exclusions));
    let wrong: [fn(&mut ExcludedAccounts); 5] = [
        |excluded| excluded.accounts = 0,
        |excluded| excluded.accounts = 1 << 53,
        |excluded| excluded.totals.clear(),
        |excluded| excluded.totals.push(excluded.totals[0].clone()),
        |excluded| excluded.totals[0].kind = "debt_nothing".into(),
    ];
    for (at, change) in wrong.into_iter().enumerate() {
        assert!(made(change).is_err(), "{at}");
        if at < 4 {
            let mut report = report.clone();
            change(report.liabilities.excluded.as_mut().unwrap());
            assert!(matches!(report.check(), Err(VerifyError::Inconsistent { .. })), "{at}");
        }
    }
}

/// As much of JSON schema as the report's uses.
fn matches_schema(root: &serde_json::Value, schema: &serde_json::Value, value: &serde_json::Value, at: &str) {
    use serde_json::Value;
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.strip_prefix("#/$defs/").unwrap();
        return matches_schema(root, &root["$defs"][name], value, at);
    }
    if let Some(constant) = schema.get("const") {
        return assert_eq!(value, constant, "{at}");
    }
    if let Some(values) = schema["enum"].as_array() {
        return assert!(values.contains(value), "{at}: {value}");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().map(|name| name.as_str().unwrap()).collect(),
        _ => panic!("{at}: no type"),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(types.contains(&kind), "{at}: {kind}");
    match value {
        Value::Object(fields) => {
            // A map: any name, one form of value.
            if schema["additionalProperties"].is_object() {
                for (name, field) in fields {
                    matches_schema(root, &schema["additionalProperties"], field, &format!("{at}.{name}"));
                }
                return;
            }
            let properties = schema["properties"].as_object().unwrap();
            let sorted = |map: &serde_json::Map<String, Value>| {
                let mut names: Vec<String> = map.keys().cloned().collect();
                names.sort_unstable();
                names
            };
            let names = sorted(fields);
            assert_eq!(names, sorted(properties), "{at}");
            let mut required: Vec<_> =
                schema["required"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
            required.sort_unstable();
            assert_eq!(names, required, "{at}");
            assert_eq!(schema["additionalProperties"], false, "{at}");
            for (name, field) in fields {
                matches_schema(root, &properties[name], field, &format!("{at}.{name}"));
            }
        }
        Value::Array(items) => {
            for item in items {
                matches_schema(root, &schema["items"], item, &format!("{at}[]"));
            }
        }
        _ => {}
    }
}

#[test]
fn reports_are_verified_against_their_files() {
    let text = own(&["BTC,BTC,a,3", "ETH,ETH,b,1"]);
    let equity = [("BTC", 200_000_000)];
    let json = report(&equity, &text, &mut ClaimsOnly).to_json().unwrap();
    verify_report(&json, inputs(&equity), &sources(&text), &mut ClaimsOnly).unwrap();
    let differs = |result: Result<SolvencyReport, VerifyError>| match result.unwrap_err() {
        VerifyError::Differs { at } => at,
        error => panic!("{error}"),
    };
    // Other figures of liabilities, other files, another policy, other grades.
    let other = verify_report(&json, inputs(&[("BTC", 1)]), &sources(&text), &mut ClaimsOnly);
    assert_eq!(differs(other), "assets[0].liabilities.equity");
    let other = verify_report(&json, inputs(&equity), &sources(&text.replace("a,3", "a,4")), &mut ClaimsOnly);
    assert_eq!(differs(other), "assets[0].ratio_ppm");
    let mut strict = inputs(&equity);
    strict.policy.quorum = 3;
    assert_eq!(differs(verify_report(&json, strict, &sources(&text), &mut ClaimsOnly)), "policy.digest");
    let mut graded = Graded::new(&[("a", OwnershipResult::Verified { grade: OwnershipGrade::O1 }, &[])]);
    assert!(
        differs(verify_report(&json, inputs(&equity), &sources(&text), &mut graded)).contains("by_ownership")
    );
    // A report that says more than its own figures.
    let lie = String::from_utf8(json).unwrap().replacen(
        "\"solvent_verified\":false",
        "\"solvent_verified\":true",
        1,
    );
    let error = verify_report(lie.as_bytes(), inputs(&equity), &sources(&text), &mut ClaimsOnly).unwrap_err();
    assert!(matches!(error, VerifyError::Inconsistent { .. }), "{error}");
}

#[test]
fn vectors_are_canonical() {
    let text = own(&["BTC,BTC,a,3", "ETH,ETH,b,1"]);
    let report = report(&[("BTC", 1)], &text, &mut ClaimsOnly);
    let vector = ReserveVector::new(&report, &assets(), Column::Counted);
    assert_eq!(vector.as_slice().len(), assets().len());
    assert_eq!(vector.as_slice()[0], (0, 300_000_000));
    let csv = vector.to_csv(&assets());
    assert!(
        csv.starts_with("asset,reserve_base_units\nBTC,300000000\nETH,1000000000000000000\nNOPRICE,0\n"),
        "{csv}"
    );
    assert_eq!(ReserveVector::from_csv(csv.as_bytes(), &assets()), Ok(vector));
    let verified = ReserveVector::new(&report, &assets(), Column::Verified);
    assert!(verified.as_slice().iter().all(|(_, reserve)| *reserve == 0));
    for wrong in [
        csv.trim_end().to_owned(),
        format!("{csv}\n"),
        format!("{csv}ZZZ,0\n"),
        csv.replacen("BTC,3", "BTC,03", 1),
        csv.replacen("BTC,3", "BTC,+3", 1),
        csv.replacen("BTC,3", "btc,3", 1),
        csv.replacen("ETH,1000000000000000000\n", "", 1),
        csv.replace('\n', "\r\n"),
        csv.replacen("300000000", "340282366920938463463374607431768211456", 1),
    ] {
        assert!(ReserveVector::from_csv(wrong.as_bytes(), &assets()).is_err(), "{wrong}");
    }
}
