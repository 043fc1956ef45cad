use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use assay_ownership::Challenge;
use assay_statement::hex::encode as hex;
use assay_statement::{Asset, AssetTable, Entity, EntryKey, Epoch, Kind, Totals};

use super::unproven::unproven;
use super::{
    AssetLine, BlockLine, ChallengeLine, ClassShare, CoinAgeLine, Concentration, EvidenceLine, Failure,
    Failures, FileSummary, IssuerShare, LiabilityLine, LiabilityProof, LiabilitySource, MAX_FAILURES,
    PolicySummary, Quality, REPORT_FORMAT, ResampledLine, ReserveLine, SolvencyReport, SupplyLine, Units,
    WrappedLine,
};
use crate::check::{Checker, Key};
use crate::error::ReserveError;
use crate::evidence::{Assessor, BalanceObservations, EvidenceLevel, OwnershipGrade, OwnershipResult};
use crate::figure::{PPM, Round, mul_div, ratio_ppm, value};
use crate::finding::FindingCode;
use crate::format::{ReserveFormat, Source};
use crate::policy::{Policy, WrappedIssuer};
use crate::reader::{ReadOptions, ReserveReader};
use crate::resample::{CoinAges, Resample, ResampleError};
use crate::row::{OwnerClass, Place, ReserveRow, WrappedSupply};

/// Bytes that texts about liabilities may have.
const MAX_TEXT: usize = 1_000;

/// All that a report is made of besides files.
#[derive(Clone, Debug)]
pub struct ReportInputs {
    /// Whose.
    pub entity: Entity,
    /// Of which epoch.
    pub epoch: Epoch,
    /// Published root of the statement of liabilities.
    pub root: [u8; 32],
    /// Accounts in it.
    pub accounts: u64,
    /// Its totals.
    pub totals: Totals,
    /// Where they come from.
    pub liabilities: LiabilitySource,
    /// The asset table, with prices.
    pub assets: Arc<AssetTable>,
    /// What the verifier asks for.
    pub policy: Policy,
    /// What keys had to sign.
    pub challenge: Option<Challenge>,
    /// Evidence that the assessor goes by, in any order.
    pub evidence: Vec<EvidenceLine>,
    /// Earlier heights at which balances are asked for, one entry a network.
    pub resample: Vec<ResampleInput>,
    /// Supplies of wrapped assets of the entity, besides those in files. Of two figures, the larger counts.
    pub supplies: Vec<WrappedSupply>,
    /// How files are read.
    pub options: ReadOptions,
}

/// Heights that a beacon picks on one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResampleInput {
    /// The policy's name of the network.
    pub network: String,
    /// Hash of a block that nobody knew when the statement was published.
    pub beacon: [u8; 32],
    /// First height that may be picked.
    pub from: u64,
    /// Last height that may be picked.
    pub to: u64,
    /// How many are.
    pub count: usize,
}

impl ResampleInput {
    /// The heights, for a statement of `entity` and `epoch`.
    pub fn heights(&self, entity: &Entity, epoch: &Epoch) -> Result<Vec<u64>, ResampleError> {
        let Self { network, beacon, from, to, count } = self;
        let (entity, epoch) = (entity.as_str(), epoch.id());
        Resample { entity, epoch, network, from: *from, to: *to, count: *count }.heights(beacon)
    }
}

/// Makes a report of `sources`. The first unreadable row is an error: a report never leaves out in silence.
pub fn build_report(
    inputs: ReportInputs,
    sources: &[(Source, ReserveFormat)],
    assessor: &mut dyn Assessor,
) -> Result<SolvencyReport, ReserveError> {
    let mut builder = ReportBuilder::new(inputs)?;
    for (source, format) in sources {
        builder.add_file(source, *format, assessor)?;
    }
    builder.finish()
}

