use super::*;

/// The last row isn't counted, for this reason.
fn caught(rows: &[&str], code: FindingCode) -> Checked {
    let text = own(rows);
    let checked = check("own.csv", &text);
    assert_eq!(checked.left_out.last(), Some(&Some(code)), "{rows:?}");
    assert!(checked.left_out.iter().rev().skip(1).all(Option::is_none), "{rows:?}");
    let finding = checked.finding(code);
    assert_eq!(finding.severity, Severity::Error);
    // Both rows are named.
    let last = rows.len() as u64 + 1;
    assert!(finding.places.iter().any(|place| place.line == last), "{rows:?}");
    assert!(finding.places.len() >= 2, "{rows:?}");
    checked
}

#[test]
fn a27_one_address_in_two_rows() {
    caught(&["ETH,ETH,0xabcd,5", "ETH,ETH,0xabcd,5"], FindingCode::DuplicateRow);
    caught(&["ETH,ETH,0xabcd,5", "ETH,ETH,0xabcd,3"], FindingCode::DuplicateRow);
    // Other assets and networks of one address are other coins.
    let checked = check("own.csv", &own(&["ETH,ETH,a,5", "USDT,ETH,a,5", "ETH,BTC,a,5"]));
    assert_eq!(checked.left_out, [None; 3]);
    // The report counts such coins once.
    let text = own(&["ETH,ETH,0xabcd,5", "ETH,ETH,0xabcd,5"]);
    let report = report(&[("ETH", 10_000_000_000_000_000_000)], &text, &mut ClaimsOnly);
    let eth = line(&report, "ETH");
    assert_eq!((eth.reserves.counted.0, eth.reserves.left_out.0), (5 * 10u128.pow(18), 5 * 10u128.pow(18)));
    assert!(!report.solvent);
    assert_eq!(report.failures.rows[0].code, FindingCode::DuplicateRow);
}

/// Counted and left out base units of BTC, 10^8 a unit.
fn btc_of(rows: &[&str]) -> (u128, u128) {
    let report = report(&[], &own(rows), &mut ClaimsOnly);
    let line = line(&report, "BTC").reserves;
    assert_eq!(line.listed.0, line.counted.0 + line.pool.0 + line.left_out.0);
    (line.counted.0 / 100_000_000, line.left_out.0 / 100_000_000)
}

#[test]
fn a27_of_two_figures_of_one_lot_the_smaller_counts() {
    // In either order, and of three the smallest.
    assert_eq!(btc_of(&["BTC,BTC,a,5", "BTC,BTC,a,3", "BTC,BTC,b,1"]), (4, 5));
    assert_eq!(btc_of(&["BTC,BTC,a,3", "BTC,BTC,a,5"]), (3, 5));
    assert_eq!(btc_of(&["BTC,BTC,a,5", "BTC,BTC,a,3", "BTC,BTC,a,4", "BTC,BTC,a,2"]), (2, 12));
    let id = "ab".repeat(32);
    let output =
        |address: &str, amount: u32, place: u32| format!("BTC,BTC,{address},{amount},,,,{id}:{place}");
    assert_eq!(btc_of(&[&output("a", 5, 0), &output("b", 2, 0)]), (2, 5));
    // An address as a whole and the sum of its outputs, in either order.
    let (five, six) = (output("a", 5, 0), output("a", 6, 1));
    assert_eq!(btc_of(&[&five, &six, "BTC,BTC,a,7"]), (7, 11));
    assert_eq!(btc_of(&[&five, &six, "BTC,BTC,a,20"]), (11, 20));
    assert_eq!(btc_of(&["BTC,BTC,a,20", &five, &six]), (11, 20));
    assert_eq!(btc_of(&["BTC,BTC,a,7", &five, &six]), (7, 11));
    // The same output again makes the sum no larger.
    assert_eq!(btc_of(&["BTC,BTC,a,20", &five, &output("b", 5, 0)]), (5, 25));
    // A pool is no larger either.
    let report = report(&[], &own(&["BTC,BTC,a,5,,,XBTC", "BTC,BTC,a,3,,,XBTC"]), &mut ClaimsOnly);
    assert_eq!(report.wrapped[0].pool.0, 300_000_000);
    // Nor are two rows of which the first doesn't count by itself.
    let text = own(&["BTC,BTC,a,5,,,NOPRICE", "BTC,BTC,a,3"]);
    assert_eq!(line(&self::report(&[], &text, &mut ClaimsOnly), "BTC").reserves.counted.0, 0);
}

