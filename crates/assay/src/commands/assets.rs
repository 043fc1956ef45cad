use std::path::Path;

use assay_commit::{Hasher, asset_table_digest};
use assay_ledger::{price_assets, read_asset_csv, read_asset_table, read_prices, write_asset_table};
use assay_statement::AssetTable;
use serde_json::{Value, json};

use crate::arguments::{Assets, ImportAssets, PriceAssets, ShowAssets, VerifyPrices, parse_time};
use crate::commands::Voice;
use crate::failure::Failure;
use crate::output::{prices_json, prices_lines};

pub(crate) fn run(command: &Assets, voice: Voice) -> Result<(), Failure> {
    match command {
        Assets::Show(arguments) => show(arguments, voice),
        Assets::Price(arguments) => price(arguments, voice),
        Assets::VerifyPrices(arguments) => verify(arguments, voice),
        Assets::Import(arguments) => import(arguments, voice),
    }
}

fn show(arguments: &ShowAssets, voice: Voice) -> Result<(), Failure> {
    let table = read_asset_table(&arguments.assets)?;
    let time = arguments.time.as_deref().map(parse_time).transpose()?;
    say(&table, time, &[], voice);
    Ok(())
}

fn price(arguments: &PriceAssets, voice: Voice) -> Result<(), Failure> {
    let table = read_asset_table(&arguments.assets)?;
    let prices = read_prices(&arguments.prices, &table)?;
    let table = price_assets(&table, &prices)?;
    write_asset_table(&arguments.out, &table)?;
    let file = prices.digest.to_string();
    say(&table, Some(prices.time), &[("file", &file), ("out", &shown(&arguments.out))], voice);
    Ok(())
}

fn verify(arguments: &VerifyPrices, voice: Voice) -> Result<(), Failure> {
    let table = read_asset_table(&arguments.assets)?;
    let time = arguments.time.as_deref().map(parse_time).transpose()?;
    let prices = read_prices(&arguments.prices, &table)?;
    let priced = price_assets(&table, &prices)?;
    let in_file = |index: usize| prices.prices.binary_search_by_key(&index, |(asset, ..)| *asset).is_ok();
    let pairs = table.assets().iter().zip(priced.assets());
    let differing: Vec<_> = pairs
        .enumerate()
        .filter(|(index, (asset, again))| {
            // A record that names the file, of an asset that the file lacks, is no less wrong than another figure.
            let claimed = asset.price_record.as_ref().is_some_and(|record| record.file == prices.digest);
            asset != again || claimed && !in_file(*index)
        })
        .map(|(_, (asset, _))| asset.symbol.as_str())
        .collect();
    if !differing.is_empty() {
        return Err(Failure::rejected(format_args!(
            "the price file gives other prices or records than the asset table has: {}",
            differing.join(", ")
        )));
    }
    let file = prices.digest.to_string();
    let count = prices.prices.len();
    if voice.json {
        say(&table, time, &[("file", &file)], voice);
    } else {
        println!("verified  {count} prices come out of the price file just so");
        say(&table, time, &[("file", &file)], voice);
        if time.is_none() {
            eprintln!("hint: --time judges the grades for a snapshot");
        }
    }
    Ok(())
}

fn import(arguments: &ImportAssets, voice: Voice) -> Result<(), Failure> {
    let table = read_asset_csv(&arguments.tiers, arguments.decimals)?;
    write_asset_table(&arguments.out, &table)?;
    say(&table, None, &[("out", &shown(&arguments.out))], voice);
    if !voice.json {
        eprintln!("hint: every asset has {} decimals; correct them where they differ", arguments.decimals);
    }
    Ok(())
}

/// Assets that are listed as text.
const MAX_LINES: usize = 20;

/// Says what a table is, with more facts by their names.
fn say(table: &AssetTable, time: Option<u64>, more: &[(&str, &str)], voice: Voice) {
    let digest = asset_table_digest(&Hasher::new(), table).to_hex();
    if voice.json {
        let mut value = json!({
            "version": 1, "ok": true, "asset_table": digest, "assets": table.len(),
            "products": table.products().iter().map(|product| product.name.as_str()).collect::<Vec<_>>(),
            "prices": prices_json(table, time),
        });
        if let Value::Object(map) = &mut value {
            map.extend(more.iter().map(|(name, fact)| ((*name).to_owned(), json!(fact))));
        }
        println!("{value}");
        return;
    }
    println!("assets    {} in the asset table with the digest {digest}", table.len());
    prices_lines(table, time, MAX_LINES).iter().for_each(|line| println!("{line}"));
    for (name, fact) in more {
        println!("{name:<10}{fact}");
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
