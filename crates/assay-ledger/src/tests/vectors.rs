use arrow_array::builder::{BinaryBuilder, Decimal128Builder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{Float64Array, Int64Array, LargeStringArray, StringViewArray, UInt64Array};

use super::*;
use LedgerFormat::{LongCsv, LongParquet, SignedJson, WideCsv};

const LONG: &str = "uid,asset,kind,amount\n";

const WIDE: &str = "rn,id,e_BTC,d_BTC,BTC,vl_BTC,m_BTC,pm_BTC,e_usdt,d_usdt,usdt,vl_usdt,m_usdt,pm_usdt,total_net_balance_usdt\n";

/// Checks that a ledger has one problem, and that reading stops at it.
#[track_caller]
fn one_problem(
    path: &Path,
    format: LedgerFormat,
    place: Place,
    account: Option<&str>,
    field: Option<&str>,
    kind: ProblemKind,
) {
    for order in [Order::Auto, Order::Sorted, Order::Unsorted] {
        let scratch = Folder::new();
        let options = ReadOptions { order, ..scratch.options() };
        let error = read(path, format, options.clone()).unwrap_err();
        let problem = error.problem().unwrap_or_else(|| panic!("{error}")).clone();
        let file = if path.is_dir() { problem.file.clone() } else { path.into() };
        let expected = Problem {
            file,
            place,
            account: account.map(Into::into),
            field: field.map(Into::into),
            kind: kind.clone(),
        };
        assert_eq!(problem, expected, "{order:?}");
        let report = check(path, format, table(), options, |_| {}).unwrap();
        assert_eq!((report.problems, report.problem_count), (vec![expected], 1), "{order:?}");
    }
}

#[test]
fn long_csv_reads_in_any_column_order() {
    let folder = Folder::new();
    let path = folder.file(
        "a.csv",
        concat!(
            "\u{feff}kind,amount,\"uid\",asset\r\n",
            "equity,1.5,alice@example.org,BTC\r\n",
            "debt,0.01,alice@example.org,USDT\r\n",
            "equity,0,bob,ETH\r\n",
            ",,carol,\r\n",
            "collateral_margin,1,\"d, \"\"e\"\"\",ETH\r\n",
        ),
    );
    assert_eq!(LedgerFormat::detect(&path).unwrap(), LongCsv);
    let expected = vec![
        account("alice@example.org", &[("BTC", "equity", 150_000_000), ("USDT", "debt", 1)]),
        account("bob", &[]),
        account("carol", &[]),
        account("d, \"e\"", &[("ETH", "collateral_margin", 10u128.pow(18))]),
    ];
    for order in [Order::Auto, Order::Sorted, Order::Unsorted] {
        let options = ReadOptions { order, ..folder.options() };
        assert_eq!(read(&path, LongCsv, options).unwrap(), expected);
    }
}

#[test]
fn long_csv_reads_base_units() {
    let folder = Folder::new();
    let path = folder.file("a.csv", "uid,asset,kind,amount_base_units\nalice,BTC,equity,15\n");
    assert_eq!(read(&path, LongCsv, folder.options()).unwrap(), [account("alice", &[("BTC", "equity", 15)])]);
    let path = folder.file("a.csv", "uid,asset,kind,amount_base_units\nalicia,BTC,equity,1.5\n");
    let kind = ProblemKind::TooManyDecimals { decimals: 0 };
    one_problem(&path, LongCsv, Place::Line(2), Some("al…"), Some("amount_base_units"), kind);
}

#[test]
fn uids_become_canonical_and_meet() {
    let folder = Folder::new();
    let rows = "jose\u{301}@x.org,ETH,equity,1\n jos\u{e9}@x.org\t,BTC,equity,1\n";
    let path = folder.file("a.csv", format!("{LONG}{rows}"));
    let entries = [("BTC", "equity", 100_000_000), ("ETH", "equity", 10u128.pow(18))];
    let expected = [account("jos\u{e9}@x.org", &entries)];
    assert_eq!(read(&path, LongCsv, folder.options()).unwrap(), expected);
    let path = folder.parquet_of("a.parquet", rows);
    assert_eq!(read(&path, LongParquet, folder.options()).unwrap(), expected);
}

#[test]
fn accounts_go_on_from_file_to_file() {
    let folder = Folder::new();
    folder.file("1.csv", format!("{LONG}alice,ETH,equity,1\nbob12345,ETH,equity,1\n"));
    folder.file("2.csv", format!("{LONG}bob12345,BTC,equity,1\ncarol,BTC,equity,1\n"));
    folder.file("_SUCCESS", "");
    folder.file(".hidden", "");
    let inputs = folder.inputs();
    assert_eq!(LedgerFormat::detect(&inputs).unwrap(), LongCsv);
    let accounts = read(&inputs, LongCsv, ReadOptions { order: Order::Sorted, ..folder.options() }).unwrap();
    assert_eq!(accounts.len(), 3);
    assert_eq!(accounts[1].1.len(), 2);
    folder.file("3.csv", format!("{LONG}bob12345,BTC,equity,1\n"));
    let kind = ProblemKind::DuplicateEntry { asset: "BTC".into(), kind: "equity".into() };
    for order in [Order::Auto, Order::Unsorted] {
        let error = read(&inputs, LongCsv, ReadOptions { order, ..folder.options() }).unwrap_err();
        let problem = error.problem().unwrap();
        assert_eq!((problem.file.as_path(), problem.place), (inputs.join("3.csv").as_path(), Place::Line(2)));
        assert_eq!(problem.kind, kind);
    }
    folder.file("4.json", "[]");
    assert!(
        matches!(LedgerFormat::detect(&inputs), Err(LedgerError::MixedFolder { name, .. }) if name == "4.json")
    );
    assert!(matches!(read(&inputs, LongCsv, folder.options()), Err(LedgerError::MixedFolder { .. })));
}

#[test]
fn formats_are_recognised() {
    let folder = Folder::new();
    assert!(matches!(LedgerFormat::detect(&folder.inputs()), Err(LedgerError::EmptyFolder { .. })));
    assert!(matches!(LedgerFormat::detect(&folder.inputs().join("x")), Err(LedgerError::Read { .. })));
    assert_eq!(LedgerFormat::detect(&folder.file("a.csv", WIDE)).unwrap(), WideCsv);
    assert_eq!(LedgerFormat::detect(&folder.file("a.JSON", "")).unwrap(), SignedJson);
    assert_eq!(LedgerFormat::detect(&folder.file("a.parquet", "")).unwrap(), LongParquet);
    assert_eq!(LedgerFormat::detect(&folder.file("a", " [")).unwrap(), SignedJson);
    for format in LedgerFormat::ALL {
        assert_eq!(LedgerFormat::from_name(format.name()), Some(format));
    }
    assert_eq!(LedgerFormat::from_name("csv"), None);
    let unknown = folder.file("b.csv", "account,amount\n");
    assert!(matches!(LedgerFormat::detect(&unknown), Err(LedgerError::UnknownFormat { .. })));
}

#[test]
fn malformed_rows_of_the_long_form_are_named() {
    let long = "x".repeat(513);
    let longer = "x".repeat(2049);
    let number = "1".repeat(129);
    for (row, account, field, kind) in [
        ("bobby1,BTC,equity,-1", Some("bo…"), "amount", ProblemKind::Negative { kind: Kind::EQUITY }),
        ("bobby1,BTC,debt,-0.5", Some("bo…"), "amount", ProblemKind::Negative { kind: Kind::DEBT }),
        (
            "bobby1,DOGE,equity,1",
            Some("bo…"),
            "asset",
            ProblemKind::UnknownAsset { asset: Some("DOGE".into()) },
        ),
        (
            "bobby1,btc,equity,1",
            Some("bo…"),
            "asset",
            ProblemKind::UnknownAsset { asset: Some("btc".into()) },
        ),
        ("bobby1,,equity,1", Some("bo…"), "asset", ProblemKind::UnknownAsset { asset: None }),
        ("bobby1,BTC,,1", Some("bo…"), "kind", ProblemKind::UnknownKind),
        ("bobby1,BTC,Equity,1", Some("bo…"), "kind", ProblemKind::UnknownKind),
        ("bobby1,USDT,equity,1.001", Some("bo…"), "amount", ProblemKind::TooManyDecimals { decimals: 2 }),
        ("bobby1,ETH,equity,1237940039.3", Some("bo…"), "amount", ProblemKind::TooLarge { bits: 90 }),
        ("bobby1,ETH,equity,99999999999999999999", Some("bo…"), "amount", ProblemKind::TooLarge { bits: 90 }),
        ("bobby1,ETH,equity,NaN", Some("bo…"), "amount", ProblemKind::NotANumber),
        ("bobby1,ETH,equity,1e3", Some("bo…"), "amount", ProblemKind::NotANumber),
        ("bobby1,ETH,equity, 1", Some("bo…"), "amount", ProblemKind::NotANumber),
        ("bobby1,ETH,equity,", Some("bo…"), "amount", ProblemKind::EmptyNumber),
        (
            &format!("bobby1,ETH,equity,{number}"),
            Some("bo…"),
            "amount",
            ProblemKind::FieldTooLong { limit: 128 },
        ),
        (",ETH,equity,1", Some("…"), "uid", ProblemKind::EmptyUid),
        ("  ,,,", Some("…"), "uid", ProblemKind::EmptyUid),
        ("bob\u{7}by,ETH,equity,1", Some("bo…"), "uid", ProblemKind::ControlInUid),
        (&format!("{long},ETH,equity,1"), Some("xx…"), "uid", ProblemKind::UidTooLong),
        (&format!("{longer},ETH,equity,1"), Some("xx…"), "uid", ProblemKind::FieldTooLong { limit: 2048 }),
        (
            "alicia,BTC,equity,0",
            Some("al…"),
            "asset",
            ProblemKind::DuplicateEntry { asset: "BTC".into(), kind: "equity".into() },
        ),
        ("alicia,,,", Some("al…"), "uid", ProblemKind::NotEmpty),
    ] {
        let folder = Folder::new();
        let rows = format!("alicia,BTC,equity,1\nalicia,BTC,debt,1\n{row}\n");
        let path = folder.file("a.csv", format!("{LONG}{rows}"));
        one_problem(&path, LongCsv, Place::Line(4), account, Some(field), kind.clone());
        let path = folder.parquet_of("a.parquet", &rows);
        one_problem(&path, LongParquet, Place::Row(3), account, Some(field), kind);
    }
}

#[test]
fn malformed_lines_are_named() {
    let row = "alicia,BTC,equity,1\n";
    for (text, line, kind) in [
        (format!("{LONG}{row}bobby1,BTC,equity\n"), 3, ProblemKind::FieldCount { expected: 4, got: 3 }),
        (format!("{LONG}{row}bobby1,BTC,equity,1,2\n"), 3, ProblemKind::FieldCount { expected: 4, got: 5 }),
        (format!("{LONG}{row}bob\"by,BTC,equity,1\n"), 3, ProblemKind::Quoting),
        (format!("{LONG}{row}\"bobby\"1,BTC,equity,1\n"), 3, ProblemKind::Quoting),
        (format!("{LONG}{row}\"bobby1,BTC,equity,1\n"), 3, ProblemKind::Truncated),
        (format!("{LONG}{row}bobby1,BTC,equity,1"), 3, ProblemKind::Truncated),
        (String::new(), 1, ProblemKind::WrongHeader { expected: source::LONG_COLUMNS }),
        (row.into(), 1, ProblemKind::WrongHeader { expected: source::LONG_COLUMNS }),
        ("uid,asset,kind,amount,x\n".into(), 1, ProblemKind::WrongHeader { expected: source::LONG_COLUMNS }),
        ("uid,uid,asset,amount\n".into(), 1, ProblemKind::WrongHeader { expected: source::LONG_COLUMNS }),
    ] {
        let folder = Folder::new();
        let path = folder.file("a.csv", &text);
        one_problem(&path, LongCsv, Place::Line(line), None, None, kind);
    }
}

#[test]
fn bad_utf8_is_named() {
    let folder = Folder::new();
    let path = folder.file("a.csv", [LONG.as_bytes(), b"bobby\xff,BTC,equity,1\n"].concat());
    one_problem(&path, LongCsv, Place::Line(2), Some("bo…"), Some("uid"), ProblemKind::NotUtf8);
    let path = folder.file("a.csv", [LONG.as_bytes(), b"bobby1,BTC,equity,1\xff\n"].concat());
    one_problem(&path, LongCsv, Place::Line(2), Some("bo…"), Some("amount"), ProblemKind::NotUtf8);
    let path = folder.file("a.json", b"[{\"id\": \"bobby\xff\", \"assets\": {}}]");
    one_problem(&path, SignedJson, Place::Element(1), Some("bo…"), Some("id"), ProblemKind::NotUtf8);
    let path = folder.file("a.json", b"[{\"id\": \"bobby1\", \"assets\": {\"BTC\": \"1\xff\"}}]");
    one_problem(&path, SignedJson, Place::Element(1), Some("bo…"), Some("assets"), ProblemKind::NotUtf8);
    // A decoder only says that a batch of rows has such a text somewhere.
    let rows = 20_000;
    let mut uids = BinaryBuilder::new();
    for row in 0..rows {
        let uid = format!("user{row:06}");
        uids.append_value(if row == 17_000 { b"user\xff17000".as_slice() } else { uid.as_bytes() });
    }
    let column = |text: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(vec![text; rows])) };
    let columns = vec![
        ("uid", Arc::new(uids.finish()) as ArrayRef),
        ("asset", column("BTC")),
        ("kind", column("equity")),
        ("amount", column("1")),
    ];
    let path = folder.parquet("a.parquet", columns);
    let options = folder.options();
    let error = read(&path, LongParquet, options.clone()).unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!((problem.place, &problem.kind), (Place::Row(17_001), &ProblemKind::NotUtf8));
    assert_eq!((problem.account.as_deref(), problem.field.as_deref()), (Some("us…"), Some("uid")));
    assert_eq!(check(&path, LongParquet, table(), options, |_| {}).unwrap().problem_count, 1);
}