/// A total that isn't the sum of its rows: whichever is right, the asset isn't taken for solvent.
#[test]
fn a27_totals_that_are_not_the_sum_of_their_rows() {
    let row = |amount: &str| format!("ETH,0xabcd,{amount},,,\n");
    let file = |total: &str, amount: &str| {
        format!(
            "coin,amount\nETH,{total}\n\ncoin,address,amount,message,signature1,signature2,redeem script/ public key\n{}",
            row(amount)
        )
    };
    let judge = |total: &str, amount: &str| {
        let mut inputs = inputs(&[("ETH", 5)]);
        inputs.policy.minimum_evidence = EvidenceLevel::L0;
        inputs.policy.minimum_ownership = OwnershipGrade::O0;
        let source = Source::memory("totals.csv", file(total, amount).as_bytes());
        let report = build_report(inputs, &[(source, ReserveFormat::AddressCsv)], &mut ClaimsOnly).unwrap();
        report.check().unwrap();
        report
    };
    let honest = judge("5", "5");
    assert_eq!((honest.solvent, honest.solvent_verified), (true, true));
    for (total, amount) in [("5", "9"), ("9", "5"), ("0", "5")] {
        let report = judge(total, amount);
        let line = line(&report, "ETH");
        assert_eq!((line.totals_match, line.solvent, line.solvent_verified), (false, false, false));
        assert_eq!((report.solvent, report.solvent_verified), (false, false));
        assert_eq!(report.findings[0].code, FindingCode::TotalsMismatch);
        // The flag can't be taken off, nor put on without the finding.
        let mut edited = report.clone();
        edited.assets[0].totals_match = true;
        assert!(edited.check().is_err());
        let mut edited = honest.clone();
        edited.assets[0].totals_match = false;
        edited.derive();
        assert!(edited.check().is_err());
    }
}

#[test]
fn a27_one_address_in_two_files() {
    let text = own(&["ETH,ETH,0xabcd,5"]);
    let twice = [sources(&text), sources(&text)].concat();
    let report = build_report(inputs(&[]), &twice, &mut ClaimsOnly).unwrap();
    assert_eq!(line(&report, "ETH").reserves.counted.0, 5 * 10u128.pow(18));
    let places = &report.findings[0].places;
    assert_eq!(places[..], [FindingPlace { file: 1, line: 2 }, FindingPlace { file: 2, line: 2 }]);
}

#[test]
fn a27_one_address_in_two_spellings() {
    let upper = format!("ETH,ETH,{},5", ADDRESS.to_uppercase());
    let plain = format!("ETH,ETH,{},5", ADDRESS.to_lowercase().trim_start_matches("0x"));
    let checksum = format!("ETH,ETH,{ADDRESS},5");
    for other in [&upper, &plain] {
        caught(&[&checksum, other], FindingCode::DuplicateSpelling);
    }
    let bech32 = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
    let rows = [format!("BTC,BTC,{bech32},5"), format!("BTC,BTC,{},5", bech32.to_uppercase())];
    caught(&[&rows[0], &rows[1]], FindingCode::DuplicateSpelling);
    // Another name of the network is no other network.
    caught(&["ETH,ETH,0xabcd,5", "ETH,erc20,0xabcd,5"], FindingCode::DuplicateSpelling);
    // Nor does an invented one count.
    let checked = check("own.csv", &own(&["ETH,ETH,0xabcd,5", "ETH,ETH2,0xabcd,5"]));
    assert_eq!(checked.left_out[1], Some(FindingCode::UnknownNetwork));
}

