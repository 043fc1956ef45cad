use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use assay_circuit::CIRCUIT_ID;
use assay_commit::{Digest, Hasher, Receipt, ReceiptError};
use assay_statement::{AssetTable, EntryKey, Epoch, Kind, Role, Uid, format_units};
use assay_verifier::{BUNDLE_MAGIC, Expectations, KnownAssets, PROOF_MAGIC, Statement, verify_proof};

use crate::report::ReportFigures;
use crate::totals::ReadTotals;
use crate::{
    Balance, Check, CheckResult, Class, Code, Outcome, Proof, ProofView, PublishedTotals, ReceiptView,
    Request, ReserveLine, Share, TotalLine, Totals, VERDICT_FORMAT, VERDICT_VERSION, Verdict, receipt_bytes,
    receipt_code, verify_code,
};

/// Checks all that is there against what is expected. Every check of [`Check::ALL`] has one result.
pub fn check(request: &Request<'_>) -> Verdict {
    let read;
    let totals = match &request.totals {
        Some(Totals::Read(totals)) => Some(*totals),
        Some(Totals::File(bytes)) => {
            read = PublishedTotals::read(bytes);
            Some(&read)
        }
        None => None,
    };
    let stated = totals.and_then(PublishedTotals::parts);
    let given = request.assets.map(|table| KnownAssets::new(&Hasher::new(), table.clone()));
    let assets = given.as_ref().or(stated.map(|totals| &totals.assets));
    let table = assets.map(KnownAssets::table);
    let digest = assets.map(|assets| *assets.digest());
    let epoch = request.epoch.or(stated.map(|totals| &totals.epoch));

    let (proof, statement) = check_proof(request, assets, epoch);
    let statement = statement.as_ref();
    let root = request.root.or(request.second_root).or(statement.map(|statement| statement.root));
    let (receipt, view) = check_receipt(request, assets, epoch, root);
    let (reserves, lines) = check_reserves(request, statement, table, epoch, root);
    let results = Check::ALL
        .into_iter()
        .map(|check| {
            let found = match check {
                Check::Inclusion => receipt.inclusion.clone(),
                Check::TotalSum => proof.clone(),
                Check::Balances => receipt.balances(request).into(),
                Check::EntityEpoch => receipt.entity_epoch.into(),
                Check::Root => check_root(request, &receipt.inclusion, &proof).into(),
                Check::Figures => check_figures(request, totals, statement, epoch, root),
                Check::AssetTable => check_asset_table(request, digest).into(),
                Check::Reserves => reserves.clone(),
            };
            CheckResult { check, code: found.code, detail: found.detail }
        })
        .collect::<Vec<_>>();

    let (verdict, code) = judge(&results);
    let share = match (verdict, epoch, root, digest) {
        (Outcome::Verified, Some(epoch), Some(root), Some(digest)) => {
            Some(Share::new(request.entity, epoch, &root, &digest, &results))
        }
        _ => None,
    };
    Verdict {
        format: VERDICT_FORMAT,
        version: VERDICT_VERSION,
        verdict,
        code,
        results,
        receipt: view,
        proof: statement.zip(table).map(|(statement, table)| show_proof(statement, table)),
        asset_table: digest.map(|digest| digest.to_hex()),
        reserves: lines,
        share,
    }
}

/// A code, and more for experts.
#[derive(Clone)]
struct Found {
    code: Code,
    detail: Option<String>,
}

impl From<Code> for Found {
    fn from(code: Code) -> Self {
        Self { code, detail: None }
    }
}

impl Found {
    fn with(code: Code, detail: impl ToString) -> Self {
        Self { code, detail: Some(detail.to_string()) }
    }

    fn passed(&self) -> bool {
        self.code.class() == Class::Passed
    }
}