/// Makes a report of files that are added one after the other.
#[derive(Debug)]
pub struct ReportBuilder {
    inputs: ReportInputs,
    checker: Checker,
    lines: Vec<ReserveLine>,
    /// Value by address.
    addresses: HashMap<Key, u128>,
    /// Value and rows by class, in order of [`OwnerClass::NAMES`].
    classes: [Lot; OwnerClass::NAMES.len()],
    staked: Lot,
    /// Rows by asset.
    rows: Vec<Lot>,
    /// Rows that count or back wrapped assets, in order of their places: a later row may show that a lot is smaller.
    kept: Vec<Kept>,
    supplies: Vec<WrappedSupply>,
    /// Heights that are asked for, by network.
    heights: BTreeMap<String, Vec<u64>>,
    /// By network and asset.
    samples: BTreeMap<(String, usize), Sample>,
    ages: BTreeMap<(String, usize), Ages>,
    /// By the wrapped asset that they back.
    pools: BTreeMap<usize, Pool>,
    files: Vec<FileSummary>,
    failures: Failures,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lot {
    value: u128,
    rows: u64,
}

/// Balances at sampled heights.
#[derive(Clone, Debug)]
struct Sample {
    listed: u128,
    /// By height.
    sums: Vec<u128>,
    unseen: u64,
}

/// Outputs of rows.
#[derive(Clone, Debug, Default)]
struct Ages {
    /// Amount and age in blocks.
    known: Vec<(u128, u64)>,
    unknown: u128,
}

/// Ends of buckets of ages, in blocks.
const AGES: [u64; 6] = [1, 10, 100, 1_000, 10_000, 100_000];

/// Native rows that back one wrapped asset.
#[derive(Clone, Copy, Debug)]
struct Pool {
    /// Base units of the native asset.
    amount: u128,
    /// What the weakest of its rows has: the wrapped coins are no better than what backs them.
    level: EvidenceLevel,
    grade: OwnershipGrade,
    /// Whether the grade of some of its rows is what nodes told.
    told: bool,
}

/// What remains of a row.
#[derive(Clone, Copy, Debug)]
struct Kept {
    place: Place,
    asset: usize,
    amount: u128,
    level: EvidenceLevel,
    grade: OwnershipGrade,
    /// Whether the grade is what nodes told of a contract.
    told: bool,
    class: u8,
    staked: bool,
    address: Key,
    /// The wrapped asset that it backs.
    pool: Option<usize>,
}

impl ReportBuilder {
    /// A report without files.
    pub fn new(inputs: ReportInputs) -> Result<Self, ReserveError> {
        inputs.policy.check(&inputs.assets)?;
        check_inputs(&inputs)?;
        let mut heights = BTreeMap::new();
        for ask in &inputs.resample {
            let picked = ask.heights(&inputs.entity, &inputs.epoch);
            let picked = picked.map_err(|error| ReserveError::Input(format!("{}: {error}", ask.network)))?;
            let known = inputs.policy.network.iter().any(|network| network.name == ask.network);
            if !known || heights.insert(ask.network.clone(), picked).is_some() {
                return Err(ReserveError::Input(format!("{}: unknown or asked for twice", ask.network)));
            }
        }
        let checker = Checker::new(&inputs.assets, &inputs.policy);
        Ok(Self {
            lines: vec![ReserveLine::default(); inputs.assets.len()],
            rows: vec![Lot::default(); inputs.assets.len()],
            supplies: inputs.supplies.clone(),
            inputs,
            checker,
            addresses: HashMap::new(),
            classes: Default::default(),
            staked: Lot::default(),
            kept: Vec::new(),
            heights,
            samples: BTreeMap::new(),
            ages: BTreeMap::new(),
            pools: BTreeMap::new(),
            files: Vec::new(),
            failures: Failures::default(),
        })
    }

    /// Reads a file, and what `assessor` knows about its rows.
    pub fn add_file(
        &mut self,
        source: &Source,
        format: ReserveFormat,
        assessor: &mut dyn Assessor,
    ) -> Result<(), ReserveError> {
        let inputs = &self.inputs;
        let options = inputs.options.clone();
        let mut reader =
            ReserveReader::open(source, format, Arc::clone(&inputs.assets), &inputs.policy, options)?;
        self.checker.begin_file()?;
        while let Some(row) = reader.next_row()? {
            self.row(&row, assessor)?;
        }
        self.checker.end_file(&reader)?;
        check_supplies(reader.supplies(), &self.inputs)?;
        self.supplies.extend(reader.supplies().iter().cloned());
        let (bytes, digest) = reader.digest().unwrap_or_default();
        self.files.push(FileSummary {
            format: format.name().into(),
            bytes,
            digest: hex(&digest),
            rows: reader.rows(),
            rounded: reader.rounded(),
        });
        Ok(())
    }

