//! What real nodes answer, through to levels of evidence. Each part runs against a recording, and by `.ci/live` against nodes.

use assay_balances::{ChainEvidence, NamedBlock, ObservationFile};
use assay_nodes::{At, BitcoinNode, Collected, EvmNode, Trouble};
use assay_ownership::Network;
use assay_reserves::{
    AccountFact, Assessor, EvidenceLevel, OwnershipGrade, OwnershipResult, ReserveRow, SignatureAssessor,
};
use assay_statement::hex;

use crate::server::{Recording, Server};
use crate::{
    CHAIN, PATIENT, SAFE, TIME, WALLET, YES, assets, challenge, client, evm, holder, plan, policy, row, rows,
    signed,
};

/// An address of a key that everybody knows, and one of a script.
const PAID: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
const SCRIPT: &str = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry";

pub(crate) fn chain_of(network: &str, hash: &str, collected: &Collected) -> ChainEvidence {
    let block = NamedBlock { network: network.into(), hash: hex::prefixed_array(hash).unwrap() };
    let mut chain = ChainEvidence::new(&policy(), &assets(), [block], TIME, []).unwrap();
    for file in &collected.files {
        chain.add(&std::fs::read(file).unwrap()).unwrap();
    }
    chain
}

fn at(height: u64, row: ReserveRow) -> ReserveRow {
    ReserveRow { height: Some(height), ..row }
}

pub(crate) fn evm_evidence_shows_rows(server: &Server) {
    let folder = tempfile::tempdir().unwrap();
    let (node, header) = evm(&server.url);
    let mut nodes = [node];
    let rows = rows();
    let collected = plan(&rows).collect_proofs("DEV", &header, &mut nodes, folder.path()).unwrap();
    // The token's contract takes two requests of slots.
    assert_eq!((collected.fetched, collected.kept), (73, 0));
    assert_eq!(collected.files.len(), 3);
    let mut chain = chain_of("DEV", &hex::encode(&header.block.hash), &collected);
    for row in rows {
        let row = at(header.height, row);
        assert_eq!(chain.balance(&row).grade(&row, 2).level, EvidenceLevel::L4, "{row:?}");
        let more = ReserveRow { amount: row.amount.map(|amount| amount + 1), ..row };
        assert!(chain.balance(&more).grade(&more, 2).contradicted);
    }
    // Accounts without code, and the Safe by its storage.
    let facts = chain.facts();
    let of = |address: &str| {
        let address = hex::prefixed_array(address).unwrap();
        facts.iter().filter(|fact| fact.1 == address).map(|fact| fact.2.clone()).collect::<Vec<_>>()
    };
    let height = header.height;
    assert_eq!(of(&holder(0)), [AccountFact::NoCode { height }]);
    let owners = vec![[0xa1; 20], [0xa2; 20], [0xa3; 20]];
    let safe = AccountFact::Safe { height, threshold: 2, owners, no_modules: true };
    assert_eq!(of(SAFE), [AccountFact::Code { height }, safe]);
    // By its hash, it is the same block.
    assert_eq!(nodes[0].header(At::Hash(header.block.hash), 2).unwrap(), header);
    // At a later height one holder has more.
    let later = nodes[0].header(At::Height(23), 2).unwrap();
    let plan = plan(&[row("DEV", "ETH", &holder(0), 1)]);
    let collected = plan.collect_proofs("DEV", &later, &mut nodes, folder.path()).unwrap();
    let mut chain = chain_of("DEV", &hex::encode(&later.block.hash), &collected);
    let row = at(23, row("DEV", "ETH", &holder(0), 3 * 10u128.pow(18)));
    assert_eq!(chain.balance(&row).grade(&row, 2).level, EvidenceLevel::L4);
}

#[test]
fn evm_evidence() {
    evm_evidence_shows_rows(&Server::replay(&Recording::of_evm()));
}