/// The gravest result makes the verdict: a rejection, then a file that can't be read, then inclusion that nobody checked.
fn judge(results: &[CheckResult]) -> (Outcome, Code) {
    // What names the cause comes before what follows from it.
    const CAUSES: [Check; 8] = [
        Check::EntityEpoch,
        Check::AssetTable,
        Check::Root,
        Check::Inclusion,
        Check::TotalSum,
        Check::Figures,
        Check::Reserves,
        Check::Balances,
    ];
    let code = |check: Check| results.iter().find(|result| result.check == check).map(|result| result.code);
    let first = |class: Class| CAUSES.into_iter().filter_map(code).find(|code| code.class() == class);
    if let Some(code) = first(Class::Rejected) {
        return (Outcome::Rejected, code);
    }
    if let Some(code) = first(Class::Unreadable) {
        return (Outcome::Unreadable, code);
    }
    match code(Check::Inclusion) {
        Some(code) if code.class() == Class::Passed => (Outcome::Verified, code),
        code => (Outcome::NotChecked, code.unwrap_or(Code::NoReceipt)),
    }
}

fn check_figures(
    request: &Request<'_>,
    totals: Option<&PublishedTotals>,
    statement: Option<&Statement>,
    epoch: Option<&Epoch>,
    root: Option<Digest>,
) -> Found {
    if let Some(Err(error)) = totals.map(PublishedTotals::file) {
        return Found::with(Code::FiguresUnreadable, error);
    }
    let Some(ReadTotals { file, assets, epoch: stated }) = totals.and_then(PublishedTotals::parts) else {
        return Code::NoFigures.into();
    };
    let other = file.entity != request.entity.as_str()
        || epoch != Some(stated)
        || root.is_some_and(|root| file.root().ok() != Some(root));
    match statement {
        _ if other => Code::FiguresOther.into(),
        Some(statement) if file.matches_with(statement, assets.table()) => Code::FiguresProven.into(),
        Some(_) => Code::FiguresDiffer.into(),
        None => Code::FiguresUnproven.into(),
    }
}

fn check_asset_table(request: &Request<'_>, digest: Option<Digest>) -> Code {
    match (digest, request.asset_table) {
        (None, _) => Code::NoFigures,
        (Some(_), None) => Code::AssetTableNotExpected,
        (Some(digest), Some(expected)) if digest == expected => Code::AssetTableMatch,
        _ => Code::OtherAssetTable,
    }
}

fn check_proof(
    request: &Request<'_>,
    assets: Option<&KnownAssets>,
    epoch: Option<&Epoch>,
) -> (Found, Option<Statement>) {
    let file = match &request.proof {
        None => return (Code::NoProof.into(), None),
        Some(Proof::Verified(statement)) => return (shown(statement).into(), Some((*statement).clone())),
        Some(Proof::File(file)) => file,
    };
    if file.starts_with(&BUNDLE_MAGIC) {
        return (Code::Bundle.into(), None);
    }
    if !file.starts_with(&PROOF_MAGIC) {
        return (Code::ProofUnreadable.into(), None);
    }
    let (Some(assets), Some(epoch)) = (assets, epoch) else { return (Code::NoFigures.into(), None) };
    let expected = Expectations {
        root: request.root.or(request.second_root),
        ..Expectations::with_known(request.entity, epoch, assets)
    };
    match verify_proof(file, expected) {
        Ok(statement) => (shown(&statement).into(), Some(statement)),
        Err(error) => (Found::with(verify_code(&error), error), None),
    }
}

fn shown(statement: &Statement) -> Code {
    if statement.figures.exact().is_some() { Code::TotalsVerified } else { Code::BoundsVerified }
}

/// What becomes of a receipt.
struct ReceiptFound {
    inclusion: Found,
    entity_epoch: Code,
    /// Whether there are balances to confirm.
    balances: bool,
}

impl ReceiptFound {
    fn unread(found: impl Into<Found>) -> Self {
        Self { inclusion: found.into(), entity_epoch: Code::NoReceipt, balances: false }
    }

    fn balances(&self, request: &Request<'_>) -> Code {
        match request.confirmed {
            _ if !self.balances => Code::NoReceipt,
            None => Code::BalancesUnconfirmed,
            Some(true) => Code::BalancesConfirmed,
            Some(false) => Code::BalancesDenied,
        }
    }
}