#[test]
fn a27_one_output_in_two_rows() {
    let id = "ab".repeat(32);
    let rows = [
        format!("BTC,BTC,a,5,,,,{id}:0"),
        format!("BTC,BTC,b,5,,,,{}:0", id.to_uppercase()),
        format!("BTC,BTC,a,5,,,,{id}:00"),
        format!("BTC,BTC,a,7,,,,{id}:1"),
    ];
    caught(&[&rows[0], &rows[1]], FindingCode::DuplicateOutpoint);
    caught(&[&rows[0], &rows[2]], FindingCode::DuplicateOutpoint);
    // Outputs of one address are different coins, but not beside the address as a whole.
    assert_eq!(check("own.csv", &own(&[&rows[0], &rows[3]])).left_out, [None; 2]);
    caught(&[&rows[0], "BTC,BTC,a,12"], FindingCode::DuplicateRow);
    caught(&["BTC,BTC,a,12", &rows[0]], FindingCode::DuplicateRow);
}

#[test]
fn a27_one_multisig_script_under_two_addresses() {
    let keys: String = (1..=3).map(|key| format!("2102{}", format!("{key:02x}").repeat(32))).collect();
    let script = format!("52{keys}53ae");
    let rows = [format!("BTC,BTC,a,5,,,,,{script}"), format!("BTC,BTC,b,5,,,,,{}", script.to_uppercase())];
    caught(&[&rows[0], &rows[1]], FindingCode::DuplicateScript);
    // Descriptors of the same keys behind other kinds of address; commas need quotes in CSV.
    let rows = [
        "BTC,BTC,a,5,,,,,\"sh(wsh(sortedmulti(2,k1,k2)))\"".replace(',', "\u{1}"),
        "BTC,BTC,b,5,,,,,\"wsh(sortedmulti(2,k1,k2))\"".replace(',', "\u{1}"),
    ];
    let text = own(&[]) + &rows.map(|row| row.replace('\u{1}', ",") + &format!(",100,{HASH}\n")).concat();
    assert_eq!(check("own.csv", &text).left_out[1], Some(FindingCode::DuplicateScript));
    // With another amount it may be another lot of coins.
    let other = format!("BTC,BTC,b,4,,,,,{script}");
    let first = format!("BTC,BTC,a,5,,,,,{script}");
    let checked = check("own.csv", &own(&[&first, &other]));
    assert_eq!((checked.left_out, checked.findings[0].code), (vec![None; 2], FindingCode::SharedScript));
}

#[test]
fn a27_native_coins_and_their_derivative() {
    caught(&["stETH,ETH,0xabcd,5", "ETH,ETH,0xabcd,5,staked"], FindingCode::NativeAndDerivative);
    caught(&["ETH,ETH,0xabcd,5,,restaked", "stETH,ETH,0xABCD,5"], FindingCode::NativeAndDerivative);
    caught(&["ETH,ETH,0xabcd,5,,some new word", "stETH,ETH,0xABCD,5"], FindingCode::NativeAndDerivative);
    // Elsewhere it can only be said.
    let checked = check("own.csv", &own(&["stETH,ETH,a,5", "ETH,ETH,b,5,staked", "ETH,ETH,a,1"]));
    assert_eq!(checked.left_out, [None; 3]);
    assert!(checked.codes().contains(&FindingCode::StakedAndDerivative));
    // Tagged, the native coins count for nobody.
    let text = own(&["stETH,ETH,0xabcd,5", "ETH,ETH,0xabcd,5,staked,,stETH"]);
    let report = report(&[], &text, &mut ClaimsOnly);
    let eth = &line(&report, "ETH").reserves;
    assert_eq!((eth.counted.0, eth.pool.0), (0, 5 * 10u128.pow(18)));
}