    /// The report.
    pub fn finish(mut self) -> Result<SolvencyReport, ReserveError> {
        self.cap_lots()?;
        let kept = std::mem::take(&mut self.kept);
        for row in &kept {
            if let Some(wrapped) = row.pool {
                self.back(wrapped, row)?;
            }
        }
        let wrapped = self.wrapped()?;
        for mut row in kept.into_iter().filter(|row| row.pool.is_none()) {
            let symbol = self.symbol(row.asset);
            // Wrapped assets of the entity count if the pool covers them.
            let Some(line) = wrapped.iter().find(|line| line.asset == symbol) else {
                self.count(&row)?;
                continue;
            };
            match self.pools.get(&row.asset).filter(|_| line.covered) {
                Some(pool) => {
                    // A supply that rests on somebody's word may be larger, and the pool too small.
                    let proven = line.supplies.iter().all(|supply| supply.proven);
                    let supply = if proven { EvidenceLevel::L4 } else { EvidenceLevel::L0 };
                    row.level = row.level.min(pool.level).min(supply);
                    row.grade = row.grade.min(pool.grade);
                    row.told |= pool.told;
                    self.count(&row)?;
                }
                None => self.leave_out(row.place, row.asset, row.amount, FindingCode::UnbackedWrapped)?,
            }
        }
        for line in wrapped.iter().filter(|line| !line.covered) {
            if let Some(asset) = self.inputs.assets.index_of(&line.asset) {
                let text = format!(
                    "{} of {} back a supply of {} {}{}",
                    line.pool.0,
                    line.native,
                    line.supply.0,
                    line.asset,
                    if line.supplies.iter().any(|supply| supply.supply.is_none()) {
                        ", not all of it known"
                    } else {
                        ""
                    },
                );
                self.checker.unbacked(asset, text);
            }
        }
        let quality = self.quality()?;
        let (resampled, coin_ages) = (self.resampled(), self.coin_ages()?);
        let assets = self.assets()?;
        let inputs = self.inputs;
        let policy = inputs.policy.digest()?;
        let mut evidence = inputs.evidence;
        evidence.sort();
        evidence.dedup();
        let mut report = SolvencyReport {
            format: REPORT_FORMAT.into(),
            entity: inputs.entity.as_str().into(),
            epoch: inputs.epoch.id().into(),
            time: inputs.epoch.time(),
            root: hex(&inputs.root),
            accounts: inputs.accounts,
            liabilities: inputs.liabilities,
            policy: PolicySummary {
                digest: hex(&policy),
                minimum_ownership: inputs.policy.minimum_ownership,
                minimum_evidence: inputs.policy.minimum_evidence,
                quorum: inputs.policy.quorum,
            },
            challenge: inputs.challenge.as_ref().map(challenge_line),
            files: self.files,
            evidence,
            assets,
            solvent: false,
            solvent_verified: false,
            wrapped,
            resampled,
            coin_ages,
            quality,
            findings: self.checker.finish(),
            failures: self.failures,
            not_proven: Vec::new(),
        };
        report.derive();
        Ok(report)
    }

    fn row(&mut self, row: &ReserveRow, assessor: &mut dyn Assessor) -> Result<(), ReserveError> {
        let outcome = self.checker.row(row)?;
        let place = outcome.place;
        let amount = row.amount.unwrap_or(0);
        if let Some(code) = outcome.left_out {
            return self.leave_out(place, row.asset, amount, code);
        }
        // A checker of signatures and balances goes by the policy's name of the network.
        let row = &ReserveRow { network: outcome.network.clone(), ..row.clone() };
        let ownership = assessor.ownership(row);
        let code = match ownership {
            OwnershipResult::Unchecked | OwnershipResult::Verified { .. } | OwnershipResult::Told { .. } => {
                None
            }
            OwnershipResult::Unbound => Some(FindingCode::OwnershipUnbound),
            OwnershipResult::Invalid => Some(FindingCode::OwnershipInvalid),
            OwnershipResult::Disputed => Some(FindingCode::OwnershipDisputed),
            OwnershipResult::Unsupported => Some(FindingCode::OwnershipUnsupported),
        };
        let seen = assessor.balance(row);
        self.sample(row, amount, &seen)?;
        if row.outpoint.is_some() && row.amount.is_some() {
            self.age(row, amount, assessor.created(row))?;
        }
        let balance = seen.grade(row, self.inputs.policy.quorum);
        let contradicted = balance.contradicted.then_some(FindingCode::BalanceContradicted);
        for code in [code, contradicted].into_iter().flatten() {
            self.checker.note(code, row, place);
            if code.severity() == crate::finding::Severity::Error {
                self.fail(place, code);
            }
        }
        if row.amount.is_none() {
            return Ok(());
        }
        let class = OwnerClass::NAMES.iter().position(|name| *name == row.owner_class.name());
        self.kept.push(Kept {
            place,
            asset: row.asset,
            amount,
            level: balance.level,
            grade: ownership.grade(),
            told: matches!(ownership, OwnershipResult::Told { .. }),
            class: class.and_then(|class| u8::try_from(class).ok()).unwrap_or(0),
            staked: row.staking.is_staked() || row.owner_class == OwnerClass::Staked,
            address: outcome.address,
            pool: outcome.pool,
        });
        Ok(())
    }

