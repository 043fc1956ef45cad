//! An exchange that proves segments as it likes: any accounts in any order, any circuit, any parameters.

use std::ops::Range;
use std::sync::LazyLock;

use assay_circuit::p3_batch_stark::{
    BatchProof, ProverData, ProverOnlyData, StarkInstance, prove_batch, verify_batch,
};
use assay_circuit::{
    All, Keeps, ProofParameters, SEGMENT_PARAMETERS, SegmentAccount, SegmentConfig, SegmentInput,
    SegmentPrices, SegmentPublics, SegmentShape, SegmentTrace, build_segment, segment_airs, segment_common,
};
use assay_commit::{
    Committer, Digest, EpochSecret, Hasher, LeafKey, Path, Receipt, Salt, Subtree, UpperTree,
    asset_table_digest, epoch_digest, published_root,
};
use assay_statement::{
    Amount, Asset, AssetTable, Entity, Entry, EntryKey, Epoch, Kind, Price, Symbol, Totals, Uid,
};
use assay_verifier::{
    BundleHeader, Expectations, SegmentContext, SegmentRecord, SegmentVerifier, Statement, VerifyError,
    verify_bundle,
};

/// An account with what is derived from its uid.
pub(crate) struct Account {
    pub(crate) uid: Uid,
    pub(crate) key: Digest,
    pub(crate) salt: Salt,
    pub(crate) entries: Vec<Entry>,
}

/// An exchange at one epoch.
pub(crate) struct Exchange {
    pub(crate) entity: Entity,
    pub(crate) epoch: Epoch,
    pub(crate) assets: AssetTable,
    pub(crate) digest: Digest,
    pub(crate) committer: Committer,
    /// At which debt is covered, if any account has debt or collateral.
    pub(crate) prices: Option<SegmentPrices>,
    /// In order of the leaf key.
    pub(crate) accounts: Vec<Account>,
}

/// Tables of the tests' assets, of which none is worth anything, so that any debt is covered.
pub(crate) fn asset_table(symbols: &[&str]) -> AssetTable {
    let price = Some(Price { mantissa: 0, scale: 0 });
    let asset = |symbol: &&str| Asset { price, ..Asset::new(Symbol::new(symbol).unwrap(), 8) };
    AssetTable::new(symbols.iter().map(asset).collect()).unwrap()
}

pub(crate) fn entry(asset: usize, kind: Kind, amount: u128) -> Entry {
    Entry { key: EntryKey::new(asset, kind).unwrap(), amount: Amount::new(amount).unwrap() }
}

impl Exchange {
    pub(crate) fn new(
        entity: &str,
        epoch: &str,
        assets: AssetTable,
        ledger: impl IntoIterator<Item = (String, Vec<Entry>)>,
    ) -> Self {
        let hasher = Hasher::new();
        let entity = Entity::new(entity).unwrap();
        let epoch = Epoch::new(epoch, 1_790_000_000).unwrap();
        let digest = epoch_digest(&hasher, &entity, &epoch, &asset_table_digest(&hasher, &assets));
        let committer = Committer::new(hasher, &entity, &digest);
        let salts = committer.salts(&EpochSecret::new([42; 32]), &digest);
        let mut accounts: Vec<Account> = ledger
            .into_iter()
            .map(|(uid, entries)| {
                let uid = Uid::new(&uid).unwrap();
                let (key, salt) = committer.identify(&salts, &[uid.as_str()])[0];
                Account { uid, key, salt, entries }
            })
            .collect();
        accounts.sort_by_key(|account| LeafKey::of(&account.key));
        let equity = |account: &Account| account.entries.iter().all(|entry| entry.key.kind() == Kind::EQUITY);
        let prices =
            (!accounts.iter().all(equity)).then(|| SegmentPrices::of_assets(&assets, committer.hasher()));
        Self { entity, epoch, assets, digest, committer, prices, accounts }
    }

    /// The exchange of most tests: twelve accounts with none to four entries of all kinds, and equity for collateral.
    fn example(entity: &str, epoch: &str, assets: AssetTable) -> Self {
        let ledger = (0..12).map(|i| {
            let entries = (0..i % 5).map(|j| {
                let kind = Kind::DEFAULT[(i + j) % Kind::DEFAULT.len()];
                entry(j % 3, kind, (1_000_000_007 * (i as u128 + 1)) << (5 * j))
            });
            let mut entries: Vec<Entry> = entries.collect();
            // Of two entries with one key the larger stays.
            let pledged: Vec<Entry> =
                entries.iter().filter(|entry| entry.key.kind().number() > 1).copied().collect();
            entries.extend(pledged.iter().map(|of| entry(of.key.asset(), Kind::EQUITY, 4 * of.amount.get())));
            entries.sort_by_key(|entry| (entry.key, std::cmp::Reverse(entry.amount.get())));
            entries.dedup_by_key(|entry| entry.key);
            (format!("customer-{i}@example.org"), entries)
        });
        Self::new(entity, epoch, assets, ledger.collect::<Vec<_>>())
    }