#[test]
fn a27_wrapped_coins_of_the_entity_need_a_pool() {
    let rows = ["BTC,BTC,p,9,,,XBTC", "BTC,BTC,q,1", "XBTC,ETH,w,9"];
    let build = |rows: &[&str], supply: Option<u128>| {
        let mut inputs = inputs(&[("BTC", 100_000_000), ("XBTC", 900_000_000)]);
        let supply = supply.map(|supply| WrappedSupply {
            asset: index("XBTC"),
            network: "ETH".into(),
            supply,
            proven: false,
        });
        inputs.supplies.extend(supply);
        build_report(inputs, &sources(&own(rows)), &mut ClaimsOnly).unwrap()
    };
    // The pool covers the supply: wrapped coins count, the coins behind them don't.
    let report = build(&rows, Some(900_000_000));
    assert!(report.solvent && report.wrapped[0].covered);
    assert_eq!(line(&report, "BTC").reserves.counted.0, 100_000_000);
    assert_eq!(line(&report, "BTC").reserves.pool.0, 900_000_000);
    // Too much is out there, nobody knows how much, or nothing is tagged and both sides would count.
    let untagged = ["BTC,BTC,p,9", "BTC,BTC,q,1", "XBTC,ETH,w,9"];
    for report in [build(&rows, Some(900_000_001)), build(&rows, None), build(&untagged, Some(900_000_000))] {
        assert_eq!(line(&report, "XBTC").reserves.counted.0, 0);
        assert_eq!(line(&report, "XBTC").reserves.left_out.0, 900_000_000);
        assert!(!report.solvent && !report.wrapped[0].covered);
        assert!(report.findings.iter().any(|finding| finding.code == FindingCode::UnbackedWrapped));
        assert_eq!(report.failures.rows[0].code, FindingCode::UnbackedWrapped);
    }
    // A tag that the policy doesn't know is no pool, and no reserve either.
    let checked = check("own.csv", &own(&["ETH,ETH,a,5,,,XBTC"]));
    assert_eq!(checked.left_out, [Some(FindingCode::UnknownBacking)]);
}

#[test]
fn a27_wrapped_coins_are_no_better_than_their_pool() {
    let verified = OwnershipResult::Verified { grade: OwnershipGrade::O4 };
    let mut assessor = Graded::new(&[("w", verified, &[BalanceSource::Proof])]);
    let mut inputs = inputs(&[("XBTC", 1)]);
    let supply = |proven| WrappedSupply { asset: index("XBTC"), network: "ETH".into(), supply: 5, proven };
    inputs.supplies.push(supply(true));
    let text = own(&["BTC,BTC,p,9,,,XBTC", "XBTC,ETH,w,9"]);
    let report = build_report(inputs.clone(), &sources(&text), &mut assessor).unwrap();
    assert!(line(&report, "XBTC").solvent && !line(&report, "XBTC").solvent_verified);
    // With a verified pool they are verified too, if the supply isn't the entity's word alone.
    let proof = [BalanceSource::Proof];
    let mut assessor = Graded::new(&[("w", verified, &proof), ("p", verified, &proof)]);
    let report = build_report(inputs.clone(), &sources(&text), &mut assessor).unwrap();
    assert!(line(&report, "XBTC").solvent_verified);
    inputs.supplies = vec![supply(false)];
    let report = build_report(inputs, &sources(&text), &mut assessor).unwrap();
    assert!(line(&report, "XBTC").solvent && !line(&report, "XBTC").solvent_verified);
}

#[test]
fn a21_unbound_and_invalid_signatures_verify_nothing() {
    let text = own(&["BTC,BTC,a,1", "BTC,BTC,b,1", "BTC,BTC,c,1", "BTC,BTC,d,1"]);
    let proof = [BalanceSource::Proof];
    let mut assessor = Graded::new(&[
        ("a", OwnershipResult::Unbound, &proof),
        ("b", OwnershipResult::Invalid, &proof),
        ("c", OwnershipResult::Unsupported, &proof),
        ("d", OwnershipResult::Verified { grade: OwnershipGrade::O1 }, &proof),
    ]);
    let report = report(&[("BTC", 1)], &text, &mut assessor);
    let reserves = &line(&report, "BTC").reserves;
    assert_eq!((reserves.counted.0, reserves.verified.0), (400_000_000, 0));
    assert_eq!(reserves.by_ownership.O0.0, 300_000_000);
    assert!(report.solvent && !report.solvent_verified);
    assert_eq!(report.failures.count, 1);
    assert_eq!(report.failures.rows[0].code, FindingCode::OwnershipInvalid);
    let codes: Vec<_> = report.findings.iter().map(|finding| finding.code).collect();
    assert!(codes.contains(&FindingCode::OwnershipUnbound));
}