fn check_receipt(
    request: &Request<'_>,
    assets: Option<&KnownAssets>,
    epoch: Option<&Epoch>,
    root: Option<Digest>,
) -> (ReceiptFound, Option<ReceiptView>) {
    let Some(given) = request.receipt else { return (ReceiptFound::unread(Code::NoReceipt), None) };
    let receipt = match receipt_bytes(given) {
        Ok(bytes) => Receipt::from_json(&bytes),
        Err(error) => return (ReceiptFound::unread(Found::with(Code::LinkMalformed, error)), None),
    };
    let receipt = match receipt {
        Ok(receipt) => receipt,
        Err(error) => return (ReceiptFound::unread(refused(&error)), None),
    };
    let other_epoch = |epoch: &Epoch| receipt.epoch.id != epoch.id() || receipt.epoch.time != epoch.time();
    let entity_epoch = match request.epoch {
        _ if receipt.entity != request.entity.as_str() => Code::OtherEntity,
        Some(epoch) if other_epoch(epoch) => Code::OtherEpoch,
        Some(_) => Code::EntityEpochMatch,
        None if epoch.is_some_and(other_epoch) => Code::OtherEpoch,
        None => Code::EpochNotExpected,
    };
    let inclusion = check_inclusion(request, &receipt, assets, root);
    let included = inclusion.passed();
    let balances = assets.and_then(|assets| balances(&receipt, assets.table())).unwrap_or_default();
    let view = ReceiptView {
        entity: receipt.entity.clone(),
        epoch: receipt.epoch.id.clone(),
        time: receipt.epoch.time,
        root: receipt.root.clone(),
        included,
        balances,
    };
    (ReceiptFound { inclusion, entity_epoch, balances: true }, Some(view))
}

fn check_inclusion(
    request: &Request<'_>,
    receipt: &Receipt,
    assets: Option<&KnownAssets>,
    root: Option<Digest>,
) -> Found {
    if request.uid.trim().is_empty() {
        return Code::NoUid.into();
    }
    let uid = match Uid::new(request.uid) {
        Ok(uid) => uid,
        Err(error) => return Found::with(Code::UidUnusable, error),
    };
    let Some(assets) = assets else { return Code::NoFigures.into() };
    let Some(root) = root else { return Code::NoRoot.into() };
    match receipt.verify_hashed(&uid, assets.hashed(), request.entity, &root) {
        Ok(_) => Code::InclusionVerified.into(),
        Err(error) => refused(&error),
    }
}

fn refused(error: &ReceiptError) -> Found {
    Found::with(receipt_code(error), error)
}

/// Balances for people; nothing if one of them has no meaning with this table.
fn balances(receipt: &Receipt, table: &AssetTable) -> Option<Vec<Balance>> {
    let balance = |entry: &assay_commit::ReceiptEntry| {
        let index = table.index_of(&entry.asset)?;
        let kind = table.products().kind(&entry.kind).ok()?;
        let role = table.products().role(kind)?;
        let (role, product) = match role {
            Role::Equity => ("equity", None),
            Role::Debt { product } => ("debt", product),
            Role::Collateral { product } => ("collateral", Some(product)),
        };
        let product = product.and_then(|product| table.products().get(product));
        Some(Balance {
            asset: entry.asset.clone(),
            kind: entry.kind.clone(),
            role,
            product: product.map(|product| product.name.as_str().to_owned()),
            amount: format_units(entry.amount.parse().ok()?, table.get(index)?.decimals),
        })
    };
    receipt.entries.iter().map(balance).collect()
}