    /// Two customers with 1 BTC and these base units on top, of which the asset table says that 1 exists.
    pub(crate) fn with_cap(above: u128) -> Self {
        let mut assets = asset_table(&["BTC", "ETH"]).assets().to_vec();
        assets[0].supply_cap = Some(1);
        let ledger = [
            (
                "a@example.org".into(),
                vec![entry(0, Kind::EQUITY, 99_999_999), entry(1, Kind::EQUITY, 1 << 80)],
            ),
            ("b@example.org".into(), vec![entry(0, Kind::EQUITY, 1 + above)]),
        ];
        Self::new("example.org", "2026-q3", AssetTable::new(assets).unwrap(), ledger)
    }

    pub(crate) fn expectations(&self) -> Expectations<'_> {
        Expectations::new(&self.entity, &self.epoch, &self.assets)
    }

    /// Place of the last account with entries.
    pub(crate) fn last_with_entries(&self) -> usize {
        self.accounts.iter().rposition(|account| !account.entries.is_empty()).unwrap()
    }

    /// The plain sum over some accounts.
    pub(crate) fn totals(&self, accounts: Range<usize>) -> Totals {
        let mut totals = Totals::new();
        for entry in self.accounts[accounts].iter().flat_map(|account| &account.entries) {
            totals.add(entry.key, entry.amount).unwrap();
        }
        totals
    }

    pub(crate) fn trace(&self, accounts: impl IntoIterator<Item = usize>) -> SegmentTrace {
        let accounts = accounts.into_iter().map(|i| {
            let account = &self.accounts[i];
            SegmentAccount { key: &account.key, salt: &account.salt, entries: &account.entries }
        });
        let input =
            SegmentInput { epoch: self.digest, accounts: accounts.collect(), prices: self.prices.as_ref() };
        let shape = SegmentShape::fitting(&input.accounts, input.prices).unwrap();
        build_segment(&self.committer, &input, shape).unwrap()
    }

    /// An honest record of these accounts.
    pub(crate) fn segment(&self, accounts: impl IntoIterator<Item = usize>) -> Vec<u8> {
        let trace = self.trace(accounts);
        record(&trace, &trace.publics, &prove(All, &SEGMENT_PARAMETERS, &trace, &trace.publics))
    }

    /// A bundle of these records whose head fits them, whatever they say.
    pub(crate) fn bundle(&self, records: &[&[u8]]) -> Vec<u8> {
        let tops = records.iter().map(|bytes| parse(bytes).publics.top).collect();
        assemble(self.root(tops), records)
    }

    /// The published root over these tops.
    pub(crate) fn root(&self, tops: Vec<Digest>) -> Digest {
        let hasher = self.committer.hasher();
        let upper = UpperTree::build(hasher, tops).unwrap();
        published_root(hasher, &self.digest, upper.depth(), &upper.top())
    }

    pub(crate) fn verify(&self, bundle: &[u8]) -> Result<Statement, VerifyError> {
        verify_bundle(bundle, self.expectations())
    }

    /// Receipts of all accounts, dealt out to segments that end at these places.
    pub(crate) fn receipts(&self, ends: &[usize]) -> Vec<Receipt> {
        let hasher = self.committer.hasher();
        let mut start = 0;
        let mut subtrees = Vec::new();
        for end in ends {
            let leaves = self.accounts[start..*end]
                .iter()
                .map(|account| self.committer.leaf(&account.key, &account.salt, &account.entries));
            subtrees.push((start, Subtree::build(hasher, leaves.collect()).unwrap()));
            start = *end;
        }
        let tops = subtrees.iter().map(|(_, subtree)| subtree.top()).collect();
        let upper = UpperTree::build(hasher, tops).unwrap();
        let root = published_root(hasher, &self.digest, upper.depth(), &upper.top());
        let receipt = |(i, account): (usize, &Account)| {
            let segment = ends.iter().position(|end| i < *end).unwrap();
            let (start, subtree) = &subtrees[segment];
            let path = Path::new(subtree, &upper, segment, i - start);
            let (entity, epoch, assets) = (&self.entity, &self.epoch, &self.assets);
            Receipt::new(entity, epoch, assets, &root, &account.salt, &account.entries, &path).unwrap()
        };
        self.accounts.iter().enumerate().map(receipt).collect()
    }
}

/// Proves a trace as it is; the prover never looks at a constraint.
pub(crate) fn prove<K: Keeps>(
    keeps: K,
    parameters: &ProofParameters,
    trace: &SegmentTrace,
    publics: &SegmentPublics,
) -> BatchProof<SegmentConfig> {
    let order: Vec<usize> = (0..trace.tables.len()).collect();
    prove_in_order(keeps, parameters, trace, publics, &order)
}