#[test]
fn a26_rounding_is_against_the_exchange() {
    let text = own(&["BTC,BTC,a,0.999999999"]);
    assert!(reader("own.csv", &text).unwrap().next_row().is_err());
    let mut inputs = inputs(&[("BTC", 100_000_000)]);
    inputs.options.rounding = Rounding::Down;
    let report = build_report(inputs, &sources(&text), &mut ClaimsOnly).unwrap();
    let btc = line(&report, "BTC");
    assert_eq!(btc.reserves.counted.0, 99_999_999);
    assert_eq!((btc.ratio_ppm, btc.solvent), (Some(Units(999_999)), false));
    assert_eq!(report.files[0].rounded, 1);
    assert!(report.findings.iter().any(|finding| finding.code == FindingCode::RoundedDown));
    assert!(report.not_proven.iter().any(|line| line.code == Unproven::RoundedFigures));
}

#[test]
fn a5_no_asset_makes_up_for_another() {
    let text = own(&["XT,ETH,a,1000000000"]);
    let report = report(&[("BTC", 1), ("XT", 1)], &text, &mut ClaimsOnly);
    let btc = line(&report, "BTC");
    assert_eq!((btc.ratio_ppm, btc.solvent), (Some(Units(0)), false));
    assert!(line(&report, "XT").solvent && !report.solvent);
}

