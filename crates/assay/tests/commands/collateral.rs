//! Debt and collateral from files of the field to receipts, through the command line alone.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::exchange::{Exchange, SNAPSHOT, another, answer, arguments, assay, command, mode};

/// Rows of which the first three are wrong: more pledged than held, debt above its cover, debt without collateral.
const WIDE: &str = concat!(
    "rn,id,e_BTC,d_BTC,BTC,vl_BTC,m_BTC,pm_BTC,e_USDT,d_USDT,USDT,vl_USDT,m_USDT,pm_USDT,total_net_balance_usdt\n",
    "1,aaaaaa1,1,0,1,0.6,0.5,0,0,0,0,0,0,0,50000\n",
    "2,aaaaaa2,1,0,1,1,0,0,0,25000.01,-25000.01,0,0,0,24999.99\n",
    "3,aaaaaa3,0,0.00000001,-0.00000001,0,0,0,1000,0,1000,0,0,0,999.99\n",
    "4,bbbbbb1,1,0,1,1,0,0,0,24999.98,-24999.98,0,0,0,25000.02\n",
    "5,bbbbbb2,2,0,2,0,0,0,5,0,5,0,0,0,100005\n",
    "6,bbbbbb3,0,0,0,0,0,0,0,0,0,0,0,0,0\n",
);

const TIERS: &str = concat!(
    "symbol,usdt_price,loan_tiers_ratio,margin_tiers_ratio,portfolio_tiers_ratio\n",
    "BTC,50000,\"[0-1000000:50]\",\"[0-1000000:50]\",\"\"\n",
    "USDT,1,\"[0-10000:100,10000-1000000:90]\",\"\",\"\"\n",
);

/// The wide file and the asset table that its file of tiers makes.
fn wide() -> Exchange {
    let exchange = Exchange::with_rows("");
    fs::write(&exchange.ledger, WIDE).unwrap();
    let tiers = exchange.path("tiers.csv");
    fs::write(&tiers, TIERS).unwrap();
    assay(arguments!["assets", "import", &tiers, "--decimals", "8", "--out", &exchange.assets]).is(0);
    exchange
}

/// A5: each invalid row is named, by rule and amount, and none is proven.
#[test]
fn a5_invalid_first_rows_of_a_wide_file() {
    let exchange = wide();
    let check = |more: &[&str]| {
        let arguments = arguments!["check", &exchange.ledger, "--assets", &exchange.assets];
        answer(command().args(arguments).args(more))
    };
    let said = check(&["--json", "--show-accounts"]).is(1).json();
    assert_eq!((&said["problem_count"], &said["invalid_accounts"]), (&json!(3), &json!(3)));
    for (problem, (place, account, text)) in said["problems"].as_array().unwrap().iter().zip([
        ("line 2", "aaaaaa1", "breaks the rule collateral_exceeds_equity in BTC by 0.1"),
        ("line 3", "aaaaaa2", "breaks the rule debt_uncovered by 0.01"),
        ("line 4", "aaaaaa3", "breaks the rule debt_uncovered by 0.0005"),
    ]) {
        assert_eq!((&problem["place"], &problem["account"]), (&json!(place), &json!(account)));
        let said = problem["problem"].as_str().unwrap();
        assert!(said.starts_with(text), "{said}");
    }
    // Without being asked, neither accounts nor amounts.
    let text = check(&[]).is(1).stdout;
    assert!(
        text.contains("line 2, account aa…: breaks the rule collateral_exceeds_equity in BTC\n"),
        "{text}"
    );
    assert!(!text.contains("aaaaaa") && !text.contains("by 0"), "{text}");

    let refused = exchange.prove().is(3);
    assert!(refused.stderr.contains("line 2, account aa…: breaks the rule collateral_exceeds_equity in BTC"));
    assert!(!exchange.bundle.exists() && !exchange.totals.exists());
}