    /// Balances of a row at the heights that are asked for. Only proofs count, and what isn't proven is nothing: leaving
    /// out the worst height would defeat the sample.
    fn sample(
        &mut self,
        row: &ReserveRow,
        amount: u128,
        seen: &BalanceObservations,
    ) -> Result<(), ReserveError> {
        let Some(heights) = self.heights.get(&row.network).filter(|_| row.amount.is_some()) else {
            return Ok(());
        };
        let empty = || Sample { listed: 0, sums: vec![0; heights.len()], unseen: 0 };
        let sample = self.samples.entry((row.network.clone(), row.asset)).or_insert_with(empty);
        let plus = |sum: u128, more| sum.checked_add(more).ok_or_else(|| values("balances"));
        sample.listed = plus(sample.listed, amount)?;
        for (height, sum) in heights.iter().zip(&mut sample.sums) {
            let proofs = seen.0.iter().filter(|seen| seen.height == *height && seen.is_proof());
            match proofs.map(|seen| seen.amount).min() {
                Some(balance) => *sum = plus(*sum, balance)?,
                None => sample.unseen += 1,
            }
        }
        Ok(())
    }

    fn age(&mut self, row: &ReserveRow, amount: u128, created: Option<u64>) -> Result<(), ReserveError> {
        let ages = self.ages.entry((row.network.clone(), row.asset)).or_default();
        // An output that is younger than its row's height was contradicted already; it has no age.
        match created.zip(row.height).and_then(|(created, height)| height.checked_sub(created)) {
            Some(age) => ages.known.push((amount, age)),
            None => ages.unknown = ages.unknown.checked_add(amount).ok_or_else(|| values("outputs"))?,
        }
        Ok(())
    }

    fn resampled(&self) -> Vec<ResampledLine> {
        let line = |((network, asset), sample): (&(String, usize), &Sample)| {
            let ask = self.inputs.resample.iter().find(|ask| ask.network == *network)?;
            let heights = self.heights.get(network)?;
            let (least, least_at) = sample.sums.iter().zip(heights).min()?;
            Some(ResampledLine {
                network: network.clone(),
                asset: self.symbol(*asset),
                beacon: hex(&ask.beacon),
                from: ask.from,
                to: ask.to,
                heights: heights.clone(),
                listed: Units(sample.listed),
                least: Units(*least),
                least_at: *least_at,
                unseen: sample.unseen,
            })
        };
        self.samples.iter().filter_map(line).collect()
    }

    fn coin_ages(&self) -> Result<Vec<CoinAgeLine>, ReserveError> {
        let known = |ages: &&Ages| !ages.known.is_empty();
        let line = |((network, asset), ages): (&(String, usize), &Ages)| {
            // Ages are counted back from any height that is above them all.
            let outputs = ages.known.iter().map(|(amount, age)| (*amount, u64::MAX - age));
            let counted = CoinAges::new(u64::MAX, &AGES, outputs).map_err(|_| values("outputs"))?;
            Ok(CoinAgeLine {
                network: network.clone(),
                asset: self.symbol(*asset),
                ends: counted.ends,
                amounts: counted.amounts.into_iter().map(Units).collect(),
                outputs: counted.outputs,
                unknown: Units(ages.unknown),
            })
        };
        self.ages.iter().filter(|(_, ages)| known(ages)).map(line).collect()
    }