#[test]
fn order_is_kept_or_named() {
    let folder = Folder::new();
    let path = folder
        .file("a.csv", format!("{LONG}bobby1,BTC,equity,1\nalicia,BTC,equity,1\nbobby1,ETH,equity,1\n"));
    let error = read(&path, LongCsv, ReadOptions { order: Order::Sorted, ..folder.options() }).unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!((problem.place, &problem.kind), (Place::Line(3), &ProblemKind::NotSorted));
    let accounts = read(&path, LongCsv, folder.options()).unwrap();
    assert_eq!(accounts[1].1.len(), 2);
}

#[test]
fn whole_accounts_come_once() {
    let folder = Folder::new();
    let path = folder.file("a.csv", format!("{LONG}alicia,,,\nalicia,,,\n"));
    one_problem(&path, LongCsv, Place::Line(3), Some("al…"), Some("uid"), ProblemKind::DuplicateUid);
    let path = folder.file("a.csv", format!("{LONG}alicia,,,\nalicia,BTC,equity,1\n"));
    one_problem(&path, LongCsv, Place::Line(3), Some("al…"), Some("uid"), ProblemKind::NotEmpty);
    let path =
        folder.file("a.json", r#"[{"id":"alicia","assets":{}},{"id":" alicia","assets":{"BTC":"1"}}]"#);
    one_problem(&path, SignedJson, Place::Element(2), Some("al…"), Some("uid"), ProblemKind::DuplicateUid);
    let rows = format!("{WIDE}1,alicia,{}\n2,alicia,{}\n", ["0"; 13].join(","), ["0"; 13].join(","));
    let path = folder.file("a.csv", rows);
    one_problem(&path, WideCsv, Place::Line(3), Some("al…"), Some("uid"), ProblemKind::DuplicateUid);
}

#[test]
fn parquet_types_are_exact() {
    let folder = Folder::new();
    let uid: ArrayRef = Arc::new(LargeStringArray::from(vec!["alice1", "alice1"]));
    let asset: ArrayRef = Arc::new(StringViewArray::from(vec!["BTC", "USDT"]));
    let mut kinds = StringDictionaryBuilder::<Int32Type>::new();
    kinds.append_value("equity");
    kinds.append_value("equity");
    let kind: ArrayRef = Arc::new(kinds.finish());
    let columns = |name: &'static str, amounts: ArrayRef| {
        vec![(name, amounts), ("kind", kind.clone()), ("asset", asset.clone()), ("uid", uid.clone())]
    };
    let decimals = |precision, scale, values: [i128; 2]| -> ArrayRef {
        let mut builder = Decimal128Builder::new().with_precision_and_scale(precision, scale).unwrap();
        builder.append_value(values[0]);
        builder.append_value(values[1]);
        Arc::new(builder.finish())
    };
    let expected = [account("alice1", &[("BTC", "equity", 100_000_000), ("USDT", "equity", 250)])];
    let base_units: [ArrayRef; 3] = [
        Arc::new(Int64Array::from(vec![100_000_000, 250])),
        Arc::new(UInt64Array::from(vec![100_000_000, 250])),
        Arc::new(StringArray::from(vec!["100000000", "250"])),
    ];
    for amounts in base_units {
        let path = folder.parquet("a.parquet", columns("amount_base_units", amounts));
        assert_eq!(read(&path, LongParquet, folder.options()).unwrap(), expected);
    }
    for (precision, scale, values) in [
        (38, 20, [10i128.pow(20), 25 * 10i128.pow(19)]),
        (9, 1, [10, 25]),
        (18, 8, [100_000_000, 250_000_000]),
    ] {
        let path = folder.parquet("a.parquet", columns("amount", decimals(precision, scale, values)));
        assert_eq!(read(&path, LongParquet, folder.options()).unwrap(), expected);
    }
    let amount = Some("amount");
    for (amounts, account, field, place, kind) in [
        (
            decimals(38, 3, [1000, 2501]),
            Some("al…"),
            amount,
            Place::Row(2),
            ProblemKind::TooManyDecimals { decimals: 2 },
        ),
        (
            decimals(38, 3, [1000, -1]),
            Some("al…"),
            amount,
            Place::Row(2),
            ProblemKind::Negative { kind: Kind::EQUITY },
        ),
        (
            decimals(38, 0, [1, 10i128.pow(37)]),
            Some("al…"),
            amount,
            Place::Row(2),
            ProblemKind::TooLarge { bits: 90 },
        ),
        (Arc::new(Float64Array::from(vec![1.0, 2.5])), None, amount, Place::File, ProblemKind::FloatColumn),
        (
            Arc::new(Int64Array::from(vec![1, 2])),
            None,
            amount,
            Place::File,
            ProblemKind::WrongType {
                expected: "strings or decimals of whole units (integers only as amount_base_units)",
            },
        ),
        (
            Arc::new(StringArray::from(vec![Some("1"), None])),
            Some("al…"),
            amount,
            Place::Row(2),
            ProblemKind::EmptyNumber,
        ),
    ] {
        let path = folder.parquet("a.parquet", columns("amount", amounts));
        one_problem(&path, LongParquet, place, account, field, kind);
    }
    let amounts = Arc::new(Int64Array::from(vec![1, -2]));
    let path = folder.parquet("a.parquet", columns("amount_base_units", amounts));
    let kind = ProblemKind::Negative { kind: Kind::EQUITY };
    one_problem(&path, LongParquet, Place::Row(2), Some("al…"), Some("amount_base_units"), kind);
    let mut extra = columns("amount", Arc::new(StringArray::from(vec!["1", "2"])));
    extra.push(("other", uid.clone()));
    let path = folder.parquet("a.parquet", extra);
    let kind = ProblemKind::WrongHeader { expected: source::LONG_COLUMNS };
    one_problem(&path, LongParquet, Place::File, None, None, kind);
}