/// Whether the root from a second place is the one that everything else was checked with.
fn check_root(request: &Request<'_>, inclusion: &Found, proof: &Found) -> Code {
    let same = |expected: Option<Digest>, second: Digest| expected.is_none_or(|expected| expected == second);
    match request.second_root {
        None => Code::NoSecondRoot,
        Some(second) if !same(request.root, second) => Code::RootDiffers,
        Some(_) if inclusion.code == Code::OtherRoot || proof.code == Code::ProofOtherRoot => {
            Code::RootDiffers
        }
        // Nothing was checked with it.
        Some(_) if request.root.is_none() && !inclusion.passed() && !proof.passed() => Code::NoRoot,
        Some(_) => Code::RootMatch,
    }
}

fn check_reserves(
    request: &Request<'_>,
    statement: Option<&Statement>,
    table: Option<&AssetTable>,
    epoch: Option<&Epoch>,
    root: Option<Digest>,
) -> (Found, Vec<ReserveLine>) {
    let Some(bytes) = request.report else { return (Code::NoReport.into(), Vec::new()) };
    let Some(report) = ReportFigures::from_json(bytes) else {
        return (Code::ReportUnreadable.into(), Vec::new());
    };
    let other = report.entity != request.entity.as_str()
        || epoch.is_some_and(|epoch| report.epoch != epoch.id() || report.time != epoch.time())
        || root.is_some_and(|root| Digest::from_hex(&report.root) != Ok(root));
    if other {
        return (Code::ReportOther.into(), Vec::new());
    }
    let (Some(statement), Some(table)) = (statement, table) else {
        return (Code::ReportUnproven.into(), Vec::new());
    };
    let (_, owed) = statement.figures.at_most();
    let mut lines = Vec::new();
    let mut differs = false;
    let mut short = false;
    for (index, asset) in table.assets().iter().enumerate() {
        let Ok(key) = EntryKey::new(index, Kind::EQUITY) else { continue };
        let owed = owed.get(key);
        let mut named = report.assets.iter().filter(|line| line.asset == asset.symbol.as_str());
        let (line, again) = (named.next(), named.next());
        differs |= again.is_some()
            || match line {
                Some(line) => line.decimals != asset.decimals || line.liabilities.equity != owed,
                None => owed > 0,
            };
        // What the entity says that it left out is owed too.
        let owed = owed.saturating_add(line.map_or(0, |line| line.liabilities.excluded));
        let (counted, verified) = line.map_or((0, 0), |line| (line.reserves.counted, line.reserves.verified));
        let consistent = line.is_none_or(|line| line.totals_match);
        if owed > 0 {
            short |= counted < owed;
            lines.push(ReserveLine {
                asset: asset.symbol.as_str().to_owned(),
                owed: format_units(owed, asset.decimals),
                counted: format_units(counted, asset.decimals),
                verified: format_units(verified, asset.decimals),
                covered: consistent && counted >= owed,
                covered_verified: consistent && verified >= owed,
            });
        }
    }
    let code = if differs {
        Code::ReportDiffers
    } else if short {
        Code::ReservesShort
    } else if !report.assets.iter().all(|line| line.totals_match) {
        Code::ReservesContradict
    } else if lines.iter().all(|line| line.covered_verified) {
        Code::ReservesVerified
    } else {
        Code::ReservesClaimed
    };
    (code.into(), lines)
}

fn show_proof(statement: &Statement, table: &AssetTable) -> ProofView {
    let (accounts, totals) = statement.figures.at_most();
    let line = |(key, total): (EntryKey, u128)| {
        let asset = table.get(key.asset())?;
        let total = (total != u128::MAX).then(|| format_units(total, asset.decimals));
        Some(TotalLine {
            asset: asset.symbol.as_str().to_owned(),
            kind: table.kind_name(key.kind()).into_owned(),
            total,
        })
    };
    ProofView {
        entity: statement.entity.as_str().to_owned(),
        epoch: statement.epoch.id().to_owned(),
        time: statement.epoch.time(),
        root: statement.root.to_hex(),
        depth: statement.depth,
        circuit: CIRCUIT_ID.to_hex(),
        key: statement.key.map(|key| key.to_hex()),
        exact: statement.figures.exact().is_some(),
        accounts,
        totals: totals.iter().filter_map(line).collect(),
    }
}