#[test]
fn a25_html_and_markdown_from_files_are_inert() {
    let evil = "<script>alert(1)</script>";
    let image = "\"><img src=x onerror=alert(1)>";
    let rows = [
        format!("BTC,{evil},a,1"),
        format!("BTC,BTC,{evil},1"),
        format!("BTC,BTC,{evil},1"),
        "BTC,BTC,[x](javascript:alert(1))|`y`,1".to_owned(),
        "BTC,BTC,[x](javascript:alert(1))|`y`,1".to_owned(),
        format!("BTC,BTC,b,1,{evil}"),
        "BTC,BTC,c,1,www.example.com".to_owned(),
        "BTC,BTC,c,1,a@example.com".to_owned(),
    ];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let mut inputs = inputs(&[("BTC", 1)]);
    inputs.liabilities.anchors = vec![Anchor { place: image.into(), reference: "&\u{202e}'\n# x".into() }];
    inputs.liabilities.exclusions = vec![Exclusion { what: "</td>".into(), reason: "a|b\n\n* c".into() }];
    let report = build_report(inputs, &sources(&own(&rows)), &mut ClaimsOnly).unwrap();
    let html = report.to_html();
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    for wrong in ["<script", "<img", "</td></td>", "'\n", "\u{202e}", "javascript:alert(1)\""] {
        assert!(!html.contains(wrong), "{wrong}");
    }
    // Only the tags that we write, none of which loads or runs anything.
    let tags: std::collections::BTreeSet<&str> = html
        .split('<')
        .skip(1)
        .map(|rest| rest.split([' ', '>']).next().unwrap().trim_start_matches('/'))
        .collect();
    let known = [
        "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "div",
        "table", "caption", "thead", "tbody", "tr", "th", "td", "ul", "li", "code",
    ];
    assert!(tags.iter().all(|tag| known.contains(tag)), "{tags:?}");
    for tag in known.iter().filter(|tag| !["!DOCTYPE", "meta"].contains(tag)) {
        let opened = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    assert!(html.contains("<html lang=\"en\">") && html.contains("prefers-color-scheme:dark"));
    assert!(html.contains("<caption>") && html.contains("scope=\"col\"") && html.contains("scope=\"row\""));

    let markdown = report.to_markdown();
    assert!(!markdown.contains("<script") && !markdown.replace("\\]", "").contains("]("));
    assert!(!markdown.contains("www.example") && !markdown.contains("a@example"));
    assert!(markdown.contains("\\[x\\](javascript&#58;alert(1))\\|\\`y\\`"));
    // Texts don't leave their line: every line of a table has as many bars as its header.
    for table in markdown.split("\n\n").filter(|block| block.starts_with('|')) {
        let bars = |line: &str| line.replace("\\|", "").matches('|').count();
        let lines: Vec<_> = table.lines().collect();
        assert!(lines.iter().all(|line| bars(line) == bars(lines[0])), "{table}");
    }
}

#[test]
fn a17_prices_decide_no_solvency() {
    let text = own(&["BTC,BTC,a,1", "NOPRICE,ETH,a,4"]);
    let build = |mantissa: Option<u64>| {
        let mut inputs = inputs(&[("BTC", 100_000_001), ("NOPRICE", 4)]);
        let mut assets = inputs.assets.assets().to_vec();
        for asset in &mut assets {
            asset.price = mantissa.map(|mantissa| Price { mantissa, scale: 0 });
        }
        inputs.assets = Arc::new(AssetTable::new(assets).unwrap());
        build_report(inputs, &sources(&text), &mut ClaimsOnly).unwrap()
    };
    let reports = [build(None), build(Some(0)), build(Some(1)), build(Some(100_000_000))];
    for report in &reports {
        assert_eq!(report.assets, reports[0].assets);
        assert!(!report.solvent && line(report, "NOPRICE").solvent);
        assert!(report.not_proven.iter().any(|line| line.code == Unproven::Prices));
    }
    // Without prices there are no shares, rather than wrong ones.
    assert_eq!((reports[0].quality.haircut_ratio_ppm, reports[0].quality.staked_ppm), (None, None));
    assert_eq!(reports[0].quality.unpriced, ["BTC", "NOPRICE"]);
}

#[test]
fn a25_names_from_files_do_not_fill_the_memory() {
    let long = "n".repeat(1_000);
    let rows: Vec<String> = (0..3_000).map(|row| format!("BTC,{row}{long},a{row},1,{row}{long}")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let json = report(&[], &own(&rows), &mut ClaimsOnly).to_json().unwrap();
    assert!(json.len() < 1 << 20, "{}", json.len());
}

#[test]
fn a28_a_report_of_another_epoch_is_refused() {
    let text = own(&["BTC,BTC,a,1"]);
    let json = report(&[("BTC", 1)], &text, &mut ClaimsOnly).to_json().unwrap();
    let mut later = inputs(&[("BTC", 1)]);
    later.epoch = Epoch::new("2027-q1", 1_806_451_200).unwrap();
    assert!(verify_report(&json, later, &sources(&text), &mut ClaimsOnly).is_err());
    let mut other = inputs(&[("BTC", 1)]);
    other.entity = Entity::new("example.net").unwrap();
    assert!(verify_report(&json, other, &sources(&text), &mut ClaimsOnly).is_err());
}

#[test]
fn a10_sums_that_do_not_fit_are_errors() {
    let most = "340282366920938463463374607431768211455";
    let text = own(&[&format!("NOPRICE,ETH,a,{most}"), &format!("NOPRICE,ETH,b,{most}")]);
    let error = build_report(inputs(&[]), &sources(&text), &mut ClaimsOnly).unwrap_err();
    assert!(matches!(error, ReserveError::Overflow { .. }), "{error}");
    // The largest amount alone is fine, and a ratio of it doesn't overflow.
    let report = report(&[("NOPRICE", 1)], &own(&[&format!("NOPRICE,ETH,a,{most}")]), &mut ClaimsOnly);
    assert_eq!(line(&report, "NOPRICE").ratio_ppm, Some(Units(u128::MAX)));
    // A value that doesn't fit isn't zero.
    let text = own(&["BTC,BTC,a,3402823669209384634633746074317"]);
    assert!(build_report(inputs(&[]), &sources(&text), &mut ClaimsOnly).is_err());
}
