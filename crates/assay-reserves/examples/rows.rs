//! Generates a reserve file, reads and checks it and makes a report; prints CPU-seconds and peak memory of each step. At last
//! come rows that are all signed, half by EVM keys (EIP-191), half by Bitcoin keys (signed messages).
//!
//! `cargo run --release -p assay-reserves --example rows -- [rows]`

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use assay_ownership::keccak256;
use assay_reserves::{
    Checker, ClaimsOnly, LiabilityProof, LiabilitySource, Policy, ReadOptions, ReportInputs, ReserveFormat,
    ReserveReader, SignatureAssessor, Source, build_report, verify_report,
};
use assay_statement::{Amount, Asset, AssetTable, Entity, EntryKey, Epoch, Kind, Price, Symbol, Totals, hex};
use bitcoin::hashes::Hash as _;
use bitcoin::secp256k1::{Message, Secp256k1, SecretKey};
use bitcoin::sign_message::signed_msg_hash;
use bitcoin::{Address, CompressedPublicKey, Network};

const POLICY: &str = r#"
version = 1
minimum_ownership = "O2"
minimum_evidence = "L2"
network = [{ name = "BTC", confirmations = 6 }, { name = "ETH", aliases = ["ERC20"], confirmations = 64 }]
"#;

const SIGNED_POLICY: &str = r#"
version = 1
minimum_ownership = "O1"
minimum_evidence = "L0"
[[network]]
name = "BTC"
confirmations = 6
addresses = { kind = "bitcoin" }
[[network]]
name = "ETH"
confirmations = 64
addresses = { kind = "evm", chain_id = 1 }
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let rows: u64 = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let folder = std::env::temp_dir().join(format!("assay-reserves-rows-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let result = measure(rows, &folder);
    fs::remove_dir_all(&folder)?;
    result
}

fn measure(rows: u64, folder: &Path) -> Result<(), Box<dyn Error>> {
    let asset = |symbol, decimals, mantissa| {
        let price = Some(Price { mantissa, scale: 0 });
        Ok::<_, Box<dyn Error>>(Asset { price, ..Asset::new(Symbol::new(symbol)?, decimals) })
    };
    let assets = Arc::new(AssetTable::new(vec![asset("BTC", 8, 60_000)?, asset("ETH", 18, 2_000)?])?);
    let policy = Policy::from_toml(POLICY.as_bytes(), &assets)?;
    println!("{rows} rows; peak memory is that of the process so far");
    println!(
        "{:<12} {:<8} {:>8} {:>12} {:>12} {:>10}",
        "format", "step", "MiB", "CPU-seconds", "rows/s", "peak MiB"
    );
    for format in
        [ReserveFormat::AddressCsv, ReserveFormat::Csv, ReserveFormat::Toml, ReserveFormat::ScriptYaml]
    {
        let path = folder.join(format.name());
        generate(&path, format, rows)?;
        let source = Source::file(&path);
        let mib = fs::metadata(&path)?.len() as f64 / f64::from(1 << 20);
        let print = |step: &str, cpu: f64| {
            let peak = status("VmHWM:").unwrap_or(f64::NAN) / 1024.0;
            let rate = rows as f64 / cpu;
            println!("{:<12} {step:<8} {mib:>8.1} {cpu:>12.2} {rate:>12.0} {peak:>10.1}", format.name());
        };

        let start = cpu_seconds()?;
        let open =
            || ReserveReader::open(&source, format, Arc::clone(&assets), &policy, ReadOptions::default());
        let mut reader = open()?;
        let mut sum = 0u128;
        while let Some(row) = reader.next_row()? {
            sum = sum.wrapping_add(row.amount.unwrap_or(0));
        }
        print("read", cpu_seconds()? - start);

        let start = cpu_seconds()?;
        let mut reader = open()?;
        let mut checker = Checker::new(&assets, &policy);
        checker.begin_file()?;
        while let Some(row) = reader.next_row()? {
            checker.row(&row)?;
        }
        checker.end_file(&reader)?;
        let findings = checker.finish().len();
        print("check", cpu_seconds()? - start);

        let start = cpu_seconds()?;
        let inputs = inputs(&assets, &policy)?;
        let sources = [(source.clone(), format)];
        let report = build_report(inputs.clone(), &sources, &mut ClaimsOnly)?;
        print("report", cpu_seconds()? - start);

        let start = cpu_seconds()?;
        let json = report.to_json()?;
        verify_report(&json, inputs, &sources, &mut ClaimsOnly)?;
        print("verify", cpu_seconds()? - start);
        println!("{:<12} {} findings, sum {sum}, report of {} bytes", format.name(), findings, json.len());
    }
    signed(rows, folder, &assets)
}

fn inputs(assets: &Arc<AssetTable>, policy: &Policy) -> Result<ReportInputs, Box<dyn Error>> {
    let mut totals = Totals::new();
    totals.add(EntryKey::new(0, Kind::EQUITY)?, Amount::new(1_000)?)?;
    Ok(ReportInputs {
        entity: Entity::new("example.org")?,
        epoch: Epoch::new("2026-q4", 1_798_675_200)?,
        root: [7; 32],
        accounts: 1,
        totals,
        liabilities: LiabilitySource {
            checked_by: LiabilityProof::Unverified,
            circuit: None,
            key: None,
            asset_table: None,
            anchors: Vec::new(),
            exclusions: Vec::new(),
            excluded: None,
        },
        assets: Arc::clone(assets),
        policy: policy.clone(),
        challenge: None,
        evidence: Vec::new(),
        resample: Vec::new(),
        supplies: Vec::new(),
        options: ReadOptions::default(),
    })
}

/// A report of rows with signatures, each by a key of its own.
fn signed(rows: u64, folder: &Path, assets: &Arc<AssetTable>) -> Result<(), Box<dyn Error>> {
    let policy = Policy::from_toml(SIGNED_POLICY.as_bytes(), assets)?;
    let path = folder.join("signed.csv");
    let mut out = BufWriter::new(File::create(&path)?);
    writeln!(out, "asset,network,address,amount,height,message,signature")?;
    let secp = Secp256k1::new();
    for row in 0..rows {
        let secret = *blake3::hash(&row.to_le_bytes()).as_bytes();
        let key = SecretKey::from_slice(&secret)?;
        let public = key.public_key(&secp);
        let message = format!("reserve {row}");
        let sign =
            |digest| secp.sign_ecdsa_recoverable(&Message::from_digest(digest), &key).serialize_compact();
        if row % 2 == 0 {
            let digest =
                keccak256(format!("\x19Ethereum Signed Message:\n{}{message}", message.len()).as_bytes());
            let (id, signature) = sign(digest);
            let hash = keccak256(&public.serialize_uncompressed()[1..]);
            let address = &hash[12..];
            let id = u8::try_from(id.to_i32())? + 27;
            writeln!(
                out,
                "ETH,ETH,0x{},1.5,18000000,{message},0x{}{id:02x}",
                hex::encode(address),
                hex::encode(&signature)
            )?;
        } else {
            let public = CompressedPublicKey(public);
            let address = Address::p2wpkh(&public, Network::Bitcoin);
            let (id, signature) = sign(signed_msg_hash(&message).to_byte_array());
            // BIP-137's headers of this kind of address start at 39.
            let bytes = [&[u8::try_from(id.to_i32())? + 39][..], &signature].concat();
            writeln!(out, "BTC,BTC,{address},1.5,800000,{message},{}", base64(&bytes))?;
        }
    }
    out.flush()?;
    drop(out);
    let start = cpu_seconds()?;
    let sources = [(Source::file(&path), ReserveFormat::Csv)];
    let mut assessor = SignatureAssessor::new(&policy, None);
    let report = build_report(inputs(assets, &policy)?, &sources, &mut assessor)?;
    let cpu = cpu_seconds()? - start;
    let unsigned: u128 = report.assets.iter().map(|line| line.reserves.by_ownership.O0.0).sum();
    if unsigned > 0 {
        return Err("a signature didn't verify".into());
    }
    println!(
        "signed rows  report   {:>8.1} {cpu:>12.2} {:>12.0} {:>10.1}",
        fs::metadata(&path)?.len() as f64 / f64::from(1 << 20),
        rows as f64 / cpu,
        status("VmHWM:").unwrap_or(f64::NAN) / 1024.0
    );
    Ok(())
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| DIGITS.get(bits as usize & 63).map_or('=', |digit| char::from(*digit));
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let bits = part.iter().chain([&0; 2]).take(3).fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        for place in 0..4 {
            text.push(if place <= part.len() { digit(bits >> (18 - 6 * place)) } else { '=' });
        }
    }
    text
}