    /// Of a lot that is listed more than once, the smallest figure counts; the row that has it was left out already.
    fn cap_lots(&mut self) -> Result<(), ReserveError> {
        for cap in self.checker.caps() {
            // Rows that don't count by themselves aren't kept.
            let find = |place| self.kept.binary_search_by_key(place, |row| row.place).ok();
            let rows: Vec<usize> = cap.rows.iter().filter_map(find).collect();
            let mut left = cap.most;
            for at in rows {
                let Some(row) = self.kept.get_mut(at) else { continue };
                let counts = row.amount.min(left);
                left -= counts;
                let too_much = row.amount - counts;
                row.amount = counts;
                if let Some(line) = self.lines.get_mut(row.asset) {
                    add(&mut line.left_out, too_much, "rows that don't count")?;
                }
            }
        }
        Ok(())
    }

    fn back(&mut self, wrapped: usize, row: &Kept) -> Result<(), ReserveError> {
        let Kept { amount, level, grade, told, .. } = *row;
        let pool = self.pools.entry(wrapped).or_insert(Pool { amount: 0, level, grade, told });
        pool.amount = pool.amount.checked_add(amount).ok_or_else(|| values("a pool"))?;
        pool.level = pool.level.min(level);
        pool.grade = pool.grade.min(grade);
        pool.told |= told;
        match self.lines.get_mut(row.asset) {
            Some(line) => add(&mut line.pool, amount, "a pool"),
            None => Ok(()),
        }
    }

    fn count(&mut self, row: &Kept) -> Result<(), ReserveError> {
        let policy = &self.inputs.policy;
        let verified = row.level >= policy.minimum_evidence && row.grade >= policy.minimum_ownership;
        let Some(asset) = self.inputs.assets.get(row.asset) else { return Ok(()) };
        let Some(line) = self.lines.get_mut(row.asset) else { return Ok(()) };
        let symbol = asset.symbol.as_str();
        add(&mut line.counted, row.amount, symbol)?;
        add(line.by_evidence.at(row.level), row.amount, symbol)?;
        add(line.by_ownership.at(row.grade), row.amount, symbol)?;
        if verified {
            add(&mut line.verified, row.amount, symbol)?;
        }
        if row.told {
            add(&mut line.told_ownership, row.amount, symbol)?;
        }
        line.rows += 1;
        let value = priced(row.amount, asset, Round::Down)?;
        let lots = [self.classes.get_mut(usize::from(row.class)), self.rows.get_mut(row.asset)];
        for lot in lots.into_iter().flatten().chain(row.staked.then_some(&mut self.staked)) {
            lot.value = lot.value.checked_add(value).ok_or_else(|| values(symbol))?;
            lot.rows += 1;
        }
        if value > 0 {
            let sum = self.addresses.entry(row.address).or_default();
            *sum = sum.checked_add(value).ok_or_else(|| values(symbol))?;
        }
        Ok(())
    }

    fn leave_out(
        &mut self,
        place: Place,
        asset: usize,
        amount: u128,
        code: FindingCode,
    ) -> Result<(), ReserveError> {
        self.fail(place, code);
        match self.lines.get_mut(asset) {
            Some(line) => add(&mut line.left_out, amount, "rows that don't count"),
            None => Ok(()),
        }
    }

    fn fail(&mut self, place: Place, code: FindingCode) {
        self.failures.count += 1;
        if self.failures.rows.len() < MAX_FAILURES {
            self.failures.rows.push(Failure { place: place.into(), code });
        }
    }

    fn symbol(&self, asset: usize) -> String {
        self.inputs.assets.get(asset).map(|asset| asset.symbol.to_string()).unwrap_or_default()
    }