#[test]
fn parquet_nulls_declare_empty_accounts() {
    let folder = Folder::new();
    let text = |value: Option<&str>| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let row = |uid, asset, kind, amount| {
        vec![("uid", text(uid)), ("asset", text(asset)), ("kind", text(kind)), ("amount", text(amount))]
    };
    let path = folder.parquet("a.parquet", row(Some("alicia"), None, None, None));
    assert_eq!(read(&path, LongParquet, folder.options()).unwrap(), [account("alicia", &[])]);
    let path = folder.parquet("a.parquet", row(None, Some("BTC"), Some("equity"), Some("1")));
    one_problem(&path, LongParquet, Place::Row(1), Some("…"), Some("uid"), ProblemKind::EmptyUid);
    let path = folder.parquet("a.parquet", row(Some("alicia"), Some("BTC"), None, Some("1")));
    one_problem(&path, LongParquet, Place::Row(1), Some("al…"), Some("kind"), ProblemKind::UnknownKind);
}

#[test]
fn what_is_no_parquet_is_named() {
    let folder = Folder::new();
    let damaged = ProblemKind::Unreadable { format: "Parquet" };
    for (content, kind) in [
        (b"uid,asset,kind,amount\nalice,BTC,equity,1\n".as_slice(), damaged),
        (b"PAR1", ProblemKind::Truncated),
        (b"", ProblemKind::Truncated),
        (b"PAR1 and then the file was cut", ProblemKind::Truncated),
    ] {
        let path = folder.file("a.parquet", content);
        one_problem(&path, LongParquet, Place::File, None, None, kind);
    }
}

