use std::fs;

use serde_json::{Value, json};

use crate::exchange::{Exchange, SNAPSHOT, answer, arguments, assay, command};

/// Observations for the assets BTC and ETH; of ETH too few for a verified price.
const PRICES: &str = r#"version = 1
time = 2026-09-30T00:00:00Z

[[price]]
asset = "BTC"
observations = [
    { source = "a.example", time = 2026-09-29T23:59:58Z, price = "64000.5" },
    { source = "b.example", time = 2026-09-30T00:00:01Z, price = "63998" },
    { source = "c.example", time = 2026-09-30T00:00:00Z, price = "64010.25" },
]

[[price]]
asset = "ETH"
observations = [{ source = "a.example", time = 2026-09-30T00:00:00Z, price = "3000" }]
"#;

const ROWS: &str = "alice@example.org,BTC,equity,1\nbob@example.org,ETH,equity,2.5\n";

/// An exchange whose asset table is priced by `text`.
fn priced(rows: &str, text: &str) -> (Exchange, Value) {
    let mut exchange = Exchange::with_rows(rows);
    let prices = exchange.path("prices.toml");
    fs::write(&prices, text).unwrap();
    let out = exchange.path("priced.toml");
    let arguments = arguments!["assets", "price", &exchange.assets, &prices, "--out", &out, "--json"];
    let said = assay(arguments).is(0).json();
    exchange.assets = out;
    (exchange, said)
}

#[test]
fn prices_with_what_they_rest_on() {
    let (exchange, said) = priced(ROWS, PRICES);
    let file = said["file"].as_str().unwrap();
    let btc = json!({
        "asset": "BTC", "price": "64000.5", "grade": "verified", "method": "median", "sources": 3,
        "oldest": 1_790_726_398, "newest": 1_790_726_401, "deviation_ppm": 153, "file": file,
    });
    assert_eq!(said["prices"][0], btc);
    assert_eq!(
        (&said["prices"][1]["price"], &said["prices"][1]["grade"]),
        (&json!("3000"), &json!("unverified"))
    );
    let show = |more: &[&str]| {
        answer(command().args(arguments!["assets", "show", &exchange.assets, "--json"]).args(more))
            .is(0)
            .json()
    };
    assert_eq!(show(&[])["asset_table"], said["asset_table"]);
    assert_eq!(show(&[])["prices"], said["prices"]);
    // An hour later the same prices are too old.
    assert_eq!(show(&["--time", "2026-09-30T00:59:00Z"])["prices"][0]["grade"], "verified");
    assert_eq!(show(&["--time", "2026-09-30T01:00:01Z"])["prices"][0]["grade"], "unverified");
    let text = assay(arguments!["assets", "show", &exchange.assets]).is(0).stdout;
    assert!(text.contains("1 verified, 1 unverified"), "{text}");
    assert!(text.contains("median of 3 sources at 1790726398 to 1790726401 s, within 153 ppm"), "{text}");
}

/// A17: whoever has the price file sees whether prices and grades come out of it.
#[test]
fn a17_prices_that_the_price_file_does_not_give() {
    let (exchange, said) = priced(ROWS, PRICES);
    let prices = exchange.path("prices.toml");
    let verify = || assay(arguments!["assets", "verify-prices", &exchange.assets, &prices, "--json"]);
    assert_eq!(verify().is(0).json()["file"], said["file"]);
    let honest = fs::read_to_string(&exchange.assets).unwrap();
    for (from, to) in [
        ("64000.5", "64000.6"),
        ("deviation_ppm = 153", "deviation_ppm = 152"),
        ("sources = 3", "sources = 4"),
        ("oldest = 1790726398", "oldest = 1790726399"),
    ] {
        fs::write(&exchange.assets, honest.replacen(from, to, 1)).unwrap();
        let refused = verify().is(1).json();
        assert!(refused["message"].as_str().unwrap().ends_with("the asset table has: BTC"), "{refused}");
    }
    // A grade that its own figures don't allow makes no table.
    fs::write(&exchange.assets, honest.replacen("grade = \"unverified\"", "grade = \"verified\"", 1))
        .unwrap();
    verify().is(3);
    // Another file, of the same figures even.
    fs::write(&exchange.assets, honest).unwrap();
    fs::write(&prices, PRICES.replace("\n\n", "\n")).unwrap();
    verify().is(1);
}

/// A17: a record that names a price file in which the asset doesn't occur.
#[test]
fn a17_a_record_borrowed_from_another_asset() {
    let (alone, _) = PRICES.rsplit_once("\n[[price]]").unwrap();
    let (exchange, _) = priced(ROWS, alone);
    let verify =
        || assay(arguments!["assets", "verify-prices", &exchange.assets, exchange.path("prices.toml")]);
    verify().is(0);
    let honest = fs::read_to_string(&exchange.assets).unwrap();
    let record = honest.lines().find(|line| line.starts_with("price_record")).unwrap();
    let borrowed = honest.replacen("price = \"1\"\n", &format!("price = \"1\"\n{record}\n"), 1);
    assert_ne!(borrowed, honest);
    fs::write(&exchange.assets, borrowed).unwrap();
    assert!(verify().is(1).stderr.contains("the asset table has: ETH"));
}