/// The invalid rows are left out only where that is asked for, listed for the exchange and counted for everybody.
#[test]
fn a5_exclusions_are_listed_and_counted() {
    let exchange = wide();
    let list = exchange.path("excluded.csv");
    let mut prove = exchange.prove_into(&exchange.out);
    prove.args(SNAPSHOT).arg("--json").arg("--exclude-invalid").arg(&list);
    let said = answer(&mut prove).is(0).json();
    assert_eq!((&said["accounts"], &said["excluded"]["accounts"]), (&json!(3), &json!(3)));
    let total = |totals: &Value, asset: &str, kind: &str| -> Value {
        let of = |row: &&Value| row["asset"] == asset && row["kind"] == kind;
        totals.as_array().unwrap().iter().find(of).map_or(Value::Null, |row| row["total"].clone())
    };
    let excluded = &said["excluded"]["totals"];
    assert_eq!(total(excluded, "BTC", "equity"), "200000000");
    assert_eq!(total(excluded, "USDT", "debt"), "2500001000000");
    assert_eq!(total(excluded, "BTC", "debt"), "1");
    assert_eq!(total(&said["totals"], "BTC", "equity"), "300000000");
    assert_eq!(total(&said["totals"], "USDT", "debt"), "2499998000000");
    let rows = fs::read_to_string(&list).unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[..2], ["uid,rule,asset,product,by", "aaaaaa1,collateral_exceeds_equity,BTC,,0.1"]);
    assert!(rows[2].starts_with("aaaaaa2,debt_uncovered,,,0.01"), "{}", rows[2]);
    assert!(rows[3].starts_with("aaaaaa3,debt_uncovered,,,0.0005"), "{}", rows[3]);
    #[cfg(unix)]
    assert_eq!(mode(&list), 0o600);
    answer(&mut exchange.receipt("aaaaaa2")).is(1);
    answer(&mut exchange.receipt("bbbbbb1")).is(0);
}

/// Reserves that cover what the valid rows of the wide file are owed.
const RESERVES: &str = "asset,network,address,amount,height\nBTC,NET,a1,3,7\nUSDT,NET,a2,5,7\n";

/// Reserves that cover its other rows too.
const ALL_RESERVES: &str = "asset,network,address,amount,height\nBTC,NET,a1,5,7\nUSDT,NET,a2,1005,7\n";

const POLICY: &str = concat!(
    "version = 1\nminimum_ownership = \"O0\"\nminimum_evidence = \"L0\"\n",
    "[[network]]\nname = \"NET\"\nconfirmations = 1\n",
);

