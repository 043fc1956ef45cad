use assay_ledger::LedgerFormat;
use assay_ledger::synthetic::{self, SyntheticSpec};
use serde_json::json;

use crate::arguments::{Generate, Holdings, Made};
use crate::commands::Voice;
use crate::failure::Failure;
use crate::output::grouped;

/// The specification that the arguments describe.
pub(crate) fn specification(made: &Made, sorted: bool) -> SyntheticSpec {
    let dense = made.ledger == Holdings::Dense;
    let assets = made.assets.unwrap_or(if dense { 220 } else { 300 });
    SyntheticSpec {
        holdings: if dense { synthetic::Holdings::Dense } else { synthetic::Holdings::Sparse },
        positions_mean: made.positions,
        debt_share: made.indebted.map_or(made.debt, |percent| f64::from(percent) / 100.0),
        debt_assets: if made.indebted.is_some() { 3 } else { 1 },
        sorted,
        ..SyntheticSpec::new(made.accounts, assets, made.seed)
    }
}

pub(crate) fn run(arguments: &Generate, voice: Voice) -> Result<(), Failure> {
    let format = LedgerFormat::from(arguments.format);
    let spec = specification(&arguments.made, arguments.sorted);
    let files = synthetic::write(&spec, &arguments.out, format)?;
    if voice.json {
        println!(
            "{}",
            json!({
                "version": 1, "ok": true, "ledger": files.ledger, "assets": files.assets,
                "accounts": files.accounts, "positions": files.positions,
            })
        );
    } else {
        println!("ledger    {}", files.ledger.display());
        println!("assets    {}", files.assets.display());
        println!("accounts  {}", grouped(files.accounts));
        println!("positions {}", grouped(files.positions));
    }
    Ok(())
}