    /// Pools beside supplies. A row names the one wrapped asset that it backs, so no pool is shared.
    fn wrapped(&self) -> Result<Vec<WrappedLine>, ReserveError> {
        let inputs = &self.inputs;
        let mut lines = Vec::new();
        for wrapped in inputs.policy.wrapped.iter().filter(|wrapped| wrapped.issuer == WrappedIssuer::Entity)
        {
            let index = inputs.assets.index_of(&wrapped.asset);
            let (Some(asset), Some(native)) = (
                index.and_then(|index| inputs.assets.get(index)),
                inputs.assets.index_of(&wrapped.native).and_then(|native| inputs.assets.get(native)),
            ) else {
                continue;
            };
            let mut by_network: BTreeMap<&str, (Option<u128>, bool)> =
                wrapped.networks.iter().map(|network| (network.as_str(), (None, false))).collect();
            for supply in self.supplies.iter().filter(|supply| Some(supply.asset) == index) {
                // Networks that the policy doesn't list issue too, if somebody says so.
                let slot = by_network.entry(&supply.network).or_default();
                slot.0 = Some(slot.0.unwrap_or(0).max(supply.supply));
                slot.1 |= supply.proven;
            }
            let mut supply = 0u128;
            for amount in by_network.values().filter_map(|(supply, _)| supply.as_ref()) {
                supply = supply.checked_add(*amount).ok_or_else(|| values(&wrapped.asset))?;
            }
            let (from, to) = (10u128.pow(asset.decimals.into()), 10u128.pow(native.decimals.into()));
            let supply = mul_div(supply, to, from, Round::Up).ok_or_else(|| values(&wrapped.asset))?;
            lines.push(WrappedLine {
                asset: wrapped.asset.clone(),
                native: wrapped.native.clone(),
                supplies: by_network
                    .into_iter()
                    .map(|(network, (supply, proven))| SupplyLine {
                        network: network.into(),
                        supply: supply.map(Units),
                        proven,
                    })
                    .collect(),
                supply: Units(supply),
                pool: Units(index.and_then(|index| self.pools.get(&index)).map_or(0, |pool| pool.amount)),
                covered: false,
            });
        }
        for line in &mut lines {
            line.derive();
        }
        Ok(lines)
    }

    /// What is pledged or owed of an asset under products.
    fn of_products(&self, asset: usize) -> BTreeMap<String, Units> {
        let products = self.inputs.assets.products();
        let of_asset = self.inputs.totals.iter().filter(|(key, _)| key.asset() == asset);
        let others = of_asset.filter(|(key, _)| key.kind() != Kind::EQUITY && key.kind() != Kind::DEBT);
        // `check_inputs` refuses kinds without a name.
        others
            .filter_map(|(key, total)| Some((products.kind_name(key.kind())?.to_owned(), Units(total))))
            .collect()
    }

    fn assets(&mut self) -> Result<Vec<AssetLine>, ReserveError> {
        let mut lines = Vec::new();
        for (index, asset) in self.inputs.assets.assets().iter().enumerate() {
            let owed =
                |kind| EntryKey::new(index, kind).map_or(Units(0), |key| Units(self.inputs.totals.get(key)));
            let liabilities = LiabilityLine {
                equity: owed(Kind::EQUITY),
                excluded: self.inputs.liabilities.excluded_equity(asset.symbol.as_str()),
                debt: owed(Kind::DEBT),
                products: self.of_products(index),
            };
            let mut reserves = self.lines.get(index).copied().unwrap_or_default();
            let parts = [reserves.counted, reserves.pool, reserves.left_out];
            for part in parts {
                add(&mut reserves.listed, part.0, asset.symbol.as_str())?;
            }
            let excluded = self.inputs.liabilities.excluded.iter().flat_map(|excluded| &excluded.totals);
            let is_excluded = excluded.into_iter().any(|line| line.asset == asset.symbol.as_str());
            if liabilities.is_zero() && !is_excluded && reserves == ReserveLine::default() {
                continue;
            }
            lines.push(AssetLine {
                asset: asset.symbol.to_string(),
                decimals: asset.decimals,
                liabilities,
                reserves,
                totals_match: self.checker.totals_match(index),
                ratio_ppm: None,
                verified_ratio_ppm: None,
                solvent: false,
                solvent_verified: false,
            });
        }
        Ok(lines)
    }