pub(crate) fn evm_figures_are_observed(server: &Server) {
    let folder = tempfile::tempdir().unwrap();
    let (node, header) = evm(&server.url);
    let wanted =
        [row("DEV", "ETH", &holder(3), 10u128.pow(18) + 3), row("DEV", "USDT", &holder(3), 1_000_003)];
    let plan = plan(&wanted);
    let mut nodes = [node];
    let collected = plan.collect_balances("DEV", &header, &mut nodes, folder.path()).unwrap();
    assert_eq!((collected.fetched, collected.kept, collected.disagreements.len()), (2, 0, 0));
    let mut chain = chain_of("DEV", &hex::encode(&header.block.hash), &Collected::default());
    chain.add_observations(&std::fs::read(&collected.observations[0]).unwrap()).unwrap();
    for row in wanted {
        let row = at(header.height, row);
        assert_eq!(chain.balance(&row).grade(&row, 2).level, EvidenceLevel::L3);
        let more = ReserveRow { amount: row.amount.map(|amount| amount + 1), ..row };
        assert!(chain.balance(&more).grade(&more, 2).contradicted);
    }
    let again = plan.collect_balances("DEV", &header, &mut nodes, folder.path()).unwrap();
    assert_eq!((again.fetched, again.kept), (0, 2));
}

#[test]
fn evm_figures() {
    evm_figures_are_observed(&Server::replay(&Recording::of_evm()));
}

/// What evidence and observations make of a row's signatures.
pub(crate) fn judge(chain: &ChainEvidence, height: u64, row: &ReserveRow) -> OwnershipResult {
    let mut assessor = SignatureAssessor::new(&policy(), Some(challenge())).with_facts(chain.facts());
    assessor.ownership(&at(height, row.clone()))
}

pub(crate) fn contracts_answer_signatures(server: &Server) {
    let folder = tempfile::tempdir().unwrap();
    let (node, header) = evm(&server.url);
    let mut nodes = [node];
    let text = challenge().to_text();
    let good = signed(WALLET, &text, 1);
    // Another message, another key, a contract that takes everything, an address without code.
    let replayed = ReserveRow { message: "old".into(), ..good.clone() };
    let stranger = signed(WALLET, &text, 2);
    let anything = signed(YES, &text, 1);
    let account = signed(&holder(0), &text, 1);
    let silent = signed(SAFE, &text, 1);
    // A text of no epoch, which the command line's tests have too.
    let plain = signed(WALLET, "we control this", 1);
    let rows = [&good, &replayed, &stranger, &anything, &account, &silent, &plain].map(Clone::clone);
    let plan = plan(&rows);
    let before = server.count("eth_call");
    let calls = || server.count("eth_call") - before;
    // Whether there is a contract has to be shown before.
    let none = plan.collect_answers("DEV", &header, &mut nodes, folder.path()).unwrap();
    assert_eq!((none.fetched, none.observations.len(), calls()), (0, 0, 0));
    let proofs = plan.collect_proofs("DEV", &header, &mut nodes, folder.path()).unwrap();
    let told = plan.collect_answers("DEV", &header, &mut nodes, folder.path()).unwrap();
    assert_eq!((told.fetched, told.kept, told.by_word_alone), (6, 0, 6));
    assert!(told.disagreements.is_empty());
    // A question and its control each.
    assert_eq!(calls(), 12);
    let mut chain = chain_of("DEV", &hex::encode(&header.block.hash), &proofs);
    // Without the answer, the contract's code decides, and nobody knows what.
    assert_eq!(judge(&chain, header.height, &good), OwnershipResult::Unbound);
    chain.add_observations(&std::fs::read(&told.observations[0]).unwrap()).unwrap();
    let of = |row| judge(&chain, header.height, row);
    assert_eq!(of(&good), OwnershipResult::Told { grade: OwnershipGrade::O3 });
    assert_eq!(of(&plain), OwnershipResult::Told { grade: OwnershipGrade::O1 });
    assert_eq!(of(&replayed), OwnershipResult::Invalid);
    assert_eq!(of(&stranger), OwnershipResult::Invalid);
    assert_eq!(of(&silent), OwnershipResult::Invalid);
    assert_eq!(of(&anything), OwnershipResult::Unbound);
    assert_eq!(of(&account), OwnershipResult::Unbound);
    // At the height where nobody was asked, and for what nobody was asked about.
    assert_eq!(judge(&chain, header.height + 1, &good), OwnershipResult::Unbound);
    let unasked = signed(WALLET, &(text + "."), 1);
    assert_eq!(of(&unasked), OwnershipResult::Unbound);
    let again = plan.collect_answers("DEV", &header, &mut nodes, folder.path()).unwrap();
    assert_eq!((again.fetched, again.kept, calls()), (0, 6, 12));
    // Figures beside the answers; both files are there for the next run.
    let figures = plan.collect_balances("DEV", &header, &mut nodes, folder.path()).unwrap();
    assert_eq!((figures.fetched, figures.balances, figures.by_word_alone), (4, 4, 0));
    let again = plan.collect_balances("DEV", &header, &mut nodes, folder.path()).unwrap();
    assert_eq!((again.fetched, again.kept), (0, 4));
}