/// What was left out is in the report by number, asset and kind, and names nobody.
#[test]
fn a5_a_report_says_what_was_left_out() {
    let exchange = wide();
    let public = exchange.out.join("excluded.json");
    let prove = |list: &Path| {
        let mut prove = exchange.prove_into(&exchange.out);
        prove.args(SNAPSHOT).arg("--json").arg("--exclude-invalid").arg(list);
        answer(&mut prove)
    };
    // The public file would take the place of the private one.
    assert!(prove(&public).is(2).stderr.contains("private and public"));
    let said = prove(&exchange.path("list.csv")).is(0).json();
    let root = said["root"].as_str().unwrap();
    assert_eq!(said["excluded"]["file"].as_str().map(Path::new), Some(public.as_path()));
    let text = fs::read_to_string(&public).unwrap();
    assert!(["aaaaaa", "bbbbbb"].iter().all(|uid| !text.contains(uid)), "{text}");
    #[cfg(unix)]
    assert_eq!(mode(&public), 0o644);
    let total = |asset: &str, kind: &str, total: &str| json!({"asset": asset, "decimals": 8, "kind": kind, "total": total});
    let totals = json!([
        total("BTC", "equity", "200000000"),
        total("BTC", "debt", "1"),
        total("BTC", "collateral_loan", "160000000"),
        total("BTC", "collateral_margin", "50000000"),
        total("USDT", "equity", "100000000000"),
        total("USDT", "debt", "2500001000000"),
    ]);
    let file: Value = serde_json::from_str(&text).unwrap();
    let expected = json!({
        "format": "assay-excluded", "version": 1, "entity": "exchange.example", "epoch": "2026-q3",
        "time": 1_790_726_400, "root": root, "accounts": 3, "totals": totals,
    });
    assert_eq!(file, expected);

    let (reserves, policy) = (exchange.path("reserves.csv"), exchange.path("policy.toml"));
    fs::write(&reserves, RESERVES).unwrap();
    fs::write(&policy, POLICY).unwrap();
    let run = |what: &[&OsStr], excluded: Option<&Path>| {
        let mut command = command();
        command.args(what).arg("--proof").arg(&exchange.bundle).args(SNAPSHOT).args(["--root", root]);
        command.arg("--assets").arg(&exchange.assets).arg("--reserves").arg(&reserves);
        command.arg("--policy").arg(&policy);
        excluded.into_iter().for_each(|path| {
            command.arg("--excluded").arg(path);
        });
        answer(&mut command)
    };
    let make = |out: &Path, excluded: Option<&Path>| {
        run(&["report".as_ref(), "--out".as_ref(), out.as_ref()], excluded)
    };
    let read = |out: &Path, name: &str| fs::read_to_string(out.join(name)).unwrap();
    let (with, without) = (exchange.path("with"), exchange.path("without"));
    // Who was left out is owed too.
    make(&without, None).is(0);
    make(&with, Some(&public)).is(0);
    run(&["verify-report".as_ref(), with.join("report.json").as_ref()], Some(&public)).is(1);
    let short: Value = serde_json::from_str(&read(&with, "report.json")).unwrap();
    assert_eq!((&short["solvent"], &short["assets"][0]["solvent"]), (&json!(false), &json!(false)));
    fs::write(&reserves, ALL_RESERVES).unwrap();
    make(&without, None).is(0);
    make(&with, Some(&public)).is(0);
    let report: Value = serde_json::from_str(&read(&with, "report.json")).unwrap();
    assert_eq!(report["liabilities"]["excluded"], json!({"accounts": 3, "totals": totals}));
    let open = |report: &Value| {
        report["not_proven"].as_array().unwrap().iter().any(|line| line["code"] == "exclusions")
    };
    assert!(open(&report));
    let markdown = read(&with, "report.md");
    assert!(markdown.contains("Accounts below water that the entity left out&#58; 3"), "{markdown}");
    assert!(markdown.contains("| collateral\\_loan | 1.6 |"), "{markdown}");
    assert!(read(&with, "report.html").contains("Left out of the statement"));
    let report: Value = serde_json::from_str(&read(&without, "report.json")).unwrap();
    assert_eq!(report["liabilities"]["excluded"], Value::Null);
    assert!(!open(&report));

    // It is the entity's word, so the report's is taken where the verifier has no file; one that differs is rejected.
    let check = |out: &Path, excluded: Option<&Path>| {
        run(&["verify-report".as_ref(), out.join("report.json").as_ref()], excluded)
    };
    check(&with, Some(&public)).is(0);
    check(&with, None).is(0);
    assert!(check(&without, Some(&public)).is(1).stderr.contains("liabilities.excluded"));
    let changed = exchange.path("changed.json");
    let change = |from: &str, to: &str| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        fs::write(&changed, text.replace(from, to)).unwrap();
    };
    change("\"200000000\"", "\"200000001\"");
    assert!(check(&with, Some(&changed)).is(1).stderr.contains("liabilities.excluded"));

    // Files that can't be read, and files about another statement.
    let other_root = another(root);
    for (from, to, code, why) in [
        ("\"version\": 1", "\"version\": 2", 3, "version 1"),
        ("assay-excluded", "assay-totals", 3, "not of the format"),
        ("\"version\": 1", "\"version\": 1, \"uid\": \"x\"", 3, "unknown field"),
        ("\"accounts\": 3", "\"accounts\": -3", 3, "line 8"),
        ("\"accounts\": 3", "\"accounts\": 0", 3, "number of accounts"),
        ("\"200000000\"", "\"0200000000\"", 3, "not canonical"),
        ("\"200000000\"", "\"-200000000\"", 3, "not an integer"),
        ("\"200000000\"", "200000000", 3, "invalid type"),
        (
            "\"collateral_loan\"",
            "\"collateral_none\"",
            3,
            "total 3 of what was left out: the asset table has no such kind",
        ),
        ("\"collateral_loan\"", "\"equity\"", 3, "total 3 of what was left out: twice, or out of order"),
        (root, &other_root, 1, "another root"),
        ("exchange.example", "other.example", 1, "another entity"),
        ("2026-q3", "2026-q2", 1, "another epoch"),
    ] {
        change(from, to);
        let out = exchange.path("refused");
        let refused = make(&out, Some(&changed)).is(code);
        assert!(
            refused.stderr.contains("changed.json: ") && refused.stderr.contains(why),
            "{}",
            refused.stderr
        );
        assert!(!out.exists());
    }
    for (from, to, why) in [
        ("\"BTC\"", "\"XBT\"", "total 1 of what was left out: the asset table has no such asset"),
        (
            "\"decimals\": 8",
            "\"decimals\": 2",
            "total 1 of what was left out: the asset table has other decimals",
        ),
    ] {
        fs::write(&changed, text.replace(from, to)).unwrap();
        let refused = check(&with, Some(&changed)).is(3);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
}