/// Different addresses, and a duplicate now and then.
fn generate(path: &Path, format: ReserveFormat, rows: u64) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(File::create(path)?);
    let signature = "1b".repeat(65);
    let hash = "1d".repeat(32);
    match format {
        ReserveFormat::AddressCsv => writeln!(
            out,
            "coin,snapshot height,amount\nETH,18000000,{}.5\n\ncoin,Network,Snapshot Height,address,amount,message,\
             signature1,signature2,redeem script/ public key",
            rows
        )?,
        ReserveFormat::Csv => writeln!(out, "asset,network,address,amount,height,block_hash,signature")?,
        ReserveFormat::ScriptYaml => {
            writeln!(out, "height: 800000\nblockhash: {hash}\nchain: main\naddress:")?;
        }
        ReserveFormat::Toml | ReserveFormat::AuditCsv => writeln!(out, "version = 1")?,
    }
    for row in 0..rows {
        let number = if row % 10_000 == 9_999 { row - 1 } else { row };
        let address = format!("0x{:040x}", u128::from(number) << 64 | 0xdead_beef);
        match format {
            ReserveFormat::AddressCsv => {
                writeln!(out, "ETH,ERC20,18000000,{address},1.000000000000000001,a message,0x{signature}")?;
            }
            ReserveFormat::Csv => writeln!(out, "ETH,ETH,{address},1.5,18000000,{hash},0x{signature}")?,
            ReserveFormat::ScriptYaml => {
                writeln!(out, "- {{addr_type: wsh, addr: {address}, script: '0020{hash}', value: 1000}}")?;
            }
            ReserveFormat::Toml | ReserveFormat::AuditCsv => writeln!(
                out,
                "\n[[row]]\nasset = \"ETH\"\nnetwork = \"ETH\"\naddress = \"{address}\"\namount = \"1.5\"\nheight = 18000000\n\
                 signatures = [\"0x{signature}\"]"
            )?,
        }
    }
    Ok(out.flush()?)
}

/// User and system time of this process, in seconds; clock ticks are hundredths on every Linux.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).ok_or("no times");
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

fn status(name: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
