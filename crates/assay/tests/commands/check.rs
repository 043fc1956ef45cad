use crate::exchange::{ACCOUNTS, Answer, Exchange, FINISHED, answer, arguments, command};

fn check(exchange: &Exchange, more: &[&str]) -> Answer {
    let arguments = arguments!["check", &exchange.ledger, "--assets", &exchange.assets];
    answer(command().args(arguments).args(more))
}

const BROKEN: &str = "\
alice@example.org,BTC,equity,-918273.64
bob@example.org,BTC,equity,1.234
carol@example.org,XYZ,equity,5
dave@example.org,ETH,lent,5
erin@example.org,ETH,equity,1e5
erin@example.org,BTC,equity,1
frank@example.org,BTC,equity,1,7
grace@example.org,BTC,equity,1
grace@example.org,BTC,equity,918273.64
";

#[test]
fn a_clean_ledger() {
    let text = check(&FINISHED.exchange, &[]).is(0);
    assert!(text.stdout.contains("18,000 accounts") && text.stdout.contains("0 problems"), "{}", text.stdout);
    let json = check(&FINISHED.exchange, &["--json"]).is(0).json();
    assert_eq!(json["accounts"], ACCOUNTS);
    assert_eq!(json["problem_count"], 0);
    assert!(!json["totals"].as_array().unwrap().is_empty());
}

/// A25: everything that is wrong is listed with its place, and nothing that is private.
#[test]
fn a25_problems_have_file_row_account_and_field() {
    let exchange = Exchange::with_rows(BROKEN);
    let json = check(&exchange, &["--json"]).is(1).json();
    assert_eq!(json["ok"], false);
    assert!(json["totals"].is_null());
    let problems = json["problems"].as_array().unwrap();
    assert_eq!(problems.len() as u64, json["problem_count"].as_u64().unwrap());
    let seen: Vec<_> = problems
        .iter()
        .map(|problem| {
            assert_eq!(problem["file"].as_str().unwrap(), exchange.ledger.to_str().unwrap());
            let text = |field: &str| problem[field].as_str().unwrap_or("-");
            (text("place"), text("account"), text("field"))
        })
        .collect();
    for expected in [
        ("line 2", "al…", "amount"),
        ("line 3", "bo…", "amount"),
        ("line 4", "ca…", "asset"),
        ("line 5", "da…", "kind"),
        ("line 6", "er…", "amount"),
    ] {
        assert!(seen.contains(&expected), "{expected:?} is not in {seen:?}");
    }
    assert!(seen.iter().any(|(place, ..)| *place == "line 8"), "{seen:?}");
    assert!(seen.iter().any(|(_, account, _)| *account == "gr…"), "{seen:?}");

    let text = check(&exchange, &[]).is(1);
    assert!(text.stdout.contains("line 2, account al…, field amount: negative equity"), "{}", text.stdout);
    assert!(text.stderr.contains(&format!("the ledger has {} problems", problems.len())), "{}", text.stderr);
    for said in [&text.stdout, &text.stderr, &json.to_string()] {
        assert!(!said.contains("918273") && !said.contains("@example.org"), "{said}");
    }
}

#[test]
fn accounts_are_named_when_asked_and_the_list_has_a_limit() {
    let exchange = Exchange::with_rows(BROKEN);
    assert!(check(&exchange, &["--show-accounts"]).is(1).stdout.contains("alice@example.org"));
    let all = check(&exchange, &["--json"]).json()["problem_count"].as_u64().unwrap();
    let limited = check(&exchange, &["--json", "--limit", "2"]).is(1).json();
    assert_eq!(limited["problem_count"], all);
    assert_eq!(limited["problems"].as_array().unwrap().len(), 2);
    let text = check(&exchange, &["--limit", "2"]).is(1).stdout;
    assert!(text.contains(&format!("... and {} more", all - 2)), "{text}");
}

/// A5: an account below water is named with the rule that it breaks; by how much only where accounts are shown.
#[test]
fn a5_accounts_below_water() {
    let exchange = Exchange::with_rows("alice@example.org,BTC,equity,5\nalice@example.org,ETH,debt,2.5\n");
    let json = check(&exchange, &["--json"]).is(1).json();
    assert_eq!(
        (&json["problem_count"], &json["invalid_accounts"], &json["accounts"]),
        (&1.into(), &1.into(), &0.into())
    );
    assert_eq!(json["problems"][0]["problem"], "breaks the rule debt_uncovered");
    assert_eq!(json["problems"][0]["account"], "al…");
    let text = check(&exchange, &["--show-accounts"]).is(1).stdout;
    assert!(text.contains("account alice@example.org: breaks the rule debt_uncovered by 2.5"), "{text}");
    let capped = std::fs::read_to_string(&exchange.assets).unwrap().replacen(
        "decimals = 2",
        "decimals = 2\nsupply_cap = 4",
        1,
    );
    std::fs::write(&exchange.assets, capped).unwrap();
    std::fs::write(&exchange.ledger, "uid,asset,kind,amount\nalice@example.org,BTC,equity,4.01\n").unwrap();
    let json = check(&exchange, &["--json"]).is(1).json();
    assert_eq!((&json["problem_count"], &json["above_supply_cap"]), (&0.into(), &serde_json::json!(["BTC"])));
}

#[test]
fn rounding_is_counted() {
    let exchange = Exchange::with_rows("bob@example.org,BTC,equity,1.234\n");
    check(&exchange, &[]).is(1);
    let json = check(&exchange, &["--round", "--json"]).is(0).json();
    assert_eq!(json["rounded"], 1);
    assert_eq!(json["totals"][0]["total"], "124");
}

/// A25: a ledger that can't be read at all.
#[test]
fn a25_files_that_are_no_ledger() {
    let mut exchange = Exchange::with_rows("");
    std::fs::write(&exchange.ledger, [0xff; 100]).unwrap();
    check(&exchange, &[]).is(3);
    check(&exchange, &["--format", "parquet"]).is(1);
    check(&exchange, &["--format", "csv"]).is(1);
    std::fs::write(&exchange.assets, "no table").unwrap();
    check(&exchange, &["--format", "csv"]).is(3);
    exchange.ledger = exchange.path("missing.csv");
    check(&exchange, &[]).is(3);
    exchange = Exchange::with_rows("a@example.org,BTC,equity,1\n");
    exchange.ledger = exchange.path("missing.csv");
    check(&exchange, &["--format", "csv"]).is(4);
}