#[test]
fn signed_json_reads_debts() {
    let folder = Folder::new();
    let text = r#" [ {"id": "b0", "assets": {"ETH": "-1", "BTC": "9195990", "USDT": "0"}},
        {"assets": {"BTC": "-9223372036854775808", "ETH": "9223372036854775807"}, "id": "aé"},
        {"id":"c","assets":{}}
    ] "#;
    let path = folder.file("a.json", text);
    folder.file("b.json", "\u{feff}[]\n");
    let expected = [
        account("aé", &[("BTC", "debt", 1 << 63), ("ETH", "equity", (1 << 63) - 1)]),
        account("b0", &[("BTC", "equity", 9_195_990), ("ETH", "debt", 1)]),
        account("c", &[]),
    ];
    assert_eq!(read(&path, SignedJson, folder.options()).unwrap(), expected);
    assert_eq!(read(&folder.inputs(), SignedJson, folder.options()).unwrap(), expected);
}

#[test]
fn malformed_json_is_named() {
    let unknown = |asset: Option<&str>| ProblemKind::UnknownAsset { asset: asset.map(Into::into) };
    let btc = Some("assets.BTC");
    let al = Some("al…");
    for (element, account, field, kind) in [
        (
            r#"{"id":"alicia","assets":{"BTC":"9223372036854775808"}}"#,
            al,
            btc,
            ProblemKind::TooLarge { bits: 63 },
        ),
        (r#"{"id":"alicia","assets":{"BTC":"1.5"}}"#, al, btc, ProblemKind::NotANumber),
        (r#"{"id":"alicia","assets":{"BTC":"+5"}}"#, al, btc, ProblemKind::NotANumber),
        (r#"{"id":"alicia","assets":{"BTC":"NaN"}}"#, al, btc, ProblemKind::NotANumber),
        (r#"{"id":"alicia","assets":{"BTC":"-"}}"#, al, btc, ProblemKind::EmptyNumber),
        (
            r#"{"id":"alicia","assets":{"BTC":15}}"#,
            al,
            btc,
            ProblemKind::WrongType { expected: "a string of a signed integer" },
        ),
        (r#"{"id":"alicia","assets":{"DOGE":"1"}}"#, al, Some("assets"), unknown(Some("DOGE"))),
        (r#"{"id":"alicia","assets":{"12345":"1"}}"#, al, Some("assets"), unknown(None)),
        (r#"{"id":"alicia","assets":{"BTC":"1","ETH":"1","BTC":"0"}}"#, al, btc, ProblemKind::RepeatedField),
        (r#"{"id":"alicia","id":"bob","assets":{}}"#, al, Some("id"), ProblemKind::RepeatedField),
        (r#"{"id":"alicia","assets":{},"assets":{}}"#, al, Some("assets"), ProblemKind::RepeatedField),
        (r#"{"id":"alicia","assets":{},"equity":"1"}"#, al, None, ProblemKind::UnknownField),
        (r#"{"id":"alicia"}"#, al, Some("assets"), ProblemKind::MissingField),
        (r#"{"assets":{}}"#, None, Some("id"), ProblemKind::MissingField),
        (r#"{"id":7,"assets":{}}"#, None, Some("id"), ProblemKind::WrongType { expected: "a string" }),
        (
            r#"{"id":"alicia","assets":[]}"#,
            al,
            Some("assets"),
            ProblemKind::WrongType { expected: "an object" },
        ),
        (r#"{"id":" ","assets":{}}"#, Some("…"), Some("id"), ProblemKind::EmptyUid),
        (r#"{"id":"alicia","assets":{"BTC":}}"#, None, None, ProblemKind::JsonSyntax),
        (r#"{"id":"alicia","assets":{]}"#, None, None, ProblemKind::JsonSyntax),
        ("null", None, None, ProblemKind::JsonSyntax),
        ("[]", None, None, ProblemKind::JsonSyntax),
        ("", None, None, ProblemKind::JsonSyntax),
    ] {
        let folder = Folder::new();
        let path = folder.file(
            "a.json",
            format!(r#"[{{"id":"aaa","assets":{{}}}},{element},{{"id":"zzz","assets":{{}}}}]"#),
        );
        one_problem(&path, SignedJson, Place::Element(2), account, field, kind);
    }
    for (text, place, kind) in [
        ("", Place::File, ProblemKind::Truncated),
        ("{}", Place::File, ProblemKind::Unreadable { format: "JSON array" }),
        ("[", Place::Element(1), ProblemKind::Truncated),
        (r#"[{"id":"a","assets":{}}"#, Place::Element(1), ProblemKind::Truncated),
        (r#"[{"id":"a","assets":{}},"#, Place::Element(2), ProblemKind::Truncated),
        (r#"[{"id":"a","assets":{}}] x"#, Place::Element(2), ProblemKind::JsonSyntax),
    ] {
        let folder = Folder::new();
        one_problem(&folder.file("a.json", text), SignedJson, place, None, None, kind);
    }
}

#[test]
fn deep_and_long_json_ends() {
    let folder = Folder::new();
    let deep = format!("[{}", "[".repeat(200_000));
    assert!(read(&folder.file("a.json", deep), SignedJson, folder.options()).is_err());
    let deep = format!("[{}{}]", "[".repeat(200_000), "]".repeat(200_000));
    let error = read(&folder.file("a.json", deep), SignedJson, folder.options()).unwrap_err();
    assert_eq!(error.problem().unwrap().kind, ProblemKind::JsonSyntax);
    let long = format!("[{{\"id\":\"{}", "x".repeat(3 << 20));
    let error = read(&folder.file("a.json", long), SignedJson, folder.options()).unwrap_err();
    assert!(matches!(error.problem().unwrap().kind, ProblemKind::RecordTooLong { .. }));
}

#[test]
fn wide_csv_reads_both_variants() {
    let folder = Folder::new();
    let row =
        "1,b1,2,0.5,1.5,1,0.25,0.75,10.01,0,10.01,0,0.00,0,96010.01\n2,a1,0,0,0,0,0,0,0,0.000,0,0,0,0,0\n";
    let path = folder.file("a.csv", format!("{WIDE}{row}"));
    let btc = [
        ("BTC", "equity", 200_000_000),
        ("BTC", "debt", 50_000_000),
        ("BTC", "collateral_loan", 100_000_000),
        ("BTC", "collateral_margin", 25_000_000),
        ("BTC", "collateral_portfolio", 75_000_000),
        ("USDT", "equity", 1001),
    ];
    let expected = [account("a1", &[]), account("b1", &btc)];
    assert_eq!(read(&path, WideCsv, folder.options()).unwrap(), expected);
    let old =
        "rn,id,e_usdt,d_usdt,usdt,e_btc,d_btc,btc,usdt_usdt_price,btc_udst_price,total_net_balance_udst\n";
    let path = folder.file("a.csv", format!("{old}1,b1,10.01,0,10.01,2,0.5,1.5,1,64000,96010.01\n"));
    assert_eq!(LedgerFormat::detect(&path).unwrap(), WideCsv);
    let entries = [btc[0], btc[1], btc[5]];
    assert_eq!(read(&path, WideCsv, folder.options()).unwrap(), [account("b1", &entries)]);
}

#[test]
fn malformed_wide_rows_are_named() {
    let wrong = |column: u32| {
        (format!("column {column}"), ProblemKind::WrongHeader { expected: source::WIDE_COLUMNS })
    };
    for (header, (field, kind)) in [
        ("rn,uid,e_BTC,d_BTC,BTC,total_net_balance_usdt\n", wrong(2)),
        ("rn,id,e_BTC,BTC,d_BTC,total_net_balance_usdt\n", wrong(3)),
        ("rn,id,e_BTC,d_BTC,BTC\n", wrong(5)),
        ("rn,id,total_net_balance_usdt\n", wrong(3)),
        ("rn,id,e_BTC,d_BTC,BTC,vl_BTC,m_BTC,total_net_balance_usdt\n", wrong(6)),
        ("rn,id,e_BTC,d_BTC,BTC,ETH_usdt_price,total_net_balance_usdt\n", wrong(6)),
        (
            "rn,id,e_BTC,d_BTC,BTC,e_btc,d_btc,btc,total_net_balance_usdt\n",
            ("column 6".into(), ProblemKind::RepeatedAsset { asset: "BTC".into() }),
        ),
        (
            "rn,id,e_DOGE,d_DOGE,DOGE,total_net_balance_usdt\n",
            ("column 3".into(), ProblemKind::UnknownAsset { asset: Some("DOGE".into()) }),
        ),
    ] {
        let folder = Folder::new();
        let path = folder.file("a.csv", header);
        one_problem(&path, WideCsv, Place::Line(1), None, Some(&field), kind);
    }
    let btc = |cell: &str| format!("1,alicia,{cell},0,0,0,0,0,0,0,0,0,0,0,0\n");
    let usdt = |cell: &str| format!("1,alicia,0,0,0,0,0,0,0,0,0,0,0,{cell},0\n");
    let al = Some("al…");
    for (row, account, field, kind) in [
        (btc("-1"), al, Some("e_BTC"), ProblemKind::Negative { kind: Kind::EQUITY }),
        (btc("nan"), al, Some("e_BTC"), ProblemKind::NotANumber),
        (btc(""), al, Some("e_BTC"), ProblemKind::EmptyNumber),
        (btc("0.000000001"), al, Some("e_BTC"), ProblemKind::TooManyDecimals { decimals: 8 }),
        (btc("12379400392853802749"), al, Some("e_BTC"), ProblemKind::TooLarge { bits: 90 }),
        (usdt("-0.01"), al, Some("pm_USDT"), ProblemKind::Negative { kind: Kind::COLLATERAL_PORTFOLIO }),
        ("1,alicia,0\n".into(), None, None, ProblemKind::FieldCount { expected: 15, got: 3 }),
        (format!("1,,{}\n", ["0"; 13].join(",")), Some("…"), Some("id"), ProblemKind::EmptyUid),
    ] {
        let folder = Folder::new();
        let path = folder.file("a.csv", format!("{WIDE}{row}"));
        one_problem(&path, WideCsv, Place::Line(2), account, field, kind);
    }
}

#[test]
fn rounding_is_counted() {
    let folder = Folder::new();
    let path =
        folder.file("a.csv", format!("{LONG}a,USDT,equity,1.001\na,USDT,debt,1.009\nb,USDT,equity,1\n"));
    let options = ReadOptions { rounding: Rounding::Up, ..folder.options() };
    let expected = [
        account("a", &[("USDT", "equity", 101), ("USDT", "debt", 100)]),
        account("b", &[("USDT", "equity", 100)]),
    ];
    assert_eq!(read(&path, LongCsv, options.clone()).unwrap(), expected);
    let report = check(&path, LongCsv, table(), options, |_| {}).unwrap();
    assert_eq!((report.rounded, report.is_clean(), report.accounts, report.positions), (2, true, 2, 3));
    let key = EntryKey::new(2, Kind::EQUITY).unwrap();
    assert_eq!(report.totals.get(key), 201);
}

#[test]
fn check_lists_everything_up_to_the_limit() {
    let folder = Folder::new();
    let mut text = String::from(LONG);
    for row in 0..50 {
        text += &format!("user{row:02},BTC,equity,-{row}\nuser{row:02},ETH,equity,1\n");
    }
    text += "bad line\n";
    folder.file("1.csv", text);
    folder.file("2.csv", "no header\n");
    folder.file("3.csv", format!("{LONG}zoe123,BTC,equity,1\n"));
    let options = ReadOptions { problem_limit: 7, show_accounts: true, ..folder.options() };
    let mut calls = 0;
    let report = check(&folder.inputs(), LongCsv, table(), options.clone(), |_| calls += 1).unwrap();
    // -0 is zero.
    assert_eq!((report.problems.len(), report.problem_count), (7, 51));
    assert_eq!(report.problems[0].account.as_deref(), Some("user01"));
    assert_eq!((report.accounts, report.positions), (51, 51));
    assert!(calls > 1);
    let shown = report.problems[0].to_string();
    assert!(shown.ends_with("1.csv, line 4, account user01, field amount: negative equity"), "{shown}");
    let error = read(&folder.inputs(), LongCsv, options).unwrap_err();
    assert_eq!(error.to_string(), shown);
}

#[test]
fn many_repeats_take_no_memory() {
    let folder = Folder::new();
    let rows = "alicia,BTC,equity,1\n".repeat(100_000);
    let path = folder.file("a.csv", format!("{LONG}{rows}"));
    for order in [Order::Auto, Order::Unsorted] {
        let options = ReadOptions { order, problem_limit: 2, ..folder.options() };
        let report = check(&path, LongCsv, table(), options, |_| {}).unwrap();
        assert_eq!((report.problem_count, report.accounts, report.positions), (99_999, 1, 1));
        assert_eq!(report.problems[1].place, Place::Line(4));
    }
}

#[test]
fn a_reader_that_failed_stays_failed() {
    let folder = Folder::new();
    let path = folder.file("a.csv", "x\n");
    let mut reader = AccountReader::open(&path, LongCsv, table(), folder.options()).unwrap();
    let mut batch = AccountBatch::new();
    let error = loop {
        match reader.next_batch(&mut batch) {
            Ok(more) => assert!(more),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, LedgerError::Problem(_)));
    assert!(matches!(reader.next_batch(&mut batch), Err(LedgerError::Stopped)));
}

#[test]
fn readers_move_between_threads() {
    fn is_send<T: Send>() {}
    is_send::<AccountReader>();
    is_send::<LedgerError>();
}

#[test]
fn a_full_account_reads() {
    let asset = |index: usize| Asset::new(Symbol::new(&format!("A{index}")).unwrap(), 0);
    let table = Arc::new(AssetTable::new((0..1000).map(asset).collect()).unwrap());
    let folder = Folder::new();
    let mut text = String::from(LONG);
    for index in (0..1000).rev() {
        for kind in Kind::DEFAULT {
            text += &format!("alice,A{index},{},1\n", table.kind_name(kind));
        }
    }
    let path = folder.file("a.csv", text);
    for order in [Order::Auto, Order::Unsorted] {
        let accounts =
            read_with(&path, LongCsv, table.clone(), ReadOptions { order, ..folder.options() }).unwrap();
        assert_eq!(accounts[0].1.len(), 5000);
    }
}

/// Whatever single byte is wrong in a ledger, what is said about it shows neither uid nor balance.
#[test]
fn errors_show_neither_uids_nor_balances() {
    let uid = "zanzibar-7731@example.org";
    let balance = "918273645.55";
    let secrets = ["zanz", "anzi", "zibar", "7731", "9182", "7364", "645.5"];
    let inputs = [
        (LongCsv, format!("{LONG}{uid},USDT,equity,{balance}\n{uid},\"ETH\",debt,{balance}\n")),
        (SignedJson, format!(r#"[{{"id":"{uid}","assets":{{"USDT":"91827364555","BTC":"-91827364555"}}}}]"#)),
        (WideCsv, format!("{WIDE}1,{uid},{balance},0,0,0,0,0,{balance},0,0,0,0,0,{balance}\n")),
    ];
    let mut errors = 0;
    for (format, text) in inputs {
        let folder = Folder::new();
        for at in 0..text.len() {
            for replacement in [b"".as_slice(), b",", b"\"", b"\n", b"-", b"\xff", b"x", b":", b"}"] {
                let mut bytes = text.as_bytes().to_vec();
                bytes.splice(at..=at, replacement.iter().copied());
                let path = folder.file(if format == SignedJson { "a.json" } else { "a.csv" }, bytes);
                let mut shown = String::new();
                if let Err(error) = read(&path, format, folder.options()) {
                    shown += &texts(&error);
                    errors += 1;
                }
                let report = check(&path, format, table(), folder.options(), |_| {}).unwrap();
                for problem in &report.problems {
                    shown += &format!("{problem} {problem:?}");
                }
                let shown = shown.replace(&*folder.inputs().to_string_lossy(), "");
                for secret in secrets {
                    assert!(!shown.contains(secret), "{secret} in {shown}");
                }
            }
        }
    }
    assert!(errors > 1000, "{errors}");
}

/// A file that was cut anywhere is an error, unless the cut is between two lines, which nothing can tell.
#[test]
fn cut_files_are_noticed() {
    let folder = Folder::new();
    let long = format!("{LONG}alice,BTC,equity,1.25\n\"bob\",ETH,equity,10\nbob,USDT,debt,3\r\ncarol,,,\n");
    let wide = format!("{WIDE}1,a1,1,0,0,0,0,0,10.01,0,0,0,0,0,0\n2,b1,0,0,0,0,0,0,0,0,0,0,0,0,0\n");
    let json = r#"[{"id":"a1","assets":{"BTC":"12","ETH":"-3"}}, {"id":"b1","assets":{}}]"#.to_string();
    for (format, name, text) in
        [(LongCsv, "a.csv", long), (WideCsv, "a.csv", wide), (SignedJson, "a.json", json)]
    {
        let whole = read(&folder.file(name, &text), format, folder.options()).unwrap();
        for cut in 0..text.len() {
            let path = folder.file(name, &text[..cut]);
            let accounts = read(&path, format, folder.options());
            if format != SignedJson && cut > 0 && text[..cut].ends_with('\n') {
                let accounts = accounts.unwrap();
                // The last account may go on behind the cut.
                let complete = accounts.len().saturating_sub(1);
                assert_eq!(accounts[..complete], whole[..complete]);
            } else {
                assert!(accounts.unwrap_err().problem().is_some(), "{:?}", &text[..cut]);
            }
        }
    }
    let path = folder.parquet_of("a.parquet", "alice,BTC,equity,1.25\nbob,ETH,equity,10\n");
    let bytes = fs::read(&path).unwrap();
    read(&path, LongParquet, folder.options()).unwrap();
    for cut in 0..bytes.len() {
        let path = folder.file("a.parquet", &bytes[..cut]);
        let error = read(&path, LongParquet, folder.options()).unwrap_err();
        assert_eq!(error.problem().unwrap().kind, ProblemKind::Truncated, "{cut}");
    }
}