/// Assets without decimals, so that values are exact; margin has a debt kind of its own.
const PRODUCTS: &str = r#"version = 1

[[product]]
name = "loan"
collateral = 2

[[product]]
name = "margin"
collateral = 3
debt = 5

[[asset]]
symbol = "BTC"
decimals = 0
price = "50000"
haircuts = [
    { kind = "collateral_loan", tiers = [{ up_to = 10000, percent = 90 }, { up_to = 1000000, percent = 50 }] },
    { kind = "collateral_margin", tiers = [{ up_to = 1000000, percent = 80 }] },
]

[[asset]]
symbol = "ETH"
decimals = 0
price = "3000.5"

[[asset]]
symbol = "USDT"
decimals = 0
price = "1"
"#;

const ALICE: &str = concat!(
    "alice@example.org,BTC,equity,5\n",
    "alice@example.org,BTC,collateral_loan,1\n",
    "alice@example.org,BTC,collateral_margin,2\n",
    "alice@example.org,ETH,debt_margin,4\n",
    "alice@example.org,ETH,equity,7\n",
    "alice@example.org,USDT,debt,150\n",
    "bob@example.org,USDT,equity,1\n",
    "carol@example.org,,,\n",
);

#[test]
fn receipts_say_product_by_product_what_is_held_owed_and_pledged() {
    let exchange = Exchange::with_rows(ALICE);
    fs::write(&exchange.assets, PRODUCTS).unwrap();
    let root = exchange.prove().is(0).json()["root"].as_str().unwrap().to_owned();
    let path = exchange.path("receipt.json");
    let receipt = |uid: &str, more: &[&str]| {
        let mut receipt = exchange.receipt(uid);
        answer(receipt.arg("--assets").arg(&exchange.assets).arg("--out").arg(&path).args(more))
    };
    let holdings = json!({
        "equity": [{"asset": "BTC", "amount": "5", "pledged": "3"}, {"asset": "ETH", "amount": "7"}],
        "products": [
            {
                "product": "loan", "debt": [],
                "collateral": [
                    {"asset": "BTC", "amount": "1", "price": "50000", "value": "50000", "counts": "29000"},
                ],
                "debt_value": "0", "collateral_counts": "29000", "covered": null,
            },
            {
                "product": "margin",
                "debt": [{"asset": "ETH", "amount": "4", "price": "3000.5", "value": "12002"}],
                "collateral": [
                    {"asset": "BTC", "amount": "2", "price": "50000", "value": "100000", "counts": "80000"},
                ],
                "debt_value": "12002", "collateral_counts": "80000", "covered": true,
            },
        ],
        "debt": [{"asset": "USDT", "amount": "150", "price": "1", "value": "150"}],
        "debt_value": "12152", "collateral_counts": "109000", "covered": true, "breaks": [],
    });
    assert_eq!(receipt("alice@example.org", &["--json"]).is(0).json()["holdings"], holdings);
    let verify = |assets: &std::path::Path| {
        let mut verify = command();
        verify.arg("verify-receipt").arg(&path).args(["--uid", "alice@example.org", "--root", &root]);
        verify.args(["--entity", "exchange.example"]).arg("--assets").arg(assets);
        verify
    };
    let said = answer(verify(&exchange.assets).arg("--json")).is(0).json();
    assert_eq!(said["holdings"], holdings);
    assert_eq!(said["entries"].as_array().unwrap().len(), 6);
    let texts =
        [receipt("alice@example.org", &[]).is(0).stdout, answer(&mut verify(&exchange.assets)).is(0).stdout];
    for text in texts {
        let squeezed = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "equity what is owed to you BTC 5 of which 3 pledged ETH 7",
            "loan what you pledged for it BTC 1 at 50000 worth 50000, counts 29000",
            "margin what you owe under it ETH 4 at 3000.5 worth 12002",
            "margin you owe 12002, what you pledged counts 80000: covered",
            "debt what you owe, under no product in particular USDT 150 at 1 worth 150",
            "in all you owe 12152, and what you pledged counts 109000 covered yes",
        ] {
            assert!(squeezed.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("alice"));
    }
    // Equity alone has no word of debt, and nothing at all is said to be nothing.
    let bob = receipt("bob@example.org", &[]).is(0).stdout;
    assert!(bob.contains("USDT") && !bob.contains("covered"), "{bob}");
    assert!(receipt("carol@example.org", &[]).is(0).stdout.contains("without positions"));

    // A17: other prices are another asset table, which neither the receipt nor the totals file is for.
    receipt("alice@example.org", &[]).is(0);
    let other = exchange.path("other.toml");
    fs::write(&other, PRODUCTS.replace("\"50000\"", "\"60000\"")).unwrap();
    answer(&mut verify(&other)).is(1);
    let refused = answer(verify(&other).arg("--totals").arg(&exchange.totals)).is(1);
    assert!(refused.stderr.contains("other.toml: not the asset table"), "{}", refused.stderr);
    let before = fs::read(&path).unwrap();
    let mut bobs = exchange.receipt("bob@example.org");
    answer(bobs.arg("--assets").arg(&other).arg("--out").arg(&path)).is(1);
    assert!(fs::read(&path).unwrap() == before, "a receipt was written");
    // What goes to standard output is the receipt and nothing else.
    answer(exchange.receipt("bob@example.org").arg("--assets").arg(&exchange.assets)).is(2);
}