    fn quality(&self) -> Result<Quality, ReserveError> {
        let inputs = &self.inputs;
        let mut quality = Quality::default();
        let mut all_owed_priced = true;
        let (mut total, mut own, mut haircut_value, mut equity_value) = (0u128, 0u128, 0u128, 0u128);
        let plus = |sum: &mut u128, value: u128| {
            *sum = sum.checked_add(value).ok_or_else(|| values("all assets"))?;
            Ok::<(), ReserveError>(())
        };
        for ((index, asset), (lot, line)) in
            inputs.assets.assets().iter().enumerate().zip(self.rows.iter().zip(&self.lines))
        {
            let symbol = asset.symbol.as_str();
            let equity = EntryKey::new(index, Kind::EQUITY).map_or(0, |key| inputs.totals.get(key));
            let owed = inputs.liabilities.excluded_equity(symbol).0.saturating_add(equity);
            if asset.price.is_none() {
                if owed > 0 || line.counted.0 > 0 {
                    quality.unpriced.push(symbol.into());
                    all_owed_priced &= owed == 0;
                }
                continue;
            }
            plus(&mut total, lot.value)?;
            if inputs.policy.own_tokens.iter().any(|token| token == symbol) {
                plus(&mut own, lot.value)?;
            }
            let haircut = inputs.policy.haircut.iter().find(|haircut| haircut.asset == symbol);
            let counts = haircut.map_or(PPM, |haircut| u128::from(haircut.counts_ppm));
            let after = mul_div(lot.value, counts, PPM, Round::Down).ok_or_else(|| values(symbol))?;
            plus(&mut haircut_value, after)?;
            plus(&mut equity_value, priced(owed, asset, Round::Up)?)?;
        }
        let share = |value| share(value, total);
        let mut sizes: Vec<u128> = self.addresses.values().copied().collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        // Sums of address values are at most the total, which was checked.
        let top = |count| share(sizes.iter().take(count).sum());
        let square = |size: &u128| {
            let share = mul_div(*size, 10u128.pow(12), total, Round::Down).unwrap_or(0);
            share * share
        };
        let squares: u128 = sizes.iter().map(square).sum();
        quality.concentration = Concentration {
            addresses: sizes.len() as u64,
            top_1_ppm: top(1),
            top_4_ppm: top(4),
            top_10_ppm: top(10),
            hhi_ppm: share(total).and(u32::try_from(squares / 10u128.pow(18)).ok()),
        };
        let mut issuers: BTreeMap<&str, Lot> = BTreeMap::new();
        for coin in &inputs.policy.stablecoin {
            let lot = inputs.assets.index_of(&coin.asset).and_then(|index| self.rows.get(index));
            let issuer = issuers.entry(&coin.issuer).or_default();
            issuer.rows += lot.map_or(0, |lot| lot.rows);
            plus(&mut issuer.value, lot.map_or(0, |lot| lot.value))?;
        }
        quality.stablecoins = issuers
            .into_iter()
            .map(|(issuer, lot)| IssuerShare { issuer: issuer.into(), ppm: share(lot.value), rows: lot.rows })
            .collect();
        quality.classes = OwnerClass::NAMES
            .iter()
            .zip(&self.classes)
            .map(|(class, lot)| ClassShare { class: (*class).into(), ppm: share(lot.value), rows: lot.rows })
            .collect();
        let derivatives =
            inputs.policy.wrapped.iter().filter(|wrapped| wrapped.issuer == WrappedIssuer::Other);
        let mut derivative = Lot::default();
        for wrapped in derivatives {
            let lot = inputs.assets.index_of(&wrapped.asset).and_then(|index| self.rows.get(index));
            derivative.rows += lot.map_or(0, |lot| lot.rows);
            plus(&mut derivative.value, lot.map_or(0, |lot| lot.value))?;
        }
        quality.derivatives_ppm = share(derivative.value);
        quality.derivative_rows = derivative.rows;
        quality.own_tokens_ppm = share(own);
        quality.staked_ppm = share(self.staked.value);
        quality.staked_rows = self.staked.rows;
        quality.value = Units(total);
        quality.haircut_value = Units(haircut_value);
        quality.equity_value = Units(equity_value);
        quality.haircut_ratio_ppm =
            if all_owed_priced { ratio_ppm(haircut_value, equity_value).map(Units) } else { None };
        Ok(quality)
    }
}

impl SolvencyReport {
    /// Sets all that follows from the rest.
    pub(crate) fn derive(&mut self) {
        for line in &mut self.assets {
            line.liabilities.excluded = self.liabilities.excluded_equity(&line.asset);
            line.derive();
        }
        self.solvent = self.assets.iter().all(|line| line.solvent);
        self.solvent_verified = self.assets.iter().all(|line| line.solvent_verified);
        for line in &mut self.wrapped {
            line.derive();
        }
        self.not_proven = unproven(self);
    }
}

impl AssetLine {
    fn derive(&mut self) {
        let owed = self.liabilities.owed();
        self.ratio_ppm = ratio_ppm(self.reserves.counted.0, owed.0).map(Units);
        self.verified_ratio_ppm = ratio_ppm(self.reserves.verified.0, owed.0).map(Units);
        self.solvent = self.totals_match && self.reserves.counted >= owed;
        self.solvent_verified = self.totals_match && self.reserves.verified >= owed;
    }
}

impl WrappedLine {
    fn derive(&mut self) {
        let known = self.supplies.iter().all(|supply| supply.supply.is_some());
        self.covered = known && self.pool >= self.supply;
    }
}

fn challenge_line(challenge: &Challenge) -> ChallengeLine {
    let block = |block: &assay_ownership::BlockMark| BlockLine {
        network: block.network.clone(),
        height: block.height,
        hash: hex(&block.hash),
    };
    ChallengeLine {
        digest: hex(&challenge.digest()),
        addresses: hex(challenge.addresses()),
        blocks: challenge.blocks().iter().map(block).collect(),
    }
}

fn check_inputs(inputs: &ReportInputs) -> Result<(), ReserveError> {
    let failed = |reason: &str| Err(ReserveError::Input(reason.into()));
    if inputs.accounts >= 1 << 53 {
        return failed("more accounts than a report can state");
    }
    if inputs.totals.iter().any(|(key, _)| key.asset() >= inputs.assets.len()) {
        return failed("a total of an asset that isn't in the asset table");
    }
    if inputs.totals.iter().any(|(key, _)| !inputs.assets.products().defines(key.kind())) {
        return failed("a total of a kind that the asset table doesn't define");
    }
    let source = &inputs.liabilities;
    for digest in [&source.circuit, &source.key, &source.asset_table].into_iter().flatten() {
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digest.len() != 64 || !digest.bytes().all(lower) {
            return failed("a digest has 64 hexadecimal digits in lower case");
        }
    }
    if matches!(source.checked_by, LiabilityProof::FinalProof | LiabilityProof::FinalProofBounds)
        && (source.circuit.is_none() || source.key.is_none())
    {
        return failed("a final proof has a circuit and a key");
    }
    let anchors = source.anchors.iter().flat_map(|anchor| [&anchor.place, &anchor.reference]);
    let mut texts =
        anchors.chain(source.exclusions.iter().flat_map(|exclusion| [&exclusion.what, &exclusion.reason]));
    if texts.any(|text| text.len() > MAX_TEXT)
        || source.anchors.len() > 100
        || source.exclusions.len() > 1_000
    {
        return failed("more or longer texts about liabilities than a report holds");
    }
    if let Some(excluded) = &source.excluded {
        excluded.check(&inputs.assets).map_err(|error| ReserveError::Input(error.to_string()))?;
    }
    check_supplies(&inputs.supplies, inputs)
}

/// A supply that the policy can't place would be left out in silence.
fn check_supplies(supplies: &[WrappedSupply], inputs: &ReportInputs) -> Result<(), ReserveError> {
    for supply in supplies {
        let symbol = inputs.assets.get(supply.asset).map_or("", |asset| asset.symbol.as_str());
        let known = inputs
            .policy
            .wrapped
            .iter()
            .any(|wrapped| wrapped.asset == symbol && wrapped.issuer == WrappedIssuer::Entity);
        if !known {
            let reason =
                format!("a supply of {symbol}, which the policy doesn't know as wrapped by the entity");
            return Err(ReserveError::Input(reason));
        }
    }
    Ok(())
}

fn add(sum: &mut Units, amount: u128, what: &str) -> Result<(), ReserveError> {
    sum.0 = sum.0.checked_add(amount).ok_or_else(|| ReserveError::Overflow { what: what.into() })?;
    Ok(())
}

fn values(what: &str) -> ReserveError {
    ReserveError::Overflow { what: format!("values of {what}") }
}

/// A value, zero without a price; one that doesn't fit is an error and not zero.
fn priced(units: u128, asset: &Asset, round: Round) -> Result<u128, ReserveError> {
    match asset.price {
        None => Ok(0),
        Some(_) => value(units, asset, round).ok_or_else(|| values(asset.symbol.as_str())),
    }
}

fn share(part: u128, whole: u128) -> Option<u32> {
    ratio_ppm(part, whole).and_then(|share| u32::try_from(share).ok())
}