/// A25: a price file that is wrong is named with line, asset and field, and nothing is written.
#[test]
fn a25_wrong_price_files() {
    let exchange = Exchange::with_rows(ROWS);
    let (prices, out) = (exchange.path("prices.toml"), exchange.path("priced.toml"));
    for (from, to, error) in [
        ("\"ETH\"", "\"DOGE\"", "prices.toml: line 13: DOGE: not in the asset table"),
        ("\"b.example\"", "\"a.example\"", "line 8: BTC: observations: two observations of a.example"),
        ("\"63998\"", "\"6e4\"", "line 8: BTC: b.example: price: "),
        ("time = 2026-09-30T00:00:00Z\n", "", "missing field `time`"),
        (
            "version = 1",
            "version = 1\nlimits = { min_sources = 3 }",
            "ETH: observations: 1 sources, fewer than",
        ),
    ] {
        fs::write(&prices, PRICES.replacen(from, to, 1)).unwrap();
        let refused = assay(arguments!["assets", "price", &exchange.assets, &prices, "--out", &out]).is(3);
        assert!(refused.stderr.contains(error), "{}", refused.stderr);
        assert!(!out.exists());
    }
    assay(arguments!["assets", "price", &exchange.assets, exchange.path("none"), "--out", &out]).is(4);
}

/// A17: prices change no total and no proof that is about kinds; the verifier sees what they rest on, for the snapshot's time.
#[test]
fn a17_totals_in_kind_do_not_depend_on_prices() {
    let (first, _) = priced(ROWS, PRICES);
    let (second, _) =
        priced(ROWS, &PRICES.replace("64000.5", "1").replace("63998", "1").replace("64010.25", "1"));
    let outcomes = [&first, &second].map(|exchange| exchange.prove().is(0).json());
    let [one, other] = &outcomes;
    assert_eq!(one["totals"], other["totals"]);
    assert_ne!(one["asset_table"], other["asset_table"]);
    assert_eq!((&one["prices"][0]["price"], &other["prices"][0]["price"]), (&json!("64000.5"), &json!("1")));
    let verified = answer(first.verify(&first.bundle).arg("--json")).is(0).json();
    assert_eq!(verified["totals"], one["totals"]);
    assert_eq!(verified["prices"], one["prices"]);
    let text = answer(&mut first.verify(&first.bundle)).is(0).stdout;
    assert!(text.contains("1 verified, 1 unverified, 0 assets without; no total depends on one"), "{text}");
    // Neither prices nor what they rest on can be other ones than those of the proof.
    answer(second.verify(&first.bundle).args(["--json"])).is(1);
    let totals = fs::read_to_string(&first.totals).unwrap();
    assert!(totals.contains("\"deviation_ppm\": 153"));
    fs::write(&first.totals, totals.replace("\"deviation_ppm\": 153", "\"deviation_ppm\": 1")).unwrap();
    let mut verify = command();
    verify.arg("verify").arg(&first.bundle).arg("--totals").arg(&first.totals).args(SNAPSHOT);
    answer(&mut verify).is(3);
}

/// The file of tiers beside a wide ledger as an asset table.
#[test]
fn tiers_of_a_wide_ledger() {
    let exchange = Exchange::with_rows("");
    let (tiers, out) = (exchange.path("tiers.csv"), exchange.path("imported.toml"));
    let text = concat!(
        "symbol,usdt_price,loan_tiers_ratio,margin_tiers_ratio,portfolio_tiers_ratio\n",
        "BTC,50000,\"[0-1000000:50]\",\"[0-1000000:50]\",\"\"\n",
        "USDT,1,\"[0-1000000:100]\",,\n",
    );
    fs::write(&tiers, text).unwrap();
    let import = || assay(arguments!["assets", "import", &tiers, "--decimals", "8", "--out", &out, "--json"]);
    let said = import().is(0).json();
    assert_eq!(said["assets"], 2);
    assert_eq!(said["prices"][0], json!({"asset": "BTC", "price": "50000", "grade": "unverified"}));
    assert_eq!(
        assay(arguments!["assets", "show", &out, "--json"]).is(0).json()["asset_table"],
        said["asset_table"]
    );
    fs::write(&tiers, text.replace("0-1000000:100", "1-1000000:100")).unwrap();
    let refused = import().is(3).json();
    assert!(refused["message"].as_str().unwrap().contains("tiers.csv: line 3: "), "{refused}");
}