#[test]
fn contracts_answer() {
    contracts_answer_signatures(&Server::replay(&Recording::of_evm()));
}

pub(crate) fn unspent_outputs_are_observed(server: &Server) {
    let folder = tempfile::tempdir().unwrap();
    let mut node = BitcoinNode::connect(client(&server.url, PATIENT), Network::BitcoinRegtest).unwrap();
    let block = node.block_at(111, 0).unwrap();
    assert_eq!(node.block(&block.hash, 0).unwrap(), block);
    assert!(node.utxo_set(&block).unwrap().is_some());
    let wanted = [row("REGTEST", "BTC", PAID, 125_000_000), row("REGTEST", "BTC", SCRIPT, 546)];
    let plan = plan(&wanted);
    let mut nodes = [node];
    let collected = plan.collect_unspent("REGTEST", &block, &mut nodes, folder.path()).unwrap();
    assert_eq!((collected.fetched, collected.kept, collected.disagreements.len()), (2, 0, 0));
    let file = ObservationFile::from_json(&std::fs::read(&collected.observations[0]).unwrap()).unwrap();
    let amounts: Vec<u128> = file.observations.iter().map(|seen| seen.amount.0).collect();
    assert_eq!(amounts, [546, 125_000_000]);
    let mut chain = chain_of("REGTEST", &block.hash, &Collected::default());
    chain.add_observations(&std::fs::read(&collected.observations[0]).unwrap()).unwrap();
    for row in wanted {
        let row = at(111, row);
        assert_eq!(chain.balance(&row).grade(&row, 2).level, EvidenceLevel::L3);
        let more = ReserveRow { amount: row.amount.map(|amount| amount + 1), ..row };
        assert!(chain.balance(&more).grade(&more, 2).contradicted);
    }
    let again = plan.collect_unspent("REGTEST", &block, &mut nodes, folder.path()).unwrap();
    assert_eq!((again.fetched, again.kept), (0, 2));
    // An older block's set is gone, and a chain of another kind is refused.
    let older = nodes[0].block_at(110, 0).unwrap();
    let empty = tempfile::tempdir().unwrap();
    assert!(plan.collect_unspent("REGTEST", &older, &mut nodes, empty.path()).is_err());
    assert!(matches!(nodes[0].block_at(5_000, 0).unwrap_err().why, Trouble::NoBlock { .. }));
    assert!(matches!(nodes[0].block(&"ab".repeat(32), 0).unwrap_err().why, Trouble::NoBlock { .. }));
    assert!(matches!(nodes[0].block_at(111, 1).unwrap_err().why, Trouble::Fresh { got: 0, expected: 1, .. }));
    let main = BitcoinNode::connect(client(&server.url, PATIENT), Network::Bitcoin);
    assert!(matches!(main.unwrap_err().why, Trouble::WrongChain { .. }));
}