/// A3: no more can be owed of an asset than exists. The prover ends with it too, though it protects no one.
#[test]
fn a3_more_than_the_supply_cap() {
    let exchange = Exchange::with_rows("alice@example.org,BTC,equity,4\nbob@example.org,BTC,equity,0.01\n");
    let table = fs::read_to_string(&exchange.assets).unwrap();
    let capped = |cap: u32| {
        let row = format!("decimals = 2\nsupply_cap = {cap}");
        fs::write(&exchange.assets, table.replacen("decimals = 2", &row, 1)).unwrap();
    };
    capped(4);
    let refused = exchange.prove().is(3);
    assert!(
        refused.stderr.contains("more equity than the asset table's supply cap: BTC"),
        "{}",
        refused.stderr
    );
    assert!(!exchange.bundle.exists());
    capped(5);
    let out = exchange.path("again");
    answer(exchange.prove_into(&out).args(SNAPSHOT)).is(0);
    let said = answer(exchange.verify(&out.join("bundle.assay")).arg("--json")).is(0).json();
    assert_eq!(said["supply_caps_not_checked"], json!([]));
}

/// An account with more positions than a proof can take is named before anything is proven.
#[test]
fn an_account_that_no_proof_can_take() {
    let exchange = Exchange::with_rows("");
    let mut table = String::from("version = 1\n");
    let mut rows = String::from("uid,asset,kind,amount\nalice@example.org,A000,equity,1\n");
    for number in 0..896 {
        table += &format!("[[asset]]\nsymbol = \"A{number:03}\"\ndecimals = 0\n");
        rows += &format!("whale@example.org,A{number:03},equity,1\n");
    }
    fs::write(&exchange.assets, table).unwrap();
    fs::write(&exchange.ledger, &rows).unwrap();
    let check = || assay(arguments!["check", &exchange.ledger, "--assets", &exchange.assets, "--json"]);
    let said = check().is(1).json();
    assert_eq!((&said["problem_count"], &said["accounts"]), (&json!(1), &json!(1)));
    let problem = &said["problems"][0];
    assert_eq!((&problem["place"], &problem["account"]), (&json!("line 3"), &json!("wh…")));
    assert_eq!(problem["problem"], "896 positions, more than the 895 that a proof holds of one account");
    assert!(exchange.prove().is(3).stderr.contains("account wh…: 896 positions"));
    fs::write(&exchange.ledger, rows.replace("whale@example.org,A895,equity,1\n", "")).unwrap();
    check().is(0);
}