/// Proves with the tables in another order.
pub(crate) fn prove_in_order<K: Keeps>(
    keeps: K,
    parameters: &ProofParameters,
    trace: &SegmentTrace,
    publics: &SegmentPublics,
    order: &[usize],
) -> BatchProof<SegmentConfig> {
    let config = parameters.config();
    let airs = segment_airs(trace.publics.variant(), keeps);
    let airs: Vec<_> = order.iter().map(|i| airs[*i].clone()).collect();
    let common = segment_common(&config, &airs).unwrap();
    let publics = publics.values();
    let instances: Vec<_> = airs
        .iter()
        .zip(order)
        .map(|(air, i)| StarkInstance { air, trace: &trace.tables[*i], public_values: publics[*i].clone() })
        .collect();
    let data = ProverData { common, prover_only: ProverOnlyData::empty() };
    prove_batch(&config, &instances, &data).unwrap()
}

/// Whether a circuit of the prover's choice takes a proof.
pub(crate) fn holds<K: Keeps>(
    keeps: K,
    parameters: &ProofParameters,
    proof: &BatchProof<SegmentConfig>,
    publics: &SegmentPublics,
) -> bool {
    let config = parameters.config();
    let airs = segment_airs(publics.variant(), keeps);
    let common = segment_common(&config, &airs).unwrap();
    verify_batch(&config, &airs, proof, &publics.values(), &common).is_ok()
}

/// The record of a proof with these public values; its list of totals is the trace's.
pub(crate) fn record(
    trace: &SegmentTrace,
    publics: &SegmentPublics,
    proof: &BatchProof<SegmentConfig>,
) -> Vec<u8> {
    let proof = postcard::from_bytes(&postcard::to_allocvec(proof).unwrap()).unwrap();
    SegmentRecord { publics: publics.clone(), totals: trace.totals.clone(), proof }.to_bytes().unwrap()
}

pub(crate) fn parse(record: &[u8]) -> SegmentRecord {
    SegmentRecord::from_bytes(&Hasher::new(), record, &PRICES).unwrap()
}

/// A bundle with this root and these records.
pub(crate) fn assemble(root: Digest, records: &[&[u8]]) -> Vec<u8> {
    let lengths: Vec<u64> = records.iter().map(|record| record.len() as u64).collect();
    let mut bytes = BundleHeader::new(root, &lengths).to_bytes();
    for record in records {
        bytes.extend((record.len() as u64).to_le_bytes());
        bytes.extend(*record);
    }
    bytes
}

/// The exchange of most tests.
pub(crate) static EXCHANGE: LazyLock<Exchange> =
    LazyLock::new(|| Exchange::example("example.org", "2026-q3", asset_table(&["BTC", "ETH", "USDT"])));

/// The same customers and balances in another epoch, of another entity, with another asset table.
pub(crate) static OTHERS: LazyLock<[Exchange; 3]> = LazyLock::new(|| {
    let mut priced = EXCHANGE.assets.assets().to_vec();
    priced[0].price = Some(Price { mantissa: 0, scale: 1 });
    [
        Exchange::example("example.org", "2026-q2", EXCHANGE.assets.clone()),
        Exchange::example("example.com", "2026-q3", EXCHANGE.assets.clone()),
        Exchange::example("example.org", "2026-q3", AssetTable::new(priced).unwrap()),
    ]
});

/// Its accounts in three segments.
pub(crate) static THIRDS: LazyLock<[Vec<u8>; 3]> =
    LazyLock::new(|| [0..4, 4..8, 8..12].map(|accounts| EXCHANGE.segment(accounts)));

/// Its accounts but for the first four.
pub(crate) static REST: LazyLock<Vec<u8>> = LazyLock::new(|| EXCHANGE.segment(4..12));

/// All of its accounts in one segment.
pub(crate) static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| EXCHANGE.segment(0..12));

pub(crate) fn thirds() -> Vec<u8> {
    EXCHANGE.bundle(&[&THIRDS[0], &THIRDS[1], &THIRDS[2]])
}

/// Digest of the price rows of [`EXCHANGE`].
pub(crate) static PRICES: LazyLock<Digest> = LazyLock::new(|| *EXCHANGE.prices.as_ref().unwrap().digest());

/// What verifiers of its segments know.
pub(crate) fn context() -> SegmentContext<'static> {
    SegmentContext { epoch: &EXCHANGE.digest, assets: &EXCHANGE.assets, prices: &PRICES }
}

/// A verifier of single segments, set up once.
pub(crate) static VERIFIER: LazyLock<SegmentVerifier> = LazyLock::new(|| SegmentVerifier::new().unwrap());

pub(crate) fn verify_segment(record: &[u8]) -> Result<Totals, VerifyError> {
    VERIFIER.verify(record, context()).map(|(_, totals)| totals)
}

/// Xorshift: the tests change the same places in every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: usize) -> Self {
        let mut random = Self(0x9e37_79b9_7f4a_7c15 ^ (seed as u64 + 1) << 20);
        for _ in 0..4 {
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