#[test]
fn unspent_outputs() {
    unspent_outputs_are_observed(&Server::replay(&Recording::of_bitcoin()));
}

/// An output of the last block: the row's figures are held against the transaction that made it.
pub(crate) fn made_outputs_are_shown(server: &Server) {
    let folder = tempfile::tempdir().unwrap();
    let mut node = BitcoinNode::connect(client(&server.url, PATIENT), Network::BitcoinRegtest).unwrap();
    let block = node.block_at(111, 0).unwrap();
    let (txid, vout) = node.find_payment(&block, PAID).unwrap();
    let outpoint = Some(format!("{txid}:{vout}"));
    let wanted = at(111, ReserveRow { outpoint, ..row("REGTEST", "BTC", PAID, 125_000_000) });
    let mut nodes = [node];
    let plan = plan(std::slice::from_ref(&wanted));
    let (collected, blocks) = plan.collect_outputs("REGTEST", &mut nodes, folder.path()).unwrap();
    assert_eq!((collected.fetched, blocks), (1, vec![block.hash.clone()]));
    let mut chain = chain_of("REGTEST", &block.hash, &collected);
    assert_eq!(chain.lines()[0].height, 111);
    assert_eq!(chain.created(&wanted), Some(111));
    // That it was made shows no balance, but a larger figure, another address and an earlier height are wrong.
    assert_eq!(chain.balance(&wanted).grade(&wanted, 2).level, EvidenceLevel::L0);
    assert!(!chain.balance(&wanted).grade(&wanted, 2).contradicted);
    for wrong in [
        ReserveRow { amount: Some(125_000_001), ..wanted.clone() },
        ReserveRow { address: SCRIPT.into(), ..wanted.clone() },
        at(110, wanted.clone()),
    ] {
        assert!(chain.balance(&wrong).grade(&wrong, 2).contradicted, "{wrong:?}");
    }
}

#[test]
fn made_outputs() {
    made_outputs_are_shown(&Server::replay(&Recording::of_bitcoin()));
}

#[test]
fn a_run_is_taken_up_where_it_ended() {
    let recording = Recording::of_evm();
    let folder = tempfile::tempdir().unwrap();
    let (_, header) = evm(&Server::replay(&recording).url);
    // The node goes away after 66 proofs: what was fetched is kept.
    let left = std::sync::atomic::AtomicI32::new(66);
    let failing = {
        let recording = recording.clone();
        Server::new(move |method, params| {
            let over =
                method == "eth_getProof" && left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) <= 0;
            if over {
                crate::server::Reply::Raw(410, "", Vec::new())
            } else {
                recording.reply(method, params)
            }
        })
    };
    let plan = plan(&rows());
    let mut nodes = [EvmNode::connect(client(&failing.url, PATIENT), CHAIN).unwrap()];
    assert!(plan.collect_proofs("DEV", &header, &mut nodes, folder.path()).is_err());
    // A file of another block, one that was cut, and one of another kind change nothing.
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(folder.path().join("cut.json"), &bytes[..bytes.len() / 2]).unwrap();
    std::fs::write(folder.path().join("other.json"), b"{}").unwrap();
    let server = Server::replay(&recording);
    let mut nodes = [EvmNode::connect(client(&server.url, PATIENT), CHAIN).unwrap()];
    let collected = plan.collect_proofs("DEV", &header, &mut nodes, folder.path()).unwrap();
    assert_eq!(server.count("eth_getProof"), 73 - 66);
    assert_eq!(collected.fetched, 7);
    let again = plan.collect_proofs("DEV", &header, &mut nodes, folder.path()).unwrap();
    assert_eq!((again.fetched, again.kept), (0, 72));
    assert_eq!(server.count("eth_getProof"), 7);
    // A changed file is asked for again.
    std::fs::write(&file, String::from_utf8(bytes).unwrap().replacen("0xf9", "0xf8", 1)).unwrap();
    let again = plan.collect_proofs("DEV", &header, &mut nodes, folder.path()).unwrap();
    assert!(again.fetched > 0);
}
